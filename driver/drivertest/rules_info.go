package drivertest

import (
	"maps"
	"mime"
	"slices"
	"strings"
	"time"

	"github.com/pmswriteback/pms/driver"
)

func infoRules() []rule {
	return []rule{
		{
			name:        "info/why",
			explanation: "Info has an entry for every catalog, feed, operation and way to find patients, and what is not supported says why in words for staff: the settings page shows it.",
			try:         tryInfoWhy,
		}, {
			name:        "info/interfaces",
			explanation: "What Info says is supported, the connection implements.",
			try:         tryInfoInterfaces,
		}, {
			name:        "info/ways",
			explanation: "A supported feed is served by ReadChanges, by ReadWindow or by both; deletes are reported by ReadChanges alone.",
			try: func(c *checker) {
				for feed, f := range c.open().info.Feeds {
					if f.Supported && !f.Changes && !f.Window {
						c.Errorf("the feed %s is supported, and neither Changes nor Window is set", feed)
					}
					if f.Deletes && !f.Changes {
						c.Errorf("the feed %s has Deletes set without Changes", feed)
					}
				}
			},
		}, {
			name:        "info/vocabulary",
			explanation: "The maps of Info have no keys but those of the vocabulary, and TypeFrom names a catalog that is supported: settings choose from it.",
			try:         tryInfoVocabulary,
		}, {
			name:        "info/limits",
			explanation: "Limits, intervals and counts are not negative, and MIME types are types in lower case without parameters.",
			try:         tryInfoLimits,
		}, {
			name:        "info/product",
			explanation: "Product names the PMS that was found: staff see it on the settings page.",
			try: func(c *checker) {
				if strings.TrimSpace(c.open().info.Product) == "" {
					c.Errorf("Info.Product is empty")
				}
			},
		}, {
			name:        "info/skew",
			explanation: "A PMS that tells its time has Clock.Skew as its clock minus the host's; one that does not has zero.",
			try:         tryInfoSkew,
		},
	}
}

func tryInfoWhy(c *checker) {
	info := c.open().info
	check := func(what string, s driver.Support, there bool) {
		switch {
		case !there:
			c.Errorf("%s has no entry: say Yes, or No and why", what)
		case !s.Supported && strings.TrimSpace(s.Why) == "":
			c.Errorf("%s is not supported, and Why is empty", what)
		case s.Supported && s.Why != "":
			c.Errorf("%s is supported, and Why says why not", what)
		}
	}
	for _, k := range driver.Catalogs() {
		s, ok := info.Catalogs[k]
		check("the catalog "+string(k), s, ok)
	}
	for _, k := range driver.Feeds() {
		f, ok := info.Feeds[k]
		check("the feed "+string(k), f.Support, ok)
	}
	for _, k := range driver.OpKinds() {
		o, ok := info.Ops[k]
		check("the operation "+string(k), o.Support, ok)
	}
	for _, k := range []driver.FindBy{driver.FindByID, driver.FindByBirthDate, driver.FindByPhone} {
		s, ok := info.Find[k]
		check("finding by "+string(k), s, ok)
	}
}

func tryInfoInterfaces(c *checker) {
	s := c.open()
	check := func(what string, supported, implemented bool) {
		if supported && !implemented {
			c.Errorf("Info supports %s, and the connection does not implement it", what)
		}
	}
	for k, sup := range s.info.Catalogs {
		_, ok := s.conn.(driver.Cataloger)
		check("the catalog "+string(k)+" (driver.Cataloger)", sup.Supported, ok)
	}
	for k, sup := range s.info.Find {
		_, ok := s.conn.(driver.PatientFinder)
		check("finding by "+string(k)+" (driver.PatientFinder)", sup.Supported, ok)
	}
	for k, op := range s.info.Ops {
		_, ok := s.conn.(driver.Writer)
		check("the operation "+string(k)+" (driver.Writer)", op.Supported, ok)
	}
	for k, f := range s.info.Feeds {
		_, changes := s.conn.(driver.ChangeReader)
		_, windows := s.conn.(driver.WindowReader)
		check("changes of "+string(k)+" (driver.ChangeReader)", f.Supported && f.Changes, changes)
		check("windows of "+string(k)+" (driver.WindowReader)", f.Supported && f.Window, windows)
	}
	_, photos := s.conn.(driver.PhotoReader)
	check("the feed photos (driver.PhotoReader)", s.info.Feeds[driver.PhotoFeed].Supported, photos)
}

func tryInfoVocabulary(c *checker) {
	info := c.open().info
	for k := range info.Catalogs {
		if !k.Valid() {
			c.Errorf("Info.Catalogs has %q", k)
		}
	}
	for k := range info.Feeds {
		if !k.Valid() {
			c.Errorf("Info.Feeds has %q", k)
		}
	}
	for k := range info.Find {
		if !slices.Contains([]driver.FindBy{driver.FindByID, driver.FindByBirthDate, driver.FindByPhone}, k) {
			c.Errorf("Info.Find has %q", k)
		}
	}
	for k, op := range info.Ops {
		if !slices.Contains(driver.OpKinds(), k) {
			c.Errorf("Info.Ops has %q", k)
		}
		if op.Supported && op.TypeFrom != "" && !info.Catalogs[op.TypeFrom].Supported {
			c.Errorf("%s takes its option from %q, which is not a supported catalog", k, op.TypeFrom)
		}
		if !slices.Contains([]driver.Repertoire{driver.UnicodeAll, driver.UnicodeBMP, driver.Windows1252}, op.Repertoire) {
			c.Errorf("%s has the repertoire %q", k, op.Repertoire)
		}
	}
}

func tryInfoLimits(c *checker) {
	info := c.open().info
	if info.MaxCalls < 0 {
		c.Errorf("MaxCalls is %d", info.MaxCalls)
	}
	if info.Clock.Resolution < 0 {
		c.Errorf("Clock.Resolution is %v", info.Clock.Resolution)
	}
	for _, k := range slices.Sorted(maps.Keys(info.Feeds)) {
		if d := info.Feeds[k].MinInterval; d < 0 {
			c.Errorf("the feed %s has the MinInterval %v", k, d)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(info.Ops)) {
		op := info.Ops[k]
		if op.MaxBytes < 0 || op.MaxChars < 0 || op.VerifyAfter < 0 {
			c.Errorf("%s has a negative limit: MaxBytes %d, MaxChars %d, VerifyAfter %v", k, op.MaxBytes, op.MaxChars, op.VerifyAfter)
		}
		for _, m := range op.MIME {
			if typ, params, err := mime.ParseMediaType(m); err != nil || typ != m || len(params) > 0 || !strings.Contains(m, "/") {
				c.Errorf("%s takes the MIME type %q: want type/subtype in lower case", k, m)
			}
		}
	}
}

func tryInfoSkew(c *checker) {
	c.setUp()
	c.need("Skew", c.pms.Skew != nil)
	const skew = 3 * time.Hour
	c.pms.Skew(skew)
	s := c.open()
	got := s.info.Clock.Skew
	if got == 0 {
		c.notApplicable("the PMS does not tell its time")
	}
	if off := got - skew; off < -time.Minute || off > time.Minute {
		c.Errorf("the PMS's clock is %v ahead of the host's, and Clock.Skew says %v", skew, got)
	}
}
