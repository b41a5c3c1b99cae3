package dentrixtest

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Patient is a new patient.
type Patient struct {
	First, Last string
	// Born is "2006-01-02", or empty for nobody knows.
	Born string
	// Phone is stored as the mobile phone, as it stands.
	Phone, Email string
	// Guarantor is the patient whose account it is; zero is the patient's own.
	Guarantor int
}

// AddPatient stores a patient.
func (o *Office) AddPatient(ctx context.Context, p Patient) (int, error) {
	var guid string
	if err := o.db.QueryRowContext(ctx, "SELECT UUID()").Scan(&guid); err != nil {
		return 0, fmt.Errorf("dentrixtest: %w", err)
	}
	id, err := o.add(ctx, "INSERT INTO admin.standin_patient (patient_guid, last_name, first_name, birth_date, mobile_phone, email, status, gender, pri_provider_id)"+
		" VALUES (?, ?, ?, ?, ?, ?, 1, 2, 'DDS1')", guid, p.Last, p.First, null(p.Born), null(p.Phone), null(p.Email))
	if err != nil {
		return 0, err
	}
	guarantor := p.Guarantor
	if guarantor == 0 {
		guarantor = id
	}
	return id, o.change(ctx, "UPDATE admin.standin_patient p JOIN admin.standin_patient g ON g.patient_id=? SET p.guar_id=g.patient_id, p.guar_guid=g.patient_guid"+
		" WHERE p.patient_id=?", guarantor, id)
}

// ArchivePatient archives a patient.
func (o *Office) ArchivePatient(ctx context.Context, id int) error {
	return o.change(ctx, "UPDATE admin.standin_patient SET status=4 WHERE patient_id=?", id)
}

// DeletePatient deletes a patient without records.
func (o *Office) DeletePatient(ctx context.Context, id int) error {
	return o.change(ctx, "DELETE FROM admin.standin_patient WHERE patient_id=?", id)
}

// Appointment is a new appointment.
type Appointment struct {
	// Patient is zero for a new patient who is not in the list yet.
	Patient  int
	Provider string
	// Start is zero for an appointment without a date.
	Start    time.Time
	Duration time.Duration
	// Status is a number of v_appt_status_codes, or zero.
	Status int
	Note   string
}

// AddAppointment stores an appointment.
func (o *Office) AddAppointment(ctx context.Context, a Appointment) (int, error) {
	date, hour, minute := o.place(a.Start)
	id, err := o.add(ctx, "INSERT INTO admin.standin_appt (modified_time_stamp, appointment_date, start_hour, start_minute, length, operatory_id, provider_id,"+
		" patient_id, patient_name, patient_guid, status_id, create_date)"+
		" SELECT ?, ?, ?, ?, ?, 'OP-1', ?, p.id, CONCAT(x.last_name, ', ', x.first_name), x.patient_guid, ?, ?"+
		" FROM (SELECT ? AS id) p LEFT JOIN admin.standin_patient x ON x.patient_id=p.id",
		o.stamp(), date, hour, minute, int(a.Duration.Minutes()), null(a.Provider), int8(a.Status), o.stamp()[:10], a.Patient)
	if err != nil || a.Note == "" {
		return id, err
	}
	return id, o.NoteAppointment(ctx, id, a.Note)
}

// place is a start as the columns hold it.
func (o *Office) place(start time.Time) (date, hour, minute any) {
	if start.IsZero() {
		return nil, nil, nil
	}
	w := start.In(o.zone)
	return w.Format(time.DateOnly), w.Hour(), w.Minute()
}

// MoveAppointment gives an appointment another start; the zero time takes it off
// the schedule.
func (o *Office) MoveAppointment(ctx context.Context, id int, start time.Time) error {
	date, hour, minute := o.place(start)
	return o.change(ctx, "UPDATE admin.standin_appt SET appointment_date=?, start_hour=?, start_minute=?, modified_time_stamp=? WHERE appointment_id=?",
		date, hour, minute, o.stamp(), id)
}

// NoteAppointment replaces an appointment's note.
func (o *Office) NoteAppointment(ctx context.Context, id int, note string) error {
	if err := o.run(ctx, "REPLACE INTO admin.standin_note VALUES (?, 2, ?, ?)", o.stamp(), id, note); err != nil {
		return err
	}
	return o.change(ctx, "UPDATE admin.standin_appt SET modified_time_stamp=? WHERE appointment_id=?", o.stamp(), id)
}

// SetStatus sets an appointment's status, 0 to 10.
func (o *Office) SetStatus(ctx context.Context, id, status int) error {
	return o.change(ctx, "UPDATE admin.standin_appt SET status_id=?, modified_time_stamp=? WHERE appointment_id=?", int8(status), o.stamp(), id)
}

// CompleteAppointment sets an appointment complete.
func (o *Office) CompleteAppointment(ctx context.Context, id int) error {
	return o.SetStatus(ctx, id, 150)
}

// BreakAppointment breaks an appointment.
func (o *Office) BreakAppointment(ctx context.Context, id int) error {
	return o.change(ctx, "UPDATE admin.standin_appt SET status_id=100, broken=1, broken_date=?, modified_time_stamp=? WHERE appointment_id=?",
		o.stamp()[:10], o.stamp(), id)
}

