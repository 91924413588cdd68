package note_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crmlog/crmlog/note"
)

var update = flag.Bool("update", false, "write the golden files anew")

const key = "c1-4f7k2m9x"

var (
	losAngeles = mustLoad("America/Los_Angeles")
	morning    = time.Date(2015, 2, 18, 13, 24, 50, 0, time.UTC)
	formats    = map[string]note.Format{"html": note.HTML, "markdown": note.Markdown, "plain": note.Plain}
)

// rounds is how often a test of chance is repeated: full times with
// CRMLOG_PROOF=full, which make proof sets.
func rounds(usual, full int) int {
	if os.Getenv("CRMLOG_PROOF") == "full" {
		return full
	}
	return usual
}

func mustLoad(zone string) *time.Location {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		panic(err)
	}
	return loc
}

func options(f note.Format) note.Options {
	return note.Options{Format: f, Key: key, Location: losAngeles}
}

func heading() note.Heading {
	return note.Heading{
		Contact: note.Person{Name: "Ann Lee", Phone: "+16505553204"},
		Day:     "2015-02-18",
		Zone:    "America/Los_Angeles",
	}
}

// sms is the nth message of the day, a minute after the one before.
func sms(n int, text string) note.Entry {
	sender := "Ann Lee"
	if n%2 == 0 {
		sender = "Sales Rep"
	}
	return note.Entry{ID: strconv.Itoa(60279564000 + n), Time: morning.Add(time.Duration(n) * time.Minute), Sender: sender, Text: text}
}

func compose(t testing.TB, o note.Options, entries ...note.Entry) string {
	t.Helper()
	body, err := note.Compose(heading(), entries, o)
	require.NoError(t, err)
	return body
}

func add(t testing.TB, body string, o note.Options, entries ...note.Entry) note.Result {
	t.Helper()
	r, err := note.Add(body, heading(), entries, o)
	require.NoError(t, err)
	return r
}

func ids(body string, o note.Options) []string {
	var all []string
	for _, e := range note.Read(body, o).Entries {
		all = append(all, e.ID)
	}
	return all
}

func idsOf(entries ...note.Entry) []string {
	var all []string
	for _, e := range entries {
		all = append(all, e.ID)
	}
	return all
}

// inOrder requires that the parts stand in a text one after the other.
func inOrder(t testing.TB, text string, parts ...string) {
	t.Helper()
	rest := text
	for _, part := range parts {
		_, after, ok := strings.Cut(rest, part)
		require.True(t, ok, "%q is not where it should be in:\n%s", part, text)
		rest = after
	}
}

func TestWhatIsComposedIsReadBack(t *testing.T) {
	t.Parallel()
	awkward := []string{
		"0", "1", "60279564004", "5578984350117917661", "18446744073709551615", "18446744073709551616",
		"007", "00", "-1", "+1", "1.0", "6c3f1a5e-7a31-4d0d-9c1e-0a2b4c6d8e0f", "a b", "é", "\x00", "\x00\x00", "\xff\xfe", "\x01",
		strings.Repeat("9", 255), strings.Repeat("\x00", 255), strings.Repeat("\xff", 255),
	}
	times := []time.Time{time.UnixMilli(0), morning, time.Date(2081, 8, 6, 0, 0, 0, 1e6, time.UTC), time.Date(2100, 1, 1, 0, 0, 0, 999e6, time.UTC), time.Date(8888, 1, 1, 0, 0, 0, 0, time.UTC)}
	for format, f := range formats {
		for _, at := range times {
			t.Run(fmt.Sprintf("%s in the year %d", format, at.Year()), func(t *testing.T) {
				t.Parallel()
				var entries []note.Entry
				for _, id := range awkward {
					entries = append(entries, note.Entry{ID: id, Time: at.Add(time.Microsecond), Text: "x"})
				}
				body := compose(t, options(f), entries...)
				reading := note.Read(body, options(f))
				require.True(t, reading.Heading)
				require.Len(t, reading.Entries, len(awkward))
				require.ElementsMatch(t, awkward, ids(body, options(f)))
				for _, e := range reading.Entries {
					require.Equal(t, at.UTC(), e.Time)
				}
				other := options(f)
				other.Key += "x"
				require.Zero(t, note.Read(body, other), "codes are bound to the key")
				require.Zero(t, note.Read(body, note.Options{Format: f}))
			})
		}
	}
}

func TestEntriesOfTheSameTimeStandInOrderOfTheirIDs(t *testing.T) {
	t.Parallel()
	want := []string{"9", "10", "99999999999999999999", "100000000000000000000", "010", "a"}
	var entries []note.Entry
	for _, id := range slices.Backward(want) {
		entries = append(entries, note.Entry{ID: id, Time: morning})
	}
	require.Equal(t, want, ids(compose(t, options(note.HTML), entries...), options(note.HTML)))
}

