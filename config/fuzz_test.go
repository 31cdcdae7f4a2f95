package config_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/ergon-go/ergon/config"
)

// FuzzParse: whatever the file holds, there is no panic, each fault has a place, and what is accepted is shown as a
// configuration that is shown the same again.
func FuzzParse(f *testing.F) {
	env := environment()
	env.ReadFile = func(path string) ([]byte, error) { return []byte("contents of " + path), nil }
	for _, file := range []string{"testdata/ergon.yaml", "testdata/five-faults.yaml"} {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, seed := range []string{
		"", "a", "- a", "tasks: {a: &a [*a]}", "? {a: b}\n: c", "a: &x {<<: *x}", "tasks: !!map {}", "\ttasks:", "\xff",
		"a: |\n  b\n", "--- a\n--- b",
		"tasks: {\"é\": 1}\r\nb: 2\rc: 3\u0085", "%YAML 1.2\n---\n...\n", "a: \"${A:-${B}\"",
		task("    services: {all: {type: everything, any: &a {b: *a}}}\n"),
		task("    services: {all: {type: everything, ratio: -.inf, whole: -9223372036854775808}}\n"),
		task("    services: {all: {type: everything, any: {<<: {a: 1}, \"<<\": .nan}, labels: {~: ~}}}\n"),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := config.Parse("f", data, registry(), env)
		if err != nil {
			checkPlaces(t, err)
			return
		}
		shown, err := c.Show()
		if err != nil {
			t.Fatalf("Show: %v", err)
		}
		again, err := config.Parse("f", shown, registry(), env)
		if err != nil {
			t.Fatalf("what is shown is no configuration: %v\n%s", err, shown)
		}
		shownAgain, err := again.Show()
		if err != nil {
			t.Fatalf("Show again: %v", err)
		}
		if diff := cmp.Diff(string(shown), string(shownAgain)); diff != "" {
			t.Fatalf("what is shown changes (-first +second):\n%s", diff)
		}
	})
}

func checkPlaces(t *testing.T, err error) {
	t.Helper()
	var faults config.Faults
	if !errors.As(err, &faults) || len(faults) == 0 {
		t.Fatalf("%T is no Faults: %v", err, err)
	}
	last := faults[0]
	for _, fault := range faults {
		if fault.File != "f" || fault.Line < 1 || fault.Col < 1 || fault.Problem == "" {
			t.Errorf("fault without a place: %+v", fault)
		}
		if fault.Line < last.Line || fault.Line == last.Line && fault.Col < last.Col {
			t.Errorf("fault %v comes after %v", fault, last)
		}
		last = fault
	}
}

// textual has text in all the places where it can be.
type textual struct {
	Text   string            `yaml:"text"`
	Any    any               `yaml:"any"`
	List   []string          `yaml:"list"`
	Labels map[string]string `yaml:"labels"`
}

// FuzzShownText: any text is shown so that it is read as the same text.
func FuzzShownText(f *testing.F) {
	for _, text := range []string{
		"", " ", "null", "~", "true", "no", "5", "-0", ".inf", "0x1f", "1_000", "2001-01-01", "<<", "=", "*a", "&a", "!a", "- a", "a: b",
		"# a", "a #b", "a\nb\n", "\n", " a ", "\ta", "a\u0085b", "\u2028", "\ufeff", "'", `"`, `\`, "${OUT}", "$${OUT}", "$$", "${", "%", "@",
		"`", "{}", "[]", "?", "---", "...", "é😀", "a\r\nb", "\x00", "\x7f", "a\n\n b\n  c", "\uffff",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) || urlWithPassword(text) {
			t.Skip("cannot be written, or is hidden")
		}
		reg := registry()
		defaults := textual{text, text, []string{text}, map[string]string{text: text}}
		config.Service(reg, "textual", "", defaults, identity[textual])
		c, err := config.Parse("f", []byte(task("    services: {s: {type: textual}}\n")), reg, environment())
		if err != nil {
			t.Fatal(err)
		}
		shown, err := c.Show()
		if err != nil {
			t.Fatal(err)
		}
		again, err := config.Parse("f", shown, reg, environment())
		if err != nil {
			t.Fatalf("what is shown is no configuration: %v\n%s", err, shown)
		}
		got := build[textual](t, again.Tasks[0].Services["s"], "textual")
		if sensitive := got.Labels[text] == "[redacted]"; sensitive {
			got.Labels[text] = text
		}
		if diff := cmp.Diff(defaults, got); diff != "" {
			t.Errorf("%q is read as something else (-default +shown):\n%s\n%s", text, diff, shown)
		}
	})
}

func urlWithPassword(text string) bool {
	return strings.Contains(text, "://") || strings.Contains(text, "=")
}
