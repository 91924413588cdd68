package adaptertest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crmlog/crmlog/adaptertest"
)

func call(crm http.Handler, method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	crm.ServeHTTP(w, r)
	return w
}

func TestFakeServesRoutesAndRefusesWhatIsNotAsTheyWantIt(t *testing.T) {
	t.Parallel()
	type note struct {
		Text string `json:"text"`
	}
	crm := adaptertest.NewFake(adaptertest.FakeConfig{
		Check: func(c adaptertest.Call) *adaptertest.Answer {
			if c.Header.Get("X-Api-Key") == "" {
				return &adaptertest.Answer{Status: http.StatusUnauthorized}
			}
			return nil
		},
		Routes: map[string]func(*adaptertest.Fake, adaptertest.Call) adaptertest.Answer{
			"POST /notes": func(f *adaptertest.Fake, c adaptertest.Call) adaptertest.Answer {
				var n note
				if refusal := c.Decode(&n); refusal != nil {
					return *refusal
				}
				return adaptertest.Answer{Status: http.StatusCreated, Body: f.Create(adaptertest.FakeRecord{Body: n.Text})}
			},
			"GET /page": func(*adaptertest.Fake, adaptertest.Call) adaptertest.Answer {
				return adaptertest.Answer{Body: "<html>hello</html>", Header: http.Header{"X-Test": {"yes"}}}
			},
		},
	})
	key, json := []string{"X-Api-Key", "k"}, []string{"X-Api-Key", "k", "Content-Type", "application/json; charset=utf-8"}
	for name, tc := range map[string]struct {
		method, path, body string
		header             []string
		want               int
	}{
		"as it should be":       {"POST", "/notes", `{"text":"hello"}`, json, 201},
		"without a credential":  {"POST", "/notes", `{"text":"hello"}`, nil, 401},
		"without content type":  {"POST", "/notes", `{"text":"hello"}`, key, 415},
		"an unknown field":      {"POST", "/notes", `{"txt":"hello"}`, json, 400},
		"a wrong type":          {"POST", "/notes", `{"text":5}`, json, 400},
		"two values":            {"POST", "/notes", `{"text":"a"}{"text":"b"}`, json, 400},
		"no JSON":               {"POST", "/notes", `hello`, json, 400},
		"a path that is none":   {"GET", "/nothing", "", key, 404},
		"a method that is none": {"PUT", "/page", "", key, 404},
		"too long":              {"POST", "/notes", strings.Repeat(" ", 17<<20), json, 413},
	} {
		require.Equal(t, tc.want, call(crm, tc.method, tc.path, tc.body, tc.header...).Code, name)
	}
	page := call(crm, "GET", "/page", "", key...)
	require.Equal(t, "text/html; charset=utf-8", page.Header().Get("Content-Type"))
	require.Equal(t, "yes", page.Header().Get("X-Test"))
	require.Equal(t, []adaptertest.Record{{LogID: "rec-1001", Text: "hello"}}, crm.Records())
	require.Len(t, crm.Calls(), 10, "all but the one that was too long")
}

func TestFakeRecordsChangeUnderACondition(t *testing.T) {
	t.Parallel()
	crm := adaptertest.NewFake(adaptertest.FakeConfig{Text: strings.ToUpper})
	fields := map[string]any{"key": "k"}
	made := crm.Create(adaptertest.FakeRecord{ID: "not this", Version: 9, Body: "a", Fields: fields})
	require.Equal(t, adaptertest.FakeRecord{ID: "rec-1001", Version: 1, Body: "a", Fields: fields}, made)
	fields["key"] = "changed"
	made.Fields["key"] = "changed"

	got, changed := crm.Change(made.ID, func(r *adaptertest.FakeRecord) bool {
		r.Body = "b"
		return r.Version == 2
	})
	require.False(t, changed)
	require.Equal(t, adaptertest.FakeRecord{ID: "rec-1001", Version: 1, Body: "a", Fields: map[string]any{"key": "k"}}, got)
	got, changed = crm.Change(made.ID, func(r *adaptertest.FakeRecord) bool {
		r.ID, r.Body = "another", "b"
		return r.Version == 1
	})
	require.True(t, changed)
	require.Equal(t, 2, got.Version)
	require.Equal(t, []adaptertest.Record{{LogID: "rec-1001", Text: "B"}}, crm.Records())

	require.NoError(t, crm.Edit(made.ID, func(body string) string { return body + "c" }))
	require.NoError(t, crm.Delete(made.ID))
	require.Error(t, crm.Delete(made.ID))
	require.Error(t, crm.Edit("nothing", strings.ToLower))
	require.Empty(t, crm.Records())
	deleted, ok := crm.Get(made.ID)
	require.True(t, ok)
	require.True(t, deleted.Deleted)
	require.Equal(t, "bc", deleted.Body)
	_, changed = crm.Change(made.ID, func(*adaptertest.FakeRecord) bool { return true })
	require.False(t, changed)
}

func ExampleNewFake() {
	crm := adaptertest.NewFake(adaptertest.FakeConfig{
		Routes: map[string]func(*adaptertest.Fake, adaptertest.Call) adaptertest.Answer{
			"POST /notes": func(f *adaptertest.Fake, c adaptertest.Call) adaptertest.Answer {
				var note struct {
					Text string `json:"text"`
				}
				if refusal := c.Decode(&note); refusal != nil {
					return *refusal
				}
				r := f.Create(adaptertest.FakeRecord{Body: note.Text})
				return adaptertest.Answer{Status: http.StatusCreated, Body: map[string]string{"id": r.ID}}
			},
		},
	})
	answer := call(crm, "POST", "/notes", `{"text": "hello"}`, "Content-Type", "application/json")
	fmt.Println(answer.Code, answer.Body)
	fmt.Println(crm.Records()[0].Text)
	// Output:
	// 201 {"id":"rec-1001"}
	// hello
}
