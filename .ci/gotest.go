// Command gotest runs go test and prints what go test would print, and after it
// the tests that were skipped, with their reasons: go test hides those.
//
//	gotest [-forbid-skips] -- [go test flags and packages]
//
// It exits 1 when go test fails, when nothing was run, and with -forbid-skips
// when a test was skipped.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// event is one line of go test -json (see go doc test2json).
type event struct {
	Action     string
	Package    string
	Test       string
	Output     string
	ImportPath string
}

// pkg gathers what one package printed until its end is known.
type pkg struct {
	lines   []line
	outcome map[string]string // of each test that ended: pass, fail, skip
}

type line struct{ test, text string }

// report is what a whole run came to.
type report struct {
	out                    io.Writer
	pkgs                   map[string]*pkg
	passed, failed, broken int
	skipped                []string
}

func main() {
	forbid := flag.Bool("forbid-skips", false, "fail when a test was skipped")
	flag.Parse()

	cmd := exec.Command("go", append([]string{"test", "-json"}, flag.Args()...)...)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gotest:", err)
		os.Exit(1)
	}
	r := &report{out: os.Stdout, pkgs: map[string]*pkg{}}
	readErr := r.read(stdout)
	if readErr != nil {
		// Let go test end instead of blocking on a full pipe.
		_, _ = io.Copy(io.Discard, stdout)
	}
	runErr := cmd.Wait()
	r.flush()

	for _, s := range r.skipped {
		fmt.Println("SKIP", s)
	}
	fmt.Printf("tests: %d run, %d failed, %d skipped\n", r.passed+r.failed, r.failed, len(r.skipped))
	bad := false
	fail := func(format string, args ...any) {
		fmt.Fprintf(os.Stderr, "gotest: "+format+"\n", args...)
		bad = true
	}
	if readErr != nil {
		fail("read go test's output: %v", readErr)
	}
	if runErr != nil {
		fail("go test: %v", runErr)
	}
	if r.failed+r.broken > 0 && runErr == nil {
		fail("go test reported failures and exited 0")
	}
	if r.passed+r.failed == 0 {
		fail("no test was run")
	}
	if *forbid && len(r.skipped) > 0 {
		fail("%d tests were skipped, which is not allowed here", len(r.skipped))
	}
	if bad {
		os.Exit(1)
	}
}

func (r *report) read(in io.Reader) error {
	sc := bufio.NewReader(in)
	for {
		raw, err := sc.ReadString('\n')
		if strings.HasPrefix(raw, "{") {
			var e event
			if jsonErr := json.Unmarshal([]byte(raw), &e); jsonErr == nil {
				r.event(e)
				raw = ""
			}
		}
		if raw != "" {
			fmt.Fprint(r.out, raw) // not an event: a message of the go command
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *report) event(e event) {
	if e.Action == "build-output" {
		fmt.Fprint(r.out, e.Output)
		return
	}
	if e.Package == "" {
		return
	}
	p := r.pkgs[e.Package]
	if p == nil {
		p = &pkg{outcome: map[string]string{}}
		r.pkgs[e.Package] = p
	}
	switch e.Action {
	case "output":
		p.lines = append(p.lines, line{e.Test, e.Output})
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.end(e.Package, p, e.Action)
			return
		}
		p.outcome[e.Test] = e.Action
		switch e.Action {
		case "pass":
			r.passed++
		case "fail":
			r.failed++
		case "skip":
			r.skipped = append(r.skipped, e.Package+" "+e.Test+": "+p.reason(e.Test))
		}
	}
}

// end prints a finished package as go test without -v does: one line when it
// passed, everything of the tests that did not pass when it failed.
func (r *report) end(name string, p *pkg, action string) {
	delete(r.pkgs, name)
	if action == "fail" {
		r.broken++
	}
	for _, l := range p.lines {
		switch {
		case action == "fail":
			// A test without an outcome was running when the process died.
			if o := p.outcome[l.test]; o != "pass" && o != "skip" && !strings.HasPrefix(l.text, "=== ") {
				fmt.Fprint(r.out, l.text)
			}
		case l.test == "" && (strings.HasPrefix(l.text, "ok ") || strings.HasPrefix(l.text, "?  ")):
			fmt.Fprint(r.out, l.text)
		}
	}
}

// flush prints packages that never ended, as when go test itself is killed.
func (r *report) flush() {
	for name, p := range r.pkgs {
		r.end(name, p, "fail")
	}
}

// reason is what a skipped test said.
func (p *pkg) reason(test string) string {
	var said []string
	for _, l := range p.lines {
		text := strings.TrimSpace(l.text)
		if l.test == test && text != "" && !strings.HasPrefix(text, "=== ") && !strings.HasPrefix(text, "--- ") {
			said = append(said, text)
		}
	}
	if len(said) == 0 {
		return "no reason given"
	}
	return strings.Join(said, " ")
}
