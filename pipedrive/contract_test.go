package pipedrive_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/pipedrive"
	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/require"
)

func TestFirstMessageOfAColdAccount(t *testing.T) {
	t.Parallel()
	m := mock(t, pipedrive.Config{})
	in := inputWith(func(in *crmlog.AddMessageLogInput) { in.User.Name = "" })

	got, err := m.AddMessageLog(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, crmlog.MessageLogResult{
		LogID:         "501",
		ReturnMessage: crmlog.ReturnMessage{Message: "Message logged", MessageType: crmlog.Success, TTL: 3000},
	}, got)
	require.Equal(t, []string{"GET /v1/users/me", "GET /v1/activityTypes", "POST /api/v2/activities"}, m.calls())
	for _, s := range m.sent() {
		require.Equal(t, "https://api.pipedrive.com", s.url.Scheme+"://"+s.url.Host)
		require.Empty(t, s.url.RawQuery)
		require.Equal(t, []string{authHeader}, s.header.Values("Authorization"))
		require.Equal(t, []string{"application/json"}, s.header.Values("Accept"))
		require.Empty(t, s.header.Values("X-Api-Token"))
		if s.method == http.MethodGet {
			require.Empty(t, s.body)
			require.Empty(t, s.header.Values("Content-Type"))
		}
	}

	post := m.last(t)
	require.Equal(t, []string{"application/json"}, post.header.Values("Content-Type"))
	body := post.json(t)
	note, ok := body["note"].(string)
	require.True(t, ok, "the note is a string")
	inOrder(t, note, "Kim Sample", "Pat Agent", "Sunflowers for you")
	delete(body, "note")
	require.Equal(t, map[string]any{
		"subject":      "SMS with Kim Sample",
		"type":         "sms",
		"due_date":     "2026-03-02",
		"due_time":     "09:30",
		"done":         true,
		"owner_id":     json.Number("7"),
		"participants": []any{map[string]any{"person_id": json.Number("42"), "primary": true}},
	}, body)
}

func TestFirstMessageOfAWarmAccountIsOneRequest(t *testing.T) {
	t.Parallel()
	m := mock(t, pipedrive.Config{})
	in := inputWith(func(in *crmlog.AddMessageLogInput) { in.User.Name = "" })
	_, err := m.AddMessageLog(t.Context(), in)
	require.NoError(t, err)
	before := len(m.calls())

	in.ContactInfo.ID = "43"
	_, err = m.AddMessageLog(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, []string{"POST /api/v2/activities"}, m.calls()[before:])
	require.Contains(t, m.last(t).json(t)["note"], "Pat Agent")
}

func TestUserNameIsAskedOnlyForAnEntryThatShowsIt(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*crmlog.AddMessageLogInput)
		answer httpmock.Responder
		asked  bool
		signed bool
	}{
		"a name that is given is not asked for": {
			change: func(in *crmlog.AddMessageLogInput) { in.User.Name = "Given Name" },
		},
		"an inbound message needs none": {
			change: func(in *crmlog.AddMessageLogInput) {
				in.Message = text("9001", crmlog.DirectionInbound, "2026-03-02T09:30:00Z", "Sunflowers?")
			},
		},
		"an outbound message is signed": {
			change: func(*crmlog.AddMessageLogInput) {}, asked: true, signed: true,
		},
		"a user id of the service's own says nothing against it": {
			change: func(in *crmlog.AddMessageLogInput) { in.User.ID = "pat@example.com" }, asked: true, signed: true,
		},
		"another user's name signs nothing": {
			change: func(in *crmlog.AddMessageLogInput) { in.User.ID = "8-pipedrive" }, asked: true,
		},
		"a name that cannot be had holds up no message": {
			change: func(*crmlog.AddMessageLogInput) {}, asked: true,
			answer: answer(403, `{"success":false,"error":"Scope and URL mismatch","errorCode":403}`),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := mock(t, pipedrive.Config{})
			if tc.answer != nil {
				m.answer("GET", "/v1/users/me", tc.answer)
			}
			_, err := m.AddMessageLog(t.Context(), inputWith(func(in *crmlog.AddMessageLogInput) {
				in.User.Name = ""
				tc.change(in)
			}))
			require.NoError(t, err)
			require.Equal(t, tc.asked, m.count("GET /v1/users/me") == 1)
			require.Equal(t, tc.signed, strings.Contains(m.last(t).json(t)["note"].(string), "Pat Agent"))
		})
	}
}

// The router's writes have a deadline, which a name is not worth.
func TestNameThatDoesNotComeHoldsUpNoMessage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := mock(t, pipedrive.Config{})
		m.stored("", nil)
		m.answer("GET", "/v1/users/me", func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		})
		ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second)
		defer cancel()
		in := batch(text("9001", crmlog.DirectionOutbound, "2026-03-02T09:30:00Z", "one"), text("9002", crmlog.DirectionOutbound, "2026-03-02T09:31:00Z", "two"),
			text("9003", crmlog.DirectionOutbound, "2026-03-02T09:32:00Z", "three"), text("9004", crmlog.DirectionOutbound, "2026-03-02T09:33:00Z", "four"))
		for i := range in.Messages {
			in.Messages[i].User.Name = ""
		}
		_, err := m.UpdateMessageLogs(ctx, in)
		require.NoError(t, err)
		inOrder(t, m.last(t).json(t)["note"].(string), "one", "two", "three", "four")
		_, err = m.AddMessageLog(ctx, in.Messages[0])
		require.NoError(t, err)
		time.Sleep(time.Minute) // what was begun ends
	})
}

func TestAPITokenGoesOutInItsOwnHeader(t *testing.T) {
	t.Parallel()
	for _, header := range []crmlog.AuthHeader{"x-api-token 0123c4nary", "X-API-Token 0123c4nary", "x-api-token   0123c4nary"} {
		m := mock(t, pipedrive.Config{})
		_, err := m.AddMessageLog(t.Context(), inputWith(func(in *crmlog.AddMessageLogInput) { in.AuthHeader = header }))
		require.NoError(t, err)
		for _, s := range m.sent() {
			require.Equal(t, []string{"0123c4nary"}, s.header.Values("X-Api-Token"))
			require.Empty(t, s.header.Values("Authorization"))
		}
	}
}

