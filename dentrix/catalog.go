package dentrix

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
)

// lastDefinition is beyond any definition's number.
const lastDefinition = 32767

// ReadCatalog implements [driver.Cataloger]. A definition that the profile pins and
// that has another text now is inactive, and so is one without a text.
func (c *conn) ReadCatalog(ctx context.Context, which driver.Catalog) ([]driver.Option, error) {
	const op = "read catalog"
	p := c.known()
	if s := c.catalogSupport(p, which); !s.Supported {
		return nil, rejected(op, driver.ReasonUnsupported, "")
	}
	options, err := c.options(ctx, op, p, which)
	if err != nil {
		return nil, err
	}
	pins := c.pins()
	for i, o := range options {
		if want, pinned := pins[Definition{Catalog: which, ID: o.ID}]; pinned && !sameText(want, o.Label) {
			options[i].Active = false
		}
	}
	return options, nil
}

// options reads a list as the office has it.
func (c *conn) options(ctx context.Context, op string, p *probed, which driver.Catalog) ([]driver.Option, error) {
	switch which {
	case driver.NoteTypes:
		return journalCatalog(), nil
	case driver.Providers:
		return c.providers(ctx, op, p)
	}
	v, _ := viewOf(which)
	key, text := v.Must[0], v.Must[1]
	out, err := all(ctx, c.db, op, sqlpms.SQL("SELECT "+key+", "+text+" FROM admin."+v.Name+" WHERE "+key+" >= ? AND "+key+" <= ? ORDER BY "+key,
		int64(-128), int64(lastDefinition)), func(r *sqlpms.Row) driver.Option { return definition(which, r.Int(key), r.Text(text)) })
	if err != nil {
		return nil, err
	}
	if which == driver.AppointmentStatuses {
		out = append(out, fixedStatuses()...)
	}
	return out, nil
}

func definition(which driver.Catalog, id int64, text string) driver.Option {
	if id < 0 && which != driver.DocumentFolders {
		id = int64(uint8(id)) // a byte that was read with a sign
	}
	o := driver.Option{ID: strconv.FormatInt(id, 10), Label: text, Active: text != ""}
	if text == "" {
		o.Label = "(no text)"
	}
	if which == driver.AppointmentStatuses {
		o.Active = o.Active && settable(o.ID)
	}
	if which == driver.AdjustmentTypes {
		o.Lowers = o.Active && !raises(text)
	}
	return o
}

// providers are the office's providers. Plain G5 does not tell who is inactive.
func (c *conn) providers(ctx context.Context, op string, p *probed) ([]driver.Option, error) {
	return all(ctx, c.db, op, sqlpms.SQL("SELECT "+p.selected(providerView)+" FROM admin.v_provider WHERE provider_id > ? ORDER BY provider_id", ""), provider)
}

func provider(r *sqlpms.Row) driver.Option {
	label := r.Text("last_name")
	if first := r.Text("first_name"); first != "" {
		label = strings.TrimPrefix(label+", "+first, ", ")
	}
	o := driver.Option{ID: r.ID("provider_id"), Label: label, Active: !r.Has("inactive") || !r.Bool("inactive")}
	if label == "" {
		o.Label = o.ID
	}
	return o
}

func sameText(a, b string) bool { return strings.TrimSpace(a) == strings.TrimSpace(b) }

// pins are the definitions on which the profile relies, with their texts.
func (c *conn) pins() map[Definition]string {
	pins := map[Definition]string{}
	if c.cfg.Profile == nil {
		return pins
	}
	for _, d := range c.cfg.Profile.Definitions {
		pins[Definition{Catalog: d.Catalog, ID: d.ID}] = d.Text
	}
	for kind, o := range c.cfg.Profile.Operations {
		if o.Type != nil && kind != driver.OpNote {
			pins[Definition{Catalog: typeCatalog(kind), ID: o.Type.ID}] = o.Type.Text
		}
	}
	return pins
}

// renamings are the pinned definitions that are not as the profile expects them.
type renamings struct {
	of    map[Definition]string // why what uses it is off
	words []string
}

// renamed compares the pinned definitions, by id and text, with the office's.
func (c *conn) renamed(ctx context.Context, op string, p *probed) (renamings, error) {
	out := renamings{of: map[Definition]string{}}
	pins := c.pins()
	for _, which := range pinnable {
		pinned := sortedPins(pins, which)
		v, _ := viewOf(which)
		if len(pinned) == 0 || p.unread(v) != "" {
			continue // what needs a view that cannot be read is off for that
		}
		options, err := c.options(ctx, op, p, which)
		if err != nil {
			return renamings{}, err
		}
		labels := map[string]string{}
		for _, o := range options {
			labels[o.ID] = o.Label
		}
		for _, d := range pinned {
			label, there := labels[d.ID]
			if there && sameText(label, pins[d]) {
				continue
			}
			words := fmt.Sprintf("The profile expects %s %s to be %q, and Dentrix has no such number. What uses it is off until the profile fits.", catalogWords[which], d.ID, pins[d])
			if there {
				words = fmt.Sprintf("The profile expects %s %s to be %q, and in Dentrix it is %q. What uses it is off until somebody has looked.", catalogWords[which], d.ID, pins[d], label)
			}
			out.of[d] = words
			out.words = append(out.words, words)
		}
	}
	return out, nil
}

func sortedPins(pins map[Definition]string, which driver.Catalog) []Definition {
	var list []Definition
	for d := range pins {
		if d.Catalog == which {
			list = append(list, d)
		}
	}
	slices.SortFunc(list, func(a, b Definition) int {
		return cmp.Or(cmp.Compare(len(a.ID), len(b.ID)), strings.Compare(a.ID, b.ID))
	})
	return list
}

var catalogWords = map[driver.Catalog]string{
	driver.AppointmentStatuses: "the appointment status",
	driver.PaymentTypes:        "the payment type",
	driver.AdjustmentTypes:     "the adjustment type",
	driver.DocumentFolders:     "the document type",
}
