package opendental

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// Write implements [driver.Writer]. What it reads first (maintenance, patient,
// provider, appointment) changes nothing; the one request with an effect leaves
// within thirty seconds, or sixty when it is about money, or not at all.
func (c *conn) Write(ctx context.Context, op driver.Op) (driver.Receipt, error) {
	name := op.Kind().Verb()
	ctx = withTiming(ctx, timing{
		turn:   turnWrite,
		sendBy: time.Now().Add(c.cfg.sendWithin(op.Kind())),
		money:  isMoney(op.Kind()),
		upload: op.Kind() == driver.OpDocument,
	})
	if s := c.opSupport(op.Kind()); !s.Supported {
		return driver.Receipt{}, rejected(name, driver.ReasonUnsupported, "")
	}
	if err := checkHead(name, op.Head()); err != nil {
		return driver.Receipt{}, err
	}
	if err := c.checkMaintenance(ctx, name); err != nil {
		return driver.Receipt{}, err
	}
	receipt, err := c.write(ctx, name, op)
	c.rememberAccess(op.Kind(), err)
	return receipt, err
}

func (c *conn) write(ctx context.Context, name string, op driver.Op) (driver.Receipt, error) {
	switch op := op.(type) {
	case *driver.Note:
		return c.writeNote(ctx, name, op)
	case *driver.Document:
		return c.writeDocument(ctx, name, op)
	case *driver.StatusChange:
		return c.writeStatus(ctx, name, op)
	case *driver.Payment:
		return c.writePayment(ctx, name, op)
	case *driver.Refund:
		return c.writeRefund(ctx, name, op)
	case *driver.Adjustment:
		return c.writeAdjustment(ctx, name, op)
	}
	return driver.Receipt{}, rejected(name, driver.ReasonUnsupported, "")
}

// isMoney reports whether an operation changes what a patient owes.
func isMoney(kind driver.OpKind) bool {
	return kind == driver.OpPayment || kind == driver.OpRefund || kind == driver.OpAdjustment
}

// checkHead refuses what Verify could not find again.
func checkHead(op string, h *driver.Header) error {
	if !driver.ValidRef(h.Ref) {
		return rejected(op, driver.ReasonInvalid, "Ref: must be 16 characters of A-Z and 2-7")
	}
	if !isID(h.Patient) {
		return rejected(op, driver.ReasonPatientNotFound, "")
	}
	return nil
}

// checkProvider refuses a provider who is unknown or inactive, before anything
// is written that would then be attributed to somebody else.
func (c *conn) checkProvider(ctx context.Context, op, id string) error {
	if !isID(id) {
		return rejected(op, driver.ReasonProviderUnknown, "")
	}
	key := optionKey{driver.Providers, id}
	if c.isKnownActive(ctx, key) {
		return nil
	}
	var rows []row
	var err error
	if c.currentVersion().atLeast(sinceProvider) {
		rows, err = c.get(ctx, call{op: op, path: "/providers/" + id, missing: driver.ReasonProviderUnknown})
	} else {
		rows, err = c.all(ctx, listing{op: op, path: "/providers", key: "ProvNum"})
	}
	if err != nil {
		return beforeSending(err)
	}
	for _, r := range rows {
		switch {
		case r.id("ProvNum") != id:
		case providerActive(r):
			c.knowActive(ctx, key)
			return nil
		default:
			return rejected(op, driver.ReasonProviderInactive, "")
		}
	}
	return rejected(op, driver.ReasonProviderUnknown, "")
}

// checkOption refuses an option that is not in its catalog, or hidden there: the
// API takes some numbers of other catalogs without a word.
func (c *conn) checkOption(ctx context.Context, op string, which driver.Catalog, id string) error {
	if !isID(id) {
		return rejected(op, driver.ReasonOptionUnknown, "")
	}
	active, known, err := c.optionState(ctx, op, which, id)
	switch {
	case err != nil:
		return beforeSending(err)
	case !known:
		return rejected(op, driver.ReasonOptionUnknown, "")
	case !active:
		return rejected(op, driver.ReasonOptionInactive, "")
	}
	return nil
}

// beforeSending makes the error of a look before a write. Nothing was sent, so
// that it cannot be in doubt; and a refused look is no refusal of the write,
// unless it says that what the write is about does not exist. Otherwise a router
// that answers in the office's place for a minute would end payments for good.
func beforeSending(err error) error {
	var e *driver.Error
	if !errors.As(err, &e) || e.Kind != driver.ErrRejected {
		return err
	}
	switch e.Reason {
	case driver.ReasonPatientNotFound, driver.ReasonAppointmentMissing, driver.ReasonProviderUnknown:
		return err
	}
	out := *e
	out.Kind = driver.ErrUnavailable
	return &out
}

// fields is the body of a write.
type fields map[string]any

// number is an id as the API documents it; isID holds.
func number(id string) json.Number { return json.Number(id) }

// send sends a request with an effect, once, and gives the record it answers
// with: none before the versions that send one.
func (c *conn) send(ctx context.Context, q call, body fields) (row, error) {
	q.effect = true
	if body != nil {
		b, err := marshal(body)
		if err != nil {
			return nil, rejected(q.op, driver.ReasonTextRefused, "the text is not valid UTF-8")
		}
		q.body = b
	}
	var got row
	status, err := c.do(ctx, q, func(r row) error {
		if got == nil {
			got = r
		}
		return nil
	})
	if err == nil && got == nil && q.method == http.MethodPost && status != http.StatusCreated {
		// The API says 201 when something was made (Open Dental API, Status Codes).
		return nil, failure(q.op, driver.ErrUnknownOutcome, driver.ReasonNone, "an answer without a record")
	}
	return got, err
}

func (c *conn) post(ctx context.Context, op, path string, body fields) (row, error) {
	return c.send(ctx, call{op: op, method: http.MethodPost, path: path}, body)
}

func (c *conn) put(ctx context.Context, op, path string, missing driver.Reason, body fields) (row, error) {
	return c.send(ctx, call{op: op, method: http.MethodPut, path: path, missing: missing}, body)
}

// plain makes one line of a text and leaves out what Open Dental's three-byte
// UTF-8 cannot hold.
func plain(s string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		switch {
		case r > 0xFFFF:
			return -1
		case r < ' ' || r == 0x7F:
			return ' '
		}
		return r
	}, s)), " ")
}

// withRef puts the Ref behind a text that is shortened to leave room for it.
func withRef(text, ref string, room int) string {
	runes := []rune(plain(text))
	if most := max(0, room-len(ref)-1); len(runes) > most {
		runes = runes[:most]
	}
	if text = strings.TrimSpace(string(runes)); text == "" {
		return ref
	}
	return text + " " + ref
}
