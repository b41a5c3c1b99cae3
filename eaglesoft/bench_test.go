package eaglesoft_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms/odbctest"
	"github.com/pmswriteback/pms/eaglesoft"
	"github.com/pmswriteback/pms/eaglesoft/eaglesofttest"
	"github.com/pmswriteback/pms/writeback"
	"github.com/pmswriteback/pms/writeback/memstore"
)

// ahead is how far the engine looks.
const ahead = 60

// fill gives a practice patients, and appointments in the days ahead, as staff would
// have made them by the thousand.
func (o *office) fill(patients, appointments int) {
	o.tb.Helper()
	insert := func(into string, n int, values func(i int) string) {
		for from := 0; from < n; from += 1000 {
			var rows []string
			for i := from; i < min(n, from+1000); i++ {
				rows = append(rows, "("+values(i)+")")
			}
			o.Run("INSERT INTO PPM." + into + " VALUES " + strings.Join(rows, ","))
		}
	}
	insert("patient (patient_id, first_name, last_name, home_phone, cell_phone, email_address, status, patient_status, birth_date, practice_id, date_entered)",
		patients, func(i int) string {
			return fmt.Sprintf("'%d', 'First%d', 'Last%d', '(503) 555-%04d', '(503) 556-%04d', 'p%d@example.test', 'A', 'Y', '%d-%02d-%02d', 1, '2020-01-01'",
				10000+i, i, i%3000, i%10000, i%10000, i, 1940+i%80, 1+i%12, 1+i%28)
		})
	today := time.Now().In(o.zone)
	insert("appointment (description, start_time, end_time, patient_id, location_id, classification, appointment_type_id, appointment_notes, confirmation_status)",
		appointments, func(i int) string {
			day := time.Date(today.Year(), today.Month(), today.Day()+i%ahead, 8+i/ahead%9, i%6*10, 0, 0, time.UTC)
			return fmt.Sprintf("'Visit', '%s', '%s', '%d', %d, 1, 1, 'Brings the X-rays of last year', %d",
				day.Format("2006-01-02 15:04:05"), day.Add(30*time.Minute).Format("2006-01-02 15:04:05"), 10000+i%patients, 1+i%2, i%8)
		})
	if appointments > 0 {
		o.Run("INSERT INTO PPM.appointment_provider (appointment_id, provider_id) SELECT appointment_id, 'DR1' FROM PPM.appointment")
	}
}

// benched is a practice without a line in between, and its connection.
func benched(b *testing.B, patients, appointments int) (*office, eaglesoft.Config) {
	b.Helper()
	o := newOffice(b, time.UTC)
	o.fill(patients, appointments)
	o.name = odbctest.Login{
		Socket: o.lent.Socket, Database: eaglesofttest.Owner, User: eaglesofttest.User, Password: eaglesofttest.Password,
	}.DSN(b)
	return o, o.config()
}

// rowsAlone reads a statement's rows by database/sql and ODBC, and nothing else.
func rowsAlone(b *testing.B, db *sql.DB, statement string, args ...any) int {
	rows, err := db.Query(statement, args...)
	require.NoError(b, err)
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	require.NoError(b, err)
	into := make([]any, len(names))
	for i := range into {
		into[i] = new(any)
	}
	n := 0
	for rows.Next() {
		require.NoError(b, rows.Scan(into...))
		n++
	}
	require.NoError(b, rows.Err())
	return n
}

func walkThrough(b *testing.B, conn driver.Conn, q driver.WindowQuery) int {
	n := 0
	for {
		page, err := driver.ReadWindow(b.Context(), conn, q)
		require.NoError(b, err)
		n += page.Len()
		if !page.More {
			return n
		}
		q.Token = page.Next
	}
}

