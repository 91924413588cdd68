package note

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// eachWord calls f with every string in a table of words, by its path.
func eachWord(v reflect.Value, path string, f func(path, word string)) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			eachWord(v.Field(i), path+"."+v.Type().Field(i).Name, f)
		}
	case reflect.Array:
		for i := range v.Len() {
			eachWord(v.Index(i), path+"["+strconv.Itoa(i)+"]", f)
		}
	case reflect.String:
		f(path, v.String())
	default:
		panic("a kind of field that is not looked into: " + path)
	}
}

func pathsOf(w *words) map[string]string {
	all := map[string]string{}
	eachWord(reflect.ValueOf(*w), "", func(path, word string) { all[path] = word })
	return all
}

// mayBeEmpty are what not every language needs.
var mayBeEmpty = regexp.MustCompile(`^\.habit\.(first|am|pm)$|^\.(title|link|linkN)\[` +
	`(` + strconv.Itoa(int(InternalNote)) + `|` + strconv.Itoa(int(Event)) + `)\]$`)

var verb = regexp.MustCompile(`%0?[0-9]*(\[[0-9]\])?[a-z]`)

// verbs are the arguments that a word takes, in any order.
func verbs(word string) []string {
	var all []string
	for _, v := range verb.FindAllString(word, -1) {
		all = append(all, v[len(v)-1:])
	}
	slices.Sort(all)
	return all
}

func TestNoLanguageLacksAWord(t *testing.T) {
	t.Parallel()
	want := pathsOf(&english)
	require.Greater(t, len(want), 60)
	for tag, w := range languages {
		for path, word := range pathsOf(w) {
			name := tag + path
			require.True(t, word != "" || mayBeEmpty.MatchString(path), "%s is empty", name)
			if path != ".habit.clock" { // which takes AM and PM where hours count to 12
				require.Equal(t, verbs(want[path]), verbs(word), "%s takes other arguments than in English", name)
			}
			text := verb.ReplaceAllString(word, "")
			require.NotContains(t, text, "%", name)
			require.NotContains(t, text, mark, name)
			require.Equal(t, clean(text), text, name)
			for _, st := range []style{htmlStyle, markdownStyle("\n"), plainStyle("\n", same)} {
				require.Equal(t, st.esc(text), text, "%s has what is markup", name)
			}
		}
		for _, names := range [][]string{w.weekdays[:], w.months[:]} {
			require.Len(t, slices.Compact(slices.Sorted(slices.Values(names))), len(names), "%s: each has a name of its own", tag)
		}
		require.Regexp(t, `[^0-9.,/\-]%d$`, w.count, "%s: the count is read back as the number that goes last", tag)
		require.Equal(t, w.am == "", w.pm == "", tag)
		require.Equal(t, w.am == "", len(verbs(w.clock)) == 2, tag)
	}
}

func TestWordsAreFilledInAsByPackageFmt(t *testing.T) {
	t.Parallel()
	for tag, w := range languages {
		for path, word := range pathsOf(w) {
			for _, number := range []int{7, 12, 2015} {
				formatted, with := make([]any, len(verbs(word))), make([]string, len(verbs(word)))
				next := 0
				for _, v := range verb.FindAllStringSubmatch(word, -1) {
					if v[1] != "" {
						next = int(v[1][1] - '1')
					}
					formatted[next], with[next] = any("Ann %d"), "Ann %d"
					if strings.HasSuffix(v[0], "d") {
						formatted[next], with[next] = any(number), strconv.Itoa(number)
					}
					next++
				}
				require.Equal(t, fmt.Sprintf(word, formatted...), filled(word, with...), "%s%s", tag, path)
			}
		}
	}
}

// Each word stands in a golden file, where it is read in what is around it.
func TestAReviewerSeesEveryWord(t *testing.T) {
	t.Parallel()
	for tag, w := range languages {
		golden, err := os.ReadFile("testdata/" + tag + ".html")
		require.NoError(t, err)
		for path, word := range pathsOf(w) {
			if strings.HasPrefix(path, ".habit.") {
				continue
			}
			for _, part := range verb.Split(word, -1) {
				require.Contains(t, string(golden), part, "%s%s is in no golden case", tag, path)
			}
		}
	}
}

func TestRegionsChangeNothingButTheHabit(t *testing.T) {
	t.Parallel()
	for _, r := range regions {
		before := *languages[r.language]
		require.Regexp(t, `^[a-z0-9]{2,3}( [a-z0-9]{2,3})*$`, r.regions)
		for _, region := range regexp.MustCompile(`\w+`).FindAllString(r.regions, -1) {
			w := *wordsFor(r.language + "-" + region)
			require.NotEqual(t, before.habit, w.habit, region)
			w.habit = before.habit
			require.Equal(t, before, w, region)
		}
		require.Equal(t, before, *languages[r.language], "the language itself stays as it is")
	}
}

// Where a long message is cut must not depend on the language.
func TestNoLabelIsLongerThanWhatIsKeptForIt(t *testing.T) {
	t.Parallel()
	for tag, w := range languages {
		labels := append(w.files[:], w.link[:]...)
		for _, l := range w.files {
			labels = append(labels, fmt.Sprintf(w.numbered, l, 999))
		}
		for k := range w.linkN[:InternalNote] {
			labels = append(labels, fmt.Sprintf(w.linkN[k], 999))
		}
		for _, l := range labels {
			require.LessOrEqual(t, len(l+w.colon), maxWord, "%s: %s", tag, l)
		}
	}
}
