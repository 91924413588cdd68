package pipedrive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/crmhttp"
	"github.com/crmlog/crmlog/crmnote"
	"github.com/crmlog/crmlog/note"
)

// Platform is the name to give [crmlog.RouterConfig].
const Platform = "pipedrive"

// noteOptions keep a note below 90,000 bytes as Pipedrive stores it. The Notes API
// states a limit of about 100,000
// (https://developers.pipedrive.com/docs/api/v1/Notes); for activities none is
// documented.
var noteOptions = note.Options{Format: note.HTML, Limit: 90_000, Size: note.StoredHTMLSize}

// Config configures an [Adapter]. The zero value works.
type Config struct {
	// BaseURL, when set, is where all requests go, such as
	// https://acme.pipedrive.com: https, or http to this machine for tests.
	BaseURL string
	// ActivityType is the key_string of the activity type of digests. Empty asks
	// Pipedrive for an active type whose key or name is, or contains, "sms".
	ActivityType string
	// FallbackType is the key_string to use, with a warning in the
	// returnMessage, when Pipedrive has no such type. Empty is "task".
	FallbackType string
	// Transport carries the requests; nil is a pooled transport of our own.
	Transport http.RoundTripper
	// Timeout bounds one attempt of a request; 0 is 10 s.
	Timeout time.Duration
	// CacheTTL is how long activity types and user names are remembered; 0 is
	// one hour. That there is none of them is remembered for a minute.
	CacheTTL time.Duration
	// Reserve is the part of the company's daily API budget to leave for its
	// other integrations, from 0 to below 1: with 0.1, calls fail with
	// [crmlog.ErrRateLimited] while less than 10 % of it is left.
	Reserve float64
	// SettleTime is how long after its creation an activity may be missing in
	// Pipedrive's lists, for the recovery after a lost answer; 0 is 10 s.
	// Pipedrive states no figure.
	SettleTime time.Duration
	// Logger gets the HTTP calls at Debug level; nil is silent.
	Logger *slog.Logger
}

// Adapter is the [crmlog.Adapter] for Pipedrive. It is safe for concurrent use.
type Adapter struct {
	config Config
	client *crmhttp.Client
	types  *crmhttp.Cache[string]
	names  *crmhttp.Cache[user]
}

var (
	_ crmlog.BatchUpdater = (*Adapter)(nil)
	_ crmlog.Amender      = (*Adapter)(nil)
	_ crmlog.Finder       = (*Adapter)(nil)
)

// New returns an adapter.
func New(config Config) (*Adapter, error) {
	if config.BaseURL != "" {
		if _, err := crmhttp.CheckBaseURL("Config.BaseURL", config.BaseURL); err != nil {
			return nil, err
		}
	}
	for field, d := range map[string]time.Duration{"Config.CacheTTL": config.CacheTTL, "Config.SettleTime": config.SettleTime} {
		if d < 0 {
			return nil, &crmlog.InputError{Field: field, Problem: "negative; give a duration, or 0 for the default"}
		}
	}
	config.FallbackType = cmp.Or(config.FallbackType, "task")
	config.CacheTTL = cmp.Or(config.CacheTTL, time.Hour)
	config.SettleTime = cmp.Or(config.SettleTime, 10*time.Second)
	client, err := crmhttp.New(crmhttp.Config{
		Name: Platform, Transport: config.Transport, Timeout: config.Timeout,
		ParseError: parseError, Reserve: config.Reserve, Logger: config.Logger,
	})
	if err != nil {
		return nil, err
	}
	types, names := crmhttp.NewCache[string](config.CacheTTL), crmhttp.NewCache[user](config.CacheTTL)
	return &Adapter{config, client, types, names}, nil
}

