package dentrix

import (
	"net/url"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/driver/sqlpms"
)

// dsnForm is what data source names of the driver look like.
var dsnForm = sqlpms.DSNForm{
	Name:    Name,
	Example: "dentrix://odbc?connection=...",
	Keys:    []string{"connection", "overlap", "profile", "timeout", "trust_profile", "verify_after"},
	Missing: "the whole of what DENTRIXAPI_GetConnectionString gave, encoded",
}

// ParseDSN reads a data source name:
//
//	dentrix://odbc?connection=host%3Dserver%3BUID%3D...&profile=%7B%22version%22...
//
// The name before the question mark is that of the SQL driver, which the host
// imports. Values are encoded as in a query of the web (net/url's Values.Encode);
// [FormatDSN] does it. The keys are:
//
//	connection     the connection string, see Config.Database
//	profile        Config.Profile, the whole JSON document
//	trust_profile  Config.TrustProfile, true or false
//	timeout        Config.Timeout, such as 60s
//	verify_after   Config.VerifyAfter
//	overlap        Config.Overlap
//
// A name holds a password. Errors name the part that is wrong and never repeat its
// value.
func ParseDSN(dsn string) (Config, error) {
	v, err := dsnForm.Parse(dsn)
	if err != nil {
		return Config{}, err
	}
	cfg := Config{
		Database:     v.Database,
		TrustProfile: v.Bool("trust_profile"),
		Timeout:      v.Duration("timeout"),
		VerifyAfter:  v.Duration("verify_after"),
		Overlap:      v.Duration("overlap"),
	}
	if text := v.Text("profile"); text != "" {
		cfg.Profile, err = ParseProfile([]byte(text))
		v.WrongBy(err)
	}
	if err := v.Err(); err != nil {
		return Config{}, err
	}
	return cfg, cfg.Validate()
}

// FormatDSN makes a data source name of an SQL driver's name, a connection string
// and a profile's JSON document, which may be empty. It holds a password: keep it
// where the host keeps its secrets.
func FormatDSN(sqlDriver string, connection driver.Secret, profile []byte) string {
	q := url.Values{"connection": {connection.Reveal()}}
	if len(profile) > 0 {
		q.Set("profile", string(profile))
	}
	return dsnForm.Format(sqlDriver, q)
}
