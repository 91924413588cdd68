package pipedrivetest

import (
	"encoding/json"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// decoder reads a JSON value of one type and returns what is wrong with it,
// each problem as "name: text".
type decoder[T any] func(name string, raw json.RawMessage) (T, []string)

// bodyField is a key of the body of POST and PATCH /api/v2/activities.
type bodyField func(s *Server, name string, raw json.RawMessage) (set func(*Activity), problems []string)

// bodyFields are the keys that the OpenAPI file lists, without person_id, which
// it lists but the API refuses, and with outcome, which its SDK already has.
var bodyFields = map[string]bodyField{
	"subject":    field(decodeString, (*Server).checkSubject, func(a *Activity, v string) { a.Subject = v }),
	"type":       field(decodeString, (*Server).checkType, func(a *Activity, v string) { a.Type = v }),
	"owner_id":   field(decodeID, (*Server).checkOwner, func(a *Activity, v int64) { a.OwnerID = v }),
	"deal_id":    clearable(decodeID, (*Server).checkDeal, func(a *Activity, v int64) { a.DealID = v }),
	"lead_id":    clearable(decodeString, (*Server).checkLead, func(a *Activity, v string) { a.LeadID = strings.ToLower(v) }),
	"org_id":     clearable(decodeID, nil, func(a *Activity, v int64) { a.OrgID = v }),
	"project_id": clearable(decodeID, nil, func(a *Activity, v int64) { a.ProjectID = v }),
	"due_date":   field(decodeString, checkTime("2006-01-02"), func(a *Activity, v string) { a.DueDate = v }),
	"due_time":   field(decodeString, checkTime("15:04"), func(a *Activity, v string) { a.DueTime = v }),
	"duration":   field(decodeString, checkTime("15:04"), func(a *Activity, v string) { a.Duration = v }),
	"busy":       field(decodeBool, nil, func(a *Activity, v bool) { a.Busy = v }),
	"done":       field(decodeBool, nil, func(a *Activity, v bool) { a.Done = v }),
	"location":   field(decodeLocation, nil, func(a *Activity, v Location) { a.Location = v }),
	"participants": field(decodeParticipants, (*Server).checkParticipants, func(a *Activity, v []Participant) {
		a.Participants, a.PersonID = v, 0
		for _, p := range v {
			if p.Primary {
				a.PersonID = p.PersonID
			}
		}
	}),
	"attendees":          field(decodeAttendees, nil, func(a *Activity, v []Attendee) { a.Attendees = v }),
	"public_description": field(decodeString, nil, func(a *Activity, v string) { a.PublicDescription = v }),
	"priority":           field(decodeID, nil, func(a *Activity, v int64) { a.Priority = v }),
	"outcome":            clearable(decodeID, nil, func(a *Activity, v int64) { a.Outcome = v }),
	"note":               field(decodeNote, (*Server).checkNote, func(a *Activity, v string) { a.Note = v }),
}

// field is a body field that is decoded, checked against the company (nil: not),
// and set.
func field[T any](decode decoder[T], check func(*Server, T) string, set func(*Activity, T)) bodyField {
	return func(s *Server, name string, raw json.RawMessage) (func(*Activity), []string) {
		v, problems := decode(name, raw)
		if problems == nil && check != nil {
			if problem := check(s, v); problem != "" {
				problems = []string{name + ": " + problem}
			}
		}
		return func(a *Activity) { set(a, v) }, problems
	}
}

// clearable is a field that null clears. The API is known to take null for these
// only, so for the others it is a type error.
func clearable[T any](decode decoder[T], check func(*Server, T) string, set func(*Activity, T)) bodyField {
	notNull := field(decode, check, set)
	return func(s *Server, name string, raw json.RawMessage) (func(*Activity), []string) {
		if string(raw) == "null" {
			return func(a *Activity) { var zero T; set(a, zero) }, nil
		}
		return notNull(s, name, raw)
	}
}

// parseBody reads the body of POST or PATCH into what it changes, or says why
// not. The required keys must be there.
func (s *Server) parseBody(c call, required ...string) (apply func(*Activity), refusal *response) {
	refuse := func(res response) (func(*Activity), *response) { return nil, &res }

	mediaType, options, err := mime.ParseMediaType(c.header.Get("Content-Type"))
	if charset := options["charset"]; err != nil || mediaType != "application/json" || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return refuse(failure(http.StatusBadRequest, "Content-Type must be application/json", "ERR_BAD_REQUEST"))
	}
	var body map[string]json.RawMessage
	if err := json.Unmarshal(c.body, &body); err != nil || body == nil || !utf8.Valid(c.body) {
		return refuse(failure(http.StatusBadRequest, "Request body is not a JSON object in UTF-8", "ERR_BAD_REQUEST"))
	}

	var setters []func(*Activity)
	var problems []string
	for _, name := range slices.Sorted(maps.Keys(body)) {
		parse, ok := bodyFields[name]
		if name == "person_id" {
			continue
		}
		if !ok {
			problems = append(problems, notAllowed(name))
			continue
		}
		set, found := parse(s, name, body[name])
		setters, problems = append(setters, set), append(problems, found...)
	}
	for _, name := range required {
		if _, ok := body[name]; !ok {
			problems = append(problems, name+": This field is missing.")
		}
	}
	if problems != nil {
		return refuse(invalid(problems))
	}
	if _, ok := body["person_id"]; ok {
		return refuse(failure(http.StatusBadRequest, readOnlyPersonID, "ERR_BAD_REQUEST"))
	}
	return func(a *Activity) {
		for _, set := range setters {
			set(a)
		}
	}, nil
}

