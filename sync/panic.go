package sync

import (
	"reflect"
	"runtime"
	"runtime/debug"
)

// PanicError says that a function passed to this package panicked. How far it
// came is not known: an effect may have happened.
type PanicError struct {
	// Op is what was going on: "commit", "step" or "lane".
	Op string
	// Kind is the message of a runtime error ("runtime error: index out of range
	// [3] with length 3"), or the type of any other panic value. The value itself
	// is left out, for it may hold patient data.
	Kind string
	// Stack is the goroutine's stack trace at the panic, as text.
	Stack []byte
}

// Error names the operation and the kind of panic.
func (e *PanicError) Error() string { return "sync: " + e.Op + ": panic (" + e.Kind + ")" }

// newPanicError describes a recovered value. It must be called by the deferred
// function that recovered, while the stack still shows the panic. A nil value
// stands for runtime.Goexit.
func newPanicError(op string, value any) *PanicError {
	switch v := value.(type) {
	case nil:
		return &PanicError{Op: op, Kind: "runtime.Goexit"}
	case *PanicError:
		return v // raised again by RunLanes: the first stack is the useful one
	case runtime.Error:
		return &PanicError{Op: op, Kind: v.Error(), Stack: debug.Stack()}
	default:
		return &PanicError{Op: op, Kind: reflect.TypeOf(v).String(), Stack: debug.Stack()}
	}
}
