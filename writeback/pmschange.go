package writeback

import (
	"context"
	"fmt"
	"slices"

	"github.com/pmswriteback/pms/driver"
)

// A practice may change its PMS. Ids mean something inside one PMS only: in the
// next one "42" is somebody else. So everything that was chosen or matched in the
// old one is given up when another product answers: the settings' references, the
// links to the host's patients, the positions of the feeds; and an item that
// stands on ids of the old one waits for a person.

// foreign reports whether the item stands on ids of a PMS that the practice no
// longer has. One that names its patient by name and birth date alone, and of
// which nothing was sent, does not: it is matched anew.
func (it *item) foreign(v view) bool { return it.otherPMS(v) && !it.portable() }

// otherPMS reports whether the item was last at home in another PMS.
func (it *item) otherPMS(v view) bool {
	product, home := v.product(), it.home()
	return home != "" && product != "" && home != product
}

// home names the PMS whose ids the item goes by. A refund goes by those that its
// payment was posted with, whenever it came itself.
func (it *item) home() string {
	if it.near.postedIn != "" {
		return it.near.postedIn
	}
	return it.pr.PMS
}

func (it *item) portable() bool {
	return it.Kind != KindStatus && it.Kind != KindRefund && it.p.Patient.ID == "" && it.p.Patient.named() && it.untouched()
}

// settleIn makes the present PMS the one that the item's ids are of.
func (it *item) settleIn(v view) {
	if it.otherPMS(v) && it.portable() {
		it.pr.Match, it.pr.PMS = matchResult{}, ""
	}
	if it.pr.PMS == "" {
		it.pr.PMS = v.product()
	}
}

// product names the PMS as last seen, "" while it was never reached.
func (v view) product() string {
	if v.info == nil {
		return ""
	}
	return v.info.Product
}

// greet asks a new connection what PMS is behind it, before anything is written
// or read through it: the host may have given another one's. Nil when that is
// known.
func (p *Practice) greet(ctx context.Context) error {
	p.line.mu.Lock()
	known := p.line.conn != nil && p.line.conn == p.line.met
	p.line.mu.Unlock()
	if known {
		return nil
	}
	var info driver.Info
	var conn driver.Conn
	err := p.read(ctx, func(ctx context.Context, c driver.Conn) (err error) {
		conn = c
		info, err = c.Info(ctx)
		return err
	})
	if err != nil {
		return err
	}
	if !p.isOtherPMS(info) {
		p.line.meet(conn, &info)
		return nil
	}
	if err := p.runLoop(ctx, loopCatalog); err != nil {
		return err
	}
	if !p.line.knows(conn) {
		return errDown // it is asked again
	}
	return nil
}

func (p *Practice) isOtherPMS(info driver.Info) bool {
	before := p.viewNow().product()
	return before != "" && info.Product != "" && before != info.Product
}

// leavePMS gives up what was of the PMS that the practice had before, in one
// change with what docs store of the new one.
func (p *Practice) leavePMS(ctx context.Context, info driver.Info, docs []DocWrite) error {
	v := p.viewNow()
	if err := p.claimHomeless(ctx, v); err != nil {
		return err
	}
	detail := v.product() + ", now " + info.Product
	change := Change{
		Practice: p.id, Fence: p.lease.Fence(), Docs: slices.Clone(docs), Wake: true,
		Events: []Event{{Practice: p.id, Name: EventPMSChanged, Actor: "engine", Detail: detail}},
	}
	for _, prefix := range []string{docLink, docCursor, docLook, docLabels} {
		stored, err := p.e.cfg.Store.Docs(ctx, p.id, prefix)
		if err != nil {
			return fmt.Errorf("writeback: read what the former PMS left: %w", err)
		}
		for _, d := range stored {
			change.Docs = append(change.Docs, DocWrite{Name: d.Name, Expect: -1})
		}
	}
	if v.revision > 0 && len(v.settings.References()) > 0 {
		data, err := v.settings.ClearReferences().Marshal()
		if err != nil {
			return fmt.Errorf("writeback: clear the settings' references: %w", err)
		}
		change.Save = &Revision{Expect: v.revision, Document: data, Actor: "engine", Reason: "the PMS changed: " + detail}
		change.Events = append(change.Events, Event{
			Practice: p.id, Name: EventSettingsSaved, Actor: "engine", Detail: fmt.Sprintf("revision %d", v.revision+1),
		})
	}
	if err := p.e.commit.Apply(ctx, []Change{change})[0]; err != nil {
		return fmt.Errorf("writeback: leave the former PMS: %w", err)
	}
	p.looks, p.walks = map[string]string{}, map[string]*walk{}
	p.mu.Lock()
	p.labels, p.info = nil, &info
	p.mu.Unlock()
	for _, f := range driver.Feeds() {
		p.due.Now(string(f))
	}
	return p.loadSettings(ctx)
}

// claimHomeless makes the PMS that is left the home of what came before it was
// reached and has had no turn since: its ids are of that one.
func (p *Practice) claimHomeless(ctx context.Context, v view) error {
	q := ItemQuery{Practice: p.id, States: slices.DeleteFunc(States(), State.Final), Limit: 500}
	for {
		records, err := p.e.cfg.Store.Items(ctx, q)
		if err != nil {
			return fmt.Errorf("writeback: read what came before the former PMS: %w", err)
		}
		if len(records) == 0 {
			return nil
		}
		q.After = records[len(records)-1].Seq
		var changes []Change
		for _, r := range records {
			it, err := p.e.seal.open(r)
			if err != nil || it.pr.PMS != "" || it.State == Writing {
				continue
			}
			it.settleIn(v)
			change, err := p.changeOf(it, 0)
			if err != nil {
				return err
			}
			changes = append(changes, change)
		}
		if len(changes) == 0 {
			continue
		}
		for _, err := range p.e.commit.Apply(ctx, changes) {
			if err != nil {
				return fmt.Errorf("writeback: keep what came before the former PMS: %w", err)
			}
		}
	}
}
