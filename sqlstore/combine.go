package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/crmlog/crmlog"
)

// maxBatch bounds how many operations share a transaction, and so how long the
// first waits for the last.
const maxBatch = 256

// A combiner runs the operations of many goroutines in common transactions:
// what arrives while one is being synced to the disk goes into the next, so that
// many share one sync. The goroutine that does it lives as long as there is
// something to do.
type combiner struct {
	db    *sql.DB
	first *sql.Stmt // begins each transaction with a write

	mu      sync.Mutex
	waiting []*operation
	serving bool
}

// operation checks all it has to before it writes: what it returns of
// [crmlog.ErrLeaseLost] and [crmlog.ClaimedError] is an answer, any other error
// a failure.
type operation struct {
	run   func(b *batch) error
	state atomic.Int32
	err   error
	done  chan struct{}
}

const (
	opWaiting int32 = iota
	opSealed        // part of a transaction: its caller waits for the end
	opLeft          // its caller is gone, it will not be run
)

// batch is one transaction.
type batch struct {
	tx           *sql.Tx
	now          int64
	fence        int64 // the last one given out
	prunedBefore *int64
}

func (c *combiner) do(ctx context.Context, run func(b *batch) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	op := &operation{run: run, done: make(chan struct{})}
	c.mu.Lock()
	c.waiting = append(c.waiting, op)
	if !c.serving {
		c.serving = true
		go c.serve()
	}
	c.mu.Unlock()
	select {
	case <-op.done:
	case <-ctx.Done():
		if op.state.CompareAndSwap(opWaiting, opLeft) {
			return ctx.Err()
		}
		<-op.done
	}
	return op.err
}

func (c *combiner) serve() {
	for ops := c.take(); len(ops) > 0; ops = c.take() {
		c.transact(ops)
		for _, op := range ops {
			close(op.done)
		}
	}
}

func (c *combiner) take() []*operation {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := min(len(c.waiting), maxBatch)
	ops := c.waiting[:n:n]
	if c.waiting = c.waiting[n:]; len(c.waiting) == 0 {
		c.waiting = nil
	}
	c.serving = n > 0
	return ops
}

// transact runs the operations in one transaction. When one fails, each is run
// in its own.
func (c *combiner) transact(ops []*operation) {
	b, err := c.begin(ops)
	sealed := seal(ops)
	if err != nil {
		for _, op := range sealed {
			op.err = err
		}
		return
	}
	if failed := c.run(b, sealed); failed == nil || len(sealed) == 1 {
		return
	}
	for _, op := range sealed {
		if b, op.err = c.begin(ops); op.err == nil {
			_ = c.run(b, []*operation{op}) // the operation has the error
		}
	}
}

// seal returns the operations whose callers are still there. From then on they
// wait for the outcome.
func seal(ops []*operation) []*operation {
	sealed := make([]*operation, 0, len(ops))
	for _, op := range ops {
		if op.state.CompareAndSwap(opWaiting, opSealed) {
			sealed = append(sealed, op)
		}
	}
	return sealed
}

// begin waits for the file's write lock, as long as somebody waits for it.
func (c *combiner) begin(ops []*operation) (b *batch, err error) {
	// The transaction is no caller's: none of their contexts may cut it.
	ctx := context.Background()
	err = retry(ctx, func() error {
		b, err = c.tryBegin(ctx, len(ops))
		if err != nil && !slices.ContainsFunc(ops, func(op *operation) bool { return op.state.Load() != opLeft }) {
			return context.Canceled
		}
		return err
	})
	return b, err
}

func (c *combiner) tryBegin(ctx context.Context, fences int) (*batch, error) {
	tx, err := c.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	b := &batch{tx: tx}
	if err := tx.StmtContext(ctx, c.first).QueryRowContext(ctx, fences).Scan(&b.fence, &b.prunedBefore); err != nil {
		_ = tx.Rollback() // the first error says more
		return nil, err
	}
	b.now = time.Now().UnixMicro()
	b.fence -= int64(fences)
	return b, nil
}

// run gives each operation its error, and returns one if they must be run again
// one by one: then nothing was changed.
func (c *combiner) run(b *batch, ops []*operation) error {
	wrote := false
	for _, op := range ops {
		op.err = op.run(b)
		wrote = wrote || op.err == nil
		if op.err != nil && !isAnswer(op.err) {
			_ = b.tx.Rollback() // the first error says more
			return op.err
		}
	}
	if !wrote {
		_ = b.tx.Rollback() // there is nothing to keep, nor to sync
		return nil
	}
	if err := b.tx.Commit(); err != nil {
		for _, op := range ops {
			op.err = err
		}
	}
	return nil
}

func isAnswer(err error) bool {
	var held *crmlog.ClaimedError
	return errors.Is(err, crmlog.ErrLeaseLost) || errors.As(err, &held)
}
