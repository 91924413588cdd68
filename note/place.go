package note

import (
	"cmp"
	"sort"
	"strings"
	"unicode"
)

// slot is a place for entries and what is written around them.
type slot struct {
	at        int
	lead      string
	open, end string // of each
	sep       string
	tail      string
}

func (s *slot) put(items []item) edit {
	parts := append(make([]string, 0, 8), s.lead)
	for i, it := range items {
		if i > 0 {
			parts = append(parts, s.sep)
		}
		parts = append(parts, s.open, it.text, s.end)
	}
	return edit{from: s.at, to: s.at, text: strings.Join(append(parts, s.tail), "")}
}

// place puts new items, which are in order, between the entries that stand.
func (p *page) place(st style, items []item, standing []int) []edit {
	if len(standing) == 0 && p.heading() < 0 {
		s := p.begun.slot(p, st)
		return []edit{s.put(items)}
	}
	if len(standing) == 0 {
		s := p.underHeading(st)
		return []edit{s.put(items)}
	}
	// earliest[i] is the earliest of standing[i:], so it never falls, and the last
	// one that is not later than an item is found by bisection.
	earliest := make([]position, len(standing))
	for i := len(standing) - 1; i >= 0; i-- {
		earliest[i] = p.codes[standing[i]].position
		if i+1 < len(standing) && earliest[i+1].compare(earliest[i]) < 0 {
			earliest[i] = earliest[i+1]
		}
	}
	follows := func(it item) int {
		return sort.Search(len(earliest), func(i int) bool { return earliest[i].compare(it.position) > 0 }) - 1
	}
	var edits []edit
	for len(items) > 0 {
		i, n := follows(items[0]), 1
		for n < len(items) && follows(items[n]) == i {
			n++
		}
		s := slot{}
		if i < 0 {
			s = p.before(standing[0], st)
		} else {
			s = p.after(standing[i], st)
		}
		edits = append(edits, s.put(items[:n]))
		items = items[n:]
	}
	return edits
}

// container is the block that is an entry's own: the list item, else the
// paragraph or div, in which no other code stands. -1 is none: then it is a line.
func (p *page) container(i int) int {
	own := -1
	for b := p.lines[p.codes[i].line].block; b >= 0; b = p.blocks[b].parent {
		if i > 0 && p.codes[i-1].end > p.blocks[b].from || i+1 < len(p.codes) && p.codes[i+1].end <= p.blocks[b].to {
			break
		}
		switch p.blocks[b].tag {
		case "li":
			return b
		case "p", "div":
			if own < 0 {
				own = b
			}
		}
	}
	return own
}

// inBlocks is a slot for blocks like b.
func (p *page) inBlocks(b, at int) slot {
	tag := p.blocks[b].tag
	return slot{at: at, open: "<" + tag + ">", end: "</" + tag + ">"}
}

// after is the slot behind entry i.
func (p *page) after(i int, st style) slot {
	if b := p.container(i); b >= 0 {
		return p.inBlocks(b, p.blocks[b].to)
	}
	s := slot{lead: st.newline, open: p.bullet(i, st), sep: st.newline}
	l := p.codes[i].line
	if p.sameLine(i, i+1) {
		s.at, s.tail = p.codes[i].end, st.newline
		return s
	}
	// What somebody wrote under an entry, indented as its text is, belongs to it.
	for l+1 < len(p.lines) && !p.html && p.indented(l+1) && (i+1 == len(p.codes) || p.codes[i+1].line > l+1) {
		l++
	}
	s.at = p.lines[l].to
	return s
}

// before is the slot in front of entry i, the first.
func (p *page) before(i int, st style) slot {
	b := p.container(i)
	if b >= 0 && p.blocks[b].tag == "li" {
		return p.inBlocks(b, p.blocks[b].from)
	}
	if p.sameLine(i-1, i) {
		return slot{at: p.codes[i-1].end, lead: st.newline, open: p.bullet(i, st), sep: st.newline, tail: st.newline}
	}
	l := p.firstLine(i, b)
	if b >= 0 {
		if first := p.lines[l].block; first != p.lines[p.codes[i].line].block {
			b = first
		}
		return p.inBlocks(b, p.blocks[b].from)
	}
	return slot{at: p.lines[l].from, open: p.bullet(i, st), sep: st.newline, tail: st.newline}
}

