package writeback

import (
	"context"
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
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
	// Candidates are the PMS's ids of patients who may be meant, for a person to
	// choose from, when none was found or several were.
	Candidates []string `json:"candidates,omitempty"`
}

// maxCandidates is as many as a person would look through.
const maxCandidates = 20

// propose adds a candidate, each once.
func (r *matchResult) propose(ids ...string) {
	for _, id := range ids {
		if len(r.Candidates) < maxCandidates && !slices.Contains(r.Candidates, id) {
			r.Candidates = append(r.Candidates, id)
		}
	}
}

// match decides which of the candidates, who are all that were born that day,
// is meant. It is the only matcher, for all kinds, and it never guesses: twins
// of one name and namesakes are many; swapped names, nicknames, middle names in
// one place only and a missing birth date are none.
//
// When an id is given too, it must be that of a patient who fits.
func match(want Patient, candidates []driver.Patient) matchResult {
	first, last := foldName(want.First.Reveal()), foldName(want.Last.Reveal())
	if !want.named() || first == "" || last == "" {
		return matchResult{Result: matchNone}
	}
	var found []string
	idSeen := false
	for i := range candidates {
		c := &candidates[i]
		if c.State == driver.PatientArchived || !c.BirthDate.Equal(want.Birth) || slices.Contains(found, c.ID) {
			continue
		}
		if foldName(c.LastName.Reveal()) != last || foldName(c.FirstName.Reveal()) != first {
			continue
		}
		if c.ID == want.ID {
			idSeen = true
		}
		found = append(found, c.ID)
	}
	var r matchResult
	switch {
	case want.ID != "" && !idSeen:
		r.Result = matchConflict
	case len(found) == 0:
		r.Result = matchNone
	case len(found) > 1:
		r.Result = matchMany
	default:
		return matchResult{Result: matchOne, Patient: found[0]}
	}
	r.propose(found...)
	return r
}

// foldName makes two spellings of one name equal: case, accents, spaces,
// hyphens, apostrophes, full stops and generation suffixes do not count.
//
// Letters that Unicode does not take apart count as what a keyboard without them
// gives: ł as l, ø as o, đ and ð as d, þ as th, æ as ae, œ as oe, ß as ss, ı
// as i. Spellings that stand for an accent do not count as it: "Mueller" is not
// "Müller". A name that is all punctuation folds to nothing and fits nobody.
func foldName(s string) string {
	if plain, ok := foldASCII(s); ok {
		return plain
	}
	return foldUnicode(s)
}

func foldUnicode(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(s) {
		if other, ok := plainLetters[r]; ok {
			b.WriteString(other)
		} else if r < 0x300 || r > 0x36f { // accents of Latin, Greek and Cyrillic
			b.WriteRune(r)
		}
	}
	plain := cases.Fold().String(b.String())
	words := strings.FieldsFunc(plain, func(r rune) bool { return unicode.IsSpace(r) || r == ',' || r == '.' })
	b.Reset()
	for _, word := range words[:len(words)-suffixes(words)] {
		for _, r := range word {
			// Marks of other scripts are vowels. U+02B0 to U+02FF look like
			// letters and serve as apostrophes.
			if (unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r)) && (r < 0x2b0 || r > 0x36f) {
				b.WriteRune(r)
			}
		}
	}
	return norm.NFC.String(b.String())
}

var plainLetters = map[rune]string{
	'ł': "l", 'Ł': "l", 'ø': "o", 'Ø': "o", 'đ': "d", 'Đ': "d", 'ð': "d", 'Ð': "d", 'þ': "th", 'Þ': "th",
	'æ': "ae", 'Æ': "ae", 'œ': "oe", 'Œ': "oe", 'ß': "ss", 'ẞ': "ss", 'ı': "i", 'ħ': "h", 'Ħ': "h", 'ŧ': "t", 'Ŧ': "t", 'ŋ': "n", 'Ŋ': "n",
}

// foldASCII is foldName for what most names are; ok is false for others.
func foldASCII(s string) (plain string, ok bool) {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return "", false
		}
	}
	words := strings.FieldsFunc(s, func(r rune) bool { return r <= ' ' && unicode.IsSpace(r) || r == ',' || r == '.' })
	for i, word := range words {
		words[i] = strings.ToLower(word)
	}
	b := make([]byte, 0, len(s))
	for _, word := range words[:len(words)-suffixes(words)] {
		for i := 0; i < len(word); i++ {
			if c := word[i]; c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
				b = append(b, c)
			}
		}
	}
	return string(b), true
}

// suffixes counts the generation suffixes at the end. The first word is never
// one: it may be all the name there is.
func suffixes(words []string) int {
	n := 0
	for len(words)-n > 1 {
		switch words[len(words)-1-n] {
		case "jr", "sr", "ii", "iii", "iv":
			n++
			continue
		}
		break
	}
	return n
}

// needsMatch reports whether the item has to be looked up in the PMS before it
// can be decided for good.
func (it *item) needsMatch() bool {
	switch {
	case it.Kind == KindStatus || it.Kind == KindRefund || it.begun():
		return false
	case it.pr.Match.Result == matchOne:
		return false
	case it.Kind != KindPayment && (it.p.Patient.ID != "" || it.near.linked != ""):
		return false
	}
	// Even a person's transfer of a payment does not overrule an id of somebody
	// else.
	return it.p.Patient.named() || it.byPhoneAlone() && it.pr.Match.Result == matchPending
}

// byPhoneAlone reports whether a phone number is all that names the patient. It
// is looked up for candidates, and decides nothing.
func (it *item) byPhoneAlone() bool {
	d := it.p.Patient
	return d.Phone != "" && d.ID == "" && it.near.linked == "" && !d.named()
}

// lookUp asks the PMS and stores the result in the item's progress. A phone
// number proposes candidates where the name and date of birth found nobody.
func (it *item) lookUp(ctx context.Context, find func(context.Context, driver.PatientQuery) ([]driver.Patient, error)) error {
	want := it.p.Patient.patient()
	result := matchResult{Result: matchNone}
	if want.named() {
		candidates, err := find(ctx, driver.PatientQuery{BirthDate: want.Birth})
		if err != nil {
			return err
		}
		switch {
		case it.Kind != KindPayment:
			want.ID = "" // only money is checked against an id
		case want.ID == "":
			want.ID = it.near.linked
		}
		result = match(want, candidates)
	}
	if result.Result == matchNone && !want.Phone.IsEmpty() {
		callers, err := find(ctx, driver.PatientQuery{Phone: want.Phone})
		if err != nil && !errors.Is(err, driver.ErrRejected) { // refused: this PMS cannot tell, or it is no number
			return err
		}
		for _, c := range callers {
			if c.State != driver.PatientArchived {
				result.propose(c.ID)
			}
		}
	}
	it.pr.Match = result
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
