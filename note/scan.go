package note

import (
	"bytes"
	"strings"

	"golang.org/x/net/html"
)

// scanHTML reads HTML, of which no more is understood than where lines and
// blocks begin and end.
func scanHTML(body string) *page {
	s := scanner{page: &page{body: body}, top: -1}
	s.start(0)
	if body != "" {
		s.open = map[string]int{}
		// What is in a digest takes about as much.
		s.text, s.spans = make([]byte, 0, len(body)), make([]span, 0, len(body)/32)
		s.lines, s.blocks = make([]line, 0, len(body)/128), make([]block, 0, len(body)/128)
		s.tokens(s.simple())
	}
	if s.broken {
		s.hide(body[s.safe:])
	} else {
		// In HTML that was turned into text, a "<" that somebody sent hides nothing.
		s.add(body[s.safe:], s.safe, len(body), false)
	}
	// What is put in behind "</" would become a comment.
	s.safe = len(strings.TrimSuffix(body[:s.safe], "</"))
	s.finish()
	return s.page
}

// scanUntagged reads text that was HTML, where only "\n" ends a line and what looks
// like a comment or script hides nothing.
func scanUntagged(body string) *page {
	s := scanner{page: &page{body: body}, untagged: true}
	s.tokens(0)
	s.add(body[s.safe:], s.safe, len(body), false)
	s.splitLines()
	return s.page
}

// simple reads text and simple tags, and returns where it met something else.
func (s *scanner) simple() int {
	pos := 0
	for rest := s.body; rest != ""; rest = s.body[pos:] {
		n := strings.IndexByte(rest, '<')
		if n < 0 {
			n = len(rest)
		}
		if n > 0 {
			s.visible(rest[:n], pos)
		} else {
			name, kind, size := simpleTag(rest)
			switch n = size; kind {
			case html.ErrorToken:
				return pos
			case html.EndTagToken:
				s.endTag(name, pos, pos+n)
			default:
				s.startTag(name, pos, pos+n, kind == html.SelfClosingTagToken)
			}
		}
		pos += n
		s.safe = pos
	}
	return pos
}

// simpleTag returns the name, the kind and the size of the tag that s begins with,
// if it has a name in lower case and no attributes. Such are those that we write,
// but for links, and a tokenizer costs more than all the rest of an addition.
func simpleTag(s string) (name string, kind html.TokenType, size int) {
	from, kind := len("<"), html.StartTagToken
	if strings.HasPrefix(s, "</") {
		from, kind = len("</"), html.EndTagToken
	}
	to := from
	for to < len(s) && 'a' <= s[to] && s[to] <= 'z' {
		to++
	}
	name, end := s[from:to], to
	if rest := s[to:]; kind == html.StartTagToken && (strings.HasPrefix(rest, "/>") || strings.HasPrefix(rest, " />")) {
		kind, end = html.SelfClosingTagToken, strings.IndexByte(s, '>')
	}
	if name == "" || end == len(s) || s[end] != '>' || isRaw(name) {
		return "", html.ErrorToken, 0
	}
	return name, kind, end + len(">")
}

// tokens reads what begins at a place.
func (s *scanner) tokens(pos int) {
	body := s.body
	if pos == len(body) {
		return
	}
	z := html.NewTokenizer(strings.NewReader(body[pos:]))
	raw := "" // the open element whose content is no markup
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		from, to := pos, pos+len(z.Raw())
		pos = to
		switch kind {
		case html.TextToken:
			if raw != "" && !s.untagged {
				s.hide(body[from:to])
				continue
			}
			s.visible(body[from:to], from)
		case html.CommentToken, html.DoctypeToken:
			end := ">"
			if strings.HasPrefix(body[from:to], "<!--") {
				end = "-->"
			}
			if !strings.HasSuffix(body[from:to], end) { // not closed
				continue
			}
			if s.untagged {
				s.visible(body[from:to], from)
			} else {
				s.hide(body[from:to])
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, _ := z.TagName()
			if isRaw(string(name)) {
				raw = string(name)
				continue
			}
			s.startTag(string(name), from, to, kind == html.SelfClosingTagToken)
		case html.EndTagToken:
			name, _ := z.TagName()
			raw = ""
			s.endTag(string(name), from, to)
		}
		s.safe = to
	}
}

