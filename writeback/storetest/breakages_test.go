package storetest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pmswriteback/pms/writeback"
	"github.com/pmswriteback/pms/writeback/memstore"
)

// breakage is one thing done wrong, and the cases that must notice. Cases that
// would not end, or fail only now and then, are named as spoilt and left out.
type breakage struct {
	what    string
	breakIt func(*memstore.Store, *broken)
	fails   []string
	spoils  []string
}

var breakages = []breakage{
	{
		what:    "nothing",
		breakIt: func(*memstore.Store, *broken) {},
	},
	{
		what:    "changes are torn",
		breakIt: func(m *memstore.Store, b *broken) { b.apply = split(m) },
		fails:   []string{"ChangeIsAllOrNothing", "FailedChangeSparesOthers", "LaneFollowsReplacement"},
		spoils:  []string{"NoUpdateIsLost"},
	},
	{
		what: "versions are not compared",
		breakIt: func(m *memstore.Store, b *broken) {
			b.apply = edited(m, func(c *writeback.Change) {
				for i := range c.Items {
					if w := &c.Items[i]; w.Expect != 0 {
						if r, err := m.Item(context.Background(), c.Practice, w.Record.ID); err == nil {
							w.Expect = r.Version
						}
					}
				}
			})
		},
		fails:  []string{"ChangeIsAllOrNothing", "FailedChangeSparesOthers", "PurgeIsAChange", "ReplaceOfAnotherVersionIsStale"},
		spoils: []string{"NoUpdateIsLost", "ClaimsAreExclusive"},
	},
	{
		what: "fences are ignored",
		breakIt: func(m *memstore.Store, b *broken) {
			b.apply = edited(m, func(c *writeback.Change) { c.Fence = 0 })
		},
		fails: []string{"ChangeIsAllOrNothing", "FailedChangeSparesOthers", "FenceMustBeHeld", "FenceIsOfThePractice", "WakesAreSeenByAll"},
	},
	{
		what: "revisions are ignored",
		breakIt: func(m *memstore.Store, b *broken) {
			b.apply = edited(m, func(c *writeback.Change) { c.Revision = 0 })
		},
		fails: []string{"ChangeIsAllOrNothing", "RevisionMustBeTheLatest"},
	},
	{
		what: "documents are not compared",
		breakIt: func(m *memstore.Store, b *broken) {
			b.apply = edited(m, func(c *writeback.Change) {
				for i := range c.Docs {
					c.Docs[i].Expect = -1
				}
			})
		},
		fails: []string{"ChangeIsAllOrNothing", "DocsCompareAndSet", "DocsDelete", "LaneFollowsReplacement"},
	},
	{
		what: "delays are forgotten",
		breakIt: func(m *memstore.Store, b *broken) {
			b.apply = edited(m, func(c *writeback.Change) {
				for i := range c.Items {
					c.Items[i].Delay = 0
				}
			})
		},
		fails: []string{"DueTimeIsReckonedByTheStore", "DueWaitSaysWhenToAskAgain", "LaneFollowsReplacement", "LaneGoesInOrder", "ReplaceMovesDueTime"},
	},
	{
		what: "lanes are ignored",
		breakIt: func(m *memstore.Store, b *broken) {
			b.apply = edited(m, func(c *writeback.Change) {
				for i := range c.Items {
					c.Items[i].Record.Blocking = false
				}
			})
		},
		fails: []string{
			"DueWaitSaysWhenToAskAgain", "InsertKeepsEveryField", "LaneFollowsReplacement", "LaneGoesInOrder", "LanesAreApart",
			"LongLaneGoesOneByOne", "OnlyBlockingItemsBlock", "ReplaceCountsVersions", "TextsAreKeptAsGiven",
		},
	},
	{
		what: "the limit is taken for all that is due",
		breakIt: func(m *memstore.Store, b *broken) {
			b.due = func(ctx context.Context, practice string, limit int) ([]writeback.Record, time.Duration, error) {
				items, wait, err := m.Due(ctx, practice, limit)
				if wait == 0 {
					wait = -1
				}
				return items, wait, err
			}
		},
		fails: []string{"DueAreActiveInOrder", "DueWaitSaysWhenToAskAgain"},
	},
	{
		what: "pages begin at their position",
		breakIt: func(m *memstore.Store, b *broken) {
			b.items = func(ctx context.Context, q writeback.ItemQuery) ([]writeback.Record, error) {
				if q.After != 0 && !q.Newest {
					q.After--
				}
				return m.Items(ctx, q)
			}
		},
		fails: []string{"ItemsPages"},
	},
	{
		what: "keys are folded",
		breakIt: func(m *memstore.Store, b *broken) {
			b.byKey = func(ctx context.Context, practice, key string) (writeback.Record, error) {
				for r := range all(m, practice) {
					if strings.EqualFold(strings.TrimRight(r.Key, " "), strings.TrimRight(key, " ")) {
						return r, nil
					}
				}
				return m.ItemByKey(ctx, practice, key)
			}
		},
		fails: []string{"KeysAreComparedByteForByte"},
	},
	{
		what: "events come late",
		breakIt: func(m *memstore.Store, b *broken) {
			var late atomic.Int64
			b.events = func(ctx context.Context, practice string, after int64, limit int) ([]writeback.Event, error) {
				events, err := m.Events(ctx, practice, after, limit)
				if len(events) > 2 && limit < 10 && late.Add(1)%3 == 0 { // another's transaction is under way
					events = slices.Delete(events, 1, 2)
				}
				return events, err
			}
		},
		fails: []string{"NoEventShowsUpLate"},
	},
	{
		what: "prefixes are patterns",
		breakIt: func(m *memstore.Store, b *broken) {
			b.docs = func(ctx context.Context, practice, prefix string) ([]writeback.Doc, error) {
				docs, err := m.Docs(ctx, practice, "")
				like := strings.NewReplacer("_", "?", "%", "*").Replace(prefix)
				return slices.DeleteFunc(docs, func(d writeback.Doc) bool { return !matches(d.Name, like) }), err
			}
		},
		fails: []string{"DocsByPrefix"},
	},
	{
		what: "wakes are given once only",
		breakIt: func(m *memstore.Store, b *broken) {
			var taken atomic.Int64
			b.wakes = func(ctx context.Context, after int64) ([]string, int64, error) {
				woken, next, err := m.Wakes(ctx, max(after, taken.Load()))
				taken.Store(next)
				return woken, next, err
			}
		},
		fails: []string{"EverythingSurvivesReopening", "WakesAreSeenByAll"},
	},
	{
		what: "fences stay the same",
		breakIt: func(m *memstore.Store, b *broken) {
			b.acquire = func(ctx context.Context, practice, owner string, ttl time.Duration) (int64, bool, error) {
				fence, ok, err := m.Acquire(ctx, practice, owner, ttl)
				return min(fence, 1), ok, err
			}
		},
		fails: []string{"EverythingSurvivesReopening", "FenceMustBeHeld", "FencesOnlyRise", "LapsedLeaseIsTakenOver", "OneTakerWins", "ReleaseFreesAtOnce", "RenewNeedsTheFence"},
	},
	{
		what: "a lapsed lease cannot be renewed",
		breakIt: func(m *memstore.Store, b *broken) {
			b.renew = func(ctx context.Context, practice, owner string, fence int64, ttl time.Duration) (bool, error) {
				// The fence condition of a change says whether the lease is held now.
				held := m.Apply(ctx, []writeback.Change{{Practice: practice, Fence: fence}})
				if errors.Is(held[0], writeback.ErrFenced) {
					return false, nil
				}
				return m.Renew(ctx, practice, owner, fence, ttl)
			}
		},
		fails: []string{"FenceMustBeHeld", "RenewNeedsTheFence"},
	},
	{
		what: "the sweep spares nothing young",
		breakIt: func(m *memstore.Store, b *broken) {
			b.sweep = func(ctx context.Context, _ time.Duration) (int, error) { return m.Sweep(ctx, 0) }
		},
		fails: []string{"SweepSparesNamedBlobs"},
	},
	{
		what: "the purge takes all states",
		breakIt: func(m *memstore.Store, b *broken) {
			b.purge = func(ctx context.Context, practice string, _ []writeback.State, age time.Duration, limit int) (int, error) {
				return m.Purge(ctx, practice, writeback.States(), age, limit)
			}
		},
		fails: []string{"PurgeEmptiesOldItems"},
	},
	{
		what: "chunks are not bounded",
		breakIt: func(m *memstore.Store, b *broken) {
			b.putBlob = func(ctx context.Context, practice, blob string, n int, chunk []byte) error {
				return m.PutBlob(ctx, practice, blob, n, chunk[:min(len(chunk), writeback.BlobChunk)])
			}
		},
		fails: []string{"BlobChunksAreBounded"},
	},
	{
		what: "values are shared",
		breakIt: func(m *memstore.Store, b *broken) {
			var document []byte
			b.revision = func(ctx context.Context, practice string, rev int64) (writeback.Revision, error) {
				r, err := m.Revision(ctx, practice, rev)
				if string(r.Document) == "document" {
					if document == nil {
						document = r.Document
					}
					r.Document = document
				}
				return r, err
			}
		},
		fails: []string{"ValuesAreCopied"},
	},
	{
		what: "closing twice is an error",
		breakIt: func(m *memstore.Store, b *broken) {
			var closed atomic.Bool
			b.close = func() error {
				if closed.Swap(true) {
					return errors.New("closed already")
				}
				return m.Close()
			}
		},
		fails: []string{"CloseEndsUse"},
	},
	{
		what: "closing does nothing",
		breakIt: func(_ *memstore.Store, b *broken) {
			b.close = func() error { return nil }
		},
		fails: []string{"CloseEndsUse"},
	},
}

// all yields every item of a practice.
func all(m *memstore.Store, practice string) func(func(writeback.Record) bool) {
	return func(yield func(writeback.Record) bool) {
		items, _ := m.Items(context.Background(), writeback.ItemQuery{Practice: practice, Limit: 1 << 20})
		for _, r := range items {
			if !yield(r) {
				return
			}
		}
	}
}

// matches is SQL's LIKE with a % at the end, ? for one character and * for any.
func matches(name, pattern string) bool {
	n, p := []rune(name), []rune(pattern)
	var at func(i, j int) bool
	at = func(i, j int) bool {
		switch {
		case j == len(p):
			return true
		case p[j] == '*':
			return at(i, j+1) || i < len(n) && at(i+1, j)
		case i == len(n):
			return false
		}
		return (p[j] == '?' || p[j] == n[i]) && at(i+1, j+1)
	}
	return at(0, 0)
}
