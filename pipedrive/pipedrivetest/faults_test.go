package pipedrivetest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crmlog/crmlog/pipedrive/pipedrivetest"
)

const (
	list = "/api/v2/activities"
	one  = "/api/v2/activities/1"
	text = `{"subject":"Texts","type":"sms"}`
)

func TestFaultAnswers(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name        string
		fault       pipedrivetest.Fault
		status      int
		contentType string
		body        string
		retryAfter  string
		applied     int
	}{
		{"an error of the gateway", pipedrivetest.Fault{Status: 502, Body: "<h1>Bad gateway</h1>"}, 502, "text/html", "Bad gateway", "", 0},
		{"an error after the commit", pipedrivetest.Fault{Status: 503, Commit: true}, 503, "text/html", "", "", 1},
		{"JSON", pipedrivetest.Fault{Status: 500, Body: `{"success":false}`}, 500, "application/json", `{"success":false}`, "", 0},
		{"a header", pipedrivetest.Fault{Status: 503, Body: `{}`, Header: http.Header{"Retry-After": {"7"}, "Content-Type": {"text/plain"}}}, 503, "text/plain", `{}`, "7", 0},
		{"Cloudflare", pipedrivetest.CloudflareBlock(), 403, "text/html", "This error is produced by Cloudflare", "", 0},
		{"a burst", pipedrivetest.BurstExceeded(""), 429, "application/json", `"errorCode":429`, "", 0},
		{"a burst with a date", pipedrivetest.BurstExceeded("Fri, 07 May 2032 07:28:00 GMT"), 429, "application/json", "request over limit", "Fri, 07 May 2032 07:28:00 GMT", 0},
		{"the budget", pipedrivetest.BudgetExceeded("3939"), 429, "application/json", "daily request budget exceeded", "3939", 0},
		{"a 200 that is none", pipedrivetest.Unsuccessful(), 200, "application/json", `"success":false`, "", 0},
		{"a 200 without JSON, committed", pipedrivetest.Fault{Status: 200, Body: "<html>", Commit: true}, 200, "text/html", "<html>", "", 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a := start(t, pipedrivetest.Config{})
			a.Fail(tc.fault)
			ans := a.do("POST", list, text)
			require.Equal(t, tc.status, ans.status)
			require.Contains(t, ans.header.Get("Content-Type"), tc.contentType)
			require.Contains(t, ans.raw, tc.body)
			require.Equal(t, tc.retryAfter, ans.header.Get("Retry-After"))
			require.NotEmpty(t, ans.header.Get("x-correlation-id"))
			require.Len(t, a.Activities(), tc.applied)
			require.Equal(t, 5*tc.applied, a.Tokens())
			require.Equal(t, tc.status, a.Requests()[0].Status)
			require.Empty(t, a.PendingFaults())
			a.add("")
		})
	}
}

func TestFaultsMatch(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		fault pipedrivetest.Fault
		want  []int // of POST, GET one, GET one, GET list
		left  int
	}{
		{"any call, once", pipedrivetest.Fault{}, []int{500, 200, 200, 200}, 0},
		{"by method", pipedrivetest.Fault{Method: "GET"}, []int{200, 500, 200, 200}, 0},
		{"by path", pipedrivetest.Fault{Path: "/api/v2/activities/*"}, []int{200, 500, 200, 200}, 0},
		{"by both", pipedrivetest.Fault{Method: "GET", Path: list}, []int{200, 200, 200, 500}, 0},
		{"by neither", pipedrivetest.Fault{Method: "GET", Path: "/api/v2/persons/*"}, []int{200, 200, 200, 200}, 1},
		{"several times", pipedrivetest.Fault{Times: 2}, []int{500, 500, 200, 200}, 0},
		{"always", pipedrivetest.Fault{Times: -1}, []int{500, 500, 500, 500}, 1},
		{"later", pipedrivetest.Fault{Method: "GET", Skip: 1, Times: 2}, []int{200, 200, 500, 500}, 0},
		{"more often than there are calls", pipedrivetest.Fault{Skip: 2, Times: 5}, []int{200, 200, 500, 500}, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a := start(t, pipedrivetest.Config{})
			a.add("")
			tc.fault.Status = 500
			a.Fail(tc.fault)
			got := []int{a.do("POST", list, text).status, a.do("GET", one, "").status, a.do("GET", one, "").status, a.do("GET", list, "").status}
			require.Equal(t, tc.want, got)
			require.Len(t, a.PendingFaults(), tc.left)
			a.ClearFaults()
			require.Equal(t, 200, a.do("GET", one, "").status)
		})
	}
}

func TestFaultsQueue(t *testing.T) {
	t.Parallel()
	a := start(t, pipedrivetest.Config{})
	a.Fail(pipedrivetest.Fault{Status: 500, Method: "GET"})
	a.Fail(pipedrivetest.Fault{Status: 501})
	a.Fail(pipedrivetest.Fault{Status: 502, Times: 3})
	got := []int{}
	for _, method := range []string{"POST", "GET", "GET", "GET"} {
		got = append(got, a.do(method, list, "").status)
	}
	require.Equal(t, []int{501, 500, 502, 502}, got)
	left := a.PendingFaults()
	require.Len(t, left, 1)
	require.Equal(t, 1, left[0].Times)
}

