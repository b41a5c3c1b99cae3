package dentrix

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
)

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
	known := map[string]sqlpms.Procedure{}
	unchecked := false
	for _, kind := range slices.Sorted(maps.Keys(c.cfg.Profile.Operations)) {
		o := c.cfg.Profile.Operations[kind]
		problems, err := c.compare(ctx, op, known, kind, o)
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
func (c *conn) compare(ctx context.Context, op string, known map[string]sqlpms.Procedure, kind driver.OpKind, o *Operation) ([]string, error) {
	var problems []string
	check := func(call string, args []sqlpms.Given) error {
		name, _, _ := procedure(call)
		is, ok := known[name]
		if !ok {
			var err error
			if is, err = c.procedure(ctx, op, name); err != nil {
				return err
			}
			known[name] = is
		}
		problems = append(problems, is.Misfits(name, "the profile", args)...)
		return nil
	}
	if err := check(o.Call, given(kind, o, o.Arguments)); err != nil {
		return nil, err
	}
	if o.Find != nil {
		if err := check(o.Find.Call, given(kind, o, o.Find.Arguments)); err != nil {
			return nil, err
		}
	}
	return problems, nil
}

// given are arguments of the profile, as they are compared with a procedure. What is
// cut by a parameter that is too short loses the key at its end.
func given(kind driver.OpKind, o *Operation, args []Argument) []sqlpms.Given {
	out := make([]sqlpms.Given, len(args))
	for i, a := range args {
		out[i] = sqlpms.Given{Name: a.Name}
		switch a.Bind {
		case BindKey:
			out[i].Room, out[i].What = driver.RefLen, "the key"
		case BindText:
			out[i].Room, out[i].What = int64(o.maxChars(kind)), "the text (max_chars)"
		case BindTitle:
			out[i].Room, out[i].What = int64(o.titleChars()), "the title (title_chars)"
		}
	}
	return out
}

// procedure reads a procedure's parameters from c-tree's catalog. What it returns,
// rather than takes, is left out.
func (c *conn) procedure(ctx context.Context, op, name string) (sqlpms.Procedure, error) {
	ids, err := all(ctx, c.db, op, sqlpms.SQL("SELECT proc_id FROM admin.sysprocedures WHERE owner = ? AND LOWER(proc_name) = ?", "admin", name),
		func(r *sqlpms.Row) int64 { return r.Int("proc_id") })
	if err != nil || len(ids) == 0 {
		return sqlpms.Procedure{}, err
	}
	is := sqlpms.Procedure{Found: true}
	err = c.db.Each(ctx, op, sqlpms.SQL("SELECT name, argtype, width FROM admin.sysproccolumns WHERE proc_id = ? ORDER BY id", ids[0]),
		func(r *sqlpms.Row) (bool, error) {
			switch strings.ToUpper(r.ID("argtype")) {
			case "IN", "OUT", "INOUT":
				is.Parameters = append(is.Parameters, sqlpms.Parameter{Name: r.ID("name"), Width: r.Int("width")})
			}
			return true, nil
		})
	return is, err
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
		if why := p.unread(v); why != "" {
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
