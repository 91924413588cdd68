package crmhttp_test

import (
	"context"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/crmhttp"
	"github.com/stretchr/testify/require"
)

// limitedCRM takes so many requests of an account in its window, tells so in
// Pipedrive's headers, and answers after a while. It is a transport, for what
// happens in a synctest bubble.
type limitedCRM struct {
	limit  int
	fixed  bool                 // windows follow each other; else any two seconds count
	there  func() time.Duration // how long a request takes
	back   func() time.Duration // and how long its answer
	silent func(n int) bool     // the answer to the n-th request has no headers
	lose   func(n int) bool     // it does not come

	mu       sync.Mutex
	taken    map[string][]time.Time // by credential
	arrived  []string               // which n, in order
	refused  int
	inFlight int
}

const window = 2 * time.Second

func (c *limitedCRM) RoundTrip(req *http.Request) (*http.Response, error) {
	c.mu.Lock()
	c.inFlight++
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.inFlight--
	}()
	wait := func(d func() time.Duration) {
		if d != nil {
			time.Sleep(d())
		}
	}
	wait(c.there)
	handler, lost := c.take(req)
	wait(c.back)
	if lost {
		return nil, errCut
	}
	return recorded(handler), nil
}

func (c *limitedCRM) take(req *http.Request) (http.HandlerFunc, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.arrived = append(c.arrived, req.URL.Query().Get("n"))
	if c.taken == nil {
		c.taken = map[string][]time.Time{}
	}
	now, account := time.Now(), req.Header.Get("Authorization")
	begin := now.Add(-window)
	if c.fixed {
		begin = now.Truncate(window).Add(-1)
	}
	taken := slices.DeleteFunc(c.taken[account], func(t time.Time) bool { return !t.After(begin) })
	status := 200
	if len(taken) >= c.limit {
		status = 429
		c.refused++
	} else {
		taken = append(taken, now)
	}
	c.taken[account] = taken
	reset := window - now.Sub(taken[0])
	if c.fixed {
		reset = window - now.Sub(now.Truncate(window))
	}
	headers := []string{
		"X-Ratelimit-Limit", strconv.Itoa(c.limit), "X-Ratelimit-Remaining", strconv.Itoa(c.limit - len(taken)),
		"X-Ratelimit-Reset", strconv.Itoa(int((reset + time.Second - 1) / time.Second)),
	}
	if c.silent != nil && c.silent(len(c.arrived)) {
		headers = nil
	}
	return answer(status, `{}`, headers...), c.lose != nil && c.lose(len(c.arrived))
}

func after(d time.Duration) func() time.Duration { return func() time.Duration { return d } }

func between(low, high time.Duration) func() time.Duration {
	return func() time.Duration { return low + rand.N(high-low) }
}

func (c *limitedCRM) flying() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.inFlight
}

func (c *limitedCRM) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.arrived)
}

func numbered(n int) crmhttp.Request {
	req := post("https://acme.example")
	req.Query = map[string][]string{"n": {strconv.Itoa(n)}}
	return req
}

// load makes so many calls, by so many callers, and returns their errors.
func load(ctx context.Context, client *crmhttp.Client, callers, calls int) []error {
	errs := make([]error, calls)
	var next atomic.Int32
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for n := int(next.Add(1)) - 1; n < calls; n = int(next.Add(1)) - 1 {
				_, errs[n] = client.Do(ctx, numbered(n), nil)
			}
		})
	}
	wg.Wait()
	return slices.DeleteFunc(errs, func(err error) bool { return err == nil })
}

