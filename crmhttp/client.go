package crmhttp

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/go-resty/resty/v2"
)

const (
	maxTries       = 6
	backoffBase    = 100 * time.Millisecond
	backoffCap     = 2 * time.Second
	defaultTimeout = 10 * time.Second
	defaultMaxBody = 4 << 20
	defaultMaxWait = 5 * time.Second
)

// Config says how a [Client] works. Only Name is required.
type Config struct {
	// Name is the CRM's, in lower case ("pipedrive"). It begins the operation
	// of every error and log line.
	Name string
	// Transport sends the requests, without the retries, redirects and cookies
	// of an http.Client; it must return soon after the request's context ends.
	// Nil makes a pooled one: at most 100 connections to a host, proxies from
	// the environment.
	Transport http.RoundTripper
	// Timeout is for one attempt, from dialling to the answer's last byte.
	// 0 means 10 s.
	Timeout time.Duration
	// MaxBody is the longest answer that is read, in bytes after decompression.
	// 0 means 4 MiB, the most is 1 GiB.
	MaxBody int64
	// MaxWait is the longest wait asked for by the CRM that is obeyed inside a
	// call. Beyond it the call fails and says how long to wait. 0 means 5 s.
	// Behind other calls of its account, a call waits four times as long.
	MaxWait time.Duration
	// ParseError reads the CRM's own error out of an answer. It is called for
	// every answer whose body was read, from many goroutines; see
	// [ErrorDetail.Kind] for what it can do to a 2xx, and look cheaply there.
	// Nil means [ParseJSONError].
	ParseError func(Answer) ErrorDetail
	// ParseLimit reads what an answer says of the account's limits, by which its
	// calls are paced. It is called as ParseError is. Nil means [ParseLimit].
	ParseLimit func(http.Header) Limit
	// Reserve is the part of an account's budget that is left for others, from 0
	// to below 1: with 0.1, calls fail with [crmlog.ErrRateLimited] when less than
	// 10 % of what the CRM grants for the day is left, until there is more. 0
	// leaves nothing; so does a CRM that does not say what is left.
	Reserve float64
	// Logger gets a line per attempt at debug level, and one per retry and per
	// limit at warning level. No URL, header or body is in them. Nil discards.
	Logger *slog.Logger
}

// Client calls a CRM. It is safe for concurrent use, and is meant to be made
// once per adapter: connections and the gates of limited accounts live in it.
type Client struct {
	name       string
	timeout    time.Duration
	maxBody    int64
	maxWait    time.Duration
	parseError func(Answer) ErrorDetail
	parseLimit func(http.Header) Limit
	log        *slog.Logger
	http       *http.Client
	resty      *resty.Client
	gates      gates
	seed       maphash.Seed
}

