package settings

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// ExportFormat is the name that an export bears.
	ExportFormat = "pms-writeback-settings"
	// ExportVersion is the version of the format that this package writes, and the
	// latest that it reads.
	ExportVersion = 1
	// MaxExportSize is how many bytes an export may have: a document, indented one
	// step more, and what is around it.
	MaxExportSize = 2*MaxSize + 4096
)

// Export is a practice's settings as a file: to keep, to carry to another
// practice, or to bring back. It holds no secret and no data of patients, since a
// document has none: ids and labels of the PMS's options, the host's form types,
// toggles and intervals.
type Export struct {
	// Practice is the host's id of the practice of origin, at most 200 characters.
	// Required.
	Practice string
	// Product is the name of its PMS, such as "Open Dental"; empty when that was
	// never reached.
	Product string
	// At is when the export was made, kept in UTC and in whole seconds. Required.
	At time.Time
	// Document are the settings, with the labels that make them fit for another
	// practice.
	Document Document
}

// NewExport makes an export of a practice's settings. References get the labels
// that the practice's catalogs show now, except where the PMS reuses ids: there an
// option keeps the label that it was chosen as. What a newer version of the
// library keeps in the document is left out, since nobody can tell what it means
// elsewhere.
func NewExport(doc Document, from Place, at time.Time) Export {
	doc = doc.Clone()
	doc.schema, doc.extras = 0, nil
	t := translator{from: from}
	t.from.Catalogs = from.Catalogs.Indexed()
	doc.changeRefs(func(at Reference) Ref {
		r, _ := t.source(at)
		return r
	})
	return Export{Practice: from.Practice, Product: cleanLabel(from.Info.Product), At: at, Document: doc}
}

// Marshal returns the export as indented JSON with sorted keys, ending in a
// newline. It fails on what [ParseExport] would not read.
func (e Export) Marshal() ([]byte, error) {
	if err := e.check(); err != nil {
		return nil, fmt.Errorf("settings: export: %w", err)
	}
	doc := e.Document
	doc.schema, doc.extras = 0, nil
	root := objectOf(
		member{"format", textOf(ExportFormat)},
		member{"version", numberOf(strconv.Itoa(ExportVersion))},
		member{"practice", textOf(e.Practice)},
		member{"product", textOf(e.Product)},
		member{"exported_at", textOf(e.At.UTC().Format(time.RFC3339))},
		member{"settings", doc.tree()},
	)
	var b bytes.Buffer
	root.write(&b, "  ", 0)
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// check says what keeps the export from being written and read again.
func (e Export) check() error {
	if e.Practice == "" {
		return errors.New("practice is empty; give the host's id of the practice")
	}
	if bad := badText(e.Practice, MaxIDLength); bad != "" {
		return fmt.Errorf("practice %s", bad)
	}
	if bad := badText(e.Product, MaxLabelLength); bad != "" {
		return fmt.Errorf("product %s", bad)
	}
	if e.At.IsZero() {
		return errors.New("exported_at is missing; give the time of the export")
	}
	if y := e.At.UTC().Year(); y < 1 || y > 9999 {
		return errors.New("exported_at is no date of our time")
	}
	_, err := e.Document.Marshal()
	return err
}

// ParseExport reads an export that a person hands in, as strictly as [Parse] reads
// a document in mode [Human]: an error means that there is none to work with, and
// problems are what is wrong in the settings, each with its path there; the caller
// looks at [HasErrors]. A list of more than [MaxItems] entries is one of them.
//
// Errors are more than [MaxExportSize] bytes, not UTF-8, not JSON, nested too deep,
// a key given twice, another format, a newer version of the format than this
// package knows, and anything wrong around the settings.
func ParseExport(data []byte) (Export, []Problem, error) {
	e, problems, err := parseExport(data)
	if err != nil {
		return Export{}, nil, fmt.Errorf("settings: import: %w", err)
	}
	return e, problems, nil
}

func parseExport(data []byte) (Export, []Problem, error) {
	if len(data) > MaxExportSize {
		return Export{}, nil, fmt.Errorf("the file has %d bytes, and %d are allowed", len(data), MaxExportSize)
	}
	// Windows editors put a byte order mark in front.
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) {
		return Export{}, nil, errors.New("the file is not UTF-8 text")
	}
	root, err := readTree(data)
	if err != nil {
		return Export{}, nil, err
	}
	if root.kind != objectNode {
		return Export{}, nil, fmt.Errorf("expected an object, got %s", root.kind)
	}
	members := map[string]*node{}
	for _, m := range root.members {
		members[m.name] = m.value
	}
	if err := checkFormat(members); err != nil {
		return Export{}, nil, err
	}
	for _, m := range root.members {
		switch m.name {
		case "format", "version", "practice", "product", "exported_at", "settings":
		default:
			return Export{}, nil, fmt.Errorf("there is no field %s in an export", quoted(m.name))
		}
	}
	var e Export
	var at string
	for _, f := range []struct {
		name string
		to   *string
	}{{"practice", &e.Practice}, {"product", &e.Product}, {"exported_at", &at}} {
		n := members[f.name]
		if n == nil {
			return Export{}, nil, fmt.Errorf("%s is missing", f.name)
		}
		if n.kind != textNode {
			return Export{}, nil, fmt.Errorf("%s: expected text, got %s", f.name, n.kind)
		}
		*f.to = n.text
	}
	if e.At, err = time.Parse(time.RFC3339, at); err != nil {
		return Export{}, nil, errors.New(`exported_at: expected a time such as "2026-01-31T17:00:00Z"`)
	}
	e.At = e.At.UTC().Truncate(time.Second)
	if members["settings"] == nil {
		return Export{}, nil, errors.New("settings is missing")
	}
	doc, problems, err := parseTree(members["settings"], Human)
	if err != nil {
		return Export{}, nil, fmt.Errorf("settings: %w", err)
	}
	e.Document = doc
	if err := e.check(); err != nil {
		return Export{}, nil, err
	}
	for i := range fields {
		problems = append(problems, fields[i].tooMany(&doc)...)
	}
	return e, problems, nil
}

