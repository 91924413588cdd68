package crmlog

import (
	"strings"
	"time"
)

// The enumerations of a message keep values that are not listed here.
// RingCentral's spelling varies (VoiceMail, Voicemail): compare with Is, which
// takes no notice of case, rather than with ==.

// MessageType is RingCentral's type of a message; see [Message.Kind].
type MessageType string

// Message types.
const (
	MessageTypeSMS       MessageType = "SMS" // also MMS
	MessageTypeMMS       MessageType = "MMS" // written by clients, not by RingCentral
	MessageTypeText      MessageType = "Text"
	MessageTypeVoiceMail MessageType = "VoiceMail"
	MessageTypeFax       MessageType = "Fax"
	MessageTypePager     MessageType = "Pager"

	// These two are not RingCentral's: see DecodeThreadEntries.
	MessageTypeThreadNote  MessageType = "ThreadNote"
	MessageTypeThreadEvent MessageType = "ThreadEvent"
)

// Is compares without regard to case.
func (t MessageType) Is(other MessageType) bool { return equalFold(t, other) }

// Direction is seen from the mailbox.
type Direction string

// Directions.
const (
	DirectionInbound  Direction = "Inbound"
	DirectionOutbound Direction = "Outbound"
)

// Is compares without regard to case.
func (d Direction) Is(other Direction) bool { return equalFold(d, other) }

// Availability says whether a message still exists.
type Availability string

// Availabilities. A deleted message is purged some days later.
const (
	AvailabilityAlive   Availability = "Alive"
	AvailabilityDeleted Availability = "Deleted"
	AvailabilityPurged  Availability = "Purged"
)

// Is compares without regard to case.
func (a Availability) Is(other Availability) bool { return equalFold(a, other) }

// ReadStatus says whether a message has been read.
type ReadStatus string

// Read statuses. Outbound messages may be Unread too.
const (
	ReadStatusRead   ReadStatus = "Read"
	ReadStatusUnread ReadStatus = "Unread"
)

// Is compares without regard to case.
func (s ReadStatus) Is(other ReadStatus) bool { return equalFold(s, other) }

// Priority is a message's priority.
type Priority string

// Priorities.
const (
	PriorityNormal Priority = "Normal"
	PriorityHigh   Priority = "High"
)

// Is compares without regard to case.
func (p Priority) Is(other Priority) bool { return equalFold(p, other) }

// MessageStatus is how far a message got. An inbound pager message is Sent.
type MessageStatus string

// Message statuses.
const (
	MessageStatusQueued         MessageStatus = "Queued"
	MessageStatusSent           MessageStatus = "Sent"
	MessageStatusDelivered      MessageStatus = "Delivered"
	MessageStatusDeliveryFailed MessageStatus = "DeliveryFailed"
	MessageStatusSendingFailed  MessageStatus = "SendingFailed"
	MessageStatusReceived       MessageStatus = "Received"
)

// Is compares without regard to case.
func (s MessageStatus) Is(other MessageStatus) bool { return equalFold(s, other) }

// AttachmentType is what an attachment is to its message.
type AttachmentType string

// Attachment types.
const (
	AttachmentTypeText               AttachmentType = "Text"
	AttachmentTypeMMS                AttachmentType = "MmsAttachment"
	AttachmentTypeAudioRecording     AttachmentType = "AudioRecording"
	AttachmentTypeAudioTranscription AttachmentType = "AudioTranscription"
	AttachmentTypeRenderedDocument   AttachmentType = "RenderedDocument"
	AttachmentTypeSourceDocument     AttachmentType = "SourceDocument"
)

// Is compares without regard to case.
func (t AttachmentType) Is(other AttachmentType) bool { return equalFold(t, other) }

// VMTranscriptionStatus says whether a voicemail has a transcript, which comes
// minutes after the voicemail as a change of it.
type VMTranscriptionStatus string

// Transcription statuses.
const (
	VMTranscriptionStatusNotAvailable       VMTranscriptionStatus = "NotAvailable"
	VMTranscriptionStatusInProgress         VMTranscriptionStatus = "InProgress"
	VMTranscriptionStatusTimedOut           VMTranscriptionStatus = "TimedOut"
	VMTranscriptionStatusCompleted          VMTranscriptionStatus = "Completed"
	VMTranscriptionStatusCompletedPartially VMTranscriptionStatus = "CompletedPartially"
	VMTranscriptionStatusFailed             VMTranscriptionStatus = "Failed"
	VMTranscriptionStatusUnknown            VMTranscriptionStatus = "Unknown"
)

