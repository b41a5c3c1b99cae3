package odbctest

import (
	"encoding/binary"
	"net"
	"sync"
	"time"
)

// wire is one connection over a line.
type wire struct {
	line           *Line
	number         int
	client, server net.Conn

	mu       sync.Mutex
	waiting  []*command // sent to the server and not answered yet
	texts    map[uint32]string
	last     string // the statement that was prepared last
	loggedIn bool

	once  sync.Once
	ended chan struct{}
}

// command is what the server has to answer.
type command struct {
	answer
	text string
	do   Action // what happens to the answer; "" is nothing
	done chan struct{}
}

func (w *wire) close() {
	w.once.Do(func() {
		_ = w.client.Close()
		_ = w.server.Close()
		close(w.ended)
	})
}

// serve carries packets both ways until the connection ends.
func (w *wire) serve() {
	defer w.close()
	greeting, err := readPacket(w.server)
	if err != nil {
		return
	}
	if greeting.first() != 0xff && plainGreeting(greeting) != nil {
		return
	}
	if t := w.line.fits(Sent{Conn: w.number, Step: StepConnect}); t != nil && !w.atConnect(t, greeting) {
		return
	}
	if _, err := w.client.Write(greeting); err != nil {
		return
	}
	both := make(chan struct{}, 2)
	go func() {
		defer func() { both <- struct{}{} }()
		w.answers()
	}()
	go func() {
		defer func() { both <- struct{}{} }()
		w.commands()
	}()
	<-both
	w.close()
	<-both
}

// atConnect is trouble while connecting; it reports whether to go on.
func (w *wire) atConnect(t *struck, greeting packet) bool {
	switch t.Do {
	case Hang:
		return w.waitFor(t)
	case Refuse:
		p := refusal(greeting, t.Code, t.state(), t.Message)
		p[3] = 0 // it stands for the greeting
		_, _ = w.client.Write(p)
	}
	return false
}

func (t *struck) state() string {
	if t.State == "" {
		return "HY000"
	}
	return t.State
}

// waitFor waits until the trouble is lifted, and reports whether the client is
// still there.
func (w *wire) waitFor(t *struck) bool {
	select {
	case <-t.lifted:
		return true
	case <-w.ended:
		return false
	}
}

// commands carries what the client sends.
func (w *wire) commands() {
	for {
		p, err := readPacket(w.client)
		if err != nil {
			return
		}
		w.mu.Lock()
		in := w.loggedIn
		w.mu.Unlock()
		if !in || p[3] != 0 {
			if _, err := w.server.Write(p); err != nil { // logging in, or the rest of a long command
				return
			}
			continue
		}
		if !w.command(p) {
			return
		}
	}
}

// command carries one command, and reports whether to go on.
func (w *wire) command(p packet) bool {
	s, text := w.read(p)
	t := w.line.fits(s)
	c := &command{answer: answer{command: p.first()}, text: text, done: make(chan struct{})}
	if t == nil {
		return w.send(p, c)
	}
	switch t.Do {
	case CutAfter, CutMiddle:
		c.do = t.Do
		return w.send(p, c)
	case Hang:
		return w.waitFor(t) && w.send(p, c)
	case Refuse:
		if silent(p.first()) {
			return true
		}
		_, err := w.client.Write(refusal(p, t.Code, t.state(), t.Message))
		return err == nil
	case ActLater:
		return w.actLater(t, p, c)
	}
	return false
}

// actLater breaks the client's side and keeps the server's until the trouble is
// lifted.
func (w *wire) actLater(t *struck, p packet, c *command) bool {
	c.do = CutAfter
	release := make(chan struct{})
	w.line.mu.Lock()
	select {
	case <-t.lifted:
		close(release)
	default:
		t.later = append(t.later, func() {
			close(release)
			select {
			case <-c.done:
			case <-w.ended:
			case <-time.After(patience):
				w.line.tb.Errorf("odbctest: the server does not answer what it got later")
			}
		})
	}
	w.line.mu.Unlock()
	_ = w.client.Close()
	select {
	case <-release:
	case <-w.ended:
		return false
	}
	if !w.send(p, c) {
		return false
	}
	select {
	case <-c.done:
	case <-w.ended:
	}
	return false
}

func (w *wire) send(p packet, c *command) bool {
	if !silent(p.first()) {
		w.mu.Lock()
		w.waiting = append(w.waiting, c)
		w.mu.Unlock()
	}
	_, err := w.server.Write(p)
	return err == nil
}

// lastPrepared is the number by which a client names the statement that it
// prepared last, before it knows the number.
const lastPrepared = 0xffffffff

// read says what a command is.
func (w *wire) read(p packet) (Sent, string) {
	s := Sent{Conn: w.number, Step: StepOther}
	text := string(p.body()[min(1, len(p.body())):])
	w.mu.Lock()
	defer w.mu.Unlock()
	switch p.first() {
	case comQuery:
		s.Step, s.Text = StepQuery, text
	case comPrepare:
		s.Step, s.Text, w.last = StepPrepare, text, text
	case comExecute, comFetch:
		s.Step = StepExecute
		if p.first() == comFetch {
			s.Step = StepFetch
		}
		if len(text) >= 4 {
			id := binary.LittleEndian.Uint32([]byte(text))
			if s.Text = w.texts[id]; id == lastPrepared {
				s.Text = w.last
			}
		}
	}
	return s, s.Text
}

// answers carries what the server sends.
func (w *wire) answers() {
	for {
		p, err := readPacket(w.server)
		if err != nil {
			return
		}
		w.mu.Lock()
		var c *command
		switch {
		case !w.loggedIn:
			// The server's word that the client is in is the first OK.
			w.loggedIn = p.first() == 0
		case len(w.waiting) > 0:
			c = w.waiting[0]
		}
		w.mu.Unlock()
		if c == nil {
			if _, err := w.client.Write(p); err != nil {
				return
			}
			continue
		}
		if !w.answer(p, c) {
			return
		}
	}
}

// answer carries one packet of an answer, and reports whether to go on.
func (w *wire) answer(p packet, c *command) bool {
	last := c.takes(p)
	if last {
		w.mu.Lock()
		w.waiting = w.waiting[1:]
		if c.command == comPrepare && !c.failed {
			w.texts[c.id] = c.text
		}
		w.mu.Unlock()
	}
	swallow := c.do == CutAfter || c.do == CutMiddle && last
	if !swallow {
		if _, err := w.client.Write(p); err != nil && c.do == "" {
			return false
		}
	}
	cut := c.do != "" && last || c.do == CutMiddle && c.rows > 0
	if last {
		close(c.done)
	}
	return !cut
}
