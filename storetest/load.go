package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/crmlog/crmlog"
)

const (
	loadWalkers  = 16
	loadDigests  = 6
	loadMessages = 60
	loadSteps    = 40
	loadShort    = 20 * time.Millisecond // the lease of a writer that goes away
)

var loadChecks = []check{{
	name: "many writers at once",
	rule: "Whatever many writers do at the same time, a digest has one holder at a time, fences rise, and what was committed, and nothing else, is there at the next claim.",
	do: func(p *probe) {
		stores := []crmlog.Store{p.open(), p.open(), p.open()}
		m := newModel()
		var wg sync.WaitGroup
		for i := range loadWalkers {
			w := walker{store: stores[i%len(stores)], model: m, random: rand.New(rand.NewPCG(1, uint64(i)))}
			wg.Go(func() {
				for range loadSteps {
					if err := w.walk(p.ctx); err != nil {
						m.fail(err)
						return
					}
				}
			})
		}
		wg.Wait()
		p.ok("the model", m.failed)
		p.want(m.commits > 0 && m.crashes > 0 && m.stale > 0, "the walk did not go everywhere: %d commits, %d crashes, %d stale writers", m.commits, m.crashes, m.stale)
		for ref, d := range m.digests {
			claim := p.overtake(stores[0], loadShort, request(digest(ref), long, loadIDs()...))
			p.ok("in the end", m.compare(d, claim))
		}
	},
}}

func loadIDs() []crmlog.ID { return names("m", loadMessages) }

// model is what the store must say, kept beside it.
type model struct {
	mu      sync.Mutex
	failed  error
	digests map[string]*modelDigest
	bound   map[crmlog.ID]string // the ref of the digest

	commits, crashes, stale int
}

type modelDigest struct {
	fence     int64
	heldUntil time.Time // the least that its holder can rely on; zero when given back
	parts     []string  // logIds
	logged    map[crmlog.ID]int
	dead      []crmlog.Lease // of writers that went away
}

func newModel() *model {
	m := &model{digests: make(map[string]*modelDigest), bound: make(map[crmlog.ID]string)}
	for i := range loadDigests {
		m.digests[fmt.Sprint("d", i)] = &modelDigest{logged: make(map[crmlog.ID]int)}
	}
	return m
}

func (m *model) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failed = errors.Join(m.failed, err)
}

// claimed checks what a claim returned, and makes its writer the holder.
func (m *model) claimed(name string, c crmlog.Claim, start time.Time, lease time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.digests[name]
	if time.Since(start) >= lease {
		return nil // so late an answer may be about what was long ago
	}
	if left := time.Until(d.heldUntil); left > slack {
		return fmt.Errorf("digest %s was claimed (fence %d) while another (fence %d) holds it for %s", name, c.Lease.Fence, d.fence, left)
	}
	if c.Lease.Fence <= d.fence {
		return fmt.Errorf("digest %s: fence %d after %d", name, c.Lease.Fence, d.fence)
	}
	d.fence = c.Lease.Fence
	d.heldUntil = start.Add(lease)
	return m.compare(d, c)
}

func (m *model) compare(d *modelDigest, c crmlog.Claim) error {
	if len(c.Parts) != len(d.parts) {
		return fmt.Errorf("digest %s has %d records, want %d", c.Lease.Ref, len(c.Parts), len(d.parts))
	}
	for i, part := range c.Parts {
		if part.Number != i+1 || part.LogID != d.parts[i] {
			return fmt.Errorf("digest %s: record %d is %+v, want %q", c.Lease.Ref, i, part, d.parts[i])
		}
	}
	for _, s := range c.Messages {
		if first, ok := m.bound[s.ID]; ok && first != s.Digest.Ref {
			return fmt.Errorf("message %s is bound to %s, was to %s", s.ID, s.Digest.Ref, first)
		}
		m.bound[s.ID] = s.Digest.Ref
		if s.Digest.Ref != c.Lease.Ref {
			continue
		}
		part := d.logged[s.ID]
		if s.Logged != (part > 0) || s.Logged && s.Part != part {
			return fmt.Errorf("digest %s: message %s is in part %d, want %d", c.Lease.Ref, s.ID, s.Part, part)
		}
		if part > 0 && s.LogID != d.parts[part-1] {
			return fmt.Errorf("digest %s: message %s is in record %q, want %q", c.Lease.Ref, s.ID, s.LogID, d.parts[part-1])
		}
	}
	return nil
}

// update changes a digest of the model while its writer holds it.
func (m *model) update(name string, change func(d *modelDigest)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(m.digests[name])
}

