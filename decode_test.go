package crmlog_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/crmlog/crmlog"
)

func decodeMessages(text string) ([]crmlog.Message, error) {
	return crmlog.DecodeMessages(strings.NewReader(text))
}

func messageIDs(messages []crmlog.Message) []string {
	ids := []string{}
	for _, m := range messages {
		ids = append(ids, string(m.ID))
	}
	return ids
}

const (
	smsRecord  = `{"id":9007199254740993,"type":"SMS","subject":"PRIVATE"}`
	faxRecord  = `{"id":"2","type":"Fax","direction":"Inbound","availability":"Alive"}`
	tombstone  = `{"id":3,"availability":"Deleted"}`
	envelope   = `{"uuid":"u","event":"/restapi/v1.0/account/~/extension/~/message-store/instant?type=SMS","subscriptionId":"s","ownerId":"5","timestamp":"2026-03-02T10:20:30.000Z","body":` + smsRecord + `}`
	changes    = `{"uuid":"u","event":"/restapi/v1.0/account/1/extension/2/message-store","timestamp":"2018-10-07T12:05:00.408+0000","body":{"extensionId":2,"lastUpdated":"2018-10-07T12:05:00.531+0000","changes":[{"type":"Fax","newCount":1,"updatedCount":0,"newMessageIds":[5]}]}}`
	frameStart = `{"type":"ServerNotification","messageId":"m","status":200,"headers":{"RCRequestId":"r"}}`
)

func TestDecodeMessagesReadsWhatRingCentralSends(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, input string
		ids         []string
	}{
		{"a record", smsRecord, []string{"9007199254740993"}},
		{"a record behind a byte order mark and white space", "\ufeff\r\n\t " + smsRecord + "\n", []string{"9007199254740993"}},
		{"a record without id and time", `{"type":"SMS","subject":"x"}`, []string{""}},
		{"a record of a type that is not known", `{"id":1,"type":"Telex","availability":"Alive"}`, []string{"1"}},
		{"a record with a conversation alone", `{"id":1,"conversation":{"id":"2"}}`, []string{"1"}},
		{"a deleted message", tombstone, []string{"3"}},
		{"an array of records, in order", `[` + tombstone + `,` + smsRecord + `,` + faxRecord + `]`, []string{"3", "9007199254740993", "2"}},
		{"an empty array", `[]`, []string{}},
		{"a list page", `{"uri":"u","records":[` + smsRecord + `,` + faxRecord + `],"paging":{"page":1},"navigation":{}}`, []string{"9007199254740993", "2"}},
		{"a sync page with a deleted message", `{"records":[` + faxRecord + `,` + tombstone + `],"syncInfo":{"syncType":"ISync"}}`, []string{"2", "3"}},
		{"an empty page", `{"records":[]}`, []string{}},
		{"a bulk answer", `[{"resourceId":"9007199254740993","status":200,"body":` + smsRecord + `},{"resourceId":2,"status":"200","body":` + faxRecord + `}]`, []string{"9007199254740993", "2"}},
		{"a notification", envelope, []string{"9007199254740993"}},
		{"an array of notifications", `[` + envelope + `,` + changes + `,` + envelope + `]`, []string{"9007199254740993", "9007199254740993"}},
		{"a WebSocket frame", `[` + frameStart + `,` + envelope + `]`, []string{"9007199254740993"}},
		{"a WebSocket frame that answers a list request", `[{"type":"ClientRequest","messageId":"m","status":200},{"records":[` + faxRecord + `]}]`, []string{"2"}},
		{"a WebSocket frame that answers another request", `[{"type":"ClientRequest","messageId":"m","status":200},{"id":"s","status":"Active","eventFilters":[]}]`, []string{}},
		{"a WebSocket heartbeat", `[{"type":"Heartbeat","messageId":"m"}]`, []string{}},
		{"JSON Lines", smsRecord + "\n" + faxRecord + "\r\n" + tombstone, []string{"9007199254740993", "2", "3"}},
		{"values without white space between them", smsRecord + faxRecord + `[` + tombstone + `]`, []string{"9007199254740993", "2", "3"}},
		{"values of different forms", envelope + "\n" + changes + "\n[" + faxRecord + "]", []string{"9007199254740993", "2"}},
		{"a message-store change", changes, []string{}},
		{"the body of a message-store change", `{"extensionId":2,"lastUpdated":"2018-10-07T12:05:00.531+0000","changes":[]}`, []string{}},
		{"a notification of a time alone", `{"uuid":"u","event":"/restapi/v1.0/account/~/message-threads/sync","body":{"lastModifiedTime":"2026-03-02T10:20:30Z"}}`, []string{}},
		{"a reminder to renew", `{"uuid":"u","event":"/restapi/v1.0/subscription/~?threshold=60&interval=15","body":{"id":"s","status":"Active","creationTime":"2026-03-02T10:20:30Z"}}`, []string{}},
		{"a notification without body", `{"uuid":"u","event":"e","subscriptionId":"s"}`, []string{}},
		{"a notification with a null body", `{"uuid":"u","event":"e","body":null}`, []string{}},
		{"a presence notification", `{"uuid":"u","event":"/restapi/v1.0/account/~/extension/~/presence","body":{"extensionId":"5","telephonyStatus":"NoCall","sequence":3}}`, []string{}},
		{"the check of a new webhook, which is empty", "", []string{}},
		{"white space", " \n", []string{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			messages, err := decodeMessages(tt.input)
			require.NoError(t, err)
			require.Equal(t, tt.ids, messageIDs(messages))

			messages, err = crmlog.DecodeMessages(iotest.OneByteReader(strings.NewReader(tt.input)))
			require.NoError(t, err)
			require.Equal(t, tt.ids, messageIDs(messages))
		})
	}
}

