package dentrix

import (
	"fmt"
	"maps"
	"mime"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pmswriteback/pms/driver"
)

// callForm is the one form of statement that a profile may hold. There is no room
// in it for a second statement, a comment or a value.
var callForm = regexp.MustCompile(`^(?i:call) (?i:admin)\.([A-Za-z][A-Za-z0-9_]{0,63}) ?\( ?((?:\?(?: ?, ?\?)*)?) ?\)$`)

// procedure takes a call apart: the procedure's name in lower case and how many
// question marks it has.
func procedure(call string) (name string, marks int, ok bool) {
	m := callForm.FindStringSubmatch(strings.Join(strings.Fields(call), " "))
	if m == nil {
		return "", 0, false
	}
	return strings.ToLower(m[1]), strings.Count(m[2], "?"), true
}

// pinnable are the catalogs whose options can be renamed or renumbered.
var pinnable = []driver.Catalog{driver.AppointmentStatuses, driver.PaymentTypes, driver.AdjustmentTypes, driver.DocumentFolders}

// problems tells everything that is wrong and needs no database to know.
func (p *Profile) problems() []string {
	if p == nil {
		return []string{"profile: there is none"}
	}
	var c checks
	if p.Version != ProfileVersion {
		c.add("version", "must be %d", ProfileVersion)
	}
	if strings.TrimSpace(p.Source) == "" || unfilled(p.Source) {
		c.add("source", "must name the documentation from which the profile was filled")
	}
	pinned := map[Definition]bool{}
	for i, d := range p.Definitions {
		path := fmt.Sprintf("definitions[%d]", i)
		if !slices.Contains(pinnable, d.Catalog) {
			c.add(path+".catalog", "must be one of %s", list(pinnable))
		}
		c.definition(path, Type{ID: d.ID, Text: d.Text})
		key := Definition{Catalog: d.Catalog, ID: d.ID}
		if pinned[key] {
			c.add(path, "names the same option as an earlier one")
		}
		pinned[key] = true
	}
	if len(p.Operations) == 0 {
		c.add("operations", "names none; without a profile the driver reads all the same")
	}
	for _, kind := range slices.Sorted(maps.Keys(p.Operations)) {
		path := "operations." + string(kind)
		op := p.Operations[kind]
		switch {
		case !slices.Contains(driver.OpKinds(), kind):
			c.add(path, "there is no such operation; there are %s", list(driver.OpKinds()))
		case op == nil:
			c.add(path, "is empty; leave it out")
		default:
			c.operation(path, kind, op)
			c.shared(path, p, op)
		}
	}
	if pay := p.Operations[driver.OpPayment]; p.Operations[driver.OpRefund] != nil && (pay == nil || pay.Find == nil) {
		c.add("operations.refund", "needs payment with find: a payment that nobody can look up is not given back")
	}
	return c.found
}

// checks collects what is wrong.
type checks struct{ found []string }

func (c *checks) add(path, format string, args ...any) {
	c.found = append(c.found, path+": "+fmt.Sprintf(format, args...))
}

func list[S ~string](all []S) string {
	words := make([]string, len(all))
	for i, s := range all {
		words[i] = string(s)
	}
	return strings.Join(words, ", ")
}

func (c *checks) definition(path string, t Type) {
	if n, err := strconv.Atoi(t.ID); err != nil || strconv.Itoa(n) != t.ID {
		c.add(path+".id", "must be the definition's number")
	}
	if strings.TrimSpace(t.Text) == "" {
		c.add(path+".text", "must be the text that Dentrix shows for it, so that a renamed definition is noticed")
	}
	if unfilled(t.Text) {
		c.add(path+".text", "fill in the text that Dentrix shows for it")
	}
}

// shared refuses a look-up that calls a procedure that writes.
func (c *checks) shared(path string, p *Profile, op *Operation) {
	if op.Find == nil {
		return
	}
	reads, _, ok := procedure(op.Find.Call)
	for kind, other := range p.Operations {
		if other == nil {
			continue
		}
		if writes, _, _ := procedure(other.Call); ok && writes == reads {
			c.add(path+".find.call", "calls the procedure by which a %s is written; a look-up must change nothing", kind)
		}
	}
}

func (c *checks) operation(path string, kind driver.OpKind, op *Operation) {
	c.call(path, op.Call, op.Arguments, bindsOf[kind])
	c.needed(path, kind, op)
	if op.Type != nil {
		c.definition(path+".type", *op.Type)
		if !binds(op.Arguments, BindType) {
			c.add(path+".type", "no argument binds %q", BindType)
		}
		if kind == driver.OpNote && op.Type.ID != "" && !slices.Contains(journalTypes, op.Type.ID) {
			c.add(path+".type.id", "Dentrix takes Office Journal entries of the types %s only", strings.Join(journalTypes, ", "))
		}
	}
	if kind == driver.OpStatus && op.Type != nil {
		c.add(path+".type", "a status is chosen by the practice")
	}
	if kind == driver.OpStatus && op.Find != nil {
		c.add(path+".find", "a status is read from the appointment; leave it out")
	}
	if op.Find != nil {
		c.find(path+".find", op.Find)
	}
	if op.ID != nil {
		c.id(path+".id", op)
	}
	if op.MaxChars != 0 && op.MaxChars < driver.RefLen+4 {
		c.add(path+".max_chars", "leaves no room for a text and the key of %d characters", driver.RefLen)
	}
	if op.TitleChars < 0 || op.TitleChars > 0 && op.TitleChars < driver.RefLen+4 {
		c.add(path+".title_chars", "leaves no room for a title and the key of %d characters", driver.RefLen)
	}
	if kind != driver.OpDocument && (op.MaxBytes != 0 || len(op.MIME) > 0) {
		c.add(path, "max_bytes and mime are for documents")
	}
	if op.MaxBytes < 0 {
		c.add(path+".max_bytes", "is negative")
	}
	for i, m := range op.MIME {
		if typ, params, err := mime.ParseMediaType(m); err != nil || typ != m || len(params) > 0 || !strings.Contains(m, "/") {
			c.add(fmt.Sprintf("%s.mime[%d]", path, i), "must be a type such as application/pdf, in lower case")
		}
	}
	for _, code := range slices.Sorted(maps.Keys(op.Errors)) {
		place := path + ".errors." + code
		if n, err := strconv.Atoi(code); err != nil || strconv.Itoa(n) != code || n == 0 {
			c.add(place, "the code must be a whole number")
		}
		if means := op.Errors[code]; means != string(driver.ErrUnavailable) && !driver.Reason(means).Valid() {
			c.add(place, "must be %q or one of %s", driver.ErrUnavailable, list(driver.Reasons()))
		}
	}
}

