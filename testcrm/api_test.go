package testcrm_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crmlog/crmlog/testcrm"
)

func TestAuthorization(t *testing.T) {
	t.Parallel()
	users := map[string]string{"tok-ada": "ada", "tok-bob": "bob"}
	for _, tt := range []struct {
		name   string
		tokens map[string]string
		header string
		status int
		owner  string
	}{
		{"any token is the default user", nil, "Bearer whatever", 201, "u1"},
		{"a configured token is its user", users, "Bearer tok-bob", 201, "bob"},
		{"the scheme may be in any case", users, "bearer tok-ada", 201, "ada"},
		{"no header is refused", nil, "", 401, ""},
		{"an empty token is refused", nil, "Bearer  ", 401, ""},
		{"another scheme is refused", nil, "Basic dTpw", 401, ""},
		{"a token without a scheme is refused", nil, "tok-ada", 401, ""},
		{"an unknown token is refused", users, "Bearer tok-eve", 401, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			crm := start(t, testcrm.ServerConfig{Tokens: tt.tokens})
			got := crm.do("POST", "/activities", payload(t, nil), "Authorization", tt.header)
			require.Equal(t, tt.status, got.status)
			require.NotEmpty(t, got.header.Get("X-Request-Id"))
			if tt.status == 401 {
				require.Equal(t, "unauthorized", got.code(t))
				require.Equal(t, "Bearer", got.header.Get("WWW-Authenticate"))
				require.Empty(t, crm.Activities())
				return
			}
			require.Equal(t, tt.owner, got.activity(t).OwnerID)
		})
	}
}

func TestPostActivity(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return strings.Repeat("é", n) }
	for _, tt := range []struct {
		name   string
		fields map[string]any
		status int
		code   string
	}{
		{"the required fields are enough", nil, 201, ""},
		{"all fields are accepted", map[string]any{"externalId": long(64), "ownerId": "u7", "links": []any{map[string]any{"type": "deal", "id": "9"}}}, 201, ""},
		{"an empty body is accepted", map[string]any{"body": ""}, 201, ""},
		{"fractions of a second are accepted", map[string]any{"at": "2026-03-04T05:06:07.123Z"}, 201, ""},
		{"no contactId", map[string]any{"contactId": nil}, 400, "missing_field"},
		{"no type", map[string]any{"type": nil}, 400, "missing_field"},
		{"no subject", map[string]any{"subject": nil}, 400, "missing_field"},
		{"no body", map[string]any{"body": nil}, 400, "missing_field"},
		{"no at", map[string]any{"at": nil}, 400, "missing_field"},
		{"an unknown field", map[string]any{"note": "x"}, 400, "unknown_field"},
		{"a field in the wrong case", map[string]any{"Subject": "x"}, 400, "unknown_field"},
		{"a read-only field", map[string]any{"version": 3}, 400, "unknown_field"},
		{"a number for a string", map[string]any{"contactId": 42}, 400, "invalid_field"},
		{"an array for a string", map[string]any{"body": []any{}}, 400, "invalid_field"},
		{"null for an optional string", map[string]any{"ownerId": json.RawMessage("null")}, 400, "invalid_field"},
		{"null for links", map[string]any{"links": json.RawMessage("null")}, 400, "invalid_field"},
		{"an empty contactId", map[string]any{"contactId": ""}, 400, "invalid_field"},
		{"an empty externalId", map[string]any{"externalId": ""}, 400, "invalid_field"},
		{"an externalId of 65 characters", map[string]any{"externalId": long(65)}, 400, "invalid_field"},
		{"a subject of 256 characters", map[string]any{"subject": long(256)}, 400, "invalid_field"},
		{"a time with an offset", map[string]any{"at": "2026-03-04T05:06:07+00:00"}, 400, "invalid_field"},
		{"a time without a zone", map[string]any{"at": "2026-03-04T05:06:07"}, 400, "invalid_field"},
		{"a bare date", map[string]any{"at": "2026-03-04"}, 400, "invalid_field"},
		{"links that are no objects", map[string]any{"links": []any{"9"}}, 400, "invalid_field"},
		{"links without an id", map[string]any{"links": []any{map[string]any{"type": "deal"}}}, 400, "invalid_field"},
		{"links with more than type and id", map[string]any{"links": []any{map[string]any{"type": "deal", "id": "9", "x": 1}}}, 400, "invalid_field"},
		{"51 links", map[string]any{"links": make([]struct{}, 51)}, 400, "invalid_field"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			crm := start(t, testcrm.ServerConfig{})
			got := crm.post(tt.fields)
			require.Equal(t, tt.status, got.status, got.body)
			if tt.code != "" {
				require.Equal(t, tt.code, got.code(t))
				require.Empty(t, crm.Activities())
				return
			}
			require.Equal(t, "/activities/act_1001", got.header.Get("Location"))
			require.Equal(t, `"v1"`, got.header.Get("Etag"))
			stored, ok := crm.Activity("act_1001")
			require.True(t, ok)
			require.Equal(t, stored, got.activity(t))
			require.Equal(t, stored, crm.do("GET", "/activities/act_1001", "").activity(t))
			var sent testcrm.Activity
			require.NoError(t, json.Unmarshal([]byte(payload(t, tt.fields)), &sent))
			require.Equal(t, sent.At, stored.At)
			require.Equal(t, sent.ExternalID, stored.ExternalID)
			require.Equal(t, sent.Body, stored.Body)
			require.Len(t, stored.Links, len(sent.Links))
		})
	}
}

