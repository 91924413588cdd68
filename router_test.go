package crmlog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/crmlogtest"
	"github.com/stretchr/testify/require"
)

// fakeCRM is an adapter whose records are lists of message ids. Its hooks run
// before a call, and can make it fail.
type fakeCRM struct {
	mu      sync.Mutex
	records []*fakeRecord
	calls   []string

	onAdd    func(n int, in crmlog.AddMessageLogInput) fault
	onUpdate func(n int, in crmlog.UpdateMessageLogInput) fault
	adds     int
	updates  int
}

type fakeRecord struct {
	id       string
	ref      string
	messages []fakeMessage
	deleted  bool
}

type fakeMessage struct {
	id crmlog.ID
	at time.Time
}

// fault is how a call fails: err is returned, after the call has had its effect
// if applied is set. Before either, it waits for wait.
type fault struct {
	err     error
	applied bool
	tellID  bool // an add returns the logId all the same
	wait    <-chan struct{}
}

var (
	errTimeout     = &crmlog.APIError{Operation: "fake: write", Kind: crmlog.ErrUnavailable}
	errRefused     = &crmlog.APIError{Operation: "fake: write", Kind: crmlog.ErrInvalidInput, StatusCode: 422, NotDone: true}
	errNoAccess    = &crmlog.APIError{Operation: "fake: write", Kind: crmlog.ErrUnauthorized, StatusCode: 401, NotDone: true}
	errTooMany     = &crmlog.APIError{Operation: "fake: write", Kind: crmlog.ErrRateLimited, StatusCode: 429, NotDone: true, RetryAfter: 3 * time.Second}
	errTooManyLong = &crmlog.APIError{Operation: "fake: write", Kind: crmlog.ErrRateLimited, StatusCode: 429, NotDone: true, RetryAfter: time.Hour}
)

