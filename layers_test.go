package pms_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/pmswriteback/pms"

// The third parties that packages of this module may import.
const (
	backoff   = "github.com/cenkalti/backoff/v4"
	errgroup  = "golang.org/x/sync/errgroup"
	mimetype  = "github.com/gabriel-vasile/mimetype"
	mysql     = "github.com/go-sql-driver/mysql"
	sqlite    = "modernc.org/sqlite"
	parseHTML = "golang.org/x/net/html"
	odbc      = "github.com/alexbrainman/odbc"
	sqlx      = "github.com/jmoiron/sqlx"
	text      = "golang.org/x/text/..."
	testify   = "github.com/stretchr/testify/..."
	testifyTo = "github.com/stretchr/testify/require"
)

// mayImport is the house's plan: what each package may import besides the
// standard library, in its non-test files. Names without a dot are folders of
// this module; "/..." at the end means whatever is below. A package without a
// row is a finding: whoever adds one says here where it stands.
var mayImport = map[string][]string{
	".":                         {},
	"driver":                    {},
	"driver/drivertest":         {"driver"},
	"driver/memdriver":          {"driver"},
	"driver/sqlpms":             {"driver"},
	"driver/sqlpms/mariadbtest": {mysql},
	"driver/sqlpms/odbctest":    {"driver/sqlpms/mariadbtest", odbc},
	"settings":                  {"driver"},
	"sync":                      {backoff, errgroup},
	"writeback":                 {"driver", "settings", "sync", errgroup, mimetype, parseHTML, text},
	"writeback/memstore":        {"driver", "writeback"},
	"writeback/sqlstore":        {"driver", "writeback", sqlx, sqlite + "/..."},
	"writeback/storetest":       {"driver", "writeback"},
	"opendental":                {"driver", "driver/sqlpms", sqlx},
	"opendental/opendentaltest": {mysql, sqlite + "/..."},
	"dentrix":                   {"driver", "driver/sqlpms", sqlx},
	"dentrix/dentrixtest":       {"driver/sqlpms/mariadbtest"},
	"eaglesoft":                 {"driver", "driver/sqlpms", sqlx},
	"eaglesoft/eaglesofttest":   {"driver", "driver/drivertest", "driver/sqlpms/mariadbtest", "eaglesoft"},
}

// neverLinked is what must not end up in a host's binary through a package, by
// whatever way.
var neverLinked = []struct {
	in, dep, why string
}{
	{"...", testify, "it is for _test.go files only"},
	{"...", odbc + "/...", "it needs cgo and headers: only the tag odbc brings it"},
	{"driver", module + "/...", "driver knows nobody"},
	{"sync", module + "/...", "sync knows neither settings nor drivers"},
	{"settings", module + "/writeback/...", "the engine asks the settings, never the other way round"},
	{"opendental", module + "/writeback/...", "a driver knows only the contract"},
	{"opendental", module + "/sync", "a driver knows only the contract"},
	{"opendental", module + "/settings", "a driver knows only the contract"},
	{"opendental/opendentaltest", module + "/...", "the emulator stands alone"},
	{"driver", sqlite + "/...", "a host chooses its database"},
	{"driver", mysql, "a host chooses its database"},
	{"settings", sqlite + "/...", "a host chooses its database"},
	{"settings", mysql, "a host chooses its database"},
	{"writeback", sqlite + "/...", "a host chooses its database"},
	{"writeback", mysql, "a host chooses its database"},
	{"dentrix", module + "/writeback/...", "a driver knows only the contract"},
	{"dentrix", module + "/sync", "a driver knows only the contract"},
	{"dentrix", module + "/settings", "a driver knows only the contract"},
	{"dentrix", odbc, "the host links the SQL driver"},
	{"dentrix", mysql, "the host links the SQL driver"},
	{"opendental", sqlite + "/...", "the API needs no database"},
	{"opendental", mysql, "the API needs no database"},
	{"eaglesoft", module + "/writeback/...", "a driver knows only the contract"},
	{"eaglesoft", module + "/sync", "a driver knows only the contract"},
	{"eaglesoft", module + "/settings", "a driver knows only the contract"},
	{"eaglesoft", mysql, "the host chooses the SQL driver"},
}

// forTests are the packages that may import testing: they are imported by tests
// only.
var forTests = []string{"driver/drivertest", "driver/sqlpms/mariadbtest", "driver/sqlpms/odbctest", "eaglesoft/eaglesofttest", "writeback/storetest"}

// pkg is what go list says of a package.
type pkg struct {
	ImportPath   string
	Name         string
	Dir          string
	Standard     bool
	GoFiles      []string
	Imports      []string
	Deps         []string
	TestImports  []string
	XTestImports []string
}

