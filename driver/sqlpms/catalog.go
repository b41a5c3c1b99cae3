package sqlpms

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// Object is a table or a view that a driver uses, or a procedure that it calls for
// its rows.
type Object struct {
	// Name is without the owner.
	Name string
	// Must are the columns without which it is of no use.
	Must []string
	// May are used where they are there.
	May []string
}

// Column is what the engine's catalog says of a column.
type Column struct {
	// Numbered is set when the engine numbers the rows by it.
	Numbered bool
	// Width is how much it holds; 0 when the catalog does not say.
	Width int
}

// Words are a driver's sentences for staff about what its database lacks. Refused is
// needed by [DB].Touch, and NoRight by [DB].Try; the others by whatever may be found.
type Words struct {
	// NoObject is for what is not there.
	NoObject func(object string) string
	// NoColumns is for what is there and lacks columns.
	NoColumns func(object string, columns []string) string
	// Refused is for what the engine does not let be read. It is empty for a fault that
	// says nothing about the object, which is an error then.
	Refused func(object string, f *Fault) string
	// NotNumbered is for a column that the engine does not number.
	NotNumbered func(object, column string) string
	// NoRight is for a right to change that is missing.
	NoRight func(object string, right Right) string
}

// Right is what a user may be allowed to do with a table, besides reading it.
type Right string

// The rights.
const (
	RightInsert Right = "INSERT"
	RightUpdate Right = "UPDATE"
)

// Need is what an operation needs of an object.
type Need struct {
	Object
	// Numbered is a column that the engine has to number; empty where none has to be.
	Numbered string
	// Right is needed besides the right to read; empty where none is.
	Right Right
}

// Catalog is what a look at a database found of the objects that a driver uses.
// Names have no case. It is filled by [DB].ReadColumns, [DB].Touch and [DB].Try, and
// not changed afterwards.
type Catalog struct {
	words   Words
	columns map[string]map[string]Column
	refused map[string]string         // why an object is not read
	denied  map[string]map[Right]bool // rights that are missing
}

// NewCatalog makes an empty one, which lacks everything.
func NewCatalog(w Words) *Catalog {
	return &Catalog{words: w, columns: map[string]map[string]Column{}, refused: map[string]string{}, denied: map[string]map[Right]bool{}}
}

func (c *Catalog) add(object, column string, is Column) {
	object = strings.ToLower(object)
	if c.columns[object] == nil {
		c.columns[object] = map[string]Column{}
	}
	c.columns[object][strings.ToLower(column)] = is
}

// Has reports whether an object has columns, and may be read as far as is known.
func (c *Catalog) Has(o Object, columns ...string) bool {
	there := c.columns[strings.ToLower(o.Name)]
	if len(there) == 0 || c.refused[strings.ToLower(o.Name)] != "" {
		return false
	}
	for _, column := range columns {
		if _, ok := there[strings.ToLower(column)]; !ok {
			return false
		}
	}
	return true
}

// Column is what the catalog says of a column; zero for one that is not there.
func (c *Catalog) Column(o Object, column string) Column {
	return c.columns[strings.ToLower(o.Name)][strings.ToLower(column)]
}

// Selected are the columns of an object that a statement can name: Must, and those
// of May that are there.
func (c *Catalog) Selected(o Object) []string {
	list := slices.Clone(o.Must)
	for _, column := range o.May {
		if c.Has(o, column) {
			list = append(list, column)
		}
	}
	return list
}

// Lacks says in staff words the first thing that is missing of what is needed; empty
// when nothing is.
func (c *Catalog) Lacks(needs ...Need) string {
	for _, n := range needs {
		if why := c.lacks(n); why != "" {
			return why
		}
	}
	return ""
}

// Denies reports whether the first thing that is missing is a right to change: then a
// write is ErrUnauthorized rather than unsupported.
func (c *Catalog) Denies(needs ...Need) bool {
	for _, n := range needs {
		if c.lacks(n) == "" {
			continue
		}
		n.Right = ""
		return c.lacks(n) == ""
	}
	return false
}

func (c *Catalog) lacks(n Need) string {
	name := strings.ToLower(n.Name)
	if why := c.refused[name]; why != "" {
		return why
	}
	there := c.columns[name]
	if len(there) == 0 {
		return c.words.NoObject(n.Name)
	}
	var missing []string
	for _, column := range n.Must {
		if _, ok := there[strings.ToLower(column)]; !ok {
			missing = append(missing, column)
		}
	}
	switch {
	case len(missing) > 0:
		return c.words.NoColumns(n.Name, missing)
	case n.Numbered != "" && !there[strings.ToLower(n.Numbered)].Numbered:
		return c.words.NotNumbered(n.Name, n.Numbered)
	case c.denied[name][n.Right]:
		return c.words.NoRight(n.Name, n.Right)
	}
	return ""
}

// ReadColumns asks the engine's own catalog for columns. The statement's answer has a
// row for each, with table_name, column_name, column_default ("autoincrement" for one
// that the engine numbers) and column_width. A catalog may list what may not be read.
func (db *DB) ReadColumns(ctx context.Context, op string, c *Catalog, s Statement) error {
	return db.Each(ctx, op, s, func(r *Row) (bool, error) {
		c.add(r.ID("table_name"), r.ID("column_name"), Column{
			Numbered: strings.EqualFold(r.ID("column_default"), "autoincrement"), Width: int(r.Int("column_width")),
		})
		return true, nil
	})
}

// Touch looks whether an object can be read, by a statement that reads no row of it,
// and takes the columns of its answer for those that are there. What the engine
// refuses is written down in the catalog; an error means that nobody knows.
func (db *DB) Touch(ctx context.Context, op string, c *Catalog, o Object, s Statement) error {
	columns, err := db.Columns(ctx, op, s)
	if f := FaultOf(err); f != nil {
		if why := c.words.Refused(o.Name, f); why != "" {
			c.refused[strings.ToLower(o.Name)] = why
			return nil
		}
	}
	for _, column := range columns {
		if !c.Has(o, column) {
			c.add(o.Name, column, Column{})
		}
	}
	return err
}

// FaultOf is the database's fault in an error, if it is of one of the classes, or of
// any when none are given; nil else. A fault of one of the host's own initial
// statements tells nothing about a statement, and is none.
func FaultOf(err error, classes ...Class) *Fault {
	var f *Fault
	var init *InitError
	if !errors.As(err, &f) || errors.As(err, &init) || len(classes) > 0 && !slices.Contains(classes, f.Class) {
		return nil
	}
	return f
}
