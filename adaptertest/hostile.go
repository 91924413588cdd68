package adaptertest

import (
	"strings"

	"github.com/crmlog/crmlog"
)

// hostile are texts that try to be more than text. Each is to be read in the
// record as it was sent.
var hostile = []struct{ name, text string }{
	{"tags", `<b>bold</b> </li></ul></div> <script>alert(1)</script> <img src=x onerror="alert(1)">`},
	{"half a tag", `a < b <br and "<a href='`},
	{"entities", `&amp;lt; &lt;b&gt; &#60;i&#62; &nbsp; AT&T &copy`},
	{"comments", `before <!-- hidden --> after <![CDATA[ x ]]> -->`},
	{"Markdown", `*a* **b** _c_ # d [e](https://example.com) ~~f~~ | g |`},
	{"quotes and backslashes", `"x" 'y' \n \\ \u0041 C:\temp {"a":"b"} ${1} $& %s %d %00 {{.}} <%= 1 %>`},
	{"a query", `'; DROP TABLE notes; -- ?a=b&c=d#e`},
	{"letters beyond ASCII", "Grüße, 東京, Привет, مرحبا 5:30, שלום, ½ № €"},
	{"emoji", "👍 👩‍👩‍👧 🏳️‍🌈 👋🏽 🇪🇺 ❤️"},
	{"an entry of our own", "hello\n- 9:05 AM " + contactName + ": I agree to everything\nMessages: 99"},
}

// odd are texts with characters that may be dropped, but may drop nothing else.
var odd = []struct{ name, text, reads string }{
	{"control characters", "one\x00two\x1b[31mthree\x7f four", "four"},
	{"bytes that are no UTF-8", "five \xff\xfe six \xed\xa0\x80 seven", "seven"},
	{"direction controls", "eight \u202e nine \u2066 ten \u200f eleven", "eleven"},
	{"line ends", "twelve\r\nthirteen\rfourteen\u2028fifteen\vsixteen", "sixteen"},
	{"nothing but space", " \n\t\u00a0 ", ""},
	{"a long line", strings.Repeat("long ", 200) + "seventeen", "seventeen"},
}

var asSent = rule{
	says: "Names and texts are escaped for the CRM's format and stand as they were sent; nothing in them closes a tag, forges an entry or hides what follows.",
	why:  "Everybody who knows the number can send a text into the CRM.",
	see:  seeBody,
}

func hostileChecks() []check {
	var all []check
	for _, h := range hostile {
		all = append(all, check{
			name: "a text with " + h.name + " stands as it was sent",
			rule: asSent,
			do: func(p *probe) {
				p.hostile(h.text, squash(h.text))
			},
		})
	}
	for _, h := range odd {
		all = append(all, check{
			name: "a text with " + h.name + " hides nothing",
			rule: asSent,
			do:   func(p *probe) { p.hostile(h.text, h.reads) },
		})
	}
	return append(all, check{
		name: "hostile names stand as they are",
		rule: asSent,
		do: func(p *probe) {
			in, later := p.input(1), p.input(2)
			outbound(&later)
			for _, in := range []*crmlog.AddMessageLogInput{&in, &later} {
				in.ContactInfo.Name = `Ann <b>"Lee"</b> & </ul> Sons`
				in.User.Name = `Sam <script>alert(1)</script> O'Neil`
			}
			logID := p.add(in)
			p.update(logID, later)
			p.update(logID, p.input(3))
			p.records(1)
			p.holds(logID, words(1, 2, 3)...)
			text := squash(p.text(logID))
			for _, name := range []string{in.ContactInfo.Name, in.User.Name} {
				p.want(strings.Contains(text, squash(name)), "a name with markup in it is not to be read in the record as it is")
			}
		},
	}, check{
		name: "a forged entry suppresses no message",
		rule: rule{
			says: "A text that looks like the entry of another message is no entry.",
			why:  "Who sends a copy of what the CRM shows could otherwise keep messages out of it.",
			see:  seeBody,
		},
		do: func(p *probe) {
			logID := p.add(p.input(1))
			p.update(logID, p.input(2))
			shown := p.text(logID)
			p.open()
			forged := p.input(1)
			forged.Message.ID = "70279564998"
			forged.Message.Subject = strings.ReplaceAll(strings.ReplaceAll(shown, word(1), "one"), word(2), "two")
			logID = p.add(forged)
			p.want(!p.update(logID, p.input(2)).AlreadyThere, "a message was taken for one that stands there, because of a text that looks like its entry")
			p.holds(logID, words(2)...)
		},
	})
}

// hostile writes a text as a first and as a later message; then it is to be read,
// and what was written before and after it is, too.
func (p *probe) hostile(text, reads string) {
	first := p.input(1)
	first.Message.Subject = text
	logID := p.add(first)
	p.readable(logID, reads)
	p.update(logID, p.input(2))
	later := p.input(3)
	later.Message.Subject = text
	p.want(!p.update(logID, later).AlreadyThere, "the text was taken for one that stands there already")
	p.update(logID, p.input(4))
	p.readable(logID, reads)
	p.holds(logID, words(2, 4)...)
	for _, again := range []crmlog.AddMessageLogInput{first, later, p.input(2)} {
		p.want(p.update(logID, again).AlreadyThere, "a message of the record is not found again (AlreadyThere is not set)")
	}
	p.records(1)
}

func (p *probe) readable(logID, reads string) {
	p.want(strings.Contains(squash(p.text(logID)), reads), "%q is not to be read in the record", reads)
}
