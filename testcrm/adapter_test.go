package testcrm_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/crmlogtest"
	"github.com/crmlog/crmlog/note"
	"github.com/crmlog/crmlog/testcrm"
	"github.com/stretchr/testify/require"
)

// newAdapter returns a CRM on loopback and an adapter for it.
func newAdapter(t testing.TB, config testcrm.ServerConfig) (*testcrm.Server, *testcrm.Adapter) {
	t.Helper()
	crm := testcrm.NewServer(config)
	web := httptest.NewServer(crm)
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		crm.Close()
		web.Close()
	})
	adapter, err := testcrm.New(testcrm.Config{BaseURL: web.URL, Transport: transport, SettleTime: config.IndexLag})
	require.NoError(t, err)
	return crm, adapter
}

func newRouter(t testing.TB, adapter crmlog.Adapter) *crmlog.Router {
	t.Helper()
	router, err := crmlog.NewRouter(adapter, crmlog.RouterConfig{
		Platform: testcrm.Platform, Lease: 20 * time.Second, Grace: 100 * time.Millisecond,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, router.Shutdown(context.Background())) })
	return router
}

func message(id int) crmlog.MessageInput {
	return crmlog.MessageInput{Message: crmlog.Message{
		ID: crmlog.ID(fmt.Sprint(id)), Type: crmlog.MessageTypeSMS, Direction: crmlog.DirectionInbound,
		CreationTime: time.Date(2026, 3, 10, 16, id, 0, 0, time.UTC),
		Conversation: crmlog.Conversation{ID: "700"}, Subject: fmt.Sprintf("Text number %d.", id),
	}}
}

func input(messages ...crmlog.MessageInput) crmlog.LogInput {
	in := crmlogtest.LogInput(messages...)
	in.ContactInfo.ID, in.AuthHeader = "con_1", "Bearer sesame"
	return in
}

// texts are the visible texts of the records that are there.
func texts(crm *testcrm.Server) []string {
	var all []string
	for _, a := range crm.Activities() {
		if !a.Deleted {
			all = append(all, note.Text(a.Body, note.HTML))
		}
	}
	return all
}

func TestAddCostsOneCallAndUpdateTwo(t *testing.T) {
	t.Parallel()
	crm, adapter := newAdapter(t, testcrm.ServerConfig{})
	router := newRouter(t, adapter)
	_, err := router.Log(t.Context(), input(message(1)))
	require.NoError(t, err)
	require.Equal(t, map[string]int{"POST /activities": 1}, crm.Calls())
	_, err = router.Log(t.Context(), input(message(2)))
	require.NoError(t, err)
	require.Equal(t, map[string]int{"POST /activities": 1, "GET /activities/{id}": 1, "PATCH /activities/{id}": 1}, crm.Calls())
	_, err = router.Log(t.Context(), input(message(1), message(2)))
	require.NoError(t, err)
	require.Equal(t, map[string]int{"POST /activities": 1, "GET /activities/{id}": 1, "PATCH /activities/{id}": 1}, crm.Calls())

	a := crm.Activities()[0]
	require.Equal(t, "SMS with Ann Lee", a.Subject)
	require.Equal(t, "con_1", a.ContactID)
	require.Equal(t, "2026-03-10T16:01:00Z", a.At.Format(time.RFC3339), "the opening message's")
	require.NotEmpty(t, a.ExternalID)
}

func TestAnActivityIsOfTheOpeningMessagesKind(t *testing.T) {
	t.Parallel()
	for kind, want := range map[crmlog.MessageType]string{
		crmlog.MessageTypeSMS: "sms", crmlog.MessageTypeMMS: "sms", crmlog.MessageTypeVoiceMail: "voicemail", crmlog.MessageTypeFax: "fax",
		crmlog.MessageTypePager: "pager", crmlog.MessageTypeThreadNote: "sms", crmlog.MessageTypeThreadEvent: "sms",
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			crm, adapter := newAdapter(t, testcrm.ServerConfig{})
			router := newRouter(t, adapter)
			opening, later := message(1), message(2)
			opening.Message.Type = kind
			_, err := router.Log(t.Context(), input(opening, later))
			require.NoError(t, err)
			require.Equal(t, want, crm.Activities()[0].Type)
		})
	}
}

