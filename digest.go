package crmlog

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"time"
)

// DigestRef names a digest: the messages of one conversation with one contact,
// of one user, on one day.
type DigestRef struct {
	// Ref is the digest's key, 29 lower-case ASCII letters, digits and a hyphen.
	// It stays the same for years and versions, and fits a CRM's external-id
	// field. All parts of a day have the same Ref.
	Ref string `json:"ref"`
	// Conversation is the RingCentral conversation's id behind "c", or the
	// message's own id behind "m" for a message that has no conversation
	// (voicemail, fax), which is a digest of its own.
	Conversation string `json:"conversation"`
	// Day is the calendar day, YYYY-MM-DD, in Location.
	Day string `json:"day"`
	// Part is 1 for a day's first record, 2 and up when the day outgrows it.
	Part int `json:"part"`
	// Location is the zone of Day, in which times are shown.
	Location *time.Location `json:"-"`
}

// IsZero reports whether the digest is not known, as in the input of an adapter
// that is called without a router.
func (d DigestRef) IsZero() bool { return d.Ref == "" }

// NewDigestRef finds the digest that a message belongs to: part 1 of the
// calendar day of its creationTime in the user's zone. Platform is the adapter's
// name, such as "pipedrive". An input that lacks what it takes is an
// [*InputError].
func NewDigestRef(platform string, in AddMessageLogInput) (DigestRef, error) {
	if err := checkCall(in.User, in.ContactInfo, in.AuthHeader); err != nil {
		return DigestRef{}, err
	}
	if err := checkMessage(&in.Message, in.RecordingLink); err != nil {
		return DigestRef{}, err
	}
	loc, err := zone(in.User, in.TimezoneOffset, time.LoadLocation)
	if err != nil {
		return DigestRef{}, err
	}
	return newDigestRef(platform, &in, loc), nil
}

func newDigestRef(platform string, in *AddMessageLogInput, loc *time.Location) DigestRef {
	d := DigestRef{
		Conversation: conversationKey(&in.Message),
		Day:          in.Message.CreationTime.In(loc).Format(time.DateOnly),
		Part:         1,
		Location:     loc,
	}
	d.Ref = digestKey(platform, in.Account, string(in.User.ID), string(in.ContactInfo.ID), d.Conversation, d.Day)
	return d
}

// conversationKey keeps conversations and single messages apart: a pager
// conversation can have its first message's id.
func conversationKey(m *Message) string {
	if id, ok := conversationOf(m); ok {
		return "c" + string(id)
	}
	return "m" + string(m.ID)
}

// digestKey is stored for years: a change of it opens every digest anew, so
// that it carries a version.
func digestKey(platform, account, user, contact, conversation, day string) string {
	return hashFields("c1-", "crmlog digest 1", platform, account, user, contact, conversation, day)
}

var lowerBase32 = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// hashFields is a hash in 26 letters and digits, behind a prefix.
func hashFields(prefix string, fields ...string) string {
	sum := hash(fields...)
	out := make([]byte, 0, 32)
	return string(lowerBase32.AppendEncode(append(out, prefix...), sum[:]))
}

// hash is 128 bits of a hash. Each field goes in with its length, so that no two
// lists of fields look alike.
func hash(fields ...string) [16]byte {
	in := make([]byte, 0, 512)
	for _, f := range fields {
		in = binary.BigEndian.AppendUint64(in, uint64(len(f)))
		in = append(in, f...)
	}
	sum := sha256.Sum256(in)
	return [16]byte(sum[:16])
}
