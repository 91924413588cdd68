package crmlog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/note"
	"github.com/crmlog/crmlog/testcrm"
)

const (
	threadRecord = `{"id":"0d9c2a4e-1111-4222-8333-abcdefabcdef","label":"PRIVATE","status":"Open","availability":"Alive",
		"owner":{"extensionId":"801","name":"Sales","extensionType":"Department"},
		"ownerParty":{"phoneNumber":"+16505550100"},"guestParty":{"phoneNumber":"+16505550101"},
		"assignee":{"extensionId":"802","name":"Alex Lee","extensionType":"User"},
		"creationTime":"2026-03-10T16:00:00.000Z","lastModifiedTime":"2026-03-10T16:06:00.000Z"}`

	inThread = `"threadId":"0d9c2a4e-1111-4222-8333-abcdefabcdef"`

	threadInbound = `{"recordType":"AliveMessage","id":"9007199254740993",` + inThread + `,"availability":"Alive",
		"creationTime":"2026-03-10T16:01:00.250Z","lastModifiedTime":"2026-03-10T16:01:01.000Z",
		"direction":"Inbound","messageStatus":"Received","text":"Is it in stock?"}`
	threadOutbound = `{"recordType":"AliveMessage","id":"9007199254740995",` + inThread + `,"availability":"Alive",
		"creationTime":"2026-03-10T16:04:00.000Z","lastModifiedTime":"2026-03-10T16:04:01.000Z",
		"direction":"Outbound","messageStatus":"DeliveryFailed","text":"It is.",
		"author":{"extensionId":"802","name":"Alex Lee","extensionType":"User"},
		"attachments":[{"id":"77","contentType":"image/jpeg","contentUri":"https://media.ringcentral.com/restapi/v1.0/account/1/message-threads/messages/2/content/77","filename":"shelf.jpg","size":2048}]}`
	threadNote = `{"recordType":"AliveNote","id":"5c1f0d6a-2222-4333-8444-abcdefabcdef",` + inThread + `,"availability":"Alive",
		"creationTime":"2026-03-10T16:03:00.000Z","lastModifiedTime":"2026-03-10T16:03:30.000Z","text":"Good customer.",
		"author":{"extensionId":"803","name":"Robin Roe","extensionType":"User"}}`
	threadAssigned = `{"recordType":"ThreadAssignedHint","id":"31",` + inThread + `,"lastModifiedTime":"2026-03-10T16:02:00.000Z",
		"initiator":{"extensionId":"803","name":"Robin Roe"},"assignee":{"extensionId":"802","name":"Alex Lee"}}`
)

const threadSync = `{"syncInfo":{"syncType":"FSync","syncToken":"s"},"records":[
	{"recordType":"ThreadCreatedHint","id":"30",` + inThread + `,"lastModifiedTime":"2026-03-10T16:00:00Z"},` +
	threadInbound + `,` + threadOutbound + `,` + threadNote + `,` + threadAssigned + `,
	{"recordType":"DeletedMessage","id":"9007199254740997",` + inThread + `,"availability":"Deleted","lastModifiedTime":"2026-03-10T16:05:00Z"},
	{"recordType":"DeletedNote","id":"5c1f0d6a-9999-4333-8444-abcdefabcdef",` + inThread + `,"availability":"Deleted","lastModifiedTime":"2026-03-10T16:05:00Z"},
	{"recordType":"ThreadResolvedHint","id":"32",` + inThread + `,"lastModifiedTime":"2026-03-10T16:06:00Z"},
	{"recordType":"ThreadDeletedHint","id":"33",` + inThread + `,"lastModifiedTime":"2026-03-10T16:07:00Z"}]}`

func thread(t testing.TB, text string) crmlog.Thread {
	t.Helper()
	var thread crmlog.Thread
	require.NoError(t, json.Unmarshal([]byte(text), &thread))
	return thread
}

