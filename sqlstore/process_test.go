package sqlstore_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crmlog/crmlog"
)

// task is what a child process is told to do, as JSON in its environment.
type task struct {
	Role   string
	Source string
	Dir    string // for what the children tell their parent, and each other
	Run    int
}

func child(text string) error {
	var t task
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s, err := openSource(ctx, t.Source)
	if err != nil {
		return err
	}
	switch t.Role {
	case "open":
	case "contend":
		err = contend(ctx, s, t.Dir)
	case "write":
		err = write(ctx, s, t.Run)
	}
	return errors.Join(err, s.Close())
}

// process starts a child; it inherits the environment, and with it where the
// database is.
func process(t *testing.T, task task) *exec.Cmd {
	text, err := json.Marshal(task)
	require.NoError(t, err)
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	return cmd
}

// processes runs n of them at once to their end.
func processes(t *testing.T, n int, task task) {
	outputs := make([]bytes.Buffer, n)
	cmds := make([]*exec.Cmd, n)
	for i := range n {
		cmds[i] = process(t, task)
		cmds[i].Stdout, cmds[i].Stderr = &outputs[i], &outputs[i]
		require.NoError(t, cmds[i].Start())
	}
	for i, cmd := range cmds {
		err := cmd.Wait()
		require.NoError(t, err, "process %d: %s", i, &outputs[i])
	}
}

func testDigest(name string) crmlog.Digest {
	return crmlog.Digest{
		Ref: "c1-" + name, Platform: "test", Account: "acme", User: "u", Contact: "c", Conversation: "c" + name, Day: "2026-03-01",
	}
}

const (
	contendDigests  = 8
	contendMessages = 12 // of each digest
)

func contendIDs(digest int) []crmlog.ID {
	ids := make([]crmlog.ID, contendMessages)
	for i := range ids {
		ids[i] = crmlog.ID(fmt.Sprintf("%d-%d", digest, i))
	}
	return ids
}

// contend writes what is not logged yet, one message at a time, until all are.
// A file per digest says that somebody writes, and a common file what was
// written.
func contend(ctx context.Context, s crmlog.Store, dir string) error {
	written, err := os.OpenFile(filepath.Join(dir, "written"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer written.Close()
	for left := rand.Perm(contendDigests); len(left) > 0; {
		digest := left[0]
		done, err := contendOnce(ctx, s, dir, written, digest)
		if err != nil {
			return err
		}
		if left = left[1:]; !done {
			left = append(left, digest)
		}
	}
	return nil
}

func contendOnce(ctx context.Context, s crmlog.Store, dir string, written io.Writer, digest int) (done bool, err error) {
	c, err := s.Claim(ctx, crmlog.ClaimRequest{
		Digest: testDigest(strconv.Itoa(digest)), Lease: time.Minute, Messages: contendIDs(digest), Intend: true,
	})
	var held *crmlog.ClaimedError
	if errors.As(err, &held) {
		time.Sleep(rand.N(2 * time.Millisecond))
		return false, nil
	}
	if err != nil {
		return false, err
	}
	mark := filepath.Join(dir, "held-"+c.Lease.Ref)
	f, err := os.OpenFile(mark, os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return false, fmt.Errorf("two hold the digest: %w", err)
	}
	if err := f.Close(); err != nil {
		return false, err
	}
	for _, m := range c.Messages {
		if m.Logged {
			continue
		}
		if _, err := fmt.Fprintf(written, "%s %s %d\n", c.Lease.Ref, m.ID, c.Lease.Fence); err != nil {
			return false, err
		}
		logged := []crmlog.LoggedMessage{{ID: m.ID}}
		if err := s.Commit(ctx, c.Lease, crmlog.Commit{Part: 1, LogID: "r", Logged: logged}); err != nil {
			return false, err
		}
		if rand.IntN(4) > 0 {
			break // somebody else's turn
		}
	}
	if err := os.Remove(mark); err != nil {
		return false, err
	}
	done = c.Intended == nil
	return done, s.Release(ctx, c.Lease, 0)
}

func TestProcessesWriteEachMessageOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db database) {
		dir := t.TempDir()
		processes(t, 4, task{Role: "contend", Source: db.fresh(t), Dir: dir})
		text, err := os.ReadFile(filepath.Join(dir, "written"))
		require.NoError(t, err)
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		require.Len(t, lines, contendDigests*contendMessages)
		seen := make(map[string]bool)
		fences := make(map[string]int64)
		for _, line := range lines {
			var ref, id string
			var fence int64
			_, err := fmt.Sscan(line, &ref, &id, &fence)
			require.NoError(t, err)
			require.False(t, seen[id], "message %s was written twice", id)
			seen[id] = true
			require.GreaterOrEqual(t, fence, fences[ref], "digest %s: an earlier holder wrote later", ref)
			fences[ref] = fence
		}
	})
}

