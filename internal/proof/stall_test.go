package proof

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A process stands still at a step for longer than its lease, while another
// takes over its digest, and then goes on as if nothing had been.
func TestStall(t *testing.T) {
	for _, storage := range []storage{onSQLite, onPostgres} {
		t.Run(storage.name, func(t *testing.T) {
			t.Parallel()
			source := storage.make(t)
			for _, step := range pick([]string{"before write", "before commit"}, steps) {
				if strings.HasSuffix(step, "renew") || strings.HasSuffix(step, "intend") || strings.HasSuffix(step, "release") {
					continue // not on the way of a message that nothing goes wrong with
				}
				t.Run(step, func(t *testing.T) {
					t.Parallel()
					start := time.Now()
					o := order{
						Seed: seed(t), Shape: pick(shape{Messages: 30, Conversations: 4}, shape{Messages: 200, Conversations: 16}),
						Source: source, Account: step, Callers: 8, Stop: stop{Step: step, Nth: 3, Sleep: lease * 3 / 2},
					}
					all := workload(o.Seed, o.Shape)
					crm := newCRM(t, 2*time.Millisecond)
					o.CRM = crm.web.URL
					reports := newTally()
					sleeper := startWorker(t, o, reports)
					<-sleeper.stopped
					o.Stop, o.Shuffle = stop{}, 1
					other := startWorker(t, o, reports)
					require.False(t, other.wait(t))
					require.False(t, sleeper.wait(t))
					v := crm.verify(t, all, reports)
					t.Logf("PROOF stall %s %s: %d messages, %d CRM calls, %s; %s; %.1f s",
						storage.name, step, len(all), len(crm.calls()), v, reports, time.Since(start).Seconds())
				})
			}
		})
	}
}