func (c *fakeCRM) AddMessageLog(ctx context.Context, in crmlog.AddMessageLogInput) (crmlog.MessageLogResult, error) {
	c.mu.Lock()
	c.adds++
	c.calls = append(c.calls, "add "+string(in.Message.ID))
	var f fault
	if c.onAdd != nil {
		f = c.onAdd(c.adds, in)
	}
	c.mu.Unlock()
	if err := hold(ctx, f); err != nil {
		return crmlog.MessageLogResult{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.err != nil && !f.applied {
		return crmlog.MessageLogResult{}, f.err
	}
	r := &fakeRecord{id: fmt.Sprintf("log%d", len(c.records)+1), ref: in.Digest.Ref}
	r.add(in.Message)
	c.records = append(c.records, r)
	if f.err != nil && !f.tellID {
		return crmlog.MessageLogResult{}, f.err
	}
	return crmlog.MessageLogResult{LogID: r.id, ReturnMessage: crmlog.ReturnMessageFor(nil)}, f.err
}

func (c *fakeCRM) UpdateMessageLog(ctx context.Context, in crmlog.UpdateMessageLogInput) (crmlog.MessageLogResult, error) {
	c.mu.Lock()
	c.updates++
	c.calls = append(c.calls, "update "+string(in.Message.ID))
	var f fault
	if c.onUpdate != nil {
		f = c.onUpdate(c.updates, in)
	}
	c.mu.Unlock()
	if err := hold(ctx, f); err != nil {
		return crmlog.MessageLogResult{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.err != nil && !f.applied {
		return crmlog.MessageLogResult{}, f.err
	}
	i := slices.IndexFunc(c.records, func(r *fakeRecord) bool { return r.id == in.ExistingMessageLog.LogID && !r.deleted })
	if i < 0 {
		return crmlog.MessageLogResult{}, crmlog.ErrLogGone
	}
	there := !c.records[i].add(in.Message)
	return crmlog.MessageLogResult{LogID: c.records[i].id, AlreadyThere: there, ReturnMessage: crmlog.ReturnMessageFor(nil)}, f.err
}

func hold(ctx context.Context, f fault) error {
	if f.wait == nil {
		return nil
	}
	select {
	case <-f.wait:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// add keeps the messages in order of time, as package note does.
func (r *fakeRecord) add(m crmlog.Message) bool {
	if slices.ContainsFunc(r.messages, func(f fakeMessage) bool { return f.id == m.ID }) {
		return false
	}
	r.messages = append(r.messages, fakeMessage{m.ID, m.CreationTime})
	slices.SortStableFunc(r.messages, func(a, b fakeMessage) int { return a.at.Compare(b.at) })
	return true
}

// contents is the records' message ids, deleted records left out.
func (c *fakeCRM) contents() [][]crmlog.ID {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all [][]crmlog.ID
	for _, r := range c.records {
		if r.deleted {
			continue
		}
		var ids []crmlog.ID
		for _, m := range r.messages {
			ids = append(ids, m.id)
		}
		all = append(all, ids)
	}
	return all
}

// findingCRM is a fakeCRM that can be asked.
type findingCRM struct {
	fakeCRM
	lag   time.Duration
	finds int
	since time.Time // of the last find
}

func (c *findingCRM) SettleTime() time.Duration { return c.lag }

func (c *findingCRM) FindMessageLogs(_ context.Context, in crmlog.FindInput) ([]crmlog.FoundMessageLog, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.finds++
	c.since = in.Since
	var found []crmlog.FoundMessageLog
	for _, r := range c.records {
		if r.ref != in.Digest.Ref || r.deleted {
			continue
		}
		f := crmlog.FoundMessageLog{LogID: r.id}
		for _, m := range r.messages {
			f.MessageIDs = append(f.MessageIDs, m.id)
		}
		found = append(found, f)
	}
	return found, nil
}

func newRouter(t testing.TB, adapter crmlog.Adapter, change ...func(*crmlog.RouterConfig)) *crmlog.Router {
	t.Helper()
	config := crmlog.RouterConfig{Platform: "fake"}
	for _, c := range change {
		c(&config)
	}
	router, err := crmlog.NewRouter(adapter, config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, router.Shutdown(context.Background())) })
	return router
}

// noon is the time of the tests' messages, in Los Angeles 4 a.m.
var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

func sms(id crmlog.ID, at time.Time) crmlog.MessageInput {
	return crmlog.MessageInput{Message: crmlog.Message{
		ID: id, Type: crmlog.MessageTypeSMS, Direction: crmlog.DirectionInbound, CreationTime: at,
		Conversation: crmlog.Conversation{ID: "5578984350117917661"}, Subject: "text of " + string(id),
	}}
}

func logInput(messages ...crmlog.MessageInput) crmlog.LogInput {
	in := crmlogtest.LogInput(messages...)
	in.AuthHeader = "Bearer secret-token"
	return in
}

func outcomes(r crmlog.Report) []crmlog.Outcome {
	var o []crmlog.Outcome
	for _, e := range r.Entries {
		o = append(o, e.Outcome)
	}
	return o
}

func TestDayBecomesOneRecord(t *testing.T) {
	t.Parallel()
	crm := &fakeCRM{}
	router := newRouter(t, crm)

	report, err := router.Log(t.Context(), logInput(sms("2", noon.Add(time.Minute)), sms("3", noon.Add(2*time.Minute)), sms("1", noon)))
	require.NoError(t, err)
	require.Equal(t, []crmlog.Outcome{crmlog.OutcomeUpdated, crmlog.OutcomeUpdated, crmlog.OutcomeAdded}, outcomes(report),
		"the report is in the order of the input, the record is opened by the oldest message")
	require.Equal(t, "log1", report.Entries[0].LogID)
	require.Equal(t, "2026-03-10", report.Entries[0].Digest.Day)
	require.Equal(t, crmlog.ReturnMessage{Message: "3 messages logged", MessageType: crmlog.Success, TTL: 3000}, report.ReturnMessage)

	report, err = router.Log(t.Context(), logInput(sms("2", noon.Add(time.Minute))))
	require.NoError(t, err)
	require.Equal(t, []crmlog.Outcome{crmlog.OutcomeDuplicate}, outcomes(report))
	require.Equal(t, "log1", report.Entries[0].LogID)
	require.Equal(t, "Already logged", report.ReturnMessage.Message)

	report, err = router.Log(t.Context(), logInput(sms("0", noon.Add(-time.Minute)), sms("0", noon.Add(-time.Minute))))
	require.NoError(t, err)
	require.Equal(t, []crmlog.Outcome{crmlog.OutcomeUpdated, crmlog.OutcomeDuplicate}, outcomes(report), "twice in one call is once")

	require.Equal(t, []string{"add 1", "update 2", "update 3", "update 0"}, crm.calls)
	require.Equal(t, [][]crmlog.ID{{"0", "1", "2", "3"}}, crm.contents())
}

func TestDigestIsOfOneDayConversationContactUserAccountAndPlatform(t *testing.T) {
	t.Parallel()
	base := logInput(sms("1", noon))
	tests := map[string]struct {
		platform string
		change   func(*crmlog.LogInput)
	}{
		"next day in the user's zone": {change: func(in *crmlog.LogInput) {
			in.Messages[0] = sms("2", noon.Add(19*time.Hour+time.Minute))
		}},
		"another conversation": {change: func(in *crmlog.LogInput) {
			in.Messages[0] = sms("2", noon)
			in.Messages[0].Message.Conversation.ID = "5578984350117917662"
		}},
		"a conversation that is the same float64": {change: func(in *crmlog.LogInput) {
			in.Messages[0] = sms("2", noon)
			in.Messages[0].Message.Conversation.ID = "5578984350117917660"
		}},
		"a voicemail, which has none": {change: func(in *crmlog.LogInput) {
			in.Messages[0] = sms("2", noon)
			in.Messages[0].Message.Type = crmlog.MessageTypeVoiceMail
			in.Messages[0].Message.Conversation.ID = ""
		}},
		"the same message for another contact":      {change: func(in *crmlog.LogInput) { in.ContactInfo.ID = "43" }},
		"the same message for another user":         {change: func(in *crmlog.LogInput) { in.User.ID = "8" }},
		"the same message in another account":       {change: func(in *crmlog.LogInput) { in.Account = "other" }},
		"the same message for a user that runs on":  {change: func(in *crmlog.LogInput) { in.User.ID, in.Account = "me7", "ac" }},
		"the same message on another platform":      {platform: "other"},
		"the same number as contact and as account": {change: func(in *crmlog.LogInput) { in.ContactInfo.ID, in.Account = "acme", "42" }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			crm := &fakeCRM{}
			store := crmlog.NewMemoryStore()
			withStore := func(c *crmlog.RouterConfig) { c.Store = store }
			_, err := newRouter(t, crm, withStore).Log(t.Context(), base)
			require.NoError(t, err)

			in := base
			in.Messages = slices.Clone(base.Messages)
			if tt.change != nil {
				tt.change(&in)
			}
			other := newRouter(t, crm, withStore, func(c *crmlog.RouterConfig) {
				if tt.platform != "" {
					c.Platform = tt.platform
				}
			})
			report, err := other.Log(t.Context(), in)
			require.NoError(t, err)
			require.Equal(t, []crmlog.Outcome{crmlog.OutcomeAdded}, outcomes(report))
			require.Len(t, crm.contents(), 2)
		})
	}
}

func TestSameMessageInAnotherFormIsADuplicate(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*crmlog.LogInput){
		"in another zone, on another day": func(in *crmlog.LogInput) { in.User.TimezoneName = "Pacific/Kiritimati" },
		"with a rounded conversationId alone": func(in *crmlog.LogInput) {
			in.Messages[0].Message.Conversation.ID = ""
			in.Messages[0].Message.ConversationID = "5578984350117918000"
		},
		"with both ids": func(in *crmlog.LogInput) {
			in.Messages[0].Message.ConversationID = "5578984350117918000"
		},
		"with another authHeader": func(in *crmlog.LogInput) { in.AuthHeader = "Bearer refreshed" },
		"with another contact name and type": func(in *crmlog.LogInput) {
			in.ContactInfo.Name, in.ContactInfo.Type = "Anna Lee", "person"
		},
		"modified since": func(in *crmlog.LogInput) { in.Messages[0].Message.LastModifiedTime = noon.Add(time.Hour) },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			crm := &fakeCRM{}
			router := newRouter(t, crm)
			_, err := router.Log(t.Context(), logInput(sms("1", noon)))
			require.NoError(t, err)
			in := logInput(sms("1", noon))
			change(&in)
			report, err := router.Log(t.Context(), in)
			require.NoError(t, err)
			require.Equal(t, []crmlog.Outcome{crmlog.OutcomeDuplicate}, outcomes(report))
			require.Equal(t, "log1", report.Entries[0].LogID)
			require.Equal(t, "2026-03-10", report.Entries[0].Digest.Day, "the digest that it is in")
			require.Len(t, crm.calls, 1)
		})
	}
}

