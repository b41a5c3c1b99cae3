package drivertest

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
)

func newWatch() *watch { return &watch{secrets: []string{"k3y/of=acme"}, canaries: canaries()} }

func TestPatientDataIsKnownAgainInEveryForm(t *testing.T) {
	t.Parallel()
	p := person(7)
	for _, text := range []string{
		p.First, strings.ToUpper(p.Last), p.Email, p.Phone, "tel:3125550142", "312.555.0142", "%28312%29+555-0142",
		"born 1931-03-17", "03/17/1931", "3/17/1931 12:00:00 AM", "17 Mar 1931", fmt.Sprintf("%v", struct{ D any }{struct{ Y, M, D int }{1931, 3, 17}}),
		fmt.Sprintf("%#v", born()), base64.StdEncoding.EncodeToString(file("application/pdf", 300, "x")), base64.StdEncoding.EncodeToString(file("image/png", 300, "x")),
		base64.StdEncoding.EncodeToString(file("text/plain", 300, "x")),
		"k3y/of=acme", "k3y%2Fof%3Dacme", base64.StdEncoding.EncodeToString([]byte("k3y/of=acme")),
	} {
		require.NotEmpty(t, newWatch().leak(text), text)
	}
	for _, text := range []string{
		"", "acme: post payment: rejected (period_closed)", "patient 42", "2026-03-17T09:00:00Z", p.Phone[:5], driver.NewText(p.Last).String(),
		fmt.Sprintf("%+v", driver.Patient{LastName: driver.NewText(p.Last), BirthDate: driver.NewBirthDate(born())}),
	} {
		require.Empty(t, newWatch().leak(text), text)
	}
}

func TestErrorsAreSearchedToTheBottom(t *testing.T) {
	t.Parallel()
	deep := &driver.Error{Driver: "acme", Op: "ping", Kind: driver.ErrUnavailable, Err: fmt.Errorf("get: %w", errors.Join(
		errors.New("refused"), &url.Error{Op: "Get", URL: "http://acme/?key=k3y/of=acme", Err: errors.New("patient " + marker)},
	))}
	w := newWatch()
	w.call("case", CallPing, deep)
	require.NotEmpty(t, w.about(ruleErrorPrivacy))
	require.NotEmpty(t, w.about(ruleURLErrors))
	for _, f := range w.findings {
		require.NotContains(t, f.text, marker, "a finding repeats what it found")
		require.NotContains(t, f.text, "k3y", "a finding repeats what it found")
	}
}

// hidden prints its field only with %+v and %#v.
type hidden struct{ note string }

func (hidden) Error() string { return "failed" }

func TestFieldsOfErrorsAreSearchedToo(t *testing.T) {
	t.Parallel()
	w := newWatch()
	w.call("case", CallWrite, hidden{marker + " called"})
	require.NotEmpty(t, w.about(ruleErrorPrivacy))
}

func TestTheFormOfErrorsIsJudgedByTheCall(t *testing.T) {
	t.Parallel()
	good := func(e driver.Error) error {
		e.Driver, e.Op = "acme", "do it"
		return &e
	}
	for _, c := range []struct {
		call Call
		err  error
		bad  bool
	}{
		{CallWrite, good(driver.Error{Kind: driver.ErrRejected, Reason: driver.ReasonInvalid}), false},
		{CallWrite, good(driver.Error{Kind: driver.ErrRejected}), true},
		{CallWrite, good(driver.Error{Kind: driver.ErrRejected, Reason: "moon_phase"}), true},
		{CallPing, good(driver.Error{Kind: driver.ErrUnauthorized, Scope: driver.ScopeWrites}), false},
		{CallPing, good(driver.Error{Kind: driver.ErrUnauthorized}), true},
		{CallChanges, good(driver.Error{Kind: driver.ErrCursorExpired}), false},
		{CallFind, good(driver.Error{Kind: driver.ErrCursorExpired}), true},
		{CallFind, good(driver.Error{Kind: driver.ErrConflict}), true},
		{CallVerify, good(driver.Error{Kind: driver.ErrIncomplete}), true},
		{CallWrite, good(driver.Error{Kind: "odd"}), true},
		{CallWrite, good(driver.Error{Kind: driver.ErrUnavailable, RetryAfter: -1}), true},
		{CallWrite, good(driver.Error{}), false}, // counts as an unknown outcome
		{CallWrite, &driver.Error{Op: "do it", Kind: driver.ErrUnavailable}, true},
		{CallWrite, &driver.Error{Driver: "acme", Kind: driver.ErrUnavailable}, true},
		{CallWrite, context.DeadlineExceeded, false},
	} {
		w := newWatch()
		w.call("case", c.call, c.err)
		require.Equal(t, c.bad, len(w.about(ruleErrorForm)) > 0, "%s: %v", c.call, c.err)
		require.Equal(t, 1, w.errorsSeen())
	}
}

func TestLogRecordsAreSearchedAtEveryLevelAndInGroups(t *testing.T) {
	t.Parallel()
	w := newWatch()
	log := w.logger("case")
	log.Debug("found", "name", driver.NewText(person(1).Last), "n", 3)
	require.Empty(t, w.about(ruleLogPrivacy))
	log.WithGroup("patient").With("id", "7").Debug("found", "name", person(1).Last)
	require.NotEmpty(t, w.about(ruleLogPrivacy))
}

func TestARefNeverLooksLikePatientData(t *testing.T) {
	t.Parallel()
	s := newSuite(t.Context(), Harness{})
	c := &checker{suite: s, caseTB: newCaseTB(t.Context(), "case")}
	seen := map[string]bool{}
	for range 2000 {
		ref := c.ref()
		require.Regexp(t, "^[A-Z2-7]{16}$", ref)
		require.False(t, seen[ref])
		require.Empty(t, s.watch.leak(ref))
		seen[ref] = true
	}
}
