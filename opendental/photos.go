package opendental

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"
	"unicode"

	"github.com/pmswriteback/pms/driver"
)

// The API lists documents one patient at a time and gives a file only to an
// SFTP server. Photos are therefore found by a query and read from the office's
// A-to-Z folder.

// photoMIME maps the extensions of pictures.
var photoMIME = map[string]string{
	".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".gif": "image/gif",
	".bmp": "image/bmp", ".tif": "image/tiff", ".tiff": "image/tiff", ".webp": "image/webp",
}

// photoSupport says whether photos can be served.
func (c *conn) photoSupport(ctx context.Context, op string) (driver.Support, error) {
	needs := []string{"API permission Queries", "The office's A-to-Z folder on a path of this computer"}
	if c.cfg.Images == nil && c.cfg.ImagesDir == "" {
		return driver.No("The office's A-to-Z folder is not configured; the API itself does not give pictures.", needs...), nil
	}
	if !c.currentVersion().atLeast(sinceQueries) {
		return driver.No("Needs Open Dental "+sinceQueries.String()+" or later.", needs...), nil
	}
	if c.queriesDenied() {
		return driver.No("The API key lacks the permission Queries.", needs...), nil
	}
	category, err := c.photoCategory(ctx, op)
	if err != nil {
		return driver.Support{}, err
	}
	if category == "" {
		return driver.No("No image category is marked as holding patient pictures.", needs...), nil
	}
	return driver.Yes(needs...), nil
}

// photosWork fails with ErrRejected when photos are not supported.
func (c *conn) photosWork(ctx context.Context, op string) error {
	s, err := c.photoSupport(ctx, op)
	if err == nil && !s.Supported {
		return rejected(op, driver.ReasonUnsupported, "photos are not available here")
	}
	return err
}

// photoCategory is the configured category or the first one that is not hidden
// and carries the flag P, as the program itself chooses.
func (c *conn) photoCategory(ctx context.Context, op string) (string, error) {
	if c.cfg.PhotoCategory != "" {
		return c.cfg.PhotoCategory, nil
	}
	c.mu.Lock()
	known := c.pictures
	c.mu.Unlock()
	if known != "" {
		return known, nil
	}
	rows, err := c.definitions(ctx, op, categories[driver.DocumentFolders])
	if err != nil {
		return "", err
	}
	if found := pictureCategory(rows); found != "" {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.pictures = found
	}
	return pictureCategory(rows), nil
}

// pictureCategory is the first image category for patients' pictures that is not
// hidden; empty when there is none.
func pictureCategory(rows []row) string {
	for _, r := range rows {
		if !r.truth("isHidden") && strings.Contains(r.text("ItemValue"), "P") {
			return r.id("DefNum")
		}
	}
	return ""
}

// photoRows asks for profile photos, the newest document of the category of each
// patient, whose number lies above after.
func (c *conn) photoRows(ctx context.Context, op, since, after string) ([]row, error) {
	category, err := c.photoCategory(ctx, op)
	if err != nil {
		return nil, err
	}
	where := "d.DocCategory=" + category
	if since != "" {
		where += " AND d.DateTStamp>='" + since + "'"
	}
	if after != "" {
		where += " AND d.DocNum>" + after
	}
	if c.env.Site != "" {
		where += " AND p.ClinicNum=" + c.env.Site
	}
	return c.shortQuery(ctx, op, fmt.Sprintf("SELECT NOW() AS ServerNow, d.DocNum, d.PatNum, d.DateCreated, d.DateTStamp, d.FileName, p.ImageFolder"+
		" FROM document d JOIN patient p ON p.PatNum=d.PatNum WHERE %s"+
		" AND NOT EXISTS (SELECT 1 FROM document e WHERE e.PatNum=d.PatNum AND e.DocCategory=d.DocCategory"+
		" AND (e.DateCreated>d.DateCreated OR (e.DateCreated=d.DateCreated AND e.DocNum>d.DocNum)))"+
		" ORDER BY d.DocNum", where))
}

// photoChanges reads a page of changed photos. Pages go by DocNum within a run,
// which no change can shift.
func (c *conn) photoChanges(ctx context.Context, op string, cur cursor) (driver.Page, error) {
	if cur.Key != "" && !isID(cur.Key) {
		return driver.Page{}, failure(op, driver.ErrCursorExpired, driver.ReasonNone, "the cursor is not one of this feed")
	}
	since := formatWall(repeatedFrom(parseWall(cur.Since, wall), c.loc), wall)
	rows, err := c.photoRows(ctx, op, since, cur.Key)
	if err != nil {
		return driver.Page{}, err
	}
	if len(rows) == 0 && cur.Key == "" {
		return c.emptyRun(ctx, op, cur)
	}
	page := c.photoPage(rows)
	if cur.Key == "" {
		start := rows[0].wall("ServerNow", wall)
		if err := c.checkJump(op, cur, start); err != nil {
			return driver.Page{}, err
		}
		if start.IsZero() {
			start = runStart(rows)
		}
		cur.Next = formatWall(start.Add(-slack), wall)
	}
	if len(rows) >= queryPage {
		page.More = true
		cur.Offset += len(rows)
		cur.Key = rows[len(rows)-1].id("DocNum")
		page.Next = cur.String()
	} else {
		page.Next = cursor{Feed: cur.Feed, Since: cur.Next}.String()
	}
	return page, nil
}

