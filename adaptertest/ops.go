package adaptertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/crmlog/crmlog"
)

// op is something that an adapter does, in a setting in which things can go
// wrong.
type op struct {
	name   string
	method string // of the adapter
	cannot func(*Harness) bool
	before []int // the messages that stand in the record already
	adds   []int // those that the op adds
	call   func(ctx context.Context, p *probe, logID string) outcome
}

// outcome is what came of an op.
type outcome struct {
	logID   string // of an add
	results []crmlog.UpdateResult
	there   bool
	found   []crmlog.FoundMessageLog
	err     error
}

func (o op) writes() bool { return o.name != "find" }

var ops = []op{
	{
		name: "add", method: "AddMessageLog", adds: []int{1},
		call: func(ctx context.Context, p *probe, _ string) outcome {
			r, err := p.adapter.AddMessageLog(ctx, p.input(1))
			return outcome{logID: r.LogID, err: err}
		},
	},
	{
		name: "update", method: "UpdateMessageLog", before: []int{1}, adds: []int{2},
		call: func(ctx context.Context, p *probe, logID string) outcome {
			r, err := p.adapter.UpdateMessageLog(ctx, updateOf(logID, p.input(2)))
			return outcome{there: r.AlreadyThere, err: err}
		},
	},
	{
		name: "batch", method: "UpdateMessageLogs", before: []int{1}, adds: []int{2, 3},
		cannot: func(h *Harness) bool { return h.Cannot.Batch },
		call: func(ctx context.Context, p *probe, logID string) outcome {
			batcher := capability[crmlog.BatchUpdater](p, "BatchUpdater", "Batch")
			r, err := batcher.UpdateMessageLogs(ctx, crmlog.UpdateMessageLogsInput{
				ExistingMessageLog: crmlog.ExistingMessageLog{LogID: logID},
				Messages:           []crmlog.AddMessageLogInput{p.input(2), p.input(3)},
			})
			return outcome{results: r.Results, err: err}
		},
	},
	{
		name: "amend", method: "AmendMessageLog", before: []int{1, 2},
		cannot: func(h *Harness) bool { return h.Cannot.Amend },
		call: func(ctx context.Context, p *probe, logID string) outcome {
			amender := capability[crmlog.Amender](p, "Amender", "Amend")
			r, err := amender.AmendMessageLog(ctx, updateOf(logID, p.failed(2)))
			return outcome{there: r.AlreadyThere, err: err}
		},
	},
	{
		name: "find", method: "FindMessageLogs", before: []int{1, 2},
		cannot: func(h *Harness) bool { return h.Cannot.Find },
		call: func(ctx context.Context, p *probe, _ string) outcome {
			finder, ok := crmlog.As[crmlog.Finder](p.adapter)
			if !ok {
				return outcome{} // an IdempotentAdder may have none
			}
			in := p.input(1)
			found, err := finder.FindMessageLogs(ctx, crmlog.FindInput{
				User: in.User, Account: in.Account, ContactInfo: in.ContactInfo, AuthHeader: in.AuthHeader, Digest: in.Digest,
			})
			return outcome{found: found, err: err}
		},
	},
}

func opNamed(name string) op {
	return ops[slices.IndexFunc(ops, func(o op) bool { return o.name == name })]
}

// failed is message n when it could not be delivered: it is outbound, since the
// user's own messages fail.
func (p *probe) failed(n int) crmlog.AddMessageLogInput {
	in := p.input(n)
	in.Message.MessageStatus = crmlog.MessageStatusDeliveryFailed
	return in
}

// setUp writes the messages that the op finds, and returns their record's id.
func (p *probe) setUp(o op) string {
	if len(o.before) == 0 {
		return ""
	}
	logID := p.add(p.input(o.before[0]))
	for _, n := range o.before[1:] {
		p.update(logID, p.input(n))
	}
	if o.name == "find" {
		if _, ok := crmlog.As[crmlog.Finder](p.adapter); ok {
			p.findAfterLag(p.input(1), 1)
		}
	}
	return logID
}

