package writeback

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// openBlob reads a document's bytes, one chunk in memory at a time.
func (p *Practice) openBlob(ctx context.Context, it *item) (io.ReadCloser, error) {
	r := &blobReader{ctx: ctx, p: p, it: it, blob: it.Blob, left: it.p.Document.Size}
	if err := r.fill(); err != nil {
		return nil, err
	}
	return r, nil
}

type blobReader struct {
	ctx   context.Context
	p     *Practice
	it    *item
	blob  string
	n     int
	chunk []byte
	left  int64 // that the blob still has to give
}

func (r *blobReader) Read(buf []byte) (int, error) {
	if len(r.chunk) == 0 {
		if r.left == 0 {
			return 0, io.EOF
		}
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(buf, r.chunk)
	r.chunk = r.chunk[n:]
	r.left -= int64(n)
	return n, nil
}

func (r *blobReader) fill() error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	sealed, err := r.p.e.cfg.Store.Blob(r.ctx, r.p.id, r.blob, r.n)
	if errors.Is(err, ErrNotFound) {
		r.it.lost.Store(true)
		return errors.New("writeback: the document's bytes are not in the store any more")
	}
	if err != nil {
		return fmt.Errorf("writeback: read document: %w", err)
	}
	r.chunk, err = r.p.e.seal.unseal(sealed, r.p.id, fmt.Sprintf("%s/%d", r.blob, r.n))
	r.n++
	if err == nil && int64(len(r.chunk)) > r.left {
		r.it.lost.Store(true)
		err = errors.New("writeback: the stored document is longer than it was")
	}
	return err
}

func (r *blobReader) Close() error { return nil }
