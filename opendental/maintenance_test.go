package opendental_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

// modes are the three ways in which the API is reached.
var modes = []opendentaltest.Mode{opendentaltest.ModeRemote, opendentaltest.ModeService, opendentaltest.ModeLocal}

func TestMaintenanceHoldsWritesAndSaysSo(t *testing.T) {
	t.Parallel()
	for _, mode := range modes {
		for name, value := range map[string][2]string{
			"UpdateInProgressOnComputerName": {"FRONTDESK", ""}, "CorruptedDatabase": {"1", "0"},
		} {
			cfg := opendentaltest.Config{Mode: mode, Location: time.UTC}
			p := newPractice(t, cfg, "rate", "1ms")
			before, err := p.conn.Info(t.Context())
			require.NoError(t, err)
			ops := map[driver.OpKind]driver.Op{}
			for _, kind := range driver.OpKinds() {
				ops[kind] = p.op(kind)
			}
			require.NoError(t, p.SetPreference(t.Context(), name, value[0]))
			other := p.connect(cfg, "rate", "1ms")
			p.ResetCounts()
			for _, kind := range driver.OpKinds() {
				_, err := driver.Write(t.Context(), other, ops[kind])
				require.ErrorIs(t, err, driver.ErrUnavailable, kind)
				require.ErrorIs(t, err, driver.ReasonMaintenance, kind)
				require.NotZero(t, driver.WriteError(err).RetryAfter)
			}
			require.LessOrEqual(t, p.Count("GET", "/preferences"), 2, "the others do not ask again")
			during, err := other.Info(t.Context())
			require.NoError(t, err)
			require.Len(t, during.Notes, len(before.Notes)+1)
			said := during.Notes[0]
			require.True(t, during.Ops[driver.OpNote].Supported, "it goes on by itself")
			require.Contains(t, said, "Nothing is written")
			require.NotContains(t, said, "FRONTDESK")

			require.NoError(t, p.SetPreference(t.Context(), name, value[1]))
			after, err := other.Info(t.Context())
			require.NoError(t, err)
			require.Equal(t, before.Notes, after.Notes)
			_, err = driver.Write(t.Context(), other, ops[driver.OpNote])
			require.NoError(t, err, "Info saw that it is over")
		}
	}
}

func TestARefusedPermissionIsNamedWithItsTierUntilTheKeyHasIt(t *testing.T) {
	t.Parallel()
	for kind, want := range map[driver.OpKind][2]string{
		driver.OpNote: {"Comm", "$15"}, driver.OpDocument: {"Documents", "$15"}, driver.OpStatus: {"Comm", "$15"},
		driver.OpPayment: {"Payments", "$35"}, driver.OpRefund: {"Payments", "$35"}, driver.OpAdjustment: {"AllOthers", "$30"},
	} {
		p := newPractice(t, opendentaltest.Config{Mode: opendentaltest.ModeLocal})
		require.NoError(t, p.SetPreference(t.Context(), "AllowPrepayProvider", "1"))
		op := p.op(kind)
		require.NoError(t, p.SetKeyPermissions(opendentaltest.DefaultCustomerKey, opendentaltest.Tier35&^needs[kind]))
		_, err := driver.Write(t.Context(), p.conn, op)
		require.ErrorIs(t, err, driver.ErrUnauthorized, kind)
		require.Equal(t, driver.ScopeOperation, driver.WriteError(err).Scope, kind)
		info, err := p.conn.Info(t.Context())
		require.NoError(t, err)
		require.Contains(t, info.Ops[kind].Needs, "API permission "+want[0])
		require.Contains(t, info.Ops[kind].Needs, "API tier of "+want[1]+" a month or above")
		require.Len(t, info.Notes, 1, kind)
		require.Contains(t, info.Notes[0], "permission "+want[0])
		require.Contains(t, info.Notes[0], want[1])

		require.NoError(t, p.SetKeyPermissions(opendentaltest.DefaultCustomerKey, opendentaltest.Tier35))
		_, err = driver.Write(t.Context(), p.conn, op)
		require.NoError(t, err, kind)
		info, err = p.conn.Info(t.Context())
		require.NoError(t, err)
		require.Empty(t, info.Notes, kind)
	}
}

func TestKeysThatAreDisabledOrUnknownCloseTheConnection(t *testing.T) {
	t.Parallel()
	for _, mode := range modes {
		p := newPractice(t, opendentaltest.Config{Mode: mode}, "rate", "1ms")
		op := p.op(driver.OpPayment)
		require.NoError(t, p.SetKeyEnabled(opendentaltest.DefaultCustomerKey, false))
		for name, call := range map[string]func() error{
			"write":  func() error { _, err := driver.Write(t.Context(), p.conn, op); return err },
			"verify": func() error { _, _, err := driver.Verify(t.Context(), p.conn, op); return err },
			"ping":   func() error { return p.conn.Ping(t.Context()) },
			"poll": func() error {
				_, err := driver.ReadChanges(t.Context(), p.conn, driver.ChangesQuery{Feed: driver.PatientFeed})
				return err
			},
		} {
			err := call()
			require.ErrorIs(t, err, driver.ErrUnauthorized, name)
			require.Equal(t, driver.ScopeConnection, driver.ReadError(err).Scope, name)
			require.ErrorContains(t, err, "not valid, not assigned to the office, or disabled", name)
		}
	}
}
