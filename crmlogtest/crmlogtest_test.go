package crmlogtest_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/crmlogtest"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newRouter(t *testing.T, crm crmlog.Adapter) *crmlog.Router {
	t.Helper()
	router, err := crmlog.NewRouter(crm, crmlog.RouterConfig{Platform: "test"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, router.Shutdown(context.Background())) })
	return router
}

func TestADayStandsInOneRecord(t *testing.T) {
	t.Parallel()
	crm := &crmlogtest.Adapter{}
	var phone crmlogtest.Mailbox
	first, second := phone.In("one"), phone.Out("two")
	phone.Advance(-10 * time.Minute)
	late := phone.In("zero")
	report, err := newRouter(t, crm).Log(t.Context(), crmlogtest.LogInput(first, second, late, first))
	require.NoError(t, err)
	crmlogtest.RequireOutcomes(t, report, crmlog.OutcomeUpdated, crmlog.OutcomeUpdated, crmlog.OutcomeAdded, crmlog.OutcomeDuplicate)
	crm.RequireRecords(t, []crmlog.ID{"1003", "1001", "1002"})
	crm.RequireLogged(t, "1001", "1002", "1003")
	record := crm.Records()[0]
	require.Equal(t, "2026-03-10", record.Digest.Day)
	require.Equal(t, "zero", record.Messages[0].Message.Subject)
	require.Equal(t, crmlog.AuthHeader("Bearer test-token"), crm.Calls()[0].AuthHeader)
	require.Equal(t, crmlogtest.Batch, crm.Calls()[1].Method)
}

func TestARecordThatIsFullIsFollowedByAnother(t *testing.T) {
	t.Parallel()
	crm := &crmlogtest.Adapter{Room: 2}
	var phone crmlogtest.Mailbox
	report, err := newRouter(t, crm).Log(t.Context(), crmlogtest.LogInput(phone.In("1"), phone.In("2"), phone.In("3"), phone.In("4"), phone.In("5")))
	require.NoError(t, err)
	require.Equal(t, 3, report.Entries[4].Digest.Part)
	crm.RequireRecords(t, []crmlog.ID{"1001", "1002"}, []crmlog.ID{"1003", "1004"}, []crmlog.ID{"1005"})
}

func TestADeletedRecordIsGone(t *testing.T) {
	t.Parallel()
	crm := &crmlogtest.Adapter{}
	router := newRouter(t, crm)
	var phone crmlogtest.Mailbox
	_, err := router.Log(t.Context(), crmlogtest.LogInput(phone.In("1")))
	require.NoError(t, err)
	crm.Delete("log1")
	crm.Delete("log77")
	crm.RequireLogged(t)
	report, err := router.Log(t.Context(), crmlogtest.LogInput(phone.In("2")))
	require.NoError(t, err)
	require.Equal(t, crmlog.Warning, report.ReturnMessage.MessageType)
	crm.RequireRecords(t, []crmlog.ID{"1002"})
	require.True(t, crm.Records()[0].Deleted)
}

func TestATranscriptIsAmended(t *testing.T) {
	t.Parallel()
	crm := &crmlogtest.Adapter{}
	router := newRouter(t, crm)
	var phone crmlogtest.Mailbox
	voicemail := phone.VoiceMail(42 * time.Second)
	for _, transcript := range []string{"", "Call me back."} {
		voicemail.Transcript = transcript
		_, err := router.Log(t.Context(), crmlogtest.LogInput(voicemail))
		require.NoError(t, err)
	}
	require.Equal(t, "Call me back.", crm.Records()[0].Messages[0].Transcript)
	require.Equal(t, crmlogtest.Amend, crm.Calls()[1].Method)
	for _, m := range []crmlog.MessageInput{voicemail, phone.VoiceMail(time.Second)} {
		result, err := crm.AmendMessageLog(t.Context(), update("log1", m))
		require.NoError(t, err)
		require.True(t, result.AlreadyThere, "an amendment adds nothing")
	}
	crm.RequireLogged(t, "1001")
}

