package crmlog

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/crmlog/crmlog/internal/keepjson"
)

// Thread is a message thread of RingCentral's shared SMS inbox: the messages
// between one guest and one of the company's numbers, until somebody resolves
// it or it has been idle for 72 hours. The guest's next message opens a new
// thread, so that one contact has many.
//
// A thread's entries name no phone numbers: they stand here. A Thread decodes
// from JSON as a [Message] does, encodes to the same values, and is as private:
// printed or logged it shows ids and enumerations alone.
type Thread struct {
	ID           ID           `json:"id,omitempty"`
	Status       string       `json:"status,omitempty"` // Open or Resolved
	Availability Availability `json:"availability,omitempty"`
	// Owner is whose number it is: a user or a call queue.
	Owner            Owner     `json:"owner,omitzero"`
	OwnerParty       Party     `json:"ownerParty,omitzero"` // the company's number
	GuestParty       Party     `json:"guestParty,omitzero"` // the customer's number
	Assignee         Owner     `json:"assignee,omitzero"`   // absent when resolved
	CreationTime     time.Time `json:"creationTime,omitzero"`
	LastModifiedTime time.Time `json:"lastModifiedTime,omitzero"`

	raw string
}

// ThreadOptions say which entries of threads become messages. The zero value
// takes all that there is to log.
type ThreadOptions struct {
	// OmitNotes leaves out internal notes, which the company's users write about
	// a thread and the guest does not see.
	OmitNotes bool
	// OmitAssignments leaves out who was given a thread to answer.
	OmitAssignments bool
}

// The ids of thread entries are not those of the Message Store, and those of
// events may be neither.
const (
	threadPrefix      = "t-"
	threadEventPrefix = "te-"
)

// DecodeThreadEntries reads entries of message threads, in the order of the
// input: single ones, arrays and pages of them (records) as the lists of messages
// and notes and the sync of entries give them, any number one after another. A
// notification tells a time alone and gives no message; sync then. The sync
// gives entries of several threads; threads must have all of them, and of two
// with one id the last counts.
//
// Entries become messages as a [Router] takes them:
//
//   - A thread's message has MessageTypeSMS, its text as Subject, its files as
//     MMS attachments, and the thread's numbers in From and To; an outbound one
//     has its author's name in From, or none where an automatism wrote it.
//   - An internal note has MessageTypeThreadNote, its text as Subject and its
//     author in From. When it comes again with another text, a Router adds that to
//     its entry.
//   - An assignment has MessageTypeThreadEvent, an English sentence such as
//     "Assigned to Alex Lee" as Subject, and in From who did it, or nobody for
//     the system. Its creation time is its lastModifiedTime; it never changes.
//   - A deleted message or note has ID, Conversation, Availability and
//     LastModifiedTime alone, and a Router skips it.
//
// That a thread was created, resolved or deleted is left out. Notes and events
// are Outbound, to the guest, for whose contact they are logged. ID is the
// entry's id behind "t-", of an event behind "te-", for the Message Store may
// have the same id; Conversation is the thread's id behind "t-", so that each
// thread has digests of its own. The messages encode to JSON that
// [DecodeMessages] reads; fields of the entries that are not named here are lost.
//
// Errors and limits are those of [DecodeMessages]. An [*InputError] for its
// entry alone are also: a recordType that is not known, a missing id, and a
// thread that is not among threads. A thread without id is one for the call.
func DecodeThreadEntries(r io.Reader, threads []Thread, options ThreadOptions) ([]Message, error) {
	e := threadEntries{threads: make(map[ID]*Thread, len(threads)), options: options}
	for i := range threads {
		if err := checkID(fmt.Sprintf("threads[%d].id", i), string(threads[i].ID)); err != nil {
			return nil, err
		}
		e.threads[threads[i].ID] = &threads[i]
	}
	return (&messageDecoder{thread: &e}).read(r)
}

// ThreadID is the id of the [Thread] that the message is an entry of, as
// RingCentral has it; "" when it is of the Message Store.
func (m Message) ThreadID() ID {
	id, ok := strings.CutPrefix(string(m.Conversation.ID), threadPrefix)
	if !ok {
		return ""
	}
	return ID(id)
}

// threadEntries makes messages of entries.
type threadEntries struct {
	threads map[ID]*Thread
	options ThreadOptions
}

// threadEntry has the fields of all kinds of entries.
type threadEntry struct {
	RecordType       string             `json:"recordType"`
	ID               ID                 `json:"id"`
	ThreadID         ID                 `json:"threadId"`
	Availability     Availability       `json:"availability"`
	CreationTime     time.Time          `json:"creationTime"`
	LastModifiedTime time.Time          `json:"lastModifiedTime"`
	Direction        Direction          `json:"direction"`
	MessageStatus    MessageStatus      `json:"messageStatus"`
	Text             string             `json:"text"`
	Attachments      []threadAttachment `json:"attachments"`
	Author           Owner              `json:"author"`
	Initiator        Owner              `json:"initiator"`
	Assignee         Owner              `json:"assignee"`
	PreviousAssignee Owner              `json:"previousAssignee"`
}

type threadAttachment struct {
	ID          ID     `json:"id"`
	ContentType string `json:"contentType"`
	ContentURI  string `json:"contentUri"`
	FileName    string `json:"filename"`
	Size        int64  `json:"size"`
}

func (a *threadAttachment) UnmarshalJSON(data []byte) error {
	var raw string
	return keepjson.Unmarshal(data, a, &raw)
}

