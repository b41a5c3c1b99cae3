package storetest

import (
	"fmt"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/writeback"
)

var seenCases = []testCase{
	{"SeenIsKeptPerFeed", "What was seen of a record is replaced or forgotten in its own feed and practice only.", seenIsKept},
	{"SeenOfManyRecords", "Seen answers for thousands of ids at once and leaves out those not seen.", seenOfMany},
	{"SeenBetweenBounds", "SeenBetween gives the records with Start in [from, to); zero bounds are open, and only two of them let records without a start in.", seenBetweenBounds},
	{"SeenBetweenPages", "SeenBetween is ordered by the bytes of the id and pages behind an id without gap or repetition.", seenBetweenPages},
}

// noon of a day in a zone that is not UTC.
func noon(day int) time.Time {
	return time.Date(2026, 3, day, 12, 0, 0, 0, time.FixedZone("west", -6*3600))
}

func see(feed driver.Feed, seen ...writeback.Seen) writeback.Change {
	c := writeback.Change{Practice: practice}
	for _, s := range seen {
		c.Seen = append(c.Seen, writeback.SeenWrite{Feed: feed, Seen: s})
	}
	return c
}

func (b *bench) seen(feed driver.Feed, ids ...string) map[string]writeback.Seen {
	b.Helper()
	got, err := b.s.Seen(b.ctx, practice, feed, ids)
	b.ok(err, "Seen")
	for id, s := range got {
		b.equal(s.ID, id, "ID")
	}
	return got
}

func seenIsKept(b *bench) {
	b.equal(len(b.seen(driver.AppointmentFeed)), 0, "number of records when asked for none")
	first := writeback.Seen{ID: "1", Hash: "h1", Start: noon(1).Add(123 * time.Millisecond), Status: "55", Rev: 3}
	b.apply(see(driver.AppointmentFeed, first, writeback.Seen{ID: "2", Hash: "h2"}))
	b.apply(see(driver.PatientFeed, writeback.Seen{ID: "1", Hash: "patient"}))
	theirs := see(driver.AppointmentFeed, writeback.Seen{ID: "1", Hash: "theirs"})
	theirs.Practice = other
	b.apply(theirs)

	got := b.seen(driver.AppointmentFeed, "1", "2", "3", "1")
	b.equal(len(got), 2, "number of records")
	one := got["1"]
	b.that(one.Start.Equal(first.Start), "Start is another moment")
	b.that(one.Start.Location() == time.UTC, "Start is not in UTC")
	one.Start = first.Start
	b.equal(one, first, "record")
	b.that(got["2"].Start.IsZero(), "Start of a record without one is not zero")
	b.equal(b.seen(driver.PatientFeed, "1")["1"].Hash, "patient", "Hash in another feed")

	b.apply(see(driver.AppointmentFeed, writeback.Seen{ID: "1", Hash: "h9", Rev: 4}))
	b.equal(b.seen(driver.AppointmentFeed, "1")["1"], writeback.Seen{ID: "1", Hash: "h9", Rev: 4}, "replaced record")
	forget := see(driver.AppointmentFeed, writeback.Seen{ID: "1"}, writeback.Seen{ID: "none"})
	forget.Seen[0].Forget, forget.Seen[1].Forget = true, true
	b.apply(forget)
	b.equal(len(b.seen(driver.AppointmentFeed, "1")), 0, "number of records after forgetting")
	b.equal(len(b.seen(driver.AppointmentFeed, "2")), 1, "number of records beside the forgotten one")
	b.equal(len(b.seen(driver.PatientFeed, "1")), 1, "number of records in the other feed")
}

func seenOfMany(b *bench) {
	const n = 3000
	var all []writeback.Seen
	var asked []string
	for i := range n {
		all = append(all, writeback.Seen{ID: fmt.Sprintf("id-%d", i), Hash: fmt.Sprint(i)})
		asked = append(asked, fmt.Sprintf("id-%d", i), fmt.Sprintf("not-%d", i))
	}
	b.apply(see(driver.PatientFeed, all...))
	got := b.seen(driver.PatientFeed, asked...)
	b.equal(len(got), n, "number of records")
	for _, s := range all {
		b.equal(got[s.ID], s, "record")
	}
}

func (b *bench) between(feed driver.Feed, from, to time.Time, after string, limit int) []string {
	b.Helper()
	got, err := b.s.SeenBetween(b.ctx, practice, feed, from, to, after, limit)
	b.ok(err, "SeenBetween")
	out := []string{}
	for _, s := range got {
		out = append(out, s.ID)
	}
	return out
}

func seenBetweenBounds(b *bench) {
	feed, zero := driver.AppointmentFeed, time.Time{}
	at := func(id string, start time.Time) writeback.Seen {
		return writeback.Seen{ID: id, Start: start, Hash: "h" + id}
	}
	b.apply(see(feed, at("a", noon(1)), at("b", noon(2)), at("c", noon(3)), at("none", zero)))
	b.apply(see(driver.PatientFeed, at("p", noon(2))))
	theirs := see(feed, at("t", noon(2)))
	theirs.Practice = other
	b.apply(theirs)
	for _, c := range []struct {
		what     string
		from, to time.Time
		want     []string
	}{
		{"open", zero, zero, []string{"a", "b", "c", "none"}},
		{"from", noon(2), zero, []string{"b", "c"}},
		{"from just behind", noon(2).Add(time.Millisecond), zero, []string{"c"}},
		{"to", zero, noon(2), []string{"a"}},
		{"to just behind", zero, noon(2).Add(time.Millisecond), []string{"a", "b"}},
		{"both", noon(1), noon(3), []string{"a", "b"}},
		{"both in another zone", noon(1).UTC(), noon(3).In(time.FixedZone("east", 9*3600)), []string{"a", "b"}},
		{"empty", noon(2), noon(2), []string{}},
		{"backwards", noon(3), noon(1), []string{}},
	} {
		b.equal(b.between(feed, c.from, c.to, "", 100), c.want, "records with bounds "+c.what)
	}
	got, err := b.s.SeenBetween(b.ctx, practice, feed, noon(2), noon(3), "", 1)
	b.ok(err, "SeenBetween")
	b.that(got[0].Start.Equal(noon(2)) && got[0].Hash == "hb", "record differs from what was seen")
	b.apply(see(feed, at("b", noon(20)))) // moved
	b.equal(b.between(feed, noon(1), noon(3), "", 100), []string{"a"}, "records after one moved away")
}

func seenBetweenPages(b *bench) {
	feed := driver.AppointmentFeed
	all := []string{"1", "10", "2", "A", "B", "a", "a b", "a'", "b", "ä", "\U0001F9B7"}
	for i := range all {
		b.apply(see(feed, writeback.Seen{ID: all[len(all)-1-i], Start: noon(1 + i%9)}))
	}
	for _, bounds := range [][2]time.Time{{}, {noon(1), noon(28)}, {noon(1), {}}, {{}, noon(28)}} {
		var got []string
		for after := ""; ; after = got[len(got)-1] {
			page := b.between(feed, bounds[0], bounds[1], after, 3)
			b.that(len(page) <= 3, "a page is longer than the limit")
			if len(page) == 0 {
				break
			}
			if got = append(got, page...); len(got) > len(all) {
				break
			}
		}
		b.equal(got, all, "pages")
	}
}
