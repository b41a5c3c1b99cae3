package opendental_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/opendental/opendentaltest"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

// commlog.Mode_ and SentOrReceived, as the vendor's schema numbers them.
const (
	modeNone, modeEmail, modePhone, modeText = 0, 1, 3, 5
	neither, sent, received                  = 0, 1, 2
)

func TestEveryNoteKindIsACommlogOfItsModeDirectionAndType(t *testing.T) {
	t.Parallel()
	kinds := []struct {
		kind            driver.NoteKind
		mode, direction int
	}{
		{driver.OutgoingCall, modePhone, sent},
		{driver.IncomingCall, modePhone, received},
		{driver.MissedCall, modePhone, received},
		{driver.IncomingCallTranscript, modePhone, received},
		{driver.OutgoingCallTranscript, modePhone, sent},
		{driver.IncomingCallSummary, modePhone, received},
		{driver.OutgoingCallSummary, modePhone, sent},
		{driver.PatientNote, modeNone, neither},
		{driver.TaskNote, modeNone, neither},
		{driver.OutgoingSMS, modeText, sent},
		{driver.IncomingSMS, modeText, received},
		{driver.OutgoingEmail, modeEmail, sent},
		{driver.IncomingEmail, modeEmail, received},
		{driver.InsuranceVerificationNote, modeNone, neither},
	}
	require.Len(t, kinds, len(driver.NoteKinds()))
	h := newHost(t, opendentaltest.Config{}, nil)
	types := map[driver.NoteKind]settings.Ref{}
	var last int64
	for _, k := range driver.NoteKinds() {
		last = h.definition(opendentaltest.CategoryCommLogTypes, "As "+string(k))
		types[k] = ref(last)
	}
	h.refreshed(driver.NoteTypes, last, true)
	// The default type for all, then each kind its own.
	for round, own := range []map[driver.NoteKind]settings.Ref{nil, types} {
		h.save(func(d *settings.Document) { d.Notes.TypeByKind = own })
		for _, k := range kinds {
			h.note(fmt.Sprint(k.kind, round), k.kind, "Asked about Friday.")
		}
		for _, k := range kinds {
			it := h.rests(fmt.Sprint(k.kind, round), writeback.Written)
			row := h.commlog(it.Legs[0].Ref)
			want := ref(misc)
			if own != nil {
				want = own[k.kind]
			}
			require.Equal(t, want.ID, id(row.CommType), "%s", k.kind)
			require.Equal(t, []int{k.mode, k.direction}, []int{row.Mode, row.SentOrReceived}, "%s", k.kind)
			require.Equal(t, h.patient.PatNum, row.PatNum)
			require.Equal(t, it.Legs[0].Receipt.ID, id(row.CommlogNum))
		}
	}
	// A kind that is off leaves nothing.
	h.save(func(d *settings.Document) { d.Notes.Enabled[driver.MissedCall] = false })
	before := h.Count("POST", "/commlogs")
	require.Equal(t, writeback.ReasonDisabled, h.note("off", driver.MissedCall, "Who was that?").Reason)
	h.note("on", driver.IncomingCall, "Asked about Friday.")
	h.rests("on", writeback.Written)
	h.rests("off", writeback.Skipped)
	require.Equal(t, before+1, h.Count("POST", "/commlogs"))
}

// A commlog's note is a column of 65,535 bytes, and what is longer is cut off by
// the server without a word.
func TestLongNoteIsSplitBelowTheColumnsBytes(t *testing.T) {
	t.Parallel()
	h := newHost(t, opendentaltest.Config{}, nil)
	h.save(nil)
	var words []string
	for i, chars := 0, 0; chars < 70_000; i++ {
		word := fmt.Sprintf("Ärztin%05d", i)
		words = append(words, word)
		chars += utf8.RuneCountInString(word) + 1
	}
	text := strings.Join(words, " ")
	require.Greater(t, utf8.RuneCountInString(text), 69_999)
	h.note("long", driver.IncomingCallTranscript, text)
	it := h.rests("long", writeback.Written)
	require.GreaterOrEqual(t, len(it.Legs), 2)
	var found []string
	for i, l := range it.Legs {
		row := h.commlog(l.Ref)
		require.LessOrEqual(t, len(row.Note), 65_535, "bytes, not characters")
		require.Contains(t, row.Note, fmt.Sprintf("[Acme (%d/%d)] %s", i+1, len(it.Legs), l.Ref))
		for _, word := range strings.Fields(row.Note) {
			if strings.HasPrefix(word, "Ärztin") {
				found = append(found, word)
			}
		}
	}
	require.Equal(t, words, found, "every word, whole, once, in order")
	require.Greater(t, len(h.commlog(it.Legs[0].Ref).Note), 60_000, "no more parts than it takes")
}

