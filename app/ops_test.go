package app_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/ergon-go/ergon"
	"github.com/ergon-go/ergon/app"
)

// operated is a configuration with an operations endpoint at an address.
func operated(address string) string {
	return `ops: {listen: "` + address + `"}
tasks:
  visits:
    task: visits
    connectors:
      input: {type: numbers, count: 1}
      dead_letters: {type: pigeonholes}
`
}

// freeAddress is one where nobody listens any more.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// ask returns what is answered, and its status.
func ask(ctx context.Context, method, url, body string) string {
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return err.Error()
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	text, _ := io.ReadAll(response.Body)
	return fmt.Sprintf("%d %s", response.StatusCode, text)
}

func TestOperationsEndpointIsServedWhileTasksRun(t *testing.T) {
	address := freeAddress(t)
	in(t, operated(address))
	w := &warehouse{}
	w.post(deadNumber("visits", 7, 1))
	w.post(deadNumber("other", 17, 1))
	reg := w.registry()
	seen := map[string]string{}
	reg.Task("visits", func(*ergon.Dependencies) ergon.Task {
		return ergon.Task{Process: func(ctx context.Context, _ ergon.Transaction) (any, error) {
			for what, request := range map[string][3]string{
				"live":    {http.MethodGet, "/livez", ""},
				"console": {http.MethodGet, "/dead-letters/visits", ""},
				"task":    {http.MethodGet, "/tasks/visits", ""},
				"metrics": {http.MethodGet, "/metrics", ""},
				"config":  {http.MethodGet, "/api/v1/configuration", ""},
				"groups":  {http.MethodGet, "/api/v1/dead-letters/visits/groups", ""},
				"retry":   {http.MethodPost, "/api/v1/dead-letters/visits/retry", `{"all":true}`},
			} {
				seen[what] = ask(ctx, request[0], "http://"+address+request[1], request[2])
			}
			seen["drop"] = ask(ctx, http.MethodPost, "http://"+address+"/api/v1/dead-letters/visits/drop", `{"all":true}`)
			return nil, nil
		}}
	}, "visits the console")
	got := call{settings: app.Settings{Registry: reg}, args: []string{"run"}}.do(t)
	if got.code != 0 || !strings.Contains(got.stderr, "http://"+address+"/") {
		t.Fatalf("code %d, stderr %s", got.code, got.stderr)
	}
	for what, want := range map[string]string{
		"live": "200 ok", "console": "7 is unlucky", "task": "task: visits", "metrics": "404 metrics are not exported",
		"config": `ops:\n  listen: `, "groups": `"count":1`, "retry": `"left":1`, "drop": `"dropped":1`,
	} {
		if !strings.Contains(seen[what], want) {
			t.Errorf("%s: got %s, want %q in it", what, seen[what], want)
		}
	}
	if len(w.letters) != 1 || w.letters[0].Task != "other" {
		t.Errorf("left %+v, want the dead letter of the other task", w.letters)
	}
	if after := ask(t.Context(), http.MethodGet, "http://"+address+"/livez", ""); !strings.Contains(after, "refused") {
		t.Errorf("after the run: %s", after)
	}
}

func TestAddressThatCannotBeServedEndsARunBeforeItBegins(t *testing.T) {
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	for _, c := range []struct {
		address, want string
		code          int
	}{
		{taken.Addr().String(), "address already in use; choose another address", 1},
		{"0.0.0.0:0", ": ops.token: is empty, but other machines may reach 0.0.0.0:0", 2},
		{"nonsense", ": ops.listen: is \"nonsense\", must be host:port", 2},
	} {
		in(t, operated(c.address))
		reg := (&warehouse{}).registry()
		reg.Task("visits", func(*ergon.Dependencies) ergon.Task {
			return ergon.Task{Process: func(context.Context, ergon.Transaction) (any, error) {
				t.Error("the task runs")
				return nil, nil
			}}
		}, "runs")
		got := call{settings: app.Settings{Registry: reg}, args: []string{"run"}}.do(t)
		if got.code != c.code || !strings.Contains(got.stderr, c.want) {
			t.Errorf("%s: code %d, want %d; stderr %s", c.address, got.code, c.code, got.stderr)
		}
	}
}

func TestFlagServesTheConsoleWhereTheConfigurationSaysNothing(t *testing.T) {
	address := freeAddress(t)
	_, tasks, _ := strings.Cut(operated(""), "\n")
	for _, yaml := range []string{tasks, operated(address)} { // and gives way to a configuration that says where
		in(t, yaml)
		reg := (&warehouse{}).registry()
		live := ""
		reg.Task("visits", func(*ergon.Dependencies) ergon.Task {
			return ergon.Task{Process: func(ctx context.Context, _ ergon.Transaction) (any, error) {
				live = ask(ctx, http.MethodGet, "http://"+address+"/livez", "")
				return nil, nil
			}}
		}, "asks whether it lives")
		flag := "--console=" + address
		if yaml != tasks {
			flag = "--console=nonsense"
		}
		got := call{settings: app.Settings{Registry: reg}, args: []string{"run", flag}}.do(t)
		if got.code != 0 || !strings.HasPrefix(live, "200 ok") {
			t.Errorf("code %d, %s; stderr %s", got.code, live, got.stderr)
		}
	}
}

// What is said to switch them on is a key that there is.
func TestMetricsThatAreOffNameTheKeyThatSwitchesThemOn(t *testing.T) {
	address := freeAddress(t)
	in(t, operated(address))
	w := &warehouse{}
	reg := w.registry()
	var seen string
	reg.Task("visits", func(*ergon.Dependencies) ergon.Task {
		return ergon.Task{Process: func(ctx context.Context, _ ergon.Transaction) (any, error) {
			seen = ask(ctx, http.MethodGet, "http://"+address+"/metrics", "")
			return nil, nil
		}}
	}, "asks for metrics")
	visit := func() {
		t.Helper()
		if got := (call{settings: app.Settings{Registry: reg}, args: []string{"run"}}).do(t); got.code != 0 {
			t.Fatalf("code %d, stderr %s", got.code, got.stderr)
		}
	}
	visit()
	_, setting, said := strings.Cut(strings.TrimSpace(seen), "; set ")
	if !said {
		t.Fatalf("got %s", seen)
	}
	key, value, _ := strings.Cut(setting, ": ")
	keys := strings.Split(key, ".")
	var yaml strings.Builder
	for depth, one := range keys {
		yaml.WriteString(strings.Repeat("  ", depth) + one + ":")
		if depth == len(keys)-1 {
			yaml.WriteString(" " + value)
		}
		yaml.WriteString("\n")
	}
	in(t, yaml.String()+operated(address))
	visit()
	if !strings.HasPrefix(seen, "200 ") {
		t.Errorf("with %s: got %s", setting, seen)
	}
}
