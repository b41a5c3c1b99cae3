package opendental_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/opendental/opendentaltest"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

// The numbers of definitions mean something else in each office. One of another
// category is in no catalog, whatever the API would take.
func TestANumberThatMeansSomethingElseInThisOfficeIsRefused(t *testing.T) {
	t.Parallel()
	refusesForeignNumbers(t, newPractice(t, opendentaltest.Config{}))
}

// The same where the definitions are looked up in the office's tables.
func TestANumberThatMeansSomethingElseInTheTablesIsRefused(t *testing.T) {
	t.Parallel()
	p, d := besideTables(t)
	refusesForeignNumbers(t, p)
	require.Contains(t, strings.Join(d.heard(), "\n"), "FROM definition d WHERE d.Category=27")
}

func refusesForeignNumbers(t *testing.T, p *practice) {
	t.Helper()
	const foreign = "2" // an adjustment type of this office, that is: none of the other lists
	hidden := map[driver.Catalog]string{}
	for which, category := range map[driver.Catalog]int64{
		driver.NoteTypes: opendentaltest.CategoryCommLogTypes, driver.DocumentFolders: opendentaltest.CategoryImageCats,
		driver.AppointmentStatuses: opendentaltest.CategoryApptConfirmed, driver.PaymentTypes: opendentaltest.CategoryPaymentTypes,
	} {
		d, err := p.AddDefinition(t.Context(), opendentaltest.Definition{Category: category, ItemName: "Old one"})
		require.NoError(t, err)
		require.NoError(t, p.RenameDefinition(t.Context(), d.DefNum, "Renamed"))
		require.NoError(t, p.HideDefinition(t.Context(), d.DefNum))
		hidden[which] = id(d.DefNum)
	}
	ops := []driver.OpKind{driver.OpNote, driver.OpDocument, driver.OpStatus, driver.OpPayment, driver.OpRefund}
	for _, kind := range ops {
		op := p.op(kind)
		before := p.rows()
		set := func(number string) driver.Catalog {
			switch op := op.(type) {
			case *driver.Note:
				op.Type = number
				return driver.NoteTypes
			case *driver.Document:
				op.Folder = number
				return driver.DocumentFolders
			case *driver.StatusChange:
				op.To = number
				return driver.AppointmentStatuses
			case *driver.Payment:
				op.Type = number
			case *driver.Refund:
				op.Type = number
			}
			return driver.PaymentTypes
		}
		which := set(foreign)
		for _, number := range []string{foreign, "999999", "0", "-1", "1 OR 1=1"} {
			set(number)
			_, err := driver.Write(t.Context(), p.conn, op)
			require.ErrorIs(t, err, driver.ErrRejected, "%s %s", kind, number)
			require.ErrorIs(t, err, driver.ReasonOptionUnknown, "%s %s", kind, number)
		}
		set(hidden[which])
		_, err := driver.Write(t.Context(), p.conn, op)
		require.ErrorIs(t, err, driver.ReasonOptionInactive, kind)
		require.Equal(t, before, p.rows(), kind)
	}
	// A renamed one is still the same.
	d, err := p.AddDefinition(t.Context(), opendentaltest.Definition{Category: opendentaltest.CategoryCommLogTypes, ItemName: "Calls"})
	require.NoError(t, err)
	require.NoError(t, p.RenameDefinition(t.Context(), d.DefNum, "Telephone"))
	note := p.op(driver.OpNote).(*driver.Note)
	note.Type = id(d.DefNum)
	_, err = driver.Write(t.Context(), p.conn, note)
	require.NoError(t, err)
}

// rows counts what writes leave.
func (p *practice) rows() string {
	p.t.Helper()
	notes, err := p.Commlogs(p.t.Context())
	require.NoError(p.t, err)
	documents, err := p.Documents(p.t.Context())
	require.NoError(p.t, err)
	payments, err := p.Payments(p.t.Context())
	require.NoError(p.t, err)
	return fmt.Sprint(len(notes), len(documents), len(payments))
}

