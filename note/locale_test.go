package note_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/crmlog/crmlog/note"
)

// linesIn returns a digest of the entries as plain text, line by line.
func linesIn(t testing.TB, locale, day string, zone *time.Location, entries ...note.Entry) []string {
	t.Helper()
	body, err := note.Compose(note.Heading{Day: day, Contact: note.Person{Name: "Ann"}}, entries,
		note.Options{Format: note.Plain, Key: key, Locale: locale, Location: zone})
	require.NoError(t, err)
	return strings.Split(body, "\n")
}

// timesIn are what stands in front of the sender's name, Rep.
func timesIn(t testing.TB, lines []string) []string {
	t.Helper()
	var all []string
	for _, l := range lines[4:] {
		clock, _, ok := strings.Cut(strings.TrimPrefix(l, "- "), " Rep")
		require.True(t, ok, l)
		all = append(all, clock)
	}
	return all
}

func TestDatesAndTimesAreInTheHabitOfTheLocale(t *testing.T) {
	t.Parallel()
	var entries []note.Entry
	for i, at := range []string{"2026-03-10T00:30:00Z", "2026-03-10T05:04:59Z", "2026-03-10T12:00:00Z", "2026-03-10T23:59:59Z", "2026-04-01T05:04:00Z"} {
		at, err := time.Parse(time.RFC3339, at)
		require.NoError(t, err)
		entries = append(entries, note.Entry{ID: fmt.Sprint(i), Time: at, Sender: "Rep", Text: "x"})
	}
	for locale, want := range map[string]struct {
		day   string
		times []string // behind midnight, in the morning, at noon, before midnight, on another day
	}{
		"":      {"Tuesday, March 10, 2026, times in UTC", []string{"12:30 AM", "5:04 AM", "12:00 PM", "11:59 PM", "April 1, 2026, 5:04 AM"}},
		"en-US": {"Tuesday, March 10, 2026, times in UTC", []string{"12:30 AM", "5:04 AM", "12:00 PM", "11:59 PM", "April 1, 2026, 5:04 AM"}},
		"en-CA": {"Tuesday, March 10, 2026, times in UTC", []string{"12:30 a.m.", "5:04 a.m.", "12:00 p.m.", "11:59 p.m.", "April 1, 2026, 5:04 a.m."}},
		"en-GB": {"Tuesday, 10 March 2026, times in UTC", []string{"00:30", "05:04", "12:00", "23:59", "1 April 2026, 05:04"}},
		"en-AU": {"Tuesday, 10 March 2026, times in UTC", []string{"12:30 am", "5:04 am", "12:00 pm", "11:59 pm", "1 April 2026, 5:04 am"}},
		"de":    {"Dienstag, 10. März 2026, Zeitzone UTC", []string{"00:30", "05:04", "12:00", "23:59", "1. April 2026, 05:04"}},
		"fr":    {"mardi 10 mars 2026, fuseau horaire UTC", []string{"00:30", "05:04", "12:00", "23:59", "1er avril 2026, 05:04"}},
		"fr-CA": {"mardi 10 mars 2026, fuseau horaire UTC", []string{"00 h 30", "05 h 04", "12 h 00", "23 h 59", "1er avril 2026, 05 h 04"}},
		"es":    {"martes, 10 de marzo de 2026, zona horaria UTC", []string{"0:30", "5:04", "12:00", "23:59", "1 de abril de 2026, 5:04"}},
		"es-MX": {"martes, 10 de marzo de 2026, zona horaria UTC", []string{"12:30 a.m.", "5:04 a.m.", "12:00 p.m.", "11:59 p.m.", "1 de abril de 2026, 5:04 a.m."}},
		"pt-BR": {"terça-feira, 10 de março de 2026, fuso horário UTC", []string{"00:30", "05:04", "12:00", "23:59", "1º de abril de 2026, 05:04"}},
		"pt-PT": {"terça-feira, 10 de março de 2026, fuso horário UTC", []string{"00:30", "05:04", "12:00", "23:59", "1 de abril de 2026, 05:04"}},
		"it":    {"martedì 10 marzo 2026, fuso orario UTC", []string{"00:30", "05:04", "12:00", "23:59", "1 aprile 2026, 05:04"}},
		"nl":    {"dinsdag 10 maart 2026, tijdzone UTC", []string{"00:30", "05:04", "12:00", "23:59", "1 april 2026, 05:04"}},
		"ja":    {"2026年3月10日 火曜日、タイムゾーン：UTC", []string{"0:30", "5:04", "12:00", "23:59", "2026年4月1日 5:04"}},
	} {
		t.Run("locale "+locale, func(t *testing.T) {
			t.Parallel()
			lines := linesIn(t, locale, "2026-03-10", nil, entries...)
			require.Equal(t, want.day, lines[1])
			require.Equal(t, want.times, timesIn(t, lines))
		})
	}
}

