package pipedrive

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/crmlog/crmlog"
)

// activity is what is read of an activity. Null fields stay zero.
type activity struct {
	ID        json.Number `json:"id"`
	IsDeleted bool        `json:"is_deleted"`
	AddTime   time.Time   `json:"add_time"`
	ProjectID int64       `json:"project_id"`
	Note      string      `json:"note"`
	links
}

// newActivity is the body of a create. Pipedrive refuses unknown keys, numbers
// in strings and a person_id: the person is the primary participant.
type newActivity struct {
	Subject      string        `json:"subject"`
	Type         string        `json:"type"`
	DueDate      string        `json:"due_date"` // with DueTime, in UTC
	DueTime      string        `json:"due_time"`
	Done         bool          `json:"done"`
	OwnerID      int64         `json:"owner_id,omitempty"`
	OrgID        int64         `json:"org_id,omitempty"`
	Participants []participant `json:"participants"`
	Note         string        `json:"note"`
	links
}

type participant struct {
	PersonID int64 `json:"person_id"`
	Primary  bool  `json:"primary"`
}

// activityChange is the body of an update: what is left out stays.
type activityChange struct {
	Note string `json:"note,omitempty"`
	links
}

// links is the deal or the lead of an activity. Pipedrive keeps one link: a deal
// drives a lead out, and both drive out a project.
// https://developers.pipedrive.com/changelog/post/changes-to-activities-connected-entities
type links struct {
	DealID int64  `json:"deal_id,omitempty"`
	LeadID string `json:"lead_id,omitempty"`
}

var uuidForm = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

func readLinks(submission crmlog.AdditionalSubmission) (l links, err error) {
	deal, err := submitted(submission, "deals")
	if err == nil && deal != "" {
		l.DealID, err = number("additionalSubmission.deals", deal)
	}
	if err != nil {
		return links{}, err
	}
	lead, err := submitted(submission, "leads")
	switch {
	case err != nil:
		return links{}, err
	case lead != "" && !uuidForm.MatchString(lead):
		return links{}, &crmlog.InputError{Field: "additionalSubmission.leads", Problem: "not a UUID; give the lead's id"}
	case l.DealID == 0:
		l.LeadID = lead
	}
	return l, nil
}

// submitted reads a field that a form gives as a number or a string, or empty.
func submitted(submission crmlog.AdditionalSubmission, field string) (string, error) {
	switch v := submission[field].(type) {
	case nil:
		return "", nil
	case string, json.Number, int, int64:
		return fmt.Sprint(v), nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	}
	return "", &crmlog.InputError{Field: "additionalSubmission." + field, Problem: "neither a number nor a string; give one id"}
}

// number reads one of Pipedrive's integer ids.
func number(field, s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 || strconv.FormatInt(n, 10) != s {
		return 0, &crmlog.InputError{Field: field, Problem: "not a Pipedrive id; give a whole number above 0"}
	}
	return n, nil
}

// ownerID is the Pipedrive user's number at the beginning of a user id such as
// "7" or "7-pipedrive"; 0 when there is none. A UUID can begin with digits too.
func ownerID(id crmlog.ID) int64 {
	head, _, _ := strings.Cut(string(id), "-")
	n, err := number("user.id", head)
	if err != nil || n > math.MaxInt32 || uuidForm.MatchString(string(id)) {
		return 0
	}
	return n
}
