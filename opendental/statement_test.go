package opendental_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

func (p *practice) statements() []opendentaltest.Statement {
	p.t.Helper()
	list, err := p.Statements(p.t.Context())
	require.NoError(p.t, err)
	return list
}

func (p *practice) documents() []opendentaltest.Document {
	p.t.Helper()
	list, err := p.Documents(p.t.Context())
	require.NoError(p.t, err)
	return list
}

func TestAFiledStatementHasItsLineInTheAccountWhereThatIsWanted(t *testing.T) {
	t.Parallel()
	for _, mode := range modes {
		for name, tc := range map[string]struct {
			version, wanted string
			about           driver.DocumentKind
			lines           int
		}{
			"wanted":            {wanted: "true", about: driver.AccountStatement, lines: 1},
			"not wanted":        {wanted: "false", about: driver.AccountStatement},
			"another document":  {wanted: "true", about: driver.InsuranceVerification},
			"a version too old": {version: "25.3.25.0", wanted: "true", about: driver.AccountStatement},
		} {
			p := newPractice(t, opendentaltest.Config{Mode: mode, Version: tc.version}, "rate", "1ms", "statements", tc.wanted)
			d := p.op(driver.OpDocument).(*driver.Document)
			d.About = tc.about
			_, err := driver.Write(t.Context(), p.conn, d)
			require.NoError(t, err, name)
			lines := p.statements()
			require.Len(t, lines, tc.lines, name)
			for _, line := range lines {
				require.Equal(t, "Statement "+d.Ref, line.Note)
				require.Equal(t, d.At.Format(time.DateOnly), line.DateSent.Format(time.DateOnly))
				require.Zero(t, line.DocNum, "the document gets another number when it is first opened")
			}
			verdict, receipt, err := driver.Verify(t.Context(), p.conn, d)
			require.NoError(t, err, name)
			require.Equal(t, driver.VerdictApplied, verdict, name)
			require.Empty(t, receipt.State, name)
		}
	}
}

func TestAStatementsLineIsMadeOnceHoweverItFails(t *testing.T) {
	t.Parallel()
	for _, fault := range []opendentaltest.FaultKind{
		opendentaltest.FaultTimeoutApplied, opendentaltest.FaultTimeoutLater, opendentaltest.FaultTimeoutLost,
		opendentaltest.FaultCutAfter, opendentaltest.FaultErrorBefore,
	} {
		p := newPractice(t, opendentaltest.Config{}, "statements", "true", "verify_after", "300ms")
		d := p.op(driver.OpDocument).(*driver.Document)
		in, err := p.Inject(opendentaltest.Fault{Kind: fault, Method: "POST", Route: "/statements"})
		require.NoError(t, err)
		_, err = driver.Write(t.Context(), p.conn, d)
		require.ErrorIs(t, err, driver.ErrIncomplete, fault)
		e := driver.WriteError(err)
		require.NotEmpty(t, e.Receipt.ID, fault)
		prior := e.Receipt
		for until := time.Now().Add(soon); ; {
			d.Prior = &prior
			_, err = driver.Write(t.Context(), p.conn, d)
			if err == nil {
				break
			}
			require.ErrorIs(t, err, driver.ErrIncomplete, "%s: it may still come", fault)
			prior = driver.WriteError(err).Receipt
			if fault == opendentaltest.FaultTimeoutLater {
				in.Release() // and it comes
			}
			require.True(t, time.Now().Before(until), fault)
		}
		in.Release()
		require.Len(t, p.statements(), 1, fault)
		require.Len(t, p.documents(), 1, fault)
	}
}

func TestWithoutThePermissionAStatementIsFiledAllTheSame(t *testing.T) {
	t.Parallel()
	p := newPractice(t, opendentaltest.Config{
		Customers: []opendentaltest.CustomerKey{{Key: opendentaltest.DefaultCustomerKey, Permissions: opendentaltest.Tier15}},
	}, "statements", "true")
	_, err := driver.Write(t.Context(), p.conn, p.op(driver.OpDocument))
	require.NoError(t, err)
	require.Len(t, p.documents(), 1)
	info, err := p.conn.Info(t.Context())
	require.NoError(t, err)
	require.Contains(t, info.Notes[0], "permission AllOthers")
}
