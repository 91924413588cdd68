// Package deps has no code: its test keeps every room of the module to what it
// may import, as docs/design.md draws it.
package deps

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write testdata anew")

const module = "github.com/crmlog/crmlog"

// TestRoomsImportWhatTheyMay compares all that a room links, the standard
// library left out, with testdata/ROOM.txt. A new line there is a decision:
// every user of the room compiles it.
func TestRoomsImportWhatTheyMay(t *testing.T) {
	t.Parallel()
	for _, room := range rooms(t) {
		t.Run(room, func(t *testing.T) {
			t.Parallel()
			got := goList(t, "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", room)
			name := strings.ReplaceAll(strings.Trim(strings.TrimPrefix(room, module), "/"), "/", "_")
			if name == "" {
				name = "crmlog"
			}
			file := filepath.Join("testdata", name+".txt")
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err, "a new room: run this test with -update and have the list reviewed")
			require.Equal(t, string(want), got)
		})
	}
}

func TestOnlyCrmhttpImportsResty(t *testing.T) {
	t.Parallel()
	got := goList(t, "-f", `{{$p := .ImportPath}}{{range .Imports}}{{if eq . "github.com/go-resty/resty/v2"}}{{$p}}{{end}}{{end}}`, module+"/...")
	require.Equal(t, module+"/crmhttp\n", got)
}

func TestAdaptersDoNotImportEachOther(t *testing.T) {
	t.Parallel()
	adapters := []string{module + "/pipedrive", module + "/testcrm"}
	for _, a := range adapters {
		linked := strings.Fields(goList(t, "-deps", a))
		for _, other := range adapters {
			if other != a {
				require.NotContains(t, linked, other)
			}
		}
	}
}

// TestTheCustomAdapterImportsWhatAnOutsiderCan keeps the example to what its reader
// has: neither what is internal nor another adapter.
func TestTheCustomAdapterImportsWhatAnOutsiderCan(t *testing.T) {
	t.Parallel()
	format := `{{range .Imports}}{{.}}{{"\n"}}{{end}}{{range .TestImports}}{{.}}{{"\n"}}{{end}}{{range .XTestImports}}{{.}}{{"\n"}}{{end}}`
	imports := strings.Fields(goList(t, "-f", format, module+"/examples/customadapter/..."))
	require.NotEmpty(t, imports)
	for _, p := range imports {
		require.NotContains(t, p, "/internal")
		require.NotRegexp(t, "^"+module+"/(pipedrive|testcrm)(/|$)", p)
	}
}

// rooms are the packages that users import.
func rooms(t *testing.T) []string {
	var rooms []string
	for _, p := range strings.Fields(goList(t, "-f", "{{if .GoFiles}}{{.ImportPath}}{{end}}", module+"/...")) {
		if !strings.Contains(p, "/internal/") && !strings.Contains(p, "/examples/") {
			rooms = append(rooms, p)
		}
	}
	return rooms
}

// goList drops the empty lines that a template leaves.
func goList(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", append([]string{"list"}, args...)...).Output()
	require.NoError(t, err)
	var lines strings.Builder
	for _, line := range strings.Split(string(out), "\n") {
		if line != "" {
			lines.WriteString(line + "\n")
		}
	}
	return lines.String()
}
