package pipedrive_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/note"
	"github.com/crmlog/crmlog/pipedrive"
	"github.com/crmlog/crmlog/pipedrive/pipedrivetest"
	"github.com/stretchr/testify/require"
)

// grace and settle are short, so that tests of unknown outcomes are.
const (
	grace  = 20 * time.Millisecond
	settle = 60 * time.Millisecond
)

// site is a fake Pipedrive behind a real HTTP server, and what logs to it.
type site struct {
	*pipedrivetest.Server
	t       *testing.T
	wire    *wire
	adapter *pipedrive.Adapter
	router  *crmlog.Router
}

func start(t *testing.T, company pipedrivetest.Config, config pipedrive.Config) *site {
	t.Helper()
	s := &site{Server: pipedrivetest.New(company), t: t}
	server := httptest.NewServer(s.Server)
	t.Cleanup(server.Close)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	s.wire = newWire(t, transport)
	config.BaseURL, config.Transport = server.URL, s.wire
	if config.SettleTime == 0 {
		config.SettleTime = settle
	}
	var err error
	s.adapter, err = pipedrive.New(config)
	require.NoError(t, err)
	s.router = s.newRouter(nil)
	return s
}

// newRouter is as another process's, when store is shared.
func (s *site) newRouter(store crmlog.Store) *crmlog.Router {
	s.t.Helper()
	router, err := crmlog.NewRouter(s.adapter, crmlog.RouterConfig{
		Platform: pipedrive.Platform, Store: store, Lease: 3 * time.Second, Grace: grace,
	})
	require.NoError(s.t, err)
	s.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		require.NoError(s.t, router.Shutdown(ctx))
	})
	return router
}

func logInput(messages ...crmlog.Message) crmlog.LogInput {
	in := input()
	log := crmlog.LogInput{User: in.User, ContactInfo: in.ContactInfo, AuthHeader: in.AuthHeader}
	log.User.TimezoneName = "America/Los_Angeles"
	for _, m := range messages {
		log.Messages = append(log.Messages, crmlog.MessageInput{Message: m})
	}
	return log
}

// log hands messages over and returns what became of them.
func (s *site) log(messages ...crmlog.Message) crmlog.Report {
	s.t.Helper()
	report, err := s.router.Log(s.t.Context(), logInput(messages...))
	require.NoError(s.t, err)
	return report
}

// only is the activity that is alone there and not deleted.
func (s *site) only() pipedrivetest.Activity {
	s.t.Helper()
	alive := slices.DeleteFunc(s.Activities(), func(a pipedrivetest.Activity) bool { return a.IsDeleted })
	require.Len(s.t, alive, 1)
	return alive[0]
}

// lines is what a person sees of a note.
func lines(a pipedrivetest.Activity) string { return note.Text(a.Note, note.HTML) }

func outcomes(r crmlog.Report) []crmlog.Outcome {
	var all []crmlog.Outcome
	for _, e := range r.Entries {
		all = append(all, e.Outcome)
	}
	return all
}

func outbound(id, at, words string) crmlog.Message {
	return text(id, crmlog.DirectionOutbound, at, words)
}

func inbound(id, at, words string) crmlog.Message {
	return text(id, crmlog.DirectionInbound, at, words)
}

func sampleMessage(t *testing.T) crmlog.Message {
	t.Helper()
	var in crmlog.AddMessageLogInput
	require.NoError(t, json.Unmarshal(golden(t, "add-input.json"), &in))
	return in.Message
}

