package crmhttp

import (
	"context"
	"errors"
	"maps"
	"net"
	"net/http"
	"time"
)

// newTransport is the transport of clients that bring none.
func newTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    5 * time.Second,
		MaxIdleConns:           500,
		MaxIdleConnsPerHost:    100,
		MaxConnsPerHost:        100,
		IdleConnTimeout:        60 * time.Second,
		MaxResponseHeaderBytes: 256 << 10,
	}
}

// credential goes to the transport in the request's context.
type credential struct {
	scheme, host  string // the origin that may see it
	header, value string
}

type credentialKey struct{}

func withCredential(ctx context.Context, c *credential) context.Context {
	return context.WithValue(ctx, credentialKey{}, c)
}

// pinnedTransport adds the credential below everything that logs, copies
// headers or follows redirects, and lets no request go anywhere but to the
// credential's origin.
type pinnedTransport struct{ base http.RoundTripper }

func (t *pinnedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	cred, ok := req.Context().Value(credentialKey{}).(*credential)
	if !ok || req.URL.Scheme != cred.scheme || req.URL.Host != cred.host || req.Host != "" && req.Host != cred.host {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, errors.New("refused: the request would leave its base URL")
	}
	if cred.value != "" {
		req = req.WithContext(req.Context()) // a copy: the original belongs to resty
		header := make(http.Header, len(req.Header)+1)
		maps.Copy(header, req.Header)
		header[cred.header] = []string{cred.value}
		req.Header = header
	}
	resp, err := t.base.RoundTrip(req)
	if err == nil && resp.StatusCode/100 == 3 {
		// http.Client parses it before it asks whether to follow, and an
		// unreadable one would hide the status and be quoted in the error.
		resp.Header.Del("Location")
	}
	return resp, err
}

func (t *pinnedTransport) CloseIdleConnections() {
	if c, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}
