package sqlite_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/sqlstore/sqlite"
)

func ExampleOpen() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	ctx := context.Background()
	store, err := sqlite.Open(ctx, filepath.Join(dir, "crmlog.db"))
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	// Give it to crmlog.NewRouter as RouterConfig.Store. Whatever was logged
	// longer ago than it can come again may be forgotten, once a day, say.
	forgotten, err := store.Prune(ctx, time.Now().AddDate(-1, 0, 0))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("forgotten:", forgotten)
	var _ crmlog.Store = store
	// Output: forgotten: 0
}
