package writeback

import (
	"fmt"
	"strconv"
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
	c.text("patient.first", p.First, maxShort, false)
	c.text("patient.last", p.Last, maxShort, false)
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
	case card && HasCardNumber(s):
		c.bad(field, "holds a payment card number (card_number); remove or mask it")
	}
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
	case len(m.Currency) != 3:
		c.bad(field+".currency", `must be an ISO 4217 code such as "USD"`)
	}
}

// HasCardNumber reports whether s holds what looks like a payment card's
// number: 13 to 19 digits, single spaces or hyphens between them allowed, with
// a right check digit (Luhn) and the prefix and length of a known issuer. The
// check digit alone would take one in ten of all long numbers for a card.
func HasCardNumber(s string) bool {
	digits := make([]byte, 0, 32)
	flush := func() bool {
		// A card number stands by itself: a longer run of digits is something else.
		return len(digits) >= 13 && len(digits) <= 19 && knownIssuer(digits) && luhn(digits)
	}
	for i := 0; i < len(s); i++ {
		switch b := s[i]; {
		case b >= '0' && b <= '9':
			if len(digits) < 20 {
				digits = append(digits, b)
			}
		case (b == ' ' || b == '-') && len(digits) > 0 && i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9':
			// A number may end and another begin here: "555-0100 4111..." Look at
			// what stood before as well as at the whole.
			if cardSuffix(s[i+1:]) || flush() {
				return true
			}
		default:
			if flush() {
				return true
			}
			digits = digits[:0]
		}
	}
	return flush()
}

// cardSuffix reports whether s begins with a card number of its own.
func cardSuffix(s string) bool {
	digits := make([]byte, 0, 20)
	for i := 0; i < len(s) && len(digits) < 20; i++ {
		b := s[i]
		if b >= '0' && b <= '9' {
			digits = append(digits, b)
		} else if (b == ' ' || b == '-') && i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9' {
			// The number may be followed by another one, such as an expiry date.
			if len(digits) >= 13 && len(digits) <= 19 && knownIssuer(digits) && luhn(digits) {
				return true
			}
		} else {
			break
		}
	}
	return len(digits) >= 13 && len(digits) <= 19 && knownIssuer(digits) && luhn(digits)
}

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

// knownIssuer knows the prefixes of ISO/IEC 7812 that payment cards of North
// America carry, with their lengths.
func knownIssuer(digits []byte) bool {
	n := len(digits)
	p6, _ := strconv.Atoi(string(digits[:6]))
	p4, p3, p2 := p6/100, p6/1000, p6/10000
	switch {
	case digits[0] == '4': // Visa
		return n == 13 || n == 16 || n == 19
	case p2 >= 51 && p2 <= 55, p4 >= 2221 && p4 <= 2720: // Mastercard
		return n == 16
	case p2 == 34, p2 == 37: // American Express
		return n == 15
	case p4 == 6011, p3 >= 644 && p3 <= 649, p2 == 65: // Discover
		return n >= 16
	case p3 >= 300 && p3 <= 305, p4 == 3095, p2 == 36, p2 == 38, p2 == 39: // Diners Club
		return n >= 14
	case p4 >= 3528 && p4 <= 3589: // JCB
		return n >= 16
	case p2 == 62: // UnionPay
		return n >= 16
	}
	return false
}
