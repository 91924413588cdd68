package pipedrivetest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crmlog/crmlog/pipedrive/pipedrivetest"
)

func TestTokenCosts(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		method, path, body string
		cost               int
	}{
		{"POST", "/api/v2/activities", `{"subject":"Texts","type":"sms"}`, 5},
		{"PATCH", "/api/v2/activities/1", `{"note":"x"}`, 5},
		{"GET", "/api/v2/activities/1", "", 1},
		{"GET", "/api/v2/activities", "", 10},
		{"GET", "/api/v2/activities?limit=500", "", 10},
		{"DELETE", "/api/v2/activities/1", "", 3},
		{"GET", "/api/v2/persons/5", "", 1},
		{"GET", "/v1/users/me", "", 2},
		{"GET", "/v1/activityTypes", "", 20},
		{"PATCH", "/api/v2/activities/1", `{"private":true}`, 5}, // refused ones too
		{"GET", "/api/v2/activities/99", "", 1},
		{"GET", "/api/v2/nothing", "", 0},
		{"PUT", "/api/v2/activities/1", "", 0},
	} {
		t.Run(tc.method+" "+tc.path, func(t *testing.T) {
			t.Parallel()
			a := start(t, pipedrivetest.Config{DailyTokens: 1000})
			a.add("")
			a.ResetRequests()
			ans := a.do(tc.method, tc.path, tc.body)
			require.Equal(t, tc.cost, a.Tokens())
			if tc.cost > 0 {
				require.Equal(t, "1000", ans.header.Get("x-daily-ratelimit-token-limit"))
				require.Equal(t, map[int]string{1: "994", 2: "993", 3: "992", 5: "990", 10: "985", 20: "975"}[tc.cost],
					ans.header.Get("x-daily-ratelimit-token-remaining"))
			}
		})
	}
}

func TestNoLimitHasNoHeaders(t *testing.T) {
	t.Parallel()
	ans := start(t, pipedrivetest.Config{}).do("GET", "/v1/users/me", "")
	for name := range ans.header {
		require.NotContains(t, name, "Ratelimit")
	}
}

func TestBurstLimit(t *testing.T) {
	t.Parallel()
	a := start(t, pipedrivetest.Config{BurstLimit: 2})
	get := func(token string) answer {
		return a.do("GET", "/v1/users/me", "", "Authorization: Bearer "+token)
	}
	state := func(ans answer) []string {
		return []string{ans.header.Get("x-ratelimit-limit"), ans.header.Get("x-ratelimit-remaining"), ans.header.Get("x-ratelimit-reset")}
	}
	first := get("a")
	require.Equal(t, []string{"2", "1", "2"}, state(first))
	a.clock.Advance(1500 * time.Millisecond)
	require.Equal(t, []string{"2", "0", "1"}, state(get("a")))

	over := get("a")
	require.Equal(t, 429, over.status)
	require.Equal(t, []string{"2", "0", "1"}, state(over))
	require.NotContains(t, over.header, "Retry-After")
	require.JSONEq(t, `{"success":false,"error":"request over limit","errorCode":429,"error_info":"Please check developers.pipedrive.com"}`, over.raw)
	require.Equal(t, 200, get("b").status, "per token")
	require.Equal(t, 3*2, a.Tokens(), "a refusal costs nothing")

	a.clock.Advance(500*time.Millisecond - 1)
	require.Equal(t, 429, get("a").status, "not yet")
	a.clock.Advance(1)
	require.Equal(t, 200, get("a").status, "the first has left the window")
	require.Equal(t, 429, get("a").status, "the second has not")
	a.clock.Advance(2 * time.Second)
	require.Equal(t, []string{"2", "1", "2"}, state(get("a")))
}

func TestDailyBudget(t *testing.T) {
	t.Parallel()
	a := start(t, pipedrivetest.Config{DailyTokens: 12})
	for _, remaining := range []string{"7", "2", "0"} { // the last call may overdraw
		ans := a.do("POST", "/api/v2/activities", `{"subject":"Texts","type":"sms"}`)
		require.Equal(t, 200, ans.status)
		require.Equal(t, remaining, ans.header.Get("x-daily-ratelimit-token-remaining"))
	}
	spent := a.do("GET", "/v1/users/me", "", "Authorization:", "x-api-token: another")
	require.Equal(t, 429, spent.status, "the whole company's")
	require.Equal(t, "0", spent.header.Get("x-daily-ratelimit-token-remaining"))
	require.Equal(t, "43200", spent.header.Get("Retry-After"), "until midnight UTC")
	require.JSONEq(t, `{"success":false,"error":"daily request budget exceeded","errorCode":429,"error_info":"Please check developers.pipedrive.com"}`, spent.raw)

	a.clock.Advance(12 * time.Hour)
	next := a.do("GET", "/v1/users/me", "")
	require.Equal(t, 200, next.status)
	require.Equal(t, "10", next.header.Get("x-daily-ratelimit-token-remaining"))
	require.Equal(t, 17, a.Tokens(), "of all days")
}

func TestRetryAfterIsVerbatim(t *testing.T) {
	t.Parallel()
	for _, cfg := range []pipedrivetest.Config{{BurstLimit: 1, RetryAfter: "soon"}, {DailyTokens: 1, RetryAfter: "soon"}} {
		a := start(t, cfg)
		a.do("GET", "/v1/users/me", "")
		ans := a.do("GET", "/v1/users/me", "")
		require.Equal(t, 429, ans.status)
		require.Equal(t, "soon", ans.header.Get("Retry-After"))
	}
}
