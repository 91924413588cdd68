package testcrm

import (
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/net/html"
)

// Rewriter is a way in which some CRM changes the bodies that it stores, for
// ServerConfig.Rewrite.
type Rewriter struct {
	Name    string // the function's
	Rewrite func(html string) string
	// KeepsText says that all visible text stays, but for its white space: then an
	// adapter that uses package note finds its messages again. Where it does not, a
	// digest gets a new block with each update.
	KeepsText bool
}

// Rewriters lists [Sanitize] and the others of this package.
func Rewriters() []Rewriter {
	return []Rewriter{
		{"Sanitize", Sanitize, true},
		{"DropAttributes", DropAttributes, true},
		{"ReencodeEntities", ReencodeEntities, true},
		{"SelfClosingBreaks", SelfClosingBreaks, true},
		{"BreaksToParagraphs", BreaksToParagraphs, true},
		{"BreaksToNewlines", BreaksToNewlines, true},
		{"WrapInDiv", WrapInDiv, true},
		{"CollapseSpace", CollapseSpace, true},
		{"PlainText", PlainText, true},
		{"OneLine", OneLine, true},
		{"ASCIIOnly", ASCIIOnly, false},
	}
}

// DropAttributes sanitizes and drops what attributes are left: a link keeps its
// text and loses its address.
func DropAttributes(s string) string {
	return rewrite(s, func(out *strings.Builder, t html.Token) {
		t.Attr = nil
		writeToken(out, t)
	})
}

// ReencodeEntities sanitizes and writes quotes as &quot; and &#39; and all that
// is not ASCII as decimal references.
func ReencodeEntities(s string) string {
	quoted := rewrite(s, func(out *strings.Builder, t html.Token) {
		if t.Type == html.TextToken {
			_, _ = quoteEscaper.WriteString(out, t.Data)
			return
		}
		writeToken(out, t)
	})
	var out strings.Builder
	for _, r := range quoted {
		if r > unicode.MaxASCII {
			fmt.Fprintf(&out, "&#%d;", r)
		} else {
			out.WriteRune(r)
		}
	}
	return out.String()
}

var quoteEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;")

// SelfClosingBreaks sanitizes and writes each <br> as <br />, as XML has it.
func SelfClosingBreaks(s string) string {
	return rewrite(s, func(out *strings.Builder, t html.Token) {
		if t.Data == "br" && t.Type == html.StartTagToken {
			out.WriteString("<br />")
			return
		}
		writeToken(out, t)
	})
}

// BreaksToNewlines sanitizes and writes each <br> as a line feed.
func BreaksToNewlines(s string) string {
	return rewrite(s, func(out *strings.Builder, t html.Token) {
		if t.Data == "br" && t.Type == html.StartTagToken {
			out.WriteByte('\n')
			return
		}
		writeToken(out, t)
	})
}

// WrapInDiv sanitizes and puts the whole into a <div>, unless it is one already.
func WrapInDiv(s string) string {
	clean, depth := sanitize(s)
	if depth == maxDepth || isOneDiv(clean) {
		return clean
	}
	return "<div>" + clean + "</div>"
}

func isOneDiv(clean string) bool {
	if !strings.HasPrefix(clean, "<div>") {
		return false
	}
	z := html.NewTokenizer(strings.NewReader(clean))
	for depth := 0; ; {
		switch z.Next() {
		case html.StartTagToken:
			if name, _ := z.TagName(); string(name) != "br" {
				depth++
			}
		case html.EndTagToken:
			if depth--; depth == 0 {
				return z.Next() == html.ErrorToken
			}
		case html.ErrorToken:
			return false
		}
	}
}

// CollapseSpace sanitizes and writes each run of white space, line feeds and
// no-break spaces included, as one space.
func CollapseSpace(s string) string {
	return rewrite(s, func(out *strings.Builder, t html.Token) {
		if t.Type == html.TextToken {
			text := strings.Join(strings.Fields(t.Data), " ")
			if strings.TrimLeftFunc(t.Data, unicode.IsSpace) != t.Data {
				text = " " + text
			}
			if strings.TrimRightFunc(t.Data, unicode.IsSpace) != t.Data && text != " " {
				text += " "
			}
			t.Data = text
		}
		writeToken(out, t)
	})
}

// PlainText sanitizes and strips all tags. Breaks and the ends of blocks become
// line feeds; the text stays escaped (&lt; for <), as a field that shows HTML
// needs it.
func PlainText(s string) string {
	text := rewrite(s, func(out *strings.Builder, t html.Token) {
		switch {
		case t.Type == html.TextToken:
			writeToken(out, t)
		case t.Data == "br":
			out.WriteByte('\n')
		case elementOf([]byte(t.Data)).block && out.Len() > 0 && !strings.HasSuffix(out.String(), "\n"):
			out.WriteByte('\n')
		}
	})
	return strings.Trim(text, "\n")
}

// OneLine strips all tags as [PlainText] does, and writes each run of white space,
// line feeds included, as one space.
func OneLine(s string) string { return strings.Join(strings.Fields(PlainText(s)), " ") }

// ASCIIOnly sanitizes and writes a question mark for all that is not ASCII, as
// CRMs with an old database do.
func ASCIIOnly(s string) string {
	return strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII {
			return '?'
		}
		return r
	}, Sanitize(s))
}

// BreaksToParagraphs sanitizes and makes each line between <br>s a paragraph, as
// rich text editors do; empty lines go. Breaks within inline elements, headings
// and <pre> stay.
func BreaksToParagraphs(s string) string {
	open := false // a <p>
	inline := 0   // elements open in it
	fixed := 0    // h1–h6 and pre around it
	end := func(out *strings.Builder) {
		if open {
			out.WriteString("</p>")
		}
		open, inline = false, 0
	}
	text := rewrite(s, func(out *strings.Builder, t html.Token) {
		step := 1
		if t.Type == html.EndTagToken {
			step = -1
		}
		switch {
		case t.Type == html.TextToken:
			if !open && fixed == 0 && strings.TrimSpace(t.Data) != "" {
				out.WriteString("<p>")
				open = true
			}
		case elementOf([]byte(t.Data)).block:
			end(out)
			if t.Data == "p" && fixed == 0 {
				return
			}
			if t.Data[0] == 'h' || t.Data == "pre" {
				fixed += step
			}
		case fixed > 0:
		case t.Data == "br":
			if inline == 0 {
				end(out)
				return
			}
		case !open && step < 0:
			return // a block inside of the element has ended it
		default:
			if !open {
				out.WriteString("<p>")
				open = true
			}
			inline = max(0, inline+step)
		}
		writeToken(out, t)
	})
	return Sanitize(text) // closes in order what end left open
}

// rewrite has f write each token of the sanitized s.
func rewrite(s string, f func(*strings.Builder, html.Token)) string {
	z := html.NewTokenizer(strings.NewReader(Sanitize(s)))
	var out strings.Builder
	for z.Next() != html.ErrorToken {
		f(&out, z.Token())
	}
	return out.String()
}

func writeToken(out *strings.Builder, t html.Token) {
	switch t.Type {
	case html.TextToken:
		writeText(out, t.Data)
	case html.EndTagToken:
		out.WriteString("</" + t.Data + ">")
	default:
		out.WriteString("<" + t.Data)
		for _, a := range t.Attr {
			out.WriteString(" " + a.Key + `="` + attrEscaper.Replace(a.Val) + `"`)
		}
		out.WriteByte('>')
	}
}
