package dentrix_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/dentrix/dentrixtest"
	"github.com/pmswriteback/pms/driver"
)

func chicago(t *testing.T) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation("America/Chicago")
	require.NoError(t, err)
	return loc
}

func changes(t *testing.T, conn driver.Conn, feed driver.Feed, cursor string) driver.Page {
	t.Helper()
	page, err := driver.ReadChanges(t.Context(), conn, driver.ChangesQuery{Feed: feed, Cursor: cursor})
	require.NoError(t, err)
	return page
}

func ids(page driver.Page) []string {
	out := []string{}
	for _, a := range page.Appointments {
		out = append(out, a.ID)
	}
	for _, p := range page.Patients {
		out = append(out, p.ID)
	}
	return out
}

func TestStatesComeFromTheStatusByteWhicheverWayItIsRead(t *testing.T) {
	t.Parallel()
	o := openOffice(t, time.UTC, time.Now())
	conn := o.connect(driver.Env{})
	patient := o.patient("Ada", "Quill", 0)
	start := time.Now().Add(26 * time.Hour).Truncate(time.Hour)
	for status, state := range map[int]driver.AppointmentState{
		0: driver.AppointmentScheduled, 10: driver.AppointmentScheduled, 100: driver.AppointmentCancelled, 101: driver.AppointmentUnscheduled, 150: driver.AppointmentCompleted,
	} {
		id := o.visit(patient, start, status)
		alone, err := driver.ReadAppointment(t.Context(), conn, id) // sp_appointments gives 150
		require.NoError(t, err)
		require.Equal(t, state, alone.State)
		require.Equal(t, strconv.Itoa(status), alone.Status)
		require.NoError(t, o.MoveAppointment(t.Context(), number(o, id), time.Time{}))
		undated, err := driver.ReadAppointment(t.Context(), conn, id) // v_appt gives -106
		require.NoError(t, err)
		require.Equal(t, state, undated.State)
		require.Equal(t, strconv.Itoa(status), undated.Status)
		require.True(t, undated.Start.IsZero())
	}
}

func TestWhatDentrixLeavesBlankIsBlank(t *testing.T) {
	t.Parallel()
	o := openOffice(t, time.UTC, time.Now())
	conn := o.connect(driver.Env{})
	cursor := changes(t, conn, driver.AppointmentFeed, "").Next
	patient := o.patient("Ada", "Quill", 0)
	require.NoError(t, o.Exec(t.Context(), "UPDATE admin.standin_patient SET birth_date='0001-01-01', home_phone='', email=NULL, preferred_name=NULL WHERE patient_id=?", patient))
	found, err := driver.FindPatients(t.Context(), conn, driver.PatientQuery{ID: patient})
	require.NoError(t, err)
	require.True(t, found[0].BirthDate.IsZero())
	require.Equal(t, "Quill", found[0].LastName.Reveal(), "without the blanks that fill a CHAR column up")
	require.True(t, found[0].Email.IsEmpty())
	require.Len(t, found[0].Phones, 1)

	// A new patient who is not in the list, and a visit of which little is known.
	id := o.visit("0", time.Now().Add(time.Hour), 0)
	require.NoError(t, o.Exec(t.Context(), "UPDATE admin.standin_appt SET operatory_id=NULL, provider_id='', length=NULL, status_id=NULL, start_minute=NULL WHERE appointment_id=?", id))
	page := changes(t, conn, driver.AppointmentFeed, cursor)
	require.Equal(t, []string{id}, ids(page))
	a := page.Appointments[0]
	require.Empty(t, a.Patient)
	require.True(t, a.NewPatient)
	require.Empty(t, a.Operatory+a.Provider)
	require.Equal(t, "0", a.Status)
	require.Zero(t, a.Duration)
}

