package pipedrivetest

import (
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// allowedTags stay in a note, without attributes but the href of an a. Pipedrive
// has no official list: headings, lists, b, strong, br and a were seen to stay,
// the others are assumed to.
var allowedTags = map[string]bool{
	"h1": true, "h2": true, "h3": true, "h4": true, "h5": true, "h6": true,
	"p": true, "div": true, "br": true, "hr": true, "blockquote": true, "pre": true,
	"ul": true, "ol": true, "li": true,
	"b": true, "strong": true, "i": true, "em": true, "u": true, "s": true, "span": true, "code": true, "a": true,
	"table": true, "thead": true, "tbody": true, "tfoot": true, "tr": true, "th": true, "td": true,
}

// rawTextTags go with their content, which is not text for a reader.
var rawTextTags = map[string]bool{
	"iframe": true, "noembed": true, "noframes": true, "noscript": true, "plaintext": true,
	"script": true, "style": true, "textarea": true, "title": true, "xmp": true,
}

var (
	escapeText = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\u00a0", "&nbsp;", "\r\n", "\n", "\r", "\n")
	escapeHref = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")
)

// SanitizeNote is what Pipedrive stores of an HTML note, as far as that was
// observed: comments are dropped; of the attributes only an http, https, mailto
// or tel href stays, and rel="noopener noreferrer" joins it; script, style and
// iframe go with their content, other unknown tags without it; <br/> becomes
// <br>; text has &amp;, &lt;, &gt; and &nbsp; for these characters and no other
// entities; tags left open are closed. Sanitising twice changes nothing more.
func SanitizeNote(note string) string {
	var out strings.Builder
	var open []string         // the tags to close
	count := map[string]int{} // of them, by name
	skip := ""                // the raw-text tag whose content is being dropped
	closeTo := func(n int) {
		for len(open) > n {
			name := open[len(open)-1]
			open = open[:len(open)-1]
			count[name]--
			out.WriteString("</" + name + ">")
		}
	}
	tokens := html.NewTokenizer(strings.NewReader(note))
	for tokens.Next() != html.ErrorToken {
		token := tokens.Token()
		switch token.Type {
		case html.TextToken:
			if skip == "" {
				out.WriteString(escapeText.Replace(token.Data))
			}
		case html.StartTagToken, html.SelfClosingTagToken: // HTML ignores the slash
			if rawTextTags[token.Data] {
				skip = token.Data
			}
			if !allowedTags[token.Data] {
				continue
			}
			out.WriteString("<" + token.Data)
			if href := safeHref(token); href != "" {
				out.WriteString(` href="` + escapeHref.Replace(href) + `" rel="noopener noreferrer"`)
			}
			out.WriteByte('>')
			if token.Data != "br" && token.Data != "hr" {
				open = append(open, token.Data)
				count[token.Data]++
			}
		case html.EndTagToken:
			if token.Data == skip {
				skip = ""
			} else if count[token.Data] > 0 {
				n := len(open) - 1
				for open[n] != token.Data {
					n--
				}
				closeTo(n)
			}
		}
	}
	closeTo(0)
	return out.String()
}

// safeHref is the link of an a, or "" if there is none that may stay.
func safeHref(token html.Token) string {
	i := slices.IndexFunc(token.Attr, func(a html.Attribute) bool { return a.Key == "href" })
	if token.Data != "a" || i < 0 {
		return ""
	}
	href := strings.TrimSpace(token.Attr[i].Val)
	u, err := url.Parse(href)
	if err != nil || !slices.Contains([]string{"http", "https", "mailto", "tel"}, u.Scheme) {
		return ""
	}
	return href
}
