package note

import (
	"bytes"
	"regexp"
	"slices"
	"sort"
	"strings"
	"unicode"
)

// page is a stored body as it is seen: its visible text in lines, with the way
// back from there to the bytes of the body.
type page struct {
	body   string
	html   bool   // lines end at tags; else at "\n"
	text   []byte // inline tags left out, entities decoded, "\n" between lines
	spans  []span
	lines  []line
	blocks []block // in the order in which they begin
	safe   int     // what is put in behind it might be swallowed by an unclosed comment or tag
	hides  bool    // what may be a code stands where HTML shows nothing
	codec  codec
	codes  []code
	parts  []int    // whose headings stand
	begun  *foreign // a digest that RingCentral's extension began
}

// span maps a part of the text to the body: byte for byte, or as a whole.
type span struct {
	text, from, to int // begins at text in the text, at from in the body
	whole          bool
}

type line struct {
	text, from, to int  // begins at text in the text; from and to in the body
	block          int  // the innermost around it, or -1
	item           bool // the first of a list item
}

// block is an element that stands on lines of its own.
type block struct {
	tag      string
	parent   int
	from, to int // in the body, with its tags
}

// readPage reads a body as the format says, unless the CRM has evidently turned
// text into HTML, or HTML into text in which what somebody sent hides entries.
// (Else HTML that was turned into text is read as HTML without tags.)
func readPage(body string, f Format, c codec) *page {
	if f == HTML {
		p := scanHTML(body).find(c)
		if p.hides {
			if t := scanUntagged(body).find(c); t.sees(p.codes) && !p.sees(t.codes) && !t.tagged() {
				return t
			}
		}
		return p
	}
	p := scanText(body, f == Markdown).find(c)
	if p.tagged() {
		if h := scanHTML(body).find(c); h.html && h.sees(p.codes) {
			return h
		}
	}
	return p
}

// scanText reads plain text, or Markdown, where emphasis is left out.
func scanText(body string, markdown bool) *page {
	p := &page{body: body, safe: len(body)}
	for i := 0; i < len(body); {
		n := len(body) - i
		if markdown {
			if n = strings.IndexAny(body[i:], "\\*_`~"); n < 0 {
				n = len(body) - i
			} else if n == 0 {
				if body[i] != '\\' {
					i++
					continue
				}
				n = min(2, len(body)-i)
			}
		}
		p.add(body[i:i+n], i, i+n, false)
		i += n
	}
	p.splitLines()
	return p
}

// add appends visible text that stands at from to to in the body.
func (p *page) add(s string, from, to int, whole bool) {
	if s == "" {
		return
	}
	p.spans = append(p.spans, span{text: len(p.text), from: from, to: to, whole: whole})
	p.text = append(p.text, s...)
}

// splitLines makes lines of the text where no tag has done so.
func (p *page) splitLines() {
	p.lines = make([]line, 0, bytes.Count(p.text, []byte("\n"))+1)
	l := line{block: -1}
	for {
		n := bytes.IndexByte(p.text[l.text:], '\n')
		if n < 0 {
			break
		}
		i := l.text + n
		l.to, _ = p.at(i)
		if i > l.text && p.text[i-1] == '\r' {
			l.to, _ = p.at(i - 1)
		}
		p.lines = append(p.lines, l)
		_, next := p.at(i)
		l = line{text: i + 1, from: next, block: -1}
	}
	l.to = len(p.body)
	p.lines = append(p.lines, l)
}

// at returns where byte i of the text stands in the body.
func (p *page) at(i int) (from, to int) {
	s := p.spans[sort.Search(len(p.spans), func(k int) bool { return p.spans[k].text > i })-1]
	if s.whole {
		return s.from, s.to
	}
	return s.from + i - s.text, s.from + i - s.text + 1
}

