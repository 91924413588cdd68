package explorer

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	schedules  = flag.Uint64("schedules", 0, "number of random schedules; 0 is the default")
	replaySeed = flag.Uint64("seed", 0, "take this random schedule alone, and print it")
	progress   = flag.Bool("progress", false, "print each seed before it is taken, to find one that panics")
)

// chooser picks one of the options, by its index.
type chooser interface {
	choose(w *world, opts []option) int
}

// random weighs the options by the plan.
type random struct{ r *rand.Rand }

func newRandom(seed uint64) *random { return &random{rand.New(rand.NewPCG(seed, 2))} }

func (c *random) choose(w *world, opts []option) int {
	good, bad := 0.0, 0.0
	for i := range opts {
		if weight, trouble := w.weigh(&opts[i]); trouble {
			bad += weight
		} else {
			good += weight
		}
	}
	wantTrouble := bad > 0 && c.r.Float64() < w.plan.faultRate
	x := c.r.Float64() * good
	if wantTrouble {
		x = c.r.Float64() * bad
	}
	for i := range opts {
		if weight, trouble := w.weigh(&opts[i]); trouble == wantTrouble {
			if x -= weight; x < 0 {
				return i
			}
		}
	}
	return 0
}

func (w *world) weigh(o *option) (weight float64, trouble bool) {
	switch o.class {
	case begin:
		return 1, false
	case proceed:
		if o.p == w.last {
			return w.plan.stickTo, false
		}
		return 1, false
	case restart, arrive:
		return 0.3, false
	case wait:
		return 0.02, false
	case upset:
		if o.fault == w.lastFault && o.s.op == w.lastOp {
			return w.plan.repeat, true
		}
		return 1, true
	}
	return 3, true
}

func TestRandomSchedules(t *testing.T) {
	if *replaySeed != 0 {
		res := explore(t, memoryStore, newPlan(*replaySeed), newRandom(*replaySeed), newTallies(1)[0].states, os.Stderr)
		require.Empty(t, res.violations)
		return
	}
	n := uint64(1500)
	switch {
	case *schedules != 0:
		n = *schedules
	case full():
		n = 150_000
	}
	shards := uint64(runtime.GOMAXPROCS(0))
	tallies := newTallies(int(shards))
	t.Run("seeds", func(t *testing.T) {
		for shard := range shards {
			t.Run(fmt.Sprintf("%d of %d", shard+1, shards), func(t *testing.T) {
				t.Parallel()
				for seed := 1 + shard; seed <= n; seed += shards {
					if *progress {
						fmt.Fprintln(os.Stderr, "seed", seed)
					}
					p := newPlan(seed)
					res := explore(t, memoryStore, p, newRandom(seed), tallies[shard].states, nil)
					tallies[shard].counts.add(res.counts)
					if len(res.violations) > 0 {
						t.Fatalf("seed %d: %s\n\nto see it whole: go test ./internal/explorer -run RandomSchedules -seed %d -v\nas short as it gets:\n%s",
							seed, res.violations[0], seed, shrink(t, memoryStore, p, newRandom(seed)))
					}
				}
			})
		}
	})
	logTotal(t, tallies)
}

// TestSameSeedIsTheSameSchedule is what replaying and shrinking rest on.
func TestSameSeedIsTheSameSchedule(t *testing.T) {
	t.Parallel()
	y := newTallies(1)[0]
	for seed := uint64(1); seed <= 100; seed++ {
		first := explore(t, memoryStore, newPlan(seed), newRandom(seed), y.states, discard{})
		again := explore(t, memoryStore, newPlan(seed), newRandom(seed), y.states, discard{})
		require.Equal(t, first.trace, again.trace, "seed %d", seed)
	}
}

// discard has explore keep the trace and print nothing.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
