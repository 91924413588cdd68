package crmlog_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/note"
	"github.com/crmlog/crmlog/testcrm"
)

func ExampleRouter_Log() {
	ctx := context.Background()
	crm := testcrm.NewServer(testcrm.ServerConfig{}) // stands for the customer's CRM
	defer crm.Close()
	web := httptest.NewServer(crm)
	defer web.Close()

	adapter, err := testcrm.New(testcrm.Config{BaseURL: web.URL})
	if err != nil {
		fmt.Println(err)
		return
	}
	router, err := crmlog.NewRouter(adapter, crmlog.RouterConfig{Platform: testcrm.Platform})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer router.Shutdown(ctx)

	webhook := `{"event":"/restapi/v1.0/account/~/extension/~/message-store/instant?type=SMS","body":{
		"id":"60279564004","type":"SMS","direction":"Inbound","creationTime":"2026-03-10T16:02:11Z",
		"from":{"phoneNumber":"+16505550101"},"to":[{"phoneNumber":"+16505550100","target":true}],
		"subject":"Is it in stock?","conversation":{"id":"5578984350117917661"}}}`
	messages, err := crmlog.DecodeMessages(strings.NewReader(webhook))
	if err != nil {
		fmt.Println(err)
		return
	}
	in := crmlog.LogInput{
		User:        crmlog.User{ID: "7", Name: "Sam Seller", TimezoneName: "America/Los_Angeles"},
		ContactInfo: crmlog.ContactInfo{ID: "42", Name: "Ann Lee", PhoneNumber: "+16505550101"},
		AuthHeader:  "Bearer token",
		Messages:    []crmlog.MessageInput{{Message: messages[0]}},
	}
	for range 2 {
		report, err := router.Log(ctx, in)
		fmt.Println(report.Entries[0].Outcome, report.Entries[0].LogID, report.ReturnMessage.Message, err)
	}
	first, _, _ := strings.Cut(note.Text(crm.Activities()[0].Body, note.HTML), "\n")
	fmt.Println(first)
	// Output:
	// added act_1001 Message logged <nil>
	// duplicate act_1001 Already logged <nil>
	// SMS with Ann Lee (+16505550101)
}

// A wrapper adds to every adapter what it wraps; As looks through it.
func ExampleAs() {
	var adapter crmlog.Adapter = counting{&testcrm.Adapter{}, new(int)}
	_, ok := crmlog.As[crmlog.Finder](adapter)
	fmt.Println(ok)
	// Output: true
}

// counting counts the CRM records that an adapter makes.
type counting struct {
	crmlog.Adapter
	adds *int
}

func (c counting) Unwrap() crmlog.Adapter { return c.Adapter }

func (c counting) AddMessageLog(ctx context.Context, in crmlog.AddMessageLogInput) (crmlog.MessageLogResult, error) {
	*c.adds++
	return c.Adapter.AddMessageLog(ctx, in)
}

func ExampleTemporary() {
	err := error(&crmlog.APIError{Operation: "pipedrive: create activity", Kind: crmlog.ErrRateLimited, StatusCode: 429, NotDone: true})
	switch {
	case crmlog.Temporary(err):
		fmt.Println("log it again later")
	case errors.Is(err, crmlog.ErrUnauthorized):
		fmt.Println("ask the user to connect the CRM again")
	}
	fmt.Println(crmlog.ErrorClass(err))
	// Output:
	// log it again later
	// rate_limited
}
