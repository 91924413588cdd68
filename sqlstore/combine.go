package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"runtime"
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
// while it is goes into the next, so that many share one sync. The goroutine that
// does it lives as long as there is something to do.
type combiner struct {
	db     *sql.DB
	fences fences // the goroutine's that serves

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

// batch is the operations of one transaction.
type batch struct {
	*tx
	now      int64
	horizon  *time.Time // PrunedBefore, once a claim asked for it
	wrote    bool
	failed   bool
	reserved bool  // fences, which are the process's once this is durable
	unusable error // of the connection
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

// next returns what is waiting; with nothing it is the end of serving. Who is about
// to come, having waited for a processor only, goes along.
func (c *combiner) next() []*operation {
	runtime.Gosched()
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
	var failed error
	err := c.begin(ops, func(b *batch) {
		sealed = seal(ops)
		failed = b.runAll(sealed)
		for failed == nil && len(sealed) < maxBatch {
			late := seal(c.late(maxBatch - len(sealed)))
			if len(late) == 0 {
				break
			}
			sealed = append(sealed, late...)
			failed = b.runAll(late)
		}
		c.end(b, sealed)
	})
	if err != nil {
		sealed = seal(ops)
		for _, op := range sealed {
			op.err = err
		}
		return sealed
	}
	if failed == nil || len(sealed) == 1 {
		return sealed
	}
	for _, op := range sealed {
		alone := []*operation{op}
		err := c.begin(alone, func(b *batch) {
			_ = b.runAll(alone) // the operation has it
			c.end(b, alone)
		})
		if err != nil {
			op.err = err
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

// begin waits for the file's write lock, as long as somebody waits for it, and
// calls run, which ends the transaction. It returns why there was none.
func (c *combiner) begin(ops []*operation, run func(b *batch)) error {
	return retry(context.Background(), func() error {
		err := c.tryBegin(run)
		if err != nil && !slices.ContainsFunc(ops, func(op *operation) bool { return op.state.Load() != opLeft }) {
			return context.Canceled
		}
		return err
	})
}

func (c *combiner) tryBegin(run func(b *batch)) (err error) {
	conn, err := c.db.Conn(context.Background())
	if err != nil {
		return err
	}
	defer conn.Close()
	began := false
	err = conn.Raw(func(driverConn any) error {
		t, err := beginTx(driverConn)
		if err != nil {
			return err
		}
		began = true
		b := &batch{tx: t, now: time.Now().UnixMicro()}
		run(b)
		return b.unusable
	})
	if began {
		return nil // the operations have their answers
	}
	return err
}

// runAll gives each operation its answer. It returns the error of one that
// failed, after which nothing is changed.
func (b *batch) runAll(ops []*operation) error {
	for _, op := range ops {
		op.err = op.run(b)
		if op.err != nil && !isAnswer(op.err) {
			b.failed = true
			return op.err
		}
		b.wrote = b.wrote || op.err == nil
	}
	return nil
}

// end makes what the operations did durable, unless one failed.
func (c *combiner) end(b *batch, ops []*operation) {
	kept := false
	if b.failed || !b.wrote { // there is nothing to keep, nor to sync
		b.unusable = b.rollback()
	} else {
		var err error
		err, b.unusable = b.commit()
		if kept = err == nil; !kept {
			for _, op := range ops {
				op.err = err
			}
		}
	}
	if b.reserved && !kept {
		c.fences = fences{}
	}
}

func isAnswer(err error) bool {
	var held *crmlog.ClaimedError
	return errors.Is(err, crmlog.ErrLeaseLost) || errors.As(err, &held)
}
