package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync/atomic"
	"time"
	_ "time/tzdata" // zones, on computers that have none

	"golang.org/x/sync/errgroup"

	"github.com/pmswriteback/pms/driver"
	_ "github.com/pmswriteback/pms/opendental" // registers the driver
	"github.com/pmswriteback/pms/writeback"
	"github.com/pmswriteback/pms/writeback/sqlstore"
)

const (
	hostName   = "Acme" // the host application, as staff know it
	practiceID = "main-street"
)

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	opt, err := parse(args, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return failed(err)
	}
	screen := newView(os.Stdout)
	if opt.json {
		screen.close()
		screen = newView(os.Stderr)
	}
	defer screen.close()
	ctx, cancel := interruptible(screen)
	defer cancel()
	sum, err := quickstart(ctx, opt, screen)
	screen.close()
	if err != nil {
		return failed(err)
	}
	write := sum.print
	if opt.json {
		write = sum.printJSON
	}
	if err := write(os.Stdout); err != nil {
		return failed(err)
	}
	if opt.json {
		for _, problem := range sum.Problems {
			fmt.Fprintln(os.Stderr, "quickstart:", problem)
		}
	}
	if !sum.ok() {
		return 1
	}
	return 0
}

func failed(err error) int {
	fmt.Fprintln(os.Stderr, "quickstart:", err)
	if errors.As(err, new(usageError)) {
		return 2
	}
	return 1
}

// quickstart is what a host application wires, and then watches.
func quickstart(ctx context.Context, opt options, screen *view) (sum summary, err error) {
	at, err := openFolder(ctx, opt.dir, opt.pms)
	if err != nil {
		return sum, err
	}
	defer closing(&err, at.close)
	journal, err := openJournal(at.file(journalFile))
	if err != nil {
		return sum, err
	}
	defer closing(&err, journal.close)

	// The practice: emulated, or a real one. All the engine needs is its data
	// source name and its time zone.
	dsn, office := opt.dsn, (*practice)(nil)
	if dsn == "" {
		if office, err = openPractice(ctx, at); err != nil {
			return sum, err
		}
		defer closing(&err, office.close)
		dsn = office.dsn
	} else if err := knock(ctx, dsn, opt.zone); err != nil {
		return sum, err
	}

	// 1. A store keeps what must survive a crash.
	store, err := sqlstore.Open(ctx, "sqlite", at.file(engineFile))
	if err != nil {
		return sum, err
	}
	defer closing(&err, store.Close)

	// 2. An engine, for any number of practices.
	host := newHost(journal, at.ID, opt.patient, screen)
	eng, err := writeback.New(writeback.Config{
		HostName: hostName,
		Store:    store,
		Connect: func(context.Context, string) (driver.Connector, error) {
			return driver.Open("opendental", dsn) // a real host asks its vault for the practice's
		},
		Handlers: host.handlers(),
		Log:      slog.New(slog.NewTextHandler(screen, &slog.HandlerOptions{Level: slog.LevelWarn})),

		// Short times, because somebody is watching; the defaults are for practices.
		Spread:     -1,
		SweepEvery: 5 * time.Second,
		LeaseTTL:   2 * time.Second, // after a kill, the next run waits this long
		Retry:      writeback.Backoff{Min: 250 * time.Millisecond, Max: 2 * time.Second},
	})
	if err != nil {
		return sum, err
	}

	// 3. A practice. It is durable, and adding it again changes nothing.
	p, err := eng.AddPractice(ctx, writeback.PracticeConfig{ID: practiceID, Location: opt.zone})
	if err != nil {
		return sum, err
	}
	announce(screen, at, office, opt)

	// 4. Run owns every goroutine of the engine, until its context ends. It goes on
	// for a while after an interrupt, to finish what is on its way.
	running := start(context.WithoutCancel(ctx), eng)
	defer closing(&err, running.stop)
	demo := demonstration{opt: opt, p: p, host: host, office: office, screen: screen, engine: running}
	if err := demo.run(ctx); err != nil {
		return sum, err
	}
	if err := running.stop(); err != nil {
		return sum, err
	}
	return demo.summary(context.WithoutCancel(ctx), ctx.Err() != nil)
}

// announce says where everything is.
func announce(screen *view, at *folder, office *practice, opt options) {
	screen.tell("Engine's store  %s", at.file(engineFile))
	screen.tell("Journal         %s", at.file(journalFile))
	switch {
	case office != nil:
		screen.tell("Practice        %s", office.describe())
	case opt.writes():
		screen.tell("Practice        a real one, at -dsn. Made-up events are written to patient %s, as you agreed.", opt.patient)
	default:
		screen.tell("Practice        a real one, at -dsn. Nothing is written to it; -write-to-patient would allow it.")
	}
	if office == nil {
		screen.tell("                Nobody plays staff here, and duplicates and losses are not counted: its tables are not ours to read.")
	}
	if at.temp {
		screen.tell("                All of it is removed at the end; -dir keeps it.")
	}
}

// knock asks a real PMS whether it answers and takes the keys, so that a mistake
// in -dsn is told at once and not retried for ever.
func knock(ctx context.Context, dsn string, zone *time.Location) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	connector, err := driver.Open("opendental", dsn)
	if err != nil {
		return usage("-dsn: %v", err)
	}
	if c, ok := connector.(io.Closer); ok {
		defer func() { _ = c.Close() }() // it only held idle connections
	}
	conn, err := connector.Connect(ctx, driver.Env{Practice: practiceID, Location: zone, HostName: hostName})
	switch {
	case errors.Is(err, driver.ErrUnauthorized):
		return usage("-dsn: the PMS refuses the keys: check both, and that the customer key is enabled for the office (%w)", err)
	case errors.Is(err, driver.ErrRejected):
		return usage("-dsn: %w", err)
	case err != nil:
		return fmt.Errorf("the PMS at -dsn does not answer: check that it runs and can be reached from here (%w)", err)
	}
	return conn.Close()
}

// running is an engine at work.
type running struct {
	cancel context.CancelFunc
	done   chan struct{}
	err    error
}

func start(ctx context.Context, eng *writeback.Engine) *running {
	ctx, cancel := context.WithCancel(ctx)
	r := &running{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		if err := eng.Run(ctx); !errors.Is(err, context.Canceled) {
			r.err = fmt.Errorf("the engine ended by itself: %w", err)
		}
	}()
	return r
}

// stop ends the engine and waits for the last of its goroutines.
func (r *running) stop() error {
	r.cancel()
	<-r.done
	return r.err
}

// closing closes something at the end, and tells its error if there is no other.
func closing(err *error, f func() error) {
	if e := f(); *err == nil {
		*err = e
	}
}

// interruptible ends its context at the first Ctrl-C, for a clean end with a
// summary, and the process at the second.
func interruptible(screen *view) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt)
	var ended atomic.Bool
	go func() {
		for range signals {
			if ended.Swap(true) {
				screen.close()
				fmt.Fprintln(os.Stderr, "quickstart: ended at once; a run on the same -dir goes on from here")
				os.Exit(130)
			}
			cancel()
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(signals)
		cancel()
	}
}

// together runs functions at once and returns the first error, which ends the
// others.
func together(ctx context.Context, list ...func(context.Context) error) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, f := range list {
		group.Go(func() error { return f(ctx) })
	}
	return group.Wait()
}
