package eaglesoft

import (
	"context"
	"strings"

	"github.com/pmswriteback/pms/driver"
)

// How a patient's payment is recorded, by the one public account of it.
const (
	paymentType    = "A"
	paymentImpacts = "C" // collections
	paymentStatus  = "A"
	detailStatus   = 1
	detailPosNeg   = 0
)

func checkPayment(op string, p *driver.Payment) error {
	switch {
	case p.Amount.Minor <= 0 || p.Amount.Minor > mostCents:
		return rejected(op, driver.ReasonAmountInvalid, "")
	case p.Amount.Currency != "USD" && p.Amount.Currency != "CAD":
		return rejected(op, driver.ReasonAmountInvalid, "the ledger holds dollars")
	case !p.PostedOn.Valid():
		return rejected(op, driver.ReasonInvalid, "PostedOn: missing")
	}
	return nil
}

// mostCents is what numeric(15,2) holds.
const mostCents = 999_999_999_999_999

// writePayment posts a payment that is applied to nothing: header, detail and the
// further row that goes with a header, in one transaction. Balances and counters
// are left alone, because how Eaglesoft keeps them is not public: its own repair
// ("update account") brings them up to date, and staff distribute the payment.
func (c *conn) writePayment(ctx context.Context, t *tx, op string, s *schema, p *driver.Payment) (driver.Receipt, error) {
	who, err := c.person(ctx, t, op, p.Patient)
	if err != nil {
		return driver.Receipt{}, err
	}
	provider, err := c.author(ctx, t, op, &p.Header)
	if err != nil {
		return driver.Receipt{}, err
	}
	n, ok := number(p.Type)
	if !ok {
		return driver.Receipt{}, rejected(op, driver.ReasonOptionUnknown, "")
	}
	rows, err := t.query(ctx, op, "SELECT "+columns("", "paytype_id")+" FROM "+c.db.from(tPayTypes)+` WHERE "paytype_id" = ?`, n)
	if err != nil {
		return driver.Receipt{}, err
	}
	if len(rows) == 0 {
		return driver.Receipt{}, rejected(op, driver.ReasonOptionUnknown, "")
	}
	// Payments are negative in the ledger, in the header and in the detail alike.
	amount, day := p.Amount.Neg().Decimal(), p.PostedOn.String()
	_, err = t.exec(ctx, c.db.insert(tHeader,
		"user_id", "type", "tran_date", "resp_party_id", "amount", "paytype_id", "description", "impacts", "status", "aging_date", "practice_id"),
		provider, paymentType, day, who.party, amount, n,
		withRef(p.Memo.Reveal(), p.Ref, s.width(tHeader, "description", descriptionWidth)),
		paymentImpacts, paymentStatus, day, c.practice())
	if err != nil {
		return driver.Receipt{}, err
	}
	id, err := t.readBack(ctx)
	if err != nil {
		return driver.Receipt{}, err
	}
	_, err = t.exec(ctx, "INSERT INTO "+c.db.from(tDetail)+" ("+columns("",
		"tran_num", "user_id", "provider_id", "collections_go_to", "patient_id", "amount", "provider_practice_id", "patient_practice_id",
		"status", "posneg", "date_entered")+") VALUES ("+marks(10)+", GETDATE())",
		id, provider, provider, provider, who.id, amount, c.practice(), c.practice(), detailStatus, detailPosNeg)
	if err != nil {
		return driver.Receipt{}, err
	}
	if s.lacks(tExtra) == "" {
		if _, err := t.exec(ctx, c.db.insert(tExtra, "tran_num"), id); err != nil {
			return driver.Receipt{}, err
		}
	}
	return receipt(id), nil
}

// daysAround is how far from its posting date a payment is looked for: staff may have
// put it on another day. A whole practice's ledger is read for these days, so that
// there are not more of them.
const daysAround = 7

// findPayment looks for the Ref in the descriptions of what is posted around that
// day. The responsible party may have changed since, and staff may have voided the
// payment: it was posted all the same.
func (c *conn) findPayment(ctx context.Context, q querier, op string, p *driver.Payment) (string, error) {
	rows, err := q.query(ctx, op, "SELECT "+columns("", "tran_num", "description")+" FROM "+c.db.from(tHeader)+
		` WHERE "tran_date" >= ? AND "tran_date" < ? ORDER BY "tran_num"`, addDays(p.PostedOn, -daysAround).String(), addDays(p.PostedOn, daysAround+1).String())
	if err != nil {
		return "", err
	}
	for _, r := range rows {
		if strings.Contains(r.text("description"), p.Ref) {
			return r.text("tran_num"), nil
		}
	}
	return "", problem(op, rows)
}
