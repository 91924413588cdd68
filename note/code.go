package note

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A code is a middle dot and base62 digits. The first digit tells the form and
// with it where the code ends, so text typed right behind a code does no harm:
//
//	K key                     heading: 11 digits, 64 bits of a hash of the key
//	L part key                heading of a later part: of a hash of part and key
//	n check time id           entry with a numeric id, of n digits
//	X length check time id    entry with any id, as the bytes of a number
//	E flags [piece] entry     one of the last two, of which more is to be told
//
// check has 3 digits (17.8 bits) and covers all of the code, time is milliseconds
// since 1970 in 7 digits (8 in form X, which therefore also takes what is later
// than the year 2081), part has 2 digits and piece 3. Each (id, time, state) has
// exactly one code.
const (
	mark   = "·" // in Latin-1 too, and no CRM's markup
	digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

	formKey, formPart, formAny, formState = 'K', 'L', 'X', 'E'

	keyLen, checkLen, timeLen, longTimeLen, sizeLen, partLen, pieceLen = 11, 3, 7, 8, 2, 2, 3

	maxIDLen  = 255
	maxNumber = 11 // digits of a numeric id

	hashRoom = 400 // more bytes than what is hashed takes, if the key is not long
)

const (
	checkEnd     = 62 * 62 * 62
	shortTimeEnd = checkEnd * checkEnd * 62
	timeEnd      = shortTimeEnd * 62
	partEnd      = 62 * 62
	pieceEnd     = 62 * 62 * 62
)

// base62 appends n in width digits, or in more if it takes more.
func base62(b []byte, n uint64, width int) []byte {
	from := len(b)
	for n > 0 || len(b)-from < max(width, 1) {
		b = append(b, digits[n%62])
		n /= 62
	}
	slices.Reverse(b[from:])
	return b
}

// unbase62 is for base62 digits; beyond 64 bits it wraps around.
func unbase62(s []byte) uint64 {
	var n uint64
	for i := range s {
		n = n*62 + uint64(strings.IndexByte(digits, s[i]))
	}
	return n
}

// codec makes and checks the codes of one digest.
type codec struct {
	seed [sha256.Size]byte
	key  string
	part int // whose heading is ours
}

func newCodec(key string, part int) codec {
	in := append(make([]byte, 0, hashRoom), "crmlog/note/entry\x00"...)
	return codec{seed: sha256.Sum256(append(in, key...)), key: key, part: max(part, 1)}
}

// heading appends the code of a part's heading without its mark.
func (c *codec) heading(b []byte, part int) []byte {
	in := append(make([]byte, 0, hashRoom), "crmlog/note/"...)
	if part > 1 {
		b = base62(append(b, formPart), uint64(part), partLen)
		in = append(strconv.AppendInt(append(in, "part "...), int64(part), 10), 0)
	} else {
		b = append(b, formKey)
		in = append(in, "heading\x00"...)
	}
	h := sha256.Sum256(append(in, c.key...))
	return base62(b, binary.BigEndian.Uint64(h[:]), keyLen)
}

// state is what a code tells of its entry besides the identity.
type state struct {
	failed     bool // the entry says that the message was not delivered
	transcript bool // a voicemail's is in the entry
	cut        bool // the entry is one piece of the message
	last       bool // the last of them
}

// complete tells whether the message ends here.
func (st state) complete() bool { return !st.cut || st.last }

// lead appends the digits in front of an entry's code: none if there is nothing
// to tell.
func (st state) lead(b []byte, piece int) []byte {
	flags := 0
	for i, on := range []bool{st.failed, st.transcript, st.cut, st.last} {
		if on {
			flags |= 1 << i
		}
	}
	if flags == 0 {
		return b
	}
	b = append(b, formState, digits[flags])
	if st.cut {
		b = base62(b, uint64(piece), pieceLen)
	}
	return b
}

// parseLead is the reverse of lead; rest is what is behind.
func parseLead(s []byte) (st state, piece int, rest []byte) {
	if len(s) < 2 || s[0] != formState {
		return state{}, 0, s
	}
	flags := strings.IndexByte(digits, s[1])
	st = state{failed: flags&1 > 0, transcript: flags&2 > 0, cut: flags&4 > 0, last: flags&8 > 0}
	if s = s[2:]; st.cut && len(s) >= pieceLen {
		piece, s = int(unbase62(s[:pieceLen])), s[pieceLen:]
	}
	return st, piece, s
}

// entry appends an entry's code without its mark.
func (c *codec) entry(b []byte, p position, st state) []byte {
	in := append(make([]byte, 0, hashRoom), c.seed[:]...)
	in = st.lead(in, p.piece)
	check := 0 // what it goes in front of
	ms := uint64(p.Time.UnixMilli())
	if n, err := strconv.ParseUint(p.ID, 10, 64); err == nil && isNumber(p.ID) && ms < shortTimeEnd {
		num := base62(make([]byte, 0, maxNumber), n, 0)
		in = append(in, digits[len(num)])
		check = len(in)
		in = append(base62(in, ms, timeLen), num...)
	} else {
		num := new(big.Int).SetBytes(append([]byte{1}, p.ID...)).Text(62) // the 1 keeps leading zero bytes
		in = base62(append(in, formAny), uint64(len(num)), sizeLen)
		check = len(in)
		in = append(base62(in, ms, longTimeLen), num...)
	}
	sum := sha256.Sum256(in)
	b = append(b, in[len(c.seed):check]...)
	b = base62(b, binary.BigEndian.Uint64(sum[:])%checkEnd, checkLen)
	return append(b, in[check:]...)
}

