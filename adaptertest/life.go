package adaptertest

import (
	"errors"
	"slices"
	"strings"

	"github.com/crmlog/crmlog"
)

const (
	seeAdapter    = "https://pkg.go.dev/github.com/crmlog/crmlog#Adapter"
	seeBatch      = "https://pkg.go.dev/github.com/crmlog/crmlog#BatchUpdater"
	seeAmender    = "https://pkg.go.dev/github.com/crmlog/crmlog#Amender"
	seeFinder     = "https://pkg.go.dev/github.com/crmlog/crmlog#Finder"
	seeIdempotent = "https://pkg.go.dev/github.com/crmlog/crmlog#IdempotentAdder"
	seeFull       = "https://pkg.go.dev/github.com/crmlog/crmlog#BodyFullError"
	seeErrors     = "https://pkg.go.dev/github.com/crmlog/crmlog#APIError"
	seeInputError = "https://pkg.go.dev/github.com/crmlog/crmlog#InputError"
	seeAs         = "https://pkg.go.dev/github.com/crmlog/crmlog#As"
	seeConfig     = "https://pkg.go.dev/github.com/crmlog/crmlog/adaptertest#Config"
	seeHTTP       = "docs/design.md#http"
	seeBody       = "docs/design.md#the-body-of-a-digest"
	seeHow        = "docs/design.md#how-a-message-gets-there"
	seePromises   = "docs/guarantees.md#promises"
)

func noBatch(h *Harness) bool { return h.Cannot.Batch }
func noAmend(h *Harness) bool { return h.Cannot.Amend }
func noFind(h *Harness) bool  { return h.Cannot.Find }

