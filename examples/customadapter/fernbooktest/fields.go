package fernbooktest

import (
	"bytes"
	"encoding/json"
	"mime"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// fields are what a write says.
type fields struct {
	key, channel, title, text string
	happenedAt, version       int64
}

var channels = []string{"call", "email", "letter", "meeting", "text", "other"}

// decode reads a write's body and checks every field of it. A write that is not
// taken gives a status and a problem.
func decode(c *call, required []string, optional ...string) (fields, int, any) {
	var f fields
	no := func(status int, name, format string, args ...any) (fields, int, any) {
		s, p := failure(status, name, format, args...)
		return fields{}, s, p
	}
	if media, _, err := mime.ParseMediaType(c.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return no(415, "bad_content_type", "send application/json")
	}
	given, ok := members(c.body)
	if !ok {
		return no(400, "bad_json", "not a JSON object in UTF-8 with each field once")
	}
	for name := range given {
		if !slices.Contains(required, name) && !slices.Contains(optional, name) {
			return no(400, "bad_json", "unknown field %q", name)
		}
	}
	for _, name := range required {
		if given[name] == nil {
			return no(422, "bad_field", "%s: is required", name)
		}
	}
	texts := map[string]*string{"key": &f.key, "channel": &f.channel, "title": &f.title, "text": &f.text}
	numbers := map[string]*int64{"happened_at": &f.happenedAt, "version": &f.version}
	for name, value := range given {
		if bytes.Equal(value, []byte("null")) {
			return no(422, "bad_field", "%s: must not be null", name)
		}
		var err error
		if p := texts[name]; p != nil {
			err = json.Unmarshal(value, p)
		} else {
			err = json.Unmarshal(value, numbers[name])
		}
		if err != nil {
			return no(422, "bad_field", "%s: has the wrong type", name)
		}
	}
	title, text := utf8.RuneCountInString(f.title), utf8.RuneCountInString(stored(f.text))
	switch {
	case given["key"] != nil && !isKey(f.key):
		return no(422, "bad_field", "key: must have 1 to 48 of A-Z a-z 0-9 . _ -")
	case !slices.Contains(channels, f.channel):
		return no(422, "bad_field", "channel: %q is none of %s", f.channel, strings.Join(channels, ", "))
	case title < 1 || title > maxTitle || strings.ContainsFunc(f.title, unicode.IsControl):
		return no(422, "bad_field", "title: %q must have 1 to %d characters, on one line", f.title, maxTitle)
	case text > MaxText:
		return no(422, "bad_field", "text: has %d characters, %d are allowed: %.60s…", text, MaxText, f.text)
	case strings.ContainsFunc(f.text, isControl):
		return no(422, "bad_field", "text: has a control character")
	case f.happenedAt <= 0:
		return no(422, "bad_field", "happened_at: must be seconds since 1970")
	}
	return f, 0, nil
}

// members are the object's, unless one is there twice.
func members(body []byte) (map[string]json.RawMessage, bool) {
	if !utf8.Valid(body) || !json.Valid(body) {
		return nil, false
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, false
	}
	all := make(map[string]json.RawMessage)
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, false
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil || all[name.(string)] != nil {
			return nil, false
		}
		all[name.(string)] = value
	}
	return all, true
}

func isKey(s string) bool {
	return len(s) >= 1 && len(s) <= 48 && !strings.ContainsFunc(s, func(r rune) bool {
		return r != '.' && r != '_' && r != '-' && (r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r))
	})
}

func isControl(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' }
