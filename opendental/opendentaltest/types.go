package opendentaltest

import (
	"fmt"
	"reflect"
	"time"
)

// The types below are rows as tests read them and staff actions take them.
// Fields have the names of the columns. Times are the office's wall clock in
// the office's zone; the zero time is "none" (0001-01-01 in the tables).

// PatStatus is a patient's status.
type PatStatus int

// The statuses of patients.
const (
	StatusPatient PatStatus = iota
	StatusNonPatient
	StatusInactive
	StatusArchived
	StatusDeleted
	StatusDeceased
	StatusProspective
)

// String is the status as the API spells it.
func (s PatStatus) String() string { return patStatusNames.name(int64(s)) }

// Gender is a patient's gender.
type Gender int

// The genders.
const (
	GenderMale Gender = iota
	GenderFemale
	GenderUnknown
	GenderOther
)

// String is the gender as the API spells it.
func (g Gender) String() string { return genderNames.name(int64(g)) }

// AptStatus is an appointment's status.
type AptStatus int

// The statuses of appointments.
const (
	AptNone AptStatus = iota
	AptScheduled
	AptComplete
	AptUnschedList
	AptASAP
	AptBroken
	AptPlanned
	AptPtNote
	AptPtNoteCompleted
)

// String is the status as the API spells it.
func (s AptStatus) String() string { return aptStatusNames.name(int64(s)) }

// HistAction is what a history row of an appointment says happened.
type HistAction int

// The actions.
const (
	HistCreated HistAction = iota
	HistChanged
	HistMissed
	HistCancelled
	HistDeleted
)

// String is the action as the API spells it.
func (a HistAction) String() string { return histActionNames.name(int64(a)) }

// Patient is a row of patient.
type Patient struct {
	PatNum                                  int64
	LName, FName, MiddleI, Preferred        string
	PatStatus                               PatStatus
	Gender                                  Gender
	Position                                int
	Birthdate                               time.Time
	Address, Address2, City, State, Zip     string
	HmPhone, WkPhone, WirelessPhone, Email  string
	Guarantor                               int64 // 0 in a new patient: the patient
	PriProv                                 int64 // 0 in a new patient: the practice's default
	ClinicNum, BillingType                  int64
	ImageFolder, ChartNumber, FamFinUrgNote string
	EstBalance                              float64
	DateFirstVisit                          time.Time
	SecDateEntry, DateTStamp                time.Time // set by the office
}

// Appointment is a row of appointment.
type Appointment struct {
	AptNum, PatNum                                     int64
	AptStatus                                          AptStatus // AptNone in a new one: AptScheduled
	Pattern                                            string    // "" in a new one: "/XX/", 20 minutes
	Confirmed                                          int64     // 0 in a new one: the first ApptConfirmed definition
	Op                                                 int64
	Note                                               string
	ProvNum, ProvHyg                                   int64 // 0 in a new one: the operatory's, else the patient's
	AptDateTime                                        time.Time
	UnschedStatus                                      int64
	IsNewPatient, IsHygiene                            bool
	ProcDescript                                       string
	ClinicNum                                          int64
	DateTimeArrived, DateTimeSeated, DateTimeDismissed time.Time
	AppointmentTypeNum                                 int64
	Priority                                           int
	SecDateTEntry, DateTStamp                          time.Time // set by the office
}

// HistAppointment is a row of histappointment.
type HistAppointment struct {
	HistApptNum    int64
	HistDateTStamp time.Time
	HistApptAction HistAction
	ApptSource     int // 0 a person, 1 the eConnector, 6 the API Service
	AptNum, PatNum int64
	AptStatus      AptStatus
	Confirmed, Op  int64
	AptDateTime    time.Time
	Note           string
}

// Provider is a row of provider.
type Provider struct {
	ProvNum                            int64
	Abbr, LName, FName, Suffix         string
	ItemOrder                          int
	IsSecondary, IsHidden, IsNotPerson bool
	ProvStatus                         int // 1 = deleted
	ProvColor                          int64
	DateTStamp                         time.Time // set by the office
}

// Definition is a row of definition.
type Definition struct {
	DefNum              int64
	Category            int64
	ItemOrder           int // 0 in a new one: the last
	ItemName, ItemValue string
	ItemColor           int64
	IsHidden            bool
}

// Operatory is a row of operatory.
type Operatory struct {
	OperatoryNum               int64
	OpName, Abbrev             string
	ItemOrder                  int
	IsHidden, IsHygiene        bool
	ProvDentist, ProvHygienist int64
	ClinicNum                  int64
}

// Clinic is a row of clinic.
type Clinic struct {
	ClinicNum         int64
	Description, Abbr string
	Phone, TimeZone   string
	IsHidden          bool
}

// AppointmentType is a row of appointmenttype.
type AppointmentType struct {
	AppointmentTypeNum   int64
	AppointmentTypeName  string
	AppointmentTypeColor int64
	ItemOrder            int
	Pattern              string
	IsHidden             bool
}

// User is a row of userod.
type User struct {
	UserNum            int64
	UserName           string
	UserGroupNum       int64
	ClinicNum, ProvNum int64
	IsHidden           bool
}

