package keepjson_test

import (
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crmlog/crmlog/internal/keepjson"
)

type point struct {
	X      int       `json:"x,omitempty"`
	Small  int8      `json:"small,omitempty"`
	Label  string    `json:"label,omitempty"`
	Shown  bool      `json:"shown,omitempty"`
	At     time.Time `json:"at,omitzero"`
	Next   *point    `json:"-"`
	Inner  inner     `json:"inner,omitzero"`
	Inners []inner   `json:"inners,omitempty"`
	Words  []string  `json:"words,omitempty"`
	Free   string

	raw string
}

func (p *point) UnmarshalJSON(data []byte) error { return keepjson.Unmarshal(data, p, &p.raw) }
func (p point) MarshalJSON() ([]byte, error)     { return keepjson.Marshal(&p, p.raw) }

type inner struct {
	Name string `json:"name,omitempty"`
	raw  string
}

func (i *inner) UnmarshalJSON(data []byte) error { return keepjson.Unmarshal(data, i, &i.raw) }
func (i inner) MarshalJSON() ([]byte, error)     { return keepjson.Marshal(&i, i.raw) }

func TestUnchangedTextComesOutByteForByte(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{}`, `{ "x" : 1 , "y":1.0e0,"x":2}`, `{"X":1,"inners":[ ],"words":null,"label":"\u0041"}`,
		`{"at":"2026-03-02T10:20:30+0000","inner":{"a":{"b":[]}},"Free":"kept"}`,
	} {
		var p point
		require.NoError(t, p.UnmarshalJSON([]byte(" \n"+text+"\t")))
		out, err := p.MarshalJSON()
		require.NoError(t, err)
		require.Equal(t, text, string(out))
	}
}

func TestChangesKeepOrderSpellingAndWhatIsUnknown(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		mutate     func(*point)
		want       string
	}{
		{"in place", `{"a":1,"x":2,"b":3}`, func(p *point) { p.X = 5 }, `{"a":1,"x":5,"b":3}`},
		{"appended in the struct's order", `{"a":1}`, func(p *point) { p.Label, p.X = "l", 5 }, `{"a":1,"x":5,"label":"l"}`},
		{"left out", `{"x":2,"a":1}`, func(p *point) { p.X = 0 }, `{"a":1}`},
		{"left out, the only one", `{"x":2}`, func(p *point) { p.X = 0 }, `{}`},
		{"of twins the last is replaced, the other goes", `{"x":1,"a":1,"x":2}`, func(p *point) { p.X = 5 }, `{"a":1,"x":5}`},
		{"of spellings the exact one is replaced, the others go", `{"x":1,"X":2}`, func(p *point) { p.X = 5 }, `{"x":5}`},
		{"of spellings the last is replaced", `{"LABEL":"a","Label":"b"}`, func(p *point) { p.Label = "c" }, `{"Label":"c"}`},
		{"all spellings go", `{"LABEL":"a","Label":"b"}`, func(p *point) { p.Label = "" }, `{}`},
		{"a key with escapes", `{"\u0078":1}`, func(p *point) { p.X = 5 }, `{"\u0078":5}`},
		{"a list's element", `{"inners":[{"u":1},null]}`, func(p *point) { p.Inners[0].Name = "n" }, `{"inners":[{"u":1,"name":"n"},{}]}`},
		{"a list of texts", `{"words":["a"]}`, func(p *point) { p.Words = append(p.Words, "b") }, `{"words":["a","b"]}`},
		{"elements that change places", `{"inners":[{"u":1},{"u":2}]}`, func(p *point) { p.Inners[0], p.Inners[1] = p.Inners[1], p.Inners[0] }, `{"inners":[{"u":2},{"u":1}]}`},
		{"a field without tag is none", `{"Free":"a"}`, func(p *point) { p.Free = "b" }, `{"Free":"a"}`},
		{"a time", `{"at":0}`, func(p *point) { p.At = p.At.Add(time.Microsecond) }, `{"at":"1970-01-01T00:00:00.000001Z"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var p point
			require.NoError(t, p.UnmarshalJSON([]byte(tt.text)))
			tt.mutate(&p)
			out, err := p.MarshalJSON()
			require.NoError(t, err)
			require.Equal(t, tt.want, string(out))
		})
	}
}

