package memdriver_test

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
)

func TestCatalogsShowWhatStaffDo(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{})
	read := func(c driver.Catalog) map[string]driver.Option {
		t.Helper()
		list, err := driver.ReadCatalog(t.Context(), p.conn, c)
		require.NoError(t, err)
		require.Equal(t, p.Options(c), list)
		out := map[string]driver.Option{}
		for _, o := range list {
			out[o.ID] = o
		}
		require.Len(t, out, len(list))
		return out
	}
	for _, c := range driver.Catalogs() {
		before := read(c)
		require.NotEmpty(t, before)
		id := p.AddOption(c, driver.Option{Label: "New", Active: true, Aliases: []string{"N"}})
		require.Equal(t, driver.Option{ID: id, Label: "New", Active: true, Aliases: []string{"N"}}, read(c)[id])
		require.NoError(t, p.SetOptionActive(c, id, false))
		require.False(t, read(c)[id].Active, "an inactive option stays")
		require.NoError(t, p.RenameOption(c, id, "Newer"))
		require.Equal(t, "Newer", read(c)[id].Label)
		require.False(t, p.Info().ReusesIDs && c == driver.Providers)
		require.NoError(t, p.ReuseID(c, id, "Another"))
		require.Equal(t, driver.Option{ID: id, Label: "Another", Active: true}, read(c)[id])
		require.True(t, p.Info().ReusesIDs)
		require.NoError(t, p.RemoveOption(c, id))
		require.Equal(t, before, read(c))
	}
	id := p.AddProvider(driver.Option{ID: "DOC2", Active: true})
	require.NoError(t, p.SetProviderActive(id, false))
	require.False(t, read(driver.Providers)["DOC2"].Active)
}

func TestACopyOfACatalogIsTheTestsOwn(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{})
	list, err := driver.ReadCatalog(t.Context(), p.conn, driver.Providers)
	require.NoError(t, err)
	list[0].Aliases[0], list[0].ID = "changed", "changed"
	require.Equal(t, "DD", p.Options(driver.Providers)[0].Aliases[0])
	require.Equal(t, activeDoctor, p.Options(driver.Providers)[0].ID)
}

func TestABarePMSHasNoOptions(t *testing.T) {
	t.Parallel()
	p := memdriver.New(memdriver.Config{Bare: true})
	for _, c := range driver.Catalogs() {
		require.Empty(t, p.Options(c))
	}
}

func TestAnUnsupportedCatalogAndLookUpAreRefused(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{})
	p.SetInfo(func(i *driver.Info) {
		i.Catalogs[driver.Providers] = driver.No("Not here.")
		i.Find[driver.FindByPhone] = driver.No("Not here.")
	})
	_, err := driver.ReadCatalog(t.Context(), p.conn, driver.Providers)
	require.ErrorIs(t, err, driver.ReasonUnsupported)
	_, err = driver.ReadCatalog(t.Context(), p.conn, "gossip")
	require.ErrorIs(t, err, driver.ReasonUnsupported)
	_, err = driver.FindPatients(t.Context(), p.conn, driver.PatientQuery{Phone: driver.NewText("5550100")})
	require.ErrorIs(t, err, driver.ReasonUnsupported)
	_, err = driver.FindPatients(t.Context(), p.conn, driver.PatientQuery{})
	require.ErrorIs(t, err, driver.ErrRejected)
	_, err = driver.FindPatients(t.Context(), p.conn, driver.PatientQuery{ID: p.patient, Phone: driver.NewText("5550100")})
	require.ErrorIs(t, err, driver.ErrRejected)
}

func TestFindPatientsGivesEverybodyWhoFits(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{})
	born, err := driver.ParseDate("1984-02-29")
	require.NoError(t, err)
	day := driver.NewBirthDate(born)
	twin := func(given string, phones ...driver.Text) string {
		return p.AddPatient(driver.Patient{FirstName: driver.NewText(given), BirthDate: day, Phones: phones})
	}
	a := twin("Ann", driver.NewText("(212) 555-0100"))
	b := twin("Bea", driver.NewText("+1 212.555.0100"), driver.NewText("212 555 0101"), driver.NewText("none"))
	require.NoError(t, p.ArchivePatient(b))
	find := func(q driver.PatientQuery) []string {
		t.Helper()
		list, err := driver.FindPatients(t.Context(), p.conn, q)
		require.NoError(t, err)
		var ids []string
		for _, r := range list {
			ids = append(ids, r.ID)
		}
		return ids
	}
	byDay := driver.PatientQuery{BirthDate: day}
	byPhone := driver.PatientQuery{Phone: driver.NewText("2125550100")}
	require.ElementsMatch(t, []string{a, b}, find(byDay), "archived ones included")
	require.ElementsMatch(t, []string{a, b}, find(byPhone))
	require.Equal(t, []string{b}, find(driver.PatientQuery{ID: b}))
	require.Empty(t, find(driver.PatientQuery{ID: missing}))
	require.Empty(t, find(driver.PatientQuery{Phone: driver.NewText("unknown")}))

	require.NoError(t, p.EditPatient(a, func(r *driver.Patient) {
		r.BirthDate, r.Phones[0] = driver.BirthDate{}, driver.NewText("2125550199")
	}))
	require.Equal(t, []string{b}, find(byDay))
	require.Equal(t, []string{b}, find(byPhone))
	require.Equal(t, []string{a}, find(driver.PatientQuery{Phone: driver.NewText("212-555-0199")}))
	require.NoError(t, p.DeletePatient(b))
	require.Empty(t, find(byDay))
	require.Empty(t, find(byPhone))
}