// field is the JSON text of a member of the body; "" when it is absent.
func field(t *testing.T, s sent, name string) string {
	t.Helper()
	var body map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(s.body, &body))
	return string(body[name])
}

func TestLinksOfANewActivity(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		submission crmlog.AdditionalSubmission
		deal, lead string
	}{
		"a deal as string":          {crmlog.AdditionalSubmission{"deals": "12"}, `12`, ""},
		"a deal as JSON number":     {crmlog.AdditionalSubmission{"deals": json.Number("12")}, `12`, ""},
		"a deal as int":             {crmlog.AdditionalSubmission{"deals": 12}, `12`, ""},
		"a deal as int64":           {crmlog.AdditionalSubmission{"deals": int64(3_000_000_000)}, `3000000000`, ""},
		"a deal as float64":         {crmlog.AdditionalSubmission{"deals": 30_000_000.0}, `30000000`, ""},
		"a lead":                    {crmlog.AdditionalSubmission{"leads": leadID}, "", `"` + leadID + `"`},
		"a deal before a lead":      {crmlog.AdditionalSubmission{"deals": "12", "leads": leadID}, `12`, ""},
		"an empty deal with a lead": {crmlog.AdditionalSubmission{"deals": "", "leads": leadID}, "", `"` + leadID + `"`},
		"empty fields":              {crmlog.AdditionalSubmission{"deals": "", "leads": ""}, "", ""},
		"nulls":                     {crmlog.AdditionalSubmission{"deals": nil, "leads": nil}, "", ""},
		"other fields":              {crmlog.AdditionalSubmission{"projects": "5"}, "", ""},
		"nothing":                   {nil, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := mock(t, pipedrive.Config{})
			_, err := m.AddMessageLog(t.Context(), inputWith(func(in *crmlog.AddMessageLogInput) { in.AdditionalSubmission = tc.submission }))
			require.NoError(t, err)
			require.Equal(t, tc.deal, field(t, m.last(t), "deal_id"))
			require.Equal(t, tc.lead, field(t, m.last(t), "lead_id"))
		})
	}
}

func TestOwnerIsThePipedriveUserInTheUserID(t *testing.T) {
	t.Parallel()
	for user, owner := range map[crmlog.ID]string{
		"7":                                    `7`,
		"7-pipedrive":                          `7`,
		"21474836-pipedrive":                   `21474836`,
		"7pipedrive":                           "",
		"007":                                  "",
		"0":                                    "",
		"-7":                                   "",
		"pat@example.com":                      "",
		"99999999999999999999":                 "",
		"4294967296":                           "",
		"12345678-1234-4234-8234-123456789012": "", // a UUID that begins with digits by chance
	} {
		t.Run(string(user), func(t *testing.T) {
			t.Parallel()
			m := mock(t, pipedrive.Config{})
			_, err := m.AddMessageLog(t.Context(), inputWith(func(in *crmlog.AddMessageLogInput) { in.User.ID = user }))
			require.NoError(t, err)
			require.Equal(t, owner, field(t, m.last(t), "owner_id"))
		})
	}
}

func TestOrganisationIsLinkedWhenKnown(t *testing.T) {
	t.Parallel()
	for org, want := range map[crmlog.ID]string{"": "", "31": `31`} {
		m := mock(t, pipedrive.Config{})
		_, err := m.AddMessageLog(t.Context(), inputWith(func(in *crmlog.AddMessageLogInput) { in.ContactInfo.OrganizationID = org }))
		require.NoError(t, err)
		require.Equal(t, want, field(t, m.last(t), "org_id"))
	}
}

func TestDueIsTheOpeningMessagesTimeInUTC(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ at, zone, date, time, day string }{
		{"2026-03-02T09:30:00Z", "UTC", `"2026-03-02"`, `"09:30"`, "March 2"},
		{"2026-03-03T07:59:59Z", "America/Los_Angeles", `"2026-03-03"`, `"07:59"`, "March 2"},
		{"2026-03-02T23:05:00-08:00", "America/Los_Angeles", `"2026-03-03"`, `"07:05"`, "March 2"},
		{"2026-03-02T00:30:00+13:00", "Pacific/Auckland", `"2026-03-01"`, `"11:30"`, "March 2"},
		{"2026-12-31T20:00:00-05:00", "America/New_York", `"2027-01-01"`, `"01:00"`, "December 31"},
	} {
		m := mock(t, pipedrive.Config{})
		_, err := m.AddMessageLog(t.Context(), inputWith(func(in *crmlog.AddMessageLogInput) {
			in.User.TimezoneName = tc.zone
			in.Message = text("9001", crmlog.DirectionOutbound, tc.at, "Hello")
		}))
		require.NoError(t, err)
		require.Equal(t, tc.date, field(t, m.last(t), "due_date"), tc.at)
		require.Equal(t, tc.time, field(t, m.last(t), "due_time"), tc.at)
		require.Contains(t, m.last(t).json(t)["note"], tc.day, "the note tells the user's day")
	}
}

// noteOf is the note that the adapter makes of a first message.
func noteOf(t *testing.T, in crmlog.AddMessageLogInput) string {
	t.Helper()
	m := mock(t, pipedrive.Config{})
	_, err := m.AddMessageLog(t.Context(), in)
	require.NoError(t, err)
	return m.last(t).json(t)["note"].(string)
}

