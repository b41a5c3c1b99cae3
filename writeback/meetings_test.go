package writeback_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

// meeting runs f in a practice that has chosen everything and read its lists.
func meeting(t *testing.T, f func(t *testing.T, f *fieldBed)) {
	t.Helper()
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(nil)
		b.pass(time.Second)
		f(t, &fieldBed{bed: b})
	})
}

// stands says where an item is and why.
func (f *fieldBed) stands(s sent, state writeback.State, reason driver.Reason) {
	f.t.Helper()
	it := f.requireState(s.key, state)
	require.Equal(f.t, reason, it.Reason)
}

func noProvider(d *settings.Document) { d.Sync.ProviderID = settings.Ref{} }

func callsOff(d *settings.Document) { d.Notes.Enabled[driver.IncomingCall] = false }

func TestKindSwitchedOffWhileItsItemIsHeldSkipsItForGood(t *testing.T) {
	meeting(t, func(t *testing.T, f *fieldBed) {
		require.NoError(t, f.pms.SetProviderActive("DOC1", false))
		f.reread()
		call, missed := f.sendNote(driver.IncomingCall), f.sendNote(driver.MissedCall)
		statement := f.sendDocument(driver.AccountStatement)
		f.stands(call, writeback.Held, driver.ReasonProviderInactive)
		f.save(func(d *settings.Document) {
			callsOff(d)
			d.Documents.AccountStatement = settings.Ref{}
		})
		f.pass(time.Second)
		f.stands(call, writeback.Skipped, writeback.ReasonDisabled)
		f.stands(statement, writeback.Skipped, writeback.ReasonDisabled)
		f.stands(missed, writeback.Held, driver.ReasonProviderInactive)
		f.save(func(d *settings.Document) {
			d.Notes.Enabled[driver.IncomingCall] = true
			d.Documents.AccountStatement = settings.Ref{ID: "0202"}
		})
		require.NoError(t, f.pms.SetProviderActive("DOC1", true))
		f.reread()
		f.pass(time.Hour)
		f.stands(missed, writeback.Written, "")
		f.stands(call, writeback.Skipped, writeback.ReasonDisabled)
		f.stands(statement, writeback.Skipped, writeback.ReasonDisabled)
		require.Len(t, f.pms.Notes(), 1)
		require.Empty(t, f.pms.Documents())
	})
}

func TestProviderClearedWhileAPaymentWaitsForTransferHoldsItWhenItIsTransferred(t *testing.T) {
	meeting(t, func(t *testing.T, f *fieldBed) {
		f.save(func(d *settings.Document) { d.Payments.Auto = false })
		pay := f.sendPayment(driver.ChannelOnline, 0)
		f.stands(pay, writeback.AwaitingTransfer, writeback.ReasonAutoOff)
		f.save(noProvider)
		f.pass(time.Minute)
		f.stands(pay, writeback.AwaitingTransfer, writeback.ReasonAutoOff)
		f.must(f.p.Transfer(t.Context(), f.item(pay.key).ID, "dana"))
		f.pass(time.Minute)
		f.stands(pay, writeback.Held, writeback.ReasonNotConfigured)
		require.Empty(t, f.pms.Payments())
		// Chosen again it goes on by itself: somebody has agreed.
		f.save(func(d *settings.Document) { d.Sync.ProviderID = settings.Ref{ID: "HYG1"} })
		f.pass(time.Minute)
		require.Equal(t, "online 100.00 0402 by HYG1", f.came(pay))
	})
}

