package testcrm

import (
	"encoding/json"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// An object is a JSON object being read field by field. The first thing wrong
// with it stays in refusal, and later reads return zero values.
type object struct {
	fields  map[string]json.RawMessage // what has not been read yet
	refusal *answer
}

func readObject(c *call) *object {
	o := &object{}
	if kind, _, err := mime.ParseMediaType(c.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		o.refuse(http.StatusUnsupportedMediaType, "unsupported_media_type", "Content-Type must be application/json")
		return o
	}
	if !utf8.Valid(c.body) {
		o.refuse(http.StatusBadRequest, "invalid_json", "the request is not UTF-8")
		return o
	}
	if err := json.Unmarshal(c.body, &o.fields); err != nil || o.fields == nil {
		o.refuse(http.StatusBadRequest, "invalid_json", "the request must be one JSON object")
	}
	return o
}

func (o *object) refuse(status int, code, format string, args ...any) {
	if o.refusal == nil {
		o.refusal = fail(status, code, format, args...)
		o.fields = nil
	}
}

func (o *object) require(names ...string) {
	for _, name := range names {
		if _, ok := o.fields[name]; !ok {
			o.refuse(http.StatusBadRequest, "missing_field", "%s is required", name)
		}
	}
}

// into reads a field whose JSON begins with one of the given characters: they
// tell a string from null, which json.Unmarshal would let pass.
func (o *object) into(v any, name, begins, must string) bool {
	raw, ok := o.fields[name]
	if !ok {
		return false
	}
	delete(o.fields, name)
	if !strings.ContainsRune(begins, rune(raw[0])) || json.Unmarshal(raw, v) != nil {
		o.refuse(http.StatusBadRequest, "invalid_field", "%s must be %s", name, must)
		return false
	}
	return true
}

func (o *object) text(name string, least, most int) (string, bool) {
	var v string
	ok := o.into(&v, name, `"`, "a string")
	if n := utf8.RuneCountInString(v); ok && (n < least || n > most) {
		o.refuse(http.StatusBadRequest, "invalid_field", "%s must have %d to %d characters, not %d", name, least, most, n)
		return "", false
	}
	return v, ok
}

func (o *object) time(name string) (time.Time, bool) {
	var v string
	if !o.into(&v, name, `"`, "a string") {
		return time.Time{}, false
	}
	t, ok := parseTime(v)
	if !ok {
		o.refuse(http.StatusBadRequest, "invalid_field", "%s must be a time in UTC, such as 2026-03-04T05:06:07Z", name)
	}
	return t, ok
}

func (o *object) list(name string, most int) ([]json.RawMessage, bool) {
	var v []json.RawMessage
	ok := o.into(&v, name, `[`, "an array")
	if ok && len(v) > most {
		o.refuse(http.StatusBadRequest, "invalid_field", "%s must have at most %d entries, not %d", name, most, len(v))
		return nil, false
	}
	return v, ok
}

// done refuses fields that nobody read, and returns the refusal if there is one.
func (o *object) done() *answer {
	if len(o.fields) > 0 {
		name := slices.Min(slices.Collect(maps.Keys(o.fields)))
		o.refuse(http.StatusBadRequest, "unknown_field", "%.40q is not a field that can be set here", name)
	}
	return o.refusal
}

func parseTime(v string) (time.Time, bool) {
	var t time.Time
	// UnmarshalText is RFC 3339 to the letter, time.Parse is more lenient.
	err := t.UnmarshalText([]byte(v))
	return t, err == nil && strings.HasSuffix(v, "Z")
}

// readQuery returns the query's parameters, each given once and with a value.
func readQuery(c *call, allowed ...string) (map[string]string, *answer) {
	values, err := url.ParseQuery(c.URL.RawQuery)
	if err != nil {
		return nil, fail(http.StatusBadRequest, "invalid_query", "the query is malformed")
	}
	q := make(map[string]string, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !slices.Contains(allowed, name) {
			return nil, fail(http.StatusBadRequest, "invalid_query", "%.40q is not a parameter of this resource; it takes %s", name, strings.Join(allowed, ", "))
		}
		if v := values[name]; len(v) != 1 || v[0] == "" {
			return nil, fail(http.StatusBadRequest, "invalid_query", "%s must be given once and with a value", name)
		}
		q[name] = values[name][0]
	}
	return q, nil
}

func isE164(phone string) bool {
	digits, plus := strings.CutPrefix(phone, "+")
	if !plus || len(digits) < 2 || len(digits) > 15 || digits[0] == '0' {
		return false
	}
	return strings.Trim(digits, "0123456789") == ""
}