func TestUpdateReadsAndWritesTheNoteAlone(t *testing.T) {
	t.Parallel()
	m := mock(t, pipedrive.Config{})
	m.stored(noteOf(t, input()), nil)
	in := update()
	in.Message = text("9002", crmlog.DirectionOutbound, "2026-03-02T09:45:00Z", "Tulips too")
	in.ContactInfo.OrganizationID = "31"

	got, err := m.UpdateMessageLog(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, "501", got.LogID)
	require.False(t, got.AlreadyThere)
	require.Equal(t, crmlog.Success, got.ReturnMessage.MessageType)
	require.Equal(t, []string{"GET /api/v2/activities/501", "PATCH /api/v2/activities/501"}, m.calls())
	for _, s := range m.sent() {
		require.Empty(t, s.url.RawQuery)
		require.Equal(t, []string{authHeader}, s.header.Values("Authorization"))
	}
	require.Empty(t, m.sent()[0].body)
	body := m.last(t).json(t)
	require.Len(t, body, 1, "the note and nothing else: %v", body)
	inOrder(t, body["note"].(string), "Sunflowers for you", "Tulips too")
}

func TestUpdateAddsALinkButNeverChangesOne(t *testing.T) {
	t.Parallel()
	deal, lead := crmlog.AdditionalSubmission{"deals": "12"}, crmlog.AdditionalSubmission{"leads": leadID}
	const otherLead = "bdf21080-0e10-11eb-879b-05d71fb426ec"
	for name, tc := range map[string]struct {
		has        map[string]any
		submission crmlog.AdditionalSubmission
		deal, lead string
	}{
		"none and a deal":           {nil, deal, `12`, ""},
		"none and a lead":           {nil, lead, "", `"` + leadID + `"`},
		"none and none":             {nil, nil, "", ""},
		"none and empty":            {nil, crmlog.AdditionalSubmission{"deals": "", "leads": ""}, "", ""},
		"a deal and none":           {map[string]any{"deal_id": 99}, nil, "", ""},
		"a deal and an empty one":   {map[string]any{"deal_id": 99}, crmlog.AdditionalSubmission{"deals": ""}, "", ""},
		"a deal and another":        {map[string]any{"deal_id": 99}, deal, "", ""},
		"a deal and a lead":         {map[string]any{"deal_id": 99}, lead, "", ""},
		"a lead and a deal":         {map[string]any{"lead_id": otherLead}, deal, "", ""},
		"a project and a deal":      {map[string]any{"project_id": 5}, deal, "", ""},
		"a lead and another":        {map[string]any{"lead_id": otherLead}, lead, "", ""},
		"a lead and an empty field": {map[string]any{"lead_id": otherLead}, crmlog.AdditionalSubmission{"leads": nil}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := mock(t, pipedrive.Config{})
			m.stored("what a person wrote", tc.has)
			in := update()
			in.AdditionalSubmission = tc.submission
			_, err := m.UpdateMessageLog(t.Context(), in)
			require.NoError(t, err)
			patch := m.last(t)
			require.Equal(t, "PATCH /api/v2/activities/501", patch.call())
			require.Equal(t, tc.deal, field(t, patch, "deal_id"))
			require.Equal(t, tc.lead, field(t, patch, "lead_id"))
			require.NotContains(t, string(patch.body), "null")
			require.Contains(t, patch.json(t)["note"], "what a person wrote")
		})
	}
}

func TestMessageThatIsThereIsNotWrittenAgain(t *testing.T) {
	t.Parallel()
	m := mock(t, pipedrive.Config{})
	m.stored(noteOf(t, input()), nil)
	got, err := m.UpdateMessageLog(t.Context(), update())
	require.NoError(t, err)
	require.True(t, got.AlreadyThere)
	require.Equal(t, "501", got.LogID)
	require.Equal(t, []string{"GET /api/v2/activities/501"}, m.calls())

	in := update()
	in.AdditionalSubmission = crmlog.AdditionalSubmission{"deals": "12"}
	got, err = m.UpdateMessageLog(t.Context(), in)
	require.NoError(t, err)
	require.True(t, got.AlreadyThere)
	require.JSONEq(t, `{"deal_id":12}`, string(m.last(t).body), "the link is still set, and alone")
}

// batch is more messages of activity 501.
func batch(messages ...crmlog.Message) crmlog.UpdateMessageLogsInput {
	in := crmlog.UpdateMessageLogsInput{ExistingMessageLog: crmlog.ExistingMessageLog{LogID: "501"}}
	for _, m := range messages {
		in.Messages = append(in.Messages, inputWith(func(in *crmlog.AddMessageLogInput) { in.Message = m }))
	}
	return in
}

func TestBatchIsOneReadAndOneWrite(t *testing.T) {
	t.Parallel()
	m := mock(t, pipedrive.Config{})
	m.stored(noteOf(t, input()), nil)
	in := batch(
		text("9000", crmlog.DirectionInbound, "2026-03-02T09:00:00Z", "earlier"),
		input().Message,
		text("9002", crmlog.DirectionInbound, "2026-03-02T09:40:00Z", "wrong contact"),
		text("9003", crmlog.DirectionOutbound, "2026-03-02T09:41:00Z", "a deal"),
		text("9004", crmlog.DirectionOutbound, "2026-03-02T09:42:00Z", "another deal"),
	)
	in.Messages[2].AdditionalSubmission = crmlog.AdditionalSubmission{"deals": "twelve"}
	in.Messages[3].AdditionalSubmission = crmlog.AdditionalSubmission{"deals": "12"}
	in.Messages[4].AdditionalSubmission = crmlog.AdditionalSubmission{"leads": leadID}
	for i := range in.Messages {
		in.Messages[i].User.Name = ""
	}
	in.Messages[4].User.Name = "Given Name"

	got, err := m.UpdateMessageLogs(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, []string{"GET /v1/users/me", "GET /api/v2/activities/501", "PATCH /api/v2/activities/501"}, m.calls())
	require.Len(t, got.Results, 5)
	inputError(t, got.Results[2].Err, "additionalSubmission.deals", "twelve")
	got.Results[2].Err = nil
	require.Equal(t, []crmlog.UpdateResult{{}, {AlreadyThere: true}, {}, {}, {}}, got.Results)
	require.Equal(t, crmlog.ReturnMessageFor(nil), got.ReturnMessage)

	body := m.last(t).json(t)
	inOrder(t, body["note"].(string), "earlier", "Sunflowers for you", "Pat Agent", "a deal", "Given Name", "another deal")
	require.NotContains(t, body["note"], "wrong contact")
	require.Equal(t, json.Number("12"), body["deal_id"], "the first that is given")
	require.NotContains(t, body, "lead_id")
	require.Len(t, body, 2)
}

