package storetest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/crmlog/crmlog"
)

// long is a lease that does not run out while a check runs.
const long = 10 * time.Minute

// short is a lease whose end a check waits for.
const short = 200 * time.Millisecond

// slack is what a clock of microseconds and one that is slewed may differ by.
const slack = 5 * time.Millisecond

// digest returns a digest of one scope; names give different ones.
func digest(name string) crmlog.Digest {
	return crmlog.Digest{
		Ref:          "c1-" + name,
		Platform:     "storetest",
		Account:      "acme",
		User:         "user-1",
		Contact:      "contact-1",
		Conversation: "c" + name,
		Day:          "2026-03-01",
	}
}

func request(d crmlog.Digest, lease time.Duration, messages ...crmlog.ID) crmlog.ClaimRequest {
	return crmlog.ClaimRequest{Digest: d, Lease: lease, Messages: messages}
}

func (p *probe) claim(s crmlog.Store, req crmlog.ClaimRequest) crmlog.Claim {
	c, err := s.Claim(p.ctx, req)
	p.ok("claim of a free digest", err)
	p.want(c.Lease.Ref == req.Digest.Ref, "the lease is for %q, want %q", c.Lease.Ref, req.Digest.Ref)
	p.want(len(c.Messages) == len(req.Messages), "%d message states for %d messages", len(c.Messages), len(req.Messages))
	for i, m := range c.Messages {
		p.want(m.ID == req.Messages[i], "message state %d is of %q, want %q", i, m.ID, req.Messages[i])
	}
	return c
}

// take claims for long.
func (p *probe) take(s crmlog.Store, d crmlog.Digest, messages ...crmlog.ID) crmlog.Claim {
	return p.claim(s, request(d, long, messages...))
}

// look claims, releases, and returns what the claim said.
func (p *probe) look(s crmlog.Store, d crmlog.Digest, messages ...crmlog.ID) crmlog.Claim {
	c := p.take(s, d, messages...)
	p.release(s, c.Lease, 0)
	return c
}

func (p *probe) release(s crmlog.Store, lease crmlog.Lease, settle time.Duration) {
	p.ok("release of a lease that is held", s.Release(p.ctx, lease, settle))
}

func (p *probe) commit(s crmlog.Store, lease crmlog.Lease, c crmlog.Commit) {
	p.ok("commit under a lease that is held", s.Commit(p.ctx, lease, c))
}

func (p *probe) intend(s crmlog.Store, lease crmlog.Lease, in crmlog.Intention) {
	p.ok("intend under a lease that is held", s.Intend(p.ctx, lease, in))
}

// under does what takes a short lease, again with another digest when the
// machine was too slow for it, and returns the digest and when it began.
func (p *probe) under(lease time.Duration, name string, do func(d crmlog.Digest) error) (crmlog.Digest, time.Time) {
	for n := 0; ; n++ {
		d, start := digest(fmt.Sprint(name, n)), time.Now()
		err := do(d)
		if errors.Is(err, crmlog.ErrLeaseLost) && time.Since(start) >= lease {
			continue
		}
		p.ok("using a lease that is held", err)
		return d, start
	}
}

// refused claims what somebody else holds.
func (p *probe) refused(s crmlog.Store, req crmlog.ClaimRequest) *crmlog.ClaimedError {
	c, err := s.Claim(p.ctx, req)
	p.want(err != nil, "the digest was claimed (fence %d) while somebody else holds it", c.Lease.Fence)
	var held *crmlog.ClaimedError
	p.want(errors.As(err, &held), "want a *ClaimedError, got %w", err)
	p.want(held.RetryAfter > 0, "RetryAfter is %s, want more than 0", held.RetryAfter)
	return held
}

// overtake claims as soon as the other's lease, of at most the time given, is
// over.
func (p *probe) overtake(s crmlog.Store, lease time.Duration, req crmlog.ClaimRequest) crmlog.Claim {
	for {
		c, err := s.Claim(p.ctx, req)
		if err == nil {
			return c
		}
		var held *crmlog.ClaimedError
		p.want(errors.As(err, &held), "want a *ClaimedError, got %w", err)
		p.want(held.RetryAfter <= lease+slack, "RetryAfter is %s for a lease of %s", held.RetryAfter, lease)
		p.sleep(min(held.RetryAfter, 20*time.Millisecond))
	}
}

func (p *probe) sleep(d time.Duration) {
	select {
	case <-time.After(d):
	case <-p.ctx.Done():
		p.failf("%w", p.ctx.Err())
	}
}

// lost tries all that takes a lease, and wants ErrLeaseLost each time.
func (p *probe) lost(s crmlog.Store, lease crmlog.Lease, why string) {
	for what, err := range p.useLease(s, lease) {
		p.want(errors.Is(err, crmlog.ErrLeaseLost), "%s of a lease that %s: got %v, want ErrLeaseLost", what, why, err)
	}
}

func (p *probe) useLease(s crmlog.Store, lease crmlog.Lease) map[string]error {
	next := &crmlog.Intention{Kind: crmlog.IntendUpdate, Part: 9, Messages: []crmlog.ID{"late"}}
	return map[string]error{
		"Renew":  s.Renew(p.ctx, lease, 2*long),
		"Intend": s.Intend(p.ctx, lease, *next),
		"Commit": s.Commit(p.ctx, lease, crmlog.Commit{
			Part: 9, LogID: "late", Logged: []crmlog.LoggedMessage{{ID: "late"}}, Next: next, Release: true,
		}),
		"Release": s.Release(p.ctx, lease, long),
	}
}

// untouched claims the digest, and wants nothing in it of what useLease tried.
func (p *probe) untouched(s crmlog.Store, d crmlog.Digest) crmlog.Claim {
	c := p.take(s, d, "late")
	p.want(!c.Messages[0].Logged, "the message of a refused commit is logged")
	p.want(len(c.Parts) == 0, "the part of a refused commit is there: %v", c.Parts)
	p.want(c.Open == nil, "a refused intention is open: %v", c.Open)
	return c
}

// logged wants the state to be that of a logged message.
func (p *probe) logged(m crmlog.MessageState, d crmlog.Digest, part int, logID string) {
	p.want(m.Logged, "message %q is not logged", m.ID)
	p.want(m.Digest == d, "message %q is bound to %+v, want %+v", m.ID, m.Digest, d)
	p.want(m.Part == part && m.LogID == logID, "message %q is in part %d, record %q; want part %d, record %q", m.ID, m.Part, m.LogID, part, logID)
}

// unlogged wants the state to be that of a reserved message.
func (p *probe) unlogged(m crmlog.MessageState, d crmlog.Digest) {
	p.want(m == (crmlog.MessageState{ID: m.ID, Digest: d}), "the state is %+v, want one that is bound to %q and not logged", m, d.Ref)
}

func (p *probe) sameIntention(got, want crmlog.Intention) {
	p.want(got.Kind == want.Kind && got.Part == want.Part && got.Settle == want.Settle && sameIDs(got.Messages, want.Messages),
		"the intention is %+v, want %+v", got, want)
}

func sameIDs(a, b []crmlog.ID) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

// between wants lo <= got <= hi, give or take what clocks may differ by.
func (p *probe) between(what string, got, lo, hi time.Duration) {
	p.want(got >= lo-slack && got <= hi+slack, "%s is %s, want between %s and %s", what, got, lo, hi)
}

func names(prefix string, n int) []crmlog.ID {
	ids := make([]crmlog.ID, n)
	for i := range ids {
		ids[i] = crmlog.ID(fmt.Sprintf("%s%d", prefix, i))
	}
	return ids
}
