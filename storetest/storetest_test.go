package storetest_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/storetest"
)

// faulty is a store with one fault: a hook that is not nil takes the method's
// place.
type faulty struct {
	*crmlog.MemoryStore
	claim   func(s *crmlog.MemoryStore, ctx context.Context, req crmlog.ClaimRequest) (crmlog.Claim, error)
	renew   func(s *crmlog.MemoryStore, ctx context.Context, lease crmlog.Lease, d time.Duration) error
	intend  func(s *crmlog.MemoryStore, ctx context.Context, lease crmlog.Lease, in crmlog.Intention) error
	commit  func(s *crmlog.MemoryStore, ctx context.Context, lease crmlog.Lease, c crmlog.Commit) error
	release func(s *crmlog.MemoryStore, ctx context.Context, lease crmlog.Lease, settle time.Duration) error
	prune   func(s *crmlog.MemoryStore, ctx context.Context, before time.Time) (int64, error)
}

func (f faulty) Claim(ctx context.Context, req crmlog.ClaimRequest) (crmlog.Claim, error) {
	if f.claim != nil {
		return f.claim(f.MemoryStore, ctx, req)
	}
	return f.MemoryStore.Claim(ctx, req)
}

func (f faulty) Renew(ctx context.Context, lease crmlog.Lease, d time.Duration) error {
	if f.renew != nil {
		return f.renew(f.MemoryStore, ctx, lease, d)
	}
	return f.MemoryStore.Renew(ctx, lease, d)
}

func (f faulty) Intend(ctx context.Context, lease crmlog.Lease, in crmlog.Intention) error {
	if f.intend != nil {
		return f.intend(f.MemoryStore, ctx, lease, in)
	}
	return f.MemoryStore.Intend(ctx, lease, in)
}

func (f faulty) Commit(ctx context.Context, lease crmlog.Lease, c crmlog.Commit) error {
	if f.commit != nil {
		return f.commit(f.MemoryStore, ctx, lease, c)
	}
	return f.MemoryStore.Commit(ctx, lease, c)
}

func (f faulty) Release(ctx context.Context, lease crmlog.Lease, settle time.Duration) error {
	if f.release != nil {
		return f.release(f.MemoryStore, ctx, lease, settle)
	}
	return f.MemoryStore.Release(ctx, lease, settle)
}

func (f faulty) Prune(ctx context.Context, before time.Time) (int64, error) {
	if f.prune != nil {
		return f.prune(f.MemoryStore, ctx, before)
	}
	return f.MemoryStore.Prune(ctx, before)
}

func harness(f faulty) storetest.Harness {
	return storetest.Harness{Volatile: true, New: func(context.Context) (storetest.Storage, error) {
		f := f
		f.MemoryStore = crmlog.NewMemoryStore()
		return storetest.Storage{Open: func(context.Context) (crmlog.Store, error) { return f, nil }}, nil
	}}
}

// answer is a fault in what a claim returns.
func answer(change func(req crmlog.ClaimRequest, c *crmlog.Claim)) faulty {
	return faulty{claim: func(s *crmlog.MemoryStore, ctx context.Context, req crmlog.ClaimRequest) (crmlog.Claim, error) {
		c, err := s.Claim(ctx, req)
		if err == nil {
			change(req, &c)
		}
		return c, err
	}}
}

// asked is a fault in what a claim asks for.
func asked(change func(req *crmlog.ClaimRequest)) faulty {
	return faulty{claim: func(s *crmlog.MemoryStore, ctx context.Context, req crmlog.ClaimRequest) (crmlog.Claim, error) {
		change(&req)
		return s.Claim(ctx, req)
	}}
}

// committed is a fault in what is committed.
func committed(change func(c *crmlog.Commit)) faulty {
	return faulty{commit: func(s *crmlog.MemoryStore, ctx context.Context, lease crmlog.Lease, c crmlog.Commit) error {
		change(&c)
		return s.Commit(ctx, lease, c)
	}}
}

