package testcrm_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/crmlog/crmlog/testcrm"
)

func TestSanitize(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, want string }{
		{"allowed elements stay", `<h4>A</h4><ul><li><strong>b</strong></li></ul><pre>x</pre>`, `<h4>A</h4><ul><li><strong>b</strong></li></ul><pre>x</pre>`},
		{"attributes go", `<p style="color:red" class=a id=b data-x=1 onclick="f()">x</p>`, `<p>x</p>`},
		{"comments and doctypes go", `<!DOCTYPE html>a<!-- id:1 -->b<![CDATA[c]]>`, `ab`},
		{"unknown elements leave their content", `<article><font>a</font><img src=x onerror=f()>b<hr></article>`, `ab`},
		{"script and style take theirs along", `a<script>x<b>y</b></script>b<STYLE>p{}</STYLE >c`, `abc`},
		{"an unclosed script takes the rest", `a<script>b</p>`, `a`},
		{"a self-closing script does too", `a<script/>b</script>c`, `ac`},
		{"raw text elements become text", `<textarea><b>x</b></textarea><iframe><i></iframe>`, `&lt;b&gt;x&lt;/b&gt;&lt;i&gt;`},
		{"breaks are rewritten", `a<br/>b<BR />c<br></br>`, `a<br>b<br>c<br>`},
		{"ampersands are normalised", `a & b &amp; c&amp;d &copy; &#233; &lt;x&gt;`, `a &amp; b &amp; c&amp;d © é &lt;x&gt;`},
		{"quotes are decoded", `&quot;a&#39; "b'`, `"a' "b'`},
		{"no-break spaces are entities", "a\u00a0b&nbsp;c&#160;d", `a&nbsp;b&nbsp;c&nbsp;d`},
		{"line ends are line feeds", "a\r\nb\rc&#13;d", "a\nb\nc\nd"},
		{"a lone bracket is text", `1 < 2 > 0`, `1 &lt; 2 &gt; 0`},
		{"links get rel and nothing else", `<a target=_blank rel=x title=y HREF='https://x.test/?a=1&b="2"'>x</a>`, `<a href="https://x.test/?a=1&amp;b=&quot;2&quot;" rel="noopener noreferrer">x</a>`},
		{"mail and telephone links stay", `<a href="mailto:a@x.test">m</a><a href="TEL:+1">t</a>`, `<a href="mailto:a@x.test" rel="noopener noreferrer">m</a><a href="TEL:+1" rel="noopener noreferrer">t</a>`},
		{"other schemes go", `<a href="javascript:f()">x</a><a href="data:text/html,x">y</a>`, `<a>x</a><a>y</a>`},
		{"hidden schemes go", "<a href=' java\tscript&#58;f()'>x</a><a href='&#1;javascript:f()'>y</a>", `<a>x</a><a>y</a>`},
		{"control characters in a link go", `<a href=" htt&#10;ps://x.test/a&#9;b ">x</a>`, `<a href="https://x.test/ab" rel="noopener noreferrer">x</a>`},
		{"relative links go", `<a href="/x">x</a><a href="https">y</a><a>z</a>`, `<a>x</a><a>y</a><a>z</a>`},
		{"what is open is closed", `<ul><li><b>x`, `<ul><li><b>x</b></li></ul>`},
		{"what is closed wrongly is closed in order", `<b><i>x</b>y</i></u>`, `<b><i>x</i></b>y`},
		{"a paragraph ends the one before", `<p>a<p>b<div>c</div>`, `<p>a</p><p>b</p><div>c</div>`},
		{"an item ends the one before", `<ul><li>a<li>b<ul><li>c</ul><li>d</ul>`, `<ul><li>a</li><li>b<ul><li>c</li></ul></li><li>d</li></ul>`},
		{"a link ends the one before", `<a href=http://x>a<a href=http://y>b</a>`, `<a href="http://x" rel="noopener noreferrer">a</a><a href="http://y" rel="noopener noreferrer">b</a>`},
		{"bytes that are not UTF-8 are replaced", "a\xffb", "a\uFFFDb"},
		{"nothing stays nothing", ``, ``},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, testcrm.Sanitize(tt.in))
			require.Equal(t, tt.want, testcrm.Sanitize(tt.want))
		})
	}
}

