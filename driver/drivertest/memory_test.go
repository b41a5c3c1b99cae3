package drivertest_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/drivertest"
	"github.com/pmswriteback/pms/driver/memdriver"
)

// memory is the harness of the PMS in memory. broken are the rules that its
// driver breaks, lean makes it a PMS that offers less.
type memory struct {
	broken []memdriver.Broken
	lean   bool
}

func (m memory) harness() drivertest.Harness {
	return drivertest.Harness{
		New:     m.open,
		Secrets: []string{"hunter2"},
		Crowd:   15,
	}
}

func (m memory) open(tb testing.TB, _ *time.Location) *drivertest.PMS {
	// A clock that stands still makes every change a tie.
	start, passed := time.Now(), new(atomic.Int64)
	p := memdriver.New(memdriver.Config{
		Name:        "practice",
		Now:         func() time.Time { return start.Add(time.Duration(passed.Load())) },
		VerifyAfter: 30 * time.Second,
		PageSize:    10,
		Broken:      m.broken,
	})
	p.SetInfo(func(i *driver.Info) {
		note := i.Ops[driver.OpNote]
		note.MaxBytes = int64(note.MaxChars) + 2000
		i.Ops[driver.OpNote] = note
		pay := i.Ops[driver.OpPayment]
		pay.Charges = true
		i.Ops[driver.OpPayment] = pay
		if m.lean {
			offerLess(i)
		}
	})
	f := fixture{tb, p}
	return &drivertest.PMS{
		Driver: p.Driver(), DSN: "memory://practice", ForeignDSN: "memory://elsewhere",
		BadDSNs: []drivertest.BadDSN{
			{DSN: "memory:practice", Names: "memory://"},
			{DSN: "memory://practice?speed=9", Names: "speed"},
			{DSN: "memory://practice?page=many", Names: "page"},
			{DSN: "memory://practice?password=hunter2", Names: "password", Secret: "hunter2"},
		},
		Site: "north", OtherSite: "south",
		Now:      p.Clock,
		Advance:  func(d time.Duration) { passed.Add(int64(d)) },
		Skew:     p.SkewClock,
		Staff:    f.staff(),
		Rows:     f.rows,
		Status:   f.status,
		Verified: p.InsuranceVerified,
		Inject:   f.inject,
	}
}

// offerLess takes something away of every kind.
func offerLess(i *driver.Info) {
	const why = "This practice has not booked it."
	i.Ops[driver.OpRefund] = driver.OpInfo{Support: driver.No(why)}
	i.Ops[driver.OpDocument] = driver.OpInfo{Support: driver.No(why)}
	i.Ops[driver.OpAdjustment] = driver.OpInfo{Support: driver.No(why)}
	i.Feeds[driver.PhotoFeed] = driver.FeedInfo{Support: driver.No(why)}
	i.Feeds[driver.PatientFeed] = driver.FeedInfo{Support: driver.Yes(), Changes: true}
	i.Feeds[driver.AppointmentStatusFeed] = driver.FeedInfo{Support: driver.Yes(), Window: true}
	i.Find[driver.FindByPhone] = driver.No(why)
	i.Catalogs[driver.AdjustmentTypes] = driver.No(why)
	i.MaxCalls = 0
	for k, op := range i.Ops {
		op.VerifyAfter = 0
		i.Ops[k] = op
	}
}

// fixture is staff, and who looks into the tables.
type fixture struct {
	tb testing.TB
	p  *memdriver.PMS
}

func (f fixture) must(err error) {
	f.tb.Helper()
	if err != nil {
		f.tb.Fatal(err)
	}
}

