package note

import (
	"slices"
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
// Without an entry that ends the message the body is returned as it is. So it is
// if Options.Limit has no room for all that is to be added: a transcript is never
// cut.
//
// Errors match [ErrInvalid].
func Amend(body string, e Entry, o Options) (Amendment, error) {
	if err := o.check(); err != nil {
		return Amendment{}, err
	}
	if err := e.check("Entry"); err != nil {
		return Amendment{}, err
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
		for _, l := range w.textLines(cleanText(e.Text)) {
			add += w.br + w.indent + w.first(l)
		}
	}
	if e.Failed && !k.failed {
		now.failed = true
		add += " " + w.failed()
	}
	if now == k.state {
		return Amendment{Body: body, Found: true}, nil
	}
	amended := p.insert(append(p.recode(k, now), p.inFront(k, add)))
	if !w.room.has(amended) {
		return Amendment{Body: body, Found: true, LeftOut: true}, nil
	}
	return Amendment{Body: amended, Found: true, Changed: true}, nil
}

// transcribed tells whether a voicemail comes with its transcript.
func (e Entry) transcribed() bool { return e.Kind == VoiceMail && cleanText(e.Text) != "" }

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
	old, now := string(p.text[k.mark:k.to]), p.codec.entry(k.position, st)
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