func TestRequestsThatAreNotJSONObjects(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, body, contentType string
		status                  int
		code                    string
	}{
		{"no content type", `{}`, "", 415, "unsupported_media_type"},
		{"a form", `a=b`, "application/x-www-form-urlencoded", 415, "unsupported_media_type"},
		{"an array", `[]`, "application/json", 400, "invalid_json"},
		{"null", `null`, "application/json; charset=utf-8", 400, "invalid_json"},
		{"half an object", `{"contactId":"42"`, "application/json", 400, "invalid_json"},
		{"an object and more", `{} {}`, "application/json", 400, "invalid_json"},
		{"nothing", ``, "application/json", 400, "invalid_json"},
		{"Latin-1", "{\"type\":\"\xe9\"}", "application/json", 400, "invalid_json"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			crm := start(t, testcrm.ServerConfig{})
			for _, method := range []string{"POST /activities", "POST /contacts", "PATCH /activities/act_1001"} {
				verb, path, _ := strings.Cut(method, " ")
				got := crm.do(verb, path, tt.body, "Content-Type", tt.contentType)
				require.Equal(t, tt.status, got.status, method)
				require.Equal(t, tt.code, got.code(t), method)
			}
		})
	}
}

func TestTheSameExternalIDTwiceMakesTwoActivities(t *testing.T) {
	t.Parallel()
	crm := start(t, testcrm.ServerConfig{})
	for range 2 {
		require.Equal(t, 201, crm.post(map[string]any{"externalId": "digest-1"}).status)
	}
	require.Equal(t, []string{"act_1002", "act_1001"}, crm.list("externalId=digest-1"))
}

func TestOwners(t *testing.T) {
	t.Parallel()
	crm := start(t, testcrm.ServerConfig{Tokens: map[string]string{"secret-token": "ada", "other": "bob"}})
	require.Equal(t, "bob", crm.post(map[string]any{"ownerId": "bob"}).activity(t).OwnerID)
	refused := crm.post(map[string]any{"ownerId": "eve"})
	require.Equal(t, 422, refused.status)
	require.Equal(t, "unknown_owner", refused.code(t))
}

func TestContactsOfActivities(t *testing.T) {
	t.Parallel()
	ada := testcrm.Contact{ID: "42", Name: "Ada"}
	for _, tt := range []struct {
		name     string
		strict   bool
		contacts []testcrm.Contact
		status   int
	}{
		{"any contact is accepted while none is registered", false, nil, 201},
		{"a registered contact is accepted", false, []testcrm.Contact{ada}, 201},
		{"an unknown contact is refused once one is registered", false, []testcrm.Contact{{ID: "43", Name: "Bob"}}, 422},
		{"every contact is refused by a strict CRM without contacts", true, nil, 422},
		{"a registered contact is accepted by a strict CRM", true, []testcrm.Contact{ada}, 201},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			crm := start(t, testcrm.ServerConfig{StrictContacts: tt.strict})
			for _, c := range tt.contacts {
				_, err := crm.AddContact(c)
				require.NoError(t, err)
			}
			got := crm.post(nil)
			require.Equal(t, tt.status, got.status)
			if tt.status == 422 {
				require.Equal(t, "unknown_contact", got.code(t))
			}
		})
	}
}

