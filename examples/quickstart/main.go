// Command quickstart runs a small CRM in this process, logs a few days of a
// salesperson's messages to it and prints what happened and what the CRM's users
// see:
//
//	go run ./examples/quickstart
//
// With -serve it keeps the CRM up, whose page shows the same in a browser. What is
// logged is remembered in memory, or where -store says.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/signal"
	"text/tabwriter"
	_ "time/tzdata" // zones also on machines without a zone database

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/examples/internal/openstore"
	"github.com/crmlog/crmlog/internal/day"
	"github.com/crmlog/crmlog/note"
	"github.com/crmlog/crmlog/testcrm"
)

func main() {
	store := flag.String("store", "memory", openstore.Usage)
	serve := flag.Bool("serve", false, "keep the CRM up until Ctrl-C, and print the address of its page")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *store, *serve, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, storeName string, serve bool, out io.Writer) error {
	store, closeStore, err := openstore.Open(ctx, storeName)
	if err != nil {
		return err
	}
	defer closeStore()

	// The CRM. A service has the address of a real one.
	crm := testcrm.NewServer(testcrm.ServerConfig{Page: true})
	defer crm.Close()
	web := httptest.NewServer(crm)
	defer web.Close()
	for _, c := range day.Contacts() {
		if _, err := crm.AddContact(c); err != nil {
			return err
		}
	}

	adapter, err := testcrm.New(testcrm.Config{BaseURL: web.URL})
	if err != nil {
		return err
	}
	router, err := crmlog.NewRouter(adapter, crmlog.RouterConfig{Platform: testcrm.Platform, Store: store})
	if err != nil {
		return err
	}

	// This CRM is a new one in each run, so it is another account.
	account := rand.Text()
	fmt.Fprintln(out, "Messages, in the order in which they came in:")
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, e := range day.Events() {
		in := e.LogInput()
		in.Account = account
		report, err := router.Log(ctx, in)
		if err != nil {
			return err
		}
		entry := report.Entries[0]
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\t%s\t%s\n", entry.MessageID, e.Contact.Name, entry.Outcome, entry.Digest.Day, entry.LogID, e.What)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if err := router.Shutdown(ctx); err != nil {
		return err
	}

	fmt.Fprintln(out, "\nThe CRM's records:")
	for _, a := range crm.Activities() {
		fmt.Fprintf(out, "\n[%s] %s (contact %s)\n%s\n", a.ID, a.Subject, a.ContactID, cmp.Or(note.Text(a.Body, note.HTML), "(empty)"))
	}
	if serve {
		fmt.Fprintf(out, "\nThe CRM's page is at %s/ until Ctrl-C.\n", web.URL)
		<-ctx.Done()
	}
	return nil
}