func TestSampleMessageBecomesOneActivity(t *testing.T) {
	t.Parallel()
	s := start(t, pipedrivetest.Config{}, pipedrive.Config{})
	in := logInput(sampleMessage(t))
	in.User = crmlog.User{ID: "7", TimezoneName: "America/Los_Angeles"}
	in.ContactInfo = crmlog.ContactInfo{ID: "42", PhoneNumber: "+16505553204", Name: "A <b>B</b>"}
	report, err := s.router.Log(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, []crmlog.Outcome{crmlog.OutcomeAdded}, outcomes(report))
	require.Equal(t, "1", report.Entries[0].LogID)
	require.Equal(t, crmlog.ReturnMessageFor(nil), report.ReturnMessage)

	a := s.only()
	inOrder(t, lines(a), "SMS with A <b>B</b>", "Wednesday, February 18, 2015", "America/Los_Angeles", "5:24 AM", "Pat Agent", "Flight information")
	a.AddTime, a.UpdateTime, a.MarkedAsDoneTime, a.Note = time.Time{}, time.Time{}, time.Time{}, ""
	require.Equal(t, pipedrivetest.Activity{
		ID: 1, Subject: "SMS with A <b>B</b>", Type: "sms", OwnerID: 7, CreatorUserID: 7, PersonID: 42,
		Participants: []pipedrivetest.Participant{{PersonID: 42, Primary: true}},
		DueDate:      "2015-02-18", DueTime: "13:24", Done: true,
	}, a)

	before := s.Calls("", "")
	report, err = s.router.Log(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, []crmlog.Outcome{crmlog.OutcomeDuplicate}, outcomes(report))
	require.Equal(t, "1", report.Entries[0].LogID)
	require.Equal(t, before, s.Calls("", ""), "the CRM is not asked")
}

func TestCostWithWarmCaches(t *testing.T) {
	t.Parallel()
	s := start(t, pipedrivetest.Config{}, pipedrive.Config{})
	cost := func(messages ...crmlog.Message) (calls, tokens int) {
		s.ResetRequests()
		in := logInput(messages...)
		in.User.Name = ""
		_, err := s.router.Log(t.Context(), in)
		require.NoError(t, err)
		return s.Calls("", ""), s.Tokens()
	}
	calls, tokens := cost(outbound("9001", "2026-03-02T17:00:00Z", "one"))
	require.Equal(t, []int{3, 2 + 20 + 5}, []int{calls, tokens}, "cold: who, which types, and the activity")
	calls, tokens = cost(outbound("9002", "2026-03-03T17:00:00Z", "two"))
	require.Equal(t, []int{1, 5}, []int{calls, tokens}, "a first message")
	calls, tokens = cost(outbound("9003", "2026-03-03T17:05:00Z", "three"))
	require.Equal(t, []int{2, 6}, []int{calls, tokens}, "an update")
	calls, tokens = cost(inbound("9004", "2026-03-03T17:06:00Z", "four"))
	require.Equal(t, []int{2, 6}, []int{calls, tokens}, "an inbound update")
	calls, tokens = cost(outbound("9005", "2026-03-03T17:07:00Z", "five"), inbound("9006", "2026-03-03T17:08:00Z", "six"),
		outbound("9007", "2026-03-03T17:09:00Z", "seven"), inbound("9008", "2026-03-03T17:10:00Z", "eight"))
	require.Equal(t, []int{2, 6}, []int{calls, tokens}, "four updates together")
	calls, tokens = cost(outbound("9003", "2026-03-03T17:05:00Z", "three"))
	require.Equal(t, []int{0, 0}, []int{calls, tokens}, "a duplicate")
}

func TestAccountIsAskedOnceForManyAtOnce(t *testing.T) {
	t.Parallel()
	s := start(t, pipedrivetest.Config{Latency: 20 * time.Millisecond}, pipedrive.Config{})
	const callers = 20
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			in := logInput(outbound(strconv.Itoa(9000+i), "2026-03-02T17:00:00Z", "Hello"))
			in.User.Name = ""
			in.ContactInfo.ID = crmlog.ID(strconv.Itoa(100 + i))
			_, errs[i] = s.router.Log(t.Context(), in)
		})
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	require.Equal(t, 1, s.Calls("GET", "/v1/users/me"))
	require.Equal(t, 1, s.Calls("GET", "/v1/activityTypes"))
	require.Equal(t, callers, s.Calls("POST", "/api/v2/activities"))
	require.Len(t, s.Activities(), callers)
	for _, a := range s.Activities() {
		require.Contains(t, a.Note, "Pat Agent")
	}
}

