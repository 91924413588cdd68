package crmhttp_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/crmhttp"
	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/require"
)

func TestARequestArrivesAsDescribed(t *testing.T) {
	t.Parallel()
	var got *http.Request
	server := newCRM(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		answer(201, `{"id":1}`, "X-Token-Cost", "5")(w, r)
	})
	client := newClient(t, crmhttp.Config{})

	var out struct{ ID int }
	reply, err := client.Do(t.Context(), crmhttp.Request{
		Operation: "create", Method: http.MethodPost, BaseURL: server.URL + "/base/", Path: []string{"v2", "a b?&%ü"},
		Query: url.Values{"fields": {"a&b"}}, Header: http.Header{"if-match": {`"v1"`}},
		Auth: "k3y", AuthHeaderName: "x-api-token", Body: map[string]any{"note": "<b>&</b>"},
	}, &out)

	require.NoError(t, err)
	require.Equal(t, 1, out.ID)
	require.Equal(t, 201, reply.StatusCode)
	require.Equal(t, "5", reply.Header.Get("X-Token-Cost"))
	require.JSONEq(t, `{"id":1}`, string(reply.Body))
	require.Equal(t, "/base/v2/a%20b%3F&%25%C3%BC?fields=a%26b", got.RequestURI)
	require.Equal(t, []string{"k3y"}, got.Header["X-Api-Token"])
	require.Empty(t, got.Header["Authorization"])
	require.Equal(t, []string{`"v1"`}, got.Header["If-Match"])
	require.Equal(t, "application/json", got.Header.Get("Content-Type"))
	require.Equal(t, "application/json", got.Header.Get("Accept"))
	require.Equal(t, "gzip", got.Header.Get("Accept-Encoding"))
	require.NotContains(t, got.Header.Get("User-Agent"), "resty")
	require.EqualValues(t, len(`{"note":"<b>&</b>"}`), got.ContentLength)
	require.Equal(t, []string{`{"note":"<b>&</b>"}`}, server.requests())
}

func TestWithoutACredentialNoneIsSent(t *testing.T) {
	t.Parallel()
	var got http.Header
	server := newCRM(t, func(w http.ResponseWriter, r *http.Request) { got = r.Header; answer(200, `{}`)(w, r) })
	req := get(server.URL)
	req.Auth = ""
	_, err := newClient(t, crmhttp.Config{}).Do(t.Context(), req, nil)
	require.NoError(t, err)
	require.NotContains(t, got, "Authorization")
}

func TestCookiesOfOneTenantAreNotSentForAnother(t *testing.T) {
	t.Parallel()
	var got []string
	server := newCRM(t, func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("Cookie"))
		answer(200, `{}`, "Set-Cookie", "session=tenant-a")(w, r)
	})
	client := newClient(t, crmhttp.Config{})
	for range 2 {
		_, err := client.Do(t.Context(), get(server.URL), nil)
		require.NoError(t, err)
	}
	require.Equal(t, []string{"", ""}, got)
}

func TestNumbersKeepTheirDigits(t *testing.T) {
	t.Parallel()
	server := newCRM(t, answer(200, `{"id":5578984350117917661,"more":[{"id":9007199254740993}]}`))
	client := newClient(t, crmhttp.Config{})

	var untyped map[string]any
	_, err := client.Do(t.Context(), get(server.URL), &untyped)
	require.NoError(t, err)
	require.Equal(t, json.Number("5578984350117917661"), untyped["id"])

	var half struct {
		ID   int64
		More []map[string]any
	}
	_, err = client.Do(t.Context(), get(server.URL), &half)
	require.NoError(t, err)
	require.EqualValues(t, 5578984350117917661, half.ID)
	require.Equal(t, json.Number("9007199254740993"), half.More[0]["id"])

	type tree struct {
		ID   json.Number
		More []*tree
	}
	var recursive tree
	_, err = client.Do(t.Context(), get(server.URL), &recursive)
	require.NoError(t, err)
	require.Equal(t, json.Number("9007199254740993"), recursive.More[0].ID)
}

