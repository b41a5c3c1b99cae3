package opendental

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/pmswriteback/pms/driver"
)

const (
	// bodyChars is the most that the API takes as a body (Open Dental API, POST
	// and PUT: 16.8 million characters).
	bodyChars = 16_800_000
	// pendingBytes is the size of document.Note, a MySQL mediumtext column, in
	// which the content waits in base64 until somebody opens the document. It is
	// smaller than a body, and what is longer is cut without a word.
	pendingBytes = 1<<24 - 1
	// pendingRest is what stands in the column besides: a mark and the extension.
	pendingRest = 128
	// documentBytes is the largest content: base64 makes four characters of
	// three bytes.
	documentBytes = (pendingBytes - pendingRest) / 4 * 3
	// descriptionChars is the size of document.Description.
	descriptionChars = 255
)

// fileType is how a type of content is uploaded.
type fileType struct{ extension, imgType string }

// fileTypes maps the MIME types that are taken. The program opens others too, but
// with whatever the workstation has for them.
var fileTypes = map[string]fileType{
	"application/pdf": {".pdf", "Document"},
	"image/jpeg":      {".jpg", "Photo"},
	"image/png":       {".png", "Photo"},
	"image/gif":       {".gif", "Photo"},
	"image/bmp":       {".bmp", "Photo"},
	"image/tiff":      {".tif", "Photo"},
	"text/plain":      {".txt", "Document"},
	"application/rtf": {".rtf", "Document"},
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document": {".docx", "Document"},
}

func (c *conn) writeDocument(ctx context.Context, op string, d *driver.Document) (driver.Receipt, error) {
	if d.Prior != nil {
		if !isID(d.Prior.ID) || !strings.HasPrefix(d.Prior.State, restStatement) {
			return driver.Receipt{}, rejected(op, driver.ReasonInvalid, "Prior: names no document with a rest")
		}
		return c.finishStatement(ctx, op, d, *d.Prior)
	}
	mime, _, _ := strings.Cut(d.MIME, ";")
	kind, taken := fileTypes[strings.ToLower(strings.TrimSpace(mime))]
	switch {
	case !taken:
		return driver.Receipt{}, rejected(op, driver.ReasonMIMERefused, "")
	case d.Size > documentBytes:
		return driver.Receipt{}, rejected(op, driver.ReasonTooLarge, "")
	case d.Size <= 0:
		return driver.Receipt{}, rejected(op, driver.ReasonInvalid, "Size: must be above zero")
	case d.Open == nil:
		return driver.Receipt{}, rejected(op, driver.ReasonInvalid, "Open: missing")
	case d.At.IsZero():
		return driver.Receipt{}, rejected(op, driver.ReasonInvalid, "At: missing")
	}
	body := fields{
		"PatNum":      number(d.Patient),
		"Description": withRef(d.Title.Reveal(), d.Ref, descriptionChars),
		"DateCreated": formatWall(d.At, c.loc),
		"ImgType":     kind.imgType,
		"extension":   kind.extension,
	}
	if err := c.checkOption(ctx, op, driver.DocumentFolders, d.Folder); err != nil {
		return driver.Receipt{}, err
	}
	body["DocCategory"] = number(d.Folder)
	if d.Provider != "" && c.currentVersion().atLeast(sinceDocumentProvider) {
		if err := c.checkProvider(ctx, op, d.Provider); err != nil {
			return driver.Receipt{}, err
		}
		body["ProvNum"] = number(d.Provider)
	}
	if err := c.checkPatient(ctx, op, d.Patient); err != nil {
		return driver.Receipt{}, err
	}
	head, err := marshal(body)
	if err != nil {
		return driver.Receipt{}, rejected(op, driver.ReasonTextRefused, "Title: not valid UTF-8")
	}
	content, err := d.Open(ctx)
	if err != nil {
		return driver.Receipt{}, unavailable(op, "the document's content cannot be opened")
	}
	u := newUpload(head, content, d.Size, d.SHA256)
	defer func() { _ = u.Close() }()
	r, err := c.send(ctx, call{op: op, method: http.MethodPost, path: "/documents/Upload", upload: u}, nil)
	if err != nil {
		return driver.Receipt{}, u.blame(op, err)
	}
	receipt := c.documentReceipt(r)
	if receipt.ID == "" {
		return driver.Receipt{}, failure(op, driver.ErrUnknownOutcome, driver.ReasonNone, "filed, but the answer names no document")
	}
	if c.entersStatement(d) {
		return c.enterStatement(ctx, op, d, receipt)
	}
	return receipt, nil
}

