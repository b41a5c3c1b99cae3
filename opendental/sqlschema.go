package opendental

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// sqlTables are the columns that the driver reads. Columns come and go between
// versions of Open Dental, and a user may be allowed to see only some: without
// one that must be there what needs the table is not supported, without one
// that may be there its field stays empty.
var sqlTables = map[string]struct{ must, may []string }{
	"definition": {
		must: []string{"DefNum", "Category", "ItemName", "ItemValue", "IsHidden", "ItemOrder"},
	},
	"provider": {
		must: []string{"ProvNum", "LName", "FName", "IsHidden", "ItemOrder"},
		may:  []string{"Abbr", "Suffix", "ProvStatus"},
	},
	"patient": {
		must: []string{"PatNum", "LName", "FName", "Birthdate", "PatStatus", "DateTStamp"},
		may:  []string{"Preferred", "HmPhone", "WkPhone", "WirelessPhone", "Email", "SecDateEntry", "ClinicNum"},
	},
	"appointment": {
		must: []string{"AptNum", "PatNum", "AptStatus", "AptDateTime", "Confirmed", "DateTStamp"},
		may: []string{"Pattern", "Op", "Note", "ProvNum", "AppointmentTypeNum", "ClinicNum", "IsNewPatient",
			"DateTimeArrived", "DateTimeSeated"},
	},
	"histappointment": {
		must: []string{"HistApptNum", "AptNum", "HistApptAction"},
		may:  []string{"HistDateTStamp", "ClinicNum", "PatNum"},
	},
	"phonenumber": {
		must: []string{"PatNum", "PhoneNumberDigits"},
	},
	"signalod": {
		must: []string{"SignalNum", "SigDateTime", "IType"},
	},
	"document": {
		must: []string{"DocNum", "PatNum", "DocCategory", "DateCreated", "DateTStamp", "FileName"},
	},
}

// sqlSchema is what was found in the database.
type sqlSchema struct {
	version version
	columns map[string]map[string]bool // table to the columns that may be read
	indexes map[string]map[string]bool // table to the columns that an index begins with
	engines map[string]string          // table to its storage engine, lower case
	phones  bool                       // the office has its program look numbers up in phonenumber
	made    string                     // when the table of appointments was made
	random  bool                       // keys are random, so that a higher one is not a later one
	writes  bool                       // the user may change something
	// zoneGap is how far the wall clock of the server is ahead of the practice's.
	zoneGap time.Duration
	skew    time.Duration
	// lack and list are what lacks and selected say of a table, worked out once:
	// each poll asks.
	lack map[string]string
	list map[string]string
}

// discover looks at the database as it is now.
func (c *sqlConn) discover(ctx context.Context, op string) (*sqlSchema, error) {
	s := &sqlSchema{columns: map[string]map[string]bool{}, indexes: map[string]map[string]bool{}, engines: map[string]string{}}
	settings, err := c.identify(ctx, op)
	if err != nil {
		return nil, err
	}
	v, _ := parseVersion(settings["ProgramVersion"])
	s.version, s.random, s.phones = v, settings["RandomPrimaryKeys"] == "1", settings["PatientPhoneUsePhonenumberTable"] == "1"
	if err := s.readClock(ctx, op, c); err != nil {
		return nil, err
	}
	tables := "TABLE_SCHEMA=DATABASE() AND TABLE_NAME IN ('" + strings.Join(slices.Sorted(maps.Keys(sqlTables)), "','") + "')"
	rows, err := c.db.query(ctx, op, "SELECT TABLE_NAME AS TableName, COLUMN_NAME AS ColumnName, PRIVILEGES AS Rights"+
		" FROM information_schema.COLUMNS WHERE "+tables)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		rights := strings.ToLower(r.text("Rights"))
		if strings.Contains(rights, "select") {
			note(s.columns, r.text("TableName"), r.text("ColumnName"))
		}
		s.writes = s.writes || strings.Contains(rights, "insert") || strings.Contains(rights, "update")
	}
	rows, err = c.db.query(ctx, op, "SELECT TABLE_NAME AS TableName, COLUMN_NAME AS ColumnName"+
		" FROM information_schema.STATISTICS WHERE SEQ_IN_INDEX=1 AND "+tables)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		note(s.indexes, r.text("TableName"), r.text("ColumnName"))
	}
	rows, err = c.db.query(ctx, op, "SELECT TABLE_NAME AS TableName, ENGINE AS Engine, UNIX_TIMESTAMP(CREATE_TIME) AS MadeAt"+
		" FROM information_schema.TABLES WHERE "+tables)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		name := strings.ToLower(r.text("TableName"))
		s.engines[name] = strings.ToLower(r.text("Engine"))
		if name == "appointment" {
			s.made = r.text("MadeAt")
		}
	}
	s.lack, s.list = map[string]string{}, map[string]string{}
	for table := range sqlTables {
		s.lack[table], s.list[table] = s.lacking(table, sqlTables[table].must), s.columnList(table)
	}
	if err := s.readRights(ctx, op, c); err != nil {
		return nil, err
	}
	return s, nil
}

