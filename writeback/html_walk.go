package writeback

import (
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// An e-mail's HTML becomes plain text in one walk over its tokens. There is no
// tree: a tree of hostile HTML can be a thousand times as large as its source,
// and trees are walked by recursion. What a mail shows is told well enough by
// which tags begin a line, a paragraph, a cell.

// htmlWalk makes text of tokens.
type htmlWalk struct {
	hides  bool // leave out what is hidden
	out    []byte
	shown  []byte
	digits []int

	// What is due before the next text: line ends (two are a blank line), a
	// cell's border, a space; and what marks an item of a list.
	lines       int
	cell, space bool
	marker      string

	pre   int   // depth of elements that keep their white space
	lists []int // the lists around: the number of the last item, -1 without numbers

	// left out: an element's name, and how many of that name are open.
	hidden string
	depth  int

	href string // the target of the link that is open
	from int    // where its text begins
}

// walk goes through the source; it reports false when something hidden had no
// end.
func (w *htmlWalk) walk(source string) bool {
	z := html.NewTokenizer(strings.NewReader(source))
	raw := "" // the element whose text is no text
	for len(w.out) <= maxText {
		kind := z.Next()
		switch kind {
		case html.ErrorToken: // the end
			w.endLink()
			return w.hidden == ""
		case html.TextToken:
			if w.hidden == "" && raw == "" {
				w.text(string(z.Text()))
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			tag, more := z.TagName()
			name := string(tag)
			raw = ""
			switch name {
			case "script", "style", "title", "iframe", "noembed", "noframes":
				raw = name // the tokenizer gives all up to its end as one text
				continue
			}
			if w.hidden == name && name != "p" { // a paragraph ends the one before
				if kind == html.StartTagToken {
					w.depth++
				}
				continue
			}
			if w.hidden == "p" && name == "p" {
				w.hidden = ""
			}
			if w.hidden == "" {
				w.start(name, attributes(z, more), kind == html.SelfClosingTagToken)
			}
		case html.EndTagToken:
			tag, _ := z.TagName()
			raw = ""
			switch {
			case w.hidden == "":
				w.end(string(tag))
			case w.hidden == string(tag):
				if w.depth--; w.depth == 0 {
					w.hidden = ""
				}
			}
		}
	}
	return true
}

// htmlAttributes are those that are looked at.
type htmlAttributes struct {
	href, alt, start string
	hidden, pixel    bool
}

func attributes(z *html.Tokenizer, more bool) (a htmlAttributes) {
	for more {
		var key, value []byte
		key, value, more = z.TagAttr()
		switch string(key) {
		case "href":
			a.href = string(value)
		case "alt":
			a.alt = string(value)
		case "start":
			a.start = string(value)
		case "hidden":
			a.hidden = true
		case "style":
			a.hidden = a.hidden || hides(string(value))
		case "width", "height":
			if n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(string(value)), "px")); err == nil && n <= 1 {
				a.pixel = true
			}
		}
	}
	return a
}

// hides reports whether a style keeps its element from being seen.
func hides(style string) bool {
	for rule := range strings.SplitSeq(strings.ToLower(style), ";") {
		name, value, _ := strings.Cut(rule, ":")
		value = strings.TrimSpace(value)
		switch strings.TrimSpace(name) {
		case "display":
			if strings.HasPrefix(value, "none") {
				return true
			}
		case "visibility":
			if strings.HasPrefix(value, "hidden") {
				return true
			}
		}
	}
	return false
}

// What an element does to the text around it.
const (
	inLine    = iota // nothing
	ownLine          // begins and ends a line
	paragraph        // stands between blank lines
	noText           // is not to be read
	empty            // has no end
)

func layout(name string) int {
	switch name {
	case "p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "blockquote", "pre":
		return paragraph
	case "address", "article", "aside", "body", "caption", "center", "dd", "details", "div", "dt", "fieldset", "figcaption",
		"figure", "footer", "form", "header", "legend", "li", "main", "nav", "option", "section", "summary", "table", "tbody",
		"tfoot", "thead", "tr", "textarea", "xmp", "plaintext":
		return ownLine
	case "audio", "canvas", "datalist", "math", "object", "svg", "template", "video", "xml":
		return noText
	case "area", "base", "basefont", "col", "embed", "frame", "input", "keygen", "link", "meta", "param", "source", "track", "wbr":
		return empty
	}
	return inLine
}

func (w *htmlWalk) start(name string, a htmlAttributes, closed bool) {
	switch name {
	case "br":
		w.lines = min(w.lines+1, 2)
		return
	case "hr":
		w.breakLines(1)
		w.text("---")
		w.breakLines(1)
		return
	case "img":
		if alt := strings.TrimSpace(a.alt); alt != "" && !a.hidden && !a.pixel {
			w.text("[" + alt + "]")
		}
		return
	}
	kind := layout(name)
	if kind == empty {
		return
	}
	if kind == noText && closed {
		return
	}
	if w.hides && (a.hidden || kind == noText) {
		w.hidden, w.depth = name, 1
		return
	}
	switch name {
	case "a":
		w.endLink()
		w.href, w.from = a.href, len(w.out)
	case "td", "th":
		w.cell = w.lines == 0 && len(w.out) > 0
	case "li":
		w.breakLines(1)
		w.marker = w.nextMarker()
	default:
		w.breakAround(name, kind)
	}
	switch name {
	case "pre", "textarea", "xmp", "plaintext":
		w.pre++
	case "ul":
		w.lists = append(w.lists, -1)
	case "ol":
		first, err := strconv.Atoi(strings.TrimSpace(a.start))
		if err != nil || first < 0 || first > maxNumber {
			first = 1
		}
		w.lists = append(w.lists, first-1)
	}
}

