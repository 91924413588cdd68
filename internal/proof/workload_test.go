package proof

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/crmlog/crmlog"
)

// person is a user of the service. Zone is an IANA name; without one the offset
// counts, and without that it is UTC.
type person struct {
	ID     string
	Zone   string
	Offset crmlog.TimezoneOffset
	East   time.Duration // what Offset says, for the oracle
	Around string        // the middle one of the days of the messages
}

// people have days of 23, 23.5, 24, 24.5 and 25 hours.
var people = []person{
	{ID: "1", Zone: "America/Los_Angeles", Around: "2026-03-08"},
	{ID: "2", Zone: "Europe/Berlin", Around: "2026-10-25"},
	{ID: "3", Zone: "Australia/Lord_Howe", Around: "2026-04-05"}, // clocks change by half an hour
	{ID: "4", Zone: "America/Santiago", Around: "2026-09-06"},    // the day begins at 01:00
	{ID: "5", Zone: "Asia/Kathmandu", Around: "2028-02-29"},      // UTC+05:45
	{ID: "6", Offset: "-08:00", East: -8 * time.Hour, Around: "2025-12-31"},
	{ID: "7", Offset: "+1345", East: 13*time.Hour + 45*time.Minute, Around: "2026-06-30"},
	{ID: "8", Around: "2026-05-01"},
}

func (p person) location() *time.Location {
	if p.Zone == "" {
		return time.FixedZone("", int(p.East/time.Second))
	}
	loc, err := time.LoadLocation(p.Zone)
	if err != nil {
		panic(err)
	}
	return loc
}

// sent is what is to stand in the CRM once: a message of one user with one
// contact.
type sent struct {
	Number       int // tells it from all others; its text carries it
	ID           string
	User         person
	Contact      string
	Conversation string
	At           time.Time
	Kind         crmlog.MessageType
	Inbound      bool
	Text         string
}

// shape is how large a workload is.
type shape struct {
	Messages      int
	Conversations int
	Alone         bool // the first user with one contact
}

// workload is all that is to be logged, the same for the same seed.
func workload(seed uint64, s shape) []sent {
	rng := rand.New(rand.NewPCG(seed, 1))
	ids := make(map[string]int) // messages so far, by user
	all := make([]sent, s.Messages)
	for i := range all {
		c := rng.IntN(s.Conversations)
		user, contact := people[c%len(people)], fmt.Sprint(1000+c/16) // two conversations of each user with each contact
		if s.Alone {
			user, contact = people[0], "1000"
		}
		// Message ids repeat among users: they are unique within a user alone.
		ids[user.ID]++
		all[i] = sent{
			Number:  i,
			ID:      fmt.Sprint(60_279_564_000 + ids[user.ID]),
			User:    user,
			Contact: contact,
			// Beyond 2^53: next to each other they are one float64.
			Conversation: fmt.Sprint(5_578_984_350_117_917_661 + c),
			At:           moment(rng, user),
			Kind:         []crmlog.MessageType{crmlog.MessageTypeSMS, crmlog.MessageTypeSMS, crmlog.MessageTypePager}[c%3],
			Inbound:      rng.IntN(2) == 0,
			Text:         fmt.Sprintf("msg-%06d- ", i) + texts[rng.IntN(len(texts))],
		}
		if i > 0 && rng.IntN(50) == 0 && all[i-1].User == user {
			all[i].At = all[i-1].At
		}
	}
	return all
}

var texts = []string{
	"Is it in stock?",
	"</li></ul><b>bold</b> & <!-- gone -->",
	"- 9:02 AM Ann Lee: quoted ·2aaavdtSuBaO2",
	"שלום \u202e abc",
	"one\ntwo\n\nthree",
	"Messages: 99 ·K5lUHVM32i6e",
}

