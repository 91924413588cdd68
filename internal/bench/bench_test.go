// Package bench has no code: its benchmarks compare what crmlog does with what
// the same HTTP requests cost alone. docs/performance.md says how to read them.
package bench

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/crmlogtest"
	"github.com/crmlog/crmlog/sqlstore/postgres"
	"github.com/crmlog/crmlog/sqlstore/sqlite"
	"github.com/crmlog/crmlog/testcrm"
	"github.com/stretchr/testify/require"
)

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

func message(id, conversation int) crmlog.Message {
	return crmlog.Message{
		ID: crmlog.ID(fmt.Sprint(3_000_000_000_000 + id)), Type: crmlog.MessageTypeSMS, Direction: crmlog.DirectionInbound,
		CreationTime: noon.Add(time.Duration(id) * time.Millisecond), Subject: "A text of ordinary length, as people send them.",
		Conversation: crmlog.Conversation{ID: crmlog.ID(fmt.Sprint(5_578_984_350_117_917_661 + conversation))},
		From:         crmlog.Party{PhoneNumber: "+16505550101"},
		To:           []crmlog.Party{{PhoneNumber: "+16505550100", Target: true}},
	}
}

func input(m crmlog.Message) crmlog.LogInput {
	return crmlogtest.LogInput(crmlog.MessageInput{Message: m})
}

