package opendental

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// Verify implements [driver.Verifier]. Everything is found by its Ref: in a
// commlog's note, at the end of a document's description, in a payment's check
// number or note, in an adjustment's note. Notes and descriptions may have been
// edited around it, and the patient may have been merged into another one since.
//
// A refund whose second step is missing still has the check number of the
// payment; since a payment can be refunded only once, it counts as the refund.
func (c *conn) Verify(ctx context.Context, op driver.Op) (driver.Verdict, driver.Receipt, error) {
	name := "verify " + string(op.Kind())
	ctx = withTiming(ctx, timing{turn: turnWrite})
	h := op.Head()
	if err := checkHead(name, h); err != nil {
		return driver.VerdictUnknown, driver.Receipt{}, err
	}
	// Before the look: what arrives while it lasts may lie behind it already.
	stillAtWork := c.stillAtWork(op)
	var receipt driver.Receipt
	var found bool
	var err error
	switch op := op.(type) {
	case *driver.Note:
		receipt, found, err = c.findNote(ctx, name, op)
	case *driver.Document:
		receipt, found, err = c.findDocument(ctx, name, op)
	case *driver.StatusChange:
		receipt, found, err = c.findStatus(ctx, name, op)
	case *driver.Payment:
		receipt, found, err = c.findPayment(ctx, name, op)
	case *driver.Refund:
		receipt, found, err = c.findRefund(ctx, name, op)
	case *driver.Adjustment:
		var sure bool
		receipt, found, sure, err = c.findAdjustment(ctx, name, op)
		stillAtWork = stillAtWork || !sure // not seen is not absent then
	default:
		err = rejected(name, driver.ReasonUnsupported, "")
	}
	if err == nil && !found {
		var sure bool
		receipt, found, sure, err = c.findElsewhere(ctx, name, op)
		stillAtWork = stillAtWork || !sure
	}
	switch {
	case err != nil:
		return driver.VerdictUnknown, driver.Receipt{}, err
	case found:
		return driver.VerdictApplied, receipt, nil
	case stillAtWork:
		return driver.VerdictUnknown, driver.Receipt{}, nil
	}
	return driver.VerdictAbsent, driver.Receipt{}, nil
}

// stillAtWork reports whether a request of op may still have its effect: the
// office works on a request for up to a minute, whoever still listens.
func (c *conn) stillAtWork(op driver.Op) bool {
	last := op.Head().LastSent
	if last.IsZero() {
		last = op.Head().FirstSent
	}
	return !last.IsZero() && time.Now().Before(last.Add(c.cfg.verifyAfter(op.Kind())))
}

// clockDoubt is how far the office's clock and zone may be off from the host's
// when rows are asked for by date. More rows cost time, fewer cost money.
const clockDoubt = 48 * time.Hour

// since is a bound, in the office's wall time, before which op was not sent.
func (c *conn) since(op driver.Op) time.Time {
	first := op.Head().FirstSent
	if first.IsZero() {
		return time.Time{}
	}
	return first.In(c.loc).Add(-clockDoubt)
}

// findNote looks among the patient's notes of late, and when it is not there
// among all of them: an office whose clock is wrong by months must not get a note
// twice.
func (c *conn) findNote(ctx context.Context, name string, n *driver.Note) (driver.Receipt, bool, error) {
	query := url.Values{"PatNum": {n.Patient}}
	if since := c.since(n); !since.IsZero() && c.currentVersion().atLeast(sinceCommlogStamp) {
		query.Set("DateTStamp", formatWall(since, c.loc))
	}
	for {
		rows, err := c.all(ctx, listing{op: name, path: "/commlogs", query: query, key: "CommlogNum"})
		if isNobody(err) {
			return driver.Receipt{}, false, nil
		}
		if err != nil {
			return driver.Receipt{}, false, err
		}
		for _, r := range rows {
			if r.id("PatNum") == n.Patient && strings.Contains(folded(r.text("Note")), n.Ref) {
				receipt := c.noteReceipt(r)
				err := c.noteVerified(ctx, name, n, &receipt)
				return receipt, true, err
			}
		}
		if !query.Has("DateTStamp") {
			return driver.Receipt{}, false, nil
		}
		query.Del("DateTStamp")
	}
}

// findDocument looks through the patient's documents, whose descriptions come
// with the date before them. The number may be another one than the upload gave.
func (c *conn) findDocument(ctx context.Context, name string, d *driver.Document) (driver.Receipt, bool, error) {
	rows, err := c.documents(ctx, name, d.Patient)
	if isNobody(err) {
		return driver.Receipt{}, false, nil
	}
	if err != nil {
		return driver.Receipt{}, false, err
	}
	for _, r := range rows {
		if r.id("PatNum") == d.Patient && strings.Contains(folded(r.text("Description")), d.Ref) {
			receipt := c.documentReceipt(r)
			err := c.noteStatement(ctx, name, d, &receipt)
			return receipt, true, err
		}
	}
	return driver.Receipt{}, false, nil
}

