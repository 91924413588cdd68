package note_test

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"golang.org/x/net/html"

	"github.com/crmlog/crmlog/note"
)

// hostile are texts that try to be more than text. %KEY% and %ENTRY% stand for
// the codes of the digest and of an entry in it.
var hostile = []string{
	"price $$$ off $& and $' and $`", `\0 \1 ${1} %s %d %!`,
	"</ul>------------<br>", "</li></ul>", "</b></a>", "<script>alert(1)</script>", `<img src=x onerror="alert(1)">`, "<!-- ", "-->", "<![CDATA[", "<textarea>", "<plaintext>", "<a href=\"", "<", "</", "&", "&lt", "<br", `" onmouseover="x`, `' onmouseover='x`,
	"&amp;lt;b&amp;gt;", "&lt;b&gt;", "&#60;b&#62;", "&middot;", "&copy &nbsp;",
	"·", "··", "·K", "·K1", "·7", "·X", "·XZZ", "·zzzzzzzzzzzzzzzzzzzz", "·" + strings.Repeat("9", 400), "·7GtPp4EiwHS13NsUgh", "·K1EOX8d201G1",
	"%KEY%", "%ENTRY%", "99 %KEY%", "Messages: 99 %KEY%", "5:24 AM Sales Rep: I agree %ENTRY%", "x%ENTRY%y", "%ENTRY%%ENTRY% %KEY%",
	"hi\n- 5:30 AM Sales Rep: I agree", "hi\nMessages: 99", "hi\n\n\nSMS with Bob (+1)\n", "Messages: 99", "Conversation(99 messages)",
	"# h", "hi\n# h\n## h ##", "hi\n\t- b\n\t# h", "a | b\n|---|---|", "a | b\n|---|---|\n1 | 2", "hi\n===", "hi\n---", "---", "***", "* a\n* b", "+ a\n+ b", "- a\n- b", "hi\n1. a\n2) b", "123456789. a", "hi\n> q", "> q", "hi\n```\ncode\n```", "~~~\ncode", "`code`", "``", "*a* **b** _c_ __d__ ~~e~~ ***f***", "a*b*c a_b_c", "[a](https://example.com)", "![a](https://example.com)", "[a][b]\n\n[b]: https://example.com", "[x]: y", "<https://example.com>", "https://example.com/?a=b&c=d www.example.com WWW.example.com ann@example.com", "| a | b |\n|---|---|\n| 1 | 2 |", "a\n:-", "a\n:-:", "a\n-:", "a|b\n-|-", "[ ] todo\n[x] done", "a\\", "a\\\nb", "a\\\\", "\\*", "a  \nb", "    code", "hi\n    code", "hi\n\n    code\n\n\tcode", "hi\n\n\n\nyou", "hi\n \nyou", "[^1]\n\n[^1]: note", "<div>\n*a*\n</div>", "<?php ?>", "hi\n<pre>\n", ":smile: @ann #1 $a$ ==b== ^c^", "a\n  - b\n    - c", "hi\n=", "hi\n-", "hi\n+", "hi\n*", "hi\n1.", "hi\n1)", "1986\\. A year", "Term\n: definition",
	"CR\rLF\nCRLF\r\nNEL\u0085LS\u2028PS\u2029VT\vFF\fend",
	"\x00\x01\x07\x08\x1b[31m\x7f\u0080\u009f", "bad \xff\xfe utf8 \xed\xa0\x80 end \xc2", "\ufffe\uffff\ufdd0\U0001ffff\ufeff",
	"\u202ereversed", "a\u2069b", "\u2067\u2067", "\u2069\u2069\u2066x", "\u202b\u202d a\nb", "\u200f", "שלום (abc)", "مرحبا 5:30", "a\u061cb",
	"👍", "👨‍👩‍👧", "\u200b", "\u00a0", " ", "\t", "\n", "  lead", "trail  ", "a\tb", "\ta",
	strings.Repeat("0123456789", 1000), strings.Repeat("&", 2500), strings.Repeat("<", 2500), strings.Repeat("\n", 1200) + "x", strings.Repeat("x\n", 1200), strings.Repeat("\u2069", 2500), strings.Repeat("·", 2500), strings.Repeat("*", 2500), strings.Repeat("[", 2500), strings.Repeat("€", 2500),
}

