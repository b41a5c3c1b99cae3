package eaglesoft_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
)

// An id that no patient can have must not end a page of new patients in a cursor that
// is refused, nor in one that begins again.
func TestOddIDsAmongNewPatientsDoNotHoldTheFeed(t *testing.T) {
	t.Parallel()
	for name, odd := range map[string][]string{"first": {""}, "between": {"1001é"}, "last": {"é1"}, "some": {"", "1001é", "é1"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, time.UTC)
			conn := o.connect(o.config())
			page, err := driver.ReadChanges(t.Context(), conn, driver.ChangesQuery{Feed: driver.PatientFeed})
			require.NoError(t, err)
			want := map[string]bool{o.patient(): true, o.patient(): true}
			for _, id := range odd {
				o.Run("INSERT INTO PPM.patient (patient_id, first_name, last_name, status, responsible_party, date_entered)"+
					" SELECT ?, first_name, last_name, status, responsible_party, date_entered FROM PPM.patient WHERE patient_id='1001'", id)
			}
			got := map[string]bool{}
			for pages := 0; ; pages++ {
				require.Less(t, pages, 10, "the run ends")
				page, err = driver.ReadChanges(t.Context(), conn, driver.ChangesQuery{Feed: driver.PatientFeed, Cursor: page.Next, Limit: 2})
				require.NoError(t, err)
				for _, p := range page.Patients {
					got[p.ID] = true
				}
				if !page.More {
					break
				}
			}
			for id := range want {
				require.Contains(t, got, id)
			}
		})
	}
}
