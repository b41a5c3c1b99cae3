package dentrixtest

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/pmswriteback/pms/driver/sqlpms/mariadbtest"
)

//go:embed schema.sql
var schema string

//go:embed procedures.sql
var procedures string

//go:embed seed.sql
var seed string

//go:embed profile.json
var profile []byte

// Profile is the JSON document of a profile that names the stand-in's procedures,
// for the operations note, document, status, payment, refund and adjustment.
func Profile() []byte { return append([]byte(nil), profile...) }

// The member of the developer programme who connects, and that member's password.
const (
	Member   = "dxmember"
	Password = "dx-Secret-71"
)

// RefundType is the adjustment type that is a refund: nothing else tells a refund
// from another adjustment.
const RefundType = 7

// Options are those of a server for an office.
func Options() mariadbtest.Options {
	return mariadbtest.Options{Flags: []string{"--sql-mode=PAD_CHAR_TO_FULL_LENGTH,STRICT_ALL_TABLES"}}
}

// Schemas are those of an office.
func Schemas() []string { return []string{"admin"} }

// Prepare makes an office without patients on an empty server. The connection must
// take several statements at once.
func Prepare(ctx context.Context, db *sql.DB) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("dentrixtest: %w", err)
	}
	defer func() { _ = conn.Close() }()
	for _, text := range []string{schema, procedures, seed} {
		if _, err := conn.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("dentrixtest: prepare: %w", err)
		}
	}
	if _, err := conn.ExecContext(ctx, "USE mysql"); err != nil {
		return fmt.Errorf("dentrixtest: %w", err)
	}
	return grant(ctx, db)
}

// views and readers are what a member may read, and writers what a member of the
// category "write" may call.
var (
	views = []string{
		"options", "v_patient", "v_appt", "v_notes", "v_provider", "v_operatory", "v_appt_status_codes", "v_payment_types", "v_adjustment_types",
		"v_document_types", "v_proclog", "sysprocedures", "sysproccolumns", "systables", "syscolumns", "systabauth",
	}
	readers = []string{"sp_appointments", "sp_getpatientofficejournal", "sp_getaccountpayments", "sp_getpatientadjustments", "standin_getdocuments"}
	writers = []string{
		"standin_addjournal", "standin_setstatus", "standin_addpayment", "standin_addadjustment", "standin_adddocument", "standin_failslate",
		"standin_keepsandfails", "standin_losesthekey",
	}
)

// Restore gives the member the rights and the password of the beginning, where a case
// has changed them.
func Restore(ctx context.Context, db *sql.DB) error {
	var changed bool
	if err := db.QueryRowContext(ctx, "SELECT rights_changed FROM admin.standin_state").Scan(&changed); err != nil {
		return fmt.Errorf("dentrixtest: %w", err)
	}
	if !changed {
		return nil
	}
	return grant(ctx, db)
}

func grant(ctx context.Context, db *sql.DB) error {
	var b strings.Builder
	b.WriteString("ALTER USER dxmember IDENTIFIED BY '" + Password + "';REVOKE ALL PRIVILEGES, GRANT OPTION FROM dxmember;")
	for _, v := range views {
		b.WriteString("GRANT SELECT ON admin." + v + " TO dxmember;")
	}
	for _, p := range append(append([]string(nil), readers...), writers...) {
		b.WriteString("GRANT EXECUTE ON PROCEDURE admin." + p + " TO dxmember;")
	}
	b.WriteString("GRANT EXECUTE ON FUNCTION admin.getdate TO dxmember")
	if _, err := db.ExecContext(ctx, b.String()); err != nil {
		return fmt.Errorf("dentrixtest: rights: %w", err)
	}
	return nil
}

// Office is one practice and the people in it. It is safe for concurrent use.
type Office struct {
	db   *sql.DB
	zone *time.Location

	mu  sync.Mutex
	now time.Time
}

// New opens the office on a prepared server, whose clock stands at now in zone.
func New(ctx context.Context, db *sql.DB, zone *time.Location, now time.Time) (*Office, error) {
	if zone == nil {
		return nil, errors.New("dentrixtest: an office needs a zone")
	}
	o := &Office{db: db, zone: zone}
	return o, o.SetNow(ctx, now)
}

