package note_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/crmlog/crmlog/note"
)

// sizes are ways in which CRMs count.
var sizes = map[string]func(string) int{
	"bytes":        nil,
	"stored bytes": note.StoredHTMLSize,
	"characters":   utf8.RuneCountInString,
	"UTF-16 units": func(s string) int { return len(utf16.Encode([]rune(s))) },
	"bytes of a JSON string in ASCII": func(s string) int {
		n := len(`""`)
		for _, r := range s {
			switch {
			case r > 0xFFFF:
				n += len(`\u0000\u0000`)
			case r > 0x7E:
				n += len(`\u0000`)
			case strings.ContainsRune("\"\\\n\t", r):
				n += 2
			default:
				n++
			}
		}
		return n
	},
}

func sizeOf(body string, o note.Options) int {
	if o.Size == nil {
		return len(body)
	}
	return o.Size(body)
}

// logAll adds batches of entries as the router does: what is left goes into the
// next part. It returns the bodies of the parts.
func logAll(t testing.TB, h note.Heading, o note.Options, batches ...[]note.Entry) []string {
	t.Helper()
	parts := []string{""}
	for _, batch := range batches {
		for len(batch) > 0 {
			o.Part = len(parts)
			last := &parts[len(parts)-1]
			r, err := note.Add(*last, h, batch, o)
			require.NoError(t, err)
			require.True(t, r.Body != "", "a new body takes something")
			require.Len(t, batch, len(r.Added)+len(r.Present)+len(r.Left))
			require.LessOrEqual(t, sizeOf(r.Body, o), o.Limit)
			require.True(t, utf8.ValidString(r.Body))
			*last = r.Body

			again, err := note.Add(r.Body, h, batch, o)
			require.NoError(t, err)
			require.Equal(t, r.Body, again.Body, "adding twice is adding once")
			require.Equal(t, r.Left, again.Left)

			var left []note.Entry
			for _, l := range r.Left {
				e := batch[slices.IndexFunc(batch, func(e note.Entry) bool { return e.ID == l.ID })]
				require.GreaterOrEqual(t, l.NextPiece, e.Piece)
				e.Piece = l.NextPiece
				left = append(left, e)
			}
			require.True(t, slices.IsSortedFunc(left, func(a, b note.Entry) int { return a.Time.Compare(b.Time) }))
			if batch = left; len(left) > 0 {
				parts = append(parts, "")
			}
		}
	}
	return parts
}

var (
	entryHTML  = regexp.MustCompile(`(?s)<li>[^<]* <b>([^<]*)</b>( \(continued\))?: (.*?)( …)? ·\w+</li>`)
	entryPlain = regexp.MustCompile(`(?s)\n- [\d:]+ [AP]M ([^:\n]*?)( \(continued\))?: (.*?)( …)? ·\w+(?:\n|$)`)
)

// textsIn returns the texts that stand in parts, with their pieces together.
func textsIn(t testing.TB, parts []string, o note.Options) []string {
	t.Helper()
	var texts []string
	open := false
	for n, body := range parts {
		re, br := entryHTML, "<br>"
		if o.Format == note.Plain {
			re, br, body = entryPlain, "\n  ", strings.ReplaceAll(body, "\n- ", "\n\n- ")
		}
		for _, m := range re.FindAllStringSubmatch(body, -1) {
			text := strings.NewReplacer(br, "\n", "\u2068", "", "\u2069", "").Replace(m[3])
			if o.Format == note.HTML {
				text = html.UnescapeString(text)
			}
			require.Equal(t, open, m[2] != "", "part %d: what goes on says so", n+1)
			if open {
				text = texts[len(texts)-1] + text
				texts = texts[:len(texts)-1]
			}
			texts = append(texts, text)
			open = m[4] != ""
		}
	}
	require.False(t, open)
	return texts
}

// standIn requires that each message stands in one of the parts to its end, and
// the parts know themselves.
func standIn(t testing.TB, parts []string, entries []note.Entry, o note.Options) {
	t.Helper()
	var all []string
	for i, body := range parts {
		o.Part = i + 1
		r := note.Read(body, o)
		require.True(t, r.Heading)
		require.True(t, r.Ours)
		require.Equal(t, i+1, r.Part)
		all = append(all, ids(body, o)...)
		o.Part = i + 2
		require.False(t, note.Read(body, o).Heading)
		require.Equal(t, i+1, note.Read(body, o).Part)
	}
	require.Equal(t, idsOf(entries...), all)
}

