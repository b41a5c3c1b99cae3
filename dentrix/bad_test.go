package dentrix_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/dentrix"
	"github.com/pmswriteback/pms/dentrix/dentrixtest"
	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms/odbctest"
)

func info(t *testing.T, conn driver.Conn) driver.Info {
	t.Helper()
	i, err := conn.Info(t.Context())
	require.NoError(t, err)
	return i
}

func TestNoConnectionStringIsToldWithoutConnecting(t *testing.T) {
	t.Parallel()
	for want, cfg := range map[string]dentrix.Config{
		"the name of an SQL driver is missing": {},
		"the connection string is missing":     {Database: dentrix.NewDatabaseDSN("odbc", "")},
		"the SQL driver is not registered":     {Database: dentrix.NewDatabaseDSN("nosuch", "PWD=hunter-22")},
		"give either DB or Database":           {Database: dentrix.NewDatabaseDSN("odbc", "PWD=hunter-22"), DB: &sqlx.DB{}},
		"overlap: must not be negative":        {DB: &sqlx.DB{}, Overlap: -1},
		"operations: names none":               {DB: &sqlx.DB{}, Profile: &dentrix.Profile{Version: 1, Source: "x"}},
		"verify_after: must not be negative":   {DB: &sqlx.DB{}, VerifyAfter: -1},
		"timeout: must not be negative":        {DB: &sqlx.DB{}, Timeout: -1},
		"DENTRIXAPI_GetConnectionString gave":  {Database: dentrix.NewDatabaseDSN("odbc", "")},
	} {
		_, err := dentrix.NewConnector(cfg)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "hunter-22")
	}
}

func TestTheConnectionStringIsNeverPrinted(t *testing.T) {
	t.Parallel()
	cfg := dentrix.Config{Database: dentrix.NewDatabaseDSN("odbc", "UID=dx;PWD=hunter-22")}
	var b strings.Builder
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "cfg", cfg, "db", cfg.Database)
	text, err := json.Marshal(cfg.Database)
	require.NoError(t, err)
	b.Write(text)
	for _, form := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		fmt.Fprintf(&b, form+form, cfg, cfg.Database)
		fmt.Fprintf(&b, form, struct{ c dentrix.Config }{cfg})
	}
	require.NotContains(t, b.String(), "hunter")
	require.NotContains(t, b.String(), fmt.Sprintf("%x", "hunter"))
}

func TestAnODBCDriverThatIsNotThereIsToldInWordsAboutBitness(t *testing.T) {
	t.Parallel()
	odbctest.Need(t)
	for _, connection := range []string{"Driver=/nowhere/libctodbc.so;PWD=hunter-22", "DSN=c-treeACE ODBC Driver;UID=dx;PWD=hunter-22"} {
		k, err := dentrix.NewConnector(dentrix.Config{Database: dentrix.NewDatabaseDSN(odbctest.DriverName, connection)})
		require.NoError(t, err)
		_, err = k.Connect(t.Context(), driver.Env{})
		require.ErrorIs(t, err, driver.ErrRejected)
		require.ErrorContains(t, err, "bit")
		require.NotContains(t, err.Error(), "hunter-22")
	}
}

