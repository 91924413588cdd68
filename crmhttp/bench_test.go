package crmhttp_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/crmlog/crmlog/crmhttp"
	"github.com/stretchr/testify/require"
)

type activity struct {
	Subject string `json:"subject"`
	Note    string `json:"note"`
	Done    bool   `json:"done"`
}

type activityAnswer struct {
	Success bool     `json:"success"`
	Data    activity `json:"data"`
}

// BenchmarkDo and BenchmarkNetHTTP make the same calls, with this package and
// with net/http alone: their ratio is what the kit costs.
func BenchmarkDo(b *testing.B) {
	for name, method := range map[string]string{"GET": http.MethodGet, "POST": http.MethodPost} {
		b.Run(name, func(b *testing.B) {
			server := benchServer(b)
			client, err := crmhttp.New(crmhttp.Config{Name: "bench", Transport: benchTransport(b)})
			require.NoError(b, err)
			req := crmhttp.Request{
				Operation: "measure", Method: method, BaseURL: server.URL, Path: []string{"api", "v2", "activities"},
				Auth: "Bearer bench",
			}
			if method == http.MethodPost {
				req.Body = benchActivity()
			}
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				var out activityAnswer
				if _, err := client.Do(b.Context(), req, &out); err != nil || !out.Success {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkNetHTTP(b *testing.B) {
	for name, method := range map[string]string{"GET": http.MethodGet, "POST": http.MethodPost} {
		b.Run(name, func(b *testing.B) {
			server := benchServer(b)
			client := &http.Client{Transport: benchTransport(b)}
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				var body io.Reader
				if method == http.MethodPost {
					data, err := json.Marshal(benchActivity())
					if err != nil {
						b.Fatal(err)
					}
					body = bytes.NewReader(data)
				}
				req, err := http.NewRequestWithContext(b.Context(), method, server.URL+"/api/v2/activities", body)
				if err != nil {
					b.Fatal(err)
				}
				req.Header.Set("Authorization", "Bearer bench")
				req.Header.Set("Content-Type", "application/json")
				req.Header.Set("Accept", "application/json")
				resp, err := client.Do(req)
				if err != nil {
					b.Fatal(err)
				}
				data, err := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				if err != nil {
					b.Fatal(err)
				}
				var out activityAnswer
				if err := json.Unmarshal(data, &out); err != nil || !out.Success {
					b.Fatal(err)
				}
			}
		})
	}
}

func benchActivity() activity {
	return activity{Subject: "SMS with a customer", Note: strings.Repeat("<p>A line of a note.</p>", 80), Done: true}
}

func benchServer(b *testing.B) *httptest.Server {
	answer, err := json.Marshal(activityAnswer{Success: true, Data: benchActivity()})
	require.NoError(b, err)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer)
	}))
	b.Cleanup(server.Close)
	return server
}

func benchTransport(b *testing.B) *http.Transport {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	b.Cleanup(transport.CloseIdleConnections)
	return transport
}
