package writeback

import "github.com/pmswriteback/pms/driver"

// What several tests of single parts need.

func receipt(id string) *driver.Receipt { return &driver.Receipt{ID: id} }
