package dentrix

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
)

// probed is what was found out about a database. It is not changed afterwards.
type probed struct {
	version string
	// option is the name of a row that admin.options has.
	option string
	// clock is the office's wall time when it was asked, zero where the database
	// does not tell it.
	clock time.Time
	asked time.Time // the host's clock then
	// catalog is what the views and sp_appointments have.
	catalog *sqlpms.Catalog
	// noChanges says why sp_appointments does not serve; empty when it does.
	noChanges string
	// ops says why an operation of the profile is off; empty when it is on.
	ops map[driver.OpKind]string
	// notes are remarks for staff.
	notes []string
}

// view is a documented view, with the column by which a read of it is bounded
// ("Dentrix API Developer Guide" 2.1).
type view struct {
	sqlpms.Object
	key     string
	nowhere any // a key that no row has
}

var (
	patientView = view{sqlpms.Object{
		Name: "v_patient", Must: []string{"patient_id", "last_name", "first_name", "status", "birth_date"},
		May: []string{"preferred_name", "home_phone", "work_phone", "other_phone", "mobile_phone", "email", "patient_guid", "guar_id", "guar_guid"},
	}, "patient_id", int64(0)}
	appointmentView = view{sqlpms.Object{
		Name: "v_appt", Must: []string{"appointment_id", "appointment_date", "start_hour", "start_minute", "patient_id", "status_id", "modified_time_stamp"},
		May: []string{"length", "broken", "provider_id", "operatory_id"},
	}, "appointment_id", int64(0)}
	providerView = view{sqlpms.Object{
		Name: "v_provider", Must: []string{"provider_id", "last_name", "first_name"},
		May: []string{"inactive", "issecondaryprovider"}, // both absent in plain G5
	}, "provider_id", ""}
	statusView   = view{sqlpms.Object{Name: "v_appt_status_codes", Must: []string{"defid", "descript"}}, "defid", int64(-1)}
	paymentView  = view{sqlpms.Object{Name: "v_payment_types", Must: []string{"def_id", "descript"}}, "def_id", int64(-1)}
	adjustView   = view{sqlpms.Object{Name: "v_adjustment_types", Must: []string{"def_id", "descript"}}, "def_id", int64(-1)}
	documentView = view{sqlpms.Object{Name: "v_document_types", Must: []string{"dc_doctype_id", "doctype_desc"}}, "dc_doctype_id", int64(-1)}

	// changed is the documented procedure that gives appointments.
	changed = sqlpms.Object{Name: "sp_appointments", Must: append(slices.Clone(appointmentView.Must), "servertime")}
)

func views() []view {
	return []view{patientView, appointmentView, providerView, statusView, paymentView, adjustView, documentView}
}

// objects are the names whose revisions are asked for.
func objects() []string {
	names := []string{dataVersion, changed.Name}
	for _, v := range views() {
		names = append(names, v.Name)
	}
	return names
}

const dataVersion = "Data_Version"

// identify reads admin.options, which every version since G5.2 has, and which
// nothing else has.
func (c *conn) identify(ctx context.Context, op string) (map[string]string, error) {
	names := objects()
	args := make([]any, len(names))
	for i, n := range names {
		args[i] = n
	}
	found := map[string]string{}
	text := "SELECT optionkey, optionvalue FROM admin.options WHERE optionkey IN (?" + strings.Repeat(", ?", len(names)-1) + ")"
	err := c.db.Each(ctx, op, sqlpms.SQL(text, args...), func(r *sqlpms.Row) (bool, error) {
		found[r.Text("optionkey")] = r.Text("optionvalue")
		return true, nil
	})
	if refusalOf(err) != nil {
		return nil, rejected(op, driver.ReasonNotThisPMS, "what answers has no table admin.options: it is not Dentrix G5.2 or later, or the database user is not of the vendor's programme")
	}
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, rejected(op, driver.ReasonNotThisPMS, "admin.options names neither a version of Dentrix nor an object of its API")
	}
	return found, nil
}

// askClock reads the office's wall time, beside an option that is there.
func (c *conn) askClock(ctx context.Context, op, option string) (time.Time, error) {
	walls, err := all(ctx, c.db, op, sqlpms.SQL("SELECT GETDATE() AS servertime FROM admin.options WHERE optionkey = ?", option),
		func(r *sqlpms.Row) time.Time { return r.Wall("servertime") })
	if err != nil || len(walls) == 0 {
		return time.Time{}, err
	}
	return walls[0], nil
}