// New makes a Client. The error is a [*crmlog.InputError].
func New(cfg Config) (*Client, error) {
	switch {
	case cfg.Name == "":
		return nil, &crmlog.InputError{Field: "Config.Name", Problem: `empty; give the CRM's name, such as "pipedrive"`}
	case cfg.Timeout < 0:
		return nil, &crmlog.InputError{Field: "Config.Timeout", Problem: "negative; give a duration, or 0 for 10 s"}
	case cfg.MaxBody < 0 || cfg.MaxBody > 1<<30:
		return nil, &crmlog.InputError{Field: "Config.MaxBody", Problem: "negative or above 1 GiB; give a number of bytes, or 0 for 4 MiB"}
	case cfg.MaxWait < 0:
		return nil, &crmlog.InputError{Field: "Config.MaxWait", Problem: "negative; give a duration, or 0 for 5 s"}
	case !(cfg.Reserve >= 0 && cfg.Reserve < 1):
		return nil, &crmlog.InputError{Field: "Config.Reserve", Problem: "not from 0 to below 1; give a part such as 0.1 for 10 %"}
	}
	c := &Client{
		name:       cfg.Name,
		timeout:    orDefault(cfg.Timeout, defaultTimeout),
		maxBody:    orDefault(cfg.MaxBody, defaultMaxBody),
		maxWait:    orDefault(cfg.MaxWait, defaultMaxWait),
		parseError: cfg.ParseError,
		parseLimit: cfg.ParseLimit,
		log:        cfg.Logger,
		seed:       maphash.MakeSeed(),
	}
	if c.parseError == nil {
		c.parseError = ParseJSONError
	}
	if c.parseLimit == nil {
		c.parseLimit = ParseLimit
	}
	c.gates.maxWait, c.gates.maxQueue = c.maxWait, maxQueueing*min(c.maxWait, maxGateClosed)
	c.gates.reserve = cfg.Reserve
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	base := cfg.Transport
	if base == nil {
		base = newTransport()
	}
	// NewWithClient, unlike New, brings no cookie jar: tenants share the client.
	c.http = &http.Client{
		Transport:     &pinnedTransport{base: base},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	c.resty = resty.NewWithClient(c.http).
		SetDoNotParseResponse(true).
		SetDisableWarn(true).
		SetLogger(silent{})
	return c, nil
}

func orDefault[T int64 | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}

// CloseIdleConnections closes the connections that no call uses. The client
// stays usable.
func (c *Client) CloseIdleConnections() { c.http.CloseIdleConnections() }

// Do makes one CRM call and decodes the answer's JSON into out, a non-nil
// pointer; JSON numbers in an any become [encoding/json.Number]. *out is
// replaced when Do succeeds and left alone when it fails. With a nil out any
// 2xx answer succeeds that is not HTML. When out is a [Checker], a 2xx answer that
// it finds fault with is as good as none: of the kind [crmlog.ErrUnavailable],
// asked for again where that is safe, and an unknown outcome of a write.
//
// Errors are [*crmlog.InputError] (nothing was sent) or [*crmlog.APIError],
// which tells by NotDone whether the write may have been applied by any of the
// attempts. When ctx ends first, Do returns an APIError of the kind
// [crmlog.ErrUnavailable] that wraps ctx.Err(). A redirect is never followed
// and is such an error too.
//
// The last answer is returned with an APIError as well, if there was one.
func (c *Client) Do(ctx context.Context, req Request, out any) (Answer, error) {
	call, err := c.newCall(req, out)
	if err != nil {
		return Answer{}, err
	}
	last := outcome{kind: crmlog.ErrUnavailable}
	applied := false // some attempt may have been
	for try := 1; ; try++ {
		if err := ctx.Err(); err != nil {
			return last.answer, c.failure(call, last.endedBy(err), applied)
		}
		ticket, wait, err := c.gates.pass(ctx, call.gate)
		if err != nil {
			if wait > 0 {
				if try == 1 {
					last = outcome{kind: crmlog.ErrRateLimited, err: err}
				}
				last.retryAfter = max(last.retryAfter, wait)
				return last.answer, c.failure(call, last, applied)
			}
			return last.answer, c.failure(call, last.endedBy(err), applied)
		}

		start := time.Now()
		last = c.send(ctx, call, ticket)
		c.attempted(ctx, call, try, last, time.Since(start))
		if last.kind == nil {
			return last.answer, nil
		}
		applied = applied || last.applied
		if try == maxTries || !last.transient || last.applied && !call.repeatable {
			return last.answer, c.failure(call, last, applied)
		}
		if err := ctx.Err(); err != nil {
			return last.answer, c.failure(call, last.endedBy(err), applied)
		}

		wait = last.retryAfter
		if tooLong(ctx, wait, c.maxWait) {
			return last.answer, c.failure(call, last, applied)
		}
		if !last.limited { // else the gate does the waiting
			wait = max(wait, backoff(try))
		}
		c.log.LogAttrs(ctx, slog.LevelWarn, "crm call is tried again", slog.String("operation", c.operation(call)),
			slog.Int("status", last.answer.StatusCode), slog.Int("attempt", try), slog.Duration("wait", wait))
		if !last.limited {
			if err := sleep(ctx, wait); err != nil {
				return last.answer, c.failure(call, last.endedBy(err), applied)
			}
		}
	}
}

// send makes an attempt, and has the account's gate learn from it.
func (c *Client) send(ctx context.Context, call *call, t ticket) (o outcome) {
	defer func() { // also when the transport panics
		if c.gates.back(t, c.heard(&o)) {
			c.log.LogAttrs(ctx, slog.LevelWarn, "crm budget is down to the reserve", slog.String("operation", c.operation(call)))
		}
	}()
	return c.attempt(ctx, call)
}

// heard is what the attempt tells of the account's limits. The end of a budget
// is waited for longer than its answer may ask.
func (c *Client) heard(o *outcome) heard {
	h := heard{answered: o.answer.StatusCode != 0}
	if h.answered {
		h.limit = c.parseLimit(o.answer.Header)
	}
	h.spent = o.limited && o.detail.BudgetSpent || h.limit.spent()
	if o.limited {
		if h.spent {
			o.retryAfter = max(o.retryAfter, minSpentWait)
		}
		h.wait = o.retryAfter
	}
	return h
}

// attempted is called once per attempt, after it.
func (c *Client) attempted(ctx context.Context, call *call, try int, o outcome, took time.Duration) {
	cost := crmlog.Cost{Calls: 1}
	if !o.limited {
		cost.Tokens = call.req.Tokens
	}
	crmlog.AddCost(ctx, cost)
	if c.log.Enabled(ctx, slog.LevelDebug) {
		c.log.LogAttrs(ctx, slog.LevelDebug, "crm call", slog.String("operation", c.operation(call)),
			slog.String("method", call.method), slog.Int("status", o.answer.StatusCode),
			slog.Int("attempt", try), slog.Duration("duration", took))
	}
	if o.limited {
		c.log.LogAttrs(ctx, slog.LevelWarn, "crm limits the account", slog.String("operation", c.operation(call)),
			slog.Int("status", o.answer.StatusCode), slog.Int("attempt", try), slog.Duration("wait", o.retryAfter))
	}
}

// operation is how errors and the log name the call.
func (c *Client) operation(call *call) string { return c.name + ": " + call.req.Operation }

// failure puts the last outcome of a call into words.
func (c *Client) failure(call *call, o outcome, applied bool) error {
	e := &crmlog.APIError{
		Operation:  c.operation(call),
		Kind:       o.kind,
		StatusCode: o.answer.StatusCode,
		RetryAfter: o.retryAfter,
		NotDone:    !applied,
		Err:        o.err,
	}
	if call.req.OfLog && errors.Is(e.Kind, crmlog.ErrNotFound) {
		e.Kind = crmlog.ErrLogGone
	}
	if d := o.detail; d.Code != "" || d.Message != "" || d.CorrelationID != "" {
		sent := call.sent()
		e.Code = sent.cleanCode(d.Code)
		e.Message = sent.cleanMessage(d.Message)
		e.CorrelationID = sent.cleanID(d.CorrelationID)
	}
	return e
}

// endedBy is o for a call that the caller's context ended after it.
func (o outcome) endedBy(ctxErr error) outcome {
	switch {
	case o.err == nil:
		o.err = ctxErr
	case !errors.Is(o.err, ctxErr):
		o.err = fmt.Errorf("%w; before that: %w", ctxErr, o.err)
	}
	return o
}

// backoff is the wait after the n-th try: full jitter, so that clients which
// failed together do not come back together.
func backoff(n int) time.Duration {
	return rand.N(min(backoffBase<<(n-1), backoffCap))
}

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// silent keeps resty from printing.
type silent struct{}

func (silent) Errorf(string, ...any) {}
func (silent) Warnf(string, ...any)  {}
func (silent) Debugf(string, ...any) {}
