package crmlog_test

import (
	"context"
	"testing"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/storetest"
)

func TestMemoryStoreKeepsTheContract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, storetest.Harness{Volatile: true, New: func(context.Context) (storetest.Storage, error) {
		s := crmlog.NewMemoryStore()
		return storetest.Storage{Open: func(context.Context) (crmlog.Store, error) { return s, nil }}, nil
	}})
}
