package crmhttp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/crmhttp"
	"github.com/stretchr/testify/require"
)

// lockedBuffer is a log that many goroutines may write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func TestNothingThatWasSentIsInErrorsOrLogs(t *testing.T) {
	t.Parallel()
	const (
		token = "Zm9vYmFy.c4nary-t0ken"
		phone = "+1 (650) 555-3204"
		text  = "Sunflower delivery tomorrow für Jörgensen, 你好世界 O'Brien"
	)
	canaries := []string{
		"zm9vymfy", "c4nary", "t0ken", "555-3204", "5553204", "sunflower", "sunfl", "delivery", "tomorrow",
		"jörgensen", "gensen", "你好", "brien", `\u0075\u006e`, "&#117;&#110;", "%6e%34",
	}
	echo := fmt.Sprintf("field note: '%s' / %s for Bearer %s is refused", text, phone, token)
	escaped := fmt.Sprintf("refused: %s %s", url.QueryEscape(text), strings.NewReplacer("ö", "&ouml;", "'", "&#39;", "ü", "&#xfc;").Replace(text))
	eachRune := func(format, s string) string {
		var b strings.Builder
		for _, r := range s {
			fmt.Fprintf(&b, format, r)
		}
		return b.String()
	}
	quote := func(v any) string { data, _ := json.Marshal(v); return string(data) }
	all := func(s string) http.HandlerFunc {
		return answer(422, quote(map[string]any{"error": s, "code": strings.ReplaceAll(s, " ", "-")}),
			"X-Correlation-Id", strings.ReplaceAll(s, " ", "-"), "Retry-After", s)
	}
	shouted := func(status int) http.HandlerFunc {
		return answer(status, quote(map[string]any{"message": strings.ToUpper(echo)}), "Retry-After", "3600")
	}
	for name, handler := range map[string]http.HandlerFunc{
		"all of it":           all(echo),
		"the token":           all(token),
		"a part of the token": all("c4nary-t0ken"),
		"the phone":           all(phone),
		"the phone's digits":  all("+16505553204"),
		"the phone in pieces": all("650-555.3204"),
		"a word":              all("SUNFLOWER"),
		"a cut word":          all("value 'Sunfl... is too long"),
		"a joined word":       answer(422, `{"message":"valueSunflowerInvalid"}`, "X-Request-Id", "valueSunflowerInvalid"),
		"the text":            all(text),
		"escaped":             all(escaped),
		"escaped as JSON":     all(eachRune(`\u%04x`, text+token)),
		"escaped as HTML":     all(eachRune(`&#%d;`, text+token)),
		"escaped as a URL":    all(eachRune(`%%%02x`, token)),
		"401 in capitals":     shouted(401),
		"429 in capitals":     shouted(429),
		"500 in capitals":     shouted(500),
		"a page":              answer(403, "<html>"+echo, "Content-Type", "text/html"),
		"a page with 200":     answer(200, "<html>"+echo, "Content-Type", "text/html"),
		"another form":        answer(200, quote(map[string]any{"id": echo})),
		"no JSON":             answer(200, echo),
		"a redirect":          answer(302, echo, "Location", "http://[Sunflower"),
		"no HTTP":             hijack(echo),
		"broken headers":      hijack("HTTP/1.1 200 OK\r\n" + token + "\r\n\r\n"),
		"a broken length":     hijack("HTTP/1.1 200 OK\r\nContent-Length: " + token + "\r\n\r\n"),
		"a cut":               cut,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log lockedBuffer
			server := newCRM(t, handler)
			client := newClient(t, crmhttp.Config{
				Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
			})
			for _, method := range []string{http.MethodPost, http.MethodGet} {
				req := crmhttp.Request{
					Operation: "find contact", Method: method, BaseURL: server.URL, Path: []string{"persons", phone},
					Query: url.Values{"term": {phone}}, Header: http.Header{"If-Match": {"sunflower"}}, Auth: "Bearer " + token,
				}
				if method == http.MethodPost {
					req.Body = map[string]any{"a": []any{map[string]any{"note": "<p>" + text + "</p>"}}, "phone": phone}
				}
				if req.Body == nil {
					req.Query.Set("text", text)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second) // time for some tries
				defer cancel()
				_, err := client.Do(ctx, req, &struct{ ID int }{})
				require.Error(t, err)
				requireNone(t, canaries, fmt.Sprintf("%v %+v %#v %s", err, err, err, log.String()))
				for cause := errors.Unwrap(err); cause != nil; cause = errors.Unwrap(cause) {
					requireNone(t, canaries, cause.Error())
				}
				if api := apiError(t, err); api.Err != nil {
					requireNone(t, canaries, fmt.Sprintf("%v %+v", api.Err, api.Err))
				}
			}
			require.Contains(t, log.String(), "operation=\"acme: find contact\"")
			require.Contains(t, log.String(), "method=POST")
			require.NotContains(t, log.String(), "persons")
		})
	}
}

func requireNone(t *testing.T, canaries []string, s string) {
	t.Helper()
	low := strings.ToLower(s)
	for _, canary := range canaries {
		require.NotContains(t, low, canary)
	}
}

