package opendental_test

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/opendental"
	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

// inChicago is the zone of the server.
func inChicago(t *testing.T) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation("America/Chicago")
	require.NoError(t, err)
	return loc
}

// both is the recommended set-up.
var both = setUp{api: true}

// writes has a note written and makes sure that it is there.
func (o *office) writes(t *testing.T, conn driver.Conn, patient int64) {
	t.Helper()
	op := noteFor(patient, "Asked about Friday.")
	_, err := driver.Write(t.Context(), conn, op)
	require.NoError(t, err)
	notes, err := o.Commlogs(t.Context())
	require.NoError(t, err)
	only(t, notes, func(c opendentaltest.Commlog) bool { return strings.HasSuffix(c.Note, op.Ref) })
}

// noteFor is a note with a Ref of its own.
func noteFor(patient int64, body string) *driver.Note {
	ref := "NOTE" + rand.Text()[:driver.RefLen-4]
	return &driver.Note{
		Header: driver.Header{Ref: ref, Patient: id(patient)}, About: driver.IncomingSMS, At: time.Now(), Part: 1, Parts: 1,
		Body: driver.NewText(body + "\nRef " + ref),
	}
}

// reads goes through what takes no cursor.
func (r reader) reads(patient, apt int64) {
	r.t.Helper()
	for _, which := range driver.Catalogs() {
		options, err := driver.ReadCatalog(r.t.Context(), r.conn, which)
		require.NoError(r.t, err, which)
		require.NotEmpty(r.t, options, which)
	}
	for _, q := range []driver.PatientQuery{
		{ID: id(patient)}, {BirthDate: driver.NewBirthDate(driver.Date{Year: 1980, Month: 2, Day: 29})}, {Phone: driver.NewText("503 555 0142")},
	} {
		found, err := driver.FindPatients(r.t.Context(), r.conn, q)
		require.NoError(r.t, err, q.By())
		require.NotEmpty(r.t, found, q.By())
	}
	require.Equal(r.t, id(patient), r.appointment(apt).Patient)
}

func (r reader) notes() string { return strings.Join(r.info().Notes, "\n") }

func (r reader) unavailable(feed driver.Feed, cursor string) {
	r.t.Helper()
	_, err := driver.ReadChanges(r.t.Context(), r.conn, driver.ChangesQuery{Feed: feed, Cursor: cursor})
	require.ErrorIs(r.t, err, driver.ErrUnavailable)
}

func TestWithoutTheDatabaseEverythingGoesThroughTheAPIUntilItIsBack(t *testing.T) {
	t.Parallel()
	o := newSQLOffice(t, inChicago(t), both)
	ada := o.patient("Ada", "Quill")
	apt := o.visit(ada, time.Now().Add(time.Hour))
	o.tables.line.set(lineOffline)
	r := o.connect(t, both)
	info := r.info()
	require.Contains(t, r.notes(), "database is not used now: no connection to the database. Everything is read through the API")
	require.Contains(t, info.Access, "the database is not used")
	for kind, op := range info.Ops {
		require.True(t, op.Supported, kind)
	}
	for feed, f := range info.Feeds {
		require.True(t, f.Supported && f.Changes && f.Window && !f.Deletes, feed)
		r.changes(feed, r.changes(feed, "").Next)
		r.window(feed)
	}
	r.reads(ada, apt)
	o.writes(t, r.conn, ada)

	o.tables.line.set(lineGood)
	require.True(t, r.info().Feeds[driver.AppointmentFeed].Deletes)
	require.NotContains(t, r.notes(), "not used")
	r.reads(ada, apt)
	require.NoError(t, r.conn.Ping(t.Context()))
}

