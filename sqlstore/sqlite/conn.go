package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
)

// connector makes connections that keep their prepared statements, which
// [sqlstore.Store] prepares anew in each transaction.
type connector struct{ driver.Connector }

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	made, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	inner, ok := made.(driverConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("unexpected connection %T", made), made.Close())
	}
	return &conn{driverConn: inner, kept: make(map[string]*keptStmt)}, nil
}

// driverConn is what the driver's connections do for database/sql.
type driverConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

type conn struct {
	driverConn
	kept map[string]*keptStmt
}

func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if s, ok := c.kept[query]; ok {
		return s, nil
	}
	made, err := c.driverConn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	inner, ok := made.(driverStmt)
	if !ok {
		return nil, errors.Join(fmt.Errorf("unexpected statement %T", made), made.Close())
	}
	s := &keptStmt{inner}
	c.kept[query] = s
	return s, nil
}

// Close closes the statements first: the driver would keep the file open for them.
func (c *conn) Close() (err error) {
	for _, s := range c.kept {
		err = errors.Join(err, s.driverStmt.Close())
	}
	clear(c.kept)
	return errors.Join(err, c.driverConn.Close())
}

type driverStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type keptStmt struct{ driverStmt }

// Close leaves the statement to its connection.
func (*keptStmt) Close() error { return nil }
