package adaptertest

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

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
		name: "long names in a group are logged",
		rule: rule{
			says: "What is too long for one of the CRM's fields, as a title made of names, is cut to what the field takes.",
			why:  "Titles have limits of their own. A group of people with long names would never be logged.",
			see:  seeAdapter,
		},
		do: func(p *probe) {
			var trials []func(*probe)
			for _, letter := range []string{"a", "ü", "字"} {
				for _, others := range []int{0, 1, 3} {
					trials = append(trials, func(p *probe) { p.longNames(letter, others) })
				}
			}
			p.trials(trials)
		},
	},
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

// longNames logs messages of a contact and some others, with names of 100 letters.
func (p *probe) longNames(letter string, others int) {
	name := strings.Repeat(letter, 99)
	change := func(n int) crmlog.AddMessageLogInput {
		in := p.input(n)
		in.ContactInfo.Name, in.User.Name = name+"A", name+"B"
		if n == 1 {
			outbound(&in)
		} else {
			in.Message.From.Name, in.Message.To[0].Target = name+"A", true
		}
		for i := range others {
			in.Message.To = append(in.Message.To, crmlog.Party{
				PhoneNumber: fmt.Sprintf("+1202555014%d", i), Name: name + string(rune('C'+i)),
			})
		}
		return in
	}
	what := fmt.Sprintf("of a conversation with %d people, with names of 100 times %q,", 1+others, letter)
	result, err := p.tryAdd(change(1))
	p.ok("AddMessageLog "+what, err)
	_, err = p.tryUpdate(result.LogID, change(2))
	p.ok("UpdateMessageLog "+what, err)
	p.records(1)
	p.holds(result.LogID, words(1, 2)...)
}

// fillers are texts that take more or fewer bytes than characters.
var fillers = []struct {
	name string
	char string
	size func(string) int // where the CRM counts characters
}{
	{"English", "x", utf8.RuneCountInString},
	{"Chinese", "字", utf8.RuneCountInString},
	// Some count UTF-16, in which these are two: in that they can only be more.
	{"emoji", "😀", func(s string) int { return len(utf16.Encode([]rune(s))) }},
}

// leastUse is how much of Harness.MaxBody a full record of plain text takes at
// least, in percent. An adapter may keep a distance to the limit, and reckon with
// what the CRM will add; counting in the wrong unit leaves half or more empty.
const leastUse = 60

func fillChecks() []check {
	var all []check
	for _, f := range fillers {
		all = append(all, check{
			name: "a record takes " + f.name + " up to the limit, and no more",
			rule: rule{
				says: "The adapter counts a body as the CRM does, in bytes or in characters, up to the CRM's limit: see note.Options.Limit and Size.",
				why:  "Beyond the limit the CRM refuses what the router then cannot log. Counted in the wrong unit, records are half empty or too long, in other languages only.",
				see:  "https://pkg.go.dev/github.com/crmlog/crmlog/note#Options",
			},
			without: unlimited,
			do: func(p *probe) {
				unit, size := "bytes", func(s string) int { return len(s) }
				if p.countsCharacters() {
					unit, size = "characters", f.size
				}
				p.open()
				logID := p.fill(f.char)
				p.accepted()
				stored := ""
				p.ok("CRM.Edit", p.crm.Edit(logID, func(body string) string { stored = body; return body }))
				used := size(stored) * 100 / p.suite.h.MaxBody
				p.want(used >= leastUse, "the record was full with %d %% of Harness.MaxBody in %s, which the CRM counts; "+
					"the adapter's limit is too low, or counted in another unit", used, unit)
			},
		})
	}
	return all
}

// fill adds messages until one does not fit, and then shorter ones, until next to
// nothing is left of the record.
func (p *probe) fill(char string) string {
	const most, step = 10, 200 // parts of the limit
	long := p.suite.h.MaxBody / most
	message := func(n, length int) crmlog.AddMessageLogInput {
		in := p.input(n)
		in.Message.Subject = strings.Repeat(char, length)
		return in
	}
	logID := p.add(message(1, long))
	for n := 2; long > 0; n++ {
		_, err := p.tryUpdate(logID, message(n, long))
		var full *crmlog.BodyFullError
		if errors.As(err, &full) {
			long -= p.suite.h.MaxBody / step
			continue
		}
		if err != nil {
			p.accepted()
		}
		p.ok(fmt.Sprintf("a message of %d times %q for a record that is not full", long, char), err)
		p.want(n < 100, "the record took %d messages of %d characters and more, and its limit is %d", n, long, p.suite.h.MaxBody)
	}
	return logID
}

// countsCharacters asks the CRM whether it counts characters: the proxy makes the
// text of an add so long that it is below the limit in those, and far beyond it in
// bytes. It is false, too, when the CRM enforces no limit, and where that is not to
// be found out since the text does not stand in the request as it is.
func (p *probe) countsCharacters() bool {
	limit := p.suite.h.MaxBody
	takes := func(char string, length int) bool {
		p.open()
		text := strings.Repeat(char, length)
		p.net.rewrite(word(1), text)
		_, _ = p.tryAdd(p.input(1))
		return p.everywhere(text) == 1
	}
	return takes("字", limit*3/4) && !takes("x", limit*3/2)
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
