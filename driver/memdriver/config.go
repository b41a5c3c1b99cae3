package memdriver

import (
	"time"

	"github.com/pmswriteback/pms/driver"
)

// Config describes a PMS. The zero value is a practice with active and inactive
// providers, options in every catalog, no patients, and every capability.
type Config struct {
	// Name is how the PMS prints; "memory" when empty.
	Name string
	// Now is the host's clock; time.Now when nil. It must be safe for concurrent
	// use.
	Now func() time.Time
	// Skew is how far the PMS's clock is ahead of Now. See [PMS.SkewClock].
	Skew time.Duration
	// Resolution is the tick of the PMS's clock: records changed within one tick
	// have the same ModifiedAt. One second when zero or less; 1 for none.
	Resolution time.Duration
	// Latency is how long each call takes before it is carried out; 0 for none.
	Latency time.Duration
	// PageSize is how many records a page holds when a query sets no Limit; 100
	// when zero or less.
	PageSize int
	// KeepBytes is the size up to which a document's bytes are kept; of a larger
	// one only size and hash are, so that memory does not grow with documents.
	// 1 MiB when zero; none are kept when negative.
	KeepBytes int64
	// MaxCalls is Info.MaxCalls; 8 when zero or less. More calls at once are
	// served all the same, and counted in [PMS.Traffic].
	MaxCalls int
	// VerifyAfter is the OpInfo.VerifyAfter of every operation; 0 when the PMS is
	// never still at work. A late effect that is outstanding makes Verify say
	// VerdictUnknown whatever VerifyAfter is.
	VerifyAfter time.Duration
	// Bare leaves the catalogs empty.
	Bare bool
	// ExactCursors makes a cursor remember each single change. By default records
	// changed in the tick in which a page was read come again with the next one,
	// as they do in a PMS that knows only when, and not what.
	ExactCursors bool
	// Hide are capabilities that connections do not have: their optional
	// interfaces are not implemented, and Info says so.
	Hide []Capability
	// Broken are rules of the contract to break from the start. See [PMS.Break].
	Broken []Broken
}

func (c Config) withDefaults() Config {
	if c.Name == "" {
		c.Name = "memory"
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Resolution <= 0 {
		c.Resolution = time.Second
	}
	if c.PageSize <= 0 {
		c.PageSize = 100
	}
	if c.KeepBytes == 0 {
		c.KeepBytes = 1 << 20
	}
	if c.MaxCalls <= 0 {
		c.MaxCalls = 8
	}
	return c
}

// defaultOptions are the catalogs of a practice that is not Bare. Ids keep a
// leading zero on purpose: they are text.
func defaultOptions() map[driver.Catalog][]driver.Option {
	on := func(id, label string, aliases ...string) driver.Option {
		return driver.Option{ID: id, Label: label, Aliases: aliases, Active: true}
	}
	off := func(id, label string, aliases ...string) driver.Option {
		return driver.Option{ID: id, Label: label, Aliases: aliases}
	}
	status := func(id, label string, role driver.StatusRole) driver.Option {
		return driver.Option{ID: id, Label: label, Active: true, Role: role}
	}
	return map[driver.Catalog][]driver.Option{
		driver.Providers: {
			on("DOC1", "Dr. Dana Drill", "DD"), on("HYG1", "Harper Hygiene, RDH", "HH"), off("DOC0", "Dr. Rae Tired", "RT"),
		},
		driver.NoteTypes: {
			on("0101", "Phone Call"), on("0102", "General Note"), on("0103", "Text Message"), on("0104", "Insurance"), off("0109", "Fax"),
		},
		driver.DocumentFolders: {
			on("0201", "Insurance Documents"), on("0202", "Statements"), on("0203", "Patient Information"),
			on("0204", "Consents"), on("0205", "Treatment Plans"), on("0206", "Scans"), off("0209", "Old Scans"),
		},
		driver.AppointmentStatuses: {
			status("0301", "Unconfirmed", driver.RoleUnconfirmed), status("0302", "Confirmed", driver.RoleConfirmed),
			status("0303", "Texted", driver.RoleOutreach), status("0304", "Arrived", driver.RoleArrived),
			status("0305", "Seated", driver.RoleSeated), status("0306", "Done", driver.RoleCompleted),
			{ID: "0309", Label: "Confirmed by Fax", Role: driver.RoleConfirmed},
		},
		driver.PaymentTypes: {
			on("0401", "Credit Card", "CC"), on("0402", "Online Payment"), on("0403", "In-Office Terminal"),
			on("0404", "Surcharge"), on("0405", "Addl. Payment", "AA"), off("0409", "Traveler's Check"),
		},
		driver.AdjustmentTypes: {
			on("0501", "Refund"), on("0502", "Surcharge Offset"), {ID: "0503", Label: "Courtesy Discount", Active: true, Lowers: true},
			off("0509", "Senior Discount"),
		},
	}
}
