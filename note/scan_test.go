package note

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Simple tags are read without the tokenizer, but not otherwise than with it:
// behind a tag with an attribute it reads all.
func FuzzSimpleTags(f *testing.F) {
	for _, seed := range []string{
		"", "a", "a < b", "<", "</", "<b", "</b", "<b>a</b>", "a<br>b<br/>c<br />d<br / >e<BR>f", "<ul><li>a</li><li>b</ul>", "<p>a<p>b<hr>c",
		"<b/>a</b/>", "<li/>a", "<h1>a</h1>", "</>a", "<>a", "<1>a", "<!-- <b> --><b>a", "<br><!", "a<script><b></script><b>c", "<title/><b>a", "</script>a",
		"a &amp; b<b>&lt;br&gt;</b>·1", "<div>a<i class=x>b</i><div>c</div></p></div>d", "<br\n>a", "<b >a</b >", "é<br>\u00a0'\"&nbsp;&#39;",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		const tag = "<x a>"
		want, got := scanHTML(tag+body), scanHTML(body)
		if !strings.Contains(body, "<") { // there is no tag in it to end a line
			want.html = got.html
		}
		require.Equal(t, string(want.text), string(got.text))
		require.Equal(t, want.html, got.html)
		require.Equal(t, want.safe, len(tag)+got.safe)
		require.Len(t, got.lines, len(want.lines))
		for i, l := range got.lines {
			if l.to += len(tag); l.from > 0 { // else it begins with the body
				l.from += len(tag)
			}
			require.Equal(t, want.lines[i], l)
		}
		require.Len(t, got.blocks, len(want.blocks))
		for i, b := range got.blocks {
			b.from, b.to = b.from+len(tag), b.to+len(tag)
			require.Equal(t, want.blocks[i], b)
		}
		for i := range got.text {
			from, to := got.at(i)
			wantFrom, wantTo := want.at(i)
			require.Equal(t, [2]int{wantFrom, wantTo}, [2]int{len(tag) + from, len(tag) + to})
		}
		require.Equal(t, StoredHTMLSize(tag+body), StoredHTMLSize(tag)+StoredHTMLSize(body))
	})
}
