package crmlog_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/stretchr/testify/require"
)

// batchCRM is a fakeCRM with all capabilities. Its records hold room pieces; a
// message whose subject is of n letters x is n pieces long, others one.
type batchCRM struct {
	findingCRM
	room    int
	onBatch func(n int, in crmlog.UpdateMessageLogsInput) fault
	batches [][]crmlog.ID
	pieces  map[string][]string // by record, "id/piece"
	amends  []string
}

func pieceCount(m crmlog.Message) int {
	if m.Subject != "" && strings.Trim(m.Subject, "x") == "" {
		return len(m.Subject)
	}
	return 1
}

// put adds the pieces that are missing, as far as there is room.
func (c *batchCRM) put(logID string, in crmlog.AddMessageLogInput) (there bool, err error) {
	if c.pieces == nil {
		c.pieces = make(map[string][]string)
	}
	from := in.Piece
	for _, p := range c.pieces[logID] {
		var n int
		if id, rest, _ := strings.Cut(p, "/"); id == string(in.Message.ID) {
			fmt.Sscan(rest, &n)
			from = max(from, n+1)
		}
	}
	if from == pieceCount(in.Message) {
		return true, nil
	}
	for ; from < pieceCount(in.Message); from++ {
		if c.room > 0 && len(c.pieces[logID]) == c.room {
			return false, &crmlog.BodyFullError{NextPiece: from}
		}
		c.pieces[logID] = append(c.pieces[logID], fmt.Sprintf("%s/%d", in.Message.ID, from))
	}
	return false, nil
}

func (c *batchCRM) AddMessageLog(ctx context.Context, in crmlog.AddMessageLogInput) (crmlog.MessageLogResult, error) {
	result, err := c.findingCRM.AddMessageLog(ctx, in)
	if err == nil {
		_, err = c.put(result.LogID, in)
	}
	return result, err
}

func (c *batchCRM) UpdateMessageLog(ctx context.Context, in crmlog.UpdateMessageLogInput) (crmlog.MessageLogResult, error) {
	result, err := c.findingCRM.UpdateMessageLog(ctx, in)
	if err == nil {
		_, err = c.put(in.ExistingMessageLog.LogID, in.AddMessageLogInput)
	}
	return result, err
}

func (c *batchCRM) UpdateMessageLogs(ctx context.Context, in crmlog.UpdateMessageLogsInput) (crmlog.UpdateMessageLogsResult, error) {
	var ids []crmlog.ID
	for _, m := range in.Messages {
		ids = append(ids, m.Message.ID)
	}
	c.batches = append(c.batches, ids)
	var f fault
	if c.onBatch != nil {
		f = c.onBatch(len(c.batches), in)
	}
	if f.err != nil && !f.applied {
		return crmlog.UpdateMessageLogsResult{}, f.err
	}
	c.mu.Lock()
	i := slices.IndexFunc(c.records, func(r *fakeRecord) bool { return r.id == in.ExistingMessageLog.LogID && !r.deleted })
	c.mu.Unlock()
	if i < 0 {
		return crmlog.UpdateMessageLogsResult{}, crmlog.ErrLogGone
	}
	var result crmlog.UpdateMessageLogsResult
	for _, m := range in.Messages {
		there, err := c.put(in.ExistingMessageLog.LogID, m)
		if err == nil {
			c.records[i].add(m.Message)
		}
		result.Results = append(result.Results, crmlog.UpdateResult{AlreadyThere: there, Err: err})
	}
	return result, f.err
}

func (c *batchCRM) AmendMessageLog(_ context.Context, in crmlog.UpdateMessageLogInput) (crmlog.MessageLogResult, error) {
	c.amends = append(c.amends, fmt.Sprintf("%s in %s: %s %s", in.Message.ID, in.ExistingMessageLog.LogID, in.Message.MessageStatus, in.Transcript))
	return crmlog.MessageLogResult{LogID: in.ExistingMessageLog.LogID}, nil
}

