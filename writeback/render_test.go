package writeback

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"

	"github.com/pmswriteback/pms/driver"
)

var zoneOfTest = func() *time.Location {
	loc, err := time.LoadLocation("America/Chicago")
	if err != nil {
		panic(err)
	}
	return loc
}()

// planned renders a note as it would be written, part by part.
func planned(t testing.TB, body string, at time.Time, lim limits, change func(*item)) ([]string, *item) {
	t.Helper()
	it := noteItem()
	it.Practice, it.Key = "main-street", "call-1"
	it.p.At, it.p.Note.Body = at, body
	if change != nil {
		change(it)
	}
	env := planEnv{hostName: "Acme", zone: zoneOfTest, info: driver.Info{Ops: map[driver.OpKind]driver.OpInfo{
		driver.OpNote: {Support: driver.Yes(), MaxBytes: lim.bytes, MaxChars: lim.chars, Repertoire: lim.repertoire},
	}}}
	if err := planNote(it, env); err != nil {
		require.Empty(t, it.pr.Legs)
		return nil, it
	}
	var parts []string
	for i, l := range it.pr.Legs {
		require.Equal(t, i+1, l.Sent.Part)
		require.Equal(t, len(it.pr.Legs), l.Sent.Parts)
		parts = append(parts, l.Sent.Body)
	}
	return parts, it
}

var noon = time.Date(2025, 7, 4, 17, 0, 0, 0, time.UTC)

func TestNoteTellsAllThatTheHostGave(t *testing.T) {
	t.Parallel()
	parts, it := planned(t, "Asked about Friday.\r\nWill call back.", noon, limits{}, func(it *item) {
		it.p.Note.Number, it.p.Note.User, it.p.Note.Result = "+1 312 555 0100", "dana", "answered"
		it.p.Note.Duration = 95*time.Second + 400*time.Millisecond
		it.p.Note.Subject, it.p.Note.Attachments = "Friday\nagain", []string{"a.pdf", "b.png"}
	})
	require.Equal(t, []string{`Incoming call, 2025-07-04 12:00 PM CDT
Number: +1 312 555 0100
User: dana
Duration: 1m35s
Result: answered
Subject: Friday again
Attachments: a.pdf, b.png
Asked about Friday.
Will call back.
[Acme] ` + it.pr.Legs[0].Ref}, parts)
	require.Len(t, it.pr.Legs[0].Ref, driver.RefLen)
	for _, kind := range driver.NoteKinds() {
		parts, _ := planned(t, "x", noon, limits{}, func(it *item) { it.p.Note.Kind = kind })
		require.NotEmpty(t, noteTitles[kind], kind)
		require.True(t, strings.HasPrefix(parts[0], noteTitles[kind]+", "))
		generated := kind == driver.IncomingCallSummary || kind == driver.OutgoingCallSummary
		require.Equal(t, generated, strings.Contains(parts[0], "AI-generated"), kind)
	}
}

func TestNoteShowsThePracticesTime(t *testing.T) {
	t.Parallel()
	for at, want := range map[time.Time]string{
		time.Date(2025, 1, 15, 18, 30, 0, 0, time.UTC): "2025-01-15 12:30 PM CST",
		time.Date(2025, 7, 15, 18, 30, 0, 0, time.UTC): "2025-07-15 1:30 PM CDT",
		// The hour that comes twice, and the one that never comes.
		time.Date(2025, 11, 2, 6, 30, 0, 0, time.UTC): "2025-11-02 1:30 AM CDT",
		time.Date(2025, 11, 2, 7, 30, 0, 0, time.UTC): "2025-11-02 1:30 AM CST",
		time.Date(2025, 3, 9, 7, 59, 0, 0, time.UTC):  "2025-03-09 1:59 AM CST",
		time.Date(2025, 3, 9, 8, 0, 0, 0, time.UTC):   "2025-03-09 3:00 AM CDT",
		// Another day than in UTC.
		time.Date(2025, 1, 1, 3, 0, 0, 0, time.UTC): "2024-12-31 9:00 PM CST",
	} {
		parts, _ := planned(t, "x", at, limits{}, nil)
		require.True(t, strings.HasPrefix(parts[0], "Incoming call, "+want+"\n"), parts[0])
	}
}