func decodeEntries(t testing.TB, text string) ([]crmlog.Message, error) {
	t.Helper()
	return crmlog.DecodeThreadEntries(strings.NewReader(text), []crmlog.Thread{thread(t, threadRecord)}, crmlog.ThreadOptions{})
}

func TestDecodeThreadEntriesMakesMessages(t *testing.T) {
	t.Parallel()
	messages, err := decodeEntries(t, threadSync)
	require.NoError(t, err)

	at := func(minute, second, ms int) time.Time {
		return time.Date(2026, 3, 10, 16, minute, second, ms*1e6, time.UTC)
	}
	conversation := crmlog.Conversation{ID: "t-0d9c2a4e-1111-4222-8333-abcdefabcdef"}
	owner := thread(t, threadRecord).Owner
	guest := crmlog.Party{PhoneNumber: "+16505550101"}
	require.Equal(t, []crmlog.Message{
		{
			ID: "t-9007199254740993", Type: crmlog.MessageTypeSMS, Direction: crmlog.DirectionInbound,
			Availability: crmlog.AvailabilityAlive, MessageStatus: crmlog.MessageStatusReceived,
			CreationTime: at(1, 0, 250), LastModifiedTime: at(1, 1, 0), Subject: "Is it in stock?",
			Conversation: conversation, Owner: owner, From: guest,
			To: []crmlog.Party{{PhoneNumber: "+16505550100", Name: "Sales", ExtensionID: "801", Target: true}},
		},
		{
			ID: "t-9007199254740995", Type: crmlog.MessageTypeSMS, Direction: crmlog.DirectionOutbound,
			Availability: crmlog.AvailabilityAlive, MessageStatus: crmlog.MessageStatusDeliveryFailed,
			CreationTime: at(4, 0, 0), LastModifiedTime: at(4, 1, 0), Subject: "It is.",
			Conversation: conversation, Owner: owner,
			From: crmlog.Party{PhoneNumber: "+16505550100", Name: "Alex Lee", ExtensionID: "802"}, To: []crmlog.Party{guest},
			Attachments: []crmlog.Attachment{{
				ID: "77", URI: "https://media.ringcentral.com/restapi/v1.0/account/1/message-threads/messages/2/content/77",
				Type: crmlog.AttachmentTypeMMS, ContentType: "image/jpeg", FileName: "shelf.jpg", Size: 2048,
			}},
		},
		{
			ID: "t-5c1f0d6a-2222-4333-8444-abcdefabcdef", Type: crmlog.MessageTypeThreadNote, Direction: crmlog.DirectionOutbound,
			Availability: crmlog.AvailabilityAlive, CreationTime: at(3, 0, 0), LastModifiedTime: at(3, 30, 0), Subject: "Good customer.",
			Conversation: conversation, Owner: owner,
			From: crmlog.Party{Name: "Robin Roe", ExtensionID: "803"}, To: []crmlog.Party{guest},
		},
		{
			ID: "te-31", Type: crmlog.MessageTypeThreadEvent, Direction: crmlog.DirectionOutbound,
			Availability: crmlog.AvailabilityAlive, CreationTime: at(2, 0, 0), LastModifiedTime: at(2, 0, 0), Subject: "Assigned to Alex Lee",
			Conversation: conversation, Owner: owner,
			From: crmlog.Party{Name: "Robin Roe", ExtensionID: "803"}, To: []crmlog.Party{guest},
		},
		{ID: "t-9007199254740997", Availability: crmlog.AvailabilityDeleted, LastModifiedTime: at(5, 0, 0), Conversation: conversation},
		{ID: "t-5c1f0d6a-9999-4333-8444-abcdefabcdef", Availability: crmlog.AvailabilityDeleted, LastModifiedTime: at(5, 0, 0), Conversation: conversation},
	}, messages)

	var kinds []crmlog.Kind
	for _, m := range messages {
		kinds = append(kinds, m.Kind())
		require.Equal(t, crmlog.ID("0d9c2a4e-1111-4222-8333-abcdefabcdef"), m.ThreadID())
	}
	require.Equal(t, []crmlog.Kind{crmlog.KindSMS, crmlog.KindMMS, crmlog.KindInternalNote, crmlog.KindEvent, crmlog.KindUnknown, crmlog.KindUnknown}, kinds)
	require.Empty(t, crmlog.Message{Conversation: crmlog.Conversation{ID: "5578984350117917661"}}.ThreadID())
}