func TestCallsArePacedByWhatTheCRMSaysIsLeft(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		crm   *limitedCRM
		speed float64 // at least, as a part of what the limit allows
	}{
		"answers at once":             {&limitedCRM{limit: 20}, 0.95},
		"answers soon":                {&limitedCRM{limit: 20, back: after(5 * time.Millisecond)}, 0.95},
		"fixed windows":               {&limitedCRM{limit: 20, fixed: true, back: after(5 * time.Millisecond)}, 0.95},
		"few":                         {&limitedCRM{limit: 5, back: after(50 * time.Millisecond)}, 0.9},
		"more than callers":           {&limitedCRM{limit: 80, back: between(0, 30*time.Millisecond)}, 0.9},
		"many more":                   {&limitedCRM{limit: 480, back: between(0, 100*time.Millisecond)}, 0.8},
		"a slow way there":            {&limitedCRM{limit: 20, there: after(300 * time.Millisecond)}, 0.8},
		"a slow way back":             {&limitedCRM{limit: 20, back: after(300 * time.Millisecond)}, 0.8},
		"answers overtake each other": {&limitedCRM{limit: 20, there: between(0, 50*time.Millisecond), back: between(0, 200*time.Millisecond)}, 0.75},
		"fixed, and overtaking":       {&limitedCRM{limit: 20, fixed: true, there: between(0, 50*time.Millisecond), back: between(0, 200*time.Millisecond)}, 0.9},
		"answers as slow as windows":  {&limitedCRM{limit: 20, there: after(10 * time.Millisecond), back: between(0, window)}, 0.3},
		"some answers get lost":       {&limitedCRM{limit: 20, back: after(20 * time.Millisecond), lose: func(n int) bool { return n%10 == 5 }}, 0.75},
		"some answers say nothing":    {&limitedCRM{limit: 20, back: after(20 * time.Millisecond), silent: func(n int) bool { return n%10 == 5 }}, 0.75},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				crm := tc.crm
				client := newClient(t, crmhttp.Config{Transport: crm, MaxWait: 20 * time.Second})
				const windows = 12
				start := time.Now()
				errs := load(t.Context(), client, 64, windows*crm.limit)
				speed := ((windows - 1) * window).Seconds() / time.Since(start).Seconds()
				t.Logf("%d calls at %.2f of the limit's speed, %d answers 429", crm.count(), speed, crm.refused)
				if crm.lose == nil {
					require.Empty(t, errs)
				}
				require.LessOrEqual(t, crm.refused, crm.count()/50)
				require.GreaterOrEqual(t, speed, tc.speed)
			})
		})
	}
}

func TestUntilTheFirstAnswerFewAreInFlight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		crm := &limitedCRM{limit: 20, back: after(100 * time.Millisecond)}
		client := newClient(t, crmhttp.Config{Transport: crm})
		var calls sync.WaitGroup
		calls.Go(func() { load(t.Context(), client, 64, 64) })
		synctest.Wait()
		require.Equal(t, 4, crm.flying())
		time.Sleep(101 * time.Millisecond)
		require.Equal(t, 16, crm.flying(), "what it left of 20")
		time.Sleep(100 * time.Millisecond)
		require.Zero(t, crm.flying())
		calls.Wait()
		require.Zero(t, crm.refused)
	})
}

func TestACRMThatTellsOfNoLimitIsNotHeldBack(t *testing.T) {
	t.Parallel()
	for name, headers := range map[string][]string{
		"nothing":            nil,
		"no limit":           {"X-Ratelimit-Remaining", "0", "X-Ratelimit-Reset", "2"},
		"a limit of none":    {"X-Ratelimit-Limit", "0", "X-Ratelimit-Remaining", "0", "X-Ratelimit-Reset", "2"},
		"no count":           {"X-Ratelimit-Limit", "20", "X-Ratelimit-Reset", "2"},
		"no number":          {"X-Ratelimit-Limit", "20", "X-Ratelimit-Remaining", "few", "X-Ratelimit-Reset", "2"},
		"a negative count":   {"X-Ratelimit-Limit", "20", "X-Ratelimit-Remaining", "-1", "X-Ratelimit-Reset", "2"},
		"no end":             {"X-Ratelimit-Limit", "20", "X-Ratelimit-Remaining", "0"},
		"an epoch":           {"X-Ratelimit-Limit", "20", "X-Ratelimit-Remaining", "0", "X-Ratelimit-Reset", "1793456789"},
		"an end that is not": {"X-Ratelimit-Limit", "20", "X-Ratelimit-Remaining", "0", "X-Ratelimit-Reset", "soon"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var inFlight atomic.Int32
				client := newClient(t, crmhttp.Config{Transport: transport(func(*http.Request) (*http.Response, error) {
					inFlight.Add(1)
					defer inFlight.Add(-1)
					time.Sleep(time.Second)
					return recorded(answer(200, `{}`, headers...)), nil
				})})
				var calls sync.WaitGroup
				calls.Go(func() { load(t.Context(), client, 64, 128) })
				synctest.Wait()
				require.EqualValues(t, 4, inFlight.Load())
				time.Sleep(1001 * time.Millisecond)
				require.EqualValues(t, 64, inFlight.Load())
				calls.Wait()
			})
		})
	}
}

