package opendentaltest

import (
	"strings"
	"time"
)

// netFormats are the parts of a .NET date format, longest first, with Go's word
// for each.
var netFormats = []struct{ net, layout string }{
	{"yyyy", "2006"}, {"yy", "06"}, {"MMMM", "January"}, {"MMM", "Jan"}, {"MM", "01"}, {"M", "1"}, {"dddd", "Monday"}, {"ddd", "Mon"},
	{"dd", "02"}, {"d", "2"}, {"HH", "15"}, {"H", "15"}, {"hh", "03"}, {"h", "3"}, {"mm", "04"}, {"m", "4"}, {"ss", "05"}, {"s", "5"},
	{"tt", "PM"}, {"zzz", "-07:00"}, {"zz", "-07"}, {"K", "-07:00"},
}

// netFormat shows t in a .NET date format, part by part, so that letters that
// mean something to Go and not to .NET stay letters.
func netFormat(t time.Time, format string) string {
	var b strings.Builder
next:
	for i := 0; i < len(format); {
		for _, f := range netFormats {
			if strings.HasPrefix(format[i:], f.net) {
				b.WriteString(t.Format(f.layout))
				i += len(f.net)
				continue next
			}
		}
		if format[i] != '\'' && format[i] != '"' && format[i] != '\\' {
			b.WriteByte(format[i])
		}
		i++
	}
	return b.String()
}

// reformat shows the dates of an answer in the formats that the request asks
// for: DateFormatString for dates, DateTimeFormatString for times.
func (c *call) reformat(body any) any {
	day, moment := c.query.Get("DateFormatString"), c.query.Get("DateTimeFormatString")
	if day == "" && moment == "" {
		return body
	}
	switch t := body.(type) {
	case object:
		for i, m := range t {
			if text, isText := m.value.(string); isText && strings.Contains(strings.ToLower(m.name), "date") {
				t[i].value = c.reformatText(text, day, moment)
			}
		}
	case []object:
		for _, o := range t {
			c.reformat(o)
		}
	}
	return body
}

func (c *call) reformatText(text, day, moment string) string {
	if t, err := time.ParseInLocation(layoutDate, text, c.o.zone); err == nil && day != "" {
		return netFormat(t, day)
	}
	if t, err := time.ParseInLocation(layoutDateTime, text, c.o.zone); err == nil && moment != "" {
		return netFormat(t, moment)
	}
	return text
}
