package testcrm_test

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/crmlog/crmlog/testcrm"
)

// startPage returns a CRM that has its page on and stores bodies as they are
// sent: what sanitizes them then is the page alone.
func startPage(t *testing.T) *site {
	t.Helper()
	return start(t, testcrm.ServerConfig{Page: true, Rewrite: func(body string) string { return body }})
}

// see gets a page, without a token.
func (s *site) see(path string) reply {
	s.t.Helper()
	return s.do("GET", path, "", "Authorization", "")
}

func (s *site) contact(id, name string, phones ...string) {
	s.t.Helper()
	_, err := s.AddContact(testcrm.Contact{ID: id, Name: name, Phones: phones})
	require.NoError(s.t, err)
}

func (s *site) log(fields map[string]any) {
	s.t.Helper()
	require.Equal(s.t, http.StatusCreated, s.post(fields).status)
}

// document is a page as the HTML5 tree builder, which the page does not use,
// reads it.
type document struct{ *html.Node }

func parse(t testing.TB, page string) document {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	require.NoError(t, err)
	return document{root}
}

// all returns the elements with the tag and, unless it is empty, the class.
func (d document) all(tag, class string) []document {
	var found []document
	for n := range d.Descendants() {
		e := document{n}
		if n.Type == html.ElementNode && n.Data == tag && (class == "" || slices.Contains(strings.Fields(e.attr("class")), class)) {
			found = append(found, e)
		}
	}
	return found
}

