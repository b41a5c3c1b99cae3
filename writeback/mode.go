package writeback

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// Mode says how far a practice's writes go. The inbound loops run in every mode.
type Mode string

// The modes.
const (
	// Live writes. It is the mode of a practice for which none was set.
	Live Mode = "live"
	// Paused lets everything wait, held under one cause, and loses nothing: what
	// has begun is finished, and all the rest goes on by itself, when the practice
	// is live again. What is uncertain is looked for all the same.
	Paused Mode = "paused"
	// PlanOnly plans everything, shows it and writes nothing: patients are looked
	// up, notes are made into parts, options are bound ([Leg].With). What was
	// submitted in this mode is not written by itself later either, since the
	// practice has been doing it some other way meanwhile: it is skipped, and
	// money awaits a transfer, until somebody asks for it. What was waiting before
	// is held, and goes on when the practice is live again.
	PlanOnly Mode = "plan_only"
)

// Modes returns all modes.
func Modes() []Mode { return []Mode{Live, Paused, PlanOnly} }

var modeWords = map[Mode]string{
	Live:     "The practice is live: what is submitted is written.",
	Paused:   "Writing is paused: what is submitted waits.",
	PlanOnly: "The practice only plans: what is submitted is shown and not written.",
}

// ModeState is a practice's mode and who set it. Actor and Reason are empty, and
// Since is zero, for a practice for which none was set.
type ModeState struct {
	Mode          Mode
	Actor, Reason string
	// Since is of the store's clock.
	Since time.Time
}

type modeJSON struct {
	Mode   Mode   `json:"mode"`
	Actor  string `json:"actor"`
	Reason string `json:"reason,omitempty"`
}

// Mode returns the practice's mode.
func (p *Practice) Mode(ctx context.Context) (ModeState, error) {
	if err := p.usable(); err != nil {
		return ModeState{}, err
	}
	m, _, err := p.readMode(ctx)
	return m, err
}

// SetMode sets the practice's mode, in force within a second in this process and
// five in every other on the store. A write that is under way is finished. reason
// is kept in the audit log and must not hold patient data.
func (p *Practice) SetMode(ctx context.Context, mode Mode, actor, reason string) error {
	if err := p.usable(); err != nil {
		return err
	}
	c := inputCheck{e: InputError{Op: "set mode"}}
	if !slices.Contains(Modes(), mode) {
		c.bad("mode", "is not a mode; use one of writeback.Modes")
	}
	c.actor(actor, "reason", reason)
	if err := c.err(); err != nil {
		return err
	}
	data, err := json.Marshal(modeJSON{mode, actor, reason})
	if err != nil {
		return fmt.Errorf("writeback: set mode: encode")
	}
	detail := string(mode)
	if reason != "" {
		detail += ": " + reason
	}
	change := Change{
		Practice: p.id, Wake: true,
		Docs:   []DocWrite{{Name: docMode, Value: data, Expect: -1}},
		Events: []Event{{Practice: p.id, Name: EventModeSet, Actor: actor, Detail: detail}},
	}
	if err := p.e.commit.Apply(ctx, []Change{change})[0]; err != nil {
		return fmt.Errorf("writeback: set mode: %w", err)
	}
	if err := p.loadMode(ctx); err != nil {
		return err
	}
	p.e.Wake(p.id)
	return nil
}

func (p *Practice) readMode(ctx context.Context) (m ModeState, version int64, err error) {
	doc, err := p.e.cfg.Store.Doc(ctx, p.id, docMode)
	if errors.Is(err, ErrNotFound) {
		return ModeState{Mode: Live}, 0, nil
	}
	if err != nil {
		return m, 0, fmt.Errorf("writeback: read mode: %w", err)
	}
	var j modeJSON
	if err := json.Unmarshal(doc.Value, &j); err != nil {
		return m, 0, errors.New("writeback: the stored mode is damaged; set it again")
	}
	return ModeState{Mode: j.Mode, Actor: j.Actor, Reason: j.Reason, Since: doc.UpdatedAt}, doc.Version, nil
}

