package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/crmlog/crmlog/note"
	"github.com/crmlog/crmlog/pipedrive/pipedrivetest"
	"github.com/crmlog/crmlog/testcrm"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"))
}

// backfill runs the program and returns its exit code and what it printed.
func backfill(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return backfillAs(t, "Bearer x", stdin, args...)
}

func backfillAs(t *testing.T, auth, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	if !slices.Contains(args, "-store") {
		args = append([]string{"-store", "memory"}, args...)
	}
	code = run(t.Context(), args, auth, strings.NewReader(stdin), &out, &errs)
	return code, out.String(), errs.String()
}

// lines decodes what -json prints.
func lines(t *testing.T, stdout string) []line {
	t.Helper()
	var all []line
	for text := range strings.Lines(stdout) {
		var l line
		require.NoError(t, json.Unmarshal([]byte(text), &l))
		all = append(all, l)
	}
	return all
}

const sample = `{"uri":"https://platform.ringcentral.com/restapi/xxxxxxx/message-store/60279564004","id":60279564004,"to":[{"phoneNumber":"+16505553204","location":"San Mateo, CA"}],"from":{"phoneNumber":"+18885550052"},"type":"SMS","creationTime":"2015-02-18T13:24:50.000Z","readStatus":"Read","priority":"Normal","attachments":[{"id":60279564004,"uri":"https://media.ringcentral.com/restapi/xxxxxxxxxxxx/content/60279564004","type":"Text","contentType":"text/plain"}],"direction":"Outbound","availability":"Alive","subject":"Flight information","messageStatus":"Sent","smsSendingAttemptsCount":1,"conversationId":5578984350117917661,"lastModifiedTime":"2015-02-18T13:24:50.300Z"}`

func TestSampleMessageBecomesOneActivity(t *testing.T) {
	t.Parallel()
	fake := pipedrivetest.New(pipedrivetest.Config{})
	server := httptest.NewServer(fake)
	defer server.Close()
	file := filepath.Join(t.TempDir(), "sample.json")
	require.NoError(t, os.WriteFile(file, []byte(sample), 0o600))

	code, stdout, stderr := backfill(t, "", "-json", "-crm", "pipedrive", "-crm-url", server.URL, "-user-id", "7",
		"-timezone", "America/Los_Angeles", "-contact-id", "42", "-contact-name", "A <b>B</b>", "-contact-phone", "+16505553204",
		file, file)
	require.Zero(t, code, stderr)
	report := lines(t, stdout)
	require.Len(t, report, 2)
	require.Equal(t, "added", string(report[0].Outcome))
	require.Equal(t, "duplicate", string(report[1].Outcome))
	require.Equal(t, report[0].LogID, report[1].LogID)
	require.Equal(t, "60279564004", string(report[0].MessageID))

	activities := fake.Activities()
	require.Len(t, activities, 1)
	a := activities[0]
	require.Equal(t, "sms", a.Type)
	require.True(t, a.Done)
	require.Equal(t, "2015-02-18", a.DueDate)
	require.Contains(t, a.Note, "A &lt;b&gt;B&lt;/b&gt;")
	require.Contains(t, note.Text(a.Note, note.HTML), "5:24 AM")
	require.Contains(t, note.Text(a.Note, note.HTML), "Flight information")
	require.Equal(t, 1, fake.Calls(http.MethodPost, "/api/v2/activities"))
	require.LessOrEqual(t, len(fake.Requests()), 3, "the activity, and once what the account's types and user are called")
}

// conversations are messages of several conversations and days, newest first as
// a list page has them.
func conversations(n int) string {
	var records []string
	for i := n - 1; i >= 0; i-- {
		at := time.Date(2026, 3, 11, 2, 0, 0, 0, time.UTC).Add(time.Duration(i) * 11 * time.Minute)
		records = append(records, fmt.Sprintf(`{"id":%d,"type":"SMS","direction":"Inbound","creationTime":%q,"subject":"text %03d.",`+
			`"from":{"phoneNumber":"+16505550101"},"conversation":{"id":"%d"}}`, 1000+i, at.Format(time.RFC3339), i, 700+i%3))
	}
	return `{"records":[` + strings.Join(records, ",") + `]}`
}

