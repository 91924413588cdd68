package storetest

import (
	"time"

	"github.com/crmlog/crmlog"
)

var intentionChecks = []check{
	{
		name: "a claim intends to write what is new",
		rule: "With Intend a claim makes the intention to write all messages asked for that are bound to this digest and not logged: an add of part 1 where there is no record, else an update of the last part; no intention where nothing is left to write.",
		do: func(p *probe) {
			s := p.open()
			d := digest("a")
			p.look(s, digest("b"), "foreign")
			claim := func(messages ...crmlog.ID) crmlog.Claim {
				req := request(d, long, messages...)
				req.Intend, req.Settle = true, time.Minute
				return p.claim(s, req)
			}

			c := claim("1", "foreign", "2")
			add := crmlog.Intention{Kind: crmlog.IntendAdd, Part: 1, Messages: []crmlog.ID{"1", "2"}, Settle: time.Minute}
			p.want(c.Open == nil, "a new digest has an open intention")
			p.want(c.Intended != nil, "the claim of new messages intends nothing")
			p.sameIntention(*c.Intended, add)
			p.commit(s, c.Lease, crmlog.Commit{Part: 1, LogID: "r1", Logged: []crmlog.LoggedMessage{{ID: "1"}}})
			p.commit(s, c.Lease, crmlog.Commit{Part: 2, LogID: "r2", Release: true})

			c = claim("1", "2", "foreign", "3")
			update := crmlog.Intention{Kind: crmlog.IntendUpdate, Part: 2, Messages: []crmlog.ID{"2", "3"}}
			p.want(c.Open == nil, "the commit did not close the intention")
			p.want(c.Intended != nil, "the claim of new messages intends nothing")
			p.sameIntention(*c.Intended, update)
			p.release(s, c.Lease, 0)

			c = p.take(s, d)
			p.want(c.Open != nil, "the intention of a claim is not durable")
			p.sameIntention(c.Open.Intention, update)
			p.commit(s, c.Lease, crmlog.Commit{Release: true})

			for _, ids := range [][]crmlog.ID{nil, {"1"}, {"foreign"}, {"1", "foreign"}} {
				c = claim(ids...)
				p.want(c.Intended == nil, "the claim of %q intends %v", ids, c.Intended)
				p.release(s, c.Lease, 0)
				p.want(p.look(s, d).Open == nil, "the claim of %q left an intention", ids)
			}
		},
	},
	{
		name: "a claim intends nothing when it is not asked to",
		rule: "Without Intend a claim makes no intention.",
		do: func(p *probe) {
			s := p.open()
			c := p.take(s, digest("a"), "1")
			p.want(c.Intended == nil, "the claim intends %v", c.Intended)
			p.release(s, c.Lease, 0)
			p.want(p.look(s, digest("a")).Open == nil, "the claim left an intention")
		},
	},
	{
		name: "an open intention comes first",
		rule: "While an intention is open, a claim returns it and makes none; it stays open through release and claim until a commit, an intention or the next of a commit takes its place.",
		do: func(p *probe) {
			s, other := p.open(), p.open()
			d := digest("a")
			open := crmlog.Intention{Kind: crmlog.IntendAdd, Part: 1, Messages: []crmlog.ID{"1"}, Settle: time.Second}
			c := p.take(s, d, "1")
			before := time.Now()
			p.intend(s, c.Lease, open)
			after := time.Now()
			p.release(s, c.Lease, 0)
			for range 2 {
				req := request(d, long, "1", "2")
				req.Intend = true
				young := time.Since(after)
				c = p.claim(other, req)
				p.want(c.Intended == nil, "the claim intends %v while another intention is open", c.Intended)
				p.want(c.Open != nil, "the open intention is gone")
				p.sameIntention(c.Open.Intention, open)
				p.between("Age", c.Open.Age, young, time.Since(before))
				p.release(other, c.Lease, 0)
			}
			replaced := crmlog.Intention{Kind: crmlog.IntendUpdate, Part: 2, Messages: []crmlog.ID{"2", "3"}}
			c = p.take(s, d)
			before = time.Now()
			p.intend(s, c.Lease, replaced)
			p.release(s, c.Lease, 0)
			c = p.take(s, d)
			p.want(c.Open != nil, "the open intention is gone")
			p.sameIntention(c.Open.Intention, replaced)
			p.between("Age of the later intention", c.Open.Age, 0, time.Since(before))
			p.commit(s, c.Lease, crmlog.Commit{Release: true})
			p.want(p.look(s, d).Open == nil, "a commit without a part did not close the intention")
		},
	},
	{
		name: "a commit closes one intention and makes the next",
		rule: "Commit closes the open intention; its Next, if any, is open from then on, made in the same transaction.",
		do: func(p *probe) {
			s := p.open()
			d := digest("a")
			req := request(d, long, "1", "2", "3")
			req.Intend = true
			c := p.claim(s, req)
			next := crmlog.Intention{Kind: crmlog.IntendUpdate, Part: 1, Messages: []crmlog.ID{"2", "3"}, Settle: time.Second}
			before := time.Now()
			p.commit(s, c.Lease, crmlog.Commit{Part: 1, LogID: "r", Logged: []crmlog.LoggedMessage{{ID: "1"}}, Next: &next})
			p.release(s, c.Lease, 0)
			c = p.take(s, d, "1", "2", "3")
			p.logged(c.Messages[0], d, 1, "r")
			p.want(c.Open != nil, "the next intention is not open")
			p.sameIntention(c.Open.Intention, next)
			p.between("Age", c.Open.Age, 0, time.Since(before))
			p.commit(s, c.Lease, crmlog.Commit{Part: 1, LogID: "r", Logged: []crmlog.LoggedMessage{{ID: "2"}, {ID: "3"}}, Release: true})
			c = p.look(s, d, "1", "2", "3")
			p.want(c.Open == nil, "the commit did not close the intention")
			for _, m := range c.Messages {
				p.logged(m, d, 1, "r")
			}
		},
	},
	{
		name: "a commit without a part logs no record",
		rule: "Without a part, the intention came to nothing: records and messages are as they were.",
		do: func(p *probe) {
			s := p.open()
			d := digest("a")
			req := request(d, long, "1")
			req.Intend = true
			c := p.claim(s, req)
			p.commit(s, c.Lease, crmlog.Commit{})
			p.release(s, c.Lease, 0)
			c = p.look(s, d, "1")
			p.want(c.Open == nil, "the intention is still open")
			p.want(len(c.Parts) == 0, "the parts are %v", c.Parts)
			p.unlogged(c.Messages[0], d)
		},
	},
	{
		name: "a digest has its own intention",
		rule: "An intention is of one digest; others know nothing of it.",
		do: func(p *probe) {
			s := p.open()
			for _, name := range []string{"a", "b"} {
				req := request(digest(name), long, crmlog.ID(name))
				req.Intend = true
				c := p.claim(s, req)
				p.release(s, c.Lease, 0)
			}
			c := p.take(s, digest("a"))
			p.commit(s, c.Lease, crmlog.Commit{Release: true})
			p.want(p.look(s, digest("a")).Open == nil, "the intention is still open")
			c = p.take(s, digest("b"))
			p.want(c.Open != nil, "a commit of another digest closed the intention")
			p.sameIntention(c.Open.Intention, crmlog.Intention{Kind: crmlog.IntendAdd, Part: 1, Messages: []crmlog.ID{"b"}})
		},
	},
}