func TestTheFirstOfAMonthIsWrittenAsPeopleDo(t *testing.T) {
	t.Parallel()
	for locale, want := range map[string]string{
		"en": "Thursday, January 1, 2026,", "en-GB": "Thursday, 1 January 2026,", "de": "Donnerstag, 1. Januar 2026,", "de-AT": "Donnerstag, 1. Jänner 2026,",
		"fr": "jeudi 1er janvier 2026,", "es": "jueves, 1 de enero de 2026,", "pt": "quinta-feira, 1º de janeiro de 2026,", "pt-AO": "quinta-feira, 1 de janeiro de 2026,",
		"it": "giovedì 1 gennaio 2026,", "nl": "donderdag 1 januari 2026,", "ja": "2026年1月1日 木曜日、",
	} {
		require.True(t, strings.HasPrefix(linesIn(t, locale, "2026-01-01", nil, sms(0, "x"))[1], want), locale)
	}
}

func TestTheHourThatComesTwiceIsToldApartInEveryLanguage(t *testing.T) {
	t.Parallel()
	for locale, want := range map[string]struct {
		zone  string
		times []string
	}{
		"en": {"(UTC-07:00, then UTC-08:00)", []string{"1:30 AM UTC-07:00", "1:30 AM UTC-08:00"}},
		"de": {"(UTC-07:00, dann UTC-08:00)", []string{"01:30 UTC-07:00", "01:30 UTC-08:00"}},
		"fr": {"(UTC-07:00, puis UTC-08:00)", []string{"01:30 UTC-07:00", "01:30 UTC-08:00"}},
		"es": {"(UTC-07:00, luego UTC-08:00)", []string{"1:30 UTC-07:00", "1:30 UTC-08:00"}},
		"pt": {"(UTC-07:00, depois UTC-08:00)", []string{"01:30 UTC-07:00", "01:30 UTC-08:00"}},
		"it": {"(UTC-07:00, poi UTC-08:00)", []string{"01:30 UTC-07:00", "01:30 UTC-08:00"}},
		"nl": {"(UTC-07:00, daarna UTC-08:00)", []string{"01:30 UTC-07:00", "01:30 UTC-08:00"}},
		"ja": {"(UTC-07:00、途中からUTC-08:00)", []string{"1:30 UTC-07:00", "1:30 UTC-08:00"}},
	} {
		first := time.Date(2015, 11, 1, 8, 30, 0, 0, time.UTC)
		body, err := note.Compose(note.Heading{Day: "2015-11-01", Zone: "America/Los_Angeles"},
			[]note.Entry{{ID: "1", Time: first, Sender: "Rep", Text: "x"}, {ID: "2", Time: first.Add(time.Hour), Sender: "Rep", Text: "x"}},
			note.Options{Format: note.Plain, Key: key, Locale: locale, Location: losAngeles})
		require.NoError(t, err)
		lines := strings.Split(body, "\n")
		require.Contains(t, lines[1], "America/Los_Angeles "+want.zone, locale)
		require.Equal(t, want.times, timesIn(t, lines), locale)
	}
}

func TestALocaleIsFoundHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	const (
		us      = "SMS with Ann|Tuesday, March 10, 2026, times in UTC|5:04 PM"
		british = "SMS with Ann|Tuesday, 10 March 2026, times in UTC|17:04"
		german  = "SMS mit Ann|Dienstag, 10. März 2026, Zeitzone UTC|17:04"
		quebec  = "SMS avec Ann|mardi 10 mars 2026, fuseau horaire UTC|17 h 04"
		french  = "SMS avec Ann|mardi 10 mars 2026, fuseau horaire UTC|17:04"
		spanish = "SMS con Ann|martes, 10 de marzo de 2026, zona horaria UTC|17:04"
		mexican = "SMS con Ann|martes, 10 de marzo de 2026, zona horaria UTC|5:04 p.m."
		brazil  = "SMS com Ann|terça-feira, 10 de março de 2026, fuso horário UTC|17:04"
		italian = "SMS con Ann|martedì 10 marzo 2026, fuso orario UTC|17:04"
		dutch   = "Sms met Ann|dinsdag 10 maart 2026, tijdzone UTC|17:04"
		nippon  = "AnnとのSMS|2026年3月10日 火曜日、タイムゾーン：UTC|17:04"
	)
	for locale, want := range map[string]string{
		"": us, "en": us, "en-US": us, "EN_us": us, "en-Latn-US": us, "en-US-POSIX": us, "en_US.UTF-8": us, "C": us, "POSIX": us,
		"sv": us, "sv-SE": us, "xx-GB": us, "deu": us, "d": us, "-": us, "_": us, "-de": us, "english": us, "de DE": us, "\x00": us, "\xff": us, "en-ZZ": us, "en-MX": us,
		"en-GB": british, "en_gb": british, "EN-GB-oxendict": british, "en-Latn-GB": british, "en-IE": british, "en-ZA": british, "en-DE": british, "en-150": british, "en-001": "SMS with Ann|Tuesday, 10 March 2026, times in UTC|5:04 pm",
		"en-US-u-hc-h12": us, "en-u-rg-gbzzzz": us, "en-x-gb": us, // what is in extensions does not count
		"de": german, "DE": german, " de ": german, "de-DE": german, "de_DE": german, "de-AT": german, "de-CH": german, "de-CH-1996": german, "de-1996": german, "de-": german, "de-ZZ": german, "de_DE.UTF-8": german, "de_DE@euro": german, "de_DE.ISO8859-15@euro": german,
		"fr": french, "fr-FR": french, "fr-CH": french, "fr_CA": quebec, "FR-ca": quebec, "fr-Latn-CA": quebec,
		"es": spanish, "es-ES": spanish, "es-MX": mexican, "es-419": mexican, "es_us": mexican, "es-AR": mexican,
		"pt": brazil, "pt-BR": brazil, "pt-PT": brazil, "it-IT": italian, "it-CH": italian, "nl-BE": dutch, "ja": nippon, "ja-JP": nippon, "ja-Jpan-JP": nippon, "ja_JP.eucJP": nippon,
	} {
		t.Run("locale "+locale, func(t *testing.T) {
			t.Parallel()
			lines := linesIn(t, locale, "2026-03-10", nil, note.Entry{ID: "1", Time: time.Date(2026, 3, 10, 17, 4, 0, 0, time.UTC), Sender: "Rep", Text: "x"})
			require.Equal(t, want, lines[0]+"|"+lines[1]+"|"+timesIn(t, lines)[0])
			require.Equal(t, lines[0], note.Title(note.Heading{Contact: note.Person{Name: "Ann"}}, locale))
		})
	}
}

