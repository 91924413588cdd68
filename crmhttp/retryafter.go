package crmhttp

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// A limit without a word on its length.
	defaultRetryAfter = 2 * time.Second
	// The longest budget we know of is a day's; more is taken for this.
	maxRetryAfter = 24 * time.Hour
)

// limitedFor is how long the CRM asks a limited account to wait: what the
// adapter read, else Retry-After, else the x-ratelimit-reset that several CRMs
// send as the seconds left (https://pipedrive.readme.io/docs/core-api-concepts-rate-limiting),
// else 2 s.
func limitedFor(detail ErrorDetail, h http.Header) time.Duration {
	if d := askedWait(detail, h); d > 0 {
		return d
	}
	// An epoch, which others send, is beyond a day of seconds and says nothing.
	if d := parseSeconds(h.Get("X-Ratelimit-Reset")); d > 0 && d <= maxRetryAfter {
		return d
	}
	return defaultRetryAfter
}

// askedWait is the wait that the answer asks for in so many words, 0 when it
// asks for none.
func askedWait(detail ErrorDetail, h http.Header) time.Duration {
	d := detail.RetryAfter
	if d <= 0 {
		d = parseRetryAfter(h.Get("Retry-After"), h.Get("Date"), time.Now())
	}
	return min(max(d, 0), maxRetryAfter)
}

// parseRetryAfter reads a Retry-After header (RFC 9110, section 10.2.3). A date
// counts from the answer's own Date, so that clocks need not agree, and from
// now without one. What is past or not understood is 0.
func parseRetryAfter(value, date string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if d := parseSeconds(value); d > 0 {
		return d
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if sent, err := http.ParseTime(date); err == nil {
		now = sent
	}
	return max(at.Sub(now), 0)
}

// parseSeconds reads a count of seconds, with decimals as some servers send
// them. What is not one is 0.
func parseSeconds(s string) time.Duration {
	s = strings.TrimSpace(s)
	if s == "" || strings.Trim(s, "0123456789.") != "" {
		return 0
	}
	seconds, err := strconv.ParseFloat(s, 64)
	switch {
	case seconds > maxRetryAfter.Seconds(): // also when it is out of range
		return maxRetryAfter + 1
	case err != nil:
		return 0
	}
	return time.Duration(seconds * float64(time.Second))
}
