package crmhttp_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/crmhttp"
	"github.com/stretchr/testify/require"
)

// script answers the n-th request with the n-th handler, and the last for good.
func script(tries *atomic.Int32, steps ...http.HandlerFunc) transport {
	return func(*http.Request) (*http.Response, error) {
		n := int(tries.Add(1))
		return recorded(steps[min(n, len(steps))-1]), nil
	}
}

func TestALimitIsWaitedForInWhateverFormItComes(t *testing.T) {
	t.Parallel()
	inAMinute := func(h string) []string {
		return []string{"Date", "Fri, 01 Feb 2030 10:00:00 GMT", "Retry-After", h}
	}
	for name, tc := range map[string]struct {
		headers []string
		wait    time.Duration
	}{
		"seconds":                     {[]string{"Retry-After", "3"}, 3 * time.Second},
		"seconds with blanks":         {[]string{"Retry-After", " 3 "}, 3 * time.Second},
		"decimals":                    {[]string{"Retry-After", "1.5"}, 1500 * time.Millisecond},
		"a date":                      {inAMinute("Fri, 01 Feb 2030 10:00:04 GMT"), 4 * time.Second},
		"a date without the server's": {[]string{"Retry-After", "Sat, 01 Jan 2000 00:00:05 GMT"}, 5 * time.Second},
		"a past date":                 {inAMinute("Fri, 01 Feb 2030 09:00:00 GMT"), 2 * time.Second},
		"nothing":                     {nil, 2 * time.Second},
		"empty":                       {[]string{"Retry-After", ""}, 2 * time.Second},
		"zero":                        {[]string{"Retry-After", "0"}, 2 * time.Second},
		"negative":                    {[]string{"Retry-After", "-5"}, 2 * time.Second},
		"a word":                      {[]string{"Retry-After", "soon"}, 2 * time.Second},
		"not a number":                {[]string{"Retry-After", "NaN"}, 2 * time.Second},
		"infinite":                    {[]string{"Retry-After", "Inf"}, 2 * time.Second},
		"an exponent":                 {[]string{"Retry-After", "1e9"}, 2 * time.Second},
		"dots":                        {[]string{"Retry-After", "1.2.3"}, 2 * time.Second},
		"the reset header":            {[]string{"X-Ratelimit-Reset", "4"}, 4 * time.Second},
		"a reset that is an epoch":    {[]string{"X-Ratelimit-Reset", "1793456789"}, 2 * time.Second},
		"both":                        {[]string{"Retry-After", "1", "X-Ratelimit-Reset", "4"}, time.Second},
		"a bad one and a reset":       {[]string{"Retry-After", "x", "X-Ratelimit-Reset", "4"}, 4 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { // begins at 2000-01-01T00:00:00Z
				for _, request := range []func(string) crmhttp.Request{get, post} {
					var tries atomic.Int32
					client := newClient(t, crmhttp.Config{Transport: script(&tries, answer(429, `{}`, tc.headers...), answer(200, `{}`))})
					start := time.Now()
					if name == "a date without the server's" && start.Second() > 0 {
						return // it has passed
					}
					_, err := client.Do(t.Context(), request("https://acme.example"), nil)
					require.NoError(t, err)
					require.EqualValues(t, 2, tries.Load())
					require.GreaterOrEqual(t, time.Since(start), tc.wait)
					require.Less(t, time.Since(start), tc.wait+max(tc.wait/4, 50*time.Millisecond))
				}
			})
		})
	}
}

