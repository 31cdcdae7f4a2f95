package database_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ergon-go/ergon/policy"
	"github.com/ergon-go/ergon/service/database"
)

func TestEveryFaultOfAConfigurationIsReportedAtItsPlace(t *testing.T) {
	c := database.DefaultConfig()
	c.URL, c.Driver, c.MaxConnections, c.MaxIdleTime = "root:hunter2@/shop", "mysql", 0, -time.Second
	c.ConnectTimeout, c.StatementTimeout, c.Retry.MaxAttempts = 0, time.Microsecond, 0
	got := paths(t, c.Validate())
	want := []string{"connect_timeout", "driver", "max_connections", "max_idle_time", "retry.max_attempts", "statement_timeout"}
	if !slices.Equal(got, want) {
		t.Errorf("faults are at %q, want %q", got, want)
	}
}

func TestURLOfADatabaseIsChecked(t *testing.T) {
	for url, want := range map[string]string{
		"postgres://shop:hunter2@localhost:5432/shop": "",
		"postgresql:///shop":                          "",
		"sqlite:shop.db":                              "",
		"sqlite:///var/lib/shop.db":                   "",
		"":                                            "is empty",
		"sqlite:":                                     "names no file",
		"mysql://shop:hunter2@localhost/shop":         "must begin with postgres:// or sqlite:",
		"postgres://shop:hunter2@localhost:port/shop": "is not a valid PostgreSQL URL",
		"shop.db": "must begin with postgres:// or sqlite:",
	} {
		c := database.DefaultConfig()
		c.URL = url
		_, err := database.New(c)
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: got %v, want none", url, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), "url: "+want)):
			t.Errorf("%s: got %v, want %q", url, err, want)
		case err != nil && strings.Contains(err.Error(), "hunter2"):
			t.Errorf("%s: the error repeats the password: %v", url, err)
		}
	}
}

func paths(t *testing.T, err error) []string {
	t.Helper()
	all, joined := err.(interface{ Unwrap() []error })
	if !joined {
		t.Fatalf("got %v, want joined faults", err)
	}
	var at []string
	for _, one := range all.Unwrap() {
		f, is := errors.AsType[*policy.Fault](one)
		if !is {
			t.Fatalf("%v is not a *policy.Fault", one)
		}
		at = append(at, f.Path)
	}
	slices.Sort(at)
	return at
}