func TestDecodeThreadEntriesReadsWhatRingCentralSends(t *testing.T) {
	t.Parallel()
	without := func(entry, recordType string) string {
		return strings.Replace(entry, `"recordType":"`+recordType+`",`, "", 1)
	}
	tests := []struct {
		name, input string
		ids         []string
	}{
		{"an entry", threadInbound, []string{"t-9007199254740993"}},
		{"an id that is a number", strings.Replace(threadInbound, `"9007199254740993"`, "9007199254740993", 1), []string{"t-9007199254740993"}},
		{"an array", "[" + threadNote + "," + threadInbound + "]", []string{"t-5c1f0d6a-2222-4333-8444-abcdefabcdef", "t-9007199254740993"}},
		{"entries one after another", threadInbound + "\n" + threadAssigned, []string{"t-9007199254740993", "te-31"}},
		{"a page of messages, which lack recordType", `{"records":[` + without(threadInbound, "AliveMessage") + `]}`, []string{"t-9007199254740993"}},
		{"a page of notes, which lack recordType", `{"records":[` + without(threadNote, "AliveNote") + `]}`, []string{"t-5c1f0d6a-2222-4333-8444-abcdefabcdef"}},
		{"a deleted entry without recordType", `{"id":"5",` + inThread + `,"availability":"Deleted"}`, []string{"t-5"}},
		{"a deleted entry of another thread", `{"recordType":"DeletedMessage","id":"5","threadId":"other"}`, []string{"t-5"}},
		{"a hint of another thread that is left out", `{"recordType":"ThreadResolvedHint","id":"5","threadId":"other"}`, nil},
		{"a notification, which tells a time alone", `{"uuid":"u","event":"/restapi/v1.0/account/~/message-threads/entries/sync","body":{"lastModifiedTime":"2026-03-02T10:20:30Z"}}`, nil},
		{"an empty page", `{"records":[]}`, nil},
		{"nothing", "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			messages, err := decodeEntries(t, tt.input)
			require.NoError(t, err)
			require.Equal(t, append([]string{}, tt.ids...), messageIDs(messages))
		})
	}
}

func TestDecodeThreadEntriesSaysWhatItCannotRead(t *testing.T) {
	t.Parallel()
	const wanted = "an entry of a message thread, an array of them, a list or sync page or a notification"
	tests := []struct{ name, input, err string }{
		{"a recordType that is not known", `{"recordType":"ThreadMergedHint","id":"1",` + inThread + `}`, "recordType: ThreadMergedHint is not known"},
		{"a recordType that is a text", `{"recordType":"PRIVATE text","id":"1",` + inThread + `}`, "recordType: (12 bytes) is not known"},
		{"no recordType and nothing that tells it", `{"id":"1",` + inThread + `}`, "recordType: missing, and the other fields do not tell it"},
		{"no id", strings.Replace(threadInbound, `"id":"9007199254740993",`, "", 1), "id: missing"},
		{"no threadId", strings.Replace(threadInbound, inThread+",", "", 1), "threadId: missing"},
		{"a thread that was not given", strings.ReplaceAll(threadNote, "0d9c2a4e", "ffff0000"),
			"threadId: thread ffff0000-1111-4222-8333-abcdefabcdef is not among those given; read it and give it too"},
		{"a text that is none", strings.Replace(threadNote, `"Good customer."`, "4111", 1), "text: want a string, got an integer"},
		{"an attachment that is none", strings.Replace(threadOutbound, `"size":2048`, `"size":"PRIVATE"`, 1), "attachments[0].size: want an integer, got a string of 7 bytes"},
		{"a record of the Message Store", smsRecord, "a record of the Message Store; read those with DecodeMessages"},
		{"the thread itself", threadRecord, "a message thread itself; give it to DecodeThreadEntries beside its entries"},
		{"something else", `{"foo":"PRIVATE"}`, "an object without the fields of any of these: want " + wanted},
		{"a text", `"PRIVATE"`, "want " + wanted + ", got a string of 7 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			messages, err := decodeEntries(t, "["+tt.input+","+threadInbound+"]")
			want := "JSON value 1: [0]"
			if name, _, ok := strings.Cut(tt.err, ": "); ok && !strings.Contains(name, " ") {
				want += "." + tt.err
			} else {
				want += ": " + tt.err
			}
			require.ErrorIs(t, err, crmlog.ErrInvalidInput)
			require.EqualError(t, err, want)
			require.Equal(t, []string{"t-9007199254740993"}, messageIDs(messages), "the other entry is read all the same")
		})
	}

	_, err := crmlog.DecodeMessages(strings.NewReader(threadRecord))
	require.EqualError(t, err, "JSON value 1: a message thread itself; give it to DecodeThreadEntries beside its entries")
	_, err = crmlog.DecodeThreadEntries(strings.NewReader(""), []crmlog.Thread{{ID: "1"}, {}}, crmlog.ThreadOptions{})
	require.EqualError(t, err, "threads[1].id: empty; give the id")
}

