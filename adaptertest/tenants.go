package adaptertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"github.com/crmlog/crmlog"
)

var tenantChecks = []check{
	{
		name: "many calls at once",
		rule: rule{
			says: "An adapter is safe for concurrent use.",
			why:  "The router calls it from one goroutine per digest. Run the suite with -race.",
			see:  seeAdapter,
		},
		do: func(p *probe) {
			const digests, messages = 8, 3
			logIDs := make([]string, digests)
			p.atOnce(digests, func(d int) error {
				for m := range messages {
					in := p.inputOf(p.suite.h.Input, 1+d*messages+m)
					in.Message.Conversation.ID = crmlog.ID(fmt.Sprintf("55789843501179177%02d", d))
					if digest, err := crmlog.NewDigestRef(platform, in); err != nil {
						return err
					} else {
						in.Digest = digest
					}
					if m == 0 {
						r, err := p.adapter.AddMessageLog(p.ctx, in)
						if err != nil {
							return err
						}
						logIDs[d] = r.LogID
						continue
					}
					if _, err := p.adapter.UpdateMessageLog(p.ctx, updateOf(logIDs[d], in)); err != nil {
						return err
					}
				}
				return nil
			})
			p.records(digests)
			for d, logID := range logIDs {
				p.holds(logID, words(1+d*messages, 2+d*messages, 3+d*messages)...)
			}
		},
	},
	{
		name: "two tenants at once are not mixed",
		rule: rule{
			says: "Each request carries the credential that came with its input; what is remembered of one account is not used for another, and no cookie either.",
			why:  "One process serves many companies.",
			see:  seeHTTP,
		},
		do: func(p *probe) {
			const each = 6
			tenants := []crmlog.AddMessageLogInput{p.suite.h.Input, p.suite.h.Other}
			p.net.arm(func(*request) *fault {
				f := cookied()
				return &f
			})
			p.atOnce(2*each, func(i int) error {
				in := clone(tenants[i%2])
				in.Message = text(1+i, word(1+i))
				in.Message.Conversation.ID = crmlog.ID(fmt.Sprintf("55789843501179177%02d", i))
				r, err := p.adapter.AddMessageLog(p.ctx, in)
				if err != nil {
					return err
				}
				later := clone(in)
				later.Message.ID += "5"
				later.Message.CreationTime = later.Message.CreationTime.Add(1000000000)
				later.Message.Subject = word(101 + i)
				_, err = p.adapter.UpdateMessageLog(p.ctx, updateOf(r.LogID, later))
				return err
			})
			p.records(2 * each)
			secrets := []string{secretOf(tenants[0].AuthHeader), secretOf(tenants[1].AuthHeader)}
			for _, r := range p.net.requests(0) {
				var with [2]bool
				for name, values := range r.header {
					p.want(name != "Cookie", "a cookie of one answer was sent with another request")
					for t := range with {
						with[t] = with[t] || strings.Contains(strings.Join(values, " "), secrets[t])
					}
				}
				p.want(with[0] != with[1], "a request had the credentials of both tenants, or of none")
				for i := range 2 * each {
					if bytes.Contains(r.body, []byte(word(1+i))) {
						p.want(with[i%2], "a message of one tenant was sent with the credential of the other")
					}
				}
			}
		},
	},
	{
		name: "a refused tenant does not hold up the other",
		rule: rule{
			says: "What a CRM says of one account (401, 403, 429) is not held against another.",
			why:  "One process serves many companies.",
			see:  seeHTTP,
		},
		do: func(p *probe) {
			secret := secretOf(p.suite.h.Input.AuthHeader)
			for _, refusal := range []fault{limit("Retry-After", "1000"), says(false, 401, "{}"), says(false, 403, "{}")} {
				p.open()
				p.net.arm(func(r *request) *fault {
					for _, values := range r.header {
						if strings.Contains(strings.Join(values, " "), secret) {
							return &refusal
						}
					}
					return nil
				})
				_, err := p.tryAdd(p.input(1))
				p.kind("AddMessageLog of a tenant that the CRM refuses", err, crmlog.ErrRateLimited, crmlog.ErrUnauthorized, crmlog.ErrForbidden)
				seen := p.net.count()
				result, err := p.tryAdd(p.inputOf(p.suite.h.Other, 2))
				p.want(err == nil || p.net.count() > seen, "after the refusal of one tenant nothing was sent for the other, the adapter takes them for the same: "+
					"with package crmhttp the credential is to be in Request.Auth, by which it tells accounts apart, and not in Request.Header. The error: %s", p.clean(err))
				p.ok("AddMessageLog of a tenant that the CRM does not refuse", err)
				logID := result.LogID
				p.records(1)
				p.holds(logID, word(2))
			}
		},
	},
	{
		name: "inputs are not changed",
		rule: rule{
			says: "An adapter changes nothing in its inputs, and keeps nothing of them: no slice, no map.",
			why:  "Callers use a message again, for another contact, at the same time.",
			see:  seeAdapter,
		},
		do: func(p *probe) {
			rich := func(n int) crmlog.AddMessageLogInput {
				in := p.input(n)
				outbound(&in)
				in.Message.To = append(in.Message.To, crmlog.Party{PhoneNumber: "+12025550143", Name: "Somebody Else"})
				in.Message.Attachments = []crmlog.Attachment{
					{ID: "9", Type: crmlog.AttachmentTypeText}, picture, {ID: "1", Type: crmlog.AttachmentTypeMMS, ContentType: "image/png", URI: media + "3"},
				}
				if in.AdditionalSubmission == nil {
					in.AdditionalSubmission = crmlog.AdditionalSubmission{}
				}
				return in
			}
			unchanged := func(what string, before, after any) {
				p.want(reflect.DeepEqual(before, after), "%s changed its input", what)
			}
			one := rich(2)
			kept := clone(one)
			result, err := p.tryAdd(one)
			p.ok("AddMessageLog", err)
			unchanged("AddMessageLog", kept, one)
			scribble(&one)

			two := rich(1) // before the one that is there, so that it has to be put in place
			kept = clone(two)
			p.update(result.LogID, two)
			unchanged("UpdateMessageLog", kept, two)
			scribble(&two)
			if !p.suite.h.Cannot.Batch {
				batch := []crmlog.AddMessageLogInput{rich(3), rich(4), rich(4), rich(5)}
				batch[2].Message.ID = "70279564997"
				var keptBatch []crmlog.AddMessageLogInput
				for _, in := range batch {
					keptBatch = append(keptBatch, clone(in))
				}
				p.batch(result.LogID, batch...)
				unchanged("UpdateMessageLogs", keptBatch, batch)
			}
			if !p.suite.h.Cannot.Amend {
				failed := rich(2)
				failed.Message.MessageStatus = crmlog.MessageStatusDeliveryFailed
				kept = clone(failed)
				p.amend(result.LogID, failed)
				unchanged("AmendMessageLog", kept, failed)
			}
			p.inOrder(p.text(result.LogID), words(1, 2, 3)[:2]...)
		},
	},
}

