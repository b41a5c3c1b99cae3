package eaglesoft_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
	"github.com/pmswriteback/pms/eaglesoft"
)

const (
	secretName = "DSN=Eaglesoft;UID=webuser;PWD=PwSecret3X;CharSet=utf-8"
	secretInit = "SET TEMPORARY OPTION connection_authentication='Company=A;Application=B;Signature=SigSecret4Y'"
)

// goodName is a whole data source name, changed by pairs of key and value; an empty
// value takes the key away.
func goodName(change ...string) string {
	q := url.Values{"connection": {secretName}, "init": {secretInit}, "owner": {"PPM"}, "user": {"WEB"}, "practice": {"1"}}
	for i := 0; i < len(change); i += 2 {
		if change[i+1] == "" {
			q.Del(change[i])
			continue
		}
		q.Set(change[i], change[i+1])
	}
	return "eaglesoft://fake?" + q.Encode()
}

func TestADataSourceNameSaysEverythingThatIsText(t *testing.T) {
	t.Parallel()
	cfg, err := eaglesoft.ParseDSN(goodName("payments", "true", "timeout", "7s", "verify_after", "4m", "full_pass", "12h", "note_class", "P"))
	require.NoError(t, err)
	require.Equal(t, "PPM", cfg.Owner)
	require.Equal(t, "WEB", cfg.User)
	require.Equal(t, "1", cfg.Practice)
	require.Equal(t, "P", cfg.NoteClass)
	require.True(t, cfg.Payments)
	require.Equal(t, []time.Duration{7 * time.Second, 4 * time.Minute, 12 * time.Hour}, []time.Duration{cfg.Timeout, cfg.VerifyAfter, cfg.FullPass})
	require.Len(t, cfg.Init, 1)
	require.Equal(t, secretInit, cfg.Init[0].Reveal())
	require.Nil(t, cfg.Session, "that of SQL Anywhere")
	require.Equal(t, eaglesoft.NewDatabaseDSN("fake", secretName).String(), cfg.Database.String())

	_, err = driver.Open("eaglesoft", goodName())
	require.NoError(t, err)
}

func TestADataSourceNameWithAMistakeNamesThePart(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ dsn, want string }{
		"nothing":                      {"", "of the form eaglesoft://odbc"},
		"another driver's":             {"opendental://a:b@c/", `begin with "eaglesoft://"`},
		"no SQL driver":                {strings.Replace(goodName(), "fake", "", 1), "SQL driver's name is missing"},
		"an SQL driver nobody has":     {strings.Replace(goodName(), "fake", "nosuch", 1), "forgotten import?"},
		"no DSN":                       {goodName("connection", ""), "connection is missing"},
		"a connection not encoded":     {"eaglesoft://fake?connection=" + secretName, "has to be encoded"},
		"a user before the host":       {strings.Replace(goodName(), "fake", "webuser:PwSecret3X@fake", 1), "SQL driver's name alone"},
		"a key nobody knows":           {goodName("speed", "9"), "unknown key; the keys are connection"},
		"a key twice":                  {goodName() + "&owner=dba", "owner is given twice"},
		"a name that is no connection": {strings.Replace(goodName("connection", "Eaglesoft"), "fake", "odbc", 1), "DSN=name"},
		"no owner":                     {goodName("owner", ""), "owner: missing"},
		"an owner that is SQL":         {goodName("owner", `PPM".patient; DROP TABLE x --`), "owner: must be letters"},
		"no user":                      {goodName("user", ""), "user: missing"},
		"a user that is too long":      {goodName("user", "ABCD"), "user: must be a code"},
		"a user with a blank":          {goodName("user", "A B"), "user: must be a code"},
		"no practice":                  {goodName("practice", ""), "practice: missing"},
		"a practice that is a name":    {goodName("practice", "Main Street"), "practice: must be a number"},
		"a practice with a zero":       {goodName("practice", "01"), "practice: must be a number"},
		"a long note class":            {goodName("note_class", "TT"), "note_class: must be one character"},
		"payments perhaps":             {goodName("payments", "perhaps"), "payments must be true or false"},
		"a timeout that is a number":   {goodName("timeout", "20"), "timeout must be a duration"},
		"a negative timeout":           {goodName("timeout", "-3s"), "timeout must be a duration"},
		"an empty statement":           {goodName("init", " "), "init: statement 1 is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := eaglesoft.Driver{}.OpenConnector(c.dsn)
			require.ErrorContains(t, err, c.want)
			for _, secret := range []string{"PwSecret3X", "SigSecret4Y", "DROP TABLE", "Main Street"} {
				require.NotContains(t, err.Error(), secret)
			}
		})
	}
}

