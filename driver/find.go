package driver

import "context"

// FindBy names a way to look patients up.
type FindBy string

// The ways to look patients up.
const (
	FindByID        FindBy = "id"
	FindByBirthDate FindBy = "birth_date"
	FindByPhone     FindBy = "phone"
)

// PatientQuery asks for patients. Exactly one field is set.
type PatientQuery struct {
	// ID asks for one patient.
	ID string
	// BirthDate asks for everybody born that day.
	BirthDate BirthDate
	// Phone asks for everybody with that number, written any way.
	Phone Text
}

// By says which field is set; empty when none or several are.
func (q PatientQuery) By() FindBy {
	var by FindBy
	n := 0
	if q.ID != "" {
		by, n = FindByID, n+1
	}
	if !q.BirthDate.IsZero() {
		by, n = FindByBirthDate, n+1
	}
	if !q.Phone.IsEmpty() {
		by, n = FindByPhone, n+1
	}
	if n != 1 {
		return ""
	}
	return by
}

// PatientFinder looks patients up for matching.
type PatientFinder interface {
	// FindPatients returns every patient that fits, in any state but deleted,
	// or an error: "exactly one" can only be decided on a complete list, so a
	// driver that has to stop early fails instead. Nobody is an empty list. A
	// query whose By is empty or unsupported is ErrRejected.
	FindPatients(ctx context.Context, q PatientQuery) ([]Patient, error)
}

// FindPatients asks conn. A connection that is no PatientFinder gives
// ErrRejected with ReasonUnsupported.
func FindPatients(ctx context.Context, conn Conn, q PatientQuery) ([]Patient, error) {
	f, ok := conn.(PatientFinder)
	if !ok {
		return nil, unsupported("find patients")
	}
	return f.FindPatients(ctx, q)
}
