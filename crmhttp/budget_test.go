package crmhttp_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/crmhttp"
	"github.com/stretchr/testify/require"
)

// budgeted answers as an account does that has so much left of 30,000.
func budgeted(left int, status int, headers ...string) http.HandlerFunc {
	return answer(status, `{"error":"enough for today"}`, append(headers,
		"X-Daily-Ratelimit-Token-Limit", "30000", "X-Daily-Ratelimit-Token-Remaining", strconv.Itoa(left))...)
}

// aboutBudgets tells the end of a budget by its text.
func aboutBudgets(a crmhttp.Answer) crmhttp.ErrorDetail {
	d := crmhttp.ParseJSONError(a)
	d.BudgetSpent = strings.Contains(d.Message, "for today")
	return d
}

func TestTheEndOfABudgetIsToldFromABurst(t *testing.T) {
	t.Parallel()
	const body = `{"error":"enough for today"}`
	for name, tc := range map[string]struct {
		first http.HandlerFunc
		want  time.Duration // how long the next call is told to wait; 0: it is sent
	}{
		"by its text": {answer(429, body), time.Minute},
		"by its text, whatever the burst's reset": {answer(429, body, "X-Ratelimit-Reset", "2"), time.Minute},
		"by its text, with a useless Retry-After": {answer(429, body, "Retry-After", "3"), time.Minute},
		"by its text, with a useful one":          {answer(429, body, "Retry-After", "1800"), 30 * time.Minute},
		"for an hour at most":                     {answer(429, body, "Retry-After", "43200"), time.Hour},
		"by the header":                           {answer(429, `{}`, "X-Daily-Ratelimit-Token-Limit", "9", "X-Daily-Ratelimit-Token-Remaining", "0"), time.Minute},
		"by the header of a success":              {answer(200, `{}`, "X-Daily-Ratelimit-Token-Limit", "9", "X-Daily-Ratelimit-Token-Remaining", "0"), time.Minute},
		"by the length":                           {answer(429, `{}`, "Retry-After", "3939"), time.Hour},
		"a text alone is no limit":                {answer(400, body), 0},
		"something left is no end":                {answer(200, body, "X-Daily-Ratelimit-Token-Limit", "9", "X-Daily-Ratelimit-Token-Remaining", "1"), 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var tries atomic.Int32
				client := newClient(t, crmhttp.Config{ParseError: aboutBudgets, Transport: script(&tries, tc.first, answer(200, `{}`))})
				start := time.Now()
				_, first := client.Do(t.Context(), post("https://acme.example"), nil)
				if first != nil && tc.want > 0 {
					require.ErrorIs(t, first, crmlog.ErrRateLimited)
					require.GreaterOrEqual(t, crmlog.RetryAfter(first), tc.want)
				}
				_, err := client.Do(t.Context(), get("https://acme.example"), nil)
				require.Zero(t, time.Since(start))
				if tc.want == 0 {
					require.NoError(t, err)
					return
				}
				api := apiError(t, err)
				require.Equal(t, crmlog.ErrRateLimited, api.Kind)
				require.Equal(t, tc.want, api.RetryAfter)
				require.True(t, api.NotDone)
				require.EqualValues(t, 1, tries.Load())
				other := get("https://acme.example")
				other.Auth = "Bearer another"
				_, err = client.Do(t.Context(), other, nil)
				require.NoError(t, err)
			})
		})
	}
}

func TestAfterASpentBudgetOneCallFindsOutWhetherThereIsMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var tries atomic.Int32
		spent := true
		client := newClient(t, crmhttp.Config{ParseError: aboutBudgets, Transport: transport(func(*http.Request) (*http.Response, error) {
			tries.Add(1)
			time.Sleep(time.Second)
			if spent {
				return recorded(answer(429, `{"error":"enough for today"}`)), nil
			}
			return recorded(answer(200, `{}`)), nil
		})})
		_, err := client.Do(t.Context(), post("https://acme.example"), nil)
		require.ErrorIs(t, err, crmlog.ErrRateLimited)

		time.Sleep(time.Minute)
		errs := load(t.Context(), client, 50, 50)
		require.Len(t, errs, 50)
		for _, err := range errs {
			require.ErrorIs(t, err, crmlog.ErrRateLimited)
			require.Equal(t, time.Minute, crmlog.RetryAfter(err))
		}
		require.EqualValues(t, 2, tries.Load(), "one asked")

		time.Sleep(time.Minute)
		spent = false
		start := time.Now()
		require.Empty(t, load(t.Context(), client, 50, 50))
		require.Equal(t, 2*time.Second, time.Since(start), "one asked, and the others followed")
		start = time.Now()
		require.Empty(t, load(t.Context(), client, 50, 50))
		require.Equal(t, time.Second, time.Since(start))
	})
}

