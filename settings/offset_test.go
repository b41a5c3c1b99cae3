package settings

import (
	"testing"

	"github.com/pmswriteback/pms/driver"
	"github.com/stretchr/testify/require"
)

// withDiscount are the test's catalogs with an adjustment type that lowers.
func withDiscount() Catalogs {
	cats := testCatalogs()
	cats.Lists[driver.AdjustmentTypes] = append(cats.Lists[driver.AdjustmentTypes],
		driver.Option{ID: "8", Label: "Cash Discount", Active: true, Lowers: true},
		driver.Option{ID: "7", Label: "Old Discount", Lowers: true})
	return cats
}

func TestFeeIsOffsetByATypeThatRaisesWhatIsOwed(t *testing.T) {
	t.Parallel()
	doc := workingDocument()
	doc.Payments.OffsetFee = Ref{ID: "8"}
	for name, cats := range map[string]Catalogs{"searched": withDiscount(), "indexed": withDiscount().Indexed()} {
		problems := Validate(doc, cats, testInfo(), nil)
		requireOne(t, problems, Error, "payments.offset_fee", CodeOptionUnfit,
			"The adjustment type Cash Discount (8) lowers what a patient owes in Open Dental. Choose one here that raises it.")
		require.Equal(t, StandingUnfit, cats.Standing(driver.AdjustmentTypes, Ref{ID: "8"}, false), name)
		require.Equal(t, StandingInactive, cats.Standing(driver.AdjustmentTypes, Ref{ID: "7"}, false), name)
		require.Equal(t, StandingGood, cats.Standing(driver.AdjustmentTypes, Ref{ID: "9"}, false), name)
	}
	// It was saved before the PMS told, or its sign was changed there.
	requireOne(t, Validate(doc, withDiscount(), testInfo(), &doc), Warning, "payments.offset_fee", CodeOptionUnfit)
}

func TestTypesThatLowerAreNoChoice(t *testing.T) {
	t.Parallel()
	require.Equal(t, []Choice{{Ref: Ref{ID: "9", Label: "Fee offset"}}}, Choices(withDiscount(), driver.AdjustmentTypes, testInfo()))
	choices := Choices(withDiscount(), driver.AdjustmentTypes, testInfo(), Ref{ID: "8", Label: "Cash Discount"})
	require.Len(t, choices, 2)
	require.True(t, choices[0].Broken)
	require.Contains(t, choices[0].Why, "lowers what a patient owes")
}

func TestOffsetIsAsFarSupportedAsAdjustments(t *testing.T) {
	t.Parallel()
	field, ok := FieldAt("Acme", "payments.offset_fee")
	require.True(t, ok)
	require.Equal(t, driver.OpAdjustment, field.Op)
	info := testInfo()
	info.Ops[driver.OpAdjustment] = driver.OpInfo{Support: driver.Yes("API permission AllOthers")}
	require.Equal(t, driver.Yes("API permission AllOthers"), field.Support(info))

	const why = "Needs Open Dental 22.2.22 or later."
	info.Ops[driver.OpAdjustment] = driver.OpInfo{Support: driver.No(why)}
	require.Equal(t, why, field.Support(info).Why)
	doc := workingDocument()
	requireOne(t, Validate(doc, testCatalogs(), info, nil), Error, "payments.offset_fee", CodeUnsupported, why)
	requireOne(t, Validate(doc, testCatalogs(), info, &doc), Warning, "payments.offset_fee", CodeUnsupported, why)
	doc.Payments.OffsetFee = Ref{}
	require.Empty(t, Validate(doc, testCatalogs(), info, nil), "empty asks for nothing")
	require.Empty(t, Validate(workingDocument(), testCatalogs(), driver.Info{}, nil), "the PMS was never reached")

	info.Ops[driver.OpAdjustment] = driver.OpInfo{Support: driver.Yes()}
	info.Ops[driver.OpPayment] = driver.OpInfo{Support: driver.No("Not here.")}
	require.True(t, field.Support(info).Supported, "an adjustment is no payment")
}
