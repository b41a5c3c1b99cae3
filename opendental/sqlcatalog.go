package opendental

import (
	"context"
	"strconv"

	"github.com/pmswriteback/pms/driver"
)

// catalogTable is the table behind a catalog.
func catalogTable(which driver.Catalog) string {
	if which == driver.Providers {
		return "provider"
	}
	return "definition"
}

// ReadCatalog implements [driver.Cataloger].
func (c *sqlConn) ReadCatalog(ctx context.Context, which driver.Catalog) ([]driver.Option, error) {
	const op = "read catalog"
	s, err := c.supported(ctx, op, func(s *sqlSchema) string {
		if !which.Valid() {
			return "there is no such catalog"
		}
		return s.lacks(catalogTable(which))
	})
	if err != nil {
		return nil, err
	}
	if which == driver.Providers {
		rows, err := c.query(ctx, op, "SELECT "+s.selected("provider")+" FROM provider p ORDER BY p.ItemOrder, p.ProvNum")
		if err != nil {
			return nil, err
		}
		return providerOptions(op, rows)
	}
	rows, err := c.definitions(ctx, op, categories[which])
	if err != nil {
		return nil, err
	}
	options, err := definitionOptions(op, which, rows)
	if err != nil || which != driver.AppointmentStatuses {
		return options, err
	}
	var names []string
	for _, p := range rolePreferences {
		names = append(names, p.name)
	}
	chosen, err := c.preferences(ctx, op, names...)
	if err != nil {
		return nil, err
	}
	return options, markRoles(options, func(name string) (string, error) { return chosen[name], nil })
}

// definitions gives rows as the API does, whose "isHidden" is spelled so.
func (c *sqlConn) definitions(ctx context.Context, op string, category int) ([]row, error) {
	return c.query(ctx, op, "SELECT d.DefNum, d.ItemName, d.ItemValue, d.IsHidden AS isHidden FROM definition d"+
		" WHERE d.Category="+strconv.Itoa(category)+" ORDER BY d.ItemOrder, d.DefNum")
}
