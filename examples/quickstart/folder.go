package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The files of a -dir.
const (
	markerFile   = "quickstart.json"
	lockFile     = "lock.db"
	engineFile   = "engine.db"
	practiceFile = "practice.db"
	imagesFolder = "images"
	journalFile  = "journal.jsonl"
)

// folder is where a run keeps everything: the engine's store, the emulated
// practice, and the journal.
type folder struct {
	path string
	temp bool
	// ID is part of every key and marker, so that two folders never say the same
	// thing to one PMS.
	ID   string
	lock *sql.DB
}

type folderMarker struct {
	Format int    `json:"format"`
	ID     string `json:"id"`
	// PMS is "emulator", or a fingerprint of the real one.
	PMS string `json:"pms"`
}

// openFolder opens or makes the folder of a run, for this process alone. path ""
// is a temporary one that close removes. pms gives the fingerprint of the PMS
// that the folder belongs to: what waits for one practice must never be written
// to another.
func openFolder(ctx context.Context, path string, pms func(id string) string) (*folder, error) {
	f := &folder{temp: path == ""}
	var err error
	if f.temp {
		f.path, err = os.MkdirTemp("", "pms-quickstart-")
	} else if f.path, err = filepath.Abs(path); err == nil {
		err = makeFolder(f.path)
	}
	if err != nil {
		return nil, usage("-dir: %v", plainPathError(err))
	}
	if err := f.take(ctx, pms); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

func makeFolder(path string) error {
	if strings.ContainsRune(path, '?') {
		return errors.New("the path must not contain a question mark")
	}
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		return fmt.Errorf("%s is a file: name a folder", path)
	}
	return os.MkdirAll(path, 0o700)
}

// take checks that the folder is ours, locks it and reads or writes its marker.
func (f *folder) take(ctx context.Context, pms func(id string) string) error {
	entries, err := os.ReadDir(f.path)
	if err != nil {
		return usage("-dir: %v", plainPathError(err))
	}
	data, err := os.ReadFile(f.file(markerFile))
	fresh := errors.Is(err, fs.ErrNotExist)
	if err != nil && !fresh {
		return usage("-dir: %v", plainPathError(err))
	}
	if fresh && slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return !strings.HasPrefix(e.Name(), lockFile) }) {
		return usage("-dir: %s holds something else: name an empty folder, or that of an earlier run", f.path)
	}
	if err := f.acquire(ctx); err != nil {
		return err
	}
	if fresh {
		// Named and filled in one step, so that a kill leaves it whole or not there.
		m := folderMarker{Format: 1, ID: strings.ToLower(rand.Text()[:6])}
		m.PMS = pms(m.ID)
		if data, err = json.Marshal(m); err != nil {
			return err
		}
		part := f.file(lockFile + ".marker")
		if err := errors.Join(os.WriteFile(part, data, 0o600), os.Rename(part, f.file(markerFile))); err != nil {
			return usage("-dir: %v", plainPathError(err))
		}
	}
	var m folderMarker
	if err := json.Unmarshal(data, &m); err != nil || m.Format != 1 || m.ID == "" {
		return usage("-dir: %s is not of this version of the quickstart: name another folder", f.file(markerFile))
	}
	if m.PMS != pms(m.ID) {
		return usage("-dir: %s belongs to another practice or another -write-to-patient: name another folder, or the flags that it was made with", f.path)
	}
	f.ID = m.ID
	return nil
}

// acquire locks the folder until the process ends, however it ends. A database's
// lock is a file lock that works alike on every system.
func (f *folder) acquire(ctx context.Context) error {
	probe, err := os.OpenFile(f.file(lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return usage("-dir: cannot be written: %v", plainPathError(err))
	}
	if err := probe.Close(); err != nil {
		return err
	}
	// A process that was killed may take a moment to be gone.
	db, err := sql.Open("sqlite", f.file(lockFile)+"?_pragma=busy_timeout(2000)")
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	f.lock = db
	// The one connection keeps its transaction, and with it the lock.
	if _, err := db.ExecContext(ctx, "BEGIN EXCLUSIVE"); err != nil {
		return usage("-dir: %s is in use by another run: wait for its end, or name another folder", f.path)
	}
	return nil
}

func (f *folder) file(name string) string { return filepath.Join(f.path, name) }

// close gives the folder up, and removes a temporary one.
func (f *folder) close() error {
	var err error
	if f.lock != nil {
		err = f.lock.Close()
	}
	if f.temp {
		err = errors.Join(err, os.RemoveAll(f.path))
	}
	return err
}

// plainPathError says what is wrong with which path, without the system call.
func plainPathError(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("%s: %w", p.Path, p.Err)
	}
	return err
}
