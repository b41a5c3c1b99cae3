package dentrix

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
)

const (
	// noteChars is the room of an Office Journal entry's text, titleChars that of its
	// description (Developer Guide 2.1), and memoChars what is taken for that of a
	// ledger entry where the profile does not say.
	noteChars  = 5128
	titleChars = 80
	memoChars  = 60
	// maxCalls is how many calls run at once.
	maxCalls = 2
	// shortestPoll is between two reads of a feed. The vendor documents no limit, and
	// not what a call costs the office's server; products of others read every fifteen
	// minutes.
	shortestPoll = 15 * time.Second
)

// Info implements [driver.Conn]. It looks at everything anew, with some twenty short
// statements, unless the connection was made a moment ago.
func (c *conn) Info(ctx context.Context) (driver.Info, error) {
	p, err := c.lookOnce(ctx, "read info")
	if err != nil {
		return driver.Info{}, err
	}
	info := driver.Info{
		Product:  "Dentrix",
		Version:  p.version,
		Access:   "Database, vendor's programme",
		Clock:    driver.Clock{Resolution: time.Second},
		Catalogs: map[driver.Catalog]driver.Support{},
		Feeds:    c.feeds(p),
		Ops:      map[driver.OpKind]driver.OpInfo{},
		Find:     c.findSupport(p),
		MaxCalls: maxCalls,
		Notes:    slices.Clone(p.notes),
	}
	for _, which := range driver.Catalogs() {
		info.Catalogs[which] = c.catalogSupport(p, which)
	}
	for _, kind := range driver.OpKinds() {
		info.Ops[kind] = c.opInfo(p, kind)
	}
	if !p.clock.IsZero() {
		info.Clock.Skew = moment(p.clock, c.loc, p.asked).Add(500 * time.Millisecond).Sub(p.asked)
		if hours := info.Clock.Skew.Round(30 * time.Minute); hours.Abs() >= 30*time.Minute {
			info.Notes = append(info.Notes, fmt.Sprintf("The office's clock differs by %v. Check the time zone of the practice, which is set to %s.", hours, c.loc))
		}
	}
	if why := sqlpms.ZoneGap(time.Local, c.loc, time.Now()); why != "" {
		info.Notes = append(info.Notes, why)
	}
	return info, nil
}

// readable is the Support of what needs a view.
func (p *probed) readable(v view) driver.Support {
	needs := "Read access to " + v.Name
	if why := p.unread(v); why != "" {
		return driver.No(why, needs)
	}
	return driver.Yes(needs)
}

func (c *conn) catalogSupport(p *probed, which driver.Catalog) driver.Support {
	if which == driver.NoteTypes {
		return driver.Yes()
	}
	v, ok := viewOf(which)
	if !ok {
		return driver.No("Dentrix has no such list.")
	}
	return p.readable(v)
}

func (c *conn) findSupport(p *probed) map[driver.FindBy]driver.Support {
	s := p.readable(patientView)
	phone := s
	if s.Supported && !slices.ContainsFunc(phoneColumns, func(column string) bool { return p.has(patientView, column) }) {
		phone = driver.No("The view v_patient of the Dentrix database has no phone numbers.")
	}
	return map[driver.FindBy]driver.Support{driver.FindByID: s, driver.FindByBirthDate: s, driver.FindByPhone: phone}
}

// windowSupport is for reading appointments by days: by the procedure, or by the view
// where the procedure does not serve.
func (c *conn) windowSupport(p *probed) driver.Support { return p.readable(appointmentView) }

// feeds says how the feeds are read. Deleted appointments vanish from the view, so
// that only windows show them.
func (c *conn) feeds(p *probed) map[driver.Feed]driver.FeedInfo {
	s := c.windowSupport(p)
	appointments := driver.FeedInfo{
		Support: s, MinInterval: shortestPoll, Window: s.Supported, Changes: s.Supported && p.noChanges == "" && !p.clock.IsZero(),
	}
	s = p.readable(patientView)
	return map[driver.Feed]driver.FeedInfo{
		driver.AppointmentStatusFeed: appointments,
		driver.AppointmentFeed:       appointments,
		driver.PatientFeed:           {Support: s, MinInterval: shortestPoll, Window: s.Supported, Changes: s.Supported},
		driver.PhotoFeed:             {Support: driver.No("Dentrix keeps patients' pictures as files in a folder of its own, which the vendor's programme does not give access to.")},
	}
}