func TestExactKeysGoBeforeOtherSpellings(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		`{"x":1,"X":2}`: 1, `{"X":2,"x":1}`: 1, `{"X":1,"X":2}`: 2, `{"x":1,"x":2}`: 2, `{"x":1,"X":true}`: 1,
	} {
		var p point
		require.NoError(t, p.UnmarshalJSON([]byte(text)))
		require.Equal(t, want, p.X, text)
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	at := func(nanos int) time.Time { return time.Date(2026, 3, 2, 10, 20, 30, nanos, time.UTC) }
	for text, want := range map[string]time.Time{
		`"2026-03-02T10:20:30Z"`:           at(0),
		`"2026-03-02T10:20:30.1Z"`:         at(1e8),
		`"2026-03-02T10:20:30.000Z"`:       at(0),
		`"2026-03-02T10:20:30.123456Z"`:    at(123456e3),
		`"2026-03-02T10:20:30.123456789Z"`: at(123456789),
		`"2026-03-02T10:20:30.408+0000"`:   at(408e6),
		`"2026-03-02T10:20:30+0000"`:       at(0),
		`"2026-03-02T12:20:30+0200"`:       at(0),
		`"2026-03-02T10:20:30+00:00"`:      at(0),
		`"2026-03-02T02:20:30.5-08:00"`:    at(5e8),
		`1772446830000`:                    at(0),
		`1772446830123`:                    at(123e6),
		`0`:                                time.UnixMilli(0).UTC(),
		`-1`:                               time.UnixMilli(-1).UTC(),
		`null`:                             {},
		`""`:                               {},
		`"2026-03-02T10:20:3\u0030Z"`:      at(0),
	} {
		var p point
		require.NoError(t, p.UnmarshalJSON([]byte(`{"at":`+text+`}`)), text)
		require.Equal(t, want, p.At, text)
	}
	for _, text := range []string{
		`"2026-03-02"`, `"2026-03-02T10:20:30"`, `"2026-03-02 10:20:30Z"`, `"2026-13-02T10:20:30Z"`, `"1772446830000"`, `" "`,
		`1772446830000.0`, `1e12`, `9223372036854775807`, `99999999999999999999`, `-62135596800001`, `253402300800000`, `true`, `{}`, `[]`,
	} {
		var p point
		require.Error(t, p.UnmarshalJSON([]byte(`{"at":`+text+`}`)), text)
	}

	_, err := point{At: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}.MarshalJSON()
	require.EqualError(t, err, "at: the time's year is not in 1 to 9999")
}

func TestErrorsNameThePath(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`[]`:                          "want an object, got an array",
		`{"x":"1"}`:                   "x: want an integer, got a string of 1 bytes",
		`{"x":1.0}`:                   "x: want an integer, got a number with a fraction or exponent",
		`{"small":128}`:               "small: the integer is out of range",
		`{"shown":null,"label":true}`: "label: want a string, got a boolean",
		`{"shown":1}`:                 "shown: want true or false, got an integer",
		`{"inner":[]}`:                "inner: want an object, got an array",
		`{"inner":{"name":{}}}`:       "inner.name: want a string, got an object",
		`{"inners":{}}`:               "inners: want an array, got an object",
		`{"inners":[{},{"name":[]}]}`: "inners[1].name: want a string, got an array",
		`{"words":["a",null,1]}`:      "words[2]: want a string, got an integer",
	} {
		var p point
		err := p.UnmarshalJSON([]byte(text))
		require.EqualError(t, err, want, text)
		var e *keepjson.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, point{}, p, "nothing is half done")
	}
}

func TestTextThatIsNoJSONIsRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]keepjson.SyntaxError{
		`{"x":1`:               {Offset: 6, Truncated: true},
		`{"x":1}}`:             {Offset: 7},
		`{"x":tru}`:            {Offset: 8},
		`{"x":01}`:             {Offset: 6},
		`{"x" 1}`:              {Offset: 5},
		`{x:1}`:                {Offset: 1},
		`{"x":1,}`:             {Offset: 7},
		"{\"label\":\"a\nb\"}": {Offset: 11},
		`{"label":"\u12g4"}`:   {Offset: 14},
		`{"label":"\x"}`:       {Offset: 11},
	} {
		var p point
		var e *keepjson.SyntaxError
		require.ErrorAs(t, p.UnmarshalJSON([]byte(text)), &e, text)
		require.Equal(t, want, *e, text)
	}
	var p point
	require.Error(t, p.UnmarshalJSON(nil))

	deep := func(n int) []byte { return []byte(strings.Repeat("[", n) + strings.Repeat("]", n)) }
	_, _, err := keepjson.Next(deep(keepjson.MaxDepth), 0)
	require.NoError(t, err)
	_, _, err = keepjson.Next(deep(keepjson.MaxDepth+1), 0)
	require.Equal(t, &keepjson.SyntaxError{Offset: keepjson.MaxDepth, TooDeep: true}, err)
}

func TestNextTakesValuesOneAfterAnother(t *testing.T) {
	t.Parallel()
	data := []byte(" {\"a\":[1]}\n12 \"x\"null[]")
	var values []string
	at := 0
	for {
		value, end, err := keepjson.Next(data, at)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		values, at = append(values, string(value)), end
	}
	require.Equal(t, []string{`{"a":[1]}`, `12`, `"x"`, `null`, `[]`}, values)
}

// FuzzScanner holds the scanner to encoding/json's grammar.
func FuzzScanner(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,-0.5e+3,true,false,null,"\u00e9\n"]}`, `{}`, `[]`, `[ ]`, `{ }`, `[1,]`, `{"a":}`, `{"a"}`, `01`, `-`, `1.`, `1e`, `.5`, `+1`,
		`"\ud800"`, `"\u12"`, "\"\x00\"", "\"\xff\"", `tru`, `nul`, `[[]`, `]`, ` 1 `, `1 2`, "\ufeff1", "{\"a\":1}x", "\x00", `"`, `{"a":1`, `"\`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if strings.Count(string(data), "[")+strings.Count(string(data), "{") > keepjson.MaxDepth {
			return
		}
		value, end, err := keepjson.Next(data, 0)
		valid := err == nil && len(strings.Trim(string(data[end:]), " \t\r\n")) == 0
		require.Equal(t, json.Valid(data), valid)
		if !valid {
			return
		}
		switch value[0] {
		case '{':
			members, err := keepjson.Members(value)
			require.NoError(t, err)
			var want map[string]json.RawMessage
			require.NoError(t, json.Unmarshal(value, &want))
			got := map[string]json.RawMessage{}
			for _, m := range members {
				var key string
				require.NoError(t, json.Unmarshal(m.Name, &key))
				got[key] = json.RawMessage(m.Value)
			}
			require.Equal(t, want, got)
		case '[':
			got := []json.RawMessage{}
			require.NoError(t, keepjson.Elements(value, func(e []byte) error {
				got = append(got, json.RawMessage(e))
				return nil
			}))
			var want []json.RawMessage
			require.NoError(t, json.Unmarshal(value, &want))
			require.Equal(t, want, got)
		case '"':
			var want string
			require.NoError(t, json.Unmarshal(value, &want))
			got, err := keepjson.String(value)
			require.NoError(t, err)
			require.Equal(t, want, got)
		default:
			_, err := strconv.ParseInt(string(value), 10, 64)
			if err == nil {
				require.True(t, keepjson.Integer(value))
			}
		}
	})
}
