package testcrm

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Fault makes the CRM fail. Its fields combine: whether the request is carried
// out, and what its sender gets to see.
//
//	Fault{Status: 503}                         refused
//	Fault{Status: 429, RetryAfter: "2"}        refused, with a wait
//	Fault{Drop: true}                          connection cut, nothing done
//	Fault{Drop: true, Applied: true}           done, connection cut
//	Fault{Status: 502, Applied: true}          done, but said to have failed
//	Fault{Truncate: true}                      done, half of the answer
//	Fault{Delay: time.Minute}                  slow, done unless the client leaves first
//	Fault{Delay: time.Minute, Applied: true}   done, slow to say so
//	Fault{ApplyLate: time.Second}              connection cut, done a second later
//	Fault{Status: 504, ApplyLate: time.Second} said to have failed, done a second later
//
// A fault strikes before the token is checked; a request that is carried out is
// checked like any other. Drop, ApplyLate and Truncate need a real server: with
// an httptest.ResponseRecorder they panic with http.ErrAbortHandler.
type Fault struct {
	// Method and Path say which requests it strikes. Empty: all of them. A Path
	// that ends in "/" strikes everything below it: "/activities" is the list and
	// its POST, "/activities/" is each single activity.
	Method, Path string

	// Times is how many requests it strikes. 0: one. Negative: all until
	// [Server.ClearFaults].
	Times int

	// Applied carries the request out before the fault strikes. False: the fault
	// comes first, and with Drop or Status the request is never carried out.
	Applied bool

	// ApplyLate carries the request out that long after its sender was told (by
	// Status) or cut off (otherwise). Applied goes before it.
	ApplyLate time.Duration

	// Delay holds the request back, or its answer when Applied is set. When the
	// client leaves during it, the rest does not happen.
	Delay time.Duration

	// Drop cuts the connection (TCP reset) without an answer, whatever Status
	// says. Go's client repeats a GET by itself when a kept-alive connection is
	// cut; to make it fail, drop more often or disable keep-alives.
	Drop bool

	// Truncate ends the connection in the middle of the answer's body. An answer
	// without a body (204) is dropped.
	Truncate bool

	// Status is the answer's status, 200–599, in place of the true one. 0: the
	// true one.
	Status int

	// Body is the answer's body when Status is set. Empty: an error in the API's
	// form. Its type is JSON if it is JSON, otherwise HTML, unless Header says
	// otherwise.
	Body string

	// RetryAfter is the Retry-After header, verbatim, when Status is set.
	RetryAfter string

	// Header has further headers, when Status is set.
	Header http.Header
}

func (f *Fault) strikes(r *http.Request) bool {
	if f.Method != "" && f.Method != r.Method {
		return false
	}
	if strings.HasSuffix(f.Path, "/") {
		return strings.HasPrefix(r.URL.Path, f.Path)
	}
	return f.Path == "" || f.Path == r.URL.Path
}

func (f *Fault) answer() *answer {
	status := f.Status
	if status < 200 || status > 599 {
		status = http.StatusInternalServerError
	}
	var a *answer
	if f.Body == "" {
		code := "internal"
		switch {
		case status == http.StatusTooManyRequests:
			code = "rate_limited"
		case status < 500:
			code = strings.ReplaceAll(strings.ToLower(http.StatusText(status)), " ", "_")
		}
		a = fail(status, code, "this request was made to fail")
	} else {
		a = &answer{status: status, body: []byte(f.Body)}
		if json.Valid(a.body) {
			a.with("Content-Type", "application/json; charset=utf-8")
		} else {
			a.with("Content-Type", "text/html; charset=utf-8")
		}
	}
	if f.RetryAfter != "" {
		a.with("Retry-After", f.RetryAfter)
	}
	for k, v := range f.Header {
		a.header[http.CanonicalHeaderKey(k)] = v
	}
	return a
}

// Fail queues faults. Each request is struck by the first one in the queue whose
// Method and Path fit, which is used up when it has struck Times times.
func (s *Server) Fail(list ...Fault) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	for _, f := range list {
		if f.Times == 0 {
			f.Times = 1
		}
		s.faults.queue = append(s.faults.queue, &f)
	}
	s.faults.armed.Store(true)
}

// SetFaultFunc has f decide about each request that no queued fault strikes: nil
// is no fault. Method, Path and Times of what it returns do not count. It is
// called for one request at a time, so that a seeded random source needs no
// lock of its own; it may read the request's body, and must not call the Server.
// A nil f ends it.
func (s *Server) SetFaultFunc(f func(*http.Request) *Fault) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.decide = f
	s.faults.armed.Store(len(s.faults.queue) > 0 || f != nil)
}

// ClearFaults empties the queue and forgets the function of SetFaultFunc. What
// has struck already takes its course.
func (s *Server) ClearFaults() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.queue, s.faults.decide = nil, nil
	s.faults.armed.Store(false)
}

type faults struct {
	armed  atomic.Bool // so that a server without faults takes no lock
	mu     sync.Mutex
	queue  []*Fault
	decide func(*http.Request) *Fault
}

// next returns the fault of a request; the zero Fault changes nothing.
func (q *faults) next(r *http.Request, body []byte) Fault {
	if !q.armed.Load() {
		return Fault{}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, f := range q.queue {
		if !f.strikes(r) {
			continue
		}
		struck := *f
		if f.Times > 0 {
			f.Times--
		}
		if f.Times == 0 {
			q.queue = append(q.queue[:i], q.queue[i+1:]...)
			q.armed.Store(len(q.queue) > 0 || q.decide != nil)
		}
		return struck
	}
	if q.decide == nil {
		return Fault{}
	}
	r = r.WithContext(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	if f := q.decide(r); f != nil {
		return *f
	}
	return Fault{}
}

// late keeps count of the writes that are put off.
type late struct {
	closing chan struct{}
	mu      sync.Mutex
	closed  bool
	pending int
	idle    chan struct{} // closed when pending falls to 0
}

func newLate() *late { return &late{closing: make(chan struct{})} }

func (l *late) apply(after time.Duration, write func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pending == 0 {
		l.idle = make(chan struct{})
	}
	l.pending++
	go func() {
		t := time.NewTimer(after)
		defer t.Stop()
		select {
		case <-t.C:
		case <-l.closing:
		}
		write()
		l.mu.Lock()
		defer l.mu.Unlock()
		l.pending--
		if l.pending == 0 {
			close(l.idle)
		}
	}()
}

func (l *late) wait(ctx context.Context) error {
	l.mu.Lock()
	idle, pending := l.idle, l.pending
	l.mu.Unlock()
	if pending == 0 {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *late) close() {
	l.mu.Lock()
	if !l.closed {
		l.closed = true
		close(l.closing)
	}
	l.mu.Unlock()
	// Nothing is held back any more, so this is short.
	_ = l.wait(context.Background())
}
