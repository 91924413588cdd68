package crmlog

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// What kind of failure an error is; test with [errors.Is].
var (
	// ErrInvalidInput: the input, or what the CRM said of it (400, 413, 422),
	// must be mended before another try. See [*InputError] for the field.
	ErrInvalidInput = errors.New("invalid input")
	// ErrUnauthorized: the CRM does not take the authHeader (401).
	ErrUnauthorized = errors.New("unauthorized")
	// ErrForbidden: the CRM user may not do this, or the plan does not allow it
	// (402, 403).
	ErrForbidden = errors.New("forbidden")
	// ErrNotFound: the CRM has no such thing (404, 410).
	ErrNotFound = errors.New("not found")
	// ErrLogGone: the digest's own record was deleted or merged away in the CRM.
	ErrLogGone = errors.New("log gone")
	// ErrConflict: somebody else changed the record in between (409, 412).
	ErrConflict = errors.New("conflict")
	// ErrRateLimited: the CRM's limit is reached (429); see RetryAfter.
	ErrRateLimited = errors.New("rate limited")
	// ErrUnavailable: the CRM did not answer, or not sensibly.
	ErrUnavailable = errors.New("unavailable")
	// ErrOutcomeUnknown: a write may or may not have been applied. Logging the
	// same message again settles it.
	ErrOutcomeUnknown = errors.New("outcome unknown")
	// ErrQueueFull: too many messages wait for the same digest already.
	ErrQueueFull = errors.New("queue full")
	// ErrShutdown: the router takes no more messages.
	ErrShutdown = errors.New("router is shut down")
)

// InputError says what is wrong with an input, and how to mend it. It is an
// [ErrInvalidInput]. Neither field holds the value itself.
type InputError struct {
	Field   string // path in the contract's JSON names: "message.creationTime"
	Problem string // the value's shape and the mend
}

func (e *InputError) Error() string { return e.Field + ": " + e.Problem }

// Is reports whether target is [ErrInvalidInput].
func (e *InputError) Is(target error) bool { return target == ErrInvalidInput }

// BodyFullError says that a message, or the end of it, has no room left in the
// CRM's record. The router then opens the digest's next part. An add that made
// the record for the beginning of a message returns it together with the LogID.
type BodyFullError struct {
	// NextPiece is the piece with which the next part begins: those before it
	// stand. 0 when nothing of the message stands.
	NextPiece int
}

func (e *BodyFullError) Error() string { return "the CRM's record is full" }

func bodyFull(err error) *BodyFullError {
	if err == nil {
		return nil
	}
	var full *BodyFullError
	errors.As(err, &full)
	return full
}

// APIError is a CRM call that failed.
type APIError struct {
	// Operation says what was tried, in the adapter's words: "pipedrive: create
	// activity".
	Operation string
	// Kind is one of the sentinels above.
	Kind error
	// StatusCode is the HTTP status, 0 when there was no answer.
	StatusCode int
	// Code is the CRM's own error code, if it gave one.
	Code string
	// Message is the CRM's own message, without anything in it that repeats
	// what was sent.
	Message string
	// RetryAfter is how long the CRM asks to wait; 0 when it did not say.
	RetryAfter time.Duration
	// CorrelationID is the CRM's id of the request, for its support.
	CorrelationID string
	// NotDone says that the call surely changed nothing in the CRM: it was a
	// read, no byte of it left, or the status is one of 400, 401, 402, 403, 404,
	// 405, 409, 410, 412, 413, 415, 422 and 429. A write without it may have
	// been applied, and is an [ErrOutcomeUnknown] too.
	NotDone bool
	// Err is the cause, if there was one besides the answer.
	Err error
}

func (e *APIError) Error() string {
	var b strings.Builder
	b.WriteString(e.Operation)
	if e.Kind != nil {
		b.WriteString(": " + e.Kind.Error())
	}
	if e.StatusCode != 0 {
		fmt.Fprintf(&b, ": HTTP %d", e.StatusCode)
	}
	if e.Code != "" {
		b.WriteString(" " + e.Code)
	}
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if e.RetryAfter > 0 {
		fmt.Fprintf(&b, " (retry after %s)", e.RetryAfter.Round(time.Millisecond))
	}
	if e.CorrelationID != "" {
		fmt.Fprintf(&b, " (correlation id %s)", e.CorrelationID)
	}
	if !e.NotDone {
		b.WriteString(" (the write may have been applied)")
	}
	return b.String()
}

