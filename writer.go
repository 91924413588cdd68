package crmlog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"
)

// maxAttempts bounds how often one call takes up a message again after an
// outcome that was unknown, a 429, or a lease that was lost.
const maxAttempts = 5

// maxPause is the longest wait asked for by a CRM that Log sits out itself;
// beyond it the caller is told.
const maxPause = 30 * time.Second

// maxBatch is how many messages are written to the CRM together at the most.
const maxBatch = 2000

// A writer takes one batch of one digest through the protocol: claim, settle
// what somebody left open, then for each message intend, write, commit. What
// has to wait or to be tried again is in again when run returns, and pause says
// for how long.
type writer struct {
	r     *Router
	line  *line
	batch []*entry
	// ctx carries the values of the first entry's caller, until ends with the
	// deadline: a write that has begun is not cut by a caller that leaves. Its
	// meter has what no entry answers for yet.
	ctx    writerContext
	until  context.Context
	cancel context.CancelFunc

	digest   Digest
	claim    Claim
	claimed  time.Time // when the claim was sent: what it says is as old at the least
	deadline time.Time // of the last write, by this process's monotonic clock
	released bool
	intended *Intention // durable and not yet closed, or nil
	part     Part       // the record to write to; LogID is empty before the first add
	acting   bool       // the adapter is at work
	// rechecking says that the record is an earlier one, and what comes next is not
	// for it.
	rechecking bool
	foreign    bool // the record is one that the caller named
	healed     bool // the record was gone, and was opened anew

	batchSize int // the most messages to write together

	again []*entry
	pause time.Duration

	// Room for the slices of a batch of one.
	id     [1]ID
	logged [1]LoggedMessage
	result [1]UpdateResult
}

// writerContext is a context without an end that counts what it costs.
type writerContext struct{ costContext }

func (c *writerContext) Deadline() (time.Time, bool) { return time.Time{}, false }
func (c *writerContext) Done() <-chan struct{}       { return nil }
func (c *writerContext) Err() error                  { return nil }

func (w *writer) run() {
	w.ctx.begin(w.batch[0].ctx)
	defer func() { w.cancel() }()
	defer func() {
		if len(w.again) > 0 {
			w.charge(w.again[0])
		}
	}()
	repeats := w.mergeRepeats()
	defer w.answerRepeats(repeats)
	if !w.takeClaim() {
		return
	}
	defer w.giveBack()
	w.batch = w.r.seal(w.batch)
	todo, amended := w.answerKnown()
	if len(todo)+len(amended) == 0 {
		return
	}
	todo, ok := w.settle(todo, entriesOf(amended))
	if !ok {
		return
	}
	for i, a := range amended {
		if w.r.done.Err() != nil || !w.extend() {
			w.again = append(w.again, entriesOf(amended[i:])...)
			w.again = append(w.again, todo...)
			return
		}
		if !w.amend(a, slices.Concat(entriesOf(amended[i+1:]), todo)) {
			return
		}
	}
	slices.SortStableFunc(todo, func(a, b *entry) int {
		return a.in.Message.CreationTime.Compare(b.in.Message.CreationTime)
	})
	w.batchSize = maxBatch
	if todo, ok = w.recheck(todo); !ok {
		return
	}
	for len(todo) > 0 {
		if w.r.done.Err() != nil || !w.extend() {
			w.again = append(w.again, todo...)
			return
		}
		n, part := w.next(todo), w.part.Number
		if todo, ok = w.write(todo[:n:n], todo[n:]); !ok {
			return
		}
		if w.part.Number != part {
			if todo, ok = w.recheck(todo); !ok {
				return
			}
		}
	}
}

// mergeRepeats leaves one entry per message in the batch, and returns the
// others under the one that speaks for them.
func (w *writer) mergeRepeats() map[*entry][]*entry {
	if len(w.batch) == 1 {
		return nil
	}
	first := make(map[ID]*entry, len(w.batch))
	var repeats map[*entry][]*entry
	w.batch = slices.DeleteFunc(w.batch, func(e *entry) bool {
		f, ok := first[e.in.Message.ID]
		if !ok {
			first[e.in.Message.ID] = e
			return false
		}
		if repeats == nil {
			repeats = make(map[*entry][]*entry)
		}
		repeats[f] = append(repeats[f], e)
		return true
	})
	return repeats
}

