package opendental

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
)

// photoSupport says whether photos can be served.
func (c *sqlConn) photoSupport(ctx context.Context, op string, s *sqlSchema) (driver.Support, error) {
	const folder = "The office's A-to-Z folder on a path of this computer"
	needs := []string{"SELECT on the table document", folder}
	if why := s.noPhotos(c.siteColumns()); why != "" {
		return driver.No(why, needs...), nil
	}
	if c.cfg.Images == nil && c.cfg.ImagesDir == "" {
		return driver.No("The office's A-to-Z folder is not configured; the database does not hold pictures.", needs...), nil
	}
	category, err := c.photoCategory(ctx, op, s)
	switch {
	case err != nil:
		return driver.Support{}, err
	case category == "":
		return driver.No("No image category is marked as holding patient pictures.", needs...), nil
	case !c.cfg.imagesThere():
		return driver.No("The office's A-to-Z folder cannot be opened; check the path in the connection settings.", needs...), nil
	}
	return driver.Yes(needs...), nil
}

func (s *sqlSchema) noPhotos(site []string) string {
	if why := s.lacks("document"); why != "" {
		return why
	}
	return s.lacks("patient", append(site, "ImageFolder")...)
}

// photosWork gives the category of the photos, or fails with ErrRejected when
// photos are not supported.
func (c *sqlConn) photosWork(ctx context.Context, op string, s *sqlSchema) (string, error) {
	category := ""
	if s.noPhotos(c.siteColumns()) == "" && (c.cfg.Images != nil || c.cfg.ImagesDir != "") {
		var err error
		if category, err = c.photoCategory(ctx, op, s); err != nil {
			return "", err
		}
	}
	if category == "" {
		return "", rejected(op, driver.ReasonUnsupported, "photos are not available here")
	}
	return category, nil
}

// photoCategory is the configured category or the first one that is not hidden
// and carries the flag P, as the program itself chooses; empty for none.
func (c *sqlConn) photoCategory(ctx context.Context, op string, s *sqlSchema) (string, error) {
	if c.cfg.PhotoCategory != "" {
		return c.cfg.PhotoCategory, nil
	}
	if s.lacks("definition") != "" {
		return "", nil
	}
	rows, err := c.definitions(ctx, op, categories[driver.DocumentFolders])
	return pictureCategory(rows), err
}

// photoColumns are those of a photo, d, and newestPhoto is the condition that it
// is its patient's: the newest document of the category.
const (
	photoColumns = "d.DocNum, d.PatNum, CAST(d.DateCreated AS CHAR) AS DateCreated, UNIX_TIMESTAMP(d.DateTStamp) AS Stamp, d.FileName"
	newestPhoto  = " AND NOT EXISTS (SELECT 1 FROM document e WHERE e.PatNum=d.PatNum AND e.DocCategory=d.DocCategory" +
		" AND (e.DateCreated>d.DateCreated OR (e.DateCreated=d.DateCreated AND e.DocNum>d.DocNum)))"
)

// photoRows reads profile photos in the order of their numbers.
func (c *sqlConn) photoRows(ctx context.Context, op, category string, since, after int64, want int) ([]row, error) {
	where := "d.DocCategory=" + category + " AND d.DocNum>" + strconv.FormatInt(after, 10)
	if since > 0 {
		where += fmt.Sprintf(" AND UNIX_TIMESTAMP(d.DateTStamp)>=%d", since)
	}
	rows, err := c.query(ctx, op, "SELECT UNIX_TIMESTAMP() AS ServerNow, "+photoColumns+
		" FROM document d JOIN patient p ON p.PatNum=d.PatNum WHERE "+where+c.site("p")+newestPhoto+" ORDER BY d.DocNum LIMIT "+strconv.Itoa(want))
	c.stampPhotos(rows)
	return rows, err
}

// stampPhotos shows changes as the API's way does, so that a photo keeps its tag
// when the set-up changes.
func (c *sqlConn) stampPhotos(rows []row) {
	for _, r := range rows {
		r["DateTStamp"] = scalar(formatWall(r.epoch("Stamp"), c.loc))
	}
}

// photoWindow reads a page of all photos; the token is the last number.
func (c *sqlConn) photoWindow(ctx context.Context, op string, q driver.WindowQuery) (driver.Page, error) {
	s, err := c.schema(ctx, op)
	if err != nil {
		return driver.Page{}, err
	}
	category, err := c.photosWork(ctx, op, s)
	if err != nil {
		return driver.Page{}, err
	}
	var after int64
	if q.Token != "" {
		last, ok := strings.CutPrefix(q.Token, "photo.")
		if !ok || !isID(last) {
			return driver.Page{}, expired(op, "the token is not one of this feed")
		}
		after, _ = strconv.ParseInt(last, 10, 64)
	}
	want := sqlpms.PageSize(q.Limit)
	rows, err := c.photoRows(ctx, op, category, 0, after, want)
	if err != nil {
		return driver.Page{}, err
	}
	page := photoPageOf(rows, c.loc)
	page.AsOf = time.Time{}
	if len(rows) > 0 {
		page.AsOf = rows[0].epoch("ServerNow")
	}
	if len(rows) == want {
		page.More, page.Next = true, "photo."+rows[len(rows)-1].id("DocNum")
	}
	return page, nil
}

// OpenPhoto implements [driver.PhotoReader]. It opens
// <A-to-Z>/<first letter>/<patient's folder>/<file>, never anything outside.
func (c *sqlConn) OpenPhoto(ctx context.Context, id string) (io.ReadCloser, error) {
	const op = "open photo"
	s, err := c.schema(ctx, op)
	if err != nil {
		return nil, err
	}
	if _, err := c.photosWork(ctx, op, s); err != nil {
		return nil, err
	}
	gone := rejected(op, driver.ReasonInvalid, "there is no such photo")
	if !isID(id) {
		return nil, gone
	}
	rows, err := c.query(ctx, op, "SELECT d.FileName, p.ImageFolder FROM document d JOIN patient p ON p.PatNum=d.PatNum WHERE d.DocNum="+id)
	if err != nil {
		return nil, err
	}
	if len(rows) != 1 {
		return nil, gone
	}
	return c.cfg.openPhoto(op, rows[0])
}
