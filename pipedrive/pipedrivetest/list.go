package pipedrivetest

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// listParams are all the parameters of the list: it has none for type, date or
// text. https://developers.pipedrive.com/docs/api/v1/Activities#getActivities
var listParams = params{
	"filter_id":      isID,
	"ids":            isIDs,
	"owner_id":       isID,
	"deal_id":        isID,
	"lead_id":        isUUID,
	"person_id":      isID,
	"org_id":         isID,
	"done":           isBool,
	"updated_since":  isTime(wireTime), // whole seconds, UTC
	"updated_until":  isTime(wireTime),
	"sort_by":        oneOf("id", "update_time", "add_time", "due_date"),
	"sort_direction": oneOf("asc", "desc"),
	"include_fields": oneOf("attendees"),
	"limit":          isLimit,
	"cursor":         isCursor,
}

func (s *Server) listActivities(c call) response {
	limit := 100
	if v := c.query.Get("limit"); v != "" {
		limit, _ = strconv.Atoi(v)
	}
	order := cursor{Field: cmp.Or(c.query.Get("sort_by"), "id"), Direction: cmp.Or(c.query.Get("sort_direction"), "asc")}
	start := order
	if v := c.query.Get("cursor"); v != "" {
		start, _ = parseCursor(v)
		if start.Field != order.Field || start.Direction != order.Direction {
			return invalid([]string{"cursor: The cursor belongs to another sorting."})
		}
	}

	page := s.matching(c.query)
	slices.SortFunc(page, func(a, b Activity) int { return order.at(a).compare(order.at(b)) })
	if start.ID != 0 {
		first, _ := slices.BinarySearchFunc(page, start, func(a Activity, start cursor) int { return order.at(a).compare(start) })
		page = page[first:]
	}
	next := any(nil)
	if len(page) > limit {
		next = order.at(page[limit]).String()
		page = page[:limit]
	}
	attendees := c.query.Has("include_fields")
	return jsonResponse(http.StatusOK, map[string]any{
		"success":         true,
		"data":            wireList(page, func(a Activity) map[string]any { return a.wire(attendees) }),
		"additional_data": map[string]any{"next_cursor": next},
	})
}

// matching returns what the list shows of the activities that a query asks for.
func (s *Server) matching(query url.Values) []Activity {
	// With a filter, the API ignores the other choices of entities. The fake has
	// no filters: each of them matches every activity.
	entity := func(name string) string {
		if query.Has("filter_id") {
			return ""
		}
		return query.Get(name)
	}
	owner, deal, person, org := entity("owner_id"), entity("deal_id"), entity("person_id"), entity("org_id")
	lead, ids := strings.ToLower(entity("lead_id")), strings.Split(entity("ids"), ",")
	done := query.Get("done")
	since, _ := time.Parse(wireTime, query.Get("updated_since"))
	until, _ := time.Parse(wireTime, query.Get("updated_until"))

	is := func(want string, id int64) bool { return want == "" || want == strconv.FormatInt(id, 10) }
	matches := func(a Activity) bool {
		return (!a.IsDeleted || s.cfg.ListDeleted) &&
			is(owner, a.OwnerID) && is(deal, a.DealID) && is(org, a.OrgID) &&
			(lead == "" || lead == a.LeadID) &&
			(ids[0] == "" || slices.Contains(ids, strconv.FormatInt(a.ID, 10))) &&
			(done == "" || done == strconv.FormatBool(a.Done)) &&
			!a.UpdateTime.Before(since) && (until.IsZero() || a.UpdateTime.Before(until))
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	now, found := s.now(), []Activity{}
	add := func(rec *record) {
		if !rec.listedFrom.After(now) && matches(rec.Activity) {
			found = append(found, rec.Activity)
		}
	}
	if person != "" {
		id, _ := strconv.ParseInt(person, 10, 64)
		for _, rec := range s.byPerson[id] {
			add(rec)
		}
		return found
	}
	for _, rec := range s.activities {
		add(rec)
	}
	return found
}

// cursor is a place in a sorted list: the first activity of the next page. It
// holds the sort key, so that pages neither repeat nor skip what did not move.
type cursor struct {
	Field     string `json:"field"`
	Value     string `json:"fieldValue"`
	Direction string `json:"sortDirection"`
	ID        int64  `json:"id"`
}

// at is the place of an activity in the order of c.
func (c cursor) at(a Activity) cursor {
	c.ID = a.ID
	switch c.Field {
	case "update_time":
		c.Value = a.UpdateTime.Format(wireTime)
	case "add_time":
		c.Value = a.AddTime.Format(wireTime)
	case "due_date":
		c.Value = a.DueDate
	}
	return c
}

func (c cursor) compare(d cursor) int {
	order := cmp.Or(strings.Compare(c.Value, d.Value), cmp.Compare(c.ID, d.ID))
	if c.Direction == "desc" {
		return -order
	}
	return order
}

func (c cursor) String() string {
	b, _ := json.Marshal(c)
	return base64.RawURLEncoding.EncodeToString(b)
}

func parseCursor(v string) (c cursor, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(v)
	return c, err == nil && json.Unmarshal(b, &c) == nil && c.ID > 0
}

func isCursor(v string) string {
	if _, ok := parseCursor(v); !ok {
		return "This value is not a valid cursor."
	}
	return ""
}
