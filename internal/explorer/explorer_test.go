// Package explorer has no code: its tests look for a schedule in which the
// router loses or doubles a message.
//
// Real routers, one for each process, share a real store and a simulated CRM.
// Each call to the store and each request to the CRM is a step that waits for
// the scheduler, which decides what happens next and what goes wrong there: an
// answer is lost, a request is applied late, a process dies, time passes until
// a lease runs out. Time is that of a testing/synctest bubble, so that a
// schedule takes a fraction of a millisecond and is the same each time. When all
// is over a clean process logs everything once more, and the judge reads the
// CRM.
//
//   - plan_test.go: what is logged by whom, and how much may go wrong
//   - world_test.go: the processes, and how their steps wait
//   - options_test.go, happen_test.go: what can happen next, and how it happens
//   - crm_test.go, store_test.go: the CRM with its adapter, the way to the store
//   - judge_test.go, state_test.go: what must hold, and telling states apart
//   - random_test.go, steps_test.go: choosing at random, choosing everything
//   - shrink_test.go: a failing schedule made short
//
// What is assumed, besides what is said of [crmlog.Adapter], [crmlog.Finder] and
// [crmlog.Store]: the CRM applies no request later than the grace after its
// client gave up, and the store applies nothing of a holder's after what the same
// holder did later.
package explorer

import (
	"fmt"
	"maps"
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// full reports whether to take the minutes that many schedules take.
func full() bool { return os.Getenv("CRMLOG_PROOF") == "full" }

// counts are what schedules went through.
type counts struct {
	schedules, messages, steps         int
	faults, crashes, jumps             int
	left, deleted, shutdowns           int
	unknown, late                      int // writes to the CRM; the late ones were applied
	refused, expired, leaseLost, finds int
}

func (c *counts) add(d counts) {
	for _, f := range []struct{ sum, part *int }{
		{&c.schedules, &d.schedules}, {&c.messages, &d.messages}, {&c.steps, &d.steps},
		{&c.faults, &d.faults}, {&c.crashes, &d.crashes}, {&c.jumps, &d.jumps},
		{&c.left, &d.left}, {&c.deleted, &d.deleted}, {&c.shutdowns, &d.shutdowns},
		{&c.unknown, &d.unknown}, {&c.late, &d.late},
		{&c.refused, &d.refused}, {&c.expired, &d.expired}, {&c.leaseLost, &d.leaseLost}, {&c.finds, &d.finds},
	} {
		*f.sum += *f.part
	}
}

func (c counts) String() string {
	return fmt.Sprintf("%d schedules, %d messages, %d steps\n"+
		"%d faults, %d crashes, %d unknown outcomes of writes, %d late applications, %d times time passed in between\n"+
		"%d leases that ran out, %d claims refused, %d times a holder was told that it is none any more, %d finds\n"+
		"%d callers that left, %d processes shut down, %d records deleted by a person",
		c.schedules, c.messages, c.steps, c.faults, c.crashes, c.unknown, c.late, c.jumps,
		c.expired, c.refused, c.leaseLost, c.finds, c.left, c.shutdowns, c.deleted)
}

// tally is what one goroutine of a test went through.
type tally struct {
	counts counts
	states map[uint64]struct{}
}

func newTallies(n int) []tally {
	tallies := make([]tally, n)
	for i := range tallies {
		tallies[i].states = make(map[uint64]struct{})
	}
	return tallies
}

// logTotal says what was gone through without finding anything.
func logTotal(t *testing.T, tallies []tally) {
	if t.Failed() {
		return
	}
	var sum counts
	states := make(map[uint64]struct{})
	for _, y := range tallies {
		sum.add(y.counts)
		maps.Copy(states, y.states)
	}
	t.Logf("%s\n%d distinct states\n0 lost, 0 doubled, 0 out of order", sum, len(states))
}
