package crmlog_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crmlog/crmlog"
)

func messageFixture(t testing.TB, name string) (text []byte, m crmlog.Message) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "messages", name+".json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &m))
	return text, m
}

func messageFixtures(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "messages", "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for i, f := range files {
		files[i] = strings.TrimSuffix(filepath.Base(f), ".json")
	}
	return files
}

// jsonValue is JSON with numbers as they are written, for comparison.
func jsonValue(t testing.TB, text []byte) any {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	require.NoError(t, dec.Decode(&v))
	return v
}

func encoded(t testing.TB, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return text
}

func TestMessageEncodesAsItCame(t *testing.T) {
	t.Parallel()
	for _, name := range messageFixtures(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, m := messageFixture(t, name)
			require.Equal(t, jsonValue(t, text), jsonValue(t, encoded(t, m)))
			require.Equal(t, jsonValue(t, text), jsonValue(t, encoded(t, &m)))
		})
	}
}

func TestMessageDecodesEveryField(t *testing.T) {
	t.Parallel()
	_, group := messageFixture(t, "sms-outbound-group")
	_, mms := messageFixture(t, "mms-inbound-group-notified")
	_, vm := messageFixture(t, "voicemail-transcribed")
	_, fax := messageFixture(t, "fax-outbound-posted")
	_, widget := messageFixture(t, "normalized-by-widget")
	_, odd := messageFixture(t, "odd-shapes")

	require.Equal(t, crmlog.ID("7001000002"), group.ID)
	require.Equal(t, crmlog.ID("9007199254740993000"), group.ConversationID, "no digit is lost beyond 2^53")
	require.Equal(t, crmlog.ID("9007199254740993007"), group.Conversation.ID)
	require.Equal(t, time.Date(2026, 3, 2, 10, 21, 2, 4e6, time.UTC), group.SMSDeliveryTime)
	require.Equal(t, []any{2, 1, "SMS-CAR-411"}, []any{group.SMSSendingAttemptsCount, group.SegmentCount, group.DeliveryErrorCode})
	require.Equal(t, []any{crmlog.ID("700300"), "Department", "Sales Queue"},
		[]any{group.Owner.ExtensionID, group.Owner.ExtensionType, group.Owner.Name})

	require.Equal(t, "Create", mms.EventType)
	require.Equal(t, "202", mms.From.PhoneNumberInfo.NationalDestinationCode)
	require.True(t, mms.To[1].Target)
	a := mms.Attachments[1]
	require.Equal(t, []any{crmlog.ID("7001000004"), "image/jpeg", int64(123456), "kitchen plan.jpg", 800, 600},
		[]any{a.ID, a.ContentType, a.Size, a.FileName, a.Width, a.Height})

	require.True(t, vm.Private)
	require.Equal(t, "Cy Example", vm.Forwarding.OriginalSender.Name)
	require.Equal(t, time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), vm.Forwarding.OriginalCreationTime)

	require.Equal(t, "offer.pdf", fax.Attachments[0].FileName, "filename, as the answer to a sent fax has it")
	require.Equal(t, []any{crmlog.ID("88001"), "NoAnswer", crmlog.MessageStatusSendingFailed},
		[]any{fax.To[0].RecipientID, fax.To[0].FaxErrorCode, fax.To[0].MessageStatus})
	require.Equal(t, []any{"High", 7, "As promised"}, []any{fax.FaxResolution, fax.CoverIndex, fax.CoverPageText})

	require.Equal(t, time.Date(2026, 3, 2, 10, 23, 0, 123e6, time.UTC), widget.LastModifiedTime, "epoch milliseconds")

	require.Equal(t, crmlog.ID("7001000012"), odd.ID, "keys match without regard to case")
	require.Equal(t, crmlog.ID("5"), odd.From.ExtensionID)
	require.Equal(t, crmlog.ReadStatus("Skimmed"), odd.ReadStatus)
	require.Equal(t, crmlog.PriorityNormal, odd.Priority, "of a key that comes twice the last one counts")
	require.True(t, odd.CreationTime.IsZero())
	require.True(t, odd.LastModifiedTime.IsZero())
	require.Equal(t, "a.wav", odd.Attachments[2].FileName)
	require.Equal(t, 123456789, odd.SMSDeliveryTime.Nanosecond())
}

