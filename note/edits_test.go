package note_test

import (
	"fmt"
	"html"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crmlog/crmlog/note"
)

// A record that a person and the service write to by turns.
type record struct {
	random *rand.Rand
	o      note.Options
	body   string
	mine   []string        // what the person wrote, and is to be kept
	stands map[string]bool // ids of the entries that the person let stand
	sent   []note.Entry
	did    []string
}

func TestAPersonAndTheServiceWriteByTurns(t *testing.T) {
	t.Parallel()
	for format, f := range formats {
		for seed := range rounds(6, 100) {
			t.Run(fmt.Sprintf("%s %d", format, seed), func(t *testing.T) {
				t.Parallel()
				r := &record{random: rand.New(rand.NewPCG(11, uint64(seed))), o: options(f), stands: map[string]bool{}}
				if seed%3 == 2 {
					r.o.Limit = 3000 + r.random.IntN(3000)
				}
				for range 25 {
					r.addSome(t)
					for range r.random.IntN(3) {
						r.edit(t)
					}
				}
			})
		}
	}
}

// addSome adds some messages that are new and some that stand.
func (r *record) addSome(t *testing.T) {
	var fresh, again []note.Entry
	for range r.random.IntN(4) {
		n := len(r.sent)
		e := sms(n, fmt.Sprintf("text %d.%s", n, []string{"", "\nline two", "\n- 5:30 AM Ann: line two", " & <b> ·7GtPp4EiwHS13NsUgh"}[r.random.IntN(4)]))
		e.Time = morning.Add(time.Duration(r.random.IntN(600)) * time.Minute)
		e.Failed = r.random.IntN(9) == 0
		r.sent, fresh = append(r.sent, e), append(fresh, e)
	}
	for _, e := range r.sent {
		if r.stands[e.ID] && r.random.IntN(3) == 0 {
			again = append(again, e)
		}
	}
	batch := append(slices.Clone(fresh), again...)
	r.random.Shuffle(len(batch), func(i, j int) { batch[i], batch[j] = batch[j], batch[i] })
	before := r.body
	result, err := note.Add(before, heading(), batch, r.o)
	require.NoError(t, err)
	require.ElementsMatch(t, idsOf(again...), result.Present, r)
	var left []string
	for _, l := range result.Left {
		require.Zero(t, l.NextPiece)
		left = append(left, l.ID)
	}
	require.ElementsMatch(t, idsOf(fresh...), append(slices.Clone(result.Added), left...))
	require.True(t, isSubsequence(digitsOff(before), digitsOff(result.Body)), r)
	if r.o.Limit > 0 && len(before) <= r.o.Limit {
		require.LessOrEqual(t, len(result.Body), r.o.Limit)
	}
	require.True(t, r.o.Limit > 0 || len(left) == 0)
	r.body = result.Body
	r.did = append(r.did, fmt.Sprintf("added %d", len(result.Added)))
	for _, id := range result.Added {
		r.stands[id] = true
	}
	r.check(t)
	for _, e := range fresh {
		first, _, _ := strings.Cut(e.Text, "\n")
		require.Equal(t, slices.Contains(result.Added, e.ID), strings.Contains(r.text(), strings.TrimSuffix(first, "7GtPp4EiwHS13NsUgh")), r)
	}
	for _, e := range again {
		require.Equal(t, r.body, amendTwice(t, r.body, r.o, e))
	}
}

func amendTwice(t *testing.T, body string, o note.Options, e note.Entry) string {
	once := amend(t, body, o, e)
	require.True(t, once.Found)
	return once.Body
}

// check requires that all that stands is recognised, once and in order, and all
// that the person wrote can be read.
func (r *record) check(t *testing.T) {
	var ids []string
	at := time.Time{}
	for _, e := range note.Read(r.body, r.o).Entries {
		require.False(t, e.Time.Before(at), "%v", r)
		at = e.Time
		ids = append(ids, e.ID)
	}
	var want []string
	for id := range r.stands {
		want = append(want, id)
	}
	require.ElementsMatch(t, want, ids, r)
	text := r.text()
	for _, s := range r.mine {
		require.Contains(t, text, s, r)
	}
}

