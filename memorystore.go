package crmlog

import (
	"context"
	"slices"
	"sync"
	"time"
)

// MemoryStore is a [Store] for tests and for programs that need not remember
// beyond their end. After a restart it knows nothing: what was logged before is
// logged again. The zero value is ready to use.
type MemoryStore struct {
	mu           sync.Mutex
	digests      map[string]*memoryDigest
	messages     map[memoryKey]memoryMessage
	fence        int64
	prunedBefore time.Time
}

// NewMemoryStore returns an empty store.
func NewMemoryStore() *MemoryStore { return &MemoryStore{} }

type memoryDigest struct {
	digest     Digest
	scope      string
	fence      int64
	leaseUntil time.Time
	parts      []memoryPart
	open       Intention // of kind "" when there is none
	openFence  int64     // of the lease that it was made under
	intendedAt time.Time
	settledAt  time.Time
}

type memoryPart struct {
	number      int
	logID       string
	committedAt time.Time
}

type memoryKey struct {
	scope string
	id    ID
}

// memoryMessage is kept small: a busy service has millions.
type memoryMessage struct {
	digest       *memoryDigest
	part         int32
	loggedAt     int64 // Unix microseconds, as lastModified; 0: reserved, not logged
	lastModified int64
	fence        int64
	status       string
}

// Claim implements [Store].
func (s *MemoryStore) Claim(ctx context.Context, req ClaimRequest) (Claim, error) {
	if err := ctx.Err(); err != nil {
		return Claim{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	d := s.digests[req.Digest.Ref]
	if d == nil {
		if s.digests == nil {
			s.digests = make(map[string]*memoryDigest)
			s.messages = make(map[memoryKey]memoryMessage)
		}
		d = &memoryDigest{digest: req.Digest, scope: req.Digest.MessageScope()}
		s.digests[req.Digest.Ref] = d
	}
	if wait := d.leaseUntil.Sub(now); wait > 0 {
		return Claim{}, &ClaimedError{RetryAfter: wait}
	}
	s.fence++
	d.fence = s.fence
	d.leaseUntil = now.Add(req.Lease)

	c := Claim{Lease: Lease{Ref: req.Digest.Ref, Fence: d.fence}, PrunedBefore: s.prunedBefore}
	c.Parts = make([]Part, 0, len(d.parts))
	for _, p := range d.parts {
		c.Parts = append(c.Parts, Part{Number: p.number, LogID: p.logID, Age: now.Sub(p.committedAt)})
	}
	c.Messages = make([]MessageState, len(req.Messages))
	in := Intention{Kind: IntendAdd, Part: 1, Settle: req.Settle}
	if n := len(d.parts); n > 0 {
		in = Intention{Kind: IntendUpdate, Part: d.parts[n-1].number}
	}
	for i, id := range req.Messages {
		c.Messages[i] = s.reserve(d, id)
		if m := c.Messages[i]; !m.Logged && m.Digest.Ref == d.digest.Ref && (m.Part == 0 || m.Part == in.Part) {
			in.Messages = append(in.Messages, id)
		}
	}
	switch {
	case d.open.Kind != "":
		c.Open = &OpenIntention{
			Intention: d.open,
			Age:       now.Sub(d.intendedAt),
			Fence:     d.openFence,
			Settles:   max(0, d.settledAt.Sub(now)),
		}
	case req.Intend && len(in.Messages) > 0:
		d.intend(in, now)
		intended := in
		intended.Messages = slices.Clone(in.Messages)
		c.Intended = &intended
	}
	return c, nil
}

func (d *memoryDigest) intend(in Intention, now time.Time) {
	d.open, d.openFence = in, d.fence
	d.intendedAt = now
	d.settledAt = d.leaseUntil.Add(in.Settle)
}

func (s *MemoryStore) reserve(d *memoryDigest, id ID) MessageState {
	key := memoryKey{d.scope, id}
	m, known := s.messages[key]
	if !known {
		m = memoryMessage{digest: d}
		s.messages[key] = m
	}
	state := MessageState{ID: id, Digest: m.digest.digest, Part: int(m.part)}
	if m.loggedAt != 0 {
		state.Logged = true
		state.LogID = m.digest.logID(int(m.part))
		if m.lastModified != 0 {
			state.LastModified = time.UnixMicro(m.lastModified).UTC()
		}
		state.Status, state.Fence = m.status, m.fence
	}
	return state
}

func (d *memoryDigest) logID(part int) string {
	for _, p := range d.parts {
		if p.number == part {
			return p.logID
		}
	}
	return ""
}

// holding runs f on the digest if the lease is still held.
func (s *MemoryStore) holding(ctx context.Context, lease Lease, f func(d *memoryDigest, now time.Time)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	d := s.digests[lease.Ref]
	if d == nil || d.fence != lease.Fence || !d.leaseUntil.After(now) {
		return ErrLeaseLost
	}
	f(d, now)
	return nil
}

// Renew implements [Store].
func (s *MemoryStore) Renew(ctx context.Context, lease Lease, dur time.Duration) error {
	return s.holding(ctx, lease, func(d *memoryDigest, now time.Time) {
		d.leaseUntil = now.Add(dur)
		if d.open.Kind != "" && d.openFence == d.fence {
			d.settledAt = d.leaseUntil.Add(d.open.Settle)
		}
	})
}

// Intend implements [Store].
func (s *MemoryStore) Intend(ctx context.Context, lease Lease, in Intention) error {
	in.Messages = slices.Clone(in.Messages)
	return s.holding(ctx, lease, func(d *memoryDigest, now time.Time) { d.intend(in, now) })
}

// Commit implements [Store].
func (s *MemoryStore) Commit(ctx context.Context, lease Lease, c Commit) error {
	if c.Part < 0 || c.Part == 0 && len(c.Logged) > 0 {
		return &InputError{"Commit.Part", "not above 0; give the part of the record that the messages are logged in"}
	}
	return s.holding(ctx, lease, func(d *memoryDigest, now time.Time) {
		if d.open.Kind != "" && d.openFence != d.fence {
			s.doubt(d)
		}
		d.open = Intention{}
		if c.Part != 0 {
			d.setPart(memoryPart{c.Part, c.LogID, now})
		}
		for _, l := range c.Logged {
			m := memoryMessage{digest: d, part: int32(c.Part), loggedAt: now.UnixMicro(), status: l.Status, fence: l.Fence}
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
			d.leaseUntil = time.Time{}
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
	for i, old := range d.parts {
		if old.number == p.number {
			if old.logID == p.logID {
				p.committedAt = old.committedAt
			}
			d.parts[i] = p
			return
		}
	}
	d.parts = append(d.parts, p)
	slices.SortFunc(d.parts, func(a, b memoryPart) int { return a.number - b.number })
}

// Release implements [Store].
func (s *MemoryStore) Release(ctx context.Context, lease Lease, settle time.Duration) error {
	return s.holding(ctx, lease, func(d *memoryDigest, now time.Time) {
		d.leaseUntil = time.Time{}
		if d.open.Kind != "" && d.openFence == d.fence {
			d.settledAt = now.Add(settle + d.open.Settle)
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
