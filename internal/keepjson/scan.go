package keepjson

import (
	"bytes"
	"encoding/json"
	"io"
)

// MaxDepth is how deep arrays and objects may nest.
const MaxDepth = 512

// Member is a key of a JSON object and its value. The slices alias the input,
// unless the key has escapes.
type Member struct {
	Key   []byte // the key itself
	Name  []byte // the key as it is written, with its quotes
	Value []byte
}

// SyntaxError says where the input stops being JSON. It holds nothing of it.
type SyntaxError struct {
	Offset    int  // of the first byte that does not fit
	Truncated bool // the input ends there
	TooDeep   bool // nested deeper than MaxDepth
}

func (e *SyntaxError) Error() string {
	switch {
	case e.TooDeep:
		return "JSON nested too deep"
	case e.Truncated:
		return "JSON ends too early"
	}
	return "not JSON"
}

// Next returns the JSON value at or behind data[at], and where it ends. It is
// io.EOF when there is only white space. Offsets in errors count from data[0].
func Next(data []byte, at int) (value []byte, end int, err error) {
	s := scanner{data: data, at: at}
	s.space()
	if s.at == len(data) {
		return nil, s.at, io.EOF
	}
	start := s.at
	if err := s.value(1); err != nil {
		return nil, s.at, err
	}
	return data[start:s.at], s.at, nil
}

// Members splits an object, given without anything around it, into its
// members, in order.
func Members(object []byte) ([]Member, error) {
	if len(object) == 0 || object[0] != '{' {
		return nil, want("an object", object)
	}
	members := make([]Member, 0, min(32, 2+len(object)/24))
	s := scanner{data: object}
	err := s.object(1, func(name, value []byte) {
		members = append(members, Member{Key: unquoteKey(name), Name: name, Value: value})
	})
	if err != nil {
		return nil, err
	}
	return members, s.finish()
}

// Elements calls each with the elements of an array, which is given without
// anything around it, until each fails.
func Elements(array []byte, each func(element []byte) error) error {
	if len(array) == 0 || array[0] != '[' {
		return want("an array", array)
	}
	s := scanner{data: array}
	if err := s.array(1, each); err != nil {
		return err
	}
	return s.finish()
}

// scanner walks over JSON text by the grammar of RFC 8259. It takes what
// encoding/json's Valid takes, except for depth.
type scanner struct {
	data []byte
	at   int
}

func (s *scanner) fail() error {
	return &SyntaxError{Offset: s.at, Truncated: s.at >= len(s.data)}
}

// peek is 0, which is no JSON, at the end.
func (s *scanner) peek() byte {
	if s.at < len(s.data) {
		return s.data[s.at]
	}
	return 0
}

func (s *scanner) space() {
	for s.at < len(s.data) {
		switch s.data[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

func (s *scanner) finish() error {
	if s.space(); s.at < len(s.data) {
		return s.fail()
	}
	return nil
}

func (s *scanner) value(depth int) error {
	switch s.peek() {
	case '{':
		return s.object(depth, nil)
	case '[':
		return s.array(depth, nil)
	case '"':
		return s.text()
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	}
	return s.number()
}

func (s *scanner) object(depth int, each func(name, value []byte)) error {
	if depth > MaxDepth {
		return &SyntaxError{Offset: s.at, TooDeep: true}
	}
	s.at++
	s.space()
	if s.peek() == '}' {
		s.at++
		return nil
	}
	for {
		start := s.at
		if s.peek() != '"' {
			return s.fail()
		}
		if err := s.text(); err != nil {
			return err
		}
		name := s.data[start:s.at]
		s.space()
		if s.peek() != ':' {
			return s.fail()
		}
		s.at++
		s.space()
		start = s.at
		if err := s.value(depth + 1); err != nil {
			return err
		}
		if each != nil {
			each(name, s.data[start:s.at])
		}
		more, err := s.more('}')
		if !more {
			return err
		}
	}
}

func (s *scanner) array(depth int, each func(element []byte) error) error {
	if depth > MaxDepth {
		return &SyntaxError{Offset: s.at, TooDeep: true}
	}
	s.at++
	s.space()
	if s.peek() == ']' {
		s.at++
		return nil
	}
	for {
		start := s.at
		if err := s.value(depth + 1); err != nil {
			return err
		}
		if each != nil {
			if err := each(s.data[start:s.at]); err != nil {
				return err
			}
		}
		more, err := s.more(']')
		if !more {
			return err
		}
	}
}

// more steps over a comma to what follows it, or over the closing bracket.
func (s *scanner) more(closing byte) (bool, error) {
	s.space()
	switch s.peek() {
	case ',':
		s.at++
		s.space()
		return true, nil
	case closing:
		s.at++
		return false, nil
	}
	return false, s.fail()
}

func (s *scanner) text() error {
	for s.at++; s.at < len(s.data); s.at++ {
		switch c := s.data[s.at]; {
		case c == '"':
			s.at++
			return nil
		case c < 0x20:
			return s.fail()
		case c == '\\':
			s.at++
			switch s.peek() {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				for range 4 {
					s.at++
					if c := s.peek(); !digit(c) && (c|0x20 < 'a' || c|0x20 > 'f') {
						return s.fail()
					}
				}
			default:
				return s.fail()
			}
		}
	}
	return s.fail()
}

func (s *scanner) literal(word string) error {
	for i := range len(word) {
		if s.peek() != word[i] {
			return s.fail()
		}
		s.at++
	}
	return nil
}

func (s *scanner) number() error {
	if s.peek() == '-' {
		s.at++
	}
	if s.peek() == '0' {
		s.at++
	} else if err := s.digits(); err != nil {
		return err
	}
	if s.peek() == '.' {
		s.at++
		if err := s.digits(); err != nil {
			return err
		}
	}
	if s.peek()|0x20 == 'e' {
		s.at++
		if c := s.peek(); c == '+' || c == '-' {
			s.at++
		}
		return s.digits()
	}
	return nil
}

func (s *scanner) digits() error {
	if !digit(s.peek()) {
		return s.fail()
	}
	for digit(s.peek()) {
		s.at++
	}
	return nil
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

func unquoteKey(name []byte) []byte {
	if bytes.IndexByte(name, '\\') < 0 {
		return name[1 : len(name)-1]
	}
	var key string
	_ = json.Unmarshal(name, &key) // name has been scanned as a string
	return []byte(key)
}