func TestAFirstAnswerThatDoesNotComeHoldsUpNobodyForLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var inFlight atomic.Int32
		client := newClient(t, crmhttp.Config{Timeout: time.Minute, Transport: transport(func(req *http.Request) (*http.Response, error) {
			inFlight.Add(1)
			<-req.Context().Done()
			return nil, req.Context().Err()
		})})
		ctx, cancel := context.WithCancel(t.Context())
		var calls sync.WaitGroup
		calls.Go(func() { load(ctx, client, 64, 64) })
		time.Sleep(5*time.Second - 1)
		require.EqualValues(t, 4, inFlight.Load())
		time.Sleep(2 * time.Nanosecond)
		require.EqualValues(t, 64, inFlight.Load())
		cancel()
		calls.Wait()
	})
}

func TestACRMThatNoLongerTellsOfItsLimitIsNotHeldBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		crm := &limitedCRM{limit: 1 << 20, back: after(time.Second), silent: func(n int) bool { return n > 1 }}
		client := newClient(t, crmhttp.Config{Transport: transport(func(req *http.Request) (*http.Response, error) {
			resp, err := crm.RoundTrip(req)
			if resp.Header.Get("X-Ratelimit-Limit") != "" {
				resp.Header.Set("X-Ratelimit-Remaining", "3")
			}
			return resp, err
		})})
		require.Empty(t, load(t.Context(), client, 1, 30))
		var calls sync.WaitGroup
		calls.Go(func() { load(t.Context(), client, 64, 64) })
		synctest.Wait()
		require.Equal(t, 64, crm.flying())
		calls.Wait()
	})
}

func TestThoseWhoWaitGoInTheOrderInWhichTheyCame(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		crm := &limitedCRM{limit: 1, back: between(0, 100*time.Millisecond)}
		client := newClient(t, crmhttp.Config{Transport: crm, MaxWait: time.Minute})
		_, err := client.Do(t.Context(), numbered(0), nil)
		require.NoError(t, err)
		var calls sync.WaitGroup
		want := []string{"0"}
		for n := 1; n < 20; n++ {
			want = append(want, strconv.Itoa(n))
			calls.Go(func() {
				if _, err := client.Do(t.Context(), numbered(n), nil); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		calls.Wait()
		require.Equal(t, want, crm.arrived)
	})
}

func TestACallThatCannotWaitIsToldHowLongAndNotSent(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		reset    int // seconds; nothing is left until then
		before   int // who wait already
		deadline time.Duration
		want     time.Duration
	}{
		"beyond MaxWait":          {reset: 6, deadline: time.Hour, want: 6 * time.Second},
		"an hour":                 {reset: 3600, deadline: time.Hour + time.Minute, want: time.Hour},
		"hours are not believed":  {reset: 80000, deadline: time.Hour + time.Minute, want: time.Hour},
		"beyond the deadline":     {reset: 4, deadline: 3 * time.Second, want: 4 * time.Second},
		"too many are before it":  {reset: 4, before: 200, deadline: time.Hour, want: 24 * time.Second},
		"with a deadline, sooner": {reset: 4, before: 40, deadline: 7 * time.Second, want: 8 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var tries atomic.Int32
				client := newClient(t, crmhttp.Config{Transport: script(&tries, answer(200, `{}`,
					"X-Ratelimit-Limit", "40", "X-Ratelimit-Remaining", "0", "X-Ratelimit-Reset", strconv.Itoa(tc.reset)))})
				_, err := client.Do(t.Context(), post("https://acme.example"), nil)
				require.NoError(t, err)
				others, leave := context.WithCancel(t.Context())
				var calls sync.WaitGroup
				for range tc.before {
					calls.Go(func() { _, _ = client.Do(others, post("https://acme.example"), nil) })
				}
				synctest.Wait()

				ctx, cancel := context.WithTimeout(t.Context(), tc.deadline)
				defer cancel()
				start := time.Now()
				_, err = client.Do(ctx, post("https://acme.example"), nil)
				require.Zero(t, time.Since(start))
				api := apiError(t, err)
				require.Equal(t, crmlog.ErrRateLimited, api.Kind)
				require.Equal(t, tc.want, api.RetryAfter)
				require.True(t, api.NotDone)
				require.Zero(t, api.StatusCode)
				require.EqualValues(t, 1, tries.Load())
				leave()
				calls.Wait()
			})
		})
	}
}

