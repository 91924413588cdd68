package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
)

// migrations has a folder per dialect. The files are numbered from 1 without a
// gap, and never change once released.
//
//go:embed migrations
var migrations embed.FS

// A migrator brings a database's schema up to date.
type migrator struct {
	dialect Dialect
	begin   string // begins a transaction in which nobody else migrates
	exists  string // tells whether there is a table crmlog_schema
}

func (m migrator) migrate(ctx context.Context, db *sql.DB) (err error) {
	// On one connection, since begin is more than BeginTx can say.
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()

	// Most of the time there is nothing to do and nobody to wait for.
	steps, err := m.missing(ctx, conn)
	if err != nil || len(steps) == 0 {
		return err
	}
	defer func() {
		if err != nil {
			_, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") // the first error says more
		}
	}()
	if _, err := conn.ExecContext(ctx, m.begin); err != nil {
		return err
	}
	if steps, err = m.missing(ctx, conn); err != nil {
		return err
	}
	for _, step := range steps {
		if _, err := conn.ExecContext(ctx, step.sql); err != nil {
			return fmt.Errorf("migration %d: %w", step.version, err)
		}
	}
	_, err = conn.ExecContext(ctx, "COMMIT")
	return err
}

type step struct {
	version int
	sql     string
}

// missing returns the migrations that the database has not had.
func (m migrator) missing(ctx context.Context, conn *sql.Conn) ([]step, error) {
	steps, err := m.steps()
	if err != nil {
		return nil, err
	}
	var exists bool
	if err := conn.QueryRowContext(ctx, m.exists).Scan(&exists); err != nil {
		return nil, err
	}
	version := 0
	if exists {
		if err := conn.QueryRowContext(ctx, "SELECT version FROM crmlog_schema").Scan(&version); err != nil {
			return nil, fmt.Errorf("schema version: %w", err)
		}
	}
	if version > len(steps) {
		return nil, fmt.Errorf("the database has schema version %d and this program knows up to %d: it was migrated by a later crmlog, use that or later", version, len(steps))
	}
	return steps[version:], nil
}

// steps are the dialect's migrations, each of which also says what it brings
// the schema to.
func (m migrator) steps() ([]step, error) {
	dir := path.Join("migrations", string(m.dialect))
	files, err := fs.ReadDir(migrations, dir) // sorted by name
	if err != nil {
		return nil, err
	}
	steps := make([]step, len(files))
	for i, f := range files {
		text, err := fs.ReadFile(migrations, path.Join(dir, f.Name()))
		if err != nil {
			return nil, err
		}
		record := fmt.Sprintf("UPDATE crmlog_schema SET version = %d;", i+1)
		if i == 0 {
			record = "CREATE TABLE crmlog_schema (version integer NOT NULL); INSERT INTO crmlog_schema VALUES (1);"
		}
		steps[i] = step{version: i + 1, sql: string(text) + "\n" + record}
	}
	return steps, nil
}
