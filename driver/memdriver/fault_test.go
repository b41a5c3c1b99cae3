package memdriver_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
)

// calls are all calls of a connection by their name in Fault.On, each answering
// well when there is no fault.
func (p *practice) calls() map[string]func(context.Context) error {
	photo := p.AddPhoto(p.patient, "image/png", []byte("png"))
	return map[string]func(context.Context) error{
		"connect": func(ctx context.Context) error {
			conn, err := p.Connector().Connect(ctx, driver.Env{})
			if err == nil {
				err = conn.Close()
			}
			return err
		},
		"ping": func(ctx context.Context) error { return p.conn.Ping(ctx) },
		"info": func(ctx context.Context) error { _, err := p.conn.Info(ctx); return err },
		"catalog providers": func(ctx context.Context) error {
			_, err := driver.ReadCatalog(ctx, p.conn, driver.Providers)
			return err
		},
		"find id": func(ctx context.Context) error {
			_, err := driver.FindPatients(ctx, p.conn, driver.PatientQuery{ID: p.patient})
			return err
		},
		"changes appointments": func(ctx context.Context) error {
			_, err := driver.ReadChanges(ctx, p.conn, driver.ChangesQuery{Feed: driver.AppointmentFeed})
			return err
		},
		"window photos": func(ctx context.Context) error {
			_, err := driver.ReadWindow(ctx, p.conn, driver.WindowQuery{Feed: driver.PhotoFeed})
			return err
		},
		"read appointment": func(ctx context.Context) error {
			_, err := driver.ReadAppointment(ctx, p.conn, p.appointment)
			return err
		},
		"photo": func(ctx context.Context) error {
			r, err := driver.OpenPhoto(ctx, p.conn, photo)
			if err == nil {
				_, err = io.Copy(io.Discard, r)
			}
			return err
		},
		"write note": func(ctx context.Context) error { _, err := driver.Write(ctx, p.conn, p.note()); return err },
		"verify payment": func(ctx context.Context) error {
			_, _, err := driver.Verify(ctx, p.conn, p.payment(100))
			return err
		},
	}
}

func TestAFaultHitsTheCallsItNamesAndNoOthers(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{})
	calls := p.calls()
	for on, call := range calls {
		trip := p.Fail(memdriver.Fault{On: on, Times: 1})
		for other, run := range calls {
			if other != on {
				require.NoError(t, run(t.Context()), "%s hits %s", on, other)
			}
		}
		require.ErrorIs(t, call(t.Context()), driver.ErrUnavailable, on)
		require.NoError(t, call(t.Context()), "%s once", on)
		require.Equal(t, 1, trip.Hits())
		<-trip.Reached()
	}
	all := p.Fail(memdriver.Fault{})
	for name, call := range calls {
		require.ErrorIs(t, call(t.Context()), driver.ErrUnavailable, name)
	}
	require.Equal(t, len(calls), all.Hits())
	all.Clear()
	for name, call := range calls {
		require.NoError(t, call(t.Context()), name)
	}
}

func TestAFaultMayNameAnOperationOrACallWithoutItsKind(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{})
	for _, on := range []string{"note", "write", "write note"} {
		p.Fail(memdriver.Fault{On: on, Times: 1})
		_, err := driver.Write(t.Context(), p.conn, p.note())
		require.ErrorIs(t, err, driver.ErrUnavailable, on)
	}
	for _, on := range []string{"gossip", "write gossip", "writenote", "ping ", "photos"} {
		require.Panics(t, func() { p.Fail(memdriver.Fault{On: on}) }, on)
	}
}

func TestFaultsAreAScript(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{})
	p.Fail(memdriver.Fault{On: "ping", Skip: 1, Times: 2, Err: memdriver.Busy(time.Minute)})
	p.Fail(memdriver.Fault{On: "ping", Skip: 1, Times: 1, Err: memdriver.Unauthorized(driver.ScopeWrites)})
	var got []driver.Kind
	for range 5 {
		if err := driver.ReadError(p.conn.Ping(t.Context())); err != nil {
			got = append(got, err.Kind)
			continue
		}
		got = append(got, "")
	}
	require.Equal(t, []driver.Kind{"", driver.ErrUnavailable, driver.ErrUnavailable, driver.ErrUnauthorized, ""}, got)
}

