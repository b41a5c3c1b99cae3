package sqlpms_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
	"github.com/pmswriteback/pms/driver/sqlpms/odbctest"
)

const benchRows = 5000

// benchBed is an office with many notes, and two ways to it over the same ODBC
// stack, without a line between.
func benchBed(b *testing.B) (plain *sql.DB, safe *sqlpms.DB) {
	b.Helper()
	odbctest.Need(b)
	server := office.Borrow(b)
	_, err := server.Root.Exec("INSERT INTO admin.note (patient, body) SELECT '3', CONCAT('Called about visit ', seq) FROM admin.seq_1_to_5000")
	require.NoError(b, err)
	dsn := odbctest.Login{Socket: server.Socket, Database: "admin"}.DSN(b)
	safe, err = sqlpms.Open(sqlpms.Config{Name: "acme", SQLDriver: odbctest.DriverName, Dialect: dialect, DSN: driver.NewSecret(dsn)})
	require.NoError(b, err)
	b.Cleanup(func() { _ = safe.Close() })
	return odbctest.Open(b, dsn), safe
}

// BenchmarkEach tells what reading 5,000 rows safely costs, against database/sql
// over the same ODBC driver.
func BenchmarkEach(b *testing.B) {
	plain, safe := benchBed(b)
	const statement = "SELECT id, patient, body FROM admin.note WHERE patient = ? ORDER BY id"
	b.Run("baseline", func(b *testing.B) {
		for b.Loop() {
			rows, err := plain.Query(statement, "3")
			require.NoError(b, err)
			n := 0
			for rows.Next() {
				var id int64
				var patient, body string
				if err := rows.Scan(&id, &patient, &body); err != nil {
					b.Fatal(err)
				}
				n++
			}
			require.NoError(b, rows.Close())
			require.Equal(b, benchRows, n)
		}
	})
	b.Run("safe", func(b *testing.B) {
		for b.Loop() {
			n := 0
			require.NoError(b, safe.Each(b.Context(), "read", sqlpms.SQL(statement, "3"), func(r *sqlpms.Row) (bool, error) {
				_, _, _ = r.Int("id"), r.ID("patient"), r.Text("body")
				n++
				return true, nil
			}))
			require.Equal(b, benchRows, n)
		}
	})
}

// BenchmarkWrite tells what a guarded write costs (looked for, written, read back,
// committed), against an INSERT and a COMMIT alone.
func BenchmarkWrite(b *testing.B) {
	plain, safe := benchBed(b)
	b.Run("baseline", func(b *testing.B) {
		for b.Loop() {
			tx, err := plain.Begin()
			require.NoError(b, err)
			_, err = tx.Exec("INSERT INTO admin.note (patient, body) VALUES (?, ?)", "4", "x")
			require.NoError(b, err)
			require.NoError(b, tx.Commit())
		}
	})
	b.Run("guarded", func(b *testing.B) {
		for b.Loop() {
			asked := false
			_, err := safe.Write(b.Context(), sqlpms.Write{Op: "write note", Find: func(ctx context.Context, tx *sqlpms.Tx) (r driver.Receipt, ok bool, err error) {
				err = tx.Each(ctx, sqlpms.SQL("SELECT id FROM admin.note WHERE ref = ?", ref), func(*sqlpms.Row) (bool, error) { return false, nil })
				ok, asked = asked, true
				return r, ok, err
			}, Do: func(ctx context.Context, tx *sqlpms.Tx) (driver.Receipt, error) {
				return driver.Receipt{}, tx.ExecOne(ctx, sqlpms.SQL("INSERT INTO admin.note (patient, body) VALUES (?, ?)", "4", "x"))
			}})
			require.NoError(b, err)
		}
	})
}