// do calls the op, which has to return in time.
func (p *probe) do(ctx context.Context, o op, logID string) (out outcome) {
	// A capability that is missing ends the check, in the check's goroutine.
	switch o.name {
	case "batch":
		capability[crmlog.BatchUpdater](p, "BatchUpdater", "Batch")
	case "amend":
		capability[crmlog.Amender](p, "Amender", "Amend")
	}
	p.within(patience, o.method, func() { out = o.call(ctx, p, logID) })
	return out
}

// step is one of the requests that an op makes when nothing goes wrong.
type step struct {
	method string
	nth    int  // of its method
	writes bool // it changed a record
	record bool // it names the record
}

func (s step) String() string {
	what := "read"
	if s.writes {
		what = "write"
	}
	return fmt.Sprintf("%s (%s number %d)", what, s.method, s.nth)
}

// surveyed is what an op does when nothing goes wrong.
type surveyed struct {
	once  sync.Once
	steps []step
	err   error
}

// steps are the op's requests in order, found out by trying.
func (p *probe) steps(o op) []step {
	v, _ := p.suite.survey.LoadOrStore(o.name, &surveyed{})
	s := v.(*surveyed)
	s.once.Do(func() {
		trial := &probe{suite: p.suite, ctx: p.ctx}
		defer trial.close()
		s.err = trial.attempt(func(t *probe) {
			t.open()
			s.steps = t.watch(o)
		})
	})
	p.want(s.err == nil, "without any fault already: %w", s.err)
	return s.steps
}

func (p *probe) watch(o op) []step {
	logID := p.setUp(o)
	seen := p.net.count()
	var out outcome
	changed := p.changes(func() { out = p.do(p.ctx, o, logID) })
	p.ok(o.method, out.err)
	var steps []step
	for i, r := range p.net.requests(seen) {
		steps = append(steps, step{method: r.method, nth: r.nth, writes: changed[i], record: logID != "" && r.names(logID)})
	}
	p.want(len(steps) > 0 || o.name == "find", "%s sent no request through Config.Transport", o.method)
	return steps
}

// changes tells of each request that do makes whether it changed a record.
func (p *probe) changes(do func()) []bool {
	before := p.crm.Records()
	var changed []bool
	p.net.watch(func() {
		after := p.crm.Records()
		changed = append(changed, !same(before, after))
		before = after
	})
	defer p.net.watch(nil)
	do()
	return changed
}

// names tells whether the request's address has the id in it.
func (r *request) names(id string) bool {
	return slices.Contains(strings.Split(r.path, "/"), id) || strings.Contains("&"+r.query+"&", "="+id+"&")
}

// write is the step by which the op changes the CRM.
func (p *probe) write(o op) step {
	steps := p.steps(o)
	i := slices.IndexFunc(steps, func(s step) bool { return s.writes })
	p.want(i >= 0, "no request of %s changed anything in CRM.Records", o.method)
	return steps[i]
}

// eachOp runs do for each op that the CRM allows, at the same time, each with a
// CRM and an adapter of its own.
func (p *probe) eachOp(do func(p *probe, o op)) {
	var trials []func(*probe)
	for _, o := range ops {
		if o.cannot == nil || !o.cannot(p.suite.h) {
			trials = append(trials, func(p *probe) { do(p, o) })
		}
	}
	p.trials(trials)
}

// eachStep does so for each request of each op.
func (p *probe) eachStep(do func(p *probe, o op, s step)) {
	var trials []func(*probe)
	for _, o := range ops {
		if o.cannot == nil || !o.cannot(p.suite.h) {
			for _, s := range p.steps(o) {
				trials = append(trials, func(p *probe) { do(p, o, s) })
			}
		}
	}
	p.trials(trials)
}

func (p *probe) trials(trials []func(*probe)) {
	errs := make([]error, len(trials))
	var wg sync.WaitGroup
	for i, do := range trials {
		wg.Add(1)
		go func() {
			defer wg.Done()
			p.suite.trials <- struct{}{}
			defer func() { <-p.suite.trials }()
			trial := &probe{suite: p.suite, ctx: p.ctx, timeout: p.timeout}
			defer trial.close()
			errs[i] = trial.attempt(func(t *probe) {
				t.open()
				do(t)
			})
		}()
	}
	wg.Wait()
	p.want(errors.Join(errs...) == nil, "%w", errors.Join(errs...))
}

