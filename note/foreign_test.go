package note_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/crmlog/crmlog/note"
)

// appConnect are bodies as RingCentral's extension leaves them: it does not
// escape texts, and never says "1 message".
var appConnect = map[string]func(entries ...note.Entry) string{
	"html": func(entries ...note.Entry) string {
		var b strings.Builder
		fmt.Fprintf(&b, "<br><b>SMS conversation with Ann Lee - 15/02/18</b><br><b>Conversation summary</b><br>Wednesday, February 18, 2015<br>"+
			"Participants<br><ul><li><b>Sales Rep</b><br></li><li><b>Ann Lee</b></li></ul><br>"+
			"Conversation(%d messages)<br>BEGIN<br>------------<br><ul>", len(entries))
		for _, e := range entries {
			b.WriteString("<li>" + asAppConnectSigns(e) + "<br><b>" + e.Text + "</b></li>")
		}
		return b.String() + "</ul>------------<br>END<br><br>--- Created via RingCentral App Connect"
	},
	"plain": func(entries ...note.Entry) string {
		var b strings.Builder
		fmt.Fprintf(&b, "SMS conversation with Ann Lee - 15/02/18\n\nConversation summary\nWednesday, February 18, 2015\nParticipants\n    Sales Rep\n    Ann Lee\n\n"+
			"Conversation(%d messages)\nBEGIN\n------------\n", len(entries))
		for _, e := range entries {
			b.WriteString("\n" + asAppConnectSigns(e) + "\n" + e.Text + "\n")
		}
		return b.String() + "------------\nEND\n\n--- Created via RingCentral App Connect"
	},
}

func asAppConnectSigns(e note.Entry) string {
	who := e.Sender
	if who == "Ann Lee" {
		who += " (+16505553204)"
	}
	return who + " " + e.Time.In(losAngeles).Format("03:04 PM")
}

func TestADigestOfAppConnectIsContinuedInItsList(t *testing.T) {
	t.Parallel()
	m := func(n int) note.Entry { return sms(n, fmt.Sprintf("text %d\nmore %d", n, n)) }
	for format, body := range appConnect {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			o := options(formats[format])
			begun := body(m(2), m(4), m(6))
			r := add(t, begun, o, m(7), m(1), m(5), m(3), m(4))
			require.Equal(t, idsOf(m(7), m(1), m(5), m(3)), r.Added)
			require.Equal(t, idsOf(m(4)), r.Present)
			require.True(t, isSubsequence(digitsOff(begun), digitsOff(r.Body)))
			text := note.Text(r.Body, o.Format)
			inOrder(t, text, "Conversation summary", "Participants", "Conversation(7 messages)", "BEGIN", "-----\n",
				"- 5:25 AM Ann Lee: text 1", "more 1", "text 2", "text 3", "text 4", "text 5", "text 6", "- 5:31 AM Ann Lee: text 7", "more 7",
				"\n------------\nEND\n", "Created via")
			require.NotContains(t, text, "SMS with")
			require.Equal(t, idsOf(m(1), m(3), m(5), m(7)), ids(r.Body, o))
			require.False(t, note.Read(r.Body, o).Heading)
			require.True(t, note.Read(r.Body, o).Ours)
			if format == "html" {
				require.Equal(t, 2, strings.Count(r.Body, "<ul>"))
				require.Contains(t, r.Body, "</ul>------------<br>END", "so that App Connect can go on as well")
			}

			all := []note.Entry{m(1), m(2), m(3), m(4), m(5), m(6), m(7)}
			again := add(t, r.Body, o, all...)
			require.Equal(t, note.Result{Body: r.Body, Present: idsOf(all...)}, again)

			oneByOne := begun
			for _, e := range all {
				oneByOne = add(t, oneByOne, o, e).Body
			}
			require.Equal(t, r.Body, oneByOne)

			r = add(t, r.Body, o, sms(8, "text 8"))
			inOrder(t, note.Text(r.Body, o.Format), "Conversation(8 messages)", "more 7", "- 5:32 AM Sales Rep: text 8", "------------\nEND")

			amended := amend(t, r.Body, o, failed(m(7)))
			require.True(t, amended.Changed)
			require.False(t, amend(t, r.Body, o, failed(m(2))).Found)
			o.Limit = len(begun)
			require.Equal(t, note.Result{Body: begun, Left: []note.Left{{ID: m(1).ID}}}, add(t, begun, o, m(1)))
		})
	}
}

