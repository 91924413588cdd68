package testcrm

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	maxKey      = 64
	maxTitle    = 255
	maxLinks    = 50
	maxPhones   = 20
	maxContacts = 100
	defaultPage = 50
	maxPage     = 200
)

func (s *Server) now() time.Time { return s.cfg.Now().UTC().Round(0) }

func (s *Server) postContact(c *call) *answer {
	o := readObject(c)
	o.require("name")
	var contact Contact
	contact.Name, _ = o.text("name", 1, maxTitle)
	list, _ := o.list("phones", maxPhones)
	for _, raw := range list {
		var phone string
		if json.Unmarshal(raw, &phone) != nil || !isE164(phone) {
			o.refuse(http.StatusBadRequest, "invalid_field", "phones must be strings in E.164 form: +, country code, number, no spaces")
		}
		contact.Phones = append(contact.Phones, phone)
	}
	if refusal := o.done(); refusal != nil {
		return refusal
	}
	contact, err := s.data.addContact(contact, s.now())
	if err != nil {
		return fail(http.StatusInternalServerError, "internal", "the contact cannot be stored")
	}
	return reply(http.StatusCreated, contact).with("Location", "/contacts/"+contact.ID)
}

func (s *Server) getContact(c *call) *answer {
	contact, ok := s.data.contact(c.PathValue("id"))
	if !ok {
		return fail(http.StatusNotFound, "not_found", "there is no such contact")
	}
	return reply(http.StatusOK, contact)
}

func (s *Server) findContacts(c *call) *answer {
	q, refusal := readQuery(c, "phone")
	if refusal != nil {
		return refusal
	}
	if !isE164(q["phone"]) {
		return fail(http.StatusBadRequest, "invalid_query", "phone must be a number in E.164 form, with its + sent as %%2B")
	}
	return reply(http.StatusOK, page[Contact]{Items: s.data.contactsByPhone(q["phone"], maxContacts)})
}

func (s *Server) postActivity(c *call) *answer {
	o := readObject(c)
	o.require("contactId", "type", "subject", "body", "at")
	a := Activity{OwnerID: c.user, Links: []Link{}}
	a.ContactID, _ = o.text("contactId", 1, maxKey)
	a.ExternalID, _ = o.text("externalId", 1, maxKey)
	edits := s.readEdits(o)
	if refusal := o.done(); refusal != nil {
		return refusal
	}
	if !s.data.knowsContact(a.ContactID, s.cfg.StrictContacts) {
		return fail(http.StatusUnprocessableEntity, "unknown_contact", "contactId names no contact")
	}
	for _, edit := range edits {
		edit(&a)
	}
	created := s.data.addActivity(a, s.now())
	return reply(http.StatusCreated, created).with("Etag", created.etag()).with("Location", "/activities/"+created.ID)
}

func (s *Server) getActivity(c *call) *answer {
	a := s.data.activity(c.PathValue("id"))
	if refusal := missing(a); refusal != nil {
		return refusal
	}
	return reply(http.StatusOK, a).with("Etag", a.etag())
}

func (s *Server) patchActivity(c *call) *answer {
	allow, refusal := precondition(c.Header.Values("If-Match"))
	if refusal != nil {
		return refusal
	}
	o := readObject(c)
	edits := s.readEdits(o)
	if refusal := o.done(); refusal != nil {
		return refusal
	}
	if len(edits) == 0 {
		return fail(http.StatusBadRequest, "empty_patch", "name at least one field to change")
	}
	a, refusal := s.data.update(c.PathValue("id"), s.now(), allow, func(a *Activity) {
		for _, edit := range edits {
			edit(a)
		}
	})
	if refusal != nil {
		return refusal
	}
	return reply(http.StatusOK, a).with("Etag", a.etag())
}

func (s *Server) deleteActivity(c *call) *answer {
	allow, refusal := precondition(c.Header.Values("If-Match"))
	if refusal != nil {
		return refusal
	}
	if _, refusal := s.data.update(c.PathValue("id"), s.now(), allow, markDeleted); refusal != nil {
		return refusal
	}
	return &answer{status: http.StatusNoContent}
}

func markDeleted(a *Activity) { a.Deleted = true }

// readEdits reads the fields that can be set at any time. What takes long, such
// as rewriting a body, is done here and not under the lock.
func (s *Server) readEdits(o *object) []func(*Activity) {
	var edits []func(*Activity)
	if v, ok := o.text("type", 1, maxKey); ok {
		edits = append(edits, func(a *Activity) { a.Type = v })
	}
	if v, ok := o.text("subject", 1, maxTitle); ok {
		edits = append(edits, func(a *Activity) { a.Subject = v })
	}
	if v, ok := o.time("at"); ok {
		edits = append(edits, func(a *Activity) { a.At = v })
	}
	if v, ok := o.text("ownerId", 1, maxKey); ok {
		if len(s.users) > 0 && !s.users[v] {
			o.refuse(http.StatusUnprocessableEntity, "unknown_owner", "ownerId names no user")
		}
		edits = append(edits, func(a *Activity) { a.OwnerID = v })
	}
	if v, ok := s.readLinks(o); ok {
		edits = append(edits, func(a *Activity) { a.Links = v })
	}
	if v, ok := o.text("body", 0, math.MaxInt); ok {
		stored, refusal := s.stored(v)
		if refusal != nil && o.refusal == nil {
			o.fields, o.refusal = nil, refusal
		}
		edits = append(edits, func(a *Activity) { a.Body = stored })
	}
	return edits
}

