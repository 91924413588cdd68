package adaptertest

import (
	"time"

	"github.com/crmlog/crmlog"
)

// route logs messages of one digest through a router, and again what failed for
// a while.
func (p *probe) route(in ...crmlog.AddMessageLogInput) crmlog.Report {
	router := p.router()
	defer p.shutDown(router)
	return p.log(router, in...)
}

func (p *probe) router() *crmlog.Router {
	router, err := crmlog.NewRouter(p.adapter, crmlog.RouterConfig{
		Platform: platform, Lease: 20 * time.Second, Grace: 100 * time.Millisecond,
	})
	p.ok("crmlog.NewRouter", err)
	return router
}

func (p *probe) shutDown(router *crmlog.Router) {
	p.ok("Router.Shutdown", router.Shutdown(p.ctx))
}

func (p *probe) log(router *crmlog.Router, in ...crmlog.AddMessageLogInput) crmlog.Report {
	call := crmlog.LogInput{User: in[0].User, Account: in[0].Account, ContactInfo: in[0].ContactInfo, AuthHeader: in[0].AuthHeader}
	for _, m := range in {
		call.Messages = append(call.Messages, crmlog.MessageInput{
			Message: m.Message, AdditionalSubmission: m.AdditionalSubmission, RecordingLink: m.RecordingLink, Transcript: m.Transcript,
		})
	}
	for start := time.Now(); ; {
		report, err := router.Log(p.ctx, call)
		if err == nil {
			return report
		}
		p.want(crmlog.Temporary(err), "Router.Log: %s", p.clean(err))
		p.want(time.Since(start) < patience, "Router.Log still fails after %s: %s", patience, p.clean(err))
		p.sleep(50 * time.Millisecond)
	}
}

var onceInOrder = rule{
	says: "Through the router every message stands in the CRM once and in order, whatever fails.",
	why:  "That is what crmlog is for; it takes an adapter that tells the truth about what was done.",
	see:  seePromises,
}

func routeChecks() []check {
	all := []check{
		{
			name: "a digest goes through the router",
			rule: onceInOrder,
			do: func(p *probe) {
				p.route(p.input(1), p.input(2), p.input(3))
				p.records(1)
				p.inOrder(p.allText(), words(1, 2, 3)...)
			},
		},
		{
			name: "a deleted record is opened anew by the router",
			rule: rule{
				says: "When the record of a digest was deleted, the next message opens a new one.",
				why:  "The conversation goes on; no message is lost.",
				see:  seePromises,
			},
			do: func(p *probe) {
				router := p.router()
				defer p.shutDown(router)
				p.log(router, p.input(1))
				p.ok("CRM.Delete", p.crm.Delete(p.records(1)[0].LogID))
				p.log(router, p.input(2))
				p.records(1)
				p.log(router, p.input(3))
				p.records(1)
				p.inOrder(p.allText(), words(2, 3)...)
			},
		},
	}
	for _, name := range []string{"add", "update"} {
		for _, f := range unknowns {
			all = append(all, check{
				name:    "the router settles: " + name + ", " + f.name,
				rule:    onceInOrder,
				timeout: f.timeout,
				without: func(h *Harness) string {
					if name == "add" && h.Cannot.Find {
						return "Harness.Cannot: a second record is possible, and docs/guarantees.md says so"
					}
					return ""
				},
				do: func(p *probe) {
					write := p.write(opNamed(name))
					router := p.router()
					defer p.shutDown(router)
					n := 1
					if name == "update" {
						p.log(router, p.input(1))
						n = 2
					}
					seen := p.net.count()
					p.strike(write, f.fault, false)
					p.log(router, p.input(n), p.input(n+1))
					p.struck(seen)
					p.records(1)
					p.inOrder(p.allText(), words(1, 2, n+1)[:n+1]...)
				},
			})
		}
	}
	return all
}