func TestWhichMessageAnEntryOfAppConnectIs(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		old, given note.Entry
		change     func(*note.Heading)
		present    bool
	}{
		"the same":                      {sms(1, "OK"), sms(1, "OK"), nil, true},
		"white space differs":           {sms(1, " a\n\n b  c "), sms(1, "a\nb\tc"), nil, true},
		"another text":                  {sms(1, "OK"), sms(1, "OK!"), nil, false},
		"another minute":                {sms(1, "OK"), sms(3, "OK"), nil, false},
		"twelve hours later":            {sms(1, "OK"), sms(1+12*60, "OK"), nil, false},
		"another day":                   {sms(1, "OK"), sms(1+24*60, "OK"), nil, false},
		"another second of the minute":  {sms(1, "OK"), withTime(sms(1, "OK"), sms(1, "").Time.Add(9*time.Second)), nil, true},
		"the other side":                {sms(1, "OK"), withSender(sms(1, "OK"), "Sales Rep"), nil, false},
		"the user under another name":   {sms(2, "OK"), withSender(sms(2, "OK"), "Sam"), nil, true},
		"another person in a group":     {sms(2, "OK"), withSender(sms(2, "OK"), "Bob"), func(h *note.Heading) { h.Others = []string{"Bob"} }, false},
		"the contact under its number":  {sms(1, "OK"), withSender(sms(1, "OK"), "+16505553204"), func(h *note.Heading) { h.Contact.Name = "" }, false},
		"markup that it let stand":      {sms(1, "a <b>b</b> &amp; c"), sms(1, "a <b>b</b> &amp; c"), nil, true},
		"a tag that it let swallow":     {sms(1, "1 <2 and 3> 2"), sms(1, "1 <2 and 3> 2"), nil, true},
		"an empty text":                 {sms(1, ""), sms(1, ""), nil, true},
		"a line like a sender and time": {sms(1, "Bob 05:30 AM\nsee you"), sms(1, "Bob 05:30 AM\nsee you"), nil, true},
		"a line like the end":           {sms(1, "a\n------------\nb"), sms(1, "a\n------------\nb"), nil, true},
		"a fax, of which it has no link": {sms(1, ""), func() note.Entry {
			e := sms(1, "")
			e.Kind = note.Fax
			return e
		}(), nil, false},
	} {
		for format, body := range appConnect {
			t.Run(name+" in "+format, func(t *testing.T) {
				t.Parallel()
				h := heading()
				if tc.change != nil {
					tc.change(&h)
				}
				r, err := note.Add(body(sms(0, "first"), tc.old), h, []note.Entry{tc.given}, options(formats[format]))
				require.NoError(t, err)
				if format == "plain" && strings.Contains(tc.given.Text, "<") {
					require.Len(t, r.Present, 1)
					return
				}
				require.Equal(t, tc.present, len(r.Present) == 1, r.Body)
				want := "Conversation(3 messages)"
				if tc.present {
					want = "Conversation(2 messages)"
				}
				require.Contains(t, r.Body, want)
			})
		}
	}
}

func withTime(e note.Entry, at time.Time) note.Entry {
	e.Time = at
	return e
}

func withSender(e note.Entry, sender string) note.Entry {
	e.Sender = sender
	return e
}

func TestAnEntryOfAppConnectIsOneMessageOfACall(t *testing.T) {
	t.Parallel()
	o := options(note.HTML)
	one, two, three := sms(2, "OK"), sms(4, "OK"), sms(6, "OK")
	two.Time, three.Time = one.Time.Add(time.Second), one.Time.Add(2*time.Second)
	r := add(t, appConnect["html"](one, two), o, one, two, three)
	require.Equal(t, idsOf(one, two), r.Present)
	require.Equal(t, idsOf(three), r.Added)
	require.Equal(t, r.Body, add(t, r.Body, o, one, two, three).Body)
}