func TestAMissingViewTurnsOffWhatNeedsItAndNothingElse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		take func(o *office) error
		off  func(i driver.Info) []driver.Support
		why  string
	}{
		"revoked v_patient": {
			func(o *office) error { return o.Revoke(o.tb.Context(), "v_patient") },
			func(i driver.Info) []driver.Support {
				return []driver.Support{i.Find[driver.FindByID], i.Feeds[driver.PatientFeed].Support, i.Ops[driver.OpNote].Support, i.Ops[driver.OpPayment].Support}
			}, "does not let this program read v_patient: the right to it is missing",
		},
		"no v_payment_types": {
			func(o *office) error { return o.Exec(o.tb.Context(), "DROP VIEW admin.v_payment_types") },
			func(i driver.Info) []driver.Support {
				return []driver.Support{i.Catalogs[driver.PaymentTypes], i.Ops[driver.OpPayment].Support}
			}, "v_payment_types",
		},
		"another v_appt": {
			func(o *office) error {
				return o.Exec(o.tb.Context(), "ALTER VIEW admin.v_appt AS SELECT appointment_id, appointment_date FROM admin.standin_appt")
			},
			func(i driver.Info) []driver.Support {
				return []driver.Support{i.Feeds[driver.AppointmentFeed].Support, i.Ops[driver.OpStatus].Support}
			}, "lacks the column start_hour",
		},
		"revoked procedure": {
			func(o *office) error { return o.Revoke(o.tb.Context(), "standin_addpayment") },
			func(i driver.Info) []driver.Support { return []driver.Support{i.Ops[driver.OpPayment].Support} },
			"there is no procedure standin_addpayment, or this program may not call it",
		},
		"revoked look-up": {
			func(o *office) error { return o.Revoke(o.tb.Context(), "sp_getpatientofficejournal") },
			func(i driver.Info) []driver.Support { return []driver.Support{i.Ops[driver.OpNote].Support} },
			"there is no procedure sp_getpatientofficejournal",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := openOffice(t, time.UTC, time.Now())
			server.spoil()
			all := 0
			i := info(t, server.connect(driver.Env{}))
			for _, op := range i.Ops {
				if op.Supported {
					all++
				}
			}
			require.Equal(t, 6, all)
			conn := server.connect(driver.Env{})
			require.NoError(t, c.take(server))
			info(t, conn)
			i = info(t, conn)
			for _, s := range c.off(i) {
				require.False(t, s.Supported)
				require.Contains(t, s.Why, c.why)
			}
			on := 0
			for _, op := range i.Ops {
				if op.Supported {
					on++
				}
			}
			require.Positive(t, on, "other operations go on")
		})
	}
}

// Between two looks a right that is taken shows in the error.
func TestARightThatIsTakenMeanwhileIsAnErrorAndNotAnEmptyAnswer(t *testing.T) {
	t.Parallel()
	o := openOffice(t, time.UTC, time.Now())
	conn := o.connect(driver.Env{})
	patient := o.patient("Ada", "Quill", 0)
	require.NoError(t, o.Revoke(t.Context(), "v_patient"))
	found, err := driver.FindPatients(t.Context(), conn, driver.PatientQuery{ID: patient})
	require.Error(t, err)
	require.Empty(t, found)
	require.NotErrorIs(t, err, driver.ErrRejected)
	_, err = driver.Write(t.Context(), conn, payment(patient, "P"))
	require.Error(t, err)
	require.NotErrorIs(t, err, driver.ErrUnknownOutcome, "nothing was sent")
}

func TestWithoutSpAppointmentsTheViewServesWindowsAlone(t *testing.T) {
	t.Parallel()
	o := openOffice(t, time.UTC, time.Now())
	require.NoError(t, o.Revoke(t.Context(), "sp_appointments"))
	conn := o.connect(driver.Env{})
	f := info(t, conn).Feeds[driver.AppointmentFeed]
	require.True(t, f.Supported && f.Window)
	require.False(t, f.Changes)
	id := o.visit(o.patient("Ada", "Quill", 0), time.Now().Add(30*time.Hour), 3)
	page, err := driver.ReadWindow(t.Context(), conn, driver.WindowQuery{Feed: driver.AppointmentFeed, From: time.Now(), To: time.Now().AddDate(0, 0, 3)})
	require.NoError(t, err)
	require.Len(t, page.Appointments, 1)
	require.Equal(t, id, page.Appointments[0].ID)
	a, err := driver.ReadAppointment(t.Context(), conn, id)
	require.NoError(t, err)
	require.Equal(t, page.Appointments[0], a)
}

