package sqlpms_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver/sqlpms"
)

func TestAProcedureSaysEverythingThatDoesNotFit(t *testing.T) {
	t.Parallel()
	p := sqlpms.Procedure{Found: true, Parameters: []sqlpms.Parameter{{Name: "patient"}, {Name: "checknumber", Width: 10}, {Width: 16}}}
	key := sqlpms.Given{Name: "CheckNumber", Room: 16, What: "the key"}
	require.Empty(t, p.Misfits("sp_x", "the profile", []sqlpms.Given{{Name: "PATIENT"}, {Name: "checknumber", Room: 10}, {Name: "memo", Room: 16}}))
	require.Equal(t, []string{
		"argument 1 of sp_x is called patient, and the profile says amount",
		"argument 2 of sp_x has room for 10 characters, and the key has 16",
	}, p.Misfits("sp_x", "the profile", []sqlpms.Given{{Name: "amount"}, key, {}}))
	require.Equal(t, []string{"sp_x takes 3 arguments, and the profile gives 1"}, p.Misfits("sp_x", "the profile", []sqlpms.Given{key}))
	require.Contains(t, sqlpms.Procedure{}.Misfits("sp_x", "the profile", nil)[0], "there is no procedure sp_x")
}
