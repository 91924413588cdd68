package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTheSkeletonCompilesAndSaysWhatToWrite lays one down in a module outside of the
// tree, as other people's adapters are.
func TestTheSkeletonCompilesAndSaysWhatToWrite(t *testing.T) {
	t.Parallel()
	dir := outside(t)
	adapter := filepath.Join(dir, "acmecrm")
	var out bytes.Buffer
	require.NoError(t, run([]string{"-dir", adapter, "acmecrm"}, &out))
	require.Contains(t, out.String(), "docs/adding-a-crm.md")

	said, err := goTool(t, dir, "vet", "./...")
	require.NoError(t, err, said)
	said, err = goTool(t, dir, "test", "./...")
	require.Error(t, err, "it is not written yet")
	require.Contains(t, said, "--- FAIL: TestConformance")
	require.Contains(t, said, "Acmecrm is not done; docs/adding-a-crm.md says how to write:")
	for _, step := range []string{"step 2: routes", "step 4: create", "step 5: read", "step 6: write", "step 7: find"} {
		require.Contains(t, said, step)
	}
	require.NotContains(t, said, "panic")
}

// TestTheSkeletonPassesTheSuiteOnceItIsWritten fills in a simple CRM's requests, so
// that what the skeleton brings along is known to be right.
func TestTheSkeletonPassesTheSuiteOnceItIsWritten(t *testing.T) {
	t.Parallel()
	dir := outside(t)
	require.NoError(t, run([]string{"-dir", dir, "acmecrm"}, &bytes.Buffer{}))
	written, err := os.ReadFile("testdata/written.go.txt")
	require.NoError(t, err)
	part := func(name string) string {
		_, rest, ok := strings.Cut(string(written), "-- "+name+" --\n")
		require.True(t, ok, name)
		text, _, _ := strings.Cut(rest, "-- ")
		return text
	}
	unwritten := regexp.MustCompile(`(?m)^\treturn .*unwritten\("step \d: (\w+): .*$`)
	edit(t, filepath.Join(dir, "adapter.go"), func(text string) string {
		text = unwritten.ReplaceAllStringFunc(text, func(line string) string {
			return part(unwritten.FindStringSubmatch(line)[1])
		})
		text = strings.Replace(text, "Limit: 0", "Limit: 5000", 1)
		text += part("list")
		return strings.Replace(text, "type record struct {", "type record struct {\n\tVersion int `json:\"version,omitempty\"`", 1)
	})
	edit(t, filepath.Join(dir, "fake_test.go"), func(text string) string {
		text = strings.Replace(text, "adaptertest.Answer{\n", "adaptertest.Answer{\n"+part("routes"), 1)
		return text + `
func shown(r adaptertest.FakeRecord) record {
	key, _ := r.Fields["key"].(string)
	return record{ID: r.ID, Version: r.Version, Body: r.Body, Key: key, Title: "SMS"}
}
`
	})
	edit(t, filepath.Join(dir, "adapter_test.go"), func(text string) string {
		return strings.Replace(text, "// MaxBody and Cannot", "MaxBody: 5000,\n// and Cannot", 1)
	})
	said, err := goTool(t, dir, "test", ".")
	require.NoError(t, err, said)
}

func edit(t *testing.T, file string, change func(text string) string) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	changed := change(string(text))
	require.NotEqual(t, string(text), changed)
	require.NoError(t, os.WriteFile(file, []byte(changed), 0o600))
}

// Every step that the skeleton names is a heading of the guide.
func TestTheGuideHasTheSkeletonsSteps(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../docs/adding-a-crm.md")
	require.NoError(t, err)
	files, err := render("acmecrm")
	require.NoError(t, err)
	require.Len(t, files, 4)
	seen := 0
	for _, text := range files {
		for _, after := range strings.Split(strings.ReplaceAll(string(text), "Step ", "step "), "step ")[1:] {
			seen++
			require.Contains(t, string(guide), "\n## "+after[:1]+". ")
		}
	}
	require.Greater(t, seen, 5)
}

func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	taken := t.TempDir()
	work := filepath.Join(taken, "adapter.go")
	require.NoError(t, os.WriteFile(work, []byte("package work\n"), 0o600))
	tests := map[string]struct {
		args []string
		want string
	}{
		"no name":                  {nil, "give one name"},
		"two names":                {[]string{"a", "b"}, "give one name"},
		"capital letters":          {[]string{"HubSpot"}, "no name for a package"},
		"a path":                   {[]string{"../hubspot"}, "no name for a package"},
		"a keyword":                {[]string{"func"}, "no name for a package"},
		"a folder with somebody's": {[]string{"-dir", taken, "hubspot"}, "has Go files already"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.ErrorContains(t, run(tt.args, &bytes.Buffer{}), tt.want)
			text, err := os.ReadFile(work)
			require.NoError(t, err)
			require.Equal(t, "package work\n", string(text))
		})
	}
}

// outside makes a module that uses this one, with its dependencies as they are here,
// so that nothing is downloaded.
func outside(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	require.NoError(t, err)
	const module = "github.com/crmlog/crmlog"
	text := strings.Replace(string(mod), "module "+module, "module example.com/acme", 1) +
		"\nrequire " + module + " v0.0.0\n\nreplace " + module + " => " + root + "\n"
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte(text), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.sum"), sum, 0o600))
	return dir
}

func goTool(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off", "GOPROXY=off")
	out, err := cmd.CombinedOutput()
	return string(out), err
}
