package crmlog_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/stretchr/testify/require"
)

type wrapper struct{ crmlog.Adapter }

func (w wrapper) Unwrap() crmlog.Adapter { return w.Adapter }

type opaque struct{ crmlog.Adapter }

func TestAsFindsACapabilityBehindWrappers(t *testing.T) {
	t.Parallel()
	crm := &findingCRM{}
	finder, ok := crmlog.As[crmlog.Finder](wrapper{wrapper{crm}})
	require.True(t, ok)
	require.Same(t, crm, finder)

	_, ok = crmlog.As[crmlog.Finder](wrapper{&fakeCRM{}})
	require.False(t, ok, "the adapter has no such capability")
	_, ok = crmlog.As[crmlog.Finder](opaque{crm})
	require.False(t, ok, "the wrapper does not let look through")
	_, ok = crmlog.As[crmlog.Finder](nil)
	require.False(t, ok)
}

func TestAuthHeaderShowsItselfNowhere(t *testing.T) {
	t.Parallel()
	in := crmlog.AddMessageLogInput{AuthHeader: "Bearer hunter2"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		require.NotContains(t, fmt.Sprintf(verb, in.AuthHeader), "hunter2", verb)
		require.NotContains(t, fmt.Sprintf(verb, in.AuthHeader), "68756e74657232", verb)
		require.NotContains(t, fmt.Sprintf(verb, in), "hunter2", verb)
	}
	encoded, err := json.Marshal(in)
	require.NoError(t, err)
	require.NotContains(t, string(encoded), "hunter2")

	var out bytes.Buffer
	for _, h := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
		slog.New(h).Info("x", "auth", in.AuthHeader, "input", in)
	}
	require.NotContains(t, out.String(), "hunter2")

	var decoded crmlog.AddMessageLogInput
	require.NoError(t, json.Unmarshal([]byte(`{"authHeader":"Bearer hunter2"}`), &decoded))
	require.Equal(t, in.AuthHeader, decoded.AuthHeader, "it decodes")
}

func TestAdditionalSubmissionKeepsDigits(t *testing.T) {
	t.Parallel()
	var in crmlog.AddMessageLogInput
	require.NoError(t, json.Unmarshal([]byte(`{"additionalSubmission":{"deals":9007199254740993,"leads":"a"}}`), &in))
	require.Equal(t, json.Number("9007199254740993"), in.AdditionalSubmission["deals"])
	require.Equal(t, "a", in.AdditionalSubmission["leads"])
}

func TestErrorsTellTheirKind(t *testing.T) {
	t.Parallel()
	unknown := &crmlog.APIError{Operation: "x: write", Kind: crmlog.ErrUnavailable, StatusCode: 502, Err: io.ErrUnexpectedEOF}
	tests := map[string]struct {
		err       error
		is, isNot []error
		class     string
		temporary bool
		message   crmlog.ReturnMessageType
	}{
		"no error": {class: "", message: crmlog.Success},
		"a write that may have been applied": {
			err: unknown, is: []error{crmlog.ErrOutcomeUnknown, crmlog.ErrUnavailable, io.ErrUnexpectedEOF},
			class: "outcome_unknown", temporary: true, message: crmlog.Warning,
		},
		"a write that surely was not": {
			err:   &crmlog.APIError{Operation: "x: write", Kind: crmlog.ErrForbidden, StatusCode: 403, NotDone: true},
			is:    []error{crmlog.ErrForbidden},
			isNot: []error{crmlog.ErrOutcomeUnknown},
			class: "forbidden", message: crmlog.Danger,
		},
		"bad input": {
			err: fmt.Errorf("wrapped: %w", &crmlog.InputError{Field: "user.id", Problem: "empty"}), is: []error{crmlog.ErrInvalidInput},
			class: "invalid_input", message: crmlog.Danger,
		},
		"a deleted record": {
			err: fmt.Errorf("%w: %w", crmlog.ErrLogGone, crmlog.ErrNotFound), is: []error{crmlog.ErrLogGone, crmlog.ErrNotFound},
			class: "log_gone", message: crmlog.Danger,
		},
		"what is not ours": {err: errors.New("boom"), class: "other", message: crmlog.Danger},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, kind := range tt.is {
				require.ErrorIs(t, tt.err, kind)
			}
			for _, kind := range tt.isNot {
				require.NotErrorIs(t, tt.err, kind)
			}
			require.Equal(t, tt.class, crmlog.ErrorClass(tt.err))
			require.Equal(t, tt.temporary, crmlog.Temporary(tt.err))
			message := crmlog.ReturnMessageFor(tt.err)
			require.Equal(t, tt.message, message.MessageType)
			require.NotEmpty(t, message.Message)
			require.Positive(t, message.TTL)
		})
	}
}

func TestAPIErrorSaysWhatIsKnown(t *testing.T) {
	t.Parallel()
	err := &crmlog.APIError{
		Operation: "pipedrive: create activity", Kind: crmlog.ErrRateLimited, StatusCode: 429, Code: "TOO_MANY",
		Message: "slow down", RetryAfter: 1500 * time.Millisecond, CorrelationID: "abc-1", NotDone: true,
	}
	require.EqualError(t, err, "pipedrive: create activity: rate limited: HTTP 429 TOO_MANY: slow down (retry after 1.5s) (correlation id abc-1)")
	require.Equal(t, 1500*time.Millisecond, crmlog.RetryAfter(fmt.Errorf("message 1: %w", err)))
	require.Zero(t, crmlog.RetryAfter(errors.New("boom")))
}

func TestAFieldOfASubmissionIsReadAsAnID(t *testing.T) {
	t.Parallel()
	var s crmlog.AdditionalSubmission
	require.NoError(t, json.Unmarshal([]byte(`{"number":9007199254740993,"text":"12","empty":"","null":null,"list":[1],"yes":true}`), &s))
	s["float"], s["int"] = float64(12345678901), 7
	for field, want := range map[string]crmlog.ID{
		"number": "9007199254740993", "text": "12", "empty": "", "null": "", "absent": "", "float": "12345678901", "int": "7",
	} {
		id, err := s.ID(field)
		require.NoError(t, err, field)
		require.Equal(t, want, id, field)
	}
	for _, field := range []string{"list", "yes"} {
		_, err := s.ID(field)
		require.ErrorIs(t, err, crmlog.ErrInvalidInput)
		require.ErrorContains(t, err, "additionalSubmission."+field)
	}
	_, err := crmlog.AdditionalSubmission(nil).ID("deals")
	require.NoError(t, err)
}
