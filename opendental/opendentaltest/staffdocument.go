package opendentaltest

import (
	"context"
	"errors"
	"strings"
)

// imgPhoto is the ImgType of photos.
const imgPhoto = 2

// patientPictures is the first category that is not hidden and has the flag P.
func (s *session) patientPictures() (int64, error) {
	defs, err := s.list("definition", "WHERE Category = ? AND IsHidden = 0 ORDER BY ItemOrder, DefNum", CategoryImageCats)
	if err != nil {
		return 0, err
	}
	for _, d := range defs {
		if strings.Contains(d.text("ItemValue"), "P") {
			return d.id(), nil
		}
	}
	return 0, errors.New("opendentaltest: add photo: the office has no image category with the flag P")
}

// AddPhoto imports a picture into the patient pictures category, where the
// newest one is the patient's photo. extension is as in ".jpg".
func (o *Office) AddPhoto(ctx context.Context, patNum int64, extension string, content []byte) (Document, error) {
	return o.addFile(ctx, patNum, 0, "", extension, imgPhoto, content)
}

// AddDocument imports a file into an image category.
func (o *Office) AddDocument(ctx context.Context, patNum, docCategory int64, description, extension string, content []byte) (Document, error) {
	return o.addFile(ctx, patNum, docCategory, description, extension, 0, content)
}

func (o *Office) addFile(ctx context.Context, patNum, category int64, description, extension string, imgType int, content []byte) (Document, error) {
	if !strings.HasPrefix(extension, ".") || strings.ContainsAny(extension, `/\`) {
		return Document{}, errors.New("opendentaltest: add document: extension: want one such as .jpg")
	}
	doc, err := act[Document](ctx, o, func(s *session) (record, error) {
		patient, err := s.must("patient", patNum)
		if err != nil {
			return record{}, err
		}
		if category == 0 {
			if category, err = s.patientPictures(); err != nil {
				return record{}, err
			}
		}
		r, err := s.insertDocument(set{"PatNum": patNum, "DocCategory": category, "Description": description, "ImgType": imgType})
		if err != nil {
			return r, err
		}
		return s.storeFile(patient, r, fileName(patient, r.id(), extension), content)
	})
	doc.Content = content
	return doc, err
}

// ReplacePhoto puts other bytes in the place of a document's file and sets the
// row's DateTStamp, as editing a picture does.
func (o *Office) ReplacePhoto(ctx context.Context, docNum int64, content []byte) error {
	return o.write(ctx, func(s *session) error {
		r, err := s.must("document", docNum)
		if err != nil {
			return err
		}
		patient, err := s.must("patient", r.int("PatNum"))
		if err != nil {
			return err
		}
		if r, err = s.storeFile(patient, r, r.text("FileName"), content); err != nil {
			return err
		}
		_, _, err = s.update(r, set{"DateTStamp": s.now})
		return err
	})
}

// ViewDocument opens a document in the Imaging module. The first view of an
// uploaded one writes its file and gives it a new row: the document returned
// then has another DocNum, and the old one is gone.
func (o *Office) ViewDocument(ctx context.Context, docNum int64) (Document, error) {
	var doc Document
	err := o.write(ctx, func(s *session) error {
		r, err := s.must("document", docNum)
		if err != nil {
			return err
		}
		if r, err = s.openDocument(r); err != nil {
			return err
		}
		doc = decode[Document](s, r)
		doc.Content, err = s.content(r)
		return err
	})
	return doc, err
}

// DeleteDocument deletes a document and its file.
func (o *Office) DeleteDocument(ctx context.Context, docNum int64) error {
	return o.write(ctx, func(s *session) error {
		r, err := s.must("document", docNum)
		if err != nil {
			return err
		}
		return s.deleteFile(r)
	})
}
