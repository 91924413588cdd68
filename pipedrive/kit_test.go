package pipedrive_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/pipedrive"
	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	authHeader = "Bearer v1u.c4nary-oauth-t0ken"
	leadID     = "adf21080-0e10-11eb-879b-05d71fb426ec"
	typesJSON  = `{"success":true,"data":[` +
		`{"id":1,"name":"Call","key_string":"call","active_flag":true},` +
		`{"id":9,"name":"SMS","key_string":"sms","active_flag":true,"is_custom_flag":true,"color":null}]}`
	userJSON = `{"success":true,"data":{"id":7,"name":"Pat Agent","active_flag":true,"company_domain":"acme"}}`
)

// sent is a request as it left the adapter.
type sent struct {
	method string
	url    *url.URL
	header http.Header
	body   []byte
}

func (s sent) call() string { return s.method + " " + s.url.Path }

// json is the body; numbers in it keep their digits.
func (s sent) json(t *testing.T) map[string]any {
	t.Helper()
	var body map[string]any
	dec := json.NewDecoder(bytes.NewReader(s.body))
	dec.UseNumber()
	require.NoError(t, dec.Decode(&body))
	return body
}

// wire is an adapter's transport, which keeps what is sent. When the official
// specification is at hand, a test fails whose adapter sends what is not in it.
type wire struct {
	base http.RoundTripper
	mu   sync.Mutex
	all  []sent
}

func newWire(t *testing.T, base http.RoundTripper) *wire {
	w := &wire{base: base}
	t.Cleanup(func() {
		if spec, ok := theSpec(t); ok {
			for _, s := range w.sent() {
				require.NoError(t, spec.check(s), s.call())
			}
		}
	})
	return w
}

func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	s := sent{method: req.Method, url: req.URL, header: req.Header.Clone()}
	if req.Body != nil {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		_ = req.Body.Close()
		s.body = body
		req = req.Clone(req.Context())
		req.Body = io.NopCloser(bytes.NewReader(body))
	}
	w.mu.Lock()
	w.all = append(w.all, s)
	w.mu.Unlock()
	return w.base.RoundTrip(req)
}

func (w *wire) sent() []sent {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]sent(nil), w.all...)
}

// last is the latest request.
func (w *wire) last(t *testing.T) sent {
	t.Helper()
	all := w.sent()
	require.NotEmpty(t, all)
	return all[len(all)-1]
}

func (w *wire) calls() []string {
	calls := []string{}
	for _, s := range w.sent() {
		calls = append(calls, s.call())
	}
	return calls
}

// count is how many requests were sent with that method and path.
func (w *wire) count(call string) int {
	n := 0
	for _, c := range w.calls() {
		if c == call {
			n++
		}
	}
	return n
}

// mocked is an adapter and what it is told by httpmock, whatever the host.
type mocked struct {
	*pipedrive.Adapter
	*wire
	mock *httpmock.MockTransport
}

// mock is an adapter in a company with the usual types, whose activities get
// the id 501.
func mock(t *testing.T, config pipedrive.Config) *mocked {
	t.Helper()
	m := &mocked{mock: httpmock.NewMockTransport()}
	m.wire = newWire(t, m.mock)
	config.Transport = m.wire
	adapter, err := pipedrive.New(config)
	require.NoError(t, err)
	m.Adapter = adapter
	m.answer("GET", "/v1/users/me", answer(200, userJSON))
	m.answer("GET", "/v1/activityTypes", answer(200, typesJSON))
	m.answer("POST", "/api/v2/activities", answer(200, activity(501, "", nil)))
	return m
}

func (m *mocked) answer(method, path string, responders ...httpmock.Responder) {
	all := responders[0]
	for _, next := range responders[1:] {
		all = all.Then(next)
	}
	m.mock.RegisterResponder(method, path, all)
}

// stored has GET and PATCH of activity 501 answer with that note.
func (m *mocked) stored(note string, members map[string]any) {
	m.answer("GET", "/api/v2/activities/501", answer(200, activity(501, note, members)))
	m.answer("PATCH", "/api/v2/activities/501", answer(200, activity(501, note, members)))
}

