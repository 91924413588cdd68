package note_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crmlog/crmlog/note"
)

func TestHowAnEntryIsWritten(t *testing.T) {
	t.Parallel()
	const url = "https://media.example.com/1"
	entry := func(kind note.Kind, text string, links ...note.Link) note.Entry {
		return note.Entry{ID: "1", Time: morning, Sender: "Kim", Kind: kind, Text: text, Links: links}
	}
	typed := func(types ...string) []note.Link {
		var all []note.Link
		for _, t := range types {
			all = append(all, note.Link{Type: t, URL: url})
		}
		return all
	}
	nobody := entry(note.Event, "Assigned to Kim")
	nobody.Sender = " "
	voicemail := entry(note.VoiceMail, "Call me", note.Link{URL: url, Type: "audio/mpeg"})
	voicemail.Length = 62 * time.Second
	for name, tc := range map[string]struct {
		entry note.Entry
		want  string // in plain text, without the time; U is the address
	}{
		"a text":                             {entry(note.SMS, "Hello"), "Kim: Hello"},
		"a text of one emoji":                {entry(note.SMS, "👍🏽"), "Kim: 👍🏽"},
		"a text in right-to-left script":     {entry(note.SMS, "שלום, Kim"), "Kim: \u2068שלום, Kim\u2069"},
		"a text of 10,000 characters":        {entry(note.SMS, strings.Repeat("0123456789", 1000)), "Kim: " + strings.Repeat("0123456789", 1000)},
		"a text of lines":                    {entry(note.SMS, "one\r\ntwo\n\nfour\n"), "Kim: one\n  two\n  \n  four"},
		"a picture with an empty text":       {entry(note.MMS, "", typed("image/png")...), "Kim: Picture: U"},
		"a voicemail without transcript":     {entry(note.VoiceMail, "", note.Link{URL: url}), "Kim: Voicemail Listen: U"},
		"a text that failed":                 {failed(entry(note.SMS, "Hello")), "Kim: Hello (not delivered)"},
		"nothing that failed":                {failed(entry(note.SMS, "")), "Kim: (no text) (not delivered)"},
		"an internal note":                   {entry(note.InternalNote, "A hard one"), "Kim (internal note): A hard one"},
		"an event":                           {entry(note.Event, "Assigned to Ann"), "Kim: Assigned to Ann"},
		"an event of nobody's":               {nobody, "– Assigned to Kim"},
		"a voicemail":                        {voicemail, "Kim: Voicemail (1:02) Listen: U\n  Call me"},
		"a recording without link":           {entry(note.VoiceMail, "", note.Link{Type: "audio/mpeg"}), "Kim: Voicemail Audio"},
		"a recording without all":            {entry(note.VoiceMail, "", note.Link{}), "Kim: Voicemail Listen"},
		"a fax":                              {entry(note.Fax, "", note.Link{URL: url, Type: "application/pdf"}), "Kim: Fax Open: U"},
		"a fax without link":                 {entry(note.Fax, "", note.Link{Type: "application/pdf"}), "Kim: Fax PDF"},
		"a file by its name":                 {entry(note.MMS, "", note.Link{Label: "roof.jpg", Type: "image/jpeg", URL: url}), "Kim: roof.jpg: U"},
		"a file that cannot be linked":       {entry(note.MMS, "Look", note.Link{Label: "roof.jpg", Type: "image/jpeg"}), "Kim: Look\n  roof.jpg"},
		"a file without name":                {entry(note.MMS, "Look", typed("image/jpeg")...), "Kim: Look\n  Picture: U"},
		"a file without name, type and link": {entry(note.MMS, "", note.Link{}), "Kim: Attachment"},
		"files of unknown type":              {entry(note.MMS, "", note.Link{URL: url}, note.Link{URL: url}), "Kim: Attachment 1: U, Attachment 2: U"},
		"every type, in order": {entry(note.MMS, "", typed("image/gif", "video/mp4", "audio/amr", "text/x-vCard; charset=utf-8", "text/vcard", "application/pdf", "application/zip", "nonsense")...),
			"Kim: Picture: U, Video: U, Audio: U, Contact card 1: U, Contact card 2: U, PDF: U, File 1: U, File 2: U"},
		"several of a type, some with names": {entry(note.MMS, "", note.Link{Type: "IMAGE/PNG", URL: url}, note.Link{Type: "video/3gpp"}, note.Link{Label: "b.png", Type: "image/png"}, note.Link{Type: "image/png", URL: url}),
			"Kim: Picture 1: U, Video, b.png, Picture 2: U"},
		"a name of nothing": {entry(note.MMS, "", note.Link{Label: " \n", Type: "image/png"}), "Kim: Picture"},
		"a pager message":   {entry(note.Pager, "", typed("image/png")...), "Kim: Picture: U"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := compose(t, options(note.Plain), tc.entry)
			_, got, _ := strings.Cut(body, "- 5:24 AM ")
			got = got[:strings.LastIndex(got, " ·")]
			require.Equal(t, strings.ReplaceAll(tc.want, "U", url), got)
			for format, f := range formats {
				require.Equal(t, []string{"1"}, ids(compose(t, options(f), tc.entry), options(f)), format)
			}
			if !strings.Contains(tc.want, "U") {
				require.NotContains(t, compose(t, options(note.HTML), tc.entry), "<a ")
			}
		})
	}
}

func TestADigestMayBeginWithAnyKind(t *testing.T) {
	t.Parallel()
	for kind := note.SMS; kind <= note.Event; kind++ {
		h := heading()
		h.Kind = kind
		body, err := note.Compose(h, []note.Entry{{ID: "1", Time: morning, Kind: kind, Text: "x"}}, options(note.HTML))
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(body, "<b>"+note.Title(h, "")+" (+16505553204)</b>"), body)
		inOrder(t, add(t, body, options(note.HTML), sms(1, "second")).Body, "Messages: 2", "second")
	}
}

func TestAMarkOfAnEntryComesFromNoText(t *testing.T) {
	t.Parallel()
	o := options(note.HTML)
	body := compose(t, o, failed(sms(0, "a")), sms(1, "Hello <b>(not delivered)</b>"), sms(2, "x …"))
	require.Equal(t, 1, strings.Count(body, "<b>(not delivered)</b>"))
	require.True(t, amend(t, body, o, failed(sms(1, ""))).Changed)
}

func TestTextOfABodyShowsWhereEntriesBegin(t *testing.T) {
	t.Parallel()
	boxes := sms(0, "Bring\n- 12 boxes\n\nThanks")
	body := compose(t, options(note.HTML), boxes, sms(1, "OK"))
	_, got, _ := strings.Cut(note.Text(body, note.HTML), "\n- ")
	require.Regexp(t, `^5:24 AM Sales Rep: Bring\n    - 12 boxes\n    \n    Thanks ·\w+\n- 5:25 AM Ann Lee: OK ·\w+$`, got)
	for html, want := range map[string]string{
		"<ul><li><p>a</p><p>b<br>c</p></li></ul>d": "- a\n    b\n    c\nd",
		"<ul><li>a<ul><li>b</li></ul>c</li></ul>":  "- a\n- b\n    c",
		"a<br>b": "a\nb",
	} {
		require.Equal(t, want, note.Text(html, note.HTML))
	}
}
