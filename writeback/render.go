package writeback

import (
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

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
// line (see withRef) within the limits, and how many characters were replaced.
func renderNote(it *item, env planEnv, ref string, lim limits) (parts []string, replaced int, err error) {
	n := it.p.Note
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s\n", noteTitles[n.Kind], it.p.At.In(env.zone).Format("2006-01-02 3:04 PM MST"))
	line := func(label, value string) {
		if value != "" {
			b.WriteString(label + ": " + oneLine(value) + "\n")
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
	text, replaced := storable(normalLines(b.String()), lim.repertoire)
	// The longest last line, as withRef writes it.
	tail := withRef("", hostLine(env, lim.repertoire), ref, maxParts, maxParts)
	room := room{bytes: lim.bytes - int64(len(tail)), chars: lim.chars - utf8.RuneCountInString(tail)}
	if lim.bytes == 0 {
		room.bytes = math.MaxInt64
	}
	if lim.chars == 0 {
		room.chars = math.MaxInt
	}
	if room.bytes < minRoom || room.chars < minRoom {
		return nil, 0, fmt.Errorf("writeback: item %s: the PMS leaves no room for a note beside its reference", it.ID)
	}
	parts = split(text, room)
	if len(parts) > maxParts {
		return nil, 0, fmt.Errorf("writeback: item %s: the note would take more than %d parts", it.ID, maxParts)
	}
	return parts, replaced, nil
}

const (
	// minRoom is what a part must hold to be worth a note.
	minRoom = 32
	// maxParts is how many notes one text may become.
	maxParts = 9999
)

// hostLine is the host's name as the last line of a note shows it.
func hostLine(env planEnv, rep driver.Repertoire) string {
	name, _ := storable(oneLine(env.hostName), rep)
	return name
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
			// The rest fits when it is the one character that the newline would be.
			rest := text[i:]
			fits := len(rest) <= 2*utf8.UTFMax && int64(len(text)) <= r.bytes && chars+utf8.RuneCountInString(rest) <= r.chars
			return i, fits
		}
		chars++
	}
	return 0, true
}

func normalLines(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// oneLine is for what stands in a line of its own.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }), " ")
}

// storable replaces the characters that the PMS cannot store and counts them.
// Letters with separate accents are put together first. Control characters
// become spaces and are not counted: they show nothing anyway.
func storable(s string, rep driver.Repertoire) (text string, replaced int) {
	if rep == driver.Windows1252 {
		s = norm.NFC.String(s)
	}
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\u2028' || r == '\u2029' || r == '\u0085':
			return '\n'
		case r < ' ' || r >= 0x7f && r < 0xa0:
			return ' '
		case rep == driver.UnicodeBMP && r > 0xffff,
			rep == driver.Windows1252 && r > 0xff && !inWindows1252(r):
			replaced++
			return '?'
		}
		return r
	}, s)
	return text, replaced
}

func inWindows1252(r rune) bool {
	return strings.ContainsRune("€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ", r)
}

// label gives a title or memo in a form that the PMS can store.
func label(s string, rep driver.Repertoire) driver.Text {
	text, _ := storable(oneLine(s), rep)
	return driver.NewText(strings.ReplaceAll(text, "\n", " "))
}
