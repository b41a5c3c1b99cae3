package opendental_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/drivertest"
	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

var definitionCategories = map[driver.Catalog]int64{
	driver.NoteTypes:           opendentaltest.CategoryCommLogTypes,
	driver.DocumentFolders:     opendentaltest.CategoryImageCats,
	driver.AppointmentStatuses: opendentaltest.CategoryApptConfirmed,
	driver.PaymentTypes:        opendentaltest.CategoryPaymentTypes,
	driver.AdjustmentTypes:     opendentaltest.CategoryAdjTypes,
}

// clinic is the one that the suite's connections are narrowed to.
const clinic = 1

func (o *office) staff() drivertest.Staff {
	ctx := o.tb.Context()
	return drivertest.Staff{
		AddPatient:     o.addPatient,
		ArchivePatient: func(patient string) { o.must(o.ArchivePatient(ctx, o.num(patient))) },
		DeletePatient:  func(patient string) { o.must(o.DeletePatient(ctx, o.num(patient))) },
		AddAppointment: o.addAppointment,
		MoveAppointment: func(apt string, start time.Time) {
			_, err := o.MoveAppointment(ctx, o.num(apt), start.In(o.zone), 0)
			o.must(err)
		},
		NoteAppointment: func(apt, note string) {
			_, err := o.EditAppointment(ctx, o.num(apt), func(a *opendentaltest.Appointment) { a.Note = note })
			o.must(err)
		},
		SetStatus:           func(apt, status string) { o.must(o.SetConfirmed(ctx, o.num(apt), o.num(status))) },
		CompleteAppointment: func(apt string) { o.must(o.CompleteAppointment(ctx, o.num(apt))) },
		CancelAppointment:   func(apt string) { o.must(o.BreakAppointment(ctx, o.num(apt), false)) },
		DeleteAppointment:   func(apt string) { o.must(o.DeleteAppointment(ctx, o.num(apt))) },
		AddOption:           o.addOption,
		RenameOption: func(c driver.Catalog, option, label string) {
			if c == driver.Providers {
				_, err := o.EditProvider(ctx, o.num(option), func(p *opendentaltest.Provider) { p.FName, p.LName, p.Suffix = "", label, "" })
				o.must(err)
				return
			}
			o.must(o.RenameDefinition(ctx, o.num(option), label))
		},
		HideOption: func(c driver.Catalog, option string) {
			if c == driver.Providers {
				o.must(o.SetProviderHidden(ctx, o.num(option), true))
				return
			}
			o.must(o.HideDefinition(ctx, o.num(option)))
		},
		AddPhoto: func(patient string, content []byte) string {
			d, err := o.AddPhoto(ctx, o.num(patient), ".jpg", content)
			o.must(err)
			return id(d.DocNum)
		},
		ReplacePhoto: o.replacePhoto,
		WriteNote: func(patient, body string) {
			_, err := o.AddCommlog(ctx, opendentaltest.Commlog{PatNum: o.num(patient), CommDateTime: o.Now(), Note: body, Mode: 3, SentOrReceived: 2})
			o.must(err)
		},
		FileDocument: func(patient, title string, content []byte) {
			category, err := o.DefNum(ctx, opendentaltest.CategoryImageCats, "Miscellaneous")
			o.must(err)
			_, err = o.AddDocument(ctx, o.num(patient), category, title, ".pdf", content)
			o.must(err)
		},
		PostPayment: func(patient string, amount driver.Money, memo string) { o.byHand(patient, amount, memo) },
		PostRefund:  func(patient, _ string, amount driver.Money, memo string) { o.byHand(patient, amount.Neg(), memo) },
		PostAdjustment: func(patient string, amount driver.Money, memo string) {
			o.api("POST", "/adjustments", map[string]any{
				"PatNum": o.num(patient), "AdjType": 2, "AdjAmt": json.Number(amount.Decimal()), "AdjDate": o.Now().Format(time.DateOnly), "AdjNote": memo,
			})
		},
		EditNote: func(note, body string) { o.api("PUT", "/commlogs/"+note, map[string]any{"Note": body}) },
		RenameDocument: func(doc, title string) {
			o.api("PUT", "/documents/"+doc, map[string]any{"Description": title})
		},
		ViewDocument: func(doc string) {
			_, err := o.ViewDocument(ctx, o.num(doc))
			o.must(err)
		},
		AddCharge: func(patient string, fee driver.Money) string {
			made, err := o.AddProcedure(ctx, opendentaltest.Procedure{
				PatNum: o.num(patient), ProcDate: o.Now().AddDate(0, -1, 0), ProcFee: float64(fee.Minor) / 100, ProcStatus: 2, ProvNum: 1,
			})
			o.must(err)
			return id(made.ProcNum)
		},
		AddCoverage: func(patient string) {
			o.plans++
			_, err := o.AddInsurance(ctx, o.num(patient), o.plans)
			o.must(err)
		},
		CloseBooks: func(through driver.Date) { o.must(o.SetPreference(ctx, "SecurityLockDate", through.String())) },
	}
}