func TestStatusesBecomeKinds(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]struct {
		kind    error
		notDone bool // for a write
	}{
		301: {crmlog.ErrUnavailable, false}, 304: {crmlog.ErrUnavailable, false},
		400: {crmlog.ErrInvalidInput, true}, 401: {crmlog.ErrUnauthorized, true},
		402: {crmlog.ErrForbidden, true}, 403: {crmlog.ErrForbidden, true},
		404: {crmlog.ErrNotFound, true}, 405: {crmlog.ErrInvalidInput, true},
		408: {crmlog.ErrUnavailable, false}, 409: {crmlog.ErrConflict, true},
		410: {crmlog.ErrNotFound, true}, 412: {crmlog.ErrConflict, true},
		413: {crmlog.ErrInvalidInput, true}, 415: {crmlog.ErrInvalidInput, true},
		418: {crmlog.ErrUnavailable, false}, 422: {crmlog.ErrInvalidInput, true},
		500: {crmlog.ErrUnavailable, false}, 503: {crmlog.ErrUnavailable, false}, 599: {crmlog.ErrUnavailable, false},
	} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			body := `{"success":false,"error":"the reason","code":"ERR_REASON"}`
			if status == 304 {
				body = ""
			}
			server := newCRM(t, answer(status, body, "X-Correlation-Id", "c0ffee-1"))
			client := newClient(t, crmhttp.Config{})

			reply, err := client.Do(t.Context(), post(server.URL), nil)
			api := apiError(t, err)
			require.Len(t, server.requests(), 1)
			require.Equal(t, status, reply.StatusCode)
			require.Equal(t, "acme: create activity", api.Operation)
			require.Equal(t, want.kind, api.Kind)
			require.Equal(t, status, api.StatusCode)
			require.Equal(t, want.notDone, api.NotDone)
			require.Equal(t, !want.notDone, errors.Is(err, crmlog.ErrOutcomeUnknown))
			require.Equal(t, "c0ffee-1", api.CorrelationID)
			if body != "" {
				require.Equal(t, "ERR_REASON", api.Code)
				require.Equal(t, "the reason", api.Message)
			}
			if status < 408 || status == 418 { // no need to wait for all the retries
				_, err = client.Do(t.Context(), get(server.URL), nil)
				require.ErrorIs(t, err, want.kind)
				require.True(t, apiError(t, err).NotDone, "a read changes nothing")
				require.Len(t, server.requests(), 2)
			}
		})
	}
}

func TestAnUnreadable2xxLeavesAWritesOutcomeOpenAndTheResultAlone(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"a page instead of JSON": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = io.WriteString(w, "<html>signed out</html>")
		},
		"JSON under another type": answer(200, `{"note":"b"}`, "Content-Type", "text/plain"),
		"no type at all": func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			_, _ = io.WriteString(w, `{"note":"b"}`)
		},
		"nothing":       answer(200, ""),
		"no content":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) },
		"half a value":  answer(200, `{"note":"b"`),
		"two values":    answer(200, `{"note":"b"}{"note":"c"}`),
		"trailing text": answer(200, `{"note":"b"} oops`),
		"another form":  answer(200, `{"note":"b","n":"not a number"}`),
		"a cut answer":  answer(200, `{"note":"b"}`, "Content-Length", "100"),
		"no gzip":       answer(200, `{"note":"b"}`, "Content-Encoding", "gzip"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newCRM(t, handler, handler, answer(200, `{"note":"good"}`))
			client := newClient(t, crmhttp.Config{})
			type result struct {
				Note string
				N    int
			}
			out := result{Note: "before"}

			_, err := client.Do(t.Context(), post(server.URL), &out)
			require.ErrorIs(t, err, crmlog.ErrUnavailable)
			require.ErrorIs(t, err, crmlog.ErrOutcomeUnknown)
			require.Len(t, server.requests(), 1)
			require.Equal(t, result{Note: "before"}, out)
			if name != "another form" {
				var untyped any
				_, err = newClient(t, crmhttp.Config{}).Do(t.Context(), post(newCRM(t, handler).URL), &untyped)
				require.ErrorIs(t, err, crmlog.ErrOutcomeUnknown)
				require.Nil(t, untyped)
			}

			_, err = client.Do(t.Context(), get(server.URL), &out)
			require.NoError(t, err, "a read is tried again")
			require.Len(t, server.requests(), 3)
			require.Equal(t, result{Note: "good"}, out)
		})
	}
}