func TestDecodeMessagesSaysWhatItCannotRead(t *testing.T) {
	t.Parallel()
	const wanted = "a RingCentral message record, an array of them, a list or sync page, a bulk answer or a notification"
	tests := []struct {
		name, input string
		ids         []string // what is read all the same
		errs        []string
	}{
		{"an empty object", `{}`, []string{}, []string{"JSON value 1: an object without the fields of any of these: want " + wanted}},
		{"an object of something else", `{"foo":"PRIVATE"}`, []string{}, []string{"JSON value 1: an object without the fields of any of these: want " + wanted}},
		{"a call record", `{"id":"1","type":"Voice","direction":"Inbound","from":{}}`, []string{}, []string{"JSON value 1: an object without the fields of any of these: want " + wanted}},
		{"a number", `12025550101`, []string{}, []string{"JSON value 1: want " + wanted + ", got an integer"}},
		{"a text in an array", `[` + tombstone + `,"PRIVATE"]`, []string{"3"}, []string{"JSON value 1: [1]: want " + wanted + ", got a string of 7 bytes"}},
		{"a null", `null`, []string{}, []string{"JSON value 1: want " + wanted + ", got null"}},
		{"HTML", `<html>PRIVATE</html>`, []string{}, []string{"JSON value 1: not JSON, at byte 0"}},
		{"something behind a record", tombstone + "\nPRIVATE", []string{"3"}, []string{"JSON value 2: not JSON, at byte 34"}},
		{"an input cut off", tombstone + ` {"id":1,"subject":"PRIVATE`, []string{"3"}, []string{"JSON value 2: JSON ends too early, at byte 60"}},
		{"a syntax error inside a page", `{"records":[` + tombstone + `,{"id":tru}]}`, []string{}, []string{"JSON value 1: not JSON, at byte 55"}},
		{"JSON nested without end", strings.Repeat("[", 100_000), []string{}, []string{"JSON value 1: JSON nested too deep, at byte 512"}},
		{"a message within too many arrays", strings.Repeat("[", 20) + tombstone + strings.Repeat("]", 20), []string{}, []string{"JSON value 1: [0][0][0][0][0][0][0][0][0]: nested deeper than messages are"}},
		{"one bad record among good ones", `{"records":[` + tombstone + `,{"id":4,"type":"SMS","subject":12025550101},` + faxRecord + `]}`, []string{"3", "2"}, []string{"JSON value 1: records[1].subject: want a string, got an integer"}},
		{"several bad records", tombstone + `[{"type":"SMS","id":[]}]{"type":"Fax","to":[{},{"name":1}]}`, []string{"3"}, []string{
			"JSON value 2: [0].id: want an id as a string or an integer, got an array",
			"JSON value 3: to[1].name: want a string, got an integer"}},
		{"a bad record in a notification", `{"uuid":"u","event":"e","body":{"type":"SMS","creationTime":"PRIVATE"}}`, []string{}, []string{
			"JSON value 1: body.creationTime: want a time such as 2026-01-31T09:30:00.000Z or integer epoch milliseconds, got a string of 7 bytes"}},
		{"a notification whose body is no object", `{"uuid":"u","event":"e","body":"PRIVATE"}`, []string{}, []string{"JSON value 1: body: want an object, got a string of 7 bytes"}},
		{"a notification of an A2P message", `{"uuid":"u","event":"e","body":{"id":"1","from":"+12025550101","to":["+12025550102"],"text":"PRIVATE","messageStatus":"Sent"}}`, []string{}, []string{
			"JSON value 1: body.from: want an object, got a string of 12 bytes"}},
		{"an entry of a thread", `{"records":[{"id":"1","threadId":"t","availability":"Alive","text":"PRIVATE"}]}`, []string{}, []string{
			"JSON value 1: records[0]: an entry of a message thread; read those with DecodeThreadEntries"}},
		{"a notification of a thread's entry", `{"uuid":"u","event":"e","body":{"id":"1","threadId":"t"}}`, []string{}, []string{
			"JSON value 1: body: an entry of a message thread; read those with DecodeThreadEntries"}},
		{"records that are no list", `{"records":{}}`, []string{}, []string{"JSON value 1: an object without the fields of any of these: want " + wanted}},
		{"a bulk answer that refuses some", `[{"resourceId":"7","status":404,"body":{"errorCode":"CMN-102","message":"PRIVATE"}},{"resourceId":"2","status":200,"body":` + faxRecord + `},{"resourceId":8,"status":403}]`,
			[]string{"2"}, []string{"message 7: HTTP 404 in the bulk answer", "message 8: HTTP 403 in the bulk answer"}},
		{"a bulk answer without status code", `[{"resourceId":"7","status":"PRIVATE"}]`, []string{}, []string{"JSON value 1: [0].status: want an HTTP status"}},
		{"a bulk answer with odd fields", `[{"resourceId":{},"status":200},{"resourceId":"7","status":[]},{"resourceId":"7","status":200}]`, []string{}, []string{
			"JSON value 1: [0].resourceId: want an id as a string or an integer, got an object",
			"JSON value 1: [1].status: want an id as a string or an integer, got an array",
			"JSON value 1: [2].body: missing"}},
		{"the head of a frame on its own", frameStart + `{"foo":1}`, []string{}, []string{
			"JSON value 1: an object without the fields of any of these: want " + wanted,
			"JSON value 2: an object without the fields of any of these: want " + wanted}},
		{"something else behind a frame", `[[` + frameStart + `,{"foo":1}],{"foo":1}]`, []string{}, []string{
			"JSON value 1: [1]: an object without the fields of any of these: want " + wanted}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			messages, err := decodeMessages(tt.input)
			require.EqualError(t, err, strings.Join(tt.errs, "\n"))
			require.Equal(t, tt.ids, messageIDs(messages))
			require.NotContains(t, err.Error(), "PRIVATE")
		})
	}
}