// The parameter names are the contract's: a service passes the JSON through.
func TestContractWithoutARouter(t *testing.T) {
	t.Parallel()
	crm, adapter := newAdapter(t, testcrm.ServerConfig{})
	text, err := os.ReadFile("testdata/add-input.json")
	require.NoError(t, err)
	var add crmlog.AddMessageLogInput
	require.NoError(t, json.Unmarshal(text, &add))
	result, err := adapter.AddMessageLog(t.Context(), add)
	require.NoError(t, err)
	encoded, err := json.Marshal(result)
	require.NoError(t, err)
	require.JSONEq(t, `{"logId":"act_1001","returnMessage":{"message":"Message logged","messageType":"success","ttl":3000}}`, string(encoded))
	require.Contains(t, texts(crm)[0], "5:24 AM")
	require.Contains(t, texts(crm)[0], "Flight information")

	update, err := os.ReadFile("testdata/update-input.json")
	require.NoError(t, err)
	var later crmlog.UpdateMessageLogInput
	require.NoError(t, json.Unmarshal(update, &later))
	require.Equal(t, "act_1001", later.ExistingMessageLog.LogID)
	for _, already := range []bool{false, true} {
		result, err = adapter.UpdateMessageLog(t.Context(), later)
		require.NoError(t, err)
		require.Equal(t, "act_1001", result.LogID)
		require.Equal(t, already, result.AlreadyThere)
	}
	require.Equal(t, 1, strings.Count(texts(crm)[0], "Thank you"))

	for _, v := range []any{add, later, result} {
		encoded, err := json.Marshal(v)
		require.NoError(t, err)
		require.NotContains(t, string(encoded), "sesame", "the credential never comes out")
	}
}

func TestAPersonsEditsStayAlsoWhenMadeInBetween(t *testing.T) {
	t.Parallel()
	crm, adapter := newAdapter(t, testcrm.ServerConfig{})
	router := newRouter(t, adapter)
	_, err := router.Log(t.Context(), input(message(1)))
	require.NoError(t, err)

	edits := 0
	crm.SetFaultFunc(func(r *http.Request) *testcrm.Fault {
		if r.Method == http.MethodPatch && edits < 2 {
			edits++
			return &testcrm.Fault{Status: 412}
		}
		return nil
	})
	require.NoError(t, crm.EditBody("act_1001", func(s string) string { return s + "<p>Call back on Monday!</p>" }))
	_, err = router.Log(t.Context(), input(message(2)))
	require.NoError(t, err)
	require.Equal(t, 2, edits)
	text := texts(crm)[0]
	require.Contains(t, text, "Call back on Monday!")
	require.Equal(t, 1, strings.Count(text, "Text number 2."))
}

