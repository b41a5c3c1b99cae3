package writeback

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
)

// SealKey is a key with which the engine seals what it stores of patients'
// data: AES-256-GCM.
type SealKey struct {
	// ID names the key in what is sealed: 1 to 255 bytes, unique.
	ID string
	// Key is 32 random bytes.
	Key []byte
}

// sealer seals with the first key and opens with any. Without keys it leaves
// data as it is, and still tells sealed from plain.
type sealer struct {
	current string
	aeads   map[string]cipher.AEAD
	digests digestKeys
}

const (
	plainMark  = 'p'
	sealedMark = 's'
)

func newSealer(keys []SealKey) (sealer, error) {
	s := sealer{aeads: map[string]cipher.AEAD{}, digests: newDigestKeys(keys)}
	for i, k := range keys {
		if k.ID == "" || len(k.ID) > 255 {
			return s, fmt.Errorf("seal key %d: id must have 1 to 255 bytes", i)
		}
		if _, twice := s.aeads[k.ID]; twice {
			return s, fmt.Errorf("seal key %d: id is used twice", i)
		}
		if len(k.Key) != 32 {
			return s, fmt.Errorf("seal key %d: key must have 32 bytes, it has %d", i, len(k.Key))
		}
		block, err := aes.NewCipher(k.Key)
		if err != nil {
			return s, err
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return s, err
		}
		s.aeads[k.ID] = aead
		if i == 0 {
			s.current = k.ID
		}
	}
	return s, nil
}

var errUnsealable = errors.New("writeback: stored content is sealed with a key that is not at hand")

// seal binds the data to its practice and place, so that rows cannot be swapped.
func (s sealer) seal(data []byte, practice, place string) ([]byte, error) {
	if s.current == "" {
		return append([]byte{plainMark}, data...), nil
	}
	aead := s.aeads[s.current]
	out := make([]byte, 0, 2+len(s.current)+aead.NonceSize()+len(data)+aead.Overhead())
	out = append(out, sealedMark, byte(len(s.current)))
	out = append(out, s.current...)
	nonce := make([]byte, aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	out = append(out, nonce...)
	return aead.Seal(out, nonce, data, []byte(practice+"\x00"+place)), nil
}

func (s sealer) unseal(data []byte, practice, place string) ([]byte, error) {
	if len(data) > 0 && data[0] == plainMark {
		return data[1:], nil
	}
	if len(data) < 2 || data[0] != sealedMark {
		return nil, errors.New("writeback: stored content is damaged")
	}
	n := int(data[1])
	rest := data[2:]
	if len(rest) < n {
		return nil, errors.New("writeback: stored content is damaged")
	}
	aead, ok := s.aeads[string(rest[:n])]
	if !ok {
		return nil, errUnsealable
	}
	rest = rest[n:]
	if len(rest) < aead.NonceSize() {
		return nil, errors.New("writeback: stored content is damaged")
	}
	plain, err := aead.Open(nil, rest[:aead.NonceSize()], rest[aead.NonceSize():], []byte(practice+"\x00"+place))
	if err != nil {
		return nil, errors.New("writeback: stored content is damaged or was moved")
	}
	return plain, nil
}
