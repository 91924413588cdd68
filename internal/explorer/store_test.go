package explorer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/crmlog/crmlog"
)

// yieldingStore is a process's way to the store: each call is a step.
type yieldingStore struct{ p *process }

// seen is what the explorer saw happen to a digest in the store. It serves to
// order and count, not to judge.
type seen struct {
	version int   // moves when a claim may go otherwise than before
	fence   int64 // of the latest claim
	held    bool
	until   time.Time // how long the lease lasts
	open    string
	logged  string
}

const (
	claiming = "claim"
	refused  = "claim refused"
)

// askAgain is shorter than the router's shortest random pause, so that no
// schedule depends on one.
const askAgain = 4 * time.Millisecond

func (w *world) digest(title string) *seen {
	d := w.digests[title]
	if d == nil {
		d = &seen{}
		w.digests[title] = d
	}
	return d
}

func (s yieldingStore) Claim(ctx context.Context, req crmlog.ClaimRequest) (crmlog.Claim, error) {
	w, title := s.p.w, req.Digest.Day+" "+req.Digest.Conversation
	what := slices.Sorted(slices.Values(req.Messages))
	var claim crmlog.Claim
	st := step{ctx: ctx, kind: store, op: claiming, what: fmt.Sprint(what), digest: title}
	st.apply = func(ctx context.Context) error {
		d := w.digest(title)
		c, err := w.store.Claim(ctx, req)
		var held *crmlog.ClaimedError
		if errors.As(err, &held) {
			w.counts.refused++
			st.version, st.until = d.version, time.Now().Add(min(held.RetryAfter, lease/2))
			w.tell("held for %s", held.RetryAfter)
		}
		if err != nil {
			return err
		}
		if d.held {
			w.counts.expired++
		}
		w.mu.Lock()
		w.titles[req.Digest.Ref] = title
		w.mu.Unlock()
		d.version++
		d.fence, d.held, d.until = c.Lease.Fence, true, time.Now().Add(req.Lease)
		if c.Intended != nil {
			d.open = intentionText(c.Intended)
		}
		claim = c
		w.tellClaim(c)
		return nil
	}
	if err := s.p.yield(&st); err != nil {
		return crmlog.Claim{}, err
	}
	return claim, nil
}

func (s yieldingStore) Renew(ctx context.Context, l crmlog.Lease, d time.Duration) error {
	return s.call(ctx, l, "renew", "", func(ctx context.Context, seen *seen) error {
		err := s.p.w.store.Renew(ctx, l, d)
		if err == nil {
			seen.until = time.Now().Add(d)
		}
		return err
	})
}

func (s yieldingStore) Intend(ctx context.Context, l crmlog.Lease, in crmlog.Intention) error {
	in.Messages = slices.Clone(in.Messages)
	return s.call(ctx, l, "intend", intentionText(&in), func(ctx context.Context, d *seen) error {
		err := s.p.w.store.Intend(ctx, l, in)
		if err == nil {
			d.open = intentionText(&in)
		}
		return err
	})
}

func (s yieldingStore) Commit(ctx context.Context, l crmlog.Lease, c crmlog.Commit) error {
	c.Logged = slices.Clone(c.Logged)
	return s.call(ctx, l, "commit", commitText(c), func(ctx context.Context, d *seen) error {
		err := s.p.w.store.Commit(ctx, l, c)
		if err != nil {
			return err
		}
		d.open = ""
		if c.Next != nil {
			d.open = intentionText(c.Next)
		}
		for _, m := range c.Logged {
			d.logged += string(m.ID)
		}
		if c.Release {
			d.held = false
		}
		return nil
	})
}

func (s yieldingStore) Release(ctx context.Context, l crmlog.Lease, settle time.Duration) error {
	return s.call(ctx, l, "release", "", func(ctx context.Context, d *seen) error {
		err := s.p.w.store.Release(ctx, l, settle)
		if err == nil {
			d.held = false
		}
		return err
	})
}

func (s yieldingStore) Prune(ctx context.Context, before time.Time) (int64, error) {
	return s.p.w.store.Prune(ctx, before)
}

// call makes a step of what a holder does.
func (s yieldingStore) call(ctx context.Context, l crmlog.Lease, op, what string, f func(context.Context, *seen) error) error {
	w := s.p.w
	w.mu.Lock()
	title := w.titles[l.Ref]
	w.mu.Unlock()
	st := step{ctx: ctx, kind: store, op: op, what: what, digest: title, fence: l.Fence}
	st.apply = func(ctx context.Context) error {
		d := w.digest(title)
		err := f(ctx, d)
		switch {
		case errors.Is(err, crmlog.ErrLeaseLost):
			w.tell("lease lost")
			w.counts.leaseLost++
		case err == nil:
			d.version++
		}
		return err
	}
	return s.p.yield(&st)
}

func intentionText(in *crmlog.Intention) string {
	return fmt.Sprintf("%s part %d %s", in.Kind, in.Part, slices.Sorted(slices.Values(in.Messages)))
}

func commitText(c crmlog.Commit) string {
	text := "nothing"
	if c.Part != 0 {
		text = fmt.Sprintf("%s part %d", c.LogID, c.Part)
		for _, m := range c.Logged {
			text += " " + string(m.ID)
		}
	}
	if c.Next != nil {
		text += ", intend " + intentionText(c.Next)
	}
	if c.Release {
		text += ", release"
	}
	return text
}

func (w *world) tellClaim(c crmlog.Claim) {
	if w.out == nil {
		return
	}
	text := fmt.Sprintf("fence %d", c.Lease.Fence)
	for _, p := range c.Parts {
		text += fmt.Sprintf(", part %d is %s", p.Number, p.LogID)
	}
	var logged []crmlog.ID
	for _, m := range c.Messages {
		if m.Logged {
			logged = append(logged, m.ID)
		}
	}
	if slices.Sort(logged); logged != nil {
		text += fmt.Sprintf(", logged %s", logged)
	}
	if c.Open != nil {
		text += fmt.Sprintf(", open: %s, settles in %s", intentionText(&c.Open.Intention), c.Open.Settles)
	}
	if c.Intended != nil {
		text += ", intends " + intentionText(c.Intended)
	}
	w.tell("%s", text)
}