func (w *htmlWalk) end(name string) {
	switch name {
	case "a":
		w.endLink()
		return
	case "li":
		w.marker = "" // of an item without text
	case "pre", "textarea", "xmp":
		w.pre = max(w.pre-1, 0)
	case "ul", "ol":
		w.marker = ""
		w.lists = w.lists[:max(len(w.lists)-1, 0)]
	}
	w.breakAround(name, layout(name))
}

func (w *htmlWalk) breakAround(name string, kind int) {
	switch kind {
	case ownLine:
		w.breakLines(1)
	case paragraph:
		if (name == "ul" || name == "ol") && len(w.lists) > 0 {
			w.breakLines(1) // a list in a list
			return
		}
		w.breakLines(2)
	}
}

func (w *htmlWalk) breakLines(n int) { w.lines = max(w.lines, n) }

const (
	// maxIndent is how deep lists within lists are indented.
	maxIndent = 6
	// maxNumber bounds what a list may say that it begins with.
	maxNumber = 1_000_000
)

func (w *htmlWalk) nextMarker() string {
	n := len(w.lists)
	indent := strings.Repeat("  ", min(max(n-1, 0), maxIndent))
	if n == 0 || w.lists[n-1] < 0 {
		return indent + "- "
	}
	w.lists[n-1]++
	return indent + strconv.Itoa(w.lists[n-1]) + ". "
}

// text adds words. White space counts as one space outside of pre.
func (w *htmlWalk) text(s string) {
	for _, r := range s {
		switch {
		case w.pre > 0 && r == '\n':
			w.lines = min(w.lines+1, 2)
		case w.pre > 0 && (r == ' ' || r == '\t'):
			w.flush()
			w.out = append(w.out, byte(r))
			w.shown = append(w.shown, ' ')
		case unicode.IsSpace(r):
			w.space = true
		case w.shows(r):
			w.flush()
			if r < utf8.RuneSelf && isDigit(byte(r)) {
				w.digits = append(w.digits, len(w.out))
			}
			w.out = utf8.AppendRune(w.out, r)
			w.shown = utf8.AppendRune(w.shown, r)
		}
	}
}

// shows tells characters from hints to the layout. Newsletters are full of
// them, and between digits they hide a number. Joiners stay where they join
// letters.
func (w *htmlWalk) shows(r rune) bool {
	switch r {
	case '\u00ad', '\u034f', '\u200b', '\u2060', '\ufeff':
		return false
	case '\u200c', '\u200d':
		if len(w.out) == 0 || w.space || w.cell || w.lines > 0 {
			return false
		}
		last := w.out[len(w.out)-1]
		return last != ' ' && !isDigit(last)
	}
	return true
}

// flush writes what is due before the next character.
func (w *htmlWalk) flush() {
	due := w.lines > 0 || w.cell || w.space
	if len(w.out) > 0 && due {
		switch {
		case w.lines > 0:
			w.out = append(w.out, "\n\n"[:w.lines]...)
		case w.cell:
			w.out = append(w.out, " | "...)
		default:
			w.out = append(w.out, ' ')
		}
		w.shown = append(w.shown, ' ')
	}
	w.out = append(w.out, w.marker...)
	w.lines, w.cell, w.space, w.marker = 0, false, false, ""
}

// endLink writes the target behind the link's text, unless that says it already
// or there is none to see.
func (w *htmlWalk) endLink() {
	href, text := w.href, strings.TrimSpace(string(w.out[w.from:]))
	w.href, w.from = "", len(w.out)
	if href == "" || text == "" {
		return
	}
	target := linkTarget(href)
	if target == "" || bareLink(target) == bareLink(text) {
		return
	}
	w.out = append(w.out, " <"+target+">"...)
}

const (
	// longTarget is where a link's query is left out, which is then for
	// tracking; maxTarget is where the target is cut.
	longTarget, maxTarget = 120, 200
)

// linkTarget is what a reader can do something with, "" for all else.
func linkTarget(href string) string {
	href = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1 // as browsers do
		}
		return r
	}, strings.TrimSpace(href))
	u, err := url.Parse(href)
	if err != nil {
		return ""
	}
	switch u.Scheme {
	case "mailto", "tel":
		href = u.Opaque
	case "http", "https":
		u.User = nil
		if href = u.String(); len(href) > longTarget {
			u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment = "", false, "", ""
			href = u.String()
		}
	default:
		return ""
	}
	if len(href) > maxTarget {
		href = strings.ToValidUTF8(href[:maxTarget], "") + "..."
	}
	return href
}

// bareLink is a link as people write it.
func bareLink(s string) string {
	s = strings.ToLower(s)
	for _, prefix := range []string{"https://", "http://", "mailto:", "tel:", "www."} {
		s = strings.TrimPrefix(s, prefix)
	}
	return strings.TrimSuffix(s, "/")
}
