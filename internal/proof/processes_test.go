package proof

import (
	"testing"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/stretchr/testify/require"
)

// Several processes log the same messages at once into one store.
func TestManyProcesses(t *testing.T) {
	const processes = 4
	for _, storage := range []storage{onSQLite, onPostgres} {
		t.Run(storage.name, func(t *testing.T) {
			source := storage.make(t)
			start := time.Now()
			o := order{
				Seed: seed(t), Shape: pick(shape{Messages: 120, Conversations: 16}, shape{Messages: 3000, Conversations: 200}),
				Source: source, Repeated: 20, Callers: 16,
			}
			all := workload(o.Seed, o.Shape)
			crm := newCRM(t, 5*time.Millisecond)
			o.CRM = crm.web.URL
			reports := newTally()
			var workers []*worker
			for i := range processes {
				o.Shuffle = uint64(i)
				workers = append(workers, startWorker(t, o, reports))
			}
			for _, w := range workers {
				require.False(t, w.wait(t))
			}
			v := crm.verify(t, all, reports)
			t.Logf("PROOF processes %s: %d processes, %d messages each, %d CRM calls, %s; %s; %.1f s",
				storage.name, processes, len(all), len(crm.calls()), v, reports, time.Since(start).Seconds())
			require.GreaterOrEqual(t, reports.counts[crmlog.OutcomeDuplicate], (processes-1)*len(all))
		})
	}
}