func (o *office) addPatient(n drivertest.NewPatient) string {
	p := opendentaltest.Patient{FName: n.First, LName: n.Last, HmPhone: n.Phone, Email: n.Email, ClinicNum: clinic, PriProv: 1}
	if !n.BirthDate.IsZero() {
		p.Birthdate = n.BirthDate.In(o.zone)
	}
	p, err := o.AddPatient(o.tb.Context(), p)
	o.must(err)
	return id(p.PatNum)
}

func (o *office) addAppointment(n drivertest.NewAppointment) string {
	a := opendentaltest.Appointment{
		PatNum: o.num(n.Patient), AptDateTime: n.Start.In(o.zone), Pattern: strings.Repeat("X", int(n.Duration/(5*time.Minute))),
		Note: n.Note, ClinicNum: clinic,
	}
	if n.Provider != "" {
		a.ProvNum = o.num(n.Provider)
	}
	if n.Status != "" {
		a.Confirmed = o.num(n.Status)
	}
	if n.Site != "" {
		a.ClinicNum = o.num(n.Site)
	}
	a, err := o.AddAppointment(o.tb.Context(), a)
	o.must(err)
	return id(a.AptNum)
}

func (o *office) addOption(c driver.Catalog, label string) string {
	ctx := o.tb.Context()
	if c == driver.Providers {
		p, err := o.AddProvider(ctx, opendentaltest.Provider{Abbr: "X", LName: label})
		o.must(err)
		return id(p.ProvNum)
	}
	d := opendentaltest.Definition{Category: definitionCategories[c], ItemName: label}
	if c == driver.AdjustmentTypes {
		d.ItemValue = "+"
	}
	d, err := o.AddDefinition(ctx, d)
	o.must(err)
	return id(d.DefNum)
}

func (o *office) replacePhoto(patient string, content []byte) string {
	documents, err := o.Documents(o.tb.Context())
	o.must(err)
	var newest int64
	for _, d := range documents {
		if d.PatNum == o.num(patient) {
			newest = max(newest, d.DocNum)
		}
	}
	o.must(o.ReplacePhoto(o.tb.Context(), newest, content))
	return id(newest)
}

// byHand posts money as a person would: without a check number.
func (o *office) byHand(patient string, amount driver.Money, memo string) {
	o.api("POST", "/payments", map[string]any{"PatNum": o.num(patient), "PayAmt": amount.Decimal(), "PayNote": memo})
}

// api makes a call past the network, for what the emulator's staff cannot do.
func (o *office) api(method, route string, body map[string]any) {
	o.tb.Helper()
	b, err := json.Marshal(body)
	o.must(err)
	r, err := http.NewRequestWithContext(o.tb.Context(), method, "http://office/api/v1"+route, bytes.NewReader(b))
	o.must(err)
	opendentaltest.SetHeaders(r, developerKey, customerKey)
	resp, err := o.RoundTripper().RoundTrip(r)
	o.must(err)
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode > 299 {
		text, _ := io.ReadAll(resp.Body)
		o.must(fmt.Errorf("%s %s: %d %s", method, route, resp.StatusCode, text))
	}
}

func (o *office) status(appointment string) string {
	list, err := o.Appointments(o.tb.Context())
	o.must(err)
	for _, a := range list {
		if id(a.AptNum) == appointment {
			return id(a.Confirmed)
		}
	}
	return ""
}

