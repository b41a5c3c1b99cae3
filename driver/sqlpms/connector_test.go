package sqlpms_test

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
	"github.com/pmswriteback/pms/driver/sqlpms/odbctest"
)

func secrets(statements ...string) func(*sqlpms.Config) {
	return func(cfg *sqlpms.Config) {
		for _, s := range statements {
			cfg.Init = append(cfg.Init, driver.NewSecret(s))
		}
	}
}

func one(t *testing.T, db *sqlpms.DB, statement string) (value string) {
	t.Helper()
	require.NoError(t, db.Each(t.Context(), "read", sqlpms.SQL(statement), func(r *sqlpms.Row) (bool, error) {
		value = r.Text("v")
		return false, nil
	}))
	return value
}

func TestInitialStatementsRunOnEveryNewConnection(t *testing.T) {
	t.Parallel()
	b := newBed(t, secrets("SET @signature='Sig0Secret'", "SELECT 1", "call admin.two_sets()", "SET @second=@signature"))
	for range 3 {
		require.Equal(t, "Sig0Secret", one(t, b.db, "SELECT @second AS v"))
		b.line.HangUp()
	}
	n := 0
	for _, s := range b.line.Statements() {
		if strings.HasPrefix(s, "SET @signature") {
			n++
		}
	}
	require.Equal(t, 3, n)
}

func TestAFailedInitialStatementIsNamedByItsNumberOnly(t *testing.T) {
	t.Parallel()
	b := newBed(t, secrets("SET @fine=1", "SET nonsense Sig0Secret"))
	err := b.db.Ping(t.Context(), "connect")
	e := requireKind(t, err, driver.ErrRejected)
	var init *sqlpms.InitError
	require.ErrorAs(t, err, &init)
	require.Equal(t, 2, init.Statement)
	require.ErrorContains(t, err, "initial statement 2 of 2 failed")
	require.NotContains(t, fmt.Sprintf("%+v %#v", err, e), "Sig0Secret")
	soon(t, "the connection is closed", func() bool { return b.line.Open() == 0 })
	// It never serves, not even later. That the connection is refused is no refusal of
	// what was to be written: it waits until the set-up is mended.
	_, err = b.db.Write(t.Context(), insert("2", "x"))
	require.Empty(t, requireKind(t, err, driver.ErrUnavailable).Reason)
	require.ErrorContains(t, err, "initial statement 2 of 2 failed")
}

func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	cfg := sqlpms.Config{Name: "acme", SQLDriver: "none", DSN: driver.NewSecret("PWD=hunter2"), Init: []driver.Secret{driver.NewSecret("SIG=hunter3")}}
	_, err := sqlpms.Open(cfg)
	require.ErrorContains(t, err, "SQLDriver")
	connector, err := sqlpms.NewConnector(sqlpms.Config{Name: "acme", Driver: &fakeDriver{}, DSN: cfg.DSN, Init: cfg.Init})
	require.NoError(t, err)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		require.NotContains(t, fmt.Sprintf(verb, cfg), "hunter")
		require.NotContains(t, fmt.Sprintf(verb, connector), "hunter")
	}
}

func TestAConfigIsCheckedBeforeAnythingIsOpened(t *testing.T) {
	t.Parallel()
	dsn := driver.NewSecret("x")
	for names, cfg := range map[string]sqlpms.Config{
		"SQLDriver: name":                      {},
		"forgotten import":                     {SQLDriver: "nobody", DSN: dsn},
		"DSN: give":                            {Driver: &fakeDriver{}},
		"give one of them only":                {Driver: &fakeDriver{}, SQLDriver: "odbc", DSN: dsn},
		"Init: statement 2 is empty":           {Driver: &fakeDriver{}, DSN: dsn, Init: []driver.Secret{driver.NewSecret("a"), {}}},
		"MaxConns, IdleFor, Timeout, ConnectT": {Driver: &fakeDriver{}, DSN: dsn, MaxConns: -1},
	} {
		_, err := sqlpms.Open(cfg)
		require.ErrorContains(t, err, names)
	}
}