// While the database is away nothing changes places in silence: feeds wait, then
// they go on through the API from where they were, and back again.
func TestAnOutageOfTheDatabaseLosesNothing(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]setUp{"Service": both, "Remote": {api: true, remote: true, session: awkward}} {
		for _, zone := range []string{"America/Chicago", "Pacific/Auckland"} { // the server is in Chicago
			t.Run(name+"/"+zone, func(t *testing.T) {
				t.Parallel()
				loc, err := time.LoadLocation(zone)
				require.NoError(t, err)
				o := newSQLOffice(t, inChicago(t), s)
				o.zone = loc // of the practice, as the host has it
				losesNothing(t, o, s)
			})
		}
	}
}

func losesNothing(t *testing.T, o *office, s setUp) {
	feed := driver.AppointmentFeed
	ada := o.patient("Ada", "Quill")
	kept, before, during := o.visit(ada, time.Now().Add(time.Hour)), o.visit(ada, time.Now().Add(2*time.Hour)), o.visit(ada, time.Now().Add(3*time.Hour))
	o.passed.Add(int64(time.Hour))
	r := o.connect(t, s)
	cursor, people := r.changes(feed, "").Next, r.changes(driver.PatientFeed, "").Next
	photos := r.changes(driver.PhotoFeed, "").Next
	o.passed.Add(int64(time.Second))
	o.must(o.SetConfirmed(t.Context(), kept, 21)) // and before anybody looks the line breaks
	o.must(o.DeleteAppointment(t.Context(), before))
	o.tables.line.set(lineOffline)

	r.unavailable(feed, cursor)
	r.unavailable(feed, "")
	_, err := driver.ReadWindow(t.Context(), r.conn, driver.WindowQuery{Feed: driver.PatientFeed})
	require.ErrorIs(t, err, driver.ErrUnavailable)
	r.reads(ada, kept)
	o.writes(t, r.conn, ada)
	require.NoError(t, r.conn.Ping(t.Context()))

	opendental.LetPass(r.conn, opendental.Patience)
	require.False(t, r.info().Feeds[feed].Deletes)
	page := r.changes(feed, cursor)
	require.True(t, holds(page, kept), "what changed before the line broke")
	bea := o.patient("Bea", "Rowan")
	visit := o.visit(bea, time.Now().Add(4*time.Hour))
	picture, err := o.AddPhoto(t.Context(), bea, ".jpg", []byte("jpeg"))
	require.NoError(t, err)
	o.must(o.DeleteAppointment(t.Context(), during))
	page = r.changes(feed, page.Next)
	require.True(t, holds(page, visit))
	cursor = page.Next
	found := r.changes(driver.PatientFeed, people)
	require.Contains(t, ids(found.Patients), id(bea))
	require.Len(t, r.changes(driver.PhotoFeed, photos).Photos, 1)

	o.passed.Add(int64(10 * time.Second))
	o.must(o.SetConfirmed(t.Context(), visit, 21))
	o.tables.line.set(lineGood)
	opendental.LetPass(r.conn, opendental.TryEvery)
	o.ResetCounts()
	page = r.changes(feed, cursor)
	require.Zero(t, o.Count("GET", "/appointments"), "it is read from the database again")
	require.True(t, holds(page, visit))
	require.Subset(t, page.Deleted, []string{id(before), id(during)}, "deletions that the API does not tell")
	require.Contains(t, ids(r.changes(driver.PatientFeed, found.Next).Patients), id(bea), "twice rather than not at all")
	require.Equal(t, id(picture.DocNum), r.changes(driver.PhotoFeed, photos).Photos[0].ID)
	require.True(t, r.info().Feeds[feed].Deletes)
}

func ids(patients []driver.Patient) []string {
	var list []string
	for _, p := range patients {
		list = append(list, p.ID)
	}
	return list
}

