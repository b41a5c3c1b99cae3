package opendental

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
)

// Nothing in the table of documents leads to what changed in it, and a change of
// any document may make another one the patient's photo: one that is newer, or
// has come from another category, or stays when the newest has left. A poll
// therefore gives the photos of the patients of whom a document changed. Documents
// above a mark are looked at each time; older ones, which are edited or moved now
// and then, by a net. Only a deletion leaves no trace: now and then all photos are
// told, of which the engine knows all but a few.
//
// Where keys are random a poll reads the whole table.
const (
	// newPhotoFor is how long a document counts as new. Its row is stored first and
	// completed when the file is written.
	newPhotoFor = 2 * time.Hour
	// photoNetEvery is how often the net is cast, photoNetKeys how many documents
	// one statement of it reads, so that none keeps the table for long, and
	// allPhotosEvery how often it takes all.
	photoNetEvery  = time.Hour
	photoNetKeys   = 20_000
	allPhotosEvery = 24 * time.Hour
)

// photoChanges reads a page of a run, in the order of the documents that changed.
func (c *sqlConn) photoChanges(ctx context.Context, op string, s *sqlSchema, cur sqlCursor, category string, limit int) (driver.Page, error) {
	want := sqlpms.PageSize(limit)
	if !s.random && cur.Mark.Seen == 0 {
		return driver.Page{}, expired(op, "the cursor is from a time when the office's primary keys were random")
	}
	for {
		var rows []row
		var done bool
		var err error
		switch {
		case s.random:
			rows, err = c.photoRows(ctx, op, category, cur.Since, cur.Key, want)
			done = moveBehind(&cur, rows, "DocNum", want)
		case cur.Way == byNet:
			rows, done, err = c.photoNet(ctx, op, s, &cur, category, want)
		default:
			rows, err = c.photosOfChanged(ctx, op, category, cur.Since, max(cur.Mark.Low, cur.Key), 0, want)
			if done = moveBehind(&cur, rows, "Changed", want); done && cur.End-cur.Net >= int64(photoNetEvery/time.Second) {
				cur.Way, cur.Key, done = byNet, 0, false
			}
		}
		if err != nil {
			return driver.Page{}, err
		}
		page := photoPageOf(eachPhotoOnce(rows), c.loc)
		if done {
			page.Next = c.endRun(s, cur)
			return page, nil
		}
		if page.More, page.Next = true, cur.String(); page.Len() > 0 {
			return page, nil
		}
	}
}

// moveBehind moves a cursor behind the rows of a page, and reports whether it was
// the last.
func moveBehind(cur *sqlCursor, rows []row, key string, want int) (last bool) {
	if len(rows) < want {
		return true
	}
	n, err := strconv.ParseInt(rows[len(rows)-1].id(key), 10, 64)
	cur.Key = n
	return err != nil // a document has a number
}

// eachPhotoOnce leaves out rows of a photo that was there already.
func eachPhotoOnce(rows []row) []row {
	seen := map[string]bool{}
	var out []row
	for _, r := range rows {
		if id := r.id("DocNum"); !seen[id] {
			seen[id] = true
			out = append(out, r)
		}
	}
	return out
}

// photosOfChanged reads the photos of the patients of whom a document changed
// since, of those with numbers above after and, unless it is 0, up to until.
// since 0 takes all documents of the category.
func (c *sqlConn) photosOfChanged(ctx context.Context, op, category string, since, after, until int64, want int) ([]row, error) {
	where := "x.DocNum>" + strconv.FormatInt(after, 10)
	if until > 0 {
		where += " AND x.DocNum<=" + strconv.FormatInt(until, 10)
	}
	if since > 0 {
		where += fmt.Sprintf(" AND UNIX_TIMESTAMP(x.DateTStamp)>=%d", since)
	} else {
		where += " AND x.DocCategory=" + category
	}
	rows, err := c.query(ctx, op, "SELECT STRAIGHT_JOIN UNIX_TIMESTAMP() AS ServerNow, x.DocNum AS Changed, "+photoColumns+
		" FROM document x JOIN document d ON d.PatNum=x.PatNum AND d.DocCategory="+category+" JOIN patient p ON p.PatNum=d.PatNum WHERE "+where+
		c.site("p")+newestPhoto+" ORDER BY x.DocNum LIMIT "+strconv.Itoa(want))
	c.stampPhotos(rows)
	return rows, err
}

// photoNet reads the next documents up to the mark, and moves cur behind them.
func (c *sqlConn) photoNet(ctx context.Context, op string, s *sqlSchema, cur *sqlCursor, category string, want int) ([]row, bool, error) {
	all := cur.End-cur.All >= int64(allPhotosEvery/time.Second)
	since := int64(0)
	if !all {
		since = max(cur.Net-int64(s.slack("document")/time.Second), 1)
	}
	found, err := c.query(ctx, op, fmt.Sprintf("SELECT MAX(k.DocNum) AS Highest FROM"+
		" (SELECT e.DocNum FROM document e WHERE e.DocNum>%d AND e.DocNum<=%d ORDER BY e.DocNum LIMIT %d) k", cur.Key, cur.Mark.Low, photoNetKeys))
	if err != nil {
		return nil, false, err
	}
	until, _ := strconv.ParseInt(first(found).text("Highest"), 10, 64)
	if until == 0 {
		// All were looked at.
		if cur.Net = cur.End; all {
			cur.All = cur.End
		}
		return nil, true, nil
	}
	rows, err := c.photosOfChanged(ctx, op, category, since, cur.Key, until, want)
	if moveBehind(cur, rows, "Changed", want) {
		cur.Key = until
	}
	return rows, false, err
}
