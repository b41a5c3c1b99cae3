package sqlpms

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// Class is what an error of the database comes down to.
type Class string

// The classes.
const (
	// ClassLine: the connection broke, or nothing answers.
	ClassLine Class = "line"
	// ClassTimeout: no answer in time, or the caller's context ended.
	ClassTimeout Class = "timeout"
	// ClassSetup: ODBC on this machine is not set up for the data source.
	ClassSetup Class = "set-up"
	// ClassLogin: the user is not let in.
	ClassLogin Class = "login"
	// ClassDenied: the user lacks a right to a table, a column or a procedure.
	ClassDenied Class = "denied"
	// ClassReadOnly: the connection may read and not write.
	ClassReadOnly Class = "read only"
	// ClassBusy: a lock, a deadlock, too many connections, exclusive mode. Nothing
	// was changed; it works later.
	ClassBusy Class = "busy"
	// ClassMissing: there is no such table, column or procedure.
	ClassMissing Class = "missing"
	// ClassDuplicate: a key is there already.
	ClassDuplicate Class = "duplicate"
	// ClassReference: a key that another table must have is not there.
	ClassReference Class = "reference"
	// ClassTooLong: a text is longer than its column.
	ClassTooLong Class = "too long"
	// ClassText: a text holds characters that cannot be stored.
	ClassText Class = "text"
	// ClassValue: a value that cannot be converted, or is out of range.
	ClassValue Class = "value"
	// ClassStatement: the engine does not understand or does not allow the
	// statement.
	ClassStatement Class = "statement"
	// ClassOther: anything else that the engine says.
	ClassOther Class = "other"
	// ClassUnknown: an error that says nothing.
	ClassUnknown Class = "unknown"
)

// Fault is an error of the database in words of our own. It never holds the
// engine's text.
type Fault struct {
	// Class is what it comes down to. A [Dialect] that leaves it empty does not
	// know the error.
	Class Class
	// State and Native are the SQLSTATE and the engine's number, for support.
	State  string
	Native int
	// Words say in a few words what is wrong, and what to do where that is known.
	// Empty takes those of the class.
	Words string
	// Kind, Reason, Scope and RetryAfter are what a [driver.Error] gets; zero
	// values take those of the class. A Kind is for an error that had no effect.
	Kind       driver.Kind
	Reason     driver.Reason
	Scope      driver.Scope
	RetryAfter time.Duration
}

// Error gives "the database refuses the statement (SQLSTATE 42000, error -131)".
func (f *Fault) Error() string {
	words := f.Words
	if words == "" {
		words = classes[f.Class].words
	}
	var codes []string
	if f.State != "" && plainCode(f.State) {
		codes = append(codes, "SQLSTATE "+f.State)
	}
	if f.Native != 0 {
		codes = append(codes, "error "+strconv.Itoa(f.Native))
	}
	if len(codes) == 0 {
		return words
	}
	return words + " (" + strings.Join(codes, ", ") + ")"
}

// plainCode keeps what is no SQLSTATE out of an error's text.
func plainCode(s string) bool {
	for _, c := range s {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return len(s) == 5
}

type classRow struct {
	words  string
	kind   driver.Kind
	reason driver.Reason
	scope  driver.Scope
	retry  time.Duration
}

// classes say what each class is as a failure that had no effect.
var classes = map[Class]classRow{
	ClassLine:      {words: "no connection to the database", kind: driver.ErrUnavailable},
	ClassTimeout:   {words: "no answer from the database in time; a table may be locked", kind: driver.ErrUnavailable},
	ClassSetup:     {words: "ODBC on this machine is not set up for the data source", kind: driver.ErrRejected, reason: driver.ReasonInvalid},
	ClassLogin:     {words: "the database does not let the user in", kind: driver.ErrUnauthorized, scope: driver.ScopeConnection},
	ClassDenied:    {words: "the database user lacks a right that this needs", kind: driver.ErrUnauthorized, scope: driver.ScopeOperation},
	ClassReadOnly:  {words: "the database lets this connection read and not write", kind: driver.ErrUnauthorized, scope: driver.ScopeWrites},
	ClassBusy:      {words: "the database is busy, or a record is locked", kind: driver.ErrUnavailable, reason: driver.ReasonRecordLocked, retry: busyRetry},
	ClassMissing:   {words: "a table, column or procedure that this needs is not there", kind: driver.ErrRejected, reason: driver.ReasonUnsupported},
	ClassDuplicate: {words: "the database has a record with this key already", kind: driver.ErrRejected, reason: driver.ReasonDuplicate},
	ClassReference: {words: "the database misses a record that this refers to", kind: driver.ErrRejected, reason: driver.ReasonInvalid},
	ClassTooLong:   {words: "a text is longer than the database allows", kind: driver.ErrRejected, reason: driver.ReasonTooLarge},
	ClassText:      {words: "a text has characters that the database cannot store", kind: driver.ErrRejected, reason: driver.ReasonTextRefused},
	ClassValue:     {words: "the database refuses a value", kind: driver.ErrRejected, reason: driver.ReasonInvalid},
	ClassStatement: {words: "the database refuses the statement", kind: driver.ErrRejected, reason: driver.ReasonInvalid},
	ClassOther:     {words: "the database reports an error", kind: driver.ErrUnavailable},
	ClassUnknown:   {words: "the SQL driver reports an error", kind: driver.ErrUnavailable},
}

// busyRetry is when to come back to a database that is busy and does not say.
const busyRetry = 5 * time.Second

// noEffect is the fault as an error of a call that changed nothing.
func (f *Fault) noEffect(name, op string) *driver.Error {
	c := classes[f.Class]
	e := &driver.Error{Driver: name, Op: op, Kind: c.kind, Reason: c.reason, Scope: c.scope, RetryAfter: c.retry, Err: f}
	if f.Kind != "" {
		e.Kind, e.Reason, e.Scope, e.RetryAfter = f.Kind, "", "", 0
	}
	if f.Reason != "" {
		e.Reason = f.Reason
	}
	if f.Scope != "" {
		e.Scope = f.Scope
	}
	if f.RetryAfter != 0 {
		e.RetryAfter = f.RetryAfter
	}
	return e
}

// fault puts an error of the SQL driver, or of this package, in words of our own.
func (cfg *Config) fault(ctx context.Context, err error) *Fault {
	var f *Fault
	if errors.As(err, &f) {
		return f
	}
	d, ok := Diagnosis{}, false
	if cfg.Diagnose != nil {
		d, ok = cfg.Diagnose(err)
	}
	if !ok {
		d, ok = Diagnose(err)
	}
	if ok {
		return cfg.Dialect.fault(d)
	}
	if ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		words := ""
		if errors.Is(ctx.Err(), context.Canceled) {
			words = "the call was cancelled"
		}
		return &Fault{Class: ClassTimeout, Words: words}
	}
	return &Fault{Class: ClassUnknown}
}

func (d Dialect) fault(g Diagnosis) *Fault {
	var f Fault
	if d.Classify != nil {
		f = d.Classify(g)
	}
	if f.Class == "" {
		f = ByState(g)
	}
	f.State, f.Native = g.State, g.Native
	return &f
}

// problem is an error of this package about what a caller gave.
func problem(format string, args ...any) error { return fmt.Errorf("sqlpms: "+format, args...) }
