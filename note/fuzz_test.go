package note_test

import (
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/crmlog/crmlog/note"
)

// bodies are seeds: digests as they are, as CRMs leave them, and broken ones.
func bodies(f *testing.F) []string {
	all := []string{
		"", " ", "a", "a\n", "a\r\n", "<", "</", "<!", "<!--", "<!-- a --", "<!doctype", "<?", "<a", "<a href=\"", "<p>", "<p>a", "</p>", "<script>", "<textarea>a", "<plaintext>", "<title/>", "<ul><li>", "<li><li>a", "<br", "&", "&am", "&#", "·", "·K", "·X01", "```\n", "- a\n- b", "<table><tr><td>a", "<select>", "<svg><p>", "<![CDATA[ a", "a\x00b", "\xff",
	}
	for _, body := range appConnect {
		body := body(sms(1, "a"), sms(2, "text"))
		all = append(all, body, body+body, body[:len(body)/2], add(f, body, options(note.HTML), sms(0, "first"), sms(3, "x")).Body, strings.ReplaceAll(body, "\n", "<br>"))
	}
	for _, format := range []note.Format{note.HTML, note.Markdown, note.Plain} {
		body := compose(f, options(format), sms(0, "first"), sms(3, "last\nline"))
		all = append(all, body, body+"<!--", "<!--"+body, "<ul>"+body, body[:len(body)/2], body+body, strings.ReplaceAll(body, "\n", "<br>"), "<a href='"+body)
		if format == note.HTML {
			for _, rewrite := range rewriters {
				all = append(all, rewrite(body))
			}
		}
	}
	return all
}

func FuzzRead(f *testing.F) {
	for _, body := range bodies(f) {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		for _, format := range []note.Format{note.HTML, note.Markdown, note.Plain} {
			seen := map[string]bool{}
			for _, e := range note.Read(body, options(format)).Entries {
				require.NotEmpty(t, e.ID)
				require.False(t, seen[e.ID])
				seen[e.ID] = true
			}
			note.Text(body, format)
		}
	})
}

func FuzzAdd(f *testing.F) {
	short := slices.DeleteFunc(slices.Clone(hostile), func(s string) bool { return len(s) > 200 })
	for i, body := range bodies(f) {
		f.Add(body, short[i%len(short)], "Ann")
		f.Add(body, "text", short[len(short)-1-i%len(short)])
	}
	f.Fuzz(checkAdd)
}

// TestAddToAnyMarkup puts bodies together from what matters in them, which
// chance alone seldom does.
func TestAddToAnyMarkup(t *testing.T) {
	t.Parallel()
	body := compose(t, options(note.Plain), sms(1, "first"), sms(3, "last"), note.Entry{ID: "a", Time: morning})
	var parts []string
	for _, code := range regexp.MustCompile(`·\w+`).FindAllString(body, -1) {
		parts = append(parts, code, " "+code, code+"</li>", "<li>5:24 "+code+"</li>", "<p>"+code+"</p>", code+"<br>", "- "+code+"\n", "Messages: 3 "+code, "<b>"+code[:4]+"</b>"+code[4:], strings.Replace(code, "·", "&middot;", 1))
	}
	parts = append(parts, "<ul>", "</ul>", "<li>", "</li>", "<p>", "</p>", "<div>", "</div>", "<td>", "<table>", "</table>", "<br>", "<br/>", "<b>", "</b>", "<a href=\"", "\">", "<!--", "-->", "<", "</", ">", "&", "&amp;", "&#183;", "<script>", "</script>", "<textarea>", "text", "\n", "\n\n", "\r\n", "  ", "- ", "* ", "\\", "**", "12", " ", "\u00a0", "<hr>", "<h1>", "</h1>")
	random := rand.New(rand.NewPCG(3, 4))
	for range rounds(500, 10_000) {
		var b strings.Builder
		for range random.IntN(12) {
			b.WriteString(parts[random.IntN(len(parts))])
		}
		checkAdd(t, b.String(), parts[random.IntN(len(parts))]+parts[random.IntN(len(parts))], "Ann")
		if t.Failed() {
			t.Fatalf("%q", b.String())
		}
	}
}

// FuzzCompose reads back what was composed, in as many parts as it takes and
// whatever the CRM makes of them.
func FuzzCompose(f *testing.F) {
	for i, text := range hostile {
		f.Add(text, "Ann", "60279564001", 4000+i, i)
		f.Add("text", text, text[:min(len(text), 255)], 1000+i, i)
	}
	f.Fuzz(checkCompose)
}