func TestBatchThatIsThereIsNotWrittenAgain(t *testing.T) {
	t.Parallel()
	m := mock(t, pipedrive.Config{})
	m.stored(noteOf(t, input()), nil)
	got, err := m.UpdateMessageLogs(t.Context(), batch(input().Message))
	require.NoError(t, err)
	require.Equal(t, []crmlog.UpdateResult{{AlreadyThere: true}}, got.Results)
	require.Equal(t, []string{"GET /api/v2/activities/501"}, m.calls())
}

func TestBatchOfWrongInputSendsNothing(t *testing.T) {
	t.Parallel()
	m := mock(t, pipedrive.Config{})
	in := batch(input().Message, text("9002", crmlog.DirectionOutbound, "2026-03-02T09:40:00Z", "two"))
	for i := range in.Messages {
		in.Messages[i].User.Name, in.Messages[i].ContactInfo.ID = "", "kim"
	}
	got, err := m.UpdateMessageLogs(t.Context(), in)
	require.NoError(t, err)
	for _, r := range got.Results {
		inputError(t, r.Err, "contactInfo.id", "kim")
	}
	in.ExistingMessageLog.LogID = ".."
	_, err = m.UpdateMessageLogs(t.Context(), in)
	inputError(t, err, "existingMessageLog.thirdPartyLogId", "")
	require.Empty(t, m.calls())
}

func TestDeletedActivityIsALogGone(t *testing.T) {
	t.Parallel()
	deleted := map[string]any{"is_deleted": true}
	gone := `{"success":false,"error":"Activity not found","error_info":"…","data":null,"additional_data":null}`
	for name, tc := range map[string]struct {
		get, patch httpmock.Responder
		calls      int
	}{
		"GET says 404":         {answer(404, gone), nil, 1},
		"GET says 410":         {answer(410, gone), nil, 1},
		"GET shows it deleted": {answer(200, activity(501, "", deleted)), nil, 1},
		// Somebody deletes it between the two requests.
		"PATCH says 404":         {answer(200, activity(501, "", nil)), answer(404, gone), 2},
		"PATCH says 410":         {answer(200, activity(501, "", nil)), answer(410, gone), 2},
		"PATCH shows it deleted": {answer(200, activity(501, "", nil)), answer(200, activity(501, "", deleted)), 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := mock(t, pipedrive.Config{})
			m.answer("GET", "/api/v2/activities/501", tc.get)
			if tc.patch != nil {
				m.answer("PATCH", "/api/v2/activities/501", tc.patch)
			}
			got, err := m.UpdateMessageLog(t.Context(), update())
			require.ErrorIs(t, err, crmlog.ErrLogGone)
			require.NotErrorIs(t, err, crmlog.ErrOutcomeUnknown)
			require.Equal(t, "log_gone", crmlog.ErrorClass(err))
			require.Empty(t, got.LogID)
			require.Len(t, m.calls(), tc.calls)
		})
	}
}

