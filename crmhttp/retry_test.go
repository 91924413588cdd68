package crmhttp_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/crmhttp"
	"github.com/stretchr/testify/require"
)

func TestWhatMayBeRepeatedIsTriedAgain(t *testing.T) {
	t.Parallel()
	search := func(base string) crmhttp.Request {
		req := post(base)
		req.ReadOnly = true
		return req
	}
	head := func(base string) crmhttp.Request {
		req := get(base)
		req.Method = http.MethodHead
		return req
	}
	for name, fault := range map[string]http.HandlerFunc{
		"cut before the answer":  cut,
		"cut within the answer":  answer(200, `{"id":`, "Content-Length", "50"),
		"cut within the headers": hijack("HTTP/1.1 200 OK\r\nContent-Ty"),
		"no HTTP":                hijack("SSH-2.0-OpenSSH_9.6\r\n"),
		"408":                    answer(408, `{}`),
		"500":                    answer(500, `{}`),
		"502 page":               answer(502, `<html>`, "Content-Type", "text/html"),
		"a cut 503":              answer(503, `{}`, "Content-Length", "50"),
		"529":                    answer(529, `{}`),
	} {
		for kind, request := range map[string]func(string) crmhttp.Request{"GET": get, "HEAD": head, "full PATCH": patch, "search": search} {
			if kind == "HEAD" && strings.HasPrefix(name, "cut within the answer") {
				continue // has none
			}
			t.Run(kind+" after "+name, func(t *testing.T) {
				t.Parallel()
				server := newCRM(t, fault, fault, answer(200, `{}`))
				req := request(server.URL)
				_, err := newClient(t, crmhttp.Config{}).Do(t.Context(), req, nil)
				require.NoError(t, err)
				bodies := server.requests()
				require.Len(t, bodies, 3)
				require.Equal(t, bodies[0], bodies[2], "the body goes out whole again")
				require.Equal(t, req.Body != nil, bodies[2] != "")
			})
		}
		t.Run("POST after "+name+" is not", func(t *testing.T) {
			t.Parallel()
			server := newCRM(t, fault, answer(200, `{}`))
			_, err := newClient(t, crmhttp.Config{}).Do(t.Context(), post(server.URL), nil)
			require.ErrorIs(t, err, crmlog.ErrUnavailable)
			require.ErrorIs(t, err, crmlog.ErrOutcomeUnknown)
			require.Len(t, server.requests(), 1)
		})
	}
}

// hijack answers with raw bytes and hangs up.
func hijack(raw string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, raw)
		_ = conn.Close()
	}
}

func TestAPOSTOnAKeptConnectionThatIsCutIsNotRepeated(t *testing.T) {
	t.Parallel()
	// The second request of a connection is what net/http may repeat by itself.
	server := newCRM(t, answer(200, `{}`), cut, answer(200, `{}`))
	client := newClient(t, crmhttp.Config{})
	_, err := client.Do(t.Context(), post(server.URL), nil)
	require.NoError(t, err)
	_, err = client.Do(t.Context(), post(server.URL), nil)
	require.ErrorIs(t, err, crmlog.ErrOutcomeUnknown)
	require.Len(t, server.requests(), 2)
}

func TestSixTriesAreTheMost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		client := newClient(t, crmhttp.Config{Transport: transport(func(*http.Request) (*http.Response, error) {
			tries++
			return recorded(answer(503, `{"error":"maintenance"}`)), nil
		})})
		start := time.Now()
		_, err := client.Do(t.Context(), patch("https://acme.example"), nil)
		api := apiError(t, err)
		require.Equal(t, 6, tries)
		require.Equal(t, 503, api.StatusCode)
		require.Equal(t, "maintenance", api.Message)
		require.False(t, api.NotDone)
		require.LessOrEqual(t, time.Since(start), (100+200+400+800+1600)*time.Millisecond)
		require.Positive(t, time.Since(start))
	})
}

func TestAPOSTThatReachedNobodyIsTriedAgain(t *testing.T) {
	t.Parallel()
	server := newCRM(t, answer(201, `{}`))
	var dials atomic.Int32
	base := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		if dials.Add(1) <= 2 {
			return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
		}
		return new(net.Dialer).DialContext(ctx, network, addr)
	}}
	client := newClient(t, crmhttp.Config{Transport: base})
	_, err := client.Do(t.Context(), post(server.URL), nil)
	require.NoError(t, err)
	require.EqualValues(t, 3, dials.Load())
	require.Len(t, server.requests(), 1)
}

