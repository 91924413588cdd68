package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crmlog/crmlog"
)

// poison makes the database refuse to log the message "poison".
func poison(t *testing.T, db database, raw *sql.DB) {
	statement := "ALTER TABLE crmlog_messages ADD CHECK (message_id <> 'poison' OR logged_at IS NULL)"
	if db.name == "sqlite" {
		statement = `CREATE TRIGGER poison BEFORE UPDATE ON crmlog_messages WHEN new.message_id = 'poison'
			BEGIN SELECT raise(ABORT, 'poisoned'); END`
	}
	_, err := raw.Exec(statement)
	require.NoError(t, err)
}

func TestCommitThatFailsHalfwayChangesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db database) {
		source := db.fresh(t)
		s := open(t, source)
		poison(t, db, openDB(t, source))
		req := crmlog.ClaimRequest{Digest: testDigest("a"), Lease: time.Minute, Messages: []crmlog.ID{"1", "poison"}, Intend: true}
		c, err := s.Claim(t.Context(), req)
		require.NoError(t, err)
		commit := crmlog.Commit{Part: 1, LogID: "r", Logged: []crmlog.LoggedMessage{{ID: "1"}, {ID: "poison"}}, Release: true}
		require.Error(t, s.Commit(t.Context(), c.Lease, commit))

		require.NoError(t, s.Release(t.Context(), c.Lease, 0), "the commit gave back the lease")
		c, err = s.Claim(t.Context(), req)
		require.NoError(t, err)
		require.Empty(t, c.Parts)
		require.NotNil(t, c.Open)
		require.False(t, c.Messages[0].Logged)
	})
}

func TestOperationThatFailsFailsAlone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db database) {
		source := db.fresh(t)
		s := open(t, source)
		poison(t, db, openDB(t, source))
		const digests = 40
		commits := make([]func() error, digests)
		for i := range digests {
			id := crmlog.ID(fmt.Sprint("m", i))
			d := testDigest(string(id))
			if i%10 == 0 {
				id, d.User = "poison", string(id) // in a scope of its own
			}
			c, err := s.Claim(t.Context(), crmlog.ClaimRequest{Digest: d, Lease: time.Minute, Messages: []crmlog.ID{id}})
			require.NoError(t, err)
			commits[i] = func() error {
				return s.Commit(t.Context(), c.Lease, crmlog.Commit{Part: 1, LogID: "r", Logged: []crmlog.LoggedMessage{{ID: id}}, Release: true})
			}
		}
		unlock := lockOut(t, source) // until they have gathered
		defer unlock()
		time.AfterFunc(100*time.Millisecond, unlock)
		errs := make([]error, digests)
		var wg sync.WaitGroup
		for i, commit := range commits {
			wg.Go(func() { errs[i] = commit() })
		}
		wg.Wait()
		for i, err := range errs {
			if i%10 == 0 {
				require.Error(t, err)
			} else {
				require.NoError(t, err)
			}
		}
		requireNone(t, openDB(t, source), "SELECT count(*) - 36 FROM crmlog_messages WHERE logged_at IS NOT NULL")
		requireNone(t, openDB(t, source), "SELECT count(*) - 36 FROM ("+db.parts+") p")
	})
}

// lockOut makes everybody else wait until the function returned is called.
func lockOut(t *testing.T, source string) (end func()) {
	raw := openDB(t, source)
	conn, err := raw.Conn(t.Context())
	require.NoError(t, err)
	statement := "BEGIN IMMEDIATE"
	if !strings.HasPrefix(source, "sqlite:") {
		statement = "BEGIN; LOCK TABLE crmlog_digests"
	}
	_, err = conn.ExecContext(t.Context(), statement)
	require.NoError(t, err)
	return sync.OnceFunc(func() {
		_, _ = conn.ExecContext(context.Background(), "ROLLBACK")
		_ = conn.Close()
	})
}

func TestCallerThatCannotWaitLeaves(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db database) {
		source := db.fresh(t)
		s := open(t, source)
		unlock := lockOut(t, source)
		defer unlock()
		req := crmlog.ClaimRequest{Digest: testDigest("a"), Lease: time.Minute, Messages: []crmlog.ID{"1"}}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := s.Claim(ctx, req)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Less(t, time.Since(start), 2*time.Second)
		unlock()
		if db.name == "postgres" {
			return // where the server may have carried it out all the same
		}
		_, err = s.Claim(t.Context(), req)
		require.NoError(t, err)
	})
}

func TestCallersWaitForALockThatEnds(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db database) {
		source := db.fresh(t)
		s := open(t, source)
		unlock := lockOut(t, source)
		defer unlock()
		time.AfterFunc(200*time.Millisecond, unlock)
		_, err := s.Claim(t.Context(), crmlog.ClaimRequest{Digest: testDigest("a"), Lease: time.Minute})
		require.NoError(t, err)
	})
}

func TestRefusedClaimWritesNothing(t *testing.T) {
	t.Parallel()
	source := "sqlite:" + filepath.Join(t.TempDir(), "store.db")
	s := open(t, source)
	req := crmlog.ClaimRequest{Digest: testDigest("a"), Lease: time.Minute}
	_, err := s.Claim(t.Context(), req)
	require.NoError(t, err)
	raw := openDB(t, source)
	raw.SetMaxOpenConns(1)
	version := func() (v int) {
		require.NoError(t, raw.QueryRow("PRAGMA data_version").Scan(&v))
		return v
	}
	before := version()
	for range 3 {
		_, err = s.Claim(t.Context(), req)
		require.ErrorAs(t, err, new(*crmlog.ClaimedError))
	}
	require.Equal(t, before, version(), "those who ask for what is held make the disk sync")
	_, err = s.Claim(t.Context(), crmlog.ClaimRequest{Digest: testDigest("b"), Lease: time.Minute})
	require.NoError(t, err)
	require.NotEqual(t, before, version())
}

