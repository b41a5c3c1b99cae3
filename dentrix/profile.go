package dentrix

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/pmswriteback/pms/driver"
)

// ProfileVersion is the version of the profile's form that this package reads.
const ProfileVersion = 1

// maxProfile is how long a profile may be, in bytes.
const maxProfile = 1 << 20

// Profile says how the vendor's sanctioned write procedures are called: it is
// filled by a member of the Dentrix Developer Program from their own
// documentation, which is not public. An operation that it does not name is not
// supported; nothing is guessed, and nothing but a call of a procedure can be
// written in it.
//
// It is a JSON document; [ProfileTemplate] is an annotated one to start from, and
// examples/dentrixprofile checks one, offline or against a database. A field that
// is not listed here is refused. The fields named "about" are remarks for whoever
// reads the file, and mean nothing to the driver.
type Profile struct {
	// Version is ProfileVersion.
	Version int `json:"version"`
	// About is a remark.
	About string `json:"about,omitempty"`
	// Source says from which documentation the profile was filled, such as
	// "DDP write guide, revision of May 2026, Dentrix G7.8". Required: whoever
	// looks for a mistake has to know it.
	Source string `json:"source"`
	// Definitions are options of the office on which the profile relies, by id and
	// text. Records hold the number alone, so that a definition that was renamed or
	// renumbered changes what was written before and what is written now: an option
	// whose text differs is switched off until somebody has looked.
	Definitions []Definition `json:"definitions,omitempty"`
	// Operations are the writes that there are, by the operation's name: "note",
	// "document", "status", "payment", "refund", "adjustment".
	Operations map[driver.OpKind]*Operation `json:"operations"`
}

// Definition is an option of one of the office's lists as the profile expects it.
type Definition struct {
	// Catalog is "appointment_statuses", "payment_types", "adjustment_types" or
	// "document_folders".
	Catalog driver.Catalog `json:"catalog"`
	// ID is the option's number.
	ID string `json:"id"`
	// Text is what Dentrix shows for it. It is compared without regard to blanks
	// at its ends.
	Text string `json:"text"`
}

// Operation says how one operation is written.
type Operation struct {
	// About is a remark.
	About string `json:"about,omitempty"`
	// Call is the one statement: "call admin.<procedure>(?, ?, ...)", with a
	// question mark for each argument and nothing else.
	Call string `json:"call"`
	// Arguments are what the question marks stand for, in order.
	Arguments []Argument `json:"arguments"`
	// ID says where the new record's id comes from. Without it the receipt has
	// none.
	ID *ID `json:"id,omitempty"`
	// Find says how the record is found again by its key. Without it the driver
	// cannot tell whether a write whose answer was lost happened, and the engine
	// asks a person each time. A status needs none: it is read from the
	// appointment.
	Find *Find `json:"find,omitempty"`
	// Type is the office's definition that this operation always uses. Without it
	// the practice chooses one in its settings, if an argument takes it.
	Type *Type `json:"type,omitempty"`
	// MaxChars is how many characters the text may have, the key included. Zero is
	// 5128 for a note, the length of an Office Journal entry, and 60 for the text
	// of a ledger entry.
	MaxChars int `json:"max_chars,omitempty"`
	// TitleChars is how many characters a title may have; zero is 80, that of an
	// Office Journal entry's description.
	TitleChars int `json:"title_chars,omitempty"`
	// MaxBytes and MIME limit a document. Zero is no limit, none is any type.
	MaxBytes int64    `json:"max_bytes,omitempty"`
	MIME     []string `json:"mime,omitempty"`
	// Errors says what codes mean that the procedure raises and that this package
	// does not know: a reason of package driver, such as "period_closed", or
	// "unavailable" for what can be tried again later.
	Errors map[string]string `json:"errors,omitempty"`
}

// Type is a definition by id and text.
type Type struct {
	// About is a remark.
	About string `json:"about,omitempty"`
	// ID is the definition's number, and Text what Dentrix shows for it.
	ID   string `json:"id"`
	Text string `json:"text"`
}

