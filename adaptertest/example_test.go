package adaptertest_test

import (
	"context"
	"fmt"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/adaptertest"
)

// In a test of your own it is adaptertest.Run(t, harness), with a subtest for
// each rule.
func ExampleCheck() {
	harness := adaptertest.Harness{
		New: func(c adaptertest.Config) (crmlog.Adapter, error) {
			return newAcmeAdapter(wrong{}, c)
		},
		NewCRM:  func() adaptertest.CRM { return newAcme() },
		MaxBody: acmeLimit,
	}
	// What failed, with the rules that it broke; nil when nothing did.
	fmt.Println(adaptertest.Check(context.Background(), harness))
}
