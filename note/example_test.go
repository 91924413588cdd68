package note_test

import (
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/crmlog/crmlog/note"
)

func ExampleCompose() {
	zone, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		log.Fatal(err)
	}
	h := note.Heading{
		Contact: note.Person{Name: "Ann Lee", Phone: "+16505553204"},
		Day:     "2015-02-18",
		Zone:    "America/Los_Angeles",
	}
	body, err := note.Compose(h, []note.Entry{{
		ID:     "60279564004",
		Time:   time.Date(2015, 2, 18, 13, 24, 50, 0, time.UTC),
		Sender: "Sales Rep",
		Text:   "Flight information",
	}}, note.Options{Key: "c1-4f7k2m9x", Location: zone})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(note.Title(h, ""))
	fmt.Println()
	fmt.Println(note.Text(body, note.HTML))
	// Output:
	// SMS with Ann Lee
	//
	// SMS with Ann Lee (+16505553204)
	// Wednesday, February 18, 2015, times in America/Los_Angeles (UTC-08:00)
	// Messages: 1 ·K1EOX8d201G0
	// - 5:24 AM Sales Rep: Flight information ·7V9rp4EiwHS13NsUgk
}

func ExampleAdd() {
	h := note.Heading{Contact: note.Person{Name: "Ann Lee"}, Day: "2015-02-18"}
	o := note.Options{Format: note.Plain, Key: "c1-4f7k2m9x"}
	at := time.Date(2015, 2, 18, 13, 0, 0, 0, time.UTC)
	body, err := note.Compose(h, []note.Entry{
		{ID: "103", Time: at.Add(3 * time.Minute), Sender: "Ann Lee", Text: "Noon is fine"},
	}, o)
	if err != nil {
		log.Fatal(err)
	}

	// Somebody writes into the record, and the question arrives late.
	body += "\n  Booked a table. -- Kim"
	r, err := note.Add(body, h, []note.Entry{
		{ID: "101", Time: at.Add(time.Minute), Sender: "Sales Rep", Text: "Lunch?"},
		{ID: "103", Time: at.Add(3 * time.Minute), Sender: "Ann Lee", Text: "Noon is fine"},
	}, o)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("added", r.Added, "present", r.Present)
	fmt.Println(r.Body)
	// Output:
	// added [101] present [103]
	// SMS with Ann Lee
	// Wednesday, February 18, 2015, times in UTC
	// Messages: 2 ·K1EOX8d201G0
	//
	// - 1:01 PM Sales Rep: Lunch? ·2HIVp4EcwHm1D
	// - 1:03 PM Ann Lee: Noon is fine ·2baXp4Ed1UQ1F
	//   Booked a table. -- Kim
}

// A day that does not fit into one record goes on in the next.
func ExampleAdd_limit() {
	h := note.Heading{Contact: note.Person{Name: "Ann Lee"}, Day: "2015-02-18"}
	o := note.Options{Format: note.Plain, Key: "c1-4f7k2m9x", Limit: 300}
	at := time.Date(2015, 2, 18, 13, 0, 0, 0, time.UTC)
	entries := []note.Entry{
		{ID: "101", Time: at, Sender: "Sales Rep", Text: "Lunch?"},
		{ID: "102", Time: at.Add(time.Minute), Sender: "Ann Lee", Text: "Noon is fine. " + strings.Repeat("Where do we meet? ", 9)},
		{ID: "103", Time: at.Add(2 * time.Minute), Sender: "Sales Rep", Text: "Yes"},
	}
	for o.Part = 1; len(entries) > 0; o.Part++ {
		r, err := note.Add("", h, entries, o)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(r.Body + "\n")
		entries = entries[len(r.Added):] // they are in order
		for i, left := range r.Left {
			entries[i].Piece = left.NextPiece
		}
	}
	// Output:
	// SMS with Ann Lee
	// Wednesday, February 18, 2015, times in UTC
	// Messages: 1 ·K1EOX8d201G0
	//
	// - 1:00 PM Sales Rep: Lunch? ·2PQKp4Ech5C1D
	//
	// SMS with Ann Lee – part 2
	// Wednesday, February 18, 2015, times in UTC
	// Messages: 1 ·L02fNmqo6xVERh
	//
	// - 1:01 PM Ann Lee: Noon is fine. Where do we meet? Where do we meet? Where do we meet? Where do we meet? Where do we meet? Where do we meet? Where do we meet? Where do  … ·E40002VtDp4EcwHm1E
	//
	// SMS with Ann Lee – part 3
	// Wednesday, February 18, 2015, times in UTC
	// Messages: 2 ·L032yz0YcCYnLs
	//
	// - 1:01 PM Ann Lee (continued): we meet? Where do we meet?  ·Ec0012CFZp4EcwHm1E
	// - 1:02 PM Sales Rep: Yes ·2z00p4EcMj61F
}

func ExampleAmend() {
	h := note.Heading{Contact: note.Person{Name: "Ann Lee"}, Day: "2015-02-18"}
	o := note.Options{Format: note.Plain, Key: "c1-4f7k2m9x"}
	e := note.Entry{ID: "101", Time: time.Date(2015, 2, 18, 13, 0, 0, 0, time.UTC), Sender: "Sales Rep", Text: "Lunch?"}
	body, err := note.Compose(h, []note.Entry{e}, o)
	if err != nil {
		log.Fatal(err)
	}
	e.Failed = true
	a, err := note.Amend(body, e, o)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(a.Body)
	// Output:
	// SMS with Ann Lee
	// Wednesday, February 18, 2015, times in UTC
	// Messages: 1 ·K1EOX8d201G0
	//
	// - 1:00 PM Sales Rep: Lunch? (not delivered) ·E12FWcp4Ech5C1D
}

func ExampleTitle() {
	h := note.Heading{Contact: note.Person{Name: "Ann Lee"}}
	for _, locale := range []string{"en-US", "de_AT", "fr", "ja-JP"} {
		fmt.Println(note.Title(h, locale))
	}
	// Output:
	// SMS with Ann Lee
	// SMS mit Ann Lee
	// SMS avec Ann Lee
	// Ann LeeとのSMS
}