func TestADefinitionThatWasRenamedIsOffUntilSomebodyHasLooked(t *testing.T) {
	t.Parallel()
	o := openOffice(t, time.UTC, time.Now())
	profile := with(t, func(doc map[string]any) {
		doc["definitions"] = append(doc["definitions"].([]any),
			map[string]any{"catalog": "payment_types", "id": "7", "text": "Online Credit Card - Thank You"},
			map[string]any{"catalog": "payment_types", "id": "9", "text": "Gone"})
	})
	conn := o.connectWith(driver.Env{}, profile)
	patient := o.patient("Ada", "Quill", 0)
	_, err := driver.Write(t.Context(), conn, payment(patient, "P"))
	require.NoError(t, err)

	require.NoError(t, o.RenameOption(t.Context(), dentrixtest.PaymentTypes, "7", "Payment from Collections"))
	require.NoError(t, o.RenameOption(t.Context(), dentrixtest.AdjustmentTypes, "7", "-Discount"))
	_, err = driver.Write(t.Context(), conn, payment(patient, "Q"))
	require.ErrorIs(t, err, driver.ReasonOptionInactive, "at once, not only after the next look")
	options, err := driver.ReadCatalog(t.Context(), conn, driver.PaymentTypes)
	require.NoError(t, err)
	require.Equal(t, "Payment from Collections", options[3].Label)
	require.False(t, options[3].Active)
	require.True(t, options[0].Active)

	info(t, conn)
	i := info(t, conn)
	require.True(t, i.Ops[driver.OpPayment].Supported, "with other types")
	require.False(t, i.Ops[driver.OpRefund].Supported, "which always uses the type that was renamed")
	require.Contains(t, i.Ops[driver.OpRefund].Why, `expects the adjustment type 7 to be "+Refund", and in Dentrix it is "-Discount"`)
	notes := strings.Join(i.Notes, "\n")
	require.Contains(t, notes, `expects the payment type 7 to be "Online Credit Card - Thank You", and in Dentrix it is "Payment from Collections"`)
	require.Contains(t, notes, `expects the payment type 9 to be "Gone", and Dentrix has no such number`)
}

func TestAProfileThatDoesNotFitTheDatabaseSaysEverythingThatDiffers(t *testing.T) {
	t.Parallel()
	o := openOffice(t, time.UTC, time.Now())
	conn := o.connectWith(driver.Env{}, with(t, func(doc map[string]any) {
		n := part(doc, "operations", "note")
		n["call"] = "call admin.standin_addjournal(?, ?)"
		n["arguments"] = []any{map[string]any{"bind": "patient_guid"}, map[string]any{"bind": "text"}}
		part(n, "find")["call"] = "call admin.sp_nowhere(?)"
		pay := part(doc, "operations", "payment")
		part(pay, "arguments", 0)["name"] = "GuarantorId"
		part(pay, "arguments", 4)["bind"] = "key" // ProviderId, of four characters
		part(pay, "arguments", 5)["bind"] = "provider"
		part(doc, "operations", "document")["title_chars"] = 81 // of 80
		part(doc, "operations", "refund")["max_chars"] = 256    // of 255
	}))
	i := info(t, conn)
	require.Contains(t, i.Ops[driver.OpNote].Why, "standin_addjournal takes 7 arguments, and the profile gives 2")
	require.Contains(t, i.Ops[driver.OpNote].Why, "there is no procedure sp_nowhere")
	require.Contains(t, i.Ops[driver.OpPayment].Why, "argument 1 of standin_addpayment is called PatientId, and the profile says GuarantorId")
	require.Contains(t, i.Ops[driver.OpPayment].Why, "argument 5 of standin_addpayment has room for 4 characters, and the key has 16")
	require.Contains(t, i.Ops[driver.OpDocument].Why, "argument 4 of standin_adddocument has room for 80 characters, and the title (title_chars) has 81")
	require.Contains(t, i.Ops[driver.OpRefund].Why, "of standin_addadjustment has room for 255 characters, and the text (max_chars) has 256")
	require.True(t, i.Ops[driver.OpStatus].Supported)
	_, err := driver.Write(t.Context(), conn, note(o.patient("Ada", "Quill", 0), "N"))
	require.ErrorIs(t, err, driver.ReasonUnsupported)
}