func TestManyCallersOfOneDigestMakeOneActivity(t *testing.T) {
	t.Parallel()
	s := start(t, pipedrivetest.Config{}, pipedrive.Config{})
	const messages = 20
	errs := make([]error, 2*messages)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			n := i % messages // each message by two callers
			_, errs[i] = s.router.Log(t.Context(), logInput(outbound(
				strconv.Itoa(9000+n), fmt.Sprintf("2026-03-02T17:%02d:00Z", n), fmt.Sprintf("text %02d", n))))
		})
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	var want []string
	for n := range messages {
		want = append(want, fmt.Sprintf("text %02d", n))
	}
	shown := lines(s.only())
	inOrder(t, shown, want...)
	require.Equal(t, messages, strings.Count(shown, "text "))
	require.Equal(t, 1, s.Calls("POST", ""))
}

func TestWhatAPersonWroteInTheNoteStays(t *testing.T) {
	t.Parallel()
	s := start(t, pipedrivetest.Config{}, pipedrive.Config{})
	s.log(outbound("9001", "2026-03-02T17:00:00Z", "first"), inbound("9002", "2026-03-02T17:10:00Z", "second"))
	require.True(t, s.EditNote(1, func(n string) string {
		n = strings.Replace(n, "first", "first <b>(hot lead!)</b>", 1)
		return "<p>Call her on Friday</p>" + n + "<p>Budget: 5,000</p>"
	}))
	due := s.only().DueTime
	s.log(outbound("9003", "2026-03-02T17:05:00Z", "between"), inbound("9004", "2026-03-02T17:20:00Z", "last"))

	a := s.only()
	inOrder(t, lines(a), "Call her on Friday", "first (hot lead!)", "between", "second", "last", "Budget: 5,000")
	require.Contains(t, a.Note, "<b>(hot lead!)</b>")
	require.Equal(t, due, a.DueTime, "an update does not move it")
	require.True(t, a.Done)
	require.EqualValues(t, 42, a.PersonID)
}

func TestEntryThatAPersonDeletedStaysDeleted(t *testing.T) {
	t.Parallel()
	s := start(t, pipedrivetest.Config{}, pipedrive.Config{})
	s.log(outbound("9001", "2026-03-02T17:00:00Z", "first"), inbound("9002", "2026-03-02T17:10:00Z", "regrettable"))
	require.True(t, s.EditNote(1, func(n string) string {
		from := strings.LastIndex(n, "<li>")
		to := strings.LastIndex(n, "</li>") + len("</li>")
		return n[:from] + n[to:]
	}))
	require.NotContains(t, lines(s.only()), "regrettable")
	report := s.log(inbound("9002", "2026-03-02T17:10:00Z", "regrettable"), inbound("9003", "2026-03-02T17:20:00Z", "third"))
	require.Equal(t, []crmlog.Outcome{crmlog.OutcomeDuplicate, crmlog.OutcomeUpdated}, outcomes(report))
	require.NotContains(t, lines(s.only()), "regrettable")
	inOrder(t, lines(s.only()), "first", "third")
}

func TestEmptiedNoteIsNoError(t *testing.T) {
	t.Parallel()
	s := start(t, pipedrivetest.Config{}, pipedrive.Config{})
	s.log(outbound("9001", "2026-03-02T17:00:00Z", "first"))
	require.True(t, s.EditNote(1, func(string) string { return "" })) // reads as null
	s.log(outbound("9002", "2026-03-02T17:10:00Z", "second"))
	require.Contains(t, lines(s.only()), "second")
}

