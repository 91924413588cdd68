package crmlog

import (
	"fmt"
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
func checkMessage(m *Message) error {
	if err := checkID("message.id", string(m.ID)); err != nil {
		return err
	}
	if m.CreationTime.IsZero() {
		return &InputError{"message.creationTime", "missing; give the time of the RingCentral record, which decides the day"}
	}
	if y := m.CreationTime.Year(); y < 1990 || y > 9000 {
		return &InputError{"message.creationTime", fmt.Sprintf("year %d; a number is taken as milliseconds since 1970", y)}
	}
	if m.Kind() == KindUnknown {
		return &InputError{"message.type", "missing or unknown; give SMS, MMS, VoiceMail, Fax or Pager, or what DecodeThreadEntries gives"}
	}
	if id, ok := m.ConversationKey(); ok {
		return checkID("message.conversation.id", string(id))
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
