package testcrm

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Activity is one record of the CRM; a digest of messages is one. The package
// documentation describes its fields, under the names that they have in JSON.
type Activity struct {
	ID         string    `json:"id"`
	ContactID  string    `json:"contactId"`
	Type       string    `json:"type"`
	Subject    string    `json:"subject"`
	Body       string    `json:"body"`
	At         time.Time `json:"at"`
	ExternalID string    `json:"externalId,omitempty"`
	OwnerID    string    `json:"ownerId"`
	Links      []Link    `json:"links"`
	Version    int       `json:"version"`
	CreatedAt  time.Time `json:"createdAt"`
	UpdatedAt  time.Time `json:"updatedAt"`

	// Deleted is set on what the API answers 410 for.
	Deleted bool `json:"-"`
}

func (a *Activity) etag() string { return `"v` + strconv.Itoa(a.Version) + `"` }

func (a *Activity) clone() Activity {
	c := *a
	c.Links = slices.Clone(a.Links)
	return c
}

// Link names another record of the CRM that an activity belongs to.
type Link struct {
	Type string `json:"type"` // such as "deal"
	ID   string `json:"id"`
}

// Contact is a person in the CRM.
type Contact struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Phones    []string  `json:"phones"` // E.164
	CreatedAt time.Time `json:"createdAt"`
}

func (c Contact) clone() Contact {
	c.Phones = slices.Clone(c.Phones)
	return c
}

const firstID = 1001

// tables holds the records. A stored Activity is never changed but replaced, so
// that the lock is held for a few map operations and never for rendering.
type tables struct {
	mu         sync.RWMutex
	activities []*Activity      // in order of creation
	byID       map[string]int   // index into activities
	byExternal map[string][]int // ascending
	byContact  map[string][]int // ascending
	contacts   map[string]Contact
	byPhone    map[string][]string // contact ids, in order of creation
	contactSeq int
}

func newTables() *tables {
	return &tables{
		byID:       make(map[string]int),
		byExternal: make(map[string][]int),
		byContact:  make(map[string][]int),
		contacts:   make(map[string]Contact),
		byPhone:    make(map[string][]string),
		contactSeq: firstID,
	}
}

func (t *tables) addActivity(a Activity, now time.Time) *Activity {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := len(t.activities)
	a.ID = "act_" + strconv.Itoa(firstID+i)
	a.Version = 1
	a.CreatedAt, a.UpdatedAt = now, now
	t.activities = append(t.activities, &a)
	t.byID[a.ID] = i
	t.byContact[a.ContactID] = append(t.byContact[a.ContactID], i)
	if a.ExternalID != "" {
		t.byExternal[a.ExternalID] = append(t.byExternal[a.ExternalID], i)
	}
	return &a
}

// activity returns nil for an id that never was.
func (t *tables) activity(id string) *Activity {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if i, ok := t.byID[id]; ok {
		return t.activities[i]
	}
	return nil
}

// update replaces the activity with what edit makes of it, if allow says so
// (with a nil answer) of the one that is there, or of nil.
func (t *tables) update(id string, now time.Time, allow func(*Activity) *answer, edit func(*Activity)) (*Activity, *answer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i, ok := t.byID[id]
	if !ok {
		return nil, allow(nil)
	}
	if refusal := allow(t.activities[i]); refusal != nil {
		return nil, refusal
	}
	a := *t.activities[i]
	edit(&a)
	a.Version++
	a.UpdatedAt = now
	t.activities[i] = &a
	return &a, nil
}

// listQuery is a filter and a page. before is an index: older ones are listed.
type listQuery struct {
	externalID, contactID string
	updatedSince          time.Time
	createdUntil          time.Time // zero: no matter when
	before, limit         int
}

// list returns a page of activities, newest first, and the before of the next
// one, or 0 when there is none.
func (t *tables) list(q listQuery) ([]*Activity, int) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	index := t.byContact[q.contactID]
	if q.externalID != "" {
		index = t.byExternal[q.externalID]
	}
	end, _ := slices.BinarySearch(index, q.before)
	page, last := []*Activity{}, 0
	for n := end - 1; n >= 0; n-- {
		a := t.activities[index[n]]
		if a.Deleted || a.UpdatedAt.Before(q.updatedSince) ||
			!q.createdUntil.IsZero() && a.CreatedAt.After(q.createdUntil) ||
			q.contactID != "" && a.ContactID != q.contactID {
			continue
		}
		if len(page) == q.limit {
			return page, last
		}
		page, last = append(page, a), index[n]
	}
	return page, 0
}

func (t *tables) addContact(c Contact, now time.Time) (Contact, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, taken := t.contacts[c.ID]; taken {
		return Contact{}, fmt.Errorf("testcrm: there is a contact with id %q already", c.ID)
	}
	for c.ID == "" {
		id := "con_" + strconv.Itoa(t.contactSeq)
		t.contactSeq++
		if _, taken := t.contacts[id]; !taken {
			c.ID = id
		}
	}
	c.CreatedAt = cmp.Or(c.CreatedAt, now)
	if c.Phones == nil {
		c.Phones = []string{}
	}
	c = c.clone()
	t.contacts[c.ID] = c
	for _, p := range slices.Compact(slices.Sorted(slices.Values(c.Phones))) {
		t.byPhone[p] = append(t.byPhone[p], c.ID)
	}
	return c.clone(), nil
}

func (t *tables) contact(id string) (Contact, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	c, ok := t.contacts[id]
	return c, ok
}

// knowsContact reports whether an activity may name the contact.
func (t *tables) knowsContact(id string, strict bool) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	_, ok := t.contacts[id]
	return ok || !strict && len(t.contacts) == 0
}

func (t *tables) contactsByPhone(phone string, limit int) []Contact {
	t.mu.RLock()
	defer t.mu.RUnlock()
	ids := t.byPhone[phone]
	found := []Contact{}
	for _, id := range ids[:min(limit, len(ids))] {
		found = append(found, t.contacts[id])
	}
	return found
}
