package writeback

import (
	"context"
	"errors"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// Store keeps what the engine must not forget: items, events, settings
// revisions, cursors, what was seen, practices, blobs. writeback/memstore and
// writeback/sqlstore implement it; writeback/storetest is its contract, which a
// host's own store must pass.
//
// # Clocks
//
// Methods take durations, never times of day: due times, leases and ages are
// reckoned by the store's own clock, which is one clock even when many processes
// share a store. Times that a store returns in CreatedAt, UpdatedAt and At are of
// that clock, in UTC, to the millisecond at least.
//
// # Concurrency and durability
//
// All methods are safe for concurrent use, by several processes where the store
// is shared. When Apply returns nil for a change, the change survives a power
// cut as far as the store promises durability at all.
//
// A practice that nobody stored is no error: Apply, PutBlob and Acquire work,
// queries find nothing; only Practice tells that there is none. Once Apply's
// transaction has begun, the end of its context no longer interrupts it.
//
// Errors are ErrNotFound, ErrExists, ErrStale, ErrFenced, ErrUnknownPractice, or
// anything else for a store that does not work; they never hold patient data.
type Store interface {
	Submitter

	// Due returns at most limit items of a practice that are Active, whose due
	// time has come, and before which no other Blocking item with a lower Seq
	// stands in the same lane; ordered by Seq. wait is how long until another
	// item can come due by itself: 0 when there are more now, negative when none
	// is scheduled. Items behind a Blocking one do not count for it.
	Due(ctx context.Context, practice string, limit int) (items []Record, wait time.Duration, err error)
	// Item returns one item. ErrNotFound when there is none.
	Item(ctx context.Context, practice, id string) (Record, error)
	// Items returns the items that fit, ordered by Seq, newest first when
	// q.Newest.
	Items(ctx context.Context, q ItemQuery) ([]Record, error)
	// Summary counts a practice's items, grouped.
	Summary(ctx context.Context, practice string) ([]Group, error)

	// Events returns at most limit events of a practice with a Seq above after,
	// in order. An event that is returned has no event below it that shows up
	// later.
	Events(ctx context.Context, practice string, after int64, limit int) ([]Event, error)
	// ItemEvents returns all events of one item, in order.
	ItemEvents(ctx context.Context, practice, item string) ([]Event, error)

	// Docs returns the practice's documents whose name begins with prefix,
	// ordered by name.
	Docs(ctx context.Context, practice, prefix string) ([]Doc, error)

	// Revision returns a settings revision, the latest for rev 0. ErrNotFound
	// when there is none.
	Revision(ctx context.Context, practice string, rev int64) (Revision, error)
	// Revisions returns the latest revisions, newest first.
	Revisions(ctx context.Context, practice string, limit int) ([]Revision, error)

	// Seen returns what was seen of these records of a feed; ids not seen are
	// left out.
	Seen(ctx context.Context, practice string, feed driver.Feed, ids []string) (map[string]Seen, error)
	// SeenBetween returns the records of a feed with Start in [from, to), after
	// the id after, ordered by id. Zero bounds are open; records without a start
	// are included only when both are zero.
	SeenBetween(ctx context.Context, practice string, feed driver.Feed, from, to time.Time, after string, limit int) ([]Seen, error)

	// PutPractice stores a practice, new or changed; a removed one comes back
	// with everything it had.
	PutPractice(ctx context.Context, p PracticeRecord) error
	// Practice returns one practice, removed or not. ErrUnknownPractice when
	// there never was one.
	Practice(ctx context.Context, practice string) (PracticeRecord, error)
	// Practices returns all practices that are not removed, ordered by id.
	Practices(ctx context.Context) ([]PracticeRecord, error)

	// Wakes returns the practices woken since a position, each once, and the new
	// position. A position of 0 is before everything.
	Wakes(ctx context.Context, after int64) (practices []string, next int64, err error)

	// Acquire takes the lease of a practice for ttl when it is free, lapsed or
	// owner's own already. Each change of owner, and each take-over of a lapsed
	// or released lease, gives a higher fence; a lease that owner still holds
	// keeps its.
	Acquire(ctx context.Context, practice, owner string, ttl time.Duration) (fence int64, ok bool, err error)
	// Renew extends a lease that still has this owner and fence, even one that
	// has lapsed if nobody took it.
	Renew(ctx context.Context, practice, owner string, fence int64, ttl time.Duration) (ok bool, err error)
	// Release frees a lease that still has this owner and fence. Changes with
	// that fence fail from then on.
	Release(ctx context.Context, practice, owner string, fence int64) error

	// Blob returns chunk n (from 0) of a blob; ErrNotFound after the last.
	Blob(ctx context.Context, practice, blob string, n int) ([]byte, error)
	// Sweep deletes blobs that no item names and that are older than age, and
	// says how many.
	Sweep(ctx context.Context, age time.Duration) (int, error)
	// Purge empties Payload and drops the blob of a practice's items in one of
	// the states that were last changed longer than age ago, at most limit at a
	// time, and says how many. Ids, hashes, events and Progress stay: a refund
	// needs its payment's receipt however old that is.
	Purge(ctx context.Context, practice string, states []State, age time.Duration, limit int) (int, error)

	// Close ends the use of the store. Closing twice is not an error.
	Close() error
}

// Submitter is the part of a store that submitting needs. A store's Tx method
// gives one that works inside the host's own transaction.
type Submitter interface {
	// Apply carries out changes. Each is all or nothing, and they are carried
	// out in order; they may share one commit. The result has one error per
	// change. A change whose error is not nil had no effect, with the exception
	// of a failed commit, where the store does not know: then the error is none
	// of the Err values of this package.
	Apply(ctx context.Context, changes []Change) []error
	// ItemByKey returns the item with the host's key. ErrNotFound when there is
	// none.
	ItemByKey(ctx context.Context, practice, key string) (Record, error)
	// Doc returns one document. ErrNotFound when there is none.
	Doc(ctx context.Context, practice, name string) (Doc, error)
	// PutBlob stores chunk n (from 0) of a blob, at most BlobChunk bytes. Chunks
	// are committed by themselves, before the item that names the blob; within a
	// host's transaction they are part of it.
	PutBlob(ctx context.Context, practice, blob string, n int, chunk []byte) error
}

// BlobChunk is the largest size of a blob's chunk: 1 MiB.
const BlobChunk = 1 << 20

// Errors of a store, wrapped or not.
var (
	ErrNotFound        = errors.New("writeback: not found")
	ErrExists          = errors.New("writeback: key exists")
	ErrStale           = errors.New("writeback: changed by somebody else in the meantime")
	ErrFenced          = errors.New("writeback: the practice's lease was taken over")
	ErrUnknownPractice = errors.New("writeback: unknown practice")
)

// Change is one atomic change of one practice. Fence, Revision and Save are
// checked first, then each part's condition, after the parts before it; when one
// fails nothing of the change is done. A record of another practice, and a
// negative Expect of an item, are errors.
type Change struct {
	Practice string
	// Fence, when not 0, must be the fence of the practice's lease, and the
	// lease must not have lapsed: else ErrFenced.
	Fence int64
	// Revision, when not 0, must be the number of the latest settings revision:
	// else ErrStale. (A practice without revisions has 0.)
	Revision int64

	Items  []ItemWrite
	Events []Event // Seq and At are the store's to set
	Docs   []DocWrite
	Seen   []SeenWrite
	// Save stores a settings revision.
	Save *Revision
	// Wake lets every process know that the practice wants attention.
	Wake bool
}

// ItemWrite inserts or replaces an item. A replaced item keeps its Practice, ID,
// Key, Seq and CreatedAt.
type ItemWrite struct {
	Record Record
	// Expect is the Version the stored item must have; 0 inserts. An insert
	// whose Key or ID is taken is ErrExists; a missing or other version is
	// ErrStale. The stored Version becomes Expect + 1.
	Expect int64
	// Delay from now, by the store's clock, is the item's due time. Only for
	// Active items.
	Delay time.Duration
}

// DocWrite inserts, replaces or deletes a document.
type DocWrite struct {
	Name  string
	Value []byte // nil deletes
	// Expect is the Version the stored document must have, 0 for none; negative
	// does not care. A document that was deleted begins again at 1.
	Expect int64
}

// SeenWrite replaces or forgets what was seen of a record.
type SeenWrite struct {
	Feed   driver.Feed
	Seen   Seen
	Forget bool
}

// Record is an item as stored. Payload and Progress are opaque to the store and
// may be sealed.
type Record struct {
	Practice string
	ID       string
	// Seq orders items by submission; the store sets it at insert.
	Seq int64
	// Key is the host's, unique in the practice; Hash is of the content.
	Key, Hash string
	Kind      ItemKind
	State     State
	// Reason and Cause say why it is in that state; Cause is the same for all
	// items that one mend would release.
	Reason driver.Reason
	Cause  string
	// Lane orders items that must not overtake each other; empty is no lane.
	Lane string
	// Active items come due; Blocking ones hold back what is behind them in
	// their lane.
	Active, Blocking bool
	// Patient is the PMS's patient id once known.
	Patient string
	// Subject is what the item is about besides: the appointment of a status, the
	// payment's item id of a refund, a digest of a document's content and patient.
	Subject string
	// Blob names the document's bytes.
	Blob string
	// Revision is the settings revision by which the item was last decided.
	Revision int64
	// Fence is that of the lease under which it was claimed.
	Fence int64
	// Attempts counts tries since the item was last queued afresh.
	Attempts int
	// Version counts changes; compare-and-set goes by it.
	Version              int64
	CreatedAt, UpdatedAt time.Time
	// Age is how long ago it was submitted, by the store's clock; only read.
	Age time.Duration
	// DueIn is how long until the due time, negative or zero when past; only
	// read, and only for Active items.
	DueIn    time.Duration
	Payload  []byte
	Progress []byte
}

// ItemQuery selects items of one practice. Empty fields do not narrow.
type ItemQuery struct {
	Practice string
	States   []State
	Reasons  []driver.Reason
	Kinds    []ItemKind
	Patient  string
	Subject  string
	Cause    string
	// NoCause selects what has no Cause; an empty reason among Reasons what has none.
	NoCause bool
	// MinAge and MaxAge bound the time since CreatedAt.
	MinAge, MaxAge time.Duration
	// MinIdle and MaxIdle bound the time since UpdatedAt, the last change.
	MinIdle, MaxIdle time.Duration
	// After continues behind the item with this Seq, in the query's order.
	After  int64
	Newest bool
	// Limit defaults to 100.
	Limit int
}

// Group counts items that have these fields in common.
type Group struct {
	State  State
	Kind   ItemKind
	Reason driver.Reason
	Cause  string
	Count  int
	// Oldest is the CreatedAt of the oldest.
	Oldest time.Time
}

// Event is a row of the audit log, and what the Items handler gets.
type Event struct {
	Practice string
	// Seq rises within a practice, with gaps.
	Seq  int64
	At   time.Time
	Item string
	// Name says what happened: one of the Event constants. Item is empty for what
	// is about the practice.
	Name     string
	From, To State
	Reason   driver.Reason
	// Actor is who did it: a person as the host names them, or "engine".
	Actor string
	// Detail is a remark without patient data.
	Detail string
}

// Doc is a small named value: a cursor, a cached catalog, a link.
type Doc struct {
	Name      string
	Value     []byte
	Version   int64
	UpdatedAt time.Time
	// Age is how long ago it was updated.
	Age time.Duration
}

// Revision is a saved settings document. Number is the store's to set: it is
// Expect + 1.
type Revision struct {
	Number int64
	// Expect is the number the latest revision must have at the time of saving,
	// 0 for none: else ErrStale. Not stored.
	Expect        int64
	Document      []byte
	Actor, Reason string
	At            time.Time
}

// Seen is what the engine remembers of a record it delivered: no patient data.
// It is the engine's to read; a store keeps it as it is.
type Seen struct {
	ID string
	// Hash holds a keyed hash of the content that the host was told, and of what
	// it is being told: at most 100 characters.
	Hash string
	// Start is the appointment's start, zero for others.
	Start time.Time
	// Status is the appointment's status id, or a keyed hash of its place.
	Status string
	// Rev rises with each change that is told, so that an event id is stable and
	// new for each change.
	Rev int64
}

// PracticeRecord is a practice as stored.
type PracticeRecord struct {
	ID      string
	Config  []byte
	Removed bool
}