// What ODBC says of a set-up that is not there becomes words that say what to do.
func TestAMissingDataSourceIsSaidInClearWords(t *testing.T) {
	t.Parallel()
	odbctest.Need(t)
	for dsn, words := range map[string]string{
		"DSN=NoSuchPMS;PWD=hunter2":        "32-bit program sees only 32-bit data sources",
		"Driver=/nowhere/x.so;PWD=hunter2": "ODBC driver's file cannot be loaded",
		"Driver={No Such One};PWD=hunter2": "other bitness",
	} {
		db, err := sqlpms.Open(sqlpms.Config{Name: "acme", SQLDriver: odbctest.DriverName, DSN: driver.NewSecret(dsn), Dialect: dialect})
		require.NoError(t, err)
		err = db.Ping(t.Context(), "connect")
		e := requireKind(t, err, driver.ErrRejected)
		require.Contains(t, e.Error(), words)
		require.NotContains(t, e.Error(), "hunter2")
		require.NoError(t, db.Close())
	}
}

func TestARefusedLoginIsUnauthorized(t *testing.T) {
	t.Parallel()
	odbctest.Need(t)
	server := office.Borrow(t)
	dsn := odbctest.Login{Socket: server.Socket, User: "nobody", Password: "hunter2"}.DSN(t)
	db, err := sqlpms.Open(sqlpms.Config{Name: "acme", SQLDriver: odbctest.DriverName, DSN: driver.NewSecret(dsn), Dialect: dialect})
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	e := requireKind(t, db.Ping(t.Context(), "connect"), driver.ErrUnauthorized)
	require.Equal(t, driver.ScopeConnection, e.Scope)
}

func TestNothingAnswersIsUnavailable(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	require.NoError(t, b.db.Ping(t.Context(), "ping"))
	lift := b.line.Offline()
	requireKind(t, b.db.Ping(t.Context(), "ping"), driver.ErrUnavailable)
	_, err := b.db.Write(t.Context(), insert("2", "x"))
	requireKind(t, err, driver.ErrUnavailable)
	lift()
	require.NoError(t, b.db.Ping(t.Context(), "ping"))
	require.Zero(t, b.count("ref='"+ref+"'"))
}

// The SQL driver's own Ping asks nobody.
func TestPingAsksTheServer(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	pool := b.pool()
	require.NoError(t, pool.PingContext(t.Context()))
	lift := b.line.Strike(odbctest.Trouble{When: odbctest.Runs("^select 1"), Do: odbctest.CutBefore})
	require.Error(t, pool.PingContext(t.Context()))
	lift()
}

func TestDatabaseSQLNeverRunsAStatementTwice(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	pool := b.pool() // a host's own statements, without a transaction
	lift := b.line.Strike(odbctest.Trouble{When: isInsert, Do: odbctest.CutAfter, Times: 1})
	_, err := pool.ExecContext(t.Context(), "INSERT INTO admin.note (patient, body) VALUES ('2', 'once')")
	lift()
	require.Error(t, err)
	require.NotErrorIs(t, err, sqldriver.ErrBadConn)
	require.Equal(t, 1, b.count("body='once'"))

	lift = b.line.Strike(odbctest.Trouble{When: isInsert, Do: odbctest.CutAfter, Times: 1})
	stmt, err := pool.PrepareContext(t.Context(), "INSERT INTO admin.note (patient, body) VALUES ('2', ?)")
	require.NoError(t, err)
	_, err = stmt.ExecContext(t.Context(), "prepared")
	lift()
	require.Error(t, err)
	require.NoError(t, stmt.Close())
	require.Equal(t, 1, b.count("body='prepared'"))
}

func TestConnectionsAreTakenFromAHostsPool(t *testing.T) {
	t.Parallel()
	odbctest.Need(t)
	server := office.Borrow(t)
	line := odbctest.NewLine(t, server.Socket)
	pool := odbctest.Open(t, odbctest.Login{Socket: line.Socket, Database: "admin"}.DSN(t))
	db, err := sqlpms.Open(sqlpms.Config{Name: "acme", Pool: pool, Dialect: dialect, Init: []driver.Secret{driver.NewSecret("SET @mine=7")}})
	require.NoError(t, err)
	require.Equal(t, "7", one(t, db, "SELECT @mine AS v"))
	lift := line.Strike(odbctest.Trouble{When: odbctest.IsCommit, Do: odbctest.CutAfter, Times: 1})
	_, err = db.Write(t.Context(), insert("2", "x"))
	lift()
	requireKind(t, err, driver.ErrUnknownOutcome)
	_, err = db.Write(t.Context(), insert("2", "x"))
	require.ErrorIs(t, err, driver.ReasonDuplicate)
	require.NoError(t, db.Close())
	soon(t, "the connections are back", func() bool { return pool.Stats().InUse == 0 })
	require.NoError(t, pool.Ping(), "the host's pool stays open")
}