// strike has a fault meet a step of the next op: once, or that one and all
// later requests of its method.
func (p *probe) strike(s step, f fault, always bool) {
	p.net.arm(func(r *request) *fault {
		if r.method == s.method && (r.nth == s.nth || always && r.nth > s.nth) {
			return &f
		}
		return nil
	})
}

// struck wants the fault to have met a request.
func (p *probe) struck(from int) {
	for _, r := range p.net.requests(from) {
		if r.struck {
			return
		}
	}
	p.failf("the adapter made other requests than without faults: the suite could not try this one")
}

// judge looks at what an op left behind after a fault. The messages that stood
// there still do; those of the op do once if it succeeded, never if it said that
// it surely did nothing, and once at most otherwise.
func (p *probe) judge(o op, logID string, out outcome) {
	p.typed(o.method, out.err)
	if what := p.leak(fmt.Sprintf("%v %+v", out.err, out.err)); out.err != nil && what != "" {
		p.failf("%s: the error's text holds %s", o.method, what)
	}
	if o.name == "add" && out.err == nil {
		p.want(out.logID != "", "AddMessageLog returned no LogID and no error")
		p.text(out.logID)
	}
	p.want(len(p.crm.Records()) <= 1, "%d records in the CRM, want one: a create was repeated that had been carried out", len(p.crm.Records()))
	for _, n := range o.before {
		times := p.everywhere(word(n))
		p.want(times == 1, "a message that stood in the record before stands there %d times after %s", times, o.method)
	}
	for i, n := range o.adds {
		err := out.err
		if err == nil && i < len(out.results) {
			err = out.results[i].Err
		}
		times := p.everywhere(word(n))
		switch {
		case err == nil:
			p.want(times == 1, "%s succeeded, and message %d stands in the CRM %d times, want once", o.method, i+1, times)
		case notDone(err):
			p.want(times == 0, "%s says that surely nothing was done, and message %d stands in the CRM %d times: %s", o.method, i+1, times, p.clean(err))
		default:
			p.want(times <= 1, "message %d stands in the CRM %d times", i+1, times)
		}
	}
	if len(o.before) > 0 {
		p.text(logID)
	}
	if _, ok := crmlog.As[crmlog.Finder](p.adapter); ok && o.name == "find" && out.err == nil {
		p.want(len(out.found) == 1 && out.found[0].LogID == logID,
			"FindMessageLogs found %d records and reported no error; there is one, and by its word another is made", len(out.found))
	}
}

// settle does the op again, now that nothing goes wrong, as the router does
// after an outcome that is unknown; then everything stands once, in order.
func (p *probe) settle(o op, logID string, out outcome) {
	p.net.disarm()
	all := append(slices.Clone(o.before), o.adds...)
	if o.name == "add" {
		if logID = out.logID; out.err != nil {
			logID = p.settleAdd()
		}
	} else {
		again := p.do(p.ctx, o, logID)
		p.ok(o.method+" once more", again.err)
	}
	p.records(1)
	p.holds(logID, words(all...)...)
}

func (p *probe) settleAdd() string {
	in := p.input(1)
	if _, ok := crmlog.As[crmlog.IdempotentAdder](p.adapter); ok || p.suite.h.Cannot.Find {
		if all := p.crm.Records(); !ok && len(all) == 1 {
			return all[0].LogID // nobody but a person can know
		}
		return p.add(in)
	}
	there := len(p.crm.Records())
	found := p.findAfterLag(in, there)
	p.want(len(found) == there, "after an add of unknown outcome FindMessageLogs returned %d records, and the CRM has %d", len(found), there)
	if there == 0 {
		return p.add(in)
	}
	p.want(slices.Equal(found[0].MessageIDs, []crmlog.ID{in.Message.ID}),
		"FindMessageLogs saw %d messages in the record, want the one that was added", len(found[0].MessageIDs))
	return found[0].LogID
}

// without skips a check of what the CRM does not allow.
func without(cannot func(*Harness) bool, what string) func(*Harness) string {
	return func(h *Harness) string {
		if cannot != nil && cannot(h) {
			return "Harness.Cannot: the CRM does not allow " + what
		}
		return ""
	}
}

// canceled tells whether the error is that of a context which was cancelled.
func canceled(err error) bool { return errors.Is(err, context.Canceled) }
