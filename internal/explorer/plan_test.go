package explorer

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/crmlog/crmlog"
)

// The routers' times. The list of the CRM shows a new record listLag after it
// was made at the latest.
const (
	lease   = 6 * time.Second
	grace   = time.Second
	listLag = 2 * time.Second
)

// plan is what happens if nothing goes wrong, and how much may go wrong.
type plan struct {
	messages []message
	scripts  [][]script // the calls of each process
	crm      crmKind

	twoStepAdd bool // an add makes an empty record first, and then fills it
	readLag    bool // a record that is younger than listLag may not be readable
	batches    bool // the adapter is a BatchUpdater
	room       int  // entries that fit into a record; 0 is any number
	untyped    bool // a lost answer is an error that says nothing
	noLag      bool // lists show new records at once

	faults    int // how many calls to the CRM and the store go wrong, at most
	crashes   int
	shutdowns int
	leaves    int // callers that leave
	deletions int // records that a person deletes
	jumps     int // how often time passes while something could go on

	spared uint32 // faults that do not happen, as bits

	// Of the random scheduler.
	faultRate float64
	stickTo   float64 // weight of the process that was last at work
	repeat    float64 // weight of the fault that came last
}

// message is what the judge knows of a message. Those of a plan are in order of
// time.
type message struct {
	id           crmlog.ID
	at           time.Time
	conversation string
}

// script is one call of Router.Log: indices into plan.messages, in the order in
// which they are handed over.
type script struct {
	messages []int
	auth     int
	zone     int // hours east of UTC
}

type crmKind int

const (
	finds   crmKind = iota // the adapter is a Finder
	upserts                // the adapter is an IdempotentAdder
	neither                // the adapter has neither: a double is possible
)

var kindNames = [...]string{"Finder", "IdempotentAdder", "neither Finder nor IdempotentAdder"}

// day is midnight UTC of the messages' day.
var day = time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)

// newPlan makes a plan out of a seed.
func newPlan(seed uint64) plan {
	r := rand.New(rand.NewPCG(seed, 1))
	p := plan{
		twoStepAdd: r.IntN(4) == 0,
		readLag:    r.IntN(4) == 0,
		batches:    r.IntN(3) == 0,
		untyped:    r.IntN(2) == 0,
		noLag:      r.IntN(8) == 0,
		faults:     r.IntN(9),
		crashes:    r.IntN(3),
		leaves:     max(0, r.IntN(4)-2),
		shutdowns:  max(0, r.IntN(6)-4),
		deletions:  max(0, r.IntN(9)-7),
		jumps:      r.IntN(6),
		faultRate:  []float64{0.02, 0.1, 0.3, 0.6}[r.IntN(4)],
		stickTo:    []float64{1, 1, 4, 20}[r.IntN(4)],
		repeat:     []float64{1, 1, 40}[r.IntN(3)],
	}
	// With few kinds of fault, one and the same comes again and again.
	switch r.IntN(3) {
	case 0:
		p.spared = r.Uint32()
	case 1:
		p.spared = r.Uint32() | r.Uint32() | r.Uint32()
	}
	switch r.IntN(16) {
	case 0:
		p.crm = neither
	case 1, 2:
		p.crm = upserts
	}
	p.readLag = p.readLag && p.crm == finds // who finds nothing states no lag
	if r.IntN(6) == 0 && p.crm == finds {
		p.room = 1 + r.IntN(2)
	}

	conversations := 1 + max(0, r.IntN(3)-1)
	at := day.Add(12 * time.Hour)
	zones := []int{0}
	if r.IntN(8) == 0 {
		// Some messages are of another day in the other zone.
		zones = []int{0, -7}
		at = day.Add(6*time.Hour + 58*time.Minute)
	}
	for i := range 2 + r.IntN(5) {
		at = at.Add(time.Duration(r.IntN(3)) * time.Minute) // some are of the same time
		p.messages = append(p.messages, message{
			id: crmlog.ID(fmt.Sprintf("m%d", i+1)), at: at, conversation: fmt.Sprint(1 + r.IntN(conversations)),
		})
	}
	for range 2 + max(0, r.IntN(4)-2) {
		var calls []script
		for range 1 + max(0, r.IntN(4)-1) {
			s := script{auth: max(0, r.IntN(6)-4), zone: zones[r.IntN(len(zones))]}
			for range 1 + r.IntN(len(p.messages)) {
				s.messages = append(s.messages, r.IntN(len(p.messages)))
			}
			calls = append(calls, s)
		}
		p.scripts = append(p.scripts, calls)
	}
	return p
}