// The files in testdata are of our own making, in the layout of RingCentral's
// extension.
func TestActivityOfAppConnectIsContinued(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"appconnect.html", "appconnect.txt"} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			s := start(t, pipedrivetest.Config{}, pipedrive.Config{})
			s.log(opening(0)) // an activity to be made theirs
			require.True(t, s.EditNote(1, func(string) string { return string(golden(t, file)) }))

			in := logInput(
				inbound("9001", "2026-03-10T16:01:59Z", "Is the blue one in stock?"),
				inbound("9002", "2026-03-10T16:02:00Z", "Is the blue one in stock?"),
				outbound("9003", "2026-03-10T16:03:00Z", "It is, for $1,240."),
				inbound("9004", "2026-03-10T16:05:00Z", "Great, 2 please\n& a helmet"),
				outbound("9005", "2026-03-10T16:59:00Z", "Bye"),
			)
			in.User.Name, in.ContactInfo.Name, in.ContactInfo.PhoneNumber = "Sam Seller", "Ann Lee", "+16505550101"
			in.ExistingLogID = "1"
			report, err := s.router.Log(t.Context(), in)
			require.NoError(t, err)
			duplicate, updated := crmlog.OutcomeDuplicate, crmlog.OutcomeUpdated
			require.Equal(t, []crmlog.Outcome{duplicate, updated, duplicate, duplicate, updated}, outcomes(report))
			inOrder(t, lines(s.only()), "Conversation(5 messages)", "BEGIN", "09:01 AM", "Is the blue one in stock?",
				"9:02 AM Ann Lee: Is the blue one in stock?", "09:03 AM", "It is, for $1,240.", "09:05 AM", "a helmet",
				"9:59 AM Sam Seller: Bye", "------------\nEND", "Created via")

			before := s.only()
			report, err = s.newRouter(nil).Log(t.Context(), in)
			require.NoError(t, err)
			require.Equal(t, []crmlog.Outcome{duplicate, duplicate, duplicate, duplicate, duplicate}, outcomes(report), "by a store that knows nothing")
			require.Equal(t, before, s.only())
		})
	}
}

func TestLinksOfPeopleStay(t *testing.T) {
	t.Parallel()
	s := start(t, pipedrivetest.Config{}, pipedrive.Config{})
	in := logInput(outbound("9001", "2026-03-02T17:00:00Z", "one"))
	for i, submission := range []crmlog.AdditionalSubmission{nil, {"deals": "12"}, {"deals": "13"}, {"leads": leadID}, {"deals": "", "leads": ""}, nil} {
		in.Messages[0].Message.ID = crmlog.ID(strconv.Itoa(9001 + i))
		in.Messages[0].AdditionalSubmission = submission
		_, err := s.router.Log(t.Context(), in)
		require.NoError(t, err)
		want := int64(12)
		if i == 0 {
			want = 0
		}
		require.Equal(t, want, s.only().DealID)
		require.Empty(t, s.only().LeadID)
	}
}

func TestDeletedActivityIsOpenedAnewWithAWarning(t *testing.T) {
	t.Parallel()
	for name, deleted := range map[string]pipedrivetest.DeletedAnswer{
		"not found":        pipedrivetest.DeletedNotFound,
		"gone":             pipedrivetest.DeletedGone,
		"shown as deleted": pipedrivetest.DeletedShown,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, pipedrivetest.Config{Deleted: deleted}, pipedrive.Config{SettleTime: time.Nanosecond})
			s.log(outbound("9001", "2026-03-02T17:00:00Z", "first"))
			require.True(t, s.DeleteActivity(1))
			s.ResetRequests()

			report := s.log(outbound("9002", "2026-03-02T17:10:00Z", "second"))
			require.Equal(t, "2", report.Entries[0].LogID)
			require.Equal(t, crmlog.Warning, report.ReturnMessage.MessageType)
			require.Contains(t, report.ReturnMessage.Message, "deleted")
			require.Equal(t, []string{"GET /api/v2/activities/1", "POST /api/v2/activities"}, s.wire.calls()[2:])

			report = s.log(outbound("9003", "2026-03-02T17:20:00Z", "third"))
			require.Equal(t, crmlog.Success, report.ReturnMessage.MessageType)
			inOrder(t, lines(s.only()), "second", "third")
			require.NotContains(t, lines(s.only()), "first", "what was deleted stays deleted")
		})
	}
}