func TestMessageThatFailedKeepsItsDigest(t *testing.T) {
	t.Parallel()
	crm := &fakeCRM{onAdd: func(n int, _ crmlog.AddMessageLogInput) fault {
		if n == 1 {
			return fault{err: errRefused}
		}
		return fault{}
	}}
	router := newRouter(t, crm)
	report, err := router.Log(t.Context(), logInput(sms("1", noon)))
	require.ErrorIs(t, err, crmlog.ErrInvalidInput)
	first := report.Entries[0].Digest

	in := logInput(sms("1", noon))
	in.User.TimezoneName = "Pacific/Kiritimati"
	report, err = router.Log(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, []crmlog.Outcome{crmlog.OutcomeAdded}, outcomes(report))
	require.Equal(t, first.Ref, report.Entries[0].Digest.Ref)
	require.Equal(t, first.Day, report.Entries[0].Digest.Day)
}

func TestOneRefusedMessageFailsAlone(t *testing.T) {
	t.Parallel()
	crm := &fakeCRM{onUpdate: func(n int, in crmlog.UpdateMessageLogInput) fault {
		if in.Message.ID == "2" {
			return fault{err: errRefused}
		}
		return fault{}
	}}
	report, err := newRouter(t, crm).Log(t.Context(), logInput(sms("1", noon), sms("2", noon), sms("3", noon)))
	require.ErrorIs(t, err, crmlog.ErrInvalidInput)
	require.ErrorContains(t, err, "message 2: ")
	require.Equal(t, []crmlog.Outcome{crmlog.OutcomeAdded, crmlog.OutcomeFailed, crmlog.OutcomeUpdated}, outcomes(report))
	require.Equal(t, crmlog.Danger, report.ReturnMessage.MessageType)
	require.Contains(t, report.ReturnMessage.Message, "1 of 3 messages could not be logged.")
	require.Equal(t, [][]crmlog.ID{{"1", "3"}}, crm.contents())
}

func TestWhatTheCRMSaysOfTheAccountIsNotAskedAgain(t *testing.T) {
	t.Parallel()
	crm := &fakeCRM{onAdd: func(int, crmlog.AddMessageLogInput) fault { return fault{err: errNoAccess} }}
	report, err := newRouter(t, crm).Log(t.Context(), logInput(sms("1", noon), sms("2", noon), sms("3", noon)))
	require.ErrorIs(t, err, crmlog.ErrUnauthorized)
	require.Equal(t, []crmlog.Outcome{crmlog.OutcomeFailed, crmlog.OutcomeFailed, crmlog.OutcomeFailed}, outcomes(report))
	require.Len(t, crm.calls, 1)
}

func TestDeletedMessagesAreSkipped(t *testing.T) {
	t.Parallel()
	crm := &fakeCRM{}
	stub := crmlog.MessageInput{Message: crmlog.Message{ID: "9", Availability: crmlog.AvailabilityPurged}}
	report, err := newRouter(t, crm).Log(t.Context(), logInput(stub, sms("1", noon)))
	require.NoError(t, err)
	require.Equal(t, []crmlog.Outcome{crmlog.OutcomeSkipped, crmlog.OutcomeAdded}, outcomes(report))
	require.NotEmpty(t, report.Entries[0].Reason)
}

