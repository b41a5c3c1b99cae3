package drivertest_test

import (
	"context"
	"fmt"

	"github.com/pmswriteback/pms/driver/drivertest"
)

// A vendor's program checks a driver and says what is not good. In a test it is
// drivertest.Run(t, harness).
func ExampleCheck() {
	harness := memory{}.harness()
	report := drivertest.Check(context.Background(), harness)
	fmt.Println(report.Product, report.Version, report.Err())
	for _, r := range report.With(drivertest.NotProved) {
		fmt.Println(r.Name(), r.Message)
	}
	// Output: Memory PMS 1.0 <nil>
}
