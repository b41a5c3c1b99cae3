package opendental_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver/sqlpms/mariadbtest"
)

// One MariaDB for the package, started by the first test that wants it. It runs
// in Chicago, as an office's server does.
var shared struct {
	once   sync.Once
	server *mariadbtest.Server
	err    error
}

// atOnce is how many tests run at the same time. Most of their time they wait: for
// the server, for an answer that does not come, for a second to pass.
const atOnce = "6"

func TestMain(m *testing.M) {
	flag.Parse()
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "test.parallel" })
	if !chosen && runtime.GOMAXPROCS(0) < 6 {
		if err := flag.Set("test.parallel", atOnce); err != nil {
			panic(err)
		}
	}
	code := m.Run()
	if shared.server != nil {
		if err := shared.server.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

func mariaDB(tb testing.TB) *mariadbtest.Server {
	tb.Helper()
	shared.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		shared.server, shared.err = mariadbtest.New(ctx, mariadbtest.Options{TimeZone: "America/Chicago", Flags: []string{"--sql-mode="}})
	})
	if shared.err != nil {
		mariadbtest.Missing(tb, shared.err)
	}
	return shared.server
}

const (
	readerPassword = "PwConformance5T"
	otherPassword  = "PwAnother8V"
)

// database is a practice's tables in MariaDB, with a user who may read them and
// a line to it that can break.
type database struct {
	tb     testing.TB
	server *mariadbtest.Server
	name   string
	reader string // the user
	root   *sql.DB
	line   *line
	now    func() time.Time  // what the server's clock shows the reader; nil for the real one
	reset  map[string]string // the statements of empty, by table

	mu      sync.Mutex
	sent    []string
	touched map[string]bool // tables that somebody wrote to since they were emptied
	instead *database       // what the reader finds under the name; nil for these tables
}

// standIn has the reader find another practice's tables from its next connection
// on, as after a restore of the wrong back-up.
func (d *database) standIn(other *database) {
	d.run("GRANT SELECT ON " + other.name + ".* TO " + d.reader + "@localhost")
	d.mu.Lock()
	defer d.mu.Unlock()
	d.instead = other
}

var readers atomic.Int64

func newDatabase(tb testing.TB) *database {
	server := mariaDB(tb)
	d := &database{tb: tb, server: server, name: server.Database(tb), reader: fmt.Sprintf("reader%d", readers.Add(1))}
	cfg := server.Config(d.name)
	cfg.InterpolateParams, cfg.MultiStatements = true, true // one round trip each
	inner, err := mysql.NewConnector(cfg)
	require.NoError(tb, err)
	d.root = sql.OpenDB(&overheard{inner, d, true})
	tb.Cleanup(func() { _ = d.root.Close() })
	d.root.SetMaxIdleConns(4)
	d.run("CREATE USER " + d.reader + "@localhost IDENTIFIED BY '" + readerPassword + "'")
	d.run("GRANT SELECT ON " + d.name + ".* TO " + d.reader + "@localhost")
	d.line = newLine(tb, server.Socket)
	return d
}

// run executes what root may.
func (d *database) run(statements ...string) {
	d.tb.Helper()
	for _, s := range statements {
		if _, err := d.root.ExecContext(context.Background(), s); err != nil {
			d.tb.Fatalf("%s: %v", s, err)
		}
	}
}

// open is the reader's pool, as a host opens it. The session has the variables
// that are given.
func (d *database) open(tb testing.TB, variables map[string]string) *sqlx.DB {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.Net, cfg.Addr, cfg.DBName = d.reader, readerPassword, "tcp", d.line.address, d.name
	cfg.Params = variables
	cfg.ParseTime = true // what most hosts set; the driver must not care
	cfg.Logger = &mysql.NopLogger{}
	inner, err := mysql.NewConnector(cfg)
	require.NoError(tb, err)
	db := sqlx.NewDb(sql.OpenDB(&overheard{inner, d, false}), "mysql")
	tb.Cleanup(func() { _ = db.Close() })
	return db
}

// engine turns all tables into another engine's.
func (d *database) engine(name string) {
	for _, table := range d.list() {
		d.run("ALTER TABLE " + table + " ENGINE=" + name)
	}
}

func (d *database) list() []string {
	rows, err := d.root.Query("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA=DATABASE() AND TABLE_NAME NOT LIKE 'kept%' ORDER BY 1")
	require.NoError(d.tb, err)
	defer func() { _ = rows.Close() }()
	var names []string
	for rows.Next() {
		var name string
		require.NoError(d.tb, rows.Scan(&name))
		names = append(names, name)
	}
	require.NoError(d.tb, rows.Err())
	return names
}

// remember keeps what the tables hold now, for empty.
func (d *database) remember() {
	d.reset = map[string]string{}
	for _, table := range d.list() {
		d.run("CREATE TABLE kept_"+table+" LIKE "+table, "INSERT INTO kept_"+table+" SELECT * FROM "+table)
		var key string
		require.NoError(d.tb, d.root.QueryRow("SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA=DATABASE()"+
			" AND COLUMN_KEY='PRI' AND TABLE_NAME='"+table+"'").Scan(&key))
		// Emptying a MyISAM table makes new files, which takes longer than most cases.
		d.reset[table] = "DELETE t FROM " + table + " t LEFT JOIN kept_" + table + " k USING (" + key + ") WHERE k." + key + " IS NULL;" +
			"REPLACE INTO " + table + " SELECT * FROM kept_" + table + ";"
	}
}