func TestFaults(t *testing.T) {
	t.Parallel()
	faults := map[string]testcrm.Fault{
		"refused for a while":             {Status: 429, RetryAfter: "0"},
		"unavailable":                     {Status: 503},
		"unavailable after the commit":    {Status: 502, Applied: true},
		"cut before the commit":           {Drop: true},
		"cut after the commit":            {Drop: true, Applied: true},
		"cut, and applied a moment later": {ApplyLate: 50 * time.Millisecond},
		"half an answer":                  {Truncate: true},
		"an HTML page with status 200":    {Status: 200, Body: "<html>hello</html>", Applied: true},
	}
	for name, fault := range faults {
		for _, method := range []string{http.MethodPost, http.MethodGet, http.MethodPatch} {
			t.Run(name+", "+method, func(t *testing.T) {
				t.Parallel()
				crm, adapter := newAdapter(t, testcrm.ServerConfig{IndexLag: 20 * time.Millisecond})
				router := newRouter(t, adapter)
				fault := fault
				fault.Method = method
				crm.Fail(fault)
				report, err := router.Log(t.Context(), input(message(1), message(2), message(3)))
				require.NoError(t, err)
				require.Equal(t, crmlog.OutcomeAdded, report.Entries[0].Outcome)
				require.Equal(t, crmlog.OutcomeUpdated, report.Entries[1].Outcome)
				require.Equal(t, crmlog.OutcomeUpdated, report.Entries[2].Outcome)
				require.NoError(t, crm.Settle(t.Context()))
				all := texts(crm)
				require.Len(t, all, 1, "one record")
				rest := all[0]
				for i := 1; i <= 3; i++ {
					want := fmt.Sprintf("Text number %d.", i)
					require.Equal(t, 1, strings.Count(all[0], want), "once")
					_, after, ok := strings.Cut(rest, want)
					require.True(t, ok, "in order")
					rest = after
				}
			})
		}
	}
}

func TestDeletedRecordIsOpenedAnew(t *testing.T) {
	t.Parallel()
	crm, adapter := newAdapter(t, testcrm.ServerConfig{})
	router := newRouter(t, adapter)
	_, err := router.Log(t.Context(), input(message(1)))
	require.NoError(t, err)
	require.NoError(t, crm.Delete("act_1001"))
	report, err := router.Log(t.Context(), input(message(2)))
	require.NoError(t, err)
	require.Equal(t, "act_1002", report.Entries[0].LogID)
	require.Equal(t, crmlog.Warning, report.ReturnMessage.MessageType)
}

func TestErrorsOfTheCRMAreTold(t *testing.T) {
	t.Parallel()
	crm, adapter := newAdapter(t, testcrm.ServerConfig{Tokens: map[string]string{"other": "u1"}})
	router := newRouter(t, adapter)
	report, err := router.Log(t.Context(), input(message(1)))
	require.ErrorIs(t, err, crmlog.ErrUnauthorized)
	require.Equal(t, crmlog.Danger, report.ReturnMessage.MessageType)
	require.Contains(t, report.ReturnMessage.Message, "sign-in")
	require.Empty(t, crm.Activities())
	require.NotContains(t, err.Error(), "sesame")
}

func TestFindTellsDigestsApart(t *testing.T) {
	t.Parallel()
	_, adapter := newAdapter(t, testcrm.ServerConfig{})
	router := newRouter(t, adapter)
	mine, err := router.Log(t.Context(), input(message(1), message(2)))
	require.NoError(t, err)
	other := input(message(3))
	other.Messages[0].Message.Conversation.ID = "701"
	_, err = router.Log(t.Context(), other)
	require.NoError(t, err)

	in := input()
	find := crmlog.FindInput{User: in.User, ContactInfo: in.ContactInfo, AuthHeader: in.AuthHeader, Digest: mine.Entries[0].Digest}
	found, err := adapter.FindMessageLogs(t.Context(), find)
	require.NoError(t, err)
	require.Equal(t, []crmlog.FoundMessageLog{{LogID: "act_1001", Part: 1, MessageIDs: []crmlog.ID{"1", "2"}}}, found)

	find.Digest.Part = 2
	found, err = adapter.FindMessageLogs(t.Context(), find)
	require.NoError(t, err)
	require.Empty(t, found)
}

func TestAdapterNeedsAnAddress(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "http://crm.example.com", "crm.example.com", "https://user:hunter2@crm.example.com"} {
		_, err := testcrm.New(testcrm.Config{BaseURL: url})
		var input *crmlog.InputError
		require.ErrorAs(t, err, &input, url)
		require.Equal(t, "Config.BaseURL", input.Field)
		require.NotContains(t, err.Error(), "hunter2")
	}
}