func TestMessageFilledInByHandEncodesUnderRingCentralsNames(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 2, 11, 20, 30, 0, time.FixedZone("CET", 3600))
	party := crmlog.Party{
		PhoneNumber: "+12025550101", ExtensionNumber: "101", ExtensionID: "5", Name: "n", Location: "l", Target: true,
		MessageStatus: crmlog.MessageStatusSent, FaxErrorCode: "e", RecipientID: "9",
		PhoneNumberInfo: crmlog.PhoneNumberInfo{CountryCode: "1", NationalDestinationCode: "202", SubscriberNumber: "5550101"},
	}
	partyJSON := `{"phoneNumber":"+12025550101","extensionNumber":"101","extensionId":"5","name":"n","location":"l","target":true,
		"messageStatus":"Sent","faxErrorCode":"e","recipientId":"9",
		"phoneNumberInfo":{"countryCode":"1","nationalDestinationCode":"202","subscriberNumber":"5550101"}}`
	m := crmlog.Message{
		ID: "1", URI: "u", ExtensionID: "2", Type: crmlog.MessageTypeSMS, Direction: crmlog.DirectionInbound,
		Availability: crmlog.AvailabilityAlive, ReadStatus: crmlog.ReadStatusRead, Priority: crmlog.PriorityHigh,
		MessageStatus: crmlog.MessageStatusReceived, CreationTime: at, LastModifiedTime: at.Add(1500 * time.Microsecond),
		Subject: "s", ConversationID: "3", Conversation: crmlog.Conversation{ID: "4", URI: "c"},
		From: party, To: []crmlog.Party{party, {}},
		Attachments: []crmlog.Attachment{{ID: "6", URI: "a", Type: crmlog.AttachmentTypeText, ContentType: "t", VMDuration: 7,
			FileName: "f", Size: 8, Width: 9, Height: 10}},
		EventType: "Create", SMSDeliveryTime: at, SMSSendingAttemptsCount: 11, SegmentCount: 12, DeliveryErrorCode: "SMS-RC-1",
		FaxResolution: "Low", FaxPageCount: 13, CoverIndex: 14, CoverPageText: "p",
		VMTranscriptionStatus: crmlog.VMTranscriptionStatusFailed, Private: true,
		Forwarding:     crmlog.Forwarding{OriginalSender: crmlog.Party{Name: "o"}, OriginalCreationTime: at},
		PgToDepartment: true, Owner: crmlog.Owner{ExtensionID: "15", ExtensionType: "User", Name: "w"},
	}
	require.JSONEq(t, `{"id":"1","uri":"u","extensionId":"2","type":"SMS","direction":"Inbound","availability":"Alive",
		"readStatus":"Read","priority":"High","messageStatus":"Received","creationTime":"2026-03-02T10:20:30.000Z",
		"lastModifiedTime":"2026-03-02T10:20:30.0015Z","subject":"s","conversationId":"3","conversation":{"id":"4","uri":"c"},
		"from":`+partyJSON+`,"to":[`+partyJSON+`,{}],
		"attachments":[{"id":"6","uri":"a","type":"Text","contentType":"t","vmDuration":7,"fileName":"f","size":8,"width":9,"height":10}],
		"eventType":"Create","smsDeliveryTime":"2026-03-02T10:20:30.000Z","smsSendingAttemptsCount":11,"segmentCount":12,
		"deliveryErrorCode":"SMS-RC-1","faxResolution":"Low","faxPageCount":13,"coverIndex":14,"coverPageText":"p",
		"vmTranscriptionStatus":"Failed","private":true,
		"forwarding":{"originalSender":{"name":"o"},"originalCreationTime":"2026-03-02T10:20:30.000Z"},
		"pgToDepartment":true,"owner":{"extensionId":"15","extensionType":"User","name":"w"}}`, string(encoded(t, m)))

	require.Equal(t, "{}", string(encoded(t, crmlog.Message{})))
}

// change sets a value in decoded JSON, or removes it.
func change(t *testing.T, doc any, value any, path ...any) {
	t.Helper()
	for _, p := range path[:len(path)-1] {
		switch p := p.(type) {
		case string:
			doc = doc.(map[string]any)[p]
		case int:
			doc = doc.([]any)[p]
		}
	}
	key := path[len(path)-1].(string)
	if value == nil {
		require.Contains(t, doc, key)
		delete(doc.(map[string]any), key)
		return
	}
	doc.(map[string]any)[key] = value
}

