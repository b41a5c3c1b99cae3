package dentrix

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
)

// Write implements [driver.Writer]. What it reads first (the patient, the provider,
// the option, the key) changes nothing; the one call with an effect runs in a
// transaction, and the record is looked up by its key when that is over.
func (c *conn) Write(ctx context.Context, op driver.Op) (driver.Receipt, error) {
	name := op.Kind().Verb()
	p := c.known()
	if !c.opSupport(p, op.Kind()).Supported && op.Head().Prior == nil {
		return driver.Receipt{}, rejected(name, driver.ReasonUnsupported, "")
	}
	o := c.operation(op.Kind())
	if o == nil {
		return driver.Receipt{}, rejected(name, driver.ReasonUnsupported, "")
	}
	w := &writing{conn: c, p: p, op: op, o: o, name: name}
	return w.write(ctx)
}

// writing is one write under way.
type writing struct {
	*conn
	p     *probed
	op    driver.Op
	o     *Operation
	name  string
	facts facts
}

func (w *writing) write(ctx context.Context) (driver.Receipt, error) {
	if err := checkHead(w.name, w.op); err != nil {
		return driver.Receipt{}, err
	}
	w.facts = w.factsOf(w.op, w.o)
	if change, ok := w.op.(*driver.StatusChange); ok {
		return w.setStatus(ctx, change)
	}
	if prior := w.op.Head().Prior; prior != nil {
		if err := w.takePatient(ctx); err != nil {
			return driver.Receipt{}, beforeSending(err)
		}
		return w.readBack(ctx, *prior)
	}
	if err := w.check(ctx); err != nil {
		return driver.Receipt{}, beforeSending(err)
	}
	if w.o.Find != nil {
		_, there, err := w.find(ctx, w.o.Find, w.facts)
		if err != nil {
			return driver.Receipt{}, beforeSending(err)
		}
		if there {
			// An earlier sending of the same write: what it was is Verify's to say.
			return driver.Receipt{}, failure(w.name, driver.ErrUnknownOutcome, driver.ReasonDuplicate, "a record with this reference is there already")
		}
	}
	if d, ok := w.op.(*driver.Document); ok {
		bytes, err := content(ctx, w.name, d)
		if err != nil {
			return driver.Receipt{}, err
		}
		w.facts[BindContent] = bytes
	}
	id, err := w.send(ctx)
	if err != nil {
		return driver.Receipt{}, err
	}
	if w.o.Find == nil {
		return driver.Receipt{ID: id}, nil
	}
	return w.readBack(ctx, driver.Receipt{ID: id})
}

// send makes the one call that has an effect, and says what became of it.
func (w *writing) send(ctx context.Context) (id string, err error) {
	receipt, err := w.db.Write(ctx, sqlpms.Write{Op: w.name, MayCommit: true, Do: w.call})
	e := driver.WriteError(err)
	if e == nil || e.Kind == driver.ErrUnknownOutcome || w.o.Find == nil {
		return receipt.ID, err
	}
	// A procedure that refused should have written nothing. One that ended the
	// transaction by itself is known by what it left.
	if refused := e.Kind == driver.ErrRejected; refused {
		if _, there, lookErr := w.find(ctx, w.o.Find, w.facts); lookErr != nil || there {
			return "", failure(w.name, driver.ErrUnknownOutcome, e.Reason, "the procedure failed, and may have kept what it wrote")
		}
	}
	return "", err
}

// call runs the procedure within the transaction, and gives what its codes mean.
func (w *writing) call(ctx context.Context, tx *sqlpms.Tx) (driver.Receipt, error) {
	column := ""
	if w.o.ID != nil && w.o.ID.From == fromResult {
		column = w.o.ID.Column
	}
	var receipt driver.Receipt
	name, marks, _ := procedure(w.o.Call)
	_, err := tx.Call(ctx, sqlpms.SQL(callText(name, marks), w.facts.arguments(w.o.Arguments)...), func(_ int, r *sqlpms.Row) error {
		if column != "" && receipt.ID == "" && r.Has(column) {
			receipt.ID = r.ID(column)
		}
		return nil
	})
	if err == nil {
		return receipt, nil
	}
	d, _ := sqlpms.Diagnose(err)
	if m, ok := meaningOf(d.Native, w.o.Errors); ok {
		e := failure(w.name, m.kind, m.reason, apiRefused+" (error "+strconv.Itoa(d.Native)+")")
		e.RetryAfter = m.pause
		return driver.Receipt{}, e
	}
	return driver.Receipt{}, err
}

