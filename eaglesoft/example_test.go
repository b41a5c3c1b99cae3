package eaglesoft_test

import (
	"context"
	"fmt"
	"io"
	"log"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/eaglesoft"
)

// smartDocs wraps what the vendor's agreement gives for writing SmartDoc files.
type smartDocs struct{}

func (smartDocs) Write(ctx context.Context, doc eaglesoft.SmartDoc, content io.Reader) error {
	return fmt.Errorf("no component for %s~%s.esd", doc.Patient, doc.ID)
}

func (smartDocs) Remove(context.Context, eaglesoft.SmartDoc) error { return nil }

// The host brings the SQL driver (import _ "github.com/alexbrainman/odbc"), the
// connection string, the authentication, and what writes files.
func ExampleNewConnector() {
	cfg := eaglesoft.Config{
		Database: eaglesoft.NewDatabaseDSN("fake", "DSN=Eaglesoft;UID=webuser;PWD=secret;CharSet=utf-8"),
		Init: []driver.Secret{
			driver.NewSecret("SET TEMPORARY OPTION connection_authentication='Company=...;Application=...;Signature=...'"),
		},
		Owner:     eaglesoft.SuggestedOwner,
		User:      "WEB",
		Practice:  "1",
		Documents: smartDocs{},
		// A practice that calls its statuses otherwise than Eaglesoft.
		Confirmations: append(eaglesoft.DefaultConfirmations()[:2], eaglesoft.Confirmation{ID: 2, Label: "Texted", Role: driver.RoleOutreach}),
	}
	connector, err := eaglesoft.NewConnector(cfg)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(connector != nil, cfg)
	// Output: true eaglesoft PPM by fake [redacted]
}
