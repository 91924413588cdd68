package testcrm_test

import (
	"context"
	"fmt"
	"html"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/note"
	"github.com/crmlog/crmlog/testcrm"
	"github.com/stretchr/testify/require"
)

// A digest that the router and a person write by turns in a CRM that rewrites
// what it stores.
type rewritten struct {
	*testing.T
	random  *rand.Rand
	mode    testcrm.Rewriter
	crm     *testcrm.Server
	adapter *testcrm.Adapter
	router  *crmlog.Router
	logged  []crmlog.MessageInput // and not deleted by the person, oldest first
	deleted []crmlog.MessageInput
	remarks []string
}

func TestADigestGoesOnWhateverTheCRMMakesOfIt(t *testing.T) {
	t.Parallel()
	for _, mode := range testcrm.Rewriters() {
		for seed := range uint64(3) {
			t.Run(fmt.Sprintf("%s %d", mode.Name, seed), func(t *testing.T) {
				t.Parallel()
				crm, adapter := newAdapter(t, testcrm.ServerConfig{Rewrite: mode.Rewrite})
				r := &rewritten{T: t, random: rand.New(rand.NewPCG(21, seed)), mode: mode, crm: crm, adapter: adapter}
				r.router = r.newRouter()
				for fresh := r.messages(20); len(fresh) > 0; {
					n := min(1+r.random.IntN(4), len(fresh))
					r.log(fresh[:n])
					fresh = fresh[n:]
					r.edit()
					r.check()
				}
				r.forget()
			})
		}
	}
}

// newRouter has a store of its own.
func (r *rewritten) newRouter() *crmlog.Router {
	router, err := crmlog.NewRouter(r.adapter, crmlog.RouterConfig{Platform: testcrm.Platform})
	require.NoError(r, err)
	r.Cleanup(func() { require.NoError(r, router.Shutdown(context.Background())) })
	return router
}