// Taken for an empty activity, it would lose what people wrote.
func TestAnswerWithoutAnActivityIsNotWrittenOver(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"success":true,"data":null}`, `{"success":true}`, `{}`, `{"success":true,"data":{"note":""}}`} {
		m := mock(t, pipedrive.Config{})
		m.stored("what a person wrote", nil)
		m.answer("GET", "/api/v2/activities/501", answer(200, body))
		_, err := m.UpdateMessageLog(t.Context(), update())
		require.ErrorIs(t, err, crmlog.ErrUnavailable)
		require.NotErrorIs(t, err, crmlog.ErrOutcomeUnknown)
		require.Zero(t, m.count("PATCH /api/v2/activities/501"))

		m.stored("what a person wrote", nil)
		m.answer("PATCH", "/api/v2/activities/501", answer(200, body))
		_, err = m.UpdateMessageLog(t.Context(), update())
		require.ErrorIs(t, err, crmlog.ErrOutcomeUnknown)
	}
}

func TestActivityThatMayNotBeReadIsNotGone(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 401, 403} {
		m := mock(t, pipedrive.Config{})
		m.answer("GET", "/api/v2/activities/501", answer(status, `{"success":false,"error":"no"}`))
		_, err := m.UpdateMessageLog(t.Context(), update())
		require.Error(t, err)
		require.NotErrorIs(t, err, crmlog.ErrLogGone)
		require.Len(t, m.calls(), 1)
	}
}

func TestActivityTypeChoice(t *testing.T) {
	t.Parallel()
	kind := func(key, name, more string) string {
		return fmt.Sprintf(`{"id":1,"key_string":%q,"name":%q,"active_flag":true%s}`, key, name, more)
	}
	const off = `,"active_flag":false`
	for name, tc := range map[string]struct {
		config  pipedrive.Config
		types   []string
		want    string
		warning bool
		asked   bool
	}{
		"the configured type, unasked": {config: pipedrive.Config{ActivityType: "text_message"}, want: "text_message"},
		"the key sms":                  {types: []string{kind("call", "SMS call", ""), kind("sms", "Kurznachricht", "")}, want: "sms", asked: true},
		"the key before the name":      {types: []string{kind("msg", "SMS", ""), kind("sms", "Kurznachricht", "")}, want: "sms", asked: true},
		"the key SMS in capitals":      {types: []string{kind("SMS", "x", "")}, want: "SMS", asked: true},
		"the name SMS":                 {types: []string{kind("sms_old", "Old", ""), kind("message_2", "sms", "")}, want: "message_2", asked: true},
		"a key with sms in it":         {types: []string{kind("msg", "SMS and more", ""), kind("sms_message", "x", "")}, want: "sms_message", asked: true},
		"a name with sms in it":        {types: []string{kind("call", "Call", ""), kind("msg", "Business SMS", "")}, want: "msg", asked: true},
		"the first of equals":          {types: []string{kind("a_sms", "x", ""), kind("b_sms", "x", "")}, want: "a_sms", asked: true},
		"an inactive one is not used":  {types: []string{kind("sms", "SMS", off), kind("my_sms", "x", "")}, want: "my_sms", asked: true},
		"flags as numbers":             {types: []string{kind("sms", "SMS", `,"active_flag":0`), kind("my_sms", "x", `,"active_flag":1`)}, want: "my_sms", asked: true},
		"none is the fallback":         {types: []string{kind("call", "Call", "")}, want: "task", warning: true, asked: true},
		"only an inactive one":         {types: []string{kind("sms", "SMS", off)}, want: "task", warning: true, asked: true},
		"a list that is null":          {types: nil, want: "task", warning: true, asked: true},
		"no types at all":              {types: []string{}, want: "task", warning: true, asked: true},
		"none is the configured fallback": {
			config: pipedrive.Config{FallbackType: "call"}, types: []string{kind("lunch", "Lunch", "")}, want: "call", warning: true, asked: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := mock(t, tc.config)
			list := "null" // as API v1 shows an empty list
			if tc.types != nil {
				list = "[" + strings.Join(tc.types, ",") + "]"
			}
			m.answer("GET", "/v1/activityTypes", answer(200, `{"success":true,"data":`+list+`}`))
			for range 2 {
				got, err := m.AddMessageLog(t.Context(), input())
				require.NoError(t, err)
				require.Equal(t, "501", got.LogID)
				require.Equal(t, tc.want, m.last(t).json(t)["type"])
				if tc.warning {
					require.Equal(t, crmlog.Warning, got.ReturnMessage.MessageType)
					require.Contains(t, got.ReturnMessage.Message, "no activity type for SMS")
				} else {
					require.Equal(t, crmlog.ReturnMessageFor(nil), got.ReturnMessage)
				}
			}
			require.Equal(t, tc.asked, m.count("GET /v1/activityTypes") == 1, "%v", m.calls())
		})
	}
}

func TestTypesThatCannotBeReadAreNoFallback(t *testing.T) {
	t.Parallel()
	m := mock(t, pipedrive.Config{})
	m.answer("GET", "/v1/activityTypes",
		answer(403, `{"success":false,"error":"Scope and URL mismatch","errorCode":403,"error_info":"…"}`),
		answer(200, typesJSON))
	got, err := m.AddMessageLog(t.Context(), input())
	require.ErrorIs(t, err, crmlog.ErrForbidden)
	require.NotErrorIs(t, err, crmlog.ErrOutcomeUnknown)
	require.Empty(t, got.LogID)
	require.Equal(t, []string{"GET /v1/activityTypes"}, m.calls())

	_, err = m.AddMessageLog(t.Context(), input())
	require.NoError(t, err, "the failure is not remembered")
	require.Equal(t, "sms", m.last(t).json(t)["type"])
}

func TestWhatIsCachedIsAskedAgainAfterCacheTTL(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := mock(t, pipedrive.Config{CacheTTL: time.Minute})
		in := inputWith(func(in *crmlog.AddMessageLogInput) { in.User.Name = "" })
		asked := func() [2]int { return [2]int{m.count("GET /v1/users/me"), m.count("GET /v1/activityTypes")} }
		for _, step := range []struct {
			after time.Duration
			want  [2]int
		}{{0, [2]int{1, 1}}, {59 * time.Second, [2]int{1, 1}}, {2 * time.Second, [2]int{2, 2}}} {
			time.Sleep(step.after)
			_, err := m.AddMessageLog(t.Context(), in)
			require.NoError(t, err)
			require.Equal(t, step.want, asked())
		}
	})
}

func TestCachesAreKeptPerAccount(t *testing.T) {
	t.Parallel()
	m := mock(t, pipedrive.Config{})
	add := func(account string, auth crmlog.AuthHeader, host string) int {
		before := m.count("GET /v1/activityTypes")
		_, err := m.AddMessageLog(t.Context(), inputWith(func(in *crmlog.AddMessageLogInput) {
			in.Account, in.AuthHeader, in.User.Hostname = account, auth, host
		}))
		require.NoError(t, err)
		return m.count("GET /v1/activityTypes") - before
	}
	require.Equal(t, 1, add("", "Bearer one", ""))
	require.Equal(t, 0, add("", "Bearer one", ""))
	require.Equal(t, 1, add("", "Bearer two", ""), "without an account's name, a credential is one")
	require.Equal(t, 1, add("acme", "Bearer one", ""))
	require.Equal(t, 0, add("acme", "Bearer three", ""), "tokens change hourly, the account stays")
	require.Equal(t, 1, add("globex", "Bearer three", ""))
	require.Equal(t, 1, add("acme", "Bearer one", "acme.pipedrive.com"))
	require.Equal(t, 0, add("acme", "Bearer one", "ACME.pipedrive.com"))
}

func TestUsersOfOneAccountHaveTheirOwnNames(t *testing.T) {
	t.Parallel()
	m := mock(t, pipedrive.Config{})
	names := map[string]string{"Bearer one": `{"id":7,"name":"Pat Agent"}`, "Bearer two": `{"id":8,"name":"Lee Other"}`}
	m.answer("GET", "/v1/users/me", func(req *http.Request) (*http.Response, error) {
		return answer(200, `{"success":true,"data":`+names[req.Header.Get("Authorization")]+`}`)(req)
	})
	for _, tc := range []struct {
		user crmlog.ID
		auth crmlog.AuthHeader
		name string
	}{{"7", "Bearer one", "Pat Agent"}, {"8", "Bearer two", "Lee Other"}, {"7", "Bearer one", "Pat Agent"}} {
		_, err := m.AddMessageLog(t.Context(), inputWith(func(in *crmlog.AddMessageLogInput) {
			in.Account, in.User, in.AuthHeader = "acme", crmlog.User{ID: tc.user}, tc.auth
		}))
		require.NoError(t, err)
		require.Contains(t, m.last(t).json(t)["note"], tc.name)
	}
	require.Equal(t, 2, m.count("GET /v1/users/me"))
	require.Equal(t, 1, m.count("GET /v1/activityTypes"))
}

func TestHostOfTheUser(t *testing.T) {
	t.Parallel()
	for hostname, want := range map[string]string{
		"":                         "api.pipedrive.com",
		"acme.pipedrive.com":       "acme.pipedrive.com",
		"ACME.Pipedrive.COM":       "acme.pipedrive.com",
		"acme-2.pipedrive.com":     "acme-2.pipedrive.com",
		"eu.sandbox.pipedrive.com": "eu.sandbox.pipedrive.com",
	} {
		m := mock(t, pipedrive.Config{})
		_, err := m.AddMessageLog(t.Context(), inputWith(func(in *crmlog.AddMessageLogInput) { in.User.Hostname = hostname }))
		require.NoError(t, err)
		for _, s := range m.sent() {
			require.Equal(t, "https", s.url.Scheme)
			require.Equal(t, want, s.url.Host)
		}
	}
}

func TestHostThatIsNotPipedrivesGetsNothing(t *testing.T) {
	t.Parallel()
	for _, hostname := range []string{
		"pipedrive.com", ".pipedrive.com", "..pipedrive.com", "evil.com", "evilpipedrive.com", "acme.pipedrive.com.evil.com",
		"evil.com/.pipedrive.com", "evil.com?.pipedrive.com", "evil.com#.pipedrive.com", `evil.com\.pipedrive.com`,
		"evil.com:443/.pipedrive.com", "acme.pipedrive.com:8443", "acme.pipedrive.com/", "acme.pipedrive.com.", "acme..pipedrive.com",
		"user@acme.pipedrive.com", "evil.com@acme.pipedrive.com", "acme.pipedrive.com@evil.com", "https://acme.pipedrive.com",
		"//evil.com/.pipedrive.com", " acme.pipedrive.com", "acme.pipedrive.com ", "acme.pipedrive.com\n", "evil.com\n.pipedrive.com",
		"evil.com%2f.pipedrive.com", "evil.com%00.pipedrive.com", "evil_com.pipedrive.com", "acme.pipedrive.co", "127.0.0.1", "[::1]", "localhost",
		"acme.pipedriveＣcom", "acme。pipedrive.com", "acme.pıpedrive.com", "аcme.pipedrive.com", "evil.com／.pipedrive.com",
		"acme.pİpedrive.com", "acme.pipedrive.com\u200b", "\u212aacme.pipedrive.com", // whose lower case is ASCII
	} {
		t.Run(hostname, func(t *testing.T) {
			t.Parallel()
			m := mock(t, pipedrive.Config{})
			in := update()
			in.User.Name, in.User.Hostname = "", hostname
			_, err := m.AddMessageLog(t.Context(), in.AddMessageLogInput)
			inputError(t, err, "user.hostname", "evil")
			_, err = m.UpdateMessageLog(t.Context(), in)
			inputError(t, err, "user.hostname", "evil")
			_, err = m.FindMessageLogs(t.Context(), crmlog.FindInput{User: in.User, ContactInfo: in.ContactInfo, AuthHeader: in.AuthHeader})
			inputError(t, err, "user.hostname", "evil")
			require.Empty(t, m.calls())
		})
	}
}

func TestBaseURLOfTheProgramWins(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]string{
		"https://sandbox.example.com":       "https://sandbox.example.com/api/v2/activities",
		"https://sandbox.example.com/crm/":  "https://sandbox.example.com/crm/api/v2/activities",
		"https://sandbox.example.com:8443":  "https://sandbox.example.com:8443/api/v2/activities",
		"http://127.0.0.1:8080":             "http://127.0.0.1:8080/api/v2/activities",
		"http://localhost:8080":             "http://localhost:8080/api/v2/activities",
		"https://ACME.pipedrive.com":        "https://acme.pipedrive.com/api/v2/activities",
		"https://api-proxy.pipedrive.com/x": "https://api-proxy.pipedrive.com/x/api/v2/activities",
	} {
		t.Run(base, func(t *testing.T) {
			t.Parallel()
			// Not a wire: its check knows Pipedrive's own paths alone.
			transport := httpmock.NewMockTransport()
			var got string
			transport.RegisterResponder("POST", want, func(req *http.Request) (*http.Response, error) {
				got = req.URL.String()
				return answer(200, activity(501, "", nil))(req)
			})
			adapter, err := pipedrive.New(pipedrive.Config{BaseURL: base, ActivityType: "sms", Transport: transport})
			require.NoError(t, err)
			_, err = adapter.AddMessageLog(t.Context(), inputWith(func(in *crmlog.AddMessageLogInput) { in.User.Hostname = "evil.com" }))
			require.NoError(t, err)
			require.Equal(t, want, got)
		})
	}
}

func TestConfigThatIsWrong(t *testing.T) {
	t.Parallel()
	for _, base := range []string{
		"http://crm.example.com", "http://acme.pipedrive.com", "http://10.0.0.1", "ftp://crm.example.com", "acme.pipedrive.com",
		"https://", "https://me:c4nary@crm.example.com", "https://crm.example.com?token=c4nary", "https://crm.example.com#c4nary",
		"https://crm.example.com/../x", "https://crm.example.com:", "http://127.0.0.1.evil.com", "http://localhost@evil.com",
	} {
		_, err := pipedrive.New(pipedrive.Config{BaseURL: base})
		inputError(t, err, "Config.BaseURL", "c4nary")
	}
	for field, config := range map[string]pipedrive.Config{
		"Config.Timeout":    {Timeout: -1},
		"Config.CacheTTL":   {CacheTTL: -1},
		"Config.SettleTime": {SettleTime: -1},
	} {
		_, err := pipedrive.New(config)
		inputError(t, err, field, "")
	}
}

func TestCreateIsNotRepeatedWhenItMayHaveBeenApplied(t *testing.T) {
	t.Parallel()
	for name, responder := range map[string]httpmock.Responder{
		"a cut connection":       cut(),
		"a 408":                  answer(408, `{"success":false}`),
		"a 500":                  answer(500, `{"success":false,"error":"Internal error"}`),
		"a 502 page":             answer(502, `<html>bad gateway</html>`, "Content-Type", "text/html"),
		"a 503":                  answer(503, ``),
		"a page with 200":        answer(200, `<html>maintenance</html>`, "Content-Type", "text/html"),
		"JSON that breaks off":   answer(200, `{"success":true,"data":{"id":50`),
		"success:false":          answer(200, `{"success":false,"error":"Something went wrong","data":null}`),
		"success: false, later":  answer(201, `{"data":{"id":501}, "success" : false}`),
		"no activity":            answer(200, `{"success":true,"data":null}`),
		"an activity without id": answer(200, `{"success":true,"data":{"subject":"x"}}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := mock(t, pipedrive.Config{})
			m.answer("POST", "/api/v2/activities", responder)
			got, err := m.AddMessageLog(t.Context(), input())
			require.ErrorIs(t, err, crmlog.ErrOutcomeUnknown)
			require.True(t, crmlog.Temporary(err))
			require.Empty(t, got.LogID)
			require.Equal(t, 1, m.count("POST /api/v2/activities"))
		})
	}
}

