package crmlog

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
)

// Adapter files messages in one kind of CRM. The two methods are the contract
// of RingCentral's CRM extension
// (https://ringcentral.github.io/rc-unified-crm-extension/developers/interfaces/createMessageLog/):
// AddMessageLog opens the digest of a conversation's day with its first
// message, UpdateMessageLog adds a later message of that day to it.
//
// Both work without a [Router]: in.Digest is then zero and the adapter derives
// it with [NewDigestRef].
//
// An adapter promises:
//   - It is safe for concurrent use, and keeps nothing of its inputs and
//     changes nothing in them.
//   - UpdateMessageLog is idempotent: a message that stands in the record
//     already is not added again, and the result says AlreadyThere.
//   - An add that needs several CRM calls makes the record, with the digest's
//     identity in it, first. When a later call fails, the result carries the
//     LogID and the error comes with it.
//   - Errors are an [*InputError], an [*APIError] or wrap one of the package's
//     sentinels; whatever else a write returns counts as [ErrOutcomeUnknown].
//   - It returns soon after ctx is done, and retries no write that may have
//     been applied, unless the write is safe to repeat.
//
// What an adapter can do beyond this it says by implementing a capability
// interface, which is found with [As].
type Adapter interface {
	AddMessageLog(ctx context.Context, in AddMessageLogInput) (MessageLogResult, error)
	UpdateMessageLog(ctx context.Context, in UpdateMessageLogInput) (MessageLogResult, error)
}

// As returns adapter, or the first adapter that it wraps, as a T. A wrapper
// lets As look through it with a method Unwrap() Adapter.
func As[T any](adapter Adapter) (T, bool) {
	for adapter != nil {
		if t, ok := adapter.(T); ok {
			return t, true
		}
		w, ok := adapter.(interface{ Unwrap() Adapter })
		if !ok {
			break
		}
		adapter = w.Unwrap()
	}
	var zero T
	return zero, false
}

// AddMessageLogInput is what AddMessageLog takes. Its JSON form has the
// parameter names of RingCentral's contract, so that a service can pass the
// JSON it received through.
type AddMessageLogInput struct {
	User                 User                 `json:"user"`
	ContactInfo          ContactInfo          `json:"contactInfo"`
	AuthHeader           AuthHeader           `json:"authHeader"`
	Message              Message              `json:"message"`
	AdditionalSubmission AdditionalSubmission `json:"additionalSubmission,omitempty"`
	// RecordingLink leads to a voicemail's recording: https, without user and
	// password. Empty takes the message's own.
	RecordingLink string `json:"recordingLink,omitempty"`
	// Transcript is a voicemail's, in plain text; empty when there is none yet.
	Transcript string `json:"transcript,omitempty"`
	// TimezoneOffset is the user's; user.timezoneName wins over it.
	TimezoneOffset TimezoneOffset `json:"timezoneOffset,omitempty"`

	// Account is the CRM tenant; the router passes LogInput.Account on.
	Account string `json:"-"`
	// Digest is the digest that the router found; zero without a router.
	Digest DigestRef `json:"-"`
	// Piece is the first piece to write of a message that is too long for one
	// record: those before it stand in earlier parts. See [BodyFullError].
	Piece int `json:"-"`
}

// UpdateMessageLogInput is what UpdateMessageLog takes: the same, and the log
// to add to.
type UpdateMessageLogInput struct {
	AddMessageLogInput
	ExistingMessageLog ExistingMessageLog `json:"existingMessageLog"`
}

// ExistingMessageLog names the CRM record of a digest.
type ExistingMessageLog struct {
	// LogID is the logId that AddMessageLog returned.
	LogID string `json:"thirdPartyLogId"`
}

