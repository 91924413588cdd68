package adaptertest_test

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/adaptertest"
	"github.com/crmlog/crmlog/crmhttp"
	"github.com/crmlog/crmlog/crmnote"
	"github.com/crmlog/crmlog/note"
)

// acmeLimit is how many characters a note of the CRM has at most.
const acmeLimit = 12_000

// acmeTitle is how many a title has at most.
const acmeTitle = 120

type acmeNote struct {
	ID      string `json:"id,omitempty"`
	Contact string `json:"contact,omitempty"`
	Key     string `json:"key,omitempty"`
	Title   string `json:"title,omitempty"`
	Text    string `json:"text"`
	Version int    `json:"version,omitempty"`
}

func (n *acmeNote) CheckAnswer() error {
	if n.ID == "" {
		return errors.New("no note in it")
	}
	return nil
}

type acmeList struct {
	Notes []acmeNote `json:"notes"`
	Next  string     `json:"next,omitempty"` // where the next page begins
}

// acmePage is how many notes a page has at most.
const acmePage = 20

func (l *acmeList) CheckAnswer() error {
	if l.Notes == nil {
		return errors.New("no list in it")
	}
	return nil
}

// newAcme is a CRM of notes in HTML, with versions.
func newAcme() *adaptertest.Fake { return newAcmeCounting(utf8.RuneCountInString) }

// newAcmeCounting is one whose limit counts so.
func newAcmeCounting(size func(string) int) *adaptertest.Fake {
	shown := func(r adaptertest.FakeRecord) acmeNote {
		return acmeNote{
			ID: r.ID, Version: r.Version, Text: r.Body,
			Contact: r.Fields["contact"].(string), Key: r.Fields["key"].(string),
		}
	}
	var keys sync.Mutex
	refused := func(status int, code string) adaptertest.Answer {
		return adaptertest.Answer{Status: status, Body: map[string]string{"code": code}}
	}
	missing := func(f *adaptertest.Fake, id string) *adaptertest.Answer {
		r, ok := f.Get(id)
		a := refused(http.StatusNotFound, "unknown")
		if ok && r.Deleted {
			a = refused(http.StatusGone, "deleted")
		} else if ok {
			return nil
		}
		return &a
	}
	return adaptertest.NewFake(adaptertest.FakeConfig{
		Text: func(body string) string { return note.Text(body, note.HTML) },
		Check: func(c adaptertest.Call) *adaptertest.Answer {
			if !strings.HasPrefix(c.Header.Get("Authorization")+c.Header.Get("X-Api-Key"), "Bearer ") {
				a := refused(http.StatusUnauthorized, "unauthorized")
				return &a
			}
			return nil
		},
		Routes: map[string]func(*adaptertest.Fake, adaptertest.Call) adaptertest.Answer{
			"POST /notes": func(f *adaptertest.Fake, c adaptertest.Call) adaptertest.Answer {
				var n acmeNote
				if refusal := c.Decode(&n); refusal != nil {
					return *refusal
				}
				if size(n.Text) > acmeLimit || utf8.RuneCountInString(n.Title) > acmeTitle {
					return refused(http.StatusRequestEntityTooLarge, "too_long")
				}
				r := f.Create(adaptertest.FakeRecord{Body: n.Text, Fields: map[string]any{"contact": n.Contact, "key": n.Key}})
				return adaptertest.Answer{Status: http.StatusCreated, Body: shown(r)}
			},
			"PUT /keys/{key}": func(f *adaptertest.Fake, c adaptertest.Call) adaptertest.Answer {
				var n acmeNote
				if refusal := c.Decode(&n); refusal != nil {
					return *refusal
				}
				keys.Lock() // routes run at the same time
				defer keys.Unlock()
				for _, r := range f.All() {
					if !r.Deleted && r.Fields["key"] == n.Key {
						return adaptertest.Answer{Body: shown(r)}
					}
				}
				return adaptertest.Answer{Status: http.StatusCreated, Body: shown(f.Create(adaptertest.FakeRecord{
					Body: n.Text, Fields: map[string]any{"contact": n.Contact, "key": n.Key},
				}))}
			},
			"GET /notes/{id}": func(f *adaptertest.Fake, c adaptertest.Call) adaptertest.Answer {
				if refusal := missing(f, c.PathValue("id")); refusal != nil {
					return *refusal
				}
				r, _ := f.Get(c.PathValue("id"))
				return adaptertest.Answer{Body: shown(r)}
			},
			"PUT /notes/{id}": func(f *adaptertest.Fake, c adaptertest.Call) adaptertest.Answer {
				var n acmeNote
				if refusal := c.Decode(&n); refusal != nil {
					return *refusal
				}
				if refusal := missing(f, c.PathValue("id")); refusal != nil {
					return *refusal
				}
				if size(n.Text) > acmeLimit {
					return refused(http.StatusRequestEntityTooLarge, "too_long")
				}
				r, ok := f.Change(c.PathValue("id"), func(r *adaptertest.FakeRecord) bool {
					if c.Header.Get("If-Match") != "" && c.Header.Get("If-Match") != strconv.Itoa(r.Version) {
						return false
					}
					r.Body = n.Text
					return true
				})
				if !ok {
					return refused(http.StatusConflict, "conflict")
				}
				return adaptertest.Answer{Body: shown(r)}
			},
			"GET /notes": func(f *adaptertest.Fake, c adaptertest.Call) adaptertest.Answer {
				list := acmeList{Notes: []acmeNote{}}
				for _, r := range f.All() {
					if !r.Deleted && (r.Fields["key"] == c.URL.Query().Get("key") || r.Fields["contact"] == c.URL.Query().Get("contact")) {
						list.Notes = append(list.Notes, shown(r))
					}
				}
				from, _ := strconv.Atoi(c.URL.Query().Get("from"))
				list.Notes = list.Notes[min(from, len(list.Notes)):]
				if len(list.Notes) > acmePage {
					list.Notes, list.Next = list.Notes[:acmePage], strconv.Itoa(from+acmePage)
				}
				return adaptertest.Answer{Body: list}
			},
		},
	})
}

