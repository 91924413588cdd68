package crmnote_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/crmnote"
	"github.com/crmlog/crmlog/note"
	"github.com/stretchr/testify/require"
)

var html = note.Options{Format: note.HTML, Limit: 60_000}

// logInput is an inbound SMS of Ann Lee's.
func logInput(t testing.TB, change func(*crmlog.AddMessageLogInput)) crmlog.AddMessageLogInput {
	t.Helper()
	in := crmlog.AddMessageLogInput{
		User:        crmlog.User{ID: "7", Name: "Sam Seller", TimezoneName: "America/Los_Angeles"},
		ContactInfo: crmlog.ContactInfo{ID: "42", Name: "Ann Lee", PhoneNumber: "+1 (650) 555-0101"},
		AuthHeader:  "Bearer x",
		Message: crmlog.Message{
			ID: "100", Type: crmlog.MessageTypeSMS, Direction: crmlog.DirectionInbound, Subject: "Hello",
			CreationTime: time.Date(2026, 3, 10, 16, 0, 0, 0, time.UTC),
			Conversation: crmlog.Conversation{ID: "5"},
			From:         crmlog.Party{PhoneNumber: "+16505550101", Name: "WIRELESS CALLER"},
			To:           []crmlog.Party{{PhoneNumber: "+16505550100", Target: true}},
		},
	}
	if change != nil {
		change(&in)
	}
	digest, err := crmlog.NewDigestRef("fake", in)
	require.NoError(t, err)
	in.Digest = digest
	return in
}