func numbered(from, to int) []crmlog.MessageInput {
	var list []crmlog.MessageInput
	for i := from; i <= to; i++ {
		list = append(list, sms(crmlog.ID(fmt.Sprint(i)), noon.Add(time.Duration(i)*time.Second)))
	}
	return list
}

func TestManyMessagesCostOneAddAndOneUpdate(t *testing.T) {
	t.Parallel()
	crm := &batchCRM{}
	report, err := newRouter(t, crm).Log(t.Context(), logInput(numbered(1, 200)...))
	require.NoError(t, err)
	require.Equal(t, []string{"add 1"}, crm.calls)
	require.Len(t, crm.batches, 1)
	require.Len(t, crm.batches[0], 199)
	require.Equal(t, crmlog.OutcomeUpdated, report.Entries[199].Outcome)
	require.Equal(t, "200 messages logged", report.ReturnMessage.Message)
}

func TestCallersThatWaitGoOutTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		crm := &batchCRM{}
		crm.onAdd = func(int, crmlog.AddMessageLogInput) fault { return fault{wait: release} }
		router := newRouter(t, crm)
		var wg sync.WaitGroup
		for _, m := range numbered(1, 20) {
			wg.Go(func() {
				if _, err := router.Log(t.Context(), logInput(m)); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		close(release)
		wg.Wait()
		require.Len(t, crm.calls, 1)
		require.Len(t, crm.batches, 1)
		require.Len(t, crm.contents()[0], 20)
	})
}

func TestDifferentAuthHeadersNeverShareABatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		crm := &batchCRM{}
		crm.onAdd = func(int, crmlog.AddMessageLogInput) fault { return fault{wait: release} }
		crm.onBatch = func(_ int, in crmlog.UpdateMessageLogsInput) fault {
			for _, m := range in.Messages {
				if m.AuthHeader != in.Messages[0].AuthHeader {
					t.Error("two credentials in one batch")
				}
			}
			return fault{}
		}
		router := newRouter(t, crm)
		var wg sync.WaitGroup
		for i, m := range numbered(1, 9) {
			wg.Go(func() {
				in := logInput(m)
				in.AuthHeader = crmlog.AuthHeader(fmt.Sprint("Bearer ", i%2))
				if _, err := router.Log(t.Context(), in); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		close(release)
		wg.Wait()
		require.Len(t, crm.batches, 2)
		require.Len(t, crm.contents()[0], 9)
	})
}

func TestRefusedMessageIsFoundByHalving(t *testing.T) {
	t.Parallel()
	crm := &batchCRM{}
	bad := crmlog.ID("77")
	crm.onBatch = func(_ int, in crmlog.UpdateMessageLogsInput) fault {
		if slices.ContainsFunc(in.Messages, func(m crmlog.AddMessageLogInput) bool { return m.Message.ID == bad }) {
			return fault{err: errRefused}
		}
		return fault{}
	}
	crm.onUpdate = func(_ int, in crmlog.UpdateMessageLogInput) fault {
		if in.Message.ID == bad {
			return fault{err: errRefused}
		}
		return fault{}
	}
	report, err := newRouter(t, crm).Log(t.Context(), logInput(numbered(1, 200)...))
	require.ErrorIs(t, err, crmlog.ErrInvalidInput)
	for _, e := range report.Entries {
		require.Equal(t, e.MessageID == bad, e.Err != nil, e.MessageID)
	}
	require.Len(t, crm.contents()[0], 199)
	require.Less(t, len(crm.batches)+len(crm.calls), 30)
}

func TestInvalidMessageOfABatchFailsAlone(t *testing.T) {
	t.Parallel()
	crm := &invalidCRM{}
	report, err := newRouter(t, crm).Log(t.Context(), logInput(numbered(1, 5)...))
	require.ErrorIs(t, err, crmlog.ErrInvalidInput)
	require.Equal(t, []crmlog.Outcome{"added", "updated", "failed", "updated", "updated"}, outcomes(report))
}