// AddMessageLog creates the digest's activity with its first message. The
// contact's id must be a person's number. AdditionalSubmission may hold "deals"
// (a deal's number) or "leads" (a lead's UUID); Pipedrive links one of them,
// the deal if both are given.
func (a *Adapter) AddMessageLog(ctx context.Context, in crmlog.AddMessageLogInput) (crmlog.MessageLogResult, error) {
	call, err := a.prepare(in)
	if err != nil {
		return crmlog.MessageLogResult{}, err
	}
	log := a.logs(ctx, call)[0]
	body, results, err := crmnote.AddTo("", log)
	if err != nil {
		return crmlog.MessageLogResult{}, err
	}
	kind, say, err := a.activityType(ctx, call)
	if err != nil {
		return crmlog.MessageLogResult{}, err
	}
	at := in.Message.CreationTime.UTC()
	created, err := call.activity(ctx, crmhttp.Request{
		Operation: "create activity", Tokens: 5,
		Method: http.MethodPost, Path: []string{"api", "v2", "activities"},
		Body: newActivity{
			Subject: log.Title(), Type: kind, Done: true,
			DueDate: at.Format(time.DateOnly), DueTime: at.Format("15:04"),
			OwnerID:      ownerID(in.User.ID),
			OrgID:        call.orgID,
			Participants: []participant{{PersonID: call.personID, Primary: true}},
			Note:         body,
			links:        call.links,
		},
	})
	if err != nil {
		return crmlog.MessageLogResult{}, err
	}
	// The end of a text that is too long for one note is for the next activity.
	return crmlog.MessageLogResult{LogID: created.ID.String(), ReturnMessage: say}, results[0].Err
}

// UpdateMessageLog adds the message to the activity's note. It links a deal or
// lead that in.AdditionalSubmission gives when the activity has none yet, and
// never changes or clears a link that is there.
func (a *Adapter) UpdateMessageLog(ctx context.Context, in crmlog.UpdateMessageLogInput) (crmlog.MessageLogResult, error) {
	return a.updateOne(ctx, in, crmnote.AddTo)
}

// AmendMessageLog implements [crmlog.Amender]; without anything to change it
// costs the GET alone.
func (a *Adapter) AmendMessageLog(ctx context.Context, in crmlog.UpdateMessageLogInput) (crmlog.MessageLogResult, error) {
	return a.updateOne(ctx, in, crmnote.Amend)
}

func (a *Adapter) updateOne(ctx context.Context, in crmlog.UpdateMessageLogInput, change crmnote.Change) (crmlog.MessageLogResult, error) {
	id := in.ExistingMessageLog.LogID
	results, err := a.update(ctx, id, change, in.AddMessageLogInput)
	return crmnote.One(id, results, err)
}

// UpdateMessageLogs implements [crmlog.BatchUpdater]: one GET and one PATCH for
// all the messages.
func (a *Adapter) UpdateMessageLogs(ctx context.Context, in crmlog.UpdateMessageLogsInput) (crmlog.UpdateMessageLogsResult, error) {
	return crmnote.Many(a.update(ctx, in.ExistingMessageLog.LogID, crmnote.AddTo, in.Messages...))
}

// update leaves out messages whose input is wrong, and says so in their results.
func (a *Adapter) update(ctx context.Context, id string, change crmnote.Change, in ...crmlog.AddMessageLogInput) ([]crmlog.UpdateResult, error) {
	if _, err := crmhttp.Number("existingMessageLog.thirdPartyLogId", crmlog.ID(id)); err != nil {
		return nil, err
	}
	valid, place := crmnote.Each(in, a.prepare)
	if len(valid) == 0 {
		return place(nil), nil
	}
	logs := a.logs(ctx, valid...)
	path := []string{"api", "v2", "activities", id}
	old, err := valid[0].activity(ctx, crmhttp.Request{Operation: "read activity", Tokens: 1, Path: path, OfLog: true})
	if err != nil {
		return nil, err
	}
	body, changed, err := change(old.Note, logs...)
	if err != nil {
		return nil, err
	}
	results := place(changed)
	update := activityChange{}
	if body != old.Note {
		update.Note = body
	}
	for i := 0; i < len(valid) && old.links == (links{}) && old.ProjectID == 0; i++ {
		old.links = valid[i].links
		update.links = valid[i].links
	}
	if update == (activityChange{}) {
		return results, nil
	}
	// Not repeated here, though it replaces the note: an attempt that was cut may
	// still be applied after the next write, and would wipe that out. The router
	// waits before it repeats it.
	req := crmhttp.Request{Operation: "update activity", Tokens: 5, Method: http.MethodPatch, Path: path, OfLog: true, Body: update}
	_, err = valid[0].activity(ctx, req)
	return results, err
}

