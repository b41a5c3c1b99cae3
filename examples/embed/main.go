package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"
	_ "time/tzdata" // the practice's zone, on computers that have none

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
	"github.com/pmswriteback/pms/writeback/memstore"
)

func main() { embed(append(os.Args[1:], "examples/embed/settings.json")[0]) }

func embed(file string) {
	ctx, end := context.WithTimeout(context.Background(), 10*time.Second)
	pms, told, ended := memdriver.New(memdriver.Config{}), make(chan bool, 100), make(chan error, 1)
	pms.AddDemo(1)
	pms.SetOffline(true) // for now
	engine := must(writeback.New(writeback.Config{
		HostName: "Acme", Store: memstore.New(), Retry: writeback.Backoff{Min: 50 * time.Millisecond, Max: time.Second},
		Connect: func(context.Context, string) (driver.Connector, error) { return pms.Connector(), nil },
		Handlers: writeback.Handlers{Items: func(_ context.Context, _ string, events []writeback.ItemEvent) error {
			for _, e := range events {
				fmt.Printf("%s %-8s %-18s %s\n", e.Current.Key, e.To, e.Reason, e.Words)
				told <- true
			}
			return nil
		}},
	}))
	practice := must(engine.AddPractice(ctx, writeback.PracticeConfig{ID: "main-street", Location: must(time.LoadLocation("America/Chicago"))}))
	doc, problems, err := settings.Parse(must(os.ReadFile(file)), settings.Human)
	if settings.HasErrors(must(problems, err)) {
		log.Fatalln(file, problems)
	}
	fmt.Println("saved with", must(practice.SaveSettings(ctx, doc, writeback.Save{Actor: "dana"})))
	go func() { defer close(told); ended <- engine.Run(ctx) }()
	must(practice.WriteNote(ctx, writeback.Note{Key: "call-1", Kind: driver.IncomingCall, Patient: writeback.PatientID("pat-1"), At: time.Now(), Body: writeback.Text("Friday?")}))
	<-told                // it is queued
	pms.SetOffline(false) // now the PMS shows that the provider is inactive,
	<-told                // which holds the note
	doc.Sync.ProviderID = settings.Ref{ID: "DOC1"}
	must(practice.SaveSettings(ctx, doc, writeback.Save{Expect: 1, Actor: "dana", Reason: "Dr. Tired has left"}))
	_, _ = <-told, <-told // it is queued again, and written
	end()
	fmt.Println("ended:", <-ended, "-", len(pms.Notes()), "note in the PMS")
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
