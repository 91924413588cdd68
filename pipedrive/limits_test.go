package pipedrive_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/pipedrive"
	"github.com/crmlog/crmlog/pipedrive/pipedrivetest"
	"github.com/stretchr/testify/require"
)

// together calls f for 0 to n-1, so many at a time, and returns their errors.
func together(callers, n int, f func(i int) error) error {
	errs := make([]error, n)
	var next atomic.Int32
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				errs[i] = f(i)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// newRouter is a router as a service has it, whose writes have time to wait.
func newRouter(t *testing.T, adapter crmlog.Adapter) *crmlog.Router {
	t.Helper()
	router, err := crmlog.NewRouter(adapter, crmlog.RouterConfig{Platform: pipedrive.Platform})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, router.Shutdown(context.Background())) })
	return router
}

// chat is the i-th message of many conversations.
func chat(i, conversations int, auth crmlog.AuthHeader) crmlog.LogInput {
	n := i % conversations
	m := outbound(strconv.Itoa(100_000+i), fmt.Sprintf("2026-03-02T17:%02d:00Z", i/conversations), fmt.Sprintf("text-%d.", i))
	m.ConversationID = crmlog.ID(strconv.Itoa(5000 + n))
	in := logInput(m)
	in.ContactInfo.ID = crmlog.ID(strconv.Itoa(1000 + n))
	in.AuthHeader = auth
	return in
}

func TestBurstLimitLosesNoMessage(t *testing.T) {
	t.Parallel()
	for _, latency := range []time.Duration{0, 5 * time.Millisecond, 300 * time.Millisecond} {
		t.Run(latency.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { burst(t, latency) })
		})
	}
}

func burst(t *testing.T, latency time.Duration) {
	const messages, conversations, limit = 2000, 500, 80
	crm := pipedrivetest.New(pipedrivetest.Config{BurstLimit: limit, Latency: latency, KeepRequests: 1 << 20})
	adapter, err := pipedrive.New(pipedrive.Config{Transport: company{authHeader: crm}})
	require.NoError(t, err)
	router := newRouter(t, adapter)
	begin := time.Now()
	var mu sync.Mutex
	var cost crmlog.Cost
	err = together(64, messages, func(i int) error {
		report, err := router.Log(t.Context(), chat(i, conversations, authHeader))
		mu.Lock()
		defer mu.Unlock()
		cost.Calls += report.Cost.Calls
		cost.Tokens += report.Cost.Tokens
		return err
	})
	took := time.Since(begin)
	require.NoError(t, err)

	refused := 0
	requests := crm.Requests()
	for _, r := range requests {
		if r.Status == http.StatusTooManyRequests {
			refused++
		}
	}
	atBest := time.Duration(len(requests)-limit) * 2 * time.Second / limit
	t.Logf("%d messages of %d conversations: %d calls in %s (the limit allows them in %s), %d answers 429",
		messages, conversations, len(requests), took, atBest, refused)
	require.LessOrEqual(t, float64(refused), 0.02*float64(len(requests)))
	require.LessOrEqual(t, took, 2*atBest, "what the limit allows is used")
	require.Equal(t, crmlog.Cost{Calls: crm.Calls("", ""), Tokens: crm.Tokens()}, cost, "the reports say what it cost")

	var notes strings.Builder
	require.Len(t, crm.Activities(), conversations)
	for _, a := range crm.Activities() {
		notes.WriteString(lines(a))
	}
	shown := notes.String()
	for i := range messages {
		require.Equal(t, 1, strings.Count(shown, fmt.Sprintf("text-%d.", i)), "message %d", i)
	}
}

func TestThrottledTenantSlowsNoOther(t *testing.T) {
	t.Parallel()
	const quick, slow = "Bearer quick", "Bearer slow"
	const latency = 40 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		crm := company{
			quick: pipedrivetest.New(pipedrivetest.Config{Latency: latency, KeepRequests: -1}),
			slow:  pipedrivetest.New(pipedrivetest.Config{Latency: latency, KeepRequests: -1, BurstLimit: 20}),
		}
		adapter, err := pipedrive.New(pipedrive.Config{Transport: crm})
		require.NoError(t, err)
		router := newRouter(t, adapter)

		const messages = 640
		next := 0
		speed := func() float64 {
			first := next
			next += messages
			begin := time.Now()
			require.NoError(t, together(16, messages, func(i int) error {
				_, err := router.Log(t.Context(), chat(first+i, 1<<20, quick))
				return err
			}))
			return messages / time.Since(begin).Seconds()
		}
		speed() // fills caches
		alone := speed()
		ctx, stop := context.WithCancel(t.Context())
		var others sync.WaitGroup
		others.Go(func() {
			_ = together(32, 1<<18, func(i int) error {
				if ctx.Err() != nil {
					return nil
				}
				_, err := router.Log(ctx, chat(1<<19+i, 1<<20, slow))
				return err
			})
		})
		time.Sleep(3 * time.Second) // until it is throttled
		before := crm[slow].Calls("", "")
		require.Positive(t, before)
		beside := speed()
		calls := crm[slow].Calls("", "") - before
		stop()
		others.Wait()
		t.Logf("alone %.0f messages/s, beside a throttled tenant of %d calls %.0f: %.3f", alone, calls, beside, beside/alone)
		require.Positive(t, calls, "it goes on")
		require.GreaterOrEqual(t, beside, 0.9*alone)
	})
}