func TestACallThatLeavesTheQueueIsPassedBy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		crm := &limitedCRM{limit: 4}
		client := newClient(t, crmhttp.Config{Transport: crm})
		require.Empty(t, load(t.Context(), client, 4, 4))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		var left, stayed error
		var took time.Duration
		var calls sync.WaitGroup
		start := time.Now()
		calls.Go(func() {
			_, left = client.Do(ctx, numbered(4), nil)
			took = time.Since(start)
		})
		synctest.Wait()
		calls.Go(func() { _, stayed = client.Do(t.Context(), numbered(5), nil) })
		calls.Wait()
		require.ErrorIs(t, left, context.Canceled)
		require.True(t, apiError(t, left).NotDone)
		require.Equal(t, time.Second, took)
		require.NoError(t, stayed)
		require.Equal(t, "5", crm.arrived[4])
		require.Equal(t, window, time.Since(start))
	})
}

func TestAPacedAccountHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*crmhttp.Request){
		"another credential": func(r *crmhttp.Request) { r.Auth = "Bearer another" },
		"another host":       func(r *crmhttp.Request) { r.BaseURL = "https://other.example" },
		"another account":    func(r *crmhttp.Request) { r.Account = "other" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := newClient(t, crmhttp.Config{Transport: &limitedCRM{limit: 5}})
				var calls sync.WaitGroup
				calls.Go(func() { load(t.Context(), client, 10, 40) })
				time.Sleep(time.Second)
				start := time.Now()
				req := numbered(100)
				change(&req)
				if name != "another credential" {
					req.Auth = "Bearer third" // the fake counts by it
				}
				_, err := client.Do(t.Context(), req, nil)
				require.NoError(t, err)
				require.Zero(t, time.Since(start))
				calls.Wait()
			})
		})
	}
}

func TestAnAccountWhoseAnswersGetLostGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		crm := &limitedCRM{limit: 5, lose: func(n int) bool { return n > 1 && n < 30 }}
		client := newClient(t, crmhttp.Config{Transport: crm, MaxWait: time.Minute})
		errs := load(t.Context(), client, 10, 60)
		require.Len(t, errs, 28)
		for _, err := range errs {
			require.ErrorIs(t, err, errCut)
		}
	})
}

func TestALimitThatTheAdapterReadsPacesToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var tries atomic.Int32
		client := newClient(t, crmhttp.Config{
			Transport: script(&tries, answer(200, `{}`, "Calls-Left", "none")),
			ParseLimit: func(h http.Header) crmhttp.Limit {
				return crmhttp.Limit{Requests: 10, Remaining: map[string]int{"none": 0}[h.Get("Calls-Left")], Reset: 300 * time.Millisecond}
			},
		})
		start := time.Now()
		for n := range 4 {
			_, err := client.Do(t.Context(), numbered(n), nil)
			require.NoError(t, err)
			require.Equal(t, time.Duration(n)*300*time.Millisecond, time.Since(start))
		}
	})
}

func TestOpenGatesAreForgottenToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := newClient(t, crmhttp.Config{Transport: &limitedCRM{limit: 20}})
		call := func(account string) {
			req := numbered(0)
			req.Account, req.Auth = account, crmlog.AuthHeader("Bearer "+account)
			_, err := client.Do(t.Context(), req, nil)
			require.NoError(t, err)
		}
		for i := range 1000 {
			call("a" + strconv.Itoa(i))
		}
		require.Equal(t, 1000, crmhttp.Gates(client))
		time.Sleep(2 * time.Minute)
		for i := range 1100 {
			call("b" + strconv.Itoa(i))
		}
		require.LessOrEqual(t, crmhttp.Gates(client), 1100)
	})
}

func TestParseLimit(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		headers []string
		want    crmhttp.Limit
	}{
		"none":            {nil, crmhttp.Limit{}},
		"a burst's":       {[]string{"X-Ratelimit-Limit", "80", "X-Ratelimit-Remaining", "79", "X-Ratelimit-Reset", "2"}, crmhttp.Limit{Requests: 80, Remaining: 79, Reset: 2 * time.Second}},
		"with blanks":     {[]string{"X-Ratelimit-Limit", " 80", "X-Ratelimit-Remaining", "0 ", "X-Ratelimit-Reset", " 1 "}, crmhttp.Limit{Requests: 80, Reset: time.Second}},
		"a moment":        {[]string{"X-Ratelimit-Limit", "80", "X-Ratelimit-Remaining", "0", "X-Ratelimit-Reset", "0"}, crmhttp.Limit{Requests: 80}},
		"a day's":         {[]string{"X-Daily-Ratelimit-Token-Limit", "30000", "X-Daily-Ratelimit-Token-Remaining", "29995"}, crmhttp.Limit{Budget: 30000, BudgetLeft: 29995}},
		"a day's, spent":  {[]string{"X-Daily-Ratelimit-Token-Limit", "30000", "X-Daily-Ratelimit-Token-Remaining", "0"}, crmhttp.Limit{Budget: 30000}},
		"half of a day's": {[]string{"X-Daily-Ratelimit-Token-Remaining", "0"}, crmhttp.Limit{}},
		"beyond numbers":  {[]string{"X-Ratelimit-Limit", "99999999999999999999", "X-Ratelimit-Remaining", "1", "X-Ratelimit-Reset", "2"}, crmhttp.Limit{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := http.Header{}
			for i := 0; i < len(tc.headers); i += 2 {
				h.Set(tc.headers[i], tc.headers[i+1])
			}
			require.Equal(t, tc.want, crmhttp.ParseLimit(h))
		})
	}
}

// Whatever the headers say, a call that a CRM answers at once is done in bounded
// time, or told to wait.
func FuzzOddLimits(f *testing.F) {
	f.Add("20", "19", "2", "30000", "29000", "")
	f.Add("20", "0", "0", "", "", "0")
	f.Add("1", "0", "86400", "1", "0", "3")
	f.Add("-1", "x", "1793456789", "10", "1", "soon")
	f.Fuzz(func(t *testing.T, limit, remaining, reset, budget, left, retryAfter string) {
		synctest.Test(t, func(t *testing.T) {
			headers := http.Header{"X-Ratelimit-Limit": {limit}, "X-Ratelimit-Remaining": {remaining}, "X-Ratelimit-Reset": {reset},
				"X-Daily-Ratelimit-Token-Limit": {budget}, "X-Daily-Ratelimit-Token-Remaining": {left}, "Retry-After": {retryAfter},
				"Content-Type": {"application/json"}}
			var tries atomic.Int32
			client := newClient(t, crmhttp.Config{Reserve: 0.5, Transport: transport(func(*http.Request) (*http.Response, error) {
				resp := recorded(answer(200, `{}`))
				if tries.Add(1)%5 == 0 {
					resp = recorded(answer(429, `{}`))
				}
				resp.Header = headers
				return resp, nil
			})})
			for _, err := range load(t.Context(), client, 8, 24) {
				require.ErrorIs(t, err, crmlog.ErrRateLimited)
				require.Positive(t, crmlog.RetryAfter(err))
			}
			require.Less(t, time.Since(bubbleStart), 24*6*25*time.Second)
		})
	})
}

// bubbleStart is when synctest's clock begins.
var bubbleStart = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
