package pipedrive

import (
	"cmp"
	"context"
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/crmhttp"
)

// baseURL takes a host from data only if it is Pipedrive's: it gets the
// credential.
func (a *Adapter) baseURL(hostname string) (string, error) {
	if a.config.BaseURL != "" || hostname == "" {
		return cmp.Or(a.config.BaseURL, "https://api.pipedrive.com"), nil
	}
	return crmhttp.CompanyURL("user.hostname", hostname, "pipedrive.com")
}

// authorization tells a personal API token from an Authorization header.
func authorization(h crmlog.AuthHeader) (name string, value crmlog.AuthHeader) {
	scheme, token, _ := strings.Cut(string(h), " ")
	if strings.EqualFold(scheme, "x-api-token") {
		return "x-api-token", crmlog.AuthHeader(strings.TrimSpace(token))
	}
	return "Authorization", h
}

// account and user are what caches are kept for.
func (c *call) account() string { return crmhttp.AccountKey(c.baseURL, c.in.Account, c.auth) }
func (c *call) user() string    { return c.account() + " user " + string(c.in.User.ID) }

type activityType struct {
	Key  string `json:"key_string"`
	Name string `json:"name"`
	// API v1 shows some booleans as 0 and 1.
	Active crmhttp.Flag `json:"active_flag"`
}

// activityType finds the type of digests, and what to tell the user: a warning
// when it is not one for SMS.
func (a *Adapter) activityType(ctx context.Context, c *call) (key string, say crmlog.ReturnMessage, err error) {
	say = crmlog.ReturnMessageFor(nil)
	if a.config.ActivityType != "" {
		return a.config.ActivityType, say, nil
	}
	key, err = a.types.Get(ctx, c.account(), func(ctx context.Context) (string, error) {
		var types envelope[[]activityType]
		err := c.do(ctx, crmhttp.Request{Operation: "list activity types", Tokens: 20, Path: []string{"v1", "activityTypes"}}, &types)
		return smsType(types.Data), err
	})
	if err == nil && key == "" {
		key, say.MessageType, say.TTL = a.config.FallbackType, crmlog.Warning, 10000
		say.Message = "Message logged, but Pipedrive has no activity type for SMS. Please ask your administrator to add one named SMS."
	}
	return key, say, err
}

// smsType is the best active type for text messages, the first of equals: one
// that is called SMS before one that only has it in its name.
func smsType(types []activityType) string {
	for _, fits := range []func(key, name string) bool{
		func(key, _ string) bool { return key == "sms" },
		func(_, name string) bool { return name == "sms" },
		func(key, _ string) bool { return strings.Contains(key, "sms") },
		func(_, name string) bool { return strings.Contains(name, "sms") },
	} {
		for _, t := range types {
			if bool(t.Active) && t.Key != "" && fits(strings.ToLower(t.Key), strings.ToLower(t.Name)) {
				return t.Key
			}
		}
	}
	return ""
}

type user struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

// nameWait is all that a name may take of the time that a write has.
const nameWait = 5 * time.Second

// userName is what the credential's user is called, if that is the user whose
// message it is. A name that cannot be had holds up no message.
func (a *Adapter) userName(ctx context.Context, c *call) string {
	ctx, cancel := context.WithTimeout(ctx, nameWait)
	defer cancel()
	u, err := a.names.Get(ctx, c.user(), func(ctx context.Context) (user, error) {
		var u envelope[user]
		err := c.do(ctx, crmhttp.Request{Operation: "read current user", Tokens: 2, Path: []string{"v1", "users", "me"}}, &u)
		if errors.Is(err, crmlog.ErrForbidden) || errors.Is(err, crmlog.ErrNotFound) {
			err = nil // there is none for this credential
		}
		return u.Data, err
	})
	if owner := ownerID(c.in.User.ID); err != nil || owner != 0 && owner != u.ID {
		return ""
	}
	return u.Name
}

var saysFailure = regexp.MustCompile(`"success"\s*:\s*false`)

// parseError takes a 2xx that says success:false for a failure, and tells the
// daily limit from the one of two seconds. Pipedrive's own code and message are
// where most CRMs have them.
func parseError(answer crmhttp.Answer) crmhttp.ErrorDetail {
	detail := crmhttp.ParseJSONError(answer)
	if answer.StatusCode/100 == 2 && saysFailure.Match(answer.Body) {
		answer.StatusCode = 0 // ParseJSONError finds no fault with a 2xx
		detail = crmhttp.ParseJSONError(answer)
		detail.Kind = crmlog.ErrUnavailable
	}
	detail.BudgetSpent = strings.Contains(detail.Message, "daily request budget")
	return detail
}
