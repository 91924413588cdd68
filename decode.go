package crmlog

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/crmlog/crmlog/internal/keepjson"
)

const (
	maxInput   = 16 << 20
	maxNesting = 8   // of arrays, pages and envelopes around a record
	maxErrors  = 100 // to report one by one
)

// BulkItemError is a message that a bulk answer does not have: RingCentral
// answered a status other than 2xx for it.
type BulkItemError struct {
	ResourceID ID  // the message's id
	Status     int // the HTTP status: 404, 403, …
}

func (e *BulkItemError) Error() string {
	return fmt.Sprintf("message %s: HTTP %d in the bulk answer", token("", e.ResourceID).Value, e.Status)
}

// DecodeMessages reads RingCentral messages out of what a service has at hand,
// in the order of the input:
//
//   - a record of the Message Store, or an array of them;
//   - a page of the message list or a sync (records);
//   - a bulk answer, which is an array of {resourceId, status, body};
//   - a notification from a webhook (event, body), an array of them, or a
//     WebSocket frame [{…}, notification];
//   - any number of these one after another, such as JSON Lines.
//
// Some notifications hold no message: a message-store change (body.changes)
// tells ids alone, others a time alone, and RingCentral's check of a new webhook
// has an empty body. They give no messages and no error; read or sync the
// messages then. Records of deleted messages are returned, see
// [Message.IsDeleted], and records that lack fields too. Entries of the shared
// inbox (message-threads) are read by [DecodeThreadEntries]; here they are
// errors, as A2P messages are.
//
// A record that does not decode keeps no other from being returned: the error
// joins an [*InputError] for each, and a [*BulkItemError] for each message that
// a bulk answer refuses, up to 100 of them. Behind a syntax error nothing is
// read. Errors name the JSON value in the input (from 1), the path and the
// byte (from 0), never content.
//
// The input may have 16 MiB, in which JSON may nest 512 levels deep.
func DecodeMessages(r io.Reader) ([]Message, error) {
	return (&messageDecoder{}).read(r)
}

func (d *messageDecoder) read(r io.Reader) ([]Message, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxInput+1))
	if err != nil {
		return nil, fmt.Errorf("read messages: %w", err)
	}
	if len(data) > maxInput {
		return nil, &InputError{Field: "input", Problem: "longer than 16 MiB; give it in parts"}
	}

	at := 0
	if strings.HasPrefix(string(data[:min(3, len(data))]), "\ufeff") {
		at = 3
	}
	for d.ordinal = 1; ; d.ordinal++ {
		value, end, err := keepjson.Next(data, at)
		if err == io.EOF {
			return d.messages, d.err()
		}
		if err != nil {
			d.fail(err)
			return d.messages, d.err()
		}
		d.value(value)
		at = end
	}
}

// messageDecoder walks through one input.
type messageDecoder struct {
	thread   *threadEntries // nil when it is of the Message Store
	messages []Message
	errs     []error
	unsaid   int // errors beyond maxErrors

	ordinal int // of the JSON value in the input
	path    []step
	inFrame bool // behind the head of a WebSocket frame
}

// step is a key, or an index when there is no key.
type step struct {
	key   string
	index int
}

func (d *messageDecoder) err() error {
	if d.unsaid > 0 {
		d.errs = append(d.errs, fmt.Errorf("%d more errors: %w", d.unsaid, ErrInvalidInput))
	}
	return errors.Join(d.errs...)
}

func (d *messageDecoder) fail(err error) {
	if len(d.errs) == maxErrors {
		d.unsaid++
		return
	}
	where := ""
	for _, s := range d.path {
		switch {
		case s.key == "":
			where += "[" + strconv.Itoa(s.index) + "]"
		case where == "":
			where = s.key
		default:
			where += "." + s.key
		}
	}
	err = inputError(where, err)
	if e, ok := err.(*InputError); ok {
		e.Field = strings.TrimSuffix("JSON value "+strconv.Itoa(d.ordinal)+": "+e.Field, ": ")
	}
	d.errs = append(d.errs, err)
}

func (d *messageDecoder) reject(problem string) { d.fail(&keepjson.Error{Problem: problem}) }

func (d *messageDecoder) within(s step, do func()) {
	d.path = append(d.path, s)
	do()
	d.path = d.path[:len(d.path)-1]
}

func (d *messageDecoder) value(data []byte) {
	switch {
	case len(d.path) > maxNesting:
		d.reject("nested deeper than messages are")
	case data[0] == '[':
		d.array(data)
	case data[0] == '{':
		d.object(data)
	default:
		d.reject("want " + d.accepted() + ", got " + keepjson.Shape(data))
	}
}

func (d *messageDecoder) accepted() string {
	if d.thread != nil {
		return "an entry of a message thread, an array of them, a list or sync page or a notification"
	}
	return "a RingCentral message record, an array of them, a list or sync page, a bulk answer or a notification"
}