// titles are what the records may be called in which the message may stand: its
// day, in one of the zones that it is logged with, and its conversation.
func (p *plan) titles(m message) []string {
	var titles []string
	for _, zone := range p.zones() {
		d := m.at.Add(time.Duration(zone) * time.Hour).Format(time.DateOnly)
		if t := d + " c" + m.conversation; !slices.Contains(titles, t) {
			titles = append(titles, t)
		}
	}
	return titles
}

// zones are those of the calls, the last one's first: it is the clean call's.
func (p *plan) zones() []int {
	zones := []int{0}
	for _, calls := range p.scripts {
		for _, s := range calls {
			if !slices.Contains(zones, s.zone) {
				zones = append(zones, s.zone)
			}
		}
	}
	return zones
}

// input is what a call hands over. Its number comes to the adapter with each
// message.
func (p *plan) input(s script, call int) crmlog.LogInput {
	in := crmlog.LogInput{
		User:           crmlog.User{ID: "7-sim"},
		ContactInfo:    crmlog.ContactInfo{ID: "42"},
		AuthHeader:     crmlog.AuthHeader(fmt.Sprintf("Bearer %d", s.auth)),
		TimezoneOffset: crmlog.OffsetMinutes(60 * s.zone),
	}
	for _, i := range s.messages {
		m := p.messages[i]
		in.Messages = append(in.Messages, crmlog.MessageInput{Message: crmlog.Message{
			ID: m.id, Type: crmlog.MessageTypeSMS, Direction: crmlog.DirectionInbound, CreationTime: m.at,
			Conversation: crmlog.Conversation{ID: crmlog.ID(m.conversation)}, Subject: "text",
		}, AdditionalSubmission: crmlog.AdditionalSubmission{"call": call}})
	}
	return in
}

// settleTime is what the adapter states.
func (p *plan) settleTime() time.Duration {
	if p.noLag {
		return 0
	}
	return listLag
}

func (p *plan) String() string {
	s := fmt.Sprintf("CRM: %s, list lag %s", kindNames[p.crm], p.settleTime())
	for _, v := range []struct {
		is   bool
		name string
	}{
		{p.twoStepAdd, "an add makes the record and then fills it"},
		{p.readLag, "young records may not be readable"},
		{p.batches, "batches"},
		{p.room > 0, fmt.Sprintf("%d entries to a record", p.room)},
		{p.untyped, "lost answers are untyped errors"},
	} {
		if v.is {
			s += ", " + v.name
		}
	}
	s += fmt.Sprintf("\nlease %s, grace %s\nmessages:", lease, grace)
	for _, m := range p.messages {
		s += fmt.Sprintf(" %s (c%s, %s)", m.id, m.conversation, m.at.Format("15:04"))
	}
	for i, calls := range p.scripts {
		s += fmt.Sprintf("\n%c logs:", 'A'+i)
		for _, c := range calls {
			s += fmt.Sprintf(" %s", p.ids(c))
			if c.auth != 0 {
				s += fmt.Sprintf(" with authHeader %d", c.auth)
			}
			if c.zone != 0 {
				s += fmt.Sprintf(" in UTC%+d", c.zone)
			}
		}
	}
	return s
}

func (p *plan) ids(s script) []crmlog.ID {
	var ids []crmlog.ID
	for _, i := range s.messages {
		ids = append(ids, p.messages[i].id)
	}
	return ids
}
