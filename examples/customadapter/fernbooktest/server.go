// Package fernbooktest is a fake of Fernbook, a made-up CRM, as strict as its API
// page says (API.md in the folder above). It is to Fernbook what pipedrivetest is to
// Pipedrive: an [http.Handler] with everything in memory.
//
//	crm := fernbooktest.New(fernbooktest.Config{})
//	web := httptest.NewServer(crm)
//	defer web.Close()
//
// It makes no trouble of its own but the limit of requests; put it behind the proxy
// of package adaptertest for that.
package fernbooktest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// MaxText is how many characters an entry's text may have.
const MaxText = 4000

const (
	maxTitle   = 160
	maxRequest = 64 << 10
)

// Config says how the CRM behaves. The zero value takes any key that begins with
// fbk_, all of one workspace, and any person.
type Config struct {
	// Keys maps keys to workspaces, which see nothing of each other. Nil: any key
	// is of the same workspace.
	Keys map[string]string
	// ReadOnly are the keys that may not write.
	ReadOnly []string
	// People are those who exist, in every workspace. Nil: any id does.
	People []string
	// RequestsPerSecond for each key. 0: 10. Negative: any number, and no
	// X-RateLimit headers.
	RequestsPerSecond int
	// FindLag is how long a new entry is not found by Find, at most two seconds
	// by the API page.
	FindLag time.Duration
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
}

// Entry is an entry of a journal.
type Entry struct {
	ID         string `json:"id"`
	Version    int    `json:"version"`
	PersonID   string `json:"person_id"`
	Key        string `json:"key,omitempty"`
	Channel    string `json:"channel"`
	Title      string `json:"title"`
	Text       string `json:"text"`
	HappenedAt int64  `json:"happened_at"`
	Author     string `json:"author"`
	Deleted    bool   `json:"deleted"`

	Workspace string `json:"-"`

	found time.Time // from when on Find shows it
}

// Request is a request as it came in.
type Request struct {
	Method string
	Path   string // with the query
	Key    string // of the header Fernbook-Key
	Status int    // of the answer
}

// Server is the CRM. It is safe for concurrent use.
type Server struct {
	cfg Config
	mux *http.ServeMux

	mu       sync.Mutex
	entries  []*Entry // e-1001 is at 0
	windows  map[string]*window
	requests []Request
}

// window is a key's running second.
type window struct {
	start time.Time
	count int
}

// New returns an empty CRM.
func New(cfg Config) *Server {
	if cfg.RequestsPerSecond == 0 {
		cfg.RequestsPerSecond = 10
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Server{cfg: cfg, mux: http.NewServeMux(), windows: make(map[string]*window)}
	s.route("/v3/people/{person}/entries", map[string]handler{"POST": s.create})
	s.route("/v3/entries/{id}", map[string]handler{"GET": s.read, "PUT": s.replace, "DELETE": s.remove})
	s.route("/v3/entries", map[string]handler{"GET": s.find})
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.serve(w, r, func(*call) (int, any) { return failure(404, "no_such_address", "there is nothing here") })
	})
	return s
}

// Entries returns all entries, also deleted ones, in the order in which they were
// made.
func (s *Server) Entries() []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Entry, len(s.entries))
	for i, e := range s.entries {
		all[i] = *e
	}
	return all
}

// Text returns the text of an entry as it is stored; an error when there is none,
// or it was deleted.
func (s *Server) Text(id string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entry(id)
	if e == nil || e.Deleted {
		return "", fmt.Errorf("fernbooktest: no entry %q", id)
	}
	return e.Text, nil
}

// Edit changes an entry's text as a person does in Fernbook's app.
func (s *Server) Edit(id string, edit func(text string) string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entry(id)
	if e == nil || e.Deleted {
		return fmt.Errorf("fernbooktest: no entry %q to edit", id)
	}
	e.Text = stored(edit(e.Text))
	e.Version++
	return nil
}

// Delete deletes an entry as a person does in Fernbook's app.
func (s *Server) Delete(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entry(id)
	if e == nil || e.Deleted {
		return fmt.Errorf("fernbooktest: no entry %q to delete", id)
	}
	e.Deleted = true
	return nil
}

