package explorer

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// class is the kind of thing that can happen next.
type class int

const (
	begin   class = iota // a call begins
	proceed              // a step goes well
	restart              // a dead process comes back
	wait                 // time passes until something happens
	arrive               // a request that nobody waits for is applied
	upset                // a step goes wrong
	crash                // a process dies between two steps
	jump                 // time passes though something could go on
	leave                // a caller leaves
	shut                 // a process shuts down
	erase                // a person deletes a record
)

// fault is how a step goes wrong.
type fault int

const (
	lost         fault = iota + 1 // not applied, the client sees an error
	replyLost                     // applied, the client sees an error
	cutLate                       // the client sees an error, and it is applied within the grace
	hang                          // not applied, and no answer
	hangLate                      // no answer, and it is applied at any time until the end of the grace
	slow                          // applied, and the answer takes its time
	badRequest                    // surely not done
	unauthorized                  // surely not done
	tooMany                       // surely not done: 429, retry after a second
	farTooMany                    // surely not done: 429, retry after an hour
	unreadable                    // a read that fails, surely not done
	notYet                        // a young record is not readable yet
	lagging                       // a list shows what it must show, and no more
	storeDown                     // commits fail to the end of the lease
	panicBefore                   // the adapter panics, before the request is applied
	panicAfter                    // and after
	crashBefore                   // the process dies before the step
	crashAfter                    // and after
	crashLate                     // and the request is still applied, later
)

var faultNames = [...]string{
	lost: "lost, not applied", replyLost: "applied, but the answer is lost", cutLate: "cut, to be applied later",
	hang: "no answer, not applied", hangLate: "no answer, to be applied at any time", slow: "applied, the answer is slow",
	badRequest: "400", unauthorized: "401", tooMany: "429, retry after 1 s", farTooMany: "429, retry after 1 h",
	unreadable: "503 to a read", notYet: "404, not readable yet", lagging: "the list lags", storeDown: "the store fails to the end of the lease",
	panicBefore: "the adapter panics before it is applied", panicAfter: "applied, then the adapter panics",
	crashBefore: "crash before it", crashAfter: "applied, then crash", crashLate: "crash, to be applied later",
}

func (f fault) crashes() bool { return f >= panicBefore }

var faultsOf = [...][]fault{
	store:  {lost, replyLost, hang, hangLate, slow, crashBefore, crashAfter, crashLate},
	read:   {lost, unreadable, tooMany, hang, slow, crashBefore},
	write:  {lost, replyLost, cutLate, hang, hangLate, slow, badRequest, unauthorized, tooMany, farTooMany, panicBefore, panicAfter, crashBefore, crashAfter, crashLate},
	find:   {lost, unreadable, tooMany, badRequest, hang, crashBefore},
	answer: {lost, crashBefore},
}

// option is one thing that can happen next.
type option struct {
	class class
	s     *step
	fault fault
	p     *process
	c     *call
	late  *lateStep
	r     *record
	d     time.Duration
}

// options are what can happen next, in an order that does not depend on the
// order in which goroutines ran. The first one is what happens in a world where
// nothing goes wrong and the process that is at work stays at work.
func (w *world) options() []option {
	opts := w.opts[:0]
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.calls {
		// Those of a process begin in their order.
		first := !slices.ContainsFunc(opts, func(o option) bool { return o.p == c.p })
		if first && !c.begun && !c.p.dead && !c.lost {
			opts = append(opts, option{class: begin, c: c, p: c.p})
		}
	}
	slices.SortFunc(w.parked, func(a, b *step) int {
		if la, lb := a.p == w.last, b.p == w.last; la != lb {
			if la {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.p.n, b.p.n), cmp.Compare(a.digest, b.digest))
	})
	for _, s := range w.parked {
		if w.isReady(s) {
			opts = append(opts, option{class: proceed, s: s, p: s.p})
		}
	}
	if !w.calm {
		for _, p := range w.procs {
			if (p.dead || p.down) && p.next == nil {
				opts = append(opts, option{class: restart, p: p})
			}
		}
	}
	busy := len(opts) > 0 && opts[0].class != restart
	if !busy {
		opts = append(opts, option{class: wait})
	}
	slices.SortFunc(w.late, func(a, b *lateStep) int {
		return cmp.Or(cmp.Compare(a.s.p.n, b.s.p.n), cmp.Compare(a.s.digest, b.s.digest), cmp.Compare(a.s.fence, b.s.fence),
			cmp.Compare(a.s.op, b.s.op), cmp.Compare(a.s.what, b.s.what), a.due.Compare(b.due))
	})
	for _, l := range w.late {
		if w.mayArrive(l) {
			opts = append(opts, option{class: arrive, late: l, p: l.s.p})
		}
	}
	if !w.calm {
		opts = w.troubles(opts, busy)
	}
	w.opts = opts
	return opts
}

