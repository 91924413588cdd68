package pipedrivetest_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crmlog/crmlog/pipedrive/pipedrivetest"
)

const lead = "0a1b2c3d-0000-4000-8000-00000000abcd"

// strictCompany knows few of everything.
var strictCompany = pipedrivetest.Config{
	Users:   map[string]pipedrivetest.User{"Bearer test-token": {ID: 31}, "token-2": {ID: 32}},
	Persons: []pipedrivetest.Person{{ID: 5}, {ID: 6}},
	Deals:   []pipedrivetest.Deal{{ID: 8}},
	Leads:   []string{strings.ToUpper(lead)},
}

func TestBodyIsAccepted(t *testing.T) {
	t.Parallel()
	for _, member := range []string{
		`"subject":"Ünï 👋"`, `"type":"call"`, `"owner_id":32`,
		`"deal_id":8`, `"deal_id":null`, `"lead_id":"` + lead + `"`, `"lead_id":null`,
		`"org_id":3`, `"org_id":null`, `"project_id":4`, `"project_id":null`,
		`"due_date":"2032-02-29"`, `"due_time":"00:00"`, `"due_time":"23:59"`, `"duration":"01:30"`,
		`"busy":true`, `"busy":false`, `"done":true`, `"done":false`,
		`"location":{}`, `"location":{"value":"Main St 1","postal_code":"01234"}`,
		`"participants":[]`, `"participants":[{"person_id":5,"primary":true}]`,
		`"participants":[{"person_id":6},{"person_id":5,"primary":true}]`,
		`"attendees":[{"email":"kim@example.org","is_organizer":false,"person_id":5}]`,
		`"public_description":"x"`, `"priority":2`, `"outcome":3`, `"outcome":null`,
		`"note":""`, `"note":"<b>x</b>"`,
	} {
		t.Run(member, func(t *testing.T) {
			t.Parallel()
			a := start(t, strictCompany)
			id := a.add("")
			ans := a.do("PATCH", "/api/v2/activities/1", "{"+member+"}")
			require.Equal(t, 200, ans.status, ans.raw)
			require.EqualValues(t, id, ans.data()["id"])
			if !strings.HasPrefix(member, `"subject"`) && !strings.HasPrefix(member, `"type"`) {
				a.add(member)
			}
		})
	}
}

