// Package postgres opens a [crmlog.Store] in a PostgreSQL database: the store
// for a service that runs on many machines. PostgreSQL 12 or later does.
//
// Each method is one statement in a transaction of its own. What it has returned
// is as durable as the server makes its commits: leave synchronous_commit on,
// and know that a failover to an asynchronous replica may forget the last of
// them.
package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/sqlstore"
)

const (
	// maxConns is more than a server's cores: a connection is busy for one
	// statement at a time and mostly waits for the commit's sync, which those
	// that wait share.
	maxConns       = 16
	maxIdle        = time.Minute
	connectTimeout = 10 * time.Second
)

// Store is a [crmlog.Store] in a database.
type Store struct {
	*sqlstore.Store
	db *sql.DB
}

// Open opens the store in the database that dsn names: a libpq URL
// ("postgres://…") or keywords ("host=… dbname=…"). What it leaves out is taken
// from the PG… environment variables and ~/.pgpass, as libpq does.
//
// The tables live where the connection's search_path says. To keep them apart,
// make a schema and add search_path=name to the DSN, or set it for the role.
//
// The pool has up to 16 connections. Another size, or a connection that another
// driver makes, is for [sqlstore.New]. Behind a pooler that hands out connections
// by transaction, such as PgBouncer, add default_query_exec_mode=exec, since
// statements that were prepared on one connection are not on the next, and set
// the search_path for the role, since such a pooler does not pass it on.
//
// An error does not repeat the DSN, and never holds the password.
func Open(ctx context.Context, dsn string) (*Store, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil || ambiguous(dsn) {
		// The cause quotes what it could not parse, and with it, where that is
		// malformed, the password.
		return nil, &crmlog.InputError{Field: "dsn", Problem: "cannot be parsed; give postgres://user:password@host:port/database or libpq keywords, with special characters escaped, and files it names in place"}
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(maxConns)
	db.SetMaxIdleConns(maxConns)
	db.SetConnMaxIdleTime(maxIdle)
	s, err := sqlstore.New(ctx, db, sqlstore.PostgreSQL)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("postgres: %w", err), db.Close())
	}
	return &Store{s, db}, nil
}

// ambiguous reports whether a URL has an at sign or slash too many before its
// host, as from a password that is not escaped, a part of which would be taken
// for a host or database and named in errors.
func ambiguous(dsn string) bool {
	_, rest, isURL := strings.Cut(dsn, "://")
	rest, _, _ = strings.Cut(rest, "?")
	authority, path, _ := strings.Cut(rest, "/")
	return isURL && (strings.Count(authority, "@") > 1 || strings.Contains(path, "@"))
}

// Close closes the connections.
func (s *Store) Close() error { return s.db.Close() }
