package proof

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crmlog/crmlog"
)

// kills are the moments at which a process is killed: at a step, by itself; at
// random; and by the CRM when a write has arrived.
var kills = slices.Concat(steps, []string{
	"random", "write arrived, never done", "write done, not answered", "write arrived, done later", "random",
})

// A process is killed again and again, and started anew with the same input,
// until all is logged. Several such run side by side in one store.
func TestKill(t *testing.T) {
	for _, storage := range []storage{onSQLite, onPostgres} {
		t.Run(storage.name, func(t *testing.T) {
			source := storage.make(t)
			start := time.Now()
			lanes := make([]*lane, 2)
			t.Run("lanes", func(t *testing.T) {
				for i := range lanes {
					l := &lane{
						source: source, number: i, quota: pick(7, 110), killed: make(map[string]int),
						rng: rand.New(rand.NewPCG(seed(t), uint64(i))), next: i * len(kills) / len(lanes),
					}
					lanes[i] = l
					t.Run(fmt.Sprint(i), func(t *testing.T) {
						t.Parallel()
						l.run(t)
					})
				}
			})
			if t.Failed() {
				return
			}
			killed := make(map[string]int)
			var total, lives, messages, calls, faults int
			var sum verdict
			for _, l := range lanes {
				for how, n := range l.killed {
					killed[how] += n
					total += n
				}
				lives, messages, calls, faults = lives+l.lives, messages+l.messages, calls+l.calls, faults+l.faults
				sum.Records += l.records
			}
			var list []string
			for _, how := range slices.Sorted(maps.Keys(killed)) {
				list = append(list, fmt.Sprintf("%d %s", killed[how], how))
			}
			t.Logf("PROOF kill %s: %d kills in %d lives, %d messages, %d CRM calls, %d faults, %s; %.1f s",
				storage.name, total, lives, messages, calls, faults, sum, time.Since(start).Seconds())
			t.Logf("PROOF kill %s: %s", storage.name, strings.Join(list, ", "))
			require.GreaterOrEqual(t, total, pick(14, 200))
			if full() {
				for _, how := range kills {
					require.NotZero(t, killed[how], how)
				}
			}
		})
	}
}

// lane kills processes, one after the other.
type lane struct {
	source string
	number int
	quota  int // of kills
	rng    *rand.Rand
	next   int // of kills

	killed                                  map[string]int
	lives, messages, calls, faults, records int
}

func (l *lane) run(t *testing.T) {
	for round, done := 0, 0; done < l.quota; round++ {
		require.Less(t, round, 10*l.quota, "processes end before they are killed")
		t.Run(fmt.Sprintf("round %d", round), func(t *testing.T) { done += l.round(t, round) })
		if t.Failed() {
			return
		}
	}
}

// round logs one workload, and returns how many processes were killed over it.
func (l *lane) round(t *testing.T, round int) (killed int) {
	o := order{
		Seed: l.rng.Uint64(), Shape: shape{Messages: 60, Conversations: 8}, Source: l.source,
		Account: fmt.Sprintf("%d-%d", l.number, round), Repeated: 10, Callers: 6,
	}
	all := workload(o.Seed, o.Shape)
	crm := newCRM(t, 2*time.Millisecond)
	o.CRM = crm.web.URL
	f := newFaults(o.Seed, []float64{0, 0.1}[(round+l.number)%2])
	crm.failWith(f.strike)
	reports := newTally()
	reports.died(all)

	lives := pick(8, 12)
	for life := 0; ; life++ {
		require.Less(t, life, 2*lives, "a process that nobody kills does not end by itself")
		how := ""
		if life < lives {
			how = kills[l.next%len(kills)]
			l.next++
		}
		o.Shuffle = l.rng.Uint64()
		l.lives++
		if !l.live(t, crm, f, o, how, reports) {
			if how == "" || life >= lives/2 {
				break
			}
			continue
		}
		l.killed[how]++
		killed++
	}
	v := crm.verify(t, all, reports)

	// Started once more, it finds all of it logged and asks the CRM nothing.
	calls, again := len(crm.calls()), newTally()
	w := startWorker(t, o, again)
	require.False(t, w.wait(t))
	require.Len(t, crm.calls(), calls)
	require.Zero(t, again.counts[crmlog.OutcomeAdded]+again.counts[crmlog.OutcomeUpdated])
	l.messages, l.calls, l.faults, l.records = l.messages+len(all), l.calls+calls, l.faults+f.count(), l.records+v.Records
	return killed
}

// live starts a process and kills it; false if it was done before.
func (l *lane) live(t *testing.T, crm *crm, f *faults, o order, how string, reports *tally) (killed bool) {
	var w *worker
	started := make(chan struct{})
	nth := 1 + l.rng.Int64N(5)
	late := time.Duration(l.rng.Int64N(int64(lateness)))
	var writes atomic.Int64
	var pending sync.WaitGroup
	strike := func(deed func(r *http.Request)) {
		crm.onWrite(func(w http.ResponseWriter, r *http.Request) bool {
			if writes.Add(1) != nth {
				return false
			}
			<-started
			deed(r)
			panic(http.ErrAbortHandler)
		})
	}
	crm.onWrite(nil)
	crm.failWith(f.strike)
	switch how {
	case "", "random":
	case "write arrived, never done":
		strike(func(*http.Request) { w.kill() })
	case "write done, not answered":
		strike(func(r *http.Request) {
			crm.apply(r)
			w.kill()
		})
	case "write arrived, done later":
		pending.Add(1)
		once := sync.OnceFunc(pending.Done)
		defer pending.Wait()
		defer func() {
			if writes.Load() < nth {
				once()
			}
		}()
		strike(func(r *http.Request) {
			defer once()
			w.kill()
			at := time.Now()
			time.Sleep(late)
			if time.Since(at) < lateness+(grace-lateness)/2 {
				crm.apply(r)
			}
		})
	case "before renew", "after renew":
		// A lease is renewed between the add of a digest and its further
		// messages, when the CRM made the add wait.
		nth = 1
		crm.onWrite(func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodPost || writes.Add(1)%2 == 0 {
				return false
			}
			w.Header().Set("Retry-After", "0.150")
			w.WriteHeader(http.StatusTooManyRequests)
			return true
		})
		o.Stop = stop{Step: how, Nth: nth}
	default:
		o.Stop = stop{Step: how, Nth: nth}
	}
	w = startWorker(t, o, reports)
	close(started)
	if how == "random" {
		<-w.ready
		select {
		case <-time.After(time.Duration(l.rng.Int64N(int64(lease)))):
			w.kill()
		case <-w.ended:
		}
	}
	return w.wait(t)
}
