package crmnote_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/crmlogtest"
	"github.com/crmlog/crmlog/crmnote"
	"github.com/crmlog/crmlog/note"
	"github.com/stretchr/testify/require"
)

var (
	errConflict = &crmlog.APIError{Operation: "write", Kind: crmlog.ErrConflict, StatusCode: 409, NotDone: true}
	errNotFound = &crmlog.APIError{Operation: "read", Kind: crmlog.ErrNotFound, StatusCode: 404, NotDone: true}
	errLost     = &crmlog.APIError{Operation: "write", Kind: crmlog.ErrUnavailable}
	plain       = note.Options{Format: note.Plain, Limit: 4000}
)

func prepare(t *testing.T, o note.Options, messages ...crmlog.MessageInput) []crmnote.Log {
	t.Helper()
	var in []crmlog.AddMessageLogInput
	for _, m := range messages {
		in = append(in, crmlogtest.AddInput(m))
	}
	logs, err := crmnote.Prepare("fake", o, in...)
	require.NoError(t, err)
	return logs
}

// record is a CRM of one record; before a write, someone may do something to it.
type record struct {
	crmnote.Stored
	meanwhile     []func(r *record) error
	reads, writes int
}

func (r *record) read(context.Context) (crmnote.Stored, error) {
	r.reads++
	return r.Stored, nil
}

func (r *record) write(_ context.Context, body string) error {
	r.writes++
	if len(r.meanwhile) > 0 {
		next := r.meanwhile[0]
		r.meanwhile = r.meanwhile[1:]
		if err := next(r); err != nil {
			return err
		}
	}
	r.Body = body
	return nil
}

func (r *record) update(t *testing.T, change crmnote.Change, logs ...crmnote.Log) ([]crmlog.UpdateResult, error) {
	return crmnote.Update(t.Context(), "r1", change, logs, r.read, r.write)
}

func TestUpdateReadsOnceAndWritesWhatIsNew(t *testing.T) {
	t.Parallel()
	var phone crmlogtest.Mailbox
	logs := prepare(t, plain, phone.In("one"), phone.Out("two"))
	r := &record{Stored: crmnote.Stored{LogID: "r1"}}
	results, err := r.update(t, crmnote.AddTo, logs...)
	require.NoError(t, err)
	require.Equal(t, []crmlog.UpdateResult{{}, {}}, results)
	require.Contains(t, r.Body, "one")
	require.Contains(t, r.Body, "two")
	require.Equal(t, [2]int{1, 1}, [2]int{r.reads, r.writes})

	results, err = r.update(t, crmnote.AddTo, logs...)
	require.NoError(t, err)
	require.Equal(t, []crmlog.UpdateResult{{AlreadyThere: true}, {AlreadyThere: true}}, results)
	require.Equal(t, [2]int{2, 1}, [2]int{r.reads, r.writes}, "nothing to write")
}

func TestUpdateGivesWayToOtherWriters(t *testing.T) {
	t.Parallel()
	var phone crmlogtest.Mailbox
	first, second := phone.In("one"), phone.In("two")
	edit := func(r *record) error {
		r.Body += "\nCall back on Monday!"
		return errConflict
	}
	t.Run("and keeps what they wrote", func(t *testing.T) {
		t.Parallel()
		r := &record{Stored: crmnote.Stored{LogID: "r1"}, meanwhile: []func(*record) error{edit, edit}}
		results, err := r.update(t, crmnote.AddTo, prepare(t, plain, first)...)
		require.NoError(t, err)
		require.False(t, results[0].AlreadyThere)
		require.Equal(t, 2, strings.Count(r.Body, "Monday"))
		require.Contains(t, r.Body, "one")
		require.Equal(t, [2]int{3, 3}, [2]int{r.reads, r.writes})
	})
	t.Run("and knows its own writing again", func(t *testing.T) {
		t.Parallel()
		r := &record{Stored: crmnote.Stored{LogID: "r1"}}
		// The first attempt is applied and its answer lost; its repetition is a conflict.
		applied := func(r *record) error {
			body, _, err := crmnote.AddTo("", prepare(t, plain, first)...)
			r.Body = body
			return errors.Join(errConflict, err)
		}
		r.meanwhile = []func(*record) error{applied}
		results, err := r.update(t, crmnote.AddTo, prepare(t, plain, first)...)
		require.NoError(t, err)
		require.False(t, results[0].AlreadyThere, "it was this call that added it")
		require.Equal(t, 1, strings.Count(r.Body, "one"))
	})
	t.Run("and says what has no room left now", func(t *testing.T) {
		t.Parallel()
		r := &record{Stored: crmnote.Stored{LogID: "r1"}}
		r.meanwhile = []func(*record) error{func(r *record) error {
			r.Body = strings.Repeat("x", 3950)
			return errConflict
		}}
		results, err := r.update(t, crmnote.AddTo, prepare(t, plain, first, second)...)
		require.NoError(t, err)
		var full *crmlog.BodyFullError
		require.ErrorAs(t, results[0].Err, &full)
		require.ErrorAs(t, results[1].Err, &full)
		require.Equal(t, strings.Repeat("x", 3950), r.Body)
	})
	t.Run("but not for ever", func(t *testing.T) {
		t.Parallel()
		r := &record{Stored: crmnote.Stored{LogID: "r1"}, meanwhile: []func(*record) error{edit, edit, edit, edit, edit, edit}}
		_, err := r.update(t, crmnote.AddTo, prepare(t, plain, first)...)
		require.ErrorIs(t, err, crmlog.ErrConflict)
		require.NotErrorIs(t, err, crmlog.ErrOutcomeUnknown)
		require.Equal(t, 5, r.writes)
	})
}

