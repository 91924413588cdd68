// Package keepjson decodes JSON objects into structs and encodes them again
// without changing what the program did not change: unknown keys, nulls, zeros
// and empty lists that were there, numbers and times in their own spelling, and
// the order of keys all come out as they went in.
//
// A struct type takes part by keeping the text that it was decoded from:
//
//	type Point struct {
//		X   int `json:"x"`
//		raw string
//	}
//
//	func (p *Point) UnmarshalJSON(data []byte) error { return keepjson.Unmarshal(data, p, &p.raw) }
//	func (p Point) MarshalJSON() ([]byte, error)     { return keepjson.Marshal(&p, p.raw) }
//
// A field takes part when it is exported and has a json tag; of the tag only
// the name counts. Fields are strings, booleans, signed integers, time.Time,
// types with an UnmarshalJSON of their own, and slices of these. A field that
// is zero or an empty slice is absent, unless its text had it so. Keys are
// matched as encoding/json does it: exactly, else without regard to case; of
// keys that come twice the last one counts. Nothing passes through float64.
package keepjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// Error says which field has a value of the wrong shape. It never holds the
// value.
type Error struct {
	Path    string // such as to[0].phoneNumber; empty for the value as a whole
	Problem string
}

func (e *Error) Error() string {
	if e.Path == "" {
		return e.Problem
	}
	return e.Path + ": " + e.Problem
}

// Unmarshal decodes the object in data into *dst, in place of what was there,
// and keeps a copy of its text in *raw, which is a field of *dst. A null leaves
// *dst as it is, and so does an error, which is an [*Error] or a [*SyntaxError].
func Unmarshal[T any](data []byte, dst *T, raw *string) error {
	data = bytes.Trim(data, " \t\r\n")
	if string(data) == "null" {
		return nil
	}
	members, err := Members(data)
	if err != nil {
		return err
	}
	return UnmarshalMembers(data, members, dst, raw)
}

// UnmarshalMembers is [Unmarshal] for an object whose members are known.
func UnmarshalMembers[T any](data []byte, members []Member, dst *T, raw *string) error {
	var fresh T
	if err := decode(members, reflect.ValueOf(&fresh).Elem()); err != nil {
		return err
	}
	*dst = fresh
	*raw = string(data)
	return nil
}

// Marshal encodes *cur. What has the value that raw decodes to is copied from
// raw, if it is there.
func Marshal[T any](cur *T, raw string) ([]byte, error) {
	var old T
	var members []Member
	if raw != "" {
		var err error
		if members, err = Members([]byte(raw)); err != nil {
			return nil, err
		}
		if err := decode(members, reflect.ValueOf(&old).Elem()); err != nil {
			return nil, err
		}
	}

	now, was := reflect.ValueOf(cur).Elem(), reflect.ValueOf(&old).Elem()
	l := layoutOf(now.Type())
	changed := make([]bool, len(l.fields))
	anyChanged := false
	for i, f := range l.fields {
		changed[i] = !same(now.Field(f.index), was.Field(f.index))
		anyChanged = anyChanged || changed[i]
	}
	if raw != "" && !anyChanged {
		return []byte(raw), nil
	}

	out := object{}
	from := l.pick(members)
	for i, m := range members {
		switch f := l.find(m.Key); {
		case f < 0 || !changed[f]:
			out.add(m.Name, m.Value)
		case from[f] == i:
			if err := out.addField(m.Name, now.Field(l.fields[f].index)); err != nil {
				return nil, fmt.Errorf("%s: %w", l.fields[f].name, err)
			}
		}
	}
	for i, f := range l.fields {
		if changed[i] && from[i] < 0 {
			if err := out.addField([]byte(strconv.Quote(f.name)), now.Field(f.index)); err != nil {
				return nil, fmt.Errorf("%s: %w", f.name, err)
			}
		}
	}
	return out.close(), nil
}

// object is a JSON object under construction.
type object struct{ buf []byte }

func (o *object) add(name, value []byte) {
	sep := byte(',')
	if len(o.buf) == 0 {
		sep = '{'
	}
	o.buf = append(o.buf, sep)
	o.buf = append(o.buf, name...)
	o.buf = append(o.buf, ':')
	o.buf = append(o.buf, value...)
}

func (o *object) addField(name []byte, v reflect.Value) error {
	if absent(v) {
		return nil
	}
	value, err := encode(v)
	if err != nil {
		return err
	}
	o.add(name, value)
	return nil
}

func (o *object) close() []byte {
	if len(o.buf) == 0 {
		return []byte("{}")
	}
	return append(o.buf, '}')
}

// layout is what the json tags of a struct type say.
type layout struct {
	fields []field
	byName map[string]int
}

type field struct {
	name  string
	index int
}

var layouts sync.Map // reflect.Type → *layout

func layoutOf(t reflect.Type) *layout {
	if l, ok := layouts.Load(t); ok {
		return l.(*layout)
	}
	l := &layout{byName: make(map[string]int)}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name == "" || name == "-" || !t.Field(i).IsExported() {
			continue
		}
		l.byName[name] = len(l.fields)
		l.fields = append(l.fields, field{name: name, index: i})
	}
	layouts.Store(t, l)
	return l
}