func (w *writer) answerRepeats(repeats map[*entry][]*entry) {
	for f, others := range repeats {
		for _, e := range others {
			switch {
			case !f.isFinished():
				w.again = append(w.again, e)
			case f.report.Err != nil:
				e.finish(OutcomeFailed, f.report.LogID, ReturnMessage{}, f.report.Err)
			default:
				e.finish(OutcomeDuplicate, f.report.LogID, ReturnMessage{}, nil)
			}
		}
	}
}

// takeClaim claims the digest for the batch's messages.
func (w *writer) takeClaim() bool {
	in := &w.batch[0].in
	w.digest = Digest{
		Ref:          in.Digest.Ref,
		Platform:     w.r.platform,
		Account:      in.Account,
		User:         string(in.User.ID),
		Contact:      string(in.ContactInfo.ID),
		Conversation: in.Digest.Conversation,
		Day:          in.Digest.Day,
	}
	ids := w.id[:0]
	for _, e := range w.batch {
		ids = append(ids, e.in.Message.ID)
	}
	w.claimed = time.Now()
	w.leaseFrom(w.claimed)
	claim, err := w.r.store.Claim(w.until, ClaimRequest{
		Digest: w.digest, Lease: w.r.lease, Messages: ids, Intend: true, Settle: w.settleTime(),
	})
	if err != nil {
		w.notClaimed(err)
		return false
	}
	w.line.refused = 0
	w.claim, w.intended = claim, claim.Intended
	w.part = Part{Number: 1}
	if n := len(claim.Parts); n > 0 {
		w.part = claim.Parts[n-1]
	} else {
		w.part.LogID = w.batch[0].existing
		w.foreign = w.part.LogID != ""
	}
	return true
}

func (w *writer) notClaimed(err error) {
	var held *ClaimedError
	if errors.As(err, &held) {
		w.again = w.batch
		w.line.refused++
		w.pause = min(held.RetryAfter, backoff(w.line.refused))
		return
	}
	err = fmt.Errorf("%w: store: claim: %w", ErrUnavailable, err)
	w.warn("claim failed", err)
	for _, e := range w.batch {
		w.fail(e, err)
	}
}

// leaseFrom sets the deadline of the last write under a lease that was asked for
// at start.
func (w *writer) leaseFrom(start time.Time) {
	if w.cancel != nil {
		w.cancel()
	}
	w.deadline = start.Add(w.r.lease - w.r.grace)
	w.until, w.cancel = context.WithDeadline(&w.ctx, w.deadline)
}

// storeContext lasts as long as the lease, for what makes an outcome durable.
func (w *writer) storeContext() (context.Context, context.CancelFunc) {
	return context.WithDeadline(&w.ctx, w.deadline.Add(w.r.grace))
}

// backoff grows from 5 ms to 250 ms, with jitter: the other holder is likely to
// be done soon, and tells nobody.
func backoff(n int) time.Duration {
	d := min(5*time.Millisecond<<min(n, 10), 250*time.Millisecond)
	return d/2 + rand.N(d/2)
}

