package pipedrivetest

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Fault is something that goes wrong with a call. What it matches is in the
// first four fields, what it does in the others; these combine: Commit, then
// Delay, then Drop or Status. The zero value matches one call, of any kind, and
// changes nothing.
//
// A call that a fault keeps from the API costs no tokens and is neither
// authorised nor validated.
//
// Go's HTTP client by itself repeats a GET that fails on a connection used
// before, so a Drop that hits once may go unnoticed: see [Server.Calls].
type Fault struct {
	Method string // "" for any
	Path   string // as in Server.Calls, "" for any
	Skip   int    // how many matching calls to let pass first
	Times  int    // how many to hit then; 0 is 1, negative is all

	// Commit has the API do the call, even when its answer is not to be seen:
	// with Drop or Status the client cannot tell that it was applied. With
	// Delay alone, the answer is late instead of the call.
	Commit bool

	// Delay is how long to wait. A client that leaves meanwhile has had the
	// call applied only if Commit is set.
	Delay time.Duration

	// Drop cuts the connection without an answer.
	Drop bool

	// Status (200 to 599), Header and Body answer in place of the API. Without
	// a Content-Type in Header, a Body that begins with { is JSON, any other
	// HTML.
	Status int
	Header http.Header
	Body   string

	// Truncate promises the whole answer, sends half its body, and cuts the
	// connection.
	Truncate bool

	// Late applies the call that long after the client has given up: the server
	// is silent until then, or cuts the connection at once if Drop is set.
	// The other fields do not count. See Server.Wait. It takes a real HTTP server,
	// which ends the request's context when the client is gone.
	Late time.Duration
}

// CloudflareBlock is the answer to clients that go on in spite of 429s: 403 with
// an HTML page.
// https://pipedrive.readme.io/docs/core-api-concepts-rate-limiting
func CloudflareBlock() Fault {
	return Fault{Status: http.StatusForbidden, Header: http.Header{"Server": {"cloudflare"}}, Body: "<!DOCTYPE html>\n" +
		"<html><head><title>Access denied</title></head>" +
		"<body><h1>Error 1015</h1><p>This error is produced by Cloudflare.</p></body></html>\n"}
}

// BurstExceeded is the 429 for too many calls in two seconds. retryAfter is sent
// verbatim (seconds, a date, nonsense), "" sends none.
func BurstExceeded(retryAfter string) Fault {
	return tooManyRequests("request over limit", retryAfter)
}

// BudgetExceeded is the 429 for a spent daily budget; retryAfter is as for
// [BurstExceeded].
func BudgetExceeded(retryAfter string) Fault {
	return tooManyRequests("daily request budget exceeded", retryAfter)
}

func tooManyRequests(message, retryAfter string) Fault {
	res := gatewayError(http.StatusTooManyRequests, message)
	if retryAfter != "" {
		res.header.Set("Retry-After", retryAfter)
	}
	return Fault{Status: res.status, Header: res.header, Body: string(res.body())}
}

// Unsuccessful is a 200 whose body says "success": false.
func Unsuccessful() Fault {
	return Fault{Status: http.StatusOK, Body: `{"success":false,"error":"Something went wrong","data":null}` + "\n"}
}

// faults are the failures to come; Server.mu guards it.
type faults struct {
	queue  []*Fault
	choose func(*http.Request) *Fault
	late   int           // calls to be applied late
	idle   chan struct{} // closed when late is 0 again
}

// Fail adds a fault. A call meets the first one added that matches it.
func (s *Server) Fail(f Fault) {
	if f.Times == 0 {
		f.Times = 1
	}
	f.Header = f.Header.Clone()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.queue = append(s.faults.queue, &f)
}

// SetFaults has choose say what goes wrong with each call, nil for nothing;
// those calls then meet the faults of [Server.Fail]. Method, Path, Skip and
// Times of a chosen fault do not count. choose may be called from several
// goroutines and may read the body. A nil choose ends this.
func (s *Server) SetFaults(choose func(*http.Request) *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.choose = choose
}

// PendingFaults returns what is left of the faults of [Server.Fail], so that a
// test can tell that all of them were met: Skip and Times have counted down, and
// a fault without calls left is gone.
func (s *Server) PendingFaults() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Fault, len(s.faults.queue))
	for i, f := range s.faults.queue {
		list[i] = *f
		list[i].Header = f.Header.Clone()
	}
	return list
}

// ClearFaults ends all faults. Calls that met one already are not changed.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.queue, s.faults.choose = nil, nil
}

// Wait returns nil when no call is left to be applied late ([Fault.Late]), or
// the error of ctx. Such a call is waited for until its client gives up.
func (s *Server) Wait(ctx context.Context) error {
	s.mu.Lock()
	idle := s.faults.idle
	s.mu.Unlock()
	if idle == nil {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// nextFault is what goes wrong with a call: the zero Fault if nothing.
func (s *Server) nextFault(r *http.Request, body []byte) Fault {
	s.mu.Lock()
	choose := s.faults.choose
	s.mu.Unlock()
	if choose != nil {
		clone := r.Clone(r.Context())
		clone.Body = io.NopCloser(bytes.NewReader(body))
		if f := choose(clone); f != nil {
			return *f
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.faults.queue {
		if !matchCall(f.Method, f.Path, r.Method, r.URL.Path) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				s.faults.queue = slices.Delete(s.faults.queue, i, i+1)
			}
		}
		return *f
	}
	return Fault{}
}

// applyLate arranges for the call to be applied after its client has gone, and
// returns when it is, or at once if the fault is to drop the connection.
func (s *Server) applyLate(r *http.Request, body []byte, f Fault) {
	s.mu.Lock()
	if s.faults.late++; s.faults.late == 1 {
		s.faults.idle = make(chan struct{})
	}
	s.mu.Unlock()
	go func() {
		<-r.Context().Done()
		wait(context.WithoutCancel(r.Context()), f.Late)
		s.handle(r, body)
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.faults.late--; s.faults.late == 0 {
			close(s.faults.idle)
		}
	}()
	if !f.Drop {
		<-r.Context().Done()
	}
}

func (f Fault) answer() response {
	h := http.Header{}
	if !strings.HasPrefix(f.Body, "{") {
		h.Set("Content-Type", "text/html; charset=UTF-8")
	}
	maps.Copy(h, f.Header)
	return response{status: f.Status, header: h, raw: f.Body}
}

// wait waits, and reports whether ctx lasted.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