func TestTitleInEveryLanguage(t *testing.T) {
	t.Parallel()
	ann := note.Person{Name: "Ann"}
	for locale, want := range map[string][]string{ // SMS, with one other, with two, voicemail, fax, pager
		"en": {"SMS with Ann", "SMS with Ann and Bob", "SMS with Ann and 2 others", "Voicemail from Ann", "Fax with Ann", "Pager messages with Ann"},
		"de": {"SMS mit Ann", "SMS mit Ann und Bob", "SMS mit Ann und 2 weiteren", "Sprachnachricht von Ann", "Fax mit Ann", "Interne Nachrichten mit Ann"},
		"fr": {"SMS avec Ann", "SMS avec Ann et Bob", "SMS avec Ann et 2 autres", "Message vocal\u00a0: Ann", "Fax avec Ann", "Messages internes avec Ann"},
		"es": {"SMS con Ann", "SMS con Ann, Bob", "SMS con Ann y 2 más", "Mensaje de voz de Ann", "Fax con Ann", "Mensajes internos con Ann"},
		"pt": {"SMS com Ann", "SMS com Ann e Bob", "SMS com Ann e mais 2", "Mensagem de voz de Ann", "Fax com Ann", "Mensagens internas com Ann"},
		"it": {"SMS con Ann", "SMS con Ann e Bob", "SMS con Ann e altri 2", "Messaggio vocale di Ann", "Fax con Ann", "Messaggi interni con Ann"},
		"nl": {"Sms met Ann", "Sms met Ann en Bob", "Sms met Ann en 2 anderen", "Voicemail van Ann", "Fax met Ann", "Interne berichten met Ann"},
		"ja": {"AnnとのSMS", "Ann、BobとのSMS", "Annほか2名とのSMS", "Annからのボイスメール", "AnnとのFAX", "Annとの内線メッセージ"},
	} {
		var got []string
		for _, h := range []note.Heading{{}, {Others: []string{"Bob"}}, {Others: []string{"Bob", "Carl"}}, {Kind: note.VoiceMail}, {Kind: note.Fax}, {Kind: note.Pager}} {
			h.Contact = ann
			got = append(got, note.Title(h, locale))
		}
		require.Equal(t, want, got, locale)
	}
}

var countLine = regexp.MustCompile(`([0-9]+) ·K`)

// A user whose language changes, or two of one account, in one digest.
func TestADigestGoesOnInAnotherLanguage(t *testing.T) {
	t.Parallel()
	for format, f := range formats {
		for from := range locales {
			for to := range locales {
				t.Run(format+" "+from+" "+to, func(t *testing.T) {
					t.Parallel()
					in := func(locale string) note.Options {
						o := options(f)
						o.Locale = locale
						return o
					}
					late := sms(4, "four")
					late.Time = morning.AddDate(0, 0, 1) // with a date in front
					body := compose(t, in(from), sms(1, "one"), sms(3, "three"), late)
					for _, rewrite := range []func(string) string{func(s string) string { return s }, likePipedrive} {
						if f == note.HTML {
							body = rewrite(body)
						}
						r := add(t, body, in(to), sms(0, "zero"), sms(2, "two"), sms(3, "three"), sms(5, "five"))
						require.Equal(t, idsOf(sms(0, ""), sms(2, ""), sms(5, "")), r.Added)
						require.Equal(t, idsOf(sms(3, "")), r.Present)
						require.Equal(t, idsOf(sms(0, ""), sms(1, ""), sms(2, ""), sms(3, ""), sms(5, ""), sms(4, "")), ids(r.Body, in("")))
						require.Equal(t, note.Read(r.Body, in(from)), note.Read(r.Body, in(to)))
						require.Equal(t, "6", countLine.FindStringSubmatch(note.Text(r.Body, f))[1])
						require.True(t, isSubsequence(digitsOff(body), digitsOff(r.Body)), "what stood in one language stays in it")

						again := add(t, r.Body, in(from), sms(6, "six"))
						require.Equal(t, "7", countLine.FindStringSubmatch(note.Text(again.Body, f))[1])
						require.Equal(t, r.Body, add(t, r.Body, in(from), sms(0, "zero"), sms(5, "five")).Body)
					}
				})
			}
		}
	}
}