func TestBodyIsRefused(t *testing.T) {
	t.Parallel()
	const schema, bad = "ERR_SCHEMA_VALIDATION_FAILED", "ERR_BAD_REQUEST"
	const readOnly = `'person_id' is a read-only field. Add a primary participant to set 'person_id' instead. For example: "participants": [{ "person_id": 1, "primary": true }]`
	notADate := "This value is not a valid datetime."
	for _, tc := range []struct{ name, body, err, code string }{
		{"an unknown key", `{"private":true}`, "private: Parameter 'private' is not allowed for this request", schema},
		{"several unknown keys", `{"id":1,"add_time":"x"}`, "add_time: Parameter 'add_time' is not allowed for this request; id: Parameter 'id' is not allowed for this request", schema},
		{"a read-only time", `{"marked_as_done_time":"2031-01-01T00:00:00Z"}`, "marked_as_done_time: Parameter 'marked_as_done_time' is not allowed for this request", schema},
		{"the v1 name of the owner", `{"user_id":31}`, "user_id: Parameter 'user_id' is not allowed for this request", schema},
		{"another case of a key", `{"Note":"x"}`, "Note: Parameter 'Note' is not allowed for this request", schema},
		{"person_id", `{"person_id":5}`, readOnly, bad},
		{"person_id, null", `{"person_id":null}`, readOnly, bad},
		{"person_id and a schema fault", `{"person_id":5,"busy":1}`, "busy: This value should be of type boolean.", schema},

		{"a number in quotes", `{"deal_id":"8"}`, "deal_id: This value should be of type integer.", schema},
		{"an empty string for no deal", `{"deal_id":""}`, "deal_id: This value should be of type integer.", schema},
		{"a fraction", `{"org_id":8.5}`, "org_id: This value should be of type integer.", schema},
		{"a float", `{"org_id":8.0}`, "org_id: This value should be of type integer.", schema},
		{"zero", `{"org_id":0}`, "org_id: This value should be positive.", schema},
		{"a boolean for a number", `{"priority":true}`, "priority: This value should be of type integer.", schema},
		{"1 for true", `{"done":1}`, "done: This value should be of type boolean.", schema},
		{"0 for false", `{"busy":0}`, "busy: This value should be of type boolean.", schema},
		{"true in quotes", `{"done":"true"}`, "done: This value should be of type boolean.", schema},
		{"a number for a string", `{"subject":5}`, "subject: This value should be of type string.", schema},
		{"an object for a string", `{"note":{}}`, "note: This value should be of type string.", schema},
		{"null where it does not clear", `{"note":null,"owner_id":null}`, "note: This value should be of type string.; owner_id: This value should be of type integer.", schema},
		{"an empty subject", `{"subject":""}`, "subject: This value should not be blank.", schema},

		{"an unknown type", `{"type":"SMS"}`, "type: The value is not the key_string of an active activity type.", schema},
		{"an unknown owner", `{"owner_id":33}`, "owner_id: User not found or not accessible.", schema},
		{"an unknown deal", `{"deal_id":9}`, "deal_id: Deal not found or not accessible.", schema},
		{"an unknown lead", `{"lead_id":"0a1b2c3d-0000-4000-8000-00000000abce"}`, "lead_id: Lead not found or not accessible.", schema},
		{"a lead that is no UUID", `{"lead_id":"12"}`, "lead_id: This is not a valid UUID.", schema},

		{"a day that is none", `{"due_date":"2031-02-29"}`, "due_date: " + notADate, schema},
		{"a date with a time", `{"due_date":"2031-02-28T00:00:00Z"}`, "due_date: " + notADate, schema},
		{"an empty date", `{"due_date":""}`, "due_date: " + notADate, schema},
		{"an hour of one digit", `{"due_time":"9:30"}`, "due_time: " + notADate, schema},
		{"seconds", `{"due_time":"09:30:00"}`, "due_time: " + notADate, schema},
		{"the hour 24", `{"due_time":"24:00"}`, "due_time: " + notADate, schema},
		{"a duration with seconds", `{"duration":"00:30:00"}`, "duration: " + notADate, schema},

		{"a location as in v1", `{"location":"Main St 1"}`, "location: This value should be of type object.", schema},
		{"an unknown key in a location", `{"location":{"value":"x","zip":"1"}}`, "location.zip: Parameter 'location.zip' is not allowed for this request", schema},
		{"participants as an object", `{"participants":{}}`, "participants: This value should be of type array.", schema},
		{"participants as ids", `{"participants":[5]}`, "participants.0: This value should be of type object.", schema},
		{"the v1 name of primary", `{"participants":[{"person_id":5,"primary_flag":true}]}`, "participants.0.primary_flag: Parameter 'participants.0.primary_flag' is not allowed for this request", schema},
		{"a participant's id in quotes", `{"participants":[{"person_id":"5","primary":true}]}`, "participants.0.person_id: This value should be of type integer.", schema},
		{"1 for primary", `{"participants":[{"person_id":5,"primary":1}]}`, "participants.0.primary: This value should be of type boolean.", schema},
		{"no primary", `{"participants":[{"person_id":5}]}`, "participants: Exactly one participant should be primary.", schema},
		{"two primaries", `{"participants":[{"person_id":5,"primary":true},{"person_id":6,"primary":true}]}`, "participants: Exactly one participant should be primary.", schema},
		{"a person twice", `{"participants":[{"person_id":5,"primary":true},{"person_id":5}]}`, "participants: A person can take part once only.", schema},
		{"a participant without an id", `{"participants":[{"primary":true}]}`, "participants: Each participant needs a person_id.", schema},
		{"an unknown person", `{"participants":[{"person_id":7,"primary":true}]}`, "participants: Person not found or not accessible.", schema},
		{"an unknown key in an attendee", `{"attendees":[{"phone":"1"}]}`, "attendees.0.phone: Parameter 'attendees.0.phone' is not allowed for this request", schema},

		{"no JSON", `subject=x`, "Request body is not a JSON object in UTF-8", bad},
		{"half JSON", `{"note":"x"`, "Request body is not a JSON object in UTF-8", bad},
		{"more than one value", `{} {}`, "Request body is not a JSON object in UTF-8", bad},
		{"an array", `[]`, "Request body is not a JSON object in UTF-8", bad},
		{"null", `null`, "Request body is not a JSON object in UTF-8", bad},
		{"bytes that are not UTF-8", "{\"note\":\"\xff\"}", "Request body is not a JSON object in UTF-8", bad},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a := start(t, strictCompany)
			a.add("")
			before := a.stored(1)
			want := tc.err
			if tc.code == schema {
				want = "Validation failed: " + want
			}
			ans := a.do("PATCH", "/api/v2/activities/1", tc.body)
			require.Equal(t, 400, ans.status, ans.raw)
			require.Equal(t, map[string]any{"success": false, "error": want, "code": tc.code}, ans.body)
			require.Equal(t, 400, a.do("POST", "/api/v2/activities", tc.body).status)
			require.Equal(t, []pipedrivetest.Activity{before}, a.Activities(), "nothing half done")
		})
	}
}

