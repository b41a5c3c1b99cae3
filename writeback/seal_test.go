package writeback

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func sealKey(id string) SealKey { return SealKey{ID: id, Key: bytes.Repeat([]byte(id[:1]), 32)} }

func sealerOf(t testing.TB, ids ...string) sealer {
	t.Helper()
	var keys []SealKey
	for _, id := range ids {
		keys = append(keys, sealKey(id))
	}
	s, err := newSealer(keys)
	require.NoError(t, err)
	return s
}

func TestSealedDataComesBackAndShowsNothing(t *testing.T) {
	t.Parallel()
	s := sealerOf(t, "2025")
	for _, plain := range []string{"", "x", "Asked about Friday.", strings.Repeat("Friday ", 200_000)} {
		sealed, err := s.seal([]byte(plain), "p", "i")
		require.NoError(t, err)
		if len(plain) > 1 {
			require.NotContains(t, string(sealed), plain[:6])
		}
		again, err := s.seal([]byte(plain), "p", "i")
		require.NoError(t, err)
		require.NotEqual(t, sealed, again, "equal texts do not show as equal")
		back, err := s.unseal(sealed, "p", "i")
		require.NoError(t, err)
		require.Equal(t, plain, string(back))
	}
}

func TestSealKeysRotate(t *testing.T) {
	t.Parallel()
	old, both, latest := sealerOf(t, "old"), sealerOf(t, "new", "old"), sealerOf(t, "new")
	was, err := old.seal([]byte("Friday"), "p", "i")
	require.NoError(t, err)
	is, err := both.seal([]byte("Friday"), "p", "i")
	require.NoError(t, err)
	for _, tc := range []struct {
		s    sealer
		data []byte
		err  error
	}{
		{old, was, nil}, {both, was, nil}, {both, is, nil}, {latest, is, nil},
		{latest, was, errUnsealable}, {old, is, errUnsealable}, {sealer{}, was, errUnsealable},
	} {
		back, err := tc.s.unseal(tc.data, "p", "i")
		require.ErrorIs(t, err, tc.err)
		if err == nil {
			require.Equal(t, "Friday", string(back))
		}
	}
	// What was stored before there were keys still opens.
	plain, err := sealer{}.seal([]byte("Friday"), "p", "i")
	require.NoError(t, err)
	back, err := both.unseal(plain, "p", "i")
	require.NoError(t, err)
	require.Equal(t, "Friday", string(back))
}

func TestKeyOfTheSameNameThatIsAnotherOpensNothing(t *testing.T) {
	t.Parallel()
	sealed, err := sealerOf(t, "key").seal([]byte("Friday"), "p", "i")
	require.NoError(t, err)
	other, err := newSealer([]SealKey{{ID: "key", Key: bytes.Repeat([]byte{1}, 32)}})
	require.NoError(t, err)
	back, err := other.unseal(sealed, "p", "i")
	require.Error(t, err)
	require.Nil(t, back)
}

func TestSwappedRowsAndColumnsAreFound(t *testing.T) {
	t.Parallel()
	s := sealerOf(t, "key")
	sealed := func(practice, id, body string) Record {
		it := noteItem()
		it.Practice, it.ID, it.Key, it.p.Note.Body = practice, id, id, body
		it.pr.Legs = []leg{{Sent: &sentOp{Body: body}}}
		require.NoError(t, s.sealPayload(it))
		require.NoError(t, s.sealProgress(it))
		return it.Record
	}
	a, b, elsewhere := sealed("p", "A", "Friday"), sealed("p", "B", "Monday"), sealed("q", "A", "Sunday")
	it, err := s.open(a)
	require.NoError(t, err)
	require.Equal(t, "Friday", it.p.Note.Body)
	for name, change := range map[string]func(r *Record){
		"payload of another row":      func(r *Record) { r.Payload = b.Payload },
		"progress of another row":     func(r *Record) { r.Progress = b.Progress },
		"payload of another practice": func(r *Record) { r.Payload = elsewhere.Payload },
		"progress as payload":         func(r *Record) { r.Payload = r.Progress },
		"payload as progress":         func(r *Record) { r.Progress = r.Payload },
		"another id":                  func(r *Record) { r.ID = "C" },
		"another practice":            func(r *Record) { r.Practice = "q" },
	} {
		r := a
		change(&r)
		_, err := s.open(r)
		require.Error(t, err, name)
	}
	require.NotEqual(t, a.Hash, b.Hash)
}

func TestDamageIsFoundWhereverItIs(t *testing.T) {
	t.Parallel()
	s := sealerOf(t, "key")
	sealed, err := s.seal([]byte("Asked about Friday."), "p", "i")
	require.NoError(t, err)
	for i := range sealed {
		damaged := bytes.Clone(sealed)
		damaged[i] ^= 1
		_, err := s.unseal(damaged, "p", "i")
		require.Error(t, err, "byte %d", i)
		require.NotContains(t, err.Error(), "Friday")
		_, err = s.unseal(sealed[:i], "p", "i")
		require.Error(t, err, "cut at %d", i)
	}
	for _, damaged := range []string{"", "s", "s\x00", "s\xffkey", "x", "{}"} {
		_, err := s.unseal([]byte(damaged), "p", "i")
		require.Error(t, err, "%q", damaged)
	}
	_, err = s.open(Record{ID: "i", Payload: []byte("pnot JSON: Friday")})
	require.Error(t, err)
	require.NotContains(t, err.Error(), "Friday")
}

func TestSealKeysAreChecked(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string][]SealKey{
		"no id":     {{Key: make([]byte, 32)}},
		"long id":   {{ID: strings.Repeat("k", 256), Key: make([]byte, 32)}},
		"twice":     {sealKey("a"), sealKey("a")},
		"short key": {{ID: "a", Key: []byte("secret key")}},
		"long key":  {{ID: "a", Key: make([]byte, 33)}},
	} {
		_, err := newSealer(keys)
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), "secret")
	}
	_, err := newSealer([]SealKey{{ID: strings.Repeat("k", 255), Key: make([]byte, 32)}})
	require.NoError(t, err)
}

func FuzzUnsealNeverPanics(f *testing.F) {
	s := sealerOf(f, "key")
	sealed, err := s.seal([]byte("x"), "p", "i")
	require.NoError(f, err)
	f.Add(sealed)
	f.Add([]byte("p{}"))
	f.Add([]byte{sealedMark, 3, 'k', 'e', 'y'})
	f.Fuzz(func(t *testing.T, data []byte) {
		plain, err := s.unseal(data, "p", "i")
		if err == nil && data[0] != plainMark {
			require.Equal(t, "x", string(plain), "only what was sealed opens")
		}
		_, _ = s.open(Record{Practice: "p", ID: "i", Payload: data, Progress: data})
	})
}
