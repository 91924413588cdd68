package adaptertest

import (
	"net/http"

	"github.com/crmlog/crmlog"
)

const seeCost = "docs/design.md#cost"

var twoCalls = rule{
	says: "With warm caches an update, a batch and an amendment take at most one read and one write, and no write when there is nothing to change.",
	why:  "CRMs limit and sell their API calls. What an adapter asks for each message it can ask once, and remember.",
	see:  seeCost,
}

// costs are calls that change a record: the first that is made fills the
// adapter's caches.
var costs = []struct {
	op   string
	call func(p *probe, logID string, ns ...int)
	warm []int
	then []int
}{
	{"update", func(p *probe, logID string, ns ...int) { p.update(logID, p.input(ns[0])) }, []int{3}, []int{4}},
	{"batch", func(p *probe, logID string, ns ...int) {
		var in []crmlog.AddMessageLogInput
		for _, n := range ns {
			in = append(in, p.input(n))
		}
		for _, r := range p.batch(logID, in...) {
			p.ok("a message of the batch", r.Err)
		}
	}, []int{3, 4}, []int{5, 6, 7}},
	{"amend", func(p *probe, logID string, ns ...int) { p.amend(logID, p.failed(ns[0])) }, []int{1}, []int{2}},
}

func costChecks() []check {
	all := []check{{
		name: "add costs one request",
		rule: rule{
			says: "With warm caches an add takes one request that changes a record, and reads nothing.",
			why:  "CRMs limit and sell their API calls. Whether the record is there already the router knows, and asks a Finder when it does not.",
			see:  seeCost,
		},
		do: func(p *probe) {
			p.add(p.elsewhere(9))
			seen := p.net.count()
			var logID string
			writes := count(p.changes(func() { logID = p.add(p.input(1)) }))
			if p.suite.h.Cannot.OneRequest {
				update := func(n int) func() { return func() { p.update(logID, p.input(n)) } }
				p.changes(update(2))
				p.want(writes > 1 || len(p.changes(update(3))) > 2,
					"an add and an update take one write each: take the declaration Harness.Cannot.OneRequest out")
				return
			}
			p.want(writes == 1, "AddMessageLog changed the CRM's records with %d requests, want one", writes)
			for _, r := range p.net.requests(seen) {
				p.want(r.method != http.MethodGet && r.method != http.MethodHead,
					"AddMessageLog sent a %s, the second time too; remember what it asks for", r.method)
			}
		},
	}}
	for _, c := range costs {
		o := opNamed(c.op)
		all = append(all, check{
			name:    c.op + " costs one read and one write",
			rule:    twoCalls,
			without: without(func(h *Harness) bool { return h.Cannot.OneRequest || o.cannot != nil && o.cannot(h) }, "that"),
			do: func(p *probe) {
				logID := p.add(p.input(1))
				p.update(logID, p.input(2))
				c.call(p, logID, c.warm...)
				changed := p.changes(func() { c.call(p, logID, c.then...) })
				p.want(count(changed) == 1, "%s changed the record with %d requests, want one", o.method, count(changed))
				p.want(len(changed) <= 2, "%s took %d requests, and a call before it had filled the caches; want one read and one write", o.method, len(changed))
				again := len(p.changes(func() { c.call(p, logID, c.then...) }))
				p.want(again <= 1, "%s of what stands in the record already took %d requests, want one read and no write", o.method, again)
			},
		})
	}
	return all
}

func count(all []bool) int {
	n := 0
	for _, is := range all {
		if is {
			n++
		}
	}
	return n
}
