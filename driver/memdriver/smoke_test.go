package memdriver_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
)

func TestEveryWriteIsInThePMSByContent(t *testing.T) {
	t.Parallel()
	pms := memdriver.New(memdriver.Config{})
	pat := pms.AddPatient(driver.Patient{LastName: driver.NewText("Doe")})
	conn, err := pms.Connector().Connect(t.Context(), driver.Env{})
	require.NoError(t, err)
	_, err = driver.Write(t.Context(), conn, &driver.Note{
		Header: driver.Header{Ref: "AAAAAAAAAAAAAAA2", Patient: pat, Provider: "DOC1"},
		About:  driver.IncomingCall, Type: "0101", Body: driver.NewText("x"), Part: 1, Parts: 1,
	})
	require.NoError(t, err)
	require.Len(t, pms.Notes(), 1)
}