func TestContacts(t *testing.T) {
	t.Parallel()
	crm := start(t, testcrm.ServerConfig{})
	created := crm.do("POST", "/contacts", `{"name": "Ada", "phones":  ["+16505550100", "+442079460000"]}`)
	require.Equal(t, 201, created.status, created.body)
	require.Equal(t, "/contacts/con_1001", created.header.Get("Location"))
	_, err := crm.AddContact(testcrm.Contact{ID: "con_1002", Name: "Bob", Phones: []string{"+16505550100", "+16505550100"}})
	require.NoError(t, err)
	third, err := crm.AddContact(testcrm.Contact{Name: "Carl"})
	require.NoError(t, err)
	require.Equal(t, "con_1003", third.ID, "an id that is taken is passed over")

	require.JSONEq(t, created.body, crm.do("GET", "/contacts/con_1001", "").body)
	require.Equal(t, 404, crm.do("GET", "/contacts/con_9", "").status)

	find := func(query string) (names []string) {
		got := crm.do("GET", "/contacts?"+query, "")
		require.Equal(t, 200, got.status, got.body)
		var page struct{ Items []testcrm.Contact }
		require.NoError(t, json.Unmarshal([]byte(got.body), &page))
		for _, c := range page.Items {
			names = append(names, c.Name)
		}
		return names
	}
	require.Equal(t, []string{"Ada", "Bob"}, find("phone=%2B16505550100"))
	require.Equal(t, []string{"Ada"}, find("phone=%2B442079460000"))
	require.Empty(t, find("phone=%2B1650555010"), "part of a number is not the number")
	for _, bad := range []string{"", "phone=", "phone=+16505550100", "phone=16505550100", "phone=%2B0650", "name=Ada", "phone=%2B1650&phone=%2B1651", "phone=%zz"} {
		got := crm.do("GET", "/contacts?"+bad, "")
		require.Equal(t, 400, got.status, bad)
		require.Equal(t, "invalid_query", got.code(t))
	}
	for _, bad := range []string{`{}`, `{"name": ""}`, `{"name": 1}`, `{"name": "x", "phones": ["650 555 0100"]}`, `{"name": "x", "phones": [null]}`, `{"name": "x", "id": "7"}`} {
		require.Equal(t, 400, crm.do("POST", "/contacts", bad).status, bad)
	}
	for _, bad := range []testcrm.Contact{{ID: "con_1002"}, {Phones: []string{"6505550100"}}, {ID: strings.Repeat("x", 65)}, {Name: strings.Repeat("x", 256)}} {
		_, err := crm.AddContact(bad)
		require.Error(t, err)
	}
}

func TestPatchActivity(t *testing.T) {
	t.Parallel()
	const path = "/activities/act_1001"
	for _, tt := range []struct {
		name, body, ifMatch string
		status              int
		code                string
	}{
		{"without a condition", `{"body": "x"}`, "", 200, ""},
		{"when the version is the expected one", `{"body": "x"}`, `"v1"`, 200, ""},
		{"when one of the versions is", `{"body": "x"}`, `"v7", "v1"`, 200, ""},
		{"whichever version it is", `{"body": "x"}`, `*`, 200, ""},
		{"when the version is another", `{"body": "x"}`, `"v2"`, 412, "precondition_failed"},
		{"a weak ETag never matches", `{"body": "x"}`, `W/"v1"`, 412, "precondition_failed"},
		{"an ETag without quotes", `{"body": "x"}`, `v1`, 400, "invalid_header"},
		{"nothing to change", `{}`, "", 400, "empty_patch"},
		{"an unknown field", `{"body": "x", "note": "x"}`, "", 400, "unknown_field"},
		{"the contact is fixed", `{"contactId": "43"}`, "", 400, "unknown_field"},
		{"the external id is fixed", `{"externalId": "y"}`, "", 400, "unknown_field"},
		{"a wrong type", `{"body": null}`, "", 400, "invalid_field"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			crm := start(t, testcrm.ServerConfig{})
			before := crm.post(nil).activity(t)
			got := crm.do("PATCH", path, tt.body, "If-Match", tt.ifMatch)
			require.Equal(t, tt.status, got.status, got.body)
			after, _ := crm.Activity("act_1001")
			if tt.status != 200 {
				require.Equal(t, tt.code, got.code(t))
				require.Equal(t, before, after)
				return
			}
			require.Equal(t, `"v2"`, got.header.Get("Etag"))
			require.Equal(t, after, got.activity(t))
			require.False(t, after.UpdatedAt.Before(before.UpdatedAt))
			want := before
			want.Body, want.Version, want.UpdatedAt = "x", 2, after.UpdatedAt
			require.Equal(t, want, after, "a PATCH leaves the other fields alone")
		})
	}

	t.Run("every field that can change", func(t *testing.T) {
		t.Parallel()
		crm := start(t, testcrm.ServerConfig{})
		crm.post(nil)
		got := crm.do("PATCH", path, `{"type":"call","subject":"S","body":"B","at":"2026-01-01T00:00:00Z","ownerId":"u9","links":[{"type":"deal","id":"1"}]}`).activity(t)
		require.Equal(t, []any{"call", "S", "B", "u9", []testcrm.Link{{Type: "deal", ID: "1"}}}, []any{got.Type, got.Subject, got.Body, got.OwnerID, got.Links})
		require.Equal(t, "2026-01-01T00:00:00Z", got.At.Format(time.RFC3339Nano))
	})

	t.Run("an activity that never was", func(t *testing.T) {
		t.Parallel()
		crm := start(t, testcrm.ServerConfig{})
		for _, method := range []string{"GET", "PATCH", "DELETE"} {
			got := crm.do(method, path, `{"body": "x"}`)
			require.Equal(t, 404, got.status)
			require.Equal(t, "not_found", got.code(t))
		}
	})
}

