package writeback

import (
	"archive/zip"
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// zipped is an archive with files of these names, the first one large.
func zipped(t *testing.T, names ...string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i, name := range names {
		f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		require.NoError(t, err)
		if i == 0 {
			_, err = f.Write(bytes.Repeat([]byte("<x/>"), 2000))
			require.NoError(t, err)
		}
	}
	require.NoError(t, w.Close())
	return b.String()
}

const (
	docxType = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	xlsxType = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	odtType  = "application/vnd.oasis.opendocument.text"

	pdfBytes  = "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj"
	htmlBytes = "<!DOCTYPE html><html><script>alert(1)</script></html>"
	exeBytes  = "MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00"
	jpegBytes = "\xff\xd8\xff\xe0\x00\x10JFIF\x00"
	pngBytes  = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
)

func TestDocumentsAreWhatTheyClaimToBe(t *testing.T) {
	t.Parallel()
	docx := zipped(t, "[Content_Types].xml", "word/document.xml")
	earlyDocx := zipped(t, "word/document.xml")
	jar := zipped(t, "META-INF/MANIFEST.MF")
	elf := "\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 9) + "\x02\x00>\x00"
	ole := "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("\x00", 600)
	heic := "\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"
	odt := func() string {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		f, err := w.CreateHeader(&zip.FileHeader{Name: "mimetype", Method: zip.Store})
		require.NoError(t, err)
		_, err = f.Write([]byte(odtType))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		return b.String()
	}()
	for _, tc := range []struct{ name, claim, head, found string }{
		{"pdf", "application/pdf", pdfBytes, ""},
		{"pdf behind a mark of order", "application/pdf", "\xef\xbb\xbf\r\n" + pdfBytes, ""},
		{"pdf behind a printer's lines", "application/pdf", "\x1b%-12345X@PJL JOB\r\n" + pdfBytes, ""},
		{"jpeg", "image/jpeg", jpegBytes, ""},
		{"png", "image/png", pngBytes, ""},
		{"gif", "image/gif", "GIF89a\x01\x00\x01\x00", ""},
		{"webp", "image/webp", "RIFF\x1a\x00\x00\x00WEBPVP8 ", ""},
		{"bmp", "image/bmp", "BM\x46\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00", ""},
		{"tiff of Intel", "image/tiff", "II*\x00\x08\x00\x00\x00", ""},
		{"tiff of Motorola", "image/tiff", "MM\x00*\x00\x00\x00\x08", ""},
		{"heic", "image/heic", heic, ""},
		{"heic by its family's name", "image/heif", heic, ""},
		{"docx", docxType, docx, ""},
		{"docx whose start tells", docxType, earlyDocx, ""},
		{"docx as any zip", "application/zip", earlyDocx, ""},
		{"xlsx whose start does not tell", xlsxType, zipped(t, "docProps/thumbnail.emf", "xl/workbook.xml"), ""},
		{"odt", odtType, odt, ""},
		{"doc", "application/msword", ole, ""},
		{"rtf", "application/rtf", `{\rtf1\ansi Hello}`, ""},
		{"text", "text/plain", "Informed consent.\r\nSigned.", ""},
		{"text of Windows", "text/plain", "Se\xf1or Garc\xeda", ""},
		{"text in UTF-16", "text/plain", "\xff\xfeh\x00i\x00", ""},
		{"text that begins like a program", "text/plain", "MZ signed the form.", ""},
		{"text that tells of pdf", "text/plain", "A file begins with %PDF-1.7 then.", ""},
		{"text with commas", "text/csv", "a,b\n1,2\n3,4\n", ""},
		{"csv as text", "text/plain", "a,b\n1,2\n3,4\n", ""},
		{"json as text", "text/plain", `{"a":1}`, ""},
		{"html", "text/html", htmlBytes, ""},
		{"xml", "text/xml", `<?xml version="1.0"?><a/>`, ""},
		{"dicom", "application/dicom", strings.Repeat("\x00", 128) + "DICM", ""},
		{"of a vendor, in a zip", "application/vnd.acme", earlyDocx[:30] + "acme", ""},
		{"of a vendor, in xml", "application/vnd.acme+xml", `<?xml version="1.0"?><a/>`, ""},
		{"of a vendor, with a chance sign", "application/vnd.acme", "BM\x01\x02\xff\xfb\x90\x64", ""},
		{"of a vendor", "application/vnd.acme", "\x01\x02\x03\x04", ""},
		{"unknown", unknownMIME, "\x01\x02\x03\x04", ""},
		{"sound", "audio/mpeg", "\xff\xfb\x90\x64\x00\x00", ""},
		{"sound by another name of its container", "audio/mp4", "\x00\x00\x00\x18ftypM4A \x00\x00\x00\x00", ""},

		{"pdf as jpeg", "image/jpeg", pdfBytes, "application/pdf"},
		{"jpeg as pdf", "application/pdf", jpegBytes, "image/jpeg"},
		{"png as jpeg", "image/jpeg", pngBytes, "image/png"},
		{"pdf as text", "text/plain", pdfBytes, "application/pdf"},
		{"pdf of a vendor", "application/vnd.acme", pdfBytes, "application/pdf"},
		{"pdf without a type", unknownMIME, pdfBytes, "application/pdf"},
		{"program as pdf", "application/pdf", exeBytes, "application/vnd.microsoft.portable-executable"},
		{"program that holds a pdf", "application/pdf", exeBytes + pdfBytes, "application/vnd.microsoft.portable-executable"},
		{"program as text", "text/plain", exeBytes, "application/vnd.microsoft.portable-executable"},
		{"program as docx", docxType, exeBytes, "application/vnd.microsoft.portable-executable"},
		{"program without a type", unknownMIME, exeBytes, "application/vnd.microsoft.portable-executable"},
		{"program of a vendor", "application/vnd.acme", exeBytes, "application/vnd.microsoft.portable-executable"},
		{"program of Linux as pdf", "application/pdf", elf, "application/x-executable"},
		{"zip as pdf", "application/pdf", earlyDocx[:30] + "x", "application/zip"},
		{"zip as text", "text/plain", zipped(t, "a.txt"), "application/zip"},
		{"zip that holds a pdf", "application/pdf", zipped(t, "a.pdf") + pdfBytes, "application/zip"},
		{"java as docx", docxType, jar, "application/java-archive"},
		{"xlsx as docx", docxType, zipped(t, "xl/workbook.xml"), xlsxType},
		{"html as pdf", "application/pdf", htmlBytes, "text/html"},
		{"html that holds a pdf", "application/pdf", htmlBytes + pdfBytes, "text/html"},
		{"html as text", "text/plain", htmlBytes, "text/html"},
		{"html that holds a pdf as text", "text/plain", htmlBytes + pdfBytes, "text/html"},
		{"html of a vendor", "text/x-acme", htmlBytes, "text/html"},
		{"pure ASCII pdf as text", "text/plain", "%PDF-1.4\n1 0 obj", "application/pdf"},
		{"java as any zip of a vendor", "application/vnd.acme+zip", jar, "application/java-archive"},
		{"script as text", "text/plain", "#!/bin/sh\nrm -rf /\n", "text/x-shellscript"},
		{"drawing with scripts as text", "text/plain", `<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>`, "image/svg+xml"},
		{"rtf as text", "text/plain", `{\rtf1\ansi Hello}`, "text/rtf"},
		{"text as pdf", "application/pdf", "Informed consent.", "text/plain"},
		{"nothing of a jpeg", "image/jpeg", "\x01\x02\x03\x04", unknownMIME},
		{"nothing of a docx", docxType, "\x01\x02\x03\x04", unknownMIME},
		{"heic as a film", "video/mp4", heic, "image/heic"},
	} {
		require.Equal(t, tc.found, foundMIME(tc.claim, []byte(tc.head)), tc.name)
	}
}

func TestTypesHaveOneSpelling(t *testing.T) {
	t.Parallel()
	for claim, want := range map[string]string{
		"application/pdf": "application/pdf", "Application/PDF": "application/pdf", " application/pdf ; charset=binary": "application/pdf",
		"application/pdf; broken": "application/pdf", "image/jpg": "image/jpeg", "IMAGE/PJPEG": "image/jpeg",
		"text/rtf": "application/rtf", "text/plain; charset=utf-8": "text/plain", "application/vnd.acme+zip": "application/vnd.acme+zip",
	} {
		c := inputCheck{}
		require.Equal(t, want, c.mime(claim), "%q", claim)
		require.NoError(t, c.err(), "%q", claim)
	}
	for _, claim := range []string{"", " ", "pdf", "application", "application/", "image/*", "*/*", "a b/c", "application/" + strings.Repeat("x", maxKey), "\xff/\xff"} {
		c := inputCheck{}
		c.mime(claim)
		require.Len(t, c.e.Fields, 1, "%q", claim)
		require.Equal(t, "mime", c.e.Fields[0].Field)
	}
	// The driver's spelling is the one that it is given.
	require.True(t, takesMIME([]string{"image/jpg", "text/rtf"}, "image/jpeg"))
	require.Equal(t, "text/rtf", spelledMIME([]string{"image/jpg", "text/rtf"}, "application/rtf"))
	require.Equal(t, "image/png", spelledMIME([]string{"image/jpg"}, "image/png"))
	require.False(t, takesMIME([]string{"image/jpg"}, "image/png"))
	require.True(t, takesMIME(nil, "image/png"))
}

func FuzzAnyBytesHaveAType(f *testing.F) {
	for _, s := range []string{pdfBytes, htmlBytes, exeBytes, jpegBytes, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "PK\x03\x04", "%PDF-", ""} {
		f.Add("application/pdf", []byte(s))
	}
	f.Fuzz(func(t *testing.T, claim string, head []byte) {
		c := inputCheck{}
		if name := c.mime(claim); c.err() == nil {
			foundMIME(name, head)
		}
	})
}
