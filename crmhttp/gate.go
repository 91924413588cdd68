package crmhttp

import (
	"container/list"
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// A CRM's word is obeyed up to this long; then the next call finds out
	// whether it still holds.
	maxGateClosed = time.Hour
	// No burst limit lasts so long. After one that does (a budget's end, a
	// firewall) a single call finds out whether it is over.
	longLimit = 30 * time.Second
	// A spent budget may be topped up, or its Retry-After be useless: after this
	// time, if the CRM does not ask for more, a call finds out.
	minSpentWait = time.Minute
	// Finding out spends of the reserve: four times an hour, at 6 tokens, is 2 %
	// of the smallest of Pipedrive's daily budgets.
	reserveWait = 15 * time.Minute
	// A call queues for this many times Config.MaxWait at the most: the wait that
	// the CRM asks for is one thing, the calls before it another.
	maxQueueing = 4

	maxGates = 10_000
	// What is known of an account that nobody used for so long is worth nothing.
	gateMemory = time.Minute
)

var (
	errHeldBack = errors.New("not sent: the CRM has limited this account")
	errReserve  = errors.New("not sent: the account's budget is down to Config.Reserve")
)

// gateKey names an account: by the adapter's name for it, or by host and a hash
// of the credential.
type gateKey struct {
	account    string
	credential uint64
}

// gates holds back the calls of accounts that the CRM has limited. One mutex
// guards them all; nobody waits under it.
type gates struct {
	maxWait  time.Duration // that the CRM asks for
	maxQueue time.Duration // in all
	reserve  float64

	mu      sync.Mutex
	known   map[gateKey]*gate
	sweepAt int
}

// gate is what is known of one account.
type gate struct {
	pace     pace
	inFlight int
	used     time.Time

	opens    time.Time // nothing goes out before
	why      error     // says why
	calm     time.Time // until then those who waited go out with gaps,
	next     time.Time // the next of them not before this
	oneByOne bool      // until an answer shows that the limit is over

	waiting *list.List  // of *waiter, first come first
	timer   *time.Timer // looks after them; nil when it is not set
}

// waiter is a call that waits. What done brings is set under the mutex.
type waiter struct {
	ctx    context.Context
	done   chan struct{}
	ticket ticket
	wait   time.Duration
	err    error
}

// ticket lets an attempt out, and goes back with what it brought.
type ticket struct {
	gate  *gate
	sent  time.Time
	round int // of the pace
}

// heard is what an attempt brought.
type heard struct {
	answered bool
	limit    Limit
	wait     time.Duration // the CRM limits the account so long
	spent    bool          // its budget
}

// pass waits, behind those who came earlier, until a call of the account may go
// out. When that takes longer than it may, it fails at once with how long it
// takes; a zero wait with an error means that ctx ended.
func (gs *gates) pass(ctx context.Context, key gateKey) (ticket, time.Duration, error) {
	gs.mu.Lock()
	now := time.Now()
	g := gs.get(key, now)
	if g.waiting.Len() == 0 && g.free(now) {
		defer gs.mu.Unlock()
		return g.leave(now), 0, nil
	}
	held := g.heldFor(now)
	queue := held + g.pace.turns(g.waiting.Len())
	if tooLong(ctx, held, gs.maxWait) || tooLong(ctx, queue, gs.maxQueue) {
		defer gs.mu.Unlock()
		return ticket{}, queue, g.refusal(now)
	}
	w := &waiter{ctx: ctx, done: make(chan struct{})}
	place := g.waiting.PushBack(w)
	gs.release(g, now)
	gs.mu.Unlock()

	late := time.NewTimer(gs.maxQueue)
	defer late.Stop()
	select {
	case <-w.done:
		return w.ticket, w.wait, w.err
	case <-ctx.Done():
	case <-late.C:
	}
	gs.mu.Lock()
	defer gs.mu.Unlock()
	select {
	case <-w.done: // at the same moment
		return w.ticket, w.wait, w.err
	default:
	}
	g.waiting.Remove(place)
	if err := ctx.Err(); err != nil {
		return ticket{}, 0, err
	}
	return ticket{}, max(g.heldFor(time.Now()), time.Second), errHeldBack
}

// back takes back a ticket. It reports whether the account's budget has just
// come down to the reserve.
func (gs *gates) back(t ticket, h heard) (reserved bool) {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	g, now := t.gate, time.Now()
	g.inFlight--
	g.pace.heard(now, t, h)
	switch budget := h.limit; {
	case h.spent && gs.reserve == 0:
		g.close(now, max(h.wait, minSpentWait), errHeldBack)
	case h.spent || budget.Budget > 0 && float64(budget.BudgetLeft) < gs.reserve*float64(budget.Budget):
		reserved = !now.Before(g.opens)
		g.close(now, max(h.wait, reserveWait), errReserve)
	case h.wait > 0:
		g.close(now, h.wait, errHeldBack)
	case h.answered && !t.sent.Before(g.opens):
		g.oneByOne = false
	}
	gs.release(g, now)
	return reserved
}

