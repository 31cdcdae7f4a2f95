//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package file_test

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/ergon-go/ergon/connector/file"
)

// Opening a named pipe waits for whoever is at its other end: it must not come to that.
func TestNamedPipeIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "x.jsonl"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := file.SourceSettings{SourceConfig: file.DefaultSourceConfig()}
	s.Dir, s.Path = dir, "x.jsonl"
	wantError(t, newSource(t, s).Open(t.Context()), "x.jsonl: is a named pipe, must be a file; correct path")
	wantError(t, sinkTo(t, dir, "x.jsonl").Open(t.Context()), "x.jsonl is a named pipe, must be a file; correct path")
}
