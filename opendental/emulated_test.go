package opendental_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/opendental"
	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

// practice is an emulated office with a connection to it and one patient.
type practice struct {
	*opendentaltest.Server
	t       testing.TB
	conn    driver.Conn
	patient string
	refs    int
}

func newPractice(t testing.TB, cfg opendentaltest.Config, extra ...string) *practice {
	t.Helper()
	if cfg.Throttle == 0 {
		cfg.Throttle = -1
	}
	if cfg.Location == nil {
		loc, err := time.LoadLocation("America/Chicago")
		require.NoError(t, err)
		cfg.Location = loc
	}
	s, err := opendentaltest.NewServer(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	_, err = s.AddProvider(t.Context(), opendentaltest.Provider{Abbr: "DOC", LName: "Albright"})
	require.NoError(t, err)
	patient, err := s.AddPatient(t.Context(), opendentaltest.Patient{LName: "Sampleton", FName: "Nora"})
	require.NoError(t, err)
	p := &practice{Server: s, t: t, patient: id(patient.PatNum)}
	p.conn = p.connect(cfg, extra...)
	return p
}

func (p *practice) connect(cfg opendentaltest.Config, extra ...string) driver.Conn {
	p.t.Helper()
	u, err := url.Parse(p.URL)
	require.NoError(p.t, err)
	u.Scheme, u.User = "opendental", url.UserPassword(opendentaltest.DefaultDeveloperKey, opendentaltest.DefaultCustomerKey)
	q := url.Values{"mode": {"service"}, "rate": {"none"}}
	if cfg.Mode != "" {
		q.Set("mode", string(cfg.Mode))
	}
	if cfg.AtoZ != "" {
		q.Set("images", cfg.AtoZ)
	}
	for i := 0; i < len(extra); i += 2 {
		q.Set(extra[i], extra[i+1])
	}
	u.RawQuery = q.Encode()
	k, err := driver.Open(opendental.Name, u.String())
	require.NoError(p.t, err)
	conn, err := k.Connect(p.t.Context(), driver.Env{Practice: "p", Location: cfg.Location})
	require.NoError(p.t, err)
	p.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func (p *practice) head() driver.Header {
	p.refs++
	now := time.Now()
	ref := []byte("ABCDEFGHIJKLMNOP")
	for i, n := 15, p.refs; n > 0; i, n = i-1, n/26 {
		ref[i] = byte('A' + n%26)
	}
	return driver.Header{Ref: string(ref), Patient: p.patient, Provider: "1", FirstSent: now, LastSent: now}
}

func (p *practice) option(c driver.Catalog, n int) string {
	p.t.Helper()
	options, err := driver.ReadCatalog(p.t.Context(), p.conn, c)
	require.NoError(p.t, err)
	require.Greater(p.t, len(options), n)
	return options[n].ID
}

func (p *practice) op(kind driver.OpKind) driver.Op {
	p.t.Helper()
	h := p.head()
	now := p.Now()
	switch kind {
	case driver.OpNote:
		return &driver.Note{Header: h, About: driver.IncomingSMS, Type: p.option(driver.NoteTypes, 0), At: now, Body: driver.NewText("Hello\nRef " + h.Ref), Part: 1, Parts: 1}
	case driver.OpDocument:
		content := []byte("%PDF-1.4 " + h.Ref)
		sum := sha256.Sum256(content)
		return &driver.Document{
			Header: h, About: driver.AccountStatement, Folder: p.option(driver.DocumentFolders, 0), Title: driver.NewText("Statement"), At: now,
			MIME: "application/pdf", Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:]),
			Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
		}
	case driver.OpStatus:
		a := p.visit(now.Add(24 * time.Hour))
		return &driver.StatusChange{Header: h, Appointment: id(a.AptNum), From: id(a.Confirmed), To: p.option(driver.AppointmentStatuses, 1)}
	case driver.OpPayment:
		return &driver.Payment{Header: h, Type: p.option(driver.PaymentTypes, 0), Amount: driver.USD(4_250), PostedOn: driver.DateOf(now)}
	case driver.OpAdjustment:
		return &driver.Adjustment{
			Header: h, Type: miscPositive, Amount: driver.USD(269), PostedOn: driver.DateOf(now), Memo: driver.NewText("Card fee"),
			Of: "77", OfRef: "FEEFEEFEEFEEFEE2",
		}
	}
	paid := p.op(driver.OpPayment).(*driver.Payment)
	receipt, err := driver.Write(p.t.Context(), p.conn, paid)
	require.NoError(p.t, err)
	return &driver.Refund{
		Header: h, Of: receipt.ID, OfRef: paid.Ref, OfAmount: paid.Amount, Type: p.option(driver.PaymentTypes, 1), Amount: paid.Amount,
		PostedOn: driver.DateOf(now),
	}
}

