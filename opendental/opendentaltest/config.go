package opendentaltest

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"
)

// Mode is the way in which the API is reached ("API Modes" page).
type Mode string

// The modes.
const (
	// ModeService is the API Service on the office's server: not throttled,
	// 1000 rows a page. It is the zero Mode.
	ModeService Mode = "service"
	// ModeLocal is the API inside a running OpenDental.exe: as ModeService.
	ModeLocal Mode = "local"
	// ModeRemote goes through the vendor's headquarters and the office's
	// eConnector: throttled per customer key, 100 rows a page.
	ModeRemote Mode = "remote"
)

// The keys of an [Office] whose Config names none. They are invented.
const (
	DefaultDeveloperKey = "DevEmulatorKey00"
	DefaultCustomerKey  = "CustEmulatorKey0"
)

// DefaultVersion is the program version of an [Office] whose Config names none
// and whose Store remembers none.
const DefaultVersion = "25.3.42.0"

// Config says what kind of office to emulate. The zero Config is a good one:
// an in-memory practice behind the API Service, with one key that may do
// everything that is not sold by special agreement.
type Config struct {
	// Mode is how the API is reached. "" is ModeService.
	Mode Mode

	// DeveloperKey is the developer's half of the key. "" is DefaultDeveloperKey.
	DeveloperKey string

	// Customers are the office's keys. Empty is one CustomerKey,
	// DefaultCustomerKey with Tier35.
	Customers []CustomerKey

	// Version is the office's program version, such as "24.1.66.0": a method or
	// field added later is refused with 400. "" is the version the Store
	// remembers, or DefaultVersion. It is kept in the preferences
	// ProgramVersion and DataBaseVersion.
	Version string

	// Throttle is the least time from the start of one request of a customer
	// key to the start of its next. The interval includes the execution of the
	// request, and one key's requests run one after the other in the order of
	// their arrival. 0 is the documented interval in ModeRemote (5 s for a free
	// key, 1 s for a paid one, 500 ms for Enterprise) and none in the other
	// modes; negative is none in every mode.
	Throttle time.Duration

	// ThrottleReject answers 429 with Retry-After where the documented
	// behaviour is to let the request wait.
	ThrottleReject bool

	// Location is the office's time zone: every time in the API is its wall
	// clock. nil is UTC.
	Location *time.Location

	// Now is the office's clock. nil is time.Now. See also Office.SkewClock.
	Now func() time.Time

	// Store holds the practice. nil is a new SQLite database in memory that
	// Office.Close drops; a Store given here is the caller's to close.
	Store Store

	// AtoZ is the folder of the patients' files: <AtoZ>/<Letter>/<ImageFolder>/.
	// It is made if it is not there. "" keeps files in the database instead
	// (preference AtoZfolderUsed = 0), where Open Dental leaves filePath blank.
	AtoZ string

	// LockDates refuses payments and adjustments dated on or before preference
	// SecurityLockDate with 400. The documented API does not: date locks bind
	// people, not developers. Some clients want to see the refusal all the same.
	LockDates bool

	// AllowUnknownPatient lets Documents POST Upload accept a PatNum that does
	// not exist, as has been reported from the field against the documentation.
	AllowUnknownPatient bool

	// OmitPendingNote leaves the Note of a document that nobody has opened yet
	// out of the list. The published program code answers it as stored, which
	// is the whole file in base64.
	OmitPendingNote bool

	// AllowUnknownFields ignores a query parameter or body field that the
	// method does not know. Otherwise it is refused with 400, so that a typing
	// error in a filter cannot pass for "everything".
	AllowUnknownFields bool

	// ShortQueryTail makes every page of ShortQuery after the first run to the
	// end of the result, as has been reported from the field.
	ShortQueryTail bool

	// QuoteErrors sends error explanations as a JSON string in place of plain
	// text. Clients have met both.
	QuoteErrors bool

	// Log gets one line a request: method, route, status, duration. Never a
	// query, a body or a key. nil is no log.
	Log *slog.Logger

	// Observe is called after each request, from the goroutine that served it.
	// nil is nobody.
	Observe func(Exchange)

	// Address is where Server listens. "" is a free port on 127.0.0.1.
	Address string
}

// Exchange is one request as an observer sees it. It holds no patient data.
type Exchange struct {
	// Method and Route name what was called, Route as in "/appointments/{AptNum}".
	// Route is UnknownRoute for a path that is no method of the API.
	Method, Route string
	// Query are the names of the query parameters, sorted.
	Query []string
	// Status is the status answered; 0 if the connection was cut instead.
	Status int
	// Started is when it arrived, Waited how long it was held back by the
	// throttle, Took the whole time until it was answered.
	Started time.Time
	Waited  time.Duration
	Took    time.Duration
	// RequestBytes and ResponseBytes are the sizes of the bodies.
	RequestBytes, ResponseBytes int
	// Fault is what an injected fault did to it, or "".
	Fault FaultKind
}

// UnknownRoute is the route under which calls of unknown methods are counted.
const UnknownRoute = "(unknown)"

// validate reports everything that is wrong with the Config.
func (c Config) validate() error {
	var errs []error
	switch c.Mode {
	case "", ModeService, ModeLocal, ModeRemote:
	default:
		errs = append(errs, fmt.Errorf("opendentaltest: Config.Mode: %q is unknown: use ModeService, ModeLocal or ModeRemote", c.Mode))
	}
	if c.Version != "" {
		if _, err := parseVersion(c.Version); err != nil {
			errs = append(errs, fmt.Errorf("opendentaltest: Config.Version: want numbers and dots, such as 25.3.42.0"))
		}
	}
	seen := map[string]bool{}
	for i, k := range c.Customers {
		switch {
		case k.Key == "":
			errs = append(errs, fmt.Errorf("opendentaltest: Config.Customers[%d].Key: is required", i))
		case seen[k.Key]:
			errs = append(errs, fmt.Errorf("opendentaltest: Config.Customers[%d].Key: is there twice", i))
		}
		seen[k.Key] = true
	}
	return errors.Join(errs...)
}

// Authorization is the header value for a pair of keys.
func Authorization(developerKey, customerKey string) string {
	return "ODFHIR " + developerKey + "/" + customerKey
}

// SetHeaders puts the two headers on a request that every request to the API
// needs, GET included: Authorization and Content-Type.
func SetHeaders(r *http.Request, developerKey, customerKey string) {
	r.Header.Set("Authorization", Authorization(developerKey, customerKey))
	r.Header.Set("Content-Type", "application/json")
}