func TestAnEntryThatSaysItIsDeletedTellsNothingElse(t *testing.T) {
	t.Parallel()
	messages, err := decodeEntries(t, strings.ReplaceAll(threadInbound, `"Alive"`, `"Deleted"`))
	require.NoError(t, err)
	require.Len(t, messages, 1)
	require.True(t, messages[0].IsDeleted())
	require.Empty(t, messages[0].Subject)
}

func TestThreadOptionsLeaveOut(t *testing.T) {
	t.Parallel()
	all := []string{"t-9007199254740993", "t-9007199254740995", "t-5c1f0d6a-2222-4333-8444-abcdefabcdef", "te-31",
		"t-9007199254740997", "t-5c1f0d6a-9999-4333-8444-abcdefabcdef"}
	noNotes := []string{all[0], all[1], all[3], all[4]}
	noAssignments := []string{all[0], all[1], all[2], all[4], all[5]}
	tests := []struct {
		name    string
		options crmlog.ThreadOptions
		ids     []string
	}{
		{"nothing by default", crmlog.ThreadOptions{}, all},
		{"notes", crmlog.ThreadOptions{OmitNotes: true}, noNotes},
		{"assignments", crmlog.ThreadOptions{OmitAssignments: true}, noAssignments},
		{"both", crmlog.ThreadOptions{OmitNotes: true, OmitAssignments: true}, []string{all[0], all[1], all[4]}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			messages, err := crmlog.DecodeThreadEntries(strings.NewReader(threadSync), []crmlog.Thread{thread(t, threadRecord)}, tt.options)
			require.NoError(t, err)
			require.Equal(t, tt.ids, messageIDs(messages))
		})
	}
	t.Run("notes of a list that does not call them so", func(t *testing.T) {
		t.Parallel()
		unnamed := strings.Replace(threadNote, `"recordType":"AliveNote",`, "", 1)
		messages, err := crmlog.DecodeThreadEntries(strings.NewReader(unnamed), []crmlog.Thread{thread(t, threadRecord)}, crmlog.ThreadOptions{OmitNotes: true})
		require.NoError(t, err)
		require.Empty(t, messages)
	})
}

