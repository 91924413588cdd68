package note_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crmlog/crmlog/note"
)

func TestAnyOrderOfArrivalMakesTheSameBody(t *testing.T) {
	t.Parallel()
	texts := []string{"", "one", "two\nlines", "two\nlines", "- item", "&amp; <b>", "trailing ", "שלום", "a\n\n\nb"}
	for format, f := range formats {
		for _, above := range []string{"", "Prepared by Ann\n", "<p>Prepared</p>"} {
			t.Run(format+" under "+above, func(t *testing.T) {
				t.Parallel()
				random := rand.New(rand.NewPCG(1, 2))
				for range 60 {
					var entries []note.Entry
					for i := range 1 + random.IntN(12) {
						e := sms(i, texts[random.IntN(len(texts))])
						e.Time = morning.Add(time.Duration(random.IntN(4)) * time.Minute)
						entries = append(entries, e)
					}
					want := add(t, above, options(f), entries...).Body
					require.Equal(t, len(entries), len(ids(want, options(f))))

					random.Shuffle(len(entries), func(i, j int) { entries[i], entries[j] = entries[j], entries[i] })
					body, rest := above, entries
					for len(rest) > 0 {
						n := 1 + random.IntN(len(rest))
						again := entries[:random.IntN(len(entries)-len(rest)+1)] // some that stand already
						r := add(t, body, options(f), append(slices.Clone(rest[:n]), again...)...)
						require.Equal(t, idsOf(rest[:n]...), r.Added)
						require.Equal(t, idsOf(again...), r.Present)
						body, rest = r.Body, rest[n:]
					}
					require.Equal(t, want, body)

					r := add(t, body, options(f), entries...)
					require.Equal(t, note.Result{Body: body, Present: idsOf(entries...)}, r)
				}
			})
		}
	}
}

func TestAnIDThatComesTwiceIsAddedOnce(t *testing.T) {
	t.Parallel()
	first, second := sms(0, "first"), sms(0, "second")
	second.Time = second.Time.Add(time.Hour)
	r := add(t, "", options(note.Plain), first, second)
	require.Equal(t, []string{first.ID}, r.Added)
	require.Equal(t, []string{first.ID}, r.Present)
	require.Contains(t, r.Body, "first")
	require.NotContains(t, r.Body, "second")

	r = add(t, r.Body, options(note.Plain), second)
	require.Empty(t, r.Added, "the id is the identity, whatever time another source gives it")
}

func TestMessagesOfTheSameTextAndMinuteBothStay(t *testing.T) {
	t.Parallel()
	one, two := sms(0, "OK"), sms(2, "OK")
	two.Time = one.Time
	body := compose(t, options(note.HTML), one, two)
	require.Equal(t, 2, strings.Count(note.Text(body, note.HTML), "- 5:24 AM Sales Rep: OK ·"))
}

func TestNothingToAddLeavesTheBodyAlone(t *testing.T) {
	t.Parallel()
	require.Empty(t, compose(t, options(note.HTML)))
	require.Equal(t, "<p>Hello", add(t, "<p>Hello", options(note.HTML)).Body)
	body := strings.Replace(compose(t, options(note.HTML), sms(0, "a")), "Messages: 1", "Messages: 7", 1)
	require.Equal(t, body, add(t, body, options(note.HTML), sms(0, "a")).Body)
}