func TestALimitThatLastsTooLongFailsAtOnceAndSaysHowLong(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		retryAfter string
		maxWait    time.Duration
		deadline   time.Duration
		want       time.Duration
	}{
		"beyond the default":       {"6", 0, time.Hour, 6 * time.Second},
		"beyond MaxWait":           {"2", time.Second, time.Hour, 2 * time.Second},
		"a day's budget":           {"3939", 0, time.Hour, 3939 * time.Second},
		"beyond the deadline":      {"4", 0, 3 * time.Second, 4 * time.Second},
		"up to the deadline":       {"4", 0, 4 * time.Second, 4 * time.Second},
		"absurd":                   {"99999999999999999999999999", 0, time.Hour, 24 * time.Hour},
		"an epoch":                 {"1793456789", 0, time.Hour, 24 * time.Hour},
		"a date a long time ahead": {"Fri, 31 Dec 9999 23:59:59 GMT", 0, time.Hour, 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var tries atomic.Int32
				client := newClient(t, crmhttp.Config{
					MaxWait: tc.maxWait, Transport: script(&tries, answer(429, `{"error":"enough"}`, "Retry-After", tc.retryAfter)),
				})
				ctx, cancel := context.WithTimeout(t.Context(), tc.deadline)
				defer cancel()
				start := time.Now()
				_, err := client.Do(ctx, post("https://acme.example"), nil)
				require.Zero(t, time.Since(start))
				require.EqualValues(t, 1, tries.Load())
				api := apiError(t, err)
				require.Equal(t, crmlog.ErrRateLimited, api.Kind)
				require.Equal(t, 429, api.StatusCode)
				require.Equal(t, "enough", api.Message)
				require.Equal(t, tc.want, api.RetryAfter)
				require.True(t, api.NotDone)
			})
		})
	}
}

func TestTheAdaptersWordOnTheWaitCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var tries atomic.Int32
		client := newClient(t, crmhttp.Config{
			Transport: script(&tries, answer(400, `{}`, "Retry-After", "1")),
			ParseError: func(crmhttp.Answer) crmhttp.ErrorDetail {
				return crmhttp.ErrorDetail{Kind: crmlog.ErrRateLimited, RetryAfter: time.Minute}
			},
		})
		_, err := client.Do(t.Context(), get("https://acme.example"), nil)
		require.ErrorIs(t, err, crmlog.ErrRateLimited)
		require.Equal(t, time.Minute, crmlog.RetryAfter(err))
		time.Sleep(10 * time.Second)
		_, err = client.Do(t.Context(), get("https://acme.example"), nil)
		require.ErrorIs(t, err, crmlog.ErrRateLimited)
		require.Equal(t, 50*time.Second, crmlog.RetryAfter(err), "what is left of it")
		require.EqualValues(t, 1, tries.Load())
	})
}

func TestALimitHoldsBackTheWholeAccountAndNoOther(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ same, other func(*crmhttp.Request) }{
		"by name": {
			func(r *crmhttp.Request) { r.Account, r.Auth = "company-1", "Bearer another" },
			func(r *crmhttp.Request) { r.Account = "company-2" },
		},
		"by credential": {
			func(r *crmhttp.Request) {},
			func(r *crmhttp.Request) { r.Auth = "Bearer another" },
		},
		"by host": {
			func(r *crmhttp.Request) { r.BaseURL = "https://ACME.example/x" },
			func(r *crmhttp.Request) { r.BaseURL = "https://other.example" },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var tries atomic.Int32
				client := newClient(t, crmhttp.Config{
					Transport: script(&tries, answer(429, `{}`, "Retry-After", "60"), answer(200, `{}`)),
				})
				first, same, other := get("https://acme.example"), get("https://acme.example"), get("https://acme.example")
				if name == "by name" {
					first.Account = "company-1"
				}
				tc.same(&same)
				tc.other(&other)

				_, err := client.Do(t.Context(), first, nil)
				require.ErrorIs(t, err, crmlog.ErrRateLimited)

				same.Method, same.Body = http.MethodPost, 1
				_, err = client.Do(t.Context(), same, nil)
				api := apiError(t, err)
				require.Equal(t, crmlog.ErrRateLimited, api.Kind)
				require.Equal(t, time.Minute, api.RetryAfter)
				require.Zero(t, api.StatusCode)
				require.True(t, api.NotDone)
				require.EqualValues(t, 1, tries.Load(), "nothing was sent")

				_, err = client.Do(t.Context(), other, nil)
				require.NoError(t, err)

				time.Sleep(58 * time.Second)
				start := time.Now()
				_, err = client.Do(t.Context(), same, nil)
				require.NoError(t, err)
				require.GreaterOrEqual(t, time.Since(start), 2*time.Second)
			})
		})
	}
}

func TestThoseWhoWaitDoNotStartAllAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var tries atomic.Int32
		var mu sync.Mutex
		var arrivals []time.Time
		client := newClient(t, crmhttp.Config{Transport: transport(func(*http.Request) (*http.Response, error) {
			if tries.Add(1) == 1 {
				return recorded(answer(429, `{}`, "Retry-After", "4")), nil
			}
			mu.Lock()
			defer mu.Unlock()
			arrivals = append(arrivals, time.Now())
			return recorded(answer(200, `{}`)), nil
		})})
		var calls sync.WaitGroup
		errs := make([]error, 50)
		closed := time.Now()
		calls.Go(func() { _, errs[0] = client.Do(t.Context(), post("https://acme.example"), nil) })
		synctest.Wait()
		for i := range errs[1:] {
			calls.Go(func() { _, errs[i+1] = client.Do(t.Context(), post("https://acme.example"), nil) })
		}
		calls.Wait()
		require.NoError(t, errors.Join(errs...))
		require.Len(t, arrivals, 50)
		slices.SortFunc(arrivals, time.Time.Compare)
		require.GreaterOrEqual(t, arrivals[0].Sub(closed), 4*time.Second)
		require.LessOrEqual(t, arrivals[49].Sub(closed), 5*time.Second)
		require.Greater(t, arrivals[49].Sub(arrivals[0]), 200*time.Millisecond)
	})
}

func TestAGateThatClosesAgainAndAgainEndsTheCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var tries atomic.Int32
		client := newClient(t, crmhttp.Config{Transport: script(&tries, answer(429, `{}`, "Retry-After", "5"))})
		start := time.Now()
		_, err := client.Do(t.Context(), post("https://acme.example"), nil)
		require.ErrorIs(t, err, crmlog.ErrRateLimited)
		require.Equal(t, 5*time.Second, crmlog.RetryAfter(err))
		require.EqualValues(t, 6, tries.Load())
		require.Less(t, time.Since(start), 40*time.Second)
	})
}

func TestACallDoesNotWaitForEverWhileOthersCloseTheGate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const others = 40
		var tries atomic.Int32
		client := newClient(t, crmhttp.Config{Timeout: time.Hour, Transport: transport(func(*http.Request) (*http.Response, error) {
			n := tries.Add(1) - 1
			if n == 0 || n > others {
				return recorded(answer(200, `{}`)), nil
			}
			time.Sleep(time.Duration(n) * 3 * time.Second)
			return recorded(answer(429, `{}`, "Retry-After", "4")), nil
		})})
		_, err := client.Do(t.Context(), post("https://acme.example"), nil)
		require.NoError(t, err)
		var calls sync.WaitGroup
		for range others {
			calls.Go(func() { _, _ = client.Do(t.Context(), post("https://acme.example"), nil) })
		}
		time.Sleep(3500 * time.Millisecond)
		start := time.Now()
		_, err = client.Do(t.Context(), post("https://acme.example"), nil)
		require.ErrorIs(t, err, crmlog.ErrRateLimited)
		require.Positive(t, crmlog.RetryAfter(err))
		require.LessOrEqual(t, time.Since(start), 4*5*time.Second)
		calls.Wait()
	})
}

func TestACallThatWaitsAtTheGateEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var tries atomic.Int32
		client := newClient(t, crmhttp.Config{Transport: script(&tries, answer(429, `{}`, "Retry-After", "5"))})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		_, err := client.Do(ctx, post("https://acme.example"), nil)
		require.Equal(t, time.Second, time.Since(start))
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, 429, apiError(t, err).StatusCode)
		require.True(t, apiError(t, err).NotDone)

		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err = client.Do(ctx, post("https://acme.example"), nil) // waits from the start
		require.ErrorIs(t, err, context.Canceled)
		require.True(t, apiError(t, err).NotDone)
		require.EqualValues(t, 1, tries.Load())
	})
}