func TestMessagesAreLoggedInOrderByAnyNumberOfCallers(t *testing.T) {
	t.Parallel()
	for _, parallel := range []string{"1", "8"} {
		t.Run(parallel, func(t *testing.T) {
			t.Parallel()
			crm := testcrm.NewServer(testcrm.ServerConfig{})
			defer crm.Close()
			server := httptest.NewServer(crm)
			defer server.Close()
			const n = 60 // 11 hours: two days in Los Angeles
			code, stdout, stderr := backfill(t, conversations(n), "-json", "-crm-url", server.URL, "-user-id", "7",
				"-timezone", "America/Los_Angeles", "-contact-id", "con_1", "-parallel", parallel, "-")
			require.Zero(t, code, stderr)
			report := lines(t, stdout)
			require.Len(t, report, n)
			require.Len(t, crm.Activities(), 6, "three conversations on two days")
			for i := range n {
				text := fmt.Sprintf("text %03d.", i)
				var in int
				for _, a := range crm.Activities() {
					in += strings.Count(a.Body, text)
				}
				require.Equal(t, 1, in, text)
			}
			for _, a := range crm.Activities() {
				var last string
				for word := range strings.SplitSeq(a.Body, "text ") {
					if len(word) > 4 && word[3] == '.' {
						require.Greater(t, word[:3], last, "in order")
						last = word[:3]
					}
				}
			}
		})
	}
}

func TestTemporaryFailuresAreTriedAgain(t *testing.T) {
	t.Parallel()
	crm := testcrm.NewServer(testcrm.ServerConfig{})
	defer crm.Close()
	server := httptest.NewServer(crm)
	defer server.Close()
	args := []string{"-crm-url", server.URL, "-user-id", "7", "-contact-id", "con_1", "-"}

	crm.Fail(testcrm.Fault{Method: http.MethodPost, Status: 429, RetryAfter: "60"})
	code, _, stderr := backfill(t, sample, append([]string{"-retry-for", "10s"}, args...)...)
	require.Equal(t, exitFailed, code, "the CRM asks for more time than there is")
	require.Contains(t, stderr, "rate limited")

	crm.Fail(testcrm.Fault{Method: http.MethodGet, Status: 503, Times: 8})
	code, _, stderr = backfill(t, conversations(6), append([]string{"-retry-for", "1m"}, args...)...)
	require.Zero(t, code, stderr)
	require.Len(t, crm.Activities(), 3)
}

