package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/crmlog/crmlog"
)

var leaseChecks = []check{
	{
		name: "one of many claims holds",
		rule: "Of claims of one digest at the same time one gets the lease; the others get a *ClaimedError with RetryAfter above 0 and at most the lease.",
		do: func(p *probe) {
			const claims = 24
			stores := []crmlog.Store{p.open(), p.open(), p.open()}
			errs := make([]error, claims)
			var wg sync.WaitGroup
			for i := range claims {
				wg.Go(func() {
					_, errs[i] = stores[i%len(stores)].Claim(p.ctx, request(digest("a"), time.Minute, "1"))
				})
			}
			wg.Wait()
			holders := 0
			for _, err := range errs {
				var held *crmlog.ClaimedError
				switch {
				case err == nil:
					holders++
				case !errors.As(err, &held):
					p.failf("a refused claim got %w", err)
				default:
					p.want(held.RetryAfter > 0 && held.RetryAfter <= time.Minute, "RetryAfter is %s", held.RetryAfter)
				}
			}
			p.want(holders == 1, "%d claims hold the digest", holders)
		},
	},
	{
		name: "digests do not block each other",
		rule: "A lease is of one digest: others can be claimed meanwhile.",
		do: func(p *probe) {
			s := p.open()
			for _, name := range []string{"a", "b", "c"} {
				p.take(s, digest(name), crmlog.ID(name))
			}
		},
	},
	{
		name: "a refused claim changes nothing",
		rule: "When somebody else holds the lease, nothing has changed: no message is reserved, no intention made, the lease is as it was.",
		do: func(p *probe) {
			s, other := p.open(), p.open()
			mine := p.take(s, digest("a"))
			req := request(digest("a"), 2*long, "1")
			req.Intend = true
			held := p.refused(other, req)
			p.want(held.RetryAfter <= long, "RetryAfter is %s for a lease of %s", held.RetryAfter, long)
			p.unlogged(p.take(other, digest("b"), "1").Messages[0], digest("b"))
			held = p.refused(other, request(digest("a"), long))
			p.want(held.RetryAfter <= long, "the refused claim put off the end of the lease")
			p.release(s, mine.Lease, 0)
			p.want(p.take(s, digest("a")).Open == nil, "the refused claim made an intention")
		},
	},
	{
		name: "a lease that runs out is taken over",
		rule: "A lease lasts as long as was asked for, then the digest can be claimed with a greater fence, and the one before can neither renew, intend, commit nor release.",
		do: func(p *probe) {
			s, other := p.open(), p.open()
			start := time.Now()
			old := p.claim(s, request(digest("a"), short))
			taken := p.overtake(other, short, request(digest("a"), long))
			p.want(time.Since(start) >= short-slack, "a lease of %s was taken over after %s", short, time.Since(start))
			p.want(taken.Lease.Fence > old.Lease.Fence, "the fence is %d after %d", taken.Lease.Fence, old.Lease.Fence)
			p.lost(s, old.Lease, "was taken over")
			p.refused(s, request(digest("a"), long))
			p.release(other, taken.Lease, 0)
			p.untouched(s, digest("a"))
		},
	},
	{
		name: "a lease that ran out is over, also when nobody wants it",
		rule: "Renew, Intend, Commit and Release of a lease that has run out return ErrLeaseLost and change nothing.",
		do: func(p *probe) {
			s := p.open()
			old := p.claim(s, request(digest("a"), short))
			p.sleep(short + 2*slack)
			p.lost(s, old.Lease, "has run out")
			p.untouched(s, digest("a"))
		},
	},
	{
		name: "a lease that was given back is over",
		rule: "Renew, Intend, Commit and Release of a lease that was released, by Release or by Commit, return ErrLeaseLost and change nothing.",
		do: func(p *probe) {
			s := p.open()
			first := p.take(s, digest("a"))
			p.release(s, first.Lease, 0)
			p.lost(s, first.Lease, "was released")
			second := p.take(s, digest("a"))
			p.commit(s, second.Lease, crmlog.Commit{Release: true})
			p.lost(s, second.Lease, "was released by a commit")
			p.untouched(s, digest("a"))
		},
	},
	{
		name: "a lease that never was is no lease",
		rule: "Only the lease that a claim returned is one: another fence, a newer one too, or another digest is ErrLeaseLost.",
		do: func(p *probe) {
			s := p.open()
			mine := p.take(s, digest("a"))
			p.lost(s, crmlog.Lease{Ref: mine.Lease.Ref, Fence: mine.Lease.Fence + 1}, "has a fence of the future")
			p.lost(s, crmlog.Lease{Ref: "c1-b", Fence: mine.Lease.Fence}, "is of a digest that nobody claimed")
			p.lost(s, crmlog.Lease{}, "is zero")
			p.release(s, mine.Lease, 0)
			p.untouched(s, digest("a"))
		},
	},
	{
		name: "release frees at once",
		rule: "After Release, or Commit with Release, the digest can be claimed at once, from anywhere.",
		do: func(p *probe) {
			s, other := p.open(), p.open()
			p.release(s, p.take(s, digest("a")).Lease, long)
			c := p.take(other, digest("a"))
			p.commit(other, c.Lease, crmlog.Commit{Part: 1, LogID: "r", Release: true})
			p.take(s, digest("a"))
		},
	},
	{
		name: "renew makes the lease last",
		rule: "After Renew the lease lasts for the time given, from then on.",
		do: func(p *probe) {
			s, other := p.open(), p.open()
			var mine crmlog.Claim
			d, before := p.under(short, "a", func(d crmlog.Digest) error {
				mine = p.claim(s, request(d, short))
				return s.Renew(p.ctx, mine.Lease, time.Minute)
			})
			p.sleep(short + 2*slack)
			held := p.refused(other, request(d, long))
			p.between("RetryAfter", held.RetryAfter, time.Minute-time.Since(before), time.Minute-short)
			p.commit(s, mine.Lease, crmlog.Commit{Part: 1, LogID: "r"})
			p.ok("renew of a lease that is held", s.Renew(p.ctx, mine.Lease, short))
			p.overtake(other, short, request(d, long))
		},
	},
	{
		name: "fences rise",
		rule: "Each claim of a digest has a greater fence than all before it, from whichever store.",
		do: func(p *probe) {
			stores := []crmlog.Store{p.open(), p.open(), p.open()}
			var last int64
			for i := range 12 {
				c := p.look(stores[i%3], digest("a"))
				p.want(c.Lease.Fence > last, "the fence is %d after %d", c.Lease.Fence, last)
				last = c.Lease.Fence
			}
			// Once more after many claims at the same time.
			claims := make([]crmlog.Claim, 24)
			errs := make([]error, len(claims))
			var wg sync.WaitGroup
			for i := range claims {
				wg.Go(func() {
					claims[i], errs[i] = stores[0].Claim(p.ctx, request(digest(fmt.Sprint("many", i)), long))
				})
			}
			wg.Wait()
			p.ok("claims of free digests", errors.Join(errs...))
			slices.SortFunc(claims, func(a, b crmlog.Claim) int { return cmp.Compare(b.Lease.Fence, a.Lease.Fence) })
			for _, c := range claims {
				p.release(stores[0], c.Lease, 0)
				again := p.look(stores[0], digest(strings.TrimPrefix(c.Lease.Ref, "c1-")))
				p.want(again.Lease.Fence > c.Lease.Fence, "the fence is %d after %d", again.Lease.Fence, c.Lease.Fence)
			}
		},
	},
	{
		name:    "a restart changes nothing",
		rule:    "Leases, fences, reservations, records, logs and open intentions are as they were after all stores were closed and opened again.",
		restart: true,
		do: func(p *probe) {
			a, b := digest("a"), digest("b")
			s := p.open()
			held := p.take(s, a, "1", "2")
			p.commit(s, held.Lease, crmlog.Commit{
				Part: 1, LogID: "r1", Logged: []crmlog.LoggedMessage{{ID: "1", Status: "Sent"}},
				Next: &crmlog.Intention{Kind: crmlog.IntendUpdate, Part: 1, Messages: []crmlog.ID{"2"}, Settle: time.Second},
			})
			s = p.restart()
			p.refused(s, request(a, long))
			p.ok("renew by the holder after a restart", s.Renew(p.ctx, held.Lease, long))
			p.release(s, held.Lease, 0)
			s = p.restart()
			c := p.take(s, a, "1", "2")
			p.want(c.Lease.Fence > held.Lease.Fence, "the fence is %d after %d", c.Lease.Fence, held.Lease.Fence)
			p.logged(c.Messages[0], a, 1, "r1")
			p.want(c.Messages[0].Status == "Sent", "the status is %q", c.Messages[0].Status)
			p.unlogged(c.Messages[1], a)
			p.want(len(c.Parts) == 1 && c.Parts[0].LogID == "r1", "the parts are %v", c.Parts)
			p.want(c.Open != nil, "the open intention is gone")
			p.sameIntention(c.Open.Intention, crmlog.Intention{Kind: crmlog.IntendUpdate, Part: 1, Messages: []crmlog.ID{"2"}, Settle: time.Second})
			p.unlogged(p.take(s, b, "2").Messages[0], a)
		},
	},
	{
		name: "a context that is done stops everything",
		rule: "With a context that is done a method returns its error and changes nothing.",
		do: func(p *probe) {
			s := p.open()
			mine := p.take(s, digest("a"))
			logged := p.take(s, digest("b"), "1")
			p.commit(s, logged.Lease, crmlog.Commit{Part: 1, LogID: "r", Logged: []crmlog.LoggedMessage{{ID: "1"}}})

			alive := p.ctx
			ctx, cancel := context.WithCancel(alive)
			cancel()
			p.ctx = ctx
			results := p.useLease(s, mine.Lease)
			_, results["Claim"] = s.Claim(ctx, request(digest("c"), long, "2"))
			_, results["Prune"] = s.Prune(ctx, time.Now().Add(24*time.Hour))
			p.ctx = alive
			for what, err := range results {
				p.want(errors.Is(err, context.Canceled), "%s with a cancelled context: got %v", what, err)
			}
			p.unlogged(p.take(s, digest("d"), "2").Messages[0], digest("d"))
			p.take(s, digest("c"))
			p.release(s, mine.Lease, 0)
			c := p.untouched(s, digest("a"))
			p.want(c.PrunedBefore.IsZero(), "PrunedBefore is %s", c.PrunedBefore)
			p.release(s, logged.Lease, 0)
			p.logged(p.take(s, digest("b"), "1").Messages[0], digest("b"), 1, "r")
		},
	},
}