func note(all map[string]map[string]bool, table, column string) {
	table = strings.ToLower(table)
	if all[table] == nil {
		all[table] = map[string]bool{}
	}
	all[table][strings.ToLower(column)] = true
}

// sqlPreferences are read when the database is looked at.
var sqlPreferences = []string{"ProgramVersion", "DataBaseVersion", "RandomPrimaryKeys", "PracticeTitle", "PatientPhoneUsePhonenumberTable"}

// identify makes sure that this is Open Dental's database.
func (c *sqlConn) identify(ctx context.Context, op string) (map[string]string, error) {
	settings, err := c.preferences(ctx, op, sqlPreferences...)
	var e *driver.Error
	switch {
	case errors.As(err, &e) && e.Kind == driver.ErrUnauthorized && e.Scope == driver.ScopeOperation:
		// Without its preferences nothing can be known of the office.
		e.Scope = driver.ScopeConnection
		e.Err = errors.New("the database user may not read the table preference: grant SELECT on it")
		return nil, e
	case errors.Is(err, errSchema):
		return nil, rejected(op, driver.ReasonNotThisPMS, "the database is not Open Dental's")
	case err != nil:
		return nil, err
	}
	if _, ok := parseVersion(settings["ProgramVersion"]); !ok {
		return nil, rejected(op, driver.ReasonNotThisPMS, "the database names no version of Open Dental")
	}
	return settings, nil
}

// preferences reads preferences by their names; one that is not there is
// missing.
func (c *sqlConn) preferences(ctx context.Context, op string, names ...string) (map[string]string, error) {
	rows, err := c.db.query(ctx, op, "SELECT PrefName, ValueString FROM preference WHERE PrefName IN ('"+strings.Join(names, "','")+"')")
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, r := range rows {
		found[r.text("PrefName")] = strings.TrimSpace(r.text("ValueString"))
	}
	return found, nil
}

// readClock measures the server's clock, and the zone in which it shows its
// wall time when nobody asks for another: Open Dental stamps its history by it.
func (s *sqlSchema) readClock(ctx context.Context, op string, c *sqlConn) error {
	before := time.Now()
	rows, err := c.db.query(ctx, op, "SELECT UNIX_TIMESTAMP() AS ServerNow,"+
		" CAST(CONVERT_TZ(UTC_TIMESTAMP(),'+00:00',@@global.time_zone) AS CHAR) AS WallNow")
	if err != nil {
		return err
	}
	middle := before.Add(time.Since(before) / 2)
	now := first(rows).epoch("ServerNow")
	if now.IsZero() {
		return unavailable(op, "the database does not tell its time")
	}
	// The clock shows whole seconds, so that half of one is added on average.
	s.skew = now.Add(500 * time.Millisecond).Sub(middle)
	if shown := first(rows).wall("WallNow", wall); !shown.IsZero() {
		gap := shown.Sub(inZone(now.In(c.loc), wall)).Round(time.Minute)
		if gap.Abs() >= 15*time.Minute {
			s.zoneGap = gap
		}
	}
	return nil
}

// lacks says in staff words what is missing of a table and some further columns
// of it; empty when nothing is.
func (s *sqlSchema) lacks(table string, further ...string) string {
	if why := s.lack[table]; why != "" || len(further) == 0 {
		return why
	}
	return s.lacking(table, further)
}

func (s *sqlSchema) lacking(table string, columns []string) string {
	if len(s.columns[table]) == 0 {
		return "The database user may not read the table " + table + ": grant SELECT on it."
	}
	for _, column := range columns {
		if !s.has(table, column) {
			return "The table " + table + " has no column " + column + " that the database user may read."
		}
	}
	return ""
}

func (s *sqlSchema) has(table, column string) bool {
	return s.columns[table][strings.ToLower(column)]
}

func (s *sqlSchema) indexed(table, column string) bool {
	return s.indexes[table][strings.ToLower(column)]
}

// selected are the columns of a table that are there, under the table's first
// letter, for a SELECT. Wall times and dates come as text, whatever the SQL
// driver makes of them, and the stamp of the last change as the seconds since
// 1970 that do not depend on a time zone.
func (s *sqlSchema) selected(table string) string { return s.list[table] }

func (s *sqlSchema) columnList(table string) string {
	var list []string
	for _, column := range slices.Concat(sqlTables[table].must, sqlTables[table].may) {
		if !s.has(table, column) {
			continue
		}
		name := table[:1] + "." + column
		switch {
		case column == "DateTStamp":
			list = append(list, "UNIX_TIMESTAMP("+name+") AS Stamp")
		case strings.HasPrefix(column, "DateTime"), column == "AptDateTime", column == "Birthdate", column == "SecDateEntry", column == "DateCreated":
			list = append(list, "CAST("+name+" AS CHAR) AS "+column)
		default:
			list = append(list, name)
		}
	}
	return strings.Join(list, ", ")
}
