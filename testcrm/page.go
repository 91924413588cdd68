package testcrm

import (
	"bytes"
	"cmp"
	"embed"
	"html/template"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

//go:embed page
var pageFiles embed.FS

// How much one page shows; what is more is on further pages.
const (
	contactsPerPage   = 50
	activitiesPerPage = 50
	subjectsPerCard   = 3
	contactsBeside    = 12
)

// pagePolicy is the page's Content-Security-Policy. The page has no script at
// all, so that markup which came past [Sanitize] could still do nothing.
const pagePolicy = "default-src 'none'; style-src 'self'; img-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// viewer serves what ServerConfig.Page describes. It reads the records alone, and
// is no part of the API: what it serves is in no count, log or fault.
type viewer struct {
	data  *tables
	pages *template.Template
}

func newViewer(data *tables) *viewer {
	return &viewer{data, template.Must(template.ParseFS(pageFiles, "page/*.html"))}
}

func (v *viewer) routes(mux *http.ServeMux) {
	for path, h := range map[string]http.HandlerFunc{
		"/{$}":            v.contacts,
		"/page/contact":   v.contact,
		"/page/style.css": file("style.css", "text/css; charset=utf-8"),
		"/page/icon.svg":  file("icon.svg", "image/svg+xml"),
		"/page/":          v.missing,
		"/favicon.ico":    v.missing, // for browsers that ask unbidden
	} {
		mux.HandleFunc("GET "+path, guarded(h))
	}
}

// guarded sends the headers that keep the page to itself, and answers nobody who
// came by a name: the page asks for no token, so a website could otherwise have
// its own name resolve to this machine and read the page.
func guarded(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for name, value := range map[string]string{
			"Content-Security-Policy":      pagePolicy,
			"X-Content-Type-Options":       "nosniff",
			"Referrer-Policy":              "no-referrer",
			"Cross-Origin-Resource-Policy": "same-origin",
			"Cross-Origin-Opener-Policy":   "same-origin",
			"Cache-Control":                "no-store",
		} {
			w.Header().Set(name, value)
		}
		if !isLocal(r.Host) {
			http.Error(w, "testcrm's page is served at localhost and at IP addresses, not at other names", http.StatusForbidden)
			return
		}
		h(w, r)
	}
}

// isLocal reports whether a Host header is localhost or an IP address.
func isLocal(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil || strings.EqualFold(host, "localhost")
}

func file(name, contentType string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		content, err := pageFiles.ReadFile("page/" + name)
		if err != nil {
			http.Error(w, "the file is missing", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(content)
	}
}

// view is what a template gets.
type view struct {
	Title      string
	Contact    *contactCard  // nil: all contacts
	Contacts   []contactCard // on this page, or beside the contact
	Activities []activityCard
	Newer      string // where the page before is; "": there is none
	Older      string
}

// contactCard is a contact with its activities, the latest first.
type contactCard struct {
	Contact
	activities []*Activity
}

// Activities counts.
func (c contactCard) Activities() int { return len(c.activities) }

// Newest are the activities to name on the contact's card.
func (c contactCard) Newest() []activityCard {
	return cards(c.activities[:min(subjectsPerCard, len(c.activities))])
}

// Initial stands for a picture.
func (c contactCard) Initial() string {
	for _, r := range c.Name {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return string(unicode.ToUpper(r))
		}
	}
	return "#"
}

// URL names the contact in the query, since an id may be "..".
func (c contactCard) URL() string { return "/page/contact?id=" + url.QueryEscape(c.ID) }

type activityCard struct{ *Activity }

func cards(activities []*Activity) []activityCard {
	all := make([]activityCard, len(activities))
	for i, a := range activities {
		all[i] = activityCard{a}
	}
	return all
}

// HTML is the body, sanitized here whatever ServerConfig.Rewrite left in it.
func (a activityCard) HTML() template.HTML { return template.HTML(Sanitize(a.Body)) }