func numbered(n int, text func(i int) string) []note.Entry {
	var all []note.Entry
	for i := range n {
		all = append(all, note.Entry{ID: strconv.Itoa(60279564000 + i), Time: morning.Add(time.Duration(i) * time.Second), Sender: "Ann Lee", Text: text(i)})
	}
	return all
}

var longDays = func() map[string][]note.Entry {
	words := strings.Fields("Shall we meet at ten or rather call? \"Yes\" & 'no' <3 👍 👨‍👩‍👧 über 日本語 a\nb 🇩🇪🇫🇷 é")
	random := rand.New(rand.NewPCG(5, 6))
	anyText := func(int) string {
		var b strings.Builder
		for n := int(1000 * random.ExpFloat64() * random.ExpFloat64()); b.Len() <= n; {
			b.WriteString(words[random.IntN(len(words))])
			b.WriteString([]string{" ", " ", "", "\n"}[random.IntN(4)])
		}
		return strings.Trim(b.String(), "\n")
	}
	one := func(s string) []note.Entry { return numbered(1, func(int) string { return s }) }
	return map[string][]note.Entry{
		"texts of any length":         numbered(25, anyText),
		"many short texts":            numbered(150, func(i int) string { return fmt.Sprint(i) }),
		"a long text between others":  numbered(9, func(i int) string { return strings.Repeat("ab ", []int{1, 9, 2000}[i/2%3]) + "." }),
		"many lines":                  one(strings.Repeat("x\n", 1200) + "x"),
		"what has to be escaped":      one(strings.Repeat(`"<&'`, 400)),
		"large emoji":                 one("x" + strings.Repeat("👩🏽‍❤️‍💋‍👨🏿", 150)),
		"one character with accents":  one("e" + strings.Repeat("\u0301", 3000)),
		"right-to-left text":          one(strings.Repeat("\u2067שלום\u202e ", 400)),
		"a short text":                one("x"),
		"a text of exactly one piece": one(strings.Repeat("x", 2000)),
		"a text of one byte more":     one(strings.Repeat("x", 2001)),
	}
}()

func TestADayThatDoesNotFitIntoOneRecordGoesOnInTheNext(t *testing.T) {
	t.Parallel()
	for name, entries := range longDays {
		for unit, size := range sizes {
			for format, f := range map[string]note.Format{"HTML": note.HTML, "plain text": note.Plain} {
				if unit != "bytes" && (unit != "stored bytes" || f != note.HTML) && (name != "texts of any length" || f != note.HTML) {
					continue
				}
				t.Run(name+" in "+unit+" of "+format, func(t *testing.T) {
					t.Parallel()
					o := options(f)
					o.Limit, o.Size = 4000, size
					goesOnInParts(t, o, entries)
				})
			}
		}
	}
}

// goesOnInParts returns the parts into which entries go.
func goesOnInParts(t *testing.T, o note.Options, entries []note.Entry) []string {
	t.Helper()
	parts := logAll(t, heading(), o, entries)
	texts := textsIn(t, parts, o)
	require.Len(t, texts, len(entries))
	for i, e := range entries {
		require.True(t, e.Text == texts[i], "text %d of %d bytes is there, whole and in order", i, len(e.Text))
	}
	standIn(t, parts, entries, o)

	if len(entries) == 1 {
		return parts
	}
	// In any batches, as long as they come in order.
	random := rand.New(rand.NewPCG(7, uint64(len(entries))))
	var batches [][]note.Entry
	for rest := entries; len(rest) > 0; {
		n := 1 + random.IntN(min(len(rest), max(30, len(entries)/5)))
		batches, rest = append(batches, rest[:n]), rest[n:]
	}
	require.True(t, slices.Equal(parts, logAll(t, heading(), o, batches...)))
	return parts
}

