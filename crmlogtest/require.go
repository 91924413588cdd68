package crmlogtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/crmlog/crmlog"
)

// RequireLogged ends the test unless exactly these messages stand in the records
// that are not deleted, each once, whichever record and order. Without ids it
// requires that nothing is logged. What it prints are ids, never texts.
func (a *Adapter) RequireLogged(t testing.TB, ids ...crmlog.ID) {
	t.Helper()
	seen := make(map[crmlog.ID][]string)
	for _, r := range a.standing() {
		for _, id := range r.IDs() {
			seen[id] = append(seen[id], r.LogID)
		}
	}
	var wrong []string
	for _, id := range ids {
		if len(seen[id]) == 0 {
			wrong = append(wrong, fmt.Sprintf("message %s is not logged", id))
		}
	}
	for id, logIDs := range seen {
		if !slices.Contains(ids, id) {
			wrong = append(wrong, fmt.Sprintf("message %s is logged, in %s, and should not be", id, strings.Join(logIDs, ", ")))
		} else if len(logIDs) > 1 {
			wrong = append(wrong, fmt.Sprintf("message %s is logged %d times, in %s", id, len(logIDs), strings.Join(logIDs, ", ")))
		}
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		t.Fatalf("crmlogtest: not logged as wanted:\n\t%s\n%s", strings.Join(wrong, "\n\t"), a.story())
	}
}

// RequireRecords ends the test unless the records that are not deleted are these,
// in the order in which they were made, each with these messages in this order.
// What it prints are ids, never texts.
func (a *Adapter) RequireRecords(t testing.TB, records ...[]crmlog.ID) {
	t.Helper()
	var got [][]crmlog.ID
	for _, r := range a.standing() {
		got = append(got, r.IDs())
	}
	if !slices.EqualFunc(got, records, slices.Equal) {
		t.Fatalf("crmlogtest: the records hold %v, want %v\n%s", got, records, a.story())
	}
}

// RequireOutcomes ends the test unless the report's messages have these outcomes,
// in the order of the call.
func RequireOutcomes(t testing.TB, report crmlog.Report, outcomes ...crmlog.Outcome) {
	t.Helper()
	var got []crmlog.Outcome
	var errs []string
	for _, e := range report.Entries {
		got = append(got, e.Outcome)
		if e.Err != nil {
			errs = append(errs, fmt.Sprintf("\n\tmessage %s: %v", e.MessageID, e.Err))
		}
	}
	if !slices.Equal(got, outcomes) {
		t.Fatalf("crmlogtest: the outcomes are %v, want %v%s", got, outcomes, strings.Join(errs, ""))
	}
}

// standing are the records that a person sees in the CRM.
func (a *Adapter) standing() []Record {
	return slices.DeleteFunc(a.Records(), func(r Record) bool { return r.Deleted })
}

// story is what the adapter was asked to do.
func (a *Adapter) story() string {
	calls := a.Calls()
	if len(calls) == 0 {
		return "\tthe adapter was not called"
	}
	var b strings.Builder
	b.WriteString("\tthe adapter was called:")
	for _, c := range calls {
		fmt.Fprintf(&b, "\n\t%s", c)
	}
	return b.String()
}

// String is the method, the record and the messages' ids.
func (c Call) String() string {
	words := []string{string(c.Method)}
	if c.LogID != "" {
		words = append(words, "in "+c.LogID)
	}
	for _, id := range c.Messages {
		words = append(words, string(id))
	}
	return strings.Join(words, " ")
}