func (d *messageDecoder) array(data []byte) {
	outer := d.inFrame
	i := 0
	err := keepjson.Elements(data, func(element []byte) error {
		d.within(step{index: i}, func() { d.value(element) })
		i++
		return nil
	})
	if err != nil {
		d.fail(err)
	}
	d.inFrame = outer
}

func (d *messageDecoder) object(data []byte) {
	members, err := keepjson.Members(data)
	if err != nil {
		d.fail(err)
		return
	}
	o := looseObject(members)
	switch {
	case o.has("guestParty"):
		d.reject("a message thread itself; give it to DecodeThreadEntries beside its entries")
	case o.isThreadEntry() && d.thread == nil:
		d.reject("an entry of a message thread; read those with DecodeThreadEntries")
	case o.isThreadEntry():
		d.threadEntry(data, members)
	case o.isMessage() && d.thread != nil:
		d.reject("a record of the Message Store; read those with DecodeMessages")
	case o.isMessage():
		d.message(data, members)
	case o.isArray("records"):
		d.within(step{key: "records"}, func() { d.array(o.get("records")) })
	case o.has("resourceId") && o.has("status"):
		d.bulkItem(o)
	case o.has("event") || o.has("uuid") && o.has("body"):
		d.within(step{key: "body"}, func() { d.notified(o.get("body")) })
	case o.isArray("changes"):
	case len(d.path) > 0 && o.isFrameHead():
		d.inFrame = true
	case d.inFrame: // the answer to a request that is not about messages
	default:
		d.reject("an object without the fields of any of these: want " + d.accepted())
	}
}

func (d *messageDecoder) message(data []byte, members []keepjson.Member) {
	var m Message
	if err := keepjson.UnmarshalMembers(data, members, &m, &m.raw); err != nil {
		d.fail(err)
		return
	}
	d.messages = append(d.messages, m)
}

func (d *messageDecoder) threadEntry(data []byte, members []keepjson.Member) {
	in, err := d.thread.decode(data, members)
	if err != nil {
		d.fail(err)
		return
	}
	if d.thread.omits(&in) {
		return
	}
	m, err := d.thread.message(&in)
	if err != nil {
		d.fail(err)
		return
	}
	d.messages = append(d.messages, m)
}

func (d *messageDecoder) bulkItem(o looseObject) {
	var id, status ID
	if err := id.UnmarshalJSON(o.get("resourceId")); err != nil {
		d.fail(keepjson.At("resourceId", err))
		return
	}
	if err := status.UnmarshalJSON(o.get("status")); err != nil {
		d.fail(keepjson.At("status", err))
		return
	}
	code, err := strconv.Atoi(string(status))
	switch {
	case err != nil:
		d.fail(&keepjson.Error{Path: "status", Problem: "want an HTTP status"})
	case code < 200 || code > 299:
		d.fail(&BulkItemError{ResourceID: id, Status: code})
	case !o.has("body"):
		d.fail(&keepjson.Error{Path: "body", Problem: "missing"})
	default:
		d.within(step{key: "body"}, func() { d.value(o.get("body")) })
	}
}

// notified takes a notification's body, in which anything may be that
// RingCentral notifies of.
func (d *messageDecoder) notified(body []byte) {
	if len(body) == 0 || string(body) == "null" {
		return
	}
	members, err := keepjson.Members(body)
	if err != nil {
		d.fail(err)
		return
	}
	if o := looseObject(members); o.isMessage() || o.isThreadEntry() {
		d.object(body)
	}
}

// looseObject is an object of which it is not known yet what it is.
type looseObject []keepjson.Member

func (o looseObject) get(key string) []byte {
	for i := len(o) - 1; i >= 0; i-- {
		if string(o[i].Key) == key {
			return o[i].Value
		}
	}
	return nil
}

func (o looseObject) has(key string) bool { return o.get(key) != nil }

func (o looseObject) isArray(key string) bool {
	v := o.get(key)
	return len(v) > 0 && v[0] == '['
}

// isMessage looks for fields that nothing else has which RingCentral sends: call
// records and contacts have id, type and direction too.
func (o looseObject) isMessage() bool {
	for _, key := range []string{"availability", "messageStatus", "readStatus", "conversation", "conversationId"} {
		if o.has(key) {
			return true
		}
	}
	t, _ := keepjson.String(o.get("type"))
	return Message{Type: MessageType(t)}.Kind() != KindUnknown
}

// isThreadEntry holds for entries of every kind: only those of a sync tell it.
func (o looseObject) isThreadEntry() bool {
	return (o.has("threadId") || o.has("recordType")) && !o.has("type")
}

// isFrameHead recognises the first element of a WebSocket frame
// (https://developers.ringcentral.com/guide/notifications/websockets/receiving).
func (o looseObject) isFrameHead() bool {
	t, _ := keepjson.String(o.get("type"))
	switch t {
	case "ServerNotification", "ClientRequest", "ConnectionDetails", "Heartbeat", "Error":
		return true
	}
	return false
}