// The recommended set-up on MariaDB: what is written is looked at in the table.
func TestTextsArriveInTheTableWholeAndOnce(t *testing.T) {
	t.Parallel()
	h, d, pool := newHostOnTables(t)
	t.Cleanup(h.run(nil, func() (driver.Connector, error) { return h.joined(pool) }))
	h.save(nil)
	var b strings.Builder
	for i := 0; utf8.RuneCountInString(b.String()) < 70_000; i++ {
		fmt.Fprintf(&b, "Wörd%06d ", i)
	}
	text := strings.TrimSpace(b.String())
	h.note("long", driver.IncomingCallTranscript, text)
	h.note("smiles", driver.IncomingSMS, "Thanks 😀🦷 see you, Zoë — 谢谢")
	long, smiles := h.rests("long", writeback.Written), h.rests("smiles", writeback.Written)
	require.Greater(t, len(long.Legs), 1)
	stored := func(ref string) (note string) {
		t.Helper()
		var times, bytes int
		require.NoError(t, d.root.QueryRow("SELECT COUNT(*), MAX(LENGTH(Note)), MAX(Note) FROM commlog WHERE Note LIKE '%"+ref+"%'").
			Scan(&times, &bytes, &note))
		require.Equal(t, 1, times)
		require.Equal(t, len(note), bytes)
		require.LessOrEqual(t, bytes, 65_535, "more would be cut off")
		return note
	}
	var found []string
	for _, l := range long.Legs {
		for _, word := range strings.Fields(stored(l.Ref)) {
			if strings.HasPrefix(word, "Wörd") {
				found = append(found, word)
			}
		}
	}
	require.Equal(t, strings.Fields(text), found)
	require.Contains(t, stored(smiles.Legs[0].Ref), "Thanks ?? see you, Zoë — 谢谢", "three-byte UTF-8 holds no emoji")
	require.Equal(t, 2, smiles.Replaced)

	// Without the engine before it the driver refuses what the column cannot hold.
	_, info, _, err := h.p.Catalogs(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 65_535, info.Ops[driver.OpNote].MaxBytes)
	require.Equal(t, driver.UnicodeBMP, info.Ops[driver.OpNote].Repertoire)
	connector, err := h.joined(pool)
	require.NoError(t, err)
	conn, err := connector.Connect(t.Context(), driver.Env{Location: h.zone})
	require.NoError(t, err)
	before := h.Count("POST", "/commlogs")
	_, err = driver.Write(t.Context(), conn, noteFor(h.patient.PatNum, text))
	requireError(t, err, driver.ErrRejected, driver.ReasonTooLarge, "write note")
	_, err = driver.Write(t.Context(), conn, noteFor(h.patient.PatNum, "😀"))
	requireError(t, err, driver.ErrRejected, driver.ReasonTextRefused, "cannot store")
	require.Equal(t, before, h.Count("POST", "/commlogs"), "before anything is sent")
	require.NoError(t, conn.Close())
}

func TestAPatientWhoIsMergedOrDeletedBeforeTheWriteGetsNothing(t *testing.T) {
	t.Parallel()
	for _, s := range []setUp{both, {api: true, remote: true}} {
		o := newSQLOffice(t, inChicago(t), s)
		r := o.connect(t, s)
		into, merged, deleted := o.patient("Ada", "Quill"), o.patient("Adah", "Quill"), o.patient("Bea", "Rowan")
		found, err := driver.FindPatients(t.Context(), r.conn, driver.PatientQuery{BirthDate: driver.NewBirthDate(driver.Date{Year: 1980, Month: 2, Day: 29})})
		require.NoError(t, err)
		require.Len(t, found, 3, "matched")
		o.must(o.MergePatients(t.Context(), into, merged))
		o.must(o.DeletePatient(t.Context(), deleted))
		for patient, reason := range map[int64]driver.Reason{merged: driver.ReasonPatientArchived, deleted: driver.ReasonPatientNotFound} {
			_, err := driver.Write(t.Context(), r.conn, noteFor(patient, "Whose?"))
			require.ErrorIs(t, err, driver.ErrRejected)
			require.ErrorIs(t, err, reason)
		}
		notes, err := o.Commlogs(t.Context())
		require.NoError(t, err)
		require.Empty(t, notes)
	}
}