// A poll of the appointments of 60 days, of which there are 5,000, nothing having
// changed: the rows alone, the driver, and the engine with its comparison.
func BenchmarkPollOfAppointments(b *testing.B) {
	const visits = 5000
	o, cfg := benched(b, 2000, visits)
	today := driver.DateOf(time.Now().UTC()).In(time.UTC)
	q := driver.WindowQuery{Feed: driver.AppointmentFeed, From: today, To: today.AddDate(0, 0, ahead)}

	b.Run("baseline", func(b *testing.B) {
		db := odbctest.Open(b, o.name)
		for b.Loop() {
			n := rowsAlone(b, db, visitText+` WHERE a."start_time" >= ? AND a."start_time" < ? ORDER BY a."start_time", a."appointment_id", p."provider_id"`,
				q.From.Format(time.DateOnly), q.To.Format(time.DateOnly))
			require.Equal(b, visits, n)
		}
	})
	b.Run("driver", func(b *testing.B) {
		conn := openTo(b, cfg)
		for b.Loop() {
			require.Equal(b, visits, walkThrough(b, conn, q))
		}
	})
	b.Run("engine", func(b *testing.B) {
		pages := 0
		eng, err := writeback.New(writeback.Config{
			HostName: "Acme", Store: memstore.New(), Spread: -1, SweepAhead: ahead * 24 * time.Hour,
			Connect: func(context.Context, string) (driver.Connector, error) {
				k, err := eaglesoft.NewConnector(cfg)
				return counting{k, &pages}, err
			},
			Handlers: writeback.Handlers{
				Appointments: func(context.Context, string, []writeback.AppointmentEvent) error { return nil },
			},
		})
		require.NoError(b, err)
		b.Cleanup(func() { require.NoError(b, eng.Close()) })
		p, err := eng.AddPractice(b.Context(), writeback.PracticeConfig{ID: "main-street", Location: time.UTC})
		require.NoError(b, err)
		step := func() {
			_, err := eng.Step(b.Context(), "main-street")
			require.NoError(b, err)
		}
		step() // tells the host of everything
		for b.Loop() {
			before := pages
			require.NoError(b, p.SyncNow(b.Context(), driver.AppointmentFeed))
			step()
			require.Equal(b, before+visits, pages, "one poll is one walk")
		}
	})
}

// The full pass over the patients, of whom there are 50,000.
func BenchmarkPassOverAllPatients(b *testing.B) {
	const patients = 50000
	o, cfg := benched(b, patients, 0)
	b.Run("baseline", func(b *testing.B) {
		db := odbctest.Open(b, o.name)
		for b.Loop() {
			require.Equal(b, patients, rowsAlone(b, db, patientText+` WHERE "patient_id" >= ? ORDER BY "patient_id"`, ""))
		}
	})
	b.Run("driver", func(b *testing.B) {
		conn := openTo(b, cfg)
		for b.Loop() {
			require.Equal(b, patients, walkThrough(b, conn, driver.WindowQuery{Feed: driver.PatientFeed}))
		}
	})
	b.Run("new ones", func(b *testing.B) {
		conn := openTo(b, cfg)
		page, err := driver.ReadChanges(b.Context(), conn, driver.ChangesQuery{Feed: driver.PatientFeed})
		require.NoError(b, err)
		for b.Loop() {
			_, err := driver.ReadChanges(b.Context(), conn, driver.ChangesQuery{Feed: driver.PatientFeed, Cursor: page.Next})
			require.NoError(b, err)
		}
	})
}

func openTo(b *testing.B, cfg eaglesoft.Config) driver.Conn {
	b.Helper()
	k, err := eaglesoft.NewConnector(cfg)
	require.NoError(b, err)
	conn, err := k.Connect(b.Context(), driver.Env{Location: time.UTC})
	require.NoError(b, err)
	b.Cleanup(func() { _ = conn.Close() })
	return conn
}

// counting counts the appointments that an engine reads by windows.
type counting struct {
	driver.Connector
	n *int
}

func (k counting) Connect(ctx context.Context, env driver.Env) (driver.Conn, error) {
	conn, err := k.Connector.Connect(ctx, env)
	if err != nil {
		return nil, err
	}
	return countingConn{conn, k.n}, nil
}

type countingConn struct {
	driver.Conn
	n *int
}

func (c countingConn) ReadCatalog(ctx context.Context, which driver.Catalog) ([]driver.Option, error) {
	return driver.ReadCatalog(ctx, c.Conn, which)
}

func (c countingConn) ReadAppointment(ctx context.Context, id string) (driver.Appointment, error) {
	return driver.ReadAppointment(ctx, c.Conn, id)
}

func (c countingConn) ReadWindow(ctx context.Context, q driver.WindowQuery) (driver.Page, error) {
	page, err := driver.ReadWindow(ctx, c.Conn, q)
	*c.n += len(page.Appointments)
	return page, err
}