func TestAClosedPoolIsUnavailable(t *testing.T) {
	t.Parallel()
	db, err := sqlpms.Open(sqlpms.Config{Name: "acme", Driver: &fakeDriver{}, DSN: driver.NewSecret("x")})
	require.NoError(t, err)
	require.NoError(t, db.Close())
	require.NoError(t, db.Close())
	requireKind(t, db.Ping(t.Context(), "ping"), driver.ErrUnavailable)
	_, err = db.Write(t.Context(), sqlpms.Write{Op: "x"})
	requireKind(t, err, driver.ErrUnavailable)
}

func TestCloseMakesRunningCallsFail(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	lift := b.line.Strike(odbctest.Trouble{When: odbctest.Runs("^select 1"), Do: odbctest.Hang})
	defer lift()
	done := make(chan error, 1)
	go func() { done <- b.db.Ping(context.Background(), "ping") }()
	soon(t, "it hangs", func() bool {
		return len(b.line.Statements()) > 0 && strings.HasPrefix(b.line.Statements()[len(b.line.Statements())-1], "SELECT 1")
	})
	require.NoError(t, b.db.Close())
	requireKind(t, <-done, driver.ErrUnavailable)
}

// A server that keeps every call must not cost a thread for each of them.
func TestCallsThatHangAreBounded(t *testing.T) {
	t.Parallel()
	fake := &fakeDriver{release: make(chan struct{})}
	db, err := sqlpms.Open(sqlpms.Config{Name: "acme", Driver: fake, DSN: driver.NewSecret("x"), ConnectTimeout: 5 * time.Millisecond})
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	for range 30 {
		requireKind(t, db.Ping(t.Context(), "ping"), driver.ErrUnavailable)
	}
	require.ErrorContains(t, db.Ping(t.Context(), "ping"), "too many earlier calls")
	require.LessOrEqual(t, fake.opened(), 16)
	close(fake.release)
	soon(t, "it works again", func() bool { return db.Ping(t.Context(), "ping") == nil })
	soon(t, "what came late was closed", func() bool { return fake.openNow() <= 2 })
}

func TestAPanicOfTheSQLDriverIsAnError(t *testing.T) {
	t.Parallel()
	fake := &fakeDriver{next: func([]sqldriver.Value) error { panic("slice bounds out of range: Quill") }}
	db, err := sqlpms.Open(sqlpms.Config{Name: "acme", Driver: fake, DSN: driver.NewSecret("x")})
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	err = db.Ping(t.Context(), "ping")
	requireKind(t, err, driver.ErrUnavailable)
	require.ErrorContains(t, err, "longer in bytes")
	soon(t, "its connection is not used again", func() bool { return fake.openNow() == 0 })
}

// fakeDriver is an SQL driver of the smallest kind.
type fakeDriver struct {
	release chan struct{} // Open waits for it
	next    func([]sqldriver.Value) error

	mu        sync.Mutex
	all, open int
}

func (d *fakeDriver) count(all, open int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all += all
	d.open += open
}

func (d *fakeDriver) opened() int  { d.mu.Lock(); defer d.mu.Unlock(); return d.all }
func (d *fakeDriver) openNow() int { d.mu.Lock(); defer d.mu.Unlock(); return d.open }

func (d *fakeDriver) Open(string) (sqldriver.Conn, error) {
	d.count(1, 0)
	if d.release != nil {
		<-d.release
	}
	d.count(0, 1)
	return &fakeConn{d}, nil
}

type fakeConn struct{ d *fakeDriver }

func (c *fakeConn) Prepare(string) (sqldriver.Stmt, error) { return fakeStmt{c.d}, nil }
func (c *fakeConn) Close() error                           { c.d.count(0, -1); return nil }
func (c *fakeConn) Begin() (sqldriver.Tx, error)           { return nil, errors.New("no transactions") }

type fakeStmt struct{ d *fakeDriver }

func (fakeStmt) Close() error  { return nil }
func (fakeStmt) NumInput() int { return -1 }
func (fakeStmt) Exec([]sqldriver.Value) (sqldriver.Result, error) {
	return sqldriver.RowsAffected(0), nil
}
func (s fakeStmt) Query([]sqldriver.Value) (sqldriver.Rows, error) { return fakeRows(s), nil }

type fakeRows struct{ d *fakeDriver }

func (fakeRows) Columns() []string { return []string{"v"} }
func (fakeRows) Close() error      { return nil }

func (r fakeRows) Next(row []sqldriver.Value) error {
	if r.d.next != nil {
		return r.d.next(row)
	}
	row[0] = "1"
	return nil
}
