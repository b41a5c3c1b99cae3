package writeback

import (
	"context"

	"github.com/pmswriteback/pms/driver"
)

// What several tests of single parts need.

func receipt(id string) *driver.Receipt { return &driver.Receipt{ID: id} }

type ctx = context.Context
