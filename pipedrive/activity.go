package pipedrive

import (
	"encoding/json"
	"math"
	"regexp"
	"strings"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/crmhttp"
)

// activity is what is read of an activity. Null fields stay zero.
type activity struct {
	ID        json.Number `json:"id"`
	IsDeleted bool        `json:"is_deleted"`
	AddTime   time.Time   `json:"add_time"`
	ProjectID int64       `json:"project_id"`
	Note      string      `json:"note"`
	links
}

// newActivity is the body of a create. Pipedrive refuses unknown keys, numbers
// in strings and a person_id: the person is the primary participant.
type newActivity struct {
	Subject      string        `json:"subject"`
	Type         string        `json:"type"`
	DueDate      string        `json:"due_date"` // with DueTime, in UTC
	DueTime      string        `json:"due_time"`
	Done         bool          `json:"done"`
	OwnerID      int64         `json:"owner_id,omitempty"`
	OrgID        int64         `json:"org_id,omitempty"`
	Participants []participant `json:"participants"`
	Note         string        `json:"note"`
	links
}

type participant struct {
	PersonID int64 `json:"person_id"`
	Primary  bool  `json:"primary"`
}

// activityChange is the body of an update: what is left out stays.
type activityChange struct {
	Note string `json:"note,omitempty"`
	links
}

// links is the deal or the lead of an activity. Pipedrive keeps one link: a deal
// drives a lead out, and both drive out a project.
// https://developers.pipedrive.com/changelog/post/changes-to-activities-connected-entities
type links struct {
	DealID int64  `json:"deal_id,omitempty"`
	LeadID string `json:"lead_id,omitempty"`
}

var uuidForm = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

func readLinks(submission crmlog.AdditionalSubmission) (l links, err error) {
	deal, err := submission.ID("deals")
	if err == nil && deal != "" {
		l.DealID, err = crmhttp.Number("additionalSubmission.deals", deal)
	}
	if err != nil {
		return links{}, err
	}
	lead, err := submission.ID("leads")
	if err == nil && lead != "" && !uuidForm.MatchString(string(lead)) {
		err = &crmlog.InputError{Field: "additionalSubmission.leads", Problem: "not a UUID; give the lead's id"}
	}
	if l.DealID == 0 {
		l.LeadID = string(lead)
	}
	return l, err
}

// ownerID is the Pipedrive user's number at the beginning of a user id such as
// "7" or "7-pipedrive"; 0 when there is none. A UUID can begin with digits too.
func ownerID(id crmlog.ID) int64 {
	head, _, _ := strings.Cut(string(id), "-")
	n, err := crmhttp.Number("user.id", crmlog.ID(head))
	if err != nil || n > math.MaxInt32 || uuidForm.MatchString(string(id)) {
		return 0
	}
	return n
}