func TestWithoutAResultAny2xxButAPageSucceeds(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		handler http.HandlerFunc
		ok      bool
	}{
		"no content": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, true},
		"empty":      {answer(200, ""), true},
		"text":       {answer(202, "OK", "Content-Type", "text/plain"), true},
		"a page":     {answer(200, "<html>", "Content-Type", "text/html"), false},
		"an untyped page": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			_, _ = io.WriteString(w, " <!doctype html>")
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := newClient(t, crmhttp.Config{}).Do(t.Context(), post(newCRM(t, tc.handler).URL), nil)
			if tc.ok {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, crmlog.ErrOutcomeUnknown)
			}
		})
	}
}

func TestTheAdapterReadsItsCRMsErrors(t *testing.T) {
	t.Parallel()
	parse := func(a crmhttp.Answer) crmhttp.ErrorDetail {
		switch {
		case bytes.Contains(a.Body, []byte(`"success":false`)):
			return crmhttp.ErrorDetail{Kind: crmlog.ErrNotFound, Code: "E1", Message: "no such deal", CorrelationID: "abc"}
		case a.StatusCode == 400:
			return crmhttp.ErrorDetail{Kind: crmlog.ErrLogGone}
		}
		return crmhttp.ErrorDetail{}
	}
	client := newClient(t, crmhttp.Config{ParseError: parse})

	_, err := client.Do(t.Context(), post(newCRM(t, answer(200, `{"success":false}`)).URL), &struct{}{})
	api := apiError(t, err)
	require.Equal(t, crmlog.ErrNotFound, api.Kind)
	require.Equal(t, 200, api.StatusCode)
	require.Equal(t, []string{"E1", "no such deal", "abc"}, []string{api.Code, api.Message, api.CorrelationID})
	require.False(t, api.NotDone, "a 200 does not say that nothing was written")

	_, err = client.Do(t.Context(), post(newCRM(t, answer(400, `{}`)).URL), nil)
	require.ErrorIs(t, err, crmlog.ErrLogGone)
	require.True(t, apiError(t, err).NotDone)
}

func TestParseJSONErrorReadsTheUsualForms(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		body string
		want crmhttp.ErrorDetail
	}{
		"message and code":   {`{"code":"E","message":"m"}`, crmhttp.ErrorDetail{Code: "E", Message: "m"}},
		"error and a number": {`{"error":"m","errorCode":403}`, crmhttp.ErrorDetail{Code: "403", Message: "m"}},
		"an error object":    {`{"error":{"code":"0x80","message":"m"}}`, crmhttp.ErrorDetail{Code: "0x80", Message: "m"}},
		"a list of errors":   {`{"errors":[{"code":"E","detail":"m"}]}`, crmhttp.ErrorDetail{Code: "E", Message: "m"}},
		"a bare list":        {`[{"errorCode":"E","message":"m"}]`, crmhttp.ErrorDetail{Code: "E", Message: "m"}},
		"odd types":          {`{"code":{},"message":[1],"error":null,"errors":[]}`, crmhttp.ErrorDetail{}},
		"no JSON":            {`<html>`, crmhttp.ErrorDetail{}},
		"nothing":            {``, crmhttp.ErrorDetail{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tc.want, crmhttp.ParseJSONError(crmhttp.Answer{StatusCode: 400, Body: []byte(tc.body)}))
			require.Zero(t, crmhttp.ParseJSONError(crmhttp.Answer{StatusCode: 200, Body: []byte(tc.body)}))
		})
	}
	for _, name := range []string{"X-Correlation-Id", "X-Request-Id"} {
		d := crmhttp.ParseJSONError(crmhttp.Answer{StatusCode: 500, Header: http.Header{name: {"id-1"}}})
		require.Equal(t, "id-1", d.CorrelationID)
	}
}

