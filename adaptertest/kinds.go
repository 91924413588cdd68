package adaptertest

import (
	"fmt"
	"strings"

	"github.com/crmlog/crmlog"
)

// kinds are messages of every kind, and what is to be read of them.
var kinds = []struct {
	name   string
	change func(in *crmlog.AddMessageLogInput)
	reads  []string
}{
	{"an SMS from the contact", func(*crmlog.AddMessageLogInput) {}, words(2)},
	{"an SMS to the contact", outbound, words(2)},
	{"an SMS of several lines", func(in *crmlog.AddMessageLogInput) {
		in.Message.Subject = word(2) + "\nand a second line\n\nand a fourth"
	}, []string{word(2), "and a second line", "and a fourth"}},
	{"an MMS with a picture", func(in *crmlog.AddMessageLogInput) {
		in.Message.Attachments = append(in.Message.Attachments, picture)
	}, []string{word(2), "marzipan.jpg"}},
	{"an MMS without text", func(in *crmlog.AddMessageLogInput) {
		in.Message.Subject, in.Message.Attachments = "", []crmlog.Attachment{picture}
	}, []string{"marzipan.jpg"}},
	{"a voicemail with a transcript", func(in *crmlog.AddMessageLogInput) {
		toVoicemail(in)
		in.Transcript = "call me about the heliotrope"
	}, []string{"call me about the heliotrope"}},
	{"a voicemail without a transcript", toVoicemail, nil},
	{"a fax", func(in *crmlog.AddMessageLogInput) {
		m := &in.Message
		m.Type, m.Subject, m.FaxPageCount = crmlog.MessageTypeFax, "", 3
		m.Attachments = []crmlog.Attachment{{
			ID: "1", Type: crmlog.AttachmentTypeRenderedDocument, ContentType: "application/pdf",
			URI: media + "1",
		}}
	}, []string{"3"}},
	{"a pager message", func(in *crmlog.AddMessageLogInput) {
		in.Message.Type = crmlog.MessageTypePager
		in.Message.From, in.Message.To = crmlog.Party{ExtensionNumber: "102"}, []crmlog.Party{{ExtensionNumber: "101"}}
	}, words(2)},
	{"a message to a group", func(in *crmlog.AddMessageLogInput) {
		outbound(in)
		in.Message.To = append(in.Message.To, crmlog.Party{PhoneNumber: "+12025550143", Name: "Somebody Else"})
	}, words(2)},
	{"a colleague's note on a shared conversation", func(in *crmlog.AddMessageLogInput) {
		in.Message.Type = crmlog.MessageTypeThreadNote
	}, words(2)},
	{"an event of a shared conversation", func(in *crmlog.AddMessageLogInput) {
		in.Message.Type = crmlog.MessageTypeThreadEvent
	}, words(2)},
	{"a message that could not be delivered", func(in *crmlog.AddMessageLogInput) {
		outbound(in)
		in.Message.MessageStatus = crmlog.MessageStatusDeliveryFailed
	}, words(2)},
}

const media = "https://media.ringcentral.com/restapi/v1.0/account/1/extension/1/message-store/1/content/"

var picture = crmlog.Attachment{
	ID: "2", Type: crmlog.AttachmentTypeMMS, ContentType: "image/jpeg", FileName: "marzipan.jpg", URI: media + "2",
}

func outbound(in *crmlog.AddMessageLogInput) {
	m := &in.Message
	m.Direction, m.MessageStatus = crmlog.DirectionOutbound, crmlog.MessageStatusSent
	m.From, m.To = crmlog.Party{PhoneNumber: userPhone}, []crmlog.Party{{PhoneNumber: contactPhone}}
}

func toVoicemail(in *crmlog.AddMessageLogInput) {
	m := &in.Message
	m.Type, m.Subject = crmlog.MessageTypeVoiceMail, ""
	m.Attachments = []crmlog.Attachment{{ID: "1", Type: crmlog.AttachmentTypeAudioRecording, VMDuration: 42, URI: media + "1"}}
}

// voicemail is message n of the conversation's digest as a voicemail.
func (p *probe) voicemail(n int, transcript string) crmlog.AddMessageLogInput {
	in := p.input(n)
	toVoicemail(&in)
	in.Transcript = transcript
	return in
}

func kindChecks() []check {
	var all []check
	for _, k := range kinds {
		all = append(all, check{
			name: k.name + " is logged",
			rule: rule{
				says: "Every kind of message is logged, as the first one of a record and as a later one, with all that there is to read in it.",
				why:  "A kind that an adapter forgets is missing in the CRM, or stops its whole conversation.",
				see:  seeAdapter,
			},
			do: func(p *probe) {
				reads := func(logID, when string) {
					text := squash(p.text(logID))
					for _, r := range k.reads {
						p.want(strings.Contains(text, r), "%s: %s is not to be read in the record", when, fmt.Sprintf("%q", r))
					}
				}
				first := p.input(2)
				k.change(&first)
				logID := p.add(p.digested(first))
				reads(logID, "as the first message")
				p.want(p.update(logID, p.digested(first)).AlreadyThere, "as the first message: it is not found again (AlreadyThere is not set)")

				p.open()
				logID = p.add(p.input(1))
				later := p.input(2)
				k.change(&later)
				p.want(!p.update(logID, later).AlreadyThere, "AlreadyThere is set for a message that was just added")
				reads(logID, "as a later message")
				p.want(p.update(logID, later).AlreadyThere, "as a later message: it is not found again (AlreadyThere is not set)")
				p.update(logID, p.input(3))
				reads(logID, "after one more update")
				p.inOrder(p.text(logID), append(words(1), word(3))...)
			},
		})
	}
	return all
}
