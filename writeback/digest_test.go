package writeback_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/writeback"
)

// digests are what the store has in the clear of items whose patient is known by
// name or phone number alone.
func (b *bed) digests(at time.Time) (out []string) {
	b.t.Helper()
	ctx := b.t.Context()
	for key, patient := range map[string]writeback.Patient{
		"named": writeback.PatientNamed("Grace", "Hopper", driver.Date{Year: 1906, Month: 12, Day: 9}), "phone": writeback.PatientPhone("555-0100"),
	} {
		n := b.note(key)
		n.Patient, n.At = patient, at
		b.must(b.p.WriteNote(ctx, n))
		d := b.sameFile(key + "-doc")
		d.Patient, d.At = patient, at
		b.must(b.p.MarkPosted(ctx, b.must(b.p.WriteDocument(ctx, d)).ID, "dana", ""))
	}
	for _, key := range []string{"named", "phone", "named-doc", "phone-doc"} {
		r, err := b.store.ItemByKey(ctx, practiceID, key)
		require.NoError(b.t, err)
		if r.Kind == writeback.KindNote {
			out = append(out, key+" lane "+r.Lane)
		} else {
			out = append(out, key+" subject "+r.Subject)
		}
		out = append(out, key+" hash "+r.Hash)
	}
	return out
}

// Whoever has the store could try all names, birth dates and phone numbers.
func TestPatientsCannotBeGuessedFromWhatStandsBesideSealedContent(t *testing.T) {
	t.Parallel()
	at := time.Now()
	of := func(ids ...string) []string {
		b := newBed(t, keys(ids...))
		b.save(nil)
		return b.digests(at)
	}
	plain, one, again, other := of(), of("a"), of("a"), of("b")
	require.Equal(t, one, again, "every process has the same ones")
	for i := range one {
		require.NotEqual(t, plain[i], one[i])
		require.NotEqual(t, other[i], one[i])
	}
	lanes := func(all []string) []string {
		return slices.DeleteFunc(all, func(s string) bool { return strings.Contains(s, "hash") })
	}
	require.Equal(t, lanes(one), lanes(of("b", "a")), "a new key in front mixes up no order")
}

func TestSameContentIsKnownUnderItsKeyWhenSealKeysComeAndGo(t *testing.T) {
	t.Parallel()
	b := newBed(t, nil)
	ctx := t.Context()
	b.save(nil)
	note := b.note("note")
	note.Patient = writeback.PatientPhone("555-0100")
	document := b.sameFile("doc")
	document.Patient = note.Patient
	first := b.must(b.p.WriteNote(ctx, note))
	submit := func(key string) {
		t.Helper()
		n := note
		n.Key = key
		b.must(b.p.WriteNote(ctx, n))
		n.Body = writeback.Text("Something else.")
		_, err := b.p.WriteNote(ctx, n)
		require.ErrorIs(t, err, writeback.ErrKeyReused)
	}
	submit("plain")
	for _, ids := range [][]string{{"a"}, {"b", "a"}, {"c", "b", "a"}} {
		b.engine(keys(ids...))
		require.Equal(t, first.ID, b.must(b.p.WriteNote(ctx, note)).ID, "sealed by %v", ids)
		submit(ids[0])
		submit("plain")
		submit("a")
	}
	b.engine(keys("b"))
	submit("b")
	n := note
	n.Key = "a"
	_, err := b.p.WriteNote(ctx, n)
	require.ErrorContains(t, err, "sealed with a key that is not at hand")
	require.NotErrorIs(t, err, writeback.ErrKeyReused, "nobody can tell")
}
