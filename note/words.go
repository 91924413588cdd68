package note

import "strings"

// words are all the words that stand in a title or body other than what is
// given, in one language. Nothing is ever read back by them. Those of a body are
// not escaped, so none has a character that HTML or Markdown takes for markup.
type words struct {
	habit
	title       [kinds]string // InternalNote and Event take that of SMS, in link and linkN too
	list        string        // between the contact and others
	and         string        // a contact and one other
	andOthers   string        // a contact and a number of others
	somebody    string        // without name and number
	colon       string        // between a sender and a text, a label and an address
	times       string        // the date, and in which zone times are shown
	then        string        // between the offsets of a day on which the clocks are changed
	count       string        // the number goes last, next to the code, and knows no plural
	voiceMail   string
	voiceMailOf string // minutes, seconds
	fax         string
	faxOf1      string
	faxOf       string // pages
	noText      string
	link        [kinds]string // label of the only link
	linkN       [kinds]string // label of one of several

	files     [fileTypes]string // label of an attachment of a known type that has no name
	numbered  string            // such a label and a number, when there are several
	part      string            // behind a heading's title: the number of the record, from 2 on
	continued string            // a sender, at the later pieces of a long text
	internal  string            // a sender, at a note that the other side does not see
	edited    string            // in front of the new text of such a note
	failed    string            // behind a text that could not be sent or delivered
}

var english = words{
	habit: habit{
		weekdays: [7]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"},
		months:   [12]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"},
		full:     "%[1]s, %[3]s %[2]s, %[4]d",
		date:     "%[2]s %[1]s, %[3]d",
		clock:    "%d:%02d %s",
		am:       "AM",
		pm:       "PM",
		dateTime: "%s, %s",
	},
	title: [kinds]string{
		SMS: "SMS with %s", MMS: "SMS with %s", VoiceMail: "Voicemail from %s", Fax: "Fax with %s", Pager: "Pager messages with %s",
	},
	list:        ", ",
	and:         "%s and %s",
	andOthers:   "%s and %d others",
	somebody:    "Unknown",
	colon:       ": ",
	times:       "%s, times in %s",
	then:        "%s, then %s",
	count:       "Messages: %d",
	voiceMail:   "Voicemail",
	voiceMailOf: "Voicemail (%d:%02d)",
	fax:         "Fax",
	faxOf1:      "Fax (1 page)",
	faxOf:       "Fax (%d pages)",
	noText:      "(no text)",
	link: [kinds]string{
		SMS: "Attachment", MMS: "Attachment", VoiceMail: "Listen", Fax: "Open", Pager: "Attachment",
	},
	linkN: [kinds]string{
		SMS: "Attachment %d", MMS: "Attachment %d", VoiceMail: "Recording %d", Fax: "Document %d", Pager: "Attachment %d",
	},
	files: [fileTypes]string{
		imageFile: "Picture", videoFile: "Video", audioFile: "Audio", cardFile: "Contact card", pdfFile: "PDF", otherFile: "File",
	},
	numbered:  "%s %d",
	part:      "part %d",
	continued: "%s (continued)",
	internal:  "%s (internal note)",
	edited:    "(edited)",
	failed:    "(not delivered)",
}

// fill appends a pattern with strings in place of its verbs, which are those of
// package fmt: %s and %d are the next one, %[2]s is the second, and %02d has two
// digits at least.
func fill(b []byte, pattern string, with ...string) []byte {
	next := 0
	for {
		text, verb, more := strings.Cut(pattern, "%")
		b = append(b, text...)
		if !more {
			return b
		}
		if verb[0] == '[' {
			next, verb = int(verb[1]-'1'), verb[len("[1]"):]
		}
		if strings.HasPrefix(verb, "02") {
			verb = verb[len("02"):]
			if len(with[next]) < 2 {
				b = append(b, '0')
			}
		}
		b = append(b, with[next]...)
		next++
		pattern = verb[len("s"):]
	}
}

// filled is fill as a string.
func filled(pattern string, with ...string) string {
	return string(fill(make([]byte, 0, 256), pattern, with...))
}
