package writeback_test

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

// A rule submits items or changes something in the PMS, and says what came of
// it. What is said of an item is what the PMS has under its references, or the
// state in which it rests and why.

// sent is an item with the name that a rule gives it.
type sent struct{ name, key string }

// key gives an item of a rule a key of its own.
func (f *fieldBed) key(name string) sent {
	f.keys++
	return sent{name, fmt.Sprintf("%s-%d", name, f.keys)}
}

// came waits until the items have gone where they go, and says where that is.
func (f *fieldBed) came(items ...sent) string {
	f.t.Helper()
	f.pass(2 * time.Second)
	words := make([]string, len(items))
	for i, s := range items {
		words[i] = s.name + " " + f.whereabouts(f.item(s.key))
	}
	return strings.Join(words, "; ")
}

func (f *fieldBed) whereabouts(it writeback.Item) string {
	var rows []string
	for _, l := range it.Legs {
		rows = append(rows, f.underRef(l.Ref)...)
	}
	if it.State == writeback.Written {
		return strings.Join(rows, ", ")
	}
	require.Empty(f.t, rows, "%s is %s, and the PMS has it", it.Key, it.State)
	return fmt.Sprintf("%s (%s)", it.State, it.Reason)
}

// underRef says what the PMS has under a reference.
func (f *fieldBed) underRef(ref string) (rows []string) {
	for _, n := range f.pms.Notes() {
		if n.Ref == ref {
			rows = append(rows, n.Type+" by "+n.Provider)
		}
	}
	for _, d := range f.pms.Documents() {
		if d.Ref == ref {
			rows = append(rows, d.Folder+" by "+d.Provider)
		}
	}
	for _, p := range f.pms.Payments() {
		if p.Ref == ref {
			rows = append(rows, p.Amount.Decimal()+" "+p.Type+" by "+p.Provider)
		}
	}
	for _, a := range f.pms.Adjustments() {
		if a.Ref == ref {
			rows = append(rows, "adjustment "+a.Amount.Decimal()+" "+a.Type+" by "+a.Provider)
		}
	}
	for _, s := range f.pms.StatusWrites() {
		if s.Ref == ref {
			rows = append(rows, s.From+" to "+s.To)
		}
	}
	return rows
}

func (f *fieldBed) sendNote(kind driver.NoteKind) sent {
	s := f.key(string(kind))
	n := f.note(s.key)
	n.Kind = kind
	f.must(f.p.WriteNote(f.t.Context(), n))
	return s
}

func (f *fieldBed) sendDocument(kind driver.DocumentKind) sent {
	s := f.key(string(kind))
	d := f.document(s.key)
	d.Kind = kind
	f.must(f.p.WriteDocument(f.t.Context(), d))
	return s
}

func (f *fieldBed) sendForm(category driver.FormCategory, formType string) sent {
	s := f.key(string(category))
	form := f.form(s.key)
	form.Category, form.Type = category, formType
	f.must(f.p.SubmitForm(f.t.Context(), form))
	return s
}

func (f *fieldBed) sendPayment(channel driver.PaymentChannel, fee int64) sent {
	s := f.key(string(channel))
	pay := f.payment(s.key)
	pay.Channel, pay.Fee = channel, driver.USD(fee)
	f.must(f.p.PostPayment(f.t.Context(), pay))
	return s
}

func (f *fieldBed) sendStatus(name string, confirmed bool, from string) sent {
	s := f.key(name)
	id := f.appointment(48 * time.Hour)
	require.NoError(f.t, f.pms.SetStatus(id, from))
	f.confirm(s.key, id, confirmed, "")
	return s
}

// named gives an item another name.
func (s sent) named(name string) sent { return sent{name, s.key} }

// oneOfEach writes one item of each kind.
func oneOfEach(f *fieldBed) string {
	return f.came(
		f.sendNote(driver.IncomingCall).named("note"),
		f.sendDocument(driver.AccountStatement).named("document"),
		f.sendForm(driver.InformedConsent, "").named("form"),
		f.sendStatus("status", true, "0301"),
		f.sendPayment(driver.ChannelOnline, 0).named("payment"),
	)
}

// allNotes writes a note of every kind.
func allNotes(f *fieldBed) string {
	var items []sent
	for _, kind := range driver.NoteKinds() {
		items = append(items, f.sendNote(kind))
	}
	return f.came(items...)
}

// notesWanted is what allNotes should say: the same for all kinds but one.
func notesWanted(usual string, but driver.NoteKind, special string) string {
	var words []string
	for _, kind := range driver.NoteKinds() {
		if kind == but {
			words = append(words, string(kind)+" "+special)
			continue
		}
		words = append(words, string(kind)+" "+usual)
	}
	return strings.Join(words, "; ")
}

func bothDocuments(f *fieldBed) string {
	return f.came(f.sendDocument(driver.InsuranceVerification), f.sendDocument(driver.AccountStatement))
}

func bothStatuses(f *fieldBed) string {
	return f.came(f.sendStatus("confirm", true, "0301"), f.sendStatus("unconfirm", false, "0302"))
}

// allForms submits a form of every category, none of a type that the settings
// know.
func allForms(f *fieldBed) string {
	var items []sent
	for _, category := range driver.FormCategories() {
		items = append(items, f.sendForm(category, ""))
	}
	return f.came(items...)
}

