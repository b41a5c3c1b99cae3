package sqlpms

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/pmswriteback/pms/driver"
)

// CatalogSQL are the statements by which an engine tells what the database has.
// Each gets the owner of the tables as its one argument. An empty statement is not
// asked. A stand-in serves the same texts by tables or views of its own that are
// named as the engine's.
type CatalogSQL struct {
	// Columns lists the columns that the user may see: table_name, column_name and,
	// where the engine tells, default_value (text that holds "autoincrement" for a
	// column that the engine numbers).
	Columns string
	// Procedures lists the arguments of procedures, a row for each, and one row
	// with a NULL argument_name for a procedure without any: procedure_name,
	// argument_name.
	Procedures string
	// Rights lists what the user may do, a row for each right: object_name and
	// right_name, one of select, insert, update, execute in any case.
	Rights string
}

// Catalog is what a database has, as far as the user may see. Names have no case.
type Catalog struct {
	columns    map[string]map[string]string // to the default
	procedures map[string]int               // to the number of arguments
	rights     map[string]map[string]bool
	asked      CatalogSQL
}

// ReadCatalog asks the engine's catalog about the tables of an owner.
func (db *DB) ReadCatalog(ctx context.Context, op string, q CatalogSQL, owner string) (*Catalog, error) {
	c := &Catalog{columns: map[string]map[string]string{}, procedures: map[string]int{}, rights: map[string]map[string]bool{}, asked: q}
	for _, part := range []struct {
		text string
		note func(*Row)
	}{
		{q.Columns, func(r *Row) {
			value := ""
			if r.Has("default_value") {
				value = r.Text("default_value")
			}
			at(c.columns, r.ID("table_name"))[lower(r.ID("column_name"))] = value
		}},
		{q.Procedures, func(r *Row) {
			n := 0
			if !r.IsNull("argument_name") {
				n = 1
			}
			c.procedures[lower(r.ID("procedure_name"))] += n
		}},
		{q.Rights, func(r *Row) { at(c.rights, r.ID("object_name"))[lower(r.ID("right_name"))] = true }},
	} {
		if part.text == "" {
			continue
		}
		err := db.Each(ctx, op, SQL(part.text, owner), func(r *Row) (bool, error) {
			part.note(r)
			return true, nil
		})
		if err != nil {
			return nil, err
		}
	}
	return c, nil
}

func lower(s string) string { return strings.ToLower(s) }

func at[V any](all map[string]map[string]V, name string) map[string]V {
	name = lower(name)
	if all[name] == nil {
		all[name] = map[string]V{}
	}
	return all[name]
}

// Need is one thing that a feature needs of the database.
type Need struct {
	// Table with Columns must be there. The name is without its owner.
	Table   string
	Columns []string
	// Auto is a column of Table that the engine must number by itself.
	Auto string
	// Right is what the user must be allowed with Table, besides reading: insert
	// or update.
	Right string
	// Procedure must be there, with Args arguments unless that is negative, and the
	// user must be allowed to call it.
	Procedure string
	Args      int
}

// Lacks says in staff words what is missing of what is needed; empty when nothing
// is. What the engine was not asked is taken to be there.
func (c *Catalog) Lacks(needs ...Need) string {
	for _, n := range needs {
		if why := c.lacks(n); why != "" {
			return why
		}
	}
	return ""
}

func (c *Catalog) lacks(n Need) string {
	if n.Table != "" && c.asked.Columns != "" {
		columns := c.columns[lower(n.Table)]
		if len(columns) == 0 {
			return NoTable(n.Table)
		}
		for _, column := range n.Columns {
			if _, ok := columns[lower(column)]; !ok {
				return NoColumn(n.Table, column)
			}
		}
		if n.Auto != "" && !strings.Contains(lower(columns[lower(n.Auto)]), "autoincrement") {
			return fmt.Sprintf("The database does not number the column %s of the table %s by itself.", n.Auto, n.Table)
		}
	}
	if n.Table != "" && n.Right != "" && c.asked.Rights != "" && !c.rights[lower(n.Table)][lower(n.Right)] {
		return fmt.Sprintf("The database user has no right to %s in the table %s.", n.Right, n.Table)
	}
	if n.Procedure == "" {
		return ""
	}
	if c.asked.Procedures != "" {
		args, ok := c.procedures[lower(n.Procedure)]
		switch {
		case !ok:
			return "The database has no procedure " + n.Procedure + " that the database user may see."
		case n.Args >= 0 && args != n.Args:
			return fmt.Sprintf("The procedure %s takes %d arguments, and %d are given to it.", n.Procedure, args, n.Args)
		}
	}
	if c.asked.Rights != "" && !c.rights[lower(n.Procedure)]["execute"] {
		return "The database user has no right to call the procedure " + n.Procedure + "."
	}
	return ""
}

