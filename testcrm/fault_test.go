package testcrm_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crmlog/crmlog/testcrm"
)

func TestFaultsOnAPost(t *testing.T) {
	t.Parallel()
	const html = "<!DOCTYPE html><title>Bad gateway</title>"
	for _, tt := range []struct {
		name     string
		fault    testcrm.Fault
		applied  bool
		status   int // 0: no answer, or half of one
		code     string
		cut      error
		body     string
		retry    string
		mimeType string
	}{
		{name: "an outage refuses", fault: testcrm.Fault{Status: 503}, status: 503, code: "internal"},
		{name: "a rate limit refuses with a wait", fault: testcrm.Fault{Status: 429, RetryAfter: "soon"}, status: 429, code: "rate_limited", retry: "soon"},
		{name: "a refusal has the API's own code", fault: testcrm.Fault{Status: 410}, status: 410, code: "gone"},
		{name: "a proxy answers with HTML", fault: testcrm.Fault{Status: 502, Body: html}, status: 502, body: html, mimeType: "text/html; charset=utf-8"},
		{name: "a proxy answers with its own JSON", fault: testcrm.Fault{Status: 502, Body: `{"x":1}`}, status: 502, body: `{"x":1}`, mimeType: "application/json; charset=utf-8"},
		{name: "headers go out as given", fault: testcrm.Fault{Status: 503, Body: "x", Header: http.Header{"content-type": {"text/plain"}}}, status: 503, body: "x", mimeType: "text/plain"},
		{name: "an error after the commit", fault: testcrm.Fault{Status: 500, Applied: true}, applied: true, status: 500, code: "internal"},
		{name: "a success that cannot be read", fault: testcrm.Fault{Status: 201, Applied: true, Body: html}, applied: true, status: 201, body: html, mimeType: "text/html; charset=utf-8"},
		{name: "a nonsensical status is 500", fault: testcrm.Fault{Status: 42}, status: 500, code: "internal"},
		{name: "a status that has no body", fault: testcrm.Fault{Status: 204, Applied: true, Body: html}, applied: true, status: 204, mimeType: "text/html; charset=utf-8"},
		{name: "cut before the commit", fault: testcrm.Fault{Drop: true}, cut: syscall.ECONNRESET},
		{name: "cut after the commit", fault: testcrm.Fault{Drop: true, Applied: true}, applied: true, cut: syscall.ECONNRESET},
		{name: "a cut goes before a status", fault: testcrm.Fault{Drop: true, Status: 503}, cut: syscall.ECONNRESET},
		{name: "truncated after the commit", fault: testcrm.Fault{Truncate: true}, applied: true, cut: io.ErrUnexpectedEOF},
		{name: "a truncated error", fault: testcrm.Fault{Truncate: true, Status: 500}, cut: io.ErrUnexpectedEOF},
		{name: "slow", fault: testcrm.Fault{Delay: time.Millisecond}, applied: true, status: 201},
		{name: "slow after the commit", fault: testcrm.Fault{Delay: time.Millisecond, Applied: true}, applied: true, status: 201},
		{name: "slow, then refused", fault: testcrm.Fault{Delay: time.Millisecond, Status: 503}, status: 503, code: "internal"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			crm := start(t, testcrm.ServerConfig{})
			crm.Fail(tt.fault)
			got, err := crm.try(crm.request("POST", "/activities", payload(t, nil)))
			if tt.cut != nil {
				require.ErrorIs(t, err, tt.cut)
			} else {
				require.NoError(t, err)
				require.Equal(t, tt.status, got.status)
				require.Equal(t, tt.retry, got.header.Get("Retry-After"))
				if tt.code != "" {
					require.Equal(t, tt.code, got.code(t))
				}
				if tt.mimeType != "" {
					require.Equal(t, tt.body, got.body)
					require.Equal(t, tt.mimeType, got.header.Get("Content-Type"))
				}
			}
			want := 0
			if tt.applied {
				want = 1
			}
			require.Len(t, crm.Activities(), want)

			require.Equal(t, 201, crm.post(nil).status, "a fault strikes once")
			require.Len(t, crm.Activities(), want+1)
			require.Equal(t, map[string]int{"POST /activities": 2}, crm.Calls())
		})
	}
}