func checkCompose(t *testing.T, text, sender, id string, limit, kind int) {
	if id == "" || len(id) > 255 || len(text) > 50_000 {
		return
	}
	e := note.Entry{ID: id, Time: morning.Add(time.Minute), Sender: sender, Text: text, Kind: note.Kind(uint(kind) % 7), Failed: kind&8 > 0}
	entries := []note.Entry{sms(0, "first"), e, sms(2, strings.Repeat("last ", 300))}
	if id == entries[0].ID || id == entries[2].ID {
		return
	}
	for _, format := range []note.Format{note.HTML, note.Markdown, note.Plain} {
		o := options(format)
		o.Limit = 4000 + int(uint(limit)%20_000)
		parts := logAll(t, heading(), o, entries)
		standIn(t, parts, entries, o)
		all := options(format)
		require.Equal(t, idsOf(entries...), ids(compose(t, all, entries...), all))
		if format != note.HTML {
			continue
		}
		if e.Kind <= note.MMS && !e.Failed {
			texts := textsIn(t, parts, o)
			require.Len(t, texts, len(entries))
			require.Equal(t, dense(strings.Join(seenLines(text), "")), strings.TrimSuffix(dense(texts[1]), "(notext)"))
		}
		for i, name := range slices.Sorted(maps.Keys(rewriters)) {
			if uint(i)%5 != uint(kind)%5 { // the seeds have each kind
				continue
			}
			rewrite := rewriters[name]
			var stand []string
			for i, body := range parts {
				o.Part = i + 1
				r := note.Read(rewrite(body), o)
				require.True(t, r.Heading, name)
				for _, e := range r.Entries {
					stand = append(stand, e.ID)
				}
			}
			require.Equal(t, idsOf(entries...), stand, name)
		}
	}
}

// FuzzDay logs a day of messages in any order and batches to a CRM that rewrites
// what it stores. Each byte of day is a message: when it was sent, what it is, and
// whether it ends a batch.
func FuzzDay(f *testing.F) {
	day := []byte("\x05\x91\x23\xc4\x05\x7f\x00\x8e\x31\xb2")
	modes := slices.Sorted(maps.Keys(rewriters))
	for i, text := range hostile {
		if len(text) < 200 {
			f.Add(day[i%len(day):], text, hostile[(i+7)%len(hostile)][:min(len(hostile[(i+7)%len(hostile)]), 40)], i%(len(modes)+1))
		}
	}
	f.Fuzz(func(t *testing.T, day []byte, text, name string, mode int) {
		if len(day) > 30 || len(text) > 3000 || len(name) > 100 {
			return
		}
		rewrite := func(s string) string { return s }
		if i := int(uint(mode) % uint(len(modes)+1)); i < len(modes) {
			if strings.HasPrefix(modes[i], "plain text") && strings.ContainsAny(text+name, "<&") {
				return // it lets a text become markup; such a CRM takes no HTML
			}
			rewrite = rewriters[modes[i]]
		}
		checkDay(t, day, text, name, rewrite)
	})
}

// messagesOf are a day's.
func messagesOf(day []byte, text, name string) []note.Entry {
	var all []note.Entry
	for i, b := range day {
		e := note.Entry{ID: strconv.Itoa(60279564000 + i), Time: morning.Add(time.Duration(b&7) * time.Minute), Sender: name, Text: text}
		switch b >> 3 & 3 {
		case 1:
			e.Kind, e.Links = note.MMS, []note.Link{{Label: name, URL: "https://example.com/a?b=c&d='e'"}, {Type: "image/png", URL: "https://example.com/"}}
		case 2:
			e.Kind, e.Links = note.VoiceMail, []note.Link{{URL: "https://example.com/1"}}
		case 3:
			e.Kind, e.Text = note.Fax, ""
		}
		all = append(all, e)
	}
	return all
}

func checkDay(t *testing.T, day []byte, text, name string, rewrite func(string) string) {
	o := options(note.HTML)
	h := heading()
	h.Contact.Name, h.Others = name, []string{name}
	messages := messagesOf(day, text, name)
	body := ""
	var stand []note.Entry
	for from, to := 0, 0; to < len(day); {
		if to++; to < len(day) && day[to-1]&0x80 == 0 {
			continue
		}
		// The last message of the batch before comes again.
		batch := messages[max(from-1, 0):to]
		r, err := note.Add(body, h, batch, o)
		require.NoError(t, err)
		require.Equal(t, idsOf(messages[from:to]...), r.Added)
		require.Equal(t, idsOf(batch[:len(batch)-(to-from)]...), r.Present)
		again, err := note.Add(r.Body, h, messages[:to], o)
		require.NoError(t, err)
		require.Equal(t, note.Result{Body: r.Body, Present: idsOf(messages[:to]...)}, again, "adding twice is adding once")
		body, stand, from = rewrite(r.Body), append(stand, messages[from:to]...), to

		slices.SortStableFunc(stand, func(a, b note.Entry) int { return a.Time.Compare(b.Time) })
		require.Equal(t, idsOf(stand...), ids(body, o), "as many entries as messages, in order:\n%s", body)
		require.True(t, note.Read(body, o).Heading)
	}
	shown := dense(note.Text(body, note.HTML))
	for _, e := range stand {
		want := dense(strings.Join(seenLines(e.Text), ""))
		_, rest, ok := strings.Cut(shown, want)
		require.True(t, ok, "%q stands whole and in order in\n%s", e.Text, body)
		shown = rest
	}

	got, err := note.Compose(h, messages, o)
	require.NoError(t, err)
	h.Contact.Name, h.Others = "x", []string{"x"}
	want, err := note.Compose(h, messagesOf(day, "x", "x"), o)
	require.NoError(t, err)
	require.Equal(t, elements(t, want), elements(t, got), "no element, link or attribute comes from a text")
}