// callers shares b.N calls of f between n goroutines. What they take of the
// processors, with the CRM's part, is less at the mercy of what else the machine
// does than their number per second.
func callers(b *testing.B, n int, f func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	cpu := cpuTime()
	for range n {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				f(int(i))
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
	b.ReportMetric(float64((cpuTime()-cpu).Microseconds())/float64(b.N), "cpu-µs/msg")
}

type noop struct{}

func (noop) AddMessageLog(context.Context, crmlog.AddMessageLogInput) (crmlog.MessageLogResult, error) {
	return crmlog.MessageLogResult{LogID: "1"}, nil
}

func (noop) UpdateMessageLog(context.Context, crmlog.UpdateMessageLogInput) (crmlog.MessageLogResult, error) {
	return crmlog.MessageLogResult{LogID: "1"}, nil
}

// BenchmarkRouter is what the router itself costs per message; compare with
// BenchmarkJSON.
func BenchmarkRouter(b *testing.B) {
	for name, conversations := range map[string]int{"distinct": 1 << 30, "hundred": 100} {
		b.Run(name, func(b *testing.B) {
			router, err := crmlog.NewRouter(noop{}, crmlog.RouterConfig{Platform: "noop"})
			require.NoError(b, err)
			defer router.Shutdown(context.Background())
			b.ReportAllocs()
			ctx := context.Background()
			messages := make([]crmlog.Message, min(b.N, 100_000))
			for i := range messages {
				messages[i] = message(i, i%conversations)
			}
			b.ResetTimer()
			for i := range b.N {
				m := messages[i%len(messages)]
				if i >= len(messages) {
					m = message(i, i%conversations)
				}
				if _, err := router.Log(ctx, input(m)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkJSON encodes and decodes the same message once.
func BenchmarkJSON(b *testing.B) {
	text, err := json.Marshal(message(1, 1))
	require.NoError(b, err)
	var m crmlog.Message
	require.NoError(b, json.Unmarshal(text, &m))
	b.ReportAllocs()
	for b.Loop() {
		text, err := json.Marshal(m)
		if err != nil {
			b.Fatal(err)
		}
		if err := json.Unmarshal(text, &m); err != nil {
			b.Fatal(err)
		}
	}
}

func stores(b *testing.B) map[string]func(b *testing.B) crmlog.Store {
	all := map[string]func(b *testing.B) crmlog.Store{
		"memory": func(*testing.B) crmlog.Store { return crmlog.NewMemoryStore() },
		"sqlite": func(b *testing.B) crmlog.Store {
			s, err := sqlite.Open(context.Background(), filepath.Join(b.TempDir(), "bench.db"))
			require.NoError(b, err)
			b.Cleanup(func() { _ = s.Close() })
			return s
		},
	}
	if dsn := os.Getenv("CRMLOG_TEST_POSTGRES"); dsn != "" {
		all["postgres"] = func(b *testing.B) crmlog.Store {
			s, err := postgres.Open(context.Background(), schema(b, dsn))
			require.NoError(b, err)
			b.Cleanup(func() { _ = s.Close() })
			return s
		}
	}
	return all
}

// schema makes one for this benchmark alone, in a server that is given by URL.
func schema(b *testing.B, dsn string) string {
	u, err := url.Parse(dsn)
	require.NoError(b, err)
	db, err := sql.Open("pgx", dsn)
	require.NoError(b, err)
	name := "crmlog_bench_" + strings.ToLower(rand.Text())
	_, err = db.Exec("CREATE SCHEMA " + name)
	require.NoError(b, err)
	b.Cleanup(func() {
		_, err := db.Exec("DROP SCHEMA " + name + " CASCADE")
		require.NoError(b, errors.Join(err, db.Close()))
	})
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	return u.String()
}

var (
	latencies   = []time.Duration{0, 5 * time.Millisecond}
	callerCount = []int{1, 8, 64}
)

// crmOf is a testcrm on loopback.
func crmOf(b testing.TB, latency time.Duration) (url string) {
	crm := testcrm.NewServer(testcrm.ServerConfig{Latency: latency, KeepRequests: -1})
	web := httptest.NewServer(crm)
	b.Cleanup(func() {
		web.Close()
		crm.Close()
	})
	return web.URL
}

// side is one of the two that are compared: what it does for the i-th message, of a
// conversation of its own, and what is ready before.
type side[T any] struct {
	make func(i int) T
	do   func(T) error
}

func (s side[T]) both(i int) error { return s.do(s.make(i)) }

// logger is the side that logs.
func logger(b testing.TB, url string, store crmlog.Store) side[crmlog.LogInput] {
	adapter, err := testcrm.New(testcrm.Config{BaseURL: url})
	require.NoError(b, err)
	router, err := crmlog.NewRouter(adapter, crmlog.RouterConfig{Platform: fmt.Sprint("bench", time.Now().UnixNano()), Store: store})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, router.Shutdown(context.Background())) })
	return side[crmlog.LogInput]{
		make: func(i int) crmlog.LogInput { return input(message(i, i)) },
		do: func(in crmlog.LogInput) error {
			_, err := router.Log(context.Background(), in)
			return err
		},
	}
}

// poster is the floor of logger: it makes the requests that one makes, in a bare
// net/http loop, encodes and decodes the same bodies, and stores nothing.
func poster(b testing.TB, url string) side[record] {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}
	b.Cleanup(client.CloseIdleConnections)
	like := recorded(b)
	return side[record]{
		make: func(i int) record {
			r := like
			r.ExternalID = fmt.Sprintf("c1-%026d", i)
			return r
		},
		do: func(r record) error { return post(client, url+"/activities", r) },
	}
}

// BenchmarkLog logs to testcrm over loopback; compare with BenchmarkFloor.
func BenchmarkLog(b *testing.B) {
	for _, latency := range latencies {
		for name, open := range stores(b) {
			for _, n := range callerCount {
				b.Run(fmt.Sprintf("crm=%s/distinct/store=%s/callers=%d", latency, name, n), func(b *testing.B) {
					log := logger(b, crmOf(b, latency), open(b))
					callers(b, n, func(i int) {
						if err := log.both(i); err != nil {
							b.Error(err)
						}
					})
				})
			}
		}
	}
}

// BenchmarkFloor makes the requests that BenchmarkLog makes, see poster.
func BenchmarkFloor(b *testing.B) {
	for _, latency := range latencies {
		for _, n := range callerCount {
			b.Run(fmt.Sprintf("crm=%s/distinct/store=floor/callers=%d", latency, n), func(b *testing.B) {
				post := poster(b, crmOf(b, latency))
				callers(b, n, func(i int) {
					if err := post.both(i); err != nil {
						b.Error(err)
					}
				})
			})
		}
	}
}

// BenchmarkBeside takes turns between what BenchmarkLog does and what
// BenchmarkFloor does, some tens of milliseconds each, so that what else the
// machine does slows both: of-floor is the median of the ratios of their speeds.
func BenchmarkBeside(b *testing.B) {
	for _, latency := range latencies {
		for name, open := range stores(b) {
			for _, n := range callerCount {
				b.Run(fmt.Sprintf("crm=%s/distinct/store=%s/callers=%d", latency, name, n), func(b *testing.B) {
					url := crmOf(b, latency)
					log, post := logger(b, url, open(b)), poster(b, url)
					var ratios []float64
					for k := 0; b.Loop(); k++ {
						floor := turn(b, post, n, 2*k)
						ratios = append(ratios, floor/turn(b, log, n, 2*k+1))
					}
					slices.Sort(ratios)
					b.ReportMetric(ratios[len(ratios)/2], "of-floor")
				})
			}
		}
	}
}

// turn is the seconds that so many callers take for the k-th turn's messages, which
// are made before.
func turn[T any](b *testing.B, s side[T], callers, k int) float64 {
	ready := make([]T, 10*callers+40)
	for i := range ready {
		ready[i] = s.make(k*len(ready) + i + 1)
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	begin := time.Now()
	for range callers {
		wg.Go(func() {
			for i := int(next.Add(1)); i <= len(ready); i = int(next.Add(1)) {
				if err := s.do(ready[i-1]); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	return time.Since(begin).Seconds()
}

// record is the body that testcrm's adapter sends and reads.
type record struct {
	ID         string    `json:"id,omitempty"`
	ContactID  string    `json:"contactId,omitempty"`
	Type       string    `json:"type,omitempty"`
	Subject    string    `json:"subject,omitempty"`
	Body       string    `json:"body,omitempty"`
	At         time.Time `json:"at,omitzero"`
	ExternalID string    `json:"externalId,omitempty"`
}

// recorded is what the adapter sent for one message.
func recorded(b testing.TB) record {
	crm := testcrm.NewServer(testcrm.ServerConfig{})
	defer crm.Close()
	web := httptest.NewServer(crm)
	defer web.Close()
	adapter, err := testcrm.New(testcrm.Config{BaseURL: web.URL})
	require.NoError(b, err)
	in := input(message(1, 1))
	_, err = adapter.AddMessageLog(context.Background(), crmlog.AddMessageLogInput{
		User: in.User, ContactInfo: in.ContactInfo, AuthHeader: in.AuthHeader, Message: in.Messages[0].Message,
	})
	require.NoError(b, err)
	var r record
	require.NoError(b, json.Unmarshal([]byte(crm.Requests()[0].Body), &r))
	return r
}

func post(client *http.Client, url string, body record) error {
	var encoded bytes.Buffer
	enc := json.NewEncoder(&encoded)
	enc.SetEscapeHTML(false) // as crmhttp
	if err := enc.Encode(body); err != nil {
		return err
	}
	encoded.Truncate(encoded.Len() - 1) // the line break
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, &encoded)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", string(input(crmlog.Message{}).AuthHeader))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "crmlog (+https://github.com/crmlog/crmlog)")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		return fmt.Errorf("HTTP %d", resp.StatusCode)
	}
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	return json.Unmarshal(answer, &body)
}

// BenchmarkHot logs to one conversation; calls/msg is what the CRM was asked.
func BenchmarkHot(b *testing.B) {
	for _, n := range callerCount {
		b.Run(fmt.Sprintf("crm=20ms/hot/store=memory/callers=%d", n), func(b *testing.B) {
			crm := testcrm.NewServer(testcrm.ServerConfig{Latency: 20 * time.Millisecond, KeepRequests: -1, MaxBody: 1 << 30})
			defer crm.Close()
			web := httptest.NewServer(crm)
			defer web.Close()
			adapter, err := testcrm.New(testcrm.Config{BaseURL: web.URL})
			require.NoError(b, err)
			router, err := crmlog.NewRouter(adapter, crmlog.RouterConfig{Platform: "bench"})
			require.NoError(b, err)
			callers(b, n, func(i int) {
				if _, err := router.Log(context.Background(), input(message(i, 1))); err != nil {
					b.Error(err)
				}
			})
			require.NoError(b, router.Shutdown(context.Background()))
			var calls int
			for _, c := range crm.Calls() {
				calls += c
			}
			b.ReportMetric(float64(calls)/float64(b.N), "calls/msg")
		})
	}
}

// BenchmarkBackfill logs a day of one conversation in one call.
func BenchmarkBackfill(b *testing.B) {
	for _, n := range []int{200, 2000} {
		b.Run(fmt.Sprintf("crm=5ms/backfill/store=memory/messages=%d", n), func(b *testing.B) {
			crm := testcrm.NewServer(testcrm.ServerConfig{Latency: 5 * time.Millisecond, KeepRequests: -1})
			defer crm.Close()
			web := httptest.NewServer(crm)
			defer web.Close()
			adapter, err := testcrm.New(testcrm.Config{BaseURL: web.URL})
			require.NoError(b, err)
			router, err := crmlog.NewRouter(adapter, crmlog.RouterConfig{Platform: "bench"})
			require.NoError(b, err)
			calls, backfills := 0, 0
			for b.Loop() {
				in := input(message(backfills*n, backfills))
				for i := 1; i < n; i++ {
					in.Messages = append(in.Messages, crmlog.MessageInput{Message: message(backfills*n+i, backfills)})
				}
				report, err := router.Log(context.Background(), in)
				if err != nil {
					b.Fatal(err)
				}
				calls += report.Cost.Calls
				backfills++
			}
			require.NoError(b, router.Shutdown(context.Background()))
			b.ReportMetric(float64(calls)/float64(backfills), "calls/backfill")
			b.ReportMetric(float64(n*backfills)/b.Elapsed().Seconds(), "msg/s")
		})
	}
}

// BenchmarkTenants has 1,000 callers at once, of one tenant or of as many.
func BenchmarkTenants(b *testing.B) {
	const n = 1000
	for _, tenants := range []int{1, n} {
		b.Run(fmt.Sprintf("crm=5ms/distinct/store=memory/callers=%d/tenants=%d", n, tenants), func(b *testing.B) {
			crm := testcrm.NewServer(testcrm.ServerConfig{Latency: 5 * time.Millisecond, KeepRequests: -1})
			defer crm.Close()
			web := httptest.NewServer(crm)
			defer web.Close()
			adapter, err := testcrm.New(testcrm.Config{BaseURL: web.URL})
			require.NoError(b, err)
			router, err := crmlog.NewRouter(adapter, crmlog.RouterConfig{Platform: "bench"})
			require.NoError(b, err)
			callers(b, n, func(i int) {
				in := input(message(i, i))
				in.Account = fmt.Sprint("tenant-", i%tenants)
				in.AuthHeader = crmlog.AuthHeader(fmt.Sprint("Bearer ", i%tenants))
				if _, err := router.Log(context.Background(), in); err != nil {
					b.Error(err)
				}
			})
			require.NoError(b, router.Shutdown(context.Background()))
		})
	}
}
