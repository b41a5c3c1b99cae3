package opendentaltest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

func TestAppointmentFilters(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		p := open(t, cfg)
		later, err := p.AddAppointment(t.Context(), opendentaltest.Appointment{PatNum: p.bruno.PatNum, AptDateTime: p.tomorrow.AddDate(0, 0, 2), AptStatus: opendentaltest.AptPlanned})
		require.NoError(t, err)
		first, second := p.appointment.AptNum, later.AptNum
		day, after := p.tomorrow.Format("2006-01-02"), p.tomorrow.AddDate(0, 0, 2).Format("2006-01-02")
		for query, want := range map[string][]int64{
			"":                              {first, second},
			"Limit=1&Offset=1":              {second},
			"date=" + day:                   {first},
			"dateStart=" + day:              {first, second},
			"dateStart=" + after:            {second},
			"dateEnd=" + day:                {first},
			"AptStatus=Planned":             {second},
			"PatNum=1":                      {first},
			"Op=0":                          {second},
			"ClinicNum=0":                   {first, second},
			"DateTStamp=" + p.today():       {first, second},
			"DateTStamp=2199-01-01":         nil,
			"AppointmentTypeNum=0&PatNum=2": {second},
		} {
			var nums []int64
			for _, row := range p.list("/appointments?" + query) {
				nums = append(nums, int64(row["AptNum"].(float64)))
			}
			require.Equal(t, want, nums, query)
		}
		got := p.do(200, "GET", p.path("/appointments/%d", first), nil)
		require.Equal(t, p.tomorrow.Format("2006-01-02 15:04:05"), got["AptDateTime"])
		require.Equal(t, "Unconfirmed", got["confirmed"])
		require.Equal(t, "DOC", got["provAbbr"])
		require.Equal(t, "0,0,0", got["colorOverride"])
		require.Contains(t, got, "serverDateTime")
		p.do(400, "GET", "/appointments?DateTStamp=yesterday", nil)
		p.do(400, "GET", "/appointments?AptStatus=Scheduld", nil)
		p.do(404, "GET", "/appointments/999", nil)
	})
}

func TestConfirm(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		p := open(t, cfg)
		path := p.path("/appointments/%d/Confirm", p.appointment.AptNum)
		confirmed := func() int64 {
			a, err := p.Appointment(t.Context(), p.appointment.AptNum)
			require.NoError(t, err)
			return a.Confirmed
		}
		require.Nil(t, p.do(200, "PUT", path, map[string]any{"defNum": 20}), "200, no body")
		require.EqualValues(t, 20, confirmed())
		for word, want := range map[string]int64{"Sent": 291, "Confirmed": 21, "Not Accepted": 292, "Failed": 293, "None": 19} {
			p.do(200, "PUT", path, map[string]any{"confirmVal": word})
			require.Equal(t, want, confirmed(), word)
		}
		p.do(200, "PUT", path, map[string]any{"confirmVal": "None"})
		p.do(400, "PUT", path, map[string]any{"confirmVal": "Yes"})
		p.do(400, "PUT", path, map[string]any{})
		p.do(400, "PUT", path, map[string]any{"confirmVal": "None", "defNum": 21})
		p.do(400, "PUT", path, map[string]any{"defNum": 69})
		require.NoError(t, p.HideDefinition(t.Context(), 21))
		p.do(400, "PUT", path, map[string]any{"defNum": 21})
		require.EqualValues(t, 19, confirmed(), "a refusal changes nothing")
		p.do(404, "PUT", "/appointments/999/Confirm", map[string]any{"defNum": 22})
	})
}

func TestTriggerStatusesNoteTheTimeOnce(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		clock := time.Date(2026, 3, 2, 15, 0, 30, 0, time.UTC)
		cfg.Now = func() time.Time { return clock }
		p := open(t, cfg)
		path := p.path("/appointments/%d/Confirm", p.appointment.AptNum)
		p.do(200, "PUT", path, map[string]any{"defNum": 22}) // Arrived
		p.SkewClock(time.Minute)
		require.NoError(t, p.SetConfirmed(t.Context(), p.appointment.AptNum, 25)) // In Treatment Room
		p.do(200, "PUT", path, map[string]any{"defNum": 22})
		got := p.do(200, "GET", p.path("/appointments/%d", p.appointment.AptNum), nil)
		require.Equal(t, "2026-03-02 09:00:30", got["DateTimeArrived"])
		require.Equal(t, "2026-03-02 09:01:30", got["DateTimeSeated"])
		require.Equal(t, "0001-01-01 00:00:00", got["DateTimeDismissed"])
	})
}

