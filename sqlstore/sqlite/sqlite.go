// Package sqlite opens a [crmlog.Store] in an SQLite file: the store for a
// service that runs on one machine, in one process or several. It needs no
// server and no cgo.
//
// The file is in WAL mode at synchronous=FULL: what a method has returned
// survives a crash of the process, of the machine, and a power cut, as far as
// the disk keeps what it says it has synced. Operations that come at the same
// time share a sync. All processes must be on the same machine: WAL does not
// work over network file systems.
//
// Do not open the file by other means in the same process, such as to copy it:
// on most systems closing it again takes SQLite's locks away. A copy made by
// another process while it is in use must include the file's -wal.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/sqlstore"
)

// Store is a [crmlog.Store] in a file.
type Store struct {
	*sqlstore.Store
	db *sql.DB
}

// Open opens the store in the file at path, which it makes when it is missing,
// readable by its owner alone; the folder must exist. A path is taken as it is:
// no character in it has a meaning to SQLite, and ":memory:" and "file:" URIs
// are an [*crmlog.InputError].
func Open(ctx context.Context, path string) (*Store, error) {
	if err := check(path); err != nil {
		return nil, err
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	if err := create(abs); err != nil {
		return nil, fmt.Errorf("sqlite: %s: %w", path, err)
	}
	driver, err := sqlite.NewConnector(dsn(abs))
	if err != nil {
		return nil, fmt.Errorf("sqlite: %s: %w", path, err)
	}
	db := sql.OpenDB(connector{driver})
	// A second connection could only wait for the first.
	db.SetMaxOpenConns(1)
	s, err := open(ctx, db)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sqlite: %s: %w", path, err), db.Close())
	}
	return s, nil
}

func open(ctx context.Context, db *sql.DB) (*Store, error) {
	s, err := sqlstore.New(ctx, db, sqlstore.SQLite)
	if err != nil {
		return nil, err
	}
	var mode string
	if err := db.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return nil, err
	}
	if mode != "wal" {
		return nil, fmt.Errorf("the journal mode is %s: the file system does not support WAL", mode)
	}
	return &Store{s, db}, nil
}

// Close closes the file.
func (s *Store) Close() error { return s.db.Close() }

func check(path string) error {
	problem := ""
	switch {
	case path == "":
		problem = "empty; give the file's path"
	case strings.Contains(path, ":memory:"):
		problem = "is :memory:; crmlog.NewMemoryStore is the store that does not outlive the program"
	case strings.HasPrefix(path, "file:"):
		problem = "is a URI; give the file's path as it is"
	case strings.ContainsRune(path, 0):
		problem = "has a NUL; give the file's path"
	default:
		return nil
	}
	return &crmlog.InputError{Field: "path", Problem: problem}
}

// create makes the file, empty, if it is missing: SQLite would let everybody
// read it. It comes to its name by a link, since this process must not close a
// file that one of its connections may have locked.
func create(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".crmlog-*") // has mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// dsn sets no busy_timeout: SQLite's own waiting for other processes looks ever
// more seldom, up to every 100 ms, and so finds the file always taken where
// several are busy. Sqlstore looks every few milliseconds. The cache of 16 MiB
// holds the upper levels of the trees of ten million messages.
func dsn(abs string) string {
	slashed := filepath.ToSlash(abs)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // C:/…
	}
	u := url.URL{Scheme: "file", Path: slashed, RawQuery: url.Values{
		"_txlock": {"immediate"},
		"_pragma": {"journal_mode(WAL)", "synchronous(FULL)", "cache_size(-16384)"},
	}.Encode()}
	return u.String()
}
