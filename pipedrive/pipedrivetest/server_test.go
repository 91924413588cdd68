package pipedrivetest_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crmlog/crmlog/pipedrive/pipedrivetest"
)

func TestCredentials(t *testing.T) {
	t.Parallel()
	users := map[string]pipedrivetest.User{
		"Bearer oauth-1": {ID: 31, Name: "Olga Auth"},
		"token-1":        {ID: 32, Name: "Toni Key"},
	}
	for _, tc := range []struct {
		name   string
		users  map[string]pipedrivetest.User
		header string
		status int
		id     any
	}{
		{"any bearer token is the default user", nil, "Authorization: Bearer x", 200, 7.0},
		{"any api token is the default user", nil, "x-api-token: x", 200, 7.0},
		{"no credential", nil, "Authorization:", 401, nil},
		{"an empty bearer token", nil, "Authorization: Bearer", 401, nil},
		{"another scheme", nil, "Authorization: Basic eDp5", 401, nil},
		{"a configured bearer token", users, "Authorization: Bearer oauth-1", 200, 31.0},
		{"the scheme's case does not matter", users, "Authorization: bearer oauth-1", 200, 31.0},
		{"a configured api token", users, "x-api-token: token-1", 200, 32.0},
		{"an unknown bearer token", users, "Authorization: Bearer oauth-2", 401, nil},
		{"an unknown api token", users, "x-api-token: token-2", 401, nil},
		{"an api token as bearer", users, "Authorization: Bearer token-1", 401, nil},
		{"a bearer token as api token", users, "x-api-token: oauth-1", 401, nil},
		{"an Authorization value as api token", users, "x-api-token: Bearer oauth-1", 401, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a := start(t, pipedrivetest.Config{Users: tc.users})
			ans := a.do("GET", "/v1/users/me", "", "Authorization:", tc.header)
			require.Equal(t, tc.status, ans.status, ans.raw)
			require.Equal(t, tc.id, ans.data()["id"])
			if tc.status == 401 {
				require.JSONEq(t, `{"success":false,"error":"unauthorized access","errorCode":401,"error_info":"Please check developers.pipedrive.com"}`, ans.raw)
				require.Equal(t, "true", ans.header.Get("x-401-by-gw"))
				require.Zero(t, a.Tokens())
			}
		})
	}
}

func TestPaths(t *testing.T) {
	t.Parallel()
	const oauth, key = "Authorization: Bearer x", "x-api-token: x"
	for _, tc := range []struct {
		name, method, path, header string
		status                     int
		err                        string
	}{
		{"the user under /v1", "GET", "/v1/users/me", key, 200, ""},
		{"the user under /api/v1", "GET", "/api/v1/users/me", key, 200, ""},
		{"the types under /v1", "GET", "/v1/activityTypes", key, 200, ""},
		{"the types under /api/v1", "GET", "/api/v1/activityTypes", key, 200, ""},
		{"a person", "GET", "/api/v2/persons/5", key, 200, ""},
		{"no v2 without /api", "GET", "/v2/activities", key, 404, "Unknown method"},
		{"no user in v2", "GET", "/api/v2/users/me", key, 404, "Unknown method"},
		{"no activities in v1", "GET", "/v1/activities", key, 404, "Unknown method"},
		{"a wrong path under OAuth", "GET", "/v1/activities", oauth, 403, "Scope and URL mismatch"},
		{"a slash too many", "GET", "/api/v2/activities/", key, 404, "Unknown method"},
		{"a segment too many", "GET", "/api/v2/activities/1/2", key, 404, "Unknown method"},
		{"an escaped slash in an id", "GET", "/api/v2/activities/1%2F2", key, 404, "Unknown method"},
		{"a double slash", "GET", "//api/v2/activities", key, 404, "Unknown method"},
		{"an id that is no number", "GET", "/api/v2/activities/*", key, 400, "Validation failed: id: This value should be a positive integer."},
		{"an id with a sign", "GET", "/api/v2/activities/%2B1", key, 400, "Validation failed: id: This value should be a positive integer."},
		{"the id zero", "DELETE", "/api/v2/activities/0", key, 400, "Validation failed: id: This value should be a positive integer."},
		{"a person's id that is no number", "GET", "/api/v2/persons/x", key, 400, "Validation failed: id: This value should be a positive integer."},
		{"PUT is v1", "PUT", "/api/v2/activities/1", key, 405, "Method not allowed"},
		{"adding a type", "POST", "/v1/activityTypes", key, 405, "Method not allowed"},
		{"a query parameter where none is", "GET", "/v1/users/me?api_token=x", key, 400, "Validation failed: api_token: Parameter 'api_token' is not allowed for this request"},
		{"several faults at once", "GET", "/api/v2/persons/0?b=1&a=1", key, 400, "Validation failed: id: This value should be a positive integer.; a: Parameter 'a' is not allowed for this request; b: Parameter 'b' is not allowed for this request"},
		{"a malformed query", "GET", "/v1/users/me?a;b", key, 400, "Malformed query string"},
		{"an activity that never was", "GET", "/api/v2/activities/1", key, 404, "Activity not found"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a := start(t, pipedrivetest.Config{})
			ans := a.do(tc.method, tc.path, "", "Authorization:", tc.header)
			require.Equal(t, tc.status, ans.status, ans.raw)
			require.Equal(t, tc.err, ans.err())
			require.Equal(t, tc.err == "", ans.body["success"])
			require.Contains(t, ans.header.Get("Content-Type"), "application/json")
			require.NotEmpty(t, ans.header.Get("x-correlation-id"))
		})
	}
}

