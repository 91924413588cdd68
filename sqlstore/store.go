// Package sqlstore is a [crmlog.Store] in an SQL database: SQLite for one
// machine, PostgreSQL for many. It imports no driver; packages sqlite and
// postgres open a database the right way and are what most programs use.
//
// The tables are those in the folder migrations: digests, their records
// (parts), the messages, and a row of meta. Their names begin with crmlog_ and
// are never qualified, so that they live where the connection's search_path
// says. They hold ids and times, no message text, no names, no credentials. Rows
// are found by key alone, at the same cost for ten million messages as for ten
// thousand.
//
// # Time
//
// All times are of one clock: PostgreSQL's, whatever the clocks of its clients
// say; for SQLite that of the machine, which all processes at one file share. A
// clock that is set forward ends leases early by as much, one that is set back
// lets them last longer; clocks that are slewed, as NTP does, harm nothing.
//
// # Outcomes that are not known
//
// A method whose connection breaks, or whose context ends while the database is
// at work, returns an error and may have been carried out all the same. While
// the lease is held, Renew, Intend and Commit can be called again and end as if
// called once; a Commit with Release that had been carried out, and a Release,
// answer crmlog.ErrLeaseLost the second time. A Claim that was carried out
// without its caller knowing holds the digest until its lease has run out.
package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/crmlog/crmlog"
)

// Dialect is the SQL that a database speaks.
type Dialect string

// The databases that there are migrations for.
const (
	// SQLite 3.38 or later. Its connections need WAL and synchronous=FULL, and save
	// time if they keep the statements that they prepared; package sqlite sees to
	// both.
	SQLite Dialect = "sqlite"
	// PostgreSQL 12 or later.
	PostgreSQL Dialect = "postgres"
)

// Store is a [crmlog.Store] in a database. It starts nothing that must be
// stopped: closing the database closes it.
type Store struct{ dialect crmlog.Store }

// New returns a store in db, and makes or migrates its tables first, which is
// safe from several processes at once. A database that was migrated by a later
// version of this package is an error.
//
// db stays the caller's, to share, to tune and to close.
func New(ctx context.Context, db *sql.DB, dialect Dialect) (*Store, error) {
	var s Store
	var err error
	switch dialect {
	case SQLite:
		s.dialect, err = newSQLite(ctx, db)
	case PostgreSQL:
		s.dialect, err = newPostgres(ctx, db)
	default:
		return nil, &crmlog.InputError{Field: "dialect", Problem: "unknown; give sqlstore.SQLite or sqlstore.PostgreSQL"}
	}
	if err != nil {
		return nil, fmt.Errorf("sqlstore: %w", err)
	}
	return &s, nil
}

// Claim implements [crmlog.Store].
func (s *Store) Claim(ctx context.Context, req crmlog.ClaimRequest) (crmlog.Claim, error) {
	d := req.Digest
	if err := checkTexts("ClaimRequest.Digest", d.Ref, d.Platform, d.Account, d.User, d.Contact, d.Conversation, d.Day); err != nil {
		return crmlog.Claim{}, err
	}
	if err := checkTexts("ClaimRequest.Messages", req.Messages...); err != nil {
		return crmlog.Claim{}, err
	}
	return s.dialect.Claim(ctx, req)
}

// Renew implements [crmlog.Store].
func (s *Store) Renew(ctx context.Context, lease crmlog.Lease, d time.Duration) error {
	return s.dialect.Renew(ctx, lease, d)
}

// Intend implements [crmlog.Store].
func (s *Store) Intend(ctx context.Context, lease crmlog.Lease, in crmlog.Intention) error {
	if err := checkTexts("Intention.Messages", in.Messages...); err != nil {
		return err
	}
	return s.dialect.Intend(ctx, lease, in)
}

// Commit implements [crmlog.Store].
func (s *Store) Commit(ctx context.Context, lease crmlog.Lease, c crmlog.Commit) error {
	if c.Part < 0 || c.Part == 0 && len(c.Logged) > 0 {
		return &crmlog.InputError{Field: "Commit.Part", Problem: "not above 0; give the part of the record that the messages are logged in"}
	}
	if err := checkTexts("Commit.LogID", c.LogID); err != nil {
		return err
	}
	for _, l := range c.Logged {
		if err := checkTexts("Commit.Logged", string(l.ID), l.Status); err != nil {
			return err
		}
	}
	if c.Next != nil {
		if err := checkTexts("Commit.Next.Messages", c.Next.Messages...); err != nil {
			return err
		}
	}
	return s.dialect.Commit(ctx, lease, c)
}

// Release implements [crmlog.Store].
func (s *Store) Release(ctx context.Context, lease crmlog.Lease, settle time.Duration) error {
	return s.dialect.Release(ctx, lease, settle)
}

// Prune implements [crmlog.Store]. It forgets a batch of messages at a time, so
// that others go on in between; when it fails, what it forgot stays forgotten.
func (s *Store) Prune(ctx context.Context, before time.Time) (int64, error) {
	return s.dialect.Prune(ctx, before)
}

// checkTexts keeps out what one of the databases would refuse or change.
func checkTexts[S ~string](field string, texts ...S) error {
	for _, t := range texts {
		if !utf8.ValidString(string(t)) || strings.ContainsRune(string(t), 0) {
			return &crmlog.InputError{Field: field, Problem: "has a text with a NUL or that is not UTF-8; give ids as their systems do"}
		}
	}
	return nil
}