func TestAPOSTToNobodyIsNotDone(t *testing.T) {
	t.Parallel()
	_, err := newClient(t, crmhttp.Config{}).Do(t.Context(), post("http://127.0.0.1:1"), nil) // no one listens there
	require.ErrorIs(t, err, crmlog.ErrUnavailable)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.NotErrorIs(t, err, crmlog.ErrOutcomeUnknown)
	require.True(t, apiError(t, err).NotDone)
	require.Zero(t, apiError(t, err).StatusCode)
}

func TestAPOSTToAServerThatCannotBeTrustedIsNotDone(t *testing.T) {
	t.Parallel()
	var hits atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	server.Config.ErrorLog = discardLog()
	server.StartTLS()
	t.Cleanup(server.Close)
	_, err := newClient(t, crmhttp.Config{}).Do(t.Context(), post(server.URL), nil)
	require.True(t, apiError(t, err).NotDone)
	require.ErrorContains(t, err, "certificate")
	require.Zero(t, hits.Load())
}

func TestATransportThatSaysNothingMayHaveSentThePOST(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		hooks   func(*httptrace.ClientTrace)
		tries   int
		notDone bool
	}{
		"no hooks":         {func(*httptrace.ClientTrace) {}, 1, false},
		"no connection":    {func(tr *httptrace.ClientTrace) { tr.GetConn("h:1") }, 6, true},
		"a connection":     {func(tr *httptrace.ClientTrace) { tr.GetConn("h:1"); tr.GotConn(httptrace.GotConnInfo{}) }, 1, false},
		"headers left":     {func(tr *httptrace.ClientTrace) { tr.GetConn("h:1"); tr.WroteHeaders() }, 1, false},
		"only the headers": {func(tr *httptrace.ClientTrace) { tr.WroteHeaders() }, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				client := newClient(t, crmhttp.Config{Transport: transport(func(r *http.Request) (*http.Response, error) {
					tries++
					tc.hooks(httptrace.ContextClientTrace(r.Context()))
					return nil, errCut
				})})
				_, err := client.Do(t.Context(), post("https://acme.example"), nil)
				require.ErrorIs(t, err, errCut)
				require.Equal(t, tc.tries, tries)
				require.Equal(t, tc.notDone, apiError(t, err).NotDone)
			})
		})
	}
}

func TestNotDoneIsAboutEveryAttempt(t *testing.T) {
	t.Parallel()
	unsent := func(r *http.Request) (*http.Response, error) {
		httptrace.ContextClientTrace(r.Context()).GetConn("h:1")
		return nil, errCut
	}
	lost := func(*http.Request) (*http.Response, error) { return nil, errCut }
	says := func(status int, headers ...string) transport {
		return func(*http.Request) (*http.Response, error) { return recorded(answer(status, `{}`, headers...)), nil }
	}
	for name, tc := range map[string]struct {
		request func(string) crmhttp.Request
		steps   []transport
		notDone bool
	}{
		"refused":                  {patch, []transport{says(400)}, true},
		"limited, then refused":    {patch, []transport{says(429), says(403)}, true},
		"unsent, then refused":     {post, []transport{unsent, says(404)}, true},
		"limited POST, then lost":  {post, []transport{says(429), lost}, false},
		"lost, then limited long":  {patch, []transport{lost, says(429, "Retry-After", "900")}, false},
		"lost, then refused":       {patch, []transport{lost, says(400)}, false},
		"500, then unsent, 409":    {patch, []transport{says(500), unsent, says(409)}, false},
		"a read, lost all the way": {get, []transport{lost}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				client := newClient(t, crmhttp.Config{Transport: transport(func(r *http.Request) (*http.Response, error) {
					step := tc.steps[min(tries, len(tc.steps)-1)]
					tries++
					return step(r)
				})})
				_, err := client.Do(t.Context(), tc.request("https://acme.example"), nil)
				require.Equal(t, tc.notDone, apiError(t, err).NotDone, "%v", err)
				require.Equal(t, !tc.notDone, errors.Is(err, crmlog.ErrOutcomeUnknown))
			})
		})
	}
}

