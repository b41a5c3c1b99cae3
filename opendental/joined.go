package opendental

import (
	"context"
	"errors"
	"slices"

	"github.com/pmswriteback/pms/driver"
)

// joined reads an office's database and writes through its API. What a write of
// money looks at goes through the API too, and so does all else when the database
// does not answer, so that a write does not depend on the database.
type joined struct {
	*sqlConn
	api *conn
}

var (
	_ driver.Conn     = (*joined)(nil)
	_ driver.Writer   = (*joined)(nil)
	_ driver.Verifier = (*joined)(nil)
)

// join makes sure that both belong to one office: otherwise what is read in one
// would be written in the other.
func join(ctx context.Context, tables *sqlConn, api *conn) (*joined, error) {
	const op = "connect"
	settings, err := tables.identify(ctx, op)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"ProgramVersion", "PracticeTitle"} {
		value, err := api.setting(ctx, op, name)
		if err != nil {
			return nil, err
		}
		// An API that does not show one of them proves nothing.
		if value != "" && settings[name] != "" && folded(value) != folded(settings[name]) {
			return nil, rejected(op, driver.ReasonNotThisPMS, "the API and the database are not of the same office: they differ in the preference "+name)
		}
	}
	api.tables = tables
	return &joined{tables, api}, nil
}

// Info implements [driver.Conn]: reads as the database offers them, operations
// as the API does.
func (j *joined) Info(ctx context.Context) (driver.Info, error) {
	const op = "read info"
	if err := j.api.readVersion(ctx, op); err != nil {
		return driver.Info{}, err
	}
	info, err := j.readInfo(ctx, op)
	if err != nil {
		return driver.Info{}, err
	}
	ops, notes, err := j.api.operations(ctx, op)
	if err != nil {
		return driver.Info{}, err
	}
	info.Ops, info.Notes = ops, append(info.Notes, notes...)
	info.Access = "database for reading, " + accessWords[j.api.cfg.mode()] + " for writing"
	info.MaxCalls = maxCalls[j.api.cfg.mode()]
	for kind, o := range info.Ops {
		if o.Supported && o.TypeFrom != "" && !info.Catalogs[o.TypeFrom].Supported {
			// Nobody could choose an option for it.
			o.Support = driver.No(info.Catalogs[o.TypeFrom].Why, slices.Concat(o.Needs, info.Catalogs[o.TypeFrom].Needs)...)
			info.Ops[kind] = o
		}
	}
	return info, nil
}

// Ping implements [driver.Conn].
func (j *joined) Ping(ctx context.Context) error {
	if err := j.sqlConn.Ping(ctx); err != nil {
		return err
	}
	return j.api.Ping(ctx)
}

// Close implements [driver.Conn].
func (j *joined) Close() error { return errors.Join(j.sqlConn.Close(), j.api.Close()) }

// Write implements [driver.Writer].
func (j *joined) Write(ctx context.Context, op driver.Op) (driver.Receipt, error) {
	return j.api.Write(ctx, op)
}

// Verify implements [driver.Verifier].
func (j *joined) Verify(ctx context.Context, op driver.Op) (driver.Verdict, driver.Receipt, error) {
	return j.api.Verify(ctx, op)
}
