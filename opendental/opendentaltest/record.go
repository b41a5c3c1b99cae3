package opendentaltest

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// What Open Dental stores and answers for "no date".
const (
	noDate     = "0001-01-01"
	noDateTime = "0001-01-01 00:00:00"
)

// The layouts of the API and of the database's own text.
const (
	layoutDate     = "2006-01-02"
	layoutDateTime = "2006-01-02 15:04:05"
)

// record is one row. Values are int64, float64 or string; dates and times are
// the office's wall clock as text, so that nothing on the way can shift them.
type record struct {
	table  *table
	values []any
}

func (r record) value(name string) any {
	i, ok := r.table.index[name]
	if !ok || r.values == nil { // no such column, or a row that was not found
		return nil
	}
	return r.values[i]
}

func (r record) int(name string) int64 {
	n, _ := r.value(name).(int64)
	return n
}

func (r record) float(name string) float64 {
	f, _ := r.value(name).(float64)
	return f
}

func (r record) text(name string) string {
	s, _ := r.value(name).(string)
	return s
}

func (r record) bool(name string) bool { return r.int(name) != 0 }

func (r record) id() int64 { return r.int(r.table.key) }

// set holds new values of a row by column name: int64, int, bool, float64,
// string, or time.Time for a wall time.
type set map[string]any

// fit turns a value into what the column keeps. It does what a MySQL server
// with an empty sql_mode and the utf8 (three-byte) character set does: text
// that is too long is cut without an error, and a character above U+FFFF
// becomes a question mark.
func (c column) fit(v any) (any, error) {
	if v == nil {
		return c.neutral, nil
	}
	switch c.kind {
	case kindInt:
		switch n := v.(type) {
		case int64:
			return n, nil
		case int:
			return int64(n), nil
		case bool:
			if n {
				return int64(1), nil
			}
			return int64(0), nil
		}
	case kindFloat:
		switch n := v.(type) {
		case float64:
			return n, nil
		case int64:
			return float64(n), nil
		case int:
			return float64(n), nil
		}
	case kindText:
		if s, ok := v.(string); ok {
			return c.cut(threeByte(s)), nil
		}
	case kindDate:
		return wallText(v, layoutDate, noDate)
	case kindDateTime, kindStamp:
		return wallText(v, layoutDateTime, noDateTime)
	case kindTime:
		if s, ok := v.(string); ok {
			return s, nil
		}
	}
	return nil, fmt.Errorf("opendentaltest: column %s: cannot keep a %T", c.name, v)
}

func wallText(v any, layout, none string) (any, error) {
	switch t := v.(type) {
	case time.Time:
		if t.Year() < 1880 { // the program takes any such year for "none"
			return none, nil
		}
		return t.Format(layout), nil
	case string:
		if t == "" {
			return none, nil
		}
		if len(t) > len(layout) {
			t = t[:len(layout)]
		}
		return t, nil
	}
	return nil, fmt.Errorf("opendentaltest: cannot keep a %T as a date", v)
}

func (c column) cut(s string) string {
	if c.bytes > 0 && len(s) > c.bytes {
		s = s[:c.bytes]
		for { // not in the middle of a character
			r, size := utf8.DecodeLastRuneInString(s)
			if r != utf8.RuneError || size != 1 {
				break
			}
			s = s[:len(s)-1]
		}
	}
	if c.chars > 0 && len(s) > c.chars && utf8.RuneCountInString(s) > c.chars {
		n := 0
		for i := range s {
			if n == c.chars {
				return s[:i]
			}
			n++
		}
	}
	return s
}

// threeByte replaces what MySQL's utf8 cannot hold.
func threeByte(s string) string {
	clean := true
	for i := 0; i < len(s); i++ {
		if s[i] >= 0xF0 {
			clean = false
			break
		}
	}
	if clean && utf8.ValidString(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r > 0xFFFF || r == utf8.RuneError {
			return '?'
		}
		return r
	}, s)
}

// scanned turns what an SQL driver hands out into a record's value.
func (c column) scanned(v any, zone *time.Location) (any, error) {
	if b, ok := v.([]byte); ok {
		v = string(b)
	}
	if v == nil {
		if c.kind == kindTime { // NULL is "none"
			return "", nil
		}
		return c.neutral, nil
	}
	switch c.kind {
	case kindInt:
		switch n := v.(type) {
		case int64:
			return n, nil
		case uint64:
			return int64(n), nil
		case float64:
			return int64(n), nil
		case string:
			return strconv.ParseInt(n, 10, 64)
		}
	case kindFloat:
		switch n := v.(type) {
		case float64:
			return n, nil
		case float32:
			return float64(n), nil
		case int64:
			return float64(n), nil
		case string:
			return strconv.ParseFloat(n, 64)
		}
	case kindText, kindTime:
		switch s := v.(type) {
		case string:
			return s, nil
		case time.Time:
			return s.Format("15:04:05"), nil
		}
	case kindDate:
		return scannedWall(v, layoutDate)
	case kindDateTime:
		return scannedWall(v, layoutDateTime)
	case kindStamp:
		switch n := v.(type) {
		case int64: // seconds since 1970, from MySQL
			return time.Unix(n, 0).In(zone).Format(layoutDateTime), nil
		case string:
			if seconds, err := strconv.ParseFloat(n, 64); err == nil {
				return time.Unix(int64(seconds), 0).In(zone).Format(layoutDateTime), nil
			}
		}
		return scannedWall(v, layoutDateTime)
	}
	return nil, fmt.Errorf("opendentaltest: column %s: the SQL driver handed out a %T", c.name, v)
}

func scannedWall(v any, layout string) (any, error) {
	switch t := v.(type) {
	case time.Time:
		return t.Format(layout), nil
	case string:
		if len(t) > len(layout) {
			t = t[:len(layout)]
		}
		if len(t) == len(layoutDate) && layout == layoutDateTime {
			t += " 00:00:00"
		}
		if strings.HasPrefix(t, "0000-00-00") { // an old column's default
			t = noDateTime[:len(layout)]
		}
		return t, nil
	}
	return nil, fmt.Errorf("opendentaltest: the SQL driver handed out a %T for a date", v)
}