// Three-byte UTF-8 holds no emoji.
func TestCharactersThatOpenDentalCannotStoreAreReplacedAndCounted(t *testing.T) {
	t.Parallel()
	h := newHost(t, opendentaltest.Config{}, nil)
	h.save(nil)
	h.note("smiles", driver.IncomingSMS, "Thanks 😀🦷 see you, Zoë — 谢谢 👍")
	it := h.rests("smiles", writeback.Written)
	require.Equal(t, 3, it.Replaced)
	row := h.commlog(it.Legs[0].Ref)
	require.Contains(t, row.Note, "Thanks ?? see you, Zoë — 谢谢 ?")
	require.False(t, slices.ContainsFunc([]rune(row.Note), func(r rune) bool { return r > 0xffff }))
}

func TestDocumentsAndFormsAreFiledUnderTheirCategoryForTheProvider(t *testing.T) {
	t.Parallel()
	h := newHost(t, opendentaltest.Config{}, nil)
	botox := h.definition(opendentaltest.CategoryImageCats, "Botox")
	h.refreshed(driver.DocumentFolders, botox, true)
	h.save(func(d *settings.Document) {
		d.Forms.Types = []settings.FormType{
			{Name: "Botox", Category: driver.InformedConsent, Folder: ref(botox)},
			{Name: "Plan", Category: driver.TreatmentPlan},
		}
	})
	h.document("insurance", driver.InsuranceVerification)
	h.document("statement", driver.AccountStatement)
	h.form("intake", driver.PatientIdentification, "")
	h.form("consent", driver.InformedConsent, "")
	h.form("plan", driver.TreatmentPlan, "")
	h.form("scan", driver.ScannedDocuments, "")
	h.form("own folder", driver.InformedConsent, "botox")
	h.form("category of its type", driver.InformedConsent, "plan")
	for key, category := range map[string]int64{
		"insurance": insurance, "statement": statements, "intake": patientInformation, "consent": letters,
		"plan": treatmentPlans, "scan": miscellaneous, "own folder": botox, "category of its type": treatmentPlans,
	} {
		it := h.rests(key, writeback.Written)
		row := h.filed(it.Legs[0].Ref)
		require.Equal(t, category, row.DocCategory, key)
		require.Equal(t, h.provider, row.ProvNum, "%s: documents have a provider", key)
		require.Equal(t, h.patient.PatNum, row.PatNum, key)
		require.Equal(t, "%PDF-1.7 "+key, string(row.Content), key)
		require.Contains(t, row.Description, key)
	}
	// Another folder takes the next one; no folder takes none.
	h.save(func(d *settings.Document) {
		d.Documents.AccountStatement = ref(miscellaneous)
		d.Documents.InsuranceVerification = settings.Ref{}
		delete(d.Forms.ByCategory, driver.ScannedDocuments)
	})
	h.document("statement 2", driver.AccountStatement)
	require.Equal(t, writeback.Skipped, h.document("insurance 2", driver.InsuranceVerification).State)
	require.Equal(t, writeback.Skipped, h.form("scan 2", driver.ScannedDocuments, "").State)
	require.EqualValues(t, miscellaneous, h.filed(h.rests("statement 2", writeback.Written).Legs[0].Ref).DocCategory)
	rows, err := h.Documents(t.Context())
	require.NoError(t, err)
	require.Len(t, rows, 9)
}
