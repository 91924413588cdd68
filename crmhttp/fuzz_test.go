package crmhttp_test

import (
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/crmlog/crmlog/crmhttp"
)

func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{
		"", "0", "3", " 3 ", "-1", "1.5", "1.2.3", ".", "1e9", "0x10", "NaN", "Inf", "99999999999999999999", "soon",
		"Fri, 01 Feb 2030 10:00:04 GMT", "Friday, 01-Feb-30 10:00:04 GMT", "Fri Feb  1 10:00:04 2030", "Fri, 31 Dec 9999 23:59:59 GMT",
	} {
		f.Add(seed)
	}
	now := time.Date(2030, 2, 1, 10, 0, 0, 0, time.UTC)
	digits := regexp.MustCompile(`^[1-9][0-9]?$`)
	f.Fuzz(func(t *testing.T, value string) {
		got := crmhttp.ParseRetryAfter(value, now)
		if got < 0 {
			t.Fatalf("%q: negative", value)
		}
		if digits.MatchString(value) {
			if want, _ := time.ParseDuration(value + "s"); got != want {
				t.Fatalf("%q: %s, want %s", value, got, want)
			}
		}
		if strings.HasPrefix(value, "-") && got != 0 {
			t.Fatalf("%q: %s, want 0", value, got)
		}
	})
}

var wordsOf = regexp.MustCompile(`[\pL\pM\pN]{3,}`)

func FuzzClean(f *testing.F) {
	for _, seed := range [][3]string{
		{"Bearer t0ken", "Sunflower delivery", "value 'Sunflower' is %53unflower &amp; Bearer t0ken \\u0053unflower"},
		{"k3y", "+16505553204", "call (650) 555-3204"},
		{"Basic YWJjOmRlZg==", "你好世界", "值你好世界无效"},
		{"", "a", strings.Repeat("a b ", 400)},
		{"x", "\xff\xfe", "\xff\u202e\x00"},
		{"", "İstanbul ǅ ß K", "i̇stanbul ǆ SS k"},
		{"", "&lt;b&gt;", "&amp;lt;b"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, auth, text, said string) {
		message, code, id := crmhttp.Clean(auth, text, said, said, said)
		if len(message) > 300 || len(code) > 64 || len(id) > 64 {
			t.Fatalf("too long: %d %d %d", len(message), len(code), len(id))
		}
		for _, s := range []string{message, code, id} {
			if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Fatalf("not one printable line: %q", s)
			}
		}
		if regexp.MustCompile(`\d{7}|[A-Za-z0-9_.-]{20}`).MatchString(message) {
			t.Fatalf("a number or token is left: %q", message)
		}
		// No word of the text and the token stands in the message: both are taken
		// for words apart here, as the CRM might have quoted them.
		said = strings.ToLower(message)
		for _, sent := range []string{text, auth} {
			if scheme, token, ok := strings.Cut(sent, " "); ok && sent == auth && scheme != "" {
				sent = token
			}
			if !utf8.ValidString(sent) || len(message) > 290 { // a cut may leave what was no word before
				continue
			}
			have := map[string]bool{}
			for _, w := range wordsOf.FindAllString(said, -1) {
				have[w] = true
			}
			for _, w := range wordsOf.FindAllString(strings.ToLower(sent), -1) {
				if have[w] {
					t.Fatalf("%q was sent and is left in %q", w, message)
				}
			}
		}
	})
}

func FuzzCheckBaseURL(f *testing.F) {
	for _, seed := range []string{
		"https://acme.pipedrive.com/api/", "http://localhost:8080", "http://127.0.0.1@evil.example", "https://h/%2e%2e", "https://[::1]:1/x",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := crmhttp.CheckBaseURL("f", raw)
		if err != nil {
			return
		}
		if u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			t.Fatalf("%q gave %q", raw, u)
		}
		again, err := crmhttp.CheckBaseURL("f", u.String())
		if err != nil || again.String() != u.String() {
			t.Fatalf("%q gave %q, which gives %v, %v", raw, u, again, err)
		}
	})
}

func FuzzParseJSONError(f *testing.F) {
	for _, seed := range []string{`{"error":"m","errorCode":429}`, `[{"code":"E"}]`, `{"errors":[[]]}`, `null`, `{"error":{"message":1}}`, ``} {
		f.Add(400, []byte(seed))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		d := crmhttp.ParseJSONError(crmhttp.Answer{StatusCode: status, Body: body})
		if d.Kind != nil || d.RetryAfter != 0 {
			t.Fatalf("%+v", d)
		}
	})
}