// company is a fake Pipedrive without a network, for what happens in a synctest
// bubble. Each credential has a company of its own.
type company map[string]*pipedrivetest.Server

func (c company) RoundTrip(req *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	server := httptest.NewRequest(req.Method, req.URL.String(), http.NoBody).WithContext(req.Context())
	server.Header = req.Header
	if req.Body != nil {
		server.Body = req.Body
	}
	c[req.Header.Get("Authorization")].ServeHTTP(w, server)
	return w.Result(), nil
}

func TestDailyBudgetAtItsEnd(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		reserve    float64
		retryAfter string
		spent      [2]int        // what is spent of 1,000 tokens then: at least, at most
		want       time.Duration // how long the next call is told to wait, at most
	}{
		"it is spent to the last":          {0, "", [2]int{1000, 1005}, time.Hour},
		"with a Retry-After of no use":     {0, "3", [2]int{1000, 1005}, time.Minute},
		"a reserve is left":                {0.1, "", [2]int{901, 915}, 15 * time.Minute},
		"a larger reserve, a useless wait": {0.5, "3", [2]int{501, 515}, 15 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				crm := company{
					authHeader:       pipedrivetest.New(pipedrivetest.Config{DailyTokens: 1000, RetryAfter: tc.retryAfter}),
					"Bearer another": pipedrivetest.New(pipedrivetest.Config{DailyTokens: 1000}),
				}
				adapter, err := pipedrive.New(pipedrive.Config{Transport: crm, Reserve: tc.reserve})
				require.NoError(t, err)
				router := newRouter(t, adapter)
				logged := 0
				for err == nil {
					_, err = router.Log(t.Context(), chat(logged, 1<<20, authHeader))
					logged++
				}
				require.Zero(t, time.Since(midnight))
				require.ErrorIs(t, err, crmlog.ErrRateLimited)
				require.NotErrorIs(t, err, crmlog.ErrOutcomeUnknown)
				require.GreaterOrEqual(t, crm[authHeader].Tokens(), tc.spent[0])
				require.LessOrEqual(t, crm[authHeader].Tokens(), tc.spent[1])
				calls := crm[authHeader].Calls("", "")
				_, err = router.Log(t.Context(), chat(logged, 1<<20, authHeader))
				require.Positive(t, crmlog.RetryAfter(err))
				require.LessOrEqual(t, crmlog.RetryAfter(err), tc.want)
				require.Equal(t, calls, crm[authHeader].Calls("", ""), "nothing is sent")
				_, err = router.Log(t.Context(), chat(logged, 1<<20, "Bearer another"))
				require.NoError(t, err)

				// A day of people who try: few calls find out whether there is more.
				for range 23*60 + 50 {
					time.Sleep(time.Minute)
					_, _ = router.Log(t.Context(), chat(logged, 1<<20, authHeader))
					logged++
				}
				if tc.reserve > 0 {
					require.LessOrEqual(t, crm[authHeader].Calls("", "")-calls, 24*4)
				}
				time.Sleep(2 * time.Hour)
				_, err = router.Log(t.Context(), chat(logged, 1<<20, authHeader))
				require.NoError(t, err, "the next day")
			})
		})
	}
}

// midnight is when synctest's clock begins.
var midnight = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func TestReserveThatIsNone(t *testing.T) {
	t.Parallel()
	for _, reserve := range []float64{-0.1, 1, 10} {
		_, err := pipedrive.New(pipedrive.Config{Reserve: reserve})
		inputError(t, err, "Config.Reserve", "")
	}
}

func TestReportsOfASharedBatchAddUpToWhatItCost(t *testing.T) {
	t.Parallel()
	s := start(t, pipedrivetest.Config{Latency: 20 * time.Millisecond}, pipedrive.Config{})
	reports := make([]crmlog.Report, 30)
	require.NoError(t, together(30, 30, func(i int) (err error) {
		in := logInput(outbound(strconv.Itoa(9000+i), fmt.Sprintf("2026-03-02T17:%02d:00Z", i), "Hello"))
		in.User.Name = ""
		reports[i], err = s.router.Log(t.Context(), in)
		return err
	}))
	var sum crmlog.Cost
	free := 0
	for _, r := range reports {
		sum.Calls += r.Cost.Calls
		sum.Tokens += r.Cost.Tokens
		if r.Cost == (crmlog.Cost{}) {
			free++
		}
	}
	require.Equal(t, crmlog.Cost{Calls: s.Calls("", ""), Tokens: s.Tokens()}, sum)
	require.Positive(t, free, "they shared batches")
}
