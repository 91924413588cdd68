package sqlstore_test

import (
	"database/sql"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/sqlstore"
)

func requireNone(t *testing.T, db *sql.DB, query string) {
	t.Helper()
	var n int
	require.NoError(t, db.QueryRow(query).Scan(&n))
	require.Zero(t, n, query)
}

func TestStoresOpenedAtOnceMigrateOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db database) {
		for range 3 {
			source := db.fresh(t)
			var wg sync.WaitGroup
			stores := make([]closingStore, 8)
			errs := make([]error, len(stores))
			for i := range stores {
				wg.Go(func() { stores[i], errs[i] = openSource(t.Context(), source) })
			}
			wg.Wait()
			for i, s := range stores {
				require.NoError(t, errs[i])
				_, err := s.Claim(t.Context(), crmlog.ClaimRequest{Digest: testDigest(string(rune('a' + i))), Lease: time.Minute})
				require.NoError(t, err)
				require.NoError(t, s.Close())
			}
			requireNone(t, openDB(t, source), "SELECT count(*) - 1 FROM crmlog_schema")
		}
	})
}

func TestProcessesStartedAtOnceMigrateOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db database) {
		source := db.fresh(t)
		processes(t, 8, task{Role: "open", Source: source})
		requireNone(t, openDB(t, source), "SELECT count(*) - 1 FROM crmlog_schema")
		requireNone(t, openDB(t, source), "SELECT count(*) - 1 FROM crmlog_meta")
	})
}

func TestDatabaseOfALaterVersionIsRefused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db database) {
		source := db.fresh(t)
		require.NoError(t, open(t, source).Close())
		raw := openDB(t, source)
		_, err := raw.Exec("UPDATE crmlog_schema SET version = 99")
		require.NoError(t, err)
		_, err = openSource(t.Context(), source)
		require.ErrorContains(t, err, "schema version 99")
		require.ErrorContains(t, err, "later crmlog")
		requireNone(t, raw, "SELECT version - 99 FROM crmlog_schema")
	})
}

func TestMigrationThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db database) {
		raw := openDB(t, db.fresh(t))
		raw.SetMaxOpenConns(1) // the same connection again
		_, err := raw.Exec("CREATE TABLE crmlog_meta (somebody_elses integer)")
		require.NoError(t, err)
		_, err = sqlstore.New(t.Context(), raw, sqlstore.Dialect(db.name))
		require.ErrorContains(t, err, "migration 1")
		_, err = raw.Exec("DROP TABLE crmlog_meta")
		require.NoError(t, err)
		s, err := sqlstore.New(t.Context(), raw, sqlstore.Dialect(db.name))
		require.NoError(t, err)
		_, err = s.Claim(t.Context(), crmlog.ClaimRequest{Digest: testDigest("a"), Lease: time.Minute})
		require.NoError(t, err)
	})
}

func TestUnknownDialectIsRefused(t *testing.T) {
	t.Parallel()
	_, err := sqlstore.New(t.Context(), openDB(t, "sqlite:"+t.TempDir()+"/a.db"), "mysql")
	require.ErrorIs(t, err, crmlog.ErrInvalidInput)
}
