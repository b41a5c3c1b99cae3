package writeback

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pmswriteback/pms/driver"
)

// Limits of what the host may submit.
const (
	maxKey      = 200
	maxText     = 1 << 20      // a transcript of several hours
	maxShort    = 1_000        // titles, subjects, memos, names
	maxDocument = 25 << 20     // default of Config.MaxDocument
	maxAmount   = 1_000_000_00 // a million: a typing error rather than a payment
)

func (c *inputCheck) key(key string) {
	switch {
	case key == "":
		c.bad("key", "is empty; give the event's own id, the same one at every try")
	case len(key) > maxKey:
		c.bad("key", fmt.Sprintf("has more than %d bytes; use a shorter id", maxKey))
	case !utf8.ValidString(key) || strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r == 0x7f }):
		c.bad("key", "holds control characters or is not UTF-8")
	}
}

func (c *inputCheck) patient(p Patient) {
	if p.isZero() {
		c.bad("patient", "is empty; name the patient by PMS id, by the host's id, or by name and birth date")
		return
	}
	c.id("patient.id", p.ID)
	c.id("patient.host_id", p.HostID)
	c.text("patient.first", p.First, maxShort, true)
	c.text("patient.last", p.Last, maxShort, true)
	c.text("patient.phone", p.Phone, maxShort, false)
	if !p.Birth.IsZero() && !p.Birth.Reveal().Valid() {
		c.bad("patient.birth", "is not a day of the calendar")
	}
}

func (c *inputCheck) id(field, id string) {
	if len(id) > maxKey {
		c.bad(field, fmt.Sprintf("has more than %d bytes", maxKey))
	} else if strings.TrimSpace(id) != id || !utf8.ValidString(id) || strings.ContainsFunc(id, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		c.bad(field, "has spaces around it, control characters, or is not UTF-8")
	}
}

func (c *inputCheck) text(field string, t driver.Text, limit int, card bool) {
	s := t.Reveal()
	switch {
	case len(s) > limit:
		c.bad(field, fmt.Sprintf("has %d bytes; at most %d are taken", len(s), limit))
	case !utf8.ValidString(s):
		c.bad(field, "is not UTF-8")
	case card && !c.mask && HasCardNumber(s):
		c.card(field)
	}
}

func (c *inputCheck) card(field string) {
	c.bad(field, "holds a payment card number (card_number); remove or mask it")
}

func (c *inputCheck) at(t time.Time) {
	if t.IsZero() {
		c.bad("at", "is empty; give the time when it happened")
	} else if y := t.UTC().Year(); y < 1900 || y > 9998 {
		c.bad("at", "is not between the years 1900 and 9998")
	}
}

func (c *inputCheck) amount(field string, m driver.Money, zeroOK bool) {
	switch {
	case m.Minor == 0 && zeroOK:
	case m.Minor <= 0:
		c.bad(field, "must be more than zero")
	case m.Minor > maxAmount:
		c.bad(field, "is over a million; split it if it is right")
	case len(m.Currency) != 3 || strings.ContainsFunc(m.Currency, func(r rune) bool { return r < 'A' || r > 'Z' }):
		c.bad(field+".currency", `must be an ISO 4217 code such as "USD"`)
	}
}

// HasCardNumber reports whether s holds what looks like a payment card's
// number: 13 to 19 digits with a right check digit (Luhn) and the prefix and
// length of a known issuer, written in one piece or in groups as cards are. The
// check digit alone would take one in ten of all long numbers for a card.
//
// Every text that is submitted is checked with it.
func HasCardNumber(s string) bool {
	_, _, found := findCard([]byte(s), 0)
	return found
}

// MaskCardNumbers returns s with asterisks for all digits of card numbers but
// the last four, for a host that would rather mask than have a text refused; see
// also [Config].MaskCards. HasCardNumber is false for what it returns.
func MaskCardNumbers(s string) string {
	masked, _ := maskCards(s)
	return masked
}

// maskCards is MaskCardNumbers, and counts them.
func maskCards(s string) (string, int) {
	b := []byte(s)
	from, to, found := findCard(b, 0)
	if !found {
		return s, 0
	}
	count := 0
	for found {
		count++
		keep := 4
		for i := to - 1; i >= from; i-- {
			switch {
			case !isDigit(b[i]):
			case keep > 0:
				keep--
			default:
				b[i] = '*'
			}
		}
		// What is left of it may begin another one.
		from, to, found = findCard(b, from)
	}
	return string(b), count
}