func TestPipedrivesLimit(t *testing.T) {
	t.Parallel()
	o := options(note.HTML)
	o.Limit, o.Size = 90_000, note.StoredHTMLSize

	t.Run("1,500 texts of 100 characters take as many records as they need", func(t *testing.T) {
		t.Parallel()
		entries := numbered(1500, func(i int) string { return fmt.Sprintf("%04d %s", i, strings.Repeat("x", 95)) })
		parts := goesOnInParts(t, o, entries)
		total := 0
		for _, body := range parts {
			total += note.StoredHTMLSize(body)
		}
		require.Len(t, parts, (total+o.Limit-1)/o.Limit)
		require.Len(t, parts, 3)
	})
	t.Run("a text of 140,000 two-byte characters is whole", func(t *testing.T) {
		t.Parallel()
		parts := goesOnInParts(t, o, numbered(1, func(int) string { return strings.Repeat("éüñß", 35_000) }))
		require.Len(t, parts, 4)
	})
	t.Run("a text of up to 86,000 bytes is not cut", func(t *testing.T) {
		t.Parallel()
		for n, pieces := range map[int]int{86_000: 1, 86_001: 2, 172_000: 2, 172_001: 3} {
			parts := goesOnInParts(t, o, numbered(1, func(int) string { return strings.Repeat("x", n) }))
			require.Equal(t, pieces-1, strings.Count(strings.Join(parts, ""), "</b> (continued): "))
		}
	})
}

func limited(f note.Format, limit int) note.Options {
	o := options(f)
	o.Limit = limit
	return o
}

func TestWhatDoesNotFitIsLeft(t *testing.T) {
	t.Parallel()
	long := func(n, size int) note.Entry { return sms(n, strings.Repeat("x", size)) }
	at := func(e note.Entry, piece int) note.Entry {
		e.Piece = piece
		return e
	}
	of := func(ns ...int) []string {
		var all []string
		for _, n := range ns {
			all = append(all, sms(n, "").ID)
		}
		return all
	}
	left := func(n, next int) note.Left { return note.Left{ID: sms(n, "").ID, NextPiece: next} }
	standing := []note.Entry{long(2, 1000), sms(4, "x")}
	for name, tc := range map[string]struct {
		standing []note.Entry
		add      []note.Entry
		added    []string
		present  []string
		left     []note.Left
	}{
		"nothing, when all fits":                                     {standing, []note.Entry{long(6, 1000), long(8, 1000)}, of(6, 8), nil, nil},
		"the latest":                                                 {standing, []note.Entry{long(8, 2000), long(6, 1000)}, of(6), nil, []note.Left{left(8, 0)}},
		"what is later than what does not fit":                       {standing, []note.Entry{sms(9, "y"), long(6, 1000), long(7, 1000), long(8, 1000)}, of(6, 7), nil, []note.Left{left(8, 0), left(9, 0)}},
		"all, when the oldest does not fit":                          {append(standing, long(5, 1500)), []note.Entry{long(6, 1400), sms(9, "y")}, nil, nil, []note.Left{left(6, 0), left(9, 0)}},
		"not what is late and fits":                                  {standing, []note.Entry{long(9, 2000), long(3, 1000), sms(1, "y")}, of(3, 1), nil, []note.Left{left(9, 0)}},
		"not what stands":                                            {append(standing, long(5, 1500)), []note.Entry{long(6, 1400), sms(4, "x")}, nil, of(4), []note.Left{left(6, 0)}},
		"the end of a long text":                                     {nil, []note.Entry{long(0, 5000)}, nil, nil, []note.Left{left(0, 1)}},
		"the end of a long text and what is later":                   {nil, []note.Entry{long(0, 5000), sms(1, "y")}, nil, nil, []note.Left{left(0, 1), left(1, 0)}},
		"a long text, of which no piece fits":                        {append(standing, long(5, 1500)), []note.Entry{long(6, 5000)}, nil, nil, []note.Left{left(6, 0)}},
		"the end, when the beginning stands elsewhere":               {nil, []note.Entry{at(long(0, 7000), 1)}, nil, nil, []note.Left{left(0, 2)}},
		"nothing, when all but the last stands elsewhere":            {nil, []note.Entry{at(long(0, 5000), 2), sms(1, "y")}, of(0, 1), nil, nil},
		"nothing of a text that stands, by its last piece":           {[]note.Entry{at(long(0, 5000), 2)}, []note.Entry{long(0, 5000), sms(1, "y")}, of(1), of(0), nil},
		"the end, when the first piece stands here":                  {[]note.Entry{long(0, 5000)}, []note.Entry{long(0, 5000)}, nil, nil, []note.Left{left(0, 1)}},
		"the end, whatever was said, when a later piece stands here": {[]note.Entry{at(long(0, 9000), 2)}, []note.Entry{at(long(0, 9000), 1)}, nil, nil, []note.Left{left(0, 3)}},
		"what a small rest of a long text leaves no room for":        {[]note.Entry{at(long(0, 5000), 2)}, []note.Entry{long(6, 2000), long(8, 2000)}, of(6), nil, []note.Left{left(8, 0)}},
		"nothing of a text that is shorter than it was":              {nil, []note.Entry{at(long(0, 1000), 3)}, of(0), nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := limited(note.HTML, 4000)
			body := add(t, "", o, tc.standing...).Body
			r := add(t, body, o, tc.add...)
			require.Equal(t, tc.added, r.Added)
			require.Equal(t, tc.present, r.Present)
			require.Equal(t, tc.left, r.Left)
			require.LessOrEqual(t, len(r.Body), 4000)
			require.Subset(t, ids(r.Body, o), append(tc.added, tc.present...))
			require.True(t, isSubsequence(digitsOff(body), digitsOff(r.Body)))
		})
	}
}

