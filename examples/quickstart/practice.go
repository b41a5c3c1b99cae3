package main

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

// officeZone is where the emulated practice is. Open Dental keeps wall times
// without a zone, so the engine must be told.
const officeZone = "America/Los_Angeles"

// The size of the emulated practice.
const (
	officePatients = 300
	officePerDay   = 24 // appointments on a working day
	officePhotos   = 60
)

// practice is an emulated dental practice: its Open Dental, which answers on a
// port of this computer as the real API Service does, and its folder of images.
// It lives in files, so that it is there again after the process was killed.
type practice struct {
	*opendentaltest.Server
	store opendentaltest.Store
	// dsn is how the engine reaches it.
	dsn string
}

func openPractice(ctx context.Context, f *folder) (*practice, error) {
	zone, err := time.LoadLocation(officeZone)
	if err != nil {
		return nil, err
	}
	store, err := opendentaltest.SQLite(f.file(practiceFile))
	if err != nil {
		return nil, err
	}
	server, err := opendentaltest.NewServer(opendentaltest.Config{
		Mode: opendentaltest.ModeService, Store: store, AtoZ: f.file(imagesFolder), Location: zone,
	})
	if err != nil {
		_ = store.Close() // the server's error is the one to tell
		return nil, err
	}
	p := &practice{Server: server, store: store}
	if err := p.furnish(ctx); err != nil {
		_ = p.close()
		return nil, err
	}
	address, err := url.Parse(server.URL)
	if err != nil {
		_ = p.close()
		return nil, err
	}
	address.Scheme = "opendental"
	address.User = url.UserPassword(opendentaltest.DefaultDeveloperKey, opendentaltest.DefaultCustomerKey)
	address.RawQuery = url.Values{
		"mode": {"service"},
		// Pictures come from the office's folder; the API does not give them.
		"images": {f.file(imagesFolder)},
		// After a crash the engine looks in the PMS before it sends anything again,
		// and it waits until a request that was cut off can no longer take effect.
		// This PMS died with the process, so there is nothing to wait for. A real
		// one needs the default, which is minutes.
		"verify_after": {"500ms"},
	}.Encode()
	p.dsn = address.String()
	return p, nil
}

// furnish makes up the practice the first time, and does nothing afterwards.
func (p *practice) furnish(ctx context.Context) error {
	patients, err := p.Patients(ctx)
	if err != nil {
		return err
	}
	if len(patients) == 0 {
		if _, err := p.Seed(ctx, opendentaltest.SeedConfig{
			Seed: 20, Patients: officePatients, PerDay: officePerDay, Photos: officePhotos,
		}); err != nil {
			return err
		}
	}
	// What the practice's manager set up when the host was introduced.
	for _, name := range []string{typeOnline, typeProvider, typeTerminal, typeSurcharge} {
		if _, err := p.DefNum(ctx, opendentaltest.CategoryPaymentTypes, name); err == nil {
			continue
		}
		if _, err := p.AddDefinition(ctx, opendentaltest.Definition{
			Category: opendentaltest.CategoryPaymentTypes, ItemName: name,
		}); err != nil {
			return err
		}
	}
	// Without this the provider cannot be recorded on a payment.
	return p.SetPreference(ctx, "AllowPrepayProvider", "1")
}

// patientCount is how many patients an import will bring.
func (p *practice) patientCount(ctx context.Context) (int, error) {
	patients, err := p.Patients(ctx)
	return len(patients), err
}

func (p *practice) describe() string {
	version, err := p.Preference(context.Background(), "ProgramVersion")
	if err != nil {
		version = "?"
	}
	return fmt.Sprintf("Open Dental %s, emulated, at %s (Service mode)", version, p.URL)
}

func (p *practice) close() error {
	err := p.Server.Close()
	if e := p.store.Close(); err == nil {
		err = e
	}
	return err
}
