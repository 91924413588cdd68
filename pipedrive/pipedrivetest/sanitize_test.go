package pipedrivetest_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/crmlog/crmlog/pipedrive/pipedrivetest"
)

func TestSanitizeNote(t *testing.T) {
	t.Parallel()
	const rel = ` rel="noopener noreferrer"`
	for _, tc := range []struct{ name, note, want string }{
		{"empty", ``, ``},
		{"plain text", "one\ntwo 👋 é", "one\ntwo 👋 é"},
		{"headings and lists", `<h4>Texts</h4><ul><li><strong>Kim</strong>: <b>hi</b></li></ul>`, `<h4>Texts</h4><ul><li><strong>Kim</strong>: <b>hi</b></li></ul>`},
		{"blocks and tables", `<div><p><i>a</i> <em>b</em> <u>c</u></p><hr><blockquote><pre><code>d</code></pre></blockquote></div><table><tr><td>e</td></tr></table>`,
			`<div><p><i>a</i> <em>b</em> <u>c</u></p><hr><blockquote><pre><code>d</code></pre></blockquote></div><table><tr><td>e</td></tr></table>`},
		{"comments go", `a<!-- id 1 -->b<!doctype html>c`, `abc`},
		{"an unclosed comment takes the rest", `a<!-- b`, `a`},
		{"br has no slash", `a<br/>b<br />c<BR>d</br>`, `a<br>b<br>c<br>d`},
		{"a bare ampersand", `a & b &amp; c&d`, `a &amp; b &amp; c&amp;d`},
		{"a bare less-than", `1 < 2 > 0`, `1 &lt; 2 &gt; 0`},
		{"entities that need not be", `&quot;&#39;&eacute;&#128075;&nbsp;|`, `"'é👋&nbsp;|`},
		{"a no-break space becomes an entity", "\u00a0", "&nbsp;"},
		{"escaped tags stay text", `&lt;b&gt;x&lt;/b&gt;`, `&lt;b&gt;x&lt;/b&gt;`},
		{"attributes go", `<p style="color:red" class="x" id="y" data-crmlog="z" onclick="f()">a</p>`, `<p>a</p>`},
		{"a link", `<a href="https://example.org/?a=1&b=2" target="_blank" rel="x" title="y">a</a>`, `<a href="https://example.org/?a=1&amp;b=2"` + rel + `>a</a>`},
		{"http, mailto and tel", `<a href="http://example.org">a</a><a href="mailto:kim@example.org">b</a><a href="tel:+15550100">c</a>`,
			`<a href="http://example.org"` + rel + `>a</a><a href="mailto:kim@example.org"` + rel + `>b</a><a href="tel:+15550100"` + rel + `>c</a>`},
		{"the scheme's case", `<a href=" HTTPS://example.org ">a</a>`, `<a href="HTTPS://example.org"` + rel + `>a</a>`},
		{"no script in a link", `<a href="javascript:alert(1)">a</a><a href="JaVaScript:x">b</a><a href="java&#10;script:x">c</a><a href="data:text/html,x">d</a>`, `<a>a</a><a>b</a><a>c</a><a>d</a>`},
		{"no relative link", `<a href="/x">a</a><a href="//example.org">b</a><a href="#c">c</a>`, `<a>a</a><a>b</a><a>c</a>`},
		{"a quote in a link", `<a href='https://example.org/"onclick="x'>a</a>`, `<a href="https://example.org/&quot;onclick=&quot;x"` + rel + `>a</a>`},
		{"a href elsewhere", `<p href="https://example.org">a</p>`, `<p>a</p>`},
		{"script, style and iframe go with their content", `a<script>b("</p>")</script>c<style>d{}</style>e<iframe src="x"><p>f</p></iframe>g`, `aceg`},
		{"a script that never ends", `a<script>b<p>c</p>`, `a`},
		{"unknown tags go without their content", `<font color="red">a <custom-tag>b</custom-tag></font><img src="x"><svg><g>c</g></svg>`, `a bc`},
		{"open tags are closed", `<div><b>a`, `<div><b>a</b></div>`},
		{"closed in order", `<b><i>a</b>b</i>`, `<b><i>a</i></b>b`},
		{"nothing to close", `a</p></div>b`, `ab`},
		{"half a tag", `a<b`, `a`},
		{"line ends", "a\r\nb\rc&#13;d", "a\nb\nc\nd"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tc.want, pipedrivetest.SanitizeNote(tc.note))
		})
	}
}

func TestDeepNestingIsCheap(t *testing.T) {
	t.Parallel()
	const n = 50_000
	require.Len(t, pipedrivetest.SanitizeNote(strings.Repeat("<b>", n)), n*len("<b></b>"))
	require.Empty(t, pipedrivetest.SanitizeNote(strings.Repeat("</b>", n)))
}

func FuzzSanitizeNote(f *testing.F) {
	for _, note := range []string{
		`<p class="x">a & b<br/><!-- c --><a href="https://example.org/?a&b" target=_blank>d</a>`,
		`<script>x</script><style>y</style><b><i>z</b>`, "a\r\n&#13;\u00a0&amp;lt;", `<a href="javascript:x" href="https://y">`,
		`<textarea><b></textarea></title>`, `<plaintext><p>`, "<svg><style><b>", "\x00<\x00b>", `<![CDATA[<b>]]>`,
	} {
		f.Add(note)
	}
	f.Fuzz(func(t *testing.T, note string) {
		once := pipedrivetest.SanitizeNote(note)
		require.Equal(t, once, pipedrivetest.SanitizeNote(once), "twice changes nothing more")
		tokens, depth := html.NewTokenizer(strings.NewReader(once)), 0
		for {
			switch tokens.Next() {
			case html.ErrorToken:
				require.Zero(t, depth, "each tag is closed")
				return
			case html.CommentToken, html.DoctypeToken, html.SelfClosingTagToken:
				t.Fatal("a token that may not stay")
			case html.EndTagToken:
				depth--
			case html.StartTagToken:
				token := tokens.Token()
				require.NotContains(t, []string{"script", "style", "iframe", "img", "form", "svg"}, token.Data)
				if token.Data != "br" && token.Data != "hr" {
					depth++
				}
				for _, attr := range token.Attr {
					require.Contains(t, []string{"href", "rel"}, attr.Key)
					require.NotContains(t, strings.ToLower(attr.Val), "javascript:/")
				}
			}
		}
	})
}
