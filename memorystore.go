package crmlog

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"
)

// MemoryStore is a [Store] for tests and for programs that need not remember
// beyond their end. After a restart it knows nothing: what was logged before is
// logged again. A message takes about 65 bytes, and a digest 140 with its
// record. The zero value is ready to use.
type MemoryStore struct {
	mu           sync.Mutex
	start        time.Time
	scopes       memoryTable[uint64] // by Digest.messageScope: where its names are in texts
	digests      memoryTable[memoryDigest]
	messages     memoryTable[memoryMessage]
	statuses     memoryTable[memoryStatus]
	texts        memoryText
	work         map[uint32]*memoryWork  // by the digest; those that nobody is at have none
	more         map[uint32][]memoryPart // by the digest; all but its first
	fence        int64
	prunedBefore time.Time
}

// NewMemoryStore returns an empty store.
func NewMemoryStore() *MemoryStore { return &MemoryStore{} }

// memoryDigest is kept small and has no pointers, like memoryMessage: a busy
// service has millions.
type memoryDigest struct {
	names uint64 // where its Ref, Conversation and Day are in texts
	scope uint32
	part  memoryPart // the first; its number is 0 when there is none
}

type memoryPart struct {
	number      int
	logID       uint64        // where it is in texts
	committedAt time.Duration // this and the Durations below are since the store's start
}

type memoryMessage struct {
	digest       uint32
	part         int32
	loggedAt     int64 // Unix microseconds, as lastModified; 0: reserved, not logged
	lastModified int64
	fence        int64
	status       uint32
}

// memoryStatus is kept once for all messages that have it, and as long as one
// does: most are a few words, but each internal note has its own.
type memoryStatus struct {
	text     string
	messages int
}

// memoryWork is what is known of a digest from a claim until it is released
// with nothing left open. Fences rise over all digests, so that none is used
// again when this is forgotten.
type memoryWork struct {
	fence      int64
	leaseUntil time.Duration
	open       memoryIntention // its fence is 0 when there is none
}

type memoryIntention struct {
	Intention
	fence      int64 // of the lease that it was made under
	intendedAt time.Duration
	settledAt  time.Duration
}

// now is the time since the store's start, by the monotonic clock. It needs the
// mutex.
func (s *MemoryStore) now() time.Duration {
	if s.start.IsZero() {
		s.start = time.Now()
		s.scopes = newMemoryTable[uint64]()
		s.digests = newMemoryTable[memoryDigest]()
		s.messages = newMemoryTable[memoryMessage]()
		s.statuses = newMemoryTable[memoryStatus]()
		s.work = make(map[uint32]*memoryWork)
		s.more = make(map[uint32][]memoryPart)
	}
	return time.Since(s.start)
}

// remember returns the number of a digest, which is new or not.
func (s *MemoryStore) remember(of Digest) uint32 {
	i, added := s.digests.put(hash(of.Ref))
	if added {
		scope, added := s.scopes.put(of.messageScope())
		if added {
			*s.scopes.at(scope) = s.texts.put(of.Platform, of.Account, of.User, of.Contact)
		}
		*s.digests.at(i) = memoryDigest{names: s.texts.put(of.Ref, of.Conversation, of.Day), scope: scope}
	}
	return i
}

// digest is what the memoryDigest was made of.
func (s *MemoryStore) digest(i uint32) (of Digest) {
	d := s.digests.at(i)
	s.texts.read(*s.scopes.at(d.scope), &of.Platform, &of.Account, &of.User, &of.Contact)
	s.texts.read(d.names, &of.Ref, &of.Conversation, &of.Day)
	return of
}