// moment is on the user's day, the one before or the one after, often close to
// a midnight or where clocks change.
func moment(rng *rand.Rand, user person) time.Time {
	day, err := time.Parse(time.DateOnly, user.Around)
	if err != nil {
		panic(err)
	}
	at := func(days, hours int) time.Time {
		return time.Date(day.Year(), day.Month(), day.Day()+days, hours, 0, 0, 0, user.location())
	}
	var t time.Time
	switch rng.IntN(4) {
	case 0, 1:
		t = at(rng.IntN(2), 0).Add(time.Duration(rng.IntN(40)-20) * time.Minute)
	case 2:
		t = at(0, 0).Add(time.Duration(rng.IntN(5*60)) * time.Minute)
	default:
		t = at(rng.IntN(3)-1, 0).Add(time.Duration(rng.IntN(23*60)) * time.Minute)
	}
	return t.Add(time.Duration(rng.IntN(60_000)) * time.Millisecond).UTC()
}

// message is what RingCentral gives; form is how the conversation is written,
// which differs between its answers and notifications.
func (s sent) message(form int) crmlog.Message {
	m := crmlog.Message{
		ID: crmlog.ID(s.ID), Type: s.Kind, Direction: crmlog.DirectionOutbound, CreationTime: s.At,
		LastModifiedTime: s.At.Add(time.Second), MessageStatus: "Sent", Subject: s.Text,
		From: crmlog.Party{PhoneNumber: "+16505550100"}, To: []crmlog.Party{{PhoneNumber: "+16505550101"}},
	}
	if s.Inbound {
		m.Direction, m.MessageStatus = crmlog.DirectionInbound, "Received"
		m.From, m.To = m.To[0], []crmlog.Party{m.From}
	}
	if form != 1 {
		m.Conversation.ID = crmlog.ID(s.Conversation)
	}
	if form != 0 {
		m.ConversationID = crmlog.ID(s.Conversation)
	}
	return m
}

// call is what a caller hands to the router at once: messages of one user and
// contact.
type call struct {
	Logs []sent
	Form int
	Auth crmlog.AuthHeader
}

// tokens are the users' tokens: each has two, as after a renewal.
func tokens() map[string]string {
	all := make(map[string]string)
	for _, p := range people {
		all["one-"+p.ID], all["two-"+p.ID] = p.ID, p.ID
	}
	return all
}

// callsFor cuts a workload into calls in random order. Of so many messages in a
// hundred, repeated, there is a second call.
func callsFor(seed uint64, all []sent, repeated int) []call {
	rng := rand.New(rand.NewPCG(seed, 2))
	type key struct{ user, contact string }
	groups := make(map[key][]sent)
	var order []key
	for _, s := range all {
		k := key{s.User.ID, s.Contact}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], s)
		if rng.IntN(100) < repeated {
			groups[k] = append(groups[k], s)
		}
	}
	var calls []call
	for _, k := range order {
		logs := groups[k]
		rng.Shuffle(len(logs), func(i, j int) { logs[i], logs[j] = logs[j], logs[i] })
		for len(logs) > 0 {
			n := min(1+rng.IntN(6), len(logs))
			auth := fmt.Sprintf("Bearer %s-%s", []string{"one", "two"}[rng.IntN(2)], k.user)
			calls = append(calls, call{Logs: logs[:n], Form: rng.IntN(3), Auth: crmlog.AuthHeader(auth)})
			logs = logs[n:]
		}
	}
	rng.Shuffle(len(calls), func(i, j int) { calls[i], calls[j] = calls[j], calls[i] })
	return calls
}

func (c call) input(account string) crmlog.LogInput {
	user := c.Logs[0].User
	in := crmlog.LogInput{
		User:           crmlog.User{ID: crmlog.ID(user.ID), Name: "Sam Seller", TimezoneName: user.Zone},
		Account:        account,
		ContactInfo:    crmlog.ContactInfo{ID: crmlog.ID(c.Logs[0].Contact), Name: "Ann Lee", PhoneNumber: "+16505550101"},
		AuthHeader:     c.Auth,
		TimezoneOffset: user.Offset,
	}
	for _, s := range c.Logs {
		in.Messages = append(in.Messages, crmlog.MessageInput{Message: s.message(c.Form)})
	}
	return in
}