func TestDelete(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		delete func(*site) error
	}{
		{"over the API", func(s *site) error {
			if got := s.do("DELETE", "/activities/act_1001", "", "If-Match", `"v1"`); got.status != 204 || got.body != "" {
				return fmt.Errorf("status %d", got.status)
			}
			return nil
		}},
		{"by a person", func(s *site) error { return s.Delete("act_1001") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			crm := start(t, testcrm.ServerConfig{})
			crm.post(map[string]any{"externalId": "k"})
			require.Equal(t, 412, crm.do("DELETE", "/activities/act_1001", "", "If-Match", `"v2"`).status)
			require.NoError(t, tt.delete(crm))
			for _, method := range []string{"GET", "PATCH", "DELETE"} {
				got := crm.do(method, "/activities/act_1001", `{"body": "x"}`)
				require.Equal(t, 410, got.status, method)
				require.Equal(t, "gone", got.code(t))
			}
			require.Empty(t, crm.list("externalId=k"))
			require.True(t, crm.Activities()[0].Deleted)
			require.Equal(t, 2, crm.Activities()[0].Version)
			require.Error(t, crm.Delete("act_1001"))
			require.Error(t, crm.EditBody("act_1001", strings.ToUpper))
		})
	}
}

// list returns the ids of all pages.
func (s *site) list(query string) (ids []string) {
	s.t.Helper()
	for next := ""; ; {
		got := s.do("GET", "/activities?"+query+next, "")
		require.Equal(s.t, 200, got.status, got.body)
		var page struct {
			Items      []testcrm.Activity
			NextCursor string
		}
		require.NoError(s.t, json.Unmarshal([]byte(got.body), &page))
		for _, a := range page.Items {
			ids = append(ids, a.ID)
		}
		if page.NextCursor == "" {
			return ids
		}
		require.NotEmpty(s.t, page.Items, "only the last page may be empty")
		next = "&cursor=" + url.QueryEscape(page.NextCursor)
	}
}