// scribble overwrites what an input refers to, as its owner may once the call
// has returned.
func scribble(in *crmlog.AddMessageLogInput) {
	for i := range in.Message.To {
		in.Message.To[i].Name = "scribbled"
	}
	for i := range in.Message.Attachments {
		in.Message.Attachments[i].FileName = "scribbled"
	}
	for k := range in.AdditionalSubmission {
		in.AdditionalSubmission[k] = "scribbled"
	}
}

// atOnce runs do n times at the same time, and wants no error.
func (p *probe) atOnce(n int, do func(i int) error) {
	errs := make([]error, n)
	p.within(patience, "calls at the same time", func() {
		var wg sync.WaitGroup
		for i := range n {
			wg.Add(1)
			go func() {
				defer wg.Done()
				errs[i] = do(i)
			}()
		}
		wg.Wait()
	})
	p.ok("one of several calls at the same time", errors.Join(errs...))
}

var capabilityChecks = []check{
	{
		name: "capabilities are what Harness.Cannot leaves",
		rule: rule{
			says: "An adapter can do what its CRM allows, and says so by its interfaces; what it cannot do is declared, and not implemented.",
			why:  "The router relies on it: a Finder that finds nothing makes a second record.",
			see:  seeAs,
		},
		do: func(p *probe) {
			_, batch := crmlog.As[crmlog.BatchUpdater](p.adapter)
			_, amend := crmlog.As[crmlog.Amender](p.adapter)
			_, find := crmlog.As[crmlog.Finder](p.adapter)
			_, idempotent := crmlog.As[crmlog.IdempotentAdder](p.adapter)
			cannot := p.suite.h.Cannot
			for _, c := range []struct {
				name, field string
				has, cannot bool
			}{
				{"crmlog.BatchUpdater", "Batch", batch, cannot.Batch},
				{"crmlog.Amender", "Amend", amend, cannot.Amend},
				{"crmlog.Finder or crmlog.IdempotentAdder", "Find", find || idempotent, cannot.Find},
			} {
				p.want(c.has || c.cannot, "the adapter is no %s; implement it, or say with Harness.Cannot.%s that the CRM does not allow it", c.name, c.field)
				p.want(!c.has || !c.cannot, "the adapter is a %s, and Harness.Cannot.%s says that it cannot be one", c.name, c.field)
			}
		},
	},
	{
		name: "capabilities are found behind a wrapper, and work there",
		rule: rule{
			says: "A decorator with a method Unwrap() Adapter hides no capability; an adapter that wraps another one has that method.",
			why:  "Metrics and retries are added around adapters; what they hide, the router cannot use.",
			see:  seeAs,
		},
		do: func(p *probe) {
			p.eachOp(func(p *probe, o op) {
				p.adapter = wrapper{wrapper{p.adapter}}
				logID := p.setUp(o)
				out := p.do(p.ctx, o, logID)
				p.ok(o.method+" behind a wrapper", out.err)
				p.judge(o, logID, out)
			})
			p.adapter = wrapper{p.adapter}
			seen := p.net.count()
			p.route(p.input(1), p.input(2), p.input(3), p.input(4))
			p.inOrder(p.allText(), words(1, 2, 3, 4)...)
			if batch := len(p.net.requests(seen)); !p.suite.h.Cannot.Batch {
				most := len(p.steps(opNamed("add"))) + len(p.steps(opNamed("batch")))
				p.want(batch <= most, "four messages took %d calls behind a wrapper, want %d at most: the batch was not found", batch, most)
			}
		},
	},
}