func TestInvalidInputIsNamedAndWritesNothing(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		field  string
		change func(*crmlog.LogInput)
	}{
		"no user":               {"user.id", func(in *crmlog.LogInput) { in.User.ID = "" }},
		"blank contact":         {"contactInfo.id", func(in *crmlog.LogInput) { in.ContactInfo.ID = "  " }},
		"no authHeader":         {"authHeader", func(in *crmlog.LogInput) { in.AuthHeader = "" }},
		"authHeader of lines":   {"authHeader", func(in *crmlog.LogInput) { in.AuthHeader = "Bearer x\r\nHost: y" }},
		"account with NUL":      {"account", func(in *crmlog.LogInput) { in.Account = "a\x00b" }},
		"unknown zone":          {"user.timezoneName", func(in *crmlog.LogInput) { in.User.TimezoneName = "Mars/Olympus" }},
		"the server's zone":     {"user.timezoneName", func(in *crmlog.LogInput) { in.User.TimezoneName = "Local" }},
		"offset beyond the map": {"timezoneOffset", func(in *crmlog.LogInput) { in.User.TimezoneName, in.TimezoneOffset = "", "+15:00" }},
		"offset that is none":   {"timezoneOffset", func(in *crmlog.LogInput) { in.User.TimezoneName, in.TimezoneOffset = "", "PST" }},
		"no message id":         {"message.id", func(in *crmlog.LogInput) { in.Messages[0].Message.ID = "" }},
		"endless message id":    {"message.id", func(in *crmlog.LogInput) { in.Messages[0].Message.ID = crmlog.ID(make([]byte, 300)) }},
		"no creation time":      {"message.creationTime", func(in *crmlog.LogInput) { in.Messages[0].Message.CreationTime = time.Time{} }},
		"seconds for ms":        {"message.creationTime", func(in *crmlog.LogInput) { in.Messages[0].Message.CreationTime = time.UnixMilli(1_772_000_000) }},
		"a recording's link with a password": {"recordingLink", func(in *crmlog.LogInput) {
			in.Messages[0].Message.Type, in.Messages[0].RecordingLink = crmlog.MessageTypeVoiceMail, "https://me:c4nary@media.example.com/9"
		}},
		"a recording's link that runs a script": {"recordingLink", func(in *crmlog.LogInput) {
			in.Messages[0].Message.Type, in.Messages[0].RecordingLink = crmlog.MessageTypeVoiceMail, "javascript:c4nary"
		}},
		"a type that is unknown": {"message.type", func(in *crmlog.LogInput) { in.Messages[0].Message.Type = "Telegram" }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			crm := &fakeCRM{}
			in := logInput(sms("1", noon))
			tt.change(&in)
			report, err := newRouter(t, crm).Log(t.Context(), in)
			var input *crmlog.InputError
			require.ErrorAs(t, err, &input)
			require.Equal(t, tt.field, input.Field)
			require.ErrorIs(t, err, crmlog.ErrInvalidInput)
			require.NotContains(t, err.Error(), "c4nary")
			require.Equal(t, []crmlog.Outcome{crmlog.OutcomeFailed}, outcomes(report))
			require.Equal(t, crmlog.Danger, report.ReturnMessage.MessageType)
			require.Empty(t, crm.calls)
		})
	}
}

func TestNoMessagesIsNoError(t *testing.T) {
	t.Parallel()
	report, err := newRouter(t, &fakeCRM{}).Log(t.Context(), logInput())
	require.NoError(t, err)
	require.Empty(t, report.Entries)
}

func TestAdapterGetsWhatBelongsToTheMessage(t *testing.T) {
	t.Parallel()
	var got crmlog.AddMessageLogInput
	crm := &fakeCRM{onAdd: func(_ int, in crmlog.AddMessageLogInput) fault {
		got = in
		return fault{}
	}}
	m := sms("1", noon)
	m.AdditionalSubmission = crmlog.AdditionalSubmission{"deals": 5}
	m.RecordingLink = "https://example.com/recording"
	in := logInput(m)
	in.TimezoneOffset = "-08:00"
	_, err := newRouter(t, crm).Log(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, in.User, got.User)
	require.Equal(t, in.ContactInfo, got.ContactInfo)
	require.Equal(t, "Bearer secret-token", string(got.AuthHeader))
	require.Equal(t, m.AdditionalSubmission, got.AdditionalSubmission)
	require.Equal(t, m.RecordingLink, got.RecordingLink)
	require.Equal(t, "acme", got.Account)
	require.Equal(t, 1, got.Digest.Part)
	require.Equal(t, "America/Los_Angeles", got.Digest.Location.String())
}

func TestAdapterWarningReachesTheScreen(t *testing.T) {
	t.Parallel()
	warned := crmlog.ReturnMessage{Message: "Logged as a task", MessageType: crmlog.Warning, TTL: 5000}
	router := newRouter(t, warningCRM{&fakeCRM{}, warned})
	report, err := router.Log(t.Context(), logInput(sms("1", noon), sms("2", noon)))
	require.NoError(t, err)
	require.Equal(t, warned, report.ReturnMessage)
}

type warningCRM struct {
	*fakeCRM
	message crmlog.ReturnMessage
}

func (c warningCRM) AddMessageLog(ctx context.Context, in crmlog.AddMessageLogInput) (crmlog.MessageLogResult, error) {
	r, err := c.fakeCRM.AddMessageLog(ctx, in)
	r.ReturnMessage = c.message
	return r, err
}