func TestNewActivityNeedsSubjectAndType(t *testing.T) {
	t.Parallel()
	a := start(t, pipedrivetest.Config{})
	ans := a.do("POST", "/api/v2/activities", `{}`)
	require.Equal(t, "Validation failed: subject: This field is missing.; type: This field is missing.", ans.err())
	require.Empty(t, a.Activities())
}

func TestContentType(t *testing.T) {
	t.Parallel()
	for header, status := range map[string]int{
		"Content-Type: application/json":                    200,
		"Content-Type: application/json; charset=utf-8":     200,
		"Content-Type: application/json; charset=UTF-8":     200,
		"Content-Type: application/json; charset=latin1":    400,
		"Content-Type: text/plain":                          400,
		"Content-Type: application/x-www-form-urlencoded":   400,
		"Content-Type: application/vnd.api+json":            400,
		"Content-Type:":                                     400,
		"Content-Type: application/json; charset=utf-8; =x": 400,
	} {
		t.Run(header, func(t *testing.T) {
			t.Parallel()
			a := start(t, pipedrivetest.Config{})
			ans := a.do("POST", "/api/v2/activities", `{"subject":"Texts","type":"sms"}`, header)
			require.Equal(t, status, ans.status, ans.raw)
		})
	}
}

func TestNoteLimitIsOfTheStoredNote(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		limit  int
		note   string
		status int
	}{
		{"100,000 bytes by default", 0, strings.Repeat("x", 100_000), 200},
		{"one more", 0, strings.Repeat("x", 100_001), 400},
		{"bytes, not characters", 10, "ééééé", 200},
		{"bytes, not characters, one more", 10, "éééééx", 400},
		{"entities count as stored", 10, "&&", 200},
		{"entities count as stored, one more", 10, "&&x", 400},
		{"what is dropped does not count", 10, "<!-- a long comment -->" + strings.Repeat("x", 10), 200},
		{"what is added counts", 50, `<a href="https://example.org">x</a>`, 400},
		{"no limit", -1, strings.Repeat("x", 200_000), 200},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a := start(t, pipedrivetest.Config{MaxNoteBytes: tc.limit})
			note, err := json.Marshal(tc.note)
			require.NoError(t, err)
			ans := a.do("POST", "/api/v2/activities", `{"subject":"Texts","type":"sms","note":`+string(note)+`}`)
			require.Equal(t, tc.status, ans.status, ans.err())
			if tc.status == 400 {
				require.Equal(t, "Validation failed: note: This value is too long.", ans.err())
			}
		})
	}
}

func FuzzBody(f *testing.F) {
	f.Add(`{"subject":"Texts","type":"sms","participants":[{"person_id":5,"primary":true}]}`)
	f.Add(`{"subject":"Texts","type":"sms","attendees":[{"email":"a"}],"location":{"value":"x"},"deal_id":null}`)
	f.Add(`{"subject":"Texts","type":"sms","note":"<p>x","due_time":"09:00","done":true,"lead_id":"` + lead + `"}`)
	f.Add(`{"a":[{}],"b":null,"participants":[null],"location":null}`)
	fake := pipedrivetest.New(pipedrivetest.Config{KeepRequests: 1})
	f.Fuzz(func(t *testing.T, body string) {
		status, _ := inProcess(fake, "POST", "/api/v2/activities", body)
		require.Contains(t, []int{200, 400}, status)
	})
}