func TestWrongInputSendsNothingAndNamesTheField(t *testing.T) {
	t.Parallel()
	server := newCRM(t, answer(200, `{}`))
	client := newClient(t, crmhttp.Config{})
	for name, tc := range map[string]struct {
		change func(*crmhttp.Request)
		out    any
		field  string
	}{
		"unknown method":       {func(r *crmhttp.Request) { r.Method = "get" }, nil, "method"},
		"no base":              {func(r *crmhttp.Request) { r.BaseURL = "" }, nil, "baseURL"},
		"http to elsewhere":    {func(r *crmhttp.Request) { r.BaseURL = "http://crm.example" }, nil, "baseURL"},
		"empty segment":        {func(r *crmhttp.Request) { r.Path[2] = "" }, nil, "path[2]"},
		"dot":                  {func(r *crmhttp.Request) { r.Path[2] = "." }, nil, "path[2]"},
		"dots":                 {func(r *crmhttp.Request) { r.Path[0] = ".." }, nil, "path[0]"},
		"slash":                {func(r *crmhttp.Request) { r.Path[2] = "7/../users" }, nil, "path[2]"},
		"backslash":            {func(r *crmhttp.Request) { r.Path[2] = `..\users` }, nil, "path[2]"},
		"line break":           {func(r *crmhttp.Request) { r.Path[2] = "7\r\nX: y" }, nil, "path[2]"},
		"NUL":                  {func(r *crmhttp.Request) { r.Path[2] = "7\x00" }, nil, "path[2]"},
		"C1 control":           {func(r *crmhttp.Request) { r.Path[2] = "7\u0085" }, nil, "path[2]"},
		"broken UTF-8":         {func(r *crmhttp.Request) { r.Path[2] = "\xff" }, nil, "path[2]"},
		"credential with CRLF": {func(r *crmhttp.Request) { r.Auth = "Bearer a\r\nX: y" }, nil, "authHeader"},
		"odd credential name":  {func(r *crmhttp.Request) { r.AuthHeaderName = "X Token" }, nil, "authHeaderName"},
		"second credential":    {func(r *crmhttp.Request) { r.Header = http.Header{"authorization": {"x"}} }, nil, "header.Authorization"},
		"second own credential": {func(r *crmhttp.Request) {
			r.AuthHeaderName, r.Header = "x-api-token", http.Header{"X-API-Token": {"x"}}
		}, nil, "header.X-Api-Token"},
		"cookie":            {func(r *crmhttp.Request) { r.Header = http.Header{"Cookie": {"x"}} }, nil, "header.Cookie"},
		"host":              {func(r *crmhttp.Request) { r.Header = http.Header{"Host": {"evil.example"}} }, nil, "header.Host"},
		"odd header":        {func(r *crmhttp.Request) { r.Header = http.Header{"a b": {"x"}} }, nil, "header"},
		"header with CRLF":  {func(r *crmhttp.Request) { r.Header = http.Header{"If-Match": {"a\nb"}} }, nil, "header.If-Match"},
		"body with GET":     {func(r *crmhttp.Request) { r.Body = 1 }, nil, "body"},
		"body not for JSON": {func(r *crmhttp.Request) { r.Method, r.Body = "POST", math.Inf(1) }, nil, "body"},
		"out no pointer":    {func(*crmhttp.Request) {}, struct{}{}, "out"},
		"out nil pointer":   {func(*crmhttp.Request) {}, (*int)(nil), "out"},
		"out with HEAD":     {func(r *crmhttp.Request) { r.Method = "HEAD" }, new(int), "out"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := get(server.URL)
			tc.change(&req)
			_, err := client.Do(t.Context(), req, tc.out)
			var input *crmlog.InputError
			require.ErrorAs(t, err, &input)
			require.Equal(t, tc.field, input.Field)
		})
	}
	t.Cleanup(func() { require.Empty(t, server.requests()) })
}