// wrong is what an acme adapter does wrong; the zero value is nothing.
type wrong struct {
	add        func(in *crmlog.AddMessageLogInput) // at the beginning of each call
	transport  func(http.RoundTripper) http.RoundTripper
	repeat     bool // a create whose outcome is unknown
	limit      int
	inBytes    bool // the limit
	longTitle  bool // not cut
	raw        bool // nothing is escaped
	replace    bool // the text, in place of adding to it
	lastWins   bool // no conditional writes
	looksFirst bool // for the record, in an add
	writesSame bool // what stands there already
	inTwoSteps bool // the record, then its text
	readsTwice bool // the version, again just before the write
	anyRecord  bool // is found
	noFind     bool // finds nothing
	onePage    bool // is found
	tell       bool // texts in errors
	log        bool // texts in logs
	notTyped   bool // errors
	never      bool // unknown outcomes: NotDone
	always     bool // the reverse
	goneIsLost bool // no ErrLogGone
	inURL      bool // the credential
	inHeader   bool // the credential, and not in Auth
	deaf       bool // to contexts
	noChecks   bool // of answers
	oneByOne   bool // batches
	hidden     bool // in a wrapper without Unwrap
	sharedAuth bool // the first credential for all
	byKey      bool // nothing wrong: the CRM creates by key
}

// acme is an adapter for the CRM, as one should be but for what is wrong.
type acme struct {
	wrong  wrong
	config adaptertest.Config
	client *crmhttp.Client
	auth   atomic.Pointer[crmlog.AuthHeader]
}

func newAcmeAdapter(w wrong, c adaptertest.Config) (crmlog.Adapter, error) {
	transport := c.Transport
	if w.transport != nil {
		transport = w.transport(transport)
	}
	client, err := crmhttp.New(crmhttp.Config{Name: "acme", Transport: transport, Timeout: c.Timeout, Logger: c.Logger})
	if err != nil {
		return nil, err
	}
	a := &acme{wrong: w, config: c, client: client}
	if w.hidden {
		return struct{ crmlog.Adapter }{a}, nil
	}
	return a, nil
}

func (a *acme) do(ctx context.Context, auth crmlog.AuthHeader, req crmhttp.Request, out any) error {
	if a.wrong.sharedAuth {
		first := auth
		a.auth.CompareAndSwap(nil, &first)
		auth = *a.auth.Load()
	}
	if a.wrong.inURL {
		if req.Query == nil {
			req.Query = url.Values{}
		}
		req.Query.Set("token", strings.TrimPrefix(string(auth), "Bearer "))
	}
	if a.wrong.deaf {
		ctx = context.WithoutCancel(ctx)
	}
	req.BaseURL, req.Auth = a.config.BaseURL, auth
	if a.wrong.inHeader {
		if req.Header == nil {
			req.Header = http.Header{}
		}
		req.Header.Set("X-Api-Key", string(auth))
		req.Auth = ""
	}
	_, err := a.client.Do(ctx, req, out)
	if a.wrong.log && a.config.Logger != nil {
		a.config.Logger.InfoContext(ctx, "called", "body", fmt.Sprint(req.Body))
	}
	return a.spoiled(err, req)
}

