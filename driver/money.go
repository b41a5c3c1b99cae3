package driver

import (
	"errors"
	"fmt"
	"math"
)

// Money is an amount in minor units (cents) of a currency. It is never a
// floating-point number. The zero value is nothing in no currency.
type Money struct {
	// Minor is the amount in the currency's minor unit: 10269 is $102.69.
	Minor int64 `json:"minor"`
	// Currency is the ISO 4217 code, such as "USD".
	Currency string `json:"currency"`
}

// USD returns an amount in US cents.
func USD(cents int64) Money { return Money{Minor: cents, Currency: "USD"} }

// IsZero reports whether the amount is zero, whatever the currency.
func (m Money) IsZero() bool { return m.Minor == 0 }

// Neg returns the amount with the opposite sign.
func (m Money) Neg() Money { return Money{Minor: -m.Minor, Currency: m.Currency} }

// Add returns m + n. Different currencies, and a sum beyond int64, are errors.
func (m Money) Add(n Money) (Money, error) {
	if m.Currency != n.Currency {
		return Money{}, fmt.Errorf("driver: cannot add %s and %s", m.Currency, n.Currency)
	}
	if (n.Minor > 0 && m.Minor > math.MaxInt64-n.Minor) || (n.Minor < 0 && m.Minor < math.MinInt64-n.Minor) {
		return Money{}, errors.New("driver: amount out of range")
	}
	return Money{Minor: m.Minor + n.Minor, Currency: m.Currency}, nil
}

// Decimal returns the amount with two decimals and no currency, "-102.69": the
// form that PMS interfaces take. Every currency a dental PMS of North America
// keeps has two decimals.
func (m Money) Decimal() string {
	sign, u := "", uint64(m.Minor)
	if m.Minor < 0 {
		sign, u = "-", -u
	}
	return fmt.Sprintf("%s%d.%02d", sign, u/100, u%100)
}

// String returns "102.69 USD".
func (m Money) String() string { return m.Decimal() + " " + m.Currency }

// ParseDecimal reads "102.69", "-3.5" or "7" as minor units of a currency with
// two decimals. A third decimal other than zero is an error: nothing is rounded.
func ParseDecimal(s, currency string) (Money, error) {
	bad := errors.New("driver: not an amount with at most two decimals")
	rest, neg := s, false
	if len(rest) > 0 && (rest[0] == '-' || rest[0] == '+') {
		neg, rest = rest[0] == '-', rest[1:]
	}
	var units int64
	digits, decimals, point := 0, 0, false
	for _, c := range []byte(rest) {
		switch {
		case c == '.' && !point:
			point = true
		case c < '0' || c > '9':
			return Money{}, bad
		case point && decimals == 2:
			if c != '0' {
				return Money{}, bad
			}
		default:
			if units > (math.MaxInt64-9)/10/100 {
				return Money{}, errors.New("driver: amount out of range")
			}
			units = units*10 + int64(c-'0')
			digits++
			if point {
				decimals++
			}
		}
	}
	if digits == 0 {
		return Money{}, bad
	}
	for ; decimals < 2; decimals++ {
		units *= 10
	}
	if neg {
		units = -units
	}
	return Money{Minor: units, Currency: currency}, nil
}
