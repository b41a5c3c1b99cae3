package opendental

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
)

// Info implements [driver.Conn]. It asks for the version, the time, what governs
// payments and, where photos are configured, for their category: three to six
// requests, and two more while a write found the office in maintenance.
func (c *conn) Info(ctx context.Context) (driver.Info, error) {
	const op = "read info"
	if err := c.readVersion(ctx, op); err != nil {
		return driver.Info{}, err
	}
	v := c.currentVersion()
	skew, notes, err := c.skew(ctx, op)
	if err != nil {
		return driver.Info{}, err
	}
	info := driver.Info{
		Product:  "Open Dental",
		Version:  v.String(),
		Access:   accessWords[c.cfg.mode()],
		Clock:    driver.Clock{Resolution: time.Second, Skew: skew},
		Catalogs: map[driver.Catalog]driver.Support{},
		Feeds:    map[driver.Feed]driver.FeedInfo{},
		Find:     map[driver.FindBy]driver.Support{},
		MaxCalls: maxCalls[c.cfg.mode()],
		Notes:    notes,
	}
	for _, which := range driver.Catalogs() {
		info.Catalogs[which] = c.gated(sinceCatalogs, readAll)
	}
	for _, by := range []driver.FindBy{driver.FindByID, driver.FindByBirthDate, driver.FindByPhone} {
		info.Find[by] = c.findSupport(by)
	}
	for _, feed := range driver.Feeds() {
		s, err := c.feedSupport(ctx, op, feed)
		if err != nil {
			return driver.Info{}, err
		}
		info.Feeds[feed] = c.feed(s)
	}
	ops, notes, err := c.operations(ctx, op)
	if err != nil {
		return driver.Info{}, err
	}
	info.Ops, info.Notes = ops, append(info.Notes, notes...)
	return info, nil
}

// accessWords and maxCalls go with the modes.
var (
	accessWords = map[Mode]string{Remote: "API, Remote mode", Service: "API, Service mode", Local: "API, Local mode"}
	maxCalls    = map[Mode]int{Remote: 1, Service: 4, Local: 2}
)

// operations tells what can be written, and what staff should know about it.
func (c *conn) operations(ctx context.Context, op string) (map[driver.OpKind]driver.OpInfo, []string, error) {
	ops := map[driver.OpKind]driver.OpInfo{}
	for _, kind := range driver.OpKinds() {
		ops[kind] = c.opInfo(kind)
	}
	notes := c.accessNotes()
	words, err := c.maintenanceNote(ctx, op)
	if err != nil {
		return nil, nil, err
	}
	if words != "" {
		notes = append(notes, words)
	}
	payment := ops[driver.OpPayment]
	if !payment.Supported {
		return ops, notes, nil
	}
	if payment.ProviderRecorded, err = c.attributes(ctx, op); err != nil {
		return nil, nil, err
	}
	if !payment.ProviderRecorded && c.currentVersion().atLeast(sinceSplitProvider) {
		notes = append(notes, "The office does not allow a provider on unearned income, so that payments are posted without the writeback provider.")
	}
	ops[driver.OpPayment] = payment
	return ops, notes, nil
}

// findSupport says whether patients can be looked up in a way.
func (c *conn) findSupport(by driver.FindBy) driver.Support {
	switch by {
	case driver.FindByID:
		return driver.Yes(readAll)
	case driver.FindByBirthDate:
		return c.gated(sincePatients, readAll)
	}
	return c.phoneSupport()
}

// feedSupport says whether a feed can be read.
func (c *conn) feedSupport(ctx context.Context, op string, feed driver.Feed) (driver.Support, error) {
	switch feed {
	case driver.PatientFeed:
		return c.gated(sincePatients, readAll), nil
	case driver.PhotoFeed:
		photos, err := c.photoSupport(ctx, op)
		if photos.Supported && !c.cfg.imagesThere() {
			photos = driver.No("The office's A-to-Z folder cannot be opened; check the path in the connection settings.", photos.Needs...)
		}
		return photos, err
	}
	return c.gated(sinceAppointments, readAll), nil
}

// feed makes the FeedInfo of a supported or unsupported feed. Deletions show
// only in windows: the API's list of deletions can be read neither by the time
// of deletion nor in an order that a cursor could hold on to.
func (c *conn) feed(s driver.Support) driver.FeedInfo {
	return driver.FeedInfo{Support: s, MinInterval: c.minInterval(), Changes: s.Supported, Window: s.Supported}
}

// minInterval keeps the vendor's abuse policy: in Remote mode a poll takes no
// more than a tenth of the line, otherwise one a second.
func (c *conn) minInterval() time.Duration {
	return max(10*c.cfg.interval(), time.Second)
}

