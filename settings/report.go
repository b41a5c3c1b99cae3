package settings

import (
	"errors"
	"fmt"
	"strings"

	"github.com/pmswriteback/pms/driver"
)

// ErrNotRead is the error of a practice whose PMS was never reached: nothing can
// be found by its label there.
var ErrNotRead = errors.New("the lists of the practice's PMS have not been read yet; connect it and wait for the first reading")

// Place is a practice that settings are carried from or to.
type Place struct {
	// Practice is the host's id of the practice.
	Practice string
	// Catalogs are the options of its PMS as last read, and Info is that PMS; both
	// are zero while it was never reached.
	Catalogs Catalogs
	Info     driver.Info
	// Saved are the settings in force there, nil when none were ever saved. They
	// count where settings are carried to.
	Saved *Document
}

// saved are the settings in force, the defaults when none were saved.
func (p Place) saved() Document {
	if p.Saved == nil {
		return Default()
	}
	return *p.Saved
}

// Report says what becomes of settings that are carried from one practice to
// another, for staff to read before and after.
type Report struct {
	// ByLabel is set when references were found anew by their labels. Otherwise
	// the settings came back to the practice that they are from, and ids counted.
	ByLabel bool `json:"by_label"`
	// References has one row for each reference, in the order of the page.
	References []Mapping `json:"references"`
	// Changes is what differs from the settings in force.
	Changes []Change `json:"changes"`
	// Problems are the result's: what was adapted to the PMS, and everything that
	// [Validate] says.
	Problems []Problem `json:"problems"`
}

// Unmapped returns the rows of the references that were cleared.
func (r Report) Unmapped() []Mapping {
	var out []Mapping
	for _, m := range r.References {
		if m.Now.IsZero() {
			out = append(out, m)
		}
	}
	return out
}

// Outcome says what became of a reference.
type Outcome string

// The outcomes.
const (
	// OutcomeMapped: exactly one option has the label.
	OutcomeMapped Outcome = "mapped"
	// OutcomeKept: the id counts, since it is the same PMS.
	OutcomeKept Outcome = "kept"
	// OutcomeRelabelled: the id counts, and the option has another label now.
	OutcomeRelabelled Outcome = "relabelled"
	// OutcomeNotFound: no option has the label.
	OutcomeNotFound Outcome = "not_found"
	// OutcomeAmbiguous: several options have it, or several have its id.
	OutcomeAmbiguous Outcome = "ambiguous"
	// OutcomeInactive: only hidden or inactive options have it.
	OutcomeInactive Outcome = "inactive"
	// OutcomeUnlabelled: nobody knows the label, only an id of the other PMS.
	OutcomeUnlabelled Outcome = "unlabelled"
	// OutcomeNoList: the PMS offers no such list, or it was never read.
	OutcomeNoList Outcome = "no_list"
)

// Mapping is what became of one reference.
type Mapping struct {
	// Path is where it stood in the settings that were carried. In a list the
	// entries behind one that was cleared have moved up since.
	Path string `json:"path"`
	// Label is the field's name.
	Label string `json:"label"`
	// Outcome says what became of it, and Words say so for staff.
	Outcome Outcome `json:"outcome"`
	Words   string  `json:"words"`
	// Was is the reference with the label by which it was looked for.
	Was Ref `json:"was"`
	// Now is what stands in its place; zero when it was cleared.
	Now Ref `json:"now"`
	// Candidates are options that may have been meant, five at most, never
	// chosen by the library.
	Candidates []Ref `json:"candidates,omitempty"`
}

// String gives "Note Type Selection: words".
func (m Mapping) String() string { return m.Label + ": " + m.Words }

// rowLabel names the field of a reference, a form type by its own name.
func rowLabel(d *Document, at Reference) string {
	p, err := parsePath(at.Path)
	if err != nil {
		return at.Path
	}
	if p.field.typ == TypeFormTypes && p.index < len(d.Forms.Types) {
		return "Form Type " + clipped(d.Forms.Types[p.index].Name)
	}
	return named(p.field.label, "")
}

// cleared says what it means that nothing stands in a reference's place.
func cleared(path string) string {
	under := func(prefix string) bool { return strings.HasPrefix(path, prefix) }
	switch {
	case path == "sync.provider":
		return "Until one is chosen nothing is written back."
	case path == "notes.type":
		return "Until one is chosen notes without a note type of their own cannot be written."
	case under("notes.type_by_kind."):
		return "Until one is chosen these notes have the type of the Note Type Selection."
	case under("statuses.confirmed["):
		return "Until one is added, appointments with it do not show as confirmed."
	case under("statuses."):
		return "Until one is chosen this is not written to the PMS."
	case under("forms.types["):
		return "Until one is chosen these forms go to the folder of their category."
	case under("documents."), under("forms."):
		return "Until one is chosen they are not filed."
	case under("payments.types."):
		return "Until one is chosen these payments wait."
	case path == "payments.provider":
		return "Until one is chosen payments are attributed to the Writeback Provider."
	case path == "payments.surcharge_type":
		return "Until one is chosen payments whose fee is posted on its own wait."
	}
	return "Until one is chosen fees are not offset."
}

// raiseIntervals lifts the intervals that are below what a PMS allows, and says
// so. What saved has already stays: it runs at the PMS's pace anyway.
func raiseIntervals(doc *Document, info driver.Info, saved *Document) []Problem {
	var problems []Problem
	for i := range fields {
		f := &fields[i]
		if f.typ != TypeInterval {
			continue
		}
		was, least := f.get(doc).(Interval), leastInterval(f.feed, info)
		same := saved != nil && f.get(saved).(Interval).canonical() == was.canonical()
		if was.Off || was.Every < MinInterval || was.Every >= least || same {
			continue // off, wrong in itself, or in order
		}
		f.set(doc, Every(least))
		problems = append(problems, Problem{
			Path: f.path, Severity: Warning, Code: CodeIntervalRaised,
			Words: fmt.Sprintf("%s becomes %s instead of %s, because %s allows no shorter interval.",
				f.label, durationWords(least), was.Words(), productName(info)),
		})
	}
	return problems
}

// carryOver takes over what the place keeps of a newer version of the library,
// which is no settings of another practice.
func (d *Document) carryOver(to Place) {
	d.schema, d.extras = 0, nil
	if to.Saved != nil {
		d.schema, d.extras = to.Saved.schema, to.Saved.extras.clone()
	}
}