func TestTruncatedAnswersBeginLikeTrueOnes(t *testing.T) {
	t.Parallel()
	crm := start(t, testcrm.ServerConfig{})
	crm.Fail(testcrm.Fault{Truncate: true})
	got, err := crm.try(crm.request("POST", "/activities", payload(t, nil)))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Equal(t, 201, got.status)
	require.Contains(t, got.body, `{"id":"act_1001"`)

	crm.Fail(testcrm.Fault{Truncate: true})
	_, err = crm.try(crm.request("DELETE", "/activities/act_1001", ""))
	require.ErrorIs(t, err, syscall.ECONNRESET, "an answer without a body is dropped")
	require.True(t, crm.Activities()[0].Deleted)
}

func TestCutsOverHTTP2(t *testing.T) {
	t.Parallel()
	crm := &site{Server: testcrm.NewServer(testcrm.ServerConfig{}), t: t}
	t.Cleanup(crm.Close)
	crm.web = httptest.NewUnstartedServer(crm)
	crm.web.EnableHTTP2 = true
	crm.web.StartTLS()
	t.Cleanup(crm.web.Close)
	require.Equal(t, 201, crm.post(nil).status)
	for _, fault := range []testcrm.Fault{{Drop: true, Applied: true}, {Truncate: true}} {
		crm.Fail(fault)
		_, err := crm.try(crm.request("POST", "/activities", payload(t, nil)))
		require.ErrorContains(t, err, "INTERNAL_ERROR")
	}
	require.Len(t, crm.Activities(), 3)
}

func TestLateWrites(t *testing.T) {
	t.Parallel()
	t.Run("are applied at their time", func(t *testing.T) {
		t.Parallel()
		crm := start(t, testcrm.ServerConfig{})
		crm.Fail(testcrm.Fault{ApplyLate: 10 * time.Millisecond})
		_, err := crm.try(crm.request("POST", "/activities", payload(t, nil)))
		require.ErrorIs(t, err, syscall.ECONNRESET)
		require.NoError(t, crm.Settle(t.Context()))
		require.Len(t, crm.Activities(), 1)
		require.NoError(t, crm.Settle(t.Context()))
	})
	t.Run("are not applied before", func(t *testing.T) {
		t.Parallel()
		crm := start(t, testcrm.ServerConfig{})
		crm.Fail(testcrm.Fault{ApplyLate: time.Hour}, testcrm.Fault{ApplyLate: time.Hour, Status: 504})
		_, err := crm.try(crm.request("POST", "/activities", payload(t, nil)))
		require.ErrorIs(t, err, syscall.ECONNRESET)
		require.Equal(t, 504, crm.post(nil).status)
		require.Empty(t, crm.Activities())
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, crm.Settle(gone), context.Canceled)
		require.Empty(t, crm.Activities())

		crm.Close()
		require.Len(t, crm.Activities(), 2, "Close applies them")
		crm.Close()
	})
	t.Run("find what has changed meanwhile", func(t *testing.T) {
		t.Parallel()
		crm := start(t, testcrm.ServerConfig{})
		crm.post(nil)
		crm.Fail(testcrm.Fault{Method: "PATCH", ApplyLate: time.Hour, Times: 2})
		for _, ifMatch := range []string{`"v1"`, ""} {
			_, err := crm.try(crm.request("PATCH", "/activities/act_1001", `{"body":"late"}`, "If-Match", ifMatch))
			require.Error(t, err)
		}
		require.NoError(t, crm.EditBody("act_1001", func(string) string { return "edited" }))
		crm.Close()
		a, _ := crm.Activity("act_1001")
		require.Equal(t, "late", a.Body)
		require.Equal(t, 3, a.Version, "the conditional one was refused")
	})
	t.Run("need a token like any other", func(t *testing.T) {
		t.Parallel()
		crm := start(t, testcrm.ServerConfig{})
		crm.Fail(testcrm.Fault{ApplyLate: time.Hour})
		_, err := crm.try(crm.request("POST", "/activities", payload(t, nil), "Authorization", ""))
		require.Error(t, err)
		crm.Close()
		require.Empty(t, crm.Activities())
	})
}

