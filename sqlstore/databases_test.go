package sqlstore_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/sqlstore/postgres"
	"github.com/crmlog/crmlog/sqlstore/sqlite"
	"github.com/crmlog/crmlog/storetest"
)

// A database makes storage for tests; source is what opens a store on it, from
// another process too.
type database struct {
	name  string
	fresh func(t testing.TB) (source string)
	parts string // selects ref and part of all records
}

var databases = []database{
	{"sqlite", func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "store.db") },
		"SELECT ref, 1 AS part FROM crmlog_digests WHERE log_id IS NOT NULL UNION ALL SELECT ref, part FROM crmlog_parts"},
	{"postgres", freshSchema, "SELECT ref, part FROM crmlog_parts"},
}

// each runs a test on each database.
func each(t *testing.T, test func(t *testing.T, db database)) {
	for _, db := range databases {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			test(t, db)
		})
	}
}

type closingStore interface {
	crmlog.Store
	Close() error
}

func openSource(ctx context.Context, source string) (closingStore, error) {
	if path, ok := strings.CutPrefix(source, "sqlite:"); ok {
		return sqlite.Open(ctx, path)
	}
	return postgres.Open(ctx, source)
}

func open(t testing.TB, source string) closingStore {
	s, err := openSource(t.Context(), source)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// openDB opens the database beneath a store.
func openDB(t testing.TB, source string) *sql.DB {
	driver, dsn := "pgx", source
	if path, ok := strings.CutPrefix(source, "sqlite:"); ok {
		driver, dsn = "sqlite", path
	}
	db, err := sql.Open(driver, dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// freshSchema makes a schema for this test alone.
func freshSchema(t testing.TB) string {
	server := postgresServer(t)
	source, remove, err := newSchema(t.Context(), server)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, remove()) })
	return source
}

func postgresServer(t testing.TB) string {
	server := os.Getenv("CRMLOG_TEST_POSTGRES")
	if server == "" && os.Getenv("CRMLOG_REQUIRE_POSTGRES") == "1" {
		t.Fatal("CRMLOG_REQUIRE_POSTGRES is set and CRMLOG_TEST_POSTGRES is not: give the URL of a PostgreSQL database for tests")
	}
	if server == "" {
		t.Skip("CRMLOG_TEST_POSTGRES is not set: give the URL of a PostgreSQL database for tests")
	}
	return server
}

func newSchema(ctx context.Context, server string) (source string, remove func() error, err error) {
	db, err := sql.Open("pgx", server)
	if err != nil {
		return "", nil, err
	}
	defer db.Close()
	name := "crmlog_test_" + strings.ToLower(rand.Text())
	if _, err := db.ExecContext(ctx, "CREATE SCHEMA "+name); err != nil {
		return "", nil, err
	}
	source, err = withSetting(server, "search_path", name)
	return source, func() error {
		db, err := sql.Open("pgx", server)
		if err != nil {
			return err
		}
		defer db.Close()
		_, err = db.ExecContext(context.WithoutCancel(ctx), "DROP SCHEMA "+name+" CASCADE")
		return err
	}, err
}

func withSetting(server, name, value string) (string, error) {
	if !strings.Contains(server, "://") {
		return fmt.Sprintf("%s %s='%s'", server, name, value), nil
	}
	u, err := url.Parse(server)
	if err != nil {
		return "", err
	}
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20") // a plus is a plus to libpq
	return u.String(), nil
}

func TestStoreKeepsTheContract(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		storetest.Run(t, storetest.Harness{New: func(context.Context) (storetest.Storage, error) {
			dir, err := os.MkdirTemp("", "crmlog")
			return storetest.Storage{
				Open: func(ctx context.Context) (crmlog.Store, error) {
					return openSource(ctx, "sqlite:"+filepath.Join(dir, "store.db"))
				},
				Remove: func() error { return os.RemoveAll(dir) },
			}, err
		}})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		storetest.Run(t, postgresHarness(postgresServer(t)))
	})
}

func postgresHarness(server string) storetest.Harness {
	return storetest.Harness{New: func(ctx context.Context) (storetest.Storage, error) {
		source, remove, err := newSchema(ctx, server)
		return storetest.Storage{
			Open:   func(ctx context.Context) (crmlog.Store, error) { return openSource(ctx, source) },
			Remove: remove,
		}, err
	}}
}

// As it is behind a pooler, and where an operator has set another isolation.
func TestPostgresSettingsDoNotMatter(t *testing.T) {
	t.Parallel()
	server := postgresServer(t)
	if os.Getenv("CRMLOG_PROOF") != "full" {
		t.Skip("takes a while: set CRMLOG_PROOF=full")
	}
	for _, setting := range [][2]string{
		{"default_query_exec_mode", "exec"},
		{"default_query_exec_mode", "simple_protocol"},
		{"default_transaction_isolation", "repeatable read"},
		{"default_transaction_isolation", "serializable"},
	} {
		t.Run(setting[0]+"="+setting[1], func(t *testing.T) {
			t.Parallel()
			server, err := withSetting(server, setting[0], setting[1])
			require.NoError(t, err)
			storetest.Run(t, postgresHarness(server))
		})
	}
}
