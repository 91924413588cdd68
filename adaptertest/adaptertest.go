package adaptertest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// Check runs all checks and returns what failed, joined; nil when the adapter
// keeps its contract. Checks of what Harness.Cannot lists are left out.
func Check(ctx context.Context, h Harness) error {
	s, err := newSuite(h)
	if err != nil {
		return err
	}
	var results []chan error
	for _, c := range checks() {
		if c.skip(s.h) == "" {
			results = append(results, s.start(ctx, c))
		}
	}
	var failed []error
	for _, result := range results {
		if err := <-result; !errors.Is(err, errNothing) {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// Run runs each check as a parallel subtest of t.
func Run(t *testing.T, h Harness) {
	s, err := newSuite(h)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) {
			if why := c.skip(s.h); why != "" {
				t.Skip(why)
			}
			// Checks wait more than they compute: they begin now, however few
			// subtests go test lets run at once.
			result := s.start(t.Context(), c)
			t.Parallel()
			switch err := <-result; {
			case errors.Is(err, errNothing):
				t.Skip(err)
			case err != nil:
				t.Error(err)
			}
		})
	}
}

const (
	// checkTimeout bounds one check; the slowest takes some seconds.
	checkTimeout = 2 * time.Minute
	// atOnce is how many checks run at a time, and how many of their trials.
	atOnce = 16
)

// A rule is what a check is about.
type rule struct {
	says string
	why  string
	see  string // where it is documented
}

// errNothing ends a check that has nothing to look at in this adapter.
var errNothing = errors.New("does not apply")

type check struct {
	name string
	rule rule
	do   func(p *probe)
	// timeout is what the adapter is made with; 0 is one that is not reached.
	timeout time.Duration
	// without says when the check does not apply.
	without func(h *Harness) string
}

func (c check) skip(h *Harness) string {
	if c.without == nil {
		return ""
	}
	return c.without(h)
}

// suite is one run of the checks.
type suite struct {
	h      *Harness
	checks chan struct{} // as many as run
	trials chan struct{}
	survey sync.Map // of an op's name, to *surveyed
}

func newSuite(h Harness) (*suite, error) {
	prepared, err := h.prepared()
	if err != nil {
		return nil, fmt.Errorf("adaptertest: %w", err)
	}
	return &suite{h: prepared, checks: make(chan struct{}, atOnce), trials: make(chan struct{}, atOnce)}, nil
}

// start runs a check as soon as there is room for it.
func (s *suite) start(ctx context.Context, c check) chan error {
	result := make(chan error, 1)
	go func() {
		s.checks <- struct{}{}
		defer func() { <-s.checks }()
		result <- s.run(ctx, c)
	}()
	return result
}

func (s *suite) run(ctx context.Context, c check) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	why := s.try(ctx, c)
	// With a short timeout a busy machine can be too slow for what has to be in
	// time. An adapter that is wrong is wrong each time.
	for again := 2; why != nil && !errors.Is(why, errNothing) && c.timeout != 0 && again > 0; again-- {
		why = s.try(ctx, c)
	}
	if why == nil || errors.Is(why, errNothing) {
		return why
	}
	return fmt.Errorf("adaptertest: %s:\n\tthe rule: %s\n\twhy: %s\n\tsee: %s\n\tbut: %s",
		c.name, c.rule.says, c.rule.why, c.rule.see, strings.ReplaceAll(why.Error(), "\n", "\n\t     "))
}

func (s *suite) try(ctx context.Context, c check) error {
	p := &probe{suite: s, ctx: ctx, timeout: c.timeout}
	defer p.close()
	return p.attempt(func(p *probe) {
		p.open()
		c.do(p)
	})
}