func TestOnlyScheduledAppointmentsBreak(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		p := open(t, cfg)
		path := p.path("/appointments/%d/Break", p.appointment.AptNum)
		p.do(400, "PUT", path, map[string]any{})
		p.do(400, "PUT", path, map[string]any{"sendToUnscheduledList": "maybe"})
		require.Contains(t, p.do(400, "PUT", path, map[string]any{"sendToUnscheduledList": "true", "breakType": "Missed"})["error"], "not enabled")
		p.do(200, "PUT", path, map[string]any{"sendToUnscheduledList": "true"})
		got := p.do(200, "GET", p.path("/appointments/%d", p.appointment.AptNum), nil)
		require.Equal(t, "UnschedList", got["AptStatus"])
		require.EqualValues(t, 0, got["Op"])
		p.do(400, "PUT", path, map[string]any{"sendToUnscheduledList": "true"})

		_, err := p.MoveAppointment(t.Context(), p.appointment.AptNum, p.tomorrow.AddDate(0, 0, 1), p.operatory.OperatoryNum)
		require.NoError(t, err)
		require.NoError(t, p.SetPreference(t.Context(), "BrokenApptProcedure", "3"))
		require.NoError(t, p.SetPreference(t.Context(), "BrokenApptCommLog", "1"))
		p.do(200, "PUT", path, map[string]any{"sendToUnscheduledList": false, "breakType": "Missed"})
		got = p.do(200, "GET", p.path("/appointments/%d", p.appointment.AptNum), nil)
		require.Equal(t, "Broken", got["AptStatus"])
		require.EqualValues(t, p.operatory.OperatoryNum, got["Op"], "it stays in its place")
		procedures, err := p.Procedures(t.Context())
		require.NoError(t, err)
		require.Len(t, procedures, 1)
		require.Len(t, p.list("/histappointments?HistApptAction=Missed"), 1)
		require.Len(t, p.list("/commlogs"), 1)
	})
}

func TestNoteIsAppendedAndLineBreaksAreShownAsBlanks(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		p := open(t, cfg)
		path := p.path("/appointments/%d/Note", p.appointment.AptNum)
		p.do(200, "PUT", path, map[string]any{"Note": "running late"})
		p.do(200, "PUT", path, map[string]any{"Note": "running late"})
		a, err := p.Appointment(t.Context(), p.appointment.AptNum)
		require.NoError(t, err)
		require.Equal(t, "bring x-rays\r\nrunning late\r\nrunning late", a.Note)
		got := p.do(200, "GET", p.path("/appointments/%d", p.appointment.AptNum), nil)
		require.Equal(t, "bring x-rays running late running late", got["Note"])
		p.do(400, "PUT", path, map[string]any{})
	})
}

func TestHistoryTellsWhatHappened(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		p := open(t, cfg)
		ctx, apt := t.Context(), p.appointment.AptNum
		require.NoError(t, p.SetConfirmed(ctx, apt, 21))
		require.NoError(t, p.SetConfirmed(ctx, apt, 21)) // changes nothing
		p.do(200, "PUT", p.path("/appointments/%d/Confirm", apt), map[string]any{"defNum": 20})
		require.NoError(t, p.CompleteAppointment(ctx, apt))
		require.NoError(t, p.DeleteAppointment(ctx, apt))
		var told [][2]string
		for _, row := range p.list(p.path("/histappointments?AptNum=%d", apt)) {
			told = append(told, [2]string{row["HistApptAction"].(string), row["ApptSource"].(string)})
			require.EqualValues(t, apt, row["AptNum"])
		}
		require.Equal(t, [][2]string{{"Created", "None"}, {"Changed", "None"}, {"Changed", "OpenDentalAPIService"}, {"Changed", "None"}, {"Deleted", "None"}}, told)
		require.Empty(t, p.list("/appointments"))
		p.do(404, "GET", p.path("/appointments/%d", apt), nil)
		var signals int
		require.NoError(t, p.DB().QueryRowContext(ctx, "SELECT COUNT(*) FROM signalod WHERE IType = 68 AND FKeyType = 'PatNum'").Scan(&signals))
		require.Equal(t, 5, signals)
	})
}

func TestPostAndPutAppointment(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		p := open(t, cfg)
		at := p.tomorrow.AddDate(0, 0, 3).Format("2006-01-02 15:04:05")
		a := p.try("POST", "/appointments", map[string]any{"PatNum": p.bruno.PatNum, "Op": p.operatory.OperatoryNum, "AptDateTime": at, "Note": "new"})
		require.Equal(t, 201, a.status, a.text)
		require.Contains(t, a.header.Get("Location"), "/appointments/2")
		got := p.do(200, "PUT", "/appointments/2", map[string]any{"AptStatus": "UnschedList", "UnschedStatus": 94, "colorOverride": "180,30,150",
			"DateTimeArrived": "08:52:31", "IsHygiene": "true", "Pattern": "//XX//"})
		require.Equal(t, "UnschedList", got["AptStatus"])
		require.EqualValues(t, 0, got["Op"])
		require.Equal(t, "Call Back, Not Ready", got["unschedStatus"])
		require.Equal(t, "180,30,150", got["colorOverride"])
		require.Equal(t, at[:10]+" 08:52:31", got["DateTimeArrived"])
		require.Equal(t, "true", got["IsHygiene"])
		require.Equal(t, "new", got["Note"])
		p.do(400, "PUT", "/appointments/2", map[string]any{"Pattern": "XO"})
		p.do(404, "PUT", "/appointments/2", map[string]any{"Op": 99})
		p.do(400, "POST", "/appointments", map[string]any{"PatNum": p.bruno.PatNum, "Op": p.operatory.OperatoryNum})
		p.do(404, "POST", "/appointments", map[string]any{"PatNum": 99, "Op": p.operatory.OperatoryNum, "AptDateTime": at})
	})
}
