package opendental

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/pmswriteback/pms/driver"
)

// restInsurance is the rest of a note whose day of verification is not set yet.
const restInsurance = "insurance"

// verifiesInsurance reports whether a note also sets the day on which the
// patient's coverage was last verified ("Eligibility Last Verified"). Before Open
// Dental 24.4.17 the API does not tell which day it has for one coverage.
func (c *conn) verifiesInsurance(n *driver.Note) bool {
	return n.Verified && n.About == driver.InsuranceVerificationNote && c.currentVersion().atLeast(sinceInsVerify)
}

// markVerified sets the day and leaves all else as it is: the status and its note
// are staff's. Setting the same day again changes nothing. What the office refuses
// remains undone, the note being there; other failures leave a rest.
func (c *conn) markVerified(ctx context.Context, op string, n *driver.Note, done driver.Receipt) (driver.Receipt, error) {
	done.State = ""
	coverage, err := c.coverageToVerify(ctx, op, n)
	if err == nil && coverage != "" {
		_, err = c.send(ctx, call{op: op, method: http.MethodPut, path: "/insverifies"}, fields{
			"VerifyType": patientEnrollment, "FKey": number(coverage), "DateLastVerified": c.verifiedOn(n),
		})
	}
	if errors.Is(err, driver.ErrUnauthorized) && driver.WriteError(err).Scope == driver.ScopeOperation {
		c.lacks(insuranceSimple)
		return done, nil
	}
	if err != nil && !errors.Is(err, driver.ErrRejected) {
		return driver.Receipt{}, incomplete(op, done, restInsurance, err)
	}
	return done, nil
}

const patientEnrollment = "PatientEnrollment"

func (c *conn) verifiedOn(n *driver.Note) string { return driver.DateOf(n.At.In(c.loc)).String() }

// coverageToVerify is the patient's coverage (PatPlanNum) if there is one only and
// it was last verified on an earlier day; otherwise it is empty.
func (c *conn) coverageToVerify(ctx context.Context, op string, n *driver.Note) (string, error) {
	rows, err := c.all(ctx, listing{op: op, path: "/patplans", query: url.Values{"PatNum": {n.Patient}}, key: "PatPlanNum"})
	if err != nil || len(rows) != 1 || rows[0].id("PatNum") != n.Patient {
		return "", err // several: the note does not say which
	}
	coverage := rows[0].id("PatPlanNum")
	if coverage == "" {
		return "", nil
	}
	known, err := c.get(ctx, call{op: op, path: "/insverifies", query: url.Values{"VerifyType": {patientEnrollment}, "FKey": {coverage}}})
	if err != nil {
		return "", err
	}
	for _, r := range known {
		if r.id("FKey") == coverage && !r.date("DateLastVerified").IsZero() && r.date("DateLastVerified").String() >= c.verifiedOn(n) {
			return "", nil
		}
	}
	return coverage, nil
}

// noteVerified says in a found note's receipt whether the day is still to be set.
func (c *conn) noteVerified(ctx context.Context, name string, n *driver.Note, receipt *driver.Receipt) error {
	if !c.verifiesInsurance(n) || receipt.ID == "" {
		return nil
	}
	coverage, err := c.coverageToVerify(ctx, name, n)
	if err == nil && coverage != "" {
		receipt.State = restInsurance
	}
	if errors.Is(err, driver.ErrRejected) {
		return nil // the note is there all the same
	}
	return err
}
