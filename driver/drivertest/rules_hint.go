package drivertest

import (
	"slices"
	"strings"

	"github.com/pmswriteback/pms/driver"
)

// hintTries is how many ticks of the PMS's clock a hint may take to come, and how
// many calls to go.
const hintTries = 5

func hintRules() []rule {
	return []rule{
		{
			name:        "hint/present",
			explanation: "Without a mark ReadHint names no feed and gives a mark. FeedInfo.Hints is set for feeds that are supported, on a connection that is a driver.Hinter, and for no others.",
			try: func(c *checker) {
				s := c.open()
				_, can := s.conn.(driver.Hinter)
				for _, f := range driver.Feeds() {
					if info := s.info.Feeds[f]; info.Hints && (!can || !info.Supported) {
						c.Errorf("%s: Hints is set; supported is %t, and the connection is a driver.Hinter: %t", f, info.Supported, can)
					}
				}
				if !can {
					return
				}
				for _, change := range s.hinted() {
					change()
				}
				hint := s.hintNow("")
				if len(hint.Feeds) > 0 {
					c.Errorf("a hint without a mark names %v", hint.Feeds)
				}
				if hint.Mark == "" {
					c.Errorf("a hint gives no mark")
				}
			},
		}, {
			name:        "hint/foreign-mark",
			explanation: "A mark that the connection does not know is like none, never an error: the engine asks anew on each connection.",
			try: func(c *checker) {
				s := c.open()
				if _, can := s.conn.(driver.Hinter); !can {
					return
				}
				for _, foreign := range []string{"no mark", "%", "-1", "9223372036854775808", strings.Repeat("7", 2000)} {
					hint := s.hintNow(foreign)
					if len(hint.Feeds) > 0 || hint.Mark == "" {
						c.Errorf("a mark of %d foreign bytes gave %d feeds, and a mark of %d bytes", len(foreign), len(hint.Feeds), len(hint.Mark))
					}
				}
			},
		}, {
			name:        "hint/tells",
			explanation: "What the PMS's own program changes in a feed with Hints is named in a hint, a few ticks of its clock later at the latest.",
			subjects:    feedSubjects(),
			try: func(c *checker) {
				s := c.open()
				if !s.info.Feeds[c.feed()].Hints {
					return
				}
				for _, change := range s.events(c.feed(), 2) {
					mark := s.hintNow("").Mark
					change()
					if _, told := s.hintOf(c.feed(), mark); !told {
						c.Errorf("nothing hints at the change after %d ticks", hintTries)
					}
				}
			},
		}, {
			name:        "hint/quiet",
			explanation: "Where nothing changes hints end after a few calls: otherwise each would cost a poll, for ever.",
			subjects:    feedSubjects(),
			try: func(c *checker) {
				s := c.open()
				if !s.info.Feeds[c.feed()].Hints {
					return
				}
				mark := s.hintNow("").Mark
				for _, change := range s.events(c.feed(), 1) {
					change()
				}
				hint, _ := s.hintOf(c.feed(), mark)
				for range hintTries {
					c.tick(s)
					if hint = s.hintNow(hint.Mark); len(hint.Feeds) == 0 {
						return
					}
				}
				c.Errorf("%v is still named after %d calls", hint.Feeds, hintTries)
			},
		}, {
			name:        "hint/no-poll",
			explanation: "A hint never takes the place of a poll: what changed is in a page read from a cursor given before, whatever hints were read meanwhile, and however often.",
			subjects:    feedSubjects(),
			try: func(c *checker) {
				s := c.open()
				_, can := s.conn.(driver.Hinter)
				if info := s.info.Feeds[c.feed()]; !can || !info.Supported || !info.Changes {
					return
				}
				todo := s.events(c.feed(), 1)
				cursor := s.baseline(c.feed())
				mark := s.hintNow("").Mark
				id := todo[0]()
				hint, _ := s.hintOf(c.feed(), mark)
				for range hintTries {
					hint = s.hintNow(hint.Mark)
				}
				s.walkChanges(c.feed(), cursor, 0).has(c, "changed, and hints were read and none was heeded", id)
			},
		},
	}
}

// hinted are changes in the feeds with hints.
func (s *session) hinted() []func() string {
	var out []func() string
	for _, f := range driver.Feeds() {
		if s.info.Feeds[f].Hints {
			out = append(out, s.events(f, 1)...)
		}
	}
	return out
}

func (s *session) hintNow(mark string) driver.Hint {
	s.c.Helper()
	hint, err := driver.ReadHint(s.c.ctx, s.conn, mark)
	s.saw(CallHint, err)
	s.opaque("mark", hint.Mark)
	if err != nil {
		s.c.Fatalf("ReadHint: %v", err)
	}
	return hint
}

// hintOf asks until a hint names the feed, and gives the last hint.
func (s *session) hintOf(feed driver.Feed, mark string) (hint driver.Hint, told bool) {
	s.c.Helper()
	for range hintTries {
		hint = s.hintNow(mark)
		if slices.Contains(hint.Feeds, feed) {
			return hint, true
		}
		mark = hint.Mark
		s.c.tick(s)
	}
	return hint, false
}
