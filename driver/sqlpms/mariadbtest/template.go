package mariadbtest

import (
	"context"
	"os"
)

// Template is the data folder of a server that was prepared once, with schemas,
// rows and procedures in it. A server that starts from it (see
// [Options].Template) has them all in the time that an empty one takes.
type Template struct{ folder string }

// NewTemplate starts a server, lets prepare work on it, stops it and keeps its
// data folder until Close. The servers that start from it must have the same
// flags where these show in the data. It returns [ErrMissing] where no server is
// installed.
func NewTemplate(ctx context.Context, opt Options, prepare func(context.Context, *Server) error) (*Template, error) {
	return newTemplate(ctx, opt, prepare)
}

// Close removes the folder. Servers that started from it go on.
func (t *Template) Close() error {
	if t == nil {
		return nil
	}
	return os.RemoveAll(t.folder)
}

func (t *Template) path() string {
	if t == nil {
		return ""
	}
	return t.folder
}
