package fernbooktest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/crmlog/crmlog/examples/customadapter/fernbooktest"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type site struct {
	*fernbooktest.Server
	t   *testing.T
	web *httptest.Server
}

func start(t *testing.T, cfg fernbooktest.Config) *site {
	t.Helper()
	crm := fernbooktest.New(cfg)
	web := httptest.NewServer(crm)
	t.Cleanup(web.Close)
	return &site{crm, t, web}
}

type reply struct {
	status int
	header http.Header
	body   map[string]any
}

// do sends a request with the key fbk_1; headers are pairs, an empty value removes
// one.
func (s *site) do(method, path, body string, headers ...string) reply {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.web.URL+path, strings.NewReader(body))
	require.NoError(s.t, err)
	r.Header.Set("Fernbook-Key", "fbk_1")
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
		}
	}
	resp, err := s.web.Client().Do(r)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	got := reply{status: resp.StatusCode, header: resp.Header}
	if len(text) > 0 {
		require.NoError(s.t, json.Unmarshal(text, &got.body), string(text))
	}
	return got
}

// write is a valid body, changed by the given members; nil leaves one out.
func write(t *testing.T, change map[string]any) string {
	t.Helper()
	all := map[string]any{"channel": "text", "title": "Chat", "text": "Hello", "happened_at": 1773158531}
	for k, v := range change {
		if all[k] = v; v == nil {
			delete(all, k)
		}
	}
	text, err := json.Marshal(all)
	require.NoError(t, err)
	return string(text)
}

func TestLifeOfAnEntry(t *testing.T) {
	t.Parallel()
	s := start(t, fernbooktest.Config{})
	made := s.do("POST", "/v3/people/p-77/entries", write(t, map[string]any{"key": "k-1", "text": "one \t\r\ntwo\r<b>three</b>"}))
	require.Equal(t, 201, made.status)
	require.Equal(t, map[string]any{
		"id": "e-1001", "version": 1.0, "person_id": "p-77", "key": "k-1", "channel": "text", "title": "Chat",
		"text": "one\ntwo\n<b>three</b>", "happened_at": 1773158531.0, "author": "fbk_1", "deleted": false,
	}, made.body)
	require.Equal(t, made.body, s.do("GET", "/v3/entries/e-1001", "").body)

	changed := s.do("PUT", "/v3/entries/e-1001", write(t, map[string]any{"version": 1, "text": "four"}))
	require.Equal(t, 200, changed.status)
	require.Equal(t, 2.0, changed.body["version"])
	late := s.do("PUT", "/v3/entries/e-1001", write(t, map[string]any{"version": 1, "text": "five"}))
	require.Equal(t, 409, late.status)
	require.Equal(t, "version_conflict", late.body["problem"])
	require.NotEmpty(t, late.body["trace"])

	require.NoError(t, s.Edit("e-1001", func(text string) string { return text + " and a half " }))
	require.Equal(t, 409, s.do("PUT", "/v3/entries/e-1001", write(t, map[string]any{"version": 2})).status, "a person's edit counts")
	text, err := s.Text("e-1001")
	require.NoError(t, err)
	require.Equal(t, "four and a half", text)

	require.Equal(t, 204, s.do("DELETE", "/v3/entries/e-1001", "").status)
	for _, method := range []string{"GET", "PUT", "DELETE"} {
		got := s.do(method, "/v3/entries/e-1001", write(t, map[string]any{"version": 3}))
		require.Equal(t, 410, got.status, method)
		require.Equal(t, "entry_deleted", got.body["problem"])
	}
	require.True(t, s.Entries()[0].Deleted)
	_, err = s.Text("e-1001")
	require.Error(t, err)
	require.Error(t, s.Edit("e-1001", strings.ToUpper))
	require.Error(t, s.Delete("e-1001"))
	last := s.Requests()[len(s.Requests())-1]
	require.Equal(t, fernbooktest.Request{Method: "DELETE", Path: "/v3/entries/e-1001", Key: "fbk_1", Status: 410}, last)
}

