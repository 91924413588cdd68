package crmlog_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/stretchr/testify/require"
)

// The keys below stand in customers' stores and CRMs: when this test fails, the
// code is wrong, not the test.
func TestDigestKeyStaysTheSameForYears(t *testing.T) {
	t.Parallel()
	in := crmlog.AddMessageLogInput{
		User:        crmlog.User{ID: "7-pipedrive", TimezoneName: "America/Los_Angeles"},
		Account:     "acme.pipedrive.com",
		ContactInfo: crmlog.ContactInfo{ID: "42"},
		AuthHeader:  "Bearer x",
		Message: crmlog.Message{
			ID: "60279564004", Type: crmlog.MessageTypeSMS, ConversationID: "5578984350117917661",
			CreationTime: time.Date(2015, 2, 18, 13, 24, 50, 0, time.UTC),
		},
	}
	d, err := crmlog.NewDigestRef("pipedrive", in)
	require.NoError(t, err)
	require.Equal(t, "c1-7li230f5c3m4st7r2qgakq24bg", d.Ref)
	require.Equal(t, "c5578984350117917661", d.Conversation)
	require.Equal(t, "2015-02-18", d.Day)

	in.Message.Type, in.Message.ConversationID = crmlog.MessageTypeFax, ""
	d, err = crmlog.NewDigestRef("pipedrive", in)
	require.NoError(t, err)
	require.Equal(t, "c1-j4bbsk28osekir2ah0b5jqut6c", d.Ref)
	require.Equal(t, "m60279564004", d.Conversation)
	require.Regexp(t, regexp.MustCompile(`^c1-[0-9a-v]{26}$`), d.Ref)

	scope := crmlog.Digest{Platform: "pipedrive", Account: "acme.pipedrive.com", User: "7-pipedrive", Contact: "42"}.MessageScope()
	require.Equal(t, "1c7fc10belb7job2t81nj1l1hc", scope)
}

func TestDayIsTheCalendarDayInTheUsersZone(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		zone         string
		offset, user crmlog.TimezoneOffset
		at           string
		day          string
	}{
		"UTC when nothing is said":                      {at: "2026-03-11T00:00:00Z", day: "2026-03-11"},
		"the last moment of a day":                      {zone: "America/Los_Angeles", at: "2026-03-11T06:59:59.999Z", day: "2026-03-10"},
		"midnight begins the next":                      {zone: "America/Los_Angeles", at: "2026-03-11T07:00:00Z", day: "2026-03-11"},
		"midnight in winter is an hour later":           {zone: "America/Los_Angeles", at: "2026-01-11T07:30:00Z", day: "2026-01-10"},
		"the day on which the clocks go forward":        {zone: "America/Los_Angeles", at: "2026-03-09T06:30:00Z", day: "2026-03-08"},
		"the repeated hour of the day they go back":     {zone: "America/Los_Angeles", at: "2026-11-01T09:30:00Z", day: "2026-11-01"},
		"a zone of half hours":                          {zone: "Asia/Kolkata", at: "2026-03-10T18:30:00Z", day: "2026-03-11"},
		"a day ahead of UTC":                            {zone: "Pacific/Kiritimati", at: "2026-03-10T10:00:00Z", day: "2026-03-11"},
		"a clock that goes forward at midnight":         {zone: "Africa/Cairo", at: "2026-04-23T22:00:00Z", day: "2026-04-24"},
		"an offset":                                     {offset: "-08:00", at: "2026-03-11T07:59:00Z", day: "2026-03-10"},
		"an offset without colon":                       {offset: "+0530", at: "2026-03-10T18:30:00Z", day: "2026-03-11"},
		"an offset of hours":                            {offset: "+09", at: "2026-03-10T15:00:00Z", day: "2026-03-11"},
		"an offset Z":                                   {offset: "Z", at: "2026-03-10T23:59:00Z", day: "2026-03-10"},
		"the zone wins over the offset":                 {zone: "Asia/Tokyo", offset: "-08:00", at: "2026-03-10T15:00:00Z", day: "2026-03-11"},
		"the call's offset wins over the user's":        {offset: "+09:00", user: "-08:00", at: "2026-03-10T15:00:00Z", day: "2026-03-11"},
		"the user's offset when the call has none":      {user: "-08:00", at: "2026-03-11T07:59:00Z", day: "2026-03-10"},
		"a creation time that is given in another zone": {zone: "America/Los_Angeles", at: "2026-03-11T08:59:00+02:00", day: "2026-03-10"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at, err := time.Parse(time.RFC3339Nano, tt.at)
			require.NoError(t, err)
			in := crmlog.AddMessageLogInput{
				User:           crmlog.User{ID: "7", TimezoneName: tt.zone, TimezoneOffset: tt.user},
				ContactInfo:    crmlog.ContactInfo{ID: "42"},
				AuthHeader:     "Bearer x",
				Message:        crmlog.Message{ID: "1", Type: crmlog.MessageTypeSMS, CreationTime: at},
				TimezoneOffset: tt.offset,
			}
			d, err := crmlog.NewDigestRef("fake", in)
			require.NoError(t, err)
			require.Equal(t, tt.day, d.Day)
		})
	}
}

func TestTimezoneOffsetInJSON(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		want crmlog.TimezoneOffset
		fail bool
	}{
		`-480`:     {want: "-08:00"},
		`330`:      {want: "+05:30"},
		`0`:        {want: "+00:00"},
		`"-08:00"`: {want: "-08:00"},
		`"Z"`:      {want: "Z"},
		`null`:     {},
		`""`:       {},
		`1.5`:      {fail: true},
		`true`:     {fail: true},
		`{}`:       {fail: true},
	}
	for text, tt := range tests {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			var in crmlog.AddMessageLogInput
			err := json.Unmarshal(fmt.Appendf(nil, `{"timezoneOffset":%s}`, text), &in)
			if tt.fail {
				require.ErrorIs(t, err, crmlog.ErrInvalidInput)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, in.TimezoneOffset)
		})
	}
	require.Equal(t, crmlog.TimezoneOffset("-03:30"), crmlog.OffsetMinutes(-210))
}

func FuzzTimezoneOffset(f *testing.F) {
	for _, s := range []string{"+05:30", "-0800", "+09", "Z", "", "PST", "+99:99", "-480", "+5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		in := crmlog.AddMessageLogInput{
			User: crmlog.User{ID: "7"}, ContactInfo: crmlog.ContactInfo{ID: "42"}, AuthHeader: "Bearer x",
			Message:        crmlog.Message{ID: "1", Type: crmlog.MessageTypeSMS, CreationTime: noon},
			TimezoneOffset: crmlog.TimezoneOffset(s),
		}
		d, err := crmlog.NewDigestRef("fake", in)
		if err != nil {
			require.ErrorIs(t, err, crmlog.ErrInvalidInput)
			return
		}
		_, offset := noon.In(d.Location).Zone()
		require.LessOrEqual(t, offset, 14*3600)
		require.GreaterOrEqual(t, offset, -12*3600)
	})
}
