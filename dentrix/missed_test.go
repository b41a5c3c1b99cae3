package dentrix

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
)

// Two were missed; that one of them turns up says nothing of the other.
func TestEachRecordThatWasMissedKeepsTheLookUpInDoubt(t *testing.T) {
	t.Parallel()
	c := &conn{}
	proved := &Operation{Find: &Find{ProvedOn: "a copy"}}
	require.True(t, c.trusts(driver.OpPayment, proved))
	c.misses(driver.OpPayment, "A")
	c.misses(driver.OpPayment, "B")
	for _, found := range []string{"C", "A"} {
		c.finds(driver.OpPayment, found)
		require.True(t, c.hasMissed(driver.OpPayment), found)
		require.False(t, c.trusts(driver.OpPayment, proved), found)
	}
	require.True(t, c.trusts(driver.OpNote, proved), "it has another look-up")
	c.finds(driver.OpPayment, "B")
	require.True(t, c.trusts(driver.OpPayment, proved))
	require.False(t, c.trusts(driver.OpPayment, &Operation{Find: &Find{}}))
	require.False(t, c.trusts(driver.OpPayment, &Operation{}))
	require.True(t, c.trusts(driver.OpStatus, &Operation{}), "it is read from the appointment")
}
