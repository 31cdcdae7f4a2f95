package main_test

import (
	"regexp"
	"strings"
	"testing"

	program "github.com/ergon-go/ergon/cmd/ergon"
	"github.com/ergon-go/ergon/config"
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
