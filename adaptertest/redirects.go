package adaptertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/crmlog/crmlog"
)

const elsewhere = "elsewhere.example"

var staysHome = rule{
	says: "The credential, and what people wrote, go to the CRM's own address and nowhere else: no redirect, link or host name out of an answer is followed there.",
	why:  "Whoever gets the credential has the CRM.",
	see:  seeHTTP,
}

func redirectChecks() []check {
	home := func(p *probe) string { return p.net.home.Host }
	targets := []struct {
		name string
		url  func(p *probe) string
	}{
		{"another host", func(*probe) string { return "https://" + elsewhere + "/taken" }},
		{"http", func(p *probe) string { return "http://" + home(p) + "/taken" }},
		{"another port", func(p *probe) string { return "https://" + home(p) + ":8443/taken" }},
		{"a host that begins like the CRM's", func(p *probe) string { return "https://" + home(p) + "." + elsewhere + "/taken" }},
	}
	var all []check
	for _, t := range targets {
		all = append(all, check{
			name: "a redirect to " + t.name + " gets nothing",
			rule: staysHome,
			do: func(p *probe) {
				p.eachStep(func(p *probe, o op, s step) {
					for _, status := range []int{301, 302, 307, 308} {
						p.open()
						logID := p.setUp(o)
						seen := p.net.count()
						p.strike(s, says(false, status, "{}", "Location", t.url(p)), true)
						out := p.do(p.ctx, o, logID)
						p.struck(seen)
						p.stayed(fmt.Sprintf("%s, whose %s was redirected to %s (%d),", o.method, s, t.name, status))
						p.judge(o, logID, out)
					}
				})
			},
		})
	}
	return append(all,
		check{
			name: "absolute links in answers get nothing",
			rule: staysHome,
			do: func(p *probe) {
				p.eachStep(func(p *probe, o op, s step) {
					logID := p.setUp(o)
					seen := p.net.count()
					p.strike(s, linked(), false)
					out := p.do(p.ctx, o, logID)
					p.struck(seen)
					p.stayed(fmt.Sprintf("%s, whose answer had links to another host in it,", o.method))
					if o.writes() {
						p.judge(o, logID, out)
					}
				})
			},
		},
		check{
			name: "a host name in the input gets nothing",
			rule: rule{
				says: "User.Hostname is checked to be the CRM's before anything is sent there.",
				why:  "It comes from data. A host that takes the credential has the CRM.",
				see:  seeHTTP,
			},
			do: func(p *probe) {
				for _, host := range []string{
					elsewhere, elsewhere + "/" + home(p), elsewhere + "?" + home(p), home(p) + "@" + elsewhere, elsewhere + "#" + home(p),
					home(p) + "." + elsewhere, "https://" + elsewhere, elsewhere + ":443", "127.0.0.1", `elsewhere.example\.` + home(p),
				} {
					in := p.input(1)
					in.User.Hostname = host
					_, err := p.tryAdd(in)
					p.stayed("AddMessageLog with the user's hostname set to another host")
					p.typed("AddMessageLog with the user's hostname set to another host", err)
				}
			},
		},
		check{
			name: "the credential goes out in a header alone",
			rule: rule{
				says: "The authHeader is sent to the CRM in a header; it is in no address and no body.",
				why:  "Addresses stand in the logs of every proxy on the way, bodies in those of the CRM.",
				see:  "https://pkg.go.dev/github.com/crmlog/crmlog#AuthHeader",
			},
			do: func(p *probe) {
				secret := secretOf(p.suite.h.Input.AuthHeader)
				p.eachOp(func(p *probe, o op) {
					p.do(p.ctx, o, p.setUp(o))
					sent := 0
					for _, r := range p.net.requests(0) {
						p.want(!strings.Contains(r.path+r.query, secret), "the credential is in an address")
						p.want(!bytes.Contains(r.body, []byte(secret)), "the credential is in a body")
						for _, values := range r.header {
							if strings.Contains(strings.Join(values, " "), secret) {
								sent++
							}
						}
					}
					p.want(sent > 0, "no request had the authHeader in a header")
				})
			},
		},
	)
}

// stayed wants nothing of worth to have come to another host. A GET without any
// of it may have.
func (p *probe) stayed(what string) {
	for _, r := range p.net.strays() {
		all := r.path + "?" + r.query + "\n" + string(r.body)
		for name, values := range r.header {
			all += "\n" + name + ": " + strings.Join(values, " ")
		}
		if leaked := p.leak(all); leaked != "" {
			p.failf("%s sent %s to %s", what, leaked, r.where(p.net.home.Host))
		}
	}
}

func (r *request) where(home string) string {
	if r.host == home {
		return "the CRM's host over plain http"
	}
	return "another host"
}

