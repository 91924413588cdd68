package main

import (
	"fmt"
	"html"
	"strings"
)

// chart has a bar for each value of its series, in groups of those with the same
// label.
type chart struct {
	title  string
	groups string // what the labels are
	series []series
}

type series struct {
	name   string
	labels []string
	values []float64
}

// add leaves out what was not measured.
func (s *series) add(label string, value float64) {
	if value > 0 {
		s.labels, s.values = append(s.labels, label), append(s.values, value)
	}
}

func (c chart) withoutEmpty() chart {
	var full []series
	for _, s := range c.series {
		if len(s.values) > 0 {
			full = append(full, s)
		}
	}
	c.series = full
	return c
}

// labels are those of all series, in the order in which they come first.
func (c chart) labels() []string {
	var all []string
	seen := map[string]bool{}
	for _, s := range c.series {
		for _, l := range s.labels {
			if !seen[l] {
				all = append(all, l)
			}
			seen[l] = true
		}
	}
	return all
}

func (s series) value(label string) (float64, bool) {
	for i, l := range s.labels {
		if l == label {
			return s.values[i], true
		}
	}
	return 0, false
}

func (c chart) markdown() string {
	var b strings.Builder
	b.WriteString("| " + c.groups + " |")
	for _, s := range c.series {
		b.WriteString(" " + s.name + " |")
	}
	b.WriteString("\n|" + strings.Repeat("---|", len(c.series)+1) + "\n")
	for _, l := range c.labels() {
		b.WriteString("| " + thousands(l) + " |")
		for _, s := range c.series {
			if v, ok := s.value(l); ok {
				fmt.Fprintf(&b, " %.2f", v)
			}
			b.WriteString(" |")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// thousands parts the digits of a number.
func thousands(s string) string {
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Of colours that people who see few of them tell apart.
var colours = []string{"#0072b2", "#e69f00", "#009e73", "#cc79a7"}

const (
	width, height         = 760, 340
	left, right           = 50, 20
	top, bottom           = 70, 50
	plotWidth, plotHeight = width - left - right, height - top - bottom
)

func (c chart) svg() string {
	most := 1.0
	for _, s := range c.series {
		for _, v := range s.values {
			most = max(most, v)
		}
	}
	most *= 1.1
	y := func(v float64) float64 { return top + plotHeight*(1-v/most) }

	var b strings.Builder
	text := func(x, y float64, anchor, s string) {
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`+"\n", x, y, anchor, html.EscapeString(s))
	}
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12" fill="#222">`+"\n", width, height)
	fmt.Fprintf(&b, `<title>%s</title>`+"\n"+`<rect width="100%%" height="100%%" fill="#fff"/>`+"\n", html.EscapeString(c.title))
	text(left, 22, "start", c.title)
	for i, s := range c.series {
		x := float64(left + 130*i)
		fmt.Fprintf(&b, `<rect x="%.1f" y="36" width="12" height="12" fill="%s"/>`+"\n", x, colours[i%len(colours)])
		text(x+17, 46, "start", s.name)
	}
	step := 0.25
	for most/step > 8 {
		step *= 2
	}
	for v := 0.0; v <= most; v += step {
		stroke := "#ddd"
		if v == 1 {
			stroke = "#444"
		}
		fmt.Fprintf(&b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="%s"/>`+"\n", left, width-right, y(v), y(v), stroke)
		text(left-6, y(v)+4, "end", fmt.Sprintf("%.4g", v))
	}
	labels := c.labels()
	group := float64(plotWidth) / float64(len(labels))
	bar := group * 0.8 / float64(len(c.series))
	for i, l := range labels {
		x := left + group*float64(i) + group*0.1
		text(x+group*0.4, height-bottom+18, "middle", thousands(l))
		for k, s := range c.series {
			if v, ok := s.value(l); ok {
				at := x + bar*float64(k)
				fmt.Fprintf(&b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`+"\n", at, y(v), bar*0.92, y(0)-y(v), colours[k%len(colours)])
				text(at+bar*0.46, y(v)-4, "middle", fmt.Sprintf("%.2f", v))
			}
		}
	}
	text(left+plotWidth/2, height-12, "middle", c.groups)
	b.WriteString("</svg>\n")
	return b.String()
}
