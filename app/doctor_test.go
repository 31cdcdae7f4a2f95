package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/ergon-go/ergon/app"
	"github.com/ergon-go/ergon/app/internal/machine"
	"github.com/ergon-go/ergon/config"
)

// healthy is a machine where nothing is wrong.
func healthy() machine.Machine {
	return machine.Machine{
		Root: fstest.MapFS{}, LookupEnv: func(string) (string, bool) { return "", false },
		Now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Synced: func() (bool, bool) { return true, true },
		Processors: 2, MemoryLimit: math.MaxInt64,
		Space:    func(string) (uint64, bool) { return 5 << 30, true },
		Writable: func(string) error { return nil },
	}
}

// checkedConnector is a connector with all that doctor looks at.
type checkedConnector struct {
	drain

	c checkedConfig
}

type checkedConfig struct {
	Fault string `yaml:"fault"`
	Path  string `yaml:"path"`
}

func (p *checkedConnector) Open(context.Context) error {
	if p.c.Fault == "panic" {
		panic("the driver is not there")
	}
	if p.c.Fault != "" {
		return errors.New(p.c.Fault)
	}
	return nil
}

func (p *checkedConnector) StoragePaths() []string {
	if p.c.Path == "" {
		return nil
	}
	return []string{p.c.Path}
}

func doctorRegistry() *config.Registry {
	reg := registry()
	config.Connector(reg, "patient", "is looked at", checkedConfig{}, func(c checkedConfig) (*checkedConnector, error) {
		return &checkedConnector{c: c}, nil
	})
	return reg
}

const checkedTask = `tasks:
  square:
    task: math.square
    connectors:
      input: {type: numbers}
      dead_letters: {type: patient PATIENT}
`

// examined is what doctor finds, by check and what it is of.
func examined(t *testing.T, checkedConnector string, m machine.Machine, args ...string) (map[string]string, answer) {
	t.Helper()
	in(t, strings.Replace(checkedTask, "PATIENT", with(checkedConnector), 1))
	all := append([]string{"doctor", "--output", "json"}, args...)
	got := call{settings: app.Settings{Registry: doctorRegistry()}, machine: m, args: all}.do(t)
	var report struct {
		OK       bool `json:"ok"`
		Findings []struct {
			Status string `json:"status"`
			Check  string `json:"check"`
			Of     string `json:"of"`
			Found  string `json:"found"`
			Cure   string `json:"cure"`
		} `json:"findings"`
	}
	if err := json.Unmarshal([]byte(got.stdout), &report); err != nil {
		t.Fatalf("%v: %s%s", err, got.stdout, got.stderr)
	}
	found := map[string]string{}
	for _, f := range report.Findings {
		found[strings.TrimSpace(f.Check+" "+f.Of)] = f.Status + ": " + f.Found
		if (f.Cure == "") != (f.Status == "ok") {
			t.Errorf("%s %s is %s, but the cure is %q", f.Check, f.Of, f.Status, f.Cure)
		}
	}
	if report.OK != (got.code == 0) {
		t.Errorf("ok is %v, but the exit code %d", report.OK, got.code)
	}
	return found, got
}

func TestDoctorShowsWhatItFoundAndWhatToDo(t *testing.T) {
	in(t, strings.Replace(checkedTask, "PATIENT", with("fault: the vault is locked"), 1))
	m := healthy()
	m.Synced = func() (bool, bool) { return false, true }
	args := []string{"doctor", "--grace-period", "30s"}
	got := call{settings: app.Settings{Registry: doctorRegistry()}, machine: m, args: args}.do(t)
	if got.code != 1 {
		t.Errorf("exit code %d, want 1", got.code)
	}
	golden(t, "doctor.txt", versionless.ReplaceAllString(timeless(got.script(args)), "versions  VERSIONS"))
}

