package eaglesoft

import (
	"context"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
)

// Write implements [driver.Writer]. Everything that an operation looks at and all
// that it changes is one transaction on one connection, so that an error before
// its end has no effect, and nothing but its end (COMMIT) can be in doubt.
func (c *conn) Write(ctx context.Context, op driver.Op) (driver.Receipt, error) {
	name := op.Kind().Verb()
	s, err := c.schema(ctx, name)
	if err != nil {
		return driver.Receipt{}, err
	}
	switch why := c.noOp(s, op.Kind()); {
	case why != "" && c.noOp(nil, op.Kind()) == "" && s.catalog.Denies(needsOf(s, op.Kind())...):
		c.forget() // the right may be there by the next time
		return driver.Receipt{}, unauthorized(name, driver.ScopeOperation, why)
	case why != "":
		return driver.Receipt{}, rejected(name, driver.ReasonUnsupported, why)
	}
	if err := checkHead(name, op.Head()); err != nil {
		return driver.Receipt{}, err
	}
	var do func(ctx context.Context, t *tx) (driver.Receipt, error)
	within := c.cfg.timeout()
	var file filed
	switch op := op.(type) {
	case *driver.Note:
		err = checkNote(name, s, op)
		do = func(ctx context.Context, t *tx) (driver.Receipt, error) { return c.writeNote(ctx, t, name, s, op) }
	case *driver.StatusChange:
		// Before the transaction, which holds a connection of the pool.
		var sites map[string]string
		if c.env.Site != "" {
			sites, err = c.sites(ctx, name)
		}
		do = func(ctx context.Context, t *tx) (driver.Receipt, error) {
			return c.writeStatus(ctx, t, name, op, sites)
		}
	case *driver.Document:
		err = checkDocument(name, op)
		within += fileWithin
		do = func(ctx context.Context, t *tx) (driver.Receipt, error) {
			return c.writeDocument(ctx, t, name, s, op, &file)
		}
	case *driver.Payment:
		err = checkPayment(name, op)
		do = func(ctx context.Context, t *tx) (driver.Receipt, error) { return c.writePayment(ctx, t, name, s, op) }
	default:
		err = rejected(name, driver.ReasonUnsupported, "")
	}
	if err != nil {
		return driver.Receipt{}, err
	}
	r, err := c.db.write(ctx, name, within, c.finder(name, op), do)
	if err != nil && driver.WriteError(err).Kind != driver.ErrUnknownOutcome {
		c.withdraw(&file)
	}
	return r, err
}

// finder looks for an operation by its Ref; nil for one that has no room for it.
func (c *conn) finder(name string, op driver.Op) finder {
	switch op := op.(type) {
	case *driver.Note:
		return func(ctx context.Context, q querier) (string, error) { return c.findNote(ctx, q, name, op) }
	case *driver.Document:
		return func(ctx context.Context, q querier) (string, error) { return c.findDocument(ctx, q, name, op) }
	case *driver.Payment:
		return func(ctx context.Context, q querier) (string, error) { return c.findPayment(ctx, q, name, op) }
	}
	return nil
}

// checkHead refuses what Verify could not find again.
func checkHead(op string, h *driver.Header) error {
	if !driver.ValidRef(h.Ref) {
		return rejected(op, driver.ReasonInvalid, "Ref: must be 16 characters of A-Z and 2-7")
	}
	if !isPatientID(h.Patient) {
		return rejected(op, driver.ReasonPatientNotFound, "")
	}
	return nil
}

// checkSession refuses to write on a connection that is not authenticated: within
// its first thirty seconds the write would succeed, and the next one, some time
// later, would not.
func checkSession(ctx context.Context, t *tx, op string) error {
	rows, err := t.query(ctx, op, sessionQuery)
	if err != nil {
		return err
	}
	if why := sessionOf(rows).why(); why != "" {
		return unauthorized(op, driver.ScopeWrites, why)
	}
	return nil
}

// person looks a patient up, who may be inactive.
func (c *conn) person(ctx context.Context, t *tx, op, id string) (person, error) {
	plain, padded := idForms(id, patientWidth)
	rows, err := t.query(ctx, op, "SELECT "+columns("", "patient_id", "responsible_party", "practice_id")+" FROM "+c.db.from(tPatient)+
		` WHERE "patient_id" IN (?, ?)`, plain, padded)
	if err != nil {
		return person{}, err
	}
	for _, r := range rows {
		if r.text("patient_id") != id || !c.here(r) {
			continue
		}
		p := person{id: r.Stored("patient_id"), party: r.Stored("responsible_party")}
		if strings.TrimSpace(p.party) == "" {
			p.party = p.id // nobody else pays
		}
		return p, nil
	}
	return person{}, rejected(op, driver.ReasonPatientNotFound, "")
}

// author is the code under which something is recorded: the operation's provider,
// or the user of the configuration where it names none. Providers and the staff
// who use Eaglesoft are in one table, and user_id is a code of it.
func (c *conn) author(ctx context.Context, t *tx, op string, h *driver.Header) (string, error) {
	id := h.Provider
	if id == "" {
		id = c.cfg.User
	}
	if !isCode(id) || len(id) > providerWidth {
		return "", rejected(op, driver.ReasonProviderUnknown, "")
	}
	plain, padded := idForms(id, providerWidth)
	rows, err := t.query(ctx, op, "SELECT "+columns("", "provider_id", "status")+" FROM "+c.db.from(tProvider)+` WHERE "provider_id" IN (?, ?)`, plain, padded)
	if err != nil {
		return "", err
	}
	for _, r := range rows {
		switch {
		case r.text("provider_id") != id:
		case !strings.EqualFold(r.text("status"), "A"):
			return "", rejected(op, driver.ReasonProviderInactive, "")
		default:
			return r.Stored("provider_id"), nil
		}
	}
	return "", rejected(op, driver.ReasonProviderUnknown, "")
}

// practice is the practice_id that is recorded.
func (c *conn) practice() string {
	if c.env.Site != "" {
		return c.env.Site
	}
	return c.cfg.Practice
}

// withRef puts the Ref behind a text that is shortened to leave room for it.
func withRef(text, ref string, room int) string {
	runes := []rune(oneLine(text))
	if most := max(0, room-len(ref)-1); len(runes) > most {
		runes = runes[:most]
	}
	for len(string(runes)) > max(0, room-len(ref)-1) {
		runes = runes[:len(runes)-1] // a width may be one of bytes
	}
	if text = strings.TrimSpace(string(runes)); text == "" {
		return ref
	}
	return text + " " + ref
}

// oneLine makes one line of a text, of characters that windows-1252 has.
func oneLine(s string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		switch {
		case r < ' ' || r == 0x7F:
			return ' '
		case !sqlpms.Storable(string(r), driver.Windows1252):
			return '?'
		}
		return r
	}, s)), " ")
}

// wall is a moment as the practice's wall time, for an argument.
func (c *conn) wall(t time.Time) time.Time { return sqlpms.WallArg(t, c.loc) }

// receipt is what is given for a write. The database tells no time of it.
func receipt(id string) driver.Receipt { return driver.Receipt{ID: id} }

// around is how far before and after what an operation says of its time rows are
// looked for: staff may have corrected the day, and clocks and zones differ.
const around = 48 * time.Hour
