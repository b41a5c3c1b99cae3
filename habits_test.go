package pms_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// maxLines bounds a file: one file, one idea.
const maxLines = 600

// noNames are names that say nothing about what a package is for.
var noNames = []string{"util", "utils", "common", "helper", "helpers", "manager", "misc", "shared", "base"}

// readEnvironment are the packages that may read the environment: what tests
// import, and programs. A library is told by its caller.
var readEnvironment = []string{"driver/sqlpms/mariadbtest", "driver/sqlpms/odbctest"}

// source is one Go file of the module.
type source struct {
	name  string // slash-separated, from the module's root
	bytes []byte
	fset  *token.FileSet
	file  *ast.File
}

func (s source) folder() string { return path.Dir(s.name) }
func (s source) isTest() bool   { return strings.HasSuffix(s.name, "_test.go") }

// at says where something stands.
func (s source) at(n ast.Node) string {
	return fmt.Sprintf("%s:%d", s.name, s.fset.Position(n.Pos()).Line)
}

func parse(name string, src []byte) (source, error) {
	s := source{name: name, bytes: src, fset: token.NewFileSet()}
	var err error
	s.file, err = parser.ParseFile(s.fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	return s, err
}

// sources are the Go files of the module, those of other systems too.
func sources(t *testing.T) []source {
	t.Helper()
	all, err := readSources()
	require.NoError(t, err)
	require.NotEmpty(t, all)
	return all
}

var readSources = sync.OnceValues(func() (all []source, err error) {
	err = fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && name != ".ci" && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		src, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		s, err := parse(name, src)
		all = append(all, s)
		return err
	})
	return all, err
})

// withoutPackageDoc returns folders whose package has no doc comment, and those
// where several files explain it.
func withoutPackageDoc(files []source) []string {
	docs := map[string]int{}
	for _, s := range files {
		if s.isTest() {
			continue
		}
		name := s.folder()
		if s.file.Name.Name == "main" {
			name += " (program)" // a generator may stand beside the package it writes
		}
		n := docs[name]
		if s.file.Doc != nil && strings.TrimSpace(s.file.Doc.Text()) != "" {
			n++
		}
		docs[name] = n
	}
	var found []string
	for name, n := range docs {
		switch {
		case n == 0:
			found = append(found, name+" has no package comment")
		case n > 1:
			found = append(found, name+" has more than one package comment")
		}
	}
	slices.Sort(found)
	return found
}

// withoutDoc returns exported names that no comment explains: functions,
// methods of exported types, methods of exported interfaces, types, and
// constants and variables, which their group's comment or one at the line's end
// may explain.
func withoutDoc(files []source) []string {
	var found []string
	for _, s := range files {
		if s.isTest() || s.file.Name.Name == "main" {
			continue
		}
		missing := func(n ast.Node, name string) {
			found = append(found, fmt.Sprintf("%s: %s has no doc comment", s.at(n), name))
		}
		for _, decl := range s.file.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				of, exported := receiver(decl)
				if decl.Name.IsExported() && exported && decl.Doc == nil {
					missing(decl, of+decl.Name.Name)
				}
			case *ast.GenDecl:
				for _, spec := range decl.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						if !spec.Name.IsExported() {
							continue
						}
						if decl.Doc == nil && spec.Doc == nil && spec.Comment == nil {
							missing(spec, spec.Name.Name)
						}
						if iface, ok := spec.Type.(*ast.InterfaceType); ok {
							for _, m := range iface.Methods.List {
								if len(m.Names) == 1 && m.Names[0].IsExported() && m.Doc == nil && m.Comment == nil {
									missing(m, spec.Name.Name+"."+m.Names[0].Name)
								}
							}
						}
					case *ast.ValueSpec:
						if decl.Doc != nil || spec.Doc != nil || spec.Comment != nil {
							continue
						}
						for _, name := range spec.Names {
							if name.IsExported() {
								missing(spec, name.Name)
							}
						}
					}
				}
			}
		}
	}
	return found
}

// receiver names a method's type and says whether a reader of the docs sees it.
func receiver(f *ast.FuncDecl) (of string, exported bool) {
	if f.Recv == nil {
		return "", true
	}
	t := f.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.Name + ".", x.IsExported()
		default:
			return "?.", true
		}
	}
}

// tooLong returns files that hold more than one idea can fill.
func tooLong(files []source) []string {
	var found []string
	for _, s := range files {
		if n := bytes.Count(s.bytes, []byte("\n")); n > maxLines {
			found = append(found, fmt.Sprintf("%s has %d lines, more than %d", s.name, n, maxLines))
		}
	}
	return found
}

// namedForNothing returns packages and folders whose name says nothing.
func namedForNothing(files []source) []string {
	var found []string
	for _, s := range files {
		names := append(strings.Split(s.folder(), "/"), strings.TrimSuffix(s.file.Name.Name, "_test"))
		for _, name := range names {
			if slices.Contains(noNames, name) {
				found = append(found, fmt.Sprintf("%s: %q says nothing about what is in it", s.name, name))
				break
			}
		}
	}
	return found
}

