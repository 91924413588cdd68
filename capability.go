package crmlog

import (
	"context"
	"time"
)

// BatchUpdater is the capability to add several messages to a record with one
// read and one write. The router hands messages that wait for the same digest
// over together; without it they are added one by one.
type BatchUpdater interface {
	Adapter
	// UpdateMessageLogs adds the messages to the record in one atomic write: an
	// error means that none of them was added, and counts as that of
	// UpdateMessageLog does.
	UpdateMessageLogs(ctx context.Context, in UpdateMessageLogsInput) (UpdateMessageLogsResult, error)
}

// UpdateMessageLogsInput is what UpdateMessageLogs takes.
type UpdateMessageLogsInput struct {
	ExistingMessageLog ExistingMessageLog
	// Messages are those to add, at least two, oldest first, all of one digest,
	// user, account, contact and authHeader.
	Messages []AddMessageLogInput
}

// UpdateMessageLogsResult is what an adapter did.
type UpdateMessageLogsResult struct {
	ReturnMessage ReturnMessage
	Results       []UpdateResult // one for each message, in order
}

// UpdateResult is what became of one message of a batch.
type UpdateResult struct {
	// AlreadyThere says that the message stood in the record before.
	AlreadyThere bool
	// Err says why this message alone was not added: an [*InputError], or a
	// [*BodyFullError], which all later ones then have too.
	Err error
}

// Amender is the capability to change the entry of a message that is logged:
// its delivery failed, a voicemail's transcript has come, or the text of a
// thread's internal note was changed. Without it, such a message is a duplicate.
type Amender interface {
	Adapter
	// AmendMessageLog makes the message's entry in the record say what it would if
	// it were added now, and adds no entry. AlreadyThere says that there was nothing
	// to change: the entry says so, or a person has deleted it.
	AmendMessageLog(ctx context.Context, in UpdateMessageLogInput) (MessageLogResult, error)
}

// Finder is the capability to look in the CRM for a digest's records. The
// router asks it when an add ended with [ErrOutcomeUnknown], or somebody died in
// one, and never otherwise, so that it may cost more than an add.
type Finder interface {
	Adapter
	// FindMessageLogs returns the records of the digest in.Digest.Ref that are
	// in the CRM now, oldest first, deleted ones left out.
	FindMessageLogs(ctx context.Context, in FindInput) ([]FoundMessageLog, error)
	// SettleTime is how long after an add was applied FindMessageLogs may not
	// see the record yet: the lag of the CRM's lists.
	SettleTime() time.Duration
}

// FindInput is what FindMessageLogs takes.
type FindInput struct {
	User        User
	Account     string
	ContactInfo ContactInfo
	AuthHeader  AuthHeader
	Digest      DigestRef
	// Since is a time shortly before the add began, by this machine's clock: no
	// older record is meant. Zero: any.
	Since time.Time
}

// FoundMessageLog is a record of the digest.
type FoundMessageLog struct {
	LogID string
	Part  int // 0 when the record does not tell; counts as 1
	// MessageIDs are the messages seen in it; only they count as logged.
	MessageIDs []ID
}

// IdempotentAdder is the capability of a CRM that creates by key (an upsert by
// external id): AddMessageLog with the same DigestRef and message any number of
// times makes one record with the message in it once. The router repeats it after an unknown
// outcome and needs no Finder.
type IdempotentAdder interface {
	Adapter
	// AddIsIdempotent is never called; it declares.
	AddIsIdempotent()
}
