package note_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crmlog/crmlog/note"
)

func amend(t testing.TB, body string, o note.Options, e note.Entry) note.Amendment {
	t.Helper()
	r, err := note.Amend(body, e, o)
	require.NoError(t, err)
	return r
}

func voicemail(n int, transcript string) note.Entry {
	e := sms(n, transcript)
	e.Kind, e.Length = note.VoiceMail, 80*time.Second
	e.Links = []note.Link{{URL: "https://media.example.com/v?a=1&b=2"}}
	return e
}

func failed(e note.Entry) note.Entry {
	e.Failed = true
	return e
}

// later are entries as they were added, and as they are known later.
func later() map[string][2]note.Entry {
	picture := sms(2, "")
	picture.Kind, picture.Links = note.MMS, []note.Link{{Label: "roof.jpg", URL: "https://media.example.com/1"}}
	return map[string][2]note.Entry{
		"a text fails":                  {sms(2, "Are you there?"), failed(sms(2, "Are you there?"))},
		"a text of lines fails":         {sms(2, "Are\n\nyou there? "), failed(sms(2, "Are\n\nyou there? "))},
		"right-to-left text fails":      {sms(2, "שלום"), failed(sms(2, "שלום"))},
		"a picture fails":               {picture, failed(picture)},
		"a transcript comes":            {voicemail(2, ""), voicemail(2, "Please call me.")},
		"a transcript of lines comes":   {voicemail(2, ""), voicemail(2, "\n- Please <b>call</b> me.\n\n# שלום &amp; ·K1EOX8d201G0 · \n")},
		"failing of a transcribed one":  {voicemail(2, "Please call me."), failed(voicemail(2, "Please call me."))},
		"both":                          {voicemail(2, ""), failed(voicemail(2, "Please call me."))},
		"an id that is no number fails": {note.Entry{ID: "x", Time: morning, Text: "x"}, failed(note.Entry{ID: "x", Time: morning, Text: "x"})},
	}
}

func TestAnAmendedEntryLooksAsIfItWereAddedNow(t *testing.T) {
	t.Parallel()
	for name, e := range later() {
		for format, f := range formats {
			t.Run(name+" in "+format, func(t *testing.T) {
				t.Parallel()
				o := options(f)
				body := compose(t, o, sms(1, "one"), e[0], sms(3, "three"))
				r := amend(t, body, o, e[1])
				require.Equal(t, note.Amendment{Body: compose(t, o, sms(1, "one"), e[1], sms(3, "three")), Found: true, Changed: true}, r)
				require.Equal(t, ids(body, o), ids(r.Body, o))

				require.Equal(t, note.Amendment{Body: r.Body, Found: true}, amend(t, r.Body, o, e[1]), "amending twice is amending once")
				require.Equal(t, note.Amendment{Body: r.Body, Found: true}, amend(t, r.Body, o, e[0]), "nothing is taken away")
				again := add(t, r.Body, o, e[0], e[1])
				require.Equal(t, r.Body, again.Body)
				require.Len(t, again.Present, 2)

				other := e[1]
				other.Text = "Another transcript"
				require.False(t, amend(t, r.Body, o, other).Changed)
				o.Locale = "de"
				require.False(t, amend(t, r.Body, o, e[1]).Changed, "the language does not matter")
			})
		}
	}
}

func TestAnEntryThatIsNotThereIsNotAmended(t *testing.T) {
	t.Parallel()
	o := options(note.HTML)
	for _, body := range []string{"", "<p>mine</p>", compose(t, o, sms(1, "one"))} {
		require.Equal(t, note.Amendment{Body: body}, amend(t, body, o, failed(sms(2, "two"))))
	}
	o.Key = "another"
	body := compose(t, options(note.HTML), sms(2, "two"))
	require.False(t, amend(t, body, o, failed(sms(2, "two"))).Found)
}

func TestATextInPiecesIsAmendedWhereItEnds(t *testing.T) {
	t.Parallel()
	o := limited(note.HTML, 4000)
	e := failed(sms(2, strings.Repeat("x", 9000)))
	parts := logAll(t, heading(), o, []note.Entry{sms(2, e.Text)})
	require.Greater(t, len(parts), 2)
	want := logAll(t, heading(), o, []note.Entry{e})
	for i, body := range parts {
		r := amend(t, body, o, e)
		require.Equal(t, i == len(parts)-1, r.Found)
		require.Equal(t, want[i], r.Body)
	}
}

func TestAnAmendmentThatDoesNotFitIsLeftOut(t *testing.T) {
	t.Parallel()
	o := limited(note.HTML, 4000)
	body := compose(t, o, voicemail(1, ""), sms(2, strings.Repeat("x", 1900)), sms(4, strings.Repeat("y", 1300)))
	r := amend(t, body, o, voicemail(1, strings.Repeat("z", 500)))
	require.Equal(t, note.Amendment{Body: body, Found: true, LeftOut: true}, r)
	require.True(t, amend(t, body, o, failed(sms(2, ""))).Changed)
	require.True(t, amend(t, body, options(note.HTML), voicemail(1, strings.Repeat("z", 500))).Changed)
}

