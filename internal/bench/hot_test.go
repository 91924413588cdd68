package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/testcrm"
	"github.com/stretchr/testify/require"
)

// direct hands requests to a server without a network, in a synctest bubble.
type direct struct{ server http.Handler }

func (d direct) RoundTrip(req *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(req.Method, req.URL.String(), http.NoBody).WithContext(req.Context())
	r.Header = req.Header
	if req.Body != nil {
		r.Body = req.Body
	}
	d.server.ServeHTTP(w, r)
	return w.Result(), nil
}

// What BenchmarkBeside compares differs in nothing that the CRM sees.
func TestFloorMakesTheSameRequests(t *testing.T) {
	t.Parallel()
	crm := testcrm.NewServer(testcrm.ServerConfig{})
	defer crm.Close()
	type request struct {
		Line   string
		Header http.Header
		Fields []string
	}
	var got []request
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var fields map[string]any
		if err := errors.Join(err, json.Unmarshal(body, &fields)); err != nil {
			t.Error(err)
		}
		got = append(got, request{r.Method + " " + r.URL.String(), r.Header.Clone(), slices.Sorted(maps.Keys(fields))})
		r.Body = io.NopCloser(bytes.NewReader(body))
		crm.ServeHTTP(w, r)
	}))
	defer web.Close()
	require.NoError(t, logger(t, web.URL, crmlog.NewMemoryStore()).both(1))
	require.NoError(t, poster(t, web.URL).both(1))
	require.Len(t, got, 2)
	require.Equal(t, got[0], got[1])
}

func TestHotConversationTakesFewCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const callers, messages = 64, 2000
		crm := testcrm.NewServer(testcrm.ServerConfig{Latency: 20 * time.Millisecond, KeepRequests: -1, MaxBody: 1 << 30})
		defer crm.Close()
		adapter, err := testcrm.New(testcrm.Config{BaseURL: "http://localhost", MaxBody: 1 << 30, Transport: direct{crm}})
		require.NoError(t, err)
		router, err := crmlog.NewRouter(adapter, crmlog.RouterConfig{Platform: testcrm.Platform})
		require.NoError(t, err)

		var next atomic.Int64
		var wg sync.WaitGroup
		errs := make([]error, messages)
		for range callers {
			wg.Go(func() {
				for i := next.Add(1) - 1; i < messages; i = next.Add(1) - 1 {
					m := message(int(i), 1)
					m.Subject = fmt.Sprintf("text %04d.", i)
					_, errs[i] = router.Log(t.Context(), input(m))
				}
			})
		}
		wg.Wait()
		require.NoError(t, router.Shutdown(context.Background()))
		for _, err := range errs {
			require.NoError(t, err)
		}

		calls := 0
		for _, n := range crm.Calls() {
			calls += n
		}
		t.Logf("%d messages: %d calls", messages, calls)
		require.LessOrEqual(t, calls, 120)
		require.Len(t, crm.Activities(), 1)
		texts := strings.Split(crm.Activities()[0].Body, "text ")[1:]
		require.Len(t, texts, messages)
		for i, text := range texts {
			require.True(t, strings.HasPrefix(text, fmt.Sprintf("%04d.", i)), "message %d is not at its place", i)
		}
	})
}

// Not parallel: it counts what the whole process allocates.
func TestRouterAllocatesLittle(t *testing.T) {
	router, err := crmlog.NewRouter(noop{}, crmlog.RouterConfig{Platform: "noop"})
	require.NoError(t, err)
	const messages = 1000
	inputs := make([]crmlog.LogInput, messages+1) // one for the run that warms up
	for i := range inputs {
		inputs[i] = input(message(i, i))
	}
	i := 0
	allocations := testing.AllocsPerRun(messages, func() {
		_, err := router.Log(t.Context(), inputs[i])
		require.NoError(t, err)
		i++
	})
	require.NoError(t, router.Shutdown(context.Background()))
	require.Less(t, allocations, 25.0)
}
