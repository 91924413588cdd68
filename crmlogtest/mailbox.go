package crmlogtest

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/crmlog/crmlog"
)

// Mailbox makes messages as they come from a RingCentral mailbox, all with one
// contact. Ids count up from 1001, times from 2026-03-10 16:00 UTC (9 a.m. in Los
// Angeles) a minute at a time, so that the same calls make the same messages.
// What is special in a test is set on the message that is returned.
//
// The zero value is ready. It is safe for concurrent use, and must not be copied.
type Mailbox struct {
	mu    sync.Mutex
	count int
	skip  time.Duration
}

// Who writes to whom. The numbers are fictitious ones.
const (
	OwnNumber     = "+16505550100"
	ContactNumber = "+16505550101"
	OtherNumber   = "+16505550102" // one more in a group
)

const conversationID = "5578984350117917661"

// Advance makes the next message come that much later. A negative d makes it come
// late: with an earlier time than one that is there.
func (b *Mailbox) Advance(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.skip += d
}

// In is an SMS from the contact.
func (b *Mailbox) In(text string) crmlog.MessageInput {
	m := b.next()
	m.Type, m.Direction, m.Subject, m.MessageStatus = crmlog.MessageTypeSMS, crmlog.DirectionInbound, text, crmlog.MessageStatusReceived
	m.Conversation.ID = conversationID
	m.From = crmlog.Party{PhoneNumber: ContactNumber, Name: "Ann Lee"}
	m.To = []crmlog.Party{{PhoneNumber: OwnNumber, Target: true}}
	m.Attachments = []crmlog.Attachment{{ID: m.ID, Type: crmlog.AttachmentTypeText, ContentType: "text/plain"}}
	return crmlog.MessageInput{Message: m}
}

// Out is an SMS to the contact.
func (b *Mailbox) Out(text string) crmlog.MessageInput {
	in := b.In(text)
	in.Message.Direction, in.Message.MessageStatus = crmlog.DirectionOutbound, crmlog.MessageStatusSent
	in.Message.From = crmlog.Party{PhoneNumber: OwnNumber, Name: "Sam Seller"}
	in.Message.To = []crmlog.Party{{PhoneNumber: ContactNumber}}
	return in
}

// MMS is a message from the contact with files, such as photo.jpg. Its type is
// SMS, as RingCentral's are. Without a file it has picture.jpg.
func (b *Mailbox) MMS(text string, fileNames ...string) crmlog.MessageInput {
	in := b.In(text)
	if len(fileNames) == 0 {
		fileNames = []string{"picture.jpg"}
	}
	for _, name := range fileNames {
		attach(&in.Message, crmlog.Attachment{Type: crmlog.AttachmentTypeMMS, ContentType: "image/jpeg", FileName: name})
	}
	return in
}

// VoiceMail is a voicemail from the contact, without a transcript, which comes
// later: log it again with Transcript set.
func (b *Mailbox) VoiceMail(length time.Duration) crmlog.MessageInput {
	in := b.In("")
	in.Message.Type, in.Message.Conversation, in.Message.Attachments = crmlog.MessageTypeVoiceMail, crmlog.Conversation{}, nil
	attach(&in.Message, crmlog.Attachment{
		Type: crmlog.AttachmentTypeAudioRecording, ContentType: "audio/mpeg", VMDuration: int(length / time.Second),
	})
	return in
}

// Fax is a fax from the contact.
func (b *Mailbox) Fax(pages int) crmlog.MessageInput {
	in := b.In("")
	in.Message.Type, in.Message.Conversation, in.Message.Attachments = crmlog.MessageTypeFax, crmlog.Conversation{}, nil
	in.Message.FaxPageCount = pages
	attach(&in.Message, crmlog.Attachment{Type: crmlog.AttachmentTypeRenderedDocument, ContentType: "application/pdf"})
	return in
}

// Pager is a text from extension 102 to extension 101, RingCentral's internal
// message.
func (b *Mailbox) Pager(text string) crmlog.MessageInput {
	in := b.In(text)
	in.Message.Type, in.Message.MessageStatus = crmlog.MessageTypePager, crmlog.MessageStatusSent
	in.Message.Conversation.ID = "1001102"
	in.Message.From = crmlog.Party{ExtensionNumber: "102", Name: "Ann Lee"}
	in.Message.To = []crmlog.Party{{ExtensionNumber: "101", Name: "Sam Seller", Target: true}}
	return in
}

