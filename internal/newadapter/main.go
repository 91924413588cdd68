// Newadapter lays down the skeleton of an adapter for another CRM: it compiles, and
// its test fails and says what is to be written. docs/adding-a-crm.md goes through
// it.
//
//	go run ./internal/newadapter NAME
//	go run github.com/crmlog/crmlog/internal/newadapter -dir DIR NAME   # in another module
package main

import (
	"bytes"
	"embed"
	"errors"
	"flag"
	"fmt"
	"go/format"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"
)

//go:embed skeleton/*.tmpl
var skeleton embed.FS

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "newadapter:", err)
		}
		os.Exit(2)
	}
}

const usage = `Usage: newadapter [-dir DIR] NAME

NAME is the CRM's in lower case, such as pipedrive: the package's name, and what a
program gives crmlog.RouterConfig as Platform.
`

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("newadapter", flag.ContinueOnError)
	dir := flags.String("dir", "", "the package's folder; ./NAME if not given")
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), usage)
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		flags.Usage()
		return errors.New("give one name, behind the flags")
	}
	name := flags.Arg(0)
	if !validName.MatchString(name) || token.IsKeyword(name) {
		return fmt.Errorf("%q is no name for a package: give lower-case letters and digits, such as hubspot", name)
	}
	if *dir == "" {
		*dir = name
	}
	files, err := render(name)
	if err != nil {
		return err
	}
	if err := lay(*dir, files); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s is there. Its test says what to write, and docs/adding-a-crm.md how:\n\n\tgo test -C %s -race .\n", *dir, *dir)
	return nil
}

var validName = regexp.MustCompile(`^[a-z][a-z0-9]{1,30}$`)

// render makes the skeleton's files.
func render(name string) (map[string][]byte, error) {
	all, err := template.ParseFS(skeleton, "skeleton/*.tmpl")
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte)
	for _, t := range all.Templates() {
		var b bytes.Buffer
		err := t.Execute(&b, struct{ Package, Title string }{name, strings.ToUpper(name[:1]) + name[1:]})
		if err != nil {
			return nil, err
		}
		file := strings.TrimSuffix(t.Name(), ".tmpl")
		if files[file], err = format.Source(b.Bytes()); err != nil {
			return nil, fmt.Errorf("%s: %w", t.Name(), err)
		}
	}
	return files, nil
}

// lay writes the files, and overwrites none: a folder that has Go files is somebody's
// work.
func lay(dir string, files map[string][]byte) error {
	if there, err := filepath.Glob(filepath.Join(dir, "*.go")); err != nil || len(there) > 0 {
		return errors.Join(err, fmt.Errorf("%s has Go files already; give another folder with -dir", dir))
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
