package dentrix

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/pmswriteback/pms/driver"
)

// Binding names something of an operation that an argument stands for. The list
// is closed.
type Binding string

// The bindings. Dates go as "2006-01-02", times as "15:04:05" and timestamps as
// "2006-01-02 15:04:05", in the practice's wall time, as texts. c-tree documents these
// forms for literals; that it takes them for arguments, too, has to be seen on a copy.
const (
	// BindPatientID is the patient's number, and BindPatientGUID the GUID that
	// v_patient has for it.
	BindPatientID   Binding = "patient_id"
	BindPatientGUID Binding = "patient_guid"
	// BindGuarantorID and BindGuarantorGUID are those of the patient's guarantor,
	// by v_patient.
	BindGuarantorID   Binding = "guarantor_id"
	BindGuarantorGUID Binding = "guarantor_guid"
	// BindProvider is the id of the writeback provider, up to four characters.
	BindProvider Binding = "provider"
	// BindType is the number of the option: the operation's fixed Type, or the
	// practice's choice.
	BindType Binding = "type"
	// BindKey is the 16 characters by which the write is found again.
	BindKey Binding = "key"
	// BindText is the text: a note's whole body, which ends with the key; for money
	// the memo, which ends with the key unless another argument is BindKey.
	BindText Binding = "text"
	// BindTitle is a note's first line, or a document's title with the key behind
	// it, within TitleChars.
	BindTitle Binding = "title"
	// BindDate, BindTime and BindTimestamp say when: the posting date of money (with
	// midnight as its time), the moment of which a note tells, a document's.
	BindDate      Binding = "date"
	BindTime      Binding = "time"
	BindTimestamp Binding = "timestamp"
	// BindAmount is the amount as "102.69", and BindAmountNegative as "-102.69":
	// Dentrix keeps payments as negative amounts. A refund or an adjustment raises
	// what is owed and takes BindAmount.
	BindAmount         Binding = "amount"
	BindAmountNegative Binding = "amount_negative"
	// BindOfID is the id of the payment that a refund gives back or an adjustment
	// offsets; null where there is none.
	BindOfID Binding = "of_id"
	// BindAppointmentID and BindStatus are those of a status change.
	BindAppointmentID Binding = "appointment_id"
	BindStatus        Binding = "status"
	// BindContent, BindMIME and BindExtension are a document's bytes, its type, and
	// what a file name of the type ends with (".pdf").
	BindContent   Binding = "content"
	BindMIME      Binding = "mime"
	BindExtension Binding = "extension"
	// BindDateFrom and BindDateTo bound a look-up: from well before the operation
	// was first sent or posted to well after.
	BindDateFrom Binding = "date_from"
	BindDateTo   Binding = "date_to"
)

var (
	bindPatient   = []Binding{BindPatientID, BindPatientGUID, BindGuarantorID, BindGuarantorGUID}
	bindMoment    = []Binding{BindDate, BindTime, BindTimestamp}
	bindFind      = append(slices.Clone(bindPatient), BindKey, BindDateFrom, BindDateTo)
	bindsOfRecord = slices.Concat(bindPatient, bindMoment, []Binding{BindProvider, BindType, BindKey, BindText})
	bindsOf       = map[driver.OpKind][]Binding{
		driver.OpNote:       append(slices.Clone(bindsOfRecord), BindTitle),
		driver.OpDocument:   append(slices.Clone(bindsOfRecord), BindTitle, BindContent, BindMIME, BindExtension),
		driver.OpStatus:     {BindAppointmentID, BindStatus, BindPatientID, BindPatientGUID, BindProvider, BindKey},
		driver.OpPayment:    append(slices.Clone(bindsOfRecord), BindAmount, BindAmountNegative),
		driver.OpRefund:     append(slices.Clone(bindsOfRecord), BindAmount, BindOfID),
		driver.OpAdjustment: append(slices.Clone(bindsOfRecord), BindAmount, BindOfID),
	}
)

// binds reports whether one of the arguments stands for one of the bindings.
func binds(args []Argument, any ...Binding) bool {
	return slices.ContainsFunc(args, func(a Argument) bool { return slices.Contains(any, a.Bind) })
}

// fixed is the value that an argument always has.
func (a Argument) fixed() (any, bool) {
	var v any
	dec := json.NewDecoder(bytes.NewReader(a.Value))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		return nil, false
	}
	switch v := v.(type) {
	case nil:
		return nil, true
	case string:
		return v, len(v) <= 255
	case bool:
		if v {
			return int64(1), true
		}
		return int64(0), true
	case json.Number:
		n, err := strconv.ParseInt(v.String(), 10, 64)
		return n, err == nil
	}
	return nil, false
}