// Now is the time in the office.
func (o *Office) Now() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.now
}

// SetNow sets the office's clock, to the second.
func (o *Office) SetNow(ctx context.Context, now time.Time) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.now = now.Truncate(time.Second)
	return o.run(ctx, "UPDATE admin.standin_state SET wall=?", o.wall(o.now))
}

// Lock locks the database, as an update of Dentrix does, or unlocks it.
func (o *Office) Lock(ctx context.Context, locked bool) error {
	return o.run(ctx, "UPDATE admin.standin_state SET locked=?", locked)
}

// CloseMonth closes all days up to and including one for posting.
func (o *Office) CloseMonth(ctx context.Context, year int, month time.Month, day int) error {
	return o.run(ctx, "UPDATE admin.standin_state SET closed_through=?", fmt.Sprintf("%04d-%02d-%02d", year, month, day))
}

// LockOut ends the member's connections and lets nobody in.
func (o *Office) LockOut(ctx context.Context) error {
	if err := o.rights(ctx, "ALTER USER dxmember IDENTIFIED BY 'another'"); err != nil {
		return err
	}
	rows, err := o.db.QueryContext(ctx, "SELECT ID FROM information_schema.PROCESSLIST WHERE USER LIKE 'dxmember%'")
	if err != nil {
		return fmt.Errorf("dentrixtest: %w", err)
	}
	var ids []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return fmt.Errorf("dentrixtest: %w", err)
		}
		ids = append(ids, id)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return fmt.Errorf("dentrixtest: %w", err)
	}
	for _, id := range ids {
		_ = o.run(ctx, fmt.Sprintf("KILL %d", id)) // it may have ended by itself
	}
	return nil
}

// LetIn undoes LockOut.
func (o *Office) LetIn(ctx context.Context) error {
	return o.run(ctx, "ALTER USER dxmember IDENTIFIED BY '"+Password+"'")
}

// Revoke takes the right to call a procedure or to read a view, and Grant gives it
// back.
func (o *Office) Revoke(ctx context.Context, object string) error {
	return o.rights(ctx, "REVOKE "+right(object)+" FROM dxmember")
}

// Grant gives back what Revoke took.
func (o *Office) Grant(ctx context.Context, object string) error {
	return o.run(ctx, "GRANT "+right(object)+" TO dxmember")
}

// rights runs a statement that changes the member's rights.
func (o *Office) rights(ctx context.Context, statement string) error {
	if err := o.run(ctx, "UPDATE admin.standin_state SET rights_changed=1"); err != nil {
		return err
	}
	return o.run(ctx, statement)
}

func right(object string) string {
	for _, v := range views {
		if v == object {
			return "SELECT ON admin." + object
		}
	}
	return "EXECUTE ON PROCEDURE admin." + object
}

// Exec runs any statement in the office's tables, for what has no method.
func (o *Office) Exec(ctx context.Context, statement string, args ...any) error {
	return o.run(ctx, statement, args...)
}

func (o *Office) run(ctx context.Context, statement string, args ...any) error {
	if _, err := o.db.ExecContext(ctx, statement, args...); err != nil {
		return fmt.Errorf("dentrixtest: %w", err)
	}
	return nil
}

// add runs an INSERT and returns the number that the row got.
func (o *Office) add(ctx context.Context, statement string, args ...any) (int, error) {
	res, err := o.db.ExecContext(ctx, statement, args...)
	if err != nil {
		return 0, fmt.Errorf("dentrixtest: %w", err)
	}
	id, err := res.LastInsertId()
	return int(id), err
}

// change runs an UPDATE or DELETE that must find one row.
func (o *Office) change(ctx context.Context, statement string, args ...any) error {
	res, err := o.db.ExecContext(ctx, statement, args...)
	if err != nil {
		return fmt.Errorf("dentrixtest: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n > 1 {
		return fmt.Errorf("dentrixtest: %d rows were changed, want one (%w)", n, err)
	}
	return nil
}

// wall is a moment as the office's clock shows it.
func (o *Office) wall(t time.Time) string { return t.In(o.zone).Format(time.DateTime) }

// stamp is what a row changed now gets.
func (o *Office) stamp() string {
	return o.wall(o.Now())
}
