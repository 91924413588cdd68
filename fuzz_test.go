package crmlog_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crmlog/crmlog"
)

func FuzzDecodeMessages(f *testing.F) {
	for _, name := range messageFixtures(f) {
		text, _ := messageFixture(f, name)
		f.Add(text)
		f.Add([]byte(`{"records":[` + string(text) + `]}`))
	}
	for _, seed := range []string{
		"", "null", "{}", "[]", "<html>", "\ufeff", "1 2", `"x"`, "[[[", "{\"id\":", `{"id":1,"id":2,"type":"sms"}`,
		`{"type":"SMS","Type":"Fax","to":[null,{"NAME":"x"}],"creationTime":-62135596800000}`,
		`[{"resourceId":"1","status":404},{"resourceId":2,"status":200,"body":{"id":1,"type":"Fax"}}]`,
		envelope, changes, "[" + frameStart + "," + envelope + "]", smsRecord + "\n" + faxRecord,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		messages, err := crmlog.DecodeMessages(bytes.NewReader(input))
		if err != nil {
			_ = err.Error()
		}
		for _, m := range messages {
			first := encoded(t, m)
			again, err := crmlog.DecodeMessages(bytes.NewReader(first))
			require.NoError(t, err)
			require.Len(t, again, 1)
			require.Equal(t, jsonValue(t, first), jsonValue(t, encoded(t, again[0])))

			_, _, _ = m.Kind(), m.Duration(), m.FaxLink()
			_, _ = m.ConversationKey()
			require.LessOrEqual(t, len(m.Correspondents()), len(m.To)+1)
		}
	})
}

func FuzzMessageJSON(f *testing.F) {
	for _, name := range messageFixtures(f) {
		text, _ := messageFixture(f, name)
		f.Add(text, "changed")
	}
	f.Add([]byte(`{"subject":1,"Subject":"a","SUBJECT":"b","subject":"c"}`), "")
	f.Add([]byte(`{"Subject":"a","SUBJECT":"b"}`), "d")
	f.Add([]byte("{\"subject\":\"\xff\",\"\xff\":\"\xfe\"}"), "d")
	f.Fuzz(func(t *testing.T, input []byte, subject string) {
		var m crmlog.Message
		if json.Unmarshal(input, &m) != nil || string(bytes.TrimSpace(input)) == "null" {
			return
		}
		require.Equal(t, jsonValue(t, input), jsonValue(t, encoded(t, m)))

		before := m.Subject
		m.Subject = subject
		changed := encoded(t, m)
		var again crmlog.Message
		require.NoError(t, json.Unmarshal(changed, &again))
		var valid string
		require.NoError(t, json.Unmarshal(encoded(t, subject), &valid))
		require.Equal(t, valid, again.Subject)

		// Apart from the subject, under whatever spelling, nothing has changed.
		if before != subject {
			require.Equal(t, withoutSubject(t, input), withoutSubject(t, changed))
		}
	})
}

func withoutSubject(t *testing.T, text []byte) map[string]any {
	object := jsonValue(t, text).(map[string]any)
	for key := range object {
		if bytes.EqualFold([]byte(key), []byte("subject")) {
			delete(object, key)
		}
	}
	return object
}