// Argument is what one question mark stands for: something of the operation, or
// a value that is always the same. Exactly one of Bind and Value is set.
type Argument struct {
	// About is a remark.
	About string `json:"about,omitempty"`
	// Name is the procedure's own name of the parameter. It is compared with the
	// database's catalog where it is given.
	Name string `json:"name,omitempty"`
	// Bind names something of the operation.
	Bind Binding `json:"bind,omitempty"`
	// Value is a text, a whole number, true, false or null.
	Value json.RawMessage `json:"value,omitempty"`
}

// ID says where the id of a new record comes from.
type ID struct {
	// About is a remark.
	About string `json:"about,omitempty"`
	// From is "result" (a column of the procedure's result) or "find" (the record
	// is looked up).
	From string `json:"from"`
	// Column names the result's column.
	Column string `json:"column,omitempty"`
}

// The places an id comes from.
const (
	fromResult = "result"
	fromFind   = "find"
)

// Find is a call of a procedure that reads, whose result holds the records among
// which the one with the key is looked for.
type Find struct {
	// About is a remark.
	About string `json:"about,omitempty"`
	// Call and Arguments are as in [Operation].
	Call      string     `json:"call"`
	Arguments []Argument `json:"arguments"`
	// KeyColumns are the columns of which one holds the key, alone or in a text.
	KeyColumns []string `json:"key_columns"`
	// IDColumn is the column with the record's id; empty where there is none.
	IDColumn string `json:"id_column,omitempty"`
	// ProvedOn says where package drivertest has shown that the look-up finds what
	// the call writes, such as "restored copy, Dentrix G7.8, 2 June 2026". A look-up
	// in the wrong place finds nothing either, and whoever took that for "not
	// written" would post a payment twice. Without ProvedOn, therefore, a write whose
	// answer was lost is left to a person.
	ProvedOn string `json:"proved_on,omitempty"`
}

// ParseProfile reads a profile and checks all that can be checked without a
// database. The error tells everything that is wrong, each with its place. It
// never holds more of the profile than names.
func ParseProfile(text []byte) (*Profile, error) {
	if len(text) > maxProfile {
		return nil, fmt.Errorf("dentrix: profile: longer than %d bytes", maxProfile)
	}
	if bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")) {
		// Windows PowerShell writes what a program prints like this.
		return nil, errors.New("dentrix: profile: is UTF-16; store it as UTF-8")
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")) // as editors on Windows begin a file
	var any any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&any); err != nil {
		return nil, errors.New("dentrix: profile: not JSON" + at(err))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("dentrix: profile: something follows the JSON document")
	}
	problems := append(twice(text), strayFields(any)...)
	var p Profile
	if err := json.Unmarshal(text, &p); err != nil {
		problems = append(problems, "profile: "+misfit(err))
		return nil, asError(problems)
	}
	problems = append(problems, p.problems()...)
	if len(problems) > 0 {
		return nil, asError(problems)
	}
	return &p, nil
}

// Validate checks all that can be checked without a database, and returns
// everything that is wrong in one error.
func (p *Profile) Validate() error {
	if problems := p.problems(); len(problems) > 0 {
		return asError(problems)
	}
	return nil
}

func asError(problems []string) error {
	errs := make([]error, len(problems))
	for i, text := range problems {
		errs[i] = errors.New("dentrix: " + text)
	}
	return errors.Join(errs...)
}

// at says where a document stops being JSON, and nothing of its text.
func at(err error) string {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Sprintf(" (at byte %d)", syntax.Offset)
	}
	return ""
}

// misfit says which field has a value of the wrong kind.
func misfit(err error) string {
	var typ *json.UnmarshalTypeError
	if errors.As(err, &typ) {
		return fmt.Sprintf("%s: is a JSON %s, which does not fit", typ.Field, typ.Value)
	}
	return "cannot be read"
}

// clone is a copy of its own, so that a host that changes its profile later
// changes nothing that was checked.
func (p *Profile) clone() (*Profile, error) {
	if p == nil {
		return nil, nil
	}
	text, err := json.Marshal(p)
	if err != nil {
		return nil, errors.New("dentrix: profile: a fixed value is not JSON")
	}
	return ParseProfile(text)
}