func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	const post, create = "POST", "/v3/people/p-77/entries"
	long := strings.Repeat("ü", fernbooktest.MaxText)
	tests := map[string]struct {
		method, path, body string
		headers            []string
		status             int
		problem            string
	}{
		"no key":                    {post, create, write(t, nil), []string{"Fernbook-Key", ""}, 401, "bad_key"},
		"an unknown key":            {post, create, write(t, nil), []string{"Fernbook-Key", "fbk_9"}, 401, "bad_key"},
		"a key with Bearer":         {post, create, write(t, nil), []string{"Fernbook-Key", "Bearer fbk_1"}, 401, "bad_key"},
		"an Authorization header":   {post, create, write(t, nil), []string{"Authorization", "Bearer fbk_1"}, 400, "stray_credential"},
		"a key that may not write":  {post, create, write(t, nil), []string{"Fernbook-Key", "fbk_2"}, 403, "read_only_key"},
		"no JSON":                   {post, create, `{"text"`, nil, 400, "bad_json"},
		"a list":                    {post, create, `[]`, nil, 400, "bad_json"},
		"a field twice":             {post, create, `{"text":"a","text":"b"}`, nil, 400, "bad_json"},
		"not UTF-8":                 {post, create, "{\"text\":\"\xff\"}", nil, 400, "bad_json"},
		"an unknown field":          {post, create, write(t, map[string]any{"body": "x"}), nil, 400, "bad_json"},
		"a field of ours":           {post, create, write(t, map[string]any{"id": "e-1"}), nil, 400, "bad_json"},
		"a version at creation":     {post, create, write(t, map[string]any{"version": 1}), nil, 400, "bad_json"},
		"no content type":           {post, create, write(t, nil), []string{"Content-Type", ""}, 415, "bad_content_type"},
		"a form":                    {post, create, "text=a", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "bad_content_type"},
		"a field missing":           {post, create, write(t, map[string]any{"title": nil}), nil, 422, "bad_field"},
		"an empty title":            {post, create, write(t, map[string]any{"title": ""}), nil, 422, "bad_field"},
		"a long title":              {post, create, write(t, map[string]any{"title": strings.Repeat("ü", 161)}), nil, 422, "bad_field"},
		"a title of two lines":      {post, create, write(t, map[string]any{"title": "a\nb"}), nil, 422, "bad_field"},
		"an unknown channel":        {post, create, write(t, map[string]any{"channel": "sms"}), nil, 422, "bad_field"},
		"a long text":               {post, create, write(t, map[string]any{"text": long + "x"}), nil, 422, "bad_field"},
		"a control character":       {post, create, write(t, map[string]any{"text": "a\u0007"}), nil, 422, "bad_field"},
		"a time as text":            {post, create, write(t, map[string]any{"happened_at": "2026"}), nil, 422, "bad_field"},
		"a time with a fraction":    {post, create, write(t, map[string]any{"happened_at": 1.5}), nil, 422, "bad_field"},
		"a key with a slash":        {post, create, write(t, map[string]any{"key": "a/b"}), nil, 422, "bad_field"},
		"a long key":                {post, create, write(t, map[string]any{"key": strings.Repeat("a", 49)}), nil, 422, "bad_field"},
		"too much":                  {post, create, write(t, map[string]any{"text": strings.Repeat("a", 70_000)}), nil, 413, "too_large"},
		"a person who is not":       {post, "/v3/people/p-78/entries", write(t, nil), nil, 404, "no_such_person"},
		"an entry that never was":   {"GET", "/v3/entries/e-1", "", nil, 404, "no_such_entry"},
		"another workspace's entry": {"GET", "/v3/entries/e-1001", "", []string{"Fernbook-Key", "fbk_3"}, 404, "no_such_entry"},
		"a PUT without its version": {"PUT", "/v3/entries/e-1001", write(t, nil), nil, 422, "bad_field"},
		"a PUT with a key":          {"PUT", "/v3/entries/e-1001", write(t, map[string]any{"version": 1, "key": "k"}), nil, 400, "bad_json"},
		"a PATCH":                   {"PATCH", "/v3/entries/e-1001", write(t, nil), nil, 405, "bad_method"},
		"another address":           {"GET", "/v2/entries", "", nil, 404, "no_such_address"},
		"a search for nothing":      {"GET", "/v3/entries", "", nil, 400, "bad_query"},
		"a search for the unknown":  {"GET", "/v3/entries?key=k&q=1", "", nil, 400, "bad_query"},
		"a page of somebody else's": {"GET", "/v3/entries?key=k&more=zzz", "", nil, 400, "bad_query"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, fernbooktest.Config{
				Keys: map[string]string{"fbk_1": "a", "fbk_2": "a", "fbk_3": "b"}, ReadOnly: []string{"fbk_2"}, People: []string{"p-77"},
			})
			require.Equal(t, 201, s.do(post, create, write(t, map[string]any{"text": long})).status, "as long as may be")
			got := s.do(tt.method, tt.path, tt.body, tt.headers...)
			require.Equal(t, tt.status, got.status, got.body)
			require.Equal(t, tt.problem, got.body["problem"])
			require.Len(t, s.Entries(), 1)
			require.Equal(t, 1, s.Entries()[0].Version)
		})
	}
}