// walker is one writer, which takes random ways through the protocol. One that
// is to commit holds for long, so that the model knows what came of it; one that
// is to go away holds for a moment.
type walker struct {
	store  crmlog.Store
	model  *model
	random *rand.Rand
}

func (w *walker) walk(ctx context.Context) error {
	name := fmt.Sprint("d", w.random.IntN(loadDigests))
	dies := w.random.IntN(8) == 0
	lease := long
	if dies {
		lease = loadShort
	}
	ids := loadIDs()
	w.random.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	req := request(digest(name), lease, ids[:1+w.random.IntN(8)]...)
	req.Intend = w.random.IntN(2) == 0

	start := time.Now()
	c, err := w.store.Claim(ctx, req)
	var held *crmlog.ClaimedError
	if errors.As(err, &held) {
		time.Sleep(min(held.RetryAfter, time.Duration(w.random.IntN(2000))*time.Microsecond))
		return nil
	}
	if err != nil {
		return err
	}
	if err := w.model.claimed(name, c, start, lease); err != nil {
		return err
	}
	if dies {
		w.model.mu.Lock()
		defer w.model.mu.Unlock()
		w.model.crashes++
		if d := w.model.digests[name]; d.fence == c.Lease.Fence {
			d.dead = append(d.dead, c.Lease)
		}
		return nil
	}
	if err := w.raiseTheDead(ctx, name); err != nil {
		return err
	}
	return w.write(ctx, name, c)
}

// raiseTheDead lets those try that held before: nothing of it may be there.
func (w *walker) raiseTheDead(ctx context.Context, name string) error {
	var dead []crmlog.Lease
	w.model.update(name, func(d *modelDigest) {
		dead, d.dead = d.dead, nil
		w.model.stale += len(dead)
	})
	for _, lease := range dead {
		err := w.store.Commit(ctx, lease, crmlog.Commit{
			Part: 1, LogID: "stale", Logged: []crmlog.LoggedMessage{{ID: "m0"}}, Release: true,
		})
		if !errors.Is(err, crmlog.ErrLeaseLost) {
			return fmt.Errorf("commit of a writer whose lease was taken over: %v, want ErrLeaseLost", err)
		}
	}
	return nil
}

func (w *walker) write(ctx context.Context, name string, c crmlog.Claim) error {
	var todo []crmlog.ID
	for _, s := range c.Messages {
		if s.Digest.Ref == c.Lease.Ref && !s.Logged {
			todo = append(todo, s.ID)
		}
	}
	parts := len(c.Parts)
	for _, id := range todo {
		if err := w.detour(ctx, c.Lease, id); err != nil {
			return err
		}
		part, logID := max(parts, 1), ""
		if parts > 0 {
			logID = c.Parts[parts-1].LogID
		}
		if logID == "" || w.random.IntN(4) == 0 {
			// A new record: the first, the next part's, or one opened anew.
			if parts > 0 && w.random.IntN(2) == 0 {
				part++
			}
			logID = fmt.Sprintf("%s-%d-%s", name, c.Lease.Fence, id)
		}
		if err := w.store.Commit(ctx, c.Lease, crmlog.Commit{Part: part, LogID: logID, Logged: []crmlog.LoggedMessage{{ID: id}}}); err != nil {
			return fmt.Errorf("commit of the holder: %w", err)
		}
		if part > len(c.Parts) {
			c.Parts = append(c.Parts, crmlog.Part{Number: part})
		}
		parts = len(c.Parts)
		c.Parts[part-1].LogID = logID
		w.model.update(name, func(d *modelDigest) {
			w.model.commits++
			if part > len(d.parts) {
				d.parts = append(d.parts, "")
			}
			d.parts[part-1] = logID
			d.logged[id] = part
		})
	}
	// From here on another may hold it, even before Release returns.
	w.model.update(name, func(d *modelDigest) { d.heldUntil = time.Time{} })
	if err := w.store.Release(ctx, c.Lease, 0); err != nil {
		return fmt.Errorf("release by the holder: %w", err)
	}
	return nil
}

// detour does what must not change anything that the model knows.
func (w *walker) detour(ctx context.Context, lease crmlog.Lease, id crmlog.ID) error {
	switch w.random.IntN(4) {
	case 0:
		if err := w.store.Renew(ctx, lease, long); err != nil {
			return fmt.Errorf("renew by the holder: %w", err)
		}
	case 1:
		in := crmlog.Intention{Kind: crmlog.IntendUpdate, Part: 1, Messages: []crmlog.ID{id}}
		if err := w.store.Intend(ctx, lease, in); err != nil {
			return fmt.Errorf("intend by the holder: %w", err)
		}
	}
	return nil
}