func (p *practice) visit(at time.Time) opendentaltest.Appointment {
	p.t.Helper()
	patient, err := strconv.ParseInt(p.patient, 10, 64)
	require.NoError(p.t, err)
	a, err := p.AddAppointment(p.t.Context(), opendentaltest.Appointment{PatNum: patient, AptDateTime: at.Truncate(time.Minute)})
	require.NoError(p.t, err)
	return a
}

// The emulator refuses methods and fields that the office's version does not
// have, so that every supported operation must do without what is too new.
func TestEveryVersionGetsOnlyWhatItKnows(t *testing.T) {
	t.Parallel()
	for _, version := range []string{
		"21.4.5.0", "22.1.0.0", "22.2.21.0", "22.2.22.0", "22.4.16.0", "23.1.27.0", "23.3.7.0", "24.2.32.0", "24.4.28.0", "25.1.13.0", "25.2.9.0", "25.3.42.0",
	} {
		p := newPractice(t, opendentaltest.Config{Version: version})
		info, err := p.conn.Info(t.Context())
		require.NoError(t, err, version)
		for _, kind := range driver.OpKinds() {
			if !info.Ops[kind].Supported {
				require.Contains(t, info.Ops[kind].Why, "Needs Open Dental", version)
				continue
			}
			op := p.op(kind)
			_, err := driver.Write(t.Context(), p.conn, op)
			require.NoError(t, err, "%s: %s", version, kind)
			verdict, _, err := driver.Verify(t.Context(), p.conn, op)
			require.NoError(t, err, "%s: %s", version, kind)
			require.Equal(t, driver.VerdictApplied, verdict, "%s: %s", version, kind)
		}
		for _, feed := range []driver.Feed{driver.AppointmentFeed, driver.PatientFeed} {
			require.True(t, info.Feeds[feed].Supported, version)
			page, err := driver.ReadChanges(t.Context(), p.conn, driver.ChangesQuery{Feed: feed})
			require.NoError(t, err, version)
			_, err = driver.ReadChanges(t.Context(), p.conn, driver.ChangesQuery{Feed: feed, Cursor: page.Next})
			require.NoError(t, err, version)
		}
	}
}

func TestAFreeKeyReadsAndSaysWhyItDoesNotDoTheRest(t *testing.T) {
	t.Parallel()
	p := newPractice(t, opendentaltest.Config{
		Customers: []opendentaltest.CustomerKey{{Key: opendentaltest.DefaultCustomerKey}}, AtoZ: t.TempDir(),
	})
	info, err := p.conn.Info(t.Context())
	require.NoError(t, err)
	require.True(t, info.Feeds[driver.AppointmentFeed].Supported)
	require.False(t, info.Feeds[driver.PhotoFeed].Supported)
	require.Contains(t, info.Feeds[driver.PhotoFeed].Why, "permission Queries")
	require.False(t, info.Find[driver.FindByPhone].Supported)
	require.NotEmpty(t, info.Notes)
	require.Less(t, info.Clock.Skew.Abs(), 5*time.Second, "patients tell the office's time")
	_, err = driver.Write(t.Context(), p.conn, p.op(driver.OpNote))
	require.ErrorIs(t, err, driver.ErrUnauthorized)
	var e *driver.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, driver.ScopeOperation, e.Scope)
	_, err = driver.FindPatients(t.Context(), p.conn, driver.PatientQuery{Phone: driver.NewText("(503) 555-0100")})
	require.ErrorIs(t, err, driver.ReasonUnsupported)
}

func TestEveryDoubtfulAnswerToAPaymentIsUnknownAndVerifiable(t *testing.T) {
	t.Parallel()
	for _, mode := range modes {
		everyDoubtfulAnswer(t, newPractice(t, opendentaltest.Config{Mode: mode}, "rate", "1ms"))
	}
}

