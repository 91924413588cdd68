package crmhttp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/crmlog/crmlog"
)

// Answer is what the CRM sent back. It prints and logs without its headers and
// body, which hold what people wrote.
type Answer struct {
	StatusCode int
	Header     http.Header
	// Body is decompressed, and at most Config.MaxBody long.
	Body []byte
}

// Format implements [fmt.Formatter], for every verb.
func (a Answer) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "HTTP %d, %d bytes", a.StatusCode, len(a.Body))
}

// LogValue implements [slog.LogValuer].
func (a Answer) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(a)) }

// isJSON reports whether the answer says that it is JSON.
func (a Answer) isJSON() bool {
	t := a.mediaType()
	return t == "application/json" || t == "text/json" || strings.HasSuffix(t, "+json")
}

// isHTML reports whether the answer is a page for people, which no API sends.
func (a Answer) isHTML() bool {
	t := a.mediaType()
	return t == "text/html" || t == "application/xhtml+xml" ||
		t == "" && bytes.HasPrefix(bytes.TrimSpace(a.Body), []byte("<"))
}

func (a Answer) mediaType() string {
	t, _, _ := strings.Cut(a.Header.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(t))
}

// fromFirewall reports whether a 403 comes from something before the CRM.
func (a Answer) fromFirewall() bool {
	return a.StatusCode == http.StatusForbidden && len(a.Body) > 0 && !a.isJSON() && !json.Valid(a.Body)
}

// Flag is a boolean in an answer. Older APIs show some as 0 and 1, or as "0" and
// "1". What is none of these, or absent, is false.
type Flag bool

// UnmarshalJSON implements [json.Unmarshaler].
func (f *Flag) UnmarshalJSON(data []byte) error {
	s := strings.Trim(string(data), `"`)
	*f = s == "true" || s == "1"
	return nil
}

// A Checker is an answer that knows whether it is whole. JSON decodes {} and
// null into any struct, so that an answer in which all is missing looks like a
// record without a body, or a search that found nothing: what is written after
// that wipes out the record, or makes a second one.
type Checker interface {
	// CheckAnswer says what is missing, in words of the adapter's own, without
	// anything of the answer.
	CheckAnswer() error
}

// ErrorDetail is what an answer says of its failure. Its texts may be as the
// CRM sent them: what reaches an error is cut and cleaned.
type ErrorDetail struct {
	// Kind is the crmlog sentinel that fits better than the status's own, which
	// nil stands for. On a 2xx it makes the answer a failure, and a write's
	// outcome unknown. ErrRateLimited closes the account's gate.
	Kind error
	// Code is the CRM's own code, at most 64 letters, digits, "_", "." and "-";
	// anything else is dropped, and so is what repeats something sent. It is for
	// people: decide by Kind.
	Code string
	// Message is the CRM's own message.
	Message string
	// CorrelationID is the CRM's id of the request. One with spaces, quotes,
	// escapes or characters beyond ASCII is dropped, a long one is cut to 64.
	CorrelationID string
	// BudgetSpent says of a limit that it is not a burst's, but the end of a
	// budget: the account is held back for a minute at least.
	BudgetSpent bool
	// RetryAfter is how long the CRM asks to wait. 0 leaves it to the headers
	// Retry-After and x-ratelimit-reset.
	RetryAfter time.Duration
}

// ParseJSONError reads what most CRMs send with an error: a JSON object, or an
// array of them, with a message under "message", "error", "error_description"
// or "detail", and a code under "code", "errorCode" or "error_code", either
// directly or in an object "error" or the first of "errors"; and the
// correlation id from the header X-Correlation-Id or X-Request-Id. It finds no
// fault with a 2xx. Adapters may build on it.
func ParseJSONError(a Answer) ErrorDetail {
	if a.StatusCode/100 == 2 {
		return ErrorDetail{}
	}
	d := ErrorDetail{CorrelationID: a.Header.Get("X-Correlation-Id")}
	if d.CorrelationID == "" {
		d.CorrelationID = a.Header.Get("X-Request-Id")
	}
	body, err := decodeAny(a.Body)
	if err != nil {
		return d
	}
	object := firstObject(body)
	for _, o := range []map[string]any{object, firstObject(object["error"]), firstObject(object["errors"])} {
		if d.Message == "" {
			d.Message = firstText(o, "message", "error", "error_description", "detail")
		}
		if d.Code == "" {
			d.Code = firstText(o, "code", "errorCode", "error_code")
		}
	}
	return d
}

// firstObject is v if it is an object, or the first of a list if that is one.
func firstObject(v any) map[string]any {
	if list, ok := v.([]any); ok && len(list) > 0 {
		v = list[0]
	}
	object, _ := v.(map[string]any)
	return object
}

func firstText(o map[string]any, names ...string) string {
	for _, name := range names {
		switch v := o[name].(type) {
		case string:
			if v != "" {
				return v
			}
		case json.Number:
			return v.String()
		}
	}
	return ""
}

func decodeAny(data []byte) (any, error) {
	var v any
	err := decode(data, &v)
	return v, err
}

// decode reads exactly one JSON value, and keeps the digits of numbers. Where
// out has no room for an untyped number it takes json.Unmarshal, which is much
// faster than a Decoder.
func decode(data []byte, out any) error {
	if !holdsAny(reflect.TypeOf(out)) {
		return json.Unmarshal(data, out)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(out); err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("more than one JSON value")
	}
	return nil
}

// anyHolders caches holdsAny by type; a program has few.
var anyHolders sync.Map

// holdsAny reports whether JSON can be decoded into an interface in a t.
func holdsAny(t reflect.Type) bool {
	if known, ok := anyHolders.Load(t); ok {
		return known.(bool)
	}
	holds := findAny(t, map[reflect.Type]bool{})
	anyHolders.Store(t, holds)
	return holds
}

func findAny(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return findAny(t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			if findAny(t.Field(i).Type, seen) {
				return true
			}
		}
	}
	return false
}

// kindOf is the kind of a status that is no success.
func kindOf(status int) error {
	switch status {
	case http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusRequestEntityTooLarge,
		http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		return crmlog.ErrInvalidInput
	case http.StatusUnauthorized:
		return crmlog.ErrUnauthorized
	case http.StatusPaymentRequired, http.StatusForbidden:
		return crmlog.ErrForbidden
	case http.StatusNotFound, http.StatusGone:
		return crmlog.ErrNotFound
	case http.StatusConflict, http.StatusPreconditionFailed:
		return crmlog.ErrConflict
	case http.StatusTooManyRequests:
		return crmlog.ErrRateLimited
	}
	return crmlog.ErrUnavailable
}

// refused reports whether a write that was answered so surely changed nothing:
// the list of [crmlog.APIError.NotDone].
func refused(status int) bool {
	return slices.Contains([]int{400, 401, 402, 403, 404, 405, 409, 410, 412, 413, 415, 422, 429}, status)
}
