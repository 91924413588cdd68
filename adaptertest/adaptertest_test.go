package adaptertest_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/adaptertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func harness(w wrong) adaptertest.Harness {
	return adaptertest.Harness{
		New:     func(c adaptertest.Config) (crmlog.Adapter, error) { return newAcmeAdapter(w, c) },
		NewCRM:  func() adaptertest.CRM { return newAcme() },
		MaxBody: acmeLimit,
	}
}

func TestAnAdapterThatIsRightPasses(t *testing.T) {
	t.Parallel()
	adaptertest.Run(t, harness(wrong{}))
}

// followed is a transport that follows redirects with all headers, or obeys no
// 429.
type followed struct {
	http.RoundTripper
	redirects, limits bool
}

func (f followed) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
		_ = req.Body.Close()
	}
	next := req
	for try := 0; ; try++ {
		next = next.Clone(req.Context())
		next.Body = io.NopCloser(bytes.NewReader(body))
		resp, err := f.RoundTripper.RoundTrip(next)
		if err != nil || try == 3 {
			return resp, err
		}
		location, err := resp.Location()
		switch {
		case f.redirects && err == nil:
			next.URL, next.Host = location, location.Host
		case f.limits && resp.StatusCode == http.StatusTooManyRequests:
		default:
			return resp, nil
		}
		_ = resp.Body.Close()
	}
}

func follow(redirects, limits bool) func(http.RoundTripper) http.RoundTripper {
	return func(base http.RoundTripper) http.RoundTripper { return followed{base, redirects, limits} }
}

func TestWhatIsWrongIsFoundByTheCheckOfThatRule(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		wrong wrong
		found []string
	}{
		"a create is repeated":         {wrong{repeat: true}, []string{"unknown outcome of add: the connection is cut after the commit"}},
		"the limit is ignored":         {wrong{limit: 1 << 20}, []string{"a full record is a BodyFullError", "a day that outgrows a record goes on in the next one", "a text that no record can hold is logged in pieces"}},
		"the limit is 2 % too high":    {wrong{limit: acmeLimit * 102 / 100}, []string{"a record takes English up to the limit, and no more", "a record takes Chinese up to the limit, and no more", "a record takes emoji up to the limit, and no more"}},
		"the limit is half of it":      {wrong{limit: acmeLimit / 2}, []string{"a record takes English up to the limit, and no more"}},
		"bytes are counted":            {wrong{inBytes: true}, []string{"a record takes Chinese up to the limit, and no more", "a record takes emoji up to the limit, and no more"}},
		"titles are not cut":           {wrong{longTitle: true}, []string{"long names in a group are logged"}},
		"the text is replaced":         {wrong{replace: true}, []string{"update adds to the record that is named", "what a person wrote at the end stays", "many messages in any order stand in order"}},
		"writes are not conditional":   {wrong{lastWins: true}, []string{"an edit between the adapter's read and its write stays"}},
		"the version is read again":    {wrong{readsTwice: true}, []string{"an edit right after the adapter's read stays", "update costs one read and one write", "batch costs one read and one write", "amend costs one read and one write"}},
		"an add looks first":           {wrong{looksFirst: true}, []string{"add costs one request"}},
		"an add takes two steps":       {wrong{inTwoSteps: true}, []string{"add costs one request"}},
		"what stands is written again": {wrong{writesSame: true}, []string{"update costs one read and one write", "batch costs one read and one write", "amend costs one read and one write"}},
		"any record is found":          {wrong{anyRecord: true}, []string{"find leaves out other digests and deleted records", "find looks through many records"}},
		"one page is found":            {wrong{onePage: true}, []string{"find reads all pages"}},
		"nothing is found":             {wrong{noFind: true}, []string{"find sees the record and its messages", "unknown outcome of add: half an answer", "the router settles: add, the connection is cut after the commit"}},
		"texts are in errors":          {wrong{tell: true}, []string{"no secret in errors and logs after a 400 that quotes what was sent"}},
		"texts are in logs":            {wrong{log: true}, []string{"no secret in the logs of calls that succeed"}},
		"errors are not typed":         {wrong{notTyped: true}, []string{"unknown outcome of update: 500 after the commit", "status 401"}},
		"unknown is said to be undone": {wrong{never: true}, []string{"unknown outcome of add: 500 after the commit", "the router settles: add, 504 after the commit"}},
		"refused is said to be unsure": {wrong{always: true}, []string{"status 400", "a record that a person deleted is gone"}},
		"gone is said to be unknown":   {wrong{goneIsLost: true}, []string{"a record that a person deleted is gone", "a deleted record is opened anew by the router", "status 410"}},
		"the credential is in the URL": {wrong{inURL: true}, []string{"the credential goes out in a header alone"}},
		"contexts are ignored":         {wrong{deaf: true}, []string{"add with a context that is cancelled already"}},
		"answers are not checked":      {wrong{noChecks: true}, []string{"the answer is an empty object", "the answer is null"}},
		"a batch is no batch":          {wrong{oneByOne: true}, []string{"batch adds all messages with one write"}},
		"a wrapper hides all":          {wrong{hidden: true}, []string{"capabilities are what Harness.Cannot leaves"}},
		"one credential for all":       {wrong{sharedAuth: true}, []string{"two tenants at once are not mixed"}},
		"redirects are followed":       {wrong{transport: follow(true, false)}, []string{"a redirect to another host gets nothing", "a redirect to http gets nothing"}},
		"a 429 is not obeyed":          {wrong{transport: follow(false, true)}, []string{"429 on add, Retry-After in seconds", "429 on update, Retry-After as a date"}},
		"nothing is escaped":           {wrong{raw: true}, []string{"a text with tags stands as it was sent", "a text with entities stands as it was sent", "hostile names stand as they are"}},
		"an input is changed": {
			wrong{add: func(in *crmlog.AddMessageLogInput) { slices.Reverse(in.Message.To) }},
			[]string{"inputs are not changed"},
		},
		"ids are forgotten": {
			wrong{add: func(in *crmlog.AddMessageLogInput) { in.Message.ID = crmlog.ID(time.Now().Format("150405.000000000")) }},
			[]string{"update is idempotent", "batch leaves out what stands already", "find sees the record and its messages"},
		},
		"times are forgotten": {
			wrong{add: func(in *crmlog.AddMessageLogInput) { in.Message.CreationTime = time.Unix(1773180000, 0) }},
			[]string{"messages that come late stand in their place", "many messages in any order stand in order"},
		},
		"a kind is forgotten": {
			wrong{add: func(in *crmlog.AddMessageLogInput) { in.Transcript = "" }},
			[]string{"a voicemail with a transcript is logged", "amend changes the entry and adds nothing"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, check := range tc.found {
				err := adaptertest.CheckNamed(t.Context(), harness(tc.wrong), check)
				require.ErrorContains(t, err, check)
				for _, word := range []string{"the rule: ", "why: ", "see: ", "but: "} {
					require.ErrorContains(t, err, word)
				}
			}
		})
	}
}

