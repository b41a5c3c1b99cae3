package writeback

import (
	"context"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"

	"github.com/pmswriteback/pms/driver"
)

// matchOutcome is what a look-up by name and date of birth gave.
type matchOutcome string

const (
	matchPending  matchOutcome = ""
	matchOne      matchOutcome = "matched"
	matchNone     matchOutcome = "none"
	matchMany     matchOutcome = "many"
	matchConflict matchOutcome = "id_conflict"
)

// matchResult goes into an item's progress.
type matchResult struct {
	Result matchOutcome `json:"result,omitempty"`
	// Patient is the PMS's id.
	Patient string `json:"patient,omitempty"`
}

// match decides which of the candidates, who are all that were born that day,
// is meant. It is the only matcher, for all kinds, and it never guesses: twins
// and namesakes are many; swapped names, nicknames and a missing birth date are
// none.
func match(want Patient, candidates []driver.Patient) matchResult {
	if !want.named() {
		return matchResult{Result: matchNone}
	}
	first, last := foldName(want.First.Reveal()), foldName(want.Last.Reveal())
	var found []string
	idSeen := false
	for _, c := range candidates {
		if c.State == driver.PatientArchived {
			continue
		}
		fits := c.BirthDate.Equal(want.Birth) &&
			foldName(c.FirstName.Reveal()) == first && foldName(c.LastName.Reveal()) == last
		if !fits {
			continue
		}
		if c.ID == want.ID {
			idSeen = true
		}
		found = append(found, c.ID)
	}
	switch {
	case want.ID != "" && !idSeen:
		return matchResult{Result: matchConflict}
	case len(found) == 0:
		return matchResult{Result: matchNone}
	case len(found) > 1:
		return matchResult{Result: matchMany}
	}
	return matchResult{Result: matchOne, Patient: found[0]}
}

// foldName makes two spellings of one name equal: case, accents, spaces,
// hyphens, apostrophes, full stops and generation suffixes do not count.
func foldName(s string) string {
	plain, _, err := transform.String(transform.Chain(norm.NFD, runes.Remove(runes.In(unicode.Mn)), norm.NFC), s)
	if err != nil {
		plain = s
	}
	plain = cases.Fold().String(plain)
	words := strings.FieldsFunc(plain, func(r rune) bool {
		return unicode.IsSpace(r) || r == ',' || r == '.'
	})
	for len(words) > 1 {
		switch words[len(words)-1] {
		case "jr", "sr", "ii", "iii", "iv":
			words = words[:len(words)-1]
			continue
		}
		break
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, strings.Join(words, ""))
}

// needsMatch reports whether the item has to be looked up in the PMS before it
// can be decided for good.
func (it *item) needsMatch() bool {
	if it.Kind == KindStatus || it.Kind == KindRefund || it.pr.Match.Result == matchOne {
		return false
	}
	if it.pr.Match.Patient != "" {
		return false
	}
	if it.Kind == KindPayment && it.p.Patient.patient().named() {
		// Even a person's transfer does not overrule an id of somebody else.
		return true
	}
	if it.Kind == KindPayment && !it.pr.Approved {
		return it.p.Patient.patient().named()
	}
	if it.p.Patient.ID != "" || it.near.linked != "" {
		return false
	}
	return it.p.Patient.patient().named()
}

// lookUp asks the PMS and stores the result in the item's progress.
func (it *item) lookUp(ctx context.Context, find func(context.Context, driver.PatientQuery) ([]driver.Patient, error)) error {
	want := it.p.Patient.patient()
	candidates, err := find(ctx, driver.PatientQuery{BirthDate: want.Birth})
	if err != nil {
		return err
	}
	if it.Kind != KindPayment {
		want.ID = "" // only money is checked against an id
	}
	it.pr.Match = match(want, candidates)
	return nil
}

// patientID is the PMS patient to write to, once known.
func (it *item) patientID() string {
	if it.pr.Match.Patient != "" {
		return it.pr.Match.Patient
	}
	if it.p.Patient.ID != "" && (it.Kind != KindPayment || it.pr.Approved) {
		return it.p.Patient.ID
	}
	return it.near.linked
}
