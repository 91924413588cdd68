package note

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// foreign is a digest that RingCentral's own CRM extension (App Connect) began:
//
//	SMS conversation with Ann Lee - 15/02/18
//	Conversation summary
//	Wednesday, February 18, 2015
//	Participants
//	    Sales Rep
//	    Ann Lee
//	Conversation(2 messages)
//	BEGIN
//	------------
//	Sales Rep 05:24 AM
//	Flight information
//	Ann Lee (+16505553204) 05:25 AM
//	Thanks
//	------------
//	END
//
// in these lines, or in HTML with the participants and the entries in lists. Its
// entries have no identity: they are known by clock minute, sender and text.
type foreign struct {
	countFrom, countTo int // in the body; nothing if the number cannot be set
	end                int // the line in front of which the list ends
	date               time.Time
	participants       []string
	entries            []foreignEntry
}

type foreignEntry struct {
	first, last int // lines
	minute      int // of the day
	sender      string
	text        string
	taken       bool // a message was found to be this one
}

var (
	foreignCount = regexp.MustCompile(`^Conversation ?\((\d{1,9}) messages?\)$`)
	foreignFirst = regexp.MustCompile(`(?i)^(.*\S) (0?[1-9]|1[0-2]):([0-5]\d) ?([AP])M$`)
	foreignRule  = regexp.MustCompile(`^-{3,}$`)
	numberBehind = regexp.MustCompile(` \([^()]*\)$`)
)

// oneSpaced is a text with one space for all that is white.
func oneSpaced(s string) string { return strings.Join(strings.Fields(s), " ") }

// findForeign recognises such a digest, unless a heading of ours stands, and
// makes its entries stand among ours, as codes without an id.
func (p *page) findForeign(day time.Time, loc *time.Location) {
	if p.heading() >= 0 || !bytes.Contains(p.text, []byte("Conversation")) {
		return
	}
	shown := make([]string, len(p.lines))
	for i := range p.lines {
		shown[i] = oneSpaced(p.visible(i))
	}
	title := slices.IndexFunc(shown, foreignCount.MatchString)
	if title < 0 {
		return
	}
	f := &foreign{date: day}
	f.readHead(shown[:title])
	if at := strings.IndexByte(p.visible(title), '('); at >= 0 {
		digits := len(foreignCount.FindStringSubmatch(shown[title])[1])
		if from, to, ok := p.number(p.lines[title].text+at+1, digits); ok {
			f.countFrom, f.countTo = from, to
		}
	}
	begin, closed := f.readEnds(p, shown, title+1)
	ours, ok := f.ours(p, shown, title, closed)
	if !ok {
		return
	}
	f.readList(p, shown, begin, closed, ours)
	for _, e := range f.entries {
		l := p.lines[e.last]
		end := l.text + len(strings.TrimRightFunc(p.visible(e.last), unicode.IsSpace))
		k := code{from: end, to: end, mark: end, line: e.last, foreign: true, first: e.first}
		_, k.end = p.at(end - 1)
		y, m, d := f.date.Date()
		// Before all that is of the same minute and has an identity.
		k.Time = time.Date(y, m, d, 0, e.minute, 0, 0, loc).Add(-1)
		p.codes = append(p.codes, k)
	}
	slices.SortStableFunc(p.codes, func(a, b code) int { return a.from - b.from })
	p.begun = f
}

// readHead reads the date and who takes part.
func (f *foreign) readHead(lines []string) {
	listed := false
	for _, s := range lines {
		if d, err := time.Parse("Monday, January 2, 2006", s); err == nil {
			f.date = d
		}
		if listed && s != "" {
			f.participants = append(f.participants, s)
		}
		listed = listed || s == "Participants"
	}
}

// readEnds finds where the list ends, and whether that is said.
func (f *foreign) readEnds(p *page, shown []string, from int) (begin int, closed bool) {
	begin = from
	for begin < len(shown) && (shown[begin] == "" || shown[begin] == "BEGIN") {
		begin++
	}
	if begin < len(shown) && foreignRule.MatchString(shown[begin]) {
		begin++
	}
	for f.end = begin; f.end < len(shown); f.end++ {
		if !foreignRule.MatchString(shown[f.end]) || p.item(f.end) >= 0 {
			continue
		}
		next := slices.IndexFunc(shown[f.end+1:], func(s string) bool { return s != "" })
		if next >= 0 && shown[f.end+1+next] == "END" {
			return begin, true
		}
	}
	return begin, false
}

// ours tells which lines are of entries of ours. It is not ok if the title may
// be in a text of one: all that stands of ours must stand in the list.
func (f *foreign) ours(p *page, shown []string, title int, closed bool) (lines []bool, ok bool) {
	lines = make([]bool, len(shown))
	for i, k := range p.codes {
		first, sure := p.firstOf(i, shown)
		if first <= title && sure || k.line <= title || !sure && (!closed || k.line >= f.end) {
			return nil, false
		}
		for l := max(first, title+1); l <= k.line; l++ {
			lines[l] = true
		}
	}
	return lines, true
}

