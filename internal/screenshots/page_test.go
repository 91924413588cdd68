package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/internal/day"
	"github.com/crmlog/crmlog/testcrm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// installed returns the browser's path; without a browser the test is skipped.
func installed(t *testing.T) string {
	t.Helper()
	path, err := chromium()
	if err != nil && os.Getenv("CRMLOG_REQUIRE_BROWSER") != "1" {
		t.Skipf("%v; CRMLOG_REQUIRE_BROWSER=1 makes this a failure", err)
	}
	require.NoError(t, err)
	return path
}

// startBrowser returns the context of a Chromium that can reach this machine
// alone.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	path := installed(t)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel)
	ctx, closeBrowser := open(ctx, path)
	t.Cleanup(closeBrowser)
	require.NoError(t, chromedp.Do(ctx))
	return ctx
}

// tab is a tab of its own, which visits one site.
type tab struct {
	t        *testing.T
	ctx      context.Context
	url      string
	requests *requests
}

// requests are the URLs that a tab asked for, or would have, but for a policy.
type requests struct {
	mu   sync.Mutex
	urls []string
}

func (r *requests) listen(event any) {
	if e, ok := event.(*network.EventRequestWillBeSent); ok {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.urls = append(r.urls, e.Request.URL)
	}
}

func (r *requests) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.urls)
}

func newTab(t *testing.T, browser context.Context, site http.Handler) tab {
	t.Helper()
	web := httptest.NewServer(site)
	t.Cleanup(web.Close)
	var asked requests
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithListener(asked.listen))
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Do(ctx, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, network.Enable, network.EnableParams{})
		return err
	})))
	return tab{t, ctx, web.URL, &asked}
}

func (b tab) visit(path string) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(b.ctx, chromedp.Navigate(b.url+path)))
}

func (b tab) use(s screen, scheme string) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(b.ctx, s.use(scheme)))
}

func (b tab) press(key string) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(b.ctx, chromedp.KeyEvent(key)))
}

func eval[T any](b tab, script string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	require.NoError(b.t, err)
	return v
}

func newCRM(t *testing.T, config testcrm.ServerConfig) *testcrm.Server {
	t.Helper()
	config.Page = true
	crm := testcrm.NewServer(config)
	t.Cleanup(crm.Close)
	return crm
}

// post makes an activity as any client of the API does.
func post(t *testing.T, crm *testcrm.Server, body string) {
	t.Helper()
	r := httptest.NewRequest("POST", "/activities", strings.NewReader(
		fmt.Sprintf(`{"contactId":"con_1","type":"sms","subject":"SMS","body":%q,"at":"2026-03-04T05:06:07Z"}`, body)))
	r.Header.Set("Authorization", "Bearer x")
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	crm.ServeHTTP(w, r)
	require.Equal(t, http.StatusCreated, w.Code, w.Body)
}

// filled is a CRM after the day of the pictures.
func filled(t *testing.T) *testcrm.Server {
	t.Helper()
	crm := newCRM(t, testcrm.ServerConfig{})
	logs(t, crm, func(url string) error { return fill(t.Context(), crm, url) })
	return crm
}

// logs lets log reach the CRM at a URL.
func logs(t *testing.T, crm *testcrm.Server, log func(url string) error) {
	t.Helper()
	web := httptest.NewServer(crm)
	defer web.Close()
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	require.NoError(t, log(web.URL))
}

func TestThePageInABrowser(t *testing.T) {
	browser := startBrowser(t)
	for _, tt := range []struct {
		name string
		test func(*testing.T, context.Context)
	}{
		{"a text with a script in it is shown as text", hostileTextIsText},
		{"nothing is asked of another host", nothingLeaves},
		{"the keyboard reaches every link, visibly", keyboard},
		{"nothing is wider than a phone", narrow},
		{"every text has contrast, in light and dark", contrast},
		{"right-to-left text begins at the right", rightToLeft},
		{"every message of the day is seen", everyMessage},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, browser) })
	}
}

func TestPicturesAreTaken(t *testing.T) {
	installed(t)
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	dir := t.TempDir()
	require.NoError(t, run(t.Context(), dir, io.Discard))
	seen := make(map[string]bool)
	for name, width := range map[string]int{"desktop-light": 1280, "desktop-dark": 1280, "phone-light": 585, "phone-dark": 585} {
		picture, err := os.ReadFile(filepath.Join(dir, name+".png"))
		require.NoError(t, err)
		size, err := png.DecodeConfig(bytes.NewReader(picture))
		require.NoError(t, err)
		require.Equal(t, width, size.Width)
		seen[string(picture)] = true
	}
	require.Len(t, seen, 4)
}

