//go:build unix

package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ergon-go/ergon/config"
)

// Opening a pipe would wait for somebody to write into it.
func TestReferencedPipeIsRefusedAtOnce(t *testing.T) {
	folder := t.TempDir()
	pipe, file := filepath.Join(folder, "pipe"), filepath.Join(folder, "ergon.yaml")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"pipe", pipe} {
		yaml := task("    services: {all: {type: everything, text: \"${file:" + path + "}\"}}\n")
		if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
		want := "uses ${file:" + path + "}: it is not a regular file"
		if _, err := config.Load(file, registry()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Load = %v, want the pipe to be refused", err)
		}
	}
}