func TestASlowAnswerEndsWithTheAttempt(t *testing.T) {
	t.Parallel()
	slow := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id":`)
		w.(http.Flusher).Flush()
		<-r.Context().Done() // until the client hangs up
	}
	silent := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	for name, fault := range map[string]http.HandlerFunc{"slow body": slow, "silent": silent} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newCRM(t, fault, answer(200, `{}`))
			client := newClient(t, crmhttp.Config{Timeout: 500 * time.Millisecond})
			_, err := client.Do(t.Context(), get(server.URL), nil)
			require.NoError(t, err)
			require.Len(t, server.requests(), 2)

			server = newCRM(t, fault)
			_, err = client.Do(t.Context(), post(server.URL), nil)
			require.ErrorIs(t, err, crmlog.ErrOutcomeUnknown)
			require.NotErrorIs(t, err, context.DeadlineExceeded, "the caller's had none")
			require.ErrorContains(t, err, "500ms")
			require.Len(t, server.requests(), 1)
		})
	}
}

func TestAHugeAnswerIsReadToTheLimitAndNotAskedForAgain(t *testing.T) {
	t.Parallel()
	const limit = 10_000
	huge := `"` + strings.Repeat("a", 2*limit) + `"`
	var packed bytes.Buffer
	packer := gzip.NewWriter(&packed)
	_, err := packer.Write(bytes.Repeat([]byte(" "), 20<<20))
	require.NoError(t, err)
	require.NoError(t, packer.Close())
	require.Less(t, packed.Len(), 1<<16)
	for name, handler := range map[string]http.HandlerFunc{
		"long":         answer(200, huge),
		"gzip bomb":    answer(200, packed.String(), "Content-Encoding", "gzip"),
		"long 4xx":     answer(404, huge),
		"endless 200":  endless,
		"just too big": answer(200, `"`+strings.Repeat("a", limit-1)+`"`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, request := range []func(string) crmhttp.Request{get, post, patch} {
				server := newCRM(t, handler)
				client := newClient(t, crmhttp.Config{MaxBody: limit})
				var out any
				start := time.Now()
				reply, err := client.Do(t.Context(), request(server.URL), &out)
				require.Error(t, err)
				require.Less(t, time.Since(start), 5*time.Second, "it did not read on to the timeout")
				require.Nil(t, out)
				require.Len(t, reply.Body, limit)
				require.Len(t, server.requests(), 1)
				require.Less(t, len(err.Error()), 300)
				if reply.StatusCode == 200 {
					require.ErrorIs(t, err, crmlog.ErrUnavailable)
					require.ErrorContains(t, err, "10000 bytes")
				} else {
					require.ErrorIs(t, err, crmlog.ErrNotFound)
				}
			}
		})
	}
	t.Run("just fits", func(t *testing.T) {
		t.Parallel()
		server := newCRM(t, answer(200, `"`+strings.Repeat("a", limit-2)+`"`))
		var out string
		_, err := newClient(t, crmhttp.Config{MaxBody: limit}).Do(t.Context(), get(server.URL), &out)
		require.NoError(t, err)
		require.Len(t, out, limit-2)
	})
}

func endless(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	for {
		if _, err := io.WriteString(w, "[[[[[[[["); err != nil {
			return
		}
	}
}

func TestAnAnswerMayBeCompressed(t *testing.T) {
	t.Parallel()
	server := newCRM(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		packed := gzip.NewWriter(w)
		_, _ = io.WriteString(packed, `{"id":7}`)
		_ = packed.Close()
	})
	var out struct{ ID int }
	_, err := newClient(t, crmhttp.Config{}).Do(t.Context(), get(server.URL), &out)
	require.NoError(t, err)
	require.Equal(t, 7, out.ID)
}

func TestARedirectTakesTheCredentialNowhere(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		for name, target := range map[string]func(own, other string) string{
			"another host":    func(_, other string) string { return other + "/v1/activities" },
			"the same host":   func(own, _ string) string { return own + "/elsewhere" },
			"an unusable one": func(string, string) string { return "http://[t0ken-abc" },
			"nowhere":         func(string, string) string { return "" },
		} {
			for _, request := range []func(string) crmhttp.Request{get, post, patch} {
				other := newCRM(t, answer(200, `{}`))
				var own *crm
				own = newCRM(t, func(w http.ResponseWriter, r *http.Request) {
					answer(status, `{}`, "Location", target(own.URL, other.URL))(w, r)
				})
				req := request(own.URL)
				_, err := newClient(t, crmhttp.Config{}).Do(t.Context(), req, nil)
				api := apiError(t, err)
				require.Equal(t, crmlog.ErrUnavailable, api.Kind, name)
				require.Equal(t, status, api.StatusCode, name)
				require.Equal(t, req.Method == "", api.NotDone)
				require.ErrorContains(t, err, "redirect")
				require.NotContains(t, err.Error(), "t0ken")
				require.Len(t, own.requests(), 1)
				require.Empty(t, other.requests())
			}
		}
	}
}