// messages are of every kind, in any order. The first has the others' digest.
func (r *rewritten) messages(n int) []crmlog.MessageInput {
	all := make([]crmlog.MessageInput, n)
	for i := range all {
		m := message(1)
		m.Message.Subject = ""
		m.Message.ID = crmlog.ID(fmt.Sprint(3_062_991_514_017 + i))
		m.Message.CreationTime = time.Date(2026, 3, 10, 16, i/2, i, 0, time.UTC)
		text := fmt.Sprintf("text %02d.", i) + []string{
			"", "\nline two\n\nline four", " <b>not bold</b> & &amp; \"it's\" </li></ul>", " 👍 日本", " שלום", " ·" + quoted, "  two  spaces\u00a0and one", "\n- 9:30 AM Ann Lee: no entry",
		}[r.random.IntN(8)]
		media := "https://media.ringcentral.com/restapi/v1.0/account/1/extension/7/message-store/1/content/1?a=b&c=d"
		switch r.random.IntN(5) {
		case 0:
			m.Message.Type, m.Transcript = crmlog.MessageTypeVoiceMail, text
			m.RecordingLink = "https://media.example.com/9?a=1&b='2'"
		case 1:
			m.Message.Subject = text
			m.Message.Attachments = []crmlog.Attachment{{Type: crmlog.AttachmentTypeMMS, ContentType: "image/jpeg", FileName: "roof <1>.jpg", URI: media}}
		default:
			m.Message.Subject = text
		}
		if r.random.IntN(6) == 0 {
			m.Message.MessageStatus = crmlog.MessageStatusSendingFailed
		}
		all[i] = m
	}
	r.random.Shuffle(n, func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// log hands over messages that are new and some that came before.
func (r *rewritten) log(fresh []crmlog.MessageInput) {
	batch := slices.Clone(fresh)
	for _, m := range slices.Concat(r.logged, r.deleted) {
		if r.random.IntN(4) == 0 {
			batch = append(batch, m)
		}
	}
	report, err := r.router.Log(r.Context(), input(batch...))
	require.NoError(r, err)
	for i, e := range report.Entries {
		require.Equal(r, i < len(fresh), e.Outcome != crmlog.OutcomeDuplicate, r)
	}
	r.logged = append(r.logged, fresh...)
	slices.SortFunc(r.logged, func(a, b crmlog.MessageInput) int {
		return a.Message.CreationTime.Compare(b.Message.CreationTime)
	})
}

// quoted is a code that stands in texts.
const quoted = "7GtPp4EiwHS13NsUgh"

var codeBehind = regexp.MustCompile(`(?:·|&#183;)\w+`)

// edit is what a person does.
func (r *rewritten) edit() {
	id := r.crm.Activities()[0].ID
	remark := fmt.Sprintf("mine%d.", len(r.remarks))
	require.NoError(r, r.crm.EditBody(id, func(body string) string {
		codes := codeBehind.FindAllStringIndex(body, -1)
		switch edit := r.random.IntN(7); {
		case edit == 0:
			r.remarks = append(r.remarks, remark)
			return "<p>" + remark + "</p>" + body
		case edit == 1:
			r.remarks = append(r.remarks, remark)
			return body + "<p>" + remark + "</p>"
		case edit == 2 && len(codes) > 0: // between two entries
			at := codes[r.random.IntN(len(codes))][1]
			r.remarks = append(r.remarks, remark)
			return body[:at] + " " + remark + body[at:]
		case edit == 3: // changes words
			r.remarks = append(r.remarks, remark)
			return strings.Replace(body, "text ", remark+" <b>text</b> ", 1)
		case edit == 4 && r.mode.KeepsText && len(r.logged) > 2:
			i := r.random.IntN(len(r.logged))
			from := strings.Index(body, textOfMessage(r.logged[i]))
			if from < 0 { // in bold, as words of another edit are
				return body
			}
			k := slices.IndexFunc(codes, func(c []int) bool { return c[0] > from && !strings.HasSuffix(body[c[0]:c[1]], quoted) })
			to := codes[k][1]
			gone := body[from:to]
			for k, s := range r.remarks {
				if strings.Contains(gone, s) {
					r.remarks[k] = ""
				}
			}
			r.deleted = append(r.deleted, r.logged[i])
			r.logged = slices.Delete(r.logged, i, i+1)
			return body[:from] + body[to:]
		}
		return body
	}))
}

func textOfMessage(m crmlog.MessageInput) string {
	return (m.Message.Subject + m.Transcript)[:len("text 00.")]
}

// check requires that all messages stand, each once and in order, and all that
// the person wrote.
func (r *rewritten) check() {
	require.Len(r, r.crm.Activities(), 1)
	text := r.String()
	at := -1
	for _, m := range r.logged {
		require.Equal(r, 1, strings.Count(text, textOfMessage(m)), "%s in:\n%s", textOfMessage(m), text)
		here := strings.Index(text, textOfMessage(m))
		require.True(r, here > at || !r.mode.KeepsText, "%s is in its place in:\n%s", textOfMessage(m), text)
		at = here
	}
	for _, m := range r.deleted {
		require.NotContains(r, text, textOfMessage(m), "it stays deleted")
	}
	for _, remark := range r.remarks {
		require.Contains(r, text, remark)
	}
	if r.mode.KeepsText {
		require.Equal(r, 1, strings.Count(text, "Messages: "), text)
	}
}

// String is the digest as a person sees it.
func (r *rewritten) String() string {
	return html.UnescapeString(note.Text(r.crm.Activities()[0].Body, note.HTML))
}

// forget logs all of it again with a store that knows nothing: the record alone
// tells what stands in it.
func (r *rewritten) forget() {
	if !r.mode.KeepsText {
		return
	}
	router := r.newRouter()
	before := r.crm.Activities()[0]
	in := input(r.logged...)
	in.ExistingLogID = before.ID
	report, err := router.Log(r.Context(), in)
	require.NoError(r, err)
	for _, e := range report.Entries {
		require.Equal(r, crmlog.OutcomeDuplicate, e.Outcome)
	}
	require.Equal(r, before, r.crm.Activities()[0], "nothing was written")
	for _, m := range r.logged[:3] {
		result, err := r.adapter.UpdateMessageLog(r.Context(), crmlog.UpdateMessageLogInput{
			AddMessageLogInput: crmlog.AddMessageLogInput{
				User: in.User, Account: in.Account, ContactInfo: in.ContactInfo, AuthHeader: in.AuthHeader,
				Message: m.Message, RecordingLink: m.RecordingLink, Transcript: m.Transcript,
			},
			ExistingMessageLog: crmlog.ExistingMessageLog{LogID: before.ID},
		})
		require.NoError(r, err)
		require.True(r, result.AlreadyThere)
	}
	require.Equal(r, before, r.crm.Activities()[0])
}
