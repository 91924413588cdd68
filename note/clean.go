package note

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean makes s fit for any CRM: valid UTF-8 without control characters other
// than tab and "\n". All kinds of line ends become "\n"; other controls are
// dropped; noncharacters and invalid bytes become U+FFFD.
func clean(s string) string {
	if isClean(s) {
		return s
	}
	return strings.Map(cleanRune, strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\r\n", "\n"))
}

// isClean tells whether there is surely nothing to clean.
func isClean(s string) bool {
	for _, r := range s {
		if (r < ' ' || r > '~') && (cleanRune(r) != r || r == utf8.RuneError) {
			return false
		}
	}
	return true
}

func cleanRune(r rune) rune {
	switch {
	case r == '\t':
		return r
	case r == '\n', r == '\v', r == '\f', r == '\r', r == '\u0085', r == '\u2028', r == '\u2029':
		return '\n'
	case unicode.IsControl(r):
		return -1
	case r&0xFFFE == 0xFFFE, r >= 0xFDD0 && r <= 0xFDEF:
		return '\uFFFD'
	}
	return r
}

// oneLine cleans what has to stand in one line.
func oneLine(s string) string {
	return strings.TrimSpace(spaces.Replace(clean(s)))
}

var spaces = strings.NewReplacer("\n", " ", "\t", " ")

// cleanText cleans a text and leaves out blank lines at either end: all of it
// if nothing is in it.
func cleanText(s string) string {
	s = strings.Trim(clean(s), "\n")
	if strings.TrimSpace(s) == "" {
		return ""
	}
	return s
}

// cut shortens s to at most n characters.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}
