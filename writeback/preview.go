package writeback

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/settings"
)

// The bounds of a preview.
const (
	// MaxPreviewed is how many waiting items a preview looks at, the oldest first.
	MaxPreviewed = 10_000
	// MaxPreviewItems is how many items that would move a preview lists.
	MaxPreviewItems = 500
)

// Preview says what a draft of the settings would make of the items that wait.
// It is a picture of one moment: the engine goes on meanwhile.
type Preview struct {
	// Draft is the document as it would be saved, pasted texts resolved, and
	// Revision the one in force, which goes into Save.Expect.
	Draft    settings.Document
	Revision int64
	// Problems are those that the save would return. With an Error among them it
	// would be refused, and what follows shows what would come if it were not.
	Problems []settings.Problem

	// Looked is how many items were decided by way of trial: those that are
	// queued, held, partially posted, or need a patient. Cut is set when there are
	// more than MaxPreviewed of them; all counts are of the oldest then.
	Looked int
	Cut    bool
	// Groups counts what was looked at, those that would move first, then the
	// largest first.
	Groups []PreviewGroup
	// Moving is how many would move, and Items the first of them, in the order of
	// their submission: at most MaxPreviewItems.
	Moving int
	Items  []PreviewItem
	// Untouched counts, by state, what is not final and what no save decides
	// again: payments that wait for a transfer, whatever becomes of
	// payments.auto; skipped items, though their kind be switched on; what is
	// being written or looked for; what waits for a person.
	Untouched map[State]int
}

// PreviewGroup counts items that would fare alike.
type PreviewGroup struct {
	Kind ItemKind
	// From and FromReason are as they are now.
	From       State
	FromReason driver.Reason
	// To, Reason and Cause are as they would be. They are the present ones where
	// Moves is not set.
	To     State
	Reason driver.Reason
	Cause  string
	Moves  bool
	Count  int
	// Words say to staff what would happen, and NextStep what they could do then.
	// Both are empty where nothing would.
	Words, NextStep string
}

// PreviewItem is one item that would move.
type PreviewItem struct {
	ID, Key string
	Kind    ItemKind
	// From and FromReason are as they are now, To, Reason and Cause as they would
	// be.
	From       State
	FromReason driver.Reason
	To         State
	Reason     driver.Reason
	Cause      string
	// Words say to staff what would happen, and NextStep what they could do then.
	Words, NextStep string
}

// Preview says what the waiting items would become if the draft were saved now,
// without changing anything: it takes the decision that the save would bring
// about, for every item that the save would decide again. The draft is resolved
// and checked as by SaveSettings.
//
// It does not ask the PMS. An item that would be queued may go elsewhere when its
// turn comes: its patient is looked up only then.
func (p *Practice) Preview(ctx context.Context, draft settings.Document) (Preview, error) {
	doc, problems, err := p.CheckSettings(ctx, draft)
	if err != nil {
		return Preview{}, err
	}
	v := p.viewNow()
	out := Preview{Draft: doc, Revision: v.revision, Problems: problems, Untouched: map[State]int{}}
	v.settings, v.revision = doc, v.revision+1
	groups, err := p.e.cfg.Store.Summary(ctx, p.id)
	if err != nil {
		return Preview{}, fmt.Errorf("writeback: preview: %w", err)
	}
	if !p.works() {
		v.closed = closedBy(groups)
	}
	if err := p.previewItems(ctx, v, &out); err != nil {
		return Preview{}, fmt.Errorf("writeback: preview: %w", err)
	}
	for _, g := range groups {
		if !g.State.Final() && !slices.Contains(decidedAgain(), g.State) {
			out.Untouched[g.State] += g.Count
		}
	}
	return out, nil
}

// closedBy gathers from the causes of what is held which operations the PMS
// refuses access to. Only the process that works on the practice knows it by
// itself.
func closedBy(groups []Group) map[driver.OpKind]driver.Scope {
	closed := map[driver.OpKind]driver.Scope{}
	for _, g := range groups {
		if g.Reason != ReasonUnauthorized {
			continue
		}
		for _, op := range driver.OpKinds() {
			// One that closed the whole connection is tried again with each save.
			for _, scope := range []driver.Scope{driver.ScopeWrites, driver.ScopeOperation} {
				if g.Cause == unauthorizedCause(scope, op) {
					closed[op] = scope
				}
			}
		}
	}
	return closed
}

// previewItems decides what waits, as decideStates does, and keeps nothing.
func (p *Practice) previewItems(ctx context.Context, v view, out *Preview) error {
	counts := map[PreviewGroup]int{}
	q := ItemQuery{Practice: p.id, States: decidedAgain(), Limit: 500}
	for {
		records, err := p.e.cfg.Store.Items(ctx, q)
		if err != nil {
			return err
		}
		for _, r := range records {
			if out.Looked == MaxPreviewed {
				out.Cut = true
				break
			}
			q.After = r.Seq
			it, err := p.e.seal.open(r)
			if err != nil {
				out.Untouched[r.State]++
				continue
			}
			if err := p.gatherWaiting(ctx, it); err != nil {
				return err
			}
			out.Looked++
			d, moves := it.previewed(v)
			counts[out.add(r, it, d, moves)]++
		}
		if out.Cut || len(records) < q.Limit {
			break
		}
	}
	for g, n := range counts {
		g.Count = n
		out.Groups = append(out.Groups, g)
	}
	slices.SortFunc(out.Groups, comparePreviews)
	return nil
}

// previewed decides an item as the save would, or, where its rest is on its way,
// as its claim would then.
func (it *item) previewed(v view) (d decision, moves bool) {
	if !it.onItsWay() {
		return it.decideAnew(v)
	}
	d = decide(it, v)
	return d, d.event != EventQueued && it.apply(d)
}

// add lists an item that moves, and gives the group that it counts in. r is the
// item as stored, it as it was decided.
func (out *Preview) add(r Record, it *item, d decision, moves bool) PreviewGroup {
	g := PreviewGroup{Kind: r.Kind, From: r.State, FromReason: r.Reason, To: r.State, Reason: r.Reason, Cause: r.Cause}
	if !moves {
		return g
	}
	g.Moves, g.To, g.Reason, g.Cause = true, it.State, it.Reason, it.Cause
	g.Words = wordsFor(Event{Name: d.event, From: r.State, To: it.State, Reason: it.Reason})
	_, g.NextStep = wordsOf(it.Reason, it.Cause)
	out.Moving++
	if len(out.Items) < MaxPreviewItems {
		out.Items = append(out.Items, PreviewItem{
			ID: r.ID, Key: r.Key, Kind: g.Kind, From: g.From, FromReason: g.FromReason,
			To: g.To, Reason: g.Reason, Cause: g.Cause, Words: g.Words, NextStep: g.NextStep,
		})
	}
	return g
}

func comparePreviews(a, b PreviewGroup) int {
	if a.Moves != b.Moves {
		if a.Moves {
			return -1
		}
		return 1
	}
	return cmp.Or(
		cmp.Compare(b.Count, a.Count), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.From, b.From),
		cmp.Compare(a.FromReason, b.FromReason), cmp.Compare(a.To, b.To), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Cause, b.Cause),
	)
}
