package proof

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crmlog/crmlog/testcrm"
)

// order tells a worker process what to do: log a workload. It is the first line
// of its standard input; when that ends, the worker does.
type order struct {
	Seed     uint64
	Shape    shape
	Account  string
	Source   string // of the store
	CRM      string
	Shuffle  uint64 // the order of its calls
	Repeated int
	Callers  int
	Stop     stop
}

// stop has a worker kill itself, or sleep, when it comes to a step of the
// protocol for the nth time.
type stop struct {
	Step  string
	Nth   int64
	Sleep time.Duration // 0: SIGKILL
}

// stopper stops a worker.
type stopper struct {
	stop
	passed atomic.Int64
	say    func(event)
}

func (s *stopper) at(step string) {
	if step != s.Step || s.passed.Add(1) != s.Nth {
		return
	}
	if s.Sleep > 0 {
		s.say(event{Stopped: step})
		time.Sleep(s.Sleep)
		return
	}
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		panic(err)
	}
	select {}
}

// event is a line that a worker prints.
type event struct {
	Ready    bool      `json:"ready,omitempty"`
	Stopped  string    `json:"stopped,omitempty"`
	Reported *reported `json:"reported,omitempty"`
	Done     bool      `json:"done,omitempty"`
}

// work is a worker process.
func work(in io.Reader, out io.Writer) error {
	input := bufio.NewReader(in)
	line, err := input.ReadBytes('\n')
	if err != nil {
		return err
	}
	var o order
	if err := json.Unmarshal(line, &o); err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, input)
		os.Exit(3) // nobody is there any more
	}()
	var mu sync.Mutex
	say := func(e event) {
		text, err := json.Marshal(e)
		if err != nil {
			panic(err)
		}
		mu.Lock()
		defer mu.Unlock()
		_, _ = out.Write(append(text, '\n'))
	}
	report := func(r reported) { say(event{Reported: &r}) }

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	all := workload(o.Seed, o.Shape)
	s := &stopper{stop: o.Stop, say: say}
	router, closeRouter, err := openRouter(ctx, o.Source, testcrm.Platform, o.CRM, s.at)
	if err != nil {
		return err
	}
	say(event{Ready: true})
	service := service{router: router, account: o.Account, callers: o.Callers, report: report}
	if err := service.log(ctx, o.Shuffle, callsFor(o.Shuffle, all, o.Repeated)); err != nil {
		return err
	}
	if err := closeRouter(); err != nil {
		return err
	}
	say(event{Done: true})
	return nil
}

// worker is a worker process as its parent sees it.
type worker struct {
	cmd     *exec.Cmd
	stderr  bytes.Buffer
	ready   chan struct{} // closed when it begins to log, or ends
	stopped chan struct{} // closed when it sleeps at its stop, or ends
	ended   chan struct{}
	done    bool // it did all it had to; to be read after ended
}

// startWorker starts a process that is gone when the test ends.
func startWorker(t *testing.T, o order, reports *tally) *worker {
	t.Helper()
	w := &worker{ready: make(chan struct{}), stopped: make(chan struct{}), ended: make(chan struct{})}
	exe, err := os.Executable()
	require.NoError(t, err)
	w.cmd = exec.Command(exe)
	w.cmd.Env = append(os.Environ(), workerEnv+"=1")
	w.cmd.Stderr = &w.stderr
	stdin, err := w.cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := w.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, w.cmd.Start())
	t.Cleanup(func() {
		_ = w.cmd.Process.Kill()
		<-w.ended
		require.NotNil(t, w.cmd.ProcessState, "a process was not waited for")
	})
	go func() {
		defer close(w.ended)
		w.read(stdout, reports)
		_ = w.cmd.Wait() // also closes the pipes
	}()
	text, err := json.Marshal(o)
	require.NoError(t, err)
	_, err = stdin.Write(append(text, '\n'))
	require.NoError(t, err)
	return w
}

// read collects what the process prints. The last line of one that was killed
// may be torn.
func (w *worker) read(stdout io.Reader, reports *tally) {
	ready := sync.OnceFunc(func() { close(w.ready) })
	stopped := sync.OnceFunc(func() { close(w.stopped) })
	defer ready()
	defer stopped()
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			continue
		}
		switch {
		case e.Ready:
			ready()
		case e.Stopped != "":
			stopped()
		case e.Reported != nil:
			reports.add(*e.Reported)
		case e.Done:
			w.done = true
		}
	}
}

func (w *worker) kill() { _ = w.cmd.Process.Kill() }

// wait returns whether the worker was killed; it fails the test when the worker
// failed.
func (w *worker) wait(t *testing.T) (killed bool) {
	t.Helper()
	select {
	case <-w.ended:
	case <-t.Context().Done():
		t.Fatal("the test is over")
	}
	state := w.cmd.ProcessState
	if state.Exited() {
		require.Zero(t, state.ExitCode(), "worker: %s", w.stderr.String())
		require.True(t, w.done)
		return false
	}
	return true
}
