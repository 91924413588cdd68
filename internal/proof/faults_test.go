package proof

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/crmlog/crmlog/testcrm"
)

// faults strikes a share of the CRM's calls, seeded. What it never does is lie:
// a record that is there is not called gone, and a list is not called empty.
type faults struct {
	rng  *rand.Rand
	rate float64
	all  []fault

	mu     sync.Mutex
	struck map[string]int
}

// fault is one way to fail. make returns nil where it does not fit.
type fault struct {
	name   string
	weight int
	make   func(rng *rand.Rand, r *http.Request) *testcrm.Fault
}

func newFaults(seed uint64, rate float64) *faults {
	return &faults{rng: rand.New(rand.NewPCG(seed, 3)), rate: rate, struck: make(map[string]int), all: waysToFail()}
}

// strike decides about a request, for one at a time.
func (f *faults) strike(r *http.Request) *testcrm.Fault {
	if f.rng.Float64() >= f.rate {
		return nil
	}
	total := 0
	for _, w := range f.all {
		total += w.weight
	}
	for {
		n := f.rng.IntN(total)
		i := slices.IndexFunc(f.all, func(w fault) bool {
			n -= w.weight
			return n < 0
		})
		if fault := f.all[i].make(f.rng, r); fault != nil {
			f.mu.Lock()
			f.struck[f.all[i].name]++
			f.mu.Unlock()
			return fault
		}
	}
}

func (f *faults) count() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.struck {
		n += c
	}
	return n
}

func (f *faults) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(f.struck)) {
		parts = append(parts, fmt.Sprintf("%d %s", f.struck[name], name))
	}
	return strings.Join(parts, ", ")
}

func waysToFail() []fault {
	always := func(make func(rng *rand.Rand) testcrm.Fault) func(*rand.Rand, *http.Request) *testcrm.Fault {
		return func(rng *rand.Rand, _ *http.Request) *testcrm.Fault {
			f := make(rng)
			return &f
		}
	}
	writes := func(make func(rng *rand.Rand) testcrm.Fault) func(*rand.Rand, *http.Request) *testcrm.Fault {
		return func(rng *rand.Rand, r *http.Request) *testcrm.Fault {
			if !isWrite(r) {
				return nil
			}
			f := make(rng)
			return &f
		}
	}
	one := func(rng *rand.Rand, statuses ...int) int { return statuses[rng.IntN(len(statuses))] }
	upTo := func(rng *rand.Rand, d time.Duration) time.Duration {
		return time.Duration(rng.Int64N(int64(d))) + time.Millisecond
	}
	const page = "<html><body>Please sign in</body></html>"

	return []fault{
		{"4xx", 6, func(rng *rand.Rand, r *http.Request) *testcrm.Fault {
			status := one(rng, 400, 401, 402, 403, 409, 412, 413, 415, 422)
			if r.Method == http.MethodPost && rng.IntN(8) == 0 {
				status = 404
			}
			return &testcrm.Fault{Status: status}
		}},
		{"408", 2, always(func(rng *rand.Rand) testcrm.Fault {
			return testcrm.Fault{Status: 408, Applied: rng.IntN(2) == 0}
		})},
		{"429 with a short wait", 6, always(func(rng *rand.Rand) testcrm.Fault {
			return testcrm.Fault{Status: 429, RetryAfter: fmt.Sprintf("0.%03d", 1+rng.IntN(200))}
		})},
		{"429 with a reset time", 2, always(func(rng *rand.Rand) testcrm.Fault {
			return testcrm.Fault{Status: 429, Header: http.Header{"X-Ratelimit-Reset": {fmt.Sprintf("0.%03d", 1+rng.IntN(100))}}}
		})},
		{"429 with a date", pick(0, 1), always(func(*rand.Rand) testcrm.Fault {
			return testcrm.Fault{Status: 429, RetryAfter: time.Now().Add(time.Second).UTC().Format(http.TimeFormat)}
		})},
		{"429 beyond the lease", pick(0, 1), always(func(*rand.Rand) testcrm.Fault {
			return testcrm.Fault{Status: 429} // taken for 2 s
		})},
		{"5xx, not done", 6, always(func(rng *rand.Rand) testcrm.Fault {
			return testcrm.Fault{Status: one(rng, 500, 502, 503, 504)}
		})},
		{"5xx, done", 8, writes(func(rng *rand.Rand) testcrm.Fault {
			return testcrm.Fault{Status: one(rng, 500, 502, 503, 504), Applied: true}
		})},
		{"503 with a wait", 3, always(func(rng *rand.Rand) testcrm.Fault {
			return testcrm.Fault{Status: 503, RetryAfter: "0.05", Applied: rng.IntN(2) == 0}
		})},
		{"504, done later", 6, writes(func(rng *rand.Rand) testcrm.Fault {
			return testcrm.Fault{Status: 504, ApplyLate: upTo(rng, lateness)}
		})},
		{"cut, not done", 6, always(func(*rand.Rand) testcrm.Fault { return testcrm.Fault{Drop: true} })},
		{"cut, done", 8, always(func(*rand.Rand) testcrm.Fault { return testcrm.Fault{Drop: true, Applied: true} })},
		{"cut, done later", 8, writes(func(rng *rand.Rand) testcrm.Fault {
			return testcrm.Fault{ApplyLate: upTo(rng, lateness)}
		})},
		{"half an answer", 6, always(func(*rand.Rand) testcrm.Fault { return testcrm.Fault{Truncate: true} })},
		{"slow", 4, always(func(rng *rand.Rand) testcrm.Fault {
			return testcrm.Fault{Delay: upTo(rng, timeout/2), Applied: rng.IntN(2) == 0}
		})},
		{"too slow, not done", 3, always(func(*rand.Rand) testcrm.Fault { return testcrm.Fault{Delay: 2 * timeout} })},
		{"too slow, done", 4, writes(func(*rand.Rand) testcrm.Fault { return testcrm.Fault{Delay: 2 * timeout, Applied: true} })},
		{"HTML with 200", 4, always(func(rng *rand.Rand) testcrm.Fault {
			return testcrm.Fault{Status: 200, Body: page, Applied: rng.IntN(2) == 0}
		})},
		{"HTML with 502", 3, always(func(rng *rand.Rand) testcrm.Fault {
			return testcrm.Fault{Status: 502, Body: page, Applied: rng.IntN(2) == 0}
		})},
		{"redirect", 2, always(func(rng *rand.Rand) testcrm.Fault {
			return testcrm.Fault{Status: 302, Applied: rng.IntN(2) == 0, Header: http.Header{"Location": {"/sign-in"}}}
		})},
		{"created, without an id", 2, func(_ *rand.Rand, r *http.Request) *testcrm.Fault {
			if r.Method != http.MethodPost {
				return nil
			}
			return &testcrm.Fault{Status: 201, Body: "{}", Applied: true}
		}},
	}
}