// decode checks what every entry must have.
func (e *threadEntries) decode(data []byte, members []keepjson.Member) (in threadEntry, err error) {
	var raw string
	if err := keepjson.UnmarshalMembers(data, members, &in, &raw); err != nil {
		return threadEntry{}, err
	}
	in.RecordType = in.recordType()
	switch in.RecordType {
	case "AliveMessage", "DeletedMessage", "AliveNote", "DeletedNote", "ThreadAssignedHint",
		"ThreadCreatedHint", "ThreadResolvedHint", "ThreadDeletedHint":
	case "":
		return threadEntry{}, &keepjson.Error{Path: "recordType", Problem: "missing, and the other fields do not tell it"}
	default:
		return threadEntry{}, &keepjson.Error{Path: "recordType", Problem: shown(in.RecordType) + " is not known"}
	}
	if in.ID == "" {
		return threadEntry{}, &keepjson.Error{Path: "id", Problem: "missing"}
	}
	if in.ThreadID == "" {
		return threadEntry{}, &keepjson.Error{Path: "threadId", Problem: "missing"}
	}
	return in, nil
}

// recordType tells what an entry is that does not say so: the lists of messages
// and notes have one kind each.
func (in *threadEntry) recordType() string {
	switch {
	case in.RecordType != "":
		return in.RecordType
	case in.Availability.Is(AvailabilityDeleted):
		return "DeletedMessage"
	case in.Direction != "" || in.MessageStatus != "":
		return "AliveMessage"
	case in.Text != "":
		return "AliveNote"
	}
	return ""
}

func (e *threadEntries) omits(in *threadEntry) bool {
	switch in.RecordType {
	case "AliveNote", "DeletedNote":
		return e.options.OmitNotes
	case "ThreadAssignedHint":
		return e.options.OmitAssignments
	case "ThreadCreatedHint", "ThreadResolvedHint", "ThreadDeletedHint":
		return true
	}
	return false
}

func (e *threadEntries) message(in *threadEntry) (Message, error) {
	m := Message{
		ID:               threadPrefix + in.ID,
		LastModifiedTime: in.LastModifiedTime,
		Conversation:     Conversation{ID: threadPrefix + in.ThreadID},
	}
	if strings.HasPrefix(in.RecordType, "Deleted") || in.Availability.Is(AvailabilityDeleted) {
		m.Availability = AvailabilityDeleted
		return m, nil
	}
	t := e.threads[in.ThreadID]
	if t == nil {
		return Message{}, &keepjson.Error{Path: "threadId", Problem: "thread " + shown(in.ThreadID) + " is not among those given; read it and give it too"}
	}
	m.Availability = AvailabilityAlive
	m.CreationTime = in.CreationTime
	m.Subject = in.Text
	m.Owner = t.Owner
	company := Party{PhoneNumber: t.OwnerParty.PhoneNumber}
	guest := Party{PhoneNumber: t.GuestParty.PhoneNumber, Name: t.GuestParty.Name}
	switch in.RecordType {
	case "AliveMessage":
		m.Type, m.Direction, m.MessageStatus = MessageTypeSMS, in.Direction, in.MessageStatus
		for _, a := range in.Attachments {
			m.Attachments = append(m.Attachments, Attachment{
				ID: a.ID, URI: a.ContentURI, Type: AttachmentTypeMMS, ContentType: a.ContentType, FileName: a.FileName, Size: a.Size,
			})
		}
		if m.Inbound() {
			company.Name, company.ExtensionID, company.Target = t.Owner.Name, t.Owner.ExtensionID, true
			m.From, m.To = guest, []Party{company}
			return m, nil
		}
		company.Name, company.ExtensionID = in.Author.Name, in.Author.ExtensionID
		m.From = company
	case "AliveNote":
		m.Type, m.Direction, m.From = MessageTypeThreadNote, DirectionOutbound, in.Author.party()
	case "ThreadAssignedHint":
		m.Type, m.Direction, m.From = MessageTypeThreadEvent, DirectionOutbound, in.Initiator.party()
		m.ID = threadEventPrefix + in.ID
		m.CreationTime = in.LastModifiedTime
		m.Subject = assignment(in.Assignee, in.PreviousAssignee)
	}
	m.To = []Party{guest}
	return m, nil
}

func (o Owner) party() Party { return Party{Name: o.Name, ExtensionID: o.ExtensionID} }

// assignment is in English whatever the user's language, for it is stored as the
// text of a message.
func assignment(to, from Owner) string {
	switch to, from := to.words(), from.words(); {
	case to != "" && from != "":
		return "Reassigned from " + from + " to " + to
	case to != "":
		return "Assigned to " + to
	case from != "":
		return "Unassigned from " + from
	}
	return "Unassigned"
}

func (o Owner) words() string {
	switch {
	case strings.TrimSpace(o.Name) != "":
		return o.Name
	case o.ExtensionID != "":
		return "extension id " + string(o.ExtensionID)
	}
	return ""
}

// UnmarshalJSON implements [encoding/json.Unmarshaler]. It replaces the whole
// thread.
func (t *Thread) UnmarshalJSON(data []byte) error {
	return inputError("thread", keepjson.Unmarshal(data, t, &t.raw))
}

// MarshalJSON implements [encoding/json.Marshaler].
func (t Thread) MarshalJSON() ([]byte, error) { return keepjson.Marshal(&t, t.raw) }

// Format implements [fmt.Formatter]; every verb prints what LogValue returns.
func (t Thread) Format(f fmt.State, _ rune) { printAs(f, "Thread", t) }

// LogValue implements [log/slog.LogValuer].
func (t Thread) LogValue() slog.Value {
	return group(token("id", t.ID), token("status", t.Status), token("availability", t.Availability))
}

// shown is foreign input as it may stand in an error.
func shown[T ~string](s T) string { return token("", s).Value.String() }
