package sqlstore

import (
	"encoding/json"
	"time"

	"github.com/crmlog/crmlog"
)

// pruneBatch is how many messages one transaction of Prune forgets: few enough
// that nobody waits for it noticeably.
const pruneBatch = 1000

// micros rounds up, so that nothing ends before its time.
func micros(d time.Duration) int64 {
	return int64((d + time.Microsecond - 1) / time.Microsecond)
}

func duration(micros int64) time.Duration { return time.Duration(micros) * time.Microsecond }

// timeValue is a column's value: NULL for no time.
func timeValue(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	us := t.UnixMicro()
	return &us
}

func timeOf(micros *int64) time.Time {
	if micros == nil {
		return time.Time{}
	}
	return time.UnixMicro(*micros).UTC()
}

// idsJSON is a JSON array of strings.
func idsJSON(ids []crmlog.ID) string {
	if ids == nil {
		ids = []crmlog.ID{}
	}
	text, _ := json.Marshal(ids) // strings always encode
	return string(text)
}

// messageRow is a message as the database knows it.
type messageRow struct {
	ID           crmlog.ID `json:"id"`
	Ref          string    `json:"ref"`
	Part         int       `json:"part"`
	Logged       bool      `json:"logged"`
	Fence        int64     `json:"fence"`
	LogID        string    `json:"logId"`
	LastModified *int64    `json:"lastModified"`
	Status       string    `json:"status"`
	// Of the digest ref, if it is not the one claimed.
	Platform     string `json:"platform"`
	Account      string `json:"account"`
	User         string `json:"user"`
	Contact      string `json:"contact"`
	Conversation string `json:"conversation"`
	Day          string `json:"day"`
}

// messageStates answers for the messages asked for, in their order; those
// without a row are reserved by this claim.
func messageStates(req *crmlog.ClaimRequest, rows []messageRow) []crmlog.MessageState {
	known := make(map[crmlog.ID]*messageRow, len(rows))
	for i := range rows {
		known[rows[i].ID] = &rows[i]
	}
	states := make([]crmlog.MessageState, len(req.Messages))
	for i, id := range req.Messages {
		states[i] = crmlog.MessageState{ID: id, Digest: req.Digest}
		r := known[id]
		if r == nil {
			continue
		}
		if r.Ref != req.Digest.Ref {
			states[i].Digest = crmlog.Digest{
				Ref: r.Ref, Platform: r.Platform, Account: r.Account, User: r.User,
				Contact: r.Contact, Conversation: r.Conversation, Day: r.Day,
			}
		}
		states[i].Part = r.Part
		if r.Logged {
			states[i].Logged, states[i].LogID, states[i].Fence = true, r.LogID, r.Fence
			states[i].LastModified, states[i].Status = timeOf(r.LastModified), r.Status
		}
	}
	return states
}
