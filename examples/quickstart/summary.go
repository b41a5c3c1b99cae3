package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/writeback"
)

// summary is what a run ends with. Written, States, Duplicates and Lost are of
// all runs on the folder; Received and Imported are of this one.
type summary struct {
	// Written counts events whose content stands in the PMS.
	Written map[writeback.ItemKind]int `json:"written"`
	// Received counts changes that the PMS's staff made and the host was told of.
	Received map[driver.Feed]int `json:"received"`
	// States counts the engine's items.
	States map[writeback.State]int `json:"states"`
	// Duplicates and Lost are null where the PMS's tables cannot be counted.
	Duplicates *int `json:"duplicates"`
	Lost       *int `json:"lost"`
	Submitted  int  `json:"submitted"`
	Resumed    int  `json:"resumed"`
	Imported   int  `json:"imported"`
	// Interrupted is set when the run was ended before its time.
	Interrupted bool `json:"interrupted"`
	// Problems say in words what is wrong.
	Problems []string `json:"problems"`
}

// judgeRun says what is wrong with a run.
func (s *summary) judgeRun(details []string) {
	s.Problems = []string{}
	wrong := func(format string, args ...any) { s.Problems = append(s.Problems, fmt.Sprintf(format, args...)) }
	if s.Duplicates != nil && *s.Duplicates > 0 {
		wrong("%d contents stand in the PMS more than once", *s.Duplicates)
	}
	if s.Lost != nil && *s.Lost > 0 {
		wrong("%d events were acknowledged and are neither in the PMS nor accounted for", *s.Lost)
	}
	s.Problems = append(s.Problems, details[:min(len(details), 20)]...)
	if s.Duplicates == nil || s.Interrupted {
		return // a real PMS need not have news, and a short run need not have all kinds
	}
	for _, kind := range slices.Sorted(maps.Keys(s.Written)) {
		if s.Written[kind] == 0 {
			wrong("no %s was written", kind)
		}
	}
	for _, feed := range slices.Sorted(maps.Keys(s.Received)) {
		if s.Received[feed] == 0 {
			wrong("nothing was received of %s", feed)
		}
	}
}

func (s *summary) ok() bool { return len(s.Problems) == 0 }

func (s *summary) printJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(s)
}

// print says the same in words.
func (s *summary) print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\nSubmitted %d events", s.Submitted)
	if s.Resumed > 0 {
		fmt.Fprintf(&b, ", %d of them again because the last run was cut off", s.Resumed)
	}
	fmt.Fprintf(&b, "\nWritten    %s\n", counted(s.Written))
	fmt.Fprintf(&b, "Received   %s\n", counted(s.Received))
	fmt.Fprintf(&b, "States     %s\n", counted(s.States))
	if s.Duplicates == nil {
		b.WriteString("Duplicates and losses are not counted: the tables of a real PMS are not ours to read\n")
	} else {
		fmt.Fprintf(&b, "Duplicates %d\nLost       %d\n", *s.Duplicates, *s.Lost)
	}
	if s.ok() {
		b.WriteString("All is well\n")
	}
	for _, p := range s.Problems {
		fmt.Fprintf(&b, "Problem: %s\n", p)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func counted[K ~string](m map[K]int) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%d %s", m[k], strings.ReplaceAll(string(k), "_", " ")))
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}
