package opendentaltest_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

func TestUploadBecomesAFileAtTheFirstViewUnderAnotherNumber(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		p := open(t, cfg)
		encoded := base64.StdEncoding.EncodeToString([]byte("%PDF-1.7 statement"))
		got := p.do(201, "POST", "/documents/Upload", map[string]any{"PatNum": p.ada.PatNum, "rawBase64": encoded, "extension": ".pdf",
			"Description": "Statement ref-123", "DocCategory": 240, "DateCreated": "2026-03-02 09:00:00", "ToothNumbers": "1-3,8", "ProvNum": p.doctor.ProvNum})
		require.Equal(t, "x", got["FileName"])
		require.Equal(t, "Statements", got["docCategory"])
		require.Equal(t, "1,2,3,8", got["ToothNumbers"])
		require.EqualValues(t, p.ada.PatNum, got["PatNum"])
		uploaded := int64(got["DocNum"].(float64))

		row := p.list(p.path("/documents?PatNum=%d", p.ada.PatNum))[0]
		require.Equal(t, "3/2/2026: Statement ref-123", row["Description"])
		require.Equal(t, "1", row["PatNum"], "a string here")
		require.Equal(t, "_rawBase64_:.pdf_"+encoded, row["Note"])
		folder := filepath.Join(cfg.AtoZ, "Q", "QuillfeatherAda1")
		require.NoDirExists(t, folder)

		doc, err := p.ViewDocument(t.Context(), uploaded)
		require.NoError(t, err)
		require.NotEqual(t, uploaded, doc.DocNum)
		require.Equal(t, "Statement ref-123", doc.Description)
		require.Equal(t, "2026-03-02 09:00:00", doc.DateCreated.Format("2006-01-02 15:04:05"))
		p.do(404, "GET", p.path("/documents/%d", uploaded), nil)
		again, err := p.ViewDocument(t.Context(), doc.DocNum)
		require.NoError(t, err)
		require.Equal(t, doc.DocNum, again.DocNum, "only the first view does that")

		row = p.list(p.path("/documents?PatNum=%d", p.ada.PatNum))[0]
		require.Equal(t, "", row["Note"])
		require.Equal(t, filepath.Join(folder, doc.FileName), row["filePath"])
		content, err := os.ReadFile(row["filePath"].(string))
		require.NoError(t, err)
		require.Equal(t, "%PDF-1.7 statement", string(content))

		p.do(200, "DELETE", p.path("/documents/%d", doc.DocNum), nil)
		require.NoFileExists(t, filepath.Join(folder, doc.FileName))
		p.do(404, "DELETE", p.path("/documents/%d", doc.DocNum), nil)
	})
}

func TestDocumentsCanLiveInTheDatabase(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		cfg.AtoZ = ""
		p := open(t, cfg)
		photo, err := p.AddPhoto(t.Context(), p.bruno.PatNum, ".PNG", []byte("one"))
		require.NoError(t, err)
		require.EqualValues(t, 190, photo.DocCategory)
		require.True(t, strings.HasSuffix(photo.FileName, ".png"), photo.FileName)
		require.NoError(t, p.ReplacePhoto(t.Context(), photo.DocNum, []byte("two")))
		docs, err := p.Documents(t.Context())
		require.NoError(t, err)
		require.Equal(t, []byte("two"), docs[0].Content)
		row := p.list(p.path("/documents?PatNum=%d", p.bruno.PatNum))[0]
		require.Equal(t, "", row["filePath"])
		require.Equal(t, "0", p.list("/preferences?PrefName=AtoZfolderUsed")[0]["ValueString"])
	})
}

func TestPutDocumentChangesItsInfo(t *testing.T) {
	onEachStore(t, func(t *testing.T, cfg opendentaltest.Config) {
		p := open(t, cfg)
		doc, err := p.AddDocument(t.Context(), p.ada.PatNum, 137, "scan", ".jpg", []byte("jpg"))
		require.NoError(t, err)
		path := p.path("/documents/%d", doc.DocNum)
		got := p.do(200, "PUT", path, map[string]any{"Description": strings.Repeat("d", 300), "DocCategory": 131, "ImgType": "Photo", "PrintHeading": "true"})
		require.Len(t, got["Description"], 255)
		require.Equal(t, "Insurance", got["docCategory"])
		require.Equal(t, "Photo", got["ImgType"])
		require.Equal(t, "true", got["PrintHeading"])
		require.NoError(t, p.SetProviderHidden(t.Context(), p.hygienist.ProvNum, true))
		p.do(400, "PUT", path, map[string]any{"ProvNum": p.hygienist.ProvNum})
		p.do(400, "PUT", path, map[string]any{"DateCreated": "2026-03-02"})
		p.do(400, "PUT", path, map[string]any{"ToothNumbers": "40"})
	})
}

func TestUploadChecksWhatItTakes(t *testing.T) {
	t.Parallel()
	p := open(t, opendentaltest.Config{OmitPendingNote: true})
	good := func() map[string]any {
		return map[string]any{"PatNum": p.ada.PatNum, "rawBase64": "YQ==", "extension": ".pdf"}
	}
	require.EqualValues(t, 136, p.do(201, "POST", "/documents/Upload", good())["DocCategory"], "the first category")
	require.Equal(t, "", p.list(p.path("/documents?PatNum=%d", p.ada.PatNum))[0]["Note"])
	for field, value := range map[string]any{"rawBase64": "not base64!", "extension": "pdf", "DocCategory": 21, "ImgType": "Film"} {
		body := good()
		body[field] = value
		p.do(400, "POST", "/documents/Upload", body)
	}
	named := good()
	named["DocCategory"] = "Insurance"
	require.EqualValues(t, 131, p.do(201, "POST", "/documents/Upload", named)["DocCategory"])
	unknown := good()
	unknown["PatNum"] = 99
	p.do(404, "POST", "/documents/Upload", unknown)
	large := good()
	large["rawBase64"] = strings.Repeat("A", 16_800_000)
	require.Contains(t, p.do(400, "POST", "/documents/Upload", large)["error"], "16.8 million")

	field := open(t, opendentaltest.Config{AllowUnknownPatient: true})
	field.do(201, "POST", "/documents/Upload", unknown)
}
