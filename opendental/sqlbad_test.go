package opendental_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/opendental"
)

// connectTo connects a pool without an API.
func connectTo(t *testing.T, db *sqlx.DB) (driver.Conn, error) {
	t.Helper()
	connector, err := opendental.NewConnector(opendental.Config{DB: db})
	require.NoError(t, err)
	conn, err := connector.Connect(t.Context(), driver.Env{Location: time.UTC})
	if err == nil {
		t.Cleanup(func() { _ = conn.Close() })
	}
	return conn, err
}

func requireError(t *testing.T, err error, kind driver.Kind, reason driver.Reason, words string) {
	t.Helper()
	require.ErrorIs(t, err, kind)
	if reason != driver.ReasonNone {
		require.ErrorIs(t, err, reason)
	}
	require.ErrorContains(t, err, words)
	require.NotContains(t, err.Error(), readerPassword)
}

func TestADatabaseThatIsNotOpenDentalIsRefused(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	_, err := connectTo(t, d.open(t, nil)) // of another program
	requireError(t, err, driver.ErrRejected, driver.ReasonNotThisPMS, "not Open Dental")

	d.run("CREATE TABLE preference (PrefName varchar(255), ValueString text)")
	_, err = connectTo(t, d.open(t, nil)) // half restored
	requireError(t, err, driver.ErrRejected, driver.ReasonNotThisPMS, "no version of Open Dental")

	_, err = connectTo(t, mysqlPool(t, d, "root", "", "nosuchdatabase"))
	requireError(t, err, driver.ErrRejected, driver.ReasonNotThisPMS, "no such database")

	_, err = connectTo(t, mysqlPool(t, d, "root", "", ""))
	requireError(t, err, driver.ErrRejected, driver.ReasonNotThisPMS, "no such database")

	d.run("REVOKE SELECT ON "+d.name+".* FROM "+d.reader+"@localhost", "GRANT INSERT ON "+d.name+".* TO "+d.reader+"@localhost")
	_, err = connectTo(t, d.open(t, nil))
	requireError(t, err, driver.ErrUnauthorized, driver.ReasonNone, "grant SELECT")

	_, err = connectTo(t, mysqlPool(t, d, d.reader, otherPassword, d.name))
	requireError(t, err, driver.ErrUnauthorized, driver.ReasonNone, "does not let the user in")
}