func TestHostileTextStaysText(t *testing.T) {
	t.Parallel()
	for format, f := range formats {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			o := options(f)
			first := compose(t, o, sms(0, "first"))
			codes := strings.NewReplacer("%KEY%", codeAfter(t, first, "Messages: 1 "), "%ENTRY%", codeAfter(t, first, "first "))
			for _, text := range hostile {
				text = codes.Replace(text)
				stays(t, o, first, text, func(s string) (note.Heading, note.Entry) { return heading(), sms(1, s) })
				if len(text) > 1000 {
					continue
				}
				stays(t, o, first, text, func(s string) (note.Heading, note.Entry) {
					e := sms(1, "text")
					e.Sender = s
					return heading(), e
				})
				stays(t, o, first, text, func(s string) (note.Heading, note.Entry) {
					e := sms(1, "text")
					e.Kind, e.Links = note.VoiceMail, []note.Link{{Label: s, URL: "https://example.com/a"}}
					return heading(), e
				})
				stays(t, o, "", text, func(s string) (note.Heading, note.Entry) {
					h := heading()
					h.Contact = note.Person{Name: s, Phone: s}
					h.Others = []string{s}
					h.Zone = s
					return h, sms(1, "text")
				})
			}
		})
	}
}

// codeAfter returns the code that stands behind something.
func codeAfter(t testing.TB, body, something string) string {
	t.Helper()
	_, rest, ok := strings.Cut(body, something)
	require.True(t, ok)
	return rest[:strings.IndexAny(rest+"\n", "<\n")]
}

// stays requires that a text, used in a heading or entry that is added to a
// body, changes nothing but the text that is seen.
func stays(t *testing.T, o note.Options, body, text string, with func(string) (note.Heading, note.Entry)) {
	t.Helper()
	add := func(s string) string {
		h, e := with(s)
		r, err := note.Add(body, h, []note.Entry{e, sms(2, "last")}, o)
		require.NoError(t, err)
		require.True(t, utf8.ValidString(r.Body))
		require.Equal(t, append(ids(body, o), e.ID, sms(2, "").ID), ids(r.Body, o), "%q", text)
		require.True(t, note.Read(r.Body, o).Heading)
		again, err := note.Add(r.Body, h, []note.Entry{e, sms(2, "last"), sms(0, "first")}, o)
		require.NoError(t, err)
		twice, err := note.Add(again.Body, h, []note.Entry{e, sms(2, "last"), sms(0, "first")}, o)
		require.NoError(t, err)
		require.Equal(t, again.Body, twice.Body)
		require.Contains(t, again.Body, "Messages: 3 ·")
		return r.Body
	}
	// A benign text of as many lines as are seen.
	lines := seenLines(text)
	benign := strings.Repeat("x\n", max(len(lines), 1))
	got, want := add(text), add(benign)
	if o.Format == note.Plain {
		for i, l := range strings.Split(got, "\n") {
			require.True(t, i < 4 || strings.HasPrefix(l, "- 5:2") || strings.HasPrefix(l, "  "), "%q", l)
		}
		return
	}
	if o.Format == note.Markdown {
		got, want = rendered(t, got), rendered(t, want)
	}
	gotTags, gotText := parsed(t, got)
	wantTags, _ := parsed(t, want)
	require.Equal(t, wantTags, gotTags, "%q\n%s", text, got)
	rest := gotText
	for _, l := range lines {
		_, after, ok := strings.Cut(rest, l)
		require.True(t, ok, "%q is not seen in %q", l, gotText)
		rest = after
	}
}

// seenLines are the lines of a text as they shall be seen: without what is
// neutralised, white space as in HTML.
func seenLines(text string) []string {
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\r\n", "\n"), "\uFFFD")
	text = strings.Map(func(r rune) rune {
		switch {
		case strings.ContainsRune("\r\v\f\u0085\u2028\u2029", r):
			return '\n'
		case r != '\n' && r != '\t' && (r < ' ' || r >= 0x7f && r < 0xa0):
			return -1
		case r == 0xfffe || r == 0xffff || r == 0xfdd0 || r == 0x1ffff:
			return '\uFFFD'
		}
		return r
	}, text)
	var lines []string
	for _, l := range strings.Split(strings.Trim(text, "\n"), "\n") {
		lines = append(lines, bare(l))
	}
	return lines
}

// bare leaves out the isolates and joiners that are put in, and white space
// that HTML leaves out.
func bare(s string) string {
	s = strings.NewReplacer("\u2060", "", "\u2068", "", "\u2069", "", "\u00a0", " ").Replace(s)
	return strings.Join(strings.Fields(s), " ")
}

// parsed returns the tags and attributes in a body, without br, and its text.
func parsed(t *testing.T, body string) (tags []string, text string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(body))
	require.NoError(t, err)
	var b strings.Builder
	for n := range root.Descendants() {
		switch {
		case n.Type == html.TextNode:
			b.WriteString(n.Data)
		case n.Type == html.ElementNode && n.Data == "br":
			b.WriteString("\n")
		case n.Type == html.ElementNode:
			tag := n.Data
			for _, a := range n.Attr {
				tag += " " + a.Key + "=" + a.Val
			}
			tags = append(tags, tag)
		default:
			tags = append(tags, "other node")
		}
	}
	return tags[1:], bare(b.String())
}