// payloads do what the test can see when they are not text: they set the title
// to "pwned", at once, when something fails to load or when a link is clicked.
var payloads = []string{
	`<script>document.title='pwned'</script>`,
	`<img src=x: onerror="document.title='pwned'">`,
	`<svg onload="document.title='pwned'">`,
	`<details open ontoggle="document.title='pwned'">`,
	`<iframe srcdoc="<script>parent.document.title='pwned'</script>"></iframe>`,
	`<a href="javascript:void(document.title='pwned')">click</a>`,
	`</li></ul></div></article></main><script>document.title='pwned'</script>`,
}

func hostileTextIsText(t *testing.T, browser context.Context) {
	crm := newCRM(t, testcrm.ServerConfig{})
	logs(t, crm, func(url string) error { return logTexts(t, url, payloads) })
	unclean := newCRM(t, testcrm.ServerConfig{Rewrite: func(body string) string { return body }})
	for _, payload := range payloads {
		post(t, unclean, payload)
	}

	page := newTab(t, browser, crm)
	page.visit("/page/contact?id=con_1")
	title := eval[string](page, `document.title`)
	require.Equal(t, "con_1 · testcrm", title)
	require.Equal(t, title, titleAfterClicks(page))
	require.Zero(t, eval[int](page, foreign))
	seen := eval[string](page, `document.querySelector('.note').innerText`)
	for _, payload := range payloads {
		require.Contains(t, seen, payload)
	}

	page = newTab(t, browser, unclean)
	page.visit("/page/contact?id=con_1")
	require.Equal(t, len(payloads), eval[int](page, `document.querySelectorAll('main article .note').length`))
	require.Equal(t, "con_1 · testcrm", titleAfterClicks(page))
	require.Zero(t, eval[int](page, foreign))

	// The payloads are live ones: they run where they are not text. And the
	// page's policy alone would hold them.
	answer := httptest.NewRecorder()
	crm.ServeHTTP(answer, httptest.NewRequest("GET", "http://localhost/", nil))
	policy := answer.Header().Get("Content-Security-Policy")
	raw := newTab(t, browser, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if r.URL.Path == "/held" {
			w.Header().Set("Content-Security-Policy", policy)
		}
		fmt.Fprintf(w, "<!DOCTYPE html><title>safe</title><body><ul><li>%s</li></ul>", r.URL.Query().Get("html"))
	}))
	for _, payload := range payloads {
		query := "?html=" + url.QueryEscape(payload)
		raw.visit("/free" + query)
		require.Equal(t, "pwned", titleAfterClicks(raw), "%s does nothing, so that it proves nothing", payload)
		raw.visit("/held" + query)
		require.Equal(t, "safe", titleAfterClicks(raw), payload)
	}
}

// foreign counts the elements that the page does not have of its own.
const foreign = `document.querySelectorAll('script, img, svg, iframe, details, style, form, input, object, embed, base, [onload], [onerror], [ontoggle], [style], .note a[href]').length`

// titleAfterClicks clicks what runs scripts when it is clicked. The image that
// is then waited for comes after whatever is under way.
func titleAfterClicks(page tab) string {
	page.t.Helper()
	return eval[string](page, `new Promise(done => {
		document.querySelectorAll('a[href^="javascript:"]').forEach(a => a.click());
		const i = new Image();
		i.onload = i.onerror = () => setTimeout(() => done(document.title));
		i.src = '/page/icon.svg?' + Math.random();
	})`)
}

// logTexts logs each text as an SMS of a contact whose name looks like markup.
func logTexts(t *testing.T, baseURL string, texts []string) error {
	adapter, err := testcrm.New(testcrm.Config{BaseURL: baseURL})
	if err != nil {
		return err
	}
	router, err := crmlog.NewRouter(adapter, crmlog.RouterConfig{Platform: testcrm.Platform})
	if err != nil {
		return err
	}
	in := crmlog.LogInput{
		User:        crmlog.User{ID: "7", Name: "Sam Seller", TimezoneName: "America/Los_Angeles"},
		ContactInfo: crmlog.ContactInfo{ID: "con_1", Name: "Mallory <b>", PhoneNumber: "+16505550166"},
		AuthHeader:  "Bearer x",
	}
	for i, text := range texts {
		m := day.Events()[0].MessageInput
		m.Message.ID, m.Message.Subject = crmlog.ID(fmt.Sprint(100+i)), text
		m.Message.CreationTime = m.Message.CreationTime.Add(time.Duration(i) * time.Minute)
		in.Messages = append(in.Messages, m)
	}
	_, err = router.Log(t.Context(), in)
	return errors.Join(err, router.Shutdown(t.Context()))
}

