package memdriver_test

import (
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
)

func TestEverythingIsSafeAtOnce(t *testing.T) {
	t.Parallel()
	const writers, each = 64, 20
	p := newPractice(t, memdriver.Config{MaxCalls: writers})
	var group sync.WaitGroup
	errs := make(chan error, writers*each)
	for w := range writers {
		group.Go(func() {
			for i := range each {
				op := &driver.Note{
					Header: driver.Header{Ref: refOf(1000 + w*each + i), Patient: p.patient, Provider: activeDoctor},
					About:  driver.PatientNote, Type: phoneCall, Body: driver.NewText(strconv.Itoa(i)), Part: 1, Parts: 1,
				}
				if _, err := driver.Write(t.Context(), p.conn, op); err != nil {
					errs <- err
				}
				if _, _, err := driver.Verify(t.Context(), p.conn, op); err != nil {
					errs <- err
				}
			}
		})
	}
	stop := make(chan struct{})
	var staff sync.WaitGroup
	for _, act := range []func(){
		func() { p.SetStatus(p.appointment, confirmed) },
		func() {
			p.EditPatient(p.patient, func(r *driver.Patient) { r.Phones = append(r.Phones[:0], driver.NewText("2125550100")) })
		},
		func() { p.DeleteAppointment(p.AddAppointment(driver.Appointment{Patient: p.patient, Start: noon})) },
		func() { p.RenameOption(driver.NoteTypes, phoneCall, "Call") },
		func() { p.SetInfo(func(i *driver.Info) { i.Notes = append(i.Notes[:0], "x") }) },
		func() { p.Fail(memdriver.Fault{On: "verify", Times: 1, Effect: memdriver.Pass}).Clear() },
		func() { p.SkewClock(time.Minute); p.Counts(); p.Notes(); p.Traffic(); p.Info() },
		func() { p.Break("nothing") },
		func() {
			driver.ReadWindow(t.Context(), p.conn, driver.WindowQuery{Feed: driver.AppointmentFeed, From: noon, To: noon.Add(time.Hour)})
			driver.ReadChanges(t.Context(), p.conn, driver.ChangesQuery{Feed: driver.PatientFeed})
			driver.ReadCatalog(t.Context(), p.conn, driver.NoteTypes)
			driver.FindPatients(t.Context(), p.conn, driver.PatientQuery{Phone: driver.NewText("2125550100")})
		},
	} {
		staff.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					act()
				}
			}
		})
	}
	group.Wait()
	close(stop)
	staff.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	seen := map[string]bool{}
	for _, n := range p.Notes() {
		seen[n.Ref] = true
	}
	require.Len(t, seen, writers*each)
	require.Len(t, p.Notes(), writers*each)
}

func TestNothingIsLostToAReaderThatFollowsTheCursorWhileStaffWork(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{})
	const patients = 2000
	cursor := p.changes(driver.PatientFeed, "").Next
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range patients {
			p.AddPatient(driver.Patient{})
		}
	}()
	got := map[string]bool{}
	for finished := false; ; {
		page, err := driver.ReadChanges(t.Context(), p.conn, driver.ChangesQuery{Feed: driver.PatientFeed, Cursor: cursor, Limit: 50})
		require.NoError(t, err)
		for _, r := range page.Patients {
			got[r.ID] = true
		}
		if cursor = page.Next; finished && !page.More {
			break
		}
		select {
		case <-done:
			finished = true
		default:
		}
	}
	delete(got, p.patient)
	require.Len(t, got, patients)
}

func TestTrafficCountsCallsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPractice(t, memdriver.Config{MaxCalls: 2, Latency: time.Second})
		other := p.connect(driver.Env{})
		var group sync.WaitGroup
		for range 2 {
			group.Go(func() { require.NoError(t, p.conn.Ping(t.Context())) })
			group.Go(func() { require.NoError(t, other.Ping(t.Context())) })
		}
		group.Wait()
		got := p.Traffic()
		require.Equal(t, 2, got.Peak)
		require.Zero(t, got.Overruns, "each connection has its own bound")
		require.Equal(t, 4, got.Calls["ping"])
		for range 3 {
			group.Go(func() { require.NoError(t, p.conn.Ping(t.Context())) })
		}
		group.Wait()
		require.Equal(t, 3, p.Traffic().Peak)
		require.Equal(t, 1, p.Traffic().Overruns)
	})
}