func TestFindPagesAndLagsAndTellsNoText(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	now := time.Date(2026, 3, 10, 16, 0, 0, 0, time.UTC)
	s := start(t, fernbooktest.Config{RequestsPerSecond: -1, FindLag: 2 * time.Second, Now: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}})
	for i := range 45 {
		person := fmt.Sprintf("p-%d", i%2)
		require.Equal(t, 201, s.do("POST", "/v3/people/"+person+"/entries", write(t, map[string]any{"key": "k"})).status)
	}
	require.Empty(t, s.do("GET", "/v3/entries?key=k", "").body["entries"])
	mu.Lock()
	now = now.Add(2 * time.Second)
	mu.Unlock()
	require.Equal(t, 204, s.do("DELETE", "/v3/entries/e-1003", "").status)

	var ids []string
	for more := ""; ; {
		got := s.do("GET", "/v3/entries?key=k&person_id=p-0"+more, "")
		require.Equal(t, 200, got.status)
		for _, e := range got.body["entries"].([]any) {
			entry := e.(map[string]any)
			require.NotContains(t, entry, "text")
			ids = append(ids, entry["id"].(string))
		}
		next, ok := got.body["more"].(string)
		if !ok {
			break
		}
		more = "&more=" + next
	}
	require.Len(t, ids, 22)
	require.Equal(t, []string{"e-1001", "e-1005", "e-1007"}, ids[:3])
	require.Empty(t, s.do("GET", "/v3/entries?key=K", "").body["entries"])
}

func TestTenRequestsASecondForEachKey(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	now := time.Date(2026, 3, 10, 16, 0, 0, 0, time.UTC)
	s := start(t, fernbooktest.Config{Now: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}})
	for i := range 10 {
		got := s.do("GET", "/v3/entries?key=k", "")
		require.Equal(t, 200, got.status)
		require.Equal(t, fmt.Sprint(9-i), got.header.Get("X-RateLimit-Remaining"))
	}
	got := s.do("POST", "/v3/people/p/entries", write(t, nil))
	require.Equal(t, 429, got.status)
	require.Equal(t, "slow_down", got.body["problem"])
	require.Equal(t, "1", got.header.Get("Retry-After"))
	require.Empty(t, s.Entries())
	require.Equal(t, 200, s.do("GET", "/v3/entries?key=k", "", "Fernbook-Key", "fbk_2").status, "another key has its own")
	mu.Lock()
	now = now.Add(time.Second)
	mu.Unlock()
	require.Equal(t, 200, s.do("GET", "/v3/entries?key=k", "").status)
}
