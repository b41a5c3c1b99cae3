package eaglesoft

import (
	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
)

// dsnForm is what data source names of the driver look like.
var dsnForm = sqlpms.DSNForm{
	Name:     Name,
	Example:  "eaglesoft://odbc?connection=...&owner=...&user=...&practice=...",
	Keys:     []string{"connection", "full_pass", "init", "note_class", "owner", "payments", "practice", "session", "timeout", "user", "verify_after"},
	Repeated: []string{"init", "session"},
	Missing:  "the name of an ODBC data source, or a connection string",
}

// ParseDSN reads a data source name:
//
//	eaglesoft://odbc?connection=DSN%3DEaglesoft%3BUID%3D...&init=SET+TEMPORARY+OPTION+...&owner=PPM&user=WEB&practice=1
//
// The name before the question mark is that of the SQL driver, which the host
// imports. Values are encoded as in a query of the web (net/url's Values.Encode).
// The keys are:
//
//	connection    the data source name of the SQL driver, see Config.Database
//	init          Config.Init; several are run in the order given
//	session       Config.Session; several are run in the order given
//	owner         Config.Owner
//	user          Config.User
//	practice      Config.Practice
//	note_class    Config.NoteClass
//	payments      Config.Payments, true or false
//	timeout       Config.Timeout, such as 20s
//	verify_after  Config.VerifyAfter
//	full_pass     Config.FullPass
//
// A name holds secrets. Errors name the part that is wrong and never repeat its
// value. What is no text (documents, other statuses) goes into a [Config]:
//
//	cfg, err := eaglesoft.ParseDSN(dsn)
//	cfg.Documents = writer
//	connector, err := eaglesoft.NewConnector(cfg)
func ParseDSN(dsn string) (Config, error) {
	v, err := dsnForm.Parse(dsn)
	if err != nil {
		return Config{}, err
	}
	cfg := Config{
		Database:    v.Database,
		Session:     v.Texts("session"),
		Owner:       v.Text("owner"),
		User:        v.Text("user"),
		Practice:    v.Text("practice"),
		NoteClass:   v.Text("note_class"),
		Payments:    v.Bool("payments"),
		Timeout:     v.Duration("timeout"),
		VerifyAfter: v.Duration("verify_after"),
		FullPass:    v.Duration("full_pass"),
	}
	for _, s := range v.Texts("init") {
		cfg.Init = append(cfg.Init, driver.NewSecret(s))
	}
	if err := v.Err(); err != nil {
		return Config{}, err
	}
	return cfg, cfg.Validate()
}
