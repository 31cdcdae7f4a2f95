package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/policy"
)

type alarms struct {
	Volume  int               `yaml:"volume"`
	Tune    tune              `yaml:"tune"`
	Headers map[string]string `yaml:"headers"`
}

type tune string

func (tune) Choices() []string { return []string{"bell", "horn"} }

func (a alarms) Validate() error {
	if a.Volume > 11 {
		return &policy.Fault{Path: "volume", Problem: "is too loud, must be at most 11"}
	}
	return nil
}

func withAlarms(defaults alarms) *config.Registry {
	reg := registry().Clone()
	config.Section(reg, "alarms", "What wakes people.", defaults)
	return reg
}

const oneTask = "tasks: {birdstrikes.triage: {connectors: {input: {type: file, path: a}}, consumer: {loop: {on_exception: discard}}}}\n"

func TestSectionIsDecodedOntoItsDefaults(t *testing.T) {
	defaults := alarms{Volume: 3, Tune: "bell"}
	for name, test := range map[string]struct {
		text string
		want alarms
	}{
		"not written":     {oneTask, defaults},
		"null":            {"alarms:\n" + oneTask, defaults},
		"one key written": {"alarms: {volume: 11}\n" + oneTask, alarms{Volume: 11, Tune: "bell"}},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := config.Parse("ergon.yaml", []byte(test.text), withAlarms(defaults), config.Environment{})
			if err != nil {
				t.Fatal(err)
			}
			got, ok := config.SectionOf[alarms](c, "alarms")
			if diff := cmp.Diff(test.want, got); diff != "" || !ok {
				t.Errorf("%t, -want +got:\n%s", ok, diff)
			}
		})
	}
}

// [C1] A section is as strict as everything else, and its faults stand beside those of tasks.
func TestFaultsOfSectionsHaveTheirPlace(t *testing.T) {
	text := "alarms:\n  volume: 12\n  tunes: horn\ntasks: {triage: {workers: {count: 0}}}\nalarm: {}\n"
	_, err := config.Parse("ergon.yaml", []byte(text), withAlarms(alarms{}), config.Environment{})
	if err == nil {
		t.Fatal("got no error")
	}
	for _, want := range []string{
		"ergon.yaml:2:11: alarms.volume: is too loud, must be at most 11",
		`ergon.yaml:3:3: alarms: unknown key "tunes"; did you mean "tune"?`,
		"tasks.triage.workers.count",
		`ergon.yaml:5:1: unknown key "alarm"; did you mean "alarms"?`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got\n%v\nwant in it %s", err, want)
		}
	}
}

func TestSectionIsShownWithItsDefaultsAndWithoutHeaders(t *testing.T) {
	text := "alarms: {headers: {x-team: blue, authorization: '${AUTH}'}}\n" + oneTask
	env := config.Environment{LookupEnv: func(string) (string, bool) { return "Bearer 1234", true }}
	c, err := config.Parse("ergon.yaml", []byte(text), withAlarms(alarms{Volume: 3}), env)
	if err != nil {
		t.Fatal(err)
	}
	shown, err := c.Show()
	if err != nil {
		t.Fatal(err)
	}
	want := "\nalarms:\n  volume: 3\n  tune: ''\n  headers:\n    authorization: \"${AUTH}\"\n    x-team: '[redacted]'\n"
	if !strings.HasPrefix(string(shown), "tasks:\n") || !strings.HasSuffix(string(shown), want) {
		t.Errorf("got\n%s\nwant last\n%s", shown, want)
	}
	without, err := c.ShowTasks()
	if err != nil || string(without)+want[1:] != string(shown) {
		t.Errorf("got %v and\n%s\nwant the same without the section", err, without)
	}
}

// Defaults may be from the environment, and hold secrets then.
func TestHeadersAmongDefaultsAreNotShown(t *testing.T) {
	reg := withAlarms(alarms{Headers: map[string]string{"x-team": "blue"}})
	c, err := config.Parse("ergon.yaml", []byte(oneTask), reg, config.Environment{})
	if err != nil {
		t.Fatal(err)
	}
	if shown, err := c.Show(); err != nil || strings.Contains(string(shown), "blue") {
		t.Errorf("got error %v and\n%s\nwant no header", err, shown)
	}
}

func TestSchemaKnowsSectionsAndTheChoicesOfTheirTypes(t *testing.T) {
	schema, err := config.Schema(withAlarms(alarms{Volume: 3}))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"description": "What wakes people."`, `"bell",`, `"default": 3`} {
		if !strings.Contains(string(schema), want) {
			t.Errorf("got\n%s\nwant in it %s", schema, want)
		}
	}
}

func TestSectionThatCannotBeIsAFaultOfTheRegistry(t *testing.T) {
	reg := config.NewRegistry()
	config.Section(reg, "tasks", "", alarms{})
	config.Section(reg, "x y", "", alarms{})
	config.Section(reg, "loud", "", 3)
	config.Section(reg, "twice", "", alarms{})
	config.Section(reg, "twice", "", alarms{})
	err := reg.Err()
	if err == nil {
		t.Fatal("got no error")
	}
	for _, want := range []string{
		`section "tasks" has the key of the tasks`, `section "x y", registered in section_test.go`,
		`section "loud": its configuration is a int, must be a struct`, `section "twice" is registered twice`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got\n%v\nwant in it %s", err, want)
		}
	}
}

func TestCloneOfARegistryIsAddedToAlone(t *testing.T) {
	reg := registry()
	config.Section(reg.Clone(), "alarms", "", alarms{})
	if n := len(reg.Sections()); n != 0 || reg.Err() != nil {
		t.Errorf("got %d sections and %v, want none", n, reg.Err())
	}
}

func TestSectionOfAnotherTypeOrNameIsNone(t *testing.T) {
	c, err := config.Parse("ergon.yaml", []byte(oneTask), withAlarms(alarms{}), config.Environment{})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := config.SectionOf[int](c, "alarms"); ok {
		t.Error("got an int")
	}
	if _, ok := config.SectionOf[alarms](c, "alarm"); ok {
		t.Error("got one that is not registered")
	}
}
