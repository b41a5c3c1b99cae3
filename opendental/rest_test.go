package opendental

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
)

// The office deletes a payment's splits before it makes new ones, in tables that
// take nothing back: where it broke off in between, the payment has none.
func TestAPaymentThatLostItsSplitsIsGivenThoseOfItsCharges(t *testing.T) {
	t.Parallel()
	f := newFakeOffice(t, "25.3.26.0")
	f.ready()
	f.onJSON("GET /paysplits", 200, []map[string]any{})
	f.onJSON("PUT /payments/5/Partial", 200, map[string]any{"PayNum": 5})
	p := testPayment()
	p.Charges = []driver.Charge{{ID: "9", Amount: p.Amount}}
	p.Prior = &driver.Receipt{ID: "5", State: restAt(restCharges, time.Now().Add(-time.Hour))}
	receipt, err := f.connect(t).Write(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, driver.Receipt{ID: "5"}, receipt)
	require.Equal(t, 1, f.count("PUT /payments/5/Partial"))
}
