package memdriver

import (
	"slices"

	"github.com/pmswriteback/pms/driver"
)

func cloneOptions(in []driver.Option) []driver.Option {
	out := slices.Clone(in)
	for i := range out {
		out[i].Aliases = slices.Clone(out[i].Aliases)
	}
	return out
}

// option finds an option; nil when there is none.
func (p *PMS) option(c driver.Catalog, id string) *driver.Option {
	list := p.catalogs[c]
	for i := range list {
		if list[i].ID == id {
			return &list[i]
		}
	}
	return nil
}

// Options returns a catalog as the PMS has it.
func (p *PMS) Options(c driver.Catalog) []driver.Option {
	defer p.lock()()
	return cloneOptions(p.catalogs[c])
}

// AddOption adds an option at the end of a catalog and returns its id. An empty
// ID is chosen by the PMS; one that is taken panics.
func (p *PMS) AddOption(c driver.Catalog, o driver.Option) string {
	defer p.lock()()
	if o.ID == "" {
		o.ID = p.newID("opt")
	}
	mustBeFree(p.option(c, o.ID) == nil, "option of "+string(c), o.ID)
	o.Aliases = slices.Clone(o.Aliases)
	p.catalogs[c] = append(p.catalogs[c], o)
	return o.ID
}

// SetOptionActive shows or hides an option.
func (p *PMS) SetOptionActive(c driver.Catalog, id string, active bool) error {
	return p.editOption(c, id, func(o *driver.Option) { o.Active = active })
}

// RenameOption gives an option another label.
func (p *PMS) RenameOption(c driver.Catalog, id, label string) error {
	return p.editOption(c, id, func(o *driver.Option) { o.Label = label })
}

func (p *PMS) editOption(c driver.Catalog, id string, edit func(*driver.Option)) error {
	defer p.lock()()
	o := p.option(c, id)
	if o == nil {
		return missing("option of "+string(c), id)
	}
	edit(o)
	return nil
}

// RemoveOption deletes an option for good.
func (p *PMS) RemoveOption(c driver.Catalog, id string) error {
	defer p.lock()()
	return p.removeOption(c, id)
}

func (p *PMS) removeOption(c driver.Catalog, id string) error {
	if p.option(c, id) == nil {
		return missing("option of "+string(c), id)
	}
	p.catalogs[c] = slices.DeleteFunc(p.catalogs[c], func(o driver.Option) bool { return o.ID == id })
	return nil
}

// ReuseID deletes an option and gives its id to a new, active one with another
// label. Info.ReusesIDs is set from then on.
func (p *PMS) ReuseID(c driver.Catalog, id, label string) error {
	defer p.lock()()
	if err := p.removeOption(c, id); err != nil {
		return err
	}
	p.catalogs[c] = append(p.catalogs[c], driver.Option{ID: id, Label: label, Active: true})
	p.setInfo(func(i *driver.Info) { i.ReusesIDs = true })
	return nil
}

// AddProvider adds a provider and returns the id.
func (p *PMS) AddProvider(o driver.Option) string { return p.AddOption(driver.Providers, o) }

// SetProviderActive makes a provider active or inactive. Writes attributed to an
// inactive one are refused.
func (p *PMS) SetProviderActive(id string, active bool) error {
	return p.SetOptionActive(driver.Providers, id, active)
}

// SetLockDate closes the period up to and including d: payments, refunds
// and adjustments posted on such a date are refused. The zero Date opens it.
func (p *PMS) SetLockDate(d driver.Date) {
	defer p.lock()()
	p.lockDate = d
}
