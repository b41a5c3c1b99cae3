package opendentaltest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

// call is the integrator's own client, cut to the bone.
func call(base, method, path, body string) (int, map[string]any) {
	r, err := http.NewRequest(method, base+path, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	opendentaltest.SetHeaders(r, opendentaltest.DefaultDeveloperKey, opendentaltest.DefaultCustomerKey)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		panic(err)
	}
	defer resp.Body.Close()
	var v map[string]any
	_ = json.NewDecoder(resp.Body).Decode(&v) // an error's body is plain text
	return resp.StatusCode, v
}

// A note is written through the API and read back from the practice's tables.
func Example() {
	ctx := context.Background()
	office, err := opendentaltest.NewServer(opendentaltest.Config{})
	if err != nil {
		panic(err)
	}
	defer office.Close()
	patient, err := office.AddPatient(ctx, opendentaltest.Patient{LName: "Quillfeather", FName: "Ada"})
	if err != nil {
		panic(err)
	}

	status, row := call(office.URL, "POST", "/commlogs", fmt.Sprintf(`{"PatNum":%d,"Note":"Called about Friday."}`, patient.PatNum))
	fmt.Println(status, row["commType"], row["Mode_"])

	notes, err := office.Commlogs(ctx)
	if err != nil {
		panic(err)
	}
	fmt.Println(len(notes), notes[0].Note)
	fmt.Println(office.Count("POST", "/commlogs"), "request")
	// Output:
	// 201 Misc Phone
	// 1 Called about Friday.
	// 1 request
}

// The answer to a payment is lost, and the payment is there all the same: a
// client that sends it again posts it twice.
func ExampleOffice_Inject() {
	ctx := context.Background()
	office, err := opendentaltest.NewServer(opendentaltest.Config{})
	if err != nil {
		panic(err)
	}
	defer office.Close()
	patient, err := office.AddPatient(ctx, opendentaltest.Patient{LName: "Quillfeather", FName: "Ada"})
	if err != nil {
		panic(err)
	}
	slow, err := office.Inject(opendentaltest.Fault{Kind: opendentaltest.FaultTimeoutLater, Method: "POST", Route: "/payments"})
	if err != nil {
		panic(err)
	}

	status, _ := call(office.URL, "POST", "/payments", fmt.Sprintf(`{"PatNum":%d,"PayAmt":"40.00"}`, patient.PatNum))
	payments, _ := office.Payments(ctx)
	fmt.Println(status, len(payments))

	slow.Release() // the office gets around to it
	payments, _ = office.Payments(ctx)
	fmt.Println(len(payments), payments[0].PayAmt)
	// Output:
	// 504 0
	// 1 40
}

// The front desk changes a status while a client is polling.
func ExampleOffice_SetConfirmed() {
	ctx := context.Background()
	office, err := opendentaltest.NewServer(opendentaltest.Config{Now: func() time.Time { return time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC) }})
	if err != nil {
		panic(err)
	}
	defer office.Close()
	made, err := office.Seed(ctx, opendentaltest.SeedConfig{Patients: 10, Days: 1})
	if err != nil {
		panic(err)
	}
	next := made.Appointments[len(made.Appointments)-1]
	if err := office.SetConfirmed(ctx, next.AptNum, 22); err != nil { // Arrived
		panic(err)
	}
	_, row := call(office.URL, "GET", fmt.Sprintf("/appointments/%d", next.AptNum), "")
	fmt.Println(row["confirmed"], row["DateTimeArrived"])
	// Output:
	// Arrived 2026-03-02 09:00:00
}
