package explorer

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// replay follows a list of labels as far as it can, and goes on as if nothing
// went wrong.
type replay struct{ labels []string }

func (c *replay) choose(_ *world, opts []option) int {
	names := make([]string, len(opts))
	for i, o := range opts {
		names[i] = o.String()
	}
	for j, l := range c.labels {
		if i := slices.Index(names, l); i >= 0 {
			c.labels = c.labels[j+1:]
			return i
		}
	}
	return 0
}

// shrink finds a shorter schedule with the same violation, and prints it.
func shrink(t *testing.T, open openStore, p plan, c chooser) string {
	try := func(p plan, c chooser) result {
		return explore(t, open, p, c, map[uint64]struct{}{}, discard{})
	}
	best := try(p, c)
	if len(best.violations) == 0 {
		return "the schedule could not be repeated"
	}
	kind := best.violations[0].kind
	accept := func(p plan, labels []string, below int) bool {
		res := try(p, &replay{labels})
		if len(res.violations) == 0 || res.violations[0].kind != kind || res.size() >= below {
			return false
		}
		best = res
		return true
	}
	for changed := true; changed; {
		changed = false
		for size := max(1, len(best.labels)/2); size >= 1; size /= 2 {
			for i := 0; i+size <= len(best.labels); {
				if accept(p, slices.Delete(slices.Clone(best.labels), i, i+size), best.size()) {
					changed = true
				} else {
					i++
				}
			}
		}
		for _, smaller := range p.smaller() {
			if accept(smaller, best.labels, math.MaxInt) {
				p, changed = smaller, true
				break
			}
		}
	}
	return fmt.Sprintf("%s\n%s", &p, strings.Join(best.trace, "\n"))
}

// size is what shrink makes smaller: troubles first, then steps.
func (r *result) size() int {
	c := r.counts
	return 100*(c.faults+c.crashes+c.jumps+c.left+c.deleted+c.shutdowns) + len(r.labels)
}

// smaller are plans with one thing less.
func (p *plan) smaller() []plan {
	var plans []plan
	for i := range p.scripts {
		for k := range p.scripts[i] {
			q := p.clone()
			q.scripts[i] = slices.Delete(q.scripts[i], k, k+1)
			plans = append(plans, q)
			for m := range p.scripts[i][k].messages {
				q := p.clone()
				s := &q.scripts[i][k]
				if s.messages = slices.Delete(s.messages, m, m+1); len(s.messages) > 0 {
					plans = append(plans, q)
				}
			}
		}
	}
	for m := range p.messages {
		used := false
		for _, calls := range p.scripts {
			for _, s := range calls {
				used = used || slices.Contains(s.messages, m)
			}
		}
		if used || len(p.messages) == 1 {
			continue
		}
		q := p.clone()
		q.messages = slices.Delete(q.messages, m, m+1)
		for _, calls := range q.scripts {
			for _, s := range calls {
				for i := range s.messages {
					if s.messages[i] > m {
						s.messages[i]--
					}
				}
			}
		}
		plans = append(plans, q)
	}
	if p.room > 0 {
		q := p.clone()
		q.room = 0
		plans = append(plans, q)
	}
	for _, off := range []func(*plan) *bool{
		func(p *plan) *bool { return &p.twoStepAdd },
		func(p *plan) *bool { return &p.readLag },
		func(p *plan) *bool { return &p.untyped },
		func(p *plan) *bool { return &p.batches },
	} {
		q := p.clone()
		if *off(&q) {
			*off(&q) = false
			plans = append(plans, q)
		}
	}
	return plans
}

func (p *plan) clone() plan {
	q := *p
	q.messages = slices.Clone(p.messages)
	q.scripts = nil
	for _, calls := range p.scripts {
		var c []script
		for _, s := range calls {
			s.messages = slices.Clone(s.messages)
			c = append(c, s)
		}
		q.scripts = append(q.scripts, c)
	}
	return q
}
