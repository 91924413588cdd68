package note

import (
	"strings"
	"unicode"
)

// clean makes s fit for any CRM: valid UTF-8 without control characters other
// than tab and "\n". All kinds of line ends become "\n"; other controls are
// dropped; noncharacters and invalid bytes become U+FFFD.
func clean(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
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
	}, s)
}

// oneLine cleans what has to stand in one line.
func oneLine(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		return r
	}, clean(s)))
}

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
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
