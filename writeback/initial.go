package writeback

import (
	"context"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/settings"
)

// InitialSettings returns the settings with which this practice begins, and a
// Warning with the reason for each interval that starts with more than the
// default: the PMS allows no shorter one. They write nothing and are valid to
// save as they are. Confirmed Appointment Status holds the statuses that the PMS
// itself marks as confirmed, for only what is read goes by it.
//
// Until the first save they are in force, as [Practice.Settings] returns them at
// revision 0. They go by the PMS as last seen: the plain defaults while it was
// never reached.
func (p *Practice) InitialSettings(ctx context.Context) (settings.Document, []settings.Problem, error) {
	if err := p.current(ctx); err != nil {
		return settings.Document{}, nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	doc, problems := p.initial()
	return doc, problems, nil
}

// initial is InitialSettings by what is known here; mu is held.
func (p *Practice) initial() (settings.Document, []settings.Problem) {
	info := driver.Info{}
	if p.info != nil {
		info = *p.info
	}
	doc, problems := settings.Initial(info)
	doc.Statuses.Confirmed = settings.InitialConfirmed(p.catalogs)
	return doc, problems
}
