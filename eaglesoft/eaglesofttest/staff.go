package eaglesofttest

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/drivertest"
)

// Office is the practice's staff, and what can be seen of its tables. It acts on the
// server as root, past the driver's login and line. It fails its test when it
// cannot act.
type Office struct {
	tb   testing.TB
	db   *sql.DB
	zone *time.Location
	// Files are the documents' files.
	Files *Files
}

// Open gives the staff of a practice that lies in zone. db is a server that
// [Prepare] was called with.
func Open(tb testing.TB, db *sql.DB, zone *time.Location) *Office {
	return &Office{tb: tb, db: db, zone: zone, Files: &Files{}}
}

// Run executes a statement as root, with names qualified by their schema.
func (o *Office) Run(statement string, args ...any) int64 {
	o.tb.Helper()
	res, err := o.db.ExecContext(context.Background(), statement, args...)
	if err != nil {
		o.tb.Fatalf("%s: %v", statement, err)
	}
	id, _ := res.LastInsertId()
	return id
}

// Texts reads the first column of rows, trimmed; NULL is the empty text.
func (o *Office) Texts(query string, args ...any) []string {
	o.tb.Helper()
	var list []string
	o.each(query, func(values []string) { list = append(list, values[0]) }, args...)
	return list
}

// each reads rows as texts, trimmed. It reads what is committed, whatever the
// server's own level is.
func (o *Office) each(query string, take func(values []string), args ...any) {
	o.tb.Helper()
	if err := o.read(query, take, args...); err != nil {
		o.tb.Fatalf("%s: %v", query, err)
	}
}

