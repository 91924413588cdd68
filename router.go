package crmlog

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// RouterConfig configures a [Router].
type RouterConfig struct {
	// Platform names the CRM, such as "pipedrive". It is part of every digest's
	// key: keep it for as long as the store lives. Required.
	Platform string
	// Store remembers what is logged. Nil is a new [MemoryStore], which forgets
	// everything at the program's end.
	Store Store
	// Logger gets a Debug record per message and a Warn record per trouble. Nil
	// is silent.
	Logger *slog.Logger
	// Lease is how long a writer holds a digest without renewing: the longest
	// time that a digest is blocked when a process dies. 0 is 30 s.
	Lease time.Duration
	// Grace is the last part of the lease, in which nothing is written any more,
	// and how long a request may still be applied after it was given up: no
	// server or proxy before the CRM may hold one for longer. 0 is a sixth of
	// the lease.
	Grace time.Duration
	// MaxQueue is how many messages may wait for one digest; more get
	// [ErrQueueFull]. 0 is 10,000.
	MaxQueue int
}

// Router files messages in a CRM through an [Adapter]. It is safe for
// concurrent use; a program needs one per CRM.
type Router struct {
	adapter  Adapter
	finder   Finder // nil when the adapter is none, like the next two
	amender  Amender
	batcher  BatchUpdater
	platform string
	store    Store
	log      *slog.Logger
	lease    time.Duration
	grace    time.Duration
	maxQueue int

	zones sync.Map // IANA name → *time.Location

	mu     sync.Mutex
	lines  map[string]*line // by digest, those with messages under way
	closed bool
	idle   []chan *line   // to goroutines that wait for a line
	active sync.WaitGroup // the goroutines that serve lines

	stop context.CancelFunc // ends what waits
	done context.Context
}

