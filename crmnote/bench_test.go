package crmnote_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/crmlog/crmlog"
	"github.com/crmlog/crmlog/crmnote"
	"github.com/crmlog/crmlog/note"
)

// What an adapter does with a message before its request: to a new body, and to one
// with some messages in it.
func BenchmarkLog(b *testing.B) {
	for format, o := range map[string]note.Options{
		"html":  {Format: note.HTML, Limit: 64_000, Size: note.StoredHTMLSize},
		"plain": {Format: note.Plain, Limit: 64_000},
	} {
		body := ""
		for stand := range 6 {
			in := logInput(b, func(in *crmlog.AddMessageLogInput) {
				in.Message.ID = crmlog.ID(strconv.Itoa(3_000_000_000_000 + stand))
				in.Message.CreationTime = in.Message.CreationTime.Add(time.Duration(stand) * time.Minute)
				in.Message.Subject = "A text of ordinary length, as people send them."
			})
			add := func() (crmnote.Log, string) {
				logs, err := crmnote.Prepare("fake", o, in)
				if err != nil { // require takes as long as half of all this
					b.Fatal(err)
				}
				body, _, err := crmnote.AddTo(body, logs...)
				if err != nil {
					b.Fatal(err)
				}
				return logs[0], body
			}
			if stand == 0 || stand == 5 {
				b.Run(fmt.Sprintf("%s/to %d", format, stand), func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						log, _ := add()
						log.Title()
						log.Key()
					}
				})
			}
			_, body = add()
		}
	}
}