func TestPatientsWhoCannotBeWrittenForAreArchived(t *testing.T) {
	t.Parallel()
	o := openOffice(t, time.UTC, time.Now())
	conn := o.connect(driver.Env{})
	patient := o.patient("Ada", "Quill", 0)
	for status, state := range map[int]driver.PatientState{1: driver.PatientActive, 2: driver.PatientNonMember, 3: driver.PatientInactive, 4: driver.PatientArchived} {
		require.NoError(t, o.Exec(t.Context(), "UPDATE admin.standin_patient SET status=? WHERE patient_id=?", status, patient))
		found, err := driver.FindPatients(t.Context(), conn, driver.PatientQuery{ID: patient})
		require.NoError(t, err)
		require.Equal(t, state, found[0].State)
	}
	require.NoError(t, o.Exec(t.Context(), "UPDATE admin.standin_patient SET status=1, patient_id=-patient_id WHERE patient_id=?", patient))
	page, err := driver.ReadWindow(t.Context(), conn, driver.WindowQuery{Feed: driver.PatientFeed})
	require.NoError(t, err)
	require.Equal(t, []string{"-" + patient}, ids(page))
	require.Equal(t, driver.PatientArchived, page.Patients[0].State)
}

// A patient gets a number and may be stored after one with a higher number.
func TestANewPatientWhoIsStoredLateIsNotLost(t *testing.T) {
	t.Parallel()
	o := openOffice(t, time.UTC, time.Now())
	conn := o.connect(driver.Env{})
	o.patient("Old", "Quill", 0)
	late := o.patient("Late", "Quill", 0)
	require.NoError(t, o.DeletePatient(t.Context(), number(o, late))) // not stored yet
	o.patient("Known", "Quill", 0)
	cursor := changes(t, conn, driver.PatientFeed, "").Next
	require.Empty(t, ids(changes(t, conn, driver.PatientFeed, cursor)))

	require.NoError(t, o.Exec(t.Context(), "INSERT INTO admin.standin_patient (patient_id, patient_guid, last_name, status) VALUES (?, UUID(), 'Late', 1)", late))
	page := changes(t, conn, driver.PatientFeed, cursor)
	require.Equal(t, []string{late}, ids(page))
	require.Empty(t, ids(changes(t, conn, driver.PatientFeed, page.Next)), "and comes once")
	above := o.patient("New", "Quill", 0)
	require.Equal(t, []string{above}, ids(changes(t, conn, driver.PatientFeed, page.Next)))
}

func TestNewPatientsComeInPagesOnceEach(t *testing.T) {
	t.Parallel()
	o := openOffice(t, time.UTC, time.Now())
	conn := o.connect(driver.Env{})
	cursor := changes(t, conn, driver.PatientFeed, "").Next
	var want, came []string
	for range 90 {
		want = append(want, o.patient("New", "Quill", 0))
	}
	for more := true; more; {
		page, err := driver.ReadChanges(t.Context(), conn, driver.ChangesQuery{Feed: driver.PatientFeed, Cursor: cursor, Limit: 7})
		require.NoError(t, err)
		require.LessOrEqual(t, page.Len(), 7)
		came, cursor, more = append(came, ids(page)...), page.Next, page.More
	}
	require.Equal(t, want, came)
}

// In autumn an hour comes twice, and the office's clock shows less than before.
func TestNoChangeIsLostWhenTheHourComesTwice(t *testing.T) {
	t.Parallel()
	loc := chicago(t)
	first := time.Date(2026, time.November, 1, 5, 0, 0, 0, time.UTC) // midnight of summer time
	o := openOffice(t, loc, first)
	conn := o.connect(driver.Env{Location: loc})
	id := o.visit(o.patient("Ada", "Quill", 0), first.Add(200*time.Hour), 1)
	cursor := changes(t, conn, driver.AppointmentFeed, "").Next
	require.NoError(t, o.SetNow(t.Context(), first.Add(10*time.Minute)))
	cursor = changes(t, conn, driver.AppointmentFeed, cursor).Next
	for minute := 20; minute < 4*60; minute += 7 {
		require.NoError(t, o.SetNow(t.Context(), first.Add(time.Duration(minute)*time.Minute)))
		status := 1 + minute%2
		require.NoError(t, o.SetStatus(t.Context(), number(o, id), status))
		// The office goes on for a minute before anybody looks.
		require.NoError(t, o.SetNow(t.Context(), o.Now().Add(time.Minute)))
		page := changes(t, conn, driver.AppointmentFeed, cursor)
		require.Contains(t, ids(page), id, "%d minutes after midnight", minute)
		require.Equal(t, strconv.Itoa(status), page.Appointments[0].Status)
		cursor = page.Next
	}
}

