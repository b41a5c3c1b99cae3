package eaglesoft

import (
	"context"
	"math"
	"strconv"
	"strings"

	"github.com/pmswriteback/pms/driver"
)

// mostOptions bounds a list of options. Longer ones are no such lists.
const mostOptions = 10000

// catalogTables are the tables that hold the options.
var catalogTables = map[driver.Catalog]table{
	driver.Providers:       tProvider,
	driver.NoteTypes:       tNoteTypes,
	driver.DocumentFolders: tGroups,
	driver.PaymentTypes:    tPayTypes,
}

// ReadCatalog implements [driver.Cataloger]. Statuses are a fixed list, see
// [Config.Confirmations]; of note types, groups and payment types Eaglesoft's
// database keeps none that are inactive, as far as is known.
func (c *conn) ReadCatalog(ctx context.Context, which driver.Catalog) ([]driver.Option, error) {
	const op = "read catalog"
	if which == driver.AppointmentStatuses {
		if err := c.Ping(ctx); err != nil { // a list that is fixed tells nothing of the PMS
			return nil, err
		}
		var list []driver.Option
		for _, s := range c.cfg.confirmations() {
			list = append(list, driver.Option{ID: strconv.Itoa(s.ID), Label: s.Label, Active: true, Role: s.Role})
		}
		return list, nil
	}
	t, ok := catalogTables[which]
	if !ok {
		return nil, rejected(op, driver.ReasonUnsupported, "")
	}
	return c.options(ctx, op, which, t)
}

// AppointmentTypes gives the types of appointments, by which
// driver.Appointment.Type is read. The contract knows no catalog of them: a host
// that wants their names asks the connection of this package.
//
//	types, err := conn.(eaglesoft.AppointmentTyper).AppointmentTypes(ctx)
func (c *conn) AppointmentTypes(ctx context.Context) ([]driver.Option, error) {
	return c.options(ctx, "read appointment types", "", tAppointmentTypes)
}

// AppointmentTyper is implemented by this package's connections.
type AppointmentTyper interface {
	// AppointmentTypes gives all types of appointments, inactive ones too, in the
	// order of their numbers.
	AppointmentTypes(ctx context.Context) ([]driver.Option, error)
}

var _ AppointmentTyper = (*conn)(nil)

func (c *conn) options(ctx context.Context, op string, which driver.Catalog, t table) ([]driver.Option, error) {
	if _, err := c.supported(ctx, op, t); err != nil {
		return nil, err
	}
	order, above := `"`+t.Must[0]+`"`, any(math.MinInt32)
	switch which {
	case driver.Providers:
		order, above = `"last_name", "first_name", "provider_id"`, ""
	case driver.PaymentTypes:
		order = `"sequence", "paytype_id"`
	}
	rows, err := c.db.first(ctx, op, mostOptions+1, "SELECT "+columns("", t.Must...)+" FROM "+c.db.from(t)+` WHERE "`+t.Must[0]+`" >= ? ORDER BY `+order, above)
	if err != nil {
		return nil, err
	}
	if len(rows) > mostOptions {
		return nil, unavailable(op, "the list is too long to be one of options")
	}
	var list []driver.Option
	for _, r := range rows {
		if which == driver.DocumentFolders && !isFolder(r) {
			continue
		}
		o := driver.Option{ID: r.text(t.Must[0]), Label: r.text("description"), Active: true}
		switch which {
		case driver.Providers:
			o.Label = strings.TrimSpace(r.text("first_name") + " " + r.text("last_name"))
			o.Active = strings.EqualFold(r.text("status"), "A")
		case "":
			o.Active = r.text("active") == "1"
		}
		if o.Label == "" {
			o.Label = o.ID
		}
		if o.ID != "" {
			list = append(list, o)
		}
	}
	return list, problem(op, rows)
}

// isFolder reports whether documents are filed in a group: the one product that is
// known to file some offers those of type I alone.
func isFolder(r *row) bool { return strings.EqualFold(r.text("type"), "I") }
