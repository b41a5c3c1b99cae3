package writeback_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
)

func TestDocumentsAndFormsLandInTheirFolders(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(func(d *settings.Document) {
			d.Forms.Types = []settings.FormType{
				{Name: "Botox", Category: driver.InformedConsent, Folder: settings.Ref{ID: "0206"}},
				{Name: "Aligners", Category: driver.TreatmentPlan}, // no folder of its own
			}
		})
		type file struct {
			key      string
			kind     driver.DocumentKind
			category driver.FormCategory
			formType string
			path     string // of the field that files it
			folder   string
		}
		files := []file{
			{"insurance", driver.InsuranceVerification, "", "", "documents.insurance_verification", "0201"},
			{"statement", driver.AccountStatement, "", "", "documents.account_statement", "0202"},
			{"intake", "", driver.PatientIdentification, "", "forms.patient_identification", "0203"},
			{"consent", "", driver.InformedConsent, "", "forms.informed_consent", "0204"},
			{"plan", "", driver.TreatmentPlan, "", "forms.treatment_plan", "0205"},
			{"scan", "", driver.ScannedDocuments, "", "forms.scanned_documents", "0206"},
			{"type with a folder", "", driver.InformedConsent, "botox", "", "0206"},
			{"type with another category's folder", "", driver.InformedConsent, "aligners", "", "0205"},
			{"type that nobody named", "", driver.InformedConsent, "Crown", "", "0204"},
		}
		submit := func(f file, key string) {
			if f.kind != "" {
				d := b.document(key)
				d.Kind = f.kind
				b.must(b.p.WriteDocument(t.Context(), d))
				return
			}
			form := b.form(key)
			form.Category, form.Type = f.category, f.formType
			b.must(b.p.SubmitForm(t.Context(), form))
		}
		for i, f := range files {
			submit(f, f.key)
			b.pass(10 * time.Second)
			b.requireState(f.key, writeback.Written)
			require.Len(t, b.pms.Documents(), i+1)
			require.Equal(t, f.folder, b.pms.Documents()[i].Folder, f.key)
		}

		// Empty is off, each by itself.
		written := len(files)
		for _, off := range files {
			if off.path == "" {
				continue
			}
			b.save(func(d *settings.Document) {
				empty := chosen()
				d.Documents, d.Forms.ByCategory, d.Forms.Types = empty.Documents, empty.Forms.ByCategory, nil
				switch off.kind {
				case driver.InsuranceVerification:
					d.Documents.InsuranceVerification = settings.Ref{}
				case driver.AccountStatement:
					d.Documents.AccountStatement = settings.Ref{}
				default:
					delete(d.Forms.ByCategory, off.category)
				}
			})
			for _, f := range files[:6] {
				key := f.key + " without " + off.key
				submit(f, key)
				b.pass(10 * time.Second)
				if f.path != off.path {
					b.requireState(key, writeback.Written)
					written++
					continue
				}
				it := b.requireState(key, writeback.Skipped)
				require.Equal(t, writeback.ReasonDisabled, it.Reason)
				require.Equal(t, "disabled:"+off.path, it.Cause)
			}
			require.Len(t, b.pms.Documents(), written, off.key)
		}
	})
}

// A folder counts when a document is sent. What was sent stays where it was sent
// to, for as long as the PMS may have it.
func TestFolderIsBoundWhenADocumentIsFirstSent(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bed) {
		b.save(nil)
		b.pass(time.Second)
		asked := map[string][]string{}
		note := func(op driver.Op) bool {
			asked[op.Head().Ref] = append(asked[op.Head().Ref], op.(*driver.Document).Folder)
			return true
		}
		b.pms.Fail(memdriver.Fault{On: "write document", Times: 1, Effect: memdriver.Half, Match: note})
		b.pms.Fail(memdriver.Fault{On: "write document", Times: 1, Effect: memdriver.After, Match: note})
		b.pms.Fail(memdriver.Fault{On: "verify", Times: 2, Err: driver.ErrUnavailable, Match: note})
		b.must(b.p.WriteDocument(t.Context(), b.document("half")))
		b.pass(time.Millisecond)
		b.must(b.p.WriteDocument(t.Context(), b.document("lost")))
		b.pass(time.Millisecond)
		b.requireState("half", writeback.PartiallyPosted)
		b.requireState("lost", writeback.Uncertain)
		b.pms.SetOffline(true)
		b.must(b.p.WriteDocument(t.Context(), b.document("waiting")))
		b.pass(time.Second)
		b.save(func(d *settings.Document) { d.Documents.AccountStatement = settings.Ref{ID: "0206"} })
		b.pms.SetOffline(false)
		b.pms.Fail(memdriver.Fault{On: "write document", Effect: memdriver.Pass, Match: note})
		b.pms.Fail(memdriver.Fault{On: "verify", Effect: memdriver.Pass, Match: note})
		b.pass(30 * time.Minute)
		want := map[string]string{"half": "0202", "lost": "0202", "waiting": "0206"}
		for key, folder := range want {
			ref := b.requireState(key, writeback.Written).Legs[0].Ref
			if key != "waiting" {
				require.GreaterOrEqual(t, len(asked[ref]), 2, key)
			}
			for _, f := range asked[ref] {
				require.Equal(t, folder, f, key)
			}
		}
		require.Len(t, b.pms.Documents(), 3)
		for key, folder := range want {
			require.Equal(t, folder, b.filed()[key].Folder, key)
		}
	})
}