// A person's edit of an HTML body of the messages 2, 4 and 6, and what is to be
// seen when 1, 3, 5 and 7 came.
func TestWhatPeopleDidToTheBodyStays(t *testing.T) {
	t.Parallel()
	o := options(note.HTML)
	m := func(n int) note.Entry { return sms(n, "text "+string(rune('0'+n))) }
	original := compose(t, o, m(2), m(4), m(6))
	code := func(n int) string {
		_, rest, _ := strings.Cut(original, m(n).Text+" ")
		code, _, _ := strings.Cut(rest, "<")
		return code
	}
	item := func(n int) string {
		i := strings.Index(original, m(n).Text)
		from := strings.LastIndex(original[:i], "<li>")
		return original[from : i+strings.Index(original[i:], "</li>")+5]
	}
	head, _, _ := strings.Cut(original, "<ul>")
	replace := func(old, new string) string {
		require.Equal(t, 1, strings.Count(original, old), old)
		return strings.Replace(original, old, new, 1)
	}
	foreign, err := note.Compose(heading(), []note.Entry{m(3), m(9)}, note.Options{Key: "another"})
	require.NoError(t, err)
	all := []string{"Messages: 7 ·K", "text 1", "text 2", "text 3", "text 4", "text 5", "text 6", "text 7"}

	for name, tc := range map[string]struct {
		body string
		want []string // parts of the visible text, in order
		not  string
	}{
		"text above":                  {"Call him!<br>" + original, append([]string{"Call him!"}, all...), ""},
		"text below":                  {original + "<p>Called him</p>", append(slices.Clone(all), "Called him"), ""},
		"text between two entries":    {replace(item(4), "<li>mine</li>"+item(4)), []string{"text 3", "mine", "text 4", "text 5"}, ""},
		"text under the heading":      {replace("<ul>", "<br>mine<ul>"), []string{"Messages: 7", "mine", "text 1", "text 2"}, ""},
		"text behind a code":          {replace(code(4), code(4)+" mine"), []string{"text 4", "mine", "text 5"}, ""},
		"text right behind a code":    {replace(code(4), code(4)+"mine"), []string{"text 4", "mine", "text 5"}, ""},
		"a line behind a code":        {replace(code(4), code(4)+"<br>mine"), []string{"text 4", "mine", "text 5"}, ""},
		"a list in an entry":          {replace(code(4), code(4)+"<ul><li>mine</li></ul>"), []string{"text 4", "mine", "text 5"}, ""},
		"an entry moved into a list":  {replace(item(4), "<li>mine<ul>"+item(4)+"</ul></li>"), []string{"text 3", "mine", "text 4", "text 5", "text 6"}, ""},
		"words changed":               {replace("text 4", "<i>what he said</i>"), []string{"text 3", "what he said", "text 5"}, "text 4"},
		"a code in bold":              {replace(code(4), "<b>"+code(4)+"</b>"), all, ""},
		"a code partly in bold":       {replace(code(4), code(4)[:5]+"<b>"+code(4)[5:9]+"</b>"+code(4)[9:]), all, ""},
		"a code's dot in bold":        {replace(code(4), "<b>·</b>"+strings.TrimPrefix(code(4), "·")), all, ""},
		"an entry deleted":            {replace(item(4), ""), []string{"Messages: 6", "text 1", "text 2", "text 3", "text 5", "text 6"}, "text 4"},
		"the first entry deleted":     {replace(item(2), ""), []string{"Messages: 6", "text 1", "text 3", "text 4"}, "text 2"},
		"all entries deleted":         {head, []string{"Messages: 4", "text 1", "text 3", "text 5", "text 7"}, "text 2"},
		"all entries but the list":    {head + "<ul></ul>", []string{"Messages: 4", "text 1", "text 3", "text 5", "text 7"}, "text 2"},
		"the heading deleted":         {replace(head, ""), all[1:], "Messages"},
		"all but one entry deleted":   {item(4), []string{"text 1", "text 3", "text 4", "text 5", "text 7"}, "Messages"},
		"everything deleted":          {"", []string{"Messages: 4", "text 1", "text 3", "text 5", "text 7"}, "text 2"},
		"everything replaced":         {"<p>mine</p>", []string{"mine", "SMS with", "Messages: 4", "text 1", "text 7"}, "text 2"},
		"the number changed":          {replace("Messages: 3", "Messages: 30"), all, ""},
		"the number in bold":          {replace("Messages: 3", "Messages: <b>3</b>"), all, ""},
		"the number partly in bold":   {replace("Messages: 3", "Messages: 1<b>2</b>"), []string{"Messages: 12 ·K", "text 1"}, "7 ·K"},
		"the number as an entity":     {replace("Messages: 3", "Messages: &#51;"), []string{"Messages: 3 ·K", "text 1"}, "7 ·K"},
		"a phone number in place":     {replace("Messages: 3", "Call 6505553204"), []string{"Call 6505553204 ·K", "text 1"}, "7 ·K"},
		"the number deleted":          {replace("Messages: 3 ", "Messages: "), []string{"Messages: ·K", "text 1"}, "7 ·K"},
		"a word behind the number":    {replace("Messages: 3 ", "Messages: 3 (1 of them spam) "), []string{"3 (1 of them spam) ·K", "text 1"}, "7 ·K"},
		"a number in front of it":     {replace("Messages: 3", "Top 10 Messages: 3"), append([]string{"Top 10"}, all...), ""},
		"a date in place of it":       {replace("Messages: 3", "2015-02-18"), []string{"2015-02-18 ·K", "text 1"}, "Messages"},
		"a text behind the count":     {replace("<ul>", " 12 calls<ul>"), []string{"Messages: 7 ·K", "12 calls", "text 1"}, ""},
		"another digest pasted above": {foreign + original, append([]string{"Messages: 2", "text 3", "text 9"}, all...), ""},
		"another digest pasted below": {original + foreign, append(slices.Clone(all), "Messages: 2", "text 3", "text 9"), ""},
		"another digest only":         {foreign, []string{"Messages: 2", "text 3", "text 9", "Messages: 4", "text 1", "text 3", "text 5", "text 7"}, ""},
		"an entry pasted again":       {original + "<p>As he said: " + item(2) + "</p>", append(slices.Clone(all), "As he said:", "text 2"), ""},
		"entries swapped":             {head + "<ul>" + item(6) + item(2) + item(4) + "</ul>", []string{"text 1", "text 6", "text 2", "text 3", "text 4", "text 5", "text 7"}, ""},
		"heading moved to the end":    {strings.TrimPrefix(original, head) + "<p>" + head + "</p>", append(slices.Clone(all[1:]), "Messages: 7"), ""},
		"all in a table":              {"<table><tr><td>" + original + "</td></tr></table>", all, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := note.Read(tc.body, o)
			r := add(t, tc.body, o, m(7), m(1), m(5), m(3))
			got := note.Text(r.Body, note.HTML)
			inOrder(t, got, tc.want...)
			if tc.not != "" {
				require.NotContains(t, got, tc.not)
			}
			require.Len(t, note.Read(r.Body, o).Entries, len(before.Entries)+4)
			require.True(t, isSubsequence(digitsOff(tc.body), digitsOff(r.Body)), "every byte of the body is kept")

			again := add(t, r.Body, o, m(1), m(3), m(5), m(7))
			require.Equal(t, r.Body, again.Body)
			require.Empty(t, again.Added)

			oneByOne := tc.body
			for _, n := range []int{5, 1, 7, 3} {
				oneByOne = add(t, oneByOne, o, m(n)).Body
			}
			require.Equal(t, r.Body, oneByOne)
		})
	}
}

