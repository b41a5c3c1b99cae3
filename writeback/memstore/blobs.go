package memstore

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/pmswriteback/pms/writeback"
)

// blob is a document's bytes.
type blob struct {
	chunks map[int][]byte
	at     time.Time // when the last chunk came
}

// PutBlob stores chunk n of a blob. The same chunk again replaces it.
func (s *Store) PutBlob(ctx context.Context, practice, name string, n int, chunk []byte) error {
	if err := s.enter(ctx, "put blob"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	switch {
	case name == "":
		return fmt.Errorf("memstore: put blob: the blob has no name")
	case n < 0:
		return fmt.Errorf("memstore: put blob: chunk number %d is negative", n)
	case len(chunk) > writeback.BlobChunk:
		return fmt.Errorf("memstore: put blob: chunk of %d bytes, at most %d fit", len(chunk), writeback.BlobChunk)
	}
	p := s.practice(practice)
	b := p.blobs[name]
	if b == nil {
		b = &blob{chunks: map[int][]byte{}}
		p.blobs[name] = b
	}
	b.chunks[n], b.at = bytes.Clone(chunk), s.clock()
	return nil
}

// Blob returns chunk n of a blob.
func (s *Store) Blob(ctx context.Context, practice, name string, n int) ([]byte, error) {
	if err := s.enter(ctx, "blob"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	if b := s.look(practice).blobs[name]; b != nil {
		if chunk, ok := b.chunks[n]; ok {
			return bytes.Clone(chunk), nil
		}
	}
	return nil, fmt.Errorf("memstore: blob: %w", writeback.ErrNotFound)
}

// Sweep deletes old blobs that no item names.
func (s *Store) Sweep(ctx context.Context, age time.Duration) (int, error) {
	if err := s.enter(ctx, "sweep"); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	now, swept := s.clock(), 0
	for _, p := range s.practices {
		for name, b := range p.blobs {
			if p.named[name] == 0 && now.Sub(b.at) >= age {
				delete(p.blobs, name)
				swept++
			}
		}
	}
	return swept, nil
}

// Purge empties old items. It counts as a change of the item: its Version
// rises, its UpdatedAt stays.
func (s *Store) Purge(ctx context.Context, practice string, states []writeback.State, age time.Duration, limit int) (int, error) {
	if err := s.enter(ctx, "purge"); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	p, now, purged := s.look(practice), s.clock(), 0
	for _, it := range p.order {
		if purged >= limit {
			break
		}
		full := len(it.Payload) > 0 || it.Blob != ""
		if !full || !slices.Contains(states, it.State) || now.Sub(it.UpdatedAt) < age {
			continue
		}
		name := it.Blob
		p.unlink(it)
		it.Payload, it.Blob = nil, ""
		it.Version++
		p.link(it)
		if p.named[name] == 0 {
			delete(p.blobs, name)
		}
		purged++
	}
	return purged, nil
}
