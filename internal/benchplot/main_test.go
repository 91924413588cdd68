package main

import (
	"bytes"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const output = `goos: linux
BenchmarkBeside/crm=5ms/distinct/store=memory/callers=64-2  20  100 ns/op  0.80 of-floor
BenchmarkBeside/crm=5ms/distinct/store=memory/callers=64-2  20  100 ns/op  0.10 of-floor
BenchmarkBeside/crm=5ms/distinct/store=memory/callers=64-2  20  100 ns/op  0.81 of-floor
BenchmarkClaimCommit/sqlite/rows=10000-2                  10    1 ns/op   100 µs/claim  50 µs/commit
BenchmarkClaimCommit/sqlite/rows=10000000-2               10    1 ns/op   130 µs/claim  60 µs/commit
BenchmarkAdd/html/10/one-2                                10    100 ns/op  1 MB/s
BenchmarkAdd/html/100/one-2                               10    700 ns/op  1 MB/s
BenchmarkRouter/distinct-2                                10    50 ns/op   24 allocs/op
BenchmarkJSON-2                                           10    100 ns/op  153 allocs/op
PASS
`

func TestShowsMediansOfRatios(t *testing.T) {
	t.Parallel()
	images := t.TempDir()
	var out bytes.Buffer
	require.NoError(t, run(strings.NewReader(output), &out, images))
	for _, row := range []string{
		"| callers | memory |", "| 64 | 0.80 |", "| 10,000,000 | 1.30 | 1.20 |", "| 100 | 7.00 |", "| distinct | 0.50 | 24 |",
	} {
		require.Contains(t, out.String(), row)
	}
	for _, name := range []string{"throughput", "lookup", "add"} {
		text, err := os.ReadFile(filepath.Join(images, name+".svg"))
		require.NoError(t, err)
		d := xml.NewDecoder(bytes.NewReader(text))
		for err == nil {
			_, err = d.Token()
		}
		require.Equal(t, io.EOF, err, name)
	}
	require.NoFileExists(t, filepath.Join(images, "throughput-at-once.svg"), "nothing was measured")
}

func TestNoBenchmarkIsAnError(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, run(strings.NewReader("PASS\n"), io.Discard, t.TempDir()), "no benchmark")
}
