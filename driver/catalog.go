package driver

import "context"

// Cataloger reads the lists of options that settings choose from.
type Cataloger interface {
	// ReadCatalog returns the whole list, inactive options included, in the
	// order in which the PMS shows it. Complete or an error: half a list would
	// look like options that vanished. An unsupported catalog is ErrRejected
	// with ReasonUnsupported.
	ReadCatalog(ctx context.Context, c Catalog) ([]Option, error)
}

// ReadCatalog reads a catalog from conn. A connection that is no Cataloger gives
// ErrRejected with ReasonUnsupported.
func ReadCatalog(ctx context.Context, conn Conn, c Catalog) ([]Option, error) {
	r, ok := conn.(Cataloger)
	if !ok {
		return nil, unsupported("read catalog")
	}
	return r.ReadCatalog(ctx, c)
}

func unsupported(op string) error {
	return &Error{Op: op, Kind: ErrRejected, Reason: ReasonUnsupported}
}