func TestIntervalSwitchedOffAfterSyncNowWasAskedReadsNothing(t *testing.T) {
	meeting(t, func(t *testing.T, f *fieldBed) {
		f.pass(3 * time.Minute)
		// The engine is busy with another feed, so that the request waits.
		trip := f.pms.Fail(memdriver.Fault{On: "changes new_patients", Times: 1, Effect: memdriver.Pass, Hang: memdriver.HangUntilDone})
		<-trip.Reached()
		read := f.pms.Fail(memdriver.Fault{On: "changes appointments", Effect: memdriver.Pass})
		id := f.appointment(48 * time.Hour)
		require.NoError(t, f.p.SyncNow(t.Context(), driver.AppointmentFeed))
		f.save(func(d *settings.Document) { d.Intervals.AppointmentChanges = settings.Never() })
		f.news()
		trip.Release()
		f.pass(time.Hour)
		require.Zero(t, read.Hits(), "off is off")
		require.NotContains(t, f.news().inWords(), id+" created")
		// Switched on it reads by its interval, and tells what it missed once.
		f.save(func(d *settings.Document) { d.Intervals.AppointmentChanges = settings.Seconds(60) })
		f.pass(5 * time.Minute)
		require.Equal(t, []string{id + " created"}, f.news().inWords())
		require.LessOrEqual(t, read.Hits(), 6)
	})
}

func TestKindSwitchedOffWhileItsNoteWaitsForAPatientSkipsItThoughThePatientComes(t *testing.T) {
	meeting(t, func(t *testing.T, f *fieldBed) {
		parked := func(key string) sent {
			n := f.note(key)
			n.Patient = writeback.PatientNamed("Grace", "Hopper", driver.Date{Year: 1985, Month: 12, Day: 10})
			f.must(f.p.WriteNote(t.Context(), n))
			f.pass(time.Second)
			f.stands(sent{key, key}, writeback.NeedsPatient, writeback.ReasonNoPatient)
			return sent{key, key}
		}
		off := parked("off")
		f.save(callsOff)
		f.pass(time.Second)
		f.save(func(d *settings.Document) { d.Notes.Enabled[driver.IncomingCall] = true })
		on := parked("on")
		f.newPatient("Grace", "Hopper")
		f.pass(2 * time.Minute)
		f.stands(on, writeback.Written, "")
		f.stands(off, writeback.Skipped, writeback.ReasonDisabled)
		require.Len(t, f.pms.Notes(), 1)
	})
}

// The legs were planned at the submit, whatever holds them up and whenever.
func TestSeparateToggledBetweenSubmitAndResumeChangesNoPlan(t *testing.T) {
	meeting(t, func(t *testing.T, f *fieldBed) {
		toggle := func(on bool) {
			f.save(func(d *settings.Document) { d.Payments.Separate = on })
			f.pass(time.Second)
		}
		// Held before anything is posted.
		require.NoError(t, f.pms.SetOptionActive(driver.PaymentTypes, "0402", false))
		f.reread()
		together := f.sendPayment(driver.ChannelOnline, 269).named("together")
		toggle(true)
		apart := f.sendPayment(driver.ChannelOnline, 269).named("apart")
		toggle(false)
		f.stands(together, writeback.Held, driver.ReasonOptionInactive)
		f.stands(apart, writeback.Held, driver.ReasonOptionInactive)
		require.NoError(t, f.pms.SetOptionActive(driver.PaymentTypes, "0402", true))
		f.reread()
		require.Equal(t, "together 102.69 0402 by DOC1; apart 100.00 0402 by DOC1, 2.69 0404 by DOC1", f.came(together, apart))

		// Stopped half way: the fee's type is refused, and then chosen anew.
		toggle(true)
		f.pms.Fail(memdriver.Fault{On: "write payment", Skip: 1, Times: 1, Err: driver.ReasonOptionInactive})
		half := f.sendPayment(driver.ChannelOnline, 269).named("half")
		f.pass(500 * time.Millisecond)
		f.stands(half, writeback.PartiallyPosted, driver.ReasonOptionInactive)
		f.save(func(d *settings.Document) {
			d.Payments.Separate = false
			d.Payments.SurchargeType = settings.Ref{ID: "0401"}
		})
		require.Equal(t, "half 100.00 0402 by DOC1, 2.69 0401 by DOC1", f.came(half))
		require.Len(t, f.pms.Payments(), 5)
	})
}