func TestAFaultCanBeNarrowedToSomeOperations(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{})
	p.Fail(memdriver.Fault{On: "payment", Match: func(op driver.Op) bool { return op.(*driver.Payment).Fee }})
	p.write(p.payment(100))
	fee := p.payment(3)
	fee.Fee = true
	_, err := driver.Write(t.Context(), p.conn, fee)
	require.ErrorIs(t, err, driver.ErrUnavailable)
}

func TestTheErrorOfAFaultIsTheOneAsked(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{})
	foreign := errors.New("line noise")
	for _, c := range []struct {
		given error
		want  driver.Error
	}{
		{driver.ErrCursorExpired, driver.Error{Kind: driver.ErrCursorExpired}},
		{driver.ReasonMaintenance, driver.Error{Kind: driver.ErrRejected, Reason: driver.ReasonMaintenance}},
		{memdriver.Reject(driver.ReasonRecordLocked), driver.Error{Kind: driver.ErrRejected, Reason: driver.ReasonRecordLocked}},
		{memdriver.Unauthorized(driver.ScopeOperation), driver.Error{Kind: driver.ErrUnauthorized, Scope: driver.ScopeOperation}},
		{memdriver.Busy(time.Hour), driver.Error{Kind: driver.ErrUnavailable, RetryAfter: time.Hour}},
		{nil, driver.Error{Kind: driver.ErrUnavailable}},
	} {
		p.Fail(memdriver.Fault{On: "note", Times: 1, Err: c.given})
		_, err := driver.Write(t.Context(), p.conn, p.note())
		c.want.Driver, c.want.Op = "memory", "write note"
		require.Equal(t, &c.want, err)
	}
	p.Fail(memdriver.Fault{On: "note", Times: 1, Err: foreign})
	_, err := driver.Write(t.Context(), p.conn, p.note())
	require.Equal(t, foreign, err)
	require.Zero(t, p.Counts().Notes)
}

func TestBeforeHasNoEffectAndAfterHasIt(t *testing.T) {
	t.Parallel()
	for _, kind := range driver.OpKinds() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			p := newPractice(t, memdriver.Config{})
			op := p.ops()[kind]
			had := p.written(kind)
			p.Fail(memdriver.Fault{On: "write " + string(kind), Times: 1})
			_, err := driver.Write(t.Context(), p.conn, op)
			require.ErrorIs(t, err, driver.ErrUnavailable)
			require.Equal(t, had, p.written(kind))
			verdict, _, err := driver.Verify(t.Context(), p.conn, op)
			require.NoError(t, err)
			require.Equal(t, driver.VerdictAbsent, verdict)

			p.Fail(memdriver.Fault{On: "write " + string(kind), Times: 1, Effect: memdriver.After})
			_, err = driver.Write(t.Context(), p.conn, op)
			require.ErrorIs(t, err, driver.ErrUnknownOutcome)
			require.Equal(t, had+1, p.written(kind))
			verdict, receipt, err := driver.Verify(t.Context(), p.conn, op)
			require.NoError(t, err)
			require.Equal(t, driver.VerdictApplied, verdict)
			require.NotEmpty(t, receipt.ID)
		})
	}
}

func TestWhatThePMSRefusesIsRefusedInSpiteOfAFault(t *testing.T) {
	t.Parallel()
	for _, effect := range []memdriver.Effect{memdriver.After, memdriver.Late, memdriver.Half} {
		p := newPractice(t, memdriver.Config{})
		p.Fail(memdriver.Fault{On: "write", Effect: effect})
		op := p.note()
		op.Patient = missing
		_, err := driver.Write(t.Context(), p.conn, op)
		require.ErrorIs(t, err, driver.ReasonPatientNotFound)
		require.Zero(t, p.Counts().Late)
	}
}

