package pipedrivetest

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Request is what the server got, and the answer's status.
type Request struct {
	Method string
	Path   string
	Query  url.Values
	// Header holds the credential as it was sent, for tests to check. Do not
	// print it where a real one may come.
	Header http.Header
	Body   []byte
	Time   time.Time // of arrival, by Config.Clock
	// Status of the answer; 0 while there is none, and where the connection was
	// cut before one.
	Status int
	// CorrelationID is the x-correlation-id of the answer.
	CorrelationID string
}

// requestLog is what came in; Server.mu guards it.
type requestLog struct {
	count  int // of all requests ever
	latest []*Request
	calls  map[[2]string]int // by method and path
}

func (s *Server) record(r *http.Request, body []byte) *Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := &s.log
	l.count++
	entry := &Request{
		Method:        r.Method,
		Path:          r.URL.Path,
		Query:         r.URL.Query(),
		Header:        r.Header.Clone(),
		Body:          body,
		Time:          s.now(),
		CorrelationID: fmt.Sprintf("00000000-0000-4000-8000-%012x", l.count),
	}
	if l.calls == nil {
		l.calls = map[[2]string]int{}
	}
	l.calls[[2]string{entry.Method, entry.Path}]++
	if keep := s.cfg.KeepRequests; keep > 0 {
		// Dropped in bulk: shifting for each request would cost more.
		if len(l.latest) >= 2*keep {
			l.latest = append([]*Request(nil), l.latest[len(l.latest)-keep+1:]...)
		}
		l.latest = append(l.latest, entry)
	}
	return entry
}

func (s *Server) answered(entry *Request, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	entry.Status = status
}

// Requests returns copies of the latest requests, oldest first, those that a
// fault answered too. How many there are at most says [Config.KeepRequests].
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	latest := s.log.latest
	if extra := len(latest) - max(0, s.cfg.KeepRequests); extra > 0 {
		latest = latest[extra:]
	}
	list := make([]Request, len(latest))
	for i, r := range latest {
		list[i] = *r
		list[i].Query = url.Values(http.Header(r.Query).Clone())
		list[i].Header = r.Header.Clone()
		list[i].Body = bytes.Clone(r.Body)
	}
	return list
}

// Calls counts all requests so far with that method ("" for any) and path, such
// as "/api/v2/activities/*", where * stands for any one segment ("" for any path).
func (s *Server) Calls(method, path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for call, times := range s.log.calls {
		if matchCall(method, path, call[0], call[1]) {
			n += times
		}
	}
	return n
}

// ResetRequests forgets the requests, their count and the tokens they cost.
// Activities, faults, and what the limits know stay.
func (s *Server) ResetRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.latest, s.log.calls = nil, nil
	s.limits.spent = 0
}

func matchCall(wantMethod, wantPath, method, path string) bool {
	if wantMethod != "" && wantMethod != method {
		return false
	}
	if wantPath == "" {
		return true
	}
	want, got := strings.Split(wantPath, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return false
	}
	for i := range want {
		if want[i] != "*" && want[i] != got[i] {
			return false
		}
	}
	return true
}
