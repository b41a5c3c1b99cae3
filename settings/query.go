package settings

import (
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// Provider returns the writeback provider. Zero means that nothing may be
// written, payments and statuses included.
func (d Document) Provider() Ref { return d.Sync.ProviderID }

// PaymentProvider returns the provider of payments: the override, or the
// writeback provider. It is zero when there is no writeback provider, whatever
// the override says.
func (d Document) PaymentProvider() Ref {
	if d.Sync.ProviderID.IsZero() || d.Payments.Provider.IsZero() {
		return d.Sync.ProviderID
	}
	return d.Payments.Provider
}

// NoteType says whether notes of a kind are written, and as what: the kind's own
// note type or the default one. A zero Ref with on set is fine only where the PMS
// has no note types. A kind that nobody knows is off.
func (d Document) NoteType(kind driver.NoteKind) (Ref, bool) {
	if !kind.Valid() || !d.Notes.Enabled[kind] {
		return Ref{}, false
	}
	if r := d.Notes.TypeByKind[kind]; !r.IsZero() {
		return r, true
	}
	return d.Notes.Type, true
}

// Folder returns where documents of a kind are filed; zero means that the kind is
// off. Forms are filed by [Document.FormFolder].
func (d Document) Folder(kind driver.DocumentKind) Ref {
	switch kind {
	case driver.InsuranceVerification:
		return d.Documents.InsuranceVerification
	case driver.AccountStatement:
		return d.Documents.AccountStatement
	}
	return Ref{}
}

// FormFolder returns where a form is filed; zero means off. A form type that the
// settings name has its own folder, or that of the category which the settings
// give it; any other form goes by category.
func (d Document) FormFolder(category driver.FormCategory, formType string) Ref {
	if t, ok := d.FormType(formType); ok {
		if !t.Folder.IsZero() {
			return t.Folder
		}
		if t.Category != "" {
			category = t.Category
		}
	}
	return d.Forms.ByCategory[category]
}

// FormType returns the form type of that name, without regard to case and
// surrounding spaces.
func (d Document) FormType(name string) (FormType, bool) {
	if name = strings.TrimSpace(name); name == "" {
		return FormType{}, false
	}
	for _, t := range d.Forms.Types {
		if sameName(t.Name, name) {
			return t, true
		}
	}
	return FormType{}, false
}

func sameName(a, b string) bool {
	return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b))
}

// StatusTarget returns the status to write when the host confirms or unconfirms
// an appointment; zero means do not write.
func (d Document) StatusTarget(confirmed bool) Ref {
	if confirmed {
		return d.Statuses.ConfirmedTarget
	}
	return d.Statuses.UnconfirmedTarget
}

// IsConfirmed reports whether a PMS status means confirmed.
func (d Document) IsConfirmed(statusID string) bool {
	if statusID == "" {
		return false
	}
	for _, r := range d.Statuses.Confirmed {
		if r.ID == statusID {
			return true
		}
	}
	return false
}

// PaymentType returns the payment type of a channel; zero means that payments of
// the channel wait.
func (d Document) PaymentType(channel driver.PaymentChannel) Ref {
	return d.Payments.Types[channel]
}

// Interval says how often a feed is read, and whether it is read at all. For
// driver.PhotoFeed it is the sweep for changed photos, which runs only while
// photos are switched on; photos of new patients come with driver.PatientFeed.
// See [Document.PacedInterval] for the PMS's own minimum.
func (d Document) Interval(feed driver.Feed) (time.Duration, bool) {
	var i Interval
	switch feed {
	case driver.AppointmentStatusFeed:
		i = d.Intervals.AppointmentStatus
	case driver.AppointmentFeed:
		i = d.Intervals.AppointmentChanges
	case driver.PatientFeed:
		i = d.Intervals.NewPatients
	case driver.PhotoFeed:
		if d.Intervals.Photos {
			i = d.Intervals.PhotoSweep
		}
	}
	if i.Off || i.Every <= 0 {
		return 0, false
	}
	return i.Every, true
}

// PacedInterval is Interval, but never shorter than the minimum that the PMS
// allows now: it may have grown since the settings were saved.
func (d Document) PacedInterval(feed driver.Feed, info driver.Info) (time.Duration, bool) {
	every, on := d.Interval(feed)
	if !on {
		return 0, false
	}
	return max(every, info.Feeds[feed].MinInterval), true
}

// Writes reports whether the settings let anything be written at all: there is a
// writeback provider, and something to write is chosen.
func (d Document) Writes() bool { return !d.Provider().IsZero() && d.wantsWrites() }

// wantsWrites reports whether anything to write is chosen.
func (d Document) wantsWrites() bool {
	for i := range fields {
		if f := &fields[i]; f.writes && f.isOn(&d) {
			return true
		}
	}
	return false
}

// ClearReferences returns a copy in which nothing of a PMS is chosen any more.
// Ids mean something inside one PMS only, so a practice that changes its PMS
// starts from this: toggles and intervals stay, and nothing is written until a
// provider of the new PMS is chosen. Form types keep their name and category.
func (d Document) ClearReferences() Document {
	d = d.Clone()
	d.Sync.ProviderID = Ref{}
	d.Notes.Type, d.Notes.TypeByKind = Ref{}, nil
	d.Documents = Documents{}
	d.Statuses = Statuses{}
	d.Forms.ByCategory = nil
	for i := range d.Forms.Types {
		d.Forms.Types[i].Folder = Ref{}
	}
	d.Payments.Provider, d.Payments.Types = Ref{}, nil
	d.Payments.SurchargeType, d.Payments.OffsetFee = Ref{}, Ref{}
	return d
}
