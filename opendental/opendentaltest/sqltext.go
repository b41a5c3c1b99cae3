package opendentaltest

import (
	"strconv"
	"strings"
	"time"
)

// sqlTokens cuts a query into words, quoted strings, comments, blanks and
// single marks. Joined together they are the query again.
func sqlTokens(text string) []string {
	var tokens []string
	for i := 0; i < len(text); {
		start := i
		switch ch := text[i]; {
		case ch == '\'' || ch == '"' || ch == '`':
			i = quotedEnd(text, i)
		case strings.HasPrefix(text[i:], "--") || ch == '#':
			for i < len(text) && text[i] != '\n' {
				i++
			}
		case strings.HasPrefix(text[i:], "/*"):
			if end := strings.Index(text[i+2:], "*/"); end >= 0 {
				i += end + 4
			} else {
				i = len(text)
			}
		case ch >= '0' && ch <= '9':
			for i < len(text) && text[i] >= '0' && text[i] <= '9' {
				i++
			}
		case isWord(ch):
			for i < len(text) && (isWord(text[i]) || text[i] >= '0' && text[i] <= '9') {
				i++
			}
		case ch == ' ' || ch == '\t' || ch == '\r' || ch == '\n':
			for i < len(text) && strings.IndexByte(" \t\r\n", text[i]) >= 0 {
				i++
			}
		default:
			i++
		}
		tokens = append(tokens, text[start:i])
	}
	return tokens
}

func isWord(ch byte) bool {
	return ch == '_' || ch >= 'a' && ch <= 'z' || ch >= 'A' && ch <= 'Z' || ch >= 0x80
}

func quotedEnd(text string, i int) int {
	quote := text[i]
	for i++; i < len(text); i++ {
		switch {
		case text[i] == '\\' && quote != '`':
			i++
		case text[i] == quote:
			if i+1 < len(text) && text[i+1] == quote {
				i++
				continue
			}
			return i + 1
		}
	}
	return len(text)
}

// toSQLite puts into SQLite's words what a MySQL query commonly spells
// differently: strings, the clock, date arithmetic, and a few functions. Other
// differences reach SQLite as they are and come back as an SQL error.
func toSQLite(command string, now time.Time) string {
	return translate(strings.TrimRight(command, "; \t\r\n"), now, 0)
}

// maxNesting bounds calls within calls that are translated: date arithmetic
// repeats its argument, so that each level trebles the text.
const maxNesting = 6

func translate(text string, now time.Time, nesting int) string {
	if nesting > maxNesting {
		return text
	}
	w := sqlWriter{tokens: sqlTokens(text), now: now, nesting: nesting}
	for w.at < len(w.tokens) {
		w.step()
	}
	return w.out.String()
}

type sqlWriter struct {
	tokens  []string
	at      int
	depth   int // of parentheses
	nesting int // of calls around this text
	now     time.Time
	out     strings.Builder
}

// sqliteNames are functions with the same meaning under another name.
var sqliteNames = map[string]string{
	"if": "iif", "char_length": "length", "length": "octet_length", "ucase": "upper", "lcase": "lower", "substring": "substr", "mid": "substr",
}