// rendered is Markdown as CommonMark with GitHub's extensions shows it.
func rendered(t *testing.T, markdown string) string {
	t.Helper()
	var b bytes.Buffer
	md := goldmark.New(goldmark.WithExtensions(extension.GFM, extension.Footnote, extension.DefinitionList))
	require.NoError(t, md.Convert([]byte(markdown), &b))
	require.NotContains(t, b.String(), "raw HTML omitted")
	return b.String()
}

func TestMarkdownIsRenderedAsItIsMeant(t *testing.T) {
	t.Parallel()
	e := sms(1, "two\nlines")
	e.Links = []note.Link{{Label: "a [b] (c)", URL: `https://example.com/(a)/[b]?c=1&copy;=2&d="<>\*e`}}
	tags, text := parsed(t, rendered(t, compose(t, options(note.Markdown), sms(0, "one"), e)))
	require.Equal(t, []string{"head", "body", "p", "strong", "ul", "li", "strong", "li", "strong", `a href=https://example.com/(a)/%5Bb%5D?c=1&copy;=2&d=%22%3C%3E%5C*e`}, tags)
	require.Regexp(t, `^SMS with Ann Lee \(\+16505553204\) Wednesday.* Messages: 2 ·\w+ 5:24 AM Sales Rep: one ·\w+ 5:25 AM Ann Lee: two lines a \[b\] \(c\) ·\w+$`, text)
}

func TestWhatCannotBeShownIsReplacedOrDropped(t *testing.T) {
	t.Parallel()
	for sent, want := range map[string]string{
		"a\rb\r\nc\nd\u0085e\u2028f\u2029g\vh\fi": "a\n  b\n  c\n  d\n  e\n  f\n  g\n  h\n  i",
		"\x00a\x1b[31m\x7f\u0080b\u009f":          "a[31mb",
		"a\xffb\xed\xa0\x80c\xe2\x82":             "a\uFFFDb\uFFFDc\uFFFD",
		"\ufffe\uffff\ufdd0\U0010ffffa":           "\uFFFD\uFFFD\uFFFD\uFFFDa",
		"\n\n a\tb \n":                            " a\tb ",
		" \n\x00\t\n":                             "(no text)",
		"\u200d\u2060\u00ad":                      "\u200d\u2060\u00ad",
	} {
		require.Contains(t, compose(t, options(note.Plain), sms(0, sent)), "Rep: "+want+" ·")
	}
}

func TestDirectionControlsDoNotLeak(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"\u202eabc", "\u2067abc", "abc\u2069", "\u2069\u2069\u2069", "\u2067\u2069\u2069\u2067", "\u202b\u202a\u202c\u202c\u202c", "\u2066\u202ea\u2069b\u202c", "שלום\nabc\u2067\nمرحبا"} {
		e := sms(0, text)
		e.Sender = text
		body := compose(t, options(note.Plain), e)
		sent := strings.NewReplacer("\n", "", " ", "").Replace(text)
		require.True(t, isSubsequence(sent, body), "nothing is removed")
		for _, l := range strings.Split(body, "\n") {
			depth, outside := 0, ""
			for _, r := range l {
				switch r {
				case '\u2066', '\u2067', '\u2068':
					depth++
				case '\u2069':
					depth--
					require.GreaterOrEqual(t, depth, 0, "%q", l)
				default:
					if depth == 0 {
						outside += string(r)
					}
				}
			}
			require.Zero(t, depth, "%q", l)
			require.NotContains(t, outside, "abc")
			require.NotRegexp(t, `[\x{202a}-\x{202e}\x{590}-\x{7ff}]`, outside)
		}
	}
	require.NotContains(t, compose(t, options(note.Plain), sms(0, "Grüße, 你好 👍")), "\u2068", "only where there is need")
}

func TestAQuotedCodeShowsAsItWasSent(t *testing.T) {
	t.Parallel()
	o := options(note.HTML)
	first := compose(t, o, sms(0, "first"))
	code := codeAfter(t, first, "first ")
	body := add(t, first, o, sms(1, "Look: "+code+" ·7GtPp4EiwHS13NsUgh")).Body
	require.Contains(t, body, "Look: ·\u2060"+strings.TrimPrefix(code, "·")+" ·7GtPp4EiwHS13NsUgh")

	forged := note.Options{Key: "guessed"}
	other, err := note.Compose(heading(), []note.Entry{sms(1, "x")}, forged)
	require.NoError(t, err)
	r := add(t, first, o, sms(2, note.Text(other, note.HTML)))
	require.Equal(t, idsOf(sms(0, ""), sms(2, "")), ids(r.Body, o))
}