func TestMessageEncodesWhatTheProgramChangedAndNothingElse(t *testing.T) {
	t.Parallel()
	type path = []any
	tests := []struct {
		name    string
		fixture string
		mutate  func(*crmlog.Message)
		path    path // nil when the encoding stays as it came
		value   any  // nil when it is left out
	}{
		{"a text", "sms-inbound", func(m *crmlog.Message) { m.Subject = "new" }, path{"subject"}, "new"},
		{"a null becomes a text", "odd-shapes", func(m *crmlog.Message) { m.Subject = "new" }, path{"subject"}, "new"},
		{"a text emptied is left out", "sms-inbound", func(m *crmlog.Message) { m.Subject = "" }, path{"subject"}, nil},
		{"an id becomes a string", "sms-inbound", func(m *crmlog.Message) { m.ID = "8" }, path{"id"}, "8"},
		{"a key of another case keeps its spelling", "odd-shapes", func(m *crmlog.Message) { m.ID = "8" }, path{"Id"}, "8"},
		{"filename keeps its spelling", "fax-outbound-posted", func(m *crmlog.Message) { m.Attachments[0].FileName = "b.pdf" },
			path{"attachments", 0, "filename"}, "b.pdf"},
		{"the rounded conversationId is its own field", "sms-outbound-group",
			func(m *crmlog.Message) { m.ConversationID = m.Conversation.ID }, path{"conversationId"}, "9007199254740993007"},
		{"a number", "sms-outbound-group", func(m *crmlog.Message) { m.SegmentCount = 3 }, path{"segmentCount"}, json.Number("3")},
		{"a number set to the zero that was there", "fax-outbound-posted", func(m *crmlog.Message) { m.FaxPageCount = 0 }, nil, nil},
		{"a number set to zero is left out", "fax-outbound-posted", func(m *crmlog.Message) { m.CoverIndex = 0 }, path{"coverIndex"}, nil},
		{"a boolean that was false", "pager-group", func(m *crmlog.Message) { m.PgToDepartment = true }, path{"pgToDepartment"}, true},
		{"a time", "normalized-by-widget", func(m *crmlog.Message) { m.CreationTime = m.CreationTime.Add(time.Second) },
			path{"creationTime"}, "2026-03-02T10:23:01.000Z"},
		{"the same time in another zone", "sms-inbound",
			func(m *crmlog.Message) { m.CreationTime = m.CreationTime.In(time.FixedZone("", 3600)) }, nil, nil},
		{"the same time in another zone, nested", "voicemail-transcribed", func(m *crmlog.Message) {
			m.Forwarding.OriginalCreationTime = m.Forwarding.OriginalCreationTime.In(time.FixedZone("", 3600))
		}, nil, nil},
		{"an empty list set to nil", "odd-shapes", func(m *crmlog.Message) { m.To = nil }, nil, nil},
		{"a list emptied is left out", "sms-inbound", func(m *crmlog.Message) { m.To = m.To[:0] }, path{"to"}, nil},
		{"a field in a list's element", "sms-outbound-group", func(m *crmlog.Message) { m.To[0].Name = "Al" }, path{"to", 0, "name"}, "Al"},
		{"a field beside unknown ones in a nested object", "odd-shapes", func(m *crmlog.Message) { m.From.Name = "Al" }, path{"from", "name"}, "Al"},
		{"a field beside unknown ones in a list's element", "normalized-by-widget",
			func(m *crmlog.Message) { m.Attachments[0].VMDuration = 6 }, path{"attachments", 0, "vmDuration"}, json.Number("6")},
		{"a field three levels down", "mms-inbound-group-notified",
			func(m *crmlog.Message) { m.From.PhoneNumberInfo.CountryCode = "44" }, path{"from", "phoneNumberInfo", "countryCode"}, "44"},
		{"a nested object replaced loses what is unknown in it", "odd-shapes",
			func(m *crmlog.Message) { m.From = crmlog.Party{Name: "Al"} }, path{"from"}, map[string]any{"name": "Al"}},
		{"a nested object cleared is left out", "odd-shapes", func(m *crmlog.Message) { m.From = crmlog.Party{} }, path{"from"}, nil},
		{"a field that was absent", "deleted-in-sync", func(m *crmlog.Message) { m.Type = "Fax" }, path{"type"}, "Fax"},
		{"a nested object that was absent", "deleted-in-sync", func(m *crmlog.Message) { m.Owner.Name = "Al" },
			path{"owner"}, map[string]any{"name": "Al"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			text, m := messageFixture(t, tt.fixture)
			want := jsonValue(t, text)
			if tt.path != nil {
				change(t, want, tt.value, tt.path...)
			}
			tt.mutate(&m)
			out := encoded(t, m)
			require.Equal(t, want, jsonValue(t, out))

			var again crmlog.Message
			require.NoError(t, json.Unmarshal(out, &again))
			require.Equal(t, want, jsonValue(t, encoded(t, again)))
		})
	}
}

