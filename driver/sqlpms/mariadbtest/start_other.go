//go:build !linux

package mariadbtest

import "context"

type process struct{}

func start(context.Context, Options) (*Server, error) { return nil, ErrMissing }

func (s *Server) stop() error { return nil }

func newTemplate(context.Context, Options, func(context.Context, *Server) error) (*Template, error) {
	return nil, ErrMissing
}
