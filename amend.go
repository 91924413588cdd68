package crmlog

import (
	"errors"
	"log/slog"
	"strings"
)

// An amendment is a message that is logged, and came again with something to
// show that its entry does not.
type amendment struct {
	e     *entry
	state MessageState
}

func entriesOf(list []amendment) []*entry {
	var entries []*entry
	for _, a := range list {
		entries = append(entries, a.e)
	}
	return entries
}

const transcribed = " transcribed"

// shownStatus is what the store keeps of how an entry looks: RingCentral's
// messageStatus, and whether a voicemail's transcript is in it; of an internal
// note, whose text alone can be changed, a fingerprint that does not give it away.
func shownStatus(e *entry) string {
	m := &e.in.Message
	if kindOf(m) == KindInternalNote {
		return hashFields("", "crmlog note 1", e.in.Digest.Ref, string(m.ID), m.Subject)[:8]
	}
	status := string(m.MessageStatus)
	if e.in.Transcript != "" {
		status += transcribed
	}
	return status
}

// shows reports whether the entry would look different now. What only RingCentral
// can see (Queued, Sent, Delivered, read) costs nothing.
func shows(e *entry, s MessageState) bool {
	m := &e.in.Message
	if kindOf(m) == KindInternalNote {
		return m.LastModifiedTime.After(s.LastModified) && shownStatus(e) != s.Status
	}
	failed := m.MessageStatus.failed() && !MessageStatus(strings.TrimSuffix(s.Status, transcribed)).failed()
	if failed && m.LastModifiedTime.After(s.LastModified) {
		return true
	}
	return e.in.Transcript != "" && !strings.HasSuffix(s.Status, transcribed)
}

func (s MessageStatus) failed() bool {
	return s.Is(MessageStatusDeliveryFailed) || s.Is(MessageStatusSendingFailed)
}

// amend changes the message's entry where it stands. An entry that a person
// deleted, alone or with its record, stays deleted.
func (w *writer) amend(a amendment, rest []*entry) bool {
	batch := []*entry{a.e}
	in := &Intention{Kind: IntendUpdate, Part: a.state.Part, Messages: []ID{a.e.in.Message.ID}}
	if !w.intendTo(in, batch, rest) {
		return false
	}
	w.acting = true
	result, err := w.r.amender.AmendMessageLog(w.until, UpdateMessageLogInput{
		AddMessageLogInput: a.e.in,
		ExistingMessageLog: ExistingMessageLog{LogID: a.state.LogID},
	})
	w.acting = false
	gone := errors.Is(err, ErrLogGone) && surelyNotDone(err)
	switch {
	case err == nil || gone:
		c := Commit{
			Part: a.state.Part, LogID: a.state.LogID, Logged: []LoggedMessage{logged(a.e)},
			Next: w.intention(rest), Release: len(rest) == 0,
		}
		if !w.commit(c, batch, rest) {
			return false
		}
		outcome := OutcomeUpdated
		if gone || result.AlreadyThere {
			outcome = OutcomeDuplicate
		}
		w.succeed(a.e, outcome, a.state.LogID, result.ReturnMessage)
		return true
	case !surelyNotDone(err):
		_, ok := w.unknown(batch, rest, err)
		return ok
	}
	w.warn("entry not amended", err, slog.String("message", string(a.e.in.Message.ID)))
	_, ok := w.refused(batch, rest, err)
	return ok
}
