package settings

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/pmswriteback/pms/driver"
)

// catalogNoun is what staff call one option of a catalog.
func catalogNoun(c driver.Catalog) string {
	switch c {
	case driver.Providers:
		return "provider"
	case driver.NoteTypes:
		return "note type"
	case driver.DocumentFolders:
		return "document type or folder"
	case driver.AppointmentStatuses:
		return "appointment status"
	case driver.PaymentTypes:
		return "payment type"
	case driver.AdjustmentTypes:
		return "adjustment type"
	}
	return "option"
}

// CatalogTitle is what staff call a catalog: "Payment Types".
func CatalogTitle(c driver.Catalog) string {
	switch c {
	case driver.Providers:
		return "Providers"
	case driver.NoteTypes:
		return "Note Types"
	case driver.DocumentFolders:
		return "Document Types and Folders"
	case driver.AppointmentStatuses:
		return "Appointment Statuses"
	case driver.PaymentTypes:
		return "Payment Types"
	case driver.AdjustmentTypes:
		return "Adjustment Types"
	}
	return string(c)
}

// The products that the package has words of help for.
const (
	openDental = "open dental"
	eaglesoft  = "eaglesoft"
	dentrix    = "dentrix"
)

// product recognises a product by its name. Dentrix Ascend and Dentrix Enterprise
// are other programs than Dentrix.
func product(info driver.Info) string {
	name := strings.ToLower(info.Product)
	switch {
	case strings.Contains(name, "open dental"), strings.Contains(name, "opendental"):
		return openDental
	case strings.Contains(name, "eaglesoft"):
		return eaglesoft
	case strings.Contains(name, "ascend"), strings.Contains(name, "enterprise"):
		return ""
	case strings.Contains(name, "dentrix"):
		return dentrix
	}
	return ""
}

// menu is where in the PMS's menus an option is kept; empty when unknown.
func menu(info driver.Info, c driver.Catalog) string {
	switch product(info) {
	case openDental:
		switch c {
		case driver.Providers:
			return "Setup > Practice > Provider Setup"
		case driver.NoteTypes:
			return "Setup > Definitions > Commlog Types"
		case driver.DocumentFolders:
			return "Setup > Definitions > Image Categories"
		case driver.AppointmentStatuses:
			return "Setup > Definitions > Appt Confirmed"
		case driver.PaymentTypes:
			return "Setup > Definitions > Payment Types"
		case driver.AdjustmentTypes:
			return "Setup > Definitions > Adj Types"
		}
	case eaglesoft:
		if c == driver.Providers {
			return "Lists > Providers/Staff"
		}
	case dentrix:
		if c == driver.Providers {
			return "Office Manager > Maintenance > Reference > Provider Maintenance"
		}
	}
	return ""
}

// whereFound tells staff where the PMS shows the value.
func whereFound(info driver.Info, c driver.Catalog) string {
	at := menu(info, c)
	if at == "" {
		if product(info) == eaglesoft && c == driver.AppointmentStatuses {
			return "Eaglesoft has a fixed list of statuses."
		}
		return ""
	}
	out := fmt.Sprintf("In %s it is under %s.", info.Product, at)
	if c == driver.Providers {
		switch product(info) {
		case openDental:
			out += " Enter the abbreviation or the provider id."
		case eaglesoft:
			out += " Enter the provider id, a short code."
		case dentrix:
			out += " Enter the provider id or the provider code."
		}
	}
	return out
}

// landing tells where in the PMS notes are found.
func landing(info driver.Info) string {
	place := info.Ops[driver.OpNote].HeldAs
	if place == "" {
		switch product(info) {
		case openDental:
			place = "commlog entry"
		case eaglesoft:
			place = "patient note (operatory_notes)"
		case dentrix:
			place = "entry in the Office Journal"
		default:
			return ""
		}
	}
	return fmt.Sprintf("In %s it is found as: %s.", productName(info), place)
}

// whereToMend ends a sentence: " there (Setup > ...)" or " there".
func whereToMend(info driver.Info, c driver.Catalog) string {
	if at := menu(info, c); at != "" {
		return "there (" + at + ")"
	}
	return "there"
}

// shown names a reference: Appointment (12), or "12" without a label.
func shown(r Ref) string {
	if r.Label == "" || r.Label == r.ID {
		return quoted(r.ID)
	}
	return fmt.Sprintf("%s (%s)", clipped(r.Label), clipped(r.ID))
}

// clipped shortens a text for a sentence.
func clipped(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// standingWords says what is wrong with a reference and how to mend it.
func standingWords(s Standing, cat driver.Catalog, r Ref, cats Catalogs, info driver.Info) string {
	pms, noun := productName(info), catalogNoun(cat)
	switch s {
	case StandingUnknown:
		was := ""
		if r.Label != "" && r.Label != r.ID {
			was = fmt.Sprintf(" (it was %s)", clipped(r.Label))
		}
		return fmt.Sprintf("%s has no %s with the id %s%s. Choose another one here.", sentence(pms), noun, quoted(r.ID), was)
	case StandingInactive:
		words := fmt.Sprintf("The %s %s is hidden or inactive in %s. Make it active %s, or choose another one here.", noun, shown(labelled(cat, r, cats)), pms, whereToMend(info, cat))
		if cat == driver.Providers {
			words += " Nothing is written back for an inactive provider."
		}
		return words
	case StandingUnfit:
		return fmt.Sprintf("The %s %s lowers what a patient owes in %s. Choose one here that raises it.", noun, shown(labelled(cat, r, cats)), pms)
	case StandingAmbiguous:
		var labels []string
		for _, o := range cats.Lists[cat] {
			if o.ID == r.ID {
				labels = append(labels, clipped(o.Label))
			}
		}
		return fmt.Sprintf("%s lists the id %s more than once (%s), so that it is not clear which %s is meant. Mend the list %s, or choose another one here.",
			sentence(pms), quoted(r.ID), strings.Join(labels, ", "), noun, whereToMend(info, cat))
	case StandingReused:
		now := labelled(cat, Ref{ID: r.ID}, cats)
		return fmt.Sprintf("The id %s was %s; now it is %s, and %s gives ids of deleted options to new ones. If that %s is meant, choose it again to confirm it; otherwise choose another one.",
			quoted(r.ID), quoted(r.Label), quoted(now.Label), pms, noun)
	}
	return ""
}

// labelled fills in the label that the PMS shows now, where it is missing.
func labelled(cat driver.Catalog, r Ref, cats Catalogs) Ref {
	if r.Label == "" {
		if o, ok := cats.Lookup(cat, r.ID); ok {
			r.Label = o.Label
		}
	}
	return r
}

// sentence starts with a capital letter.
func sentence(s string) string {
	r := []rune(s)
	for i := range min(1, len(r)) {
		r[i] = unicode.ToUpper(r[i])
	}
	return string(r)
}

// listing joins names as a sentence does: "A, B and C".
func listing(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}
