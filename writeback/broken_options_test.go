package writeback_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

// brokenRow is a reference of the settings, an item that needs it, and one that
// does not.
type brokenRow struct {
	path         string
	catalog      driver.Catalog
	id           string
	needs, other func(f *fieldBed) sent
}

func brokenRows() []brokenRow {
	call := func(f *fieldBed) sent { return f.sendNote(driver.IncomingCall) }
	missed := func(f *fieldBed) sent { return f.sendNote(driver.MissedCall) }
	verification := func(f *fieldBed) sent { return f.sendDocument(driver.InsuranceVerification) }
	statement := func(f *fieldBed) sent { return f.sendDocument(driver.AccountStatement) }
	yes := func(f *fieldBed) sent { return f.sendStatus("yes", true, "0303") }
	no := func(f *fieldBed) sent { return f.sendStatus("no", false, "0303") }
	form := func(c driver.FormCategory, formType string) func(f *fieldBed) sent {
		return func(f *fieldBed) sent { return f.sendForm(c, formType) }
	}
	pay := func(c driver.PaymentChannel, fee int64) func(f *fieldBed) sent {
		return func(f *fieldBed) sent { return f.sendPayment(c, fee) }
	}
	return []brokenRow{
		{"payments.provider", driver.Providers, "HYG1", pay(driver.ChannelOnline, 0), call},
		{"notes.type", driver.NoteTypes, "0101", call, missed},
		{"notes.type_by_kind.missed_call", driver.NoteTypes, "0104", missed, call},
		{"documents.insurance_verification", driver.DocumentFolders, "0201", verification, statement},
		{"documents.account_statement", driver.DocumentFolders, "0202", statement, verification},
		{"forms.patient_identification", driver.DocumentFolders, "0203", form(driver.PatientIdentification, ""), call},
		{"forms.informed_consent", driver.DocumentFolders, "0204", form(driver.InformedConsent, ""), form(driver.InformedConsent, "botox")},
		{"forms.treatment_plan", driver.DocumentFolders, "0205", form(driver.TreatmentPlan, ""), call},
		{"forms.scanned_documents", driver.DocumentFolders, "0206", form(driver.ScannedDocuments, ""), call},
		{"forms.types[0].folder", driver.DocumentFolders, "0210", form(driver.InformedConsent, "botox"), form(driver.InformedConsent, "")},
		{"statuses.confirmed_target", driver.AppointmentStatuses, "0302", yes, no},
		{"statuses.unconfirmed_target", driver.AppointmentStatuses, "0301", no, yes},
		{"payments.types.provider", driver.PaymentTypes, "0405", pay(driver.ChannelProvider, 0), pay(driver.ChannelOnline, 269)},
		{"payments.types.online", driver.PaymentTypes, "0402", pay(driver.ChannelOnline, 0), pay(driver.ChannelProvider, 269)},
		{"payments.types.in_office", driver.PaymentTypes, "0403", pay(driver.ChannelInOffice, 0), pay(driver.ChannelOnline, 269)},
		{"payments.surcharge_type", driver.PaymentTypes, "0404", pay(driver.ChannelOnline, 269), pay(driver.ChannelOnline, 0)},
	}
}

// TestBrokenReferenceHoldsWhatNeedsItAndNothingElse hides and removes the option
// of each reference, and brings it back. The writeback provider, which all need,
// and the confirmed set, which no write needs, are tested elsewhere.
func TestBrokenReferenceHoldsWhatNeedsItAndNothingElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fieldBed{bed: newBed(t, nil)}
		f.start()
		defer f.stopped()
		f.pms.AddOption(driver.DocumentFolders, driver.Option{ID: "0210", Label: "Botox", Active: true})
		f.reread()
		f.save(func(d *settings.Document) {
			d.Payments.Separate, d.Payments.Provider = true, settings.Ref{ID: "HYG1"}
			d.Notes.TypeByKind = map[driver.NoteKind]settings.Ref{driver.MissedCall: {ID: "0104"}}
			d.Forms.Types = []settings.FormType{{Name: "Botox", Category: driver.InformedConsent, Folder: settings.Ref{ID: "0210"}}}
		})
		doc, _, err := f.p.Settings(t.Context())
		require.NoError(t, err)
		rows, covered := brokenRows(), []string{"sync.provider", "statuses.confirmed[0]"}
		for _, r := range rows {
			covered = append(covered, r.path)
		}
		for _, r := range doc.References() {
			require.Contains(t, covered, r.Path, "a reference that no row breaks")
		}
		for _, r := range rows {
			options := f.pms.Options(r.catalog)
			was := options[slices.IndexFunc(options, func(o driver.Option) bool { return o.ID == r.id })]
			inactive, unknown := driver.ReasonOptionInactive, driver.ReasonOptionUnknown
			if r.catalog == driver.Providers {
				inactive, unknown = driver.ReasonProviderInactive, driver.ReasonProviderUnknown
			}
			for _, how := range []struct {
				reason      driver.Reason
				spoil, mend func()
			}{
				{inactive, func() { require.NoError(t, f.pms.SetOptionActive(r.catalog, r.id, false)) },
					func() { require.NoError(t, f.pms.SetOptionActive(r.catalog, r.id, true)) }},
				{unknown, func() { require.NoError(t, f.pms.RemoveOption(r.catalog, r.id)) },
					func() { f.pms.AddOption(r.catalog, was) }},
			} {
				how.spoil()
				f.reread()
				needs, other := r.needs(f), r.other(f)
				f.pass(time.Second)
				it := f.requireState(needs.key, writeback.Held)
				require.Equal(t, how.reason, it.Reason, r.path)
				require.Contains(t, it.Cause, r.id)
				require.Zero(t, it.Attempts, "%s: the PMS need not refuse what its lists show", r.path)
				require.NotEmpty(t, it.NextStep)
				f.requireState(other.key, writeback.Written)
				h, err := f.p.Health(t.Context())
				require.NoError(t, err)
				require.Len(t, h.Issues, 1, r.path)
				how.mend()
				f.reread()
				f.requireState(needs.key, writeback.Written)
				require.Contains(t, f.whereabouts(f.item(needs.key)), r.id, r.path)
			}
		}
	})
}