var lifeChecks = []check{
	{
		name: "add makes one record with the message in it",
		rule: rule{
			says: "AddMessageLog makes one record, and returns its id and what to show the user.",
			why:  "The record is the day's digest; its id is all by which it is found again.",
			see:  seeAdapter,
		},
		do: func(p *probe) {
			result, err := p.tryAdd(p.input(1))
			p.ok("AddMessageLog", err)
			p.records(1)
			p.want(result.LogID != "", "AddMessageLog returned no LogID and no error")
			p.holds(result.LogID, words(1)...)
			p.want(!result.AlreadyThere, "AlreadyThere is set for a message that was just added")
			m := result.ReturnMessage
			p.want(m.Message != "" && m.TTL > 0, "the returnMessage has no message or no ttl")
			p.want(slices.Contains([]crmlog.ReturnMessageType{crmlog.Success, crmlog.Warning}, m.MessageType),
				"the returnMessage of an add that succeeded is of type %q", m.MessageType)
		},
	},
	{
		name: "each add makes a record of its own",
		rule: rule{
			says: "AddMessageLog opens a digest; it never writes to another one's record.",
			why:  "The router calls it for the first message of a conversation's day alone.",
			see:  seeAdapter,
		},
		do: func(p *probe) {
			first := p.add(p.input(1))
			second := p.add(p.elsewhere(2))
			p.want(first != second, "two conversations have the same LogID")
			p.records(2)
			p.holds(first, word(1))
			p.holds(second, word(2))
		},
	},
	{
		name: "add and update work without a router",
		rule: rule{
			says: "When in.Digest is zero the adapter derives it with crmlog.NewDigestRef.",
			why:  "The two methods are the contract of RingCentral's CRM extension, which knows no digests; unit tests call them so, too.",
			see:  seeAdapter,
		},
		do: func(p *probe) {
			one, two := p.input(1), p.input(2)
			one.Digest, two.Digest = crmlog.DigestRef{}, crmlog.DigestRef{}
			logID := p.add(one)
			p.update(logID, two)
			p.records(1)
			p.holds(logID, words(1, 2)...)
			p.want(p.update(logID, two).AlreadyThere, "the same message again: AlreadyThere is not set")
			p.holds(logID, words(1, 2)...)
		},
	},
	{
		name: "update adds to the record that is named",
		rule: rule{
			says: "UpdateMessageLog adds the message to the record of existingMessageLog, and to no other.",
			why:  "A digest is one record; two of them may be of the same contact and day.",
			see:  seeAdapter,
		},
		do: func(p *probe) {
			before := p.add(p.elsewhere(9))
			logID := p.add(p.input(1))
			later := p.add(p.elsewhere(8))
			result := p.update(logID, p.input(2))
			p.want(result.LogID == logID, "UpdateMessageLog returned another LogID than that of the record")
			p.want(!result.AlreadyThere, "AlreadyThere is set for a message that was just added")
			p.want(result.ReturnMessage.Message != "", "the returnMessage has no message")
			p.records(3)
			p.holds(logID, words(1, 2)...)
			p.holds(before, word(9))
			p.holds(later, word(8))
		},
	},
	{
		name: "update is idempotent",
		rule: rule{
			says: "A message that stands in the record already is not added again, and the result says AlreadyThere.",
			why:  "After an outcome that is unknown the router does the update again; a message would stand twice.",
			see:  seeAdapter,
		},
		do: func(p *probe) {
			logID := p.add(p.input(1))
			p.update(logID, p.input(2))
			for _, n := range []int{2, 1, 2} {
				before := p.text(logID)
				result := p.update(logID, p.input(n))
				p.want(result.AlreadyThere, "the message stands in the record: AlreadyThere is not set")
				p.want(p.text(logID) == before, "the record was changed by a message that stands in it")
			}
			p.update(logID, p.input(3))
			p.records(1)
			p.holds(logID, words(1, 2, 3)...)
		},
	},
	{
		name: "update is idempotent for an adapter that has just begun",
		rule: rule{
			says: "Whether a message stands in the record is read off the record, not off the adapter's memory.",
			why:  "Processes die, and there are several of them: an adapter that has never seen the record may be the one to repeat the update.",
			see:  seeAdapter,
		},
		do: func(p *probe) {
			logID := p.add(p.input(1))
			p.update(logID, p.input(2))
			fresh, err := p.suite.h.New(Config{BaseURL: p.suite.h.BaseURL, Transport: p.net.transport, Timeout: p.timeout})
			p.ok("Harness.New, without a logger", err)
			p.adapter = fresh
			for _, n := range []int{1, 2} {
				p.want(p.update(logID, p.input(n)).AlreadyThere, "the message stands in the record: AlreadyThere is not set")
			}
			p.update(logID, p.input(3))
			p.holds(logID, words(1, 2, 3)...)
		},
	},
	{
		name: "two messages with the same text both stand",
		rule: rule{
			says: "A message is recognised by its id, not by its text or time.",
			why:  "People write \"ok\" twice in a minute.",
			see:  seePromises,
		},
		do: func(p *probe) {
			in := p.input(1)
			logID := p.add(in)
			in.Message.ID = "70279564999"
			p.want(!p.update(logID, in).AlreadyThere, "another message with the same text was taken for the first one")
			n := strings.Count(p.text(logID), word(1))
			p.want(n == 2, "the text stands %d times in the record, want twice", n)
		},
	},
	{
		name: "batch adds all messages with one write",
		rule: rule{
			says: "UpdateMessageLogs adds its messages in one atomic write, with a result for each.",
			why:  "That is what the capability is for: messages that wait cost two calls together, and a failure leaves none of them half there.",
			see:  seeBatch,
		},
		without: without(noBatch, "batches"),
		do: func(p *probe) {
			logID := p.add(p.input(1))
			var results []crmlog.UpdateResult
			writes := count(p.changes(func() { results = p.batch(logID, p.input(2), p.input(3), p.input(4)) }))
			for i, r := range results {
				p.ok("a message of the batch", r.Err)
				p.want(!r.AlreadyThere, "result %d says AlreadyThere of a message that was just added", i)
			}
			p.records(1)
			p.holds(logID, words(1, 2, 3, 4)...)
			p.want(writes == 1, "the batch took %d writes, want one", writes)
		},
	},
	{
		name: "batch leaves out what stands already",
		rule: rule{
			says: "UpdateMessageLogs is as idempotent as UpdateMessageLog, message by message.",
			why:  "After an outcome that is unknown the router does the batch again, with what has come since.",
			see:  seeBatch,
		},
		without: without(noBatch, "batches"),
		do: func(p *probe) {
			logID := p.add(p.input(1))
			p.batch(logID, p.input(3), p.input(4))
			for i, r := range p.batch(logID, p.input(1), p.input(2), p.input(4), p.input(5)) {
				p.ok("a message of the batch", r.Err)
				p.want(r.AlreadyThere == (i == 0 || i == 2), "result %d: AlreadyThere is %t", i, r.AlreadyThere)
			}
			for _, r := range p.batch(logID, p.input(4), p.input(5)) {
				p.want(r.AlreadyThere, "a batch that was added before: AlreadyThere is not set")
			}
			p.holds(logID, words(1, 2, 3, 4, 5)...)
		},
	},
	{
		name: "amend changes the entry and adds nothing",
		rule: rule{
			says: "AmendMessageLog makes the entry of a message look as if it were added now, in its place, and says AlreadyThere when there is nothing to change.",
			why:  "A delivery fails, or a voicemail's transcript comes, after the message was logged.",
			see:  seeAmender,
		},
		without: without(noAmend, "amendments"),
		do: func(p *probe) {
			voicemail := p.voicemail(2, "")
			logID := p.add(p.input(1))
			p.update(logID, voicemail)
			p.update(logID, p.input(3))
			p.want(!strings.Contains(p.text(logID), "heliotrope"), "the transcript stands there before it was given")
			later := p.voicemail(2, "call me about the heliotrope")
			p.want(!p.amend(logID, later).AlreadyThere, "AlreadyThere is set although the transcript is new")
			p.inOrder(p.text(logID), word(1), "heliotrope", word(3))
			p.want(p.amend(logID, later).AlreadyThere, "AlreadyThere is not set although nothing is to be changed")
			p.inOrder(p.text(logID), word(1), "heliotrope", word(3))

			before := p.text(logID)
			p.amend(logID, p.failed(3))
			p.want(p.text(logID) != before, "nothing in the record says that a delivery failed")
			p.holds(logID, words(1, 3)...)
			p.records(1)
		},
	},
	{
		name: "amend adds no message that is not there",
		rule: rule{
			says: "AmendMessageLog adds nothing: a message that is not in the record is AlreadyThere.",
			why:  "A person has deleted the entry, and it stays deleted.",
			see:  seeAmender,
		},
		without: without(noAmend, "amendments"),
		do: func(p *probe) {
			logID := p.add(p.input(1))
			before := p.text(logID)
			p.want(p.amend(logID, p.failed(2)).AlreadyThere, "AlreadyThere is not set for a message that is not there")
			p.want(p.text(logID) == before, "the record was changed by an amendment of a message that is not in it")
		},
	},
	{
		name: "a record that a person deleted is gone",
		rule: rule{
			says: "A write to a record that was deleted fails with ErrLogGone, surely not done.",
			why:  "By ErrLogGone the router knows that it must open the digest anew; with any other error the message would never be logged.",
			see:  seeErrors,
		},
		do: func(p *probe) {
			for _, o := range ops {
				if o.name == "add" || o.name == "find" || o.cannot != nil && o.cannot(p.suite.h) {
					continue
				}
				p.open()
				logID := p.setUp(o)
				p.ok("CRM.Delete", p.crm.Delete(logID))
				p.want(!slices.ContainsFunc(p.crm.Records(), func(r Record) bool { return r.LogID == logID }), "CRM.Records still shows the record after CRM.Delete")
				out := p.do(p.ctx, o, logID)
				p.kind(o.method+" of a deleted record", out.err, crmlog.ErrLogGone)
				p.want(notDone(out.err), "%s of a deleted record does not say NotDone", o.method)
				p.records(0)
			}
		},
	},
	{
		name: "a record that never was is no success",
		rule: rule{
			says: "A write to a record that is not there fails: ErrLogGone, ErrNotFound, or an *InputError where the id cannot be one of the CRM's.",
			why:  "A caller may name a record of another CRM.",
			see:  seeErrors,
		},
		do: func(p *probe) {
			other := p.add(p.input(1))
			for _, id := range []string{"987654321", "no-such-record"} {
				_, err := p.tryUpdate(id, p.input(2))
				p.kind("UpdateMessageLog of a record that never was", err, crmlog.ErrLogGone, crmlog.ErrNotFound, crmlog.ErrInvalidInput)
				p.want(notDone(err), "the error does not say NotDone")
			}
			p.records(1)
			p.holds(other, word(1))
		},
	},
	{
		name: "find sees the record and its messages",
		rule: rule{
			says: "FindMessageLogs returns the digest's records, with the ids of the messages that stand in them.",
			why:  "It settles adds of unknown outcome: a record that it misses is made twice, a message that it misses stands twice.",
			see:  seeFinder,
		},
		without: without(noFind, "searches"),
		do: func(p *probe) {
			p.finder()
			p.want(len(p.find(p.input(1))) == 0, "FindMessageLogs found something in an empty CRM")
			logID := p.add(p.input(1))
			p.update(logID, p.input(2))
			found := p.findAfterLag(p.input(1), 1)
			p.want(len(found) == 1, "FindMessageLogs found %d records within SettleTime, want one", len(found))
			p.want(found[0].LogID == logID, "FindMessageLogs found another LogID than AddMessageLog returned")
			p.want(found[0].Part <= 1, "the record is said to be part %d of the digest, want 1, or 0 for unknown", found[0].Part)
			ids := slices.Sorted(slices.Values(found[0].MessageIDs))
			p.want(slices.Equal(ids, slices.Sorted(slices.Values([]crmlog.ID{p.input(1).Message.ID, p.input(2).Message.ID}))),
				"FindMessageLogs saw %d messages in the record, want the two that stand there, by their ids", len(ids))
		},
	},
	{
		name: "find leaves out other digests and deleted records",
		rule: rule{
			says: "FindMessageLogs returns the records of its digest that are in the CRM now, and no other.",
			why:  "A wrong record would get another conversation's messages; a deleted one shows them to nobody.",
			see:  seeFinder,
		},
		without: without(noFind, "searches"),
		do: func(p *probe) {
			p.finder()
			day, user := p.input(3), p.input(4)
			day.Message.CreationTime = day.Message.CreationTime.AddDate(0, 0, 1)
			user.User.ID += "-other"
			others := []crmlog.AddMessageLogInput{p.elsewhere(2), p.digested(day), p.digested(user)}
			for _, in := range others {
				p.add(in)
			}
			logID := p.add(p.input(1))
			for _, in := range others {
				p.want(len(p.findAfterLag(in, 1)) == 1, "FindMessageLogs does not find the record of one of four digests")
			}
			found := p.findAfterLag(p.input(1), 1)
			p.want(len(found) == 1 && found[0].LogID == logID, "FindMessageLogs found %d records, want the digest's own", len(found))
			p.ok("CRM.Delete", p.crm.Delete(logID))
			p.want(len(p.find(p.input(1))) == 0, "FindMessageLogs found a record that was deleted")
			again := p.add(p.input(1))
			found = p.findAfterLag(p.input(1), 1)
			p.want(len(found) == 1 && found[0].LogID == again, "FindMessageLogs found %d records, want the one that was made anew", len(found))
		},
	},
	{
		name: "find looks through many records",
		rule: rule{
			says: "FindMessageLogs finds the record however many others the contact has.",
			why:  "Lists come in pages; a busy contact has more than one.",
			see:  seeFinder,
		},
		without: without(noFind, "searches"),
		do: func(p *probe) {
			p.finder()
			logID := p.add(p.input(1))
			for n := range 25 {
				in := p.input(2)
				in.Message.Conversation.ID = crmlog.ID("55789843501179177" + string(rune('A'+n)))
				p.add(p.digested(in))
			}
			found := p.findAfterLag(p.input(1), 1)
			p.want(len(found) == 1 && found[0].LogID == logID, "FindMessageLogs found %d records of a digest that 25 others followed, want it alone", len(found))
		},
	},
	{
		name: "find reads all pages",
		rule: rule{
			says: "FindMessageLogs returns all of the digest's records, with whatever limit the CRM lists them.",
			why:  "Lists come in pages. A record on the second one would be made again, and the messages in it would stand twice.",
			see:  seeFinder,
		},
		without: without(noFind, "searches"),
		do: func(p *probe) {
			p.finder()
			const many = 105 // more than a page of most CRMs
			logIDs := map[string]bool{}
			for n := range many {
				logIDs[p.add(p.input(1+n))] = true
			}
			if len(logIDs) < many {
				p.failf("%w: several adds of a digest make no records of their own", errNothing)
			}
			for _, f := range p.findAfterLag(p.input(1), many) {
				delete(logIDs, f.LogID)
			}
			p.want(len(logIDs) == 0, "%d records were made of a digest, and FindMessageLogs returned %d of them", many, many-len(logIDs))
		},
	},
	{
		name: "an idempotent add makes one record",
		rule: rule{
			says: "An IdempotentAdder makes one record of the same digest and message, however often it is called.",
			why:  "The router repeats its adds after an unknown outcome without looking.",
			see:  seeIdempotent,
		},
		do: func(p *probe) {
			if _, ok := crmlog.As[crmlog.IdempotentAdder](p.adapter); !ok {
				p.failf("%w: the adapter is no crmlog.IdempotentAdder", errNothing)
			}
			first := p.add(p.input(1))
			second := p.add(p.input(1))
			p.want(first == second, "the second add returned another LogID")
			p.records(1)
			p.holds(first, word(1))
		},
	},
	{
		name: "an input that lacks something is refused before the first request",
		rule: rule{
			says: "The input is checked before the CRM is called; what is wrong is an *InputError that names the field.",
			why:  "The caller has to mend it, and no half of it may stand in the CRM.",
			see:  seeInputError,
		},
		do: func(p *probe) {
			for field, spoil := range map[string]func(*crmlog.AddMessageLogInput){
				"contactInfo.id": func(in *crmlog.AddMessageLogInput) { in.ContactInfo.ID = "" },
				"authHeader":     func(in *crmlog.AddMessageLogInput) { in.AuthHeader = "" },
				"message.id":     func(in *crmlog.AddMessageLogInput) { in.Message.ID = "" },
				"message.creationTime": func(in *crmlog.AddMessageLogInput) {
					in.Message.CreationTime = p.input(1).Message.CreationTime.AddDate(-3000, 0, 0)
				},
				"message.type": func(in *crmlog.AddMessageLogInput) { in.Message.Type = "Telegram" },
			} {
				in := p.input(1)
				spoil(&in)
				in.Digest = crmlog.DigestRef{}
				_, err := p.tryAdd(in)
				p.kind("AddMessageLog with a bad "+field, err, crmlog.ErrInvalidInput)
				var input *crmlog.InputError
				p.want(errors.As(err, &input) && input.Field == field, "AddMessageLog with a bad %s: the error is no *InputError of that field", field)
			}
			p.want(p.net.count() == 0, "%d requests were sent for inputs that are wrong", p.net.count())
		},
	},
}

// finder wants the adapter to find, or to add idempotently, which takes no
// Finder: then the check has nothing to look at.
func (p *probe) finder() {
	if _, ok := crmlog.As[crmlog.Finder](p.adapter); ok {
		return
	}
	if _, ok := crmlog.As[crmlog.IdempotentAdder](p.adapter); ok {
		p.failf("%w: an IdempotentAdder needs no Finder", errNothing)
	}
	capability[crmlog.Finder](p, "Finder", "Find")
}
