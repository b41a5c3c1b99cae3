package dentrix

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"mime"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
)

// facts are what the bindings of a call stand for.
type facts map[Binding]any

// arguments are a call's values, in order.
func (f facts) arguments(args []Argument) []any {
	out := make([]any, len(args))
	for i, a := range args {
		if a.Bind != "" {
			out[i] = f[a.Bind]
		} else {
			out[i], _ = a.fixed()
		}
	}
	return out
}

// ofPatient are the facts of a patient.
func (f facts) ofPatient(p *person) {
	f[BindPatientID], f[BindPatientGUID], f[BindGuarantorGUID] = p.number, textOrNull(p.guid), textOrNull(p.guarantorGUID)
	f[BindGuarantorID] = nil
	if p.hasGuarantor {
		f[BindGuarantorID] = p.guarantor
	}
}

func textOrNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// at are the facts of a moment, in the practice's wall time.
func (f facts) at(wall time.Time) {
	f[BindDate] = wall.Format(time.DateOnly)
	f[BindTime] = wall.Format(time.TimeOnly)
	f[BindTimestamp] = wall.Format(time.DateTime)
}

// span bounds a look-up around the days that an operation is about. An office whose
// clock is wrong by months must not get a payment twice.
func (f facts) span(from, to driver.Date) {
	f[BindDateFrom] = addDays(from, -daysAround).String()
	f[BindDateTo] = addDays(to, daysAround).String()
}

const daysAround = 730

// factsOf are those of an operation, except the patient's.
func (c *conn) factsOf(op driver.Op, o *Operation) facts {
	h := op.Head()
	f := facts{BindKey: h.Ref, BindProvider: textOrNull(h.Provider)}
	keyed := binds(o.Arguments, BindKey)
	switch op := op.(type) {
	case *driver.Note:
		f.at(sqlpms.WallOf(op.At, c.loc))
		body := op.Body.Reveal()
		first, _, _ := strings.Cut(body, "\n")
		f[BindText], f[BindTitle], f[BindType] = body, sqlpms.Shorten(legible(first), o.titleChars()), number(op.Type)
	case *driver.Document:
		f.at(sqlpms.WallOf(op.At, c.loc))
		text := legible(oneLine(op.Title.Reveal()))
		f[BindTitle], f[BindText] = withKey(text, h.Ref, o.titleChars()), withKey(text, h.Ref, o.maxChars(op.Kind()))
		if keyed {
			f[BindTitle] = sqlpms.Shorten(text, o.titleChars())
		}
		f[BindType], f[BindMIME], f[BindExtension] = number(op.Folder), op.MIME, extension(op.MIME)
	case *driver.StatusChange:
		f[BindAppointmentID], f[BindStatus] = number(op.Appointment), number(op.To)
	case *driver.Payment:
		f.money(op.PostedOn, op.Amount, op.Type, op.Memo, keyed, h.Ref, o.maxChars(op.Kind()))
	case *driver.Refund:
		f.money(op.PostedOn, op.Amount, op.Type, op.Memo, keyed, h.Ref, o.maxChars(op.Kind()))
		f[BindOfID] = number(op.Of)
	case *driver.Adjustment:
		f.money(op.PostedOn, op.Amount, op.Type, op.Memo, keyed, h.Ref, o.maxChars(op.Kind()))
		f[BindOfID] = number(op.Of)
	}
	if o.Type != nil {
		f[BindType] = number(o.Type.ID)
	}
	f.span(c.spanOf(op))
	return f
}

func (f facts) money(on driver.Date, amount driver.Money, typ string, memo driver.Text, keyed bool, ref string, room int) {
	f.at(on.In(time.UTC))
	f[BindAmount], f[BindAmountNegative], f[BindType] = amount.Decimal(), amount.Neg().Decimal(), number(typ)
	text := legible(oneLine(memo.Reveal()))
	f[BindText] = withKey(text, ref, room)
	if keyed {
		f[BindText] = sqlpms.Shorten(text, room)
	}
}

// spanOf are the first and the last day that an operation has to do with.
func (c *conn) spanOf(op driver.Op) (from, to driver.Date) {
	days := []driver.Date{driver.DateOf(time.Now().In(c.loc))}
	if sent := op.Head().FirstSent; !sent.IsZero() {
		days = append(days, driver.DateOf(sent.In(c.loc)))
	}
	switch op := op.(type) {
	case *driver.Note:
		days = append(days, driver.DateOf(op.At.In(c.loc)))
	case *driver.Document:
		days = append(days, driver.DateOf(op.At.In(c.loc)))
	case *driver.Payment:
		days = append(days, op.PostedOn)
	case *driver.Refund:
		days = append(days, op.PostedOn)
	case *driver.Adjustment:
		days = append(days, op.PostedOn)
	}
	from, to = days[0], days[0]
	for _, d := range days[1:] {
		if dayBefore(d, from) {
			from = d
		}
		if dayBefore(to, d) {
			to = d
		}
	}
	return from, to
}

// number is an id as the database's integer, or the text itself where it is none.
func number(id string) any {
	if n, ok := idNumber(id); ok {
		return n
	}
	return textOrNull(id)
}

// withKey shortens a text until the key fits behind it.
func withKey(text, key string, room int) string {
	text = sqlpms.Shorten(strings.TrimSpace(text), room-len(key)-1)
	return strings.TrimSpace(text + " " + key)
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// legible puts a question mark for each character that Dentrix cannot store: a title
// or a memo may be shortened, and may lose a picture too.
func legible(text string) string {
	return strings.Map(func(r rune) rune {
		if sqlpms.Storable(string(r), driver.Windows1252) {
			return r
		}
		return '?'
	}, text)
}

// extension is what a file name of a type ends with.
func extension(typ string) string {
	known := map[string]string{"application/pdf": ".pdf", "image/jpeg": ".jpg", "image/png": ".png", "image/tiff": ".tif", "text/plain": ".txt"}
	if e, ok := known[typ]; ok {
		return e
	}
	if all, err := mime.ExtensionsByType(typ); err == nil && len(all) > 0 {
		return all[0]
	}
	return ""
}

// content reads a document's bytes, all of them and no more.
func content(ctx context.Context, op string, d *driver.Document) ([]byte, error) {
	r, err := d.Open(ctx)
	if err != nil {
		return nil, unavailable(op, "the document's content cannot be opened")
	}
	defer func() { _ = r.Close() }()
	b, err := io.ReadAll(io.LimitReader(r, d.Size+1))
	if err != nil {
		return nil, unavailable(op, "the document's content cannot be read")
	}
	if int64(len(b)) != d.Size {
		return nil, rejected(op, driver.ReasonInvalid, "the document's content is not as long as was said")
	}
	if sum := sha256.Sum256(b); d.SHA256 != "" && !strings.EqualFold(hex.EncodeToString(sum[:]), d.SHA256) {
		return nil, rejected(op, driver.ReasonInvalid, "the document's content is not that which was announced")
	}
	return b, nil
}
