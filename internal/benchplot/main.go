// Command benchplot reads what the benchmarks print, several runs of each, from
// standard input, and writes what docs/performance.md shows of it: the plots to
// docs/images, and the tables, in Markdown, to standard output. All it shows are
// ratios between benchmarks of one file, medians of those of each run.
//
//	make bench plots
package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	if err := run(os.Stdin, os.Stdout, filepath.Join("docs", "images")); err != nil {
		fmt.Fprintln(os.Stderr, "benchplot:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer, images string) error {
	m, err := read(in)
	if err != nil {
		return err
	}
	if len(m) == 0 {
		return errors.New("no benchmark in the input; give the output of make bench")
	}
	all := charts(m)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		c := all[name]
		if err := os.WriteFile(filepath.Join(images, name+".svg"), []byte(c.svg()), 0o644); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s\n\n%s\n", c.title, c.markdown())
	}
	fmt.Fprintln(out, "Router\n\n"+router(m))
	return nil
}

// charts are the plots by file name.
func charts(m results) map[string]chart {
	all := map[string]chart{}
	for crm, name := range map[string]string{"5ms": "throughput", "0s": "throughput-at-once"} {
		c := chart{title: "Messages per second, as a ratio to the bare HTTP loop, with a CRM that answers in " + crm, groups: "callers"}
		for _, store := range []string{"memory", "sqlite", "postgres"} {
			s := series{name: store}
			for _, n := range []string{"1", "8", "64"} {
				at := "/crm=" + crm + "/distinct/store="
				s.add(n, median(m["Beside"+at+store+"/callers="+n]["of-floor"]))
			}
			c.series = append(c.series, s)
		}
		all[name] = c
	}

	lookup := chart{title: "Time of a claim and of a commit, as a ratio to that at 10,000 remembered messages", groups: "remembered messages"}
	for _, db := range []string{"postgres", "sqlite"} {
		for _, what := range []string{"claim", "commit"} {
			s := series{name: db + ", " + what}
			for _, rows := range []string{"10000", "100000", "1000000", "10000000"} {
				at := "ClaimCommit/" + db + "/rows="
				s.add(rows, ratio(m[at+rows]["µs/"+what], m[at+"10000"]["µs/"+what]))
			}
			lookup.series = append(lookup.series, s)
		}
	}
	all["lookup"] = lookup

	add := chart{title: "Time to add a message to a digest, as a ratio to that with 10 entries", groups: "entries in the digest"}
	for _, format := range []string{"HTML", "Markdown", "Plain"} {
		s := series{name: format}
		for _, n := range []string{"10", "100", "1000"} {
			at := "Add/" + strings.ToLower(format) + "/"
			s.add(n, ratio(m.fold(at + n + "/one")["ns/op"], m.fold(at + "10/one")["ns/op"]))
		}
		add.series = append(add.series, s)
	}
	all["add"] = add
	for name, c := range all {
		if c = c.withoutEmpty(); len(c.series) == 0 {
			delete(all, name)
		} else {
			all[name] = c
		}
	}
	return all
}

// router compares what the router costs per message with JSON.
func router(m results) string {
	var b strings.Builder
	b.WriteString("| | time, as a ratio to encoding and decoding the message as JSON | allocations |\n|---|---|---|\n")
	for _, name := range []string{"distinct", "hundred"} {
		r := m["Router/"+name]
		fmt.Fprintf(&b, "| %s | %.2f | %.0f |\n", name, ratio(r["ns/op"], m["JSON"]["ns/op"]), median(r["allocs/op"]))
	}
	return b.String()
}