// Is compares without regard to case.
func (s VMTranscriptionStatus) Is(other VMTranscriptionStatus) bool { return equalFold(s, other) }

func equalFold[T ~string](a, b T) bool { return strings.EqualFold(string(a), string(b)) }

// Kind is what a message is to a reader.
type Kind string

// Kinds of messages.
const (
	KindUnknown   Kind = ""
	KindSMS       Kind = "SMS"
	KindMMS       Kind = "MMS"
	KindVoiceMail Kind = "VoiceMail"
	KindFax       Kind = "Fax"
	KindPager     Kind = "Pager"

	KindInternalNote Kind = "InternalNote" // on a [Thread]; the guest does not see it
	KindEvent        Kind = "Event"        // what became of a [Thread]: an assignment
)

// Kind tells what the message is. RingCentral's type of an MMS is SMS, so that
// the attachments decide; Text counts as SMS. It is KindUnknown for a type that
// is not known, and for what a sync tells of a deleted message.
func (m Message) Kind() Kind { return kindOf(&m) }

// kindOf is Kind without a copy: a message takes a kilobyte, and a router asks
// several times for each.
func kindOf(m *Message) Kind {
	switch t := m.Type; {
	case t.Is(MessageTypeMMS):
		return KindMMS
	case t.Is(MessageTypeSMS), t.Is(MessageTypeText):
		if attachmentOf(m, AttachmentTypeMMS) != nil {
			return KindMMS
		}
		return KindSMS
	case t.Is(MessageTypeVoiceMail):
		return KindVoiceMail
	case t.Is(MessageTypeFax):
		return KindFax
	case t.Is(MessageTypePager):
		return KindPager
	case t.Is(MessageTypeThreadNote):
		return KindInternalNote
	case t.Is(MessageTypeThreadEvent):
		return KindEvent
	}
	return KindUnknown
}

// ConversationKey says which conversation the message belongs to: the id of
// conversation, else conversationId, which may have lost digits on its way
// through JavaScript. A message that has no conversation (voicemail, fax)
// stands for itself: id is its own and ok is false. A conversation and a message
// may have equal ids, so keep ok with the id.
//
// On a voicemail or fax a conversation id that equals its own is none:
// RingCentral's widgets fill it in.
func (m Message) ConversationKey() (id ID, ok bool) { return conversationOf(&m) }

func conversationOf(m *Message) (id ID, ok bool) {
	id = m.Conversation.ID
	if id == "" {
		id = m.ConversationID
	}
	kind := kindOf(m)
	if id == "" || id == m.ID && (kind == KindVoiceMail || kind == KindFax) {
		return m.ID, false
	}
	return id, true
}

// Inbound reports whether the message came to the mailbox.
func (m Message) Inbound() bool { return m.Direction.Is(DirectionInbound) }

// IsDeleted reports whether the message is deleted or purged in RingCentral. It
// may then have no field besides ID and Availability.
func (m Message) IsDeleted() bool {
	return m.Availability.Is(AvailabilityDeleted) || m.Availability.Is(AvailabilityPurged)
}

// Media returns the pictures and files of an MMS, in order.
func (m Message) Media() []Attachment {
	var media []Attachment
	for _, a := range m.Attachments {
		if a.Type.Is(AttachmentTypeMMS) {
			media = append(media, a)
		}
	}
	return media
}

// Transcript returns the attachment that holds a voicemail's transcript, if it
// has one. Its content has to be fetched from RingCentral.
func (m Message) Transcript() (Attachment, bool) {
	if a := attachmentOf(&m, AttachmentTypeAudioTranscription); a != nil {
		return *a, true
	}
	return Attachment{}, false
}

// Duration is how long a voicemail's recording is, in whole seconds; 0 when
// that is not known.
func (m Message) Duration() time.Duration {
	a := attachmentOf(&m, AttachmentTypeAudioRecording)
	if a == nil {
		return 0
	}
	const longest = 1 << 30 // keeps time.Duration from overflowing
	return time.Duration(min(max(a.VMDuration, 0), longest)) * time.Second
}

// attachmentOf is the first attachment of the type, or nil.
func attachmentOf(m *Message, t AttachmentType) *Attachment {
	for i := range m.Attachments {
		if a := &m.Attachments[i]; a.Type.Is(t) {
			return a
		}
	}
	return nil
}
