package main_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	program "github.com/ergon-go/ergon/cmd/ergon"
	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/policy"
	"github.com/ergon-go/ergon/runner"
)

var tasks = regexp.MustCompile("(?s)```yaml\n(tasks:.*?)```")

// What the pages show, and what is deployed, is a configuration of this program.
func TestConfigurationsThatAreShownAreValid(t *testing.T) {
	shown := map[string]string{"deploy/pipeline/ergon.yaml": readFile(t, "../../deploy/pipeline/ergon.yaml")}
	for _, page := range []string{"docs/getting-started.md", "docs/yaml-pipelines.md"} {
		found := tasks.FindAllStringSubmatch(readFile(t, "../../"+page), -1)
		if len(found) == 0 {
			t.Errorf("%s shows no configuration", page)
		}
		for _, one := range found {
			shown[page] = one[1]
		}
	}
	for name, text := range shown {
		if _, err := config.Parse(name, []byte(text), program.Registry(), config.OSEnvironment(".")); err != nil {
			t.Error(err)
		}
	}
	if image := readFile(t, "../../deploy/kubernetes/keda.yaml"); !strings.Contains(image, "ergon_queue_transactions{") {
		t.Error("keda.yaml does not go by the metric of the queue")
	}
}

// gracePeriods are where a platform is told how long to wait before it kills, or doctor that it does.
var gracePeriods = regexp.MustCompile(
	`(?:TERMINATION_GRACE_PERIOD(?:, value)?|TimeoutStopSec|terminationGracePeriodSeconds|stop_grace_period)[:=] ?(\d+)|` +
		`--grace-period (\d+)s`)

// [F4] How long a shutdown takes at most is one number, wherever it is written.
func TestPlatformsWaitAsLongAsAShutdownTakes(t *testing.T) {
	want := strconv.Itoa(int(runner.ShutdownBound(policy.DefaultShutdown()).Seconds()))
	for name, times := range map[string]int{
		"deploy/compose.yaml": 2, "deploy/systemd/ergon@.service": 2, "deploy/kubernetes/ergon.yaml": 3, "docs/deploying.md": 1,
	} {
		found := gracePeriods.FindAllStringSubmatch(readFile(t, "../../"+name), -1)
		if len(found) != times {
			t.Errorf("%s says it %d times, want %d: %q", name, len(found), times, found)
		}
		for _, one := range found {
			if one[1]+one[2] != want {
				t.Errorf("%s says %s, want %s s", name, one[0], want)
			}
		}
	}
	for _, name := range []string{"docs/deploying.md", "runner/doc.go"} {
		if !strings.Contains(readFile(t, "../../"+name), want+" s") {
			t.Errorf("%s does not say %s s", name, want)
		}
	}
}