func TestTheFindersAndAmendersAndBatchersThatAreDeclared(t *testing.T) {
	t.Parallel()
	const name = "capabilities are what Harness.Cannot leaves"
	for field, cannot := range map[string]adaptertest.Cannot{
		"Batch": {Batch: true}, "Amend": {Amend: true}, "Find": {Find: true},
	} {
		h := harness(wrong{})
		h.Cannot = cannot
		require.ErrorContains(t, adaptertest.CheckNamed(t.Context(), h, name), "Harness.Cannot."+field)
	}
	h := harness(wrong{})
	h.Cannot.Conditional = true
	require.ErrorContains(t, adaptertest.CheckNamed(t.Context(), h, "an edit between the adapter's read and its write stays"), "take the declaration out")
	h = harness(wrong{})
	h.Cannot.OneRequest = true
	require.ErrorContains(t, adaptertest.CheckNamed(t.Context(), h, "add costs one request"), "Harness.Cannot.OneRequest")
	h = harness(wrong{inTwoSteps: true})
	h.Cannot.OneRequest = true
	require.NoError(t, adaptertest.CheckNamed(t.Context(), h, "add costs one request"))
}

func TestACredentialThatIsNoAuthIsSaidToBeThat(t *testing.T) {
	t.Parallel()
	err := adaptertest.CheckNamed(t.Context(), harness(wrong{inHeader: true}), "a refused tenant does not hold up the other")
	require.ErrorContains(t, err, "the credential is to be in Request.Auth")
}

func TestTheLimitIsInBytesWhereTheCRMCountsThose(t *testing.T) {
	t.Parallel()
	const name = "a record takes Chinese up to the limit, and no more"
	inBytes, inCharacters := harness(wrong{inBytes: true}), harness(wrong{})
	inBytes.NewCRM = func() adaptertest.CRM { return newAcmeCounting(func(s string) int { return len(s) }) }
	inCharacters.NewCRM = inBytes.NewCRM
	require.NoError(t, adaptertest.CheckNamed(t.Context(), inBytes, name))
	require.ErrorContains(t, adaptertest.CheckNamed(t.Context(), inCharacters, name), "the CRM refused a request with status 413")
}

// bare can do no more than the two methods.
type bare struct{ crmlog.Adapter }