// refusedAfter is a fault of a claim that is refused: it does something first.
func refusedAfter(do func(s *crmlog.MemoryStore, ctx context.Context, req crmlog.ClaimRequest, held *crmlog.ClaimedError)) faulty {
	return faulty{claim: func(s *crmlog.MemoryStore, ctx context.Context, req crmlog.ClaimRequest) (crmlog.Claim, error) {
		c, err := s.Claim(ctx, req)
		var held *crmlog.ClaimedError
		if errors.As(err, &held) {
			do(s, ctx, req, held)
		}
		return c, err
	}}
}

// The fault on the left must not get past the check on the right.
func TestFaultsAreFound(t *testing.T) {
	t.Parallel()
	var latest atomic.Pointer[time.Time]
	var claims, logs atomic.Int64
	for name, test := range map[string]struct {
		check string
		fault faulty
	}{
		"leases do not last": {
			"one of many claims holds",
			asked(func(req *crmlog.ClaimRequest) { req.Lease = time.Nanosecond }),
		},
		"a refused claim is told to come back at once": {
			"one of many claims holds",
			refusedAfter(func(_ *crmlog.MemoryStore, _ context.Context, _ crmlog.ClaimRequest, held *crmlog.ClaimedError) {
				held.RetryAfter = 0
			}),
		},
		"one lease for all": {
			"digests do not block each other",
			asked(func(req *crmlog.ClaimRequest) { req.Digest.Ref = "all" }),
		},
		"a refused claim reserves": {
			"a refused claim changes nothing",
			refusedAfter(func(s *crmlog.MemoryStore, ctx context.Context, req crmlog.ClaimRequest, _ *crmlog.ClaimedError) {
				req.Digest.Ref = "shadow"
				_, _ = s.Claim(ctx, req)
			}),
		},
		"leases do not end": {
			"a lease that runs out is taken over",
			asked(func(req *crmlog.ClaimRequest) { req.Lease *= 1000 }),
		},
		"a stale commit is no error": {
			"a lease that runs out is taken over",
			faulty{commit: func(s *crmlog.MemoryStore, ctx context.Context, lease crmlog.Lease, c crmlog.Commit) error {
				_ = s.Commit(ctx, lease, c)
				return nil
			}},
		},
		"a stale commit is an error, and done": {
			"a lease that ran out is over, also when nobody wants it",
			faulty{commit: func(s *crmlog.MemoryStore, ctx context.Context, lease crmlog.Lease, c crmlog.Commit) error {
				err := s.Commit(ctx, lease, c)
				if errors.Is(err, crmlog.ErrLeaseLost) {
					late := crmlog.Digest{Ref: lease.Ref, Platform: "storetest", Account: "acme", User: "user-1", Contact: "contact-1"}
					if claim, claimErr := s.Claim(ctx, crmlog.ClaimRequest{Digest: late, Lease: time.Minute}); claimErr == nil {
						_ = s.Commit(ctx, claim.Lease, c)
					}
				}
				return err
			}},
		},
		"what was known of a message is kept": {
			"a commit has the last word on a message",
			committed(func(c *crmlog.Commit) {
				for i := range c.Logged {
					c.Logged[i].Status = "Sent"
				}
			}),
		},
		"a commit without a part is good enough": {
			"messages are not logged without a part",
			committed(func(c *crmlog.Commit) {
				if c.Part < 1 {
					c.Part, c.Logged = 0, nil
				}
			}),
		},
		"a release makes the intention of its commit final": {
			"what a commit intends and leaves settles after the lease",
			faulty{commit: func(s *crmlog.MemoryStore, ctx context.Context, lease crmlog.Lease, c crmlog.Commit) error {
				released := c.Release
				c.Release = false
				err := s.Commit(ctx, lease, c)
				if released && err == nil {
					err = s.Release(ctx, lease, 0)
				}
				return err
			}},
		},
		"a lease that was given back is still good": {
			"a lease that was given back is over",
			faulty{release: func(*crmlog.MemoryStore, context.Context, crmlog.Lease, time.Duration) error { return nil }},
		},
		"the fence is not looked at": {
			"a lease that never was is no lease",
			faulty{renew: func(*crmlog.MemoryStore, context.Context, crmlog.Lease, time.Duration) error { return nil }},
		},
		"release keeps the lease": {
			"release frees at once",
			faulty{release: func(s *crmlog.MemoryStore, ctx context.Context, lease crmlog.Lease, _ time.Duration) error {
				return s.Renew(ctx, lease, time.Minute)
			}},
		},
		"renew does nothing": {
			"renew makes the lease last",
			faulty{renew: func(*crmlog.MemoryStore, context.Context, crmlog.Lease, time.Duration) error { return nil }},
		},
		"renew makes it last too long": {
			"renew makes the lease last",
			faulty{renew: func(s *crmlog.MemoryStore, ctx context.Context, lease crmlog.Lease, d time.Duration) error {
				return s.Renew(ctx, lease, 2*d)
			}},
		},
		"fences fall": {
			"fences rise",
			answer(func(_ crmlog.ClaimRequest, c *crmlog.Claim) { c.Lease.Fence *= -1 }),
		},
		"contexts are not looked at": {
			"a context that is done stops everything",
			faulty{prune: func(s *crmlog.MemoryStore, ctx context.Context, before time.Time) (int64, error) {
				_, err := s.Prune(context.WithoutCancel(ctx), before)
				return 0, errors.Join(err, ctx.Err())
			}},
		},
		"a message goes to whoever asks": {
			"a message stays with its first digest",
			answer(func(req crmlog.ClaimRequest, c *crmlog.Claim) {
				for i := range c.Messages {
					c.Messages[i].Digest = req.Digest
				}
			}),
		},
		"of another's digest only the ref is told": {
			"a message stays with its first digest",
			answer(func(_ crmlog.ClaimRequest, c *crmlog.Claim) {
				for i := range c.Messages {
					c.Messages[i].Digest.Day = ""
				}
			}),
		},
		"accounts are one": {
			"platforms, accounts, users and contacts are apart",
			asked(func(req *crmlog.ClaimRequest) { req.Digest.Account = "" }),
		},
		"seconds are enough": {
			"a commit logs its messages",
			committed(func(c *crmlog.Commit) {
				for i := range c.Logged {
					c.Logged[i].LastModified = c.Logged[i].LastModified.Truncate(time.Second)
				}
			}),
		},
		"the status is forgotten": {
			"a commit logs its messages",
			committed(func(c *crmlog.Commit) {
				for i := range c.Logged {
					c.Logged[i].Status = ""
				}
			}),
		},
		"only what was reserved is logged": {
			"a commit can name a message that nobody reserved",
			committed(func(c *crmlog.Commit) { c.Logged = nil }),
		},
		"ids lose their spaces": {
			"ids are kept as they are",
			asked(func(req *crmlog.ClaimRequest) {
				for i, id := range req.Messages {
					req.Messages[i] = crmlog.ID(strings.TrimSpace(string(id)))
				}
			}),
		},
		"a claim is cut at a hundred": {
			"a claim of many messages",
			asked(func(req *crmlog.ClaimRequest) { req.Messages = req.Messages[:min(len(req.Messages), 100)] }),
		},
		"whoever commits wrote it": {
			"who wrote a message is kept",
			committed(func(c *crmlog.Commit) {
				for i := range c.Logged {
					c.Logged[i].Fence = 0
				}
			}),
		},
		"a doubt is forgotten": {
			"a message in doubt remembers its part",
			answer(func(_ crmlog.ClaimRequest, c *crmlog.Claim) {
				for i, m := range c.Messages {
					if !m.Logged {
						c.Messages[i].Part = 0
					}
				}
			}),
		},
		"what is in doubt is never written again": {
			"a message in doubt is written again where it may stand",
			answer(func(_ crmlog.ClaimRequest, c *crmlog.Claim) {
				if slices.ContainsFunc(c.Messages, func(m crmlog.MessageState) bool { return !m.Logged && m.Part > 0 }) {
					c.Intended = nil
				}
			}),
		},
		"a digest intends what is another's": {
			"digests that want the same messages at once",
			answer(func(req crmlog.ClaimRequest, c *crmlog.Claim) {
				if c.Intended != nil {
					c.Intended.Messages = req.Messages
				}
			}),
		},
		"parts come as they were made": {
			"parts are told in order",
			answer(func(_ crmlog.ClaimRequest, c *crmlog.Claim) {
				if n := len(c.Parts); n > 1 {
					c.Parts[0], c.Parts[n-1] = c.Parts[n-1], c.Parts[0]
				}
			}),
		},
		"records have no age": {
			"a part has an age",
			answer(func(_ crmlog.ClaimRequest, c *crmlog.Claim) {
				for i := range c.Parts {
					c.Parts[i].Age = 0
				}
			}),
		},
		"the first record stays": {
			"a record that is opened anew takes the place of the old",
			committed(func(c *crmlog.Commit) { c.LogID = "old1" }),
		},
		"a commit works once": {
			"a commit can be repeated",
			faulty{commit: func(s *crmlog.MemoryStore, ctx context.Context, lease crmlog.Lease, c crmlog.Commit) error {
				c.Release = true
				return s.Commit(ctx, lease, c)
			}},
		},
		"a claim intends nothing": {
			"a claim intends to write what is new",
			asked(func(req *crmlog.ClaimRequest) { req.Intend = false }),
		},
		"a claim says what it intends and does not make it": {
			"a claim intends to write what is new",
			faulty{claim: func(s *crmlog.MemoryStore, ctx context.Context, req crmlog.ClaimRequest) (crmlog.Claim, error) {
				c, err := s.Claim(ctx, req)
				if c.Intended != nil {
					err = s.Commit(ctx, c.Lease, crmlog.Commit{})
				}
				return c, err
			}},
		},
		"an update settles like an add": {
			"a claim intends to write what is new",
			answer(func(req crmlog.ClaimRequest, c *crmlog.Claim) {
				if c.Intended != nil {
					c.Intended.Settle = req.Settle
				}
			}),
		},
		"a claim always intends": {
			"a claim intends nothing when it is not asked to",
			asked(func(req *crmlog.ClaimRequest) { req.Intend = true }),
		},
		"an open intention is closed by who finds it": {
			"an open intention comes first",
			faulty{claim: func(s *crmlog.MemoryStore, ctx context.Context, req crmlog.ClaimRequest) (crmlog.Claim, error) {
				c, err := s.Claim(ctx, req)
				if c.Open != nil {
					err = s.Commit(ctx, c.Lease, crmlog.Commit{})
				}
				return c, err
			}},
		},
		"the first intention stays": {
			"an open intention comes first",
			faulty{intend: func(s *crmlog.MemoryStore, ctx context.Context, lease crmlog.Lease, in crmlog.Intention) error {
				in.Messages = in.Messages[:1]
				return s.Intend(ctx, lease, in)
			}},
		},
		"the next intention is dropped": {
			"a commit closes one intention and makes the next",
			committed(func(c *crmlog.Commit) { c.Next = nil }),
		},
		"a commit of nothing makes a record": {
			"a commit without a part logs no record",
			committed(func(c *crmlog.Commit) { c.Part = max(c.Part, 1) }),
		},
		"the own settle time is left out": {
			"what a dead writer intended settles after its lease",
			answer(func(_ crmlog.ClaimRequest, c *crmlog.Claim) {
				if c.Open != nil {
					c.Open.Settles = max(0, c.Open.Settles-c.Open.Settle)
				}
			}),
		},
		"renew leaves the settling where it was": {
			"renew puts off the settling of what was intended",
			answer(func(_ crmlog.ClaimRequest, c *crmlog.Claim) {
				if c.Open != nil {
					c.Open.Settles += 10 * time.Minute
				}
			}),
		},
		"release's settle time is left out": {
			"release says when what was intended settles",
			faulty{release: func(s *crmlog.MemoryStore, ctx context.Context, lease crmlog.Lease, _ time.Duration) error {
				return s.Release(ctx, lease, 0)
			}},
		},
		"who finds an intention makes it their own": {
			"another holder does not change when something settles",
			faulty{claim: func(s *crmlog.MemoryStore, ctx context.Context, req crmlog.ClaimRequest) (crmlog.Claim, error) {
				c, err := s.Claim(ctx, req)
				if c.Open != nil {
					err = s.Intend(ctx, c.Lease, c.Open.Intention)
				}
				return c, err
			}},
		},
		"everything has settled": {
			"what has settled has settled",
			answer(func(_ crmlog.ClaimRequest, c *crmlog.Claim) {
				if c.Open != nil {
					c.Open.Settles = 0
				}
			}),
		},
		"prune does not count": {
			"prune forgets what was logged before",
			faulty{prune: func(s *crmlog.MemoryStore, ctx context.Context, before time.Time) (int64, error) {
				_, err := s.Prune(ctx, before)
				return 0, err
			}},
		},
		"prune forgets everything": {
			"prune forgets what was logged before",
			faulty{prune: func(s *crmlog.MemoryStore, ctx context.Context, before time.Time) (int64, error) {
				return s.Prune(ctx, before.Add(48*time.Hour))
			}},
		},
		"the last prune counts, not the latest": {
			"a claim tells how far back the store remembers",
			faulty{
				prune: func(s *crmlog.MemoryStore, ctx context.Context, before time.Time) (int64, error) {
					latest.Store(&before)
					return s.Prune(ctx, before)
				},
				claim: func(s *crmlog.MemoryStore, ctx context.Context, req crmlog.ClaimRequest) (crmlog.Claim, error) {
					c, err := s.Claim(ctx, req)
					if t := latest.Load(); t != nil {
						c.PrunedBefore = *t
					}
					return c, err
				},
			},
		},
		"now and then a commit is lost": {
			"many writers at once",
			faulty{commit: func(s *crmlog.MemoryStore, ctx context.Context, lease crmlog.Lease, c crmlog.Commit) error {
				if len(c.Logged) > 0 && logs.Add(1)%20 == 0 {
					c.Logged = nil
				}
				return s.Commit(ctx, lease, c)
			}},
		},
		"now and then a lease is too short": {
			"many writers at once",
			asked(func(req *crmlog.ClaimRequest) {
				if claims.Add(1)%5 == 0 {
					req.Lease = time.Microsecond
				}
			}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := storetest.CheckOne(t.Context(), test.check, harness(test.fault))
			require.ErrorContains(t, err, test.check)
		})
	}
}

func TestStoreThatForgetsAtARestartIsFound(t *testing.T) {
	t.Parallel()
	h := storetest.Harness{New: func(context.Context) (storetest.Storage, error) {
		return storetest.Storage{Open: func(context.Context) (crmlog.Store, error) { return crmlog.NewMemoryStore(), nil }}, nil
	}}
	for _, check := range []string{"a restart changes nothing", "a restart does not forget that something was forgotten"} {
		require.ErrorContains(t, storetest.CheckOne(t.Context(), check, h), check)
	}
}

func TestCheckPassesAndReports(t *testing.T) {
	t.Parallel()
	require.NoError(t, storetest.Check(t.Context(), harness(faulty{})))

	broken := errors.New("no room")
	removed := 0
	err := storetest.Check(t.Context(), storetest.Harness{New: func(context.Context) (storetest.Storage, error) {
		return storetest.Storage{
			Open:   func(context.Context) (crmlog.Store, error) { return nil, broken },
			Remove: func() error { removed++; return nil },
		}, nil
	}})
	require.ErrorIs(t, err, broken)
	for _, name := range storetest.Names() {
		require.ErrorContains(t, err, name)
	}
	require.Len(t, storetest.Names(), removed, "the storage of a check that failed was not removed")
}
