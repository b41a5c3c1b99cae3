package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"github.com/pmswriteback/pms/dentrix"
	"github.com/pmswriteback/pms/driver"
)

// What the program ends with.
const (
	fits = iota
	differs
	cannotLook
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, out, errs io.Writer) int {
	flags := flag.NewFlagSet("dentrixprofile", flag.ContinueOnError)
	flags.SetOutput(errs)
	template := flags.Bool("template", false, "print a profile to fill in")
	file := flags.String("profile", "", "the profile's `file`")
	dsnFile := flags.String("dsn-file", "", "a `file` with the connection string, to compare the profile with a database")
	sqlDriver := flags.String("sql-driver", "odbc", "the `name` of the SQL driver")
	zone := flags.String("zone", "UTC", "the practice's time `zone`, such as America/Chicago")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return fits
	case err != nil:
		return cannotLook
	case flags.NArg() > 0:
		fmt.Fprintln(errs, "the program takes only the flags that -h lists")
		return cannotLook
	}
	if *template {
		_, _ = out.Write(dentrix.ProfileTemplate())
		return fits
	}
	if *file == "" {
		fmt.Fprintln(errs, "name a profile with -profile, or ask for one with -template")
		return cannotLook
	}
	text, err := read(*file)
	if err != nil {
		fmt.Fprintln(errs, err)
		return cannotLook
	}
	profile, err := dentrix.ParseProfile(text)
	if err != nil {
		fmt.Fprintln(out, err)
		return differs
	}
	fmt.Fprintf(out, "The profile is well formed. Source: %s\n", profile.Source)
	if *dsnFile == "" {
		for _, kind := range driver.OpKinds() {
			if op := profile.Operations[kind]; op != nil {
				fmt.Fprintf(out, "  %-10s  %s\n", kind, op.Call)
			} else {
				fmt.Fprintf(out, "  %-10s  not in the profile: not supported\n", kind)
			}
		}
		return fits
	}
	loc, err := time.LoadLocation(*zone)
	if err != nil {
		fmt.Fprintln(errs, "zone:", err)
		return cannotLook
	}
	connection, err := connectionString(*dsnFile)
	if err != nil {
		fmt.Fprintln(errs, err)
		return cannotLook
	}
	if !slices.Contains(sql.Drivers(), *sqlDriver) {
		fmt.Fprintf(errs, "this program was built without the SQL driver %s: go run -tags odbc ./examples/dentrixprofile ...\n", *sqlDriver)
		return cannotLook
	}
	cfg := dentrix.Config{Database: dentrix.NewDatabaseDSN(*sqlDriver, connection), Profile: profile}
	return compare(ctx, cfg, loc, out, errs)
}

// Nothing that is read here is longer than mostProfile, but by mistake. A profile that is
// gets the library's own words.
const (
	mostProfile    = 1<<20 + 1
	mostConnection = 4096
)

// read reads a file, and no more of it than a profile may have and one byte.
func read(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.LimitReader(f, mostProfile))
}

// connectionString reads a file that holds one and nothing else. The error tells nothing
// of it.
func connectionString(name string) (string, error) {
	text, err := read(name)
	if err != nil {
		return "", err
	}
	switch {
	case len(text) > mostConnection:
		return "", fmt.Errorf("%s: longer than %d bytes, which is no connection string", name, mostConnection)
	case bytes.HasPrefix(text, []byte("\xff\xfe")), bytes.HasPrefix(text, []byte("\xfe\xff")):
		return "", fmt.Errorf("%s: is UTF-16; store it as UTF-8", name)
	}
	connection := strings.TrimSpace(strings.TrimPrefix(string(text), "\xef\xbb\xbf"))
	if connection == "" {
		return "", fmt.Errorf("%s: holds no connection string", name)
	}
	return connection, nil
}

// compare connects, and prints what the database says to the profile.
func compare(ctx context.Context, cfg dentrix.Config, loc *time.Location, out, errs io.Writer) int {
	connector, err := dentrix.NewConnector(cfg)
	if err != nil {
		fmt.Fprintln(errs, err)
		return cannotLook
	}
	conn, err := connector.Connect(ctx, driver.Env{Practice: "profile check", Location: loc})
	if err != nil {
		fmt.Fprintln(errs, err)
		return cannotLook
	}
	defer func() { _ = conn.Close() }()
	info, err := conn.Info(ctx)
	if err != nil {
		fmt.Fprintln(errs, err)
		return cannotLook
	}
	end := fits
	fmt.Fprintf(out, "Connected to %s, data version %s; its clock is %v ahead.\n", info.Product, info.Version, info.Clock.Skew.Round(time.Second))
	for _, kind := range driver.OpKinds() {
		op := info.Ops[kind]
		switch {
		case op.Supported:
			fmt.Fprintf(out, "  %-10s  good\n", kind)
		case cfg.Profile.Operations[kind] == nil:
			fmt.Fprintf(out, "  %-10s  not in the profile: not supported\n", kind)
		default:
			end = differs
			fmt.Fprintf(out, "  %-10s  OFF: %s\n", kind, op.Why)
		}
	}
	for _, feed := range driver.Feeds() {
		if f := info.Feeds[feed]; !f.Supported && feed != driver.PhotoFeed {
			end = differs
			fmt.Fprintf(out, "  %-10s  OFF: %s\n", feed, f.Why)
		}
	}
	for _, note := range info.Notes {
		end = differs
		fmt.Fprintln(out, "  look at:   ", note)
	}
	return end
}
