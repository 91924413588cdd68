package adaptertest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/crmlog/crmlog"
)

// soon is how fast a call has to return when its context ends.
const soon = time.Second

var returnsSoon = rule{
	says: "A call returns within a second when its context ends, and the error wraps the context's.",
	why:  "Services shut down, and the router's leases end: what writes after that writes over somebody else's.",
	see:  seeAdapter,
}

func contextChecks() []check {
	var all []check
	for _, o := range ops {
		all = append(all,
			check{
				name: o.name + " with a context that is cancelled already",
				rule: rule{
					says: "With a context that has ended, nothing is sent, and the error wraps the context's.",
					why:  "Nobody waits for the answer any more.",
					see:  seeAdapter,
				},
				without: without(o.cannot, o.name),
				do: func(p *probe) {
					logID := p.setUp(o)
					if o.name == "find" {
						p.finder()
					}
					seen := p.net.count()
					ctx, cancel := context.WithCancel(p.ctx)
					cancel()
					out := p.do(ctx, o, logID)
					p.want(canceled(out.err), "%s with a cancelled context: the error is no context.Canceled by errors.Is: %s", o.method, p.clean(out.err))
					n := len(p.net.requests(seen))
					p.want(n == 0, "%s with a cancelled context sent %d requests", o.method, n)
					p.want(!o.writes() || notDone(out.err) || o.name == "find", "%s with a cancelled context: the error does not say NotDone, and nothing was sent", o.method)
					p.judge(o, logID, out)
				},
			},
			check{
				name:    o.name + " is cancelled while it waits for an answer",
				rule:    returnsSoon,
				without: without(o.cannot, o.name),
				do: func(p *probe) {
					var trials []func(*probe)
					for _, s := range p.steps(o) {
						trials = append(trials, func(p *probe) { p.cancelled(o, s, silent(false), 0) })
						if s.writes {
							trials = append(trials, func(p *probe) { p.cancelled(o, s, silent(true), 0) })
						}
					}
					p.trials(trials)
				},
			},
			check{
				name:    o.name + " is cancelled while it waits for another try",
				rule:    returnsSoon,
				without: without(o.cannot, o.name),
				do: func(p *probe) {
					var trials []func(*probe)
					for _, s := range p.steps(o) {
						trials = append(trials, func(p *probe) { p.cancelled(o, s, limit("Retry-After", "2"), 50*time.Millisecond) })
					}
					p.trials(trials)
				},
			},
		)
	}
	return all
}

// cancelled cancels an op when a step has met a fault, which either lasts or
// makes the adapter wait. A machine may be busy for a second, but not three times.
func (p *probe) cancelled(o op, s step, f fault, pause time.Duration) {
	for try := 1; ; try++ {
		p.open()
		logID := p.setUp(o)
		ctx, cancel := context.WithCancel(p.ctx)
		met := make(chan struct{}, 100)
		answer := f.answer
		p.strike(s, fault{commit: f.commit, answer: func(n *network, w http.ResponseWriter, r *http.Request, a *httptest.ResponseRecorder) {
			met <- struct{}{}
			answer(n, w, r, a)
		}}, true)
		done := make(chan outcome, 1)
		go func() { done <- o.call(ctx, p, logID) }()
		var out outcome
		var took time.Duration
		select {
		case <-met:
			p.sleep(pause)
			start := time.Now()
			cancel()
			select {
			case out = <-done:
			case <-time.After(patience):
				p.failf("%s did not return within %s after its context was cancelled", o.method, patience)
			}
			took = time.Since(start)
		case out = <-done:
		}
		cancel()
		what := fmt.Sprintf("%s, cancelled during its %s", o.method, s)
		if took > soon {
			if try < 3 {
				continue
			}
			p.failf("%s: it returned after %s, three times", what, took.Round(time.Millisecond))
		}
		p.judge(o, logID, out)
		if out.err != nil && s.writes && pause == 0 {
			p.want(!notDone(out.err), "%s: the error says that surely nothing was done, and the adapter cannot know", what)
		}
		if out.err != nil && !canceled(out.err) {
			p.kind(what, out.err, context.Canceled, crmlog.ErrRateLimited)
		}
		p.want(out.err != nil || !s.writes, "%s: no error, and the write was never answered", what)
		if o.writes() {
			p.settle(o, logID, out)
		}
		return
	}
}