// find is the field that a key belongs to, or -1.
func (l *layout) find(key []byte) int {
	if i, ok := l.byName[string(key)]; ok {
		return i
	}
	for i, f := range l.fields {
		if strings.EqualFold(f.name, string(key)) {
			return i
		}
	}
	return -1
}

// pick says for each field which member it is read from, or -1.
func (l *layout) pick(members []Member) []int {
	from := make([]int, len(l.fields))
	for i := range from {
		from[i] = -1
	}
	for i, m := range members {
		f := l.find(m.Key)
		if f < 0 {
			continue
		}
		name := l.fields[f].name
		if from[f] >= 0 && string(m.Key) != name && string(members[from[f]].Key) == name {
			continue
		}
		from[f] = i
	}
	return from
}

func decode(members []Member, dst reflect.Value) error {
	l := layoutOf(dst.Type())
	for i, m := range l.pick(members) {
		if m < 0 {
			continue
		}
		if err := set(dst.Field(l.fields[i].index), members[m].Value); err != nil {
			return At(l.fields[i].name, err)
		}
	}
	return nil
}

// At puts a path in front of the path of an [*Error].
func At(path string, err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	switch {
	case path == "":
		path = e.Path
	case e.Path != "" && e.Path[0] != '[':
		path += "." + e.Path
	default:
		path += e.Path
	}
	return &Error{Path: path, Problem: e.Problem}
}

// set decodes data, which has been scanned, into the zero value v.
func set(v reflect.Value, data []byte) error {
	if string(data) == "null" {
		return nil
	}
	switch p := v.Addr().Interface().(type) {
	case *time.Time:
		t, err := decodeTime(data)
		*p = t
		return err
	case json.Unmarshaler:
		return p.UnmarshalJSON(data)
	}
	switch v.Kind() {
	case reflect.String:
		s, err := String(data)
		v.SetString(s)
		return err
	case reflect.Bool:
		if data[0] != 't' && data[0] != 'f' {
			return want("true or false", data)
		}
		v.SetBool(data[0] == 't')
		return nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if !Integer(data) {
			return want("an integer", data)
		}
		n, err := strconv.ParseInt(string(data), 10, 64)
		if err != nil || v.OverflowInt(n) {
			return &Error{Problem: "the integer is out of range"}
		}
		v.SetInt(n)
		return nil
	case reflect.Slice:
		return setSlice(v, data)
	}
	return fmt.Errorf("keepjson: fields of type %s are not supported", v.Type())
}

func setSlice(v reflect.Value, data []byte) error {
	list := reflect.MakeSlice(v.Type(), 0, 1)
	zero := reflect.Zero(v.Type().Elem())
	err := Elements(data, func(element []byte) error {
		list = reflect.Append(list, zero)
		i := list.Len() - 1
		if err := set(list.Index(i), element); err != nil {
			return At("["+strconv.Itoa(i)+"]", err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	v.Set(list)
	return nil
}

// String decodes a JSON string.
func String(data []byte) (string, error) {
	if len(data) < 2 || data[0] != '"' {
		return "", want("a string", data)
	}
	if inner := data[1 : len(data)-1]; data[len(data)-1] == '"' && !bytes.ContainsAny(inner, `"\`) && utf8.Valid(inner) {
		return string(inner), nil
	}
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return "", &SyntaxError{}
	}
	return s, nil
}

// Integer reports whether data is a JSON number without fraction and exponent.
func Integer(data []byte) bool {
	digits := bytes.TrimPrefix(data, []byte("-"))
	for _, c := range digits {
		if !digit(c) {
			return false
		}
	}
	return len(digits) > 0
}

func want(shape string, data []byte) error {
	return &Error{Problem: "want " + shape + ", got " + Shape(data)}
}

// Shape describes a JSON value without showing it.
func Shape(data []byte) string {
	if len(data) == 0 {
		return "nothing"
	}
	switch data[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string of " + strconv.Itoa(len(data)-2) + " bytes"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	if Integer(data) {
		return "an integer"
	}
	return "a number with a fraction or exponent"
}

func absent(v reflect.Value) bool {
	if t, ok := v.Interface().(time.Time); ok {
		return t.IsZero()
	}
	return v.Kind() == reflect.Slice && v.Len() == 0 || v.IsZero()
}

func same(a, b reflect.Value) bool {
	if t, ok := a.Interface().(time.Time); ok {
		return t.Equal(b.Interface().(time.Time))
	}
	if a.Kind() == reflect.Slice && a.Len() == 0 && b.Len() == 0 {
		return true
	}
	return reflect.DeepEqual(a.Interface(), b.Interface())
}

func encode(v reflect.Value) ([]byte, error) {
	if t, ok := v.Interface().(time.Time); ok {
		return encodeTime(t)
	}
	return json.Marshal(v.Interface())
}
