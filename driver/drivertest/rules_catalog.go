package drivertest

import (
	"slices"

	"github.com/pmswriteback/pms/driver"
)

func catalogRules() []rule {
	return []rule{
		{
			name:        "catalog/complete",
			explanation: "A catalog has every option with the label that staff see, each once, with an id.",
			subjects:    catalogSubjects(),
			try:         tryCatalogComplete,
		}, {
			name:        "catalog/inactive-kept",
			explanation: "A hidden or inactive option stays in the catalog with Active false, so that a setting that names it can be shown as broken.",
			subjects:    catalogSubjects(),
			try: func(c *checker) {
				s := c.open()
				s.needCatalog(c.cat())
				id := c.addOption(c.cat(), "Soon gone")
				c.need("Staff.HideOption", c.pms.Staff.HideOption != nil)
				c.pms.Staff.HideOption(c.cat(), id)
				opts := s.catalog(c.cat())
				switch i := byID(opts, id); {
				case i < 0:
					c.Errorf("the option that was hidden is not in the catalog")
				case opts[i].Active:
					c.Errorf("the option that was hidden is still Active")
				}
			},
		}, {
			name:        "catalog/renamed",
			explanation: "An option that gets another label keeps its id, and shows the new label at the next read: settings hold ids.",
			subjects:    catalogSubjects(),
			try: func(c *checker) {
				s := c.open()
				s.needCatalog(c.cat())
				id := c.addOption(c.cat(), "Before")
				s.catalog(c.cat())
				c.need("Staff.RenameOption", c.pms.Staff.RenameOption != nil)
				c.pms.Staff.RenameOption(c.cat(), id, "After")
				opts := s.catalog(c.cat())
				switch i := byID(opts, id); {
				case i < 0:
					c.Errorf("the option that was renamed has lost its id %q", id)
				case opts[i].Label != "After":
					c.Errorf("the option that was renamed shows the label %q, want %q", opts[i].Label, "After")
				}
			},
		}, {
			name:        "catalog/stable",
			explanation: "The same options have the same ids in the same order when they are read again, on a new connection too.",
			subjects:    catalogSubjects(),
			try: func(c *checker) {
				s := c.open()
				s.needCatalog(c.cat())
				first := ids(s.catalog(c.cat()))
				if again := ids(s.catalog(c.cat())); !slices.Equal(first, again) {
					c.Errorf("read twice: %s, then %s", quote(first), quote(again))
				}
				if later := ids(c.open().catalog(c.cat())); !slices.Equal(first, later) {
					c.Errorf("read on a new connection: %s, then %s", quote(first), quote(later))
				}
			},
		}, {
			name:        "catalog/whole-or-error",
			explanation: "A catalog is complete or an error: half a list would look like options that vanished.",
			subjects:    catalogSubjects(),
			try: func(c *checker) {
				s := c.open()
				s.needCatalog(c.cat())
				whole := s.catalog(c.cat())
				c.inject(Fault{Kind: FaultCutMiddle, Call: CallCatalog})
				got, err := s.readCatalog(c.ctx, c.cat())
				if err == nil && len(got) < len(whole) {
					c.Errorf("the connection broke, and ReadCatalog gave %d of %d options without an error", len(got), len(whole))
				}
				if err != nil {
					c.readFails("ReadCatalog when the connection breaks", err, driver.ErrUnavailable)
				}
			},
		}, {
			name:        "catalog/unsupported",
			explanation: "A catalog that Info does not support, or that does not exist, is ErrRejected with ReasonUnsupported.",
			try: func(c *checker) {
				s := c.open()
				asked := append(driver.Catalogs(), "no such catalog")
				for _, cat := range asked {
					if !s.info.Catalogs[cat].Supported {
						_, err := s.readCatalog(c.ctx, cat)
						c.rejected("ReadCatalog("+string(cat)+")", err, driver.ReasonUnsupported)
					}
				}
			},
		},
	}
}

func ids(opts []driver.Option) []string {
	var out []string
	for _, o := range opts {
		out = append(out, o.ID)
	}
	return out
}

func byID(opts []driver.Option, id string) int {
	return slices.IndexFunc(opts, func(o driver.Option) bool { return o.ID == id })
}

func tryCatalogComplete(c *checker) {
	s := c.open()
	s.needCatalog(c.cat())
	labels := []string{"Quarterly", "Other", "Éclair & Söhne"}
	want := map[string]string{}
	for _, l := range labels {
		want[c.addOption(c.cat(), l)] = l
	}
	opts := s.catalog(c.cat())
	seen := map[string]int{}
	for _, o := range opts {
		seen[o.ID]++
		if o.ID == "" {
			c.Errorf("the option %q has no id", o.Label)
		}
		if o.Label == "" {
			c.Errorf("the option with the id %q has no label", o.ID)
		}
	}
	for id, n := range seen {
		if n > 1 && !s.info.ReusesIDs {
			c.Errorf("the id %q is in the catalog %d times", id, n)
		}
	}
	for id, label := range want {
		i := byID(opts, id)
		if i < 0 {
			c.Errorf("the option %q that staff added is not in the catalog", label)
			continue
		}
		if opts[i].Label != label {
			c.Errorf("the option %q has the label %q", label, opts[i].Label)
		}
		if !opts[i].Active {
			c.Errorf("the option %q is not Active", label)
		}
	}
}
