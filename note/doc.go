// Package note makes the body of a daily digest: the text of a CRM activity
// in which a day's messages with one contact stand, one entry per message.
// All of it is pure: a body and entries go in, a body comes out.
//
// A body is stored in a CRM, which rewrites its markup, and is edited by
// people, who may do with it as they like. So nothing in it is relied on but
// short visible codes, one at the end of each entry and one at the end of the
// heading:
//
//	SMS with Ann Lee (+16505553204)
//	Wednesday, February 18, 2015, times in America/Los_Angeles (UTC-08:00)
//	Messages: 1 ·K1EOX8d201G0
//	- 5:24 AM Sales Rep: Flight information ·7V9rp4EiwHS13NsUgk
//
// An entry's code holds the message's id and creation time, and a checksum
// that depends on the digest's key. [Read] finds the codes again whatever
// became of the markup around them; [Add] leaves out what stands already, puts
// each new entry where its time belongs, and keeps every other byte of the
// body. Visible text is used because it is what sanitizers keep: comments,
// classes and styles are dropped by Pipedrive, among others.
//
// The words that are ours, dates and times are in the language and habit of a
// locale ([Options]). Nothing is read back by them.
//
// Names and texts are hostile. They are escaped for the format and shown as
// they were sent, but for this: control characters are dropped, what is not
// valid Unicode becomes U+FFFD, all kinds of line ends become line breaks,
// blank lines at either end are left out, directional text is wrapped in
// isolates (FSI … PDI), and a valid code of this digest that is quoted in a
// text gets a word joiner (U+2060) after its dot, so that it is no code.
//
// # Size
//
// With Options.Limit, [Add] says in [Result] what is left for the digest's next
// record, whose bodies are written and read with Options.Part. What is longer
// than a record is cut into pieces, each an entry with a code of its own: "…" at
// its end tells that it goes on, "(continued)" behind the sender that it does. A
// message stands where its last piece stands.
//
// # Amendments
//
// [Amend] puts into an entry what became known later: that the message was not
// delivered, a voicemail's transcript, or an internal note's new text. Of the first
// two the code tells that they are in, so that they are not put in again, whatever
// became of the words; the last is looked for where the entry ends.
//
// # Digests of App Connect
//
// RingCentral's own CRM extension writes digests too, in plain text or HTML,
// with a line such as "Conversation(2 messages)", and entries between BEGIN and
// END. Add goes on in its list where no heading of ours stands: new entries are
// ours, at their place in time; its own stay as they are; the number becomes that
// of its recognised entries and ours.
//
// Its entries have no identity. A message is one of them, and not added, if they
// are of the same day (the body's date, else Heading.Day), the same minute in
// Options.Location, the same text but for white space, and the same sender: by
// name, or where two people talk, by side. This can err:
//
//   - A second message of the same text, sender and minute is taken for the first,
//     unless both stand, or both come in one call.
//   - A message is added though it stands if a person or the extension changed its
//     text (which it does where "$" stands in one), or if the extension's clock was
//     another: it knows no daylight saving, and some of its connectors have their
//     server's clock. New entries then are not in order with the old ones either.
//   - Pictures that it left out are not added. A voicemail or fax, of which it
//     keeps no link, is always added.
//
// All functions are safe for concurrent use.
package note
