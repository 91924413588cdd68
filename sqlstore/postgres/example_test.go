package postgres_test

import (
	"context"
	"log"
	"os"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/sqlstore/postgres"
)

func ExampleOpen() {
	// Such as postgres://crmlog:…@db.example.com/crm?search_path=crmlog
	store, err := postgres.Open(context.Background(), os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	// Give it to crmlog.NewRouter as RouterConfig.Store, on every machine.
	var _ crmlog.Store = store
}
