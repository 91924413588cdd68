package crmlog_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/stretchr/testify/require"
)

// heap is what is reachable.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // frees what the first found to have finalizers, or swept late
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// What a message takes with its share of the digest. Not parallel: it counts all
// that the process has.
func TestRememberedMessageTakesAtMost250BytesWhereDigestsHaveFour(t *testing.T) {
	const messages = 200_000
	for perDigest, most := range map[int]float64{1: 460, 4: 250, 10: 220, 100: 200} {
		t.Run(fmt.Sprint(perDigest, " to a digest"), func(t *testing.T) {
			before := heap()
			s := crmlog.NewMemoryStore()
			for i := range messages / perDigest {
				d := crmlog.Digest{
					Ref: fmt.Sprintf("c1-%026d", i), Platform: "pipedrive", Account: "acme", User: fmt.Sprint(i % 50),
					Contact: fmt.Sprint(100_000 + i%20_000), Conversation: fmt.Sprintf("c%019d", i), Day: time.Unix(0, 0).AddDate(0, 0, i%365).Format(time.DateOnly),
				}
				ids := make([]crmlog.ID, perDigest)
				logged := make([]crmlog.LoggedMessage, perDigest)
				for k := range ids {
					ids[k] = crmlog.ID(fmt.Sprint(60_279_564_004 + i*perDigest + k))
					logged[k] = crmlog.LoggedMessage{ID: ids[k], LastModified: time.Unix(int64(i), 0), Status: "Delivered"}
				}
				c, err := s.Claim(t.Context(), crmlog.ClaimRequest{Digest: d, Lease: time.Minute, Messages: ids, Intend: true})
				require.NoError(t, err)
				require.NoError(t, s.Commit(t.Context(), c.Lease, crmlog.Commit{Part: 1, LogID: fmt.Sprint(i), Logged: logged, Release: true}))
			}
			each := float64(heap()-before) / messages
			runtime.KeepAlive(s)
			t.Logf("%.0f bytes per message", each)
			require.LessOrEqual(t, each, most)
		})
	}
}