// In a body, k stands for the heading's code, and 2, 4, 6 for those of entries;
// in what is wanted, {n} for a whole new entry.
func TestANewEntryTakesTheContainerOfItsNeighbour(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ body, want string }{
		"items":                         {"n k<ul><li>a 2</li><li>b 6</li></ul>", "n k<ul><li>{1}</li><li>a 2</li><li>{3}</li><li>b 6</li><li>{7}</li></ul>"},
		"items without end tags":        {"n k<ul><li>a 2<li>b 6</ul>z", "n k<ul><li>{1}</li><li>a 2<li>{3}</li><li>b 6<li>{7}</li></ul>z"},
		"items with rules, no end tags": {"<li>a 2<hr><li>b 6", "<li>{1}</li><li>a 2<hr><li>{3}</li><li>b 6<li>{7}</li>"},
		"paragraphs in items":           {"<ul><li><p>a 2</p></li><li><p>b 6</p></li></ul>", "<ul><li>{1}</li><li><p>a 2</p></li><li>{3}</li><li><p>b 6</p></li><li>{7}</li></ul>"},
		"two entries in an item":        {"<li>a 2<br>b 6</li>", "<li>{1}<br>a 2<br>{3}<br>b 6<br>{7}</li>"},
		"paragraphs":                    {"<p>n k</p><p>a 2</p><p>b 6</p>", "<p>n k</p><p>{1}</p><p>a 2</p><p>{3}</p><p>b 6</p><p>{7}</p>"},
		"paragraphs without end tags":   {"<p>a 2<p>b 6<hr>z", "<p>{1}</p><p>a 2<p>{3}</p><p>b 6<p>{7}</p><hr>z"},
		"an empty paragraph as a line":  {"<p/>a 2<p/>b 6", "<p/>{1}<br>a 2<br>{3}<p/>b 6<br>{7}"},
		"a text of two paragraphs":      {"<p>n k</p><p>a</p><p>b 2</p>", "<p>n k</p><p>{1}</p><p>a</p><p>b 2</p><p>{3}</p><p>{7}</p>"},
		"a blank paragraph above":       {"<p>z</p><p>&nbsp;</p><p>a</p><p>b 2</p>", "<p>z</p><p>&nbsp;</p><p>{1}</p><p>a</p><p>b 2</p><p>{3}</p><p>{7}</p>"},
		"divs":                          {"<div>a 2</div><div>b 6</div>", "<div>{1}</div><div>a 2</div><div>{3}</div><div>b 6</div><div>{7}</div>"},
		"a heading in a div":            {"<div><h4>a 2</h4></div>", "<div>{1}</div><div><h4>a 2</h4></div><div>{3}</div><div>{7}</div>"},
		"lines in a div, with heading":  {"<div>n k<br>a 2</div>z", "<div>n k<br>{1}<br>a 2<br>{3}<br>{7}</div>z"},
		"lines in a div":                {"<div>a 2<br>b 6</div>z", "<div>{1}<br>a 2<br>{3}<br>b 6<br>{7}</div>z"},
		"lines of several lines":        {"n k<br>a<br>b 2<br>c<br>d 6<br><br>z", "n k<br>{1}<br>a<br>b 2<br>{3}<br>c<br>d 6<br>{7}<br><br>z"},
		"a blank line in a text":        {"n k<br>z<br>\n5:14 AM Ann: a<br><br>- b<br><br>c 2", "n k<br>z<br>{1}<br>\n5:14 AM Ann: a<br><br>- b<br><br>c 2<br>{3}<br>{7}"},
		"a time in another block":       {"<div>n k<br>5:14 z<p>a 2</p></div>", "<div>n k<br>5:14 z<p>{1}</p><p>a 2</p><p>{3}</p><p>{7}</p></div>"},
		"lines with bullets":            {"n k<br><br>- a<br>b 2<br>- c<br>d 6<br>z", "n k<br><br>- {1}<br>- a<br>b 2<br>- {3}<br>- c<br>d 6<br>- {7}<br>z"},
		"a line under a list":           {"<ul><li>y</li></ul>a<br>b 2<br>z", "<ul><li>y</li></ul>{1}<br>a<br>b 2<br>{3}<br>{7}<br>z"},
		"a line of two entries":         {"<div>n k a 2 b 6 z</div>", "<div>n k<br>{1}<br> a 2<br>{3}<br> b 6 z<br>{7}</div>"},
		"a cell":                        {"<table><tr><td>a 2</td></tr></table>", "<table><tr><td>{1}<br>a 2<br>{3}<br>{7}</td></tr></table>"},
		"a code in bold":                {"a <b>2</b><br>z", "{1}<br>a <b>2</b><br>{3}<br>{7}<br>z"},
		"heading alone":                 {"n k", "n k\n\n- {1}\n- {3}\n- {7}"},
		"heading alone, with text":      {"n k\nz", "n k\n\n- {1}\n- {3}\n- {7}\n\nz"},
		"heading alone, with space":     {"n k\n\nz", "n k\n\n- {1}\n- {3}\n- {7}\n\nz"},
		"heading alone in lines":        {"m<br>n k<br>z", "m<br>n k<ul><li>{1}</li><li>{3}</li><li>{7}</li></ul><br>z"},
		"heading alone in a paragraph":  {"<p>n k<br>y</p>z", "<p>n k<br>y</p><ul><li>{1}</li><li>{3}</li><li>{7}</li></ul>z"},
		"heading alone in an item":      {"<ul><li>n k</li></ul>z", "<ul><li>n k</li><li>{1}</li><li>{3}</li><li>{7}</li></ul>z"},
		"text, its tags stripped":       {"n k\n\na 2\nb 6\nz", "n k\n\n- {1}\na 2\n- {3}\nb 6\n- {7}\nz"},
		"text, and a bullet in a text":  {"n k\n5:14 AM Ann: a\n- 5:11 AM b 2\nz 6", "n k\n- {1}\n5:14 AM Ann: a\n- 5:11 AM b 2\n- {3}\nz 6\n- {7}"},
		"text, with other bullets":      {"n k\n\n• a\n  b 2\n  y\n• b 6\nz", "n k\n\n• {1}\n• a\n  b 2\n  y\n• {3}\n• b 6\n• {7}\nz"},
		"text, and a tag that is text":  {"n k\na 2\nz <a href='\nb 6", "n k\n- {1}\na 2\n- {3}\nz <a href='\nb 6\n- {7}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(note.HTML)
			codes := compose(t, o, sms(2, "entry 2"), sms(6, "entry 6"))
			body := strings.NewReplacer("k", codeAfter(t, codes, "Messages: 2 "), "2", codeAfter(t, codes, "entry 2 "), "6", codeAfter(t, codes, "entry 6 ")).Replace
			want := body(tc.want)
			for _, n := range []int{1, 3, 7} {
				e := sms(n, "<"+string(rune('0'+n))+">")
				_, inline, _ := strings.Cut(compose(t, o, e), "<li>")
				inline, _, _ = strings.Cut(inline, "</li>")
				if !strings.Contains(note.Text(tc.body, note.HTML)+tc.body, "<br>") && strings.Contains(tc.body, "\n") || tc.body == "n k" {
					inline = strings.NewReplacer("<b>", "", "</b>", "").Replace(inline)
				}
				want = strings.Replace(want, "{"+string(rune('0'+n))+"}", inline, 1)
			}
			require.Equal(t, want, add(t, body(tc.body), o, sms(1, "<1>"), sms(3, "<3>"), sms(7, "<7>")).Body)
		})
	}
}