// folder is the package's place in the module: "driver", or "." for its root.
func (p pkg) folder() string { return folderOf(p.ImportPath) }

func folderOf(path string) string {
	if path == module {
		return "."
	}
	return strings.TrimPrefix(path, module+"/")
}

// list gives every package of the module and all that they link, as they are
// built for an operating system.
func list(t *testing.T, goos string) []pkg {
	t.Helper()
	pkgs, err := listFor[goos]()
	require.NoError(t, err)
	require.NotEmpty(t, ours(pkgs))
	return pkgs
}

// systems are those that a host may run on.
var systems = []string{"linux", "windows", "darwin"}

// listFor asks the go command once for each system.
var listFor = func() map[string]func() ([]pkg, error) {
	lists := map[string]func() ([]pkg, error){}
	for _, goos := range systems {
		lists[goos] = sync.OnceValues(func() ([]pkg, error) { return goList(goos) })
	}
	return lists
}()

func goList(goos string) (pkgs []pkg, err error) {
	cmd := exec.Command("go", "list", "-deps", "-json", "./...")
	cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH=amd64", "CGO_ENABLED=0", "GOFLAGS=-mod=readonly")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, stderr.String())
	}
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var p pkg
		if err := dec.Decode(&p); err != nil {
			return nil, err
		}
		pkgs = append(pkgs, p)
	}
	return pkgs, nil
}

// ours are the packages of this module.
func ours(pkgs []pkg) []pkg {
	return slices.DeleteFunc(slices.Clone(pkgs), func(p pkg) bool { return !isOurs(p.ImportPath) })
}

func isOurs(path string) bool { return fits(path, module+"/...") }

// fits reports whether an import path is the one meant, or below it when the
// pattern ends with "/...".
func fits(path, pattern string) bool {
	if pattern == "..." {
		return true
	}
	root, below := strings.CutSuffix(pattern, "/...")
	return path == root || below && strings.HasPrefix(path, root+"/")
}

// wrongImports returns each import of a non-test file that the plan does not
// have.
func wrongImports(pkgs []pkg) []string {
	standard := map[string]bool{"C": true, "unsafe": true}
	for _, p := range pkgs {
		standard[p.ImportPath] = p.Standard
	}
	var found []string
	for _, p := range ours(pkgs) {
		folder := p.folder()
		if strings.HasPrefix(folder, "examples/") {
			continue // a host, which may import what it likes
		}
		may, planned := mayImport[folder]
		if !planned {
			found = append(found, folder+" is not in the plan: add a row to mayImport")
			continue
		}
		for _, imp := range p.Imports {
			if standard[imp] {
				if imp == "testing" && !slices.Contains(forTests, folder) {
					found = append(found, folder+" imports testing, which is for packages that only tests import")
				}
				continue
			}
			if !slices.ContainsFunc(may, func(m string) bool { return fits(imp, full(m)) }) {
				found = append(found, fmt.Sprintf("%s imports %s; it may import only %v", folder, folderOf(imp), may))
			}
		}
	}
	return found
}

// full gives a folder of this module its import path.
func full(name string) string {
	if first, _, _ := strings.Cut(name, "/"); strings.Contains(first, ".") {
		return name
	}
	return module + "/" + name
}

// wrongLinks returns what is linked somewhere where it must not be.
func wrongLinks(pkgs []pkg) []string {
	var found []string
	for _, p := range ours(pkgs) {
		for _, never := range neverLinked {
			if never.in != "..." && p.folder() != never.in {
				continue
			}
			for _, dep := range p.Deps {
				if fits(dep, never.dep) && dep != p.ImportPath {
					found = append(found, fmt.Sprintf("%s links %s: %s", p.folder(), folderOf(dep), never.why))
				}
			}
		}
	}
	return found
}

// wrongTestImports returns tests that use more of testify than require.
func wrongTestImports(pkgs []pkg) []string {
	var found []string
	for _, p := range ours(pkgs) {
		for _, imp := range slices.Concat(p.TestImports, p.XTestImports) {
			if fits(imp, testify) && imp != testifyTo {
				found = append(found, fmt.Sprintf("a test of %s imports %s; use testify/require, which ends the test", p.folder(), imp))
			}
		}
	}
	return found
}

func TestImportsFollowThePlan(t *testing.T) {
	t.Parallel()
	for _, goos := range systems {
		t.Run(goos, func(t *testing.T) {
			t.Parallel()
			pkgs := list(t, goos)
			require.Empty(t, wrongImports(pkgs))
			require.Empty(t, wrongLinks(pkgs))
			require.Empty(t, wrongTestImports(pkgs))
		})
	}
}