func TestAClientThatLeavesDuringADelay(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		fault testcrm.Fault
		want  int
	}{
		{"is not served", testcrm.Fault{Delay: time.Hour}, 0},
		{"has been served when the fault says so", testcrm.Fault{Delay: time.Hour, Applied: true}, 1},
		{"is not served late either", testcrm.Fault{Delay: time.Hour, ApplyLate: time.Nanosecond}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			crm := start(t, testcrm.ServerConfig{})
			ctx, leave := context.WithCancel(t.Context())
			crm.SetFaultFunc(func(*http.Request) *testcrm.Fault {
				leave()
				return &tt.fault
			})
			_, err := crm.try(crm.request("POST", "/activities", payload(t, nil)).WithContext(ctx))
			require.ErrorIs(t, err, context.Canceled)
			crm.web.Close() // waits for the handler
			require.NoError(t, crm.Settle(t.Context()))
			require.Len(t, crm.Activities(), tt.want)
		})
	}
}

func TestCloseEndsDelays(t *testing.T) {
	t.Parallel()
	crm := start(t, testcrm.ServerConfig{})
	held := make(chan struct{})
	crm.SetFaultFunc(func(*http.Request) *testcrm.Fault {
		close(held)
		return &testcrm.Fault{Delay: time.Hour}
	})
	post := crm.request("POST", "/activities", payload(t, nil))
	failed := make(chan error)
	go func() {
		_, err := crm.try(post)
		failed <- err
	}()
	<-held
	crm.Close()
	require.Error(t, <-failed)
	require.Empty(t, crm.Activities())
}

func TestLatencyHoldsTheAnswerBack(t *testing.T) {
	t.Parallel()
	crm := start(t, testcrm.ServerConfig{Latency: 20 * time.Millisecond})
	began := time.Now()
	crm.post(nil)
	require.GreaterOrEqual(t, time.Since(began), 20*time.Millisecond)

	slow := start(t, testcrm.ServerConfig{Latency: time.Hour})
	ctx, leave := context.WithCancel(t.Context())
	slow.SetFaultFunc(func(*http.Request) *testcrm.Fault {
		leave()
		return nil
	})
	_, err := slow.try(slow.request("POST", "/activities", payload(t, nil)).WithContext(ctx))
	require.ErrorIs(t, err, context.Canceled)
	slow.web.Close()
	require.Len(t, slow.Activities(), 1, "the request itself is not held back")
}