func TestNothingIsTakenOutOfABodyThatIsTooLong(t *testing.T) {
	t.Parallel()
	o := limited(note.HTML, 4000)
	for _, body := range []string{strings.Repeat("mine ", 1000), compose(t, options(note.HTML), sms(2, strings.Repeat("x", 5000)))} {
		r := add(t, body, o, sms(1, "y"), sms(3, "z"))
		require.Equal(t, note.Result{Body: body, Left: []note.Left{{ID: sms(1, "").ID}, {ID: sms(3, "").ID}}}, r)
	}
}

func TestALimitWithoutRoomForAnEntryIsRefused(t *testing.T) {
	t.Parallel()
	e := sms(0, "Hello")
	e.ID = strings.Repeat("x", 255)
	for format, f := range formats {
		for _, limit := range []int{1, 2, 3, 10, 100, 300} {
			_, err := note.Add("", heading(), []note.Entry{e}, limited(f, limit))
			require.ErrorIs(t, err, note.ErrInvalid, format)
			require.ErrorContains(t, err, "Options.Limit is "+strconv.Itoa(limit))
			require.NotContains(t, err.Error(), "Hello")
		}
	}
	_, err := note.Compose(heading(), []note.Entry{sms(0, strings.Repeat("x", 6000)), sms(1, "y")}, limited(note.Plain, 4000))
	require.ErrorContains(t, err, "Options.Limit is 4000")
}

// Nothing is told as added that does not stand.
func TestAMessageWithoutTextIsAddedOrNotUnderAnyLimit(t *testing.T) {
	t.Parallel()
	for format, f := range formats {
		for kind := note.SMS; kind <= note.Event; kind++ {
			e := sms(1, "")
			e.Kind = kind
			for limit := 1; limit < 300; limit += 7 {
				o := limited(f, limit)
				r, err := note.Add("", heading(), []note.Entry{e}, o)
				if err != nil {
					require.ErrorContains(t, err, "Options.Limit is "+strconv.Itoa(limit))
				}
				require.Equal(t, r.Added, ids(r.Body, o), "%s %d", format, limit)
				require.Equal(t, err == nil, len(r.Added) == 1, "%s %d", format, limit)

				first := sms(0, "first")
				body := compose(t, options(f), first)
				if r = add(t, body, o, e); len(r.Added) == 0 {
					require.Equal(t, note.Result{Body: body, Left: []note.Left{{ID: e.ID}}}, r, "%s %d", format, limit)
				}
				require.Equal(t, append(idsOf(first), r.Added...), ids(r.Body, o), "%s %d", format, limit)
			}
		}
	}
}

// Whatever the names, ids, links and language: each call takes a piece at least.
func TestThereIsRoomInANewRecord(t *testing.T) {
	t.Parallel()
	awkward := []string{strings.Repeat("\"", 300), strings.Repeat("\u2069", 300), strings.Repeat("\u2067א", 300), strings.Repeat("👩🏽‍❤️‍💋‍👨🏿", 100), strings.Repeat("*", 300), strings.Repeat("日本", 300), "Ann", "", strings.Repeat("x", 2500)}
	units, languages := slices.Sorted(maps.Keys(sizes)), slices.Sorted(maps.Keys(locales))
	for seed := range uint64(rounds(10, 200)) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(8, seed))
			name := func() string { return awkward[random.IntN(len(awkward))] }
			locale := languages[random.IntN(len(languages))]
			o := note.Options{
				Format: note.Format(random.IntN(3)), Key: key, Location: locales[locale], Locale: locale,
				Limit: 4000, Size: sizes[units[seed%uint64(len(units))]],
			}
			h := note.Heading{Kind: note.Kind(random.IntN(7)), Contact: note.Person{Name: name(), Phone: name()}, Day: "2015-11-01", Zone: name()}
			for range random.IntN(9) {
				h.Others = append(h.Others, name())
			}
			e := note.Entry{
				ID: strings.Repeat("\xff", 255), Time: time.Date(2015, 11, 1, 9, 30, 0, 0, time.UTC), Kind: note.Kind(random.IntN(7)),
				Sender: name(), Text: name() + name(), Length: time.Hour, Failed: true,
			}
			for i := range random.IntN(12) {
				e.Links = append(e.Links, note.Link{Label: name(), URL: "https://example.com/" + strings.Repeat("a'&", random.IntN(500)*(i%2))})
			}
			logAll(t, h, o, []note.Entry{e})
		})
	}
}

