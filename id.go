package crmlog

import "github.com/crmlog/crmlog/internal/keepjson"

// ID is an id of RingCentral or of a CRM, digit by digit.
//
// RingCentral writes the same id as a number in its REST answers and as a
// string in its notifications, and conversation ids are beyond 2^53, where
// float64 (JavaScript, map[string]any) loses digits. An ID decodes from a JSON
// string or integer and keeps the text as it is; null decodes to "", which is
// no id. It encodes as a string, and inside a decoded [Message] in the form in
// which it came.
type ID string

// UnmarshalJSON implements [encoding/json.Unmarshaler].
func (id *ID) UnmarshalJSON(data []byte) error {
	switch {
	case string(data) == "null":
		*id = ""
	case keepjson.Integer(data):
		*id = ID(data)
	case len(data) > 0 && data[0] == '"':
		s, err := keepjson.String(data)
		if err != nil {
			return err
		}
		*id = ID(s)
	default:
		return &keepjson.Error{Problem: "want an id as a string or an integer, got " + keepjson.Shape(data)}
	}
	return nil
}
