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
			r.hint(mark)
			statements := o.tables.heard()
			for _, row := range o.explain(t, statements[len(statements)-1]) {
				require.Equal(t, "range", row["type"], "%v", row)
				estimate, err := strconv.Atoi(fmt.Sprint(row["rows"]))
				require.NoError(t, err)
				require.Less(t, estimate, 10, "%v", row)
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
