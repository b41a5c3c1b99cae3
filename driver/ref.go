package driver

import "strings"

// ValidRef reports whether a text has the form of a [Header].Ref: RefLen characters
// of A-Z and 2-7. A driver refuses any other with ReasonInvalid: it could not be
// found again.
func ValidRef(ref string) bool {
	return len(ref) == RefLen && !strings.ContainsFunc(ref, func(r rune) bool {
		return (r < 'A' || r > 'Z') && (r < '2' || r > '7')
	})
}

// Verb says what Write does with an operation of this kind, in the words that a
// driver's errors have as their Op: "write note". Empty and unknown kinds are
// "write".
func (k OpKind) Verb() string {
	switch k {
	case OpNote:
		return "write note"
	case OpDocument:
		return "file document"
	case OpStatus:
		return "set status"
	case OpPayment:
		return "post payment"
	case OpRefund:
		return "post refund"
	case OpAdjustment:
		return "post adjustment"
	}
	return "write"
}
