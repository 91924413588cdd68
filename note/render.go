package note

import (
	"cmp"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// writer renders headings and entries.
type writer struct {
	style
	words *words
	codec codec
	loc   *time.Location
	day   time.Time // in UTC

	format Format
	room   room
}

// line is one line of somebody's text, which is clean.
func (w *writer) line(s string) string { return w.esc(isolate(w.codec.defuse(s))) }

// textLines appends the lines of somebody's text, which is clean.
func (w *writer) textLines(lines []string, s string) []string {
	for l := range strings.SplitSeq(s, "\n") {
		lines = append(lines, w.line(l))
	}
	return lines
}

// join appends the lines of an entry.
func (w *writer) join(b []byte, lines []string) []byte {
	for i, l := range lines {
		if i > 0 {
			b = append(append(b, w.br...), w.indent...)
			l = w.first(l)
		}
		b = append(b, l...)
	}
	return b
}

// heading ends with the count and the digest's code.
func (w *writer) heading(h *Heading, count int) string {
	who := w.fit(w.words.name(h.Contact), 8)
	if phone := oneLine(h.Contact.Phone); phone != "" && oneLine(h.Contact.Name) != "" {
		who += " (" + w.fit(phone, 16) + ")"
	}
	others := ""
	for _, other := range h.others() {
		others += w.words.list + w.line(other)
	}
	if w.room.limit > 0 && w.room.size(others) > w.room.reserve()/8 {
		who = filled(w.words.andOthers, who, strconv.Itoa(len(h.others())))
	} else {
		who += others
	}
	year, month, day := w.day.Date()
	noon := time.Date(year, month, day, 12, 0, 0, 0, w.loc)

	b := append(make([]byte, 0, 512), w.strong[0]...)
	b = fill(b, w.words.title[h.Kind.worded()], who)
	if w.codec.part > 1 {
		b = fill(append(b, " – "...), w.words.part, strconv.Itoa(w.codec.part))
	}
	b = append(append(b, w.strong[1]...), w.br...)
	b = fill(b, w.words.times, w.words.fullDate(w.day), w.zone(h.Zone, noon))
	b = fill(append(b, w.br...), w.words.count, strconv.Itoa(count))
	return string(w.codec.heading(append(b, " "+mark...), w.codec.part))
}

// zone is a zone's shown name and its offsets on a day.
func (w *writer) zone(name string, day time.Time) string {
	all := offsets(make([]string, 0, 2), day)
	shown := all[0]
	for _, o := range all[1:] {
		shown = filled(w.words.then, shown, o)
	}
	switch name = w.fit(oneLine(name), 16); {
	case shown == "UTC+00:00" && (name == "" || name == "UTC"):
		return "UTC"
	case name == "":
		return shown
	}
	return name + " (" + shown + ")"
}

// clock is an entry's time of day. The date is added if the entry is of another
// day, the offset if the clocks are changed on its day.
func (w *writer) clock(at time.Time) string {
	at = at.In(w.loc)
	s := w.words.timeOfDay(at)
	if !sameDay(at, w.day) {
		s = filled(w.words.dateTime, w.words.shortDate(at), s)
	}
	if changesNear(at) && len(offsets(nil, at)) > 1 {
		s += " " + offset(at)
	}
	return s
}

// entry is one piece of an entry's content, without what it is wrapped in; its
// code comes last.
func (w *writer) entry(e *Entry, c *content, from, to int, p position, st state) string {
	b := append(make([]byte, 0, 512), w.first(w.clock(e.Time))...)
	b = w.sender(append(b, ' '), e, p.piece)
	b = append(b, w.written(c, from, to)...)
	if !st.complete() {
		b = append(b, " …"...)
	}
	if st.failed {
		b = append(append(b, ' '), w.failed()...)
	}
	return string(w.codec.entry(append(b, " "+mark...), p, st))
}

func (w *writer) failed() string { return w.bold(w.words.failed) }

// sender appends who sent a message, with the colon behind. What has become of a
// conversation may have nobody who did it.
func (w *writer) sender(b []byte, e *Entry, piece int) []byte {
	name := oneLine(e.Sender)
	switch {
	case name == "" && e.Kind == Event:
		return append(b, "– "...)
	case name == "":
		name = w.words.somebody
	}
	s := w.bold(w.fit(name, 8))
	if e.Kind == InternalNote {
		s = filled(w.words.internal, s)
	}
	if piece > 0 {
		s = filled(w.words.continued, s)
	}
	return append(append(b, s...), w.words.colon...)
}

// label says what a message without words of its own is.
func (w *words) label(e *Entry) string {
	switch {
	case e.Kind == VoiceMail && e.Length > 0:
		s := int(e.Length.Round(time.Second).Seconds())
		return filled(w.voiceMailOf, strconv.Itoa(s/60), strconv.Itoa(s%60))
	case e.Kind == VoiceMail:
		return w.voiceMail
	case e.Pages == 1:
		return w.faxOf1
	case e.Pages > 1:
		return filled(w.faxOf, strconv.Itoa(e.Pages))
	}
	return w.fax
}

// name is what a person is called.
func (w *words) name(p Person) string {
	if name := oneLine(p.Name); name != "" {
		return name
	}
	return cmp.Or(oneLine(p.Phone), w.somebody)
}

const maxTitleName = 80

// subject is a record's one-line title in plain text.
func (w *words) subject(h Heading) string {
	who := isolate(cut(w.name(h.Contact), maxTitleName))
	switch others := h.others(); len(others) {
	case 0:
	case 1:
		who = filled(w.and, who, isolate(cut(others[0], maxTitleName)))
	default:
		who = filled(w.andOthers, who, strconv.Itoa(len(others)))
	}
	return filled(w.title[h.Kind.worded()], who)
}

// others are the other correspondents who can be shown.
func (h *Heading) others() []string {
	var all []string
	for _, other := range h.Others {
		if other = oneLine(other); other != "" {
			all = append(all, other)
		}
	}
	return all
}

func (k Kind) known() bool { return k >= 0 && int(k) < kinds }

// worded is the kind whose words are used.
func (k Kind) worded() Kind {
	if !k.known() || k == InternalNote || k == Event {
		return SMS
	}
	return k
}

// check returns the day.
func (h *Heading) check() (time.Time, error) {
	if !h.Kind.known() {
		return time.Time{}, invalid("Heading.Kind is %d, want SMS, MMS, VoiceMail, Fax, Pager, InternalNote or Event", h.Kind)
	}
	day, err := time.Parse(time.DateOnly, h.Day)
	if err != nil {
		return day, invalid("Heading.Day (%d bytes) is not a date, want YYYY-MM-DD", len(h.Day))
	}
	return day, nil
}

// problem is what is wrong with an entry, to be put behind its name in an error;
// empty is nothing.
func (e *Entry) problem() string {
	if len(e.ID) < 1 || len(e.ID) > maxIDLen {
		return fmt.Sprintf(".ID has %d bytes, want 1 to %d", len(e.ID), maxIDLen)
	}
	if ms := e.Time.UnixMilli(); ms < 0 || uint64(ms) >= timeEnd {
		return fmt.Sprintf(".Time is in the year %d, want 1970 to 8888", e.Time.Year())
	}
	if !e.Kind.known() {
		return fmt.Sprintf(".Kind is %d, want SMS, MMS, VoiceMail, Fax, Pager, InternalNote or Event", e.Kind)
	}
	if e.Piece < 0 {
		return fmt.Sprintf(".Piece is %d, want 0 or more", e.Piece)
	}
	for j, l := range e.Links {
		if _, ok := safeURL(l.URL); l.URL != "" && !ok {
			return fmt.Sprintf(".Links[%d].URL (%d bytes) is not one to link to, want https://host/… without user and password, or nothing", j, len(l.URL))
		}
	}
	return ""
}

// safeURL returns an https URL in nothing but the characters of RFC 3986; a
// link's target is what people click on, so anything else is refused.
func safeURL(s string) (string, bool) {
	u, err := url.Parse(s)
	if err != nil || !strings.EqualFold(u.Scheme, "https") || u.Host == "" || u.User != nil {
		return "", false
	}
	var b strings.Builder
	for i := range len(s) {
		if isAlnum(s[i]) || strings.IndexByte("-._~:/?#[]@!$&()*+,;=%", s[i]) >= 0 {
			b.WriteByte(s[i])
		} else {
			fmt.Fprintf(&b, "%%%02X", s[i])
		}
	}
	return b.String(), true
}
