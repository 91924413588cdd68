package crmhttp

import (
	"html"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	maxMessage = 300
	maxCode    = 64
	maxID      = 64
	// What is longer is cut before it is cleaned, which bounds the work.
	maxDirty = 1000
)

// sent holds what a call sent, to keep it out of what is said about the call:
// CRMs quote the fields they refuse, and so texts, names and numbers.
type sent struct {
	text   string // every string value, in lower case, one to a line
	auth   string // the credential without its scheme, in lower case
	digits string // the digits of every string value, one to a line
}

// sent collects what was sent: the string values of the body, the query's
// values, the path, the extra headers and the credential.
func (call *call) sent() *sent {
	if call.memo != nil {
		return call.memo
	}
	auth := string(call.req.Auth)
	if scheme, token, ok := strings.Cut(auth, " "); ok && isToken(scheme) {
		auth = token // "Bearer" is no secret, and explains many a refusal
	}
	values := append([]string{auth}, call.req.Path...)
	for _, vs := range call.req.Query {
		values = append(values, vs...)
	}
	for _, vs := range call.req.Header {
		values = append(values, vs...)
	}
	if body, err := decodeAny(call.body); err == nil {
		values = appendStrings(values, body)
	}

	var text, digits strings.Builder
	for _, v := range values {
		text.WriteString(v + "\n")
		if plain := html.UnescapeString(v); plain != v {
			text.WriteString(plain + "\n")
		}
		digits.WriteString(digitsOf(v) + "\n")
	}
	call.memo = &sent{
		text:   strings.ToLower(strings.ToValidUTF8(text.String(), "\uFFFD")),
		auth:   strings.ToLower(auth),
		digits: digits.String(),
	}
	return call.memo
}

func appendStrings(values []string, v any) []string {
	switch v := v.(type) {
	case string:
		return append(values, v)
	case []any:
		for _, e := range v {
			values = appendStrings(values, e)
		}
	case map[string]any:
		for _, e := range v {
			values = appendStrings(values, e)
		}
	}
	return values
}

func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return r
		}
		return -1
	}, s)
}

const hidden = "…"

var (
	jsonRuns    = regexp.MustCompile(`(?:\\u[0-9A-Fa-f]{4})+`)
	percentRuns = regexp.MustCompile(`(?:%[0-9A-Fa-f]{2})+`)
	longTokens  = regexp.MustCompile(`[A-Za-z0-9_.\-+/=~]{20,}`)
	phones      = regexp.MustCompile(`\p{Nd}(?:[^\pL\pN]{0,3}\p{Nd}){6,}`)
	userInfos   = regexp.MustCompile(`//[^/@\s]*@`)
	words       = regexp.MustCompile(`[\pL\pM\pN]{3,}`)
	hiddenRuns  = regexp.MustCompile(hidden + `(?:\s*` + hidden + `)+`)
)

// cleanMessage makes a CRM's message fit for an error: one line, without long
// tokens, phone numbers and words that were sent.
func (s *sent) cleanMessage(message string) string {
	if message == "" {
		return ""
	}
	m := oneLine(message)
	m = longTokens.ReplaceAllLiteralString(m, hidden)
	return s.clean(m)
}

// cleanCause does the same to an error from below; it spares long tokens, since
// host names are such and tokens that were not sent cannot be there.
func (s *sent) cleanCause(text string) string {
	return s.clean(userInfos.ReplaceAllLiteralString(oneLine(text), "//"+hidden+"@"))
}

func (s *sent) clean(m string) string {
	m = phones.ReplaceAllLiteralString(m, hidden)
	m = words.ReplaceAllStringFunc(m, func(word string) string {
		if occurs(s.text, strings.ToLower(word)) {
			return hidden
		}
		return word
	})
	m = hiddenRuns.ReplaceAllLiteralString(m, hidden)
	return cut(m, maxMessage)
}

