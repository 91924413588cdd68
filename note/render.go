package note

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// writer renders headings and entries.
type writer struct {
	style
	words *words
	codec codec
	loc   *time.Location
	day   string

	format Format
	room   room
}

// inline is one line of somebody's text.
func (w writer) inline(s string) string {
	return w.esc(isolate(w.codec.defuse(oneLine(s))))
}

// textLines are the lines of somebody's text, which is clean.
func (w writer) textLines(s string) []string {
	var lines []string
	for _, l := range strings.Split(s, "\n") {
		lines = append(lines, w.esc(isolate(w.codec.defuse(l))))
	}
	return lines
}

// join makes an entry of its lines.
func (w writer) join(lines []string) string {
	var b strings.Builder
	b.WriteString(lines[0])
	for _, l := range lines[1:] {
		b.WriteString(w.br + w.indent + w.first(l))
	}
	return b.String()
}

// heading ends with the count and the digest's code.
func (w writer) heading(h Heading, count int) string {
	who := w.fit(w.words.name(h.Contact), 8)
	if phone := oneLine(h.Contact.Phone); phone != "" && oneLine(h.Contact.Name) != "" {
		who += " (" + w.fit(phone, 16) + ")"
	}
	others := ""
	for _, other := range h.others() {
		others += w.words.list + w.inline(other)
	}
	if w.room.limit > 0 && w.room.size(others) > w.room.reserve()/8 {
		who = fmt.Sprintf(w.words.andOthers, who, len(h.others()))
	} else {
		who += others
	}
	title := fmt.Sprintf(w.words.title[h.Kind.worded()], who)
	if w.codec.part > 1 {
		title += " – " + fmt.Sprintf(w.words.part, w.codec.part)
	}
	date, _ := time.Parse(time.DateOnly, h.Day) // checked by Heading.check
	noon := time.Date(date.Year(), date.Month(), date.Day(), 12, 0, 0, 0, w.loc)
	return w.bold(title) +
		w.br + fmt.Sprintf(w.words.times, w.words.fullDate(date), w.zone(h.Zone, noon)) +
		w.br + fmt.Sprintf(w.words.count, count) + " " + mark + w.codec.heading(w.codec.part)
}

// zone is a zone's shown name and its offsets on a day.
func (w writer) zone(name string, day time.Time) string {
	all := offsets(day)
	shown := all[0]
	for _, o := range all[1:] {
		shown = fmt.Sprintf(w.words.then, shown, o)
	}
	switch name = w.fit(name, 16); {
	case shown == "UTC+00:00" && (name == "" || name == "UTC"):
		return "UTC"
	case name == "":
		return shown
	}
	return name + " (" + shown + ")"
}

// clock is an entry's time of day. The date is added if the entry is of another
// day, the offset if the clocks are changed on its day.
func (w writer) clock(at time.Time) string {
	at = at.In(w.loc)
	s := w.words.timeOfDay(at)
	if at.Format(time.DateOnly) != w.day {
		s = fmt.Sprintf(w.words.dateTime, w.words.shortDate(at), s)
	}
	if len(offsets(at)) > 1 {
		s += " " + offset(at)
	}
	return s
}

// entry is one piece of an entry's content, without what it is wrapped in; its
// code comes last.
func (w writer) entry(e Entry, c content, from, to int, p position, st state) string {
	s := w.first(w.clock(e.Time)) + " " + w.sender(e, p.piece) + w.join(c.lines(w, from, to))
	if !st.complete() {
		s += " …"
	}
	if st.failed {
		s += " " + w.failed()
	}
	return s + " " + mark + w.codec.entry(p, st)
}

func (w writer) failed() string { return w.bold(w.words.failed) }

// sender is who sent a message, with the colon behind. What has become of a
// conversation may have nobody who did it.
func (w writer) sender(e Entry, piece int) string {
	name := oneLine(e.Sender)
	switch {
	case name == "" && e.Kind == Event:
		return "– "
	case name == "":
		name = w.words.somebody
	}
	s := w.bold(w.fit(name, 8))
	if e.Kind == InternalNote {
		s = fmt.Sprintf(w.words.internal, s)
	}
	if piece > 0 {
		s = fmt.Sprintf(w.words.continued, s)
	}
	return s + w.words.colon
}

// label says what a message without words of its own is.
func (w *words) label(e Entry) string {
	switch {
	case e.Kind == VoiceMail && e.Length > 0:
		s := int(e.Length.Round(time.Second).Seconds())
		return fmt.Sprintf(w.voiceMailOf, s/60, s%60)
	case e.Kind == VoiceMail:
		return w.voiceMail
	case e.Pages == 1:
		return w.faxOf1
	case e.Pages > 1:
		return fmt.Sprintf(w.faxOf, e.Pages)
	}
	return w.fax
}

// name is what a person is called.
func (w *words) name(p Person) string {
	for _, s := range []string{oneLine(p.Name), oneLine(p.Phone)} {
		if s != "" {
			return s
		}
	}
	return w.somebody
}

const maxTitleName = 80

// subject is a record's one-line title in plain text.
func (w *words) subject(h Heading) string {
	who := isolate(cut(w.name(h.Contact), maxTitleName))
	switch others := h.others(); len(others) {
	case 0:
	case 1:
		who = fmt.Sprintf(w.and, who, isolate(cut(others[0], maxTitleName)))
	default:
		who = fmt.Sprintf(w.andOthers, who, len(others))
	}
	return fmt.Sprintf(w.title[h.Kind.worded()], who)
}

// others are the other correspondents who can be shown.
func (h Heading) others() []string {
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

func (h Heading) check() error {
	if !h.Kind.known() {
		return invalid("Heading.Kind is %d, want SMS, MMS, VoiceMail, Fax, Pager, InternalNote or Event", h.Kind)
	}
	if _, err := time.Parse(time.DateOnly, h.Day); err != nil {
		return invalid("Heading.Day (%d bytes) is not a date, want YYYY-MM-DD", len(h.Day))
	}
	return nil
}

// check names the entry in errors as the caller does.
func (e Entry) check(as string) error {
	if len(e.ID) < 1 || len(e.ID) > maxIDLen {
		return invalid("%s.ID has %d bytes, want 1 to %d", as, len(e.ID), maxIDLen)
	}
	if ms := e.Time.UnixMilli(); ms < 0 || uint64(ms) >= timeEnd {
		return invalid("%s.Time is in the year %d, want 1970 to 8888", as, e.Time.Year())
	}
	if !e.Kind.known() {
		return invalid("%s.Kind is %d, want SMS, MMS, VoiceMail, Fax, Pager, InternalNote or Event", as, e.Kind)
	}
	if e.Piece < 0 {
		return invalid("%s.Piece is %d, want 0 or more", as, e.Piece)
	}
	for j, l := range e.Links {
		if _, ok := safeURL(l.URL); l.URL != "" && !ok {
			return invalid("%s.Links[%d].URL (%d bytes) is not one to link to, want https://host/… without user and password, or nothing", as, j, len(l.URL))
		}
	}
	return nil
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
