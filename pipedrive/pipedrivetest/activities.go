package pipedrivetest

import (
	"net/http"
	"slices"
	"time"
)

// wireTime is how API v2 writes times: RFC 3339, UTC, whole seconds.
const wireTime = "2006-01-02T15:04:05Z"

// Activity is an activity as it is stored. A zero field is not set and reads
// as null over the API.
// https://developers.pipedrive.com/docs/api/v1/Activities
type Activity struct {
	ID            int64
	Subject       string
	Type          string // key string of its ActivityType
	OwnerID       int64
	CreatorUserID int64
	IsDeleted     bool
	AddTime       time.Time // UTC, whole seconds, as are all times here
	UpdateTime    time.Time

	DealID    int64 // at most one of deal, lead and project is set
	LeadID    string
	ProjectID int64
	PersonID  int64 // the primary participant
	OrgID     int64

	DueDate          string // YYYY-MM-DD, in UTC with DueTime
	DueTime          string // HH:MM
	Duration         string // HH:MM
	Busy             bool
	Done             bool
	MarkedAsDoneTime time.Time

	Location          Location
	Participants      []Participant
	Attendees         []Attendee
	PublicDescription string
	Priority          int64
	Outcome           int64
	Note              string // sanitised HTML, see SanitizeNote
}

// Location is where an activity takes place.
type Location struct {
	Value           string // the whole address
	Country         string
	AdminAreaLevel1 string
	AdminAreaLevel2 string
	Locality        string
	Sublocality     string
	Route           string
	StreetNumber    string
	Subpremise      string
	PostalCode      string
}

// parts are the fields by their names over the API.
func (l *Location) parts() map[string]*string {
	return map[string]*string{
		"value":              &l.Value,
		"country":            &l.Country,
		"admin_area_level_1": &l.AdminAreaLevel1,
		"admin_area_level_2": &l.AdminAreaLevel2,
		"locality":           &l.Locality,
		"sublocality":        &l.Sublocality,
		"route":              &l.Route,
		"street_number":      &l.StreetNumber,
		"subpremise":         &l.Subpremise,
		"postal_code":        &l.PostalCode,
	}
}

// Participant is a person who takes part in an activity.
type Participant struct {
	PersonID int64
	Primary  bool
}

// Attendee is somebody invited to an activity.
type Attendee struct {
	Email       string
	Name        string
	Status      string
	IsOrganizer bool
	PersonID    int64 // 0: no person of the company
	UserID      int64 // 0: no user of the company
}

// record is an activity and when the list may first show it. Its slices are
// replaced, never written to, so that a shallow copy is a snapshot.
type record struct {
	Activity
	listedFrom time.Time
}

