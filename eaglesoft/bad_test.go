package eaglesoft_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/drivertest"
	"github.com/pmswriteback/pms/driver/sqlpms/odbctest"
	"github.com/pmswriteback/pms/eaglesoft"
	"github.com/pmswriteback/pms/eaglesoft/eaglesofttest"
)

func requireError(t *testing.T, err error, kind driver.Kind, words string) {
	t.Helper()
	require.ErrorIs(t, err, kind)
	require.ErrorContains(t, err, words)
	for _, secret := range []string{eaglesofttest.Password, "Signature7Q", "Sampleton"} {
		require.NotContains(t, err.Error(), secret)
	}
}

func connectWith(t *testing.T, o *office, change func(*eaglesoft.Config)) (driver.Conn, error) {
	t.Helper()
	cfg := o.config()
	change(&cfg)
	k, err := eaglesoft.NewConnector(cfg)
	require.NoError(t, err)
	conn, err := k.Connect(t.Context(), driver.Env{Location: o.zone})
	if err == nil {
		t.Cleanup(func() { _ = conn.Close() })
	}
	return conn, err
}

func infoOf(t *testing.T, conn driver.Conn) driver.Info {
	t.Helper()
	info, err := conn.Info(t.Context())
	require.NoError(t, err)
	return info
}

func TestADataSourceThatIsNotSetUpSaysWhatToLookFor(t *testing.T) {
	t.Parallel()
	o := newOffice(t, time.UTC)
	for name, words := range map[string]string{
		"DSN=NoSuchSource":               "a 32-bit program sees only 32-bit data sources",
		"Driver=/nonexistent/libodbc.so": "of the other bitness (32 or 64)",
	} {
		_, err := connectWith(t, o, func(cfg *eaglesoft.Config) { cfg.Database = eaglesoft.NewDatabaseDSN(odbctest.DriverName, name) })
		requireError(t, err, driver.ErrRejected, words)
	}
	_, err := connectWith(t, o, func(cfg *eaglesoft.Config) {
		cfg.Database = eaglesoft.NewDatabaseDSN(odbctest.DriverName, strings.Replace(o.name, eaglesofttest.Password, "wrong", 1))
	})
	requireError(t, err, driver.ErrUnauthorized, "does not let the user in")
	_, err = connectWith(t, o, func(cfg *eaglesoft.Config) { cfg.Init = append(cfg.Init, driver.NewSecret("SELEC 'Signature7Q'")) })
	require.Error(t, err)
	require.ErrorContains(t, err, "initial statement 4 of 4")
	require.NotContains(t, err.Error(), "Signature7Q")
	_, err = connectWith(t, o, func(cfg *eaglesoft.Config) {
		cfg.Init = []driver.Secret{driver.NewSecret("SET GLOBAL max_connections=7")}
	})
	requireError(t, err, driver.ErrUnauthorized, "initial statement 3 of 3")
	require.Equal(t, driver.ScopeConnection, driver.ReadError(err).Scope)
	_, err = connectWith(t, o, func(cfg *eaglesoft.Config) { cfg.Owner = "dba" })
	requireError(t, err, driver.ErrUnauthorized, "check the owner") // MariaDB does not say that there is none
	_, err = connectWith(t, o, func(cfg *eaglesoft.Config) { cfg.Session = append(cfg.Session, "SET @quoted_identifier='Off'") })
	requireError(t, err, driver.ErrRejected, "quoted_identifier")
}

// Within the thirty seconds a write would work, and the next one would not.
func TestAnUnauthenticatedConnectionWritesNothing(t *testing.T) {
	t.Parallel()
	o := newOffice(t, time.UTC)
	conn, err := connectWith(t, o, func(cfg *eaglesoft.Config) { cfg.Init = nil })
	require.NoError(t, err)
	patient := o.patient()
	for _, when := range []string{"within the grace", "after it"} {
		if when == "after it" {
			o.Run("UPDATE standin.oem SET aged=30")
		}
		info := infoOf(t, conn)
		require.True(t, info.Feeds[driver.AppointmentFeed].Supported, "reading works")
		for _, kind := range kinds {
			require.False(t, info.Ops[kind].Supported)
			require.Contains(t, info.Ops[kind].Why, "not authenticated")
			op := o.operation(kind, patient)
			_, err := driver.Write(t.Context(), conn, op)
			requireError(t, err, driver.ErrRejected, "The database connection is not authenticated.")
			require.Zero(t, o.count(op))
		}
	}
}

