package note

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// content is what stands in an entry behind its sender. It can be cut at its
// positions: the bytes of the text and the files, in the order in which they
// stand.
type content struct {
	label      string // of a voicemail or fax
	text       string // cleaned
	files      []file
	filesFirst bool
}

type file struct {
	label string
	url   string // safe; empty is none
	ours  bool   // the label is a word of ours
	short bool   // shortened already
}

func (w *writer) content(e *Entry) content {
	c := content{text: cleanText(e.Text), files: w.files(e)}
	if e.Kind == VoiceMail || e.Kind == Fax {
		c.label, c.filesFirst = w.words.label(e), true
	}
	return c
}

// files are an entry's, each with a label. One without a name is called by its
// type, with a number if there are several; where the type says nothing, by what
// the kind of message has.
func (w *writer) files(e *Entry) []file {
	var all []file
	var of, nth [fileTypes]int
	for _, l := range e.Links {
		if typed(e, l) {
			of[fileTypeOf(l.Type)]++
		}
	}
	for i, l := range e.Links {
		f := file{label: oneLine(l.Label)}
		f.ours = f.label == ""
		f.url, _ = safeURL(l.URL) // checked by Entry.check
		switch t := fileTypeOf(l.Type); {
		case !f.ours:
		case typed(e, l):
			f.label = w.words.files[t]
			if nth[t]++; of[t] > 1 {
				f.label = filled(w.words.numbered, f.label, strconv.Itoa(nth[t]))
			}
		case len(e.Links) == 1:
			f.label = w.words.link[e.Kind.worded()]
		default:
			f.label = filled(w.words.linkN[e.Kind.worded()], strconv.Itoa(i+1))
		}
		all = append(all, f)
	}
	return all
}

// typed tells whether a link without a name is called by its type: that of a
// recording or document is called by what one can do with it.
func typed(e *Entry, l Link) bool {
	action := (e.Kind == VoiceMail || e.Kind == Fax) && l.URL != ""
	return oneLine(l.Label) == "" && l.Type != "" && !action
}

func (c *content) len() int { return len(c.text) + len(c.files) }

// textAt is the position at which the text begins.
func (c *content) textAt() int {
	if c.filesFirst {
		return len(c.files)
	}
	return 0
}

// split returns the text and files between two positions.
func (c *content) split(from, to int) (string, []file) {
	textAt, filesAt := c.textAt(), len(c.text)
	if c.filesFirst {
		filesAt = 0
	}
	text := c.text[clamp(from-textAt, len(c.text)):clamp(to-textAt, len(c.text))]
	return text, c.files[clamp(from-filesAt, len(c.files)):clamp(to-filesAt, len(c.files))]
}

func clamp(i, n int) int { return min(max(i, 0), n) }

// lines appends what is between two positions as it is written.
func (c *content) lines(lines []string, w *writer, from, to int) []string {
	text, files := c.split(from, to)
	var links []string
	for _, f := range files {
		label := w.line(f.label)
		if f.url != "" {
			label = w.link(label, w.words.colon, f.url)
		}
		links = append(links, label)
	}
	label := ""
	if from == 0 {
		label = c.label
	}
	begun := len(lines)
	if first := strings.TrimSpace(label + " " + strings.Join(links, ", ")); c.filesFirst && first != "" {
		lines = append(lines, first)
	}
	if text != "" {
		lines = w.textLines(lines, text)
	}
	if !c.filesFirst && len(links) > 0 {
		lines = append(lines, strings.Join(links, ", "))
	}
	if len(lines) == begun {
		lines = append(lines, w.words.noText)
	}
	return lines
}

// written is what is between two positions, in the lines of an entry.
func (w *writer) written(c *content, from, to int) string {
	lines := c.lines(make([]string, 0, 4), w, from, to)
	if len(lines) == 1 {
		return lines[0]
	}
	return string(w.join(nil, lines))
}

// maxWord is more bytes than a label takes that is a word of ours, in any language.
const maxWord = 40

