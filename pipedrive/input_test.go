package pipedrive_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/pipedrive"
	"github.com/stretchr/testify/require"
)

func TestWrongInputNamesTheFieldAndSendsNothing(t *testing.T) {
	t.Parallel()
	type change = func(*crmlog.AddMessageLogInput)
	type wrong struct {
		field, value string
		change       change
	}
	table := map[string]wrong{}
	for _, id := range []crmlog.ID{"", " ", "kim", "42x", "0", "-42", "+42", "042", "4.2", "42 ", "42/deals", "..", "９９", "9223372036854775808", "0x2a"} {
		table["contact "+string(id)] = wrong{"contactInfo.id", string(id), func(in *crmlog.AddMessageLogInput) { in.ContactInfo.ID = id }}
	}
	for _, id := range []crmlog.ID{"acme", "0", "3.5", "31 "} {
		table["organisation "+string(id)] = wrong{"contactInfo.organizationId", string(id), func(in *crmlog.AddMessageLogInput) { in.ContactInfo.OrganizationID = id }}
	}
	for _, deal := range []any{"twelve", "12.5", "0", "-12", " 12", "1e3", json.Number("1e3"), json.Number("12.5"), 0, -12, int64(0), 12.5, 1e21, 1e300,
		true, []any{"12"}, map[string]any{"id": "12"}, leadID} {
		table[fmt.Sprintf("deal %T %v", deal, deal)] = wrong{"additionalSubmission.deals", fmt.Sprint(deal), func(in *crmlog.AddMessageLogInput) {
			in.AdditionalSubmission = crmlog.AdditionalSubmission{"deals": deal}
		}}
	}
	for _, lead := range []any{"12", 12, "a certain one", leadID[:35], leadID + "0", strings.ReplaceAll(leadID, "-", ""), "{" + leadID + "}", " " + leadID, "g" + leadID[1:], true, []any{leadID}} {
		table[fmt.Sprintf("lead %T %v", lead, lead)] = wrong{"additionalSubmission.leads", fmt.Sprint(lead), func(in *crmlog.AddMessageLogInput) {
			in.AdditionalSubmission = crmlog.AdditionalSubmission{"leads": lead}
		}}
	}
	table["a wrong lead beside a deal"] = wrong{"additionalSubmission.leads", "nonsense", func(in *crmlog.AddMessageLogInput) {
		in.AdditionalSubmission = crmlog.AdditionalSubmission{"deals": "12", "leads": "nonsense"}
	}}
	for _, auth := range []crmlog.AuthHeader{"", "  ", "Bearer c4nary\r\nX-Evil: 1", "Bearer c4nary\x00", "x-api-token", "x-api-token ", "X-API-TOKEN   "} {
		table[fmt.Sprintf("authHeader %q", string(auth))] = wrong{"authHeader", "c4nary", func(in *crmlog.AddMessageLogInput) { in.AuthHeader = auth }}
	}
	table["no user id"] = wrong{"user.id", "", func(in *crmlog.AddMessageLogInput) { in.User.ID = "" }}
	table["an unknown zone"] = wrong{"user.timezoneName", "Mars", func(in *crmlog.AddMessageLogInput) { in.User.TimezoneName = "Mars/Olympus" }}
	table["an unknown offset"] = wrong{"timezoneOffset", "+99", func(in *crmlog.AddMessageLogInput) { in.TimezoneOffset = "+99:00" }}
	table["a message without id"] = wrong{"message.id", "", func(in *crmlog.AddMessageLogInput) { in.Message.ID = "" }}
	table["a message without time"] = wrong{"message.creationTime", "", func(in *crmlog.AddMessageLogInput) { in.Message.CreationTime = time.Time{} }}
	table["a message of no kind"] = wrong{"message.type", "", func(in *crmlog.AddMessageLogInput) { in.Message.Type = "" }}

	for name, tc := range table {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := mock(t, pipedrive.Config{})
			in := update()
			in.User.Name = "" // a cold account: anything asked first would show
			tc.change(&in.AddMessageLogInput)
			_, err := m.AddMessageLog(t.Context(), in.AddMessageLogInput)
			inputError(t, err, tc.field, tc.value)
			_, err = m.UpdateMessageLog(t.Context(), in)
			inputError(t, err, tc.field, tc.value)
			require.Empty(t, m.calls())
		})
	}
}

func TestWrongLogIDSendsNothing(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"", "..", ".", "a/b", "501/../1", "501?x=1", "501#", "%2e%2e", "0", "-501", "+501", "0501", " 501", "501\n", "５０１", "99999999999999999999"} {
		m := mock(t, pipedrive.Config{})
		in := update()
		in.User.Name = ""
		in.ExistingMessageLog.LogID = id
		_, err := m.UpdateMessageLog(t.Context(), in)
		inputError(t, err, "existingMessageLog.thirdPartyLogId", id)
		require.Empty(t, m.calls(), "%q", id)
	}
}

func TestWrongInputOfFindSendsNothing(t *testing.T) {
	t.Parallel()
	find := func(change func(*crmlog.FindInput)) error {
		m := mock(t, pipedrive.Config{})
		in := crmlog.FindInput{User: input().User, ContactInfo: input().ContactInfo, AuthHeader: authHeader}
		change(&in)
		_, err := m.FindMessageLogs(t.Context(), in)
		require.Empty(t, m.calls())
		return err
	}
	inputError(t, find(func(in *crmlog.FindInput) { in.ContactInfo.ID = "kim" }), "contactInfo.id", "kim")
	inputError(t, find(func(in *crmlog.FindInput) { in.AuthHeader = "" }), "authHeader", "")
	inputError(t, find(func(in *crmlog.FindInput) { in.AuthHeader = "x-api-token" }), "authHeader", "")
}

func TestWrongRecordingLinkWritesNothing(t *testing.T) {
	t.Parallel()
	for _, link := range []string{"javascript:alert(1)", "http://media.example.com/9", "https://me:c4nary@media.example.com/9"} {
		m := mock(t, pipedrive.Config{})
		in := update()
		in.Message = text("9001", crmlog.DirectionInbound, "2026-03-02T09:30:00Z", "")
		in.Message.Type = crmlog.MessageTypeVoiceMail
		in.RecordingLink = link
		m.stored("", nil)
		_, err := m.AddMessageLog(t.Context(), in.AddMessageLogInput)
		inputError(t, err, "recordingLink", "c4nary")
		_, err = m.UpdateMessageLog(t.Context(), in)
		inputError(t, err, "recordingLink", "c4nary")
		require.Empty(t, m.calls())
	}
}

func TestInputIsNotChanged(t *testing.T) {
	t.Parallel()
	m := mock(t, pipedrive.Config{})
	m.stored("", nil)
	in := update()
	in.User.Name = ""
	in.AdditionalSubmission = crmlog.AdditionalSubmission{"deals": "12"}
	before := in
	before.AdditionalSubmission = maps.Clone(in.AdditionalSubmission)
	_, err := m.AddMessageLog(t.Context(), in.AddMessageLogInput)
	_, err2 := m.UpdateMessageLog(t.Context(), in)
	require.NoError(t, errors.Join(err, err2))
	require.Equal(t, before, in)
}
