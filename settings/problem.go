package settings

import "slices"

// Severity says whether a problem blocks a save.
type Severity string

// The severities.
const (
	// Error blocks a save.
	Error Severity = "error"
	// Warning does not.
	Warning Severity = "warning"
)

// Problem is one thing that is wrong with a document.
type Problem struct {
	// Path is the field's path; empty when it concerns the whole document.
	Path string `json:"path"`
	// Severity says whether it blocks a save.
	Severity Severity `json:"severity"`
	// Code is one of the Code constants, for programs.
	Code string `json:"code"`
	// Words say in full sentences for staff what is wrong and where to mend it.
	Words string `json:"words"`
	// Suggestions are texts that may have been meant, best first. For a
	// reference each is an id; for an unknown field each is a path.
	Suggestions []string `json:"suggestions,omitempty"`
}

// String gives "error: notes.type: option_unknown: words".
func (p Problem) String() string {
	s := string(p.Severity) + ": "
	if p.Path != "" {
		s += p.Path + ": "
	}
	return s + p.Code + ": " + p.Words
}

// The codes of problems. Those that a driver has a reason for share its name.
const (
	// CodeUnknownField: the document has a field that does not exist.
	CodeUnknownField = "unknown_field"
	// CodeWrongType: a value is of the wrong type, such as a number for a text.
	CodeWrongType = "wrong_type"
	// CodeSchemaNewer: a newer version of the library wrote the document.
	CodeSchemaNewer = "schema_newer"
	// CodeInvalidID: an id is too long, or has spaces around it or control
	// characters in it.
	CodeInvalidID = "invalid_id"
	// CodeInvalidText: a label or a name is empty, too long, or has control
	// characters in it.
	CodeInvalidText = "invalid_text"
	// CodeUnknownKey: a map of the document has a key that is no kind, category
	// or channel.
	CodeUnknownKey = "unknown_key"
	// CodeTooMany: a list has more entries than it may.
	CodeTooMany = "too_many"
	// CodeDuplicate: a list has an entry twice.
	CodeDuplicate = "duplicate"
	// CodeOptionUnknown: the PMS does not have the option.
	CodeOptionUnknown = "option_unknown"
	// CodeOptionInactive: the option is hidden or inactive in the PMS.
	CodeOptionInactive = "option_inactive"
	// CodeOptionUnfit: the option is not of the kind that the field needs.
	CodeOptionUnfit = "option_unfit"
	// CodeProviderUnknown: the PMS does not have the provider.
	CodeProviderUnknown = "provider_unknown"
	// CodeProviderInactive: the provider is inactive in the PMS.
	CodeProviderInactive = "provider_inactive"
	// CodeOptionAmbiguous: a text or an id fits more than one option.
	CodeOptionAmbiguous = "option_ambiguous"
	// CodeOptionReused: the id stands for another option than when it was chosen.
	CodeOptionReused = "option_reused"
	// CodeWrongList: the option is in another list of the PMS.
	CodeWrongList = "wrong_list"
	// CodeNotChecked: the PMS could not be asked, or not since some time.
	CodeNotChecked = "not_checked"
	// CodeNotConfigured: something is switched on that waits for another field.
	CodeNotConfigured = "not_configured"
	// CodeNoteTypeRequired: notes are on and have no note type.
	CodeNoteTypeRequired = "note_type_required"
	// CodeUnsupported: the PMS does not offer this.
	CodeUnsupported = "unsupported"
	// CodeInterval: an interval is zero, negative, too short or too long.
	CodeInterval = "interval_out_of_range"
	// CodeIntervalMinimum: an interval is below what the PMS allows.
	CodeIntervalMinimum = "interval_below_minimum"
	// CodeIntervalRaised: an initial interval is longer than the default because
	// the PMS asks for it.
	CodeIntervalRaised = "interval_raised"
	// CodeTargetNotInSet: the status for "confirmed" does not count as confirmed.
	CodeTargetNotInSet = "confirmed_target_not_in_set"
	// CodeTargetInSet: the status for "unconfirmed" counts as confirmed.
	CodeTargetInSet = "unconfirmed_target_in_set"
	// CodeTargetsEqual: one status is to be written for both.
	CodeTargetsEqual = "targets_equal"
	// CodeTargetRole: the PMS uses the status for something else.
	CodeTargetRole = "target_role"
	// CodeNothingConfirmed: the status loop runs and no status means confirmed.
	CodeNothingConfirmed = "nothing_confirmed"
	// CodeSoundsLikeOutreach: a status that counts as confirmed sounds as if only
	// a message had been sent.
	CodeSoundsLikeOutreach = "sounds_like_outreach"
	// CodeNoEffect: a field is set that does nothing as the others are.
	CodeNoEffect = "no_effect"
)

// HasErrors reports whether a problem of severity Error is among them.
func HasErrors(problems []Problem) bool {
	return slices.ContainsFunc(problems, func(p Problem) bool { return p.Severity == Error })
}

// Merge joins lists of problems, such as those of [Parse], [Normalize] and
// [Validate]. Of problems with the same path and code the first stays.
func Merge(lists ...[]Problem) []Problem {
	type key struct{ path, code string }
	seen := map[key]bool{}
	var out []Problem
	for _, list := range lists {
		for _, p := range list {
			if k := (key{p.Path, p.Code}); !seen[k] {
				seen[k] = true
				out = append(out, p)
			}
		}
	}
	return out
}
