package opendental

import (
	"context"
	"net/url"
	"strconv"

	"github.com/pmswriteback/pms/driver"
)

// witnesses is how many patients are compared at the most. The first one who is
// the same proves enough.
const witnesses = 3

// compare makes sure that the database and the API are of one office: otherwise
// what is read in one would be written in the other. They have to agree in the
// version, in the practice's title, and in the newest patients: in another office
// a number is another patient's, or nobody's.
//
// A copy of the office's own database does agree, until the office has more
// patients than the copy.
func (j *joined) compare(ctx context.Context, op string) error {
	settings, err := j.identify(ctx, op)
	if err != nil {
		return err
	}
	if v, _ := parseVersion(settings["ProgramVersion"]); v != j.api.currentVersion() {
		// It may have been updated a moment ago.
		if err := j.api.readVersion(ctx, op); err != nil {
			return err
		}
		if v != j.api.currentVersion() {
			return otherOffice(op, "in the preference ProgramVersion")
		}
	}
	title, err := j.api.preference(ctx, op, "PracticeTitle")
	if err != nil {
		return err
	}
	// An API that does not show it proves nothing.
	if title != "" && settings["PracticeTitle"] != "" && folded(title) != folded(settings["PracticeTitle"]) {
		return otherOffice(op, "in the preference PracticeTitle")
	}
	same, err := j.samePatients(ctx, op)
	if err == nil && same == nil {
		same, err = j.samePatients(ctx, op) // one may have been edited in between
	}
	if err != nil {
		return err
	}
	if same == nil {
		return otherOffice(op, "in their patients")
	}
	j.agreed(&witness{settings["PracticeTitle"], same})
	return nil
}

// witness is what the database held when it was seen to be of the API's office:
// the practice's title and a patient, without an id if there was none. As long as
// it still holds them the API need not be asked again.
type witness struct {
	title   string
	patient *driver.Patient
}

func (j *joined) agreed(w *witness) {
	j.state.Lock()
	defer j.state.Unlock()
	j.one, j.witness = true, w
}

// recognise makes sure that the database is the one that it was before.
func (j *joined) recognise(ctx context.Context, op string, w *witness) (bool, error) {
	if w == nil || w.patient.ID == "" {
		return false, nil
	}
	settings, err := j.identify(ctx, op)
	if err != nil || settings["PracticeTitle"] != w.title {
		return false, err
	}
	s, err := j.schema(ctx, op)
	if err != nil || j.noPatients(s) != "" {
		return false, err
	}
	found, err := j.sqlConn.FindPatients(ctx, driver.PatientQuery{ID: w.patient.ID})
	return err == nil && len(found) == 1 && isSamePerson(found[0], *w.patient), err
}

func otherOffice(op, where string) error {
	return rejected(op, driver.ReasonNotThisPMS, "the API and the database are not of the same office: they differ "+where)
}

// samePatients compares the newest patients, and gives one who is in both; nil
// when none is. Without the right to read patients there is nothing to compare,
// and nothing of a patient that could be mixed up.
func (j *joined) samePatients(ctx context.Context, op string) (*driver.Patient, error) {
	s, err := j.schema(ctx, op)
	if err != nil {
		return nil, err
	}
	if s.lacks("patient") != "" {
		return &driver.Patient{}, nil
	}
	rows, err := j.query(ctx, op, "SELECT "+s.selected("patient")+" FROM patient p WHERE p.PatStatus<>4 ORDER BY p.PatNum DESC LIMIT "+
		strconv.Itoa(witnesses))
	if err != nil {
		return nil, err
	}
	for _, p := range j.patients(rows) {
		there, err := j.api.readPatient(ctx, op, p.ID)
		if err != nil {
			return nil, err
		}
		if there != nil && isSamePerson(p, *there) {
			return &p, nil
		}
	}
	if len(rows) > 0 {
		return nil, nil
	}
	// A database without patients is one that is not restored yet, if the office
	// has any.
	list, err := j.api.page(ctx, listing{op: op, path: "/patients/Simple", query: url.Values{}, key: "PatNum"}, 0, 1)
	if err != nil || len(list) > 0 {
		return nil, err
	}
	return &driver.Patient{}, nil
}

func isSamePerson(a, b driver.Patient) bool {
	return folded(a.LastName.Reveal()) == folded(b.LastName.Reveal()) && folded(a.FirstName.Reveal()) == folded(b.FirstName.Reveal()) &&
		a.BirthDate.Reveal() == b.BirthDate.Reveal()
}
