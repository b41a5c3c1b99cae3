package writeback

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
)

// intended is the state table as it is meant: what happens (rows) to an item in
// a state (columns). A cell is the next state and what the engine does then:
// . nothing, > send, ? look for it in the PMS, ~ decide again when something is
// mended, ! a person, = decide again now. "-" is not allowed.
const intended = `
                  new   SKIP  PATI  AWAI  HELD  QUEU  WRIT  UNCE  PART  FAIL  CONF  DONE  SUPE  EXPI  DISM
skipped           SKIP. -     SKIP. -     SKIP. SKIP. -     -     -     -     -     -     -     -     -
needs_patient     PATI~ -     PATI~ -     PATI~ PATI~ -     -     -     -     -     -     -     -     -
awaiting_transfer AWAI! -     AWAI! -     AWAI! AWAI! -     -     -     -     -     -     -     -     -
held              HELD~ -     HELD~ -     HELD~ HELD~ HELD~ -     PART~ -     -     -     -     -     -
queued            QUEU> -     QUEU> -     QUEU> QUEU> -     -     PART> -     -     -     -     -     -
expired           EXPI. -     EXPI. -     EXPI. EXPI. EXPI. -     PART! -     -     -     -     -     -
refused           FAIL! -     FAIL! -     FAIL! FAIL! -     -     PART! -     -     -     -     -     -
superseded        -     -     SUPE. -     SUPE. SUPE. -     -     -     -     -     -     -     -     -
filed_before      -     -     -     -     DONE. DONE. -     -     -     -     -     -     -     -     -
claimed           -     -     -     -     -     WRIT. -     -     WRIT. -     -     -     -     -     -
written           -     -     -     -     -     -     DONE. -     -     -     -     -     -     -     -
leg_written       -     -     -     -     -     -     PART> PART> -     -     -     -     -     -     -
unavailable       -     -     -     -     -     QUEU> QUEU> -     PART> -     -     -     -     -     -
released          -     -     -     -     -     -     QUEU> -     -     -     -     -     -     -     -
unknown_outcome   -     -     -     -     -     -     UNCE? -     -     -     -     -     -     -     -
incomplete        -     -     -     -     -     -     PART> PART> -     -     -     -     -     -     -
rejected          -     -     -     -     -     -     FAIL! -     PART! -     -     -     -     -     -
conflict          -     -     -     -     -     -     CONF! -     PART! -     -     -     -     -     -
unauthorized      -     -     -     -     -     -     HELD~ -     PART~ -     -     -     -     -     -
lapsed            -     -     -     -     -     -     UNCE? -     -     -     -     -     -     -     -
restored          -     -     -     -     -     UNCE? -     -     UNCE? -     -     -     -     -     -
found             -     -     -     -     -     -     -     DONE. -     -     -     -     -     -     -
absent            -     -     -     -     -     -     -     QUEU> -     -     -     -     -     -     -
still_unknown     -     -     -     -     -     -     -     UNCE? -     -     -     -     -     -     -
backfilled        -     QUEU= -     -     -     -     -     -     -     -     -     -     -     -     -
retried           -     QUEU= QUEU= -     QUEU= QUEU= -     QUEU= PART> QUEU= QUEU= -     -     -     -
dismissed         -     DISM. DISM. DISM. DISM. DISM. -     DISM. DISM. DISM. DISM. -     -     -     -
assigned          -     -     QUEU= QUEU= QUEU= QUEU= -     -     -     QUEU= -     -     -     -     -
transferred       -     -     -     QUEU= -     -     -     -     -     -     -     -     -     -     -
marked_posted     -     -     DONE. DONE. DONE. DONE. -     DONE. DONE. DONE. -     -     -     -     -
`

var (
	columns = map[string]State{
		"new": fresh, "SKIP": Skipped, "PATI": NeedsPatient, "AWAI": AwaitingTransfer, "HELD": Held, "QUEU": Queued,
		"WRIT": Writing, "UNCE": Uncertain, "PART": PartiallyPosted, "DONE": Written, "FAIL": Failed, "CONF": Conflict,
		"SUPE": Superseded, "EXPI": Expired, "DISM": Dismissed,
	}
	marks = map[string]action{".": actNone, ">": actSend, "?": actVerify, "~": actMend, "!": actPerson, "=": actDecide}
)

// cells reads intended: by state and event.
func cells(t *testing.T) (table map[State]map[string]rule, events []string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(intended), "\n")
	heads := strings.Fields(lines[0])
	require.Len(t, heads, len(columns))
	table = map[State]map[string]rule{}
	for _, h := range heads {
		require.Contains(t, columns, h)
		table[columns[h]] = map[string]rule{}
	}
	for _, line := range lines[1:] {
		fields := strings.Fields(line)
		require.Len(t, fields, len(heads)+1, line)
		events = append(events, fields[0])
		for i, cell := range fields[1:] {
			if cell == "-" {
				continue
			}
			to, ok := columns[cell[:4]]
			require.True(t, ok, cell)
			act, ok := marks[cell[4:]]
			require.True(t, ok, cell)
			table[columns[heads[i]]][fields[0]] = rule{to: to, act: act}
		}
	}
	return table, events
}

func TestStateTableIsAsIntended(t *testing.T) {
	t.Parallel()
	table, events := cells(t)
	require.ElementsMatch(t, append(States(), fresh), slices.Collect(maps.Keys(stateTable)), "every state has a row, final ones an empty one")
	for s, row := range stateTable {
		for event := range row {
			require.Contains(t, events, event, "%s", s)
		}
		for _, event := range events {
			got, ok := next(s, event)
			want, allowed := table[s][event]
			require.Equal(t, allowed, ok, "%q in state %q", event, s)
			if ok {
				require.NotEmpty(t, got.words, "%q in state %q", event, s)
				require.True(t, strings.HasSuffix(got.words, "."), got.words)
				got.words = ""
				require.Equal(t, want, got, "%q in state %q", event, s)
			}
		}
	}
}

