package memdriver

import (
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pmswriteback/pms/driver"
)

// checkForm refuses what is wrong with an operation whatever the PMS holds. It
// needs no lock.
func checkForm(name string, op driver.Op, info driver.OpInfo) error {
	h := op.Head()
	switch {
	case !info.Supported:
		return reject(name, driver.ReasonUnsupported, nil)
	case !driver.ValidRef(h.Ref):
		return reject(name, driver.ReasonInvalid, errors.New("Header.Ref must be 16 characters of A-Z and 2-7"))
	case h.Patient == "":
		return reject(name, driver.ReasonPatientNotFound, errors.New("Header.Patient is empty"))
	}
	switch o := op.(type) {
	case *driver.Note:
		return checkNote(name, o, info)
	case *driver.Document:
		return checkDocument(name, o, info)
	case *driver.Payment:
		return checkMoney(name, o.Amount, o.PostedOn)
	case *driver.Refund:
		return checkMoney(name, o.Amount, o.PostedOn)
	case *driver.Adjustment:
		return checkMoney(name, o.Amount, o.PostedOn)
	}
	return nil
}

func checkNote(name string, n *driver.Note, info driver.OpInfo) error {
	body := n.Body.Reveal()
	switch {
	case !n.About.Valid():
		return reject(name, driver.ReasonInvalid, errors.New("Note.About is not one of driver.NoteKinds"))
	case n.Part < 1 || n.Parts < n.Part:
		return reject(name, driver.ReasonInvalid, errors.New("Note.Part must be from 1 to Parts"))
	case info.MaxBytes > 0 && int64(len(body)) > info.MaxBytes,
		info.MaxChars > 0 && utf8.RuneCountInString(body) > info.MaxChars:
		return reject(name, driver.ReasonTooLarge, nil)
	case body == "" || !storable(body, info.Repertoire):
		return reject(name, driver.ReasonTextRefused, nil)
	}
	return nil
}

func checkDocument(name string, d *driver.Document, info driver.OpInfo) error {
	switch {
	case !d.About.Valid():
		return reject(name, driver.ReasonInvalid, errors.New("Document.About is not one of driver.DocumentKinds"))
	case (d.About == driver.FormDocument) != d.Category.Valid():
		return reject(name, driver.ReasonInvalid, errors.New("Document.Category goes with FormDocument, and only with it"))
	case d.Open == nil || d.Size < 0:
		return reject(name, driver.ReasonInvalid, errors.New("Document.Open and Size must be set"))
	case len(info.MIME) > 0 && !slices.Contains(info.MIME, d.MIME):
		return reject(name, driver.ReasonMIMERefused, nil)
	case info.MaxBytes > 0 && d.Size > info.MaxBytes:
		return reject(name, driver.ReasonTooLarge, nil)
	case !storable(d.Title.Reveal(), info.Repertoire):
		return reject(name, driver.ReasonTextRefused, nil)
	}
	return nil
}

func checkMoney(name string, amount driver.Money, on driver.Date) error {
	switch {
	case amount.Minor <= 0:
		return reject(name, driver.ReasonAmountInvalid, errors.New("the Amount must be more than zero"))
	case amount.Currency != "USD":
		return reject(name, driver.ReasonAmountInvalid, errors.New("this PMS keeps US dollars only"))
	case !on.Valid():
		return reject(name, driver.ReasonInvalid, errors.New("the posting date, PostedOn, is not a day of the calendar"))
	}
	return nil
}

// windows1252 are the characters of that code page above U+00FF.
const windows1252 = "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"

func storable(s string, r driver.Repertoire) bool {
	if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return false
	}
	for _, c := range s {
		switch r {
		case driver.UnicodeBMP:
			if c > 0xFFFF {
				return false
			}
		case driver.Windows1252:
			if c > 0xFF && !strings.ContainsRune(windows1252, c) || c >= 0x80 && c < 0xA0 {
				return false
			}
		}
	}
	return true
}

