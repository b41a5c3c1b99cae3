package writeback

import (
	"fmt"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/settings"
)

// A fee that is posted on its own shows as credit where the ledger has no charge
// for it. An offset is an adjustment that follows it as a third leg and raises
// what the patient owes by as much.
//
// Whether there is one is frozen at the submit, like the other legs; its type is
// chosen late, like theirs. It never holds back the money itself: what it needs
// (its type, the PMS's support, access) is asked for when its turn comes, after
// the fee is certain. If that is missing by then, because the field was cleared
// for instance, the rest of the payment is held until it is there again, or until
// a person dismisses the rest.

// payments are the settings by which a payment is planned. No offset is planned
// where the PMS is known not to take adjustments.
func (v view) payments() settings.Payments {
	p := v.settings.Payments
	if v.info != nil && !v.info.Ops[driver.OpAdjustment].Supported {
		p.OffsetFee = settings.Ref{}
	}
	return p
}

func (it *item) newOffset(amount driver.Money) leg {
	l := it.newLeg("offset", amount, false)
	l.Offset = true
	return l
}

// opOf is the operation of one of the item's legs.
func (it *item) opOf(l *leg) driver.OpKind {
	if l != nil && l.Offset {
		return driver.OpAdjustment
	}
	return it.opKind()
}

// nextOp is the operation of the write that would be made next.
func (it *item) nextOp() driver.OpKind { return it.opOf(it.nextLeg()) }

// bindOffset takes from the fee what the offset must share with it. It fails
// while the fee is not certain: nothing is to be offset then.
func (it *item) bindOffset(b *sentOp) error {
	for i := range it.pr.Legs {
		fee := &it.pr.Legs[i]
		if !fee.Fee {
			continue
		}
		if fee.State != legDone || fee.Sent == nil {
			break
		}
		b.Patient, b.PostedOn = fee.Sent.Patient, fee.Sent.PostedOn
		b.Of, b.OfRef = fee.Got.ID, fee.Ref
		return nil
	}
	return fmt.Errorf("writeback: item %s: the fee to be offset is not there", it.ID)
}