func (c *conn) documentReceipt(r row) driver.Receipt {
	return driver.Receipt{ID: r.id("DocNum"), At: r.wall("DateTStamp", c.loc)}
}

var (
	errSource  = errors.New("the document's content cannot be read")
	errContent = errors.New("the document's content does not have its Size and SHA256")
)

// upload is the body of an upload as a stream: the other fields, the content in
// base64, and the end. It gives the end only when the content was what it should
// be, so that a wrong content is no valid body and has no effect.
//
// net/http may still read it, or close it, when its request has failed already;
// the mutex lets the content be closed meanwhile.
type upload struct {
	size int64 // of the whole body

	mu      sync.Mutex
	parts   io.Reader
	content io.Closer // nil once closed
	failed  error
}

func newUpload(head []byte, content io.ReadCloser, size int64, sha string) *upload {
	begin := strings.TrimSuffix(string(head), "}") + `,"rawBase64":"`
	const end = `"}`
	checked := &checkedContent{r: content, left: size, sum: sha256.New(), want: sha}
	return &upload{
		size:    int64(len(begin)+len(end)) + (size+2)/3*4,
		parts:   io.MultiReader(strings.NewReader(begin), &encoder{from: checked}, strings.NewReader(end)),
		content: content,
	}
}

func (u *upload) length() int64 { return u.size }

// Read implements io.Reader.
func (u *upload) Read(p []byte) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.content == nil {
		return 0, io.ErrClosedPipe
	}
	n, err := u.parts.Read(p)
	if errors.Is(err, errSource) || errors.Is(err, errContent) {
		u.failed = err
	}
	return n, err
}

// Close closes the content.
func (u *upload) Close() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.content == nil {
		return nil
	}
	err := u.content.Close()
	u.content = nil
	return err
}

// blame tells a failure of the content, after which the body was cut short and
// had no effect, from one of the connection.
func (u *upload) blame(op string, err error) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case errors.Is(u.failed, errContent):
		return rejected(op, driver.ReasonInvalid, errContent.Error())
	case errors.Is(u.failed, errSource):
		return unavailable(op, errSource.Error())
	}
	return err
}

// checkedContent gives exactly the announced bytes or fails.
type checkedContent struct {
	r    io.Reader
	left int64
	sum  hash.Hash
	want string
}

// Read implements io.Reader.
func (c *checkedContent) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.left -= int64(n)
	c.sum.Write(p[:n])
	switch {
	case c.left < 0:
		return 0, errContent
	case err == io.EOF && (c.left != 0 || c.want != "" && !strings.EqualFold(c.want, hex.EncodeToString(c.sum.Sum(nil)))):
		return n, errContent
	case err != nil && err != io.EOF:
		return n, errSource
	}
	return n, err
}

// encoder gives base64 of what it reads, a few kilobytes at a time.
type encoder struct {
	from io.Reader
	raw  [3 * 4096]byte
	out  [4 * 4096]byte
	left []byte // of out, still to be given
	err  error
}

// Read implements io.Reader.
func (e *encoder) Read(p []byte) (int, error) {
	if len(e.left) == 0 {
		if e.err != nil {
			return 0, e.err
		}
		n, err := io.ReadFull(e.from, e.raw[:])
		if err == io.ErrUnexpectedEOF {
			err = io.EOF
		}
		e.err = err
		if err != nil && err != io.EOF {
			return 0, err
		}
		base64.StdEncoding.Encode(e.out[:], e.raw[:n])
		e.left = e.out[:base64.StdEncoding.EncodedLen(n)]
		if len(e.left) == 0 {
			return 0, e.err
		}
	}
	n := copy(p, e.left)
	e.left = e.left[n:]
	return n, nil
}