// environmentReaders returns where a library reads the environment.
func environmentReaders(files []source) []string {
	var found []string
	for _, s := range files {
		if s.isTest() || s.file.Name.Name == "main" || slices.Contains(readEnvironment, s.folder()) {
			continue
		}
		// The name under which the file knows a package, "" when it does not.
		local := func(path string) string {
			for _, imp := range s.file.Imports {
				if imp.Path.Value != `"`+path+`"` {
					continue
				}
				if imp.Name != nil {
					return imp.Name.Name
				}
				return path
			}
			return ""
		}
		calls := map[string][]string{
			local("os"):      {"Getenv", "LookupEnv", "Environ", "ExpandEnv"},
			local("syscall"): {"Getenv", "Environ"},
		}
		delete(calls, "")
		ast.Inspect(s.file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); ok && slices.Contains(calls[x.Name], sel.Sel.Name) {
				found = append(found, fmt.Sprintf("%s reads the environment; take it from a Config", s.at(sel)))
			}
			return true
		})
	}
	return found
}

func TestEveryPackageHasOneDocComment(t *testing.T) {
	t.Parallel()
	require.Empty(t, withoutPackageDoc(sources(t)))
}

func TestEveryExportedNameHasADocComment(t *testing.T) {
	t.Parallel()
	require.Empty(t, withoutDoc(sources(t)))
}

func TestFilesHoldOneIdea(t *testing.T) {
	t.Parallel()
	require.Empty(t, tooLong(sources(t)))
}

func TestPackagesAreNamedForWhatTheyHold(t *testing.T) {
	t.Parallel()
	require.Empty(t, namedForNothing(sources(t)))
}

func TestLibrariesDoNotReadTheEnvironment(t *testing.T) {
	t.Parallel()
	require.Empty(t, environmentReaders(sources(t)))
}

func TestPlantedHabitsAreFound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file, src string
		rule      func([]source) []string
		want      string // "" for none
	}{
		"no package comment":          {"a/a.go", "package a", withoutPackageDoc, "a has no package comment"},
		"a comment apart from it":     {"a/a.go", "// A.\n\npackage a", withoutPackageDoc, "a has no package comment"},
		"a directive is no comment":   {"a/a.go", "//go:debug x=1\npackage a", withoutPackageDoc, "a has no package comment"},
		"a package comment":           {"a/a.go", "// Package a is.\npackage a", withoutPackageDoc, ""},
		"a function":                  {"a/a.go", "package a\nfunc F() {}", withoutDoc, "a/a.go:2: F has no doc comment"},
		"a method":                    {"a/a.go", "package a\n// T is.\ntype T int\nfunc (*T) M() {}", withoutDoc, "T.M has"},
		"a generic method":            {"a/a.go", "package a\n// T is.\ntype T[A, B any] int\nfunc (*T[A, B]) M() {}", withoutDoc, "T.M has"},
		"a method that nobody sees":   {"a/a.go", "package a\ntype t int\nfunc (t) M() {}", withoutDoc, ""},
		"an interface's method":       {"a/a.go", "package a\n// I is.\ntype I interface { M() }", withoutDoc, "I.M has"},
		"a type":                      {"a/a.go", "package a\ntype T int", withoutDoc, "T has"},
		"a type in a group":           {"a/a.go", "package a\ntype (\n// T is.\nT int\nU int\n)", withoutDoc, "U has"},
		"a constant":                  {"a/a.go", "package a\nconst C = 1", withoutDoc, "C has"},
		"constants of a group":        {"a/a.go", "package a\n// The Cs.\nconst (\nC = 1\nD = 2\n)", withoutDoc, ""},
		"a variable":                  {"a/a.go", "package a\nvar V int", withoutDoc, "V has"},
		"a test needs none":           {"a/a_test.go", "package a\nfunc F() {}", withoutDoc, ""},
		"600 lines":                   {"a/a.go", "package a" + strings.Repeat("\n", 600), tooLong, ""},
		"601 lines":                   {"a/a_test.go", "package a" + strings.Repeat("\n", 601), tooLong, "a/a_test.go has 601 lines"},
		"a folder named for nothing":  {"sync/helpers/a.go", "package a", namedForNothing, `"helpers" says nothing`},
		"a package named for nothing": {"a/a.go", "package util", namedForNothing, `"util" says nothing`},
		"a test package of one":       {"a/a_test.go", "package common_test", namedForNothing, `"common" says nothing`},
		"named for something":         {"a/manage.go", "package manage", namedForNothing, ""},
		"the environment":             {"a/a.go", "package a\nimport \"os\"\nvar v = os.Getenv(\"V\")", environmentReaders, "a/a.go:3 reads the environment"},
		"under another name":          {"a/a.go", "package a\nimport sys \"os\"\nvar v, _ = sys.LookupEnv(\"V\")", environmentReaders, "a/a.go:3 reads"},
		"as a value":                  {"a/a.go", "package a\nimport \"os\"\nvar read = os.Getenv", environmentReaders, "a/a.go:3 reads"},
		"in a program":                {"a/a.go", "package main\nimport \"os\"\nvar v = os.Getenv(\"V\")", environmentReaders, ""},
		"in a test":                   {"a/a_test.go", "package a\nimport \"os\"\nvar v = os.Getenv(\"V\")", environmentReaders, ""},
		"another thing called os":     {"a/a.go", "package a\nvar v = os.Getenv(\"V\")", environmentReaders, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file, err := parse(c.file, []byte(c.src))
			require.NoError(t, err)
			found := c.rule([]source{file})
			if c.want == "" {
				require.Empty(t, found)
				return
			}
			require.Len(t, found, 1)
			require.Contains(t, found[0], c.want)
		})
	}
}
