package opendental

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Whichever hour it is when a feed is handed over, it goes on no later than where it
// was, and allows for statements that waited.
func TestAHandedOverCursorLiesBeforeWhatWasRead(t *testing.T) {
	t.Parallel()
	chicago, err := time.LoadLocation("America/Chicago")
	require.NoError(t, err)
	ends := time.Date(2027, 11, 7, 7, 0, 0, 0, time.UTC) // summer time, at 2:00
	for _, gap := range []time.Duration{0, -7 * time.Hour, 19 * time.Hour} {
		for off := -3 * time.Hour; off <= 3*time.Hour; off += 10 * time.Minute {
			at := ends.Add(off)
			for _, feed := range []string{"appointments", "patients"} {
				tables := sqlCursor{Feed: feed, Since: at.Add(-slackMyISAM).Unix(), Now: at.Unix(), Mark: keyMark{1, 2, at.Unix(), 0}}
				over, err := handedOver{Tables: tables.String(), Gap: int64(gap / time.Second)}.toAPI("test", feed, chicago)
				require.NoError(t, err)
				cur, err := parseCursor("test", feed, over.API)
				require.NoError(t, err)
				asked := repeatedFrom(parseWall(cur.Since, wall), chicago)
				require.False(t, gap == 0 && asked.After(inZone(at.Add(-slackMyISAM).In(chicago), wall)), "%v: the API is asked from %v", at, asked)

				over.API = cursor{Feed: feed, Since: formatWall(inZone(at.In(chicago), wall).Add(gap), wall)}.String()
				back, err := over.toTables("test", feed, chicago)
				require.NoError(t, err)
				var got sqlCursor
				require.NoError(t, json.Unmarshal([]byte(back), &got))
				require.LessOrEqual(t, got.Since, at.Add(-slackInnoDB).Unix(), "%v with a gap of %v", at, gap)
				require.Equal(t, tables.Mark, got.Mark, "for deletions")
			}
		}
	}
}
