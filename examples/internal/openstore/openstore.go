// Package openstore opens the store that a -store flag names, for the examples.
package openstore

import (
	"context"
	"errors"
	"strings"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/sqlstore/postgres"
	"github.com/crmlog/crmlog/sqlstore/sqlite"
)

// Usage is the flag's help.
const Usage = "where to remember what is logged: memory, sqlite:PATH or postgres://…"

// ErrForm is returned for a name that no store has.
var ErrForm = errors.New("-store: not a store; give memory, sqlite:PATH or a postgres:// URL")

// Check reports whether name has the form of a store's name, without opening it.
func Check(name string) error {
	path, isFile := strings.CutPrefix(name, "sqlite:")
	if name == "memory" || isFile && path != "" || isPostgres(name) {
		return nil
	}
	return ErrForm
}

func isPostgres(name string) bool {
	return strings.HasPrefix(name, "postgres://") || strings.HasPrefix(name, "postgresql://")
}

// Open opens the store, which is to be closed in the end.
func Open(ctx context.Context, name string) (store crmlog.Store, closeStore func() error, err error) {
	if err := Check(name); err != nil {
		return nil, nil, err
	}
	if name == "memory" {
		return crmlog.NewMemoryStore(), func() error { return nil }, nil
	}
	if path, ok := strings.CutPrefix(name, "sqlite:"); ok {
		s, err := sqlite.Open(ctx, path)
		if err != nil {
			return nil, nil, err
		}
		return s, s.Close, nil
	}
	s, err := postgres.Open(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	return s, s.Close, nil
}
