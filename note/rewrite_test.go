package note_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/crmlog/crmlog/note"
	"github.com/crmlog/crmlog/testcrm"
)

// rewriters do to HTML bodies what CRMs do, or might. testcrm's are among them.
var rewriters = withTestCRMs(map[string]func(string) string{
	"as Pipedrive does":     likePipedrive,
	"self-closing":          func(s string) string { return strings.ReplaceAll(s, "<br>", "<br />") },
	"upper case":            func(s string) string { return regexp.MustCompile(`</?[a-z]+`).ReplaceAllStringFunc(s, strings.ToUpper) },
	"named entities":        strings.NewReplacer("·", "&middot;", ": ", ":&nbsp;", "&#39;", "&apos;").Replace,
	"numeric entities":      strings.NewReplacer("·", "&#183;", "U", "&#85;").Replace,
	"pretty printed":        strings.NewReplacer("<ul>", "\n<ul>\n", "<li>", "  <li>\n    ", "</li>", "\n  </li>\n", "<br>", "<br>\n").Replace,
	"in a div":              func(s string) string { return "<div>" + s + "</div>" },
	"in divs and body":      func(s string) string { return "<html><body><div><div>" + s + "</div></div></body></html>" },
	"paragraph per item":    strings.NewReplacer("<li>", "<li><p>", "</li>", "</p></li>").Replace,
	"heading in paragraphs": func(s string) string { return headingIn(s, "p") },
	"heading in divs":       func(s string) string { return headingIn(s, "div") },
	"all in paragraphs":     func(s string) string { return "<p>" + strings.TrimSuffix(listTo(s, "</p><p>"), "<p>") },
	"all in divs": func(s string) string {
		return "<div>" + strings.TrimSuffix(strings.NewReplacer("<br>", "</div><div>").Replace(listTo(s, "</div><div>")), "<div>")
	},
	"br to paragraphs": func(s string) string {
		return "<p>" + strings.TrimSuffix(strings.NewReplacer("<br>", "</p><p>").Replace(listTo(s, "</p><p>")), "<p>")
	},
	"list to lines":          func(s string) string { return listTo(s, "<br>") },
	"list to lines in a div": func(s string) string { return "<div>" + strings.TrimSuffix(listTo(s, "<br>"), "<br>") + "</div>" },
	"list to blank lines":    func(s string) string { return listTo(s, "<br><br>") },
	"ordered list":           strings.NewReplacer("ul>", "ol>").Replace,
	"no end tags":            strings.NewReplacer("</li>", "").Replace,
	"no tags but br":         func(s string) string { return noTags(listTo(s, "<br>"), "br") },
	"plain text": func(s string) string {
		return html.UnescapeString(noTags(strings.ReplaceAll(listTo(s, "\n"), "<br>", "\n")))
	},
	"plain text with bullets": func(s string) string {
		return html.UnescapeString(noTags(strings.NewReplacer("<br>", "\n", "<ul>", "\n", "<li>", "- ", "</li>", "\n").Replace(s)))
	},
	"one line":          func(s string) string { return noTags(listTo(strings.ReplaceAll(s, "<br>", " "), " ")) },
	"everything bold":   func(s string) string { return "<b>" + s + "</b>" },
	"spans and classes": strings.NewReplacer("<b>", `<strong class="x">`, "</b>", "</strong>", " ·", ` <span style="color:red">·</span>`).Replace,
	"codes in links": func(s string) string {
		return regexp.MustCompile(`(·\w{4})(\w{5})`).ReplaceAllString(s, `$1<a href="tel:1">$2</a>`)
	},
})

func withTestCRMs(all map[string]func(string) string) map[string]func(string) string {
	for _, r := range testcrm.Rewriters() {
		if r.KeepsText {
			all["testcrm's "+r.Name] = r.Rewrite
		}
	}
	return all
}

func headingIn(s, tag string) string {
	head, list, _ := strings.Cut(s, "<ul>")
	return "<" + tag + ">" + strings.ReplaceAll(head, "<br>", "</"+tag+"><"+tag+">") + "</" + tag + "><ul>" + list
}

// listTo puts something in place of the ends of list items, and of the list's
// beginning.
func listTo(s, end string) string {
	return strings.NewReplacer("<ul>", end, "<li>", "", "</li>", end, "</ul>", "").Replace(s)
}

func noTags(s string, but ...string) string {
	return regexp.MustCompile(`</?[a-z]+[^>]*>`).ReplaceAllStringFunc(s, func(tag string) string {
		for _, b := range but {
			if strings.HasPrefix(tag, "<"+b) {
				return tag
			}
		}
		return ""
	})
}

// likePipedrive keeps some elements and of attributes only href, adds rel, drops
// comments and writes entities its own way.
func likePipedrive(body string) string {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(body))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return b.String()
		case html.TextToken:
			b.WriteString(strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\u00a0", "&nbsp;").Replace(string(z.Text())))
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			b.WriteString("<" + t.Data)
			for _, a := range t.Attr {
				if a.Key == "href" {
					b.WriteString(` href="` + html.EscapeString(a.Val) + `" rel="noopener noreferrer"`)
				}
			}
			b.WriteString(">")
		case html.EndTagToken:
			b.WriteString(z.Token().String())
		}
	}
}

