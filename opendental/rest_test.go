package opendental

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
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

// Only the answer that there is no such procedure is about the charge.
func TestALookAtAChargeThatIsRefusedDoesNotEndThePayment(t *testing.T) {
	t.Parallel()
	f := newFakeOffice(t, "25.3.26.0")
	f.ready()
	p := testPayment()
	p.Charges = []driver.Charge{{ID: "9", Amount: p.Amount}}
	for status, kind := range map[int]driver.Kind{
		http.StatusOK: driver.ErrUnavailable, http.StatusBadRequest: driver.ErrUnavailable, http.StatusGone: driver.ErrUnavailable, http.StatusNotFound: driver.ErrRejected,
	} {
		f.on("GET /procedurelogs/9", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			if status != http.StatusOK {
				_, _ = io.WriteString(w, "no")
			}
		})
		_, err := f.connect(t).Write(t.Context(), p)
		require.ErrorIs(t, err, kind, "%d", status)
	}
	require.Zero(t, f.count("POST /payments"))
}

// The API attaches payments to the oldest payment plan by itself; what belongs to
// one has its provider, as what belongs to a charge has.
func TestTheProviderOfWhatAPaymentPaidIsKept(t *testing.T) {
	t.Parallel()
	f := newFakeOffice(t, "25.3.26.0")
	f.ready()
	f.on("GET /preferences", func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Query().Get("PrefName")
		value := map[string]string{"ProgramVersion": "25.3.26.0", "AllowPrepayProvider": "1"}[name]
		writeJSON(w, 200, []map[string]any{{"PrefName": name, "ValueString": value}})
	})
	f.onJSON("GET /providers/7", 200, map[string]any{"ProvNum": 7, "IsHidden": "false"})
	f.onJSON("POST /payments", 201, map[string]any{"PayNum": 5})
	f.onJSON("GET /paysplits", 200, []map[string]any{
		{"SplitNum": 1, "PayNum": 5, "ProvNum": 3, "PayPlanNum": 8, "ProcNum": 0},
		{"SplitNum": 2, "PayNum": 5, "ProvNum": 0, "PayPlanNum": 0, "ProcNum": 0, "UnearnedType": 4},
		{"SplitNum": 3, "PayNum": 5, "ProvNum": 3, "PayPlanNum": 0, "ProcNum": 9},
		{"SplitNum": 4, "PayNum": 5, "ProvNum": 3, "PayPlanNum": 0, "ProcNum": 0, "AdjNum": 6},
		{"SplitNum": 5, "PayNum": 4, "ProvNum": 3, "PayPlanNum": 0, "ProcNum": 0},
	})
	for n := range 5 {
		f.onJSON(fmt.Sprintf("PUT /paysplits/%d", n+1), 200, map[string]any{})
	}
	p := testPayment()
	p.Provider = "7"
	_, err := f.connect(t).Write(t.Context(), p)
	require.NoError(t, err)
	for n := range 5 {
		want := 0
		if n+1 == 2 {
			want = 1
		}
		require.Equal(t, want, f.count(fmt.Sprintf("PUT /paysplits/%d", n+1)), "split %d", n+1)
	}
}

// Only a payment that is unearned income as a whole, as it was posted, is given the
// splits of its charges: all else was made of it by others.
func TestSplitsThatAreNotAsTheyWerePostedAreLeftAlone(t *testing.T) {
	t.Parallel()
	posted := map[string]any{"SplitNum": 1, "PayNum": 5, "ProvNum": 0, "PayPlanNum": 0, "ProcNum": 0, "AdjNum": 0, "UnearnedType": 4}
	for field, value := range map[string]int{"PayNum": 6, "ProcNum": 9, "AdjNum": 9, "PayPlanNum": 9, "UnearnedType": 0, "SplitNum": 2} {
		f := newFakeOffice(t, "25.3.26.0")
		f.ready()
		split := maps.Clone(posted)
		split[field] = value
		splits := []map[string]any{split}
		if field == "SplitNum" {
			splits = append(splits, posted) // two of them
		}
		f.onJSON("GET /paysplits", 200, splits)
		f.onJSON("PUT /payments/5/Partial", 200, map[string]any{"PayNum": 5})
		p := testPayment()
		p.Charges = []driver.Charge{{ID: "9", Amount: p.Amount}}
		p.Prior = &driver.Receipt{ID: "5", State: restAt(restCharges, time.Time{})}
		c := f.connect(t)
		_, err := c.Write(t.Context(), p)
		require.NoError(t, err, field)
		require.Zero(t, f.count("PUT /payments/5/Partial"), field)
		f.onJSON("GET /paysplits", 200, []map[string]any{posted})
		_, err = c.Write(t.Context(), p)
		require.NoError(t, err, field)
		require.Equal(t, 1, f.count("PUT /payments/5/Partial"), field)
	}
}

