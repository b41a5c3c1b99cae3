//go:build !linux

package mariadbtest

import "context"

type process struct{}

func start(context.Context, Options) (*Server, error) { return nil, ErrMissing }

func (s *Server) stop() error { return nil }