func TestDecodeMessagesErrorsAreTyped(t *testing.T) {
	t.Parallel()
	_, err := decodeMessages(`[{"resourceId":"7","status":404},{"type":"SMS","id":{}}]`)
	require.ErrorIs(t, err, crmlog.ErrInvalidInput)
	var refused *crmlog.BulkItemError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, crmlog.BulkItemError{ResourceID: "7", Status: 404}, *refused)
	var input *crmlog.InputError
	require.ErrorAs(t, err, &input)
	require.Equal(t, "JSON value 1: [1].id", input.Field)

	_, err = decodeMessages(`<html>`)
	require.ErrorIs(t, err, crmlog.ErrInvalidInput)

	broken := errors.New("connection lost")
	messages, err := crmlog.DecodeMessages(io.MultiReader(strings.NewReader(tombstone), iotest.ErrReader(broken)))
	require.ErrorIs(t, err, broken)
	require.Empty(t, messages)
}

func TestDecodeMessagesBoundsItsInputAndItsErrors(t *testing.T) {
	t.Parallel()
	const limit = 16 << 20
	messages, err := crmlog.DecodeMessages(io.MultiReader(strings.NewReader(tombstone), strings.NewReader(strings.Repeat(" ", limit-len(tombstone)))))
	require.NoError(t, err)
	require.Len(t, messages, 1)

	_, err = crmlog.DecodeMessages(io.MultiReader(strings.NewReader(tombstone), strings.NewReader(strings.Repeat(" ", limit-len(tombstone)+1))))
	require.ErrorIs(t, err, crmlog.ErrInvalidInput)
	require.EqualError(t, err, "input: longer than 16 MiB; give it in parts")

	messages, err = decodeMessages("[" + strings.Repeat("1,", 150) + tombstone + "]")
	require.Len(t, messages, 1)
	lines := strings.Split(err.Error(), "\n")
	require.Len(t, lines, 101)
	require.Equal(t, "50 more errors: invalid input", lines[100])

	deep := `{"id":1,"availability":"Alive","x":` + strings.Repeat("[", 511) + strings.Repeat("]", 511) + `}`
	messages, err = decodeMessages(deep)
	require.NoError(t, err)
	require.JSONEq(t, deep, string(encoded(t, messages[0])))
}