// checkFormat says whether this package can read the file at all.
func checkFormat(members map[string]*node) error {
	format, version := members["format"], members["version"]
	if format == nil || format.kind != textNode || format.text != ExportFormat {
		return fmt.Errorf("this is no export of settings: format is not %q", ExportFormat)
	}
	if version == nil || version.kind != numberNode {
		return fmt.Errorf("version: expected a whole number from 1 to %d", ExportVersion)
	}
	v, err := strconv.Atoi(version.text)
	switch {
	case err != nil || v < 1:
		return fmt.Errorf("version: expected a whole number from 1 to %d", ExportVersion)
	case v > ExportVersion:
		return fmt.Errorf("the file has version %d of the format, and this version of the library reads up to %d: update it, or export again with one that fits", v, ExportVersion)
	}
	return nil
}

// Into works out what the export becomes in a practice. Nothing is saved.
//
// Back in the practice and the PMS that it is from, ids count: references stay, and
// a label that changed since is told. The lists need not have been read for that;
// the report warns then. Anywhere else [Translate] finds everything anew by label,
// and the error is [ErrNotRead] when it cannot. A product that is not known, since
// a PMS was not reached yet, is taken for the same.
//
// Give it exports without errors only: see [ParseExport].
func (e Export) Into(to Place) (Document, Report, error) {
	if !e.isFrom(to) {
		from := Place{Practice: e.Practice}
		from.Info.Product = e.Product
		return Translate(e.Document, from, to)
	}
	cats := to.Catalogs.Indexed()
	doc, ambiguities := Normalize(e.Document, cats)
	doc.carryOver(to)
	var rows []Mapping
	doc.changeRefs(func(at Reference) Ref {
		if at.Ref == (Ref{}) {
			return at.Ref
		}
		m := e.keep(&doc, at, to, cats)
		rows = append(rows, m)
		return m.Now
	})
	raised := raiseIntervals(&doc, to.Info, to.Saved)
	return doc, Report{
		References: rows, Changes: Diff(to.saved(), doc),
		Problems: Merge(raised, ambiguities, Validate(doc, cats, to.Info, to.Saved)),
	}, nil
}

func (e Export) isFrom(to Place) bool {
	product := cleanLabel(to.Info.Product)
	return e.Practice == to.Practice && (e.Product == "" || product == "" || strings.EqualFold(e.Product, product))
}

// keep gives the row of a reference whose id counts. Its label only informs: the
// one in force stays, so that what comes back unchanged is unchanged; and where
// ids are reused the one of the export stays, so that it shows.
func (e Export) keep(doc *Document, at Reference, to Place, cats Catalogs) Mapping {
	m := Mapping{Path: at.Path, Label: rowLabel(doc, at), Outcome: OutcomeKept, Was: at.Ref, Now: at.Ref}
	m.Words = sentence(shown(at.Ref)) + " stays."
	if o, ok := cats.Lookup(at.Catalog, at.Ref.ID); ok && !cats.differingTwins(at.Catalog, o) {
		now := refTo(o)
		if now.Label != at.Ref.Label {
			m.Outcome = OutcomeRelabelled
			m.Words = fmt.Sprintf("%s stays by its id, which is called %s now.", sentence(shown(at.Ref)), quoted(now.Label))
		}
		if !to.Info.ReusesIDs && now.Label != "" {
			m.Now = now
		}
	}
	if to.Saved != nil {
		if was, ok := sameRefIn(to.Saved, doc, at); ok && was.Label != "" {
			m.Now = was
		}
	}
	return m
}
