package main_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	program "github.com/ergon-go/ergon/cmd/ergon"
	"github.com/ergon-go/ergon/config"
	"github.com/ergon-go/ergon/runner"
)

// run runs the only task of a configuration, in a folder of its own.
func run(t *testing.T, text string, args ...string) {
	t.Helper()
	t.Chdir(t.TempDir())
	c, err := config.Parse("ergon.yaml", []byte(strings.NewReplacer(args...).Replace(text)), program.Registry(), config.OSEnvironment("."))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := runner.RunTask(t.Context(), c.Tasks[0], runner.Settings{Logger: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
}

func lines(t *testing.T, name string) []string {
	t.Helper()
	return slices.Sorted(strings.SplitSeq(strings.TrimSuffix(readFile(t, name), "\n"), "\n"))
}

func TestProgramOfAnyLanguageIsATask(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no sh")
	}
	run(t, `
tasks:
  price:
    task: exec
    settings:
      argv: [sh, -c, 'read line; case "$line" in *3*) echo "no three" >&2; exit 65;; esac; echo "{\"id\": \"$ERGON_TRANSACTION_ID\"}"']
    connectors:
      input: {type: generator, count: 5}
      output: {type: file-sink, path: results.jsonl}
      dead_letters: {type: file-sink, path: dead-letters.jsonl}
`)
	want := []string{`{"id":"price/input@0:0"}`, `{"id":"price/input@0:1"}`, `{"id":"price/input@0:2"}`, `{"id":"price/input@0:4"}`}
	if got := lines(t, "results.jsonl"); !slices.Equal(got, want) {
		t.Errorf("results are %v, want %v", got, want)
	}
	letter := readFile(t, "dead-letters.jsonl")
	for _, want := range []string{`"id":"price/input@0:3"`, `"category":"BUSINESS"`, `"attempts":1`, `"message":"exit code 65: no three"`} {
		if !strings.Contains(letter, want) {
			t.Errorf("the dead letter is %s, want %s in it", letter, want)
		}
	}
}

func TestURLIsATask(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), "1") {
			http.Error(w, "no ones", http.StatusUnprocessableEntity)
			return
		}
		_, _ = w.Write(body)
	}))
	t.Cleanup(server.Close)
	run(t, `
tasks:
  price:
    task: http
    settings: {url: "URL"}
    connectors:
      input: {type: generator, count: 3}
      output: {type: queue, path: queue.db}
      dead_letters: {type: dead-letters, path: queue.db}
`, "URL", server.URL)
	if _, err := os.Stat("queue.db"); err != nil {
		t.Error(err)
	}
}

func TestRegistryIsSound(t *testing.T) {
	if err := program.Registry().Err(); err != nil {
		t.Error(err)
	}
	if _, err := config.Schema(program.Registry()); err != nil {
		t.Error(err)
	}
}
