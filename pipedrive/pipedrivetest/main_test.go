package pipedrivetest_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/crmlog/crmlog/pipedrive/pipedrivetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noon is a time with a fraction of a second, which no answer may show.
var noon = time.Date(2031, 5, 6, 12, 0, 0, 123456789, time.UTC)

// clock is a time that stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// api is a fake behind a real HTTP server, and a client that talks to it.
type api struct {
	*pipedrivetest.Server
	t      *testing.T
	url    string
	client *http.Client
	clock  *clock
	finish func() // waits for the handlers, then ends the server
}

func start(t *testing.T, cfg pipedrivetest.Config) *api {
	t.Helper()
	c := &clock{now: noon}
	if cfg.Clock == nil {
		cfg.Clock = c.Now
	}
	fake := pipedrivetest.New(cfg)
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	return &api{Server: fake, t: t, url: server.URL, client: server.Client(), clock: c, finish: server.Close}
}

type answer struct {
	status int
	header http.Header
	raw    string
	body   map[string]any // nil if it is not a JSON object
}

func (a answer) err() string { s, _ := a.body["error"].(string); return s }

func (a answer) data() map[string]any { m, _ := a.body["data"].(map[string]any); return m }

// ids are those of a list answer.
func (a answer) ids() []int64 {
	ids := []int64{}
	list, _ := a.body["data"].([]any)
	for _, e := range list {
		ids = append(ids, int64(e.(map[string]any)["id"].(float64)))
	}
	return ids
}

func (a answer) cursor() string {
	extra, _ := a.body["additional_data"].(map[string]any)
	c, _ := extra["next_cursor"].(string)
	return c
}

// request makes a request with the default credential; header lines are
// "Name: value", and "Name:" removes it.
func (a *api) request(ctx context.Context, method, path, body string, header ...string) *http.Request {
	a.t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, a.url+path, strings.NewReader(body))
	require.NoError(a.t, err)
	req.Header.Set("Authorization", "Bearer test-token")
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ":")
		req.Header.Del(name)
		if value != "" {
			req.Header.Set(name, strings.TrimSpace(value))
		}
	}
	return req
}

// do makes a call that gets an answer.
func (a *api) do(method, path, body string, header ...string) answer {
	a.t.Helper()
	res, err := a.client.Do(a.request(a.t.Context(), method, path, body, header...))
	require.NoError(a.t, err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	require.NoError(a.t, err)
	ans := answer{status: res.StatusCode, header: res.Header, raw: string(raw)}
	if json.Unmarshal(raw, &ans.body) != nil {
		ans.body = nil
	}
	return ans
}

// try makes a call that may come to nothing.
func (a *api) try(ctx context.Context, method, path, body string) error {
	a.t.Helper()
	res, err := a.client.Do(a.request(ctx, method, path, body))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.ReadAll(res.Body)
	return err
}

// add makes an activity of type sms with more JSON members, and returns its id.
func (a *api) add(members string) int64 {
	a.t.Helper()
	body := `{"subject":"Texts","type":"sms"`
	if members != "" {
		body += "," + members
	}
	ans := a.do("POST", "/api/v2/activities", body+"}")
	require.Equal(a.t, 200, ans.status, ans.raw)
	return int64(ans.data()["id"].(float64))
}

func (a *api) stored(id int64) pipedrivetest.Activity {
	a.t.Helper()
	activity, ok := a.Activity(id)
	require.True(a.t, ok)
	return activity
}