func TestReadAppointmentGivesThePresent(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{})
	require.NoError(t, p.SetStatus(p.appointment, confirmed))
	a, err := driver.ReadAppointment(t.Context(), p.conn, p.appointment)
	require.NoError(t, err)
	require.Equal(t, confirmed, a.Status)
	require.NoError(t, p.DeleteAppointment(p.appointment))
	_, err = driver.ReadAppointment(t.Context(), p.conn, p.appointment)
	require.ErrorIs(t, err, driver.ErrRejected)
	require.ErrorIs(t, err, driver.ReasonAppointmentMissing)
}

func TestOpenPhotoGivesTheBytesOfTheMoment(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{})
	id := p.AddPhoto(p.patient, "image/png", []byte("before"))
	open, err := driver.OpenPhoto(t.Context(), p.conn, id)
	require.NoError(t, err)
	require.NoError(t, p.ReplacePhoto(id, []byte("after")))
	content, err := io.ReadAll(open)
	require.NoError(t, err)
	require.Equal(t, "before", string(content))
	open, err = driver.OpenPhoto(t.Context(), p.conn, id)
	require.NoError(t, err)
	content, err = io.ReadAll(open)
	require.NoError(t, err)
	require.Equal(t, "after", string(content))

	require.NoError(t, p.LosePhotoFile(id))
	require.Len(t, p.Photos(), 1)
	_, err = driver.OpenPhoto(t.Context(), p.conn, id)
	require.ErrorIs(t, err, driver.ReasonInvalid)
	require.NoError(t, p.DeletePhoto(id))
	require.Empty(t, p.Photos())
	_, err = driver.OpenPhoto(t.Context(), p.conn, id)
	require.ErrorIs(t, err, driver.ReasonInvalid)
}

func TestStaffActionsTellOfAnIDThatIsNotThere(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{})
	for what, err := range map[string]error{
		"EditPatient":       p.EditPatient(missing, func(*driver.Patient) {}),
		"ArchivePatient":    p.ArchivePatient(missing),
		"DeletePatient":     p.DeletePatient(missing),
		"SetStatus":         p.SetStatus(missing, confirmed),
		"DeleteAppointment": p.DeleteAppointment(missing),
		"ReplacePhoto":      p.ReplacePhoto(missing, nil),
		"LosePhotoFile":     p.LosePhotoFile(missing),
		"DeletePhoto":       p.DeletePhoto(missing),
		"SetProviderActive": p.SetProviderActive(missing, true),
		"RemoveOption":      p.RemoveOption(driver.NoteTypes, missing),
		"ReuseID":           p.ReuseID(driver.NoteTypes, missing, "x"),
		"RenameDocument":    p.RenameDocument(missing, "x"),
	} {
		require.ErrorContains(t, err, missing, what)
	}
	require.Panics(t, func() { p.AddPatient(driver.Patient{ID: p.patient}) })
	require.Panics(t, func() { p.AddAppointment(driver.Appointment{ID: p.appointment}) })
	require.Panics(t, func() { p.AddOption(driver.NoteTypes, driver.Option{ID: phoneCall}) })
}

func TestADeletedIDCanBeAddedAgain(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{Now: newClock().Now})
	cursor := p.changes(driver.AppointmentFeed, "").Next
	require.NoError(t, p.DeleteAppointment(p.appointment))
	p.AddAppointment(driver.Appointment{ID: p.appointment, Patient: p.patient})
	page := p.changes(driver.AppointmentFeed, cursor)
	require.Len(t, page.Appointments, 1)
	require.Empty(t, page.Deleted)
}

func TestStaffsOwnRowsHaveNoRef(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{})
	mine := memdriver.Row{Patient: p.patient, Ref: refOf(1), ID: "x"}
	note := p.AddStaffNote(memdriver.Note{Row: mine, Body: driver.NewText("By hand")})
	doc := p.AddStaffDocument(memdriver.Document{Row: mine, Title: driver.NewText("Scan")}, []byte("abc"))
	pay := p.AddStaffPayment(memdriver.Payment{Row: mine, Amount: driver.USD(100)})
	p.AddStaffRefund(memdriver.Refund{Row: mine, Of: pay, Amount: driver.USD(100)})
	p.AddStaffAdjustment(memdriver.Adjustment{Row: mine, Of: pay, Amount: driver.USD(-100)})
	require.NoError(t, p.RenameDocument(doc, "Insurance card"))
	require.Equal(t, memdriver.Counts{Patients: 1, Appointments: 1, Notes: 1, Documents: 1, Payments: 1, Refunds: 1, Adjustments: 1}, p.Counts())
	for _, row := range []memdriver.Row{p.Notes()[0].Row, p.Documents()[0].Row, p.Payments()[0].Row, p.Refunds()[0].Row, p.Adjustments()[0].Row} {
		require.True(t, row.Staff && row.Complete)
		require.Empty(t, row.Ref)
		require.Equal(t, p.patient, row.Patient)
	}
	require.Equal(t, note, p.Notes()[0].ID)
	require.Equal(t, "Insurance card", p.Documents()[0].Title.Reveal())
	require.Equal(t, []byte("abc"), p.Documents()[0].Bytes())
	require.Len(t, p.Documents()[0].SHA256, 64)
}
