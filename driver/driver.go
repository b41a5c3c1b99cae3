package driver

import (
	"context"
	"log/slog"
	"time"
)

// Driver opens connectors of one kind of PMS. It is what [Register] takes.
type Driver interface {
	// OpenConnector parses and validates a data source name, without I/O.
	//
	// Unknown keys, missing parts and values out of range are errors that name
	// the part and what to write instead; they never repeat a secret.
	OpenConnector(dsn string) (Connector, error)
}

// Connector makes connections to one PMS installation. It is safe for
// concurrent use, and may hold what its connections share (an HTTP client, a
// request throttle). A Connector that holds resources implements io.Closer.
type Connector interface {
	// Connect makes a connection for one practice.
	//
	// It may do I/O, within ctx. A PMS that cannot be reached is
	// ErrUnavailable; refused credentials are ErrUnauthorized with
	// ScopeConnection; a reachable thing that is not this PMS is ErrRejected.
	Connect(ctx context.Context, env Env) (Conn, error)
}

// Env is what a connection is told about the practice it serves.
type Env struct {
	// Practice is the host's id of the practice. For keys and logs.
	Practice string
	// Location is the practice's time zone. PMS wall times are read and written
	// in it. Never nil when the engine connects; nil means UTC.
	Location *time.Location
	// Site narrows everything to one clinic or location inside a PMS that holds
	// several; empty means all. The id is the PMS's.
	Site string
	// HostName is the host application's name as staff know it; a driver may
	// use it where the PMS wants a source.
	HostName string
	// Log is for the driver's own remarks, which never hold patient data. Nil
	// means none.
	Log *slog.Logger
}

// Zone returns e.Location, or UTC when there is none.
func (e Env) Zone() *time.Location {
	if e.Location == nil {
		return time.UTC
	}
	return e.Location
}

// Logger returns e.Log, or one that discards when there is none.
func (e Env) Logger() *slog.Logger {
	if e.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return e.Log
}

// Conn is a connection to one practice's PMS. What else it can do it shows by
// implementing the optional interfaces of this package.
type Conn interface {
	// Info says what this PMS can do now, and why not the rest. The engine
	// reads it after each Connect, at each catalog refresh and after
	// ErrUnauthorized. It may do I/O.
	Info(ctx context.Context) (Info, error)
	// Ping is the cheapest call that proves that the PMS answers and accepts
	// the credentials. Its errors are those of Connect.
	Ping(ctx context.Context) error
	// Close ends the connection. Closing twice is not an error; calls after
	// Close fail with ErrUnavailable.
	Close() error
}