func (w *sqlWriter) step() {
	token := w.tokens[w.at]
	word := strings.ToLower(token)
	switch {
	case token[0] == '\'' || token[0] == '"':
		w.out.WriteString(sqliteString(token))
		w.at++
		return
	case token[0] == '#':
		w.at++
		return
	case token == "<" && w.peek(1) == "=" && w.peek(2) == ">":
		w.out.WriteString(" IS ")
		w.at += 3
		return
	}
	if clock, width := w.clock(word); clock != "" {
		name := ""
		if before := w.previous(); w.depth == 0 && (before == "select" || before == ",") {
			name = strings.Join(w.tokens[w.at:w.at+width], "")
		}
		w.at += width
		w.out.WriteString(w.shifted("'" + clock + "'"))
		if next := strings.ToLower(w.next()); name != "" && (next == "," || next == "from" || next == "") {
			// MySQL names such a column after its text, SQLite after ours.
			w.out.WriteString(" AS `" + name + "`")
		}
		return
	}
	switch token {
	case "(":
		w.depth++
	case ")":
		w.depth--
	}
	if (word == "date_sub" || word == "date_add" || word == "adddate" || word == "subdate") && w.call() {
		w.dateFunction(word == "date_sub" || word == "subdate")
		return
	}
	if word == "date_format" && w.call() {
		w.dateFormat()
		return
	}
	if (word == "left" || word == "right") && w.call() {
		w.side(word)
		return
	}
	if name, differs := sqliteNames[word]; differs && w.call() {
		token = name
	}
	w.out.WriteString(token)
	w.at++
}

// previous is the word before the current token, blanks not counted.
func (w *sqlWriter) previous() string {
	for i := w.at - 1; i >= 0; i-- {
		if strings.TrimSpace(w.tokens[i]) != "" {
			return strings.ToLower(w.tokens[i])
		}
	}
	return ""
}

// next is the token at the current place, blanks not counted.
func (w *sqlWriter) next() string {
	for i := w.at; i < len(w.tokens); i++ {
		if strings.TrimSpace(w.tokens[i]) != "" {
			return w.tokens[i]
		}
	}
	return ""
}

// find is the place of the nth token after the place at, blanks not counted,
// or -1.
func (w *sqlWriter) find(at, n int) int {
	for i := at + 1; i < len(w.tokens); i++ {
		if strings.TrimSpace(w.tokens[i]) == "" {
			continue
		}
		if n--; n == 0 {
			return i
		}
	}
	return -1
}

// peek is the nth token after the current one, blanks not counted, or "".
func (w *sqlWriter) peek(n int) string {
	if i := w.find(w.at, n); i >= 0 {
		return w.tokens[i]
	}
	return ""
}

// call reports whether an opening parenthesis follows.
func (w *sqlWriter) call() bool { return w.peek(1) == "(" }

// clock recognises the functions that tell the time, and how many tokens long
// the call is.
func (w *sqlWriter) clock(word string) (text string, width int) {
	bare := false
	switch word {
	case "current_timestamp", "localtime", "localtimestamp":
		text, bare = w.now.Format(layoutDateTime), true
	case "now", "sysdate":
		text = w.now.Format(layoutDateTime)
	case "current_date":
		text, bare = w.now.Format(layoutDate), true
	case "curdate":
		text = w.now.Format(layoutDate)
	default:
		return "", 0
	}
	if !w.call() {
		if bare {
			return text, 1
		}
		return "", 0
	}
	for i := w.at + 1; i < len(w.tokens); i++ {
		if w.tokens[i] == ")" {
			return text, i - w.at + 1
		}
	}
	return "", 0
}

// units are what an interval can be counted in.
var units = map[string]bool{"second": true, "minute": true, "hour": true, "day": true, "week": true, "month": true, "quarter": true, "year": true}

// shifted takes in a following "- INTERVAL n UNIT".
func (w *sqlWriter) shifted(value string) string {
	before := w.at - 1
	end := w.find(before, 4)
	if end < 0 {
		return value
	}
	sign, word := w.tokens[w.find(before, 1)], w.tokens[w.find(before, 2)]
	count, unit := w.tokens[w.find(before, 3)], w.tokens[end]
	if (sign != "-" && sign != "+") || !strings.EqualFold(word, "interval") || !isNumber(count) || !units[strings.ToLower(unit)] {
		return value
	}
	w.at = end + 1
	return shift(value, sign, count, unit)
}