func TestAnAmendmentKeepsWhatPeopleDid(t *testing.T) {
	t.Parallel()
	o := options(note.HTML)
	body := compose(t, o, sms(1, "one"), voicemail(2, ""), sms(3, "three"))
	code := codeAfter(t, body, "Listen</a> ")
	replace := func(old, new string) string {
		require.Equal(t, 1, strings.Count(body, old), old)
		return strings.Replace(body, old, new, 1)
	}
	for name, tc := range map[string]struct {
		body string
		want []string // parts of the visible text, in order
	}{
		"a remark in front of the code": {replace("Listen</a> ", "Listen</a> (I called) "), []string{"Listen (I called)\n", "Please call me. (not delivered) ·E3"}},
		"a remark behind the code":      {replace(code, code+" I called"), []string{"Listen\n", "Please call me. (not delivered) ·E3", " I called"}},
		"a remark below":                {replace(code, code+"<br>I called"), []string{"Listen\n", "Please call me. (not delivered) ·E3", "I called"}},
		"words changed":                 {replace("Voicemail (1:20)", "<b>He</b> called"), []string{"He called Listen\n", "Please call me."}},
		"the code in bold":              {replace(code, "<b>"+code+"</b>"), []string{"Listen\n", "Please call me. (not delivered) ·E3"}},
		"the code partly in bold":       {replace(code, code[:3]+"<b>"+code[3:4]+"</b>"+code[4:]), []string{"Listen\n", "Please call me. (not delivered) ·E3"}},
		"the code's dot as an entity":   {replace(code, "&middot;"+strings.TrimPrefix(code, "·")), []string{"Listen\n", "Please call me. (not delivered) ·E3"}},
		"a digit of it as an entity":    {replace(code, code[:3]+"&#"+"x"+hex(code[3])+";"+code[4:]), []string{"Listen\n", "Please call me. (not delivered) ·E3"}},
		"the code in a line of its own": {replace(" "+code, "<br>"+code), []string{"Listen\n", "Please call me. (not delivered) ·E3"}},
		"the code without a space":      {replace(" "+code, code), []string{"Listen\n", "Please call me. (not delivered) ·E3"}},
		"all else deleted":              {"<p>" + code + "</p>", []string{"\nPlease call me. (not delivered) ·E3"}},
		"no-break spaces":               {replace(" "+code, "&nbsp; "+code), []string{"Listen\u00a0\n", "Please call me. (not delivered) ·E3"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := amend(t, tc.body, o, failed(voicemail(2, "Please call me.")))
			require.True(t, r.Changed)
			inOrder(t, note.Text(r.Body, note.HTML), tc.want...)
			require.Equal(t, ids(tc.body, o), ids(r.Body, o))
			require.True(t, isSubsequence(strings.Join(tagsOf(tc.body), ""), strings.Join(tagsOf(r.Body), "")))
			require.Len(t, tagsOf(r.Body), len(tagsOf(tc.body))+len(tagsOf("<br><b></b>")))
			require.Equal(t, note.Amendment{Body: r.Body, Found: true}, amend(t, r.Body, o, failed(voicemail(2, "Please call me."))))
		})
	}

	// Whatever they do to the words afterwards, these are not put in again.
	r := amend(t, body, o, failed(voicemail(2, "Please call me.")))
	edited := strings.NewReplacer("Please call me.", "He wants me to call", " <b>(not delivered)</b>", "").Replace(r.Body)
	require.Equal(t, note.Amendment{Body: edited, Found: true}, amend(t, edited, o, failed(voicemail(2, "Please call me."))))
}

func hex(b byte) string { return string("0123456789abcdef"[b>>4]) + string("0123456789abcdef"[b&15]) }

func tagsOf(body string) []string { return regexp.MustCompile(`<[^>]*>`).FindAllString(body, -1) }

func TestAnAmendmentSurvivesTheCRM(t *testing.T) {
	t.Parallel()
	e := failed(voicemail(2, "Please call me.\nIt is urgent."))
	for name, rewrite := range rewriters {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(note.HTML)
			body := rewrite(compose(t, o, sms(1, "one"), voicemail(2, ""), sms(3, "three")))
			r := amend(t, body, o, e)
			require.True(t, r.Changed)
			want := []string{"one", "Voicemail", "Please call me.", "It is urgent. (not delivered) ·", "three"}
			inOrder(t, strings.ReplaceAll(note.Text(r.Body, note.HTML), "\u00a0", " "), want...)
			require.True(t, isSubsequence(lettersOnly(body), lettersOnly(r.Body)))

			body = rewrite(r.Body)
			require.Equal(t, idsOf(sms(1, ""), e, sms(3, "")), ids(body, o))
			require.Equal(t, note.Amendment{Body: body, Found: true}, amend(t, body, o, e))
			body = add(t, body, o, e, sms(4, "four")).Body
			inOrder(t, strings.ReplaceAll(note.Text(body, note.HTML), "\u00a0", " "), append(want, "four")...)
		})
	}
}

