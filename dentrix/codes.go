package dentrix

import (
	"strconv"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// The vendor's API raises codes of 50000 to 59999; what is outside is an error of
// the engine ("Dentrix API Developer Guide" 2.1, Exceptions Reference). What each
// code means for a write is inferred from its text there. No code says that
// something was written.
const (
	firstCode = 50000
	lastCode  = 59999
)

// lockedPause is how long a database that is locked (an update, month-end) is
// left alone.
const lockedPause = time.Minute

// meaning is what a code says of the write that raised it.
type meaning struct {
	kind   driver.Kind
	reason driver.Reason
	pause  time.Duration
}

func refusal(r driver.Reason) meaning { return meaning{kind: driver.ErrRejected, reason: r} }

// documentedCodes are the codes of the Exceptions Reference that these operations
// can meet.
var documentedCodes = map[int]meaning{
	51001: refusal(driver.ReasonPatientNotFound),
	51002: refusal(driver.ReasonPatientArchived), // archived, or a negative number
	51101: refusal(driver.ReasonProviderUnknown),
	51102: refusal(driver.ReasonProviderInactive),
	51103: refusal(driver.ReasonOptionUnfit), // a secondary provider where a primary one is needed
	51501: refusal(driver.ReasonOptionUnknown),
	51502: refusal(driver.ReasonInvalid),
	51601: refusal(driver.ReasonAppointmentMissing),
	51602: refusal(driver.ReasonOptionUnknown),
	51701: {driver.ErrUnavailable, driver.ReasonRecordLocked, lockedPause},
	52005: refusal(driver.ReasonPatientNotFound),
	52300: refusal(driver.ReasonInvalid),
	52303: refusal(driver.ReasonInvalid),
	52304: refusal(driver.ReasonInvalid),
	52305: refusal(driver.ReasonAppointmentClosed), // must be a scheduled appointment
	52306: refusal(driver.ReasonInvalid),
	52308: refusal(driver.ReasonOptionUnknown),
	52309: refusal(driver.ReasonInvalid),
	52312: refusal(driver.ReasonInvalid),
	52317: refusal(driver.ReasonInvalid),
	52318: refusal(driver.ReasonInvalid),
	52319: refusal(driver.ReasonInvalid),
	52320: refusal(driver.ReasonInvalid),
	52324: refusal(driver.ReasonAmountInvalid),
	52325: refusal(driver.ReasonAmountInvalid),
	52326: refusal(driver.ReasonInvalid),
	52331: refusal(driver.ReasonInvalid),
	52332: refusal(driver.ReasonInvalid),
	52450: refusal(driver.ReasonOptionUnknown),
	52453: refusal(driver.ReasonOptionUnknown),
	52900: refusal(driver.ReasonInvalid),
	52901: refusal(driver.ReasonOptionUnknown),
	52903: refusal(driver.ReasonInvalid),
	52904: refusal(driver.ReasonTextRefused), // "malicious string"
	52905: refusal(driver.ReasonInvalid),
	52906: refusal(driver.ReasonInvalid),
	52907: refusal(driver.ReasonInvalid),
	52908: refusal(driver.ReasonInvalid),
	52909: refusal(driver.ReasonInvalid),
	52910: refusal(driver.ReasonInvalid), // a note could not be made
}

// meaningOf finds out what a code means: what the profile says of it, else what
// the vendor documents, else that the API refused. A code that is none of these is
// the engine's, and says nothing about the write. Some drivers give codes a minus
// sign.
func meaningOf(code int, errors map[string]string) (meaning, bool) {
	for _, c := range []int{code, -code} {
		switch means, ok := errors[strconv.Itoa(c)]; {
		case !ok:
		case means == string(driver.ErrUnavailable):
			return meaning{kind: driver.ErrUnavailable, pause: lockedPause}, true
		default:
			return refusal(driver.Reason(means)), true
		}
	}
	if code < 0 {
		code = -code
	}
	if m, ok := documentedCodes[code]; ok {
		return m, true
	}
	if code >= firstCode && code <= lastCode {
		return refusal(driver.ReasonInvalid), true
	}
	return meaning{}, false
}
