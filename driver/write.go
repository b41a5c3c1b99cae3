package driver

import "context"

// Writer writes to the PMS.
type Writer interface {
	// Write carries out one operation.
	//
	//  1. It sends what has an effect once. It never retries inside after the
	//     request may have left the process, and uses no client that would.
	//  2. Success means that the effect is in the PMS. An error's kind says
	//     whether the effect can have happened; what is no *Error counts as
	//     ErrUnknownOutcome, an ended context included.
	//  3. Header.Ref is stored with the effect, so that Verify finds it.
	//  4. With Header.Prior only the idempotent rest is done.
	//  5. A StatusChange is written only when the appointment has From (or
	//     already To). Where the PMS shows at once what was written, it is read back:
	//     one that was accepted and left the appointment as it was is ErrRejected
	//     with ReasonInvalid. As ErrUnknownOutcome it would be found absent, sent
	//     again and ignored again without end, and no person would hear of it. A
	//     third status is staff's, who were quick, and success.
	//  6. An operation that Info does not support is ErrRejected with
	//     ReasonUnsupported, and nothing is sent.
	//  7. The Op is not changed and not kept after Write returns.
	Write(ctx context.Context, op Op) (Receipt, error)
}

// Write asks conn. A connection that is no Writer gives ErrRejected with
// ReasonUnsupported.
func Write(ctx context.Context, conn Conn, op Op) (Receipt, error) {
	w, ok := conn.(Writer)
	if !ok {
		return Receipt{}, unsupported("write " + string(op.Kind()))
	}
	return w.Write(ctx, op)
}