// invalidCRM refuses message 3 by itself.
type invalidCRM struct{ batchCRM }

func (c *invalidCRM) UpdateMessageLogs(ctx context.Context, in crmlog.UpdateMessageLogsInput) (crmlog.UpdateMessageLogsResult, error) {
	result, err := c.batchCRM.UpdateMessageLogs(ctx, in)
	for i, m := range in.Messages {
		if m.Message.ID == "3" {
			result.Results[i] = crmlog.UpdateResult{Err: &crmlog.InputError{Field: "recordingLink", Problem: "no https"}}
		}
	}
	return result, err
}

func TestUnknownBatchIsDoneAgain(t *testing.T) {
	t.Parallel()
	for name, applied := range map[string]bool{"was applied": true, "was not applied": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				crm := &batchCRM{}
				crm.onBatch = func(n int, _ crmlog.UpdateMessageLogsInput) fault {
					if n == 1 {
						return fault{err: errTimeout, applied: applied}
					}
					return fault{}
				}
				report, err := newRouter(t, crm).Log(t.Context(), logInput(numbered(1, 20)...))
				require.NoError(t, err)
				for i, e := range report.Entries[1:] {
					require.Equal(t, crmlog.OutcomeUpdated, e.Outcome, i)
				}
				require.Len(t, crm.contents()[0], 20)
			})
		})
	}
}

func TestDayThatOutgrowsItsRecordGoesOnInTheNext(t *testing.T) {
	t.Parallel()
	for name, single := range map[string]bool{"in batches": false, "one by one": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			crm := &batchCRM{room: 4}
			router := newRouter(t, crm)
			messages := numbered(1, 10)
			if single {
				for _, m := range messages {
					_, err := router.Log(t.Context(), logInput(m))
					require.NoError(t, err)
				}
			} else {
				report, err := router.Log(t.Context(), logInput(messages...))
				require.NoError(t, err)
				require.Equal(t, "log1", report.Entries[3].LogID)
				require.Equal(t, 1, report.Entries[3].Digest.Part)
				require.Equal(t, "log3", report.Entries[9].LogID)
				require.Equal(t, 3, report.Entries[9].Digest.Part)
				require.Equal(t, crmlog.OutcomeAdded, report.Entries[8].Outcome, "opens a record")
			}
			require.Equal(t, map[string][]string{
				"log1": {"1/0", "2/0", "3/0", "4/0"},
				"log2": {"5/0", "6/0", "7/0", "8/0"},
				"log3": {"9/0", "10/0"},
			}, crm.pieces)
			late, err := router.Log(t.Context(), logInput(sms("0", noon)))
			require.NoError(t, err)
			require.Equal(t, "log3", late.Entries[0].LogID, "what comes late goes into the last one")
			again, err := router.Log(t.Context(), logInput(messages...))
			require.NoError(t, err)
			require.Equal(t, "log2", again.Entries[6].LogID)
		})
	}
}

func TestTextThatIsLongerThanARecord(t *testing.T) {
	t.Parallel()
	long := sms("7", noon.Add(time.Hour))
	long.Message.Subject = "xxxxxxxxxx" // ten pieces
	want := map[string][]string{
		"log1": {"1/0", "7/0", "7/1", "7/2"},
		"log2": {"7/3", "7/4", "7/5", "7/6"},
		"log3": {"7/7", "7/8", "7/9", "8/0"},
	}
	t.Run("goes on over parts", func(t *testing.T) {
		t.Parallel()
		crm := &batchCRM{room: 4}
		router := newRouter(t, crm)
		report, err := router.Log(t.Context(), logInput(sms("1", noon), long))
		require.NoError(t, err)
		require.Equal(t, "log3", report.Entries[1].LogID, "logged where its last piece stands")
		report, err = router.Log(t.Context(), logInput(sms("8", noon.Add(2*time.Hour)), long))
		require.NoError(t, err)
		require.Equal(t, []crmlog.Outcome{"updated", "duplicate"}, outcomes(report))
		require.Equal(t, want, crm.pieces)
	})
	for at := 2; at <= 3; at++ {
		t.Run(fmt.Sprintf("also when the add of part %d is in doubt", at), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				crm := &batchCRM{room: 4}
				crm.onAdd = func(n int, _ crmlog.AddMessageLogInput) fault {
					if n == at {
						return fault{err: errTimeout}
					}
					return fault{}
				}
				_, err := newRouter(t, crm).Log(t.Context(), logInput(sms("1", noon), long, sms("8", noon.Add(2*time.Hour))))
				require.NoError(t, err)
				require.Equal(t, want, crm.pieces)
			})
		})
	}
	t.Run("of which not even the beginning fits is refused", func(t *testing.T) {
		t.Parallel()
		_, err := newRouter(t, &tinyCRM{}).Log(t.Context(), logInput(sms("1", noon)))
		require.ErrorIs(t, err, crmlog.ErrInvalidInput)
	})
}

