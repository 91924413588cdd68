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
// what arrives before one is synced to the disk goes along, and what arrives
// while it is goes into the next, so that many share one sync. The goroutine that does it lives as long as there is
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
	wrote        bool
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
	for ops := c.next(); len(ops) > 0; ops = c.next() {
		for _, op := range c.transact(ops) {
			close(op.done)
		}
	}
}

// next returns what is waiting; with nothing it is the end of serving.
func (c *combiner) next() []*operation {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.serving = len(c.waiting) > 0
	return c.take(maxBatch)
}

// late returns what has come since.
func (c *combiner) late(most int) []*operation {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.take(most)
}

// take needs the mutex.
func (c *combiner) take(most int) []*operation {
	n := min(len(c.waiting), most)
	ops := c.waiting[:n:n]
	if c.waiting = c.waiting[n:]; len(c.waiting) == 0 {
		c.waiting = nil
	}
	return ops
}

// transact runs the operations in one transaction, and what has come by its end,
// and returns all that it sealed. When one fails, each is run in its own.
func (c *combiner) transact(ops []*operation) (sealed []*operation) {
	b, err := c.begin(ops)
	sealed = seal(ops)
	if err != nil {
		for _, op := range sealed {
			op.err = err
		}
		return sealed
	}
	failed := b.runAll(sealed)
	for failed == nil && len(sealed) < maxBatch {
		late := seal(c.late(maxBatch - len(sealed)))
		if len(late) == 0 {
			break
		}
		sealed = append(sealed, late...)
		failed = b.runAll(late)
	}
	if failed == nil {
		b.end(sealed)
		return sealed
	}
	if len(sealed) == 1 {
		return sealed
	}
	for _, op := range sealed {
		if b, op.err = c.begin(ops); op.err == nil && b.runAll([]*operation{op}) == nil {
			b.end([]*operation{op})
		}
	}
	return sealed
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
		b, err = c.tryBegin(ctx)
		if err != nil && !slices.ContainsFunc(ops, func(op *operation) bool { return op.state.Load() != opLeft }) {
			return context.Canceled
		}
		return err
	})
	return b, err
}

func (c *combiner) tryBegin(ctx context.Context) (*batch, error) {
	tx, err := c.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	b := &batch{tx: tx}
	if err := tx.StmtContext(ctx, c.first).QueryRowContext(ctx, maxBatch).Scan(&b.fence, &b.prunedBefore); err != nil {
		_ = tx.Rollback() // the first error says more
		return nil, err
	}
	b.now = time.Now().UnixMicro()
	b.fence -= maxBatch
	return b, nil
}

// runAll gives each operation its answer. It returns the error of one that
// failed, after which nothing is changed.
func (b *batch) runAll(ops []*operation) error {
	for _, op := range ops {
		op.err = op.run(b)
		if op.err != nil && !isAnswer(op.err) {
			_ = b.tx.Rollback() // the first error says more
			return op.err
		}
		b.wrote = b.wrote || op.err == nil
	}
	return nil
}

// end makes what the operations did durable.
func (b *batch) end(ops []*operation) {
	if !b.wrote {
		_ = b.tx.Rollback() // there is nothing to keep, nor to sync
		return
	}
	if err := b.tx.Commit(); err != nil {
		for _, op := range ops {
			op.err = err
		}
	}
}

func isAnswer(err error) bool {
	var held *crmlog.ClaimedError
	return errors.Is(err, crmlog.ErrLeaseLost) || errors.As(err, &held)
}