// gated is the Support of what needs a version.
func (c *conn) gated(need version, needs ...string) driver.Support {
	needs = append(needs, "Open Dental "+need.String()+" or later")
	if !c.currentVersion().atLeast(need) {
		return driver.No("Needs Open Dental "+need.String()+" or later; the office has "+c.currentVersion().String()+".", needs...)
	}
	return driver.Yes(needs...)
}

func (c *conn) phoneSupport() driver.Support {
	s := c.gated(sinceQueries, "API permission Queries")
	if s.Supported && c.queriesDenied() {
		return driver.No("The API key lacks the permission Queries; the API's own search by phone number may leave patients out.", s.Needs...)
	}
	return s
}

// opSupport says whether an operation works in the office's version. A missing
// permission shows only when the operation is tried.
func (c *conn) opSupport(kind driver.OpKind) driver.Support {
	since, known := opSince[kind]
	if !known {
		return driver.No("The driver does not know this operation.")
	}
	return c.gated(since, apiPermissions[kind].needs()...)
}

// opSince are the versions that have the operations' requests.
var opSince = map[driver.OpKind]version{
	driver.OpNote: sinceNotes, driver.OpDocument: sinceDocuments, driver.OpStatus: sinceConfirm,
	driver.OpPayment: sincePayments, driver.OpRefund: sinceRefunds, driver.OpAdjustment: sinceAdjustments,
}

func (c *conn) opInfo(kind driver.OpKind) driver.OpInfo {
	info := driver.OpInfo{
		Support:     c.opSupport(kind),
		Repertoire:  driver.UnicodeBMP,
		VerifyAfter: c.cfg.verifyAfter(kind),
	}
	v := c.currentVersion()
	switch kind {
	case driver.OpNote:
		info.MaxBytes = noteBytes
		info.TypeFrom = driver.NoteTypes
		if v.atLeast(sinceInsVerify) {
			info.HeldAs = "a commlog; the note of a successful insurance verification also sets the day on which the patient's only coverage was last verified"
		}
	case driver.OpDocument:
		info.MaxBytes = documentBytes
		for mime := range fileTypes {
			info.MIME = append(info.MIME, mime)
		}
		slices.Sort(info.MIME)
		info.ProviderRecorded = v.atLeast(sinceDocumentProvider)
		info.TypeFrom = driver.DocumentFolders
		info.HeldAs = "a document; larger files, which Open Dental takes over SFTP alone, are left out"
		switch {
		case !c.cfg.Statements:
		case v.atLeast(sinceStatements):
			info.HeldAs += "; an account statement also gets a line in the patient's account"
		default:
			info.HeldAs += "; an account statement's line in the patient's account needs Open Dental " + sinceStatements.String() + " or later"
		}
	case driver.OpStatus:
		info.Idempotent = true
		info.TypeFrom = driver.AppointmentStatuses
	case driver.OpPayment:
		info.TypeFrom = driver.PaymentTypes
		info.Charges = v.atLeast(sinceCharges)
		info.HeldAs = "a payment whose check number is the reference; it goes to the patient's oldest charges, and the rest is unearned income; all of it is, when the rest would pay the family's charges"
		if !info.Charges {
			info.HeldAs += "; amounts for single procedures need Open Dental " + sinceCharges.String() + " or later"
		}
	case driver.OpRefund:
		info.TypeFrom = driver.PaymentTypes
		info.HeldAs = "a negative payment of the whole amount, dated the day it is written; neither a part nor another date is possible"
	case driver.OpAdjustment:
		info.ProviderRecorded = true
		info.TypeFrom = driver.AdjustmentTypes
		info.HeldAs = "a positive adjustment that belongs to no procedure, with the reference in its note"
	}
	return info
}

// skew measures the office's clock against the host's.
func (c *conn) skew(ctx context.Context, op string) (time.Duration, []string, error) {
	before := time.Now()
	office, err := c.askClock(ctx, op)
	if errors.Is(err, driver.ErrUnauthorized) || errors.Is(err, driver.ErrRejected) {
		before = time.Now()
		office, err = c.officeClock(ctx, op)
	}
	if err != nil {
		return 0, nil, err
	}
	var notes []string
	if c.queriesDenied() {
		notes = append(notes, "The API key lacks the permission Queries: no photos and no search by phone number.")
	}
	if office.IsZero() {
		return 0, notes, nil
	}
	// The clock shows whole seconds, so that half of one is added on average.
	middle := before.Add(time.Since(before) / 2)
	skew := inZone(office, c.loc).Add(500 * time.Millisecond).Sub(middle)
	if hours := skew.Round(30 * time.Minute); hours.Abs() >= 30*time.Minute {
		notes = append(notes, strings.TrimSpace(fmt.Sprintf(
			"The office's clock differs by %v. Check the time zone of the practice, which is set to %s.", hours, c.loc)))
	}
	return skew, notes, nil
}