func TestAProfileThatCannotBeComparedIsOffUnlessTheHostTrustsIt(t *testing.T) {
	t.Parallel()
	o := openOffice(t, time.UTC, time.Now())
	require.NoError(t, o.Revoke(t.Context(), "sysproccolumns"))
	i := info(t, o.connect(driver.Env{}))
	require.False(t, i.Ops[driver.OpPayment].Supported)
	require.Contains(t, i.Ops[driver.OpPayment].Why, "trust_profile")

	cfg := o.config(dentrixtest.Profile())
	cfg.TrustProfile = true
	k, err := dentrix.NewConnector(cfg)
	require.NoError(t, err)
	conn, err := k.Connect(t.Context(), driver.Env{})
	require.NoError(t, err)
	i = info(t, conn)
	require.True(t, i.Ops[driver.OpPayment].Supported)
	require.Contains(t, strings.Join(i.Notes, "\n"), "the profile is used unchecked")
	require.NoError(t, conn.Close())
}

func TestWithoutAProfileNothingIsWrittenAndInfoSaysWhy(t *testing.T) {
	t.Parallel()
	o := openOffice(t, time.UTC, time.Now())
	conn := o.connectWith(driver.Env{}, nil)
	for kind, op := range info(t, conn).Ops {
		require.False(t, op.Supported)
		require.Contains(t, op.Why, "the connection settings (profile) name none for this", kind)
	}
	patient := o.patient("Ada", "Quill", 0)
	for _, op := range o.ops(patient, o.visit(patient, time.Now(), 1)) {
		_, err := driver.Write(t.Context(), conn, op)
		require.ErrorIs(t, err, driver.ReasonUnsupported)
		verdict, _, err := driver.Verify(t.Context(), conn, op)
		require.ErrorIs(t, err, driver.ReasonUnsupported)
		require.Equal(t, driver.VerdictUnknown, verdict)
	}
}

// Which options an office has is not certain: one is enough.
func TestAnOfficeWithoutADataVersionIsServed(t *testing.T) {
	t.Parallel()
	o := openOffice(t, time.UTC, time.Now())
	require.NoError(t, o.Exec(t.Context(), "DELETE FROM admin.options WHERE optionkey<>'v_provider'"))
	conn := o.connect(driver.Env{})
	i := info(t, conn)
	require.Empty(t, i.Version)
	require.True(t, i.Feeds[driver.AppointmentFeed].Changes)
	_, err := driver.ReadChanges(t.Context(), conn, driver.ChangesQuery{Feed: driver.AppointmentFeed})
	require.NoError(t, err)
	_, err = driver.Write(t.Context(), conn, payment(o.patient("Ada", "Quill", 0), "P"))
	require.NoError(t, err)
	require.NoError(t, o.Exec(t.Context(), "DELETE FROM admin.options"))
	require.ErrorIs(t, conn.Ping(t.Context()), driver.ReasonNotThisPMS)
}

func TestASiteIsRefused(t *testing.T) {
	t.Parallel()
	o := openOffice(t, time.UTC, time.Now())
	k, err := dentrix.NewConnector(o.config(nil))
	require.NoError(t, err)
	_, err = k.Connect(t.Context(), driver.Env{Site: "2"})
	require.ErrorContains(t, err, "leave the site empty")
}

// A host may give its own pool, which stays its own.
func TestAPoolOfTheHostsServesAndStaysOpen(t *testing.T) {
	t.Parallel()
	o := openOffice(t, time.UTC, time.Now())
	pool := sqlx.NewDb(odbctest.Open(t, o.connection()), odbctest.DriverName)
	k, err := dentrix.NewConnector(dentrix.Config{DB: pool, Profile: got(dentrix.ParseProfile(dentrixtest.Profile()))(o)})
	require.NoError(t, err)
	conn, err := k.Connect(t.Context(), driver.Env{})
	require.NoError(t, err)
	receipt, err := driver.Write(t.Context(), conn, payment(o.patient("Ada", "Quill", 0), "P"))
	require.NoError(t, err)
	require.NotEmpty(t, receipt.ID)
	require.NoError(t, conn.Close())
	var n int
	require.NoError(t, pool.QueryRow("SELECT COUNT(*) FROM admin.v_payment_types").Scan(&n))
	require.Equal(t, 4, n)
}
