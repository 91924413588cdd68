package explorer

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/crmlog/crmlog"
)

// crm is a CRM without conditional writes: a record's body is text, which is
// read and replaced as a whole, so that of two writers one can undo the other's
// entry. Only the scheduler touches it.
type crm struct {
	records []*record
}

type record struct {
	id      string
	key     string // external id
	title   string
	part    int
	body    string // a line for each entry
	made    time.Time
	deleted bool
	changes []change // the bodies it had, for lists that lag
}

type change struct {
	at   time.Time
	body string
}

func (c *crm) create(key, title string, part int, body string) *record {
	now := time.Now()
	r := &record{id: fmt.Sprintf("r%d", len(c.records)+1), key: key, title: title, part: part, made: now}
	r.set(body, now)
	c.records = append(c.records, r)
	return r
}

func (r *record) set(body string, now time.Time) {
	r.body = body
	r.changes = append(r.changes, change{now, body})
}

// asOf is the body at a time.
func (r *record) asOf(t time.Time) string {
	body := ""
	for _, c := range r.changes {
		if !c.at.After(t) {
			body = c.body
		}
	}
	return body
}

// read returns nil when there is no such record.
func (c *crm) read(id string) *record {
	i := slices.IndexFunc(c.records, func(r *record) bool { return r.id == id && !r.deleted })
	if i < 0 {
		return nil
	}
	return c.records[i]
}

func (c *crm) byKey(key string) *record {
	i := slices.IndexFunc(c.records, func(r *record) bool { return r.key == key && !r.deleted })
	if i < 0 {
		return nil
	}
	return c.records[i]
}

// An entry is "2026-03-10T12:00:00Z m1".
func entryOf(m *crmlog.Message) string {
	return m.CreationTime.UTC().Format(time.RFC3339) + " " + string(m.ID)
}

func hasEntry(body string, id crmlog.ID) bool {
	return slices.Contains(entryIDs(body), id)
}

func entryIDs(body string) []crmlog.ID {
	var ids []crmlog.ID
	for line := range strings.Lines(body) {
		_, id, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		ids = append(ids, crmlog.ID(id))
	}
	return ids
}

// withEntry puts the entry after the last one that is not newer.
func withEntry(body string, m *crmlog.Message) string {
	entry := entryOf(m)
	at := entry[:strings.IndexByte(entry, ' ')]
	lines := slices.Collect(strings.Lines(body))
	i := len(lines)
	for i > 0 && lines[i-1][:strings.IndexByte(lines[i-1], ' ')] > at {
		i--
	}
	return strings.Join(slices.Insert(lines, i, entry+"\n"), "")
}

// adapter is a process's adapter: each of its requests to the CRM is a step.
type adapter struct{ p *process }

type findingAdapter struct{ adapter }

type upsertingAdapter struct{ adapter }

func (upsertingAdapter) AddIsIdempotent() {}

// batchingAdapter adds the BatchUpdater to any of them.
type batchingAdapter struct {
	crmlog.Adapter
	base adapter
}

func (a batchingAdapter) Unwrap() crmlog.Adapter { return a.Adapter }

func (w *world) newAdapter(p *process) crmlog.Adapter {
	base := adapter{p}
	var a crmlog.Adapter
	switch w.plan.crm {
	case finds:
		a = findingAdapter{base}
	case upserts:
		a = upsertingAdapter{base}
	default:
		a = base
	}
	if w.plan.batches {
		a = batchingAdapter{a, base}
	}
	return a
}

func titleOf(d crmlog.DigestRef) string { return d.Day + " " + d.Conversation }

func (a adapter) AddMessageLog(ctx context.Context, in crmlog.AddMessageLogInput) (crmlog.MessageLogResult, error) {
	w, m := a.p.w, in.Message
	key, body := fmt.Sprintf("%s/%d", in.Digest.Ref, in.Digest.Part), withEntry("", &m)
	if w.plan.twoStepAdd {
		body = ""
	}
	var id string
	s := step{ctx: ctx, kind: write, op: "POST", what: string(m.ID), digest: titleOf(in.Digest)}
	s.apply = func(context.Context) error {
		r := w.crm.byKey(key)
		switch {
		case r == nil || w.plan.crm != upserts:
			r = w.crm.create(key, titleOf(in.Digest), in.Digest.Part, body)
		case body != "" && !hasEntry(r.body, m.ID):
			r.set(withEntry(r.body, &m), time.Now())
		}
		if id = r.id; body != "" {
			w.wrote(&in)
		}
		w.tell("%s has %s", id, entryIDs(r.body))
		return nil
	}
	if err := a.p.yield(&s); err != nil {
		return crmlog.MessageLogResult{}, err
	}
	if w.plan.twoStepAdd {
		results, err := a.update(ctx, id, []crmlog.AddMessageLogInput{in})
		if err == nil {
			err = results[0].Err
		}
		return crmlog.MessageLogResult{LogID: id}, err
	}
	return crmlog.MessageLogResult{LogID: id}, nil
}

