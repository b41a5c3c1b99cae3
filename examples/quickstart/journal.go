package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
)

// journal is the witness: a file that says what the host was about to submit,
// and what was acknowledged. It knows nothing of the engine's store, so that it
// can tell when the engine lost something.
//
// Each line is {"submit":event} or {"ack":key}. A submit is on the disk before
// the host submits; an ack follows when the engine has taken the event. An event
// without an ack may or may not have arrived: the next run submits it again with
// the same key and content.
type journal struct {
	mu     sync.Mutex
	file   *os.File
	events []event
	index  map[string]int // key to its place in events
	acked  map[string]bool
}

type journalLine struct {
	Submit *event `json:"submit,omitempty"`
	Ack    string `json:"ack,omitempty"`
}

// openJournal reads what earlier runs wrote and opens the file for more. A last
// line that was cut short by a kill is dropped: its submit had not begun.
func openJournal(path string) (*journal, error) {
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("journal: %w", err)
	}
	whole := bytes.LastIndexByte(data, '\n') + 1
	j := &journal{index: map[string]int{}, acked: map[string]bool{}}
	for n, text := range bytes.Split(data[:whole], []byte("\n")) {
		if len(text) == 0 {
			continue
		}
		var line journalLine
		if err := json.Unmarshal(text, &line); err != nil {
			return nil, fmt.Errorf("journal: %s: line %d is damaged", path, n+1)
		}
		j.take(line)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	if err := errors.Join(file.Truncate(int64(whole)), seekEnd(file)); err != nil {
		return nil, errors.Join(fmt.Errorf("journal: %w", err), file.Close())
	}
	j.file = file
	return j, nil
}

func seekEnd(f *os.File) error {
	_, err := f.Seek(0, 2)
	return err
}

func (j *journal) take(line journalLine) {
	if line.Submit != nil {
		if _, known := j.index[line.Submit.Key]; !known {
			j.index[line.Submit.Key] = len(j.events)
			j.events = append(j.events, *line.Submit)
		}
	}
	if line.Ack != "" {
		j.acked[line.Ack] = true
	}
}

// submit writes an event down and returns when it is on the disk.
func (j *journal) submit(e event) error {
	return j.add(journalLine{Submit: &e}, true)
}

// ack notes that the engine has taken an event. It need not wait for the disk:
// a kill of the process does not reach what the operating system has, and after
// a power cut the event is merely submitted again.
func (j *journal) ack(key string) error {
	return j.add(journalLine{Ack: key}, false)
}

func (j *journal) add(line journalLine, durable bool) error {
	data, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, err := j.file.Write(append(data, '\n')); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if durable {
		if err := j.file.Sync(); err != nil {
			return fmt.Errorf("journal: %w", err)
		}
	}
	j.take(line)
	return nil
}

// all returns every event in the order of submission.
func (j *journal) all() []event {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]event(nil), j.events...)
}

// isAcked reports whether the engine acknowledged an event.
func (j *journal) isAcked(key string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.acked[key]
}

// open returns the events whose submit was cut off.
func (j *journal) open() []event {
	j.mu.Lock()
	defer j.mu.Unlock()
	var out []event
	for _, e := range j.events {
		if !j.acked[e.Key] {
			out = append(out, e)
		}
	}
	return out
}

// size is how many events were written down.
func (j *journal) size() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.events)
}

func (j *journal) close() error { return j.file.Close() }