func TestAConnectionThatLosesItsAuthenticationSaysSo(t *testing.T) {
	t.Parallel()
	o := newOffice(t, time.UTC)
	conn := o.connect(o.config())
	patient := o.patient()
	// The engine has the last word, whatever the property says.
	lift := o.line.Strike(odbctest.Trouble{When: changes, Do: odbctest.Refuse, Code: 1644, State: "42000", Message: "Authentication violation"})
	for _, kind := range kinds {
		op := o.operation(kind, patient)
		_, err := driver.Write(t.Context(), conn, op)
		requireError(t, err, driver.ErrUnauthorized, "The database connection is not authenticated.")
		require.Equal(t, driver.ScopeWrites, driver.WriteError(err).Scope)
		require.Zero(t, o.count(op))
	}
	lift()
	o.Run("UPDATE standin.oem SET signature='another'")
	op := o.operation(driver.OpNote, patient)
	_, err := driver.Write(t.Context(), conn, op)
	requireError(t, err, driver.ErrUnauthorized, "The database connection is not authenticated.")
	require.Zero(t, o.count(op))
	require.Contains(t, infoOf(t, conn).Ops[driver.OpNote].Why, "not authenticated")
}

// The stand-in does what SQL Anywhere's documentation says.
func TestTheStandInLetsOnlyAuthenticatedConnectionsWriteForLong(t *testing.T) {
	t.Parallel()
	o := newOffice(t, time.UTC)
	patient := o.patient()
	db := odbctest.Open(t, o.name)
	db.SetMaxOpenConns(1)
	insert := func() error {
		_, err := db.Exec(`INSERT INTO "PPM"."operatory_notes" ("patient_id", "date_entered") VALUES (?, GETDATE())`, patient)
		return err
	}
	require.NoError(t, insert(), "within thirty seconds")
	o.Run("UPDATE standin.oem SET aged=30")
	require.ErrorContains(t, insert(), "Authentication violation")
	_, err := db.Exec(eaglesofttest.Signature)
	require.NoError(t, err)
	require.NoError(t, insert())
}

func TestAConnectionThatShowsWhatIsNotCommittedIsNotTrusted(t *testing.T) {
	t.Parallel()
	o := newOffice(t, time.UTC)
	conn, err := connectWith(t, o, func(cfg *eaglesoft.Config) { cfg.Session = []string{} })
	require.NoError(t, err)
	op := o.operation(driver.OpNote, o.patient())
	require.Contains(t, infoOf(t, conn).Ops[driver.OpNote].Why, "isolation level 0")
	_, err = driver.Write(t.Context(), conn, op)
	requireError(t, err, driver.ErrRejected, "isolation level 0")
	verdict, _, err := o.verifyLate(conn, op)
	requireError(t, err, driver.ErrUnavailable, "isolation level 0")
	require.Equal(t, driver.VerdictUnknown, verdict)
}