// answerKnown finishes what the store knows to be logged, sends on what is
// bound to another digest, and returns the rest.
func (w *writer) answerKnown() (todo []*entry, amended []amendment) {
	states := w.claim.Messages // in the batch's order, also of those that left it
	todo = w.batch[:0]
	for _, e := range w.batch {
		for states[0].ID != e.in.Message.ID {
			states = states[1:]
		}
		s := states[0]
		if s.Digest.Ref != w.digest.Ref && s.Digest.Ref != "" {
			e.in.Digest.Ref = s.Digest.Ref
			e.in.Digest.Conversation = s.Digest.Conversation
			e.in.Digest.Day = s.Digest.Day
			if !s.Logged {
				w.r.sendOn(e)
				continue
			}
		}
		if s.Logged {
			e.in.Digest.Part = s.Part
			if w.r.amender != nil && s.Digest.Ref == w.digest.Ref && shows(e, s) {
				amended = append(amended, amendment{e, s})
				continue
			}
			if slices.Contains(e.fences, s.Fence) {
				// This call wrote it, and did not learn so.
				w.succeed(e, e.doubted, s.LogID, ReturnMessage{})
				continue
			}
			w.debug(e, OutcomeDuplicate, s.LogID)
			e.finish(OutcomeDuplicate, s.LogID, ReturnMessage{}, nil)
			continue
		}
		e.mayStandIn = s.Part
		todo = append(todo, e)
	}
	return todo, amended
}

// recheck writes messages that may stand in an earlier part of the digest to
// that part, which adds none that is there. One for which that part has no room
// is not there.
func (w *writer) recheck(todo []*entry) ([]*entry, bool) {
	last := w.part
	if !slices.ContainsFunc(todo, func(e *entry) bool { return e.mayStandIn != 0 }) {
		return todo, true
	}
	var fresh []*entry
	for i, e := range todo {
		p := slices.IndexFunc(w.claim.Parts, func(p Part) bool { return p.Number == e.mayStandIn })
		if e.mayStandIn == last.Number {
			fresh = append(fresh, e)
			continue
		}
		if p < 0 {
			e.mayStandIn = 0
			fresh = append(fresh, e)
			continue
		}
		e.mayStandIn = 0
		rest := slices.Concat(fresh, todo[i+1:])
		if w.r.done.Err() != nil || !w.extend() {
			w.again = append(append(w.again, e), rest...)
			return nil, false
		}
		w.part, w.rechecking = w.claim.Parts[p], true
		left, ok := w.write([]*entry{e}, rest)
		w.rechecking = false
		if !ok {
			return nil, false
		}
		w.part, w.healed = last, false
		if len(left) > len(rest) {
			fresh = append(fresh, e)
		}
	}
	return fresh, true
}

// settle closes an intention that somebody left open, before anything else is
// written. It returns what is still to be written, and false when that must
// wait.
func (w *writer) settle(todo, amended []*entry) ([]*entry, bool) {
	open := w.claim.Open
	if open == nil {
		if w.part.LogID == "" && w.r.finder != nil && w.forgotten(todo) {
			return w.find(todo, amended, time.Time{})
		}
		return todo, true
	}
	if open.Settles > 0 {
		w.again, w.pause = slices.Concat(w.again, amended, todo), open.Settles
		return nil, false
	}
	if open.Kind == IntendAdd && w.r.finder != nil {
		return w.find(todo, amended, w.claimed.Add(-open.Age-w.r.grace))
	}
	if open.Kind == IntendAdd {
		if _, ok := As[IdempotentAdder](w.r.adapter); ok {
			w.part = Part{Number: open.Part} // to be made, or made known
		} else {
			w.warn("an add ended with an unknown outcome and the adapter is no Finder: a second record is possible", nil)
		}
	}
	// An update needs nothing but to be done again on the same part: adapters add
	// what is there no second time.
	for _, e := range todo {
		if slices.Contains(open.Messages, e.in.Message.ID) {
			e.mayStandIn = open.Part
		}
	}
	return todo, w.commit(Commit{}, nil, slices.Concat(amended, todo))
}

// forgotten reports whether the store may have pruned what it knew of one of
// the messages.
func (w *writer) forgotten(todo []*entry) bool {
	return slices.ContainsFunc(todo, func(e *entry) bool {
		return e.in.Message.CreationTime.Before(w.claim.PrunedBefore)
	})
}