func TestFailureWithA200SaysWhatPipedriveSays(t *testing.T) {
	t.Parallel()
	m := mock(t, pipedrive.Config{})
	m.answer("POST", "/api/v2/activities",
		answer(200, `{"success":false,"error":"Something went wrong","code":"ERR_X","data":null}`, "x-correlation-id", "0b1c-77"))
	_, err := m.AddMessageLog(t.Context(), input())
	api := apiError(t, err)
	require.ErrorIs(t, err, crmlog.ErrUnavailable)
	require.Equal(t, "Something went wrong", api.Message)
	require.Equal(t, "ERR_X", api.Code)
	require.Equal(t, "0b1c-77", api.CorrelationID)
	require.Equal(t, 200, api.StatusCode)
}

func TestTextThatLooksLikeAFailureIsNone(t *testing.T) {
	t.Parallel()
	m := mock(t, pipedrive.Config{})
	in := inputWith(func(in *crmlog.AddMessageLogInput) { in.Message.Subject = `{"success":false,"error":"x"}` })
	note := noteOf(t, in)
	m.answer("POST", "/api/v2/activities", answer(200, activity(501, note+`"success":false`, nil)))
	_, err := m.AddMessageLog(t.Context(), in)
	require.NoError(t, err)
}

func TestCreateIsRepeatedAfterA429(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := mock(t, pipedrive.Config{})
		limit := answer(429, `{"success":false,"error":"request over limit","errorCode":429}`, "x-ratelimit-reset", "2")
		m.answer("POST", "/api/v2/activities", limit, limit, answer(200, activity(501, "", nil)))
		begin := time.Now()
		got, err := m.AddMessageLog(t.Context(), input())
		require.NoError(t, err)
		require.Equal(t, "501", got.LogID)
		require.Equal(t, 3, m.count("POST /api/v2/activities"))
		require.GreaterOrEqual(t, time.Since(begin), 4*time.Second)
	})
}