func TestAssignmentsAreSentences(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, fields, subject string }{
		{"to somebody", `"assignee":{"name":"Alex Lee"}`, "Assigned to Alex Lee"},
		{"from one to another", `"assignee":{"name":"Alex Lee"},"previousAssignee":{"name":"Robin Roe"}`, "Reassigned from Robin Roe to Alex Lee"},
		{"from somebody", `"assignee":null,"previousAssignee":{"name":"Robin Roe"}`, "Unassigned from Robin Roe"},
		{"from nobody known", `"initiator":null`, "Unassigned"},
		{"to somebody without a name", `"assignee":{"extensionId":9007199254740993,"name":" "}`, "Assigned to extension id 9007199254740993"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			messages, err := decodeEntries(t, `{"recordType":"ThreadAssignedHint","id":"31",`+inThread+`,`+tt.fields+`}`)
			require.NoError(t, err)
			require.Len(t, messages, 1)
			require.Equal(t, tt.subject, messages[0].Subject)
			require.Empty(t, messages[0].From)
		})
	}
}

func TestThreadMessagesPassThroughJSON(t *testing.T) {
	t.Parallel()
	messages, err := decodeEntries(t, threadSync)
	require.NoError(t, err)
	again, err := crmlog.DecodeMessages(bytes.NewReader(encoded(t, messages)))
	require.NoError(t, err)
	require.Len(t, again, len(messages))
	for i := range messages {
		require.JSONEq(t, string(encoded(t, messages[i])), string(encoded(t, again[i])))
		require.Equal(t, messages[i].Kind(), again[i].Kind())
		require.Equal(t, messages[i].ThreadID(), again[i].ThreadID())
	}
}

func TestThreadsAreKeptAsTheyCameAndPrivate(t *testing.T) {
	t.Parallel()
	th := thread(t, threadRecord)
	require.Equal(t, jsonValue(t, []byte(threadRecord)), jsonValue(t, encoded(t, th)))
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("read", "thread", th)
	for _, printed := range []string{log.String(), fmt.Sprintf("%v %+v %#v %s", th, th, &th, th)} {
		require.Contains(t, printed, "0d9c2a4e-1111-4222-8333-abcdefabcdef")
		for _, private := range []string{"PRIVATE", "5550101", "5550100", "Alex", "Sales"} {
			require.NotContains(t, printed, private)
		}
	}
	err := json.Unmarshal([]byte(`{"guestParty":{"phoneNumber":16505550101}}`), &th)
	require.EqualError(t, err, "thread.guestParty.phoneNumber: want a string, got an integer")
}

func TestDecodeThreadEntriesOnSamples(t *testing.T) {
	t.Parallel()
	shared := os.Getenv("CRMLOG_SHARED")
	if shared == "" {
		t.Skip("CRMLOG_SHARED does not name the folder that has samples/")
	}
	files, err := filepath.Glob(filepath.Join(shared, "samples", "thread-*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files, "no samples of threads in CRMLOG_SHARED")
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			sample := jsonValue(t, text).(map[string]any)
			th := thread(t, threadRecord)
			th.ID = crmlog.ID(sample["threadId"].(string))
			messages, err := crmlog.DecodeThreadEntries(bytes.NewReader(text), []crmlog.Thread{th}, crmlog.ThreadOptions{})
			require.NoError(t, err)
			require.Len(t, messages, 1)
			m := messages[0]
			require.Equal(t, "t-"+sample["id"].(string), string(m.ID))
			require.Equal(t, th.ID, m.ThreadID())
			require.Equal(t, sample["text"], m.Subject)
			require.Equal(t, sample["creationTime"], m.CreationTime.Format("2006-01-02T15:04:05.000Z"))
			isNote := strings.Contains(filepath.Base(file), "note")
			require.Equal(t, isNote, m.Kind() == crmlog.KindInternalNote)
			require.Equal(t, !isNote, m.Kind() == crmlog.KindSMS)
			require.Len(t, m.Correspondents(), 1)
			require.Equal(t, th.GuestParty.PhoneNumber, m.Correspondents()[0].PhoneNumber)
		})
	}
}

