// Package opendental is the driver for Open Dental, through the vendor's REST
// API, the office's database, or both. It registers itself as "opendental".
//
// Host applications import it for its side effect and open it by name, or build
// a [Config] and use [NewConnector]:
//
//	conn, err := driver.Open("opendental", "opendental://DevKey:CustKey@/?mode=remote")
//
// The driver never writes to Open Dental's database: the vendor forbids it and
// seals the rows. It was run against the emulator in opendentaltest only, which
// is built from the vendor's public documentation, with its tables in MariaDB
// 10.11 where there is a database. It has never been run against the real
// product.
//
// # Set-ups
//
// There are three. Writes and their verification always go through the API.
//
//	set-up         Config             reads by             writes by   conformance tests
//	API            the two keys       API                  API         Remote; Service
//	API and SQL    keys and DB        SQL, else API        API         Remote on MyISAM; Service on InnoDB
//	SQL            DB                 SQL                  none        MyISAM; InnoDB
//
// API and SQL is the recommended one: reads of the database cost the office
// nothing of its API's throttle, show deleted appointments, and see a change
// within a second. The database is given as [Config.DB], a pool of the host's, or
// as [Config.Database], a [DatabaseDSN] that is never printed; there is no place
// for it in the data source name of [ParseDSN]. The package imports no driver of
// database/sql:
//
//	import _ "github.com/go-sql-driver/mysql"
//
//	cfg, err := opendental.ParseDSN(vault.API(practice))
//	cfg.Database = opendental.NewDatabaseDSN("mysql", vault.Database(practice))
//	connector, err := opendental.NewConnector(cfg)
//
// Its user needs the right SELECT on the tables below and on preference, and
// should have no other right. Without one of them what needs it is read through
// the API, or is not supported where there is none, and [driver.Info] says so.
//
// What works in which set-up, where the office's version and the key's permissions
// allow it (see the tables below):
//
//	                        API                API and SQL              SQL
//	catalogs, patients      yes                yes                      yes
//	patients by phone       with Queries       yes                      yes
//	changed appointments    yes                yes                      yes
//	  deleted ones          in the window      at once                  at once
//	new patients            yes                yes                      yes
//	photos                  with Queries       yes                      yes
//	                        and the A-to-Z folder in each
//	writes, verification    yes                through the API          no
//
// # When one of the two is away
//
// Before a row of the database is read, it is compared with the API: both have to
// agree in the version, the practice's title and their newest patients. Connecting
// fails with driver.ReasonNotThisPMS when they do not. They are compared again after
// each outage and with each Info, and a database that is another one by then is not
// read any more. A copy of the office's own database is not told from it.
//
// While the database does not answer, or refuses its user, or lacks a table,
// writes go on, and single reads go through the API at once. Feeds wait for half a
// minute and then go on through the API from where they were, and in the database
// again when that is back: their cursors are handed over, so that nothing is lost,
// deletions included, and something may come twice. A database that refuses its
// user makes Info fail with driver.ErrUnauthorized every quarter of an hour, so
// that the host is asked for other credentials.
//
// While the API does not answer, reads go on and writes are unavailable. A new
// connection needs the API, unless its connector has seen before that both are of
// one office. Keys that are refused stop everything.
//
// A host that gives an API a database, or takes it away, makes the cursors of the
// other set-up expire, and the engine reads a window.
//
// While a table of appointments was made anew, as in the restore of a back-up,
// visits that are not in it are in doubt for half an hour: they are told as deleted
// only if the program's history says so. That goes by what the connection has
// seen; one that is made during the restore takes the table as it is.
// Before version 25 the appointments' changes may wait for that time as a whole.
// When the highest number of a table has gone back, cursors of patients and
// appointments end half an hour later, and the feed begins anew. A patient who then
// has a number that another one had before the restore is not told as new.
//
// # Reads of the database
//
//	operation             table            how                                   where it is not so
//	catalogs              definition,      by category, hidden ones too
//	                      provider
//	patients by id        patient          primary key
//	  by birth date                        index BirthdateStatus
//	  by phone                             the whole table                       where the office uses the table
//	                                                                             phonenumber: its index
//	appointment           appointment      primary key
//	appointments, window  appointment      AptDateTime, a few days at a time
//	  changes             appointment      index on DateTStamp, and the history   without it (before 25) as deletions
//	  deletions           histappointment  primary key                           random keys: index on HistDateTStamp
//	hints at changes      signalod         primary key                           random keys: index on SigDateTime
//	patients, window      patient          primary key
//	  new ones            patient          primary key, entered within a day     random keys: index on SecDateEntry
//	photos                document,        primary key; older documents once an  random keys: the whole table, once
//	                      patient          hour; bytes from the A-to-Z folder    a minute at most
//
// Columns, indexes, storage engines and rights are looked at when the connection
// is made, with each Info, and after an error that shows that they have changed.
// Tables of MyISAM and of InnoDB were tried on MariaDB 10.11, in both with the
// sql_mode that Open Dental wants (none) and with strict and ANSI modes, and with
// sessions in other time zones; tables without a column or an index, users
// without a right, locked tables, restores, and lines that break. Never tried: a
// real office's database, MySQL itself, a replica, and any SQL driver but
// github.com/go-sql-driver/mysql.
//
// Every statement is a SELECT, and a test checks each one that is sent against a
// short list of forms. No session variable is set either. What changes in the
// database by other hands than Open Dental's is seen as well, except a deletion,
// which shows only where the program has written its history; the window tells.
// Before version 25, where changes are found through that history too, the days
// from yesterday on are looked at besides, every ten minutes, for changes that it
// does not hold.
//
// Hints ([driver.Hinter]) are the signals by which the program's instances tell
// each other that the schedule has changed. They come for today and the next days
// (preference ApptAutoRefreshRange), when the program made the change; polls find
// the rest. With writeback's Config.HintEvery a change is with the host within
// about two seconds, for one statement a second that reads the end of an index.
//
// An appointment that was made a planned one or a note, or was moved to another
// clinic than [driver.Env].Site, is told as gone. To that end changes are read of
// all clinics: from the database without what somebody wrote in another one, from
// the API, which gives whole rows, to be dropped at once.
//
// # Operations through the API
//
// They are the same in Remote, Service and Local mode, with and without the
// database beside; with the database alone none of them is supported.
//
//	operation            how                                      since     permission, tier
//	note                 POST commlogs                            21.1      Comm, $15
//	  verified insurance PUT insverifies, the day alone           24.4.17   InsuranceSimple, $15
//	document             POST documents/Upload, base64            22.1      Documents, $15
//	  its provider         ProvNum of the upload                  24.2.32
//	  statement's line     POST statements, Config.Statements     25.3.26   AllOthers, $30
//	  larger ones          no: documents over SFTP are left out
//	appointment status   PUT appointments/{n}/Confirm, defNum     21.2      Comm, $15
//	payment              POST payments, CheckNum holds the Ref    23.1.27   Payments, $35
//	  this patient's only  GET accountmodules/{n}/PatientBalances 22.1      Read All
//	  its charges          PUT payments/{n}/Partial               25.1.11   Payments, $35
//	  its provider         PUT paysplits/{n}                      25.2.9    Payments, $35
//	refund               POST payments/Refund, whole payments     24.4.28   Payments, $35
//	  its Ref, type        PUT payments/{n}                       23.3.11   Payments, $35
//	adjustment           POST adjustments, AdjNote holds the Ref  22.2.22   AllOthers, $30
//	appointments         GET appointments, by DateTStamp or date  21.4      Read All
//	new patients         GET patients/Simple, by DateTStamp       21.2      Read All
//	photos               PUT queries/ShortQuery and the A-to-Z    21.2      Queries, $15
//	                     folder
//	patients by id       GET patients/{n}                         21.1      Read All
//	patients by birth    GET patients/Simple                      21.2      Read All
//	patients by phone    PUT queries/ShortQuery                   21.2      Queries, $15
//	catalogs             GET providers, GET definitions           21.1      Read All
//	verify               GET commlogs, documents, appointments,   21.2      Read All
//	                     payments, adjustments, insverifies,
//	                     statements; found by the Ref
//	  of a merged patient  PUT queries/ShortQuery                 21.2      Queries, $15
//
// All versions and permissions are from the vendor's API pages as of Open
// Dental 25.3, the tiers' prices per location and month as well. All rows were
// verified against the emulator only. What a version does not have is not
// supported, and Info says from which on it is; what a key lacks shows when it is
// tried, and then in Info's notes, with the tier.
//
// # What staff should know
//
//   - Notes are shown without an author: the API sets no user on a commlog.
//   - The note of a successful insurance verification also sets "Eligibility Last
//     Verified" of a patient with one coverage; with several it is left to staff.
//   - A document gets another number (DocNum) when somebody first opens it, so
//     the id of a document's receipt is good for a look at once, not for later.
//     Its description ends with the Ref, which stays. For the same reason a
//     statement's line in the account names the Ref and links to no document.
//   - A payment goes to this patient's oldest charges first, and what is left
//     over is held as unearned income. Where what is left over would pay another
//     member of the family, or the office does not tell, all of the payment is
//     held as unearned income, for staff to allocate. A payment that names its
//     charges, at most ten, pays these alone; it stays unearned where less is owed
//     for them. The provider is recorded only on the parts that belong to no
//     procedure or payment plan, in an office that allows a provider on unearned
//     income (preference AllowPrepayProvider).
//   - Only whole payments can be refunded, on the day on which it is done, and
//     only while the payment still holds its Ref (check number or note).
//   - An adjustment raises what the patient owes, and needs an adjustment type
//     whose sign is "+". It belongs to no procedure, and the fee that it offsets
//     is not allocated to it: only the balance is right by itself. While a
//     patient has more adjustments than one page of the API holds (100 in Remote
//     mode, else 1,000), one whose answer was lost is either found or left to a
//     person: nothing proves that it is absent.
//   - After two patients were merged, what was written for the one is found with
//     the other; without the permission Queries one whose answer was lost is left
//     to a person.
//   - The office's user rights do not bind the API. Its lock dates do not bind
//     the API either; the driver honours them for payments, refunds and
//     adjustments.
//   - While Open Dental is being updated (UpdateInProgressOnComputerName), or has
//     marked its database as damaged (CorruptedDatabase), nothing is written. It
//     is asked again once a minute, and Info's notes say so meanwhile.
//   - Without the database deleted appointments show only by their absence from a
//     window.
//
// # Throttle
//
// In Remote mode the vendor allows one request per second and key, or one per
// five seconds in the free tier, counted from the start of one request to the
// start of the next. Which tier a key has cannot be asked: set
// [Config.Rate]. All connections of a process that use the same key share one
// line with one request under way, in which writes go first, and of these the
// one that began first; a poll that waits goes after nine writes at the latest.
// The line counts from when a request is sent and keeps a margin of up to a
// twentieth, more after an answer of 429, whose Retry-After holds for all.
//
// What a write looks at beforehand takes turns as well. In Remote mode it is taken
// for true for half a minute, or for five while nothing can have changed it, but
// for money: at one request per second a note takes one or two seconds, a
// document two or three, a status three, a payment or an adjustment nine, a
// refund nine. With the database beside a note takes one. A poll that finds
// nothing takes one turn per feed.
//
// # Time
//
// Open Dental keeps wall times without a zone. They are read and written in
// [driver.Env].Location, which has to be the zone of the office's server; Info
// notes where the database's server shows another time. Changes are found by the
// server's clock. A cursor lies a minute before it (ten seconds in tables of MyISAM
// that the driver sees), because a statement is stamped when it begins and may wait
// for a lock: what changed within that time comes more than once. With the database
// an appointment whose change waited longer, because a backup had locked the table,
// is found through the program's history, and of new patients the last hour comes
// each time. Through the API such a change shows in the window only.
package opendental

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// Name is the name under which the driver is registered.
const Name = "opendental"

