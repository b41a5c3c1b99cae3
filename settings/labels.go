package settings

import (
	"slices"

	"github.com/pmswriteback/pms/driver"
)

// LabelKey names an option of one practice's PMS across its catalogs. Ids of two
// catalogs may be alike by chance.
type LabelKey struct {
	// Catalog is the list that the option is from.
	Catalog driver.Catalog
	// ID is the option's id, as in [Ref].
	ID string
}

// WithLabels returns a copy in which each reference without a label has the one
// that labels hold for it. A label that is there already stays, since it is what
// the option was chosen as.
//
// A document that was saved before any catalog was read has ids alone, and from
// an id alone nobody can tell that the PMS gave it to another option since. What
// [Document.MissingLabels] said when a catalog was first read, kept and given
// here, makes [Catalogs.Standing] find that out. It has to come before
// [Normalize], which fills in what the catalogs say at present.
func (d Document) WithLabels(labels map[LabelKey]string) Document {
	d = d.Clone()
	d.changeRefs(func(at Reference) Ref {
		if at.Ref.Label == "" && !at.Ref.IsZero() {
			at.Ref.Label = labels[LabelKey{at.Catalog, at.Ref.ID}]
		}
		return at.Ref
	})
	return d
}

// MissingLabels returns the labels to remember after a catalog was read: those of
// the active options that the document refers to by their ids alone. Each is to
// be kept as it is first seen and until the document is saved with labels of its
// own; a later reading must not take its place. Asked of the document that
// [Document.WithLabels] made of what is kept already, it returns only what is new.
//
// What is hidden, missing or listed as several different options is not in it:
// nobody can tell yet what was meant. It is nil when there is nothing to remember.
func (d Document) MissingLabels(cats Catalogs) map[LabelKey]string {
	var out map[LabelKey]string
	for _, at := range d.References() {
		if at.Ref.Label != "" || cats.Standing(at.Catalog, at.Ref, false) != StandingGood {
			continue
		}
		o, _ := cats.Lookup(at.Catalog, at.Ref.ID)
		put(&out, LabelKey{at.Catalog, at.Ref.ID}, refTo(o).Label)
	}
	return out
}

// changeRefs sets every reference to what change makes of it. One that becomes
// empty is cleared, and leaves its set. The document must share nothing.
func (d *Document) changeRefs(change func(Reference) Ref) {
	for i := range fields {
		f := &fields[i]
		switch v := f.get(d).(type) {
		case Ref:
			for _, at := range f.refs(d) {
				f.set(d, change(at))
			}
		case []Ref:
			refs := slices.Clone(v[:0])
			for _, at := range f.refs(d) {
				if r := change(at); r != (Ref{}) || at.Ref == (Ref{}) {
					refs = append(refs, r)
				}
			}
			f.set(d, refs)
		case []FormType:
			types := slices.Clone(v)
			for j := range types {
				if types[j].Folder != (Ref{}) {
					types[j].Folder = change(Reference{indexed(f.path, j) + ".folder", f.catalog, types[j].Folder})
				}
			}
			f.set(d, types)
		}
	}
}