// find looks for the digest's record in the CRM, and takes what is seen in it
// for logged.
func (w *writer) find(todo, amended []*entry, since time.Time) ([]*entry, bool) {
	all := slices.Concat(amended, todo)
	in := all[0].in
	wanted := w.part.Number
	if w.claim.Open != nil {
		wanted = w.claim.Open.Part
	}
	in.Digest.Part = wanted
	found, err := w.r.finder.FindMessageLogs(w.until, FindInput{
		User: in.User, Account: in.Account, ContactInfo: in.ContactInfo, AuthHeader: in.AuthHeader,
		Digest: in.Digest, Since: since,
	})
	if err != nil {
		w.warn("looking for the record of an unknown add failed", err)
		if Temporary(err) && w.retry(all, max(RetryAfter(err), w.r.grace)) {
			return nil, false
		}
		for _, e := range all {
			w.fail(e, err)
		}
		return nil, false
	}
	found = slices.DeleteFunc(found, func(f FoundMessageLog) bool {
		known := slices.ContainsFunc(w.claim.Parts, func(p Part) bool { return p.LogID == f.LogID })
		return known || f.Part != 0 && f.Part != wanted
	})
	if len(found) == 0 {
		return todo, w.commit(Commit{}, nil, all)
	}
	if len(found) > 1 {
		w.warn("the digest has several records in the CRM; the oldest is continued", nil, slog.Int("records", len(found)))
	}
	record := found[0]
	at := make(map[ID]*entry, len(todo))
	for _, e := range todo {
		at[e.in.Message.ID] = e
	}
	c := Commit{Part: wanted, LogID: record.LogID}
	var seen []*entry
	for _, id := range record.MessageIDs {
		l := LoggedMessage{ID: id}
		if e := at[id]; e != nil {
			l = logged(e)
			seen = append(seen, e)
		} else if w.claim.Open != nil {
			// Whoever wrote it may still be waiting for the outcome.
			l.Fence = w.claim.Open.Fence
		}
		c.Logged = append(c.Logged, l)
	}
	unseen := slices.DeleteFunc(slices.Clone(all), func(e *entry) bool { return slices.Contains(seen, e) })
	if !w.commit(c, seen, unseen) {
		return nil, false
	}
	w.part = Part{Number: wanted}
	w.made(record.LogID)
	return slices.DeleteFunc(todo, func(e *entry) bool {
		if !slices.Contains(record.MessageIDs, e.in.Message.ID) {
			return false
		}
		outcome := OutcomeAdded
		if w.claim.Open == nil {
			outcome = OutcomeDuplicate // forgotten by the store
		}
		w.succeed(e, outcome, record.LogID, ReturnMessage{})
		return true
	}), true
}

// extend renews the lease when its time is running out.
func (w *writer) extend() bool {
	if time.Until(w.deadline) > w.r.lease/2 {
		return true
	}
	start := time.Now()
	ctx, cancel := w.storeContext()
	defer cancel()
	if err := w.r.store.Renew(ctx, w.claim.Lease, w.r.lease); err != nil {
		w.warn("lease not renewed", err)
		return false
	}
	w.leaseFrom(start)
	return true
}

// intend sees to it that an intention with the batch is durable.
func (w *writer) intend(batch, rest []*entry) bool {
	kind := IntendUpdate
	if w.part.LogID == "" {
		kind = IntendAdd
	}
	return w.intended.covers(kind, w.part.Number, batch) || w.intendTo(w.intention(slices.Concat(batch, rest)), batch, rest)
}

func (w *writer) intendTo(in *Intention, batch, rest []*entry) bool {
	err := w.r.store.Intend(w.until, w.claim.Lease, *in)
	if err == nil {
		w.intended = in
		return true
	}
	todo := slices.Concat(batch, rest)
	w.warn("intention not stored", err)
	if errors.Is(err, ErrLeaseLost) && w.retry(todo, 0) {
		return false
	}
	for _, e := range todo {
		w.fail(e, fmt.Errorf("%w: store: intend: %w", ErrUnavailable, err))
	}
	return false
}

func (in *Intention) covers(kind IntentionKind, part int, batch []*entry) bool {
	if in == nil || in.Kind != kind || in.Part != part {
		return false
	}
	for _, e := range batch {
		if !slices.Contains(in.Messages, e.in.Message.ID) {
			return false
		}
	}
	return true
}