// Is reports whether target is [ErrOutcomeUnknown] and the call a write that
// may have been applied.
func (e *APIError) Is(target error) bool { return target == ErrOutcomeUnknown && !e.NotDone }

// Unwrap returns the kind and the cause.
func (e *APIError) Unwrap() []error {
	var errs []error
	for _, err := range []error{e.Kind, e.Err} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// surelyNotDone reports whether a write that returned err surely changed
// nothing. An error that does not say so may hide an applied write.
func surelyNotDone(err error) bool {
	if errors.Is(err, ErrOutcomeUnknown) {
		return false
	}
	var api *APIError
	if errors.As(err, &api) {
		return api.NotDone
	}
	return errors.Is(err, ErrInvalidInput) || errors.Is(err, ErrLogGone)
}

// RetryAfter is how long the CRM asked to wait before another try; 0 when err
// does not say.
func RetryAfter(err error) time.Duration {
	var api *APIError
	if errors.As(err, &api) {
		return api.RetryAfter
	}
	return 0
}

// Temporary reports whether the same call may succeed later without a change
// to its input.
func Temporary(err error) bool {
	for _, kind := range []error{
		ErrRateLimited, ErrUnavailable, ErrConflict, ErrOutcomeUnknown, ErrQueueFull, context.DeadlineExceeded,
	} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// errorClasses goes from the most telling kind to the least: an error can be
// of several.
var errorClasses = []struct {
	kind    error
	class   string
	message string
}{
	{context.Canceled, "canceled", "Logging was cancelled."},
	{ErrLogGone, "log_gone", "The log was deleted in the CRM."},
	{ErrUnauthorized, "unauthorized", "The CRM did not accept your sign-in. Please connect your CRM account again."},
	{ErrForbidden, "forbidden", "Your CRM account is not allowed to log this message. Please ask your CRM administrator."},
	{ErrRateLimited, "rate_limited", "The CRM is receiving too many requests. The message can be logged again in a while."},
	{ErrConflict, "conflict", "Somebody else was changing the log at the same time. Please log the message again."},
	{ErrQueueFull, "queue_full", "Many messages of this conversation are being logged. Please log the message again in a while."},
	{ErrOutcomeUnknown, "outcome_unknown", "The CRM did not confirm the log. Please log the message again: it will not be logged twice."},
	{ErrUnavailable, "unavailable", "The CRM cannot be reached at the moment. Please log the message again in a while."},
	{context.DeadlineExceeded, "timeout", "Logging took too long. Please log the message again: it will not be logged twice."},
	{ErrShutdown, "shutdown", "The service is restarting. Please log the message again in a while."},
	{ErrNotFound, "not_found", "The CRM does not know the contact or one of the chosen records. Please check them."},
	{ErrInvalidInput, "invalid_input", "The message could not be logged: something in it is not as the CRM expects."},
}

// ErrorClass names the kind of err in one stable word, for metrics labels: ""
// for nil, "other" for what is not ours.
func ErrorClass(err error) string {
	if err == nil {
		return ""
	}
	for _, c := range errorClasses {
		if errors.Is(err, c.kind) {
			return c.class
		}
	}
	return "other"
}

// ReturnMessageFor puts err into words for the user's screen; for nil it is a
// plain success. Nothing of err's own text is in it.
func ReturnMessageFor(err error) ReturnMessage {
	if err == nil {
		return ReturnMessage{Message: "Message logged", MessageType: Success, TTL: 3000}
	}
	message := "The message could not be logged."
	for _, c := range errorClasses {
		if errors.Is(err, c.kind) {
			message = c.message
			break
		}
	}
	kind := Danger
	if Temporary(err) {
		kind = Warning
	}
	return ReturnMessage{Message: message, MessageType: kind, TTL: 10000}
}
