package writeback

import (
	"fmt"
	"strings"
)

// ActionName names what a person may do to an item.
type ActionName string

// The actions. Each is a method of [Practice] of that name, but for ActionBackfill,
// which is for many items: see [Practice.Bulk]. Retry does it to one.
const (
	ActionTransfer   ActionName = "transfer"
	ActionAssign     ActionName = "assign"
	ActionRetry      ActionName = "retry"
	ActionBackfill   ActionName = "backfill"
	ActionMarkPosted ActionName = "mark_posted"
	ActionDismiss    ActionName = "dismiss"
)

// actionEvents are the actions in the order in which staff see them, with what
// happens to the item.
var actionEvents = []struct {
	name  ActionName
	event string
}{
	{ActionTransfer, EventTransferred}, {ActionAssign, EventAssigned}, {ActionRetry, EventRetried}, {ActionBackfill, EventBackfilled},
	{ActionMarkPosted, EventMarkedPosted}, {ActionDismiss, EventDismissed},
}

// actionName is the action that an event is, as errors name it: "mark posted".
func actionName(event string) string {
	for _, a := range actionEvents {
		if a.event == event {
			return strings.ReplaceAll(string(a.name), "_", " ")
		}
	}
	return event
}

// permits says why a person may not do something to the item, nil if they may.
// It goes by the state table and by what the item holds; what follows, and
// whether it changes anything, is for decide to say.
func (it *item) permits(event string) error {
	if _, ok := next(it.State, event); !ok {
		return fmt.Errorf("%w: item %s is %s", ErrNotAllowed, it.ID, it.State)
	}
	if !it.hasContent() {
		switch {
		case len(it.Payload) > 0:
			return fmt.Errorf("%w: item %s cannot be read with the keys at hand", ErrNotAllowed, it.ID)
		case event != EventDismissed:
			return fmt.Errorf("%w: the content of item %s was deleted when Config.KeepContent was over; submit it again under a new key", ErrNotAllowed, it.ID)
		}
	}
	if event == EventAssigned {
		if it.Kind == KindStatus || it.Kind == KindRefund {
			return fmt.Errorf("%w: a %s has its patient from the PMS", ErrNotAllowed, it.Kind)
		}
		if l := it.nextLeg(); l != nil && !l.First.IsZero() {
			return fmt.Errorf("%w: item %s may be in the PMS for another patient", ErrNotAllowed, it.ID)
		}
	}
	return nil
}

// permitted lists what a person may do to the item.
func (it *item) permitted() []ActionName {
	var names []ActionName
	for _, a := range actionEvents {
		if it.permits(a.event) == nil {
			names = append(names, a.name)
		}
	}
	return names
}

// hasContent reports whether what the host submitted is at hand: not purged, and
// opened.
func (it *item) hasContent() bool {
	p := &it.p
	return p.Note != nil || p.Document != nil || p.Status != nil || p.Payment != nil || p.Refund != nil
}
