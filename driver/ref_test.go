package driver_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
)

func TestARefIsSixteenCharactersOfBase32(t *testing.T) {
	t.Parallel()
	require.True(t, driver.ValidRef("ABCDEFGHIJKLMN27"))
	for _, ref := range []string{
		"", "ABCDEFGHIJKLMN2", "ABCDEFGHIJKLMN277", "abcdefghijklmn27", "ABCDEFGHIJKLMN18", "ABCDEFGHIJKLMN%_", "ABCDEFGHIJKLMN É",
	} {
		require.False(t, driver.ValidRef(ref), ref)
	}
}

func TestEveryOperationHasAVerbOfItsOwn(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{"write": true}
	for _, kind := range driver.OpKinds() {
		require.False(t, seen[kind.Verb()], kind)
		require.Equal(t, strings.ToLower(kind.Verb()), kind.Verb())
		seen[kind.Verb()] = true
	}
	require.Equal(t, "write", driver.OpKind("").Verb())
}
