package opendentaltest

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"
)

// Server is an [Office] that listens on 127.0.0.1.
type Server struct {
	// Office is the practice behind the server.
	*Office
	// URL is the base URL of the API, such as http://127.0.0.1:41571/api/v1.
	URL string

	server *http.Server
	done   chan struct{}
}

// NewServer opens an office and serves it on Config.Address. Call Close.
func NewServer(cfg Config) (*Server, error) {
	office, err := NewOffice(cfg)
	if err != nil {
		return nil, err
	}
	address := cfg.Address
	if address == "" {
		address = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opendentaltest: listen: %w", err), office.Close())
	}
	s := &Server{
		Office: office,
		URL:    "http://" + listener.Addr().String() + root,
		server: &http.Server{
			Handler:           office,
			ReadHeaderTimeout: 10 * time.Second,
			// Cut connections are deliberate here; net/http would report them.
			ErrorLog: log.New(io.Discard, "", 0),
		},
		done: make(chan struct{}),
	}
	go func() {
		defer close(s.done)
		_ = s.server.Serve(listener) // always ErrServerClosed, from Close
	}()
	return s, nil
}

// Close stops the server and the office. Open connections are cut, as they are
// when a server's process ends.
func (s *Server) Close() error {
	err := s.server.Close()
	<-s.done
	return errors.Join(err, s.Office.Close())
}
