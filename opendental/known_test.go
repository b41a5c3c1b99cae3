package opendental

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
)

func TestAPatientStaysKnownWhileTheFeedTellsOfNoChange(t *testing.T) {
	t.Parallel()
	for _, told := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			f := insideOffice("25.3.26.0")
			f.onJSON("POST /commlogs", 201, map[string]any{"CommlogNum": 9})
			f.onJSON("GET /patients/Simple", 200, []map[string]any{})
			f.onJSON("GET /appointments", 200, []map[string]any{})
			c := dial(t, insideConfig(f, Remote))
			defer c.Close()
			poll := func() {
				cur := cursor{Feed: "patients", Since: "2000-01-01 00:00:00"}
				_, err := c.ReadChanges(t.Context(), driver.ChangesQuery{Feed: driver.PatientFeed, Cursor: cur.String()})
				require.NoError(t, err)
			}
			write := func() {
				_, err := c.Write(t.Context(), testNote())
				require.NoError(t, err)
			}
			write()
			write()
			require.Equal(t, 1, f.count("GET /patients/42"), "known for half a minute")
			for range 4 {
				time.Sleep(30 * time.Second)
				if told {
					poll()
				}
			}
			write()
			if !told {
				require.Equal(t, 2, f.count("GET /patients/42"), "nobody told of them")
				return
			}
			require.Equal(t, 1, f.count("GET /patients/42"))
			// The feed tells of a change, whatever it is.
			f.onJSON("GET /patients/Simple", 200, []map[string]any{{
				"PatNum": 42, "PatStatus": "Archived", "DateTStamp": "2000-01-01 00:02:00", "serverDateTime": "2000-01-01 00:02:00",
			}})
			f.onJSON("GET /patients/42", 200, map[string]any{"PatNum": 42, "PatStatus": "Archived"})
			poll()
			_, err := c.Write(t.Context(), testNote())
			require.ErrorIs(t, err, driver.ReasonPatientArchived)
			// And for money they are looked at each time.
			require.Equal(t, 2, f.count("GET /patients/42"))
			_, err = c.Write(t.Context(), testPayment())
			require.ErrorIs(t, err, driver.ReasonPatientArchived)
			require.Equal(t, 3, f.count("GET /patients/42"))
		})
	}
}

func TestAPatientWhoWasJustSeenToBeMergedIsNoLongerKnown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := insideOffice("25.3.26.0")
		f.onJSON("POST /commlogs", 201, map[string]any{"CommlogNum": 9})
		f.onJSON("GET /commlogs", 200, []map[string]any{})
		f.onJSON("PUT /queries/ShortQuery", 200, []map[string]any{})
		c := dial(t, insideConfig(f, Remote))
		defer c.Close()
		_, err := c.Write(t.Context(), testNote())
		require.NoError(t, err)
		f.onJSON("GET /patients/42", 200, map[string]any{"PatNum": 42, "PatStatus": "Archived"})
		_, _, err = c.Verify(t.Context(), testNote())
		require.NoError(t, err)
		_, err = c.Write(t.Context(), testNote())
		require.ErrorIs(t, err, driver.ReasonPatientArchived)
	})
}

func TestForMoneyEverythingIsLookedAtAnewInRemoteModeToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := paying()
		f.onJSON("POST /commlogs", 201, map[string]any{"CommlogNum": 9})
		c := dial(t, insideConfig(f, Remote))
		defer c.Close()
		_, err := c.Write(t.Context(), testNote())
		require.NoError(t, err)
		for range 2 {
			looks := []string{"GET /patients/42", "GET /definitions", "GET /preferences", "GET /accountmodules/42/PatientBalances"}
			before := map[string]int{}
			for _, look := range looks {
				before[look] = f.count(look)
			}
			_, err = c.Write(t.Context(), testPayment())
			require.NoError(t, err)
			for _, look := range looks {
				n := 1
				if look == "GET /preferences" {
					n = 5 // two of maintenance, two of the closed period, one of the provider
				}
				require.Equal(t, before[look]+n, f.count(look), look)
			}
		}
	})
}

// The feed of patients does not show who was deleted, and an upload for nobody is
// taken; all else the API refuses.
func TestAnUploadTakesThePatientForKnownOnlyForAShortTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := insideOffice("25.3.26.0")
		f.onJSON("POST /commlogs", 201, map[string]any{"CommlogNum": 9})
		f.onJSON("POST /documents/Upload", 201, map[string]any{"DocNum": 8})
		f.onJSON("GET /patients/Simple", 200, []map[string]any{})
		c := dial(t, insideConfig(f, Remote))
		defer c.Close()
		_, err := c.Write(t.Context(), testNote())
		require.NoError(t, err)
		time.Sleep(time.Minute)
		cur := cursor{Feed: "patients", Since: "2000-01-01 00:00:00"}
		_, err = c.ReadChanges(t.Context(), driver.ChangesQuery{Feed: driver.PatientFeed, Cursor: cur.String()})
		require.NoError(t, err)
		_, err = c.Write(t.Context(), testNote())
		require.NoError(t, err)
		require.Equal(t, 1, f.count("GET /patients/42"), "a note: the feed told of no change")
		_, err = c.Write(t.Context(), &driver.Document{
			Header: header(), About: driver.AccountStatement, Folder: "71", Title: driver.NewText("x"), At: time.Now(), MIME: "application/pdf",
			Size: 3, Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("abc")), nil },
		})
		require.NoError(t, err)
		require.Equal(t, 2, f.count("GET /patients/42"), "an upload")
	})
}