func TestBadInputIsNamedBeforeAnyCall(t *testing.T) {
	t.Parallel()
	base := map[string]string{"-user-id": "7", "-contact-id": "42", "-crm": "pipedrive"}
	tests := map[string]struct {
		stdin  string
		change map[string]string
		auth   string
		code   int
		says   string
	}{
		"not JSON":                                     {stdin: "<html>", code: 2, says: "-: "},
		"no RingCentral message":                       {stdin: `{"foo":1}`, code: 2, says: "-: "},
		"a message without id":                         {stdin: strings.Replace(sample, `"id":60279564004,"to"`, `"to"`, 1), code: 1, says: "message.id"},
		"a message without time":                       {stdin: strings.Replace(sample, `"creationTime":"2015-02-18T13:24:50.000Z",`, "", 1), code: 1, says: "message.creationTime"},
		"a time that is none":                          {stdin: strings.Replace(sample, "2015-02-18T13:24:50.000Z", "yesterday", 1), code: 2, says: "creationTime"},
		"an unknown zone":                              {change: map[string]string{"-timezone": "Mars/Olympus"}, code: 2, says: "user.timezoneName"},
		"the server's zone":                            {change: map[string]string{"-timezone": "Local"}, code: 2, says: "user.timezoneName"},
		"an empty contact id":                          {change: map[string]string{"-contact-id": ""}, code: 2, says: "contactInfo.id"},
		"a contact id for Pipedrive that is no number": {change: map[string]string{"-contact-id": "ann"}, code: 1, says: "contactInfo.id"},
		"an empty user id":                             {change: map[string]string{"-user-id": ""}, code: 2, says: "user.id"},
		"an empty authHeader":                          {auth: "-", code: 2, says: "authHeader"},
		"a deal id that is no number":                  {change: map[string]string{"-deal-id": "big"}, code: 2, says: "additionalSubmission.deals"},
		"a lead id that is no UUID":                    {change: map[string]string{"-lead-id": "hot"}, code: 1, says: "additionalSubmission.leads"},
		"http to a public host":                        {change: map[string]string{"-crm-url": "http://example.com"}, code: 2, says: "-crm-url"},
		"a CRM that is none":                           {change: map[string]string{"-crm": "excel"}, code: 2, says: "-crm"},
		"a store that is none":                         {change: map[string]string{"-store": "tape"}, code: 2, says: "-store"},
		"no callers":                                   {change: map[string]string{"-parallel": "0"}, code: 2, says: "-parallel"},
		"a flag that is none":                          {change: map[string]string{"-frob": "1"}, code: 2, says: "frob"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var calls int
			server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls++ }))
			defer server.Close()
			flags := map[string]string{"-crm-url": server.URL, "-retry-for": "0s"}
			for k, v := range base {
				flags[k] = v
			}
			for k, v := range tt.change {
				flags[k] = v
			}
			var args []string
			for k, v := range flags {
				args = append(args, k, v)
			}
			stdin, auth := tt.stdin, "Bearer x"
			if stdin == "" {
				stdin = sample
			}
			if tt.auth == "-" {
				auth = ""
			}
			code, _, stderr := backfillAs(t, auth, stdin, append(args, "-")...)
			require.Equal(t, tt.code, code, stderr)
			require.Contains(t, stderr, tt.says)
			require.Zero(t, calls)
			for _, private := range []string{"Bearer x", "Flight information", "8885550052"} {
				require.NotContains(t, stderr, private)
			}
		})
	}
}

func TestUnreadableFileEndsBeforeTheFirstCall(t *testing.T) {
	t.Parallel()
	good := filepath.Join(t.TempDir(), "good.json")
	require.NoError(t, os.WriteFile(good, []byte(sample), 0o600))
	code, stdout, stderr := backfill(t, "", "-user-id", "7", "-contact-id", "1", good, filepath.Join(t.TempDir(), "missing.json"))
	require.Equal(t, exitUsage, code)
	require.Empty(t, stdout)
	require.Contains(t, stderr, "missing.json")
}

func TestInterruptedRunHandsNothingMoreOver(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs bytes.Buffer
	code := run(ctx, []string{"-store", "memory", "-user-id", "7", "-contact-id", "1", "-"}, "", strings.NewReader(sample), &out, &errs)
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs.String(), "1 messages not handed over")
}

func TestChangeEventWithoutMessagesIsNoError(t *testing.T) {
	t.Parallel()
	event := `{"event":"/restapi/v1.0/account/1/extension/2/message-store","timestamp":"2018-10-07T12:05:00.408+0000","body":{"extensionId":2,"changes":[{"type":"SMS","newCount":1}]}}`
	code, stdout, stderr := backfill(t, event, "-user-id", "7", "-contact-id", "1", "-")
	require.Zero(t, code, stderr)
	require.Contains(t, stdout, "0 messages")
}

func TestSecondRunGoesOnWhereTheFirstStopped(t *testing.T) {
	t.Parallel()
	crm := testcrm.NewServer(testcrm.ServerConfig{})
	defer crm.Close()
	server := httptest.NewServer(crm)
	defer server.Close()
	args := []string{"-json", "-store", "sqlite:" + filepath.Join(t.TempDir(), "a.db"), "-crm-url", server.URL,
		"-user-id", "7", "-contact-id", "con_1", "-"}
	code, stdout, stderr := backfill(t, conversations(9), args...)
	require.Zero(t, code, stderr)
	require.Len(t, lines(t, stdout), 9)
	calls := len(crm.Activities())

	code, stdout, stderr = backfill(t, conversations(12), args...)
	require.Zero(t, code, stderr)
	outcomes := make(map[string]int)
	for _, l := range lines(t, stdout) {
		outcomes[string(l.Outcome)]++
	}
	require.Equal(t, map[string]int{"duplicate": 9, "updated": 3}, outcomes)
	require.Len(t, crm.Activities(), calls)
}
