package crmhttp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/crmlog/crmlog"
)

// firewallWait is how long a firewall's 403 closes the gate, if it does not
// say. How long Cloudflare blocks is not documented.
const firewallWait = time.Minute

// outcome is what became of one attempt. Its kind is nil for a success.
type outcome struct {
	answer     Answer
	kind       error
	detail     ErrorDetail
	retryAfter time.Duration
	err        error // the cause, besides the answer
	applied    bool  // a write, and it may have been
	limited    bool  // the CRM limits the account
	transient  bool  // another attempt may fare better
}

// attempt sends the request once.
func (c *Client) attempt(ctx context.Context, call *call) outcome {
	tctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	tctx = withCredential(tctx, &call.credential)
	var trace tracer
	if !call.reads {
		tctx = httptrace.WithClientTrace(tctx, trace.hooks())
	}

	r := c.resty.R().SetContext(tctx)
	r.Header = call.header
	if call.body != nil {
		r.SetBody(bytes.NewReader(call.body)) // a reader is the one body that resty does not copy
	}
	resp, err := r.Execute(call.method, call.url)
	if err != nil {
		return outcome{
			kind:      crmlog.ErrUnavailable,
			err:       c.cause(ctx, tctx, call, err),
			applied:   !call.reads && !trace.unsent(),
			transient: true,
		}
	}
	answer, err := c.read(resp.RawResponse)
	if answer.StatusCode/100 != 2 {
		return judge(call, answer, c.parseError(answer))
	}

	o := outcome{answer: answer, kind: crmlog.ErrUnavailable, applied: !call.reads, transient: true}
	switch {
	case errors.Is(err, errTooLong):
		o.err, o.transient = err, false
		return o
	case err != nil:
		o.err = c.cause(ctx, tctx, call, err)
		return o
	case answer.isHTML():
		o.err = errors.New("the answer is a web page")
		return o
	}
	if detail := c.parseError(answer); detail.Kind != nil {
		return judge(call, answer, detail)
	}
	if o.err = call.decode(answer); o.err != nil {
		return o
	}
	return outcome{answer: answer}
}

// judge is the outcome of an answer that is a failure.
func judge(call *call, answer Answer, detail ErrorDetail) outcome {
	o := outcome{answer: answer, detail: detail}
	o.applied = !call.reads && !refused(answer.StatusCode)
	o.kind = o.detail.Kind
	if o.kind == nil {
		o.kind = kindOf(answer.StatusCode)
		if answer.fromFirewall() {
			o.kind = crmlog.ErrRateLimited
			o.detail.RetryAfter = max(askedWait(o.detail, answer.Header), firewallWait)
			o.err = errors.New("a firewall before the CRM blocks the calls")
		}
	}
	if answer.StatusCode/100 == 3 {
		o.err = errors.New("a redirect, which is never followed; check the base URL")
	}

	o.limited = answer.StatusCode == http.StatusTooManyRequests || errors.Is(o.kind, crmlog.ErrRateLimited)
	o.retryAfter = askedWait(o.detail, answer.Header)
	if o.limited {
		o.retryAfter = limitedFor(o.detail, answer.Header)
	}
	status := answer.StatusCode
	o.transient = o.limited ||
		errors.Is(o.kind, crmlog.ErrUnavailable) && (status/100 == 2 || status == http.StatusRequestTimeout || status >= 500)
	return o
}

var errTooLong = errors.New("the answer is too long")

// read reads the answer to its end, which also frees the connection.
func (c *Client) read(resp *http.Response) (Answer, error) {
	defer func() { _ = resp.Body.Close() }()
	buf := getBuffer()
	defer putBuffer(buf)
	_, err := buf.ReadFrom(io.LimitReader(resp.Body, c.maxBody+1))
	if int64(buf.Len()) > c.maxBody {
		buf.Truncate(int(c.maxBody))
		err = fmt.Errorf("%w: more than %d bytes", errTooLong, c.maxBody)
	}
	return Answer{StatusCode: resp.StatusCode, Header: resp.Header, Body: bytes.Clone(buf.Bytes())}, err
}

// decode reads the answer into the caller's variable, which a failure leaves
// alone. The decoder's own words may quote the answer, so they are not used.
func (call *call) decode(answer Answer) error {
	if call.out == nil {
		return nil
	}
	if !answer.isJSON() {
		return errors.New("the answer is not JSON")
	}
	out := reflect.ValueOf(call.out).Elem()
	fresh := reflect.New(out.Type())
	if err := decode(answer.Body, fresh.Interface()); err != nil {
		return errors.New("the answer is not JSON of the expected form")
	}
	if checker, ok := fresh.Interface().(Checker); ok {
		if err := checker.CheckAnswer(); err != nil {
			return fmt.Errorf("the answer is not whole: %w", err)
		}
	}
	out.Set(fresh.Elem())
	return nil
}

// cause explains why there is no whole answer: err came while ctx was the
// caller's context and tctx the attempt's.
func (c *Client) cause(ctx, tctx context.Context, call *call, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case tctx.Err() != nil:
		return fmt.Errorf("no whole answer within %s", c.timeout)
	}
	var withURL *url.Error
	for errors.As(err, &withURL) {
		err = withURL.Err
	}
	return &transportError{err: err, text: call.sent().cleanCause(err.Error())}
}

// transportError is an error from below. Only its cleaned text gets out, and
// what [errors.Is] finds in it: whatever it wraps may print the URL. A
// transport's own context errors are not the caller's.
type transportError struct {
	err  error
	text string
}

func (e *transportError) Error() string { return e.text }

func (e *transportError) Is(target error) bool {
	return target != context.Canceled && target != context.DeadlineExceeded && errors.Is(e.err, target)
}

// tracer finds out whether a request may have left. A transport gives a request
// to a connection only after GotConn, so a request for which a connection was
// sought and none was got surely did not. A transport without hooks tells
// nothing.
type tracer struct{ sought, got atomic.Bool }

func (t *tracer) hooks() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn:      func(string) { t.sought.Store(true) },
		GotConn:      func(httptrace.GotConnInfo) { t.got.Store(true) },
		WroteHeaders: func() { t.got.Store(true) },
	}
}

func (t *tracer) unsent() bool { return t.sought.Load() && !t.got.Load() }