// intention is to write the entries to the current record, or to make it. Those
// in doubt in another part are not to be written yet.
func (w *writer) intention(todo []*entry) *Intention {
	if len(todo) == 0 {
		return nil
	}
	in := &Intention{Kind: IntendUpdate, Part: w.part.Number}
	if w.part.LogID == "" {
		in.Kind, in.Settle = IntendAdd, w.settleTime()
	}
	for _, e := range todo {
		if e.mayStandIn == 0 || e.mayStandIn == in.Part {
			in.Messages = append(in.Messages, e.in.Message.ID)
		}
	}
	if len(in.Messages) == 0 {
		return nil
	}
	return in
}

func (w *writer) settleTime() time.Duration {
	if w.r.finder == nil {
		return 0
	}
	return w.r.finder.SettleTime()
}

// next is how many of the entries go out together: a record is opened with one
// message, and a batch that was refused is halved until the culprit is alone.
func (w *writer) next(todo []*entry) int {
	if w.part.LogID == "" || w.r.batcher == nil {
		return 1
	}
	return min(len(todo), w.batchSize)
}

// written is what a call of the adapter came to.
type written struct {
	logID    string
	returned ReturnMessage
	results  []UpdateResult // one per message
	err      error          // of the call as a whole
}

// call hands a batch to the adapter.
func (w *writer) call(batch []*entry) written {
	for _, e := range batch {
		e.in.Digest.Part = w.part.Number
	}
	if len(batch) > 1 {
		in := UpdateMessageLogsInput{ExistingMessageLog: ExistingMessageLog{LogID: w.part.LogID}}
		for _, e := range batch {
			in.Messages = append(in.Messages, e.in)
		}
		result, err := w.r.batcher.UpdateMessageLogs(w.until, in)
		if err == nil && len(result.Results) != len(batch) {
			err = fmt.Errorf("%w: the adapter returned %d results for %d messages", ErrOutcomeUnknown, len(result.Results), len(batch))
		}
		return written{w.part.LogID, result.ReturnMessage, result.Results, err}
	}
	var result MessageLogResult
	var err error
	if w.part.LogID == "" {
		result, err = w.r.adapter.AddMessageLog(w.until, batch[0].in)
		if err == nil && result.LogID == "" {
			err = fmt.Errorf("%w: the adapter returned no logId", ErrOutcomeUnknown)
		}
	} else {
		result, err = w.r.adapter.UpdateMessageLog(w.until, UpdateMessageLogInput{
			AddMessageLogInput: batch[0].in,
			ExistingMessageLog: ExistingMessageLog{LogID: w.part.LogID},
		})
		result.LogID = w.part.LogID
	}
	one := UpdateResult{AlreadyThere: result.AlreadyThere}
	if full := bodyFull(err); full != nil {
		one.Err, err = full, nil
	}
	w.result[0] = one
	return written{result.LogID, result.ReturnMessage, w.result[:], err}
}

// write brings a batch into the CRM. It returns what is still to be written, of
// the batch and of the rest; nil with false ends the run.
func (w *writer) write(batch, rest []*entry) ([]*entry, bool) {
	if !w.intend(batch, rest) {
		return nil, false
	}
	adding := w.part.LogID == ""
	w.acting = true
	done := w.call(batch)
	w.acting = false
	switch {
	case done.err == nil:
		return w.wrote(batch, rest, adding, done)
	case adding && done.logID != "":
		return w.incomplete(batch[0], rest, done)
	case !adding && errors.Is(done.err, ErrLogGone) && surelyNotDone(done.err):
		return w.heal(batch, rest, done.err)
	case !surelyNotDone(done.err):
		return w.unknown(batch, rest, done.err)
	}
	return w.refused(batch, rest, done.err)
}

