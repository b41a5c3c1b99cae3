package opendentaltest_test

import (
	"bytes"
	"context"
	"net/http"
	"testing"

	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

func BenchmarkNewOffice(b *testing.B) {
	for b.Loop() {
		o, err := opendentaltest.NewOffice(opendentaltest.Config{})
		if err != nil {
			b.Fatal(err)
		}
		if err := o.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSeed(b *testing.B) {
	for b.Loop() {
		o, err := opendentaltest.NewOffice(opendentaltest.Config{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := o.Seed(context.Background(), opendentaltest.SeedConfig{Patients: 200}); err != nil {
			b.Fatal(err)
		}
		if err := o.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRequest is a request to the API Service over the loopback.
func BenchmarkRequest(b *testing.B) {
	s, err := opendentaltest.NewServer(opendentaltest.Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Seed(context.Background(), opendentaltest.SeedConfig{Patients: 1000}); err != nil {
		b.Fatal(err)
	}
	send := func(method, path, body string) {
		r, err := http.NewRequest(method, s.URL+path, bytes.NewReader([]byte(body)))
		if err != nil {
			b.Fatal(err)
		}
		opendentaltest.SetHeaders(r, opendentaltest.DefaultDeveloperKey, opendentaltest.DefaultCustomerKey)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode >= 300 {
			b.Fatal(resp.Status)
		}
		var sink bytes.Buffer
		if _, err := sink.ReadFrom(resp.Body); err != nil {
			b.Fatal(err)
		}
	}
	for _, request := range []struct{ name, method, path, body string }{
		{"post commlog", "POST", "/commlogs", `{"PatNum":1,"Note":"A note about a call."}`},
		{"confirm", "PUT", "/appointments/1/Confirm", `{"defNum":21}`},
		{"post payment", "POST", "/payments", `{"PatNum":1,"PayAmt":"12.50"}`},
		{"get appointment", "GET", "/appointments/1", ""},
		{"changed appointments, none", "GET", "/appointments?DateTStamp=2199-01-01", ""},
		{"page of 1000 patients", "GET", "/patients/Simple", ""},
		{"short query", "PUT", "/queries/ShortQuery", `{"SqlCommand":"SELECT PatNum, LName FROM patient WHERE PatNum IN (1, 2, 3)"}`},
	} {
		b.Run(request.name, func(b *testing.B) {
			for b.Loop() {
				send(request.method, request.path, request.body)
			}
		})
	}
}
