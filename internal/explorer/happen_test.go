package explorer

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"testing/synctest"
	"time"

	"github.com/crmlog/crmlog"
)

// do makes the option happen.
func (w *world) do(o option) {
	if w.out != nil {
		label := o.String()
		w.labels = append(w.labels, label)
		w.say("%s", label)
	}
	w.judge.troubled = w.judge.troubled || o.class >= upset
	if o.class == upset {
		w.lastOp, w.lastFault = o.s.op, o.fault
	}
	if o.p != nil && o.class != arrive {
		w.last = o.p
	}
	switch o.class {
	case begin:
		w.begin(o.c)
	case proceed:
		w.proceed(o.s)
	case restart:
		w.restart(o.p)
	case wait:
		if w.opts[0].class == restart {
			w.pass(lease, true)
		} else {
			w.pass(forever, true)
		}
	case arrive:
		w.arrives(o.late)
	case upset:
		w.upset(o.s, o.fault)
	case crash:
		w.limits.crashes--
		w.crash(o.p)
	case jump:
		w.limits.jumps--
		w.counts.jumps++
		w.pass(cmp.Or(o.d, lease), o.d == 0)
	case leave:
		w.limits.leaves--
		w.counts.left++
		o.c.left = true
		o.c.cancel()
	case shut:
		w.limits.shutdowns--
		w.counts.shutdowns++
		o.p.down = true
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		go func() { _ = o.p.router.Shutdown(ctx) }()
	case erase:
		w.limits.deletions--
		w.counts.deleted++
		o.r.deleted = true
	}
}

func (w *world) begin(c *call) {
	ctx, cancel := context.WithCancel(context.Background())
	c.begun, c.cancel = true, cancel
	go func() {
		defer cancel()
		report, _ := c.p.router.Log(ctx, w.plan.input(c.script, c.n))
		w.mu.Lock()
		c.report, c.done = report, true
		w.mu.Unlock()
		w.signal()
	}()
}

func (w *world) proceed(s *step) {
	err := w.apply(s)
	var held *crmlog.ClaimedError
	if errors.As(err, &held) && s.op == claiming {
		// It hears of it when another try may succeed: the tries in between change
		// nothing.
		s.op, s.of, s.kind = refused, store, answer
		s.apply = func(context.Context) error { return &crmlog.ClaimedError{RetryAfter: min(held.RetryAfter, askAgain)} }
		return
	}
	w.answer(s, err)
}

func (w *world) apply(s *step) error {
	// Late ones have no deadline left, which is not the store's business.
	return s.apply(context.WithoutCancel(s.ctx))
}

// answer lets a step's goroutine go on with err.
func (w *world) answer(s *step, err error) {
	w.unpark(s)
	s.wake <- err
	if s.op != "commit" {
		return
	}
	if err == nil {
		delete(s.p.failed, s.digest)
		return
	}
	// The router tries again after a random pause, which ends before ours: so no
	// schedule depends on it.
	if !errors.Is(err, crmlog.ErrLeaseLost) {
		s.p.failed[s.digest]++
		w.pass(5*time.Millisecond<<s.p.failed[s.digest], false)
	}
}

func (w *world) unpark(s *step) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.parked = slices.DeleteFunc(w.parked, func(t *step) bool { return t == s })
}

// upset makes a step go wrong.
func (w *world) upset(s *step, f fault) {
	switch {
	case f.crashes():
		w.limits.crashes--
	case f != lagging && f != notYet: // which are no faults
		w.limits.faults--
		w.counts.faults++
	}
	unknown := errNoAnswer
	switch {
	case s.kind == store || s.of == store:
		unknown = errStore
	case w.plan.untyped:
		unknown = errUntyped
	}
	if s.kind == write && (f <= hangLate || f >= panicBefore) || s.of == write {
		w.counts.unknown++
	}
	switch f {
	case lost:
		w.answer(s, unknown)
	case replyLost:
		_ = w.apply(s)
		w.answer(s, unknown)
	case cutLate:
		w.onItsWay(s)
		w.mu.Lock()
		w.limit(s)
		w.mu.Unlock()
		w.answer(s, unknown)
	case hang, hangLate:
		if f == hangLate {
			w.onItsWay(s)
		}
		w.unpark(s)
		w.mu.Lock()
		w.silent = append(w.silent, s)
		w.mu.Unlock()
	case slow:
		err := w.apply(s)
		s.of, s.kind, s.apply = s.kind, answer, func(context.Context) error { return err }
	case badRequest:
		w.answer(s, errBadRequest)
	case unauthorized:
		w.answer(s, errUnauthorized)
	case tooMany:
		w.answer(s, errTooMany)
	case farTooMany:
		w.answer(s, errFarTooMany)
	case unreadable:
		w.answer(s, errNoRead)
	case notYet:
		w.answer(s, errGone)
	case lagging:
		s.lagging = true
		w.answer(s, w.apply(s))
	case storeDown:
		w.mu.Lock()
		s.p.offline[s.fence] = true
		w.mu.Unlock()
		w.unpark(s)
		s.wake <- errStore
	case panicAfter:
		_ = w.apply(s)
		w.panics(s)
	case panicBefore:
		w.panics(s)
	case crashAfter:
		_ = w.apply(s)
		w.unpark(s)
		w.crash(s.p)
	case crashLate:
		w.onItsWay(s)
		w.crash(s.p)
	case crashBefore:
		w.unpark(s)
		w.crash(s.p)
	}
}

