package opendentaltest

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// pendingPrefix begins the Note of an uploaded file that nobody has opened yet
// ("API Documents", Upload): "_rawBase64_:" + extension + "_" + base64.
const pendingPrefix = "_rawBase64_:"

func isPending(r record) bool { return strings.HasPrefix(r.text("Note"), pendingPrefix) }

// pendingFile takes the extension and the bytes out of a pending document.
func pendingFile(r record) (extension string, content []byte, err error) {
	rest := strings.TrimPrefix(r.text("Note"), pendingPrefix)
	extension, encoded, _ := strings.Cut(rest, "_")
	content, err = base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		// The column ends at 16,777,215 bytes; a longer file was cut there.
		err = errors.New("opendentaltest: document: the uploaded file is not whole base64")
	}
	return extension, content, err
}

// postUpload takes a file. It does not become a file yet: the bytes wait in
// the Note until somebody at the office opens the document.
func (c *call) postUpload() (reply, error) {
	patNum, err := c.requiredNum("PatNum")
	if err != nil {
		return reply{}, err
	}
	encoded, err := c.required("rawBase64")
	if err != nil {
		return reply{}, err
	}
	extension, err := c.required("extension")
	if err != nil {
		return reply{}, err
	}
	if !strings.HasPrefix(extension, ".") || strings.ContainsAny(extension, `/\_:`) || len(extension) > 10 {
		return reply{}, bad("extension is invalid.")
	}
	if _, err := base64.StdEncoding.DecodeString(encoded); err != nil {
		return reply{}, bad("rawBase64 is invalid.")
	}
	if _, err := c.livePatient(patNum); err != nil && !c.o.cfg.AllowUnknownPatient {
		return reply{}, err
	}
	values, err := c.documentInfo()
	if err != nil {
		return reply{}, err
	}
	values["PatNum"], values["FileName"], values["Note"] = patNum, "x", pendingPrefix+extension+"_"+encoded
	row, err := c.insertDocument(values)
	if err != nil {
		return reply{}, err
	}
	return c.oneDocument(row, http.StatusCreated)
}

// insertDocument stores a document row with the program's defaults.
func (s *session) insertDocument(values set) (record, error) {
	if _, given := values["DateCreated"]; !given {
		values["DateCreated"] = s.now
	}
	if _, given := values["DocCategory"]; !given {
		first, _, err := s.firstDefinition(CategoryImageCats)
		if err != nil {
			return record{}, err
		}
		values["DocCategory"] = first.id()
	}
	values["ExternalSource"] = "None"
	return s.insert("document", values)
}

// fileName is the name the program gives a new file: letters of the patient's
// name and the document's number.
func fileName(patient record, docNum int64, extension string) string {
	folder := imageFolder(patient)
	letters := strings.TrimSuffix(folder, strconv.FormatInt(patient.id(), 10))
	return letters + strconv.FormatInt(docNum, 10) + strings.ToLower(extension)
}

// storeFile puts bytes where the office keeps files and returns the row.
func (s *session) storeFile(patient, r record, name string, content []byte) (record, error) {
	values := set{"FileName": name, "RawBase64": ""}
	if s.o.files == nil {
		values["RawBase64"] = base64.StdEncoding.EncodeToString(content)
	} else {
		folder := folderOf(patient)
		if err := s.o.files.MkdirAll(folder, 0o755); err != nil {
			return r, fmt.Errorf("opendentaltest: store file: %w", err)
		}
		if err := s.o.files.WriteFile(path.Join(folder, name), content, 0o644); err != nil {
			return r, fmt.Errorf("opendentaltest: store file: %w", err)
		}
	}
	r, _, err := s.update(r, values)
	return r, err
}

// content reads a document's bytes, wherever they are.
func (s *session) content(r record) ([]byte, error) {
	if isPending(r) {
		_, content, err := pendingFile(r)
		return content, err
	}
	if encoded := r.text("RawBase64"); encoded != "" || s.o.files == nil {
		content, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			return nil, errors.New("opendentaltest: document: RawBase64 is not base64")
		}
		return content, nil
	}
	patient, found, err := s.get("patient", r.int("PatNum"))
	if err != nil || !found {
		return nil, err
	}
	content, err := s.o.files.ReadFile(path.Join(folderOf(patient), r.text("FileName")))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("opendentaltest: read file: %w", err)
	}
	return content, nil
}

// deleteFile removes a document's row and its file.
func (s *session) deleteFile(r record) error {
	if err := s.remove(r); err != nil || s.o.files == nil || isPending(r) {
		return err
	}
	patient, found, err := s.get("patient", r.int("PatNum"))
	if err != nil || !found {
		return err
	}
	err = s.o.files.Remove(path.Join(folderOf(patient), r.text("FileName")))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("opendentaltest: delete file: %w", err)
	}
	return nil
}

// openDocument does what the first click on an uploaded document does: the
// bytes are imported as a new file with a new row, which takes over what the
// old one said, and the old row is deleted. The document's number changes.
func (s *session) openDocument(r record) (record, error) {
	if !isPending(r) {
		return r, nil
	}
	extension, content, err := pendingFile(r)
	if err != nil {
		return r, err
	}
	patient, found, err := s.get("patient", r.int("PatNum"))
	if err != nil {
		return r, err
	}
	if !found {
		return r, errors.New("opendentaltest: open document: it belongs to no patient")
	}
	values := set{"PatNum": r.int("PatNum")}
	for _, name := range []string{"Description", "DocCategory", "ImgType", "DateCreated", "ToothNumbers", "ProvNum", "PrintHeading"} {
		values[name] = r.value(name)
	}
	imported, err := s.insertDocument(values)
	if err != nil {
		return r, err
	}
	imported, err = s.storeFile(patient, imported, fileName(patient, imported.id(), extension), content)
	if err != nil {
		return r, err
	}
	return imported, s.remove(r)
}
