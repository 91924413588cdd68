package note_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crmlog/crmlog/note"
)

func entries(n int) []note.Entry {
	all := make([]note.Entry, n)
	for i := range all {
		all[i] = sms(2*i, "Shall we meet at the office tomorrow at ten, or rather call?")
	}
	return all
}

// The time of a call grows with the body and no faster.
func BenchmarkAdd(b *testing.B) {
	for format, f := range formats {
		for _, n := range []int{10, 100, 1000} {
			body := compose(b, options(f), entries(n)...)
			for what, fresh := range map[string][]note.Entry{
				"one":     {sms(2*n+1, "Yes")},
				"as many": between(n),
				"none":    entries(n),
			} {
				b.Run(fmt.Sprintf("%s/%d/%s", format, n, what), func(b *testing.B) {
					b.ReportAllocs()
					b.SetBytes(int64(len(body)))
					for b.Loop() {
						_, err := note.Add(body, heading(), fresh, options(f))
						require.NoError(b, err)
					}
				})
			}
		}
	}
}

// With a limit that leaves room for all, for half of what comes, and for none.
func BenchmarkAddLimited(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		o := options(note.HTML)
		o.Size = note.StoredHTMLSize
		body := compose(b, o, entries(n)...)
		before, after := o.Size(body), o.Size(add(b, body, o, between(n)...).Body)
		for what, limit := range map[string]int{"all": after, "half": (before + after) / 2, "none": before} {
			o.Limit = max(limit, 4000)
			b.Run(fmt.Sprintf("%d/%s", n, what), func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(len(body)))
				for b.Loop() {
					_, err := note.Add(body, heading(), between(n), o)
					require.NoError(b, err)
				}
			})
		}
	}
}

// The time that a text takes grows with it and no faster.
func BenchmarkAddLongText(b *testing.B) {
	for _, size := range []int{10_000, 100_000, 1_000_000} {
		o := options(note.HTML)
		o.Limit, o.Size = 90_000, note.StoredHTMLSize
		e := sms(0, strings.Repeat("éü 'x' ", size/9))
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(e.Text)))
			for b.Loop() {
				_, err := note.Add("", heading(), []note.Entry{e}, o)
				require.NoError(b, err)
			}
		})
	}
}

func BenchmarkAmend(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		body := compose(b, options(note.HTML), entries(n)...)
		e := entries(n)[n/2]
		e.Failed = true
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				_, err := note.Amend(body, e, options(note.HTML))
				require.NoError(b, err)
			}
		})
	}
}

// A digest that App Connect began.
func BenchmarkAddForeign(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		body := appConnect["html"](entries(n)...)
		for what, fresh := range map[string][]note.Entry{"as many": between(n), "none": entries(n)} {
			b.Run(fmt.Sprintf("%d/%s", n, what), func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(len(body)))
				for b.Loop() {
					_, err := note.Add(body, heading(), fresh, options(note.HTML))
					require.NoError(b, err)
				}
			})
		}
	}
}

func between(n int) []note.Entry {
	all := make([]note.Entry, n)
	for i := range all {
		all[i] = sms(2*i+1, "Yes")
	}
	return all
}

// Bodies that could make a careless reader slow.
func BenchmarkReadHostile(b *testing.B) {
	for name, part := range map[string]string{
		"marks": "·7", "long codes": "·XZZ" + strings.Repeat("z", 400), "escaped codes": "·X5I" + strings.Repeat("z", 355), "open divs": "<div>", "end tags": "<div></p>", "items": "<li>a", "ampersands": "&", "entities": "&amp;", "angles": "<", "end of comments": "<!-->", "stars": "*a", "breaks": "<br>", "newlines": "\n",
	} {
		for _, size := range []int{100_000, 1_000_000} {
			body := strings.Repeat(part, size/len(part))
			b.Run(fmt.Sprintf("%s/%d", name, size), func(b *testing.B) {
				b.SetBytes(int64(len(body)))
				for b.Loop() {
					note.Read(body, options(note.HTML))
					note.Read(body, options(note.Markdown))
				}
			})
		}
	}
}