// write logs messages until it is killed, each in a digest of its own, and says
// which are.
func write(ctx context.Context, s crmlog.Store, run int) error {
	out := make(chan string)
	errs := make(chan error)
	for i := range 8 {
		go func() {
			for n := 0; ; n++ {
				name := fmt.Sprintf("%d-%d-%d", run, i, n)
				c, err := s.Claim(ctx, crmlog.ClaimRequest{Digest: testDigest(name), Lease: time.Minute, Messages: []crmlog.ID{crmlog.ID(name)}, Intend: true})
				if err == nil {
					err = s.Commit(ctx, c.Lease, crmlog.Commit{Part: 1, LogID: "r" + name, Logged: []crmlog.LoggedMessage{{ID: crmlog.ID(name)}}, Release: true})
				}
				if err != nil {
					errs <- err
					return
				}
				out <- name
			}
		}()
	}
	for {
		select {
		case name := <-out:
			fmt.Println(name)
		case err := <-errs:
			return err
		}
	}
}

func TestKilledProcessLosesNothingItWasTold(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db database) {
		source := db.fresh(t)
		var told []string
		for run := range 6 {
			cmd := process(t, task{Role: "write", Source: source, Run: run})
			out, err := cmd.StdoutPipe()
			require.NoError(t, err)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			require.NoError(t, cmd.Start())
			kill := sync.OnceFunc(func() { _ = cmd.Process.Kill() })
			lines := bufio.NewScanner(out)
			for lines.Scan() {
				told = append(told, lines.Text())
				time.AfterFunc(rand.N(60*time.Millisecond), kill)
			}
			require.Error(t, cmd.Wait(), "the process was not killed")
			require.Empty(t, stderr.String())
		}
		require.NotEmpty(t, told)

		s := open(t, source)
		for _, name := range told {
			c, err := s.Claim(t.Context(), crmlog.ClaimRequest{Digest: testDigest(name), Lease: time.Minute, Messages: []crmlog.ID{crmlog.ID(name)}, Intend: true})
			require.NoError(t, err)
			require.True(t, c.Messages[0].Logged, "message %s", name)
			require.Equal(t, "r"+name, c.Messages[0].LogID)
			require.Nil(t, c.Open)
			require.Nil(t, c.Intended)
		}
		raw := openDB(t, source)
		// What was cut off in the middle left all of a claim, or of a commit, or
		// nothing.
		requireNone(t, raw, "SELECT count(*) FROM crmlog_messages m WHERE NOT EXISTS (SELECT 1 FROM crmlog_digests d WHERE d.ref = m.ref)")
		requireNone(t, raw, "SELECT count(*) FROM crmlog_messages m WHERE logged_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM ("+db.parts+") p WHERE p.ref = m.ref AND p.part = m.part)")
		requireNone(t, raw, "SELECT count(*) FROM crmlog_digests d WHERE intention_kind IS NOT NULL AND EXISTS (SELECT 1 FROM ("+db.parts+") p WHERE p.ref = d.ref)")
		if db.name == "sqlite" {
			var result string
			require.NoError(t, raw.QueryRow("PRAGMA integrity_check").Scan(&result))
			require.Equal(t, "ok", result)
		}
	})
}
