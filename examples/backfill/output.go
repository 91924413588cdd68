package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/crmlog/crmlog"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// output tells what became of the messages. It is safe for concurrent use.
type output struct {
	stdout, stderr io.Writer
	json           bool
	bar            *progressbar.ProgressBar

	mu     sync.Mutex
	total  int
	told   int
	counts map[crmlog.Outcome]int
}

func newOutput(stdout, stderr io.Writer, asJSON bool, total int) *output {
	o := &output{stdout: stdout, stderr: stderr, json: asJSON, total: total, counts: make(map[crmlog.Outcome]int)}
	if f, ok := stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		o.bar = progressbar.NewOptions(total, progressbar.OptionSetWriter(stderr), progressbar.OptionShowCount(),
			progressbar.OptionSetDescription("messages"), progressbar.OptionClearOnFinish())
	}
	return o
}

// line is what -json prints of a message.
type line struct {
	MessageID crmlog.ID      `json:"messageId"`
	Outcome   crmlog.Outcome `json:"outcome"`
	LogID     string         `json:"logId"`
	Digest    string         `json:"digest"`
	Error     string         `json:"error,omitempty"`
}

func (o *output) report(e crmlog.ReportEntry) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.told++
	o.counts[e.Outcome]++
	if o.bar != nil {
		_ = o.bar.Add(1)
	}
	l := line{MessageID: e.MessageID, Outcome: e.Outcome, LogID: e.LogID, Digest: e.Digest.Ref}
	if e.Err != nil {
		l.Error = e.Err.Error()
		fmt.Fprintf(o.stderr, "backfill: message %q not logged: %v\n", e.MessageID, e.Err)
	}
	switch {
	case o.json:
		_ = json.NewEncoder(o.stdout).Encode(l)
	case e.Outcome != crmlog.OutcomeFailed:
		fmt.Fprintf(o.stdout, "%-9s  message %s  log %s  %s\n", e.Outcome, e.MessageID, e.LogID, e.Digest.Day)
	}
}

func (o *output) finish(interrupted bool) int {
	interrupted = interrupted && o.told < o.total
	if o.bar != nil {
		_ = o.bar.Finish()
	}
	if !o.json {
		fmt.Fprintf(o.stdout, "%d messages: %d added, %d updated, %d duplicate, %d skipped, %d failed\n", o.total,
			o.counts[crmlog.OutcomeAdded], o.counts[crmlog.OutcomeUpdated], o.counts[crmlog.OutcomeDuplicate],
			o.counts[crmlog.OutcomeSkipped], o.counts[crmlog.OutcomeFailed])
	}
	if interrupted {
		fmt.Fprintf(o.stderr, "backfill: interrupted, %d messages not handed over; run it again\n", o.total-o.told)
	}
	if o.counts[crmlog.OutcomeFailed] > 0 || interrupted {
		return exitFailed
	}
	return exitLogged
}
