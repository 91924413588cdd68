package explorer

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/crmlog/crmlog"
)

// judge is the oracle. It reads the CRM's records as text, knows the plan, and
// uses nothing of the router, the store or the adapter but the reports.
type judge struct {
	plan       *plan
	titles     []string
	counted    map[crmlog.ID]int  // reports of added or updated
	noReport   map[crmlog.ID]bool // a report was lost, or said that the outcome is unknown
	writes     map[crmlog.ID]int  // that the CRM applied
	troubled   bool               // something has gone wrong
	violations []violation
}

type violation struct{ kind, text string }

func (v violation) String() string { return v.kind + ": " + v.text }

func (j *judge) init(p *plan) {
	j.plan = p
	j.counted = make(map[crmlog.ID]int)
	j.noReport = make(map[crmlog.ID]bool)
	j.writes = make(map[crmlog.ID]int)
	for _, m := range p.messages {
		for _, t := range p.titles(m) {
			if !slices.Contains(j.titles, t) {
				j.titles = append(j.titles, t)
			}
		}
	}
}

func (j *judge) fault(kind, format string, args ...any) {
	j.violations = append(j.violations, violation{kind, fmt.Sprintf(format, args...)})
}

// entries reads a body.
func entries(body string) []string {
	var ids []string
	for _, line := range strings.Split(body, "\n") {
		if f := strings.Fields(line); len(f) > 0 {
			ids = append(ids, f[len(f)-1])
		}
	}
	return ids
}

// reportLost: the process died that should have got the report.
func (j *judge) reportLost(c *call) {
	for _, i := range c.script.messages {
		j.noReport[j.plan.messages[i].id] = true
	}
}

// report judges a report at the moment at which it is returned.
func (j *judge) report(c *call, records []*record) {
	told := make(map[crmlog.ID]bool) // that the message may stand in the CRM
	for _, e := range c.report.Entries {
		if e.Outcome != crmlog.OutcomeFailed || errors.Is(e.Err, crmlog.ErrOutcomeUnknown) {
			told[e.MessageID] = true
		}
	}
	for _, e := range c.report.Entries {
		id := e.MessageID
		switch e.Outcome {
		case crmlog.OutcomeAdded, crmlog.OutcomeUpdated:
			if j.counted[id]++; j.counted[id] > 1 {
				j.fault("reported twice", "call %d reports %s as %s, as another call did before", c.n, id, e.Outcome)
			}
			fallthrough
		case crmlog.OutcomeDuplicate:
			if !slices.ContainsFunc(records, func(r *record) bool { return slices.Contains(entries(r.body), string(id)) }) {
				j.fault("false success", "call %d reports %s as %s, but it is not in the CRM", c.n, id, e.Outcome)
			}
		case crmlog.OutcomeFailed:
			if told[id] {
				j.noReport[id] = true
			}
			if !told[id] && c.wrote[id] != 0 {
				j.fault("false failure", "call %d says that it did not log %s (%s), but it wrote it",
					c.n, id, crmlog.ErrorClass(e.Err))
			}
		default:
			j.fault("odd report", "call %d reports %s as %s", c.n, id, e.Outcome)
		}
	}
	j.order(c)
}

// order: a call writes its messages in the order of their times. What was in
// doubt before goes first, and a message may be on its way from one digest to
// another; in the records the order is as it should be even then.
func (j *judge) order(c *call) {
	if j.troubled || len(j.plan.zones()) > 1 {
		return
	}
	for _, i := range c.script.messages {
		for _, k := range c.script.messages {
			m, n := j.plan.messages[i], j.plan.messages[k]
			if m.conversation == n.conversation && m.at.Before(n.at) && c.wrote[n.id] != 0 && c.wrote[m.id] > c.wrote[n.id] {
				j.fault("out of order", "call %d wrote %s before %s", c.n, n.id, m.id)
			}
		}
	}
}

// cleanRun: when nothing goes wrong everything is logged.
func (j *judge) cleanRun(r crmlog.Report) {
	for _, e := range r.Entries {
		if e.Outcome == crmlog.OutcomeFailed {
			j.fault("clean run", "%s failed: %s", e.MessageID, crmlog.ErrorClass(e.Err))
		}
	}
}

// thrift: where nothing goes wrong, processes do not get into each other's way.
func (j *judge) thrift(finds int) {
	for id, n := range j.writes {
		if n > 1 {
			j.fault("waste", "%s was written %d times though nothing went wrong", id, n)
		}
	}
	if finds > 0 {
		j.fault("waste", "the CRM's list was read %d times though nothing went wrong", finds)
	}
}

// end judges the CRM when all is quiet.
func (j *judge) end(records []*record, finds int) {
	if !j.troubled {
		j.thrift(finds)
	}
	places := make(map[string][]*record)
	live := make(map[string]*record)
	at := make(map[string]time.Time)
	for _, m := range j.plan.messages {
		at[string(m.id)] = m.at
	}
	for _, r := range records {
		ids := entries(r.body)
		for i, id := range ids {
			places[id] = append(places[id], r)
			if slices.Contains(ids[:i], id) {
				j.fault("doubled", "%s stands twice in %s", id, r.id)
			}
			if i > 0 && at[id].Before(at[ids[i-1]]) {
				j.fault("out of order", "%s stands after %s in %s", id, ids[i-1], r.id)
			}
			if at[id].IsZero() {
				j.fault("unknown entry", "%s in %s is nobody's", id, r.id)
			}
		}
		if r.deleted {
			continue
		}
		name := fmt.Sprintf("%s part %d", r.title, r.part)
		if other := live[name]; other != nil && j.plan.crm != neither {
			j.fault("doubled", "%s and %s are both of %s", other.id, r.id, name)
		}
		live[name] = r
		if r.part > 1 && j.plan.room == 0 {
			j.fault("odd record", "%s is part %d", r.id, r.part)
		}
		if !slices.Contains(j.titles, r.title) || len(ids) == 0 && j.plan.crm != neither {
			j.fault("odd record", "%s of %s has %s", r.id, r.title, ids)
		}
	}
	for _, m := range j.plan.messages {
		id := string(m.id)
		n := 0
		for _, r := range places[id] {
			if !slices.Contains(j.plan.titles(m), r.title) {
				j.fault("wrong digest", "%s stands in %s of %s", id, r.id, r.title)
			}
			if !r.deleted {
				n++
			}
		}
		switch {
		case len(places[id]) == 0:
			j.fault("lost", "%s is in no record", id)
		case n > 1 && j.plan.crm != neither:
			j.fault("doubled", "%s is in %d records", id, n)
		}
		if j.counted[m.id] == 0 && !j.noReport[m.id] {
			j.fault("reported never", "no call reports %s as added or updated, and no report was lost", id)
		}
	}
}
