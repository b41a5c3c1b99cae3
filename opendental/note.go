package opendental

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/pmswriteback/pms/driver"
)

// noteBytes is the size of commlog.Note, a MySQL text column. Longer texts are
// cut without a word.
const noteBytes = 65_535

// commlogKind is how a note's kind shows in a commlog.
type commlogKind struct{ mode, direction string }

// commlogKinds maps the note kinds to Mode_ and SentOrReceived of Commlogs POST.
var commlogKinds = map[driver.NoteKind]commlogKind{
	driver.OutgoingCall:              {"Phone", "Sent"},
	driver.IncomingCall:              {"Phone", "Received"},
	driver.MissedCall:                {"Phone", "Received"},
	driver.IncomingCallTranscript:    {"Phone", "Received"},
	driver.OutgoingCallTranscript:    {"Phone", "Sent"},
	driver.IncomingCallSummary:       {"Phone", "Received"},
	driver.OutgoingCallSummary:       {"Phone", "Sent"},
	driver.PatientNote:               {"None", "Neither"},
	driver.TaskNote:                  {"None", "Neither"},
	driver.OutgoingSMS:               {"Text", "Sent"},
	driver.IncomingSMS:               {"Text", "Received"},
	driver.OutgoingEmail:             {"Email", "Sent"},
	driver.IncomingEmail:             {"Email", "Received"},
	driver.InsuranceVerificationNote: {"None", "Neither"},
}

func (c *conn) writeNote(ctx context.Context, op string, n *driver.Note) (driver.Receipt, error) {
	kind, known := commlogKinds[n.About]
	text := n.Body.Reveal()
	if n.Prior != nil && isID(n.Prior.ID) && n.Prior.State == restInsurance {
		return c.markVerified(ctx, op, n, *n.Prior)
	}
	switch {
	case n.Prior != nil:
		return driver.Receipt{}, rejected(op, driver.ReasonInvalid, "Prior: names no note with a rest")
	case !known:
		return driver.Receipt{}, rejected(op, driver.ReasonInvalid, "About: not a note kind")
	case len(text) > noteBytes:
		return driver.Receipt{}, rejected(op, driver.ReasonTooLarge, "")
	case !storable(text):
		return driver.Receipt{}, rejected(op, driver.ReasonTextRefused, "Body: holds characters that Open Dental cannot store")
	case !strings.Contains(text, n.Ref):
		return driver.Receipt{}, rejected(op, driver.ReasonInvalid, "Body: must end with Ref")
	case n.At.IsZero():
		return driver.Receipt{}, rejected(op, driver.ReasonInvalid, "At: missing")
	}
	body := fields{
		"PatNum": number(n.Patient),
		"Note":   text,
		// Sent always: left out, it would be the time of arrival.
		"CommDateTime":   formatWall(n.At, c.loc),
		"Mode_":          kind.mode,
		"SentOrReceived": kind.direction,
	}
	if n.Type != "" {
		if err := c.checkOption(ctx, op, driver.NoteTypes, n.Type); err != nil {
			return driver.Receipt{}, err
		}
		body["CommType"] = number(n.Type)
	}
	if err := c.checkPatient(ctx, op, n.Patient); err != nil {
		return driver.Receipt{}, err
	}
	r, err := c.post(ctx, op, "/commlogs", body)
	if err != nil {
		return driver.Receipt{}, err
	}
	receipt := c.noteReceipt(r)
	if receipt.ID == "" && c.currentVersion().atLeast(sinceNoteAnswer) {
		// Not the API's answer: something in between may have given it.
		return driver.Receipt{}, failure(op, driver.ErrUnknownOutcome, driver.ReasonNone, "written, but the answer names no commlog")
	}
	if c.verifiesInsurance(n) {
		return c.markVerified(ctx, op, n, receipt)
	}
	return receipt, nil
}

// noteReceipt has no id before Open Dental 23.3.7, which answers with nothing.
func (c *conn) noteReceipt(r row) driver.Receipt {
	return driver.Receipt{ID: r.id("CommlogNum"), At: r.wall("DateTStamp", c.loc)}
}

// storable reports whether Open Dental's three-byte UTF-8 can hold a text.
func storable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r > 0xFFFF || r == 0 })
}
