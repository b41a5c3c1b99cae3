package writeback

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/settings"
)

// maxTitleTemplate is the longest Config.DocumentTitle, in bytes.
const maxTitleTemplate = 200

// titleFields are the placeholders of Config.DocumentTitle.
var titleFields = []string{"title", "kind", "category", "form_type", "date", "host"}

// titleTemplate is a Config.DocumentTitle, taken apart.
type titleTemplate []titlePart

// titlePart is a text, or a placeholder.
type titlePart struct{ text, field string }

var (
	defaultTitle = titleTemplate{{field: "title"}}
	// titleOfNothing is for documents whose title would be empty.
	titleOfNothing = titleTemplate{{field: "kind"}, {text: " "}, {field: "date"}}
)

// parseTitle takes a template apart. What stands in for a placeholder is never
// taken apart again, so that a title may hold braces.
func parseTitle(template string) (titleTemplate, error) {
	switch {
	case template == "":
		return defaultTitle, nil
	case len(template) > maxTitleTemplate:
		return nil, fmt.Errorf("has more than %d bytes; use a shorter template", maxTitleTemplate)
	case !utf8.ValidString(template) || strings.ContainsFunc(template, breaksLine):
		return nil, errors.New("holds line breaks or control characters, or is not UTF-8; a title is one line")
	}
	var parts titleTemplate
	for rest := template; rest != ""; {
		at := strings.IndexAny(rest, "{}")
		if at < 0 {
			return append(parts, titlePart{text: rest}), nil
		}
		if at > 0 {
			parts = append(parts, titlePart{text: rest[:at]})
		}
		field, after, closed := strings.Cut(rest[at+1:], "}")
		if rest[at] == '}' || !closed || strings.Contains(field, "{") {
			return nil, errors.New("has a brace without its other one; braces are for placeholders only")
		}
		if !slices.Contains(titleFields, field) {
			return nil, fmt.Errorf("has the placeholder {%s}, which is none of {%s}", field, strings.Join(titleFields, "}, {"))
		}
		parts, rest = append(parts, titlePart{field: field}), after
	}
	return parts, nil
}

// render gives a document's title as staff are to see it. Card numbers are
// refused at the submit; what a later template puts together is masked.
func (t titleTemplate) render(it *item, hostName string, zone *time.Location) string {
	if t == nil {
		t = defaultTitle
	}
	title := t.fill(it, hostName, zone)
	if !strings.ContainsFunc(title, func(r rune) bool { return !unicode.IsSpace(r) && !unicode.IsPunct(r) }) {
		title = titleOfNothing.fill(it, hostName, zone)
	}
	return MaskCardNumbers(title)
}

func (t titleTemplate) fill(it *item, hostName string, zone *time.Location) string {
	d := it.p.Document
	var b strings.Builder
	for _, part := range t {
		switch part.field {
		case "title":
			b.WriteString(d.Title)
		case "kind":
			b.WriteString(documentWords(d))
		case "category":
			b.WriteString(labelOf("forms." + string(d.Category)))
		case "form_type":
			b.WriteString(d.FormType)
		case "date":
			b.WriteString(it.p.At.In(zone).Format(time.DateOnly))
		case "host":
			b.WriteString(hostName)
		default:
			b.WriteString(part.text)
		}
	}
	return strings.TrimSpace(b.String())
}

// documentWords is what staff call a document: the label of the field that files
// it.
func documentWords(d *documentData) string {
	if d.Kind == driver.FormDocument {
		return labelOf("forms." + string(d.Category))
	}
	return labelOf("documents." + string(d.Kind))
}

// labelOf is empty for a field that is not there: documents have no category.
func labelOf(path string) string {
	f, _ := settings.FieldAt("", path)
	return f.Label
}

// titleCard reports whether the template makes a card number of a title, its form
// type and the rest, none of which is one.
func (v Via) titleCard(it *item) bool {
	e := v.p.e
	return HasCardNumber(e.title.fill(it, e.cfg.HostName, v.p.config().Location))
}