// Plain reports a body without markup, whose line feeds are to be seen.
func (a activityCard) Plain() bool { return !strings.Contains(a.Body, "<") }

func (a activityCard) Datetime() string { return a.At.UTC().Format(time.RFC3339) }
func (a activityCard) Date() string     { return a.At.UTC().Format("2 Jan 2006, 15:04 UTC") }

// cards are all contacts, also unregistered ones that activities name, the one
// with the latest activity first.
func (v *viewer) cards() []contactCard {
	byID := make(map[string]*contactCard)
	v.data.mu.RLock()
	activities := slices.Clone(v.data.activities)
	for id, c := range v.data.contacts {
		byID[id] = &contactCard{Contact: c}
	}
	v.data.mu.RUnlock()

	for _, a := range activities {
		if a.Deleted {
			continue
		}
		if byID[a.ContactID] == nil {
			byID[a.ContactID] = &contactCard{Contact: Contact{ID: a.ContactID}}
		}
		c := byID[a.ContactID]
		c.activities = append(c.activities, a)
	}
	all := make([]contactCard, 0, len(byID))
	for _, c := range byID {
		c.Name = cmp.Or(strings.TrimSpace(c.Name), c.ID)
		slices.Reverse(c.activities) // of the same time, the one made last is first
		slices.SortStableFunc(c.activities, func(a, b *Activity) int { return b.At.Compare(a.At) })
		all = append(all, *c)
	}
	slices.SortFunc(all, func(a, b contactCard) int {
		return cmp.Or(b.latest().Compare(a.latest()), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return all
}

func (c contactCard) latest() time.Time {
	if len(c.activities) == 0 {
		return time.Time{}
	}
	return c.activities[0].At
}

func (v *viewer) contacts(w http.ResponseWriter, r *http.Request) {
	shown := view{Title: "Contacts"}
	var ok bool
	if shown.Contacts, ok = turn(&shown, r, v.cards(), contactsPerPage); !ok {
		v.missing(w, r)
		return
	}
	v.show(w, http.StatusOK, "contacts", shown)
}

func (v *viewer) contact(w http.ResponseWriter, r *http.Request) {
	all := v.cards()
	id := r.URL.Query().Get("id")
	i := slices.IndexFunc(all, func(c contactCard) bool { return c.ID == id })
	if i < 0 {
		v.missing(w, r)
		return
	}
	shown := view{Title: all[i].Name, Contact: &all[i], Contacts: all[:min(contactsBeside, len(all))]}
	activities, ok := turn(&shown, r, all[i].activities, activitiesPerPage)
	if !ok {
		v.missing(w, r)
		return
	}
	shown.Activities = cards(activities)
	v.show(w, http.StatusOK, "contact", shown)
}

func (v *viewer) missing(w http.ResponseWriter, _ *http.Request) {
	v.show(w, http.StatusNotFound, "missing", view{Title: "Not found"})
}

// turn returns the items of the page that the query asks for, and sets where its
// neighbours are. It reports whether there is such a page; the first one always is.
func turn[T any](shown *view, r *http.Request, items []T, size int) ([]T, bool) {
	q := r.URL.Query()
	n := 1
	if q.Has("page") {
		var err error
		if n, err = strconv.Atoi(q.Get("page")); err != nil || n < 1 {
			return nil, false
		}
	}
	last := max(1, (len(items)+size-1)/size)
	if n > last {
		return nil, false
	}
	to := func(n int) string {
		q.Set("page", strconv.Itoa(n))
		return r.URL.Path + "?" + q.Encode()
	}
	if n > 1 {
		shown.Newer = to(n - 1)
	}
	if n < last {
		shown.Older = to(n + 1)
	}
	return items[(n-1)*size : min(n*size, len(items))], true
}

func (v *viewer) show(w http.ResponseWriter, status int, name string, shown view) {
	var b bytes.Buffer
	if err := v.pages.ExecuteTemplate(&b, name, shown); err != nil {
		http.Error(w, "the page cannot be shown", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}
