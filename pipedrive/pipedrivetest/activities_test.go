package pipedrivetest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crmlog/crmlog/pipedrive/pipedrivetest"
)

// inProcess makes a call without a network.
func inProcess(h http.Handler, method, path, body string) (status int, answer string) {
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	req.Header.Set("Authorization", "Bearer test-token")
	req.Header.Set("Content-Type", "application/json")
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, req)
	return rec.Code, rec.Body.String()
}

func TestActivityAsShown(t *testing.T) {
	t.Parallel()
	a := start(t, pipedrivetest.Config{})
	bare := a.do("POST", "/api/v2/activities", `{"subject":"Texts","type":"sms"}`)
	require.Equal(t, 200, bare.status)
	require.JSONEq(t, `{"success":true,"data":{
		"id":1,"subject":"Texts","type":"sms","owner_id":7,"creator_user_id":7,"is_deleted":false,"private":false,
		"add_time":"2031-05-06T12:00:00Z","update_time":"2031-05-06T12:00:00Z",
		"deal_id":null,"lead_id":null,"person_id":null,"org_id":null,"project_id":null,
		"due_date":null,"due_time":null,"duration":null,"busy":false,"done":false,"marked_as_done_time":null,
		"location":null,"participants":null,"public_description":null,"priority":null,"outcome":null,"note":null,
		"conference_meeting_client":null,"conference_meeting_url":null,"conference_meeting_id":null}}`, bare.raw)

	a.clock.Advance(time.Hour)
	full := a.do("PATCH", "/api/v2/activities/1", `{"subject":"More texts","type":"call","owner_id":8,"deal_id":9,"org_id":3,
		"due_date":"2031-05-07","due_time":"09:30","duration":"00:15","busy":true,"done":true,
		"location":{"value":"Main St 1","postal_code":"01234"},
		"participants":[{"person_id":6,"primary":false},{"person_id":5,"primary":true}],
		"attendees":[{"email":"kim@example.org","user_id":8}],
		"public_description":"x","priority":2,"outcome":4,"note":"a & b<br/>c"}`)
	want := `{"success":true,"data":{
		"id":1,"subject":"More texts","type":"call","owner_id":8,"creator_user_id":7,"is_deleted":false,"private":false,
		"add_time":"2031-05-06T12:00:00Z","update_time":"2031-05-06T13:00:00Z",
		"deal_id":9,"lead_id":null,"person_id":5,"org_id":3,"project_id":null,
		"due_date":"2031-05-07","due_time":"09:30:00","duration":"00:15:00","busy":true,"done":true,"marked_as_done_time":"2031-05-06T13:00:00Z",
		"location":{"value":"Main St 1","postal_code":"01234","country":null,"admin_area_level_1":null,"admin_area_level_2":null,"locality":null,"sublocality":null,"route":null,"street_number":null,"subpremise":null},
		"participants":[{"person_id":6,"primary":false},{"person_id":5,"primary":true}],
		"public_description":"x","priority":2,"outcome":4,"note":"a &amp; b<br>c",
		"conference_meeting_client":null,"conference_meeting_url":null,"conference_meeting_id":null`
	require.JSONEq(t, want+`}}`, full.raw)
	require.JSONEq(t, want+`}}`, a.do("GET", "/api/v2/activities/1", "").raw)
	require.JSONEq(t, want+`,"attendees":[{"email":"kim@example.org","name":null,"status":null,"is_organizer":false,"person_id":null,"user_id":8}]}}`,
		a.do("GET", "/api/v2/activities/1?include_fields=attendees", "").raw)
	require.Equal(t, 400, a.do("GET", "/api/v2/activities/1?include_fields=note", "").status)
}

func TestPatchLeavesTheRestAlone(t *testing.T) {
	t.Parallel()
	a := start(t, pipedrivetest.Config{})
	id := a.add(`"deal_id":9,"org_id":3,"due_date":"2031-05-07","due_time":"09:30","done":true,"note":"one",
		"participants":[{"person_id":5,"primary":true}]`)
	want := a.stored(id)
	require.Equal(t, noon.Truncate(time.Second), want.AddTime)
	a.clock.Advance(time.Hour)
	require.Equal(t, 200, a.do("PATCH", "/api/v2/activities/1", `{"note":"two"}`).status)
	want.Note, want.UpdateTime = "two", want.UpdateTime.Add(time.Hour)
	require.Equal(t, want, a.stored(id))
}

func TestDealLeadAndProjectShutEachOtherOut(t *testing.T) {
	t.Parallel()
	const leadMember = `"lead_id":"` + lead + `"`
	for _, tc := range []struct {
		name, add, patch string
		deal             int64
		lead             string
		project          int64
	}{
		{"a deal", `"deal_id":9`, ``, 9, "", 0},
		{"a lead", leadMember, ``, 0, lead, 0},
		{"a lead in capitals", `"lead_id":"` + strings.ToUpper(lead) + `"`, ``, 0, lead, 0},
		{"a project", `"project_id":4`, ``, 0, "", 4},
		{"a deal wins over a lead and a project", `"deal_id":9,"project_id":4,` + leadMember, ``, 9, "", 0},
		{"a lead wins over a project", `"project_id":4,` + leadMember, ``, 0, lead, 0},
		{"a later deal wins", leadMember, `"deal_id":9`, 9, "", 0},
		{"an earlier deal stays", `"deal_id":9`, leadMember, 9, "", 0},
		{"null makes room", `"deal_id":9`, `"deal_id":null,` + leadMember, 0, lead, 0},
		{"null clears a lead", leadMember, `"lead_id":null`, 0, "", 0},
		{"null clears a project", `"project_id":4`, `"project_id":null`, 0, "", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a := start(t, pipedrivetest.Config{})
			id := a.add(tc.add)
			require.Equal(t, 200, a.do("PATCH", "/api/v2/activities/1", "{"+tc.patch+"}").status)
			got := a.stored(id)
			require.Equal(t, []any{tc.deal, tc.lead, tc.project}, []any{got.DealID, got.LeadID, got.ProjectID})
		})
	}
}