func TestATableThatTheDatabaseLacksIsReadThroughTheAPI(t *testing.T) {
	t.Parallel()
	o := newSQLOffice(t, inChicago(t), both)
	d := o.tables
	ada := o.patient("Ada", "Quill")
	apt := o.visit(ada, time.Now().Add(time.Hour))
	_, err := o.AddPhoto(t.Context(), ada, ".jpg", []byte("jpeg"))
	require.NoError(t, err)
	r := o.connect(t, both)
	cursors := map[driver.Feed]string{}
	for _, feed := range driver.Feeds() {
		cursors[feed] = r.changes(feed, "").Next
	}
	require.Empty(t, r.info().Notes)

	// An update of Open Dental takes a column away, the office its rights.
	d.run("ALTER TABLE appointment DROP COLUMN Confirmed, ADD COLUMN Sure bigint NOT NULL DEFAULT 0",
		"REVOKE SELECT ON "+d.name+".* FROM "+d.reader+"@localhost")
	for _, table := range []string{"preference", "appointment", "provider"} {
		d.run("GRANT SELECT ON " + d.name + "." + table + " TO " + d.reader + "@localhost")
	}
	d.line.hangUp() // a connection keeps its rights on a database
	info := r.info()
	require.Contains(t, r.notes(), "no column Confirmed that the database user may read. What needs it is read through the API instead.")
	require.Contains(t, r.notes(), "table document: grant SELECT on it. What needs it is read through the API instead.")
	require.Equal(t, "database and API for reading, API, Service mode for writing", info.Access)
	for _, feed := range driver.Feeds() {
		require.True(t, info.Feeds[feed].Supported && info.Feeds[feed].Changes && !info.Feeds[feed].Deletes, feed)
	}
	d.run("ALTER TABLE appointment ADD COLUMN Confirmed bigint NOT NULL DEFAULT 19") // the emulator cannot do without; rights say the same
	d.run("REVOKE SELECT ON "+d.name+".appointment FROM "+d.reader+"@localhost", "ALTER TABLE appointment DROP COLUMN Sure")
	r.reads(ada, apt)
	o.passed.Add(int64(3 * time.Second))
	o.must(o.SetConfirmed(t.Context(), apt, 21))
	bea := o.patient("Bea", "Rowan")
	_, err = o.AddPhoto(t.Context(), bea, ".jpg", []byte("another"))
	require.NoError(t, err)
	page := r.changes(driver.AppointmentFeed, cursors[driver.AppointmentFeed])
	require.True(t, holds(page, apt))
	require.Contains(t, ids(r.changes(driver.PatientFeed, cursors[driver.PatientFeed]).Patients), id(bea))
	shots := r.changes(driver.PhotoFeed, cursors[driver.PhotoFeed]).Photos
	require.Equal(t, id(bea), shots[len(shots)-1].Patient)
	f, err := driver.OpenPhoto(t.Context(), r.conn, shots[len(shots)-1].ID)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	o.writes(t, r.conn, ada)

	// With the rights back the database goes on where the API was.
	d.run("GRANT SELECT ON " + d.name + ".* TO " + d.reader + "@localhost")
	d.line.hangUp()
	require.Empty(t, r.info().Notes)
	o.must(o.DeleteAppointment(t.Context(), apt))
	require.Contains(t, r.changes(driver.AppointmentFeed, page.Next).Deleted, id(apt))
}

func TestRightsThatAreTakenAwayMeanwhileSendReadsToTheAPI(t *testing.T) {
	t.Parallel()
	o := newSQLOffice(t, inChicago(t), both)
	d := o.tables
	ada := o.patient("Ada", "Quill")
	apt := o.visit(ada, time.Now().Add(time.Hour))
	r := o.connect(t, both)
	cursor := r.changes(driver.AppointmentFeed, "").Next
	d.run("REVOKE SELECT ON "+d.name+".* FROM "+d.reader+"@localhost", "GRANT SELECT ON "+d.name+".preference TO "+d.reader+"@localhost")
	d.line.hangUp()
	o.ResetCounts()
	r.reads(ada, apt) // without an Info in between
	o.must(o.SetConfirmed(t.Context(), apt, 21))
	require.True(t, holds(r.changes(driver.AppointmentFeed, cursor), apt))
	require.Positive(t, o.Count("GET", "/appointments"))
}

