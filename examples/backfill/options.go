package main

import (
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/crmhttp"
	"github.com/crmlog/crmlog/examples/internal/openstore"
	"github.com/crmlog/crmlog/pipedrive"
	"github.com/crmlog/crmlog/testcrm"
)

type options struct {
	crm, crmURL    string
	user           crmlog.User
	contact        crmlog.ContactInfo
	dealID, leadID string
	store          string
	lease          time.Duration
	parallel       int
	retryFor       time.Duration
	json           bool
	authHeader     crmlog.AuthHeader
	files          []string
}

// parseOptions says on stderr what is wrong.
func parseOptions(args []string, authHeader string, stderr io.Writer) (options, error) {
	o := options{authHeader: crmlog.AuthHeader(authHeader)}
	var userID, contactID string
	fs := flag.NewFlagSet("backfill", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.Usage = func() {
		fmt.Fprintln(stderr, "usage: backfill [flags] FILE…   (- is standard input; the Authorization header is in CRM_AUTH_HEADER)")
		fs.PrintDefaults()
	}
	fs.StringVar(&o.crm, "crm", "testcrm", "the CRM: testcrm or pipedrive")
	fs.StringVar(&o.crmURL, "crm-url", "", "the CRM's `URL`: https, or http to this machine; testcrm without it runs in this process")
	fs.StringVar(&userID, "user-id", "", "whom the messages belong to; for Pipedrive the user's number makes them the owner")
	fs.StringVar(&o.user.Name, "user-name", "", "signs the user's own messages")
	fs.StringVar(&o.user.TimezoneName, "timezone", "", "the user's IANA `zone`, which decides the day (default UTC)")
	fs.StringVar(&contactID, "contact-id", "", "the CRM contact's id")
	fs.StringVar(&o.contact.Name, "contact-name", "", "the contact's name")
	fs.StringVar(&o.contact.PhoneNumber, "contact-phone", "", "the contact's phone number, such as +16505553204")
	fs.StringVar(&o.dealID, "deal-id", "", "the Pipedrive deal to link, a number")
	fs.StringVar(&o.leadID, "lead-id", "", "the Pipedrive lead to link, a UUID")
	fs.StringVar(&o.store, "store", "sqlite:crmlog.db", openstore.Usage)
	fs.DurationVar(&o.lease, "lease", 0, "how long a digest stays blocked when this program is killed (default 30s)")
	fs.IntVar(&o.parallel, "parallel", 1, "digests and callers at once; above 1 each message is handed over by itself")
	fs.DurationVar(&o.retryFor, "retry-for", 5*time.Minute, "for how long a message is tried again after temporary failures")
	fs.BoolVar(&o.json, "json", false, "print a line of JSON per message")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	o.user.ID, o.contact.ID, o.files = crmlog.ID(userID), crmlog.ID(contactID), fs.Args()
	if err := o.check(); err != nil {
		fmt.Fprintln(stderr, "backfill:", err)
		return o, err
	}
	return o, nil
}

// check finds what is wrong before anything is read or called.
func (o *options) check() error {
	switch {
	case len(o.files) == 0:
		return errors.New("no files; name some, or - for standard input")
	case o.crm != "testcrm" && o.crm != "pipedrive":
		return errors.New("-crm: not a CRM; give testcrm or pipedrive")
	case o.lease < 0:
		return errors.New("-lease: negative; give a duration such as 30s")
	case o.parallel < 1:
		return errors.New("-parallel: give a number above 0")
	case o.retryFor < 0:
		return errors.New("-retry-for: negative; give a duration such as 5m, or 0")
	case o.contact.ID == "":
		return errors.New("-contact-id: contactInfo.id is empty; give the CRM contact's id")
	case o.authHeader == "" && !o.inProcess():
		return errors.New("authHeader: environment variable CRM_AUTH_HEADER is empty; give the Authorization header to send to the CRM")
	}
	if o.inProcess() && o.authHeader == "" {
		o.authHeader = "Bearer backfill"
	}
	if err := openstore.Check(o.store); err != nil {
		return err
	}
	if o.user.ID == "" {
		return errors.New("-user-id: user.id is empty; give the id of the user whom the messages belong to")
	}
	if _, err := time.LoadLocation(o.user.TimezoneName); err != nil || o.user.TimezoneName == "Local" {
		return errors.New("-timezone: user.timezoneName is no known zone; give an IANA name such as America/Los_Angeles")
	}
	if n, err := strconv.ParseInt(o.dealID, 10, 64); o.dealID != "" && (err != nil || n <= 0) {
		return errors.New("-deal-id: additionalSubmission.deals is no number; give the deal's number")
	}
	if o.crmURL != "" {
		_, err := crmhttp.CheckBaseURL("-crm-url", o.crmURL)
		return err
	}
	return nil
}

func (o *options) inProcess() bool { return o.crm == "testcrm" && o.crmURL == "" }

// input is what every call of Log has in common.
func (o *options) input(account string) crmlog.LogInput {
	return crmlog.LogInput{User: o.user, Account: account, ContactInfo: o.contact, AuthHeader: o.authHeader}
}

// submission is what the flags say of every message.
func (o *options) submission() crmlog.AdditionalSubmission {
	s := crmlog.AdditionalSubmission{}
	if o.dealID != "" {
		s["deals"] = o.dealID
	}
	if o.leadID != "" {
		s["leads"] = o.leadID
	}
	return s
}

type crm struct {
	adapter  crmlog.Adapter
	platform string
	account  string
	close    func()
}

func openCRM(o options) (crm, error) {
	c := crm{platform: o.crm, close: func() {}}
	inProcess := o.inProcess()
	if inProcess {
		server := httptest.NewServer(testcrm.NewServer(testcrm.ServerConfig{}))
		c.close = server.Close
		o.crmURL = server.URL
	}
	if u, err := url.Parse(o.crmURL); err == nil {
		c.account = u.Host
	}
	if inProcess {
		// This CRM ends with the program: the next run's is another one, in which
		// nothing is logged yet.
		c.account = "in process " + rand.Text()
	}
	var err error
	if o.crm == "pipedrive" {
		c.adapter, err = pipedrive.New(pipedrive.Config{BaseURL: o.crmURL})
	} else {
		c.adapter, err = testcrm.New(testcrm.Config{BaseURL: o.crmURL})
	}
	if err != nil {
		c.close()
	}
	return c, err
}

// readMessages reads all files; nothing is logged when one cannot be read.
func readMessages(files []string, stdin io.Reader) ([]crmlog.Message, error) {
	var all []crmlog.Message
	for _, name := range files {
		messages, err := readFile(name, stdin)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, messages...)
	}
	return all, nil
}

func readFile(name string, stdin io.Reader) ([]crmlog.Message, error) {
	if name == "-" {
		return crmlog.DecodeMessages(stdin)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return crmlog.DecodeMessages(f)
}
