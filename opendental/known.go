package opendental

import (
	"context"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// What a write looks at beforehand, and for how long it is taken for true.
//
// In Remote mode each look costs a second of a throttled line, and a batch of
// notes would look at the same things again and again. For money everything is
// looked at anew, through the API.

// freshFor is how long what was read before a write is taken for true.
func (c *conn) freshFor(ctx context.Context) time.Duration {
	if c.cfg.mode() == Remote && !timingOf(ctx).money {
		return min(30*time.Second, 30*c.cfg.interval())
	}
	return 0
}

// seldomFactor times freshFor is how long what hardly ever changes is taken for
// true: that an option is active, that the database is not damaged, that a
// patient of whom the feed of patients would have told is still one.
const seldomFactor = 10

// checkPatient refuses writes for patients who are unknown, deleted, archived or
// merged (a merged patient is archived). The API refuses only some of these,
// and some uploads for nobody at all.
func (c *conn) checkPatient(ctx context.Context, op, id string) error {
	if c.isKnownFit(ctx, id) {
		return nil
	}
	if t := c.tablesFor(ctx); t != nil {
		var fit bool
		c.askTables(ctx, func(ctx context.Context) error {
			found, err := t.FindPatients(ctx, driver.PatientQuery{ID: id})
			fit = len(found) == 1 && found[0].State != driver.PatientArchived
			return err
		})
		if fit {
			return nil
		}
		// Whom the tables do not have or have no longer, the API is asked for.
	}
	found, err := c.readPatient(ctx, op, id)
	switch {
	case err != nil:
		return beforeSending(err)
	case found == nil:
		return rejected(op, driver.ReasonPatientNotFound, "")
	case found.State == driver.PatientArchived:
		return rejected(op, driver.ReasonPatientArchived, "")
	}
	c.knowPatients([]driver.Patient{*found})
	return nil
}

// isKnownFit reports whether a patient was fit to be written for a moment ago,
// or a while ago and the feed of patients, read since, tells of no change. The
// feed does not show who was deleted; for them the API refuses, but for uploads.
func (c *conn) isKnownFit(ctx context.Context, id string) bool {
	fresh := c.freshFor(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	seen, known := c.patients[id]
	if !known || fresh == 0 {
		return false
	}
	age := time.Since(seen)
	told := !timingOf(ctx).upload && c.env.Site == "" && time.Since(c.patientsReadAt) < 2*fresh
	return age < fresh || told && age < seldomFactor*fresh
}

// knowPatients remembers patients who were just read one by one or by a search.
func (c *conn) knowPatients(found []driver.Patient) {
	if c.cfg.mode() != Remote {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range found {
		if p.State == driver.PatientArchived {
			delete(c.patients, p.ID)
			continue
		}
		if len(c.patients) >= 10_000 || c.patients == nil {
			c.patients = map[string]time.Time{}
		}
		c.patients[p.ID] = time.Now()
	}
}

func (c *conn) forgetPatient(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.patients, id)
}

// patientsChanged forgets the patients of whom the feed tells. began is when the
// read of the page began that shows everything up to then; zero for another page.
func (c *conn) patientsChanged(changed []driver.Patient, began time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range changed {
		delete(c.patients, p.ID)
	}
	if began.After(c.patientsReadAt) {
		c.patientsReadAt = began
	}
}

type optionKey struct {
	catalog driver.Catalog
	id      string
}

func (c *conn) optionState(ctx context.Context, op string, which driver.Catalog, id string) (active, known bool, err error) {
	key := optionKey{which, id}
	if c.isKnownActive(ctx, key) {
		return true, true, nil
	}
	rows, err := c.definitionsBefore(ctx, op, categories[which])
	if err != nil {
		return false, false, err
	}
	for _, r := range rows {
		if r.id("DefNum") == id {
			active, known = !r.truth("isHidden"), true
		}
	}
	if active {
		c.knowActive(ctx, key)
	}
	return active, known, nil
}

func (c *conn) isKnownActive(ctx context.Context, key optionKey) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, known := c.options[key]
	return known && time.Since(at) < seldomFactor*c.freshFor(ctx)
}

func (c *conn) knowActive(ctx context.Context, key optionKey) {
	if c.freshFor(ctx) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.options == nil {
		c.options = map[optionKey]time.Time{}
	}
	c.options[key] = time.Now()
}

func (c *conn) definitionsBefore(ctx context.Context, op string, category int) (rows []row, err error) {
	if t := c.tablesFor(ctx); t != nil {
		c.askTables(ctx, func(ctx context.Context) (err error) {
			rows, err = t.definitions(ctx, op, category)
			return err
		})
		if len(rows) > 0 {
			return rows, nil
		}
	}
	return c.definitions(ctx, op, category)
}

// preferenceBefore is preference for a look before a write.
func (c *conn) preferenceBefore(ctx context.Context, op, name string) (string, error) {
	if t := c.tablesFor(ctx); t != nil {
		var value string
		var there bool
		c.askTables(ctx, func(ctx context.Context) error {
			found, err := t.preferences(ctx, op, name)
			value, there = found[name]
			return err
		})
		if there {
			return value, nil
		}
	}
	return c.preference(ctx, op, name)
}

const (
	// tablesWithin is how long a look before a write waits for the database. Then
	// the API is asked, and the database is left alone for tablesRest.
	tablesWithin = 2 * time.Second
	tablesRest   = time.Minute
)

// tablesFor gives the office's database for a look before a write that is not
// about money; nil without one, and while it does not answer.
func (c *conn) tablesFor(ctx context.Context) *sqlConn {
	if timingOf(ctx).money {
		return nil
	}
	c.mu.Lock()
	down := time.Now().Before(c.tablesDownUntil)
	c.mu.Unlock()
	if down || c.tables == nil {
		return nil
	}
	return c.tables()
}

func (c *conn) askTables(ctx context.Context, ask func(context.Context) error) {
	ctx, cancel := context.WithTimeout(ctx, tablesWithin)
	defer cancel()
	if ask(ctx) != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.tablesDownUntil = time.Now().Add(tablesRest)
	}
}