func TestAnAdapterThatCanDoLittlePassesIfItSaysSo(t *testing.T) {
	t.Parallel()
	h := harness(wrong{lastWins: true})
	inner := h.New
	h.New = func(c adaptertest.Config) (crmlog.Adapter, error) {
		a, err := inner(c)
		return bare{a}, err
	}
	h.Cannot = adaptertest.Cannot{Batch: true, Amend: true, Find: true, Conditional: true}
	require.NoError(t, adaptertest.Check(t.Context(), h))
}

// keyed needs no Finder: its CRM creates by key.
type keyed struct{ a *acme }

func (k keyed) AddIsIdempotent() {}

func (k keyed) AddMessageLog(ctx context.Context, in crmlog.AddMessageLogInput) (crmlog.MessageLogResult, error) {
	return k.a.AddMessageLog(ctx, in)
}

func (k keyed) UpdateMessageLog(ctx context.Context, in crmlog.UpdateMessageLogInput) (crmlog.MessageLogResult, error) {
	return k.a.UpdateMessageLog(ctx, in)
}

func (k keyed) UpdateMessageLogs(ctx context.Context, in crmlog.UpdateMessageLogsInput) (crmlog.UpdateMessageLogsResult, error) {
	return k.a.UpdateMessageLogs(ctx, in)
}

func (k keyed) AmendMessageLog(ctx context.Context, in crmlog.UpdateMessageLogInput) (crmlog.MessageLogResult, error) {
	return k.a.AmendMessageLog(ctx, in)
}

func TestAnAdapterThatAddsIdempotentlyNeedsNoFinder(t *testing.T) {
	t.Parallel()
	h := harness(wrong{})
	h.New = func(c adaptertest.Config) (crmlog.Adapter, error) {
		a, err := newAcmeAdapter(wrong{byKey: true}, c)
		return keyed{a.(*acme)}, err
	}
	require.NoError(t, adaptertest.Check(t.Context(), h))

	h.New = func(c adaptertest.Config) (crmlog.Adapter, error) {
		a, err := newAcmeAdapter(wrong{}, c)
		return keyed{a.(*acme)}, err
	}
	const name = "an idempotent add makes one record"
	require.ErrorContains(t, adaptertest.CheckNamed(t.Context(), h, name), name)
}

func TestHarnessThatLacksSomething(t *testing.T) {
	t.Parallel()
	full := harness(wrong{})
	for want, change := range map[string]func(h *adaptertest.Harness){
		"Harness.New":             func(h *adaptertest.Harness) { h.New = nil },
		"Harness.NewCRM":          func(h *adaptertest.Harness) { h.NewCRM = nil },
		"Harness.MaxBody":         func(h *adaptertest.Harness) { h.MaxBody = 10 },
		"Harness.BaseURL":         func(h *adaptertest.Harness) { h.BaseURL = "http://api.example.com" },
		"Other.AuthHeader":        func(h *adaptertest.Harness) { h.Input.AuthHeader = "Bearer 0123456789abcdef" },
		"less than 12 characters": func(h *adaptertest.Harness) { h.Input.AuthHeader, h.Other.AuthHeader = "Bearer x", "Bearer y" },
		"give another tenant's": func(h *adaptertest.Harness) {
			h.Input.AuthHeader, h.Other.AuthHeader = "0123456789abcdef", "0123456789abcdef"
		},
	} {
		h := full
		change(&h)
		err := adaptertest.Check(context.Background(), h)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "0123456789abcdef")
	}
}

func TestEveryCheckSaysWhichRuleAndWhyAndWhere(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, d := range adaptertest.Descriptions() {
		require.False(t, names[d.Name], "two checks are called %q", d.Name)
		names[d.Name] = true
		require.NotEmpty(t, d.Says, d.Name)
		require.NotEmpty(t, d.Why, d.Name)
		requireDocumented(t, d.See)
	}
}

// requireDocumented wants there to be such a section, or such a name.
func requireDocumented(t *testing.T, see string) {
	t.Helper()
	where, anchor, ok := strings.Cut(see, "#")
	require.True(t, ok, see)
	if strings.HasPrefix(where, "docs/") {
		text, err := os.ReadFile("../" + where)
		require.NoError(t, err)
		for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(string(text), -1) {
			slug := strings.ReplaceAll(strings.ToLower(strings.ReplaceAll(heading[1], ",", "")), " ", "-")
			if slug == anchor {
				return
			}
		}
		t.Fatalf("%s has no section #%s", where, anchor)
	}
	dir := ".." + strings.TrimPrefix(where, "https://pkg.go.dev/github.com/crmlog/crmlog")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	declared := regexp.MustCompile(`(?m)^(type|func) ` + anchor + `\b`)
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") {
			continue
		}
		if text, err := os.ReadFile(dir + "/" + e.Name()); err == nil && declared.Match(text) {
			return
		}
	}
	t.Fatalf("%s declares no %s", where, anchor)
}
