package adaptertest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/crmlog/crmlog"
)

var obeys = rule{
	says: "A 429 is obeyed: no further call before the time that Retry-After gives, in seconds or as a date; a wait that is too long for a call is an ErrRateLimited with RetryAfter.",
	why:  "Who goes on is blocked, with all other integrations of the company.",
	see:  seeHTTP,
}

var noHint = rule{
	says: "A 429 whose Retry-After is missing or makes no sense is no reason to hammer, or to give up for good.",
	why:  "Gateways before a CRM send their own.",
	see:  seeHTTP,
}

func limit(header ...string) fault {
	return says(false, 429, `{"error":{"code":"rate_limited","message":"too many requests"}}`, header...)
}

// dated asks to come back in two seconds, as a date, which counts from the
// answer's own.
func dated() fault {
	return fault{answer: func(n *network, w http.ResponseWriter, r *http.Request, _ *httptest.ResponseRecorder) {
		now := time.Now().UTC()
		f := limit("Date", now.Format(http.TimeFormat), "Retry-After", now.Add(2*time.Second).Format(http.TimeFormat))
		f.answer(n, w, r, nil)
	}}
}

func rateChecks() []check {
	var all []check
	add := func(name string, r rule, do func(p *probe, o op, s step)) {
		for _, name2 := range []string{"add", "update"} {
			o := opNamed(name2)
			all = append(all, check{name: "429 on " + o.name + ", " + name, rule: r, do: func(p *probe) { do(p, o, p.write(o)) }})
		}
	}
	waits := func(f fault, least time.Duration) func(p *probe, o op, s step) {
		return func(p *probe, o op, s step) {
			logID := p.setUp(o)
			seen := p.net.count()
			p.strike(s, f, false)
			out := p.do(p.ctx, o, logID)
			p.struck(seen)
			p.judge(o, logID, out)
			p.paused(seen, least)
			if out.err != nil {
				p.limited(o, out.err)
				p.want(crmlog.RetryAfter(out.err) > 0, "%s: RetryAfter is %s, want what the CRM asked for", o.method, crmlog.RetryAfter(out.err))
			}
			p.settle(o, logID, out)
		}
	}
	add("Retry-After in seconds", obeys, waits(limit("Retry-After", "1"), time.Second))
	// A date has no fractions: two seconds are more than one.
	add("Retry-After as a date", obeys, waits(dated(), time.Second))
	add("Retry-After of years", obeys, func(p *probe, o op, s step) {
		logID := p.setUp(o)
		seen := p.net.count()
		p.strike(s, limit("Retry-After", "999999999"), true)
		out := p.do(p.ctx, o, logID)
		p.struck(seen)
		p.judge(o, logID, out)
		p.limited(o, out.err)
		p.want(crmlog.RetryAfter(out.err) > time.Minute, "%s: RetryAfter is %s, and the CRM asked for years", o.method, crmlog.RetryAfter(out.err))
		n := len(p.net.requests(seen))
		p.want(n <= len(p.steps(o)), "%s made %d requests, and was told to wait for years", o.method, n)
	})
	for _, f := range []struct {
		name  string
		fault fault
	}{
		{"Retry-After is missing", limit()},
		{"Retry-After is negative", limit("Retry-After", "-5")},
		{"Retry-After is no number", limit("Retry-After", "soon")},
	} {
		add(f.name, noHint, func(p *probe, o op, s step) {
			logID := p.setUp(o)
			seen := p.net.count()
			p.strike(s, f.fault, true)
			// Not to wait for all its tries.
			ctx, cancel := context.WithTimeout(p.ctx, 3*time.Second)
			defer cancel()
			out := p.do(ctx, o, logID)
			p.struck(seen)
			p.judge(o, logID, out)
			p.want(out.err != nil, "%s succeeded, and every try was answered with 429", o.method)
			if !errors.Is(out.err, context.DeadlineExceeded) {
				p.limited(o, out.err)
			}
			n := len(p.net.requests(seen))
			p.want(n <= mostTries, "%s made %d requests within 3 s", o.method, n)
		})
	}
	return all
}

// limited wants the error of a 429.
func (p *probe) limited(o op, err error) {
	p.kind(fmt.Sprintf("%s, answered with 429", o.method), err, crmlog.ErrRateLimited)
	p.want(notDone(err), "%s, answered with 429: the error does not say NotDone", o.method)
}

// paused wants no request so soon after the one that was struck.
func (p *probe) paused(seen int, least time.Duration) {
	var until time.Time
	for _, r := range p.net.requests(seen) {
		if !until.IsZero() && r.arrived.Before(until) {
			p.failf("a request followed %s after a 429 that asked for %s at least",
				r.arrived.Sub(until.Add(-least)).Round(time.Millisecond), least)
		}
		if r.struck {
			// Measured from its arrival, which is before its answer.
			until = r.arrived.Add(least)
		}
	}
}

func isGone(err error) bool { return errors.Is(err, crmlog.ErrLogGone) }