func TestMessageCopiesShareNothingWithTheInput(t *testing.T) {
	t.Parallel()
	text, _ := messageFixture(t, "odd-shapes")
	input := bytes.Clone(text)
	var m crmlog.Message
	require.NoError(t, m.UnmarshalJSON(input))
	for i := range input {
		input[i] = 'x'
	}
	require.Equal(t, jsonValue(t, text), jsonValue(t, encoded(t, m)))
	require.Equal(t, crmlog.ID("7001000012"), m.ID)
}

func TestMessageUnmarshalReplacesEverythingOrNothing(t *testing.T) {
	t.Parallel()
	_, m := messageFixture(t, "sms-inbound")
	before := encoded(t, m)

	require.Error(t, json.Unmarshal([]byte(`{"id":1,"subject":5}`), &m))
	require.Equal(t, before, encoded(t, m))

	require.NoError(t, json.Unmarshal([]byte(`null`), &m))
	require.Equal(t, before, encoded(t, m))

	require.NoError(t, json.Unmarshal([]byte(`{"id":1}`), &m))
	require.Equal(t, `{"id":1}`, string(encoded(t, m)))
}

func TestMessageThatDoesNotDecodeNamesTheFieldAndNotTheValue(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, json, field, problem string }{
		{"a number for a text", `{"subject":5550101}`, "message.subject", "want a string, got an integer"},
		{"a text for a party", `{"from":"+12025550101"}`, "message.from", "want an object, got a string of 12 bytes"},
		{"a text for a list", `{"to":"+12025550101"}`, "message.to", "want an array, got a string of 12 bytes"},
		{"a list's element", `{"to":[{},"+12025550101"]}`, "message.to[1]", "want an object, got a string of 12 bytes"},
		{"a field of a list's element", `{"to":[{},{"phoneNumber":12025550101}]}`, "message.to[1].phoneNumber", "want a string, got an integer"},
		{"a float for an id", `{"id":12025550101.0}`, "message.id", "want an id as a string or an integer, got a number with a fraction or exponent"},
		{"an exponent for an id", `{"conversation":{"id":12025550101E0}}`, "message.conversation.id", "want an id as a string or an integer, got a number with a fraction or exponent"},
		{"an object for an id", `{"id":{"a":12025550101}}`, "message.id", "want an id as a string or an integer, got an object"},
		{"a float for a count", `{"faxPageCount":1.5}`, "message.faxPageCount", "want an integer, got a number with a fraction or exponent"},
		{"a count out of range", `{"faxPageCount":99999999999999999999}`, "message.faxPageCount", "the integer is out of range"},
		{"a text for a boolean", `{"private":"5550101"}`, "message.private", "want true or false, got a string of 7 bytes"},
		{"no time", `{"creationTime":"on 5550101"}`, "message.creationTime", "want a time such as 2026-01-31T09:30:00.000Z or integer epoch milliseconds, got a string of 10 bytes"},
		{"a time without zone", `{"creationTime":"2026-01-31T09:30:00"}`, "message.creationTime", "want a time such as 2026-01-31T09:30:00.000Z or integer epoch milliseconds, got a string of 19 bytes"},
		{"a float for a time", `{"smsDeliveryTime":5550101.5}`, "message.smsDeliveryTime", "want a time such as 2026-01-31T09:30:00.000Z or integer epoch milliseconds, got a number with a fraction or exponent"},
		{"epoch nanoseconds", `{"lastModifiedTime":1772446980123000000}`, "message.lastModifiedTime", "the epoch milliseconds are out of range, want years 1 to 9999"},
		{"a list for the message", `[5550101]`, "message", "want an object, got an array"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var m crmlog.Message
			err := json.Unmarshal([]byte(tt.json), &m)
			require.ErrorIs(t, err, crmlog.ErrInvalidInput)
			var e *crmlog.InputError
			require.ErrorAs(t, err, &e)
			require.Equal(t, crmlog.InputError{Field: tt.field, Problem: tt.problem}, *e)
			require.NotContains(t, err.Error(), "5550101")
		})
	}
}

