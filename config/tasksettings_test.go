package config_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/policy"
)

type shippingSettings struct {
	Carrier string        `yaml:"carrier"`
	Pause   time.Duration `yaml:"pause"`
	Token   string        `yaml:"token"`
}

func (s shippingSettings) Validate() error {
	if s.Carrier == "" {
		return &policy.Fault{Path: "carrier", Problem: "is empty, must name who carries it"}
	}
	return nil
}

// shipping is a registry with a task that has settings, and one that has none; made gets the settings of each task made.
func shipping(made *[]shippingSettings) *config.Registry {
	reg := registry()
	config.Task(reg, "shipping", "ships orders", shippingSettings{Pause: time.Second},
		func(s shippingSettings, _ *ergon.Dependencies) ergon.Task {
			*made = append(*made, s)
			return ergon.Task{}
		})
	return reg
}

func parseShipping(settings string) (c *config.Config, made *[]shippingSettings, err error) {
	made = new([]shippingSettings)
	text := "tasks:\n  shipping:\n    connectors: {input: {type: file, path: x}, dead_letters: {type: file-sink}}\n" + settings
	c, err = config.Parse("f", []byte(text), shipping(made), environment())
	return c, made, err
}

// [C1]
func TestTaskIsMadeWithItsSettingsOnTopOfTheDefaults(t *testing.T) {
	c, made, err := parseShipping("    settings: {carrier: post, token: \"${API_TOKEN}\"}\n")
	if err != nil {
		t.Fatal(err)
	}
	*made = nil
	c.Tasks[0].New(ergon.NewDependencies(nil, nil, nil))
	want := []shippingSettings{{Carrier: "post", Pause: time.Second, Token: "hunter3"}}
	if diff := cmp.Diff(want, *made); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	shown := show(t, c)
	if want := "    settings:\n      carrier: post\n      pause: 1s\n      token: \"${API_TOKEN}\"\n"; !strings.Contains(shown, want) {
		t.Errorf("want\n%s\nin\n%s", want, shown)
	}
}

func TestFaultsOfSettingsHaveTheirPlace(t *testing.T) {
	for name, c := range map[string]struct{ settings, want string }{
		"left out": {"", "f:2:3: tasks.shipping.settings.carrier: is empty, must name who carries it"},
		"empty":    {"    settings:\n", "f:4:5: tasks.shipping.settings.carrier: is empty, must name who carries it"},
		"invalid":  {"    settings: {carrier: \"\"}\n", "f:4:25: tasks.shipping.settings.carrier: is empty, must name who carries it"},
		"unknown key": {
			"    settings: {carrier: a, puase: 1s}\n",
			`f:4:28: tasks.shipping.settings: unknown key "puase"; did you mean "pause"? known keys: carrier, pause, token`,
		},
		"wrong kind": {
			"    settings: {carrier: a, pause: 5}\n",
			"f:4:35: tasks.shipping.settings.pause: is 5, a duration needs a unit, such as 5s",
		},
		"of a task that has none": {
			"    task: birdstrikes.triage\n    settings: {carrier: a}\n",
			`f:5:5: tasks.shipping.settings: task "birdstrikes.triage" has no settings; remove the key`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := parseShipping(c.settings)
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestSettingsOfAnUnknownTaskAreNoFurtherFault(t *testing.T) {
	_, _, err := parseShipping("    task: shippingg\n    settings: {carier: a}\n")
	if faults := config.Faults(nil); !errors.As(err, &faults) || len(faults) != 1 {
		t.Errorf("got %v, want one fault", err)
	}
}

func TestSchemaDescribesSettingsOfTasks(t *testing.T) {
	text, err := config.Schema(shipping(new([]shippingSettings)))
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Defs map[string]struct {
			Properties map[string]struct {
				AnyOf []struct {
					Properties map[string]any `json:"properties"`
				} `json:"anyOf"` //nolint:tagliatelle // the name is JSON schema's
			} `json:"properties"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	anyOf := schema.Defs["task"].Properties["settings"].AnyOf
	if len(anyOf) != 1 || anyOf[0].Properties["carrier"] == nil {
		t.Errorf("got %v, want the settings of shipping", anyOf)
	}
}

func TestTaskThatCannotHaveItsSettingsIsRefused(t *testing.T) {
	reg := config.NewRegistry()
	config.Task(reg, "text", "", "default", func(string, *ergon.Dependencies) ergon.Task { return ergon.Task{} })
	config.Task[struct{}](reg, "nothing", "", struct{}{}, nil)
	want := "registry: task \"text\": its configuration is a string, must be a struct\ntask \"nothing\" has no constructor"
	if err := reg.Err(); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// A task with settings is made by a function of its own, by which it cannot be known.
func TestConfiguredTaskIsKnownByTheNameThatItIsRegisteredUnder(t *testing.T) {
	const parts = "connectors: {input: {type: file, path: x}, dead_letters: {type: file-sink}}"
	text := "tasks:\n  set: {task: shipping, settings: {carrier: post}, " + parts + "}\n  plain: {task: birdstrikes.triage, " + parts + "}\n"
	c, err := config.Parse("f", []byte(text), shipping(new([]shippingSettings)), environment())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"set": "shipping", "plain": "birdstrikes.triage", "none": ""} {
		if got := c.Registered(name); got != want {
			t.Errorf("%s is registered as %q, want %q", name, got, want)
		}
	}
}
