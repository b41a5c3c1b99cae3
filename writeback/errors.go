package writeback

import (
	"errors"
	"strings"
)

// Errors of the engine, besides those of a [Store].
var (
	// ErrKeyReused: the key was used before for other content. Nothing was
	// stored; use a new key for new content.
	ErrKeyReused = errors.New("writeback: key was used before for other content")
	// ErrRunning: Run was called while the engine runs.
	ErrRunning = errors.New("writeback: engine is running already")
	// ErrClosed: the engine was closed, or has run.
	ErrClosed = errors.New("writeback: engine is closed")
	// ErrNotAllowed: the item's state does not allow the action.
	ErrNotAllowed = errors.New("writeback: not allowed in this state")
	// ErrInvalid: the input has something wrong; errors.As to *InputError for
	// the field.
	ErrInvalid = errors.New("writeback: invalid input")
	// ErrProblems: settings were not saved; the problems say why.
	ErrProblems = errors.New("writeback: settings have errors")
)

// InputError says what is wrong with what the host gave, field by field. It
// never holds the value, which may be patient data.
type InputError struct {
	// Op is the call, such as "note".
	Op string
	// Fields are the fields that are wrong, each with what to do.
	Fields []FieldError
}

// FieldError is one wrong field.
type FieldError struct{ Field, Problem string }

// Error lists all fields.
func (e *InputError) Error() string {
	parts := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		parts[i] = f.Field + ": " + f.Problem
	}
	return "writeback: " + e.Op + ": " + strings.Join(parts, "; ")
}

// Is reports whether target is ErrInvalid.
func (e *InputError) Is(target error) bool { return target == ErrInvalid }

type inputCheck struct {
	e InputError
	// mask has card numbers masked instead of refused; masked counts those that
	// a check has masked itself.
	mask   bool
	masked int
}

func (c *inputCheck) bad(field, problem string) {
	c.e.Fields = append(c.e.Fields, FieldError{field, problem})
}

func (c *inputCheck) err() error {
	if len(c.e.Fields) == 0 {
		return nil
	}
	return &c.e
}
