package writeback_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

// believed is what the host was last told of an appointment's confirmation.
func (b *bed) believed(id string) writeback.Confirmation {
	return got(b.host, func() writeback.Confirmation {
		var last writeback.Confirmation
		for _, e := range b.host.appointments {
			if e.Appointment.ID == id {
				last = e.Status
			}
		}
		for _, e := range b.host.statuses {
			if e.Appointment.ID == id {
				last = e.Status
			}
		}
		return last
	})
}

func TestAppointmentsWhoseStatusMeansSomethingElseAfterASaveAreToldAtOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		texted, plain, confirmed := b.appointment(48*time.Hour), b.appointment(49*time.Hour), b.appointment(50*time.Hour)
		require.NoError(t, b.pms.SetStatus(texted, "0303"))
		require.NoError(t, b.pms.SetStatus(confirmed, "0302"))
		b.save(nil)
		b.pass(2 * time.Minute)
		require.Equal(t, writeback.Other, b.believed(texted))
		require.Equal(t, writeback.Unconfirmed, b.believed(plain))
		require.Equal(t, writeback.Confirmed, b.believed(confirmed))
		require.Empty(t, b.host.statuses)
		ref := func(ids ...string) (refs []settings.Ref) {
			for _, id := range ids {
				refs = append(refs, settings.Ref{ID: id})
			}
			return refs
		}
		for _, step := range []struct {
			name   string
			change func(*settings.Document)
			told   map[string]writeback.Confirmation
		}{
			{"one more means confirmed", func(d *settings.Document) { d.Statuses.Confirmed = ref("0302", "0303") }, map[string]writeback.Confirmation{texted: writeback.Confirmed}},
			{"the order does not matter", func(d *settings.Document) { d.Statuses.Confirmed = ref("0303", "0302") }, nil},
			{"one less", func(d *settings.Document) { d.Statuses.Confirmed = ref("0302") }, map[string]writeback.Confirmation{texted: writeback.Other}},
			{"another one means unconfirmed as well", func(d *settings.Document) { d.Statuses.UnconfirmedTarget = settings.Ref{ID: "0303"} }, map[string]writeback.Confirmation{texted: writeback.Unconfirmed}},
			{"nothing means confirmed", func(d *settings.Document) { d.Statuses.Confirmed, d.Statuses.ConfirmedTarget = nil, settings.Ref{} }, map[string]writeback.Confirmation{confirmed: writeback.Other}},
			{"what is not about statuses", func(d *settings.Document) { d.Notes.Enabled = nil }, nil},
		} {
			before := len(b.host.statuses)
			b.save(step.change)
			b.pass(time.Second)
			events := got(b.host, func() []writeback.AppointmentStatusEvent { return b.host.statuses[before:] })
			told := map[string]writeback.Confirmation{}
			for _, e := range events {
				told[e.Appointment.ID] = e.Status
				require.NotEmpty(t, e.Basis)
			}
			require.Len(t, events, len(step.told), step.name)
			for id, want := range step.told {
				require.Equal(t, want, told[id], step.name)
			}
			b.pass(2 * time.Minute)
			require.Len(t, b.host.statuses, before+len(step.told), "%s: told once", step.name)
		}
	})
}

// A handler that fails does not make the change forgotten, nor does a restart.
func TestAppointmentsThatMeanSomethingElseAreToldWhateverComesBetween(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		id := b.appointment(48 * time.Hour)
		b.save(nil)
		b.pass(2 * time.Minute)
		b.host.refuse("appointment_status", errHost)
		b.save(func(d *settings.Document) {
			d.Statuses.Confirmed, d.Statuses.ConfirmedTarget, d.Statuses.UnconfirmedTarget = []settings.Ref{{ID: "0301"}}, settings.Ref{}, settings.Ref{}
		})
		b.pass(time.Minute)
		b.stopped()
		b.host.refuse("appointment_status", nil)
		b.engine(nil)
		b.start()
		b.pass(time.Minute)
		require.Equal(t, writeback.Confirmed, b.believed(id))
		require.Len(t, b.host.statuses, 1)
	})
}

func TestOwnWriteStaysSilentWhenTheMappingChangesAroundIt(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		id := b.appointment(48 * time.Hour)
		b.save(nil)
		b.pass(2 * time.Minute)
		b.confirm("yes", id, true, "")
		b.pass(time.Minute)
		b.requireState("yes", writeback.Written)
		require.Empty(t, b.host.statuses)
		b.save(func(d *settings.Document) {
			d.Statuses.Confirmed = append(d.Statuses.Confirmed, settings.Ref{ID: "0303"})
		})
		b.pass(time.Minute)
		require.Empty(t, b.host.statuses, "it means what the host asked for")
		// The mapping is turned round: now the host is wrong.
		b.save(func(d *settings.Document) {
			d.Statuses.Confirmed, d.Statuses.ConfirmedTarget, d.Statuses.UnconfirmedTarget = []settings.Ref{{ID: "0303"}}, settings.Ref{}, settings.Ref{ID: "0302"}
		})
		b.pass(time.Minute)
		require.Equal(t, writeback.Unconfirmed, b.believed(id))
	})
}
