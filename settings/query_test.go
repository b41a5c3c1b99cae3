package settings

import (
	"testing"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/stretchr/testify/require"
)

func TestFreshDocumentWritesNothing(t *testing.T) {
	t.Parallel()
	d := Default()
	require.False(t, d.Writes())
	require.True(t, d.Provider().IsZero())
	require.True(t, d.PaymentProvider().IsZero())
	require.False(t, d.Payments.Auto)
	for _, k := range driver.NoteKinds() {
		_, on := d.NoteType(k)
		require.False(t, on, k)
	}
	for _, k := range driver.DocumentKinds() {
		require.True(t, d.Folder(k).IsZero(), k)
	}
	for _, c := range driver.FormCategories() {
		require.True(t, d.FormFolder(c, "").IsZero(), c)
	}
	for _, c := range driver.PaymentChannels() {
		require.True(t, d.PaymentType(c).IsZero(), c)
	}
	require.True(t, d.StatusTarget(true).IsZero())
	require.True(t, d.StatusTarget(false).IsZero())
	require.False(t, d.IsConfirmed(""))
}

func TestDefaultIntervalsAreFifteenSixtyThirtyAndPhotosOff(t *testing.T) {
	t.Parallel()
	d := Default()
	for feed, want := range map[driver.Feed]time.Duration{
		driver.AppointmentStatusFeed: 15 * time.Second,
		driver.AppointmentFeed:       time.Minute,
		driver.PatientFeed:           30 * time.Second,
	} {
		every, on := d.Interval(feed)
		require.True(t, on, feed)
		require.Equal(t, want, every, feed)
	}
	_, on := d.Interval(driver.PhotoFeed)
	require.False(t, on)

	d.Intervals.Photos = true
	every, on := d.Interval(driver.PhotoFeed)
	require.True(t, on)
	require.Equal(t, 15*time.Minute, every)
}

func TestInitialIntervalIsTheLargerOfDefaultAndMinimumWithTheReason(t *testing.T) {
	t.Parallel()
	d, problems := Initial(driver.Info{Product: "Open Dental", Feeds: map[driver.Feed]driver.FeedInfo{
		driver.AppointmentStatusFeed: {Support: driver.Yes(), MinInterval: time.Minute},
		driver.PatientFeed:           {Support: driver.Yes(), MinInterval: 10 * time.Second},
	}})
	require.Equal(t, Seconds(60), d.Intervals.AppointmentStatus)
	require.Equal(t, Seconds(30), d.Intervals.NewPatients)
	require.Equal(t, Seconds(60), d.Intervals.AppointmentChanges)
	require.Equal(t, []Problem{{
		Path: "intervals.appointment_status", Severity: Warning, Code: CodeIntervalRaised,
		Words: "Appointment Status starts with 60 seconds instead of 15 seconds, because Open Dental allows no shorter interval.",
	}}, problems)
}

func TestIntervalIsNeverPacedBelowTheMinimumOfThePMS(t *testing.T) {
	t.Parallel()
	info := driver.Info{Feeds: map[driver.Feed]driver.FeedInfo{driver.AppointmentStatusFeed: {MinInterval: time.Minute}}}
	every, on := Default().PacedInterval(driver.AppointmentStatusFeed, info)
	require.True(t, on)
	require.Equal(t, time.Minute, every)
	every, on = Default().PacedInterval(driver.AppointmentFeed, info)
	require.True(t, on)
	require.Equal(t, time.Minute, every)

	d := Default()
	d.Intervals.AppointmentStatus = Never()
	_, on = d.PacedInterval(driver.AppointmentStatusFeed, info)
	require.False(t, on, "a minimum does not switch a loop on")
}

func TestNoteTypeOfAKindGoesBeforeTheDefault(t *testing.T) {
	t.Parallel()
	d := Default()
	d.Notes.Enabled = map[driver.NoteKind]bool{driver.IncomingCall: true, driver.OutgoingSMS: true, "fax": true}
	d.Notes.Type = Ref{ID: "239"}
	d.Notes.TypeByKind = map[driver.NoteKind]Ref{driver.OutgoingSMS: {ID: "240"}, driver.MissedCall: {ID: "241"}}

	r, on := d.NoteType(driver.IncomingCall)
	require.True(t, on)
	require.Equal(t, "239", r.ID)
	r, on = d.NoteType(driver.OutgoingSMS)
	require.True(t, on)
	require.Equal(t, "240", r.ID)
	_, on = d.NoteType(driver.MissedCall)
	require.False(t, on, "an override does not switch a kind on")
	_, on = d.NoteType("fax")
	require.False(t, on, "an unknown kind is off")
}

func TestFormTypeHasItsOwnFolderOrThatOfItsCategory(t *testing.T) {
	t.Parallel()
	d := Default()
	d.Forms.ByCategory = map[driver.FormCategory]Ref{
		driver.InformedConsent: {ID: "c"}, driver.ScannedDocuments: {ID: "s"},
	}
	d.Forms.Types = []FormType{
		{Name: "Extraction Consent", Category: driver.InformedConsent, Folder: Ref{ID: "own"}},
		{Name: "X-Ray Release", Category: driver.InformedConsent},
		{Name: "Intake", Category: driver.PatientIdentification},
	}
	require.Equal(t, "own", d.FormFolder(driver.InformedConsent, "Extraction Consent").ID)
	require.Equal(t, "own", d.FormFolder("", " extraction consent ").ID)
	require.Equal(t, "c", d.FormFolder(driver.ScannedDocuments, "X-Ray Release").ID, "the settings say where a type belongs")
	require.Equal(t, "s", d.FormFolder(driver.ScannedDocuments, "Something else").ID)
	require.Equal(t, "s", d.FormFolder(driver.ScannedDocuments, "").ID)
	require.True(t, d.FormFolder(driver.PatientIdentification, "Intake").IsZero(), "an empty category is off")
}

