package main

import (
	"bufio"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// medians are those of each benchmark's runs, by name without "Benchmark" and
// the number of processors, and by unit.
type medians map[string]map[string]float64

// fold finds a benchmark whatever the case of its name.
func (m medians) fold(name string) map[string]float64 {
	for n, units := range m {
		if strings.EqualFold(n, name) {
			return units
		}
	}
	return nil
}

var processors = regexp.MustCompile(`-\d+$`)

func read(in io.Reader) (medians, error) {
	all := map[string]map[string][]float64{}
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
	m := medians{}
	for name, units := range all {
		m[name] = map[string]float64{}
		for unit, values := range units {
			m[name][unit] = median(values)
		}
	}
	return m, lines.Err()
}

func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}
