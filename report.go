package crmlog

import (
	"errors"
	"fmt"
)

// Outcome is what became of a message.
type Outcome string

// In a report, added and updated say that this very call brought the message
// into the CRM: over all calls, of all processes that share a store, a message
// has one of them once.
const (
	OutcomeAdded     Outcome = "added"     // opened its digest's record
	OutcomeUpdated   Outcome = "updated"   // was added to its digest's record
	OutcomeDuplicate Outcome = "duplicate" // was logged before; the CRM was not asked
	OutcomeSkipped   Outcome = "skipped"   // is not to be logged; see Reason
	OutcomeFailed    Outcome = "failed"    // is not logged, or not known to be; see Err
)

// Report says what a call of [Router.Log] did.
type Report struct {
	// Entries has one for each message, in the order of the input.
	Entries []ReportEntry `json:"entries"`
	// ReturnMessage is one message for the user's screen, for the whole call.
	ReturnMessage ReturnMessage `json:"returnMessage"`
	// Cost is what the call cost in the CRM. Calls share batches: what a batch
	// cost is in the report of the call whose message came first in it, so that
	// over all reports each CRM call counts once. What is spent after a call was
	// left is in none.
	Cost Cost `json:"cost"`
}

// ReportEntry is the outcome of one message.
type ReportEntry struct {
	MessageID ID      `json:"messageId"`
	Outcome   Outcome `json:"outcome"`
	// LogID names the CRM record; empty when the message is in none.
	LogID string `json:"logId,omitempty"`
	// Digest is zero when the message was skipped or invalid.
	Digest DigestRef `json:"digest,omitzero"`
	// Reason says why a message was skipped.
	Reason string `json:"reason,omitempty"`
	// Err says why it failed.
	Err error `json:"-"`

	returned ReturnMessage
	cost     Cost
}

// finish makes the one returnMessage, and the error that Log returns.
func (r *Report) finish() error {
	counts := make(map[Outcome]int)
	var errs []error
	worst := ReportEntry{}
	for _, e := range r.Entries {
		counts[e.Outcome]++
		r.Cost = r.Cost.plus(e.cost)
		if e.Err != nil {
			errs = append(errs, fmt.Errorf("message %s: %w", e.MessageID, e.Err))
		}
		if severity(e.returned.MessageType) > severity(worst.returned.MessageType) {
			worst = e
		}
	}
	r.ReturnMessage = worst.returned
	logged, total := counts[OutcomeAdded]+counts[OutcomeUpdated], len(r.Entries)
	switch {
	case counts[OutcomeFailed] > 0:
		if total > 1 {
			r.ReturnMessage.Message = fmt.Sprintf("%d of %d messages could not be logged. %s",
				counts[OutcomeFailed], total, worst.returned.Message)
		}
	case worst.returned.MessageType == Warning:
	case logged > 1:
		r.ReturnMessage.Message = fmt.Sprintf("%d messages logged", logged)
	case logged == 1:
	case counts[OutcomeDuplicate] > 0:
		r.ReturnMessage = ReturnMessage{Message: "Already logged", MessageType: Success, TTL: 3000}
	default:
		r.ReturnMessage = ReturnMessage{Message: "Nothing to log", MessageType: Success, TTL: 3000}
	}
	return errors.Join(errs...)
}

func severity(t ReturnMessageType) int {
	switch t {
	case Danger:
		return 3
	case Warning:
		return 2
	case Success:
		return 1
	}
	return 0
}
