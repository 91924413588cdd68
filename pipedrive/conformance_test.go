package pipedrive_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/adaptertest"
	"github.com/crmlog/crmlog/note"
	"github.com/crmlog/crmlog/pipedrive"
	"github.com/crmlog/crmlog/pipedrive/pipedrivetest"
)

// conformant shows the suite the fake Pipedrive from the inside.
type conformant struct{ *pipedrivetest.Server }

func (c conformant) Records() []adaptertest.Record {
	var records []adaptertest.Record
	for _, a := range c.Activities() {
		if !a.IsDeleted {
			records = append(records, adaptertest.Record{LogID: strconv.FormatInt(a.ID, 10), Text: note.Text(a.Note, note.HTML)})
		}
	}
	return records
}

func (c conformant) Edit(logID string, edit func(body string) string) error {
	id, _ := strconv.ParseInt(logID, 10, 64)
	if !c.EditNote(id, edit) {
		return fmt.Errorf("no activity %s to edit", logID)
	}
	return nil
}

func (c conformant) Delete(logID string) error {
	id, _ := strconv.ParseInt(logID, 10, 64)
	if !c.DeleteActivity(id) {
		return fmt.Errorf("no activity %s to delete", logID)
	}
	return nil
}

func TestConformance(t *testing.T) {
	t.Parallel()
	adaptertest.Run(t, adaptertest.Harness{
		New: func(c adaptertest.Config) (crmlog.Adapter, error) {
			return pipedrive.New(pipedrive.Config{
				BaseURL: c.BaseURL, Transport: c.Transport, Timeout: c.Timeout, Logger: c.Logger, SettleTime: 10 * time.Millisecond,
			})
		},
		NewCRM:  func() adaptertest.CRM { return conformant{pipedrivetest.New(pipedrivetest.Config{})} },
		MaxBody: 90_000,
		Cannot:  adaptertest.Cannot{Conditional: true},
	})
}
