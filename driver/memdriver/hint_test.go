package memdriver_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
)

func TestAHintNamesTheFeedsThatChangedSinceItsMark(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{})
	hint, err := driver.ReadHint(t.Context(), p.conn, "")
	require.NoError(t, err)
	require.Empty(t, hint.Feeds)
	p.AddPatient(driver.Patient{FirstName: driver.NewText("Ada"), LastName: driver.NewText("Quill")})
	told, err := driver.ReadHint(t.Context(), p.conn, hint.Mark)
	require.NoError(t, err)
	require.Equal(t, []driver.Feed{driver.PatientFeed}, told.Feeds)
	again, err := driver.ReadHint(t.Context(), p.conn, hint.Mark)
	require.NoError(t, err)
	require.Equal(t, told, again)
	quiet, err := driver.ReadHint(t.Context(), p.conn, told.Mark)
	require.NoError(t, err)
	require.Empty(t, quiet.Feeds)

	p.SetInfo(func(i *driver.Info) {
		i.Feeds[driver.PatientFeed] = driver.FeedInfo{Support: driver.Yes(), Changes: true}
	})
	silent, err := driver.ReadHint(t.Context(), p.conn, hint.Mark)
	require.NoError(t, err)
	require.Empty(t, silent.Feeds, "it does not claim to")
}

func TestAPMSOfWhichSomethingIsHiddenGivesNoHints(t *testing.T) {
	t.Parallel()
	for _, hide := range []memdriver.Capability{memdriver.CanHint, memdriver.CanOpenPhotos, memdriver.CanVerify} {
		p := newPractice(t, memdriver.Config{Hide: []memdriver.Capability{hide}})
		_, err := driver.ReadHint(t.Context(), p.conn, "")
		require.ErrorIs(t, err, driver.ReasonUnsupported, hide)
		for feed, info := range p.Info().Feeds {
			require.False(t, info.Hints, "%s: %s", hide, feed)
			require.True(t, hide != memdriver.CanHint || info.Window)
		}
	}
}
