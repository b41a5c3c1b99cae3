package dentrix_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/dentrix"
	"github.com/pmswriteback/pms/dentrix/dentrixtest"
	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms/odbctest"
	"github.com/pmswriteback/pms/writeback"
	"github.com/pmswriteback/pms/writeback/memstore"
)

// ahead is how far the engine looks, in days.
const ahead = 60

// fill gives an office patients, and appointments in the days ahead.
func (o *office) fill(patients, visits int) {
	o.tb.Helper()
	insert := func(into string, n int, values func(i int) string) {
		for from := 0; from < n; from += 1000 {
			var rows []string
			for i := from; i < min(n, from+1000); i++ {
				rows = append(rows, "("+values(i)+")")
			}
			o.must(o.Exec(context.Background(), "INSERT INTO admin."+into+" VALUES "+strings.Join(rows, ",")))
		}
	}
	insert("standin_patient (patient_id, patient_guid, last_name, first_name, guar_id, home_phone, mobile_phone, email, status, birth_date)", patients, func(i int) string {
		return fmt.Sprintf("%d, UUID(), 'Last%d', 'First%d', %d, '(503) 555-%04d', '(503) 556-%04d', 'p%d@example.test', 1, '%d-%02d-%02d'",
			1000+i, i%3000, i, 1000+i, i%10000, i%10000, i, 1940+i%80, 1+i%12, 1+i%28)
	})
	today := time.Now().In(time.UTC)
	insert("standin_appt (modified_time_stamp, appointment_date, start_hour, start_minute, length, operatory_id, provider_id, patient_id, patient_name, status_id)", visits, func(i int) string {
		return fmt.Sprintf("'2026-01-05 08:00:00', '%s', %d, %d, 60, 'OP-%d', 'DDS1', %d, 'Last, First', %d",
			today.AddDate(0, 0, i%ahead).Format(time.DateOnly), 8+i/ahead%9, i%6*10, 1+i%2, 1000+i%patients, i%7)
	})
	o.must(o.Exec(context.Background(), "INSERT INTO admin.standin_note SELECT '2026-01-05', 2, appointment_id, 'Brings the X-rays of last year' FROM admin.standin_appt"))
}

