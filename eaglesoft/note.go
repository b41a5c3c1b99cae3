package eaglesoft

import (
	"context"
	"strings"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
)

// The fields of a note that say the same in every note written here. They are
// those of the two public accounts of such notes; where these differ, the one that
// explains itself is followed (claim_id -1 is "no claim").
const (
	noteProcedureStatus = "V"
	noteStatus          = "A"
	noClaim             = -1
)

// noteLabels are the note's description, which staff see in the list.
var noteLabels = map[driver.NoteKind]string{
	driver.OutgoingCall:              "Outgoing Call",
	driver.IncomingCall:              "Incoming Call",
	driver.MissedCall:                "Missed Call",
	driver.IncomingCallTranscript:    "Incoming Call Transcript",
	driver.OutgoingCallTranscript:    "Outgoing Call Transcript",
	driver.IncomingCallSummary:       "Incoming Call Summary",
	driver.OutgoingCallSummary:       "Outgoing Call Summary",
	driver.PatientNote:               "Patient Note",
	driver.TaskNote:                  "Task Note",
	driver.OutgoingSMS:               "Outgoing SMS",
	driver.IncomingSMS:               "Incoming SMS",
	driver.OutgoingEmail:             "Outgoing Email",
	driver.IncomingEmail:             "Incoming Email",
	driver.InsuranceVerificationNote: "Insurance Verification",
}

// noteRoom is how many bytes a note may have. The width of a column may count bytes
// or characters; bytes hold for both.
func noteRoom(s *schema) int { return s.width(tNotes, "note", noteWidth) }

func checkNote(op string, s *schema, n *driver.Note) error {
	if len(n.Body.Reveal()) > noteRoom(s) {
		return rejected(op, driver.ReasonTooLarge, "")
	}
	if !sqlpms.Storable(n.Body.Reveal(), driver.Windows1252) {
		return rejected(op, driver.ReasonTextRefused, "the note holds characters that the database cannot store")
	}
	if n.At.IsZero() {
		return rejected(op, driver.ReasonInvalid, "At: missing")
	}
	return nil
}

func (c *conn) writeNote(ctx context.Context, t *tx, op string, s *schema, n *driver.Note) (driver.Receipt, error) {
	p, err := c.person(ctx, t, op, n.Patient)
	if err != nil {
		return driver.Receipt{}, err
	}
	user, err := c.author(ctx, t, op, &n.Header)
	if err != nil {
		return driver.Receipt{}, err
	}
	letter, err := c.noteType(ctx, t, op, n.Type)
	if err != nil {
		return driver.Receipt{}, err
	}
	names := []string{
		"patient_id", "date_entered", "user_id", "note_class", "note_type", "note_type_id", "description", "note", "color",
		"post_proc_status", "modified_by", "locked_eod", "status", "claim_id", "statement_yn", "resp_party_id", "practice_id",
	}
	statement := "INSERT INTO " + c.db.from(tNotes) + " (" + columns("", append(names, "date_modified", "freshness")...) +
		") VALUES (" + marks(len(names)) + ", GETDATE(), GETDATE())"
	label := noteLabels[n.About]
	if label = label[:min(len(label), s.width(tNotes, "description", labelWidth))]; label == "" {
		label = "Note"
	}
	_, err = t.exec(ctx, statement,
		p.id, c.wall(n.At), user, c.cfg.noteClass(), letter, n.Type, label, n.Body.Reveal(), 0,
		noteProcedureStatus, user, 0, noteStatus, noClaim, "N", p.party, c.practice())
	return driver.Receipt{}, err
}

// noteType is the letter that goes with a note type's number.
func (c *conn) noteType(ctx context.Context, t *tx, op, id string) (string, error) {
	n, ok := number(id)
	if !ok {
		return "", rejected(op, driver.ReasonOptionUnknown, "")
	}
	rows, err := t.query(ctx, op, "SELECT "+columns("", "id", "note_type")+" FROM "+c.db.from(tNoteTypes)+` WHERE "id" = ?`, n)
	if err != nil {
		return "", err
	}
	if len(rows) == 0 {
		return "", rejected(op, driver.ReasonOptionUnknown, "")
	}
	return rows[0].text("note_type"), nil
}

// findNote looks for the Ref in the patient's notes around the time that the note
// tells of, and gives the note's id. A note that staff removed is found as well:
// it was written.
func (c *conn) findNote(ctx context.Context, q querier, op string, n *driver.Note) (string, error) {
	plain, padded := idForms(n.Patient, patientWidth)
	rows, err := q.query(ctx, op, "SELECT "+columns("", "note_id", "patient_id", "note")+" FROM "+c.db.from(tNotes)+
		` WHERE "patient_id" IN (?, ?) AND "date_entered" >= ? AND "date_entered" < ? ORDER BY "note_id"`,
		plain, padded, c.wall(n.At.Add(-around)), c.wall(n.At.Add(around)))
	if err != nil {
		return "", err
	}
	for _, r := range rows {
		if r.text("patient_id") == n.Patient && strings.Contains(r.text("note"), n.Ref) {
			return r.text("note_id"), nil
		}
	}
	return "", problem(op, rows)
}
