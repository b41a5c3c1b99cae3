package writeback

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// WorkQuery narrows a work list. Empty fields do not narrow, but for States.
type WorkQuery struct {
	// States are those of which all groups are shown, finished ones too if they
	// are named. Empty: only what waits for somebody, or for something to be
	// mended.
	States  []State
	Kinds   []ItemKind
	Reasons []driver.Reason
	Cause   string
}

// WorkGroup are items that wait for the same thing.
type WorkGroup struct {
	State  State
	Kind   ItemKind
	Reason driver.Reason
	// Cause is what one mend would release, empty when each is by itself.
	Cause string
	// Words and NextStep say to staff why they wait and what to do. They are empty
	// for what goes on by itself.
	Words, NextStep string
	Count           int
	// Oldest is when the oldest was submitted, by the store's clock.
	Oldest time.Time
}

// Items selects the group's items, and no others, for [Practice.Items] and
// [Practice.Bulk].
func (g WorkGroup) Items() ItemQuery {
	return ItemQuery{
		States: []State{g.State}, Kinds: []ItemKind{g.Kind}, Reasons: []driver.Reason{g.Reason},
		Cause: g.Cause, NoCause: g.Cause == "",
	}
}

// WorkList groups what waits by state, kind, reason and cause, the longest
// waiting first. The rows of a group are for [Practice.Items], which also
// selects by patient and time.
func (p *Practice) WorkList(ctx context.Context, q WorkQuery) ([]WorkGroup, error) {
	c := inputCheck{e: InputError{Op: "work list"}}
	c.query("", ItemQuery{States: q.States, Kinds: q.Kinds, Reasons: q.Reasons, Cause: q.Cause})
	if err := c.err(); err != nil {
		return nil, err
	}
	groups, err := p.e.cfg.Store.Summary(ctx, p.id)
	if err != nil {
		return nil, fmt.Errorf("writeback: work list: %w", err)
	}
	var list []WorkGroup
	for _, g := range groups {
		switch {
		case len(q.States) == 0 && !g.waits(),
			len(q.States) > 0 && !slices.Contains(q.States, g.State),
			len(q.Kinds) > 0 && !slices.Contains(q.Kinds, g.Kind),
			len(q.Reasons) > 0 && !slices.Contains(q.Reasons, g.Reason),
			q.Cause != "" && q.Cause != g.Cause:
			continue
		}
		what, step := wordsOf(g.Reason, g.Cause)
		list = append(list, WorkGroup{
			State: g.State, Kind: g.Kind, Reason: g.Reason, Cause: g.Cause, Words: what, NextStep: step, Count: g.Count, Oldest: g.Oldest,
		})
	}
	slices.SortStableFunc(list, func(a, b WorkGroup) int { return a.Oldest.Compare(b.Oldest) })
	return list, nil
}

// waits reports whether a group waits for a person or a mend, rather than for
// its turn, or for nothing.
func (g Group) waits() bool {
	switch g.State {
	case NeedsPatient, AwaitingTransfer, Held, Failed, Conflict:
		return true
	case PartiallyPosted:
		return g.Reason != ""
	case Queued, Writing, Uncertain:
		return g.Cause != "" // a key that is missing, an answer that only a person can find
	}
	return false
}

// query checks what selects items; prefix stands before its fields.
func (c *inputCheck) query(prefix string, q ItemQuery) {
	for _, s := range q.States {
		if !slices.Contains(states, s) {
			c.bad(prefix+"states", "have one that is none; use writeback.States")
			break
		}
	}
	for _, k := range q.Kinds {
		if !slices.Contains(ItemKinds(), k) {
			c.bad(prefix+"kinds", "have one that is none; use writeback.ItemKinds")
			break
		}
	}
	for _, r := range q.Reasons {
		c.id(prefix+"reasons", string(r))
	}
	c.id(prefix+"patient", q.Patient)
	c.id(prefix+"subject", q.Subject)
	if len(q.Cause) > maxShort {
		c.bad(prefix+"cause", fmt.Sprintf("has more than %d bytes", maxShort))
	}
	for _, span := range []struct {
		from, to string
		min, max time.Duration
	}{{"min_age", "max_age", q.MinAge, q.MaxAge}, {"min_idle", "max_idle", q.MinIdle, q.MaxIdle}} {
		switch {
		case span.min < 0:
			c.bad(prefix+span.from, "is negative; leave it 0 for no bound")
		case span.max < 0:
			c.bad(prefix+span.to, "is negative; leave it 0 for no bound")
		case span.max > 0 && span.max < span.min:
			c.bad(prefix+span.to, "is less than "+span.from+", so that nothing fits")
		}
	}
	if q.After < 0 {
		c.bad(prefix+"after", "is negative; give the Seq of the last item, or 0")
	}
	if q.Limit < 0 || q.Limit > maxPage {
		c.bad(prefix+"limit", fmt.Sprintf("must be from 1 to %d, or 0 for the default", maxPage))
	}
}

// maxPage is how many items one call gives at most.
const maxPage = 10_000