// Claim implements [Store].
func (s *MemoryStore) Claim(ctx context.Context, req ClaimRequest) (Claim, error) {
	if err := ctx.Err(); err != nil {
		return Claim{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	d := s.remember(req.Digest)
	w := s.work[d]
	if w == nil {
		w = &memoryWork{}
		s.work[d] = w
	}
	if wait := w.leaseUntil - now; wait > 0 {
		return Claim{}, &ClaimedError{RetryAfter: wait}
	}
	s.fence++
	w.fence = s.fence
	w.leaseUntil = now + req.Lease

	c := Claim{Lease: Lease{Ref: req.Digest.Ref, Fence: w.fence}, PrunedBefore: s.prunedBefore}
	in := Intention{Kind: IntendAdd, Part: 1, Settle: req.Settle}
	for p := range s.parts(d) {
		c.Parts = append(c.Parts, Part{Number: p.number, LogID: s.logID(p), Age: now - p.committedAt})
		in = Intention{Kind: IntendUpdate, Part: p.number}
	}
	c.Messages = make([]MessageState, len(req.Messages))
	for i, id := range req.Messages {
		m := s.reserve(d, req.Digest, id)
		c.Messages[i] = m
		if !m.Logged && m.Digest.Ref == req.Digest.Ref && (m.Part == 0 || m.Part == in.Part) {
			in.Messages = append(in.Messages, id)
		}
	}
	switch {
	case w.open.fence != 0:
		c.Open = &OpenIntention{
			Intention: w.open.Intention,
			Age:       now - w.open.intendedAt,
			Fence:     w.open.fence,
			Settles:   max(0, w.open.settledAt-now),
		}
	case req.Intend && len(in.Messages) > 0:
		w.intend(in, now)
		intended := in
		intended.Messages = slices.Clone(in.Messages)
		c.Intended = &intended
	}
	return c, nil
}

func (w *memoryWork) intend(in Intention, now time.Duration) {
	w.open = memoryIntention{Intention: in, fence: w.fence, intendedAt: now, settledAt: w.leaseUntil + in.Settle}
}

// parts are the digest's, in their order.
func (s *MemoryStore) parts(d uint32) iter.Seq[memoryPart] {
	return func(yield func(memoryPart) bool) {
		if first := s.digests.at(d).part; first.number == 0 || !yield(first) {
			return
		}
		for _, p := range s.more[d] {
			if !yield(p) {
				return
			}
		}
	}
}

func (s *MemoryStore) logID(p memoryPart) (id string) {
	s.texts.read(p.logID, &id)
	return id
}

func (s *MemoryStore) messageKey(d uint32, id ID) [16]byte {
	scope := s.scopes.key(s.digests.at(d).scope)
	return hash(string(scope[:]), string(id))
}

// reserve is for digest d, made of "of"; another may have been first.
func (s *MemoryStore) reserve(d uint32, of Digest, id ID) MessageState {
	i, added := s.messages.put(s.messageKey(d, id))
	m := s.messages.at(i)
	if added {
		m.digest = d
	}
	state := MessageState{ID: id, Digest: of, Part: int(m.part)}
	if m.digest != d {
		state.Digest = s.digest(m.digest)
	}
	if m.loggedAt != 0 {
		state.Logged = true
		for p := range s.parts(m.digest) {
			if p.number == state.Part {
				state.LogID = s.logID(p)
			}
		}
		state.LastModified = time.UnixMicro(m.lastModified).UTC()
		state.Status, state.Fence = s.statuses.at(m.status).text, m.fence
	}
	return state
}

// holding runs f on the digest if the lease is still held.
func (s *MemoryStore) holding(ctx context.Context, lease Lease, f func(d uint32, w *memoryWork, now time.Duration)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	d := s.digests.find(hash(lease.Ref))
	w := s.work[d]
	if w == nil || w.fence != lease.Fence || w.leaseUntil <= now {
		return ErrLeaseLost
	}
	f(d, w, now)
	if w.leaseUntil == 0 && w.open.fence == 0 {
		delete(s.work, d)
	}
	return nil
}

// Renew implements [Store].
func (s *MemoryStore) Renew(ctx context.Context, lease Lease, dur time.Duration) error {
	return s.holding(ctx, lease, func(_ uint32, w *memoryWork, now time.Duration) {
		w.leaseUntil = now + dur
		if w.open.fence == w.fence {
			w.open.settledAt = w.leaseUntil + w.open.Settle
		}
	})
}

// Intend implements [Store].
func (s *MemoryStore) Intend(ctx context.Context, lease Lease, in Intention) error {
	in.Messages = slices.Clone(in.Messages)
	return s.holding(ctx, lease, func(_ uint32, w *memoryWork, now time.Duration) { w.intend(in, now) })
}

// Commit implements [Store].
func (s *MemoryStore) Commit(ctx context.Context, lease Lease, c Commit) error {
	if c.Part < 0 || c.Part == 0 && len(c.Logged) > 0 {
		return &InputError{"Commit.Part", "not above 0; give the part of the record that the messages are logged in"}
	}
	return s.holding(ctx, lease, func(d uint32, w *memoryWork, now time.Duration) {
		if w.open.fence != w.fence {
			s.doubt(d, w.open.Intention)
		}
		w.open = memoryIntention{}
		if c.Part != 0 {
			s.setPart(d, c.Part, c.LogID, now)
		}
		for _, l := range c.Logged {
			m := memoryMessage{
				digest: d, part: int32(c.Part), loggedAt: time.Now().UnixMicro(), lastModified: l.LastModified.UnixMicro(),
				fence: cmp.Or(l.Fence, w.fence), status: s.holdStatus(l.Status),
			}
			i, _ := s.messages.put(s.messageKey(d, l.ID))
			old := s.messages.at(i)
			if old.loggedAt != 0 {
				s.dropStatus(old.status)
			}
			*old = m
		}
		if c.Next != nil {
			next := *c.Next
			next.Messages = slices.Clone(next.Messages)
			w.intend(next, now)
		}
		if c.Release {
			w.leaseUntil = 0
		}
	})
}

// doubt remembers where the messages of an intention may stand; those that are
// logged now overwrite it.
func (s *MemoryStore) doubt(d uint32, in Intention) {
	for _, id := range in.Messages {
		m := s.messages.at(s.messages.find(s.messageKey(d, id)))
		if m.loggedAt == 0 && m.digest == d {
			m.part = int32(in.Part)
		}
	}
}

func (s *MemoryStore) setPart(d uint32, number int, logID string, now time.Duration) {
	all := slices.AppendSeq(make([]memoryPart, 0, 4), s.parts(d))
	i, known := slices.BinarySearchFunc(all, number, func(old memoryPart, number int) int { return old.number - number })
	if known && s.logID(all[i]) == logID {
		return
	}
	p := memoryPart{number: number, logID: s.texts.put(logID), committedAt: now}
	if known {
		all[i] = p
	} else {
		all = slices.Insert(all, i, p)
	}
	if s.digests.at(d).part = all[0]; len(all) > 1 {
		s.more[d] = slices.Clone(all[1:])
	}
}

// holdStatus returns the number of a status that one more message has.
func (s *MemoryStore) holdStatus(text string) uint32 {
	i, added := s.statuses.put(hash(text))
	status := s.statuses.at(i)
	if added {
		status.text = strings.Clone(text) // the caller's may be a part of a long one
	}
	status.messages++
	return i
}

func (s *MemoryStore) dropStatus(i uint32) {
	status := s.statuses.at(i)
	if status.messages--; status.messages == 0 {
		s.statuses.remove(i)
	}
}

// Release implements [Store].
func (s *MemoryStore) Release(ctx context.Context, lease Lease, settle time.Duration) error {
	return s.holding(ctx, lease, func(_ uint32, w *memoryWork, now time.Duration) {
		w.leaseUntil = 0
		if w.open.fence == w.fence {
			w.open.settledAt = now + settle + w.open.Settle
		}
	})
}

// Prune implements [Store].
func (s *MemoryStore) Prune(ctx context.Context, before time.Time) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if before.After(s.prunedBefore) {
		s.prunedBefore = before
	}
	var n int64
	limit := before.UnixMicro()
	for i := range s.messages.slots {
		if m := s.messages.at(i); m.loggedAt != 0 && m.loggedAt < limit {
			s.dropStatus(m.status)
			s.messages.remove(i)
			n++
		}
	}
	return n, nil
}