func (a adapter) UpdateMessageLog(ctx context.Context, in crmlog.UpdateMessageLogInput) (crmlog.MessageLogResult, error) {
	id := in.ExistingMessageLog.LogID
	results, err := a.update(ctx, id, []crmlog.AddMessageLogInput{in.AddMessageLogInput})
	if err == nil {
		err = results[0].Err
	}
	if err != nil {
		return crmlog.MessageLogResult{}, err
	}
	return crmlog.MessageLogResult{LogID: id, AlreadyThere: results[0].AlreadyThere}, nil
}

func (a batchingAdapter) UpdateMessageLogs(ctx context.Context, in crmlog.UpdateMessageLogsInput) (crmlog.UpdateMessageLogsResult, error) {
	results, err := a.base.update(ctx, in.ExistingMessageLog.LogID, in.Messages)
	return crmlog.UpdateMessageLogsResult{Results: results}, err
}

// update reads the record, and replaces its body by one with the messages.
func (a adapter) update(ctx context.Context, id string, in []crmlog.AddMessageLogInput) ([]crmlog.UpdateResult, error) {
	w, title := a.p.w, titleOf(in[0].Digest)
	var ids []crmlog.ID
	for i := range in {
		ids = append(ids, in[i].Message.ID)
	}
	var body string
	get := step{ctx: ctx, kind: read, op: "GET", what: fmt.Sprint(ids), digest: title, record: id}
	get.apply = func(context.Context) error {
		r := w.crm.read(id)
		if r == nil {
			w.tell("%s is gone", id)
			return errGone
		}
		body = r.body
		w.tell("%s has %s", id, entryIDs(body))
		return nil
	}
	if err := a.p.yield(&get); err != nil {
		return nil, err
	}
	results := make([]crmlog.UpdateResult, len(in))
	full, added, isFull := body, []crmlog.ID(nil), false
	for i := range in {
		m := &in[i].Message
		isFull = isFull || w.plan.room > 0 && len(entryIDs(full)) >= w.plan.room
		switch {
		case hasEntry(body, m.ID):
			results[i].AlreadyThere = true
		case isFull:
			results[i].Err = &crmlog.BodyFullError{}
		default:
			full, added = withEntry(full, m), append(added, m.ID)
		}
	}
	if len(added) == 0 {
		return results, nil
	}
	patch := step{ctx: ctx, kind: write, op: "PATCH", what: fmt.Sprint(added), digest: title}
	patch.apply = func(context.Context) error {
		r := w.crm.read(id)
		if r == nil {
			w.tell("%s is gone", id)
			return errGone
		}
		r.set(full, time.Now())
		for i := range in {
			if results[i] == (crmlog.UpdateResult{}) {
				w.wrote(&in[i])
			}
		}
		w.tell("%s has %s", id, entryIDs(full))
		return nil
	}
	return results, a.p.yield(&patch)
}

func (a findingAdapter) SettleTime() time.Duration { return a.p.w.plan.settleTime() }

func (a findingAdapter) FindMessageLogs(ctx context.Context, in crmlog.FindInput) ([]crmlog.FoundMessageLog, error) {
	w := a.p.w
	var found []crmlog.FoundMessageLog
	s := step{ctx: ctx, kind: find, op: "FIND", digest: titleOf(in.Digest)}
	s.apply = func(context.Context) error {
		w.counts.finds++
		shown := time.Now() // what has changed since does not show
		if s.lagging {
			shown = shown.Add(-w.plan.settleTime())
		}
		for _, r := range w.crm.records {
			ref, _, _ := strings.Cut(r.key, "/")
			if ref != in.Digest.Ref || r.deleted || r.made.Before(in.Since) || r.made.After(shown) {
				continue
			}
			f := crmlog.FoundMessageLog{LogID: r.id, Part: r.part, MessageIDs: entryIDs(r.asOf(shown))}
			found = append(found, f)
			w.tell("%s with %s", f.LogID, f.MessageIDs)
		}
		return nil
	}
	if err := a.p.yield(&s); err != nil {
		return nil, err
	}
	return found, nil
}

func apiError(kind error, status int, notDone bool, wait time.Duration) error {
	return &crmlog.APIError{Operation: "sim", Kind: kind, StatusCode: status, NotDone: notDone, RetryAfter: wait}
}

var (
	errGone         = apiError(crmlog.ErrLogGone, 404, true, 0)
	errBadRequest   = apiError(crmlog.ErrInvalidInput, 400, true, 0)
	errUnauthorized = apiError(crmlog.ErrUnauthorized, 401, true, 0)
	errTooMany      = apiError(crmlog.ErrRateLimited, 429, true, time.Second)
	errFarTooMany   = apiError(crmlog.ErrRateLimited, 429, true, time.Hour)
	errNoRead       = apiError(crmlog.ErrUnavailable, 503, true, 0)
	errNoAnswer     = apiError(crmlog.ErrUnavailable, 0, false, 0)
)