func TestLinesOfTextAreKeptTogether(t *testing.T) {
	t.Parallel()
	for format, f := range map[string]note.Format{"markdown": note.Markdown, "plain": note.Plain} {
		for name, edit := range map[string]func(string) string{
			"untouched":             func(s string) string { return s },
			"with CRLF":             func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
			"without indents":       func(s string) string { return strings.ReplaceAll(s, "\n  ", "\n") },
			"a remark under it":     func(s string) string { return s + "\n  mine\n\tand mine\nnot of it" },
			"a remark under them":   func(s string) string { return s + "\n\nmine" },
			"heading deleted":       func(s string) string { return s[strings.Index(s, "- 5:26"):] },
			"a remark in the front": func(s string) string { return "mine\n\n" + s[strings.Index(s, "- 5:26"):] },
			"without bullets":       func(s string) string { return strings.Replace(s, "- 5:26", "5:26", 1) },
			"in bold":               func(s string) string { return strings.Replace(s, " ·", " **·**", 2) },
		} {
			t.Run(format+" "+name, func(t *testing.T) {
				t.Parallel()
				if name == "in bold" && f == note.Plain {
					t.Skip("no bold in plain text")
				}
				o := options(f)
				body := edit(compose(t, o, sms(2, "two\n\nthree"), sms(6, "six")))
				r := add(t, body, o, sms(1, "one"), sms(4, "four"), sms(8, "eight"))
				inOrder(t, r.Body, "one", "5:26", "two", "three", "four", "six", "eight")
				if strings.Contains(name, "under it") {
					inOrder(t, r.Body, "six", "  mine", "and mine", "eight", "not of it")
				}
				if name == "with CRLF" {
					require.NotContains(t, strings.ReplaceAll(r.Body, "\r\n", ""), "\n")
				}
				for _, l := range strings.Split(r.Body, "\n") {
					require.LessOrEqual(t, strings.Count(l, "·"), 1, "each on a line of its own")
				}
				require.Equal(t, idsOf(sms(1, ""), sms(2, ""), sms(4, ""), sms(6, ""), sms(8, "")), ids(r.Body, o))
			})
		}
	}
}