func everyDoubtfulAnswer(t *testing.T, p *practice) {
	for fault, applied := range map[opendentaltest.FaultKind]bool{
		opendentaltest.FaultTimeoutApplied:  true,
		opendentaltest.FaultTimeoutLost:     false,
		opendentaltest.FaultCutAfter:        true,
		opendentaltest.FaultConnectorAfter:  true,
		opendentaltest.FaultConnectorBefore: false,
		opendentaltest.FaultErrorAfter:      true,
		opendentaltest.FaultErrorBefore:     false,
		opendentaltest.FaultTruncated:       true,
		opendentaltest.FaultGarbage:         true,
	} {
		before, err := p.Payments(t.Context())
		require.NoError(t, err)
		in, err := p.Inject(opendentaltest.Fault{Kind: fault, Method: "POST", Route: "/payments", Count: -1})
		require.NoError(t, err)
		op := p.op(driver.OpPayment)
		_, err = driver.Write(t.Context(), p.conn, op)
		require.ErrorIs(t, err, driver.ErrUnknownOutcome, fault)
		require.Equal(t, 1, in.Hits(), fault)
		in.Remove()
		after, err := p.Payments(t.Context())
		require.NoError(t, err)
		want, verdict := 0, driver.VerdictUnknown
		if applied {
			want, verdict = 1, driver.VerdictApplied
		}
		require.Len(t, after, len(before)+want, fault)
		got, receipt, err := driver.Verify(t.Context(), p.conn, op)
		require.NoError(t, err, fault)
		require.Equal(t, verdict, got, fault)
		if applied {
			require.Equal(t, id(after[len(after)-1].PayNum), receipt.ID, fault)
		}
	}
}

func TestTooManyRequestsMeanThatNothingWasDone(t *testing.T) {
	t.Parallel()
	p := newPractice(t, opendentaltest.Config{})
	op := p.op(driver.OpNote)
	_, err := p.Inject(opendentaltest.Fault{Kind: opendentaltest.FaultTooMany, Method: "POST", RetryAfter: time.Minute})
	require.NoError(t, err)
	_, err = driver.Write(t.Context(), p.conn, op)
	require.ErrorIs(t, err, driver.ErrUnavailable)
	var e *driver.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, time.Minute, e.RetryAfter)
	notes, err := p.Commlogs(t.Context())
	require.NoError(t, err)
	require.Empty(t, notes)
}

func TestARefundHalfDoneIsFoundAndFinished(t *testing.T) {
	t.Parallel()
	p := newPractice(t, opendentaltest.Config{})
	refund := p.op(driver.OpRefund).(*driver.Refund)
	in, err := p.Inject(opendentaltest.Fault{Kind: opendentaltest.FaultErrorBefore, Method: "PUT", Route: "/payments/*", Count: -1})
	require.NoError(t, err)
	_, err = driver.Write(t.Context(), p.conn, refund)
	require.ErrorIs(t, err, driver.ErrIncomplete)
	in.Remove()
	verdict, receipt, err := driver.Verify(t.Context(), p.conn, refund)
	require.NoError(t, err)
	require.Equal(t, driver.VerdictApplied, verdict)

	// A second refund of the same payment is refused although the API would do it.
	again := *refund
	again.Header = p.head()
	_, err = driver.Write(t.Context(), p.conn, &again)
	require.ErrorIs(t, err, driver.ReasonNotRefundable)

	refund.Prior = &receipt
	_, err = driver.Write(t.Context(), p.conn, refund)
	require.NoError(t, err)
	payments, err := p.Payments(t.Context())
	require.NoError(t, err)
	require.Len(t, payments, 2)
	require.Equal(t, refund.Ref, payments[1].CheckNum)
	require.Contains(t, payments[1].PayNote, refund.OfRef)
	_, err = driver.Write(t.Context(), p.conn, &again)
	require.ErrorIs(t, err, driver.ReasonNotRefundable, "also when the refund has its own check number")
}

