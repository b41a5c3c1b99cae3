package memdriver_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
)

// Ids of the options that every PMS has which is not Bare.
const (
	phoneCall, fax           = "0101", "0109"
	insuranceFolder          = "0201"
	unconfirmed, confirmed   = "0301", "0302"
	texted, confirmedByFax   = "0303", "0309"
	creditCard, travelers    = "0401", "0409"
	offset, discount, senior = "0502", "0503", "0509"
	activeDoctor, oldDoctor  = "DOC1", "DOC0"
	activeHygienist, missing = "HYG1", "NOPE"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// practice is a PMS with a patient, an appointment and a connection.
type practice struct {
	*memdriver.PMS
	t           testing.TB
	conn        driver.Conn
	patient     string
	appointment string
	refs        int
}

func newPractice(t testing.TB, cfg memdriver.Config) *practice {
	t.Helper()
	p := &practice{PMS: memdriver.New(cfg), t: t}
	p.patient = p.AddPatient(driver.Patient{LastName: driver.NewText("Doe")})
	p.appointment = p.AddAppointment(driver.Appointment{Patient: p.patient, Start: noon.Add(24 * time.Hour)})
	p.conn = p.connect(driver.Env{Practice: "main-street"})
	return p
}

func (p *practice) connect(env driver.Env) driver.Conn {
	p.t.Helper()
	conn, err := p.Connector().Connect(context.Background(), env)
	require.NoError(p.t, err)
	p.t.Cleanup(func() { conn.Close() })
	return conn
}

// ref returns a Ref that was not used before.
func (p *practice) ref() string {
	p.refs++
	return refOf(p.refs)
}

func refOf(n int) string {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	out := bytes.Repeat([]byte{'A'}, driver.RefLen)
	for i := len(out) - 1; n > 0; i-- {
		out[i] = digits[n%32]
		n /= 32
	}
	return string(out)
}

func (p *practice) header() driver.Header {
	return driver.Header{Ref: p.ref(), Patient: p.patient, Provider: activeDoctor}
}

func (p *practice) note() *driver.Note {
	return &driver.Note{
		Header: p.header(), About: driver.IncomingCall, Type: phoneCall, At: noon,
		Body: driver.NewText("Asked about Friday."), Part: 1, Parts: 1,
	}
}

func (p *practice) document(content string) *driver.Document {
	sum := sha256.Sum256([]byte(content))
	return &driver.Document{
		Header: p.header(), About: driver.InsuranceVerification, Folder: insuranceFolder, Title: driver.NewText("Benefits"),
		At: noon, MIME: "application/pdf", Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:]),
		Open: func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader([]byte(content))), nil
		},
	}
}

func (p *practice) status(from, to string) *driver.StatusChange {
	return &driver.StatusChange{Header: p.header(), Appointment: p.appointment, From: from, To: to}
}

func (p *practice) payment(cents int64) *driver.Payment {
	return &driver.Payment{
		Header: p.header(), Type: creditCard, Amount: driver.USD(cents),
		PostedOn: driver.DateOf(noon), Memo: driver.NewText("Card"),
	}
}

func (p *practice) refund(of driver.Receipt, ofRef string, cents int64) *driver.Refund {
	return &driver.Refund{
		Header: p.header(), Of: of.ID, OfRef: ofRef, OfAmount: driver.USD(5000), Type: creditCard,
		Amount: driver.USD(cents), PostedOn: driver.DateOf(noon), Memo: driver.NewText("Refund"),
	}
}

func (p *practice) adjustment(of driver.Receipt, ofRef string, cents int64) *driver.Adjustment {
	return &driver.Adjustment{
		Header: p.header(), Of: of.ID, OfRef: ofRef, Type: offset,
		Amount: driver.USD(cents), PostedOn: driver.DateOf(noon), Memo: driver.NewText("Card fee"),
	}
}

// ops returns one of each operation, a refund of a payment made for it included.
func (p *practice) ops() map[driver.OpKind]driver.Op {
	p.t.Helper()
	paid := p.payment(5000)
	receipt := p.write(paid)
	return map[driver.OpKind]driver.Op{
		driver.OpNote: p.note(), driver.OpDocument: p.document("%PDF-1.7"), driver.OpStatus: p.status(unconfirmed, confirmed),
		driver.OpPayment: p.payment(700), driver.OpRefund: p.refund(receipt, paid.Ref, 300),
		driver.OpAdjustment: p.adjustment(receipt, paid.Ref, 300),
	}
}

// write carries out an operation that must succeed.
func (p *practice) write(op driver.Op) driver.Receipt {
	p.t.Helper()
	receipt, err := driver.Write(context.Background(), p.conn, op)
	require.NoError(p.t, err)
	return receipt
}

// written is how many rows there are of a kind.
func (p *practice) written(k driver.OpKind) int {
	c := p.Counts()
	return map[driver.OpKind]int{
		driver.OpNote: c.Notes, driver.OpDocument: c.Documents, driver.OpStatus: c.StatusWrites,
		driver.OpPayment: c.Payments, driver.OpRefund: c.Refunds, driver.OpAdjustment: c.Adjustments,
	}[k]
}

// changes reads one page.
func (p *practice) changes(feed driver.Feed, cursor string) driver.Page {
	p.t.Helper()
	page, err := driver.ReadChanges(context.Background(), p.conn, driver.ChangesQuery{Feed: feed, Cursor: cursor})
	require.NoError(p.t, err)
	require.NotEmpty(p.t, page.Next)
	return page
}

// clock is a host's clock that is set by hand.
type clock struct{ now chan time.Time }

func newClock() *clock {
	c := &clock{now: make(chan time.Time, 1)}
	c.now <- noon
	return c
}

func (c *clock) Now() time.Time {
	now := <-c.now
	c.now <- now
	return now
}

func (c *clock) Advance(d time.Duration) { c.now <- (<-c.now).Add(d) }

// name makes a subtest's name of an operation.
func name(k driver.OpKind, what ...any) string {
	return fmt.Sprint(append([]any{string(k)}, what...)...)
}
