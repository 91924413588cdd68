package fernbooktest

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

func (s *Server) create(c *call) (int, any) {
	f, status, no := decode(c, []string{"channel", "title", "text", "happened_at"}, "key")
	if no != nil {
		return status, no
	}
	person := c.PathValue("person")
	if s.cfg.People != nil && !slices.Contains(s.cfg.People, person) {
		return failure(404, "no_such_person", "no person %q", person)
	}
	e := &Entry{
		ID: fmt.Sprintf("e-%d", 1001+len(s.entries)), Version: 1, PersonID: person, Key: f.key,
		Author: c.key, Workspace: c.workspace, found: s.cfg.Now().Add(s.cfg.FindLag),
	}
	e.set(f)
	s.entries = append(s.entries, e)
	return http.StatusCreated, *e
}

func (s *Server) read(c *call) (int, any) {
	e, status, no := s.meant(c)
	if no != nil {
		return status, no
	}
	return http.StatusOK, *e
}

func (s *Server) replace(c *call) (int, any) {
	f, status, no := decode(c, []string{"version", "channel", "title", "text", "happened_at"})
	if no != nil {
		return status, no
	}
	e, status, no := s.meant(c)
	if no != nil {
		return status, no
	}
	if f.version != int64(e.Version) {
		return failure(409, "version_conflict", "the entry has version %d", e.Version)
	}
	e.set(f)
	e.Version++
	return http.StatusOK, *e
}

func (s *Server) remove(c *call) (int, any) {
	e, status, no := s.meant(c)
	if no != nil {
		return status, no
	}
	e.Deleted = true
	return http.StatusNoContent, nil
}

// listed is an entry in a list, without its text.
type listed struct {
	ID         string `json:"id"`
	Version    int    `json:"version"`
	PersonID   string `json:"person_id"`
	Key        string `json:"key,omitempty"`
	Channel    string `json:"channel"`
	Title      string `json:"title"`
	HappenedAt int64  `json:"happened_at"`
	Author     string `json:"author"`
	Deleted    bool   `json:"deleted"`
}

const pageSize = 20

func (s *Server) find(c *call) (int, any) {
	query := c.URL.Query()
	for name, values := range query {
		if !slices.Contains([]string{"key", "person_id", "more"}, name) || len(values) != 1 || values[0] == "" {
			return failure(400, "bad_query", "give key, person_id and more once each at the most, and no others")
		}
	}
	key, person := query.Get("key"), query.Get("person_id")
	if key == "" && person == "" {
		return failure(400, "bad_query", "give key or person_id")
	}
	from := 0
	if more := query.Get("more"); more != "" {
		text, err := base64.RawURLEncoding.DecodeString(more)
		if err == nil {
			from, err = strconv.Atoi(strings.TrimPrefix(string(text), "p:"))
		}
		if err != nil || from < 0 {
			return failure(400, "bad_query", "more is not of a page of ours")
		}
	}
	page := struct {
		Entries []listed `json:"entries"`
		More    *string  `json:"more"`
	}{Entries: []listed{}}
	now := s.cfg.Now()
	for i := from; i < len(s.entries); i++ {
		e := s.entries[i]
		if e.Workspace != c.workspace || e.Deleted || now.Before(e.found) || key != "" && e.Key != key || person != "" && e.PersonID != person {
			continue
		}
		if len(page.Entries) == pageSize {
			more := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "p:%d", i))
			page.More = &more
			break
		}
		page.Entries = append(page.Entries, listed{e.ID, e.Version, e.PersonID, e.Key, e.Channel, e.Title, e.HappenedAt, e.Author, e.Deleted})
	}
	return http.StatusOK, page
}

// meant is the entry that the path names.
func (s *Server) meant(c *call) (*Entry, int, any) {
	e := s.entry(c.PathValue("id"))
	if e == nil || e.Workspace != c.workspace {
		status, no := failure(404, "no_such_entry", "no entry %q", c.PathValue("id"))
		return nil, status, no
	}
	if e.Deleted {
		status, no := failure(410, "entry_deleted", "entry %s was deleted", e.ID)
		return nil, status, no
	}
	return e, 0, nil
}

func (s *Server) entry(id string) *Entry {
	i := slices.IndexFunc(s.entries, func(e *Entry) bool { return e.ID == id })
	if i < 0 {
		return nil
	}
	return s.entries[i]
}

func (e *Entry) set(f fields) {
	e.Channel, e.Title, e.Text, e.HappenedAt = f.channel, f.title, stored(f.text), f.happenedAt
}

// stored is what Fernbook makes of a text.
func stored(text string) string {
	lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " \t")
	}
	return strings.Join(lines, "\n")
}
