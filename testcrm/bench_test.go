package testcrm_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/crmlog/crmlog/testcrm"
)

// BenchmarkPostAndPatch shows what the CRM itself costs a throughput test: time
// and memory per call must not grow with b.N.
func BenchmarkPostAndPatch(b *testing.B) {
	crm := testcrm.NewServer(testcrm.ServerConfig{KeepRequests: -1})
	defer crm.Close()
	serve := func(method, path, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header = http.Header{"Authorization": {"Bearer x"}, "Content-Type": {"application/json"}}
		w := httptest.NewRecorder()
		crm.ServeHTTP(w, r)
		return w
	}
	const post = `{"contactId":"42","type":"sms","subject":"SMS with Ada","body":"<p>hello</p>","at":"2026-03-04T05:06:07Z","externalId":"k"}`
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			w := serve("POST", "/activities", post)
			if w.Code != http.StatusCreated {
				b.Errorf("POST: status %d", w.Code)
				return
			}
			if w := serve("PATCH", w.Header().Get("Location"), `{"body":"<p>hello</p><p>again</p>"}`); w.Code != http.StatusOK {
				b.Errorf("PATCH: status %d", w.Code)
				return
			}
		}
	})
}
