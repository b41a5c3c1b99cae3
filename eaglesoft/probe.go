package eaglesoft

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
)

// schema is what was found when the database was last looked at.
type schema struct {
	engine, version string
	session         session
	catalog         *sqlpms.Catalog
	// user says what is wrong with the user of the configuration; empty when nothing
	// is.
	user string
	skew time.Duration
}

// session is what a connection is allowed and how it reads.
type session struct {
	authenticated bool
	dirty         bool // it shows what is not committed
	unquoted      bool // "name" is a text and no name
}

const sessionQuery = "SELECT CONNECTION_PROPERTY('Authenticated') AS authenticated, CONNECTION_PROPERTY('isolation_level') AS isolation_level," +
	" CONNECTION_PROPERTY('quoted_identifier') AS quoted_identifier"

func sessionOf(rows []*row) session {
	r := first(rows)
	return session{
		authenticated: strings.EqualFold(r.text("authenticated"), "Yes"),
		dirty:         r.text("isolation_level") == "0",
		unquoted:      !strings.EqualFold(r.text("quoted_identifier"), "On"),
	}
}

// why says why nothing is written on the connection; empty when something may be.
func (s session) why() string {
	switch {
	case !s.authenticated:
		return whyUnauthenticated
	case s.dirty:
		return whyDirtyReads
	}
	return ""
}

// look finds out anew what there is.
func (c *conn) look(ctx context.Context, op string) (*schema, error) {
	s, err := c.probe(ctx, op)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.found = s
	return s, nil
}

// schema is what there is, as last looked at.
func (c *conn) schema(ctx context.Context, op string) (*schema, error) {
	c.mu.Lock()
	found := c.found
	c.mu.Unlock()
	if found != nil {
		return found, nil
	}
	return c.look(ctx, op)
}

// supported gives what there is when the tables can be read, else a refusal.
func (c *conn) supported(ctx context.Context, op string, tables ...table) (*schema, error) {
	s, err := c.schema(ctx, op)
	if err != nil {
		return nil, err
	}
	if why := s.lacks(tables...); why != "" {
		return nil, rejected(op, driver.ReasonUnsupported, why)
	}
	return s, nil
}

// identify makes sure that this is Eaglesoft's database on SQL Anywhere.
func (c *conn) identify(ctx context.Context, op string, s *schema) error {
	notThis := func(err error, cause string, also ...sqlpms.Class) error {
		if err == nil || sqlpms.FaultOf(err, append(also, sqlpms.ClassMissing)...) != nil {
			return rejected(op, driver.ReasonNotThisPMS, cause)
		}
		return err
	}
	rows, err := c.db.first(ctx, op, 1, "SELECT PROPERTY('ProductVersion') AS engine")
	if err != nil || first(rows).text("engine") == "" {
		// There everybody may ask for it.
		return notThis(err, "the database is not on SQL Anywhere", sqlpms.ClassStatement, sqlpms.ClassDenied)
	}
	s.engine = first(rows).text("engine")
	if rows, err = c.db.first(ctx, op, 1, sessionQuery); err != nil {
		return err
	}
	if s.session = sessionOf(rows); s.session.unquoted {
		return rejected(op, driver.ReasonNotThisPMS, "the connection takes quoted names for texts (quoted_identifier); it must be an ODBC connection")
	}
	rows, err = c.db.first(ctx, op, 1, "SELECT "+columns("", tSystem.Must...)+" FROM "+c.db.from(tSystem))
	if errors.Is(err, driver.ErrUnauthorized) && sqlpms.FaultOf(err, notThere...) != nil {
		// Without its version nothing can be known of it.
		return unauthorized(op, driver.ScopeConnection, "the database user may not read the table system_preferences of the owner "+c.cfg.Owner+
			": grant SELECT on it, or check the owner")
	}
	if err != nil || first(rows).text("version") == "" {
		return notThis(err, "the database names no version of Eaglesoft; check the owner of the tables")
	}
	s.version = first(rows).text("version")
	return nil
}

