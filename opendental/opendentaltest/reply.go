package opendentaltest

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

// apiError is an answer that is not a success.
type apiError struct {
	status int
	text   string
}

func (e *apiError) Error() string { return e.text }

func bad(format string, args ...any) error {
	return &apiError{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

func unauthorized(format string, args ...any) error {
	return &apiError{http.StatusUnauthorized, fmt.Sprintf(format, args...)}
}

func missing(what string) error {
	return &apiError{http.StatusNotFound, what + " not found"}
}

// reply is an answer as a handler gives it. A nil body is an empty answer.
type reply struct {
	status   int
	body     any
	location string // path under the API's root, for the location header
}

func ok(body any) (reply, error) { return reply{status: http.StatusOK, body: body}, nil }

// answer is a reply put into bytes.
type answer struct {
	status int
	header map[string]string
	body   []byte
}

func (o *Office) answer(r reply, err error) answer {
	if err != nil {
		var refused *apiError
		if !errors.As(err, &refused) {
			// Not the client's fault and not documented: the emulator broke.
			return answer{status: http.StatusInternalServerError, header: plain, body: []byte(err.Error())}
		}
		if o.cfg.QuoteErrors {
			return answer{status: refused.status, header: asJSON, body: appendString(nil, refused.text)}
		}
		return answer{status: refused.status, header: plain, body: []byte(refused.text)}
	}
	a := answer{status: r.status}
	if r.body != nil {
		a.header, a.body = asJSON, appendValue(make([]byte, 0, 1024), r.body)
	}
	if r.location != "" {
		a.header = map[string]string{"Content-Type": asJSON["Content-Type"], "Location": r.location}
	}
	return a
}

var (
	plain  = map[string]string{"Content-Type": "text/plain; charset=utf-8"}
	asJSON = map[string]string{"Content-Type": "application/json; charset=utf-8"}
)

// member is one field of an answered object; object keeps their order, since
// the API answers fields in the order of the database.
type member struct {
	name  string
	value any
}

type object []member

func appendValue(b []byte, v any) []byte {
	switch t := v.(type) {
	case nil:
		return append(b, "null"...)
	case string:
		return appendString(b, t)
	case bool:
		return strconv.AppendBool(b, t)
	case int:
		return strconv.AppendInt(b, int64(t), 10)
	case int64:
		return strconv.AppendInt(b, t, 10)
	case float64:
		// The serializer always shows a fraction: 140.0, 40.11.
		if t == math.Trunc(t) && math.Abs(t) < 1e15 {
			return strconv.AppendFloat(b, t, 'f', 1, 64)
		}
		return strconv.AppendFloat(b, t, 'f', -1, 64)
	case object:
		b = append(b, '{')
		for i, m := range t {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, m.name), ':')
			b = appendValue(b, m.value)
		}
		return append(b, '}')
	case []object:
		b = append(b, '[')
		for i, o := range t {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendValue(b, o)
		}
		return append(b, ']')
	case []int64:
		b = append(b, '[')
		for i, n := range t {
			if i > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendInt(b, n, 10)
		}
		return append(b, ']')
	}
	panic(fmt.Sprintf("opendentaltest: cannot answer a %T", v))
}

// appendString quotes s. A line break comes out as one space: the API's
// serializer does that to every string ("API Implementation", Data Types).
func appendString(b []byte, s string) []byte {
	if strings.ContainsAny(s, "\r\n") {
		s = strings.ReplaceAll(s, "\r\n", " ")
		s = strings.NewReplacer("\r", " ", "\n", " ").Replace(s)
	}
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= 0x20 && c != '"' && c != '\\' {
				i++
				continue
			}
			b = append(b, s[start:i]...)
			switch c {
			case '"', '\\':
				b = append(b, '\\', c)
			case '\t':
				b = append(b, '\\', 't')
			default:
				b = append(b, fmt.Sprintf(`\u%04x`, c)...)
			}
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			b = append(b, s[start:i]...)
			b = append(b, `\ufffd`...)
			i += size
			start = i
			continue
		}
		i += size
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

// boolean is how the API shows a yes or no.
func boolean(v bool) string { return strconv.FormatBool(v) }

// amountText is how the API shows an amount that it sends as a string.
func amountText(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// rgb is how the API shows a colour that the database holds as ARGB.
func rgb(argb int64) string {
	return fmt.Sprintf("%d,%d,%d", argb>>16&0xFF, argb>>8&0xFF, argb&0xFF)
}
