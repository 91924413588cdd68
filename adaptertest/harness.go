package adaptertest

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/crmlog/crmlog"
)

// Harness is what an adapter's author gives. New and NewCRM are required.
type Harness struct {
	// New makes the adapter that is checked, with caches that are empty. It is
	// called several times for each check, also from several goroutines at once.
	New func(Config) (crmlog.Adapter, error)
	// NewCRM makes a fake of the CRM with no records in it. It is called as New is.
	// One with a method Close() has it called at the end.
	NewCRM func() CRM

	// BaseURL is the CRM's address where the adapter has one built in, such as
	// https://api.example.com. Empty: the suite chooses, and tells in Config.
	BaseURL string

	// Input is what to log with: Account, User, ContactInfo, AuthHeader and
	// AdditionalSubmission as the adapter and the fake need them. Of these, what
	// is empty is filled in: user "7", contact "42" and a bearer token. Names,
	// phone numbers and messages are always the suite's.
	//
	// The AuthHeader must be unlike anything else, and the part that is secret at
	// least 12 characters long: the suite looks for it in errors and logs.
	Input crmlog.AddMessageLogInput
	// Other is the same for another tenant: another Account and AuthHeader. It
	// may be left empty where Input.AuthHeader is.
	Other crmlog.AddMessageLogInput

	// MaxBody is how long a record's text is at most, as the fake stores it: in
	// bytes, or in characters if the CRM counts those; the suite finds out which by
	// what the fake refuses. 0: the CRM has no limit, or none below 200,000. With a
	// smaller one, where adapter and fake can be given it, the suite is faster.
	MaxBody int

	// Cannot is what the CRM does not allow an adapter to do. The zero value: it
	// allows everything.
	Cannot Cannot
}

// Config is what the adapter is to be made with.
type Config struct {
	// BaseURL is where the CRM is: Harness.BaseURL, or an https address of the
	// suite's.
	BaseURL string
	// Transport carries all requests of the adapter. It knows no other machine
	// than the fake: what is sent elsewhere is caught, and is held against the
	// adapter.
	Transport http.RoundTripper
	// Timeout is for one attempt of a request. It is a fraction of a second in
	// checks of slow answers.
	Timeout time.Duration
	// Logger is what the adapter logs to. The suite looks for secrets in it.
	Logger *slog.Logger
}

// CRM is a fake CRM, and a look at it from the inside. It is used from several
// goroutines.
type CRM interface {
	// ServeHTTP is the CRM's API, as strict as the real one.
	http.Handler
	// Records returns the records that digests are written to, as they are now,
	// in the order in which they were made. Deleted ones are left out.
	Records() []Record
	// Edit changes the stored body of a record as a person does in the CRM: body is
	// what is stored, with the CRM's markup, and what edit returns is stored.
	Edit(logID string, edit func(body string) string) error
	// Delete deletes a record as a person does in the CRM.
	Delete(logID string) error
}

// Record is a CRM record.
type Record struct {
	// LogID is the id by which the adapter calls it.
	LogID string
	// Text is its body as a reader sees it: without markup, entities decoded, a
	// line for each line. For HTML, [github.com/crmlog/crmlog/note.Text] does it.
	Text string
}

// Cannot says what a CRM does not allow an adapter to do.
type Cannot struct {
	// Batch: it takes one message at a time. The adapter is no
	// [crmlog.BatchUpdater].
	Batch bool
	// Amend: what is written cannot be changed. The adapter is no
	// [crmlog.Amender].
	Amend bool
	// Find: records cannot be searched for, or created by key. The adapter is
	// neither a [crmlog.Finder] nor a [crmlog.IdempotentAdder], and a lost answer
	// to a create may make a second record.
	Find bool
	// Conditional: it has no conditional writes (If-Match, a version number), so
	// that what a person writes between the adapter's read and its write is lost.
	Conditional bool
	// OneRequest: making a record, reading it or writing to it takes more than one
	// request, such as when its text is a resource of its own.
	OneRequest bool
}

// The suite's own words. They are looked for in errors and logs, so they are
// unlike anything that an adapter or a CRM says.
const (
	userName     = "Perpetua Zwingli"
	contactName  = "Ottoline Quarkfield"
	contactPhone = "+12025550167"
	userPhone    = "+12025550189"

	defaultAuth      = "Bearer tok-7Kq2vXw9RzB4mN8sT1"
	defaultOtherAuth = "Bearer tok-J6hYp3LdC0fGaE5uVi"
)

// prepared returns the harness with what was left out filled in.
func (h Harness) prepared() (*Harness, error) {
	if h.New == nil || h.NewCRM == nil {
		return nil, errors.New("Harness.New and Harness.NewCRM are required")
	}
	if h.MaxBody != 0 && h.MaxBody < minMaxBody {
		return nil, fmt.Errorf("Harness.MaxBody is %d; a digest needs at least %d bytes", h.MaxBody, minMaxBody)
	}
	if h.Input.AuthHeader == "" {
		h.Input.AuthHeader = defaultAuth
		if h.Other.AuthHeader == "" {
			h.Other.AuthHeader = defaultOtherAuth
		}
	}
	if h.Other.AuthHeader == "" {
		return nil, errors.New("Harness.Other.AuthHeader is empty; give another tenant's, or leave both to the suite")
	}
	if h.Other.AuthHeader == h.Input.AuthHeader {
		return nil, errors.New("Harness.Other.AuthHeader is Input's; give another tenant's")
	}
	for field, in := range map[string]*crmlog.AddMessageLogInput{"Input": &h.Input, "Other": &h.Other} {
		if len(secretOf(in.AuthHeader)) < 12 {
			return nil, fmt.Errorf("Harness.%s.AuthHeader: the part that is secret has less than 12 characters", field)
		}
		if in.User.ID == "" {
			in.User.ID = "7"
		}
		if in.ContactInfo.ID == "" {
			in.ContactInfo.ID = "42"
		}
		in.User.Name = userName
		in.ContactInfo.Name, in.ContactInfo.PhoneNumber = contactName, contactPhone
		in.User.TimezoneName, in.TimezoneOffset = "America/Los_Angeles", ""
	}
	if h.Other.Account == h.Input.Account {
		h.Input.Account, h.Other.Account = "tenant-one", "tenant-two"
	}
	if h.BaseURL == "" {
		h.BaseURL = "https://crm.example.com"
	}
	u, err := url.Parse(h.BaseURL)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.Port() != "" {
		return nil, errors.New("Harness.BaseURL is no address such as https://api.example.com; a port is not to be in it")
	}
	return &h, nil
}

// secretOf is the credential without its scheme.
func secretOf(auth crmlog.AuthHeader) string {
	s := string(auth)
	if _, token, ok := strings.Cut(s, " "); ok {
		return strings.TrimSpace(token)
	}
	return s
}
