package sqlpms

import (
	sqldriver "database/sql/driver"
	"errors"
	"reflect"
	"strings"

	"github.com/pmswriteback/pms/driver"
)

// Diagnosis is what an SQL driver's error says, without its text: that may quote
// a statement, and with it a patient. A [Dialect] may look for words in it.
type Diagnosis struct {
	// State is the SQLSTATE, five characters: "42S02". Empty when there is none.
	State string
	// Native is the engine's own number of the error; 0 when there is none.
	Native int

	texts []driver.Secret
}

// Contains reports whether the error's text holds a phrase, in any case. It is for
// errors that have no number of their own ("Authentication violation").
func (d Diagnosis) Contains(phrase string) bool {
	phrase = strings.ToLower(phrase)
	for _, t := range d.texts {
		if strings.Contains(strings.ToLower(t.Reveal()), phrase) {
			return true
		}
	}
	return false
}

// Diagnose reads an error of an SQL driver. It returns false for an error that
// says nothing: no state and no number.
//
// This package imports no SQL driver, so that it knows their errors by their
// shape: the fields Diag []struct{State string; NativeError int; Message string}
// of github.com/alexbrainman/odbc and its forks; Number and SQLState of
// github.com/go-sql-driver/mysql; and whatever has a method SQLState() string.
// [Config].Diagnose reads others. driver.ErrBadConn, into which the ODBC driver
// turns a broken connection, is state 08S01.
func Diagnose(err error) (Diagnosis, bool) {
	var found Diagnosis
	eachCause(err, func(e error) bool {
		d, ok := diagnoseOne(e)
		if ok {
			found = d
		}
		return ok
	})
	return found, found.State != "" || found.Native != 0
}

// eachCause goes through an error and what it wraps until visit is content.
func eachCause(err error, visit func(error) bool) bool {
	if err == nil {
		return false
	}
	if visit(err) {
		return true
	}
	switch u := err.(type) {
	case interface{ Unwrap() error }:
		return eachCause(u.Unwrap(), visit)
	case interface{ Unwrap() []error }:
		for _, e := range u.Unwrap() {
			if eachCause(e, visit) {
				return true
			}
		}
	}
	return false
}

func diagnoseOne(err error) (Diagnosis, bool) {
	if err == sqldriver.ErrBadConn { //nolint:errorlint // what wraps it has been visited
		return Diagnosis{State: stateLineLost}, true
	}
	if isNoResult(err) {
		return Diagnosis{}, false
	}
	if s, ok := err.(interface{ SQLState() string }); ok {
		return Diagnosis{State: s.SQLState(), texts: []driver.Secret{driver.NewSecret(err.Error())}}, true
	}
	v := reflect.ValueOf(err)
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return Diagnosis{}, false
	}
	if list := v.FieldByName("Diag"); list.IsValid() && list.Kind() == reflect.Slice {
		return diagnoseRecords(list)
	}
	if n := v.FieldByName("Number"); n.IsValid() && n.CanUint() {
		d := Diagnosis{Native: int(n.Uint()), texts: []driver.Secret{driver.NewSecret(textField(v, "Message"))}}
		if s := v.FieldByName("SQLState"); s.IsValid() && s.Kind() == reflect.Array && s.Len() == 5 && s.Index(0).CanUint() {
			for i := range s.Len() {
				d.State += string(rune(s.Index(i).Uint()))
			}
		}
		return d, true
	}
	return Diagnosis{}, false
}

// diagnoseRecords reads ODBC's diagnostic records. The first that is no mere
// warning counts; the texts of all may be searched.
func diagnoseRecords(list reflect.Value) (Diagnosis, bool) {
	var d Diagnosis
	for i := range list.Len() {
		r := list.Index(i)
		if r.Kind() == reflect.Pointer {
			r = r.Elem()
		}
		if r.Kind() != reflect.Struct {
			continue
		}
		state, native := textField(r, "State"), 0
		if n := r.FieldByName("NativeError"); n.IsValid() && n.CanInt() {
			native = int(n.Int())
		}
		d.texts = append(d.texts, driver.NewSecret(textField(r, "Message")))
		if d.State == "" || strings.HasPrefix(d.State, "01") && !strings.HasPrefix(state, "01") {
			d.State, d.Native = state, native
		}
	}
	return d, d.State != "" || d.Native != 0
}

func textField(v reflect.Value, name string) string {
	if f := v.FieldByName(name); f.IsValid() && f.Kind() == reflect.String {
		return f.String()
	}
	return ""
}

// isNoResult finds the plain error by which the ODBC driver says that a statement
// gave no rows, or that there are no further results.
func isNoResult(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if err.Error() == "Stmt did not create a result set" {
			return true
		}
	}
	return false
}