func TestCurrentUser(t *testing.T) {
	t.Parallel()
	a := start(t, pipedrivetest.Config{
		Company: pipedrivetest.Company{ID: 9, Name: "Acme", Domain: "acme-sandbox"},
		Users: map[string]pipedrivetest.User{
			"Bearer test-token": {ID: 31, Name: "Olga Auth", Email: "olga@example.org", TimezoneName: "Europe/Tallinn", TimezoneOffset: "+03:00"},
		},
	})
	me := a.do("GET", "/v1/users/me", "").data()
	for key, want := range map[string]any{
		"id": 31.0, "name": "Olga Auth", "email": "olga@example.org", "timezone_name": "Europe/Tallinn", "timezone_offset": "+03:00",
		"company_id": 9.0, "company_name": "Acme", "company_domain": "acme-sandbox", "is_you": true, "last_login": "2031-05-06 12:00:00",
	} {
		require.Equal(t, want, me[key], key)
	}

	a = start(t, pipedrivetest.Config{})
	me = a.do("GET", "/v1/users/me", "").data()
	require.Equal(t, "Pat Agent", me["name"])
	require.Equal(t, "Etc/UTC", me["timezone_name"])
	require.Equal(t, "example-company", me["company_domain"])
}

func TestActivityTypes(t *testing.T) {
	t.Parallel()
	a := start(t, pipedrivetest.Config{})
	types := a.do("GET", "/v1/activityTypes", "").body["data"].([]any)
	keys := []any{}
	for _, e := range types {
		keys = append(keys, e.(map[string]any)["key_string"])
	}
	require.Equal(t, []any{"call", "meeting", "task", "deadline", "email", "lunch", "sms"}, keys)
	sms := types[6].(map[string]any)
	require.Equal(t, "SMS", sms["name"])
	require.Equal(t, 7.0, sms["id"])
	require.Equal(t, true, sms["active_flag"])
	require.Equal(t, true, sms["is_custom_flag"])
	require.Equal(t, false, types[0].(map[string]any)["is_custom_flag"])

	a = start(t, pipedrivetest.Config{ActivityTypes: []pipedrivetest.ActivityType{{ID: 44, Name: "SMS", KeyString: "sms_2", Inactive: true}}})
	sms = a.do("GET", "/v1/activityTypes", "").body["data"].([]any)[0].(map[string]any)
	require.Equal(t, 44.0, sms["id"])
	require.Equal(t, false, sms["active_flag"])
	ans := a.do("POST", "/api/v2/activities", `{"subject":"Texts","type":"sms_2"}`)
	require.Equal(t, 400, ans.status)

	a = start(t, pipedrivetest.Config{ActivityTypes: []pipedrivetest.ActivityType{}})
	require.Empty(t, a.do("GET", "/v1/activityTypes", "").body["data"])
}

func TestPersons(t *testing.T) {
	t.Parallel()
	a := start(t, pipedrivetest.Config{})
	anyone := a.do("GET", "/api/v2/persons/123?include_fields=notes_count&custom_fields=abc&include_labels=true", "")
	require.Equal(t, 200, anyone.status, anyone.raw)
	require.Equal(t, "Person 123", anyone.data()["name"])
	require.Nil(t, anyone.data()["org_id"])
	require.Equal(t, []any{}, anyone.data()["phones"])

	a = start(t, pipedrivetest.Config{Persons: []pipedrivetest.Person{
		{ID: 5, Name: "Kim Example", OrgID: 2, Phones: []string{"+15550100", "+15550101"}, Emails: []string{"kim@example.org"}},
	}})
	kim := a.do("GET", "/api/v2/persons/5", "").data()
	require.Equal(t, "Kim", kim["first_name"])
	require.Equal(t, 2.0, kim["org_id"])
	require.Equal(t, []any{
		map[string]any{"value": "+15550100", "primary": true, "label": "work"},
		map[string]any{"value": "+15550101", "primary": false, "label": "work"},
	}, kim["phones"])
	require.Equal(t, 404, a.do("GET", "/api/v2/persons/6", "").status)
}