// linked has the CRM's answer say, in every way that CRMs have, that it goes on
// at another host.
func linked() fault {
	return fault{commit: true, answer: func(n *network, w http.ResponseWriter, _ *http.Request, answer *httptest.ResponseRecorder) {
		header(w, answer)
		link := "https://" + elsewhere + "/next"
		w.Header().Set("Link", "<"+link+`>; rel="next"`)
		for _, name := range []string{"Location", "Content-Location"} {
			if answer.Header().Get(name) != "" {
				w.Header().Set(name, link)
			}
		}
		body := answer.Body.Bytes()
		dec := json.NewDecoder(bytes.NewReader(body))
		dec.UseNumber()
		var v map[string]any
		if dec.Decode(&v) == nil && v != nil {
			v = relink(v, link).(map[string]any)
			for _, name := range []string{"next", "next_url", "nextLink", "next_page", "@odata.nextLink", "nextRecordsUrl", "url", "self"} {
				if v[name] == nil {
					v[name] = link
				}
			}
			for _, name := range []string{"links", "_links", "paging"} {
				if v[name] == nil {
					v[name] = map[string]any{"next": map[string]any{"href": link, "link": link}}
				}
			}
			body, _ = json.Marshal(v)
		}
		w.WriteHeader(answer.Code)
		_, _ = io.Copy(w, bytes.NewReader(body))
	}}
}

// relink turns every absolute address in an answer to another host.
func relink(v any, link string) any {
	switch v := v.(type) {
	case string:
		if strings.HasPrefix(v, "https://") && !strings.ContainsAny(v, " <>") {
			return link
		}
	case []any:
		for i := range v {
			v[i] = relink(v[i], link)
		}
	case map[string]any:
		for k := range v {
			v[k] = relink(v[k], link)
		}
	}
	return v
}

// ids are such that would name another resource if they were put into an
// address as they are.
var ids = []string{"", " ", ".", "..", "../contacts", "a/b", `a\b`, "a?b=c", "a#b", "%2e%2e", "a%2fb", "a\nb", "a\x00b", ".;/x"}

func idChecks() []check {
	return []check{
		{
			name: "a LogID that would name another resource is refused",
			rule: rule{
				says: "An id is one segment of an address, or refused: one that is empty, \".\", \"..\" or has a slash in it never goes out.",
				why:  "LogIDs and contact ids come from callers. \"../users/me\" reads something else, and writes to it.",
				see:  "https://pkg.go.dev/github.com/crmlog/crmlog/crmhttp#Request",
			},
			do: func(p *probe) {
				other := p.add(p.input(1))
				for _, id := range ids {
					for _, o := range ops {
						if o.name == "add" || o.name == "find" || o.cannot != nil && o.cannot(p.suite.h) {
							continue
						}
						seen := p.net.count()
						out := p.do(p.ctx, o, id)
						p.want(out.err != nil, "%s of the record %q: no error", o.method, id)
						p.typed(fmt.Sprintf("%s of the record %q", o.method, id), out.err)
						p.want(notDone(out.err), "%s of the record %q: the error does not say NotDone: %s", o.method, id, p.clean(out.err))
						p.segments(seen, id)
					}
				}
				p.records(1)
				p.holds(other, word(1))
			},
		},
		{
			name: "a contact id that would name another resource does no harm",
			rule: rule{
				says: "An id is one segment of an address, or refused.",
				why:  "LogIDs and contact ids come from callers.",
				see:  "https://pkg.go.dev/github.com/crmlog/crmlog/crmhttp#Request",
			},
			do: func(p *probe) {
				for _, id := range ids {
					seen := p.net.count()
					in := p.input(1)
					in.ContactInfo.ID = crmlog.ID(id)
					_, err := p.tryAdd(in)
					p.typed(fmt.Sprintf("AddMessageLog for the contact %q", id), err)
					if strings.TrimSpace(id) == "" {
						p.kind(fmt.Sprintf("AddMessageLog for the contact %q", id), err, crmlog.ErrInvalidInput)
					}
					if _, ok := crmlog.As[crmlog.Finder](p.adapter); ok {
						_, err := p.tryFind(in)
						p.typed(fmt.Sprintf("FindMessageLogs for the contact %q", id), err)
					}
					p.segments(seen, id)
				}
			},
		},
	}
}

// segments wants no request since then to have a path that the id has bent.
func (p *probe) segments(seen int, id string) {
	for _, r := range p.net.requests(seen) {
		for i, s := range strings.Split(r.path, "/") {
			low := strings.ToLower(s)
			bad := i > 0 && (s == "" || low == "." || low == ".." || low == "%2e" || low == "%2e%2e" || low == ".%2e" || low == "%2e.") ||
				strings.Contains(low, "%2f") && !strings.Contains(low, "%252f") || strings.Contains(low, "%5c") ||
				id != "a" && s == "a" || strings.Contains(low, ".;")
			p.want(!bad, "for the id %q a request went to a path with the segment %q", id, s)
		}
	}
}