func TestATransportsErrorDoesNotShowTheURL(t *testing.T) {
	t.Parallel()
	client := newClient(t, crmhttp.Config{Transport: transport(func(r *http.Request) (*http.Response, error) {
		return nil, &url.Error{Op: "Get", URL: r.URL.String(), Err: &url.Error{
			Op: "proxy", URL: "http://user:hunter2@proxy", Err: fmt.Errorf("no way to %s by http://u:hunter2@proxy: %w", r.URL, io.ErrUnexpectedEOF),
		}}
	})})
	req := post("https://acme.example")
	req.Query = url.Values{"phone": {"6505553204"}, "name": {"Ann Onymous"}}
	_, err := client.Do(t.Context(), req, nil)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.ErrorContains(t, err, "no way to")
	requireNone(t, []string{"hunter2", "6505553204", "onymous", "ann"}, fmt.Sprintf("%v %+v %#v", err, err, err))
	var withURL *url.Error
	require.False(t, errors.As(err, &withURL))

	client = newClient(t, crmhttp.Config{Transport: transport(func(*http.Request) (*http.Response, error) { return nil, errCut })})
	_, err = client.Do(t.Context(), req, nil)
	require.EqualError(t, err, "acme: create activity: unavailable: connection reset by peer (the write may have been applied)")
}

func TestWhatTheCRMSaysStaysUseful(t *testing.T) {
	t.Parallel()
	const auth = "Bearer c4nary-t0ken-hunter"
	const text = "<p>See you at 5, my user name is Bob of caf&#233; Zo&euml;, ref x4711z or ab-12-cd</p>"
	for name, tc := range map[string]struct{ message, want string }{
		"a rule":        {"Validation failed: owner_id: not accessible.", "Validation failed: owner_id: not accessible."},
		"the scheme":    {"invalid Bearer token", "invalid Bearer token"},
		"a short id":    {"deal 123456 is closed", "deal 123456 is closed"},
		"lines":         {"one\r\n\ttwo\x00\u202ethree", "one two three"},
		"sent words":    {"User name 'Bob' is unknown", "… '…' is unknown"},
		"sent entities": {"at Café Zoë", "at …"},
		"said entities": {"at Caf&eacute; Zo&euml;", "at …"},
		"a long id":     {"deal 1234567 is closed", "deal … is closed"},
		"a long token":  {"key eyJhbGciOiJIUzI1NiJ9.abc is bad", "key … is bad"},
		"broken UTF-8":  {"bad \xff\xfe byte", "bad byte"},
		"much":          {strings.Repeat("abc. ", 500), strings.TrimSpace(strings.Repeat("abc. ", 60))},
		"much unspaced": {strings.Repeat("漢,", 500), strings.Repeat("漢,", 75)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, _, _ := crmhttp.Clean(auth, text, tc.message, "", "")
			require.Equal(t, tc.want, got)
		})
	}
	for code, want := range map[string]string{
		"ERR_SCHEMA_VALIDATION_FAILED": "ERR_SCHEMA_VALIDATION_FAILED", "feature_capping_deals_limit": "feature_capping_deals_limit",
		"403": "403", "ERR_USER_NAME": "ERR_USER_NAME", "a b": "", "ü": "", strings.Repeat("x", 65): "",
		"c4nary-t0ken": "", "E_T0KEN": "", "E_HUNTER": "", "E_X4711Z": "", "E_5553204": "", "x\n": "",
	} {
		_, got, _ := crmhttp.Clean(auth, text, "", code, "")
		require.Equal(t, want, got, code)
	}
	for id, want := range map[string]string{
		"550e8400-e29b-41d4-a716-446655440000": "550e8400-e29b-41d4-a716-446655440000", "1700000000123": "1700000000123",
		"a b": "", "a\n": "", "ü": "", strings.Repeat("x", 65): strings.Repeat("x", 64), "c4nary-t0ken": "", "id:c4nary": "", "AB-12-cd": "",
	} {
		_, _, got := crmhttp.Clean(auth, text, "", "", id)
		require.Equal(t, want, got, id)
	}
}

func TestLimitsAndRetriesAreWarnedOf(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	server := newCRM(t, answer(503, `{}`), answer(429, `{}`, "Retry-After", "1"), answer(200, `{}`))
	client := newClient(t, crmhttp.Config{Logger: slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	start := time.Now()
	_, err := client.Do(t.Context(), get(server.URL), nil)
	require.NoError(t, err)
	require.GreaterOrEqual(t, time.Since(start), time.Second)

	var lines []string
	for line := range strings.Lines(log.String()) {
		var entry struct {
			Level, Msg, Operation string
			Status, Attempt       int
			Wait                  time.Duration
		}
		require.NoError(t, json.Unmarshal([]byte(line), &entry))
		require.Equal(t, "acme: get activity", entry.Operation)
		lines = append(lines, fmt.Sprint(entry.Level, " ", entry.Msg, " ", entry.Status, " ", entry.Attempt))
	}
	require.Equal(t, []string{
		"DEBUG crm call 503 1",
		"WARN crm call is tried again 503 1",
		"DEBUG crm call 429 2",
		"WARN crm limits the account 429 2",
		"WARN crm call is tried again 429 2",
		"DEBUG crm call 200 3",
	}, lines)
	require.Empty(t, crmlog.ErrorClass(err))
}
