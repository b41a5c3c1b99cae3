package drivertest

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/pmswriteback/pms/driver"
)

// Payloads beyond these sizes are not made by the suite.
const (
	maxNote     = 1 << 20
	maxDocument = 1 << 20
)

func limitRules() []rule {
	return []rule{
		{
			name:        "limit/document-too-large",
			explanation: "A document larger than MaxBytes is ErrRejected with ReasonTooLarge before a byte of it is read.",
			try: func(c *checker) {
				s := c.open()
				info := s.needOp(driver.OpDocument)
				if info.MaxBytes == 0 {
					c.notApplicable("Info knows no limit")
				}
				w := s.work(driver.OpDocument)
				d := w.op.(*driver.Document)
				d.Size = info.MaxBytes + 1
				d.Open = func(context.Context) (io.ReadCloser, error) {
					w.opened++
					return io.NopCloser(io.LimitReader(zeros{}, d.Size)), nil
				}
				_, err := w.write()
				c.rejected("Write of a document beyond MaxBytes", err, driver.ReasonTooLarge)
				if w.opened > 0 {
					c.Errorf("the document was opened although its Size says that it is too large")
				}
				w.want(0, "too large")
			},
		}, {
			name:        "limit/note-too-large",
			explanation: "A note beyond MaxBytes or MaxChars is ErrRejected with ReasonTooLarge; it is never cut, which would lose its end and its Ref.",
			try: func(c *checker) {
				s := c.open()
				info := s.needOp(driver.OpNote)
				for limit, n := range map[string]int64{"MaxBytes": info.MaxBytes, "MaxChars": int64(info.MaxChars)} {
					if n == 0 || n > maxNote {
						continue
					}
					w := s.work(driver.OpNote)
					w.setBody(int(n) + 1)
					_, err := w.write()
					c.rejected("Write of a note one beyond "+limit, err, driver.ReasonTooLarge)
					w.want(0, "one beyond "+limit)
				}
				// Bytes are not characters.
				if n := info.MaxBytes; n > 0 && n <= maxNote && (info.MaxChars == 0 || int(n/2)+40 < info.MaxChars) {
					w := s.work(driver.OpNote)
					note := w.op.(*driver.Note)
					note.Body = driver.NewText(strings.Repeat("é", int(n/2)) + " Ref " + note.Ref)
					_, err := w.write()
					c.rejected("Write of a note within MaxChars and beyond MaxBytes", err, driver.ReasonTooLarge)
					w.want(0, "beyond MaxBytes in few characters")
				}
			},
		}, {
			name:        "limit/note-at-limit",
			explanation: "A note of exactly the size that Info allows is stored whole.",
			try: func(c *checker) {
				s := c.open()
				info := s.needOp(driver.OpNote)
				n := int64(info.MaxChars)
				if n == 0 || info.MaxBytes > 0 && info.MaxBytes < n {
					n = info.MaxBytes
				}
				if n == 0 || n > maxNote {
					c.notApplicable("Info knows no limit that the suite can reach")
				}
				w := s.work(driver.OpNote)
				w.setBody(int(n))
				w.mustWrite()
				if !hasText(w.row().Text, w.op.(*driver.Note).Body.Reveal()) {
					c.Errorf("the note of %d characters is not stored whole", n)
				}
			},
		}, {
			name:        "limit/document-sizes",
			explanation: "Documents of any size that Info allows are stored whole.",
			try: func(c *checker) {
				s := c.open()
				info := s.needOp(driver.OpDocument)
				sizes := []int{1, 1 << 10, 70 << 10, 300 << 10}
				if info.MaxBytes > 0 && info.MaxBytes <= maxDocument {
					sizes = append(sizes, int(info.MaxBytes))
				}
				for _, size := range sizes {
					if info.MaxBytes > 0 && int64(size) > info.MaxBytes {
						continue
					}
					w := s.work(driver.OpDocument)
					d := w.op.(*driver.Document)
					w.fill(d, file(d.MIME, size, d.Ref))
					w.mustWrite()
					if row := w.row(); row.SHA256 != d.SHA256 {
						c.Errorf("a document of %d bytes is not stored as it was given", d.Size)
					}
				}
			},
		}, {
			name:        "limit/mime",
			explanation: "Where Info lists MIME types, a document of another type is ErrRejected with ReasonMIMERefused, and every type listed is taken.",
			try: func(c *checker) {
				s := c.open()
				info := s.needOp(driver.OpDocument)
				if len(info.MIME) == 0 {
					c.notApplicable("the PMS takes any type")
				}
				const foreign = "application/x-msdownload"
				if slices.Contains(info.MIME, foreign) {
					c.Errorf("Info takes programs")
				}
				for _, typ := range append(slices.Clone(info.MIME), foreign) {
					w := s.work(driver.OpDocument)
					d := w.op.(*driver.Document)
					d.MIME = typ
					w.fill(d, file(typ, 500, d.Ref))
					_, err := w.write()
					if typ == foreign {
						c.rejected("Write of a document of a type not listed", err, driver.ReasonMIMERefused)
						w.want(0, "of a type not listed")
						continue
					}
					if err != nil {
						c.Errorf("Write of a document of type %s: %v", typ, err)
					}
					w.want(1, "of type "+typ)
				}
			},
		}, {
			name:        "limit/characters",
			explanation: "Every character of the Repertoire that Info names is stored as it is, in several lines.",
			try: func(c *checker) {
				s := c.open()
				sample := map[driver.Repertoire]string{
					driver.Windows1252: "Zoë's café – “quoted” €5 <b>&amp; 100%_ 'x' \\n",
					driver.UnicodeBMP:  "Zoë's café – “quoted” €5 <b>&amp; 100%_ 'x' \\n Łódź Ωμέγα 漢字 ﷺ",
					driver.UnicodeAll:  "Zoë's café – “quoted” €5 <b>&amp; 100%_ 'x' \\n Łódź Ωμέγα 漢字 ﷺ 🦷 𝕏",
				}[s.needOp(driver.OpNote).Repertoire]
				w := s.work(driver.OpNote)
				n := w.op.(*driver.Note)
				n.Body = driver.NewText(sample + "\nsecond line\n\nafter a blank one\nRef " + n.Ref)
				w.mustWrite()
				if !hasText(w.row().Text, n.Body.Reveal()) {
					c.Errorf("the stored text is not the one that was given")
				}
			},
		},
	}
}

// setBody makes a note's body exactly n characters, all ASCII, the Ref at its
// end.
func (w *work) setBody(n int) {
	note := w.op.(*driver.Note)
	tail := " Ref " + note.Ref
	if n < len(tail) {
		w.c.notApplicable("Info's limit of %d leaves no room for a note", n)
	}
	var b strings.Builder
	for b.Len() < n-len(tail) {
		b.WriteByte("abcdefgh ijklmnopq"[b.Len()%18])
	}
	note.Body = driver.NewText(b.String() + tail)
}

// zeros gives bytes without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