// callText is the only form in which a procedure of the profile is called.
func callText(procedure string, marks int) string {
	return "call admin." + procedure + "(" + strings.TrimSuffix(strings.Repeat("?, ", marks), ", ") + ")"
}

// readBack looks for what was written. When it is not there under its key, nobody
// could ever tell that it was written: nothing more is written that way until the
// profile is mended, and this record waits, without being sent again.
func (w *writing) readBack(ctx context.Context, receipt driver.Receipt) (driver.Receipt, error) {
	incomplete := func(cause string) (driver.Receipt, error) {
		e := failure(w.name, driver.ErrIncomplete, driver.ReasonNone, cause)
		e.Receipt = driver.Receipt{ID: receipt.ID, State: "read-back"}
		return driver.Receipt{}, e
	}
	if w.o.Find == nil {
		return driver.Receipt{ID: receipt.ID}, nil
	}
	found, there, err := w.find(ctx, w.o.Find, w.facts)
	switch {
	case err != nil:
		return incomplete("it was written, and reading it back failed")
	case !there:
		w.misses(w.op.Kind(), w.op.Head().Ref)
		return incomplete("it was written, and is not found by its reference")
	}
	w.finds(w.op.Kind(), w.op.Head().Ref)
	if found.ID == "" {
		found.ID = receipt.ID
	}
	return found, nil
}

// checkHead refuses what could not be found again.
func checkHead(name string, op driver.Op) error {
	h := op.Head()
	if !driver.ValidRef(h.Ref) {
		return rejected(name, driver.ReasonInvalid, "Ref: must be 16 characters of A-Z and 2-7")
	}
	if n, ok := idNumber(h.Patient); (!ok || n == 0) && op.Kind() != driver.OpStatus {
		return rejected(name, driver.ReasonPatientNotFound, "")
	}
	return nil
}

// check looks at everything that can be known before the call.
func (w *writing) check(ctx context.Context) error {
	if err := w.checkContent(); err != nil {
		return err
	}
	if err := w.takePatient(ctx); err != nil {
		return err
	}
	if err := w.checkProvider(ctx); err != nil {
		return err
	}
	if err := w.checkType(ctx); err != nil {
		return err
	}
	if r, ok := w.op.(*driver.Refund); ok {
		return w.checkRefunded(ctx, r)
	}
	return nil
}

// checkContent refuses texts, sizes and amounts that do not fit.
func (w *writing) checkContent() error {
	switch op := w.op.(type) {
	case *driver.Note:
		return sqlpms.Field{Name: "Body", Chars: w.o.maxChars(driver.OpNote), Repertoire: driver.Windows1252}.Check(Name, w.name, op.Body.Reveal())
	case *driver.Document:
		if w.o.MaxBytes > 0 && op.Size > w.o.MaxBytes {
			return rejected(w.name, driver.ReasonTooLarge, "")
		}
		if len(w.o.MIME) > 0 && !slices.Contains(w.o.MIME, op.MIME) {
			return rejected(w.name, driver.ReasonMIMERefused, "")
		}
	case *driver.Payment:
		return w.checkMoney(op.Amount, op.PostedOn)
	case *driver.Refund:
		if op.Amount.Minor > op.OfAmount.Minor {
			return rejected(w.name, driver.ReasonAmountInvalid, "Amount: more than was paid")
		}
		return w.checkMoney(op.Amount, op.PostedOn)
	case *driver.Adjustment:
		return w.checkMoney(op.Amount, op.PostedOn)
	}
	return nil
}

func (w *writing) checkMoney(amount driver.Money, on driver.Date) error {
	if amount.Minor <= 0 {
		return rejected(w.name, driver.ReasonAmountInvalid, "Amount: must be more than zero")
	}
	if amount.Currency != "USD" && amount.Currency != "CAD" {
		return rejected(w.name, driver.ReasonAmountInvalid, "Amount: the ledger holds dollars")
	}
	if !on.Valid() {
		return rejected(w.name, driver.ReasonInvalid, "PostedOn: is not a day")
	}
	return nil
}

