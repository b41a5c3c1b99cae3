package opendental

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// scalar is one JSON value read leniently: the API gives the same field as a
// number in one place and as a string in another. An object, an array and null
// are the empty scalar.
type scalar string

// UnmarshalJSON implements json.Unmarshaler.
func (s *scalar) UnmarshalJSON(b []byte) error {
	switch {
	case len(b) == 0, b[0] == '{', b[0] == '[', string(b) == "null":
		*s = ""
	case b[0] == '"':
		var text string
		if err := json.Unmarshal(b, &text); err != nil {
			return err
		}
		*s = scalar(text)
	default:
		*s = scalar(b)
	}
	return nil
}

// row is one record. It is a map because the API tells "Confirmed" and
// "confirmed" apart, which decoding into struct fields does not.
type row map[string]scalar

func (r row) text(field string) string { return string(r[field]) }

func (r row) patientText(field string) driver.Text { return driver.NewText(string(r[field])) }

// id gives a key's digits; empty when it is 0, which is how Open Dental says
// "none".
func (r row) id(field string) string {
	s := strings.TrimSpace(string(r[field]))
	if !isID(s) {
		return ""
	}
	return s
}

// truth reads "true", "True", true and 1.
func (r row) truth(field string) bool {
	b, err := strconv.ParseBool(strings.ToLower(strings.TrimSpace(string(r[field]))))
	return err == nil && b
}

// wall reads a wall time in loc; zero when there is none.
func (r row) wall(field string, loc *time.Location) time.Time {
	return parseWall(string(r[field]), loc)
}

// date reads a day; zero when there is none.
func (r row) date(field string) driver.Date {
	t := parseWall(string(r[field]), time.UTC)
	if t.IsZero() {
		return driver.Date{}
	}
	return driver.DateOf(t)
}

// money reads an amount, which may be "339", 339.5 or "-129.990".
func (r row) money(field, currency string) (driver.Money, bool) {
	m, err := driver.ParseDecimal(strings.TrimSpace(string(r[field])), currency)
	return m, err == nil
}

const (
	wallLayout = "2006-01-02 15:04:05"
	// beginning is before everything in an office's database and still a date
	// that its server accepts.
	beginning = "1880-01-01 00:00:00"
)

var wallLayouts = []string{
	wallLayout,
	"2006-01-02T15:04:05", // ShortQuery
	"2006-01-02T15:04:05Z07:00",
	"2006-01-02",
	"1/2/2006 3:04:05 PM", // some older resources
	"1/2/2006",
}

// parseWall reads a wall time in loc. Years before 1880 are how Open Dental
// says "none"; they and what is no time at all are the zero time.
func parseWall(s string, loc *time.Location) time.Time {
	s = strings.TrimSpace(s)
	for _, layout := range wallLayouts {
		if t, err := time.ParseInLocation(layout, s, loc); err == nil {
			if t.Year() < 1880 {
				return time.Time{}
			}
			return t
		}
	}
	return time.Time{}
}

// wall is the location of wall times that are kept as they are: in it every
// wall time exists exactly once, which is not so in the practice's zone when
// summer time begins and ends.
var wall = time.UTC

// inZone gives the moment of a wall time in loc.
func inZone(t time.Time, loc *time.Location) time.Time {
	if t.IsZero() {
		return t
	}
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), loc)
}

// formatWall is the inverse of parseWall.
func formatWall(t time.Time, loc *time.Location) string { return t.In(loc).Format(wallLayout) }

// isID reports whether s can be a primary key: digits that make a number above
// zero within int64.
func isID(s string) bool {
	if s == "" || len(s) > 19 {
		return false
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return err == nil && n > 0 && s[0] != '0'
}

var (
	errGarbled  = errors.New("the answer is not what the API documents")
	errTooLarge = errors.New("the answer is too large")
)

// decodeRows reads an answer record by record, so that a long list is never
// held twice. It takes an array of objects, one object, or nothing.
func decodeRows(r io.Reader, each func(row) error) error {
	in := bufio.NewReader(r)
	first, err := firstByte(in)
	if err == io.EOF {
		return nil
	}
	if err != nil {
		return err
	}
	dec := json.NewDecoder(in)
	switch first {
	case '{':
		return decodeRow(dec, each)
	case '[':
		if _, err := dec.Token(); err != nil {
			return garbled(err)
		}
		for dec.More() {
			if err := decodeRow(dec, each); err != nil {
				return err
			}
		}
		if _, err := dec.Token(); err != nil {
			return garbled(err)
		}
		return nil
	}
	return errGarbled
}

func decodeRow(dec *json.Decoder, each func(row) error) error {
	var found row
	if err := dec.Decode(&found); err != nil {
		return garbled(err)
	}
	if found == nil {
		return errGarbled
	}
	return each(found)
}

// firstByte peeks at the first byte that is no white space or byte order mark.
func firstByte(in *bufio.Reader) (byte, error) {
	if head, _ := in.Peek(3); bytes.Equal(head, []byte("\xef\xbb\xbf")) {
		_, _ = in.Discard(3)
	}
	for {
		b, err := in.ReadByte()
		if err != nil {
			return 0, err
		}
		if b != ' ' && b != '\t' && b != '\r' && b != '\n' {
			return b, in.UnreadByte()
		}
	}
}

// garbled keeps errors of reading apart from errors of form. The decoder's own
// texts may quote the answer, so they are dropped.
func garbled(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax), errors.As(err, &kind):
		return errGarbled
	case errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF // inside a list
	}
	return err
}

// marshal is json.Marshal without the escapes of HTML characters, which would
// count against the API's limit on the body.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// limited reads at most n bytes and then fails with errTooLarge for good.
type limited struct {
	r    io.Reader
	n    int64
	over bool
}

// Read implements io.Reader.
func (l *limited) Read(p []byte) (int, error) {
	if l.over {
		return 0, errTooLarge
	}
	if l.n <= 0 {
		// A body that ends exactly here is not too large.
		n, err := l.r.Read(make([]byte, 1))
		if l.over = n > 0; l.over {
			return 0, errTooLarge
		}
		return 0, err
	}
	if int64(len(p)) > l.n {
		p = p[:l.n]
	}
	n, err := l.r.Read(p)
	l.n -= int64(n)
	return n, err
}