func TestWhatIsMissingClosesWhatNeedsItAndNothingElse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		statements []string
		why        string
		closes     []driver.OpKind
		feeds      []driver.Feed
	}{
		"a column of notes":  {[]string{"ALTER TABLE PPM.operatory_notes DROP COLUMN freshness"}, "no column freshness", []driver.OpKind{driver.OpNote}, nil},
		"the schedule's log": {[]string{"DROP TABLE PPM.appt_log"}, "no table appt_log", []driver.OpKind{driver.OpStatus}, nil},
		"providers of appointments": {
			[]string{"DROP TABLE PPM.appointment_provider"}, "no table appointment_provider", []driver.OpKind{driver.OpStatus},
			[]driver.Feed{driver.AppointmentFeed, driver.AppointmentStatusFeed},
		},
		"numbers of transactions": {
			[]string{"ALTER TABLE PPM.transactions_header MODIFY tran_num INT NOT NULL"}, "does not number transactions_header.tran_num by itself",
			[]driver.OpKind{driver.OpPayment}, nil,
		},
		"numbers of details": {
			[]string{"ALTER TABLE PPM.transactions_detail MODIFY detail_id INT NOT NULL"}, "does not number transactions_detail.detail_id by itself",
			[]driver.OpKind{driver.OpPayment}, nil,
		},
		"a further row of transactions": {[]string{"DROP TABLE PPM.transactions_extra"}, "", nil, nil},
		"the right to read groups": {
			[]string{"REVOKE SELECT ON PPM.document_group FROM " + eaglesofttest.User + "@localhost"}, "grant SELECT on it", []driver.OpKind{driver.OpDocument}, nil,
		},
		"the right to read patients": {
			[]string{"REVOKE SELECT ON PPM.patient FROM " + eaglesofttest.User + "@localhost"}, "grant SELECT on it",
			[]driver.OpKind{driver.OpNote, driver.OpDocument, driver.OpPayment}, []driver.Feed{driver.PatientFeed},
		},
		"the right to add notes": {
			[]string{"REVOKE INSERT ON PPM.operatory_notes FROM " + eaglesofttest.User + "@localhost"}, "table operatory_notes: grant INSERT on it",
			[]driver.OpKind{driver.OpNote}, nil,
		},
		"the right to change appointments": {
			[]string{"REVOKE UPDATE ON PPM.appointment FROM " + eaglesofttest.User + "@localhost"}, "table appointment: grant UPDATE on it",
			[]driver.OpKind{driver.OpStatus}, nil,
		},
		"the right to add to the schedule's log": {
			[]string{"REVOKE INSERT ON PPM.appt_log FROM " + eaglesofttest.User + "@localhost"}, "table appt_log: grant INSERT on it",
			[]driver.OpKind{driver.OpStatus}, nil,
		},
		"the right to add documents": {
			[]string{"REVOKE INSERT ON PPM.document FROM " + eaglesofttest.User + "@localhost"}, "table document: grant INSERT on it",
			[]driver.OpKind{driver.OpDocument}, nil,
		},
		"the right to add what goes with a payment": {
			[]string{"REVOKE INSERT ON PPM.transactions_extra FROM " + eaglesofttest.User + "@localhost"}, "table transactions_extra: grant INSERT on it",
			[]driver.OpKind{driver.OpPayment}, nil,
		},
		"the user":       {[]string{"DELETE FROM PPM.provider WHERE provider_id='WEB'"}, "has no user WEB", kinds, nil},
		"an active user": {[]string{"UPDATE PPM.provider SET status='I' WHERE provider_id='WEB'"}, "is inactive in Eaglesoft", kinds, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, time.UTC)
			o.lent.Spoil()
			patient := o.patient()
			conn := o.connect(o.config())
			ops := map[driver.OpKind]driver.Op{}
			for _, kind := range kinds {
				ops[kind] = o.operation(kind, patient)
			}
			for _, s := range c.statements {
				o.Run(s)
			}
			info := infoOf(t, conn)
			for _, kind := range kinds {
				closed := false
				for _, k := range c.closes {
					closed = closed || k == kind
				}
				require.Equal(t, !closed, info.Ops[kind].Supported, "%s: %s", kind, info.Ops[kind].Why)
				if closed {
					require.Contains(t, info.Ops[kind].Why, c.why)
					_, err := driver.Write(t.Context(), conn, ops[kind])
					kind := driver.ErrRejected
					if strings.HasPrefix(name, "the right to add") || strings.HasPrefix(name, "the right to change") {
						kind = driver.ErrUnauthorized
					}
					requireError(t, err, kind, c.why)
					continue
				}
				_, err := driver.Write(t.Context(), conn, ops[kind])
				require.NoError(t, err, kind)
			}
			for _, feed := range []driver.Feed{driver.AppointmentFeed, driver.AppointmentStatusFeed, driver.PatientFeed} {
				closed := false
				for _, f := range c.feeds {
					closed = closed || f == feed
				}
				require.Equal(t, !closed, info.Feeds[feed].Supported, feed)
			}
		})
	}
}

func TestATableThatGoesMeanwhileIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	o := newOffice(t, time.UTC)
	conn := o.connect(o.config())
	right := "SELECT ON PPM.patient"
	who := eaglesofttest.User + "@localhost"
	o.Run("REVOKE " + right + " FROM " + who)
	q := driver.PatientQuery{BirthDate: driver.NewBirthDate(born)}
	_, err := driver.FindPatients(t.Context(), conn, q)
	requireError(t, err, driver.ErrUnauthorized, "lacks a right")
	_, err = driver.FindPatients(t.Context(), conn, q)
	requireError(t, err, driver.ErrRejected, "grant SELECT on it")
	o.Run("GRANT " + right + " TO " + who)
	infoOf(t, conn)
	_, err = driver.FindPatients(t.Context(), conn, q)
	require.NoError(t, err)
}

func TestARightToWriteThatComesBackIsUsedAtOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t, time.UTC)
	conn := o.connect(o.config())
	op := o.operation(driver.OpNote, o.patient())
	right, who := "INSERT ON PPM.operatory_notes", eaglesofttest.User+"@localhost"
	o.Run("REVOKE " + right + " FROM " + who)
	for _, words := range []string{"lacks a right", "grant INSERT on it", "grant INSERT on it"} {
		_, err := driver.Write(t.Context(), conn, op)
		requireError(t, err, driver.ErrUnauthorized, words)
	}
	o.Run("GRANT " + right + " TO " + who)
	_, err := driver.Write(t.Context(), conn, op)
	require.NoError(t, err)
	require.Equal(t, 1, o.count(op))
}

func TestRowsWithoutDatesAndIdsAreRead(t *testing.T) {
	t.Parallel()
	o := newOffice(t, time.UTC)
	conn := o.connect(o.config())
	o.Run("INSERT INTO PPM.patient (patient_id, status) VALUES ('ab1', 'A')")
	found, err := driver.FindPatients(t.Context(), conn, driver.PatientQuery{ID: "ab1"})
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.True(t, found[0].BirthDate.IsZero() && found[0].CreatedAt.IsZero())
	found, err = driver.FindPatients(t.Context(), conn, driver.PatientQuery{ID: "AB1"})
	require.NoError(t, err)
	require.Empty(t, found, "ids are compared byte for byte")

	at := o.Run("INSERT INTO PPM.appointment (patient_id, classification, start_time, location_id) VALUES ('ab1', 1, ?, 1)", tomorrow(o.zone))
	queue := o.Run("INSERT INTO PPM.appointment (patient_id, classification, start_time, location_id) VALUES ('ab1', 1, ?, -1)", tomorrow(o.zone))
	never := o.Run("INSERT INTO PPM.appointment (patient_id, classification) VALUES ('ab1', 1)")
	ids := map[int64]driver.AppointmentState{at: driver.AppointmentScheduled, queue: driver.AppointmentUnscheduled, never: driver.AppointmentUnscheduled}
	for id, state := range ids {
		a, err := driver.ReadAppointment(t.Context(), conn, itoa(id))
		require.NoError(t, err)
		require.Equal(t, state, a.State)
		require.Equal(t, "0", a.Status, "without a status it is unconfirmed")
		require.Equal(t, "ab1", a.Patient)
		require.Empty(t, a.Provider+a.Type)
		require.Equal(t, id == never, a.Start.IsZero())
	}
	page, err := driver.ReadWindow(t.Context(), conn, driver.WindowQuery{Feed: driver.AppointmentFeed, From: tomorrow(o.zone), To: tomorrow(o.zone).Add(time.Hour)})
	require.NoError(t, err)
	require.Len(t, page.Appointments, 2)

	// And confirmed: the guard knows that there was no status.
	_, err = driver.Write(t.Context(), conn, &driver.StatusChange{Header: driver.Header{Ref: testRef, Patient: "ab1"}, Appointment: itoa(at), From: "0", To: "1"})
	require.NoError(t, err)
	require.Equal(t, "1", o.Status(itoa(at)))
	require.Equal(t, []string{"WEB"}, o.Texts("SELECT user_id FROM PPM.appt_log"), "who names no provider is the user")
}

