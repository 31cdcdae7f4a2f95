package app_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/ergon-go/ergon/app"
)

func TestConfigurationIsTheFileThatIsNamedThenTheOneThatIsThereThenTheBuiltInOne(t *testing.T) {
	builtIn := app.Settings{Config: []byte(twoTasks)}
	other := strings.ReplaceAll(twoTasks, "more:", "other:")
	for name, c := range map[string]struct {
		yaml, args, want string
	}{
		"named":    {"tasks: {}", "config show --config other.yaml", "# from other.yaml\ntasks:\n  square:"},
		"there":    {other, "config show", "# from ergon.yaml\ntasks:\n  square:"},
		"built in": {"", "config show", "# from built-in ergon.yaml\ntasks:\n  square:"},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, c.yaml)
			write(t, "other.yaml", other)
			got := call{settings: builtIn, args: strings.Fields(c.args)}.do(t)
			if !strings.HasPrefix(got.stdout, c.want) {
				t.Errorf("got %.60q (%s), want %q", got.stdout, got.stderr, c.want)
			}
		})
	}
}

func TestVariableIsItsFlagThenTheEnvironmentThenItsDefault(t *testing.T) {
	settings := app.Settings{Variables: []app.Variable{{Name: "DRAIN", Flag: "drain", Default: "default", Usage: "where to"}}}
	for name, c := range map[string]struct {
		flags []string
		env   map[string]string
		want  string
	}{
		"flag":        {[]string{"--drain", "flag"}, map[string]string{"DRAIN": "environment"}, "name: flag\n"},
		"environment": {nil, map[string]string{"DRAIN": "environment"}, "name: environment\n"},
		"default":     {nil, nil, "name: default\n"},
		"empty flag":  {[]string{"--drain="}, map[string]string{"DRAIN": "environment"}, "name: dead\n"}, // ${DRAIN:-dead}
	} {
		t.Run(name, func(t *testing.T) {
			in(t, twoTasks)
			got := call{settings: settings, args: append([]string{"config", "show"}, c.flags...), env: c.env}.do(t)
			if !strings.Contains(got.stdout, c.want) {
				t.Errorf("want %q in\n%s%s", c.want, got.stdout, got.stderr)
			}
		})
	}
}

func TestVariableWithoutADefaultIsAFaultUntilItIsSet(t *testing.T) {
	settings := app.Settings{Variables: []app.Variable{{Name: "DRAIN", Flag: "drain"}}}
	in(t, strings.ReplaceAll(twoTasks, "${DRAIN:-dead}", "${DRAIN}"))
	if got := (call{settings: settings, args: []string{"lint"}}).do(t); got.code != 2 || !strings.Contains(got.stderr, "ergon.yaml:6:41: ") {
		t.Errorf("code %d, stderr %q; want 2 and the place", got.code, got.stderr)
	}
	if got := (call{settings: settings, args: []string{"lint", "--drain", "x"}}).do(t); got.code != 0 {
		t.Errorf("code %d, stderr %q; want 0", got.code, got.stderr)
	}
}

func TestVariablesAreInTheHelpOfEveryCommand(t *testing.T) {
	settings := app.Settings{Variables: []app.Variable{{Name: "DRAIN", Flag: "drain", Default: "out", Usage: "where to"}}}
	got := call{settings: settings, args: []string{"list", "--help"}}.do(t)
	for _, want := range []string{"--drain string", `where to (variable DRAIN) (default "out")`} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("want %q in\n%s", want, got.stdout)
		}
	}
}

func TestSchemaIsPrintedAsItIs(t *testing.T) {
	got := call{args: []string{"config", "schema"}}.do(t)
	if !strings.HasPrefix(got.stdout, "{\n") || !strings.Contains(got.stdout, `"connector.numbers"`) || got.code != 0 {
		t.Errorf("code %d, %.80q", got.code, got.stdout)
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestOutputThatCannotBeWrittenIsAFailure(t *testing.T) {
	in(t, twoTasks)
	for _, args := range []string{"list", "list --output json", "config show", "lint --output json"} {
		got := call{args: strings.Fields(args), stdout: fullDisk{}}.do(t)
		if want := "reckon: write to standard output: no space left on device\n"; got.code != 1 || got.stderr != want {
			t.Errorf("%s: code %d, stderr %q; want 1, %q", args, got.code, got.stderr, want)
		}
	}
}

func TestFilesThatAConfigurationRefersToAreBelowItsFolder(t *testing.T) {
	in(t, "")
	if err := os.Mkdir("etc", 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, "etc/reckon.yaml", strings.ReplaceAll(twoTasks, "${DRAIN:-dead}", "${file:name.txt}"))
	write(t, "etc/name.txt", "from a file")
	if got := (call{args: []string{"lint", "--config", "etc/reckon.yaml"}}).do(t); got.code != 0 {
		t.Errorf("code %d, stderr %q; want 0", got.code, got.stderr)
	}
}

func TestConfigurationThatIsFarTooLargeIsRefused(t *testing.T) {
	in(t, twoTasks+strings.Repeat("#", 1<<20-len(twoTasks)))
	if got := (call{args: []string{"lint"}}).do(t); got.code != 0 {
		t.Errorf("of 1 MiB: code %d, stderr %q; want 0", got.code, got.stderr)
	}
	in(t, twoTasks+strings.Repeat("#", 1<<20-len(twoTasks)+1))
	got := call{args: []string{"lint"}}.do(t)
	if got.code != 2 || got.stderr != "reckon: read configuration ergon.yaml: it is larger than 1048576 bytes\n" {
		t.Errorf("of a byte more: code %d, stderr %q; want 2 and why", got.code, got.stderr)
	}
}