func (r *record) text() string {
	if r.o.Format == note.HTML {
		return html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(r.body, ""))
	}
	return strings.NewReplacer(`\`, "", "*", "").Replace(r.body)
}

func (r *record) String() string { return strings.Join(r.did, ", ") + ":\n" + r.body }

// codeIn matches a code, the beginning of which may be in italics.
var codeIn = regexp.MustCompile(`·[0-9A-Za-z]+(</i>[0-9A-Za-z]+)?`)

// spot is somewhere in the visible text, not in a code, tag, entity or escape.
func (r *record) spot() int {
	shut := regexp.MustCompile(`<[^>]*>|&[#0-9a-zA-Z]+;|·[0-9A-Za-z]+(?:</i>[0-9A-Za-z]+)?|\\.|\*\*|\r\n|\[[^\]]*\]\([^)]*\)|mine\d+x`).FindAllStringIndex(r.body, -1)
	for {
		i := r.random.IntN(len(r.body) + 1)
		if (i == len(r.body) || r.body[i]&0xC0 != 0x80) && !slices.ContainsFunc(shut, func(s []int) bool { return s[0] < i && i < s[1] }) {
			return i
		}
	}
}

func (r *record) write(what string, at int, before, after string) {
	word := fmt.Sprintf("mine%dx", len(r.did))
	r.mine = append(r.mine, word)
	r.body = r.body[:at] + before + word + after + r.body[at:]
	r.did = append(r.did, what)
}

// remove takes out a part of the body and forgets what stood in it.
func (r *record) remove(what string, from, to int) {
	gone := &record{o: r.o, body: r.body[from:to]}
	for _, e := range note.Read(gone.body, r.o).Entries {
		delete(r.stands, e.ID)
	}
	r.body = r.body[:from] + r.body[to:]
	text := r.text()
	r.mine = slices.DeleteFunc(r.mine, func(s string) bool { return !strings.Contains(text, s) })
	r.did = append(r.did, what)
}

// entry is where a random entry stands, with its bullet or tags.
func (r *record) entry() (from, to int, ok bool) {
	codes := codeIn.FindAllStringIndex(r.body, -1)
	if len(codes) == 0 {
		return 0, 0, false
	}
	code := codes[r.random.IntN(len(codes))]
	open, end := "<li>", "</li>"
	if r.o.Format != note.HTML {
		open, end = "\n- ", "\n"
	}
	from = strings.LastIndex(r.body[:code[0]], open)
	to = strings.Index(r.body[code[0]:], end)
	if r.o.Format != note.HTML && to < 0 {
		to = len(r.body) - code[0]
	}
	if from < 0 || to < 0 {
		return 0, 0, false
	}
	to += code[0]
	if r.o.Format == note.HTML {
		to += len(end)
	}
	if len(codeIn.FindAllString(r.body[from:to], -1)) != 1 {
		return 0, 0, false
	}
	return from, min(to, len(r.body)), true
}

// edit is something that a person does.
func (r *record) edit(t *testing.T) {
	isHTML := r.o.Format == note.HTML
	br := "\n"
	if isHTML {
		br = "<br>"
	}
	switch r.random.IntN(18) {
	case 0:
		r.write("wrote above", 0, "", br)
	case 1:
		r.write("wrote below", len(r.body), br, "")
	case 2:
		if isHTML {
			r.write("wrote a paragraph below", len(r.body), "<p>", "</p>")
		} else {
			r.write("wrote indented below", len(r.body), "\n  ", "")
		}
	case 3, 4:
		r.write("wrote somewhere", r.spot(), "", "")
	case 5:
		r.write("wrote a line somewhere", r.spot(), " ", br)
	case 6:
		if from, to, ok := r.entry(); ok && isHTML {
			r.write("wrote an item", []int{from, to}[r.random.IntN(2)], "<li>", "</li>")
		} else if ok {
			r.write("wrote a bullet", from, "\n- ", "")
		}
	case 7:
		if codes := codeIn.FindAllStringIndex(r.body, -1); len(codes) > 0 {
			r.write("wrote right behind a code", codes[r.random.IntN(len(codes))][1], " ", "")
		}
	case 8, 9:
		if from, to, ok := r.entry(); ok {
			r.remove("deleted an entry", from, to)
		}
	case 10:
		if i := strings.Index(r.body, "text "); i >= 0 {
			word := fmt.Sprintf("mine%dx", len(r.did))
			r.mine = append(r.mine, word)
			r.body = r.body[:i] + word + r.body[i+len("text "):]
			r.did = append(r.did, "changed words")
		}
	case 11:
		from := r.spot()
		to := from + strings.IndexAny(r.body[from:]+"<\n", "<\n&·\\*[")
		if isHTML && to > from {
			r.body = r.body[:from] + "<b>" + r.body[from:to] + "</b>" + r.body[to:]
		} else if r.o.Format == note.Markdown && to > from+2 && strings.TrimSpace(r.body[from:to]) != "" {
			r.body = r.body[:from] + "**" + r.body[from:to] + "**" + r.body[to:]
		}
		r.did = append(r.did, "made bold")
	case 12:
		if codes := codeIn.FindAllStringIndex(r.body, -1); len(codes) > 0 && isHTML {
			c := codes[r.random.IntN(len(codes))]
			if strings.Contains(r.body[c[0]:c[1]], "<") {
				break
			}
			at := c[0] + len("·") + r.random.IntN(c[1]-c[0]-len("·"))
			r.body = r.body[:c[0]] + "<i>" + r.body[c[0]:at] + "</i>" + r.body[at:]
			r.did = append(r.did, "made a part of a code italic")
		}
	case 13:
		if m := regexp.MustCompile(`Messages: \d+ `).FindStringIndex(r.body); m != nil {
			r.remove("deleted the count", m[0], m[1])
		}
	case 14:
		i := strings.Index(r.body, "SMS with")
		if k := strings.Index(r.body, "·K"); i >= 0 && k > i {
			if isHTML && i >= len("<b>") {
				i -= len("<b>")
			}
			if to := k + len("·K1EOX8d201G0"); to <= len(r.body) && r.balanced(r.body[i:to]) {
				r.remove("deleted the heading", i, to)
			}
		}
	case 15:
		if r.random.IntN(4) == 0 {
			r.remove("deleted everything", 0, len(r.body))
		}
	case 16:
		other, err := note.Compose(heading(), []note.Entry{sms(1, "of another digest"), sms(2, "of another digest")}, note.Options{Format: r.o.Format, Key: "other"})
		require.NoError(t, err)
		if r.random.IntN(3) == 0 && r.o.Format != note.Markdown {
			other = appConnect[map[note.Format]string{note.HTML: "html", note.Plain: "plain"}[r.o.Format]](sms(1, "of an old digest"), sms(2, "of an old digest"))
		}
		if r.random.IntN(2) == 0 {
			r.body = other + br + br + r.body
		} else {
			r.body += br + br + other
		}
		r.did = append(r.did, "pasted another digest")
	case 17:
		if from, to, ok := r.entry(); ok {
			c := codeIn.FindStringIndex(r.body[from:to])
			if c[1]-c[0] < len("·7GtPp4EiwHS13NsUgg") || strings.Contains(r.body[from+c[0]:from+c[1]], "<") {
				break
			}
			at := from + c[0] + len("·") + 2 + r.random.IntN(8)
			for _, e := range note.Read(r.body[from:to], r.o).Entries {
				delete(r.stands, e.ID)
			}
			r.write("wrote into a code", at, " ", " ")
		}
	}
	r.check(t)
}

// balanced tells whether as many elements are closed as are opened.
func (r *record) balanced(s string) bool {
	return len(regexp.MustCompile(`<(b|i|p|ul|li)>`).FindAllString(s, -1)) == len(regexp.MustCompile(`</(b|i|p|ul|li)>`).FindAllString(s, -1))
}
