package dentrixtest

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Row is a record in the office's tables.
type Row struct {
	ID, Type, Provider string
	// Text is all that staff can read in it.
	Text string
	// At is the moment of a journal entry, in the office's zone.
	At time.Time
	// On is the date of money or of a document, "2006-01-02".
	On string
	// Cents is the amount as stored: less than zero for a payment.
	Cents int64
	// SHA256 is the hash of a document's bytes, hexadecimal.
	SHA256, Extension string
}

// Notes are a patient's Office Journal entries.
func (o *Office) Notes(ctx context.Context, patient string) ([]Row, error) {
	return rows(ctx, o, "SELECT contact_id, contact_type, provider_id, contact_description, contact_note, CONCAT(contact_date, ' ', contact_time)"+
		" FROM admin.standin_journal WHERE patient_id=? ORDER BY contact_id", patient, func(scan func(...any) error) (Row, error) {
		var r Row
		var provider, title, note, at sql.NullString
		err := scan(&r.ID, &r.Type, &provider, &title, &note, &at)
		r.Provider, r.Text = strings.TrimRight(provider.String, " "), strings.TrimRight(title.String, " ")+"\n"+note.String
		if at.Valid {
			r.At, err = time.ParseInLocation(time.DateTime, at.String, o.zone)
		}
		return r, err
	})
}

// Payments are a patient's payments.
func (o *Office) Payments(ctx context.Context, patient string) ([]Row, error) {
	return o.ledger(ctx, patient, "proclogclass=1")
}

// Refunds are a patient's adjustments of the type RefundType.
func (o *Office) Refunds(ctx context.Context, patient string) ([]Row, error) {
	return o.ledger(ctx, patient, fmt.Sprintf("proclogclass=2 AND proclogorder=%d", RefundType))
}

// Adjustments are a patient's other adjustments.
func (o *Office) Adjustments(ctx context.Context, patient string) ([]Row, error) {
	return o.ledger(ctx, patient, fmt.Sprintf("proclogclass=2 AND proclogorder<>%d", RefundType))
}

func (o *Office) ledger(ctx context.Context, patient, where string) ([]Row, error) {
	return rows(ctx, o, "SELECT procid, proclogorder & 255, provid, procdate, CAST(amt*100 AS SIGNED), CONCAT_WS(' ', TRIM(checknumber), notetext)"+
		" FROM admin.standin_proclog WHERE proccodeid=? AND chartstatus=90 AND "+where+" ORDER BY procid", patient, func(scan func(...any) error) (Row, error) {
		var r Row
		var provider, on, text sql.NullString
		err := scan(&r.ID, &r.Type, &provider, &on, &r.Cents, &text)
		r.Provider, r.On, r.Text = strings.TrimRight(provider.String, " "), on.String, text.String
		return r, err
	})
}

// Documents are a patient's documents.
func (o *Office) Documents(ctx context.Context, patient string) ([]Row, error) {
	return rows(ctx, o, "SELECT docid, dc_doctype_id, docdate, title, extension, content FROM admin.standin_document WHERE patient_id=? ORDER BY docid",
		patient, func(scan func(...any) error) (Row, error) {
			var r Row
			var content []byte
			var on, title, extension sql.NullString
			err := scan(&r.ID, &r.Type, &on, &title, &extension, &content)
			sum := sha256.Sum256(content)
			r.On, r.SHA256, r.Text, r.Extension = on.String, hex.EncodeToString(sum[:]), strings.TrimRight(title.String, " "), strings.TrimRight(extension.String, " ")
			return r, err
		})
}

// Status is an appointment's status as a number from 0 to 255, and empty when the
// appointment is gone.
func (o *Office) Status(ctx context.Context, appointment string) (string, error) {
	id, err := strconv.Atoi(appointment)
	if err != nil || id > math.MaxInt32 {
		return "", nil
	}
	var status sql.NullInt64
	err = o.db.QueryRowContext(ctx, "SELECT status_id FROM admin.standin_appt WHERE appointment_id=?", id).Scan(&status)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("dentrixtest: %w", err)
	}
	return strconv.Itoa(int(uint8(status.Int64))), nil
}

func rows(ctx context.Context, o *Office, query, patient string, read func(scan func(...any) error) (Row, error)) ([]Row, error) {
	id, err := strconv.Atoi(patient)
	if err != nil {
		return nil, nil
	}
	found, err := o.db.QueryContext(ctx, query, id)
	if err != nil {
		return nil, fmt.Errorf("dentrixtest: %w", err)
	}
	defer func() { _ = found.Close() }()
	var out []Row
	for found.Next() {
		r, err := read(found.Scan)
		if err != nil {
			return nil, fmt.Errorf("dentrixtest: %w", err)
		}
		out = append(out, r)
	}
	if err := found.Err(); err != nil {
		return nil, fmt.Errorf("dentrixtest: %w", err)
	}
	return out, nil
}