func (a *acme) spoiled(err error, req crmhttp.Request) error {
	var api *crmlog.APIError
	if !errors.As(err, &api) {
		return err
	}
	switch spoiled := *api; {
	case a.wrong.tell:
		return fmt.Errorf("%w: %v", err, req.Body)
	case a.wrong.notTyped:
		return errors.New("it failed")
	case a.wrong.goneIsLost && errors.Is(err, crmlog.ErrLogGone):
		spoiled.Kind = crmlog.ErrNotFound
		return &spoiled
	case a.wrong.never:
		spoiled.NotDone = true
		return &spoiled
	case a.wrong.always:
		spoiled.NotDone = false
		return &spoiled
	}
	return err
}

func (a *acme) prepare(in crmlog.AddMessageLogInput) (crmnote.Log, crmlog.AddMessageLogInput, error) {
	if a.wrong.add != nil {
		a.wrong.add(&in)
	}
	if in.Digest.IsZero() {
		digest, err := crmlog.NewDigestRef("acme", in)
		if err != nil {
			return crmnote.Log{}, in, err
		}
		in.Digest = digest
	}
	if strings.TrimSpace(string(in.ContactInfo.ID)) == "" {
		return crmnote.Log{}, in, &crmlog.InputError{Field: "contactInfo.id", Problem: "empty; give the contact's id"}
	}
	limit := acmeLimit
	if a.wrong.limit > 0 {
		limit = a.wrong.limit
	}
	size := utf8.RuneCountInString
	if a.wrong.inBytes {
		size = nil
	}
	return crmnote.New(in, note.Options{Format: note.HTML, Limit: limit, Size: size}), in, nil
}

func (a *acme) AddMessageLog(ctx context.Context, in crmlog.AddMessageLogInput) (crmlog.MessageLogResult, error) {
	log, in, err := a.prepare(in)
	if err != nil {
		return crmlog.MessageLogResult{}, err
	}
	body, results, err := crmnote.AddTo("", log)
	if err != nil {
		return crmlog.MessageLogResult{}, err
	}
	if a.wrong.looksFirst {
		if err := a.do(ctx, in.AuthHeader, crmhttp.Request{Operation: "list notes", Path: []string{"notes"}}, nil); err != nil {
			return crmlog.MessageLogResult{}, err
		}
	}
	var created acmeNote
	req := crmhttp.Request{
		Operation: "create note", Method: http.MethodPost, Path: []string{"notes"}, Idempotent: a.wrong.repeat,
		Body: acmeNote{Contact: string(in.ContactInfo.ID), Key: acmeKey(in.Digest), Title: a.title(log), Text: a.escaped(body)},
	}
	if a.wrong.byKey {
		req.Method, req.Path, req.Idempotent = http.MethodPut, []string{"keys", acmeKey(in.Digest)}, true
	}
	if a.wrong.inTwoSteps {
		req.Body = acmeNote{Contact: string(in.ContactInfo.ID), Key: acmeKey(in.Digest)}
	}
	err = a.do(ctx, in.AuthHeader, req, a.checked(&created))
	if err == nil && a.wrong.inTwoSteps {
		_, err = a.update(ctx, created.ID, crmnote.AddTo, in)
	}
	if err != nil {
		return crmlog.MessageLogResult{}, err
	}
	return crmlog.MessageLogResult{LogID: created.ID, ReturnMessage: crmlog.ReturnMessageFor(nil)}, results[0].Err
}

func (a *acme) title(log crmnote.Log) string {
	title := []rune(log.Title())
	if a.wrong.longTitle {
		return string(title)
	}
	return string(title[:min(len(title), acmeTitle)])
}

// checked leaves an answer's check out where that is what is wrong.
func (a *acme) checked(n *acmeNote) any {
	if a.wrong.noChecks {
		type unchecked acmeNote
		return (*unchecked)(n)
	}
	return n
}

