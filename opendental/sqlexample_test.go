package opendental_test

import (
	"fmt"
	"log"

	_ "github.com/go-sql-driver/mysql" // the host chooses the SQL driver

	"github.com/pmswriteback/pms/opendental"
)

// Reads by a database user with the right SELECT, writes through the API.
func ExampleNewConnector() {
	cfg, err := opendental.ParseDSN("opendental://DevKey:CustKey@/?mode=remote")
	if err != nil {
		log.Fatal(err)
	}
	cfg.Database = opendental.NewDatabaseDSN("mysql", "reader:password@tcp(server:3306)/opendental?lock_wait_timeout=10")
	connector, err := opendental.NewConnector(cfg)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(connector != nil, cfg)
	// Output: true opendental remote https://api.opendental.com/api/v1 and database
}
