package pipedrive_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/pipedrive"
	"github.com/crmlog/crmlog/pipedrive/pipedrivetest"
	"github.com/jarcoal/httpmock"
)

// A service logs through a Router, and its tests let it log to the fake
// Pipedrive. In production, leave BaseURL empty: requests go to the user's
// Hostname.
func Example() {
	fake := pipedrivetest.New(pipedrivetest.Config{})
	server := httptest.NewServer(fake)
	defer server.Close()

	adapter, err := pipedrive.New(pipedrive.Config{BaseURL: server.URL})
	if err != nil {
		fmt.Println(err)
		return
	}
	router, err := crmlog.NewRouter(adapter, crmlog.RouterConfig{Platform: pipedrive.Platform})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	defer func() { _ = router.Shutdown(ctx) }()

	messages, err := crmlog.DecodeMessages(strings.NewReader(`{"records": [
		{"id": 1001, "type": "SMS", "direction": "Outbound", "creationTime": "2026-03-02T17:00:00Z",
		 "subject": "Your order is ready", "conversation": {"id": "77"},
		 "from": {"phoneNumber": "+18005550100"}, "to": [{"phoneNumber": "+12015550142"}]},
		{"id": 1002, "type": "SMS", "direction": "Inbound", "creationTime": "2026-03-02T17:04:00Z",
		 "subject": "On my way", "conversation": {"id": "77"},
		 "from": {"phoneNumber": "+12015550142"}, "to": [{"phoneNumber": "+18005550100"}]}
	]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	in := crmlog.LogInput{
		User:        crmlog.User{ID: "7", Name: "Pat Agent", TimezoneName: "America/New_York"},
		ContactInfo: crmlog.ContactInfo{ID: "42", Name: "Kim Sample", PhoneNumber: "+12015550142"},
		AuthHeader:  "Bearer the-users-token",
	}
	for _, m := range messages {
		in.Messages = append(in.Messages, crmlog.MessageInput{Message: m})
	}
	report, err := router.Log(ctx, in)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, entry := range report.Entries {
		fmt.Println(entry.MessageID, entry.Outcome, "in activity", entry.LogID)
	}
	fmt.Println(report.ReturnMessage.Message)
	for _, a := range fake.Activities() {
		fmt.Println(a.Type, a.Subject, a.DueDate, a.DueTime, "UTC, person", a.PersonID)
	}
	// Output:
	// 1001 added in activity 1
	// 1002 updated in activity 1
	// 2 messages logged
	// sms SMS with Kim Sample 2026-03-02 17:00 UTC, person 42
}

// Without a router, as RingCentral's contract calls an adapter: its JSON in,
// its JSON out. A test can answer each request by hand.
func ExampleAdapter_AddMessageLog() {
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("POST", "https://acme.pipedrive.com/api/v2/activities",
		httpmock.NewJsonResponderOrPanic(200, map[string]any{"success": true, "data": map[string]any{"id": 501}}))
	adapter, err := pipedrive.New(pipedrive.Config{ActivityType: "sms", Transport: mock})
	if err != nil {
		fmt.Println(err)
		return
	}

	var in crmlog.AddMessageLogInput
	err = json.Unmarshal([]byte(`{
		"user": {"id": "7-pipedrive", "name": "Pat Agent", "hostname": "acme.pipedrive.com"},
		"contactInfo": {"id": "42", "phoneNumber": "+12015550142", "name": "Kim Sample"},
		"authHeader": "Bearer the-users-token",
		"message": {"id": 1001, "type": "SMS", "direction": "Outbound", "creationTime": "2026-03-02T17:00:00Z",
			"subject": "Your order is ready", "conversationId": 77,
			"from": {"phoneNumber": "+18005550100"}, "to": [{"phoneNumber": "+12015550142"}]},
		"additionalSubmission": {"deals": "12"},
		"timezoneOffset": "-05:00"
	}`), &in)
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := adapter.AddMessageLog(context.Background(), in)
	if err != nil {
		fmt.Println(err)
		return
	}
	out, err := json.Marshal(result)
	fmt.Println(string(out), err)
	// Output:
	// {"logId":"501","returnMessage":{"message":"Message logged","messageType":"success","ttl":3000}} <nil>
}
