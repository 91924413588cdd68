package crmlog

import (
	"slices"
	"strings"
)

// Sender returns who sent the message; zero on outbound faxes without from.
func (m Message) Sender() Party { return m.From }

// Correspondents returns the people on the other side, each once, in the order
// of the record.
//
// Outbound they are the recipients. Inbound they are the sender and, in a group
// conversation, the other recipients: all but the one marked target, or the only
// one, whose mailbox it is. When a group message marks none, all recipients are
// returned, for the record does not tell which one is the mailbox's. Of an
// inbound voicemail or fax it is the sender alone. A pager message's own
// extension is left out wherever it stands. Who writes to themselves is their
// own correspondent. It is nil when the record names nobody or no direction.
func (m Message) Correspondents() []Party { return correspondentsOf(&m) }

func correspondentsOf(m *Message) []Party {
	var people []Party
	own := -1 // index in m.To, of an inbound message
	kind := kindOf(m)
	switch {
	case m.Direction.Is(DirectionOutbound):
		people = m.To
	case m.Direction.Is(DirectionInbound):
		people = []Party{m.From}
		if kind == KindVoiceMail || kind == KindFax {
			break
		}
		own = slices.IndexFunc(m.To, func(p Party) bool { return p.Target })
		if len(m.To) == 1 {
			own = 0
		}
		for i, p := range m.To {
			if i != own {
				people = append(people, p)
			}
		}
	}
	others := distinct(people)

	if kind == KindPager && len(others) > 1 {
		self := m.From
		if own >= 0 {
			self = m.To[own]
		}
		if own >= 0 || !m.Direction.Is(DirectionInbound) {
			others = slices.DeleteFunc(others, func(p Party) bool { return p.same(self) })
		}
	}
	return others
}

// distinct returns a new list without repetitions and without parties that
// nothing is known of.
func distinct(people []Party) []Party {
	var out []Party
	for _, p := range people {
		if p.key() != (partyKey{}) && !slices.ContainsFunc(out, p.same) {
			out = append(out, p)
		}
	}
	return out
}

// partyKey tells parties apart: by number and extension, else by extension id,
// else by name.
type partyKey struct{ phone, extension, other string }

func (p Party) key() partyKey {
	k := partyKey{phone: bareNumber(p.PhoneNumber), extension: p.ExtensionNumber}
	if k == (partyKey{}) {
		k.other = string(p.ExtensionID)
	}
	if k == (partyKey{}) {
		k.other = p.Name
	}
	return k
}

func (p Party) same(q Party) bool { return p.key() == q.key() }

// bareNumber drops what phone numbers are formatted with. Old records lack the
// plus sign.
func bareNumber(s string) string {
	s = strings.TrimLeft(s, "+") // all that E.164 has, which needs no copy
	return strings.Map(func(r rune) rune {
		switch r {
		case ' ', '-', '(', ')', '.', '+':
			return -1
		}
		return r
	}, s)
}
