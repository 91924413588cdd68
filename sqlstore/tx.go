package sqlstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"slices"
)

// tx is a transaction of SQLite on a connection of its driver. What database/sql
// does for each statement takes about as long as SQLite takes for one as short as
// these.
type tx struct {
	conn  driver.ConnPrepareContext
	stmts map[string]stmt
	args  []driver.NamedValue
	row   []driver.Value
}

// stmt is what a statement of every driver can do that knows contexts.
type stmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// beginTx takes the file's write lock. The transaction is no caller's: none of
// their contexts may cut it.
func beginTx(driverConn any) (*tx, error) {
	conn, ok := driverConn.(driver.ConnPrepareContext)
	if !ok {
		return nil, fmt.Errorf("the driver's connection %T has no PrepareContext", driverConn)
	}
	t := &tx{conn: conn, stmts: make(map[string]stmt, 8)}
	if _, err := t.exec("BEGIN IMMEDIATE"); err != nil {
		return nil, errors.Join(err, t.close())
	}
	return t, nil
}

// commit makes the transaction durable, or leaves nothing of it. Unusable is
// [driver.ErrBadConn] for a connection that may still be in the transaction.
func (t *tx) commit() (err, unusable error) {
	if _, err = t.exec("COMMIT"); err != nil {
		return err, t.rollback()
	}
	return nil, t.close()
}

func (t *tx) rollback() (unusable error) {
	_, err := t.exec("ROLLBACK")
	if unusable = t.close(); err != nil {
		unusable = driver.ErrBadConn
	}
	return unusable
}

// close gives the statements back.
func (t *tx) close() (unusable error) {
	for _, s := range t.stmts {
		if s.Close() != nil {
			unusable = driver.ErrBadConn
		}
	}
	return unusable
}

func (t *tx) prepare(query string) (stmt, error) {
	if s, ok := t.stmts[query]; ok {
		return s, nil
	}
	prepared, err := t.conn.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, err
	}
	s, ok := prepared.(stmt)
	if !ok {
		return nil, errors.Join(fmt.Errorf("the driver's statement %T has no ExecContext or QueryContext", prepared), prepared.Close())
	}
	t.stmts[query] = s
	return s, nil
}

// bind needs values of the types that drivers know, such as int64, string, bool and
// nil, or a *int64.
func (t *tx) bind(values []driver.Value) []driver.NamedValue {
	t.args = t.args[:0]
	for i, v := range values {
		if p, ok := v.(*int64); ok {
			if v = nil; p != nil {
				v = *p
			}
		}
		t.args = append(t.args, driver.NamedValue{Ordinal: i + 1, Value: v})
	}
	return t.args
}

// exec returns how many rows it changed.
func (t *tx) exec(query string, args ...driver.Value) (int64, error) {
	s, err := t.prepare(query)
	if err != nil {
		return 0, err
	}
	r, err := s.ExecContext(context.Background(), t.bind(args))
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// query calls each for every row, which is gone after the call.
func (t *tx) query(query string, each func(row []driver.Value), args ...driver.Value) (err error) {
	s, err := t.prepare(query)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(context.Background(), t.bind(args))
	if err != nil {
		return err
	}
	defer func() {
		if closing := rows.Close(); err == nil {
			err = closing
		}
	}()
	n := len(rows.Columns())
	t.row = slices.Grow(t.row[:0], n)[:n]
	for {
		if err := rows.Next(t.row); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		each(t.row)
	}
}

// integer is a column's value, 0 for NULL.
func integer(v driver.Value) int64 {
	n, _ := v.(int64)
	return n
}

// optional is a column's value, nil for NULL.
func optional(v driver.Value) *int64 {
	n, ok := v.(int64)
	if !ok {
		return nil
	}
	return &n
}

// text is a column's value, empty for NULL.
func text(v driver.Value) string {
	if b, ok := v.([]byte); ok {
		return string(b)
	}
	s, _ := v.(string)
	return s
}