// pieces returns where the pieces end in which a content fits into records: one
// if it is not too long. How it is cut depends on the text, the files, the
// format, the limit and how it is measured, and on nothing else: not on the
// language, which may be another one when the message goes on.
func (w *writer) pieces(c *content) ([]int, error) {
	end := c.len()
	if w.room.limit == 0 {
		return []int{end}, nil
	}
	fresh := *w
	fresh.style, fresh.words = freshStyle(w.format), &english
	measured := *c
	measured.label = ""
	measured.files = slices.Clone(c.files)
	for i, f := range c.files {
		if f.ours {
			measured.files[i].label = strings.Repeat("x", maxWord)
		}
	}
	size := func(from, to int) int {
		return w.room.size(fresh.written(&measured, from, to))
	}
	if end == 0 || size(0, end) <= w.room.content() { // "(no text)" cannot be cut
		return []int{end}, nil
	}
	var ends []int
	for from := 0; from < end; {
		to := c.boundary(from, longest(from, end, w.room.content(), size))
		if to > from && len(ends) < pieceEnd {
			ends = append(ends, to)
			from = to
			continue
		}
		for _, c := range []*content{c, &measured} {
			_, files := c.split(from, from+1)
			if len(files) == 0 || files[0].short {
				return nil, w.room.tooSmall()
			}
			// A link that fits into no record is called by its label alone.
			files[0] = file{label: fresh.shorten(files[0].label, w.room.content()), short: true}
		}
	}
	return ends, nil
}

// longest returns the last position up to which no more than room is taken from
// another one. Sizes grow about evenly, so it is looked for where a line through
// what is known meets the room, and in the middle whenever that does not help.
func longest(from, end, room int, size func(from, to int) int) int {
	good, bad := from, min(from+room, end)
	least, most := 0, size(from, bad)
	for most <= room {
		if bad == end {
			return end
		}
		good, least = bad, most
		bad = min(bad+bad-from, end)
		most = size(from, bad)
	}
	for halve := false; bad-good > 1; {
		between := bad - good
		to := good + between/2
		if !halve && most > least {
			to = min(max(good+between*(room-least)/(most-least), good+1), bad-1)
		}
		if n := size(from, to); n <= room {
			good, least = to, n
		} else {
			bad, most = to, n
		}
		halve = !halve && bad-good > between/2
	}
	return good
}

// lookBack is within how many bytes a better place to cut is looked for: the
// longest emoji in use have about 40.
const lookBack = 100

// boundary returns the last position up to to where a text can be cut: behind a
// space or else between two characters as people count them, if there is such a
// place close by, or else between code points.
func (c *content) boundary(from, to int) int {
	before := c.textAt()
	first, i := max(from-before, 0), to-before
	if i <= first || i >= len(c.text) {
		return to
	}
	for !utf8.RuneStart(c.text[i]) {
		i--
	}
	between := 0
	for k := i; k > first && k > i-lookBack; k-- {
		if !parts(c.text[first:], k-first) {
			continue
		}
		if c.text[k-1] == ' ' {
			return before + k
		}
		if between == 0 {
			between = k
		}
	}
	if between > 0 {
		i = between
	}
	return before + i
}

// parts tells whether byte i of a text begins a character as people count them
// (UAX #29, as far as it is needed for emoji, accents and Hangul). The text
// begins with one.
func parts(text string, i int) bool {
	if !utf8.RuneStart(text[i]) {
		return false
	}
	r, _ := utf8.DecodeRuneInString(text[i:])
	last, size := utf8.DecodeLastRuneInString(text[:i])
	const joiner = '\u200D'
	switch {
	case unicode.Is(unicode.M, r), r == joiner, last == joiner,
		r >= 0x1F3FB && r <= 0x1F3FF, // skin tones
		r >= 0xE0020 && r <= 0xE007F, // tags of flags
		r >= 0x1160 && r <= 0x11FF:   // vowels and finals of Hangul
		return false
	case !isFlag(r):
		return true
	}
	letters := 0 // of which two are a flag
	for ; isFlag(last); letters++ {
		i -= size
		last, size = utf8.DecodeLastRuneInString(text[:i])
	}
	return letters%2 == 0
}

// isFlag tells whether r is a regional indicator.
func isFlag(r rune) bool { return r >= 0x1F1E6 && r <= 0x1F1FF }
