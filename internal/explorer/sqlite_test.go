package explorer

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/sqlstore/sqlite"
	"github.com/stretchr/testify/require"
)

// TestRandomSchedulesOnSQLite drives the other store whose time is that of the
// process, here of the bubble.
func TestRandomSchedulesOnSQLite(t *testing.T) {
	t.Parallel()
	n := uint64(10)
	if full() {
		n = 1000
	}
	dir := t.TempDir()
	tallies := newTallies(1)
	for seed := uint64(1); seed <= n; seed++ {
		open := func(t *testing.T) crmlog.Store {
			s, err := sqlite.Open(t.Context(), filepath.Join(dir, fmt.Sprint(seed)))
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, s.Close()) })
			return s
		}
		res := explore(t, open, newPlan(seed), newRandom(seed), tallies[0].states, nil)
		tallies[0].counts.add(res.counts)
		if len(res.violations) > 0 {
			t.Fatalf("seed %d: %s", seed, res.violations[0])
		}
	}
	logTotal(t, tallies)
}
