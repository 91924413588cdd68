package crmlog

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Store remembers which message stands in which CRM record, and lets one writer
// at a time at a digest. It holds ids and times, never message text, names or
// credentials. All its methods are safe for concurrent use, each is one
// transaction, and all times in it are those of one clock: the store's own, or
// its database's.
//
// A [Router] uses it like this: Claim, which also makes the first intention;
// then for each write to the CRM, when its outcome is known, Commit, which may
// make the next intention; Release in the end, alone or with the last Commit.
// What a writer leaves open when it dies or does not learn an outcome is the
// digest's open intention, which the next claim returns and settles first.
//
// Package storetest checks a Store against all that is said here.
type Store interface {
	// Claim takes the lease of a digest and reserves the messages: a message id
	// is unique within platform, account, user and contact, and stays bound to
	// the digest that reserved it first. All in one transaction: when somebody
	// else holds the lease, the error is a [*ClaimedError] and nothing has
	// changed. Each claim of a digest has a greater fence than all before it,
	// also after a restart.
	//
	// With req.Intend, and unless an intention is open, the claim makes the
	// intention to write all the messages that are bound to this digest, not logged
	// and not in doubt in another part, if there are any: an update of the last
	// part, or, where there is none, an add of part 1.
	Claim(ctx context.Context, req ClaimRequest) (Claim, error)
	// Renew makes the lease last for d from now. It and the methods below return
	// [ErrLeaseLost], and change nothing, when the lease has a newer fence, was
	// released or has run out.
	Renew(ctx context.Context, lease Lease, d time.Duration) error
	// Intend makes it durable that the CRM is about to be written to. A later
	// intention replaces the one before. Its outcome is final at the end of this
	// lease, which Renew puts off, and its own Settle on top.
	Intend(ctx context.Context, lease Lease, intention Intention) error
	// Commit makes the outcome durable and closes the open intention. A message
	// that it names is logged in this digest from then on, whoever had reserved it,
	// and what the commit says of it replaces what was known. Messages without a
	// part are an [*InputError]. When the intention was one that the claim found,
	// its other messages that are not logged may stand in its part, which their
	// state tells from then on.
	//
	// A commit that was carried out can be repeated while the lease is held. One
	// with Release answers ErrLeaseLost the second time; its Next, if it has one, is
	// final when it would be if the lease had run out.
	Commit(ctx context.Context, lease Lease, c Commit) error
	// Release gives the lease back. An open intention stays. One that was made
	// under this lease is final when settle, and then its own Settle, have passed;
	// one that the claim found is final when it would have been anyway.
	Release(ctx context.Context, lease Lease, settle time.Duration) error
	// Prune forgets the messages that were logged before the given time, and
	// returns how many. Digests, their records and messages that are only reserved
	// are kept. A forgotten message that comes again is a duplicate only if it is
	// found in the CRM.
	Prune(ctx context.Context, before time.Time) (int64, error)
}

// ErrLeaseLost is what a [Store] answers to a holder that holds no more.
var ErrLeaseLost = errors.New("lease lost")

// ClaimedError says that another writer holds the digest.
type ClaimedError struct {
	// RetryAfter is how long the other's lease lasts at the most.
	RetryAfter time.Duration
}

func (e *ClaimedError) Error() string {
	return fmt.Sprintf("digest is held by another writer for up to %s", e.RetryAfter)
}

// Digest is what a store knows a digest by.
type Digest struct {
	Ref          string // unique; see DigestRef.Ref
	Platform     string
	Account      string
	User         string
	Contact      string
	Conversation string
	Day          string // YYYY-MM-DD
}

// MessageScope is the key of what a message id is unique in: platform, account,
// user and contact, in 26 letters and digits.
func (d Digest) MessageScope() string {
	sum := d.messageScope()
	return lowerBase32.EncodeToString(sum[:])
}

func (d Digest) messageScope() [16]byte {
	return hash("crmlog messages 1", d.Platform, d.Account, d.User, d.Contact)
}

// ClaimRequest asks for a digest.
type ClaimRequest struct {
	Digest   Digest
	Lease    time.Duration // above 0; any other has run out at once
	Messages []ID          // to reserve, without repetition
	Intend   bool
	Settle   time.Duration // of the intention, if it is an add
}

// Claim is a digest held.
type Claim struct {
	Lease    Lease
	Parts    []Part         // the digest's records, part 1 first; none before the first add
	Messages []MessageState // one for each message asked for, in that order
	Open     *OpenIntention // what somebody left unsettled, or nil
	Intended *Intention     // what this claim intends, or nil
	// PrunedBefore is the latest time that Prune was called with; zero if never.
	PrunedBefore time.Time
}

// Lease proves that a claim is still held.
type Lease struct {
	Ref   string
	Fence int64
}

// Part is one of the CRM records of a digest.
type Part struct {
	Number int
	LogID  string
	Age    time.Duration // since the record was committed
}

// MessageState is what the store knows of a message.
type MessageState struct {
	ID ID
	// Digest is the one that the message is bound to, which may be another than
	// the one claimed.
	Digest Digest
	// Logged says that the message stands in the CRM, in record LogID, which is
	// part Part. While it is not logged, Part is the part in which it may stand
	// because somebody's write of it was never settled, or 0, and the rest is zero.
	Logged       bool
	Part         int
	LogID        string
	LastModified time.Time
	Status       string
	// Fence is that of the lease under which it was logged; see LoggedMessage.
	Fence int64
}

// IntentionKind says what a writer is about to do.
type IntentionKind string

// A record is made, or an existing one is written to.
const (
	IntendAdd    IntentionKind = "add"
	IntendUpdate IntentionKind = "update"
)

// Intention is a write to the CRM that is about to begin.
type Intention struct {
	Kind     IntentionKind
	Part     int
	Messages []ID
	// Settle is how long after the write the CRM may not show it yet: the index
	// lag of the CRM's lists.
	Settle time.Duration
}

// OpenIntention is one whose outcome is not known.
type OpenIntention struct {
	Intention
	Age   time.Duration // since Intend
	Fence int64         // of the lease that it was made under
	// Settles is how long it takes until the outcome is final: nothing of the
	// write can be applied or become visible any more. 0 when it is.
	Settles time.Duration
}

// Commit is what a writer did. Without a part, the intention came to nothing.
type Commit struct {
	Part   int
	LogID  string
	Logged []LoggedMessage
	// Next, if not nil, is the next intention, made in the same transaction.
	Next *Intention
	// Release gives the lease back in the same transaction.
	Release bool
}

// LoggedMessage is a message that stands in the record.
type LoggedMessage struct {
	ID           ID
	LastModified time.Time
	// Status is up to the caller; the router keeps RingCentral's messageStatus in
	// it, and what else an entry shows; of an internal note 40 bits of a hash of its
	// text.
	Status string
	// Fence is that of the lease under which the message was written, when that is
	// another than the one that commits. 0 is the lease that commits.
	Fence int64
}