func TestDoctorIsContentWhereNothingIsWrong(t *testing.T) {
	found, got := examined(t, "path: here.db", healthy(), "--grace-period", "45")
	if got.code != 0 {
		t.Errorf("exit code %d: %v", got.code, found)
	}
	for check, want := range map[string]string{
		"task square":                 "ok: consumer, fits its connectors and policies",
		"shutdown square":             "ok: takes up to 30s, and 45s if everything hangs; the grace period of the platform is 45s",
		"connector square/input":      "ok: numbers, nothing to open",
		"storage square/dead_letters": "ok: here.db, 5 GiB free",
		"memory":                      "ok: no limit", "processors": "ok: Go uses 2 at once", "clock": "ok: 2026-03-01 12:00:00Z",
	} {
		if found[check] != want {
			t.Errorf("%s is %q, want %q", check, found[check], want)
		}
	}
}

func TestDoctorLooksAtATaskAsLintDoes(t *testing.T) {
	in(t, "tasks:\n  greedy:\n    connectors: {input: {type: numbers}, dead_letters: {type: drain}}\n")
	got := call{machine: healthy(), args: []string{"doctor", "--offline"}}.do(t)
	if got.code != 1 || !strings.Contains(got.stdout, `service "calculator" is not configured`) {
		t.Errorf("code %d, %s", got.code, got.stdout)
	}
}

func TestGracePeriodIsComparedWithWhatAShutdownTakes(t *testing.T) {
	kubernetes := func(name string) (string, bool) { return "10.0.0.1", name == "KUBERNETES_SERVICE_HOST" }
	const takes = "takes up to 30s, and 45s if everything hangs; "
	for name, c := range map[string]struct {
		period, want string
		lookup       func(string) (string, bool)
	}{
		"too short":           {"29s", "fail: " + takes + "the grace period of the platform is 29s", nil},
		"just enough":         {"30", "warn: " + takes + "the grace period of the platform is 30s", nil},
		"almost comfortable":  {"44999ms", "warn: " + takes + "the grace period of the platform is 44.999s", nil},
		"comfortable":         {"45s", "ok: " + takes + "the grace period of the platform is 45s", nil},
		"unknown":             {"", "ok: " + takes + "the grace period of the platform is unknown", nil},
		"that of Kubernetes":  {"", "warn: " + takes + "the grace period of the platform is 30s", kubernetes},
		"said, in Kubernetes": {"60s", "ok: " + takes + "the grace period of the platform is 1m0s", kubernetes},
	} {
		t.Run(name, func(t *testing.T) {
			m := healthy()
			if c.lookup != nil {
				m.LookupEnv = c.lookup
			}
			if found, _ := examined(t, "", m, "--grace-period="+c.period); found["shutdown square"] != c.want {
				t.Errorf("got %q, want %q", found["shutdown square"], c.want)
			}
		})
	}
	in(t, twoTasks)
	got := call{machine: healthy(), args: []string{"doctor"}, env: map[string]string{"TERMINATION_GRACE_PERIOD": "soon"}}.do(t)
	if want := `TERMINATION_GRACE_PERIOD is "soon", must be a time such as 30s`; got.code != 2 || !strings.Contains(got.stderr, want) {
		t.Errorf("code %d, %s; want 2 and %s", got.code, got.stderr, want)
	}
}

func TestConnectorThatCannotBeOpenedFails(t *testing.T) {
	for checkedConnector, want := range map[string]string{
		"fault: the vault is locked": "fail: patient: the vault is locked",
		"fault: panic":               "fail: patient: panic: the driver is not there",
	} {
		if found, _ := examined(t, checkedConnector, healthy()); found["connector square/dead_letters"] != want {
			t.Errorf("%s: got %q, want %q", checkedConnector, found["connector square/dead_letters"], want)
		}
	}
	if found, _ := examined(t, "fault: the vault is locked", healthy(), "--offline"); found["connector square/dead_letters"] != "" {
		t.Errorf("offline, but it was opened: %q", found["connector square/dead_letters"])
	}
}