func (f fixture) staff() drivertest.Staff {
	p := f.p
	return drivertest.Staff{
		AddPatient: func(n drivertest.NewPatient) string {
			return p.AddPatient(driver.Patient{
				FirstName: driver.NewText(n.First), LastName: driver.NewText(n.Last), BirthDate: driver.NewBirthDate(n.BirthDate),
				Phones: []driver.Text{driver.NewText(n.Phone)}, Email: driver.NewText(n.Email),
			})
		},
		ArchivePatient: func(id string) { f.must(p.ArchivePatient(id)) },
		DeletePatient:  func(id string) { f.must(p.DeletePatient(id)) },
		AddAppointment: func(n drivertest.NewAppointment) string {
			if n.Site == "" {
				n.Site = "north"
			}
			return p.AddAppointment(driver.Appointment{
				Patient: n.Patient, Provider: n.Provider, Start: n.Start, Duration: n.Duration,
				Status: n.Status, Note: driver.NewText(n.Note), Site: n.Site,
			})
		},
		MoveAppointment: func(id string, start time.Time) { f.must(p.MoveAppointment(id, start)) },
		NoteAppointment: func(id, note string) {
			f.must(p.EditAppointment(id, func(a *driver.Appointment) { a.Note = driver.NewText(note) }))
		},
		SetStatus:           func(id, status string) { f.must(p.SetStatus(id, status)) },
		CompleteAppointment: func(id string) { f.must(p.SetState(id, driver.AppointmentCompleted)) },
		CancelAppointment:   func(id string) { f.must(p.SetState(id, driver.AppointmentCancelled)) },
		DeleteAppointment:   func(id string) { f.must(p.DeleteAppointment(id)) },
		AddOption: func(c driver.Catalog, label string) string {
			return p.AddOption(c, driver.Option{Label: label, Active: true})
		},
		RenameOption: func(c driver.Catalog, id, label string) { f.must(p.RenameOption(c, id, label)) },
		HideOption:   func(c driver.Catalog, id string) { f.must(p.SetOptionActive(c, id, false)) },
		AddPhoto: func(patient string, content []byte) string {
			return p.AddPhoto(patient, "image/jpeg", content)
		},
		ReplacePhoto: f.replacePhoto,
		WriteNote: func(patient, body string) {
			p.AddStaffNote(memdriver.Note{Row: memdriver.Row{Patient: patient}, Body: driver.NewText(body)})
		},
		FileDocument: func(patient, title string, content []byte) {
			p.AddStaffDocument(memdriver.Document{Row: memdriver.Row{Patient: patient}, Title: driver.NewText(title)}, content)
		},
		PostPayment: func(patient string, amount driver.Money, memo string) {
			p.AddStaffPayment(memdriver.Payment{
				Row: memdriver.Row{Patient: patient}, Amount: amount, Memo: driver.NewText(memo), PostedOn: driver.DateOf(p.Clock()),
			})
		},
		PostRefund: func(patient, payment string, amount driver.Money, memo string) {
			p.AddStaffRefund(memdriver.Refund{
				Row: memdriver.Row{Patient: patient}, Of: payment, Amount: amount, Memo: driver.NewText(memo), PostedOn: driver.DateOf(p.Clock()),
			})
		},
		PostAdjustment: func(patient string, amount driver.Money, memo string) {
			p.AddStaffAdjustment(memdriver.Adjustment{
				Row: memdriver.Row{Patient: patient}, Amount: amount, Memo: driver.NewText(memo), PostedOn: driver.DateOf(p.Clock()),
			})
		},
		EditNote:       func(id, body string) { f.must(p.EditNote(id, body)) },
		RenameDocument: func(id, title string) { f.must(p.RenameDocument(id, title)) },
		ViewDocument:   func(string) {}, // looking at it does nothing in this PMS
		AddCharge:      func(patient string, _ driver.Money) string { return p.AddCharge(patient) },
		AddCoverage:    p.AddCoverage,
		CloseBooks:     p.SetLockDate,
	}
}