// User is the person whom the messages belong to.
type User struct {
	// ID names the user in the CRM, or in the service that calls. It is part of
	// a digest's identity: two users who log the same message get two logs.
	// RingCentral's form for Pipedrive is "7-pipedrive".
	ID ID `json:"id"`
	// Name signs the user's own messages. Adapters look it up when it is empty.
	Name string `json:"name,omitempty"`
	// Hostname is the user's CRM host, for CRMs with one host per company
	// (acme.pipedrive.com). Adapters check that it belongs to their CRM.
	Hostname string `json:"hostname,omitempty"`
	// TimezoneName is an IANA zone such as America/Los_Angeles.
	TimezoneName string `json:"timezoneName,omitempty"`
	// TimezoneOffset is used when neither TimezoneName nor the input's own
	// offset is given.
	TimezoneOffset TimezoneOffset `json:"timezoneOffset,omitempty"`
	// Locale is the language and habits in which the record is written, such as
	// de or pt-BR (BCP 47). Empty, or one that is not known, is American English.
	Locale string `json:"locale,omitempty"`
}

// ContactInfo is the CRM contact that the messages belong to.
type ContactInfo struct {
	ID          ID     `json:"id"`
	PhoneNumber string `json:"phoneNumber,omitempty"` // E.164: +16505553204
	Type        string `json:"type,omitempty"`        // the CRM's own: contact, lead, …
	Name        string `json:"name,omitempty"`
	// OrganizationID is the contact's organisation in the CRM, if the caller
	// knows it.
	OrganizationID ID `json:"organizationId,omitempty"`
}

// AdditionalSubmission holds the custom fields that the user filled in, by
// field name; for Pipedrive "deals" and "leads". JSON numbers in it decode to
// [json.Number], so that ids keep their digits.
type AdditionalSubmission map[string]any

// UnmarshalJSON implements [json.Unmarshaler].
func (s *AdditionalSubmission) UnmarshalJSON(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var m map[string]any
	if err := dec.Decode(&m); err != nil {
		return fmt.Errorf("additionalSubmission: not a JSON object: %w", err)
	}
	*s = m
	return nil
}

// ID reads a field that holds one id, which a form gives as a number or a
// string; it is "" for a field that is absent, null or empty. Anything else is an
// [*InputError].
func (s AdditionalSubmission) ID(field string) (ID, error) {
	switch v := s[field].(type) {
	case nil:
		return "", nil
	case string, json.Number, int, int64, ID:
		return ID(fmt.Sprint(v)), nil
	case float64:
		return ID(strconv.FormatFloat(v, 'f', -1, 64)), nil
	}
	return "", &InputError{"additionalSubmission." + field, "neither a number nor a string; give one id"}
}

// MessageLogResult is what an adapter did.
type MessageLogResult struct {
	// LogID names the CRM record; it may come together with an error, when the
	// record exists and a later step failed.
	LogID         string        `json:"logId"`
	ReturnMessage ReturnMessage `json:"returnMessage"`
	// AlreadyThere says that the message stood in the record before.
	AlreadyThere bool `json:"-"`
}

// ReturnMessage is shown on the user's screen.
type ReturnMessage struct {
	Message     string            `json:"message"`
	MessageType ReturnMessageType `json:"messageType"`
	// TTL is how long to show it, in milliseconds.
	TTL int `json:"ttl"`
}

// ReturnMessageType is the colour of a ReturnMessage.
type ReturnMessageType string

// The contract knows these three.
const (
	Success ReturnMessageType = "success"
	Warning ReturnMessageType = "warning"
	Danger  ReturnMessageType = "danger"
)

const redacted = "[redacted]"

// AuthHeader is the Authorization header to send to the CRM, verbatim: "Bearer
// eyJ…". It is a credential: it decodes from JSON, and prints, logs and encodes
// as [redacted]. string(h) gives the value.
type AuthHeader string

// Format implements [fmt.Formatter], for every verb.
func (h AuthHeader) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, h.String()) }

// String returns "[redacted]", or "" for an empty header.
func (h AuthHeader) String() string {
	if h == "" {
		return ""
	}
	return redacted
}

// MarshalText implements [encoding.TextMarshaler], which encoding/json and
// log/slog use.
func (h AuthHeader) MarshalText() ([]byte, error) { return []byte(h.String()), nil }