// findCard gives the place of the first card number that begins at start or
// behind it. It looks at every group of digits as the beginning of one, at most
// 19 digits far, so that its time grows with the text and no faster.
func findCard(s []byte, start int) (from, to int, found bool) {
	for i := start; i < len(s); {
		if !isDigit(s[i]) {
			i++
			continue
		}
		// "+49 ..." is a phone number.
		if s[i] >= '2' && s[i] <= '6' && (i == 0 || s[i-1] != '+') {
			if end, ok := cardAt(s[i:]); ok {
				return i, i + end, true
			}
		}
		for i < len(s) && isDigit(s[i]) {
			i++
		}
	}
	return 0, 0, false
}

// cardAt reports whether s begins with a card number, and where the longest one
// ends. Something may follow, such as an expiry date.
func cardAt(s []byte) (end int, found bool) {
	var digits [maxCardDigits]byte
	var groups cardGroups
	n := 0
	for i := 0; i < len(s); {
		size := 0
		for i < len(s) && isDigit(s[i]) {
			if n == maxCardDigits {
				return end, found // a longer number is something else
			}
			digits[n] = s[i]
			n++
			size++
			i++
		}
		groups.add(size)
		if n >= minCardDigits && groups.asOnCards() && knownIssuer(digits[:n]) && luhn(digits[:n]) {
			end, found = i, true
		}
		gap := cardGap(s[i:])
		if gap == 0 {
			break
		}
		i += gap
	}
	return end, found
}

const minCardDigits, maxCardDigits = 13, 19

// cardGroups are the sizes of the groups that a number is written in. Numbers in
// a table stand side by side too; what tells them apart is that cards are written
// in fours, in few long pieces, or digit by digit as they are dictated.
type cardGroups struct {
	count, fours, singles, short, long int
	last                               int
}

func (g *cardGroups) add(size int) {
	g.count++
	g.last = size
	switch {
	case size == 4:
		g.fours++
	case size == 1:
		g.singles++
	}
	if size < 4 {
		g.short++
	}
	if size > 5 {
		g.long++
	}
}

func (g *cardGroups) asOnCards() bool {
	allButLast := g.fours
	if g.last == 4 {
		allButLast--
	}
	return g.count <= 3 && g.short == 0 && g.long > 0 ||
		allButLast == g.count-1 && g.last <= 4 ||
		g.singles == g.count
}

// cardGap gives the length of what may stand between two groups: a space, a dash
// or a full stop, the latter two with a space on either side or without, or a
// character that shows nothing. 0 when no digit follows.
func cardGap(s []byte) int {
	if len(s) > 1 && (s[0] == ' ' || s[0] == '-') && isDigit(s[1]) {
		return 1
	}
	i, spaces, marks := 0, 0, 0
	for i < len(s) && !isDigit(s[i]) {
		r, size := utf8.DecodeRune(s[i:])
		switch r {
		case ' ', '\u00a0', '\u2007', '\u2009', '\u202f':
			spaces++
		case '-', '.', '\u00ad', '\u200b', '\u200c', '\u200d', '\u2060', '\ufeff', '\u2010', '\u2011', '\u2012', '\u2013', '\u2014':
			marks++
		default:
			return 0
		}
		if marks > 1 || spaces > 1+marks {
			return 0
		}
		i += size
	}
	if i == len(s) {
		return 0
	}
	return i
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

func luhn(digits []byte) bool {
	sum := 0
	for i := range digits {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// knownIssuer knows the prefixes of ISO/IEC 7812 under which payment cards are
// issued, with their lengths.
func knownIssuer(digits []byte) bool {
	n := len(digits)
	p4 := prefix4(digits)
	p3, p2 := p4/10, p4/100
	switch {
	case digits[0] == '4': // Visa
		return n == 13 || n == 16 || n == 19
	case p2 >= 51 && p2 <= 55, p4 >= 2221 && p4 <= 2720: // Mastercard
		return n == 16
	case p2 == 34, p2 == 37: // American Express
		return n == 15
	case p4 == 6011, p3 >= 644 && p3 <= 649, p2 == 65: // Discover
		return n == 16 || n == 19
	case p3 >= 300 && p3 <= 305, p4 == 3095, p2 == 36, p2 == 38, p2 == 39: // Diners Club
		return n == 14 || n == 16
	case p4 >= 3528 && p4 <= 3589: // JCB
		return n == 16 || n == 19
	case p2 == 62: // UnionPay
		return n >= 16
	}
	switch p4 {
	case 5018, 5020, 5038, 5893, 6304, 6759, 6761, 6762, 6763: // Maestro
		return true
	}
	return false
}

func prefix4(digits []byte) int {
	n := 0
	for _, d := range digits[:4] {
		n = n*10 + int(d-'0')
	}
	return n
}
