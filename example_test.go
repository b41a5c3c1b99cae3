package pms_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // the practice's zone, on computers that have none

	"github.com/pmswriteback/pms/driver"
	_ "github.com/pmswriteback/pms/opendental" // registers the driver
	"github.com/pmswriteback/pms/opendental/opendentaltest"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
	"github.com/pmswriteback/pms/writeback/sqlstore"
)

// call is an event of the host application: somebody in the practice had a
// patient on the phone.
type call struct {
	key     string // the host's own id of the call
	patient string // the PMS's id of the patient
	ended   time.Time
}

// check is how the example treats errors, to stay short.
func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// embed is what the README shows: all that a host wires, and a note.
func embed(ctx context.Context, file, dsn string, zone *time.Location, c call, told writeback.Handlers) error {
	store, err := sqlstore.Open(ctx, "sqlite", file) // keeps what must survive a crash
	check(err)
	defer store.Close()
	engine, err := writeback.New(writeback.Config{
		HostName: "Acme", Store: store, Handlers: told,
		Connect: func(ctx context.Context, practice string) (driver.Connector, error) {
			return driver.Open("opendental", dsn) // a host looks the practice's up in its vault
		},
	})
	check(err)
	practice, err := engine.AddPractice(ctx, writeback.PracticeConfig{ID: "main-street", Location: zone})
	check(err)
	doc, revision, err := practice.Settings(ctx) // as staff chose them; before that nothing is written
	check(err)
	doc.Sync.ProviderID, doc.Notes.Type = settings.Ref{ID: "1"}, settings.Ref{ID: "239"}
	doc.Notes.Enabled = map[driver.NoteKind]bool{driver.IncomingCall: true}
	_, err = practice.SaveSettings(ctx, doc, writeback.Save{Expect: revision, Actor: "dana"})
	check(err)
	_, err = practice.WriteNote(ctx, writeback.Note{
		Key: c.key, Kind: driver.IncomingCall, Patient: writeback.PatientID(c.patient),
		At: c.ended, Body: writeback.Text("Asked about Friday."),
	})
	check(err)             // from here on the note is on disk and will be written, once
	return engine.Run(ctx) // until ctx ends
}

// The README's code, at work on an emulated Open Dental office.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	office, err := opendentaltest.NewServer(opendentaltest.Config{})
	check(err)
	defer office.Close()
	_, err = office.AddProvider(ctx, opendentaltest.Provider{Abbr: "DOC1", LName: "Marlowe"})
	check(err)
	patient, err := office.AddPatient(ctx, opendentaltest.Patient{LName: "Sampleton", FName: "Nora"})
	check(err)
	dir, err := os.MkdirTemp("", "pms")
	check(err)
	defer os.RemoveAll(dir)
	zone, err := time.LoadLocation("America/Chicago")
	check(err)

	keys := opendentaltest.DefaultDeveloperKey + ":" + opendentaltest.DefaultCustomerKey
	dsn := "opendental://" + keys + "@" + strings.TrimPrefix(office.URL, "http://") + "?mode=service"
	told := writeback.Handlers{Items: func(_ context.Context, _ string, events []writeback.ItemEvent) error {
		for _, e := range events {
			fmt.Println(e.Current.Key, e.Name)
			if e.Name == writeback.EventWritten {
				cancel()
			}
		}
		return nil
	}}
	event := call{key: "call-8812", patient: strconv.FormatInt(patient.PatNum, 10), ended: time.Date(2026, 3, 2, 15, 4, 0, 0, time.UTC)}
	err = embed(ctx, filepath.Join(dir, "pms.db"), dsn, zone, event, told)
	fmt.Println("ended:", err)

	notes, err := office.Commlogs(context.Background())
	check(err)
	for _, n := range notes {
		fmt.Println(n.Note)
	}
	// Output:
	// call-8812 queued
	// call-8812 written
	// ended: context canceled
	// Incoming call, 2026-03-02 9:04 AM CST
	// Asked about Friday.
	// [Acme] M44IVOMWPMTNXOCF
}
