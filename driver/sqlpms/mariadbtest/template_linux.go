package mariadbtest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// template is the data folder of a fresh server, made once for each version of
// the server and kept in the user's cache folder. Test binaries that start at
// the same time wait for each other.
func template(ctx context.Context, mariadbd string) (string, error) {
	install, err := binary("mariadb-install-db", "mysql_install_db")
	if err != nil {
		return "", err
	}
	version, err := exec.CommandContext(ctx, mariadbd, "--no-defaults", "--version").Output()
	if err != nil {
		return "", fmt.Errorf("mariadbtest: ask for the version: %w", err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	home := filepath.Join(cache, "pms-mariadbtest")
	if err := os.MkdirAll(home, 0o700); err != nil {
		return "", fmt.Errorf("mariadbtest: cache folder: %w", err)
	}
	sum := sha256.Sum256(version)
	done := filepath.Join(home, fmt.Sprintf("template-%x", sum[:8]))
	if _, err := os.Stat(done); err == nil {
		return done, nil
	}
	lock, err := os.OpenFile(filepath.Join(home, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", fmt.Errorf("mariadbtest: lock the cache: %w", err)
	}
	defer lock.Close() // which unlocks it
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", fmt.Errorf("mariadbtest: lock the cache: %w", err)
	}
	if _, err := os.Stat(done); err == nil { // another made it meanwhile
		return done, nil
	}
	making, err := os.MkdirTemp(home, "making")
	if err != nil {
		return "", fmt.Errorf("mariadbtest: cache folder: %w", err)
	}
	cmd := exec.CommandContext(ctx, install, "--no-defaults", "--datadir="+making, "--auth-root-authentication-method=normal",
		"--skip-test-db", "--skip-name-resolve", "--user="+userName(), "--innodb-log-file-size=8M", "--lower-case-table-names=1")
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", errors.Join(fmt.Errorf("mariadbtest: mariadb-install-db: %w: %s", err, lastLines(string(output), 5)), os.RemoveAll(making))
	}
	if err := os.Rename(making, done); err != nil {
		return "", fmt.Errorf("mariadbtest: cache folder: %w", err)
	}
	return done, nil
}

func newTemplate(ctx context.Context, opt Options, prepare func(context.Context, *Server) error) (*Template, error) {
	s, err := start(ctx, opt)
	if err != nil {
		return nil, err
	}
	folder := ""
	err = prepare(ctx, s)
	if err == nil {
		err = s.shutDown(ctx)
	}
	if err == nil {
		folder, err = os.MkdirTemp("", "mdbt")
	}
	if err == nil {
		err = os.Rename(filepath.Join(s.process.folder, "d"), filepath.Join(folder, "d"))
	}
	if err = errors.Join(err, s.stop()); err != nil {
		if folder != "" {
			err = errors.Join(err, os.RemoveAll(folder))
		}
		return nil, fmt.Errorf("mariadbtest: prepare a template: %w", err)
	}
	return &Template{folder: filepath.Join(folder, "d")}, nil
}
