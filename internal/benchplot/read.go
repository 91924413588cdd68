package main

import (
	"bufio"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// results are the values of each benchmark's runs, by name without "Benchmark"
// and the number of processors, and by unit.
type results map[string]map[string][]float64

// fold finds a benchmark whatever the case of its name.
func (r results) fold(name string) map[string][]float64 {
	for n, units := range r {
		if strings.EqualFold(n, name) {
			return units
		}
	}
	return nil
}

var processors = regexp.MustCompile(`-\d+$`)

func read(in io.Reader) (results, error) {
	all := results{}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		name := processors.ReplaceAllString(strings.TrimPrefix(fields[0], "Benchmark"), "")
		if all[name] == nil {
			all[name] = map[string][]float64{}
		}
		for i := 2; i+1 < len(fields); i += 2 {
			value, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				break
			}
			all[name][fields[i+1]] = append(all[name][fields[i+1]], value)
		}
	}
	return all, lines.Err()
}

// ratio is the median of the ratios within each run, since a machine is not
// equally fast in all of them; that of the medians where one was run more often.
// It is 0 when one was not run at all.
func ratio(a, b []float64) float64 {
	if len(a) == 0 || len(b) == 0 {
		return 0
	}
	if len(a) != len(b) {
		return median(a) / median(b)
	}
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = a[i] / b[i]
	}
	return median(ratios)
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n == 0 {
		return 0
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
