package opendentaltest

import (
	"context"
	"fmt"
	"strings"
)

// rowsOf reads all rows of a table by key.
func rowsOf[T any](ctx context.Context, o *Office, table, tail string, args ...any) ([]T, error) {
	var rows []T
	err := o.read(ctx, func(s *session) error {
		if tail == "" {
			tail = "ORDER BY " + s.table(table).key
		}
		records, err := s.list(table, tail, args...)
		for _, r := range records {
			rows = append(rows, decode[T](s, r))
		}
		return err
	})
	return rows, err
}

// Patients reads all patients by PatNum, deleted ones too.
func (o *Office) Patients(ctx context.Context) ([]Patient, error) {
	return rowsOf[Patient](ctx, o, "patient", "")
}

// Appointments reads all appointments by AptNum.
func (o *Office) Appointments(ctx context.Context) ([]Appointment, error) {
	return rowsOf[Appointment](ctx, o, "appointment", "")
}

// HistAppointments reads the history of all appointments, oldest first.
func (o *Office) HistAppointments(ctx context.Context) ([]HistAppointment, error) {
	return rowsOf[HistAppointment](ctx, o, "histappointment", "")
}

// Commlogs reads all commlogs by CommlogNum.
func (o *Office) Commlogs(ctx context.Context) ([]Commlog, error) {
	return rowsOf[Commlog](ctx, o, "commlog", "")
}

// Documents reads all documents by DocNum, with the bytes of their files. A
// file that is missing from its folder leaves Content nil.
func (o *Office) Documents(ctx context.Context) ([]Document, error) {
	var rows []Document
	err := o.read(ctx, func(s *session) error {
		records, err := s.list("document", "ORDER BY DocNum")
		if err != nil {
			return err
		}
		for _, r := range records {
			row := decode[Document](s, r)
			row.Pending = isPending(r)
			if row.Content, err = s.content(r); err != nil {
				return err
			}
			rows = append(rows, row)
		}
		return nil
	})
	return rows, err
}

// Payments reads all payments by PayNum.
func (o *Office) Payments(ctx context.Context) ([]Payment, error) {
	return rowsOf[Payment](ctx, o, "payment", "")
}

// PaySplits reads all paysplits by SplitNum.
func (o *Office) PaySplits(ctx context.Context) ([]PaySplit, error) {
	return rowsOf[PaySplit](ctx, o, "paysplit", "")
}

// Adjustments reads all adjustments by AdjNum.
func (o *Office) Adjustments(ctx context.Context) ([]Adjustment, error) {
	return rowsOf[Adjustment](ctx, o, "adjustment", "")
}

// Procedures reads all procedures by ProcNum.
func (o *Office) Procedures(ctx context.Context) ([]Procedure, error) {
	return rowsOf[Procedure](ctx, o, "procedurelog", "")
}

// InsVerifies reads what is known about coverages and plans, by InsVerifyNum.
func (o *Office) InsVerifies(ctx context.Context) ([]InsVerify, error) {
	return rowsOf[InsVerify](ctx, o, "insverify", "")
}

// PatPlans reads all coverages by PatPlanNum.
func (o *Office) PatPlans(ctx context.Context) ([]PatPlan, error) {
	return rowsOf[PatPlan](ctx, o, "patplan", "")
}

// Statements reads all statements by StatementNum.
func (o *Office) Statements(ctx context.Context) ([]Statement, error) {
	return rowsOf[Statement](ctx, o, "statement", "")
}

// Providers reads all providers in the office's order, hidden ones too.
func (o *Office) Providers(ctx context.Context) ([]Provider, error) {
	return rowsOf[Provider](ctx, o, "provider", "ORDER BY ItemOrder, ProvNum")
}

// Definitions reads a category in the office's order, hidden ones too.
func (o *Office) Definitions(ctx context.Context, category int64) ([]Definition, error) {
	return rowsOf[Definition](ctx, o, "definition", "WHERE Category = ? ORDER BY ItemOrder, DefNum", category)
}

// Operatories reads all operatories in the office's order, hidden ones too.
func (o *Office) Operatories(ctx context.Context) ([]Operatory, error) {
	return rowsOf[Operatory](ctx, o, "operatory", "ORDER BY ItemOrder, OperatoryNum")
}

// Patient reads one patient.
func (o *Office) Patient(ctx context.Context, patNum int64) (Patient, error) {
	return rowOf[Patient](ctx, o, "patient", patNum)
}

// Appointment reads one appointment.
func (o *Office) Appointment(ctx context.Context, aptNum int64) (Appointment, error) {
	return rowOf[Appointment](ctx, o, "appointment", aptNum)
}

func rowOf[T any](ctx context.Context, o *Office, table string, id int64) (T, error) {
	var row T
	err := o.read(ctx, func(s *session) error {
		r, err := s.must(table, id)
		if err == nil {
			row = decode[T](s, r)
		}
		return err
	})
	return row, err
}

// must reads a row that has to be there.
func (s *session) must(table string, id int64) (record, error) {
	r, found, err := s.get(table, id)
	if err == nil && !found {
		err = fmt.Errorf("opendentaltest: there is no %s %d", table, id)
	}
	return r, err
}

// DefNum finds a definition by its name, in any case, hidden ones too.
func (o *Office) DefNum(ctx context.Context, category int64, itemName string) (int64, error) {
	defs, err := o.Definitions(ctx, category)
	if err != nil {
		return 0, err
	}
	for _, d := range defs {
		if strings.EqualFold(d.ItemName, itemName) {
			return d.DefNum, nil
		}
	}
	return 0, fmt.Errorf("opendentaltest: category %d has no definition of that name", category)
}

// Preference reads a preference; one that is not there is "".
func (o *Office) Preference(ctx context.Context, name string) (string, error) {
	var value string
	err := o.read(ctx, func(s *session) error {
		var err error
		value, err = s.preference(name)
		return err
	})
	return value, err
}