// wrote commits what stands in the record now. What did not fit goes into the
// next part.
func (w *writer) wrote(batch, rest []*entry, adding bool, done written) ([]*entry, bool) {
	if adding && done.logID != "" {
		w.made(done.logID)
	}
	current := w.part
	c := Commit{Part: current.Number, LogID: current.LogID, Logged: w.logged[:0]}
	var left []*entry
	for i, e := range batch {
		err := done.results[i].Err
		full := bodyFull(err)
		switch {
		case err == nil:
			c.Logged = append(c.Logged, logged(e))
		case full != nil && adding && full.NextPiece <= e.in.Piece:
			done.results[i].Err = &InputError{"message", "not even the beginning of it fits into a record of the CRM"}
		case full != nil:
			e.in.Piece = full.NextPiece
			left = append(left, e)
		}
	}
	if len(left) > 0 {
		w.part = Part{Number: current.Number + 1}
	}
	if current.LogID == "" { // nothing was made
		c = Commit{}
	}
	todo := rest
	if len(left) > 0 {
		todo = slices.Concat(left, rest)
	}
	if c.Release = len(todo) == 0; !w.rechecking {
		c.Next = w.intention(todo)
	}
	if !w.commit(c, batch, rest) {
		return nil, false
	}
	if adding && w.healed {
		done.returned = ReturnMessage{
			Message:     "The log was deleted in the CRM. A new one was opened.",
			MessageType: Warning,
			TTL:         5000,
		}
	}
	for i, e := range batch {
		switch result := done.results[i]; {
		case slices.Contains(left, e):
		case result.Err != nil:
			w.warn("not logged", result.Err, slog.String("message", string(e.in.Message.ID)))
			w.fail(e, result.Err)
		case adding:
			w.succeed(e, OutcomeAdded, current.LogID, done.returned)
		case result.AlreadyThere && w.knownBefore(e):
			w.succeed(e, OutcomeDuplicate, current.LogID, done.returned)
		default:
			w.succeed(e, OutcomeUpdated, current.LogID, done.returned)
		}
	}
	w.batchSize = min(2*w.batchSize, maxBatch)
	return todo, true
}

// made notes that the current part has a record now.
func (w *writer) made(logID string) {
	w.part = Part{Number: w.part.Number, LogID: logID}
	w.claim.Parts = slices.DeleteFunc(w.claim.Parts, func(p Part) bool { return p.Number == w.part.Number })
	w.claim.Parts = append(w.claim.Parts, w.part)
}

// incomplete goes on with a record that was made, while a later step of the add
// failed: from now on it is updated.
func (w *writer) incomplete(e *entry, rest []*entry, done written) ([]*entry, bool) {
	w.made(done.logID)
	next := w.intention(append([]*entry{e}, rest...))
	if !w.commit(Commit{Part: w.part.Number, LogID: w.part.LogID, Next: next}, []*entry{e}, rest) {
		return nil, false
	}
	if !surelyNotDone(done.err) {
		return w.unknown([]*entry{e}, rest, done.err)
	}
	w.warn("the record was made, but not completed", done.err, slog.String("message", string(e.in.Message.ID)))
	w.charge(e)
	e.finish(OutcomeFailed, w.part.LogID, ReturnMessage{}, done.err)
	return rest, true
}

// knownBefore tells whether a message that stood in the record may have been
// reported before, although the store does not know it: it was pruned, or the
// record is not ours. Otherwise somebody wrote it and died.
func (w *writer) knownBefore(e *entry) bool {
	return w.foreign && e.existing != "" || e.in.Message.CreationTime.Before(w.claim.PrunedBefore)
}

// heal opens a digest anew whose record is gone, once per run.
func (w *writer) heal(batch, rest []*entry, err error) ([]*entry, bool) {
	todo := slices.Concat(batch, rest)
	if w.part.Age < w.settleTime() {
		// So young that the CRM's reads may lag behind.
		if w.commit(Commit{}, nil, todo) && !w.retry(todo, w.settleTime()) {
			for _, e := range todo {
				w.fail(e, fmt.Errorf("%w: the CRM does not show the record yet", ErrUnavailable))
			}
		}
		return nil, false
	}
	if w.healed {
		return w.refused(batch, rest, err)
	}
	w.warn("the record was deleted in the CRM and is opened anew", err)
	w.healed = true
	w.part.LogID = ""
	return todo, true
}

