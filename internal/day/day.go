// Package day is a salesperson's days of messages of every kind, as they come in
// from RingCentral: what quickstart logs and what the pictures in docs show.
package day

import (
	"net/url"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/testcrm"
)

// Contacts are the customers; the first one has the most to say.
func Contacts() []testcrm.Contact {
	return []testcrm.Contact{ann, bob, noa, kai, mia}
}

var (
	ann = testcrm.Contact{ID: "con_ann", Name: "Ann Lee", Phones: []string{"+16505550101"}}
	bob = testcrm.Contact{ID: "con_bob", Name: "Bob & Sons", Phones: []string{"+16505550102"}}
	noa = testcrm.Contact{ID: "con_noa", Name: "נועה לוי", Phones: []string{"+972505550103"}}
	kai = testcrm.Contact{ID: "con_kai", Name: "Kai Ōta", Phones: []string{"+81905550104"}}
	mia = testcrm.Contact{ID: "con_mia", Name: "Mia Weber", Phones: []string{"+4915555500105", "+4930555500105"}}
)

const own = "+16505550100"

// Event is a message as it comes in, and what is special about it.
type Event struct {
	What    string
	Contact testcrm.Contact
	crmlog.MessageInput
}

// LogInput is the call that logs the event.
func (e Event) LogInput() crmlog.LogInput {
	return crmlog.LogInput{
		User:        crmlog.User{ID: "7", Name: "Sam Seller", TimezoneName: "America/Los_Angeles"},
		ContactInfo: crmlog.ContactInfo{ID: crmlog.ID(e.Contact.ID), Name: e.Contact.Name, PhoneNumber: e.Contact.Phones[0], Type: "contact"},
		AuthHeader:  "Bearer sesame",
		Messages:    []crmlog.MessageInput{e.MessageInput},
	}
}

// Events are the messages in the order in which they come in. A message that
// comes again is a repetition, or has changed.
func Events() []Event {
	tuesday := conversation("2026-03-10T")
	late := tuesday.out(ann, "16:12:00", "The order form is on its way to you by post.")
	failed := late
	failed.Message.MessageStatus = crmlog.MessageStatusDeliveryFailed
	failed.Message.LastModifiedTime = late.Message.CreationTime.Add(time.Minute)
	heard := tuesday.voicemail(ann, "15:51:30", 42)
	transcribed := heard
	transcribed.Transcript = "Hi Sam, it's Ann. The helmet fits, thank you! Please add a second one in size M to my order, and call me back about the delivery."
	hold := tuesday.in(ann, "16:02:11", "Hi Sam, can you hold the blue one for me until Friday?")

	return []Event{
		conversation("2026-03-06T").in(mia, "09:12:00", "Guten Tag, ist das Lastenrad noch zu haben?"),
		conversation("2026-03-09T").in(kai, "23:05:00", "Thanks for the tour of the shop!"),
		conversation("2026-03-09T").in(ann, "17:15:05", "Hello, do you sell the <blue> city bike that is in your window?").is("first of its day"),
		conversation("2026-03-09T").out(ann, "17:18:31", "We do. It is $1,240 with lights & lock.").is("an answer"),
		tuesday.fax(ann, "15:27:44", 3).is("a fax"),
		heard.is("a voicemail"), transcribed.is("its transcript has come"),
		hold.is("first of the next day"),
		tuesday.out(ann, "16:04:40", "With pleasure. Which size do you need?\nS: up to 165 cm\nM: up to 180 cm").is("an answer"),
		hold.is("the same again"),
		tuesday.picture(ann, "16:09:02", "M please. And does this basket fit? 🧺", "basket.jpg").is("a picture"),
		tuesday.in(bob, "17:30:02", "Our order:\n- 12 helmets\n- 3 pumps").is("another customer"),
		tuesday.out(bob, "18:15:00", "Shipping is free over $1,000.").is("an answer"),
		tuesday.in(bob, "17:31:45", "P.S. we need it by Monday").is("late, belongs before"),
		tuesday.in(noa, "17:45:10", "שלום סם, האם האופניים מוכנים?"),
		late.is("an answer"), failed.is("it could not be delivered"),
		tuesday.in(ann, "23:58:20", "Great, see you on Thursday 🙂"),
		conversation("2026-03-11T").in(ann, "06:59:50", "And thanks for your patience!").is("last of its day"),
		conversation("2026-03-11T").in(ann, "07:01:05", "Make that Friday, sorry!").is("past midnight"),
	}
}

func (e Event) is(what string) Event {
	e.What = what
	return e
}

// conversation is a day's, the beginning of its times.
type conversation string

func (day conversation) in(c testcrm.Contact, clock, text string) Event {
	created, err := time.Parse(time.RFC3339, string(day)+clock+"Z")
	if err != nil {
		panic(err) // a mistake in the table above
	}
	return Event{Contact: c, MessageInput: crmlog.MessageInput{Message: crmlog.Message{
		ID:            crmlog.ID("28" + created.Format("02150405")),
		Type:          crmlog.MessageTypeSMS,
		Direction:     crmlog.DirectionInbound,
		CreationTime:  created,
		Subject:       text,
		Conversation:  crmlog.Conversation{ID: crmlog.ID("70010020030" + c.Phones[0][8:])},
		From:          crmlog.Party{PhoneNumber: c.Phones[0]},
		To:            []crmlog.Party{{PhoneNumber: own, Target: true}},
		MessageStatus: crmlog.MessageStatusReceived,
	}}}
}

func (day conversation) out(c testcrm.Contact, clock, text string) Event {
	e := day.in(c, clock, text)
	e.Message.Direction = crmlog.DirectionOutbound
	e.Message.From, e.Message.To = crmlog.Party{PhoneNumber: own}, []crmlog.Party{{PhoneNumber: c.Phones[0]}}
	e.Message.MessageStatus = crmlog.MessageStatusSent
	return e
}

func (day conversation) picture(c testcrm.Contact, clock, text, name string) Event {
	e := day.in(c, clock, text)
	e.attach(crmlog.Attachment{Type: crmlog.AttachmentTypeMMS, ContentType: "image/jpeg", FileName: name})
	return e
}

func (day conversation) voicemail(c testcrm.Contact, clock string, seconds int) Event {
	e := day.in(c, clock, "")
	e.Message.Type, e.Message.Conversation = crmlog.MessageTypeVoiceMail, crmlog.Conversation{}
	e.attach(crmlog.Attachment{Type: crmlog.AttachmentTypeAudioRecording, ContentType: "audio/mpeg", VMDuration: seconds})
	return e
}

func (day conversation) fax(c testcrm.Contact, clock string, pages int) Event {
	e := day.in(c, clock, "")
	e.Message.Type, e.Message.Conversation, e.Message.FaxPageCount = crmlog.MessageTypeFax, crmlog.Conversation{}, pages
	e.attach(crmlog.Attachment{Type: crmlog.AttachmentTypeRenderedDocument, ContentType: "application/pdf"})
	return e
}

func (e *Event) attach(a crmlog.Attachment) {
	a.ID = e.Message.ID
	a.URI = "https://media.ringcentral.com/restapi/v1.0/account/1/extension/7/message-store/" + url.PathEscape(string(e.Message.ID)) + "/content/" + string(a.ID)
	e.Message.Attachments = append(e.Message.Attachments, a)
}
