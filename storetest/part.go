package storetest

import (
	"time"

	"github.com/crmlog/crmlog"
)

var partChecks = []check{
	{
		name: "parts are told in order",
		rule: "A claim returns all records of its digest, part 1 first, and no other's.",
		do: func(p *probe) {
			s := p.open()
			p.want(len(p.look(s, digest("a")).Parts) == 0, "a new digest has parts")
			c := p.take(s, digest("a"))
			for _, part := range []int{2, 1, 10, 3} {
				p.commit(s, c.Lease, crmlog.Commit{Part: part, LogID: "r" + string(rune('a'+part))})
			}
			p.release(s, c.Lease, 0)
			other := p.take(s, digest("b"))
			p.commit(s, other.Lease, crmlog.Commit{Part: 1, LogID: "other", Release: true})
			parts := p.look(s, digest("a")).Parts
			p.want(len(parts) == 4, "the parts are %v", parts)
			for i, number := range []int{1, 2, 3, 10} {
				p.want(parts[i].Number == number && parts[i].LogID == "r"+string(rune('a'+number)), "the parts are %v", parts)
			}
		},
	},
	{
		name: "a part has an age",
		rule: "Age is the time since the record was committed: a further commit of it does not make it younger, another record of the same part does.",
		do: func(p *probe) {
			s := p.open()
			d := digest("a")
			age := func() time.Duration {
				parts := p.look(s, d).Parts
				p.want(len(parts) == 1, "the parts are %v", parts)
				return parts[0].Age
			}
			put := func(logID string) (before, after time.Time) {
				c := p.take(s, d)
				before = time.Now()
				p.commit(s, c.Lease, crmlog.Commit{Part: 1, LogID: logID, Release: true})
				return before, time.Now()
			}
			before, after := put("r1")
			p.sleep(short)
			young := time.Since(after)
			p.between("Age", age(), young, time.Since(before))
			put("r1")
			young = time.Since(after)
			p.between("Age after another commit of the same record", age(), young, time.Since(before))
			before, after = put("r2")
			young = time.Since(after)
			p.between("Age of a new record", age(), young, time.Since(before))
		},
	},
	{
		name: "a record that is opened anew takes the place of the old",
		rule: "A commit of a part with another logId replaces its record; the messages logged in it before report the new logId, those of other parts do not.",
		do: func(p *probe) {
			s := p.open()
			d := digest("a")
			c := p.take(s, d, "1", "2", "3")
			for part, id := range []crmlog.ID{"1", "2"} {
				p.commit(s, c.Lease, crmlog.Commit{Part: part + 1, LogID: "old" + string(id), Logged: []crmlog.LoggedMessage{{ID: id, Status: "Sent"}}})
			}
			p.commit(s, c.Lease, crmlog.Commit{Part: 1, LogID: "new", Logged: []crmlog.LoggedMessage{{ID: "3"}}, Release: true})
			c = p.look(s, d, "1", "2", "3")
			p.want(len(c.Parts) == 2 && c.Parts[0].LogID == "new" && c.Parts[1].LogID == "old2", "the parts are %v", c.Parts)
			p.logged(c.Messages[0], d, 1, "new")
			p.want(c.Messages[0].Status == "Sent", "the status is %q, was Sent", c.Messages[0].Status)
			p.logged(c.Messages[1], d, 2, "old2")
			p.logged(c.Messages[2], d, 1, "new")
			p.logged(p.look(s, digest("b"), "1").Messages[0], d, 1, "new")
		},
	},
	{
		name: "a commit can be repeated",
		rule: "While the lease is held, the same commit again changes nothing: a writer that did not learn its outcome tries it again.",
		do: func(p *probe) {
			s := p.open()
			d := digest("a")
			c := p.take(s, d, "1", "2")
			commit := crmlog.Commit{
				Part: 1, LogID: "r", Logged: []crmlog.LoggedMessage{{ID: "1", Status: "Sent"}},
				Next: &crmlog.Intention{Kind: crmlog.IntendUpdate, Part: 1, Messages: []crmlog.ID{"2"}},
			}
			p.commit(s, c.Lease, commit)
			p.commit(s, c.Lease, commit)
			p.release(s, c.Lease, 0)
			c = p.look(s, d, "1", "2")
			p.logged(c.Messages[0], d, 1, "r")
			p.unlogged(c.Messages[1], d)
			p.want(len(c.Parts) == 1, "the parts are %v", c.Parts)
			p.want(c.Open != nil, "the next intention is gone")
			p.sameIntention(c.Open.Intention, *commit.Next)
		},
	},
}
