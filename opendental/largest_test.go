package opendental_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/opendental/opendentaltest"
)

// Until somebody opens it, an uploaded file waits in document.Note, which is
// smaller than the largest body that the API takes.
func TestTheLargestDocumentIsWholeWhenSomebodyOpensIt(t *testing.T) {
	t.Parallel()
	p := newPractice(t, opendentaltest.Config{})
	info, err := p.conn.Info(t.Context())
	require.NoError(t, err)
	require.Contains(t, info.Ops[driver.OpDocument].HeldAs, "SFTP", "staff are told what becomes of larger ones")
	d := p.op(driver.OpDocument).(*driver.Document)
	// The longest extension that is uploaded.
	d.MIME = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	content := bytes.Repeat([]byte{0xFF}, int(info.Ops[driver.OpDocument].MaxBytes))
	sum := sha256.Sum256(content)
	d.Size, d.SHA256 = int64(len(content)), hex.EncodeToString(sum[:])
	d.Open = func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
	receipt, err := driver.Write(t.Context(), p.conn, d)
	require.NoError(t, err)
	filed, err := strconv.ParseInt(receipt.ID, 10, 64)
	require.NoError(t, err)
	opened, err := p.ViewDocument(t.Context(), filed)
	require.NoError(t, err, "the column cut the file")
	require.True(t, bytes.Equal(content, opened.Content), "what staff see is the file that was sent")
}
