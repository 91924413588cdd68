package sqlstore_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// childEnv makes the test binary one of the processes that a test starts.
const childEnv = "CRMLOG_SQLSTORE_CHILD"

func TestMain(m *testing.M) {
	role := os.Getenv(childEnv)
	if role == "" {
		goleak.VerifyTestMain(m)
		return
	}
	if err := child(role); err != nil {
		fmt.Fprintln(os.Stderr, role+":", err)
		os.Exit(1)
	}
}
