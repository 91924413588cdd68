package proof

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/crmlog/crmlog/testcrm"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

// verdict is what the oracle finds wrong.
type verdict struct {
	Records    int // live ones
	Lost       int // messages that stand nowhere
	Doubled    int // messages that stand more than once
	Misplaced  int // messages in a record of another owner, contact, conversation or day
	Disordered int // messages that stand behind a later one
	Foreign    int // records without a message, and texts that nobody sent
	Findings   []string
}

func (v verdict) String() string {
	return fmt.Sprintf("%d records, %d lost, %d doubled, %d misplaced, %d out of order, %d foreign",
		v.Records, v.Lost, v.Doubled, v.Misplaced, v.Disordered, v.Foreign)
}

func (v verdict) faultless() bool {
	return v.Lost+v.Doubled+v.Misplaced+v.Disordered+v.Foreign == 0
}

func (v *verdict) find(count *int, format string, args ...any) {
	*count++
	if len(v.Findings) < 20 {
		v.Findings = append(v.Findings, fmt.Sprintf(format, args...))
	}
}

var token = regexp.MustCompile(`msg-(\d{6})-`)

// judge holds the CRM's records against what was sent. It knows of a record
// what a person sees: the owner, the contact, the time, the text.
func judge(all []sent, records []testcrm.Activity) verdict {
	var v verdict
	seen := make(map[int]int)
	home := make(map[string]string) // digest → its record
	for _, r := range records {
		if r.Deleted {
			continue
		}
		v.Records++
		text := visibleText(r.Body)
		var last *sent
		for _, m := range token.FindAllStringSubmatch(text, -1) {
			n, _ := strconv.Atoi(m[1])
			if n >= len(all) {
				v.find(&v.Foreign, "%s holds a message that nobody sent: %d", r.ID, n)
				continue
			}
			s := &all[n]
			if seen[n]++; seen[n] == 2 {
				v.find(&v.Doubled, "message %d stands twice, the second time in %s", n, r.ID)
			}
			day := localDay(s.User, s.At)
			digest := strings.Join([]string{s.User.ID, s.Contact, s.Conversation, day}, " ")
			if home[digest] == "" {
				home[digest] = r.ID
			}
			switch {
			case home[digest] != r.ID:
				v.find(&v.Misplaced, "message %d: a second record of the digest, %s beside %s", n, r.ID, home[digest])
			case r.OwnerID != s.User.ID || r.ContactID != s.Contact:
				v.find(&v.Misplaced, "message %d is in %s, which is %s's with %s", n, r.ID, r.OwnerID, r.ContactID)
			case localDay(s.User, r.At) != day:
				v.find(&v.Misplaced, "message %d of %s is in %s, which is of %s", n, day, r.ID, localDay(s.User, r.At))
			case !strings.Contains(text, longDate(day)):
				v.find(&v.Misplaced, "message %d: %s does not show its day %s", n, r.ID, day)
			case last != nil && last.Conversation != s.Conversation:
				v.find(&v.Misplaced, "messages %d and %d, of two conversations, are in %s", last.Number, n, r.ID)
			}
			if last != nil && s.At.Before(last.At) {
				v.find(&v.Disordered, "%s: message %d stands behind the later %d", r.ID, n, last.Number)
			}
			last = s
		}
		if last == nil {
			v.find(&v.Foreign, "%s is of nobody", r.ID)
		}
	}
	for n := range all {
		if seen[n] == 0 {
			v.find(&v.Lost, "message %d stands nowhere", n)
		}
	}
	return v
}

// localDay is the calendar day of an instant where the user is.
func localDay(p person, at time.Time) string {
	if p.Zone == "" {
		return at.UTC().Add(p.East).Format(time.DateOnly)
	}
	return at.In(p.location()).Format(time.DateOnly)
}

func longDate(day string) string {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		panic(err)
	}
	return t.Format("Monday, January 2, 2006")
}

// visibleText strips the tags.
func visibleText(body string) string {
	var text strings.Builder
	z := html.NewTokenizer(strings.NewReader(body))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return text.String()
		case html.TextToken:
			text.Write(z.Text())
		}
	}
}

func TestOracleFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	user := people[0]
	at := time.Date(2026, 3, 8, 20, 0, 0, 0, time.UTC)
	all := []sent{
		{Number: 0, User: user, Contact: "con_1", Conversation: "7", At: at},
		{Number: 1, User: user, Contact: "con_1", Conversation: "7", At: at.Add(time.Minute)},
		{Number: 2, User: user, Contact: "con_1", Conversation: "8", At: at},
		{Number: 3, User: user, Contact: "con_1", Conversation: "7", At: at.Add(11*time.Hour - time.Millisecond)}, // 23:59:59.999
	}
	const day = "<b>Sunday, March 8, 2026</b><ul>"
	record := func(id string, lines ...string) testcrm.Activity {
		return testcrm.Activity{ID: id, OwnerID: "1", ContactID: "con_1", At: at, Body: day + strings.Join(lines, "")}
	}
	const m0, m1, m2, m3 = "<li>msg-000000- a</li>", "<li><b>msg-000001-</b></li>", "<li>msg-000002-</li>", "msg-000003-"
	good := []testcrm.Activity{record("a", m0, m1, m3), record("b", m2)}
	v := judge(all, good)
	require.True(t, v.faultless(), v.Findings)
	require.Equal(t, 2, v.Records)

	change := func(f func(r []testcrm.Activity) []testcrm.Activity) string {
		return judge(all, f(slices.Clone(good))).String()
	}
	tests := map[string]struct {
		change func(r []testcrm.Activity) []testcrm.Activity
		want   string
	}{
		"a message is missing": {func(r []testcrm.Activity) []testcrm.Activity { r[0] = record("a", m0, m3); return r },
			"2 records, 1 lost, 0 doubled, 0 misplaced, 0 out of order, 0 foreign"},
		"a record is deleted": {func(r []testcrm.Activity) []testcrm.Activity { r[1].Deleted = true; return r },
			"1 records, 1 lost, 0 doubled, 0 misplaced, 0 out of order, 0 foreign"},
		"a message stands twice": {func(r []testcrm.Activity) []testcrm.Activity { r[0] = record("a", m0, m0, m1, m3); return r },
			"2 records, 0 lost, 1 doubled, 0 misplaced, 0 out of order, 0 foreign"},
		"a digest has two records": {func(r []testcrm.Activity) []testcrm.Activity {
			r[0] = record("a", m0, m1)
			return append(r, record("c", m3))
		}, "3 records, 0 lost, 0 doubled, 1 misplaced, 0 out of order, 0 foreign"},
		"two conversations share a record": {func([]testcrm.Activity) []testcrm.Activity {
			return []testcrm.Activity{record("a", m0, m2, m1, m3)}
		}, "1 records, 0 lost, 0 doubled, 2 misplaced, 0 out of order, 0 foreign"},
		"another contact's record": {func(r []testcrm.Activity) []testcrm.Activity { r[1].ContactID = "con_2"; return r },
			"2 records, 0 lost, 0 doubled, 1 misplaced, 0 out of order, 0 foreign"},
		"another owner's record": {func(r []testcrm.Activity) []testcrm.Activity { r[1].OwnerID = "2"; return r },
			"2 records, 0 lost, 0 doubled, 1 misplaced, 0 out of order, 0 foreign"},
		"a record of the next day": {func(r []testcrm.Activity) []testcrm.Activity { r[1].At = at.Add(11 * time.Hour); return r },
			"2 records, 0 lost, 0 doubled, 1 misplaced, 0 out of order, 0 foreign"},
		"another day on top": {func(r []testcrm.Activity) []testcrm.Activity { r[1].Body = "March 9, 2026" + m2; return r },
			"2 records, 0 lost, 0 doubled, 1 misplaced, 0 out of order, 0 foreign"},
		"late before early": {func(r []testcrm.Activity) []testcrm.Activity { r[0] = record("a", m1, m0, m3); return r },
			"2 records, 0 lost, 0 doubled, 0 misplaced, 1 out of order, 0 foreign"},
		"an empty record": {func(r []testcrm.Activity) []testcrm.Activity { return append(r, record("c")) },
			"3 records, 0 lost, 0 doubled, 0 misplaced, 0 out of order, 1 foreign"},
		"a message that nobody sent": {func(r []testcrm.Activity) []testcrm.Activity { return append(r, record("c", "msg-000099-")) },
			"3 records, 0 lost, 0 doubled, 0 misplaced, 0 out of order, 2 foreign"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tt.want, change(tt.change))
		})
	}
}

// The days' borders, as tables of the zones have them.
func TestOracleKnowsTheDay(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ user, first, next string }{
		{"1", "2026-03-08T08:00:00Z", "2026-03-09T07:00:00Z"}, // 23 hours
		{"2", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"}, // 25 hours
		{"3", "2026-04-04T13:00:00Z", "2026-04-05T13:30:00Z"}, // 24.5 hours
		{"4", "2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z"}, // 23 hours, from 01:00
		{"5", "2028-02-28T18:15:00Z", "2028-02-29T18:15:00Z"},
		{"6", "2025-12-31T08:00:00Z", "2026-01-01T08:00:00Z"},
		{"7", "2026-06-29T10:15:00Z", "2026-06-30T10:15:00Z"},
		{"8", "2026-05-01T00:00:00Z", "2026-05-02T00:00:00Z"},
	} {
		i := slices.IndexFunc(people, func(p person) bool { return p.ID == tt.user })
		p := people[i]
		first, err := time.Parse(time.RFC3339, tt.first)
		require.NoError(t, err)
		next, err := time.Parse(time.RFC3339, tt.next)
		require.NoError(t, err)
		require.Equal(t, p.Around, localDay(p, first), p.ID)
		require.NotEqual(t, p.Around, localDay(p, first.Add(-1)), p.ID)
		require.Equal(t, p.Around, localDay(p, next.Add(-1)), p.ID)
		require.NotEqual(t, p.Around, localDay(p, next), p.ID)
	}
}