func TestLockDatesHoldForPaymentsAndRefunds(t *testing.T) {
	t.Parallel()
	p := newPractice(t, opendentaltest.Config{})
	require.NoError(t, p.SetPreference(t.Context(), "SecurityLockDays", "3"))
	op := p.op(driver.OpPayment).(*driver.Payment)
	today := op.PostedOn.In(time.UTC)
	op.PostedOn = driver.DateOf(today.AddDate(0, 0, -3))
	_, err := driver.Write(t.Context(), p.conn, op)
	require.ErrorIs(t, err, driver.ReasonPeriodClosed)
	op.PostedOn = driver.DateOf(today.AddDate(0, 0, -2))
	_, err = driver.Write(t.Context(), p.conn, op)
	require.NoError(t, err)

	refund := p.op(driver.OpRefund)
	require.NoError(t, p.SetPreference(t.Context(), "SecurityLockDate", today.Format(time.DateOnly)))
	_, err = driver.Write(t.Context(), p.conn, refund)
	require.ErrorIs(t, err, driver.ReasonPeriodClosed)
	require.Zero(t, p.Count("POST", "/payments/Refund"))
}

func TestADocumentIsFoundUnderItsNewNumberAfterTheFirstView(t *testing.T) {
	t.Parallel()
	p := newPractice(t, opendentaltest.Config{AtoZ: t.TempDir()})
	op := p.op(driver.OpDocument)
	receipt, err := driver.Write(t.Context(), p.conn, op)
	require.NoError(t, err)
	old, err := strconv.ParseInt(receipt.ID, 10, 64)
	require.NoError(t, err)
	viewed, err := p.ViewDocument(t.Context(), old)
	require.NoError(t, err)
	require.NotEqual(t, old, viewed.DocNum)
	verdict, receipt, err := driver.Verify(t.Context(), p.conn, op)
	require.NoError(t, err)
	require.Equal(t, driver.VerdictApplied, verdict)
	require.Equal(t, id(viewed.DocNum), receipt.ID)
}

func TestStatusesThatStampATimeSaySo(t *testing.T) {
	t.Parallel()
	p := newPractice(t, opendentaltest.Config{})
	options, err := driver.ReadCatalog(t.Context(), p.conn, driver.AppointmentStatuses)
	require.NoError(t, err)
	roles := map[string]driver.StatusRole{}
	for _, o := range options {
		roles[o.Label] = o.Role
	}
	require.Equal(t, driver.RoleUnconfirmed, options[0].Role)
	require.Equal(t, driver.RoleConfirmed, roles["Confirmed"])
	require.Equal(t, driver.RoleArrived, roles["Arrived"])
	require.Equal(t, driver.RoleSeated, roles["In Treatment Room"])
}

func TestAPaymentFoundWithoutItsProviderIsFinished(t *testing.T) {
	t.Parallel()
	p := newPractice(t, opendentaltest.Config{})
	require.NoError(t, p.SetPreference(t.Context(), "AllowPrepayProvider", "1"))
	_, err := p.conn.Info(t.Context())
	require.NoError(t, err)
	pay := p.op(driver.OpPayment).(*driver.Payment)
	other, err := p.AddProvider(t.Context(), opendentaltest.Provider{Abbr: "DOC2", LName: "Second", FName: "Doc"})
	require.NoError(t, err)
	pay.Provider = id(other.ProvNum) // not the one that the office takes by itself
	in, err := p.Inject(opendentaltest.Fault{Kind: opendentaltest.FaultCutAfter, Method: "POST", Route: "/payments", Count: -1})
	require.NoError(t, err)
	_, err = driver.Write(t.Context(), p.conn, pay)
	require.ErrorIs(t, err, driver.ErrUnknownOutcome)
	in.Remove()
	verdict, receipt, err := driver.Verify(t.Context(), p.conn, pay)
	require.NoError(t, err)
	require.Equal(t, driver.VerdictApplied, verdict)
	require.NotEmpty(t, receipt.State, "the provider is still to be recorded")
	pay.Prior = &receipt
	done, err := driver.Write(t.Context(), p.conn, pay)
	require.NoError(t, err)
	require.Empty(t, done.State)
	payments, err := p.Payments(t.Context())
	require.NoError(t, err)
	require.Len(t, payments, 1)
	splits, err := p.PaySplits(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, splits)
	for _, s := range splits {
		require.Equal(t, pay.Provider, id(s.ProvNum))
	}
	verdict, receipt, err = driver.Verify(t.Context(), p.conn, pay)
	require.NoError(t, err)
	require.Equal(t, driver.VerdictApplied, verdict)
	require.Empty(t, receipt.State)
}
