package opendentaltest

import (
	"bytes"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// call is one request on its way through a handler.
type call struct {
	*session
	route *route
	query url.Values
	body  map[string]any
	path  map[string]string
	limit int
}

// pathID is the key in the URL.
func (c *call) pathID(name string) (int64, error) {
	n, err := strconv.ParseInt(c.path[name], 10, 64)
	if err != nil {
		return 0, bad("%s is invalid.", name)
	}
	return n, nil
}

// page is the LIMIT clause of this request's page.
func (c *call) page() (string, []any, error) {
	limit, offset := c.limit, 0
	if text := c.query.Get("Limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return "", nil, bad("Limit is invalid.")
		}
		limit = min(n, c.limit)
	}
	if text := c.query.Get("Offset"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return "", nil, bad("Offset is invalid.")
		}
		offset = n
	}
	return " LIMIT ? OFFSET ?", []any{limit, offset}, nil
}

// filter collects the conditions of a list.
type filter struct {
	c     *call
	where []string
	args  []any
	err   error
}

func (c *call) filter() *filter { return &filter{c: c} }

func (f *filter) add(condition string, args ...any) {
	f.where = append(f.where, condition)
	f.args = append(f.args, args...)
}

// number adds "column = parameter" if the parameter is there.
func (f *filter) number(column, param string) {
	if n, given, err := f.c.queryInt(param); err != nil {
		f.err = cmpErr(f.err, err)
	} else if given {
		f.add(column+" = ?", n)
	}
}

// enum adds "column = value" if the parameter is there.
func (f *filter) enum(column, param string, names enum) {
	text := f.c.query.Get(param)
	if text == "" {
		return
	}
	n, found := names.parse(text)
	if !found {
		f.err = cmpErr(f.err, bad("%s is invalid.", param))
		return
	}
	f.add(column+" = ?", n)
}

// day adds "column (comparison) parameter" for a date.
func (f *filter) day(condition, param string) {
	if text := f.c.query.Get(param); text != "" {
		if _, err := time.Parse(layoutDate, text); err != nil {
			f.err = cmpErr(f.err, bad("%s format must be yyyy-MM-dd", param))
			return
		}
		f.add(condition, text)
	}
}

// since adds "changed at or after parameter". The pages say "after"; the
// published program code compares with >=.
func (f *filter) since(table, param string) {
	text := f.c.query.Get(param)
	if text == "" {
		return
	}
	t, err := time.ParseInLocation(layoutDateTime, text, f.c.o.zone)
	if err != nil {
		if t, err = time.ParseInLocation(layoutDate, text, f.c.o.zone); err != nil {
			f.err = cmpErr(f.err, bad("%s format must be yyyy-MM-dd HH:mm:ss", param))
			return
		}
	}
	condition, arg := f.c.stampSince(f.c.table(table), t)
	f.add(condition, arg)
}

// contains adds "column contains parameter", without regard to case.
func (f *filter) contains(column, param string) {
	if text := f.c.query.Get(param); text != "" {
		f.add(column+" LIKE ? ESCAPE '|'", "%"+likeText(text)+"%")
	}
}

func likeText(s string) string {
	return strings.NewReplacer("|", "||", "%", "|%", "_", "|_").Replace(s)
}

// list reads this request's page of a table.
func (f *filter) list(table, order string) ([]record, error) {
	if f.err != nil {
		return nil, f.err
	}
	page, bounds, err := f.c.page()
	if err != nil {
		return nil, err
	}
	tail := ""
	if len(f.where) > 0 {
		tail = "WHERE " + strings.Join(f.where, " AND ")
	}
	return f.c.list(table, tail+" ORDER BY "+order+page, append(slices.Clone(f.args), bounds...)...)
}

func cmpErr(first, second error) error {
	if first != nil {
		return first
	}
	return second
}

func (c *call) queryInt(name string) (n int64, given bool, err error) {
	text := c.query.Get(name)
	if text == "" {
		return 0, false, nil
	}
	n, err = strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, false, bad("%s is invalid.", name)
	}
	return n, true, nil
}

