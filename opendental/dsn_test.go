package opendental

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmswriteback/pms/driver"
)

func TestAnAddressIsChosenByMode(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]string{
		"opendental://d:c@/":                                            "https://api.opendental.com/api/v1",
		"opendental://d:c@/?mode=remote":                                "https://api.opendental.com/api/v1",
		"opendental://d:c@/?mode=service":                               "http://localhost:30223/api/v1",
		"opendental://d:c@/?mode=local":                                 "http://localhost:30222/api/v1",
		"opendental://d:c@proxy.example/api/v1":                         "https://proxy.example/api/v1",
		"opendental://d:c@127.0.0.1:99?mode=remote":                     "http://127.0.0.1:99/api/v1",
		"opendental://d:c@localhost:99/x/?tls=true":                     "https://localhost:99/x",
		"opendental://d:c@[::1]:99":                                     "http://[::1]:99/api/v1",
		"opendental://d:c@10.0.0.5?mode=service&insecure_host=10.0.0.5": "http://10.0.0.5/api/v1",
	} {
		cfg, err := ParseDSN(dsn)
		require.NoError(t, err, dsn)
		require.Equal(t, want, cfg.base(), dsn)
	}
}

func TestADataSourceNameFillsTheConfig(t *testing.T) {
	t.Parallel()
	cfg, err := ParseDSN("opendental://De%2Bv:C%3Aust@127.0.0.1:80/api/v1?mode=local&rate=5s&images=/srv/AtoZ&photos=190&timeout=70s&verify_after=1s")
	require.NoError(t, err)
	require.Equal(t, "De+v", cfg.DeveloperKey.Reveal())
	require.Equal(t, "C:ust", cfg.CustomerKey.Reveal())
	require.Equal(t, 5*time.Second, cfg.interval())
	require.Equal(t, "/srv/AtoZ", cfg.ImagesDir)
	require.Equal(t, "190", cfg.PhotoCategory)
	require.Equal(t, 70*time.Second, cfg.timeout())
	require.Equal(t, time.Second, cfg.verifyAfter(driver.OpDocument))

	cfg, err = ParseDSN("opendental://d:c@/?rate=none&mode=service")
	require.NoError(t, err)
	require.Zero(t, cfg.interval())
	cfg.Mode = Remote
	require.Equal(t, time.Nanosecond, cfg.interval(), "one request at a time all the same")
}

func TestAMistakeInADataSourceNameIsNamedWithoutTheKeys(t *testing.T) {
	t.Parallel()
	const keys = developerKey + ":" + customerKey
	for dsn, part := range map[string]string{
		"mysql://" + keys + "@/":                                                 "opendental://",
		"opendental://" + keys + "@/?speed=1":                                    `"speed"`,
		"opendental://" + keys + "@/?mode=fast":                                  "mode",
		"opendental://" + keys + "@/?mode=local&mode=remote":                     "mode",
		"opendental://" + keys + "@/?rate=often":                                 "rate",
		"opendental://" + keys + "@/?rate=-1s":                                   "rate",
		"opendental://" + keys + "@/?timeout=0s":                                 "timeout",
		"opendental://" + keys + "@/?verify_after=x":                             "verify_after",
		"opendental://" + keys + "@/?images=relative/path":                       "images",
		"opendental://" + keys + "@/?photos=faces":                               "photos",
		"opendental://" + keys + "@host/?tls=perhaps":                            "tls",
		"opendental://" + keys + "@/?tls=false":                                  "tls",
		"opendental://" + keys + "@/api/v2":                                      "path",
		"opendental://" + keys + "@10.0.0.5?mode=service":                        "insecure_host",
		"opendental://" + keys + "@10.0.0.5?mode=service&insecure_host=10.0.0.6": "insecure_host",
		"opendental://" + developerKey + "@/":                                    "customer key",
		"opendental://:" + customerKey + "@/":                                    "developer key",
		"opendental://" + developerKey + ":a/" + customerKey + "@/":              "opendental://",
		"opendental://" + developerKey + ":%20" + customerKey + "@/":             "customer key",
		"opendental://" + keys + "@/#x":                                          "percent-encoded",
		"opendental://" + keys + "@[::1/":                                        "opendental://",
		"opendental://" + keys + "@/?a=%zz":                                      "key=value",
	} {
		_, err := (Driver{}).OpenConnector(dsn)
		require.Error(t, err, dsn)
		require.ErrorContains(t, err, part, dsn)
		require.NotContains(t, err.Error(), developerKey, dsn)
		require.NotContains(t, err.Error(), customerKey, dsn)
	}
}

func TestAConfigNeverPrintsItsKeys(t *testing.T) {
	t.Parallel()
	cfg := Config{
		DeveloperKey: driver.NewSecret(developerKey), CustomerKey: driver.NewSecret(customerKey),
		URL: "https://" + developerKey + ":" + customerKey + "@host/api?k=" + customerKey,
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "cfg", cfg, "group", slog.GroupValue(slog.Any("c", &cfg)))
	asJSON, err := json.Marshal(map[string]any{"a": cfg, "b": &cfg})
	require.NoError(t, err)
	type wrapped struct{ cfg Config }
	for _, s := range []string{
		fmt.Sprint(cfg), fmt.Sprintf("%v %+v %#v %s %q", cfg, cfg, cfg, cfg, cfg), fmt.Sprintf("%+v %#v", &cfg, &cfg),
		string(asJSON), log.String(), cfg.String(), cfg.GoString(), cfg.Validate().Error(),
	} {
		require.NotContains(t, s, developerKey)
		require.NotContains(t, s, customerKey)
	}
	cfg.URL = ""
	// fmt prints unexported fields without asking them.
	inside := fmt.Sprintf("%+v", wrapped{cfg})
	require.NotContains(t, inside, developerKey)
	require.NotContains(t, inside, customerKey)
}
