package crmlog

import (
	"errors"
	"fmt"
	"time"

	"github.com/crmlog/crmlog/internal/keepjson"
)

// Message is a record of RingCentral's Message Store: an SMS or MMS, a
// voicemail, a fax or a pager message, as the message list, a single read, a
// sync and the notifications give it
// (https://developers.ringcentral.com/api-reference/Message-Store/readMessage).
// No field is in every record. [DecodeMessages] reads whole answers and
// notifications. The entries of shared SMS threads become Messages too, by
// [DecodeThreadEntries].
//
// A Message can be decoded from JSON or filled in by hand. One that was decoded
// remembers its text, so that it encodes to the same JSON values: unknown
// fields, nulls and zeros, ids as number or string and times as they were
// written. A field that the program changed has its new value in the encoding,
// and is left out of it when the new value is the zero value; for this, nested
// values count as one field if they are replaced, not if a field in them is
// set. Compare messages by ID: two that were written differently are not equal
// by [reflect.DeepEqual].
//
// Times decode from RFC 3339 with any number of decimals, also with an offset
// such as +0000, and from integer milliseconds since 1970; they are in UTC, and
// the zero time is one that is absent. What does not decode is an
// [*InputError].
//
// A message is private: printed or logged it shows ids, enumerations and counts
// alone. It does not protect itself from being encoded as JSON, so log a
// message itself, never a slice or struct that holds it, with
// [log/slog.JSONHandler].
type Message struct {
	ID          ID          `json:"id,omitempty"`
	URI         string      `json:"uri,omitempty"` // absent in notifications
	ExtensionID ID          `json:"extensionId,omitempty"`
	Type        MessageType `json:"type,omitempty"` // see Kind
	Direction   Direction   `json:"direction,omitempty"`
	// Availability is all that a sync tells of a deleted message, besides ID.
	Availability  Availability  `json:"availability,omitempty"`
	ReadStatus    ReadStatus    `json:"readStatus,omitempty"`
	Priority      Priority      `json:"priority,omitempty"`
	MessageStatus MessageStatus `json:"messageStatus,omitempty"`
	CreationTime  time.Time     `json:"creationTime,omitzero"`
	// LastModifiedTime moves with every change, also of ReadStatus.
	LastModifiedTime time.Time `json:"lastModifiedTime,omitzero"`
	// Subject is the full text of an SMS, MMS or pager message. On an inbound
	// fax it is a phone number, on a voicemail a constant, or absent.
	Subject string `json:"subject,omitempty"`
	// ConversationID often comes rounded to a float64; see ConversationKey.
	ConversationID ID           `json:"conversationId,omitempty"`
	Conversation   Conversation `json:"conversation,omitzero"`
	From           Party        `json:"from,omitzero"` // absent on some outbound faxes
	To             []Party      `json:"to,omitempty"`  // absent on inbound faxes
	Attachments    []Attachment `json:"attachments,omitempty"`
	EventType      string       `json:"eventType,omitempty"` // in notifications: Create

	SMSDeliveryTime         time.Time `json:"smsDeliveryTime,omitzero"`
	SMSSendingAttemptsCount int       `json:"smsSendingAttemptsCount,omitempty"`
	SegmentCount            int       `json:"segmentCount,omitempty"`
	// DeliveryErrorCode is SMS-RC-nnn (RingCentral), SMS-UP-nnn (upstream) or
	// SMS-CAR-nnn (carrier).
	DeliveryErrorCode string `json:"deliveryErrorCode,omitempty"`

	FaxResolution string `json:"faxResolution,omitempty"` // High or Low
	FaxPageCount  int    `json:"faxPageCount,omitempty"`  // 0 while queued
	CoverIndex    int    `json:"coverIndex,omitempty"`
	CoverPageText string `json:"coverPageText,omitempty"`

	VMTranscriptionStatus VMTranscriptionStatus `json:"vmTranscriptionStatus,omitempty"`
	Private               bool                  `json:"private,omitempty"`
	Forwarding            Forwarding            `json:"forwarding,omitzero"`

	PgToDepartment bool `json:"pgToDepartment,omitempty"`
	// Owner is whose mailbox it is, when that is shared: a call queue.
	Owner Owner `json:"owner,omitzero"`

	raw string
}

// Party is a sender or recipient.
type Party struct {
	// PhoneNumber is normally E.164 (+16505553204), in old records without the
	// plus sign, and may be formatted: (650)555-3204.
	PhoneNumber     string `json:"phoneNumber,omitempty"`
	ExtensionNumber string `json:"extensionNumber,omitempty"`
	ExtensionID     ID     `json:"extensionId,omitempty"`
	Name            string `json:"name,omitempty"`
	Location        string `json:"location,omitempty"`
	// Target marks, among the recipients of an inbound message, the one whose
	// mailbox it is in.
	Target bool `json:"target,omitempty"`
	// MessageStatus and FaxErrorCode say what became of a fax to this recipient.
	MessageStatus   MessageStatus   `json:"messageStatus,omitempty"`
	FaxErrorCode    string          `json:"faxErrorCode,omitempty"`
	RecipientID     ID              `json:"recipientId,omitempty"`
	PhoneNumberInfo PhoneNumberInfo `json:"phoneNumberInfo,omitzero"` // in notifications

	raw string
}

