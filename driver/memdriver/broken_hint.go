package memdriver

import (
	"context"
	"errors"
	"strings"

	"github.com/pmswriteback/pms/driver"
)

var errMark = errors.New("the mark is not one of this connection")

// ReadHint implements driver.Hinter.
func (b *brokenConn) ReadHint(ctx context.Context, mark string) (driver.Hint, error) {
	hint, err := driver.ReadHint(ctx, b.Conn, mark)
	if err != nil {
		return hint, err
	}
	ours := mark == "" || strings.HasPrefix(mark, "h1.")
	switch {
	case b.p.broken("hint/present") && mark == "":
		hint.Feeds = driver.Feeds()
	case b.p.broken("hint/foreign-mark") && !ours:
		return driver.Hint{}, fail("read hint", driver.ErrUnavailable, errMark)
	case b.p.broken("hint/tells"):
		hint.Feeds = nil
	case b.p.broken("hint/quiet") && mark != "":
		hint.Mark = b.hinted(mark) // and so the same news for ever
	case b.p.broken("hint/no-poll") && len(hint.Feeds) > 0:
		b.mu.Lock()
		b.spent = true
		b.mu.Unlock()
	}
	return hint, nil
}

// hinted is the first mark with which somebody came back.
func (b *brokenConn) hinted(mark string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.firstMark == "" {
		b.firstMark = mark
	}
	return b.firstMark
}

func (b *brokenConn) spentByHint() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.spent
}
