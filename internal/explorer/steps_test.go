package explorer

import (
	"slices"
	"testing"
	"time"
)

// deviation is the choice of another option than the first one.
type deviation struct{ at, option int }

// guided takes the first option, with exceptions.
type guided struct {
	deviations []deviation
	allowed    func(*world, *option) bool // deviations; nil is all
	others     [][]int                    // options that might have been taken instead, until the clean run
}

func (c *guided) choose(w *world, opts []option) int {
	if w.calm {
		return 0
	}
	at := len(c.others)
	var others []int
	for i := 1; i < len(opts); i++ {
		if c.allowed == nil || c.allowed(w, &opts[i]) {
			others = append(others, i)
		}
	}
	c.others = append(c.others, others)
	for _, d := range c.deviations {
		if d.at == at {
			return d.option
		}
	}
	return 0
}

// TestEveryStep takes, for two processes that log the same messages, the
// schedules with so many deviations from the one in which all goes well: at each
// step everything that can go wrong there, and everything that can happen
// instead.
func TestEveryStep(t *testing.T) {
	t.Parallel()
	variants := []struct {
		name   string
		change func(*plan)
		third  int // in full, one of so many schedules with a third deviation; 0 is none
	}{
		{"Finder", func(*plan) {}, 100},
		{"an add that makes the record and then fills it", func(p *plan) { p.twoStepAdd = true }, 0},
		{"batches", func(p *plan) {
			p.batches = true
			p.messages = append(p.messages, message{"m3", p.messages[1].at, "1"})
			p.scripts[0][0].messages = []int{0, 1, 2}
		}, 0},
		{"one entry to a record", func(p *plan) { p.room = 1 }, 0},
		{"a record that a person deletes", func(p *plan) { p.deletions = 1 }, 0},
		{"IdempotentAdder", func(p *plan) { p.crm, p.readLag = upserts, false }, 0},
	}
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			p := twoWriters()
			p.faults, p.crashes, p.jumps, p.leaves, p.shutdowns, p.readLag = 3, 3, 3, 1, 1, true
			v.change(&p)
			s := search{t: t, plan: p, tally: newTallies(1)[0], oneOf: []int{1, 1, 60}}
			if full() {
				s.oneOf = []int{1, 1, 1, v.third}
			}
			s.from(nil)
			logTotal(t, []tally{s.tally})
		})
	}
}

// TestSlowNetwork takes, of one or two kinds of trouble alone, the schedules with
// up to three deviations.
func TestSlowNetwork(t *testing.T) {
	t.Parallel()
	t.Run("what arrives after its sender has been followed by others", func(t *testing.T) {
		t.Parallel()
		p := twoWriters()
		p.messages = append(p.messages, message{"m3", p.messages[1].at, "1"})
		p.scripts = [][]script{{{messages: []int{0}}}, {{messages: []int{1}}}, {{messages: []int{2}}}}
		p.faults, p.spared = 2, allBut(hangLate)
		s := search{
			t: t, plan: p, tally: newTallies(1)[0], oneOf: []int{1, 1, 1, 10},
			allowed: func(_ *world, o *option) bool { return o.class == upset || o.class == arrive },
		}
		if full() {
			s.oneOf = []int{1, 1, 1, 1}
		}
		s.from(nil)
		logTotal(t, []tally{s.tally})
	})
	t.Run("answers that take their time, or get lost", func(t *testing.T) {
		t.Parallel()
		p := twoWriters()
		p.faults, p.jumps, p.spared = 2, 1, allBut(slow, replyLost)
		s := search{
			t: t, plan: p, tally: newTallies(1)[0], oneOf: []int{1, 1, 1, 1},
			allowed: func(w *world, o *option) bool {
				isAnswer := func(s *step) bool { return s.kind == answer && s.op != refused }
				return o.class == upset || o.class == jump && o.d == lease/2 && slices.ContainsFunc(w.parked, isAnswer)
			},
		}
		s.from(nil)
		logTotal(t, []tally{s.tally})
	})
}

func allBut(faults ...fault) uint32 {
	spared := ^uint32(0)
	for _, f := range faults {
		spared &^= 1 << f
	}
	return spared
}

// twoWriters log the same two messages.
func twoWriters() plan {
	at := day.Add(12 * time.Hour)
	return plan{
		messages: []message{{"m1", at, "1"}, {"m2", at.Add(time.Minute), "1"}},
		scripts:  [][]script{{{messages: []int{0, 1}}}, {{messages: []int{1, 0}}}},
	}
}

type search struct {
	t       *testing.T
	plan    plan
	tally   tally
	allowed func(*world, *option) bool // deviations; nil is all
	oneOf   []int                      // by the number of deviations: how many schedules stand for one
	n       []int
}

// from takes the schedule with these deviations, and those with more.
func (s *search) from(deviations []deviation) {
	depth := len(deviations)
	s.n = append(s.n, make([]int, max(0, depth+1-len(s.n)))...)
	if s.n[depth]++; s.n[depth]%s.oneOf[depth] != 0 {
		return
	}
	c := &guided{deviations: deviations, allowed: s.allowed}
	res := explore(s.t, memoryStore, s.plan, c, s.tally.states, nil)
	s.tally.counts.add(res.counts)
	if len(res.violations) > 0 {
		s.t.Fatalf("deviations %v: %s\nas short as it gets:\n%s", deviations, res.violations[0],
			shrink(s.t, memoryStore, s.plan, &guided{deviations: deviations}))
	}
	if depth+1 >= len(s.oneOf) || s.oneOf[depth+1] == 0 {
		return
	}
	at := 0
	if depth > 0 {
		at = deviations[depth-1].at + 1
	}
	for ; at < len(c.others); at++ {
		for _, option := range c.others[at] {
			s.from(append(deviations[:depth:depth], deviation{at, option}))
		}
	}
}