func TestADatabaseThatRefusesItsUserIsReadAroundAndTheHostIsAskedNowAndThen(t *testing.T) {
	t.Parallel()
	o := newSQLOffice(t, inChicago(t), both)
	ada := o.patient("Ada", "Quill")
	r := o.connect(t, both)
	cursor := r.changes(driver.AppointmentFeed, "").Next
	o.tables.lockOut()
	_, err := driver.ReadChanges(t.Context(), r.conn, driver.ChangesQuery{Feed: driver.AppointmentFeed, Cursor: cursor})
	requireError(t, err, driver.ErrUnauthorized, driver.ReasonNone, "connection")
	r = o.connect(t, both) // as the engine does
	require.Contains(t, r.notes(), "the database does not let the user in. Everything is read through the API")
	o.writes(t, r.conn, ada)
	r.changes(driver.AppointmentFeed, cursor)
	opendental.LetPass(r.conn, opendental.AskAgain)
	_, err = r.conn.Info(t.Context())
	requireError(t, err, driver.ErrUnauthorized, driver.ReasonNone, "does not let the user in")
	o.tables.letIn()
	require.True(t, r.info().Feeds[driver.AppointmentFeed].Deletes)
}

func TestWithoutTheAPIReadsGoOnAndWritesWait(t *testing.T) {
	t.Parallel()
	o := newSQLOffice(t, inChicago(t), both)
	ada := o.patient("Ada", "Quill")
	apt := o.visit(ada, time.Now().Add(time.Hour))
	connector, err := opendental.NewConnector(o.config(t, both))
	require.NoError(t, err)
	connect := func() (driver.Conn, error) {
		conn, err := connector.Connect(t.Context(), driver.Env{Location: o.zone})
		if err == nil {
			t.Cleanup(func() { _ = conn.Close() })
		}
		return conn, err
	}
	conn, err := connect()
	require.NoError(t, err)
	r := reader{t, conn}
	cursor := r.changes(driver.AppointmentFeed, "").Next
	before := r.info()
	o.hangUp()
	o.closed = true

	again, err := connect() // as after a restart of the line
	require.NoError(t, err)
	fresh, err := opendental.NewConnector(o.config(t, both))
	require.NoError(t, err)
	_, err = fresh.Connect(t.Context(), driver.Env{Location: o.zone})
	requireError(t, err, driver.ErrUnavailable, driver.ReasonNone, "no connection")
	for _, r := range []reader{r, {t, again}} {
		info := r.info()
		require.Contains(t, r.notes(), "Nothing is written until it does")
		require.Equal(t, "database for reading; the API does not answer", info.Access)
		require.Equal(t, before.Ops, info.Ops, "they are only away")
		r.reads(ada, apt)
		r.changes(driver.AppointmentFeed, cursor)
		_, err = driver.Write(t.Context(), r.conn, noteFor(ada, "Later."))
		require.ErrorIs(t, err, driver.ErrUnavailable)
		require.ErrorIs(t, r.conn.Ping(t.Context()), driver.ErrUnavailable)
	}

	// And without the database as well nothing is read: another one might come back.
	o.tables.line.set(lineOffline)
	r.unavailable(driver.AppointmentFeed, cursor)
	_, err = r.conn.Info(t.Context())
	require.ErrorIs(t, err, driver.ErrUnavailable)
	_, err = connect()
	require.ErrorIs(t, err, driver.ErrUnavailable)
	o.tables.line.set(lineGood)
	r.changes(driver.AppointmentFeed, cursor) // it is known again by what it holds

	o.listen(o.address)
	o.closed = false
	require.Equal(t, before.Access, r.info().Access)
	o.writes(t, r.conn, ada)
}