// Requests returns the requests so far, in the order in which they were answered.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// ServeHTTP serves the API that API.md describes.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// call is a request that has passed what all have to.
type call struct {
	*http.Request
	workspace string
	key       string
	body      []byte
}

// handler runs under the lock.
type handler func(c *call) (status int, answer any)

// problem is how Fernbook says no.
type problem struct {
	Problem     string `json:"problem"`
	Explanation string `json:"explanation"`
	Trace       string `json:"trace"`
}

func failure(status int, name, format string, args ...any) (int, any) {
	return status, &problem{Problem: name, Explanation: fmt.Sprintf(format, args...)}
}

func (s *Server) route(path string, methods map[string]handler) {
	var allowed []string
	for method := range methods {
		allowed = append(allowed, method)
	}
	slices.Sort(allowed)
	s.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		h := methods[r.Method]
		if h == nil {
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			h = func(*call) (int, any) { return failure(405, "bad_method", "use %s", strings.Join(allowed, ", ")) }
		}
		s.serve(w, r, h)
	})
}

// serve answers in one piece of work under the lock, so that versions are true.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, h handler) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil && !errors.As(err, new(*http.MaxBytesError)) {
		panic(http.ErrAbortHandler) // the client has left
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	status, answer := s.admit(w.Header(), r, err, &call{Request: r, key: r.Header.Get("Fernbook-Key"), body: body}, h)
	s.requests = append(s.requests, Request{r.Method, r.URL.RequestURI(), r.Header.Get("Fernbook-Key"), status})
	if p, ok := answer.(*problem); ok {
		p.Trace = fmt.Sprintf("fb-%04x", len(s.requests))
	}
	if status == http.StatusNoContent {
		w.WriteHeader(status)
		return
	}
	text, err := json.Marshal(answer)
	if err != nil {
		panic(err) // all answers encode
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n'))
}

func (s *Server) admit(out http.Header, r *http.Request, tooLarge error, c *call, h handler) (int, any) {
	if len(r.Header.Values("Authorization")) > 0 {
		return failure(400, "stray_credential", "send the key in Fernbook-Key, and no Authorization header")
	}
	workspace, known := s.cfg.Keys[c.key]
	if s.cfg.Keys == nil {
		workspace, known = "workspace", true
	}
	if len(r.Header.Values("Fernbook-Key")) != 1 || !known || !strings.HasPrefix(c.key, "fbk_") {
		return failure(401, "bad_key", "send your key in the header Fernbook-Key")
	}
	c.workspace = workspace
	if !s.take(c.key, out) {
		return failure(429, "slow_down", "%d requests a second are allowed", s.cfg.RequestsPerSecond)
	}
	if tooLarge != nil {
		return failure(413, "too_large", "a request may have %d bytes", maxRequest)
	}
	writes := r.Method == http.MethodPost || r.Method == http.MethodPut || r.Method == http.MethodDelete
	if writes && slices.Contains(s.cfg.ReadOnly, c.key) {
		return failure(403, "read_only_key", "this key may not write")
	}
	return h(c)
}

// take counts a request, unless it is one too many.
func (s *Server) take(key string, out http.Header) bool {
	limit := s.cfg.RequestsPerSecond
	if limit < 0 {
		return true
	}
	now := s.cfg.Now()
	w := s.windows[key]
	if w == nil || now.Sub(w.start) >= time.Second {
		w = &window{start: now}
		s.windows[key] = w
	}
	reset := strconv.Itoa(int(math.Ceil(time.Second.Seconds() - now.Sub(w.start).Seconds())))
	ok := w.count < limit
	if ok {
		w.count++
	} else {
		out.Set("Retry-After", reset)
	}
	out.Set("X-RateLimit-Limit", strconv.Itoa(limit))
	out.Set("X-RateLimit-Remaining", strconv.Itoa(limit-w.count))
	out.Set("X-RateLimit-Reset", reset)
	return ok
}