// unknown leaves the intention open. After the time in which the request may
// still be applied the batch goes on: the find, or the repeated update, settles
// it.
func (w *writer) unknown(batch, rest []*entry, err error) ([]*entry, bool) {
	w.warn("outcome unknown", err, slog.String("message", string(batch[0].in.Message.ID)),
		slog.Int("messages", len(batch)), slog.String("kind", string(w.intended.Kind)))
	w.doubt(batch)
	w.release(w.r.grace)
	if w.retry(batch, w.r.grace+w.intended.Settle) {
		w.again = append(w.again, rest...)
		return nil, false
	}
	for _, e := range batch {
		w.fail(e, err)
	}
	for _, e := range rest {
		w.fail(e, fmt.Errorf("%w: not tried, since the outcome of an earlier message is unknown", ErrUnavailable))
	}
	return nil, false
}

func (w *writer) doubt(batch []*entry) {
	w.r.mu.Lock()
	defer w.r.mu.Unlock()
	outcome := OutcomeUpdated
	settling := w.intended == nil && w.claim.Open != nil && w.claim.Open.Kind == IntendAdd
	if settling || w.intended != nil && w.intended.Kind == IntendAdd {
		outcome = OutcomeAdded
	}
	for _, e := range batch {
		e.inDoubt, e.doubted = true, outcome
		e.fences = append(e.fences, w.claim.Lease.Fence)
	}
}

// refused handles a write that surely was not done.
func (w *writer) refused(batch, rest []*entry, err error) ([]*entry, bool) {
	// What the CRM says of a message does not hold up the others; what it says of
	// the account or of itself would be said of each.
	ofMessage := errors.Is(err, ErrInvalidInput) || errors.Is(err, ErrNotFound)
	if ofMessage && len(batch) > 1 {
		w.batchSize = len(batch) / 2
		return slices.Concat(batch, rest), true
	}
	todo := slices.Concat(batch, rest)
	c := Commit{}
	if ofMessage {
		c.Next = w.intention(rest)
	}
	if !w.commit(c, nil, todo) {
		return nil, false
	}
	if d := RetryAfter(err); errors.Is(err, ErrRateLimited) && d <= maxPause && w.retry(todo, d) {
		return nil, false
	}
	if errors.Is(err, ErrConflict) && w.retry(todo, backoff(batch[0].attempts)) {
		return nil, false
	}
	if ofMessage {
		w.warn("not logged", err, slog.String("message", string(batch[0].in.Message.ID)))
		w.fail(batch[0], err)
		return rest, true
	}
	w.warn("not logged", err, slog.Int("messages", len(todo)))
	for _, e := range todo {
		w.fail(e, err)
	}
	return nil, false
}

// retry puts entries back to be taken up again after a pause; false when one of
// them was tried often enough.
func (w *writer) retry(todo []*entry, pause time.Duration) bool {
	for _, e := range todo {
		if e.attempts++; e.attempts >= maxAttempts {
			return false
		}
	}
	w.again = append(w.again, todo...)
	w.pause = max(w.pause, pause)
	return true
}

// commit makes c durable, trying again to the end of the lease. When it cannot,
// the intention stays open and speaks for what was written: the entries are
// taken up again, of which those that were written are in doubt.
func (w *writer) commit(c Commit, wrote, rest []*entry) bool {
	err := w.until.Err()
	if err == nil {
		err = w.r.store.Commit(w.until, w.claim.Lease, c)
	}
	if err != nil {
		err = w.commitAgain(c, err)
	}
	if err == nil {
		w.intended, w.released = c.Next, c.Release
		return true
	}
	w.warn("commit failed", err)
	w.released = true
	w.doubt(wrote)
	todo := slices.Concat(wrote, rest)
	if w.retry(todo, w.r.grace) {
		return false
	}
	for _, e := range todo {
		w.fail(e, fmt.Errorf("%w: store: commit: %w", ErrUnavailable, err))
	}
	return false
}

