package opendentaltest_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

func TestSeedIsLifelikeAndTheSameEachTime(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 4, 18, 0, 0, 0, time.UTC)
	seed := func(number uint64) (opendentaltest.Seeded, *opendentaltest.Server) {
		s, _ := newServer(t, opendentaltest.Config{Now: func() time.Time { return noon }, AtoZ: t.TempDir()})
		made, err := s.Seed(t.Context(), opendentaltest.SeedConfig{Seed: number, Patients: 40, Days: 8})
		require.NoError(t, err)
		return made, s
	}
	a, office := seed(7)
	b, _ := seed(7)
	other, _ := seed(8)
	require.Equal(t, a, b)
	require.NotEqual(t, a.Patients, other.Patients)

	families := map[int64]int{}
	for _, p := range a.Patients {
		families[p.Guarantor]++
		require.NotEmpty(t, p.LName)
		require.False(t, p.Birthdate.IsZero())
		require.True(t, p.DateTStamp.Before(noon.AddDate(0, 0, -1)), "they did not all come this second")
	}
	require.Greater(t, len(families), 5)
	require.Less(t, len(families), 40)
	hidden := 0
	for _, p := range a.Providers {
		if p.IsHidden {
			hidden++
		}
	}
	require.Equal(t, 1, hidden)
	require.Len(t, a.Photos, 8)
	past, future := 0, 0
	for _, apt := range a.Appointments {
		if apt.AptDateTime.Before(noon) {
			past++
		} else {
			future++
		}
	}
	require.Greater(t, past, 30)
	require.Greater(t, future, 30)
	_, err := office.Seed(t.Context(), opendentaltest.SeedConfig{})
	require.ErrorContains(t, err, "already has patients")
}

func TestSeedWorksOnEachStore(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		s, c := newServer(t, cfg)
		made, err := s.Seed(t.Context(), opendentaltest.SeedConfig{Patients: 12, Days: 2, Photos: 2})
		require.NoError(t, err)
		require.Len(t, c.list("/patients/Simple"), 12)
		require.Len(t, c.list("/appointments"), len(made.Appointments))
		docs, err := s.Documents(t.Context())
		require.NoError(t, err)
		require.Equal(t, made.Photos[0].Content, docs[0].Content)
	})
}

func TestManyClientsAtOnceLoseNothing(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		p := open(t, cfg)
		const clients, each = 8, 10
		var wg sync.WaitGroup
		failed := make(chan string, clients*each)
		for n := range clients {
			wg.Go(func() {
				for i := range each {
					a := p.try("POST", "/commlogs", map[string]any{"PatNum": p.ada.PatNum, "Note": fmt.Sprint(n, "-", i)})
					if a.err != nil || a.status != 201 {
						failed <- a.text
					}
					if a = p.try("GET", "/appointments?PatNum=1", nil); a.status != 200 {
						failed <- a.text
					}
				}
			})
		}
		wg.Wait()
		require.Empty(t, failed)
		require.Equal(t, clients*each, p.notes())
		require.Equal(t, clients*each, p.Count("POST", "/commlogs"))
		require.Equal(t, clients*each, p.Counts()["GET /appointments"])
		p.ResetCounts()
		require.Empty(t, p.Counts())
	})
}

func TestObserverAndLogSeeRequestsButNoPatientData(t *testing.T) {
	t.Parallel()
	var seen []opendentaltest.Exchange
	log, text := newLog()
	p := open(t, opendentaltest.Config{Log: log, Observe: func(ex opendentaltest.Exchange) { seen = append(seen, ex) }})
	p.list("/patients/Simple?LName=Quillfeather")
	p.do(201, "POST", "/commlogs", map[string]any{"PatNum": p.ada.PatNum, "Note": "a private word"})
	p.inject(opendentaltest.Fault{Kind: opendentaltest.FaultCutAfter})
	p.try("PUT", p.path("/appointments/%d/Note", p.appointment.AptNum), map[string]any{"Note": "a private word"})
	require.NoError(t, p.Close())
	require.Len(t, seen, 3)
	require.Equal(t, "/patients/Simple", seen[0].Route)
	require.Equal(t, []string{"LName"}, seen[0].Query)
	require.Equal(t, 201, seen[1].Status)
	require.Positive(t, seen[1].RequestBytes)
	require.Zero(t, seen[2].Status)
	require.Equal(t, opendentaltest.FaultCutAfter, seen[2].Fault)
	require.Contains(t, text.String(), "/appointments/{AptNum}/Note")
	for _, secret := range []string{"Quill", "private", opendentaltest.DefaultCustomerKey, opendentaltest.DefaultDeveloperKey} {
		require.NotContains(t, text.String(), secret)
		require.NotContains(t, fmt.Sprintf("%+v", seen), secret)
	}
}
