package proof

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/testcrm"
)

// A digest whose writer was killed is blocked for the rest of its lease, and for
// the settle time on top when a record was being made. A busy machine can be late
// at any step, so the best of a few measurements counts; a lease that is not
// given back at its end spoils them all.
func TestBlocked(t *testing.T) {
	for _, storage := range []storage{onSQLite, onPostgres} {
		for _, kind := range []string{"add", "update"} {
			t.Run(storage.name+" "+kind, func(t *testing.T) {
				best := blockedAfterKill(t, storage, kind)
				for n := 1; n < 5 && best >= 1.3; n++ {
					best = min(best, blockedAfterKill(t, storage, kind))
				}
				require.Less(t, best, 1.5)
			})
		}
	}
}

// blockedAfterKill measures, as a ratio to the lease, how long after a kill in
// the middle of a write another process writes to the same digest.
func blockedAfterKill(t *testing.T, storage storage, kind string) float64 {
	source := storage.make(t)
	o := order{Seed: seed(t), Shape: shape{Messages: 1, Conversations: 1}, Source: source, Callers: 1}
	all := workload(o.Seed, o.Shape)
	for i := 1; i <= 2; i++ {
		next := all[0]
		next.Number, next.ID = i, next.ID+"0"
		next.At, next.Text = all[i-1].At.Add(time.Millisecond), []string{"", "msg-000001-", "msg-000002-"}[i]
		if i > 1 {
			next.ID = all[i-1].ID + "0"
		}
		all = append(all, next)
	}
	crm := newCRM(t, 0)
	o.CRM = crm.web.URL
	reports := newTally()
	reports.died(all[:1])
	router := newRouter(t, source, crm)
	service := service{router: router, callers: 1, report: reports.add}
	log := func(s sent) {
		require.NoError(t, service.log(t.Context(), 1, []call{{Logs: []sent{s}, Auth: "Bearer one-1"}}))
	}
	if kind == "update" {
		log(all[2])
	}

	var w *worker
	started, killed := make(chan struct{}), make(chan time.Time, 1)
	crm.onWrite(func(http.ResponseWriter, *http.Request) bool {
		<-started
		killed <- time.Now()
		w.kill()
		panic(http.ErrAbortHandler)
	})
	w = startWorker(t, o, reports)
	close(started)
	require.True(t, w.wait(t))
	at := <-killed
	next := make(chan time.Time, 10)
	crm.onWrite(func(http.ResponseWriter, *http.Request) bool {
		next <- time.Now()
		return false
	})
	log(all[1])
	blocked := (<-next).Sub(at)
	log(all[0])
	log(all[2])
	crm.verify(t, all, reports)

	ratio := float64(blocked) / float64(lease)
	t.Logf("PROOF blocked %s: a digest was blocked for %s after a kill in an %s, %.2f of the lease",
		storage.name, blocked.Round(time.Millisecond), kind, ratio)
	require.Greater(t, ratio, 0.3, "nobody waited for the lease")
	return ratio
}

func TestBlockedForThirtySecondsAtMostByDefault(t *testing.T) {
	t.Parallel()
	crm := newCRM(t, 0)
	adapter, err := testcrm.New(testcrm.Config{BaseURL: crm.web.URL})
	require.NoError(t, err)
	store := &leases{Store: crmlog.NewMemoryStore()}
	router, err := crmlog.NewRouter(adapter, crmlog.RouterConfig{Platform: testcrm.Platform, Store: store})
	require.NoError(t, err)
	all := workload(1, shape{Messages: 1, Conversations: 1})
	_, err = router.Log(t.Context(), call{Logs: all, Auth: "Bearer one-1"}.input(""))
	require.NoError(t, err)
	require.NoError(t, router.Shutdown(t.Context()))
	require.Equal(t, []time.Duration{30 * time.Second}, store.asked)
}

// leases notes the leases that were asked for.
type leases struct {
	crmlog.Store
	mu    sync.Mutex
	asked []time.Duration
}

func (l *leases) Claim(ctx context.Context, req crmlog.ClaimRequest) (crmlog.Claim, error) {
	l.mu.Lock()
	l.asked = append(l.asked, req.Lease)
	l.mu.Unlock()
	return l.Store.Claim(ctx, req)
}
