package testcrm

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/crmhttp"
	"github.com/crmlog/crmlog/crmnote"
	"github.com/crmlog/crmlog/note"
)

// Platform is the name to give [crmlog.RouterConfig].
const Platform = "testcrm"

// Config configures an [Adapter].
type Config struct {
	// BaseURL is where the CRM is: https, or http to this machine. Required.
	BaseURL string
	// Transport carries the requests; nil is a pooled transport of our own.
	Transport http.RoundTripper
	// Timeout bounds one attempt of a request; 0 is 10 s.
	Timeout time.Duration
	// MaxBody is the CRM's limit for an activity's body, in bytes as stored; 0 is
	// 64,000. See ServerConfig.MaxBody.
	MaxBody int
	// SettleTime is the CRM's index lag; see ServerConfig.IndexLag.
	SettleTime time.Duration
	// Logger gets the HTTP calls at Debug level; nil is silent.
	Logger *slog.Logger
}

// Adapter is the [crmlog.Adapter] for testcrm, and an example of one. What belongs to
// no CRM in particular is in packages crmhttp and crmnote; docs/adding-a-crm.md goes
// from a vendor's page to an adapter like this.
type Adapter struct {
	config Config
	client *crmhttp.Client
}

var (
	_ crmlog.BatchUpdater = (*Adapter)(nil)
	_ crmlog.Amender      = (*Adapter)(nil)
	_ crmlog.Finder       = (*Adapter)(nil)
)

// New returns an adapter.
func New(config Config) (*Adapter, error) {
	if _, err := crmhttp.CheckBaseURL("Config.BaseURL", config.BaseURL); err != nil {
		return nil, err
	}
	client, err := crmhttp.New(crmhttp.Config{
		Name: Platform, Transport: config.Transport, Timeout: config.Timeout, Logger: config.Logger,
	})
	if err != nil {
		return nil, err
	}
	config.MaxBody = cmp.Or(config.MaxBody, 64_000)
	return &Adapter{config: config, client: client}, nil
}

// record is what the adapter writes of an activity, and reads back.
type record struct {
	ID         string     `json:"id,omitempty"`
	ContactID  string     `json:"contactId,omitempty"`
	Type       string     `json:"type,omitempty"`
	Subject    string     `json:"subject,omitempty"`
	Body       string     `json:"body,omitempty"`
	At         *time.Time `json:"at,omitempty"`
	ExternalID string     `json:"externalId,omitempty"`
}

// CheckAnswer implements [crmhttp.Checker]: what has no id is no activity.
func (r *record) CheckAnswer() error {
	if r.ID == "" {
		return errors.New("no activity in it")
	}
	return nil
}

// activityTypes has an activity's type for the kind of message that opens it.
// Where a CRM has a fixed list of types, ask it which there are: see package
// pipedrive.
var activityTypes = map[crmlog.Kind]string{
	crmlog.KindSMS:          "sms",
	crmlog.KindMMS:          "sms",
	crmlog.KindVoiceMail:    "voicemail",
	crmlog.KindFax:          "fax",
	crmlog.KindPager:        "pager",
	crmlog.KindInternalNote: "sms", // on a thread of SMS
	crmlog.KindEvent:        "sms",
}

// noteOptions say what an activity's body takes.
func (a *Adapter) noteOptions() note.Options {
	return note.Options{Format: note.HTML, Limit: a.config.MaxBody, Size: note.StoredHTMLSize}
}

// AddMessageLog creates the digest's activity with its first message.
func (a *Adapter) AddMessageLog(ctx context.Context, in crmlog.AddMessageLogInput) (crmlog.MessageLogResult, error) {
	logs, err := crmnote.Prepare(Platform, a.noteOptions(), in)
	if err != nil {
		return crmlog.MessageLogResult{}, err
	}
	body, results, err := crmnote.AddTo("", logs...)
	if err != nil {
		return crmlog.MessageLogResult{}, err
	}
	at := in.Message.CreationTime.UTC()
	var created record
	_, err = a.do(ctx, in.AuthHeader, crmhttp.Request{
		Operation: "create activity",
		Method:    http.MethodPost,
		Path:      []string{"activities"},
		Body: record{
			ContactID:  string(in.ContactInfo.ID),
			Type:       activityTypes[in.Message.Kind()],
			Subject:    logs[0].Title(),
			Body:       body,
			At:         &at,
			ExternalID: logs[0].Key(),
		},
	}, &created)
	return crmnote.One(created.ID, results, err)
}

