package opendentaltest

import (
	"context"
	"errors"
	"fmt"
)

// act runs a staff action that ends in a row.
func act[T any](ctx context.Context, o *Office, f func(*session) (record, error)) (T, error) {
	var row T
	err := o.write(ctx, func(s *session) error {
		r, err := f(s)
		if err == nil {
			row = decode[T](s, r)
		}
		return err
	})
	return row, err
}

// edit changes a row the way a window of the program does: read, change, save.
func edit[T any](ctx context.Context, o *Office, table string, id int64, change func(*T), save func(*session, record, set) (record, error)) (T, error) {
	return act[T](ctx, o, func(s *session) (record, error) {
		r, err := s.must(table, id)
		if err != nil {
			return r, err
		}
		row := decode[T](s, r)
		change(&row)
		return save(s, r, s.encode(r.table, row))
	})
}

func plainSave(s *session, r record, values set) (record, error) {
	r, _, err := s.update(r, values)
	return r, err
}

// AddPatient enters a new patient. LName and FName are required; what is left
// zero gets what the program fills in. The program does not refuse twins, it
// only warns, so neither does this.
func (o *Office) AddPatient(ctx context.Context, p Patient) (Patient, error) {
	if p.LName == "" || p.FName == "" {
		return Patient{}, errors.New("opendentaltest: add patient: LName and FName are required")
	}
	return act[Patient](ctx, o, func(s *session) (record, error) {
		return s.insertPatient(s.encode(s.table("patient"), p))
	})
}

// EditPatient opens a patient, lets change alter it, and saves it. A save that
// alters nothing does not touch DateTStamp.
func (o *Office) EditPatient(ctx context.Context, patNum int64, change func(*Patient)) (Patient, error) {
	return edit(ctx, o, "patient", patNum, change, plainSave)
}

// ArchivePatient sets the status Archived.
func (o *Office) ArchivePatient(ctx context.Context, patNum int64) error {
	_, err := o.EditPatient(ctx, patNum, func(p *Patient) { p.PatStatus = StatusArchived })
	return err
}

// DeletePatient sets the status Deleted, which is how the program deletes: the
// row stays, and the API no longer shows it.
func (o *Office) DeletePatient(ctx context.Context, patNum int64) error {
	_, err := o.EditPatient(ctx, patNum, func(p *Patient) { p.PatStatus = StatusDeleted })
	return err
}

// ownedByPatient are the tables whose rows follow a merged patient.
var ownedByPatient = []string{"appointment", "commlog", "document", "payment", "paysplit", "adjustment", "statement", "procedurelog", "patplan"}

// MergePatients moves everything of the patient from to the patient into, and
// archives what is left of from, as the program's merge does. Files follow
// their rows.
func (o *Office) MergePatients(ctx context.Context, into, from int64) error {
	if into == from {
		return errors.New("opendentaltest: merge patients: into and from are the same patient")
	}
	return o.write(ctx, func(s *session) error {
		winner, err := s.must("patient", into)
		if err != nil {
			return err
		}
		loser, err := s.must("patient", from)
		if err != nil {
			return err
		}
		for _, name := range ownedByPatient {
			rows, err := s.list(name, "WHERE PatNum = ?", from)
			if err != nil {
				return err
			}
			for _, r := range rows {
				if err := s.moveTo(r, winner); err != nil {
					return err
				}
			}
		}
		_, _, err = s.update(loser, set{"PatStatus": int(StatusArchived), "Guarantor": winner.int("Guarantor")})
		return err
	})
}

// moveTo gives a row to another patient.
func (s *session) moveTo(r, winner record) error {
	values := set{"PatNum": winner.id()}
	switch {
	case r.table.name == "appointment":
		_, err := s.changeAppointment(r, values, histChanged)
		return err
	case r.table.name == "document" && s.o.files != nil && !isPending(r):
		content, err := s.content(r)
		if err != nil {
			return err
		}
		// The row moves first, so that the file is written into the new folder.
		moved, _, err := s.update(r, values)
		if err == nil && content != nil {
			_, err = s.storeFile(winner, moved, r.text("FileName"), content)
		}
		return err
	}
	_, _, err := s.update(r, values)
	return err
}

// AddProvider enters a new provider.
func (o *Office) AddProvider(ctx context.Context, p Provider) (Provider, error) {
	if p.Abbr == "" {
		return Provider{}, errors.New("opendentaltest: add provider: Abbr is required")
	}
	return act[Provider](ctx, o, func(s *session) (record, error) {
		if err := s.signal(22, "", 0, s.wallOf(noDate)); err != nil {
			return record{}, err
		}
		return s.insert("provider", s.encode(s.table("provider"), p))
	})
}

// EditProvider opens a provider, lets change alter it, and saves it.
func (o *Office) EditProvider(ctx context.Context, provNum int64, change func(*Provider)) (Provider, error) {
	return edit(ctx, o, "provider", provNum, change, plainSave)
}

