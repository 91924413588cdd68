package proof

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"
	_ "time/tzdata" // zones also on machines without a zone database

	"go.uber.org/goleak"
)

// workerEnv makes this test binary a worker process.
const workerEnv = "CRMLOG_PROOF_WORKER"

func TestMain(m *testing.M) {
	if os.Getenv(workerEnv) != "" {
		if err := work(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "worker:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// Times of all proofs. A request is given up by its sender after timeout, and
// may still be applied for lateness, which is well within the grace.
const (
	lease    = 500 * time.Millisecond
	grace    = 200 * time.Millisecond
	timeout  = 100 * time.Millisecond
	lateness = 120 * time.Millisecond
	indexLag = 20 * time.Millisecond
	settle   = 40 * time.Millisecond
)

// full tells whether the proofs run in their large form.
func full() bool { return os.Getenv("CRMLOG_PROOF") == "full" }

// pick is the small value, or the full one.
func pick[T any](small, large T) T {
	if full() {
		return large
	}
	return small
}

// seed is fixed, unless CRMLOG_PROOF_SEED says otherwise.
func seed(t *testing.T) uint64 {
	t.Helper()
	s := os.Getenv("CRMLOG_PROOF_SEED")
	if s == "" {
		return 1
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatal("CRMLOG_PROOF_SEED: not a whole number")
	}
	return n
}