// close keeps the gate closed for d from now, or for longer if it is already.
func (g *gate) close(now time.Time, d time.Duration, why error) {
	d = min(d, maxGateClosed)
	if opens := now.Add(d); opens.After(g.opens) {
		g.opens, g.why = opens, why
		g.calm = opens.Add(min(max(d/4, 50*time.Millisecond), time.Second))
	}
	g.oneByOne = g.oneByOne || d >= longLimit
}

// free reports whether a call may go out.
func (g *gate) free(now time.Time) bool {
	return !now.Before(g.opens) && !(g.oneByOne && g.inFlight > 0) && g.pace.free(now, g.inFlight)
}

// heldFor is how long the CRM lets no call of the account through, so far as it
// has said.
func (g *gate) heldFor(now time.Time) time.Duration {
	return max(g.opens.Sub(now), g.pace.emptyFor(now), 0)
}

func (g *gate) refusal(now time.Time) error {
	if now.Before(g.opens) {
		return g.why
	}
	return errHeldBack
}

func (g *gate) leave(now time.Time) ticket {
	t := ticket{g, now, g.pace.leave(now, g.inFlight)}
	g.inFlight++
	g.used = now
	return t
}

// release ends the waiting of those who may go out now, and of those who cannot
// wait as long as it takes. For the others it sets the timer.
func (gs *gates) release(g *gate, now time.Time) {
	if held := g.heldFor(now); held > 0 {
		for e := g.waiting.Front(); e != nil; {
			w, after := e.Value.(*waiter), e.Next()
			if tooLong(w.ctx, held, gs.maxWait) {
				w.wait, w.err = held, g.refusal(now)
				g.waiting.Remove(e)
				close(w.done)
			}
			e = after
		}
	}
	for g.waiting.Len() > 0 {
		w := g.waiting.Front().Value.(*waiter)
		if !g.free(now) {
			break
		}
		if now.Before(g.calm) {
			if g.next.Before(g.opens) {
				g.next = now.Add(g.gap(now))
			}
			if now.Before(g.next) {
				break
			}
			g.next = now.Add(g.gap(now))
		}
		w.ticket = g.leave(now)
		g.waiting.Remove(g.waiting.Front())
		close(w.done)
	}
	gs.setTimer(g, now)
}

// gap is a random time between two of those who waited: all who are waiting fit
// into what is left of the calm.
func (g *gate) gap(now time.Time) time.Duration {
	most := g.calm.Sub(now) / time.Duration(g.waiting.Len())
	if deadline, ok := g.waiting.Front().Value.(*waiter).ctx.Deadline(); ok {
		most = min(most, deadline.Sub(now)/2)
	}
	if most <= 0 {
		return 0
	}
	return rand.N(most)
}

// setTimer has the waiting looked after when something changes by itself.
func (gs *gates) setTimer(g *gate, now time.Time) {
	var at time.Time
	switch {
	case g.waiting.Len() == 0:
	case now.Before(g.opens):
		at = g.opens
	case g.oneByOne && g.inFlight > 0:
	case now.Before(g.next):
		at = g.next
	default:
		at = g.pace.changes()
	}
	switch {
	case g.timer == nil && !at.IsZero():
		g.timer = time.AfterFunc(at.Sub(now), func() {
			gs.mu.Lock()
			defer gs.mu.Unlock()
			gs.release(g, time.Now())
		})
	case !at.IsZero():
		g.timer.Reset(at.Sub(now))
	case g.timer != nil:
		g.timer.Stop()
	}
}

// get finds an account's gate, or makes it.
func (gs *gates) get(key gateKey, now time.Time) *gate {
	if g := gs.known[key]; g != nil {
		return g
	}
	// A sweep at each doubling costs each new gate a constant, on average.
	if len(gs.known) >= min(max(gs.sweepAt, 64), maxGates) {
		gs.sweep(now)
	}
	if gs.known == nil {
		gs.known = make(map[gateKey]*gate)
	}
	g := &gate{pace: newPace(gs.maxWait), waiting: list.New()}
	gs.known[key] = g
	return g
}

// sweep drops the gates that say nothing any more and, if there are still too
// many, others as well: their accounts will be told by the CRM once more.
func (gs *gates) sweep(now time.Time) {
	for key, g := range gs.known {
		if !g.inUse() && !now.Before(g.opens) && now.Sub(g.used) > gateMemory {
			delete(gs.known, key)
		}
	}
	for key, g := range gs.known {
		if len(gs.known) <= maxGates*9/10 {
			break
		}
		if !g.inUse() {
			delete(gs.known, key)
		}
	}
	gs.sweepAt = 2 * len(gs.known)
}

func (g *gate) inUse() bool { return g.inFlight > 0 || g.waiting.Len() > 0 }

// tooLong reports whether a wait must not be waited for inside a call.
func tooLong(ctx context.Context, wait, maxWait time.Duration) bool {
	if wait > maxWait {
		return true
	}
	deadline, ok := ctx.Deadline()
	return ok && wait > 0 && time.Until(deadline) <= wait
}