// empty brings the tables back to that, without giving a number out again.
func (d *database) empty() {
	d.line.set(lineGood)
	d.run("SET PASSWORD FOR " + d.reader + "@localhost = PASSWORD('" + readerPassword + "')")
	d.mu.Lock()
	touched := d.touched
	d.touched = nil
	d.mu.Unlock()
	for table := range touched {
		if d.reset[table] != "" {
			d.run(d.reset[table])
		}
	}
	d.mu.Lock()
	d.touched = nil // by this
	d.mu.Unlock()
}

// touch notes to which tables statements of root's write.
func (d *database) touch(statements string) {
	for _, statement := range strings.Split(statements, ";") {
		words := strings.Fields(statement[:min(len(statement), 80)])
		for i, word := range words {
			switch strings.ToUpper(word) {
			case "INSERT", "REPLACE", "DELETE", "INTO", "FROM", "UPDATE":
				continue
			}
			if i == 0 {
				break // nothing that changes rows
			}
			d.mu.Lock()
			if d.touched == nil {
				d.touched = map[string]bool{}
			}
			table, _, _ := strings.Cut(word, "(")
			d.touched[strings.ToLower(table)] = true
			d.mu.Unlock()
			break
		}
	}
}

// lockOut gives the reader another password and ends its connections.
func (d *database) lockOut() {
	d.run("SET PASSWORD FOR " + d.reader + "@localhost = PASSWORD('" + otherPassword + "')")
	d.line.hangUp()
}

func (d *database) letIn() {
	d.run("SET PASSWORD FOR " + d.reader + "@localhost = PASSWORD('" + readerPassword + "')")
}

// heard are the statements that the reader has sent.
func (d *database) heard() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.sent...)
}

func (d *database) hear(statement string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sent = append(d.sent, statement)
}

// overheard writes down every statement on its way to the server, and sets the
// clock that the server shows for it. Of root's statements it is noted where they
// write.
type overheard struct {
	sqldriver.Connector
	d    *database
	root bool
}

func (o *overheard) Connect(ctx context.Context) (sqldriver.Conn, error) {
	c, err := o.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	o.d.mu.Lock()
	instead := o.d.instead
	o.d.mu.Unlock()
	if instead != nil && !o.root {
		if _, err := c.(sqldriver.ExecerContext).ExecContext(ctx, "USE "+instead.name, nil); err != nil {
			return nil, err
		}
	}
	return &overheardConn{c, o.d, o.root}, nil
}

type overheardConn struct {
	sqldriver.Conn
	d    *database
	root bool
}

// hear notes a statement of the reader with what is done with it.
func (c *overheardConn) hear(how, statement string) {
	switch {
	case !c.root:
		c.d.hear(how + statement)
	case how != "":
		c.d.touch(statement)
	}
}

func (c *overheardConn) QueryContext(ctx context.Context, query string, args []sqldriver.NamedValue) (sqldriver.Rows, error) {
	c.hear("", query)
	if c.d.now != nil && !c.root {
		at := c.d.now()
		set := fmt.Sprintf("SET timestamp=%d.%06d", at.Unix(), at.Nanosecond()/1000)
		if _, err := c.Conn.(sqldriver.ExecerContext).ExecContext(ctx, set, nil); err != nil {
			return nil, err
		}
	}
	if len(args) > 0 {
		c.hear("ARGUMENTS", "")
	}
	return c.Conn.(sqldriver.QueryerContext).QueryContext(ctx, query, args)
}

func (c *overheardConn) ExecContext(ctx context.Context, query string, args []sqldriver.NamedValue) (sqldriver.Result, error) {
	c.hear("EXEC ", query)
	return c.Conn.(sqldriver.ExecerContext).ExecContext(ctx, query, args)
}

func (c *overheardConn) PrepareContext(ctx context.Context, query string) (sqldriver.Stmt, error) {
	c.hear("PREPARE ", query)
	return c.Conn.(sqldriver.ConnPrepareContext).PrepareContext(ctx, query)
}

func (c *overheardConn) BeginTx(ctx context.Context, opts sqldriver.TxOptions) (sqldriver.Tx, error) {
	c.hear("BEGIN", "")
	return c.Conn.(sqldriver.ConnBeginTx).BeginTx(ctx, opts)
}

func (c *overheardConn) Ping(ctx context.Context) error {
	return c.Conn.(sqldriver.Pinger).Ping(ctx)
}

func (c *overheardConn) ResetSession(ctx context.Context) error {
	return c.Conn.(sqldriver.SessionResetter).ResetSession(ctx)
}

func (c *overheardConn) IsValid() bool { return c.Conn.(sqldriver.Validator).IsValid() }
