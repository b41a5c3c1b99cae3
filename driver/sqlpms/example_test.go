package sqlpms_test

import (
	"context"
	"fmt"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
)

// A driver for one more PMS: its engine's dialect, a read by key that stops early,
// and a note that is written once. The host links the SQL driver that it names,
// such as github.com/alexbrainman/odbc.
func Example() {
	acme := sqlpms.Dialect{
		Name: "Acme SQL",
		Ping: "SELECT one FROM acme.dual",
		Classify: func(d sqlpms.Diagnosis) sqlpms.Fault {
			if d.Native == 50017 { // raised by the PMS, from its documentation
				return sqlpms.Fault{Class: sqlpms.ClassOther, Kind: driver.ErrRejected, Reason: driver.ReasonPatientArchived, Words: "the patient is archived"}
			}
			return sqlpms.Fault{} // by its SQLSTATE
		},
	}
	open := func(dsn driver.Secret, signature driver.Secret) (*sqlpms.DB, error) {
		return sqlpms.Open(sqlpms.Config{Name: "acme", SQLDriver: "odbc", DSN: dsn, Init: []driver.Secret{signature}, Dialect: acme})
	}
	patients := func(ctx context.Context, db *sqlpms.DB, after string, want int) (found []driver.Patient, err error) {
		err = db.Each(ctx, "read patients", sqlpms.SQL("SELECT id, last_name, born FROM acme.patient WHERE id > ? ORDER BY id", after),
			func(r *sqlpms.Row) (bool, error) {
				found = append(found, driver.Patient{ID: r.ID("id"), LastName: r.Secret("last_name"), BirthDate: r.BirthDate("born")})
				return len(found) < want, nil
			})
		return found, err
	}
	find := func(n *driver.Note) func(context.Context, *sqlpms.Tx) (driver.Receipt, bool, error) {
		return func(ctx context.Context, tx *sqlpms.Tx) (r driver.Receipt, ok bool, err error) {
			err = tx.Each(ctx, sqlpms.SQL("SELECT id FROM acme.note WHERE patient = ? AND ref = ?", n.Patient, n.Ref), func(row *sqlpms.Row) (bool, error) {
				r.ID, ok = row.ID("id"), true
				return false, nil
			})
			return r, ok, err
		}
	}
	write := func(ctx context.Context, db *sqlpms.DB, n *driver.Note) (driver.Receipt, error) {
		body := sqlpms.Field{Name: "Body", Chars: 4000, Repertoire: driver.Windows1252}
		if err := body.Check("acme", "write note", n.Body.Reveal()); err != nil {
			return driver.Receipt{}, err
		}
		return db.Write(ctx, sqlpms.Write{Op: "write note", Find: find(n), Do: func(ctx context.Context, tx *sqlpms.Tx) (driver.Receipt, error) {
			return driver.Receipt{}, tx.ExecOne(ctx, sqlpms.SQL("INSERT INTO acme.note (patient, body, ref) VALUES (?, ?, ?)", n.Patient, n.Body, n.Ref))
		}})
	}
	_, _, _ = open, patients, write

	// A host that has not linked the SQL driver is told so, without I/O.
	_, err := sqlpms.Open(sqlpms.Config{Name: "acme", SQLDriver: "nobody's", DSN: driver.NewSecret("PWD=secret"), Dialect: acme})
	fmt.Println(err)
	// Output: sqlpms: SQLDriver: no driver of this name is registered with database/sql (forgotten import?)
}