// GroupIn is an SMS from the contact to the mailbox and one other.
func (b *Mailbox) GroupIn(text string) crmlog.MessageInput {
	in := b.In(text)
	in.Message.Conversation.ID = "6288356833283647895"
	in.Message.To = append(in.Message.To, crmlog.Party{PhoneNumber: OtherNumber})
	return in
}

// GroupOut is an SMS to the contact and one other.
func (b *Mailbox) GroupOut(text string) crmlog.MessageInput {
	in := b.Out(text)
	in.Message.Conversation.ID = "6288356833283647895"
	in.Message.To = append(in.Message.To, crmlog.Party{PhoneNumber: OtherNumber})
	return in
}

// ThreadNote is what a colleague wrote about the contact's thread in a shared
// inbox, as [crmlog.DecodeThreadEntries] makes it; the contact does not see it.
func (b *Mailbox) ThreadNote(text string) crmlog.MessageInput {
	in := b.Out(text)
	m := &in.Message
	m.Type, m.ID, m.Conversation.ID, m.MessageStatus, m.Attachments = crmlog.MessageTypeThreadNote, "t-"+m.ID, "t-77", "", nil
	m.From = crmlog.Party{Name: "Alex Lee", ExtensionID: "201"}
	return in
}

// ThreadEvent is what became of the contact's thread in a shared inbox, such as
// "Assigned to Alex Lee".
func (b *Mailbox) ThreadEvent(text string) crmlog.MessageInput {
	in := b.ThreadNote(text)
	in.Message.Type, in.Message.ID = crmlog.MessageTypeThreadEvent, "te-"+in.Message.ID[len("t-"):]
	return in
}

func (b *Mailbox) next() crmlog.Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	at := time.Date(2026, 3, 10, 16, b.count, 0, 0, time.UTC).Add(b.skip)
	b.count++
	id := crmlog.ID(fmt.Sprint(1000 + b.count))
	return crmlog.Message{
		ID: id, URI: "https://platform.ringcentral.com/restapi/v1.0/account/1/extension/7/message-store/" + string(id),
		CreationTime: at, LastModifiedTime: at,
		ReadStatus: crmlog.ReadStatusUnread, Priority: crmlog.PriorityNormal, Availability: crmlog.AvailabilityAlive,
	}
}

func attach(m *crmlog.Message, a crmlog.Attachment) {
	a.ID = crmlog.ID(fmt.Sprintf("%s%d", m.ID, len(m.Attachments)))
	a.URI = "https://media.ringcentral.com/restapi/v1.0/account/1/extension/7/message-store/" + string(m.ID) + "/content/" + string(a.ID)
	m.Attachments = append(m.Attachments, a)
}

// LogInput is the call that logs messages of a [Mailbox]: user 7, Sam Seller in Los
// Angeles, contact 42, Ann Lee, and the credential "Bearer test-token".
func LogInput(messages ...crmlog.MessageInput) crmlog.LogInput {
	return crmlog.LogInput{
		User:        crmlog.User{ID: "7", Name: "Sam Seller", TimezoneName: "America/Los_Angeles"},
		Account:     "acme",
		ContactInfo: crmlog.ContactInfo{ID: "42", Name: "Ann Lee", PhoneNumber: ContactNumber, Type: "contact"},
		AuthHeader:  "Bearer test-token",
		Messages:    messages,
	}
}

// AddInput is [LogInput] for an adapter that is called without a router.
func AddInput(m crmlog.MessageInput) crmlog.AddMessageLogInput {
	in := LogInput()
	return crmlog.AddMessageLogInput{
		User: in.User, Account: in.Account, ContactInfo: in.ContactInfo, AuthHeader: in.AuthHeader,
		Message: m.Message, AdditionalSubmission: m.AdditionalSubmission, RecordingLink: m.RecordingLink, Transcript: m.Transcript,
	}
}

// Webhook is the notification with which RingCentral hands the message to a
// service: JSON, for [crmlog.DecodeMessages].
func Webhook(m crmlog.MessageInput) []byte {
	body, err := json.Marshal(map[string]any{
		"uuid":           "8b7a6c5d-" + string(m.Message.ID),
		"event":          "/restapi/v1.0/account/~/extension/~/message-store/instant?type=SMS",
		"timestamp":      m.Message.CreationTime,
		"subscriptionId": "2f5a0a3e-0000-4000-8000-000000000001",
		"body":           m.Message,
	})
	if err != nil {
		panic(err) // a Message always encodes
	}
	return body
}