// Commlog is a row of commlog.
type Commlog struct {
	CommlogNum, PatNum     int64
	CommDateTime           time.Time
	CommType               int64
	Note                   string
	Mode                   int `column:"Mode_"` // 0 None 1 Email 2 Mail 3 Phone 4 In Person 5 Text 6 Email and Text 7 Phone and Text 8 Fax
	SentOrReceived         int // 0 Neither 1 Sent 2 Received
	UserNum                int64
	DateTEntry, DateTStamp time.Time // set by the office
}

// Document is a row of document, with the file it stands for.
type Document struct {
	DocNum, PatNum int64
	Description    string
	DateCreated    time.Time
	DocCategory    int64
	FileName       string
	ImgType        int // 0 Document 1 Radiograph 2 Photo 3 File 4 Attachment
	ToothNumbers   string
	ProvNum        int64
	PrintHeading   bool
	DegreesRotated float64
	CropX, CropY   int64
	CropW, CropH   int64
	IsFlipped      bool
	DateTStamp     time.Time
	Content        []byte `column:"-"` // the bytes of the file, wherever they are
	Pending        bool   `column:"-"` // uploaded, and not opened by anybody yet
}

// Payment is a row of payment.
type Payment struct {
	PayNum, PayType               int64
	PayDate                       time.Time
	PayAmt                        float64
	CheckNum, BankBranch, PayNote string
	PatNum, ClinicNum             int64
	DateEntry, SecDateTEdit       time.Time
	PaymentSource                 int // 13 = API
	ProcessStatus                 int // 0 OfficeProcessed 1 OnlineProcessed 2 OnlinePending
}

// PaySplit is a row of paysplit.
type PaySplit struct {
	SplitNum                       int64
	SplitAmt                       float64
	PatNum, PayNum                 int64
	ProvNum, ProcNum, UnearnedType int64
	DatePay, DateEntry             time.Time
	ClinicNum, AdjNum, FSplitNum   int64
}

// Adjustment is a row of adjustment.
type Adjustment struct {
	AdjNum              int64
	AdjDate             time.Time
	AdjAmt              float64
	PatNum, AdjType     int64
	ProvNum, ProcNum    int64
	AdjNote             string
	ProcDate, DateEntry time.Time
	ClinicNum           int64
	SecDateTEdit        time.Time
}

// Procedure is a row of procedurelog.
type Procedure struct {
	ProcNum, PatNum, AptNum int64
	ProcDate                time.Time
	ProcFee                 float64
	ProcStatus              int // 1 treatment planned, 2 complete
	ProvNum, ClinicNum      int64
}

// PatPlan is a row of patplan: a patient's coverage.
type PatPlan struct {
	PatPlanNum, PatNum int64
	Ordinal            int
	InsSubNum          int64
}

// InsVerify is a row of insverify.
type InsVerify struct {
	InsVerifyNum     int64
	DateLastVerified time.Time
	VerifyType       int // 1 InsuranceBenefit, 2 PatientEnrollment
	FKey, DefNum     int64
	Note             string
	SecDateTEdit     time.Time
}

// Statement is a row of statement.
type Statement struct {
	StatementNum, PatNum int64
	DateSent             time.Time
	Note                 string
	Mode                 int `column:"Mode_"` // 4 = API
	IsSent               bool
	DocNum               int64
	DateTStamp           time.Time
}

// columnOf is the column a field stands for, or "".
func columnOf(f reflect.StructField) string {
	switch name := f.Tag.Get("column"); name {
	case "":
		return f.Name
	case "-":
		return ""
	default:
		return name
	}
}

// decode fills a row type from a record.
func decode[T any](s *session, r record) T {
	var row T
	v := reflect.ValueOf(&row).Elem()
	for i := range v.NumField() {
		name := columnOf(v.Type().Field(i))
		if name == "" {
			continue
		}
		switch field := v.Field(i); value := r.value(name).(type) {
		case int64:
			if field.Kind() == reflect.Bool {
				field.SetBool(value != 0)
			} else {
				field.SetInt(value)
			}
		case float64:
			field.SetFloat(value)
		case string:
			if field.Kind() == reflect.String {
				field.SetString(value)
			} else if t := s.wallOf(value); t.Year() >= 1880 {
				field.Set(reflect.ValueOf(t))
			}
		default:
			panic(fmt.Sprintf("opendentaltest: table %s has no column %s", r.table.name, name))
		}
	}
	return row
}

// encode turns a row type into values for insert or update: all columns but
// the key and what the database stamps.
func (s *session) encode(t *table, row any) set {
	values := set{}
	v := reflect.ValueOf(row)
	for i := range v.NumField() {
		name := columnOf(v.Type().Field(i))
		if name == "" || name == t.key || !t.has(name) || t.columns[t.index[name]].kind == kindStamp {
			continue
		}
		switch field := v.Field(i); field.Kind() {
		case reflect.Bool:
			values[name] = field.Bool()
		case reflect.Int, reflect.Int64:
			values[name] = field.Int()
		case reflect.Float64:
			values[name] = field.Float()
		case reflect.String:
			values[name] = field.String()
		default:
			when := field.Interface().(time.Time)
			if t.columns[t.index[name]].kind == kindDateTime {
				when = when.In(s.o.zone) // an instant; a date is as it is written
			}
			values[name] = when
		}
	}
	return values
}
