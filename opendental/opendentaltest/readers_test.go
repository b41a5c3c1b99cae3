package opendentaltest_test

import (
	"testing"
	"testing/synctest"
	"time"
	_ "time/tzdata" // Chicago, on machines without zones

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

func TestReadersReturnWhatIsStored(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		p := open(t, cfg)
		ctx := t.Context()
		patients, err := p.Patients(ctx)
		require.NoError(t, err)
		require.Equal(t, []opendentaltest.Patient{p.ada, p.bruno}, patients)
		ada, err := p.Patient(ctx, p.ada.PatNum)
		require.NoError(t, err)
		require.Equal(t, p.ada, ada)
		require.Equal(t, "1980-02-29", ada.Birthdate.Format("2006-01-02"))
		require.True(t, ada.DateFirstVisit.IsZero(), "0001-01-01 is the zero time")
		_, err = p.Patient(ctx, 99)
		require.ErrorContains(t, err, "no patient 99")

		appointments, err := p.Appointments(ctx)
		require.NoError(t, err)
		require.Equal(t, []opendentaltest.Appointment{p.appointment}, appointments)
		require.True(t, p.tomorrow.Equal(appointments[0].AptDateTime))
		history, err := p.HistAppointments(ctx)
		require.NoError(t, err)
		require.Len(t, history, 1)
		require.Equal(t, opendentaltest.HistCreated, history[0].HistApptAction)
		require.Equal(t, "Created", history[0].HistApptAction.String())
		providers, err := p.Providers(ctx)
		require.NoError(t, err)
		require.Equal(t, []opendentaltest.Provider{p.doctor, p.hygienist}, providers)
		operatories, err := p.Operatories(ctx)
		require.NoError(t, err)
		require.Equal(t, []opendentaltest.Operatory{p.operatory}, operatories)

		plan, err := p.AddInsurance(ctx, p.ada.PatNum, 3)
		require.NoError(t, err)
		plans, err := p.PatPlans(ctx)
		require.NoError(t, err)
		require.Equal(t, []opendentaltest.PatPlan{plan}, plans)
		p.do(201, "POST", "/payments", map[string]any{"PatNum": p.ada.PatNum, "PayAmt": "0.10"})
		splits, err := p.PaySplits(ctx)
		require.NoError(t, err)
		require.Len(t, splits, 1)
		require.InDelta(t, 0.10, splits[0].SplitAmt, 0)
		p.do(201, "POST", "/statements", map[string]any{"PatNum": p.ada.PatNum})
		statements, err := p.Statements(ctx)
		require.NoError(t, err)
		require.Equal(t, 4, statements[0].Mode)
		require.Contains(t, p.Routes(), "PUT /appointments/{AptNum}/Confirm")
	})
}

func TestAdjustmentsAttachToProcedures(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		p := open(t, cfg)
		procedure := p.charge(p.ada.PatNum, 6, 50)
		got := p.do(201, "POST", "/adjustments", map[string]any{"PatNum": p.ada.PatNum, "AdjType": 1, "AdjAmt": -20, "AdjDate": p.today(), "ProcNum": procedure.ProcNum})
		require.Equal(t, procedure.ProcDate.Format("2006-01-02"), got["ProcDate"])
		p.do(404, "POST", "/adjustments", map[string]any{"PatNum": p.bruno.PatNum, "AdjType": 1, "AdjAmt": -20, "AdjDate": p.today(), "ProcNum": procedure.ProcNum})
		require.Len(t, p.list(p.path("/adjustments?PatNum=%d&ProcNum=%d", p.ada.PatNum, procedure.ProcNum)), 1)
		paid := p.do(201, "POST", "/payments", map[string]any{"PatNum": p.ada.PatNum, "PayAmt": 40})
		require.Equal(t, [][4]float64{{1, float64(procedure.ProcNum), 0, 30}, {1, 0, 285, 10}}, p.splits(paid["PayNum"]), "30 are owed after the discount")
	})
}

func TestMariaDBPracticeIsThereAfterARestart(t *testing.T) {
	t.Parallel()
	server := mariaDB(t)
	dsn := server.DSN(server.Database(t))
	for i := range 2 {
		store, err := opendentaltest.MySQL(dsn)
		require.NoError(t, err)
		o, err := opendentaltest.NewOffice(opendentaltest.Config{Store: store})
		require.NoError(t, err)
		_, err = o.AddPatient(t.Context(), opendentaltest.Patient{LName: "Kestrel", FName: "Orson"})
		require.NoError(t, err)
		patients, err := o.Patients(t.Context())
		require.NoError(t, err)
		require.Len(t, patients, i+1)
		types, err := o.Definitions(t.Context(), opendentaltest.CategoryPaymentTypes)
		require.NoError(t, err)
		require.Len(t, types, 5, "the rows of a fresh database come once")
		require.NoError(t, o.Close())
		require.NoError(t, store.Close())
	}
}

func TestTimeoutLaterAppliesByItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o, err := opendentaltest.NewOffice(opendentaltest.Config{})
		require.NoError(t, err)
		defer func() { require.NoError(t, o.Close()) }()
		in, err := o.Inject(opendentaltest.Fault{Kind: opendentaltest.FaultTimeoutLater, Method: "GET", Route: "/preferences", ApplyAfter: 70 * time.Second, Delay: 60 * time.Second})
		require.NoError(t, err)
		start := time.Now()
		status, _, err := get(o, t.Context(), "/preferences")
		require.NoError(t, err)
		require.Equal(t, 504, status)
		require.Equal(t, 60*time.Second, time.Since(start), "the answer is held as long as headquarters would")
		time.Sleep(70 * time.Second)
		synctest.Wait()
		in.Release()
		require.Equal(t, 130*time.Second, time.Since(start), "it was applied by then, so Release has nothing to wait for")
	})
}