// checkState refuses what the PMS's records do not allow. The PMS is locked.
func (p *PMS) checkState(w *write) error {
	patient := p.patients.get(w.row.Patient)
	switch {
	case patient == nil:
		return reject(w.name, driver.ReasonPatientNotFound, nil)
	case patient.rec.State == driver.PatientArchived:
		return reject(w.name, driver.ReasonPatientArchived, nil)
	}
	if w.row.Provider != "" {
		o := p.option(driver.Providers, w.row.Provider)
		switch {
		case o == nil:
			return reject(w.name, driver.ReasonProviderUnknown, nil)
		case !o.Active:
			return reject(w.name, driver.ReasonProviderInactive, nil)
		}
	}
	switch {
	case w.status != nil:
		return p.checkStatus(w)
	case w.payment != nil:
		return p.checkLedger(w, w.payment.Type, w.payment.PostedOn)
	case w.refund != nil:
		return p.checkRefund(w)
	case w.adjustment != nil:
		return p.checkAdjustment(w)
	case w.note != nil:
		return p.checkOption(w, w.note.Type)
	}
	return p.checkOption(w, w.document.Folder)
}

// checkOption refuses an option that is not in the operation's catalog.
func (p *PMS) checkOption(w *write, id string) error {
	if w.from == "" {
		return nil
	}
	o := p.option(w.from, id)
	switch {
	case o == nil:
		return reject(w.name, driver.ReasonOptionUnknown, nil)
	case !o.Active:
		return reject(w.name, driver.ReasonOptionInactive, nil)
	}
	return nil
}

// checkLedger refuses a type that is not there and a date in a closed period.
func (p *PMS) checkLedger(w *write, option string, on driver.Date) error {
	if err := p.checkOption(w, option); err != nil {
		return err
	}
	if p.lockDate.IsZero() || on.String() > p.lockDate.String() {
		return nil
	}
	return reject(w.name, driver.ReasonPeriodClosed, nil)
}

// checkAdjustment refuses a type that lowers what is owed: with it the amount
// would go the other way.
func (p *PMS) checkAdjustment(w *write) error {
	a := w.adjustment
	if o := p.option(w.from, a.Type); o != nil && o.Active && o.Lowers {
		return reject(w.name, driver.ReasonOptionUnfit, nil)
	}
	return p.checkLedger(w, a.Type, a.PostedOn)
}

func (p *PMS) checkStatus(w *write) error {
	a := p.appointments.get(w.status.Appointment)
	switch {
	case a == nil || !w.conn.sees(a.rec.Site):
		return reject(w.name, driver.ReasonAppointmentMissing, nil)
	case a.rec.Patient != w.row.Patient:
		return fail(w.name, driver.ErrConflict, errors.New("the appointment is another patient's"))
	case a.rec.Status == w.status.To:
		return nil
	case a.rec.State == driver.AppointmentCompleted || a.rec.State == driver.AppointmentCancelled:
		return reject(w.name, driver.ReasonAppointmentClosed, nil)
	case a.rec.Status != w.status.From:
		return fail(w.name, driver.ErrConflict, nil)
	}
	return p.checkOption(w, w.status.To)
}

func (p *PMS) checkRefund(w *write) error {
	r := w.refund
	paid := p.rows.payments.get(r.Of)
	switch {
	case r.Of == "":
		paid = p.rows.payments.byRef[w.ofRef]
	case paid != nil && paid.Ref != "" && w.ofRef != "" && paid.Ref != w.ofRef:
		paid = nil
	}
	switch {
	case paid == nil || paid.Patient != w.row.Patient:
		return reject(w.name, driver.ReasonPaymentMissing, nil)
	case r.Amount.Minor > paid.Amount.Minor:
		return reject(w.name, driver.ReasonAmountInvalid, errors.New("Refund.Amount is more than the payment"))
	case r.Amount.Minor > paid.Amount.Minor-p.rows.refunded[paid.ID]:
		return reject(w.name, driver.ReasonNotRefundable, errors.New("the payment is refunded already, wholly or in part"))
	}
	r.Of = paid.ID
	return p.checkLedger(w, r.Type, r.PostedOn)
}
