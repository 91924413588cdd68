// Package crmlogtest is for the unit tests of programs that log messages: an
// adapter that keeps everything in memory and can be told to fail, messages of
// every kind, and checks of what was logged.
//
//	crm := &crmlogtest.Adapter{}
//	router, err := crmlog.NewRouter(crm, crmlog.RouterConfig{Platform: "test"})
//	// … hand the router to your service
//	var phone crmlogtest.Mailbox
//	crm.Fail(crmlogtest.Fault{Err: crmlogtest.RateLimited(time.Second)})
//	err = service.Handle(ctx, phone.In("Is it in stock?"))
//	// …
//	crm.RequireRecords(t, []crmlog.ID{"1001"})
//
// There is no HTTP in it. To test against a CRM that speaks HTTP, with notes in
// HTML and connections that break, use package testcrm; against Pipedrive, use
// package pipedrivetest or httpmock. To test an adapter of your own, use package
// adaptertest.
package crmlogtest
