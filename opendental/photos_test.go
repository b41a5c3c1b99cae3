package opendental

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
)

func TestNoNameFromOutsideLeavesThePatientsFolder(t *testing.T) {
	t.Parallel()
	name, ok := photoPath("SmithJane48", "SmithJane51.jpg")
	require.True(t, ok)
	require.Equal(t, "S/SmithJane48/SmithJane51.jpg", name)
	name, ok = photoPath("ångströmEva7", "x.png")
	require.True(t, ok)
	require.Equal(t, "Å/ångströmEva7/x.png", name)
	for _, bad := range []string{"", ".", "..", "a/b", `a\b`, "../x", "C:x", "a\x00b", "/etc", "\n"} {
		_, ok := photoPath(bad, "x.jpg")
		require.False(t, ok, "%q as folder", bad)
		_, ok = photoPath("Folder1", bad)
		require.False(t, ok, "%q as file", bad)
	}
}

// photoOffice has one photo, with the file name given.
func photoOffice(t *testing.T, fileName string) (*fakeOffice, Config) {
	f := newFakeOffice(t, "25.3.26.0")
	f.onJSON("GET /definitions", 200, []map[string]any{{"DefNum": 190, "ItemName": "Patient Pictures", "ItemValue": "PE", "isHidden": "false"}})
	f.onJSON("PUT /queries/ShortQuery", 200, []map[string]any{{
		"ServerNow": "2026-03-04T10:00:00", "DocNum": 7, "PatNum": 42, "DateCreated": "2026-01-02T00:00:00",
		"DateTStamp": "2026-01-02T11:00:00", "FileName": fileName, "ImageFolder": nameCanary + "42",
	}})
	return f, f.config()
}

func TestAPhotoIsReadFromAnyFileSystem(t *testing.T) {
	t.Parallel()
	f, cfg := photoOffice(t, nameCanary+"7.jpg")
	cfg.Images = fstest.MapFS{"Z/" + nameCanary + "42/" + nameCanary + "7.jpg": {Data: []byte("jpeg")}}
	c := f.connectWith(t, cfg)
	page, err := c.ReadWindow(t.Context(), driver.WindowQuery{Feed: driver.PhotoFeed})
	require.NoError(t, err)
	require.Len(t, page.Photos, 1)
	require.Equal(t, "image/jpeg", page.Photos[0].MIME)
	require.NotContains(t, page.Photos[0].Tag, nameCanary)
	r, err := c.OpenPhoto(t.Context(), "7")
	require.NoError(t, err)
	got, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.Equal(t, "jpeg", string(got))
	for _, id := range []string{"", "0", "x", "7 OR 1=1"} {
		_, err := c.OpenPhoto(t.Context(), id)
		require.ErrorIs(t, err, driver.ReasonInvalid)
	}
}

func TestALinkOutOfTheFolderIsNotFollowed(t *testing.T) {
	t.Parallel()
	folder, outside := t.TempDir(), filepath.Join(t.TempDir(), "secret.jpg")
	require.NoError(t, os.WriteFile(outside, []byte("secret"), 0o600))
	patient := filepath.Join(folder, "Z", nameCanary+"42")
	require.NoError(t, os.MkdirAll(patient, 0o700))
	require.NoError(t, os.Symlink(outside, filepath.Join(patient, "link.jpg")))
	f, cfg := photoOffice(t, "link.jpg")
	cfg.ImagesDir = folder
	_, err := f.connectWith(t, cfg).OpenPhoto(t.Context(), "7")
	require.Error(t, err)
	require.NotContains(t, err.Error(), nameCanary)
	require.NotContains(t, err.Error(), folder)
}

func TestAFolderThatIsGoneIsSaidInInfo(t *testing.T) {
	t.Parallel()
	f, cfg := photoOffice(t, "x.jpg")
	cfg.ImagesDir = filepath.Join(t.TempDir(), "not", "there")
	c := f.connectWith(t, cfg)
	info, err := c.Info(t.Context())
	require.NoError(t, err)
	require.False(t, info.Feeds[driver.PhotoFeed].Supported)
	require.Contains(t, info.Feeds[driver.PhotoFeed].Why, "A-to-Z folder cannot be opened")
	_, err = c.OpenPhoto(t.Context(), "7")
	require.ErrorIs(t, err, driver.ErrUnavailable)
}
