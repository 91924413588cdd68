package storetest

import (
	"time"

	"github.com/crmlog/crmlog"
)

var pruneChecks = []check{
	{
		name: "prune forgets what was logged before",
		rule: "Prune forgets the messages that were logged before the time given and returns how many; those that are only reserved, digests, records and open intentions are kept.",
		do: func(p *probe) {
			s := p.open()
			d := digest("a")
			logged := names("m", 2500)
			c := p.take(s, d, "reserved")
			commit := crmlog.Commit{Part: 1, LogID: "r1", Next: &settled}
			for _, id := range logged {
				commit.Logged = append(commit.Logged, crmlog.LoggedMessage{ID: id})
			}
			p.commit(s, c.Lease, commit)
			p.release(s, c.Lease, 0)

			prune := func(before time.Time, want int) {
				n, err := s.Prune(p.ctx, before)
				p.ok("prune", err)
				p.want(n == int64(want), "Prune says it forgot %d of %d messages, want %d", n, len(logged), want)
			}
			prune(time.Now().Add(-24*time.Hour), 0)
			p.logged(p.look(s, d, logged[0]).Messages[0], d, 1, "r1")
			prune(time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), len(logged))
			prune(time.Now().Add(24*time.Hour), 0)

			// What is forgotten is free for another digest, what is reserved is not.
			b := digest("b")
			c = p.look(s, b, "reserved", logged[0])
			p.unlogged(c.Messages[0], d)
			p.unlogged(c.Messages[1], b)
			c = p.look(s, d, logged[1])
			p.unlogged(c.Messages[0], d)
			p.want(len(c.Parts) == 1 && c.Parts[0].LogID == "r1", "the parts are %v", c.Parts)
			p.want(c.Open != nil, "the open intention is gone")
			p.want(c.Lease.Fence > 0, "the fence is %d", c.Lease.Fence)
		},
	},
	{
		name: "a claim tells how far back the store remembers",
		rule: "PrunedBefore is the latest time that Prune was called with, also when it found nothing to forget; zero if never.",
		do: func(p *probe) {
			s, other := p.open(), p.open()
			d := digest("a")
			p.want(p.look(s, d).PrunedBefore.IsZero(), "PrunedBefore is not zero before the first prune")
			latest := time.Now().Add(-time.Hour).Truncate(time.Microsecond)
			for _, before := range []time.Time{latest.Add(-time.Hour), latest, latest.Add(-2 * time.Hour)} {
				_, err := s.Prune(p.ctx, before)
				p.ok("prune", err)
			}
			got := p.look(other, d).PrunedBefore
			p.want(got.Equal(latest), "PrunedBefore is %s, want %s", got, latest)
		},
	},
	{
		name:    "a restart does not forget that something was forgotten",
		rule:    "PrunedBefore is durable.",
		restart: true,
		do: func(p *probe) {
			s := p.open()
			before := time.Now().Add(-time.Hour).Truncate(time.Microsecond)
			_, err := s.Prune(p.ctx, before)
			p.ok("prune", err)
			got := p.look(p.restart(), digest("a")).PrunedBefore
			p.want(got.Equal(before), "PrunedBefore is %s, want %s", got, before)
		},
	},
}
