package pipedrivetest

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxBody bounds a request body; a longer one is a 413.
const maxBody = 4 << 20

// Config says what company a [Server] holds and how it behaves. The zero value
// is a company that accepts any credential and any person, deal or lead id, has
// no limits, and answers at once.
type Config struct {
	// Users by credential: "Bearer <token>" for what comes in the Authorization
	// header, the bare token for what comes in x-api-token. Any other
	// credential is a 401, and only these users may own an activity.
	// Nil: any credential is the user 7, "Pat Agent", and any owner will do.
	Users map[string]User

	// Company all users belong to. Zero: 1001, "Example Company",
	// "example-company".
	Company Company

	// ActivityTypes of the company. Nil: [DefaultActivityTypes]. Empty: none,
	// so that no activity can be added.
	ActivityTypes []ActivityType

	// Persons who exist. Nil: any id is a person, named after it.
	Persons []Person

	// Deals which exist. Nil: any id is a deal.
	Deals []Deal

	// Leads which exist, as UUIDs. Nil: any UUID is a lead.
	Leads []string

	// Clock tells the time, for add_time, update_time, the limits and ListLag.
	// It may be called from several goroutines. Nil: [time.Now].
	Clock func() time.Time

	// Latency is how long each request waits before it is handled; a client
	// that leaves meanwhile leaves nothing behind.
	Latency time.Duration

	// ListLag is how long, by Clock, a new activity is missing from the list.
	// Reading it by id works at once.
	ListLag time.Duration

	// ListDeleted makes the list show deleted activities, with is_deleted true.
	// Whether Pipedrive does is not documented.
	ListDeleted bool

	// Deleted is the answer to GET for a deleted activity.
	Deleted DeletedAnswer

	// MaxNoteBytes is how long a note may be, as stored, after sanitising.
	// Zero: 100,000. Negative: no limit.
	MaxNoteBytes int

	// BurstLimit is how many requests each credential may make in any two
	// seconds; Pipedrive allows 20 to 480 by plan. Zero: no limit, and no
	// x-ratelimit headers.
	// https://pipedrive.readme.io/docs/core-api-concepts-rate-limiting
	BurstLimit int

	// DailyTokens is the company's budget per day (UTC). Zero: no limit, and
	// no x-daily-ratelimit headers.
	DailyTokens int

	// RetryAfter is sent verbatim with a 429 of either limit. Empty: the burst
	// limit sends none, the daily one the seconds until midnight UTC. For
	// other mixes see [Fault].
	RetryAfter string

	// KeepRequests is how many of the latest requests [Server.Requests]
	// returns. Zero: 1,000. Negative: none. [Server.Calls] counts all.
	KeepRequests int
}

// DeletedAnswer is what GET /api/v2/activities/{id} says of a deleted activity;
// Pipedrive documents none of the three. PATCH and DELETE get the same, but 404
// for DeletedShown.
type DeletedAnswer int

const (
	DeletedNotFound DeletedAnswer = iota // 404
	DeletedGone                          // 410
	DeletedShown                         // 200, with is_deleted true
)

// Server is the fake. Make it with [New]. It is safe for concurrent use.
type Server struct {
	cfg     Config
	types   map[string]bool // active key strings
	persons map[int64]Person
	deals   map[int64]Deal
	leads   map[string]bool
	owners  map[int64]bool

	mu         sync.Mutex
	activities []*record // the activity with id n is at n-1
	byPerson   map[int64]map[int64]*record
	limits     limits
	log        requestLog
	faults     faults
}

// New makes a server that holds the company of cfg and no activities. It keeps
// no reference to the slices and maps of cfg.
func New(cfg Config) *Server {
	if cfg.ActivityTypes == nil {
		cfg.ActivityTypes = DefaultActivityTypes()
	}
	if cfg.Company == (Company{}) {
		cfg.Company = Company{ID: 1001, Name: "Example Company", Domain: "example-company"}
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.MaxNoteBytes == 0 {
		cfg.MaxNoteBytes = 100_000
	}
	if cfg.KeepRequests == 0 {
		cfg.KeepRequests = 1000
	}
	cfg.Users = maps.Clone(cfg.Users)
	cfg.ActivityTypes = slices.Clone(cfg.ActivityTypes)
	s := &Server{cfg: cfg, types: map[string]bool{}, byPerson: map[int64]map[int64]*record{}}
	for i := range cfg.ActivityTypes {
		t := &cfg.ActivityTypes[i]
		if t.ID == 0 {
			t.ID = int64(i) + 1
		}
		if !t.Inactive {
			s.types[t.KeyString] = true
		}
	}
	s.persons = index(cfg.Persons, func(p Person) (int64, Person) {
		p.Phones, p.Emails = slices.Clone(p.Phones), slices.Clone(p.Emails)
		return p.ID, p
	})
	s.deals = index(cfg.Deals, func(d Deal) (int64, Deal) { return d.ID, d })
	s.leads = index(cfg.Leads, func(id string) (string, bool) { return strings.ToLower(id), true })
	if cfg.Users != nil {
		s.owners = map[int64]bool{}
		for _, u := range cfg.Users {
			s.owners[u.ID] = true
		}
	}
	return s
}

// index is nil for nil: "not configured, so anything goes".
func index[E any, K comparable, V any](list []E, entry func(E) (K, V)) map[K]V {
	if list == nil {
		return nil
	}
	m := make(map[K]V, len(list))
	for _, e := range list {
		k, v := entry(e)
		m[k] = v
	}
	return m
}

// known reports whether key is configured, or nothing is and anything goes.
func known[K comparable, V any](m map[K]V, key K) bool {
	_, ok := m[key]
	return ok || m == nil
}

// ServeHTTP answers one API call. It ends with the panic [http.ErrAbortHandler]
// where a [Fault] cuts the connection or the client has left.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// Read to the end first: only then does net/http notice that a client leaves.
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	tooLong := errors.As(err, new(*http.MaxBytesError))
	if err != nil && !tooLong {
		panic(http.ErrAbortHandler)
	}
	entry := s.record(r, body)
	fault := s.nextFault(r, body)

	if !wait(r.Context(), s.cfg.Latency) {
		panic(http.ErrAbortHandler)
	}
	if fault.Late > 0 {
		s.applyLate(r, body, fault)
		panic(http.ErrAbortHandler)
	}
	handle := func() response {
		if tooLong {
			return failure(http.StatusRequestEntityTooLarge, "Request body is too large", "")
		}
		return s.handle(r, body)
	}
	var res response
	if fault.Commit {
		res = handle()
	}
	if !wait(r.Context(), fault.Delay) || fault.Drop {
		panic(http.ErrAbortHandler)
	}
	switch {
	case fault.Status != 0:
		res = fault.answer()
	case !fault.Commit:
		res = handle()
	}
	s.answered(entry, res.status)
	res.write(w, entry.CorrelationID, fault.Truncate)
}