// The code of a piece tells which it is, so two bodies have the same pieces if
// these stand between the sender and the code.
func TestWhereATextIsCutDependsOnItAndTheLimitAlone(t *testing.T) {
	t.Parallel()
	e := sms(3, strings.Repeat("éü 👍 \"x\" ", 800))
	o := limited(note.HTML, 4000)
	pieces := func(parts []string, sender string) []string {
		var all []string
		for _, m := range regexp.MustCompile(`(?:<b>`+sender+`</b>[^:]*: )(.*?)</li>`).FindAllStringSubmatch(strings.Join(parts, ""), -1) {
			all = append(all, strings.TrimSuffix(strings.Fields(m[1] + " ")[0], "…")+m[1][strings.LastIndex(m[1], "·"):])
		}
		return all
	}
	want := pieces(logAll(t, heading(), o, []note.Entry{e}), e.Sender)
	require.Greater(t, len(want), 5)

	other := heading()
	other.Kind, other.Contact, other.Others, other.Zone = note.Fax, note.Person{Name: strings.Repeat("Zoë ", 100)}, []string{"Bob"}, "elsewhere"
	renamed := e
	renamed.Sender, renamed.Failed = "Z", false
	o.Location, o.Locale = time.UTC, "de"
	parts := logAll(t, other, o, []note.Entry{sms(0, "first"), sms(1, strings.Repeat("y", 900))}, []note.Entry{renamed}, []note.Entry{sms(9, "last")})
	require.Equal(t, want, pieces(parts, "Z"))
}

func TestATextIsCutBetweenCharacters(t *testing.T) {
	t.Parallel()
	for name, char := range map[string]string{
		"two bytes": "é", "accents": "e\u0301", "keycaps": "1\uFE0F\u20E3", "skin tones": "👍🏽", "families": "👨‍👩‍👧‍👦", "flags": "🇩🇪",
		"flags with tags": "🏴\U000E0067\U000E0062\U000E0073\U000E0063\U000E0074\U000E007F", "Hangul": "\u1112\u1161\u11ab", "Devanagari": "कि",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for shift := range len(char) {
				e := sms(0, strings.Repeat("x", shift)+strings.Repeat(char, 4000/len(char)))
				o := limited(note.Plain, 4000)
				parts := logAll(t, heading(), o, []note.Entry{e})
				require.True(t, textsIn(t, parts, o)[0] == e.Text)
				n := 0
				for _, m := range entryPlain.FindAllStringSubmatch(strings.ReplaceAll(strings.Join(parts, "\n"), "\n- ", "\n\n- "), -1) {
					require.Empty(t, strings.ReplaceAll(strings.TrimLeft(m[3], "x"), char, ""), "shifted by %d", shift)
					n++
				}
				require.Greater(t, n, 1)
			}
		})
	}
	t.Run("words", func(t *testing.T) {
		t.Parallel()
		body := add(t, "", limited(note.Plain, 4000), sms(0, strings.Repeat("antidisestablishmentarianism ", 300))).Body
		require.Contains(t, body, "antidisestablishmentarianism  … ·")
	})
}