// PhoneNumberInfo is a phone number in its parts.
type PhoneNumberInfo struct {
	CountryCode             string `json:"countryCode,omitempty"`
	NationalDestinationCode string `json:"nationalDestinationCode,omitempty"`
	SubscriberNumber        string `json:"subscriberNumber,omitempty"`

	raw string
}

// Attachment is a part of a message: its text again, a picture, a recording.
type Attachment struct {
	ID ID `json:"id,omitempty"`
	// URI is where the content is, for who has a RingCentral token; absent or
	// relative on the text of a notification. For a link see [MediaReaderLink].
	URI         string         `json:"uri,omitempty"`
	Type        AttachmentType `json:"type,omitempty"` // absent in records of 2012 and 2013
	ContentType string         `json:"contentType,omitempty"`
	VMDuration  int            `json:"vmDuration,omitempty"` // seconds
	FileName    string         `json:"fileName,omitempty"`   // filename is read as well
	Size        int64          `json:"size,omitempty"`       // bytes
	Width       int            `json:"width,omitempty"`      // pixels
	Height      int            `json:"height,omitempty"`     // pixels

	raw string
}

// Conversation names the conversation of an SMS, MMS or pager message: the
// messages among the same people in one mailbox.
type Conversation struct {
	ID  ID     `json:"id,omitempty"`
	URI string `json:"uri,omitempty"`

	raw string
}

// Owner is the extension that a shared mailbox belongs to.
type Owner struct {
	ExtensionID   ID     `json:"extensionId,omitempty"`
	ExtensionType string `json:"extensionType,omitempty"` // User, Department, …
	Name          string `json:"name,omitempty"`

	raw string
}

// Forwarding says where a forwarded voicemail comes from.
type Forwarding struct {
	OriginalSender       Party     `json:"originalSender,omitzero"`
	OriginalCreationTime time.Time `json:"originalCreationTime,omitzero"`

	raw string
}

// UnmarshalJSON implements [encoding/json.Unmarshaler]. It replaces the whole
// message, and keeps nothing of data.
func (m *Message) UnmarshalJSON(data []byte) error {
	return inputError("message", keepjson.Unmarshal(data, m, &m.raw))
}

// MarshalJSON implements [encoding/json.Marshaler].
func (m Message) MarshalJSON() ([]byte, error) { return keepjson.Marshal(&m, m.raw) }

// UnmarshalJSON implements [encoding/json.Unmarshaler].
func (p *Party) UnmarshalJSON(data []byte) error { return keepjson.Unmarshal(data, p, &p.raw) }

// MarshalJSON implements [encoding/json.Marshaler].
func (p Party) MarshalJSON() ([]byte, error) { return keepjson.Marshal(&p, p.raw) }

// UnmarshalJSON implements [encoding/json.Unmarshaler].
func (n *PhoneNumberInfo) UnmarshalJSON(data []byte) error {
	return keepjson.Unmarshal(data, n, &n.raw)
}

// MarshalJSON implements [encoding/json.Marshaler].
func (n PhoneNumberInfo) MarshalJSON() ([]byte, error) { return keepjson.Marshal(&n, n.raw) }

// UnmarshalJSON implements [encoding/json.Unmarshaler].
func (a *Attachment) UnmarshalJSON(data []byte) error { return keepjson.Unmarshal(data, a, &a.raw) }

// MarshalJSON implements [encoding/json.Marshaler].
func (a Attachment) MarshalJSON() ([]byte, error) { return keepjson.Marshal(&a, a.raw) }

// UnmarshalJSON implements [encoding/json.Unmarshaler].
func (c *Conversation) UnmarshalJSON(data []byte) error { return keepjson.Unmarshal(data, c, &c.raw) }

// MarshalJSON implements [encoding/json.Marshaler].
func (c Conversation) MarshalJSON() ([]byte, error) { return keepjson.Marshal(&c, c.raw) }

// UnmarshalJSON implements [encoding/json.Unmarshaler].
func (o *Owner) UnmarshalJSON(data []byte) error { return keepjson.Unmarshal(data, o, &o.raw) }

// MarshalJSON implements [encoding/json.Marshaler].
func (o Owner) MarshalJSON() ([]byte, error) { return keepjson.Marshal(&o, o.raw) }

// UnmarshalJSON implements [encoding/json.Unmarshaler].
func (f *Forwarding) UnmarshalJSON(data []byte) error { return keepjson.Unmarshal(data, f, &f.raw) }

// MarshalJSON implements [encoding/json.Marshaler].
func (f Forwarding) MarshalJSON() ([]byte, error) { return keepjson.Marshal(&f, f.raw) }

// inputError turns what package keepjson found wrong into an *InputError.
func inputError(field string, err error) error {
	var shape *keepjson.Error
	var syntax *keepjson.SyntaxError
	switch {
	case errors.As(keepjson.At(field, err), &shape):
		return &InputError{Field: shape.Path, Problem: shape.Problem}
	case errors.As(err, &syntax):
		return &InputError{Field: field, Problem: fmt.Sprintf("%s, at byte %d", syntax, syntax.Offset)}
	}
	return err
}
