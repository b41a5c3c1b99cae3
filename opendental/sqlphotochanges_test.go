package opendental_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
)

// photo adds a picture of a patient.
func (o *office) photo(patient int64) int64 {
	o.tb.Helper()
	doc, err := o.AddPhoto(o.tb.Context(), patient, ".jpg", []byte("jpeg"))
	o.must(err)
	o.passed.Add(int64(time.Minute)) // no two of one second
	return doc.DocNum
}

func shows(page driver.Page, doc int64) bool {
	return slices.ContainsFunc(page.Photos, func(p driver.Photo) bool { return p.ID == id(doc) })
}

// album is an office with three patients, the first with two photos, and many
// other documents behind them, and a cursor from which nothing is left.
func album(t *testing.T, o *office, r reader) (older, newer, other int64, cursor string) {
	t.Helper()
	ada, bea := o.patient("Ada", "Quill"), o.patient("Bea", "Quill")
	older, newer, other = o.photo(ada), o.photo(ada), o.photo(bea)
	for range 30 { // behind the first mark
		_, err := o.AddDocument(t.Context(), bea, insurance, "Card", ".pdf", []byte("%PDF"))
		require.NoError(t, err)
	}
	cursor = r.changes(driver.PhotoFeed, "").Next
	for range 5 { // the mark moves on
		o.passed.Add(int64(50 * time.Minute))
		page := r.changes(driver.PhotoFeed, cursor)
		cursor = page.Next
	}
	o.passed.Add(int64(61 * time.Minute))
	return older, newer, other, r.changes(driver.PhotoFeed, cursor).Next // the net was cast
}

func TestANewPhotoComesAtOnceAndAgainWhenItIsCompleted(t *testing.T) {
	onEachEngine(t, func(t *testing.T, o *office, r reader) {
		_, _, _, cursor := album(t, o, r)
		cleo := o.patient("Cleo", "Quill")
		doc := o.photo(cleo)
		before := len(o.tables.heard())
		page := r.changes(driver.PhotoFeed, cursor)
		require.True(t, shows(page, doc))
		require.LessOrEqual(t, len(o.tables.heard())-before, 4)
		o.passed.Add(int64(20 * time.Minute))
		page = r.changes(driver.PhotoFeed, page.Next)
		require.NoError(t, o.ReplacePhoto(t.Context(), doc, []byte("other")))
		page = r.changes(driver.PhotoFeed, page.Next)
		require.True(t, shows(page, doc), "within the time in which it is new")
	})
}

func TestAnOldPhotoThatIsEditedOrLeavesTheCategoryIsFoundWithinTheHour(t *testing.T) {
	onEachEngine(t, func(t *testing.T, o *office, r reader) {
		older, newer, other, cursor := album(t, o, r)
		o.passed.Add(int64(time.Minute))
		require.NoError(t, o.ReplacePhoto(t.Context(), other, []byte("cropped")))
		o.tables.run(fmt.Sprintf("SET timestamp=%d; UPDATE document SET DocCategory=%d WHERE DocNum=%d; SET timestamp=DEFAULT", o.Now().Unix(), miscellaneous, newer))
		page := r.changes(driver.PhotoFeed, cursor)
		require.Empty(t, page.Photos)
		o.passed.Add(int64(61 * time.Minute))
		page = r.changes(driver.PhotoFeed, page.Next)
		require.True(t, shows(page, other))
		require.True(t, shows(page, older), "it is the patient's photo now")
		require.False(t, shows(page, newer))
		o.passed.Add(int64(61 * time.Minute))
		page = r.changes(driver.PhotoFeed, page.Next)
		o.passed.Add(int64(61 * time.Minute))
		require.Empty(t, r.changes(driver.PhotoFeed, page.Next).Photos, "told once")
	})
}

func TestThePhotoBehindADeletedOneIsToldWithinADay(t *testing.T) {
	onEachEngine(t, func(t *testing.T, o *office, r reader) {
		older, newer, other, cursor := album(t, o, r)
		require.NoError(t, o.DeleteDocument(t.Context(), newer))
		o.passed.Add(int64(2 * time.Hour))
		page := r.changes(driver.PhotoFeed, cursor)
		require.Empty(t, page.Photos)
		o.passed.Add(int64(24 * time.Hour))
		page = r.changes(driver.PhotoFeed, page.Next)
		require.True(t, shows(page, older))
		require.True(t, shows(page, other), "all are told")
		o.passed.Add(int64(2 * time.Hour))
		require.Empty(t, r.changes(driver.PhotoFeed, page.Next).Photos)
	})
}

func TestAPollOfPhotosUsesTheIndexes(t *testing.T) {
	onEachEngine(t, func(t *testing.T, o *office, r reader) {
		o.photo(o.patient("Ada", "Quill"))
		o.tables.run("INSERT INTO document (DocCategory,PatNum,DateCreated,DateTStamp,DegreesRotated,Note,RawBase64,Thumbnail,OcrResponseData)"+
			" SELECT 131,seq,'2020-01-01','2020-01-01',0,'','','','' FROM seq_1_to_30000",
			"INSERT INTO patient (LName) SELECT 'X' FROM seq_1_to_3000", "ANALYZE TABLE document, patient")
		cursor := r.changes(driver.PhotoFeed, "").Next
		for _, wait := range []time.Duration{time.Minute, 3 * time.Hour, time.Minute, 25 * time.Hour} {
			o.passed.Add(int64(wait))
			before := len(o.tables.heard())
			cursor = r.changes(driver.PhotoFeed, cursor).Next
			for _, s := range o.tables.heard()[before:] {
				if !strings.Contains(s, "document x") {
					continue
				}
				for _, row := range o.explain(t, s) {
					if row["table"] == "x" && strings.Contains(s, "x.DocNum<=") {
						continue // most of so small a table is one part of the net
					}
					require.NotContains(t, []string{"ALL", "index"}, row["type"], "%s: %v", s, row)
				}
			}
		}
	})
}

