package opendental_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/opendental/opendentaltest"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

// providersOf are the providers of a payment's splits.
func (h *host) providersOf(payNum int64) (providers []int64) {
	h.t.Helper()
	splits, err := h.PaySplits(h.t.Context())
	require.NoError(h.t, err)
	for _, s := range splits {
		if s.PayNum == payNum {
			require.Equal(h.t, h.patient.PatNum, s.PatNum, "to this patient only")
			providers = append(providers, s.ProvNum)
		}
	}
	return providers
}

func TestPaymentsGoByTheirChannelsTypeAndTheirFeeByItsOwn(t *testing.T) {
	t.Parallel()
	h := newHost(t, opendentaltest.Config{}, nil)
	type leg struct {
		amount float64
		typ    int64
	}
	for i, tc := range []struct {
		change  func(*settings.Document)
		channel driver.PaymentChannel
		fee     int64
		legs    []leg
	}{
		{nil, driver.ChannelProvider, 0, []leg{{100, h.counter}}},
		{nil, driver.ChannelOnline, 0, []leg{{100, h.online}}},
		{nil, driver.ChannelInOffice, 0, []leg{{100, h.terminal}}},
		{nil, driver.ChannelOnline, 269, []leg{{102.69, h.online}}},
		{func(d *settings.Document) { d.Payments.Separate = true }, driver.ChannelOnline, 269, []leg{{100, h.online}, {2.69, h.surcharge}}},
		{func(d *settings.Document) { d.Payments.Separate = true }, driver.ChannelInOffice, 269, []leg{{100, h.terminal}, {2.69, h.surcharge}}},
		{func(d *settings.Document) { d.Payments.Separate = true }, driver.ChannelOnline, 0, []leg{{100, h.online}}},
		{func(d *settings.Document) {
			d.Payments.Separate = true
			d.Payments.SurchargeType = ref(h.counter)
			d.Payments.Types[driver.ChannelOnline] = ref(h.terminal)
		}, driver.ChannelOnline, 269, []leg{{100, h.terminal}, {2.69, h.counter}}},
	} {
		h.save(tc.change)
		key := fmt.Sprint("pay", i)
		h.pay(key, tc.channel, tc.fee)
		var got []leg
		for _, l := range h.rests(key, writeback.Written).Legs {
			row := h.posted(l.Ref)
			require.Equal(t, h.patient.PatNum, row.PatNum)
			require.Equal(t, h.Now().Format("2006-01-02"), row.PayDate.Format("2006-01-02"))
			got = append(got, leg{row.PayAmt, row.PayType})
		}
		require.Equal(t, tc.legs, got, key)
	}
	rows, err := h.Payments(t.Context())
	require.NoError(t, err)
	require.Len(t, rows, 11, "nothing else was posted")
}

func TestPaymentsWaitForAPersonWhileTheyAreNotAutomatic(t *testing.T) {
	t.Parallel()
	h := newHost(t, opendentaltest.Config{}, nil)
	h.save(func(d *settings.Document) { d.Payments.Auto = false })
	waits := h.pay("waits", driver.ChannelOnline, 0)
	require.Equal(t, writeback.ReasonAutoOff, waits.Reason)
	// Switched on it takes the next ones, and not those that wait.
	h.save(nil)
	h.pay("next", driver.ChannelOnline, 0)
	h.rests("next", writeback.Written)
	h.rests("waits", writeback.AwaitingTransfer)
	require.Equal(t, 1, h.Count("POST", "/payments"))
	h.must(h.p.Transfer(t.Context(), waits.ID, "dana"))
	require.Equal(t, h.online, h.posted(h.rests("waits", writeback.Written).Legs[0].Ref).PayType)
	// A twin makes the patient uncertain.
	_, err := h.AddPatient(t.Context(), opendentaltest.Patient{LName: "SAMPLETON", FName: "nora", Birthdate: h.patient.Birthdate})
	require.NoError(t, err)
	h.pay("twins", driver.ChannelOnline, 0)
	twins := h.rests("twins", writeback.NeedsPatient)
	require.Equal(t, writeback.ReasonManyPatients, twins.Reason)
	h.must(h.p.Assign(t.Context(), twins.ID, id(h.patient.PatNum), "dana"))
	require.Equal(t, h.patient.PatNum, h.posted(h.rests("twins", writeback.Written).Legs[0].Ref).PatNum)
}

func TestPaymentsHaveTheProviderAsFarAsTheOfficeRecordsOne(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		allowed string // preference AllowPrepayProvider
		own     bool   // payments.provider is set
		want    func(h *host) int64
	}{
		{"the writeback provider", "1", false, func(h *host) int64 { return h.provider }},
		{"payments' own", "1", true, func(h *host) int64 { return h.officesOwn }},
		{"none where the office records none", "0", false, func(*host) int64 { return 0 }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, opendentaltest.Config{}, nil)
			require.NoError(t, h.SetPreference(t.Context(), "AllowPrepayProvider", tc.allowed))
			require.NoError(t, h.p.RefreshCatalogs(t.Context()))
			h.lists("and says so", func(_ settings.Catalogs, info driver.Info) bool {
				return info.Ops[driver.OpPayment].ProviderRecorded == (tc.allowed == "1")
			})
			_, info, _, err := h.p.Catalogs(t.Context())
			require.NoError(t, err)
			require.False(t, info.Ops[driver.OpNote].ProviderRecorded, "a commlog has no provider")
			require.True(t, info.Ops[driver.OpDocument].ProviderRecorded)
			h.save(func(d *settings.Document) {
				if tc.own {
					d.Payments.Provider = ref(h.officesOwn)
				}
			})
			h.pay("pay", driver.ChannelOnline, 0)
			row := h.posted(h.rests("pay", writeback.Written).Legs[0].Ref)
			require.Equal(t, []int64{tc.want(h)}, h.providersOf(row.PayNum))
			// Changing it re-attributes nothing that is written.
			h.save(func(d *settings.Document) { d.Sync.ProviderID = ref(h.officesOwn) })
			h.note("after", driver.IncomingCall, "Asked about Friday.")
			h.rests("after", writeback.Written)
			require.Equal(t, []int64{tc.want(h)}, h.providersOf(row.PayNum))
		})
	}
}

func TestOnlyAWholePaymentIsRefundedOnTheDay(t *testing.T) {
	t.Parallel()
	h := newHost(t, opendentaltest.Config{}, nil)
	h.save(nil)
	refund := func(key, payment string, cents int64) {
		h.must(h.p.Refund(t.Context(), writeback.Refund{Key: key, Payment: payment, Amount: driver.USD(cents), At: h.Now()}))
	}
	h.pay("whole", driver.ChannelOnline, 269)
	h.pay("part", driver.ChannelOnline, 0)
	h.rests("whole", writeback.Written)
	h.rests("part", writeback.Written)
	refund("refund of the whole", "whole", 10269)
	refund("refund of a part", "part", 2500)
	it := h.rests("refund of the whole", writeback.Written)
	row := h.posted(it.Legs[0].Ref)
	require.Equal(t, -102.69, row.PayAmt)
	require.Equal(t, h.online, row.PayType)
	require.Equal(t, h.Now().Format("2006-01-02"), row.PayDate.Format("2006-01-02"))
	require.Contains(t, row.PayNote, h.rests("whole", writeback.Written).Legs[0].Ref, "it names its payment")
	refused := h.rests("refund of a part", writeback.Failed)
	require.Equal(t, driver.ReasonNotRefundable, refused.Reason)
	require.NotEmpty(t, refused.NextStep)
	require.Equal(t, 1, h.Count("POST", "/payments/Refund"))
}