const readOnlyPersonID = `'person_id' is a read-only field. Add a primary participant to set 'person_id' instead. ` +
	`For example: "participants": [{ "person_id": 1, "primary": true }]`

func decodeString(name string, raw json.RawMessage) (v string, problems []string) {
	if raw[0] != '"' || json.Unmarshal(raw, &v) != nil {
		return "", wrongType(name, "string")
	}
	return v, nil
}

func decodeBool(name string, raw json.RawMessage) (bool, []string) {
	if v := string(raw); v != "true" && v != "false" {
		return false, wrongType(name, "boolean")
	}
	return raw[0] == 't', nil
}

func decodeID(name string, raw json.RawMessage) (int64, []string) {
	v, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil {
		return 0, wrongType(name, "integer")
	}
	if v <= 0 {
		return 0, []string{name + ": This value should be positive."}
	}
	return v, nil
}

func decodeNote(name string, raw json.RawMessage) (string, []string) {
	v, problems := decodeString(name, raw)
	return SanitizeNote(v), problems
}

func decodeLocation(name string, raw json.RawMessage) (v Location, problems []string) {
	keys := map[string]part{}
	for key, p := range v.parts() {
		keys[key] = into(p, decodeString)
	}
	problems = decodeObject(name, raw, keys)
	return v, problems
}

func decodeParticipants(name string, raw json.RawMessage) ([]Participant, []string) {
	return decodeArray(name, raw, func(p *Participant) map[string]part {
		return map[string]part{
			"person_id": into(&p.PersonID, decodeID),
			"primary":   into(&p.Primary, decodeBool),
		}
	})
}

func decodeAttendees(name string, raw json.RawMessage) ([]Attendee, []string) {
	return decodeArray(name, raw, func(a *Attendee) map[string]part {
		return map[string]part{
			"email":        into(&a.Email, decodeString),
			"name":         into(&a.Name, decodeString),
			"status":       into(&a.Status, decodeString),
			"is_organizer": into(&a.IsOrganizer, decodeBool),
			"person_id":    into(&a.PersonID, decodeID),
			"user_id":      into(&a.UserID, decodeID),
		}
	})
}

// part decodes the value of one key of a nested object into its place.
type part func(name string, raw json.RawMessage) []string

func into[T any](dst *T, decode decoder[T]) part {
	return func(name string, raw json.RawMessage) (problems []string) {
		*dst, problems = decode(name, raw)
		return problems
	}
}

func decodeObject(name string, raw json.RawMessage, keys map[string]part) (problems []string) {
	var object map[string]json.RawMessage
	if raw[0] != '{' || json.Unmarshal(raw, &object) != nil {
		return wrongType(name, "object")
	}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if decode, ok := keys[key]; ok {
			problems = append(problems, decode(name+"."+key, object[key])...)
		} else {
			problems = append(problems, notAllowed(name+"."+key))
		}
	}
	return problems
}

func decodeArray[T any](name string, raw json.RawMessage, keys func(*T) map[string]part) (list []T, problems []string) {
	var elements []json.RawMessage
	if raw[0] != '[' || json.Unmarshal(raw, &elements) != nil {
		return nil, wrongType(name, "array")
	}
	list = make([]T, len(elements))
	for i, element := range elements {
		problems = append(problems, decodeObject(name+"."+strconv.Itoa(i), element, keys(&list[i]))...)
	}
	return list, problems
}

func wrongType(name, want string) []string {
	return []string{name + ": This value should be of type " + want + "."}
}

func (s *Server) checkSubject(v string) string {
	return unless(v != "", "This value should not be blank.")
}

func (s *Server) checkType(v string) string {
	return unless(s.types[v], "The value is not the key_string of an active activity type.")
}

func (s *Server) checkOwner(v int64) string {
	return unless(known(s.owners, v), "User not found or not accessible.")
}

func (s *Server) checkDeal(v int64) string {
	return unless(known(s.deals, v), "Deal not found or not accessible.")
}

func (s *Server) checkLead(v string) string {
	if problem := isUUID(v); problem != "" {
		return problem
	}
	return unless(known(s.leads, strings.ToLower(v)), "Lead not found or not accessible.")
}

func (s *Server) checkParticipants(v []Participant) string {
	primaries, seen := 0, map[int64]bool{}
	for _, p := range v {
		switch {
		case p.PersonID == 0:
			return "Each participant needs a person_id."
		case seen[p.PersonID]:
			return "A person can take part once only."
		case !known(s.persons, p.PersonID):
			return "Person not found or not accessible."
		case p.Primary:
			primaries++
		}
		seen[p.PersonID] = true
	}
	return unless(len(v) == 0 || primaries == 1, "Exactly one participant should be primary.")
}

func (s *Server) checkNote(v string) string {
	return unless(s.cfg.MaxNoteBytes < 0 || len(v) <= s.cfg.MaxNoteBytes, "This value is too long.")
}

func checkTime(layout string) func(*Server, string) string {
	return func(_ *Server, v string) string { return isTime(layout)(v) }
}
