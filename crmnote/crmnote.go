// Package crmnote makes a CRM record's title and body out of what an adapter is
// given: it reads the heading and the entry off an adapter's input and hands
// them to package note. An adapter needs nothing of the message itself.
//
// AddMessageLog makes a body, puts it into the CRM with the title and the key, and
// says what came of it; what is left to the adapter is the request:
//
//	logs, err := crmnote.Prepare(Platform, note.Options{Format: note.HTML, Limit: 90_000}, in)
//	body, results, err := crmnote.AddTo("", logs...)
//	id, err := create(logs[0].Title(), body, logs[0].Key())
//	return crmnote.One(id, results, err)
//
// All other methods change the body of a record that is there, with one read and one
// write, which [Update] calls:
//
//	results, err := crmnote.Update(ctx, id, crmnote.AddTo, logs, read, write)
//
// It stands between the root package, which knows messages and no formats, and
// package note, which knows formats and no messages.
package crmnote

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/note"
)

// Log is one message on its way into a record.
type Log struct {
	heading note.Heading
	entry   note.Entry
	options note.Options
}

// Digested is in with its digest: the router's, or, where the adapter is called
// without one, that of the message. Platform is the adapter's name. The error is
// an [*crmlog.InputError].
func Digested(platform string, in crmlog.AddMessageLogInput) (crmlog.AddMessageLogInput, error) {
	if !in.Digest.IsZero() {
		return in, nil
	}
	digest, err := crmlog.NewDigestRef(platform, in)
	in.Digest = digest
	return in, err
}

// New reads the log off in, whose digest must be set; see [Digested]. Of the options, Format, Limit and Size are
// the CRM's; the rest is filled in. The user's own messages are signed with
// in.User.Name, or what RingCentral says of the sender.
func New(in crmlog.AddMessageLogInput, o note.Options) Log { return newLog(&in, o) }

func newLog(in *crmlog.AddMessageLogInput, o note.Options) Log {
	o.Key, o.Location, o.Part, o.Locale = in.Digest.Ref, in.Digest.Location, in.Digest.Part, in.User.Locale
	m := &in.Message
	kind := m.Kind()
	people := m.Correspondents()
	contact := contactOf(in, people)
	e := note.Entry{
		ID:     string(m.ID),
		Time:   m.CreationTime,
		Sender: senderOf(in, contact, people),
		Kind:   kinds[kind],
		Failed: m.MessageStatus.Is(crmlog.MessageStatusDeliveryFailed) || m.MessageStatus.Is(crmlog.MessageStatusSendingFailed),
		Piece:  in.Piece,
	}
	switch kind {
	case crmlog.KindVoiceMail:
		e.Length, e.Text = m.Duration(), in.Transcript
		if u := first(in.RecordingLink, m.RecordingLink()); u != "" {
			e.Links = []note.Link{{URL: u}}
		}
	case crmlog.KindFax:
		e.Pages = m.FaxPageCount
		if u := m.FaxLink(); u != "" {
			e.Links = []note.Link{{URL: u}}
		}
	default:
		e.Text = m.Subject
		for _, a := range m.Media() {
			e.Links = append(e.Links, note.Link{Label: a.FileName, Type: a.ContentType, URL: crmlog.MediaReaderLink(a.URI)})
		}
	}
	return Log{
		heading: note.Heading{
			Kind:    e.Kind,
			Contact: contact,
			Others:  othersOf(in, people),
			Day:     in.Digest.Day,
			Zone:    zoneName(in.Digest.Location),
		},
		entry:   e,
		options: o,
	}
}

var kinds = map[crmlog.Kind]note.Kind{
	crmlog.KindSMS:          note.SMS,
	crmlog.KindMMS:          note.MMS,
	crmlog.KindVoiceMail:    note.VoiceMail,
	crmlog.KindFax:          note.Fax,
	crmlog.KindPager:        note.Pager,
	crmlog.KindInternalNote: note.InternalNote,
	crmlog.KindEvent:        note.Event,
}

