package opendental

import (
	"context"
	"net/url"
	"strconv"
	"strings"

	"github.com/pmswriteback/pms/driver"
)

// categories are the definition categories behind the catalogs (DefCat in the
// vendor's schema).
var categories = map[driver.Catalog]int{
	driver.NoteTypes:           27, // CommLogTypes
	driver.DocumentFolders:     18, // ImageCats
	driver.AppointmentStatuses: 2,  // ApptConfirmed
	driver.PaymentTypes:        10, // PaymentTypes
	driver.AdjustmentTypes:     1,  // AdjTypes
}

// ReadCatalog implements [driver.Cataloger].
func (c *conn) ReadCatalog(ctx context.Context, which driver.Catalog) ([]driver.Option, error) {
	const op = "read catalog"
	if which == driver.Providers {
		return c.readProviders(ctx, op)
	}
	category, known := categories[which]
	if !known {
		return nil, rejected(op, driver.ReasonUnsupported, "there is no such catalog")
	}
	rows, err := c.definitions(ctx, op, category)
	if err != nil {
		return nil, err
	}
	options, err := definitionOptions(op, which, rows)
	if err != nil || which != driver.AppointmentStatuses {
		return options, err
	}
	return options, markRoles(options, func(name string) (string, error) { return c.preference(ctx, op, name) })
}

// definitionOptions makes options of rows in the order in which they come.
func definitionOptions(op string, which driver.Catalog, rows []row) ([]driver.Option, error) {
	options := make([]driver.Option, 0, len(rows))
	for _, r := range rows {
		o := driver.Option{ID: r.id("DefNum"), Label: r.text("ItemName"), Active: !r.truth("isHidden")}
		switch value := strings.TrimSpace(r.text("ItemValue")); which {
		case driver.DocumentFolders, driver.PaymentTypes:
			// A set of flags that staff do not know it by.
		case driver.AdjustmentTypes:
			o.Lowers = !raisesBalance(r)
		default:
			if value != "" { // a short label or an automation key
				o.Aliases = []string{value}
			}
		}
		if o.ID == "" {
			return nil, unavailable(op, errGarbled.Error())
		}
		options = append(options, o)
	}
	return options, nil
}

func (c *conn) definitions(ctx context.Context, op string, category int) ([]row, error) {
	return c.all(ctx, listing{
		op:    op,
		path:  "/definitions",
		query: url.Values{"Category": {strconv.Itoa(category)}, "includeHidden": {"true"}},
		key:   "DefNum",
	})
}

func (c *conn) readProviders(ctx context.Context, op string) ([]driver.Option, error) {
	rows, err := c.all(ctx, listing{op: op, path: "/providers", key: "ProvNum"})
	if err != nil {
		return nil, err
	}
	return providerOptions(op, rows)
}

func providerOptions(op string, rows []row) ([]driver.Option, error) {
	options := make([]driver.Option, 0, len(rows))
	for _, r := range rows {
		o := driver.Option{ID: r.id("ProvNum"), Label: providerName(r), Active: providerActive(r)}
		if abbr := r.text("Abbr"); abbr != "" && abbr != o.Label {
			o.Aliases = []string{abbr}
		}
		if o.ID == "" {
			return nil, unavailable(op, errGarbled.Error())
		}
		options = append(options, o)
	}
	return options, nil
}

// providerActive wants both marks: a deleted provider may be not hidden. The
// status is the API's text or the database's number.
func providerActive(r row) bool {
	switch r.text("ProvStatus") {
	case "", "Active", "0":
		return !r.truth("IsHidden")
	}
	return false
}

func providerName(r row) string {
	name := strings.TrimSpace(r.text("FName") + " " + r.text("LName"))
	if suffix := r.text("Suffix"); name != "" && suffix != "" {
		name += ", " + suffix
	}
	if name == "" {
		return r.text("Abbr")
	}
	return name
}

// rolePreferences are the preferences by which an office says what a status
// means. Later ones win: a status that stamps an arrival time is that above all.
var rolePreferences = []struct {
	name string
	role driver.StatusRole
}{
	{"ApptEConfirmStatusSent", driver.RoleOutreach},
	{"ApptEConfirmStatusAccepted", driver.RoleConfirmed},
	{"AppointmentTimeArrivedTrigger", driver.RoleArrived},
	{"AppointmentTimeSeatedTrigger", driver.RoleSeated},
	{"AppointmentTimeDismissedTrigger", driver.RoleCompleted},
}

// markRoles asks preference for what the office chose.
func markRoles(options []driver.Option, preference func(name string) (string, error)) error {
	for i := range options {
		if options[i].Active {
			// A new appointment gets the first one.
			options[i].Role = driver.RoleUnconfirmed
			break
		}
	}
	for _, p := range rolePreferences {
		id, err := preference(p.name)
		if err != nil {
			return err
		}
		for i := range options {
			if options[i].ID == strings.TrimSpace(id) {
				options[i].Role = p.role
			}
		}
	}
	return nil
}
