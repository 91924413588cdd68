package crmhttp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/crmlog/crmlog"
)

// Request is one CRM call.
type Request struct {
	// Operation says what the call does, in the adapter's words: "create
	// activity". It is in errors and logs, so nothing of the input may be.
	Operation string
	// Method is GET (also when empty), HEAD, POST, PUT, PATCH or DELETE.
	Method string
	// BaseURL is the origin, with a base path if there is one:
	// https://acme.pipedrive.com. It must pass [CheckBaseURL]; whether the host
	// belongs to the CRM only the adapter can tell, and must check.
	BaseURL string
	// Path holds the segments that follow the base path, unescaped. A segment
	// that is empty, "." or "..", or has a slash, a backslash or a control
	// character in it is an error: it would name another resource.
	Path []string
	// Query is the query string's parameters.
	Query url.Values
	// Header holds extra headers such as If-Match. Those of the credential, the
	// connection and the encoding are not to be set here. Note that Go's
	// transport repeats any request with an Idempotency-Key after a cut.
	Header http.Header
	// Auth is sent to BaseURL's origin only, verbatim; empty sends none.
	Auth crmlog.AuthHeader
	// AuthHeaderName is the header that carries Auth, such as X-Api-Token.
	// Empty means Authorization.
	AuthHeaderName string
	// Body is sent as JSON, with <, > and & as they are; nil sends none. Use
	// [json.RawMessage] for what is JSON already. It is not allowed with GET
	// and HEAD.
	Body any
	// Idempotent says that the write may be repeated with the same effect, as
	// a PATCH that replaces fields in full, and so is tried again when it is
	// unknown whether it was applied.
	//
	// What is cut may be applied later than its repetition, and later than the
	// next write. So a replacement of something that others write too is only safe
	// to repeat when it is conditional (If-Match).
	Idempotent bool
	// ReadOnly says that a POST changes nothing, as a search; it is treated as
	// a GET, which always is.
	ReadOnly bool
	// OfLog says that the path names a digest's own record: when that is not there
	// (404, 410) the error is a [crmlog.ErrLogGone]. crmnote.Update sees to that by
	// itself; reads for a find, and adapters that do without Update, need it.
	OfLog bool
	// Tokens is what the call costs in the CRM's own unit, by its published
	// table; see [crmlog.Cost].
	Tokens int
	// Account names the account whose calls the CRM limits together. Empty
	// means the host and the credential.
	Account string
}

// call is a checked request, ready for its attempts.
type call struct {
	method     string
	url        string
	header     http.Header
	body       []byte
	credential credential
	gate       gateKey
	reads      bool
	repeatable bool
	out        any

	req  Request // for what was sent
	memo *sent   // made by sent
}

var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
}

// ownHeaders are set by this package, or by net/http.
var ownHeaders = []string{
	"Accept-Encoding", "Authorization", "Connection", "Content-Length", "Cookie", "Host", "Proxy-Authorization",
	"Transfer-Encoding",
}

// The values that all requests have; resty copies them before anybody else gets
// to see them.
var (
	jsonType  = []string{"application/json"}
	userAgent = []string{"crmlog (+https://github.com/crmlog/crmlog)"}
)

func (c *Client) newCall(req Request, out any) (*call, error) {
	call := &call{
		method: req.Method,
		out:    out,
		req:    req,
	}
	if call.method == "" {
		call.method = http.MethodGet
	}
	if !slices.Contains(methods, call.method) {
		return nil, &crmlog.InputError{Field: "method", Problem: "not one of " + strings.Join(methods, ", ")}
	}
	safe := call.method == http.MethodGet || call.method == http.MethodHead
	call.reads = safe || req.ReadOnly
	call.repeatable = call.reads || req.Idempotent
	if out != nil {
		if v := reflect.ValueOf(out); v.Kind() != reflect.Pointer || v.IsNil() {
			return nil, &crmlog.InputError{Field: "out", Problem: fmt.Sprintf("%T; give a non-nil pointer, or nil", out)}
		}
		if call.method == http.MethodHead {
			return nil, &crmlog.InputError{Field: "out", Problem: "an answer to HEAD has no body; give nil"}
		}
	}

	base, err := CheckBaseURL("baseURL", req.BaseURL)
	if err != nil {
		return nil, err
	}
	if call.url, err = requestURL(base, req); err != nil {
		return nil, err
	}
	if err := call.setHeaders(base, req); err != nil {
		return nil, err
	}
	if req.Body != nil {
		if safe {
			return nil, &crmlog.InputError{Field: "body", Problem: call.method + " has none; give nil"}
		}
		if call.body, err = encode(req.Body); err != nil {
			return nil, err
		}
	}
	call.gate = gateKey{account: req.Account}
	if req.Account == "" {
		call.gate = gateKey{account: base.Host, credential: maphash.String(c.seed, string(req.Auth))}
	}
	return call, nil
}

func requestURL(base *url.URL, req Request) (string, error) {
	var b strings.Builder
	b.Grow(128)
	for _, s := range []string{base.Scheme, "://", base.Host, base.EscapedPath()} {
		b.WriteString(s)
	}
	for i, segment := range req.Path {
		if problem := segmentProblem(segment); problem != "" {
			return "", &crmlog.InputError{Field: fmt.Sprintf("path[%d]", i), Problem: problem}
		}
		b.WriteByte('/')
		b.WriteString(url.PathEscape(segment))
	}
	if len(req.Query) > 0 {
		b.WriteByte('?')
		b.WriteString(req.Query.Encode())
	}
	return b.String(), nil
}

