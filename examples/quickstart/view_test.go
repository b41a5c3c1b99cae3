package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/writeback"
)

func someMoment() moment {
	return moment{
		title: "flowing", since: 3 * time.Second, of: 20 * time.Second, total: 300,
		imported: writeback.ImportProgress{Feed: driver.PatientFeed, Records: 150},
		host:     hostCounts{submitted: 9, written: map[writeback.ItemKind]int{writeback.KindNote: 7}, received: map[driver.Feed]int{driver.PatientFeed: 2}},
		health: writeback.Health{
			Items: map[writeback.State]int{writeback.Queued: 1, writeback.Held: 1},
			Loops: []writeback.LoopHealth{{Loop: "new_patients", Every: 2 * time.Second}, {Loop: "photos"}},
		},
	}
}

func TestTheTerminalIsPutBackOnce(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	v := &view{out: &out, fd: -1, live: true}
	v.show(someMoment())
	v.close()
	v.close()
	v.show(someMoment())
	require.Equal(t, 1, strings.Count(out.String(), "\x1b[?25h"))
	require.True(t, strings.HasSuffix(out.String(), "\x1b[?25h"), "nothing is drawn afterwards")
}

func TestAPictureIsDrawnOverTheOneBefore(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	v := &view{out: &out, fd: -1, live: true}
	v.show(someMoment())
	first := strings.Count(out.String(), "\n")
	require.NotContains(t, out.String(), "A\x1b", "the first goes over nothing")
	out.Reset()
	v.show(someMoment())
	require.True(t, strings.HasPrefix(out.String(), "\x1b["+number(int64(first))+"A"))
}

func TestAPictureSaysWhatFlows(t *testing.T) {
	t.Parallel()
	picture := strings.Join(someMoment().picture(), "\n")
	require.Contains(t, picture, "[###############---------------]  150 of 300 patients")
	require.Contains(t, picture, "9 submitted, 2 waiting")
	require.Regexp(t, `note +7 written`, picture)
	require.Regexp(t, `new_patients +2 received  every 2s`, picture)
	require.Regexp(t, `photos +0 received  off`, picture)
}

func TestWithoutATerminalThereArePlainLinesAndNotTooMany(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	v := &view{out: &out}
	v.tell("Practice")
	for range 10 {
		v.show(someMoment())
	}
	v.close()
	require.Equal(t, "Practice\n  3s of 20s  initial import: 150 of 300 patients\n", out.String())
}

func TestALongLineIsCutByCharacters(t *testing.T) {
	t.Parallel()
	require.Equal(t, "Núñ", clip("Núñez", 3))
	require.Equal(t, "Núñez", clip("Núñez", 5))
}