func TestRewriters(t *testing.T) {
	t.Parallel()
	const link = `<a href="https://x.test/é" rel="noopener noreferrer">l</a>`
	for _, tt := range []struct{ name, in, want string }{
		{"DropAttributes", `<p class=x>` + link + `</p>`, `<p><a>l</a></p>`},
		{"ReencodeEntities", `"a" 'b' & é 😀&nbsp;` + link, `&quot;a&quot; &#39;b&#39; &amp; &#233; &#128512;&#160;<a href="https://x.test/&#233;" rel="noopener noreferrer">l</a>`},
		{"BreaksToParagraphs", `<b>a</b> x<br>b<br><br>` + link + `<ul><li>c<br>d</li></ul><p>e<br>f</p>`, `<p><b>a</b> x</p><p>b</p><p>` + link + `</p><ul><li><p>c</p><p>d</p></li></ul><p>e</p><p>f</p>`},
		{"BreaksToParagraphs", `<h1>a<br>b</h1><pre>c<br>d</pre><b>e<br>f</b>`, `<h1>a<br>b</h1><pre>c<br>d</pre><p><b>e<br>f</b></p>`},
		{"BreaksToParagraphs", `<b>a<div>b</div>c</b>d`, `<p><b>a</b></p><div><p>b</p></div><p>cd</p>`},
		{"BreaksToParagraphs", `<b>a<div>b</div></b>`, `<p><b>a</b></p><div><p>b</p></div>`},
		{"BreaksToNewlines", `a<br>b<br/>&lt;br&gt;`, "a\nb\n&lt;br&gt;"},
		{"SelfClosingBreaks", `a<br>b<br/><p>&lt;br&gt;</p>`, `a<br />b<br /><p>&lt;br&gt;</p>`},
		{"OneLine", "<h4>a</h4><ul><li>b\n c</li><li><b>d</b> &lt;e&gt;</li></ul>f<br>g", `a b c d &lt;e&gt; f g`},
		{"ASCIIOnly", `<p>é ·7 <b>日本</b> 👍&middot;&nbsp;x</p>`, `<p>? ?7 <b>??</b> ??&nbsp;x</p>`},
		{"WrapInDiv", `a<p>b</p>`, `<div>a<p>b</p></div>`},
		{"WrapInDiv", `<div>a<br>b</div>`, `<div>a<br>b</div>`},
		{"WrapInDiv", `<div>a</div><div>b</div>`, `<div><div>a</div><div>b</div></div>`},
		{"WrapInDiv", ``, `<div></div>`},
		{"CollapseSpace", "a \n\t b&nbsp; <b>  c  </b> \n <i>d</i>", `a b <b> c </b> <i>d</i>`},
		{"PlainText", `<h4>a</h4><ul><li>b</li><li><b>c</b> &lt;d&gt;</li></ul>e<br>f<p>` + link + `</p>`, "a\nb\nc &lt;d&gt;\ne\nf\nl"},
		{"Sanitize", `<P>a<br/>`, `<p>a<br></p>`},
	} {
		t.Run(tt.name+" of "+tt.in, func(t *testing.T) {
			t.Parallel()
			i := slices.IndexFunc(testcrm.Rewriters(), func(r testcrm.Rewriter) bool { return r.Name == tt.name })
			require.GreaterOrEqual(t, i, 0)
			require.Equal(t, tt.want, testcrm.Rewriters()[i].Rewrite(tt.in))
		})
	}
}

func TestDeepNestingIsBounded(t *testing.T) {
	t.Parallel()
	const n = 5000
	in := strings.Repeat("<b>", n) + "x" + strings.Repeat("</i>", n) + strings.Repeat("</b>", n) + strings.Repeat("<div>", n)
	require.Equal(t, strings.Repeat("<b>", 100)+"x"+strings.Repeat("</b>", 100)+strings.Repeat("<div>", 100)+strings.Repeat("</div>", 100), testcrm.Sanitize(in))
	for _, r := range testcrm.Rewriters() {
		once := r.Rewrite(in)
		require.Equal(t, once, r.Rewrite(once), r.Name)
	}
}