// contactOf is the contact as the CRM knows it; where the CRM gives no name or
// number, as RingCentral does.
func contactOf(in *crmlog.AddMessageLogInput, people []crmlog.Party) note.Person {
	p := note.Person{Name: in.ContactInfo.Name, Phone: in.ContactInfo.PhoneNumber}
	if len(people) == 1 {
		if p.Name == "" {
			p.Name = people[0].Name
		}
		if p.Phone == "" {
			p.Phone = number(&people[0])
		}
	}
	return p
}

// senderOf signs the contact's messages as the CRM calls the contact, other
// people's in a group as RingCentral calls them, and the user's with the user's
// name. In a shared thread any colleague may have written: there the author
// signs.
func senderOf(in *crmlog.AddMessageLogInput, contact note.Person, people []crmlog.Party) string {
	from := &in.Message.From
	switch inbound := in.Message.Inbound(); {
	case !inbound && in.Message.ThreadID() != "":
		return first(from.Name, number(from))
	case !inbound:
		return first(in.User.Name, from.Name, number(from))
	}
	if len(people) <= 1 || samePhone(number(from), contact.Phone) {
		return first(contact.Name, from.Name, contact.Phone, number(from))
	}
	return first(from.Name, number(from))
}

// othersOf is the group besides the contact; nobody when it is no group.
func othersOf(in *crmlog.AddMessageLogInput, people []crmlog.Party) []string {
	if len(people) < 2 {
		return nil
	}
	var others []string
	for i := range people {
		p := &people[i]
		if samePhone(number(p), in.ContactInfo.PhoneNumber) {
			continue
		}
		if name := first(p.Name, number(p)); name != "" && !slices.Contains(others, name) {
			others = append(others, name)
		}
	}
	return others
}

func number(p *crmlog.Party) string { return first(p.PhoneNumber, p.ExtensionNumber) }

func first(names ...string) string {
	for _, n := range names {
		if n = strings.TrimSpace(n); n != "" {
			return n
		}
	}
	return ""
}