func TestSpentBudgetFailsAtOnceAndHoldsTheAccountBack(t *testing.T) {
	t.Parallel()
	m := mock(t, pipedrive.Config{})
	m.answer("POST", "/api/v2/activities", answer(429,
		`{"success":false,"error":"daily request budget exceeded","errorCode":429}`, "retry-after", "3939"))
	_, err := m.AddMessageLog(t.Context(), input())
	require.ErrorIs(t, err, crmlog.ErrRateLimited)
	require.Equal(t, 3939*time.Second, crmlog.RetryAfter(err))

	_, err = m.UpdateMessageLog(t.Context(), update())
	require.ErrorIs(t, err, crmlog.ErrRateLimited)
	require.Equal(t, []string{"GET /v1/activityTypes", "POST /api/v2/activities"}, m.calls(), "the second call is not sent")
}

// An update that was cut may be applied after the next one: whoever repeats it
// must wait, which is the router's to do.
func TestReadIsRepeatedUntilItWorksAndAnUpdateIsNot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for name, trouble := range map[string]httpmock.Responder{
			"a cut connection": cut(),
			"a 500":            answer(500, `{"success":false}`),
			"success:false":    answer(200, `{"success":false}`),
			"a page":           answer(200, `<html>`, "Content-Type", "text/html"),
		} {
			m := mock(t, pipedrive.Config{})
			fine := answer(200, activity(501, "", nil))
			m.answer("GET", "/api/v2/activities/501", trouble, trouble, fine)
			m.answer("PATCH", "/api/v2/activities/501", trouble, fine)
			_, err := m.UpdateMessageLog(t.Context(), update())
			require.ErrorIs(t, err, crmlog.ErrOutcomeUnknown, name)
			require.Equal(t, 3, m.count("GET /api/v2/activities/501"), name)
			require.Equal(t, 1, m.count("PATCH /api/v2/activities/501"), name)
		}
	})
}

func TestUpdateThatNeverWorksIsOfUnknownOutcome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := mock(t, pipedrive.Config{})
		m.stored("", nil)
		m.answer("PATCH", "/api/v2/activities/501", cut())
		_, err := m.UpdateMessageLog(t.Context(), update())
		require.ErrorIs(t, err, crmlog.ErrOutcomeUnknown)
		require.Equal(t, 1, m.count("PATCH /api/v2/activities/501"))

		m.answer("GET", "/api/v2/activities/501", cut())
		_, err = m.UpdateMessageLog(t.Context(), update())
		require.ErrorIs(t, err, crmlog.ErrUnavailable)
		require.NotErrorIs(t, err, crmlog.ErrOutcomeUnknown, "nothing was written")
	})
}