// dense leaves out white space and what is put in or may be ours.
func dense(s string) string {
	return strings.Join(strings.Fields(strings.NewReplacer("\u2060", "", "\u2068", "", "\u2069", "", "…", "", "(notext)", "").Replace(s)), "")
}

func checkAdd(t *testing.T, body, text, sender string) {
	for _, format := range []note.Format{note.HTML, note.Markdown, note.Plain} {
		o := options(format)
		before := note.Read(body, o)
		e := sms(2, text)
		e.Sender = sender
		once, err := note.Add(body, heading(), []note.Entry{e}, o)
		require.NoError(t, err)
		require.Len(t, append(once.Added, once.Present...), 1)
		if utf8.ValidString(body) {
			require.True(t, utf8.ValidString(once.Body))
		}

		twice, err := note.Add(once.Body, heading(), []note.Entry{e}, o)
		require.NoError(t, err)
		require.Equal(t, once.Body, twice.Body, "%q: adding twice is adding once", body)
		require.Empty(t, twice.Added)

		small := o
		small.Limit = 4000
		in, err := note.Add(body, heading(), []note.Entry{e}, small)
		require.NoError(t, err)
		require.Equal(t, 1, len(in.Added)+len(in.Present)+len(in.Left))
		require.True(t, in.Body == body || len(in.Body) <= 4000)
		again, err := note.Add(in.Body, heading(), []note.Entry{e}, small)
		require.NoError(t, err)
		require.Equal(t, in.Body, again.Body, "%q: under a limit too", body)
		require.Equal(t, in.Left, again.Left)

		e.Failed = true
		amended, err := note.Amend(once.Body, e, o)
		require.NoError(t, err)
		require.Equal(t, ids(once.Body, o), ids(amended.Body, o), "%q: an amendment adds no entry and takes none away", body)
		amendedTwice, err := note.Amend(amended.Body, e, o)
		require.NoError(t, err)
		require.Equal(t, note.Amendment{Body: amended.Body, Found: amended.Found}, amendedTwice)
		e.Failed = false

		after := note.Read(once.Body, o)
		require.Subset(t, ids(once.Body, o), append(ids(body, o), once.Added...), "%q: no entry is lost", body)
		foreign := strings.Contains(note.Text(body, note.HTML), "Conversation") || strings.Contains(note.Text(body, format), "Conversation")
		if !foreign {
			require.Subset(t, ids(body, o), once.Present)
		}
		if format == note.HTML { // else markup in a text may turn what somebody wrote into a code, seen as HTML
			require.Len(t, after.Entries, len(before.Entries)+len(once.Added), "%q: none is forged", body)
		}
		require.True(t, isSubsequence(digitsOff(body), digitsOff(once.Body)))
		if !before.Heading && !foreign {
			require.GreaterOrEqual(t, commonEnds(body, once.Body), len(body), "%q: what stood stands as it was, but for one insertion", body)
		}

		if format == note.HTML && len(once.Added) > 0 {
			harmless := e
			harmless.Text, harmless.Sender = "x", "x"
			want, err := note.Add(body, heading(), []note.Entry{harmless}, o)
			require.NoError(t, err)
			require.Equal(t, elements(t, want.Body), elements(t, once.Body), "%q: no element or attribute comes from a text", body)
		}
	}
}

// commonEnds is how much of two strings is the same at both ends.
func commonEnds(a, b string) int {
	n := min(len(a), len(b))
	from := 0
	for from < n && a[from] == b[from] {
		from++
	}
	to := 0
	for to < n-from && a[len(a)-1-to] == b[len(b)-1-to] {
		to++
	}
	return from + to
}

// elements are the elements and attributes of a body, br aside.
func elements(t *testing.T, body string) []string {
	root, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Skip(err) // too deep for the parser
	}
	var all []string
	for n := range root.Descendants() {
		switch {
		case n.Type == html.CommentNode:
			all = append(all, "comment")
		case n.Type == html.ElementNode && n.Data != "br", n.Type == html.DoctypeNode:
			all = append(all, n.Data)
			for _, a := range n.Attr {
				all = append(all, a.Key+"="+a.Val)
			}
		}
	}
	return all
}
