package sqlstore_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	moderncsqlite "modernc.org/sqlite"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/sqlstore"
)

// A database as somebody opens it who brings the driver along: its connections
// keep no statements.
func TestStoreInTheCallersDatabase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "store.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	require.NoError(t, err)
	defer db.Close()
	s, err := sqlstore.New(t.Context(), db, sqlstore.SQLite)
	require.NoError(t, err)
	var wg sync.WaitGroup
	errs := make([]error, 16)
	for i := range errs {
		wg.Go(func() {
			d := testDigest(fmt.Sprint(i))
			d.User = d.Ref
			for m := range 5 {
				ids := []crmlog.ID{"0", crmlog.ID(fmt.Sprint(m))}
				if m == 0 {
					ids = ids[:1]
				}
				c, err := s.Claim(t.Context(), crmlog.ClaimRequest{Digest: d, Lease: time.Minute, Messages: ids, Intend: true})
				if err == nil && m > 0 && (!c.Messages[0].Logged || c.Messages[1].Logged || len(c.Parts) != 1) {
					err = fmt.Errorf("claim %d of digest %d found %+v", m, i, c)
				}
				if err == nil {
					err = s.Commit(t.Context(), c.Lease, crmlog.Commit{
						Part: 1, LogID: d.Ref, Logged: []crmlog.LoggedMessage{{ID: ids[len(ids)-1]}}, Release: true,
					})
				}
				errs[i] = errors.Join(errs[i], err)
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	requireNone(t, db, "SELECT count(*) - 16 * 5 FROM crmlog_messages WHERE logged_at IS NOT NULL")

	require.NoError(t, db.Close())
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, files, 1, "a statement holds the file open")
}

// A fence names a lease, also among the leases of all digests and processes: the
// router tells by it which writer logged a message.
func TestFencesAreGivenOutOnce(t *testing.T) {
	t.Parallel()
	source := "sqlite:" + filepath.Join(t.TempDir(), "store.db")
	stores := []closingStore{open(t, source), open(t, source)}
	last := make(map[string]int64)
	seen := make(map[int64]bool)
	for i := range 60 {
		s := stores[i/5%len(stores)]
		if i%20 == 19 {
			require.NoError(t, s.Close())
			s = open(t, source)
			stores[i/5%len(stores)] = s
		}
		d := testDigest(fmt.Sprint(i % 3))
		c, err := s.Claim(t.Context(), crmlog.ClaimRequest{Digest: d, Lease: time.Minute})
		require.NoError(t, err)
		require.Greater(t, c.Lease.Fence, last[d.Ref])
		require.False(t, seen[c.Lease.Fence], "fence %d a second time", c.Lease.Fence)
		last[d.Ref], seen[c.Lease.Fence] = c.Lease.Fence, true
		require.NoError(t, s.Release(t.Context(), c.Lease, 0))
	}
}

// A claim of a new digest writes its row before it knows of the messages.
func TestNewDigestIntendsOnlyItsOwn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db database) {
		s := open(t, db.fresh(t))
		claim := func(name string, ids ...crmlog.ID) crmlog.Claim {
			c, err := s.Claim(t.Context(), crmlog.ClaimRequest{
				Digest: testDigest(name), Lease: time.Minute, Messages: ids, Intend: true, Settle: time.Second,
			})
			require.NoError(t, err)
			require.NoError(t, s.Release(t.Context(), c.Lease, 0))
			return c
		}
		claim("a", "1", "2")
		for name, want := range map[string][]crmlog.ID{"some": {"3", "4"}, "none": nil} {
			ids := append([]crmlog.ID{"1"}, want...)
			first, second := claim(name, ids...), claim(name)
			if want == nil {
				require.Nil(t, first.Intended)
				require.Nil(t, second.Open)
				continue
			}
			require.Equal(t, want, first.Intended.Messages)
			require.Equal(t, *first.Intended, second.Open.Intention)
			require.Equal(t, first.Lease.Fence, second.Open.Fence)
		}
	})
}

// failing is a connector whose connections fail at one statement when told to.
type failing struct {
	driver.Connector
	at       atomic.Pointer[string]
	open     atomic.Int32
	replaced atomic.Int32
}

type failingConn struct {
	driver.Conn
	f *failing
}

type failingStmt struct {
	driver.Stmt
	query string
	f     *failing
}

var errFailing = errors.New("failing on purpose")

func (f *failing) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := f.Connector.Connect(ctx)
	f.open.Add(1)
	return &failingConn{c, f}, err
}

func (c *failingConn) Close() error {
	c.f.open.Add(-1)
	c.f.replaced.Add(1)
	return c.Conn.Close()
}

func (c *failingConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	s, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return &failingStmt{s, query, c.f}, nil
}

func (s *failingStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if at := s.f.at.Load(); at != nil && (s.query == *at || *at == "the end" && (s.query == "COMMIT" || s.query == "ROLLBACK")) {
		return nil, errFailing
	}
	return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
}

func (s *failingStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
}

func TestWhatCannotBeCommittedLeavesNothing(t *testing.T) {
	t.Parallel()
	for at, replaced := range map[string]int32{"BEGIN IMMEDIATE": 0, "COMMIT": 0, "the end": 1} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "store.db")
			inner, err := moderncsqlite.NewConnector("file:" + path + "?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
			require.NoError(t, err)
			f := &failing{Connector: inner}
			db := sql.OpenDB(f)
			defer db.Close()
			db.SetMaxOpenConns(1)
			s, err := sqlstore.New(t.Context(), db, sqlstore.SQLite)
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()

			claim := func(s crmlog.Store, name string) (crmlog.Claim, error) {
				return s.Claim(ctx, crmlog.ClaimRequest{Digest: testDigest(name), Lease: time.Minute, Messages: []crmlog.ID{crmlog.ID(name)}, Intend: true})
			}
			f.at.Store(&at)
			_, err = claim(s, "a")
			require.ErrorIs(t, err, errFailing)
			f.at.Store(nil)
			require.Equal(t, replaced, f.replaced.Load())

			// Nobody holds it, and the numbers that were reserved are not given out twice.
			fences := make(map[int64]bool)
			other := open(t, "sqlite:"+path)
			for _, name := range []string{"a", "b", "c"} {
				for _, s := range []crmlog.Store{s, other} {
					c, err := claim(s, name)
					require.NoError(t, err)
					require.Nil(t, c.Open)
					fences[c.Lease.Fence] = true
					name += "'"
				}
			}
			require.Len(t, fences, 6)
			require.NoError(t, db.Close())
			require.Zero(t, f.open.Load())
		})
	}
}
