package opendental

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// either reads from the database if that may be read and offers it, which why
// says, and else through the API. A database that fails meanwhile makes room for
// the API in the same call.
func either[T any](ctx context.Context, j *joined, op string, why func(*sqlSchema) string, tables, api func() (T, error)) (T, error) {
	down := j.tablesUp(ctx, op, false)
	if down == nil {
		s, err := j.schema(ctx, op)
		if err == nil && why(s) == "" {
			var got T
			if got, err = tables(); err == nil {
				return got, nil
			}
		}
		if err != nil && !j.saw(ctx, err) {
			var none T
			return none, err
		}
		down = err
	}
	got, err := api()
	if errors.Is(err, driver.ReasonUnsupported) && down != nil {
		// It is the database's, when that is back.
		return got, unavailable(op, words(down))
	}
	return got, err
}

// ReadCatalog implements [driver.Cataloger].
func (j *joined) ReadCatalog(ctx context.Context, which driver.Catalog) ([]driver.Option, error) {
	return either(ctx, j, "read catalog", func(s *sqlSchema) string { return s.lacks(catalogTable(which)) },
		func() ([]driver.Option, error) { return j.sqlConn.ReadCatalog(ctx, which) },
		func() ([]driver.Option, error) { return j.api.ReadCatalog(ctx, which) })
}

// FindPatients implements [driver.PatientFinder].
func (j *joined) FindPatients(ctx context.Context, q driver.PatientQuery) ([]driver.Patient, error) {
	why := j.noPatients
	if q.By() == driver.FindByPhone {
		why = j.noPhones
	}
	return either(ctx, j, "find patients", why,
		func() ([]driver.Patient, error) { return j.sqlConn.FindPatients(ctx, q) },
		func() ([]driver.Patient, error) { return j.api.FindPatients(ctx, q) })
}

// ReadAppointment implements [driver.AppointmentReader].
func (j *joined) ReadAppointment(ctx context.Context, id string) (driver.Appointment, error) {
	return either(ctx, j, "read appointment", j.noAppointments,
		func() (driver.Appointment, error) { return j.sqlConn.ReadAppointment(ctx, id) },
		func() (driver.Appointment, error) { return j.api.ReadAppointment(ctx, id) })
}

// OpenPhoto implements [driver.PhotoReader]. The bytes come from the A-to-Z
// folder in any case.
func (j *joined) OpenPhoto(ctx context.Context, id string) (io.ReadCloser, error) {
	return either(ctx, j, "open photo", j.noPhotosHere,
		func() (io.ReadCloser, error) { return j.sqlConn.OpenPhoto(ctx, id) },
		func() (io.ReadCloser, error) { return j.api.OpenPhoto(ctx, id) })
}

// ReadHint implements [driver.Hinter]. There are no hints while the database is
// away.
func (j *joined) ReadHint(ctx context.Context, mark string) (driver.Hint, error) {
	j.state.Lock()
	down := j.down
	j.state.Unlock()
	if down != nil {
		return driver.Hint{}, unavailable("read hint", words(down.why))
	}
	hint, err := j.sqlConn.ReadHint(ctx, mark)
	if err != nil {
		j.saw(ctx, err)
	}
	return hint, err
}

func (j *joined) noPhotosHere(s *sqlSchema) string { return s.noPhotos(j.siteColumns()) }

// lacksFeed says why the database does not offer a feed at all.
func (j *joined) lacksFeed(feed string) func(*sqlSchema) string {
	switch feed {
	case "patients":
		return j.noPatients
	case "photos":
		return j.noPhotosHere
	}
	return j.noAppointments
}

// fromTables reports whether a feed is to be read from the database; an error
// says that it has to wait for it.
func (j *joined) fromTables(ctx context.Context, op, feed string) (bool, error) {
	if err := j.tablesUp(ctx, op, true); err != nil {
		if ctx.Err() != nil || j.waiting() {
			return false, waitsFor(op, err)
		}
		return false, nil
	}
	s, err := j.schema(ctx, op)
	if err != nil {
		j.saw(ctx, err)
		return false, err
	}
	return j.lacksFeed(feed)(s) == "", nil
}

// waitsFor is the error of a feed while the database is away.
func waitsFor(op string, why error) error {
	var e *driver.Error
	if errors.As(why, &e) && e.Kind == driver.ErrUnauthorized {
		return why // the engine asks the host for other credentials
	}
	return unavailable(op, words(why))
}

// ReadChanges implements [driver.ChangeReader]. A cursor of the database goes on
// through the API when the database is away for long, or lacks what the feed
// needs, and the other way round; nothing is lost by it.
func (j *joined) ReadChanges(ctx context.Context, q driver.ChangesQuery) (driver.Page, error) {
	const op = "read changes"
	feed := feedOf(q.Feed)
	if feed == "" {
		return driver.Page{}, rejected(op, driver.ReasonUnsupported, "there is no such feed")
	}
	tables, err := j.fromTables(ctx, op, feed)
	if err != nil {
		return driver.Page{}, err
	}
	at := parseHandedOver(q.Cursor)
	if tables {
		if q.Cursor, err = at.toTables(op, feed, j.loc); err != nil {
			return driver.Page{}, err
		}
		page, err := j.sqlConn.ReadChanges(ctx, q)
		if err != nil {
			j.saw(ctx, err)
			return driver.Page{}, err
		}
		page.Next = handedOver{Tables: page.Next, Gap: j.gap()}.String()
		return page, nil
	}
	if q.Cursor == "" {
		return j.api.ReadChanges(ctx, q)
	}
	at, err = at.toAPI(op, feed, j.loc)
	if err != nil {
		return driver.Page{}, err
	}
	q.Cursor = at.API
	page, err := j.api.ReadChanges(ctx, q)
	if err != nil {
		return driver.Page{}, err
	}
	at.API = page.Next
	page.Next = at.String()
	return page, nil
}

// gap is by how many seconds the database's server shows another wall time than
// the practice's.
func (j *joined) gap() int64 {
	j.sqlConn.mu.Lock()
	defer j.sqlConn.mu.Unlock()
	if j.found == nil {
		return 0
	}
	return int64(j.found.zoneGap / time.Second)
}

// apiToken begins the tokens of walks through the API.
const apiToken = "api."

// ReadWindow implements [driver.WindowReader]. A walk ends where it was begun.
func (j *joined) ReadWindow(ctx context.Context, q driver.WindowQuery) (driver.Page, error) {
	const op = "read window"
	feed := feedOf(q.Feed)
	if feed == "" {
		return driver.Page{}, rejected(op, driver.ReasonUnsupported, "there is no such feed")
	}
	token, tables := strings.CutPrefix(q.Token, apiToken)
	tables = !tables
	if q.Token == "" {
		var err error
		if tables, err = j.fromTables(ctx, op, feed); err != nil {
			return driver.Page{}, err
		}
	}
	if tables {
		page, err := j.sqlConn.ReadWindow(ctx, q)
		j.saw(ctx, err)
		return page, err
	}
	q.Token = token
	page, err := j.api.ReadWindow(ctx, q)
	if page.Next != "" {
		page.Next = apiToken + page.Next
	}
	return page, err
}
