package drivertest

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
)

// caseTB is the testing.TB of one case. It belongs to no test, so that Check
// works in a program as well: what fails here is written into a Result. The
// embedded TB stays nil; it is there because testing.TB has an unexported method.
type caseTB struct {
	testing.TB

	name   string
	ctx    context.Context
	cancel context.CancelFunc

	mu       sync.Mutex
	failures []string
	lacks    []lack
	absent   string
	logs     []string
	cleanups []func()
}

type lack struct {
	ability, why string
}

func newCaseTB(ctx context.Context, name string) *caseTB {
	tb := &caseTB{name: name}
	tb.ctx, tb.cancel = context.WithCancel(ctx)
	return tb
}

func (tb *caseTB) fail(msg string) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.failures = append(tb.failures, strings.TrimSpace(msg))
}

// run calls f in a goroutine of its own, as Goexit wants it, and returns a
// channel that closes when f has ended, in whatever way.
func (tb *caseTB) run(f func()) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if r := recover(); r != nil {
				tb.fail(fmt.Sprintf("panic: %v\n%s", r, debug.Stack()))
			}
		}()
		f()
	}()
	return done
}

// end cancels the context and runs the cleanups, last first.
func (tb *caseTB) end() {
	tb.cancel()
	for {
		tb.mu.Lock()
		n := len(tb.cleanups)
		if n == 0 {
			tb.mu.Unlock()
			return
		}
		f := tb.cleanups[n-1]
		tb.cleanups = tb.cleanups[:n-1]
		tb.mu.Unlock()
		<-tb.run(f)
	}
}

func (tb *caseTB) ArtifactDir() string { return tb.TempDir() }
func (tb *caseTB) Attr(key, value string) {
	tb.Logf("%s=%s", key, value)
}
func (tb *caseTB) Chdir(string) {
	tb.Fatal("drivertest: a case cannot change the working directory")
}
func (tb *caseTB) Cleanup(f func()) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.cleanups = append(tb.cleanups, f)
}
func (tb *caseTB) Context() context.Context          { return tb.ctx }
func (tb *caseTB) Error(args ...any)                 { tb.fail(fmt.Sprintln(args...)) }
func (tb *caseTB) Errorf(format string, args ...any) { tb.fail(fmt.Sprintf(format, args...)) }
func (tb *caseTB) Fail()                             { tb.fail("failed") }
func (tb *caseTB) FailNow()                          { tb.Fail(); runtime.Goexit() }
func (tb *caseTB) Failed() bool {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	return len(tb.failures) > 0
}
func (tb *caseTB) Fatal(args ...any)                 { tb.Error(args...); runtime.Goexit() }
func (tb *caseTB) Fatalf(format string, args ...any) { tb.Errorf(format, args...); runtime.Goexit() }
func (tb *caseTB) Helper()                           {}
func (tb *caseTB) Log(args ...any)                   { tb.Logf("%s", fmt.Sprintln(args...)) }
func (tb *caseTB) Logf(format string, args ...any) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.logs = append(tb.logs, strings.TrimSpace(fmt.Sprintf(format, args...)))
}
func (tb *caseTB) Name() string      { return tb.name }
func (tb *caseTB) Output() io.Writer { return logWriter{tb} }
func (tb *caseTB) Setenv(string, string) {
	tb.Fatal("drivertest: a case cannot change the environment")
}

// Skip is the harness saying that it cannot offer a PMS: nothing is proved.
func (tb *caseTB) Skip(args ...any) { tb.lack("New", fmt.Sprint(args...)); runtime.Goexit() }
func (tb *caseTB) Skipf(format string, args ...any) {
	tb.lack("New", fmt.Sprintf(format, args...))
	runtime.Goexit()
}
func (tb *caseTB) SkipNow() { tb.Skip("the harness skipped the case") }
func (tb *caseTB) Skipped() bool {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	return len(tb.lacks) > 0
}
func (tb *caseTB) TempDir() string {
	dir, err := os.MkdirTemp("", "drivertest")
	if err != nil {
		tb.Fatalf("drivertest: %v", err)
	}
	tb.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			tb.Errorf("drivertest: %v", err)
		}
	})
	return dir
}

func (tb *caseTB) lack(ability, why string) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.lacks = append(tb.lacks, lack{ability, why})
}

// outcome says how the case came out: a failure outweighs all, and what is not
// applicable cannot be proved either.
func (tb *caseTB) outcome() (o Outcome, msg string, declared bool) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	switch {
	case len(tb.failures) > 0:
		return Failed, strings.Join(append(tb.failures, tb.logs...), "\n"), false
	case tb.absent != "":
		return NotApplicable, tb.absent, false
	case len(tb.lacks) > 0:
		declared = true
		var parts []string
		for _, l := range tb.lacks {
			if l.why == "" {
				declared = false
				l.why = "the harness lacks it, and Cannot does not say why"
			}
			parts = append(parts, l.ability+": "+l.why)
		}
		return NotProved, strings.Join(parts, "; "), declared
	}
	return Passed, "", false
}

type logWriter struct{ tb *caseTB }

func (w logWriter) Write(p []byte) (int, error) {
	w.tb.Logf("%s", p)
	return len(p), nil
}
