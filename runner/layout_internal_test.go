package runner

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// doc.go says which part of the package each file belongs to. It names every file.
func TestLayoutNamesEveryFile(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, layout, ok := strings.Cut(string(text), "\npackage runner\n")
	if !ok {
		t.Fatal("no text after the package clause")
	}
	words := regexp.MustCompile(`[a-z]+`).FindAllString(layout, -1)
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(path, ".go")
		if strings.HasSuffix(name, "_test") || name == "doc" {
			continue
		}
		if !slices.Contains(words, name) {
			t.Errorf("doc.go does not name %s", path)
		}
	}
}