func (o *Office) read(query string, take func(values []string), args ...any) error {
	tx, err := o.db.BeginTx(context.Background(), &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	rows, err := tx.QueryContext(context.Background(), query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	for rows.Next() {
		got, into := make([]sql.NullString, len(names)), make([]any, len(names))
		for i := range got {
			into[i] = &got[i]
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		values := make([]string, len(names))
		for i, v := range got {
			values[i] = strings.TrimSpace(v.String)
		}
		take(values)
	}
	return rows.Err()
}

// wall is a moment as the practice's clocks show it.
func (o *Office) wall(t time.Time) string { return t.In(o.zone).Format("2006-01-02 15:04:05.000") }

// SetClock stops the server's clock at a moment. The zero time lets it go.
func (o *Office) SetClock(t time.Time) {
	if t.IsZero() {
		o.Run("UPDATE standin.clock SET wall=NULL")
		return
	}
	o.Run("UPDATE standin.clock SET wall=?", o.wall(t))
}

// today is the date by the server's clock.
func (o *Office) today() string { return o.Texts("SELECT DATE(PPM.GETDATE())")[0] }

// AddPatient stores an active patient and returns the id, of four characters in a
// column of five.
func (o *Office) AddPatient(n drivertest.NewPatient) string {
	next := 1001
	if last := o.Texts("SELECT MAX(patient_id) FROM PPM.patient"); last[0] != "" {
		n, err := strconv.Atoi(last[0])
		if err != nil {
			o.tb.Fatalf("a patient has the id %q, which staff do not give", last[0])
		}
		next = max(next, n+1)
	}
	var born any
	if !n.BirthDate.IsZero() {
		born = n.BirthDate.String()
	}
	id := strconv.Itoa(next)
	o.Run("INSERT INTO PPM.patient (patient_id, first_name, last_name, cell_phone, email_address, status, patient_status, responsible_party, birth_date, practice_id, date_entered)"+
		" VALUES (?, ?, ?, ?, ?, 'A', 'Y', ?, ?, ?, ?)", id, n.First, n.Last, n.Phone, n.Email, id, born, Practice, o.today())
	return id
}

// AddAppointment stores a patient's visit and returns its id.
func (o *Office) AddAppointment(n drivertest.NewAppointment) string {
	chair := 1
	if n.Site == OtherPractice {
		chair = 3
	}
	var status any = 0
	if n.Status != "" {
		status = n.Status
	}
	id := o.Run("INSERT INTO PPM.appointment (description, start_time, end_time, patient_id, location_id, classification, appointment_type_id,"+
		" date_appointed, appointment_notes, scheduled_by, modified_by, confirmation_status) VALUES ('Visit', ?, ?, ?, ?, 1, 1, ?, ?, 'WEB', 'WEB', ?)",
		o.wall(n.Start), o.wall(n.Start.Add(n.Duration)), n.Patient, chair, o.today(), n.Note, status)
	if n.Provider != "" {
		o.Run("INSERT INTO PPM.appointment_provider VALUES (?, ?, ?, ?)", id, n.Provider, o.wall(n.Start), o.wall(n.Start.Add(n.Duration)))
	}
	return strconv.FormatInt(id, 10)
}

// move gives an appointment another start and keeps its length.
func (o *Office) move(id string, start time.Time) {
	o.Run("UPDATE PPM.appointment SET end_time=TIMESTAMPADD(MICROSECOND, TIMESTAMPDIFF(MICROSECOND, start_time, end_time), ?), start_time=? WHERE appointment_id=?",
		o.wall(start), o.wall(start), id)
}

// Staff are the hands for package drivertest.
func (o *Office) Staff() drivertest.Staff {
	return drivertest.Staff{
		AddPatient:      o.AddPatient,
		AddAppointment:  o.AddAppointment,
		MoveAppointment: o.move,
		NoteAppointment: func(id, note string) {
			o.Run("UPDATE PPM.appointment SET appointment_notes=? WHERE appointment_id=?", note, id)
		},
		SetStatus: func(id, status string) {
			o.Run("UPDATE PPM.appointment SET confirmation_status=? WHERE appointment_id=?", status, id)
		},
		CompleteAppointment: func(id string) {
			o.Run("UPDATE PPM.appointment SET arrival_status=4, walkout_time=PPM.GETDATE() WHERE appointment_id=?", id)
		},
		CancelAppointment: func(id string) {
			o.Run("UPDATE PPM.appointment SET classification=16 WHERE appointment_id=?", id)
		},
		DeleteAppointment: func(id string) {
			o.Run("DELETE FROM PPM.appointment_provider WHERE appointment_id=?", id)
			o.Run("DELETE FROM PPM.appointment WHERE appointment_id=?", id)
		},
		AddOption:    o.addOption,
		RenameOption: o.renameOption,
		HideOption: func(c driver.Catalog, id string) {
			if c != driver.Providers {
				o.tb.Skipf("as far as is known, Eaglesoft keeps no %s that are inactive", c)
			}
			o.Run("UPDATE PPM.provider SET status='I' WHERE provider_id=?", id)
		},
		WriteNote: func(patient, body string) {
			o.Run("INSERT INTO PPM.operatory_notes (patient_id, date_entered, user_id, note_class, note_type, note_type_id, description, note, status, freshness)"+
				" VALUES (?, PPM.GETDATE(), 'WEB', 'T', 'G', 7, 'By hand', ?, 'A', PPM.GETDATE())", patient, body)
		},
		EditNote: func(id, body string) {
			o.Run("UPDATE PPM.operatory_notes SET note=?, date_modified=PPM.GETDATE(), modified_by='WEB' WHERE note_id=?", body, id)
		},
		FileDocument: func(patient, title string, content []byte) {
			id := o.Run("INSERT INTO PPM.document (document_name, document_type, document_creation_date, ref_id, ref_table, document_group_id)"+
				" VALUES (?, 'Adobe Acrobat Document', PPM.GETDATE(), ?, 'patient', 1)", title, patient)
			o.Files.put(patient, strconv.FormatInt(id, 10), content)
		},
		RenameDocument: func(id, title string) {
			o.Run("UPDATE PPM.document SET document_name=?, document_modified_date=PPM.GETDATE() WHERE document_id=?", title, id)
		},
		ViewDocument: func(id string) { // which changes nothing, as far as is known
			if n := len(o.Texts("SELECT document_id FROM PPM.document WHERE document_id=?", id)); n != 1 {
				o.tb.Fatalf("there are %d documents to view, want 1", n)
			}
		},
		PostPayment: func(patient string, amount driver.Money, memo string) {
			tran := o.Run("INSERT INTO PPM.transactions_header (user_id, type, tran_date, resp_party_id, amount, paytype_id, description, impacts, status, aging_date)"+
				" VALUES ('WEB', 'A', ?, ?, ?, 1, ?, 'C', 'A', ?)", o.today(), patient, amount.Neg().Decimal(), memo, o.today())
			o.Run("INSERT INTO PPM.transactions_detail (tran_num, provider_id, patient_id, amount, status, posneg) VALUES (?, 'DR1', ?, ?, 1, 0)",
				tran, patient, amount.Neg().Decimal())
		},
	}
}

// numbers are the catalogs' tables whose keys are numbers.
var numbers = map[driver.Catalog]struct{ table, key string }{
	driver.NoteTypes:       {"operatory_notes_type", "id"},
	driver.DocumentFolders: {"document_group", "group_id"},
	driver.PaymentTypes:    {"paytype", "paytype_id"},
}

func (o *Office) addOption(c driver.Catalog, label string) string {
	if c == driver.Providers {
		id := fmt.Sprintf("N%d", len(o.Texts("SELECT provider_id FROM PPM.provider")))
		o.Run("INSERT INTO PPM.provider (provider_id, last_name, status, position_id) VALUES (?, ?, 'A', 1)", id, label)
		return id
	}
	t := numbers[c]
	id := o.Texts("SELECT MAX(" + t.key + ")+1 FROM PPM." + t.table)[0]
	o.Run("INSERT INTO PPM."+t.table+" ("+t.key+", description) VALUES (?, ?)", id, label)
	switch c {
	case driver.DocumentFolders:
		o.Run("UPDATE PPM.document_group SET type='I' WHERE group_id=?", id)
	case driver.NoteTypes:
		o.Run("UPDATE PPM.operatory_notes_type SET note_type='G' WHERE id=?", id)
	case driver.PaymentTypes:
		o.Run("UPDATE PPM.paytype SET sequence=? WHERE paytype_id=?", id, id)
	}
	return id
}

func (o *Office) renameOption(c driver.Catalog, id, label string) {
	if c == driver.Providers {
		o.Run("UPDATE PPM.provider SET first_name=NULL, last_name=? WHERE provider_id=?", label, id)
		return
	}
	t := numbers[c]
	o.Run("UPDATE PPM."+t.table+" SET description=? WHERE "+t.key+"=?", label, id)
}

// Files are documents' files in memory. They write what the driver gives them, in
// the place of the vendor's own component. The zero value has none.
type Files struct {
	mu      sync.Mutex
	content map[string][]byte
	// fail is called before a file is written, and its error returned.
	fail func() error
}
