package pipedrive_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/pipedrive"
	"github.com/stretchr/testify/require"
)

func golden(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return data
}

// A service passes the JSON of RingCentral's contract through: no router, and
// nothing but the contract's names.
func TestContractOfAddMessageLog(t *testing.T) {
	t.Parallel()
	var in crmlog.AddMessageLogInput
	dec := json.NewDecoder(bytes.NewReader(golden(t, "add-input.json")))
	dec.DisallowUnknownFields()
	require.NoError(t, dec.Decode(&in), "every name of the contract is known")
	m := mock(t, pipedrive.Config{})

	got, err := m.AddMessageLog(t.Context(), in)
	require.NoError(t, err)
	out, err := json.Marshal(got)
	require.NoError(t, err)
	require.JSONEq(t, string(golden(t, "add-result.json")), string(out))

	post := m.last(t)
	require.Equal(t, "https://acme.pipedrive.com/api/v2/activities", post.url.String())
	require.Equal(t, authHeader, post.header.Get("Authorization"), "verbatim")
	var want map[string]any
	require.NoError(t, json.Unmarshal(golden(t, "add-request.json"), &want))
	body := post.json(t)
	inOrder(t, body["note"].(string), "SMS with A &lt;b&gt;B&lt;/b&gt;", "Wednesday, February 18, 2015", "UTC-08:00", "5:24 AM", "Pat Agent", "Flight information")
	delete(body, "note")
	sent, err := json.Marshal(body)
	require.NoError(t, err)
	require.JSONEq(t, string(golden(t, "add-request.json")), string(sent))

	noSecret(t, in, got)
}

func TestContractOfUpdateMessageLog(t *testing.T) {
	t.Parallel()
	var in crmlog.UpdateMessageLogInput
	dec := json.NewDecoder(bytes.NewReader(golden(t, "update-input.json")))
	dec.DisallowUnknownFields()
	require.NoError(t, dec.Decode(&in), "every name of the contract is known")
	var first crmlog.AddMessageLogInput
	require.NoError(t, json.Unmarshal(golden(t, "add-input.json"), &first))
	m := mock(t, pipedrive.Config{})
	m.stored(noteOf(t, first), nil)

	got, err := m.UpdateMessageLog(t.Context(), in)
	require.NoError(t, err)
	out, err := json.Marshal(got)
	require.NoError(t, err)
	require.JSONEq(t, string(golden(t, "update-result.json")), string(out))
	require.Equal(t, []string{"GET /api/v2/activities/501", "PATCH /api/v2/activities/501"}, m.calls())
	inOrder(t, m.last(t).json(t)["note"].(string), "5:24 AM", "Flight information", "6:02 AM", "Gate 12")

	noSecret(t, in, got)
}

// noSecret requires that nothing which prints or encodes one of the values
// shows the credential.
func noSecret(t *testing.T, values ...any) {
	t.Helper()
	for _, v := range values {
		encoded, err := json.Marshal(v)
		require.NoError(t, err)
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("value", "value", v)
		slog.New(slog.NewTextHandler(&log, nil)).Info("value", "value", v)
		for _, s := range []string{string(encoded), log.String(), fmt.Sprintf("%v %+v %#v", v, v, v)} {
			require.NotContains(t, s, "c4nary")
		}
	}
}

func TestNothingOfTheMessageIsLogged(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	m := mock(t, pipedrive.Config{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	m.stored("", nil)
	_, err := m.AddMessageLog(t.Context(), input())
	require.NoError(t, err)
	m.answer("POST", "/api/v2/activities", answer(400, `{"success":false,"error":"Kim Sample +12015550142: Sunflowers for you"}`))
	_, err = m.AddMessageLog(t.Context(), input())
	require.Error(t, err)
	_, err = m.UpdateMessageLog(t.Context(), update())
	require.NoError(t, err)
	require.Contains(t, log.String(), "pipedrive: update activity")
	for _, secret := range []string{"c4nary", "Sunflowers", "Kim", "2015550142", "Pat"} {
		require.NotContains(t, log.String(), secret)
	}
}
