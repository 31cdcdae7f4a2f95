package config_test

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/capability"
	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/deadletter"
)

func TestRegistrationsAreReadInTheirOrder(t *testing.T) {
	reg := registry()
	if tasks := reg.Tasks(); len(tasks) != 1 || tasks[0].Name != "birdstrikes.triage" || tasks[0].Description == "" || tasks[0].New == nil {
		t.Errorf("tasks = %+v", tasks)
	}
	var names []string
	for _, connector := range reg.Connectors() {
		names = append(names, connector.Name)
	}
	if want := []string{"file", "file-sink", "anything"}; !slices.Equal(names, want) {
		t.Errorf("connectors = %q, want %q", names, want)
	}
	services := reg.Services()
	if len(services) != 1 || services[0].Description != "has all kinds of settings" {
		t.Fatalf("services = %+v", services)
	}
	if diff := cmp.Diff(defaultEverything().Shared, services[0].Defaults.(everything).Shared); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
	reg.Tasks()[0].Name = "changed"
	if got := reg.Tasks()[0].Name; got != "birdstrikes.triage" {
		t.Errorf("task is called %q after a change to what Tasks returned", got)
	}
}

type queue interface {
	ergon.Fetcher
	capability.Counter
}

type store interface {
	deadletter.Store
	capability.Replayer
	capability.Inspector
	capability.Hopper
}

func TestCapabilitiesAreReadOffTheTypeThatIsBuilt(t *testing.T) {
	reg := registry()
	config.Connector(reg, "queue", "", struct{}{}, func(struct{}) (queue, error) { return nil, errors.New("out of order") })
	config.Connector(reg, "store", "", struct{}{}, func(struct{}) (store, error) { return nil, errors.New("out of order") })
	for i, want := range [][]string{
		{"Fetcher", "Settler"}, {"Dispatcher"}, nil, {"Fetcher", "Counter"}, {"Hopper", "Inspector", "Replayer", "Store"},
	} {
		if got := reg.Connectors()[i]; !slices.Equal(got.Capabilities(), want) {
			t.Errorf("%s can %q, want %q", got.Name, got.Capabilities(), want)
		}
	}
}

type recursive struct {
	Children []recursive `yaml:"children"`
}

type impossible struct {
	Type    string           `yaml:"type"`
	Same    int              `yaml:"same"`
	Again   int              `yaml:"same"`
	Channel chan int         `yaml:"channel"`
	Bytes   []byte           `yaml:"bytes"`
	Keys    map[int]string   `yaml:"keys"`
	Context context.Context  `yaml:"context"`
	Deep    []map[string]any `yaml:"deep"`
	Twice   **int            `yaml:"twice"`
}

func TestFaultyRegistrationsAreReportedAllAtOnceWhenLoading(t *testing.T) {
	reg := registry()
	reg.Task("birdstrikes.triage", newTask, "")
	reg.Task("bird strikes", nil, "")
	config.Connector(reg, "file", "", struct{}{}, identity[struct{}])
	config.Service(reg, "text", "", "text", identity[string])
	config.Service(reg, "recursive", "", recursive{}, identity[recursive])
	config.Service(reg, "impossible", "", impossible{}, identity[impossible])
	config.Service[struct{}, any](reg, "unbuilt", "", struct{}{}, nil)
	const instead = `cannot be configured; use another type or leave it out with yaml:"-"` + "\n"
	const want = "registry: " + `task "birdstrikes.triage" is registered twice, in fixture_test.go:N and in registry_test.go:N; ` +
		`remove one or rename it
task "bird strikes", registered in registry_test.go:N: a name begins with a letter and has up to 64 letters, digits, "_", "." and "-"
task "bird strikes" has no constructor
connector type "file" is registered twice, in fixture_test.go:N and in registry_test.go:N; remove one or rename it
type "text": its configuration is a string, must be a struct
type "recursive": children: a config_test.recursive contains itself; a configuration has a fixed depth
type "impossible": config_test.impossible has two fields with the key "same"
type "impossible": channel: a chan int ` + instead +
		`type "impossible": bytes: a []uint8 ` + instead +
		`type "impossible": keys: a map[int]string ` + instead +
		`type "impossible": context: a context.Context ` + instead +
		`type "impossible": twice: a **int ` + instead +
		`type "impossible": config_test.impossible has a field with the key "type", which is the type of a component; give it another key
type "unbuilt" has no function that builds it`
	line := regexp.MustCompile(`(\.go):\d+`)
	_, parsed := config.Parse("f", []byte(task("")), reg, environment())
	_, generated := config.Schema(reg)
	for what, err := range map[string]error{"Err": reg.Err(), "Parse": parsed, "Schema": generated} {
		if err == nil {
			t.Fatalf("%s: no error", what)
		}
		if diff := cmp.Diff(want, line.ReplaceAllString(err.Error(), "$1:N")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
}
