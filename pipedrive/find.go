package pipedrive

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/crmhttp"
	"github.com/crmlog/crmlog/crmnote"
	"github.com/crmlog/crmlog/note"
)

const (
	// findPage keeps an answer below what crmhttp reads, although a note may
	// have 100,000 bytes, and three times that with its letters as \uXXXX.
	findPage = 10
	// findMargin is how far the clocks of this machine and Pipedrive may differ.
	findMargin = 5 * time.Minute
)

// SettleTime implements [crmlog.Finder].
func (a *Adapter) SettleTime() time.Duration { return a.config.SettleTime }

// FindMessageLogs lists the contact's activities, newest first, back to
// in.Since, and returns those with the digest's identity in their note. A page
// costs 10 tokens.
func (a *Adapter) FindMessageLogs(ctx context.Context, in crmlog.FindInput) ([]crmlog.FoundMessageLog, error) {
	person, err := crmhttp.Number("contactInfo.id", in.ContactInfo.ID)
	if err != nil {
		return nil, err
	}
	c, err := a.newCall(crmlog.AddMessageLogInput{User: in.User, AuthHeader: in.AuthHeader})
	if err != nil {
		return nil, err
	}
	oldest := in.Since.Add(-findMargin)
	query := url.Values{
		"person_id":      {strconv.FormatInt(person, 10)},
		"sort_by":        {"add_time"},
		"sort_direction": {"desc"},
		"limit":          {strconv.Itoa(findPage)},
	}
	var found []crmlog.FoundMessageLog
	for {
		var page envelope[[]activity]
		req := crmhttp.Request{Operation: "list activities", Tokens: 10, Path: []string{"api", "v2", "activities"}, Query: query}
		if err := c.do(ctx, req, &page); err != nil {
			return nil, err
		}
		for _, act := range page.Data {
			if act.AddTime.Before(oldest) {
				return found, nil
			}
			if f, ok := crmnote.Find(act.Note, note.HTML, in.Digest); ok && !act.IsDeleted {
				f.LogID = act.ID.String()
				found = slices.Insert(found, 0, f)
			}
		}
		if page.AdditionalData.NextCursor == "" {
			return found, nil
		}
		query.Set("cursor", page.AdditionalData.NextCursor)
	}
}