func addHTML(f *testing.F) {
	for _, seed := range []string{
		``, `plain & simple`, `<p>a<br/>b</p>`, `<ul><li>a<li>b</ul>`, `<b><div>x</b>y</div>z`, `<p><b>a<p>b</b>c`,
		`<a href="https://x.test/?a=1&amp;b=2" target=_blank>x</a>`, "<a href='java\nscript:f()'>x</a>", `<a href=x><a href=http://y>`,
		`<script>a</script>b`, `<style/>a`, `<!-- a -->b<!doctype x>`, `<svg><script>x</script></svg>`, `<plaintext>a<b>`, `<title><b></title>`,
		"a\x00b\r\nc&#13;&#0;&#x80;&nbsp;&nosuch;&copy=1", `<h1>a<br>b<h2>c</h1>`, `<pre> a <br> b </pre>`, `<div><div>a</div></div>`, `<math><mi><table><td>x`,
		"<b>\xff\xfe</b>", `<br><br>a<br>`, `<li>a<blockquote><li>b`, `<textarea></p></textarea>`, `<a href="http:&quot;&lt;">`,
	} {
		f.Add(seed)
	}
}

// The oracle is the HTML5 tree builder, which the sanitizer does not use.
func FuzzSanitize(f *testing.F) {
	addHTML(f)
	allowed := strings.Fields("a b blockquote br code div em h1 h2 h3 h4 h5 h6 i li ol p pre span strong u ul html head body")
	f.Fuzz(func(t *testing.T, in string) {
		out := testcrm.Sanitize(in)
		require.Equal(t, out, testcrm.Sanitize(out))
		require.Equal(t, textOf(in), textOf(out))

		doc, err := html.Parse(strings.NewReader(out))
		require.NoError(t, err)
		for n := range doc.Descendants() {
			require.NotEqual(t, html.CommentNode, n.Type)
			if n.Type != html.ElementNode {
				continue
			}
			require.Contains(t, allowed, n.Data)
			if len(n.Attr) == 0 {
				continue
			}
			require.Equal(t, "a", n.Data)
			require.Len(t, n.Attr, 2)
			require.Equal(t, html.Attribute{Key: "rel", Val: "noopener noreferrer"}, n.Attr[1])
			require.Equal(t, "href", n.Attr[0].Key)
			require.Regexp(t, `^(?i)(https?|mailto|tel):`, n.Attr[0].Val)
		}
	})
}

func FuzzRewriters(f *testing.F) {
	addHTML(f)
	f.Fuzz(func(t *testing.T, in string) {
		for _, r := range testcrm.Rewriters() {
			once := r.Rewrite(in)
			require.Equal(t, once, r.Rewrite(once), r.Name)
			if !r.KeepsText {
				continue
			}
			require.Equal(t, strings.Join(strings.Fields(textOf(in)), ""), strings.Join(strings.Fields(textOf(once)), ""), r.Name)
		}
	})
}

// textOf returns the text outside of script and style, without line ends.
func textOf(s string) string {
	z := html.NewTokenizer(strings.NewReader(strings.ToValidUTF8(s, "\uFFFD")))
	var text strings.Builder
	dropped := ""
	for z.Next() != html.ErrorToken {
		switch t := z.Token(); {
		case t.Type == html.EndTagToken && t.Data == dropped:
			dropped = ""
		case dropped != "":
		case t.Data == "script" && t.Type != html.TextToken && t.Type != html.EndTagToken, t.Data == "style" && t.Type != html.TextToken && t.Type != html.EndTagToken:
			dropped = t.Data
		case t.Type == html.TextToken:
			text.WriteString(t.Data)
		}
	}
	return strings.NewReplacer("\r", "", "\n", "").Replace(text.String())
}
