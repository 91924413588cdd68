package crmlogtest_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/crmlogtest"
	"github.com/crmlog/crmlog/note"
	"github.com/crmlog/crmlog/pipedrive"
	"github.com/crmlog/crmlog/testcrm"
	"github.com/jarcoal/httpmock"
)

// service is what the examples test: RingCentral posts notifications to it, and
// it logs them.
type service struct{ router *crmlog.Router }

func newService(adapter crmlog.Adapter) *service {
	router, err := crmlog.NewRouter(adapter, crmlog.RouterConfig{Platform: "example"})
	if err != nil {
		panic(err)
	}
	return &service{router}
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	messages, err := crmlog.DecodeMessages(r.Body)
	if err != nil {
		http.Error(w, "not a notification", http.StatusBadRequest)
		return
	}
	in := crmlogtest.LogInput() // a real service looks up whose messages they are
	for _, m := range messages {
		in.Messages = append(in.Messages, crmlog.MessageInput{Message: m})
	}
	report, err := s.router.Log(r.Context(), in)
	if crmlog.Temporary(err) {
		w.Header().Set("Retry-After", fmt.Sprintf("%.0f", crmlog.RetryAfter(err).Seconds()))
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	fmt.Fprint(w, report.ReturnMessage.Message)
}

func (s *service) close() { _ = s.router.Shutdown(context.Background()) }

// post hands a message to the service as RingCentral does, and prints its answer.
func post(h http.Handler, m crmlog.MessageInput) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("POST", "/webhook", bytes.NewReader(crmlogtest.Webhook(m))))
	fmt.Println(w.Code, w.Body)
}

// A service is tested without HTTP to a CRM: the adapter keeps what is logged,
// and fails as it is told.
func Example() {
	crm := &crmlogtest.Adapter{}
	s := newService(crm)
	defer s.close()

	var phone crmlogtest.Mailbox
	question := phone.In("Is it in stock?")
	post(s, question)
	post(s, question)

	crm.Fail(crmlogtest.Fault{Err: crmlogtest.RateLimited(time.Hour)})
	answer := phone.Out("It is!")
	post(s, answer)
	post(s, answer)

	// In a test: crm.RequireRecords(t, []crmlog.ID{"1001", "1002"})
	for _, r := range crm.Records() {
		fmt.Println(r.LogID, r.Digest.Day, r.IDs())
	}
	for _, c := range crm.Calls() {
		fmt.Println(c)
	}
	// Output:
	// 200 Message logged
	// 200 Already logged
	// 503 The CRM is receiving too many requests. The message can be logged again in a while.
	// 200 Message logged
	// log1 2026-03-10 [1001 1002]
	// AddMessageLog 1001
	// UpdateMessageLog in log1 1002
	// UpdateMessageLog in log1 1002
}

// The same service is tested against a CRM over HTTP, with connections that break
// and notes that people read.
func Example_testcrm() {
	crm := testcrm.NewServer(testcrm.ServerConfig{})
	defer crm.Close()
	web := httptest.NewServer(crm)
	defer web.Close()
	adapter, err := testcrm.New(testcrm.Config{BaseURL: web.URL})
	if err != nil {
		fmt.Println(err)
		return
	}
	s := newService(adapter)
	defer s.close()

	var phone crmlogtest.Mailbox
	post(s, phone.In("Is it in stock?"))
	crm.Fail(testcrm.Fault{Method: "PATCH", Drop: true, Applied: true}) // done, and nobody is told
	post(s, phone.MMS("This one", "helmet.jpg"))

	for _, a := range crm.Activities() {
		fmt.Println(a.Subject, len(note.Text(a.Body, note.HTML)) > 0)
	}
	fmt.Println(crm.Calls())
	// Output:
	// 200 Message logged
	// 200 Message logged
	// SMS with Ann Lee true
	// map[GET /activities/{id}:2 PATCH /activities/{id}:2 POST /activities:1]
}

// The same service is tested request by request, with what Pipedrive answers.
func Example_httpmock() {
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("POST", "https://api.pipedrive.com/api/v2/activities",
		httpmock.NewJsonResponderOrPanic(200, map[string]any{"success": true, "data": map[string]any{"id": 501}}))
	adapter, err := pipedrive.New(pipedrive.Config{Transport: mock, ActivityType: "sms"})
	if err != nil {
		fmt.Println(err)
		return
	}
	s := newService(adapter)
	defer s.close()

	var phone crmlogtest.Mailbox
	post(s, phone.VoiceMail(42*time.Second))
	mock.RegisterResponder("POST", "https://api.pipedrive.com/api/v2/activities", httpmock.NewJsonResponderOrPanic(
		401, map[string]any{"success": false, "error": "Invalid token", "errorCode": 401}))
	post(s, phone.Fax(3))

	fmt.Println(mock.GetCallCountInfo()["POST https://api.pipedrive.com/api/v2/activities"], "requests")
	// Output:
	// 200 Message logged
	// 200 The CRM did not accept your sign-in. Please connect your CRM account again.
	// 1 requests
}
