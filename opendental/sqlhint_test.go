package opendental_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
)

func (r reader) hint(mark string) driver.Hint {
	r.t.Helper()
	hint, err := driver.ReadHint(r.t.Context(), r.conn, mark)
	require.NoError(r.t, err)
	return hint
}

var hinted = []driver.Feed{driver.AppointmentStatusFeed, driver.AppointmentFeed}

func TestASignalHintsAtAppointments(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]setUp{
		"index": {engine: "InnoDB", session: awkward}, "history": {plain: true}, "random keys": {random: true, session: awkward},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newSQLOffice(t, time.UTC, s)
			r, apt := o.connect(t, s), o.visit(o.patient("Ada", "Quill"), o.Now().Add(time.Hour))
			for feed, info := range r.info().Feeds {
				require.Equal(t, slices.Contains(hinted, feed), info.Hints, feed)
			}
			o.passed.Add(int64(time.Minute))
			mark := r.hint("").Mark
			quiet := func() {
				t.Helper()
				require.Eventually(t, func() bool {
					hint := r.hint(mark)
					mark = hint.Mark
					return len(hint.Feeds) == 0
				}, soon, time.Millisecond)
				require.Empty(t, r.hint(mark).Feeds)
			}
			quiet()
			for range 3 { // within one second as well
				require.NoError(t, o.SetConfirmed(t.Context(), apt, confirmed))
				require.NoError(t, o.SetConfirmed(t.Context(), apt, texted))
				hint := r.hint(mark)
				require.Equal(t, hinted, hint.Feeds)
				if mark = hint.Mark; s.plain {
					require.Equal(t, hinted, r.hint(mark).Feeds, "once more, for the history comes last")
				}
				quiet()
			}
			// Of something else.
			o.tables.run(fmt.Sprintf("INSERT INTO signalod (SigDateTime,FKeyType,IType,MsgValue,FKey,RemoteRole) VALUES ('%s','Task',3,'',0,0)",
				o.Now().Add(time.Minute).Format(time.DateTime)))
			require.Empty(t, r.hint(mark).Feeds)

			before := len(o.tables.heard())
			r.hint(mark)
			require.Len(t, o.tables.heard(), before+1, "one statement")
			requireReadsOnly(t, o.tables.heard())
		})
	}
}

func TestAHintReadsTheEndOfAnIndex(t *testing.T) {
	onEachEngine(t, func(t *testing.T, o *office, r reader) {
		o.tables.run("INSERT INTO signalod (SigDateTime,FKeyType,IType,MsgValue,FKey,RemoteRole)"+
			" SELECT '2020-01-01' + INTERVAL seq SECOND,'PatNum',IF(seq%3,68,5),'',seq,0 FROM seq_1_to_20000", "ANALYZE TABLE signalod")
		for _, random := range []string{"0", "1"} {
			require.NoError(t, o.SetPreference(t.Context(), "RandomPrimaryKeys", random))
			r.info()
			mark := r.hint("").Mark
			o.tables.run("INSERT INTO signalod (SigDateTime,FKeyType,IType,MsgValue,FKey,RemoteRole) VALUES ('203" + random + "-01-01','PatNum',68,'',1,0)")
			require.NotEmpty(t, r.hint(mark).Feeds)
			statements := o.tables.heard()
			for _, row := range o.explain(t, statements[len(statements)-1]) {
				require.Equal(t, "range", row["type"], "%v", row)
				estimate, err := strconv.Atoi(fmt.Sprint(row["rows"]))
				require.NoError(t, err)
				require.Less(t, estimate, 100, "%v", row) // of 20,000; MyISAM estimates by pages
			}
		}
	})
}

func TestWithoutSignalsNothingIsHintedAndNothingElseMissed(t *testing.T) {
	t.Parallel()
	o := newSQLOffice(t, time.UTC, setUp{})
	r := o.connect(t, setUp{})
	mark := r.hint("").Mark
	o.tables.run("DROP TABLE signalod")
	_, err := driver.ReadHint(t.Context(), r.conn, mark)
	require.ErrorIs(t, err, driver.ErrUnavailable)
	_, err = driver.ReadHint(t.Context(), r.conn, mark)
	require.ErrorIs(t, err, driver.ReasonUnsupported)
	info := r.info()
	require.False(t, info.Feeds[driver.AppointmentFeed].Hints)
	require.True(t, info.Feeds[driver.AppointmentFeed].Changes && info.Feeds[driver.AppointmentFeed].Deletes)
	require.Contains(t, strings.Join(info.Notes, "\n"), "signalod")
}

// A schedule that is moved as a whole makes hundreds of signals in one second.
func TestHintsGoOnAfterManySignalsInOneSecond(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]setUp{"rising keys": {}, "random keys": {random: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newSQLOffice(t, time.UTC, s)
			r := o.connect(t, s)
			signals := func(count int, kind string, at time.Time) {
				o.tables.run(fmt.Sprintf("INSERT INTO signalod (SigDateTime,FKeyType,IType,MsgValue,FKey,RemoteRole)"+
					" SELECT '%s','PatNum',%s,'',seq,0 FROM seq_1_to_%d", at.Format(time.DateTime), kind, count))
			}
			at := o.Now()
			signals(1, "68", at)
			mark := r.hint("").Mark
			signals(300, "68", at.Add(time.Second))
			hint := r.hint(mark)
			require.Equal(t, hinted, hint.Feeds)
			require.Empty(t, r.hint(hint.Mark).Feeds)
			signals(1, "68", at.Add(time.Second))
			hint = r.hint(hint.Mark)
			require.Equal(t, hinted, hint.Feeds, "in the same second")
			signals(1, "68", at.Add(2*time.Second))
			hint = r.hint(hint.Mark)
			require.Equal(t, hinted, hint.Feeds, "in the next")
			require.Empty(t, r.hint(hint.Mark).Feeds)
		})
	}
}

// At night there are signals of tasks and messages, and none of the schedule.
func TestAHintReadsSignalsOfOtherThingsOnce(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]setUp{"rising keys, InnoDB": {engine: "InnoDB"}, "rising keys": {}, "random keys": {random: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newSQLOffice(t, time.UTC, s)
			r := o.connect(t, s)
			o.tables.run("INSERT INTO signalod (SigDateTime,FKeyType,IType,MsgValue,FKey,RemoteRole)"+
				" SELECT '2020-01-01' + INTERVAL seq SECOND,'PatNum',68,'',seq,0 FROM seq_1_to_500", "ANALYZE TABLE signalod")
			mark := r.hint("").Mark
			mark = r.hint(mark).Mark
			o.tables.run("INSERT INTO signalod (SigDateTime,FKeyType,IType,MsgValue,FKey,RemoteRole)"+
				" SELECT '"+o.Now().Format(time.DateTime)+"' + INTERVAL seq DIV 10 SECOND,'Task',3,'',seq,0 FROM seq_1_to_20000", "ANALYZE TABLE signalod")
			hint := r.hint(r.hint(mark).Mark)
			require.Empty(t, hint.Feeds)
			r.hint(hint.Mark)
			statements := o.tables.heard()
			for _, row := range o.explain(t, statements[len(statements)-1]) {
				if row["rows"] == nil {
					continue
				}
				estimate, err := strconv.Atoi(fmt.Sprint(row["rows"]))
				require.NoError(t, err)
				require.Less(t, estimate, 100, "%v", row)
			}
		})
	}
}