// verifiedOn is the latest day on which a coverage of the patient's was verified.
func (o *office) verifiedOn(patient string) driver.Date {
	plans, err := o.PatPlans(o.tb.Context())
	o.must(err)
	list, err := o.InsVerifies(o.tb.Context())
	o.must(err)
	var day driver.Date
	for _, v := range list {
		for _, p := range plans {
			if p.PatNum == o.num(patient) && p.PatPlanNum == v.FKey && day.String() < driver.DateOf(v.DateLastVerified).String() {
				day = driver.DateOf(v.DateLastVerified)
			}
		}
	}
	return day
}

func (o *office) rows(kind driver.OpKind, patient string) []drivertest.Row {
	var rows []drivertest.Row
	switch n := o.num(patient); kind {
	case driver.OpNote:
		list, err := o.Commlogs(o.tb.Context())
		o.must(err)
		for _, c := range list {
			if c.PatNum == n {
				rows = append(rows, drivertest.Row{ID: id(c.CommlogNum), Patient: patient, Type: id(c.CommType), Text: c.Note, At: c.CommDateTime})
			}
		}
	case driver.OpDocument:
		rows = o.documentRows(n)
	case driver.OpPayment, driver.OpRefund:
		rows = o.moneyRows(kind, n)
	case driver.OpAdjustment:
		rows = o.adjustmentRows(n)
	}
	return rows
}

var mimeOf = map[string]string{".pdf": "application/pdf", ".jpg": "image/jpeg", ".png": "image/png"}

func (o *office) documentRows(patient int64) []drivertest.Row {
	list, err := o.Documents(o.tb.Context())
	o.must(err)
	var rows []drivertest.Row
	for _, d := range list {
		if d.PatNum != patient {
			continue
		}
		sum := sha256.Sum256(d.Content)
		r := drivertest.Row{
			ID: id(d.DocNum), Patient: id(patient), Type: id(d.DocCategory), Text: d.Description, At: d.DateCreated,
			SHA256: hex.EncodeToString(sum[:]), MIME: mimeOf[path.Ext(d.FileName)],
		}
		if d.ProvNum != 0 {
			r.Provider = id(d.ProvNum)
		}
		rows = append(rows, r)
	}
	return rows
}

func (o *office) moneyRows(kind driver.OpKind, patient int64) []drivertest.Row {
	payments, err := o.Payments(o.tb.Context())
	o.must(err)
	splits, err := o.PaySplits(o.tb.Context())
	o.must(err)
	var rows []drivertest.Row
	for _, p := range payments {
		if p.PatNum != patient || (p.PayAmt < 0) != (kind == driver.OpRefund) {
			continue
		}
		r := drivertest.Row{
			ID: id(p.PayNum), Patient: id(patient), Type: id(p.PayType), Text: p.PayNote + "\n" + p.CheckNum,
			On: driver.DateOf(p.PayDate), Amount: driver.USD(int64(math.Round(math.Abs(p.PayAmt) * 100))),
		}
		for _, s := range splits {
			if s.PayNum == p.PayNum && s.ProcNum != 0 && kind == driver.OpPayment {
				r.Charges = append(r.Charges, driver.Charge{ID: id(s.ProcNum), Amount: driver.USD(int64(math.Round(s.SplitAmt * 100)))})
			}
			if s.PayNum == p.PayNum && s.ProvNum != 0 && kind == driver.OpPayment {
				r.Provider = id(s.ProvNum)
			}
		}
		rows = append(rows, r)
	}
	return rows
}

func (o *office) adjustmentRows(patient int64) []drivertest.Row {
	list, err := o.Adjustments(o.tb.Context())
	o.must(err)
	var rows []drivertest.Row
	for _, a := range list {
		if a.PatNum != patient {
			continue
		}
		r := drivertest.Row{
			ID: id(a.AdjNum), Patient: id(patient), Type: id(a.AdjType), Text: a.AdjNote,
			On: driver.DateOf(a.AdjDate), Amount: driver.USD(int64(math.Round(a.AdjAmt * 100))),
		}
		if a.ProvNum != 0 {
			r.Provider = id(a.ProvNum)
		}
		rows = append(rows, r)
	}
	return rows
}
