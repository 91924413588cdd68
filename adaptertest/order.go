package adaptertest

import (
	"fmt"
	"math/rand/v2"

	"github.com/crmlog/crmlog"
)

var byTime = rule{
	says: "In a record messages stand in the order of their creation times, whenever they come.",
	why:  "RingCentral delivers late and shuffled, and a conversation is to be read from top to bottom.",
	see:  seePromises,
}

var orderChecks = []check{
	{
		name: "messages that come late stand in their place",
		rule: byTime,
		do: func(p *probe) {
			for _, order := range [][]int{{2, 1, 3}, {3, 2, 1}, {1, 4, 2, 3}, {4, 1, 3, 2}} {
				p.open()
				logID := p.add(p.input(order[0]))
				for _, n := range order[1:] {
					p.update(logID, p.input(n))
				}
				p.records(1)
				p.holds(logID, sortedWords(order)...)
			}
		},
	},
	{
		name:    "messages of a batch stand in their places",
		rule:    byTime,
		without: without(noBatch, "batches"),
		do: func(p *probe) {
			logID := p.add(p.input(4))
			p.batch(logID, p.input(2), p.input(7))
			p.batch(logID, p.input(1), p.input(3), p.input(5), p.input(6), p.input(8))
			p.holds(logID, words(1, 2, 3, 4, 5, 6, 7, 8)...)
		},
	},
	{
		name: "many messages in any order stand in order",
		rule: byTime,
		do: func(p *probe) {
			const many = 20
			order := rand.New(rand.NewPCG(1, 2)).Perm(many)
			logID := p.add(p.input(order[0] + 1))
			for _, n := range order[1:] {
				p.update(logID, p.input(n+1))
			}
			p.holds(logID, sortedWords(order, 1)...)
		},
	},
	{
		name: "ids keep all their digits",
		rule: rule{
			says: "Ids are strings of digits, longer than a float64 holds: two that differ in the last digit are two messages.",
			why:  "conversationId is above 2^53 already; an id that passes through a float64 names another message.",
			see:  "https://pkg.go.dev/github.com/crmlog/crmlog#ID",
		},
		do: func(p *probe) {
			logID := ""
			for n := 1; n <= 3; n++ {
				in := p.input(n)
				in.Message.ID = crmlog.ID(fmt.Sprintf("55789843501179176%02d", n))
				if n == 1 {
					logID = p.add(in)
					continue
				}
				p.want(!p.update(logID, in).AlreadyThere, "a message whose id differs in its last digit was taken for another one")
			}
			p.holds(logID, words(1, 2, 3)...)
		},
	},
}

// sortedWords are the words of messages 0 to the highest of ns, or from 1, by number.
func sortedWords(ns []int, plus ...int) []string {
	add := 0
	if len(plus) > 0 {
		add = plus[0]
	}
	lowest := ns[0]
	for _, n := range ns {
		lowest = min(lowest, n)
	}
	var ws []string
	for i := range ns {
		ws = append(ws, word(lowest+add+i))
	}
	return ws
}
