package opendental

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"

	"github.com/pmswriteback/pms/driver"
)

// adjNoteChars is how much of adjustment.AdjNote, a MySQL text column, is used.
const adjNoteChars = 4_000

// writeAdjustment posts an adjustment that raises what the patient owes. AdjNote
// holds the Ref, and names the payment that is offset. A date in the office's
// future is refused by the API (Open Dental API 25.3, Adjustments POST).
func (c *conn) writeAdjustment(ctx context.Context, op string, a *driver.Adjustment) (driver.Receipt, error) {
	switch {
	case a.Prior != nil:
		return driver.Receipt{}, rejected(op, driver.ReasonInvalid, "Prior: an adjustment leaves no rest")
	case a.Amount.Minor <= 0:
		return driver.Receipt{}, rejected(op, driver.ReasonAmountInvalid, "")
	case !a.PostedOn.Valid():
		return driver.Receipt{}, rejected(op, driver.ReasonInvalid, "PostedOn: not a day of the calendar")
	}
	if err := c.checkAdjustmentType(ctx, op, a.Type); err != nil {
		return driver.Receipt{}, err
	}
	body := fields{
		"PatNum":  number(a.Patient),
		"AdjType": number(a.Type),
		"AdjAmt":  json.Number(a.Amount.Decimal()),
		"AdjDate": a.PostedOn.String(),
		// Left out, it would be the day of arrival, by which the charge ages.
		"ProcDate": a.PostedOn.String(),
		"AdjNote":  adjustmentNote(a),
	}
	if a.Provider != "" {
		if err := c.checkProvider(ctx, op, a.Provider); err != nil {
			return driver.Receipt{}, err
		}
		body["ProvNum"] = number(a.Provider)
	}
	if err := c.checkPatient(ctx, op, a.Patient); err != nil {
		return driver.Receipt{}, err
	}
	if err := c.checkPeriod(ctx, op, a.PostedOn); err != nil {
		return driver.Receipt{}, err
	}
	r, err := c.post(ctx, op, "/adjustments", body)
	if err != nil {
		return driver.Receipt{}, c.notYet(op, a.PostedOn, err)
	}
	receipt := c.adjustmentReceipt(r)
	if receipt.ID == "" {
		// It is there, but under which number only Verify can tell.
		return driver.Receipt{}, failure(op, driver.ErrUnknownOutcome, driver.ReasonNone, "posted, but the answer names no adjustment")
	}
	return receipt, nil
}

// adjustmentNote names the payment as well, so that staff find the two together.
func adjustmentNote(a *driver.Adjustment) string {
	tail := a.Ref
	if a.OfRef != "" {
		tail = "Offsets " + a.OfRef + " " + a.Ref
	}
	return withRef(a.Memo.Reveal(), tail, adjNoteChars)
}

func (c *conn) adjustmentReceipt(r row) driver.Receipt {
	return driver.Receipt{ID: r.id("AdjNum"), At: r.wall("SecDateTEdit", c.loc)}
}

// raisesBalance reads the sign of an adjustment type (Open Dental API, ItemValue
// of definitions of category 1): "+", "-", or "dp" for discount plans.
func raisesBalance(r row) bool { return strings.TrimSpace(r.text("ItemValue")) == "+" }

// checkAdjustmentType refuses what checkOption does, and a type whose sign is not
// "+": the API would refuse it too, but says so in words alone.
func (c *conn) checkAdjustmentType(ctx context.Context, op, id string) error {
	if !isID(id) {
		return rejected(op, driver.ReasonOptionUnknown, "")
	}
	rows, err := c.definitions(ctx, op, categories[driver.AdjustmentTypes])
	if err != nil {
		return beforeSending(err)
	}
	for _, r := range rows {
		switch {
		case r.id("DefNum") != id:
		case r.truth("isHidden"):
			return rejected(op, driver.ReasonOptionInactive, "")
		case !raisesBalance(r):
			return rejected(op, driver.ReasonOptionUnfit, "the adjustment type lowers what is owed")
		default:
			return nil
		}
	}
	return rejected(op, driver.ReasonOptionUnknown, "")
}

// findAdjustment looks through all adjustments of the patient: staff may have
// given ours another type, date or amount since.
func (c *conn) findAdjustment(ctx context.Context, name string, a *driver.Adjustment) (receipt driver.Receipt, found, sure bool, err error) {
	rows, sure, err := c.adjustmentsOf(ctx, name, a.Patient)
	if isNobody(err) {
		return driver.Receipt{}, false, true, nil
	}
	if err != nil {
		return driver.Receipt{}, false, false, err
	}
	for _, r := range rows {
		if r.id("PatNum") == a.Patient && strings.Contains(folded(r.text("AdjNote")), a.Ref) {
			return c.adjustmentReceipt(r), true, true, nil
		}
	}
	return driver.Receipt{}, false, sure, nil
}

// adjustmentsOf lists a patient's adjustments. The API sorts them by AdjDate
// alone (Open Dental 24.3 source), so that rows of one day may change places
// between two pages, and one may be missed: what was not read in a single page is
// not sure to be whole.
func (c *conn) adjustmentsOf(ctx context.Context, name, patient string) (rows []row, sure bool, err error) {
	l := listing{op: name, path: "/adjustments", query: url.Values{"PatNum": {patient}}, key: "AdjNum", place: "AdjDate"}
	rows, err = c.page(ctx, l, 0, c.maxPage())
	if err != nil || len(rows) < c.maxPage() && len(rows) != commonPage {
		return rows, true, err
	}
	rows, err = c.all(ctx, l)
	return rows, false, err
}
