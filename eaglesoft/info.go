package eaglesoft

import (
	"context"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
)

// Words for staff about what is not supported.
const (
	whyNoPhotos  = "Eaglesoft keeps patients' photos in files of the vendor's own format, which nothing public can read."
	whyNoRefunds = "How Eaglesoft books a refund is not public. Post it in Eaglesoft by hand and mark it as posted; " +
		"the vendors' own products do not write refunds back either."
	whyNoAdjustments  = "How Eaglesoft books an adjustment is not public. Post it in Eaglesoft by hand and mark it as posted."
	whyNoAdjustTypes  = "Nothing that is written to Eaglesoft takes an adjustment type."
	whyNoDocuments    = "Eaglesoft keeps documents in files of the vendor's own format. The application has been given nothing that writes them."
	whyNoPayments     = "The application does not post payments to Eaglesoft. What the vendor permits has to be agreed with it first."
	heldAsUnapplied   = "payment that is applied to nothing: staff distribute it, after Eaglesoft has updated the account"
	needSignature     = "The vendor's authentication of the database connection"
	needSmartDocs     = "The vendor's way to write SmartDoc files"
	needAgreement     = "The vendor's permission to post payments"
	fastestPoll       = 15 * time.Second
	callsAtOnce       = 4
	removeWithin      = 10 * time.Second
	fileWithin        = 5 * time.Minute
	noteOfAppointment = "Appointments and their statuses are found by reading the days ahead, because Eaglesoft marks no changes."
)

// Info implements [driver.Conn]. It looks at the database anew.
func (c *conn) Info(ctx context.Context) (driver.Info, error) {
	const op = "read info"
	s, err := c.look(ctx, op)
	if err != nil {
		return driver.Info{}, err
	}
	info := driver.Info{
		Product:  "Eaglesoft",
		Version:  s.version,
		Access:   "database, SQL Anywhere " + s.engine,
		Clock:    driver.Clock{Skew: s.skew},
		Catalogs: map[driver.Catalog]driver.Support{driver.AppointmentStatuses: driver.Yes(), driver.AdjustmentTypes: driver.No(whyNoAdjustTypes)},
		Feeds:    map[driver.Feed]driver.FeedInfo{},
		Ops:      map[driver.OpKind]driver.OpInfo{},
		MaxCalls: callsAtOnce,
		Notes:    []string{noteOfAppointment},
	}
	for which, t := range catalogTables {
		info.Catalogs[which] = support(s.lacks(t))
	}
	people := support(s.lacks(tPatient))
	info.Find = map[driver.FindBy]driver.Support{driver.FindByID: people, driver.FindByBirthDate: people, driver.FindByPhone: people}
	visits := support(s.lacks(tAppointment, tAppointmentProvider))
	appointments := driver.FeedInfo{Support: visits, MinInterval: fastestPoll, Window: visits.Supported}
	info.Feeds[driver.AppointmentFeed], info.Feeds[driver.AppointmentStatusFeed] = appointments, appointments
	info.Feeds[driver.PatientFeed] = driver.FeedInfo{Support: people, MinInterval: fastestPoll, Changes: people.Supported, Window: people.Supported}
	info.Feeds[driver.PhotoFeed] = driver.FeedInfo{Support: driver.No(whyNoPhotos)}
	for _, kind := range driver.OpKinds() {
		info.Ops[kind] = c.opInfo(s, kind)
	}
	if s.session.why() != "" {
		info.Notes = append(info.Notes, s.session.why())
	}
	if c.zoneGap != "" {
		info.Notes = append(info.Notes, c.zoneGap)
	}
	if off := s.skew.Round(time.Minute); off.Abs() >= 15*time.Minute {
		info.Notes = append(info.Notes, "The database server shows a time that differs from this computer's by "+off.String()+
			". Check the clock and the time zone of the practice, which is set to "+c.loc.String()+".")
	}
	return info, nil
}

// support is Yes, or No with the reason that is given.
func support(why string) driver.Support {
	if why != "" {
		return driver.No(why)
	}
	return driver.Yes()
}

func (c *conn) opInfo(s *schema, kind driver.OpKind) driver.OpInfo {
	info := driver.OpInfo{Support: support(c.noOp(s, kind)), VerifyAfter: c.cfg.verifyAfter()}
	switch kind {
	case driver.OpNote:
		info.Needs = []string{needSignature}
		info.MaxBytes, info.MaxChars = int64(noteRoom(s)), noteRoom(s)
		info.Repertoire = driver.Windows1252
		info.ProviderRecorded, info.TypeFrom = true, driver.NoteTypes
	case driver.OpStatus:
		info.Needs = []string{needSignature}
		info.Idempotent, info.ProviderRecorded, info.TypeFrom = true, true, driver.AppointmentStatuses
	case driver.OpDocument:
		info.Needs = []string{needSignature, needSmartDocs}
		info.MaxBytes, info.MIME = maxDocument, []string{"application/pdf", "image/jpeg", "image/png"}
		info.ProviderRecorded, info.TypeFrom = true, driver.DocumentFolders
	case driver.OpPayment:
		info.Needs = []string{needSignature, needAgreement}
		info.ProviderRecorded, info.TypeFrom, info.HeldAs = true, driver.PaymentTypes, heldAsUnapplied
	}
	return info
}

// noOp says in staff words why an operation does not work; empty when it does. A
// nil schema asks what never works with this configuration.
func (c *conn) noOp(s *schema, kind driver.OpKind) string {
	switch {
	case kind == driver.OpRefund:
		return whyNoRefunds
	case kind == driver.OpAdjustment:
		return whyNoAdjustments
	case kind == driver.OpDocument && c.cfg.Documents == nil:
		return whyNoDocuments
	case kind == driver.OpPayment && !c.cfg.Payments:
		return whyNoPayments
	case s == nil:
		return ""
	}
	if why := s.catalog.Lacks(needsOf(s, kind)...); why != "" {
		return why
	}
	if s.user != "" {
		return s.user
	}
	return s.session.why()
}

// needsOf is what an operation needs of the tables.
func needsOf(s *schema, kind driver.OpKind) []sqlpms.Need {
	reads := func(t table) sqlpms.Need { return sqlpms.Need{Object: t} }
	adds := func(t table, key string) sqlpms.Need {
		return sqlpms.Need{Object: t, Numbered: key, Right: sqlpms.RightInsert}
	}
	switch kind {
	case driver.OpNote:
		return []sqlpms.Need{reads(tPatient), reads(tProvider), reads(tNoteTypes), adds(tNotes, "note_id")}
	case driver.OpStatus:
		return []sqlpms.Need{
			reads(tProvider), reads(tAppointment), reads(tAppointmentProvider),
			{Object: tConfirm, Right: sqlpms.RightUpdate}, adds(tLog, ""),
		}
	case driver.OpDocument:
		return []sqlpms.Need{reads(tPatient), reads(tProvider), reads(tGroups), adds(tDocuments, "document_id")}
	case driver.OpPayment:
		needs := []sqlpms.Need{reads(tPatient), reads(tProvider), reads(tPayTypes), adds(tHeader, "tran_num"), adds(tDetail, "detail_id")}
		if s.lacks(tExtra) == "" {
			needs = append(needs, adds(tExtra, ""))
		}
		return needs
	}
	return nil
}
