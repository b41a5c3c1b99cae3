package memdriver

import (
	"context"
	"fmt"
	"strings"

	"github.com/pmswriteback/pms/driver"
)

// ReadHint implements driver.Hinter. A mark names the PMS and its last change. A
// change in another site counts: it is only a hint.
func (c *conn) ReadHint(ctx context.Context, mark string) (driver.Hint, error) {
	var out driver.Hint
	err := c.do(ctx, callHint, "", nil, func(mode) error {
		p := c.pms
		defer p.lock()()
		out.Mark = p.hintMark(p.seq)
		from, known := p.parseHintMark(mark)
		if !known {
			return nil
		}
		newest := map[driver.Feed]uint64{
			driver.AppointmentStatusFeed: p.appointments.last(), driver.AppointmentFeed: p.appointments.last(),
			driver.PatientFeed: p.patients.last(), driver.PhotoFeed: p.photos.last(),
		}
		info := p.info.Load()
		for _, f := range driver.Feeds() {
			if newest[f] > from && info.Feeds[f].Supported && info.Feeds[f].Hints {
				out.Feeds = append(out.Feeds, f)
			}
		}
		return nil
	})
	if err != nil {
		return driver.Hint{}, err
	}
	return out, nil
}

func (p *PMS) hintMark(seq uint64) string { return fmt.Sprintf("h1.%x.%d", p.instance, seq) }

func (p *PMS) parseHintMark(mark string) (seq uint64, ok bool) {
	if !strings.HasPrefix(mark, "h1.") {
		return 0, false
	}
	if _, err := fmt.Sscanf(mark, fmt.Sprintf("h1.%x.%%d", p.instance), &seq); err != nil {
		return 0, false
	}
	return seq, seq <= p.seq
}
