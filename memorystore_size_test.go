package crmlog_test

import (
	"fmt"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/stretchr/testify/require"
)

// heap is what is reachable, and how much of it the garbage collector looks at.
func heap() (reachable, scanned float64) {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // frees what the first found to have finalizers, or swept late
	runtime.ReadMemStats(&m)
	scan := []metrics.Sample{{Name: "/gc/scan/heap:bytes"}}
	metrics.Read(scan)
	return float64(m.HeapAlloc), float64(scan[0].Value.Uint64())
}

// filler logs messages as RingCentral and Pipedrive number them.
type filler struct {
	store             *crmlog.MemoryStore
	perDigest, logged int
	status            func(message int) string
}

func (f *filler) to(t *testing.T, messages int) {
	for ; f.logged < messages; f.logged += f.perDigest {
		i := f.logged / f.perDigest
		d := crmlog.Digest{
			Platform: "pipedrive", Account: "acme", User: fmt.Sprint(i % 50), Contact: fmt.Sprint(100_000 + i%20_000),
			Conversation: fmt.Sprintf("c%019d", i), Day: time.Unix(0, 0).AddDate(0, 0, i%365).Format(time.DateOnly),
		}
		d.Ref = "c1-" + crmlog.Digest{Contact: d.Conversation}.MessageScope() // a hash, as long as a Ref's
		ids := make([]crmlog.ID, f.perDigest)
		logged := make([]crmlog.LoggedMessage, f.perDigest)
		for k := range ids {
			ids[k] = crmlog.ID(fmt.Sprint(60_279_564_004 + f.logged + k))
			logged[k] = crmlog.LoggedMessage{ID: ids[k], LastModified: time.Unix(int64(i), 0), Status: f.status(f.logged + k)}
		}
		c, err := f.store.Claim(t.Context(), crmlog.ClaimRequest{Digest: d, Lease: time.Minute, Messages: ids, Intend: true})
		require.NoError(t, err)
		require.NoError(t, f.store.Commit(t.Context(), c.Lease, crmlog.Commit{Part: 1, LogID: fmt.Sprint(i), Logged: logged, Release: true}))
	}
}

func delivered(int) string { return "Delivered" }

// What a message takes with its share of the digest. Not parallel: it counts all
// that the process has. The sizes are some just before and after a map of Go's
// would double.
func TestRememberedMessageTakesAtMost250Bytes(t *testing.T) {
	sizes := []int{100_000, 120_000, 200_000, 225_000}
	for perDigest, most := range map[int]float64{1: 215, 4: 110, 10: 90, 100: 72} {
		t.Run(fmt.Sprint(perDigest, " to a digest"), func(t *testing.T) {
			f := filler{store: crmlog.NewMemoryStore(), perDigest: perDigest, status: delivered}
			reachable, scanned := heap()
			var sum, worst, worstScan float64
			for _, size := range sizes {
				f.to(t, size)
				all, scan := heap()
				each := (all - reachable) / float64(size)
				sum, worst = sum+each, max(worst, each)
				worstScan = max(worstScan, (scan-scanned)/float64(size))
			}
			runtime.KeepAlive(f.store)
			t.Logf("%.0f bytes per message, at worst %.0f; the garbage collector looks at %.1f", sum/float64(len(sizes)), worst, worstScan)
			require.LessOrEqual(t, worst, most)
			require.LessOrEqual(t, worstScan, 4.0)
		})
	}
}

// Each text of an internal note has a status of its own.
func TestWhatIsForgottenMakesRoom(t *testing.T) {
	const notes = 50_000
	edition := 0
	f := filler{store: crmlog.NewMemoryStore(), perDigest: 100, status: func(i int) string { return fmt.Sprintf("%08d", edition*notes+i) }}
	empty, _ := heap()
	f.to(t, notes)
	full, _ := heap()
	t.Logf("%.0f bytes per note", (full-empty)/notes)
	for edition = range 3 {
		f.logged -= notes
		f.to(t, f.logged+notes)
	}
	for range 2 {
		n, err := f.store.Prune(t.Context(), time.Now().Add(time.Hour))
		require.NoError(t, err)
		require.EqualValues(t, notes, n)
		f.to(t, f.logged+notes)
	}
	again, _ := heap()
	runtime.KeepAlive(f.store)
	require.LessOrEqual(t, again-full, 0.1*(full-empty), "as many notes are known, though of more digests")
}
