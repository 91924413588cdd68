package testcrm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
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

// Adapter is the [crmlog.Adapter] for testcrm, and the example to begin a new
// adapter with: copy this file and replace the CRM's endpoints and fields. What
// belongs to no CRM in particular is in packages crmhttp and crmnote.
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
		Name:      Platform,
		Transport: config.Transport,
		Timeout:   config.Timeout,
		Logger:    config.Logger,
	})
	if err != nil {
		return nil, err
	}
	if config.MaxBody == 0 {
		config.MaxBody = 64_000
	}
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

// AddMessageLog creates the digest's activity with its first message.
func (a *Adapter) AddMessageLog(ctx context.Context, in crmlog.AddMessageLogInput) (crmlog.MessageLogResult, error) {
	log, in, err := a.prepare(in)
	if err != nil {
		return crmlog.MessageLogResult{}, err
	}
	body, results, err := crmnote.AddTo("", log)
	if err != nil {
		return crmlog.MessageLogResult{}, err
	}
	at := in.Message.CreationTime.UTC()
	var created record
	_, err = a.client.Do(ctx, crmhttp.Request{
		Operation: "create activity",
		Method:    http.MethodPost,
		BaseURL:   a.config.BaseURL,
		Path:      []string{"activities"},
		Auth:      in.AuthHeader,
		Body: record{
			ContactID:  string(in.ContactInfo.ID),
			Type:       activityTypes[in.Message.Kind()],
			Subject:    log.Title(),
			Body:       body,
			At:         &at,
			ExternalID: externalID(in.Digest),
		},
	}, &created)
	if err != nil {
		return crmlog.MessageLogResult{}, err
	}
	// The end of a text that is too long for one activity is for the next one.
	return crmlog.MessageLogResult{LogID: created.ID, ReturnMessage: crmlog.ReturnMessageFor(nil)}, results[0].Err
}

// UpdateMessageLog adds the message to the activity's body.
func (a *Adapter) UpdateMessageLog(ctx context.Context, in crmlog.UpdateMessageLogInput) (crmlog.MessageLogResult, error) {
	results, err := a.update(ctx, in.ExistingMessageLog.LogID, crmnote.AddTo, in.AddMessageLogInput)
	if err != nil {
		return crmlog.MessageLogResult{}, err
	}
	return crmlog.MessageLogResult{
		LogID:         in.ExistingMessageLog.LogID,
		ReturnMessage: crmlog.ReturnMessageFor(nil),
		AlreadyThere:  results[0].AlreadyThere,
	}, results[0].Err
}

// UpdateMessageLogs implements [crmlog.BatchUpdater].
func (a *Adapter) UpdateMessageLogs(ctx context.Context, in crmlog.UpdateMessageLogsInput) (crmlog.UpdateMessageLogsResult, error) {
	results, err := a.update(ctx, in.ExistingMessageLog.LogID, crmnote.AddTo, in.Messages...)
	return crmlog.UpdateMessageLogsResult{ReturnMessage: crmlog.ReturnMessageFor(nil), Results: results}, err
}

// AmendMessageLog implements [crmlog.Amender].
func (a *Adapter) AmendMessageLog(ctx context.Context, in crmlog.UpdateMessageLogInput) (crmlog.MessageLogResult, error) {
	results, err := a.update(ctx, in.ExistingMessageLog.LogID, crmnote.Amend, in.AddMessageLogInput)
	if err != nil {
		return crmlog.MessageLogResult{}, err
	}
	return crmlog.MessageLogResult{
		LogID:         in.ExistingMessageLog.LogID,
		ReturnMessage: crmlog.ReturnMessageFor(nil),
		AlreadyThere:  results[0].AlreadyThere,
	}, nil
}

// maxConflicts bounds how often one update gives way to other writers.
const maxConflicts = 5

