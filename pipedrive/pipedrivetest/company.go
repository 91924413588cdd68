package pipedrivetest

import (
	"fmt"
	"net/http"
	"strings"
)

// Company is whom all users of a [Server] belong to.
type Company struct {
	ID     int64
	Name   string
	Domain string // the sub-domain, as in https://<domain>.pipedrive.com
}

// User is who stands behind a credential.
type User struct {
	ID             int64
	Name           string
	Email          string // "" is user<ID>@example.com
	TimezoneName   string // IANA; "" is "Etc/UTC"
	TimezoneOffset string // as in "+03:00"; "" is "+00:00"
}

var defaultUser = User{ID: 7, Name: "Pat Agent", Email: "pat.agent@example.com"}

// ActivityType is a kind of activity. An activity names its KeyString.
// https://developers.pipedrive.com/docs/api/v1/ActivityTypes
type ActivityType struct {
	ID        int64 // 0: the position in the list, from 1
	Name      string
	KeyString string
	IconKey   string // "": as KeyString
	Inactive  bool   // removed by an admin: listed, but no activity may use it
	Custom    bool   // made by the company
}

// DefaultActivityTypes are the six that every company starts with, and a
// custom one, "SMS" with the key "sms". Each call makes a new slice.
func DefaultActivityTypes() []ActivityType {
	return []ActivityType{
		{Name: "Call", KeyString: "call"},
		{Name: "Meeting", KeyString: "meeting"},
		{Name: "Task", KeyString: "task"},
		{Name: "Deadline", KeyString: "deadline"},
		{Name: "Email", KeyString: "email"},
		{Name: "Lunch", KeyString: "lunch"},
		{Name: "SMS", KeyString: "sms", IconKey: "smartphone", Custom: true},
	}
}

// Person is a contact. The first of Phones and of Emails is the primary one.
type Person struct {
	ID      int64
	Name    string
	OwnerID int64 // 0 reads as null
	OrgID   int64 // 0 reads as null
	Phones  []string
	Emails  []string
}

// Deal can be linked to activities, which get its organization when they have
// none of their own.
type Deal struct {
	ID    int64
	OrgID int64 // 0: none
}

const legacyTime = "2006-01-02 15:04:05" // of API v1, UTC

func (s *Server) getCurrentUser(c call) response {
	or := func(v, otherwise string) string {
		if v == "" {
			return otherwise
		}
		return v
	}
	return success(map[string]any{
		"id":              c.user.ID,
		"name":            c.user.Name,
		"email":           or(c.user.Email, fmt.Sprintf("user%d@example.com", c.user.ID)),
		"phone":           nil,
		"lang":            1,
		"locale":          "en_US",
		"timezone_name":   or(c.user.TimezoneName, "Etc/UTC"),
		"timezone_offset": or(c.user.TimezoneOffset, "+00:00"),
		"activated":       true,
		"active_flag":     true,
		"is_deleted":      false,
		"is_you":          true,
		"created":         "2020-01-02 03:04:05",
		"modified":        nil,
		"last_login":      s.now().Format(legacyTime),
		"company_id":      s.cfg.Company.ID,
		"company_name":    s.cfg.Company.Name,
		"company_domain":  s.cfg.Company.Domain,
		"language":        map[string]any{"language_code": "en", "country_code": "US"},
	})
}

func (s *Server) getActivityTypes(call) response {
	list := make([]map[string]any, len(s.cfg.ActivityTypes))
	for i, t := range s.cfg.ActivityTypes {
		icon := t.IconKey
		if icon == "" {
			icon = t.KeyString
		}
		list[i] = map[string]any{
			"id":             t.ID,
			"order_nr":       i + 1,
			"name":           t.Name,
			"key_string":     t.KeyString,
			"icon_key":       icon,
			"active_flag":    !t.Inactive,
			"is_custom_flag": t.Custom,
			"color":          nil,
			"add_time":       "2020-01-02 03:04:05",
			"update_time":    "2020-01-02 03:04:05",
		}
	}
	return success(list)
}

// personParams has the names that the OpenAPI file lists; their values change
// nothing here.
var personParams = params{
	"include_fields":        isAnything,
	"custom_fields":         isAnything,
	"include_option_labels": isBool,
	"include_labels":        isBool,
}

func (s *Server) getPerson(c call) response {
	if !known(s.persons, c.id) {
		return failure(http.StatusNotFound, "Person not found", "")
	}
	p, ok := s.persons[c.id]
	if !ok {
		p = Person{ID: c.id, Name: fmt.Sprintf("Person %d", c.id)}
	}
	first, last, _ := strings.Cut(p.Name, " ")
	return success(map[string]any{
		"id":            p.ID,
		"name":          p.Name,
		"first_name":    orNull(first),
		"last_name":     orNull(last),
		"owner_id":      orNull(p.OwnerID),
		"org_id":        orNull(p.OrgID),
		"add_time":      "2020-01-02T03:04:05Z",
		"update_time":   nil,
		"emails":        contactPoints(p.Emails),
		"phones":        contactPoints(p.Phones),
		"is_deleted":    false,
		"visible_to":    3,
		"label_ids":     []int{},
		"picture_id":    nil,
		"custom_fields": nil,
	})
}

func contactPoints(values []string) []map[string]any {
	list := make([]map[string]any, len(values))
	for i, v := range values {
		list[i] = map[string]any{"value": v, "primary": i == 0, "label": "work"}
	}
	return list
}

// orNull is how Pipedrive shows what is not set.
func orNull[T comparable](v T) any {
	var zero T
	if v == zero {
		return nil
	}
	return v
}