// What a CRM or people may have made of a body of the messages 2 and 4.
func TestWhatBecameOfADigestOfAppConnect(t *testing.T) {
	t.Parallel()
	m := func(n int) note.Entry { return sms(n, fmt.Sprintf("text %d", n)) }
	begun := appConnect["html"](m(2), m(4))
	item := func(n int) string {
		_, rest, _ := strings.Cut(begun, "------------<br><ul>")
		for _, s := range strings.SplitAfter(rest, "</li>") {
			if strings.Contains(s, m(n).Text) {
				return s
			}
		}
		panic(n)
	}
	replace := func(old, new string) string {
		require.Equal(t, 1, strings.Count(begun, old), old)
		return strings.Replace(begun, old, new, 1)
	}
	tests := map[string]struct {
		body    string
		present []int
		want    []string // parts of the visible text, in order, when 1, 3 and 5 came, and 2 and 4 again
	}{
		"a remark in the list":         {replace(item(4), "<li>mine</li>"+item(4)), []int{2, 4}, []string{"(5 messages)", "text 1", "text 2", "text 3", "mine", "text 4", "text 5", "---\nEND"}},
		"a remark above and below":     {"mine<br>" + begun + "<br>his", []int{2, 4}, []string{"mine", "(5 messages)", "text 1", "text 2", "text 3", "text 4", "text 5", "---\nEND", "his"}},
		"a remark in an entry":         {replace("text 2</b>", "text 2</b> mine"), []int{4}, []string{"(6 messages)", "text 1", "text 2 mine", "text 2", "text 3", "text 4", "text 5", "---\nEND"}},
		"an entry deleted":             {replace(item(2), ""), []int{4}, []string{"(5 messages)", "text 1", "text 2", "text 3", "text 4", "text 5", "---\nEND"}},
		"all entries deleted":          {replace(item(2)+item(4), ""), nil, []string{"(5 messages)", "BEGIN", "text 1", "text 2", "text 3", "text 4", "text 5", "---\nEND"}},
		"list deleted":                 {replace("<ul>"+item(2)+item(4)+"</ul>", ""), nil, []string{"(5 messages)", "BEGIN", "text 1", "text 2", "text 3", "text 4", "text 5", "---\nEND"}},
		"END deleted":                  {replace("------------<br>END", ""), []int{2, 4}, []string{"(5 messages)", "text 1", "text 2", "text 3", "text 4", "text 5", "Created"}},
		"BEGIN deleted":                {replace("BEGIN<br>", ""), []int{2, 4}, []string{"(5 messages)", "text 1", "text 2", "text 3", "text 4", "text 5", "---\nEND"}},
		"participants deleted":         {replace("<ul><li><b>Sales Rep</b><br></li><li><b>Ann Lee</b></li></ul>", ""), []int{2, 4}, []string{"(5 messages)", "text 1", "text 2", "text 3", "text 4", "text 5", "---\nEND"}},
		"another date":                 {replace("February 18, 2015", "February 17, 2015"), nil, []string{"(7 messages)", "text 2", "text 4", "text 1", "text 2", "text 3", "text 4", "text 5", "---\nEND"}},
		"no date":                      {replace("Wednesday, February 18, 2015", "today"), []int{2, 4}, []string{"(5 messages)", "text 1", "text 2", "text 3", "text 4", "text 5", "---\nEND"}},
		"the count in bold":            {replace("(2 messages)", "(<b>2</b> messages)"), []int{2, 4}, []string{"(5 messages)", "text 1", "---\nEND"}},
		"the count deleted":            {replace("Conversation(2 messages)", ""), nil, []string{"text 2", "text 4", "---\nEND", "Created", "SMS with", "Messages: 5", "text 1", "text 2", "text 5"}},
		"the count in words":           {replace("(2 messages)", "(two messages)"), nil, []string{"text 2", "text 4", "---\nEND", "Created", "SMS with", "Messages: 5", "text 1", "text 2", "text 5"}},
		"a time changed":               {replace("05:26 AM", "13:26"), []int{4}, []string{"(5 messages)", "13:26", "text 1", "text 2", "text 3", "text 4", "text 5", "---\nEND"}},
		"pasted twice":                 {begun + begun, []int{2, 4}, []string{"(5 messages)", "text 1", "text 2", "text 3", "text 4", "text 5", "---\nEND", "(2 messages)", "text 2", "text 4", "---\nEND"}},
		"our own digest below it":      {begun + compose(t, options(note.HTML), m(2)), []int{2}, []string{"(2 messages)", "text 2", "text 4", "---\nEND", "Messages: 5", "text 1", "text 2", "text 3", "text 4", "text 5"}},
		"digits that are no sort of n": {replace("(2 messages)", "(20000000000 messages)"), nil, []string{"---\nEND", "Messages: 5", "text 1", "text 2"}},
	}
	for name, rewrite := range rewriters {
		switch name {
		case "one line", "testcrm's OneLine", "testcrm's BreaksToNewlines", "in a div", "in divs and body", "heading in paragraphs", "heading in divs", "codes in links":
			continue // no lines, or made for our own markup
		}
		want := []string{"(5 messages)", "text 1", "text 2", "text 3", "text 4", "text 5", "---", "END"}
		tests["rewritten: "+name] = struct {
			body    string
			present []int
			want    []string
		}{rewrite(begun), []int{2, 4}, want}
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(note.HTML)
			r := add(t, tc.body, o, m(5), m(1), m(3), m(2), m(4))
			var present []note.Entry
			for _, n := range tc.present {
				present = append(present, m(n))
			}
			require.ElementsMatch(t, idsOf(present...), r.Present)
			inOrder(t, strings.ReplaceAll(note.Text(r.Body, note.HTML), "\u00a0", " "), tc.want...)
			require.True(t, isSubsequence(digitsOff(tc.body), digitsOff(r.Body)))
			again := add(t, r.Body, o, m(5), m(1), m(3), m(2), m(4))
			require.Equal(t, r.Body, again.Body)
		})
	}
}

