package crmlog

import (
	"context"
	"encoding/binary"
	"iter"
	"slices"
	"sync"
	"time"
)

// MemoryStore is a [Store] for tests and for programs that need not remember
// beyond their end. After a restart it knows nothing: what was logged before is
// logged again. A message takes about 140 bytes, and a digest 300 with its
// record. The zero value is ready to use.
type MemoryStore struct {
	mu           sync.Mutex
	start        time.Time
	digests      map[string]*memoryDigest
	messages     map[memoryKey]memoryMessage
	fence        int64
	prunedBefore time.Time
}

// NewMemoryStore returns an empty store.
func NewMemoryStore() *MemoryStore { return &MemoryStore{} }

// memoryDigest is kept small, like memoryMessage: a busy service has millions.
type memoryDigest struct {
	ref        string
	names      string // the other fields of its Digest
	scope      [16]byte
	fence      int64
	leaseUntil time.Duration // this and the times below are since the store's start
	part       memoryPart    // the first; its number is 0 when there is none
	more       []memoryPart
	open       *memoryIntention // nil when there is none
}

type memoryPart struct {
	number      int
	logID       string
	committedAt time.Duration
}

type memoryIntention struct {
	Intention
	fence      int64 // of the lease that it was made under
	intendedAt time.Duration
	settledAt  time.Duration
}

type memoryKey struct {
	scope [16]byte
	id    ID
}

type memoryMessage struct {
	digest       *memoryDigest
	part         int32
	loggedAt     int64 // Unix microseconds, as lastModified; 0: reserved, not logged
	lastModified int64
	fence        int64
	status       string
}

// now is the time since the store's start, by the monotonic clock. It needs the
// mutex.
func (s *MemoryStore) now() time.Duration {
	if s.start.IsZero() {
		s.start = time.Now()
		s.digests = make(map[string]*memoryDigest)
		s.messages = make(map[memoryKey]memoryMessage)
	}
	return time.Since(s.start)
}

func newMemoryDigest(of Digest) *memoryDigest {
	names := make([]byte, 0, 256)
	for _, name := range []string{of.Platform, of.Account, of.User, of.Contact, of.Conversation, of.Day} {
		names = append(binary.AppendUvarint(names, uint64(len(name))), name...)
	}
	return &memoryDigest{ref: of.Ref, names: string(names), scope: of.messageScope()}
}

// digest is what the memoryDigest was made of.
func (d *memoryDigest) digest() Digest {
	of := Digest{Ref: d.ref}
	names := d.names
	for _, name := range []*string{&of.Platform, &of.Account, &of.User, &of.Contact, &of.Conversation, &of.Day} {
		length, n := binary.Uvarint([]byte(names[:min(len(names), binary.MaxVarintLen64)]))
		names = names[n:]
		*name, names = names[:length], names[length:]
	}
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
	d := s.digests[req.Digest.Ref]
	if d == nil {
		d = newMemoryDigest(req.Digest)
		s.digests[d.ref] = d
	}
	if wait := d.leaseUntil - now; wait > 0 {
		return Claim{}, &ClaimedError{RetryAfter: wait}
	}
	s.fence++
	d.fence = s.fence
	d.leaseUntil = now + req.Lease

	c := Claim{Lease: Lease{Ref: d.ref, Fence: d.fence}, PrunedBefore: s.prunedBefore}
	in := Intention{Kind: IntendAdd, Part: 1, Settle: req.Settle}
	for p := range d.parts() {
		c.Parts = append(c.Parts, Part{Number: p.number, LogID: p.logID, Age: now - p.committedAt})
		in = Intention{Kind: IntendUpdate, Part: p.number}
	}
	c.Messages = make([]MessageState, len(req.Messages))
	for i, id := range req.Messages {
		c.Messages[i] = s.reserve(d, id)
		m := &c.Messages[i]
		if m.Digest.Ref == "" {
			m.Digest = req.Digest
		}
		if !m.Logged && m.Digest.Ref == d.ref && (m.Part == 0 || m.Part == in.Part) {
			in.Messages = append(in.Messages, id)
		}
	}
	switch {
	case d.open != nil:
		c.Open = &OpenIntention{
			Intention: d.open.Intention,
			Age:       now - d.open.intendedAt,
			Fence:     d.open.fence,
			Settles:   max(0, d.open.settledAt-now),
		}
	case req.Intend && len(in.Messages) > 0:
		d.intend(in, now)
		intended := in
		intended.Messages = slices.Clone(in.Messages)
		c.Intended = &intended
	}
	return c, nil
}

func (d *memoryDigest) intend(in Intention, now time.Duration) {
	d.open = &memoryIntention{Intention: in, fence: d.fence, intendedAt: now, settledAt: d.leaseUntil + in.Settle}
}