// HasColumn reports whether the catalog has a column.
func (c *Catalog) HasColumn(table, column string) bool {
	_, ok := c.columns[lower(table)][lower(column)]
	return ok
}

// NoTable says in staff words that a table is not there, or not to be seen.
func NoTable(table string) string {
	return "The database has no table " + table + " that the database user may read."
}

// NoColumn says in staff words that a column is not there, or not to be seen.
func NoColumn(table, column string) string {
	return "The table " + table + " has no column " + column + " that the database user may read."
}

// Touch looks whether a table and its columns can be read, without reading a row.
// It needs no catalog and works with every engine. The name is as in statements,
// with its owner. It returns in staff words why not; empty when it can be read. An
// error means that nobody knows.
func (db *DB) Touch(ctx context.Context, op, table string, columns ...string) (why string, err error) {
	class, err := db.touch(ctx, op, table, strings.Join(columns, ", "))
	switch {
	case err != nil || class == "":
		return "", err
	case class == ClassDenied:
		if len(columns) > 1 {
			return db.touchEach(ctx, op, table, columns)
		}
		return "The database user has no right to read the table " + plainName(table) + ".", nil
	}
	return db.touchEach(ctx, op, table, columns)
}

// touchEach finds the one column that cannot be read.
func (db *DB) touchEach(ctx context.Context, op, table string, columns []string) (string, error) {
	refused, denied := "", false
	good := 0
	for _, column := range columns {
		class, err := db.touch(ctx, op, table, column)
		switch {
		case err != nil:
			return "", err
		case class == "":
			good++
		case refused == "":
			refused, denied = column, class == ClassDenied
		}
	}
	switch {
	case refused == "" && good > 0: // one at a time they can be read
		return "The columns of the table " + plainName(table) + " cannot be read together.", nil
	case good == 0 && denied:
		return "The database user has no right to read the table " + plainName(table) + ".", nil
	case good == 0:
		return NoTable(plainName(table)), nil
	}
	return NoColumn(plainName(table), refused), nil
}

// touch gives the class of the engine's refusal; empty when there is none.
func (db *DB) touch(ctx context.Context, op, table, columns string) (Class, error) {
	err := db.Each(ctx, op, SQL("SELECT "+columns+" FROM "+table+" WHERE 1 = 0"), func(*Row) (bool, error) { return false, nil })
	var f *Fault
	if errors.As(err, &f) {
		switch f.Class {
		case ClassMissing, ClassStatement, ClassDenied:
			return f.Class, nil
		}
	}
	return "", err
}

// plainName takes the quotes away, for staff.
func plainName(table string) string { return strings.ReplaceAll(table, `"`, "") }

// Features are what a driver offers, with the reason why not in staff words; empty
// for what works.
type Features map[string]string

// Support gives a feature's support for Info. One that was never looked at is not
// supported.
func (f Features) Support(name string, needs ...string) driver.Support {
	why, ok := f[name]
	switch {
	case !ok:
		return driver.No("This was not looked for in the database.", needs...)
	case why != "":
		return driver.No(why, needs...)
	}
	return driver.Yes(needs...)
}

// Features looks at what several features need, each by its name.
func (c *Catalog) Features(needs map[string][]Need) Features {
	out := Features{}
	for name, n := range needs {
		out[name] = c.Lacks(n...)
	}
	return out
}