func TestAVisitThatIsDeletedBetweenTheLookAndTheWriteIsMissing(t *testing.T) {
	t.Parallel()
	o := newSQLOffice(t, inChicago(t), both)
	ada := o.patient("Ada", "Quill")
	r := o.connect(t, both)
	change := func(apt int64) *driver.StatusChange {
		return &driver.StatusChange{Header: noteFor(ada, "x").Header, Appointment: id(apt), From: id(unconfirmed), To: id(confirmed)}
	}
	first := o.visit(ada, time.Now().Add(time.Hour))
	o.must(o.SetConfirmed(t.Context(), first, unconfirmed))
	o.must(o.DeleteAppointment(t.Context(), first))
	_, err := driver.Write(t.Context(), r.conn, change(first))
	requireError(t, err, driver.ErrRejected, driver.ReasonAppointmentMissing, "set status")

	// After the look, while the request is on its way.
	second := o.visit(ada, time.Now().Add(2*time.Hour))
	o.must(o.SetConfirmed(t.Context(), second, unconfirmed))
	in, err := o.Inject(opendentaltest.Fault{Kind: opendentaltest.FaultHang, Method: "PUT", Route: "/appointments/*/Confirm"})
	require.NoError(t, err)
	failed := make(chan error, 1)
	go func() {
		_, err := driver.Write(t.Context(), r.conn, change(second))
		failed <- err
	}()
	require.Eventually(t, func() bool { return in.Hits() > 0 }, soon, time.Millisecond)
	o.must(o.DeleteAppointment(t.Context(), second))
	in.Release()
	requireError(t, <-failed, driver.ErrRejected, driver.ReasonAppointmentMissing, "set status")
	appointments, err := o.Appointments(t.Context())
	require.NoError(t, err)
	require.Empty(t, appointments)
}

// While the database is away the host goes on hearing and writing, and is told
// afterwards of what the API cannot tell.
func TestAHostHearsAndWritesThroughAnOutageOfTheDatabase(t *testing.T) {
	t.Parallel()
	h, d, pool := newHostOnTables(t)
	t.Cleanup(h.run(nil, func() (driver.Connector, error) { return h.joined(pool) }))
	h.save(nil)
	visit, basis := h.known(unconfirmed)
	d.line.set(lineOffline)
	h.status("yes", visit, true, basis)
	h.rests("yes", writeback.Written)
	h.note("call", driver.IncomingCall, "Asked about Friday.")
	h.rests("call", writeback.Written)
	gone, changed := visit, h.visit(unconfirmed)
	require.NoError(t, h.DeleteAppointment(t.Context(), gone))
	require.NoError(t, h.p.RefreshCatalogs(t.Context()))
	h.lists("Info says what is read by what", func(_ settings.Catalogs, info driver.Info) bool {
		return strings.Contains(strings.Join(info.Notes, "\n"), "database is not used now") && info.Ops[driver.OpPayment].Supported
	})
	d.line.set(lineGood)
	h.poll()
	h.eventually("the deletion is told", func() bool { h.poll(); return h.toldChange(gone, writeback.Deleted) })
	h.eventually("and the new visit", func() bool {
		h.poll()
		return h.toldChange(changed, writeback.Created) || h.toldChange(changed, writeback.Found)
	})
	require.NoError(t, h.p.RefreshCatalogs(t.Context()))
	h.lists("Info is as before", func(_ settings.Catalogs, info driver.Info) bool { return info.Feeds[driver.AppointmentFeed].Deletes })
	rows, err := h.Commlogs(t.Context())
	require.NoError(t, err)
	require.Len(t, rows, 1)
}
