package dentrix_test

import (
	"fmt"
	"log"
	"strings"

	"github.com/pmswriteback/pms/dentrix"
	"github.com/pmswriteback/pms/dentrix/dentrixtest"
	"github.com/pmswriteback/pms/driver"
)

// The host brings the SQL driver (import _ "github.com/alexbrainman/odbc"), the whole
// connection string that Dentrix.API.dll gave, and the profile.
func ExampleNewConnector() {
	profile, err := dentrix.ParseProfile(dentrixtest.Profile())
	if err != nil {
		log.Fatal(err)
	}
	cfg := dentrix.Config{
		Database: dentrix.NewDatabaseDSN("fake", "host=server;UID=member;PWD=secret;Database=DentrixSQL;port=6597;DSN=c-treeACE ODBC Driver"),
		Profile:  profile,
	}
	connector, err := dentrix.NewConnector(cfg)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(connector != nil, cfg)
	// Output: true dentrix: fake [redacted]
}

// A data source name holds everything, for a host that keeps one text for a practice.
func ExampleFormatDSN() {
	dsn := dentrix.FormatDSN("fake", driver.NewSecret("host=server;UID=member;PWD=secret"), dentrixtest.Profile())
	_, err := driver.Open("dentrix", dsn)
	fmt.Println(strings.HasPrefix(dsn, "dentrix://fake?connection=host%3Dserver%3B"), err)
	// Output: true <nil>
}

// A profile is refused with everything that is wrong in it.
func ExampleParseProfile() {
	_, err := dentrix.ParseProfile([]byte(`{
		"version": 1,
		"source": "DDP write guide, May 2026",
		"operations": {
			"status": {
				"call": "UPDATE admin.appt SET status = ? WHERE id = ?",
				"arguments": [{"bind": "status"}, {"bind": "appointment"}]
			}
		}
	}`))
	for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
		text, _, _ := strings.Cut(e.Error(), ";")
		fmt.Println(strings.TrimSpace(text[:min(len(text), 88)]))
	}
	// Output:
	// dentrix: operations.status.call: must be "call admin.<procedure>(?, ...)" and nothing el
	// dentrix: operations.status.arguments[1].bind: must be one of appointment_id, status, pat
	// dentrix: operations.status.arguments: the appointment is missing: bind appointment_id
}