// segmentProblem says why a path segment could lead to another resource than
// the one it names; "" when it cannot.
func segmentProblem(s string) string {
	switch {
	case s == "":
		return "empty; give the id or name"
	case s == "." || s == "..":
		return `"." or ".." names another resource; give the id or name`
	case strings.ContainsAny(s, `/\`):
		return "has a slash or backslash; give one segment at a time"
	case !utf8.ValidString(s):
		return "is not valid UTF-8"
	case strings.ContainsFunc(s, unicode.IsControl):
		return "has a control character; remove it"
	}
	return ""
}

func (call *call) setHeaders(base *url.URL, req Request) error {
	authHeader := "Authorization"
	if req.AuthHeaderName != "" {
		authHeader = http.CanonicalHeaderKey(req.AuthHeaderName)
	}
	if !isToken(authHeader) {
		return &crmlog.InputError{Field: "authHeaderName", Problem: "not a header name; give one such as X-Api-Token"}
	}
	if !isFieldValue(string(req.Auth)) {
		return &crmlog.InputError{Field: "authHeader", Problem: "has a line break or another control character; remove it"}
	}
	call.credential = credential{scheme: base.Scheme, host: base.Host, header: authHeader, value: string(req.Auth)}

	call.header = make(http.Header, len(req.Header)+3)
	call.header["Accept"] = jsonType
	call.header["User-Agent"] = userAgent
	if req.Body != nil {
		call.header["Content-Type"] = jsonType
	}
	for name, values := range req.Header {
		name = http.CanonicalHeaderKey(name)
		if !isToken(name) {
			return &crmlog.InputError{Field: "header", Problem: "one is not a header name; give one such as If-Match"}
		}
		if name == authHeader || slices.Contains(ownHeaders, name) {
			return &crmlog.InputError{Field: "header." + name, Problem: "is not to be set here; use Auth for the credential, and leave the rest to the client"}
		}
		for _, value := range values {
			if !isFieldValue(value) {
				return &crmlog.InputError{Field: "header." + name, Problem: "has a line break or another control character; remove it"}
			}
		}
		call.header[name] = slices.Clone(values)
	}
	return nil
}

// isToken reports whether s can be a header's name (RFC 9110, section 5.6.2).
func isToken(s string) bool {
	for _, r := range s {
		if r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("!#$%&'*+-.^_`|~", r) {
			return false
		}
	}
	return s != ""
}

// isFieldValue reports whether s can be a header's value.
func isFieldValue(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}

// encode does not escape HTML as json.Marshal does: notes are full of tags, and
// six bytes for each angle bracket tell on long ones.
func encode(body any) ([]byte, error) {
	buf := getBuffer()
	defer putBuffer(buf)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(body); err != nil {
		// The encoder's own words may quote a value.
		return nil, &crmlog.InputError{Field: "body", Problem: fmt.Sprintf("%T cannot be encoded as JSON", body)}
	}
	return bytes.Clone(bytes.TrimSuffix(buf.Bytes(), []byte("\n"))), nil
}

// CheckBaseURL reads the address of a CRM, an origin and perhaps a base path,
// and returns it without a trailing slash and with its host in lower case. It
// takes https to any host, and http to a loopback host (localhost, 127.0.0.1,
// [::1]) for tests. User names, queries and fragments are refused, and hosts
// beyond ASCII, which are easily mistaken for others.
//
// The error is a [*crmlog.InputError] for field, and repeats nothing of raw.
func CheckBaseURL(field, raw string) (*url.URL, error) {
	u, problem := parseBaseURL(raw)
	if problem != "" {
		return nil, &crmlog.InputError{Field: field, Problem: problem}
	}
	return u, nil
}

func parseBaseURL(raw string) (u *url.URL, problem string) {
	const example = "; give one such as https://acme.example.com"
	if raw == "" {
		return nil, "empty" + example
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Opaque != "":
		return nil, "not a URL" + example
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, "does not begin with https://" + example
	case u.User != nil:
		return nil, "has a user name or password in it; remove them"
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(raw, "#"):
		return nil, "has a query or fragment; remove them"
	case u.Hostname() == "" || strings.HasSuffix(u.Host, ":") || strings.ContainsFunc(u.Host, notInHost):
		return nil, "has no usable host; give its ASCII name, and a port only if it has a number"
	}
	u.Host = strings.ToLower(u.Host)
	if u.Scheme == "http" && !isLoopback(u.Hostname()) {
		return nil, "is http to another machine; use https"
	}
	u.Path, u.RawPath = strings.TrimSuffix(u.Path, "/"), strings.TrimSuffix(u.RawPath, "/")
	if path := u.EscapedPath(); path != "" {
		for segment := range strings.SplitSeq(path[1:], "/") {
			plain, err := url.PathUnescape(segment)
			if err != nil || segmentProblem(plain) != "" {
				return nil, "has a path with an empty, dotted or otherwise odd segment; give a plain one"
			}
		}
	}
	return u, ""
}

func notInHost(r rune) bool {
	return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(".-_:[]", r)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
