package note_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crmlog/crmlog/note"
)

// locales are one for each language, and zones in which it is spoken.
var locales = map[string]*time.Location{
	"en": losAngeles,
	"de": mustLoad("Europe/Berlin"),
	"fr": mustLoad("Europe/Paris"),
	"es": mustLoad("Europe/Madrid"),
	"pt": mustLoad("America/Sao_Paulo"),
	"it": mustLoad("Europe/Rome"),
	"nl": mustLoad("Europe/Amsterdam"),
	"ja": mustLoad("Asia/Tokyo"),
}

type goldenCase struct {
	name    string
	heading note.Heading
	entries []note.Entry
	amended []note.Entry
	options func(*note.Options)
}

// goldenCases show every word at least once.
func goldenCases() []goldenCase {
	group := heading()
	group.Others = []string{"Bob Ray", "+16505550123"}
	pictures := []note.Link{{Label: "dog.jpg", URL: "https://media.example.com/content/1?a=1&b=2"}, {URL: "https://media.example.com/content/2"}}
	pair := heading()
	pair.Others = []string{"Bob Ray"}
	unknown := heading()
	unknown.Contact = note.Person{}
	voicemail := heading()
	voicemail.Kind = note.VoiceMail
	recordings := []note.Link{{URL: "https://media.example.com/v"}, {URL: "https://media.example.com/w"}}
	fax := heading()
	fax.Kind = note.Fax
	documents := []note.Link{{URL: "https://media.example.com/f"}, {URL: "https://media.example.com/g"}}
	pager := heading()
	pager.Kind, pager.Contact = note.Pager, note.Person{Phone: "102"}
	autumn := heading()
	autumn.Day = "2015-11-01"
	night := time.Date(2015, 11, 1, 8, 30, 0, 0, time.UTC)
	failed := sms(0, "Are you there?")
	failed.Failed = true
	typed := func(id int, types ...string) note.Entry {
		e := note.Entry{ID: strconv.Itoa(id), Time: morning, Sender: "Ann Lee", Kind: note.MMS}
		for i, t := range types {
			e.Links = append(e.Links, note.Link{Type: t, URL: fmt.Sprintf("https://media.example.com/content/%d%d", id, i)})
		}
		return e
	}
	all := []goldenCase{
		{name: "SMS", heading: heading(), entries: []note.Entry{sms(0, "Flight information"), sms(1, "Thanks & bye <3\n\nAnn"), sms(2, "👍")}},
		{name: "MMS in a group", heading: group, entries: []note.Entry{
			{ID: "1", Time: morning, Sender: "Bob Ray", Kind: note.MMS, Text: "Look\nat this", Links: pictures},
			{ID: "2", Time: morning, Sender: "Ann Lee", Kind: note.MMS, Links: pictures[:1]},
			{ID: "3", Time: morning, Sender: "Ann Lee", Kind: note.MMS, Links: pictures[1:]},
			{ID: "4", Time: morning, Kind: note.MMS},
		}},
		{name: "Two correspondents", heading: pair, entries: []note.Entry{sms(0, "Hello")}},
		{name: "Somebody", heading: unknown, entries: []note.Entry{{ID: "1", Time: morning, Text: "Hello"}}},
		{name: "Voicemail", heading: voicemail, entries: []note.Entry{
			{ID: "1", Time: morning, Sender: "Ann Lee", Kind: note.VoiceMail, Length: 102 * time.Second, Text: "Please call me.", Links: recordings[:1]},
			{ID: "2", Time: morning, Sender: "Ann Lee", Kind: note.VoiceMail, Links: recordings},
			{ID: "3", Time: morning, Sender: "Ann Lee", Kind: note.VoiceMail},
		}},
		{name: "Fax", heading: fax, entries: []note.Entry{
			{ID: "1", Time: morning, Sender: "Ann Lee", Kind: note.Fax, Pages: 3, Links: documents[:1]},
			{ID: "2", Time: morning, Sender: "Ann Lee", Kind: note.Fax, Pages: 1, Text: "Contract", Links: []note.Link{{Label: "contract.pdf", URL: "https://media.example.com/f"}}},
			{ID: "3", Time: morning, Sender: "Ann Lee", Kind: note.Fax, Links: documents},
		}},
		{name: "Pager", heading: pager, entries: []note.Entry{{ID: "0012", Time: morning, Sender: "Zoë", Kind: note.Pager, Text: "שלום, Ann"}}},
		{name: "Mixed, and of another day", heading: heading(), entries: []note.Entry{
			{ID: "1", Time: morning, Sender: "Ann Lee", Kind: note.VoiceMail, Length: 65 * time.Second, Links: recordings[:1]},
			sms(1, "Did you get my voicemail?"),
			{ID: "2", Time: morning.Add(2 * time.Minute), Sender: "Sales Rep", Kind: note.Fax, Pages: 2, Links: documents[:1]},
			{ID: "3", Time: morning.AddDate(0, 0, 11), Sender: "Sales Rep", Text: "Late"},
		}},
		{name: "Files by type", heading: heading(), entries: []note.Entry{
			typed(1, "image/jpeg", "image/png", "video/mp4", "audio/amr"),
			typed(2, "text/vcard", "application/pdf", "application/zip"),
			{ID: "3", Time: morning, Sender: "Ann Lee", Kind: note.MMS, Links: []note.Link{{Type: "image/gif"}}},
		}},
		{name: "Not delivered", heading: heading(), entries: []note.Entry{failed}},
		{name: "Shared conversation", heading: heading(), entries: []note.Entry{
			{ID: "1", Time: morning, Sender: "Kim", Kind: note.InternalNote, Text: "She is in a hurry"},
			{ID: "2", Time: morning, Sender: "Kim", Kind: note.Event, Text: "Assigned to Max"},
			{ID: "3", Time: morning, Kind: note.Event, Text: "Closed"},
		}, amended: []note.Entry{{ID: "1", Time: morning, Kind: note.InternalNote, Text: "She has until Friday\nnow"}}},
		{name: "Later part, end of a long text", heading: heading(), entries: []note.Entry{
			{ID: "1", Time: morning, Sender: "Ann Lee", Text: strings.Repeat("once upon a time ", 35) + "the end", Piece: 1},
		}, options: func(o *note.Options) { o.Part, o.Limit = 2, 1000 }},
		{name: "On the day the clocks go back", heading: autumn, entries: []note.Entry{
			{ID: "1", Time: night, Sender: "Ann Lee", Text: "first"}, {ID: "2", Time: night.Add(time.Hour), Sender: "Ann Lee", Text: "an hour later"},
		}, options: func(o *note.Options) { o.Location = losAngeles }},
	}
	for i := range all {
		if all[i].options == nil {
			all[i].options = func(*note.Options) {}
		}
	}
	return all
}