// isRaw tells whether the content of an element is no markup.
func isRaw(name string) bool {
	switch name {
	case "iframe", "noembed", "noframes", "noscript", "plaintext", "script", "style", "textarea", "title", "xmp":
		return true
	}
	return false
}

// isBlock tells whether an element stands on lines of its own.
func isBlock(name string) bool {
	switch name {
	case "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "div", "dl", "dt",
		"fieldset", "figure", "figcaption", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "head", "header", "hr",
		"html", "li", "main", "nav", "ol", "p", "pre", "section", "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul":
		return true
	}
	return false
}

type scanner struct {
	*page
	line   line           // being read
	item   bool           // a list item has begun
	top    int            // the innermost open block, or -1
	open   map[string]int // how many blocks of a name are open
	broken bool           // a tag has ended a line

	untagged bool // no tag ends one, and no markup hides text
}

// hide takes note of what is not visible.
func (s *scanner) hide(raw string) { s.hides = s.hides || strings.Contains(raw, mark) }

// visible adds the text of a token.
func (s *scanner) visible(raw string, from int) {
	for raw != "" {
		n := strings.IndexByte(raw, '&')
		whole := n == 0
		char := ""
		if whole {
			n, char = entity(raw)
		} else {
			if n < 0 {
				n = len(raw)
			}
			char = raw[:n]
		}
		s.add(char, from, from+n, whole)
		raw, from = raw[n:], from+n
	}
}

// entity returns the length of the character reference at the beginning of s
// and what it stands for; an ampersand that begins none stands for itself.
func entity[T string | []byte](s T) (int, string) {
	const longest = 40
	n := 1
	for n < min(len(s), longest) && (isAlnum(s[n]) || s[n] == '#') {
		n++
	}
	if n < len(s) && s[n] == ';' {
		reference := string(s[:n+1])
		if char := html.UnescapeString(reference); char != reference {
			return n + 1, char
		}
	}
	return 1, "&"
}

func (s *scanner) startTag(name string, from, to int, selfClosing bool) {
	if s.untagged {
		return
	}
	if name == "br" {
		s.endLine(from, to, true)
		return
	}
	if !isBlock(name) {
		return
	}
	s.endLine(from, to, false)
	if s.topIs("p") {
		s.pop(from)
	}
	if name == "li" && s.topIs("li") {
		s.pop(from)
	}
	s.item = s.item || name == "li"
	if name == "hr" || selfClosing {
		return
	}
	s.blocks = append(s.blocks, block{tag: name, parent: s.top, from: from})
	s.top = len(s.blocks) - 1
	s.open[name]++
	s.start(to)
}

func (s *scanner) endTag(name string, from, to int) {
	if s.untagged || !isBlock(name) {
		return
	}
	s.endLine(from, to, false)
	if s.open[name] == 0 {
		return
	}
	for !s.topIs(name) {
		s.pop(from)
	}
	s.pop(to)
	s.start(to)
}

func (s *scanner) topIs(name string) bool {
	return s.top >= 0 && s.blocks[s.top].tag == name
}

// pop ends the innermost block.
func (s *scanner) pop(to int) {
	b := &s.blocks[s.top]
	b.to = to
	s.open[b.tag]--
	s.top = b.parent
}

// start begins a line.
func (s *scanner) start(from int) {
	s.line = line{text: len(s.text), from: from, block: s.top}
}

// endLine ends a line at a tag. One with nothing in it is kept if br ends it.
func (s *scanner) endLine(from, next int, br bool) {
	s.broken = true
	if content := bytes.TrimFunc(s.text[s.line.text:], isHTMLSpace); br || len(content) > 0 {
		s.line.to, s.line.item = from, s.item
		s.item = false
		s.lines = append(s.lines, s.line)
		s.add("\n", from, from, true)
	}
	s.start(next)
}

func (s *scanner) finish() {
	if s.html = s.broken; !s.html {
		s.splitLines()
		return
	}
	s.endLine(s.safe, s.safe, false)
	for s.top >= 0 {
		s.pop(s.safe)
	}
}
