package writeback_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

// inForce are changes of every group of the settings, and what shows that one is
// in force in a process.
var inForce = []struct {
	name string
	set  func(*settings.Document)
	// show does something in a process and says what came of it.
	show func(b *bed, p *writeback.Practice, key string) string
	// was and is are what show gives without the change and with it.
	was, is string
}{
	{"provider", func(d *settings.Document) { d.Sync.ProviderID = settings.Ref{ID: "HYG1"} }, showNote, "0101 by DOC1", "0101 by HYG1"},
	{"no provider", func(d *settings.Document) { d.Sync.ProviderID = settings.Ref{} }, showNote, "0101 by DOC1", "skipped not_configured"},
	{"a kind of note", func(d *settings.Document) { d.Notes.Enabled[driver.IncomingCall] = false }, showNote, "0101 by DOC1", "skipped disabled"},
	{"note type", func(d *settings.Document) { d.Notes.Type = settings.Ref{ID: "0102"} }, showNote, "0101 by DOC1", "0102 by DOC1"},
	{"note type of a kind", func(d *settings.Document) {
		d.Notes.TypeByKind = map[driver.NoteKind]settings.Ref{driver.IncomingCall: {ID: "0103"}}
	}, showNote, "0101 by DOC1", "0103 by DOC1"},

	{"folder", func(d *settings.Document) { d.Documents.AccountStatement = settings.Ref{ID: "0201"} }, showDocument, "0202", "0201"},
	{"no folder", func(d *settings.Document) { d.Documents.AccountStatement = settings.Ref{} }, showDocument, "0202", "skipped disabled"},

	{"confirmed status", func(d *settings.Document) {
		d.Statuses.Confirmed = append(d.Statuses.Confirmed, settings.Ref{ID: "0303"})
		d.Statuses.ConfirmedTarget = settings.Ref{ID: "0303"}
	}, showStatus, "0302", "0303"},
	{"do not write confirmed", func(d *settings.Document) { d.Statuses.ConfirmedTarget = settings.Ref{} }, showStatus, "0302", "skipped disabled"},
	{"what counts as confirmed", func(d *settings.Document) {
		d.Statuses.Confirmed = append(d.Statuses.Confirmed, settings.Ref{ID: "0303"})
	}, showMeaning, "other", "confirmed"},

	{"form's folder", func(d *settings.Document) { d.Forms.ByCategory[driver.InformedConsent] = settings.Ref{ID: "0203"} }, showForm, "0204", "0203"},
	{"no form's folder", func(d *settings.Document) { delete(d.Forms.ByCategory, driver.InformedConsent) }, showForm, "0204", "skipped disabled"},
	{"form type's folder", func(d *settings.Document) {
		d.Forms.Types = []settings.FormType{{Name: "Botox", Category: driver.InformedConsent, Folder: settings.Ref{ID: "0206"}}}
	}, showForm, "0204", "0206"},

	{"payments wait", func(d *settings.Document) { d.Payments.Auto = false }, showPayment, "102.69 as 0402 by DOC1", "awaiting_transfer auto_off"},
	{"payment type", func(d *settings.Document) { d.Payments.Types[driver.ChannelOnline] = settings.Ref{ID: "0401"} }, showPayment, "102.69 as 0402 by DOC1", "102.69 as 0401 by DOC1"},
	{"no payment type", func(d *settings.Document) { delete(d.Payments.Types, driver.ChannelOnline) }, showPayment, "102.69 as 0402 by DOC1", "held not_configured"},
	{"fees apart", func(d *settings.Document) { d.Payments.Separate = true }, showPayment, "102.69 as 0402 by DOC1", "100.00 as 0402 by DOC1, 2.69 as 0404 by DOC1"},
	{"surcharge type", func(d *settings.Document) {
		d.Payments.Separate, d.Payments.SurchargeType = true, settings.Ref{ID: "0405"}
	}, showPayment,
		"102.69 as 0402 by DOC1", "100.00 as 0402 by DOC1, 2.69 as 0405 by DOC1"},
	{"provider for payments", func(d *settings.Document) { d.Payments.Provider = settings.Ref{ID: "HYG1"} }, showPayment, "102.69 as 0402 by DOC1", "102.69 as 0402 by HYG1"},

	{"intervals", func(d *settings.Document) {
		d.Intervals = settings.Intervals{
			AppointmentStatus: settings.Seconds(20), AppointmentChanges: settings.Seconds(45), NewPatients: settings.Never(),
			Photos: true, PhotoSweep: settings.Seconds(600),
		}
	}, showIntervals, "15s 1m0s 30s 0s", "20s 45s 0s 10m0s"},
}