func TestALateEffectComesByTheClock(t *testing.T) {
	t.Parallel()
	for _, kind := range driver.OpKinds() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			clk := newClock()
			p := newPractice(t, memdriver.Config{Now: clk.Now})
			op := p.ops()[kind]
			had := p.written(kind)
			p.Fail(memdriver.Fault{On: "write", Times: 1, Effect: memdriver.Late, After: time.Minute})
			_, err := driver.Write(t.Context(), p.conn, op)
			require.ErrorIs(t, err, driver.ErrUnknownOutcome)
			clk.Advance(time.Minute - 1)
			p.SkewClock(time.Hour) // is of no account
			require.Equal(t, had, p.written(kind))
			require.Equal(t, 1, p.Counts().Late)
			verdict, _, err := driver.Verify(t.Context(), p.conn, op)
			require.NoError(t, err)
			require.Equal(t, driver.VerdictUnknown, verdict, "it can still come")
			clk.Advance(1)
			require.Equal(t, had+1, p.written(kind))
			require.Zero(t, p.Counts().Late)
			verdict, _, err = driver.Verify(t.Context(), p.conn, op)
			require.NoError(t, err)
			require.Equal(t, driver.VerdictApplied, verdict)
		})
	}
}

func TestALateEffectWaitsForRelease(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{})
	trip := p.Fail(memdriver.Fault{On: "write", Effect: memdriver.Late})
	other := p.Fail(memdriver.Fault{On: "write", Effect: memdriver.Late})
	first, second := p.note(), p.note()
	for _, op := range []driver.Op{first, second} {
		_, err := driver.Write(t.Context(), p.conn, op)
		require.ErrorIs(t, err, driver.ErrUnknownOutcome)
	}
	other.Release()
	require.Equal(t, 2, p.Counts().Late, "not its own")
	trip.Release()
	notes := p.Notes()
	require.Equal(t, first.Ref, notes[0].Ref)
	require.Equal(t, second.Ref, notes[1].Ref)
	_, err := driver.Write(t.Context(), p.conn, p.note())
	require.ErrorIs(t, err, driver.ErrUnknownOutcome)
	require.Equal(t, 3, p.Counts().Notes, "a released fault delays nothing")
}

func TestALateEffectThatIsRefusedByThenDoesNotCome(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{})
	trip := p.Fail(memdriver.Fault{On: "write", Times: 1, Effect: memdriver.Late})
	op := p.note()
	_, err := driver.Write(t.Context(), p.conn, op)
	require.ErrorIs(t, err, driver.ErrUnknownOutcome)
	require.NoError(t, p.ArchivePatient(p.patient))
	trip.Release()
	require.Zero(t, p.Counts().Notes)
	verdict, _, err := driver.Verify(t.Context(), p.conn, op)
	require.NoError(t, err)
	require.Equal(t, driver.VerdictAbsent, verdict)
}

func TestHalfIsFinishedByPriorAndFinishingTwiceDoesNoHarm(t *testing.T) {
	t.Parallel()
	for _, kind := range driver.OpKinds() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			p := newPractice(t, memdriver.Config{})
			op := p.ops()[kind]
			had := p.written(kind)
			p.Fail(memdriver.Fault{On: "write", Times: 2, Effect: memdriver.Half})
			for range 2 { // the rest fails once too
				_, err := driver.Write(t.Context(), p.conn, op)
				require.ErrorIs(t, err, driver.ErrIncomplete)
				prior := driver.WriteError(err).Receipt
				require.NotEmpty(t, prior.ID)
				require.NotEmpty(t, prior.State)
				require.Equal(t, had+1, p.written(kind))
				require.Equal(t, 1, p.Counts().Incomplete)
				op.Head().Prior = &prior
			}
			verdict, found, err := driver.Verify(t.Context(), p.conn, op)
			require.NoError(t, err)
			require.Equal(t, driver.VerdictApplied, verdict)
			require.Equal(t, *op.Head().Prior, found, "Verify tells of the rest too")
			for range 2 {
				receipt := p.write(op)
				require.Equal(t, found.ID, receipt.ID)
				require.Empty(t, receipt.State)
				require.Zero(t, p.Counts().Incomplete)
				require.Equal(t, had+1, p.written(kind))
			}
		})
	}
}

func TestHalfDoneWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{})
	p.Fail(memdriver.Fault{On: "write", Times: 1, Effect: memdriver.Half, Err: driver.ErrUnknownOutcome})
	op := p.note()
	_, err := driver.Write(t.Context(), p.conn, op)
	require.ErrorIs(t, err, driver.ErrUnknownOutcome)
	_, receipt, err := driver.Verify(t.Context(), p.conn, op)
	require.NoError(t, err)
	op.Prior = &receipt
	p.write(op)
	require.True(t, p.Notes()[0].Complete)
	require.Len(t, p.Notes(), 1)
}

func TestAHangEndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPractice(t, memdriver.Config{})
		for name, call := range p.calls() {
			p.Fail(memdriver.Fault{On: name, Times: 1, Effect: memdriver.Pass, Hang: memdriver.HangUntilDone})
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			began := time.Now()
			err := call(ctx)
			cancel()
			require.ErrorIs(t, err, context.DeadlineExceeded, name)
			require.Equal(t, time.Hour, time.Since(began))
			want := driver.ErrUnavailable
			if name == "write note" {
				want = driver.ErrUnknownOutcome
			}
			require.ErrorIs(t, err, want, name)
		}
		require.Zero(t, p.Counts().Notes, "it hung before the effect")

		p.Fail(memdriver.Fault{On: "note", Times: 1, Effect: memdriver.After, Hang: memdriver.HangUntilDone})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		_, err := driver.Write(ctx, p.conn, p.note())
		require.ErrorIs(t, err, driver.ErrUnknownOutcome)
		require.Equal(t, 1, p.Counts().Notes, "it hung after the effect")
	})
}

func TestAHangEndsWithReleaseOrClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPractice(t, memdriver.Config{})
		conn := p.connect(driver.Env{})
		trip := p.Fail(memdriver.Fault{On: "note", Effect: memdriver.Pass, Hang: memdriver.HangUntilDone})
		answers := make(chan error)
		write := func(conn driver.Conn, op driver.Op) {
			_, err := driver.Write(t.Context(), conn, op)
			answers <- err
		}
		op := p.note()
		go write(conn, op)
		<-trip.Reached()
		verdict, _, err := driver.Verify(t.Context(), p.conn, op)
		require.NoError(t, err)
		require.Equal(t, driver.VerdictUnknown, verdict, "the request is under way")
		require.NoError(t, conn.Close())
		require.ErrorIs(t, <-answers, driver.ErrUnknownOutcome)
		verdict, _, err = driver.Verify(t.Context(), p.conn, op)
		require.NoError(t, err)
		require.Equal(t, driver.VerdictAbsent, verdict)

		go write(p.conn, op)
		synctest.Wait()
		require.Zero(t, p.Counts().Notes)
		trip.Release()
		require.NoError(t, <-answers)
		require.Equal(t, 1, p.Counts().Notes)
		p.write(p.note()) // a released fault hangs nothing
	})
}

func TestAHardHangIgnoresTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPractice(t, memdriver.Config{})
		trip := p.Fail(memdriver.Fault{On: "note", Times: 1, Effect: memdriver.Pass, Hang: memdriver.HangHard})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		answer := make(chan error, 1)
		op := p.note()
		go func() {
			_, err := driver.Write(ctx, p.conn, op)
			answer <- err
		}()
		<-ctx.Done()
		synctest.Wait()
		require.Empty(t, answer)
		verdict, _, err := driver.Verify(t.Context(), p.conn, op)
		require.NoError(t, err)
		require.Equal(t, driver.VerdictUnknown, verdict)
		trip.Release()
		require.NoError(t, <-answer)
		require.Equal(t, 1, p.Counts().Notes)
	})
}

func TestLatencyAndDelayTakeTheirTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPractice(t, memdriver.Config{Latency: 2 * time.Second})
		began := time.Now()
		require.NoError(t, p.conn.Ping(t.Context()))
		require.Equal(t, 2*time.Second, time.Since(began))
		p.SetLatency(time.Second)
		p.Fail(memdriver.Fault{On: "ping", Effect: memdriver.Pass, Delay: 3 * time.Second})
		began = time.Now()
		require.NoError(t, p.conn.Ping(t.Context()))
		require.Equal(t, 4*time.Second, time.Since(began))
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		require.ErrorIs(t, p.conn.Ping(ctx), context.DeadlineExceeded)
		require.ErrorIs(t, p.conn.Ping(ctx), driver.ErrUnavailable, "nothing is sent once the context has ended")
		_, err := driver.Write(ctx, p.conn, p.note())
		require.ErrorIs(t, err, driver.ErrUnavailable)
	})
}

func TestOfflineNothingWorksAndNothingHappens(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{})
	calls := p.calls()
	p.SetOffline(true)
	for name, call := range calls {
		require.ErrorIs(t, call(t.Context()), driver.ErrUnavailable, name)
	}
	require.Zero(t, p.Counts().Notes)
	p.SetOffline(false)
	for name, call := range calls {
		require.NoError(t, call(t.Context()), name)
	}
}

func TestTwiceGivesDoubleRowsAndOptions(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{Now: newClock().Now})
	gone := p.AddAppointment(driver.Appointment{Patient: p.patient})
	cursor := p.changes(driver.AppointmentFeed, "").Next
	require.NoError(t, p.DeleteAppointment(gone))
	p.Fail(memdriver.Fault{Effect: memdriver.Pass, Twice: true})
	page := p.changes(driver.AppointmentFeed, cursor)
	require.Len(t, page.Appointments, 2)
	require.Equal(t, []string{gone, gone}, page.Deleted)
	list, err := driver.ReadCatalog(t.Context(), p.conn, driver.Providers)
	require.NoError(t, err)
	require.Len(t, list, 6)
	require.Equal(t, list[:3], list[3:])
	require.Len(t, p.Options(driver.Providers), 3)
	page, err = driver.ReadWindow(t.Context(), p.conn, driver.WindowQuery{Feed: driver.PatientFeed})
	require.NoError(t, err)
	require.Len(t, page.Patients, 2)
}

func TestACatalogThatFailsHalfWayIsNoList(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{})
	p.Fail(memdriver.Fault{On: "catalog note_types", Times: 1, Effect: memdriver.After})
	list, err := driver.ReadCatalog(t.Context(), p.conn, driver.NoteTypes)
	require.ErrorIs(t, err, driver.ErrUnavailable)
	require.Nil(t, list)
}

func TestHealMendsEverything(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPractice(t, memdriver.Config{})
		p.Fail(memdriver.Fault{On: "note", Times: 1, Effect: memdriver.Late, After: time.Hour})
		_, err := driver.Write(t.Context(), p.conn, p.note())
		require.ErrorIs(t, err, driver.ErrUnknownOutcome)
		trip := p.Fail(memdriver.Fault{On: "ping", Hang: memdriver.HangHard})
		answer := make(chan error)
		go func() { answer <- p.conn.Ping(t.Context()) }()
		<-trip.Reached()
		p.SetOffline(true)
		p.Heal()
		require.ErrorIs(t, <-answer, driver.ErrUnavailable)
		require.NoError(t, p.conn.Ping(t.Context()))
		require.Equal(t, 1, p.Counts().Notes)
	})
}