func (a *acme) escaped(body string) string {
	if a.wrong.raw {
		return html.UnescapeString(body)
	}
	return body
}

func acmeKey(d crmlog.DigestRef) string { return d.Ref + "." + strconv.Itoa(max(d.Part, 1)) }

func (a *acme) UpdateMessageLog(ctx context.Context, in crmlog.UpdateMessageLogInput) (crmlog.MessageLogResult, error) {
	id := in.ExistingMessageLog.LogID
	results, err := a.update(ctx, id, crmnote.AddTo, in.AddMessageLogInput)
	return crmnote.One(id, results, err)
}

func (a *acme) UpdateMessageLogs(ctx context.Context, in crmlog.UpdateMessageLogsInput) (crmlog.UpdateMessageLogsResult, error) {
	id := in.ExistingMessageLog.LogID
	if !a.wrong.oneByOne {
		return crmnote.Many(a.update(ctx, id, crmnote.AddTo, in.Messages...))
	}
	var all []crmlog.UpdateResult
	for _, m := range in.Messages {
		results, err := a.update(ctx, id, crmnote.AddTo, m)
		if err != nil {
			return crmlog.UpdateMessageLogsResult{}, err
		}
		all = append(all, results...)
	}
	return crmnote.Many(all, nil)
}

func (a *acme) AmendMessageLog(ctx context.Context, in crmlog.UpdateMessageLogInput) (crmlog.MessageLogResult, error) {
	id := in.ExistingMessageLog.LogID
	results, err := a.update(ctx, id, crmnote.Amend, in.AddMessageLogInput)
	return crmnote.One(id, results, err)
}

func (a *acme) update(ctx context.Context, id string, change crmnote.Change, in ...crmlog.AddMessageLogInput) ([]crmlog.UpdateResult, error) {
	var logs []crmnote.Log
	for _, m := range in {
		log, _, err := a.prepare(m)
		if err != nil {
			return nil, err
		}
		logs = append(logs, log)
	}
	var first []crmlog.UpdateResult
	for try := 1; ; try++ {
		var old acmeNote
		if err := a.do(ctx, in[0].AuthHeader, crmhttp.Request{Operation: "read note", Path: []string{"notes", id}, OfLog: true}, a.checked(&old)); err != nil {
			return nil, err
		}
		if a.wrong.replace {
			old.Text = ""
		}
		body, results, err := change(old.Text, logs...)
		if first == nil {
			first = results
		}
		if err != nil || body == old.Text && !a.wrong.writesSame {
			return first, err
		}
		if a.wrong.readsTwice {
			body := old.Text
			if err := a.do(ctx, in[0].AuthHeader, crmhttp.Request{Operation: "read note", Path: []string{"notes", id}, OfLog: true}, &old); err != nil {
				return nil, err
			}
			old.Text = body
		}
		req := crmhttp.Request{
			Operation: "update note", Method: http.MethodPut, Path: []string{"notes", id}, OfLog: true,
			Header: http.Header{"If-Match": {strconv.Itoa(old.Version)}}, Body: acmeNote{Text: a.escaped(body)}, Idempotent: true,
		}
		if a.wrong.lastWins {
			req.Header, req.Idempotent = nil, false
		}
		err = a.do(ctx, in[0].AuthHeader, req, nil)
		if !errors.Is(err, crmlog.ErrConflict) || try == 4 {
			return first, err
		}
	}
}

func (a *acme) SettleTime() time.Duration { return 0 }

func (a *acme) FindMessageLogs(ctx context.Context, in crmlog.FindInput) ([]crmlog.FoundMessageLog, error) {
	query := url.Values{"key": {acmeKey(in.Digest)}}
	if a.wrong.anyRecord {
		query = url.Values{"contact": {string(in.ContactInfo.ID)}}
	}
	var found []crmlog.FoundMessageLog
	for {
		var list acmeList
		err := a.do(ctx, in.AuthHeader, crmhttp.Request{Operation: "list notes", Path: []string{"notes"}, Query: query}, &list)
		if err != nil || a.wrong.noFind {
			return nil, err
		}
		for _, n := range list.Notes {
			f, _ := crmnote.Find(n.Text, note.HTML, in.Digest)
			f.LogID, f.Part = n.ID, in.Digest.Part
			found = append(found, f)
		}
		if list.Next == "" || a.wrong.onePage {
			return found, nil
		}
		query.Set("from", list.Next)
	}
}