func TestDeletedRecordIsOpenedAnew(t *testing.T) {
	t.Parallel()
	crm := &fakeCRM{}
	router := newRouter(t, crm)
	_, err := router.Log(t.Context(), logInput(sms("1", noon)))
	require.NoError(t, err)
	crm.records[0].deleted = true

	report, err := router.Log(t.Context(), logInput(sms("2", noon), sms("3", noon)))
	require.NoError(t, err)
	require.Equal(t, []crmlog.Outcome{crmlog.OutcomeAdded, crmlog.OutcomeUpdated}, outcomes(report))
	require.Equal(t, crmlog.Warning, report.ReturnMessage.MessageType)
	require.Contains(t, report.ReturnMessage.Message, "deleted in the CRM")
	require.Equal(t, [][]crmlog.ID{{"2", "3"}}, crm.contents())

	report, err = router.Log(t.Context(), logInput(sms("4", noon)))
	require.NoError(t, err)
	require.Equal(t, "log2", report.Entries[0].LogID, "the store follows")
}

func TestRecordThatWasMadeIsContinuedThoughALaterStepFailed(t *testing.T) {
	t.Parallel()
	crm := &fakeCRM{onAdd: func(int, crmlog.AddMessageLogInput) fault { return fault{err: errRefused, applied: true, tellID: true} }}
	router := newRouter(t, crm)
	report, err := router.Log(t.Context(), logInput(sms("1", noon)))
	require.ErrorIs(t, err, crmlog.ErrInvalidInput)
	require.Equal(t, "log1", report.Entries[0].LogID)

	report, err = router.Log(t.Context(), logInput(sms("1", noon)))
	require.NoError(t, err)
	require.Equal(t, "log1", report.Entries[0].LogID)
	require.Equal(t, [][]crmlog.ID{{"1"}}, crm.contents())
}

func TestRecordThatWasMadeIsCompletedWhenTheLaterStepIsInDoubt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		crm := &fakeCRM{onAdd: func(int, crmlog.AddMessageLogInput) fault { return fault{err: errTimeout, applied: true, tellID: true} }}
		report, err := newRouter(t, crm).Log(t.Context(), logInput(sms("1", noon), sms("2", noon)))
		require.NoError(t, err)
		require.Equal(t, "log1", report.Entries[0].LogID)
		require.Equal(t, [][]crmlog.ID{{"1", "2"}}, crm.contents())
		require.Equal(t, []string{"add 1", "update 1", "update 2"}, crm.calls)
	})
}

func TestUnknownAdd(t *testing.T) {
	t.Parallel()
	for name, applied := range map[string]bool{"was applied": true, "was not applied": false} {
		t.Run(name+", and the CRM can be asked", func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				crm := &findingCRM{lag: 2 * time.Second}
				crm.onAdd = func(n int, _ crmlog.AddMessageLogInput) fault {
					if n == 1 {
						return fault{err: errTimeout, applied: applied}
					}
					return fault{}
				}
				start := time.Now()
				report, err := newRouter(t, crm).Log(t.Context(), logInput(sms("1", noon), sms("2", noon)))
				require.NoError(t, err)
				require.Equal(t, []crmlog.Outcome{crmlog.OutcomeAdded, crmlog.OutcomeUpdated}, outcomes(report))
				require.Equal(t, [][]crmlog.ID{{"1", "2"}}, crm.contents())
				require.Equal(t, 1, crm.finds)
				require.GreaterOrEqual(t, time.Since(start), 7*time.Second, "grace, then the CRM's lag")
			})
		})
	}
	t.Run("is looked for from before it began, also when the store answers late", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			crm := &findingCRM{lag: 2 * time.Second}
			crm.onAdd = func(int, crmlog.AddMessageLogInput) fault { return fault{err: errTimeout, applied: true} }
			router := newRouter(t, crm, func(c *crmlog.RouterConfig) { c.Store = slowStore{crmlog.NewMemoryStore()} })
			began := time.Now()
			report, err := router.Log(t.Context(), logInput(sms("1", noon)))
			require.NoError(t, err)
			require.Equal(t, [][]crmlog.ID{{"1"}}, crm.contents())
			require.Equal(t, []crmlog.Outcome{crmlog.OutcomeAdded}, outcomes(report))
			require.True(t, crm.since.Before(began), "looked back to %s, but the add began at %s", crm.since, began)
		})
	})
	t.Run("and the CRM cannot be asked: a double is possible, a loss is not", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			crm := &fakeCRM{onAdd: func(n int, _ crmlog.AddMessageLogInput) fault {
				if n == 1 {
					return fault{err: errTimeout, applied: true}
				}
				return fault{}
			}}
			report, err := newRouter(t, crm).Log(t.Context(), logInput(sms("1", noon)))
			require.NoError(t, err)
			require.Equal(t, "log2", report.Entries[0].LogID)
			require.Equal(t, [][]crmlog.ID{{"1"}, {"1"}}, crm.contents())
		})
	})
}

func TestUnknownUpdateIsDoneAgain(t *testing.T) {
	t.Parallel()
	for name, applied := range map[string]bool{"was applied": true, "was not applied": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				crm := &fakeCRM{onUpdate: func(n int, _ crmlog.UpdateMessageLogInput) fault {
					if n == 1 {
						return fault{err: errors.New("an error that says nothing"), applied: applied}
					}
					return fault{}
				}}
				start := time.Now()
				report, err := newRouter(t, crm).Log(t.Context(), logInput(sms("1", noon), sms("2", noon), sms("3", noon)))
				require.NoError(t, err)
				require.Equal(t, []crmlog.Outcome{crmlog.OutcomeAdded, crmlog.OutcomeUpdated, crmlog.OutcomeUpdated}, outcomes(report))
				require.Equal(t, [][]crmlog.ID{{"1", "2", "3"}}, crm.contents())
				require.GreaterOrEqual(t, time.Since(start), 5*time.Second, "nothing is written while the first may still be applied")
			})
		})
	}
}

