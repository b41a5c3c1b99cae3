package mariadbtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// process is the server's process and what it leaves on disk.
type process struct {
	pid    int
	folder string
	ended  chan struct{}
	reason error
}

// maxSocket is what fits into a socket's address, less a margin.
const maxSocket = 100

func binary(names ...string) (string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
		// Debian puts servers where only root's PATH looks.
		for _, folder := range []string{"/usr/sbin", "/usr/local/sbin"} {
			if _, err := os.Stat(filepath.Join(folder, name)); err == nil {
				return filepath.Join(folder, name), nil
			}
		}
	}
	return "", ErrMissing
}

func start(ctx context.Context, opt Options) (*Server, error) {
	mariadbd, err := binary("mariadbd")
	if err != nil {
		return nil, err
	}
	from := opt.Template.path()
	if from == "" {
		if from, err = template(ctx, mariadbd); err != nil {
			return nil, err
		}
	}
	folder, err := shortTemp()
	if err != nil {
		return nil, fmt.Errorf("mariadbtest: %w", err)
	}
	s := &Server{Socket: filepath.Join(folder, "s"), process: process{folder: folder, ended: make(chan struct{})}}
	data := filepath.Join(folder, "d")
	if err := errors.Join(os.CopyFS(data, os.DirFS(from)), os.Mkdir(filepath.Join(folder, "t"), 0o700)); err != nil {
		return nil, errors.Join(fmt.Errorf("mariadbtest: copy the data folder: %w", err), os.RemoveAll(folder))
	}
	flags := append(serverFlags(data, s.Socket, folder), opt.Flags...)
	if opt.TCP {
		port, err := freePort()
		if err != nil {
			return nil, errors.Join(err, os.RemoveAll(folder))
		}
		s.Address = fmt.Sprintf("127.0.0.1:%d", port)
		flags = append(flags, "--skip-networking=0", "--bind-address=127.0.0.1", fmt.Sprintf("--port=%d", port))
	} else {
		flags = append(flags, "--skip-networking")
	}
	zone := opt.TimeZone
	if zone == "" {
		zone = "UTC"
	}
	cmd := exec.Command(mariadbd, flags...)
	cmd.Env = append(os.Environ(), "TZ="+zone)
	cmd.Dir = folder
	if err := s.run(cmd); err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	if err := s.ready(ctx); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

// serverFlags trade every durability for speed: the data lives as long as a test.
func serverFlags(data, socket, folder string) []string {
	return []string{
		"--no-defaults", "--datadir=" + data, "--socket=" + socket, "--pid-file=" + filepath.Join(folder, "p"),
		"--tmpdir=" + filepath.Join(folder, "t"), "--log-error=" + filepath.Join(folder, "log"), "--user=" + userName(),
		"--skip-log-bin", "--skip-name-resolve", "--performance-schema=OFF", "--innodb-buffer-pool-size=32M",
		"--innodb-log-file-size=8M", "--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync", "--skip-innodb-doublewrite",
		"--lower-case-table-names=1", // as on the Windows servers that practices run
	}
}

// run starts the process from a thread that lives as long as it: the kernel
// sends Pdeathsig when the starting thread ends, not the whole program.
func (s *Server) run(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		err := cmd.Start()
		started <- err
		if err == nil {
			s.process.reason = cmd.Wait()
			close(s.process.ended)
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("mariadbtest: start: %w", err)
	}
	s.process.pid = cmd.Process.Pid
	return nil
}

// ready waits until the server greets. The fifth byte of its greeting is the
// version of the protocol, 10.
func (s *Server) ready(ctx context.Context) error {
	for {
		if greets(s.Socket) {
			return nil
		}
		select {
		case <-s.process.ended:
			log, _ := os.ReadFile(filepath.Join(s.process.folder, "log"))
			return fmt.Errorf("mariadbtest: the server ended at once (%w): %s", s.process.reason, lastLines(string(log), 5))
		case <-ctx.Done():
			return fmt.Errorf("mariadbtest: the server did not get ready: %w", ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func greets(socket string) bool {
	conn, err := net.DialTimeout("unix", socket, time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
	greeting := make([]byte, 5)
	_, err = io.ReadFull(conn, greeting)
	return err == nil && greeting[4] == 10
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// shutDown lets the server end by itself, so that its data folder is whole.
func (s *Server) shutDown(ctx context.Context) error {
	select {
	case <-s.process.ended:
	default:
		_ = syscall.Kill(s.process.pid, syscall.SIGTERM)
	}
	select {
	case <-s.process.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("mariadbtest: the server does not end: %w", ctx.Err())
	}
}

func (s *Server) stop() error {
	select {
	case <-s.process.ended: // the number may belong to another process by now
	default:
		_ = syscall.Kill(s.process.pid, syscall.SIGKILL)
		<-s.process.ended
	}
	return os.RemoveAll(s.process.folder)
}

// shortTemp is a folder whose socket path fits, however long TMPDIR is.
func shortTemp() (string, error) {
	folder, err := os.MkdirTemp("", "mdb")
	if err == nil && len(folder) > maxSocket {
		_ = os.Remove(folder)
		folder, err = os.MkdirTemp("/tmp", "mdb")
	}
	return folder, err
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("mariadbtest: find a port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func userName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "root"
}