// A refund has its payment's check number and note until it is marked. Where the
// payment has neither any more, the refund is no proof of it.
func TestARefundIsNotTakenForItsPayment(t *testing.T) {
	t.Parallel()
	f := newFakeOffice(t, "25.3.26.0")
	f.ready()
	f.onJSON("GET /payments", 200, []map[string]any{
		{"PayNum": 5, "PatNum": 42, "PayAmt": "123.45", "CheckNum": "1001"},
		{"PayNum": 6, "PatNum": 42, "PayAmt": "-123.45", "CheckNum": testRef},
	})
	verdict, _, err := f.connect(t).Verify(t.Context(), testPayment())
	require.NoError(t, err)
	require.Equal(t, driver.VerdictUnknown, verdict)
}

// Something on the way that answers "200 OK" with nothing has written nothing.
func TestAnEmptyAnswerIsNoProofOfANoteOrALine(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "[]", "{}", `{"status":"ok"}`} {
		nothing := func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }
		if body == "" || body == "[]" {
			f := newFakeOffice(t, "22.1.5.0") // which answers without a record, but with 201
			f.ready()
			f.on("POST /commlogs", nothing)
			_, err := f.connect(t).Write(t.Context(), testNote())
			require.ErrorIs(t, err, driver.ErrUnknownOutcome, "note, %q", body)
		}
		f := newFakeOffice(t, "25.3.26.0")
		f.ready()
		f.onJSON("POST /documents/Upload", 201, map[string]any{"DocNum": 8})
		f.on("POST /statements", nothing)
		cfg := f.config()
		cfg.Statements = true
		_, err := f.connectWith(t, cfg).Write(t.Context(), &driver.Document{
			Header: header(), About: driver.AccountStatement, Folder: "71", Title: driver.NewText("x"), At: time.Now(), MIME: "application/pdf",
			Size: 3, Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("abc")), nil },
		})
		require.ErrorIs(t, err, driver.ErrIncomplete, "line in the account, %q", body)
		require.Greater(t, driver.WriteError(err).RetryAfter, time.Minute, "%q", body)
	}
}

// A connection that was used before may be closed already when the next request is
// sent on it, which would leave a payment in doubt.
func TestEachWriteHasAConnectionOfItsOwn(t *testing.T) {
	t.Parallel()
	f := newFakeOffice(t, "25.3.26.0")
	f.ready()
	used, closed := map[string]int{}, 0
	f.on("POST /commlogs", func(w http.ResponseWriter, r *http.Request) {
		used[r.RemoteAddr]++
		if r.Close {
			closed++
		}
		writeJSON(w, 201, map[string]any{"CommlogNum": 9})
	})
	look := f.answers["GET /patients/42"]
	f.on("GET /patients/42", func(w http.ResponseWriter, r *http.Request) {
		used[r.RemoteAddr] += 100
		look(w, r)
	})
	c := f.connect(t)
	for range 3 {
		_, err := c.Write(t.Context(), testNote())
		require.NoError(t, err)
	}
	writes := 0
	for _, n := range used {
		if n < 100 {
			writes++
			require.Equal(t, 1, n)
		}
	}
	require.Equal(t, 3, writes)
	require.Equal(t, 3, closed)
}

// The API refunds what the payment is now, and dates it today.
func TestARefundThatWouldBeAnotherIsRefused(t *testing.T) {
	t.Parallel()
	f := newFakeOffice(t, "25.3.26.0")
	f.ready()
	today := driver.DateOf(time.Now().In(chicago(t)))
	yesterday := driver.DateOf(today.In(time.UTC).AddDate(0, 0, -1))
	for name, tc := range map[string]struct {
		amount string
		on     driver.Date
	}{
		"staff raised the payment":  {"200.00", today},
		"staff lowered the payment": {"3.00", today},
		"an amount that is none":    {"", today},
		"the day is over":           {"12.00", yesterday},
	} {
		f.onJSON("GET /payments", 200, []map[string]any{{
			"PayNum": 5, "PatNum": 42, "PayAmt": tc.amount, "CheckNum": "PONMLKJIHGFEDCBA", "serverDateTime": today.String() + " 10:00:00",
		}})
		refund := &driver.Refund{
			Header: header(), Of: "5", OfRef: "PONMLKJIHGFEDCBA", OfAmount: driver.USD(1200), Amount: driver.USD(1200), Type: "71", PostedOn: tc.on,
		}
		_, err := f.connect(t).Write(t.Context(), refund)
		require.ErrorIs(t, err, driver.ErrRejected, name)
		require.ErrorIs(t, err, driver.ReasonNotRefundable, name)
	}
	require.Zero(t, f.count("POST /payments/Refund"))
}
