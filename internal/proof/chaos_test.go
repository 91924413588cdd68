package proof

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crmlog/crmlog"
)

// Many callers at once, and a CRM that fails a fifth of its calls.
func TestChaos(t *testing.T) {
	size := pick(shape{Messages: 300, Conversations: 24}, shape{Messages: 6000, Conversations: 400})
	for _, storage := range []storage{inMemory, onSQLite, onPostgres} {
		t.Run(storage.name, func(t *testing.T) {
			chaos(t, storage.make(t), newCRM(t, 0), size)
		})
	}
	// Few conversations: a late update then meets later ones of its record.
	t.Run("Pipedrive", func(t *testing.T) {
		chaos(t, memory, newPipedrive(t), pick(shape{Messages: 300, Conversations: 8}, shape{Messages: 6000, Conversations: 60}))
	})
	t.Run("a store that fails too", func(t *testing.T) {
		chaos(t, flaky, newCRM(t, 0), size)
	})
}

func chaos(t *testing.T, source string, crm *crm, size shape) {
	name, _, _ := strings.Cut(source, ":")
	start := time.Now()
	s := seed(t)
	all := workload(s, size)
	f := newFaults(s, 0.2)
	crm.failWith(f.strike)
	reports := newTally()
	router := newRouter(t, source, crm)
	service := service{router: router, callers: 64, impatient: true, report: reports.add}

	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	require.NoError(t, service.log(ctx, s, callsFor(s, all, 30)))
	require.NoError(t, router.Shutdown(ctx))
	calls := len(crm.calls())
	v := crm.verify(t, all, reports)
	t.Logf("PROOF chaos %s, %s: %d messages, %d CRM calls, %d faults, %s; %s; seed %d, %.1f s",
		crm.platform, name, len(all), calls, f.count(), v, reports, s, time.Since(start).Seconds())
	t.Logf("PROOF chaos %s, %s: %s", crm.platform, name, f)
	if source == memory || source == flaky {
		return
	}

	// Another process finds all of it logged, and asks the CRM nothing.
	again := newTally()
	service.router, service.impatient, service.report = newRouter(t, source, crm), false, again.add
	require.NoError(t, service.log(ctx, s, callsFor(s+1, all, 0)))
	require.Equal(t, len(all), again.counts[crmlog.OutcomeDuplicate])
	require.Len(t, crm.calls(), calls)
}

// newRouter returns a router that the test shuts down.
func newRouter(t *testing.T, source string, crm *crm) *crmlog.Router {
	router, closeRouter, err := openRouter(t.Context(), source, crm.platform, crm.web.URL, noStep)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, closeRouter()) })
	return router
}