func TestUpdateTellsWhatFailed(t *testing.T) {
	t.Parallel()
	var phone crmlogtest.Mailbox
	logs := prepare(t, plain, phone.In("one"))
	read := func(s crmnote.Stored, err error) func(context.Context) (crmnote.Stored, error) {
		return func(context.Context) (crmnote.Stored, error) { return s, err }
	}
	write := func(err error) func(context.Context, string) error {
		return func(context.Context, string) error { return err }
	}
	there := crmnote.Stored{LogID: "r1"}
	tests := map[string]struct {
		read    func(context.Context) (crmnote.Stored, error)
		write   func(context.Context, string) error
		want    error
		unknown bool
	}{
		"a record that is not found is gone":       {read(crmnote.Stored{}, errNotFound), write(nil), crmlog.ErrLogGone, false},
		"so is one that goes before it is written": {read(there, nil), write(errNotFound), crmlog.ErrLogGone, false},
		"an answer without a record is no record":  {read(crmnote.Stored{}, nil), write(nil), crmlog.ErrUnavailable, false},
		"an answer with another record is none":    {read(crmnote.Stored{LogID: "r2"}, nil), write(nil), crmlog.ErrUnavailable, false},
		"a write whose answer is lost is in doubt": {read(there, nil), write(errLost), crmlog.ErrUnavailable, true},
		"a read that fails changes nothing":        {read(crmnote.Stored{}, errConflict), write(nil), crmlog.ErrConflict, false},
		"an error of no kind of ours is passed on": {read(there, nil), write(context.Canceled), context.Canceled, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			results, err := crmnote.Update(t.Context(), "r1", crmnote.AddTo, logs, tt.read, tt.write)
			require.ErrorIs(t, err, tt.want)
			require.Equal(t, tt.unknown, errors.Is(err, crmlog.ErrOutcomeUnknown))
			require.Nil(t, results)
		})
	}
}

func TestPrepareChecksAndDerives(t *testing.T) {
	t.Parallel()
	var phone crmlogtest.Mailbox
	in := crmlogtest.AddInput(phone.In("one"))
	want, err := crmlog.NewDigestRef("fake", in)
	require.NoError(t, err)
	logs, err := crmnote.Prepare("fake", plain, in)
	require.NoError(t, err)
	require.Equal(t, want.Ref, logs[0].Key())
	require.True(t, in.Digest.IsZero(), "the input is left alone")

	in.Digest = want
	in.Digest.Part = 12
	logs, err = crmnote.Prepare("fake", plain, in)
	require.NoError(t, err)
	require.Equal(t, want.Ref+"-12", logs[0].Key())
	require.Equal(t, want.Ref+"-12", crmnote.Key(in.Digest))
	require.Equal(t, want.Ref, crmnote.Key(want))

	var input *crmlog.InputError
	in.ContactInfo.ID = " "
	_, err = crmnote.Prepare("fake", plain, in)
	require.ErrorAs(t, err, &input)
	require.Equal(t, "contactInfo.id", input.Field)
	_, err = crmnote.Prepare("fake", plain, crmlogtest.AddInput(phone.In("two")), crmlog.AddMessageLogInput{})
	require.ErrorAs(t, err, &input)
	require.Equal(t, "user.id", input.Field)
}

func TestResultOfOneMessage(t *testing.T) {
	t.Parallel()
	full := &crmlog.BodyFullError{NextPiece: 2}
	tests := map[string]struct {
		logID   string
		results []crmlog.UpdateResult
		err     error
		want    crmlog.MessageLogResult
		wantErr error
	}{
		"added":                   {"r1", []crmlog.UpdateResult{{}}, nil, crmlog.MessageLogResult{LogID: "r1", ReturnMessage: crmlog.ReturnMessageFor(nil)}, nil},
		"there already":           {"r1", []crmlog.UpdateResult{{AlreadyThere: true}}, nil, crmlog.MessageLogResult{LogID: "r1", ReturnMessage: crmlog.ReturnMessageFor(nil), AlreadyThere: true}, nil},
		"the end had no room":     {"r1", []crmlog.UpdateResult{{Err: full}}, nil, crmlog.MessageLogResult{LogID: "r1", ReturnMessage: crmlog.ReturnMessageFor(nil)}, full},
		"failed":                  {"r1", nil, errConflict, crmlog.MessageLogResult{}, crmlog.ErrConflict},
		"an answer without an id": {"", []crmlog.UpdateResult{{}}, nil, crmlog.MessageLogResult{}, crmlog.ErrOutcomeUnknown},
		"failed without an id":    {"", []crmlog.UpdateResult{{}}, errLost, crmlog.MessageLogResult{}, crmlog.ErrOutcomeUnknown},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := crmnote.One(tt.logID, tt.results, tt.err)
			require.ErrorIs(t, err, tt.wantErr)
			require.Equal(t, tt.want, got)
		})
	}
}

func TestFoundTellsWhichMessagesStand(t *testing.T) {
	t.Parallel()
	var phone crmlogtest.Mailbox
	in := crmlogtest.AddInput(phone.In("one"))
	digest, err := crmlog.NewDigestRef("fake", in)
	require.NoError(t, err)
	body, _, err := crmnote.AddTo("", prepare(t, plain, phone.In("two"), crmlog.MessageInput{Message: in.Message})...)
	require.NoError(t, err)
	require.Equal(t, []crmlog.FoundMessageLog{
		{LogID: "r1", Part: 1, MessageIDs: []crmlog.ID{"1001", "1002"}},
		{LogID: "r2", Part: 1},
	}, crmnote.Found([]crmnote.Stored{{LogID: "r1", Body: body}, {LogID: "r2", Body: "A person wrote this."}}, note.Plain, digest))
	require.Nil(t, crmnote.Found(nil, note.Plain, digest))
}
