package opendental

import (
	"context"
	"errors"
	"fmt"

	"github.com/pmswriteback/pms/driver"
)

// When staff merge two patients, all rows of the one go to the other and the one
// is archived. What was written a moment before is then no longer among the rows
// of the patient it was written for, and would be written again, by whoever
// assigns the item to the patient who is left. So that nothing of an archived or
// missing patient is absent until the whole office was searched for its Ref.

// searches are where the Ref of an operation is found whoever the patient is.
var searches = map[driver.OpKind]string{
	driver.OpNote:       "SELECT CommlogNum AS Found FROM commlog WHERE Note LIKE '%%%[1]s%%' ORDER BY CommlogNum",
	driver.OpDocument:   "SELECT DocNum AS Found FROM document WHERE Description LIKE '%%%[1]s%%' ORDER BY DocNum",
	driver.OpPayment:    "SELECT PayNum AS Found FROM payment WHERE PayAmt > 0 AND (CheckNum='%[1]s' OR PayNote LIKE '%%%[1]s%%') ORDER BY PayNum",
	driver.OpRefund:     "SELECT PayNum AS Found FROM payment WHERE PayAmt < 0 AND (CheckNum='%[1]s' OR PayNote LIKE '%%%[1]s%%') ORDER BY PayNum",
	driver.OpAdjustment: "SELECT AdjNum AS Found FROM adjustment WHERE AdjNote LIKE '%%%[1]s%%' ORDER BY AdjNum",
}

// findElsewhere looks for an operation that is not among its patient's rows. It is
// sure that there is none when the patient is still there, or when the office was
// searched, which needs the permission Queries.
func (c *conn) findElsewhere(ctx context.Context, name string, op driver.Op) (receipt driver.Receipt, found, sure bool, err error) {
	search, moves := searches[op.Kind()]
	if !moves {
		return driver.Receipt{}, false, true, nil
	}
	patient, err := c.readPatient(ctx, name, op.Head().Patient)
	if err != nil {
		return driver.Receipt{}, false, false, err
	}
	if patient != nil && patient.State != driver.PatientArchived {
		return driver.Receipt{}, false, true, nil
	}
	// A refund whose second step is missing has the Ref of its payment.
	refs := []string{op.Head().Ref}
	if f, ok := op.(*driver.Refund); ok && driver.ValidRef(f.OfRef) {
		refs = append(refs, f.OfRef)
	}
	for _, ref := range refs {
		rows, err := c.shortQuery(ctx, name, fmt.Sprintf(search, ref))
		if errors.Is(err, driver.ErrUnauthorized) || errors.Is(err, driver.ErrRejected) {
			return driver.Receipt{}, false, false, nil
		}
		if err != nil {
			return driver.Receipt{}, false, false, err
		}
		for _, r := range rows {
			if receipt.ID = r.id("Found"); receipt.ID == "" {
				continue
			}
			if p, ok := op.(*driver.Payment); ok {
				err = c.noteRest(ctx, name, p, &receipt)
			}
			return receipt, true, true, err
		}
	}
	return driver.Receipt{}, false, true, nil
}
