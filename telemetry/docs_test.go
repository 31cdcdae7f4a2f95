package telemetry_test

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/connector/memory"
	"github.com/ergon-go/ergon/telemetry"
)

func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../docs/telemetry.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// keysOf are the rows of a table of keys, as far as code tells them: the settings of one signal are one row.
func keysOf(v reflect.Value, path string) []string {
	var rows []string
	for field, value := range v.Fields() {
		key := field.Tag.Get("yaml")
		at := strings.TrimPrefix(path+"."+key, ".")
		_, own := reflect.TypeAssert[telemetry.OTLP](value)
		switch {
		case key == "-":
		case own && path != "":
			rows = append(rows, fmt.Sprintf("| %#q | as `otlp` |", at))
		case value.Kind() == reflect.Struct:
			rows = append(rows, keysOf(value, at)...)
		default:
			rows = append(rows, fmt.Sprintf("| %#q | %s |", at, defaultOf(value)))
		}
	}
	return rows
}

func defaultOf(v reflect.Value) string {
	switch v := v.Interface().(type) {
	case time.Duration:
		return "`" + strings.Replace(v.String(), "m0s", "m", 1) + "`"
	case []string:
		return "`[" + strings.Join(v, ", ") + "]`"
	}
	if v.Kind() == reflect.Slice || v.Kind() == reflect.Map {
		return "none"
	}
	if v.Kind() == reflect.String && v.String() == "" {
		return "`\"\"`"
	}
	return fmt.Sprintf("`%v`", v)
}

func TestPageHasEveryKeyWithItsDefault(t *testing.T) {
	want := keysOf(reflect.ValueOf(telemetry.DefaultConfig()), "")
	table := regexp.MustCompile("(?m)^(\\| `[a-z_.]+` \\| (?:as `otlp`|none|`[^`]*`) \\|)")
	section, _, _ := strings.Cut(page(t), "### Sampling")
	got := table.FindAllString(section, -1)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/telemetry.md (-want +got):\n%s", diff)
	}
}

// Every example of a section is one that a program understands.
func TestExamplesOfThePageAreValid(t *testing.T) {
	n := 0
	for _, block := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(page(t), -1) {
		text := block[1]
		if !strings.Contains(text, "telemetry:") {
			continue
		}
		n++
		reg := config.NewRegistry()
		reg.Task("triage", func(*ergon.Dependencies) ergon.Task { return ergon.Task{} }, "")
		config.Connector(reg, "memory", "", struct{}{}, func(struct{}) (*memory.Queue, error) { return memory.New(memory.Settings{}), nil })
		config.Section(reg, "telemetry", "", telemetry.DefaultConfig())
		text += "tasks: {triage: {connectors: {input: {type: memory}}, consumer: {loop: {on_exception: discard}}}}\n"
		secret := func(string) ([]byte, error) { return []byte("hunter2"), nil }
		if _, err := config.Parse("docs/telemetry.md", []byte(text), reg, config.Environment{ReadFile: secret}); err != nil {
			t.Errorf("%v in\n%s", err, text)
		}
	}
	if n < 5 {
		t.Errorf("got %d examples, want all of them", n)
	}
}
