package testcrm

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	defaultMaxBody      = 64 << 10
	defaultKeepRequests = 1000
	defaultUser         = "u1"
)

// ServerConfig says how the CRM behaves. Its zero value is a CRM that takes any
// token and any contact id, sanitizes notes and answers at once.
type ServerConfig struct {
	// Tokens maps bearer tokens to user ids. Empty: any token is user "u1".
	Tokens map[string]string

	// StrictContacts refuses activities of unknown contacts from the start.
	// False: they are refused as soon as one contact is registered.
	StrictContacts bool

	// Rewrite makes of a body that was sent the body that is stored. It must be
	// safe for concurrent use. Nil: [Sanitize]. [Rewriters] lists others.
	Rewrite func(html string) string

	// MaxBody is the limit of a stored body in bytes. 0: 65536.
	MaxBody int

	// IndexLag is how long a new activity is missing from lists.
	IndexLag time.Duration

	// Latency is how long each answer is held back. The request itself is
	// carried out at once.
	Latency time.Duration

	// KeepRequests is how many of the last requests [Server.Requests] shows, each
	// with its body. 0: 1000. Negative: none. [Server.Calls] counts all of them
	// in any case.
	KeepRequests int

	// Page serves, at "/", a web page for people: the contacts, and each one's
	// activities with their bodies as this CRM shows them. It asks for no token,
	// so serve it to yourself alone: it answers at localhost and IP addresses
	// only. It is no part of the API: [Server.Calls], [Server.Requests], faults
	// and Latency do not see it.
	Page bool

	// Now is the clock of records and index lag. Nil: time.Now.
	Now func() time.Time
}

// Server is the CRM. It is safe for concurrent use.
type Server struct {
	cfg      ServerConfig
	users    map[string]bool // those of cfg.Tokens
	mux      *http.ServeMux
	data     *tables
	faults   faults
	late     *late
	requests requestLog
	seq      atomic.Int64
	calls    map[string]*atomic.Int64 // by route; no key is added once it serves
}

// NewServer returns an empty CRM. Call Close when done with it.
func NewServer(cfg ServerConfig) *Server {
	cfg.Tokens = maps.Clone(cfg.Tokens)
	if cfg.Rewrite == nil {
		cfg.Rewrite = Sanitize
	}
	if cfg.MaxBody <= 0 {
		cfg.MaxBody = defaultMaxBody
	}
	if cfg.KeepRequests == 0 {
		cfg.KeepRequests = defaultKeepRequests
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Server{
		cfg:      cfg,
		mux:      http.NewServeMux(),
		data:     newTables(),
		late:     newLate(),
		requests: requestLog{keep: cfg.KeepRequests},
		calls:    make(map[string]*atomic.Int64),
	}
	s.users = make(map[string]bool)
	for _, user := range cfg.Tokens {
		s.users[user] = true
	}
	s.routes()
	return s
}

func (s *Server) routes() {
	s.handle("/contacts", methods{"POST": s.postContact, "GET": s.findContacts})
	s.handle("/contacts/{id}", methods{"GET": s.getContact})
	s.handle("/activities", methods{"POST": s.postActivity, "GET": s.listActivities})
	s.handle("/activities/{id}", methods{"GET": s.getActivity, "PATCH": s.patchActivity, "DELETE": s.deleteActivity})
	if s.cfg.Page {
		newViewer(s.data).routes(s.mux)
	}
	s.endpoint("/", otherCalls, func(*call) *answer {
		return fail(http.StatusNotFound, "not_found", "there is no such resource")
	})
}

type methods map[string]handler

// handle registers the methods of a path, and an answer in the API's own form
// for the methods that it does not have.
func (s *Server) handle(path string, m methods) {
	for method, h := range m {
		s.endpoint(method+" "+path, method+" "+path, s.authorized(h))
	}
	allow := strings.Join(slices.Sorted(maps.Keys(m)), ", ")
	s.endpoint(path, otherCalls, func(*call) *answer {
		a := fail(http.StatusMethodNotAllowed, "method_not_allowed", "this resource takes %s", allow)
		return a.with("Allow", allow)
	})
}

func (s *Server) endpoint(pattern, countAs string, h handler) {
	if s.calls[countAs] == nil {
		s.calls[countAs] = new(atomic.Int64)
	}
	count := s.calls[countAs]
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		count.Add(1)
		s.serve(w, r, h)
	})
}

// ServeHTTP serves the API that the package documentation describes.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Request-Id", "req_"+strconv.FormatInt(s.seq.Add(1), 10))
	s.mux.ServeHTTP(w, r)
}

// A call is a request whose body has been read, so that it can be carried out
// when its connection is long gone.
type call struct {
	*http.Request
	user string
	body []byte
}

type handler func(*call) *answer

func (s *Server) serve(w http.ResponseWriter, r *http.Request, h handler) {
	// JSON may spell one stored byte with six.
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(s.cfg.MaxBody)*6+64<<10))
	run := func() *answer {
		if err != nil {
			return unreadable(err)
		}
		return h(&call{Request: r, body: body})
	}
	entry := s.requests.add(w.Header().Get("X-Request-Id"), r, body)
	f := s.faults.next(r, body)

	var a *answer
	if f.Applied {
		a = run()
	}
	if !s.hold(r.Context(), f.Delay) {
		cut(w)
		return
	}
	switch {
	case f.Applied:
	case f.ApplyLate > 0:
		s.late.apply(f.ApplyLate, func() { run() })
	case !f.Drop && f.Status == 0:
		a = run()
	}
	if f.Status != 0 {
		a = f.answer()
	}
	s.hold(r.Context(), s.cfg.Latency)
	if f.Drop || a == nil {
		cut(w)
		return
	}
	s.requests.setStatus(entry, a.status)
	a.write(w, f.Truncate)
}

func unreadable(err error) *answer {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return fail(http.StatusRequestEntityTooLarge, "request_too_large", "the request is larger than %d bytes", tooLarge.Limit)
	}
	return fail(http.StatusBadRequest, "invalid_json", "the request ended early")
}

func (s *Server) authorized(h handler) handler {
	return func(c *call) *answer {
		scheme, token, _ := strings.Cut(c.Header.Get("Authorization"), " ")
		token = strings.TrimSpace(token)
		user, known := s.cfg.Tokens[token]
		if len(s.cfg.Tokens) == 0 {
			user, known = defaultUser, true
		}
		if !known || token == "" || !strings.EqualFold(scheme, "Bearer") {
			a := fail(http.StatusUnauthorized, "unauthorized", `an "Authorization: Bearer <token>" header with a valid token is required`)
			return a.with("WWW-Authenticate", "Bearer")
		}
		c.user = user
		return h(c)
	}
}

// hold waits for d. It reports whether the wait ran its course, rather than
// ending with the client's patience or with Close.
func (s *Server) hold(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
	case <-s.late.closing:
	}
	return false
}

// Settle waits until every write that a [Fault] put off has been applied, or
// until ctx ends, whose error it then returns.
func (s *Server) Settle(ctx context.Context) error { return s.late.wait(ctx) }

// Close applies the writes that a [Fault] put off, at once, and ends what waits
// for a Delay or a Latency. It may be called more than once. The records can
// still be inspected afterwards.
func (s *Server) Close() { s.late.close() }
