package writeback_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/writeback"
)

func TestWhatAPaymentPaysAndANoteVerifiesIsCheckedByField(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	b.save(nil)
	pays := func(charges ...driver.Charge) func(*writeback.Payment) {
		return func(p *writeback.Payment) { p.Charges = charges }
	}
	usd := func(id string, cents int64) driver.Charge { return driver.Charge{ID: id, Amount: driver.USD(cents)} }
	for _, tc := range []badInput{
		badPayment("charge without an id", "charges[0].id", pays(usd("", 10000))),
		badPayment("charge with spaces", "charges[1].id", pays(usd("7", 4000), usd(" 8"+secret, 6000))),
		badPayment("endless id", "charges[0].id", pays(usd(strings.Repeat("7", 500), 10000))),
		badPayment("charge twice", "charges[1].id", pays(usd("7", 4000), usd("7", 6000))),
		badPayment("charge of nothing", "charges[0].amount", pays(usd("7", 0), usd("8", 10000))),
		badPayment("negative charge", "charges[1].amount", pays(usd("7", 10001), usd("8", -1))),
		badPayment("charge in another currency", "charges[0].amount.currency", pays(driver.Charge{ID: "7", Amount: driver.Money{Minor: 10000, Currency: "CAD"}})),
		badPayment("charges of less", "charges", pays(usd("7", 9999))),
		badPayment("charges of more", "charges", pays(usd("7", 10000), usd("8", 1))),
		badPayment("too many", "charges", pays(make([]driver.Charge, 101)...)),
		badNote("verified call", "verified", func(n *writeback.Note) { n.Kind, n.Verified = driver.IncomingCall, true }),
	} {
		err := tc.submit(t.Context(), b)
		require.ErrorIs(t, err, writeback.ErrInvalid, tc.name)
		var input *writeback.InputError
		require.ErrorAs(t, err, &input, tc.name)
		require.Len(t, input.Fields, 1, tc.name)
		require.Equal(t, tc.field, input.Fields[0].Field, tc.name)
		require.NotContains(t, fmt.Sprintf("%+v", err), secret, tc.name)
	}
	items, err := b.p.Items(t.Context(), writeback.ItemQuery{})
	require.NoError(t, err)
	require.Empty(t, items)

	// Other charges are another payment, and none are what there was before.
	pay := b.payment("charged")
	b.must(b.p.PostPayment(t.Context(), pay))
	pay.Charges = []driver.Charge{usd("7", pay.Amount.Minor)}
	_, err = b.p.PostPayment(t.Context(), pay)
	require.ErrorIs(t, err, writeback.ErrKeyReused)
}