// call checks a statement and its arguments.
func (c *checks) call(path, call string, args []Argument, may []Binding) {
	name, marks, ok := procedure(call)
	switch {
	case strings.TrimSpace(call) == "":
		c.add(path+".call", "must be \"call admin.<procedure>(?, ...)\"")
	case unfilled(name):
		c.add(path+".call", "fill in the procedure's name from your documentation")
	case !ok:
		c.add(path+".call", "must be \"call admin.<procedure>(?, ...)\" and nothing else: no other statement, no value among the question marks, no comment; nothing is ever written to tables")
	}
	if ok && marks != len(args) {
		c.add(path+".arguments", "there are %d, and the call has %d question marks", len(args), marks)
	}
	for i, a := range args {
		place := fmt.Sprintf("%s.arguments[%d]", path, i)
		if unfilled(a.Name) {
			c.add(place+".name", "fill in the parameter's name, or leave it out")
		}
		switch {
		case a.Bind != "" && len(a.Value) > 0, a.Bind == "" && len(a.Value) == 0:
			c.add(place, "must have either bind or value")
		case a.Bind != "" && !slices.Contains(may, a.Bind):
			c.add(place+".bind", "must be one of %s", list(may))
		case len(a.Value) > 0:
			v, ok := a.fixed()
			if !ok {
				c.add(place+".value", "must be a text of at most 255 bytes, a whole number, true, false or null")
			}
			if s, isText := v.(string); isText && unfilled(s) {
				c.add(place+".value", "fill in what the argument always is")
			}
		}
	}
}

// needed checks that the call says all that the operation has to say.
func (c *checks) needed(path string, kind driver.OpKind, op *Operation) {
	need := func(what string, any ...Binding) {
		if !binds(op.Arguments, any...) {
			c.add(path+".arguments", "%s is missing: bind %s", what, list(any))
		}
	}
	if kind == driver.OpStatus {
		need("the appointment", BindAppointmentID)
		need("the status", BindStatus)
		return
	}
	need("the patient", bindPatient...)
	keyed := []Binding{BindKey, BindText}
	if kind == driver.OpDocument {
		need("the content", BindContent)
		keyed = []Binding{BindKey, BindTitle}
	}
	need("the key, without which the record is never found again,", keyed...)
	if kind == driver.OpNote {
		need("the text", BindText)
	}
	if kind == driver.OpPayment {
		need("the amount", BindAmount, BindAmountNegative)
	}
	if kind == driver.OpRefund || kind == driver.OpAdjustment {
		need("the amount, which raises what is owed,", BindAmount)
		need("the adjustment type", BindType)
	}
	if kind == driver.OpPayment || kind == driver.OpRefund || kind == driver.OpAdjustment {
		need("the posting date", BindDate, BindTimestamp)
	}
	if binds(op.Arguments, BindAmount) && binds(op.Arguments, BindAmountNegative) {
		c.add(path+".arguments", "bind either %s or %s", BindAmount, BindAmountNegative)
	}
}

func (c *checks) find(path string, f *Find) {
	c.call(path, f.Call, f.Arguments, bindFind)
	if !binds(f.Arguments, append(slices.Clone(bindPatient), BindKey)...) {
		c.add(path+".arguments", "must bind the patient or the key; a look-up reads no more than one patient's records")
	}
	if len(f.KeyColumns) == 0 {
		c.add(path+".key_columns", "must name the columns that can hold the key")
	}
	for i, column := range f.KeyColumns {
		if strings.TrimSpace(column) == "" || unfilled(column) {
			c.add(fmt.Sprintf("%s.key_columns[%d]", path, i), "fill in the column's name")
		}
	}
	if unfilled(f.IDColumn) {
		c.add(path+".id_column", "fill in the column's name, or leave it out")
	}
	if f.ProvedOn != "" && strings.TrimSpace(f.ProvedOn) == "" {
		c.add(path+".proved_on", "say where it was proved, or leave it out until it was")
	}
	if unfilled(f.ProvedOn) {
		c.add(path+".proved_on", "fill in on which restored copy drivertest has passed, or leave it out until it has")
	}
}

func (c *checks) id(path string, op *Operation) {
	switch op.ID.From {
	case fromResult:
		if op.ID.Column == "" || unfilled(op.ID.Column) {
			c.add(path+".column", "must name the column of the procedure's result that holds the id")
		}
	case fromFind:
		if op.ID.Column != "" {
			c.add(path+".column", "is for ids from the result; the look-up has id_column")
		}
		if op.Find == nil || op.Find.IDColumn == "" {
			c.add(path+".from", "needs find with an id_column")
		}
	default:
		c.add(path+".from", "must be %q or %q", fromResult, fromFind)
	}
}
