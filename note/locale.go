package note

import (
	"cmp"
	"strings"
	"sync"
)

// habit is how dates and times are written. Numbers in a pattern are arguments
// of fmt: weekday, day, month, year for full; day, month, year for date; hour,
// minute and the half of the day for clock.
type habit struct {
	weekdays [7]string // from Sunday
	months   [12]string
	full     string
	date     string
	first    string // the first day of a month; empty is 1
	clock    string
	am, pm   string // halves of the day; empty where hours count to 23
	dateTime string // date, clock
}

// languages are found by the first part of a locale.
var languages = map[string]*words{
	"de": &german,
	"en": &english,
	"es": &spanish,
	"fr": &french,
	"it": &italian,
	"ja": &japanese,
	"nl": &dutch,
	"pt": &portuguese,
}

// regions are where a language is written with another habit than its own. Both
// follow CLDR 48 (https://cldr.unicode.org), but for a month's first day in French
// and Portuguese, one "a.m." for all who write it in Spanish, a space in Japanese
// dates, and what sets a few small regions apart.
var regions = []struct {
	language, regions string
	change            func(*habit)
}{
	{"en", "ca", func(h *habit) {
		h.am, h.pm = "a.m.", "p.m."
	}},
	{"en", "001 ae ag au bb bm bs cy dm er fj fm gd gh gm gy hk in jm ki kn ky lc lr ls mo mw my na nh nz pg pk pw sb sd sg sl ss sz tc to tt vc vg vu ws zm", func(h *habit) {
		dayFirst(h)
		h.am, h.pm = "am", "pm"
	}},
	{"en", "150 ai at be bw bz cc ch ck cm cx cz de dg dk ee es fi fk fr gb ge gg gi gs hu id ie il im io it je ke lt lv mg ms mt mu mv nf ng nl no nr nu pl pn pt ro rw sc se sh si sk sx tk tv tz ua ug uk za zw", func(h *habit) {
		dayFirst(h)
		h.clock, h.am, h.pm = "%02d:%02d", "", ""
	}},
	{"es", "419 ar bo cl co cr cu do ec gt hn mx ni pa pe ph pr py sv us uy ve", func(h *habit) {
		h.clock, h.am, h.pm = "%d:%02d %s", "a.m.", "p.m."
	}},
	{"fr", "ca", func(h *habit) { h.clock = "%02d h %02d" }},
	{"de", "at it", func(h *habit) { h.months[0] = "Jänner" }},
	{"pt", "ao ch cv fr gq gw lu mo mz pt st tl", func(h *habit) { h.first = "" }},
}

// dayFirst is the order of English outside of North America.
func dayFirst(h *habit) {
	h.full = "%s, %s %s %d"
	h.date = "%s %s %d"
}

// wordsFor returns the words of a locale: its language's, in its region's habit.
func wordsFor(locale string) *words {
	language, region := splitLocale(locale)
	if region != "" {
		if w := regional()[[2]string{language, region}]; w != nil {
			return w
		}
	}
	return cmp.Or(languages[language], &english)
}

// regional has the words of each language in the regions that have a habit of
// their own.
var regional = sync.OnceValue(func() map[[2]string]*words {
	all := map[[2]string]*words{}
	for _, r := range regions {
		w := *languages[r.language]
		r.change(&w.habit)
		for _, region := range strings.Fields(r.regions) {
			all[[2]string{r.language, region}] = &w
		}
	}
	return all
})

// splitLocale returns the language and the region of a BCP 47 tag or a POSIX
// locale, in lower case; the region may be empty. Scripts and variants make no
// difference here.
func splitLocale(locale string) (language, region string) {
	locale, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(locale)), ".") // de_DE.UTF-8
	locale, _, _ = strings.Cut(locale, "@")                                     // de_DE@euro
	language, rest, _ := strings.Cut(strings.ReplaceAll(locale, "_", "-"), "-")
	for rest != "" {
		var part string
		part, rest, _ = strings.Cut(rest, "-")
		if len(part) == 1 { // an extension follows
			break
		}
		if len(part) == 2 || len(part) == 3 && strings.Trim(part, "0123456789") == "" {
			return language, part
		}
	}
	return language, ""
}