func TestADatabaseOfAnotherOfficeIsNeverRead(t *testing.T) {
	t.Parallel()
	o, other := newSQLOffice(t, inChicago(t), both), newSQLOffice(t, inChicago(t), both)
	for _, p := range []*office{o, other} { // two of one group, set up alike
		o.must(p.SetPreference(t.Context(), "PracticeTitle", "Happy Teeth"))
	}
	ada := o.patient("Ada", "Quill")
	o.patient("Bea", "Rowan")
	wrong := func(d *database) error {
		cfg := o.config(t, both)
		cfg.DB = d.open(t, nil)
		connector, err := opendental.NewConnector(cfg)
		require.NoError(t, err)
		conn, err := connector.Connect(t.Context(), driver.Env{})
		if err == nil {
			require.NoError(t, conn.Close())
		}
		return err
	}
	requireError(t, wrong(other.tables), driver.ErrRejected, driver.ReasonNotThisPMS, "differ in their patients") // it has none
	other.patient("Zoe", "Quill")
	other.patient("Yan", "Rowan")
	other.patient("Xia", "Smith")
	err := wrong(other.tables)
	requireError(t, err, driver.ErrRejected, driver.ReasonNotThisPMS, "differ in their patients")
	for _, name := range []string{"Zoe", "Quill", "Xia"} {
		require.NotContains(t, err.Error(), name)
	}
	require.NoError(t, wrong(o.tables))

	// One that takes the office's place behind the same address.
	r := o.connect(t, both)
	cursor := r.changes(driver.AppointmentFeed, "").Next
	o.tables.line.set(lineOffline)
	r.unavailable(driver.AppointmentFeed, cursor)
	o.tables.standIn(other.tables)
	o.tables.line.set(lineGood)
	opendental.LetPass(r.conn, opendental.Patience)
	_, err = driver.ReadChanges(t.Context(), r.conn, driver.ChangesQuery{Feed: driver.AppointmentFeed, Cursor: cursor})
	require.NoError(t, err, "through the API")
	require.Contains(t, r.notes(), "they differ in their patients. Everything is read through the API")
	found, err := driver.FindPatients(t.Context(), r.conn, driver.PatientQuery{ID: id(ada)})
	require.NoError(t, err)
	require.Equal(t, "Ada", found[0].FirstName.Reveal())
}

func TestADatabaseUserWhoSeesNoPatientsStillServesTheRest(t *testing.T) {
	t.Parallel()
	o := newSQLOffice(t, inChicago(t), both)
	d := o.tables
	ada := o.patient("Ada", "Quill")
	apt := o.visit(ada, time.Now().Add(time.Hour))
	d.run("REVOKE SELECT ON " + d.name + ".* FROM " + d.reader + "@localhost")
	for _, table := range []string{"preference", "appointment", "definition", "provider"} {
		d.run("GRANT SELECT ON " + d.name + "." + table + " TO " + d.reader + "@localhost")
	}
	r := o.connect(t, both)
	o.ResetCounts()
	require.Equal(t, id(ada), r.appointment(apt).Patient)
	require.Zero(t, o.Count("GET", "/appointments/{AptNum}"))
	found, err := driver.FindPatients(context.Background(), r.conn, driver.PatientQuery{ID: id(ada)})
	require.NoError(t, err)
	require.Len(t, found, 1)
}

func TestAUserWithWriteRightsIsAdvisedAgainstBesideTheAPIToo(t *testing.T) {
	t.Parallel()
	o := newSQLOffice(t, inChicago(t), both)
	o.tables.run("GRANT INSERT ON " + o.tables.name + ".commlog TO " + o.tables.reader + "@localhost")
	o.tables.run("GRANT DELETE ON " + o.tables.name + ".patient TO " + o.tables.reader + "@localhost")
	r := o.connect(t, both)
	require.Contains(t, r.notes(), "SELECT alone is advised")
	o.writes(t, r.conn, o.patient("Ada", "Quill"))
	for _, s := range o.tables.heard() {
		require.True(t, strings.HasPrefix(s, "SELECT "), s)
	}
}
