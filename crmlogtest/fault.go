package crmlogtest

import (
	"net/http"
	"time"

	"github.com/crmlog/crmlog"
)

// Fault makes a call of the [Adapter] fail, or wait.
//
//	Fault{Err: Refused(crmlog.ErrUnauthorized)}   refused
//	Fault{Err: RateLimited(time.Minute)}          refused, with a wait
//	Fault{Err: Lost()}                            nothing done, and nobody can tell
//	Fault{Err: Lost(), Applied: true}             done, and nobody can tell
//	Fault{Until: make(chan struct{})}             hangs until the caller's time is up
type Fault struct {
	// On says which method it strikes; empty is any.
	On Method
	// Message says which message it strikes, alone or in a batch; empty is any,
	// and none at all.
	Message crmlog.ID
	// Times is how many calls it strikes. 0 is one, negative all.
	Times int
	// Err is what the call returns. Nil lets it succeed, after Until.
	Err error
	// Applied carries the call out, and returns Err all the same.
	Applied bool
	// Until, if not nil, holds the call back until the channel is closed. A
	// caller whose context ends first gets its error, and nothing is done.
	Until <-chan struct{}
}

// Fail queues faults. Each call is struck by the first one in the queue that fits,
// which is used up when it has struck Times times.
func (a *Adapter) Fail(faults ...Fault) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, f := range faults {
		if f.Times == 0 {
			f.Times = 1
		}
		a.faults = append(a.faults, f)
	}
}

// FailFunc has decide say about each call that no queued fault strikes: nil is no
// fault. On, Message and Times of what it returns do not count. It is called for
// one call at a time, and must not call the Adapter. A nil decide ends it.
func (a *Adapter) FailFunc(decide func(Call) *Fault) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.decide = decide
}

// next returns the fault of a call; the zero Fault changes nothing.
func (a *Adapter) next(call Call) Fault {
	for i := range a.faults {
		f := &a.faults[i]
		if !f.strikes(call) {
			continue
		}
		struck := *f
		if f.Times > 0 {
			f.Times--
		}
		if f.Times == 0 {
			a.faults = append(a.faults[:i], a.faults[i+1:]...)
		}
		return struck
	}
	if a.decide != nil {
		if f := a.decide(call); f != nil {
			return *f
		}
	}
	return Fault{}
}

func (f *Fault) strikes(call Call) bool {
	if f.On != "" && f.On != call.Method {
		return false
	}
	if f.Message == "" {
		return true
	}
	for _, id := range call.Messages {
		if id == f.Message {
			return true
		}
	}
	return false
}

const operation = "crmlogtest: call"

var statusOf = map[error]int{
	crmlog.ErrInvalidInput: http.StatusUnprocessableEntity,
	crmlog.ErrUnauthorized: http.StatusUnauthorized,
	crmlog.ErrForbidden:    http.StatusForbidden,
	crmlog.ErrNotFound:     http.StatusNotFound,
	crmlog.ErrLogGone:      http.StatusGone,
	crmlog.ErrConflict:     http.StatusConflict,
	crmlog.ErrRateLimited:  http.StatusTooManyRequests,
	crmlog.ErrUnavailable:  http.StatusServiceUnavailable,
}

// Refused is the error of a call that the CRM refused and that surely changed
// nothing. Kind is one of package crmlog's sentinels, such as
// [crmlog.ErrUnauthorized].
func Refused(kind error) error {
	return &crmlog.APIError{Operation: operation, Kind: kind, StatusCode: statusOf[kind], NotDone: true}
}

// RateLimited is the error of a call that the CRM's limit refused, with how long
// to wait; 0 is that it did not say.
func RateLimited(retryAfter time.Duration) error {
	return &crmlog.APIError{
		Operation: operation, Kind: crmlog.ErrRateLimited, StatusCode: http.StatusTooManyRequests,
		RetryAfter: retryAfter, NotDone: true,
	}
}

// Lost is the error of a write whose answer got lost: it is a
// [crmlog.ErrOutcomeUnknown].
func Lost() error {
	return &crmlog.APIError{Operation: operation, Kind: crmlog.ErrUnavailable}
}

func gone(m Method) error {
	return &crmlog.APIError{
		Operation: "crmlogtest: " + string(m), Kind: crmlog.ErrLogGone, StatusCode: http.StatusGone, NotDone: true,
	}
}

func cancelled(m Method, err error) error {
	return &crmlog.APIError{Operation: "crmlogtest: " + string(m), Kind: crmlog.ErrUnavailable, NotDone: true, Err: err}
}
