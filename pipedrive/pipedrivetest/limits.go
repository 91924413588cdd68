package pipedrivetest

import (
	"net/http"
	"strconv"
	"time"
)

const burstWindow = 2 * time.Second

// limits counts what was spent; Server.mu guards it.
type limits struct {
	spent int                    // tokens, since the start or ResetRequests
	day   string                 // what today counts
	today int                    // tokens
	burst map[string][]time.Time // calls of the last burstWindow, by credential
}

// spend takes the tokens of a call, or refuses it. The header goes with the
// answer either way.
func (s *Server) spend(credential string, cost int) (http.Header, *response) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, now, header := &s.limits, s.now(), http.Header{}
	var refusal *response
	refuse := func(message, retryAfter string) {
		res := gatewayError(http.StatusTooManyRequests, message)
		refusal = &res
		if s.cfg.RetryAfter != "" {
			retryAfter = s.cfg.RetryAfter
		}
		if retryAfter != "" {
			header.Set("Retry-After", retryAfter)
		}
	}

	if day := now.Format(time.DateOnly); day != l.day {
		l.day, l.today = day, 0
	}
	if s.cfg.DailyTokens > 0 && l.today >= s.cfg.DailyTokens {
		midnight := now.Truncate(24 * time.Hour).Add(24 * time.Hour)
		refuse("daily request budget exceeded", seconds(midnight.Sub(now)))
	}
	if s.cfg.BurstLimit > 0 {
		calls := l.burst[credential]
		for len(calls) > 0 && now.Sub(calls[0]) >= burstWindow {
			calls = calls[1:]
		}
		switch {
		case refusal != nil:
		case len(calls) >= s.cfg.BurstLimit:
			refuse("request over limit", "")
		default:
			calls = append(calls, now)
		}
		if l.burst == nil {
			l.burst = map[string][]time.Time{}
		}
		l.burst[credential] = calls
		reset := burstWindow
		if len(calls) > 0 {
			reset -= now.Sub(calls[0])
		}
		header.Set("x-ratelimit-limit", strconv.Itoa(s.cfg.BurstLimit))
		header.Set("x-ratelimit-remaining", strconv.Itoa(s.cfg.BurstLimit-len(calls)))
		header.Set("x-ratelimit-reset", seconds(reset))
	}
	if refusal == nil {
		l.spent += cost
		l.today += cost
	}
	if s.cfg.DailyTokens > 0 {
		header.Set("x-daily-ratelimit-token-limit", strconv.Itoa(s.cfg.DailyTokens))
		header.Set("x-daily-ratelimit-token-remaining", strconv.Itoa(max(0, s.cfg.DailyTokens-l.today)))
	}
	return header, refusal
}

// seconds rounds up: whoever waits that long has waited long enough.
func seconds(d time.Duration) string {
	return strconv.Itoa(int((d + time.Second - 1) / time.Second))
}

// Tokens returns what the calls so far have cost, in API tokens, since the
// start or [Server.ResetRequests]: the x-token-cost of each operation in the
// OpenAPI files, such as 5 for an add or an update and 1 for reading one
// activity.
func (s *Server) Tokens() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.limits.spent
}
