package pms_test

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/opendental"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	return string(text)
}

// blocks returns the README's fenced blocks of a language.
func blocks(text, language string) []string {
	var found []string
	for {
		_, rest, ok := strings.Cut(text, "\n```"+language+"\n")
		if !ok {
			return found
		}
		block, after, _ := strings.Cut(rest, "\n```\n")
		found = append(found, block)
		text = "\n" + after
	}
}

func TestReadmeShowsTheCodeOfTheExample(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(src), "\nfunc embed(")
	require.True(t, found, "example_test.go has no function embed")
	body, _, found := strings.Cut(rest, "\n}\n")
	require.True(t, found)

	// Go blocks of a README are not compiled, so there is one, and this is it.
	require.Equal(t, []string{"func embed(" + body + "\n}"}, blocks(readme(t), "go"))
}

func TestReadmeNamesEveryPackage(t *testing.T) {
	t.Parallel()
	text := readme(t)
	_, table, found := strings.Cut(text, "| package | for | what |")
	require.True(t, found)
	for _, p := range ours(list(t, "linux")) {
		folder := p.folder()
		if folder == "." || strings.HasPrefix(folder, "examples/") {
			continue
		}
		require.Contains(t, table, "["+folder+"]("+folder+"/", "the table of packages lacks %s", folder)
	}
}

var link = regexp.MustCompile(`\]\(([^)]+)\)`)

func TestLinksOfTheDocumentsLeadSomewhere(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"README.md", "CONTRIBUTING.md", "CHANGELOG.md"} {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			file, heading, _ := strings.Cut(m[1], "#")
			target, err := os.ReadFile(file)
			require.NoError(t, err, "%s links to %s", name, m[1])
			if heading != "" {
				require.Contains(t, strings.ToLower(string(target)), "\n## "+heading+"\n", "%s links to %s", name, m[1])
			}
		}
	}
}

func TestCommandsOfTheReadmeAreThere(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile("Makefile")
	require.NoError(t, err)
	commands := 0
	for _, block := range blocks(readme(t), "sh") {
		for line := range strings.Lines(block) {
			words := strings.Fields(line)
			switch {
			case slices.Equal(words[:2], []string{"go", "run"}):
				files, err := fs.Glob(os.DirFS("."), path.Join(path.Clean(words[2]), "*.go"))
				require.NoError(t, err)
				require.NotEmpty(t, files, line)
			case words[0] == "make":
				require.Contains(t, string(makefile), "\n"+words[1]+":", line)
			default:
				require.Fail(t, "nobody checks this command of the README", line)
			}
			commands++
		}
	}
	require.Equal(t, 2, commands)
}

// The README's numbers are the code's.
func TestNumbersOfTheReadmeHold(t *testing.T) {
	t.Parallel()
	text := strings.Join(strings.Fields(readme(t)), " ")
	for _, phrase := range []string{
		fmt.Sprintf("one of %d states", len(writeback.States())),
		fmt.Sprintf("which of %d kinds of notes", len(driver.NoteKinds())),
		fmt.Sprintf("a reference of %d characters", driver.RefLen),
		fmt.Sprintf("from %.0f second up", settings.MinInterval.Seconds()),
	} {
		require.Contains(t, text, phrase)
	}
	words := []string{"no", "one", "two", "three", "four", "five", "six", "seven", "eight"}
	for _, phrase := range []string{
		// A form is a document of its own kind.
		words[len(driver.DocumentKinds())-1] + " kinds of documents",
		words[len(driver.FormCategories())] + " form categories",
		words[len(driver.PaymentChannels())] + " channels",
		words[int(opendental.DefaultVerifyAfter.Minutes())] + " minutes, ",
	} {
		require.Contains(t, text, phrase)
	}
}