func TestLinksThatDoNotFitIntoOneRecordGoOnInTheNext(t *testing.T) {
	t.Parallel()
	e := sms(0, "Look")
	e.Kind = note.MMS
	for i := range 30 {
		e.Links = append(e.Links, note.Link{Label: fmt.Sprintf("%02d.jpg", i), URL: "https://media.example.com/" + strings.Repeat("x", 200)})
	}
	e.Links[7].URL += strings.Repeat("x", 5000)
	for _, kind := range []note.Kind{note.MMS, note.Fax} {
		e.Kind = kind
		parts := logAll(t, heading(), limited(note.HTML, 4000), []note.Entry{e})
		require.Greater(t, len(parts), 1)
		all := strings.Join(parts, "")
		require.Equal(t, 29, strings.Count(all, "<a "))
		inOrder(t, all, "06.jpg</a>", "07.jpg", "08.jpg</a>")
		require.NotContains(t, all, "07.jpg</a>", "no record has room for its address")
		require.Equal(t, 1, strings.Count(all, "Look"))
	}
}

func TestAPartIsNamedAndKnown(t *testing.T) {
	t.Parallel()
	o := options(note.Plain)
	first := compose(t, o, sms(0, "one"))
	require.NotContains(t, first, "part")
	o.Part = 1
	require.Equal(t, first, compose(t, o, sms(0, "one")))

	o.Part = 2
	second := compose(t, o, sms(1, "two"))
	inOrder(t, second, "SMS with Ann Lee (+16505553204) – part 2\n", "Messages: 1 ·L02", "two")
	require.Equal(t, note.Reading{Part: 1, Ours: true, Entries: note.Read(first, o).Entries}, note.Read(first, o))
	require.Equal(t, note.Reading{Heading: true, Part: 2, Ours: true, Entries: note.Read(second, o).Entries}, note.Read(second, o))
	require.Equal(t, idsOf(sms(1, "")), ids(second, options(note.Plain)), "entries are the key's")

	// A person put them together.
	both := first + "\n\n" + second
	require.True(t, note.Read(both, o).Heading)
	require.True(t, note.Read(both, options(note.Plain)).Heading)
	r := add(t, both, o, sms(0, "one"), sms(2, "three"))
	require.Equal(t, idsOf(sms(0, "")), r.Present)
	inOrder(t, r.Body, "Messages: 1 ·K", "one", "Messages: 3 ·L", "two", "three")

	// The heading of another part is none of ours.
	alone, _, _ := strings.Cut(first, "\n\n")
	require.Equal(t, note.Reading{Part: 1, Ours: true}, note.Read(alone, o))
	inOrder(t, add(t, alone, o, sms(1, "two")).Body, "Messages: 1 ·K", "part 2", "Messages: 1 ·L", "two")

	o.Part, o.Key = 3843, "another"
	require.True(t, note.Read(compose(t, o, sms(0, "x")), o).Heading)
	require.Zero(t, note.Read(both, o))
}

func TestAFirstPieceIsOurs(t *testing.T) {
	t.Parallel()
	o := limited(note.HTML, 4000)
	body := add(t, "", o, sms(0, strings.Repeat("x", 5000))).Body
	_, entry, _ := strings.Cut(body, "<ul>")
	require.Equal(t, note.Reading{Ours: true}, note.Read(entry, o), "its message does not end here")
	require.Contains(t, body, "Messages: 1 ·")
}

func TestStoredHTMLSizeIsNoLessThanWhatIsStored(t *testing.T) {
	t.Parallel()
	e := sms(1, `Say "it's" <b> & &amp; é`+"\u00a0x")
	e.Links = []note.Link{{Label: `"a"`, URL: "https://example.com/?a='b'&c=d&copy;=e"}, {URL: "https://example.com"}}
	for _, body := range []string{
		"", "text", "<br><br/>a", "<p title='x'>&quot;&#39;&nbsp;&eacute;&#128075; & < ", "<a href=https://example.com?a&b target=_blank>x</a>", "a <!-- b --> <a href='", `<a rel="x" href='"'>`,
		compose(t, options(note.HTML), e, sms(2, strings.Repeat("'", 100))),
	} {
		stored := likePipedrive(body)
		require.GreaterOrEqual(t, note.StoredHTMLSize(body), len(stored), body)
		require.LessOrEqual(t, note.StoredHTMLSize(stored), note.StoredHTMLSize(body), body)
		worst := strings.NewReplacer("'", "&#39;", "<br>", "<br />").Replace(stored)
		require.GreaterOrEqual(t, note.StoredHTMLSize(body), len(worst), body)
	}
	require.Equal(t, 50_000, note.StoredHTMLSize(strings.Repeat("0123456789", 5000)), "and no more where nothing changes")
	require.Equal(t, len(`<a href="https://example.com" rel="noopener noreferrer">x</a>`), note.StoredHTMLSize(`<a href="https://example.com">x</a>`))
}

