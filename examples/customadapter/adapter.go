package customadapter

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/crmhttp"
	"github.com/crmlog/crmlog/crmnote"
	"github.com/crmlog/crmlog/note"
)

// Platform is the name to give [crmlog.RouterConfig]. It is part of every digest's
// key: once in use, it never changes.
const Platform = "fernbook"

// What API.md states. Sections: "Fernbook Journal API", "Entries", "Find".
const (
	production = "https://api.fernbook.example"
	maxTitle   = 160 // characters
	maxText    = 4000
	findLag    = 2 * time.Second
)

// noteOptions: plain text, counted in code points (API.md, "Entries").
var noteOptions = note.Options{Format: note.Plain, Limit: maxText, Size: utf8.RuneCountInString}

// Config configures an [Adapter]. The zero value is for production.
type Config struct {
	// BaseURL is where Fernbook is; empty is production. It is https, or http to
	// this machine for tests.
	BaseURL string
	// Transport carries the requests; nil is a pooled transport of the adapter's.
	Transport http.RoundTripper
	// Timeout bounds one attempt of a request; 0 is 10 s.
	Timeout time.Duration
	// SettleTime is how long after its creation an entry may be missing in Find; 0
	// is the 2 s that API.md states.
	SettleTime time.Duration
	// Logger gets the HTTP calls at Debug level; nil is silent.
	Logger *slog.Logger
}

// Adapter is the [crmlog.Adapter] for Fernbook. It is safe for concurrent use.
type Adapter struct {
	config Config
	client *crmhttp.Client
}

var (
	_ crmlog.BatchUpdater = (*Adapter)(nil)
	_ crmlog.Amender      = (*Adapter)(nil)
	_ crmlog.Finder       = (*Adapter)(nil)
)

// New returns an adapter. The error is a [*crmlog.InputError].
func New(config Config) (*Adapter, error) {
	config.BaseURL = cmp.Or(config.BaseURL, production)
	config.SettleTime = cmp.Or(config.SettleTime, findLag)
	if _, err := crmhttp.CheckBaseURL("Config.BaseURL", config.BaseURL); err != nil {
		return nil, err
	}
	client, err := crmhttp.New(crmhttp.Config{
		Name: Platform, Transport: config.Transport, Timeout: config.Timeout, Logger: config.Logger,
		ParseError: parseError,
	})
	if err != nil {
		return nil, err
	}
	return &Adapter{config, client}, nil
}

// entry is an entry of a person's journal. Its first three fields are left out where
// they are not to be sent: a new entry has no id and version yet, and a replacement
// no id and key any more.
type entry struct {
	ID         string `json:"id,omitempty"`
	Version    int    `json:"version,omitempty"`
	Key        string `json:"key,omitempty"`
	Channel    string `json:"channel"`
	Title      string `json:"title"`
	Text       string `json:"text"`
	HappenedAt int64  `json:"happened_at"`
}

// CheckAnswer implements [crmhttp.Checker]. A replacement sends everything back, so an
// answer without what every entry has is none.
func (e *entry) CheckAnswer() error {
	if e.ID == "" || e.Version == 0 || e.Channel == "" || e.Title == "" {
		return errors.New("no whole entry in it")
	}
	return nil
}

// page is a page of Find, which lists entries without their texts.
type page struct {
	Entries []struct {
		ID string `json:"id"`
	} `json:"entries"`
	More string `json:"more"` // "", from null, on the last one
}

// CheckAnswer implements [crmhttp.Checker].
func (p *page) CheckAnswer() error {
	if p.Entries == nil {
		return errors.New("no list of entries in it")
	}
	return nil
}

// create makes an entry in the contact's journal, and returns its id. Fernbook makes
// one for every POST, so it is not Idempotent.
func (a *Adapter) create(ctx context.Context, in crmlog.AddMessageLogInput, e entry) (id string, err error) {
	e.Channel, e.HappenedAt = channel(in.Message), in.Message.CreationTime.Unix()
	var made entry
	err = a.do(ctx, in.AuthHeader, crmhttp.Request{
		Operation: "create entry", Method: http.MethodPost, Path: []string{"v3", "people", string(in.ContactInfo.ID), "entries"}, Body: e,
	}, &made)
	return made.ID, err
}

// read returns the entry as it is now.
func (a *Adapter) read(ctx context.Context, auth crmlog.AuthHeader, id string) (e entry, err error) {
	err = a.do(ctx, auth, crmhttp.Request{Operation: "read entry", Path: []string{"v3", "entries", id}, OfLog: true}, &e)
	return e, err
}

// write replaces the text of an entry that was read as old, and all else by what it
// was, on condition that it has the same version still. That makes it Idempotent: a
// repetition of what was applied is a conflict.
func (a *Adapter) write(ctx context.Context, auth crmlog.AuthHeader, old entry, text string) error {
	id := old.ID
	old.ID, old.Key, old.Text = "", "", text
	return a.do(ctx, auth, crmhttp.Request{
		Operation: "replace entry", Method: http.MethodPut, Path: []string{"v3", "entries", id}, Body: old, Idempotent: true, OfLog: true,
	}, new(entry))
}

