package driver

import "context"

// Hint says in which feeds there may be news.
type Hint struct {
	// Feeds may have changed since the mark; none when nothing is known to have.
	Feeds []Feed
	// Mark is for the next call: opaque, without patient data, and good on the
	// same connection.
	Mark string
}

// Hinter tells cheaply that a poll may be worth while before it is due.
type Hinter interface {
	// ReadHint says which feeds may have news since a mark.
	//
	//  1. An empty mark, or one that the connection does not know, is the present:
	//     no feed is named.
	//  2. It costs the PMS next to nothing, however much it holds: one look at the
	//     end of an index. The engine may ask every second, for each practice.
	//  3. It is a hint. A feed may be named without news, and news may come
	//     without a hint: the engine polls at its intervals all the same, and a
	//     hint only makes a poll come sooner. It uses up nothing of what
	//     ReadChanges and ReadWindow give.
	//  4. In a feed with [FeedInfo].Hints a change is as a rule named once it can
	//     be read. A feed without news falls silent after a few calls.
	//
	// Its errors are those of a read. They say nothing of the feeds.
	ReadHint(ctx context.Context, mark string) (Hint, error)
}

// ReadHint asks conn. A connection that is no Hinter gives ErrRejected with
// ReasonUnsupported.
func ReadHint(ctx context.Context, conn Conn, mark string) (Hint, error) {
	h, ok := conn.(Hinter)
	if !ok {
		return Hint{}, unsupported("read hint")
	}
	return h.ReadHint(ctx, mark)
}