// A tag with an attribute has a body counted with a tokenizer, one without any
// is counted directly.
func TestStoredHTMLSizeCountsABodyAsTheSumOfItsParts(t *testing.T) {
	t.Parallel()
	fragments := []string{
		"", "plain", "\u00a0", `"'>`, "&amp;", "&nbsp;&quot", "&", "line\nbreak", "ж", "<b>", "</b>", "<br>", "<br />", "</br>",
		"<ul>", "</ul>", "<li>", "</li>", "<p>", "</p>", "<B>", "<b >", "<!-- b -->", "</ b>", "<b/>", "<i><b>",
	}
	const link = `<a href="https://example.com">`
	for range 20_000 {
		var body strings.Builder
		for range rand.IntN(6) {
			body.WriteString(fragments[rand.IntN(len(fragments))])
		}
		require.Equal(t, note.StoredHTMLSize(link)+note.StoredHTMLSize(body.String()), note.StoredHTMLSize(link+body.String()), body.String())
	}
}

// A limit does not make additions slow: what is measured grows with the body.
func TestABodyIsMeasuredSeldom(t *testing.T) {
	t.Parallel()
	var calls, measured int
	o := limited(note.HTML, 90_000)
	o.Size = func(s string) int {
		calls++
		measured += len(s)
		return len(s)
	}
	body := compose(t, o, numbered(700, func(int) string { return strings.Repeat("x", 60) })...)
	calls, measured = 0, 0
	add(t, body, o, sms(9000, "y"))
	require.LessOrEqual(t, calls, 4)
	require.LessOrEqual(t, measured, len(body)+500)

	calls, measured = 0, 0
	r := add(t, body, o, numbered(3000, func(int) string { return strings.Repeat("x", 100) })...)
	require.NotEmpty(t, r.Left)
	require.LessOrEqual(t, calls, 2*3000+20)
	require.LessOrEqual(t, measured, 3_000_000)
}

func TestACodeThatIsChangedIsNone(t *testing.T) {
	t.Parallel()
	later := limited(note.Plain, 4000)
	later.Part = 62
	id := sms(1, "text")
	id.ID = "é"
	for name, body := range map[string]string{
		"of an entry":            compose(t, options(note.Plain), sms(0, "text")),
		"of an id of letters":    compose(t, options(note.Plain), id),
		"of a failed message":    compose(t, options(note.Plain), failed(sms(0, "text"))),
		"of a first piece":       add(t, "", later, sms(0, strings.Repeat("x", 9000))).Body,
		"of a last piece":        add(t, "", later, note.Entry{ID: "7", Time: morning, Text: strings.Repeat("x", 9000), Piece: 4}).Body,
		"of a voicemail's words": compose(t, options(note.Plain), voicemail(0, "text")),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			codes := codeIn.FindAllString(body, -1)
			require.Len(t, codes, 2)
			for i, code := range codes { // the heading's and the entry's
				o := options(note.Plain)
				if strings.HasPrefix(codes[0], "·L") {
					o.Part = later.Part
				}
				require.True(t, note.Read(code, o).Ours)
				require.Equal(t, i == 0, note.Read(code, o).Heading)
				for at := len("·"); at < len(code); at++ {
					for _, digit := range []byte("09azAZEKL2") {
						if changed := code[:at] + string(digit) + code[at+1:]; changed != code {
							require.Zero(t, note.Read(changed, o), "%s for %s", changed, code)
						}
					}
					require.Zero(t, note.Read(code[:at], o))
				}
			}
		})
	}
}

func TestAMessageInPiecesCountsAsOne(t *testing.T) {
	t.Parallel()
	o := limited(note.HTML, 4000)
	e := sms(1, strings.Repeat("x", 3500))
	body := add(t, "", o, sms(0, strings.Repeat("y", 1500)), e).Body
	require.Contains(t, body, "Messages: 2 ·")
	from := strings.Index(body, "<li>")
	deleted := body[:from] + body[strings.Index(body, "</li>")+len("</li>"):]
	r := add(t, deleted, o, e)
	require.Equal(t, idsOf(e), r.Added)
	require.Contains(t, r.Body, "Messages: 1 ·")
	o.Limit = 0
	require.Contains(t, add(t, r.Body, o, sms(3, "z")).Body, "Messages: 2 ·")
}
