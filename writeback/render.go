package writeback

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pmswriteback/pms/driver"
)

var noteTitles = map[driver.NoteKind]string{
	driver.OutgoingCall:              "Outgoing call",
	driver.IncomingCall:              "Incoming call",
	driver.MissedCall:                "Missed call",
	driver.IncomingCallTranscript:    "Incoming call transcript",
	driver.OutgoingCallTranscript:    "Outgoing call transcript",
	driver.IncomingCallSummary:       "Incoming call summary (AI-generated)",
	driver.OutgoingCallSummary:       "Outgoing call summary (AI-generated)",
	driver.PatientNote:               "Patient note",
	driver.TaskNote:                  "Task note",
	driver.OutgoingSMS:               "Outgoing SMS",
	driver.IncomingSMS:               "Incoming SMS",
	driver.OutgoingEmail:             "Outgoing email",
	driver.IncomingEmail:             "Incoming email",
	driver.InsuranceVerificationNote: "Insurance verification",
}

// limits are what one note may hold.
type limits struct {
	bytes      int64
	chars      int
	repertoire driver.Repertoire
}

// renderNote gives the note's text in parts, each of which has room for its last
// line (see withRef) within the limits.
func renderNote(it *item, env planEnv, ref string, lim limits) ([]string, error) {
	n := it.p.Note
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s\n", noteTitles[n.Kind], it.p.At.In(env.zone).Format("2006-01-02 3:04 PM MST"))
	line := func(label, value string) {
		if value != "" {
			b.WriteString(label + ": " + value + "\n")
		}
	}
	line("Number", n.Number)
	line("User", n.User)
	if n.Duration > 0 {
		line("Duration", n.Duration.Round(time.Second).String())
	}
	line("Result", n.Result)
	line("Subject", n.Subject)
	line("Attachments", strings.Join(n.Attachments, ", "))
	if n.Body != "" {
		b.WriteString(n.Body)
		if !strings.HasSuffix(n.Body, "\n") {
			b.WriteByte('\n')
		}
	}
	text := storable(normalLines(b.String()), lim.repertoire)
	// The longest last line, as withRef writes it.
	tail := withRef("", storable(env.hostName, lim.repertoire), ref, 9999, 9999)
	room := room{bytes: lim.bytes - int64(len(tail)), chars: lim.chars - utf8.RuneCountInString(tail)}
	if lim.bytes == 0 {
		room.bytes = 1 << 40
	}
	if lim.chars == 0 {
		room.chars = 1 << 40
	}
	if room.bytes < 32 || room.chars < 32 {
		return nil, fmt.Errorf("writeback: item %s: the PMS leaves no room for a note beside its reference", it.ID)
	}
	return split(text, room), nil
}

// withRef adds the last line: the source, the part, and the reference, which
// comes last so that a driver can search for it.
func withRef(body, hostName, ref string, part, parts int) string {
	if parts > 1 {
		return fmt.Sprintf("%s[%s (%d/%d)] %s", body, hostName, part, parts, ref)
	}
	return fmt.Sprintf("%s[%s] %s", body, hostName, ref)
}

type room struct {
	bytes int64
	chars int
}

// split cuts text into parts that fit, at the last white space that does, or
// inside a word that alone is longer. Nothing is lost: the parts joined are the
// text, but for the newline that ends each.
func split(text string, r room) []string {
	var parts []string
	for {
		end, fits := prefix(text, r)
		if fits {
			return append(parts, text)
		}
		cut := end
		if i := strings.LastIndexAny(text[:end], " \n"); i > end/2 {
			cut = i + 1
		}
		part := text[:cut]
		if !strings.HasSuffix(part, "\n") {
			// One byte and one character were kept free for it by prefix.
			part += "\n"
		}
		parts = append(parts, part)
		text = text[cut:]
	}
}

// prefix gives the length of the longest prefix of whole characters that leaves
// room for a newline, and whether all of the text fits without one.
func prefix(text string, r room) (int, bool) {
	chars := 0
	for i, c := range text {
		if int64(i+utf8.RuneLen(c)) > r.bytes-1 || chars+1 > r.chars-1 {
			// The rest may still fit exactly.
			if int64(len(text)) <= r.bytes && utf8.RuneCountInString(text) <= r.chars {
				return 0, true
			}
			return i, false
		}
		chars++
	}
	return 0, true
}

func normalLines(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// storable replaces characters that the PMS cannot store.
func storable(s string, rep driver.Repertoire) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r < ' ' || r == 0x7f:
			return ' '
		case rep == driver.UnicodeBMP && r > 0xffff:
			return '?'
		case rep == driver.Windows1252 && r > 0xff && !inWindows1252(r):
			return '?'
		}
		return r
	}, s)
}

func inWindows1252(r rune) bool {
	return strings.ContainsRune("€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ", r)
}