func TestOtherRecordsOfTheScheduleAreNoAppointments(t *testing.T) {
	t.Parallel()
	o := newOffice(t, time.UTC)
	conn := o.connect(o.config())
	patient := o.patient()
	want := map[int]driver.AppointmentState{
		1: driver.AppointmentScheduled, 16: driver.AppointmentCancelled, 32: driver.AppointmentCancelled, 64: driver.AppointmentCancelled,
		17: driver.AppointmentCancelled, 5: driver.AppointmentScheduled, 2: "", 3: "", 4: "", 0: "",
	}
	for class, state := range want {
		id := itoa(o.Run("INSERT INTO PPM.appointment (patient_id, classification, start_time, location_id) VALUES (?, ?, ?, 1)", patient, class, tomorrow(o.zone)))
		a, err := driver.ReadAppointment(t.Context(), conn, id)
		if state == "" {
			require.ErrorIs(t, err, driver.ReasonAppointmentMissing, "classification %d", class)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, state, a.State, "classification %d", class)
	}
	arrivals := map[int]driver.AppointmentState{0: driver.AppointmentScheduled, 1: driver.AppointmentArrived, 3: driver.AppointmentArrived, 4: driver.AppointmentCompleted}
	for n, state := range arrivals {
		id := o.visit(patient)
		o.Run("UPDATE PPM.appointment SET arrival_status=? WHERE appointment_id=?", n, id)
		a, err := driver.ReadAppointment(t.Context(), conn, id)
		require.NoError(t, err)
		require.Equal(t, state, a.State, "arrival_status %d", n)
	}
	other, err := connectWith(t, o, func(cfg *eaglesoft.Config) {
		cfg.Classification.Scheduled = []int{1, 4}
		cfg.Arrivals = map[int]driver.AppointmentState{2: driver.AppointmentSeated}
	})
	require.NoError(t, err)
	id := o.visit(patient)
	o.Run("UPDATE PPM.appointment SET arrival_status=2, classification=4 WHERE appointment_id=?", id)
	a, err := driver.ReadAppointment(t.Context(), other, id)
	require.NoError(t, err)
	require.Equal(t, driver.AppointmentSeated, a.State)
}

func TestWhoHasNoDateOfEntryIsFoundByTheFullPass(t *testing.T) {
	t.Parallel()
	o := newOffice(t, time.UTC)
	now := time.Now()
	o.SetClock(now)
	conn := o.connect(o.config())
	page, err := driver.ReadChanges(t.Context(), conn, driver.ChangesQuery{Feed: driver.PatientFeed})
	require.NoError(t, err)
	o.Run("INSERT INTO PPM.patient (patient_id, status) VALUES ('9001', 'A')")
	fresh := o.patient()
	q := driver.ChangesQuery{Feed: driver.PatientFeed, Cursor: page.Next}
	page, err = driver.ReadChanges(t.Context(), conn, q)
	require.NoError(t, err)
	require.Len(t, page.Patients, 1)
	require.Equal(t, fresh, page.Patients[0].ID)
	o.SetClock(now.Add(eaglesoft.DefaultFullPass + time.Minute))
	_, err = driver.ReadChanges(t.Context(), conn, q)
	require.ErrorIs(t, err, driver.ErrCursorExpired)
	page, err = driver.ReadWindow(t.Context(), conn, driver.WindowQuery{Feed: driver.PatientFeed})
	require.NoError(t, err)
	require.Len(t, page.Patients, 2)
}