func (d document) attr(key string) string {
	for _, a := range d.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func (d document) text() string {
	var b strings.Builder
	for n := range d.Descendants() {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func textsOf(all []document) []string {
	var texts []string
	for _, d := range all {
		texts = append(texts, d.text())
	}
	return texts
}

func TestThePageIsOffByDefault(t *testing.T) {
	t.Parallel()
	s := start(t, testcrm.ServerConfig{})
	for _, path := range []string{"/", "/page/contact?id=x", "/page/style.css"} {
		got := s.do("GET", path, "")
		require.Equal(t, http.StatusNotFound, got.status)
		require.Equal(t, "not_found", got.code(t))
	}
}

func TestContactsAreListedWithTheirDigests(t *testing.T) {
	t.Parallel()
	s := startPage(t)
	s.log(map[string]any{"contactId": "stranger", "subject": "of nobody that is registered", "at": "2026-03-01T00:00:00Z"})
	s.contact("con_ann", "Ann <Lee> & Co", "+16505550101", "+16505550199")
	s.contact("con_bob", "Bob")
	s.contact("con_new", "Zoe")
	for day := 1; day <= 5; day++ {
		s.log(map[string]any{"contactId": "con_ann", "subject": fmt.Sprintf("day <%d>", day), "at": fmt.Sprintf("2026-03-0%dT05:06:07Z", day)})
	}
	s.log(map[string]any{"contactId": "con_bob", "type": "fax", "subject": "a fax", "at": "2026-03-09T22:11:00Z"})
	s.log(map[string]any{"contactId": "con_bob", "subject": "deleted by a person", "at": "2026-03-10T00:00:00Z"})
	require.NoError(t, s.Delete(s.Activities()[7].ID))

	got := s.see("/")
	require.Equal(t, http.StatusOK, got.status)
	page := parse(t, got.body)
	var cards []string
	for _, card := range page.all("li", "card") {
		cards = append(cards, card.text())
	}
	require.Equal(t, []string{
		"B Bob 1 activity a fax fax 9 Mar 2026, 22:11 UTC",
		"A Ann <Lee> & Co +16505550101, +16505550199 · 5 activities" +
			" day <5> sms 5 Mar 2026, 05:06 UTC day <4> sms 4 Mar 2026, 05:06 UTC day <3> sms 3 Mar 2026, 05:06 UTC",
		"S stranger 1 activity of nobody that is registered sms 1 Mar 2026, 00:00 UTC",
		"Z Zoe no activities",
	}, cards)
}

func TestAContactsActivitiesAreShownNewestFirst(t *testing.T) {
	t.Parallel()
	s := start(t, testcrm.ServerConfig{Page: true})
	s.contact("con_ann", "Ann Lee", "+16505550101")
	s.contact("con_bob", "Bob")
	s.log(map[string]any{"contactId": "con_ann", "subject": "second", "at": "2026-03-02T00:00:00Z", "body": `<b>Two</b><br>lines &amp; a <a href="https://x.test/">link</a><ul><li>entry</li></ul>`})
	s.log(map[string]any{"contactId": "con_ann", "subject": "third", "type": "call", "at": "2026-03-03T00:00:00Z"})
	s.log(map[string]any{"contactId": "con_ann", "subject": "first, logged last", "at": "2026-03-01T00:00:00Z"})
	s.log(map[string]any{"contactId": "con_bob", "subject": "of somebody else"})

	got := s.see("/page/contact?id=con_ann")
	require.Equal(t, http.StatusOK, got.status)
	page := parse(t, got.body)
	require.Equal(t, []string{"Ann Lee · testcrm"}, textsOf(page.all("title", "")))
	require.Equal(t, []string{"Ann Lee"}, textsOf(page.all("h1", "")))
	require.Equal(t, []string{
		"third call 3 Mar 2026, 00:00 UTC hello",
		"second sms 2 Mar 2026, 00:00 UTC Twolines & a linkentry",
		"first, logged last sms 1 Mar 2026, 00:00 UTC hello",
	}, textsOf(page.all("article", "")))
	require.Contains(t, got.body, s.Activities()[0].Body, "as it is stored")
}

func TestABodyWithoutMarkupKeepsItsLines(t *testing.T) {
	t.Parallel()
	s := start(t, testcrm.ServerConfig{Page: true, Rewrite: testcrm.PlainText})
	s.log(map[string]any{"body": "<p>one</p><p>two &lt;three&gt;</p>"})
	got := s.see("/page/contact?id=42")
	require.Len(t, parse(t, got.body).all("div", "plain"), 1)
	require.Contains(t, got.body, "one\ntwo &lt;three&gt;")
}

// What a customer writes stays text, also where the CRM stores it as it came.
func FuzzNotesStayInTheirPlace(f *testing.F) {
	addHTML(f)
	for _, seed := range []string{
		`<script>document.title='pwned'</script>`, `<img src=x onerror="document.title='pwned'">`, `<svg onload=f()>`,
		`</div></article></main></body></html><footer>`, `</li></ul></div><h1>x</h1>`, `<a href="javascript:f()">x</a>`,
		`<iframe srcdoc="<script>f()</script>">`, `<base href="https://x.test/">`, `<meta http-equiv=refresh content=0>`,
		`<form action=/><input autofocus onfocus=f()>`, `<style>*{display:none}</style>`, `<link rel=stylesheet href=//x.test>`,
		`<p id=main class=skip style=position:fixed>`, `<!--`, `<![CDATA[`, `<title>`, `<xmp>`, `{{.}}`,
	} {
		f.Add(seed)
	}
	allowed := strings.Fields("a b blockquote br code div em h1 h2 h3 h4 h5 h6 i li ol p pre span strong u ul")
	f.Fuzz(func(t *testing.T, body string) {
		crm := testcrm.NewServer(testcrm.ServerConfig{Page: true, MaxBody: 1 << 20, Rewrite: func(string) string { return body }})
		defer crm.Close()
		create := httptest.NewRequest("POST", "http://127.0.0.1/activities", strings.NewReader(payload(t, nil)))
		create.Header.Set("Authorization", "Bearer x")
		create.Header.Set("Content-Type", "application/json")
		crm.ServeHTTP(httptest.NewRecorder(), create)
		answer := httptest.NewRecorder()
		crm.ServeHTTP(answer, httptest.NewRequest("GET", "http://127.0.0.1/page/contact?id=42", nil))

		page := parse(t, answer.Body.String())
		notes := page.all("div", "note")
		require.Len(t, notes, 1)
		require.Equal(t, "article", notes[0].Parent.Data)
		require.Nil(t, notes[0].NextSibling.NextSibling, "the note ends where the article does")
		footers := page.all("footer", "")
		require.Len(t, footers, 1)
		require.Equal(t, "body", footers[0].Parent.Data)
		for n := range notes[0].Descendants() {
			if n.Type != html.ElementNode {
				require.Equal(t, html.TextNode, n.Type)
				continue
			}
			require.Contains(t, allowed, n.Data)
			for _, a := range n.Attr {
				require.Contains(t, []string{"href", "rel"}, a.Key)
			}
			if href := (document{n}).attr("href"); href != "" {
				require.Regexp(t, `^(?i)(https?|mailto|tel):`, href)
			}
		}
		squeeze := func(s string) string { return strings.Join(strings.Fields(strings.ReplaceAll(s, "\x00", "")), "") }
		require.Equal(t, squeeze(textOf(body)), squeeze(notes[0].text()))
	})
}

func TestNamesSubjectsAndTypesAreText(t *testing.T) {
	t.Parallel()
	s := startPage(t)
	const hostile = `"><script>f()</script>&amp;<!--`
	s.contact(hostile, hostile)
	s.log(map[string]any{"contactId": hostile, "subject": hostile, "type": hostile})
	for _, path := range []string{"/", parse(t, s.see("/").body).all("h2", "")[0].all("a", "")[0].attr("href")} {
		page := parse(t, s.see(path).body)
		require.Empty(t, page.all("script", ""))
		require.Equal(t, 1, len(page.all("h1", "")))
		require.Contains(t, page.text(), hostile)
	}
}

func TestEveryAnswerOfThePageHasItsHeaders(t *testing.T) {
	t.Parallel()
	s := startPage(t)
	s.log(nil)
	for path, want := range map[string]struct {
		status      int
		contentType string
	}{
		"/":                           {200, "text/html; charset=utf-8"},
		"/page/contact?id=42":         {200, "text/html; charset=utf-8"},
		"/page/style.css":             {200, "text/css; charset=utf-8"},
		"/page/icon.svg":              {200, "image/svg+xml"},
		"/page/contact?id=nobody":     {404, "text/html; charset=utf-8"},
		"/page/contact":               {404, "text/html; charset=utf-8"},
		"/page/contact?id=42&page=2":  {404, "text/html; charset=utf-8"},
		"/page/contact?id=42&page=0":  {404, "text/html; charset=utf-8"},
		"/?page=x":                    {404, "text/html; charset=utf-8"},
		"/page/../page/no-such-thing": {404, "text/html; charset=utf-8"},
		"/favicon.ico":                {404, "text/html; charset=utf-8"},
	} {
		got := s.see(path)
		require.Equal(t, want.status, got.status, path)
		require.Equal(t, want.contentType, got.header.Get("Content-Type"), path)
		require.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"), path)
		require.Equal(t, "no-referrer", got.header.Get("Referrer-Policy"), path)
		require.Equal(t, "same-origin", got.header.Get("Cross-Origin-Resource-Policy"), path)
		require.Equal(t, "no-store", got.header.Get("Cache-Control"), path)
		require.Equal(t, []string{"default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
			got.header.Values("Content-Security-Policy"), path)
	}
}

// Looking at the page disturbs no test that counts calls or lets them fail.
func TestThePageIsNoPartOfTheAPI(t *testing.T) {
	t.Parallel()
	s := start(t, testcrm.ServerConfig{Page: true, Latency: time.Hour})
	s.Fail(testcrm.Fault{Status: http.StatusInternalServerError})
	for _, path := range []string{"/", "/page/contact?id=x", "/page/style.css", "/favicon.ico"} {
		require.NotEqual(t, http.StatusInternalServerError, s.see(path).status)
	}
	require.Empty(t, s.Calls())
	require.Empty(t, s.Requests())
	require.NotEmpty(t, s.see("/").header.Get("X-Request-Id"))
}

// A website whose name resolves to this machine must not read the page.
func TestThePageAnswersNoForeignName(t *testing.T) {
	t.Parallel()
	crm := testcrm.NewServer(testcrm.ServerConfig{Page: true})
	defer crm.Close()
	for host, want := range map[string]int{
		"localhost": 200, "LOCALHOST:8080": 200, "127.0.0.1:8080": 200, "127.0.0.1": 200, "[::1]:8080": 200, "[::1]": 200, "192.168.1.7:80": 200,
		"evil.test": 403, "evil.test:8080": 403, "127.0.0.1.evil.test": 403, "localhost.evil.test:80": 403, "": 403, ":80": 403,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		crm.ServeHTTP(w, r)
		require.Equal(t, want, w.Code, host)
	}
}

func TestManyRecordsAreSpreadOverPages(t *testing.T) {
	t.Parallel()
	s := startPage(t)
	for i := range 101 {
		s.log(map[string]any{"contactId": "a&b?#/../", "subject": fmt.Sprint("a", i), "at": time.Date(2026, 3, 4, 0, 0, i, 0, time.UTC).Format(time.RFC3339)})
		s.log(map[string]any{"contactId": fmt.Sprint("c", i), "at": "2025-01-01T00:00:00Z"})
	}
	first := parse(t, s.see("/").body)
	contact := first.all("h2", "")[0].all("a", "")[0].attr("href")
	for _, tt := range []struct {
		path, tag, class string
		onPages          []int
	}{
		{"/", "li", "card", []int{50, 50, 2}},
		{contact, "article", "", []int{50, 50, 1}},
	} {
		seen := make(map[string]bool)
		older := tt.path
		for i, n := range tt.onPages {
			page := parse(t, s.see(older).body)
			for _, item := range page.all(tt.tag, tt.class) {
				seen[item.text()] = true
			}
			require.Len(t, page.all(tt.tag, tt.class), n)
			links := textsOf(page.all("nav", "pager")[0].all("a", ""))
			require.Equal(t, i > 0, slices.Contains(links, "← Newer"))
			require.Equal(t, i < 2, slices.Contains(links, "Older →"))
			for _, a := range page.all("nav", "pager")[0].all("a", "") {
				if a.attr("rel") == "next" {
					older = a.attr("href")
				}
			}
		}
		sum := 0
		for _, n := range tt.onPages {
			sum += n
		}
		require.Len(t, seen, sum)
	}
}

func TestThePageIsBuiltForAssistiveTechnology(t *testing.T) {
	t.Parallel()
	s := startPage(t)
	s.contact("con_ann", "Ann Lee", "+16505550101")
	s.contact("con_bob", "Bob")
	for range 60 {
		s.log(map[string]any{"contactId": "con_ann"})
	}
	for _, path := range []string{"/", "/page/contact?id=con_ann", "/page/contact?id=con_bob", "/page/contact?id=nobody"} {
		page := parse(t, s.see(path).body)
		require.Equal(t, "en", page.all("html", "")[0].attr("lang"))
		require.NotEmpty(t, page.all("title", "")[0].text())
		for _, landmark := range []string{"h1", "main", "footer"} {
			require.Len(t, page.all(landmark, ""), 1, landmark)
		}
		require.Empty(t, page.all("script", ""))

		ids := make(map[string]bool)
		level := 0
		for n := range page.Descendants() {
			e := document{n}
			if id := e.attr("id"); id != "" {
				require.False(t, ids[id], "id %s is there twice", id)
				ids[id] = true
			}
			if len(n.Data) == 2 && n.Data[0] == 'h' && n.Data != "hr" && n.Type == html.ElementNode {
				next := int(n.Data[1] - '0')
				require.LessOrEqual(t, next, level+1, "a heading level is left out")
				level = next
			}
		}
		for _, a := range page.all("a", "") {
			require.NotEmpty(t, a.text())
			if target, ok := strings.CutPrefix(a.attr("href"), "#"); ok {
				require.True(t, ids[target])
			}
		}
		require.Equal(t, "#main", page.all("a", "")[0].attr("href"), "the first link skips to the content")
		for _, nav := range page.all("nav", "") {
			require.NotEmpty(t, nav.attr("aria-label"))
		}
		for _, article := range page.all("article", "") {
			require.True(t, ids[article.attr("aria-labelledby")])
		}
		for _, at := range page.all("time", "") {
			_, err := time.Parse(time.RFC3339, at.attr("datetime"))
			require.NoError(t, err)
		}
	}
	current := parse(t, s.see("/page/contact?id=con_ann").body).all("nav", "beside")[0].all("a", "")[1]
	require.Equal(t, "page", current.attr("aria-current"))
}

// The colours of text on its ground, and of what marks the focus, by WCAG 2.2,
// 1.4.3 and 1.4.11. That no text has another pair is seen in the browser
// (internal/screenshots).
func TestColoursHaveContrast(t *testing.T) {
	t.Parallel()
	css, err := os.ReadFile("page/style.css")
	require.NoError(t, err)
	light, rest, ok := strings.Cut(string(css), "@media (prefers-color-scheme: dark)")
	require.True(t, ok)
	dark, rules, ok := strings.Cut(rest, "*, ::before")
	require.True(t, ok)
	require.NotRegexp(t, `#[0-9a-fA-F]{3}|rgb|hsl|opacity`, rules, "colours have names")

	for scheme, part := range map[string]string{"light": light, "dark": dark} {
		colors := make(map[string]float64)
		for _, m := range regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{6});`).FindAllStringSubmatch(part, -1) {
			rgb, err := strconv.ParseUint(m[2], 16, 32)
			require.NoError(t, err)
			colors[m[1]] = luminance(rgb)
		}
		used := map[string]bool{"line": true} // decoration
		for _, pair := range []struct {
			text, ground string
			least        float64
		}{
			{"text", "ground", 4.5}, {"text", "card", 4.5}, {"muted", "ground", 4.5}, {"muted", "card", 4.5},
			{"link", "ground", 4.5}, {"link", "card", 4.5}, {"tint-text", "tint", 4.5},
			{"bar-text", "bar", 4.5}, {"bar-muted", "bar", 4.5},
			{"focus", "ground", 3}, {"focus", "card", 3}, {"focus", "tint", 3},
		} {
			used[pair.text], used[pair.ground] = true, true
			require.GreaterOrEqual(t, contrast(colors[pair.text], colors[pair.ground]), pair.least, "%s on %s, %s", pair.text, pair.ground, scheme)
		}
		require.Len(t, used, len(colors), "each colour is in a pair")
	}
}

// luminance and contrast are as https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
// says.
func luminance(rgb uint64) float64 {
	linear := func(shift int) float64 {
		c := float64(rgb>>shift&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(16) + 0.7152*linear(8) + 0.0722*linear(0)
}

func contrast(a, b float64) float64 { return (max(a, b) + 0.05) / (min(a, b) + 0.05) }