func TestTheReserveIsLeft(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		reserve float64
		left    int
		held    bool
	}{
		"more than the reserve is left": {0.1, 3001, false},
		"the reserve is left":           {0.1, 3000, false},
		"less is left":                  {0.1, 2999, true},
		"next to nothing is left":       {0.1, 1, true},
		"another reserve":               {0.5, 14999, true},
		"no reserve":                    {0, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var tries atomic.Int32
				var log bytes.Buffer
				client := newClient(t, crmhttp.Config{
					Reserve: tc.reserve, Transport: script(&tries, budgeted(tc.left, 200)), Logger: slog.New(slog.NewTextHandler(&log, nil)),
				})
				_, err := client.Do(t.Context(), post("https://acme.example"), nil)
				require.NoError(t, err, "it was done")
				_, err = client.Do(t.Context(), post("https://acme.example"), nil)
				if !tc.held {
					require.NoError(t, err)
					require.Empty(t, log.String())
					return
				}
				api := apiError(t, err)
				require.Equal(t, crmlog.ErrRateLimited, api.Kind)
				require.Equal(t, 15*time.Minute, api.RetryAfter)
				require.True(t, api.NotDone)
				require.ErrorContains(t, err, "Config.Reserve")
				require.EqualValues(t, 1, tries.Load())
				require.Equal(t, 1, strings.Count(log.String(), "down to the reserve"))
			})
		})
	}
}

func TestFindingOutWhetherThereIsMoreSpendsLittleOfTheReserve(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		left, sent := 3000, 0
		var mu sync.Mutex
		client := newClient(t, crmhttp.Config{Reserve: 0.1, Transport: transport(func(*http.Request) (*http.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			left -= 5
			sent++
			return recorded(budgeted(left, 200)), nil
		})})
		for range 24 * 60 { // a day, a minute at a time
			load(t.Context(), client, 4, 4)
			time.Sleep(time.Minute)
		}
		require.LessOrEqual(t, sent, 24*4+3, "the first four may go out together, before any answer")
		require.GreaterOrEqual(t, sent, 24*3)
		require.Greater(t, left, 2500)

		left = 30000 // the next day
		time.Sleep(15 * time.Minute)
		require.Empty(t, load(t.Context(), client, 4, 4))
	})
}

func TestCallsAreCountedWithTheirTokens(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		steps []http.HandlerFunc
		want  crmlog.Cost
	}{
		"a success":                       {[]http.HandlerFunc{answer(200, `{}`)}, crmlog.Cost{Calls: 1, Tokens: 5}},
		"a refusal":                       {[]http.HandlerFunc{answer(400, `{}`)}, crmlog.Cost{Calls: 1, Tokens: 5}},
		"a limit costs no tokens":         {[]http.HandlerFunc{answer(429, `{}`), answer(200, `{}`)}, crmlog.Cost{Calls: 2, Tokens: 5}},
		"each try counts":                 {[]http.HandlerFunc{answer(503, `{}`), answer(500, `{}`), answer(200, `{}`)}, crmlog.Cost{Calls: 3, Tokens: 15}},
		"what is held back costs nothing": {[]http.HandlerFunc{answer(429, `{}`, "Retry-After", "60")}, crmlog.Cost{Calls: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var tries atomic.Int32
				client := newClient(t, crmhttp.Config{Transport: script(&tries, tc.steps...)})
				ctx, all := crmlog.WithCostMeter(t.Context())
				ctx, meter := crmlog.WithCostMeter(ctx)
				req := patch("https://acme.example")
				req.Tokens = 5
				_, err := client.Do(ctx, req, nil)
				if crmlog.RetryAfter(err) > 0 {
					_, err = client.Do(ctx, req, nil)
					require.ErrorIs(t, err, crmlog.ErrRateLimited)
				}
				require.Equal(t, tc.want, meter.Cost())
				require.Equal(t, tc.want, all.Cost(), "the outer meter goes on")
			})
		})
	}
	var tries atomic.Int32
	client := newClient(t, crmhttp.Config{Transport: script(&tries, answer(200, `{}`))})
	_, err := client.Do(context.Background(), get("https://acme.example"), nil)
	require.NoError(t, err, "without a meter")
}