func nothingLeaves(t *testing.T, browser context.Context) {
	const loads = `<link rel=stylesheet href=http://style.test/><img src=http://picture.test/><iframe src=https://frame.test/></iframe>`
	crm := newCRM(t, testcrm.ServerConfig{Rewrite: func(body string) string { return body }})
	post(t, crm, loads+`<video src=http://video.test/></video><a href="https://link.test/" ping="http://ping.test/">link</a><style>@import "http://import.test/"</style>`)
	page := newTab(t, browser, crm)
	for _, path := range []string{"/", "/page/contact?id=con_1", "/page/contact?id=nobody"} {
		page.visit(path)
		titleAfterClicks(page)
	}
	require.Contains(t, page.requests.all(), page.url+"/page/style.css")
	for _, asked := range page.requests.all() {
		require.True(t, strings.HasPrefix(asked, page.url+"/"), asked)
	}
	require.Equal(t, map[string]int{"POST /activities": 1}, crm.Calls(), "the page uses no API either")

	raw := newTab(t, browser, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, loads)
	}))
	raw.visit("/")
	titleAfterClicks(raw)
	require.Subset(t, raw.requests.all(), []string{"http://style.test/", "http://picture.test/"}, "what leaves is seen")
}

const focused = `(() => {
	const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect();
	return {
		Index: [...document.querySelectorAll('a[href]')].filter(a => a.checkVisibility()).indexOf(e),
		Visible: s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2 &&
			r.width > 0 && r.height > 0 && r.top >= 0 && r.bottom <= innerHeight && r.left >= 0 && r.right <= innerWidth,
		Name: e.innerText,
	};
})()`

func keyboard(t *testing.T, browser context.Context) {
	crm := filled(t)
	page := newTab(t, browser, crm)
	for _, s := range []screen{desktop, phone} {
		page.use(s, "light")
		for _, path := range []string{"/", "/page/contact?id=con_ann"} {
			page.visit(path)
			links := eval[int](page, `[...document.querySelectorAll('a[href]')].filter(a => a.checkVisibility()).length`)
			require.Greater(t, links, 3)
			for i := range links {
				page.press(kb.Tab)
				at := eval[struct {
					Index   int
					Visible bool
					Name    string
				}](page, focused)
				require.Equal(t, i, at.Index, "%s on %s", path, s.name)
				require.True(t, at.Visible, "%q on %s, %s", at.Name, path, s.name)
			}
		}
	}

	page.visit("/")
	page.press(kb.Tab)
	page.press(kb.Enter)
	require.Equal(t, "main", eval[string](page, `document.activeElement.id`), "the skip link skips")
	page.press(kb.Tab)
	require.True(t, eval[bool](page, `document.activeElement === document.querySelector('main a')`))
	_, err := chromedp.RunResponse(page.ctx, chromedp.KeyEvent(kb.Enter))
	require.NoError(t, err)
	require.Equal(t, "/page/contact", eval[string](page, `location.pathname`))
}

func narrow(t *testing.T, browser context.Context) {
	long := strings.Repeat("Donaudampfschifffahrt", 40)
	crm := newCRM(t, testcrm.ServerConfig{})
	_, err := crm.AddContact(testcrm.Contact{ID: "con_1", Name: long[:255], Phones: []string{"+16505550101", "+16505550102", "+16505550103"}})
	require.NoError(t, err)
	for _, body := range []string{
		long,
		"<a href=\"https://x.test/" + long + "\">https://x.test/" + long + "</a>",
		"<pre>" + strings.Repeat("wide ", 100) + "</pre><code>" + long + "</code>",
		strings.Repeat("<ul><li>deep ", 45) + long,
		strings.Repeat("<blockquote>", 90) + "deep",
		"<h1>" + long + "</h1><p>\u202e" + long + "</p><p>" + strings.Repeat("שלום", 200) + "</p>",
		strings.Repeat("&nbsp;x", 300) + strings.Repeat("👩‍👩‍👧‍👦", 100) + strings.Repeat("a\u0301\u0302\u0303", 300),
	} {
		post(t, crm, body)
	}
	page := newTab(t, browser, crm)
	for _, width := range []int64{390, 320} {
		page.use(screen{"phone", width, 844, 1, true}, "light")
		for _, path := range []string{"/", "/page/contact?id=con_1"} {
			page.visit(path)
			require.EqualValues(t, width, eval[int](page, `innerWidth`))
			require.LessOrEqual(t, eval[int64](page, `document.documentElement.scrollWidth`), width, path)
			require.Empty(t, eval[[]string](page, cutOff), path)
		}
	}
}