// SetProviderHidden hides a provider or shows it again.
func (o *Office) SetProviderHidden(ctx context.Context, provNum int64, hidden bool) error {
	_, err := o.EditProvider(ctx, provNum, func(p *Provider) { p.IsHidden = hidden })
	return err
}

// AddDefinition adds a definition to a category, last unless ItemOrder says
// otherwise.
func (o *Office) AddDefinition(ctx context.Context, d Definition) (Definition, error) {
	if d.ItemName == "" {
		return Definition{}, errors.New("opendentaltest: add definition: ItemName is required")
	}
	return act[Definition](ctx, o, func(s *session) (record, error) {
		if d.ItemOrder == 0 {
			last, _, err := s.first("definition", "WHERE Category = ? ORDER BY ItemOrder DESC", d.Category)
			if err != nil {
				return record{}, err
			}
			d.ItemOrder = int(last.int("ItemOrder")) + 1
		}
		return s.insert("definition", s.encode(s.table("definition"), d))
	})
}

// EditDefinition opens a definition, lets change alter it, and saves it.
func (o *Office) EditDefinition(ctx context.Context, defNum int64, change func(*Definition)) (Definition, error) {
	return edit(ctx, o, "definition", defNum, change, func(s *session, r record, values set) (record, error) {
		if err := s.signal(14, "", 0, s.wallOf(noDate)); err != nil {
			return r, err
		}
		return plainSave(s, r, values)
	})
}

// HideDefinition hides a definition: old rows keep it, new ones cannot have it.
func (o *Office) HideDefinition(ctx context.Context, defNum int64) error {
	_, err := o.EditDefinition(ctx, defNum, func(d *Definition) { d.IsHidden = true })
	return err
}

// RenameDefinition gives a definition another name.
func (o *Office) RenameDefinition(ctx context.Context, defNum int64, itemName string) error {
	_, err := o.EditDefinition(ctx, defNum, func(d *Definition) { d.ItemName = itemName })
	return err
}

// AddOperatory adds an operatory.
func (o *Office) AddOperatory(ctx context.Context, op Operatory) (Operatory, error) {
	return add[Operatory](ctx, o, "operatory", op)
}

// AddClinic adds a clinic and switches clinics on.
func (o *Office) AddClinic(ctx context.Context, c Clinic) (Clinic, error) {
	return act[Clinic](ctx, o, func(s *session) (record, error) {
		if err := s.setPreference("EasyNoClinics", "0"); err != nil {
			return record{}, err
		}
		return s.insert("clinic", s.encode(s.table("clinic"), c))
	})
}

// AddAppointmentType adds an appointment type.
func (o *Office) AddAppointmentType(ctx context.Context, t AppointmentType) (AppointmentType, error) {
	return add[AppointmentType](ctx, o, "appointmenttype", t)
}

// AddUser adds a user of the program.
func (o *Office) AddUser(ctx context.Context, u User) (User, error) {
	return add[User](ctx, o, "userod", u)
}

// AddProcedure charts a procedure. One with ProcStatus 2 and a fee is a charge
// that payments are applied to.
func (o *Office) AddProcedure(ctx context.Context, p Procedure) (Procedure, error) {
	return add[Procedure](ctx, o, "procedurelog", p)
}

// AddCommlog writes a note in the program. CommType 0 is the type Misc.
func (o *Office) AddCommlog(ctx context.Context, c Commlog) (Commlog, error) {
	return act[Commlog](ctx, o, func(s *session) (record, error) {
		values := s.encode(s.table("commlog"), c)
		if c.CommType == 0 {
			delete(values, "CommType")
		}
		if c.CommDateTime.IsZero() {
			delete(values, "CommDateTime")
		}
		return s.insertCommlog(values, "MISC")
	})
}

// AddInsurance gives a patient coverage under a plan. The plan is planNum; it
// stands in the tables only as far as insurance verification looks.
func (o *Office) AddInsurance(ctx context.Context, patNum, planNum int64) (PatPlan, error) {
	return act[PatPlan](ctx, o, func(s *session) (record, error) {
		if _, err := s.must("patient", patNum); err != nil {
			return record{}, err
		}
		subscriber, err := s.insert("inssub", set{"PlanNum": planNum, "Subscriber": patNum})
		if err != nil {
			return record{}, err
		}
		others, err := s.list("patplan", "WHERE PatNum = ?", patNum)
		if err != nil {
			return record{}, err
		}
		return s.insert("patplan", set{"PatNum": patNum, "Ordinal": len(others) + 1, "InsSubNum": subscriber.id(), "SecDateTEntry": s.now})
	})
}

func add[T any](ctx context.Context, o *Office, table string, row T) (T, error) {
	return act[T](ctx, o, func(s *session) (record, error) {
		return s.insert(table, s.encode(s.table(table), row))
	})
}

// SetPreference stores a preference, such as UpdateInProgressOnComputerName
// while the program is being updated.
func (o *Office) SetPreference(ctx context.Context, name, value string) error {
	if name == "" {
		return fmt.Errorf("opendentaltest: set preference: the name is required")
	}
	return o.write(ctx, func(s *session) error { return s.setPreference(name, value) })
}