func TestADeadContextSendsNothing(t *testing.T) {
	t.Parallel()
	server := newCRM(t, answer(200, `{}`))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := newClient(t, crmhttp.Config{}).Do(ctx, post(server.URL), nil)
	require.ErrorIs(t, err, context.Canceled)
	require.True(t, apiError(t, err).NotDone)
	require.Equal(t, crmlog.ErrUnavailable, apiError(t, err).Kind)
	require.Empty(t, server.requests())
}

func TestDoReturnsSoonAfterItsContextEnds(t *testing.T) {
	t.Parallel()
	for name, request := range map[string]func(string) crmhttp.Request{"GET": get, "POST": post, "full PATCH": patch} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			server := newCRM(t, func(_ http.ResponseWriter, r *http.Request) {
				cancel()
				<-r.Context().Done()
			})
			req := request(server.URL)
			start := time.Now()
			_, err := newClient(t, crmhttp.Config{}).Do(ctx, req, nil)
			require.Less(t, time.Since(start), time.Second)
			require.ErrorIs(t, err, context.Canceled)
			require.Equal(t, name == "GET", apiError(t, err).NotDone)
			require.Len(t, server.requests(), 1)
		})
	}
}

func TestAContextThatEndsInAWaitKeepsWhatWasLearnt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		client := newClient(t, crmhttp.Config{Transport: transport(func(*http.Request) (*http.Response, error) {
			time.AfterFunc(time.Second, cancel)
			return recorded(answer(503, `{"error":"maintenance"}`, "Retry-After", "3")), nil
		})})
		start := time.Now()
		_, err := client.Do(ctx, get("https://acme.example"), nil)
		require.Equal(t, time.Second, time.Since(start))
		require.ErrorIs(t, err, context.Canceled)
		api := apiError(t, err)
		require.Equal(t, 503, api.StatusCode)
		require.Equal(t, "maintenance", api.Message)
		require.Equal(t, 3*time.Second, api.RetryAfter)
		require.True(t, api.NotDone)
	})
}

func TestBothTheContextAndTheFailureBeforeItsEndAreTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := newClient(t, crmhttp.Config{Transport: transport(func(*http.Request) (*http.Response, error) { return nil, errCut })})
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err := client.Do(ctx, patch("https://acme.example"), nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, errCut)
		require.ErrorContains(t, err, errCut.Error())
		require.False(t, apiError(t, err).NotDone)
	})
}

func TestATransportsOwnContextErrorIsNotTheCallers(t *testing.T) {
	t.Parallel()
	for _, cause := range []error{context.Canceled, context.DeadlineExceeded} {
		client := newClient(t, crmhttp.Config{Transport: transport(func(*http.Request) (*http.Response, error) {
			return nil, fmt.Errorf("stream: %w", cause)
		})})
		_, err := client.Do(t.Context(), post("https://acme.example"), nil)
		require.NotErrorIs(t, err, cause)
		require.ErrorIs(t, err, crmlog.ErrUnavailable)
	}
}

func TestAnOutageThatSaysHowLongIsObeyedOrReported(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		retryAfter string
		deadline   time.Duration
		tries      int
		wait       time.Duration
	}{
		"short":               {"4", time.Hour, 2, 4 * time.Second},
		"beyond MaxWait":      {"6", time.Hour, 1, 0},
		"beyond the deadline": {"4", 3 * time.Second, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				client := newClient(t, crmhttp.Config{Transport: transport(func(*http.Request) (*http.Response, error) {
					if tries++; tries == 2 {
						return recorded(answer(200, `{}`)), nil
					}
					return recorded(answer(503, `{}`, "Retry-After", tc.retryAfter)), nil
				})})
				ctx, cancel := context.WithTimeout(t.Context(), tc.deadline)
				defer cancel()
				start := time.Now()
				_, err := client.Do(ctx, get("https://acme.example"), nil)
				require.Equal(t, tc.tries, tries)
				require.Equal(t, tc.wait, time.Since(start))
				if tc.tries == 1 {
					require.ErrorIs(t, err, crmlog.ErrUnavailable)
					require.Positive(t, crmlog.RetryAfter(err))
				} else {
					require.NoError(t, err)
				}
			})
		})
	}
}