// panics ends the step's goroutine. Its deferred calls run, and may reach the
// store, before the process is dead.
func (w *world) panics(s *step) {
	w.answer(s, errPanic)
	synctest.Wait()
	w.mu.Lock()
	var last *step
	for _, t := range w.parked {
		if t.p == s.p && t.digest == s.digest {
			last = t
		}
	}
	w.mu.Unlock()
	if last != nil {
		w.proceed(last)
		synctest.Wait()
	}
	w.crash(s.p)
}

func (w *world) onItsWay(s *step) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s.late = &lateStep{s: s}
	w.late = append(w.late, s.late)
}

// crash stops a process for ever: its goroutines stay where they are, and what
// it had on the way to the CRM is applied within the grace or not at all.
func (w *world) crash(p *process) {
	w.counts.crashes++
	w.mu.Lock()
	p.dead = true
	for _, s := range w.parked {
		if s.p == p && s.late == nil && s.kind == write {
			s.late = &lateStep{s: s, optional: true}
			w.late = append(w.late, s.late)
		}
	}
	for _, l := range w.late {
		if l.s.p == p {
			w.limit(l.s)
		}
	}
	mine := func(s *step) bool { return s.p == p }
	w.parked = slices.DeleteFunc(w.parked, mine)
	w.silent = slices.DeleteFunc(w.silent, mine)
	w.mu.Unlock()
	for _, c := range w.calls {
		if c.p == p && c.begun && !c.judged {
			c.lost = true
			w.judge.reportLost(c)
		}
	}
}

// restart starts a process anew, which logs again what it got no report of.
func (w *world) restart(p *process) {
	p.next = w.newProcess(p.name + "'")
	for _, c := range w.calls {
		if c.p == p && (c.lost || !c.begun) {
			c.lost = true
			w.newCall(p.next, c.script, c.rounds)
		}
	}
}

// arrives applies what nobody waits for.
func (w *world) arrives(l *lateStep) {
	w.mu.Lock()
	w.late = slices.DeleteFunc(w.late, func(m *lateStep) bool { return m == l })
	w.mu.Unlock()
	l.s.late = nil
	if err := w.apply(l.s); err != nil {
		w.tell("refused: %v", err)
		return
	}
	w.counts.late++
}

// forever is longer than anything that a router waits for.
const forever = time.Hour

// pass lets time pass: for d, or until something happens. What is due meanwhile
// is applied when it is due.
func (w *world) pass(d time.Duration, untilEvent bool) {
	end := time.Now().Add(d)
	select {
	case <-w.notify:
	default:
	}
	for {
		next, due := w.nextDue(end)
		timer := time.NewTimer(time.Until(next))
		select {
		case <-w.notify:
			timer.Stop()
			synctest.Wait()
			if untilEvent {
				return
			}
			continue
		case <-timer.C:
		}
		synctest.Wait()
		if due != nil {
			if due.optional {
				w.mu.Lock()
				w.late = slices.DeleteFunc(w.late, func(m *lateStep) bool { return m == due })
				w.mu.Unlock()
			} else {
				w.say("%s: is applied now, as late as can be", due.s)
				w.arrives(due)
			}
		}
		if !time.Now().Before(end) {
			if d == forever && due == nil {
				w.judge.fault("stuck", "nothing happens any more")
			}
			return
		}
		if untilEvent {
			return
		}
	}
}

// nextDue is when something happens of which no goroutine tells: a late step
// is due, or a claim that was refused would not be refused any more.
func (w *world) nextDue(end time.Time) (time.Time, *lateStep) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var due *lateStep
	for _, l := range w.late {
		if !l.due.IsZero() && !l.due.After(end) {
			end, due = l.due, l
		}
	}
	for _, s := range w.parked {
		if s.op == refused && s.until.After(time.Now()) && s.until.Before(end) {
			end, due = s.until, nil
		}
	}
	return end, due
}
