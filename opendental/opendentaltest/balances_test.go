package opendentaltest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

func TestBalancesAreEachMembersAndThenTheFamilys(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		p := open(t, cfg)
		p.charge(p.ada.PatNum, 5, 100)
		p.do(201, "POST", "/adjustments", map[string]any{"PatNum": p.ada.PatNum, "AdjType": 2, "AdjAmt": 2.5, "AdjDate": p.today()})
		p.do(201, "POST", "/payments", map[string]any{"PatNum": p.bruno.PatNum, "PayAmt": 30, "isPrepayment": "true"})
		var got []any
		for _, row := range p.list(p.path("/accountmodules/%d/PatientBalances", p.ada.PatNum)) {
			got = append(got, row["PatNum"], row["Balance"])
		}
		ada, bruno := float64(p.ada.PatNum), float64(p.bruno.PatNum)
		require.Equal(t, []any{ada, 102.5, bruno, -30.0, ada, 72.5}, got)
		require.NoError(t, p.DeletePatient(t.Context(), p.bruno.PatNum))
		p.do(400, "GET", p.path("/accountmodules/%d/PatientBalances", p.bruno.PatNum), nil)
		p.do(404, "GET", "/accountmodules/9999/PatientBalances", nil)
	})
}

func TestAProcedureIsReadByItsNumber(t *testing.T) {
	t.Parallel()
	p := open(t, opendentaltest.Config{})
	proc := p.charge(p.ada.PatNum, 5, 100)
	got := p.do(200, "GET", p.path("/procedurelogs/%d", proc.ProcNum), nil)
	require.EqualValues(t, p.ada.PatNum, got["PatNum"])
	require.Equal(t, "C", got["ProcStatus"])
	require.Equal(t, "100", got["ProcFee"])
	p.do(404, "GET", "/procedurelogs/9999", nil)
}