func TestEscapedLookingSegmentsStayOneSegment(t *testing.T) {
	t.Parallel()
	for segment, want := range map[string]string{
		"%2e%2e":     "/%252e%252e",
		"a%2Fb":      "/a%252Fb",
		"{id}":       "/%7Bid%7D",
		"...":        "/...",
		"a;b,c":      "/a%3Bb%2Cc",
		"?x=1#y":     "/%3Fx=1%23y",
		"http:":      "/http:",
		"@evil.test": "/@evil.test",
	} {
		var got string
		server := newCRM(t, func(w http.ResponseWriter, r *http.Request) { got = r.RequestURI; answer(200, `{}`)(w, r) })
		req := get(server.URL)
		req.Path = []string{segment}
		_, err := newClient(t, crmhttp.Config{}).Do(t.Context(), req, nil)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestCheckBaseURL(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"https://acme.pipedrive.com":      "https://acme.pipedrive.com",
		"https://acme.pipedrive.com/":     "https://acme.pipedrive.com",
		"HTTPS://Acme.Pipedrive.com/api/": "https://acme.pipedrive.com/api",
		"https://h.example:8443/a%20b/c":  "https://h.example:8443/a%20b/c",
		"http://localhost:8080":           "http://localhost:8080",
		"http://LOCALHOST":                "http://localhost",
		"http://127.1.2.3:1/x":            "http://127.1.2.3:1/x",
		"http://[::1]:80":                 "http://[::1]:80",
	} {
		u, err := crmhttp.CheckBaseURL("user.hostname", raw)
		require.NoError(t, err, raw)
		require.Equal(t, want, u.String())
	}
	for _, raw := range []string{
		"", "acme.pipedrive.com", "//acme.pipedrive.com", "ftp://h.example", "https:h.example", "https://", "https:///x",
		"https://:443", "https://h.example:", "https://h.example:port", "http://h.example", "http://10.0.0.1",
		"http://0.0.0.0", "http://localhost.evil.example", "http://127.0.0.1.evil.example", "http://127.0.0.1@evil.example",
		"https://user:hunter2@h.example", "https://@h.example", "https://h.example?x=1", "https://h.example?",
		"https://h.example#f", "https://h.example#", "https://h.example/a/../b", "https://h.example/./b",
		"https://h.example/a//b", "https://h.example//", "https://h.example/%2e%2e/b", "https://h.example/a%2fb",
		`https://h.example/a\b`, `https://h.example\@evil.example`, "https://h.example/a%0ab", "https://h\n.example",
		"https://аcme.pipedrive.com", "https://h.example%2eevil", " https://h.example", "http://[::1%25eth0]", "javascript:alert(1)",
	} {
		_, err := crmhttp.CheckBaseURL("user.hostname", raw)
		var input *crmlog.InputError
		require.ErrorAs(t, err, &input, raw)
		require.Equal(t, "user.hostname", input.Field)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

func TestNewRefusesAWrongConfig(t *testing.T) {
	t.Parallel()
	for field, cfg := range map[string]crmhttp.Config{
		"Config.Name":    {},
		"Config.Timeout": {Name: "a", Timeout: -1},
		"Config.MaxBody": {Name: "a", MaxBody: math.MaxInt64},
		"Config.MaxWait": {Name: "a", MaxWait: -time.Second},
	} {
		_, err := crmhttp.New(cfg)
		var input *crmlog.InputError
		require.ErrorAs(t, err, &input)
		require.Equal(t, field, input.Field)
	}
	for _, reserve := range []float64{-0.1, 1, 10, math.NaN(), math.Inf(1)} {
		_, err := crmhttp.New(crmhttp.Config{Name: "a", Reserve: reserve})
		var input *crmlog.InputError
		require.ErrorAs(t, err, &input)
		require.Equal(t, "Config.Reserve", input.Field)
	}
}

func TestAnAnswerPrintsWithoutItsBody(t *testing.T) {
	t.Parallel()
	a := crmhttp.Answer{StatusCode: 200, Header: http.Header{"X": {"sunflower"}}, Body: []byte("sunflower")}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "answer", a)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "answer", a)
	all := fmt.Sprintf("%v %+v %#v %s %q %x", a, a, a, a, a, a) + log.String()
	require.NotContains(t, all, "sunflower")
	require.NotContains(t, all, fmt.Sprintf("%x", "sunflower"))
	require.Equal(t, 8, strings.Count(all, "HTTP 200, 9 bytes"))
}

func TestAMockTransportSeesEveryRequest(t *testing.T) {
	t.Parallel()
	mock := httpmock.NewMockTransport()
	mock.RegisterMatcherResponder("PATCH", "https://acme.example/api/v2/activities/7",
		httpmock.HeaderIs("X-Api-Token", "k3y").And(httpmock.BodyContainsString(`"note":"x"`)),
		httpmock.NewJsonResponderOrPanic(200, map[string]any{"data": map[string]any{"id": 7}}))
	client := newClient(t, crmhttp.Config{Transport: mock})

	var out struct{ Data struct{ ID int } }
	_, err := client.Do(t.Context(), crmhttp.Request{
		Operation: "update", Method: http.MethodPatch, BaseURL: "https://acme.example", Path: []string{"api", "v2", "activities", "7"},
		Auth: "k3y", AuthHeaderName: "x-api-token", Body: map[string]string{"note": "x"},
	}, &out)
	require.NoError(t, err)
	require.Equal(t, 7, out.Data.ID)
	require.Equal(t, 1, mock.GetTotalCallCount())

	mock.RegisterResponder("POST", "https://acme.example/v1/activities", httpmock.NewErrorResponder(errCut))
	_, err = client.Do(t.Context(), post("https://acme.example"), nil)
	require.ErrorIs(t, err, errCut)
	require.ErrorIs(t, err, crmlog.ErrOutcomeUnknown, "a transport that tells nothing may have sent it")
	require.Equal(t, 2, mock.GetTotalCallCount())
}

// whole is an answer that must have an id.
type whole struct {
	ID string `json:"id"`
}

func (w *whole) CheckAnswer() error {
	if w.ID == "" {
		return errors.New("no id in it")
	}
	return nil
}

func TestAnAnswerThatIsNotWholeIsAsGoodAsNone(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{}`, `null`, `{"id":null}`} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			mock := httpmock.NewMockTransport()
			client, err := crmhttp.New(crmhttp.Config{Name: "acme", Transport: mock})
			require.NoError(t, err)
			broken := httpmock.NewStringResponder(200, body).HeaderSet(http.Header{"Content-Type": {"application/json"}})
			fine := httpmock.NewStringResponder(200, `{"id":"7"}`).HeaderSet(http.Header{"Content-Type": {"application/json"}})
			mock.RegisterResponder("GET", "/a", broken.Then(fine))
			mock.RegisterResponder("POST", "/a", broken)
			got := whole{ID: "before"}
			req := crmhttp.Request{Operation: "read", BaseURL: "https://acme.example.com", Path: []string{"a"}}
			_, err = client.Do(t.Context(), req, &got)
			require.NoError(t, err, "a read is tried again")
			require.Equal(t, "7", got.ID)

			req.Method = http.MethodPost
			_, err = client.Do(t.Context(), req, &got)
			require.ErrorIs(t, err, crmlog.ErrOutcomeUnknown)
			require.ErrorIs(t, err, crmlog.ErrUnavailable)
			require.Equal(t, "7", got.ID, "left alone")
			require.Equal(t, 1, mock.GetCallCountInfo()["POST /a"], "a write is not")
		})
	}
}

func TestARecordOfADigestThatIsNotThereIsALogGone(t *testing.T) {
	t.Parallel()
	for _, status := range []int{404, 410} {
		mock := httpmock.NewMockTransport()
		mock.RegisterNoResponder(httpmock.NewStringResponder(status, ""))
		client, err := crmhttp.New(crmhttp.Config{Name: "acme", Transport: mock})
		require.NoError(t, err)
		req := crmhttp.Request{Operation: "read", BaseURL: "https://acme.example.com"}
		_, err = client.Do(t.Context(), req, nil)
		require.ErrorIs(t, err, crmlog.ErrNotFound)
		require.NotErrorIs(t, err, crmlog.ErrLogGone)
		req.OfLog = true
		_, err = client.Do(t.Context(), req, nil)
		require.ErrorIs(t, err, crmlog.ErrLogGone)
	}
}