// Where a message is cut must not depend on the words that stand for its files.
func TestALongMessageGoesOnInAnotherLanguage(t *testing.T) {
	t.Parallel()
	files := []note.Link{{URL: "https://media.example.com/1"}, {Type: "text/vcard"}, {Type: "image/png", URL: "https://media.example.com/2"}, {URL: "https://media.example.com/3"}}
	long := strings.Repeat("абвгдежзий", 200) // 2 bytes a letter
	letters := regexp.MustCompile(`[а-я]+`)
	for format, f := range formats {
		for name, kind := range map[string]note.Kind{"mms": note.MMS, "voicemail": note.VoiceMail, "fax": note.Fax} {
			t.Run(format+" "+name, func(t *testing.T) {
				t.Parallel()
				for _, length := range []int{2700, 3000} {
					e := note.Entry{ID: "1", Time: morning, Sender: "Ann", Kind: kind, Text: long[:length], Links: files}
					add := func(locale string, part, piece int) note.Result {
						o, e := options(f), e
						o.Locale, o.Limit, o.Part, e.Piece = locale, 2000, part, piece
						r, err := note.Add("", heading(), []note.Entry{e}, o)
						require.NoError(t, err)
						require.LessOrEqual(t, len(r.Body), o.Limit)
						return r
					}
					for from := range locales {
						for _, to := range []string{"en", "es", "ja"} { // short and long labels
							r := add(from, 1, 0)
							all, parts := r.Body, 1
							for ; len(r.Left) > 0; parts++ {
								r = add(to, parts+1, r.Left[0].NextPiece)
								all += r.Body
							}
							require.Greater(t, parts, 1)
							text := strings.Join(letters.FindAllString(all, -1), "")
							require.True(t, e.Text == text, "%s then %s: %d bytes became %d", from, to, length, len(text))
							require.Equal(t, 3, strings.Count(all, "https://media.example.com/"), "%s then %s", from, to)
						}
					}
				}
			})
		}
	}
}

// Dates such as "10. März" would begin a list.
func TestMarkdownOfEveryLanguageIsRenderedAsItIsMeant(t *testing.T) {
	t.Parallel()
	for locale := range locales {
		for _, tc := range goldenCases() {
			o := options(note.Markdown)
			tc.options(&o)
			want, err := note.Compose(tc.heading, tc.entries, o)
			require.NoError(t, err)
			wantTags, _ := parsed(t, rendered(t, want))
			o.Locale = locale
			got, err := note.Compose(tc.heading, tc.entries, o)
			require.NoError(t, err)
			gotTags, gotText := parsed(t, rendered(t, got))
			require.Equal(t, wantTags, gotTags, "%s: %s", locale, got)

			o.Format = note.HTML
			html, err := note.Compose(tc.heading, tc.entries, o)
			require.NoError(t, err)
			_, htmlText := parsed(t, html)
			require.Equal(t, strings.ReplaceAll(htmlText, " ", ""), strings.ReplaceAll(gotText, " ", ""), "%s: the same words in both", locale)
		}
	}
}

func FuzzLocale(f *testing.F) {
	for _, locale := range []string{"", "de", "de-AT", "fr_CA", "pt-BR", "ja-Jpan-JP", "es-419", "en_US.UTF-8", "de_DE@euro", "zh-Hant-TW", "en-u-hc-h23", "--", "e\u0301n", "\xff-\xff", "%s-%d", "EN-gB", "en-\u212aE", strings.Repeat("en-", 100)} {
		f.Add(locale)
	}
	f.Fuzz(func(t *testing.T, locale string) {
		lines := linesIn(t, locale, "2026-03-10", nil, sms(0, "x"))
		body := strings.Join(lines, "\n")
		require.True(t, utf8.ValidString(body))
		require.NotContains(t, body, "%")
		require.Equal(t, idsOf(sms(0, "")), ids(body, options(note.Plain)))
		require.Equal(t, lines[0], note.Title(note.Heading{Contact: note.Person{Name: "Ann"}}, locale))
		for _, other := range []string{strings.ReplaceAll(locale, "-", "_"), asciiUpper(locale)} {
			require.Equal(t, lines, linesIn(t, other, "2026-03-10", nil, sms(0, "x")))
		}
	})
}

func asciiUpper(s string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' {
			return r - 'a' + 'A'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}