func update(logID string, m crmlog.MessageInput) crmlog.UpdateMessageLogInput {
	return crmlog.UpdateMessageLogInput{
		AddMessageLogInput: crmlogtest.AddInput(m),
		ExistingMessageLog: crmlog.ExistingMessageLog{LogID: logID},
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault    crmlogtest.Fault
		outcomes []crmlog.Outcome
		err      error
		logged   []crmlog.ID
		calls    []string
	}{
		"a refusal is told": {
			fault:    crmlogtest.Fault{Err: crmlogtest.Refused(crmlog.ErrUnauthorized), Times: -1},
			outcomes: []crmlog.Outcome{crmlog.OutcomeFailed, crmlog.OutcomeFailed}, err: crmlog.ErrUnauthorized,
			calls: []string{"AddMessageLog 1001"},
		},
		"a refusal of one message does not hold up the other": {
			fault:    crmlogtest.Fault{Message: "1001", Err: crmlogtest.Refused(crmlog.ErrInvalidInput)},
			outcomes: []crmlog.Outcome{crmlog.OutcomeFailed, crmlog.OutcomeAdded}, err: crmlog.ErrInvalidInput, logged: []crmlog.ID{"1002"},
			calls: []string{"AddMessageLog 1001", "AddMessageLog 1002"},
		},
		"a limit is waited for": {
			fault:    crmlogtest.Fault{Err: crmlogtest.RateLimited(time.Second)},
			outcomes: []crmlog.Outcome{crmlog.OutcomeAdded, crmlog.OutcomeUpdated}, logged: []crmlog.ID{"1001", "1002"},
			calls: []string{"AddMessageLog 1001", "AddMessageLog 1001", "UpdateMessageLog in log1 1002"},
		},
		"an add whose answer is lost is found": {
			fault:    crmlogtest.Fault{On: crmlogtest.Add, Err: crmlogtest.Lost(), Applied: true},
			outcomes: []crmlog.Outcome{crmlog.OutcomeAdded, crmlog.OutcomeUpdated}, logged: []crmlog.ID{"1001", "1002"},
			calls: []string{"AddMessageLog 1001", "FindMessageLogs", "UpdateMessageLog in log1 1002"},
		},
		"an add that is lost is repeated": {
			fault:    crmlogtest.Fault{On: crmlogtest.Add, Err: crmlogtest.Lost()},
			outcomes: []crmlog.Outcome{crmlog.OutcomeAdded, crmlog.OutcomeUpdated}, logged: []crmlog.ID{"1001", "1002"},
			calls: []string{"AddMessageLog 1001", "FindMessageLogs", "AddMessageLog 1001", "UpdateMessageLog in log1 1002"},
		},
		"an update whose answer is lost is repeated, and adds nothing": {
			fault:    crmlogtest.Fault{On: crmlogtest.Update, Err: crmlogtest.Lost(), Applied: true},
			outcomes: []crmlog.Outcome{crmlog.OutcomeAdded, crmlog.OutcomeUpdated}, logged: []crmlog.ID{"1001", "1002"},
			calls: []string{"AddMessageLog 1001", "UpdateMessageLog in log1 1002", "UpdateMessageLog in log1 1002"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				crm := &crmlogtest.Adapter{}
				crm.Fail(tt.fault)
				var phone crmlogtest.Mailbox
				report, err := newRouter(t, crm).Log(t.Context(), crmlogtest.LogInput(phone.In("1"), phone.In("2")))
				require.ErrorIs(t, err, tt.err)
				crmlogtest.RequireOutcomes(t, report, tt.outcomes...)
				crm.RequireLogged(t, tt.logged...)
				var calls []string
				for _, c := range crm.Calls() {
					calls = append(calls, c.String())
				}
				require.Equal(t, tt.calls, calls)
			})
		})
	}
}

func TestACallHangsUntilItsTimeIsUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		crm := &crmlogtest.Adapter{}
		var phone crmlogtest.Mailbox
		in := crmlogtest.AddInput(phone.In("1"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		crm.Fail(crmlogtest.Fault{Until: make(chan struct{})})
		_, err := crm.AddMessageLog(ctx, in)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		_, err = crm.AddMessageLog(ctx, in)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Len(t, crm.Calls(), 1, "a call whose time is up before it began is none")
		crm.RequireLogged(t)

		open := make(chan struct{})
		crm.Fail(crmlogtest.Fault{Until: open})
		time.AfterFunc(time.Minute, func() { close(open) })
		_, err = crm.AddMessageLog(t.Context(), in)
		require.NoError(t, err)
		crm.RequireLogged(t, "1001")
	})
}

func TestFailFuncDecidesByTheCall(t *testing.T) {
	t.Parallel()
	crm := &crmlogtest.Adapter{}
	crm.FailFunc(func(c crmlogtest.Call) *crmlogtest.Fault {
		if c.Account == "acme" {
			return &crmlogtest.Fault{Err: crmlogtest.Refused(crmlog.ErrForbidden)}
		}
		return nil
	})
	var phone crmlogtest.Mailbox
	in := crmlogtest.AddInput(phone.In("1"))
	_, err := crm.AddMessageLog(t.Context(), in)
	require.ErrorIs(t, err, crmlog.ErrForbidden)
	in.Account = "other"
	_, err = crm.AddMessageLog(t.Context(), in)
	require.NoError(t, err)
	crm.FailFunc(nil)
	in.Account = "acme"
	_, err = crm.AddMessageLog(t.Context(), in)
	require.NoError(t, err)
}