func TestFormTypeRemovedWhileItsFormIsParkedFallsBackToItsCategory(t *testing.T) {
	meeting(t, func(t *testing.T, f *fieldBed) {
		own := func(d *settings.Document) {
			d.Forms.Types = []settings.FormType{{Name: "Botox", Category: driver.InformedConsent, Folder: settings.Ref{ID: "0206"}}}
		}
		park := func(key, last string) sent {
			form := f.form(key)
			form.Patient = writeback.PatientNamed("Grace", last, driver.Date{Year: 1985, Month: 12, Day: 10})
			f.must(f.p.SubmitForm(t.Context(), form))
			f.pass(time.Second)
			f.stands(sent{key, key}, writeback.NeedsPatient, writeback.ReasonNoPatient)
			return sent{key, key}
		}
		f.save(own)
		form := park("form", "Hopper")
		f.save(func(d *settings.Document) { d.Forms.Types = nil })
		f.newPatient("Grace", "Hopper")
		f.pass(2 * time.Minute)
		require.Equal(t, "form 0204 by DOC1", f.came(form))
		// The category is off as well: then the form is, and that is on record.
		f.save(func(d *settings.Document) {
			own(d)
			delete(d.Forms.ByCategory, driver.InformedConsent)
		})
		late := park("late", "Kelly")
		f.save(func(d *settings.Document) { d.Forms.Types = nil })
		f.newPatient("Grace", "Kelly")
		f.pass(2 * time.Minute)
		f.stands(late, writeback.Skipped, writeback.ReasonDisabled)
		require.Len(t, f.pms.Documents(), 1)
	})
}

// What may be in the PMS already is looked for whatever the settings say by then;
// what is not there goes by them.
func TestSettingsChangedWhileAnOutcomeIsUnknownCountOnlyForWhatIsNotThere(t *testing.T) {
	meeting(t, func(t *testing.T, f *fieldBed) {
		look := f.pms.Fail(memdriver.Fault{On: "verify", Err: driver.ReasonRecordLocked})
		// Each kind twice: once the PMS has it, once it has not. Notes of one patient
		// would wait for each other.
		var there, absent []sent
		for _, effect := range []memdriver.Effect{memdriver.After, memdriver.Before} {
			for _, send := range []func() sent{
				func() sent { return f.sendNote(driver.IncomingCall) },
				func() sent { return f.sendDocument(driver.AccountStatement) },
				func() sent { return f.sendPayment(driver.ChannelOnline, 0) },
			} {
				f.patient = f.newPatient("Grace", "Hopper")
				f.pms.Fail(memdriver.Fault{On: "write", Times: 1, Effect: effect, Err: driver.ErrUnknownOutcome})
				s := send()
				f.pass(time.Second)
				f.requireState(s.key, writeback.Uncertain)
				if effect == memdriver.After {
					there = append(there, s)
				} else {
					absent = append(absent, s)
				}
			}
		}
		f.save(func(d *settings.Document) {
			callsOff(d)
			d.Documents.AccountStatement = settings.Ref{}
			d.Payments.Auto = false
		})
		look.Clear()
		f.pass(20 * time.Minute)
		for _, s := range there {
			f.stands(s, writeback.Written, "")
		}
		f.stands(absent[0], writeback.Skipped, writeback.ReasonDisabled)
		f.stands(absent[1], writeback.Skipped, writeback.ReasonDisabled)
		f.stands(absent[2], writeback.AwaitingTransfer, writeback.ReasonAutoOff)
		require.Equal(t, []int{1, 1, 1}, []int{len(f.pms.Notes()), len(f.pms.Documents()), len(f.pms.Payments())})
	})
}

func TestOverrideThatBreaksHoldsItsKindUntilItIsCleared(t *testing.T) {
	meeting(t, func(t *testing.T, f *fieldBed) {
		f.save(func(d *settings.Document) {
			d.Notes.TypeByKind = map[driver.NoteKind]settings.Ref{driver.MissedCall: {ID: "0104"}}
			d.Payments.Provider = settings.Ref{ID: "HYG1"}
		})
		require.NoError(t, f.pms.SetOptionActive(driver.NoteTypes, "0104", false))
		require.NoError(t, f.pms.SetProviderActive("HYG1", false))
		f.reread()
		missed, call, pay := f.sendNote(driver.MissedCall), f.sendNote(driver.IncomingCall), f.sendPayment(driver.ChannelOnline, 0)
		require.Equal(t, "missed_call held (option_inactive); incoming_call 0101 by DOC1; online held (provider_inactive)", f.came(missed, call, pay))
		f.save(func(d *settings.Document) { d.Notes.TypeByKind, d.Payments.Provider = nil, settings.Ref{} })
		require.Equal(t, "missed_call 0101 by DOC1; online 100.00 0402 by DOC1", f.came(missed, pay))
	})
}