func TestPaymentIsPostedOnThePracticesDay(t *testing.T) {
	t.Parallel()
	it := paymentItem()
	it.p.At = time.Date(2025, 1, 1, 3, 0, 0, 0, time.UTC)
	op, err := bind(it, &it.pr.Legs[0], planEnv{view: wholeView(), zone: zoneOfTest})
	require.NoError(t, err)
	require.Equal(t, driver.Date{Year: 2024, Month: 12, Day: 31}, op.(*driver.Payment).PostedOn)
}

func TestCharactersThePMSCannotStoreAreReplacedAndCounted(t *testing.T) {
	t.Parallel()
	body := "Zoe\u0308 \u2013 \u20ac5 \u0142 \U0001f600\U0001f600\x00\u0085end\u2028x\x07y"
	for _, tc := range []struct {
		rep      driver.Repertoire
		want     string
		replaced int
	}{
		{driver.UnicodeAll, "Zoe\u0308 \u2013 \u20ac5 \u0142 \U0001f600\U0001f600 \nend\nx y\n", 0},
		{driver.UnicodeBMP, "Zoe\u0308 \u2013 \u20ac5 \u0142 ?? \nend\nx y\n", 2},
		{driver.Windows1252, "Zo\u00eb \u2013 \u20ac5 ? ?? \nend\nx y\n", 3},
	} {
		parts, it := planned(t, body, noon, limits{repertoire: tc.rep}, nil)
		require.Contains(t, parts[0], "\n"+tc.want+"[Acme]", "%s", tc.rep)
		require.Equal(t, tc.replaced, it.pr.Replaced)
		require.Equal(t, tc.replaced, it.public().Replaced)
	}
	require.Equal(t, "A B ?", label("A\nB \U0001f600", driver.UnicodeBMP).Reveal())
}

func TestWindows1252IsWhatItIs(t *testing.T) {
	t.Parallel()
	for r := rune(0xa0); r < 0x3000; r++ {
		known := true
		for _, composed := range norm.NFC.String(string(r)) {
			_, ok := charmap.Windows1252.EncodeRune(composed)
			known = known && ok
		}
		_, replaced := storable("e"+string(r), driver.Windows1252)
		if r >= 0x300 && r < 0x370 || r == 0x2028 || r == 0x2029 {
			continue // accents join the letter, separators become line ends
		}
		require.Equal(t, known, replaced == 0, "%U", r)
	}
}

func TestTooLittleRoomIsAnErrorAndNoLoop(t *testing.T) {
	t.Parallel()
	for _, lim := range []limits{{bytes: 1}, {chars: 1}, {bytes: 40}, {chars: 40}, {bytes: 1000, chars: 60}, {bytes: -1}} {
		parts, it := planned(t, strings.Repeat("word ", 100), noon, lim, nil)
		require.Empty(t, parts, "%+v", lim)
		require.Empty(t, it.pr.Legs)
	}
	parts, _ := planned(t, strings.Repeat("w", maxText), noon, limits{chars: 80}, nil)
	require.Empty(t, parts, "more parts than can be numbered in the room for it")
	parts, _ = planned(t, strings.Repeat("word ", 100), noon, limits{chars: 100}, nil)
	require.Greater(t, len(parts), 8)
}