// shift moves a date and keeps it a date: MySQL does, unless the unit is
// smaller than a day.
func shift(value, sign, count, unit string) string {
	unit = strings.ToLower(unit)
	switch unit {
	case "week":
		n, _ := strconv.Atoi(count)
		count, unit = strconv.Itoa(n*7), "day"
	case "quarter":
		n, _ := strconv.Atoi(count)
		count, unit = strconv.Itoa(n*3), "month"
	}
	moved := "datetime(" + value + ", '" + sign + count + " " + unit + "')"
	if unit == "hour" || unit == "minute" || unit == "second" {
		return moved
	}
	return "(CASE WHEN length(" + value + ") = 10 THEN date(" + moved + ") ELSE " + moved + " END)"
}

// arguments reads a call's arguments, each translated.
func (w *sqlWriter) arguments() []string {
	for w.tokens[w.at] != "(" {
		w.at++
	}
	w.at++
	var args []string
	var part []string
	depth := 0
	for ; w.at < len(w.tokens); w.at++ {
		token := w.tokens[w.at]
		switch {
		case token == "(":
			depth++
		case token == ")" && depth == 0:
			w.at++
			return append(args, translate(strings.Join(part, ""), w.now, w.nesting+1))
		case token == ")":
			depth--
		case token == "," && depth == 0:
			args, part = append(args, translate(strings.Join(part, ""), w.now, w.nesting+1)), nil
			continue
		}
		part = append(part, token)
	}
	return append(args, strings.Join(part, ""))
}

func (w *sqlWriter) dateFunction(back bool) {
	args := w.arguments()
	if len(args) != 2 {
		w.out.WriteString("date_add_needs_two_arguments()")
		return
	}
	sign := "+"
	if back {
		sign = "-"
	}
	interval := strings.Fields(args[1])
	if len(interval) == 3 && strings.EqualFold(interval[0], "interval") && isNumber(interval[1]) {
		w.out.WriteString(shift(strings.TrimSpace(args[0]), sign, interval[1], interval[2]))
		return
	}
	w.out.WriteString("interval_not_understood()")
}

// dateFormat translates the format; SQLite spells minutes and seconds apart.
func (w *sqlWriter) dateFormat() {
	args := w.arguments()
	if len(args) != 2 {
		w.out.WriteString("date_format_needs_two_arguments()")
		return
	}
	format := strings.NewReplacer("%i", "%M", "%s", "%S", "%T", "%H:%M:%S", "%h", "%I").Replace(strings.TrimSpace(args[1]))
	w.out.WriteString("strftime(" + format + ", " + args[0] + ")")
}

func (w *sqlWriter) side(word string) {
	args := w.arguments()
	if len(args) != 2 {
		w.out.WriteString(word + "_needs_two_arguments()")
		return
	}
	if word == "left" {
		w.out.WriteString("substr(" + args[0] + ", 1, " + args[1] + ")")
		return
	}
	w.out.WriteString("substr(" + args[0] + ", -(" + args[1] + "))")
}

// sqliteString rewrites a MySQL string: its backslashes mean something, and
// double quotes are quotes.
func sqliteString(token string) string {
	quote := token[0]
	inner := token[1:]
	if len(inner) > 0 && inner[len(inner)-1] == quote {
		inner = inner[:len(inner)-1]
	}
	var b strings.Builder
	b.WriteByte('\'')
	for i := 0; i < len(inner); i++ {
		ch := inner[i]
		switch {
		case ch == '\\' && i+1 < len(inner):
			i++
			switch inner[i] {
			case 'n':
				b.WriteByte('\n')
			case 'r':
				b.WriteByte('\r')
			case 't':
				b.WriteByte('\t')
			case '%', '_': // kept for LIKE
				b.WriteByte('\\')
				b.WriteByte(inner[i])
			case '\'':
				b.WriteString("''")
			default:
				b.WriteByte(inner[i])
			}
		default:
			if ch == quote { // doubled
				i++
			}
			b.WriteByte(ch)
			if ch == '\'' {
				b.WriteByte(ch)
			}
		}
	}
	b.WriteByte('\'')
	return b.String()
}