// The lease of a commit runs out while the commit waits in the server. A claim
// that began before it was through must not miss what it logged.
func TestClaimSeesTheCommitThatItWaitedFor(t *testing.T) {
	t.Parallel()
	source := freshSchema(t)
	s := open(t, source)
	const lease = time.Second
	c, err := s.Claim(t.Context(), crmlog.ClaimRequest{Digest: testDigest("a"), Lease: lease, Messages: []crmlog.ID{"1"}})
	require.NoError(t, err)
	claimed := time.Now()

	raw := openDB(t, source)
	tx, err := raw.Begin()
	require.NoError(t, err)
	defer func() { _ = tx.Rollback() }()
	var blocker int
	require.NoError(t, tx.QueryRow("SELECT pg_backend_pid() FROM crmlog_messages FOR UPDATE").Scan(&blocker))
	blockedBy := func(pid int) (blocked int) {
		require.Eventually(t, func() bool {
			err := raw.QueryRow("SELECT pid FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))", pid).Scan(&blocked)
			return err == nil
		}, 10*time.Second, 5*time.Millisecond)
		return blocked
	}

	var wg sync.WaitGroup
	var commitErr, claimErr error
	var late crmlog.Claim
	wg.Go(func() {
		commitErr = s.Commit(t.Context(), c.Lease, crmlog.Commit{Part: 1, LogID: "r", Logged: []crmlog.LoggedMessage{{ID: "1"}}})
	})
	committer := blockedBy(blocker)
	time.Sleep(time.Until(claimed.Add(lease))) // only the server's clock knows when it ran out
	wg.Go(func() {
		late, claimErr = s.Claim(t.Context(), crmlog.ClaimRequest{Digest: testDigest("a"), Lease: time.Minute, Messages: []crmlog.ID{"1"}, Intend: true})
	})
	blockedBy(committer)
	require.NoError(t, tx.Rollback())
	wg.Wait()
	require.NoError(t, commitErr)
	require.NoError(t, claimErr)
	require.True(t, late.Messages[0].Logged)
	require.Nil(t, late.Intended)
	require.Equal(t, "r", late.Parts[0].LogID)
}

func TestClosedStoreSaysSo(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db database) {
		s := open(t, db.fresh(t))
		require.NoError(t, s.Close())
		_, err := s.Claim(t.Context(), crmlog.ClaimRequest{Digest: testDigest("a"), Lease: time.Minute})
		require.ErrorContains(t, err, "claim: sql: database is closed")
	})
}

func TestWhatADatabaseWouldChangeIsRefused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db database) {
		s := open(t, db.fresh(t))
		ctx := t.Context()
		c, err := s.Claim(ctx, crmlog.ClaimRequest{Digest: testDigest("a"), Lease: time.Minute})
		require.NoError(t, err)
		for _, bad := range []string{"a\x00", "\xff"} {
			d := testDigest("b")
			d.Contact = bad
			ids := []crmlog.ID{crmlog.ID(bad)}
			in := crmlog.Intention{Kind: crmlog.IntendUpdate, Part: 1, Messages: ids}
			_, inDigest := s.Claim(ctx, crmlog.ClaimRequest{Digest: d, Lease: time.Minute})
			_, inMessages := s.Claim(ctx, crmlog.ClaimRequest{Digest: testDigest("b"), Lease: time.Minute, Messages: ids})
			for _, err := range []error{
				inDigest, inMessages, s.Intend(ctx, c.Lease, in),
				s.Commit(ctx, c.Lease, crmlog.Commit{Part: 1, LogID: bad}),
				s.Commit(ctx, c.Lease, crmlog.Commit{Part: 1, LogID: "r", Logged: []crmlog.LoggedMessage{{ID: ids[0]}}}),
				s.Commit(ctx, c.Lease, crmlog.Commit{Part: 1, LogID: "r", Logged: []crmlog.LoggedMessage{{ID: "1", Status: bad}}}),
				s.Commit(ctx, c.Lease, crmlog.Commit{Next: &in}),
			} {
				var input *crmlog.InputError
				require.True(t, errors.As(err, &input), "%v", err)
				require.NotContains(t, err.Error(), bad)
			}
		}
		err = s.Commit(ctx, c.Lease, crmlog.Commit{Logged: []crmlog.LoggedMessage{{ID: "1"}}})
		require.ErrorIs(t, err, crmlog.ErrInvalidInput)
	})
}

func TestCommitMayNameAMessageTwice(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db database) {
		s := open(t, db.fresh(t))
		req := crmlog.ClaimRequest{Digest: testDigest("a"), Lease: time.Minute, Messages: []crmlog.ID{"1"}}
		c, err := s.Claim(t.Context(), req)
		require.NoError(t, err)
		logged := []crmlog.LoggedMessage{{ID: "1", Status: "Sent"}, {ID: "1", Status: "Delivered"}}
		require.NoError(t, s.Commit(t.Context(), c.Lease, crmlog.Commit{Part: 1, LogID: "r", Logged: logged, Release: true}))
		c, err = s.Claim(t.Context(), req)
		require.NoError(t, err)
		require.Equal(t, "Delivered", c.Messages[0].Status)
	})
}