// cutOff names the texts of a note or subject that run out of their card.
const cutOff = `(() => {
	const out = [], texts = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
	while (texts.nextNode()) {
		const n = texts.currentNode, card = n.parentElement.closest('.card');
		if (!card || !n.data.trim()) continue;
		const range = document.createRange(), box = card.getBoundingClientRect();
		range.selectNodeContents(n);
		const r = range.getBoundingClientRect();
		if (r.left < box.left || r.right > box.right || r.bottom > box.bottom) out.push(n.data.slice(0, 30));
	}
	return out;
})()`

func contrast(t *testing.T, browser context.Context) {
	crm := filled(t)
	page := newTab(t, browser, crm)
	for _, path := range []string{"/", "/page/contact?id=con_ann", "/page/contact?id=nobody"} {
		page.visit(path)
		grounds := make(map[string]bool)
		for _, scheme := range []string{"light", "dark"} {
			for _, s := range []screen{desktop, phone} {
				page.use(s, scheme)
				require.Empty(t, eval[[]string](page, pale), "%s, %s, %s", path, s.name, scheme)
				grounds[eval[string](page, `getComputedStyle(document.body).backgroundColor`)] = true
			}
		}
		require.Len(t, grounds, 2, "light is not dark")
	}
}

// pale names the texts whose contrast with what is behind them is below 4.5, as
// https://www.w3.org/TR/WCAG22/#contrast-minimum asks.
const pale = `(() => {
	const rgba = c => { const [r, g, b, a = 1] = c.match(/[\d.]+/g).map(Number); return {rgb: [r, g, b], a}; };
	const luminance = rgb => rgb.map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
		.reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
	const ground = e => { for (; e; e = e.parentElement) { const c = rgba(getComputedStyle(e).backgroundColor); if (c.a) return c; } };
	const out = [];
	for (const e of document.body.querySelectorAll('*')) {
		if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
		const text = rgba(getComputedStyle(e).color), behind = ground(e);
		const [a, b] = [luminance(text.rgb), luminance(behind.rgb)].sort();
		const ratio = (b + 0.05) / (a + 0.05);
		if (!(ratio >= 4.5) || text.a < 1 || behind.a < 1) out.push(ratio.toFixed(2) + ' ' + e.outerHTML);
	}
	return out;
})()`

func rightToLeft(t *testing.T, browser context.Context) {
	crm := newCRM(t, testcrm.ServerConfig{})
	post(t, crm, "<p id=a>שלום לך</p><ul><li>9:00 שלום</li><li>hello</li></ul>אחרון<br>last")
	page := newTab(t, browser, crm)
	page.visit("/page/contact?id=con_1")
	lines := eval[map[string]string](page, `(() => {
		const sides = {}, note = document.querySelector('.note'), texts = document.createTreeWalker(note, NodeFilter.SHOW_TEXT);
		while (texts.nextNode()) {
			const range = document.createRange();
			range.selectNodeContents(texts.currentNode);
			const text = range.getBoundingClientRect(), box = note.getBoundingClientRect();
			sides[texts.currentNode.data] = box.right - text.right < text.left - box.left ? 'right' : 'left';
		}
		return sides;
	})()`)
	require.Equal(t, map[string]string{"שלום לך": "right", "9:00 שלום": "right", "hello": "left", "אחרון": "right", "last": "left"}, lines)
}

func everyMessage(t *testing.T, browser context.Context) {
	crm := filled(t)
	page := newTab(t, browser, crm)
	for _, s := range []screen{desktop, phone} {
		page.use(s, "dark")
		for _, c := range day.Contacts() {
			page.visit("/page/contact?id=" + c.ID)
			seen := eval[string](page, `document.querySelector('main').innerText`)
			require.Contains(t, seen, c.Name)
			for _, e := range day.Events() {
				if e.Contact.ID != c.ID {
					continue
				}
				require.Contains(t, seen, e.Transcript)
				if e.Message.MessageStatus == crmlog.MessageStatusDeliveryFailed {
					require.Contains(t, seen, "not delivered")
				}
				for _, line := range strings.Split(e.Message.Subject, "\n") {
					require.Contains(t, strings.NewReplacer("\u2068", "", "\u2069", "").Replace(seen), line)
				}
				for _, a := range e.Message.Attachments {
					require.Equal(t, 1, eval[int](page, fmt.Sprintf(`document.querySelectorAll('.note a[href*="%s"]').length`, a.ID)))
				}
			}
		}
	}
}