func (f fixture) replacePhoto(patient string, content []byte) string {
	for _, ph := range f.p.Photos() {
		if ph.Patient == patient {
			f.must(f.p.ReplacePhoto(ph.ID, content))
			return ph.ID
		}
	}
	f.tb.Fatal("the patient has no photo to replace")
	return ""
}

func (f fixture) rows(kind driver.OpKind, patient string) []drivertest.Row {
	var out []drivertest.Row
	add := func(head memdriver.Row, text driver.Text, r drivertest.Row) {
		if head.Patient != patient {
			return
		}
		r.ID, r.Patient, r.Provider = head.ID, head.Patient, head.Provider
		r.Text = strings.TrimSpace(text.Reveal() + "\n" + head.Ref)
		out = append(out, r)
	}
	switch kind {
	case driver.OpNote:
		for _, n := range f.p.Notes() {
			add(n.Row, n.Body, drivertest.Row{Type: n.Type, At: n.At})
		}
	case driver.OpDocument:
		for _, d := range f.p.Documents() {
			add(d.Row, d.Title, drivertest.Row{Type: d.Folder, At: d.At, MIME: d.MIME, SHA256: d.SHA256})
		}
	case driver.OpPayment:
		for _, m := range f.p.Payments() {
			add(m.Row, m.Memo, drivertest.Row{Type: m.Type, Amount: m.Amount, On: m.PostedOn, Charges: m.Charges})
		}
	case driver.OpRefund:
		for _, m := range f.p.Refunds() {
			add(m.Row, m.Memo, drivertest.Row{Type: m.Type, Amount: m.Amount, On: m.PostedOn, Of: m.Of})
		}
	case driver.OpAdjustment:
		for _, m := range f.p.Adjustments() {
			add(m.Row, m.Memo, drivertest.Row{Type: m.Type, Amount: m.Amount, On: m.PostedOn, Of: m.Of})
		}
	}
	return out
}

func (f fixture) status(appointment string) string {
	a, _ := f.p.Appointment(appointment)
	return a.Status
}

func (f fixture) inject(fault drivertest.Fault) (func(), error) {
	on := string(fault.Call)
	switch fault.Call {
	case drivertest.CallAppointment:
		on = "read appointment"
	case drivertest.CallWrite, drivertest.CallVerify:
		on = strings.TrimSpace(on + " " + string(fault.Op))
	}
	fail := memdriver.Fault{On: on}
	switch fault.Kind {
	case drivertest.FaultOffline:
		f.p.SetOffline(true)
		return func() { f.p.SetOffline(false) }, nil
	case drivertest.FaultCursorExpired:
		f.p.ExpireCursors()
		return func() {}, nil
	case drivertest.FaultUnauthorized:
		fail.Err = memdriver.Unauthorized(fault.Scope)
		if fault.Scope == driver.ScopeWrites {
			fail.On = "write"
		}
	case drivertest.FaultBusy:
		fail.Err = memdriver.Busy(time.Minute)
	case drivertest.FaultCutBefore:
		fail.Effect = memdriver.Before
	case drivertest.FaultCutAfter, drivertest.FaultCutMiddle:
		fail.Effect = memdriver.After
	case drivertest.FaultActLater:
		fail.Effect = memdriver.Late
	case drivertest.FaultIgnored:
		fail.Effect = memdriver.Ignored
	case drivertest.FaultHalfDone:
		fail.Effect = memdriver.Half
	case drivertest.FaultHang:
		fail.Effect, fail.Hang = memdriver.Pass, memdriver.HangUntilDone
	default:
		return nil, errors.New("the PMS in memory does not know this fault")
	}
	trip := f.p.Fail(fail)
	return func() { trip.Clear(); trip.Release() }, nil
}

func TestTheReferenceImplementationKeepsEveryRule(t *testing.T) {
	drivertest.Run(t, memory{}.harness())
}

func TestAPMSThatOffersLessKeepsTheRulesThatApply(t *testing.T) {
	drivertest.Run(t, memory{lean: true}.harness())
}
