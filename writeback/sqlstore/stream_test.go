package sqlstore_test

import (
	"bytes"
	"context"
	"io"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/memdriver"
	"github.com/pmswriteback/pms/settings"
	"github.com/pmswriteback/pms/writeback"
	"github.com/pmswriteback/pms/writeback/sqlstore"
)

// heapProbe measures what is alive while bytes go by.
type heapProbe struct {
	base, most uint64
	every      int64 // bytes between two looks
	seen       int64
	looks      int
}

func alive() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func (h *heapProbe) start(size int64) {
	*h = heapProbe{base: alive(), every: size / 10}
}

func (h *heapProbe) saw(n int) {
	if before := h.seen; before/h.every != (before+int64(n))/h.every {
		h.looks++
		h.most = max(h.most, alive())
	}
	h.seen += int64(n)
}

// grown is how much more was alive than at the start, in bytes.
func (h *heapProbe) grown() int64 { return int64(h.most) - int64(h.base) }

// generated is a PDF of some size that is nowhere as a whole.
type generated struct {
	left  int64
	begun bool
	probe *heapProbe
}

var zeros = make([]byte, 64<<10)

func (g *generated) Read(p []byte) (int, error) {
	if g.left == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(int64(len(p)), g.left)], zeros)
	if !g.begun {
		copy(p, "%PDF-1.7")
		g.begun = true
	}
	g.left -= int64(n)
	g.probe.saw(n)
	return n, nil
}

// probedStore looks at the heap when the PMS has another chunk read.
type probedStore struct {
	writeback.Store
	probe *heapProbe
}

func (s probedStore) Blob(ctx context.Context, practice, blob string, n int) ([]byte, error) {
	chunk, err := s.Store.Blob(ctx, practice, blob, n)
	s.probe.saw(len(chunk))
	return chunk, err
}

// A document goes from the host through the store to the PMS a chunk at a time:
// what is alive meanwhile does not grow with it. Not parallel, since other tests
// would be measured too.
func TestDocumentsAreStreamedFromTheHostToThePMSInConstantMemory(t *testing.T) {
	ctx := t.Context()
	for _, size := range []int64{25 << 20, 250 << 20} {
		file, err := sqlstore.Open(ctx, "sqlite", filepath.Join(t.TempDir(), "pms.db"))
		require.NoError(t, err)
		probe := &heapProbe{every: size}
		pms := memdriver.New(memdriver.Config{KeepBytes: -1})
		pms.SetInfo(func(i *driver.Info) {
			op := i.Ops[driver.OpDocument]
			op.MaxBytes = size
			i.Ops[driver.OpDocument] = op
		})
		cfg := writeback.Config{
			HostName: "Acme", Store: probedStore{file, probe},
			SealKeys: []writeback.SealKey{{ID: "1", Key: bytes.Repeat([]byte{7}, 32)}},
			Connect:  func(context.Context, string) (driver.Connector, error) { return pms.Connector(), nil },
		}
		if size > 25<<20 {
			cfg.MaxDocument = size
		}
		eng, err := writeback.New(cfg)
		require.NoError(t, err)
		p, err := eng.AddPractice(ctx, writeback.PracticeConfig{ID: "main-street", Location: time.UTC})
		require.NoError(t, err)
		doc := settings.Default()
		doc.Sync.ProviderID, doc.Documents.AccountStatement = settings.Ref{ID: "DOC1"}, settings.Ref{ID: "0202"}
		_, err = p.SaveSettings(ctx, doc, writeback.Save{Actor: "dana"})
		require.NoError(t, err)
		patient := pms.AddPatient(driver.Patient{FirstName: writeback.Text("Ada"), LastName: writeback.Text("Lovelace")})
		_, err = eng.Step(ctx, "main-street")
		require.NoError(t, err)

		submit := func(content io.Reader) error {
			_, err := p.WriteDocument(ctx, writeback.Document{
				Key: "large", Kind: driver.AccountStatement, Patient: writeback.PatientID(patient), At: time.Unix(1, 0),
				MIME: "application/pdf", Content: content,
			})
			return err
		}
		const most = 6 << 20
		probe.start(size)
		require.NoError(t, submit(&generated{left: size, probe: probe}))
		require.Equal(t, size, probe.seen)
		require.GreaterOrEqual(t, probe.looks, 10)
		require.Less(t, probe.grown(), int64(most), "%d bytes are submitted", size)
		submitted := probe.grown()

		probe.start(size)
		for deadline := time.Now().Add(time.Minute); len(pms.Documents()) == 0 && time.Now().Before(deadline); {
			_, err = eng.Step(ctx, "main-street")
			require.NoError(t, err)
		}
		it, err := p.ItemByKey(ctx, "large")
		require.NoError(t, err)
		require.Equal(t, writeback.Written, it.State, "%s %s", it.Reason, it.Cause)
		require.Equal(t, size, pms.Documents()[0].Size)
		require.Equal(t, it.ContentSHA256, pms.Documents()[0].SHA256)
		require.GreaterOrEqual(t, probe.looks, 10)
		require.Less(t, probe.grown(), int64(most), "%d bytes are written", size)
		t.Logf("%d MiB: %.1f MiB more while submitted, %.1f MiB while written",
			size>>20, float64(submitted)/(1<<20), float64(probe.grown())/(1<<20))
		require.NoError(t, eng.Close())
		require.NoError(t, file.Close())
	}
}
