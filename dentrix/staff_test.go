package dentrix_test

import (
	"context"
	"strconv"
	"time"

	"github.com/pmswriteback/pms/dentrix/dentrixtest"
	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/drivertest"
)

// staff are the people of the office, as the suite speaks to them.
func (o *office) staff(ctx context.Context) drivertest.Staff {
	one := func(act func(ctx context.Context, id int) error) func(id string) {
		return func(id string) { o.must(act(ctx, number(o, id))) }
	}
	return drivertest.Staff{
		AddPatient: func(p drivertest.NewPatient) string {
			return strconv.Itoa(got(o.AddPatient(ctx, dentrixtest.Patient{
				First: p.First, Last: p.Last, Born: p.BirthDate.String(), Phone: p.Phone, Email: p.Email,
			}))(o))
		},
		ArchivePatient: one(o.ArchivePatient),
		DeletePatient:  one(o.DeletePatient),
		AddAppointment: func(a drivertest.NewAppointment) string {
			status, _ := strconv.Atoi(a.Status)
			return strconv.Itoa(got(o.AddAppointment(ctx, dentrixtest.Appointment{
				Patient: number(o, a.Patient), Provider: a.Provider, Start: a.Start, Duration: a.Duration, Status: status, Note: a.Note,
			}))(o))
		},
		MoveAppointment:     func(id string, start time.Time) { o.must(o.MoveAppointment(ctx, number(o, id), start)) },
		NoteAppointment:     func(id, note string) { o.must(o.NoteAppointment(ctx, number(o, id), note)) },
		SetStatus:           func(id, status string) { o.must(o.SetStatus(ctx, number(o, id), number(o, status))) },
		CompleteAppointment: one(o.CompleteAppointment),
		CancelAppointment:   one(o.BreakAppointment),
		DeleteAppointment:   one(o.DeleteAppointment),

		AddOption:    func(c driver.Catalog, label string) string { return got(o.AddOption(ctx, lists[c], label))(o) },
		RenameOption: func(c driver.Catalog, id, label string) { o.must(o.RenameOption(ctx, lists[c], id, label)) },
		HideOption:   func(c driver.Catalog, id string) { o.must(o.hide(ctx, c, id)) },

		WriteNote: func(patient, body string) { o.must(o.WriteNote(ctx, number(o, patient), body)) },
		FileDocument: func(patient, title string, content []byte) {
			o.must(o.FileDocument(ctx, number(o, patient), title, content))
		},
		PostPayment: func(patient string, amount driver.Money, memo string) {
			o.must(o.PostPayment(ctx, number(o, patient), amount.Minor, memo))
		},
		PostRefund: func(patient, _ string, amount driver.Money, memo string) {
			o.must(o.PostAdjustment(ctx, number(o, patient), dentrixtest.RefundType, amount.Minor, memo))
		},
		PostAdjustment: func(patient string, amount driver.Money, memo string) {
			o.must(o.PostAdjustment(ctx, number(o, patient), 2, amount.Minor, memo))
		},
		EditNote:       func(id, body string) { o.must(o.EditNote(ctx, id, body)) },
		RenameDocument: func(id, title string) { o.must(o.RenameDocument(ctx, id, title)) },
		ViewDocument:   func(string) {}, // looking changes nothing
		CloseBooks:     func(through driver.Date) { o.must(o.CloseMonth(ctx, through.Year, through.Month, through.Day)) },
	}
}

var lists = map[driver.Catalog]dentrixtest.List{
	driver.Providers: dentrixtest.Providers, driver.DocumentFolders: dentrixtest.DocumentTypes, driver.AppointmentStatuses: dentrixtest.Statuses,
	driver.PaymentTypes: dentrixtest.PaymentTypes, driver.AdjustmentTypes: dentrixtest.AdjustmentTypes,
}

// hide takes an option away. The types of Office Journal entries are fixed.
func (o *office) hide(ctx context.Context, c driver.Catalog, id string) error {
	if c == driver.NoteTypes {
		o.tb.Skip("the types of Office Journal entries are fixed")
	}
	return o.HideOption(ctx, lists[c], id)
}

// rows are what the office's tables hold.
func (o *office) rows(ctx context.Context, kind driver.OpKind, patient string) []drivertest.Row {
	read := map[driver.OpKind]func(context.Context, string) ([]dentrixtest.Row, error){
		driver.OpNote: o.Notes, driver.OpDocument: o.Documents, driver.OpPayment: o.Payments, driver.OpRefund: o.Refunds, driver.OpAdjustment: o.Adjustments,
	}[kind]
	var out []drivertest.Row
	for _, r := range got(read(ctx, patient))(o) {
		row := drivertest.Row{ID: r.ID, Patient: patient, Type: r.Type, Provider: r.Provider, Text: r.Text, At: r.At, SHA256: r.SHA256}
		switch kind {
		case driver.OpPayment:
			row.Amount = driver.USD(-r.Cents)
		case driver.OpRefund, driver.OpAdjustment:
			row.Amount = driver.USD(r.Cents)
		}
		if kind == driver.OpRefund {
			row.Type = "" // the profile's, not the operation's
		}
		row.On = got(driver.ParseDate(r.On))(o)
		if kind == driver.OpDocument {
			row.MIME = map[string]string{".pdf": "application/pdf", ".jpg": "image/jpeg", ".png": "image/png"}[r.Extension]
			row.On = driver.Date{}
		}
		out = append(out, row)
	}
	return out
}