// The activity is made, the answer is lost.
func TestLostAnswerToACreateMakesNoSecondActivity(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]pipedrivetest.Fault{
		"a cut connection": {Drop: true},
		"half an answer":   {Truncate: true},
		"a 500":            {Status: 500, Body: `{"success":false}`},
		"a page":           {Status: 200, Body: "<html>maintenance</html>"},
		"success:false":    pipedrivetest.Unsuccessful(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, pipedrivetest.Config{ListLag: settle / 2}, pipedrive.Config{})
			// Other digests of the same person, of which one is of the same day.
			other := outbound("8001", "2026-03-02T16:00:00Z", "another conversation")
			other.ConversationID = "5500"
			s.log(other, outbound("8002", "2026-03-01T17:00:00Z", "the day before"))
			fault.Method, fault.Path, fault.Commit = "POST", "/api/v2/activities", !fault.Truncate
			s.Fail(fault)
			before := s.Calls("GET", "/api/v2/activities")

			report := s.log(outbound("9001", "2026-03-02T17:00:00Z", "first"))
			require.Equal(t, []crmlog.Outcome{crmlog.OutcomeAdded}, outcomes(report))
			require.Equal(t, "3", report.Entries[0].LogID)
			require.Empty(t, s.PendingFaults())
			require.Equal(t, before+1, s.Calls("GET", "/api/v2/activities"))
			require.Len(t, s.Activities(), 3)

			report = s.log(outbound("9002", "2026-03-02T17:01:00Z", "second"), outbound("9001", "2026-03-02T17:00:00Z", "first"))
			require.Equal(t, []crmlog.Outcome{crmlog.OutcomeUpdated, crmlog.OutcomeDuplicate}, outcomes(report))
			require.Len(t, s.Activities(), 3)
			a, _ := s.Activity(3)
			inOrder(t, lines(a), "first", "second")
			require.Equal(t, 1, strings.Count(lines(a), "first"))
		})
	}
}

// The request is lost before Pipedrive sees it.
func TestLostCreateIsMadeAgain(t *testing.T) {
	t.Parallel()
	s := start(t, pipedrivetest.Config{}, pipedrive.Config{})
	s.Fail(pipedrivetest.Fault{Method: "POST", Drop: true})
	report := s.log(outbound("9001", "2026-03-02T17:00:00Z", "first"))
	require.Equal(t, []crmlog.Outcome{crmlog.OutcomeAdded}, outcomes(report))
	require.Equal(t, 2, s.Calls("POST", "/api/v2/activities"))
	require.Equal(t, 1, s.Calls("GET", "/api/v2/activities"))
	require.Contains(t, lines(s.only()), "first")
}

func TestLostAnswerToAnUpdateAddsNoSecondEntry(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]pipedrivetest.Fault{
		"once, applied":     {Drop: true, Commit: true},
		"once, not applied": {Drop: true},
		"seven times, and so to the end of one call's tries": {Drop: true, Commit: true, Times: 7},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, pipedrivetest.Config{}, pipedrive.Config{})
			s.log(outbound("9001", "2026-03-02T17:00:00Z", "first"))
			fault.Method = "PATCH"
			s.Fail(fault)
			report := s.log(outbound("9002", "2026-03-02T17:01:00Z", "second"))
			require.Equal(t, []crmlog.Outcome{crmlog.OutcomeUpdated}, outcomes(report))
			inOrder(t, lines(s.only()), "first", "second")
			require.Equal(t, 1, strings.Count(lines(s.only()), "second"))
		})
	}
}

