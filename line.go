package crmlog

import (
	"context"
	"slices"
	"time"
)

// maxLinger bounds the wait for more messages before a batch is taken from a
// digest that was just written to: 2 % of that write's time, and no more than this.
const maxLinger = 100 * time.Millisecond

// A line is the queue before one digest. It exists while messages wait or are
// being written, and has one goroutine, which takes batches from its head: a
// batch has one authHeader.
type line struct {
	ref     string // its digest's
	waiting []*entry
	first   [1]*entry // room for waiting, where one message comes at a time
	refused int       // claims in a row that found another holder; of the goroutine
}

// entry is a message on its way.
type entry struct {
	ctx    context.Context // its caller's
	digest DigestRef       // as the message has it; the store may know it in another
	in     AddMessageLogInput
	// existing is a record that the caller wants continued.
	existing string

	// Under the router's mutex.
	line   *line // where it waits, or is being written from
	left   bool  // the caller is gone
	sealed bool  // a write is under way; the caller cannot leave any more

	// Of the line's goroutine; inDoubt is written under the mutex too.
	inDoubt  bool    // an attempt ended with an unknown outcome
	fences   []int64 // of the leases under which that happened
	doubted  Outcome // what the outcome is, should the write have been done
	attempts int
	cost     Cost // of the CRM calls that this entry answers for
	// mayStandIn is a part of the digest to which the message was written by
	// somebody who did not learn the outcome; 0 is none.
	mayStandIn int

	report   ReportEntry // complete when finished is closed
	finished chan struct{}
}

func (e *entry) finish(outcome Outcome, logID string, returned ReturnMessage, err error) {
	e.report = ReportEntry{MessageID: e.in.Message.ID, Outcome: outcome, LogID: logID, Digest: e.in.Digest, returned: returned, cost: e.cost}
	if err != nil {
		e.report.fail(err)
		e.report.LogID = logID
	}
	close(e.finished)
}

func (e *entry) isFinished() bool {
	select {
	case <-e.finished:
		return true
	default:
		return false
	}
}

// submit puts entries into the lines of their digests.
func (r *Router) submit(entries []*entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range entries {
		if e == nil {
			continue
		}
		if r.closed {
			e.finish(OutcomeFailed, "", ReturnMessage{}, ErrShutdown)
			continue
		}
		r.enqueue(e)
	}
}

// enqueue needs the mutex.
func (r *Router) enqueue(e *entry) {
	ref := e.in.Digest.Ref
	l := r.lines[ref]
	if l == nil {
		l = &line{ref: ref}
		l.waiting = l.first[:0]
		r.lines[ref] = l
		r.start(l)
	}
	if len(l.waiting) >= r.maxQueue {
		e.finish(OutcomeFailed, "", ReturnMessage{}, ErrQueueFull)
		return
	}
	e.line = l
	l.waiting = append(l.waiting, e)
}

// leave takes an entry out of its line; false when it is too late. Then it is
// not taken again, should it come back to the line.
func (r *Router) leave(e *entry) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	e.left = true
	return !e.sealed && !e.isFinished()
}

// start has a goroutine serve the line. One that has just served another is
// taken rather than a new one, whose stack would have to grow first. It needs the
// mutex.
func (r *Router) start(l *line) {
	if n := len(r.idle); n > 0 {
		r.idle[n-1] <- l
		r.idle = r.idle[:n-1]
		return
	}
	r.active.Add(1)
	go r.work(l)
}

func (r *Router) work(l *line) {
	defer r.active.Done()
	defer r.dismiss()
	growStack(0)
	for next := make(chan *line, 1); l != nil; l = r.another(next) {
		r.serve(l)
	}
}

// another waits for a line to serve. No more goroutines wait for one than lines
// are being served, so that an idle router has none; nil is for those beyond.
func (r *Router) another(next chan *line) *line {
	r.mu.Lock()
	if len(r.idle) >= len(r.lines) {
		r.mu.Unlock()
		return nil
	}
	r.idle = append(r.idle, next)
	r.mu.Unlock()
	return <-next
}

// dismiss ends the waiting of goroutines beyond the number of lines.
func (r *Router) dismiss() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for n := len(r.idle); n > len(r.lines); n-- {
		r.idle[n-1] <- nil
		r.idle = r.idle[:n-1]
	}
}

// serve writes a line's batches until none is left.
func (r *Router) serve(l *line) {
	var batch []*entry
	// An adapter that ends the goroutine (a panic, or a failing test's Goexit)
	// must not leave callers waiting for ever.
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, e := range append(batch, l.waiting...) {
			if e.line == l && !e.isFinished() {
				e.finish(OutcomeFailed, "", ReturnMessage{}, ErrOutcomeUnknown)
			}
		}
		if r.lines[l.ref] == l {
			delete(r.lines, l.ref)
		}
	}()
	var took time.Duration
	var together int
	for {
		// Callers whose messages have just been written are about to bring their
		// next ones: without a moment's patience batches of 1 and n-1 take turns.
		if took > 0 && (together > 1 || r.isWaiting(l)) {
			r.pause(min(took/50, maxLinger))
		}
		if batch = r.take(l); batch == nil {
			return
		}
		w := &writer{r: r, line: l, batch: slices.Clone(batch)}
		together = len(batch)
		start := time.Now()
		w.run()
		took = time.Since(start)
		batch = nil
		r.putBack(l, w.again)
		if w.pause > 0 {
			r.pause(w.pause)
			took = 0
		}
	}
}

// growStack makes room for what an adapter's HTTP call takes at once: each
// doubling of a stack moves all that is on it.
//
//go:noinline
func growStack(n int) byte {
	var room [10 << 10]byte
	return room[n]
}

func (r *Router) isWaiting(l *line) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(l.waiting) > 0
}

// take forms a batch of all that wait with the head's authHeader. Nil ends the
// line.
func (r *Router) take(l *line) []*entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	l.waiting = slices.DeleteFunc(l.waiting, func(e *entry) bool { return e.left })
	if r.done.Err() != nil {
		for _, e := range l.waiting {
			err := ErrShutdown
			if e.inDoubt {
				err = ErrOutcomeUnknown
			}
			e.finish(OutcomeFailed, "", ReturnMessage{}, err)
		}
		l.waiting = nil
	}
	if len(l.waiting) == 0 {
		delete(r.lines, l.ref)
		return nil
	}
	auth := l.waiting[0].in.AuthHeader
	if !slices.ContainsFunc(l.waiting, func(e *entry) bool { return e.in.AuthHeader != auth }) {
		batch := l.waiting
		l.waiting = nil
		return batch
	}
	var batch, rest []*entry
	for _, e := range l.waiting {
		if e.in.AuthHeader == auth {
			batch = append(batch, e)
		} else {
			rest = append(rest, e)
		}
	}
	l.waiting = rest
	return batch
}

// seal marks the entries whose callers are still there as being written, and
// returns them.
func (r *Router) seal(batch []*entry) []*entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	batch = slices.DeleteFunc(batch, func(e *entry) bool { return e.left })
	for _, e := range batch {
		e.sealed = true
	}
	return batch
}

// putBack returns entries to the head of the line, where they wait like new
// ones.
func (r *Router) putBack(l *line, entries []*entry) {
	if len(entries) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range entries {
		e.sealed = false
	}
	l.waiting = append(entries, l.waiting...)
}

// pause waits, or ends early when the router stops.
func (r *Router) pause(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.done.Done():
	}
}
