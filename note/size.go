package note

import (
	"strings"

	"golang.org/x/net/html"
)

// room is how a record's bytes are shared out.
type room struct {
	limit int // 0 is none
	size  func(string) int
}

// maxReserve is more than what an entry and the heading take besides the
// content, with names of any length: those are cut.
const maxReserve = 4000

func (o Options) room() room {
	size := o.Size
	if size == nil {
		size = func(body string) int { return len(body) }
	}
	return room{limit: o.Limit, size: size}
}

// reserve is for all but the content of an entry.
func (r room) reserve() int { return min(maxReserve, r.limit/2) }

// content is for that of an entry.
func (r room) content() int { return r.limit - r.reserve() }

func (r room) has(body string) bool { return r.limit == 0 || r.size(body) <= r.limit }

func (r room) tooSmall() error {
	return invalid("Options.Limit is %d, which leaves no room for a heading and the beginning of an entry", r.limit)
}

// fit returns a name as it is written, cut if that takes more than a part of
// the reserve.
func (w *writer) fit(name string, part int) string {
	written := w.line(name)
	if room := w.room.reserve() / part; w.room.limit > 0 && w.room.size(written) > room {
		return w.line(w.shorten(name, room))
	}
	return written
}

// shorten cuts a name if it takes more than its room.
func (w *writer) shorten(name string, room int) string {
	shorter := name
	for n := room; w.room.limit > 0 && n > 0 && w.room.size(w.line(shorter)) > room; n /= 2 {
		shorter = cut(name, n)
	}
	return shorter
}

// StoredHTMLSize returns how many bytes an HTML body takes at most when a CRM
// has stored it in its own way: & < > " ' and the no-break space as references
// (&quot;), br as <br />, and rel="noopener noreferrer" in every link, which
// Pipedrive was seen to add. It is for [Options].Size; a body that is read back
// from the CRM counts as much as before.
func StoredHTMLSize(body string) int {
	n := 0
	for {
		text, _, more := strings.Cut(body, "<")
		n += storedText(text)
		if !more {
			return n
		}
		body = body[len(text):]
		name, kind, size := simpleTag(body)
		switch kind {
		case html.ErrorToken:
			return n + storedTokens(body)
		case html.EndTagToken:
			n += size
		default:
			n += storedStart(name)
		}
		body = body[size:]
	}
}

// storedTokens is StoredHTMLSize of any body.
func storedTokens(body string) int {
	n := 0
	z := html.NewTokenizer(strings.NewReader(body))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return n + storedText(z.Raw())
		case html.TextToken:
			n += storedText(z.Raw())
		case html.StartTagToken, html.SelfClosingTagToken:
			n += storedTag(z)
		default:
			n += len(z.Raw())
		}
	}
}

// storedStart is for a start tag without attributes.
func storedStart(name string) int {
	switch name {
	case "br":
		return len("<br />")
	case "a":
		return len(`<a rel="noopener noreferrer">`)
	}
	return len("<>") + len(name)
}

func storedTag(z *html.Tokenizer) int {
	name, more := z.TagName()
	n := storedStart(string(name))
	for more {
		var key, value []byte
		if key, value, more = z.TagAttr(); string(key) != "rel" {
			n += len(` =""`) + len(key)
			for i := range value {
				n += storedByte(value, i)
			}
		}
	}
	return n
}

// storedText is for text with references in it.
func storedText[T string | []byte](s T) int {
	n := len(s)
	for i := 0; i < len(s); i++ {
		switch {
		case !mayGrow[s[i]]:
		case s[i] != '&':
			n += storedByte(s, i) - 1
		default:
			size, char := entity(s[i:])
			as := 0
			for k := range len(char) {
				as += storedByte(char, k)
			}
			n += max(size, as) - size
			i += size - 1
		}
	}
	return n
}

// mayGrow has the bytes that storedByte looks at, for nearly all others are passed.
var mayGrow = [256]bool{'"': true, '\'': true, '&': true, '<': true, '>': true, 0xA0: true}

// storedByte is how many bytes byte i of a text becomes.
func storedByte[T string | []byte](s T, i int) int {
	switch s[i] {
	case '"', '\'':
		return len("&quot;")
	case '&':
		return len("&amp;")
	case '<', '>':
		return len("&lt;")
	case 0xA0:
		if i > 0 && s[i-1] == 0xC2 { // with which it is the no-break space
			return len("&nbsp;") - 1
		}
	}
	return 1
}