// found is the adapter's search for the digest of a message.
func (s *site) found(m crmlog.Message, since time.Time) []crmlog.FoundMessageLog {
	s.t.Helper()
	in := inputWith(func(in *crmlog.AddMessageLogInput) {
		in.User.TimezoneName, in.Message = "America/Los_Angeles", m
	})
	digest, err := crmlog.NewDigestRef(pipedrive.Platform, in)
	require.NoError(s.t, err)
	s.ResetRequests()
	found, err := s.adapter.FindMessageLogs(s.t.Context(), crmlog.FindInput{
		User: in.User, ContactInfo: in.ContactInfo, AuthHeader: in.AuthHeader, Digest: digest, Since: since,
	})
	require.NoError(s.t, err)
	return found
}

func TestDigestsOfOnePersonLieSideBySide(t *testing.T) {
	t.Parallel()
	s := start(t, pipedrivetest.Config{}, pipedrive.Config{})
	var first, second []crmlog.Message
	for i := range 6 {
		conversation, day := i%3, 2+i/3
		m := outbound(strconv.Itoa(9000+i), fmt.Sprintf("2026-03-%02dT17:00:00Z", day), fmt.Sprintf("opens %d", i))
		m.ConversationID = crmlog.ID(strconv.Itoa(4400 + conversation))
		first = append(first, m)
		m.ID, m.Subject, m.CreationTime = m.ID+"0", fmt.Sprintf("follows %d", i), m.CreationTime.Add(time.Minute)
		second = append(second, m)
	}
	s.log(first...)
	report := s.log(second...)
	require.Len(t, s.Activities(), 6)
	for i, a := range s.Activities() {
		require.Equal(t, strconv.FormatInt(a.ID, 10), report.Entries[slices.IndexFunc(second, func(m crmlog.Message) bool {
			return strings.Contains(a.Note, m.Subject)
		})].LogID)
		require.Equal(t, 2, strings.Count(lines(a), "opens")+strings.Count(lines(a), "follows"), "activity %d", i+1)
	}
	for i, m := range first {
		found := s.found(m, time.Time{})
		require.Len(t, found, 1)
		require.Equal(t, report.Entries[i].LogID, found[0].LogID)
		require.Equal(t, []crmlog.ID{m.ID, second[i].ID}, found[0].MessageIDs)
	}
}

// clock is moved by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// opening opens the n-th of many digests of one person.
func opening(n int) crmlog.Message {
	m := outbound(strconv.Itoa(9000+n), "2026-03-02T17:00:00Z", fmt.Sprintf("opens %d", n))
	m.ConversationID = crmlog.ID(strconv.Itoa(4400 + n))
	return m
}

func TestSearchGoesBackToSinceAndNoFurther(t *testing.T) {
	t.Parallel()
	c := &clock{now: time.Date(2026, 3, 2, 18, 0, 0, 0, time.UTC)}
	s := start(t, pipedrivetest.Config{Clock: c.Now}, pipedrive.Config{})
	const total = 60
	times := make([]time.Time, total)
	for n := range total {
		times[n] = c.Now()
		s.log(opening(n))
		c.Advance(10 * time.Minute)
	}
	pages := func() int { return s.Calls("GET", "/api/v2/activities") }

	found := s.found(opening(total-1), times[total-1])
	require.Len(t, found, 1)
	require.Equal(t, 1, pages())

	require.Empty(t, s.found(opening(total-10), times[total-2]), "older than Since is not meant")
	require.Equal(t, 1, pages())

	found = s.found(opening(5), times[5])
	require.Len(t, found, 1, "over all the pages that it takes")
	require.Equal(t, "6", found[0].LogID)
	require.GreaterOrEqual(t, pages(), 3)
	all := pages()

	require.Len(t, s.found(opening(5), times[5].Add(4*time.Minute)), 1, "clocks may differ by some minutes")
	require.Empty(t, s.found(opening(5), times[5].Add(6*time.Minute)))

	require.Empty(t, s.found(opening(total), time.Time{}), "without Since, to the end")
	require.GreaterOrEqual(t, pages(), all)
	require.Len(t, s.found(opening(0), time.Time{}), 1)

	require.True(t, s.EditNote(1, func(n string) string { return n + " touched" }))
	require.Len(t, s.found(opening(total-2), times[total-2]), 1, "an old one that was changed does not end the search")
}