func TestRequestsAreOnRecord(t *testing.T) {
	t.Parallel()
	a := start(t, pipedrivetest.Config{KeepRequests: 3})
	id := a.add("")
	a.do("PATCH", "/api/v2/activities/1", `{"done":true}`)
	got := a.do("GET", "/api/v2/activities/1?include_fields=attendees", "")
	a.do("GET", "/api/v2/activities/99", "")
	require.EqualValues(t, 1, id)

	requests := a.Requests()
	require.Len(t, requests, 3, "the latest three")
	require.Equal(t, "PATCH", requests[0].Method)
	require.Equal(t, "/api/v2/activities/1", requests[0].Path)
	require.Equal(t, `{"done":true}`, string(requests[0].Body))
	require.Equal(t, "Bearer test-token", requests[0].Header.Get("Authorization"))
	require.Equal(t, noon, requests[0].Time)
	require.Equal(t, 200, requests[0].Status)
	require.Equal(t, "attendees", requests[1].Query.Get("include_fields"))
	require.Equal(t, got.header.Get("x-correlation-id"), requests[1].CorrelationID)
	require.Equal(t, 404, requests[2].Status)
	require.NotEqual(t, requests[1].CorrelationID, requests[2].CorrelationID)

	for _, tc := range []struct {
		method, path string
		want         int
	}{
		{"", "", 4}, {"GET", "", 2}, {"POST", "/api/v2/activities", 1}, {"GET", "/api/v2/activities", 0},
		{"", "/api/v2/activities/*", 3}, {"GET", "/api/v2/activities/99", 1}, {"", "/api/*/activities", 1}, {"", "/api/v2/*", 1}, {"", "*", 0},
	} {
		require.Equal(t, tc.want, a.Calls(tc.method, tc.path), tc.method+" "+tc.path)
	}
	require.Equal(t, 5+5+1+1, a.Tokens())

	requests[0].Header.Set("Authorization", "changed")
	requests[0].Body[0] = 'x'
	require.Equal(t, "Bearer test-token", a.Requests()[0].Header.Get("Authorization"), "a copy")
	require.Equal(t, `{"done":true}`, string(a.Requests()[0].Body), "a copy")

	for range 20 {
		a.do("GET", "/v1/users/me", "")
	}
	require.Len(t, a.Requests(), 3)
	require.Equal(t, 20, a.Calls("GET", "/v1/users/me"))

	a.ResetRequests()
	require.Empty(t, a.Requests())
	require.Zero(t, a.Calls("", ""))
	require.Zero(t, a.Tokens())
	require.Len(t, a.Activities(), 1)

	a = start(t, pipedrivetest.Config{KeepRequests: -1})
	a.add("")
	require.Empty(t, a.Requests())
	require.Equal(t, 1, a.Calls("", ""))
}

func TestBodyIsBounded(t *testing.T) {
	t.Parallel()
	a := start(t, pipedrivetest.Config{})
	body := func(n int) string {
		return `{"subject":"Texts","type":"sms","public_description":"` + strings.Repeat("x", n) + `"}`
	}
	require.Equal(t, 200, a.do("POST", "/api/v2/activities", body(4<<20-100)).status)
	// The server answers before it has the whole body; a client may see the
	// answer or the cut, but nothing is stored.
	_ = a.try(t.Context(), "POST", "/api/v2/activities", body(4<<20))
	require.Len(t, a.Activities(), 1)
	require.Equal(t, 413, a.Requests()[1].Status)
}

func TestLatency(t *testing.T) {
	t.Parallel()
	a := start(t, pipedrivetest.Config{Latency: 30 * time.Millisecond})
	begin := time.Now()
	a.add("")
	require.GreaterOrEqual(t, time.Since(begin), 30*time.Millisecond)

	a = start(t, pipedrivetest.Config{Latency: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, a.try(ctx, "POST", "/api/v2/activities", `{"subject":"Texts","type":"sms"}`), context.DeadlineExceeded)
	a.finish()
	require.Empty(t, a.Activities())
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	a := start(t, pipedrivetest.Config{BurstLimit: 1000, DailyTokens: 100_000, KeepRequests: 10})
	id := a.add(`"participants":[{"person_id":5,"primary":true}]`)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10 {
				_ = a.try(t.Context(), "POST", "/api/v2/activities", `{"subject":"Texts","type":"sms","participants":[{"person_id":5,"primary":true}]}`)
				_ = a.try(t.Context(), "PATCH", "/api/v2/activities/1", `{"participants":[{"person_id":6,"primary":true}]}`)
				_ = a.try(t.Context(), "GET", "/api/v2/activities?person_id=5", "")
				a.EditNote(id, func(note string) string { return note + "." })
				a.Fail(pipedrivetest.Fault{Status: 500, Method: "TRACE"})
				a.Activities()
				a.Requests()
				a.PendingFaults()
			}
		})
	}
	wg.Wait()
	require.Len(t, a.Activities(), 81)
	require.Equal(t, strings.Repeat(".", 80), a.stored(id).Note)
	require.Len(t, a.do("GET", "/api/v2/activities?person_id=5", "").ids(), 80)
}