func TestIDKeepsEveryDigit(t *testing.T) {
	t.Parallel()
	tests := []struct{ json, id string }{
		{`9007199254740993`, "9007199254740993"},
		{`123456789012345678901234567890`, "123456789012345678901234567890"},
		{`-7`, "-7"},
		{`-0`, "-0"},
		{`"0042"`, "0042"},
		{`"a\u0062c"`, "abc"},
		{`null`, ""},
	}
	for _, tt := range tests {
		id := crmlog.ID("before")
		require.NoError(t, json.Unmarshal([]byte(tt.json), &id))
		require.Equal(t, crmlog.ID(tt.id), id)
		require.Equal(t, `"`+tt.id+`"`, string(encoded(t, id)))
	}
	for _, bad := range []string{`1.0`, `1e3`, `1E3`, `true`, `{}`, `[]`} {
		var id crmlog.ID
		require.Error(t, json.Unmarshal([]byte(bad), &id), bad)
	}
}

func TestMessageTellsItsKind(t *testing.T) {
	t.Parallel()
	picture := []crmlog.Attachment{{Type: "Text"}, {Type: "mmsattachment"}}
	tests := []struct {
		m    crmlog.Message
		want crmlog.Kind
	}{
		{crmlog.Message{Type: "SMS"}, crmlog.KindSMS},
		{crmlog.Message{Type: "sms", Attachments: picture[:1]}, crmlog.KindSMS},
		{crmlog.Message{Type: "Text"}, crmlog.KindSMS},
		{crmlog.Message{Type: "SMS", Attachments: picture}, crmlog.KindMMS},
		{crmlog.Message{Type: "MMS"}, crmlog.KindMMS},
		{crmlog.Message{Type: "VoiceMail"}, crmlog.KindVoiceMail},
		{crmlog.Message{Type: "Voicemail"}, crmlog.KindVoiceMail},
		{crmlog.Message{Type: "Fax", Attachments: picture}, crmlog.KindFax},
		{crmlog.Message{Type: "Pager"}, crmlog.KindPager},
		{crmlog.Message{Type: "Voice"}, crmlog.KindUnknown},
		{crmlog.Message{}, crmlog.KindUnknown},
	}
	for _, tt := range tests {
		require.Equal(t, tt.want, tt.m.Kind(), "type %q", tt.m.Type)
	}
}

func TestMessageKnowsItsConversation(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		m    crmlog.Message
		id   crmlog.ID
		ok   bool
	}{
		{"conversation wins over a rounded conversationId", crmlog.Message{ID: "1", Type: "SMS", ConversationID: "9007199254740993000", Conversation: crmlog.Conversation{ID: "9007199254740993007"}}, "9007199254740993007", true},
		{"conversationId alone", crmlog.Message{ID: "1", Type: "SMS", ConversationID: "2"}, "2", true},
		{"an SMS without either", crmlog.Message{ID: "1", Type: "SMS"}, "1", false},
		{"a voicemail", crmlog.Message{ID: "1", Type: "VoiceMail"}, "1", false},
		{"a voicemail whose own id a widget filled in", crmlog.Message{ID: "1", Type: "VoiceMail", ConversationID: "1"}, "1", false},
		{"a fax whose own id a widget filled in", crmlog.Message{ID: "1", Type: "Fax", ConversationID: "1"}, "1", false},
		{"a pager conversation with its first message's id", crmlog.Message{ID: "1", Type: "Pager", ConversationID: "1"}, "1", true},
		{"nothing", crmlog.Message{}, "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			id, ok := tt.m.ConversationKey()
			require.Equal(t, tt.id, id)
			require.Equal(t, tt.ok, ok)
		})
	}
}

func TestMessageKnowsWhetherItIsDeleted(t *testing.T) {
	t.Parallel()
	for availability, want := range map[crmlog.Availability]bool{
		"": false, "Alive": false, "Archived": false, "Deleted": true, "Purged": true, "purged": true,
	} {
		require.Equal(t, want, crmlog.Message{Availability: availability}.IsDeleted(), availability)
	}
}