func TestMarkupAndIdentityOfAnEntryTakeAtMost120Bytes(t *testing.T) {
	t.Parallel()
	const clock, sender, text = "5:25 AM", "Sender", "Text"
	for format, f := range formats {
		for name, id := range map[string]string{"13 digits": "9007199254740", "20 digits": "18446744073709551615", "UUID": "6c3f1a5e-7a31-4d0d-9c1e-0a2b4c6d8e0f"} {
			t.Run(format+" "+name, func(t *testing.T) {
				t.Parallel()
				one := compose(t, options(f), sms(0, "first"))
				two := add(t, one, options(f), note.Entry{ID: id, Time: morning.Add(time.Minute), Sender: sender, Text: text}).Body
				require.Contains(t, two, clock)
				require.LessOrEqual(t, len(two)-len(one)-len(clock)-len(sender)-len(text), 120)
				if name == "13 digits" {
					require.LessOrEqual(t, len(two)-len(one)-len(clock)-len(sender)-len(text), 45)
				}
			})
		}
	}
}

func TestTitle(t *testing.T) {
	t.Parallel()
	ann := note.Person{Name: "Ann Lee", Phone: "+16505553204"}
	for want, h := range map[string]note.Heading{
		"SMS with Ann Lee":                          {Contact: ann},
		"SMS with +16505553204":                     {Contact: note.Person{Phone: "+16505553204"}},
		"SMS with Unknown":                          {},
		"SMS with Ann Lee and Bob":                  {Kind: note.MMS, Contact: ann, Others: []string{"Bob"}},
		"SMS with Ann Lee and 2 others":             {Contact: ann, Others: []string{"Bob", "Carl"}},
		"Voicemail from Ann Lee":                    {Kind: note.VoiceMail, Contact: ann},
		"Fax with Ann Lee":                          {Kind: note.Fax, Contact: ann},
		"Pager messages with Ann Lee":               {Kind: note.Pager, Contact: ann},
		"SMS with A B <b>":                          {Contact: note.Person{Name: " A\r\n\x00B <b>\t"}},
		"SMS with \u2068שלום\u2069":                 {Contact: note.Person{Name: "שלום"}},
		"SMS with " + strings.Repeat("x", 80):       {Contact: note.Person{Name: strings.Repeat("x", 80)}},
		"SMS with " + strings.Repeat("é", 79) + "…": {Contact: note.Person{Name: strings.Repeat("é", 81)}},
	} {
		require.Equal(t, want, note.Title(h, ""))
	}
}

func TestBadInputIsRefusedByTheNameOfItsField(t *testing.T) {
	t.Parallel()
	secret := "secret-of-ann"
	link := func(url string) note.Entry {
		e := sms(1, secret)
		e.Links = []note.Link{{URL: "https://example.com"}, {URL: url}}
		return e
	}
	for field, change := range map[string]func(*note.Heading, *note.Entry, *note.Options){
		"Options.Key":                       func(_ *note.Heading, _ *note.Entry, o *note.Options) { o.Key = "" },
		"Options.Format":                    func(_ *note.Heading, _ *note.Entry, o *note.Options) { o.Format = 3 },
		"Heading.Kind":                      func(h *note.Heading, _ *note.Entry, _ *note.Options) { h.Kind = 7 },
		"Heading.Day":                       func(h *note.Heading, _ *note.Entry, _ *note.Options) { h.Day = secret },
		"entries[1].ID has 0":               func(_ *note.Heading, e *note.Entry, _ *note.Options) { e.ID = "" },
		"entries[1].ID has 256":             func(_ *note.Heading, e *note.Entry, _ *note.Options) { e.ID = strings.Repeat("x", 256) },
		"entries[1].Time is in the year 1,": func(_ *note.Heading, e *note.Entry, _ *note.Options) { e.Time = time.Time{} },
		"entries[1].Time is in the year 9000,": func(_ *note.Heading, e *note.Entry, _ *note.Options) {
			e.Time = time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC)
		},
		"entries[1].Kind":                    func(_ *note.Heading, e *note.Entry, _ *note.Options) { e.Kind = -1 },
		"entries[1].Links[1].URL (26 bytes)": func(_ *note.Heading, e *note.Entry, _ *note.Options) { *e = link("http://example.com/secret-") },
		"entries[1].Links[1].URL (27 bytes)": func(_ *note.Heading, e *note.Entry, _ *note.Options) { *e = link("javascript:alert(secret_of)") },
		"entries[1].Links[1].URL (28 bytes)": func(_ *note.Heading, e *note.Entry, _ *note.Options) { *e = link("https://ann:secret@a.example") },
		"entries[1].Links[1].URL (8 bytes)":  func(_ *note.Heading, e *note.Entry, _ *note.Options) { *e = link("https://") },
		"entries[1].Links[1].URL (10 bytes)": func(_ *note.Heading, e *note.Entry, _ *note.Options) { *e = link("https:/a/b") },
		"entries[1].Links[1].URL (12 bytes)": func(_ *note.Heading, e *note.Entry, _ *note.Options) { *e = link("https://a/\n\x00") },
		"entries[1].Links[1].URL (21 bytes)": func(_ *note.Heading, e *note.Entry, _ *note.Options) { *e = link("data:text/html,secret") },
	} {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			h, e, o := heading(), sms(1, secret), options(note.HTML)
			change(&h, &e, &o)
			r, err := note.Add("body", h, []note.Entry{sms(0, "good"), e}, o)
			require.ErrorIs(t, err, note.ErrInvalid)
			require.ErrorContains(t, err, field)
			require.NotContains(t, err.Error(), "secret")
			require.Zero(t, r, "nothing half done")
		})
	}
}