func TestOutcomeThatStaysUnknownIsSaid(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		crm := &fakeCRM{onAdd: func(int, crmlog.AddMessageLogInput) fault { return fault{err: errTimeout} }}
		router := newRouter(t, crm)
		report, err := router.Log(t.Context(), logInput(sms("1", noon), sms("2", noon)))
		require.ErrorIs(t, err, crmlog.ErrOutcomeUnknown)
		require.ErrorIs(t, report.Entries[0].Err, crmlog.ErrOutcomeUnknown)
		require.NotErrorIs(t, report.Entries[1].Err, crmlog.ErrOutcomeUnknown, "was never tried")
		require.Equal(t, crmlog.Warning, report.ReturnMessage.MessageType)
		require.Less(t, len(crm.calls), 10)

		crm.onAdd = nil
		report, err = router.Log(t.Context(), logInput(sms("1", noon), sms("2", noon)))
		require.NoError(t, err)
		require.Equal(t, []crmlog.Outcome{crmlog.OutcomeAdded, crmlog.OutcomeUpdated}, outcomes(report))
	})
}

func TestRateLimitIsWaitedOutWithoutHoldingTheDigest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := crmlog.NewMemoryStore()
		crm := &fakeCRM{onAdd: func(n int, _ crmlog.AddMessageLogInput) fault {
			if n == 1 {
				return fault{err: errTooMany}
			}
			return fault{}
		}}
		withStore := func(c *crmlog.RouterConfig) { c.Store = store }
		router := newRouter(t, crm, withStore)
		start := time.Now()
		done := make(chan error)
		go func() {
			_, err := router.Log(t.Context(), logInput(sms("1", noon)))
			done <- err
		}()
		synctest.Wait()
		_, err := newRouter(t, crm, withStore).Log(t.Context(), logInput(sms("2", noon)))
		require.NoError(t, err)
		require.Less(t, time.Since(start), time.Second, "another process can write meanwhile")
		require.NoError(t, <-done)
		require.GreaterOrEqual(t, time.Since(start), 3*time.Second)
	})
}

func TestLongRateLimitIsTheCallersToWaitOut(t *testing.T) {
	t.Parallel()
	crm := &fakeCRM{onAdd: func(int, crmlog.AddMessageLogInput) fault { return fault{err: errTooManyLong} }}
	_, err := newRouter(t, crm).Log(t.Context(), logInput(sms("1", noon), sms("2", noon)))
	require.ErrorIs(t, err, crmlog.ErrRateLimited)
	require.Equal(t, time.Hour, crmlog.RetryAfter(err))
	require.True(t, crmlog.Temporary(err))
	require.Len(t, crm.calls, 1)
}

func TestCallerThatLeaves(t *testing.T) {
	t.Parallel()
	t.Run("before its message is written leaves no trace", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			release := make(chan struct{})
			crm := &fakeCRM{onAdd: func(int, crmlog.AddMessageLogInput) fault { return fault{wait: release} }}
			router := newRouter(t, crm)
			done := make(chan error)
			go func() {
				_, err := router.Log(t.Context(), logInput(sms("1", noon)))
				done <- err
			}()
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			report, err := router.Log(ctx, logInput(sms("2", noon)))
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.NotErrorIs(t, err, crmlog.ErrOutcomeUnknown)
			require.Equal(t, []crmlog.Outcome{crmlog.OutcomeFailed}, outcomes(report))
			close(release)
			require.NoError(t, <-done)
			synctest.Wait()
			require.Equal(t, []string{"add 1"}, crm.calls)
		})
	})
	t.Run("while it is written learns nothing, and the write goes on", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			release := make(chan struct{})
			crm := &fakeCRM{onAdd: func(int, crmlog.AddMessageLogInput) fault { return fault{wait: release} }}
			router := newRouter(t, crm)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := router.Log(ctx, logInput(sms("1", noon)))
			require.ErrorIs(t, err, crmlog.ErrOutcomeUnknown)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			close(release)
			synctest.Wait()
			report, err := router.Log(t.Context(), logInput(sms("1", noon)))
			require.NoError(t, err)
			require.Equal(t, []crmlog.Outcome{crmlog.OutcomeDuplicate}, outcomes(report))
		})
	})
	t.Run("before the call begins", func(t *testing.T) {
		t.Parallel()
		crm := &fakeCRM{}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := newRouter(t, crm).Log(ctx, logInput(sms("1", noon)))
		require.ErrorIs(t, err, context.Canceled)
		require.Empty(t, crm.calls)
	})
}

func TestWriteEndsBeforeTheLeaseDoes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var deadlines []time.Duration
		start := time.Now()
		crm := &deadlineCRM{fakeCRM: &fakeCRM{}, seen: func(ctx context.Context) {
			d, ok := ctx.Deadline()
			require.True(t, ok)
			deadlines = append(deadlines, d.Sub(start))
		}}
		router := newRouter(t, crm, func(c *crmlog.RouterConfig) { c.Lease, c.Grace = 10*time.Second, 2*time.Second })
		_, err := router.Log(t.Context(), logInput(sms("1", noon), sms("2", noon), sms("3", noon)))
		require.NoError(t, err)
		require.Equal(t, []time.Duration{8 * time.Second, 8 * time.Second, 16 * time.Second}, deadlines,
			"each write has lease less grace; the third needed a renewed lease")
	})
}

type deadlineCRM struct {
	*fakeCRM
	seen func(context.Context)
}

