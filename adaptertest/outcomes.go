package adaptertest

import (
	"fmt"

	"github.com/crmlog/crmlog"
)

var honest = rule{
	says: "A write that may have been applied is not repeated, unless that is safe, and its error is not one that says NotDone; whatever is done again adds nothing twice.",
	why:  "A lost answer is no refusal. Who repeats a create after it makes a second record, and who reports it as not done has it made by the router.",
	see:  seeErrors,
}

func outcomeChecks() []check {
	var all []check
	for _, o := range ops {
		if !o.writes() {
			continue
		}
		for _, f := range unknowns {
			all = append(all, check{
				name: "unknown outcome of " + o.name + ": " + f.name,
				rule: honest, timeout: f.timeout,
				without: without(o.cannot, o.name),
				do: func(p *probe) {
					write := p.write(o)
					logID := p.setUp(o)
					seen := p.net.count()
					p.strike(write, f.fault, false)
					out := p.do(p.ctx, o, logID)
					p.struck(seen)
					p.judge(o, logID, out)
					if out.err != nil {
						p.want(!notDone(out.err), "the error of %s says that surely nothing was done, and the adapter cannot know: %s", o.method, p.clean(out.err))
						p.want(crmlog.Temporary(out.err), "the error of %s does not count as temporary (crmlog.Temporary): %s", o.method, p.clean(out.err))
					}
					p.settle(o, logID, out)
				},
			})
		}
		all = append(all, check{
			name: "trouble before the write of " + o.name,
			rule: rule{
				says: "When a call before the write fails, nothing is written that is not reported.",
				why:  "A lookup that fails may hold up the message, or be done without; a body that was not read must not be replaced.",
				see:  seeAdapter,
			},
			timeout: short,
			without: without(o.cannot, o.name),
			do: func(p *probe) {
				var trials []func(*probe)
				for _, s := range p.steps(o) {
					if s.writes {
						break
					}
					for _, f := range unknowns {
						trials = append(trials, func(p *probe) {
							logID := p.setUp(o)
							seen := p.net.count()
							p.strike(s, f.fault, false)
							out := p.do(p.ctx, o, logID)
							p.struck(seen)
							p.judge(o, logID, out)
							p.settle(o, logID, out)
						})
					}
				}
				p.trials(trials)
			},
		})
	}
	return all
}

// statuses are refusals: the CRM surely did nothing.
var statuses = []struct {
	status int
	kind   error
}{
	{400, crmlog.ErrInvalidInput},
	{401, crmlog.ErrUnauthorized},
	{402, crmlog.ErrForbidden},
	{403, crmlog.ErrForbidden},
	{404, crmlog.ErrNotFound},
	{405, crmlog.ErrInvalidInput},
	{409, crmlog.ErrConflict},
	{410, crmlog.ErrNotFound},
	{412, crmlog.ErrConflict},
	{413, crmlog.ErrInvalidInput},
	{415, crmlog.ErrInvalidInput},
	{422, crmlog.ErrInvalidInput},
}

// mostTries is how often a request may be made in one call.
const mostTries = 10

func statusChecks() []check {
	var all []check
	for _, s := range statuses {
		all = append(all, check{
			name: fmt.Sprintf("status %d", s.status),
			rule: rule{
				says: fmt.Sprintf("A %d is the error that errors.Is calls %q; of a write it says NotDone; and it is not asked for again and again.", s.status, s.kind),
				why:  "By the kind of an error the router decides whether to wait, to open the record anew, or to tell the user what to mend.",
				see:  seeErrors,
			},
			do: func(p *probe) {
				p.eachStep(func(p *probe, o op, st step) { p.status(o, st, s.status, s.kind) })
			},
		})
	}
	return all
}

func (p *probe) status(o op, st step, status int, kind error) {
	logID := p.setUp(o)
	seen := p.net.count()
	p.strike(st, says(false, status, `{"error":{"code":"refused","message":"refused on purpose"}}`), true)
	out := p.do(p.ctx, o, logID)
	p.struck(seen)
	p.judge(o, logID, out)
	what := fmt.Sprintf("%s, whose %s was answered with %d", o.method, st, status)
	n := len(p.net.requests(seen))
	p.want(n <= mostTries, "%s, made %d requests", what, n)
	if out.err == nil && !st.writes && o.writes() {
		return // it can do without
	}
	gone := (status == 404 || status == 410) && st.record
	if gone && !st.writes {
		p.kind(what, out.err, crmlog.ErrLogGone)
	} else if gone {
		p.kind(what, out.err, crmlog.ErrLogGone, crmlog.ErrNotFound)
	} else {
		p.kind(what, out.err, kind)
	}
	if o.name == "add" {
		p.want(!isGone(out.err), "%s: an ErrLogGone, and there was no log yet", what)
	}
	p.want(notDone(out.err), "%s: the error does not say NotDone, and the CRM refused: %s", what, p.clean(out.err))
	if o.name == "find" {
		return
	}
	p.settle(o, logID, out)
}
