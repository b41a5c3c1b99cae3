package dentrix

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
)

// parameter is one of a procedure, as the database's catalog has it.
type parameter struct {
	name  string
	width int64 // of a text; zero where it is not said
}

// signature is a procedure's parameters. A procedure that is not there has found
// false.
type signature struct {
	found  bool
	params []parameter
}

// probeOperations compares the profile with the database: the definitions that it
// relies on, its procedures, and the number of their arguments.
func (c *conn) probeOperations(ctx context.Context, op string, p *probed) error {
	if c.cfg.Profile == nil {
		return nil
	}
	renamed, err := c.renamed(ctx, op, p)
	if err != nil {
		return err
	}
	p.notes = append(p.notes, renamed.words...)
	known := map[string]signature{}
	unchecked := false
	for _, kind := range slices.Sorted(maps.Keys(c.cfg.Profile.Operations)) {
		o := c.cfg.Profile.Operations[kind]
		problems, err := c.compare(ctx, op, known, o)
		switch {
		case refusalOf(err) != nil:
			unchecked = true
			if !c.cfg.TrustProfile {
				p.ops[kind] = "The Dentrix database does not show its list of procedures, so that the profile cannot be checked against it. If it was checked by hand, say so in the connection settings (trust_profile)."
			}
		case err != nil:
			return err
		case len(problems) > 0:
			p.ops[kind] = "The profile does not fit this Dentrix: " + strings.Join(problems, "; ") + "."
		}
		if why := c.viewsNeeded(p, kind, o); p.ops[kind] == "" && why != "" {
			p.ops[kind] = why
		}
		if o.Type != nil && p.ops[kind] == "" {
			p.ops[kind] = renamed.of[Definition{Catalog: typeCatalog(kind), ID: o.Type.ID}]
		}
	}
	if unchecked && c.cfg.TrustProfile {
		p.notes = append(p.notes, "The Dentrix database does not show its list of procedures: the profile is used unchecked.")
	}
	return nil
}

// compare looks the procedures of an operation up, and says what does not fit.
func (c *conn) compare(ctx context.Context, op string, known map[string]signature, o *Operation) ([]string, error) {
	var problems []string
	check := func(call string, args []Argument) error {
		name, _, _ := procedure(call)
		sig, ok := known[name]
		if !ok {
			var err error
			if sig, err = c.signature(ctx, op, name); err != nil {
				return err
			}
			known[name] = sig
		}
		problems = append(problems, sig.misfits(name, args)...)
		return nil
	}
	if err := check(o.Call, o.Arguments); err != nil {
		return nil, err
	}
	if o.Find != nil {
		if err := check(o.Find.Call, o.Find.Arguments); err != nil {
			return nil, err
		}
	}
	return problems, nil
}

// misfits says how arguments differ from a procedure's parameters.
func (s signature) misfits(name string, args []Argument) []string {
	if !s.found {
		return []string{"there is no procedure " + name + ", or this program may not call it"}
	}
	if len(s.params) != len(args) {
		return []string{fmt.Sprintf("%s takes %d arguments, and the profile gives %d", name, len(s.params), len(args))}
	}
	var out []string
	for i, a := range args {
		p := s.params[i]
		if a.Name != "" && p.name != "" && !strings.EqualFold(a.Name, p.name) {
			out = append(out, fmt.Sprintf("argument %d of %s is called %s, and the profile says %s", i+1, name, p.name, a.Name))
		}
		if a.Bind == BindKey && p.width > 0 && p.width < driver.RefLen {
			out = append(out, fmt.Sprintf("argument %d of %s has room for %d characters, and the key has %d", i+1, name, p.width, driver.RefLen))
		}
	}
	return out
}

// signature reads a procedure's parameters from c-tree's catalog. What it returns,
// rather than takes, is left out.
func (c *conn) signature(ctx context.Context, op, name string) (signature, error) {
	ids, err := all(ctx, c.db, op, sqlpms.SQL("SELECT proc_id FROM admin.sysprocedures WHERE owner = ? AND LOWER(proc_name) = ?", "admin", name),
		func(r *sqlpms.Row) int64 { return r.Int("proc_id") })
	if err != nil || len(ids) == 0 {
		return signature{}, err
	}
	sig := signature{found: true}
	err = c.db.Each(ctx, op, sqlpms.SQL("SELECT name, argtype, width FROM admin.sysproccolumns WHERE proc_id = ? ORDER BY id", ids[0]),
		func(r *sqlpms.Row) (bool, error) {
			switch strings.ToUpper(r.ID("argtype")) {
			case "IN", "OUT", "INOUT":
				sig.params = append(sig.params, parameter{r.ID("name"), r.Int("width")})
			}
			return true, nil
		})
	return sig, err
}

// viewsNeeded says which view an operation lacks for what is looked at before a
// write; empty when none.
func (c *conn) viewsNeeded(p *probed, kind driver.OpKind, o *Operation) string {
	needs := []view{patientView}
	if kind == driver.OpStatus {
		needs = []view{appointmentView, statusView}
	}
	if v, ok := typeView(kind); ok && binds(o.Arguments, BindType) {
		needs = append(needs, v)
	}
	if binds(o.Arguments, BindProvider) {
		needs = append(needs, providerView)
	}
	for _, v := range needs {
		if why := p.unread[v.name]; why != "" {
			return why
		}
	}
	args := slices.Clone(o.Arguments)
	if o.Find != nil {
		args = append(args, o.Find.Arguments...)
	}
	for bind, column := range map[Binding]string{BindPatientGUID: "patient_guid", BindGuarantorID: "guar_id", BindGuarantorGUID: "guar_guid"} {
		if binds(args, bind) && !p.has(patientView, column) {
			return "The view v_patient of the Dentrix database lacks the column " + column + ", which the profile needs."
		}
	}
	return ""
}

// typeCatalog is the catalog of an operation's type.
func typeCatalog(kind driver.OpKind) driver.Catalog {
	switch kind {
	case driver.OpNote:
		return driver.NoteTypes
	case driver.OpDocument:
		return driver.DocumentFolders
	case driver.OpStatus:
		return driver.AppointmentStatuses
	case driver.OpPayment:
		return driver.PaymentTypes
	}
	return driver.AdjustmentTypes
}

// typeView is the view of the catalog of an operation's type. The types of Office
// Journal entries are fixed.
func typeView(kind driver.OpKind) (view, bool) { return viewOf(typeCatalog(kind)) }

func viewOf(which driver.Catalog) (view, bool) {
	switch which {
	case driver.Providers:
		return providerView, true
	case driver.DocumentFolders:
		return documentView, true
	case driver.AppointmentStatuses:
		return statusView, true
	case driver.PaymentTypes:
		return paymentView, true
	case driver.AdjustmentTypes:
		return adjustView, true
	}
	return view{}, false
}