// wrapper is a decorator.
type wrapper struct{ inner crmlog.Adapter }

func (w wrapper) AddMessageLog(ctx context.Context, in crmlog.AddMessageLogInput) (crmlog.MessageLogResult, error) {
	return w.inner.AddMessageLog(ctx, in)
}

func (w wrapper) UpdateMessageLog(ctx context.Context, in crmlog.UpdateMessageLogInput) (crmlog.MessageLogResult, error) {
	return w.inner.UpdateMessageLog(ctx, in)
}

func (w wrapper) Unwrap() crmlog.Adapter { return w.inner }

var noSecrets = rule{
	says: "No credential, name, number or text is in an error or a log line, whatever the CRM says.",
	why:  "Logs are read by many, and kept for long; CRMs quote in their errors what was sent to them.",
	see:  seeHTTP,
}

func secretChecks() []check {
	var all []check
	for _, f := range []struct {
		name  string
		fault func(commit bool) fault
	}{
		{"a 400 that quotes what was sent", func(bool) fault { return echoes(false, 400) }},
		{"a 401 that quotes what was sent", func(bool) fault { return echoes(false, 401) }},
		{"a 422 that quotes what was sent", func(bool) fault { return echoes(false, 422) }},
		{"a 429 that quotes what was sent", func(bool) fault { return echoes(false, 429, "Retry-After", "9999") }},
		{"a 500 that quotes what was sent", func(c bool) fault { return echoes(c, 500) }},
		{"a 200 that quotes what was sent", func(c bool) fault { return echoes(c, 200) }},
		{"a cut connection", dropped},
	} {
		all = append(all, check{
			name: "no secret in errors and logs after " + f.name,
			rule: noSecrets,
			do: func(p *probe) {
				p.eachStep(func(p *probe, o op, s step) {
					logID := p.setUp(o)
					p.strike(s, f.fault(s.writes), true)
					out := p.do(p.ctx, o, logID)
					p.discreet(o.method, out.err)
				})
			},
		})
	}
	return append(all, check{
		name: "no secret in errors and logs of inputs that are wrong",
		rule: noSecrets,
		do: func(p *probe) {
			secret := secretOf(p.suite.h.Input.AuthHeader)
			spoil := []func(in *crmlog.AddMessageLogInput){
				func(in *crmlog.AddMessageLogInput) { in.ContactInfo.ID = crmlog.ID(secret + "/zibeline quartz") },
				func(in *crmlog.AddMessageLogInput) { in.User.Hostname = secret + "@quartz.example" },
				func(in *crmlog.AddMessageLogInput) { in.AuthHeader = crmlog.AuthHeader("Bearer " + secret + "\n") },
				func(in *crmlog.AddMessageLogInput) { in.AuthHeader = crmlog.AuthHeader("Bearer " + secret + "\x7f") },
				func(in *crmlog.AddMessageLogInput) { in.Message.Type = crmlog.MessageType("quartz " + contactPhone) },
				func(in *crmlog.AddMessageLogInput) { in.User.TimezoneName = "Quarkfield/Zwingli" },
				func(in *crmlog.AddMessageLogInput) { in.RecordingLink = "javascript:quartz" },
			}
			for _, spoil := range spoil {
				in := p.input(1)
				spoil(&in)
				in.Digest = crmlog.DigestRef{}
				_, err := p.tryAdd(in)
				p.discreet("AddMessageLog", err)
				_, err = p.tryUpdate("quartz/"+secret, in)
				p.discreet("UpdateMessageLog", err)
			}
		},
	}, check{
		name: "no secret in the logs of calls that succeed",
		rule: noSecrets,
		do: func(p *probe) {
			p.eachOp(func(p *probe, o op) {
				out := p.do(p.ctx, o, p.setUp(o))
				p.ok(o.method, out.err)
				p.discreet(o.method, nil)
			})
		},
	})
}

// discreet wants no secret in an error, however it is printed, and in what was
// logged so far.
func (p *probe) discreet(what string, err error) {
	if err != nil {
		for _, verb := range []string{"%v", "%+v", "%#v", "%q"} {
			leaked := p.leak(fmt.Sprintf(verb, err))
			p.want(leaked == "", "%s: %s is in the error's text (%s)", what, leaked, verb)
		}
		for e := err; e != nil; e = errors.Unwrap(e) {
			leaked := p.leak(e.Error())
			p.want(leaked == "", "%s: %s is in an error that the returned one wraps", what, leaked)
		}
	}
	leaked := p.leak(p.logs.String())
	p.want(leaked == "", "%s: %s is in the log", what, leaked)
}
