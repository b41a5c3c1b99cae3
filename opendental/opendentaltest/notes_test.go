package opendentaltest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

func TestCommlogDefaultsAndTypes(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		p := open(t, cfg)
		got := p.do(201, "POST", "/commlogs", map[string]any{"PatNum": p.ada.PatNum, "Note": "left a message"})
		require.Equal(t, "239", got["CommType"], "a DefNum as a string")
		require.Equal(t, "Misc", got["commType"])
		require.Equal(t, "Phone", got["Mode_"])
		require.Equal(t, "Sent", got["SentOrReceived"])
		require.EqualValues(t, 0, got["UserNum"])
		got = p.do(201, "POST", "/commlogs", map[string]any{"PatNum": p.ada.PatNum, "Note": "x", "Mode_": "In Person", "SentOrReceived": "Received",
			"commType": "ApptRelated", "CommType": 239, "CommDateTime": "2021-02-07 03:25:29"})
		require.Equal(t, "ApptRelated", got["commType"], "the name wins over the number")
		require.Equal(t, "In Person", got["Mode_"])
		require.Equal(t, "2021-02-07 03:25:29", got["CommDateTime"])
		require.Equal(t, got, p.do(200, "GET", "/commlogs/2", nil))
		for name, body := range map[string]map[string]any{
			"no note":       {"PatNum": p.ada.PatNum},
			"no patient":    {"Note": "x"},
			"unknown mode":  {"PatNum": p.ada.PatNum, "Note": "x", "Mode_": "InPerson"},
			"a wrong type":  {"PatNum": p.ada.PatNum, "Note": "x", "CommType": 21},
			"a wrong time":  {"PatNum": p.ada.PatNum, "Note": "x", "CommDateTime": "2021-02-07T03:25:29"},
			"unknown names": {"PatNum": p.ada.PatNum, "Note": "x", "commType": "Gossip"},
		} {
			p.do(400, "POST", "/commlogs", body)
			_ = name
		}
		p.do(404, "POST", "/commlogs", map[string]any{"PatNum": 99, "Note": "x"})
		logs, err := p.Commlogs(t.Context())
		require.NoError(t, err)
		require.Len(t, logs, 2)
	})
}

func TestNotesAreCutAndFlattenedAsTheServerDoes(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		p := open(t, cfg)
		long := strings.Repeat("é", 40_000) // 80,000 bytes
		p.do(201, "POST", "/commlogs", map[string]any{"PatNum": p.ada.PatNum, "Note": long})
		p.do(201, "POST", "/commlogs", map[string]any{"PatNum": p.ada.PatNum, "Note": "a 😀 b\r\nc \"d\" \\ e\tf"})
		logs, err := p.Commlogs(t.Context())
		require.NoError(t, err)
		require.Equal(t, strings.Repeat("é", 32_767), logs[0].Note, "65,535 bytes, and no half character")
		require.Equal(t, "a ? b\r\nc \"d\" \\ e\tf", logs[1].Note, "stored with its line break, without the emoji")
		require.Equal(t, "a ? b c \"d\" \\ e\tf", p.do(200, "GET", "/commlogs/2", nil)["Note"])
	})
}

func TestPutCommlogOverwrites(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		clock := time.Date(2026, 3, 2, 15, 0, 0, 0, time.UTC)
		cfg.Now = func() time.Time { return clock }
		p := open(t, cfg)
		p.do(201, "POST", "/commlogs", map[string]any{"PatNum": p.ada.PatNum, "Note": "one"})
		p.SkewClock(time.Hour)
		require.Equal(t, "2026-03-02 09:00:00", p.do(200, "PUT", "/commlogs/1", map[string]any{"Note": "one"})["DateTStamp"])
		require.Empty(t, p.list("/commlogs?DateTStamp=2026-03-02%2009:00:01"))
		got := p.do(200, "PUT", "/commlogs/1", map[string]any{"Note": "two"})
		require.Equal(t, "two", got["Note"])
		require.Equal(t, "2026-03-02 10:00:00", got["DateTStamp"])
		require.Equal(t, "2026-03-02 09:00:00", got["DateTEntry"])
		require.Len(t, p.list("/commlogs?DateTStamp=2026-03-02%2009:00:01"), 1)
		p.do(404, "PUT", "/commlogs/9", map[string]any{"Note": "x"})
	})
}

func TestDatesComeInTheFormatAskedFor(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		clock := time.Date(2026, 3, 2, 15, 4, 5, 0, time.UTC)
		cfg.Now = func() time.Time { return clock }
		p := open(t, cfg)
		row := p.list("/patients/Simple?DateFormatString=M/d/yyyy&DateTimeFormatString=yyyy-MM-ddTHH:mm:sszzz")[0]
		require.Equal(t, "2/29/1980", row["Birthdate"])
		require.Equal(t, "2026-03-02T09:04:05-06:00", row["serverDateTime"])
		require.Equal(t, "Quillfeather", row["LName"])
	})
}
