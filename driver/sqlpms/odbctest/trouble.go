package odbctest

import (
	"regexp"
	"strings"
)

// Step is what a client wants of the server.
type Step string

// The steps. ODBC prepares a statement and executes it: both name its text. What
// the driver manager asks by itself (autocommit, the session's settings) comes as
// StepQuery.
const (
	StepConnect Step = "connect"
	StepQuery   Step = "query"
	StepPrepare Step = "prepare"
	StepExecute Step = "execute"
	StepFetch   Step = "fetch"
	StepOther   Step = "other" // pings, closed statements, the end
)

// Sent is one thing that a client sent.
type Sent struct {
	// Conn numbers the connections of a line from 1.
	Conn int
	// Step says what it is.
	Step Step
	// Text is the statement's, without its arguments.
	Text string
}

// Effect reports whether the statement is run now: prepared ones are not, yet.
func (s Sent) Effect() bool { return s.Step == StepExecute || s.Step == StepQuery }

// IsCommit finds the end of a transaction that keeps its changes.
func IsCommit(s Sent) bool {
	return s.Effect() && strings.EqualFold(strings.TrimSpace(s.Text), "commit")
}

// IsConnect finds a client that connects.
func IsConnect(s Sent) bool { return s.Step == StepConnect }

// Runs finds statements when they are run and their text fits the pattern, in any
// case.
func Runs(pattern string) func(Sent) bool {
	re := regexp.MustCompile("(?is)" + pattern)
	return func(s Sent) bool { return s.Effect() && re.MatchString(s.Text) }
}

// Any finds what one of several would find.
func Any(of ...func(Sent) bool) func(Sent) bool {
	return func(s Sent) bool {
		for _, f := range of {
			if f(s) {
				return true
			}
		}
		return false
	}
}

// Action is what a line does to what is sent.
type Action string

// The actions.
const (
	// CutBefore breaks the connection, and the server never gets it.
	CutBefore Action = "cut before"
	// CutAfter lets the server do it, and breaks the connection before any of the
	// answer arrives.
	CutAfter Action = "cut after"
	// CutMiddle lets the beginning of the answer arrive, the first row included,
	// and breaks the connection then.
	CutMiddle Action = "cut in the middle of the answer"
	// ActLater breaks the connection; the server does it when the trouble is
	// lifted, and not before.
	ActLater Action = "act later"
	// Hang keeps it back, without an answer, until the trouble is lifted. Then the
	// server gets it, if the client is still there.
	Hang Action = "hang"
	// Refuse answers with the trouble's error, and the server never gets it.
	Refuse Action = "refuse"
)

// Trouble is something that goes wrong on a line until it is lifted.
type Trouble struct {
	// When chooses what is struck; nil is everything but what closes.
	When func(Sent) bool
	// Do is what happens to it.
	Do Action
	// Times bounds how often; 0 is without bound.
	Times int
	// Code, State and Message are the error of Refuse. An empty State is HY000.
	Code    int
	State   string
	Message string
}
