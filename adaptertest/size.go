package adaptertest

import (
	"errors"
	"fmt"
	"strings"

	"github.com/crmlog/crmlog"
)

const (
	// minMaxBody is less than any CRM's limit that a digest can live with.
	minMaxBody = 1000
	// noLimit is the size that a record of a CRM without a limit has to take.
	noLimit = 200_000
)

func unlimited(h *Harness) string {
	if h.MaxBody == 0 {
		return "Harness.MaxBody: the CRM has no limit"
	}
	return ""
}

func limited(h *Harness) string {
	if h.MaxBody != 0 {
		return "Harness.MaxBody: the CRM has a limit"
	}
	return ""
}

// heavy is message n with so many bytes of text, which take up to four times as
// many in markup: a record is full earlier than it seems.
func (p *probe) heavy(n, size int) crmlog.AddMessageLogInput {
	in := p.input(n)
	unit := `<&> "x" `
	in.Message.Subject = word(n) + " " + strings.Repeat(unit, max(size/len(unit), 1)) + "end"
	return in
}

var sizeChecks = []check{
	{
		name: "a full record is a BodyFullError",
		rule: rule{
			says: "A message that has no room left in the record is a *BodyFullError, and the record stays as it is.",
			why:  "The router then opens the digest's next part. A refusal by the CRM tells it nothing.",
			see:  seeFull,
		},
		without: unlimited,
		do: func(p *probe) {
			size := p.suite.h.MaxBody / 10
			logID := p.add(p.heavy(1, size))
			var stand []int
			for n := 1; ; n++ {
				p.want(n < 50, "the record took %d messages of %d bytes each, and its limit is %d", n-1, size, p.suite.h.MaxBody)
				before := p.text(logID)
				_, err := p.tryUpdate(logID, p.heavy(n, size))
				var full *crmlog.BodyFullError
				if errors.As(err, &full) {
					p.want(full.NextPiece == 0, "NextPiece is %d, and nothing of the message stands", full.NextPiece)
					p.want(p.text(logID) == before, "the record was changed by a message that it has no room for")
					break
				}
				p.ok(fmt.Sprintf("message %d of %d bytes", n, size), err)
				stand = append(stand, n)
			}
			p.want(len(stand) >= 2, "the record was full after %d messages of a tenth of its limit", len(stand))
			p.records(1)
			p.holds(logID, words(stand...)...)
			p.accepted()
		},
	},
	{
		name: "a batch fills the record and says what did not fit",
		rule: rule{
			says: "Messages of a batch that have no room left have a *BodyFullError in their results, and so do all later ones; those before them stand.",
			why:  "The router goes on with them in the next part, in order.",
			see:  seeBatch,
		},
		without: func(h *Harness) string {
			if why := unlimited(h); why != "" {
				return why
			}
			return without(noBatch, "batches")(h)
		},
		do: func(p *probe) {
			size := p.suite.h.MaxBody / 10
			logID := p.add(p.heavy(1, size))
			var in []crmlog.AddMessageLogInput
			for n := 2; n <= 12; n++ {
				in = append(in, p.heavy(n, size))
			}
			stand, full := []int{1}, false
			for i, r := range p.batch(logID, in...) {
				var e *crmlog.BodyFullError
				switch {
				case errors.As(r.Err, &e):
					full = true
				default:
					p.ok("a message of the batch", r.Err)
					p.want(!full, "a message was added behind one that did not fit")
					stand = append(stand, i+2)
				}
			}
			p.want(full, "12 messages found room that take more than the limit together")
			p.records(1)
			p.holds(logID, words(stand...)...)
			for _, n := range stand {
				p.want(p.update(logID, p.heavy(n, size)).AlreadyThere, "a message of a full record is not found again (AlreadyThere is not set)")
			}
			p.accepted()
		},
	},
	{
		name: "a day that outgrows a record goes on in the next one",
		rule: rule{
			says: "Through the router a digest of any size is logged: each message once, in order, in as many records as it takes.",
			why:  "No message is lost, and busy days are the important ones.",
			see:  seeHow,
		},
		without: unlimited,
		do: func(p *probe) {
			size := p.suite.h.MaxBody / 8
			var in []crmlog.AddMessageLogInput
			for n := 1; n <= 9; n++ {
				in = append(in, p.heavy(n, size))
			}
			p.route(in...)
			p.want(len(p.crm.Records()) > 1, "all of them stand in one record, beyond its limit")
			p.inOrder(p.allText(), words(1, 2, 3, 4, 5, 6, 7, 8, 9)...)
			p.accepted()
			p.parts()
		},
	},
	{
		name: "a text that no record can hold is logged in pieces",
		rule: rule{
			says: "An add of a text that is too long makes the record with its beginning, and returns its LogID with a *BodyFullError that tells the next piece.",
			why:  "The router goes on with that piece in the next part; the message is logged when its last piece stands.",
			see:  seeFull,
		},
		without: unlimited,
		do: func(p *probe) {
			in := p.input(1)
			var b strings.Builder
			count := 0
			for ; b.Len() < p.suite.h.MaxBody+p.suite.h.MaxBody/8; count++ {
				fmt.Fprintf(&b, "n%06d <&> ", count)
			}
			in.Message.Subject = b.String()
			p.route(in)
			p.want(len(p.crm.Records()) > 1, "%d records hold a text that is longer than the limit", len(p.crm.Records()))
			text := p.allText()
			at := 0
			for i := range count {
				next := strings.Index(text[at:], fmt.Sprintf("n%06d", i))
				p.want(next >= 0, "a part of the text is missing, or not in order, behind %d %% of it", 100*i/count)
				at += next
			}
			p.accepted()
			p.parts()
		},
	},
	{
		name: "a long day stays in one record",
		rule: rule{
			says: "Without a limit a digest has one record.",
			why:  "Harness.MaxBody says that the CRM has none.",
			see:  "https://pkg.go.dev/github.com/crmlog/crmlog/adaptertest#Harness",
		},
		without: limited,
		do: func(p *probe) {
			in := []crmlog.AddMessageLogInput{p.heavy(1, noLimit/4), p.heavy(2, noLimit/4), p.heavy(3, noLimit/4), p.heavy(4, noLimit/4)}
			p.route(in...)
			p.records(1)
			p.inOrder(p.allText(), words(1, 2, 3, 4)...)
			p.accepted()
		},
	},
}

// accepted wants the CRM to have refused nothing: the limit is the adapter's
// knowledge.
func (p *probe) accepted() {
	for _, r := range p.net.requests(0) {
		p.want(r.status/100 == 2, "the CRM refused a request with status %d: the adapter must know the limit, "+
			"and measure as the CRM does, markup and all", r.status)
	}
}

// parts wants the Finder to tell the parts of the digest.
func (p *probe) parts() {
	if _, ok := crmlog.As[crmlog.Finder](p.adapter); !ok {
		return
	}
	for i, r := range p.crm.Records() {
		in := p.input(1)
		in.Digest.Part = i + 1
		ok := false
		for _, f := range p.findAfterLag(in, len(p.crm.Records())) {
			ok = ok || f.LogID == r.LogID && (f.Part == i+1 || f.Part == 0 || i == 0 && f.Part <= 1)
		}
		p.want(ok, "FindMessageLogs does not find part %d of the digest as that part", i+1)
	}
}

func (p *probe) allText() string {
	var b strings.Builder
	for _, r := range p.crm.Records() {
		b.WriteString(r.Text + "\n")
	}
	return b.String()
}