// cleanCode returns a CRM's error code, "" if it cannot be one. A code is made
// of plain words, as the texts that were sent are, so that one word in common
// says nothing; the whole of it does, and so does a number or the credential.
func (s *sent) cleanCode(code string) string {
	if len(code) > maxCode || strings.Trim(code, codeCharacters) != "" || len(digitsOf(code)) >= 7 {
		return ""
	}
	low := strings.ToLower(code)
	if len(low) > 3 && strings.Contains(s.text, low) {
		return ""
	}
	for _, word := range words.FindAllString(low, -1) {
		if quotes(s.auth, word) || digitsOf(word) != "" && len(word) > 3 && quotes(s.text, word) {
			return ""
		}
	}
	return code
}

const codeCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"

// cleanID returns a CRM's correlation id, cut to 64 bytes, and "" if it cannot
// be one. It is random, mostly hexadecimal, so only what can hardly be chance is
// taken for an echo.
func (s *sent) cleanID(id string) string {
	id = id[:min(len(id), maxID)]
	odd := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("&%\\\"'<>", r) } // the latter escape and quote
	if strings.ContainsFunc(id, odd) {
		return ""
	}
	low := strings.ToLower(id)
	if len(low) > 3 && strings.Contains(s.text, low) {
		return ""
	}
	if d := digitsOf(id); len(d) >= 7 && strings.Contains(s.digits, d) {
		return ""
	}
	for _, word := range words.FindAllString(low, -1) {
		telling := 4
		if strings.Trim(word, "0123456789abcdef") == "" {
			telling = 6
		}
		if len(word) >= telling && occurs(s.text, word) {
			return ""
		}
	}
	return id
}

// quotes is occurs for what is not prose: a few letters in common with a token
// may be chance.
func quotes(text, word string) bool {
	if len(word) < 6 {
		return occursAsWord(text, word)
	}
	return occurs(text, word)
}

// occurs reports whether text quotes word, both in lower case: as it is, cut
// off, or run together with something else.
func occurs(text, word string) bool {
	runes := []rune(word)
	switch {
	case len(runes) < 3:
		return false
	case len(runes) == 3:
		return occursAsWord(text, word)
	case strings.Contains(text, word):
		return true
	}
	// Where words are not spaced apart, three letters are as telling as six are
	// elsewhere.
	window := 6
	if strings.ContainsFunc(word, unspaced) {
		window = 3
	}
	for i := 0; i+window <= len(runes); i++ {
		if strings.Contains(text, string(runes[i:i+window])) {
			return true
		}
	}
	return false
}

// unspaced reports whether r is a letter of a script without case, as those
// that put no spaces between words are.
func unspaced(r rune) bool { return unicode.Is(unicode.Lo, r) }

func occursAsWord(text, word string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], word)
		if i < 0 {
			return false
		}
		start, end := from+i, from+i+len(word)
		before, _ := utf8.DecodeLastRuneInString(text[:start])
		after, _ := utf8.DecodeRuneInString(text[end:])
		if !inWord(before) && !inWord(after) {
			return true
		}
		from = end
	}
}

func inWord(r rune) bool { return unicode.In(r, unicode.L, unicode.M, unicode.N) }

// oneLine undoes the escapes that an echo may have gone through, and makes
// everything that is not printable a space.
func oneLine(s string) string {
	s = cut(strings.ToValidUTF8(s, " "), maxDirty)
	s = jsonRuns.ReplaceAllStringFunc(s, func(run string) string {
		var units []uint16
		for digits := range strings.SplitSeq(run[2:], `\u`) {
			unit, _ := strconv.ParseUint(digits, 16, 16)
			units = append(units, uint16(unit))
		}
		return string(utf16.Decode(units))
	})
	s = percentRuns.ReplaceAllStringFunc(s, func(run string) string {
		plain, err := url.PathUnescape(run)
		if err != nil {
			return run
		}
		return plain
	})
	s = html.UnescapeString(s)
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == utf8.RuneError {
			return ' '
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// cut cuts s to at most n bytes: at a space if there is one in the latter half,
// else between characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	if i := strings.LastIndexByte(s[:n+1], ' '); i >= n/2 {
		return strings.TrimRight(s[:i], " ")
	}
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
