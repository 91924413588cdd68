package explorer

import (
	"cmp"
	"hash/maphash"
	"slices"
	"time"
)

var stateSeed = maphash.MakeSeed()

// remember counts the state that the world is in: what is in the CRM and in the
// store, who is about to do what, and what is on its way. Times are left out.
func (w *world) remember() {
	h := &w.hash
	h.Reset()
	put := func(fields ...string) {
		for _, f := range fields {
			_, _ = h.WriteString(f)
			_ = h.WriteByte(0)
		}
	}
	for _, r := range w.crm.records {
		put(r.title, r.body)
		if r.deleted {
			put("deleted")
		}
	}
	for _, title := range w.judge.titles {
		if d := w.digests[title]; d != nil {
			put(title, d.open, d.logged)
			if d.held {
				put("held")
				if d.until.After(time.Now()) {
					put("still")
				}
			}
		}
	}
	w.mu.Lock()
	slices.SortFunc(w.parked, func(a, b *step) int {
		return cmp.Or(cmp.Compare(a.p.n, b.p.n), cmp.Compare(a.digest, b.digest))
	})
	for _, s := range w.parked {
		put(s.p.name, s.digest, s.op, s.what)
	}
	put("late")
	for _, l := range w.late {
		put(l.s.p.name, l.s.op, l.s.what)
	}
	w.mu.Unlock()
	w.states[h.Sum64()] = struct{}{}
}