// fate waits until an item has been dealt with and gives what the PMS got of it,
// or where it waits.
func (b *bed) fate(it writeback.Item, err error, written func(it writeback.Item) string) string {
	b.t.Helper()
	key := b.must(it, err).Key
	b.pass(3 * time.Second)
	if it = b.item(key); it.State != writeback.Written {
		return fmt.Sprintf("%s %s", it.State, it.Reason)
	}
	return written(it)
}

func showNote(b *bed, p *writeback.Practice, key string) string {
	it, err := p.WriteNote(b.t.Context(), b.note(key))
	return b.fate(it, err, func(writeback.Item) string {
		n := b.pms.Notes()[len(b.pms.Notes())-1]
		return n.Type + " by " + n.Provider
	})
}

func showDocument(b *bed, p *writeback.Practice, key string) string {
	it, err := p.WriteDocument(b.t.Context(), b.document(key))
	return b.fate(it, err, func(writeback.Item) string { return b.pms.Documents()[len(b.pms.Documents())-1].Folder })
}

func showForm(b *bed, p *writeback.Practice, key string) string {
	it, err := p.SubmitForm(b.t.Context(), b.form(key))
	return b.fate(it, err, func(writeback.Item) string { return b.pms.Documents()[len(b.pms.Documents())-1].Folder })
}

func showStatus(b *bed, p *writeback.Practice, key string) string {
	it, err := p.SetAppointmentStatus(b.t.Context(), writeback.AppointmentStatus{Key: key, Appointment: b.appointment(48 * time.Hour), Confirmed: true})
	return b.fate(it, err, func(it writeback.Item) string { return statusOf(b, it.Subject) })
}

func showPayment(b *bed, p *writeback.Practice, key string) string {
	pay := b.payment(key)
	pay.Fee = driver.USD(269)
	before := len(b.pms.Payments())
	it, err := p.PostPayment(b.t.Context(), pay)
	return b.fate(it, err, func(writeback.Item) string {
		legs := ""
		for _, leg := range b.pms.Payments()[before:] {
			if legs != "" {
				legs += ", "
			}
			legs += fmt.Sprintf("%d.%02d as %s by %s", leg.Amount.Minor/100, leg.Amount.Minor%100, leg.Type, leg.Provider)
		}
		return legs
	})
}

// showMeaning has staff set a status. It is told by the process that works.
func showMeaning(b *bed, _ *writeback.Practice, _ string) string {
	id := b.appointment(48 * time.Hour)
	b.pass(2 * time.Minute)
	b.news()
	require.NoError(b.t, b.pms.SetStatus(id, "0303"))
	b.pass(20 * time.Second)
	for _, e := range b.news().statuses {
		if e.Appointment.ID == id {
			return string(e.Status)
		}
	}
	return ""
}

func showIntervals(b *bed, p *writeback.Practice, _ string) string {
	return fmt.Sprintf("%v %v %v %v", b.every(p, driver.AppointmentStatusFeed), b.every(p, driver.AppointmentFeed),
		b.every(p, driver.PatientFeed), b.every(p, driver.PhotoFeed))
}

// Every field of the settings takes hold within a second where it was saved and
// within five elsewhere, whichever process works on the practice, and when it is
// taken back as well.
func TestEverySaveIsInForceEverywhereInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		b.start()
		b.save(nil)
		b.pass(time.Minute)
		office := *b
		office.engine(nil)
		office.start()
		b.pass(time.Minute)
		require.True(t, b.health().Working)
		require.False(t, office.health().Working)

		submitted := 0
		for _, row := range inForce {
			for _, saver := range []*bed{b, &office} {
				other := b
				if saver == b {
					other = &office
				}
				plain, _, err := saver.p.Settings(t.Context())
				require.NoError(t, err)
				for _, step := range []struct {
					change func(*settings.Document)
					want   string
				}{
					{row.set, row.is},
					{func(d *settings.Document) { *d = plain.Clone() }, row.was},
				} {
					for i, p := range []*bed{saver, other} {
						// Each is looked at as early as it must be right.
						saver.save(step.change)
						b.pass([]time.Duration{time.Second, 5 * time.Second}[i])
						submitted++
						require.Equal(t, step.want, row.show(b, p.p, fmt.Sprint("item ", submitted)), "%s, process %d", row.name, i)
						if step.want == row.was {
							continue
						}
						saver.save(func(d *settings.Document) { *d = plain.Clone() })
						b.pass(5 * time.Second)
					}
					saver.save(step.change)
				}
			}
		}
		// Nothing was lost on the way.
		items := b.standing()
		require.Len(t, items, submitted-2*2*4) // but for what is not an item
		office.stopped()
		b.stopped()
	})
}