func TestADocumentWhoseFileFailsHasNoRow(t *testing.T) {
	t.Parallel()
	o := newOffice(t, time.UTC)
	conn := o.connect(o.config())
	patient := o.patient()
	seen := 0
	o.Files.Fail(func() error {
		seen = len(o.Texts("SELECT document_id FROM PPM.document"))
		return errors.New("the share of Nora Sampleton is full")
	})
	op := o.operation(driver.OpDocument, patient)
	_, err := driver.Write(t.Context(), conn, op)
	requireError(t, err, driver.ErrUnavailable, "file was not written")
	require.Zero(t, seen, "nobody sees a row whose file is not there")
	require.Empty(t, o.Texts("SELECT document_id FROM PPM.document"))
	require.Zero(t, o.Files.Len())
	o.Files.Fail(nil)
	_, err = driver.Write(t.Context(), conn, op)
	require.NoError(t, err)
	require.Equal(t, 1, o.count(op))

	// A row that cannot be committed takes its file along.
	files := o.Files.Len()
	lift := o.line.Strike(odbctest.Trouble{When: odbctest.IsCommit, Do: odbctest.Refuse, Code: 1213, State: "40001", Message: "Deadlock found"})
	_, err = driver.Write(t.Context(), conn, o.operation(driver.OpDocument, patient))
	lift()
	require.ErrorIs(t, err, driver.ErrUnavailable)
	require.Equal(t, files, o.Files.Len())
}

// A trigger of the vendor's, or a column that cuts, may change what is stored.
func TestWhatCannotBeReadBackIsUndone(t *testing.T) {
	t.Parallel()
	o := newOffice(t, time.UTC)
	o.lent.Spoil()
	conn := o.connect(o.config())
	patient := o.patient()
	o.Run("CREATE TRIGGER PPM.cuts_notes BEFORE INSERT ON PPM.operatory_notes FOR EACH ROW SET NEW.note=LEFT(NEW.note, 5)")
	o.Run("CREATE TRIGGER PPM.cuts_payments BEFORE INSERT ON PPM.transactions_header FOR EACH ROW SET NEW.description=LEFT(NEW.description, 5)")
	o.Run("CREATE TRIGGER PPM.cuts_documents BEFORE INSERT ON PPM.document FOR EACH ROW SET NEW.document_name=LEFT(NEW.document_name, 5)")
	for _, kind := range []driver.OpKind{driver.OpNote, driver.OpDocument, driver.OpPayment} {
		_, err := driver.Write(t.Context(), conn, o.operation(kind, patient))
		requireError(t, err, driver.ErrRejected, "cannot be read back")
		require.Empty(t, o.Rows(kind, patient))
	}
	require.Zero(t, o.Files.Len())
}

func TestAPoolOfTheHostsServesTheDriver(t *testing.T) {
	t.Parallel()
	o := newOffice(t, time.UTC)
	pool := odbctest.Open(t, o.name)
	conn, err := connectWith(t, o, func(cfg *eaglesoft.Config) {
		cfg.Database, cfg.DB = eaglesoft.DatabaseDSN{}, sqlx.NewDb(pool, odbctest.DriverName)
	})
	require.NoError(t, err)
	op := o.operation(driver.OpNote, o.patient())
	_, err = driver.Write(t.Context(), conn, op)
	require.NoError(t, err)
	require.Equal(t, 1, o.count(op))
	require.NoError(t, conn.Close())
	var one int
	require.NoError(t, pool.QueryRow("SELECT 1").Scan(&one), "the pool is the host's")
}

func TestAServerThatWasStoppedOverNightIsFoundAgain(t *testing.T) {
	t.Parallel()
	o := newOffice(t, time.UTC)
	conn := o.connect(o.config())
	patient := o.patient()
	for _, kind := range kinds {
		o.line.HangUp()
		_, err := driver.FindPatients(t.Context(), conn, driver.PatientQuery{ID: patient})
		require.NoError(t, err)
		o.line.HangUp()
		op := o.operation(kind, patient)
		_, err = driver.Write(t.Context(), conn, op)
		require.NoError(t, err)
		require.Equal(t, 1, o.count(op))
	}
}