func internalNote(n int, text string) note.Entry {
	e := sms(n, text)
	e.Kind = note.InternalNote
	return e
}

func TestAnInternalNoteThatWasChangedSaysSo(t *testing.T) {
	t.Parallel()
	texts := []string{"She is in a hurry", "hurry", "a hurry", "hurry", "\n- She *is* <b>in</b>\n\n a `hurry` & ·K1EOX8d201G0", "👍", "👎", "שלום", "She is in a hurry"}
	for format, f := range formats {
		for _, locale := range []string{"", "de", "ja"} {
			t.Run(format+" "+locale, func(t *testing.T) {
				t.Parallel()
				o := options(f)
				body := compose(t, o, sms(1, "one"), internalNote(2, texts[0]), sms(3, "three"))
				require.Equal(t, note.Amendment{Body: body, Found: true}, amend(t, body, o, internalNote(2, texts[0])), "nothing changed")
				require.Equal(t, note.Amendment{Body: body, Found: true}, amend(t, body, o, internalNote(2, " \n")), "no text is no news")
				o.Locale = locale
				before := body
				for _, text := range texts[1:] {
					r := amend(t, body, o, internalNote(2, text))
					require.True(t, r.Changed && r.Found, "%q\n%s", text, body)
					body = r.Body
					for _, again := range []string{locale, "fr"} {
						o.Locale = again
						require.Equal(t, note.Amendment{Body: body, Found: true}, amend(t, body, o, internalNote(2, text)), "amending twice is amending once: %q", text)
					}
					o.Locale = locale
				}
				require.Equal(t, idsOf(sms(1, ""), sms(2, ""), sms(3, "")), ids(body, o))
				require.True(t, isSubsequence(before, body), "what stood stands")
				require.Equal(t, body, add(t, body, o, internalNote(2, "x")).Body, "it is no new entry")
			})
		}
	}
	for name, rewrite := range rewriters {
		t.Run("where the CRM rewrites it: "+name, func(t *testing.T) {
			t.Parallel()
			o := options(note.HTML)
			body := rewrite(compose(t, o, sms(1, "one"), internalNote(2, texts[0]), sms(3, "three")))
			require.False(t, amend(t, body, o, internalNote(2, texts[0])).Changed)
			for _, text := range []string{"two\n\nlines", "lines", "two & \"more\""} {
				r := amend(t, body, o, internalNote(2, text))
				require.True(t, r.Changed)
				body = rewrite(r.Body)
				require.False(t, amend(t, body, o, internalNote(2, text)).Changed, body)
			}
			inOrder(t, strings.ReplaceAll(note.Text(body, note.HTML), "\u00a0", " "), "one", "She is in a hurry", "(edited) two", "lines", "(edited) lines", `(edited) two & "more" ·`, "three")
		})
	}
	t.Run("of which no more than a part stands is left alone", func(t *testing.T) {
		t.Parallel()
		o := limited(note.HTML, 4000)
		body := logAll(t, heading(), o, []note.Entry{internalNote(2, strings.Repeat("x", 9000))})
		last := body[len(body)-1]
		o.Part = len(body)
		require.Equal(t, note.Amendment{Body: last, Found: true}, amend(t, last, o, internalNote(2, "y")))
	})
}

// lettersOnly leaves out codes, whose digits an amendment changes.
func lettersOnly(s string) string {
	return regexp.MustCompile(`(·|&middot;|&#183;)(</span>)?\w+`).ReplaceAllString(s, "")
}

func TestBadInputToAmendIsRefusedByTheNameOfItsField(t *testing.T) {
	t.Parallel()
	for field, change := range map[string]func(*note.Entry, *note.Options){
		"Options.Key is empty":    func(_ *note.Entry, o *note.Options) { o.Key = "" },
		"Options.Limit is -1":     func(_ *note.Entry, o *note.Options) { o.Limit = -1 },
		"Options.Part is 3844":    func(_ *note.Entry, o *note.Options) { o.Part = 3844 },
		"Options.Part is -1":      func(_ *note.Entry, o *note.Options) { o.Part = -1 },
		"Entry.ID has 0":          func(e *note.Entry, _ *note.Options) { e.ID = "" },
		"Entry.Piece is -1":       func(e *note.Entry, _ *note.Options) { e.Piece = -1 },
		"Entry.Kind is 7":         func(e *note.Entry, _ *note.Options) { e.Kind = 7 },
		"Entry.Links[0].URL (15 ": func(e *note.Entry, _ *note.Options) { e.Links = []note.Link{{URL: "http://a.secret"}} },
	} {
		e, o := sms(1, "secret"), options(note.HTML)
		change(&e, &o)
		r, err := note.Amend("body", e, o)
		require.ErrorIs(t, err, note.ErrInvalid)
		require.ErrorContains(t, err, field)
		require.NotContains(t, err.Error(), "secret")
		require.Zero(t, r)
	}
}
