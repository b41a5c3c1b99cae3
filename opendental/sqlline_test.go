package opendental_test

import (
	"net"
	"sync"
	"testing"
)

// lineState is what a line does to what goes over it.
type lineState int

const (
	lineGood      lineState = iota
	lineOffline             // nothing answers
	lineHang                // what is sent does not arrive
	lineCutBefore           // it breaks when something is sent
	lineCutMiddle           // it breaks in the middle of an answer
)

// line is a port of 127.0.0.1 that leads to a server's socket, and can break.
type line struct {
	address, socket string
	tb              testing.TB

	mu      sync.Mutex
	changed chan struct{} // closed when the state changes
	state   lineState
	l       net.Listener
	open    map[net.Conn]bool
}

func newLine(tb testing.TB, socket string) *line {
	n := &line{tb: tb, socket: socket, changed: make(chan struct{}), open: map[net.Conn]bool{}, address: "127.0.0.1:0"}
	n.listen()
	tb.Cleanup(func() { n.set(lineOffline) })
	return n
}

func (n *line) listen() {
	l, err := net.Listen("tcp", n.address)
	if err != nil {
		n.tb.Errorf("listening again at the database's port: %v", err)
		return
	}
	n.l, n.address = l, l.Addr().String()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go n.serve(c)
		}
	}()
}

// set changes the state. Connections that wait go on.
func (n *line) set(s lineState) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.state == s {
		return
	}
	switch was := n.state; {
	case s == lineOffline:
		_ = n.l.Close()
		for c := range n.open {
			_ = c.Close()
		}
	case was == lineOffline:
		n.listen()
	}
	n.state = s
	close(n.changed)
	n.changed = make(chan struct{})
}

// hangUp breaks the connections that there are.
func (n *line) hangUp() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for c := range n.open {
		_ = c.Close()
	}
}

func (n *line) now() (lineState, <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.state, n.changed
}

func (n *line) track(c net.Conn, on bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if on {
		n.open[c] = true
	} else {
		delete(n.open, c)
	}
}

func (n *line) serve(client net.Conn) {
	server, err := net.Dial("unix", n.socket)
	if err != nil {
		_ = client.Close()
		return
	}
	n.track(client, true)
	end := func() { _ = client.Close(); _ = server.Close(); n.track(client, false) }
	go func() {
		defer end()
		n.carry(server, client, true)
	}()
	defer end()
	n.carry(client, server, false)
}

// carry moves bytes one way as the state allows.
func (n *line) carry(to, from net.Conn, sending bool) {
	buffer := make([]byte, 64<<10)
	for {
		got, err := from.Read(buffer)
		if got > 0 {
			state, changed := n.now()
			for state == lineHang {
				<-changed
				state, changed = n.now()
			}
			switch {
			case state == lineOffline, sending && state == lineCutBefore:
				return
			case !sending && state == lineCutMiddle:
				_, _ = to.Write(buffer[:min(got, 30)])
				return
			}
			if _, err := to.Write(buffer[:got]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