// probe looks at the database as it is now: who is connected, what the tables have,
// and whether they may be read and written.
func (c *conn) probe(ctx context.Context, op string) (*schema, error) {
	s := &schema{catalog: sqlpms.NewCatalog(words)}
	if err := c.identify(ctx, op, s); err != nil {
		return nil, err
	}
	before := time.Now()
	now, err := c.clock(ctx, op)
	if err != nil {
		return nil, err
	}
	s.skew = now.Sub(before.Add(time.Since(before) / 2))
	args := []any{c.cfg.Owner}
	for _, t := range allTables {
		args = append(args, t.Name)
	}
	err = c.db.note(c.db.db.ReadColumns(ctx, op, s.catalog, sqlpms.SQL(`SELECT t."table_name", c."column_name", c."default" AS column_default,`+
		` c."width" AS column_width FROM SYS.SYSTAB t JOIN SYS.SYSTABCOL c ON c."table_id" = t."table_id"`+
		` WHERE t."creator" = USER_ID(?) AND t."table_name" IN (`+marks(len(allTables))+`)`, args...)))
	if err != nil {
		return nil, err
	}
	for _, t := range allTables {
		if s.lacks(t) != "" {
			continue
		}
		// The catalog lists what may not be read, too.
		if err := c.db.db.Touch(ctx, op, s.catalog, t, sqlpms.SQL("SELECT "+columns("", t.Must...)+" FROM "+c.db.from(t)+" WHERE 1 = 0")); err != nil {
			return nil, err
		}
	}
	if s.session.why() == "" {
		if err := c.db.db.Try(ctx, op, s.catalog, c.trials(s)...); err != nil {
			return nil, err
		}
	}
	s.user, err = c.checkUser(ctx, op, s)
	return s, err
}

// trials ask for the rights to what is written with this configuration.
func (c *conn) trials(s *schema) []sqlpms.Trial {
	var list []sqlpms.Trial
	asked := map[string]bool{}
	for _, kind := range driver.OpKinds() {
		if c.noOp(nil, kind) != "" {
			continue
		}
		for _, n := range needsOf(s, kind) {
			if n.Right == "" || asked[n.Name+string(n.Right)] || s.lacks(n.Object) != "" {
				continue
			}
			asked[n.Name+string(n.Right)] = true
			name, column := c.db.from(n.Object), columns("", n.Must[0])
			text := "INSERT INTO " + name + " (" + column + ") SELECT " + column + " FROM " + name
			if n.Right == sqlpms.RightUpdate {
				column = columns("", n.Must[1]) // not the key
				text = "UPDATE " + name + " SET " + column + " = " + column
			}
			list = append(list, sqlpms.Trial{Object: n.Object, Right: n.Right, Statement: sqlpms.SQL(text + " WHERE 1 = 0")})
		}
	}
	return list
}

// words are what staff are told of what the database lacks.
var words = sqlpms.Words{
	NoObject: func(name string) string {
		return "The database has no table " + name + " of the owner in the connection settings."
	},
	NoColumns: func(name string, missing []string) string {
		return "The table " + name + " has no column " + missing[0] + ", as far as the database's catalog says."
	},
	Refused: func(name string, f *sqlpms.Fault) string {
		if !slices.Contains(notThere, f.Class) {
			return ""
		}
		return "The database user may not read the table " + name + ": grant SELECT on it."
	},
	NotNumbered: func(name, column string) string {
		return "The database does not number " + name + "." + column + " by itself (autoincrement). A number of our own could be one that " +
			"Eaglesoft gives out at the same moment."
	},
	NoRight: func(name string, right sqlpms.Right) string {
		return "The database user may not write to the table " + name + ": grant " + string(right) + " on it."
	},
}

// checkUser says in staff words what is wrong with the user of the configuration.
func (c *conn) checkUser(ctx context.Context, op string, s *schema) (string, error) {
	if why := s.lacks(tProvider); why != "" {
		return why, nil
	}
	plain, padded := idForms(c.cfg.User, providerWidth)
	rows, err := c.db.query(ctx, op, "SELECT "+columns("", "provider_id", "status")+" FROM "+c.db.from(tProvider)+` WHERE "provider_id" IN (?, ?)`, plain, padded)
	if err != nil {
		return "", err
	}
	for _, r := range rows {
		switch {
		case r.text("provider_id") != c.cfg.User:
		case !strings.EqualFold(r.text("status"), "A"):
			return "The user " + c.cfg.User + ", under whose name the application writes, is inactive in Eaglesoft (Lists > Providers/Staff).", nil
		default:
			return "", nil
		}
	}
	return "Eaglesoft has no user " + c.cfg.User + ", under whose name the application is to write (Lists > Providers/Staff).", nil
}

// lacks says in staff words what is missing of some tables; empty when nothing is.
func (s *schema) lacks(tables ...table) string {
	for _, t := range tables {
		if why := s.catalog.Lacks(sqlpms.Need{Object: t}); why != "" {
			return why
		}
	}
	return ""
}

// width is how much a column holds: what the catalog says, and no more than what is
// known from elsewhere.
func (s *schema) width(t table, name string, known int) int {
	if w := s.catalog.Column(t, name).Width; w > 0 && w < known {
		return w
	}
	return known
}