// In spring an hour is left out, and the overlap has to reach beyond it: a row may be
// stamped before it and stored after it.
func TestNoChangeIsLostWhenAnHourIsLeftOut(t *testing.T) {
	t.Parallel()
	loc := chicago(t)
	change := time.Date(2026, time.March, 8, 8, 0, 0, 0, time.UTC) // two o'clock is three o'clock
	o := openOffice(t, loc, change.Add(-2*time.Minute))
	conn := o.connect(driver.Env{Location: loc})
	id := o.visit(o.patient("Ada", "Quill", 0), change.Add(200*time.Hour), 1)
	stamped := o.Now().In(loc).Format(time.DateTime)
	require.Equal(t, "2026-03-08 01:58:00", stamped)
	require.NoError(t, o.SetNow(t.Context(), change.Add(time.Minute)))
	cursor := changes(t, conn, driver.AppointmentFeed, "").Next // and now it is stored
	require.NoError(t, o.SetNow(t.Context(), change.Add(2*time.Minute)))
	require.Equal(t, []string{id}, ids(changes(t, conn, driver.AppointmentFeed, cursor)))
}

func TestAClockThatDiffersByHoursIsToldToStaff(t *testing.T) {
	t.Parallel()
	loc := chicago(t)
	o := openOffice(t, loc, time.Now())
	conn := o.connect(driver.Env{Location: loc})
	i, err := conn.Info(t.Context())
	require.NoError(t, err)
	require.Less(t, i.Clock.Skew.Abs(), 20*time.Second)
	require.NoError(t, o.SetNow(t.Context(), time.Now().Add(5*time.Hour)))
	i, err = conn.Info(t.Context())
	require.NoError(t, err)
	require.Contains(t, i.Notes[len(i.Notes)-1], "differs by 5h0m0s")
}

func TestAPhoneNumberIsFoundHoweverItWasTypedInAndInEveryColumn(t *testing.T) {
	t.Parallel()
	o := openOffice(t, time.UTC, time.Now())
	conn := o.connect(driver.Env{})
	want := map[string]bool{}
	for column, written := range map[string]string{"home_phone": "5035550142", "work_phone": "503.555.0142", "other_phone": "1 503 555-01 42", "mobile_phone": "(503)555-0142"} {
		id := got(o.AddPatient(t.Context(), dentrixtest.Patient{First: "Ada", Last: "Quill"}))(o)
		require.NoError(t, o.Exec(t.Context(), "UPDATE admin.standin_patient SET "+column+"=? WHERE patient_id=?", written, id))
		want[strconv.Itoa(id)] = true
	}
	other := got(o.AddPatient(t.Context(), dentrixtest.Patient{First: "Eve", Last: "Quill", Phone: "503-555-00142"}))(o)
	found, err := driver.FindPatients(t.Context(), conn, driver.PatientQuery{Phone: driver.NewText("+1 (503) 555-0142")})
	require.NoError(t, err)
	require.Len(t, found, len(want))
	for _, p := range found {
		require.True(t, want[p.ID])
		require.NotEqual(t, strconv.Itoa(other), p.ID)
	}
	_, err = driver.FindPatients(t.Context(), conn, driver.PatientQuery{Phone: driver.NewText("0142")})
	require.ErrorIs(t, err, driver.ErrRejected)
}

func TestAdjustmentTypesThatFillAByteKeepTheirNumber(t *testing.T) {
	t.Parallel()
	o := openOffice(t, time.UTC, time.Now())
	conn := o.connect(driver.Env{})
	patient := o.patient("Ada", "Quill", 0)
	op := &driver.Adjustment{Header: driver.Header{Ref: ref("A"), Patient: patient}, Type: "200", Amount: driver.USD(269), PostedOn: driver.DateOf(time.Now())}
	_, err := driver.Write(t.Context(), conn, op)
	require.NoError(t, err)
	rows, err := o.Adjustments(t.Context(), patient)
	require.NoError(t, err)
	require.Equal(t, "200", rows[0].Type)
	options, err := driver.ReadCatalog(t.Context(), conn, driver.AdjustmentTypes)
	require.NoError(t, err)
	require.Equal(t, []driver.Option{
		{ID: "1", Label: "-Professional Courtesy", Active: true, Lowers: true}, {ID: "2", Label: "+Late Charge", Active: true},
		{ID: "7", Label: "+Refund", Active: true}, {ID: "200", Label: "+Card fee", Active: true},
	}, options)
}
