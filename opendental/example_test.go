package opendental_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/opendental"
	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

// A connection to an emulated office, and a note for a patient of it.
func Example() {
	ctx := context.Background()
	office, err := opendentaltest.NewServer(opendentaltest.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer office.Close()
	patient, err := office.AddPatient(ctx, opendentaltest.Patient{LName: "Sampleton", FName: "Nora"})
	if err != nil {
		log.Fatal(err)
	}

	connector, err := opendental.Config{
		Mode:         opendental.Service,
		URL:          office.URL,
		DeveloperKey: driver.NewSecret(opendentaltest.DefaultDeveloperKey),
		CustomerKey:  driver.NewSecret(opendentaltest.DefaultCustomerKey),
	}.Connector()
	if err != nil {
		log.Fatal(err)
	}
	conn, err := connector.Connect(ctx, driver.Env{Practice: "main-street", Location: time.UTC})
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	_, err = driver.Write(ctx, conn, &driver.Note{
		Header: driver.Header{Ref: "K7QZ2MWEXA4TNB5C", Patient: fmt.Sprint(patient.PatNum)},
		About:  driver.IncomingCall,
		At:     time.Now(),
		Body:   driver.NewText("Asked about Friday.\nRef K7QZ2MWEXA4TNB5C"),
		Part:   1, Parts: 1,
	})
	if err != nil {
		log.Fatal(err)
	}
	notes, err := office.Commlogs(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(notes), "note")
	// Output: 1 note
}