func TestStorageMustBeWritableAndHaveRoom(t *testing.T) {
	for name, c := range map[string]struct {
		path     string
		free     uint64
		writable error
		want     string
	}{
		"read-only":     {"here.db", 5 << 30, fs.ErrPermission, "fail: here.db: its folder . is not writable: permission denied"},
		"full":          {"here.db", 64<<20 - 1, nil, "fail: here.db, 63.9 MiB free"},
		"almost full":   {"here.db", 64 << 20, nil, "warn: here.db, 64 MiB free"},
		"scarce":        {"here.db", 1<<30 - 1, nil, "warn: here.db, 1023.9 MiB free"},
		"enough":        {"here.db", 1 << 30, nil, "ok: here.db, 1 GiB free"},
		"not there yet": {"a/b/c.db", 1 << 30, nil, "ok: a/b/c.db, 1 GiB free; a/b does not exist yet"},
	} {
		t.Run(name, func(t *testing.T) {
			m := healthy()
			m.Space = func(string) (uint64, bool) { return c.free, true }
			m.Writable = func(folder string) error {
				if folder != "." {
					return errors.New("asked about " + folder)
				}
				return c.writable
			}
			found, _ := examined(t, "path: "+filepath.ToSlash(c.path), m)
			if got := found["storage square/dead_letters"]; got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestMachineIsLookedAt(t *testing.T) {
	group := fstest.MapFS{
		"proc/self/cgroup":         {Data: []byte("0::/\n")},
		"sys/fs/cgroup/memory.max": {Data: []byte("1073741824\n")},
		"sys/fs/cgroup/cpu.max":    {Data: []byte("250000 100000\n")},
	}
	for name, c := range map[string]struct {
		change      func(*machine.Machine)
		check, want string
	}{
		"memory that Go does not know of": {
			func(m *machine.Machine) { m.Root = group }, "memory",
			"warn: the control group allows 1 GiB, but GOMEMLIMIT is not set",
		},
		"memory that fits": {
			func(m *machine.Machine) { m.Root, m.MemoryLimit = group, 1<<30 }, "memory", "ok: Go keeps below 1 GiB of 1 GiB",
		},
		"memory above the limit": {
			func(m *machine.Machine) { m.Root, m.MemoryLimit = group, 2<<30 }, "memory",
			"fail: GOMEMLIMIT is 2 GiB, but the control group allows 1 GiB",
		},
		"memory without a control group": {func(m *machine.Machine) { m.MemoryLimit = 2 << 30 }, "memory", "ok: GOMEMLIMIT is 2 GiB"},
		"processors that fit": {
			func(m *machine.Machine) { m.Root, m.Processors = group, 3 }, "processors", "ok: Go uses 3 at once, the control group allows 2.5",
		},
		"processors above the quota": {
			func(m *machine.Machine) { m.Root, m.Processors = group, 4 }, "processors", "warn: Go uses 4 at once, the control group allows 2.5",
		},
		"clock that nobody sets": {
			func(m *machine.Machine) { m.Synced = func() (bool, bool) { return false, true } }, "clock",
			"warn: 2026-03-01 12:00:00Z, not synchronized",
		},
		"clock that cannot be": {
			func(m *machine.Machine) { m.BuiltAt = m.Now.Add(time.Second) }, "clock",
			"fail: the time is 2026-03-01 12:00:00Z, but the program was built at 2026-03-01 12:00:01Z",
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := healthy()
			c.change(&m)
			if found, _ := examined(t, "", m, "--offline"); found[c.check] != c.want {
				t.Errorf("got %q, want %q", found[c.check], c.want)
			}
		})
	}
}

var versionless = regexp.MustCompile(`versions {2}.*`)

// with are further settings of a component.
func with(settings string) string {
	if settings == "" {
		return ""
	}
	return ", " + settings
}
