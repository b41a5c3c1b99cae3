package sqlpms

import (
	"strings"
	"unicode/utf8"

	"github.com/pmswriteback/pms/driver"
)

// unpad takes away the blanks and zero bytes with which CHAR columns are filled
// up.
func unpad(s string) string { return strings.TrimRight(s, " \x00") }

// decode reads text that is not UTF-8 as windows-1252, in which the databases of
// practices are kept.
func decode(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	var out strings.Builder
	for _, c := range b {
		out.WriteRune(windows1252(c))
	}
	return out.String()
}

// upper1252 are the characters of windows-1252 from 0x80 to 0x9f; those that it
// does not have are themselves.
var upper1252 = []rune("€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ")

func windows1252(c byte) rune {
	if c >= 0x80 && c <= 0x9f {
		return upper1252[c-0x80]
	}
	return rune(c)
}

// Storable reports whether every character of s can be stored.
func Storable(s string, in driver.Repertoire) bool {
	for _, c := range s {
		switch {
		case c == 0, c == utf8.RuneError:
			return false
		case in == driver.UnicodeBMP && c > 0xffff:
			return false
		case in == driver.Windows1252 && !in1252(c):
			return false
		}
	}
	return utf8.ValidString(s)
}

func in1252(c rune) bool {
	if c < 0x80 || c >= 0xa0 && c <= 0xff {
		return true
	}
	return strings.ContainsRune(string(upper1252), c) && c > 0x9f
}

// Field is a text column that a write fills.
type Field struct {
	// Name is the column's or the argument's, for errors.
	Name string
	// Chars is how many characters fit; 0 is without bound.
	Chars int
	// Repertoire says which can be stored.
	Repertoire driver.Repertoire
}

// Check refuses a text that the column cannot hold, with ErrRejected and
// ReasonTooLarge or ReasonTextRefused. The error never holds the text. Lengths are
// counted in characters, as the columns' are.
func (f Field) Check(name, op, text string) error {
	e := &driver.Error{Driver: name, Op: op, Kind: driver.ErrRejected}
	switch n := utf8.RuneCountInString(text); {
	case f.Chars > 0 && n > f.Chars:
		e.Reason, e.Err = driver.ReasonTooLarge, problem("%s: %d characters, and %d fit", f.Name, n, f.Chars)
	case !Storable(text, f.Repertoire):
		e.Reason, e.Err = driver.ReasonTextRefused, problem("%s: a character that the PMS cannot store", f.Name)
	default:
		return nil
	}
	return e
}

// Shorten cuts a text to at most n characters, for a title or a memo that may be
// shortened; what must stay whole (the Ref) is appended by the caller.
func Shorten(s string, n int) string {
	if n <= 0 {
		return ""
	}
	count := 0
	for i := range s {
		if count == n {
			return strings.TrimRight(s[:i], " ")
		}
		count++
	}
	return s
}
