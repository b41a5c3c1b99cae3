package writeback

import (
	"fmt"
	"strings"

	"github.com/pmswriteback/pms/driver"
)

// plainText is what HTML becomes.
type plainText struct {
	text string
	// shown are the words of the text as a reader takes them in: tags within a
	// line part nothing, all others are one space. digits are the places in text
	// of the digits in shown.
	shown  string
	digits []int
	// cut says that the text has grown past maxText and was given up.
	cut bool
}

// takesHTML says which kinds of notes may come as HTML.
func takesHTML(k driver.NoteKind) bool {
	switch k {
	case driver.OutgoingEmail, driver.IncomingEmail, driver.PatientNote, driver.TaskNote, driver.InsuranceVerificationNote:
		return true
	}
	return false
}

// html checks a note's HTML and gives its text.
func (c *inputCheck) html(n Note) string {
	before := len(c.e.Fields)
	switch {
	case !n.Body.IsEmpty():
		c.bad("html", "is given besides the body; give one of the two")
	case n.Kind.Valid() && !takesHTML(n.Kind):
		c.bad("html", "is for e-mails and notes; give the plain text as body")
	default:
		c.text("html", n.HTML, maxText, false)
	}
	if len(c.e.Fields) > before {
		return ""
	}
	plain := plainFromHTML(n.HTML.Reveal())
	switch {
	case plain.cut:
		c.bad("html", fmt.Sprintf("becomes more than %d bytes of text; leave something out", maxText))
	case strings.TrimSpace(plain.text) == "":
		c.bad("html", "is empty when it is made plain; give the text")
	case c.mask:
		masked, n := plain.masked()
		c.masked += n
		return masked
	case HasCardNumber(plain.text) || HasCardNumber(plain.shown):
		c.card("html")
	}
	return plain.text
}

// masked gives the text with its card numbers masked, those too that the layout
// parts, and how many they were.
func (p plainText) masked() (string, int) {
	shown, parted := maskCards(p.shown)
	text := []byte(p.text)
	digit := 0
	for i := range len(p.shown) {
		if !isDigit(p.shown[i]) {
			continue
		}
		if shown[i] == '*' {
			text[p.digits[digit]] = '*'
		}
		digit++
	}
	out, whole := maskCards(string(text)) // in what is not among the words: links
	return out, parted + whole
}

// plainFromHTML makes HTML plain. What an element without an end would hide is
// shown: rather something needless than a text that is lost.
func plainFromHTML(source string) plainText {
	w := &htmlWalk{hides: true}
	if !w.walk(source) {
		w = &htmlWalk{}
		w.walk(source)
	}
	return plainText{text: string(w.out), shown: string(w.shown), digits: w.digits, cut: len(w.out) > maxText}
}
