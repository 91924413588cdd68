package customadapter

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/adaptertest"
	"github.com/crmlog/crmlog/crmlogtest"
	"github.com/crmlog/crmlog/examples/customadapter/fernbooktest"
)

// TestConformance checks the adapter against the fake of Fernbook.
func TestConformance(t *testing.T) {
	const key, otherKey = "fbk_5e0c2fa91b77d3", "fbk_c81d04e6aa2f95"
	const lag = 20 * time.Millisecond // of Find, shorter than Fernbook's
	adaptertest.Run(t, adaptertest.Harness{
		New: func(c adaptertest.Config) (crmlog.Adapter, error) {
			return New(Config{BaseURL: c.BaseURL, Transport: c.Transport, Timeout: c.Timeout, Logger: c.Logger, SettleTime: lag})
		},
		NewCRM: func() adaptertest.CRM {
			return fake{fernbooktest.New(fernbooktest.Config{
				Keys:              map[string]string{key: "acme", otherKey: "globex"},
				RequestsPerSecond: -1,
				FindLag:           lag,
			})}
		},
		BaseURL: production,
		Input:   crmlog.AddMessageLogInput{Account: "acme", AuthHeader: key},
		Other:   crmlog.AddMessageLogInput{Account: "globex", AuthHeader: otherKey},
		MaxBody: fernbooktest.MaxText,
	})
}

// fake is an [adaptertest.CRM].
type fake struct{ *fernbooktest.Server }

// Records returns the entries that are not deleted.
func (f fake) Records() []adaptertest.Record {
	var records []adaptertest.Record
	for _, e := range f.Entries() {
		if !e.Deleted {
			records = append(records, adaptertest.Record{LogID: e.ID, Text: e.Text})
		}
	}
	return records
}

// log hands messages to a router before a Fernbook of the test's own.
func log(t *testing.T, crm *fernbooktest.Server, in crmlog.LogInput) (crmlog.Report, error) {
	t.Helper()
	web := httptest.NewServer(crm)
	t.Cleanup(web.Close)
	adapter, err := New(Config{BaseURL: web.URL})
	if err != nil {
		t.Fatal(err)
	}
	router, err := crmlog.NewRouter(adapter, crmlog.RouterConfig{Platform: Platform})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = router.Shutdown(context.Background()) })
	return router.Log(t.Context(), in)
}

// TestEntry checks what else is in an entry than its text.
func TestEntry(t *testing.T) {
	crm := fernbooktest.New(fernbooktest.Config{People: []string{"p-77"}})
	var phone crmlogtest.Mailbox
	in := crmlogtest.LogInput(phone.In("Hi"), phone.VoiceMail(time.Minute), phone.Fax(2))
	in.AuthHeader, in.ContactInfo.ID = "Bearer fbk_5e0c2f", "p-77"
	if _, err := log(t, crm, in); err != nil {
		t.Fatal(err)
	}
	want := map[string]crmlog.MessageInput{"text": in.Messages[0], "call": in.Messages[1], "letter": in.Messages[2]}
	for _, e := range crm.Entries() {
		m, ok := want[e.Channel]
		if delete(want, e.Channel); !ok || e.PersonID != "p-77" || e.HappenedAt != m.Message.CreationTime.Unix() || e.Author != "fbk_5e0c2f" {
			t.Errorf("%s of %s at %d by %s", e.Channel, e.PersonID, e.HappenedAt, e.Author)
		}
	}
	if len(want) > 0 {
		t.Errorf("no entry for %d messages", len(want))
	}
}

// TestLongTitle: two names of 80 characters make a title that Fernbook would refuse.
func TestLongTitle(t *testing.T) {
	crm := fernbooktest.New(fernbooktest.Config{})
	var phone crmlogtest.Mailbox
	m := phone.GroupIn("Hi")
	m.Message.From.Name = strings.Repeat("é", 100)
	for i := range m.Message.To {
		m.Message.To[i].Name = strings.Repeat("ü", 100)
	}
	in := crmlogtest.LogInput(m)
	in.AuthHeader, in.ContactInfo.Name = "fbk_5e0c2f", strings.Repeat("a", 100)
	if _, err := log(t, crm, in); err != nil {
		t.Fatal(err)
	}
	if n := utf8.RuneCountInString(crm.Entries()[0].Title); n != maxTitle {
		t.Errorf("the title has %d characters", n)
	}
}

// TestKey: the key arrives, in whatever form it comes.
func TestKey(t *testing.T) {
	for _, auth := range []crmlog.AuthHeader{"fbk_5e0c2f", "Bearer fbk_5e0c2f", "Basic ZmJrXzVlMGMyZjo="} {
		crm := fernbooktest.New(fernbooktest.Config{})
		var phone crmlogtest.Mailbox
		in := crmlogtest.LogInput(phone.In("Hi"))
		in.AuthHeader = auth
		if _, err := log(t, crm, in); err != nil {
			t.Fatal(err)
		}
		if author := crm.Entries()[0].Author; author != "fbk_5e0c2f" {
			t.Errorf("a key of %d characters arrived", len(author))
		}
	}
}

// TestNoKey: what is no Fernbook key is not sent.
func TestNoKey(t *testing.T) {
	crm := fernbooktest.New(fernbooktest.Config{})
	var phone crmlogtest.Mailbox
	_, err := log(t, crm, crmlogtest.LogInput(phone.In("Hi")))
	if inputError := new(crmlog.InputError); !errors.As(err, &inputError) || inputError.Field != "authHeader" {
		t.Errorf("error %v", err)
	}
	if n := len(crm.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// TestCost: an add is one request, an update two, a batch two.
func TestCost(t *testing.T) {
	crm := fernbooktest.New(fernbooktest.Config{})
	var phone crmlogtest.Mailbox
	in := crmlogtest.LogInput(phone.In("1"), phone.In("2"), phone.In("3"))
	in.AuthHeader = "fbk_5e0c2f"
	if report, err := log(t, crm, in); err != nil || report.Cost.Calls != 3 || len(crm.Requests()) != 3 {
		t.Errorf("cost %+v, %d requests, error %v", report.Cost, len(crm.Requests()), err)
	}
}

// TestFindPages: Find lists twenty entries on a page.
func TestFindPages(t *testing.T) {
	web := httptest.NewServer(fernbooktest.New(fernbooktest.Config{RequestsPerSecond: -1}))
	defer web.Close()
	adapter, err := New(Config{BaseURL: web.URL})
	if err != nil {
		t.Fatal(err)
	}
	var phone crmlogtest.Mailbox
	in := crmlogtest.AddInput(phone.In("Hi"))
	in.AuthHeader = "fbk_5e0c2f"
	if in.Digest, err = crmlog.NewDigestRef(Platform, in); err != nil {
		t.Fatal(err)
	}
	const n = 21
	for range n {
		if _, err := adapter.AddMessageLog(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	found, err := adapter.FindMessageLogs(t.Context(), crmlog.FindInput{AuthHeader: in.AuthHeader, Digest: in.Digest})
	if err != nil || len(found) != n {
		t.Errorf("%d found, not %d: %v", len(found), n, err)
	}
}