func TestWithRandomKeysPhotosAreFoundByTheirStamps(t *testing.T) {
	t.Parallel()
	s := setUp{random: true}
	o := newSQLOffice(t, time.UTC, s)
	r := o.connect(t, s)
	require.Equal(t, time.Minute, r.info().Feeds[driver.PhotoFeed].MinInterval)
	ada := o.patient("Ada", "Quill")
	doc := o.photo(ada)
	o.passed.Add(int64(time.Hour))
	cursor := r.changes(driver.PhotoFeed, "").Next
	require.NoError(t, o.ReplacePhoto(t.Context(), doc, []byte("other")))
	require.True(t, shows(r.changes(driver.PhotoFeed, cursor), doc))
	require.NoError(t, o.SetPreference(t.Context(), "RandomPrimaryKeys", "0"))
	require.Equal(t, time.Second, r.info().Feeds[driver.PhotoFeed].MinInterval)
	_, err := driver.ReadChanges(t.Context(), r.conn, driver.ChangesQuery{Feed: driver.PhotoFeed, Cursor: cursor})
	require.ErrorIs(t, err, driver.ErrCursorExpired)
}

const phoneNumbers = "CREATE TABLE phonenumber (PhoneNumberNum bigint NOT NULL AUTO_INCREMENT PRIMARY KEY, PatNum bigint NOT NULL," +
	" PhoneNumberVal varchar(255), PhoneNumberDigits varchar(30) NOT NULL, PhoneType tinyint NOT NULL, KEY PatNum (PatNum), KEY PhoneNumberDigits (PhoneNumberDigits))"

func TestANumberIsLookedUpInTheTableOfNumbersWhereTheOfficeUsesIt(t *testing.T) {
	t.Parallel()
	o := newSQLOffice(t, time.UTC, setUp{})
	ada, bea := o.patient("Ada", "Quill"), o.patient("Bea", "Quill")
	o.tables.run(phoneNumbers, fmt.Sprintf("INSERT INTO phonenumber (PatNum,PhoneNumberVal,PhoneNumberDigits,PhoneType) VALUES (%d,'','5035550142',3),(%d,'','15035550177',0),(%d,'','5035550177',1)", ada, bea, bea))
	r := o.connect(t, setUp{})
	find := func(phone string) (ids []string, table bool) {
		before := len(o.tables.heard())
		found, err := driver.FindPatients(t.Context(), r.conn, driver.PatientQuery{Phone: driver.NewText(phone)})
		require.NoError(t, err)
		for _, p := range found {
			ids = append(ids, p.ID)
		}
		return ids, strings.Contains(strings.Join(o.tables.heard()[before:], "\n"), "FROM phonenumber")
	}
	both := []string{id(ada), id(bea)}
	ids, table := find("(503) 555-0142")
	require.False(t, table, "the office does not use it")
	require.Equal(t, both, ids)

	require.NoError(t, o.SetPreference(t.Context(), "PatientPhoneUsePhonenumberTable", "1"))
	r.info()
	ids, table = find("+1 (503) 555-0142")
	require.True(t, table)
	require.Equal(t, both[:1], ids)
	ids, _ = find("503.555.0177")
	require.Equal(t, both[1:], ids, "once, and among the further numbers")
	ids, table = find("555-0142")
	require.False(t, table, "a short one fits the end of any")
	require.Equal(t, both, ids)
	o.tables.run("ALTER TABLE phonenumber DROP KEY PhoneNumberDigits")
	r.info()
	ids, table = find("(503) 555-0142")
	require.False(t, table)
	require.Equal(t, both, ids)
	requireReadsOnly(t, o.tables.heard())
}

// A patient's other documents, an insurance card for one, are nobody's face.
func TestOnlyPicturesOfPatientsAreTheirPhotos(t *testing.T) {
	onEachEngine(t, func(t *testing.T, o *office, r reader) {
		ada, bea := o.patient("Ada", "Quill"), o.patient("Bea", "Quill")
		for _, random := range []string{"0", "1"} {
			o.must(o.SetPreference(t.Context(), "RandomPrimaryKeys", random))
			r.info()
			cursor := r.changes(driver.PhotoFeed, "").Next
			face := o.photo(ada)
			for _, patient := range []int64{ada, bea} {
				_, err := o.AddDocument(t.Context(), patient, 131, "Insurance card", ".jpg", []byte("card"))
				require.NoError(t, err)
			}
			for how, page := range map[string]driver.Page{"changes": r.changes(driver.PhotoFeed, cursor), "window": r.window(driver.PhotoFeed)} {
				require.NotEmpty(t, page.Photos, how)
				for _, p := range page.Photos { // changes give it for each of the patient's documents
					require.Equal(t, id(face), p.ID, "%s, random keys: %s", how, random)
				}
			}
		}
	})
}