func mysqlPool(t *testing.T, d *database, user, password, name string) *sqlx.DB {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.Net, cfg.Addr, cfg.DBName, cfg.Logger = user, password, "unix", d.server.Socket, name, &mysql.NopLogger{}
	db, err := sqlx.Open("mysql", cfg.FormatDSN())
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestAMissingColumnClosesWhatNeedsItAndNothingElse(t *testing.T) {
	t.Parallel()
	o := newSQLOffice(t, time.UTC, setUp{})
	apt := o.visit(o.patient("Ada", "Quill"), time.Now().Add(time.Hour))
	o.tables.run("ALTER TABLE appointment DROP COLUMN Note, DROP COLUMN AppointmentTypeNum", "ALTER TABLE histappointment DROP COLUMN HistApptAction")
	r := o.connect(t, setUp{})
	feed := r.info().Feeds[driver.AppointmentFeed]
	require.True(t, feed.Supported && feed.Changes && feed.Window)
	require.False(t, feed.Deletes)
	require.Contains(t, strings.Join(r.info().Notes, "\n"), "HistApptAction")
	require.True(t, r.appointment(apt).Note.IsEmpty())

	// An update of Open Dental takes away what the connection has counted on.
	o.tables.run("ALTER TABLE appointment DROP COLUMN Confirmed")
	_, err := driver.ReadAppointment(t.Context(), r.conn, id(apt))
	require.ErrorIs(t, err, driver.ErrUnavailable)
	_, err = driver.ReadAppointment(t.Context(), r.conn, id(apt))
	require.ErrorIs(t, err, driver.ReasonUnsupported)
	info := r.info()
	require.False(t, info.Feeds[driver.AppointmentFeed].Supported)
	require.Contains(t, info.Feeds[driver.AppointmentStatusFeed].Why, "no column Confirmed")
	require.True(t, info.Feeds[driver.PatientFeed].Supported)
	require.True(t, info.Catalogs[driver.AppointmentStatuses].Supported)
}

func TestAUserWithoutSelectOnATableIsToldWhatIsMissing(t *testing.T) {
	t.Parallel()
	o := newSQLOffice(t, time.UTC, setUp{})
	d := o.tables
	grant := func(tables ...string) {
		for _, table := range tables {
			d.run("GRANT SELECT ON " + d.name + "." + table + " TO " + d.reader + "@localhost")
		}
	}
	d.run("REVOKE SELECT ON " + d.name + ".* FROM " + d.reader + "@localhost")
	grant("preference", "patient", "appointment")
	r := o.connect(t, setUp{})
	info := r.info()
	require.Empty(t, info.Feeds[driver.PatientFeed].Why)
	require.Contains(t, info.Feeds[driver.PhotoFeed].Why, "table document: grant SELECT")
	require.Contains(t, info.Catalogs[driver.Providers].Why, "table provider: grant SELECT")
	require.Contains(t, info.Catalogs[driver.NoteTypes].Why, "table definition: grant SELECT")
	require.False(t, info.Feeds[driver.AppointmentFeed].Deletes)
	_, err := driver.ReadCatalog(t.Context(), r.conn, driver.NoteTypes)
	require.ErrorIs(t, err, driver.ReasonUnsupported)

	grant("definition", "provider", "histappointment", "document")
	info = r.info()
	require.True(t, info.Catalogs[driver.NoteTypes].Supported && info.Feeds[driver.PhotoFeed].Supported && info.Feeds[driver.AppointmentFeed].Deletes)

	// While the connection stands.
	d.run("REVOKE SELECT ON " + d.name + ".patient FROM " + d.reader + "@localhost")
	q := driver.PatientQuery{ID: "1"}
	_, err = driver.FindPatients(t.Context(), r.conn, q)
	requireError(t, err, driver.ErrUnauthorized, driver.ReasonNone, "operation")
	_, err = driver.FindPatients(t.Context(), r.conn, q)
	require.ErrorIs(t, err, driver.ReasonUnsupported)
	require.Contains(t, r.info().Find[driver.FindByID].Why, "table patient: grant SELECT")

	// Rights on single columns are enough.
	d.run("GRANT SELECT (PatNum, LName, FName, Birthdate, PatStatus, DateTStamp) ON " + d.name + ".patient TO " + d.reader + "@localhost")
	ada := o.patient("Ada", "Quill")
	require.NoError(t, r.conn.Ping(t.Context()))
	info = r.info()
	require.True(t, info.Find[driver.FindByID].Supported)
	require.Contains(t, info.Find[driver.FindByPhone].Why, "no column HmPhone")
	found, err := driver.FindPatients(t.Context(), r.conn, driver.PatientQuery{ID: id(ada)})
	require.NoError(t, err)
	require.Len(t, found, 1)
}

func TestRightsThatComeByARoleCount(t *testing.T) {
	t.Parallel()
	o := newSQLOffice(t, time.UTC, setUp{})
	d, role := o.tables, "role_"+o.tables.reader
	d.run("REVOKE SELECT ON "+d.name+".* FROM "+d.reader+"@localhost", "CREATE ROLE "+role,
		"GRANT SELECT ON "+d.name+".* TO "+role, "GRANT "+role+" TO "+d.reader+"@localhost",
		"SET DEFAULT ROLE "+role+" FOR "+d.reader+"@localhost")
	info := o.connect(t, setUp{}).info()
	require.True(t, info.Feeds[driver.AppointmentFeed].Deletes && info.Catalogs[driver.Providers].Supported)
	require.NotContains(t, strings.Join(info.Notes, "\n"), "advised")
}

func TestAUserWithWriteRightsWorksAndIsAdvisedAgainst(t *testing.T) {
	t.Parallel()
	o := newSQLOffice(t, time.UTC, setUp{})
	require.NotContains(t, strings.Join(o.connect(t, setUp{}).info().Notes, "\n"), "SELECT alone is advised")
	o.tables.run("GRANT UPDATE ON " + o.tables.name + ".patient TO " + o.tables.reader + "@localhost")
	require.Contains(t, strings.Join(o.connect(t, setUp{}).info().Notes, "\n"), "SELECT alone is advised")
}

func TestAServerInAnotherZoneIsNotedAndTimesHold(t *testing.T) {
	t.Parallel()
	auckland, err := time.LoadLocation("Pacific/Auckland")
	require.NoError(t, err)
	o := newSQLOffice(t, auckland, setUp{})
	start := time.Now().Add(72 * time.Hour).Truncate(time.Hour)
	apt := o.visit(o.patient("Ada", "Quill"), start)
	r := o.connect(t, setUp{})
	a := r.appointment(apt)
	require.True(t, a.Start.Equal(start))
	require.WithinDuration(t, o.Now(), a.ModifiedAt, time.Second)
	info := r.info()
	require.Less(t, info.Clock.Skew.Abs(), time.Minute)
	require.Contains(t, strings.Join(info.Notes, "\n"), "Check the time zone of the practice, which is set to Pacific/Auckland")

	chicago, err := time.LoadLocation("America/Chicago")
	require.NoError(t, err)
	require.Empty(t, newSQLOffice(t, chicago, setUp{}).connect(t, setUp{}).info().Notes)
}

func TestALockedTableIsUnavailableInTime(t *testing.T) {
	t.Parallel()
	o := newSQLOffice(t, time.UTC, setUp{})
	cfg := o.config(t, setUp{})
	cfg.Timeout = 2 * time.Second // all but the locked table answer within it on a busy machine
	connector, err := opendental.NewConnector(cfg)
	require.NoError(t, err)
	conn, err := connector.Connect(t.Context(), driver.Env{Location: time.UTC})
	require.NoError(t, err)
	r := reader{t, conn}
	cursor := r.changes(driver.AppointmentFeed, "").Next

	backup, err := o.tables.root.Conn(t.Context())
	require.NoError(t, err)
	_, err = backup.ExecContext(t.Context(), "LOCK TABLES appointment WRITE")
	require.NoError(t, err)
	_, err = driver.ReadChanges(t.Context(), conn, driver.ChangesQuery{Feed: driver.AppointmentFeed, Cursor: cursor})
	requireError(t, err, driver.ErrUnavailable, driver.ReasonNone, "a table may be locked")
	require.NoError(t, conn.Ping(t.Context()), "other tables are not locked")
	require.Empty(t, r.info().Feeds[driver.AppointmentFeed].Why, "what there is can be seen meanwhile")
	_, err = backup.ExecContext(t.Context(), "UNLOCK TABLES")
	require.NoError(t, err)
	r.changes(driver.AppointmentFeed, cursor)

	// A host that sets a limit at the server has the same.
	limited, err := connectTo(t, o.tables.open(t, map[string]string{"lock_wait_timeout": "1"}))
	require.NoError(t, err)
	_, err = backup.ExecContext(t.Context(), "LOCK TABLES appointment WRITE")
	require.NoError(t, err)
	_, err = driver.ReadAppointment(t.Context(), limited, "1")
	requireError(t, err, driver.ErrUnavailable, driver.ReasonNone, "busy")
	_, err = backup.ExecContext(t.Context(), "UNLOCK TABLES")
	require.NoError(t, err)
	require.NoError(t, backup.Close())
	require.NoError(t, conn.Close())
}

func TestTextsBeyondThreeBytesAndDatesThatAreNoneAreRead(t *testing.T) {
	t.Parallel()
	o := newSQLOffice(t, time.UTC, setUp{session: awkward})
	d := o.tables
	d.run("ALTER TABLE patient CONVERT TO CHARACTER SET utf8mb4", "ALTER TABLE appointment CONVERT TO CHARACTER SET utf8mb4")
	ada := o.patient("Ada", "Quill")
	apt := o.visit(ada, time.Now().Add(time.Hour))
	d.run(
		"UPDATE patient SET Preferred='Addy 😀', Birthdate='0001-01-01', SecDateEntry='0000-00-00', Email=NULL WHERE PatNum="+id(ada),
		"UPDATE appointment SET Note='🦷 ''quoted'' \\\\', DateTimeArrived='0000-00-00 00:00:00', DateTimeSeated='0001-01-01', Pattern=NULL WHERE AptNum="+id(apt),
	)
	r := o.connect(t, setUp{session: awkward})
	found, err := driver.FindPatients(t.Context(), r.conn, driver.PatientQuery{ID: id(ada)})
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Equal(t, "Addy 😀", found[0].Preferred.Reveal())
	require.True(t, found[0].BirthDate.IsZero() && found[0].CreatedAt.IsZero() && found[0].Email.IsEmpty())
	a := r.appointment(apt)
	require.Equal(t, `🦷 'quoted' \`, a.Note.Reveal())
	require.Equal(t, driver.AppointmentScheduled, a.State)
	require.Zero(t, a.Duration)
	d.run("UPDATE appointment SET AptDateTime='0001-01-01' WHERE AptNum=" + id(apt))
	require.True(t, r.appointment(apt).Start.IsZero())
}

func TestTheAPIAndTheDatabaseHaveToBeOfOneOffice(t *testing.T) {
	t.Parallel()
	o, other := newSQLOffice(t, time.UTC, setUp{}), newSQLOffice(t, time.UTC, setUp{})
	o.must(o.SetPreference(t.Context(), "PracticeTitle", "North Dental"))
	o.must(other.SetPreference(t.Context(), "PracticeTitle", "South Dental"))
	cfg := o.config(t, setUp{api: true})
	cfg.DB = other.tables.open(t, nil)
	connector, err := opendental.NewConnector(cfg)
	require.NoError(t, err)
	_, err = connector.Connect(t.Context(), driver.Env{})
	requireError(t, err, driver.ErrRejected, driver.ReasonNotThisPMS, "not of the same office")
	require.NotContains(t, err.Error(), "South")
	o.connect(t, setUp{api: true})
}

func TestADatabaseDSNIsNeverPrinted(t *testing.T) {
	t.Parallel()
	o := newSQLOffice(t, time.UTC, setUp{})
	dsn := mysqlDSN(o.tables, readerPassword)
	cfg := opendental.Config{Database: opendental.NewDatabaseDSN("mysql", dsn)}
	text := func(v any) string {
		var b strings.Builder
		slog.New(slog.NewJSONHandler(&b, nil)).Info("m", "v", v)
		j, err := json.Marshal(v)
		require.NoError(t, err)
		return fmt.Sprint(v) + fmt.Sprintf("%v %+v %#v %s %q %d", v, v, v, v, v, v) + b.String() + string(j)
	}
	for _, v := range []any{cfg, &cfg, cfg.Database, &cfg.Database, struct{ cfg opendental.Config }{cfg}, map[string]any{"c": cfg.Database},
		struct{ D opendental.DatabaseDSN }{cfg.Database}} {
		require.NotContains(t, text(v), readerPassword)
		require.NotContains(t, text(v), o.tables.reader)
	}
	connector, err := opendental.NewConnector(cfg)
	require.NoError(t, err)
	conn, err := connector.Connect(t.Context(), driver.Env{})
	require.NoError(t, err)
	require.NotContains(t, fmt.Sprintf("%v %+v %#v", connector, connector, connector), readerPassword)
	require.NoError(t, conn.Ping(t.Context()))
	require.NoError(t, conn.Close())
	require.NoError(t, conn.Close())
	require.ErrorIs(t, conn.Ping(t.Context()), driver.ErrUnavailable)
}

func mysqlDSN(d *database, password string) string {
	return d.reader + ":" + password + "@unix(" + d.server.Socket + ")/" + d.name
}

func TestAWrongDatabaseInTheConfigIsNamed(t *testing.T) {
	t.Parallel()
	pool := sqlx.MustOpen("mysql", "u:p@tcp(127.0.0.1:1)/x")
	defer func() { _ = pool.Close() }()
	key := driver.NewSecret("DevKeyOfAnyKind")
	for words, cfg := range map[string]opendental.Config{
		"either DB or Database":      {DB: pool, Database: opendental.NewDatabaseDSN("mysql", "u:SecretPw1@/x")},
		"not registered":             {Database: opendental.NewDatabaseDSN("oracle", "u:SecretPw1@/x")},
		"refuses the data source":    {Database: opendental.NewDatabaseDSN("mysql", "u:SecretPw1@tcp(host/x?y")},
		"name of an SQL driver":      {Database: opendental.NewDatabaseDSN("", "u:SecretPw1@/x")},
		"and a data source name":     {Database: opendental.NewDatabaseDSN("mysql", "")},
		"customer key: missing":      {DB: pool, DeveloperKey: key},
		"developer key: missing":     {DB: pool, Mode: opendental.Remote},
		"customer key: missing; it ": {},
	} {
		_, err := opendental.NewConnector(cfg)
		require.ErrorContains(t, err, words)
		require.NotContains(t, err.Error(), "SecretPw1")
	}
	connector, err := opendental.NewConnector(opendental.Config{DB: pool})
	require.NoError(t, err)
	_, err = connector.Connect(t.Context(), driver.Env{})
	requireError(t, err, driver.ErrUnavailable, driver.ReasonNone, "no connection to the database")
	_, err = connector.Connect(t.Context(), driver.Env{Site: "1 OR 1=1"})
	requireError(t, err, driver.ErrRejected, driver.ReasonInvalid, "clinic number")
}

func TestTheHostsPoolStaysOpen(t *testing.T) {
	t.Parallel()
	o := newSQLOffice(t, time.UTC, setUp{})
	pool := o.tables.open(t, nil)
	conn, err := connectTo(t, pool)
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	require.NoError(t, pool.PingContext(context.Background()))
}

func TestWithoutTheAPINothingIsWritten(t *testing.T) {
	t.Parallel()
	o := newSQLOffice(t, time.UTC, setUp{})
	r := o.connect(t, setUp{})
	for kind, op := range r.info().Ops {
		require.False(t, op.Supported)
		require.Contains(t, op.Why, "API", kind)
	}
	_, err := driver.Write(t.Context(), r.conn, &driver.Note{})
	require.ErrorIs(t, err, driver.ReasonUnsupported)
	_, _, err = driver.Verify(t.Context(), r.conn, &driver.Note{})
	require.ErrorIs(t, err, driver.ReasonUnsupported)
}