func TestEntriesSayWhoSentWhat(t *testing.T) {
	t.Parallel()
	outbound := func(m *crmlog.Message) {
		m.Direction = crmlog.DirectionOutbound
		m.From, m.To = crmlog.Party{PhoneNumber: "+16505550100", Name: "Main line"}, []crmlog.Party{{PhoneNumber: "+16505550101"}}
	}
	group := func(in *crmlog.AddMessageLogInput) {
		in.Message.To = append(in.Message.To, crmlog.Party{PhoneNumber: "+16505550102", Name: "Bob"})
	}
	tests := map[string]struct {
		change func(*crmlog.AddMessageLogInput)
		title  string
		says   []string
	}{
		"the contact, as the CRM says": {title: "SMS with Ann Lee", says: []string{"9:00 AM Ann Lee: Hello"}},
		"the contact, as RingCentral says when the CRM has no name": {
			change: func(in *crmlog.AddMessageLogInput) { in.ContactInfo.Name = "" },
			title:  "SMS with WIRELESS CALLER", says: []string{"9:00 AM WIRELESS CALLER: Hello"},
		},
		"the contact's number when nobody has a name": {
			change: func(in *crmlog.AddMessageLogInput) {
				in.ContactInfo.Name, in.ContactInfo.PhoneNumber, in.Message.From.Name = "", "", ""
			},
			title: "SMS with +16505550101", says: []string{"9:00 AM +16505550101: Hello"},
		},
		"the user": {
			change: func(in *crmlog.AddMessageLogInput) { outbound(&in.Message) },
			title:  "SMS with Ann Lee", says: []string{"9:00 AM Sam Seller: Hello"},
		},
		"the line that the user sent from, when the user has no name": {
			change: func(in *crmlog.AddMessageLogInput) { outbound(&in.Message); in.User.Name = "" },
			title:  "SMS with Ann Lee", says: []string{"9:00 AM Main line: Hello"},
		},
		"the contact in a group, however the number is written": {
			change: group, title: "SMS with Ann Lee and Bob", says: []string{"9:00 AM Ann Lee: Hello"},
		},
		"somebody else in a group": {
			change: func(in *crmlog.AddMessageLogInput) {
				in.Message.From = crmlog.Party{PhoneNumber: "+16505550102", Name: "Bob"}
				in.Message.To = append(in.Message.To, crmlog.Party{PhoneNumber: "+16505550101"})
			},
			title: "SMS with Ann Lee and Bob", says: []string{"9:00 AM Bob: Hello"},
		},
		"pictures as links, those that can be opened": {
			change: func(in *crmlog.AddMessageLogInput) {
				in.Message.Attachments = []crmlog.Attachment{
					{Type: crmlog.AttachmentTypeMMS, ContentType: "image/jpeg", FileName: "roof.jpg", URI: "https://media.ringcentral.com/restapi/v1.0/a/content/1"},
				}
			},
			title: "SMS with Ann Lee", says: []string{"Hello", "roof.jpg"},
		},
		"pictures that cannot be opened in words": {
			change: func(in *crmlog.AddMessageLogInput) {
				in.Message.Attachments = []crmlog.Attachment{
					{Type: crmlog.AttachmentTypeMMS, ContentType: "image/jpeg", URI: "https://platform.ringcentral.com/restapi/v1.0/a/content/1"},
					{Type: crmlog.AttachmentTypeMMS, ContentType: "video/mp4", FileName: "roof.mp4"},
				}
			},
			title: "SMS with Ann Lee", says: []string{"Hello", "roof.mp4"},
		},
		"that a text was not delivered": {
			change: func(in *crmlog.AddMessageLogInput) {
				outbound(&in.Message)
				in.Message.MessageStatus = crmlog.MessageStatusDeliveryFailed
			},
			title: "SMS with Ann Lee", says: []string{"Sam Seller: Hello", "not delivered"},
		},
		"it in the user's language": {
			change: func(in *crmlog.AddMessageLogInput) { in.User.Locale = "de" },
			title:  "SMS mit Ann Lee", says: []string{"Dienstag, 10. März 2026", "09:00 Ann Lee: Hello"},
		},
		"a voicemail with its length": {
			change: func(in *crmlog.AddMessageLogInput) {
				in.Message.Type, in.Message.Subject, in.Message.Conversation = "Voicemail", "", crmlog.Conversation{}
				in.Message.Attachments = []crmlog.Attachment{{Type: crmlog.AttachmentTypeAudioRecording, VMDuration: 80}}
				in.RecordingLink = "https://example.com/recording"
			},
			title: "Voicemail from Ann Lee", says: []string{"9:00 AM Ann Lee: Voicemail (1:20)"},
		},
		"what was said in a voicemail": {
			change: func(in *crmlog.AddMessageLogInput) {
				in.Message.Type, in.Message.Subject, in.Transcript = "Voicemail", "", "Please call me back."
			},
			title: "Voicemail from Ann Lee", says: []string{"Voicemail", "Please call me back."},
		},
		"a fax with its pages": {
			change: func(in *crmlog.AddMessageLogInput) {
				in.Message.Type, in.Message.Subject, in.Message.FaxPageCount = crmlog.MessageTypeFax, "+16505550100", 3
			},
			title: "Fax with Ann Lee", says: []string{"Fax (3 pages)"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := crmnote.New(logInput(t, tt.change), html)
			require.Equal(t, tt.title, log.Title())
			body, _, err := crmnote.AddTo("", log)
			require.NoError(t, err)
			text := note.Text(body, note.HTML)
			for _, says := range tt.says {
				require.Contains(t, text, says)
			}
			require.NotContains(t, text, "+16505550100", "a fax's subject is a number, no text")
		})
	}
}

func TestAddToAddsOnceAndFindFinds(t *testing.T) {
	t.Parallel()
	in := logInput(t, nil)
	body, _, err := crmnote.AddTo("", crmnote.New(in, html))
	require.NoError(t, err)
	same, results, err := crmnote.AddTo(body, crmnote.New(in, html))
	require.NoError(t, err)
	require.Equal(t, body, same)
	require.Equal(t, []crmlog.UpdateResult{{AlreadyThere: true}}, results)

	later := in
	later.Message.ID, later.Message.Subject = "101", "Are you there?"
	invalid := in
	invalid.Message.ID, invalid.Message.Type, invalid.RecordingLink = "102", crmlog.MessageTypeVoiceMail, "http://plain"
	added, results, err := crmnote.AddTo(body, crmnote.New(later, html), crmnote.New(invalid, html), crmnote.New(in, html))
	require.NoError(t, err)
	require.False(t, results[0].AlreadyThere)
	require.NoError(t, results[0].Err)
	require.ErrorIs(t, results[1].Err, crmlog.ErrInvalidInput, "it alone")
	require.True(t, results[2].AlreadyThere)

	found, ok := crmnote.Find(added, note.HTML, in.Digest)
	require.True(t, ok)
	require.Equal(t, crmlog.FoundMessageLog{Part: 1, MessageIDs: []crmlog.ID{"100", "101"}}, found)

	other := in.Digest
	other.Ref = "c1-another"
	_, ok = crmnote.Find(added, note.HTML, other)
	require.False(t, ok, "another digest's record")
}

