package explorer

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/crmlog/crmlog"
)

// world is one schedule: processes with a router each, one store, one CRM, and
// the scheduler, which is the only one to touch store and CRM. It runs in a
// bubble of testing/synctest. Between two steps everything else stands still.
type world struct {
	plan    *plan
	store   crmlog.Store
	crm     crm
	procs   []*process // the dead ones too
	digests map[string]*seen
	calls   []*call

	choose    chooser
	opts      []option
	last      *process // that took the last step
	lastOp    string   // the last step that went wrong, and how
	lastFault fault
	calm      bool // nothing goes wrong any more
	limits    limits
	judge     judge
	counts    counts
	states    map[uint64]struct{}
	hash      maphash.Hash

	out    io.Writer // of the trace; nil is none
	began  time.Time
	trace  []string
	told   bool     // something of the line at hand
	labels []string // of the options taken

	mu     sync.Mutex
	titles map[string]string // of digests by Ref
	parked []*step           // what waits for the scheduler
	silent []*step           // what gets no answer any more
	late   []*lateStep       // what may still be applied
	over   bool

	notify chan struct{} // something was parked, given up or finished
	end    chan struct{} // closed when all is judged
}

// limits are how much may still go wrong.
type limits struct{ faults, crashes, shutdowns, leaves, deletions, jumps int }

// process is a program with a router, until it dies.
type process struct {
	w       *world
	name    string
	n       int // place in world.procs
	router  *crmlog.Router
	dead    bool // under world.mu
	down    bool // it has shut its router down
	next    *process
	failed  map[string]int // commits in a row that failed, by digest
	offline map[int64]bool // fences whose commits fail to the end, under world.mu
}

// call is one call of Router.Log.
type call struct {
	n      int
	p      *process
	script script
	rounds int // how often it may be made again if something fails
	begun  bool
	cancel context.CancelFunc
	left   bool
	wrote  map[crmlog.ID]int // when it was first applied to the CRM

	done   bool // under world.mu, as is report
	report crmlog.Report
	judged bool
	lost   bool // the process died before it got the report
}

type stepKind int

const (
	store  stepKind = iota + 1
	read            // of a CRM record
	write           // of a CRM record
	find            // the CRM's list
	answer          // the answer to one of these
)

// step is a call to the store or a request to the CRM.
type step struct {
	p       *process
	ctx     context.Context
	kind    stepKind
	of      stepKind // that it is the answer to
	op      string
	what    string
	digest  string    // title
	record  string    // of a read
	fence   int64     // of a holder's call to the store
	version int       // of the digest, when the claim was refused
	until   time.Time // when it hears of it at the latest
	lagging bool      // a list shows what it must show, and no more
	apply   func(context.Context) error
	wake    chan error
	late    *lateStep // it is on the way and may be applied at any time
}

// lateStep is a request whose sender hears nothing more of it.
type lateStep struct {
	s        *step
	due      time.Time // the end of the grace; zero while the client waits, or no limit
	optional bool      // it may be dropped as well
	givenUp  bool
}

var (
	errPanic   = errors.New("panic in the adapter")
	errOver    = errors.New("the schedule is over")
	errStore   = errors.New("store: connection lost")
	errUntyped = errors.New("connection lost")
)

// yield parks a step until the scheduler has decided about it.
func (p *process) yield(s *step) error {
	w := p.w
	w.mu.Lock()
	switch {
	case w.over:
		w.mu.Unlock()
		return errOver
	case p.dead:
		w.mu.Unlock()
		<-w.end
		return errOver
	case s.op == "commit" && p.offline[s.fence]:
		w.mu.Unlock()
		return errStore
	}
	s.p, s.wake = p, make(chan error, 1)
	w.parked = append(w.parked, s)
	w.mu.Unlock()
	w.signal()
	select {
	case err := <-s.wake:
		if errors.Is(err, errPanic) {
			runtime.Goexit()
		}
		return err
	case <-s.ctx.Done():
		return w.giveUp(s)
	case <-w.end:
		return errOver
	}
}

