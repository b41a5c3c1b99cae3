package opendental_test

import (
	"fmt"
	"log"

	_ "github.com/go-sql-driver/mysql" // the host chooses the SQL driver

	"github.com/pmswriteback/pms/driver"
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

// Reads alone, for a host that writes nothing.
func ExampleNewConnector_databaseAlone() {
	connector, err := opendental.NewConnector(opendental.Config{
		Database: opendental.NewDatabaseDSN("mysql", "reader:password@tcp(server:3306)/opendental?lock_wait_timeout=10&timeout=5s"),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(connector != nil)
	// Output: true
}

// The API alone, from anywhere: the vendor's servers lead to the office.
func ExampleNewConnector_remote() {
	connector, err := opendental.NewConnector(opendental.Config{
		DeveloperKey: driver.NewSecret("DevKey"), CustomerKey: driver.NewSecret("CustKey"),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(connector != nil)
	// Output: true
}

// The API alone, on the office's own network.
func ExampleNewConnector_service() {
	connector, err := opendental.NewConnector(opendental.Config{
		Mode: opendental.Service, URL: "http://odserver:30223/api/v1", InsecureHost: "odserver",
		DeveloperKey: driver.NewSecret("DevKey"), CustomerKey: driver.NewSecret("CustKey"),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(connector != nil)
	// Output: true
}
