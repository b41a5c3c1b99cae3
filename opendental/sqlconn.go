package opendental

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// sqlConn reads one practice's database. It never writes: it is no
// [driver.Writer]. It is safe for concurrent use.
type sqlConn struct {
	cfg Config
	env driver.Env
	loc *time.Location
	db  *database

	end   context.CancelFunc
	close func() error // of the pool, when it is the connection's own

	mu      sync.Mutex
	found   *sqlSchema // nil when it has to be looked at again
	windows sqlWindows
	made    remade
}

var (
	_ driver.Conn              = (*sqlConn)(nil)
	_ driver.Cataloger         = (*sqlConn)(nil)
	_ driver.PatientFinder     = (*sqlConn)(nil)
	_ driver.ChangeReader      = (*sqlConn)(nil)
	_ driver.WindowReader      = (*sqlConn)(nil)
	_ driver.AppointmentReader = (*sqlConn)(nil)
	_ driver.PhotoReader       = (*sqlConn)(nil)
	_ driver.Hinter            = (*sqlConn)(nil)
)

// connectSQL opens the database and makes sure that it is Open Dental's.
func connectSQL(ctx context.Context, cfg Config, env driver.Env) (*sqlConn, error) {
	c, err := openSQL(cfg, env)
	if err != nil {
		return nil, err
	}
	if _, err := c.look(ctx, "connect"); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// openSQL makes a connection without I/O.
func openSQL(cfg Config, env driver.Env) (*sqlConn, error) {
	c := &sqlConn{cfg: cfg, env: env, loc: env.Zone(), close: func() error { return nil }}
	db := cfg.DB
	if db == nil {
		var err error
		if db, err = openPool(cfg.Database); err != nil {
			return nil, rejected("connect", driver.ReasonInvalid, "the SQL driver refuses the data source name")
		}
		c.close = db.Close
	}
	timeout := cfg.Timeout
	if timeout == 0 {
		timeout = DefaultSQLTimeout
	}
	c.db = &database{db: db, timeout: timeout}
	c.db.life, c.end = context.WithCancel(context.Background())
	return c, nil
}

// Ping implements [driver.Conn]: it reads the preferences that name the version.
func (c *sqlConn) Ping(ctx context.Context) error {
	_, err := c.identify(ctx, "ping")
	return err
}

// Close implements [driver.Conn]. A pool that the host gave stays open.
func (c *sqlConn) Close() error {
	c.mu.Lock()
	closePool := c.close
	c.close = func() error { return nil }
	c.mu.Unlock()
	c.end()
	return closePool()
}

// look finds out anew what there is.
func (c *sqlConn) look(ctx context.Context, op string) (*sqlSchema, error) {
	s, err := c.discover(ctx, op)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.found = s
	c.noteMade(s.made)
	return s, nil
}

// schema is what there is, as last looked at.
func (c *sqlConn) schema(ctx context.Context, op string) (*sqlSchema, error) {
	c.mu.Lock()
	found := c.found
	c.mu.Unlock()
	if found != nil {
		return found, nil
	}
	return c.look(ctx, op)
}

// query reads rows; when the tables turn out to have changed, they are looked at
// again before the next read.
func (c *sqlConn) query(ctx context.Context, op, statement string) ([]row, error) {
	rows, err := c.db.query(ctx, op, statement)
	if errors.Is(err, errSchema) {
		c.mu.Lock()
		c.found = nil
		c.mu.Unlock()
	}
	return rows, err
}

// supported gives what there is when why is empty for it, else a refusal.
func (c *sqlConn) supported(ctx context.Context, op string, why func(*sqlSchema) string) (*sqlSchema, error) {
	s, err := c.schema(ctx, op)
	if err != nil {
		return nil, err
	}
	if why(s) != "" {
		return nil, rejected(op, driver.ReasonUnsupported, "the database does not offer this; see Info")
	}
	return s, nil
}

// noWrites says why a connection without the API writes nothing.
const noWrites = "Only the database is connected. Open Dental takes writes through its API alone: give its keys in the connection settings."

// Info implements [driver.Conn]. It looks at the database anew: seven
// statements at most.
func (c *sqlConn) Info(ctx context.Context) (driver.Info, error) {
	info, err := c.readInfo(ctx, "read info")
	if err != nil {
		return driver.Info{}, err
	}
	for _, kind := range driver.OpKinds() {
		info.Ops[kind] = driver.OpInfo{Support: driver.No(noWrites, "Open Dental API")}
	}
	return info, nil
}

// readInfo tells everything but the operations.
func (c *sqlConn) readInfo(ctx context.Context, op string) (driver.Info, error) {
	s, err := c.look(ctx, op)
	if err != nil {
		return driver.Info{}, err
	}
	photos, err := c.photoSupport(ctx, op, s)
	if err != nil {
		return driver.Info{}, err
	}
	info := driver.Info{
		Product:  "Open Dental",
		Version:  s.version.String(),
		Access:   "database, read only",
		Clock:    driver.Clock{Resolution: time.Second, Skew: s.skew},
		Catalogs: map[driver.Catalog]driver.Support{},
		Ops:      map[driver.OpKind]driver.OpInfo{},
		Find: map[driver.FindBy]driver.Support{
			driver.FindByID:        support(c.noPatients(s), "patient"),
			driver.FindByBirthDate: support(c.noPatients(s), "patient"),
			driver.FindByPhone:     support(c.noPhones(s), "patient"),
		},
		MaxCalls: sqlCalls,
	}
	for _, which := range driver.Catalogs() {
		table := catalogTable(which)
		info.Catalogs[which] = support(s.lacks(table), table)
	}
	appointments := driver.FeedInfo{
		Support: support(c.noAppointments(s), "appointment"), MinInterval: time.Second,
		Changes: c.noAppointmentChanges(s) == "", Window: c.noAppointments(s) == "",
	}
	appointments.Deletes = appointments.Changes && s.noDeletes() == ""
	appointments.Hints = appointments.Changes && s.noHints() == ""
	patients := driver.FeedInfo{
		Support: support(c.noPatients(s), "patient"), MinInterval: time.Second,
		Changes: c.noPatientChanges(s) == "", Window: c.noPatients(s) == "",
	}
	info.Feeds = map[driver.Feed]driver.FeedInfo{
		driver.AppointmentStatusFeed: appointments,
		driver.AppointmentFeed:       appointments,
		driver.PatientFeed:           patients,
		driver.PhotoFeed:             {Support: photos, MinInterval: time.Second, Changes: photos.Supported, Window: photos.Supported},
	}
	if s.random { // a poll reads the whole table
		f := info.Feeds[driver.PhotoFeed]
		f.MinInterval = time.Minute
		info.Feeds[driver.PhotoFeed] = f
	}
	info.Notes = c.remarks(s)
	return info, nil
}

// support is Yes, or No with the reason that is given.
func support(why, table string) driver.Support {
	need := "SELECT on the table " + table
	if why != "" {
		return driver.No(why, need)
	}
	return driver.Yes(need)
}

func (c *sqlConn) remarks(s *sqlSchema) []string {
	var notes []string
	if s.writes {
		notes = append(notes, "The database user may change rows. The driver never does; a user with SELECT alone is advised.")
	}
	if s.zoneGap != 0 {
		notes = append(notes, fmt.Sprintf("The database server shows a time that differs from the practice's by %v. "+
			"Check the time zone of the practice, which is set to %s.", s.zoneGap, c.loc))
	}
	if hours := s.skew.Round(30 * time.Minute); hours.Abs() >= 30*time.Minute {
		notes = append(notes, fmt.Sprintf("The database server's clock is wrong by %v.", hours))
	}
	if why := c.noAppointmentChanges(s); why != "" && c.noAppointments(s) == "" {
		notes = append(notes, why+" Appointments are read by their day instead.")
	} else if why == "" && !s.indexed("appointment", "DateTStamp") {
		notes = append(notes, fmt.Sprintf("The table appointment has no index on DateTStamp, as in versions before 25. Changes show at once "+
			"where the program keeps a history of them, others within about %d minutes.", int(netEvery.Minutes())))
	} else if why := s.noDeletes(); why != "" && c.noAppointments(s) == "" {
		notes = append(notes, why+" Deleted appointments show only when all of them are read.")
	}
	if why := s.noHints(); why != "" && c.noAppointmentChanges(s) == "" {
		notes = append(notes, why+" Without it changes are told at the set intervals, not sooner.")
	}
	if why := c.noPatientChanges(s); why != "" && c.noPatients(s) == "" {
		notes = append(notes, why+" New patients are found by reading all of them.")
	}
	return notes
}

// site is the condition that keeps rows of one clinic; empty for all clinics.
func (c *sqlConn) site(alias string) string {
	if c.env.Site == "" {
		return ""
	}
	return " AND " + alias + ".ClinicNum=" + c.env.Site
}

// siteColumns are the columns that narrowing to a clinic needs.
func (c *sqlConn) siteColumns() []string {
	if c.env.Site == "" {
		return nil
	}
	return []string{"ClinicNum"}
}

func (c *sqlConn) noAppointments(s *sqlSchema) string {
	return s.lacks("appointment", c.siteColumns()...)
}

func (c *sqlConn) noPatients(s *sqlSchema) string { return s.lacks("patient", c.siteColumns()...) }

func (c *sqlConn) noPhones(s *sqlSchema) string {
	return s.lacks("patient", append(c.siteColumns(), phoneFields...)...)
}

// noAppointmentChanges: without an index a poll would read the whole table and,
// where it is MyISAM, keep everybody from writing meanwhile.
func (c *sqlConn) noAppointmentChanges(s *sqlSchema) string {
	if why := c.noAppointments(s); why != "" {
		return why
	}
	if !s.indexed("appointment", "DateTStamp") {
		return s.noHistory()
	}
	return ""
}

func (c *sqlConn) noPatientChanges(s *sqlSchema) string {
	why := c.noPatients(s)
	if why == "" && s.random && (!s.has("patient", "SecDateEntry") || !s.indexed("patient", "SecDateEntry")) {
		why = "The office uses random primary keys, and the table patient has no index on SecDateEntry."
	}
	return why
}

func (s *sqlSchema) noDeletes() string {
	why := s.lacks("histappointment")
	if why == "" && s.random && (!s.has("histappointment", "HistDateTStamp") || !s.indexed("histappointment", "HistDateTStamp")) {
		why = "The office uses random primary keys, and the table histappointment has no index on HistDateTStamp."
	}
	return why
}
