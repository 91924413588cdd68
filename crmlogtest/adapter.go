package crmlogtest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/crmlog/crmlog"
)

// Adapter is a [crmlog.Adapter] and the CRM behind it, in memory: it keeps a
// record per digest and part, and what it was called with. The zero value is an
// empty CRM. It is safe for concurrent use, and must not be copied.
//
// It has every capability that a [crmlog.Router] makes use of. To test without
// them, hide them: struct{ crmlog.Adapter }{adapter}.
type Adapter struct {
	// Room is how many messages a record holds; the next one is a
	// [crmlog.BodyFullError], with which a router opens another part. 0 is any
	// number.
	Room int

	mu      sync.Mutex
	records []*Record // the one with the LogID log1 is at 0
	calls   []Call
	faults  []Fault
	decide  func(Call) *Fault
}

var (
	_ crmlog.BatchUpdater = (*Adapter)(nil)
	_ crmlog.Amender      = (*Adapter)(nil)
	_ crmlog.Finder       = (*Adapter)(nil)
)

// Record is a digest's record.
type Record struct {
	LogID   string // log1, log2, … as they were made
	Digest  crmlog.DigestRef
	Deleted bool // by [Adapter.Delete]
	// Messages are the inputs that stand in it, in the order of their creation
	// times; one that was amended, as it was amended last.
	Messages []crmlog.AddMessageLogInput
}

// IDs are the ids of the record's messages, in their order.
func (r Record) IDs() []crmlog.ID {
	ids := make([]crmlog.ID, len(r.Messages))
	for i := range r.Messages {
		ids[i] = r.Messages[i].Message.ID
	}
	return ids
}

// Method is one of an adapter's.
type Method string

// The methods of the adapter.
const (
	Add    Method = "AddMessageLog"
	Update Method = "UpdateMessageLog"
	Batch  Method = "UpdateMessageLogs"
	Amend  Method = "AmendMessageLog"
	Find   Method = "FindMessageLogs"
)

// Call is a call of the adapter.
type Call struct {
	Method     Method
	Messages   []crmlog.ID // none of a Find
	LogID      string      // the record to change; "" of an Add and a Find
	User       crmlog.User
	Account    string
	Contact    crmlog.ContactInfo
	AuthHeader crmlog.AuthHeader
	Digest     crmlog.DigestRef
}

// Records returns all records, those that were deleted too, in the order in which
// they were made. They are copies.
func (a *Adapter) Records() []Record {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := make([]Record, len(a.records))
	for i, r := range a.records {
		all[i] = *r
		all[i].Messages = make([]crmlog.AddMessageLogInput, len(r.Messages))
		for k := range r.Messages {
			all[i].Messages[k] = clone(r.Messages[k])
		}
	}
	return all
}

// Calls returns the calls so far, also those that failed, in the order in which
// they began.
func (a *Adapter) Calls() []Call {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.calls)
}

// Delete deletes a record, as a person does in the CRM. An id that never was is
// ignored.
func (a *Adapter) Delete(logID string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r := a.record(logID); r != nil {
		r.Deleted = true
	}
}

// AddMessageLog implements [crmlog.Adapter].
func (a *Adapter) AddMessageLog(ctx context.Context, in crmlog.AddMessageLogInput) (crmlog.MessageLogResult, error) {
	if err := derive(&in); err != nil {
		return crmlog.MessageLogResult{}, err
	}
	var result crmlog.MessageLogResult
	err := a.do(ctx, callOf(Add, "", in), func() error {
		r := &Record{LogID: fmt.Sprintf("log%d", len(a.records)+1), Digest: in.Digest}
		r.add(in)
		a.records = append(a.records, r)
		result = crmlog.MessageLogResult{LogID: r.LogID, ReturnMessage: crmlog.ReturnMessageFor(nil)}
		return nil
	})
	if err != nil {
		return crmlog.MessageLogResult{}, err
	}
	return result, nil
}

// UpdateMessageLog implements [crmlog.Adapter].
func (a *Adapter) UpdateMessageLog(ctx context.Context, in crmlog.UpdateMessageLogInput) (crmlog.MessageLogResult, error) {
	results, err := a.update(ctx, Update, in.ExistingMessageLog.LogID, []crmlog.AddMessageLogInput{in.AddMessageLogInput})
	if err != nil {
		return crmlog.MessageLogResult{}, err
	}
	return crmlog.MessageLogResult{
		LogID:         in.ExistingMessageLog.LogID,
		ReturnMessage: crmlog.ReturnMessageFor(nil),
		AlreadyThere:  results[0].AlreadyThere,
	}, results[0].Err
}

// UpdateMessageLogs implements [crmlog.BatchUpdater].
func (a *Adapter) UpdateMessageLogs(ctx context.Context, in crmlog.UpdateMessageLogsInput) (crmlog.UpdateMessageLogsResult, error) {
	results, err := a.update(ctx, Batch, in.ExistingMessageLog.LogID, in.Messages)
	if err != nil {
		return crmlog.UpdateMessageLogsResult{}, err
	}
	return crmlog.UpdateMessageLogsResult{ReturnMessage: crmlog.ReturnMessageFor(nil), Results: results}, nil
}

