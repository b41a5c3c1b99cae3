package memdriver_test

import (
	"sync/atomic"
	"testing"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
)

// BenchmarkWrite is what the PMS costs as the sink of other benchmarks: 64
// writers on one connection.
func BenchmarkWrite(b *testing.B) {
	p := newPractice(b, memdriver.Config{MaxCalls: 64})
	var serial atomic.Int64
	for kind, make := range map[driver.OpKind]func(driver.Header) driver.Op{
		driver.OpNote: func(h driver.Header) driver.Op {
			return &driver.Note{Header: h, About: driver.PatientNote, Type: phoneCall, Body: driver.NewText("Asked about Friday."), Part: 1, Parts: 1}
		},
		driver.OpPayment: func(h driver.Header) driver.Op {
			return &driver.Payment{Header: h, Type: creditCard, Amount: driver.USD(100), PostedOn: driver.DateOf(noon)}
		},
	} {
		b.Run(string(kind), func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(64)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					op := make(driver.Header{Ref: refOf(int(serial.Add(1))), Patient: p.patient, Provider: activeDoctor})
					if _, err := driver.Write(b.Context(), p.conn, op); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
