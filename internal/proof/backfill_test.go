package proof

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/testcrm"
)

// buildBackfill compiles the example program.
func buildBackfill(t *testing.T) string {
	exe := filepath.Join(t.TempDir(), "backfill.exe")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", exe, "./examples/backfill")
	build.Dir = filepath.Join("..", "..")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	return exe
}

// backfill is a run of the program.
type backfill struct {
	cmd            *exec.Cmd
	stdout, stderr bytes.Buffer
}

// startBackfill starts a run that is gone when the test ends.
func startBackfill(t *testing.T, exe string, crm *crm, source string, messages []sent, args ...string) *backfill {
	t.Helper()
	var records []crmlog.Message
	for _, s := range messages {
		records = append(records, s.message(s.Number%3))
	}
	text, err := json.Marshal(map[string]any{"records": records})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "messages.json")
	require.NoError(t, os.WriteFile(file, text, 0o600))

	b := &backfill{}
	b.cmd = exec.Command(exe, append(append([]string{
		"-json", "-crm-url", crm.web.URL, "-store", source,
		"-user-id", people[0].ID, "-timezone", people[0].Zone, "-contact-id", "1000", "-contact-name", "Ann Lee",
	}, args...), file)...)
	b.cmd.Env = append(os.Environ(), "CRM_AUTH_HEADER=Bearer one-"+people[0].ID)
	b.cmd.Stdout, b.cmd.Stderr = &b.stdout, &b.stderr
	require.NoError(t, b.cmd.Start())
	t.Cleanup(func() {
		if b.cmd.ProcessState == nil {
			_ = b.cmd.Process.Kill()
			_ = b.cmd.Wait()
		}
	})
	return b
}

// wait returns what the run reported, and whether it was killed.
func (b *backfill) wait(t *testing.T, messages []sent) (all []reported, killed bool) {
	t.Helper()
	err := b.cmd.Wait()
	byID := make(map[crmlog.ID]sent)
	for _, s := range messages {
		byID[crmlog.ID(s.ID)] = s
	}
	for text := range strings.Lines(b.stdout.String()) {
		var line struct {
			MessageID crmlog.ID      `json:"messageId"`
			Outcome   crmlog.Outcome `json:"outcome"`
			LogID     string         `json:"logId"`
		}
		if json.Unmarshal([]byte(text), &line) == nil { // the last may be torn
			s := byID[line.MessageID]
			all = append(all, reported{Number: s.Number, Outcome: line.Outcome, LogID: line.LogID, Day: localDay(s.User, s.At)})
		}
	}
	if b.cmd.ProcessState.Exited() {
		require.NoError(t, err, b.stderr.String())
		return all, false
	}
	return all, true
}

func TestBackfill(t *testing.T) {
	exe := buildBackfill(t)
	t.Run("two at once", func(t *testing.T) { twoBackfills(t, exe) })
	t.Run("killed", func(t *testing.T) { killedBackfill(t, exe) })
}

// twoBackfills run at once on the same store and input.
func twoBackfills(t *testing.T, exe string) {
	for i, storage := range []storage{onPostgres, onSQLite} {
		for _, parallel := range pick([]string{[]string{"1", "4"}[i]}, []string{"1", "4"}) {
			t.Run(storage.name+", "+parallel+" callers", func(t *testing.T) {
				source := storage.make(t)
				start := time.Now()
				all := workload(seed(t), shape{Messages: pick(60, 600), Conversations: 4, Alone: true})
				crm := newTestCRM(t, testcrm.ServerConfig{Latency: 20 * time.Millisecond})
				reports := newTally()
				one := startBackfill(t, exe, crm, source, all, "-parallel", parallel)
				two := startBackfill(t, exe, crm, source, all, "-parallel", parallel)
				for _, run := range []*backfill{one, two} {
					list, killed := run.wait(t, all)
					require.False(t, killed)
					require.Len(t, list, len(all))
					for _, r := range list {
						reports.add(r)
					}
				}
				v := crm.verify(t, all, reports)
				require.Equal(t, len(all), reports.counts[crmlog.OutcomeDuplicate])
				adds := slices.DeleteFunc(crm.calls(), func(c string) bool { return c != "POST /activities" })
				require.Len(t, adds, v.Records, "one add per conversation and day")
				t.Logf("PROOF backfill %s: 2 processes of %s callers, %d messages each, %d CRM calls of 20 ms, %s; %s; %.1f s",
					storage.name, parallel, len(all), len(crm.calls()), v, reports, time.Since(start).Seconds())
			})
		}
	}
}

// killedBackfill is killed in the middle and run again, and goes on where it
// stopped.
func killedBackfill(t *testing.T, exe string) {
	for _, at := range []struct {
		name  string
		nth   int64
		apply bool
	}{
		{"before the CRM carries a write out", 7, false},
		{"after the CRM carried a write out", 8, true},
	} {
		t.Run(at.name, func(t *testing.T) {
			start := time.Now()
			source := "sqlite:" + filepath.Join(t.TempDir(), "a.db")
			all := workload(seed(t), shape{Messages: pick(60, 400), Conversations: 8, Alone: true})
			crm := newTestCRM(t, testcrm.ServerConfig{Latency: time.Millisecond})
			var writes atomic.Int64
			var run *backfill
			started := make(chan struct{})
			crm.onWrite(func(_ http.ResponseWriter, r *http.Request) bool {
				if writes.Add(1) != at.nth {
					return false
				}
				<-started
				if at.apply {
					crm.apply(r)
				}
				_ = run.cmd.Process.Kill()
				panic(http.ErrAbortHandler)
			})
			run = startBackfill(t, exe, crm, source, all, "-lease", "1s")
			close(started)
			first, killed := run.wait(t, all)
			require.True(t, killed)
			reports := newTally()
			reports.died(all) // with the process
			logged := make(map[int]bool)
			for _, r := range first {
				reports.add(r)
				logged[r.Number] = true
			}
			require.NotEmpty(t, logged)
			require.Less(t, len(logged), len(all))

			requests := len(crm.calls())
			run = startBackfill(t, exe, crm, source, all, "-lease", "1s")
			second, killed := run.wait(t, all)
			require.False(t, killed)
			require.Len(t, second, len(all))
			complete := make(map[string]bool) // records to which nothing was to be added
			for _, r := range first {
				complete[r.LogID] = true
			}
			for _, r := range second {
				reports.add(r)
				if logged[r.Number] {
					require.Equal(t, crmlog.OutcomeDuplicate, r.Outcome, "message %d", r.Number)
				} else {
					complete[r.LogID] = false
				}
			}
			v := crm.verify(t, all, reports)
			for _, c := range crm.calls()[requests:] {
				_, id, _ := strings.Cut(c, " /activities/")
				require.False(t, complete[id], c)
			}
			t.Logf("PROOF backfill sqlite: killed %s: the first run logged %d of %d with %d CRM calls, the second found %d duplicates and made %d; %s; %.1f s",
				at.name, len(logged), len(all), requests, reports.counts[crmlog.OutcomeDuplicate], len(crm.calls())-requests, v, time.Since(start).Seconds())
		})
	}
}