func TestListActivities(t *testing.T) {
	t.Parallel()
	clock := time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)
	crm := start(t, testcrm.ServerConfig{Now: func() time.Time { return clock }})
	for i := range 7 { // act_1001 at :00 to act_1007 at :06
		clock = time.Date(2026, 3, 4, 0, i, 0, 0, time.UTC)
		crm.post(map[string]any{"contactId": strconv.Itoa(i % 2), "externalId": "k" + strconv.Itoa(i/3)})
	}
	clock = clock.Add(time.Hour)
	require.NoError(t, crm.EditBody("act_1001", strings.ToUpper))
	require.NoError(t, crm.Delete("act_1003"))

	for _, tt := range []struct {
		name, query string
		want        []string
	}{
		{"by external id, newest first", "externalId=k0", []string{"act_1002", "act_1001"}},
		{"by contact", "contactId=0", []string{"act_1007", "act_1005", "act_1001"}},
		{"by both", "contactId=0&externalId=k1", []string{"act_1005"}},
		{"page by page", "contactId=0&limit=1", []string{"act_1007", "act_1005", "act_1001"}},
		{"in pages that end even", "contactId=1&limit=3", []string{"act_1006", "act_1004", "act_1002"}},
		{"changed since, inclusive", "contactId=0&updatedSince=2026-03-04T00:06:00Z", []string{"act_1007", "act_1001"}},
		{"changed since a moment later", "contactId=0&updatedSince=2026-03-04T00:06:00.001Z", []string{"act_1001"}},
		{"an unknown key", "externalId=nope", nil},
	} {
		require.Equal(t, tt.want, crm.list(tt.query), tt.name)
	}

	first := crm.do("GET", "/activities?contactId=0&limit=1", "")
	require.Contains(t, first.body, "nextCursor")
	for _, bad := range []string{"", "limit=5", "updatedSince=2026-03-04T00:00:00Z", "contactId=0&limit=0", "contactId=0&limit=201", "contactId=0&limit=x",
		"contactId=0&cursor=x", "contactId=0&cursor=!", "contactId=0&updatedSince=yesterday", "contactId=0&external_id=x", "contactId=0&contactId=1", "externalId="} {
		got := crm.do("GET", "/activities?"+bad, "")
		require.Equal(t, 400, got.status, bad)
		require.Equal(t, "invalid_query", got.code(t))
	}
}

func TestListsAreBoundedByDefault(t *testing.T) {
	t.Parallel()
	crm := start(t, testcrm.ServerConfig{})
	for range 51 {
		crm.post(nil)
	}
	var page struct{ Items []testcrm.Activity }
	require.NoError(t, json.Unmarshal([]byte(crm.do("GET", "/activities?contactId=42", "").body), &page))
	require.Len(t, page.Items, 50)
	require.Len(t, crm.list("contactId=42"), 51)
	require.Len(t, crm.list("contactId=42&limit=7"), 51)
}

func TestIndexLagHidesNewActivitiesFromListsOnly(t *testing.T) {
	t.Parallel()
	var minutes atomic.Int64
	crm := start(t, testcrm.ServerConfig{IndexLag: time.Minute, Now: func() time.Time {
		return time.Date(2026, 3, 4, 0, int(minutes.Load()), 0, 0, time.UTC)
	}})
	crm.post(map[string]any{"externalId": "k"})
	require.Empty(t, crm.list("externalId=k"))
	require.Empty(t, crm.list("contactId=42"))
	require.Equal(t, 200, crm.do("GET", "/activities/act_1001", "").status)
	require.Len(t, crm.Activities(), 1)
	minutes.Add(1)
	require.Len(t, crm.list("externalId=k"), 1)
	require.NoError(t, crm.EditBody("act_1001", strings.ToUpper))
	require.Len(t, crm.list("contactId=42"), 1, "an edit does not take it out again")
}

func TestBodiesAreRewritten(t *testing.T) {
	t.Parallel()
	t.Run("by Sanitize unless told otherwise", func(t *testing.T) {
		t.Parallel()
		crm := start(t, testcrm.ServerConfig{})
		got := crm.post(map[string]any{"body": `<P class=x>a & b<br/><!-- id --></P>`})
		require.Equal(t, `<p>a &amp; b<br></p>`, got.activity(t).Body)
		got = crm.do("PATCH", "/activities/act_1001", `{"body": "<i>1"}`)
		require.Equal(t, `<i>1</i>`, got.activity(t).Body)
		require.NoError(t, crm.EditBody("act_1001", func(b string) string { return b + "<b>2" }))
		stored, _ := crm.Activity("act_1001")
		require.Equal(t, `<i>1</i><b>2</b>`, stored.Body)
		require.Equal(t, 3, stored.Version)
	})
	t.Run("by the configured function", func(t *testing.T) {
		t.Parallel()
		crm := start(t, testcrm.ServerConfig{Rewrite: strings.ToUpper})
		require.Equal(t, `<P>HELLO</P>`, crm.post(nil).activity(t).Body)
	})
}