// isReady holds back the answer to a claim that was refused.
func (w *world) isReady(s *step) bool {
	return s.op != refused || s.version != w.digest(s.digest).version || !s.until.After(time.Now())
}

// mayArrive: what was sent to the store does not overtake what its own sender
// sends later under the same lease, since the digest's row is locked in between.
func (w *world) mayArrive(l *lateStep) bool {
	return l.s.kind != store || !l.givenUp || l.s.p.dead || l.s.fence == 0 || w.digest(l.s.digest).fence > l.s.fence
}

// troubles adds what may go wrong.
func (w *world) troubles(opts []option, busy bool) []option {
	for _, s := range w.parked {
		if !w.isReady(s) {
			continue
		}
		for _, f := range faultsOf[s.kind] {
			if w.plan.spared>>f&1 == 1 {
				continue
			}
			if f.crashes() && w.limits.crashes > 0 || !f.crashes() && w.limits.faults > 0 {
				opts = append(opts, option{class: upset, s: s, p: s.p, fault: f})
			}
		}
		switch {
		case s.op == "commit" && w.limits.faults > 0 && w.plan.spared>>storeDown&1 == 0:
			opts = append(opts, option{class: upset, s: s, p: s.p, fault: storeDown})
		case s.kind == find && w.plan.settleTime() > 0:
			opts = append(opts, option{class: upset, s: s, p: s.p, fault: lagging})
		case s.kind == read && w.plan.readLag:
			if r := w.crm.read(s.record); r != nil && time.Since(r.made) < w.plan.settleTime() {
				opts = append(opts, option{class: upset, s: s, p: s.p, fault: notYet})
			}
		}
	}
	for _, p := range w.procs {
		calls := slices.ContainsFunc(w.calls, func(c *call) bool { return c.p == p && c.begun && !c.judged && !c.lost })
		if p.dead || p.down || !calls {
			continue
		}
		if w.limits.crashes > 0 && !slices.ContainsFunc(w.parked, func(s *step) bool { return s.p == p }) {
			opts = append(opts, option{class: crash, p: p})
		}
		if w.limits.shutdowns > 0 {
			opts = append(opts, option{class: shut, p: p})
		}
	}
	if w.limits.leaves > 0 {
		for _, c := range w.calls {
			if c.begun && !c.judged && !c.left && !c.p.dead {
				opts = append(opts, option{class: leave, c: c, p: c.p})
			}
		}
	}
	if w.limits.jumps > 0 && busy {
		for _, d := range []time.Duration{0, grace, lease / 2, lease} {
			opts = append(opts, option{class: jump, d: d})
		}
	}
	if w.limits.deletions > 0 {
		for _, r := range w.crm.records {
			if !r.deleted {
				opts = append(opts, option{class: erase, r: r})
			}
		}
	}
	return opts
}

// String names the option; in a schedule with some faults less it has the same
// name.
func (o option) String() string {
	switch o.class {
	case begin:
		return fmt.Sprintf("%-2s logs %s", o.p.name, o.p.w.plan.ids(o.c.script))
	case proceed:
		return o.s.String()
	case restart:
		return fmt.Sprintf("%-2s is started again", o.p.name)
	case wait:
		return "time passes until something happens"
	case arrive:
		return o.late.s.String() + ": is applied now"
	case upset:
		return o.s.String() + ": " + faultNames[o.fault]
	case crash:
		return fmt.Sprintf("%-2s crashes", o.p.name)
	case jump:
		if o.d == 0 {
			return "time passes until something else happens"
		}
		return fmt.Sprintf("%s pass", o.d)
	case leave:
		return fmt.Sprintf("%-2s a caller that logs %s leaves", o.p.name, o.p.w.plan.ids(o.c.script))
	case shut:
		return fmt.Sprintf("%-2s shuts down", o.p.name)
	case erase:
		return fmt.Sprintf("a person deletes %s", o.r.id)
	}
	return "?"
}

func (s *step) String() string {
	name := s.op
	if s.what != "" {
		name += " " + s.what
	}
	return fmt.Sprintf("%-2s %s (%s)", s.p.name, name, s.digest)
}
