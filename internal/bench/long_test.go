package bench

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/sqlstore/sqlite"
	"github.com/crmlog/crmlog/testcrm"
	"github.com/stretchr/testify/require"
)

// forgetful is a CRM that takes any activity and keeps none, so that whatever
// grows is ours. It counts its connections.
func forgetful(t *testing.T) (url string, connections func() int64) {
	var ids, open atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_, _ = fmt.Fprintf(w, `{"id":"act_%d"}`, ids.Add(1))
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		switch s {
		case http.StateNew:
			open.Add(1)
		case http.StateClosed, http.StateHijacked:
			open.Add(-1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	return server.URL, open.Load
}

// TestNothingGrows logs many messages with a store on disk, a million with
// CRMLOG_PROOF=full, and looks ten times at what the process holds. Not parallel:
// it counts all of it.
func TestNothingGrows(t *testing.T) {
	messages := 4000
	if os.Getenv("CRMLOG_PROOF") == "full" {
		messages = 1_000_000
	}
	const callers = 64
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "store.db"))
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	url, connections := forgetful(t)
	transport := &http.Transport{MaxIdleConnsPerHost: callers}
	defer transport.CloseIdleConnections()
	adapter, err := testcrm.New(testcrm.Config{BaseURL: url, Transport: transport})
	require.NoError(t, err)
	router, err := crmlog.NewRouter(adapter, crmlog.RouterConfig{Platform: testcrm.Platform, Store: store})
	require.NoError(t, err)

	type look struct {
		heap        uint64
		goroutines  int
		connections int64
	}
	var looks []look
	for tenth := range 10 {
		var next atomic.Int64
		var wg sync.WaitGroup
		errs := make([]error, callers)
		for c := range callers {
			wg.Go(func() {
				for i := next.Add(1) - 1; i < int64(messages/10) && errs[c] == nil; i = next.Add(1) - 1 {
					n := tenth*messages/10 + int(i)
					in := input(message(n, n))
					in.ContactInfo.ID = crmlog.ID(strconv.Itoa(n % 10_000))
					_, errs[c] = router.Log(context.Background(), in)
				}
			})
		}
		wg.Wait()
		for _, err := range errs {
			require.NoError(t, err)
		}
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		l := look{m.HeapAlloc, runtime.NumGoroutine(), connections()}
		t.Logf("%8d messages: heap %6.2f MB, %d goroutines, %d connections", (tenth+1)*messages/10, float64(l.heap)/1e6, l.goroutines, l.connections)
		looks = append(looks, l)
	}
	require.NoError(t, router.Shutdown(context.Background()))

	second, last := looks[1], looks[9]
	require.LessOrEqual(t, float64(last.heap), 1.1*float64(second.heap))
	require.LessOrEqual(t, last.connections, int64(callers))
	require.LessOrEqual(t, last.goroutines, 3*callers+10, "three for each connection, with the CRM's")
}
