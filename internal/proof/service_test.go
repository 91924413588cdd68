package proof

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/testcrm"
)

// service hands calls to a router as a service would: by many goroutines, and
// again until all is logged.
type service struct {
	router    *crmlog.Router
	account   string
	callers   int
	impatient bool // some callers leave before the answer
	report    func(reported)
}

// reported is what a call said of one message.
type reported struct {
	Number  int            `json:"number"`
	Outcome crmlog.Outcome `json:"outcome"`
	LogID   string         `json:"logId,omitempty"`
	Day     string         `json:"day,omitempty"`
	Unknown bool           `json:"unknown,omitempty"` // the caller does not learn the outcome
	Class   string         `json:"class,omitempty"`   // of the error
}

// log returns when all calls are done.
func (s *service) log(ctx context.Context, seed uint64, calls []call) error {
	queue := make(chan call)
	errs := make([]error, s.callers)
	var wg sync.WaitGroup
	for i := range s.callers {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(i)+100))
			for c := range queue {
				if err := s.insist(ctx, rng, c); err != nil {
					errs[i] = err
				}
			}
		})
	}
	for _, c := range calls {
		queue <- c
	}
	close(queue)
	wg.Wait()
	return errors.Join(errs...)
}

// insist repeats a call for what failed. A CRM that fails at random refuses for
// reasons, too, that a service would tell its user; the user tries again.
func (s *service) insist(ctx context.Context, rng *rand.Rand, c call) error {
	for {
		report, err := s.once(ctx, rng, c)
		var again []sent
		wait := time.Duration(1+rng.IntN(20)) * time.Millisecond
		for i, e := range report.Entries {
			s.report(reported{
				Number: c.Logs[i].Number, Outcome: e.Outcome, LogID: e.LogID, Day: e.Digest.Day,
				Unknown: errors.Is(e.Err, crmlog.ErrOutcomeUnknown), Class: crmlog.ErrorClass(e.Err),
			})
			if e.Outcome == crmlog.OutcomeFailed {
				again = append(again, c.Logs[i])
				wait = max(wait, crmlog.RetryAfter(e.Err))
			}
		}
		if len(again) == 0 {
			return err
		}
		c.Logs = again
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return fmt.Errorf("not logged within the time of the proof: %w", err)
		}
	}
}

func (s *service) once(ctx context.Context, rng *rand.Rand, c call) (crmlog.Report, error) {
	if s.impatient && rng.IntN(8) == 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(rng.IntN(300))*time.Millisecond)
		defer cancel()
	}
	return s.router.Log(ctx, c.input(s.account))
}

// tally collects what was reported.
type tally struct {
	mu       sync.Mutex
	messages map[int]*tallied
	counts   map[crmlog.Outcome]int
}

type tallied struct {
	wrote int  // times reported as added or updated
	lost  bool // an outcome was unknown to the caller, or died with its process
	logID string
	day   string
	said  []string
}

func newTally() *tally {
	return &tally{messages: make(map[int]*tallied), counts: make(map[crmlog.Outcome]int)}
}

func (t *tally) of(number int) *tallied {
	m := t.messages[number]
	if m == nil {
		m = &tallied{}
		t.messages[number] = m
	}
	return m
}

func (t *tally) add(r reported) {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := t.of(r.Number)
	m.lost = m.lost || r.Unknown
	t.counts[r.Outcome]++
	m.said = append(m.said, strings.TrimSpace(string(r.Outcome)+" "+r.Class))
	switch r.Outcome {
	case crmlog.OutcomeAdded, crmlog.OutcomeUpdated:
		m.wrote++
	}
	if r.Outcome != crmlog.OutcomeFailed {
		m.logID, m.day = r.LogID, r.Day
	}
}

// died says that outcomes may have been lost with a process.
func (t *tally) died(all []sent) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range all {
		t.of(s.Number).lost = true
	}
}

// faults holds the reports against the records: over all calls a message was
// added or updated once, or never when its outcome was lost on the way, and each
// report names the record and the day.
func (t *tally) faults(all []sent, records []testcrm.Activity) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	texts := make(map[string]string)
	for _, r := range records {
		texts[r.ID] = r.Body
	}
	var faults []string
	for _, s := range all {
		m := t.of(s.Number)
		if m.wrote > 1 || m.wrote == 0 && !m.lost {
			faults = append(faults, fmt.Sprintf("message %d was reported %d times as added or updated: %q", s.Number, m.wrote, m.said[max(0, len(m.said)-5):]))
		}
		if !strings.Contains(texts[m.logID], fmt.Sprintf("msg-%06d-", s.Number)) {
			faults = append(faults, fmt.Sprintf("message %d is reported to be in %q, and is not", s.Number, m.logID))
		}
		if m.day != localDay(s.User, s.At) {
			faults = append(faults, fmt.Sprintf("message %d is reported for %s", s.Number, m.day))
		}
	}
	return faults[:min(len(faults), 20)]
}

// String counts outcomes.
func (t *tally) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lost := 0
	for _, m := range t.messages {
		if m.wrote == 0 {
			lost++
		}
	}
	c := t.counts
	return fmt.Sprintf("reported: %d added, %d updated, %d duplicate, %d failed for now, %d outcomes lost", c[crmlog.OutcomeAdded],
		c[crmlog.OutcomeUpdated], c[crmlog.OutcomeDuplicate], c[crmlog.OutcomeFailed], lost)
}
