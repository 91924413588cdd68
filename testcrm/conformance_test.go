package testcrm_test

import (
	"testing"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/adaptertest"
	"github.com/crmlog/crmlog/note"
	"github.com/crmlog/crmlog/testcrm"
)

// conformant shows the suite the CRM from the inside.
type conformant struct{ *testcrm.Server }

func (c conformant) Records() []adaptertest.Record {
	var records []adaptertest.Record
	for _, a := range c.Activities() {
		if !a.Deleted {
			records = append(records, adaptertest.Record{LogID: a.ID, Text: note.Text(a.Body, note.HTML)})
		}
	}
	return records
}

func (c conformant) Edit(logID string, edit func(body string) string) error {
	return c.EditBody(logID, edit)
}

func TestConformance(t *testing.T) {
	t.Parallel()
	adaptertest.Run(t, adaptertest.Harness{
		New: func(c adaptertest.Config) (crmlog.Adapter, error) {
			return testcrm.New(testcrm.Config{BaseURL: c.BaseURL, Transport: c.Transport, Timeout: c.Timeout, Logger: c.Logger})
		},
		NewCRM: func() adaptertest.CRM {
			return conformant{testcrm.NewServer(testcrm.ServerConfig{})}
		},
		MaxBody: 64_000,
	})
}