// bullet is what entry i has in front of it.
func (p *page) bullet(i int, st style) string {
	if p.codes[i].foreign {
		return st.bullet
	}
	return cmp.Or(p.bulletOf(p.firstLine(i, -1)), st.bullet)
}

// bulletOf is the bullet of line l, if it has one.
func (p *page) bulletOf(l int) string {
	s := p.body[p.lines[l].from:]
	if p.html {
		s = strings.TrimLeftFunc(s, unicode.IsSpace)
	}
	for _, b := range []string{"- ", "* ", "• "} {
		if strings.HasPrefix(s, b) {
			return b
		}
	}
	return ""
}

// firstLine is where entry i begins, as far as one can tell, for its text may
// have several lines: at the time behind another code, or else in text at the
// bullet; else at a blank line or another block. Sooner too far up than in the
// middle of a text.
func (p *page) firstLine(i, container int) int {
	if p.codes[i].foreign {
		return p.codes[i].first
	}
	l, low := p.codes[i].line, -1
	if i > 0 {
		low = p.codes[i-1].line
	}
	goesOn := func(l int) bool { // from the line above
		a, b := p.lines[l-1].block, p.lines[l].block
		return a == b || container >= 0 && a >= 0 && p.blocks[a].tag == p.blocks[container].tag && p.blocks[a].parent == p.blocks[container].parent
	}
	bullet, clock := -1, -1
	for k := l; k > low && (k == l || goesOn(k+1)); k-- {
		b := p.bulletOf(k)
		if b != "" && bullet < 0 {
			bullet = k
		}
		s := p.visible(k)
		if p.html {
			s = strings.TrimLeftFunc(s, unicode.IsSpace)
		}
		if clockFirst.MatchString(strings.TrimPrefix(s, b)) {
			clock = k
		}
	}
	switch {
	case i > 0 && clock >= 0:
		return clock
	case !p.html && bullet >= 0:
		return bullet
	}
	for l-1 > low && !p.blank(l-1) && goesOn(l) {
		l--
	}
	return l
}

// underHeading is the slot for the first entries under a heading.
func (p *page) underHeading(st style) slot {
	i := p.heading()
	l := p.codes[i].line
	if !p.html {
		s := slot{at: p.lines[l].to, lead: st.newline + st.newline, open: st.bullet, sep: st.newline}
		if l+1 < len(p.lines) && !p.blank(l+1) {
			s.tail = st.newline
		}
		return s
	}
	s := slot{at: p.lines[l].to, lead: "<ul>", open: "<li>", end: "</li>", tail: "</ul>"}
	if b := p.container(i); b >= 0 && p.blocks[b].tag == "li" {
		return p.inBlocks(b, p.blocks[b].to)
	} else if b >= 0 {
		s.at = p.blocks[b].to
	}
	return s
}

// newBlock is the slot for a heading with its entries, behind all that is there.
func (p *page) newBlock(w *writer, heading string) slot {
	s := slot{at: p.safe, open: w.bullet, sep: w.newline}
	blank := strings.TrimSpace(p.body[:p.safe]) == "" || len(p.lines) == 0
	if w.format == HTML {
		s = slot{at: p.safe, lead: heading + "<ul>", open: "<li>", end: "</li>", tail: "</ul>"}
		if !blank && (!p.html || p.lines[len(p.lines)-1].to == p.safe) {
			s.lead = "<br><br>" + s.lead
		}
		return s
	}
	s.lead = heading + w.newline + w.newline
	switch {
	case blank, strings.HasSuffix(p.body, w.newline+w.newline):
	case strings.HasSuffix(p.body, w.newline):
		s.lead = w.newline + s.lead
	default:
		s.lead = w.newline + w.newline + s.lead
	}
	return s
}

func (p *page) sameLine(i, j int) bool {
	return i >= 0 && j < len(p.codes) && p.codes[i].line == p.codes[j].line
}

// blank tells whether a line is empty; in text, one of nothing but an indent is
// part of an entry.
func (p *page) blank(l int) bool {
	if p.html {
		return strings.TrimSpace(p.visible(l)) == ""
	}
	return strings.Trim(p.visible(l), "\r\n") == ""
}

func (p *page) indented(l int) bool {
	s := p.visible(l)
	return strings.TrimSpace(s) != "" && (strings.HasPrefix(s, "  ") || strings.HasPrefix(s, "\t"))
}