// samePhone compares by digits: a number comes with and without plus sign and
// formatting.
func samePhone(a, b string) bool {
	a, b = digits(a), digits(b)
	return a != "" && a == b
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

func zoneName(loc *time.Location) string {
	if loc == nil {
		return ""
	}
	return loc.String()
}

// Title is the record's subject: one line of plain text.
func (l Log) Title() string { return note.Title(l.heading, l.options.Locale) }

// TitleWithin is Title for a CRM whose field takes so many characters (Unicode code
// points) at the most: a longer one ends in "…". A title has up to some 200.
func (l Log) TitleWithin(characters int) string {
	title := []rune(l.Title())
	if len(title) <= characters {
		return string(title)
	}
	if characters < 1 {
		return ""
	}
	return string(title[:characters-1]) + "…"
}

// A Change is what an update does to a body: [AddTo] or [Amend].
type Change func(body string, logs ...Log) (string, []crmlog.UpdateResult, error)

// AddTo adds the messages, which are of one digest, to a record's body, each at
// its place in time; what else is in the body stays. Added to "" they make a new
// body. There is a result for each message, in order: its error is an
// [*crmlog.InputError], which does not hold up the others, or a
// [*crmlog.BodyFullError], whose message, or the end of it, did not fit. When
// nothing was added the body is the one given. A message that alone is invalid
// input is the error of the call.
func AddTo(body string, logs ...Log) (string, []crmlog.UpdateResult, error) {
	results := make([]crmlog.UpdateResult, len(logs))
	entries := make([]note.Entry, len(logs))
	for i := range logs {
		entries[i] = logs[i].entry
	}
	r, err := note.Add(body, logs[0].heading, entries, logs[0].options)
	if err != nil && len(logs) > 1 {
		return addValid(body, logs, err)
	}
	if err != nil {
		return body, nil, inputError(err)
	}
	for i := range logs {
		id := logs[i].entry.ID
		results[i].AlreadyThere = slices.Contains(r.Present, id)
		if n := slices.IndexFunc(r.Left, func(left note.Left) bool { return left.ID == id }); n >= 0 {
			results[i].Err = &crmlog.BodyFullError{NextPiece: r.Left[n].NextPiece}
		}
	}
	return r.Body, results, nil
}

// addValid leaves out what alone is an error, the cause of one of all.
func addValid(body string, logs []Log, cause error) (string, []crmlog.UpdateResult, error) {
	valid, place := Each(logs, func(l Log) (Log, error) {
		_, _, err := AddTo("", l)
		return l, err
	})
	switch len(valid) {
	case len(logs):
		return body, nil, inputError(cause)
	case 0:
		return body, place(nil), nil
	}
	body, results, err := AddTo(body, valid...)
	return body, place(results), err
}

func inputError(err error) error {
	if errors.Is(err, note.ErrInvalid) {
		return &crmlog.InputError{Field: "message", Problem: err.Error()}
	}
	return err
}

// Amend makes the messages' entries say what they would if they were added now:
// that one could not be delivered, what was said in a voicemail, or what an
// internal note says now. AlreadyThere says that there was nothing to change, or
// nothing that could be: an entry that a person deleted stays deleted. The error
// is an [*crmlog.InputError].
func Amend(body string, logs ...Log) (string, []crmlog.UpdateResult, error) {
	results := make([]crmlog.UpdateResult, len(logs))
	for i, l := range logs {
		r, err := note.Amend(body, l.entry, l.options)
		if err != nil {
			return body, nil, inputError(err)
		}
		body, results[i].AlreadyThere = r.Body, !r.Changed
	}
	return body, results, nil
}

// Each prepares the messages of a batch, one by one. A message whose input is
// wrong holds up no other: place puts the results of those that are prepared
// among all, and the error in its own.
func Each[M, T any](in []M, prepare func(M) (T, error)) (prepared []T, place func([]crmlog.UpdateResult) []crmlog.UpdateResult) {
	results := make([]crmlog.UpdateResult, len(in))
	var at []int
	for i, m := range in {
		p, err := prepare(m)
		if err != nil {
			results[i].Err = err
			continue
		}
		prepared, at = append(prepared, p), append(at, i)
	}
	return prepared, func(of []crmlog.UpdateResult) []crmlog.UpdateResult {
		for i, r := range of {
			results[at[i]] = r
		}
		return results
	}
}

// One is what an adapter returns for one message that it added to the record, or
// changed there: what [AddTo], [Amend] or [Update] said of it, and what became of the
// request. A record that was made has the id that the CRM's answer gives; without one
// its outcome is unknown. A message's own error, such as a [*crmlog.BodyFullError] for
// the end of its text, comes together with the LogID: the record is there.
func One(logID string, results []crmlog.UpdateResult, err error) (crmlog.MessageLogResult, error) {
	if err == nil && logID == "" {
		err = noRecord("crmnote: create record", false)
	}
	if err != nil {
		return crmlog.MessageLogResult{}, err
	}
	return crmlog.MessageLogResult{
		LogID: logID, ReturnMessage: crmlog.ReturnMessageFor(nil), AlreadyThere: results[0].AlreadyThere,
	}, results[0].Err
}

// Many is what it returns for a batch.
func Many(results []crmlog.UpdateResult, err error) (crmlog.UpdateMessageLogsResult, error) {
	if err != nil {
		return crmlog.UpdateMessageLogsResult{}, err
	}
	return crmlog.UpdateMessageLogsResult{ReturnMessage: crmlog.ReturnMessageFor(nil), Results: results}, nil
}

// Find recognises a record of a digest by its body, and says which messages
// stand in it. LogID is left to the caller.
func Find(body string, format note.Format, digest crmlog.DigestRef) (crmlog.FoundMessageLog, bool) {
	r := note.Read(body, note.Options{Format: format, Key: digest.Ref, Part: digest.Part})
	found := crmlog.FoundMessageLog{Part: r.Part}
	for _, e := range r.Entries {
		found.MessageIDs = append(found.MessageIDs, crmlog.ID(e.ID))
	}
	return found, r.Ours
}
