package opendental

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// joined reads an office's database and writes through its API. What a write of
// money looks at goes through the API too, and so does all else when the database
// does not answer, so that a write does not depend on the database.
//
// What the database does not offer is read through the API, and so is everything
// while the database does not answer; see [outage]. While the API does not
// answer, reads go on, and writes are unavailable.
type joined struct {
	*sqlConn
	api  *conn
	born time.Time

	state   sync.Mutex
	one     bool     // both were seen to be of one office
	witness *witness // by which the database is known again; may be nil
	down    *outage  // of the database; nil while it may be read
}

var (
	_ driver.Conn              = (*joined)(nil)
	_ driver.Cataloger         = (*joined)(nil)
	_ driver.PatientFinder     = (*joined)(nil)
	_ driver.ChangeReader      = (*joined)(nil)
	_ driver.WindowReader      = (*joined)(nil)
	_ driver.AppointmentReader = (*joined)(nil)
	_ driver.PhotoReader       = (*joined)(nil)
	_ driver.Writer            = (*joined)(nil)
	_ driver.Verifier          = (*joined)(nil)
)

// connectBoth connects to the API, and to the database if that answers. Without
// the API it does so only where an earlier connection has seen that both are of
// one office: otherwise another office's rows could be read meanwhile.
func (k *connector) connectBoth(ctx context.Context, env driver.Env) (*joined, error) {
	const op = "connect"
	tables, err := openSQL(k.cfg, env)
	if err != nil {
		return nil, err
	}
	j := &joined{sqlConn: tables, api: k.openAPI(env), born: time.Now(), witness: k.witness.Load()}
	j.api.tables = j.seen
	if err := j.connect(ctx, op); err != nil {
		_ = j.Close()
		return nil, err
	}
	j.state.Lock()
	defer j.state.Unlock()
	if j.witness != nil {
		k.witness.Store(j.witness)
	}
	return j, nil
}

func (j *joined) connect(ctx context.Context, op string) error {
	absent := j.api.readVersion(ctx, op)
	switch {
	case absent == nil:
		j.witness = nil // the API is asked
	case !errors.Is(absent, driver.ErrUnavailable) || j.witness == nil:
		return absent
	}
	err := j.tryTables(ctx, op)
	switch {
	case err == nil && absent != nil:
		j.api.assumeVersion(j.lastSeen())
		return nil
	case err == nil:
		return nil
	case absent != nil:
		return absent
	case ctx.Err() != nil, !isDown(err):
		return err
	}
	// Nothing was read from it yet, so that nothing has to wait for it.
	j.state.Lock()
	j.down.since = j.born.Add(-patience)
	j.state.Unlock()
	return nil
}

// askAgain is how long a database that refuses its user is left at that, until
// the host is asked for other credentials.
const askAgain = 15 * time.Minute

// Info implements [driver.Conn]: reads as the database offers them or else the
// API, operations as the API does.
func (j *joined) Info(ctx context.Context) (driver.Info, error) {
	const op = "read info"
	absent := j.api.readVersion(ctx, op)
	if absent != nil && !errors.Is(absent, driver.ErrUnavailable) {
		return driver.Info{}, absent
	}
	j.state.Lock()
	j.one = false // a pool may have been led elsewhere without a word
	j.state.Unlock()
	err := j.tryTables(ctx, op)
	switch {
	case err != nil && ctx.Err() != nil:
		return driver.Info{}, err
	case err != nil && absent != nil:
		return driver.Info{}, absent
	case err != nil && errors.Is(err, driver.ErrUnauthorized) && time.Since(j.born) > askAgain:
		return driver.Info{}, err // the engine asks the host and connects anew
	case err != nil:
		return j.infoWithoutTables(ctx, err)
	}
	info, err := j.readInfo(ctx, op)
	if err != nil {
		return driver.Info{}, err
	}
	info.MaxCalls = maxCalls[j.api.cfg.mode()]
	if absent != nil {
		j.api.assumeVersion(j.lastSeen())
		err = j.operationsUnasked(ctx, op, &info)
	} else {
		err = j.complete(ctx, op, &info)
	}
	for kind, o := range info.Ops {
		if o.Supported && o.TypeFrom != "" && !info.Catalogs[o.TypeFrom].Supported {
			// Nobody could choose an option for it.
			o.Support = driver.No(info.Catalogs[o.TypeFrom].Why, slices.Concat(o.Needs, info.Catalogs[o.TypeFrom].Needs)...)
			info.Ops[kind] = o
		}
	}
	return info, err
}

// infoWithoutTables is Info while the database cannot be read.
func (j *joined) infoWithoutTables(ctx context.Context, why error) (driver.Info, error) {
	info, err := j.api.Info(ctx)
	info.Access += "; the database is not used"
	info.Notes = append(info.Notes, "The office's database is not used now: "+words(why)+". Everything is read through the API until that is mended.")
	return info, err
}

// operationsUnasked tells of the operations while the API does not answer: what
// it will take when it does, by the version that the database names.
func (j *joined) operationsUnasked(ctx context.Context, op string, info *driver.Info) error {
	for _, kind := range driver.OpKinds() {
		info.Ops[kind] = j.api.opInfo(kind)
	}
	if pay := info.Ops[driver.OpPayment]; j.api.currentVersion().atLeast(sinceSplitProvider) {
		chosen, err := j.preferences(ctx, op, "AllowPrepayProvider")
		if err != nil {
			return err
		}
		pay.ProviderRecorded = pay.Supported && chosen["AllowPrepayProvider"] == "1"
		info.Ops[driver.OpPayment] = pay
	}
	info.Access = "database for reading; the API does not answer"
	info.Notes = append(info.Notes, "Open Dental's API does not answer. Nothing is written until it does; what waits is not lost.")
	return nil
}

// complete adds the operations, and what the API reads in the database's place.
func (j *joined) complete(ctx context.Context, op string, info *driver.Info) error {
	ops, notes, err := j.api.operations(ctx, op)
	if err != nil {
		return err
	}
	info.Ops, info.Notes = ops, append(info.Notes, notes...)
	var lacking []string
	instead := func(tables, api driver.Support) driver.Support {
		if tables.Supported || !api.Supported {
			return tables
		}
		if !slices.Contains(lacking, tables.Why) {
			lacking = append(lacking, tables.Why)
		}
		return api
	}
	for which, s := range info.Catalogs {
		info.Catalogs[which] = instead(s, j.api.gated(sinceCatalogs, readAll))
	}
	for by, s := range info.Find {
		info.Find[by] = instead(s, j.api.findSupport(by))
	}
	for feed, f := range info.Feeds {
		if f.Supported {
			continue
		}
		api, err := j.api.feedSupport(ctx, op, feed)
		if err != nil {
			return err
		}
		if instead(f.Support, api).Supported {
			info.Feeds[feed] = j.api.feed(api)
		}
	}
	readers := "database"
	for _, why := range lacking {
		info.Notes = append(info.Notes, why+" What needs it is read through the API instead.")
		readers = "database and API"
	}
	info.Access = readers + " for reading, " + accessWords[j.api.cfg.mode()] + " for writing"
	return nil
}

// Ping implements [driver.Conn]. The API has to answer; a database that does not
// is noted, and read around.
func (j *joined) Ping(ctx context.Context) error {
	if err := j.api.Ping(ctx); err != nil {
		return err
	}
	if j.tablesUp(ctx, "ping", false) == nil {
		if _, err := j.identify(ctx, "ping"); err != nil && !j.saw(ctx, err) {
			return err
		}
	}
	return nil
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
