package writeback

import (
	"context"
	"fmt"
	"strings"

	"github.com/pmswriteback/pms/driver"
)

// What the host was told of a record is one Seen row, and telling takes two
// commits. Before the handler is called the row says what it is about to be
// told; when it has returned nil, that it was. In between nobody knows whether
// the host knows: the process may have died, or the handler failed after it had
// stored half of it. A row in that state is told again whatever the record looks
// like by then, so that one that was changed and changed back meanwhile does not
// pass for unchanged.
//
// Rev rises when something new is told, and not when the same is told again: the
// event's id goes by it. The row of a record that is gone stays for its Rev,
// since a record that is restored must not come with ids that were used.

const (
	// goneHash is the Hash of a record that is gone.
	goneHash = "gone"
	// toldHash is the Hash of a patient: there is nothing to compare.
	toldHash = "told"
	// partHash is that of one who was told without a name or a birth date.
	partHash = "part"
	// toldElsewhere marks a status that the other appointment feed told: this
	// feed tells it too, even if it is what it told last.
	toldElsewhere = "*"
)

// settled takes Hash apart: what the host is known to have been told, and what
// it was perhaps told since.
func (s Seen) settled() (hash, try string, unsure bool) {
	rest, unsure := strings.CutPrefix(s.Hash, "?")
	if !unsure {
		return s.Hash, "", false
	}
	try, hash, _ = strings.Cut(rest, "?")
	return hash, try, true
}

// gone reports whether the host was told, or knows by not having been told, that
// the record is not there.
func (s Seen) gone() bool { return s.Hash == goneHash }

// wasGone is gone whatever may have been told since.
func (s Seen) wasGone() bool {
	hash, _, _ := s.settled()
	return hash == goneHash
}

// telling is the row while the host is being told try, which must not hold a
// question mark.
func (s Seen) telling(try string) Seen {
	hash, before, unsure := s.settled()
	if !unsure || before != try {
		s.Hash, s.Rev = "?"+try+"?"+hash, s.Rev+1
	}
	return s
}

// news is what a page of a feed gives the host and the store.
type news[E any] struct {
	feed   driver.Feed
	known  map[string]Seen // as stored, and then as the page makes it
	stored map[string]Seen
	events []E
	told   map[string]bool // records with an event
	// before is stored before the host is told, after when it has been.
	before, after []SeenWrite
	docs          []DocWrite
}

func newNews[E any](ctx context.Context, p *Practice, feed driver.Feed, ids []string) (*news[E], error) {
	known, err := p.seen(ctx, feed, ids)
	if err != nil {
		return nil, err
	}
	n := &news[E]{feed: feed, known: known, stored: make(map[string]Seen, len(known)), told: map[string]bool{}}
	for id, s := range known {
		n.stored[id] = s
	}
	return n, nil
}

// note remembers a record of which the host need not be told.
func (n *news[E]) note(s Seen) {
	n.known[s.ID] = s
	n.after = append(n.after, SeenWrite{Feed: n.feed, Seen: s})
}

// tell adds an event. mark is the row while it is told, told the row afterwards.
func (n *news[E]) tell(mark, told Seen, event E) {
	if n.stored[mark.ID] != mark {
		n.before = append(n.before, SeenWrite{Feed: n.feed, Seen: mark})
	}
	n.note(told)
	n.events = append(n.events, event)
	n.told[mark.ID] = true
}

// taken is what is left to store when the host has taken a page.
type taken struct {
	seen []SeenWrite
	docs []DocWrite
}

// give tells the host.
func (n *news[E]) give(ctx context.Context, p *Practice, handler func(context.Context, string, []E) error) (taken, error) {
	if len(n.before) > 0 {
		change := Change{Practice: p.id, Fence: p.lease.Fence(), Seen: n.before}
		if err := p.e.commit.Apply(ctx, []Change{change})[0]; err != nil {
			return taken{}, fmt.Errorf("writeback: store what is told: %w", err)
		}
	}
	if err := deliver(ctx, p, string(n.feed), handler, n.events); err != nil {
		return taken{}, err
	}
	return taken{n.after, n.docs}, nil
}

func (p *Practice) seen(ctx context.Context, feed driver.Feed, ids []string) (map[string]Seen, error) {
	known, err := p.e.cfg.Store.Seen(ctx, p.id, feed, ids)
	if err != nil {
		return nil, fmt.Errorf("writeback: read what was seen: %w", err)
	}
	if known == nil {
		known = map[string]Seen{}
	}
	return known, nil
}
