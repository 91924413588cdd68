package crmhttp

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Limit is what an answer says of the account's limits. The zero value says
// nothing.
type Limit struct {
	// Requests is how many requests the CRM takes in one of its windows of time,
	// Remaining how many of them are left, and Reset how long until there are
	// more; 0 is a moment. Calls are paced by them when Requests is positive.
	Requests  int
	Remaining int
	Reset     time.Duration
	// Budget is what the account may spend in a longer time, such as a day, in
	// the CRM's own unit, and BudgetLeft what is left of it. They count when
	// Budget is positive: at 0 left the account is held back for a minute, where
	// less than Config.Reserve is left for a quarter of an hour; then one call
	// finds out.
	Budget     int
	BudgetLeft int
}

// ParseLimit reads the headers that Pipedrive sends, and others in part:
// x-ratelimit-limit, -remaining and -reset, which is in seconds left, and
// x-daily-ratelimit-token-limit and -remaining. An x-ratelimit-reset that is an
// epoch is not understood: the CRM's adapter has to read it.
// https://pipedrive.readme.io/docs/core-api-concepts-rate-limiting
func ParseLimit(h http.Header) Limit {
	var l Limit
	requests, remaining := count(h, "X-Ratelimit-Limit"), count(h, "X-Ratelimit-Remaining")
	reset := strings.TrimSpace(h.Get("X-Ratelimit-Reset"))
	d := parseSeconds(reset)
	if requests > 0 && remaining >= 0 && (d > 0 && d <= maxRetryAfter || reset == "0") {
		l.Requests, l.Remaining, l.Reset = requests, remaining, d
	}
	budget, left := count(h, "X-Daily-Ratelimit-Token-Limit"), count(h, "X-Daily-Ratelimit-Token-Remaining")
	if budget > 0 && left >= 0 {
		l.Budget, l.BudgetLeft = budget, left
	}
	return l
}

// count reads a header that is a whole number; -1 when it is none.
func count(h http.Header, name string) int {
	value := h.Get(name)
	if value == "" {
		return -1
	}
	n, err := strconv.Atoi(strings.TrimSpace(value))
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// spent says that nothing is left of the budget.
func (l Limit) spent() bool { return l.Budget > 0 && l.BudgetLeft <= 0 }

// firstInFlight is how many calls find out what an account may do.
const firstInFlight = 4

type paceState int

const (
	unheard   paceState = iota // no answer has come yet
	unlimited                  // answers tell of no limit
	limited                    // they do
)

// pace is how many calls of an account may be in flight: as many as the CRM last
// said are left, since it may not have counted those in flight yet.
//
// Answers overtake each other. One is news if its request was sent after the
// last news came, so that the CRM surely counted later. What is left then is the
// lowest count that came since; an answer that is no news can only lower it.
type pace struct {
	state    paceState
	patience time.Duration // how long the first answer is waited for
	since    time.Time     // when the first of those in flight was sent

	requests  int // in a window
	window    time.Duration
	remaining int
	resets    time.Time // by then the CRM takes one more, at the latest
	asking    bool      // it did, and no answer has told yet how many more
	probe     bool      // so one may go out

	round  int // goes up with news
	lowest int // count that came in this round
	silent int // answers without a count, since the last with one
}

func newPace(patience time.Duration) pace {
	return pace{patience: patience, remaining: math.MaxInt, lowest: math.MaxInt}
}

// free reports whether a call may go out.
func (p *pace) free(now time.Time, inFlight int) bool {
	switch p.state {
	case unheard:
		return inFlight < firstInFlight || !now.Before(p.since.Add(p.patience))
	case unlimited:
		return true
	}
	if inFlight >= p.remaining && !now.Before(p.resets) {
		p.resets, p.asking, p.probe = now.Add(p.window), true, true
		p.nextRound()
	}
	return inFlight < p.remaining || p.probe
}

// leave lets a call out, and returns its round.
func (p *pace) leave(now time.Time, inFlight int) int {
	if inFlight == 0 {
		p.since = now
	}
	p.probe = false
	return p.round
}

func (p *pace) nextRound() { p.round, p.lowest = p.round+1, math.MaxInt }

// heard learns from what an attempt brought.
func (p *pace) heard(now time.Time, t ticket, h heard) {
	switch {
	case h.limit.Requests > 0:
		p.counted(now, t, h.limit)
	case h.answered && (p.state != limited || p.asking && p.silent > 1):
		p.state, p.remaining = unlimited, math.MaxInt
	case p.state == limited:
		p.remaining = max(p.remaining-1, 0) // it may have been counted
		p.silent++
	}
}

func (p *pace) counted(now time.Time, t ticket, l Limit) {
	reset := min(l.Reset, maxGateClosed)
	if reset <= 0 {
		reset = time.Second
	}
	p.lowest = min(p.lowest, max(l.Remaining, 0))
	if t.round == p.round {
		// Whole seconds are rounded up, so the earliest word is the best, as long
		// as it is about the same request leaving the window: not after the wait
		// for it, not when there are more left than before, and not when the
		// answer says that the next one leaves later than that.
		resets, moved := now.Add(reset), t.sent.Add(reset-time.Second).After(p.resets)
		if p.state != limited || p.asking || moved || p.lowest > p.remaining || resets.Before(p.resets) {
			p.resets, p.asking = resets, false
		}
		p.remaining = p.lowest
		p.nextRound()
	}
	p.remaining = min(p.remaining, max(l.Remaining, 0))
	if l.Requests != p.requests {
		p.window = 0
	}
	p.window = max(p.window, reset)
	p.state, p.requests, p.silent = limited, l.Requests, 0
}

// changes is when free may say otherwise although no answer came; zero is never.
func (p *pace) changes() time.Time {
	switch p.state {
	case unheard:
		return p.since.Add(p.patience)
	case limited:
		return p.resets
	}
	return time.Time{}
}

// emptyFor is how long the CRM has nothing left.
func (p *pace) emptyFor(now time.Time) time.Duration {
	if p.state != limited || p.remaining > 0 || p.asking {
		return 0
	}
	return p.resets.Sub(now)
}

// turns is how long so many calls take.
func (p *pace) turns(calls int) time.Duration {
	if p.state != limited {
		return 0
	}
	return time.Duration(calls/p.requests) * p.window
}