func TestSetFaults(t *testing.T) {
	t.Parallel()
	a := start(t, pipedrivetest.Config{})
	a.SetFaults(func(r *http.Request) *pipedrivetest.Fault {
		body, err := io.ReadAll(r.Body)
		if err == nil && strings.Contains(string(body), "poison") && r.Method == "POST" {
			return &pipedrivetest.Fault{Status: 500}
		}
		return nil
	})
	require.Equal(t, 500, a.do("POST", list, `{"subject":"poison","type":"sms"}`).status)
	require.Equal(t, 500, a.do("POST", list, `{"subject":"poison","type":"sms"}`).status, "each time")
	a.add("") // whose body is still there to be read
	a.Fail(pipedrivetest.Fault{Status: 502})
	require.Equal(t, 502, a.do("POST", list, text).status, "then the queue")
	a.SetFaults(nil)
	require.Equal(t, 200, a.do("POST", list, `{"subject":"poison","type":"sms"}`).status)
}

func TestCutConnections(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		fault   pipedrivetest.Fault
		applied int
		err     error
	}{
		{"before the commit", pipedrivetest.Fault{Drop: true}, 0, io.EOF},
		{"after the commit", pipedrivetest.Fault{Drop: true, Commit: true}, 1, io.EOF},
		{"in the middle of the answer", pipedrivetest.Fault{Truncate: true}, 1, io.ErrUnexpectedEOF},
		{"in the middle of an answer of its own", pipedrivetest.Fault{Truncate: true, Status: 200, Body: `{"success":true}`}, 0, io.ErrUnexpectedEOF},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a := start(t, pipedrivetest.Config{})
			a.Fail(tc.fault)
			require.ErrorIs(t, a.try(t.Context(), "POST", list, text), tc.err)
			require.Len(t, a.Activities(), tc.applied)
			require.Len(t, a.Requests(), 1)
			a.add("")
		})
	}
}

func TestTruncatedAnswerBeginsWell(t *testing.T) {
	t.Parallel()
	a := start(t, pipedrivetest.Config{})
	a.Fail(pipedrivetest.Fault{Truncate: true})
	res, err := a.client.Do(a.request(t.Context(), "POST", list, text))
	require.NoError(t, err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Equal(t, 200, res.StatusCode)
	require.True(t, strings.HasPrefix(string(raw), `{"data":{`), string(raw))
	require.EqualValues(t, res.ContentLength/2, len(raw))
}

func TestDelays(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		fault   pipedrivetest.Fault
		applied int
	}{
		{"before the commit", pipedrivetest.Fault{Delay: 5 * time.Second}, 0},
		{"after the commit", pipedrivetest.Fault{Delay: time.Hour, Commit: true}, 1},
		{"before an answer of its own", pipedrivetest.Fault{Delay: time.Hour, Status: 500}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a := start(t, pipedrivetest.Config{})
			a.Fail(tc.fault)
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			require.ErrorIs(t, a.try(ctx, "POST", list, text), context.DeadlineExceeded)
			a.finish()
			require.Len(t, a.Activities(), tc.applied)
		})
	}

	t.Run("with patience", func(t *testing.T) {
		t.Parallel()
		a := start(t, pipedrivetest.Config{})
		a.Fail(pipedrivetest.Fault{Delay: 30 * time.Millisecond})
		begin := time.Now()
		a.add("")
		require.GreaterOrEqual(t, time.Since(begin), 30*time.Millisecond)
	})
}

func TestLateApplication(t *testing.T) {
	t.Parallel()
	for _, drop := range []bool{false, true} {
		a := start(t, pipedrivetest.Config{})
		a.Fail(pipedrivetest.Fault{Late: 100 * time.Millisecond, Drop: drop})
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		begin := time.Now()
		err := a.try(ctx, "POST", list, text)
		require.Equal(t, drop, errors.Is(err, io.EOF), err)
		require.Equal(t, !drop, errors.Is(err, context.DeadlineExceeded), err)
		require.Empty(t, a.Activities(), "not yet")

		short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		require.ErrorIs(t, a.Wait(short), context.DeadlineExceeded)
		require.NoError(t, a.Wait(t.Context()))
		require.Len(t, a.Activities(), 1)
		require.Equal(t, 5, a.Tokens())
		if !drop {
			begin = begin.Add(50 * time.Millisecond) // when the client gave up
		}
		require.GreaterOrEqual(t, time.Since(begin), 100*time.Millisecond)
		require.NoError(t, a.Wait(t.Context()), "nothing to wait for")
	}
	require.NoError(t, start(t, pipedrivetest.Config{}).Wait(t.Context()), "nothing was late")
}
