package sqlstore_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crmlog/crmlog"
)

// benchRows are the numbers of remembered messages that look-ups are measured
// at: CRMLOG_BENCH_ROWS=10000,10000000, say.
func benchRows(b *testing.B) []int {
	text := os.Getenv("CRMLOG_BENCH_ROWS")
	if text == "" {
		text = "10000,100000,1000000"
	}
	var rows []int
	for s := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(s)
		require.NoError(b, err)
		rows = append(rows, n)
	}
	return rows
}

// The remembered messages are those of so many users, ten to a digest.
const (
	benchUsers     = 1000
	benchPerDigest = 10
)

func benchDigest(n int) crmlog.Digest {
	d := testDigest(fmt.Sprint("seed-", n))
	d.User = fmt.Sprint("u", n%benchUsers)
	return d
}

// remember fills a store with n logged messages.
func remember(b *testing.B, db database, source string, n int) {
	raw := openDB(b, source)
	raw.SetMaxOpenConns(1)
	exec := func(query string, args ...any) {
		_, err := raw.Exec(query, args...)
		require.NoError(b, err)
	}
	series, key := "generate_series(0, %d) AS s(i)", "1, 2"
	if db.name == "sqlite" {
		for _, pragma := range []string{"synchronous = OFF", "locking_mode = EXCLUSIVE", "journal_mode = OFF", "cache_size = -400000"} {
			exec("PRAGMA " + pragma)
		}
		series = "(WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT i FROM n) AS s"
		key = "2, 1"
	}
	from := func(rows int) string { return " FROM " + fmt.Sprintf(series, rows-1) }
	exec("CREATE TEMP TABLE users (k integer PRIMARY KEY, scope text)")
	for u := range benchUsers {
		exec("INSERT INTO users VALUES ($1, $2)", u, benchDigest(u).MessageScope())
	}
	digests := n / benchPerDigest
	more, values := ", log_id, committed_at, last_part", ", 'r' || i, 0, 1"
	if db.name == "postgres" {
		more, values = ", version", ", 0"
		exec(`INSERT INTO crmlog_parts (ref, part, log_id, committed_at) SELECT 'c1-seed-' || i, 1, 'r' || i, 0` + from(digests))
	}
	user := fmt.Sprintf(" JOIN users u ON u.k = i %% %d", benchUsers)
	exec(`INSERT INTO crmlog_digests (ref, platform, account, user_id, contact_id, conversation, day, scope, fence, lease_until` + more + `)
		SELECT 'c1-seed-' || i, 'test', 'acme', 'u' || u.k, 'c', 'cseed-' || i, '2026-03-01', u.scope, 0, 0` + values + from(digests) + user)
	// In the key's order, and the index afterwards, which takes a tenth of the time.
	index := "CREATE INDEX crmlog_messages_logged_at ON crmlog_messages (logged_at) WHERE logged_at IS NOT NULL"
	exec("DROP INDEX crmlog_messages_logged_at")
	exec(fmt.Sprintf(`INSERT INTO crmlog_messages (scope, message_id, ref, part, logged_at, last_modified, status)
		SELECT u.scope, '6027' || (i %% %[1]d) || '-' || (i / %[1]d), 'c1-seed-' || (i / %[1]d), 1, i, 1425217490300000, 'Delivered'`, benchPerDigest) +
		from(n) + fmt.Sprintf(" JOIN users u ON u.k = (i / %d) %% %d ORDER BY %s", benchPerDigest, benchUsers, key))
	exec(index)
	if db.name == "postgres" {
		exec("ANALYZE crmlog_digests, crmlog_parts, crmlog_messages")
		exec("CHECKPOINT")
		return
	}
	require.NoError(b, raw.Close())
}

// BenchmarkClaimCommit logs one message in a digest that has some, among so many
// remembered; its claim asks for one of these too.
func BenchmarkClaimCommit(b *testing.B) {
	for _, db := range databases {
		for _, rows := range benchRows(b) {
			b.Run(fmt.Sprintf("%s/rows=%d", db.name, rows), func(b *testing.B) {
				source := db.fresh(b)
				s, err := openSource(b.Context(), source) // makes the tables
				require.NoError(b, err)
				require.NoError(b, s.Close())
				remember(b, db, source, rows)
				s = open(b, source)
				// A digest is used more than once, but none is under way twice.
				var claiming, committing time.Duration
				for n := 0; b.Loop(); n++ {
					i := rand.IntN(rows / benchPerDigest)
					id := crmlog.ID(fmt.Sprint("new-", n))
					known := crmlog.ID(fmt.Sprintf("6027%d-%d", n%benchPerDigest, i))
					start := time.Now()
					c, err := s.Claim(b.Context(), crmlog.ClaimRequest{
						Digest: benchDigest(i), Lease: time.Minute, Messages: []crmlog.ID{known, id}, Intend: true,
					})
					claiming += time.Since(start)
					if err != nil || !c.Messages[0].Logged || c.Intended == nil || c.Intended.Kind != crmlog.IntendUpdate {
						b.Fatalf("claim %+v, error %v", c, err)
					}
					start = time.Now()
					err = s.Commit(b.Context(), c.Lease, crmlog.Commit{
						Part: 1, LogID: c.Parts[0].LogID, Logged: []crmlog.LoggedMessage{{ID: id}}, Release: true,
					})
					committing += time.Since(start)
					if err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(claiming.Microseconds())/float64(b.N), "µs/claim")
				b.ReportMetric(float64(committing.Microseconds())/float64(b.N), "µs/commit")
			})
		}
	}
}

// BenchmarkGroupCommit logs messages of different digests from many goroutines.
func BenchmarkGroupCommit(b *testing.B) {
	for _, db := range databases {
		for _, goroutines := range []int{1, 8, 64} {
			b.Run(fmt.Sprintf("%s/goroutines=%d", db.name, goroutines), func(b *testing.B) {
				s := open(b, db.fresh(b))
				var next atomic.Int64
				var wg sync.WaitGroup
				errs := make([]error, goroutines)
				b.ResetTimer()
				for g := range goroutines {
					wg.Go(func() {
						for n := next.Add(1); n <= int64(b.N) && errs[g] == nil; n = next.Add(1) {
							errs[g] = logOne(b, s, strconv.FormatInt(n, 10))
						}
					})
				}
				wg.Wait()
				for _, err := range errs {
					require.NoError(b, err)
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
			})
		}
	}
}

func logOne(b *testing.B, s crmlog.Store, name string) error {
	id := crmlog.ID(name)
	c, err := s.Claim(b.Context(), crmlog.ClaimRequest{Digest: testDigest(name), Lease: time.Minute, Messages: []crmlog.ID{id}, Intend: true})
	if err != nil {
		return err
	}
	return s.Commit(b.Context(), c.Lease, crmlog.Commit{Part: 1, LogID: name, Logged: []crmlog.LoggedMessage{{ID: id}}, Release: true})
}
