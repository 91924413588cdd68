package note

import (
	"html"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// Add adds entries to a body.
//
// An entry whose id stands already is not added again, whatever its time. A new
// one is put right behind the last entry that is not later than it (by time,
// then id), in the same kind of container: list item, paragraph or line. If all
// are later, it is put before the first; if none stands, under the heading; and
// if nothing is recognised, a new heading and the entries are put behind all
// that is there. Without anything new the body is returned as it is.
//
// The number right before the heading's code is set to how many messages then
// stand, so it is right again after somebody deleted one. If somebody deleted
// the number or put other words in its place, it is left alone. Every other
// byte of the body is kept.
//
// Of the new entries, oldest first, as many are added as fit into
// Options.Limit. Once one does not fit, it and all that are later are left, so
// that they stay in order over several records. A message that is too long for a
// record is added in pieces, each an entry of its own, and goes on behind those
// that stand: in this body, or in earlier records as Entry.Piece tells. Into a
// new body there is always room for a piece, else it is an error.
//
// A digest that RingCentral's own CRM extension began is continued in its list
// if no heading of ours stands: see the package's documentation.
//
// Adding twice is adding once, and what is added in several calls in any order
// makes the same body as in one, as long as nobody edits it in between and it
// all fits.
//
// Errors match [ErrInvalid]; then nothing is added at all.
func Add(body string, h Heading, entries []Entry, o Options) (Result, error) {
	day, err := check(&h, entries, o)
	if err != nil {
		return Result{}, err
	}
	p := readPage(body, o.Format, newCodec(o.Key, o.Part))
	p.findForeign(day, o.location())
	w := p.writer(o)
	w.day = day

	r := Result{Body: body}
	stands := p.stands()
	given := map[string]bool{}
	fresh := make([]*Entry, 0, len(entries))
	for i := range entries {
		e := &entries[i]
		if given[e.ID] || stands[e.ID].done || p.begun.has(e, &h, w.loc) {
			r.Present = append(r.Present, e.ID)
		} else {
			fresh = append(fresh, e)
		}
		given[e.ID] = true
	}
	items, err := w.items(fresh, stands)
	if err != nil {
		return Result{}, err
	}
	fit := len(items)
	if r.Body = p.with(items, &w, &h); !w.room.has(r.Body) {
		fit = sort.Search(fit, func(n int) bool { return !w.room.has(p.with(items[:n+1], &w, &h)) })
		r.Body = p.with(items[:fit], &w, &h)
	}
	if fit == 0 && len(items) > 0 && strings.TrimSpace(body) == "" {
		return Result{}, w.room.tooSmall()
	}
	left := map[string]bool{}
	for _, it := range items[fit:] {
		if !left[it.ID] {
			r.Left = append(r.Left, Left{ID: it.ID, NextPiece: it.piece})
		}
		left[it.ID] = true
	}
	for _, e := range fresh {
		if !left[e.ID] {
			r.Added = append(r.Added, e.ID)
		}
	}
	return r, nil
}

// item is an entry to be put in, or a piece of one.
type item struct {
	position
	text string
	new  bool // nothing of its message stands, and this is the first of it
}

// items are the entries' in order, those pieces left out that stand.
func (w *writer) items(entries []*Entry, stands map[string]standing) ([]item, error) {
	entries = slices.Clone(entries)
	slices.SortFunc(entries, func(a, b *Entry) int { return a.identity().compare(b.identity()) })
	items := make([]item, 0, len(entries))
	for _, e := range entries {
		c := w.content(e)
		ends, err := w.pieces(&c)
		if err != nil {
			return nil, err
		}
		s, begun := stands[e.ID]
		from, first := 0, min(max(s.next, e.Piece), len(ends)-1)
		for piece, to := range ends {
			if piece >= first {
				st := state{cut: len(ends) > 1, last: len(ends) > 1 && piece+1 == len(ends)}
				if st.complete() {
					st.failed, st.transcript = e.Failed, e.transcribed()
				}
				p := position{e.identity(), piece}
				items = append(items, item{p, w.entry(e, &c, from, to, p, st), !begun && piece == first})
			}
			from = to
		}
	}
	return items, nil
}

// standing is what stands of a message.
type standing struct {
	next int  // the first piece that does not
	done bool // its end does
}

// stands returns what stands, by id.
func (p *page) stands() map[string]standing {
	all := make(map[string]standing, len(p.codes))
	for _, k := range p.codes {
		if k.part > 0 || k.foreign {
			continue
		}
		s := all[k.ID]
		all[k.ID] = standing{next: max(s.next, k.piece+1), done: s.done || k.complete()}
	}
	return all
}

// with returns the body with items put in, and the count set.
func (p *page) with(items []item, w *writer, h *Heading) string {
	if len(items) == 0 {
		return p.body
	}
	count := p.messages()
	for _, it := range items {
		if it.new {
			count++
		}
	}
	standing := p.entries()
	if p.heading() < 0 && len(standing) == 0 && p.begun == nil {
		s := p.newBlock(w, w.heading(h, count))
		return p.body[:s.at] + s.put(items).text + p.body[s.at:]
	}
	edits := p.place(w.style, items, standing)
	if from, to, ok := p.count(); ok {
		edits = append(edits, edit{from: from, to: to, text: strconv.Itoa(count)})
	}
	return p.insert(edits)
}

// check returns the heading's day.
func check(h *Heading, entries []Entry, o Options) (time.Time, error) {
	if err := o.check(); err != nil {
		return time.Time{}, err
	}
	day, err := h.check()
	if err != nil {
		return day, err
	}
	for i := range entries {
		if problem := entries[i].problem(); problem != "" {
			return day, invalid("entries[%d]%s", i, problem)
		}
	}
	return day, nil
}

// writer goes on with the page in its style: the format's, or what has become
// of it in the CRM. What HTML has become is still sent as HTML, so it is escaped.
func (p *page) writer(o Options) writer {
	w := writer{words: wordsFor(o.Locale), codec: p.codec, loc: o.location(), format: o.Format, room: o.room()}
	switch {
	case p.html, o.Format == HTML && len(p.codes) == 0 && p.begun == nil:
		w.style = htmlStyle
	case o.Format == HTML:
		w.style = plainStyle(p.newline(), html.EscapeString)
	case o.Format == Markdown:
		w.style = markdownStyle(p.newline())
	default:
		w.style = plainStyle(p.newline(), same)
	}
	return w
}

// newline ends the lines of a page that is no HTML.
func (p *page) newline() string {
	if strings.Contains(p.body, "\r\n") {
		return "\r\n"
	}
	return "\n"
}

// edit replaces a part of the body.
type edit struct {
	from, to int
	text     string
}

func (p *page) insert(edits []edit) string {
	slices.SortStableFunc(edits, func(a, b edit) int { return a.from - b.from })
	parts := make([]string, 0, 8)
	done := 0
	for _, e := range edits {
		parts = append(parts, p.body[done:e.from], e.text)
		done = e.to
	}
	return strings.Join(append(parts, p.body[done:]), "")
}
