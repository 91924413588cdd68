package note

import (
	"html"
	"strings"
)

// markdownStyle is for CommonMark, with hard line breaks by backslash.
func markdownStyle(newline string) style {
	return style{
		esc:    markdownEscape,
		first:  markdownFirst,
		strong: [2]string{"**", "**"},
		link: func(label, _, url string) string {
			if html.UnescapeString(url) != url {
				url = strings.ReplaceAll(url, "&", "&amp;")
			}
			return "[" + label + "](<" + url + ">)"
		},
		br:      `\` + newline,
		indent:  "  ",
		newline: newline,
		bullet:  "- ",
	}
}

// markdownEscape escapes what means something anywhere in a line, in CommonMark
// or in GitHub's extensions to it (strikethrough, bare links).
func markdownEscape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch s[i] {
		case '\\', '`', '*', '_', '[', ']', '<', '>', '&', '~', '@':
			b.WriteByte('\\')
		case ':':
			if strings.HasPrefix(s[i:], "://") {
				b.WriteByte('\\')
			}
		case '.':
			if i >= 3 && strings.EqualFold(s[i-3:i], "www") {
				b.WriteByte('\\')
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// markdownFirst escapes what means something at the beginning of a line:
// headings, lists, rules, definitions, also when indented. (The rules under a heading or a
// table's first line are none, for each line ends in a backslash or a code.)
func markdownFirst(s string) string {
	number := len(s) - len(strings.TrimLeft(s, "0123456789"))
	switch {
	case s == "":
		return s
	case s[0] == ' ':
		return "&#32;" + s[1:]
	case s[0] == '\t':
		return "&#9;" + s[1:]
	case strings.IndexByte("#+-:", s[0]) >= 0:
		return `\` + s
	case number > 0 && number < len(s) && (s[number] == '.' || s[number] == ')'):
		return s[:number] + `\` + s[number:]
	}
	return s
}
