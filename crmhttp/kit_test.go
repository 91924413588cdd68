package crmhttp_test

import (
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/crmhttp"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// crm is a server that plays a scenario: the n-th request gets the n-th
// handler, and the last one for good.
type crm struct {
	*httptest.Server
	mu     sync.Mutex
	bodies []string
}

func newCRM(t *testing.T, scenario ...http.HandlerFunc) *crm {
	t.Helper()
	s := &crm{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		step := scenario[min(len(s.bodies), len(scenario)-1)]
		s.bodies = append(s.bodies, string(body))
		s.mu.Unlock()
		step(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// requests are the bodies of the requests that arrived.
func (s *crm) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.bodies...)
}

func answer(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// cut drops the connection without an answer.
func cut(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func newClient(t *testing.T, cfg crmhttp.Config) *crmhttp.Client {
	t.Helper()
	if cfg.Name == "" {
		cfg.Name = "acme"
	}
	client, err := crmhttp.New(cfg)
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	return client
}

func get(base string) crmhttp.Request {
	return crmhttp.Request{Operation: "get activity", BaseURL: base, Path: []string{"v1", "activities", "7"}, Auth: "Bearer t0ken-abc"}
}

func post(base string) crmhttp.Request {
	return crmhttp.Request{
		Operation: "create activity", Method: http.MethodPost, BaseURL: base, Path: []string{"v1", "activities"},
		Auth: "Bearer t0ken-abc", Body: map[string]string{"note": "sunflower"},
	}
}

func patch(base string) crmhttp.Request {
	req := post(base)
	req.Operation, req.Method, req.Idempotent = "update activity", http.MethodPatch, true
	return req
}

func apiError(t *testing.T, err error) *crmlog.APIError {
	t.Helper()
	var api *crmlog.APIError
	require.ErrorAs(t, err, &api)
	return api
}

// transport is a RoundTripper made of a function, for what happens in a
// synctest bubble.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		defer func() { _ = req.Body.Close() }()
	}
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	return f(req)
}

// recorded is an answer of a transport.
func recorded(h http.HandlerFunc) *http.Response {
	w := httptest.NewRecorder()
	h(w, nil)
	return w.Result()
}

func discardLog() *log.Logger { return log.New(io.Discard, "", 0) }

var errCut = errors.New("connection reset by peer")
