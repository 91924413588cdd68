// Command backfill logs RingCentral messages from files to a CRM, one record per
// conversation and day:
//
//	CRM_AUTH_HEADER='Bearer …' go run ./examples/backfill -crm pipedrive \
//		-user-id 7 -timezone America/Los_Angeles -contact-id 42 FILE…
//
// A file holds messages in any form that crmlog.DecodeMessages takes; - is
// standard input. All input is read before the first call. What is logged is
// remembered in crmlog.db, so that running it again after an interruption goes on
// where it stopped; -store says otherwise. Ctrl-C finishes the calls under way.
//
// The exit code is 0
// when every message is logged, a duplicate or skipped, 1 when some failed, and
// 2 for bad usage or input that cannot be read, before any CRM call.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // zones also on machines without a zone database

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/examples/internal/openstore"
)

const (
	exitLogged = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Getenv("CRM_AUTH_HEADER"), os.Stdin, os.Stdout, os.Stderr))
}

// run is the whole program. When ctx is done it hands nothing more over,
// finishes what is under way and returns.
func run(ctx context.Context, args []string, authHeader string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, err := parseOptions(args, authHeader, stderr)
	if err != nil {
		return exitUsage
	}
	messages, err := readMessages(o.files, stdin)
	if err != nil {
		fmt.Fprintln(stderr, "backfill:", err)
		return exitUsage
	}
	crm, err := openCRM(o)
	if err != nil {
		fmt.Fprintln(stderr, "backfill:", err)
		return exitUsage
	}
	defer crm.close()
	store, closeStore, err := openstore.Open(ctx, o.store)
	if err != nil {
		fmt.Fprintln(stderr, "backfill:", err)
		return exitUsage
	}
	defer closeStore()
	router, err := crmlog.NewRouter(crm.adapter, crmlog.RouterConfig{Platform: crm.platform, Store: store, Lease: o.lease})
	if err != nil {
		fmt.Fprintln(stderr, "backfill:", err)
		return exitUsage
	}
	out := newOutput(stdout, stderr, o.json, len(messages))
	l := logger{
		router: router, platform: crm.platform, input: o.input(crm.account), submission: o.submission(),
		retryFor: o.retryFor, out: out,
	}
	l.logAll(ctx, messages, o.parallel)
	_ = router.Shutdown(context.WithoutCancel(ctx))
	return out.finish(ctx.Err() != nil)
}
