package memdriver_test

import (
	"context"
	"io"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
)

// endless gives zeros without holding them.
type endless struct{}

func (endless) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// It is not parallel, because it counts what the process allocates.
func TestADocumentBeyondTheCapTakesConstantMemory(t *testing.T) {
	const size = 20 << 20
	p := newPractice(t, memdriver.Config{})
	op := p.document("")
	op.Size, op.SHA256 = size, ""
	op.Open = func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(io.LimitReader(endless{}, size)), nil
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := driver.Write(t.Context(), p.conn, op)
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
	require.Equal(t, int64(size), p.Documents()[0].Size)
	require.Len(t, p.Documents()[0].SHA256, 64)
}
