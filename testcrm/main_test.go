package testcrm_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/crmlog/crmlog/testcrm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// site is a CRM behind a real HTTP server.
type site struct {
	*testcrm.Server
	t   *testing.T
	web *httptest.Server
}

func start(t *testing.T, cfg testcrm.ServerConfig) *site {
	t.Helper()
	crm := testcrm.NewServer(cfg)
	web := httptest.NewServer(crm)
	t.Cleanup(func() {
		crm.Close()
		web.Close()
	})
	return &site{crm, t, web}
}

type reply struct {
	status int
	header http.Header
	body   string
}

func (r reply) code(t *testing.T) string {
	t.Helper()
	var e struct {
		Error struct{ Code, Message string }
	}
	require.NoError(t, json.Unmarshal([]byte(r.body), &e), r.body)
	require.NotEmpty(t, e.Error.Message)
	return e.Error.Code
}

func (r reply) activity(t *testing.T) testcrm.Activity {
	t.Helper()
	var a testcrm.Activity
	require.NoError(t, json.Unmarshal([]byte(r.body), &a), r.body)
	return a
}

// request makes an authorized JSON request; headers are pairs, an empty value
// removes one.
func (s *site) request(method, path, body string, headers ...string) *http.Request {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.web.URL+path, strings.NewReader(body))
	require.NoError(s.t, err)
	r.Header.Set("Authorization", "Bearer secret-token")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
		}
	}
	return r
}

func (s *site) try(r *http.Request) (reply, error) {
	resp, err := s.web.Client().Do(r)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, string(body)}, err
}

func (s *site) do(method, path, body string, headers ...string) reply {
	s.t.Helper()
	got, err := s.try(s.request(method, path, body, headers...))
	require.NoError(s.t, err)
	return got
}

// post creates an activity from what is valid, changed by the given fields; nil
// leaves one out.
func (s *site) post(fields map[string]any) reply {
	s.t.Helper()
	return s.do("POST", "/activities", payload(s.t, fields))
}

func payload(t *testing.T, fields map[string]any) string {
	t.Helper()
	all := map[string]any{
		"contactId": "42", "type": "sms", "subject": "SMS with Ada", "body": "<p>hello</p>", "at": "2026-03-04T05:06:07Z",
	}
	for k, v := range fields {
		if all[k] = v; v == nil {
			delete(all, k)
		}
	}
	var b bytes.Buffer
	require.NoError(t, json.NewEncoder(&b).Encode(all))
	return b.String()
}