// benched is an office without a line in between, and a way to connect to it.
func benched(b *testing.B, patients, visits int) (login string, connector driver.Connector) {
	b.Helper()
	odbctest.Need(b)
	server := servers.Borrow(b)
	o, err := dentrixtest.New(b.Context(), server.Root, time.UTC, time.Now())
	require.NoError(b, err)
	(&office{Office: o, tb: b}).fill(patients, visits)
	login = odbctest.Login{Socket: server.Socket, Database: "admin", User: dentrixtest.Member, Password: dentrixtest.Password}.DSN(b)
	connector, err = dentrix.NewConnector(dentrix.Config{Database: dentrix.NewDatabaseDSN(odbctest.DriverName, login)})
	require.NoError(b, err)
	return login, connector
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

func opened(b *testing.B, k driver.Connector) driver.Conn {
	b.Helper()
	conn, err := k.Connect(b.Context(), driver.Env{Location: time.UTC})
	require.NoError(b, err)
	b.Cleanup(func() { _ = conn.Close() })
	return conn
}

// A look at the appointments of 60 days, of which there are 5,000, nothing having
// changed: the rows alone, the driver, and the engine with its comparison; and a poll
// for changes, of which there are none.
func BenchmarkPollOfAppointments(b *testing.B) {
	const visits = 5000
	login, connector := benched(b, 2000, visits)
	today := driver.DateOf(time.Now().UTC()).In(time.UTC)
	q := driver.WindowQuery{Feed: driver.AppointmentFeed, From: today, To: today.AddDate(0, 0, ahead)}

	b.Run("baseline", func(b *testing.B) {
		db := odbctest.Open(b, login)
		call := "call admin.sp_appointments({d '" + q.From.Format(time.DateOnly) + "'}, {d '" + q.To.Format(time.DateOnly) + "'}, NULL)"
		for b.Loop() {
			require.Equal(b, visits, rowsAlone(b, db, call))
		}
	})
	b.Run("driver", func(b *testing.B) {
		conn := opened(b, connector)
		for b.Loop() {
			require.Equal(b, visits, walkThrough(b, conn, q))
		}
	})
	b.Run("engine", func(b *testing.B) {
		read := 0
		eng, err := writeback.New(writeback.Config{
			HostName: "Acme", Store: memstore.New(), Spread: -1, SweepAhead: ahead * 24 * time.Hour,
			Connect:  func(context.Context, string) (driver.Connector, error) { return windowed{connector, &read}, nil },
			Handlers: writeback.Handlers{Appointments: func(context.Context, string, []writeback.AppointmentEvent) error { return nil }},
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
			before := read
			require.NoError(b, p.SyncNow(b.Context(), driver.AppointmentFeed))
			step()
			require.Equal(b, before+visits, read, "one poll is one walk")
		}
	})
	b.Run("changes", func(b *testing.B) {
		conn := opened(b, connector)
		page, err := driver.ReadChanges(b.Context(), conn, driver.ChangesQuery{Feed: driver.AppointmentFeed})
		require.NoError(b, err)
		for b.Loop() {
			page, err = driver.ReadChanges(b.Context(), conn, driver.ChangesQuery{Feed: driver.AppointmentFeed, Cursor: page.Next})
			require.NoError(b, err)
			require.Zero(b, page.Len())
		}
	})
}

// The full pass over the patients, of whom there are 50,000; and a poll for new ones,
// of whom there are none.
func BenchmarkPassOverAllPatients(b *testing.B) {
	const patients = 50000
	login, connector := benched(b, patients, 0)
	b.Run("baseline", func(b *testing.B) {
		db := odbctest.Open(b, login)
		for b.Loop() {
			require.Equal(b, patients, rowsAlone(b, db, "SELECT "+patientColumns+" FROM admin.v_patient WHERE patient_id > ? ORDER BY patient_id", 0))
		}
	})
	b.Run("driver", func(b *testing.B) {
		conn := opened(b, connector)
		for b.Loop() {
			require.Equal(b, patients, walkThrough(b, conn, driver.WindowQuery{Feed: driver.PatientFeed}))
		}
	})
	b.Run("new ones", func(b *testing.B) {
		conn := opened(b, connector)
		page, err := driver.ReadChanges(b.Context(), conn, driver.ChangesQuery{Feed: driver.PatientFeed})
		require.NoError(b, err)
		for b.Loop() {
			page, err = driver.ReadChanges(b.Context(), conn, driver.ChangesQuery{Feed: driver.PatientFeed, Cursor: page.Next})
			require.NoError(b, err)
		}
	})
	b.Run("by phone", func(b *testing.B) {
		conn := opened(b, connector)
		for b.Loop() {
			found, err := driver.FindPatients(b.Context(), conn, driver.PatientQuery{Phone: driver.NewText("503 555 0142")})
			require.NoError(b, err)
			require.Len(b, found, 5)
		}
	})
}

// windowed shows an engine the windows alone, and counts the appointments in them.
type windowed struct {
	driver.Connector
	n *int
}

func (k windowed) Connect(ctx context.Context, env driver.Env) (driver.Conn, error) {
	conn, err := k.Connector.Connect(ctx, env)
	if err != nil {
		return nil, err
	}
	return windowedConn{conn, k.n}, nil
}

type windowedConn struct {
	driver.Conn
	n *int
}

func (c windowedConn) Info(ctx context.Context) (driver.Info, error) {
	info, err := c.Conn.Info(ctx)
	for name, f := range info.Feeds {
		f.Changes = false
		info.Feeds[name] = f
	}
	return info, err
}

func (c windowedConn) ReadCatalog(ctx context.Context, which driver.Catalog) ([]driver.Option, error) {
	return driver.ReadCatalog(ctx, c.Conn, which)
}

func (c windowedConn) ReadWindow(ctx context.Context, q driver.WindowQuery) (driver.Page, error) {
	page, err := driver.ReadWindow(ctx, c.Conn, q)
	*c.n += len(page.Appointments)
	return page, err
}