func TestRulesNamePackagesThatAreThere(t *testing.T) {
	t.Parallel()
	there := map[string]bool{
		// Rooms of the plan that are not built yet.
		"driver/sqlpms": true, "dentrix": true, "eaglesoft": true,
	}
	for _, p := range ours(list(t, "linux")) {
		there[p.folder()] = true
	}
	for folder := range mayImport {
		require.True(t, there[folder], "mayImport has a row for %s, which is not there", folder)
	}
	for _, never := range neverLinked {
		require.True(t, never.in == "..." || there[never.in], "neverLinked has a row for %s, which is not there", never.in)
	}
	for _, folder := range forTests {
		require.True(t, there[folder], "forTests names %s, which is not there", folder)
	}
}

// Each planted violation is found by one rule, so that none of them passes
// because it looks at nothing.
func TestPlantedImportsAreFound(t *testing.T) {
	t.Parallel()
	std := pkg{ImportPath: "io", Standard: true}
	for name, c := range map[string]struct {
		pkg  pkg
		rule func([]pkg) []string
		want string // "" for none
	}{
		"std is free": {
			pkg{ImportPath: module + "/driver", Imports: []string{"io"}}, wrongImports, "",
		},
		"driver imports a third party": {
			pkg{ImportPath: module + "/driver", Imports: []string{"io", sqlx}}, wrongImports, "driver imports " + sqlx,
		},
		"driver imports a part of x": {
			pkg{ImportPath: module + "/driver", Imports: []string{"golang.org/x/text/cases"}}, wrongImports, "driver imports golang.org/x/text/cases",
		},
		"the engine may fold names": {
			pkg{ImportPath: module + "/writeback", Imports: []string{"golang.org/x/text/cases"}}, wrongImports, "",
		},
		"settings import the engine": {
			pkg{ImportPath: module + "/settings", Imports: []string{module + "/writeback"}}, wrongImports, "settings imports writeback",
		},
		"sync imports a driver": {
			pkg{ImportPath: module + "/sync", Imports: []string{module + "/opendental"}}, wrongImports, "sync imports opendental",
		},
		"a driver imports the engine": {
			pkg{ImportPath: module + "/opendental", Imports: []string{module + "/writeback"}}, wrongImports, "opendental imports writeback",
		},
		"a driver imports the settings": {
			pkg{ImportPath: module + "/dentrix", Imports: []string{module + "/settings"}}, wrongImports, "dentrix imports settings",
		},
		"the engine imports a store": {
			pkg{ImportPath: module + "/writeback", Imports: []string{module + "/writeback/sqlstore"}}, wrongImports, "writeback imports writeback/sqlstore",
		},
		"a package nobody planned": {
			pkg{ImportPath: module + "/internal/glue"}, wrongImports, "internal/glue is not in the plan",
		},
		"testing in what hosts import": {
			pkg{ImportPath: module + "/writeback", Imports: []string{"testing"}}, wrongImports, "writeback imports testing",
		},
		"testing in what tests import": {
			pkg{ImportPath: module + "/driver/drivertest", Imports: []string{"testing"}}, wrongImports, "",
		},
		"an example is a host": {
			pkg{ImportPath: module + "/examples/quickstart", Imports: []string{sqlx, module + "/writeback"}}, wrongImports, "",
		},
		"testify linked by way of another package": {
			pkg{ImportPath: module + "/examples/quickstart", Deps: []string{"github.com/stretchr/testify/assert"}}, wrongLinks, "examples/quickstart links github.com/stretchr/testify/assert",
		},
		"the engine links SQLite": {
			pkg{ImportPath: module + "/writeback", Deps: []string{"modernc.org/sqlite/lib"}}, wrongLinks, "writeback links modernc.org/sqlite/lib",
		},
		"a driver links MySQL": {
			pkg{ImportPath: module + "/opendental", Deps: []string{mysql}}, wrongLinks, "opendental links " + mysql,
		},
		"the emulator links the driver": {
			pkg{ImportPath: module + "/opendental/opendentaltest", Deps: []string{module + "/driver"}}, wrongLinks, "opendental/opendentaltest links driver",
		},
		"a test asserts and goes on": {
			pkg{ImportPath: module + "/sync", XTestImports: []string{"github.com/stretchr/testify/assert"}}, wrongTestImports, "a test of sync imports github.com/stretchr/testify/assert",
		},
		"a test requires": {
			pkg{ImportPath: module + "/sync", TestImports: []string{testifyTo}}, wrongTestImports, "",
		},
		"another module is not ours to judge": {
			pkg{ImportPath: module + "x/driver", Imports: []string{sqlx}}, wrongImports, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := c.rule([]pkg{std, {ImportPath: "testing", Standard: true}, c.pkg})
			if c.want == "" {
				require.Empty(t, found)
				return
			}
			require.Len(t, found, 1)
			require.Contains(t, found[0], c.want)
		})
	}
}