func TestAConfigWithMistakesNamesAllOfThem(t *testing.T) {
	t.Parallel()
	err := eaglesoft.Config{
		Confirmations:  []eaglesoft.Confirmation{{ID: 1, Label: "Yes"}, {ID: 1, Label: ""}},
		Classification: eaglesoft.Classification{Gone: []int{48}},
		Timeout:        -1, VerifyAfter: -1, FullPass: -1,
	}.Validate()
	for _, want := range []string{
		"connection: missing", "owner: missing", "user: missing", "practice: missing", "confirmations: 1 has no label",
		"classification: must be powers of two", "timeout: must not be negative", "verify_after: must not be negative", "full_pass: must not be negative",
	} {
		require.ErrorContains(t, err, want)
	}
}

func TestSecretsOfAConfigNeverPrint(t *testing.T) {
	t.Parallel()
	cfg, err := eaglesoft.ParseDSN(goodName())
	require.NoError(t, err)
	type nested struct {
		Config   eaglesoft.Config
		hidden   eaglesoft.Config
		Database eaglesoft.DatabaseDSN
		dsn      eaglesoft.DatabaseDSN
	}
	n := nested{cfg, cfg, cfg.Database, cfg.Database}
	var texts []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
		texts = append(texts, fmt.Sprintf(verb, cfg), fmt.Sprintf(verb, &cfg), fmt.Sprintf(verb, n), fmt.Sprintf(verb, cfg.Database))
	}
	b, err := json.Marshal(n)
	require.NoError(t, err)
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("connect", "config", cfg, "all", n)
	var asJSON strings.Builder
	slog.New(slog.NewJSONHandler(&asJSON, nil)).Info("connect", "config", cfg, "all", n)
	for _, text := range append(texts, string(b), log.String(), asJSON.String()) {
		require.NotContains(t, text, "PwSecret3X")
		require.NotContains(t, text, "SigSecret4Y")
		require.NotContains(t, text, fmt.Sprintf("%x", "PwSecret3X"))
	}
	require.Contains(t, cfg.String(), "eaglesoft PPM by fake")
}

func FuzzADataSourceNameIsRefusedWithoutItsSecrets(f *testing.F) {
	f.Add(goodName())
	f.Add(goodName("owner", "P P"))
	f.Add("eaglesoft://fake?connection=" + secretName)
	f.Add("eaglesoft://PwSecret3X:PwSecret3X@fake/PwSecret3X#PwSecret3X")
	f.Add("eaglesoft://fake?PwSecret3X=1&owner=PwSecret3X&practice=PwSecret3X&timeout=PwSecret3X&payments=PwSecret3X&user=PwSecret3X")
	f.Fuzz(func(t *testing.T, dsn string) {
		cfg, err := eaglesoft.ParseDSN(dsn)
		texts := fmt.Sprintf("%+v %v", cfg, err)
		// Parts of the name that are no secrets: the SQL driver's, and a valid owner.
		if strings.Contains(cfg.Owner, "Secret") || strings.Contains(cfg.Database.String(), "Secret") {
			return
		}
		for _, secret := range []string{"PwSecret3X", "SigSecret4Y"} {
			if strings.Contains(dsn, secret) {
				require.NotContains(t, texts, secret)
			}
		}
	})
}
