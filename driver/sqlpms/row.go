package sqlpms

import (
	sqldriver "database/sql/driver"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// Row is one row of an answer. Columns are found by name in any case: engines give
// names back as they like. A value that is not what it is asked for as, or a column
// that is not there, makes a problem, and the zero value is returned; NULL is the
// zero value without a problem.
//
// The values of a row are its own: a copy of the Row may be kept.
type Row struct {
	index   map[string]int
	values  []sqldriver.Value
	problem error
}

func newRow(columns []string) *Row {
	r := &Row{index: make(map[string]int, len(columns))}
	for i, name := range columns {
		name = strings.ToLower(strings.TrimSpace(name))
		if _, ok := r.index[name]; !ok {
			r.index[name] = i
		}
	}
	return r
}

// BadValue says that a value of a row is not what it should be. It names the
// column, and never the value.
type BadValue struct {
	// Column is the column's name, or "argument".
	Column string
	// Number is the argument's, from 1.
	Number int
	// What says what is wrong: "is no whole number".
	What string
}

// Error names the column.
func (e *BadValue) Error() string {
	if e.Number > 0 {
		return fmt.Sprintf("%s %d %s", e.Column, e.Number, e.What)
	}
	return "the column " + e.Column + " " + e.What
}

// Problem is the first problem that was met in the row; nil when there was none.
// [DB].Each returns it.
func (r *Row) Problem() error {
	if r.problem == nil {
		return nil
	}
	return r.problem
}

func (r *Row) bad(column, what string) {
	if r.problem == nil {
		r.problem = &BadValue{Column: column, What: what}
	}
}

// value is what a column holds; nil for NULL.
func (r *Row) value(column string) sqldriver.Value {
	i, ok := r.index[strings.ToLower(column)]
	if !ok {
		r.bad(column, "is not in the answer")
		return nil
	}
	return r.values[i]
}

// Has reports whether the answer has a column.
func (r *Row) Has(column string) bool { _, ok := r.index[strings.ToLower(column)]; return ok }

// IsNull reports whether a column is NULL.
func (r *Row) IsNull(column string) bool { return r.value(column) == nil }

// Text is a column's text without the blanks by which CHAR is padded.
func (r *Row) Text(column string) string {
	switch v := r.value(column).(type) {
	case nil:
		return ""
	case string:
		return unpad(v)
	case []byte:
		return unpad(decode(v))
	case time.Time:
		r.bad(column, "is a time, not a text")
	case bool:
		return strconv.FormatBool(v)
	default:
		if n, ok := integer(v); ok {
			return strconv.FormatInt(n, 10)
		}
		r.bad(column, "is no text")
	}
	return ""
}

// ID is a column's text without any blanks around it: ids are compared without
// padding, and never taken for numbers.
func (r *Row) ID(column string) string { return strings.TrimSpace(r.Text(column)) }

// Secret is a column's text that may hold patient data.
func (r *Row) Secret(column string) driver.Text { return driver.NewText(r.Text(column)) }

// Int is a whole number.
func (r *Row) Int(column string) int64 {
	v := r.value(column)
	if v == nil {
		return 0
	}
	if n, ok := integer(v); ok {
		return n
	}
	r.bad(column, "is no whole number")
	return 0
}

// Byte is a TINYINT as the signed number that it is in the engine: SQL drivers
// give 150 or -106 for the same byte.
func (r *Row) Byte(column string) int8 {
	n := r.Int(column)
	if n < math.MinInt8 || n > math.MaxUint8 {
		r.bad(column, "is no number of one byte")
		return 0
	}
	return int8(uint8(n)) //nolint:gosec // that is the point
}

// Bool is a truth value: a bit, a number, or one of the letters Y, T and 1.
func (r *Row) Bool(column string) bool {
	v := r.value(column)
	if b, ok := v.(bool); ok {
		return b
	}
	if n, ok := integer(v); ok {
		return n != 0
	}
	if b, ok := v.([]byte); ok && len(b) == 1 && b[0] < ' ' {
		return b[0] != 0 // a bit of MariaDB
	}
	switch strings.ToUpper(r.ID(column)) {
	case "Y", "T", "YES", "TRUE":
		return true
	case "", "N", "F", "NO", "FALSE":
		return false
	}
	r.bad(column, "is no yes or no")
	return false
}

// Money is an amount with at most two decimals, for a driver that reads a ledger:
// those of this repository write amounts, and read none. ODBC gives decimals as binary
// fractions: one that is not near a cent, or too large to be exact, is a problem.
func (r *Row) Money(column, currency string) driver.Money {
	v := r.value(column)
	m, err := amount(v, currency)
	if err != nil {
		r.bad(column, "is no amount with at most two decimals")
	}
	return m
}

func amount(v sqldriver.Value, currency string) (driver.Money, error) {
	switch v := v.(type) {
	case nil:
		return driver.Money{Currency: currency}, nil
	case float64:
		return moneyFromFloat(v, currency)
	case float32:
		return moneyFromFloat(float64(v), currency)
	case []byte:
		return driver.ParseDecimal(strings.TrimSpace(string(v)), currency)
	case string:
		return driver.ParseDecimal(strings.TrimSpace(v), currency)
	}
	if n, ok := integer(v); ok {
		return driver.ParseDecimal(strconv.FormatInt(n, 10), currency)
	}
	return driver.Money{Currency: currency}, problem("no amount")
}

// moneyFromFloat gives the amount that a decimal was before it became a binary
// fraction. Beyond 11 thousand million it is an error: it would not be exact.
func moneyFromFloat(f float64, currency string) (driver.Money, error) {
	cents := math.Round(f * 100)
	if math.IsNaN(f) || math.Abs(cents) > 1<<40 || math.Abs(f*100-cents) > 1e-3 {
		return driver.Money{Currency: currency}, problem("no amount with at most two decimals")
	}
	return driver.Money{Minor: int64(cents), Currency: currency}, nil
}

// integer reads a whole number out of what SQL drivers give for one.
func integer(v sqldriver.Value) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case int32:
		return int64(v), true
	case int16:
		return int64(v), true
	case int8:
		return int64(v), true
	case int:
		return int64(v), true
	case uint8:
		return int64(v), true
	case uint32:
		return int64(v), true
	case uint64:
		return int64(v), v <= math.MaxInt64
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case float64:
		return int64(v), v == math.Trunc(v) && math.Abs(v) < 1<<53
	case float32:
		return int64(v), float64(v) == math.Trunc(float64(v))
	case []byte:
		return parseInteger(string(v))
	case string:
		return parseInteger(v)
	}
	return 0, false
}

func parseInteger(s string) (int64, bool) {
	s = strings.TrimSpace(s)
	if whole, zeros, ok := strings.Cut(s, "."); ok && strings.Trim(zeros, "0") == "" {
		s = whole
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}