func TestSurchargeTypeClearedBetweenTheLegsHoldsTheFeeAlone(t *testing.T) {
	meeting(t, func(t *testing.T, f *fieldBed) {
		f.save(separate)
		f.pms.Fail(memdriver.Fault{On: "write payment", Skip: 1, Times: 1, Err: memdriver.Busy(10 * time.Second)})
		pay := f.sendPayment(driver.ChannelOnline, 269)
		f.pass(time.Second)
		f.requireState(pay.key, writeback.PartiallyPosted)
		f.save(func(d *settings.Document) { d.Payments.SurchargeType = settings.Ref{} })
		f.pass(5 * time.Minute)
		it := f.requireState(pay.key, writeback.PartiallyPosted)
		require.Equal(t, "not_configured:payments.surcharge_type", it.Cause)
		require.Len(t, f.pms.Payments(), 1)
		f.save(func(d *settings.Document) { d.Payments.SurchargeType = settings.Ref{ID: "0404"} })
		require.Equal(t, "online 100.00 0402 by DOC1, 2.69 0404 by DOC1", f.came(pay))
	})
}

func TestTargetChangedWhileAStatusWaitsIsTheOneThatIsWritten(t *testing.T) {
	meeting(t, func(t *testing.T, f *fieldBed) {
		release := f.waiting()
		yes, no := f.sendStatus("yes", true, "0301"), f.sendStatus("no", false, "0302")
		f.pass(time.Second)
		f.save(func(d *settings.Document) {
			d.Statuses.Confirmed = []settings.Ref{{ID: "0303"}, {ID: "0302"}}
			d.Statuses.ConfirmedTarget, d.Statuses.UnconfirmedTarget = settings.Ref{ID: "0303"}, settings.Ref{}
		})
		release()
		require.Equal(t, "yes 0301 to 0303; no skipped (disabled)", f.came(yes, no))
	})
}

func TestParkedItemsFindTheirPatientThoughNewPatientsAreOff(t *testing.T) {
	meeting(t, func(t *testing.T, f *fieldBed) {
		f.save(func(d *settings.Document) { d.Intervals.NewPatients = settings.Never() })
		n := f.note("early")
		n.Patient = writeback.PatientNamed("Grace", "Hopper", driver.Date{Year: 1985, Month: 12, Day: 10})
		f.must(f.p.WriteNote(t.Context(), n))
		f.pass(time.Minute)
		f.requireState("early", writeback.NeedsPatient)
		f.newPatient("Grace", "Hopper")
		f.pass(70 * time.Minute)
		f.requireState("early", writeback.Written)
		require.Empty(t, f.news().patients, "and the host hears of nobody")
	})
}

func TestPhotosSwitchedOffWaitWithTheirImport(t *testing.T) {
	meeting(t, func(t *testing.T, f *fieldBed) {
		photo := f.pms.AddPhoto(f.patient, "image/png", []byte("face"))
		f.save(withPhotos)
		f.pass(20 * time.Minute)
		require.Contains(t, f.news().inWords(), photo+" found")
		trip := f.pms.Fail(memdriver.Fault{On: "window photos"})
		require.NoError(t, f.p.Import(t.Context(), driver.PhotoFeed))
		f.pass(time.Second)
		f.save(withoutPhotos)
		trip.Clear()
		asked := f.pms.Fail(memdriver.Fault{On: "window photos", Effect: memdriver.Pass})
		f.pass(time.Hour)
		require.Zero(t, asked.Hits())
		require.Empty(t, f.news().photos)
		f.save(withPhotos)
		f.pass(10 * time.Minute)
		require.Contains(t, f.news().inWords(), photo+" found")
	})
}
