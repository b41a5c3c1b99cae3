package memdriver_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
)

var implements = map[memdriver.Capability]func(driver.Conn) bool{
	memdriver.CanReadCatalogs:    func(c driver.Conn) bool { _, ok := c.(driver.Cataloger); return ok },
	memdriver.CanFindPatients:    func(c driver.Conn) bool { _, ok := c.(driver.PatientFinder); return ok },
	memdriver.CanReadChanges:     func(c driver.Conn) bool { _, ok := c.(driver.ChangeReader); return ok },
	memdriver.CanReadWindows:     func(c driver.Conn) bool { _, ok := c.(driver.WindowReader); return ok },
	memdriver.CanReadAppointment: func(c driver.Conn) bool { _, ok := c.(driver.AppointmentReader); return ok },
	memdriver.CanOpenPhotos:      func(c driver.Conn) bool { _, ok := c.(driver.PhotoReader); return ok },
	memdriver.CanWrite:           func(c driver.Conn) bool { _, ok := c.(driver.Writer); return ok },
	memdriver.CanVerify:          func(c driver.Conn) bool { _, ok := c.(driver.Verifier); return ok },
}

func TestAConnectionHasAllCapabilitiesButTheHiddenOnesAndInfoAgrees(t *testing.T) {
	t.Parallel()
	var all []memdriver.Capability
	for c := range implements {
		all = append(all, c)
	}
	for set := range 1 << len(all) {
		var hide []memdriver.Capability
		hidden := map[memdriver.Capability]bool{}
		for i, c := range all {
			if set&(1<<i) != 0 {
				hide = append(hide, c)
				hidden[c] = true
			}
		}
		p := newPractice(t, memdriver.Config{Hide: hide})
		if hidden[memdriver.CanWrite] {
			hidden[memdriver.CanVerify] = true
		}
		for c, has := range implements {
			require.Equal(t, !hidden[c], has(p.conn), "%s with %v hidden", c, hide)
		}
		info, err := p.conn.Info(t.Context())
		require.NoError(t, err)
		require.NoError(t, p.conn.Ping(t.Context()))
		for _, c := range driver.Catalogs() {
			agrees(t, !hidden[memdriver.CanReadCatalogs], info.Catalogs[c])
		}
		for _, by := range []driver.FindBy{driver.FindByID, driver.FindByBirthDate, driver.FindByPhone} {
			agrees(t, !hidden[memdriver.CanFindPatients], info.Find[by])
		}
		for _, k := range driver.OpKinds() {
			agrees(t, !hidden[memdriver.CanWrite], info.Ops[k].Support)
		}
		for _, f := range driver.Feeds() {
			readable := !hidden[memdriver.CanReadChanges] || !hidden[memdriver.CanReadWindows]
			if f == driver.PhotoFeed && hidden[memdriver.CanOpenPhotos] {
				readable = false
			}
			agrees(t, readable, info.Feeds[f].Support)
			require.Equal(t, readable && !hidden[memdriver.CanReadChanges], info.Feeds[f].Changes)
			require.Equal(t, readable && !hidden[memdriver.CanReadWindows], info.Feeds[f].Window)
		}
	}
}

func agrees(t *testing.T, want bool, got driver.Support) {
	t.Helper()
	require.Equal(t, want, got.Supported)
	require.Equal(t, want, got.Why == "")
}

func TestAnUnknownCapabilityIsAMistake(t *testing.T) {
	t.Parallel()
	require.Panics(t, func() { memdriver.New(memdriver.Config{Hide: []memdriver.Capability{"gossip"}}) })
}

func TestInfoIsTheCallersOwn(t *testing.T) {
	t.Parallel()
	p := newPractice(t, memdriver.Config{})
	want := p.Info()
	info, err := p.conn.Info(t.Context())
	require.NoError(t, err)
	require.Equal(t, want, info)
	info.Ops[driver.OpDocument].MIME[0] = "changed"
	delete(info.Feeds, driver.PhotoFeed)
	require.Equal(t, want, p.Info())
	var leaked *driver.Info
	p.SetInfo(func(i *driver.Info) { i.Version, leaked = "2.0", i })
	delete(leaked.Catalogs, driver.Providers)
	require.Equal(t, "2.0", p.Info().Version)
	require.Contains(t, p.Info().Catalogs, driver.Providers)
}
