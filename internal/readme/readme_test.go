// Package readme has no code: its test keeps the table of adapters in README.md to
// what the code says.
package readme

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/crmlog/crmlog/examples/customadapter"
	"github.com/crmlog/crmlog/pipedrive"
	"github.com/crmlog/crmlog/testcrm"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the table in README.md anew")

const root = "../.."

// adapters are those that talk to a CRM, by folder. A new one goes in here, and
// then: go test ./internal/readme -update
var adapters = map[string]reflect.Type{
	"pipedrive": reflect.TypeFor[*pipedrive.Adapter](),
	"testcrm":   reflect.TypeFor[*testcrm.Adapter](),

	"examples/customadapter": reflect.TypeFor[*customadapter.Adapter](),
}

// noCRM are adapters that are not for a CRM.
var noCRM = []string{"adaptertest", "crmlogtest"}

const begin, end = "<!-- adapters: go test ./internal/readme -update -->\n", "<!-- end of adapters -->\n"

func TestReadmeSaysWhatEachAdapterCanDo(t *testing.T) {
	t.Parallel()
	file := filepath.Join(root, "README.md")
	readme, err := os.ReadFile(file)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(readme), begin)
	require.True(t, ok, "README.md has lost the line %q", begin)
	got, after, ok := strings.Cut(rest, end)
	require.True(t, ok, "README.md has lost the line %q", end)
	want := table(capabilities(t))
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(before+begin+want+end+after), 0o644))
		return
	}
	require.Equal(t, want, got, "README.md's table is not what the code says: go test ./internal/readme -update")
}

func TestNoAdapterIsForgotten(t *testing.T) {
	t.Parallel()
	var found []string
	for dir, file := range sources(t) {
		adds := func(d ast.Decl) bool {
			f, ok := d.(*ast.FuncDecl)
			return ok && f.Recv != nil && f.Name.Name == "AddMessageLog"
		}
		if slices.ContainsFunc(file, adds) && !slices.Contains(noCRM, dir) {
			found = append(found, dir)
		}
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(adapters)), found, "the map above has not all adapters of the module, or one too many")
}

// capability is an interface of the root package that says what more an adapter
// can do.
type capability struct {
	name    string
	methods []string
}

// capabilities reads them off the source, so that a new one is a new column.
func capabilities(t *testing.T) []capability {
	var all []capability
	for _, d := range sources(t)["."] {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.TYPE {
			continue
		}
		for _, s := range g.Specs {
			s := s.(*ast.TypeSpec)
			i, ok := s.Type.(*ast.InterfaceType)
			if !ok || !s.Name.IsExported() {
				continue
			}
			c, isCapability := capability{name: s.Name.Name}, false
			for _, m := range i.Methods.List {
				embedded, _ := m.Type.(*ast.Ident)
				isCapability = isCapability || embedded != nil && embedded.Name == "Adapter"
				for _, name := range m.Names {
					c.methods = append(c.methods, name.Name)
				}
			}
			if isCapability {
				all = append(all, c)
			}
		}
	}
	require.NotEmpty(t, all)
	slices.SortFunc(all, func(a, b capability) int { return strings.Compare(a.name, b.name) })
	return all
}

func table(columns []capability) string {
	var b strings.Builder
	b.WriteString("| adapter |")
	for _, c := range columns {
		fmt.Fprintf(&b, " `%s` |", c.name)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(columns)) + "\n")
	for _, dir := range slices.Sorted(maps.Keys(adapters)) {
		fmt.Fprintf(&b, "| [%s](%s) |", dir, dir)
		for _, c := range columns {
			cell := "–"
			if has(adapters[dir], c) {
				cell = "yes"
			}
			fmt.Fprintf(&b, " %s |", cell)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func has(adapter reflect.Type, c capability) bool {
	return !slices.ContainsFunc(c.methods, func(name string) bool {
		_, ok := adapter.MethodByName(name)
		return !ok
	})
}

// sources are the module's declarations by folder, without tests and what is
// internal.
func sources(t *testing.T) map[string][]ast.Decl {
	all := make(map[string][]ast.Decl)
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "internal" || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && name != root) {
			return fs.SkipDir
		}
		if d.IsDir() || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(name))
		dir = filepath.ToSlash(dir)
		all[dir] = append(all[dir], file.Decls...)
		return err
	})
	require.NoError(t, err)
	return all
}
