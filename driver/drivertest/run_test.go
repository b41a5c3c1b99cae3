package drivertest_test

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver/drivertest"
	"github.com/pmswriteback/pms/driver/memdriver"
)

func TestRunFailsForBrokenRulesAndForWhatNobodyExplains(t *testing.T) {
	const inside = "DRIVERTEST_INSIDE"
	if os.Getenv(inside) != "" {
		h := memory{broken: []memdriver.Broken{"money/dates"}}.with(func(_ testing.TB, p *drivertest.PMS) {
			p.Staff.AddPhoto, p.Staff.CloseBooks = nil, nil
		})
		h.Cannot = map[string]string{"Staff.AddPhoto": "nobody has a camera"}
		drivertest.Run(t, h)
		return
	}
	t.Parallel()
	// A test that must fail has to do so in another process.
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.v", "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), inside+"=1")
	out, err := cmd.CombinedOutput()
	require.Error(t, err)
	text := string(out)
	const sub = "TestRunFailsForBrokenRulesAndForWhatNobodyExplains/"
	require.Contains(t, text, "--- FAIL: "+sub+"money/dates")
	require.Contains(t, text, "the rule: A payment or adjustment is posted on the date that was given")
	require.Contains(t, text, "--- FAIL: "+sub+"money/period-closed/payment")
	require.Contains(t, text, "not proved: Staff.CloseBooks: the harness lacks it")
	require.Contains(t, text, "--- SKIP: "+sub+"photo/bytes")
	require.Contains(t, text, "not proved: Staff.AddPhoto: nobody has a camera")
	require.Contains(t, text, "--- PASS: "+sub+"write/once/payment")
	require.Contains(t, text, "passed, 2 failed, ")
}
