package opendentaltest

import (
	_ "embed"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// The tables are written down once, in MySQL's words, because that is what the
// real program has; the SQLite form and the rules for fitting values (widths,
// neutral values) are derived from the same text so that they cannot drift.
//
//go:embed schema.sql
var schemaSQL string

// kind is what a column holds, as far as reading and writing it differ.
type kind int

const (
	kindInt kind = iota
	kindFloat
	kindText
	kindDate     // yyyy-MM-dd
	kindDateTime // yyyy-MM-dd HH:mm:ss, the office's wall clock
	kindStamp    // TIMESTAMP: set by the database whenever a row changes
	kindTime     // time of day; NULL is "none"
)

// column is one column of a table.
type column struct {
	name     string
	kind     kind
	sqlType  string
	chars    int // widest text in characters, 0 = unbounded by characters
	bytes    int // widest text in bytes, 0 = unbounded by bytes
	nullable bool
	neutral  any // what the program stores when it has nothing to say
}

// table is one table with its columns in order. The first column that is
// AUTO_INCREMENT is the key.
type table struct {
	name    string
	key     string
	columns []column
	index   map[string]int
	create  string // MySQL's statement as written
}

// has reports whether the table has the column.
func (t *table) has(name string) bool {
	_, ok := t.index[name]
	return ok
}

// stamp returns the name of the table's TIMESTAMP column, or "".
func (t *table) stamp() string {
	for _, c := range t.columns {
		if c.kind == kindStamp {
			return c.name
		}
	}
	return ""
}

// schema is every table, and the rows of a fresh database as statements.
type schema struct {
	tables map[string]*table
	order  []string
	rows   map[string][]string // table name to its INSERT statements
}

var (
	columnLine = regexp.MustCompile(`^(\w+) (\w+)(?:\((\d+)(?:,\d+)?\))?( unsigned)?(.*)$`)
	defaultVal = regexp.MustCompile(`DEFAULT ('[^']*'|[^\s,]+)`)
	insertInto = regexp.MustCompile(`^INSERT INTO (\w+) `)
)

// embedded is the schema, read once and never changed.
var embedded = sync.OnceValues(parseSchema)

// parseSchema reads the embedded tables. It fails only if the embedded text is
// broken, which the package's own tests would show.
func parseSchema() (*schema, error) {
	s := &schema{tables: map[string]*table{}, rows: map[string][]string{}}
	for _, statement := range strings.Split(stripComments(schemaSQL), ";\n") {
		statement = strings.TrimSpace(statement)
		switch {
		case statement == "":
		case strings.HasPrefix(statement, "CREATE TABLE"):
			t, err := parseTable(statement)
			if err != nil {
				return nil, err
			}
			s.tables[t.name] = t
			s.order = append(s.order, t.name)
		default:
			m := insertInto.FindStringSubmatch(statement)
			if m == nil {
				return nil, fmt.Errorf("opendentaltest: schema: unknown statement")
			}
			s.rows[m[1]] = append(s.rows[m[1]], statement)
		}
	}
	return s, nil
}

func stripComments(text string) string {
	lines := strings.Split(text, "\n")
	kept := lines[:0]
	for _, line := range lines {
		if !strings.HasPrefix(line, "--") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}

func parseTable(statement string) (*table, error) {
	lines := strings.Split(statement, "\n")
	name := strings.Fields(lines[0])[5]
	t := &table{name: name, index: map[string]int{}, create: statement}
	for _, line := range lines[1 : len(lines)-1] {
		line = strings.TrimSuffix(strings.TrimSpace(line), ",")
		if strings.HasPrefix(line, "KEY ") || strings.HasPrefix(line, "PRIMARY KEY") {
			continue
		}
		m := columnLine.FindStringSubmatch(line)
		if m == nil {
			return nil, fmt.Errorf("opendentaltest: schema: table %s: cannot read a column", name)
		}
		c := column{name: m[1], sqlType: m[2], nullable: !strings.Contains(m[5], "NOT NULL")}
		width, _ := strconv.Atoi(m[3])
		if err := c.classify(width, m[5]); err != nil {
			return nil, err
		}
		if strings.Contains(m[5], "AUTO_INCREMENT") {
			t.key = c.name
		}
		t.index[c.name] = len(t.columns)
		t.columns = append(t.columns, c)
	}
	if t.key == "" {
		return nil, fmt.Errorf("opendentaltest: schema: table %s has no key", name)
	}
	return t, nil
}

func (c *column) classify(width int, rest string) error {
	literal := ""
	if m := defaultVal.FindStringSubmatch(rest); m != nil {
		literal = strings.Trim(m[1], "'")
	}
	switch c.sqlType {
	case "tinyint", "smallint", "int", "bigint":
		c.kind, c.neutral = kindInt, int64(0)
		if n, err := strconv.ParseInt(literal, 10, 64); err == nil {
			c.neutral = n
		}
	case "double", "float":
		c.kind, c.neutral = kindFloat, float64(0)
		if n, err := strconv.ParseFloat(literal, 64); err == nil {
			c.neutral = n
		}
	case "varchar", "char":
		c.kind, c.chars, c.neutral = kindText, width, ""
	case "text":
		c.kind, c.bytes, c.neutral = kindText, 1<<16-1, ""
	case "mediumtext":
		c.kind, c.bytes, c.neutral = kindText, 1<<24-1, ""
	case "date":
		c.kind, c.neutral = kindDate, noDate
	case "datetime":
		c.kind, c.neutral = kindDateTime, noDateTime
	case "timestamp":
		c.kind = kindStamp
	case "time":
		c.kind, c.neutral = kindTime, "00:00:00"
	default:
		return fmt.Errorf("opendentaltest: schema: column %s has the unknown type %s", c.name, c.sqlType)
	}
	return nil
}

// sqliteCreate is the table in SQLite's words. Text compares without regard to
// case, as utf8_general_ci does. AUTOINCREMENT keeps a deleted row's number
// from being given out again, as MyISAM does.
func (t *table) sqliteCreate() string {
	var b strings.Builder
	fmt.Fprintf(&b, "CREATE TABLE IF NOT EXISTS %s (", t.name)
	for i, c := range t.columns {
		if i > 0 {
			b.WriteString(", ")
		}
		if c.name == t.key {
			fmt.Fprintf(&b, "%s INTEGER PRIMARY KEY AUTOINCREMENT", c.name)
			continue
		}
		fmt.Fprintf(&b, "%s %s", c.name, strings.ToUpper(c.sqlType))
		if c.kind == kindText {
			b.WriteString(" COLLATE NOCASE")
		}
	}
	b.WriteString(")")
	return b.String()
}

// sqliteIndexes are the indexes the emulator's own reads lean on. The real
// tables have many more, which MySQL gets and an embedded database can spare.
var sqliteIndexes = []string{
	"CREATE INDEX IF NOT EXISTS patient_name ON patient (LName, FName)",
	"CREATE INDEX IF NOT EXISTS patient_birthdate ON patient (Birthdate)",
	"CREATE INDEX IF NOT EXISTS patient_guarantor ON patient (Guarantor)",
	"CREATE INDEX IF NOT EXISTS appointment_patient ON appointment (PatNum)",
	"CREATE INDEX IF NOT EXISTS appointment_start ON appointment (AptDateTime)",
	"CREATE INDEX IF NOT EXISTS appointment_changed ON appointment (DateTStamp)",
	"CREATE INDEX IF NOT EXISTS histappointment_apt ON histappointment (AptNum)",
	"CREATE INDEX IF NOT EXISTS commlog_patient ON commlog (PatNum)",
	"CREATE INDEX IF NOT EXISTS document_patient ON document (PatNum, DocCategory)",
	"CREATE INDEX IF NOT EXISTS payment_patient ON payment (PatNum)",
	"CREATE INDEX IF NOT EXISTS paysplit_payment ON paysplit (PayNum)",
	"CREATE INDEX IF NOT EXISTS paysplit_patient ON paysplit (PatNum)",
	"CREATE INDEX IF NOT EXISTS paysplit_procedure ON paysplit (ProcNum)",
	"CREATE INDEX IF NOT EXISTS adjustment_patient ON adjustment (PatNum)",
	"CREATE INDEX IF NOT EXISTS procedurelog_patient ON procedurelog (PatNum)",
	"CREATE INDEX IF NOT EXISTS patplan_patient ON patplan (PatNum)",
	"CREATE INDEX IF NOT EXISTS insverify_key ON insverify (FKey)",
	"CREATE INDEX IF NOT EXISTS preference_name ON preference (PrefName)",
	"CREATE INDEX IF NOT EXISTS definition_category ON definition (Category)",
}