// giveUp is what a client does at its deadline. What is on the way to the CRM
// may still be applied within the grace.
func (w *world) giveUp(s *step) error {
	w.mu.Lock()
	if s.p.dead {
		w.mu.Unlock()
		<-w.end
		return errOver
	}
	if i := slices.Index(w.parked, s); i >= 0 {
		w.parked = slices.Delete(w.parked, i, i+1)
		if s.kind == write {
			w.late = append(w.late, &lateStep{s: s, optional: true})
			s.late = w.late[len(w.late)-1]
		}
	}
	w.silent = slices.DeleteFunc(w.silent, func(t *step) bool { return t == s })
	w.limit(s)
	w.mu.Unlock()
	w.signal()
	return s.ctx.Err()
}

// limit starts the grace of a step whose sender waits no more.
func (w *world) limit(s *step) {
	if s.late == nil || s.late.givenUp {
		return
	}
	s.late.givenUp = true
	if s.kind == write {
		s.late.due = time.Now().Add(grace - time.Millisecond)
	}
}

func (w *world) signal() {
	select {
	case w.notify <- struct{}{}:
	default:
	}
}

// openStore makes the store that is driven, inside the bubble: all times in it
// must be those of package time.
type openStore func(t *testing.T) crmlog.Store

func memoryStore(*testing.T) crmlog.Store { return crmlog.NewMemoryStore() }

// maxSteps is far more than any plan needs.
const maxSteps = 3000

// result is what a schedule led to.
type result struct {
	violations []violation
	counts     counts
	trace      []string // if there is an out
	labels     []string // if there is an out
}

// explore runs one schedule and judges it.
func explore(t *testing.T, open openStore, p plan, choose chooser, states map[uint64]struct{}, out io.Writer) (res result) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{
			plan: &p, store: open(t), choose: choose, states: states, out: out, began: time.Now(),
			digests: make(map[string]*seen), titles: make(map[string]string),
			limits: limits{p.faults, p.crashes, p.shutdowns, p.leaves, p.deletions, p.jumps},
			counts: counts{schedules: 1, messages: len(p.messages)},
			notify: make(chan struct{}, 1), end: make(chan struct{}),
		}
		w.hash.SetSeed(stateSeed)
		w.judge.init(w.plan)
		if out != nil {
			fmt.Fprintf(out, "%s", &p)
		}
		for i, calls := range p.scripts {
			proc := w.newProcess(string(rune('A' + i)))
			for _, c := range calls {
				w.newCall(proc, c, 1)
			}
		}
		w.run()
		w.finish()
		for _, v := range w.judge.violations {
			w.say("%s", v)
		}
		if out != nil {
			fmt.Fprintln(out)
		}
		res = result{w.judge.violations, w.counts, w.trace, w.labels}
	})
	return res
}

func (w *world) newProcess(name string) *process {
	p := &process{
		w: w, name: name, n: len(w.procs),
		failed: make(map[string]int), offline: make(map[int64]bool),
	}
	router, err := crmlog.NewRouter(w.newAdapter(p), crmlog.RouterConfig{
		Platform: "sim", Store: yieldingStore{p}, Lease: lease, Grace: grace,
	})
	if err != nil {
		panic(err)
	}
	p.router = router
	w.procs = append(w.procs, p)
	return p
}

func (w *world) newCall(p *process, s script, rounds int) *call {
	c := &call{n: len(w.calls), p: p, script: s, rounds: rounds, wrote: make(map[crmlog.ID]int)}
	w.calls = append(w.calls, c)
	return c
}