// documents lists a patient's documents, whose contents may come with them; one
// document and its overlap always fit.
func (c *conn) documents(ctx context.Context, name, patient string) ([]row, error) {
	return c.all(ctx, listing{
		op: name, path: "/documents", query: url.Values{"PatNum": {patient}},
		key: "DocNum", place: "DateCreated", limit: documentsLimit, skip: "Note",
	})
}

func (c *conn) findStatus(ctx context.Context, name string, s *driver.StatusChange) (driver.Receipt, bool, error) {
	a, err := c.readAppointment(ctx, name, s.Appointment)
	if errors.Is(err, driver.ReasonAppointmentMissing) {
		return driver.Receipt{}, false, nil
	}
	if err != nil || a.Status != s.To {
		return driver.Receipt{}, false, err
	}
	return driver.Receipt{ID: a.ID, At: a.ModifiedAt}, true, nil
}

func (c *conn) findPayment(ctx context.Context, name string, p *driver.Payment) (driver.Receipt, bool, error) {
	rows, err := c.paymentsOf(ctx, name, p.Patient)
	if err != nil {
		return driver.Receipt{}, false, err
	}
	for _, r := range rows {
		// A refund of this payment may carry its Ref as well.
		if r.id("PatNum") == p.Patient && !isNegative(r) && holdsRef(r, p.Ref) {
			receipt := c.paymentReceipt(r)
			err := c.noteRest(ctx, name, p, &receipt)
			return receipt, true, err
		}
	}
	return driver.Receipt{}, false, nil
}

// noteRest says in the receipt whether the charges are still to be paid or the
// provider is still to be recorded: the answer was lost before that step, or it
// failed.
func (c *conn) noteRest(ctx context.Context, name string, p *driver.Payment, receipt *driver.Receipt) error {
	if c.paysCharges(p) && receipt.ID != "" {
		untouched, err := c.unallocated(ctx, name, receipt.ID)
		if err != nil {
			return err
		}
		if untouched {
			receipt.State = restAt(restCharges, p.LastSent)
			return nil
		}
	}
	if p.Provider == "" || receipt.ID == "" {
		return nil
	}
	attributes, err := c.attributes(ctx, name)
	if err != nil || !attributes {
		return err
	}
	open, err := c.splitsToAttribute(ctx, name, receipt.ID, p.Provider)
	if err == nil && len(open) > 0 {
		receipt.State = restProvider
	}
	return err
}

func (c *conn) findRefund(ctx context.Context, name string, f *driver.Refund) (driver.Receipt, bool, error) {
	rows, err := c.paymentsOf(ctx, name, f.Patient)
	if err != nil {
		return driver.Receipt{}, false, err
	}
	for _, r := range rows {
		if isNegative(r) && holdsRef(r, f.Ref) {
			return c.paymentReceipt(r), true, nil
		}
	}
	for _, r := range rows {
		if amount, ok := r.money("PayAmt", f.Amount.Currency); ok && amount == f.Amount.Neg() && isRefundOf(r, f) {
			return c.paymentReceipt(r), true, nil
		}
	}
	return driver.Receipt{}, false, nil
}

// paymentsOf are all payments of a patient, of whatever day: an office whose
// clock is wrong by months must not get a payment twice.
func (c *conn) paymentsOf(ctx context.Context, name, patient string) ([]row, error) {
	rows, err := c.payments(ctx, name, patient)
	if isNobody(err) {
		return nil, nil
	}
	return rows, err
}

// isRefundOf recognises the refund of a payment: the API copies the check number
// and note, which hold the payment's Ref.
func isRefundOf(r row, f *driver.Refund) bool {
	return isNegative(r) && r.id("PatNum") == f.Patient && f.OfRef != "" && holdsRef(r, f.OfRef)
}

func isNegative(r row) bool { return strings.HasPrefix(strings.TrimSpace(r.text("PayAmt")), "-") }

// holdsRef looks in the check number and in the note.
func holdsRef(r row, ref string) bool {
	return strings.TrimSpace(r.text("CheckNum")) == ref || strings.Contains(folded(r.text("PayNote")), ref)
}

// isNobody recognises that the office has no such patient, and so nothing of
// ours for them.
func isNobody(err error) bool { return errors.Is(err, driver.ReasonPatientNotFound) }

// folded makes every run of white space one space: the API gives line breaks as
// spaces.
func folded(s string) string { return strings.Join(strings.Fields(s), " ") }
