package adaptertest

import (
	"fmt"
	"math/rand/v2"
	"slices"

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
			logID := p.add(p.input(order[0]))
			for _, n := range order[1:] {
				p.update(logID, p.input(n))
			}
			p.holds(logID, sortedWords(order)...)
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

// sortedWords are the words of the messages in their order.
func sortedWords(ns []int) []string { return words(slices.Sorted(slices.Values(ns))...) }