func (s *Server) readLinks(o *object) ([]Link, bool) {
	list, ok := o.list("links", maxLinks)
	links := make([]Link, 0, len(list))
	for _, raw := range list {
		entry := &object{}
		if json.Unmarshal(raw, &entry.fields) != nil {
			entry.refuse(http.StatusBadRequest, "", "")
		}
		entry.require("type", "id")
		kind, _ := entry.text("type", 1, maxKey)
		id, _ := entry.text("id", 1, maxKey)
		if entry.done() != nil {
			o.refuse(http.StatusBadRequest, "invalid_field", `links must be objects {"type": "…", "id": "…"} with strings of 1 to %d characters`, maxKey)
			return nil, false
		}
		links = append(links, Link{Type: kind, ID: id})
	}
	return links, ok
}

// stored returns a body as the CRM keeps it.
func (s *Server) stored(html string) (string, *answer) {
	body := strings.ToValidUTF8(s.cfg.Rewrite(html), string(utf8.RuneError))
	if len(body) > s.cfg.MaxBody {
		return "", fail(http.StatusRequestEntityTooLarge, "body_too_large", "body would be stored with %d bytes, the limit is %d", len(body), s.cfg.MaxBody)
	}
	return body, nil
}

func missing(a *Activity) *answer {
	switch {
	case a == nil:
		return fail(http.StatusNotFound, "not_found", "there is no such activity")
	case a.Deleted:
		return fail(http.StatusGone, "gone", "the activity was deleted")
	}
	return nil
}

// precondition reads If-Match (RFC 9110, 13.1.1) and returns the check that a
// write has to pass.
func precondition(headers []string) (func(*Activity) *answer, *answer) {
	var tags []string
	for _, h := range headers {
		for tag := range strings.SplitSeq(h, ",") {
			tag = strings.TrimSpace(tag)
			bare, quoted := strings.CutPrefix(strings.TrimPrefix(tag, "W/"), `"`)
			if tag != "*" && !(quoted && strings.HasSuffix(bare, `"`)) {
				return nil, fail(http.StatusBadRequest, "invalid_header", `If-Match must be an ETag in its quotes, such as "v3", or *`)
			}
			tags = append(tags, tag)
		}
	}
	return func(a *Activity) *answer {
		if refusal := missing(a); refusal != nil {
			return refusal
		}
		if len(tags) > 0 && !slices.Contains(tags, "*") && !slices.Contains(tags, a.etag()) {
			return fail(http.StatusPreconditionFailed, "precondition_failed", "the activity has changed: its ETag is %s", a.etag())
		}
		return nil
	}, nil
}

type page[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"nextCursor,omitempty"`
}

func (s *Server) listActivities(c *call) *answer {
	params, refusal := readQuery(c, "externalId", "contactId", "updatedSince", "limit", "cursor")
	if refusal != nil {
		return refusal
	}
	q := listQuery{
		externalID: params["externalId"],
		contactID:  params["contactId"],
		before:     math.MaxInt,
		limit:      defaultPage,
	}
	if s.cfg.IndexLag > 0 {
		q.createdUntil = s.now().Add(-s.cfg.IndexLag)
	}
	if q.externalID == "" && q.contactID == "" {
		return fail(http.StatusBadRequest, "invalid_query", "externalId or contactId is required")
	}
	if v, ok := params["updatedSince"]; ok {
		if q.updatedSince, ok = parseTime(v); !ok {
			return fail(http.StatusBadRequest, "invalid_query", "updatedSince must be a time in UTC, such as 2026-03-04T05:06:07Z")
		}
	}
	if v, ok := params["limit"]; ok {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > maxPage {
			return fail(http.StatusBadRequest, "invalid_query", "limit must be 1 to %d", maxPage)
		}
		q.limit = n
	}
	if v, ok := params["cursor"]; ok {
		if q.before, ok = parseCursor(v); !ok {
			return fail(http.StatusBadRequest, "invalid_query", "cursor must be the nextCursor of the page before")
		}
	}
	items, next := s.data.list(q)
	result := page[*Activity]{Items: items}
	if next > 0 {
		result.NextCursor = cursor(next)
	}
	return reply(http.StatusOK, result)
}

func cursor(before int) string {
	return base64.RawURLEncoding.EncodeToString([]byte("before:" + strconv.Itoa(before)))
}

func parseCursor(v string) (int, bool) {
	b, err := base64.RawURLEncoding.DecodeString(v)
	number, ok := strings.CutPrefix(string(b), "before:")
	n, err2 := strconv.Atoi(number)
	return n, ok && err == nil && err2 == nil
}
