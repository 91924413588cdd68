package main

import (
	"context"
	"fmt"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/internal/day"
	"github.com/crmlog/crmlog/testcrm"
)

// shown is the contact whose page is in the pictures.
var shown = day.Contacts()[0]

// fill logs a salesperson's days, as a service would: message by message through
// a router and the adapter, a few of them again as they change.
func fill(ctx context.Context, crm *testcrm.Server, baseURL string) error {
	for _, c := range day.Contacts() {
		if _, err := crm.AddContact(c); err != nil {
			return err
		}
	}
	adapter, err := testcrm.New(testcrm.Config{BaseURL: baseURL})
	if err != nil {
		return err
	}
	router, err := crmlog.NewRouter(adapter, crmlog.RouterConfig{Platform: testcrm.Platform})
	if err != nil {
		return err
	}
	for _, e := range day.Events() {
		if _, err := router.Log(ctx, e.LogInput()); err != nil {
			return fmt.Errorf("message %s: %w", e.Message.ID, err)
		}
	}
	return router.Shutdown(ctx)
}