func TestADigestGoesOnWhateverTheCRMMadeOfIt(t *testing.T) {
	t.Parallel()
	for name, rewrite := range rewriters {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			goesOn(t, options(note.HTML), rewrite, rewrite)
		})
	}
}

func TestTextThatBecameHTMLGoesOn(t *testing.T) {
	t.Parallel()
	escape := func(s string) string { return html.EscapeString(s) }
	for name, rewrite := range map[string]func(string) string{
		"lines":       func(s string) string { return strings.ReplaceAll(escape(s), "\n", "<br>") },
		"lines twice": func(s string) string { return strings.ReplaceAll(escape(s), "\n", "<br />\n") },
		"paragraphs":  func(s string) string { return "<p>" + strings.ReplaceAll(escape(s), "\n", "</p><p>") + "</p>" },
		"divs":        func(s string) string { return "<div>" + strings.ReplaceAll(escape(s), "\n", "</div><div>") + "</div>" },
		"entities": func(s string) string {
			return strings.ReplaceAll(strings.ReplaceAll(escape(s), "·", "&middot;"), "\n", "<br>")
		},
		"without change": func(s string) string { return s },
		"CRLF":           func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
		"trimmed":        func(s string) string { return regexp.MustCompile(`(?m)^ +| +$`).ReplaceAllString(s, "") },
	} {
		for format, f := range map[string]note.Format{"markdown": note.Markdown, "plain": note.Plain} {
			t.Run(format+" "+name, func(t *testing.T) {
				t.Parallel()
				goesOn(t, options(f), rewrite, func(s string) string { return s })
			})
		}
	}
}

// goesOn adds to a rewritten digest, and once more when that is rewritten again.
func goesOn(t *testing.T, o note.Options, rewrite, again func(string) string) {
	m := func(n int) note.Entry { return sms(n, "text "+string(rune('0'+n))+"\nmore "+string(rune('0'+n))) }
	all := func(ns ...int) (parts, want []string) {
		for _, n := range ns {
			parts = append(parts, "text "+string(rune('0'+n)), "more "+string(rune('0'+n)))
			want = append(want, m(n).ID)
		}
		return parts, want
	}
	m2, m4 := m(2), m(4)
	m2.Sender = `Ann "A" O'Lee & <Co>`
	m4.Kind, m4.Links = note.MMS, []note.Link{{Label: "dog.jpg", URL: "https://media.example.com/1?a=b&c=d"}}
	body := rewrite(compose(t, o, m2, m4))
	require.Equal(t, []string{m2.ID, m4.ID}, ids(body, o))
	require.True(t, note.Read(body, o).Heading)

	r := add(t, body, o, m(5), m(1), m(3), m2)
	require.Equal(t, []string{m2.ID}, r.Present)
	parts, want := all(1, 2, 3, 4, 5)
	require.Equal(t, want, ids(r.Body, o), r.Body)
	require.True(t, isSubsequence(digitsOff(body), digitsOff(r.Body)))
	require.Equal(t, r.Body, add(t, r.Body, o, m(1), m(3), m(5)).Body)
	text := strings.ReplaceAll(note.Text(r.Body, note.HTML), "\u00a0", " ")
	inOrder(t, text, parts...)
	inOrder(t, text, "SMS with", "Messages: 5 ·", "text 1")
	require.NotRegexp(t, `·\w+[^\n]*·`, text, "each entry in lines of its own")

	body = again(r.Body)
	parts, want = all(0, 1, 2, 3, 4, 5, 6)
	r = add(t, body, o, m(0), m(6))
	require.Equal(t, want, ids(r.Body, o), r.Body)
	inOrder(t, note.Text(r.Body, note.HTML), parts...)
}

func TestAnEarlierEntryGoesInFrontOfABlankLinesEntry(t *testing.T) {
	t.Parallel()
	check := func(t *testing.T, f note.Format, rewrite func(string) string) {
		later := sms(3, "one\n\n- two\n \n\nthree")
		r := add(t, rewrite(compose(t, options(f), later)), options(f), sms(1, "above"))
		text := strings.ReplaceAll(note.Text(r.Body, note.HTML), "\u00a0", " ")
		inOrder(t, text, "Messages: 2", "above", "5:27", "one", "two", "three")
	}
	for name, rewrite := range rewriters {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, note.HTML, rewrite)
		})
	}
	for format, f := range map[string]note.Format{"markdown": note.Markdown, "plain": note.Plain} {
		t.Run(format+" that became HTML", func(t *testing.T) {
			t.Parallel()
			check(t, f, func(s string) string { return strings.ReplaceAll(s, "\n", "<br>") })
			check(t, f, func(s string) string { return "<div>" + strings.ReplaceAll(s, "\n", "</div><div>") + "</div>" })
			check(t, f, func(s string) string { return "<p>" + strings.ReplaceAll(s, "\n", "</p><p>") + "</p>" })
			check(t, f, func(s string) string { return "<div>" + strings.ReplaceAll(s, "\n", "<br>") + "</div>" })
		})
	}
}