// DeleteAppointment deletes an appointment.
func (o *Office) DeleteAppointment(ctx context.Context, id int) error {
	return o.change(ctx, "DELETE FROM admin.standin_appt WHERE appointment_id=?", id)
}

// List is one of the office's lists of options.
type List string

// The lists.
const (
	Statuses        List = "status"
	PaymentTypes    List = "paytype"
	AdjustmentTypes List = "adjtype"
	DocumentTypes   List = "doctype"
	Providers       List = "provider"
)

// text and key are a list's columns.
func (l List) columns() (key, text string) {
	switch l {
	case Statuses:
		return "defid", "descript"
	case DocumentTypes:
		return "dc_doctype_id", "doctype_desc"
	case Providers:
		return "provider_id", "last_name"
	}
	return "def_id", "descript"
}

// AddOption adds an option to a list and returns its id.
func (o *Office) AddOption(ctx context.Context, l List, text string) (string, error) {
	key, column := l.columns()
	var n int
	if l == Providers {
		if err := o.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM admin.standin_provider").Scan(&n); err != nil {
			return "", fmt.Errorf("dentrixtest: %w", err)
		}
		id := fmt.Sprintf("N%03d", n)
		return id, o.run(ctx, "INSERT INTO admin.standin_provider (provider_id, last_name, issecondaryprovider, isnonperson, inactive) VALUES (?, ?, 0, 0, 0)", id, text)
	}
	if err := o.db.QueryRowContext(ctx, "SELECT MAX("+key+")+1 FROM admin.standin_"+string(l)).Scan(&n); err != nil {
		return "", fmt.Errorf("dentrixtest: %w", err)
	}
	extra, value := "", ""
	if l == PaymentTypes || l == AdjustmentTypes {
		extra, value = ", modified_time_stamp", ", '"+o.stamp()+"'"
	}
	return fmt.Sprint(n), o.run(ctx, "INSERT INTO admin.standin_"+string(l)+" ("+key+", "+column+extra+") VALUES (?, ?"+value+")", n, text)
}

// RenameOption gives an option another text.
func (o *Office) RenameOption(ctx context.Context, l List, id, text string) error {
	key, column := l.columns()
	return o.change(ctx, "UPDATE admin.standin_"+string(l)+" SET "+column+"=? WHERE "+key+"=?", text, id)
}

// HideOption makes a provider inactive, and takes the text of any other option:
// definitions cannot be deactivated.
func (o *Office) HideOption(ctx context.Context, l List, id string) error {
	if l == Providers {
		return o.change(ctx, "UPDATE admin.standin_provider SET inactive=1 WHERE provider_id=?", id)
	}
	return o.RenameOption(ctx, l, id, "")
}

// WriteNote makes an Office Journal entry.
func (o *Office) WriteNote(ctx context.Context, patient int, text string) error {
	title, _, _ := strings.Cut(text, "\n")
	return o.run(ctx, "INSERT INTO admin.standin_journal (patient_id, contact_date, contact_time, provider_id, contact_type, contact_description, contact_note)"+
		" VALUES (?, ?, ?, 'DDS1', 3, ?, ?)", patient, o.stamp()[:10], o.stamp()[11:], title[:min(len(title), 80)], text)
}

// EditNote replaces the text of an Office Journal entry.
func (o *Office) EditNote(ctx context.Context, id, text string) error {
	return o.change(ctx, "UPDATE admin.standin_journal SET contact_note=? WHERE contact_id=?", text, id)
}

// FileDocument files a document.
func (o *Office) FileDocument(ctx context.Context, patient int, title string, content []byte) error {
	return o.run(ctx, "INSERT INTO admin.standin_document (patient_id, dc_doctype_id, docdate, title, extension, content) VALUES (?, 1, ?, ?, '.pdf', ?)",
		patient, o.stamp()[:10], title, content)
}

// RenameDocument gives a document another title.
func (o *Office) RenameDocument(ctx context.Context, id, title string) error {
	return o.change(ctx, "UPDATE admin.standin_document SET title=? WHERE docid=?", title, id)
}

// PostPayment posts a payment of cents more than zero, today.
func (o *Office) PostPayment(ctx context.Context, patient int, cents int64, memo string) error {
	return o.post(ctx, patient, 1, 1, -cents, memo)
}

// PostAdjustment posts an adjustment of a type, today. More than zero raises what is
// owed.
func (o *Office) PostAdjustment(ctx context.Context, patient, typ int, cents int64, memo string) error {
	return o.post(ctx, patient, 2, typ, cents, memo)
}

func (o *Office) post(ctx context.Context, patient, class, typ int, cents int64, memo string) error {
	return o.change(ctx, "INSERT INTO admin.standin_proclog (automodifiedtimestamp, patid, guarid, chartstatus, procdate, entrydate, proccodeid, proclogclass,"+
		" proclogorder, provid, amt, notetext) SELECT ?, guar_id, guar_id, 90, ?, ?, patient_id, ?, ?, 'DDS1', ?, ? FROM admin.standin_patient WHERE patient_id=?",
		o.stamp(), o.stamp()[:10], o.stamp()[:10], class, int8(typ), fmt.Sprintf("%.2f", float64(cents)/100), memo, patient)
}

// null is nil for the empty text.
func null(s string) any {
	if s == "" {
		return nil
	}
	return s
}