// commitAgain commits after the deadline for writes too, to the lease's end.
func (w *writer) commitAgain(c Commit, err error) error {
	ctx, cancel := w.storeContext()
	defer cancel()
	for n := 0; !errors.Is(err, ErrLeaseLost) && ctx.Err() == nil; n++ {
		if n > 0 {
			select {
			case <-time.After(backoff(n)):
			case <-ctx.Done():
				return err
			}
		}
		if err = w.r.store.Commit(ctx, w.claim.Lease, c); err == nil {
			return nil
		}
	}
	return err
}

// giveBack ends the claim, unless it has ended. An intention that is still open
// then was never acted upon, unless the adapter panicked in the act.
func (w *writer) giveBack() {
	if w.released {
		return
	}
	if w.intended == nil || w.acting {
		w.release(w.r.grace)
		return
	}
	w.released = true
	ctx, cancel := w.storeContext()
	defer cancel()
	if err := w.r.store.Commit(ctx, w.claim.Lease, Commit{Release: true}); err != nil && !errors.Is(err, ErrLeaseLost) {
		w.warn("lease not released", err)
	}
}

// release gives the lease back, once. When that fails the lease runs out by
// itself.
func (w *writer) release(settle time.Duration) {
	if w.released {
		return
	}
	w.released = true
	ctx, cancel := w.storeContext()
	defer cancel()
	if err := w.r.store.Release(ctx, w.claim.Lease, settle); err != nil && !errors.Is(err, ErrLeaseLost) {
		w.warn("lease not released", err)
	}
}

func logged(e *entry) LoggedMessage {
	m := &e.in.Message
	return LoggedMessage{ID: m.ID, LastModified: m.LastModifiedTime, Status: shownStatus(e)}
}

func (w *writer) succeed(e *entry, outcome Outcome, logID string, returned ReturnMessage) {
	if returned.Message == "" {
		returned = ReturnMessageFor(nil)
	}
	w.charge(e)
	w.debug(e, outcome, logID)
	e.finish(outcome, logID, returned, nil)
}

// charge has e answer for what was spent since the last charge: the first entry
// of a batch, since they are finished in its order.
func (w *writer) charge(e *entry) { e.cost = e.cost.plus(w.ctx.meter.take()) }

func (w *writer) fail(e *entry, err error) {
	w.charge(e)
	if e.inDoubt && !errors.Is(err, ErrOutcomeUnknown) {
		err = errors.Join(ErrOutcomeUnknown, err)
	}
	e.finish(OutcomeFailed, "", ReturnMessage{}, err)
}

// debug tells of a message before its caller learns it.
func (w *writer) debug(e *entry, outcome Outcome, logID string) {
	if !w.r.log.Enabled(e.ctx, slog.LevelDebug) {
		return
	}
	w.r.log.LogAttrs(e.ctx, slog.LevelDebug, "crmlog: message",
		slog.String("platform", w.r.platform), slog.String("digest", e.in.Digest.Ref), slog.String("day", e.in.Digest.Day),
		slog.String("message", string(e.in.Message.ID)), slog.String("outcome", string(outcome)), slog.String("logId", logID),
		slog.Int("calls", e.cost.Calls), slog.Int("tokens", e.cost.Tokens))
}

func (w *writer) warn(what string, err error, more ...slog.Attr) {
	attrs := append([]slog.Attr{
		slog.String("platform", w.r.platform), slog.String("digest", w.digest.Ref), slog.String("day", w.digest.Day),
	}, more...)
	if err != nil {
		attrs = append(attrs, slog.String("class", ErrorClass(err)), slog.String("error", err.Error()))
	}
	w.r.log.LogAttrs(&w.ctx, slog.LevelWarn, "crmlog: "+what, attrs...)
}

// sendOn moves an entry to the line of the digest that it is bound to.
func (r *Router) sendOn(e *entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e.sealed = false
	if !e.left {
		r.enqueue(e)
	}
}