// A CRM that makes plain text of HTML lets a text look like markup.
func TestATextHidesNoEntryInPlainText(t *testing.T) {
	t.Parallel()
	o := options(note.HTML)
	for _, name := range []string{"plain text", "plain text with bullets"} {
		for open, end := range map[string]string{"</": ">", "<!--": "-->", "<!": ">", "<?": ">", "<a href=\"": "", "<script>": "</script>", "<textarea>": "</textarea>", "<plaintext>": ""} {
			t.Run(name+" "+open, func(t *testing.T) {
				t.Parallel()
				rewrite := rewriters[name]
				day := []note.Entry{sms(0, "first"), sms(2, "<div>\nhi\n"+open), sms(4, "last"), sms(6, end)}
				require.Equal(t, idsOf(day...), ids(rewrite(compose(t, o, day...)), o))
				day = day[:3]
				body := rewrite(compose(t, o, day...))
				require.Equal(t, idsOf(day...), ids(body, o))
				require.Equal(t, note.Result{Body: body, Present: idsOf(day...)}, add(t, body, o, day...))

				more := []note.Entry{sms(1, "second"), sms(3, "third"), sms(5, end+open)}
				body = add(t, body, o, more...).Body
				inOrder(t, body, "Messages: 6 ", "first", "second", "hi", "third", "last", html.EscapeString(end))
				body = rewrite(body)
				require.Equal(t, idsOf(sms(0, ""), sms(1, ""), sms(2, ""), sms(3, ""), sms(4, ""), sms(5, "")), ids(body, o))

				amended := amend(t, body, o, note.Entry{ID: day[2].ID, Time: day[2].Time, Text: "last", Failed: true})
				require.True(t, amended.Changed)
				require.Equal(t, ids(body, o), ids(amended.Body, o))
			})
		}
	}
}

func TestWhatAPersonPutIntoAComment(t *testing.T) {
	t.Parallel()
	o := options(note.HTML)
	first, second := sms(0, "first"), sms(1, "second")
	body := compose(t, o, first)
	require.Equal(t, idsOf(first), add(t, "<p>a</p><!--"+body, o, first).Added, "is hidden with its tags")
	require.Equal(t, idsOf(first), ids(add(t, "<p>a</p><!-- ·", o, first).Body, o), "is no place for what is new")

	plain := codeAfter(t, compose(t, o, second), "second ")
	code := codeAfter(t, body, "first ")
	commented := strings.Replace(body, code+"</li></ul>", code[:6]+"<!-- "+plain+"\n-->"+code[6:], 1)
	require.Equal(t, idsOf(first), ids(commented, o), "hides no more than itself")
}

func TestALongTextGoesOnWhateverTheCRMMadeOfIt(t *testing.T) {
	t.Parallel()
	var words []string
	for i := range 1000 {
		words = append(words, fmt.Sprintf("w%04d", i))
	}
	long := strings.Join(words, " ")
	for name, rewrite := range rewriters {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(note.HTML)
			o.Limit, o.Size = 4000, note.StoredHTMLSize
			batch := []note.Entry{sms(0, "first"), sms(1, long), sms(2, "last")}
			parts := []string{""}
			for calls := 0; len(batch) > 0; calls++ {
				require.Less(t, calls, 20)
				o.Part = len(parts)
				last := &parts[len(parts)-1]
				r := add(t, *last, o, batch...)
				require.True(t, r.Body == *last || note.StoredHTMLSize(r.Body) <= o.Limit)
				*last = rewrite(r.Body)
				again := add(t, *last, o, batch...)
				require.Subset(t, again.Present, append(r.Added, r.Present...), "what stood stands")
				// The service crashed, and knows no more which piece comes next.
				if len(r.Left) > 0 && r.Left[0].ID == sms(1, "").ID {
					crashed := add(t, *last, o, sms(1, long))
					if len(crashed.Left) > 0 {
						require.GreaterOrEqual(t, crashed.Left[0].NextPiece, r.Left[0].NextPiece)
					}
				}
				var left []note.Entry
				for _, l := range r.Left {
					e := batch[slices.IndexFunc(batch, func(e note.Entry) bool { return e.ID == l.ID })]
					e.Piece = l.NextPiece
					left = append(left, e)
				}
				if batch = left; len(left) > 0 {
					parts = append(parts, "")
				}
			}
			require.Greater(t, len(parts), 2)
			text := note.Text(strings.Join(parts, "<br>"), note.HTML)
			require.Equal(t, words, regexp.MustCompile(`\bw\d{4}\b`).FindAllString(text, -1))
			inOrder(t, text, "first", "w0000", "w0999", "last")
		})
	}
}
