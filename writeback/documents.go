package writeback

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// WriteDocument is [Practice.WriteDocument].
func (v Via) WriteDocument(ctx context.Context, d Document) (Item, error) {
	c := v.check("document")
	if d.Kind == driver.FormDocument {
		c.bad("kind", "is a form; use SubmitForm")
	} else if !d.Kind.Valid() {
		c.bad("kind", "is not a document kind; use one of driver.DocumentKinds")
	}
	it := v.newItem(KindDocument, d.Key, payload{
		Patient: patientDataOf(d.Patient), At: stamp(d.At),
		Document: &documentData{Kind: d.Kind, Title: d.Title.Reveal(), MIME: d.MIME},
	})
	return v.submitFile(ctx, it, &c, d.Patient, d.At, d.Title, d.Content)
}

// SubmitForm is [Practice.SubmitForm].
func (v Via) SubmitForm(ctx context.Context, f Form) (Item, error) {
	c := v.check("form")
	if !f.Category.Valid() {
		c.bad("category", "is not a form category; use one of driver.FormCategories")
	}
	c.id("type", f.Type)
	if HasCardNumber(f.Type) {
		c.bad("type", "holds a payment card number (card_number); name the form type otherwise")
	}
	it := v.newItem(KindForm, f.Key, payload{
		Patient: patientDataOf(f.Patient), At: stamp(f.At),
		Document: &documentData{Kind: driver.FormDocument, Category: f.Category, FormType: f.Type, Title: f.Title.Reveal(), MIME: f.MIME},
	})
	return v.submitFile(ctx, it, &c, f.Patient, f.At, f.Title, f.Content)
}

func (v Via) submitFile(ctx context.Context, it *item, c *inputCheck, who Patient, at time.Time, title driver.Text, content io.Reader) (Item, error) {
	c.key(it.Key)
	c.patient(who)
	c.at(at)
	c.text("title", title, maxShort, true)
	if !HasCardNumber(title.Reveal()) && v.titleCard(it) {
		c.bad("title", "makes, with Config.DocumentTitle, a payment card number (card_number); remove or mask it")
	}
	it.p.Document.MIME = c.mime(it.p.Document.MIME)
	if content == nil {
		c.bad("content", "is nil; give the bytes")
	}
	if err := c.err(); err != nil {
		return Item{}, err
	}
	if err := v.p.usable(); err != nil {
		return Item{}, err
	}
	view, err := v.p.view(ctx)
	if err != nil {
		return Item{}, err
	}
	known, err := v.to.ItemByKey(ctx, it.Practice, it.Key)
	keep := errors.Is(err, ErrNotFound)
	if err != nil && !keep {
		return Item{}, err
	}
	limit := v.p.fileLimit(it, view, keep)
	if keep {
		it.Blob = rand.Text()
		if !takesMIME(limit.mime, it.p.Document.MIME) {
			c.bad("mime", "is a type that this PMS does not take; send one of "+strings.Join(limit.mime, ", "))
			return Item{}, c.err()
		}
	} else {
		it.Blob = known.Blob
	}
	if err := v.readContent(ctx, it, content, limit, keep); err != nil {
		return Item{}, err
	}
	return v.submit(ctx, it)
}

// fileLimit is what may be submitted.
type fileLimit struct {
	bytes int64
	whose string
	mime  []string // empty for any
}

// fileLimit gives the limits for a document: the host's own, and those of the
// PMS once that was reached, so that what it would refuse is refused before it
// is stored. What the settings do not want written needs no PMS to take it, and
// one that was stored already stays.
//
// A limit that the PMS has only later is found when the document's turn comes:
// then it fails.
func (p *Practice) fileLimit(it *item, v view, fresh bool) fileLimit {
	limit := fileLimit{bytes: p.e.cfg.MaxDocument, whose: "Config.MaxDocument"}
	if _, unwanted := decideWanted(it, v); unwanted || !fresh || v.info == nil {
		return limit
	}
	op := v.info.Ops[driver.OpDocument]
	if op.MaxBytes > 0 && op.MaxBytes < limit.bytes {
		limit.bytes, limit.whose = op.MaxBytes, "this PMS"
	}
	limit.mime = op.MIME
	return limit
}

func (l fileLimit) exceeded(kind ItemKind) error {
	return &InputError{Op: string(kind), Fields: []FieldError{{
		"content", fmt.Sprintf("is larger than %d bytes, the limit of %s; send a smaller document", l.bytes, l.whose),
	}}}
}

// readContent reads a document once: hashes it, checks it, and keeps its chunks
// when keep is set. The chunks are in the store before the item that names them;
// those of an item that never came are swept later. One that can tell its size
// leaves none when it is too large.
func (v Via) readContent(ctx context.Context, it *item, content io.Reader, limit fileLimit, keep bool) error {
	size, err := sizeOf(content)
	if err != nil {
		return fmt.Errorf("writeback: %s: content: %w", it.Kind, err)
	}
	if size > limit.bytes {
		return limit.exceeded(it.Kind)
	}
	content = io.LimitReader(content, limit.bytes+1)
	doc := it.p.Document
	hash := sha256.New()
	buf := make([]byte, BlobChunk-1024) // sealing adds a little
	for n := 0; ; n++ {
		size, err := io.ReadFull(content, buf)
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return fmt.Errorf("writeback: %s: content: %w", it.Kind, err)
		}
		last := err != nil
		chunk := buf[:size]
		doc.Size += int64(size)
		if doc.Size > limit.bytes {
			return limit.exceeded(it.Kind)
		}
		if n == 0 {
			if size == 0 {
				return &InputError{Op: string(it.Kind), Fields: []FieldError{{"content", "is empty; give the bytes"}}}
			}
			if found := foundMIME(doc.MIME, chunk); found != "" {
				return &InputError{Op: string(it.Kind), Fields: []FieldError{{
					"mime", "does not fit the content, which looks like " + found + "; give the type of the bytes",
				}}}
			}
		}
		hash.Write(chunk)
		if keep && size > 0 {
			sealed, err := v.p.e.seal.seal(chunk, it.Practice, fmt.Sprintf("%s/%d", it.Blob, n))
			if err != nil {
				return err
			}
			if err := v.to.PutBlob(ctx, it.Practice, it.Blob, n, sealed); err != nil {
				return err
			}
		}
		if last {
			break
		}
	}
	doc.SHA256 = hex.EncodeToString(hash.Sum(nil))
	it.setContent()
	return nil
}

// sizeOf gives how much a reader holds, or -1 when it does not tell.
func sizeOf(content io.Reader) (int64, error) {
	switch r := content.(type) {
	case *bytes.Buffer:
		return int64(r.Len()), nil
	case io.Seeker:
		here, err := r.Seek(0, io.SeekCurrent)
		if err != nil {
			return -1, nil //nolint:nilerr // a pipe: it is only read
		}
		end, err := r.Seek(0, io.SeekEnd)
		if _, back := r.Seek(here, io.SeekStart); back != nil {
			return 0, back
		}
		if err != nil {
			return -1, nil //nolint:nilerr // it is only read
		}
		return end - here, nil
	}
	return -1, nil
}
