package note

import (
	"cmp"
	"html"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Amendment is what [Amend] did.
type Amendment struct {
	Body    string // the body to store; the one given, byte for byte, if nothing changed
	Found   bool   // the message stands in the body to its end
	Changed bool
	LeftOut bool // there was something to add that Options.Limit has no room for
}

// Amend makes the entry of a message say what has become known since it was
// added: that the message could not be delivered (Entry.Failed), or a voicemail's
// transcript (Entry.Text). It is put in front of the entry's code, as [Add] would
// have written it, unless the code tells that it stands already, whatever people
// did to the words. Nothing else is changed, and nothing is taken away: not the
// words when Failed is false again, not another transcript.
//
// The text of an internal note can be changed where it was written. The new one
// is put in front of the code too, behind "(edited)", unless it is what the entry
// says last. What stood before stays, since it may be a person's by now. A note in
// pieces is left as it is.
//
// Without an entry that ends the message the body is returned as it is. So it is
// if Options.Limit has no room for all that is to be added: a transcript or note
// is never cut.
//
// Errors match [ErrInvalid].
func Amend(body string, e Entry, o Options) (Amendment, error) {
	if err := o.check(); err != nil {
		return Amendment{}, err
	}
	if problem := e.problem(); problem != "" {
		return Amendment{}, invalid("Entry%s", problem)
	}
	p := readPage(body, o.Format, newCodec(o.Key, o.Part))
	i := slices.IndexFunc(p.codes, func(k code) bool { return k.part == 0 && k.ID == e.ID && k.complete() })
	if i < 0 {
		return Amendment{Body: body}, nil
	}
	k, w := p.codes[i], p.writer(o)
	now, add := k.state, ""
	if e.transcribed() && !k.transcript {
		now.transcript = true
		for _, l := range w.textLines(nil, cleanText(e.Text)) {
			add += w.br + w.indent + w.first(l)
		}
	}
	if e.Kind == InternalNote && !k.cut && cleanText(e.Text) != "" && !p.says(i, e) {
		lines := w.textLines(nil, cleanText(e.Text))
		lines[0] = w.bold(w.words.edited) + " " + lines[0]
		for _, l := range lines {
			add += w.br + w.indent + w.first(l)
		}
	}
	if e.Failed && !k.failed {
		now.failed = true
		add += " " + w.failed()
	}
	if add == "" {
		return Amendment{Body: body, Found: true}, nil
	}
	amended := p.insert(append(p.recode(k, now), p.inFront(k, add)))
	if !w.room.has(amended) {
		return Amendment{Body: body, Found: true, LeftOut: true}, nil
	}
	return Amendment{Body: amended, Found: true, Changed: true}, nil
}

// says tells whether a note's text is what the entry of code i says last, in
// whichever language and whatever became of its white space.
func (p *page) says(i int, e Entry) bool {
	from := 0
	if i > 0 {
		from = p.codes[i-1].to
	}
	seen, ok := strings.CutSuffix(p.bare(string(p.text[from:p.codes[i].from])), p.bare(cleanText(e.Text)))
	if !ok {
		return false
	}
	for _, w := range languages {
		sender := cmp.Or(oneLine(e.Sender), w.somebody)
		for _, lead := range []string{filled(w.internal, sender) + w.colon, w.edited} {
			if strings.HasSuffix(seen, p.bare(lead)) {
				return true
			}
		}
	}
	return false
}

// bare leaves out what is put into a text when it is written, or read over.
func (p *page) bare(s string) string {
	if !p.html { // Markdown's indents are references
		s = html.UnescapeString(s)
	}
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r), r >= '\u2066' && r <= '\u2069', r == '\u2060', !p.html && strings.ContainsRune("\\*_`~", r):
			return -1
		}
		return r
	}, s)
}

// transcribed tells whether a voicemail comes with its transcript.
func (e *Entry) transcribed() bool { return e.Kind == VoiceMail && cleanText(e.Text) != "" }

// inFront puts something in front of a code and the space before it.
func (p *page) inFront(k code, s string) edit {
	before := p.text[p.lines[k.line].text:k.from]
	at := k.from
	if r, size := utf8.DecodeLastRune(before); unicode.IsSpace(r) {
		at -= size
	} else {
		s += " "
	}
	from, _ := p.at(at)
	return edit{from: from, to: from, text: s}
}

// recode changes as many of a code's digits as it takes, each where it stands,
// for there may be tags between them.
func (p *page) recode(k code, st state) []edit {
	old, now := string(p.text[k.mark:k.to]), string(p.codec.entry(nil, k.position, st))
	var edits []edit
	if more := len(now) - len(old); more > 0 {
		from, _ := p.at(k.mark)
		edits = append(edits, edit{from: from, to: from, text: now[:more]})
		now = now[more:]
	}
	for i := range len(old) {
		if old[i] != now[i] {
			from, to := p.at(k.mark + i)
			edits = append(edits, edit{from: from, to: to, text: now[i : i+1]})
		}
	}
	return edits
}
