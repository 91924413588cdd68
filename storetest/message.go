package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/crmlog/crmlog"
)

var messageChecks = []check{
	{
		name: "a message stays with its first digest",
		rule: "A message id stays bound to the digest that reserved it first, through release and log; another digest of the same platform, account, user and contact is told which one it is, with all its fields.",
		do: func(p *probe) {
			s, other := p.open(), p.open()
			a, b := digest("a"), digest("b")
			b.Day = "2026-03-02"
			first := p.take(s, a, "1")
			p.unlogged(first.Messages[0], a)
			second := p.take(other, b, "2", "1")
			p.unlogged(second.Messages[0], b)
			p.unlogged(second.Messages[1], a)
			p.release(s, first.Lease, 0)
			p.release(other, second.Lease, 0)
			p.unlogged(p.look(s, b, "1").Messages[0], a)

			first = p.take(s, a, "1", "2")
			p.unlogged(first.Messages[1], b)
			p.commit(s, first.Lease, crmlog.Commit{Part: 1, LogID: "r1", Logged: []crmlog.LoggedMessage{{ID: "1"}}, Release: true})
			p.logged(p.look(other, b, "1").Messages[0], a, 1, "r1")
			p.logged(p.look(other, a, "1").Messages[0], a, 1, "r1")
		},
	},
	{
		name: "platforms, accounts, users and contacts are apart",
		rule: "A message id is unique within platform, account, user and contact: the same id under another of them is another message.",
		do: func(p *probe) {
			s := p.open()
			base := digest("base")
			mine := p.take(s, base, "1")
			p.commit(s, mine.Lease, crmlog.Commit{Part: 1, LogID: "r", Logged: []crmlog.LoggedMessage{{ID: "1"}}})
			others := map[string]func(d *crmlog.Digest){
				"platform":   func(d *crmlog.Digest) { d.Platform = "other" },
				"account":    func(d *crmlog.Digest) { d.Account = "other" },
				"no account": func(d *crmlog.Digest) { d.Account = "" },
				"user":       func(d *crmlog.Digest) { d.User = "other" },
				"contact":    func(d *crmlog.Digest) { d.Contact = "other" },
				"border":     func(d *crmlog.Digest) { d.User, d.Contact = d.User+"c", strings.TrimPrefix(d.Contact, "c") },
				"case":       func(d *crmlog.Digest) { d.User = strings.ToUpper(d.User) },
			}
			for name, change := range others {
				d := digest(name)
				change(&d)
				p.unlogged(p.take(s, d, "1").Messages[0], d)
				d.Ref += "-again"
				d.Conversation = "other"
				first := digest(name)
				change(&first)
				p.unlogged(p.take(s, d, "1").Messages[0], first)
			}
		},
	},
	{
		name: "a commit logs its messages",
		rule: "A message that a commit names is logged from then on, with part, logId, lastModified (to the microsecond at least) and status.",
		do: func(p *probe) {
			s, other := p.open(), p.open()
			d := digest("a")
			modified := time.Date(2026, 3, 1, 23, 59, 59, 987654000, time.FixedZone("", -5*3600))
			c := p.take(s, d, "1", "2", "3")
			p.commit(s, c.Lease, crmlog.Commit{Part: 1, LogID: "r1", Logged: []crmlog.LoggedMessage{
				{ID: "1", LastModified: modified, Status: "Delivered"},
				{ID: "2"},
			}, Release: true})
			c = p.look(other, d, "3", "2", "1")
			p.unlogged(c.Messages[0], d)
			p.logged(c.Messages[1], d, 1, "r1")
			p.want(c.Messages[1].LastModified.IsZero() && c.Messages[1].Status == "", "lastModified and status are %s and %q, were not given", c.Messages[1].LastModified, c.Messages[1].Status)
			p.logged(c.Messages[2], d, 1, "r1")
			p.want(c.Messages[2].LastModified.Equal(modified), "lastModified is %s, want %s", c.Messages[2].LastModified, modified)
			p.want(c.Messages[2].Status == "Delivered", "the status is %q", c.Messages[2].Status)
		},
	},
	{
		name: "a commit can name a message that nobody reserved",
		rule: "A message that a commit names is logged from then on, also if nobody had reserved it.",
		do: func(p *probe) {
			s := p.open()
			d := digest("a")
			c := p.take(s, d)
			p.commit(s, c.Lease, crmlog.Commit{Part: 2, LogID: "r2", Logged: []crmlog.LoggedMessage{{ID: "seen"}}, Release: true})
			p.logged(p.look(s, d, "seen").Messages[0], d, 2, "r2")
			p.logged(p.look(s, digest("b"), "seen").Messages[0], d, 2, "r2")
		},
	},
	{
		name: "a commit has the last word on a message",
		rule: "A message that a commit names is logged in the commit's digest, whichever had reserved or logged it; what the commit says of it replaces what was known.",
		do: func(p *probe) {
			s := p.open()
			a, b := digest("a"), digest("b")
			modified := time.Date(2026, 3, 1, 23, 59, 59, 0, time.UTC)
			p.look(s, a, "reserved")
			c := p.take(s, a, "logged")
			p.commit(s, c.Lease, crmlog.Commit{Part: 1, LogID: "ra", Logged: []crmlog.LoggedMessage{{ID: "logged", LastModified: modified, Status: "Sent"}}, Release: true})

			c = p.take(s, b)
			commit := crmlog.Commit{Part: 1, LogID: "rb", Logged: []crmlog.LoggedMessage{{ID: "reserved"}, {ID: "logged"}}}
			p.commit(s, c.Lease, commit)
			p.commit(s, c.Lease, commit) // its first answer was lost
			p.release(s, c.Lease, 0)
			for _, m := range p.look(s, a, "reserved", "logged").Messages {
				p.logged(m, b, 1, "rb")
				p.want(m.LastModified.IsZero() && m.Status == "", "lastModified and status are %s and %q, were not given", m.LastModified, m.Status)
			}
		},
	},
	{
		name: "messages are not logged without a part",
		rule: "A commit that names messages and no part is an *InputError and changes nothing.",
		do: func(p *probe) {
			s := p.open()
			d := digest("a")
			c := p.take(s, d, "1")
			p.intend(s, c.Lease, crmlog.Intention{Kind: crmlog.IntendAdd, Part: 1, Messages: []crmlog.ID{"1"}})
			for _, part := range []int{0, -1} {
				err := s.Commit(p.ctx, c.Lease, crmlog.Commit{Part: part, Logged: []crmlog.LoggedMessage{{ID: "1"}}, Release: true})
				var input *crmlog.InputError
				p.want(errors.As(err, &input), "a commit with part %d returned %v", part, err)
			}
			p.release(s, c.Lease, 0)
			c = p.look(s, d, "1")
			p.unlogged(c.Messages[0], d)
			p.want(c.Open != nil, "the intention is closed")
		},
	},
	{
		name: "ids are kept as they are",
		rule: "Ids and names are texts: none is the same as another, whatever it is made of, and each comes back byte by byte.",
		do: func(p *probe) {
			s, other := p.open(), p.open()
			ids := oddTexts()
			d := digest("a")
			c := p.take(s, d, ids...)
			for _, m := range c.Messages {
				p.unlogged(m, d)
			}
			var logged []crmlog.LoggedMessage
			for _, id := range ids[:len(ids)/2] {
				logged = append(logged, crmlog.LoggedMessage{ID: id, Status: string(id)})
			}
			p.commit(s, c.Lease, crmlog.Commit{Part: 1, LogID: "r", Logged: logged, Next: &crmlog.Intention{
				Kind: crmlog.IntendUpdate, Part: 1, Messages: ids[len(ids)/2:],
			}, Release: true})
			c = p.take(other, d, ids...)
			for i, m := range c.Messages {
				if i >= len(logged) {
					p.unlogged(m, d)
					continue
				}
				p.logged(m, d, 1, "r")
				p.want(m.Status == string(m.ID), "the status is %q, want %q", m.Status, m.ID)
			}
			p.sameIntention(c.Open.Intention, crmlog.Intention{Kind: crmlog.IntendUpdate, Part: 1, Messages: ids[len(ids)/2:]})

			for i, id := range ids {
				odd := crmlog.Digest{
					Ref: "odd " + string(id), Platform: string(id), Account: string(id), User: string(id),
					Contact: string(id), Conversation: string(id), Day: "2026-03-01",
				}
				c := p.take(s, odd, "1")
				p.unlogged(c.Messages[0], odd)
				p.commit(s, c.Lease, crmlog.Commit{Part: i + 1, LogID: string(id), Logged: []crmlog.LoggedMessage{{ID: "1"}}, Release: true})
				odd2 := odd
				odd2.Ref += "2"
				p.logged(p.look(other, odd2, "1").Messages[0], odd, i+1, string(id))
			}
		},
	},
	{
		name: "a claim of many messages",
		rule: "A claim may ask for as many messages as wait, or for none, and answers in the order asked for.",
		do: func(p *probe) {
			s := p.open()
			d := digest("a")
			p.want(len(p.look(s, d).Messages) == 0, "a claim for no message returned some")
			ids := names("m", 1000)
			rand.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
			req := request(d, long, ids...)
			req.Intend = true
			c := p.claim(s, req)
			p.want(c.Intended != nil, "the claim intends nothing")
			p.want(sameIDs(c.Intended.Messages, ids), "the claim intends %d messages of %d", len(c.Intended.Messages), len(ids))
			logged := make([]crmlog.LoggedMessage, len(ids))
			for i, id := range ids {
				logged[i].ID = id
			}
			p.commit(s, c.Lease, crmlog.Commit{Part: 1, LogID: "r", Logged: logged, Release: true})
			slices.Sort(ids)
			for _, m := range p.look(s, d, ids...).Messages {
				p.logged(m, d, 1, "r")
			}
		},
	},
	{
		name: "who wrote a message is kept",
		rule: "A logged message has the fence of the lease that committed it, or the one that the commit gives for it; an open intention has the fence of the lease that made it.",
		do: func(p *probe) {
			s := p.open()
			d := digest("a")
			req := request(d, long, "1", "2")
			req.Intend = true
			c := p.claim(s, req)
			p.release(s, c.Lease, 0)
			second := p.take(s, d)
			p.want(second.Open != nil, "the intention of a claim is not durable")
			p.want(second.Open.Fence == c.Lease.Fence, "the intention has fence %d, want %d", second.Open.Fence, c.Lease.Fence)
			p.commit(s, second.Lease, crmlog.Commit{Part: 1, LogID: "r", Release: true, Logged: []crmlog.LoggedMessage{
				{ID: "1"}, {ID: "2", Fence: c.Lease.Fence},
			}})
			states := p.look(s, d, "1", "2", "3").Messages
			for i, want := range []int64{second.Lease.Fence, c.Lease.Fence, 0} {
				p.want(states[i].Fence == want, "message %q has fence %d, want %d", states[i].ID, states[i].Fence, want)
			}
		},
	},
	{
		name: "a message in doubt remembers its part",
		rule: "A commit that closes an intention which its claim found leaves the intention's part with those of its messages that are bound to the digest and not logged; closing an intention of one's own leaves nothing. A claim does not intend to write such a message to another part.",
		do: func(p *probe) {
			s := p.open()
			d := digest("a")
			p.look(s, digest("b"), "foreign")
			c := p.take(s, d, "1", "2", "3")
			p.commit(s, c.Lease, crmlog.Commit{Part: 1, LogID: "r1", Release: true})
			c = p.take(s, d)
			p.intend(s, c.Lease, crmlog.Intention{Kind: crmlog.IntendUpdate, Part: 1, Messages: []crmlog.ID{"3"}})
			p.commit(s, c.Lease, crmlog.Commit{})
			p.intend(s, c.Lease, crmlog.Intention{Kind: crmlog.IntendUpdate, Part: 1, Messages: []crmlog.ID{"1", "2", "foreign", "unknown"}})
			p.release(s, c.Lease, 0)

			c = p.take(s, d)
			p.commit(s, c.Lease, crmlog.Commit{Part: 2, LogID: "r2", Release: true, Logged: []crmlog.LoggedMessage{{ID: "2"}}})
			states := p.look(s, d, "1", "2", "3", "foreign").Messages
			p.logged(states[1], d, 2, "r2")
			for i, part := range map[int]int{0: 1, 2: 0, 3: 0} {
				m := states[i]
				p.want(!m.Logged && m.Part == part && m.LogID == "", "message %q: logged %t, part %d, want part %d", m.ID, m.Logged, m.Part, part)
			}
			req := request(d, long, "1", "2", "3")
			req.Intend = true
			c = p.claim(s, req)
			p.want(c.Intended != nil, "the claim of messages that are not logged intends nothing")
			p.sameIntention(*c.Intended, crmlog.Intention{Kind: crmlog.IntendUpdate, Part: 2, Messages: []crmlog.ID{"3"}})
			p.commit(s, c.Lease, crmlog.Commit{Part: 1, LogID: "r1", Release: true, Logged: []crmlog.LoggedMessage{{ID: "1"}}})
			p.logged(p.look(s, d, "1").Messages[0], d, 1, "r1")
		},
	},
	{
		name: "a message in doubt is written again where it may stand",
		rule: "A claim intends to write a message in doubt when the part in which it may stand is the one that the claim would write to.",
		do: func(p *probe) {
			s := p.open()
			for _, parts := range []int{0, 1} {
				d := digest(fmt.Sprint("parts", parts))
				in := crmlog.Intention{Kind: crmlog.IntendAdd, Part: 1, Messages: []crmlog.ID{crmlog.ID(d.Ref)}}
				c := p.take(s, d, in.Messages...)
				if parts > 0 {
					in.Kind = crmlog.IntendUpdate
					p.commit(s, c.Lease, crmlog.Commit{Part: 1, LogID: "r"})
				}
				p.intend(s, c.Lease, in)
				p.release(s, c.Lease, 0)
				c = p.take(s, d)
				p.commit(s, c.Lease, crmlog.Commit{Release: true})
				req := request(d, long, in.Messages...)
				req.Intend = true
				c = p.claim(s, req)
				p.want(c.Messages[0].Part == 1, "the message in doubt may stand in part %d, want 1", c.Messages[0].Part)
				p.want(c.Intended != nil, "the claim of a message in doubt intends nothing")
				p.sameIntention(*c.Intended, in)
			}
		},
	},
	{
		name: "digests that want the same messages at once",
		rule: "Claims of different digests at the same time for the same messages all succeed; each message is bound to one digest, all are told the same one, and each digest intends its own alone.",
		do: func(p *probe) {
			const digests = 12
			stores := []crmlog.Store{p.open(), p.open(), p.open()}
			for round := range 5 {
				ids := names(fmt.Sprint("m", round, "-"), 20)
				claims := make([]crmlog.Claim, digests)
				errs := make([]error, digests)
				var wg sync.WaitGroup
				for i := range digests {
					name := fmt.Sprint("d", round, "-", i)
					// One is nobody else's, so that each has something to intend.
					req := request(digest(name), long, append(slices.Clone(ids), crmlog.ID(name))...)
					req.Intend = true
					rand.Shuffle(len(req.Messages), func(a, b int) { req.Messages[a], req.Messages[b] = req.Messages[b], req.Messages[a] })
					wg.Go(func() { claims[i], errs[i] = stores[i%len(stores)].Claim(p.ctx, req) })
				}
				wg.Wait()
				bound := make(map[crmlog.ID]crmlog.Digest)
				for i, c := range claims {
					p.ok("claim of a free digest", errs[i])
					var own []crmlog.ID
					for _, m := range c.Messages {
						p.want(!m.Logged, "message %q is logged", m.ID)
						if first, ok := bound[m.ID]; ok {
							p.want(first == m.Digest, "message %q is bound to %q and to %q", m.ID, first.Ref, m.Digest.Ref)
						}
						bound[m.ID] = m.Digest
						if m.Digest.Ref == c.Lease.Ref {
							own = append(own, m.ID)
						}
					}
					p.want(c.Intended != nil, "the claim of new messages intends nothing")
					p.want(sameIDs(c.Intended.Messages, own), "digest %q has %v and intends %v", c.Lease.Ref, own, c.Intended.Messages)
				}
			}
		},
	},
}

// oddTexts are up to 255 bytes of UTF-8 without control characters, which is
// what a router lets through.
func oddTexts() []crmlog.ID {
	texts := []crmlog.ID{
		"7", "07", "7.0", "7e0", "+7", "0x7", "9007199254740993", "9007199254740992", "9223372036854775808",
		"a", "A", "ä", "a\u0308", "Ä", "ß", "ss", "ı", "i",
		" a", "a ", "'", "''", `"`, `\`, `\u0041`, "%", "_", "?", "$1", "{}", "[]", "null", "NULL", "<&>",
		"a'; DROP TABLE crmlog_messages; --", "日本語", "🙂", "\u202eabc", "\u200b", "\u2028", "\ufeff", "\ufffd",
		crmlog.ID(strings.Repeat("x", 255)), crmlog.ID(strings.Repeat("x", 254) + "y"), crmlog.ID(strings.Repeat("é", 127)),
	}
	return texts
}