func TestMessageNamesTheCorrespondents(t *testing.T) {
	t.Parallel()
	phone := func(n string) crmlog.Party { return crmlog.Party{PhoneNumber: n} }
	ext := func(n string) crmlog.Party { return crmlog.Party{ExtensionNumber: n} }
	target := func(p crmlog.Party) crmlog.Party { p.Target = true; return p }
	parties := func(p ...crmlog.Party) []crmlog.Party { return p }
	tests := []struct {
		name string
		m    crmlog.Message
		want []crmlog.Party
	}{
		{"outbound: the recipients, each once",
			crmlog.Message{Type: "SMS", Direction: "Outbound", From: phone("+1650"), To: parties(phone("+1202"), phone("+1203"), phone("1202"))},
			parties(phone("+1202"), phone("+1203"))},
		{"outbound to oneself",
			crmlog.Message{Type: "SMS", Direction: "Outbound", From: phone("+1650"), To: parties(phone("+1650"))},
			parties(phone("+1650"))},
		{"inbound: the sender",
			crmlog.Message{Type: "SMS", Direction: "Inbound", From: phone("+1202"), To: parties(phone("+1650"))},
			parties(phone("+1202"))},
		{"inbound, direction in another case, target marked",
			crmlog.Message{Type: "SMS", Direction: "inbound", From: phone("+1202"), To: parties(target(phone("+1650")))},
			parties(phone("+1202"))},
		{"inbound group: all but the target, which is not the first",
			crmlog.Message{Type: "SMS", Direction: "Inbound", From: phone("+1202"), To: parties(phone("+1203"), target(phone("+1650")), phone("+1204"))},
			parties(phone("+1202"), phone("+1203"), phone("+1204"))},
		{"inbound group without target: nobody is left out",
			crmlog.Message{Type: "SMS", Direction: "Inbound", From: phone("+1202"), To: parties(phone("+1203"), phone("+1650"))},
			parties(phone("+1202"), phone("+1203"), phone("+1650"))},
		{"inbound from oneself",
			crmlog.Message{Type: "SMS", Direction: "Inbound", From: phone("+1650"), To: parties(phone("+1650"))},
			parties(phone("+1650"))},
		{"one number, several extensions",
			crmlog.Message{Type: "SMS", Direction: "Outbound", To: parties(
				crmlog.Party{PhoneNumber: "+1202", ExtensionNumber: "1"}, crmlog.Party{PhoneNumber: "+1202", ExtensionNumber: "2"})},
			parties(crmlog.Party{PhoneNumber: "+1202", ExtensionNumber: "1"}, crmlog.Party{PhoneNumber: "+1202", ExtensionNumber: "2"})},
		{"vanity numbers stay apart, formatting does not count",
			crmlog.Message{Type: "SMS", Direction: "Outbound", To: parties(phone("1-800-FLOWERS"), phone("1-800-TAXICAB"), phone("(202) 555.0101"), phone("2025550101"))},
			parties(phone("1-800-FLOWERS"), phone("1-800-TAXICAB"), phone("(202) 555.0101"))},
		{"voicemail: the caller alone",
			crmlog.Message{Type: "VoiceMail", Direction: "Inbound", From: phone("+1202"), To: parties(crmlog.Party{Name: "Dee"}, crmlog.Party{Name: "Queue"})},
			parties(phone("+1202"))},
		{"voicemail of an anonymous caller",
			crmlog.Message{Type: "VoiceMail", Direction: "Inbound", To: parties(crmlog.Party{Name: "Dee"})}, nil},
		{"inbound fax, which has no recipients",
			crmlog.Message{Type: "Fax", Direction: "Inbound", From: phone("+1202")}, parties(phone("+1202"))},
		{"outbound fax without sender",
			crmlog.Message{Type: "Fax", Direction: "Outbound", To: parties(phone("+1202"))}, parties(phone("+1202"))},
		{"outbound pager: without the own extension",
			crmlog.Message{Type: "Pager", Direction: "Outbound", From: ext("101"), To: parties(ext("101"), ext("102"), ext("103"))},
			parties(ext("102"), ext("103"))},
		{"inbound pager: without the target",
			crmlog.Message{Type: "Pager", Direction: "Inbound", From: ext("101"), To: parties(ext("102"), target(ext("103")))},
			parties(ext("101"), ext("102"))},
		{"inbound pager to a group without target: nobody is left out",
			crmlog.Message{Type: "Pager", Direction: "Inbound", From: ext("101"), To: parties(ext("102"), ext("103"))},
			parties(ext("101"), ext("102"), ext("103"))},
		{"inbound copy of one's own pager message",
			crmlog.Message{Type: "Pager", Direction: "Inbound", From: ext("101"), To: parties(target(ext("101")), ext("102"))},
			parties(ext("102"))},
		{"pager to oneself",
			crmlog.Message{Type: "Pager", Direction: "Inbound", From: ext("101"), To: parties(ext("101"))},
			parties(ext("101"))},
		{"no direction", crmlog.Message{Type: "SMS", From: phone("+1202"), To: parties(phone("+1650"))}, nil},
		{"deleted", crmlog.Message{ID: "1", Availability: "Purged"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			to := append([]crmlog.Party(nil), tt.m.To...)
			require.True(t, reflect.DeepEqual(tt.want, tt.m.Correspondents()))
			require.True(t, reflect.DeepEqual(to, append([]crmlog.Party(nil), tt.m.To...)), "the message is left as it is")
			require.True(t, reflect.DeepEqual(tt.m.From, tt.m.Sender()))
		})
	}
}