func FuzzDecodeThreadEntries(f *testing.F) {
	for _, seed := range []string{threadSync, threadRecord, "[" + threadInbound + "]", threadNote + threadAssigned, smsRecord, "", "{}",
		`{"recordType":"ThreadAssignedHint","id":1,` + inThread + `,"assignee":{"extensionId":2}}`} {
		f.Add([]byte(seed), false, false)
		f.Add([]byte(seed), true, true)
	}
	var th crmlog.Thread
	require.NoError(f, json.Unmarshal([]byte(threadRecord), &th))
	f.Fuzz(func(t *testing.T, input []byte, omitNotes, omitAssignments bool) {
		options := crmlog.ThreadOptions{OmitNotes: omitNotes, OmitAssignments: omitAssignments}
		messages, err := crmlog.DecodeThreadEntries(bytes.NewReader(input), []crmlog.Thread{th}, options)
		if err != nil {
			_ = err.Error()
		}
		for _, m := range messages {
			require.True(t, strings.HasPrefix(string(m.ID), "t-") || m.Kind() == crmlog.KindEvent && strings.HasPrefix(string(m.ID), "te-"))
			require.NotEmpty(t, m.ThreadID())
			require.Equal(t, m.IsDeleted(), m.Kind() == crmlog.KindUnknown)
			require.False(t, omitNotes && m.Kind() == crmlog.KindInternalNote)
			require.False(t, omitAssignments && m.Kind() == crmlog.KindEvent)
			if !m.IsDeleted() {
				require.Equal(t, th.ID, m.ThreadID())
			}
			again, err := crmlog.DecodeMessages(bytes.NewReader(encoded(t, m)))
			require.NoError(t, err)
			require.Len(t, again, 1)
			require.Equal(t, m.Kind(), again[0].Kind())
		}
	})
}

