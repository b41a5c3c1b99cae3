package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/pmswriteback/pms/opendental"
)

// minFor is the shortest run: the slowest loop runs every 3 seconds, and the
// last of what was submitted needs a moment to arrive.
const minFor = 5 * time.Second

// options are the flags.
type options struct {
	runFor  time.Duration
	pace    time.Duration // 0: as fits the PMS
	json    bool
	dir     string
	dsn     string
	patient string
	zone    *time.Location
}

// usageError is a flag that cannot be used as it was given.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func parse(args []string, stderr io.Writer) (options, error) {
	opt := options{}
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the error is printed once, by the caller
	flags.Usage = func() {}     // for -h alone, below: a mistake gets one clear line
	flags.DurationVar(&opt.runFor, "for", 20*time.Second, "how `long` to run, once the practice's patients are imported; at least 5s")
	flags.DurationVar(&opt.pace, "pace", 0, "`time` from one event of the host to the next (default 50ms, and 2s with -dsn)")
	flags.BoolVar(&opt.json, "json", false, "print a summary for programs on stdout at the end, and everything else on stderr")
	flags.StringVar(&opt.dir, "dir", "", "`folder` of the engine's store, the emulated practice and the journal; a run on the folder of an earlier one goes on where that ended (default a temporary folder, removed at the end)")
	flags.StringVar(&opt.dsn, "dsn", "", "a real Open Dental instead of the emulated practice, such as `opendental://DeveloperKey:CustomerKey@/?mode=remote`; it is only read, unless -write-to-patient is given")
	flags.StringVar(&opt.patient, "write-to-patient", "", "consent, with -dsn, to write made-up notes, documents, forms, appointment statuses and payments to this one patient of the real practice; give the `PatNum` of a test patient")
	zone := flags.String("zone", "", "time `zone` of the practice at -dsn, such as America/Chicago")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(stderr, "Usage of quickstart:")
			flags.SetOutput(stderr)
			flags.PrintDefaults()
			return opt, err
		}
		return opt, usage("%v; -h lists the flags", err)
	}
	return opt, opt.check(flags.Args(), *zone)
}

func (opt *options) check(rest []string, zone string) error {
	switch {
	case len(rest) > 0:
		return usage("%q is no flag: there are only flags, and -h lists them", rest[0])
	case opt.runFor < minFor:
		return usage("-for: %v is too short: give at least %v", opt.runFor, minFor)
	case opt.pace < 0:
		return usage("-pace: %v is less than nothing: give a time such as 50ms", opt.pace)
	case opt.dsn == "" && opt.patient != "":
		return usage("-write-to-patient: goes with -dsn; the emulated practice needs no consent")
	case opt.dsn == "" && zone != "":
		return usage("-zone: goes with -dsn; the emulated practice has a zone")
	case opt.dsn == "":
		zone = officeZone
	}
	if opt.dsn != "" {
		if _, err := opendental.ParseDSN(opt.dsn); err != nil {
			return usage("-dsn: %v", err)
		}
	}
	if zone == "" {
		return usage("-zone: give the time zone of the practice at -dsn, such as America/Chicago: Open Dental does not tell it")
	}
	if opt.pace == 0 {
		opt.pace = hostPace
		if opt.dsn != "" {
			opt.pace = hostPaceReal
		}
	}
	var err error
	if opt.zone, err = time.LoadLocation(zone); err != nil || zone == "Local" {
		return usage("-zone: %q is not a time zone: give one such as America/Chicago", zone)
	}
	return nil
}

// pms names the PMS of a run without its keys, and the patient that may be
// written to, so that what waits in a folder never goes to another practice, nor
// to a patient for whom nobody agreed. id salts it.
func (opt *options) pms(id string) string {
	cfg, err := opendental.ParseDSN(opt.dsn)
	if opt.dsn == "" || err != nil {
		return "emulator"
	}
	sum := sha256.Sum256([]byte(id + "\x00" + cfg.String() + "\x00" + cfg.CustomerKey.Reveal() + "\x00" + opt.patient))
	return hex.EncodeToString(sum[:8])
}

// writes reports whether anything may be written to the PMS.
func (opt *options) writes() bool { return opt.dsn == "" || opt.patient != "" }