// call is what the requests of one adapter call have in common.
type call struct {
	adapter  *Adapter
	in       crmlog.AddMessageLogInput
	baseURL  string
	auth     crmlog.AuthHeader
	authName string
	personID int64
	orgID    int64
	links    links
}

// prepare checks the input, all of it before the first request.
func (a *Adapter) prepare(in crmlog.AddMessageLogInput) (*call, error) {
	in, err := crmnote.Digested(Platform, in)
	if err != nil {
		return nil, err
	}
	c, err := a.newCall(in)
	if err != nil {
		return nil, err
	}
	c.personID, err = crmhttp.Number("contactInfo.id", in.ContactInfo.ID)
	if org := in.ContactInfo.OrganizationID; err == nil && org != "" {
		c.orgID, err = crmhttp.Number("contactInfo.organizationId", org)
	}
	if err == nil {
		c.links, err = readLinks(in.AdditionalSubmission)
	}
	return c, err
}

// logs makes the entries, with the user's name if one of them shows it.
func (a *Adapter) logs(ctx context.Context, calls ...*call) []crmnote.Log {
	name := ""
	unsigned := func(c *call) bool { return c.in.User.Name == "" && !c.in.Message.Inbound() }
	if i := slices.IndexFunc(calls, unsigned); i >= 0 {
		name = a.userName(ctx, calls[i])
	}
	var logs []crmnote.Log
	for _, c := range calls {
		in := c.in
		in.User.Name = cmp.Or(in.User.Name, name)
		logs = append(logs, crmnote.New(in, noteOptions))
	}
	return logs
}

// newCall finds where requests go and what authorises them.
func (a *Adapter) newCall(in crmlog.AddMessageLogInput) (*call, error) {
	baseURL, err := a.baseURL(in.User.Hostname)
	if err != nil {
		return nil, err
	}
	c := &call{adapter: a, in: in, baseURL: baseURL}
	if c.authName, c.auth = authorization(in.AuthHeader); c.auth == "" {
		return nil, &crmlog.InputError{Field: "authHeader", Problem: "has no token; give the Authorization header to send, or x-api-token and the token"}
	}
	return c, nil
}

// envelope is how Pipedrive answers; AdditionalData is there in lists.
type envelope[T any] struct {
	Success        bool `json:"success"`
	Data           T    `json:"data"`
	AdditionalData struct {
		NextCursor string `json:"next_cursor"`
	} `json:"additional_data"`
}

// CheckAnswer implements [crmhttp.Checker]. Without an activity in it, an answer
// must not pass for one with an empty note, which an update would replace.
func (e *envelope[T]) CheckAnswer() error {
	if act, ok := any(e.Data).(activity); ok && act.ID == "" {
		return errors.New("no activity in it")
	}
	if !e.Success {
		return errors.New("it does not say success")
	}
	return nil
}

// activity makes a request that is answered with an activity. When Pipedrive
// refuses who asks, what is remembered of the account is in doubt.
func (c *call) activity(ctx context.Context, req crmhttp.Request) (activity, error) {
	var answer envelope[activity]
	err := c.do(ctx, req, &answer)
	switch {
	case errors.Is(err, crmlog.ErrUnauthorized) || errors.Is(err, crmlog.ErrForbidden):
		c.adapter.types.Forget(c.account())
		c.adapter.names.Forget(c.user())
	case err == nil && answer.Data.IsDeleted:
		err = fmt.Errorf("%s: %s: %w", Platform, req.Operation, crmlog.ErrLogGone)
	}
	return answer.Data, err
}

// do makes a request; out is an envelope.
func (c *call) do(ctx context.Context, req crmhttp.Request, out any) error {
	req.BaseURL, req.AuthHeaderName, req.Auth = c.baseURL, c.authName, c.auth
	_, err := c.adapter.client.Do(ctx, req, out)
	return err
}