// parts are the digest's, in their order.
func (d *memoryDigest) parts() iter.Seq[memoryPart] {
	return func(yield func(memoryPart) bool) {
		if d.part.number != 0 && !yield(d.part) {
			return
		}
		for _, p := range d.more {
			if !yield(p) {
				return
			}
		}
	}
}

// reserve leaves the state's Digest empty where it is d.
func (s *MemoryStore) reserve(d *memoryDigest, id ID) MessageState {
	key := memoryKey{d.scope, id}
	m, known := s.messages[key]
	if !known {
		m = memoryMessage{digest: d}
		s.messages[key] = m
	}
	state := MessageState{ID: id, Part: int(m.part)}
	if m.digest != d {
		state.Digest = m.digest.digest()
	}
	if m.loggedAt != 0 {
		state.Logged = true
		for p := range m.digest.parts() {
			if p.number == state.Part {
				state.LogID = p.logID
			}
		}
		if m.lastModified != 0 {
			state.LastModified = time.UnixMicro(m.lastModified).UTC()
		}
		state.Status, state.Fence = m.status, m.fence
	}
	return state
}

// holding runs f on the digest if the lease is still held.
func (s *MemoryStore) holding(ctx context.Context, lease Lease, f func(d *memoryDigest, now time.Duration)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	d := s.digests[lease.Ref]
	if d == nil || d.fence != lease.Fence || d.leaseUntil <= now {
		return ErrLeaseLost
	}
	f(d, now)
	return nil
}

// Renew implements [Store].
func (s *MemoryStore) Renew(ctx context.Context, lease Lease, dur time.Duration) error {
	return s.holding(ctx, lease, func(d *memoryDigest, now time.Duration) {
		d.leaseUntil = now + dur
		if d.open != nil && d.open.fence == d.fence {
			d.open.settledAt = d.leaseUntil + d.open.Settle
		}
	})
}

// Intend implements [Store].
func (s *MemoryStore) Intend(ctx context.Context, lease Lease, in Intention) error {
	in.Messages = slices.Clone(in.Messages)
	return s.holding(ctx, lease, func(d *memoryDigest, now time.Duration) { d.intend(in, now) })
}

// Commit implements [Store].
func (s *MemoryStore) Commit(ctx context.Context, lease Lease, c Commit) error {
	if c.Part < 0 || c.Part == 0 && len(c.Logged) > 0 {
		return &InputError{"Commit.Part", "not above 0; give the part of the record that the messages are logged in"}
	}
	return s.holding(ctx, lease, func(d *memoryDigest, now time.Duration) {
		if d.open != nil && d.open.fence != d.fence {
			s.doubt(d)
		}
		d.open = nil
		if c.Part != 0 {
			d.setPart(memoryPart{c.Part, c.LogID, now})
		}
		for _, l := range c.Logged {
			m := memoryMessage{digest: d, part: int32(c.Part), loggedAt: time.Now().UnixMicro(), status: l.Status, fence: l.Fence}
			if m.fence == 0 {
				m.fence = d.fence
			}
			if !l.LastModified.IsZero() {
				m.lastModified = l.LastModified.UnixMicro()
			}
			s.messages[memoryKey{d.scope, l.ID}] = m
		}
		if c.Next != nil {
			next := *c.Next
			next.Messages = slices.Clone(next.Messages)
			d.intend(next, now)
		}
		if c.Release {
			d.leaseUntil = 0
		}
	})
}

// doubt remembers where the messages of an intention may stand; those that are
// logged now overwrite it.
func (s *MemoryStore) doubt(d *memoryDigest) {
	for _, id := range d.open.Messages {
		key := memoryKey{d.scope, id}
		if m, ok := s.messages[key]; ok && m.loggedAt == 0 && m.digest == d {
			m.part = int32(d.open.Part)
			s.messages[key] = m
		}
	}
}

func (d *memoryDigest) setPart(p memoryPart) {
	if d.part.number == 0 {
		d.part = p
		return
	}
	all := slices.Collect(d.parts())
	i, known := slices.BinarySearchFunc(all, p.number, func(old memoryPart, number int) int { return old.number - number })
	switch {
	case !known:
		all = slices.Insert(all, i, p)
	case all[i].logID != p.logID:
		all[i] = p
	}
	if d.part = all[0]; len(all) > 1 {
		d.more = all[1:]
	}
}

// Release implements [Store].
func (s *MemoryStore) Release(ctx context.Context, lease Lease, settle time.Duration) error {
	return s.holding(ctx, lease, func(d *memoryDigest, now time.Duration) {
		d.leaseUntil = 0
		if d.open != nil && d.open.fence == d.fence {
			d.open.settledAt = now + settle + d.open.Settle
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
	for key, m := range s.messages {
		if m.loggedAt != 0 && m.loggedAt < limit {
			delete(s.messages, key)
			n++
		}
	}
	return n, nil
}
