package driver

import (
	"context"
	"io"
)

// PhotoReader gives the bytes of a photo that a feed named.
type PhotoReader interface {
	// OpenPhoto opens the photo with this id. The caller closes it and bounds
	// what it reads. A photo that is gone, or whose file cannot be found, is
	// ErrRejected with ReasonInvalid.
	OpenPhoto(ctx context.Context, id string) (io.ReadCloser, error)
}

// OpenPhoto asks conn. A connection that is no PhotoReader gives ErrRejected
// with ReasonUnsupported.
func OpenPhoto(ctx context.Context, conn Conn, id string) (io.ReadCloser, error) {
	r, ok := conn.(PhotoReader)
	if !ok {
		return nil, unsupported("open photo")
	}
	return r.OpenPhoto(ctx, id)
}