// find returns the entries with the key, oldest first. Lists have no texts, so each
// is read.
func (a *Adapter) find(ctx context.Context, auth crmlog.AuthHeader, key string) (found []crmnote.Stored, err error) {
	query := url.Values{"key": {key}}
	for {
		var p page
		if err := a.do(ctx, auth, crmhttp.Request{Operation: "find entries", Path: []string{"v3", "entries"}, Query: query}, &p); err != nil {
			return nil, err
		}
		for _, listed := range p.Entries {
			e, err := a.read(ctx, auth, listed.ID)
			if err != nil {
				return nil, err
			}
			found = append(found, crmnote.Stored{LogID: e.ID, Body: e.Text})
		}
		if p.More == "" {
			return found, nil
		}
		query.Set("more", p.More)
	}
}

// do makes a request with the key that is in the authHeader.
func (a *Adapter) do(ctx context.Context, auth crmlog.AuthHeader, req crmhttp.Request, out any) error {
	key := strings.TrimPrefix(string(auth), "Bearer ")
	header := http.Request{Header: http.Header{"Authorization": {string(auth)}}}
	if user, _, ok := header.BasicAuth(); ok {
		key = user // what RingCentral makes of an API key
	}
	if !strings.HasPrefix(key, "fbk_") {
		return &crmlog.InputError{Field: "authHeader", Problem: "is no Fernbook key: give one that begins with fbk_, as it is, behind Bearer, or as the user of Basic"}
	}
	req.BaseURL, req.Auth, req.AuthHeaderName = a.config.BaseURL, crmlog.AuthHeader(key), "Fernbook-Key"
	_, err := a.client.Do(ctx, req, out)
	return err
}

// parseError reads Fernbook's errors. The explanation is left out: it may quote what
// was sent (API.md, "Errors").
func parseError(answer crmhttp.Answer) crmhttp.ErrorDetail {
	var e struct{ Problem, Trace string }
	if answer.StatusCode < 300 || json.Unmarshal(answer.Body, &e) != nil {
		return crmhttp.ErrorDetail{}
	}
	return crmhttp.ErrorDetail{Code: e.Problem, CorrelationID: e.Trace}
}

// channel is what Fernbook calls a message's kind.
func channel(m crmlog.Message) string {
	switch m.Kind() {
	case crmlog.KindVoiceMail:
		return "call"
	case crmlog.KindFax:
		return "letter"
	}
	return "text"
}

// AddMessageLog implements [crmlog.Adapter]: it creates the digest's entry with its
// first message.
func (a *Adapter) AddMessageLog(ctx context.Context, in crmlog.AddMessageLogInput) (crmlog.MessageLogResult, error) {
	logs, err := crmnote.Prepare(Platform, noteOptions, in)
	if err != nil {
		return crmlog.MessageLogResult{}, err
	}
	text, results, err := crmnote.AddTo("", logs...)
	if err != nil {
		return crmlog.MessageLogResult{}, err
	}
	id, err := a.create(ctx, in, entry{Key: logs[0].Key(), Title: logs[0].TitleWithin(maxTitle), Text: text})
	return crmnote.One(id, results, err)
}

// UpdateMessageLog implements [crmlog.Adapter]: it adds the message to the entry's
// text.
func (a *Adapter) UpdateMessageLog(ctx context.Context, in crmlog.UpdateMessageLogInput) (crmlog.MessageLogResult, error) {
	results, err := a.update(ctx, in.ExistingMessageLog.LogID, crmnote.AddTo, in.AddMessageLogInput)
	return crmnote.One(in.ExistingMessageLog.LogID, results, err)
}

// UpdateMessageLogs implements [crmlog.BatchUpdater].
func (a *Adapter) UpdateMessageLogs(ctx context.Context, in crmlog.UpdateMessageLogsInput) (crmlog.UpdateMessageLogsResult, error) {
	return crmnote.Many(a.update(ctx, in.ExistingMessageLog.LogID, crmnote.AddTo, in.Messages...))
}

// AmendMessageLog implements [crmlog.Amender].
func (a *Adapter) AmendMessageLog(ctx context.Context, in crmlog.UpdateMessageLogInput) (crmlog.MessageLogResult, error) {
	results, err := a.update(ctx, in.ExistingMessageLog.LogID, crmnote.Amend, in.AddMessageLogInput)
	return crmnote.One(in.ExistingMessageLog.LogID, results, err)
}

// update changes an entry's text with one read and one write.
func (a *Adapter) update(ctx context.Context, id string, change crmnote.Change, in ...crmlog.AddMessageLogInput) ([]crmlog.UpdateResult, error) {
	logs, err := crmnote.Prepare(Platform, noteOptions, in...)
	if err != nil {
		return nil, err
	}
	var old entry
	read := func(ctx context.Context) (_ crmnote.Stored, err error) {
		old, err = a.read(ctx, in[0].AuthHeader, id)
		return crmnote.Stored{LogID: old.ID, Body: old.Text}, err
	}
	write := func(ctx context.Context, text string) error { return a.write(ctx, in[0].AuthHeader, old, text) }
	return crmnote.Update(ctx, id, change, logs, read, write)
}

// SettleTime implements [crmlog.Finder].
func (a *Adapter) SettleTime() time.Duration { return a.config.SettleTime }

// FindMessageLogs implements [crmlog.Finder].
func (a *Adapter) FindMessageLogs(ctx context.Context, in crmlog.FindInput) ([]crmlog.FoundMessageLog, error) {
	found, err := a.find(ctx, in.AuthHeader, crmnote.Key(in.Digest))
	if err != nil {
		return nil, err
	}
	return crmnote.Found(found, noteOptions.Format, in.Digest), nil
}