func TestErrorsOfPipedrive(t *testing.T) {
	t.Parallel()
	const id = "d41d8c9a-00b2-4f6e-9800-998ecf8427e0"
	gateway := func(status int, message string) string {
		return fmt.Sprintf(`{"success":false,"error":%q,"errorCode":%d,"error_info":"Please check developers.pipedrive.com"}`, message, status)
	}
	api := func(message, code string) string {
		return fmt.Sprintf(`{"success":false,"error":%q,"error_info":"…","data":null,"additional_data":null,"code":%q}`, message, code)
	}
	for name, tc := range map[string]struct {
		status        int
		body          string
		kind          error
		class         string
		code, message string
		notDone       bool
	}{
		"a schema violation": {400, `{"success":false,"error":"Validation failed: owner_id: User not found or not accessible.","code":"ERR_SCHEMA_VALIDATION_FAILED"}`,
			crmlog.ErrInvalidInput, "invalid_input", "ERR_SCHEMA_VALIDATION_FAILED", "Validation failed: owner_id: User not found or not accessible.", true},
		"a business rule": {400, api("'person_id' is a read-only field.", "ERR_BAD_REQUEST"),
			crmlog.ErrInvalidInput, "invalid_input", "ERR_BAD_REQUEST", "'person_id' is a read-only field.", true},
		"the gateway's unauthorized": {401, gateway(401, "unauthorized access"), crmlog.ErrUnauthorized, "unauthorized", "401", "unauthorized access", true},
		"an unpaid account":          {402, gateway(402, "Payment required"), crmlog.ErrForbidden, "forbidden", "402", "Payment required", true},
		"a missing scope":            {403, gateway(403, "Scope and URL mismatch"), crmlog.ErrForbidden, "forbidden", "403", "Scope and URL mismatch", true},
		"a capped feature": {403, api("Deals limit reached.", "feature_capping_deals_limit"),
			crmlog.ErrForbidden, "forbidden", "feature_capping_deals_limit", "Deals limit reached.", true},
		"a firewall's page": {403, "<html>This error is produced by Cloudflare</html>", crmlog.ErrRateLimited, "rate_limited", "", "", true},
		"an unknown deal":   {404, api("Deal not found", "ERR_NOT_FOUND"), crmlog.ErrNotFound, "not_found", "ERR_NOT_FOUND", "Deal not found", true},
		"a 422":             {422, api("Unprocessable", "ERR_X"), crmlog.ErrInvalidInput, "invalid_input", "ERR_X", "Unprocessable", true},
		"a spent budget":    {429, gateway(429, "daily request budget exceeded"), crmlog.ErrRateLimited, "rate_limited", "429", "daily request budget exceeded", true},
		"a server error":    {500, api("Internal error", "ERR_INTERNAL"), crmlog.ErrUnavailable, "outcome_unknown", "ERR_INTERNAL", "Internal error", false},
		"maintenance":       {503, "", crmlog.ErrUnavailable, "outcome_unknown", "", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := mock(t, pipedrive.Config{})
			contentType := "application/json"
			if strings.HasPrefix(tc.body, "<") {
				contentType = "text/html"
			}
			m.answer("POST", "/api/v2/activities", answer(tc.status, tc.body,
				"x-correlation-id", id, "Content-Type", contentType, "Retry-After", "120"))
			_, err := m.AddMessageLog(t.Context(), input())
			require.ErrorIs(t, err, tc.kind)
			require.Equal(t, tc.class, crmlog.ErrorClass(err))
			got := apiError(t, err)
			require.Equal(t, "pipedrive: create activity", got.Operation)
			require.Equal(t, tc.status, got.StatusCode)
			require.Equal(t, tc.code, got.Code)
			require.Equal(t, tc.message, got.Message)
			require.Equal(t, id, got.CorrelationID)
			require.Equal(t, tc.notDone, got.NotDone)
			require.Equal(t, 2*time.Minute, got.RetryAfter)
			require.Equal(t, !tc.notDone, errors.Is(err, crmlog.ErrOutcomeUnknown))
			require.Equal(t, 1, m.count("POST /api/v2/activities"))
		})
	}
}

func TestErrorsDoNotEchoWhatWasSent(t *testing.T) {
	t.Parallel()
	m := mock(t, pipedrive.Config{})
	m.mock.RegisterResponder("POST", "/api/v2/activities", func(req *http.Request) (*http.Response, error) {
		quoted, err := json.Marshal("refused: " + req.Header.Get("Authorization") + " " + string(m.last(t).body))
		if err != nil {
			return nil, err
		}
		return answer(400, `{"success":false,"error":`+string(quoted)+`,"code":"c4nary-oauth-t0ken"}`)(req)
	})
	_, err := m.AddMessageLog(t.Context(), input())
	require.ErrorIs(t, err, crmlog.ErrInvalidInput)
	for _, secret := range []string{"c4nary", "t0ken", "Sunflowers", "Kim", "Sample", "12015550142", "Pat"} {
		require.NotContains(t, fmt.Sprintf("%+v %s %#v", err, err, err), secret)
	}
}

func TestCallerThatLeavesIsTold(t *testing.T) {
	t.Parallel()
	m := mock(t, pipedrive.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := m.AddMessageLog(ctx, input())
	require.ErrorIs(t, err, context.Canceled)
	_, err = m.UpdateMessageLog(ctx, update())
	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, m.count("POST /api/v2/activities"))
	require.Zero(t, m.count("GET /api/v2/activities/501"))
}

func TestSettleTimeIsTheConfigured(t *testing.T) {
	t.Parallel()
	for config, want := range map[time.Duration]time.Duration{0: 10 * time.Second, 3 * time.Second: 3 * time.Second} {
		adapter, err := pipedrive.New(pipedrive.Config{SettleTime: config})
		require.NoError(t, err)
		require.Equal(t, want, adapter.SettleTime())
	}
}