func TestMediaReaderLink(t *testing.T) {
	t.Parallel()
	const reader = "https://ringcentral.github.io/ringcentral-media-reader/"
	tests := []struct{ name, uri, want string }{
		{"media host", "https://media.ringcentral.com/restapi/v1.0/account/1/extension/2/message-store/3/content/4",
			reader + "?media=https%3A%2F%2Fmedia.ringcentral.com%2Frestapi%2Fv1.0%2Faccount%2F1%2Fextension%2F2%2Fmessage-store%2F3%2Fcontent%2F4"},
		{"AT&T's", "https://media.ringcentral.biz/x/4", reader + "?media=https%3A%2F%2Fmedia.ringcentral.biz%2Fx%2F4"},
		{"sandbox", "https://media.devtest.ringcentral.com/x/4", reader + "sandbox.html?media=https%3A%2F%2Fmedia.devtest.ringcentral.com%2Fx%2F4"},
		{"upper case", "HTTPS://Media.RingCentral.com/X", reader + "?media=https%3A%2F%2Fmedia.ringcentral.com%2FX"},
		{"a token is left out", "https://media.ringcentral.com/x?access_token=CANARY#CANARY", reader + "?media=https%3A%2F%2Fmedia.ringcentral.com%2Fx"},
		{"encoded as JavaScript does it", "https://media.ringcentral.com/~a(b)*!'%20+_.-", reader + "?media=https%3A%2F%2Fmedia.ringcentral.com%2F~a(b)*!'%2520%2B_.-"},
		{"another host", "https://platform.ringcentral.com/x/4", ""},
		{"a host that begins alike", "https://media.ringcentral.com.example.com/x", ""},
		{"a host that ends alike", "https://evilmedia.ringcentral.com/x", ""},
		{"credentials", "https://user:pw@media.ringcentral.com/x", ""},
		{"credentials that look like the host", "https://media.ringcentral.com@example.com/x", ""},
		{"a port", "https://media.ringcentral.com:8443/x", ""},
		{"plain http", "http://media.ringcentral.com/x", ""},
		{"no scheme", "//media.ringcentral.com/x", ""},
		{"relative", "/restapi/v1.0/x", ""},
		{"no path", "https://media.ringcentral.com/", ""},
		{"not a URI", "https://media.ringcentral.com/%zz", ""},
		{"a script", "javascript:alert(1)", ""},
		{"empty", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, crmlog.MediaReaderLink(tt.uri))
		})
	}
}

func TestMessageLinksToItsMedia(t *testing.T) {
	t.Parallel()
	const reader = "https://ringcentral.github.io/ringcentral-media-reader/?media=https%3A%2F%2Fmedia.ringcentral.com%2F"

	_, vm := messageFixture(t, "voicemail-transcribed")
	require.True(t, strings.HasSuffix(vm.RecordingLink(), "content%2F7001000006"), "the recording, not the transcript")
	require.Equal(t, 42*time.Second, vm.Duration())
	transcript, ok := vm.Transcript()
	require.True(t, ok)
	require.Equal(t, crmlog.ID("7001000007"), transcript.ID)
	require.Empty(t, vm.FaxLink())
	require.Empty(t, vm.Media())

	_, platform := messageFixture(t, "normalized-by-widget")
	require.Empty(t, platform.RecordingLink(), "the media reader takes no URI on the platform host")
	require.Equal(t, 5*time.Second, platform.Duration())
	_, ok = platform.Transcript()
	require.False(t, ok)

	_, mms := messageFixture(t, "mms-inbound-group-notified")
	require.Len(t, mms.Media(), 2)
	require.Equal(t, "image/jpeg", mms.Media()[0].ContentType)
	require.Equal(t, "text/vcard", mms.Media()[1].ContentType)
	require.Zero(t, mms.Duration())
	require.Empty(t, mms.RecordingLink())

	_, fax := messageFixture(t, "fax-outbound-posted")
	require.True(t, strings.HasSuffix(fax.FaxLink(), "content%2F1"), "the source document when no other is there")
	fax.Attachments = append(fax.Attachments, crmlog.Attachment{Type: crmlog.AttachmentTypeRenderedDocument, URI: "https://media.ringcentral.com/r"})
	require.Equal(t, reader+"r", fax.FaxLink(), "the rendered document comes first")
	fax.Attachments[1].URI = "/relative"
	require.True(t, strings.HasSuffix(fax.FaxLink(), "content%2F1"))

	for seconds, want := range map[int]time.Duration{-1: 0, 0: 0, 90: 90 * time.Second, 1 << 40: (1 << 30) * time.Second} {
		m := crmlog.Message{Attachments: []crmlog.Attachment{{Type: crmlog.AttachmentTypeAudioRecording, VMDuration: seconds}}}
		require.Equal(t, want, m.Duration())
	}
}