func TestWhichRequestsAFaultStrikes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		fault testcrm.Fault
		want  []int // of POST /activities, GET of a list, GET of one, PATCH of one
	}{
		{"the next one", testcrm.Fault{}, []int{503, 200, 200, 200}},
		{"the next two", testcrm.Fault{Times: 2}, []int{503, 503, 200, 200}},
		{"all", testcrm.Fault{Times: -1}, []int{503, 503, 503, 503}},
		{"a method", testcrm.Fault{Method: "GET", Times: -1}, []int{201, 503, 503, 200}},
		{"a path", testcrm.Fault{Path: "/activities", Times: -1}, []int{503, 503, 200, 200}},
		{"what is below a path", testcrm.Fault{Path: "/activities/", Times: -1}, []int{201, 200, 503, 503}},
		{"one record", testcrm.Fault{Path: "/activities/act_1001"}, []int{201, 200, 503, 200}},
		{"a method of a path", testcrm.Fault{Method: "PATCH", Path: "/activities/act_1001"}, []int{201, 200, 200, 503}},
		{"another record", testcrm.Fault{Path: "/activities/act_1009"}, []int{201, 200, 200, 200}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			crm := start(t, testcrm.ServerConfig{})
			crm.post(nil)
			tt.fault.Status = 503
			crm.Fail(tt.fault)
			require.Equal(t, tt.want, []int{
				crm.post(nil).status,
				crm.do("GET", "/activities?contactId=42", "").status,
				crm.do("GET", "/activities/act_1001", "").status,
				crm.do("PATCH", "/activities/act_1001", `{"body":"x"}`).status,
			})
			crm.ClearFaults()
			require.Equal(t, 201, crm.post(nil).status)
		})
	}
}

func TestFaultsQueueUp(t *testing.T) {
	t.Parallel()
	crm := start(t, testcrm.ServerConfig{})
	crm.SetFaultFunc(func(r *http.Request) *testcrm.Fault {
		if body, err := io.ReadAll(r.Body); err != nil || len(body) == 0 {
			return nil
		}
		return &testcrm.Fault{Status: 500, Method: "ignored"}
	})
	crm.Fail(testcrm.Fault{Method: "GET", Status: 501}, testcrm.Fault{Status: 502}, testcrm.Fault{Status: 503})
	require.Equal(t, 502, crm.post(nil).status, "the first that fits")
	require.Equal(t, 501, crm.do("GET", "/activities?contactId=42", "").status)
	require.Equal(t, 503, crm.do("GET", "/activities?contactId=42", "").status)
	require.Equal(t, 500, crm.post(nil).status, "then the function, which has read the body")
	require.Equal(t, 200, crm.do("GET", "/activities?contactId=42", "").status, "nil is no fault")
	crm.SetFaultFunc(nil)
	require.Equal(t, 201, crm.post(nil).status)
}

// A seeded source needs no lock: the race detector would tell.
func TestChaosIsCountedRight(t *testing.T) {
	t.Parallel()
	crm := start(t, testcrm.ServerConfig{})
	random := rand.New(rand.NewPCG(1, 2))
	crm.SetFaultFunc(func(*http.Request) *testcrm.Fault {
		switch random.IntN(6) {
		case 0:
			return &testcrm.Fault{Drop: true}
		case 1:
			return &testcrm.Fault{Drop: true, Applied: true}
		case 2:
			return &testcrm.Fault{ApplyLate: time.Millisecond}
		case 3:
			return &testcrm.Fault{Truncate: true}
		case 4:
			return &testcrm.Fault{Status: 503}
		}
		return nil
	})
	const requests = 200
	type outcome struct{ done, undone int }
	outcomes := make(chan outcome)
	for range 4 {
		var posts []*http.Request
		for range requests / 4 {
			posts = append(posts, crm.request("POST", "/activities", payload(t, nil)))
		}
		go func() {
			var o outcome
			for _, post := range posts {
				got, err := crm.try(post)
				switch {
				case err == nil && got.status == 503:
					o.undone++
				case err == nil && got.status == 201, errors.Is(err, io.ErrUnexpectedEOF):
					o.done++
				}
			}
			outcomes <- o
		}()
	}
	var sum outcome
	for range 4 {
		o := <-outcomes
		sum.done += o.done
		sum.undone += o.undone
	}
	require.NoError(t, crm.Settle(t.Context()))
	stored := len(crm.Activities())
	require.Positive(t, sum.done)
	require.Positive(t, sum.undone)
	require.Greater(t, stored, sum.done, "some cut ones were applied")
	require.Less(t, stored, requests-sum.undone, "and some were not")
	require.Equal(t, requests, crm.Calls()["POST /activities"])
}
