package proof

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crmlog/crmlog/pipedrive"
	"github.com/crmlog/crmlog/pipedrive/pipedrivetest"
	"github.com/crmlog/crmlog/testcrm"
)

// crm is a fake CRM on loopback behind a handler that keeps the one promise
// which a CRM has to give: nothing is applied later than the grace after its
// sender gave up. A machine that is busy beyond measure would break it: so what
// comes too late is dropped, and the waits of faults before a write are done
// here, where that can be seen to.
type crm struct {
	platform string
	fake     http.Handler
	records  func() []testcrm.Activity
	web      *httptest.Server

	mu     sync.Mutex
	hook   func(w http.ResponseWriter, write *http.Request) (answered bool)
	strike func(*http.Request) *testcrm.Fault
	struck map[string]*testcrm.Fault // by request, on its way to the fake
	late   sync.WaitGroup

	requests []string // method and path
}

// newCRM returns a testcrm that answers after latency, with lists that lag.
func newCRM(t *testing.T, latency time.Duration) *crm {
	return newTestCRM(t, testcrm.ServerConfig{Latency: latency, IndexLag: indexLag})
}

func newTestCRM(t *testing.T, config testcrm.ServerConfig) *crm {
	config.Tokens = tokens()
	fake := testcrm.NewServer(config)
	c := &crm{platform: testcrm.Platform, fake: fake, records: fake.Activities}
	fake.SetFaultFunc(c.take)
	c.start(t)
	t.Cleanup(fake.Close) // ends what waits, before the web server waits for it
	return c
}

// newPipedrive returns a Pipedrive. Unlike testcrm it has no conditional writes.
func newPipedrive(t *testing.T) *crm {
	users := make(map[string]pipedrivetest.User)
	for token, id := range tokens() {
		n, err := strconv.ParseInt(id, 10, 64)
		require.NoError(t, err)
		users["Bearer "+token] = pipedrivetest.User{ID: n, Name: "Sam Seller"}
	}
	fake := pipedrivetest.New(pipedrivetest.Config{Users: users, ListLag: indexLag})
	c := &crm{platform: pipedrive.Platform, fake: fake}
	c.records = func() (all []testcrm.Activity) {
		for _, a := range fake.Activities() {
			at, err := time.Parse("2006-01-02 15:04", a.DueDate+" "+a.DueTime)
			require.NoError(t, err)
			all = append(all, testcrm.Activity{
				ID: fmt.Sprint(a.ID), OwnerID: fmt.Sprint(a.OwnerID), ContactID: fmt.Sprint(a.PersonID),
				At: at, Body: a.Note, Deleted: a.IsDeleted,
			})
		}
		return all
	}
	fake.SetFaults(func(r *http.Request) *pipedrivetest.Fault {
		f := c.take(r)
		if f == nil {
			return nil
		}
		p := &pipedrivetest.Fault{
			Commit: f.Applied, Delay: f.Delay, Drop: f.Drop, Truncate: f.Truncate, Status: f.Status, Body: f.Body, Header: f.Header.Clone(),
		}
		if p.Header == nil {
			p.Header = make(http.Header)
		}
		if f.RetryAfter != "" {
			p.Header.Set("Retry-After", f.RetryAfter)
		}
		if p.Status != 0 && p.Body == "" {
			p.Body = `{"success":false,"error":"made to fail"}`
		}
		return p
	})
	c.start(t)
	return c
}

func (c *crm) start(t *testing.T) {
	c.struck = make(map[string]*testcrm.Fault)
	c.web = httptest.NewServer(c)
	t.Cleanup(func() {
		c.web.Close()
		c.late.Wait()
	})
}

// onWrite has f see each write before the CRM does. It may answer in its place,
// or cut.
func (c *crm) onWrite(f func(w http.ResponseWriter, write *http.Request) (answered bool)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hook = f
}

// failWith has f decide about each request's fault. It is called for one at a
// time.
func (c *crm) failWith(f func(*http.Request) *testcrm.Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.strike = f
}

const (
	giveUpHeader = "X-Proof-Give-Up" // when the sender will, in ms since 1970
	faultHeader  = "X-Proof-Fault"
)

func (c *crm) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// The body first: then the context ends when the sender leaves.
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	c.mu.Lock()
	c.requests = append(c.requests, r.Method+" "+r.URL.Path)
	hook, fault := c.hook, (*testcrm.Fault)(nil)
	if c.strike != nil && !gaveUp(r) {
		fault = c.strike(r)
	}
	c.mu.Unlock()
	if isWrite(r) && hook != nil && hook(w, r) {
		return
	}
	if fault != nil && !fault.Applied && !wait(r.Context(), fault.Delay) || gaveUp(r) {
		panic(http.ErrAbortHandler)
	}
	if fault != nil {
		if !fault.Applied {
			fault.Delay = 0
		}
		if fault.ApplyLate > 0 {
			c.applyLate(r, body, fault.ApplyLate)
			fault.ApplyLate, fault.Drop = 0, fault.Status == 0
		}
		id := rand.Text()
		r.Header.Set(faultHeader, id)
		c.mu.Lock()
		c.struck[id] = fault
		c.mu.Unlock()
	}
	c.fake.ServeHTTP(w, r)
}

// take gives the fake a request's fault.
func (c *crm) take(r *http.Request) *testcrm.Fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	id := r.Header.Get(faultHeader)
	fault := c.struck[id]
	delete(c.struck, id)
	return fault
}

func (c *crm) applyLate(r *http.Request, body []byte, after time.Duration) {
	r = r.Clone(context.Background())
	r.Body = io.NopCloser(bytes.NewReader(body))
	cut := time.Now()
	c.late.Go(func() {
		time.Sleep(after)
		if time.Since(cut) < lateness+(grace-lateness)/2 {
			c.apply(r)
		}
	})
}

// apply carries a request out whose sender does not get the answer.
func (c *crm) apply(r *http.Request) {
	c.fake.ServeHTTP(httptest.NewRecorder(), r)
}

func gaveUp(r *http.Request) bool {
	ms, err := strconv.ParseInt(r.Header.Get(giveUpHeader), 10, 64)
	return err == nil && time.Now().UnixMilli() > ms
}

// wait returns false when the sender leaves.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

func isWrite(r *http.Request) bool {
	return r.Method == http.MethodPost || r.Method == http.MethodPatch
}

// calls are the requests that came in, as method and path.
func (c *crm) calls() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.requests)
}

// verify has the oracle judge, and the reports agree with it.
func (c *crm) verify(t *testing.T, all []sent, reports *tally) verdict {
	t.Helper()
	c.late.Wait()
	records := c.records()
	v := judge(all, records)
	require.True(t, v.faultless(), "%s: %q", v, v.Findings)
	require.Empty(t, reports.faults(all, records))
	return v
}