// run takes steps until nobody has anything to do, then lets a clean process
// log all messages, then waits for what is still on its way.
func (w *world) run() {
	if !w.until(func() bool { return w.idle() }) {
		return
	}
	w.calm = true
	w.say("the clean run begins")
	all := script{zone: w.plan.zones()[0]}
	for i := range w.plan.messages {
		all.messages = append(all.messages, i)
	}
	clean := w.newCall(w.newProcess("Z"), all, 0)
	if !w.until(func() bool { return clean.judged }) {
		return
	}
	w.judge.cleanRun(clean.report)
	// Calls whose callers left, and what is late, come to their ends.
	live := slices.DeleteFunc(slices.Clone(w.procs), func(p *process) bool { return p.dead })
	busy := len(live) // under the mutex
	for _, p := range live {
		go func() {
			_ = p.router.Shutdown(context.Background())
			w.mu.Lock()
			busy--
			w.mu.Unlock()
			w.signal()
		}()
	}
	quiet := func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return busy == 0 && !slices.ContainsFunc(w.late, func(l *lateStep) bool { return !l.due.IsZero() })
	}
	if w.until(quiet) {
		w.judge.end(w.crm.records, w.counts.finds)
	}
}

// until takes steps until the condition holds; false if it never does.
func (w *world) until(done func() bool) bool {
	for {
		synctest.Wait()
		w.collect()
		w.remember()
		if done() {
			return true
		}
		if w.counts.steps++; w.counts.steps > maxSteps {
			w.judge.fault("endless", "after %d steps it has not come to an end", maxSteps)
			return false
		}
		opts := w.options()
		o := opts[w.choose.choose(w, opts)]
		w.do(o)
		if len(w.judge.violations) > 0 {
			return false
		}
	}
}

// idle reports whether nobody has anything to do, or only the dead have.
func (w *world) idle() bool {
	for _, c := range w.calls {
		if !c.judged && !c.lost {
			return false
		}
	}
	return true
}

// finish lets every goroutine end.
func (w *world) finish() {
	w.mu.Lock()
	w.over = true
	w.mu.Unlock()
	close(w.end)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, p := range w.procs {
		_ = p.router.Shutdown(ctx)
	}
}

// collect judges the reports that have come in.
func (w *world) collect() {
	for _, c := range slices.Clone(w.calls) {
		w.mu.Lock()
		done := c.done && !c.p.dead
		w.mu.Unlock()
		if !done || c.judged {
			continue
		}
		c.judged = true
		if w.out != nil {
			var text []string
			for _, e := range c.report.Entries {
				s := fmt.Sprintf("%s %s", e.MessageID, e.Outcome)
				if e.Err != nil {
					s += " (" + crmlog.ErrorClass(e.Err) + ")"
				}
				text = append(text, s)
			}
			w.say("%-2s call %d returns: %s", c.p.name, c.n, strings.Join(text, ", "))
		}
		w.judge.report(c, w.crm.records)
		again := script{auth: c.script.auth, zone: c.script.zone}
		for i, e := range c.report.Entries {
			if e.Outcome == crmlog.OutcomeFailed {
				again.messages = append(again.messages, c.script.messages[i])
			}
		}
		if len(again.messages) > 0 && c.rounds > 0 && !c.left && !c.p.down {
			w.newCall(c.p, again, c.rounds-1)
		}
	}
}

// wrote notes that the CRM has applied a write of the message.
func (w *world) wrote(in *crmlog.AddMessageLogInput) {
	c := w.calls[in.AdditionalSubmission["call"].(int)]
	id := in.Message.ID
	if c.wrote[id] == 0 {
		c.wrote[id] = w.counts.steps
	}
	w.judge.writes[id]++
}

// say begins a line of the trace, tell adds to it.
func (w *world) say(format string, args ...any) {
	if w.out == nil {
		return
	}
	line := fmt.Sprintf("%8.3fs  %s", time.Since(w.began).Seconds(), fmt.Sprintf(format, args...))
	w.trace, w.told = append(w.trace, line), false
	fmt.Fprintf(w.out, "\n%s", line)
}

func (w *world) tell(format string, args ...any) {
	if w.out == nil {
		return
	}
	note := ", "
	if !w.told {
		note = " → "
	}
	note += fmt.Sprintf(format, args...)
	w.trace[len(w.trace)-1] += note
	w.told = true
	fmt.Fprint(w.out, note)
}