func (c *deadlineCRM) AddMessageLog(ctx context.Context, in crmlog.AddMessageLogInput) (crmlog.MessageLogResult, error) {
	c.seen(ctx)
	time.Sleep(2 * time.Second) // the bubble's clock
	return c.fakeCRM.AddMessageLog(ctx, in)
}

func (c *deadlineCRM) UpdateMessageLog(ctx context.Context, in crmlog.UpdateMessageLogInput) (crmlog.MessageLogResult, error) {
	c.seen(ctx)
	time.Sleep(6 * time.Second)
	return c.fakeCRM.UpdateMessageLog(ctx, in)
}

func TestQueueIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		crm := &fakeCRM{onAdd: func(int, crmlog.AddMessageLogInput) fault { return fault{wait: release} }}
		router := newRouter(t, crm, func(c *crmlog.RouterConfig) { c.MaxQueue = 2 })
		var wg sync.WaitGroup
		var mu sync.Mutex
		var full int
		for i := range 5 {
			wg.Go(func() {
				_, err := router.Log(t.Context(), logInput(sms(crmlog.ID(fmt.Sprint(i+1)), noon)))
				mu.Lock()
				defer mu.Unlock()
				if errors.Is(err, crmlog.ErrQueueFull) {
					full++
				}
			})
			synctest.Wait()
		}
		require.Equal(t, 2, full, "one is written, two wait")
		close(release)
		wg.Wait()
		require.Equal(t, [][]crmlog.ID{{"1", "2", "3"}}, crm.contents())
	})
}

// addFunc is an adapter that adds.
type addFunc func(in crmlog.AddMessageLogInput)

func (f addFunc) AddMessageLog(_ context.Context, in crmlog.AddMessageLogInput) (crmlog.MessageLogResult, error) {
	f(in)
	return crmlog.MessageLogResult{LogID: string(in.Message.ID)}, nil
}

func (f addFunc) UpdateMessageLog(context.Context, crmlog.UpdateMessageLogInput) (crmlog.MessageLogResult, error) {
	return crmlog.MessageLogResult{}, errRefused
}

func TestIdleRouterHasNoGoroutines(t *testing.T) {
	t.Parallel()
	const messages, last = 100, "99"
	for name, atLast := range map[string]func(){
		"after messages that were logged":             func() {},
		"after an adapter that ended its goroutine":   runtime.Goexit,
		"after one that was slower than all the rest": func() { time.Sleep(time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { // fails when a goroutine stays
				router, err := crmlog.NewRouter(addFunc(func(in crmlog.AddMessageLogInput) {
					time.Sleep(10 * time.Millisecond)
					if in.Message.ID == last {
						atLast()
					}
				}), crmlog.RouterConfig{Platform: "fake"})
				require.NoError(t, err)
				var next atomic.Int64
				var wg sync.WaitGroup
				for range 10 {
					wg.Go(func() {
						for i := next.Add(1); i < messages; i = next.Add(1) {
							m := sms(crmlog.ID(fmt.Sprint(i)), noon)
							m.Message.Conversation.ID = m.Message.ID
							_, _ = router.Log(t.Context(), logInput(m))
						}
					})
				}
				wg.Wait()
			})
		})
	}
}

func TestShutdown(t *testing.T) {
	t.Parallel()
	t.Run("finishes what was handed over", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			release := make(chan struct{})
			crm := &fakeCRM{onAdd: func(int, crmlog.AddMessageLogInput) fault { return fault{wait: release} }}
			router, err := crmlog.NewRouter(crm, crmlog.RouterConfig{Platform: "fake"})
			require.NoError(t, err)
			done := make(chan error)
			go func() {
				_, err := router.Log(t.Context(), logInput(sms("1", noon), sms("2", noon)))
				done <- err
			}()
			synctest.Wait()
			time.AfterFunc(time.Second, func() { close(release) })
			require.NoError(t, router.Shutdown(t.Context()))
			require.NoError(t, <-done)
			_, err = router.Log(t.Context(), logInput(sms("3", noon)))
			require.ErrorIs(t, err, crmlog.ErrShutdown)
		})
	})
	t.Run("gives up what waits when its context is done", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			crm := &fakeCRM{
				onAdd: func(int, crmlog.AddMessageLogInput) fault { return fault{wait: make(chan struct{})} },
			}
			router, err := crmlog.NewRouter(crm, crmlog.RouterConfig{Platform: "fake"})
			require.NoError(t, err)
			errs := make(chan error, 2)
			log := func(id crmlog.ID) {
				_, err := router.Log(t.Context(), logInput(sms(id, noon)))
				errs <- err
			}
			go log("1")
			synctest.Wait()
			go log("2")
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			start := time.Now()
			require.ErrorIs(t, router.Shutdown(ctx), context.DeadlineExceeded)
			require.LessOrEqual(t, time.Since(start), 30*time.Second, "at most the lease")
			both := errors.Join(<-errs, <-errs)
			require.ErrorIs(t, both, crmlog.ErrOutcomeUnknown, "of the one that was being written")
			require.ErrorIs(t, both, crmlog.ErrShutdown, "of the one that waited")
		})
	})
}