func TestANewBlockIsPartedFromWhatIsAbove(t *testing.T) {
	t.Parallel()
	for above, want := range map[string]string{"": "", "  ": "  ", "a": "a\n\n", "a\n": "a\n\n", "a\n\n": "a\n\n", "a\r\n": "a\r\n\r\n"} {
		for _, f := range []note.Format{note.Markdown, note.Plain} {
			body := add(t, above, options(f), sms(0, "x")).Body
			require.Equal(t, want, body[:strings.Index(body, "SMS")-2*int(2-f)])
		}
	}
	for above, want := range map[string]string{"": "", " \n": " \n", "a": "a<br><br>", "a<br>": "a<br>", "<p>a</p>": "<p>a</p>", "<p>a": "<p>a<br><br>", "a<!-- b": "a<br><br>", "a<b": "a<br><br>", "a</": "a<br><br>", "a<textarea>b": "a<br><br>", "<!doctype": "", "a\nb": "a\nb<br><br>"} {
		body := add(t, above, options(note.HTML), sms(0, "x")).Body
		require.Equal(t, want, body[:strings.Index(body, "<b>SMS")])
	}
}

func isSubsequence(part, whole string) bool {
	for i := 0; i < len(whole) && part != ""; i++ {
		if whole[i] == part[0] {
			part = part[1:]
		}
	}
	return part == ""
}

// digitsOff leaves out what the count may change.
func digitsOff(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, s)
}

// permutation is any order of n things, another each time.
func permutation(n int) []int { return rand.Perm(n) }
