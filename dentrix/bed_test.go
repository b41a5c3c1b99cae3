package dentrix_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strconv"
	"time"

	"github.com/pmswriteback/pms/dentrix"
	"github.com/pmswriteback/pms/dentrix/dentrixtest"
	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms/odbctest"
)

// config connects with a profile, whose text is empty for none.
func (o *office) config(profile []byte) dentrix.Config {
	o.tb.Helper()
	cfg := dentrix.Config{Database: dentrix.NewDatabaseDSN(odbctest.DriverName, o.connection()), VerifyAfter: time.Nanosecond, Timeout: 20 * time.Second}
	if len(profile) > 0 {
		cfg.Profile = got(dentrix.ParseProfile(profile))(o)
	}
	return cfg
}

// connect connects with the stand-in's profile.
func (o *office) connect(env driver.Env) driver.Conn {
	return o.connectWith(env, dentrixtest.Profile())
}

func (o *office) connectWith(env driver.Env, profile []byte) driver.Conn {
	o.tb.Helper()
	k := got(dentrix.NewConnector(o.config(profile)))(o)
	conn := got(k.Connect(o.tb.Context(), env))(o)
	o.tb.Cleanup(func() { _ = conn.Close() })
	return conn
}

func (o *office) patient(first, last string, guarantor int) string {
	o.tb.Helper()
	return strconv.Itoa(got(o.AddPatient(o.tb.Context(), dentrixtest.Patient{First: first, Last: last, Born: "1980-02-29", Phone: "(503) 555-0142", Guarantor: guarantor}))(o))
}

func (o *office) visit(patient string, start time.Time, status int) string {
	o.tb.Helper()
	return strconv.Itoa(got(o.AddAppointment(o.tb.Context(), dentrixtest.Appointment{
		Patient: number(o, patient), Provider: "DDS1", Start: start, Duration: time.Hour, Status: status,
	}))(o))
}

// ref makes a Ref of a letter.
func ref(letter string) string { return string(bytes.Repeat([]byte(letter), driver.RefLen)) }

func note(patient, letter string) *driver.Note {
	return &driver.Note{
		Header: driver.Header{Ref: ref(letter), Patient: patient, Provider: "DDS1"}, About: driver.IncomingCall, Type: "3", At: time.Now(),
		Body: driver.NewText("Asked about Friday.\nRef " + ref(letter)), Part: 1, Parts: 1,
	}
}

func payment(patient, letter string) *driver.Payment {
	return &driver.Payment{
		Header: driver.Header{Ref: ref(letter), Patient: patient, Provider: "DDS1"}, Type: "7", Amount: driver.USD(10269),
		PostedOn: driver.DateOf(time.Now().UTC()), Memo: driver.NewText("card"),
	}
}

// ops is one operation of each kind; the refund is of the payment before it.
func (o *office) ops(patient, visit string) []driver.Op {
	content := []byte("%PDF-1.4 consent")
	sum := sha256.Sum256(content)
	head := func(letter string) driver.Header {
		return driver.Header{Ref: ref(letter), Patient: patient, Provider: "DDS1"}
	}
	today := driver.DateOf(time.Now().UTC())
	return []driver.Op{
		note(patient, "N"),
		&driver.Document{
			Header: head("D"), About: driver.AccountStatement, Folder: "1", Title: driver.NewText("Statement"), At: time.Now(), MIME: "application/pdf",
			Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:]),
			Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
		},
		&driver.StatusChange{Header: head("S"), Appointment: visit, From: "1", To: "2"},
		payment(patient, "P"),
		&driver.Refund{Header: head("R"), Of: "1", OfRef: ref("P"), OfAmount: driver.USD(10269), Amount: driver.USD(269), PostedOn: today},
		&driver.Adjustment{Header: head("A"), Type: "200", Amount: driver.USD(269), PostedOn: today},
	}
}