// tinyCRM has no room for anything.
type tinyCRM struct{ fakeCRM }

func (c *tinyCRM) AddMessageLog(context.Context, crmlog.AddMessageLogInput) (crmlog.MessageLogResult, error) {
	return crmlog.MessageLogResult{}, &crmlog.BodyFullError{}
}

func TestAmendedEntries(t *testing.T) {
	t.Parallel()
	crm := &batchCRM{}
	router := newRouter(t, crm)
	sent := sms("1", noon)
	sent.Message.MessageStatus, sent.Message.LastModifiedTime = crmlog.MessageStatusQueued, noon
	log := func(change func(*crmlog.MessageInput)) crmlog.Outcome {
		m := sent
		change(&m)
		report, err := router.Log(t.Context(), logInput(m))
		require.NoError(t, err)
		return report.Entries[0].Outcome
	}
	status := func(s crmlog.MessageStatus, after time.Duration) func(*crmlog.MessageInput) {
		return func(m *crmlog.MessageInput) {
			m.Message.MessageStatus, m.Message.LastModifiedTime = s, noon.Add(after)
		}
	}
	require.Equal(t, crmlog.OutcomeAdded, log(status("Queued", 0)))
	require.Equal(t, crmlog.OutcomeDuplicate, log(status("Sent", time.Second)), "nothing to see")
	require.Equal(t, crmlog.OutcomeDuplicate, log(status("DeliveryFailed", -time.Second)), "older than what is known")
	require.Equal(t, crmlog.OutcomeUpdated, log(status("DeliveryFailed", 2*time.Second)))
	require.Equal(t, crmlog.OutcomeDuplicate, log(status("DeliveryFailed", 3*time.Second)), "said already")
	require.Equal(t, crmlog.OutcomeUpdated, log(func(m *crmlog.MessageInput) {
		status("DeliveryFailed", 3*time.Second)(m)
		m.Transcript = "hello"
	}))
	require.Equal(t, crmlog.OutcomeDuplicate, log(func(m *crmlog.MessageInput) { m.Transcript = "hello" }))
	require.Equal(t, []string{"1 in log1: DeliveryFailed ", "1 in log1: DeliveryFailed hello"}, crm.amends)
	require.Len(t, crm.calls, 1)
}

func TestExistingRecordIsContinued(t *testing.T) {
	t.Parallel()
	crm := &batchCRM{}
	crm.records = append(crm.records, &fakeRecord{id: "foreign"})
	router := newRouter(t, crm)
	in := logInput(numbered(1, 3)...)
	in.ExistingLogID = "foreign"
	report, err := router.Log(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, []crmlog.Outcome{"updated", "updated", "updated"}, outcomes(report))
	require.Equal(t, [][]crmlog.ID{{"1", "2", "3"}}, crm.contents())

	report, err = router.Log(t.Context(), logInput(numbered(4, 4)...))
	require.NoError(t, err)
	require.Equal(t, "foreign", report.Entries[0].LogID, "it is the digest's from now on")
}
