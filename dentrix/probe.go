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
	// views are the columns of the views that can be read.
	views map[string][]string
	// unread says why others cannot, in words for staff.
	unread map[string]string
	// noChanges says why sp_appointments does not serve; empty when it does.
	noChanges string
	// ops says why an operation of the profile is off; empty when it is on.
	ops map[driver.OpKind]string
	// notes are remarks for staff.
	notes []string
}

// view is a documented view, the column by which a read of it is bounded, and the
// columns without which it is of no use ("Dentrix API Developer Guide" 2.1).
type view struct {
	name, key string
	nowhere   any // a key that no row has
	needs     []string
	may       []string
}

var (
	patientView = view{"v_patient", "patient_id", int64(0),
		[]string{"patient_id", "last_name", "first_name", "status", "birth_date"},
		[]string{"preferred_name", "home_phone", "work_phone", "other_phone", "mobile_phone", "email", "patient_guid", "guar_id", "guar_guid"}}
	appointmentView = view{"v_appt", "appointment_id", int64(0),
		[]string{"appointment_id", "appointment_date", "start_hour", "start_minute", "patient_id", "status_id", "modified_time_stamp"},
		[]string{"length", "broken", "provider_id", "operatory_id"}}
	providerView = view{"v_provider", "provider_id", "",
		[]string{"provider_id", "last_name", "first_name"},
		[]string{"inactive", "issecondaryprovider"}} // both absent in plain G5
	statusView   = view{"v_appt_status_codes", "defid", int64(-1), []string{"defid", "descript"}, nil}
	paymentView  = view{"v_payment_types", "def_id", int64(-1), []string{"def_id", "descript"}, nil}
	adjustView   = view{"v_adjustment_types", "def_id", int64(-1), []string{"def_id", "descript"}, nil}
	documentView = view{"v_document_types", "dc_doctype_id", int64(-1), []string{"dc_doctype_id", "doctype_desc"}, nil}
)

func views() []view {
	return []view{patientView, appointmentView, providerView, statusView, paymentView, adjustView, documentView}
}

// objects are the names whose revisions are asked for.
func objects() []string {
	names := []string{dataVersion, "sp_appointments"}
	for _, v := range views() {
		names = append(names, v.name)
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
	p := &probed{version: options[dataVersion], option: slices.Min(slices.Collect(maps.Keys(options))), views: map[string][]string{}, unread: map[string]string{}, ops: map[driver.OpKind]string{}}
	before := time.Now()
	switch clock, err := c.askClock(ctx, op, p.option); {
	case refusalOf(err) != nil:
	case err != nil:
		return nil, err
	default:
		p.clock, p.asked = clock, before.Add(time.Since(before)/2)
	}
	for _, v := range views() {
		columns, err := c.db.Columns(ctx, op, sqlpms.SQL("SELECT * FROM admin."+v.name+" WHERE "+v.key+" = ?", v.nowhere))
		switch {
		case refusalOf(err) != nil:
			p.unread[v.name] = cannotRead(v.name, err)
		case err != nil:
			return nil, err
		default:
			if lacking := without(v.needs, columns); len(lacking) > 0 {
				p.unread[v.name] = "The view " + v.name + " of the Dentrix database lacks the column " + strings.Join(lacking, ", ") + "; this version of Dentrix is not known to the driver."
				continue
			}
			p.views[v.name] = columns
		}
	}
	if err := c.probeAppointments(ctx, op, p); err != nil {
		return nil, err
	}
	if err := c.probeOperations(ctx, op, p); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(p.unread)) {
		p.notes = append(p.notes, p.unread[name])
	}
	return p, nil
}

func cannotRead(object string, err error) string {
	switch refusalOf(err).Class {
	case sqlpms.ClassDenied:
		return "The Dentrix database does not let this program read " + object + ": the right to it is missing. Register the program again, or ask its vendor."
	case sqlpms.ClassMissing:
		return "The Dentrix database has no " + object + "; it comes with a later version of Dentrix."
	}
	return "The Dentrix database does not let this program read " + object + ". Register the program again, or ask its vendor."
}

// without are the names that a list lacks.
func without(names, list []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(list, n) })
}

// nowhereDay is a day on which no office has appointments.
var nowhereDay = driver.Date{Year: 1901, Month: time.January, Day: 1}

// probeAppointments calls the documented procedure for a day without appointments,
// and looks at the columns of its result.
func (c *conn) probeAppointments(ctx context.Context, op string, p *probed) error {
	if why := p.unread[appointmentView.name]; why != "" {
		p.noChanges = why
		return nil
	}
	columns, err := c.db.Columns(ctx, op, sqlpms.SQL(appointmentsCall(nowhereDay, nowhereDay, time.Time{})))
	switch {
	case refusalOf(err) != nil:
		p.noChanges = cannotRead("sp_appointments", err)
	case err != nil:
		return err
	default:
		if lacking := without(append(slices.Clone(appointmentView.needs), "servertime"), columns); len(lacking) > 0 {
			p.noChanges = "The procedure sp_appointments of the Dentrix database gives no column " + strings.Join(lacking, ", ") + "; this version of Dentrix is not known to the driver."
		}
	}
	if p.noChanges != "" {
		p.notes = append(p.notes, p.noChanges)
	} else if p.clock.IsZero() {
		p.notes = append(p.notes, "The Dentrix database does not tell its time, so that appointments are read by windows only.")
	}
	return nil
}

// has reports whether a view can be read and has the columns.
func (p *probed) has(v view, columns ...string) bool {
	there, ok := p.views[v.name]
	return ok && len(without(columns, there)) == 0
}

// selected are the columns of a view that are there and of use.
func (p *probed) selected(v view) string {
	list := slices.Clone(v.needs)
	for _, column := range v.may {
		if slices.Contains(p.views[v.name], column) {
			list = append(list, column)
		}
	}
	return strings.Join(list, ", ")
}