func TestBodyLimitCountsStoredBytes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, body string
		limit      int
		status     int
	}{
		{"just the default limit", strings.Repeat("x", 64<<10), 0, 201},
		{"a byte over the default limit", strings.Repeat("x", 64<<10+1), 0, 413},
		{"bytes, not characters", "éé", 4, 201},
		{"bytes over the limit, characters within", "ééé", 4, 413},
		{"entities as they are stored", "&&", 9, 413},
		{"what the sanitizer drops does not count", "<!-- 0123456789 -->abc", 3, 201},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			crm := start(t, testcrm.ServerConfig{MaxBody: tt.limit})
			got := crm.post(map[string]any{"body": tt.body})
			require.Equal(t, tt.status, got.status)
			if tt.status == 413 {
				require.Equal(t, "body_too_large", got.code(t))
				require.Empty(t, crm.Activities())
				crm.post(map[string]any{"body": ""})
				require.Equal(t, 413, crm.do("PATCH", "/activities/act_1001", payload(t, map[string]any{"body": tt.body, "contactId": nil})).status)
				require.Error(t, crm.EditBody("act_1001", func(string) string { return tt.body }))
				require.Empty(t, crm.Activities()[0].Body)
			}
		})
	}
	t.Run("a request that is far too large is not read", func(t *testing.T) {
		t.Parallel()
		crm := start(t, testcrm.ServerConfig{MaxBody: 10})
		w := httptest.NewRecorder()
		crm.ServeHTTP(w, crm.request("POST", "/activities", payload(t, map[string]any{"body": strings.Repeat("x", 70<<10)})))
		require.Equal(t, 413, w.Code)
		require.Contains(t, w.Body.String(), "request_too_large")
	})
}

func TestResourcesThatAreNotThere(t *testing.T) {
	t.Parallel()
	crm := start(t, testcrm.ServerConfig{})
	for _, path := range []string{"/", "/deals", "/activities/", "/activities/act_1/links"} {
		got := crm.do("GET", path, "")
		require.Equal(t, 404, got.status, path)
		require.Equal(t, "not_found", got.code(t))
	}
	for route, allow := range map[string]string{
		"PUT /activities/act_1001":  "DELETE, GET, PATCH",
		"POST /activities/act_1001": "DELETE, GET, PATCH",
		"DELETE /activities":        "GET, POST",
		"DELETE /contacts/con_1001": "GET",
	} {
		method, path, _ := strings.Cut(route, " ")
		got := crm.do(method, path, "")
		require.Equal(t, 405, got.status, route)
		require.Equal(t, "method_not_allowed", got.code(t))
		require.Equal(t, allow, got.header.Get("Allow"))
	}
	require.Equal(t, map[string]int{"other": 8}, crm.Calls())
}

func TestCallsAndRequests(t *testing.T) {
	t.Parallel()
	crm := start(t, testcrm.ServerConfig{KeepRequests: 2})
	require.Empty(t, crm.Calls())
	crm.post(nil)
	crm.do("GET", "/activities/act_1001", "")
	crm.do("GET", "/activities/act_7", "", "Authorization", "")
	crm.do("GET", "/activities?contactId=42", "")
	last := crm.do("PATCH", "/activities/act_1001", `{"body":"x"}`, "If-Match", `"v1"`)

	require.Equal(t, map[string]int{
		"POST /activities": 1, "GET /activities/{id}": 2, "GET /activities": 1, "PATCH /activities/{id}": 1,
	}, crm.Calls())
	kept := crm.Requests()
	require.Len(t, kept, 2)
	require.Equal(t, "/activities?contactId=42", kept[0].Path)
	require.Equal(t, `"v1"`, kept[1].Header.Get("If-Match"))
	require.Equal(t, `{"body":"x"}`, kept[1].Body)
	require.Equal(t, 200, kept[1].Status)
	require.Equal(t, last.header.Get("X-Request-Id"), kept[1].ID)
	require.NotContains(t, fmt.Sprint(kept), "secret-token")

	none := start(t, testcrm.ServerConfig{KeepRequests: -1})
	none.post(nil)
	require.Empty(t, none.Requests())
	require.Equal(t, map[string]int{"POST /activities": 1}, none.Calls())
}

func TestInspectionReturnsCopies(t *testing.T) {
	t.Parallel()
	crm := start(t, testcrm.ServerConfig{})
	crm.post(map[string]any{"links": []any{map[string]any{"type": "deal", "id": "9"}}})
	crm.Activities()[0].Links[0].ID = "changed"
	one, _ := crm.Activity("act_1001")
	one.Links[0].ID = "changed"
	again, _ := crm.Activity("act_1001")
	require.Equal(t, "9", again.Links[0].ID)
	_, ok := crm.Activity("act_9")
	require.False(t, ok)
}

