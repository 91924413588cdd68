package adaptertest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/crmlog/crmlog"
)

// probe is what a check works with: an adapter, the network it sees, and the CRM
// behind that. Its methods end the check when the adapter does what they do not
// expect; they are for the check's own goroutine.
type probe struct {
	suite   *suite
	ctx     context.Context
	timeout time.Duration

	crm     CRM
	net     *network
	logs    *logs
	adapter crmlog.Adapter
}

// failure is what ends a check; attempt catches it.
type failure struct{ error }

func (p *probe) attempt(do func(p *probe)) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case failure:
			err = r.error
		default:
			panic(r)
		}
	}()
	do(p)
	return nil
}

func (p *probe) failf(format string, args ...any) {
	panic(failure{fmt.Errorf(format, args...)})
}

func (p *probe) want(ok bool, format string, args ...any) {
	if !ok {
		p.failf(format, args...)
	}
}

func (p *probe) ok(what string, err error) {
	p.want(err == nil, "%s: unexpected error: %s", what, p.clean(err))
}

// open makes a CRM without records and an adapter without memory.
func (p *probe) open() {
	p.close()
	if p.timeout == 0 {
		p.timeout = 20 * time.Second
	}
	p.crm = p.suite.h.NewCRM()
	p.net = newNetwork(p.suite.h, p.crm)
	p.logs = &logs{}
	adapter, err := p.suite.h.New(Config{
		BaseURL:   p.suite.h.BaseURL,
		Transport: p.net.transport,
		Timeout:   p.timeout,
		Logger:    slog.New(slog.NewTextHandler(p.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	p.ok("Harness.New", err)
	p.want(adapter != nil, "Harness.New returned neither an adapter nor an error")
	p.adapter = adapter
}

func (p *probe) close() {
	if p.net == nil {
		return
	}
	if c, ok := p.adapter.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
	p.net.close()
	if c, ok := p.crm.(interface{ Close() }); ok {
		c.Close()
	}
	p.net = nil
}

// logs is what the adapter logged.
type logs struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logs) Write(data []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(data)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// within calls do, and ends the check when that takes longer.
func (p *probe) within(limit time.Duration, what string, do func()) time.Duration {
	start, done := time.Now(), make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
		p.failf("%s did not return within %s", what, limit)
	}
	return time.Since(start)
}

// patience is for calls that may try again several times.
const patience = 60 * time.Second

// word is what message n is recognised by.
func word(n int) string { return fmt.Sprintf("zibeline%03dquartz", n) }

// input is the n-th message of the conversation that most checks write.
func (p *probe) input(n int) crmlog.AddMessageLogInput { return p.inputOf(p.suite.h.Input, n) }

func (p *probe) inputOf(tenant crmlog.AddMessageLogInput, n int) crmlog.AddMessageLogInput {
	in := clone(tenant)
	in.Message = text(n, word(n))
	return p.digested(in)
}

// text is an inbound SMS, n minutes after nine.
func text(n int, words string) crmlog.Message {
	return crmlog.Message{
		ID:           crmlog.ID(fmt.Sprint(60279564000 + n*389%1009)), // ids say nothing of the order
		Type:         crmlog.MessageTypeSMS,
		Direction:    crmlog.DirectionInbound,
		CreationTime: time.Date(2026, 3, 10, 16, n, 0, 0, time.UTC),
		Conversation: crmlog.Conversation{ID: "5578984350117917661"},
		From:         crmlog.Party{PhoneNumber: contactPhone},
		To:           []crmlog.Party{{PhoneNumber: userPhone}},
		Subject:      words,
	}
}

// digested is in with the digest of its message.
func (p *probe) digested(in crmlog.AddMessageLogInput) crmlog.AddMessageLogInput {
	digest, err := crmlog.NewDigestRef(platform, in)
	p.ok("the digest of Harness.Input", err)
	in.Digest = digest
	return in
}

// elsewhere is message n in a conversation of its own, and so in another digest.
func (p *probe) elsewhere(n int) crmlog.AddMessageLogInput {
	in := p.input(n)
	in.Message.Conversation.ID = crmlog.ID(fmt.Sprintf("55789843501179177%02d", n))
	return p.digested(in)
}

const platform = "adaptertest"

// clone copies an input and all that it refers to.
func clone(in crmlog.AddMessageLogInput) crmlog.AddMessageLogInput {
	in.Message.To = slices.Clone(in.Message.To)
	in.Message.Attachments = slices.Clone(in.Message.Attachments)
	if in.AdditionalSubmission != nil {
		in.AdditionalSubmission = cloneAny(map[string]any(in.AdditionalSubmission)).(map[string]any)
	}
	return in
}

func cloneAny(v any) any {
	switch v := v.(type) {
	case map[string]any:
		c := make(map[string]any, len(v))
		for k, e := range v {
			c[k] = cloneAny(e)
		}
		return c
	case []any:
		c := make([]any, len(v))
		for i, e := range v {
			c[i] = cloneAny(e)
		}
		return c
	}
	return v
}

// add adds the message, and returns the record's id.
func (p *probe) add(in crmlog.AddMessageLogInput) string {
	result, err := p.tryAdd(in)
	p.ok("AddMessageLog", err)
	p.want(result.LogID != "", "AddMessageLog returned no LogID and no error")
	return result.LogID
}

func (p *probe) tryAdd(in crmlog.AddMessageLogInput) (result crmlog.MessageLogResult, err error) {
	p.within(patience, "AddMessageLog", func() { result, err = p.adapter.AddMessageLog(p.ctx, in) })
	return result, err
}

func updateOf(logID string, in crmlog.AddMessageLogInput) crmlog.UpdateMessageLogInput {
	return crmlog.UpdateMessageLogInput{
		AddMessageLogInput: in,
		ExistingMessageLog: crmlog.ExistingMessageLog{LogID: logID},
	}
}

func (p *probe) update(logID string, in crmlog.AddMessageLogInput) crmlog.MessageLogResult {
	result, err := p.tryUpdate(logID, in)
	p.ok("UpdateMessageLog", err)
	return result
}

func (p *probe) tryUpdate(logID string, in crmlog.AddMessageLogInput) (result crmlog.MessageLogResult, err error) {
	p.within(patience, "UpdateMessageLog", func() {
		result, err = p.adapter.UpdateMessageLog(p.ctx, updateOf(logID, in))
	})
	return result, err
}

func (p *probe) tryBatch(logID string, in ...crmlog.AddMessageLogInput) (result crmlog.UpdateMessageLogsResult, err error) {
	batcher := capability[crmlog.BatchUpdater](p, "BatchUpdater", "Batch")
	p.within(patience, "UpdateMessageLogs", func() {
		result, err = batcher.UpdateMessageLogs(p.ctx, crmlog.UpdateMessageLogsInput{
			ExistingMessageLog: crmlog.ExistingMessageLog{LogID: logID}, Messages: in,
		})
	})
	return result, err
}

func (p *probe) batch(logID string, in ...crmlog.AddMessageLogInput) []crmlog.UpdateResult {
	result, err := p.tryBatch(logID, in...)
	p.ok("UpdateMessageLogs", err)
	p.want(len(result.Results) == len(in), "UpdateMessageLogs returned %d results for %d messages", len(result.Results), len(in))
	return result.Results
}

func (p *probe) tryAmend(logID string, in crmlog.AddMessageLogInput) (result crmlog.MessageLogResult, err error) {
	amender := capability[crmlog.Amender](p, "Amender", "Amend")
	p.within(patience, "AmendMessageLog", func() {
		result, err = amender.AmendMessageLog(p.ctx, updateOf(logID, in))
	})
	return result, err
}

func (p *probe) amend(logID string, in crmlog.AddMessageLogInput) crmlog.MessageLogResult {
	result, err := p.tryAmend(logID, in)
	p.ok("AmendMessageLog", err)
	return result
}

func (p *probe) tryFind(in crmlog.AddMessageLogInput) (found []crmlog.FoundMessageLog, err error) {
	finder := capability[crmlog.Finder](p, "Finder", "Find")
	p.within(patience, "FindMessageLogs", func() {
		found, err = finder.FindMessageLogs(p.ctx, crmlog.FindInput{
			User: in.User, Account: in.Account, ContactInfo: in.ContactInfo, AuthHeader: in.AuthHeader, Digest: in.Digest,
		})
	})
	return found, err
}

func (p *probe) find(in crmlog.AddMessageLogInput) []crmlog.FoundMessageLog {
	found, err := p.tryFind(in)
	p.ok("FindMessageLogs", err)
	return found
}

// findAfterLag finds as soon as the CRM's lists show as many records.
func (p *probe) findAfterLag(in crmlog.AddMessageLogInput, want int) []crmlog.FoundMessageLog {
	settle := capability[crmlog.Finder](p, "Finder", "Find").SettleTime()
	for start := time.Now(); ; {
		last := time.Since(start) > settle
		found := p.find(in)
		if last || len(found) >= want {
			return found
		}
		p.sleep(min(settle/10+time.Millisecond, 100*time.Millisecond))
	}
}

func (p *probe) sleep(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-p.ctx.Done():
		p.failf("%w", p.ctx.Err())
	}
}

// capability is the adapter as a T.
func capability[T any](p *probe, name, cannot string) T {
	t, ok := crmlog.As[T](p.adapter)
	p.want(ok, "the adapter is no crmlog.%s; implement it, or say with Harness.Cannot.%s that the CRM does not allow it", name, cannot)
	return t
}

// records are those in the CRM, of which there must be that many.
func (p *probe) records(want int) []Record {
	all := p.crm.Records()
	p.want(len(all) == want, "%d records in the CRM, want %d", len(all), want)
	return all
}

// text is what stands in a record, in lines.
func (p *probe) text(logID string) string {
	for _, r := range p.crm.Records() {
		if r.LogID == logID {
			return r.Text
		}
	}
	p.failf("the CRM has no record of the id that the adapter returned")
	return ""
}

// holds wants the record to hold each of the words once, in this order.
func (p *probe) holds(logID string, words ...string) {
	p.inOrder(p.text(logID), words...)
}

func (p *probe) inOrder(text string, words ...string) {
	at := -1
	for i, w := range words {
		n := strings.Count(text, w)
		p.want(n == 1, "message %d of %d stands %d times in the record, want once", i+1, len(words), n)
		next := strings.Index(text, w)
		p.want(next > at, "message %d of %d stands before an earlier one", i+1, len(words))
		at = next
	}
}

// everywhere counts what the CRM's records hold of it.
func (p *probe) everywhere(word string) int {
	n := 0
	for _, r := range p.crm.Records() {
		n += strings.Count(r.Text, word)
	}
	return n
}

func words(ns ...int) []string {
	var ws []string
	for _, n := range ns {
		ws = append(ws, word(n))
	}
	return ws
}

// kind wants the error to be of a kind.
func (p *probe) kind(what string, err error, kinds ...error) {
	for _, k := range kinds {
		if errors.Is(err, k) {
			return
		}
	}
	var names []string
	for _, k := range kinds {
		names = append(names, fmt.Sprintf("%q", k))
	}
	p.want(err != nil, "%s: no error, want %s", what, strings.Join(names, " or "))
	p.failf("%s: the error is not %s by errors.Is: %s", what, strings.Join(names, " or "), p.clean(err))
}

// typed wants an error that the router can judge.
func (p *probe) typed(what string, err error) {
	if err == nil {
		return
	}
	var input *crmlog.InputError
	var api *crmlog.APIError
	var full *crmlog.BodyFullError
	if errors.As(err, &input) || errors.As(err, &api) || errors.As(err, &full) {
		return
	}
	for _, kind := range []error{
		crmlog.ErrInvalidInput, crmlog.ErrUnauthorized, crmlog.ErrForbidden, crmlog.ErrNotFound, crmlog.ErrLogGone, crmlog.ErrConflict,
		crmlog.ErrRateLimited, crmlog.ErrUnavailable, crmlog.ErrOutcomeUnknown, context.Canceled, context.DeadlineExceeded,
	} {
		if errors.Is(err, kind) {
			return
		}
	}
	p.failf("%s: the error is neither an *InputError nor an *APIError and wraps none of crmlog's sentinels: %T", what, err)
}

// notDone is what the router takes for "surely not applied".
func notDone(err error) bool {
	if errors.Is(err, crmlog.ErrOutcomeUnknown) {
		return false
	}
	var api *crmlog.APIError
	if errors.As(err, &api) {
		return api.NotDone
	}
	return errors.Is(err, crmlog.ErrInvalidInput) || errors.Is(err, crmlog.ErrLogGone)
}

// secrets are what must be in no error and no log line, by what they are.
func (p *probe) secrets() map[string]string {
	return map[string]string{
		"the credential":            secretOf(p.suite.h.Input.AuthHeader),
		"the other's credential":    secretOf(p.suite.h.Other.AuthHeader),
		"the contact's name":        "Quarkfield",
		"the user's name":           "Zwingli",
		"the contact's number":      contactPhone[2:],
		"the user's number":         userPhone[2:],
		"the text of a message":     "quartz",
		"the text of a voicemail":   "heliotrope",
		"the name of an attachment": "marzipan",
	}
}

// leak is what secret stands in s, "" for none.
func (p *probe) leak(s string) string {
	digits := strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return r
		}
		return -1
	}, s)
	for what, secret := range p.secrets() {
		if strings.Contains(strings.ToLower(s), strings.ToLower(secret)) {
			return what
		}
		if strings.HasSuffix(what, "number") && strings.Contains(digits, secret) {
			return what
		}
	}
	return ""
}

// clean is an error for the suite's own words, in which no secret may be either.
func (p *probe) clean(err error) string {
	if err == nil {
		return "<nil>"
	}
	s := err.Error()
	if what := p.leak(s); what != "" {
		return fmt.Sprintf("%T (its text holds %s)", err, what)
	}
	return s
}

// squash is a text with its white space as single spaces, and without what
// cannot be seen.
func squash(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsGraphic(r):
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

func same(a, b any) bool { return reflect.DeepEqual(a, b) }
