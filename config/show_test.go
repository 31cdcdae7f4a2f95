package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/config"
)

func show(t *testing.T, c *config.Config) string {
	t.Helper()
	shown, err := c.Show()
	if err != nil {
		t.Fatal(err)
	}
	return string(shown)
}

// [C1]
func TestShowFillsInAllDefaultsAndMeansTheSame(t *testing.T) {
	t.Setenv("OUT", "elsewhere")
	c, err := config.Load("testdata/ergon.yaml", registry())
	if err != nil {
		t.Fatal(err)
	}
	shown := show(t, c)
	golden(t, "testdata/ergon.shown.yaml", []byte(shown))

	again, err := config.Parse("shown", []byte(shown), registry(), config.OSEnvironment("testdata"))
	if err != nil {
		t.Fatalf("what is shown is no configuration: %v", err)
	}
	if diff := cmp.Diff(c.Tasks, again.Tasks, cmpopts.IgnoreFields(ergon.TaskConfig{}, "New"), builtAlike()); diff != "" {
		t.Errorf("what is shown means something else (-read +shown):\n%s", diff)
	}
}

// builtAlike compares components by what they build.
func builtAlike() cmp.Option {
	return cmp.Options{
		cmp.Transformer("build", func(c ergon.Component) any {
			made, err := c.New()
			switch made := made.(type) {
			case *source:
				return made.settings
			case *sink:
				return made.settings
			case nil:
				return err.Error()
			}
			return made
		}),
		addresses,
	}
}

func TestShowTellsNoSecret(t *testing.T) {
	unquote := strings.NewReplacer(`"`, "", "'", "")
	for settings, want := range map[string]string{
		`nested: {dsn: "${TICKETS_DSN}"}`:                   "dsn: ${TICKETS_DSN}",
		`nested: {dsn: "postgres://u:${API_TOKEN}@db"}`:     "dsn: postgres://u:${API_TOKEN}@db",
		`nested: {dsn: "postgres://u:hunter2@hunter3@db"}`:  "dsn: postgres://[redacted]@db",
		`nested: {dsn: "postgres://u:hunter2@${OUT}"}`:      "dsn: postgres://[redacted]@${OUT}",
		`nested: {dsn: "${NOPE:-postgres://u:hunter2@db}"}`: "dsn: ${NOPE:-[redacted]}",
		`unnamed: "https://hunter2@host/a?x=hunter3&y=${OUT}&hunter4#b"`: "unnamed: https://[redacted]@host/a?x=[redacted]&" +
			"y=${OUT}&[redacted]#b",
		`unnamed: "https://u:@host:1/ https://hunter2:x@host"`:       "unnamed: https://[redacted]@host:1/ https://[redacted]@host",
		`unnamed: "https://u:${file:secrets/password}@host/"`:        "unnamed: https://u:${file:secrets/password}@host/",
		`unnamed: "https://hunter2${file:secrets/password}@host/"`:   "unnamed: https://[redacted]@host/",
		`unnamed: "host=db password=hunter2 user=me"`:                "unnamed: host=db password=[redacted] user=me",
		`unnamed: "host=db;Pwd='hunter 2';user=me"`:                  "unnamed: host=db;Pwd=[redacted];user=me",
		`nested: {dsn: "me:hunter2@tcp(db:3306)/x"}`:                 "dsn: [redacted]@tcp(db:3306)/x",
		`labels: {chat_webhook: "https://hooks/services/hunter2"}`:   "chat_webhook: https://hooks/[redacted]",
		`hook: "https://hooks.example:8/services/hunter2?x=hunter3"`: "hook: https://hooks.example:8/[redacted]?x=[redacted]",
		`hook: "https://hooks.example/${OUT}"`:                       "hook: https://hooks.example/${OUT}",
		`hook: "hunter2"`:                                            "hook: [redacted]",
		`argv: [sh, -c, hunter2, "${OUT}"]`:                          "- sh\n        - [redacted]\n        - [redacted]\n        - ${OUT}",
		`env: {PLAIN: hunter2, OTHER: "${OUT}"}`:                     "OTHER: ${OUT}\n          PLAIN: [redacted]",
		`nested: {password: hunter2}`:                                "password: [redacted]",
		`nested: {password: "hunter2${OUT}"}`:                        "password: [redacted]",
		`nested: {password: "${OUT}"}`:                               "password: ${OUT}",
		`nested: {tokens: [hunter2, "${API_TOKEN}"]}`:                "- [redacted]",
		`text: "${file:secrets/password}"`:                           "text: ${file:secrets/password}",
		`text: "${API_TOKEN}"`:                                       "text: ${API_TOKEN}",
		`text: "${TICKETS_DSN}"`:                                     "text: ${TICKETS_DSN}",
		`unnamed: "see ${MAIN:-https://u:hunter2@host/} for x"`:      "unnamed: see ${MAIN:-[redacted]} for x",
		`labels: {api_key: hunter2}`:                                 "api_key: [redacted]",
		`any: {secret: [{deep: "${TICKETS_DSN}"}]}`:                  "deep: ${TICKETS_DSN}",
	} {
		c := parse(t, task("    services: {all: {type: everything, "+settings+"}}\n"))
		shown := show(t, c)
		if strings.Contains(shown, "hunter") {
			t.Errorf("%s shows the secret:\n%s", settings, shown)
		}
		if !strings.Contains(unquote.Replace(shown), want+"\n") {
			t.Errorf("%s is not shown as %s but as\n%s", settings, want, shown)
		}
		if again := show(t, parse(t, shown)); again != shown {
			t.Errorf("%s is shown differently the second time (-first +second):\n%s", settings, cmp.Diff(shown, again))
		}
	}
}

func TestShowShowsWhatIsNotSecret(t *testing.T) {
	c := parse(t, task("    services: {all: {type: everything, text: \"${OUT}\", unnamed: monkey, nested: {dsn: db}}}\n"))
	shown := show(t, c)
	for _, want := range []string{
		"text: out\n", "unnamed: monkey\n", "dsn: db\n", "wait: 1s\n", "transaction_timeout: 5m\n", "interval: 5ms\n",
	} {
		if !strings.Contains(shown, want) {
			t.Errorf("%q is not shown in\n%s", want, shown)
		}
	}
}

func TestShowShowsTasksAsTheyAreNow(t *testing.T) {
	c := parse(t, task(""))
	c.Tasks[0].Consumer.Loop.Limit = 7
	c.Tasks[0].Shutdown.Grace = 90*time.Minute + time.Millisecond
	again := parse(t, show(t, c))
	if got := again.Tasks[0]; got.Consumer.Loop.Limit != 7 || got.Shutdown.Grace != 90*time.Minute+time.Millisecond {
		t.Errorf("limit = %d and grace = %s after a change to 7 and 1h30m0.001s", got.Consumer.Loop.Limit, got.Shutdown.Grace)
	}
	c.Tasks[0].Name = "other"
	if _, err := c.Show(); err == nil || err.Error() != `show configuration: task "other" is not from the file` {
		t.Errorf("Show of a task that is not from the file: %v", err)
	}
}

// [B3] [C1]
func TestIdentityIsReadAndShown(t *testing.T) {
	c, err := config.Parse("f", []byte(task("    identity: price/orders\n")), registry(), environment())
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Tasks[0].OutputIdentity("elsewhere"); got != "price/orders" {
		t.Errorf("ids of its outputs derive from %q", got)
	}
	if shown := show(t, c); !strings.Contains(shown, "identity: price/orders\n") {
		t.Errorf("it is not shown in\n%s", shown)
	}
}
