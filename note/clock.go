package note

import (
	"fmt"
	"strconv"
	"time"
)

// fullDate is a day with its weekday.
func (h *habit) fullDate(t time.Time) string {
	return fmt.Sprintf(h.full, h.weekdays[t.Weekday()], h.dayOfMonth(t), h.months[t.Month()-1], t.Year())
}

func (h *habit) shortDate(t time.Time) string {
	return fmt.Sprintf(h.date, h.dayOfMonth(t), h.months[t.Month()-1], t.Year())
}

func (h *habit) dayOfMonth(t time.Time) string {
	if t.Day() == 1 && h.first != "" {
		return h.first
	}
	return strconv.Itoa(t.Day())
}

// timeOfDay counts hours from 0 to 23, or where the day has halves 12, 1 … 11.
func (h *habit) timeOfDay(t time.Time) string {
	if h.am == "" {
		return fmt.Sprintf(h.clock, t.Hour(), t.Minute())
	}
	half := h.am
	if t.Hour() >= 12 {
		half = h.pm
	}
	return fmt.Sprintf(h.clock, (t.Hour()+11)%12+1, t.Minute(), half)
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

// offsets returns the offsets from UTC that hold on t's day: two if the clocks
// are changed on it.
func offsets(t time.Time) []string {
	y, m, d := t.Date()
	from, to := midnight(y, m, d, t.Location()), midnight(y, m, d+1, t.Location())
	all := []string{offset(from)}
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

func offset(t time.Time) string {
	_, s := t.Zone()
	sign := '+'
	if s < 0 {
		sign, s = '-', -s
	}
	return fmt.Sprintf("UTC%c%02d:%02d", sign, s/3600, s/60%60)
}
