package opendental_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/opendental"
	"github.com/pmswriteback/pms/opendental/opendentaltest"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

const (
	look    = "GET /appointments/{AptNum}"
	confirm = "PUT /appointments/{AptNum}/Confirm"
)

// poll has the office asked for appointments at once.
func (h *host) poll() {
	h.t.Helper()
	for _, feed := range []driver.Feed{driver.AppointmentFeed, driver.AppointmentStatusFeed} {
		require.NoError(h.t, h.p.SyncNow(h.t.Context(), feed))
	}
}

// known books a visit, waits until the host was told of it, and returns the basis
// of an answer.
func (h *host) known(status int64) (appointment int64, basis string) {
	h.t.Helper()
	appointment = h.visit(status)
	h.poll()
	h.eventually("the host knows the visit", func() bool {
		return locked(h, func() bool {
			for _, e := range h.appointments {
				if e.Appointment.ID == id(appointment) {
					basis = e.Basis
				}
			}
			return basis != ""
		})
	})
	return appointment, basis
}

// toldOf waits until the host was told that an appointment has a status, and says
// as what.
func (h *host) toldOf(appointment, status int64) (e writeback.AppointmentStatusEvent) {
	h.t.Helper()
	h.poll()
	h.eventually(fmt.Sprintf("the host is told of status %d", status), func() bool {
		return locked(h, func() bool {
			i := slices.IndexFunc(h.statuses, func(e writeback.AppointmentStatusEvent) bool {
				return e.Appointment.ID == id(appointment) && e.Appointment.Status == id(status)
			})
			if i >= 0 {
				e = h.statuses[i]
			}
			return i >= 0
		})
	})
	return e
}

func TestStatusIsWrittenByItsNumberAfterALookAndComesBackInSilence(t *testing.T) {
	t.Parallel()
	h := newHost(t, opendentaltest.Config{}, nil)
	h.save(nil)
	appointment, basis := h.known(unconfirmed)
	other, _ := h.known(unconfirmed)
	for _, step := range []struct {
		key     string
		yes     bool
		basis   string
		becomes int64
	}{{"yes", true, basis, confirmed}, {"no", false, "", unconfirmed}, {"yes again", true, "", confirmed}} {
		locked(h, func() bool { h.requests = nil; return true })
		h.status(step.key, appointment, step.yes, step.basis)
		h.rests(step.key, writeback.Written)
		require.Equal(t, step.becomes, h.confirmedNow(appointment), step.key)
		asked := locked(h, func() []string { return slices.Clone(h.requests) })
		write := slices.Index(asked, confirm)
		require.Contains(t, asked[:write], look, "what stands there is read first")
		require.Contains(t, asked[write:], look, "and read back")
	}
	require.Equal(t, 3, h.Count("PUT", "/appointments/{AptNum}/Confirm"))
	// What staff do later is told, so that our own writes were passed over before.
	require.NoError(t, h.SetConfirmed(t.Context(), other, texted))
	h.toldOf(other, texted)
	for _, e := range locked(h, func() []writeback.AppointmentStatusEvent { return slices.Clone(h.statuses) }) {
		require.Equal(t, id(other), e.Appointment.ID, "our own write is no news")
	}
}

func TestStaffsStatusInBetweenStandsAndIsTold(t *testing.T) {
	t.Parallel()
	h := newHost(t, opendentaltest.Config{}, nil)
	h.save(nil)
	appointment, basis := h.known(unconfirmed)
	require.NoError(t, h.SetConfirmed(t.Context(), appointment, texted))
	h.status("late", appointment, true, basis)
	late := h.rests("late", writeback.Conflict)
	require.Equal(t, writeback.ReasonStaffChanged, late.Reason)
	require.EqualValues(t, texted, h.confirmedNow(appointment))
	require.Zero(t, h.Count("PUT", "/appointments/{AptNum}/Confirm"))
	told := h.toldOf(appointment, texted)
	require.Equal(t, writeback.Other, told.Status)
	require.Equal(t, "Texted", told.StatusLabel)
	// The host's answer to that is written.
	h.status("answer", appointment, true, told.Basis)
	h.rests("answer", writeback.Written)
	require.EqualValues(t, confirmed, h.confirmedNow(appointment))
}

func TestStatusOfAVisitThatIsOverIsNotWritten(t *testing.T) {
	t.Parallel()
	h := newHost(t, opendentaltest.Config{}, nil)
	h.save(nil)
	arrived, broken, deleted, done := h.visit(unconfirmed), h.visit(unconfirmed), h.visit(unconfirmed), h.visit(unconfirmed)
	require.NoError(t, h.SetConfirmed(t.Context(), arrived, 22))
	require.NoError(t, h.BreakAppointment(t.Context(), broken, false))
	require.NoError(t, h.DeleteAppointment(t.Context(), deleted))
	require.NoError(t, h.CompleteAppointment(t.Context(), done))
	for key, appointment := range map[string]int64{"arrived": arrived, "broken": broken, "deleted": deleted, "done": done} {
		h.status(key, appointment, true, "")
		require.Equal(t, writeback.ReasonTooLate, h.rests(key, writeback.Expired).Reason, key)
	}
	require.Zero(t, h.Count("PUT", "/appointments/{AptNum}/Confirm"))
}

