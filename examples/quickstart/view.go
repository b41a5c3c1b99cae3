package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/writeback"
)

// view shows what flows: a picture that is drawn anew on a terminal, plain lines
// anywhere else. It shows ids and counts, never what is in a record.
type view struct {
	out  io.Writer
	fd   int
	live bool

	mu     sync.Mutex
	head   []string // what stays: where things are, and what was chosen
	last   []string // the last things that happened
	drawn  int      // lines of the picture on the terminal
	closed bool
	lined  time.Time // when the last plain line of progress was printed
}

const lastLines = 8

func newView(out *os.File) *view {
	v := &view{out: out, fd: int(out.Fd())}
	// Consoles of Windows may print the escape codes as they are.
	v.live = term.IsTerminal(v.fd) && runtime.GOOS != "windows"
	if v.live {
		fmt.Fprint(v.out, "\x1b[?25l") // hides the cursor
	}
	return v
}

// close puts the terminal back as it was. What was drawn last stays.
func (v *view) close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return
	}
	v.closed = true
	if v.live {
		fmt.Fprint(v.out, "\x1b[?25h")
	}
}

// tell says something that should stay on screen.
func (v *view) tell(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	line := fmt.Sprintf(format, args...)
	v.head = append(v.head, line)
	if !v.live || v.closed {
		fmt.Fprintln(v.out, line)
	}
}

// happened keeps one of the last things.
func (v *view) happened(line string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.last = append(v.last, time.Now().Format("15:04:05  ")+line)
	if len(v.last) > lastLines {
		v.last = v.last[len(v.last)-lastLines:]
	}
}

// Write takes the engine's log: it holds no patient data by contract.
func (v *view) Write(line []byte) (int, error) {
	text := strings.TrimSpace(string(line))
	if v.live {
		v.happened(text)
		return len(line), nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	_, err := fmt.Fprintln(v.out, text)
	return len(line), err
}

// moment is what there is to show at one time.
type moment struct {
	title    string
	since    time.Duration
	of       time.Duration
	host     hostCounts
	health   writeback.Health
	total    int // patients that the import will bring; 0: nobody knows
	imported writeback.ImportProgress
}

// show draws a moment, or prints a line of it every other second.
func (v *view) show(m moment) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return
	}
	if !v.live {
		if time.Since(v.lined) >= 2*time.Second {
			v.lined = time.Now()
			fmt.Fprintln(v.out, m.line(v.last))
		}
		return
	}
	lines := append(slices.Clone(v.head), m.picture()...)
	lines = append(append(lines, ""), v.last...)
	width, height, err := term.GetSize(v.fd)
	if err != nil || width < 20 || height < 5 {
		width, height = 80, 24
	}
	lines = lines[:min(len(lines), height-1)]
	var b strings.Builder
	if v.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", v.drawn)
	}
	for _, line := range lines {
		b.WriteString("\x1b[2K" + clip(line, width-1) + "\n")
	}
	b.WriteString("\x1b[0J") // whatever a longer picture left below
	v.drawn = len(lines)
	fmt.Fprint(v.out, b.String())
}

func clip(line string, width int) string {
	if runes := []rune(line); len(runes) > width {
		return string(runes[:width])
	}
	return line
}

// line is a moment in one line.
func (m moment) line(last []string) string {
	if !m.imported.Done {
		return fmt.Sprintf("%s  initial import: %s", m.clock(), m.progress())
	}
	s := fmt.Sprintf("%s  %s  to the PMS: %d submitted, %d written, %d waiting; from the PMS: %s; data as of %s",
		m.clock(), m.title, m.host.submitted, m.health.Items[writeback.Written], waiting(m.health), counted(m.host.received), m.asOf())
	if len(last) > 0 {
		s += "; last: " + strings.TrimSpace(last[len(last)-1][len("15:04:05"):])
	}
	return s
}

func (m moment) clock() string {
	return fmt.Sprintf("%3.0fs of %.0fs", m.since.Seconds(), m.of.Seconds())
}

// asOf is the oldest of the loops' data.
func (m moment) asOf() string {
	var oldest time.Time
	for _, l := range m.health.Loops {
		if l.Every > 0 && !l.AsOf.IsZero() && (oldest.IsZero() || l.AsOf.Before(oldest)) {
			oldest = l.AsOf
		}
	}
	if oldest.IsZero() {
		return "not yet"
	}
	return oldest.Local().Format("15:04:05")
}

func (m moment) progress() string {
	if m.total == 0 {
		return fmt.Sprintf("%d patients so far", m.imported.Records)
	}
	return fmt.Sprintf("%d of %d patients", min(m.imported.Records, m.total), m.total)
}

// bar is a progress bar of the initial import.
func (m moment) bar() string {
	const width = 30
	done := 0
	switch {
	case m.imported.Done:
		done = width
	case m.total > 0:
		done = min(width, width*m.imported.Records/m.total)
	}
	return "[" + strings.Repeat("#", done) + strings.Repeat("-", width-done) + "]"
}

// picture is a moment on a terminal.
func (m moment) picture() []string {
	lines := []string{
		"",
		fmt.Sprintf("%s  %s", m.clock(), m.title),
		fmt.Sprintf("Initial import  %s  %s", m.bar(), m.progress()),
		"",
		fmt.Sprintf("To the PMS: %d submitted, %d waiting", m.host.submitted, waiting(m.health)),
	}
	for _, kind := range slices.Sorted(maps.Keys(m.host.written)) {
		lines = append(lines, fmt.Sprintf("  %-22s %6d written", kind, m.host.written[kind]))
	}
	for _, issue := range m.health.Issues {
		lines = append(lines, fmt.Sprintf("  %d held: %s", issue.Count, issue.Words))
	}
	lines = append(lines, "", "From the PMS:")
	for _, l := range m.health.Loops {
		lines = append(lines, fmt.Sprintf("  %-22s %6d received  %s", l.Loop, m.host.received[driver.Feed(l.Loop)], loopWords(l)))
	}
	return lines
}

func loopWords(l writeback.LoopHealth) string {
	switch {
	case l.Every == 0:
		return "off"
	case l.LastError != "":
		return fmt.Sprintf("every %v, failed %d times: %s", l.Every, l.Failures, l.LastError)
	case l.AsOf.IsZero():
		return fmt.Sprintf("every %v", l.Every)
	}
	return fmt.Sprintf("every %v, data as of %s", l.Every, l.AsOf.Local().Format("15:04:05"))
}

// waiting is how many items are on their way.
func waiting(h writeback.Health) int {
	n := 0
	for _, s := range []writeback.State{writeback.Queued, writeback.Writing, writeback.Uncertain, writeback.PartiallyPosted, writeback.Held} {
		n += h.Items[s]
	}
	return n
}