func TestPaymentProviderFallsBackToTheWritebackProvider(t *testing.T) {
	t.Parallel()
	d := Default()
	d.Payments.Provider = Ref{ID: "HYG1"}
	require.True(t, d.PaymentProvider().IsZero(), "without a writeback provider nothing is written at all")
	d.Sync.ProviderID = Ref{ID: "DOC1"}
	require.Equal(t, "HYG1", d.PaymentProvider().ID)
	d.Payments.Provider = Ref{}
	require.Equal(t, "DOC1", d.PaymentProvider().ID)
}

func TestConfirmedSetIsComparedByteForByte(t *testing.T) {
	t.Parallel()
	d := Default()
	d.Statuses.Confirmed = []Ref{{ID: "01"}, {ID: "FIRM"}}
	require.True(t, d.IsConfirmed("01"))
	require.False(t, d.IsConfirmed("1"))
	require.False(t, d.IsConfirmed("firm"))
	require.False(t, d.IsConfirmed(""))
}

func TestAnythingToWriteNeedsAProvider(t *testing.T) {
	t.Parallel()
	d := Default()
	d.Statuses.ConfirmedTarget = Ref{ID: "21"}
	require.False(t, d.Writes())
	d.Sync.ProviderID = Ref{ID: "1"}
	require.True(t, d.Writes())
	d.Statuses.ConfirmedTarget = Ref{}
	require.False(t, d.Writes(), "a provider alone writes nothing")
	d.Forms.Types = []FormType{{Name: "A", Category: driver.InformedConsent}}
	require.False(t, d.Writes(), "a form type without a folder writes nothing")
	d.Forms.Types[0].Folder = Ref{ID: "131"}
	require.True(t, d.Writes())
}

func TestCloneSharesNothing(t *testing.T) {
	t.Parallel()
	d := filledDocument()
	c := d.Clone()
	require.True(t, c.Equal(d))
	c.Notes.Enabled[driver.IncomingCall] = false
	c.Notes.TypeByKind[driver.OutgoingSMS] = Ref{ID: "changed"}
	c.Statuses.Confirmed[0].ID = "changed"
	c.Forms.ByCategory[driver.InformedConsent] = Ref{ID: "changed"}
	c.Forms.Types[0].Name = "changed"
	c.Payments.Types[driver.ChannelOnline] = Ref{ID: "changed"}
	require.True(t, d.Equal(filledDocument()))
	require.False(t, c.Equal(d))
}

func TestClearReferencesLeavesNothingOfAPMS(t *testing.T) {
	t.Parallel()
	d := filledDocument()
	c := d.ClearReferences()
	require.Empty(t, c.References())
	require.False(t, c.Writes())
	require.Equal(t, d.Notes.Enabled, c.Notes.Enabled)
	require.Equal(t, d.Intervals, c.Intervals)
	require.Equal(t, "Extraction Consent", c.Forms.Types[0].Name)
	require.True(t, d.Equal(filledDocument()), "the original is untouched")
}

// filledDocument has every field set to something other than its default.
func filledDocument() Document {
	d := Default()
	d.Sync.ProviderID = Ref{ID: "DOC1", Label: "Dr. Adams"}
	d.Notes.Enabled = map[driver.NoteKind]bool{}
	for _, k := range driver.NoteKinds() {
		d.Notes.Enabled[k] = true
	}
	d.Notes.Type = Ref{ID: "239", Label: "Misc"}
	d.Notes.TypeByKind = map[driver.NoteKind]Ref{}
	for _, k := range driver.NoteKinds() {
		d.Notes.TypeByKind[k] = Ref{ID: "238", Label: "Recall"}
	}
	d.Documents.InsuranceVerification = Ref{ID: "131", Label: "Insurance"}
	d.Documents.AccountStatement = Ref{ID: "240", Label: "Statements"}
	d.Intervals = Intervals{AppointmentStatus: Seconds(20), AppointmentChanges: Never(), NewPatients: Every(90 * time.Second), Photos: true, PhotoSweep: Every(time.Hour)}
	d.Statuses.Confirmed = []Ref{{ID: "21", Label: "Confirmed"}, {ID: "22", Label: "Arrived"}}
	d.Statuses.ConfirmedTarget = Ref{ID: "21", Label: "Confirmed"}
	d.Statuses.UnconfirmedTarget = Ref{ID: "19", Label: "Unconfirmed"}
	d.Forms.ByCategory = map[driver.FormCategory]Ref{}
	for _, c := range driver.FormCategories() {
		d.Forms.ByCategory[c] = Ref{ID: "138", Label: "Patient Information"}
	}
	d.Forms.Types = []FormType{
		{Name: "Extraction Consent", Category: driver.InformedConsent, Folder: Ref{ID: "131", Label: "Insurance"}},
		{Name: "Intake", Category: driver.PatientIdentification},
	}
	d.Payments.Auto = true
	d.Payments.Provider = Ref{ID: "HYG1", Label: "Hygiene"}
	d.Payments.Types = map[driver.PaymentChannel]Ref{}
	for _, c := range driver.PaymentChannels() {
		d.Payments.Types[c] = Ref{ID: "71", Label: "Credit Card"}
	}
	d.Payments.SurchargeType = Ref{ID: "72", Label: "Surcharge"}
	d.Payments.Separate = true
	d.Payments.OffsetFee = Ref{ID: "9", Label: "Fee offset"}
	return d
}