// TestGolden compares with testdata/LOCALE.FORMAT: for each case its title and
// its body, an HTML body with a line break in front of each item and behind each
// br, so that it can be read.
func TestGolden(t *testing.T) {
	t.Parallel()
	for locale, zone := range locales {
		for format, f := range formats {
			t.Run(locale+" "+format, func(t *testing.T) {
				t.Parallel()
				var b strings.Builder
				for _, tc := range goldenCases() {
					o := note.Options{Format: f, Key: key, Locale: locale, Location: zone}
					tc.options(&o)
					tc.heading.Zone = o.Location.String()
					body, err := note.Compose(tc.heading, tc.entries, o)
					require.NoError(t, err)
					for _, e := range tc.amended {
						body = amend(t, body, o, e).Body
					}
					require.Equal(t, idsOf(tc.entries...), ids(body, o))
					if f == note.HTML {
						body = strings.NewReplacer("<li>", "\n<li>", "<br>", "<br>\n").Replace(body)
					}
					b.WriteString("===== " + tc.name + "\n" + note.Title(tc.heading, locale) + "\n-----\n" + body + "\n")
				}
				file := filepath.Join("testdata", locale+"."+format)
				if *update {
					require.NoError(t, os.WriteFile(file, []byte(b.String()), 0o644))
				}
				want, err := os.ReadFile(file)
				require.NoError(t, err)
				got, wanted := strings.Split(b.String(), "\n"), strings.Split(string(want), "\n")
				for i := range min(len(got), len(wanted)) {
					require.Equal(t, wanted[i], got[i], "%s:%d", file, i+1)
				}
				require.Len(t, got, len(wanted), file)
			})
		}
	}
}