// parse reads the code at the beginning of s (behind a mark) and returns its
// length: 0 if there is none of this digest's.
func (c *codec) parse(s []byte) (code, int) {
	room := make([]byte, 0, hashRoom)
	n := 0
	for n < len(s) && isAlnum(s[n]) {
		n++
	}
	s = s[:n]
	if part, ok := partOf(s); ok {
		if heading := c.heading(room, part); bytes.HasPrefix(s, heading) {
			return code{part: part}, len(heading)
		}
		return code{}, 0
	}
	st, piece, rest := parseLead(s)
	lead := n - len(rest)
	if len(rest) == 0 {
		return code{}, 0
	}
	check, width, size := 1, timeLen, strings.IndexByte(digits, rest[0])
	if rest[0] == formAny && len(rest) > 1+sizeLen {
		check, width, size = 1+sizeLen, longTimeLen, int(unbase62(rest[1:1+sizeLen]))
	} else if size > maxNumber {
		return code{}, 0
	}
	end := check + checkLen + width + size
	if size == 0 || len(rest) < end {
		return code{}, 0
	}
	at := time.UnixMilli(int64(unbase62(rest[end-size-width : end-size]))).UTC()
	id, num := "", rest[end-size:end]
	if rest[0] == formAny {
		n, _ := new(big.Int).SetString(string(num), 62)
		id = strings.TrimPrefix(string(n.Bytes()), "\x01")
	} else {
		id = strconv.FormatUint(unbase62(num), 10)
	}
	k := code{position: position{Identity{ID: id, Time: at}, piece}, state: st}
	if id == "" || !bytes.Equal(c.entry(room, k.position, st), s[:lead+end]) { // wrong check, or not the one code of its message
		return code{}, 0
	}
	return k, lead + end
}

// partOf returns the part whose heading a code is, if it has the form of one.
func partOf(s []byte) (part int, ok bool) {
	switch {
	case len(s) > keyLen && s[0] == formKey:
		return 1, true
	case len(s) > partLen+keyLen && s[0] == formPart:
		part = int(unbase62(s[1 : 1+partLen]))
		return part, part > 1
	}
	return 0, false
}

func isAlnum(b byte) bool {
	return '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
}

// code is a valid code that stands in a text.
type code struct {
	part     int // of a heading; 0 is an entry's
	position     // of an entry
	state
	from, to int  // in the text, with its mark
	mark     int  // where the mark ends
	again    bool // the same stands further up too
	line     int  // of the page
	end      int  // in the body

	foreign bool // stands for an entry that has no code: see foreign.go
	first   int  // the line in which such an entry begins
}

// what is what a code stands for.
type what struct {
	id          string
	piece, part int
}

func (k code) what() what { return what{k.ID, k.piece, k.part} }

// find returns the codes in a text in the order in which they stand. A mark may
// be a character reference in text that went through HTML.
func (c *codec) find(s []byte) []code {
	var found []code
	seen := map[what]bool{}
	for from := 0; from < len(s); from++ {
		if s[from] != mark[0] && s[from] != '&' {
			continue
		}
		size := 0
		if bytes.HasPrefix(s[from:], []byte(mark)) {
			size = len(mark)
		} else if n, char := entity(s[from:]); char == mark {
			size = n
		} else {
			continue
		}
		if k, n := c.parse(s[from+size:]); n > 0 {
			k.from, k.mark, k.to = from, from+size, from+size+n
			k.again = seen[k.what()]
			seen[k.what()] = true
			found = append(found, k)
			from = k.to - 1
		}
	}
	return found
}

// defuse puts a word joiner behind the mark of each valid code that is quoted
// in a message, so that nothing but what we write counts as one.
func (c *codec) defuse(s string) string {
	if !strings.Contains(s, mark) && !strings.Contains(s, "&") { // or a reference to it
		return s
	}
	var b strings.Builder
	done := 0
	for _, k := range c.find([]byte(s)) {
		b.WriteString(s[done:k.mark] + "\u2060")
		done = k.mark
	}
	return b.String() + s[done:]
}

// position is the place of an entry among others.
type position struct {
	Identity
	piece int
}

func (a position) compare(b position) int {
	return cmp.Or(a.Identity.compare(b.Identity), a.piece-b.piece)
}

func (e *Entry) identity() Identity {
	return Identity{ID: e.ID, Time: time.UnixMilli(e.Time.UnixMilli()).UTC()}
}

// compare orders entries by time, then id, where numbers compare as numbers and
// come before what is none.
func (a Identity) compare(b Identity) int {
	if c := a.Time.Compare(b.Time); c != 0 {
		return c
	}
	switch an, bn := isNumber(a.ID), isNumber(b.ID); {
	case an && bn:
		return cmp.Or(len(a.ID)-len(b.ID), strings.Compare(a.ID, b.ID))
	case an:
		return -1
	case bn:
		return 1
	}
	return strings.Compare(a.ID, b.ID)
}

// isNumber tells whether s is a decimal number without needless zeros.
func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == "" && (s[0] != '0' || s == "0")
}
