package eaglesoft

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"strings"

	"github.com/pmswriteback/pms/driver"
)

// SmartDocWriter writes the files of documents (SmartDocs). Eaglesoft keeps them
// in a container format of the vendor's own, <patient_id>~<document_id>.esd, which
// this package does not write: the host wraps what its agreement with the vendor
// gives it. It is called for one document at a time on each connection.
type SmartDocWriter interface {
	// Write makes the document's file from content, in the place of one that is
	// there: the number may have belonged to a document that was withdrawn. It
	// returns nil when the file is whole and will stay, and an error without patient
	// data otherwise. The row is not committed meanwhile, and must not be waited
	// for; other connections of isolation level 0 see it.
	Write(ctx context.Context, doc SmartDoc, content io.Reader) error
	// Remove removes the file again, because the row was withdrawn. It is a
	// courtesy: a file without a row is never shown. ctx has a few seconds.
	Remove(ctx context.Context, doc SmartDoc) error
}

// SmartDoc names a document's file.
type SmartDoc struct {
	// Patient and ID are the two parts of the file's name, without blanks.
	Patient, ID string
	// Title is what staff see, with the Ref at its end.
	Title driver.Text
	// MIME, Size and SHA256 are the content's, as the operation says.
	MIME, SHA256 string
	Size         int64
}

// documentForm is how a type of file is recorded, as one shipped product does.
type documentForm struct {
	name string
	open int // open_with
}

var documentForms = map[string]documentForm{
	"application/pdf": {"Adobe Acrobat Document", 3},
	"image/jpeg":      {"Image", 4},
	"image/png":       {"Image", 4},
}

func checkDocument(op string, d *driver.Document) error {
	switch _, known := documentForms[d.MIME]; {
	case d.Size > maxDocument:
		return rejected(op, driver.ReasonTooLarge, "")
	case !known:
		return rejected(op, driver.ReasonMIMERefused, "")
	case d.At.IsZero():
		return rejected(op, driver.ReasonInvalid, "At: missing")
	}
	return nil
}

// maxDocument is this package's bound. The product's is not known.
const maxDocument = 25 << 20

// filed remembers a file that was written, in case its row is withdrawn.
type filed struct {
	doc  SmartDoc
	made bool
}

// writeDocument inserts the row, has the file written, and only then lets the row
// be committed. A file that fails takes the row with it; a commit that fails leaves
// a file that nothing points to.
func (c *conn) writeDocument(ctx context.Context, t *tx, op string, s *schema, d *driver.Document, f *filed) (driver.Receipt, error) {
	p, err := c.person(ctx, t, op, d.Patient)
	if err != nil {
		return driver.Receipt{}, err
	}
	user, err := c.author(ctx, t, op, &d.Header)
	if err != nil {
		return driver.Receipt{}, err
	}
	group, err := c.group(ctx, t, op, d.Folder)
	if err != nil {
		return driver.Receipt{}, err
	}
	title := withRef(d.Title.Reveal(), d.Ref, s.width(tDocuments, "document_name", documentWidth))
	form, at := documentForms[d.MIME], c.wall(d.At)
	_, err = t.exec(ctx, c.db.insert(tDocuments,
		"document_name", "document_type", "document_creation_date", "document_modified_date", "open_with", "ref_id", "ref_table",
		"user_id", "original_user_id", "private", "display_in_docmgr", "signed", "needs_converted", "notice_of_privacy",
		"privacy_authorization", "consent", "practice_id", "custom_document_id", "headerfooter_added", "document_group_id"),
		title, form.name, at, at, form.open, p.id, "patient",
		user, user, "N", "Y", "N", "N", "N",
		"N", "N", c.practice(), -1, 0, group)
	if err != nil {
		return driver.Receipt{}, err
	}
	id, err := t.readBack(ctx)
	if err != nil {
		return driver.Receipt{}, err
	}
	f.doc = SmartDoc{Patient: d.Patient, ID: id, Title: driver.NewText(title), MIME: d.MIME, SHA256: d.SHA256, Size: d.Size}
	if err := c.writeFile(ctx, op, d, f); err != nil {
		return driver.Receipt{}, err
	}
	return receipt(id), nil
}

// writeFile has the host write the file, and makes sure that it got all bytes.
func (c *conn) writeFile(ctx context.Context, op string, d *driver.Document, f *filed) error {
	content, err := d.Open(ctx)
	if err != nil {
		return unavailable(op, "the document's bytes cannot be read")
	}
	defer func() { _ = content.Close() }()
	counted := &countedReader{from: io.LimitReader(content, d.Size+1), sum: sha256.New()}
	f.made = true // in part, at least
	if err := c.cfg.Documents.Write(ctx, f.doc, counted); err != nil {
		if ctx.Err() != nil {
			return &driver.Error{Driver: Name, Op: op, Kind: driver.ErrUnavailable, Err: ctx.Err()}
		}
		return unavailable(op, "the document's file was not written")
	}
	if _, err := io.Copy(io.Discard, counted); err != nil {
		return unavailable(op, "the document's bytes cannot be read")
	}
	if counted.err != nil {
		return unavailable(op, "the document's bytes cannot be read")
	}
	if counted.n != d.Size || d.SHA256 != "" && !strings.EqualFold(hex.EncodeToString(counted.sum.Sum(nil)), d.SHA256) {
		return rejected(op, driver.ReasonInvalid, "the document's bytes are not those that were announced")
	}
	return nil
}

// countedReader remembers what went through it.
type countedReader struct {
	from io.Reader
	sum  hash.Hash
	n    int64
	err  error
}

func (r *countedReader) Read(b []byte) (int, error) {
	n, err := r.from.Read(b)
	r.n += int64(n)
	_, _ = r.sum.Write(b[:n])
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}

// withdraw removes the file of a row that was rolled back.
func (c *conn) withdraw(f *filed) {
	if !f.made {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), removeWithin)
	defer cancel()
	if err := c.cfg.Documents.Remove(ctx, f.doc); err != nil {
		c.env.Logger().Warn("eaglesoft: the file of a withdrawn document was not removed", "document", f.doc.ID)
	}
}

// group makes sure that a folder is there: the foreign key fk_group refuses others.
func (c *conn) group(ctx context.Context, t *tx, op, id string) (int64, error) {
	n, ok := number(id)
	if !ok {
		return 0, rejected(op, driver.ReasonOptionUnknown, "")
	}
	rows, err := t.query(ctx, op, "SELECT "+columns("", "group_id", "type")+" FROM "+c.db.from(tGroups)+` WHERE "group_id" = ?`, n)
	if err != nil {
		return 0, err
	}
	switch {
	case len(rows) == 0:
		return 0, rejected(op, driver.ReasonOptionUnknown, "")
	case !isFolder(rows[0]):
		return 0, rejected(op, driver.ReasonOptionUnfit, "")
	}
	return n, nil
}

// findDocument looks for the Ref in the names of the patient's documents.
func (c *conn) findDocument(ctx context.Context, q querier, op string, d *driver.Document) (string, error) {
	plain, padded := idForms(d.Patient, patientWidth)
	rows, err := q.query(ctx, op, "SELECT "+columns("", "document_id", "ref_id", "document_name")+" FROM "+c.db.from(tDocuments)+
		` WHERE "ref_table" = ? AND "ref_id" IN (?, ?) ORDER BY "document_id"`, "patient", plain, padded)
	if err != nil {
		return "", err
	}
	for _, r := range rows {
		if r.text("ref_id") == d.Patient && strings.Contains(r.text("document_name"), d.Ref) {
			return r.text("document_id"), nil
		}
	}
	return "", problem(op, rows)
}