var clockFirst = regexp.MustCompile(`^\d{1,2}(:| h )\d\d\b`)

// firstOf is the line in which entry i begins: that of its list item or bullet,
// or not so surely one that begins with a time.
func (p *page) firstOf(i int, shown []string) (line int, sure bool) {
	line = p.codes[i].line
	if b := p.item(line); b >= 0 {
		for line > 0 && p.lines[line-1].from > p.blocks[b].from {
			line--
		}
		return line, true
	}
	above := -1
	if i > 0 {
		above = p.codes[i-1].line
	}
	for l := line; l > above; l-- {
		if p.bulletOf(l) != "" {
			return l, true
		}
	}
	for l := line; l > above; l-- {
		if clockFirst.MatchString(shown[l]) {
			return l, false
		}
	}
	return line, false
}

// readList reads the entries.
func (f *foreign) readList(p *page, shown []string, begin int, closed bool, ours []bool) {
	var e *foreignEntry // whose text is read
	for i := begin; i < f.end; i++ {
		m := foreignFirst.FindStringSubmatch(shown[i])
		switch {
		case ours[i]:
			e = nil
		case m != nil && f.begins(p, i, m[1]):
			hour, _ := strconv.Atoi(m[2])
			minute, _ := strconv.Atoi(m[3])
			if hour %= 12; strings.EqualFold(m[4], "P") {
				hour += 12
			}
			f.entries = append(f.entries, foreignEntry{first: i, last: i, minute: 60*hour + minute, sender: m[1]})
			e = &f.entries[len(f.entries)-1]
		case e == nil:
		case shown[i] != "" && p.item(i) == p.item(e.first):
			e.text, e.last = oneSpaced(e.text+" "+shown[i]), i
		case shown[i] == "" && closed: // a blank line of the text
		default:
			e = nil
		}
	}
}

// begins tells whether a line that ends in a time is the first of an entry, not
// one of a text: it begins a list item, or the sender takes part.
func (f *foreign) begins(p *page, line int, sender string) bool {
	if p.item(line) >= 0 {
		return p.lines[line].item
	}
	return len(f.participants) == 0 || slices.ContainsFunc(f.participants, func(name string) bool { return samePerson(name, sender) })
}

// samePerson tells whether a sender as it is shown is somebody: the number may
// stand behind the name.
func samePerson(name, shown string) bool {
	name = oneSpaced(name)
	return name != "" && (strings.EqualFold(name, shown) || strings.EqualFold(name, numberBehind.ReplaceAllString(shown, "")))
}

// has tells whether a message is one of the entries that no other message was
// found to be.
func (f *foreign) has(e *Entry, h *Heading, loc *time.Location) bool {
	if f == nil || e.Kind == VoiceMail || e.Kind == Fax { // of which it has but a line without the link
		return false
	}
	at := e.Time.In(loc)
	if !sameDay(at, f.date) {
		return false
	}
	for i := range f.entries {
		old := &f.entries[i]
		if old.taken || old.minute != 60*at.Hour()+at.Minute() || !sameSender(e, old.sender, h) {
			continue
		}
		// It wrote texts as HTML without escaping them.
		if text := clean(e.Text); old.text == oneSpaced(text) || old.text == oneSpaced(string(scanHTML(text).text)) {
			old.taken = true
			return true
		}
	}
	return false
}

// sameSender compares names, or where two people talk, sides: it often calls the
// user by another name.
func sameSender(e *Entry, shown string, h *Heading) bool {
	if samePerson(e.Sender, shown) {
		return true
	}
	contact := func(s string) bool { return samePerson(h.Contact.Name, s) || samePerson(h.Contact.Phone, s) }
	return len(h.Others) == 0 && !contact(shown) && !contact(oneSpaced(e.Sender))
}

// count returns where the number of messages stands.
func (f *foreign) count() (from, to int, ok bool) {
	if f == nil {
		return 0, 0, false
	}
	return f.countFrom, f.countTo, f.countFrom < f.countTo
}

// slot is for the first entries, when none is left of those that stood.
func (f *foreign) slot(p *page, st style) slot {
	s := slot{at: p.safe, open: st.bullet, sep: st.newline, lead: st.newline}
	if p.html {
		s = slot{at: p.safe, lead: "<ul>", open: "<li>", end: "</li>", tail: "</ul>"}
	}
	if f.end < len(p.lines) {
		s.at = p.lines[f.end].from
		if !p.html {
			s.lead, s.tail = "", st.newline
		}
	}
	return s
}