// find recognises codes. The heading of another part is none of ours.
func (p *page) find(c codec) *page {
	p.codec = c
	p.codes = c.find(p.text)
	l := 0
	for i := range p.codes {
		k := &p.codes[i]
		if k.part > 0 {
			p.parts = append(p.parts, k.part)
		}
		for l+1 < len(p.lines) && p.lines[l+1].text <= k.from {
			l++
		}
		k.line = l
		_, k.end = p.at(k.to - 1)
	}
	p.codes = slices.DeleteFunc(p.codes, func(k code) bool { return k.part > 0 && k.part != c.part })
	return p
}

// sees tells whether the page has all of some codes.
func (p *page) sees(codes []code) bool {
	has := map[what]bool{}
	for _, k := range p.codes {
		has[k.what()] = true
	}
	return !slices.ContainsFunc(codes, func(k code) bool { return !has[k.what()] })
}

// heading returns the index of the heading's code, or -1.
func (p *page) heading() int {
	return slices.IndexFunc(p.codes, func(k code) bool { return k.part > 0 })
}

// entries returns the indexes of the entries' codes, each once.
func (p *page) entries() []int {
	var all []int
	for i, k := range p.codes {
		if k.part == 0 && !k.again {
			all = append(all, i)
		}
	}
	return all
}

var lineEndTag = regexp.MustCompile(`^([ \t]|</(a|b|em|i|span|strong|u)>)*<(br|/?(div|li|p))\b`)

// tagged tells whether text has become HTML, or is HTML still: a tag follows right
// after a code, where we write a line end.
func (p *page) tagged() bool {
	return strings.Contains(p.body, "<") && slices.ContainsFunc(p.codes, func(k code) bool { return lineEndTag.MatchString(p.body[k.end:]) })
}

// messages is how many messages stand, whole or in part.
func (p *page) messages() int {
	n := 0
	seen := map[string]bool{}
	for _, k := range p.codes {
		if k.foreign || k.part == 0 && !seen[k.ID] {
			n++
		}
		seen[k.ID] = true
	}
	return n
}

// count returns where the number of messages stands: right before the heading's
// code, if it is still there.
func (p *page) count() (from, to int, ok bool) {
	i := p.heading()
	if i < 0 {
		return p.begun.count()
	}
	k := p.codes[i]
	before := strings.TrimRightFunc(string(p.text[p.lines[k.line].text:k.from]), unicode.IsSpace)
	n := len(before) - len(strings.TrimRight(before, "0123456789"))
	rest := before[:len(before)-n]
	if n == 0 || n > 9 || rest != "" && strings.ContainsAny(rest[len(rest)-1:], ".,-/") {
		return 0, 0, false
	}
	return p.number(p.lines[k.line].text+len(rest), n)
}

// number returns where n digits of the text stand, if nothing is between them.
func (p *page) number(at, n int) (from, to int, ok bool) {
	from, _ = p.at(at)
	_, to = p.at(at + n - 1)
	return from, to, to-from == n
}

// String returns the visible text, with white space as a browser shows it.
func (p *page) String() string {
	var b strings.Builder
	for i, l := range p.lines {
		if i > 0 {
			b.WriteByte('\n')
		}
		switch {
		case l.item:
			b.WriteString("- ")
		case p.item(i) >= 0:
			b.WriteString("    ") // so that no line of a text looks like an entry
		}
		b.WriteString(strings.Join(strings.FieldsFunc(p.visible(i), isHTMLSpace), " "))
	}
	return b.String()
}

// item returns the list item that line i is in, or -1.
func (p *page) item(i int) int {
	b := p.lines[i].block
	for b >= 0 && p.blocks[b].tag != "li" {
		b = p.blocks[b].parent
	}
	return b
}

// visible returns the text of line i.
func (p *page) visible(i int) string {
	end := len(p.text)
	if i+1 < len(p.lines) {
		end = p.lines[i+1].text
	}
	return string(p.text[p.lines[i].text:end])
}

func isHTMLSpace(r rune) bool {
	return r == ' ' || r == '\t' || r == '\n' || r == '\f' || r == '\r'
}
