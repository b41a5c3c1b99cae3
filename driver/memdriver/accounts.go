package memdriver

import (
	"slices"

	"github.com/pmswriteback/pms/driver"
)

// accounts are what patients owe and how they are insured, as far as a driver
// writes to it.
type accounts struct {
	charges   map[string]string // by charge: the patient
	coverages map[string]int    // by patient
	verified  map[string]driver.Date
}

func newAccounts() accounts {
	return accounts{charges: map[string]string{}, coverages: map[string]int{}, verified: map[string]driver.Date{}}
}

// AddCharge completes a procedure of a patient and returns the charge's id. Nothing
// in this PMS tells whether it is paid but [Payment].Charges.
func (p *PMS) AddCharge(patient string) string {
	defer p.lock()()
	id := p.newID("charge")
	p.accounts.charges[id] = patient
	return id
}

// AddCoverage insures a patient once more.
func (p *PMS) AddCoverage(patient string) {
	defer p.lock()()
	p.accounts.coverages[patient]++
}

// InsuranceVerified is the day, in the practice's zone, on which the patient's
// coverage was last verified; zero for never.
func (p *PMS) InsuranceVerified(patient string) driver.Date {
	defer p.lock()()
	return p.accounts.verified[patient]
}

// payable are the charges that a payment pays as they are given: nil leaves all of
// it to the PMS.
func (p *PMS) payable(w *write, m *driver.Payment, info driver.OpInfo) []driver.Charge {
	if !info.Charges || len(m.Charges) == 0 {
		return nil
	}
	defer p.lock()()
	left := m.Amount.Minor
	for _, c := range m.Charges {
		if p.accounts.charges[c.ID] != w.row.Patient || c.Amount.Minor <= 0 || c.Amount.Minor > left {
			return nil
		}
		left -= c.Amount.Minor
	}
	if left != 0 {
		return nil
	}
	return slices.Clone(m.Charges)
}

// verifyCoverage is the second thing that a note about a verification does. Doing
// it again changes nothing. The PMS is locked.
func (p *PMS) verifyCoverage(w *write) {
	a := &p.accounts
	if w.verified.IsZero() || a.coverages[w.row.Patient] != 1 || w.verified.String() <= a.verified[w.row.Patient].String() {
		return
	}
	a.verified[w.row.Patient] = w.verified
}