// takePatient reads the patient, on whom the arguments depend.
func (w *writing) takePatient(ctx context.Context) error {
	who, err := w.person(ctx, w.name, w.p, w.op.Head().Patient)
	if err != nil {
		return err
	}
	if who == nil {
		return rejected(w.name, driver.ReasonPatientNotFound, "")
	}
	if who.State == driver.PatientArchived && w.op.Head().Prior == nil {
		return rejected(w.name, driver.ReasonPatientArchived, "")
	}
	w.facts.ofPatient(who)
	return nil
}

// checkProvider refuses a provider who is unknown or inactive, before anything is
// written that would then be attributed to somebody else.
func (w *writing) checkProvider(ctx context.Context) error {
	id := w.op.Head().Provider
	if !binds(w.o.Arguments, BindProvider) || id == "" {
		return nil
	}
	found, err := all(ctx, w.db, w.name, sqlpms.SQL("SELECT "+w.p.selected(providerView)+" FROM admin.v_provider WHERE provider_id = ?", id), provider)
	if err != nil {
		return err
	}
	for _, o := range found {
		switch {
		case o.ID != id:
		case !o.Active:
			return rejected(w.name, driver.ReasonProviderInactive, "")
		default:
			return nil
		}
	}
	return rejected(w.name, driver.ReasonProviderUnknown, "")
}

// checkType refuses an option that the office does not have, that has lost its text,
// that is not what the profile expects, or that does not raise what is owed.
func (w *writing) checkType(ctx context.Context) error {
	if !binds(w.o.Arguments, BindType) {
		return nil
	}
	kind := w.op.Kind()
	id := optionOf(w.op)
	if w.o.Type != nil {
		id = w.o.Type.ID
	}
	return w.checkOption(ctx, typeCatalog(kind), id)
}

func (w *writing) checkOption(ctx context.Context, which driver.Catalog, id string) error {
	options, err := w.options(ctx, w.name, w.p, which)
	if err != nil {
		return err
	}
	pins := w.pins()
	for _, o := range options {
		if o.ID != id {
			continue
		}
		want, pinned := pins[Definition{Catalog: which, ID: id}]
		switch {
		case !o.Active, pinned && !sameText(want, o.Label):
			return rejected(w.name, driver.ReasonOptionInactive, "")
		case which == driver.AdjustmentTypes && o.Lowers:
			return rejected(w.name, driver.ReasonOptionUnfit, "")
		}
		return nil
	}
	return rejected(w.name, driver.ReasonOptionUnknown, "")
}

func optionOf(op driver.Op) string {
	switch op := op.(type) {
	case *driver.Note:
		return op.Type
	case *driver.Document:
		return op.Folder
	case *driver.StatusChange:
		return op.To
	case *driver.Payment:
		return op.Type
	case *driver.Refund:
		return op.Type
	case *driver.Adjustment:
		return op.Type
	}
	return ""
}

// checkRefunded looks for the payment that is given back, by its key.
func (w *writing) checkRefunded(ctx context.Context, r *driver.Refund) error {
	payment := w.operation(driver.OpPayment)
	if payment == nil || payment.Find == nil {
		return rejected(w.name, driver.ReasonUnsupported, "")
	}
	of := facts{BindKey: r.OfRef}
	for _, b := range bindPatient {
		of[b] = w.facts[b]
	}
	// It may have been paid years ago.
	from, to := w.spanOf(r)
	of.span(addDays(from, -10*365), to)
	_, there, err := w.find(ctx, payment.Find, of)
	if err == nil && !there {
		return rejected(w.name, driver.ReasonPaymentMissing, "")
	}
	return err
}

// beforeSending makes the error of a look before a write. Nothing was sent, so that
// it cannot be in doubt; and a look that the database refuses is no refusal of the
// write.
func beforeSending(err error) error {
	var e *driver.Error
	if refusalOf(err) == nil || !errors.As(err, &e) || e.Kind != driver.ErrRejected {
		return err
	}
	out := *e
	out.Kind, out.Reason = driver.ErrUnavailable, driver.ReasonNone
	return &out
}