// probe looks at everything that the driver uses. Each statement is bounded by a key
// that no row has, so that it reads nothing, and shows at once whether the object is
// there, has the columns, and may be read.
func (c *conn) probe(ctx context.Context, op string) (*probed, error) {
	options, err := c.identify(ctx, op)
	if err != nil {
		return nil, err
	}
	p := &probed{version: options[dataVersion], option: slices.Min(slices.Collect(maps.Keys(options))), catalog: sqlpms.NewCatalog(words), ops: map[driver.OpKind]string{}}
	before := time.Now()
	switch clock, err := c.askClock(ctx, op, p.option); {
	case refusalOf(err) != nil:
	case err != nil:
		return nil, err
	default:
		p.clock, p.asked = clock, before.Add(time.Since(before)/2)
	}
	for _, v := range views() {
		if err := c.db.Touch(ctx, op, p.catalog, v.Object, sqlpms.SQL("SELECT * FROM admin."+v.Name+" WHERE "+v.key+" = ?", v.nowhere)); err != nil {
			return nil, err
		}
	}
	if err := c.probeAppointments(ctx, op, p); err != nil {
		return nil, err
	}
	if err := c.probeOperations(ctx, op, p); err != nil {
		return nil, err
	}
	for _, v := range slices.SortedFunc(slices.Values(views()), func(a, b view) int { return strings.Compare(a.Name, b.Name) }) {
		if why := p.unread(v); why != "" {
			p.notes = append(p.notes, why)
		}
	}
	return p, nil
}

// words are what staff are told of what the database lacks.
var words = sqlpms.Words{
	NoObject: noSuch,
	NoColumns: func(name string, missing []string) string {
		if name == changed.Name {
			return "The procedure " + name + " of the Dentrix database gives no column " + strings.Join(missing, ", ") + "; this version of Dentrix is not known to the driver."
		}
		return "The view " + name + " of the Dentrix database lacks the column " + strings.Join(missing, ", ") + "; this version of Dentrix is not known to the driver."
	},
	Refused: func(name string, f *sqlpms.Fault) string {
		switch {
		case !slices.Contains(refusals, f.Class):
			return ""
		case f.Class == sqlpms.ClassDenied:
			return "The Dentrix database does not let this program read " + name + ": the right to it is missing. Register the program again, or ask its vendor."
		case f.Class == sqlpms.ClassMissing:
			return noSuch(name)
		}
		return "The Dentrix database does not let this program read " + name + ". Register the program again, or ask its vendor."
	},
}

func noSuch(name string) string {
	return "The Dentrix database has no " + name + "; it comes with a later version of Dentrix."
}

// nowhereDay is a day on which no office has appointments.
var nowhereDay = driver.Date{Year: 1901, Month: time.January, Day: 1}

// probeAppointments calls the documented procedure for a day without appointments,
// and looks at the columns of its result.
func (c *conn) probeAppointments(ctx context.Context, op string, p *probed) error {
	if p.noChanges = p.unread(appointmentView); p.noChanges != "" {
		return nil
	}
	if err := c.db.Touch(ctx, op, p.catalog, changed, sqlpms.SQL(appointmentsCall(nowhereDay, nowhereDay, time.Time{}))); err != nil {
		return err
	}
	p.noChanges = p.catalog.Lacks(sqlpms.Need{Object: changed})
	if p.noChanges != "" {
		p.notes = append(p.notes, p.noChanges)
	} else if p.clock.IsZero() {
		p.notes = append(p.notes, "The Dentrix database does not tell its time, so that appointments are read by windows only.")
	}
	return nil
}

// unread says in staff words why a view cannot be read; empty when it can.
func (p *probed) unread(v view) string { return p.catalog.Lacks(sqlpms.Need{Object: v.Object}) }

// has reports whether a view can be read and has the columns.
func (p *probed) has(v view, columns ...string) bool {
	return p.unread(v) == "" && p.catalog.Has(v.Object, columns...)
}

// selected are the columns of a view that are there and of use.
func (p *probed) selected(v view) string { return strings.Join(p.catalog.Selected(v.Object), ", ") }
