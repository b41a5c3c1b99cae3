package memdriver_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
)

// The answer to a note is lost. Verify finds the note, so that it is not sent
// again.
func Example() {
	ctx := context.Background()
	pms := memdriver.New(memdriver.Config{})
	patient := pms.AddPatient(driver.Patient{LastName: driver.NewText("Doe")})
	conn, err := pms.Connector().Connect(ctx, driver.Env{Practice: "main-street"})
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	pms.Fail(memdriver.Fault{On: "write note", Times: 1, Effect: memdriver.After})
	note := &driver.Note{
		Header: driver.Header{Ref: "MAINSTREETCALL22", Patient: patient, Provider: "DOC1"},
		About:  driver.IncomingCall, Type: "0101", Body: driver.NewText("Asked about Friday."), Part: 1, Parts: 1,
	}
	_, err = driver.Write(ctx, conn, note)
	fmt.Println(err, errors.Is(err, driver.ErrUnknownOutcome))

	verdict, receipt, err := driver.Verify(ctx, conn, note)
	fmt.Println(verdict, receipt.ID, err)
	fmt.Println(len(pms.Notes()), pms.Notes()[0].Body)
	// Output:
	// memory: write note: unknown outcome true
	// applied not-1 <nil>
	// 1 [redacted]
}
