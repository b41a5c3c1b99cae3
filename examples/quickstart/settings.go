package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

// The payment types that the emulated practice set up for what it takes through
// the host.
const (
	typeOnline    = hostName + " Payment"
	typeProvider  = "Addl. Payment (AA)"
	typeTerminal  = hostName + " Terminal"
	typeSurcharge = hostName + " Surcharge"
)

// saveSettings chooses what a practice would choose, from the options that its
// own PMS offers, and saves it. Nothing is written back before this: payments
// wait, and everything else is skipped until somebody retries it.
func saveSettings(ctx context.Context, p *writeback.Practice, writes bool) (settings.Document, error) {
	cats, info, err := catalogs(ctx, p)
	if err != nil {
		return settings.Document{}, err
	}
	_, revision, err := p.Settings(ctx)
	if err != nil {
		return settings.Document{}, err
	}
	doc := chooseSettings(cats, info, writes)
	// Expect says which revision the change was made from: if somebody else saved
	// meanwhile, this fails and theirs stands.
	problems, err := p.SaveSettings(ctx, doc, writeback.Save{Expect: revision, Actor: "quickstart", Reason: "demonstration"})
	if errors.Is(err, writeback.ErrProblems) {
		var words []string
		for _, problem := range problems {
			if problem.Severity == settings.Error {
				words = append(words, problem.Path+": "+problem.Words)
			}
		}
		return doc, fmt.Errorf("the settings do not fit this practice: %s", strings.Join(words, "; "))
	}
	return doc, err
}

// catalogs waits until the engine has read the PMS's options for the first time.
func catalogs(ctx context.Context, p *writeback.Practice) (settings.Catalogs, driver.Info, error) {
	for {
		cats, info, ok, err := p.Catalogs(ctx)
		if err != nil || ok {
			return cats, info, err
		}
		select {
		case <-ctx.Done():
			return cats, info, errors.New("the PMS did not answer in time; its options are not known")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// chooseSettings fills in the settings page. Without writes no provider is
// chosen, and without a provider nothing is ever written.
func chooseSettings(cats settings.Catalogs, info driver.Info, writes bool) settings.Document {
	// Initial starts from the defaults, raised to what the PMS allows.
	doc, _ := settings.Initial(info)

	// Fast, because somebody is watching. A practice would take 15 to 60 seconds.
	every := func(feed driver.Feed, d time.Duration) settings.Interval {
		return settings.Every(max(d, info.Feeds[feed].MinInterval))
	}
	doc.Intervals.AppointmentStatus = every(driver.AppointmentStatusFeed, time.Second)
	doc.Intervals.AppointmentChanges = every(driver.AppointmentFeed, time.Second)
	doc.Intervals.NewPatients = every(driver.PatientFeed, 2*time.Second)
	doc.Intervals.Photos = info.Feeds[driver.PhotoFeed].Supported
	doc.Intervals.PhotoSweep = every(driver.PhotoFeed, 3*time.Second)

	// Every status that means confirmed; and the one status that is written for
	// each of the host's two words.
	doc.Statuses.Confirmed = settings.InitialConfirmed(cats)
	confirmed := byRole(cats, driver.RoleConfirmed, "Confirmed")
	if !doc.IsConfirmed(confirmed.ID) && !confirmed.IsZero() {
		doc.Statuses.Confirmed = append(doc.Statuses.Confirmed, confirmed)
	}
	if !writes {
		return doc
	}

	doc.Sync.ProviderID = choose(cats, driver.Providers)

	doc.Notes.Enabled = map[driver.NoteKind]bool{}
	for _, kind := range driver.NoteKinds() {
		doc.Notes.Enabled[kind] = true
	}
	doc.Notes.Type = choose(cats, driver.NoteTypes, "Misc")
	doc.Notes.TypeByKind = map[driver.NoteKind]settings.Ref{
		driver.InsuranceVerificationNote: choose(cats, driver.NoteTypes, "Insurance", "Misc"),
	}

	folder := func(labels ...string) settings.Ref { return choose(cats, driver.DocumentFolders, labels...) }
	doc.Documents.InsuranceVerification = folder("Insurance")
	doc.Documents.AccountStatement = folder("Statements")
	doc.Forms.ByCategory = map[driver.FormCategory]settings.Ref{
		driver.PatientIdentification: folder("Patient Information"),
		driver.InformedConsent:       folder("Letters"),
		driver.TreatmentPlan:         folder("Treatment Plans"),
		driver.ScannedDocuments:      folder("Miscellaneous"),
	}

	doc.Statuses.ConfirmedTarget = confirmed
	doc.Statuses.UnconfirmedTarget = byRole(cats, driver.RoleUnconfirmed, "Unconfirmed")

	doc.Payments.Auto = true
	doc.Payments.Separate = true // a payment and its fee are two lines in the ledger
	doc.Payments.Types = map[driver.PaymentChannel]settings.Ref{
		driver.ChannelOnline:   choose(cats, driver.PaymentTypes, typeOnline),
		driver.ChannelProvider: choose(cats, driver.PaymentTypes, typeProvider),
		driver.ChannelInOffice: choose(cats, driver.PaymentTypes, typeTerminal),
	}
	doc.Payments.SurchargeType = choose(cats, driver.PaymentTypes, typeSurcharge)
	return doc
}

// choose picks the first of the labels that the PMS offers, or else its first
// active option. A person would choose from the same list on the settings page.
func choose(cats settings.Catalogs, catalog driver.Catalog, labels ...string) settings.Ref {
	list := cats.Lists[catalog]
	for _, label := range labels {
		for _, o := range list {
			if o.Active && o.Label == label {
				return settings.Ref{ID: o.ID, Label: o.Label}
			}
		}
	}
	for _, o := range list {
		if o.Active {
			return settings.Ref{ID: o.ID, Label: o.Label}
		}
	}
	return settings.Ref{}
}

// byRole picks the status that the PMS itself marks, or the one of that name.
func byRole(cats settings.Catalogs, role driver.StatusRole, label string) settings.Ref {
	for _, o := range cats.Lists[driver.AppointmentStatuses] {
		if o.Active && o.Role == role {
			return settings.Ref{ID: o.ID, Label: o.Label}
		}
	}
	for _, o := range cats.Lists[driver.AppointmentStatuses] {
		if o.Active && o.Label == label {
			return settings.Ref{ID: o.ID, Label: o.Label}
		}
	}
	return settings.Ref{}
}

// describeSettings says on screen what was chosen.
func describeSettings(doc settings.Document) []string {
	var every []string
	for _, feed := range driver.Feeds() {
		words := "off"
		if d, on := doc.Interval(feed); on {
			words = "every " + d.String()
		}
		every = append(every, sentence(string(feed))+" "+words)
	}
	lines := []string{strings.Join(every, ", ")}
	if doc.Provider().IsZero() {
		return append(lines, "No writeback provider is chosen: nothing is written")
	}
	return append(lines,
		fmt.Sprintf("Written as provider %s; all %d kinds of notes are on, as %s unless a kind has its own type", doc.Provider(), len(driver.NoteKinds()), doc.Notes.Type),
		fmt.Sprintf("Confirmed is written as %s, unconfirmed as %s", doc.Statuses.ConfirmedTarget, doc.Statuses.UnconfirmedTarget),
		"Payments post by themselves; a payment and its fee are two lines in the ledger")
}
