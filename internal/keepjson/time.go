package keepjson

import (
	"errors"
	"strconv"
	"time"
)

// decodeTime reads RFC 3339 with any number of decimals, the same with an
// offset without colon (+0000), and whole milliseconds since 1970. An empty
// string is the zero time.
func decodeTime(data []byte) (time.Time, error) {
	if Integer(data) {
		ms, err := strconv.ParseInt(string(data), 10, 64)
		if t := time.UnixMilli(ms).UTC(); err == nil && hasFourDigits(t) {
			return t, nil
		}
		return time.Time{}, &Error{Problem: "the epoch milliseconds are out of range, want years 1 to 9999"}
	}
	if data[0] == '"' {
		s, err := String(data)
		if err != nil || s == "" {
			return time.Time{}, err
		}
		for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05Z0700"} {
			if t, err := time.Parse(layout, s); err == nil {
				return t.UTC(), nil
			}
		}
	}
	return time.Time{}, want("a time such as 2026-01-31T09:30:00.000Z or integer epoch milliseconds", data)
}

// encodeTime writes RingCentral's form: UTC, milliseconds, more only if needed.
func encodeTime(t time.Time) ([]byte, error) {
	t = t.UTC()
	if !hasFourDigits(t) {
		return nil, errors.New("the time's year is not in 1 to 9999")
	}
	layout := "2006-01-02T15:04:05.000Z"
	if t.Nanosecond()%int(time.Millisecond) != 0 {
		layout = time.RFC3339Nano
	}
	return t.AppendFormat([]byte{}, `"`+layout+`"`), nil
}

func hasFourDigits(t time.Time) bool { return t.Year() >= 1 && t.Year() <= 9999 }
