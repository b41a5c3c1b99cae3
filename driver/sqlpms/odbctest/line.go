package odbctest

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// Line is a Unix socket that leads to a server's, and on which things go wrong.
// It is safe for concurrent use.
type Line struct {
	// Socket is where clients connect.
	Socket string

	server string
	tb     testing.TB

	mu       sync.Mutex
	listener net.Listener
	troubles []*struck
	open     map[*wire]bool
	conns    int
	sent     []Sent
}

// struck is a trouble on a line.
type struck struct {
	Trouble
	lifted chan struct{}
	left   int // times, when bounded
	later  []func()
}

// NewLine makes a line to a server's socket, until the test ends.
func NewLine(tb testing.TB, server string) *Line {
	tb.Helper()
	// A socket's path must be short, however long the test's own folder is.
	folder, err := os.MkdirTemp("", "odbc")
	if err != nil {
		tb.Fatalf("odbctest: a line: %v", err)
	}
	l := &Line{Socket: filepath.Join(folder, "s"), server: server, tb: tb, open: map[*wire]bool{}}
	l.listen()
	tb.Cleanup(func() {
		l.close()
		l.HangUp()
		_ = os.RemoveAll(folder)
	})
	return l
}

func (l *Line) listen() {
	listener, err := net.Listen("unix", l.Socket)
	if err != nil {
		l.tb.Errorf("odbctest: a line: %v", err)
		return
	}
	l.mu.Lock()
	l.listener = listener
	l.mu.Unlock()
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go l.serve(c)
		}
	}()
}

func (l *Line) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.listener != nil {
		_ = l.listener.Close() // which removes the socket
		l.listener = nil
	}
}

// Offline breaks all connections, and nothing answers any more, until it is
// lifted.
func (l *Line) Offline() (lift func()) {
	l.close()
	l.HangUp()
	return sync.OnceFunc(l.listen)
}

// HangUp breaks the connections that there are. New ones work.
func (l *Line) HangUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for w := range l.open {
		w.close()
	}
}

// Strike makes trouble until it is lifted. Of several troubles the first that fits
// strikes. With ActLater, lift returns when the server has done what was kept.
func (l *Line) Strike(t Trouble) (lift func()) {
	s := &struck{Trouble: t, lifted: make(chan struct{}), left: t.Times}
	l.mu.Lock()
	l.troubles = append(l.troubles, s)
	l.mu.Unlock()
	return sync.OnceFunc(func() {
		l.mu.Lock()
		l.troubles = slices.DeleteFunc(l.troubles, func(o *struck) bool { return o == s })
		later := s.later
		close(s.lifted)
		l.mu.Unlock()
		for _, do := range later {
			do()
		}
	})
}

// Sent is what was sent over the line so far, struck or not.
func (l *Line) Sent() []Sent {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.sent)
}

// Statements are the texts that were run, in their order, repeated ones too.
func (l *Line) Statements() []string {
	var out []string
	for _, s := range l.Sent() {
		if s.Effect() {
			out = append(out, s.Text)
		}
	}
	return out
}

// Forget forgets what was sent.
func (l *Line) Forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent = nil
}

// Open is how many connections there are.
func (l *Line) Open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open)
}

// fits writes down what was sent and finds the trouble that it meets, or nil.
func (l *Line) fits(s Sent) *struck {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent = append(l.sent, s)
	for _, t := range l.troubles {
		switch {
		case t.When == nil && s.Step == StepOther, t.When != nil && !t.When(s), t.Times > 0 && t.left == 0:
			continue
		}
		t.left--
		return t
	}
	return nil
}

func (l *Line) serve(client net.Conn) {
	server, err := net.Dial("unix", l.server)
	if err != nil {
		_ = client.Close()
		return
	}
	w := &wire{line: l, client: client, server: server, texts: map[uint32]string{}, ended: make(chan struct{})}
	l.mu.Lock()
	l.conns++
	w.number = l.conns
	l.open[w] = true
	l.mu.Unlock()
	w.serve()
	l.mu.Lock()
	delete(l.open, w)
	l.mu.Unlock()
}

// patience bounds what a line waits for, so that a test that waits in vain ends.
const patience = 20 * time.Second