func TestErrorsAreThoseOfAnAdapter(t *testing.T) {
	t.Parallel()
	for _, kind := range []error{
		crmlog.ErrInvalidInput, crmlog.ErrUnauthorized, crmlog.ErrForbidden, crmlog.ErrNotFound,
		crmlog.ErrLogGone, crmlog.ErrConflict, crmlog.ErrRateLimited, crmlog.ErrUnavailable,
	} {
		err := crmlogtest.Refused(kind)
		require.ErrorIs(t, err, kind)
		require.NotErrorIs(t, err, crmlog.ErrOutcomeUnknown)
		require.Contains(t, err.Error(), "HTTP ")
	}
	require.ErrorIs(t, crmlogtest.Lost(), crmlog.ErrOutcomeUnknown)
	require.Equal(t, time.Minute, crmlog.RetryAfter(crmlogtest.RateLimited(time.Minute)))

	crm := &crmlogtest.Adapter{}
	var phone crmlogtest.Mailbox
	m := phone.In("1")
	_, err := crm.UpdateMessageLog(t.Context(), update("log1", m))
	require.ErrorIs(t, err, crmlog.ErrLogGone)
	require.NotErrorIs(t, err, crmlog.ErrOutcomeUnknown)
	_, err = crm.AmendMessageLog(t.Context(), update("log1", m))
	require.ErrorIs(t, err, crmlog.ErrLogGone)
	m.Message.ID = ""
	_, err = crm.AddMessageLog(t.Context(), crmlogtest.AddInput(m))
	require.ErrorIs(t, err, crmlog.ErrInvalidInput)
	_, err = crm.UpdateMessageLogs(t.Context(), crmlog.UpdateMessageLogsInput{})
	require.ErrorIs(t, err, crmlog.ErrInvalidInput)
}