func TestActivityGetsTheDealsOrganization(t *testing.T) {
	t.Parallel()
	a := start(t, pipedrivetest.Config{Deals: []pipedrivetest.Deal{{ID: 9, OrgID: 3}}})
	require.EqualValues(t, 3, a.stored(a.add(`"deal_id":9`)).OrgID)
	require.EqualValues(t, 4, a.stored(a.add(`"deal_id":9,"org_id":4`)).OrgID)
}

func TestDoneHasATime(t *testing.T) {
	t.Parallel()
	a := start(t, pipedrivetest.Config{})
	id := a.add(`"done":true`)
	at := noon.Truncate(time.Second)
	require.Equal(t, at, a.stored(id).MarkedAsDoneTime)
	a.clock.Advance(time.Hour)
	a.do("PATCH", "/api/v2/activities/1", `{"done":true}`)
	require.Equal(t, at, a.stored(id).MarkedAsDoneTime, "done before")
	a.do("PATCH", "/api/v2/activities/1", `{"done":false}`)
	require.Zero(t, a.stored(id).MarkedAsDoneTime)
}

func TestDeletedActivity(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name              string
		deleted           pipedrivetest.DeletedAnswer
		get, patch, again int
	}{
		{"not found", pipedrivetest.DeletedNotFound, 404, 404, 404},
		{"gone", pipedrivetest.DeletedGone, 410, 410, 410},
		{"shown", pipedrivetest.DeletedShown, 200, 404, 404},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a := start(t, pipedrivetest.Config{Deleted: tc.deleted})
			id := a.add("")
			ans := a.do("DELETE", "/api/v2/activities/1", "")
			require.JSONEq(t, `{"success":true,"data":{"id":1}}`, ans.raw)
			require.True(t, a.stored(id).IsDeleted)

			got := a.do("GET", "/api/v2/activities/1", "")
			require.Equal(t, tc.get, got.status)
			if tc.get == 200 {
				require.Equal(t, true, got.data()["is_deleted"])
			} else {
				require.JSONEq(t, `{"success":false,"error":"Activity not found","error_info":"Please check developers.pipedrive.com","data":null,"additional_data":null}`, got.raw)
			}
			require.Equal(t, tc.patch, a.do("PATCH", "/api/v2/activities/1", `{"note":"x"}`).status)
			require.Equal(t, tc.again, a.do("DELETE", "/api/v2/activities/1", "").status)
			require.Equal(t, 404, a.do("GET", "/api/v2/activities/2", "").status, "never was")
			require.Empty(t, a.stored(id).Note)
		})
	}
}

func TestPersonInTheCRM(t *testing.T) {
	t.Parallel()
	a := start(t, pipedrivetest.Config{MaxNoteBytes: 100})
	id := a.add(`"note":"one"`)
	a.clock.Advance(time.Hour)
	require.True(t, a.EditNote(id, func(note string) string { return note + `<p class="x">two</p><!-- x -->` }))
	require.Equal(t, "one<p>two</p>", a.stored(id).Note)
	require.Equal(t, noon.Add(time.Hour).Truncate(time.Second), a.stored(id).UpdateTime)

	require.True(t, a.DeleteActivity(id))
	require.False(t, a.DeleteActivity(id), "deleted before")
	require.False(t, a.EditNote(id, func(string) string { return "three" }), "deleted")
	require.False(t, a.EditNote(99, func(string) string { return "three" }), "never was")
	require.Equal(t, "one<p>two</p>", a.stored(id).Note)
	_, ok := a.Activity(99)
	require.False(t, ok)
	_, ok = a.Activity(-1)
	require.False(t, ok)
}

func TestActivitiesAreCopies(t *testing.T) {
	t.Parallel()
	a := start(t, pipedrivetest.Config{})
	id := a.add(`"participants":[{"person_id":5,"primary":true}],"attendees":[{"name":"Kim"}]`)
	for _, got := range []pipedrivetest.Activity{a.stored(id), a.Activities()[0]} {
		got.Participants[0].PersonID = 6
		got.Attendees[0].Name = "Lou"
	}
	require.EqualValues(t, 5, a.stored(id).Participants[0].PersonID)
	require.Equal(t, "Kim", a.stored(id).Attendees[0].Name)
}

func BenchmarkPatchAmongMany(b *testing.B) {
	fake := pipedrivetest.New(pipedrivetest.Config{})
	for range 20_000 {
		inProcess(fake, "POST", "/api/v2/activities", `{"subject":"Texts","type":"sms"}`)
	}
	for b.Loop() {
		inProcess(fake, "PATCH", "/api/v2/activities/777", `{"note":"<p>one</p>"}`)
	}
}
