package note

import "html"

// style is how the parts of a digest are written in a format.
type style struct {
	esc     func(string) string                   // a line of text, so that it shows as it is
	first   func(string) string                   // an escaped line that comes first in a line of the source
	strong  [2]string                             // around what is bold
	link    func(label, colon, url string) string // colon where both are shown
	br      string                                // between the lines of an entry, and of the heading
	indent  string                                // of the later lines of an entry
	newline string                                // between entries that stand in lines
	bullet  string                                // in front of those
}

func (st *style) bold(s string) string { return st.strong[0] + s + st.strong[1] }

// freshStyle is that of a new body.
func freshStyle(f Format) style {
	switch f {
	case HTML:
		return htmlStyle
	case Markdown:
		return markdownStyle("\n")
	}
	return plainStyle("\n", same)
}

func same(s string) string { return s }

// htmlStyle uses no element but those that Pipedrive is known to keep.
var htmlStyle = style{
	esc:     html.EscapeString,
	first:   same,
	strong:  [2]string{"<b>", "</b>"},
	link:    func(label, _, url string) string { return `<a href="` + html.EscapeString(url) + `">` + label + "</a>" },
	br:      "<br>",
	newline: "<br>",
}

// plainStyle is for plain text, and with esc for HTML without tags.
func plainStyle(newline string, esc func(string) string) style {
	return style{
		esc:     esc,
		first:   same,
		link:    func(label, colon, url string) string { return label + colon + esc(url) },
		br:      newline,
		indent:  "  ", // so that no line of a text looks like an entry
		newline: newline,
		bullet:  "- ",
	}
}