func (a *Adapter) update(ctx context.Context, m Method, logID string, in []crmlog.AddMessageLogInput) ([]crmlog.UpdateResult, error) {
	if len(in) == 0 {
		return nil, &crmlog.InputError{Field: "messages", Problem: "empty; give the messages to add"}
	}
	in = slices.Clone(in)
	for i := range in {
		if err := derive(&in[i]); err != nil {
			return nil, err
		}
	}
	var results []crmlog.UpdateResult
	err := a.do(ctx, callOf(m, logID, in...), func() error {
		r := a.record(logID)
		if r == nil || r.Deleted {
			return gone(m)
		}
		var full error
		for i := range in {
			result := crmlog.UpdateResult{AlreadyThere: r.index(in[i].Message.ID) >= 0}
			switch {
			case result.AlreadyThere:
			case full != nil || a.Room > 0 && len(r.Messages) >= a.Room:
				full = &crmlog.BodyFullError{}
				result.Err = full
			default:
				r.add(in[i])
			}
			results = append(results, result)
		}
		return nil
	})
	return results, err
}

// AmendMessageLog implements [crmlog.Amender].
func (a *Adapter) AmendMessageLog(ctx context.Context, in crmlog.UpdateMessageLogInput) (crmlog.MessageLogResult, error) {
	if err := derive(&in.AddMessageLogInput); err != nil {
		return crmlog.MessageLogResult{}, err
	}
	result := crmlog.MessageLogResult{LogID: in.ExistingMessageLog.LogID, ReturnMessage: crmlog.ReturnMessageFor(nil)}
	err := a.do(ctx, callOf(Amend, result.LogID, in.AddMessageLogInput), func() error {
		r := a.record(result.LogID)
		if r == nil || r.Deleted {
			return gone(Amend)
		}
		i := r.index(in.Message.ID)
		result.AlreadyThere = i < 0 || r.Messages[i].Transcript == in.Transcript && r.Messages[i].Message.MessageStatus.Is(in.Message.MessageStatus)
		if !result.AlreadyThere {
			r.Messages[i] = clone(in.AddMessageLogInput)
		}
		return nil
	})
	if err != nil {
		return crmlog.MessageLogResult{}, err
	}
	return result, nil
}

// FindMessageLogs implements [crmlog.Finder]. Records are seen at once.
func (a *Adapter) FindMessageLogs(ctx context.Context, in crmlog.FindInput) ([]crmlog.FoundMessageLog, error) {
	call := Call{
		Method: Find, User: in.User, Account: in.Account, Contact: in.ContactInfo, AuthHeader: in.AuthHeader, Digest: in.Digest,
	}
	var found []crmlog.FoundMessageLog
	err := a.do(ctx, call, func() error {
		for _, r := range a.records {
			if r.Digest.Ref == in.Digest.Ref && !r.Deleted {
				found = append(found, crmlog.FoundMessageLog{LogID: r.LogID, Part: r.Digest.Part, MessageIDs: r.IDs()})
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// SettleTime implements [crmlog.Finder].
func (a *Adapter) SettleTime() time.Duration { return 0 }

// do notes the call, and carries it out as far as its fault lets it.
func (a *Adapter) do(ctx context.Context, call Call, effect func() error) error {
	if err := ctx.Err(); err != nil {
		return cancelled(call.Method, err)
	}
	a.mu.Lock()
	a.calls = append(a.calls, call)
	fault := a.next(call)
	a.mu.Unlock()
	if fault.Until != nil {
		select {
		case <-fault.Until:
		case <-ctx.Done():
			return cancelled(call.Method, ctx.Err())
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if fault.Err == nil || fault.Applied {
		if err := effect(); err != nil {
			return err
		}
	}
	return fault.Err
}

func (a *Adapter) record(logID string) *Record {
	i := slices.IndexFunc(a.records, func(r *Record) bool { return r.LogID == logID })
	if i < 0 {
		return nil
	}
	return a.records[i]
}

func (r *Record) index(id crmlog.ID) int {
	return slices.IndexFunc(r.Messages, func(m crmlog.AddMessageLogInput) bool { return m.Message.ID == id })
}

func (r *Record) add(in crmlog.AddMessageLogInput) {
	r.Messages = append(r.Messages, clone(in))
	slices.SortStableFunc(r.Messages, func(x, y crmlog.AddMessageLogInput) int {
		return cmp.Or(x.Message.CreationTime.Compare(y.Message.CreationTime), cmp.Compare(x.Message.ID, y.Message.ID))
	})
}

// derive finds the digest for a caller without a router.
func derive(in *crmlog.AddMessageLogInput) (err error) {
	if in.Digest.IsZero() {
		in.Digest, err = crmlog.NewDigestRef("crmlogtest", *in)
	}
	return err
}

func callOf(m Method, logID string, in ...crmlog.AddMessageLogInput) Call {
	c := Call{
		Method: m, LogID: logID, User: in[0].User, Account: in[0].Account, Contact: in[0].ContactInfo,
		AuthHeader: in[0].AuthHeader, Digest: in[0].Digest,
	}
	for i := range in {
		c.Messages = append(c.Messages, in[i].Message.ID)
	}
	return c
}

// clone shares nothing with in that could be changed.
func clone(in crmlog.AddMessageLogInput) crmlog.AddMessageLogInput {
	in.Message.To = slices.Clone(in.Message.To)
	in.Message.Attachments = slices.Clone(in.Message.Attachments)
	if in.AdditionalSubmission != nil {
		in.AdditionalSubmission = cloneJSON(map[string]any(in.AdditionalSubmission)).(map[string]any)
	}
	return in
}

func cloneJSON(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := make(map[string]any, len(v))
		for k, e := range v {
			m[k] = cloneJSON(e)
		}
		return m
	case []any:
		s := make([]any, len(v))
		for i, e := range v {
			s[i] = cloneJSON(e)
		}
		return s
	}
	return v
}
