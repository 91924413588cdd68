package proof

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/sqlstore/postgres"
	"github.com/crmlog/crmlog/sqlstore/sqlite"
)

// storage is a place for a store, which several processes may open by its
// source.
type storage struct {
	name string
	make func(t *testing.T) (source string)
}

// Sources of stores that end with their process.
const (
	memory = "memory"
	flaky  = "flaky" // a memory that fails; see flakyStore
)

var (
	inMemory = storage{memory, func(*testing.T) string { return memory }}
	onSQLite = storage{"sqlite", func(t *testing.T) string {
		return "sqlite:" + filepath.Join(t.TempDir(), "store.db")
	}}
	onPostgres = storage{"postgres", newSchema}
)

// openStore opens a store. The function closes it.
func openStore(ctx context.Context, source string) (crmlog.Store, func() error, error) {
	switch source {
	case memory:
		return crmlog.NewMemoryStore(), func() error { return nil }, nil
	case flaky:
		return &flakyStore{store: crmlog.NewMemoryStore(), down: make(map[string]time.Time)}, func() error { return nil }, nil
	}
	if path, ok := strings.CutPrefix(source, "sqlite:"); ok {
		s, err := sqlite.Open(ctx, path)
		if err != nil {
			return nil, nil, err
		}
		return s, s.Close, nil
	}
	s, err := postgres.Open(ctx, source)
	if err != nil {
		return nil, nil, err
	}
	return s, s.Close, nil
}

// flakyStore loses its connection now and then, before or after it carried a
// call out, and has it again after a while, which may be longer than the lease.
// Each digest has a connection of its own.
type flakyStore struct {
	store crmlog.Store
	mu    sync.Mutex
	down  map[string]time.Time // until when, by digest
}

var errLost = errors.New("the connection to the database was lost")

func (s *flakyStore) call(ref string, f func() error) error {
	s.mu.Lock()
	down := time.Now().Before(s.down[ref])
	lose := mathrand.IntN(20)
	if lose < 2 {
		s.down[ref] = time.Now().Add(time.Duration(mathrand.Int64N(int64(lease))))
	}
	s.mu.Unlock()
	if down || lose == 0 {
		return errLost
	}
	if err := f(); lose > 1 {
		return err
	}
	return errLost
}

func (s *flakyStore) Claim(ctx context.Context, req crmlog.ClaimRequest) (c crmlog.Claim, err error) {
	err = s.call(req.Digest.Ref, func() error {
		c, err = s.store.Claim(ctx, req)
		return err
	})
	if err != nil {
		c = crmlog.Claim{}
	}
	return c, err
}

func (s *flakyStore) Renew(ctx context.Context, lease crmlog.Lease, d time.Duration) error {
	return s.call(lease.Ref, func() error { return s.store.Renew(ctx, lease, d) })
}

func (s *flakyStore) Intend(ctx context.Context, lease crmlog.Lease, in crmlog.Intention) error {
	return s.call(lease.Ref, func() error { return s.store.Intend(ctx, lease, in) })
}

func (s *flakyStore) Commit(ctx context.Context, lease crmlog.Lease, c crmlog.Commit) error {
	return s.call(lease.Ref, func() error { return s.store.Commit(ctx, lease, c) })
}

func (s *flakyStore) Release(ctx context.Context, lease crmlog.Lease, settle time.Duration) error {
	return s.call(lease.Ref, func() error { return s.store.Release(ctx, lease, settle) })
}

func (s *flakyStore) Prune(ctx context.Context, before time.Time) (int64, error) {
	return s.store.Prune(ctx, before)
}

// newSchema makes a schema for one test, and returns the URL of a connection
// that lives in it.
func newSchema(t *testing.T) string {
	server := os.Getenv("CRMLOG_TEST_POSTGRES")
	if server == "" && os.Getenv("CRMLOG_REQUIRE_POSTGRES") == "1" {
		t.Fatal("CRMLOG_REQUIRE_POSTGRES=1, but CRMLOG_TEST_POSTGRES is not set: give the URL of a PostgreSQL database for tests")
	}
	if server == "" {
		t.Skip("CRMLOG_TEST_POSTGRES is not set: give the URL of a PostgreSQL database for tests")
	}
	db, err := sql.Open("pgx", server)
	require.NoError(t, err)
	name := "crmlog_proof_" + strings.ToLower(rand.Text())
	_, err = db.ExecContext(t.Context(), "CREATE SCHEMA "+name)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := db.ExecContext(context.Background(), "DROP SCHEMA "+name+" CASCADE")
		require.NoError(t, err)
		require.NoError(t, db.Close())
	})
	if !strings.Contains(server, "://") {
		return fmt.Sprintf("%s search_path=%s", server, name)
	}
	u, err := url.Parse(server)
	require.NoError(t, err)
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	return u.String()
}