// checkParts is what holds for every note whatever its text and limits.
func checkParts(t *testing.T, body string, lim limits) {
	parts, it := planned(t, body, noon, lim, nil)
	if len(parts) == 0 {
		return
	}
	var whole strings.Builder
	for i, part := range parts {
		l := it.pr.Legs[i]
		require.True(t, utf8.ValidString(part))
		if lim.bytes > 0 {
			require.LessOrEqual(t, int64(len(part)), lim.bytes)
		}
		if lim.chars > 0 {
			require.LessOrEqual(t, utf8.RuneCountInString(part), lim.chars)
		}
		text, last, found := cutLast(part, "\n")
		require.True(t, found)
		require.True(t, strings.HasSuffix(last, "] "+l.Ref), "ends with the Ref")
		require.Equal(t, legRef(it.Practice, it.Key, l.Name), l.Ref)
		if len(parts) > 1 {
			require.Contains(t, last, "/")
		}
		require.NotContains(t, part, "\r")
		whole.WriteString(text)
		if i == len(parts)-1 {
			break
		}
		require.NotEmpty(t, text, "a part with nothing in it")
		whole.WriteByte('\n')
	}
	// The newline that ends a part may have been put there.
	want, _ := storable(normalLines(body), lim.repertoire)
	require.Equal(t, "Incoming call, 2025-07-04 12:00 PM CDT"+strings.ReplaceAll(want, "\n", ""), strings.ReplaceAll(whole.String(), "\n", ""))
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return "", s, false
	}
	return s[:i], s[i+len(sep):], true
}

func TestPartsJoinedAreTheText(t *testing.T) {
	t.Parallel()
	texts := []string{
		"", "short", strings.Repeat("word ", 400), strings.Repeat("w", 3000), strings.Repeat("é", 2000), strings.Repeat("\U0001f600", 900),
		strings.Repeat("line\r\n", 500), strings.Repeat("\n", 900), strings.Repeat(" ", 900), "one two " + strings.Repeat("x", 700) + " three\n",
	}
	for _, body := range texts {
		for _, lim := range []limits{
			{}, {bytes: 120}, {chars: 100}, {bytes: 333, chars: 200}, {chars: 255, repertoire: driver.UnicodeBMP}, {bytes: 255, repertoire: driver.Windows1252},
		} {
			checkParts(t, body, lim)
		}
		// Every length around the text's.
		body := body[:min(len(body), 240)]
		for n := range 130 {
			checkParts(t, strings.ToValidUTF8(body, ""), limits{chars: 95 + n})
			checkParts(t, strings.ToValidUTF8(body, ""), limits{bytes: 95 + int64(n)})
		}
	}
}

// Words of everyday length are whole.
func TestPartsEndBetweenWords(t *testing.T) {
	t.Parallel()
	words := strings.Fields(strings.Repeat("What about Friday, the seventh? Anästhesie \u00fcbermorgen. ", 40))
	whole := map[string]bool{}
	for _, w := range words {
		whole[w] = true
	}
	for _, lim := range []limits{{chars: 150}, {bytes: 150}, {chars: 180, bytes: 170}} {
		parts, _ := planned(t, strings.Join(words, " "), noon, lim, nil)
		require.Greater(t, len(parts), 10)
		for i, part := range parts {
			text, _, _ := cutLast(part, "\n")
			if i == 0 {
				_, text, _ = strings.Cut(text, "\n") // the note's own first line
			}
			for _, w := range strings.Fields(text) {
				require.True(t, whole[w], "part %d has %q", i+1, w)
			}
		}
	}
}

func FuzzPartsJoinedAreTheText(f *testing.F) {
	f.Add("Asked about Friday.", int64(100), 0, "")
	f.Add(strings.Repeat("long ", 200), int64(0), 99, "bmp")
	f.Add("é\U0001f600\r\n \x00", int64(90), 90, "windows-1252")
	f.Fuzz(func(t *testing.T, body string, bytes int64, chars int, rep string) {
		if !utf8.ValidString(body) {
			return // refused at the submit
		}
		checkParts(t, body, limits{bytes % 5000, chars % 5000, driver.Repertoire(rep)})
	})
}

func TestLongestTranscriptIsSplitWhole(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("Well, I said, what about Friday? ", maxText/33)
	parts, _ := planned(t, text, noon, limits{chars: 200}, nil)
	require.Greater(t, len(parts), 6000)
}
