package crmlog

import (
	"context"
	"sync/atomic"
)

// Cost is what work in a CRM cost.
type Cost struct {
	// Calls counts the HTTP requests that were attempted, retries too.
	Calls int `json:"calls"`
	// Tokens counts what they cost in the CRM's own unit, by its published table:
	// Pipedrive's API tokens; 0 with CRMs that count requests alone. An attempt
	// that got no answer counts in full, one that was refused for a limit nothing.
	Tokens int `json:"tokens"`
}

func (c Cost) plus(d Cost) Cost { return Cost{c.Calls + d.Calls, c.Tokens + d.Tokens} }

// CostMeter adds up what the CRM calls made with its context cost; see
// [WithCostMeter]. It is safe for concurrent use.
type CostMeter struct {
	calls, tokens atomic.Int64
	outer         *CostMeter
}

// Cost is what has been added so far.
func (m *CostMeter) Cost() Cost { return Cost{int(m.calls.Load()), int(m.tokens.Load())} }

// take is Cost, and leaves the meter at zero.
func (m *CostMeter) take() Cost { return Cost{int(m.calls.Swap(0)), int(m.tokens.Swap(0))} }

type costMeterKey struct{}

type costContext struct {
	context.Context
	meter CostMeter
}

func (c *costContext) Value(key any) any {
	if key == (costMeterKey{}) {
		return &c.meter
	}
	return c.Context.Value(key)
}

// WithCostMeter returns a context whose CRM calls add to the meter, to use with
// an adapter without a [Router]; a router reports by itself, in Report.Cost. A
// meter that ctx has already goes on counting as well.
func WithCostMeter(ctx context.Context) (context.Context, *CostMeter) {
	c := new(costContext)
	c.begin(ctx)
	return c, &c.meter
}

func (c *costContext) begin(ctx context.Context) {
	c.Context = ctx
	c.meter.outer, _ = ctx.Value(costMeterKey{}).(*CostMeter)
}

// AddCost adds to the meter that ctx has, if it has one. Package crmhttp does
// so for each attempt; only an adapter that is not built on it needs to.
func AddCost(ctx context.Context, c Cost) {
	m, _ := ctx.Value(costMeterKey{}).(*CostMeter)
	for ; m != nil; m = m.outer {
		m.calls.Add(int64(c.Calls))
		m.tokens.Add(int64(c.Tokens))
	}
}
