package crmlog

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// TimezoneOffset is a fixed distance from UTC, as the contract's timezoneOffset:
// ±hh:mm, ±hhmm, ±hh or Z; in JSON also a number of minutes east of UTC (-480 is
// -08:00). Empty means not given. It knows no daylight saving: give
// [User].TimezoneName where it is known.
type TimezoneOffset string

// OffsetMinutes is the offset of so many minutes east of UTC.
func OffsetMinutes(minutes int) TimezoneOffset {
	sign := '+'
	if minutes < 0 {
		sign, minutes = '-', -minutes
	}
	return TimezoneOffset(fmt.Sprintf("%c%02d:%02d", sign, minutes/60, minutes%60))
}

// UnmarshalJSON implements [json.Unmarshaler].
func (o *TimezoneOffset) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' || string(data) == "null" {
		return json.Unmarshal(data, (*string)(o))
	}
	minutes, err := strconv.Atoi(string(data))
	if err != nil {
		return &InputError{"timezoneOffset", "neither a whole number of minutes nor a string such as -08:00"}
	}
	*o = OffsetMinutes(minutes)
	return nil
}

// The zones of the world lie between -12:00 and +14:00.
const (
	minOffset = -12 * time.Hour
	maxOffset = 14 * time.Hour
)

// location is the offset as a zone named after it: UTC-08:00.
func (o TimezoneOffset) location(field string) (*time.Location, error) {
	s := strings.TrimSpace(string(o))
	if s == "Z" || s == "z" {
		return time.UTC, nil
	}
	var d time.Duration
	for _, layout := range []string{"-07:00", "-0700", "-07"} {
		if t, err := time.Parse(layout, s); err == nil {
			_, seconds := t.Zone()
			d = time.Duration(seconds) * time.Second
			if d < minOffset || d > maxOffset {
				return nil, &InputError{field, "outside of -12:00 … +14:00; in JSON, a number is minutes east of UTC"}
			}
			if d == 0 {
				return time.UTC, nil
			}
			return time.FixedZone("UTC"+t.Format("-07:00"), seconds), nil
		}
	}
	return nil, &InputError{field, "not an offset; give ±hh:mm, ±hhmm, ±hh or Z, or a JSON number of minutes east of UTC"}
}

// zone finds the zone whose calendar decides the day.
func zone(user User, offset TimezoneOffset, load func(string) (*time.Location, error)) (*time.Location, error) {
	switch {
	case user.TimezoneName != "":
		// "Local" is the server's zone, which is never the user's.
		if strings.EqualFold(user.TimezoneName, "Local") {
			return nil, &InputError{"user.timezoneName", "\"Local\" is no zone; give an IANA name such as America/Los_Angeles"}
		}
		loc, err := load(user.TimezoneName)
		if err != nil {
			return nil, &InputError{"user.timezoneName", "unknown zone; give an IANA name such as America/Los_Angeles " +
				"(a program on a machine without a zone database imports time/tzdata)"}
		}
		return loc, nil
	case offset != "":
		return offset.location("timezoneOffset")
	case user.TimezoneOffset != "":
		return user.TimezoneOffset.location("user.timezoneOffset")
	}
	return time.UTC, nil
}
