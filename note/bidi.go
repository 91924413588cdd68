package note

import (
	"strings"
	"unicode/utf8"
)

// Explicit directional formatting characters (UAX #9).
const (
	lre, rle, pdf, lro, rlo = '\u202A', '\u202B', '\u202C', '\u202D', '\u202E'
	lri, rli, fsi, pdi      = '\u2066', '\u2067', '\u2068', '\u2069'
)

// isolate wraps a line that has right-to-left characters or directional
// controls in FSI … PDI, so that it does not disturb what stands around it. The
// controls in it stay, balanced: what it opens is closed at its end, and a PDI
// that closes nothing gets an FSI of its own, or it would end our isolate. (A
// stray PDF is without effect inside an isolate, and a PDI closes embeddings.)
func isolate(line string) string {
	if isASCII(line) || !strings.ContainsFunc(line, isDirectional) {
		return line
	}
	var b strings.Builder
	b.WriteRune(fsi)
	open := 0
	for _, r := range line {
		switch r {
		case lri, rli, fsi:
			open++
		case pdi:
			if open == 0 {
				b.WriteRune(fsi)
			} else {
				open--
			}
		}
		b.WriteRune(r)
	}
	b.WriteString(strings.Repeat(string(pdi), open+1))
	return b.String()
}

// isDirectional tells whether r is a directional control or in a block of
// right-to-left scripts.
func isDirectional(r rune) bool {
	return r >= 0x0590 && r <= 0x08FF ||
		r == '\u200E' || r == '\u200F' || r >= lre && r <= rlo || r >= lri && r <= pdi ||
		r >= 0xFB1D && r <= 0xFDFF || r >= 0xFE70 && r <= 0xFEFC ||
		r >= 0x10800 && r <= 0x10FFF || r >= 0x1E800 && r <= 0x1EFFF
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
