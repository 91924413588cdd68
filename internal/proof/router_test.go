package proof

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/pipedrive"
	"github.com/crmlog/crmlog/testcrm"
)

// openRouter returns a router to the CRM of a platform, with wrappers around its
// parts that call at at each step of the protocol.
func openRouter(ctx context.Context, source, platform, url string, at func(step string)) (*crmlog.Router, func() error, error) {
	store, closeStore, err := openStore(ctx, source)
	if err != nil {
		return nil, nil, err
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 100}
	adapter, err := newAdapter(platform, url, steppedTransport{punctual{transport}, at})
	if err != nil {
		return nil, nil, errors.Join(err, closeStore())
	}
	router, err := crmlog.NewRouter(steppedAdapter{adapter, adapter, at}, crmlog.RouterConfig{
		Platform: platform, Store: steppedStore{store, at}, Lease: lease, Grace: grace,
	})
	if err != nil {
		return nil, nil, errors.Join(err, closeStore())
	}
	return router, func() error {
		err := errors.Join(router.Shutdown(context.Background()), closeStore())
		transport.CloseIdleConnections()
		return err
	}, nil
}

func newAdapter(platform, url string, transport http.RoundTripper) (crmlog.BatchUpdater, error) {
	if platform == pipedrive.Platform {
		return pipedrive.New(pipedrive.Config{
			BaseURL: url, Transport: transport, Timeout: timeout, SettleTime: settle, ActivityType: "sms",
		})
	}
	return testcrm.New(testcrm.Config{BaseURL: url, Transport: transport, Timeout: timeout, SettleTime: settle})
}

// steps are before and after each call of the store, each write by the adapter
// and each request of such a write.
var steps = []string{
	"before claim", "after claim", "before renew", "after renew", "before intend", "after intend",
	"before write", "before request", "after request", "after write",
	"before commit", "after commit", "before release", "after release",
}

func noStep(string) {}

// steppedStore passes each step of its store.
type steppedStore struct {
	crmlog.Store
	at func(step string)
}

func (s steppedStore) Claim(ctx context.Context, req crmlog.ClaimRequest) (crmlog.Claim, error) {
	s.at("before claim")
	c, err := s.Store.Claim(ctx, req)
	if err == nil {
		s.at("after claim")
	}
	return c, err
}

func (s steppedStore) Renew(ctx context.Context, lease crmlog.Lease, d time.Duration) error {
	return s.step("renew", func() error { return s.Store.Renew(ctx, lease, d) })
}

func (s steppedStore) Intend(ctx context.Context, lease crmlog.Lease, in crmlog.Intention) error {
	return s.step("intend", func() error { return s.Store.Intend(ctx, lease, in) })
}

func (s steppedStore) Commit(ctx context.Context, lease crmlog.Lease, c crmlog.Commit) error {
	return s.step("commit", func() error { return s.Store.Commit(ctx, lease, c) })
}

func (s steppedStore) Release(ctx context.Context, lease crmlog.Lease, settle time.Duration) error {
	return s.step("release", func() error { return s.Store.Release(ctx, lease, settle) })
}

func (s steppedStore) step(name string, f func() error) error {
	s.at("before " + name)
	err := f()
	s.at("after " + name)
	return err
}

// steppedAdapter passes before and after each write.
type steppedAdapter struct {
	crmlog.Adapter
	batcher crmlog.BatchUpdater
	at      func(step string)
}

// Unwrap shows what else the adapter can do.
func (a steppedAdapter) Unwrap() crmlog.Adapter { return a.Adapter }

func (a steppedAdapter) AddMessageLog(ctx context.Context, in crmlog.AddMessageLogInput) (crmlog.MessageLogResult, error) {
	a.at("before write")
	defer a.at("after write")
	return a.Adapter.AddMessageLog(ctx, in)
}

func (a steppedAdapter) UpdateMessageLog(ctx context.Context, in crmlog.UpdateMessageLogInput) (crmlog.MessageLogResult, error) {
	a.at("before write")
	defer a.at("after write")
	return a.Adapter.UpdateMessageLog(ctx, in)
}

func (a steppedAdapter) UpdateMessageLogs(ctx context.Context, in crmlog.UpdateMessageLogsInput) (crmlog.UpdateMessageLogsResult, error) {
	a.at("before write")
	defer a.at("after write")
	return a.batcher.UpdateMessageLogs(ctx, in)
}

// steppedTransport passes before and after each request of a write.
type steppedTransport struct {
	base http.RoundTripper
	at   func(step string)
}

func (s steppedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if !isWrite(r) {
		return s.base.RoundTrip(r)
	}
	s.at("before request")
	defer s.at("after request")
	return s.base.RoundTrip(r)
}

// punctual tells the CRM when a request's sender will give up.
type punctual struct{ base http.RoundTripper }

func (p punctual) RoundTrip(r *http.Request) (*http.Response, error) {
	if d, ok := r.Context().Deadline(); ok {
		r = r.Clone(r.Context())
		r.Header.Set(giveUpHeader, strconv.FormatInt(d.UnixMilli(), 10))
	}
	return p.base.RoundTrip(r)
}