func TestEveryStatusMeansWhatTheSettingsSay(t *testing.T) {
	t.Parallel()
	h := newHost(t, opendentaltest.Config{}, nil)
	h.save(nil)
	appointment, _ := h.known(256)
	for status, means := range map[int64]writeback.Confirmation{
		unconfirmed: writeback.Unconfirmed, confirmed: writeback.Confirmed, 252: writeback.Other, 22: writeback.Other,
	} {
		require.NoError(t, h.SetConfirmed(t.Context(), appointment, status))
		e := h.toldOf(appointment, status)
		require.Equal(t, means, e.Status, "%d", status)
		require.NotEmpty(t, e.StatusLabel)
	}
	// The practice counts another one as confirmed from now on.
	h.save(func(d *settings.Document) { d.Statuses.Confirmed = append(d.Statuses.Confirmed, ref(297)) })
	require.NoError(t, h.SetConfirmed(t.Context(), appointment, 297))
	require.Equal(t, writeback.Confirmed, h.toldOf(appointment, 297).Status)
}

// inBubble runs f with an office that is reached without a port, so that hours
// pass in a moment. address is one that no other test has: keys and addresses
// share a line.
func inBubble(t *testing.T, line opendental.Config, mode opendentaltest.Mode, f func(t *testing.T, h *host)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := &host{t: t}
		cfg := opendentaltest.Config{Mode: mode}
		h.observe(&cfg)
		office, err := opendentaltest.NewOffice(cfg)
		require.NoError(t, err)
		defer func() { require.NoError(t, office.Close()) }()
		h.Server = &opendentaltest.Server{Office: office}
		h.furnish()
		line.DeveloperKey = driver.NewSecret(opendentaltest.DefaultDeveloperKey)
		line.CustomerKey = driver.NewSecret(opendentaltest.DefaultCustomerKey)
		line.HTTP = &http.Client{Transport: office.RoundTripper()}
		defer h.run(func(c *writeback.Config) {
			c.WakePoll, c.SweepEvery, c.CatalogEvery = time.Minute, 1000*time.Hour, 1000*time.Hour
		}, line.Connector)()
		f(t, h)
	})
}

// feedsOff switches off what would be asked besides.
func feedsOff(d *settings.Document) {
	d.Intervals.AppointmentStatus, d.Intervals.AppointmentChanges, d.Intervals.NewPatients = settings.Never(), settings.Never(), settings.Never()
}

// requireAsked lets time pass and counts how often the office is asked meanwhile.
func (h *host) requireAsked(route string, every time.Duration) {
	h.t.Helper()
	const span = 20 * time.Minute
	time.Sleep(5 * time.Minute) // what a loop does at first is not counted
	before := h.Counts()[route]
	time.Sleep(span)
	asked := h.Counts()[route] - before
	if every == 0 {
		require.Zero(h.t, asked, "off is off")
		return
	}
	require.LessOrEqual(h.t, asked, int(span/every)+1, "every %v", every)
	require.GreaterOrEqual(h.t, asked, int(span*10/11/every), "every %v, and jitter is at most a tenth", every)
}

func TestOfficeIsAskedAtTheIntervalsThatAreSet(t *testing.T) {
	t.Parallel()
	line := opendental.Config{Mode: opendental.Service, URL: "http://127.0.0.77:30223/api/v1", ImagesDir: t.TempDir()}
	inBubble(t, line, opendentaltest.ModeService, func(t *testing.T, h *host) {
		for _, tc := range []struct {
			route string
			set   func(*settings.Document, settings.Interval)
		}{
			{"GET /appointments", func(d *settings.Document, i settings.Interval) { d.Intervals.AppointmentStatus = i }},
			{"GET /appointments", func(d *settings.Document, i settings.Interval) { d.Intervals.AppointmentChanges = i }},
			{"GET /patients/Simple", func(d *settings.Document, i settings.Interval) { d.Intervals.NewPatients = i }},
			{"PUT /queries/ShortQuery", func(d *settings.Document, i settings.Interval) { d.Intervals.Photos, d.Intervals.PhotoSweep = true, i }},
		} {
			for _, i := range []settings.Interval{settings.Seconds(15), settings.Seconds(120), settings.Never()} {
				h.save(func(d *settings.Document) { feedsOff(d); tc.set(d, i) })
				h.requireAsked(tc.route, i.Every)
			}
		}
	})
}

// In Remote mode a poll may take no more than a tenth of a throttled line.
func TestShortestIntervalIsTheDriversToSay(t *testing.T) {
	t.Parallel()
	line := opendental.Config{Mode: opendental.Remote, URL: "https://127.0.0.78/api/v1", Rate: 2 * time.Second}
	inBubble(t, line, opendentaltest.ModeRemote, func(t *testing.T, h *host) {
		_, info, _, err := h.p.Catalogs(t.Context())
		require.NoError(t, err)
		least := info.Feeds[driver.AppointmentStatusFeed].MinInterval
		require.Equal(t, 20*time.Second, least)
		first, raised := settings.Initial(info)
		require.Equal(t, settings.Every(least), first.Intervals.AppointmentStatus, "the larger of default and minimum")
		require.Equal(t, settings.Seconds(60), first.Intervals.AppointmentChanges)
		require.Equal(t, settings.CodeIntervalRaised, only(t, raised, func(p settings.Problem) bool { return p.Path == "intervals.appointment_status" }).Code)

		doc := h.chosen() // with the 15 seconds that are usual elsewhere
		problems, err := h.p.SaveSettings(t.Context(), doc, writeback.Save{Actor: "dana"})
		require.ErrorIs(t, err, writeback.ErrProblems)
		short := only(t, problems, func(p settings.Problem) bool { return p.Path == "intervals.appointment_status" })
		require.Equal(t, settings.Error, short.Severity)
		require.Contains(t, short.Words, "20 seconds")
		h.save(func(d *settings.Document) { feedsOff(d); d.Intervals.AppointmentStatus = settings.Every(least) })
		h.requireAsked("GET /appointments", least)
	})
}
