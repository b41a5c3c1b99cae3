package opendental

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// restStatement is the rest of an account statement whose entry in the patient's
// account is not made yet. Behind it stands when it was last tried, since posting
// is not idempotent and the office may still be at work on it.
const restStatement = "statement@"

// statementNoteChars is how much of statement.Note, a MySQL text column, is used.
const statementNoteChars = 4_000

// entersStatement reports whether a filed document also gets a line in the
// patient's account (Open Dental API, Statements POST, since 25.3.26: "does not
// impact billing"). It does not link to the document, whose number changes when
// somebody first opens it; its note holds the document's Ref instead.
func (c *conn) entersStatement(d *driver.Document) bool {
	return c.cfg.Statements && d.About == driver.AccountStatement && c.currentVersion().atLeast(sinceStatements)
}

// enterStatement makes the entry of a document that was just filed. What the
// office refuses remains undone, the document being there; other failures leave a
// rest.
func (c *conn) enterStatement(ctx context.Context, op string, d *driver.Document, done driver.Receipt) (driver.Receipt, error) {
	done.State = ""
	tried := time.Now()
	r, err := c.post(ctx, op, "/statements", fields{
		"PatNum":   number(d.Patient),
		"DateSent": driver.DateOf(d.At.In(c.loc)).String(),
		"Note":     withRef(d.Title.Reveal(), d.Ref, statementNoteChars),
	})
	if err == nil && r.id("StatementNum") == "" {
		err = failure(op, driver.ErrUnknownOutcome, driver.ReasonNone, "made, but the answer names no statement")
	}
	switch e := driver.WriteError(err); {
	case err == nil, e.Kind == driver.ErrRejected:
		return done, nil
	case e.Kind == driver.ErrUnauthorized && e.Scope == driver.ScopeOperation:
		c.lacks(allOthers)
		return done, nil
	case e.Kind != driver.ErrUnknownOutcome:
		tried = time.Time{} // nothing was sent
	}
	return driver.Receipt{}, c.withoutStatement(op, done, tried, err)
}

// withoutStatement is the error of a document whose entry is missing or in doubt.
func (c *conn) withoutStatement(op string, done driver.Receipt, tried time.Time, cause error) error {
	return c.underWay(op, done, restStatement, "the entry in the account remains to be made", driver.OpNote, tried, cause)
}

// finishStatement makes the entry of an earlier filed document if it is not there
// and can no longer come by itself.
func (c *conn) finishStatement(ctx context.Context, op string, d *driver.Document, prior driver.Receipt) (driver.Receipt, error) {
	tried, ok := triedAt(prior.State, restStatement)
	if !ok {
		return driver.Receipt{}, rejected(op, driver.ReasonInvalid, "Prior: names no rest of a document")
	}
	early := time.Now().Before(tried.Add(c.cfg.verifyAfter(driver.OpNote)))
	there, err := c.hasStatement(ctx, op, d)
	switch {
	case errors.Is(err, driver.ErrRejected), there:
		prior.State = ""
		return prior, nil
	case err != nil || early:
		return driver.Receipt{}, c.withoutStatement(op, prior, tried, err)
	}
	return c.enterStatement(ctx, op, d, prior)
}

// hasStatement looks for the entry by its Ref.
func (c *conn) hasStatement(ctx context.Context, op string, d *driver.Document) (bool, error) {
	rows, err := c.all(ctx, listing{op: op, path: "/statements", query: url.Values{"PatNum": {d.Patient}}, key: "StatementNum"})
	for _, r := range rows {
		if strings.Contains(folded(r.text("Note")), d.Ref) {
			return true, err
		}
	}
	return false, err
}

// noteStatement says in a found document's receipt whether its entry is missing.
func (c *conn) noteStatement(ctx context.Context, name string, d *driver.Document, receipt *driver.Receipt) error {
	if !c.entersStatement(d) {
		return nil
	}
	there, err := c.hasStatement(ctx, name, d)
	if errors.Is(err, driver.ErrRejected) {
		return nil
	}
	if err == nil && !there {
		receipt.State = restAt(restStatement, d.LastSent)
	}
	return err
}