func TestMessagePrintsAndLogsNothingPrivate(t *testing.T) {
	t.Parallel()
	var m crmlog.Message
	require.NoError(t, json.Unmarshal([]byte(`{"id":"71","type":"VoiceMail","direction":"Inbound","availability":"Alive",
		"subject":"CANARY","coverPageText":"CANARY","uri":"CANARY","eventType":"CANARY","messageStatus":"CANARY","unknown":"CANARY",
		"conversation":{"id":"72","uri":"CANARY","unknown":"CANARY"},
		"from":{"phoneNumber":"CANARY","name":"CANARY","location":"CANARY","extensionId":"73","unknown":"CANARY",
			"phoneNumberInfo":{"subscriberNumber":"CANARY","unknown":"CANARY"}},
		"to":[{"phoneNumber":"CANARY","messageStatus":"Sent","recipientId":"+1 CANARY"}],
		"attachments":[{"id":"74","type":"Text","fileName":"CANARY","uri":"CANARY"}],
		"owner":{"name":"CANARY","extensionType":"User","extensionId":"75"},
		"forwarding":{"originalSender":{"name":"CANARY","extensionId":"76"}}}`), &m))

	values := map[string]any{
		"Message{id=71 type=VoiceMail direction=Inbound availability=Alive conversation=72 to=1 attachments=1}": m,
		"Party{extensionId=73}":                           m.From,
		"Party{recipientId=(9 bytes) messageStatus=Sent}": m.To[0],
		"PhoneNumberInfo{}":                               m.From.PhoneNumberInfo,
		"Attachment{id=74 type=Text}":                     m.Attachments[0],
		"Conversation{id=72}":                             m.Conversation,
		"Owner{extensionId=75 extensionType=User}":        m.Owner,
		"Forwarding{extensionId=76}":                      m.Forwarding,
	}
	for want, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
			require.Equal(t, want, fmt.Sprintf(verb, v), verb)
			require.NotContains(t, fmt.Sprintf(verb, struct{ V any }{v}), "CANARY")
			require.NotContains(t, fmt.Sprintf(verb, []any{&v}), "CANARY")
		}
		for _, handler := range []func(*bytes.Buffer) slog.Handler{
			func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
			func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
		} {
			var b bytes.Buffer
			slog.New(handler(&b)).Info("logged", "v", v)
			require.NotContains(t, b.String(), "CANARY")
		}
	}
	require.Equal(t, fmt.Sprint(m), m.String())
	require.NotContains(t, fmt.Sprintf("%+v", []*crmlog.Message{&m}), "CANARY")
	require.NotContains(t, fmt.Sprintf("%+v", crmlog.AddMessageLogInput{Message: m}), "CANARY")

	require.Equal(t, "Message{id=5 type=Fax to=0 attachments=0}", crmlog.Message{ID: "5", Type: "Fax"}.String())

	m.Type, m.Direction, m.ID = "CANARY text\n", "CANARY text", crmlog.ID(strings.Repeat("CANARY", 11))
	require.NotContains(t, m.String(), "CANARY", "what is no id or enumeration is not shown in their place")
}

func ExampleMessage_Kind() {
	var m crmlog.Message
	err := json.Unmarshal([]byte(`{"id":60279564004,"type":"SMS","direction":"Inbound","subject":"Look!",
		"attachments":[{"type":"Text"},{"type":"MmsAttachment","contentType":"image/jpeg"}]}`), &m)
	if err != nil {
		fmt.Println(err)
		return
	}
	switch m.Kind() {
	case crmlog.KindMMS:
		fmt.Println("a picture message with", len(m.Media()), "file")
	case crmlog.KindVoiceMail:
		fmt.Println("a voicemail of", m.Duration())
	}
	// Output: a picture message with 1 file
}