func TestAFirewalls403ClosesTheGateForAMinute(t *testing.T) {
	t.Parallel()
	page := answer(403, "<html>This error is produced by Cloudflare</html>", "Content-Type", "text/html")
	synctest.Test(t, func(t *testing.T) {
		var tries atomic.Int32
		client := newClient(t, crmhttp.Config{Transport: script(&tries, page, answer(200, `{}`))})
		for range 2 {
			_, err := client.Do(t.Context(), post("https://acme.example"), nil)
			api := apiError(t, err)
			require.Equal(t, crmlog.ErrRateLimited, api.Kind)
			require.Equal(t, time.Minute, api.RetryAfter)
			require.True(t, api.NotDone)
			require.EqualValues(t, 1, tries.Load())
		}
		time.Sleep(time.Minute)
		_, err := client.Do(t.Context(), post("https://acme.example"), nil)
		require.NoError(t, err)
	})
	for name, handler := range map[string]http.HandlerFunc{
		"JSON":               answer(403, `{"error":"no"}`),
		"JSON by its looks":  answer(403, `{"error":"no"}`, "Content-Type", "text/plain"),
		"nothing to be read": answer(403, ``, "Content-Type", "text/plain"),
	} {
		t.Run(name+" is the CRM's own", func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var tries atomic.Int32
				client := newClient(t, crmhttp.Config{Transport: script(&tries, handler, answer(200, `{}`))})
				_, err := client.Do(t.Context(), post("https://acme.example"), nil)
				require.ErrorIs(t, err, crmlog.ErrForbidden)
				require.Zero(t, crmlog.RetryAfter(err))
				_, err = client.Do(t.Context(), post("https://acme.example"), nil)
				require.NoError(t, err)
			})
		})
	}
}

func TestADaysLimitIsProbedOnceAnHour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var tries atomic.Int32
		client := newClient(t, crmhttp.Config{Transport: script(&tries, answer(429, `{}`, "Retry-After", "80000"), answer(200, `{}`))})
		_, err := client.Do(t.Context(), get("https://acme.example"), nil)
		require.Equal(t, 80000*time.Second, crmlog.RetryAfter(err))
		_, err = client.Do(t.Context(), get("https://acme.example"), nil)
		require.Equal(t, time.Hour, crmlog.RetryAfter(err))
		time.Sleep(time.Hour)
		_, err = client.Do(t.Context(), get("https://acme.example"), nil)
		require.NoError(t, err)
	})
}

func TestGatesAreForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var tries atomic.Int32
		client := newClient(t, crmhttp.Config{Transport: script(&tries, answer(429, `{}`, "Retry-After", "600"))})
		limit := func(account string) {
			req := get("https://acme.example")
			req.Account = account
			_, err := client.Do(t.Context(), req, nil)
			require.ErrorIs(t, err, crmlog.ErrRateLimited)
		}
		for i := range crmhttp.MaxGates + 1000 {
			limit(fmt.Sprint("a", i))
		}
		require.LessOrEqual(t, crmhttp.Gates(client), crmhttp.MaxGates)
		require.Greater(t, crmhttp.Gates(client), crmhttp.MaxGates/2)

		time.Sleep(10 * time.Minute)
		for i := range 1100 { // enough for the next sweep
			limit(fmt.Sprint("b", i))
		}
		require.LessOrEqual(t, crmhttp.Gates(client), 1100)
	})
}

// What was sent before a long limit began says nothing of whether it is over.
func TestAnEarlierAnswerDoesNotEndALongLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var tries, sent atomic.Int32
		client := newClient(t, crmhttp.Config{MaxWait: 2 * time.Minute, Transport: transport(func(*http.Request) (*http.Response, error) {
			switch n := tries.Add(1); n {
			case 1:
				time.Sleep(time.Second)
				return recorded(answer(429, `{}`, "Retry-After", "60")), nil
			case 2:
				time.Sleep(2 * time.Second)
				return recorded(answer(200, `{}`)), nil
			case 3: // finds out
				time.Sleep(3 * time.Second)
				sent.Store(tries.Load())
				return recorded(answer(200, `{}`)), nil
			}
			time.Sleep(time.Second)
			return recorded(answer(200, `{}`)), nil
		})})
		var wg sync.WaitGroup
		var failed atomic.Int32
		call := func() {
			if _, err := client.Do(t.Context(), get("https://acme.example"), nil); err != nil {
				failed.Add(1)
			}
		}
		wg.Go(call)
		wg.Go(call)
		time.Sleep(3 * time.Second)
		for range 5 {
			wg.Go(call)
		}
		wg.Wait()
		require.Zero(t, failed.Load())
		require.EqualValues(t, 3, sent.Load(), "others went out while one found out")
		require.EqualValues(t, 8, tries.Load())
	})
}
