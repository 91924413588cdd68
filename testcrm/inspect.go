package testcrm

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"unicode/utf8"
)

const otherCalls = "other"

// Activities returns copies of all activities in order of creation, deleted ones
// and ones not yet in the index included.
func (s *Server) Activities() []Activity {
	s.data.mu.RLock()
	stored := slices.Clone(s.data.activities)
	s.data.mu.RUnlock()
	all := make([]Activity, len(stored))
	for i, a := range stored {
		all[i] = a.clone()
	}
	return all
}

// Activity returns a copy of one activity, also when it is deleted.
func (s *Server) Activity(id string) (Activity, bool) {
	a := s.data.activity(id)
	if a == nil {
		return Activity{}, false
	}
	return a.clone(), true
}

// AddContact registers a contact: from then on activities of unknown contacts
// are refused. An empty ID is filled in. It returns the contact as stored, or an
// error when the ID is taken or too long, the name too long or a phone not E.164.
func (s *Server) AddContact(c Contact) (Contact, error) {
	if utf8.RuneCountInString(c.ID) > maxKey {
		return Contact{}, fmt.Errorf("testcrm: Contact.ID is longer than %d characters", maxKey)
	}
	if utf8.RuneCountInString(c.Name) > maxTitle {
		return Contact{}, fmt.Errorf("testcrm: Contact.Name is longer than %d characters", maxTitle)
	}
	for i, p := range c.Phones {
		if !isE164(p) {
			return Contact{}, fmt.Errorf("testcrm: Contact.Phones[%d] is not in E.164 form (+, country code, number, no spaces)", i)
		}
	}
	return s.data.addContact(c, s.now())
}

// EditBody changes a body as a person does in the CRM's own editor: what edit
// returns is rewritten and stored, and the version rises. It may call edit again
// when somebody else writes meanwhile. It fails when the activity is not there
// or the body is too large.
func (s *Server) EditBody(id string, edit func(body string) string) error {
	for {
		seen := s.data.activity(id)
		if missing(seen) != nil {
			return fmt.Errorf("testcrm: no activity %q to edit", id)
		}
		body, refusal := s.stored(edit(seen.Body))
		if refusal != nil {
			return errors.New("testcrm: the edited body is too large")
		}
		_, refusal = s.data.update(id, s.now(), func(a *Activity) *answer {
			if a == nil || a.Version != seen.Version {
				return &answer{} // try again with what is there now
			}
			return nil
		}, func(a *Activity) { a.Body = body })
		if refusal == nil {
			return nil
		}
	}
}

// Delete deletes an activity as a person does. It fails when the activity is not
// there.
func (s *Server) Delete(id string) error {
	if _, refusal := s.data.update(id, s.now(), missing, markDeleted); refusal != nil {
		return fmt.Errorf("testcrm: no activity %q to delete", id)
	}
	return nil
}

// Calls counts the requests that came in, served or not, by method and route:
//
//	map[string]int{"POST /activities": 1, "PATCH /activities/{id}": 2}
//
// Routes that were not called have no key. HEAD counts as GET, and what fits no
// route or method counts as "other".
func (s *Server) Calls() map[string]int {
	calls := make(map[string]int)
	for route, n := range s.calls {
		if n := int(n.Load()); n > 0 {
			calls[route] = n
		}
	}
	return calls
}

// Request is a request as it came in.
type Request struct {
	ID     string // X-Request-Id of its answer
	Method string
	Path   string      // with its query
	Header http.Header // without Authorization
	Body   string
	Status int // 0: not answered yet, or cut off
}

// Requests returns the last requests, oldest first, as many as
// ServerConfig.KeepRequests says.
func (s *Server) Requests() []Request {
	l := &s.requests
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]Request, 0, len(l.ring))
	for i := range l.ring {
		r := *l.ring[(l.oldest+i)%len(l.ring)]
		r.Header = r.Header.Clone()
		all = append(all, r)
	}
	return all
}

type requestLog struct {
	keep   int
	mu     sync.Mutex
	ring   []*Request
	oldest int // once the ring is full
}

// add returns nil when nothing is kept.
func (l *requestLog) add(id string, r *http.Request, body []byte) *Request {
	if l.keep < 0 {
		return nil
	}
	entry := &Request{ID: id, Method: r.Method, Path: r.URL.RequestURI(), Header: r.Header.Clone(), Body: string(body)}
	entry.Header.Del("Authorization")
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.ring) < l.keep {
		l.ring = append(l.ring, entry)
	} else {
		l.ring[l.oldest] = entry
		l.oldest = (l.oldest + 1) % l.keep
	}
	return entry
}

func (l *requestLog) setStatus(entry *Request, status int) {
	if entry == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	entry.Status = status
}