func TestAnEditMeetsAnotherWrite(t *testing.T) {
	t.Parallel()
	crm := start(t, testcrm.ServerConfig{})
	crm.post(map[string]any{"body": "a"})
	edits := 0
	require.NoError(t, crm.EditBody("act_1001", func(body string) string {
		if edits++; edits == 1 {
			require.Equal(t, 200, crm.do("PATCH", "/activities/act_1001", `{"body":"ab"}`).status)
		}
		return body + "c"
	}))
	a, _ := crm.Activity("act_1001")
	require.Equal(t, "abc", a.Body)

	require.Error(t, crm.EditBody("act_1001", func(body string) string {
		require.NoError(t, crm.Delete("act_1001"))
		return body
	}))
}

// Writers count up in the body; a lost update would show in the sum.
func TestConditionalWritesLoseNothing(t *testing.T) {
	t.Parallel()
	crm := start(t, testcrm.ServerConfig{})
	crm.post(map[string]any{"body": "0"})
	count := func(body string) string {
		n, _ := strconv.Atoi(body)
		return strconv.Itoa(n + 1)
	}
	increment := func() error {
		for {
			seen, err := crm.try(crm.request("GET", "/activities/act_1001", ""))
			if err != nil {
				return err
			}
			var a testcrm.Activity
			if err := json.Unmarshal([]byte(seen.body), &a); err != nil {
				return err
			}
			got, err := crm.try(crm.request("PATCH", "/activities/act_1001", `{"body":"`+count(a.Body)+`"}`, "If-Match", seen.header.Get("Etag")))
			if err != nil || got.status == http.StatusOK {
				return err
			}
			if got.status != http.StatusPreconditionFailed {
				return fmt.Errorf("status %d", got.status)
			}
		}
	}
	var wg sync.WaitGroup
	errs := make(chan error, 80)
	for range 4 {
		wg.Go(func() {
			for range 10 {
				errs <- increment()
			}
		})
		wg.Go(func() {
			for range 10 {
				errs <- crm.EditBody("act_1001", count)
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	a, _ := crm.Activity("act_1001")
	require.Equal(t, "80", a.Body)
	require.Equal(t, 81, a.Version)
}

// FuzzAPI checks that nothing that is sent breaks the CRM or gets past its rules.
func FuzzAPI(f *testing.F) {
	f.Add("POST", "/activities", "", `{"contactId":"1","type":"sms","subject":"s","body":"b","at":"2026-03-04T05:06:07Z","links":[{"type":"d","id":"1"}]}`, "")
	f.Add("PATCH", "/activities/act_1001", "", `{"body":"<b>x","at":"2026-03-04T05:06:07.5Z"}`, `"v1", W/"v2", *`)
	f.Add("DELETE", "/activities/act_1001", "", ``, `""`)
	f.Add("GET", "/activities", "contactId=1&limit=2&cursor=YmVmb3JlOjE&updatedSince=2026-03-04T05:06:07Z", ``, "")
	f.Add("GET", "/contacts", "phone=%2B16505550100", ``, "")
	f.Add("POST", "/contacts", "", `{"name":"x","phones":["+16505550100"]}`, "")
	f.Fuzz(func(t *testing.T, method, path, query, body, ifMatch string) {
		crm := testcrm.NewServer(testcrm.ServerConfig{})
		defer crm.Close()
		serve := func(method, path, query, body string) *httptest.ResponseRecorder {
			r := httptest.NewRequest("GET", "/", strings.NewReader(body))
			r.Method, r.URL.Path, r.URL.RawQuery = method, path, query
			r.Header.Set("Authorization", "Bearer x")
			r.Header.Set("Content-Type", "application/json")
			if ifMatch != "" {
				r.Header.Set("If-Match", ifMatch)
			}
			w := httptest.NewRecorder()
			crm.ServeHTTP(w, r)
			return w
		}
		require.Equal(t, 201, serve("POST", "/activities", "", payload(t, nil)).Code)
		w := serve(method, path, query, body)
		require.Less(t, w.Code, 500)
		for _, a := range crm.Activities() {
			require.NotEmpty(t, a.ContactID)
			require.NotEmpty(t, a.Subject)
			require.Equal(t, testcrm.Sanitize(a.Body), a.Body)
			require.Equal(t, time.UTC, a.At.Location())
		}
	})
}