// withoutProfile says why an operation is not there, in words for staff.
var withoutProfile = map[driver.OpKind]string{
	driver.OpNote:       "Notes are written to Dentrix's Office Journal",
	driver.OpDocument:   "Documents are filed in Dentrix's Document Center",
	driver.OpStatus:     "Appointment statuses are set in Dentrix",
	driver.OpPayment:    "Payments are posted to Dentrix's ledger",
	driver.OpRefund:     "Refunds are posted to Dentrix's ledger as positive adjustments",
	driver.OpAdjustment: "Adjustments are posted to Dentrix's ledger",
}

// opSupport says whether an operation works now.
func (c *conn) opSupport(p *probed, kind driver.OpKind) driver.Support {
	const needs = "Membership of the Dentrix Developer Program, category Write"
	switch {
	case withoutProfile[kind] == "":
		return driver.No("The driver does not know this operation.")
	case c.operation(kind) == nil:
		return driver.No(withoutProfile[kind]+" only through procedures that the vendor gives to members of its developer programme; the connection settings (profile) name none for this.", needs)
	case p.ops[kind] != "":
		return driver.No(p.ops[kind], needs)
	case c.hasMissed(kind):
		return driver.No("What was written last could not be found again by its reference in Dentrix, so that nothing more is written. Check the look-up (find) of the profile.", needs)
	}
	return driver.Yes(needs)
}

// operation is the profile's part for an operation, nil when there is none.
func (c *conn) operation(kind driver.OpKind) *Operation {
	if c.cfg.Profile == nil {
		return nil
	}
	return c.cfg.Profile.Operations[kind]
}

func (c *conn) opInfo(p *probed, kind driver.OpKind) driver.OpInfo {
	info := driver.OpInfo{Support: c.opSupport(p, kind)}
	o := c.operation(kind)
	if !info.Supported || o == nil {
		return info
	}
	info.VerifyAfter = c.cfg.verifyAfter()
	info.ProviderRecorded = binds(o.Arguments, BindProvider)
	info.Repertoire = driver.Windows1252
	if binds(o.Arguments, BindType) && o.Type == nil {
		info.TypeFrom = typeCatalog(kind)
	}
	switch kind {
	case driver.OpNote:
		info.MaxChars = o.maxChars(kind)
		info.HeldAs = "an Office Journal entry"
		if info.TypeFrom == "" && o.Type == nil {
			info.HeldAs = ""
		}
	case driver.OpDocument:
		info.MaxBytes, info.MIME = o.MaxBytes, append([]string(nil), o.MIME...)
	case driver.OpStatus:
		info.Idempotent, info.TypeFrom = true, driver.AppointmentStatuses
		info.ProviderRecorded = false
	case driver.OpRefund:
		info.HeldAs = "a positive adjustment, which does not name the payment"
	case driver.OpAdjustment:
		info.HeldAs = "a positive adjustment"
	}
	switch {
	case kind == driver.OpStatus:
	case o.Find == nil:
		info.HeldAs = joinWords(info.HeldAs, "one whose answer was lost cannot be looked up and is left to a person")
	case !c.trusts(kind, o):
		info.HeldAs = joinWords(info.HeldAs, "its look-up is not proved (proved_on), so that one whose answer was lost is left to a person")
	}
	return info
}

func joinWords(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}

// maxChars is how many characters an operation's text may have.
func (o *Operation) maxChars(kind driver.OpKind) int {
	switch {
	case o.MaxChars > 0:
		return o.MaxChars
	case kind == driver.OpNote:
		return noteChars
	}
	return memoChars
}

func (o *Operation) titleChars() int {
	if o.TitleChars > 0 {
		return o.TitleChars
	}
	return titleChars
}

// misses remembers that a record was written and is not found by its reference.
func (c *conn) misses(kind driver.OpKind, ref string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.missed == nil {
		c.missed = map[driver.OpKind]map[string]bool{}
	}
	if c.missed[kind] == nil {
		c.missed[kind] = map[string]bool{}
	}
	c.missed[kind][ref] = true
}

// finds takes that back: the record has turned up.
func (c *conn) finds(kind driver.OpKind, ref string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.missed[kind], ref)
}

// hasMissed tells whether an operation's look-up has missed a record that is there.
func (c *conn) hasMissed(kind driver.OpKind) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.missed[kind]) > 0
}

// trusts tells whether what an operation's look-up does not find was not written. That
// it finds one record proves nothing of the next: it may find those of guarantors alone.
func (c *conn) trusts(kind driver.OpKind, o *Operation) bool {
	if kind == driver.OpStatus {
		return true // read from the appointment
	}
	return o.Find != nil && o.Find.ProvedOn != "" && !c.hasMissed(kind)
}