// photoWindow reads a page of all photos; the token is the last number.
func (c *conn) photoWindow(ctx context.Context, op, token string) (driver.Page, error) {
	after := ""
	if token != "" {
		var ok bool
		if after, ok = strings.CutPrefix(token, "photo."); !ok || !isID(after) {
			return driver.Page{}, failure(op, driver.ErrCursorExpired, driver.ReasonNone, "the token is not one of this feed")
		}
	}
	rows, err := c.photoRows(ctx, op, "", after)
	if err != nil {
		return driver.Page{}, err
	}
	page := c.photoPage(rows)
	if len(rows) >= queryPage {
		page.More = true
		page.Next = "photo." + rows[len(rows)-1].id("DocNum")
	}
	return page, nil
}

func (c *conn) photoPage(rows []row) driver.Page { return photoPageOf(rows, c.loc) }

func photoPageOf(rows []row, loc *time.Location) driver.Page {
	var page driver.Page
	for _, r := range rows {
		page.AsOf = r.wall("ServerNow", loc)
		mime, picture := photoMIME[strings.ToLower(path.Ext(r.text("FileName")))]
		if !picture || r.id("DocNum") == "" {
			continue // not imported yet, or no picture
		}
		page.Photos = append(page.Photos, driver.Photo{
			ID:      r.id("DocNum"),
			Patient: r.id("PatNum"),
			Tag:     photoTag(r),
			TakenAt: r.wall("DateCreated", loc),
			Size:    -1,
			MIME:    mime,
		})
	}
	return page
}

// photoTag changes with the row and with the file's name, which is hashed: it
// holds the patient's.
func photoTag(r row) string {
	h := fnv.New64a()
	_, _ = io.WriteString(h, r.text("FileName"))
	return fmt.Sprintf("%s-%s-%016x", r.id("DocNum"), r.wall("DateTStamp", wall).Format("20060102150405"), h.Sum64())
}

// OpenPhoto implements [driver.PhotoReader]. It opens
// <A-to-Z>/<first letter>/<patient's folder>/<file>, never anything outside.
func (c *conn) OpenPhoto(ctx context.Context, id string) (io.ReadCloser, error) {
	const op = "open photo"
	ctx = withTiming(ctx, timing{turn: turnRead})
	if err := c.photosWork(ctx, op); err != nil {
		return nil, err
	}
	gone := rejected(op, driver.ReasonInvalid, "there is no such photo")
	if !isID(id) {
		return nil, gone
	}
	rows, err := c.shortQuery(ctx, op, "SELECT d.FileName, p.ImageFolder FROM document d JOIN patient p ON p.PatNum=d.PatNum WHERE d.DocNum="+id)
	if err != nil {
		return nil, err
	}
	if len(rows) != 1 {
		return nil, gone
	}
	return c.cfg.openPhoto(op, rows[0])
}

// openPhoto opens the file of a document's row.
func (c Config) openPhoto(op string, r row) (io.ReadCloser, error) {
	gone := rejected(op, driver.ReasonInvalid, "there is no such photo")
	name, ok := photoPath(r.text("ImageFolder"), r.text("FileName"))
	if !ok {
		return nil, gone
	}
	f, err := c.openImage(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, gone
	case err != nil:
		// The error's text holds the path, and the path a patient's name.
		return nil, unavailable(op, "the A-to-Z folder cannot be read")
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		_ = f.Close()
		return nil, gone
	}
	return f, nil
}

// imagesThere reports whether the A-to-Z folder can be opened.
func (c Config) imagesThere() bool {
	f, err := c.openImage(".")
	if err == nil {
		_ = f.Close()
	}
	return err == nil
}

func (c Config) openImage(name string) (fs.File, error) {
	if c.Images != nil {
		return c.Images.Open(name)
	}
	root, err := os.OpenRoot(c.ImagesDir)
	if err != nil {
		return nil, errors.New("no A-to-Z folder")
	}
	defer func() { _ = root.Close() }() // the file stays open
	return root.Open(name)
}

// photoPath builds a path of names that come from outside: each must be one
// plain element.
func photoPath(folder, file string) (string, bool) {
	for _, element := range []string{folder, file} {
		if element == "" || element == "." || element == ".." || len(element) > 255 ||
			strings.ContainsFunc(element, func(r rune) bool { return r < ' ' || strings.ContainsRune(`/\:`, r) }) {
			return "", false
		}
	}
	letter := string(unicode.ToUpper([]rune(folder)[0]))
	name := path.Join(letter, folder, file)
	return name, fs.ValidPath(name)
}
