package note_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crmlog/crmlog/note"
)

func TestTimesOfDay(t *testing.T) {
	t.Parallel()
	at := func(s string) time.Time {
		at, err := time.Parse(time.RFC3339, s)
		require.NoError(t, err)
		return at
	}
	for name, tc := range map[string]struct {
		loc   *time.Location
		zone  string
		day   string
		dated string
		times map[string]string
	}{
		"in UTC when no zone is given": {nil, "", "2015-02-18", "Wednesday, February 18, 2015, times in UTC\n",
			map[string]string{"2015-02-18T00:00:00Z": "12:00 AM", "2015-02-18T12:00:59Z": "12:00 PM", "2015-02-18T23:59:59.999Z": "11:59 PM"}},
		"in an offset without a name": {time.FixedZone("", -(3*3600 + 1800)), "", "2015-02-18", "Wednesday, February 18, 2015, times in UTC-03:30\n",
			map[string]string{"2015-02-18T13:24:50Z": "9:54 AM"}},
		"east of UTC": {mustLoad("Asia/Kathmandu"), "Asia/Kathmandu", "2015-02-18", "Wednesday, February 18, 2015, times in Asia/Kathmandu (UTC+05:45)\n",
			map[string]string{"2015-02-18T13:24:50Z": "7:09 PM"}},
		"at no offset in a zone with a name": {mustLoad("Europe/London"), "Europe/London", "2015-02-18", "times in Europe/London (UTC+00:00)\n",
			map[string]string{"2015-02-18T13:24:50Z": "1:24 PM"}},
		"on the day the clocks go back": {losAngeles, "America/Los_Angeles", "2015-11-01", "Sunday, November 1, 2015, times in America/Los_Angeles (UTC-07:00, then UTC-08:00)\n",
			map[string]string{"2015-11-01T08:30:00Z": "1:30 AM UTC-07:00", "2015-11-01T09:30:00Z": "1:30 AM UTC-08:00", "2015-11-02T07:59:00Z": "11:59 PM UTC-08:00"}},
		"on the day the clocks go forward": {losAngeles, "America/Los_Angeles", "2015-03-08", "(UTC-08:00, then UTC-07:00)\n",
			map[string]string{"2015-03-08T09:30:00Z": "1:30 AM UTC-08:00", "2015-03-08T10:30:00Z": "3:30 AM UTC-07:00"}},
		"when midnight itself is skipped": {mustLoad("America/Sao_Paulo"), "America/Sao_Paulo", "2018-11-04", "Sunday, November 4, 2018, times in America/Sao_Paulo (UTC-02:00)\n",
			map[string]string{"2018-11-04T03:30:00Z": "1:30 AM"}},
		"at the end of a leap year to come": {losAngeles, "", "2040-12-30", "Sunday, December 30, 2040, times in UTC-08:00\n",
			map[string]string{"2040-12-30T13:24:50Z": "5:24 AM", "2040-12-31T00:30:00Z": "4:30 PM"}},
		"of another day": {losAngeles, "America/Los_Angeles", "2015-02-18", "February 18, 2015",
			map[string]string{"2015-02-19T13:24:50Z": "February 19, 2015, 5:24 AM", "2015-11-01T09:30:00Z": "November 1, 2015, 1:30 AM UTC-08:00"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := note.Options{Format: note.Plain, Key: key, Location: tc.loc}
			for sent, want := range tc.times {
				body, err := note.Compose(note.Heading{Day: tc.day, Zone: tc.zone}, []note.Entry{{ID: "1", Time: at(sent), Sender: "Ann", Text: "x"}}, o)
				require.NoError(t, err)
				require.Contains(t, body, tc.dated)
				require.Contains(t, body, "\n- "+want+" Ann: x ·")
			}
		})
	}
}
