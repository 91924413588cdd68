package crmlog

import (
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxIDLength bounds what becomes part of a key, in bytes. RingCentral's ids
// have up to 36, the CRMs' up to about 100.
const maxIDLength = 255

// checkCall checks what all messages of a call have in common.
func checkCall(user User, contact ContactInfo, auth AuthHeader) error {
	if err := checkID("user.id", string(user.ID)); err != nil {
		return err
	}
	if err := checkID("contactInfo.id", string(contact.ID)); err != nil {
		return err
	}
	if strings.TrimSpace(string(auth)) == "" {
		return &InputError{"authHeader", "empty; give the Authorization header to send to the CRM, such as Bearer and a token"}
	}
	for _, c := range auth {
		if c < ' ' || c == 0x7f {
			return &InputError{"authHeader", "has a line break or control character; give the header's value alone"}
		}
	}
	return nil
}

// checkMessage checks what a message must have to be filed. Deleted stubs have
// none of it and never come here.
func checkMessage(m *Message, recordingLink string) error {
	if err := checkID("message.id", string(m.ID)); err != nil {
		return err
	}
	if m.CreationTime.IsZero() {
		return &InputError{"message.creationTime", "missing; give the time of the RingCentral record, which decides the day"}
	}
	if y := m.CreationTime.Year(); y < 1990 || y > 9000 {
		return &InputError{"message.creationTime", fmt.Sprintf("year %d; a number is taken as milliseconds since 1970", y)}
	}
	kind := kindOf(m)
	if kind == KindUnknown {
		return &InputError{"message.type", "missing or unknown; give SMS, MMS, VoiceMail, Fax or Pager, or what DecodeThreadEntries gives"}
	}
	if id, ok := conversationOf(m); ok {
		if err := checkID("message.conversation.id", string(id)); err != nil {
			return err
		}
	}
	if kind == KindVoiceMail { // no other kind shows it
		return checkLink("recordingLink", strings.TrimSpace(recordingLink))
	}
	return nil
}

// checkLink refuses what people should not be led to by a click, as package note
// does, which knows no names of fields.
func checkLink(field, link string) error {
	if link == "" {
		return nil
	}
	u, err := url.Parse(link)
	if err != nil || !strings.EqualFold(u.Scheme, "https") || u.Host == "" || u.User != nil {
		return &InputError{field, fmt.Sprintf("%d bytes that are no link to show; give https://host/… without user and password, or nothing", len(link))}
	}
	return nil
}

func checkID(field, id string) error {
	switch {
	case strings.TrimSpace(id) == "":
		return &InputError{field, "empty; give the id"}
	case len(id) > maxIDLength:
		return &InputError{field, fmt.Sprintf("%d bytes long; an id has at most %d", len(id), maxIDLength)}
	case !utf8.ValidString(id) || strings.ContainsFunc(id, unicode.IsControl):
		return &InputError{field, "has control characters or is not UTF-8; give the id alone"}
	}
	return nil
}
