package writeback

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
)

// crowd are patients of whom the last is the one that is looked for. Their birth
// dates are those of 40,000 days, or all the same.
func crowd(n int, sameDay bool) []driver.Patient {
	first := []string{"José María", "Ada", "Łukasz", "Mary-Ann", "Søren", "Grace"}
	last := []string{"García-López", "O'Brien", "Lovelace", "van der Berg", "Strauß", "Hopper Jr."}
	list := make([]driver.Patient, n)
	for i := range list {
		day := driver.Date{Year: 1920 + i%100, Month: time.Month(1 + i/100%12), Day: 1 + i/1200%28}
		if sameDay {
			day = born
		}
		list[i] = candidate(fmt.Sprint(i), first[i%len(first)], fmt.Sprint(last[i/7%len(last)], " ", i))
		list[i].BirthDate = driver.NewBirthDate(day)
	}
	list[n-1] = candidate("wanted", "Ada", "Lovelace")
	return list
}

// BenchmarkMatchAmong100000Patients matches one payment. The baseline looks at
// everybody's birth date itself; what is measured against it looks at those who
// were born that day, as they come without a PMS and from one, and at the worst:
// everybody has the same birth date, such as one that stands for "unknown".
func BenchmarkMatchAmong100000Patients(b *testing.B) {
	const patients = 100_000
	spread, sameDay := crowd(patients, false), crowd(patients, true)
	var ofThatDay []driver.Patient
	for _, p := range spread {
		if p.BirthDate.Equal(driver.NewBirthDate(born)) {
			ofThatDay = append(ofThatDay, p)
		}
	}
	bare := func(list []driver.Patient) func(*testing.B) {
		return func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if match(PatientNamed("Ada", "Lovelace", born), list).Patient != "wanted" {
					b.Fatal("not found")
				}
			}
			b.ReportMetric(float64(len(list)), "candidates")
		}
	}
	b.Run("baseline", bare(spread))
	b.Run("one-birth-date", bare(ofThatDay))
	b.Run("shared-birth-date", bare(sameDay))
	for _, from := range []struct {
		name string
		list []driver.Patient
	}{{"driver", spread}, {"driver-shared-birth-date", sameDay}} {
		pms := memdriver.New(memdriver.Config{})
		for _, p := range from.list {
			pms.AddPatient(p)
		}
		conn, err := pms.Connector().Connect(b.Context(), driver.Env{})
		require.NoError(b, err)
		b.Run(from.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				it := patientIs(paymentItem(), someone, matchPending)
				err := it.lookUp(b.Context(), func(ctx ctx, q driver.PatientQuery) ([]driver.Patient, error) {
					return driver.FindPatients(ctx, conn, q)
				})
				if err != nil || it.pr.Match.Patient != "wanted" {
					b.Fatal("not found")
				}
			}
		})
		require.NoError(b, conn.Close())
	}
}