func TestSearchAsksForThePersonsActivities(t *testing.T) {
	t.Parallel()
	s := start(t, pipedrivetest.Config{}, pipedrive.Config{})
	s.log(opening(0))
	in := logInput(opening(0))
	in.ContactInfo.ID = "43"
	_, err := s.router.Log(t.Context(), in)
	require.NoError(t, err)
	found := s.found(opening(0), time.Time{})
	require.Len(t, found, 1)
	require.Equal(t, "1", found[0].LogID)
	require.Equal(t, "42", s.wire.last(t).url.Query().Get("person_id"))
}

func TestSearchReturnsTheOldestFirstAndNothingDeleted(t *testing.T) {
	t.Parallel()
	c := &clock{now: time.Date(2026, 3, 2, 18, 0, 0, 0, time.UTC)}
	s := start(t, pipedrivetest.Config{Clock: c.Now, ListDeleted: true}, pipedrive.Config{})
	m := opening(0)
	for range 4 {
		_, err := s.adapter.AddMessageLog(t.Context(), inputWith(func(in *crmlog.AddMessageLogInput) {
			in.User.TimezoneName, in.Message = "America/Los_Angeles", m
		}))
		require.NoError(t, err)
		c.Advance(time.Second)
	}
	require.True(t, s.DeleteActivity(2))
	ids := []string{}
	for _, f := range s.found(m, time.Time{}) {
		ids = append(ids, f.LogID)
		require.Equal(t, []crmlog.ID{m.ID}, f.MessageIDs)
	}
	require.Equal(t, []string{"1", "3", "4"}, ids)
}

func TestSearchThatFailsIsNoNotThere(t *testing.T) {
	t.Parallel()
	s := start(t, pipedrivetest.Config{}, pipedrive.Config{})
	s.Fail(pipedrivetest.Fault{Method: "GET", Path: "/api/v2/activities", Status: 403, Body: `{"success":false,"error":"no"}`})
	_, err := s.adapter.FindMessageLogs(t.Context(), crmlog.FindInput{
		User: input().User, ContactInfo: input().ContactInfo, AuthHeader: authHeader,
	})
	require.ErrorIs(t, err, crmlog.ErrForbidden)
}

func TestWrongCredential(t *testing.T) {
	t.Parallel()
	s := start(t, pipedrivetest.Config{Users: map[string]pipedrivetest.User{
		"Bearer right":    {ID: 7, Name: "Pat Agent"},
		"0123c4narytoken": {ID: 7, Name: "Pat Agent"},
	}}, pipedrive.Config{})
	in := logInput(outbound("9001", "2026-03-02T17:00:00Z", "first"))
	in.AuthHeader = "Bearer wrong"
	report, err := s.router.Log(t.Context(), in)
	require.ErrorIs(t, err, crmlog.ErrUnauthorized)
	require.Equal(t, crmlog.Danger, report.ReturnMessage.MessageType)
	require.Empty(t, s.Activities())

	in.AuthHeader = "x-api-token 0123c4narytoken"
	report, err = s.router.Log(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, []crmlog.Outcome{crmlog.OutcomeAdded}, outcomes(report))
	in.AuthHeader, in.Messages[0].Message.ID = "Bearer right", "9002"
	_, err = s.router.Log(t.Context(), in)
	require.NoError(t, err)
	inOrder(t, lines(s.only()), "first", "first")
}