func (c *call) queryFlag(name string) (bool, error) {
	switch strings.ToLower(c.query.Get(name)) {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	}
	return false, bad("%s must be \"true\" or \"false\".", name)
}

// decodeBody reads a JSON object, with numbers kept as they were written.
func decodeBody(raw []byte) (map[string]any, error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var body map[string]any
	if err := d.Decode(&body); err != nil {
		return nil, bad("The request body is not a valid JSON object.")
	}
	return body, nil
}

// str is a text field; numbers and booleans are taken as they are written.
func (c *call) str(name string) (text string, given bool, err error) {
	switch v := c.body[name].(type) {
	case nil:
		return "", false, nil
	case string:
		return v, true, nil
	case json.Number:
		return v.String(), true, nil
	case bool:
		return strconv.FormatBool(v), true, nil
	}
	return "", false, bad("%s is invalid.", name)
}

// required is a text field that must be there and not be empty.
func (c *call) required(name string) (string, error) {
	text, given, err := c.str(name)
	if err == nil && (!given || text == "") {
		err = bad("%s is required", name)
	}
	return text, err
}

// num is a whole number, or a string that holds one.
func (c *call) num(name string) (n int64, given bool, err error) {
	text, given, err := c.str(name)
	if err != nil || !given || text == "" {
		return 0, false, err
	}
	if n, err = strconv.ParseInt(text, 10, 64); err != nil {
		return 0, false, bad("%s is invalid.", name)
	}
	return n, true, nil
}

// requiredNum is a whole number that must be there.
func (c *call) requiredNum(name string) (int64, error) {
	n, given, err := c.num(name)
	if err == nil && !given {
		err = bad("%s is required", name)
	}
	return n, err
}

// amount is an amount of money, or a string that holds one.
func (c *call) amount(name string) (v float64, given bool, err error) {
	text, given, err := c.str(name)
	if err != nil || !given || text == "" {
		return 0, false, err
	}
	return toAmount(name, text)
}

func toAmount(name, text string) (float64, bool, error) {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || v != v || v > 1e12 || v < -1e12 {
		return 0, false, bad("%s is invalid.", name)
	}
	return v, true, nil
}

// flag is "true" or "false", or a JSON boolean.
func (c *call) flag(name string) (v, given bool, err error) {
	text, given, err := c.str(name)
	if err != nil || !given {
		return false, false, err
	}
	switch strings.ToLower(text) {
	case "true":
		return true, true, nil
	case "false":
		return false, true, nil
	}
	return false, false, bad("%s must be \"true\" or \"false\".", name)
}

// day is a date.
func (c *call) day(name string) (text string, given bool, err error) {
	text, given, err = c.str(name)
	if err != nil || !given || text == "" {
		return "", false, err
	}
	if _, err := time.Parse(layoutDate, text); err != nil {
		return "", false, bad("%s format must be yyyy-MM-dd", name)
	}
	return text, true, nil
}

// moment is a date with a time of day.
func (c *call) moment(name string) (text string, given bool, err error) {
	text, given, err = c.str(name)
	if err != nil || !given || text == "" {
		return "", false, err
	}
	if _, err := time.Parse(layoutDateTime, text); err != nil {
		return "", false, bad("%s format must be yyyy-MM-dd HH:mm:ss", name)
	}
	return text, true, nil
}

// choice is one of an enumeration's names.
func (c *call) choice(name string, names enum) (n int64, given bool, err error) {
	text, given, err := c.str(name)
	if err != nil || !given {
		return 0, false, err
	}
	n, found := names.parse(text)
	if !found {
		return 0, false, bad("%s is invalid.", name)
	}
	return n, true, nil
}

// serverTime is the office's clock as rows carry it.
func (c *call) serverTime() string { return c.now.Format(layoutDateTime) }

// today is the office's date.
func (s *session) today() string { return s.now.Format(layoutDate) }
