package main

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/crmlog/crmlog/pipedrive/pipedrivetest"
	"github.com/crmlog/crmlog/testcrm"
	"github.com/stretchr/testify/require"
)

// day is n messages of one conversation and day, newest first as a list page
// has them.
func day(n int) string {
	var records []string
	for i := n - 1; i >= 0; i-- {
		at := time.Date(2026, 3, 10, 16, 0, 0, 0, time.UTC).Add(time.Duration(i) * 15 * time.Second)
		records = append(records, fmt.Sprintf(`{"id":%d,"type":"SMS","direction":"Inbound","creationTime":%q,"subject":"Message %d of a busy day, as long as they are.",`+
			`"from":{"phoneNumber":"+16505550101"},"conversation":{"id":"700"}}`, 1000+i, at.Format(time.RFC3339), i))
	}
	return `{"records":[` + strings.Join(records, ",") + `]}`
}

// A record costs three calls: one opens it with its first message, one reads it,
// one writes what else fits. Pipedrive is asked once who the user is.
func TestADayIsBackfilledWithThreeCallsPerRecord(t *testing.T) {
	t.Parallel()
	for _, n := range []int{200, 2000} {
		t.Run(fmt.Sprint(n, " messages"), func(t *testing.T) {
			t.Parallel()
			t.Run("testcrm", func(t *testing.T) {
				t.Parallel()
				crm := testcrm.NewServer(testcrm.ServerConfig{KeepRequests: -1})
				defer crm.Close()
				server := httptest.NewServer(crm)
				defer server.Close()
				code, _, stderr := backfill(t, day(n), "-json", "-crm-url", server.URL, "-user-id", "7", "-timezone", "America/Los_Angeles", "-contact-id", "con_1", "-")
				require.Zero(t, code, stderr)
				calls := 0
				for _, c := range crm.Calls() {
					calls += c
				}
				t.Logf("%d calls, %d records", calls, len(crm.Activities()))
				require.Equal(t, 3*len(crm.Activities()), calls)
				size := 0
				for _, a := range crm.Activities() {
					size += len(a.Body)
				}
				require.Len(t, crm.Activities(), size/64_000+1, "no more records than the size takes")
			})
			t.Run("pipedrive", func(t *testing.T) {
				t.Parallel()
				crm := pipedrivetest.New(pipedrivetest.Config{KeepRequests: -1})
				server := httptest.NewServer(crm)
				defer server.Close()
				code, _, stderr := backfill(t, day(n), "-json", "-crm", "pipedrive", "-crm-url", server.URL, "-user-id", "7", "-timezone", "America/Los_Angeles", "-contact-id", "42", "-")
				require.Zero(t, code, stderr)
				t.Logf("%d calls, %d tokens, %d records", crm.Calls("", ""), crm.Tokens(), len(crm.Activities()))
				require.Equal(t, 3*len(crm.Activities())+1, crm.Calls("", ""))
			})
		})
	}
}