// update changes the activity's body in one write, which is conditional: when a
// person changes the activity in between, it is read again.
func (a *Adapter) update(
	ctx context.Context, id string, change func(body string, logs ...crmnote.Log) (string, []crmlog.UpdateResult, error),
	in ...crmlog.AddMessageLogInput,
) ([]crmlog.UpdateResult, error) {
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
		var old record
		answer, err := a.client.Do(ctx, crmhttp.Request{
			Operation: "read activity",
			Method:    http.MethodGet,
			BaseURL:   a.config.BaseURL,
			Path:      []string{"activities", id},
			Auth:      in[0].AuthHeader,
		}, &old)
		if errors.Is(err, crmlog.ErrNotFound) {
			err = fmt.Errorf("%w: %w", crmlog.ErrLogGone, err)
		}
		if err != nil {
			return nil, err
		}
		body, results, err := change(old.Body, logs...)
		if first == nil {
			// What stands in a later reading may be what this call wrote.
			first = results
		}
		if err != nil || body == old.Body {
			return first, err
		}
		_, err = a.client.Do(ctx, crmhttp.Request{
			Operation: "update activity",
			Method:    http.MethodPatch,
			BaseURL:   a.config.BaseURL,
			Path:      []string{"activities", id},
			Header:    http.Header{"If-Match": {answer.Header.Get("ETag")}},
			Auth:      in[0].AuthHeader,
			Body:      record{Body: body},
			// A repetition of what was applied is a conflict, and found there.
			Idempotent: true,
		}, nil)
		if !errors.Is(err, crmlog.ErrConflict) || try == maxConflicts {
			return first, err
		}
	}
}

// SettleTime implements [crmlog.Finder].
func (a *Adapter) SettleTime() time.Duration { return a.config.SettleTime }

// FindMessageLogs asks for the digest's key, which is the activity's externalId.
func (a *Adapter) FindMessageLogs(ctx context.Context, in crmlog.FindInput) ([]crmlog.FoundMessageLog, error) {
	query := url.Values{"externalId": {externalID(in.Digest)}}
	var found []crmlog.FoundMessageLog
	for {
		var page struct {
			Items      []record `json:"items"`
			NextCursor string   `json:"nextCursor"`
		}
		_, err := a.client.Do(ctx, crmhttp.Request{
			Operation: "list activities",
			Method:    http.MethodGet,
			BaseURL:   a.config.BaseURL,
			Path:      []string{"activities"},
			Query:     query,
			Auth:      in.AuthHeader,
		}, &page)
		if err != nil {
			return nil, err
		}
		for _, r := range page.Items {
			f, _ := crmnote.Find(r.Body, note.HTML, in.Digest)
			f.LogID, f.Part = r.ID, in.Digest.Part
			// The list is newest first.
			found = append([]crmlog.FoundMessageLog{f}, found...)
		}
		if page.NextCursor == "" {
			return found, nil
		}
		query.Set("cursor", page.NextCursor)
	}
}

// prepare checks the input before the first request, and derives the digest for
// a caller without a router.
func (a *Adapter) prepare(in crmlog.AddMessageLogInput) (crmnote.Log, crmlog.AddMessageLogInput, error) {
	if in.Digest.IsZero() {
		digest, err := crmlog.NewDigestRef(Platform, in)
		if err != nil {
			return crmnote.Log{}, in, err
		}
		in.Digest = digest
	}
	if strings.TrimSpace(string(in.ContactInfo.ID)) == "" {
		return crmnote.Log{}, in, &crmlog.InputError{Field: "contactInfo.id", Problem: "empty; give the contact's id"}
	}
	return crmnote.New(in, note.Options{Format: note.HTML, Limit: a.config.MaxBody, Size: note.StoredHTMLSize}), in, nil
}

// externalID is the key of one of a digest's activities.
func externalID(d crmlog.DigestRef) string {
	if d.Part > 1 {
		return fmt.Sprintf("%s-%d", d.Ref, d.Part)
	}
	return d.Ref
}