func TestWhatIsKeptIsACopy(t *testing.T) {
	t.Parallel()
	crm := &crmlogtest.Adapter{}
	var phone crmlogtest.Mailbox
	in := crmlogtest.AddInput(phone.MMS("look"))
	in.AdditionalSubmission = crmlog.AdditionalSubmission{"deals": []any{map[string]any{"id": "12"}}}
	_, err := crm.AddMessageLog(t.Context(), in)
	require.NoError(t, err)
	spoil := func(in crmlog.AddMessageLogInput) {
		in.Message.To[0].PhoneNumber = "spoiled"
		in.Message.Attachments[0].FileName = "spoiled"
		in.AdditionalSubmission["deals"].([]any)[0].(map[string]any)["id"] = "spoiled"
	}
	spoil(in)
	spoil(crm.Records()[0].Messages[0])
	kept := crm.Records()[0].Messages[0]
	require.Equal(t, crmlogtest.OwnNumber, kept.Message.To[0].PhoneNumber)
	require.Empty(t, kept.Message.Attachments[0].FileName)
	require.Equal(t, crmlog.AdditionalSubmission{"deals": []any{map[string]any{"id": "12"}}}, kept.AdditionalSubmission)
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	crm := &crmlogtest.Adapter{}
	router := newRouter(t, crm)
	var phone crmlogtest.Mailbox
	var ids []crmlog.ID
	var all sync.WaitGroup
	for range 50 {
		m := phone.In("text")
		ids = append(ids, m.Message.ID)
		all.Go(func() {
			if _, err := router.Log(context.Background(), crmlogtest.LogInput(m)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	crm.RequireRecords(t, ids)
}

func TestMessagesOfEveryKind(t *testing.T) {
	t.Parallel()
	var phone crmlogtest.Mailbox
	tests := map[string]struct {
		in      crmlog.MessageInput
		kind    crmlog.Kind
		inbound bool
		people  int
		digest  bool // belongs to a conversation
	}{
		"In":          {phone.In("hi"), crmlog.KindSMS, true, 1, true},
		"Out":         {phone.Out("hi"), crmlog.KindSMS, false, 1, true},
		"MMS":         {phone.MMS("hi"), crmlog.KindMMS, true, 1, true},
		"VoiceMail":   {phone.VoiceMail(time.Minute), crmlog.KindVoiceMail, true, 1, false},
		"Fax":         {phone.Fax(3), crmlog.KindFax, true, 1, false},
		"Pager":       {phone.Pager("hi"), crmlog.KindPager, true, 1, true},
		"GroupIn":     {phone.GroupIn("hi"), crmlog.KindSMS, true, 2, true},
		"GroupOut":    {phone.GroupOut("hi"), crmlog.KindSMS, false, 2, true},
		"ThreadNote":  {phone.ThreadNote("hi"), crmlog.KindInternalNote, false, 1, true},
		"ThreadEvent": {phone.ThreadEvent("Assigned to Alex Lee"), crmlog.KindEvent, false, 1, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := tt.in.Message
			require.Equal(t, tt.kind, m.Kind())
			require.Equal(t, tt.inbound, m.Inbound())
			require.Len(t, m.Correspondents(), tt.people)
			_, ok := m.ConversationKey()
			require.Equal(t, tt.digest, ok)
			require.Equal(t, tt.kind == crmlog.KindInternalNote || tt.kind == crmlog.KindEvent, m.ThreadID() != "")
			if tt.kind == crmlog.KindVoiceMail {
				require.Equal(t, time.Minute, m.Duration())
				require.NotEmpty(t, m.RecordingLink())
			}
			if tt.kind == crmlog.KindFax {
				require.NotEmpty(t, m.FaxLink())
			}

			decoded, err := crmlog.DecodeMessages(strings.NewReader(string(crmlogtest.Webhook(tt.in))))
			require.NoError(t, err)
			require.Len(t, decoded, 1)
			require.Equal(t, m.ID, decoded[0].ID)
			require.Equal(t, m.CreationTime, decoded[0].CreationTime)
			require.Equal(t, m.Subject, decoded[0].Subject)
			require.Equal(t, m.Correspondents()[0].PhoneNumber, decoded[0].Correspondents()[0].PhoneNumber)
			require.Equal(t, len(m.Attachments), len(decoded[0].Attachments))

			crm := &crmlogtest.Adapter{}
			_, err = newRouter(t, crm).Log(t.Context(), crmlogtest.LogInput(tt.in))
			require.NoError(t, err)
			crm.RequireLogged(t, m.ID)
		})
	}
	var again crmlogtest.Mailbox
	require.Equal(t, tests["In"].in, again.In("hi"), "the same calls make the same messages")
}

// quietT is a test that may fail.
type quietT struct {
	testing.TB
	failed string
}

func (t *quietT) Helper() {}

func (t *quietT) Fatalf(format string, args ...any) {
	t.failed = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// failing is what a check prints; "" when it passes.
func failing(check func(t testing.TB)) string {
	q := &quietT{}
	var done sync.WaitGroup
	done.Go(func() { check(q) })
	done.Wait()
	return q.failed
}

func TestChecksSayWhatIsWrongAndTellNoText(t *testing.T) {
	t.Parallel()
	crm := &crmlogtest.Adapter{}
	var phone crmlogtest.Mailbox
	for range 2 {
		_, err := crm.AddMessageLog(t.Context(), crmlogtest.AddInput(phone.In("a secret text")))
		require.NoError(t, err)
	}
	var again crmlogtest.Mailbox
	_, err := crm.AddMessageLog(t.Context(), crmlogtest.AddInput(again.In("a secret text")))
	require.NoError(t, err)

	tests := map[string]struct {
		check func(t testing.TB)
		want  []string
	}{
		"what is missing, too much, twice": {
			func(t testing.TB) { crm.RequireLogged(t, "1001", "1003") },
			[]string{
				"message 1001 is logged 2 times, in log1, log3", "message 1002 is logged, in log2, and should not be",
				"message 1003 is not logged", "AddMessageLog 1002",
			},
		},
		"nothing was to be logged": {
			func(t testing.TB) { crm.RequireLogged(t) }, []string{"message 1002 is logged"},
		},
		"other records": {
			func(t testing.TB) {
				crm.RequireRecords(t, []crmlog.ID{"1001"}, []crmlog.ID{"1001"}, []crmlog.ID{"1002"})
			},
			[]string{"[[1001] [1002] [1001]]", "[[1001] [1001] [1002]]"},
		},
		"another number of records": {
			func(t testing.TB) { crm.RequireRecords(t, []crmlog.ID{"1001"}) }, []string{"[[1001] [1002] [1001]]"},
		},
		"not called at all": {
			func(t testing.TB) { new(crmlogtest.Adapter).RequireLogged(t, "1001") }, []string{"not called"},
		},
		"other outcomes": {
			func(t testing.TB) {
				crmlogtest.RequireOutcomes(t, crmlog.Report{Entries: []crmlog.ReportEntry{
					{MessageID: "1001", Outcome: crmlog.OutcomeFailed, Err: crmlogtest.Lost()},
				}}, crmlog.OutcomeAdded)
			},
			[]string{"[failed], want [added]", "message 1001: ", "may have been applied"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said := failing(tt.check)
			for _, want := range tt.want {
				require.Contains(t, said, want)
			}
			require.NotContains(t, said, "secret")
			require.NotContains(t, said, "Ann Lee")
		})
	}
	require.Empty(t, failing(func(t testing.TB) { new(crmlogtest.Adapter).RequireLogged(t) }))
	require.Empty(t, failing(func(t testing.TB) { new(crmlogtest.Adapter).RequireRecords(t) }))
	require.Empty(t, failing(func(t testing.TB) { crmlogtest.RequireOutcomes(t, crmlog.Report{}) }))
}