// What a texter sends does not pass for a digest of App Connect.
func TestATextThatLooksLikeADigestOfAppConnectIsText(t *testing.T) {
	t.Parallel()
	fake := strings.Join(strings.Split(html.UnescapeString(strings.NewReplacer("<br>", "\n", "</li>", "\n", "<li>", "").Replace(appConnect["html"](sms(2, "text 2")))), "\n"), "\n")
	fake = strings.NewReplacer("<b>", "", "</b>", "", "<ul>", "", "</ul>", "").Replace(fake)
	for format, f := range formats {
		o := options(f)
		body := compose(t, o, sms(1, fake))
		want := body
		if i := strings.IndexAny(body, "·"); i >= 0 { // a person deleted the heading
			if f == note.HTML {
				body = body[strings.Index(body, "<ul>"):]
			} else {
				body = body[strings.Index(body, "\n\n")+2:]
			}
		}
		r := add(t, body, o, sms(2, "text 2"))
		require.Equal(t, idsOf(sms(2, "")), r.Added, "%s: no text suppresses a message", format)
		require.Contains(t, r.Body, "1 messages", "no text is changed")
		require.Equal(t, idsOf(sms(2, "")), add(t, want, o, sms(2, "text 2")).Added)
		require.Equal(t, idsOf(sms(1, ""), sms(2, "")), ids(r.Body, o))
	}
}

func TestAnyOrderOfArrivalMakesTheSameContinuation(t *testing.T) {
	t.Parallel()
	for format, body := range appConnect {
		o := options(formats[format])
		begun := body(sms(3, "a"), sms(5, "b\nc"), sms(9, "d"))
		var entries []note.Entry
		for n := range 12 {
			entries = append(entries, sms(n, []string{"x", "y\nz", ""}[n%3]))
		}
		want := add(t, begun, o, entries...).Body
		require.Contains(t, want, "Conversation(15 messages)")
		for range 20 {
			got := begun
			for _, i := range permutation(len(entries)) {
				got = add(t, got, o, entries[i]).Body
			}
			require.Equal(t, want, got)
		}
		require.True(t, slices.IsSorted(ids(want, o)))
	}
}
