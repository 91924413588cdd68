package note

import (
	"strconv"
	"time"
)

// fullDate is a day with its weekday.
func (h *habit) fullDate(t time.Time) string {
	return filled(h.full, h.weekdays[t.Weekday()], h.dayOfMonth(t), h.months[t.Month()-1], strconv.Itoa(t.Year()))
}

func (h *habit) shortDate(t time.Time) string {
	return filled(h.date, h.dayOfMonth(t), h.months[t.Month()-1], strconv.Itoa(t.Year()))
}

func (h *habit) dayOfMonth(t time.Time) string {
	if t.Day() == 1 && h.first != "" {
		return h.first
	}
	return strconv.Itoa(t.Day())
}

// timeOfDay counts hours from 0 to 23, or where the day has halves 12, 1 … 11.
func (h *habit) timeOfDay(t time.Time) string {
	hour, half := t.Hour(), ""
	if h.am != "" {
		if half = h.am; hour >= 12 {
			half = h.pm
		}
		hour = (hour+11)%12 + 1
	}
	return filled(h.clock, strconv.Itoa(hour), strconv.Itoa(t.Minute()), half)
}

// sameDay compares the dates, each in its zone.
func sameDay(a, b time.Time) bool {
	year, month, day := a.Date()
	return year == b.Year() && month == b.Month() && day == b.Day()
}

// midnight returns the first moment of a day, which is later than 0:00 where
// the clocks go forward at midnight.
func midnight(year int, month time.Month, day int, loc *time.Location) time.Time {
	t := time.Date(year, month, day, 0, 0, 0, 0, loc)
	if t.Day() != time.Date(year, month, day, 12, 0, 0, 0, loc).Day() {
		_, t = t.ZoneBounds()
	}
	return t
}

// offsets appends the offsets from UTC that hold on t's day: two if the clocks
// are changed on it.
func offsets(all []string, t time.Time) []string {
	if !changesNear(t) {
		return append(all, offset(t))
	}
	y, m, d := t.Date()
	from, to := midnight(y, m, d, t.Location()), midnight(y, m, d+1, t.Location())
	all = append(all, offset(from))
	for {
		_, end := from.ZoneBounds()
		if !end.After(from) || !end.Before(to) { // the zero time, or a bug of package time in leap years from 2040
			return all
		}
		from = end
		if o := offset(from); o != all[len(all)-1] {
			all = append(all, o)
		}
	}
}

// changesNear tells whether the clocks may be changed on t's day: it costs less
// than to find where the day begins and ends.
func changesNear(t time.Time) bool {
	const near = 48 * time.Hour // longer than any day
	start, end := t.ZoneBounds()
	return !start.IsZero() && t.Sub(start) < near || !end.IsZero() && end.Sub(t) < near
}

func offset(t time.Time) string { return t.Format("UTC-07:00") }
