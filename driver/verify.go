package driver

import "context"

// Verifier finds out whether a write happened whose outcome is unknown.
type Verifier interface {
	// Verify looks for the effect of op, which is given as it was first sent,
	// with Header.FirstSent and LastSent.
	//
	//  1. It changes nothing.
	//  2. VerdictApplied comes with the receipt that Write would have given. When
	//     an idempotent rest remains, the receipt's State is not empty, and the
	//     next Write gets it as Header.Prior.
	//  3. VerdictAbsent is said only when no earlier request can still cause
	//     the effect; until LastSent + OpInfo.VerifyAfter a driver whose PMS may
	//     still be at work says VerdictUnknown.
	//  4. Staff's own, similar record is not taken for ours: the Ref decides,
	//     and content only where the PMS had no room for it.
	//  5. A failure to look is an error of a read, and means VerdictUnknown.
	//  6. A StatusChange is VerdictApplied when the appointment has To, and else
	//     VerdictAbsent once rule 3 allows it, with From as with a third status:
	//     that one is staff's, and sending again meets it and is ErrConflict. A PMS
	//     that keeps a history of statuses may say VerdictApplied by that.
	Verify(ctx context.Context, op Op) (Verdict, Receipt, error)
}

// Verify asks conn. A connection that is no Verifier gives VerdictUnknown and
// ErrRejected with ReasonUnsupported.
func Verify(ctx context.Context, conn Conn, op Op) (Verdict, Receipt, error) {
	v, ok := conn.(Verifier)
	if !ok {
		return VerdictUnknown, Receipt{}, unsupported("verify " + string(op.Kind()))
	}
	return v.Verify(ctx, op)
}