// NewRouter returns a router that logs through adapter.
func NewRouter(adapter Adapter, config RouterConfig) (*Router, error) {
	if adapter == nil {
		return nil, &InputError{"adapter", "nil; give the CRM's adapter"}
	}
	if err := checkID("RouterConfig.Platform", config.Platform); err != nil {
		return nil, err
	}
	r := &Router{
		adapter:  adapter,
		platform: config.Platform,
		store:    config.Store,
		log:      config.Logger,
		lease:    config.Lease,
		grace:    config.Grace,
		maxQueue: config.MaxQueue,
		lines:    make(map[string]*line),
	}
	if r.store == nil {
		r.store = NewMemoryStore()
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	if r.lease == 0 {
		r.lease = 30 * time.Second
	}
	if r.grace == 0 {
		r.grace = r.lease / 6
	}
	if r.maxQueue == 0 {
		r.maxQueue = 10_000
	}
	if r.lease < 0 || r.grace < 0 || r.grace > r.lease/2 {
		return nil, &InputError{"RouterConfig.Grace", "must be at most half of Lease, and neither negative"}
	}
	if r.maxQueue < 0 {
		return nil, &InputError{"RouterConfig.MaxQueue", "negative; 0 is the default"}
	}
	r.finder, _ = As[Finder](adapter)
	r.batcher, _ = As[BatchUpdater](adapter)
	r.amender, _ = As[Amender](adapter)
	r.done, r.stop = context.WithCancel(context.Background())
	return r, nil
}

// LogInput is what [Router.Log] takes: messages of one contact. Its JSON names
// are those of the adapters' contract.
type LogInput struct {
	User User `json:"user"`
	// Account is the CRM tenant, such as the company's domain. It keeps apart
	// what two tenants have under equal ids; a program with one tenant may leave
	// it empty. Like the platform, keep it for as long as the store lives.
	Account     string         `json:"account,omitempty"`
	ContactInfo ContactInfo    `json:"contactInfo"`
	AuthHeader  AuthHeader     `json:"authHeader"`
	Messages    []MessageInput `json:"messages"`
	// ExistingLogID is a CRM record to go on with where the digest has none yet,
	// such as one that RingCentral's own extension began. All messages must be of
	// that record's conversation and day. What stands in that one has no identity
	// and is matched by minute, sender and text: a text that was changed there, or
	// shown in another zone, is logged again, and of two that are the same in all
	// three one may be taken for the other. Package note says more.
	ExistingLogID string `json:"existingLogId,omitempty"`
	// TimezoneOffset is the user's; user.timezoneName wins over it.
	TimezoneOffset TimezoneOffset `json:"timezoneOffset,omitempty"`
}

// MessageInput is a message and what belongs to it alone.
type MessageInput struct {
	Message              Message              `json:"message"`
	AdditionalSubmission AdditionalSubmission `json:"additionalSubmission,omitempty"`
	// RecordingLink leads to a voicemail's recording: https, without user and
	// password. Empty takes the message's own.
	RecordingLink string `json:"recordingLink,omitempty"`
	// Transcript is a voicemail's, in plain text. RingCentral has it some minutes
	// after the voicemail: log the message again with it then.
	Transcript string `json:"transcript,omitempty"`
}

// Log files the messages, those of one digest in the order of their creation
// times and different digests at the same time, and returns when the outcome of
// each is known or ctx is done. The report tells it for
// every message; the error joins those of the messages that failed, each under
// its id. Bad input fails before anything is written.
//
// When ctx is done, messages that wait leave without a trace, with ctx's error.
// A message that is being written fails with [ErrOutcomeUnknown], and the write
// goes on: logging it again tells how it ended.
func (r *Router) Log(ctx context.Context, in LogInput) (Report, error) {
	report := Report{Entries: make([]ReportEntry, len(in.Messages))}
	entries, err := r.prepare(ctx, in, report.Entries)
	if err != nil {
		for i := range report.Entries {
			report.Entries[i].fail(err)
		}
	}
	if err == nil {
		r.submit(entries)
		for i, e := range entries {
			if e != nil {
				report.Entries[i] = r.wait(ctx, e)
			}
		}
	}
	joined := report.finish()
	if err != nil {
		report.ReturnMessage = ReturnMessageFor(err)
		return report, err
	}
	return report, joined
}

// prepare checks the input and makes the entries; one is nil where the report
// already says what becomes of the message.
func (r *Router) prepare(ctx context.Context, in LogInput, out []ReportEntry) ([]*entry, error) {
	for i := range in.Messages {
		out[i].MessageID = in.Messages[i].Message.ID
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := checkCall(in.User, in.ContactInfo, in.AuthHeader); err != nil {
		return nil, err
	}
	if in.Account != "" {
		if err := checkID("account", in.Account); err != nil {
			return nil, err
		}
	}
	loc, err := zone(in.User, in.TimezoneOffset, r.loadZone)
	if err != nil {
		return nil, err
	}
	entries := make([]*entry, len(in.Messages))
	for i := range in.Messages {
		m := &in.Messages[i]
		if m.Message.IsDeleted() {
			out[i].Outcome, out[i].Reason = OutcomeSkipped, "deleted in RingCentral"
			continue
		}
		if err := checkMessage(&m.Message, m.RecordingLink); err != nil {
			out[i].fail(err)
			continue
		}
		e := &entry{
			ctx: ctx,
			in: AddMessageLogInput{
				User:                 in.User,
				Account:              in.Account,
				ContactInfo:          in.ContactInfo,
				AuthHeader:           in.AuthHeader,
				Message:              m.Message,
				AdditionalSubmission: m.AdditionalSubmission,
				RecordingLink:        m.RecordingLink,
				Transcript:           m.Transcript,
				TimezoneOffset:       in.TimezoneOffset,
			},
			existing: in.ExistingLogID,
			finished: make(chan struct{}),
		}
		e.digest = newDigestRef(r.platform, &e.in, loc)
		e.in.Digest = e.digest
		entries[i] = e
	}
	return entries, nil
}

func (r *Router) loadZone(name string) (*time.Location, error) {
	if loc, ok := r.zones.Load(name); ok {
		return loc.(*time.Location), nil
	}
	loc, err := time.LoadLocation(name)
	if err == nil {
		r.zones.Store(name, loc)
	}
	return loc, err
}

// wait returns the outcome of an entry, or lets it go when its caller's time
// is up.
func (r *Router) wait(ctx context.Context, e *entry) ReportEntry {
	select {
	case <-e.finished:
		return e.report
	case <-ctx.Done():
	}
	if r.leave(e) {
		left := ReportEntry{MessageID: e.in.Message.ID, Digest: e.digest}
		err := ctx.Err()
		if e.inDoubt {
			err = errors.Join(ErrOutcomeUnknown, err)
		}
		left.fail(err)
		return left
	}
	select {
	case <-e.finished:
		return e.report
	default:
		unknown := ReportEntry{MessageID: e.in.Message.ID, Digest: e.digest}
		unknown.fail(errors.Join(ErrOutcomeUnknown, ctx.Err()))
		return unknown
	}
}

func (e *ReportEntry) fail(err error) {
	e.Outcome, e.Err, e.LogID = OutcomeFailed, err, ""
	e.returned = ReturnMessageFor(err)
}

// Shutdown lets what was handed over finish, and takes nothing new: Log returns
// [ErrShutdown]. When ctx is done first, messages that still wait fail with
// ErrShutdown, and Shutdown returns ctx's error as soon as the writes under way
// have ended, at the latest with their leases.
func (r *Router) Shutdown(ctx context.Context) error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	idle := make(chan struct{})
	go func() {
		r.active.Wait()
		close(idle)
	}()
	defer r.stop()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		r.stop()
		<-idle
		return ctx.Err()
	}
}