func TestATitleIsCutToWhatTheCRMTakes(t *testing.T) {
	t.Parallel()
	log := crmnote.New(logInput(t, func(in *crmlog.AddMessageLogInput) { in.ContactInfo.Name = "Ñandú é" }), html)
	require.Equal(t, "SMS with Ñandú é", log.Title())
	for characters, want := range map[int]string{
		100: "SMS with Ñandú é", 16: "SMS with Ñandú é", 15: "SMS with Ñandú…", 11: "SMS with Ñ…", 1: "…", 0: "", -1: "",
	} {
		require.Equal(t, want, log.TitleWithin(characters), characters)
	}
}

func TestWhatCannotBeWrittenIsInvalidInput(t *testing.T) {
	t.Parallel()
	in := logInput(t, func(in *crmlog.AddMessageLogInput) { in.Message.Type = crmlog.MessageTypeVoiceMail })
	in.RecordingLink = "javascript:alert(1)"
	_, _, err := crmnote.AddTo("", crmnote.New(in, html))
	require.ErrorIs(t, err, crmlog.ErrInvalidInput)
	require.NotContains(t, err.Error(), "alert")
}

// What the router lets pass can be written, and what it refuses could not.
func TestARecordingLinkIsCheckedAsItIsWritten(t *testing.T) {
	t.Parallel()
	for _, link := range []string{
		"", " ", "https://media.example.com/9", " HTTPS://media.example.com/a b?c='d'#é ", "https://[::1]:8443/9", "https://media.example.com", "https:///9",
		"http://media.example.com/9", "//media.example.com/9", "media.example.com/9", "https:media.example.com", "https://", "https://me@media.example.com/9",
		"https://me:c4nary@media.example.com", "javascript:alert(1)", "data:text/html,c4nary", "https://media.example.com/\n9", "https://a\x00b/", "%zz",
	} {
		in := logInput(t, func(in *crmlog.AddMessageLogInput) { in.Message.Type = crmlog.MessageTypeVoiceMail })
		in.RecordingLink = link
		_, err := crmlog.NewDigestRef("mycrm", in)
		body, _, written := crmnote.AddTo("", crmnote.New(in, html))
		require.Equal(t, err == nil, written == nil, link)
		if err != nil {
			require.ErrorContains(t, err, "recordingLink: ")
			require.NotContains(t, err.Error(), "c4nary")
		} else {
			require.Equal(t, strings.TrimSpace(link) != "", strings.Contains(body, "<a href="), link)
		}

		in.Message.Type = crmlog.MessageTypeSMS
		_, err = crmlog.NewDigestRef("mycrm", in)
		require.NoError(t, err, "it belongs to a voicemail, and is shown nowhere else")
	}
}

func ExampleNew() {
	in := crmlog.AddMessageLogInput{
		User:        crmlog.User{ID: "7", Name: "Sam Seller"},
		ContactInfo: crmlog.ContactInfo{ID: "42", Name: "Ann Lee"},
		AuthHeader:  "Bearer …",
		Message: crmlog.Message{
			ID: "100", Type: crmlog.MessageTypeSMS, Direction: crmlog.DirectionOutbound, Subject: "Hello Ann",
			CreationTime: time.Date(2026, 3, 10, 16, 0, 0, 0, time.UTC),
		},
	}
	digest, err := crmlog.NewDigestRef("mycrm", in) // the router does this
	if err != nil {
		fmt.Println(err)
		return
	}
	in.Digest = digest

	log := crmnote.New(in, note.Options{Format: note.Plain})
	fmt.Println(log.Title())
	body, _, _ := crmnote.AddTo("", log)
	_, results, _ := crmnote.AddTo(body, log)
	fmt.Println(results[0].AlreadyThere)
	// Output:
	// SMS with Ann Lee
	// true
}
