package testcrm

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// maxDepth bounds how deep elements of a stored body may nest.
const maxDepth = 100

// Sanitize is the CRM's sanitizer. It keeps the elements a, b, blockquote, br,
// code, div, em, h1–h6, i, li, ol, p, pre, span, strong, u and ul; of the others
// it keeps the content, except for script and style, which go with theirs.
// Comments go, and so do all attributes but the href of a link, if that is http,
// https, mailto or tel; such a link gets rel="noopener noreferrer". What is left
// is written anew: <br/> as <br>, & as &amp;, &quot; as ", elements closed where
// they were left open. Elements that nest deeper than 100 go, their content
// stays. Sanitizing twice is the same as sanitizing once.
func Sanitize(s string) string {
	clean, _ := sanitize(s)
	return clean
}

// sanitize also returns how deep the elements nest.
func sanitize(s string) (string, int) {
	z := html.NewTokenizer(strings.NewReader(strings.ToValidUTF8(s, "\uFFFD")))
	var c cleaner
	c.out.Grow(len(s) + len(s)/8)
	dropping := "" // the element whose content goes
	for {
		kind := z.Next()
		switch {
		case kind == html.ErrorToken:
			c.closeDownTo(0)
			return c.out.String(), c.depth
		case dropping != "":
			if name, _ := z.TagName(); kind == html.EndTagToken && string(name) == dropping {
				dropping = ""
			}
		case kind == html.TextToken:
			writeText(&c.out, string(z.Text()))
		case kind == html.StartTagToken || kind == html.SelfClosingTagToken:
			name, _ := z.TagName()
			if n := string(name); n == "script" || n == "style" {
				dropping = n
				continue
			}
			c.start(elementOf(name), z)
		case kind == html.EndTagToken:
			name, _ := z.TagName()
			c.end(elementOf(name))
		}
	}
}

type element struct {
	name  string
	block bool
}

// elementOf returns the zero element for names that are not allowed.
func elementOf(name []byte) element {
	switch n := string(name); n {
	case "p", "div", "ul", "ol", "li", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre":
		return element{n, true}
	case "a", "b", "br", "code", "em", "i", "span", "strong", "u":
		return element{n, false}
	}
	return element{}
}

// cleaner writes balanced HTML. Reading its output with it again opens and
// closes the same elements in the same order, which is why it changes nothing.
type cleaner struct {
	out   strings.Builder
	open  []element
	depth int
}

func (c *cleaner) start(e element, z *html.Tokenizer) {
	switch {
	case e.name == "":
		return
	case e.name == "br":
		c.out.WriteString("<br>")
		return
	case e.name == "a":
		c.closeLast("a")
	case e.name == "li":
		c.closeLast("li", "ul", "ol", "blockquote")
	}
	if e.block {
		c.closeLast("p")
	}
	if len(c.open) == maxDepth {
		return
	}
	c.open = append(c.open, e)
	c.depth = max(c.depth, len(c.open))
	c.out.WriteString("<" + e.name)
	if e.name == "a" {
		if href := hrefOf(z); href != "" {
			c.out.WriteString(` href="` + attrEscaper.Replace(href) + `" rel="noopener noreferrer"`)
		}
	}
	c.out.WriteByte('>')
}

func (c *cleaner) end(e element) {
	if e.name != "" {
		c.closeLast(e.name)
	}
}

// closeLast closes the innermost open element of that name, and those within,
// unless one of the fences is met first.
func (c *cleaner) closeLast(name string, fences ...string) {
	for i := len(c.open) - 1; i >= 0; i-- {
		if c.open[i].name == name {
			c.closeDownTo(i)
			return
		}
		if slices.Contains(fences, c.open[i].name) {
			return
		}
	}
}

func (c *cleaner) closeDownTo(depth int) {
	for len(c.open) > depth {
		last := len(c.open) - 1
		c.out.WriteString("</" + c.open[last].name + ">")
		c.open = c.open[:last]
	}
}

// hrefOf returns the link's address, or "" when it has none that is allowed.
func hrefOf(z *html.Tokenizer) string {
	for {
		key, value, more := z.TagAttr()
		if string(key) == "href" {
			href := strings.Map(func(r rune) rune {
				if r < ' ' || r == 0x7f {
					return -1 // browsers read over these, also within a scheme
				}
				return r
			}, string(value))
			href = strings.TrimSpace(href)
			scheme, _, _ := strings.Cut(href, ":")
			switch strings.ToLower(scheme) {
			case "http", "https", "mailto", "tel":
				if len(scheme) < len(href) {
					return href
				}
			}
			return ""
		}
		if !more {
			return ""
		}
	}
}

// What a browser escapes when it writes HTML out.
var (
	textEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\u00a0", "&nbsp;", "\r\n", "\n", "\r", "\n")
	attrEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\u00a0", "&nbsp;", `"`, "&quot;")
)

func writeText(out *strings.Builder, s string) { _, _ = textEscaper.WriteString(out, s) }
