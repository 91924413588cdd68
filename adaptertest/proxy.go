package adaptertest

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"time"
)

// network is all that an adapter under check can reach: the proxy before the
// CRM, and the trap for every other address.
type network struct {
	home      *url.URL // the CRM's address
	crm       *httptest.Server
	trap      *httptest.Server // made when it is needed, which is rare
	transport *http.Transport
	closing   chan struct{}

	handler http.Handler // the CRM

	mu    sync.Mutex
	seen  []*request
	stray []*request // what came to the trap
	plan  func(*request) *fault
	armed chan struct{}     // closed when the plan ends, and with it what is held
	since map[string]int    // requests by method since plan was set
	after func()            // called after each request of a survey
	swap  *strings.Replacer // what is changed in the requests on their way
}

// request is what came in.
type request struct {
	method  string
	host    string
	path    string // escaped, as it was sent
	query   string
	header  http.Header
	body    []byte
	nth     int // of its method since faults were armed
	arrived time.Time

	struck   bool
	status   int // of the CRM's own answer; 0 when it was not asked
	answered time.Time
}

// fault is what the proxy does to a request.
type fault struct {
	// commit has the CRM carry the request out first.
	commit bool
	// answer answers; the CRM's answer is nil without commit.
	answer func(n *network, w http.ResponseWriter, r *http.Request, answer *httptest.ResponseRecorder)
}

func newNetwork(h *Harness, crm http.Handler) *network {
	home, _ := url.Parse(h.BaseURL) // checked by prepared
	n := &network{home: home, handler: crm, closing: make(chan struct{}), armed: make(chan struct{}), since: map[string]int{}}
	n.crm = httptest.NewServer(http.HandlerFunc(n.serve))
	dial := func(to *httptest.Server) func(ctx context.Context) (net.Conn, error) {
		return func(ctx context.Context) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", to.Listener.Addr().String())
		}
	}
	n.transport = &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(n.catcher())(ctx) },
		// Behind a DialTLSContext no handshake is made: https costs nothing here.
		DialTLSContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
			if addr == home.Host+":443" {
				return dial(n.crm)(ctx)
			}
			return dial(n.catcher())(ctx)
		},
		MaxIdleConnsPerHost: 100,
	}
	return n
}

func (n *network) close() {
	close(n.closing)
	n.transport.CloseIdleConnections()
	n.crm.CloseClientConnections()
	n.crm.Close()
	n.mu.Lock()
	trap := n.trap
	n.mu.Unlock()
	if trap != nil {
		trap.CloseClientConnections()
		trap.Close()
	}
}

// catcher is the trap.
func (n *network) catcher() *httptest.Server {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.trap == nil {
		n.trap = httptest.NewServer(http.HandlerFunc(n.catch))
	}
	return n.trap
}

func newRequest(r *http.Request) *request {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	return &request{
		method: r.Method, host: r.Host, path: r.URL.EscapedPath(), query: r.URL.RawQuery,
		header: r.Header.Clone(), body: body, arrived: time.Now(),
	}
}

func (n *network) catch(w http.ResponseWriter, r *http.Request) {
	req := newRequest(r)
	n.mu.Lock()
	n.stray = append(n.stray, req)
	n.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, "{}")
}

func (n *network) serve(w http.ResponseWriter, r *http.Request) {
	req := newRequest(r)
	n.mu.Lock()
	n.seen = append(n.seen, req)
	n.since[req.method]++
	req.nth = n.since[req.method]
	var f *fault
	if n.plan != nil {
		f = n.plan(req)
	}
	req.struck = f != nil
	if n.swap != nil {
		changed := n.swap.Replace(string(req.body))
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(changed)), int64(len(changed))
		r.Header.Del("Content-Length")
	}
	n.mu.Unlock()

	defer func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		req.answered = time.Now()
	}()
	var answer *httptest.ResponseRecorder
	if f == nil || f.commit {
		answer = httptest.NewRecorder()
		n.handler.ServeHTTP(answer, r)
		n.mu.Lock()
		req.status = answer.Code
		after := n.after
		n.mu.Unlock()
		if after != nil {
			after()
		}
	}
	if f != nil {
		f.answer(n, w, r, answer)
		return
	}
	send(w, answer)
}

func send(w http.ResponseWriter, answer *httptest.ResponseRecorder) {
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// arm has plan say what goes wrong with each request from now on.
func (n *network) arm(plan func(*request) *fault) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.plan, n.since = plan, map[string]int{}
	close(n.armed)
	n.armed = make(chan struct{})
}

// watch has after called when the CRM has carried out a request, until it is
// nil. The requests of a survey come one after another.
func (n *network) watch(after func()) {
	n.arm(nil)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.after = after
}

// rewrite has the CRM get another text than the adapter sent.
func (n *network) rewrite(sent, text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.swap = strings.NewReplacer(sent, text)
}

func (n *network) disarm() { n.arm(nil) }

// requests returns those that came to the CRM since there were from of them.
func (n *network) requests(from int) []*request {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]*request(nil), n.seen[from:]...)
}

func (n *network) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.seen)
}

func (n *network) strays() []*request {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]*request(nil), n.stray...)
}

// hold waits for d. It reports whether that is over, and not the client's
// patience or the plan.
func (n *network) hold(r *http.Request, d time.Duration) bool {
	n.mu.Lock()
	armed := n.armed
	n.mu.Unlock()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-r.Context().Done():
	case <-armed:
	case <-n.closing:
	case <-t.C:
		return true
	}
	return false
}

// cut resets the connection.
func cut(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
