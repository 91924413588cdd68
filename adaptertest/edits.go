package adaptertest

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
)

var editsStay = rule{
	says: "What people wrote into a record stays, wherever they wrote it, and what they changed or deleted is not brought back.",
	why:  "The record is theirs. Salespeople write notes between the messages, and lose their trust in a tool that eats them.",
	see:  seePromises,
}

// edits are what people do to a body, whatever its markup: they write plain
// words somewhere.
var edits = []struct {
	name string
	edit func(body string) string
}{
	{"at the beginning", func(s string) string { return "Call back on Monday. " + s }},
	{"at the end", func(s string) string { return s + " Call back on Monday." }},
	{"in the middle", func(s string) string {
		return strings.Replace(s, word(1), word(1)+" Call back on Monday.", 1)
	}},
}

var conditional = rule{
	says: "Where the CRM has conditional writes (If-Match, a version number), the adapter uses them, with the version of the body that it read, and reads again when somebody was faster.",
	why:  "A full replacement of a body that has changed since it was read wipes out what a person wrote in between.",
	see:  "docs/guarantees.md#not-promised",
}

func editChecks() []check {
	var all []check
	for _, e := range edits {
		all = append(all, check{
			name: "what a person wrote " + e.name + " stays",
			rule: editsStay,
			do: func(p *probe) {
				logID := p.add(p.input(1))
				p.update(logID, p.input(3))
				p.ok("CRM.Edit", p.crm.Edit(logID, e.edit))
				p.want(strings.Count(p.text(logID), "Call back on Monday.") == 1, "CRM.Edit has changed nothing that CRM.Records shows")
				p.update(logID, p.input(4))
				p.update(logID, p.input(2))
				p.want(strings.Count(squash(p.text(logID)), "Call back on Monday.") == 1, "what a person wrote %s is gone after an update", e.name)
				p.records(1)
				p.holds(logID, words(1, 2, 3, 4)...)
			},
		})
	}
	return append(all,
		check{
			name: "an entry that a person rewrote stays so",
			rule: editsStay,
			do: func(p *probe) {
				logID := p.add(p.input(1))
				p.update(logID, p.input(2))
				p.ok("CRM.Edit", p.crm.Edit(logID, func(s string) string {
					return strings.Replace(s, word(1), "(removed on request)", 1)
				}))
				p.update(logID, p.input(3))
				p.want(p.everywhere(word(1)) == 0, "a text that a person took out is back after an update")
				p.want(strings.Contains(p.text(logID), "(removed on request)"), "what a person wrote in place of a text is gone")
				p.holds(logID, words(2, 3)...)
			},
		},
		check{
			name: "a record that a person emptied takes new messages",
			rule: rule{
				says: "A record in which nothing of the digest is left gets a new block: never an error, never a lost message.",
				why:  "People clear notes. The conversation goes on.",
				see:  seeBody,
			},
			do: func(p *probe) {
				logID := p.add(p.input(1))
				p.ok("CRM.Edit", p.crm.Edit(logID, func(string) string { return "Moved to the other account." }))
				p.update(logID, p.input(2))
				p.update(logID, p.input(3))
				p.want(strings.Contains(p.text(logID), "Moved to the other account."), "what a person wrote is gone after an update")
				p.want(p.everywhere(word(1)) == 0, "a message that a person deleted is back")
				p.holds(logID, words(2, 3)...)
			},
		},
		check{
			name: "an edit between the adapter's read and its write stays",
			rule: conditional,
			do: func(p *probe) {
				o := opNamed("update")
				write := p.write(o)
				logID := p.setUp(o)
				edited := 0
				p.net.arm(func(r *request) *fault {
					if r.method == write.method && r.nth == write.nth {
						edited++
						if err := p.crm.Edit(logID, func(s string) string { return s + " Call back on Monday." }); err != nil {
							edited = -1000
						}
					}
					return nil
				})
				out := p.do(p.ctx, o, logID)
				p.net.disarm()
				p.want(edited == 1, "CRM.Edit failed, or the adapter made other requests than before")
				stays := strings.Count(p.text(logID), "Call back on Monday.") == 1
				if p.suite.h.Cannot.Conditional {
					p.want(!stays, "Harness.Cannot.Conditional says that such an edit is lost, and it is not: take the declaration out")
					return
				}
				p.ok(o.method+" while a person edits the record", out.err)
				p.want(stays, "what a person wrote between the adapter's read and its write is gone; "+
					"make the write conditional, or say with Harness.Cannot.Conditional that the CRM has no such writes")
				p.holds(logID, words(1, 2)...)
			},
		},
		check{
			name: "an edit right after the adapter's read stays",
			rule: conditional,
			without: func(h *Harness) string {
				if h.Cannot.Conditional {
					return "Harness.Cannot.Conditional: such an edit is lost"
				}
				return ""
			},
			do: func(p *probe) {
				p.eachStep(func(p *probe, o op, s step) {
					if !o.writes() || len(o.before) == 0 || s.writes {
						return
					}
					logID := p.setUp(o)
					edited := make(chan error, 1)
					seen := p.net.count()
					p.strike(s, fault{commit: true, answer: func(_ *network, w http.ResponseWriter, _ *http.Request, answer *httptest.ResponseRecorder) {
						edited <- p.crm.Edit(logID, func(s string) string { return s + " Call back on Monday." })
						send(w, answer)
					}}, false)
					out := p.do(p.ctx, o, logID)
					p.struck(seen)
					p.net.disarm()
					p.ok("CRM.Edit", <-edited)
					p.ok(o.method+" while a person edits the record", out.err)
					p.want(strings.Count(p.text(logID), "Call back on Monday.") == 1, "%s: what a person wrote right after the adapter's %s is gone; "+
						"make the write conditional on the version that came with the body, not on one that is read later", o.method, s)
					p.holds(logID, words(append(slices.Clone(o.before), o.adds...)...)...)
				})
			},
		},
	)
}