func TestFinalStatesAreClosedAndOthersAreNot(t *testing.T) {
	t.Parallel()
	for s, row := range stateTable {
		require.Equal(t, s.Final(), len(row) == 0, "%q", s)
		if s.Final() || s == fresh || s == Writing {
			continue
		}
		// Whatever happens, a person can put an end to it.
		require.Contains(t, row, EventDismissed, "%q", s)
	}
	require.False(t, State("").Final())
}

func TestEveryStateCanBeReachedAndLeft(t *testing.T) {
	t.Parallel()
	reached := map[State]bool{}
	var walk func(State)
	walk = func(s State) {
		if reached[s] {
			return
		}
		reached[s] = true
		for _, r := range stateTable[s] {
			walk(r.to)
		}
	}
	walk(fresh)
	for _, s := range States() {
		require.True(t, reached[s], "%q cannot be reached", s)
	}
	for s := range stateTable {
		reached = map[State]bool{}
		walk(s)
		require.True(t, reached[Written] || s.Final(), "%q can never be written", s)
	}
	// Nothing but a claim and what follows from it leads to Written, except a
	// person's word, and another item that is written.
	for s, row := range stateTable {
		for event, r := range row {
			if r.to == Written {
				require.True(t, s == Writing || s == Uncertain || event == EventMarkedPosted || event == EventFiledBefore, "%q in %q", event, s)
			}
			if r.to == Writing {
				require.Equal(t, EventClaimed, event)
				require.True(t, s == Queued || s == PartiallyPosted, "%q", s)
			}
			if s == Uncertain && r.act == actSend {
				require.Contains(t, []string{EventAbsent, EventLegWritten, EventIncomplete}, event, "an uncertain item is not sent again unverified")
			}
		}
	}
}

func TestWhatIsPartlyInThePMSNeverShowsAsNotStarted(t *testing.T) {
	t.Parallel()
	_, events := cells(t)
	moved := 0
	for name, progress := range map[string]progress{
		"first leg done": {Legs: []leg{{State: legDone}, {}}},
		"rest remains":   {Legs: []leg{{}}},
	} {
		if name == "rest remains" {
			progress.Legs[0].Prior = receipt("17")
		}
		for s := range stateTable {
			for _, event := range events {
				it := &item{Record: Record{State: s, Reason: "old", Cause: "old"}, pr: progress}
				r, ok := it.move(event)
				_, allowed := next(s, event)
				require.Equal(t, allowed, ok)
				if !ok {
					require.Equal(t, s, it.State)
					require.EqualValues(t, "old", it.Reason)
					continue
				}
				moved++
				if s == fresh || s == Held || s == Queued || s == NeedsPatient || s == Skipped || s == AwaitingTransfer || s == Failed || s == Conflict {
					continue // no begun item is there
				}
				require.Contains(t, []State{PartiallyPosted, Writing, Uncertain, Written, Dismissed}, it.State, "%s: %q in %q", name, event, s)
				require.Equal(t, it.State, r.to)
				require.NotEmpty(t, wordsFor(Event{From: s, To: it.State, Name: event}))
			}
		}
	}
	require.Greater(t, moved, 100)
	require.Equal(t, "The PMS refused the rest.", wordsFor(Event{From: Writing, To: PartiallyPosted, Name: EventRejected}))
	// A mode is no setting, and nothing that has to be mended.
	require.Equal(t, "Not written: the settings say so.", wordsFor(Event{To: Skipped, Name: EventSkipped, Reason: ReasonDisabled}))
	require.Equal(t, "Not written: the practice only plans.", wordsFor(Event{From: Queued, To: Skipped, Name: EventSkipped, Reason: ReasonPlanOnly}))
	for _, r := range []driver.Reason{ReasonPaused, ReasonPlanOnly} {
		require.Equal(t, "Held until the practice is live; then it goes on by itself.", wordsFor(Event{From: Queued, To: Held, Name: EventHeld, Reason: r}))
	}
	require.Equal(t, "The PMS refused it.", wordsFor(Event{From: Writing, To: Failed, Name: EventRejected}))
}

func TestOnlyWhatHasSomethingToDoComesDue(t *testing.T) {
	t.Parallel()
	for s, row := range stateTable {
		for event := range row {
			it := &item{Record: Record{State: s, Reason: "old", Cause: "old", Active: true, Blocking: true}}
			r, ok := it.move(event)
			require.True(t, ok)
			require.Empty(t, it.Reason)
			require.Empty(t, it.Cause)
			switch r.act {
			case actSend, actVerify, actDecide:
				require.True(t, it.Active && it.Blocking, "%q in %q", event, s)
			default:
				require.False(t, it.Active, "%q in %q", event, s)
				require.Equal(t, it.State == Writing, it.Blocking, "what waits for a person or a mend does not block its lane")
			}
		}
	}
}

func TestReasonsHaveWordsAndANextStep(t *testing.T) {
	t.Parallel()
	for r := range reasonWords {
		what, step := Words(r)
		require.NotEmpty(t, what, r)
		require.NotEmpty(t, step, r)
		require.False(t, r.Valid(), "%s is the driver's", r)
	}
	what, step := Words("period_closed")
	require.NotEmpty(t, what)
	require.NotEmpty(t, step)
	what, step = Words("no such reason")
	require.Empty(t, what+step)
}
