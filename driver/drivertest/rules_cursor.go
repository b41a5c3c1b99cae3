package drivertest

import (
	"strings"

	"github.com/pmswriteback/pms/driver"
)

func cursorRules() []rule {
	return []rule{
		{
			name:        "cursor/bad",
			explanation: "A cursor that the driver never gave is ErrCursorExpired or ErrRejected, never an empty page: that would lose everything in between.",
			subjects:    feedSubjects(),
			try: func(c *checker) {
				s := c.open()
				s.needChanges(c.feed())
				for _, bad := range []string{"not a cursor", "%", "\x00\x01", "{}", strings.Repeat("z", 2000)} {
					_, err := s.changes(c.ctx, driver.ChangesQuery{Feed: c.feed(), Cursor: bad})
					c.readFails("ReadChanges from a cursor of "+letters(len(bad))+" foreign bytes", err, driver.ErrCursorExpired, driver.ErrRejected)
				}
			},
		}, {
			name:        "cursor/expired",
			explanation: "A cursor that the PMS can no longer serve is ErrCursorExpired: the engine then reads a window.",
			subjects:    feedSubjects(),
			try: func(c *checker) {
				s := c.open()
				s.needChanges(c.feed())
				cursor := s.baseline(c.feed())
				c.inject(Fault{Kind: FaultCursorExpired, Call: CallChanges})
				_, err := s.changes(c.ctx, driver.ChangesQuery{Feed: c.feed(), Cursor: cursor})
				c.readFails("ReadChanges from a cursor that expired", err, driver.ErrCursorExpired)
			},
		}, {
			name:        "cursor/form",
			explanation: "A cursor is at most 1,024 bytes of printable ASCII: stores keep it as it is.",
			subjects:    feedSubjects(),
			try: func(c *checker) {
				s := c.open()
				s.needChanges(c.feed())
				todo := s.events(c.feed(), 4)
				cursor := s.baseline(c.feed())
				c.cursorForm("the baseline's cursor", cursor)
				for _, change := range todo {
					change()
				}
				c.cursorForm("the cursor after four changes", s.walkChanges(c.feed(), cursor, 1).next)
			},
		}, {
			name:        "cursor/cut",
			explanation: "When the connection breaks while changes are read, the page is an error, and the cursor before it still gives everything.",
			subjects:    feedSubjects(),
			try: func(c *checker) {
				s := c.open()
				s.needChanges(c.feed())
				todo := s.events(c.feed(), 3)
				cursor := s.baseline(c.feed())
				var want []string
				for _, change := range todo {
					want = append(want, change())
				}
				lift := c.inject(Fault{Kind: FaultCutMiddle, Call: CallChanges})
				page, err := s.changes(c.ctx, driver.ChangesQuery{Feed: c.feed(), Cursor: cursor})
				if err == nil {
					c.Errorf("the connection broke, and ReadChanges gave a page of %d records without an error", page.Len())
				} else {
					c.readFails("ReadChanges when the connection breaks", err, driver.ErrUnavailable)
				}
				lift()
				s.walkChanges(c.feed(), cursor, 0).has(c, "read again when the line is back", want...)
			},
		},
	}
}

func (c *checker) cursorForm(what, cursor string) {
	if len(cursor) > 1024 {
		c.Errorf("%s is %d bytes long", what, len(cursor))
	}
	for i := range len(cursor) {
		if b := cursor[i]; b < 0x20 || b > 0x7e {
			c.Errorf("%s holds the byte 0x%02x", what, b)
			return
		}
	}
}