// settled is an intention whose own settle time is a minute.
var settled = crmlog.Intention{Kind: crmlog.IntendAdd, Part: 1, Messages: []crmlog.ID{"1"}, Settle: time.Minute}

var settleChecks = []check{
	{
		name: "what a dead writer intended settles after its lease",
		rule: "An intention whose maker does not come back is final when the lease under which it was made, and then its own Settle, have passed.",
		do: func(p *probe) {
			s, other := p.open(), p.open()
			makers := map[string]func(d crmlog.Digest) error{
				"intend": func(d crmlog.Digest) error {
					return s.Intend(p.ctx, p.claim(s, request(d, short)).Lease, settled)
				},
				"claim": func(d crmlog.Digest) error {
					req := request(d, short, crmlog.ID(d.Ref))
					req.Intend, req.Settle = true, settled.Settle
					p.claim(s, req)
					return nil
				},
				"commit": func(d crmlog.Digest) error {
					return s.Commit(p.ctx, p.claim(s, request(d, short)).Lease, crmlog.Commit{Next: &settled})
				},
			}
			for name, leave := range makers {
				d, before := p.under(short, name, leave)
				open := p.overtake(other, short, request(d, long)).Open
				p.want(open != nil, "%s: the intention is gone", name)
				p.between(name+": Settles", open.Settles, short+settled.Settle-time.Since(before), settled.Settle)
			}
		},
	},
	{
		name: "what a commit intends and leaves settles after the lease",
		rule: "The Next of a commit with Release is final when it would be if the lease had run out.",
		do: func(p *probe) {
			s := p.open()
			d, before := p.under(long, "released", func(d crmlog.Digest) error {
				return s.Commit(p.ctx, p.claim(s, request(d, long)).Lease, crmlog.Commit{Next: &settled, Release: true})
			})
			open := p.look(s, d).Open
			p.want(open != nil, "the intention is gone")
			p.between("Settles", open.Settles, long+settled.Settle-time.Since(before), long+settled.Settle)
		},
	},
	{
		name: "renew puts off the settling of what was intended",
		rule: "An intention is final at the end of the lease, which Renew puts off, and its own Settle on top.",
		do: func(p *probe) {
			s, other := p.open(), p.open()
			c := p.take(s, digest("a"))
			p.intend(s, c.Lease, settled)
			before := time.Now()
			p.ok("renew", s.Renew(p.ctx, c.Lease, short))
			open := p.overtake(other, short, request(digest("a"), long)).Open
			p.want(open != nil, "the intention is gone")
			p.between("Settles", open.Settles, short+settled.Settle-time.Since(before), settled.Settle)
		},
	},
	{
		name: "release says when what was intended settles",
		rule: "An intention made under the lease that is released is final when Release's settle, and then its own Settle, have passed, whatever was left of the lease.",
		do: func(p *probe) {
			s := p.open()
			for name, settle := range map[string]time.Duration{"none": 0, "less": time.Second, "more": 2 * long} {
				c := p.take(s, digest(name))
				p.intend(s, c.Lease, settled)
				before := time.Now()
				p.release(s, c.Lease, settle)
				after := time.Now()
				for range 2 {
					waited := time.Since(after)
					open := p.look(s, digest(name)).Open
					p.want(open != nil, "the intention is gone")
					p.between("Settles", open.Settles, settle+settled.Settle-time.Since(before), settle+settled.Settle-waited)
				}
			}
		},
	},
	{
		name: "another holder does not change when something settles",
		rule: "An intention that a claim found is final when it would have been anyway, whether its finder renews, releases or dies.",
		do: func(p *probe) {
			s, other := p.open(), p.open()
			c := p.take(s, digest("a"))
			p.intend(s, c.Lease, settled)
			before := time.Now()
			p.release(s, c.Lease, time.Second)
			after := time.Now()
			check := func(open *crmlog.OpenIntention, waited time.Duration) {
				p.want(open != nil, "the intention is gone")
				p.between("Settles", open.Settles, time.Second+settled.Settle-time.Since(before), time.Second+settled.Settle-waited)
			}
			c = p.take(other, digest("a"))
			p.ok("renew", other.Renew(p.ctx, c.Lease, 2*long))
			p.release(other, c.Lease, long)
			waited := time.Since(after)
			c = p.claim(s, request(digest("a"), short))
			check(c.Open, waited)
			waited = time.Since(after)
			check(p.overtake(other, short, request(digest("a"), long)).Open, waited)
		},
	},
	{
		name: "what has settled has settled",
		rule: "Settles becomes 0 when the outcome is final, and not before.",
		do: func(p *probe) {
			s := p.open()
			c := p.take(s, digest("a"))
			in := settled
			in.Settle = short / 2
			p.intend(s, c.Lease, in)
			before := time.Now()
			p.release(s, c.Lease, short/2)
			for {
				open := p.look(s, digest("a")).Open
				p.want(open != nil, "the intention is gone")
				p.want(open.Settles >= 0, "Settles is %s", open.Settles)
				if open.Settles == 0 {
					break
				}
				p.sleep(min(open.Settles, 20*time.Millisecond))
			}
			p.want(time.Since(before) >= short-slack, "an intention that settles in %s was final after %s", short, time.Since(before))
			p.sleep(2 * slack)
			p.want(p.look(s, digest("a")).Open.Settles == 0, "what was final is not any more")
		},
	},
}