// loadMode takes the stored mode into use, and lets what waits be decided again
// when it is another one.
func (p *Practice) loadMode(ctx context.Context) error {
	m, version, err := p.readMode(ctx)
	if err != nil {
		return err
	}
	p.mu.Lock()
	changed := false
	if version >= p.modeVersion { // it may have been set again since it was read
		changed = p.mode != m.Mode
		p.mode, p.modeVersion = m.Mode, version
	}
	p.mu.Unlock()
	if changed {
		p.redecide.Store(true)
	}
	return nil
}

// decideMode says what the mode makes of an item that could be written. In a mode
// that this version does not know nothing is written.
func decideMode(it *item, v view) (decision, bool) {
	switch v.mode {
	case Live, "":
		if it.pr.PlanOnly {
			return plannedOnly(it), true
		}
		return decision{}, false
	case PlanOnly:
		if it.pr.Planned == v.revision && it.pr.Planned > 0 {
			return plannedOnly(it), true
		}
		return decision{}, false // to be planned when its turn comes
	}
	return decided(EventHeld, ReasonPaused, "mode:"+string(Paused)), true
}

// plannedOnly is where an item goes that was planned and is not written.
func plannedOnly(it *item) decision {
	switch {
	case !it.pr.PlanOnly || it.begun():
		return decided(EventHeld, ReasonPlanOnly, "mode:"+string(PlanOnly))
	case it.Kind == KindPayment || it.Kind == KindRefund:
		return decided(EventAwaiting, ReasonPlanOnly, "")
	}
	return decided(EventSkipped, ReasonPlanOnly, "mode:"+string(PlanOnly))
}

// forgetPlans deletes what skipped items were planned as, texts included, together
// with their content, once they have rested for as long as content is kept.
func (e *Engine) forgetPlans(ctx context.Context, practice string) error {
	for {
		records, err := e.cfg.Store.Items(ctx, ItemQuery{
			Practice: practice, States: []State{Skipped}, Reasons: []driver.Reason{ReasonPlanOnly}, MinIdle: e.cfg.KeepContent, Limit: 500,
		})
		if err != nil {
			return fmt.Errorf("writeback: read planned items: %w", err)
		}
		var changes []Change
		for _, r := range records {
			it, err := e.seal.open(r)
			if err != nil {
				it = &item{Record: r}
			}
			it.pr.Legs, it.Payload, it.Blob = nil, nil, ""
			if err := e.seal.sealProgress(it); err != nil {
				return err
			}
			changes = append(changes, Change{Practice: practice, Items: []ItemWrite{{Record: it.Record, Expect: it.Version}}})
		}
		if len(changes) == 0 {
			return nil
		}
		for _, err := range e.commit.Apply(ctx, changes) {
			if err != nil && !errors.Is(err, ErrStale) {
				return fmt.Errorf("writeback: delete planned items' content: %w", err)
			}
		}
		if len(records) < 500 {
			return nil
		}
	}
}

// planNow ends the turn of an item in a practice that only plans: its legs are
// bound as they would be sent, and shown. They are bound anew when it is written.
func (p *Practice) planNow(ctx context.Context, it *item, env planEnv) error {
	for i := range it.pr.Legs {
		l := &it.pr.Legs[i]
		switch {
		case !l.First.IsZero():
		case l.Offset && i > 0 && it.pr.Legs[i-1].First.IsZero():
			// Its fee is only planned as well.
			fee := *it.pr.Legs[i-1].Sent
			l.Sent = &sentOp{Patient: fee.Patient, Provider: fee.Provider, PostedOn: fee.PostedOn, Type: env.view.settings.Payments.OffsetFee.ID}
		default:
			if _, err := bind(it, l, env); err != nil {
				return p.settleAs(ctx, it, decided(EventRefused, driver.ReasonPaymentMissing, ""))
			}
		}
	}
	it.pr.Planned, it.Revision = env.view.revision, env.view.revision
	return p.settleAs(ctx, it, plannedOnly(it))
}
