package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// [C2] Doctor says what run would: a directory that is missing and not made fails both, naming it, and one that is made fails
// neither. Lint looks at the configuration alone, whatever the machine has.
func TestDoctorAndRunAgreeAboutMissingDirectories(t *testing.T) {
	for name, c := range map[string]struct {
		connectors string // in which OFF stands for make_dirs: false
		at         string // the connector that lacks its directory
	}{
		"lines": {at: "output", connectors: `
      input: {type: generator, count: 2}
      output: {type: file-sink, path: gone/out.jsonlOFF}
      dead_letters: {type: file-sink, path: dead.jsonl}`},
		"queue": {at: "output", connectors: `
      input: {type: generator, count: 2}
      output: {type: queue, path: gone/queue.dbOFF}
      dead_letters: {type: file-sink, path: dead.jsonl}`},
		"dead letters": {at: "dead_letters", connectors: `
      input: {type: generator, count: 2}
      output: {type: file-sink, path: out.jsonl}
      dead_letters: {type: dead-letters, path: gone/letters.dbOFF}`},
		"queue that is read": {at: "input", connectors: `
      input: {type: queue, path: gone/queue.db, finite: trueOFF}
      output: {type: file-sink, path: out.jsonl}
      dead_letters: {type: file-sink, path: dead.jsonl}`},
	} {
		t.Run(name, func(t *testing.T) {
			configuration := "tasks:\n  copy:\n    task: exec\n    settings: {argv: [cat]}\n    connectors:" + c.connectors + "\n"
			s := newSandbox(t, "ergon", strings.ReplaceAll(configuration, "OFF", ", make_dirs: false"))
			s.sh(0, "ergon lint")
			said := s.sh(1, "ergon doctor --output json")
			if !strings.Contains(said, `"of": "copy/`+c.at+`"`) && !strings.Contains(said, `"of":"copy/`+c.at+`"`) {
				t.Errorf("doctor said %s, want it to name copy/%s", said, c.at)
			}
			ran := s.sh(0, "ergon run 2>&1 && exit 1 || true")
			for _, what := range []string{said, ran} {
				if !strings.Contains(what, "gone") || !strings.Contains(what, "no such file or directory") {
					t.Errorf("got %s, want the directory named that is missing", what)
				}
			}
			s.write("ergon.yaml", strings.ReplaceAll(configuration, "OFF", ""))
			s.sh(0, "ergon lint && ergon doctor")
			if _, err := os.Stat(filepath.Join(s.folder, "gone")); !os.IsNotExist(err) {
				t.Errorf("got %v, want nothing made by who only looks", err)
			}
			s.sh(0, "ergon run")
		})
	}
}