func TestStoreThatFailsIsSaid(t *testing.T) {
	t.Parallel()
	t.Run("before anything is written", func(t *testing.T) {
		t.Parallel()
		crm := &fakeCRM{}
		store := &brokenStore{Store: crmlog.NewMemoryStore(), claim: errors.New("disk full")}
		_, err := newRouter(t, crm, func(c *crmlog.RouterConfig) { c.Store = store }).Log(t.Context(), logInput(sms("1", noon)))
		require.ErrorIs(t, err, crmlog.ErrUnavailable)
		require.Empty(t, crm.calls)
	})
	t.Run("after the write: the intention speaks when the store is back", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			crm := &findingCRM{}
			store := &brokenStore{Store: crmlog.NewMemoryStore(), commit: errors.New("disk full")}
			router := newRouter(t, crm, func(c *crmlog.RouterConfig) { c.Store = store })
			time.AfterFunc(45*time.Second, func() { store.set(nil) })
			report, err := router.Log(t.Context(), logInput(sms("1", noon)))
			require.NoError(t, err)
			require.Equal(t, []crmlog.Outcome{crmlog.OutcomeAdded}, outcomes(report))
			require.Equal(t, [][]crmlog.ID{{"1"}}, crm.contents())
			require.Equal(t, 1, crm.adds)
		})
	})
}

// slowStore answers the claim that finds an open intention long after it was
// carried out.
type slowStore struct{ crmlog.Store }

func (s slowStore) Claim(ctx context.Context, req crmlog.ClaimRequest) (crmlog.Claim, error) {
	c, err := s.Store.Claim(ctx, req)
	if c.Open != nil {
		time.Sleep(15 * time.Second)
	}
	return c, err
}

type brokenStore struct {
	crmlog.Store
	claim  error
	mu     sync.Mutex
	commit error
}

func (s *brokenStore) set(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commit = err
}

func (s *brokenStore) Claim(ctx context.Context, req crmlog.ClaimRequest) (crmlog.Claim, error) {
	if s.claim != nil {
		return crmlog.Claim{}, s.claim
	}
	return s.Store.Claim(ctx, req)
}

func (s *brokenStore) Commit(ctx context.Context, l crmlog.Lease, c crmlog.Commit) error {
	s.mu.Lock()
	err := s.commit
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return s.Store.Commit(ctx, l, c)
}

func TestConcurrentCallersLogEveryMessageOnceAndInOrder(t *testing.T) {
	t.Parallel()
	crm := &fakeCRM{}
	store := crmlog.NewMemoryStore()
	routers := []*crmlog.Router{
		newRouter(t, crm, func(c *crmlog.RouterConfig) { c.Store = store }),
		newRouter(t, crm, func(c *crmlog.RouterConfig) { c.Store = store }),
	}
	const callers, messages = 16, 60
	counts := make(chan crmlog.Outcome, callers*messages)
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			for i := range messages {
				n := (i*7 + caller*13) % messages // each caller in another order
				m := sms(crmlog.ID(fmt.Sprint(n)), noon.Add(time.Duration(n)*time.Second))
				m.Message.Conversation.ID = crmlog.ID(fmt.Sprint("conversation ", n%4))
				report, err := routers[caller%2].Log(context.Background(), logInput(m))
				if err != nil {
					t.Error(err)
				}
				counts <- report.Entries[0].Outcome
			}
		})
	}
	wg.Wait()
	close(counts)
	total := make(map[crmlog.Outcome]int)
	for o := range counts {
		total[o]++
	}
	require.Equal(t, map[crmlog.Outcome]int{
		crmlog.OutcomeAdded: 4, crmlog.OutcomeUpdated: messages - 4, crmlog.OutcomeDuplicate: (callers - 1) * messages,
	}, total)
	require.Len(t, crm.records, 4)
	for _, r := range crm.records {
		require.Len(t, r.messages, messages/4)
		require.True(t, slices.IsSortedFunc(r.messages, func(a, b fakeMessage) int { return a.at.Compare(b.at) }))
	}
}

func TestLogsAndErrorsHoldNoSecret(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		crm := &fakeCRM{
			onAdd: func(n int, _ crmlog.AddMessageLogInput) fault {
				return []fault{{err: errRefused}, {err: errTimeout}, {}}[min(n, 3)-1]
			},
			onUpdate: func(int, crmlog.UpdateMessageLogInput) fault { return fault{err: crmlog.ErrLogGone} },
		}
		router := newRouter(t, crm, func(c *crmlog.RouterConfig) {
			c.Logger = slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
		})
		in := logInput(sms("1", noon), sms("2", noon), sms("3", noon))
		report, err := router.Log(t.Context(), in)
		require.Error(t, err)
		require.NotEmpty(t, out.String())
		printed := out.String() + err.Error() + fmt.Sprintf("%v %+v", report, report)
		for _, secret := range []string{"secret-token", "text of", "Ann Lee", "6505550101"} {
			require.NotContains(t, printed, secret)
		}
	})
}

func TestRouterConfigIsChecked(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		adapter crmlog.Adapter
		config  crmlog.RouterConfig
		field   string
	}{
		"no adapter":         {nil, crmlog.RouterConfig{Platform: "fake"}, "adapter"},
		"no platform":        {&fakeCRM{}, crmlog.RouterConfig{}, "RouterConfig.Platform"},
		"grace beyond lease": {&fakeCRM{}, crmlog.RouterConfig{Platform: "fake", Lease: time.Second, Grace: time.Second}, "RouterConfig.Grace"},
		"negative queue":     {&fakeCRM{}, crmlog.RouterConfig{Platform: "fake", MaxQueue: -1}, "RouterConfig.MaxQueue"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := crmlog.NewRouter(tt.adapter, tt.config)
			var input *crmlog.InputError
			require.ErrorAs(t, err, &input)
			require.Equal(t, tt.field, input.Field)
		})
	}
}
