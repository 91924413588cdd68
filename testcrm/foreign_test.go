package testcrm_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/testcrm"
	"github.com/stretchr/testify/require"
)

// The files in testdata are of our own making, in the layout of RingCentral's
// extension.
func TestARecordOfAppConnectIsContinued(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"appconnect.html", "appconnect.txt"} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			begun, err := os.ReadFile("testdata/" + file)
			require.NoError(t, err)
			crm := testcrm.NewServer(testcrm.ServerConfig{})
			web := httptest.NewServer(crm)
			transport := &http.Transport{}
			t.Cleanup(func() {
				transport.CloseIdleConnections()
				crm.Close()
				web.Close()
			})
			adapter, err := testcrm.New(testcrm.Config{BaseURL: web.URL, Transport: transport})
			require.NoError(t, err)
			post(t, transport, web.URL, string(begun))
			before := crm.Activities()[0]

			at := func(id, minute int, sender, text string) crmlog.MessageInput {
				m := message(id)
				m.Message.CreationTime = time.Date(2026, 3, 10, 16, minute, 40, 0, time.UTC) // 9 o'clock
				m.Message.Subject = text
				if sender == "Sam Seller" {
					m.Message.Direction = crmlog.DirectionOutbound
				}
				return m
			}
			inStock, again := at(1, 1, "Ann Lee", "Is the blue one in stock?"), at(2, 2, "Ann Lee", "Is the blue one in stock?")
			price, please := at(3, 3, "Sam Seller", "It is, for $1,240."), at(5, 5, "Ann Lee", "Great, 2 please\n& a helmet")
			other, bye := at(4, 3, "Ann Lee", "It is, for $1,240."), at(6, 59, "Sam Seller", "Bye")
			duplicate, updated := crmlog.OutcomeDuplicate, crmlog.OutcomeUpdated

			in := input(bye, please, other, price, again, inStock)
			in.ExistingLogID = before.ID
			router := newRouter(t, adapter)
			require.Equal(t, []crmlog.Outcome{updated, duplicate, updated, duplicate, updated, duplicate}, log(t, router, in))
			want := []string{
				"Conversation(6 messages)", "BEGIN", "09:01 AM", "Is the blue one in stock?", "9:02 AM Ann Lee: Is the blue one in stock?",
				"Sam Seller 09:03 AM", "It is, for $1,240.", "9:03 AM Ann Lee: It is, for $1,240.", "09:05 AM", "Great, 2 please", "a helmet",
				"9:59 AM Sam Seller: Bye", "------------\nEND\n", "Created via",
			}
			inOrder(t, texts(crm)[0], want...)
			require.NotContains(t, texts(crm)[0], "SMS with")

			// From now on it is the digest's own, also for a store that knows nothing.
			last := at(7, 58, "Sam Seller", "last but one")
			require.Equal(t, []crmlog.Outcome{updated}, log(t, router, input(last)))
			stored := crm.Activities()[0]
			in.Messages = append(in.Messages, last)
			for _, outcome := range log(t, newRouter(t, adapter), in) {
				require.Equal(t, duplicate, outcome)
			}
			require.Len(t, crm.Activities(), 1)
			require.Equal(t, stored, crm.Activities()[0])
			require.Equal(t, before.Subject, stored.Subject)
			want[0] = "Conversation(7 messages)"
			inOrder(t, texts(crm)[0], append(want[:11:11], "9:58 AM Sam Seller: last but one", "9:59 AM Sam Seller: Bye", "END")...)

			// A failed delivery is told of an entry of ours, and not of one of theirs.
			for m, want := range map[*crmlog.MessageInput]crmlog.Outcome{&bye: updated, &price: duplicate} {
				m.Message.MessageStatus = crmlog.MessageStatusDeliveryFailed
				m.Message.LastModifiedTime = m.Message.CreationTime.Add(time.Hour)
				require.Equal(t, []crmlog.Outcome{want}, log(t, router, input(*m)))
			}
			require.Equal(t, 1, strings.Count(texts(crm)[0], "(not delivered)"))
			require.Contains(t, texts(crm)[0], "Bye (not delivered) ·")
		})
	}
}

func log(t *testing.T, router *crmlog.Router, in crmlog.LogInput) []crmlog.Outcome {
	t.Helper()
	report, err := router.Log(t.Context(), in)
	require.NoError(t, err)
	var all []crmlog.Outcome
	for _, e := range report.Entries {
		all = append(all, e.Outcome)
	}
	return all
}

// post makes an activity as another program does.
func post(t *testing.T, transport http.RoundTripper, url, body string) {
	t.Helper()
	activity, err := json.Marshal(map[string]string{
		"contactId": "con_1", "type": "sms", "subject": "SMS conversation with Ann Lee - 26/03/10", "body": body, "at": "2026-03-10T16:01:00Z",
	})
	require.NoError(t, err)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/activities", bytes.NewReader(activity))
	require.NoError(t, err)
	request.Header = http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer sesame"}}
	answer, err := transport.RoundTrip(request)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusCreated, answer.StatusCode)
}

func inOrder(t *testing.T, text string, parts ...string) {
	t.Helper()
	rest := text
	for _, part := range parts {
		_, after, ok := strings.Cut(rest, part)
		require.True(t, ok, "%q is not where it should be in:\n%s", part, text)
		rest = after
	}
}
