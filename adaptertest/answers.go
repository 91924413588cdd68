package adaptertest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/crmlog/crmlog"
)

func jsonString(s string) string {
	data, _ := json.Marshal(s)
	return string(data)
}

// answersOf are answers with status 200 that are none.
var bogus = []struct {
	name  string
	fault func(commit bool) fault
}{
	{"a page", func(c bool) fault {
		return says(c, 200, "<!DOCTYPE html><html><body>Please log in</body></html>", "Content-Type", "text/html; charset=utf-8")
	}},
	{"a page that says it is JSON", func(c bool) fault { return says(c, 200, "<html>Please log in</html>") }},
	{"nothing", func(c bool) fault { return says(c, 200, "") }},
	{"an empty object", func(c bool) fault { return says(c, 200, "{}") }},
	{"null", func(c bool) fault { return says(c, 200, "null") }},
	{"a list in place of an object", func(c bool) fault { return says(c, 200, `[[1]]`) }},
	{"half of a JSON value", func(c bool) fault { return says(c, 200, `{"id":"1","data":{"id":1,"bo`) }},
}

var readsAnswers = rule{
	says: "An answer that is not what it should be is an error, also with status 200: ErrUnavailable, and of a write an unknown outcome.",
	why:  "Gateways and captive portals answer in the CRM's place. A body that was not read must not be replaced, and a record without an id is never found again.",
	see:  seeHTTP,
}

func answerChecks() []check {
	var all []check
	for _, b := range bogus {
		all = append(all, check{
			name: "the answer is " + b.name,
			rule: readsAnswers,
			do: func(p *probe) {
				p.eachStep(func(p *probe, o op, s step) { p.bogus(o, s, b.fault(s.writes)) })
			},
		})
	}
	for _, f := range []struct {
		name  string
		fault fault
	}{{"64 MB long", huge()}, {"64 MB long when it is unpacked", bomb()}} {
		all = append(all, check{
			name: "the answer is " + f.name,
			rule: rule{
				says: "Answers are read up to a limit, after decompression too; a longer one is an error.",
				why:  "One answer must not take the memory of a service that many tenants share.",
				see:  seeHTTP,
			},
			do: func(p *probe) {
				p.eachStep(func(p *probe, o op, s step) {
					logID := p.setUp(o)
					seen := p.net.count()
					p.strike(s, f.fault, true)
					out := p.do(p.ctx, o, logID)
					p.struck(seen)
					p.judge(o, logID, out)
					p.want(out.err != nil || !s.record && !s.writes && o.writes(), "%s took an answer of 64 MB to its %s", o.method, s)
					if o.writes() {
						p.settle(o, logID, out)
					}
				})
			},
		})
	}
	return all
}

// bogus answers a step of an op with rubbish, always.
func (p *probe) bogus(o op, s step, f fault) {
	logID := p.setUp(o)
	seen := p.net.count()
	p.strike(s, f, !s.writes)
	out := p.do(p.ctx, o, logID)
	p.struck(seen)
	p.judge(o, logID, out)
	if s.record && !s.writes {
		p.want(out.err != nil, "%s succeeded without having read the record: the answer to its %s was none", o.method, s)
	}
	if out.err != nil && s.writes {
		p.want(!notDone(out.err), "%s: the error says that surely nothing was done, and the CRM did it: %s", o.method, p.clean(out.err))
	}
	if out.err != nil {
		p.want(crmlog.Temporary(out.err), "the error of %s does not count as temporary (crmlog.Temporary): %s", o.method, p.clean(out.err))
	}
	if o.writes() {
		p.settle(o, logID, out)
	}
}

const hugeSize = 64 << 20

var blanks = bytes.Repeat([]byte(" "), 1<<20)

// huge sends the CRM's answer behind 64 MB of blanks, which are JSON.
func huge() fault {
	return fault{commit: true, answer: func(_ *network, w http.ResponseWriter, _ *http.Request, answer *httptest.ResponseRecorder) {
		header(w, answer)
		w.WriteHeader(answer.Code)
		for range hugeSize / len(blanks) {
			if _, err := w.Write(blanks); err != nil {
				return
			}
		}
		_, _ = w.Write(answer.Body.Bytes())
	}}
}

// packed is a megabyte of blanks in gzip, of which a stream may have many.
var packed = sync.OnceValue(func() []byte { return pack(blanks) })

func pack(data []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(data)
	_ = z.Close()
	return b.Bytes()
}

// bomb is huge in a few kilobytes.
func bomb() fault {
	return fault{commit: true, answer: func(_ *network, w http.ResponseWriter, _ *http.Request, answer *httptest.ResponseRecorder) {
		header(w, answer)
		w.Header().Set("Content-Encoding", "gzip")
		w.WriteHeader(answer.Code)
		for range hugeSize / len(blanks) {
			if _, err := w.Write(packed()); err != nil {
				return
			}
		}
		_, _ = w.Write(pack(answer.Body.Bytes()))
	}}
}

func header(w http.ResponseWriter, answer *httptest.ResponseRecorder) {
	for name, values := range answer.Header() {
		if name != "Content-Length" {
			w.Header()[name] = values
		}
	}
}

// dribble sends a blank now and then, and never ends.
func dribble(commit bool) fault {
	return fault{commit: commit, answer: func(n *network, w http.ResponseWriter, r *http.Request, _ *httptest.ResponseRecorder) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusOK)
		for n.hold(r, brief/10) {
			if _, err := io.WriteString(w, " "); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
		}
		panic(http.ErrAbortHandler)
	}}
}

func slowChecks() []check {
	return []check{{
		name: "the answer comes drop by drop",
		rule: rule{
			says: "An attempt has a time limit, from dialling to the answer's last byte: Config.Timeout.",
			why:  "An answer that never ends would hold a digest, and a goroutine, for ever.",
			see:  seeConfig,
		},
		timeout: brief,
		do: func(p *probe) {
			p.eachStep(func(p *probe, o op, s step) {
				logID := p.setUp(o)
				seen := p.net.count()
				p.strike(s, dribble(s.writes), true)
				var out outcome
				p.within(slowPatience, fmt.Sprintf("%s, whose %s never ended, with a Config.Timeout of %s,", o.method, s, brief), func() {
					out = o.call(p.ctx, p, logID)
				})
				p.struck(seen)
				p.judge(o, logID, out)
				p.want(out.err != nil || !s.record && !s.writes && o.writes(), "%s succeeded, and the answer to its %s never ended", o.method, s)
			})
		},
	}}
}

// slowPatience is more than all tries of a call take, of which each takes brief.
const slowPatience = 20 * time.Second