// answer is an answer in JSON; headers are names and values in turn.
func answer(status int, body string, headers ...string) httpmock.Responder {
	h := http.Header{"Content-Type": {"application/json; charset=utf-8"}}
	for i := 0; i < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	return httpmock.NewStringResponder(status, body).HeaderSet(h)
}

func cut() httpmock.Responder { return httpmock.NewErrorResponder(io.ErrUnexpectedEOF) }

// activity is the answer with an activity that has no links, or these members.
func activity(id int, note string, members map[string]any) string {
	a := map[string]any{
		"id": id, "subject": "SMS", "type": "sms", "owner_id": 7, "is_deleted": false, "done": true, "private": false,
		"add_time": "2026-03-02T10:00:00Z", "update_time": "2026-03-02T10:00:00.000Z",
		"deal_id": nil, "lead_id": nil, "person_id": 42, "org_id": nil, "project_id": nil, "location": nil,
		"participants": []any{map[string]any{"person_id": 42, "primary": true}}, "note": note,
	}
	maps.Copy(a, members)
	data, err := json.Marshal(map[string]any{"success": true, "data": a})
	if err != nil {
		panic(err)
	}
	return string(data)
}

// text is an SMS of the conversation "4400".
func text(id string, direction crmlog.Direction, at, words string) crmlog.Message {
	created, err := time.Parse(time.RFC3339, at)
	if err != nil {
		panic(err)
	}
	m := crmlog.Message{
		ID: crmlog.ID(id), Type: crmlog.MessageTypeSMS, Direction: direction, CreationTime: created, Subject: words,
		ConversationID: "4400", From: crmlog.Party{PhoneNumber: "+18005550100"}, To: []crmlog.Party{{PhoneNumber: "+12015550142"}},
	}
	if direction == crmlog.DirectionInbound {
		m.From, m.To = m.To[0], []crmlog.Party{m.From}
	}
	return m
}

// input is an outbound message of Pat Agent's.
func input() crmlog.AddMessageLogInput {
	return crmlog.AddMessageLogInput{
		User:        crmlog.User{ID: "7", Name: "Pat Agent"},
		ContactInfo: crmlog.ContactInfo{ID: "42", PhoneNumber: "+12015550142", Type: "contact", Name: "Kim Sample"},
		AuthHeader:  authHeader,
		Message:     text("9001", crmlog.DirectionOutbound, "2026-03-02T09:30:00Z", "Sunflowers for you"),
	}
}

func inputWith(change func(*crmlog.AddMessageLogInput)) crmlog.AddMessageLogInput {
	in := input()
	change(&in)
	return in
}

// update is input's message as one more of activity 501.
func update() crmlog.UpdateMessageLogInput {
	return crmlog.UpdateMessageLogInput{
		AddMessageLogInput: input(),
		ExistingMessageLog: crmlog.ExistingMessageLog{LogID: "501"},
	}
}

func apiError(t *testing.T, err error) *crmlog.APIError {
	t.Helper()
	var api *crmlog.APIError
	require.ErrorAs(t, err, &api)
	return api
}

// inputError requires err to be an InputError of field that does not quote the value.
func inputError(t *testing.T, err error, field, value string) {
	t.Helper()
	var in *crmlog.InputError
	require.ErrorAs(t, err, &in)
	require.Equal(t, field, in.Field)
	require.ErrorIs(t, err, crmlog.ErrInvalidInput)
	if len(value) > 3 {
		require.NotContains(t, fmt.Sprintf("%+v", err), value)
	}
}

// inOrder requires s to have the parts one behind another.
func inOrder(t *testing.T, s string, parts ...string) {
	t.Helper()
	rest := s
	for _, part := range parts {
		_, after, ok := strings.Cut(rest, part)
		require.True(t, ok, "%q is missing or too early in:\n%s", part, s)
		rest = after
	}
}