// UpdateMessageLog adds the message to the activity's body.
func (a *Adapter) UpdateMessageLog(ctx context.Context, in crmlog.UpdateMessageLogInput) (crmlog.MessageLogResult, error) {
	id := in.ExistingMessageLog.LogID
	results, err := a.update(ctx, id, crmnote.AddTo, in.AddMessageLogInput)
	return crmnote.One(id, results, err)
}

// UpdateMessageLogs implements [crmlog.BatchUpdater].
func (a *Adapter) UpdateMessageLogs(ctx context.Context, in crmlog.UpdateMessageLogsInput) (crmlog.UpdateMessageLogsResult, error) {
	return crmnote.Many(a.update(ctx, in.ExistingMessageLog.LogID, crmnote.AddTo, in.Messages...))
}

// AmendMessageLog implements [crmlog.Amender].
func (a *Adapter) AmendMessageLog(ctx context.Context, in crmlog.UpdateMessageLogInput) (crmlog.MessageLogResult, error) {
	id := in.ExistingMessageLog.LogID
	results, err := a.update(ctx, id, crmnote.Amend, in.AddMessageLogInput)
	return crmnote.One(id, results, err)
}

// update changes the activity's body in one write, which is conditional: when a
// person changes the activity in between, it is read again.
func (a *Adapter) update(
	ctx context.Context, id string, change crmnote.Change, in ...crmlog.AddMessageLogInput,
) ([]crmlog.UpdateResult, error) {
	logs, err := crmnote.Prepare(Platform, a.noteOptions(), in...)
	if err != nil {
		return nil, err
	}
	path, auth := []string{"activities", id}, in[0].AuthHeader
	var version string
	read := func(ctx context.Context) (crmnote.Stored, error) {
		var old record
		answer, err := a.do(ctx, auth, crmhttp.Request{Operation: "read activity", Path: path, OfLog: true}, &old)
		version = answer.Header.Get("ETag")
		return crmnote.Stored{LogID: old.ID, Body: old.Body}, err
	}
	write := func(ctx context.Context, body string) error {
		_, err := a.do(ctx, auth, crmhttp.Request{
			Operation: "update activity",
			Method:    http.MethodPatch,
			Path:      path,
			OfLog:     true,
			Header:    http.Header{"If-Match": {version}},
			Body:      record{Body: body},
			// A repetition of what was applied is a conflict, and found there.
			Idempotent: true,
		}, nil)
		return err
	}
	return crmnote.Update(ctx, id, change, logs, read, write)
}

// SettleTime implements [crmlog.Finder].
func (a *Adapter) SettleTime() time.Duration { return a.config.SettleTime }

// recordPage is a part of a list.
type recordPage struct {
	Items      []record `json:"items"`
	NextCursor string   `json:"nextCursor"`
}

// CheckAnswer implements [crmhttp.Checker]: a list that is not there is no empty
// list.
func (p *recordPage) CheckAnswer() error {
	if p.Items == nil {
		return errors.New("no list in it")
	}
	return nil
}

// FindMessageLogs asks for the digest's key, which is the activity's externalId.
func (a *Adapter) FindMessageLogs(ctx context.Context, in crmlog.FindInput) ([]crmlog.FoundMessageLog, error) {
	query := url.Values{"externalId": {crmnote.Key(in.Digest)}}
	var found []crmnote.Stored
	for {
		var list recordPage
		req := crmhttp.Request{Operation: "list activities", Path: []string{"activities"}, Query: query}
		if _, err := a.do(ctx, in.AuthHeader, req, &list); err != nil {
			return nil, err
		}
		for _, r := range list.Items {
			found = append(found, crmnote.Stored{LogID: r.ID, Body: r.Body})
		}
		if list.NextCursor == "" {
			slices.Reverse(found) // the list is newest first
			return crmnote.Found(found, note.HTML, in.Digest), nil
		}
		query.Set("cursor", list.NextCursor)
	}
}

func (a *Adapter) do(ctx context.Context, auth crmlog.AuthHeader, req crmhttp.Request, out any) (crmhttp.Answer, error) {
	req.BaseURL, req.Auth = a.config.BaseURL, auth
	return a.client.Do(ctx, req, out)
}
