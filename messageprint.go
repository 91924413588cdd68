package crmlog

import (
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
)

// The types of a message print and log without text, names, numbers, links and
// file names. They need both methods: fmt shows unexported fields, so that the
// text a value was decoded from would come out.

// String says which message it is, without its text, names or numbers.
func (m Message) String() string { return describe("Message", m.LogValue()) }

// Format implements [fmt.Formatter]; every verb prints what String returns.
func (m Message) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, m.String()) }

// LogValue implements [log/slog.LogValuer].
func (m Message) LogValue() slog.Value {
	conversation, ok := m.ConversationKey()
	if !ok {
		conversation = ""
	}
	return group(
		token("id", m.ID), token("type", m.Type), token("direction", m.Direction),
		token("availability", m.Availability), token("conversation", conversation),
		slog.Int("to", len(m.To)), slog.Int("attachments", len(m.Attachments)))
}

// Format implements [fmt.Formatter]; every verb prints what LogValue returns.
func (p Party) Format(f fmt.State, _ rune) { printAs(f, "Party", p) }

// LogValue implements [log/slog.LogValuer].
func (p Party) LogValue() slog.Value {
	return group(token("extensionId", p.ExtensionID), token("recipientId", p.RecipientID),
		token("messageStatus", p.MessageStatus))
}

// Format implements [fmt.Formatter]; every verb prints what LogValue returns.
func (n PhoneNumberInfo) Format(f fmt.State, _ rune) { printAs(f, "PhoneNumberInfo", n) }

// LogValue implements [log/slog.LogValuer]; it tells nothing.
func (n PhoneNumberInfo) LogValue() slog.Value { return group() }

// Format implements [fmt.Formatter]; every verb prints what LogValue returns.
func (a Attachment) Format(f fmt.State, _ rune) { printAs(f, "Attachment", a) }

// LogValue implements [log/slog.LogValuer].
func (a Attachment) LogValue() slog.Value { return group(token("id", a.ID), token("type", a.Type)) }

// Format implements [fmt.Formatter]; every verb prints what LogValue returns.
func (c Conversation) Format(f fmt.State, _ rune) { printAs(f, "Conversation", c) }

// LogValue implements [log/slog.LogValuer].
func (c Conversation) LogValue() slog.Value { return group(token("id", c.ID)) }

// Format implements [fmt.Formatter]; every verb prints what LogValue returns.
func (o Owner) Format(f fmt.State, _ rune) { printAs(f, "Owner", o) }

// LogValue implements [log/slog.LogValuer].
func (o Owner) LogValue() slog.Value {
	return group(token("extensionId", o.ExtensionID), token("extensionType", o.ExtensionType))
}

// Format implements [fmt.Formatter]; every verb prints what LogValue returns.
func (f Forwarding) Format(s fmt.State, _ rune) { printAs(s, "Forwarding", f) }

// LogValue implements [log/slog.LogValuer].
func (f Forwarding) LogValue() slog.Value { return f.OriginalSender.LogValue() }

func printAs(f fmt.State, name string, v slog.LogValuer) {
	_, _ = io.WriteString(f, describe(name, v.LogValue()))
}

func describe(name string, v slog.Value) string {
	var parts []string
	for _, a := range v.Group() {
		parts = append(parts, a.Key+"="+a.Value.String())
	}
	return name + "{" + strings.Join(parts, " ") + "}"
}

// group leaves out what is empty.
func group(attrs ...slog.Attr) slog.Value {
	var kept []slog.Attr
	for _, a := range attrs {
		if a.Value.String() != "" {
			kept = append(kept, a)
		}
	}
	return slog.GroupValue(kept...)
}

// token shows an id or an enumeration, which are words of ASCII letters, digits
// and hyphens. Foreign input may have put anything else in its place.
func token[T ~string](key string, s T) slog.Attr {
	odd := func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}
	if len(s) > 64 || strings.IndexFunc(string(s), odd) >= 0 {
		return slog.String(key, "("+strconv.Itoa(len(s))+" bytes)")
	}
	return slog.String(key, string(s))
}