func init() { driver.Register(Name, Driver{}) }

// Driver implements [driver.Driver].
type Driver struct{}

// OpenConnector parses a data source name as [ParseDSN] does.
func (Driver) OpenConnector(dsn string) (driver.Connector, error) {
	cfg, err := ParseDSN(dsn)
	if err != nil {
		return nil, err
	}
	return cfg.Connector()
}

type connector struct {
	cfg    Config
	client *client // nil without the API
	// witness is by what a database that was seen to be of the API's office is
	// known again.
	witness atomic.Pointer[witness]
}

// Connect implements [driver.Connector]. It asks the office for its version, and
// looks at the tables where there is a database.
func (k *connector) Connect(ctx context.Context, env driver.Env) (driver.Conn, error) {
	if env.Site != "" && !isID(env.Site) {
		return nil, rejected("connect", driver.ReasonInvalid, "the site is not a clinic number")
	}
	if !k.cfg.hasSQL() {
		return asConn(k.connectAPI(ctx, env))
	}
	if !k.cfg.hasAPI() {
		return asConn(connectSQL(ctx, k.cfg, env))
	}
	return asConn(k.connectBoth(ctx, env))
}

// asConn keeps a nil pointer from looking like a connection.
func asConn[C driver.Conn](c C, err error) (driver.Conn, error) {
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (k *connector) connectAPI(ctx context.Context, env driver.Env) (*conn, error) {
	c := k.openAPI(env)
	if err := c.readVersion(ctx, "connect"); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// openAPI makes a connection without I/O. Its version is not known yet.
func (k *connector) openAPI(env driver.Env) *conn {
	c := &conn{
		cfg:    k.cfg,
		client: k.client,
		env:    env,
		loc:    env.Zone(),
		gate:   gates.acquire(k.client.gateKey, k.cfg.interval()),
	}
	c.life, c.end = context.WithCancel(context.Background())
	return c
}

// Close closes idle network connections. Connections made by the connector go
// on working.
func (k *connector) Close() error {
	if k.client != nil {
		k.client.closeIdle()
	}
	return nil
}

// conn is a connection to one practice. It is safe for concurrent use.
type conn struct {
	cfg    Config
	client *client
	env    driver.Env
	loc    *time.Location
	gate   *gate

	life    context.Context // ends with Close
	end     context.CancelFunc
	release sync.Once

	mu       sync.Mutex
	version  version
	queries  permission
	lacking  map[apiPermission]bool  // seen to be missing for what is done beside an operation
	refused  map[driver.OpKind]bool  // operations for which the key lacks the permission
	clearAt  time.Time               // when the office was last seen not to be in maintenance
	soundAt  time.Time               // when its database was last seen not to be damaged
	patients map[string]time.Time    // when a patient was last seen fit to be written for
	options  map[optionKey]time.Time // when an option was last seen active
	settings map[string]knownSetting
	pictures string // the image category of the patients' pictures, once known
	walks    walks

	maintained      bool      // the office was in maintenance when a write last looked
	maintainedUntil time.Time // when to look again
	patientsReadAt  time.Time // up to when the feed of patients was last read
	// tables gives the office's database while it may be read; set before use, nil
	// without one.
	tables          func() *sqlConn
	tablesDownUntil time.Time
}

// permission is what is known of a permission that cannot be asked for.
type permission int

const (
	permissionUntried permission = iota
	permissionGranted
	permissionDenied
)

var (
	_ driver.Conn              = (*conn)(nil)
	_ driver.Cataloger         = (*conn)(nil)
	_ driver.PatientFinder     = (*conn)(nil)
	_ driver.ChangeReader      = (*conn)(nil)
	_ driver.WindowReader      = (*conn)(nil)
	_ driver.AppointmentReader = (*conn)(nil)
	_ driver.PhotoReader       = (*conn)(nil)
	_ driver.Writer            = (*conn)(nil)
	_ driver.Verifier          = (*conn)(nil)
)

// Ping reads one preference, the cheapest call that needs valid keys.
func (c *conn) Ping(ctx context.Context) error { return c.readVersion(ctx, "ping") }

// Close implements [driver.Conn].
func (c *conn) Close() error {
	c.release.Do(func() {
		c.end()
		gates.release(c.gate)
	})
	return nil
}

func (c *conn) readVersion(ctx context.Context, op string) error {
	found, err := c.preference(ctx, op, "ProgramVersion")
	if errors.Is(err, driver.ErrRejected) || errors.Is(err, errGarbled) {
		// Every version of the API has this method, for every key.
		return rejected(op, driver.ReasonNotThisPMS, "what answers is not the API of Open Dental")
	}
	if err != nil {
		return err
	}
	v, ok := parseVersion(found)
	if !ok {
		return rejected(op, driver.ReasonNotThisPMS, "the answer names no version of Open Dental")
	}
	c.mu.Lock()
	c.version = v
	c.mu.Unlock()
	return nil
}

// assumeVersion is for an API that has not told its version.
func (c *conn) assumeVersion(v version) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.version == (version{}) {
		c.version = v
	}
}

func (c *conn) currentVersion() version {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.version
}