func TestDecodeMessagesKeepsRecordsAsTheyCame(t *testing.T) {
	t.Parallel()
	for _, name := range messageFixtures(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, _ := messageFixture(t, name)
			for _, input := range []string{
				string(text),
				`{"records":[` + string(text) + `]}`,
				`[{"resourceId":"1","status":200,"body":` + string(text) + `}]`,
				`{"uuid":"u","event":"e","body":` + string(text) + `}`,
			} {
				messages, err := decodeMessages(input)
				require.NoError(t, err)
				require.Len(t, messages, 1)
				require.Equal(t, jsonValue(t, text), jsonValue(t, encoded(t, messages[0])))
			}
		})
	}
}

// TestDecodeMessagesOnSamples reads records that others have captured, which are
// not part of this repository.
func TestDecodeMessagesOnSamples(t *testing.T) {
	t.Parallel()
	shared := os.Getenv("CRMLOG_SHARED")
	if shared == "" {
		t.Skip("CRMLOG_SHARED does not name the folder that has samples/")
	}
	files, err := filepath.Glob(filepath.Join(shared, "samples", "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files, "no samples in CRMLOG_SHARED")
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			messages, err := decodeMessages(string(text))
			if strings.HasPrefix(filepath.Base(file), "thread-") {
				require.ErrorIs(t, err, crmlog.ErrInvalidInput)
				return
			}
			require.NoError(t, err)

			want := []any{jsonValue(t, text)}
			whole := want[0].(map[string]any)
			if records, ok := whole["records"]; ok {
				want = records.([]any)
			} else if body, ok := whole["body"].(map[string]any); ok {
				want = []any{body}
				if _, ok := body["changes"]; ok {
					want = nil
				}
			}
			require.Len(t, messages, len(want))
			for i, m := range messages {
				require.Equal(t, want[i], jsonValue(t, encoded(t, m)))
				require.NotEmpty(t, m.ID)
				require.Equal(t, m.IsDeleted(), m.Kind() == crmlog.KindUnknown)
				require.Equal(t, m.IsDeleted(), m.CreationTime.IsZero())
				require.Equal(t, m.IsDeleted(), len(m.Correspondents()) == 0)
				_, ok := m.ConversationKey()
				inConversation := m.Kind() == crmlog.KindSMS || m.Kind() == crmlog.KindMMS || m.Kind() == crmlog.KindPager
				require.Equal(t, inConversation, ok)
			}
		})
	}
}

func BenchmarkDecodeMessages(b *testing.B) {
	record, err := os.ReadFile(filepath.Join("testdata", "messages", "mms-inbound-group-notified.json"))
	require.NoError(b, err)
	page := `{"records":[` + strings.Repeat(string(record)+",", 249) + string(record) + `]}`
	b.SetBytes(int64(len(page)))
	for b.Loop() {
		messages, err := decodeMessages(page)
		if err != nil || len(messages) != 250 {
			b.Fatal(len(messages), err)
		}
	}
}

func BenchmarkMessageMarshalJSON(b *testing.B) {
	_, m := messageFixture(b, "mms-inbound-group-notified")
	m.Subject = "changed"
	for b.Loop() {
		if _, err := json.Marshal(m); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleDecodeMessages() {
	// What RingCentral posts to a webhook for an SMS that came in.
	request := strings.NewReader(`{
		"uuid": "6242343638330007102",
		"event": "/restapi/v1.0/account/~/extension/~/message-store/instant?type=SMS",
		"body": {
			"id": "60279564004",
			"type": "SMS",
			"direction": "Inbound",
			"from": {"phoneNumber": "+16505553204"},
			"to": [{"phoneNumber": "+18885550052", "target": true}],
			"creationTime": "2026-02-18T13:24:50.028Z",
			"subject": "Flight information",
			"conversation": {"id": "5578984350117917661"}
		}
	}`)

	messages, err := crmlog.DecodeMessages(request)
	if err != nil {
		fmt.Println(err) // messages has those that could be read
	}
	for _, m := range messages {
		conversation, _ := m.ConversationKey()
		fmt.Println(m.Kind(), m.ID, "in", conversation, "from", m.Sender().PhoneNumber)
	}
	// Output: SMS 60279564004 in 5578984350117917661 from +16505553204
}