// formsWanted is what allForms should say when one category is as given.
func formsWanted(special driver.FormCategory, came string) string {
	var words []string
	for i, category := range driver.FormCategories() {
		usual := []string{"0203", "0204", "0205", "0206"}[i] + " by DOC1"
		if category == special {
			usual = came
		}
		words = append(words, string(category)+" "+usual)
	}
	return strings.Join(words, "; ")
}

func formTypes(f *fieldBed) string {
	return f.came(
		f.sendForm(driver.InformedConsent, "botox").named("botox"),
		f.sendForm(driver.InformedConsent, "anything else").named("other"),
	)
}

// allPayments posts a payment of every channel.
func allPayments(f *fieldBed) string {
	var items []sent
	for _, channel := range driver.PaymentChannels() {
		items = append(items, f.sendPayment(channel, 0))
	}
	return f.came(items...)
}

// paymentsWanted is what allPayments should say by the channels' types.
func paymentsWanted(types ...string) string {
	var words []string
	for i, channel := range driver.PaymentChannels() {
		came := "held (not_configured)"
		if types[i] != "" {
			came = "100.00 " + types[i] + " by DOC1"
		}
		words = append(words, string(channel)+" "+came)
	}
	return strings.Join(words, "; ")
}

func separate(d *settings.Document) { d.Payments.Separate = true }

// withFee posts a payment with a fee.
func withFee(f *fieldBed) string {
	return f.came(f.sendPayment(driver.ChannelOnline, 269).named("payment"))
}

// meanings lets staff set statuses, and says as what the host was told of them.
func meanings(f *fieldBed) string {
	var words []string
	for _, status := range []string{"0301", "0302", "0303"} {
		id := f.appointment(48 * time.Hour)
		require.NoError(f.t, f.pms.SetStatus(id, "0304"))
		f.pass(70 * time.Second)
		f.news()
		require.NoError(f.t, f.pms.SetStatus(id, status))
		f.pass(20 * time.Second)
		for _, e := range f.news().statuses {
			require.Equal(f.t, status, e.Appointment.Status, "the raw status is kept")
			words = append(words, status+" "+string(e.Status))
		}
	}
	return strings.Join(words, "; ")
}

// alone switches every feed off, so that what is asked is asked for one field.
func alone(d *settings.Document) {
	d.Intervals = settings.Intervals{
		AppointmentStatus: settings.Never(), AppointmentChanges: settings.Never(), NewPatients: settings.Never(), PhotoSweep: settings.Never(),
	}
}

// paces are the intervals that the table's values have, far enough apart to be
// told from each other by counting.
var paces = []time.Duration{
	15 * time.Second, 20 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute,
}

// paced counts how often the PMS is asked for changes, lets staff do something,
// and says what the host is told of it within an interval. Jitter makes an
// interval up to a tenth longer, and never shorter.
func paced(staff func(f *fieldBed) string) func(f *fieldBed) string {
	const span = 20 * time.Minute
	return func(f *fieldBed) string {
		// What a feed does once when it is switched on is not counted.
		f.pass(5 * time.Minute)
		asked := func() int { return f.pms.Traffic().Calls["changes"] }
		before := asked()
		f.pass(span)
		polls := asked() - before
		pace, within := "never asked", 5*time.Minute
		if polls > 0 {
			pace = fmt.Sprintf("asked %d times in %s", polls, span)
		}
		for _, p := range paces {
			if polls >= int(span*10/11/p) && polls <= int(span/p)+1 {
				pace, within = "asked every "+p.String(), p+p/10+time.Second
			}
		}
		f.news()
		id := staff(f)
		f.pass(within)
		var told []string
		for _, words := range f.news().inWords() {
			told = append(told, strings.TrimPrefix(words, id+" "))
		}
		return pace + ", host told " + cmp.Or(strings.Join(told, ", "), "nothing")
	}
}

// staffsOwn is the appointment that staff are at work on.
func (f *fieldBed) staffsOwn() driver.Appointment {
	list := f.pms.Appointments()
	if len(list) == 0 {
		f.appointment(240 * time.Hour)
		list = f.pms.Appointments()
		f.pass(5 * time.Minute)
		f.news()
	}
	return list[0]
}

func staffConfirm(f *fieldBed) string {
	a := f.staffsOwn()
	if a.Status == "0302" {
		require.NoError(f.t, f.pms.SetStatus(a.ID, "0301"))
		f.pass(5 * time.Minute)
		f.news()
	}
	require.NoError(f.t, f.pms.SetStatus(a.ID, "0302"))
	return a.ID
}

func staffMove(f *fieldBed) string {
	a := f.staffsOwn()
	require.NoError(f.t, f.pms.MoveAppointment(a.ID, a.Start.Add(time.Hour)))
	return a.ID
}

func staffAddPatient(f *fieldBed) string {
	f.keys++
	return f.newPatient("New", fmt.Sprint("Comer", f.keys))
}

func staffReplacePhoto(f *fieldBed) string {
	list := f.pms.Photos()
	if len(list) == 0 {
		f.pms.AddPhoto(f.patient, "image/png", []byte("face"))
		f.pass(5 * time.Minute)
		f.news()
		list = f.pms.Photos()
	}
	f.keys++
	require.NoError(f.t, f.pms.ReplacePhoto(list[0].ID, fmt.Append(nil, "face ", f.keys)))
	return list[0].ID
}
