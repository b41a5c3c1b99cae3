package writeback

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pmswriteback/pms/settings"
)

// PracticeEvent tells what happened to the practice rather than to one of its
// items: a row of the audit log without an Item.
type PracticeEvent struct {
	// Event's Name says what happened, such as EventSettingsSaved or
	// EventSettingBroken; Seq is the same when the event comes again.
	Event
	// Words say it to staff. Empty for an event that this version does not know.
	Words string
}

func (p *Practice) practiceEvents(rows []Event) []PracticeEvent {
	events := make([]PracticeEvent, len(rows))
	for i, row := range rows {
		events[i] = PracticeEvent{Event: row, Words: practiceWords(p.e.cfg.HostName, row)}
	}
	return events
}

// practiceWords say to staff what happened to a practice.
func practiceWords(host string, e Event) string {
	switch e.Name {
	case EventSettingsSaved:
		return fmt.Sprintf("The settings were saved by %s: %s.", e.Actor, e.Detail)
	case EventStoreRestored:
		return "The store came from a back-up: what may have been written since is looked for before it is sent."
	case EventModeSet:
		mode, _, _ := strings.Cut(e.Detail, ":")
		return fmt.Sprintf("%s Set by %s.", modeWords[Mode(mode)], e.Actor)
	case EventPMSChanged:
		return "Another PMS answers (" + e.Detail + "): what was chosen in the former one was cleared, and nothing is written before a provider is chosen again."
	case EventSettingBroken:
		path, code, _ := strings.Cut(e.Detail, " ")
		return fmt.Sprintf("%s: %s", settingLabel(host, path), brokenCodes[code].words)
	case EventSettingMended:
		path, _, _ := strings.Cut(e.Detail, " ")
		return fmt.Sprintf("%s is in order again.", settingLabel(host, path))
	}
	return ""
}

// settingLabel is what staff call the field at a path: "Form Types (entry 2)".
func settingLabel(host, path string) string {
	base, rest, inList := strings.Cut(path, "[")
	label := path
	if f, ok := settings.FieldAt(host, base); ok {
		label = f.Label
	}
	index, _, _ := strings.Cut(rest, "]")
	if n, err := strconv.Atoi(index); inList && err == nil {
		return fmt.Sprintf("%s (entry %d)", label, n+1)
	}
	return label
}
