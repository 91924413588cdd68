// Package storetest checks that a [crmlog.Store] keeps the contract which the
// Store interface states: leases and fences, reservations, logs, intentions and
// their settling, forgetting. Every store of this module runs it, and a store of
// your own should:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, storetest.Harness{New: newStorage})
//	}
//
// A check fails with the rule that is broken and what was seen instead. Where a
// rule is about time passing the checks wait in real time, some 300 ms at a
// time, since a database's clock cannot be faked; all of them together take a
// few seconds.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/crmlog/crmlog"
)

// Harness makes the stores to check.
type Harness struct {
	// New returns new storage with nothing in it. It is called once for each
	// check, also from several goroutines at the same time.
	New func(ctx context.Context) (Storage, error)
	// Volatile says that the storage ends with its last store, as memory does:
	// what is about coming back after a restart is left out.
	Volatile bool
}

// Storage is where a store keeps its rows: a file, a schema.
type Storage struct {
	// Open returns a store on this storage. Each call stands for another
	// process, so that a store with a connection makes a new one. A store that
	// is an [io.Closer] is closed when the check is done with it, and opened
	// again for a restart.
	Open func(ctx context.Context) (crmlog.Store, error)
	// Remove, if not nil, is called after the last store was closed.
	Remove func() error
}

// Check runs all checks and returns what failed, joined; nil when the store
// keeps its contract.
func Check(ctx context.Context, h Harness) error {
	var failed []error
	for _, c := range checks() {
		if c.restart && h.Volatile {
			continue
		}
		if err := c.run(ctx, h); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// Run runs each check as a parallel subtest of t.
func Run(t *testing.T, h Harness) {
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.restart && h.Volatile {
				t.Skip("the storage is volatile: there is no coming back after a restart")
			}
			if err := c.run(t.Context(), h); err != nil {
				t.Error(err)
			}
		})
	}
}

// checkTimeout bounds one check; the slowest takes a few seconds.
const checkTimeout = 2 * time.Minute

type check struct {
	name    string
	rule    string
	restart bool // makes sense only where storage outlives its stores
	do      func(p *probe)
}

func checks() []check {
	var all []check
	for _, some := range [][]check{leaseChecks, messageChecks, partChecks, intentionChecks, settleChecks, pruneChecks, loadChecks} {
		all = append(all, some...)
	}
	return all
}

func (c check) run(ctx context.Context, h Harness) (err error) {
	fail := func(why error) error {
		return fmt.Errorf("storetest: %s:\n\tthe rule: %s\n\tbut: %w", c.name, c.rule, why)
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	storage, err := h.New(ctx)
	if err != nil {
		return fail(fmt.Errorf("no new storage: %w", err))
	}
	p := &probe{ctx: ctx, storage: storage}
	defer func() {
		// Closing comes first: a file that is open cannot be removed everywhere.
		closeErr := p.closeAll()
		if storage.Remove != nil {
			closeErr = errors.Join(closeErr, storage.Remove())
		}
		if err == nil && closeErr != nil {
			err = fail(closeErr)
		}
	}()
	if why := p.attempt(c.do); why != nil {
		return fail(why)
	}
	return nil
}

// probe is what a check works with. Its methods end the check when the store
// does what they do not expect; they are for the check's own goroutine.
type probe struct {
	ctx     context.Context
	storage Storage
	stores  []crmlog.Store
}

// failure is what ends a check; attempt catches it.
type failure struct{ error }

func (p *probe) attempt(do func(p *probe)) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case failure:
			err = r.error
		default:
			panic(r)
		}
	}()
	do(p)
	return nil
}

func (p *probe) failf(format string, args ...any) {
	panic(failure{fmt.Errorf(format, args...)})
}

func (p *probe) want(ok bool, format string, args ...any) {
	if !ok {
		p.failf(format, args...)
	}
}

func (p *probe) ok(what string, err error) {
	if err != nil {
		p.failf("%s: %w", what, err)
	}
}

// open opens one more store on the storage.
func (p *probe) open() crmlog.Store {
	s, err := p.storage.Open(p.ctx)
	p.ok("opening a store", err)
	p.stores = append(p.stores, s)
	return s
}

// restart closes all stores and opens one.
func (p *probe) restart() crmlog.Store {
	p.ok("closing", p.closeAll())
	return p.open()
}

func (p *probe) closeAll() error {
	var errs []error
	for _, s := range p.stores {
		if c, ok := s.(io.Closer); ok {
			errs = append(errs, c.Close())
		}
	}
	p.stores = nil
	return errors.Join(errs...)
}
