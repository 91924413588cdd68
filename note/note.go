package note

import (
	"errors"
	"fmt"
	"time"
)

// ErrInvalid is matched by every error of this package: a field of the input
// is not usable. The error's text names the field and what it must be, and
// holds no text, name or number out of the message.
var ErrInvalid = errors.New("invalid input")

func invalid(format string, args ...any) error {
	return fmt.Errorf("note: %w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}

// Format is the markup that the CRM's field takes.
type Format int

const (
	HTML     Format = iota // b, br, ul, li and a with href; no other tag or attribute
	Markdown               // CommonMark
	Plain                  // lines, parted by "\n"
)

// Kind is the kind of a message.
type Kind int

const (
	SMS Kind = iota
	MMS
	VoiceMail
	Fax
	Pager        // RingCentral's internal text message, from extension to extension
	InternalNote // what colleagues write about a shared conversation; the contact does not see it
	Event        // what became of a shared conversation, such as an assignment; Text says it

	kinds int = iota
)

// Options say how a body is written and whose it is.
type Options struct {
	Format Format

	// Key is the digest's identity, any string that is not empty. Codes made
	// under one key are not recognised under another. It does not stand in the
	// body. What a stranger cannot guess is best.
	Key string

	// Location is the zone in which times are shown; nil is UTC.
	Location *time.Location

	// Locale is the language of the words that are ours and the habit in which
	// dates and times are written: a BCP 47 tag such as de, en-GB or fr_CA, with
	// "-" or "_", in any case. Dutch, English, French, German, Italian, Japanese,
	// Portuguese and Spanish are known; any other, and none, is English as in the
	// United States. It may change from one call to the next: what stands in a
	// body is left as it is, and read back all the same.
	Locale string

	// Part is which of the digest's records the body is of, when a day does not
	// fit into one: 1, 2, … up to 3,843; 0 is 1. From part 2 on the heading says
	// so. It is told apart by its heading alone; entries are the key's.
	Part int

	// Limit is how large a body may become, as Size counts it; 0 is any size.
	//
	// A message is left whole if its content takes no more than the limit less
	// what is reserved for the rest: 4,000, or half of a limit below 8,000. Content
	// is its text and links as they are written in the format, and counts as Size
	// says. What takes more is cut there into pieces, each but the last as long as
	// possible, behind a space or between two characters. So where a message is
	// cut depends on its text and links, Format, Limit and Size, and these must
	// stay as they are while a message goes on over several records.
	//
	// With a limit of 4,000 or more a new record has room for a piece of any
	// message: names that take more than their share of what is reserved are cut,
	// of a large group only the number is told, and a link that alone is too long
	// is left with its label. Below, an id may be too long; that is an error.
	Limit int

	// Size is how the CRM counts a body; nil is its bytes. It must not shrink when
	// something is added. It is called with bodies and with parts of them: about
	// twice for an addition that fits, and as often as bisection needs for one
	// that does not. See [StoredHTMLSize].
	Size func(body string) int
}

func (o Options) check() error {
	if o.Key == "" {
		return invalid("Options.Key is empty")
	}
	if o.Part < 0 || o.Part >= partEnd {
		return invalid("Options.Part is %d, want 0 to %d", o.Part, partEnd-1)
	}
	if o.Limit < 0 {
		return invalid("Options.Limit is %d, want 0 or more", o.Limit)
	}
	if o.Format < HTML || o.Format > Plain {
		return invalid("Options.Format is %d, want HTML, Markdown or Plain", o.Format)
	}
	return nil
}

func (o Options) location() *time.Location {
	if o.Location == nil {
		return time.UTC
	}
	return o.Location
}

// Person is somebody by name and number; either may be empty.
type Person struct {
	Name  string
	Phone string
}

// Heading is what stands above the entries.
type Heading struct {
	Kind    Kind // SMS stands for MMS too
	Contact Person
	Others  []string // the other correspondents of a group, as they shall be shown
	Day     string   // YYYY-MM-DD, the digest's day in Options.Location
	Zone    string   // shown name of the zone, such as America/Los_Angeles; may be empty
}

// Entry is one message.
type Entry struct {
	// ID is the message's id, 1 to 255 bytes. Ids that are decimal numbers below
	// 2^64 make the shortest codes.
	ID string
	// Time is the creation time, 1970 to 8888; what is below a millisecond does
	// not count.
	Time   time.Time
	Sender string
	Kind   Kind
	Text   string        // a voicemail's is its transcript; may be empty
	Length time.Duration // of a voicemail; 0 is not known
	Pages  int           // of a fax; 0 is not known
	Links  []Link        // media of an MMS, recording of a voicemail, document of a fax
	Failed bool          // it could not be sent or delivered; the entry says so

	// Piece is the first piece to add of a message that is too long for one
	// record: what [Left] said. Those before it stand in earlier records.
	Piece int
}

// Link is a file that belongs to a message.
type Link struct {
	// Label is its name. Empty is a word for its type, or what fits the kind of
	// message; a recording or document is called by what one can do with it.
	Label string
	// Type is its MIME type, such as image/jpeg; empty is not known.
	Type string
	// URL is https, without user and password. Empty is a file that cannot be
	// linked to: it is told of by its label.
	URL string
}

// Identity is what can be read back of an entry.
type Identity struct {
	ID   string
	Time time.Time // UTC, in whole milliseconds
}

// Reading is what was recognised in a body.
type Reading struct {
	// Heading tells that the heading of this digest's part (Options.Part) stands.
	// It is known by 64 bits of a hash of the key, so a body that has it is this
	// digest's.
	Heading bool
	// Part is the part whose heading stands: Options.Part, or the first there is.
	// 0 is that none does.
	Part int
	// Ours tells that something of the digest stands: a heading of any part, an
	// entry, or a piece of one. Another digest's entry is taken for this one's
	// with a chance of 1 in 238,328.
	Ours bool
	// Entries are in the order in which they stand; an id that stands twice is
	// reported where it stands first. A message in pieces is there when its last
	// piece is, and stands there.
	Entries []Identity
}

// Result is what [Add] did.
type Result struct {
	Body    string   // the body to store; the one given, byte for byte, if nothing was added
	Added   []string // ids whose message is now there to its end, in the order given
	Present []string // ids that were there to their end already, or came before in the same call
	Left    []Left   // what did not fit, oldest first
}

// Left is a message that did not fit, or whose end did not.
type Left struct {
	ID string
	// NextPiece is the first piece that is not in the body, for [Entry].Piece.
	// What comes before it stands here or in earlier records.
	NextPiece int
}

// Title returns the record's subject: one line of plain text, in the language
// of a locale (see [Options]). A name is cut to 80 characters, and of more than
// two correspondents only the first is named.
func Title(h Heading, locale string) string {
	return wordsFor(locale).subject(h)
}

// Compose returns a new body with a heading and entries in order of time, then
// id. It is [Add] to an empty body; without entries it returns "". What does not
// fit into Options.Limit is an error: Add tells what is left.
func Compose(h Heading, entries []Entry, o Options) (string, error) {
	r, err := Add("", h, entries, o)
	if err == nil && len(r.Left) > 0 {
		return "", invalid("Options.Limit is %d, which leaves no room for %d of %d entries", o.Limit, len(r.Left), len(entries))
	}
	return r.Body, err
}

// Read recognises a digest's heading and entries in a body, however the CRM
// or people rewrote it. It never fails: what it does not recognise is not ours.
func Read(body string, o Options) Reading {
	if o.Key == "" {
		return Reading{}
	}
	p := readPage(body, o.Format, newCodec(o.Key, o.Part))
	r := Reading{Heading: p.heading() >= 0, Ours: len(p.parts)+len(p.codes) > 0}
	if r.Heading {
		r.Part = max(o.Part, 1)
	} else if len(p.parts) > 0 {
		r.Part = p.parts[0]
	}
	seen := map[string]bool{}
	for _, k := range p.codes {
		if k.part == 0 && k.complete() && !seen[k.ID] {
			seen[k.ID] = true
			r.Entries = append(r.Entries, k.Identity)
		}
	}
	return r
}

// Text returns the visible text of an HTML body, for terminals and tests: one
// line per visible line, list items with "- ", links by their label. Markdown
// and plain text are made to be read as they are, and returned unchanged.
func Text(body string, f Format) string {
	if f != HTML {
		return body
	}
	return scanHTML(body).String()
}