func (s *Server) addActivity(c call) response {
	apply, refusal := s.parseBody(c, "subject", "type")
	if refusal != nil {
		return *refusal
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	rec := &record{listedFrom: now.Add(s.cfg.ListLag)}
	rec.Activity = Activity{
		ID:            int64(len(s.activities)) + 1,
		OwnerID:       c.user.ID,
		CreatorUserID: c.user.ID,
		AddTime:       now.Truncate(time.Second),
	}
	s.activities = append(s.activities, rec)
	s.change(rec, apply)
	return success(rec.wire(false))
}

func (s *Server) getActivity(c call) response {
	s.mu.Lock()
	defer s.mu.Unlock()
	rec, missing := s.find(c.id)
	if missing != nil && (rec == nil || s.cfg.Deleted != DeletedShown) {
		return *missing
	}
	return success(rec.wire(c.query.Has("include_fields")))
}

func (s *Server) updateActivity(c call) response {
	apply, refusal := s.parseBody(c)
	if refusal != nil {
		return *refusal
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	rec, missing := s.find(c.id)
	if missing != nil {
		return *missing
	}
	s.change(rec, apply)
	return success(rec.wire(false))
}

func (s *Server) deleteActivity(c call) response {
	s.mu.Lock()
	defer s.mu.Unlock()
	rec, missing := s.find(c.id)
	if missing != nil {
		return *missing
	}
	s.change(rec, func(a *Activity) { a.IsDeleted = true })
	return success(map[string]any{"id": c.id})
}

// find gets an activity (nil if there never was one), and the answer to a call
// that needs it to be there: nil if it is. The caller holds s.mu.
func (s *Server) find(id int64) (*record, *response) {
	status := http.StatusNotFound
	var rec *record
	if id >= 1 && id <= int64(len(s.activities)) {
		if rec = s.activities[id-1]; !rec.IsDeleted {
			return rec, nil
		}
		if s.cfg.Deleted == DeletedGone {
			status = http.StatusGone
		}
	}
	res := failure(status, "Activity not found", "")
	return rec, &res
}

// change applies a change and what follows from it. The caller holds s.mu.
func (s *Server) change(rec *record, apply func(*Activity)) {
	before, a, now := rec.Activity, &rec.Activity, s.now().Truncate(time.Second)
	apply(a)
	a.UpdateTime = now
	if a.DealID != 0 {
		a.LeadID, a.ProjectID = "", 0
	} else if a.LeadID != "" {
		a.ProjectID = 0
	}
	if a.OrgID == 0 {
		a.OrgID = s.deals[a.DealID].OrgID
	}
	if !a.Done {
		a.MarkedAsDoneTime = time.Time{}
	} else if !before.Done {
		a.MarkedAsDoneTime = now
	}
	if a.PersonID != before.PersonID {
		delete(s.byPerson[before.PersonID], a.ID)
		if s.byPerson[a.PersonID] == nil {
			s.byPerson[a.PersonID] = map[int64]*record{}
		}
		s.byPerson[a.PersonID][a.ID] = rec
	}
}

// wire is the activity as the API shows it.
func (a Activity) wire(attendees bool) map[string]any {
	m := map[string]any{
		"id":                        a.ID,
		"subject":                   a.Subject,
		"type":                      a.Type,
		"owner_id":                  a.OwnerID,
		"creator_user_id":           a.CreatorUserID,
		"is_deleted":                a.IsDeleted,
		"private":                   false, // real answers have it, the OpenAPI file does not
		"add_time":                  a.AddTime.Format(wireTime),
		"update_time":               a.UpdateTime.Format(wireTime),
		"deal_id":                   orNull(a.DealID),
		"lead_id":                   orNull(a.LeadID),
		"person_id":                 orNull(a.PersonID),
		"org_id":                    orNull(a.OrgID),
		"project_id":                orNull(a.ProjectID),
		"due_date":                  orNull(a.DueDate),
		"due_time":                  nil,
		"duration":                  nil,
		"busy":                      a.Busy,
		"done":                      a.Done,
		"marked_as_done_time":       nil,
		"location":                  nil,
		"participants":              nil,
		"conference_meeting_client": nil,
		"conference_meeting_url":    nil,
		"conference_meeting_id":     nil,
		"public_description":        orNull(a.PublicDescription),
		"priority":                  orNull(a.Priority),
		"outcome":                   orNull(a.Outcome),
		"note":                      orNull(a.Note),
	}
	if a.DueTime != "" {
		m["due_time"] = a.DueTime + ":00"
	}
	if a.Duration != "" {
		m["duration"] = a.Duration + ":00"
	}
	if a.Done {
		m["marked_as_done_time"] = a.MarkedAsDoneTime.Format(wireTime)
	}
	if a.Location != (Location{}) {
		location := map[string]any{}
		for key, part := range a.Location.parts() {
			location[key] = orNull(*part)
		}
		m["location"] = location
	}
	if len(a.Participants) > 0 {
		m["participants"] = wireList(a.Participants, func(p Participant) map[string]any {
			return map[string]any{"person_id": p.PersonID, "primary": p.Primary}
		})
	}
	if attendees {
		m["attendees"] = wireList(a.Attendees, func(v Attendee) map[string]any {
			return map[string]any{
				"email": orNull(v.Email), "name": orNull(v.Name), "status": orNull(v.Status),
				"is_organizer": v.IsOrganizer, "person_id": orNull(v.PersonID), "user_id": orNull(v.UserID),
			}
		})
	}
	return m
}

func wireList[T any](list []T, show func(T) map[string]any) []map[string]any {
	shown := make([]map[string]any, len(list))
	for i, v := range list {
		shown[i] = show(v)
	}
	return shown
}

func (s *Server) now() time.Time { return s.cfg.Clock().UTC() }

// Activities returns copies of all activities, deleted ones too, by ascending id.
func (s *Server) Activities() []Activity {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Activity, len(s.activities))
	for i, rec := range s.activities {
		list[i] = rec.clone()
	}
	return list
}

// Activity returns a copy of one activity, also of a deleted one, and whether
// there is one with that id.
func (s *Server) Activity(id int64) (Activity, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rec, _ := s.find(id)
	if rec == nil {
		return Activity{}, false
	}
	return rec.clone(), true
}

func (a Activity) clone() Activity {
	a.Participants = slices.Clone(a.Participants)
	a.Attendees = slices.Clone(a.Attendees)
	return a
}

// EditNote changes a note as a person in the CRM does: edit gets the note and
// returns the new one, which is sanitised, whatever its length, and update_time
// moves. No call comes between; edit must not call the server. EditNote reports
// whether there is such an activity, not deleted.
func (s *Server) EditNote(id int64, edit func(note string) string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	rec, missing := s.find(id)
	if missing != nil {
		return false
	}
	s.change(rec, func(a *Activity) { a.Note = SanitizeNote(edit(a.Note)) })
	return true
}

// DeleteActivity deletes an activity as a person in the CRM does, which leaves
// it with is_deleted true. It reports whether there was one, not yet deleted.
func (s *Server) DeleteActivity(id int64) bool {
	return s.deleteActivity(call{id: id}).status == http.StatusOK
}