func TestThreadsAreLoggedInDigests(t *testing.T) {
	t.Parallel()
	crm := testcrm.NewServer(testcrm.ServerConfig{})
	web := httptest.NewServer(crm)
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		web.Close()
		crm.Close()
	})
	adapter, err := testcrm.New(testcrm.Config{BaseURL: web.URL, Transport: transport})
	require.NoError(t, err)
	router, err := crmlog.NewRouter(adapter, crmlog.RouterConfig{Platform: testcrm.Platform})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, router.Shutdown(context.Background())) })

	log := func(text string, threads ...crmlog.Thread) []crmlog.Outcome {
		messages, err := crmlog.DecodeThreadEntries(strings.NewReader(text), threads, crmlog.ThreadOptions{})
		require.NoError(t, err)
		in := crmlog.LogInput{
			User:        crmlog.User{ID: "7", Name: "Sam Seller", TimezoneName: "America/Los_Angeles"},
			ContactInfo: crmlog.ContactInfo{ID: "42", Name: "Ann Lee", PhoneNumber: "+16505550101"},
			AuthHeader:  "Bearer token",
		}
		for _, m := range messages {
			in.Messages = append(in.Messages, crmlog.MessageInput{Message: m})
		}
		report, err := router.Log(t.Context(), in)
		require.NoError(t, err)
		var outcomes []crmlog.Outcome
		for _, e := range report.Entries {
			outcomes = append(outcomes, e.Outcome)
		}
		return outcomes
	}
	first := thread(t, threadRecord)
	added, updated := crmlog.OutcomeAdded, crmlog.OutcomeUpdated
	duplicate, skipped := crmlog.OutcomeDuplicate, crmlog.OutcomeSkipped
	require.Equal(t, []crmlog.Outcome{added, updated, updated, updated, skipped, skipped}, log(threadSync, first))
	require.Equal(t, []crmlog.Outcome{duplicate, duplicate, duplicate, duplicate, skipped, skipped}, log(threadSync, first))

	records := crm.Activities()
	require.Len(t, records, 1)
	body := note.Text(records[0].Body, note.HTML)
	at := func(part string) int {
		require.Equal(t, 1, strings.Count(body, part), "%q in\n%s", part, body)
		return strings.Index(body, part)
	}
	require.True(t, slices.IsSorted([]int{
		at("Ann Lee: Is it in stock?"), at("Robin Roe: Assigned to Alex Lee"), at("Robin Roe (internal note): Good customer."), at("Alex Lee: It is."), at("shelf.jpg"),
	}), body)
	require.NotContains(t, body, "Sam Seller", "the author signs, not who logs")

	edited := func(text, modified string) string {
		return strings.NewReplacer("Good customer.", text, "16:03:30.000Z", modified).Replace(threadNote)
	}
	calls := crm.Calls()
	require.Equal(t, []crmlog.Outcome{duplicate}, log(edited("Good customer.", "16:09:00Z"), first), "nothing visible changed")
	require.Equal(t, []crmlog.Outcome{duplicate}, log(edited("Old news.", "16:03:00Z"), first), "older than what is logged")
	require.Equal(t, calls, crm.Calls(), "and costs nothing")
	require.Equal(t, []crmlog.Outcome{updated}, log(edited("Our <best> customer.", "16:10:00Z"), first))
	calls = crm.Calls()
	require.Equal(t, []crmlog.Outcome{duplicate, duplicate}, log(edited("Our <best> customer.", "16:10:00Z")+edited("Our <best> customer.", "16:11:00Z"), first))
	require.Equal(t, calls, crm.Calls())
	require.Equal(t, []crmlog.Outcome{updated}, log(edited("Good customer.", "16:12:00Z"), first), "changed back")
	shown := note.Text(crm.Activities()[0].Body, note.HTML)
	require.Contains(t, shown, "Robin Roe (internal note): Good customer.\n    (edited) Our <best> customer.\n    (edited) Good customer. ·")
	require.Equal(t, strings.Count(body, "·"), strings.Count(shown, "·"), "no new entry")
	require.Contains(t, shown, "Messages: 4 ·")
	require.Len(t, crm.Activities(), 1)

	// The guest's next message opens a new thread, and so another digest.
	second := first
	second.ID = "ffff0000-1111-4222-8333-abcdefabcdef"
	next := strings.NewReplacer("0d9c2a4e", "ffff0000", "9007199254740993", "9007199254740999").Replace(threadInbound)
	require.Equal(t, []crmlog.Outcome{added, updated}, log(next+strings.ReplaceAll(threadNote, "5c1f0d6a", "6c1f0d6a"), first, second))
	records = crm.Activities()
	require.Len(t, records, 2)
	require.NotContains(t, note.Text(records[1].Body, note.HTML), "Good customer.")
}

func ExampleDecodeThreadEntries() {
	var threads struct{ Records []crmlog.Thread }
	err := json.Unmarshal([]byte(`{"records":[{"id":"0d9c2a4e","ownerParty":{"phoneNumber":"+16505550100"},
		"guestParty":{"phoneNumber":"+16505550101"}}]}`), &threads)
	if err != nil {
		fmt.Println(err)
		return
	}
	sync := `{"records":[
		{"recordType":"AliveMessage","id":"60279564004","threadId":"0d9c2a4e","creationTime":"2026-03-10T16:02:11Z","direction":"Inbound","text":"Is it in stock?"},
		{"recordType":"AliveNote","id":"5c1f0d6a","threadId":"0d9c2a4e","creationTime":"2026-03-10T16:03:00Z","text":"Good customer.","author":{"name":"Robin Roe"}},
		{"recordType":"ThreadAssignedHint","id":"31","threadId":"0d9c2a4e","lastModifiedTime":"2026-03-10T16:04:00Z","assignee":{"name":"Alex Lee"}}]}`
	messages, err := crmlog.DecodeThreadEntries(strings.NewReader(sync), threads.Records, crmlog.ThreadOptions{OmitNotes: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range messages { // each goes into LogInput.Messages of its guest's contact
		fmt.Println(m.ID, m.Kind(), m.Correspondents()[0].PhoneNumber, m.Subject)
	}
	// Output:
	// t-60279564004 SMS +16505550101 Is it in stock?
	// te-31 Event +16505550101 Assigned to Alex Lee
}