func TestAWriteWhoseRefIsThereIsVerifiedInstead(t *testing.T) {
	t.Parallel()
	o := newOffice(t, time.UTC)
	conn := o.connect(o.config())
	patient := o.patient()
	for _, kind := range []driver.OpKind{driver.OpNote, driver.OpDocument, driver.OpPayment} {
		op := o.operation(kind, patient)
		_, err := driver.Write(t.Context(), conn, op)
		require.NoError(t, err)
		_, err = driver.Write(context.Background(), conn, op)
		require.ErrorIs(t, err, driver.ErrUnknownOutcome)
		require.ErrorIs(t, err, driver.ReasonDuplicate)
		verdict, receipt, err := driver.Verify(t.Context(), conn, op)
		require.NoError(t, err)
		require.Equal(t, driver.VerdictApplied, verdict)
		require.NotEmpty(t, receipt.ID)
		require.Equal(t, 1, o.count(op))
	}
}

func TestASecondPracticeInTheDatabaseIsAnotherSite(t *testing.T) {
	t.Parallel()
	o := newOffice(t, time.UTC)
	k, err := eaglesoft.NewConnector(o.config())
	require.NoError(t, err)
	conn, err := k.Connect(t.Context(), driver.Env{Location: time.UTC, Site: eaglesofttest.OtherPractice})
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	patient := o.AddPatient(drivertest.NewPatient{First: "Ida", Last: "Elsewhere"})
	_, err = driver.Write(t.Context(), conn, o.operation(driver.OpNote, patient))
	require.ErrorIs(t, err, driver.ReasonPatientNotFound)
	o.Run("UPDATE PPM.patient SET practice_id=2 WHERE patient_id=?", patient)
	_, err = driver.Write(t.Context(), conn, o.operation(driver.OpNote, patient))
	require.NoError(t, err)
	require.Equal(t, []string{"2"}, o.Texts("SELECT practice_id FROM PPM.operatory_notes"))
	_, err = k.Connect(t.Context(), driver.Env{Site: "Main Street"})
	require.ErrorContains(t, err, "not a practice_id")
}

func TestGroupsOfAnotherKindAreNoFolders(t *testing.T) {
	t.Parallel()
	o := newOffice(t, time.UTC)
	conn := o.connect(o.config())
	options, err := driver.ReadCatalog(t.Context(), conn, driver.DocumentFolders)
	require.NoError(t, err)
	require.Len(t, options, 3)
	op := o.operation(driver.OpDocument, o.patient()).(*driver.Document)
	op.Folder = "4"
	_, err = driver.Write(t.Context(), conn, op)
	require.ErrorIs(t, err, driver.ReasonOptionUnfit)
	require.Zero(t, o.count(op))

	types, err := conn.(eaglesoft.AppointmentTyper).AppointmentTypes(t.Context())
	require.NoError(t, err)
	require.Equal(t, []driver.Option{
		{ID: "1", Label: "Recall", Active: true}, {ID: "2", Label: "Crown", Active: true}, {ID: "3", Label: "Old type"},
	}, types)
}

// An earlier sending may still be at work: the row waits for it.
func TestAStatusThatAnEarlierSendingSetMeanwhileIsNoConflict(t *testing.T) {
	t.Parallel()
	o := newOffice(t, time.UTC)
	conn := o.connect(o.config())
	op := o.operation(driver.OpStatus, o.patient())
	act := o.line.Strike(odbctest.Trouble{When: odbctest.IsCommit, Do: odbctest.ActLater, Times: 1})
	_, err := driver.Write(t.Context(), conn, op)
	require.ErrorIs(t, err, driver.ErrUnknownOutcome)
	done := make(chan error, 1)
	o.line.Forget()
	go func() {
		r, err := driver.Write(context.WithoutCancel(t.Context()), conn, op)
		if err == nil && !r.Existed {
			err = errors.New("it was written twice")
		}
		done <- err
	}()
	require.Eventually(t, func() bool {
		for _, s := range o.line.Statements() {
			if strings.HasPrefix(s, "UPDATE ") {
				return true
			}
		}
		return false
	}, soon, time.Millisecond)
	act()
	require.NoError(t, <-done)
	require.Equal(t, 1, o.count(op))
}
